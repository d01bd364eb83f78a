"""Kinds of values in a client's file, each with what is wrong when it is none."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from segkit.errors import nearest

SOURCE = "en"
"""The language that the report's texts are written in first."""

LOCALE = Path(__file__).parents[1] / "words" / "locale"
"""Where the catalogues of all others are."""


def _iso_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("not a date; write it like 2025-12-31") from None


def _plausible_date(value: date) -> date:
    if not 1900 <= value.year <= 2999:
        raise ValueError("not between 1900 and 2999; write it like 2025-12-31")
    return value


def as_list(value: object) -> object:
    """Return one text as a list of one."""
    return [value] if isinstance(value, str) else value


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", value):
        raise ValueError(
            "not a plain name (it names a folder); use a to z, 0 to 9, '-' and '_', such as 'acme_es'"
        )
    return value


_NO_PLACES = {"localtime", "posixrules", "Factory"}


def known_timezone(value: str) -> str:
    """Accept the name of a time zone that is a place."""
    try:
        ZoneInfo(value)
        known = value not in _NO_PLACES
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known or value.startswith(("posix/", "right/")):
        like = _closest(value, available_timezones() - _NO_PLACES, "Europe/Madrid")
        raise ValueError(f"not a time zone; write it like '{like}'")
    return value


def known_locale(value: str) -> str:
    """Accept a locale that numbers and dates can be written in."""
    from babel import Locale, UnknownLocaleError  # its data are loaded where they are asked for

    try:
        return str(Locale.parse(value.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise ValueError("not a locale; write it like 'es_ES' or 'en_GB'") from None


def known_currency(value: str) -> str:
    """Accept an ISO 4217 currency."""
    from babel.numbers import list_currencies  # its data are loaded where they are asked for

    if value not in list_currencies():
        like = _closest(value, list_currencies(), "EUR")
        raise ValueError(f"not an ISO 4217 currency; write it like '{like}'")
    return value


def colour(value: str) -> str:
    """Accept a colour such as `#00639c`."""
    if not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise ValueError("not a colour; write it like '#00639c', in quotes")
    return value


def languages(folder: Path = LOCALE) -> list[str]:
    """Return the languages that there are texts in, in alphabetical order.

    Examples
    --------
    >>> languages()
    ['en', 'es']
    """
    return sorted([SOURCE, *(file.parts[-3] for file in folder.glob("*/LC_MESSAGES/segkit.po"))])


def known_language(value: str) -> str:
    """Accept a language that there are texts in."""
    if value not in languages():
        raise ValueError(f"no texts in this language; use one of {', '.join(languages())}")
    return value


def known_region(value: str) -> str:
    """Accept an ISO 3166 country that has telephones."""
    # Its tables of all countries are loaded where there are phones.
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        like = _closest(value, SUPPORTED_REGIONS, "ES")
        raise ValueError(f"not an ISO 3166 country with telephones; write it like '{like}'")
    return value


def known_encoding(value: str) -> str:
    """Accept an encoding of texts."""
    try:
        known = codecs.lookup(value)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        raise ValueError("not an encoding; write utf-8, cp1252 or utf-16")
    return value


COUNTED_DATES = ("epoch_s", "epoch_ms", "epoch_us", "epoch_ns", "excel")
"""Dates written as a count: since 1970 in a unit of time, or Excel's days since 1899-12-30."""


def known_date_format(value: str) -> str:
    """Accept a kind of count, or what the engine's strptime knows and what makes up a date."""
    if value in COUNTED_DATES:
        return value
    codes = set(re.findall(r"%-?.?", value))
    parts = ("Yyg", "mbBhj", "dj")
    whole = all(codes & {f"%{sign}{code}" for code in part for sign in ("", "-")} for part in parts)
    known = {f"%{code}" for code in "abcdfghjmnpuwxyzABGHIMSTUVWXYZ%"}
    known |= {f"%-{code}" for code in "dmyHIMSj"}
    if codes - known or not (whole or "%x" in codes or "%c" in codes):
        raise ValueError("not a date format; write it like '%d/%m/%Y' or '%Y-%m-%d %H:%M'")
    return value


def known_pattern(value: str) -> str:
    """Accept a regular expression that Python reads; the engine's are nearly the same."""
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression ({error}); put a \\ before marks") from None
    return value


def tab(value: object) -> object:
    """Return the mark that a file writes as a word."""
    return "\t" if value in ("\\t", "tab") else value


def one_mark(value: str) -> str:
    """Accept one character that ends no line."""
    if len(value) != 1 or value in "\r\n":
        raise ValueError("not one character; write ',' or ';' or 'tab'")
    return value


def plain_space(value: object) -> object:
    """Return the spaces that set off thousands in print as the plain one."""
    return " " if value in ("\u00a0", "\u2007", "\u2009", "\u202f") else value


def memory(value: str) -> str:
    """Accept an amount of memory such as `4GB`."""
    if not re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", value):
        raise ValueError("not an amount of memory; write it like '4GB'")
    return value


def _closest(name: str, valid: Iterable[str], default: str) -> str:
    names = {known.lower(): known for known in valid}
    return names.get(nearest(name, names) or "", default)


IsoDate = Annotated[date, BeforeValidator(_iso_date), AfterValidator(_plausible_date)]
Paths = Annotated[list[str], BeforeValidator(as_list), Field(min_length=1)]
Slug = Annotated[str, AfterValidator(_slug)]
Share = Annotated[float, Field(ge=0, le=1)]
Column = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]

NO_CURRENCY = "XXX"
"""ISO 4217: no currency is involved; a log without amounts, whose units are counted."""
