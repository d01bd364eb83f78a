"""What clusters look like, and why there are that many."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from seaborn import heatmap

from segkit.plots.canvas import (
    canvas,
    hatch_cells,
    letters_across,
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
    write_cells,
)
from segkit.plots.style import BLUE, ENGLISH, ORANGE, VERMILLION, Style

MANY = 7  # features: with more there is no room for a sign before each number
DOUBLINGS = 2  # colours saturate at a quarter and at four times the base
CURVES = {"silhouette": (BLUE, "o"), "stability": (ORANGE, "s")}


def cluster_profile(
    relative: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH
) -> Axes:
    """Draw each segment's features as multiples of the base's mean.

    Parameters
    ----------
    relative : DataFrame
        One row a segment: `segment`, then one column a feature with its ratio to
        the base mean (1.0 = like the base). A row `total` is left out.
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One row a segment, one column a feature; white is like the base, and half
        of the base is as far from it as the double.

    Raises
    ------
    DataError
        If the column `segment` is missing.

    Source
    ------
    Definitions, section 5.

    Examples
    --------
    >>> relative = pd.DataFrame({"segment": ["loyal"], "orders": [2.5], "aov": [1.0]})
    >>> [text.get_text() for text in cluster_profile(relative).texts]
    ['×2.5', '×1']
    """
    require(relative, ["segment"], "cluster_profile")
    rows = named(relative)
    features = [column for column in rows.columns if column != "segment"]
    if rows.empty or not features:
        return no_data(ax, style)
    ratios = np.column_stack([numbers(rows[feature]) for feature in features])
    with canvas(ax, height=2.4 + 0.5 * len(rows)) as panel:
        heat = {"vmin": -DOUBLINGS, "vmax": DOUBLINGS, "cmap": "PuOr_r", "cbar": False}
        bare = {"xticklabels": False, "yticklabels": False}
        heatmap(_doublings(ratios), **heat, **bare, linewidths=2, ax=panel)
        hatch_cells(panel, np.isnan(_doublings(ratios)))
        write_cells(
            panel,
            _words(ratios, style),
            size=12 if len(features) <= MANY else 11 if len(features) <= 10 else 9,
        )
        _name_sides(panel, rows["segment"], features, style)
        name_axes(panel, style.label("times_the_base_mean"))
        return panel


def k_selection(selection: pd.DataFrame, *, ax: Axes | None = None, style: Style = ENGLISH) -> Axes:
    """Draw silhouette and stability against the number of clusters, the chosen one marked.

    Parameters
    ----------
    selection : DataFrame
        One row a number of clusters: `k`, `silhouette`, `stability` (both at most 1,
        NaN where not measured), `chosen` (bool).
    ax : Axes, optional
        Where to draw; a Figure of its own by default.
    style : Style, optional
        How the picture speaks.

    Returns
    -------
    Axes
        One line a measure, on a scale from 0 (lower if a value is) to 1.

    Raises
    ------
    DataError
        If a column is missing.

    Source
    ------
    Definitions, section 5; Rousseeuw (1987) for the silhouette.

    Examples
    --------
    >>> selection = pd.DataFrame({"k": [2, 3], "silhouette": [0.4, 0.5], "stability": [0.9, 0.8],
    ...                           "chosen": [False, True]})
    >>> [text.get_text() for text in k_selection(selection).texts]
    ['Silhouette', 'Stability', 'Chosen: 3']
    """
    require(selection, ["k", *CURVES, "chosen"], "k_selection")
    rows = selection[~np.isnan(numbers(selection["k"]))].sort_values("k")
    if rows.empty:
        return no_data(ax, style)
    with canvas(ax, height=3.8) as panel:
        _draw_curves(panel, rows, style)
        _mark_chosen(panel, rows, style)
        ks = numbers(rows["k"])
        name_places(panel, ks, [spoken(style.number, k) for k in ks])
        panel.set_xlim(ks.min() - 0.5, ks.max() + 0.5)
        name_axes(panel, style.label("number_of_clusters"), style.label("score"))
        return panel


def _doublings(ratios: np.ndarray) -> np.ndarray:
    """Return log2 of the ratios within the colour scale; zero is as low as it goes."""
    lowest = 2.0**-DOUBLINGS
    known = np.where(ratios >= 0, np.maximum(ratios, lowest), np.nan)
    return np.clip(np.log2(known), -DOUBLINGS, DOUBLINGS)


def _words(ratios: np.ndarray, style: Style) -> np.ndarray:
    words = np.full(ratios.shape, "–", dtype=object)
    sign = "×" if ratios.shape[1] <= MANY else ""
    for place in zip(*np.nonzero(~np.isnan(_doublings(ratios))), strict=True):
        words[place] = sign + spoken(style.number, ratios[place])
    return words


def _name_sides(ax: Axes, segments: pd.Series, features: list[str], style: Style) -> None:
    rows = segment_names(segments, style)
    ax.set_yticks(np.arange(len(rows)) + 0.5, labels=rows)
    heads = [literal(style.label(feature)) for feature in features]
    room = max(letters_across(ax) / len(heads), 1)
    upright = any(len(word) > room for head in heads for word in head.split())
    if not upright:
        heads = ["\n".join(textwrap.wrap(head, int(room))) for head in heads]
    ax.set_xticks(np.arange(len(heads)) + 0.5, labels=heads)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90 if upright else 0)


def _draw_curves(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    ends: dict[str, tuple[float, float]] = {}
    for measure, (colour, marker) in CURVES.items():
        ks, heights = numbers(rows["k"]), numbers(rows[measure])
        ax.plot(ks, heights, color=colour, marker=marker, markersize=8, linewidth=2)
        if not np.isnan(heights).all():
            ends[measure] = (ks.max(), heights[~np.isnan(heights)][-1])
    lowest = min([0.0, *np.nan_to_num(numbers(rows["silhouette"])) - 0.05])
    ax.set_ylim(lowest, 1)
    speak_ticks(ax.yaxis, style.number)
    ax.grid(axis="y")
    _name_curves(ax, ends, style)


def _name_curves(ax: Axes, ends: dict[str, tuple[float, float]], style: Style) -> None:
    heights = {measure: end[1] for measure, end in ends.items()}
    if len(heights) == 2 and np.ptp(list(heights.values())) < 0.09:
        low, high = sorted(heights, key=heights.__getitem__)
        middle = (heights[high] + heights[low]) / 2
        heights[low], heights[high] = middle - 0.045, middle + 0.045
    for measure, (last, _) in ends.items():
        words = literal(style.label(measure), 16)
        beside: dict[str, Any] = {"xytext": (10, 0), "textcoords": "offset points", "va": "center"}
        ax.annotate(words, (last, heights[measure]), **beside)


def _mark_chosen(ax: Axes, rows: pd.DataFrame, style: Style) -> None:
    for k in numbers(rows.loc[rows["chosen"].fillna(False).astype(bool), "k"]):
        ax.axvline(k, color=VERMILLION, linewidth=1.5, linestyle=":", zorder=1)
        words = f"{literal(style.label('chosen'))}: {spoken(style.number, k)}"
        ax.text(k, 1.03, words, transform=ax.get_xaxis_transform(), ha="center", va="bottom")
