"""How a measure is spread over customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from segkit.errors import DataError
from segkit.plots.canvas import (
    canvas,
    evenly,
    literal,
    name_axes,
    name_places,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
    two_lines,
)
from segkit.plots.style import BLUE, ENGLISH, Style

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

UNITS = ("number", "money", "percent")


def histogram(
    table: pd.DataFrame,
    *,
    x: str = "value",
    y: str = "customers",
    unit: Literal["number", "money", "percent"] = "number",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw counts that are already binned, one bar of equal width a bin.

    Bars are equally wide whatever the bins are: open bins, and bins that grow with
    the value, stay readable, and the edges are written below. Where all counts are in
    one bin there is nothing to compare, and a sentence says so instead.

    Parameters
    ----------
    table : DataFrame
        One row a bin, in order: `from`, `to` (NaN = open), `count`. Where each bin
        starts at the end of the one before, edges are written between the bars, and
        below an open one where it begins (`500+`); otherwise (whole numbers: 1, 2, 3–5)
        each bar has its own range below it.
    x, y : str, optional
        Keys of the labels of the axes.
    unit : {"number", "money", "percent"}, optional
        How the edges are said.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One bar a bin, the i-th between i and i + 1; or a sentence.

    Raises
    ------
    DataError
        If a column is missing or the unit is unknown.

    Examples
    --------
    >>> table = pd.DataFrame({"from": [0, 30], "to": [30, None], "count": [12, 5]})
    >>> ax = histogram(table, x="recency_days")
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['0', '30+']
    """
    require(table, ["from", "to", "count"], "histogram")
    if unit not in UNITS:
        fix = f"use one of {', '.join(UNITS)}"
        raise DataError("unknown unit", where="histogram: unit", values=[unit], fix=fix)
    if table.empty:
        return no_data(ax, style)
    counts = np.nan_to_num(numbers(table["count"]))
    if np.count_nonzero(counts) == 1:
        return _say_one(table[counts != 0].iloc[0], x, y, getattr(style, unit), ax, style)
    with canvas(ax, height=3.4) as panel:
        panel.bar(np.arange(len(counts)) + 0.5, counts, width=1, color=BLUE, edgecolor="white")
        panel.set_ylim(0, 1.05 * max(counts.max(), 0) or 1)
        speak_ticks(panel.yaxis, style.number, whole=True)
        _name_bins(panel, numbers(table["from"]), numbers(table["to"]), getattr(style, unit))
        panel.grid(axis="y")
        name_axes(panel, style.label(x), style.label(y))
        return panel


def _say_one(
    row: pd.Series,
    x: str,
    y: str,
    speak: Callable[[float], str],
    ax: Axes | None,
    style: Style,
) -> Axes:
    """Return the only bin that holds anything, in words."""
    low, high, count = numbers(row[["from", "to", "count"]])
    with canvas(ax, height=1) as panel:
        panel.set_axis_off()
        named, counted = literal(style.label(x), 30), literal(style.label(y), 30)
        words = f"{named}: {_range(low, high, speak)} · {counted}: {spoken(style.number, count)}"
        middle: dict[str, Any] = {"ha": "center", "va": "center"}
        panel.text(0.5, 0.5, two_lines(words, 50), transform=panel.transAxes, **middle)
        return panel


def _name_bins(ax: Axes, low: np.ndarray, high: np.ndarray, speak: Callable[[float], str]) -> None:
    ax.set_xlim(min(0, (len(low) - 5) / 2), max(len(low), (len(low) + 5) / 2))
    middles = np.arange(len(low)) + 0.5
    if np.array_equal(high[:-1], low[1:]) and not np.any(low == high):
        edges = np.append(low, high[-1])
        words = evenly([spoken(speak, edge) for edge in edges])
        places = np.arange(len(edges), dtype=float)
        # An open bin is named in its middle, and its edge not again.
        if np.isnan(edges[-1]) and len(low) > 1:
            places, words = np.append(places[:-2], middles[-1]), [*words[:-2], f"{words[-2]}+"]
        if np.isnan(edges[0]) and len(low) > 1:
            places, words = np.append(middles[0], places[2:]), [f"≤{words[1]}", *words[2:]]
    else:
        words = [_range(*ends, speak) for ends in zip(low, high, strict=True)]
        places = middles
    name_places(ax, places, words)


def _range(low: float, high: float, speak: Callable[[float], str]) -> str:
    if low == high:
        return spoken(speak, low)
    if np.isnan(low):
        return f"≤{spoken(speak, high)}"
    end = "+" if np.isnan(high) else f"–{spoken(speak, high)}"
    return spoken(speak, low) + end
