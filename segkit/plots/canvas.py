"""What every picture shares: a figure of its own, literal texts, fixed ticks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from math import isfinite
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from scipy.optimize import isotonic_regression

from segkit.errors import DataError
from segkit.plots.style import GREY, INK, PALE, Style

FONT = "DejaVu Sans"  # comes with matplotlib: the same picture on every machine
CENTS = re.compile(r"(?<=\d)[.,](\d\d)(?!\d)")
LETTER = 0.1  # inches, about
NAME_WIDTH = 23  # letters on a line of a segment's name
HANDLE = 6  # letters that the sign and the room beside a legend's word take
LINE = 0.2  # inches from one line of twelve points to the next
MARGIN = 1.0  # inches that a figure leaves beside an Axes before it is laid out
WIDTH = 6.2  # inches: twelve points are ten pixels on a 390-pixel phone, margins included
HEAVY = 3_000  # points: above it a line or a cloud is smaller as pixels than as strokes
# Letters on colours that stay the same on dark paper; a drawing leaves plain black out.
DARK, LIGHT = "#010101", "#FEFEFE"
LOOK = MappingProxyType(
    {
        "axes.axisbelow": True,
        "axes.edgecolor": INK,
        "axes.facecolor": "none",
        "axes.labelcolor": INK,
        "axes.labelpad": 8,
        "figure.facecolor": "none",
        "font.family": FONT,
        "font.size": 12,
        "grid.color": "#E5E5E5",
        "hatch.linewidth": 1.0,
        "legend.columnspacing": 1.4,
        "legend.fontsize": 12,
        "legend.frameon": False,
        "text.color": INK,
        "text.parse_math": False,
        "text.usetex": False,
        "xtick.color": INK,
        "xtick.major.pad": 7,
        "xtick.major.size": 0,
        "ytick.color": INK,
        "ytick.major.pad": 5,
        "ytick.major.size": 0,
    }
)


@contextmanager
def canvas(ax: Axes | None, height: float) -> Iterator[Axes]:
    """Give the Axes to draw on, in the kit's look, and leave no trace of it behind.

    Parameters
    ----------
    ax : Axes or None
        Where to draw; None makes a Figure of its own, unknown to pyplot.
    height : float
        Height of that Figure, in inches.

    Yields
    ------
    Axes
        Without spines; texts put on it are drawn as they are, never as mathematics.
    """
    with style.context(["default", dict(LOOK)]):
        if ax is None:
            ax = Figure(figsize=(WIDTH, height), layout="constrained").add_subplot()
        ax.spines[:].set_visible(False)
        yield ax
        make_literal(ax)


def no_data(ax: Axes | None, style: Style) -> Axes:
    """Return a picture that says there is nothing to show.

    Examples
    --------
    >>> no_data(None, Style()).texts[0].get_text()
    'No data'
    """
    with canvas(ax, height=2) as panel:
        panel.set_axis_off()
        words = literal(style.label("no_data"))
        panel.text(0.5, 0.5, words, transform=panel.transAxes, ha="center", va="center")
        return panel


def rasterise_heavy(figure: Figure, most: int = HEAVY) -> int:
    """Let lines and clouds of very many points be drawn as pixels in a vector file.

    Parameters
    ----------
    figure : Figure
        The picture; its axes, letters and light lines stay as they are.
    most : int, optional
        Points of a line or a collection that are still drawn as strokes.

    Returns
    -------
    int
        How many lines and collections will be drawn as pixels.

    Examples
    --------
    >>> ax = no_data(None, Style())
    >>> _ = ax.plot(range(5000)), ax.plot(range(50))
    >>> rasterise_heavy(ax.figure), [line.get_rasterized() for line in ax.lines]
    (1, [True, False])
    """
    drawn = [*figure.findobj(Line2D), *figure.findobj(Collection)]
    heavy = [artist for artist in drawn if _points(artist) > most]
    for artist in heavy:
        artist.set_rasterized(True)
    return len(heavy)


def _points(artist: Artist) -> int:
    """Return how many points a line or a collection has."""
    if hasattr(artist, "get_xdata"):
        return np.size(artist.get_xdata(orig=False))
    collection: Any = artist
    corners = sum(len(path.vertices) for path in collection.get_paths())
    return max(len(collection.get_offsets()), corners)


def require(table: pd.DataFrame, columns: Sequence[str], picture: str) -> None:
    """Raise a DataError that names the columns a picture needs and does not find.

    Examples
    --------
    >>> require(pd.DataFrame({"k": [2]}), ["k", "chosen"], "k_selection")
    Traceback (most recent call last):
        ...
    segkit.errors.DataError: table of the picture k_selection: missing columns: 'chosen'
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        where = f"table of the picture {picture}"
        raise DataError("missing columns", where=where, values=missing)


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the segments, without the total.

    Examples
    --------
    >>> list(named(pd.DataFrame({"segment": ["loyal", "total"]}))["segment"])
    ['loyal']
    """
    return table[table["segment"].astype(str) != "total"]


def numbers(column: pd.Series) -> np.ndarray:
    """Return a column as floats; what is missing, infinite or no number becomes NaN.

    Examples
    --------
    >>> numbers(pd.Series([1, None, float("inf"), "n/a"], dtype=object))
    array([ 1., nan, nan, nan])
    """
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(values), values, np.nan)


def literal(text: object, width: int = 26) -> str:
    """Return a text that can be drawn as it is: one line, no control characters, shortened.

    Parameters
    ----------
    text : object
        Anything, from anywhere.
    width : int, optional
        Characters to keep; a longer text ends in an ellipsis.

    Returns
    -------
    str
        Characters that the font lacks become `□`: drawing them would warn.

    Examples
    --------
    >>> literal("  Grandes\\ncompradores\\x00 de toda la temporada")
    'Grandes compradores de to…'
    """
    line = "".join(letter for letter in " ".join(str(text).split()) if letter.isprintable())
    line = line.strip()
    short = line if len(line) <= width else line[: width - 1].rstrip() + "…"
    return "".join(letter if _in_font(letter) else "□" for letter in short)


def two_lines(text: object, width: int, end: str = "") -> str:
    """Return a text that can be drawn as it is, on one line or two.

    Parameters
    ----------
    text : object
        Anything, from anywhere.
    width : int
        Letters on a line; what does not fit on two lines is shortened.
    end : str, optional
        What stands behind the text and is not shortened, such as a count.

    Returns
    -------
    str
        The lines.

    Examples
    --------
    >>> two_lines("No se pueden perder", 16, " (1,234)")
    'No se pueden\\nperder (1,234)'
    >>> two_lines("Clientes que no se pueden perder", 16, " (1,234)")
    'Clientes que no\\nse pued… (1,234)'
    """
    return wrapped(text, width, end, most=2)


def wrapped(text: object, width: int, end: str = "", *, most: int) -> str:
    """Return a text that can be drawn as it is, on at most so many lines; see `two_lines`.

    Examples
    --------
    >>> wrapped("Cluster: more recent, more orders, more spent", 16, " (9)", most=3)
    'Cluster: more\\nrecent, more\\norders, mor… (9)'
    """
    line, together = literal(text, most * width), end[:1] + end[1:].replace(" ", "\u00a0")
    for keep in range(len(line), 0, -1):
        lines = textwrap.wrap(literal(line, keep) + together, width)
        if len(lines) <= most:
            return "\n".join(lines)
    return end.strip()


def segment_names(keys: Iterable[object], style: Style, width: int = NAME_WIDTH) -> list[str]:
    """Return the names of segments as rows of a picture have them, on one line or two.

    Examples
    --------
    >>> segment_names(["at_risk", "frequent_customers_of_low_ticket"], Style())
    ['At risk', 'Frequent customers of\\nlow ticket']
    """
    return [two_lines(style.label(str(key)), width) for key in keys]


def spoken(speak: Callable[[float], str], value: float) -> str:
    """Return a value as the style says it, or a dash where there is none.

    Examples
    --------
    >>> spoken(Style().percent, 0.2), spoken(Style().percent, float("nan"))
    ('20%', '–')
    """
    return literal(speak(float(value))) if isfinite(value) else "–"


def speak_ticks(
    axis: Axis, speak: Callable[[float], str], *, whole: bool = False, most: int = 5
) -> None:
    """Fix an axis's ticks where they are now and say their values, each text once.

    Fixed, because ticks made later, while drawing, would take the caller's settings.

    Parameters
    ----------
    axis : Axis
        The x or the y axis, its limits set.
    speak : callable
        From a value to its text.
    whole : bool, optional
        Whether only whole numbers make sense (counts).
    most : int, optional
        Steps between ticks, at most.
    """
    low, high = sorted(axis.get_view_interval())
    room = letters_across(axis.axes) if axis is axis.axes.xaxis else np.inf
    for steps in range(most, 0, -1):
        ticks = MaxNLocator(nbins=steps, integer=whole).tick_values(low, high)
        places = [place for place in ticks if low <= place <= high]
        words = _tick_words(
            [place for place in places if not whole or place == round(place)], speak
        )
        if sum(len(word) + 2 for word in words) <= room:
            break
    axis.set_ticks(list(words.values()), labels=list(words))


def _tick_words(places: Sequence[float], speak: Callable[[float], str]) -> dict[str, float]:
    """Return the place of each text, the lowest one of those that read the same."""
    words: dict[str, float] = {}
    spoken_places = evenly([spoken(speak, place) for place in places])
    for word, place in zip(spoken_places, places, strict=True):
        words.setdefault(word, place)
    return words


def speak_times(axis: Axis, speak: Callable[[float], str], *, most: int = 5) -> None:
    """Fix an axis's ticks at factors that a decimal says whole, and say them.

    Parameters
    ----------
    axis : Axis
        The x or the y axis, its limits set.
    speak : callable
        From a factor to its text, of one decimal.
    most : int, optional
        Steps between ticks, at most.

    Examples
    --------
    >>> with canvas(None, height=2) as ax:
    ...     _ = ax.set_ylim(0.7, 1.4)
    ...     speak_times(ax.yaxis, lambda value: f"×{value:.1f}")
    ...     [text.get_text() for text in ax.get_yticklabels()]
    ['×0.8', '×1.0', '×1.2', '×1.4']
    """
    low, high = sorted(axis.get_view_interval())
    # Tenths, so that steps of 1.25 are never written as 1.2.
    steps = (leap * 10**size for size in count() for leap in (1, 2, 5))
    step = next(step for step in steps if 10 * (high - low) <= most * step)
    places = np.arange(np.ceil(10 * low / step), np.floor(10 * high / step) + 1) * step / 10
    axis.set_ticks(places, labels=[spoken(speak, place) for place in places])


def evenly(words: Sequence[str]) -> list[str]:
    """Return the words of ticks without cents where none of them has any.

    Examples
    --------
    >>> evenly(["0 €", "50,00 €", "100 €", "1.000 €"]), evenly(["0.50", "1.00"])
    (['0 €', '50 €', '100 €', '1.000 €'], ['0.50', '1.00'])
    """
    cents = [CENTS.search(word) for word in words]
    if any(found and found[1].strip("0") for found in cents):
        return list(words)
    return [CENTS.sub("", word) for word in words]


def name_axes(ax: Axes, x: str, y: str = "") -> None:
    """Write the names of the axes, as long as there is room.

    Examples
    --------
    >>> with canvas(None, height=2) as ax:
    ...     name_axes(ax, "Month", "Revenue")
    ...     ax.get_xlabel(), ax.get_ylabel()
    ('Month', 'Revenue')
    """
    height = ax.get_window_extent().height / ax.figure.dpi
    ax.set_xlabel(literal(x, letters_across(ax)))
    ax.set_ylabel(literal(y, max(int(height / LETTER) - 2, 16)))


def letters_across(ax: Axes) -> int:
    """Return about how many letters fit side by side, right of the labels of the y axis.

    Examples
    --------
    >>> with canvas(None, height=2) as ax:
    ...     _ = ax.set_yticks([0], labels=["Potential loyalists"])
    ...     letters_across(ax)
    41
    """
    usual = 2 + MARGIN / LETTER
    words = [text.get_text() for text in (ax.yaxis.label, *ax.get_yticklabels())]
    margin = max(len(line) for word in words for line in word.split("\n"))
    return max(int(ax.get_window_extent().width / ax.figure.dpi / LETTER + usual - margin), 8)


def name_places(ax: Axes, places: Iterable[float], words: Sequence[str], *, taken: int = 0) -> None:
    """Write words at places along the x axis: as many as fit, the last one among them.

    Parameters
    ----------
    ax : Axes
        The picture.
    places : sequence of float
        Where, in the order of the axis.
    words : sequence of str
        One a place.
    taken : int, optional
        Letters of the width that something on the right of the picture takes.

    Examples
    --------
    >>> with canvas(None, height=2) as ax:
    ...     name_places(ax, range(9), ["September 2024"] * 9)
    ...     [int(place) for place in ax.get_xticks()]
    [2, 5, 8]
    """
    where = list(places)
    longest = max(len(word) for word in words)
    fitting = max(1, min(12, (letters_across(ax) - taken) // (longest + 2)))
    step = -(-len(where) // fitting)
    first = (len(where) - 1) % step
    ax.set_xticks(where[first::step], labels=list(words[first::step]))


def spread(places: np.ndarray, sizes: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return the places moved apart, as little as possible, so that nothing overlaps.

    Parameters
    ----------
    places : array of float
        Middles, ascending.
    sizes : array of float
        How much room each takes around its middle.
    low, high : float
        Between which all have to stay; if they cannot, all come closer alike.

    Returns
    -------
    array of float
        The least-squares places, in the same order.

    Source
    ------
    Barlow, Bartholomew, Bremner and Brunk (1972), Statistical inference under order
    restrictions.

    Examples
    --------
    >>> spread(np.array([1.0, 1.2, 5.0]), np.ones(3), 0, 10).round(2).tolist()
    [0.6, 1.6, 5.0]
    """
    sizes = sizes * min(1, (high - low) / sizes.sum())
    steps = np.append(0, (sizes[1:] + sizes[:-1]) / 2).cumsum()
    starts = isotonic_regression(places - steps).x
    return steps + np.clip(starts, low + sizes[0] / 2, high - sizes[-1] / 2 - steps[-1])


