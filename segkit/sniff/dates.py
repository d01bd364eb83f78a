"""How a column's dates are written: the pattern that reads them, or why none can be chosen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from segkit.data.month_names import is_weekday, month_code
from segkit.data.numbers import LONGEST
from segkit.errors import SegkitError
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, Unfit, shown
from segkit.sniff.trial import EARLIEST, Trial

_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[/.\- ])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})(?P<time>\D.*)?"
)
_WEEKDAY = r"(?:(?P<weekday>[^\W\d_]+(?:-feira)?)(?:\.?,|\.?,?\s+)\s*)?"
_DAY_FIRST = re.compile(
    rf"{_WEEKDAY}\d{{1,2}}(?P<one> de |[- /.])(?P<month>[^\W\d_]+)\.?"
    r"(?P<two> de | del |,? |[-/.])(?P<year>\d{4}|\d{2})(?P<time>\D.*)?"
)
_MONTH_FIRST = re.compile(
    rf"{_WEEKDAY}(?P<month>[^\W\d_]+)\.?(?P<one> )\d{{1,2}}(?P<two>,? )(?P<year>\d{{4}})"
    r"(?P<time>\D.*)?"
)
_TIME = re.compile(
    r"(?P<gap>,? |T)\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<fraction>\.\d+)?"
    r"(?P<half>(?P<apart>\s?)[AaPp]\.?\s?[Mm]\.?)?(?P<zone> ?[+-]\d{2}:?\d{2}|Z)?"
    r"(?P<hours> ?(?:hs|hrs|h)\.?)?"
)
_SERIAL = re.compile(r"[2-7]\d{4}(?:[.,]\d+)?", re.ASCII)
_DIGITS = {
    8: ["%Y%m%d", "%d%m%Y", "%m%d%Y"],
    10: ["epoch_s"],
    13: ["epoch_ms"],
    14: ["%Y%m%d%H%M%S"],
    16: ["epoch_us"],
    19: ["epoch_ns"],
}
_ORDER_OF = {"d": "day first", "m": "month first", "Y": "year first", "y": "year first"}

Readings = Mapping[Any, Mapping[str, datetime]]
"""By pattern: the texts that it reads, and as what."""


def date_format(column: Column, tried: Trial, given: str | None) -> tuple[Finding, int]:
    """Return the pattern that reads a column's dates (None: ISO, or typed), and how many it reads.

    Raises Unfit for what are no dates, and a SegkitError where two patterns read them.
    """
    if column.kind == "instant":
        return Finding(None, "the file itself holds dates"), column.present
    # What is a date to the file itself is read under any pattern; the texts beside it choose one.
    dated, enough = column.lines_of(column.dated), NEARLY_ALL * column.present
    column = column.written
    read = tried.instants(column.counts, [given] if given else _patterns(column.counts))
    lines = {pattern: column.lines_of(found) for pattern, found in read.items()}
    best = max(lines, key=lambda pattern: lines[pattern], default=None)
    known = lines.get(best, 0) + dated
    if known < enough:
        raise Unfit(_no_dates(column, read.get(best, {})) + _changed(column, read, best))
    for rival, count in lines.items():
        if rival != best and count and count + dated >= enough:
            _require_decided(column, read, best, rival)
    if given:
        return Finding(given, "as given"), known
    why = _why(column, read, best) if lines.get(best) else "the file itself holds dates"
    return Finding(best if lines.get(best) else None, why), known


def _patterns(counts: Mapping[str, int]) -> list[str | None]:
    """Return the patterns that values of the commonest shapes may follow; None is ISO.

    Examples
    --------
    >>> _patterns({"3/4/2025 18:45": 2, "2025-04-03": 1, "ayer": 1})
    ['%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M', None]
    """
    shapes: Counter[tuple[Any, ...]] = Counter()
    for text, times in counts.items():
        shapes[tuple(_patterns_of(text))] += times
    common = [pattern for shape, _ in shapes.most_common(3) for pattern in shape]
    return list(dict.fromkeys(common))


def _patterns_of(text: str) -> list[str | None]:
    if len(text) > LONGEST:
        return []
    if _SERIAL.fullmatch(text):
        return ["excel"]
    if text.isdecimal():
        return list(_DIGITS.get(len(text), []))
    match = _DATE.fullmatch(text)
    if match is None:
        return _named_patterns(text)
    time = _time_pattern(match["time"] or "")
    return [] if time is None else _numbered_patterns(match, time)


def _named_patterns(text: str) -> list[str | None]:
    """Return the pattern of a date with its month's name; a weekday before it is left out.

    Examples
    --------
    >>> _named_patterns("lunes, 31 de agosto de 2026 23:59 hs.")
    ['%d de %B de %Y %H:%M hs.']
    """
    first = _DAY_FIRST.fullmatch(text)
    match = first or _MONTH_FIRST.fullmatch(text)
    month = month_code(match["month"]) if match else None
    time = _time_pattern(match["time"] or "") if match else None
    if match is None or month is None or time is None:
        return []
    if match["weekday"] and not is_weekday(match["weekday"]):
        return []
    year = "%Y" if len(match["year"]) == 4 else "%y"
    parts = ("%d", match["one"], month) if first else (month, match["one"], "%d")
    return ["".join((*parts, match["two"], year, time))]


def _numbered_patterns(match: re.Match[str], time: str) -> list[str | None]:
    separator = match["sep"]
    if len(match["a"]) == 4:
        plain = not re.search(r"%p| %z|[hs]\.?$", time)
        return [None if plain and separator in "-/" else separator.join(("%Y", "%m", "%d")) + time]
    year = "%Y" if len(match["c"]) == 4 else "%y"
    orders = [("%d", "%m", year), ("%m", "%d", year)]
    if year == "%y" and separator == "-":
        orders.append(("%y", "%m", "%d"))
    return [separator.join(order) + time for order in orders]


def _time_pattern(text: str) -> str | None:
    """Return the pattern of what follows a date, None if it is no time of day.

    Examples
    --------
    >>> [_time_pattern(text) for text in (" 23:59 hs.", "T10:00Z", " 1:05 p. m.", " at 1")]
    [' %H:%M hs.', 'T%H:%M%z', ' %I:%M %p', None]
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None if text else ""
    hour = "%I:%M" if match["half"] else "%H:%M"
    seconds = ":%S" if match["seconds"] else ""
    fraction = ".%f" if match["fraction"] else ""
    half = f"{match['apart']}%p" if match["half"] else ""
    zone = re.sub(r"\S+", "%z", match["zone"] or "")
    return match["gap"] + hour + seconds + fraction + half + zone + (match["hours"] or "")


