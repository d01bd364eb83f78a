"""How customers move between segments, and how the segments change over time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from segkit.errors import DataError
from segkit.plots.canvas import (
    LINE,
    beside,
    canvas,
    legend,
    literal,
    name_axes,
    name_places,
    named,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
    spread,
    two_lines,
    wrapped,
)
from segkit.plots.style import ENGLISH, GREY, Style, segment_colour
from segkit.plots.times import name_times

ENDS = ["segment_before", "segment_after"]
HEAD = 0.4  # inches above the blocks for what stands over them
GAP = 0.07  # inches between two blocks
BLOCK = 0.05  # of the width
NAME_WIDTH = 18  # letters
MEASURES = {"customers": "number", "revenue": "money"}  # and how each is said
BAR = 0.8


def alluvial(
    flows: pd.DataFrame,
    *,
    before: str = "",
    after: str = "",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw how many customers went from which segment to which between two dates.

    Parameters
    ----------
    flows : DataFrame
        One row a flow: `segment_before` (may be `newcomer`), `segment_after` (may be
        `gone`), `customers` (a count). Segments stand from top to bottom as they
        first come in `segment_before`, then in `segment_after`.
    before, after : str, optional
        What stands over the two columns of blocks, such as the dates.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Earlier segments on the left, later ones on the right, as tall as their
        customers are many. Bands wear the colour of the earlier segment, pale where
        customers stayed.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 8.

    Examples
    --------
    >>> flows = pd.DataFrame({"segment_before": ["loyal", "loyal"],
    ...                       "segment_after": ["loyal", "gone"], "customers": [60, 40]})
    >>> [text.get_text() for text in alluvial(flows).texts]
    ['Loyal (100)', 'Loyal (60)', 'Gone (40)']
    """
    require(flows, [*ENDS, "customers"], "alluvial")
    moves = _moves(flows)
    if moves.empty:
        return no_data(ax, style)
    sides = [moves.groupby(end, observed=True)["customers"].sum() for end in ENDS]
    words = [_block_names(sizes, style) for sizes in sides]
    height = max(3.0, *(1.2 * _room(names).sum() for names in words))
    with canvas(ax, height + HEAD) as panel:
        inches = height if ax is None else panel.get_window_extent().height / panel.figure.dpi
        _open_room(panel, moves["customers"].sum(), max(map(len, sides)), inches)
        tops = [_stacked(sizes, panel.get_ylim()[0]) for sizes in sides]
        _draw_bands(panel, moves, *tops)
        _draw_blocks(panel, sides, tops)
        for names, sizes, top, left in zip(words, sides, tops, (True, False), strict=True):
            _name_blocks(panel, names, sizes, top, inches, left=left)
        _write_heads(panel, before, after)
        return panel


