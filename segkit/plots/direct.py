"""Words that stand at what they name: beside the last mark, or above a bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from segkit.plots.canvas import LINE, beside, letters_across, literal, spread, wrapped
from segkit.plots.style import GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 15  # letters of a name beside a picture
ROW = 17  # points from one row of notes to the next


class Mark(NamedTuple):
    """What a name stands beside.

    Parameters
    ----------
    word : str
        Its name.
    height : float
        Its middle, on the y axis.
    size : float
        How tall it is.
    """

    word: str
    height: float
    size: float = 0.0


def name_marks(ax: Axes, edge: float, marks: Sequence[Mark], width: int = WIDTH) -> int:
    """Write names on the right of marks, moved apart where they are close.

    Parameters
    ----------
    ax : Axes
        The picture, its limits set.
    edge : float
        Where the marks end, on the x axis.
    marks : sequence of Mark
        Those without a height are left out.
    width : int, optional
        Letters on a line; a name takes three lines at most.

    Returns
    -------
    int
        Letters of the width that the names take.

    Examples
    --------
    >>> from segkit.plots.canvas import canvas
    >>> with canvas(None, height=2) as ax:
    ...     name_marks(ax, 1, [Mark("New", 0.5), Mark("Returning customers", 0.5)])
    ...     [text.get_text() for text in ax.texts]
    11
    ['New', 'Returning\\ncustomers']
    """
    shown = sorted((mark for mark in marks if np.isfinite(mark.height)), key=lambda mark: mark[1])
    if not shown:
        return 0
    words = [wrapped(mark.word, width, most=3) for mark in shown]
    low, high = sorted(ax.get_ylim())
    inch = (high - low) / (ax.get_window_extent().height / ax.figure.dpi)
    room = np.array([LINE * (1.15 + word.count("\n")) * inch for word in words])
    places = spread(np.array([mark.height for mark in shown]), room, low, high)
    for word, mark, place in zip(words, shown, places, strict=True):
        beside(ax, word, (edge, mark.height), place, mark.size)
    return max(len(line) for word in words for line in word.split("\n")) + 2


def note_above(ax: Axes, place: float, height: float, word: str, *, row: int = 0) -> None:
    """Write a word above the picture, joined to a bar by a thin line.

    Parameters
    ----------
    ax : Axes
        The picture, its limits set.
    place, height : float
        The end of the bar.
    word : str
        What to write.
    row : int, optional
        How many rows of words stand between it and the picture.

    Examples
    --------
    >>> from segkit.plots.canvas import canvas
    >>> with canvas(None, height=2) as ax:
    ...     note_above(ax, 0.1, 0.5, "Incomplete month")
    ...     ax.texts[0].get_ha()
    'left'
    """
    left, right = ax.get_xlim()
    after = place < (left + right) / 2
    points = 72 * ax.get_window_extent().height / ax.figure.dpi
    look = {"arrowstyle": "-", "color": GREY, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 1}
    over: dict[str, Any] = {
        "xytext": (place, 1 + (4 + ROW * row) / points),
        "textcoords": ax.get_xaxis_transform(),
        "arrowprops": look | {"relpos": (0 if after else 1, 0)},
        "annotation_clip": False,
        "ha": "left" if after else "right",
        "va": "bottom",
    }
    short = literal(word, max(letters_across(ax) // 2, 12))
    ax.annotate(short, (place, min(height, ax.get_ylim()[1])), **over)
