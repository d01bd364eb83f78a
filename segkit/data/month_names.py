"""Names of months and weekdays in dates, in Spanish, Portuguese and English.

The engine knows the English ones alone, so the others are replaced before it reads a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import ibis
import ibis.expr.types as ir

from segkit.foundation.letters import without_accents

_LANGUAGES = ("en", "es", "pt")
_ALSO = {"sep": 9, "sept": 9, "set": 9, "setiembre": 9}
_WIDTHS: tuple[Literal["wide", "abbreviated"], ...] = ("wide", "abbreviated")


def has_month_name(pattern: str) -> bool:
    """Return whether a date's pattern holds the name of its month.

    Examples
    --------
    >>> [has_month_name(pattern) for pattern in ("%d de %B de %Y", "%d/%m/%Y")]
    [True, False]
    """
    return re.search("%[bB]", pattern) is not None


def month_code(word: str) -> str | None:
    """Return what stands for a month's name in a pattern, None where it is no month's.

    Examples
    --------
    >>> [month_code(word) for word in ("Agosto", "sept", "MARÇO", "marco", "de")]
    ['%B', '%b', '%B', '%B', None]
    """
    key = word.lower()
    if key not in _months():
        return None
    return "%b" if len(key) <= 4 and key in _short_months() else "%B"


def is_weekday(word: str) -> bool:
    """Return whether a word is the name of a weekday, whole or short.

    Examples
    --------
    >>> [is_weekday(word) for word in ("Lunes", "sab", "segunda-feira", "hoy")]
    [True, True, True, False]
    """
    return word.lower() in _weekdays()


def in_small_letters(pattern: str) -> str:
    """Return a pattern whose own words are in small letters, as those of `in_english` are.

    Examples
    --------
    >>> in_small_letters("%d DE %B")
    '%d de %B'
    """
    return re.sub(
        r"%-?.|.", lambda part: part[0] if part[0][0] == "%" else part[0].lower(), pattern
    )


def in_english(text: ir.StringValue, pattern: str) -> ir.StringValue:
    """Return dates with the English name of their month, as the pattern has it, whole or short.

    All else is in small letters. A dot behind the name goes, unless the pattern has one; so
    does a weekday at the beginning. What holds no month becomes null.
    """
    small = text.lower()
    if not re.search("%[aA]", pattern):
        small = small.re_replace(_weekday_first(pattern), "")
    dot = "" if re.search(r"%[bB]\.", pattern) else r"\.?"
    found = small.re_extract(f"(?:{_any_of(_months())}){dot}", 0)
    width: Literal["wide", "abbreviated"] = "wide" if "%B" in pattern else "abbreviated"
    return small.replace(found, _english(found.replace(".", ""), width))


def _english(word: ir.StringValue, width: Literal["wide", "abbreviated"]) -> ir.StringValue:
    names = _names(width, "en")
    # A table, for a choice among conditions would work the word out for each of them.
    return ibis.literal({word: names[number] for word, number in _months().items()})[word]


def _weekday_first(pattern: str) -> str:
    """Return the pattern of a weekday before a date; `mar` before a day is Tuesday or March."""
    words = set(_weekdays())
    if re.match("%[bB]", pattern):
        words -= set(_months())
    return rf"^(?:{_any_of(words)})(?:\.?,|\.?,?\s+)\s*"


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


@cache
def _months() -> dict[str, int]:
    return _words("month", _WIDTHS) | _ALSO


@cache
def _short_months() -> dict[str, int]:
    return _words("month", ("abbreviated",)) | {"sep": 9, "sept": 9, "set": 9}


@cache
def _weekdays() -> dict[str, int]:
    return _words("day", _WIDTHS)


def _words(kind: str, widths: Iterable[Literal["wide", "abbreviated"]]) -> dict[str, int]:
    """Return names in lower case, with and without their accents, without dots."""
    found: dict[str, int] = {}
    for width in widths:
        for language in _LANGUAGES:
            for number, name in _names(width, language, kind).items():
                key = name.lower().rstrip(".")
                found |= {key: number, without_accents(key): number}
    return found


def _names(width: Literal["wide", "abbreviated"], language: str, kind: str = "month") -> Any:
    # Its data are loaded where dates have names.
    from babel.dates import get_day_names, get_month_names

    names = get_month_names if kind == "month" else get_day_names
    return names(width, locale=language)