def beside(
    ax: Axes, word: str, at: tuple[float, float], height: float, size: float, *, left: bool = False
) -> None:
    """Write a word beside a mark, joined to it by a thin line where it had to move away.

    Parameters
    ----------
    ax : Axes
        The picture.
    word : str
        What to write.
    at : tuple of float
        The middle of the mark's edge.
    height : float
        Where the middle of the word stands.
    size : float
        How tall the mark is.
    left : bool, optional
        Whether the word stands on the left of the mark.
    """
    look = {"arrowstyle": "-", "color": GREY, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    away = abs(height - at[1]) > abs(size) / 2
    ax.annotate(
        word,
        at,
        xytext=(-14 if left else 14, height),
        textcoords=("offset points", "data"),
        ha="right" if left else "left",
        va="center",
        linespacing=1.05,
        arrowprops={**look, "relpos": (1 if left else 0, 0.5)} if away else None,
    )


def write_cells(ax: Axes, words: np.ndarray, size: float = 12) -> None:
    """Write a text into each cell of a heat map, dark or light as reads better.

    Parameters
    ----------
    ax : Axes
        A picture whose last collection is the mesh of the heat map.
    words : array of str
        One text a cell.
    size : float, optional
        Of the letters, in points.
    """
    mesh: Any = ax.collections[-1]
    colours = mesh.cmap(mesh.norm(mesh.get_array())).reshape(*words.shape, 4)
    for (row, column), text in np.ndenumerate(words):
        colour = readable(colours[row, column])
        ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, size=size)


