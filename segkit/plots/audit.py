"""One period and the one before it: what changed, and how customers share the revenue."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from seaborn import heatmap

from segkit.errors import DataError
from segkit.plots.canvas import (
    DARK,
    LINE,
    canvas,
    hatch_cells,
    letters_across,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
    two_lines,
    write_cells,
)
from segkit.plots.style import BLUE, ENGLISH, GREEN, GREY, INK, VERMILLION, Style

RISE, FALL = GREEN, VERMILLION
NAME_WIDTH = 21  # letters
TENTHS = {"revenue_share": "spend_decile_best_first", "customers_share": "revenue_tenth"}
SWITCH = ["decile_earlier", "decile_later"]
ABSENT = "did_not_buy"
FLAT = 0.5  # share below which colours do not get darker: alike rows shall look alike


def period_change(change: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw how one period's revenue became the next one's, step by step.

    Parameters
    ----------
    change : DataFrame
        One row a step, in order: `step` (key), `revenue` (money). The first and the
        last row are revenues, the others are changes. Where there are the columns,
        `customers` (a count) stands behind a step's name and `ratio` (1.1 = a tenth
        more) behind a change.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One bar a step from top to bottom, each beginning where the one above it ends;
        rises and falls differ in colour and in sign.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> change = pd.DataFrame({"step": ["earlier", "left", "gained", "later"],
    ...                        "revenue": [900.0, -300.0, 450.0, 1050.0]})
    >>> [text.get_text() for text in period_change(change).texts]
    ['900', '-300', '+450', '1,050']
    """
    require(change, ["step", "revenue"], "period_change")
    if change.empty:
        return no_data(ax, style)
    with canvas(ax, height=0.9 + 0.5 * len(change)) as panel:
        panel.set_yticks(np.arange(len(change)), labels=_step_names(change, style))
        starts, ends = _levels(np.nan_to_num(numbers(change["revenue"])))
        words = _change_words(change, style)
        _give_room(panel, starts, ends, words)
        _draw_steps(panel, starts, ends, words)
        speak_ticks(panel.xaxis, style.money)
        panel.grid(axis="x")
        name_axes(panel, style.label("revenue"))
        return panel


