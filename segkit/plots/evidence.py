"""What happened afterwards: how far rankings, predictions and segments held."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, product
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
    name_places,
    named,
    no_data,
    numbers,
    require,
    segment_names,
    speak_ticks,
    spoken,
)
from segkit.plots.concentration import TOP, cumulated
from segkit.plots.style import (
    BLUE,
    ENGLISH,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Style,
    segment_colour,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

LINES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)
STROKES = ("-", "--", ":")
DIAGONAL: dict[str, Any] = {"color": GREY, "linestyle": (0, (4, 3)), "linewidth": 1.5}
# What each unit of a calibration measures, unless the caller says otherwise.
MEASURES = {"number": "purchases_per_customer", "money": "revenue_per_customer"}
BOUNDS = ("actual_low", "actual_high")
REVENUE = "revenue_per_customer"
RANGE = (f"{REVENUE}_low", f"{REVENUE}_high")


def gain_curves(curves: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw the share of revenue that the best-ranked customers made, one line a ranking.

    Parameters
    ----------
    curves : DataFrame
        One row a point of a line: `ranking` (key), `customers_share`, `revenue_share`
        (both cumulated, 0..1, the best-ranked first). Up to about eight rankings.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A line a ranking and the diagonal: what a random order makes on average, whether
        or not the table has a ranking `random`. The names stand above, with what the
        best-ranked fifth of the customers made, the highest first.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 9.

    Examples
    --------
    >>> curves = pd.DataFrame({"ranking": ["clv", "clv"], "customers_share": [0.2, 1.0],
    ...                        "revenue_share": [0.5, 1.0]})
    >>> [text.get_text() for text in gain_curves(curves).get_legend().get_texts()]
    ['50% · Clv', '20% · Random']
    """
    require(curves, ["ranking", "customers_share", "revenue_share"], "gain_curves")
    lines = dict(_lines(curves))
    if not lines:
        return no_data(ax, style)
    with canvas(ax, height=5 + 0.3 * len(lines)) as panel:
        strokes = product(STROKES, LINES)
        looks = {key: _stroke(*look) for key, look in zip(lines, cycle(strokes), strict=False)}
        for key, points in lines.items():
            panel.plot(*points, **looks[key])
        panel.plot([0, 1], [0, 1], **DIAGONAL, zorder=1)
        _show_shares(panel, style)
        tops = {key: float(np.interp(TOP, *points)) for key, points in lines.items()}
        _name_lines(panel, {**looks, "random": DIAGONAL}, {**tops, "random": TOP}, style)
        name_axes(panel, style.label("customers_best_ranked"), style.label("revenue_share"))
        return panel


def calibration(
    deciles: pd.DataFrame,
    *,
    unit: Literal["number", "money"] = "number",
    y: str | None = None,
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what was predicted and what happened, decile by decile of the prediction.

    Parameters
    ----------
    deciles : DataFrame
        One row a decile: `decile` (1 = the highest predictions), `predicted`,
        `actual`, `actual_low`, `actual_high` (means a customer; NaN bounds = none).
    unit : {"number", "money"}, optional
        How the values are said.
    y : str, optional
        Key of the label of the y axis; by default purchases or revenue per customer,
        as `unit` has it.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Dots with their interval for what happened, a line of hollow marks for what
        was predicted.

    Raises
    ------
    DataError
        If a column is missing or `unit` is neither.

    Source
    ------
    Definitions, section 9.

    Examples
    --------
    >>> deciles = pd.DataFrame({"decile": [1, 2], "predicted": [3.1, 1.2], "actual": [2.9, 1.4],
    ...                         "actual_low": [2.5, 1.1], "actual_high": [3.3, 1.7]})
    >>> [text.get_text() for text in calibration(deciles).get_legend().get_texts()]
    ['Actual', 'Predicted']
    """
    if unit not in MEASURES:
        fix = "use 'number' or 'money'"
        raise DataError("unknown unit", where="calibration: unit", values=[unit], fix=fix)
    require(deciles, ["decile", "predicted", "actual", *BOUNDS], "calibration")
    rows = deciles[~np.isnan(numbers(deciles["decile"]))].sort_values("decile")
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=4) as panel:
        looks = _draw_deciles(panel, rows)
        speak_ticks(panel.yaxis, getattr(style, unit))
        words = [spoken(style.number, decile) for decile in numbers(rows["decile"])]
        name_places(panel, range(len(rows)), words)
        line_legend(panel, looks, style)
        name_axes(panel, style.label("decile_best_first"), style.label(y or MEASURES[unit]))
        return panel


def segment_evidence(
    evidence: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw the revenue that a customer of each segment made afterwards, with its interval.

    Parameters
    ----------
    evidence : DataFrame
        One row a segment: `segment`, `revenue_per_customer`,
        `revenue_per_customer_low`, `revenue_per_customer_high` (money; NaN bounds =
        no interval). The order is kept, the first on top. A row `total`, of all customers,
        is a line down the picture.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A dot a segment, in its colour, with the interval, and the value on the right.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 9.

    Examples
    --------
    >>> evidence = pd.DataFrame({"segment": ["loyal", "total"],
    ...                          "revenue_per_customer": [120.0, 80.0],
    ...                          "revenue_per_customer_low": [100.0, 75.0],
    ...                          "revenue_per_customer_high": [140.0, 85.0]})
    >>> [text.get_text() for text in segment_evidence(evidence).texts]
    ['Mean of all: 80', '120']
    """
    require(evidence, ["segment", REVENUE, *RANGE], "segment_evidence")
    rows = named(evidence)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=1.2 + 0.5 * len(rows)) as panel:
        panel.set_yticks(np.arange(len(rows)), labels=segment_names(rows["segment"], style))
        everyone = numbers(evidence.loc[evidence["segment"] == "total", REVENUE])[:1]
        _set_segment_limits(panel, rows, everyone, style)
        _mark_mean(panel, everyone, style)
        _draw_segments(panel, rows, style)
        speak_ticks(panel.xaxis, style.money)
        panel.grid(axis="x")
        name_axes(panel, style.label(REVENUE))
        return panel