def hatch_cells(ax: Axes, empty: np.ndarray) -> None:
    """Hatch the cells of a heat map that hold nothing.

    Parameters
    ----------
    ax : Axes
        The heat map.
    empty : array of bool
        Which cells.
    """
    look: dict[str, Any] = {
        "facecolor": "none",
        "edgecolor": PALE,
        "hatch": "//",
        "linewidth": 0,
        "alpha": 0.5,
    }
    for row, column in np.argwhere(empty):
        ax.add_patch(Rectangle((column + 0.02, row + 0.02), 0.96, 0.96, **look))


def legend(ax: Axes, looks: Mapping[str, Mapping[str, object]], style: Style) -> None:
    """Explain above the picture what each look of a bar means, in a row where it fits.

    Parameters
    ----------
    ax : Axes
        The picture.
    looks : mapping of str to mapping
        For the key of each label, how a `matplotlib.patches.Patch` looks.
    style : Style
        How the picture speaks.
    """
    _place_legend(ax, looks, style, Patch)


def line_legend(ax: Axes, looks: Mapping[str, Mapping[str, object]], style: Style) -> None:
    """Explain above the picture what each line or mark means, in columns where they fit.

    Parameters
    ----------
    ax : Axes
        The picture.
    looks : mapping of str to mapping
        For the key of each label, how a `matplotlib.lines.Line2D` looks.
    style : Style
        How the picture speaks.
    """
    _place_legend(ax, looks, style, lambda **look: Line2D([], [], **look), handlelength=2.4)


