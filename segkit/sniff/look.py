"""A look at a file: its format, and the columns of its first rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from segkit.data.csv_records import unique_names
from segkit.data.parsing import NO_ID
from segkit.data.sources import cell_text, excel_rows
from segkit.errors import DataError, SegkitError
from segkit.sniff.given import Given
from segkit.sniff.names import Names
from segkit.sniff.sample import Column, Finding, Sample, shown
from segkit.sniff.text import records

BYTES = 1_000_000
"""Bytes of a text file that are looked at."""

ROWS = 10_000
"""Rows of a Parquet file or a sheet that are looked at."""

_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def look_at(file: Path, given: Given, names: Names) -> Sample:
    """Return a file's first rows, whatever its format and name.

    Parameters
    ----------
    file : Path
    given : Given
        Separator and sheet, where the file leaves them open.
    names : Names
        By which a sheet with orders is told from others.

    Raises
    ------
    SegkitError, DataError
        The file cannot be read or holds no lines, or it is open how it is to be read.
    """
    if not file.is_file():
        problem = "is a folder, not a file" if file.is_dir() else "file not found"
        raise SegkitError(problem, where=str(file), fix="give one file of the order log")
    with file.open("rb") as stream:
        raw = stream.read(BYTES)
    if not raw:
        raise DataError("the file is empty (0 bytes)", where=str(file), fix="export it again")
    if raw.startswith(b"PAR1"):
        sample = _parquet(file)
    elif raw.startswith(_WORKBOOK):
        sample = _workbook(file, given.sheet, names)
    else:
        sample = _text(file, raw, given.separator)
    unique_names([column.name for column in sample.columns], str(file))
    if not sample.lines:
        problem = "holds no lines below its header"
        raise DataError(problem, where=str(file), fix="export it again")
    return sample


def _column(name: str, cells: Iterable[object], kind: str = "text") -> Column:
    texts = ((cell_text(cell) or "").strip() for cell in cells)
    return Column(name, [None if text in NO_ID else text for text in texts], kind)


def _text(file: Path, raw: bytes, given: str | None) -> Sample:
    cut = len(raw) == BYTES and file.stat().st_size > BYTES
    rows, separator, encoding = records(file, raw, given, cut=cut)
    header, *lines = rows or [[]]
    whole = [line for line in lines if len(line) == len(header)]
    columns = [_column(name, cells) for name, *cells in zip(header, *whole)]
    return Sample(file, "csv", columns, separator, encoding)


def _parquet(file: Path) -> Sample:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        batch = next(parquet.iter_batches(batch_size=ROWS), None)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"not a readable Parquet file ({type(error).__name__})",
            where=str(file),
            fix="export it again",
        ) from None
    cells = [column.to_pylist() for column in batch.columns] if batch else [[] for _ in schema]
    columns = [_column(part.name, values, _kind(part.type)) for part, values in zip(schema, cells)]
    return Sample(file, "parquet", columns)


def _kind(type_: Any) -> str:
    from pyarrow import types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_):
        return "number"
    return "instant" if types.is_date(type_) or types.is_timestamp(type_) else "text"


def _workbook(file: Path, given: str | None, names: Names) -> Sample:
    if given is not None:
        return Sample(file, "excel", _sheet(file, given), sheet=Finding(given, "as given"))
    sheets = dict(_sheets(file))
    fitting = [sheet for sheet, columns in sheets.items() if _may_be_orders(columns, names)]
    if len(fitting) > 1:
        raise SegkitError(
            "several sheets look like an order log",
            where=str(file),
            values=fitting,
            fix=f"say which, such as --sheet {shown(fitting[0])}",
        )
    chosen = next(iter(fitting or sheets))
    why = f"the only sheet of {len(sheets)} that looks like an order log"
    sheet = Finding(chosen, why) if len(sheets) > 1 else None
    return Sample(file, "excel", sheets[chosen], sheet=sheet)


def _sheets(file: Path) -> Iterator[tuple[str, list[Column]]]:
    import python_calamine

    try:
        sheets = python_calamine.CalamineWorkbook.from_path(file).sheet_names
    except (python_calamine.CalamineError, OSError):
        raise DataError(
            "neither text nor a workbook that can be read",
            where=str(file),
            fix="unpack it, or save it again as .xlsx or CSV",
        ) from None
    for sheet in sheets:
        try:
            yield sheet, _sheet(file, sheet)
        except DataError:
            yield sheet, []  # an empty sheet beside the one with the orders is no fault


def _sheet(file: Path, sheet: str) -> list[Column]:
    header, rows = excel_rows(file, sheet)
    cells = list(zip(*rows[:ROWS])) or [()] * len(header)
    return [_column(name, values, _kind_of_cells(values)) for name, values in zip(header, cells)]


def _kind_of_cells(cells: Iterable[object]) -> str:
    kinds = {type(cell) for cell in cells if cell not in (None, "")}
    if kinds <= {int, float}:
        return "number"
    return "instant" if kinds <= {date, datetime} else "text"


def _may_be_orders(columns: list[Column], names: Names) -> bool:
    has = names.roles(column.name for column in columns)
    return has >= {"customer", "date"} and ("amount" in has or has >= {"price", "quantity"})
