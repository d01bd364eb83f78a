"""Pictures with several panels, lines named at their ends, and cohorts from old to new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from segkit.plots.canvas import LETTER, LINE, canvas, literal, make_literal
from segkit.plots.style import BLUE, GREY, Style, shade, tint
from segkit.plots.times import name_firsts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEAD = 0.42  # inches above each panel for its name
FOOT = 0.1  # inches below it
DARKEST, PALEST = 0.3, 0.6  # how much black and white the oldest and the newest cohort get
FAINTEST = 0.5  # how opaque the line of the oldest cohort is
CROWDED = 25  # places of lines that a name may cover
SAMPLES = 60  # places along each line that names keep clear of
HATCHED = {"facecolor": "none", "hatch": "//", "linewidth": 1}


@contextmanager
def panels(ax: Axes | None, heights: Sequence[float]) -> Iterator[tuple[Axes, list[Axes]]]:
    """Give an Axes and, in it, panels one below the other, all as wide as it is.

    Parameters
    ----------
    ax : Axes or None
        Where to draw; None makes a Figure of its own.
    heights : sequence of float
        Of each panel, in inches; in an Axes that is given they share its height alike.

    Yields
    ------
    tuple
        The Axes that holds the panels, bare, and the panels from top to bottom.

    Examples
    --------
    >>> with panels(None, [1.5, 1.5]) as (whole, parts):
    ...     len(parts), whole.child_axes == parts
    (2, True)
    """
    total = sum(heights) + (HEAD + FOOT) * len(heights)
    with canvas(ax, total + LINE) as whole:
        whole.set(xticks=[], yticks=[])
        tops = 1 - (np.cumsum([0, *heights[:-1]]) + (HEAD + FOOT) * np.arange(len(heights))) / total
        parts = [
            whole.inset_axes((0, top - (HEAD + height) / total, 1, height / total))
            for top, height in zip(tops, heights, strict=True)
        ]
        for part in parts:
            part.spines[:].set_visible(False)
        yield whole, parts
        for part in parts:
            make_literal(part)


def name_panel(panel: Axes, word: str, width: int = 50) -> None:
    """Write the name of a panel over it, on the left."""
    panel.set_title(
        literal(word, width), loc="left", size=12, pad=7, parse_math=False, usetex=False
    )


def in_order(table: pd.DataFrame, key: str = "unit") -> pd.DataFrame:
    """Return the rows that have a time, in order, with the place of each time on an axis.

    Parameters
    ----------
    table : DataFrame
        With a column of first days.
    key : str, optional
        That column.

    Returns
    -------
    DataFrame
        With `place`, 0 for the earliest time; times without a row take no room.

    Examples
    --------
    >>> table = pd.DataFrame({"unit": pd.to_datetime(["2024-02-01", "2024-01-01"])})
    >>> in_order(table)["place"].tolist()
    [0, 1]
    """
    rows = table.assign(**{key: pd.to_datetime(table[key], errors="coerce")})
    rows = rows.dropna(subset=[key]).sort_values(key, kind="stable")
    return rows.assign(place=pd.factorize(rows[key], sort=True)[0])


def flags(column: pd.Series, missing: bool) -> np.ndarray:
    """Return a column of yes and no; what is missing counts as `missing`."""
    return column.astype("boolean").fillna(missing).to_numpy(dtype=bool)


def name_units(ax: Axes, rows: pd.DataFrame, *, taken: int = 0) -> None:
    """Write below an axis the names of the calendar units, or those that begin a year.

    Parameters
    ----------
    ax : Axes
        The picture, its limits set.
    rows : DataFrame
        `place`, `unit` (first day) and `unit_name`.
    taken : int, optional
        Letters of the width that something on the right of the picture takes.
    """
    names = [literal(name, 14) for name in rows["unit_name"]]
    name_firsts(ax, rows.assign(unit_name=names), "unit_name", "unit", taken=taken)


def cohort_colours(count: int) -> list[str]:
    """Return a colour a cohort, dark for the oldest and light for the newest.

    Examples
    --------
    >>> cohort_colours(3)
    ['#00507D', '#0072B2', '#99C7E0']
    >>> cohort_colours(1), cohort_colours(0)
    (['#0072B2'], [])
    """
    places = np.linspace(-1, 1, count) if count != 1 else [0.0]
    return [
        shade(BLUE, -DARKEST * place) if place < 0 else tint(BLUE, PALEST * place)
        for place in places
    ]


def cohort_strengths(count: int) -> list[float]:
    """Return how opaque the line of each cohort is, faint for the oldest.

    Examples
    --------
    >>> [round(strength, 2) for strength in cohort_strengths(3)]
    [0.5, 0.75, 1.0]
    """
    return np.linspace(FAINTEST, 1, count).tolist() if count > 1 else [1.0]


@dataclass(frozen=True)
class Curve:
    """A line of a picture and the name that may stand at its end.

    Parameters
    ----------
    name : str
        Ready to draw.
    x, y : array of float
        Its points, in order, none missing.
    """

    name: str
    x: np.ndarray
    y: np.ndarray


def name_ends(ax: Axes, curves: Sequence[Curve], order: Sequence[int]) -> None:
    """Write names at the ends of lines, as many as find room, the most important first.

    Parameters
    ----------
    ax : Axes
        The picture, its limits set.
    curves : sequence of Curve
        All lines.
    order : sequence of int
        Which lines are named, the most important first.
    """
    scale = _inches(ax)
    paper = np.array([ax.get_xlim()[0], ax.get_ylim()[0]]) * scale
    lines = np.concatenate([_sampled(curve, scale) for curve in curves])
    taken: list[np.ndarray] = []
    for index in order:
        curve = curves[index]
        end = np.array([curve.x[-1], curve.y[-1]])
        found = [
            (_crowd(box, lines, taken), tuple(box), look)
            for box, look in _boxes(end * scale, len(curve.name))
            if (box[:2] >= paper).all()
        ]
        if not found or min(found, key=itemgetter(0))[0] > CROWDED:
            continue
        placed: tuple[Any, Any, Any] = min(found, key=itemgetter(0))
        _, box, look = placed
        taken.append(np.array(box))
        ax.annotate(
            curve.name, tuple(end), textcoords="offset points", annotation_clip=False, **look
        )


def spaced(count: int, most: int) -> list[int]:
    """Return which of so many cohorts to name: the last, the first, then evenly between.

    Examples
    --------
    >>> spaced(9, 3), spaced(2, 5), spaced(1, 5)
    ([8, 0, 4], [1, 0], [0])
    """
    some = np.linspace(0, count - 1, min(most, count)).round().astype(int).tolist()
    return list(dict.fromkeys([count - 1, 0, *some]))


def _inches(ax: Axes) -> np.ndarray:
    """Return the inches of one unit of each axis."""
    box = ax.get_window_extent()
    sides = np.array([box.width, box.height]) / ax.figure.dpi
    spans = np.array([np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim())])
    return sides / spans


def _sampled(curve: Curve, scale: np.ndarray) -> np.ndarray:
    """Return many points along a line, in inches."""
    steps = np.linspace(0, len(curve.x) - 1, SAMPLES)
    places = np.arange(len(curve.x))
    points = [np.interp(steps, places, side) for side in (curve.x, curve.y)]
    return np.column_stack(points) * scale


def _boxes(end: np.ndarray, letters: int) -> Iterator[tuple[np.ndarray, Mapping[str, object]]]:
    """Give the box of a name right of, above and below an end, in inches, and its look."""
    width, gap = letters * LETTER * 0.9, 0.09
    heights = {"center": -LINE / 2, "bottom": gap, "top": -gap - LINE}
    for ha, va in (("left", "center"), *product(("left", "right"), ("bottom", "top"))):
        left = end[0] + (gap if ha == "left" else -gap - width)
        low = end[1] + heights[va]
        away = {"center": 0, "bottom": gap, "top": -gap}[va]
        box = np.array([left, low, left + width, low + LINE])
        shift = (72 * gap * (1 if ha == "left" else -1), 72 * away)
        yield box, {"ha": ha, "va": va, "xytext": shift}


def _crowd(box: np.ndarray, lines: np.ndarray, taken: list[np.ndarray]) -> int:
    """Return how many points of lines a box would cover; other names count for many."""
    inside = (lines >= box[:2]).all(axis=1) & (lines <= box[2:]).all(axis=1)
    return int(inside.sum()) + 1000 * sum(_overlap(box, other) for other in taken)


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


def zero_line(ax: Axes) -> None:
    """Draw where zero is, and a grid behind the marks."""
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.grid(axis="y")


def incomplete(style: Style, colour: str = GREY) -> dict[str, dict[str, Any]]:
    """Return how a calendar unit that was not observed whole is explained in a legend."""
    return {"incomplete_unit": {**HATCHED, "edgecolor": colour}}
