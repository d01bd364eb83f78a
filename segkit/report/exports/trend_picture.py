"""A trend as a picture of a few hundred bytes, which any mail program shows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from segkit.plots.style import tint

WIDTH, HEIGHT = 112, 30  # in points of a screen
SHARPNESS = 3  # screens of phones and printers have several dots a point
EDGE = 0.04  # of the width: room for the mark
FAINT = 0.85  # share of white below the line
PAPER = "#ffffff"  # not see-through: a dark page of a mail program would swallow the line


def trend_picture(values: Sequence[float], colour: str) -> bytes:
    """Return values in order as a line over its distance from nothing, the last marked; a PNG.

    Parameters
    ----------
    values : sequence of float
        At least two.
    colour : str
        Of the line, `#rrggbb`.

    Returns
    -------
    bytes
        The same for the same values.

    Examples
    --------
    >>> picture = trend_picture([1.0, 3.0, 2.0], "#00639c")
    >>> picture[:4], len(picture) < 5000, picture == trend_picture([1.0, 3.0, 2.0], "#00639c")
    (b'\\x89PNG', True, True)
    """
    low, high = min(0.0, *values), max(0.0, *values)
    edge = 0.14 * (high - low) or 1.0
    with matplotlib.rc_context({"lines.solid_capstyle": "round", "lines.solid_joinstyle": "round"}):
        figure = Figure(figsize=(WIDTH / 72, HEIGHT / 72), facecolor=PAPER)
        axes: Any = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.fill_between(range(len(values)), values, color=tint(colour, FAINT), linewidth=0)
        axes.plot(values, color=colour, linewidth=1.75)
        axes.plot(len(values) - 1, values[-1], "o", color=colour, markersize=5)
        axes.set_xlim(*(end * (len(values) - 1) for end in (-EDGE, 1 + EDGE)))
        axes.set_ylim(low - edge, high + edge)
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=72 * SHARPNESS, metadata={"Software": None})
    return png.getvalue()
