"""When customers come back, what thresholds tell apart, and what becomes of carts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    DARK,
    canvas,
    legend,
    letters_across,
    line_legend,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
    two_lines,
)
from segkit.plots.style import (
    BLUE,
    ENGLISH,
    VERMILLION,
    Style,
    segment_colour,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEYOND = 1.25  # of the churn gap: where the picture of the waiting curve ends
MARK: dict[str, Any] = {"color": VERMILLION, "linewidth": 1.5, "linestyle": ":", "clip_on": False}
ROWS = (1.03, 1.12)  # of the height: where the names of the two gaps stand
THRESHOLD = {"above": "above_threshold", "below": "below_threshold"}
SIDES = (
    {"color": BLUE, "marker": "o", "linestyle": "none", "markersize": 9},
    {
        "color": VERMILLION,
        "marker": "s",
        "linestyle": "none",
        "markersize": 9,
        "markerfacecolor": "white",
        "markeredgewidth": 2,
    },
)
OUTCOMES = ["recovered", "bought_late", "abandoned", "pending"]
MOST_ROWS = 12


def waiting_curve(
    curve: pd.DataFrame,
    *,
    usual_days: float | None = None,
    churn_days: float | None = None,
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw the share of customers who have not bought again, by days since a purchase.

    Parameters
    ----------
    curve : DataFrame
        One row a day on which somebody came back: `days` (since a purchase),
        `waiting` (0..1), `low`, `high` (its interval; NaN = none).
    usual_days, churn_days : float, optional
        The usual gap and the churn gap, in days; each is marked where it is given.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A falling step line with its band, up to a little after the churn gap.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 7; Kaplan and Meier (1958), Nonparametric estimation from
    incomplete observations.

    Examples
    --------
    >>> curve = pd.DataFrame({"days": [0, 30, 90], "waiting": [1.0, 0.6, 0.3],
    ...                       "low": [1.0, 0.5, 0.2], "high": [1.0, 0.7, 0.4]})
    >>> [text.get_text() for text in waiting_curve(curve, usual_days=30, churn_days=60).texts]
    ['Usual gap: 30', 'Churn gap: 60']
    """
    require(curve, ["days", "waiting", "low", "high"], "waiting_curve")
    rows = curve[~np.isnan(numbers(curve["days"]))].sort_values("days")
    if rows.empty:
        return no_data(ax, style)
    given = {"usual_gap": usual_days, "churn_gap": churn_days}
    gaps = {key: float(days) for key, days in given.items() if days is not None and days >= 0}
    with canvas(ax, height=4.2) as panel:
        _draw_waiting(panel, rows)
        _end_days(panel, numbers(rows["days"]).max(), gaps)
        speak_ticks(panel.xaxis, style.number, whole=True)
        speak_ticks(panel.yaxis, style.percent)
        _mark_gaps(panel, gaps, style)
        name_axes(panel, style.label("days_since_purchase"), style.label("waiting"))
        return panel


def two_sides(
    table: pd.DataFrame,
    *,
    by: str = "threshold",
    sides: Mapping[str, str] = THRESHOLD,
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw two rates of each row, such as above and below a threshold, with their intervals.

    Parameters
    ----------
    table : DataFrame
        One row a threshold: `threshold` (key), `above_rate`, `above_low`,
        `above_high`, `below_rate`, `below_low`, `below_high` (0..1, NaN = none). The
        order is kept, the first on top.
    by : str, optional
        Column of the names of rows (keys).
    sides : mapping, optional
        What the columns of each of the two rates begin with, and the key of its label.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Two points a row, filled for the first rate and hollow for the second, with their
        values beside them.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 7.

    Examples
    --------
    >>> table = pd.DataFrame({"threshold": ["first_units"],
    ...                       "above_rate": [0.4], "above_low": [0.3], "above_high": [0.5],
    ...                       "below_rate": [0.2], "below_low": [0.1], "below_high": [0.3]})
    >>> [text.get_text() for text in two_sides(table).texts]
    ['40%', '20%']
    """
    columns = [f"{side}_{part}" for side in sides for part in ("rate", "low", "high")]
    require(table, [by, *columns], "two_sides")
    if table.empty:
        return no_data(ax, style)
    with canvas(ax, height=1.4 + 0.75 * len(table)) as panel:
        names = [two_lines(style.label(key), 22) for key in table[by]]
        panel.set_yticks(np.arange(len(table)), labels=names)
        for side, look, shift in zip(sides, SIDES, (-0.17, 0.17), strict=True):
            _draw_side(panel, table, side, look, shift, style)
        _set_limits(panel, np.array([numbers(table[column]) for column in columns]))
        speak_ticks(panel.xaxis, style.percent)
        panel.grid(axis="x")
        line_legend(panel, dict(zip(sides.values(), SIDES, strict=True)), style)
        return panel


def cart_outcomes(
    table: pd.DataFrame,
    *,
    by: str = "category",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what became of the carts, as shares, one bar a category or a segment.

    Parameters
    ----------
    table : DataFrame
        One row a bar: the column `by`, and the counts `recovered`,
        `bought_late`, `abandoned`, `pending`. Rows without carts are left out; of more than twelve
        the largest are drawn. The order is kept, the first on top.
    by : str, optional
        Column of the names: keys if it is `segment`, otherwise texts as they are.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Bars from 0 to 100 %, named with the number of carts; the share of abandoned
        carts is written where it fits.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 7 (view `cart`).

    Examples
    --------
    >>> table = pd.DataFrame({"category": ["Shoes"], "recovered": [10], "bought_late": [5],
    ...                       "abandoned": [80], "pending": [5]})
    >>> ax = cart_outcomes(table)
    >>> [text.get_text() for text in [*ax.get_yticklabels(), *ax.texts]]
    ['Shoes (100)', '80%']
    """
    require(table, [by, *OUTCOMES], "cart_outcomes")
    rows = _largest(table, by)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=1.6 + 0.48 * len(rows)) as panel:
        _name_rows(panel, rows, by, style)
        panel.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5))
        _draw_outcomes(panel, rows, style)
        speak_ticks(panel.xaxis, style.percent)
        legend(panel, {key: {"facecolor": segment_colour(key)} for key in OUTCOMES}, style)
        name_axes(panel, style.label("share"))
        return panel


