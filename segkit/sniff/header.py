"""Where a table begins: its column names, and the rows of titles above them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from segkit.data.numbers import number_body
from segkit.sniff.sample import Finding

FIRST = 20
"""Rows among which the column names are looked for."""

SEEN = 200
"""Rows that tell how wide the table is."""

WIDE = 0.8
"""Share of the table's width that its column names fill."""

DIFFERENT = 0.7
"""Share of the names of a header that differ: some may be repeated."""

_DAY = re.compile(r"\d{1,4}(?:[-/.]\w| de )")


def title_rows(rows: Sequence[Sequence[str]]) -> int:
    """Return how many rows of titles stand above the column names, 0 where that is not clear.

    Titles fill fewer cells than the table. The first row that is as wide as the rows below it
    holds the names, if it holds words.

    Examples
    --------
    >>> title_rows([["Ventas", "", ""], [], ["cliente", "fecha", "total"], ["c1", "2025", "7"]])
    2
    """
    filled = [[cell.strip() for cell in row if cell.strip()] for row in rows[:SEEN]]
    for place, cells in enumerate(filled[:FIRST]):
        width = _width(filled[place + 1 :])
        if 1 < len(cells) >= WIDE * width:
            return place if width and _are_names(cells) else 0
    return 0


def _width(rows: Sequence[Sequence[str]]) -> int:
    """Return how many cells the fullest tenth of the rows fills: one damaged row says nothing."""
    counts = sorted((len(row) for row in rows), reverse=True)
    return counts[len(counts) // 10] if counts else 0


def _are_names(cells: Sequence[str]) -> bool:
    """Return whether cells are no data: without a number or a day, and mostly different."""
    different = {cell.lower() for cell in cells}
    is_data = any(number_body(cell) or _DAY.match(cell) for cell in cells)
    return not is_data and len(different) >= DIFFERENT * len(cells)


def titles_found(above: int) -> Finding | None:
    """Return the finding that so many rows stand above the column names.

    Examples
    --------
    >>> titles_found(5)
    Finding(value=5, why='5 rows of titles above the header')
    """
    rows = "row" if above == 1 else "rows"
    return Finding(above, f"{above} {rows} of titles above the header") if above else None
