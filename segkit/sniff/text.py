"""How a text file is written: its encoding, and the separator of its fields."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from segkit.errors import DataError, SegkitError
from segkit.sniff.sample import Finding, shown

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
REGULAR = 0.8
"""Share of lines that a separator has to cut into as many fields as the first."""

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WESTERN = ("cp1252", "cp850", "mac-roman")
_LETTERS = "áéíóúüñçàèìòùâêîôûäëïöãõÁÉÍÓÚÜÑÇ"
_IN_A_WORD = re.compile(
    rf"(?<=[a-zA-Z])[{_LETTERS}]|[{_LETTERS}](?=[a-zA-Z])|[€£](?=\s?\d)|(?<=\d)\s?[€£]|(?<=\d)[ºª]"
)


def records(
    file: Path, raw: bytes, separator: str | None, *, cut: bool
) -> tuple[list[list[str]], Finding, Finding]:
    """Return a text's lines as fields, the header first, and its separator and encoding.

    Parameters
    ----------
    file : Path
        For messages.
    raw : bytes
        The file's first bytes.
    separator : str or None
        None where the text is to tell.
    cut : bool
        Whether the file goes on after these bytes.

    Raises
    ------
    SegkitError, DataError
        No text, no table, or a text that two separators cut equally well.

    Examples
    --------
    >>> rows, separator, encoding = records(Path("log.csv"), b"a;b\\n1,5;2\\n", None, cut=False)
    >>> rows, separator.value, encoding.value
    ([['a', 'b'], ['1,5', '2']], ';', 'utf-8')
    """
    encoding = _encoding(file, raw, cut)
    text = _decoded(raw, encoding.value, cut)
    _require_table(file, text)
    found = Finding(separator, "as given") if separator else _separator(file, text, cut)
    return _split(text, found.value, cut), found, encoding


def _require_table(file: Path, text: str) -> None:
    if text.lstrip().startswith("<"):
        raise DataError(
            "is HTML or XML, not a table", where=str(file), fix="save it as .xlsx or CSV"
        )
    if re.match(r"sep=.\r?\n", text):
        raise DataError(
            "begins with a line for Excel, not with column names",
            where=str(file),
            values=[text.splitlines()[0]],
            fix="delete its first line",
        )


def _encoding(file: Path, raw: bytes, cut: bool) -> Finding:
    for mark, name in _BOMS.items():
        if raw.startswith(mark):
            return Finding(name, "begins with a byte order mark")
    if b"\0" in raw:
        return _wide_encoding(file, raw)
    try:
        _decoded(raw, "utf-8", cut)
    except UnicodeDecodeError:
        return _western_encoding(raw)
    told = "only ASCII as far as looked at" if raw.isascii() else "every character is valid"
    return Finding("utf-8", told)


def _wide_encoding(file: Path, raw: bytes) -> Finding:
    """Tell UTF-16 without a mark by where the zero bytes of plain letters are."""
    odd, even = raw[1::2].count(0), raw[::2].count(0)
    if max(odd, even) < len(raw) // 5 or min(odd, even) > max(odd, even) // 10:
        raise DataError(
            "holds zero bytes, so it is no text", where=str(file), fix="export it as CSV"
        )
    name, place = ("utf-16-le", "second") if odd > even else ("utf-16-be", "first")
    return Finding(name, f"the {place} byte of each pair is mostly zero")


def _western_encoding(raw: bytes) -> Finding:
    """Tell one-byte encodings by the accents and currency signs that they make of a text."""
    seen = {}
    for name in _WESTERN:
        with suppress(UnicodeDecodeError):
            seen[name] = _IN_A_WORD.findall(raw.decode(name))
    best = max(seen, key=lambda name: len(seen[name]))
    told = sorted({match.strip() for match in seen[best]})[:5]
    return Finding(best, f"not UTF-8; as {best} it has {', '.join(told) or 'no accents'}")


def _decoded(raw: bytes, encoding: str, cut: bool) -> str:
    """Return bytes as text; where they are cut, without the character that the cut split."""
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    return codecs.getincrementaldecoder(name)().decode(raw, final=not cut)


def _split(text: str, separator: str, cut: bool) -> list[list[str]]:
    rows = []
    with suppress(csv.Error):  # a quote that never closes: what stands before it can still tell
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            rows.append(row)
    return [row for row in (rows[:-1] if cut else rows) if row]


def _separator(file: Path, text: str, cut: bool) -> Finding:
    rows = {separator: _split(text, separator, cut)[:300] for separator in SEPARATORS}
    alike = {separator: _as_wide_as_the_first(found) for separator, found in rows.items()}
    shares = {
        separator: alike[separator] / len(found) for separator, found in rows.items() if found
    }
    best = max(shares.values(), default=0)
    if best < REGULAR:
        raise SegkitError(
            "no separator cuts its lines into the same number of fields",
            where=str(file),
            values=text.splitlines()[:1],
            fix="begin the file with a line of column names, or say which: --separator ';'",
        )
    first, *others = (separator for separator in shares if shares[separator] == best)
    if others:
        raise _two_separators(file, {separator: rows[separator] for separator in (first, *others)})
    told = f"{alike[first]} of {len(rows[first])} lines have {len(rows[first][0])} fields"
    return Finding(first, told)


def _as_wide_as_the_first(rows: list[list[str]]) -> int:
    """Count rows with as many fields as the first; none where that is a single one."""
    width = len(rows[0]) if rows else 0
    return sum(len(row) == width for row in rows) if width > 1 else 0


def _two_separators(file: Path, tied: Mapping[str, list[list[str]]]) -> SegkitError:
    readings = " or ".join(
        f"{len(rows[0])} fields at each {SEPARATORS[separator]} ({shown(' · '.join(rows[-1]))})"
        for separator, rows in tied.items()
    )
    marks = ("tab" if separator == "\t" else separator for separator in tied)
    return SegkitError(
        f"the lines can be cut in two ways: {readings}",
        where=str(file),
        fix="say which: " + " or ".join(f"--separator '{mark}'" for mark in marks),
    )