def _draw_waiting(ax: Axes, rows: pd.DataFrame) -> None:
    days, waiting, low, high = (
        numbers(rows[column]) for column in ("days", "waiting", "low", "high")
    )
    ax.fill_between(days, low, high, step="post", color=BLUE, alpha=0.25, linewidth=0)
    ax.plot(days, waiting, color=BLUE, linewidth=2.5, drawstyle="steps-post")
    ax.set_ylim(0, 1)
    ax.grid()


def _end_days(ax: Axes, last: float, gaps: dict[str, float]) -> None:
    """End the axis a little after the churn gap, or with the curve, but show both gaps."""
    end = min(last, BEYOND * gaps["churn_gap"]) if gaps.get("churn_gap") else last
    ax.set_xlim(0, max(end, *gaps.values(), 0) or 1)


def _mark_gaps(ax: Axes, gaps: dict[str, float], style: Style) -> None:
    """Mark the gaps by lines; the later one reaches over the name of the earlier one."""
    end = ax.get_xlim()[1]
    marks = sorted(gaps.items(), key=lambda mark: mark[1])
    limits = [*(days for _, days in marks[1:]), end]
    for row, (key, days), limit in zip(ROWS, marks, limits, strict=False):
        word = f"{literal(style.label(key), 22)}: {spoken(style.number, days)}"
        room = (limit - days) / end * letters_across(ax)
        after = row == ROWS[0] and len(word) < room
        ax.plot([days, days], [0, row + 0.06], transform=ax.get_xaxis_transform(), **MARK)
        place: dict[str, Any] = {
            "xycoords": ax.get_xaxis_transform(),
            "textcoords": "offset points",
        }
        side: dict[str, Any] = (
            {"xytext": (5, 0), "ha": "left"} if after else {"xytext": (-5, 0), "ha": "right"}
        )
        ax.annotate(word, (days, row), **place, **side, va="bottom", annotation_clip=False)


def _draw_side(
    ax: Axes, table: pd.DataFrame, side: str, look: Mapping[str, Any], shift: float, style: Style
) -> None:
    places = np.arange(len(table)) + shift
    rates, low, high = (numbers(table[f"{side}_{part}"]) for part in ("rate", "low", "high"))
    ax.hlines(places, low, high, color=look["color"], linewidth=2.5)
    ax.plot(rates, places, **look)
    ends = np.nan_to_num(np.fmax(rates, high))
    for rate, end, place in zip(rates, ends, places, strict=True):
        offset: dict[str, Any] = {"xytext": (9, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(spoken(style.percent, rate), (end, place), **offset)


def _set_limits(ax: Axes, rates: np.ndarray) -> None:
    """Leave room on the right for a value."""
    high = np.nanmax(rates, initial=0) or 1
    ax.set(xlim=(-0.02 * high, 1.2 * high), ylim=(rates.shape[1] - 0.5, -0.5))


def _largest(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the rows with the most carts, in the order of the table, with their totals."""
    counts = {key: np.maximum(np.nan_to_num(numbers(table[key])), 0) for key in OUTCOMES}
    rows = pd.DataFrame({by: table[by].to_numpy(), **counts, "carts": sum(counts.values())})
    largest = rows["carts"].nlargest(MOST_ROWS).index.sort_values()
    return rows.loc[largest][rows.loc[largest, "carts"] > 0]


def _name_rows(ax: Axes, rows: pd.DataFrame, by: str, style: Style) -> None:
    names = [style.label(key) if by == "segment" else key for key in rows[by].fillna("–")]
    totals = [f" ({spoken(style.number, carts)})" for carts in rows["carts"]]
    words = [two_lines(name, 22, total) for name, total in zip(names, totals, strict=True)]
    ax.set_yticks(np.arange(len(rows)), labels=words)


def _draw_outcomes(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    places, start = np.arange(len(rows)), np.zeros(len(rows))
    letters = letters_across(ax)
    for key in OUTCOMES:
        shares = (rows[key] / rows["carts"]).to_numpy()
        look: dict[str, Any] = {
            "color": segment_colour(key),
            "edgecolor": "white",
            "linewidth": 0.6,
        }
        ax.barh(places, shares, left=start, height=0.72, **look)
        for place, share, left in zip(places, shares, start, strict=True):
            words = spoken(style.percent, share)
            if key == "abandoned" and len(words) + 1 < share * letters:
                ax.text(left + share / 2, float(place), words, ha="center", va="center", color=DARK)
        start = start + shares
