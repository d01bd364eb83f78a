"""New customers, returning revenue, and what to expect of the next calendar units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    canvas,
    legend,
    line_legend,
    name_axes,
    no_data,
    numbers,
    require,
    speak_ticks,
)
from segkit.plots.panels import (
    HATCHED,
    flags,
    in_order,
    incomplete,
    name_panel,
    name_units,
    panels,
    zero_line,
)
from segkit.plots.style import BLUE, ENGLISH, ORANGE, VERMILLION, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

UNIT = ["unit", "unit_name"]
BAR = 0.84
REPEAT = "repeat_revenue_share"
DOT: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 5}
HOLLOW: dict[str, Any] = {"color": BLUE, "marker": "o", "markerfacecolor": "white", "markersize": 7}


def acquisition(base: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw how many customers came new, and how much of the revenue was not a first order.

    Parameters
    ----------
    base : DataFrame
        One row a calendar unit: `unit` (its first day), `unit_name`, `new_customers`
        (a count), `repeat_revenue_share` (0..1), `complete` (bool: observed whole),
        `is_truncated` (bool: customers who seem new may be earlier ones).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        It holds two panels, in `child_axes`. Units that were not observed whole are
        hatched, pale where customers may be earlier ones; their shares are hollow.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> base = pd.DataFrame({"unit": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                      "unit_name": ["Jan", "Feb"], "new_customers": [40, 30],
    ...                      "repeat_revenue_share": [0.1, 0.4], "complete": [True, False],
    ...                      "is_truncated": False})
    >>> [panel.get_title("left") for panel in acquisition(base).child_axes]
    ['New customers', 'Repeat revenue share']
    """
    columns = [*UNIT, "new_customers", REPEAT, "complete", "is_truncated"]
    require(base, columns, "acquisition")
    rows = _marked(in_order(base))
    if rows.empty:
        return no_data(ax, style)
    with panels(ax, [1.9, 1.6]) as (whole, (top, bottom)):
        _draw_new(top, rows)
        speak_ticks(top.yaxis, style.number, whole=True, most=4)
        _draw_repeats(bottom, rows)
        speak_ticks(bottom.yaxis, style.percent, most=3)
        for panel, key in ((top, "new_customers"), (bottom, REPEAT)):
            name_panel(panel, style.label(key))
            _end_units(panel, rows)
        name_units(bottom, rows)
        name_axes(bottom, style.label("calendar_period"))
        _explain_units(whole, rows, style)
        return whole


