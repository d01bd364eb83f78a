"""A deck of slides as a PowerPoint file: texts, tables and charts of its own, nothing linked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from PIL.Image import DecompressionBombError
from pptx import Presentation
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches

from segkit.foundation.files import replacing
from segkit.report.exports.deck import Block, Cover, Deck, Grid, Slide, Tiles
from segkit.report.exports.slide_blocks import (
    BETWEEN,
    HEAD_HIGH,
    ROW_HIGH,
    add_block,
    list_size,
    put,
    text_box,
)
from segkit.report.exports.slide_texts import MUTED, Box, Style, legal, shortened

WIDTH, HEIGHT = 13.333, 7.5
LEFT, BROAD = 0.6, 12.133
TITLE = Box(LEFT, 0.35, BROAD, 1.2)
LEAD = Box(LEFT, 1.55, BROAD, 0.55)
FOOT = Box(LEFT, 6.98, BROAD - 1, 0.32)
NUMBER = Box(LEFT + BROAD - 1, 6.98, 1, 0.32)
BOTTOM, GAP = 6.85, 0.24
TILES_HIGH = 1.35
COVER, TITLES, LEADS = (44, 40, 36, 32, 28, 24), (26, 24, 22, 20), (16, 15, 14, 13, 12)
"""Sizes of letters in points: the client's name on the cover, titles, and what stands below them."""
LAYOUTS = ("Title Slide", "Title and Content", "Title Only")
"""What the deck keeps of python-pptx's layouts, which are made for narrow screens."""
FIRST_ACCENT = re.compile(rb'(<a:accent1><a:srgbClr val=")[0-9A-F]{6}')
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
FIELD = """<a:fld {spaces} id="{{00000000-0000-4000-8000-000000000001}}" type="slidenum">
<a:rPr lang="{language}" sz="1000"><a:solidFill><a:srgbClr val="{ink}"/></a:solidFill></a:rPr>
<a:t>{number}</a:t></a:fld>"""


def write_slides(deck: Deck, path: Path) -> Path:
    """Write a deck as a PowerPoint file; the same deck gives the same bytes.

    Parameters
    ----------
    deck : Deck
    path : Path
        File to write; replaced only when the new one is whole.

    Returns
    -------
    Path
        `path`.

    Examples
    --------
    >>> import datetime, tempfile
    >>> cover = Cover("Acme", "Customer segmentation", ("2024",))
    >>> deck = Deck(cover, (), "Acme", "en-GB", "#00639c", datetime.datetime(2025, 1, 1))
    >>> write_slides(deck, Path(tempfile.mkdtemp()) / "slides.pptx").name
    'slides.pptx'
    """
    shown: Any = Presentation()
    _set_up(shown, deck)
    _add_cover(shown, deck)
    for number, slide in enumerate(deck.slides, start=2):
        _add_slide(shown, deck, slide, number)
    held = BytesIO()
    shown.save(held)
    with replacing(path) as beside:
        beside.write_bytes(_settled(held, deck.accent))
    return Path(path)


def _set_up(shown: Any, deck: Deck) -> None:
    """Make the template's narrow layouts broad, and say what the file is."""
    stretch = Inches(WIDTH) / shown.slide_width
    shown.slide_width, shown.slide_height = Inches(WIDTH), Inches(HEIGHT)
    for layout in [each for each in shown.slide_layouts if each.name not in LAYOUTS]:
        shown.slide_layouts.remove(layout)
    for page in (shown.slide_master, *shown.slide_layouts):
        for place in page.placeholders:
            left, width = round(place.left * stretch), round(place.width * stretch)
            place.left, place.top, place.width, place.height = left, place.top, width, place.height
    made = deck.made.replace(tzinfo=None)
    facts = shown.core_properties
    facts.author, facts.last_modified_by = "segkit", "segkit"
    facts.title = shortened(f"{deck.cover.client} · {deck.cover.title}", 200)
    facts.created = facts.modified = made
    facts.language, facts.revision = deck.language, 1


def _settled(held: BytesIO, accent: str) -> bytes:
    """Return the file with the client's colour in its theme, and no time of day in it."""
    out = BytesIO()
    with ZipFile(held) as given, ZipFile(out, "w", ZIP_DEFLATED) as made:
        for name in given.namelist():
            content = given.read(name)
            if name.startswith("ppt/theme/"):
                content = FIRST_ACCENT.sub(rb"\g<1>" + accent[1:].upper().encode(), content)
            info = ZipInfo(name, FIRST_DAY)
            info.compress_type = ZIP_DEFLATED
            made.writestr(info, content)
    return out.getvalue()