def _no_dates(column: Column, known: Mapping[str, datetime]) -> str:
    strange = ", ".join(shown(text) for text in column.counts if text not in known)[:100]
    if not known:
        return f"its values are no dates that can be read, from {EARLIEST.year} on: {strange}"
    told = f"only {column.lines_of(known)} of {column.present} values are dates like"
    return f"{told} {shown(next(iter(known)))}; not {strange}"


def _changed(column: Column, read: Readings, best: Any) -> str:
    """Return how a format that changes in the file goes on; nothing where that explains little."""
    known = read.get(best, {})
    rest = [text for text in column.counts if text not in known]
    for rival, found in read.items() if known else ():
        if rival != best and all(text in found for text in rest):
            return f": the format changes in the file, from {best or 'ISO'} to {rival or 'ISO'}"
    return ""


def _require_decided(column: Column, read: Readings, best: Any, rival: Any) -> None:
    """Raise unless a value can be read by `best` alone and none by `rival` alone."""
    by_name = "b" in (best or "").lower()  # '8 May 2016' is the same day in both
    if by_name or read[best].keys() > read[rival].keys():
        return
    place = f"column {shown(column.name)}"
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
        fix=f"say which: --date-format '{best}' or --date-format '{rival}'",
    )


def _day(instant: datetime) -> str:
    return f"{instant.day} {instant:%B %Y}"


def _named(pattern: str) -> str:
    return f"{_ORDER_OF.get(pattern[1:2], 'so')} ({pattern})"


def _why(column: Column, read: Readings, pattern: str | None) -> str:
    known, told = read[pattern], ""
    lines = column.lines_of(known)
    if strange := [text for text in column.counts if text not in known]:
        wrong = column.present - lines
        told = f"; {wrong} of {column.present} values are no dates, such as {shown(strange[0])}"
    first, order = next(iter(known)), _ORDER_OF.get((pattern or "")[1:2])
    if order is None:
        return f"{first!r} is {_day(known[first]) if pattern else 'an ISO date'}{told}"
    others = {text for rival, found in read.items() if rival != pattern for text in found}
    if decisive := next((text for text in known if text not in others), None):
        return f"{order}: {decisive!r} can be nothing else{told}"
    return f"{order}: so {lines} of {column.present} values are dates{told}"


def other_pattern(texts: list[str], tried: Trial) -> str | None:
    """Return the pattern that reads all of the texts that another one does not; None for none.

    Examples
    --------
    >>> from segkit.sniff.trial import trial
    >>> with trial() as tried:
    ...     other_pattern(["25/12/2024", "31/12/2024"], tried)
    '%d/%m/%Y'
    """
    counts = dict.fromkeys(texts, 1)
    read = tried.instants(counts, _patterns(counts)) if counts else {}
    whole = [pattern for pattern, found in read.items() if len(found) == len(counts)]
    return (whole[0] or "ISO") if len(whole) == 1 else None


def zone_of(column: Column) -> Finding | None:
    """Return the time zone of times that all have one offset of whole hours from UTC.

    Read in UTC, an evening's orders would be the next day's.

    Examples
    --------
    >>> zone_of(Column("Created at", ["2025-11-10 23:32:25 -0300"])).value
    'Etc/GMT+3'
    """
    offsets = {match[1] if (match := _ZONE.search(text)) else "" for text in column.counts}
    offset = offsets.pop() if len(offsets) == 1 else ""
    if not offset or offset[1:] in ("00:00", "0000") or not offset.endswith("00"):
        return None
    sign = "+" if offset[0] == "-" else "-"  # POSIX counts westwards
    return Finding(f"Etc/GMT{sign}{int(offset[1:3])}", f"every time is at {offset}")


_ZONE = re.compile(r":\d{2}(?:\.\d+)? ?([+-]\d{2}:?\d{2})$")
