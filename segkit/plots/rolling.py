"""What was forecast at earlier dates, and what came: one mark a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from segkit.errors import DataError
from segkit.plots.canvas import (
    canvas,
    letters_across,
    line_legend,
    literal,
    name_axes,
    named,
    no_data,
    numbers,
    require,
    segment_names,
    speak_ticks,
    speak_times,
    spoken,
)
from segkit.plots.direct import Mark, name_marks
from segkit.plots.panels import in_order, zero_line
from segkit.plots.style import BLUE, ENGLISH, GREY, INK, VERMILLION, Style, segment_colour
from segkit.plots.times import name_firsts

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

# How each measure is said.
MEASURES = {"orders": "number", "revenue": "money"}
VALUES = {"times_the_base": "times", "revenue_per_customer": "money"}
CAME: dict[str, Any] = {"color": BLUE, "marker": "o", "markersize": 9, "linestyle": "none"}
SAID: dict[str, Any] = {
    "color": VERMILLION,
    "marker": "s",
    "markersize": 11,
    "markerfacecolor": "white",
    "linestyle": "none",
}
BETWEEN: dict[str, Any] = {"color": VERMILLION, "alpha": 0.3, "linewidth": 14}
DOT: dict[str, Any] = {"marker": "o", "markersize": 9, "alpha": 0.6, "linestyle": "none"}
MEAN: dict[str, Any] = {
    "color": INK,
    "marker": "|",
    "markersize": 20,
    "markeredgewidth": 2.5,
    "linestyle": "none",
}
ROOM = 1.08  # above the highest mark


def rolling_totals(
    table: pd.DataFrame,
    *,
    measure: Literal["orders", "revenue"] = "revenue",
    member: str = "total",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what was forecast at earlier dates, with its range, and what came of it.

    Parameters
    ----------
    table : DataFrame
        One row a date, member and measure: `cut` (the date), `member`, `measure`,
        `predicted`, `low`, `high` (NaN = no range), `actual`.
    measure : {"orders", "revenue"}, optional
        Whose rows are drawn, and how values are said.
    member : str, optional
        Whose forecast is drawn.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        The earliest date on the left: a dot for what came, on the range and a hollow
        mark for what had been said.

    Raises
    ------
    DataError
        If a column is missing or `measure` is neither.

    Source
    ------
    Definitions, sections 6 and 9.

    Examples
    --------
    >>> table = pd.DataFrame({"cut": ["2024-01-01", "2023-10-01"], "member": "total",
    ...                       "measure": "revenue", "predicted": [90.0, 80.0],
    ...                       "low": [75.0, 65.0], "high": [108.0, 98.0], "actual": [95.0, 70.0]})
    >>> [text.get_text() for text in rolling_totals(table).get_xticklabels()]
    ['Oct\\n2023', 'Jan\\n2024']
    """
    if measure not in MEASURES:
        fix = "use 'orders' or 'revenue'"
        raise DataError(
            "unknown measure", where="rolling_totals: measure", values=[measure], fix=fix
        )
    columns = ["cut", "member", "measure", "predicted", "low", "high", "actual"]
    require(table, columns, "rolling_totals")
    is_meant = table["member"].eq(member) & table["measure"].eq(measure)
    rows = in_order(table[is_meant.fillna(False).astype(bool)], "cut")
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4) as panel:
        panel.vlines(rows["place"], numbers(rows["low"]), numbers(rows["high"]), **BETWEEN)
        _draw_pairs(panel, rows, "predicted", "actual")
        _end_scale(panel, rows[["predicted", "low", "high", "actual"]])
        speak_ticks(panel.yaxis, getattr(style, MEASURES[measure]))
        ends = {"actual": "actual", "predicted": "predicted", "projected_range": "high"}
        _name_cuts(panel, rows, ends, style)
        name_axes(panel, style.label("cut"), style.label(measure))
        return panel