def segment_series(
    series: pd.DataFrame,
    *,
    value: Literal["customers", "revenue"] = "customers",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw the sizes of segments at several dates, one stacked bar a date.

    Parameters
    ----------
    series : DataFrame
        One row a date and segment: `as_of` (timestamp), `segment`, and `customers` (a
        count) or `revenue` (money; may be negative). A row `total` is left out.
        Segments stand from top to bottom as they first come in the table.
    value : {"customers", "revenue"}, optional
        What the heights are.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks; `month` says the dates.

    Returns
    -------
    Axes
        Values below zero hang from it. The segments are named beside the last bar,
        or above a bar that is alone.

    Raises
    ------
    DataError
        If a column is missing or `value` is neither.

    Source
    ------
    Definitions, sections 7 and 8.

    Examples
    --------
    >>> series = pd.DataFrame({"as_of": pd.to_datetime(["2024-01-01", "2024-04-01"]),
    ...                        "segment": ["loyal", "loyal"], "customers": [60, 80]})
    >>> [text.get_text() for text in segment_series(series).texts]
    ['Loyal']
    """
    if value not in MEASURES:
        fix = "use 'customers' or 'revenue'"
        raise DataError("unknown value", where="segment_series: value", values=[value], fix=fix)
    require(series, ["as_of", "segment", value], "segment_series")
    heights = _heights(series, value)
    if heights.empty:
        return no_data(ax, style)
    with canvas(ax, height=max(4.2, 1.2 + 0.32 * len(heights.columns))) as panel:
        feet = stack_feet(heights)
        _draw_bars(panel, heights, feet)
        speak_ticks(panel.yaxis, getattr(style, MEASURES[value]), whole=True)
        _name_bars(panel, heights, feet, style)
        name_axes(panel, literal(style.label("as_of"), 30), style.label(value))
        return panel


def _moves(flows: pd.DataFrame) -> pd.DataFrame:
    """Return the customers of each flow that has any, in the order of the segments."""
    rows = flows.dropna(subset=ENDS)
    ends = {end: rows[end].astype(str).to_numpy() for end in ENDS}
    order = pd.unique(np.concatenate(list(ends.values())))
    plain = pd.DataFrame({end: pd.Categorical(keys, order) for end, keys in ends.items()})
    plain["customers"] = numbers(rows["customers"])
    return plain[plain["customers"] > 0].groupby(ENDS, observed=True, as_index=False).sum()


def _block_names(sizes: pd.Series, style: Style) -> list[str]:
    counts = [f" ({spoken(style.number, size)})" for size in sizes]
    pairs = zip(sizes.index, counts, strict=True)
    return [wrapped(style.label(key), NAME_WIDTH, count, most=3) for key, count in pairs]


def _room(names: list[str]) -> np.ndarray:
    """Return the inches that names take from top to bottom."""
    return np.array([LINE * (1.45 + name.count("\n")) for name in names])


def _open_room(ax: Axes, customers: float, blocks: int, inches: float) -> None:
    """Set the scale in customers, downwards, with room for the gaps between blocks."""
    gaps = min(GAP * (blocks - 1) / inches, 0.4)
    ax.set(xlim=(0, 1), ylim=(customers / (1 - gaps), 0), xticks=[], yticks=[])


def _stacked(sizes: pd.Series, height: float) -> pd.Series:
    """Return where each block begins, gaps alike; a block alone stands in the middle."""
    spare = height - sizes.sum()
    gaps = np.arange(len(sizes)) * spare / (len(sizes) - 1) if len(sizes) > 1 else spare / 2
    return sizes.cumsum() - sizes + gaps


def _draw_bands(ax: Axes, moves: pd.DataFrame, left: pd.Series, right: pd.Series) -> None:
    for end, tops in zip(ENDS, (left, right), strict=True):
        inside = moves.groupby(end, observed=True)["customers"].cumsum() - moves["customers"]
        moves = moves.assign(**{f"{end}_top": moves[end].map(tops).astype(float) + inside})
    stays = moves["segment_before"].astype(str) == moves["segment_after"].astype(str)
    # Stayers below, then the widest flows, so that the narrow ones are not covered.
    for flow in (
        moves.assign(stays=stays)
        .sort_values(["stays", "customers"], ascending=False, kind="stable")
        .itertuples()
    ):
        _draw_band(ax, flow)


def _draw_band(ax: Axes, flow: Any) -> None:
    start, end, half = BLOCK, 1 - BLOCK, 0.5
    top, landing = flow.segment_before_top, flow.segment_after_top
    there = [(start, top), (half, top), (half, landing), (end, landing)]
    back = [(x, y + flow.customers) for x, y in reversed(there)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    colour = segment_colour(flow.segment_before)
    look = {"facecolor": colour, "edgecolor": colour, "alpha": 0.9, "linewidth": 0.5}
    if flow.stays:
        look = {"facecolor": colour, "alpha": 0.16, "linewidth": 0}
    ax.add_patch(PathPatch(Path(there + back, codes), **look))


def _draw_blocks(ax: Axes, sides: list[pd.Series], tops: list[pd.Series]) -> None:
    for sizes, top, start in zip(sides, tops, (0, 1 - BLOCK), strict=True):
        for key, size in zip(sizes.index.astype(str), sizes, strict=True):
            look: dict[str, Any] = {"facecolor": segment_colour(key), "linewidth": 0}
            ax.add_patch(Rectangle((start, top[key]), BLOCK, size, **look))


def _name_blocks(
    ax: Axes, names: list[str], sizes: pd.Series, tops: pd.Series, inches: float, *, left: bool
) -> None:
    bottom = ax.get_ylim()[0]
    middles = (tops + sizes / 2).to_numpy()
    heights = spread(middles, _room(names) * bottom / inches, 0, bottom)
    for name, middle, height, size in zip(names, middles, heights, sizes, strict=True):
        beside(ax, name, (0 if left else 1, middle), height, size, left=left)


def _write_heads(ax: Axes, before: str, after: str) -> None:
    for place, head in ((BLOCK / 2, before), (1 - BLOCK / 2, after)):
        over: dict[str, Any] = {
            "xycoords": "axes fraction",
            "textcoords": "offset points",
            "xytext": (0, 8),
        }
        if literal(head):
            ax.annotate(literal(head, 22), (place, 1), **over, ha="center", va="bottom")


def _heights(series: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return the values with a row a date, in order, and a column a segment."""
    rows = named(series)
    plain = pd.DataFrame(
        {
            "as_of": pd.to_datetime(rows["as_of"], errors="coerce"),
            "segment": rows["segment"].astype(str),
            "height": np.nan_to_num(numbers(rows[value])),
        }
    ).dropna()
    wide = plain.pivot_table(index="as_of", columns="segment", values="height", aggfunc="sum")
    wide = wide[plain["segment"].unique()].fillna(0)
    # A segment that never has any height has nothing that its name could stand beside.
    has_height = wide.any()
    return wide.loc[:, has_height] if has_height.any() else wide


def stack_feet(heights: pd.DataFrame) -> pd.DataFrame:
    """Return where each part of a bar starts: from zero upwards, or downwards."""
    above, below = heights.clip(lower=0), heights.clip(upper=0)
    risen = above.iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1] - above
    return risen.where(heights >= 0, below.cumsum(axis=1) - below)


