"""How a column's dates are written: the pattern that reads them, or why none can be chosen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from segkit.errors import SegkitError
from segkit.sniff.patterns import possible_patterns
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, Unfit, shown
from segkit.sniff.trial import EARLIEST, Trial

_ORDER_OF = {"d": "day first", "m": "month first", "Y": "year first", "y": "year first"}

Readings = Mapping[Any, Mapping[str, datetime]]
"""By pattern: the texts that it reads, and as what."""


def date_format(column: Column, tried: Trial, given: str | None, where: str) -> tuple[Finding, int]:
    """Return the pattern that reads a column's dates (None: ISO, or typed), and how many it reads.

    Parameters
    ----------
    column : Column
    tried : Trial
    given : str or None
        The pattern, where it is known.
    where : str
        The file, for messages.

    Raises
    ------
    Unfit
        The values are no dates.
    SegkitError
        Two patterns read them all, or each of two reads what the other cannot.
    """
    if column.kind == "instant":
        return Finding(None, "the file itself holds dates"), column.present
    read = tried.instants(column.counts, [given] if given else possible_patterns(column.counts))
    lines = {pattern: _lines(column, found) for pattern, found in read.items()}
    full = [pattern for pattern in lines if lines[pattern] >= NEARLY_ALL * column.present]
    if not full:
        raise Unfit(_no_dates(column, max(read.values(), key=len, default={})))
    best = max(full, key=lambda pattern: lines[pattern])
    for rival in full:
        if rival != best:
            _require_decided(column, read, best, rival, where)
    why = "as given" if given else _why(column, read, best)
    return Finding(best, why), lines[best]


def _lines(column: Column, texts: Mapping[str, Any]) -> int:
    return sum(column.counts[text] for text in texts)


def _no_dates(column: Column, known: Mapping[str, datetime]) -> str:
    strange = ", ".join(shown(text) for text in column.counts if text not in known)[:100]
    if not known:
        return f"its values are no dates that can be read, from {EARLIEST.year} on: {strange}"
    told = f"only {_lines(column, known)} of {column.present} values are dates like"
    return f"{told} {shown(next(iter(known)))}; not {strange}"


def _require_decided(column: Column, read: Readings, best: Any, rival: Any, where: str) -> None:
    """Raise unless a value can be read by `best` alone and none by `rival` alone."""
    by_name = "%b" in (best or "") or "%B" in (best or "")  # '8 May 2016': the same day in both
    if by_name or read[best].keys() > read[rival].keys():
        return
    place = f"{where}: column {shown(column.name)}"
    if alone := [text for text in read[rival] if text not in read[best]]:
        other = next(text for text in read[best] if text not in read[rival])
        raise SegkitError(
            f"{other!r} can only be {_named(best)}, and {alone[0]!r} only {_named(rival)}",
            where=place,
            fix="export it again in one format, or say which: --date-format",
        )
    differing = (text for text in read[best] if read[best][text] != read[rival][text])
    text = next(differing, next(iter(read[best])))
    one, two = (f"{_day(read[pattern][text])} ({pattern})" for pattern in (best, rival))
    raise SegkitError(
        f"the dates can be read in two ways: {text!r} is {one} or {two}",
        where=place,
        values=list(column.counts)[:3],
        fix=f"say which: --date-format '{best}' or --date-format '{rival}'",
    )


def _day(instant: datetime) -> str:
    return f"{instant.day} {instant:%B %Y}"


def _named(pattern: str | None) -> str:
    return f"{_ORDER_OF.get((pattern or '')[1:2], 'so')} ({pattern})"


def _why(column: Column, read: Readings, pattern: str | None) -> str:
    known = read[pattern]
    lines, told = _lines(column, known), ""
    if strange := [text for text in column.counts if text not in known]:
        wrong = column.present - lines
        told = f"; {wrong} of {column.present} values are no dates, such as {shown(strange[0])}"
    first, order = next(iter(known)), _ORDER_OF.get((pattern or "")[1:2])
    if pattern is None:
        return f"{first!r} is an ISO date{told}"
    if order is None:
        return f"{first!r} is {_day(known[first])}{told}"
    others = [found for rival, found in read.items() if rival != pattern]
    alone = (text for text in known if not any(text in other for other in others))
    if decisive := next(alone, None):
        return f"{order}: {decisive!r} can be nothing else{told}"
    return f"{order}: so {lines} of {column.present} values are dates{told}"
