"""The tables of a run as an Excel workbook: contents, one sheet a table, no formula."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from segkit.errors import DataError
from segkit.foundation.files import replacing
from segkit.words.columns import Columns
from segkit.words.format import NUMBER_KINDS, TIME_KINDS
from segkit.words.wording import Wording, is_summary

# A text stays a text, whatever it looks like: a customer's name may begin with "=".
NO_GUESSES = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
SHEET_ROWS = 1_048_575  # Excel's own limits, the header apart
SHEET_NAME = 31
CELL_TEXT = 32_767
LINE_TEXT = 200  # a sheet's head and foot take 255 characters, marks included
EXACT_INTEGER = 10**15  # Excel keeps 15 digits: longer numbers are written as texts
A4 = 9
BAR = "#7FB7D8"
LINKED = {"font_color": "#00639C", "underline": 1}
LINE = 15.0
"""Height of a line, in points."""
NUMBER_WIDTH = 14
WIDTH_ROWS = 200  # that a column's width is measured on: enough, and lists have 100 thousand
MUTED = "#596575"
HEAD = {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}
LIST = {"sheet": 34, "table": 52, "table_rows": 10, "table_note": 96}
"""Columns of the contents: key of the header's text, and width in characters."""

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n?")
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\]")


@dataclass(frozen=True)
class Contents:
    """What the first sheet says.

    Parameters
    ----------
    client : str
        Client's name as readers know it.
    title : str
        What the workbook is.
    made : datetime
        When the run was made.
    facts : mapping of str to str, optional
        What to know before reading: a label and what it says, such as the period.
    said : mapping of str to (str, str), optional
        Title and note of a table, by its name.
    """

    client: str
    title: str
    made: dt.datetime
    facts: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Grid:
    """A table as its sheet says it; `sums` tells rows of totals, `shares` columns of parts."""

    headers: list[str]
    kinds: list[str]
    rows: list[list[object]]
    sums: list[bool]
    shares: list[int]


def write_workbook(
    tables: Mapping[str, pd.DataFrame],
    path: Path,
    wording: Wording | None = None,
    *,
    titles: Mapping[str, str] | None = None,
    names: Mapping[str, Mapping[str, str]] | None = None,
    contents: Contents | None = None,
) -> Path:
    """Write tables as the sheets of an Excel file without a single formula or outside link.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Table by name.
    path : Path
        File to write.
    wording : Wording, optional
        Headers, labels and kinds; without it headers are the column keys.
    titles : mapping of str to str, optional
        Name of a table's sheet; by default the table's name.
    names : mapping of str to mapping, optional
        Segment labels of a table, by its name; by default those of `wording`.
    contents : Contents, optional
        The first sheet, which leads to the others; needs `wording`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    DataError
        When there is no table, or one has more rows than a sheet can hold.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tables.xlsx"
    >>> write_workbook({"kpis": pd.DataFrame({"segment": ["=1+1"]})}, path).name
    'tables.xlsx'
    """
    _fitting(tables, path)
    first = [wording.texts.text("page.contents")] if contents and wording else []
    sheets = sheet_names([*first, *((titles or {}).get(name, name) for name in tables)])
    with replacing(path) as beside, Workbook(beside, NO_GUESSES) as book:
        home = sheets.pop(0) if first else ""
        if contents and wording:
            _write_contents(book, book.add_worksheet(home), contents, tables, sheets, wording)
        for (name, df), title in zip(tables.items(), sheets, strict=True):
            said = wording.naming((names or {}).get(name, wording.names)) if wording else None
            sheet, grid = book.add_worksheet(title), _grid(df, name, said)
            _write_sheet(book, sheet, grid, said)
            _set_up_print(sheet, contents, name)
            if home and wording:
                _link_home(book, sheet, grid, home, wording)
    return Path(path)


