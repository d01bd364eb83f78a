"""What changed between two runs, as a page and on a terminal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from segkit.foundation.files import replacing
from segkit.report.index.compare import Comparison
from segkit.report.index.frame import around
from segkit.report.index.runs import shown
from segkit.report.index.spoken import Sheet, Spoken
from segkit.report.web.pages import template

TERMINAL_MOVES = 5
"""Ways from one segment to another that a terminal shows, the busiest first."""


def write_comparison(comparison: Comparison, out: Path) -> Path:
    """Write a comparison as a page, in the language of the later run's client.

    Parameters
    ----------
    comparison : Comparison
    out : Path
        The HTML file; replaced only when the new one is whole.

    Returns
    -------
    Path
        `out`.
    """
    spoken = Spoken(comparison)
    page = template("compare.html.j2").render(
        **around(spoken.texts, dt.datetime.now(dt.UTC)), told=spoken
    )
    with replacing(out) as beside:
        beside.write_text(page, encoding="utf-8", newline="\n", errors="replace")
    return Path(out)


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print a comparison in English, its segments as the client calls them.

    Parameters
    ----------
    comparison : Comparison
    console : Console
        Of rich; one that is no terminal gets plain lines, as wide as they need to be.
    """
    spoken = Spoken(comparison, "en", TERMINAL_MOVES)

    def say(text: str, style: str = "") -> None:
        console.print(Text(shown(text), style=style), soft_wrap=True)

    for when, run in spoken.runs:
        say(f"{when}: {run}")
    for sheet in spoken.sheets:
        console.print()
        say(sheet.title, "bold")
        _print_sheet(sheet, console)
    console.print()
    for sentence in spoken.summary:
        say(sentence)


def _print_sheet(sheet: Sheet, console: Console) -> None:
    if not console.is_terminal:
        for line in _plain_lines(sheet):
            console.print(Text(line), soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, head in enumerate(sheet.heads):
        is_word = place < sheet.words
        table.add_column(Text(head), justify="left" if is_word else "right", overflow="fold")
    for row in sheet.rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _plain_lines(sheet: Sheet) -> Iterator[str]:
    """Yield a table's lines, as wide as they need to be: those who read them are programs, too."""
    rows = [sheet.heads, *sheet.rows]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [
            cell + gap if place < sheet.words else gap + cell
            for place, (cell, gap) in enumerate(zip(row, gaps, strict=True))
        ]
        yield "  ".join(cells).rstrip()
