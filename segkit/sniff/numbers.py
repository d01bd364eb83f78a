"""How numbers are written: the decimal mark and the mark between thousands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from segkit.data.numbers import number_body
from segkit.errors import SegkitError
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, shown

_OTHER = {".": ",", ",": "."}


def decimal_mark(*groups: Iterable[Column]) -> Finding:
    """Return the decimal mark of columns that one program wrote; the first group that tells decides.

    Raises a SegkitError where numbers contradict each other or can all be read in two ways.

    Examples
    --------
    >>> decimal_mark([Column("importe", ["1.234", "12,50"])])
    Finding(value=',', why="'12,50' in 'importe'")
    """
    first: dict[str, tuple[str, str]] = {}
    for columns in groups:
        lines, first = _marks(columns)
        sure = [mark for mark in first if mark != "?"]
        best = max(sure, key=lambda mark: lines[mark], default="")
        told = [f"{first[mark][0]!r} in {shown(first[mark][1])}" for mark in sure]
        if len(sure) == 2 and lines[best] < NEARLY_ALL * (lines["."] + lines[","]):
            raise SegkitError(
                f"decimals are written in two ways: {' and '.join(told)}",
                fix="export it again with one decimal mark, or say which: "
                "--decimal . or --decimal ,",
            )
        if sure:
            return Finding(best, told[sure.index(best)])
    if "?" in first:
        raise _open_decimal(*first["?"])
    return Finding(".", "no number that was looked at has decimals")


def _marks(columns: Iterable[Column]) -> tuple[Counter[str], dict[str, tuple[str, str]]]:
    """Count the lines with each decimal mark, and return the first of each and its column."""
    lines: Counter[str] = Counter()
    first: dict[str, tuple[str, str]] = {}
    for column in columns:
        for text, times in column.counts.items():
            mark = _decimal_of(number_body(text))
            if mark == "?" and column.kind == "number":
                mark = "."  # a cell that is a number was written down by the kit, with a point
            if mark:
                lines[mark] += times
                first.setdefault(mark, (text, column.name))
    return lines, first


def _decimal_of(body: str) -> str:
    """Return the decimal mark of a number: `.`, `,`, empty if it has none, `?` if that is open.

    Examples
    --------
    >>> [_decimal_of(body) for body in ("1.234,56", "12.5", "1.234.567", "1,234", "0,123", "12")]
    [',', '.', ',', '?', ',', '']
    """
    marks = [sign for sign in body if sign in ".,"]
    if not marks:
        return ""
    last = marks[-1]
    if len(set(marks)) == 2:
        return last if marks.count(last) == 1 else ""
    if len(marks) > 1:
        return _OTHER[last] if _grouped(body, last) else ""
    return "?" if _grouped(body, last) and not body.startswith("0") else last


def _grouped(whole: str, mark: str) -> bool:
    return re.fullmatch(rf"\d{{1,3}}({re.escape(mark)}\d{{3}})+", whole) is not None


def _open_decimal(text: str, name: str) -> SegkitError:
    body = number_body(text)
    mark = "," if "," in body else "."
    return SegkitError(
        f"the numbers can be read in two ways: {text!r} is {body.replace(mark, '')} "
        f"({mark!r} between thousands) or {body.replace(mark, '.')} ({mark!r} before decimals)",
        where=f"column {shown(name)}",
        fix="say which: --decimal . or --decimal ,",
    )


def thousands_mark(columns: Iterable[Column], decimal: str) -> Finding | None:
    """Return the mark between thousands, None where no number has one."""
    lines: Counter[str] = Counter()
    first: dict[str, str] = {}
    for column in columns:
        for text, times in column.counts.items() if column.kind == "text" else ():
            whole = number_body(text).partition(decimal)[0]
            for mark in (_OTHER[decimal], " ", "'"):
                if _grouped(whole, mark):
                    mark = "’" if mark == "'" and "’" in text else mark
                    lines[mark] += times
                    first.setdefault(mark, f"{text!r} in {shown(column.name)}")
    found = max(lines, key=lines.__getitem__, default=None)
    return Finding(found, first[found]) if found else None
