"""CSV files record by record: which lines make a record, and which make none.

The engine reads whole files fast, but stops or drops lines where one is damaged. Here a
damaged line costs that line alone, and is kept as it stands.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from segkit.errors import DataError
from segkit.params import Csv, Source

CHUNK = 10_000
"""Records held in memory at a time; many more keep the garbage collector busy."""

MOST_LINES = 1000
"""Lines that one quoted field may span; beyond, the quote is taken for a stray one."""

STRAY = 0.01
"""Share of lines in another encoding from which the declared one is taken to be wrong."""

_EXCEL_HINT = re.compile("\ufeff?sep=.\r?\n?")
_NOT_DECODED = re.compile("[\udc80-\udcff]")

Found = tuple[int, list[str] | None, str]
"""Number of the first line; the fields, or None where malformed; the text."""


def csv_header(file: Path, source: Source) -> tuple[list[str], int]:
    """Return a CSV file's column names, and the number of the first line after them.

    A column without a name gets one; a first line such as `sep=;`, which Excel writes for
    itself, is passed over.

    Raises
    ------
    DataError
        The file is not in the declared encoding, or a name stands there twice.
    """
    with _opened(file, source) as stream:
        return _header(stream, file, source)


def is_utf8(source: Source) -> bool:
    """Return whether a source's files are declared to be in an encoding the engine reads."""
    return codecs.lookup(source.csv.encoding).name in {"utf-8", "utf-8-sig", "ascii"}


def count_lines(file: Path) -> int:
    """Return how many lines a file has, whatever stands in them."""
    feeds, returns, last = 0, 0, b""
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            feeds, returns = feeds + chunk.count(b"\n"), returns + chunk.count(b"\r")
            last = chunk[-1:]
    return (feeds or returns) + (last not in b"\r\n")


def split_records(
    file: Path, source: Source, records: Path, malformed: Path, *, limit: int | None = None
) -> None:
    """Write a file's records to one Parquet file, and the lines that make none to another.

    Parameters
    ----------
    file : Path
    source : Source
        How the file is written.
    records : Path
        Where the records go; every column is text, null where empty.
    malformed : Path
        Where the other lines go: `file`, `line` (its number) and `raw` (as it stands).
    limit : int, optional
        Read only so many records and lines.

    Raises
    ------
    DataError
        The file is not in the declared encoding, or its header is wrong.
    """
    undecoded = total = 0
    with _opened(file, source) as stream:
        header, start = _header(stream, file, source)
        columns = pa.schema([(name, pa.string()) for name in header])
        found = islice(_records(stream, source.csv, len(header), start), limit)
        with (
            pq.ParquetWriter(records, columns) as good,
            pq.ParquetWriter(malformed, _malformed([], file).schema) as bad,
        ):
            while chunk := list(islice(found, CHUNK)):
                damaged = [part for part in chunk if part[1] is None]
                undecoded += sum(bool(_NOT_DECODED.search(text)) for _, _, text in damaged)
                total += len(chunk)
                good.write_table(_table([part[1] for part in chunk if part[1]], columns))
                bad.write_table(_malformed(damaged, file))
    if undecoded > STRAY * total:
        raise _wrong_encoding(file, source, count=undecoded)


def _records(lines: Iterator[str], given: Csv, width: int, start: int) -> Iterator[Found]:
    """Find the records; where a line begins none, it is malformed and the next may begin one."""
    waiting: deque[str] = deque()
    number = start
    while waiting or _one_more(lines, waiting):
        fields, used = _fields(waiting, lines, given)
        if fields is None or len(fields) != width:
            fields, used = None, 1
        text = waiting.popleft() if used == 1 else "".join(waiting.popleft() for _ in range(used))
        if not text.isascii() and _NOT_DECODED.search(text):
            fields = None
        if text.strip():
            yield number, fields, text
        number += used


