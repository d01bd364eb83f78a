"""A deck of slides as a PowerPoint file: texts, tables and charts of its own, nothing linked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from pptx import Presentation
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.shapes import MSO_SHAPE
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Inches, Pt

from segkit.foundation.files import replacing
from segkit.report.exports.deck import Block, Cards, Chart, Cover, Deck, Grid, Points, Slide, Tiles
from segkit.report.exports.slide_charts import add_chart
from segkit.report.exports.slide_texts import (
    INK,
    INSET,
    MUTED,
    POINTS,
    Box,
    Style,
    legal,
    shortened,
    write,
)

WIDTH, HEIGHT = 13.333, 7.5
LEFT, BROAD = 0.6, 12.133
TITLE = Box(LEFT, 0.35, BROAD, 1.2)
LEAD = Box(LEFT, 1.55, BROAD, 0.55)
FOOT = Box(LEFT, 6.98, BROAD - 1, 0.32)
NUMBER = Box(LEFT + BROAD - 1, 6.98, 1, 0.32)
BOTTOM, GAP = 6.85, 0.3
TILES_HIGH, ROW_HIGH = 1.35, 0.34
LAYOUTS = ("Title Slide", "Title and Content", "Title Only")
"""What the deck keeps of python-pptx's layouts, which are made for narrow screens."""
SIZES = (20, 18, 17, 16, 15, 14, 13, 12)
FIRST_ACCENT = re.compile(rb'(<a:accent1><a:srgbClr val=")[0-9A-F]{6}')
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
FIELD = """<a:fld %s id="{{00000000-0000-4000-8000-000000000001}}" type="slidenum">
<a:rPr lang="{language}" sz="1000"><a:solidFill><a:srgbClr val="{ink}"/></a:solidFill></a:rPr>
<a:t>{number}</a:t></a:fld>""" % nsdecls("a")


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
    put = partial(_put, language=deck.language)
    broad = BROAD - 0.6
    put(title, Box(1.2, 2.2, broad, 1.5), [cover.client], [Style(True, "")], (44, 40, 36, 32, 28, 24))
    put(below, Box(1.2, 3.75, broad, 0.7), [cover.title], [Style()], (24, 20))
    facts = [Style(colour=MUTED)] * len(cover.facts)
    put(_text_box(page), Box(1.2, 4.5, broad, 1.2), cover.facts, facts, (16, 14, 12))
    if cover.footer:
        put(_text_box(page), Box(1.2, 6.5, broad, 0.7), [cover.footer], [Style(colour=MUTED)], (12, 11))
    if cover.logo:
        _add_logo(page, cover)


def _add_logo(page: Any, cover: Cover) -> None:
    """Put the logo at the top, as large as its place allows."""
    most = Box(1.2, 0.7, 3.2, 1.2)
    logo = page.shapes.add_picture(BytesIO(cover.logo), Inches(most.left), Inches(most.top))
    scale = min(Inches(most.width) / logo.width, Inches(most.height) / logo.height)
    logo.width, logo.height = round(logo.width * scale), round(logo.height * scale)
    logo._element.nvPicPr.cNvPr.set("descr", shortened(cover.client, 200))


def _add_slide(shown: Any, deck: Deck, slide: Slide, number: int) -> None:
    page = shown.slides.add_slide(_layout(shown, LAYOUTS[2]))
    put = partial(_put, language=deck.language)
    title = [Style(True, "")]
    put(page.shapes.title, TITLE, [slide.title], title, (28, 26, 24, 22, 20), anchor=MSO_ANCHOR.BOTTOM)
    if slide.lead:
        put(_text_box(page), LEAD, [slide.lead], [Style(colour=MUTED)], (16, 15, 14, 13, 12))
    put(_text_box(page), FOOT, [deck.running], [Style(colour=MUTED)], (10,))
    _add_number(page, deck, number)
    top = LEAD.top + (LEAD.height if slide.lead else 0) + GAP / 2
    for row, box in _rows(slide, top):
        for block, place in _side_by_side(row, box):
            _add_block(page, block, place, deck)
    if slide.notes:
        page.notes_slide.notes_text_frame.text = "\n".join(map(legal, slide.notes.split("\n")))


def _rows(slide: Slide, top: float) -> Iterator[tuple[tuple[Block, ...], Box]]:
    """Give each row its place: figures what they need, others an equal part of the rest."""
    needs = [TILES_HIGH if isinstance(row[0], Tiles) else 0.0 for row in slide.rows]
    rest = BOTTOM - top - sum(needs) - GAP * (len(needs) - 1)
    part = rest / max(needs.count(0.0), 1)
    for row, need in zip(slide.rows, needs, strict=True):
        yield row, Box(LEFT, top, BROAD, need or part)
        top += (need or part) + GAP


def _side_by_side(row: tuple[Block, ...], box: Box) -> Iterator[tuple[Block, Box]]:
    weights = [getattr(block, "weight", 1.0) for block in row]
    room, left = box.width - GAP * (len(row) - 1), box.left
    for block, weight in zip(row, weights, strict=True):
        width = room * weight / sum(weights)
        yield block, Box(left, box.top, width, box.height)
        left += width + GAP


