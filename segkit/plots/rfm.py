"""The grid of recency and frequency scores."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from seaborn import heatmap

from segkit.errors import DataError
from segkit.plots.canvas import (
    canvas,
    hatch_cells,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    spoken,
    write_cells,
)
from segkit.plots.style import ENGLISH, Style


def rfm_heatmap(
    cells: pd.DataFrame,
    *,
    value: Literal["customers", "revenue_mean"] = "customers",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw the recency × frequency grid, the most recent customers on top.

    Parameters
    ----------
    cells : DataFrame
        One row a cell: `r`, `f` (scores from 1 up; the highest of both says how many there
        are), `customers`, and `revenue_mean` (money) if that is shown.
    value : {"customers", "revenue_mean"}, optional
        What colours the cells and is written first in them. Below it stands the
        share of all customers, or the cell's customers.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        A cell without customers is hatched and holds a dash.

    Raises
    ------
    DataError
        If a column is missing, a cell comes twice, or `value` is neither.

    Source
    ------
    Definitions, section 4.

    Examples
    --------
    >>> cells = pd.DataFrame({"r": [5, 1], "f": [5, 1], "customers": [30, 10]})
    >>> [text.get_text() for text in rfm_heatmap(cells).texts if "%" in text.get_text()]
    ['30\\n75%', '10\\n25%']
    """
    customers, shown = _grids(cells, value)
    if not customers.notna().any(axis=None):
        return no_data(ax, style)
    top = 1.2 * np.nanmax(shown.to_numpy(), initial=0) or 1  # short of black
    with canvas(ax, height=5.5) as panel:
        heat = {"vmin": 0, "vmax": top, "cmap": "mako_r", "cbar": False, "linewidths": 2}
        heatmap(shown.fillna(0), mask=customers.isna(), **heat, ax=panel)
        write_cells(panel, _words(customers, shown, value, style))
        hatch_cells(panel, customers.isna().to_numpy())
        panel.tick_params(rotation=0)
        name_axes(panel, style.label("frequency_score"), style.label("recency_score"))
        _explain(panel, value, style)
        return panel


def _grids(cells: pd.DataFrame, value: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    if value not in ("customers", "revenue_mean"):
        fix = "use 'customers' or 'revenue_mean'"
        raise DataError("unknown value", where="rfm_heatmap: value", values=[value], fix=fix)
    require(cells, ["r", "f", "customers", value], "rfm_heatmap")
    plain = cells[["r", "f"]].assign(customers=numbers(cells["customers"]))
    plain["shown"] = numbers(cells[value])
    plain = plain[plain["customers"] > 0].dropna(subset=["r", "f"]).astype({"r": int, "f": int})
    twice = plain[plain.duplicated(["r", "f"])]
    if len(twice):
        pairs = [f"r={row.r} f={row.f}" for row in twice.itertuples()]
        raise DataError("a cell comes twice", where="rfm_heatmap", values=pairs, count=len(pairs))
    highest = int(np.nanmax([1, *numbers(cells["r"]), *numbers(cells["f"])]))
    return _grid(plain, "customers", highest), _grid(plain, "shown", highest)


def _grid(plain: pd.DataFrame, column: str, highest: int) -> pd.DataFrame:
    grid = plain.pivot(index="r", columns="f", values=column).astype(float)
    return grid.reindex(index=range(highest, 0, -1), columns=range(1, highest + 1))


def _words(customers: pd.DataFrame, shown: pd.DataFrame, value: str, style: Style) -> np.ndarray:
    """Return two lines a cell."""
    total = np.nansum(customers.to_numpy())
    words = np.full(customers.shape, "–", dtype=object)
    for place in zip(*np.nonzero(customers.notna()), strict=True):
        count = customers.to_numpy()[place]
        first = style.number if value == "customers" else style.money
        second = (style.percent, count / total) if value == "customers" else (style.number, count)
        words[place] = f"{spoken(first, shown.to_numpy()[place])}\n{spoken(*second)}"
    return words


def _explain(ax: Axes, value: str, style: Style) -> None:
    second = "customers_share" if value == "customers" else "customers"
    words = f"{literal(style.label(value))} · {literal(style.label(second))}"
    ax.set_title(words, loc="left", size=12, parse_math=False, usetex=False)
