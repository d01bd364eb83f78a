"""How large each segment is, in customers and in revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    canvas,
    legend,
    literal,
    name_axes,
    named,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
)
from segkit.plots.style import ENGLISH, GREY, Style, segment_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIR = ("customers_share", "revenue_share")
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
        Two bars a segment, pale for customers and full for revenue.

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
    ['20%', '60%']
    """
    require(kpis, ["segment", *PAIR], "segment_sizes")
    rows = named(kpis)
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=1.5 + 0.62 * len(rows)) as panel:
        _draw_pairs(panel, rows, style)
        _set_limits(panel, rows)
        speak_ticks(panel.xaxis, style.percent)
        name_axes(panel, style.label("share"))
        panel.grid(axis="x")
        faces = zip(PAIR, ((GREY, PALENESS), GREY), strict=True)
        looks = {measure: {"facecolor": face, "edgecolor": GREY} for measure, face in faces}
        legend(panel, looks, style)
        return panel


def _draw_pairs(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    places = np.arange(len(rows))
    colours = [segment_colour(key) for key in rows["segment"]]
    for measure, shift, alpha in zip(PAIR, (-0.19, 0.19), (PALENESS, 1), strict=True):
        shares = numbers(rows[measure])
        faces = [(colour, alpha) for colour in colours]
        bar: dict[str, Any] = {"height": 0.36, "color": faces, "edgecolor": colours}
        ax.barh(places + shift, np.nan_to_num(shares), **bar)
        for place, share in zip(places + shift, shares, strict=True):
            _say(ax, place, share, style)
    ax.set_yticks(places, labels=[literal(style.label(key)) for key in rows["segment"]])


def _say(ax: Axes, place: float, share: float, style: Style) -> None:
    at = (max(np.nan_to_num(share), 0), place)
    offset: dict[str, Any] = {"xytext": (4, 0), "textcoords": "offset points"}
    ax.annotate(spoken(style.percent, share), at, **offset, va="center")


def _set_limits(ax: Axes, rows: pd.DataFrame) -> None:
    shares = np.nan_to_num(np.concatenate([numbers(rows[measure]) for measure in PAIR]))
    room = 1.15 * max(shares.max(), 0)
    ax.set_xlim(min(shares.min() * 1.05, 0), room or 1)
    ax.set_ylim(len(rows) - 0.5, -0.5)
