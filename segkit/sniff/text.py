"""How a text file is written: its encoding, and the separator of its fields."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping
from contextlib import suppress

from segkit.data.csv_records import utf_16_without_mark
from segkit.errors import DataError, SegkitError
from segkit.sniff.header import SEEN, title_rows
from segkit.sniff.sample import Finding, shown

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
REGULAR = 0.8
"""Share of lines that a separator has to cut into as many fields as the first."""

_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WESTERN = ("cp1252", "iso-8859-15", "cp850", "mac-roman")
_LETTERS = "áéíóúüñçàèìòùâêîôûäëïöãõÁÉÍÓÚÜÑÇ"
_IN_A_WORD = re.compile(
    rf"(?<=[a-zA-Z])[{_LETTERS}]|[{_LETTERS}](?=[a-zA-Z])|[€£](?=\s?\d)|(?<=\d)\s?[€£]|(?<=\()[€£](?=\))|(?<=\d)[ºª]"
)


def decoded(raw: bytes, *, cut: bool) -> tuple[str, Finding]:
    """Return bytes as text, and their encoding; a DataError where they are no table.

    `cut` says that the file goes on after these bytes.
    """
    encoding = _encoding(raw, cut)
    text = _decoded(raw, encoding.value, cut, errors="replace")
    if text.lstrip().startswith("<"):
        raise DataError("is HTML or XML, not a table", fix="save it as .xlsx or CSV")
    if first := re.match(r"sep=.(?=\r?\n)", text):
        problem = "begins with a line for Excel, not with column names"
        raise DataError(problem, values=[first[0]], fix="delete its first line")
    return text, encoding


def _encoding(raw: bytes, cut: bool) -> Finding:
    for mark, name in _BOMS.items():
        if raw.startswith(mark):
            return Finding(name, "begins with a byte order mark")
    if name := utf_16_without_mark(raw):
        with suppress(UnicodeDecodeError):
            _decoded(raw, name, cut)
            return Finding(name, "no byte order mark, but every other byte is zero")
    if b"\0" in raw:
        raise DataError("holds zero bytes, so it is no text", fix="export it as CSV in UTF-8")
    try:
        _decoded(raw, "utf-8", cut)
    except UnicodeDecodeError:
        return _western_encoding(raw)
    told = "only ASCII as far as looked at" if raw.isascii() else "every character is valid"
    return Finding("utf-8", told)


def _western_encoding(raw: bytes) -> Finding:
    """Tell one-byte encodings by the accents and currency signs that they make of a text."""
    seen = {}
    for name in _WESTERN:
        with suppress(UnicodeDecodeError):
            seen[name] = _IN_A_WORD.findall(raw.decode(name))
    best = max(seen, key=lambda name: len(seen[name]))
    told = sorted({match.strip() for match in seen[best]})[:5]
    return Finding(best, f"not UTF-8; as {best} it has {', '.join(told) or 'no accents'}")


def _decoded(raw: bytes, encoding: str, cut: bool, errors: str = "strict") -> str:
    """Return bytes as text; where they are cut, without the character that the cut split."""
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    return codecs.getincrementaldecoder(name)(errors).decode(raw, final=not cut)


def records(text: str, separator: str, *, cut: bool) -> tuple[int, list[list[str]]]:
    """Return how many lines of titles a text begins with, and the others as fields.

    Where the text is cut, its last line is left out.

    Examples
    --------
    >>> records("Ventas\\n\\na;b\\n1;2\\n", ";", cut=False)
    (2, [['a', 'b'], ['1', '2']])
    """
    found = _numbered(text, separator, cut)
    titles = title_rows([row for _, row in found[:SEEN]])
    return (found[titles][0] if titles else 0), [row for _, row in found[titles:]]


def _numbered(text: str, separator: str, cut: bool) -> list[tuple[int, list[str]]]:
    """Return the rows of a text, each with the number of lines above it."""
    found: list[tuple[int, list[str]]] = []
    reader, above = csv.reader(io.StringIO(text, newline=""), delimiter=separator), 0
    with suppress(csv.Error):  # a quote that never closes: what stands before it can still tell
        for row in reader:
            found.append((above, row))
            above = reader.line_num
    return [pair for pair in (found[:-1] if cut else found) if pair[1]]


def field_separator(text: str, *, cut: bool) -> Finding:
    """Return what cuts lines into the same number of fields; an error for none or two."""
    rows = {mark: [row for _, row in _numbered(text, mark, cut)[:300]] for mark in SEPARATORS}
    if max(map(_regular, rows.values())) < REGULAR:
        rows = _below_titles(rows)
    shares = {mark: _regular(found) for mark, found in rows.items()}
    best = max(shares.values(), default=0)
    if best < REGULAR:
        raise SegkitError(
            "no separator cuts its lines into the same number of fields",
            values=text.splitlines()[:1],
            fix="begin the file with a line of column names, or say which: --separator ';'",
        )
    tied = {mark: rows[mark] for mark, share in shares.items() if share == best}
    if len(tied) > 1:
        raise _two_separators(tied)
    ((mark, found),) = tied.items()
    same = round(best * len(found))
    return Finding(mark, f"{same} of {len(found)} lines have {len(found[0])} fields")


def _below_titles(rows: Mapping[str, list[list[str]]]) -> dict[str, list[list[str]]]:
    """Return what is a table below its titles, by separator: where several are, below the fewest."""
    titles = {mark: title_rows(found) for mark, found in rows.items()}
    below = {mark: found[titles[mark] :] for mark, found in rows.items()}
    regular = {mark: found for mark, found in below.items() if _regular(found) >= REGULAR}
    fewest = min((titles[mark] for mark in regular), default=0)
    return {mark: found for mark, found in regular.items() if titles[mark] == fewest}


def _regular(rows: list[list[str]]) -> float:
    """Return the share of rows as wide as the first; none where that is a single field."""
    width = len(rows[0]) if rows else 0
    return sum(len(row) == width for row in rows) / len(rows) if width > 1 else 0


def _two_separators(tied: Mapping[str, list[list[str]]]) -> SegkitError:
    readings = " or ".join(
        f"{len(rows[0])} fields at each {SEPARATORS[mark]} ({shown(' · '.join(rows[-1]))})"
        for mark, rows in tied.items()
    )
    options = (f"--separator '{'tab' if mark == chr(9) else mark}'" for mark in tied)
    return SegkitError(
        f"the lines can be cut in two ways: {readings}", fix=f"say which: {' or '.join(options)}"
    )
