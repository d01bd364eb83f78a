"""Pictures: a small table in, an Axes out.

Every picture is `name(table, *, ax=None, style=Style()) -> Axes`. Without `ax` it
makes a Figure of its own (`ax.figure`), which pyplot does not know; nothing global is
changed. Texts are drawn as they are: `$` starts no mathematics. Drawing libraries are
loaded with the first picture, not with this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from segkit.plots.style import PICTURE_LABELS, Style, segment_colour

if TYPE_CHECKING:
    from segkit.plots.audit import decile_switching, deciles, period_change
    from segkit.plots.clusters import cluster_profile, k_selection
    from segkit.plots.clv import (
        customer_history,
        frequency_recency,
        holdout_by_frequency,
        repeat_histogram,
        tracking,
    )
    from segkit.plots.cohorts import (
        cohort_factors,
        cohort_revenue,
        cohorts_compared,
        second_order_curves,
    )
    from segkit.plots.concentration import lorenz_curve
    from segkit.plots.dimensions import dimension_heatmap
    from segkit.plots.distributions import histogram
    from segkit.plots.evidence import calibration, gain_curves, segment_evidence
    from segkit.plots.growth import acquisition, forecast_months, projection
    from segkit.plots.lifecycle import cart_outcomes, two_sides, waiting_curve
    from segkit.plots.migration import alluvial, segment_series
    from segkit.plots.months import month_weights, monthly_customers, monthly_revenue
    from segkit.plots.rfm import rfm_heatmap
    from segkit.plots.rolling import chances, rolling_segments, rolling_totals
    from segkit.plots.sizes import segment_sizes

__all__ = [
    "PICTURE_LABELS",
    "Style",
    "acquisition",
    "alluvial",
    "calibration",
    "cart_outcomes",
    "chances",
    "cluster_profile",
    "cohort_factors",
    "cohort_revenue",
    "cohorts_compared",
    "customer_history",
    "decile_switching",
    "deciles",
    "dimension_heatmap",
    "forecast_months",
    "frequency_recency",
    "gain_curves",
    "histogram",
    "holdout_by_frequency",
    "k_selection",
    "lorenz_curve",
    "month_weights",
    "monthly_customers",
    "monthly_revenue",
    "period_change",
    "projection",
    "repeat_histogram",
    "rfm_heatmap",
    "rolling_segments",
    "rolling_totals",
    "second_order_curves",
    "segment_colour",
    "segment_evidence",
    "segment_series",
    "segment_sizes",
    "tracking",
    "two_sides",
    "waiting_curve",
]

PICTURES = {
    "acquisition": "growth",
    "alluvial": "migration",
    "calibration": "evidence",
    "cart_outcomes": "lifecycle",
    "chances": "rolling",
    "cluster_profile": "clusters",
    "cohort_factors": "cohorts",
    "cohort_revenue": "cohorts",
    "cohorts_compared": "cohorts",
    "customer_history": "clv",
    "decile_switching": "audit",
    "deciles": "audit",
    "dimension_heatmap": "dimensions",
    "forecast_months": "growth",
    "frequency_recency": "clv",
    "gain_curves": "evidence",
    "histogram": "distributions",
    "holdout_by_frequency": "clv",
    "k_selection": "clusters",
    "lorenz_curve": "concentration",
    "month_weights": "months",
    "monthly_customers": "months",
    "monthly_revenue": "months",
    "period_change": "audit",
    "projection": "growth",
    "repeat_histogram": "clv",
    "rfm_heatmap": "rfm",
    "rolling_segments": "rolling",
    "rolling_totals": "rolling",
    "second_order_curves": "cohorts",
    "segment_evidence": "evidence",
    "segment_series": "migration",
    "segment_sizes": "sizes",
    "tracking": "clv",
    "two_sides": "lifecycle",
    "waiting_curve": "lifecycle",
}


def __getattr__(name: str) -> object:
    if name not in PICTURES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{PICTURES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
