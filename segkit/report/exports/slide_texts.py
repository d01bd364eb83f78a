"""Texts on a slide: shortened until they fit their box, in letters as large as that allows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from textwrap import wrap
from typing import Any
from unicodedata import east_asian_width

from pptx.dml.color import RGBColor
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches, Length, Pt

MUTED, INK = "596575", "333333"
LETTER, BOLD, LINE = 0.54, 0.64, 1.22
"""Mean width of a letter and height of a line in sizes of the letters: generous for Calibri, as the
fonts that stand in for it are broader."""
POINTS = 72
ROUNDING = 0.01
INSET = 0.08
BULLET = f'<a:buChar {nsdecls("a")} char="•"/>'

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile(r"[ \t\n\r\u2028\u2029]+")


@dataclass(frozen=True)
class Box:
    """A place on a slide, in inches; `inset` is how far letters stay away from its sides."""

    left: float
    top: float
    width: float
    height: float
    inset: float = INSET

    @property
    def ends(self) -> tuple[Length, Length, Length, Length]:
        """The same as python-pptx takes it."""
        return Inches(self.left), Inches(self.top), Inches(self.width), Inches(self.height)

    @property
    def inner(self) -> tuple[float, float]:
        """Width and height for letters, in points."""
        return (self.width - 2 * self.inset) * POINTS, (self.height - self.inset) * POINTS


@dataclass(frozen=True)
class Style:
    """How a paragraph looks: `colour` is `rrggbb`, empty for the accent."""

    bold: bool = False
    colour: str = INK
    scale: float = 1.0
    bullet: bool = False


def legal(text: object) -> str:
    """Return a text in one line that XML can hold.

    Examples
    --------
    >>> legal("a\\x00b\\n <c>\\ud800")
    'ab <c>'
    """
    return _BREAKS.sub(" ", _ILLEGAL.sub("", str(text))).strip(" ")


def shortened(text: str, letters: int) -> str:
    """Return a text of at most so many letters, an ellipsis at its end where some are gone.

    Examples
    --------
    >>> shortened("Champions of all", 10), shortened("Champions", 10)
    ('Champions…', 'Champions')
    """
    text = legal(text)
    return text if len(text) <= letters else f"{text[: max(letters - 1, 0)].rstrip()}…"


def height(texts: Sequence[str], styles: Sequence[Style], size: float, width: float) -> float:
    """Return how high paragraphs are, in points.

    Parameters
    ----------
    texts, styles : sequences of str and Style
        One a paragraph.
    size, width : float
        Size of the letters, and width of the lines, in points.

    Examples
    --------
    >>> [round(height([text], [Style()], 10, 270), 1) for text in ("a" * 100, "A")]
    [24.4, 12.2]
    """
    return sum(
        _lines(text, width / (size * style.scale * (BOLD if style.bold else LETTER)))
        * (size * style.scale * LINE)
        for text, style in zip(texts, styles, strict=True)
    )


def _lines(text: str, letters: float) -> int:
    return max(len(wrap(_broad(text), max(int(letters), 1))), 1)


def _broad(text: str) -> str:
    """Count capitals and the letters of East Asia twice."""
    return "".join(
        letter * (2 if letter.isupper() or east_asian_width(letter) in "WF" else 1)
        for letter in text
    )


def fitted(
    texts: Sequence[str],
    styles: Sequence[Style],
    box: Box,
    sizes: Sequence[float],
    gap: float = 0.0,
) -> tuple[float, list[str]]:
    """Return the largest of sizes at which paragraphs fit, and the paragraphs.

    At the smallest, the longest are cut until they fit.

    Parameters
    ----------
    texts, styles : sequences of str and Style
        One a paragraph.
    box : Box
    sizes : sequence of float
        Sizes of letters in points, the largest first.
    gap : float, optional
        Space after a paragraph, in sizes of its letters.
    """
    found = [legal(text) for text in texts]
    width, room = box.inner

    def fits(size: float) -> bool:
        space = gap * size * sum(style.scale for style in styles)
        return height(found, styles, size, width) + space <= room + ROUNDING

    for size in sizes:
        if fits(size):
            return size, found
    while not fits(sizes[-1]) and any(len(text) > 1 for text in found):
        longest = max(range(len(found)), key=lambda place: len(found[place]))
        found[longest] = shortened(found[longest], max(int(len(found[longest]) * 0.9), 1))
    return sizes[-1], found


def common(
    parts: Iterable[tuple[Sequence[str], Box]],
    styles: Sequence[Style],
    sizes: Sequence[float],
    gap: float = 0.0,
) -> float:
    """Return the largest of sizes at which texts side by side fit, each in its own box.

    Their paragraphs take the styles in turn.
    """
    found = [
        fitted(texts, [style for style, _ in zip(cycle(styles), texts)], box, sizes, gap)[0]
        for texts, box in parts
    ]
    return min(found, default=sizes[-1])


def write(
    frame: Any,
    box: Box,
    texts: Sequence[str],
    styles: Sequence[Style],
    sizes: Sequence[float],
    language: str,
    *,
    gap: float = 0.0,
    terms: Sequence[str] = (),
    anchor: MSO_ANCHOR = MSO_ANCHOR.TOP,
) -> None:
    """Write paragraphs into a text frame, in letters that fit its box.

    Parameters
    ----------
    frame : TextFrame
    box : Box
        Where the frame is.
    texts, styles : sequences of str and Style
        One a paragraph.
    sizes : sequence of float
        As for `fitted`.
    language : str
        Of the texts, such as ``es-ES``.
    gap : float, optional
        As for `fitted`.
    terms : sequence of str, optional
        The beginning of each paragraph that is set in bold.
    anchor : MSO_ANCHOR, optional
        Where in its box the text stands.
    """
    size, found = fitted(texts, styles, box, sizes, gap)
    frame.word_wrap, frame.auto_size = True, MSO_AUTO_SIZE.NONE
    frame.vertical_anchor = anchor
    frame.margin_left = frame.margin_right = Inches(box.inset)
    frame.margin_top = frame.margin_bottom = Inches(box.inset / 2)
    for place, (text, style) in enumerate(zip(found, styles, strict=True)):
        paragraph = frame.paragraphs[0] if place == 0 else frame.add_paragraph()
        paragraph.alignment = PP_ALIGN.LEFT
        paragraph.space_after = Pt(gap * size * style.scale)
        if style.bullet:
            _set_bullet(paragraph)
        term = terms[place] if place < len(terms) and text.startswith(terms[place]) else ""
        for part, bold in ((term, True), (text[len(term) :], style.bold)):
            if part:
                run = paragraph.add_run()
                run.text = part
                run._r.get_or_add_rPr().set("lang", language)
                set_font(run.font, size * style.scale, style, bold=bold)


def set_font(font: Any, size: float, style: Style, *, bold: bool) -> None:
    """Set a font's size, weight and colour."""
    font.size, font.bold = Pt(round(size, 1)), bold
    if style.colour:
        font.color.rgb = RGBColor.from_string(style.colour)
    else:
        font.color.theme_color = MSO_THEME_COLOR.ACCENT_1


def _set_bullet(paragraph: Any) -> None:
    properties = paragraph._p.get_or_add_pPr()
    properties.set("marL", str(Inches(0.18)))
    properties.set("indent", str(-Inches(0.18)))
    properties.append(parse_xml(BULLET))
