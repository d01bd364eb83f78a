"""Pictures as the page holds them: small drawings with real letters, in light and in dark."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Mapping
from itertools import product
from math import floor
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import matplotlib
import pandas as pd
from markupsafe import Markup

from segkit.plots.canvas import rasterise_heavy
from segkit.plots.style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RASTER_DPI = 200  # of clouds of points, which a drawing would spell out one by one
SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"

# Letters are the reader's own; colours that mean nothing turn with the page, segments keep theirs.
LOOK = (
    "*{stroke-linejoin:round;stroke-linecap:butt}"
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;"
    "font-size:12px;fill:#333333}"
    "@media(prefers-color-scheme:dark){text{fill:#dfe5ec}"
    "[style*='fill:#333333']{fill:#dfe5ec!important}"
    "[style*='stroke:#333333']{stroke:#dfe5ec!important}"
    "[style*='stroke:#e5e5e5']{stroke:#313c48!important}"
    "[style*='fill:#ffffff']{fill:#12171d!important}"
    "[style*='stroke:#ffffff']{stroke:#12171d!important}}"
)
PLAIN = re.compile(r"font-size:12px;?|font-family:'DejaVu Sans';?|fill:#333333;?")
FILLED = re.compile(r"fill:url\(#([^)]+)\)")
NUMBER = re.compile(r"-?\d+\.\d+")
ENCODED = str.maketrans({"%": "%25", "#": "%23", "<": "%3C", ">": "%3E", "&": "&amp;", "\n": " "})


def drawn(
    plot: Callable[..., Axes],
    table: pd.DataFrame,
    style: Style,
    options: Mapping[str, object],
) -> Markup:
    """Draw a picture and return it as a data address, escaped for an attribute.

    Parameters
    ----------
    plot : callable
        A picture of `segkit.plots`: called with the table and `style=`, returns an Axes.
    table : DataFrame
        What it draws.
    style : Style
        How it speaks.
    options : mapping
        Further arguments of `plot`.

    Returns
    -------
    Markup
        Of a drawing; the same for the same data.
    """
    look: dict[Any, Any] = {
        "savefig.dpi": RASTER_DPI,
        "svg.fonttype": "none",
        "svg.hashsalt": "segkit",
        "text.parse_math": False,
    }
    svg = io.BytesIO()
    with matplotlib.rc_context(look):
        figure: Any = plot(table, style=style, **options).figure
        rasterise_heavy(figure)
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        figure.savefig(svg, format="svg", bbox_inches="tight", metadata=nothing)
    if "matplotlib.pyplot" in sys.modules:  # else the notebook shows it a second time
        sys.modules["matplotlib.pyplot"].close(figure)
    return address(slim(svg.getvalue()))


def address(svg: str) -> Markup:
    """Return a drawing as a data address, escaped for an attribute in double quotes.

    Examples
    --------
    >>> address('<svg xmlns="http://www.w3.org/2000/svg"><text>5 &lt; 6</text></svg>')[:45]
    Markup("data:image/svg+xml,%3Csvg xmlns='http://www.w")
    """
    inside = lambda tag: tag[0].replace("'", "&#39;").replace('"', "'")
    quoted = re.sub(r"<[^>]*>", inside, svg).replace('"', "&quot;")  # the rest are in texts
    return Markup(f"data:image/svg+xml,{quoted.translate(ENCODED)}")


def slim(svg: bytes) -> str:
    """Return a drawing without what no eye sees: names, needless decimals, common styles.

    Examples
    --------
    >>> slim(b'<svg xmlns="http://www.w3.org/2000/svg"><g id="a"><g id="b"/></g></svg>')[-14:]
    '</style></svg>'
    """
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg)
    named = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg.decode()))
    for element in list(root.iter()):
        _trim(element, named)
    _draw_hatches(root)
    _prune(root)
    look = ElementTree.Element(f"{{{SVG}}}style")
    look.text = LOOK
    root.insert(0, look)
    return re.sub(r"\s+", " ", ElementTree.tostring(root, encoding="unicode"))


def _trim(element: ElementTree.Element, named: set[str]) -> None:
    attributes = element.attrib
    if attributes.get("id") not in named:
        attributes.pop("id", None)
    for key in ("d", "x", "y", "transform", "points"):
        if key in attributes:
            attributes[key] = NUMBER.sub(_short, attributes[key])
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    if "style" in attributes:
        style = re.sub(r"([:;])\s+", r"\1", attributes["style"])
        attributes["style"] = PLAIN.sub("", style) if element.tag.endswith("text") else style
    if XLINK in attributes:  # the short name is understood everywhere by now
        attributes["href"] = attributes.pop(XLINK)
    if not element.tag.endswith(("text", "tspan", "style")):
        element.text = None
    element.tail = None


def _short(number: re.Match[str]) -> str:
    # Hundredths of a point are finer than any screen, and kept only where marks are that small.
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _draw_hatches(root: ElementTree.Element) -> None:
    """Draw hatches as lines: printers make a heavy bitmap of every shape filled with a pattern."""
    patterns = {each.get("id"): each for each in root.iter(f"{{{SVG}}}pattern")}
    clips = ElementTree.SubElement(root, f"{{{SVG}}}defs")
    for parent in list(root.iter(f"{{{SVG}}}g")):
        for place, shape in reversed(list(enumerate(parent))):
            found = FILLED.search(shape.get("style", ""))
            if found is None or found[1] not in patterns or "d" not in shape.attrib:
                continue
            ground = next(patterns[found[1]].iterfind(f"{{{SVG}}}rect")).attrib["fill"]
            shape.set("style", FILLED.sub(f"fill:{ground}", shape.attrib["style"]))
            name = f"{found[1]}-{len(clips)}"
            clip = ElementTree.SubElement(clips, f"{{{SVG}}}clipPath", {"id": name})
            ElementTree.SubElement(clip, f"{{{SVG}}}path", {"d": shape.attrib["d"]})
            parent.insert(place + 1, _hatch(shape, patterns[found[1]], name))
    for holder in list(root.iter(f"{{{SVG}}}defs")):
        for pattern in list(holder.iterfind(f"{{{SVG}}}pattern")):
            holder.remove(pattern)


def _hatch(
    shape: ElementTree.Element, pattern: ElementTree.Element, clip: str
) -> ElementTree.Element:
    """The lines of a pattern's tiles over a shape, cut to it, and to what the shape is cut to."""
    group = ElementTree.Element(f"{{{SVG}}}g", {"clip-path": f"url(#{clip})"})
    places = [float(number) for number in re.findall(r"-?[\d.]+", shape.attrib["d"])]
    wide, high = float(pattern.attrib["width"]), float(pattern.attrib["height"])
    tiles = product(_steps(places[0::2], wide), _steps(places[1::2], high))
    for x, y in tiles:
        for line in pattern.iterfind(f"{{{SVG}}}path"):
            moved = {"transform": f"translate({x:g} {y:g})"}
            ElementTree.SubElement(group, f"{{{SVG}}}path", line.attrib | moved)
    if "clip-path" not in shape.attrib:
        return group
    outer = ElementTree.Element(f"{{{SVG}}}g", {"clip-path": shape.attrib["clip-path"]})
    outer.append(group)
    return outer


def _steps(places: list[float], size: float) -> list[float]:
    first, last = floor(min(places) / size), floor(max(places) / size)
    return [size * step for step in range(first, last + 1)]


def _prune(parent: ElementTree.Element) -> None:
    """Leave out empty groups, metadata and the style that every drawing begins with."""
    for child in list(parent):
        _prune(child)
        kind = child.tag.rpartition("}")[2]
        empty = kind in ("g", "defs") and not len(child)
        if empty or kind in ("metadata", "style"):
            parent.remove(child)
