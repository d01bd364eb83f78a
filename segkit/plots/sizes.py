"""How large each segment is, in customers and in revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba_array

from segkit.plots.canvas import (
    canvas,
    letters_across,
    literal,
    name_axes,
    named,
    no_data,
    numbers,
    readable,
    require,
    segment_names,
    speak_ticks,
    spoken,
)
from segkit.plots.style import ENGLISH, INK, Style, segment_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIR = {"customers_share": "of_customers", "revenue_share": "of_revenue"}
"""Columns, and what is said of each in the first row."""
WORDS = 22  # letters of it
SHARE = 7  # letters of a share and the room around it
PALENESS = 0.35


def segment_sizes(kpis: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw each segment's share of customers above its share of revenue.

    Parameters
    ----------
    kpis : DataFrame
        One row a segment: `segment`, `customers_share`, `revenue_share` (0..1);
        a row `total` is left out. The order is kept, the first row on top.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Two bars a segment, pale for customers and full for revenue: the first row says so.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 3.

    Examples
    --------
    >>> kpis = pd.DataFrame({"segment": ["loyal", "total"], "customers_share": [0.2, 1.0],
    ...                      "revenue_share": [0.6, 1.0]})
    >>> [text.get_text() for text in segment_sizes(kpis).texts]
    ['20% Of customers', '60% Of revenue']
    """
    require(kpis, ["segment", *PAIR], "segment_sizes")
    rows = named(kpis)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=1.5 + 0.55 * len(rows)) as panel:
        panel.set_yticks(range(len(rows)), labels=segment_names(rows["segment"], style))
        said = {measure: literal(style.label(key), WORDS) for measure, key in PAIR.items()}
        _set_limits(panel, rows, said)
        _draw_pairs(panel, rows, said, style)
        speak_ticks(panel.xaxis, style.percent)
        name_axes(panel, style.label("share"))
        panel.grid(axis="x")
        return panel


def _draw_pairs(ax: Axes, rows: pd.DataFrame, said: dict[str, str], style: Style) -> None:
    places = np.arange(len(rows))
    colours = [segment_colour(key) for key in rows["segment"]]
    for measure, shift, alpha in zip(PAIR, (-0.19, 0.19), (PALENESS, 1), strict=True):
        shares = numbers(rows[measure])
        faces = [(colour, alpha) for colour in colours]
        bar: dict[str, Any] = {"height": 0.36, "color": faces, "edgecolor": colours}
        ax.barh(places + shift, np.nan_to_num(shares), **bar)
        words = [spoken(style.percent, share) for share in shares]
        words[0] += f" {said[measure]}"
        ends, letters = np.fmax(np.nan_to_num(shares), 0), [INK] * len(rows)
        if _is_inside(ax, ends[0], said[measure]):
            ends[0] = 0
            letters[0] = readable(to_rgba_array(colours[:1])[0]) if alpha == 1 else INK
        for place, end, word, colour in zip(places + shift, ends, words, letters, strict=True):
            offset: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points"}
            ax.annotate(word, (end, place), **offset, color=colour, va="center")


def _is_inside(ax: Axes, share: float, word: str) -> bool:
    """Return whether a bar is long enough to hold its share and what it is of."""
    return bool(share / np.ptp(ax.get_xlim()) * letters_across(ax) >= len(word) + SHARE)


def _set_limits(ax: Axes, rows: pd.DataFrame, said: dict[str, str]) -> None:
    """Hold every bar and the words at its end: a share, and in the first row what it is of."""
    ends = np.nan_to_num(np.column_stack([numbers(rows[measure]) for measure in PAIR]))
    low, high = min(ends.min() * 1.05, 0), 1.15 * max(ends.max(), 0) or 1
    ax.set(xlim=(low, high), ylim=(len(rows) - 0.5, -0.5))
    across = letters_across(ax)
    for share, word in zip(ends[0], said.values(), strict=True):
        if not _is_inside(ax, share, word):
            taken = min((len(word) + SHARE) / across, 0.7)
            high = max(high, (max(share, 0) - low * taken) / (1 - taken))
    ax.set_xlim(low, high)