def _lines(curves: pd.DataFrame) -> Iterator[tuple[str, tuple[np.ndarray, np.ndarray]]]:
    """Give the points of each ranking that has any, in the order of the table."""
    for key, rows in curves.groupby("ranking", sort=False, observed=True):
        points = cumulated(rows, "revenue_share")
        if key != "random" and len(points[0]):
            yield str(key), points


def _stroke(linestyle: str, colour: str) -> dict[str, Any]:
    return {"color": colour, "linestyle": linestyle, "linewidth": 2}


def _show_shares(ax: Axes, style: Style) -> None:
    ax.set(xlim=(-0.01, 1.02), ylim=(min(-0.01, ax.dataLim.y0), max(1.02, ax.dataLim.y1)))
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        speak_ticks(axis, style.percent)
    ax.grid()


def _name_lines(
    ax: Axes, looks: dict[str, dict[str, Any]], tops: dict[str, float], style: Style
) -> None:
    """Mark the best fifth and write what it made before the name of each line."""
    ax.plot([TOP, TOP], [0, max(tops.values())], color=INK, linewidth=1, linestyle=":")
    best = sorted(looks, key=tops.__getitem__, reverse=True)
    words = {key: f"{spoken(style.percent, tops[key])} · {style.label(key)}" for key in best}
    line_legend(ax, {key: looks[key] for key in best}, replace(style, labels=words))
    head = f"{spoken(style.percent, TOP)} →"
    if (names := ax.get_legend()) is not None:
        names.set_title(head)
        names.set_alignment("left")


def _draw_deciles(ax: Axes, rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Draw both measures and return how each looks."""
    places, bounds = np.arange(len(rows)), [numbers(rows[bound]) for bound in BOUNDS]
    low, high = bounds
    hollow: dict[str, Any] = {
        "color": VERMILLION,
        "marker": "s",
        "markerfacecolor": "white",
        "linewidth": 1.5,
    }
    full: dict[str, Any] = {"color": BLUE, "marker": "o", "linestyle": "none"}
    ax.plot(places, numbers(rows["predicted"]), **hollow, markersize=11)
    ax.vlines(places, low, high, color=BLUE, linewidth=2.5)
    ax.plot(places, numbers(rows["actual"]), **full, markersize=7)
    heights = np.concatenate([numbers(rows["predicted"]), numbers(rows["actual"]), *bounds])
    low, high = np.nanmin(heights, initial=0), np.nanmax(heights, initial=0)
    room = 0.06 * (high - low) or 1  # a dot at zero is a whole dot
    ax.set(xlim=(-0.5, len(rows) - 0.5), ylim=(low - room, high + room))
    ax.grid(axis="y")
    return {"actual": full, "predicted": hollow}


def _set_segment_limits(ax: Axes, rows: pd.DataFrame, everyone: np.ndarray, style: Style) -> None:
    means, low, high = (numbers(rows[column]) for column in (REVENUE, *RANGE))
    words = [spoken(style.money, mean) for mean in means]
    starts = np.append(np.fmin(means, low), everyone)
    _set_limits(ax, starts, np.append(np.fmax(means, high), everyone), words)


def _mark_mean(ax: Axes, everyone: np.ndarray, style: Style) -> None:
    """Draw what a customer of all made as a line, and say it above."""
    for mean in everyone[~np.isnan(everyone)]:
        ax.axvline(mean, **DIAGONAL, zorder=1)
        left, right = ax.get_xlim()
        after = mean < (left + right) / 2
        over: dict[str, Any] = {
            "xycoords": ax.get_xaxis_transform(),
            "xytext": (-3 if after else 3, 4),
            "textcoords": "offset points",
            "ha": "left" if after else "right",
            "va": "bottom",
        }
        name = literal(style.label("mean_of_all"), max(letters_across(ax) // 2, 18))
        ax.annotate(f"{name}: {spoken(style.money, mean)}", (mean, 1), **over)


def _draw_segments(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    means, low, high = (numbers(rows[column]) for column in (REVENUE, *RANGE))
    words = [spoken(style.money, mean) for mean in means]
    for place, key in enumerate(rows["segment"]):
        colour = segment_colour(key)
        ax.plot([low[place], high[place]], [place, place], color=GREY, linewidth=2.5)
        dot: dict[str, Any] = {
            "color": colour,
            "marker": "o",
            "markersize": 12,
            "markeredgecolor": INK,
        }
        ax.plot([means[place]], [place], **dot)
        right: dict[str, Any] = {"ha": "right", "va": "center"}
        ax.text(1, place, words[place], transform=ax.get_yaxis_transform(), **right)


def _set_limits(ax: Axes, starts: np.ndarray, ends: np.ndarray, words: list[str]) -> None:
    """Leave room on the right for the longest value."""
    low, high = np.nanmin(starts, initial=0), np.nanmax(ends, initial=0)
    taken = min((max(map(len, words)) + 2) / letters_across(ax), 0.6)
    width = (high - low) / (1 - taken) or 1
    ax.set_xlim(low - 0.03 * width, low + width)
    ax.set_ylim(len(words) - 0.5, -0.5)
