"""What stands on a slide: lists, figures, cards, tables and charts, each in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pptx.enum.dml import MSO_THEME_COLOR
from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
from pptx.util import Inches, Pt

from segkit.report.exports.deck import Block, Cards, Chart, Deck, Grid, Points, Tiles
from segkit.report.exports.slide_charts import add_chart
from segkit.report.exports.slide_texts import (
    INSET,
    LINE,
    MUTED,
    POINTS,
    Box,
    Style,
    common,
    fitted,
    legal,
    shortened,
    write,
)
from segkit.report.page.first_screen import Figure

BETWEEN, PADDED = 0.15, 0.12
"""Between boxes side by side, and between a box's ground and its letters, in inches."""
HEAD_HIGH, ROW_HIGH, MOST_HIGH = 0.52, 0.34, 0.42
"""A table's head, and the least and the most that a row of it takes, in inches."""
SIZES, FIGURES, CELLS = (18, 17, 16, 15, 14, 13, 12), (26, 24, 22, 20), (12, 11, 10)
MOST_LETTERS = 24
"""Of a text that makes its column broader."""
SPACE = 0.5
"""After a paragraph, in sizes of its letters."""
LISTED = Style(bullet=True)
ARROWS = {"up": "▲ ", "down": "▼ ", "same": ""}


def add_block(page: Any, block: Block, box: Box, deck: Deck, size: float) -> None:
    """Put a block on a slide.

    Parameters
    ----------
    page : pptx.slide.Slide
    block : Block
    box : Box
        Where it stands.
    deck : Deck
        Whose language it speaks.
    size : float
        Of the letters of lists, in points; see `list_size`.
    """
    if isinstance(block, Chart):
        add_chart(page, box, block, deck.made)
    elif isinstance(block, Grid):
        _add_grid(page, block, box, deck.language)
    elif isinstance(block, Points):
        _add_points(page, block, box, deck.language, size)
    elif isinstance(block, Tiles):
        _add_tiles(page, block, box, deck.language)
    else:
        _add_cards(page, block, box, deck.language)


def list_size(placed: list[tuple[Block, Box]]) -> float:
    """Return how large the letters of the lists of a row are: the same in all."""
    lists = [(block, box) for block, box in placed if isinstance(block, Points)]
    return common([(_paragraphs(block)[0], box) for block, box in lists], [LISTED], SIZES, SPACE)


def _paragraphs(points: Points) -> tuple[list[str], list[str]]:
    """Return the paragraphs of a list, and the term that each begins with."""
    terms = [f"{legal(term)}:" if term else "" for term, _ in points.sentences]
    pairs = zip(terms, points.sentences, strict=True)
    return [f"{term} {text}".strip() for term, (_, text) in pairs], terms


def _add_points(page: Any, points: Points, box: Box, language: str, size: float) -> None:
    texts, terms = _paragraphs(points)
    styles = [LISTED] * len(texts)
    put(text_box(page), box, texts, styles, (size,), language=language, gap=SPACE, terms=terms)


def _add_tiles(page: Any, tiles: Tiles, box: Box, language: str) -> None:
    looks = [Style(colour=MUTED, scale=0.5), Style(True, ""), Style(scale=0.54)]
    parts = [(_said(figure), own) for figure, own in _parts(tiles.figures, box)]
    size = common(parts, looks, FIGURES)
    for texts, own in parts:
        styles, middle = looks[: len(texts)], MSO_ANCHOR.MIDDLE
        put(_filled(page), own, texts, styles, (size,), language=language, anchor=middle)


def _said(figure: Figure) -> list[str]:
    moved = [f"{ARROWS[figure.direction]}{figure.change}"] if figure.change else []
    return [figure.label, figure.value, *moved]


def _add_cards(page: Any, cards: Cards, box: Box, language: str) -> None:
    styles = [Style(True, "", 1.2), Style(colour=MUTED), Style()]
    parts = [
        ([f"{place}. {card.title}", card.why, card.what], own)
        for place, (card, own) in enumerate(_parts(cards.cards, box), start=1)
    ]
    size = common(parts, styles, SIZES, SPACE)
    for texts, own in parts:
        put(_filled(page), own, texts, styles, (size,), language=language, gap=SPACE)


def _parts(items: tuple[Any, ...], box: Box) -> Iterator[tuple[Any, Box]]:
    width = (box.width - BETWEEN * (len(items) - 1)) / max(len(items), 1)
    for place, item in enumerate(items):
        left = box.left + place * (width + BETWEEN)
        yield item, Box(left, box.top, width, box.height, PADDED)


def _add_grid(page: Any, grid: Grid, box: Box, language: str) -> None:
    count, shares = len(grid.rows), _shares(grid)
    row = min(MOST_HIGH, max((box.height - HEAD_HIGH) / max(count, 1), ROW_HIGH))
    place = Box(box.left, box.top, box.width, HEAD_HIGH + row * count)
    shape = page.shapes.add_table(count + 1, len(shares), *place.ends)
    shape._element.nvGraphicFramePr.cNvPr.set("descr", shortened(grid.alt, 1000))
    table = shape.table
    table.last_row = grid.summed
    table.rows[0].height = Inches(HEAD_HIGH)
    for number, cells in enumerate((grid.headers, *grid.rows)):
        if number:
            table.rows[number].height = Inches(row)
        is_bold = number == 0 or (grid.summed and number == count)
        for column, (text, share) in enumerate(zip(cells, shares, strict=True)):
            width = box.width * share
            table.columns[column].width = Inches(width)
            cell = table.cell(number, column)
            _fill_cell(cell, text, width, language, is_bold=is_bold, lines=1 if number else 2)
            if column:
                cell.text_frame.paragraphs[0].alignment = PP_ALIGN.RIGHT


def _shares(grid: Grid) -> list[float]:
    """Return how broad columns are, by the longest text in each; heads take two lines."""
    needs = []
    for place, head in enumerate(grid.headers):
        words = max([len(word) for word in head.split()] + [(len(head) + 1) // 2])
        cells = max([len(row[place]) for row in grid.rows], default=0)
        needs.append(2 + min(max(1.2 * words, cells), MOST_LETTERS))
    return [need / sum(needs) for need in needs]


def _fill_cell(
    cell: Any, text: str, width: float, language: str, *, is_bold: bool, lines: int
) -> None:
    """Write into a cell what it holds in so many lines; a longer text would make its row higher."""
    cell.margin_left = cell.margin_right = Inches(INSET)
    cell.margin_top = cell.margin_bottom = Inches(0.02)
    cell.vertical_anchor = MSO_ANCHOR.MIDDLE
    box = Box(0, 0, width, lines * CELLS[0] * LINE / POINTS + INSET)
    run = cell.text_frame.paragraphs[0].add_run()
    size, (run.text,) = fitted([text], [Style(is_bold)], box, CELLS)
    run._r.get_or_add_rPr().set("lang", language)
    run.font.size, run.font.bold = Pt(size), is_bold


def text_box(page: Any) -> Any:
    """Return an empty text box; `put` gives it its place."""
    return page.shapes.add_textbox(0, 0, 0, 0)


def _filled(page: Any) -> Any:
    """Return a text box on a light ground."""
    shape = text_box(page)
    shape.fill.solid()
    shape.fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
    shape.fill.fore_color.brightness = 0.9
    return shape


def put(shape: Any, box: Box, *args: Any, **kwargs: Any) -> None:
    """Write texts into a shape and set it in its place."""
    shape.left, shape.top, shape.width, shape.height = box.ends
    write(shape.text_frame, box, *args, **kwargs)