def deciles(
    tenths: pd.DataFrame,
    *,
    value: Literal["revenue_share", "customers_share"] = "revenue_share",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw what each tenth of the customers spent, or how many made each tenth of revenue.

    Parameters
    ----------
    tenths : DataFrame
        One row a tenth, the best customers first: `spend_decile` ("1" to "10"; rows
        with other keys, such as `total`, are left out), `customers_share`,
        `revenue_share` (0..1).
    value : {"revenue_share", "customers_share"}, optional
        What the heights are: the first for ten groups of as many customers, the
        second for ten groups of as much revenue.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One bar a tenth with its share above it; a broken line stands where all would
        end if customers were alike.

    Raises
    ------
    DataError
        If a column is missing or `value` is neither.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> tenths = pd.DataFrame({"spend_decile": ["1", "2", "total"],
    ...                        "customers_share": [0.5, 0.5, 1], "revenue_share": [0.8, 0.2, 1]})
    >>> [text.get_text() for text in deciles(tenths).texts]
    ['80%', '20%', 'Equality']
    """
    if value not in TENTHS:
        fix = "use 'revenue_share' or 'customers_share'"
        raise DataError("unknown value", where="deciles: value", values=[value], fix=fix)
    require(tenths, ["spend_decile", *TENTHS], "deciles")
    rows = tenths[tenths["spend_decile"].astype(str).str.fullmatch(r"\d+").fillna(False)]
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=3.6) as panel:
        _draw_tenths(panel, numbers(rows[value]), style)
        panel.set_xticks(np.arange(len(rows)), labels=rows["spend_decile"].astype(str).map(literal))
        speak_ticks(panel.yaxis, style.percent)
        panel.grid(axis="y")
        name_axes(panel, style.label(TENTHS[value]), style.label(value))
        return panel


def decile_switching(
    switches: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw where the customers of each decile of one period were in the next.

    Parameters
    ----------
    switches : DataFrame
        One row a pair: `decile_earlier`, `decile_later` ("1", the best, to "10", or
        `did_not_buy`), `customers` (a count). Deciles stand as they first come.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A row for each earlier decile, whose cells are percentages of its customers;
        those who stay where they were are framed, and who did not buy comes last.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Fader, Hardie and Ross (2022), The Customer-Base Audit.

    Examples
    --------
    >>> switches = pd.DataFrame({"decile_earlier": ["1", "1"],
    ...                          "decile_later": ["1", "did_not_buy"], "customers": [30, 10]})
    >>> [text.get_text() for text in decile_switching(switches).texts]
    ['75', '25', '–', '–']
    """
    require(switches, [*SWITCH, "customers"], "decile_switching")
    shares = _row_shares(switches)
    if shares.empty:
        return no_data(ax, style)
    with canvas(ax, height=1.6 + 0.38 * len(shares)) as panel:
        top = 1.2 * np.nanmax(shares.to_numpy(), initial=FLAT)  # short of black
        heat = {"vmin": 0, "vmax": top, "cmap": "mako_r", "cbar": False, "linewidths": 1}
        bare = {"xticklabels": False, "yticklabels": False}
        heatmap(shares.fillna(0), mask=shares.isna(), **heat, **bare, ax=panel)
        write_cells(panel, _share_words(shares, style))
        hatch_cells(panel, shares.isna().to_numpy())
        _frame_stayers(panel, shares)
        _name_deciles(panel, shares, style)
        return panel


def _step_names(change: pd.DataFrame, style: Style) -> list[str]:
    counts = numbers(change["customers"]) if "customers" in change else [np.nan] * len(change)
    ends = ["" if np.isnan(count) else f" ({spoken(style.number, count)})" for count in counts]
    pairs = zip(change["step"].fillna("–"), ends, strict=True)
    return [two_lines(style.label(key), NAME_WIDTH, end) for key, end in pairs]


def _levels(revenue: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each bar starts and ends: levels at zero, changes at the one before."""
    ends = revenue.cumsum()
    starts = ends - revenue
    starts[-1], ends[-1] = 0, revenue[-1]
    return starts, ends


def _change_words(change: pd.DataFrame, style: Style) -> list[str]:
    revenue = numbers(change["revenue"])
    ratios = numbers(change["ratio"]) if "ratio" in change else np.full(len(change), np.nan)
    words = [spoken(style.money, amount) for amount in revenue]
    for place in range(1, len(words) - 1):
        words[place] = "+" * int(revenue[place] > 0) + words[place]
    said = [_in_percent(ratio - 1, style) for ratio in ratios]
    return [word + more for word, more in zip(words, said, strict=True)]


def _in_percent(change: float, style: Style) -> str:
    return "" if np.isnan(change) else f" ({'+' * int(change > 0)}{spoken(style.percent, change)})"


def _give_room(ax: Axes, starts: np.ndarray, ends: np.ndarray, words: list[str]) -> None:
    """Leave room on the right for the longest amount."""
    low, high = min(0, starts.min(), ends.min()), max(0, starts.max(), ends.max())
    taken = min((max(map(len, words)) + 2) / letters_across(ax), 0.6)
    width = (high - low) / (1 - taken) or 1
    ax.set(xlim=(low - 0.01 * width, low + width), ylim=(len(words) - 0.5, -0.5))


def _draw_steps(ax: Axes, starts: np.ndarray, ends: np.ndarray, words: list[str]) -> None:
    last = len(starts) - 1
    for place, (start, end, word) in enumerate(zip(starts, ends, words, strict=True)):
        colour = BLUE if place in (0, last) else RISE if end >= start else FALL
        ax.barh(place, end - start, left=start, height=0.66, color=colour)
        offset: dict[str, Any] = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(word, (max(start, end), place), **offset)
    for place in range(last):
        ax.plot([ends[place]] * 2, [place - 0.33, place + 1.33], color=GREY, linewidth=0.8)
    ax.axvline(0, color=GREY, linewidth=0.8)


def _draw_tenths(ax: Axes, shares: np.ndarray, style: Style) -> None:
    heights = np.nan_to_num(shares)
    places, equal = np.arange(len(heights)), 1 / len(heights)
    ax.bar(places, heights, width=0.8, color=BLUE)
    ax.set_ylim(1.05 * heights.min(initial=0), 1.12 * max(heights.max(), equal))
    line = LINE * np.ptp(ax.get_ylim()) / (ax.get_window_extent().height / ax.figure.dpi)
    for place, (height, share) in enumerate(zip(heights, shares, strict=True)):
        crossed = equal - 1.1 * line < height < equal
        offset: dict[str, Any] = {
            "xytext": (0, 3),
            "textcoords": "offset points",
            "ha": "center",
            "va": "bottom",
        }
        at = (place, equal if crossed else max(height, 0))
        ax.annotate(_whole_percent(share, style), at, **offset)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.axhline(equal, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    _name_equality(ax, heights, equal, style)


def _name_equality(ax: Axes, heights: np.ndarray, equal: float, style: Style) -> None:
    """Name the line of equality above its flatter end, clear of the shares on the bars."""
    after = heights[-1] <= heights[0]
    near = heights[len(heights) // 2 :] if after else heights[: len(heights) // 2]
    lifted = bool(np.any(near > 0.5 * equal))
    offset: dict[str, Any] = {"xytext": (0, 22 if lifted else 4), "textcoords": "offset points"}
    at = (len(heights) - 0.55 if after else -0.45, equal)
    word = literal(style.label("equality"), letters_across(ax) // 2)
    ax.annotate(word, at, **offset, ha="right" if after else "left", va="bottom")


def _row_shares(switches: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each row's customers in each cell; NaN where nobody can be."""
    rows = switches.dropna(subset=SWITCH)
    plain = rows[SWITCH].astype(str).assign(customers=np.nan_to_num(numbers(rows["customers"])))
    order = [key for key in pd.unique(plain[SWITCH].to_numpy().ravel("F")) if key != ABSENT]
    order += [ABSENT] * bool((plain[SWITCH] == ABSENT).any(axis=None))
    wide = plain.pivot_table(index=SWITCH[0], columns=SWITCH[1], values="customers", aggfunc="sum")
    wide = wide.reindex(index=order, columns=order).fillna(0).astype(float)
    totals = wide.sum(axis=1)
    return wide.div(totals.where(totals > 0), axis=0).where(~_nowhere(wide))


def _nowhere(wide: pd.DataFrame) -> np.ndarray:
    """Return which cells are those of customers who bought in neither period."""
    absent = wide.index == ABSENT
    return np.outer(absent, absent)


def _share_words(shares: pd.DataFrame, style: Style) -> np.ndarray:
    words = np.full(shares.shape, "–", dtype=object)
    for place, share in np.ndenumerate(shares.to_numpy()):
        if not np.isnan(share):
            words[place] = re.sub(r"\s*%\s*", "", _whole_percent(share, style))
            words[place] = "" if share == 0 else words[place]
    return words


def _whole_percent(share: float, style: Style) -> str:
    """Return a share in whole percents, so that ten stand side by side."""
    is_small = bool(share > 0 and round(share, 2) == 0)
    return "<" * is_small + spoken(style.percent, 0.01 if is_small else round(share, 2))


def _frame_stayers(ax: Axes, shares: pd.DataFrame) -> None:
    for place, key in enumerate(shares.index):
        if key != ABSENT:
            look: dict[str, Any] = {"facecolor": "none", "edgecolor": DARK, "linewidth": 1.5}
            ax.add_patch(Rectangle((place + 0.03, place + 0.03), 0.94, 0.94, **look))


def _name_deciles(ax: Axes, shares: pd.DataFrame, style: Style) -> None:
    names = [style.label(key) if key == ABSENT else key for key in shares.index]
    places = np.arange(len(names)) + 0.5
    ax.set_yticks(places, labels=[two_lines(name, 8) for name in names])
    ax.set_xticks(places, labels=[two_lines(name, 7) for name in names])
    ax.tick_params(length=0, rotation=0)
    ax.set_title(
        literal(style.label("share_of_each_row"), letters_across(ax)),
        loc="left",
        size=12,
        parse_math=False,
        usetex=False,
    )
    name_axes(ax, style.label("decile_later"), style.label("decile_earlier"))