def _add_block(page: Any, block: Block, box: Box, deck: Deck) -> None:
    if isinstance(block, Chart):
        add_chart(page, box, block, deck.made)
    elif isinstance(block, Grid):
        _add_grid(page, block, box, deck.language)
    elif isinstance(block, Points):
        _add_points(page, block, box, deck.language)
    elif isinstance(block, Tiles):
        _add_tiles(page, block, box, deck.language)
    else:
        _add_cards(page, block, box, deck.language)


def _add_points(page: Any, points: Points, box: Box, language: str) -> None:
    terms = [f"{legal(term)}:" if term else "" for term, _ in points.sentences]
    texts = [f"{term} {text}" for term, (_, text) in zip(terms, points.sentences, strict=True)]
    styles = [Style(bullet=True)] * len(texts)
    _put(_text_box(page), box, texts, styles, SIZES, language=language, gap=0.5, terms=terms)


def _add_tiles(page: Any, tiles: Tiles, box: Box, language: str) -> None:
    arrows = {"up": "▲ ", "down": "▼ ", "same": ""}
    styles = [Style(colour=MUTED, scale=0.5), Style(True, ""), Style(scale=0.54)]
    for figure, place in _parts(tiles.figures, box):
        moved = f"{arrows[figure.direction]}{figure.change}" if figure.change else ""
        texts = [figure.label, figure.value, moved]
        shape = _filled(page, place)
        _put(shape, place, texts, styles, (26, 24, 22, 20), language=language, anchor=MSO_ANCHOR.MIDDLE)


def _add_cards(page: Any, cards: Cards, box: Box, language: str) -> None:
    styles = [Style(True, "", 1.2), Style(colour=MUTED), Style()]
    for place, (card, own) in enumerate(_parts(cards.cards, box), start=1):
        texts = [f"{place}. {card.title}", card.why, card.what]
        _put(_filled(page, own), own, texts, styles, SIZES[1:], language=language, gap=0.6)


def _parts(items: tuple[Any, ...], box: Box) -> Iterator[tuple[Any, Box]]:
    width = (box.width - GAP / 2 * (len(items) - 1)) / max(len(items), 1)
    for place, item in enumerate(items):
        yield item, Box(box.left + place * (width + GAP / 2), box.top, width, box.height)


def _add_grid(page: Any, grid: Grid, box: Box, language: str) -> None:
    count, columns = len(grid.rows) + 1, len(grid.headers)
    row = min(ROW_HIGH * 1.25, max(box.height / count, ROW_HIGH))
    shape = page.shapes.add_table(count, columns, *Box(box.left, box.top, box.width, row * count).ends)
    shape._element.nvGraphicFramePr.cNvPr.set("descr", shortened(grid.alt, 1000))
    table = shape.table
    table.last_row = grid.summed
    first = 0.4 if columns > 2 else 1 / columns
    shares = [first] + [(1 - first) / max(columns - 1, 1)] * (columns - 1)
    for place, share in enumerate(shares):
        table.columns[place].width = Inches(box.width * share)
        for number, cells in enumerate((grid.headers, *grid.rows)):
            is_bold = number == 0 or (grid.summed and number == count - 1)
            _fill_cell(table.cell(number, place), cells[place], box.width * share, is_bold, language)
            if place:
                table.cell(number, place).text_frame.paragraphs[0].alignment = PP_ALIGN.RIGHT


def _fill_cell(cell: Any, text: str, width: float, is_bold: bool, language: str) -> None:
    """Write one line of a table; a longer text would make its row higher."""
    cell.margin_left = cell.margin_right = Inches(INSET)
    cell.margin_top = cell.margin_bottom = Inches(0.03)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    letters = int((width - 2 * INSET) * POINTS / (12 * 0.56))
    run = cell.text_frame.paragraphs[0].add_run()
    run.text = shortened(text, letters)
    run._r.get_or_add_rPr().set("lang", language)
    run.font.size, run.font.bold = Pt(12), is_bold


def _add_number(page: Any, deck: Deck, number: int) -> None:
    box = page.shapes.add_textbox(*NUMBER.ends)
    paragraph = box.text_frame.paragraphs[0]
    paragraph.alignment = PP_ALIGN.RIGHT
    field = FIELD.format(language=deck.language, ink=MUTED, number=number)
    paragraph._p.append(parse_xml(field))


def _text_box(page: Any) -> Any:
    return page.shapes.add_textbox(0, 0, 0, 0)


def _filled(page: Any, box: Box) -> Any:
    """Return a text box on a light ground."""
    shape = page.shapes.add_textbox(*box.ends)
    shape.fill.solid()
    shape.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
    shape.fill.fore_color.brightness = 0.9
    return shape


def _put(shape: Any, box: Box, *args: Any, **kwargs: Any) -> None:
    """Write texts into a shape and set it in its place."""
    shape.left, shape.top, shape.width, shape.height = box.ends
    write(shape.text_frame, box, *args, **kwargs)
