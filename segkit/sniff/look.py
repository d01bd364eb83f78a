"""A look at a file: its format, and the columns of its first rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from segkit.data.csv_records import unique_names
from segkit.data.packed import opened, packing
from segkit.data.parsing import NO_ID
from segkit.data.sources import cell_text, named_rows, sheet_rows
from segkit.errors import DataError, SegkitError
from segkit.sniff.given import Given
from segkit.sniff.header import SEEN, title_rows, titles_found
from segkit.sniff.names import Names
from segkit.sniff.sample import Column, Finding, Sample, shown
from segkit.sniff.text import decoded, field_separator, records

BYTES = 1_000_000
"""Bytes of a text file that are looked at from its start, and again from all over it."""

PLACES = 20
"""Places in a longer file that lines are taken from."""

ROWS = 10_000
"""Rows of a Parquet file or a sheet that are looked at."""

_PARQUET = b"PAR1"
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def look_at(file: Path, given: Given, names: Names) -> Sample:
    """Return a file's first rows; an error where it holds none, or can be read in two ways."""
    if not file.is_file():
        problem = "is a folder, not a file" if file.is_dir() else "file not found"
        raise SegkitError(problem, fix="give one file of the order log")
    with opened(file) as stream:
        raw = stream.read(BYTES + 1)
    if not raw:
        raise DataError("the file is empty (0 bytes)", fix="export it again")
    typed = raw.startswith((_PARQUET, *_WORKBOOK))
    if typed and packing(file):
        raise DataError("only CSV files are read packed", fix="unpack it")
    if raw.startswith(_PARQUET):
        sample = _parquet(file)
    elif typed:
        sample = _workbook(file, given.sheet, names)
    else:
        is_cut = len(raw) > BYTES
        more = (
            _lines_below(file) if is_cut and not packing(file) and b"\0" not in raw[:100] else b""
        )
        sample = _text(_whole_lines(raw[:BYTES]) + more if more else raw[:BYTES], given, cut=is_cut)
    if not sample.lines:
        raise DataError("holds no lines below its header", fix="export it again")
    return sample


def _column(name: str, cells: Iterable[object]) -> Column:
    texts = ((cell_text(cell) or "").strip() for cell in cells)
    values, kind = [None if text.lower() in NO_ID else text for text in texts], _kind(cells)
    mixed = cells if kind == "text" else ()
    return Column(
        name, values, kind, frozenset(str(cell) for cell in mixed if isinstance(cell, date))
    )


def _kind(cells: Iterable[object]) -> str:
    types = {type(cell) for cell in cells if cell is not None and cell != ""}
    if types <= {int, float, Decimal}:
        return "number"
    return "instant" if all(issubclass(type_, date) for type_ in types) else "text"


def _lines_below(file: Path) -> bytes:
    """Return lines from places all over a file: what changes in its middle is seen, too."""
    parts, size = [], file.stat().st_size
    with file.open("rb") as stream:
        for place in range(1, PLACES + 1):
            stream.seek(max(BYTES, size * place // PLACES - BYTES // PLACES))
            parts.append(_whole_lines(stream.read(BYTES // PLACES).partition(b"\n")[2]))
    return b"".join(parts)


def _whole_lines(raw: bytes) -> bytes:
    return raw[: raw.rfind(b"\n") + 1]


def _text(raw: bytes, given: Given, *, cut: bool) -> Sample:
    text, encoding = decoded(raw, cut=cut)
    told = Finding(given.separator, "as given") if given.separator else None
    separator = told or field_separator(text, cut=cut)
    above, found = records(text, separator.value, cut=cut)
    header, *rows = found or [[]]
    whole = [row for row in rows if len(row) == len(header)]
    columns = [_column(name, cells) for name, *cells in zip(unique_names(header), *whole)]
    encoding = _with_losses(encoding, header)
    return Sample("csv", columns, separator, encoding, skip_rows=titles_found(above))


def _with_losses(encoding: Finding, header: list[str]) -> Finding:
    """Add to the reason that letters of the header are gone: no encoding brings them back."""
    lost = [name for name in header if "\ufffd" in name]
    told = "letters of the header were lost when the file was saved"
    return replace(encoding, why=f"{encoding.why}; {told}: {shown(lost[0])}") if lost else encoding


def _parquet(file: Path) -> Sample:
    import pyarrow as pa  # loaded with the first file
    import pyarrow.parquet as pq  # loaded with the first file

    try:
        parquet = pq.ParquetFile(file)
        names = parquet.schema_arrow.names
        batch = next(parquet.iter_batches(batch_size=ROWS), None)
    except (pa.ArrowException, OSError) as error:
        problem = f"not a readable Parquet file ({type(error).__name__})"
        raise DataError(problem, fix="export it again") from None
    cells = [column.to_pylist() for column in batch.columns] if batch else [[] for _ in names]
    return Sample("parquet", [_column(name, values) for name, values in zip(names, cells)])


def _workbook(file: Path, given: str | None, names: Names) -> Sample:
    if given is not None:
        columns, titles = _sheet(file, given)
        return Sample("excel", columns, sheet=Finding(given, "as given"), skip_rows=titles)
    sheets = dict(_sheets(file))
    fitting = [sheet for sheet, (columns, _) in sheets.items() if _may_be_orders(columns, names)]
    if len(fitting) > 1:
        problem = "several sheets look like an order log"
        fix = f"say which, such as --sheet {shown(fitting[0])}"
        raise SegkitError(problem, values=fitting, fix=fix)
    chosen = next(iter(fitting or sheets))
    why = f"the only sheet of {len(sheets)} that looks like an order log"
    sheet = Finding(chosen, why) if len(sheets) > 1 else None
    columns, titles = sheets[chosen]
    return Sample("excel", columns, sheet=sheet, skip_rows=titles)


def _sheets(file: Path) -> Iterator[tuple[str, tuple[list[Column], Finding | None]]]:
    import python_calamine  # only workbooks need it

    try:
        sheets = python_calamine.CalamineWorkbook.from_path(file).sheet_names
    except (python_calamine.CalamineError, OSError):
        problem = "neither text nor a workbook that can be read"
        raise DataError(problem, fix="unpack it, or save it again as .xlsx or CSV") from None
    for sheet in sheets:
        try:
            yield sheet, _sheet(file, sheet)
        except DataError:
            yield sheet, ([], None)  # an empty sheet beside the one with the orders is no fault


def _sheet(file: Path, sheet: str) -> tuple[list[Column], Finding | None]:
    above, every = sheet_rows(file, sheet)
    titles = title_rows([[cell_text(cell) or "" for cell in row] for row in every[:SEEN]])
    header, rows = named_rows(every[titles:])
    cells = list(zip(*rows[:ROWS])) or [()] * len(header)
    columns = [_column(name, values) for name, values in zip(header, cells)]
    return columns, titles_found(above + titles if titles else 0)


def _may_be_orders(columns: list[Column], names: Names) -> bool:
    has = names.roles(column.name for column in columns)
    return has >= {"customer", "date"} and ("amount" in has or has >= {"price", "quantity"})