def _place_legend(
    ax: Axes,
    looks: Mapping[str, Mapping[str, object]],
    style: Style,
    handle: Callable[..., Any],
    **options: Any,
) -> None:
    room = letters_across(ax)
    words = [literal(style.label(key), max(room - HANDLE, 26)) for key in looks]
    pairs = zip(words, looks.values(), strict=True)
    handles = [handle(**look, label=word) for word, look in pairs]
    columns = max(
        count for count in range(1, len(words) + 1) if _wide(words, count) <= room or count == 1
    )
    above: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
    ax.legend(handles=handles, ncols=columns, **above, **options)


def _wide(words: Sequence[str], columns: int) -> int:
    """Return about how many letters a legend of so many columns takes from side to side."""
    lengths = [len(word) + HANDLE for word in words]
    # As the legend fills them: the first columns hold one word more than the others.
    parts = np.array_split(lengths, columns)
    return sum(max(part) for part in parts)


def readable(colour: np.ndarray) -> str:
    """Return black or nearly white, whichever contrasts more (WCAG 2 luminance).

    Examples
    --------
    >>> readable(np.array([0.0, 0.2, 0.4, 1.0])), readable(np.array([1.0, 0.9, 0.2, 1.0]))
    ('#FEFEFE', '#010101')
    """
    if not colour[3]:
        return INK
    parts = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return DARK if parts[:3] @ (0.2126, 0.7152, 0.0722) > 0.179 else LIGHT


def _in_font(letter: str) -> bool:
    return letter == " " or get_font(findfont(FONT)).get_char_index(ord(letter)) > 0


def make_literal(ax: Axes) -> None:
    """Let labels and ticks of an Axes be drawn as they are."""
    # Labels and ticks of a given Axes were made under its owner's settings.
    for axis in (ax.xaxis, ax.yaxis):
        for text in axis.findobj(Text):
            text.set_parse_math(False)
            text.set_usetex(False)
