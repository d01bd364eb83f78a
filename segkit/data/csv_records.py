"""CSV files record by record: which lines make a record, and which make none.

The engine reads whole files fast, but stops or drops lines where one is damaged. Here a
damaged line costs that line alone, and is kept as it stands.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import shutil
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from segkit.data.packed import opened
from segkit.errors import DataError
from segkit.params import Csv, Source

CHUNK = 10_000
"""Records held in memory at a time; many more keep the garbage collector busy."""

MOST_LINES = 1000
"""Lines that one quoted field may span; beyond, the quote is taken for a stray one."""

STRAY = 0.01
"""Share of lines in another encoding from which the declared one is taken to be wrong."""

_ENCODINGS = "the file's encoding (utf-8, cp1252, utf-16)"
_EXCEL_HINT = re.compile("\ufeff?sep=.\r?\n?")
_NOT_DECODED = re.compile("[\udc80-\udcff]")

Found = tuple[int, list[str] | None, str]
"""Number of the first line; the fields, or None where malformed; the text."""


def csv_header(file: Path, source: Source) -> tuple[list[str], int]:
    """Return a CSV file's column names, and the number of the first line after them.

    A column without a name gets one, and one whose name is repeated a number; a first line
    such as `sep=;`, which Excel writes for itself, is passed over.

    Raises
    ------
    DataError
        The file is not in the declared encoding, or has no header.
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


def plain_copy(file: Path, source: Source, copy: Path) -> None:
    """Write a file in UTF-8 as the engine reads it: unpacked, from its header on."""
    with (
        _opened(file, source) as stream,
        copy.open("w", encoding="utf-8", errors="surrogateescape", newline="") as plain,
    ):
        _pass_over(stream, source.skip_rows)
        shutil.copyfileobj(stream, plain, 1 << 20)


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
        with (
            opened(file) as raw,
            io.TextIOWrapper(raw, codec, "surrogateescape", newline="") as stream,
        ):
            yield stream
    except UnicodeError as error:
        raise _wrong_encoding(file, source, getattr(error, "reason", str(error))) from None


def _wrong_encoding(
    file: Path, source: Source, reason: str = "", *, count: int | None = None
) -> DataError:
    because = f" ({reason})" if reason else ""
    with opened(file) as stream:
        seen = utf_16_without_mark(stream.read(1 << 12))
    return DataError(
        f"lines are not written in {source.csv.encoding}{because}",
        where=str(file),
        count=count,
        fix=f"set csv.encoding to {seen or _ENCODINGS}",
    )


def utf_16_without_mark(raw: bytes) -> str:
    """Return the name of the UTF-16 that has a zero at every other place, else nothing.

    Examples
    --------
    >>> [utf_16_without_mark("año".encode(name)) for name in ("utf-16-le", "utf-16-be", "utf-8")]
    ['utf-16-le', 'utf-16-be', '']
    """
    zeros = {"utf-16-be": raw[0::2].count(0), "utf-16-le": raw[1::2].count(0)}
    (_, fewer), (name, more) = sorted(zeros.items(), key=lambda item: item[1])
    return name if more > len(raw) / 4 and fewer < more / 20 else ""


def _pass_over(lines: Iterator[str], count: int) -> None:
    for _ in islice(lines, count):
        pass


def _header(lines: Iterator[str], file: Path, source: Source) -> tuple[list[str], int]:
    _pass_over(lines, source.skip_rows)
    first, before = next(lines, ""), source.skip_rows + 1
    if _EXCEL_HINT.fullmatch(first):
        first, before = next(lines, ""), before + 1
    if "\0" in first:
        raise _wrong_encoding(file, source)
    if not first.strip("\ufeff \t\r\n"):
        raise _no_header(file, source)
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
    return unique_names(names), before + used


def _no_header(file: Path, source: Source) -> DataError:
    if source.skip_rows:
        problem, fix = "no column names below the lines passed over", "check skip_rows"
        return DataError(problem, where=str(file), values=[source.skip_rows], fix=fix)
    return DataError("the first line holds no column names", where=str(file), fix="add a header")


def unique_names(names: list[str]) -> list[str]:
    """Return column names with a name for those without one, and a number for repeated ones.

    The engine's names have no case, so neither have repetitions.

    Examples
    --------
    >>> unique_names(["Estado", "", "Total", "estado"])
    ['Estado (1)', 'column_1', 'Total', 'estado (2)']
    """
    named = [name if name.strip() else f"column_{place}" for place, name in enumerate(names)]
    times = Counter(name.lower() for name in named)
    taken = {name for name, count in times.items() if count == 1}
    last: Counter[str] = Counter()
    return [name if times[name.lower()] == 1 else _numbered(name, taken, last) for name in named]


def _numbered(name: str, taken: set[str], last: Counter[str]) -> str:
    """Return a repeated name with the next number that makes it another than all others."""
    key = name.lower()
    last[key] += 1
    while f"{key} ({last[key]})" in taken:
        last[key] += 1
    taken.add(f"{key} ({last[key]})")
    return f"{name} ({last[key]})"


def numbered_copies(name: str, columns: Iterable[str]) -> list[str]:
    """Return the columns that bear a name and a number, as repeated ones do.

    Examples
    --------
    >>> numbered_copies("Estado", ["Estado (1)", "Total", "estado (2)"])
    ['Estado (1)', 'estado (2)']
    """
    copy = re.compile(rf"{re.escape(name)} \(\d+\)", re.IGNORECASE | re.DOTALL)
    return [column for column in columns if copy.fullmatch(column)]


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