def chances(table: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw the share of customers who were expected to order at earlier dates, and who did.

    Parameters
    ----------
    table : DataFrame
        One row a date: `cut` (the date), `p_order` (their mean chance, 0..1; NaN = none
        was said), `ordered` (share of them, 0..1).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        The earliest date on the left: a dot for the share that ordered, a hollow mark
        for the share that was expected to.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 9.

    Examples
    --------
    >>> table = pd.DataFrame({"cut": ["2024-01-01"], "p_order": [0.33], "ordered": [0.35]})
    >>> [float(line.get_ydata()[0]) for line in chances(table).lines[:2]]
    [0.33, 0.35]
    """
    require(table, ["cut", "p_order", "ordered"], "chances")
    rows = in_order(table, "cut")
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=3.6) as panel:
        _draw_pairs(panel, rows, "p_order", "ordered")
        _end_scale(panel, rows[["p_order", "ordered"]])
        speak_ticks(panel.yaxis, style.percent)
        _name_cuts(panel, rows, {"actual": "ordered", "predicted": "p_order"}, style)
        name_axes(panel, style.label("cut"), style.label("ordered"))
        return panel


def rolling_segments(
    cuts: pd.DataFrame,
    *,
    value: Literal["times_the_base", "revenue_per_customer"] = "times_the_base",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what the customers of each segment did after earlier dates, one dot a date.

    Parameters
    ----------
    cuts : DataFrame
        One row a segment and date, of one segmentation: `segment`, `cut`, and
        `times_the_base` (a factor) or `revenue_per_customer` (money); NaN = nobody.
    value : {"times_the_base", "revenue_per_customer"}, optional
        What is drawn.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        The segment of the highest mean on top: its dots, a stroke at their mean, and the
        mean on the right. Factors have a line at 1, the mean customer.

    Raises
    ------
    DataError
        If a column is missing, `value` is neither, or there are several segmentations.

    Source
    ------
    Definitions, section 9.

    Examples
    --------
    >>> cuts = pd.DataFrame({"segment": ["lost", "loyal", "lost", "loyal"], "cut": [1, 1, 2, 2],
    ...                      "times_the_base": [0.2, 2.0, 0.4, 3.0]})
    >>> ax = rolling_segments(cuts)
    >>> [text.get_text() for text in [*ax.get_yticklabels(), *ax.texts]]
    ['Loyal', 'Lost', '×2.5', '×0.3']
    """
    rows = _of_segments(cuts, value)
    if rows.empty:
        return no_data(ax, style)
    means = rows.groupby("segment", sort=False)["value"].mean()
    means = means.sort_values(ascending=False, kind="stable")
    speak = _speaker(value, style)
    with canvas(ax, height=1.6 + 0.48 * len(means)) as panel:
        panel.set_yticks(np.arange(len(means)), labels=segment_names(means.index, style))
        words = [spoken(speak, mean) for mean in means]
        _end_values(panel, rows["value"].to_numpy(), words)
        _draw_dots(panel, rows, means, words)
        if value == "times_the_base":
            panel.axvline(1, color=GREY, linewidth=1.5, linestyle=(0, (4, 3)), zorder=1)
            speak_times(panel.xaxis, speak)
        else:
            speak_ticks(panel.xaxis, speak)
        panel.grid(axis="x")
        one = DOT | {"color": GREY, "markeredgecolor": INK}
        line_legend(panel, {"one_cut": one, "mean_of_cuts": MEAN | {"markersize": 14}}, style)
        name_axes(panel, style.label(value))
        return panel


def _draw_pairs(ax: Axes, rows: pd.DataFrame, said: str, came: str) -> None:
    """Draw what came over what was said, so that neither hides the other."""
    ax.plot(rows["place"], numbers(rows[said]), **SAID)
    ax.plot(rows["place"], numbers(rows[came]), **CAME)


def _end_scale(ax: Axes, heights: pd.DataFrame) -> None:
    """Let the y axis hold zero and every mark."""
    values = np.concatenate([numbers(heights[column]) for column in heights])
    low, high = np.nanmin(values, initial=0), np.nanmax(values, initial=0)
    ax.set_ylim(ROOM * low, ROOM * high or (0 if low else 1))
    zero_line(ax)


def _name_cuts(ax: Axes, rows: pd.DataFrame, ends: dict[str, str], style: Style) -> None:
    """Name the dates below, and beside the last one its marks."""
    last = rows["place"].max()
    half = max(last / 2 + 0.4, 1)
    ax.set_xlim(last / 2 - half, last / 2 + half)
    heights = {key: numbers(rows[column])[-1] for key, column in ends.items()}
    marks = [Mark(style.label(key), height) for key, height in heights.items()]
    taken = name_marks(ax, last + 0.15, marks)
    words = [literal(style.month(cut.date()), 14) for cut in rows["cut"]]
    name_firsts(ax, rows.assign(month=words), "month", "cut", taken=taken)


def _of_segments(cuts: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the rows of one segmentation's segments that have a `value`."""
    if value not in VALUES:
        fix = f"use one of {', '.join(VALUES)}"
        raise DataError("unknown value", where="rolling_segments: value", values=[value], fix=fix)
    require(cuts, ["segment", "cut", value], "rolling_segments")
    kinds = list(cuts["segmentation"].unique()) if "segmentation" in cuts else []
    if len(kinds) > 1:
        fix = "give the rows of one"
        raise DataError("several segmentations", where="rolling_segments", values=kinds, fix=fix)
    rows = named(cuts).assign(value=numbers(named(cuts)[value]))
    return rows.dropna(subset=["value", "segment"])


def _speaker(value: str, style: Style) -> Callable[[float], str]:
    if VALUES[value] == "money":
        return style.money
    return lambda times: f"×{style.number(times)}"


def _end_values(ax: Axes, values: np.ndarray, words: list[str]) -> None:
    """Leave room on the right for the longest mean."""
    low, high = min(values.min(), 0), max(values.max(), 0)
    taken = min((max(map(len, words)) + 3) / letters_across(ax), 0.6)
    width = (high - low) / (1 - taken) or 1
    ax.set_xlim(low - 0.03 * width, low + width)
    ax.set_ylim(len(words) - 0.5, -0.5)


def _draw_dots(ax: Axes, rows: pd.DataFrame, means: pd.Series, words: list[str]) -> None:
    """Draw each segment's dots, their mean, and on the right the mean in words."""
    right: dict[str, Any] = {"ha": "right", "va": "center"}
    for place, (key, mean) in enumerate(means.items()):
        dots = rows.loc[rows["segment"] == key, "value"].to_numpy()
        ax.plot([dots.min(), dots.max()], [place, place], color=GREY, linewidth=1.5, zorder=1)
        look = DOT | {"color": segment_colour(str(key)), "markeredgecolor": INK}
        ax.plot(dots, np.full(len(dots), place), **look)
        ax.plot([mean], [place], **MEAN)
        ax.text(1, place, words[place], transform=ax.get_yaxis_transform(), **right)
