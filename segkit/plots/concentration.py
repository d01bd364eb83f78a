"""How much of the revenue the best customers make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import (
    canvas,
    literal,
    name_axes,
    no_data,
    numbers,
    require,
    speak_ticks,
    spoken,
)
from segkit.plots.style import BLUE, ENGLISH, GREY, INK, VERMILLION, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOP = 0.2


def lorenz_curve(
    lorenz: pd.DataFrame,
    *,
    value: str = "revenue_share",
    ax: Axes | None = None,
    style: Style = ENGLISH,
) -> Axes:
    """Draw the share of revenue against the share of customers, the top 20 % marked.

    Parameters
    ----------
    lorenz : DataFrame
        `customers_share` and `revenue_share`, both cumulated (0..1), with the best
        customers first (a curve above the diagonal) or last (below it).
    value : str, optional
        The column to draw instead of revenue's, such as `clv_share`; it names the y
        axis too.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        The curve, the diagonal of equality, and the point of the top 20 %.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 3 (Concentration).

    Examples
    --------
    >>> lorenz = pd.DataFrame({"customers_share": [0, 0.2, 1], "revenue_share": [0, 0.63, 1]})
    >>> lorenz_curve(lorenz).texts[-1].get_text()
    '20% → 63%'
    """
    require(lorenz, ["customers_share", value], "lorenz_curve")
    customers, revenue = cumulated(lorenz, value)
    if not len(customers):
        return no_data(ax, style)
    with canvas(ax, height=5.6) as panel:
        best_first = bool(np.trapezoid(revenue - customers, customers) >= 0)
        _draw_curve(panel, customers, revenue, style)
        if revenue[-1] > 0:
            _mark_top(panel, customers, revenue, best_first, style)
        order = "customers_best_first" if best_first else "customers_least_first"
        name_axes(panel, style.label(order), style.label(value))
        return panel


def cumulated(curve: pd.DataFrame, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve from the origin on, in the order of customers, without gaps.

    Parameters
    ----------
    curve : DataFrame
        `customers_share` and the column `value`, both cumulated (0..1).
    value : str
        Key of the column.

    Returns
    -------
    tuple of arrays
        The shares of customers and those of the value.

    Examples
    --------
    >>> curve = pd.DataFrame({"customers_share": [1.0, 0.5], "revenue_share": [1.0, 0.75]})
    >>> [list(map(float, shares)) for shares in cumulated(curve, "revenue_share")]
    [[0.0, 0.5, 1.0], [0.0, 0.75, 1.0]]
    """
    points = np.column_stack([numbers(curve["customers_share"]), numbers(curve[value])])
    points = points[~np.isnan(points).any(axis=1)]
    points = points[np.argsort(points[:, 0], kind="stable")]
    if len(points) and points[0, 0] > 0:
        points = np.vstack([[0.0, 0.0], points])
    return points[:, 0], points[:, 1]


def _draw_curve(ax: Axes, customers: np.ndarray, revenue: np.ndarray, style: Style) -> None:
    ax.fill_between(customers, customers, revenue, color=BLUE, alpha=0.12, linewidth=0)
    ax.plot(customers, revenue, color=BLUE, linewidth=2.5)
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    ax.set(xlim=(-0.01, 1.02), ylim=(min(-0.01, revenue.min()), max(1.02, revenue.max())))
    ax.set_aspect("equal")
    for axis in (ax.xaxis, ax.yaxis):
        speak_ticks(axis, style.percent)
    ax.grid()
    side = -1 if np.trapezoid(revenue - customers, customers) >= 0 else 1
    along: dict[str, Any] = {
        "rotation": 45,
        "rotation_mode": "anchor",
        "transform_rotates_text": True,
    }
    words: dict[str, Any] = {"ha": "center", "va": "top" if side < 0 else "bottom", "color": INK}
    ax.text(0.27, 0.27 + side * 0.015, literal(style.label("equality")), **along, **words)


def _mark_top(
    ax: Axes, customers: np.ndarray, revenue: np.ndarray, best_first: bool, style: Style
) -> None:
    place = TOP if best_first else 1 - TOP
    height = float(np.interp(place, customers, revenue))
    share = height / revenue[-1] if best_first else 1 - height / revenue[-1]
    ax.plot([place, place, 0], [0, height, height], color=VERMILLION, linewidth=1, linestyle=":")
    ax.plot([place], [height], color=VERMILLION, marker="o", markersize=9)
    side: dict[str, Any] = {"xytext": (12, -4), "ha": "left", "va": "top"}
    if not best_first:
        side = {"xytext": (-12, 4), "ha": "right", "va": "bottom"}
    words = f"{spoken(style.percent, TOP)} → {spoken(style.percent, share)}"
    ax.annotate(words, (place, height), textcoords="offset points", size=14, **side)