def projection(units: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw the revenue of past calendar units and what to expect of the next, with a range.

    Parameters
    ----------
    units : DataFrame
        One row a calendar unit: `unit` (its first day), `unit_name`, `revenue` (money;
        NaN in the future), `complete` (bool), `is_future` (bool: something is expected
        of it), `expected`, `low`, `high` (money; NaN in the past). A unit that has
        begun has both a revenue so far and an expected one.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Full bars for what was observed, hatched where the unit was not observed whole;
        marks with a range for what is expected.

    Raises
    ------
    DataError
        If a column is missing.

    Examples
    --------
    >>> units = pd.DataFrame({"unit": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                       "unit_name": ["Jan", "Feb"], "revenue": [900.0, None],
    ...                       "complete": [True, False], "is_future": [False, True],
    ...                       "expected": [None, 950.0], "low": [None, 800.0],
    ...                       "high": [None, 1100.0]})
    >>> ax = projection(units)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['Observed', 'Projected', 'Projected range']
    """
    columns = [*UNIT, "revenue", "complete", "is_future", "expected", "low", "high"]
    require(units, columns, "projection")
    rows = _marked(in_order(units))
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4) as panel:
        _draw_past(panel, rows)
        future = rows[flags(rows["is_future"], False)]
        _draw_future(panel, future)
        _set_heights(panel, rows)
        speak_ticks(panel.yaxis, style.money)
        _end_units(panel, rows)
        name_units(panel, rows)
        _explain_projection(panel, rows, future, style)
        name_axes(panel, style.label("calendar_period"), style.label("revenue"))
        return panel


def _marked(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with plain flags: `whole` (observed whole) and `old` (truncated)."""
    old = flags(rows["is_truncated"], False) if "is_truncated" in rows else False
    return rows.assign(whole=flags(rows["complete"], True), old=old)


def _draw_new(ax: Axes, rows: pd.DataFrame) -> None:
    new = np.nan_to_num(numbers(rows["new_customers"]))
    bars = ax.bar(rows["place"], new, width=BAR, color=ORANGE)
    for bar, whole, old in zip(bars, rows["whole"], rows["old"], strict=True):
        if old:
            bar.set_facecolor((ORANGE, 0.35))
        if not whole:
            bar.set(**HATCHED, edgecolor=ORANGE)
    ax.set_ylim(0, 1.1 * new.max() or 1)
    zero_line(ax)


def _draw_repeats(ax: Axes, rows: pd.DataFrame) -> None:
    """Join the units that were observed whole; the others are hollow marks beside the line."""
    shares = numbers(rows[REPEAT])
    sure = rows["whole"].to_numpy() & ~rows["old"].to_numpy()
    ax.plot(rows["place"], np.where(sure, shares, np.nan), linewidth=2, **DOT)
    ax.plot(rows["place"], np.where(sure, np.nan, shares), linestyle="none", **HOLLOW)
    ax.set_ylim(np.nanmin(shares, initial=-0.04), np.nanmax(shares, initial=1.05))
    zero_line(ax)


def _end_units(ax: Axes, rows: pd.DataFrame) -> None:
    """End the axis a little beyond the first and the last unit, and name none of them."""
    middle = (len(rows["place"].unique()) - 1) / 2
    ax.set_xlim(middle - max(middle + 0.6, 2), middle + max(middle + 0.6, 2))
    ax.set_xticks([])


def _explain_units(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    looks: dict[str, dict[str, Any]] = {}
    if not rows["whole"].all():
        looks |= incomplete(style)
    if rows["old"].any():
        looks["truncated_cohort"] = {"facecolor": (ORANGE, 0.35)}
    if looks:
        legend(ax, looks, style)


def _draw_past(ax: Axes, rows: pd.DataFrame) -> None:
    heights = numbers(rows["revenue"])
    past = rows[~np.isnan(heights)]
    bars = ax.bar(past["place"], heights[~np.isnan(heights)], width=BAR, color=BLUE)
    for bar, whole in zip(bars, past["whole"], strict=True):
        if not whole:
            bar.set(**HATCHED, edgecolor=BLUE)


def _draw_future(ax: Axes, future: pd.DataFrame) -> None:
    low, high, expected = (numbers(future[key]) for key in ("low", "high", "expected"))
    ax.vlines(future["place"], low, high, color=VERMILLION, linewidth=7, alpha=0.35)
    ax.plot(future["place"], expected, **_expected())


def _expected() -> dict[str, Any]:
    return {"color": VERMILLION, "marker": "s", "markersize": 7, "linestyle": ":"}


def _set_heights(ax: Axes, rows: pd.DataFrame) -> None:
    heights = np.concatenate([numbers(rows[key]) for key in ("revenue", "expected", "low", "high")])
    low, high = np.nanmin(heights, initial=0), np.nanmax(heights, initial=0)
    ax.set_ylim(1.05 * low, 1.08 * high or (0 if low else 1))
    zero_line(ax)


def _explain_projection(ax: Axes, rows: pd.DataFrame, future: pd.DataFrame, style: Style) -> None:
    square = {"linestyle": "none", "marker": "s", "markersize": 11}
    looks: dict[str, dict[str, Any]] = {"observed": {**square, "color": BLUE}}
    if len(future):
        looks["projected"] = {**_expected(), "linestyle": "none"}
    if (~np.isnan(numbers(future["low"]))).any():
        looks["projected_range"] = {"color": VERMILLION, "alpha": 0.35, "linewidth": 7}
    partial = ~rows["whole"] & ~np.isnan(numbers(rows["revenue"]))
    if partial.any():
        looks["incomplete_unit"] = {**square, "color": BLUE, "markerfacecolor": "none"}
    line_legend(ax, looks, style)