def _layout(shown: Any, name: str) -> Any:
    return next(layout for layout in shown.slide_layouts if layout.name == name)


def _add_cover(shown: Any, deck: Deck) -> None:
    cover, page = deck.cover, shown.slides.add_slide(_layout(shown, LAYOUTS[0]))
    band = page.shapes.add_shape(MSO_SHAPE.RECTANGLE, *Box(0, 0, 0.35, HEIGHT).ends)
    band.fill.solid()
    band.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
    band.line.fill.background()
    title, below = page.placeholders
    say, quiet = partial(put, language=deck.language), Style(colour=MUTED)
    say(
        title,
        _on_cover(2.0, 1.6),
        [cover.client],
        [Style(True, "")],
        COVER,
        anchor=MSO_ANCHOR.BOTTOM,
    )
    say(below, _on_cover(3.6, 0.7), [cover.title], [Style()], (24, 20))
    say(text_box(page), _on_cover(4.4, 1.2), cover.facts, [quiet] * len(cover.facts), (16, 14, 12))
    if cover.footer:
        say(text_box(page), _on_cover(6.4, 0.8), [cover.footer], [quiet], (12, 11))
    if cover.logo:
        _add_logo(page, cover)


def _on_cover(top: float, high: float) -> Box:
    return Box(1.2, top, BROAD - 0.6, high)


def _add_logo(page: Any, cover: Cover) -> None:
    """Put the logo at the top, as large as its place allows; nothing of what is no whole picture."""
    most = Box(1.2, 0.7, 3.2, 1.2)
    try:
        logo = page.shapes.add_picture(BytesIO(cover.logo), Inches(most.left), Inches(most.top))
    except (OSError, ValueError, DecompressionBombError):
        return
    scale = min(Inches(most.width) / logo.width, Inches(most.height) / logo.height)
    logo.width, logo.height = round(logo.width * scale), round(logo.height * scale)
    logo._element.nvPicPr.cNvPr.set("descr", shortened(cover.client, 200))


def _add_slide(shown: Any, deck: Deck, slide: Slide, number: int) -> None:
    page = shown.slides.add_slide(_layout(shown, LAYOUTS[2]))
    say = partial(put, language=deck.language)
    bold, quiet = [Style(True, "")], [Style(colour=MUTED)]
    say(page.shapes.title, TITLE, [slide.title], bold, TITLES, anchor=MSO_ANCHOR.BOTTOM)
    if slide.lead:
        say(text_box(page), LEAD, [slide.lead], quiet, LEADS)
    say(text_box(page), FOOT, [deck.running], quiet, (10,))
    _add_number(page, deck, number)
    top = LEAD.top + (LEAD.height if slide.lead else 0) + BETWEEN
    for row, box in _rows(slide, top):
        placed = list(_side_by_side(row, box))
        size = list_size(placed)
        for block, place in placed:
            add_block(page, block, place, deck, size)
    if slide.notes:
        page.notes_slide.notes_text_frame.text = "\n".join(map(legal, slide.notes.split("\n")))


def _rows(slide: Slide, top: float) -> Iterator[tuple[tuple[Block, ...], Box]]:
    """Give each row its place: figures and tables what they need, others a part of the rest."""
    needs = [_need(row) for row in slide.rows]
    rest = BOTTOM - top - sum(needs) - GAP * (len(needs) - 1)
    part = rest / max(needs.count(0.0), 1)
    for row, need in zip(slide.rows, needs, strict=True):
        yield row, Box(LEFT, top, BROAD, need or part)
        top += (need or part) + GAP


def _need(row: tuple[Block, ...]) -> float:
    """Return how high a row must be; 0 where it takes what there is."""
    if isinstance(row[0], Tiles):
        return TILES_HIGH
    if isinstance(row[0], Grid):
        return HEAD_HIGH + ROW_HIGH * len(row[0].rows)
    return 0.0


def _side_by_side(row: tuple[Block, ...], box: Box) -> Iterator[tuple[Block, Box]]:
    weights = [getattr(block, "weight", 1.0) for block in row]
    room, left = box.width - GAP * (len(row) - 1), box.left
    for block, weight in zip(row, weights, strict=True):
        width = room * weight / sum(weights)
        yield block, Box(left, box.top, width, box.height)
        left += width + GAP


def _add_number(page: Any, deck: Deck, number: int) -> None:
    box = page.shapes.add_textbox(*NUMBER.ends)
    paragraph = box.text_frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT
    field = FIELD.format(spaces=nsdecls("a"), language=deck.language, ink=MUTED, number=number)
    paragraph._p.append(parse_xml(field))