def _fields(waiting: deque[str], lines: Iterator[str], given: Csv) -> tuple[list[str] | None, int]:
    first = waiting[0]
    if not given.quote or given.quote not in first:
        return first.rstrip("\r\n").split(given.separator), 1
    reader: Any = _reader(_following(waiting, lines), given)
    try:
        return next(reader), reader.line_num
    except csv.Error:
        return None, 1


def _following(waiting: deque[str], lines: Iterator[str]) -> Iterator[str]:
    for place in range(MOST_LINES):
        if place == len(waiting) and not _one_more(lines, waiting):
            return
        yield waiting[place]


def _one_more(lines: Iterator[str], waiting: deque[str]) -> bool:
    line = next(lines, None)
    if line is not None:
        waiting.append(line)
    return line is not None


def _reader(lines: Iterator[str], given: Csv) -> Iterator[list[str]]:
    return csv.reader(lines, delimiter=given.separator, quotechar=given.quote, strict=True)


@contextmanager
def _opened(file: Path, source: Source) -> Iterator[TextIO]:
    """Open a file as text; what cannot be decoded is escaped, where the encoding allows it."""
    codec = "utf-8-sig" if is_utf8(source) else source.csv.encoding
    try:
        with file.open(encoding=codec, errors="surrogateescape", newline="") as stream:
            yield stream
    except UnicodeError as error:
        raise _wrong_encoding(file, source, getattr(error, "reason", str(error))) from None


def _wrong_encoding(
    file: Path, source: Source, reason: str = "", *, count: int | None = None
) -> DataError:
    because = f" ({reason})" if reason else ""
    return DataError(
        f"lines are not written in {source.csv.encoding}{because}",
        where=str(file),
        count=count,
        fix="set csv.encoding to the file's encoding (utf-8, cp1252, utf-16)",
    )


def _header(lines: Iterator[str], file: Path, source: Source) -> tuple[list[str], int]:
    first, before = next(lines, ""), 1
    if _EXCEL_HINT.fullmatch(first):
        first, before = next(lines, ""), 2
    if not first.strip("\ufeff \t\r\n"):
        raise DataError("the first line holds no column names", where=str(file), fix="add a header")
    names, used = _fields(deque([first]), lines, source.csv)
    if names is None:
        raise DataError(
            "the header cannot be read: a quote stays open",
            where=str(file),
            fix="mend the first line, or check csv.quote",
        )
    if _NOT_DECODED.search("".join(names)):
        raise _wrong_encoding(file, source)
    names[0] = names[0].lstrip("\ufeff")
    return unique_names(names, str(file)), before + used


def unique_names(names: list[str], where: str) -> list[str]:
    """Return column names with a name for those without one.

    Raises
    ------
    DataError
        A name stands there twice; the engine's names have no case.
    """
    lowered = [name.lower() for name in names]
    repeated = [name for name in names if name.strip() and lowered.count(name.lower()) > 1]
    if repeated:
        raise DataError(
            "columns stand twice in the header (case does not count)",
            where=where,
            values=repeated,
            fix="rename one",
        )
    return [name if name.strip() else f"column_{place}" for place, name in enumerate(names)]


def _table(rows: list[list[str]], columns: pa.Schema) -> pa.Table:
    fields = zip(*rows) if rows else [()] * len(columns)
    arrays = [pa.array([text or None for text in field], pa.string()) for field in fields]
    return pa.Table.from_arrays(arrays, schema=columns)


def _malformed(found: list[Found], file: Path) -> pa.Table:
    texts = [text.rstrip("\r\n").encode("utf-8", "surrogateescape") for _, _, text in found]
    return pa.table(
        {
            "file": pa.array([file.name] * len(found), pa.string()),
            "line": pa.array([number for number, _, _ in found], pa.int64()),
            "raw": pa.array(
                [text.decode("utf-8", "backslashreplace") for text in texts], pa.string()
            ),
        }
    )
