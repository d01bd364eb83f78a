"""Which date patterns values may follow, by the shape in which they are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[/.\- ])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})(?P<time>\D.*)?"
)
_NAMED_DATE = re.compile(r"(?:\d{1,2}[- ][^\W\d]+[- ]\d{2,4}|[^\W\d]+ \d{1,2}, \d{4})(?P<time>.*)")
_NAMED = (
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%d-%B-%Y"),
    *("%b %d, %Y", "%B %d, %Y"),
)
_TIME = re.compile(
    r"(?P<gap>,? |T)\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<fraction>\.\d+)?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?[+-]\d{2}:?\d{2}|Z)?"
)
_DIGITS = {
    8: ["%Y%m%d", "%d%m%Y", "%m%d%Y"],
    10: ["epoch_s"],
    13: ["epoch_ms"],
    14: ["%Y%m%d%H%M%S"],
}


def possible_patterns(counts: Mapping[str, int]) -> list[str | None]:
    """Return the patterns that texts of the commonest shapes may follow; None is ISO.

    Parameters
    ----------
    counts : mapping of str to int
        How often each text is there.

    Examples
    --------
    >>> possible_patterns({"3/4/2025 18:45": 2, "2025-04-03": 1, "ayer": 1})
    ['%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M', None]
    """
    shapes: Counter[tuple] = Counter()
    for text, times in counts.items():
        shapes[tuple(_patterns_of(text))] += times
    common = [pattern for shape, _ in shapes.most_common(3) for pattern in shape]
    return list(dict.fromkeys(common))


def _patterns_of(text: str) -> list[str | None]:
    if text.isdecimal():
        return list(_DIGITS.get(len(text), []))
    named = _NAMED_DATE.fullmatch(text)
    match = named or _DATE.fullmatch(text)
    time = _time_pattern(match["time"]) if match else None
    if match is None or time is None:
        return []
    days = _NAMED if named else _orders(match, time)
    return [None if day is None else day + time for day in days]


def _orders(match: re.Match[str], time: str) -> list[str | None]:
    """Return the orders in which three numbers can be a day, a month and a year."""
    separator = match["sep"]
    if len(match["a"]) == 4:
        iso = separator in "-/" and "%p" not in time and " %z" not in time
        return [None if iso else separator.join(("%Y", "%m", "%d"))]
    year = "%Y" if len(match["c"]) == 4 else "%y"
    orders = [("%d", "%m", year), ("%m", "%d", year)]
    if year == "%y" and separator == "-":
        orders.append(("%y", "%m", "%d"))
    return [separator.join(order) for order in orders]


def _time_pattern(text: str | None) -> str | None:
    """Return the pattern of what follows a date, None if it is no time of day."""
    if not text:
        return ""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour = "%I:%M" if match["half"] else "%H:%M"
    seconds = ":%S" if match["seconds"] else ""
    fraction = ".%f" if match["fraction"] else ""
    half = re.sub(r"\w+", "%p", match["half"] or "")
    zone = (" %z" if match["zone"].startswith(" ") else "%z") if match["zone"] else ""
    return match["gap"] + hour + seconds + fraction + half + zone
