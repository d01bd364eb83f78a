"""What the customer table says: key figures, concentration, distributions, models' fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segkit.analysis.concentration import concentration, gini, lorenz_curve, pareto
from segkit.analysis.distributions import best_month, binned, counted
from segkit.analysis.kpis import MAIN_KPIS, SHARES, VIEW_KPIS, segment_kpis
from segkit.analysis.migration import balance, transition_matrix
from segkit.analysis.titles import best_tested, largest, moved

if TYPE_CHECKING:
    from segkit.analysis.model_fit import customer_history

__all__ = [
    "MAIN_KPIS",
    "SHARES",
    "VIEW_KPIS",
    "balance",
    "best_month",
    "best_tested",
    "binned",
    "concentration",
    "counted",
    "customer_history",
    "gini",
    "largest",
    "lorenz_curve",
    "moved",
    "pareto",
    "segment_kpis",
    "transition_matrix",
]


def __getattr__(name: str) -> object:
    """Import what needs the models, and with them scipy, when first used."""
    if name != "customer_history":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from segkit.analysis.model_fit import customer_history  # with scipy: loaded when first used

    return customer_history
