"""Revenue and customers, month by month, and what each calendar month counts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    canvas,
    letters_across,
    literal,
    name_axes,
    name_places,
    no_data,
    numbers,
    require,
    speak_ticks,
    speak_times,
    spoken,
)
from segkit.plots.direct import Mark, name_marks, note_above
from segkit.plots.style import BLUE, ENGLISH, GREY, INK, ORANGE, SKY, Style
from segkit.plots.times import name_times

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

HEIGHT = 3.6
CALENDAR = range(1, 13)
YEAR = 12
BAR = 0.8
NAMES = 12  # letters beside the last bar
BEFORE: dict[str, Any] = {
    "color": GREY,
    "linewidth": 1,
    "marker": "o",
    "markersize": 4.5,
    "markerfacecolor": "white",
    "markeredgecolor": INK,
}


def monthly_revenue(
    months: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the revenue of each month, the last twelve beside those of a year before.

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
        One bar a month, hatched where it was observed in part. Where the log has the same
        months of the year before, observed whole, dots joined by a thin line stand at their
        revenue over the last twelve bars.

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
        heights = np.nan_to_num(numbers(rows["revenue"]))
        _draw_bars(panel, rows, heights, BLUE)
        before = _year_before(rows)
        if len(before):
            panel.plot(before.index, before, **BEFORE)
        _end_months(panel, rows)
        speak_ticks(panel.yaxis, style.money, whole=True)
        marks = [Mark(style.label("year_before"), height) for height in before[-1:]]
        taken = name_marks(panel, before.index.max(), marks)
        _name_months(panel, rows, style, taken)
        _note_partial(panel, rows, heights, style)
        name_axes(panel, style.label("month"), style.label("revenue"))
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
        Two stacked bars a month, named beside the last; together they are its customers.

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
        _end_months(panel, rows)
        speak_ticks(panel.yaxis, style.number, whole=True)
        marks = [
            Mark(style.label("returning_customers"), returning[-1] / 2, returning[-1]),
            Mark(style.label("new_customers"), returning[-1] + new[-1] / 2, new[-1]),
        ]
        taken = name_marks(panel, rows["place"].max() + BAR / 2, marks, NAMES)
        _name_months(panel, rows, style, taken)
        _note_partial(panel, rows, returning + new, style)
        name_axes(panel, style.label("month"), style.label("customers"))
        return panel


def month_weights(months: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw what each calendar month counts, as bars from a normal month up or down.

    Parameters
    ----------
    months : DataFrame
        One row a calendar month: `month` (1 is January), `normal_months` (1 is a month
        as others).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A bar a month, from a line at 1; the largest and the smallest are named.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 6.

    Examples
    --------
    >>> months = pd.DataFrame({"month": [1, 6, 12], "normal_months": [0.5, 1.0, 1.8]})
    >>> [text.get_text() for text in month_weights(months).texts]
    ['×1.8', '×0.5']
    """
    require(months, ["month", "normal_months"], "month_weights")
    rows = _calendar(months)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, HEIGHT) as panel:
        heights = rows["normal_months"].to_numpy()
        colours = np.where(heights < 1, SKY, BLUE)
        panel.bar(rows["month"], heights - 1, bottom=1, color=colours, width=BAR)
        panel.axhline(1, color=INK, linewidth=1)
        _end_weights(panel, heights)
        times = lambda count: f"×{style.number(count)}"
        speak_times(panel.yaxis, times)
        _name_extremes(panel, rows, times)
        _name_calendar(panel, style)
        name_axes(panel, style.label("month"), style.label("normal_months"))
        return panel


def _calendar(months: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of calendar months that count for something, in order."""
    plain = pd.DataFrame({key: numbers(months[key]) for key in ("month", "normal_months")})
    rows = plain.dropna()
    return rows[rows["month"].isin(CALENDAR)].sort_values("month")


def _end_weights(ax: Axes, heights: np.ndarray) -> None:
    """Hold every bar and leave room for the names of the largest and the smallest."""
    low, high = min(heights.min(), 1), max(heights.max(), 1)
    room = 0.14 * (high - low) or 1
    ax.set_ylim(low - room, high + room)
    ax.set_xlim(CALENDAR[0] - 0.6, CALENDAR[-1] + 0.6)
    ax.grid(axis="y")


def _name_extremes(ax: Axes, rows: pd.DataFrame, times: Callable[[float], str]) -> None:
    """Write the largest and the smallest at the ends of their bars."""
    months, counts = rows["month"].to_numpy(), rows["normal_months"].to_numpy()
    for place in dict.fromkeys([int(counts.argmax()), int(counts.argmin())]):
        month, count = months[place], counts[place]
        side: dict[str, Any] = (
            {"xytext": (0, -4), "va": "top"} if count < 1 else {"xytext": (0, 4), "va": "bottom"}
        )
        word = spoken(times, count)
        ax.annotate(word, (month, count), textcoords="offset points", ha="center", **side)


def _name_calendar(ax: Axes, style: Style) -> None:
    """Name all twelve months where they find room."""
    words = [literal(style.month_name(month), 14) for month in CALENDAR]
    if sum(len(word) + 1 for word in words) <= letters_across(ax):
        ax.set_xticks(CALENDAR, labels=words)
    else:
        name_places(ax, CALENDAR, words)


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
    look: dict[str, Any] = {"width": BAR, "color": colour, "edgecolor": colour}
    bars = ax.bar(rows["place"], heights, bottom=bottom, **look)
    for bar, partial in zip(bars, rows["partial"], strict=True):
        if partial:
            bar.set(facecolor="none", hatch="//")
    if not ax.dataLim.height:
        ax.set_ylim(0, 1)


def _year_before(rows: pd.DataFrame) -> pd.Series:
    """Return the revenue of the same month a year before, by the place of the last twelve."""
    revenue = pd.Series(numbers(rows["revenue"]), rows["place"])[~rows["partial"].to_numpy()]
    before = revenue.set_axis(revenue.index + YEAR).dropna()
    last = rows["place"].max()
    return before[(before.index > last - YEAR) & (before.index <= last)]


def _end_months(ax: Axes, rows: pd.DataFrame) -> None:
    first, last = int(rows["place"].min()), int(rows["place"].max())
    half = max((last - first) / 2 + 0.6, 2)
    ax.set_xlim((first + last) / 2 - half, (first + last) / 2 + half)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.grid(axis="y")


def _name_months(ax: Axes, rows: pd.DataFrame, style: Style, taken: int) -> None:
    first, last = int(rows["place"].min()), int(rows["place"].max())
    places = range(first, last + 1)  # months without a row too
    days = [date(place // YEAR, place % YEAR + 1, 1) for place in places]
    name_times(ax, places, days, [literal(style.month(day), 14) for day in days], taken=taken)


def _note_partial(ax: Axes, rows: pd.DataFrame, heights: np.ndarray, style: Style) -> None:
    """Say above the last month that was observed in part that it was."""
    partial = np.flatnonzero(rows["partial"])
    if len(partial):
        place, height = rows["place"].iloc[partial[-1]], max(heights[partial[-1]], 0)
        note_above(ax, place, height, style.label("incomplete_month"))