def _fitting(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    if not tables:
        raise DataError("no table to write", where=str(path), fix="give at least one table")
    long = [name for name, df in tables.items() if len(df) > SHEET_ROWS]
    if long:
        raise DataError(
            "more rows than a sheet can hold",
            where=str(path),
            values=long,
            fix=f"leave out tables of more than {SHEET_ROWS} rows; write them as CSV",
        )


def sheet_names(titles: list[str]) -> list[str]:
    """Return names that sheets can have, each once: of at most 31 letters, without brackets.

    Examples
    --------
    >>> sheet_names(["revenue [net]", "revenue [net]"])
    ['revenue  net', 'revenue  net_2']
    """
    taken: set[str] = {"history"}  # Excel keeps this name for itself
    names = []
    for title in titles:
        clean = (
            _NOT_IN_SHEET_NAMES.sub(" ", _legal(title)).replace("\n", " ").strip(" '") or "table"
        )
        name, count = clean[:SHEET_NAME].strip(" '"), 1
        while name.lower() in taken:
            count += 1
            name = f"{clean[: SHEET_NAME - len(str(count)) - 1].strip(' ')}_{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def _legal(text: object) -> str:
    """Return a text that a cell can hold, its line ends as Excel writes them."""
    return _ILLEGAL.sub("", _LINE_END.sub("\n", str(text)))[:CELL_TEXT]


def _write_contents(
    book: Workbook,
    sheet: Worksheet,
    contents: Contents,
    tables: Mapping[str, pd.DataFrame],
    sheets: list[str],
    wording: Wording,
) -> None:
    book.set_properties(
        {"title": _legal(f"{contents.client} · {contents.title}"), "created": contents.made}
    )
    large, bold = book.add_format({"bold": True, "font_size": 18}), book.add_format({"bold": True})
    quiet = book.add_format({"font_color": MUTED})
    sheet.write_string(0, 0, _legal(contents.client), large)
    sheet.write_string(1, 0, _legal(contents.title), bold)
    for row, (label, fact) in enumerate(contents.facts.items(), start=2):
        sheet.write_string(row, 0, _legal(label), quiet)
        sheet.write_string(row, 1, _legal(fact))
    _write_list(book, sheet, len(contents.facts) + 3, contents, tables, sheets, wording)
    _set_up_print(sheet, contents, contents.title)


def _write_list(
    book: Workbook,
    sheet: Worksheet,
    top: int,
    contents: Contents,
    tables: Mapping[str, pd.DataFrame],
    sheets: list[str],
    wording: Wording,
) -> None:
    """One row a table: its sheet with a link to it, its title, how many rows, what to know."""
    link = book.add_format(LINKED | {"valign": "top", "indent": 1})
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "indent": 1})
    count = book.add_format({"num_format": "#,##0", "valign": "top"})
    for place, (key, width) in enumerate(LIST.items()):
        look = HEAD | ({"align": "right"} if key == "table_rows" else {"indent": 1})
        sheet.write_string(top, place, wording.texts.text(f"page.{key}"), book.add_format(look))
        sheet.set_column(place, place, width)
    for row, (name, target) in enumerate(zip(tables, sheets, strict=True), start=top + 1):
        title, note = contents.said.get(name, (name, ""))
        sheet.write_url(row, 0, _to_sheet(target), link, target)
        sheet.write_string(row, 1, _legal(title), wrapped)
        sheet.write_number(row, 2, len(tables[name]), count)
        sheet.write_string(row, 3, _legal(note), wrapped)
        sheet.set_row(row, max(_height(title, LIST["table"]), _height(note, LIST["table_note"])))
    sheet.repeat_rows(top)
    sheet.autofilter(top, 0, top + len(sheets), len(LIST) - 1)


def _grid(df: pd.DataFrame, name: str, wording: Wording | None) -> _Grid:
    columns = wording.columns if wording else Columns("en")
    kinds = [columns.kind(key, df.iloc[:, place], name) for place, key in enumerate(df.columns)]
    given = list(df.itertuples(index=False, name=None))
    rows = [
        [_said(value, kind, wording) for value, kind in zip(row, kinds, strict=True)]
        for row in given
    ]
    headers = [_legal(wording.header(key) if wording else key) for key in df.columns]
    shares = [
        place
        for place, (key, kind) in enumerate(zip(df.columns, kinds, strict=True))
        if kind.startswith("percent") and str(key).endswith("_share")
    ]
    return _Grid(headers, kinds, rows, list(map(is_summary, given)), shares)


def _said(value: object, kind: str, wording: Wording | None) -> object:
    return wording.value(value, kind) if wording and isinstance(value, str) else value


def _write_sheet(book: Workbook, sheet: Worksheet, grid: _Grid, wording: Wording | None) -> None:
    _write_headers(book, sheet, grid)
    _write_rows(book, sheet, grid, [_look(kind, wording) for kind in grid.kinds])
    parts = [number for number, is_sum in enumerate(grid.sums, start=1) if not is_sum]
    for place in grid.shares:
        _draw_bars(sheet, place, parts)
    if grid.headers:  # rows of totals stay where they are when others are sorted
        sheet.autofilter(0, 0, max(parts, default=0), len(grid.headers) - 1)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)


def _write_headers(book: Workbook, sheet: Worksheet, grid: _Grid) -> None:
    height = LINE
    for place, (header, kind) in enumerate(zip(grid.headers, grid.kinds, strict=True)):
        width = _width(header, [row[place] for row in grid.rows[:WIDTH_ROWS]])
        sheet.write_string(0, place, header, book.add_format(HEAD | _side(kind)))
        sheet.set_column(place, place, width)
        height = max(height, _height(header, width))
    sheet.set_row(0, height)


