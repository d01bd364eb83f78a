"""A look at a file: its format, and the columns of its first rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

from segkit.data.csv_records import unique_names
from segkit.data.parsing import NO_ID
from segkit.data.sources import cell_text, excel_rows
from segkit.errors import DataError, SegkitError
from segkit.sniff.given import Given
from segkit.sniff.names import Names
from segkit.sniff.sample import Column, Finding, Sample, shown
from segkit.sniff.text import decoded, field_separator, records

BYTES = 1_000_000
"""Bytes of a text file that are looked at."""

ROWS = 10_000
"""Rows of a Parquet file or a sheet that are looked at."""

_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def look_at(file: Path, given: Given, names: Names) -> Sample:
    """Return a file's first rows; an error where it holds none, or can be read in two ways."""
    if not file.is_file():
        problem = "is a folder, not a file" if file.is_dir() else "file not found"
        raise SegkitError(problem, fix="give one file of the order log")
    with file.open("rb") as stream:
        raw = stream.read(BYTES)
    if not raw:
        raise DataError("the file is empty (0 bytes)", fix="export it again")
    if raw.startswith(b"PAR1"):
        sample = _parquet(file)
    elif raw.startswith(_WORKBOOK):
        sample = _workbook(file, given.sheet, names)
    else:
        sample = _text(raw, given.separator, cut=file.stat().st_size > BYTES)
    if sample.format != "parquet":
        unique_names([column.name for column in sample.columns], "")
    if not sample.lines:
        raise DataError("holds no lines below its header", fix="export it again")
    return sample


def _column(name: str, cells: Iterable[object]) -> Column:
    texts = ((cell_text(cell) or "").strip() for cell in cells)
    return Column(name, [None if text.lower() in NO_ID else text for text in texts], _kind(cells))


def _kind(cells: Iterable[object]) -> str:
    types = {type(cell) for cell in cells if cell is not None and cell != ""}
    if types <= {int, float, Decimal}:
        return "number"
    return "instant" if all(issubclass(type_, date) for type_ in types) else "text"


def _text(raw: bytes, given: str | None, *, cut: bool) -> Sample:
    text, encoding = decoded(raw, cut=cut)
    separator = Finding(given, "as given") if given else field_separator(text, cut=cut)
    header, *rows = records(text, separator.value, cut=cut) or [[]]
    whole = [row for row in rows if len(row) == len(header)]
    columns = [_column(name, cells) for name, *cells in zip(header, *whole)]
    return Sample("csv", columns, separator, encoding)


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
        return Sample("excel", _sheet(file, given), sheet=Finding(given, "as given"))
    sheets = dict(_sheets(file))
    fitting = [sheet for sheet, columns in sheets.items() if _may_be_orders(columns, names)]
    if len(fitting) > 1:
        problem = "several sheets look like an order log"
        fix = f"say which, such as --sheet {shown(fitting[0])}"
        raise SegkitError(problem, values=fitting, fix=fix)
    chosen = next(iter(fitting or sheets))
    why = f"the only sheet of {len(sheets)} that looks like an order log"
    sheet = Finding(chosen, why) if len(sheets) > 1 else None
    return Sample("excel", sheets[chosen], sheet=sheet)


def _sheets(file: Path) -> Iterator[tuple[str, list[Column]]]:
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
            yield sheet, []  # an empty sheet beside the one with the orders is no fault


def _sheet(file: Path, sheet: str) -> list[Column]:
    header, rows = excel_rows(file, sheet)
    cells = list(zip(*rows[:ROWS])) or [()] * len(header)
    return [_column(name, values) for name, values in zip(header, cells)]


def _may_be_orders(columns: list[Column], names: Names) -> bool:
    has = names.roles(column.name for column in columns)
    return has >= {"customer", "date"} and ("amount" in has or has >= {"price", "quantity"})
