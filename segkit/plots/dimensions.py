"""Segments by the values of a dimension: a channel, a shop, a category."""

from __future__ import annotations

import textwrap
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from seaborn import heatmap

from segkit.errors import DataError
from segkit.plots.canvas import (
    canvas,
    hatch_cells,
    legend,
    letters_across,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    segment_names,
    spoken,
    write_cells,
)
from segkit.plots.panels import HATCHED
from segkit.plots.style import ENGLISH, PALE, Style

SPEAKS = {"customers": "number", "revenue_share": "percent", "clv": "money"}
"""What can be shown, and how each is said."""
OTHER = "other"
WIDEST = 14  # letters of a value
LINES = 0.5  # inches a segment: two lines and the room around them
CROWDED = 8  # values: with more there is no room for letters of the usual size


def dimension_heatmap(
    cells: pd.DataFrame,
    *,
    value: Literal["customers", "revenue_share", "clv"] = "revenue_share",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw where customers or money are: a row a segment, a column a value of a dimension.

    Parameters
    ----------
    cells : DataFrame
        One row a segment and value: `segment`, in the order wanted; then the dimension,
        whatever its name (missing: not known; `other`: all values without a column); `customers`,
        and what is shown: `revenue_share` (of the brand, 0..1) or `clv` (money a customer). A row
        without `customers` has too few of them for figures.
    value : {"customers", "revenue_share", "clv"}, optional
        What colours the cells and is written first in them; below it stand the customers.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        Values with most revenue, or most customers, come first. A cell of too few customers is
        hatched and holds no number; one of nobody, a dash.

    Raises
    ------
    DataError
        If a column is missing, a cell comes twice, or `value` is none of the three.

    Source
    ------
    Definitions, section 2, "Dimensions".

    Examples
    --------
    >>> cells = pd.DataFrame({"segment": ["loyal", "loyal"], "channel": ["web", "shop"],
    ...                       "customers": [30, None], "revenue_share": [0.4, None]})
    >>> [text.get_text() for text in dimension_heatmap(cells).texts]
    ['40%\\n30', '']
    """
    if value not in SPEAKS:
        fix = f"use one of {', '.join(SPEAKS)}"
        raise DataError("unknown value", where="dimension_heatmap", values=[value], fix=fix)
    require(cells, ["segment", "customers", value], "dimension_heatmap")
    if cells.empty or np.isnan(numbers(cells["customers"])).all():
        return no_data(ax, style)
    grids = _grids(cells, value)
    customers, shown, few = grids["customers"], grids["shown"], grids["few"].notna().to_numpy()
    top = 1.2 * np.nanmax(np.maximum(shown.to_numpy(), 0), initial=0) or 1  # short of black
    with canvas(ax, height=1.6 + LINES * len(shown)) as panel:
        heat = {"vmin": 0, "vmax": top, "cmap": "mako_r", "cbar": False, "linewidths": 2}
        bare = {"xticklabels": False, "yticklabels": False}
        heatmap(shown.fillna(0), mask=customers.isna(), **heat, **bare, ax=panel)
        crowded = shown.shape[1] > CROWDED
        write_cells(panel, _words(customers, shown, few, value, style), size=9 if crowded else 11)
        hatch_cells(panel, few)
        _name_sides(panel, shown, style)
        name_axes(panel, f"{style.label(value)} · {style.label('customers')}")
        if few.any():
            legend(panel, {"few_customers": {**HATCHED, "edgecolor": PALE}}, style)
        return panel


def _grids(cells: pd.DataFrame, value: str) -> dict[str, pd.DataFrame]:
    """Return customers, what is shown, and where there are too few, by segment and place."""
    places, names = pd.factorize(cells.iloc[:, 1], use_na_sentinel=False)
    plain = pd.DataFrame({"segment": cells["segment"].astype(str), "place": places})
    plain = plain.assign(customers=numbers(cells["customers"]), shown=numbers(cells[value]))
    twice = cells[plain.duplicated(["segment", "place"]).to_numpy()].iloc[:, :2]
    if len(twice):
        pairs = [f"{segment}, {name}" for segment, name in twice.to_numpy()]
        where, count = "dimension_heatmap", len(pairs)
        raise DataError("a cell comes twice", where=where, values=pairs[:3], count=count)
    plain["few"] = plain["customers"].isna().map({True: 1.0, False: np.nan})
    weights = plain.groupby("place")["customers" if value == "clv" else "shown"].sum()
    segments, order = list(dict.fromkeys(plain["segment"])), _ordered(names, weights)
    keyed = plain.set_index(["segment", "place"])
    grids = {name: keyed[name].unstack() for name in ("customers", "shown", "few")}
    heads = pd.Index([names[place] for place in order], dtype=object)
    return {
        name: grid.reindex(index=segments, columns=order).astype(float).set_axis(heads, axis=1)
        for name, grid in grids.items()
    }


def _ordered(names: pd.Index, weights: pd.Series) -> list[int]:
    """Return the places of values by weight, the rest and what is not known behind them."""
    rank = {place: 2 if pd.isna(name) else int(name == OTHER) for place, name in enumerate(names)}
    return sorted(rank, key=lambda place: (rank[place], -weights[place]))


def _words(
    customers: pd.DataFrame, shown: pd.DataFrame, few: np.ndarray, value: str, style: Style
) -> np.ndarray:
    words = np.where(few, "", "–").astype(object)
    speak = getattr(style, SPEAKS[value])
    for place in zip(*np.nonzero(customers.notna().to_numpy()), strict=True):
        first = spoken(speak, shown.to_numpy()[place])
        count = spoken(style.number, customers.to_numpy()[place])
        words[place] = first if value == "customers" else f"{first}\n{count}"
    return words


def _name_sides(ax: Axes, shown: pd.DataFrame, style: Style) -> None:
    rows = segment_names(shown.index, style, 20)
    ax.set_yticks(np.arange(len(rows)) + 0.5, labels=rows)
    heads = [_head(name, style) for name in shown.columns]
    room = max(letters_across(ax) // len(heads), 1)
    upright = any(len(word) > room for head in heads for word in head.split())
    if not upright:
        heads = ["\n".join(textwrap.wrap(head, room)) for head in heads]
    ax.set_xticks(np.arange(len(heads)) + 0.5, labels=heads)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90 if upright else 0)


def _head(name: Any, style: Style) -> str:
    if pd.isna(name):
        return literal(style.label("unknown_value"), WIDEST)
    return literal(style.label("other_values") if name == OTHER else name, WIDEST)