def _link_home(book: Workbook, sheet: Worksheet, grid: _Grid, home: str, wording: Wording) -> None:
    """Make the first header lead back: a row of links above it would shift the table."""
    if grid.headers:
        look = book.add_format(HEAD | LINKED | _side(grid.kinds[0]))
        tip = wording.texts.text("page.back_to_contents")
        sheet.write_url(0, 0, _to_sheet(home), look, grid.headers[0], tip)


def _write_rows(
    book: Workbook, sheet: Worksheet, grid: _Grid, looks: list[dict[str, object]]
) -> None:
    formats = [(book.add_format(look), book.add_format(look | {"bold": True})) for look in looks]
    for number, (row, is_sum) in enumerate(zip(grid.rows, grid.sums, strict=True), start=1):
        for place, value in enumerate(row):
            _write_cell(sheet, number, place, value, formats[place][is_sum])


def _side(kind: str) -> dict[str, str]:
    """Headers of numbers stand over them, at the right."""
    return {"align": "right"} if kind.partition(".")[0] in NUMBER_KINDS + TIME_KINDS else {}


def _height(text: str, width: float) -> float:
    """The height of a cell whose text is broken into lines; not every program works it out."""
    return LINE * max(len(wrap(text, max(int(width) - 1, 1))), 1)


def _to_sheet(name: str) -> str:
    quoted = name.replace("'", "''")
    return f"internal:'{quoted}'!A1"


def _draw_bars(sheet: Worksheet, place: int, rows: list[int]) -> None:
    """Draw shares of the whole as bars in their cells; a row of totals is no part."""
    ranges = [xl_range(first, place, last, place) for first, last in _runs(rows)]
    look = {"type": "data_bar", "bar_color": BAR, "bar_solid": True, "bar_no_border": True}
    ends = {"min_type": "num", "min_value": 0, "max_type": "max"}
    if ranges:
        sheet.conditional_format(ranges[0], look | ends | {"multi_range": " ".join(ranges)})


def _runs(rows: list[int]) -> Iterator[tuple[int, int]]:
    """Give the first and the last of numbers that follow each other.

    Examples
    --------
    >>> list(_runs([1, 2, 3, 7, 9, 10]))
    [(1, 3), (7, 7), (9, 10)]
    >>> list(_runs([]))
    []
    """
    first = None
    for row, after in zip(rows, [*rows[1:], None], strict=False):
        first = row if first is None else first
        if after != row + 1:
            yield first, row
            first = None


def _set_up_print(sheet: Worksheet, contents: Contents | None, name: str) -> None:
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    if contents:
        title = contents.said.get(name, (name, ""))[0]
        sheet.set_header(f"&L{_in_line(contents.client)}&R{_in_line(title)}")
    sheet.set_footer("&R&P / &N")


def _in_line(text: str) -> str:
    """Return a text for a sheet's head, where an ampersand begins a mark."""
    return " ".join(_legal(text).split()).replace("&", "&&")[: LINE_TEXT // 2].rstrip("&")


def _look(kind: str, wording: Wording | None) -> dict[str, object]:
    """How cells of a kind are written."""
    name, _, digits = kind.partition(".")
    usual = {"money": wording.formats.money_digits if wording else 2, "percent": 1}
    decimals = int(digits) if digits else usual.get(name, 2)
    fraction = "." + "0" * decimals if decimals else ""
    patterns = {
        "count": "#,##0",
        "days": "#,##0",
        "percent": f"0{fraction}%",
        "date": 14,  # the reader's own short date
        "month": "mmm yyyy",
        "datetime": 22,
    }
    rest = f"#,##0{fraction}" if name in NUMBER_KINDS else "General"
    return {"num_format": patterns.get(name, rest)}


def _write_cell(sheet: Worksheet, row: int, place: int, value: Any, look: Format) -> None:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, list | tuple | set):
        value = ", ".join(map(str, value))
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        sheet.write_blank(row, place, None, look)
    elif isinstance(value, bool):
        sheet.write_boolean(row, place, value, look)
    elif isinstance(value, int | float) and abs(value) < EXACT_INTEGER:
        sheet.write_number(row, place, value, look)
    elif isinstance(value, dt.date) and value.year >= 1900:
        sheet.write_datetime(row, place, _without_zone(value), look)
    else:
        sheet.write_string(row, place, _legal(value), look)


def _without_zone(value: dt.date) -> dt.date:
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value


def _width(header: str, values: list[object]) -> int:
    texts = [value for value in values if isinstance(value, str)]
    numbers = NUMBER_WIDTH if len(texts) < len(values) else 0
    longest_word = max(map(len, header.split()), default=0) + 3  # the filter's button
    longest = max(map(len, texts), default=0) + 2
    return min(max(longest_word, len(header) // 2 + 4, longest, numbers, 10), 48)