def _draw_bars(ax: Axes, heights: pd.DataFrame, feet: pd.DataFrame) -> None:
    places = np.arange(len(heights))
    for key in map(str, heights):
        look: dict[str, Any] = {
            "color": segment_colour(key),
            "edgecolor": "white",
            "linewidth": 0.6,
        }
        ax.bar(places, heights[key], bottom=feet[key], width=BAR, **look)
    low = heights.clip(upper=0).sum(axis=1).min()
    high = heights.clip(lower=0).sum(axis=1).max()
    ax.set_ylim(1.03 * low, 1.03 * high or (0 if low else 1))
    half = max(len(heights) / 2, 2 if len(heights) == 1 else 0)
    ax.set_xlim((len(heights) - 1) / 2 - half, (len(heights) - 1) / 2 + half)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.grid(axis="y")


def _name_bars(ax: Axes, heights: pd.DataFrame, feet: pd.DataFrame, style: Style) -> None:
    days = [literal(style.month(day.date()), 14) for day in heights.index]
    if len(days) == 1:
        name_places(ax, [0], days)
        legend(ax, {key: {"facecolor": segment_colour(key)} for key in map(str, heights)}, style)
        return
    names = {key: two_lines(style.label(key), 20) for key in map(str, heights)}
    taken = max(len(line) for name in names.values() for line in name.split("\n")) + 2
    name_times(ax, range(len(days)), list(heights.index), days, taken=taken)
    name_parts(ax, names, heights.iloc[-1], feet.iloc[-1], len(days) - 1 + BAR / 2)


def name_parts(
    ax: Axes, names: dict[str, str], sizes: pd.Series, feet: pd.Series, edge: float
) -> None:
    """Write the names beside the parts of the last bar, moved apart where they are thin."""
    # Reversed, so that of parts without any height the first one is named on top.
    middles = (feet + sizes / 2)[::-1].sort_values(kind="stable")
    low, high = ax.get_ylim()
    inches = ax.get_window_extent().height / ax.figure.dpi
    lines = np.array([1.1 + names[key].count("\n") for key in middles.index])
    room = lines * LINE * (high - low) / inches
    places = pd.Series(spread(middles.to_numpy(), room, low, high), middles.index)
    for key, name in names.items():
        beside(ax, name, (edge, middles[key]), places[key], sizes[key])
