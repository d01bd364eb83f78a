"""Revenue and customers, month by month."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    canvas,
    legend,
    literal,
    name_axes,
    name_places,
    no_data,
    numbers,
    require,
    speak_ticks,
)
from segkit.plots.style import BLUE, ENGLISH, GREY, ORANGE, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 3.6


def monthly_revenue(
    months: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the revenue of each month, partly observed months hatched.

    Parameters
    ----------
    months : DataFrame
        One row a month: `month` (its first day), `revenue` (money), `complete` (bool).
        A month without a row leaves a gap.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One bar a month.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, sections 1 and 3.

    Examples
    --------
    >>> months = pd.DataFrame({"month": pd.to_datetime(["2024-01-01", "2024-02-01"]),
    ...                        "revenue": [900.0, 400.0], "complete": [True, False]})
    >>> [float(bar.get_height()) for bar in monthly_revenue(months).patches]
    [900.0, 400.0]
    """
    require(months, ["month", "revenue", "complete"], "monthly_revenue")
    rows = _dated(months)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, HEIGHT) as panel:
        _draw_bars(panel, rows, numbers(rows["revenue"]), BLUE)
        speak_ticks(panel.yaxis, style.money, whole=True)
        _name_months(panel, rows, style)
        name_axes(panel, style.label("month"), style.label("revenue"))
        _explain(panel, rows, {}, style)
        return panel


def monthly_customers(
    months: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the customers who bought in each month, the returning ones below the new.

    Parameters
    ----------
    months : DataFrame
        One row a month: `month` (its first day), `customers`, `new_customers`
        (those whose first order it is), `complete` (bool).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Two stacked bars a month; together they are the month's customers.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, sections 1 and 3.

    Examples
    --------
    >>> months = pd.DataFrame({"month": pd.to_datetime(["2024-01-01"]), "customers": [50],
    ...                        "new_customers": [20], "complete": [True]})
    >>> [float(bar.get_height()) for bar in monthly_customers(months).patches]
    [30.0, 20.0]
    """
    require(months, ["month", "customers", "new_customers", "complete"], "monthly_customers")
    rows = _dated(months)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, HEIGHT) as panel:
        new = np.nan_to_num(numbers(rows["new_customers"]))
        returning = np.maximum(np.nan_to_num(numbers(rows["customers"])) - new, 0)
        _draw_bars(panel, rows, returning, BLUE)
        _draw_bars(panel, rows, new, ORANGE, bottom=returning)
        speak_ticks(panel.yaxis, style.number, whole=True)
        _name_months(panel, rows, style)
        name_axes(panel, style.label("month"), style.label("customers"))
        _explain(panel, rows, {"returning_customers": BLUE, "new_customers": ORANGE}, style)
        return panel


def _dated(months: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that have a month, in order, with their place on the axis."""
    rows = months.assign(month=pd.to_datetime(months["month"], errors="coerce"))
    rows = rows.dropna(subset=["month"]).sort_values("month")
    return rows.assign(
        place=rows["month"].dt.year * 12 + rows["month"].dt.month - 1,
        partial=~rows["complete"].fillna(True).astype(bool),
    )


def _draw_bars(
    ax: Axes, rows: pd.DataFrame, heights: np.ndarray, colour: str, bottom: np.ndarray | float = 0
) -> None:
    heights = np.nan_to_num(heights)
    bars = ax.bar(rows["place"], heights, bottom=bottom, color=colour, edgecolor=colour)
    for bar, partial in zip(bars, rows["partial"], strict=True):
        if partial:
            bar.set(facecolor="none", hatch="//")
    if not ax.dataLim.height:
        ax.set_ylim(0, 1)


def _name_months(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    first, last = int(rows["place"].min()), int(rows["place"].max())
    places = range(first, last + 1)  # months without a row too
    words = [literal(style.month(date(place // 12, place % 12 + 1, 1)), 14) for place in places]
    name_places(ax, places, words)
    half = max((last - first) / 2 + 0.6, 2)
    ax.set_xlim((first + last) / 2 - half, (first + last) / 2 + half)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.grid(axis="y")


def _explain(ax: Axes, rows: pd.DataFrame, colours: dict[str, str], style: Style) -> None:
    looks = {key: {"facecolor": colour} for key, colour in colours.items()}
    if rows["partial"].any():
        base = GREY if colours else BLUE
        looks["incomplete_month"] = {"facecolor": "none", "edgecolor": base, "hatch": "//"}
    if looks:
        legend(ax, looks, style)
