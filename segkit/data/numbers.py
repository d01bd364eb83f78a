"""How numbers stand in texts: signs, symbols of currencies, and the marks between digits.

The one pattern of a number: what reads a whole log and what looks at its first rows share it. It
is written in what the engine's regular expressions and Python's have in common.
"""

from __future__ import annotations

import re

SYMBOLS: dict[str, str | None] = {
    "€": "EUR",
    "£": "GBP",
    "$": "USD",
    "¥": None,
    "₡": "CRC",
    "US$": "USD",
    "U$S": "USD",
    "R$": "BRL",
    "RD$": "DOP",
    "MX$": "MXN",
    "$U": "UYU",
    "S/": "PEN",
    "S/.": "PEN",
    "Bs": "BOB",
    "Bs.": "BOB",
    "Q": "GTQ",
    "L": "HNL",
    "kr": None,
    "kr.": None,
    "Kč": "CZK",
    "zł": "PLN",
}
"""What stands for a currency beside a number, and for which; None where that is not sure."""

CURRENCIES = {symbol: code for symbol, code in SYMBOLS.items() if code is not None}
"""The symbols that tell a currency, and which."""

ALIKE = ("\u00a0\u2007\u2009\u202f\u2212\u2019", "    -'")
"""Spaces, a minus and an apostrophe of print, and the plain ones that they are read as."""

DOTTED = r"(S/|Bs|kr)\."
"""Symbols whose dot is none of the number's; it goes before anything else is read."""

NEGATIVE = r"(?:^|[^eE]|[^0-9.,][eE])-|\("
"""A minus that is not an exponent's, or a bracket: with it, a number is negative."""

LONGEST = 100
"""Signs of a text that is looked at as a number: Python takes its time over longer ones."""

_LONGEST_FIRST = sorted(SYMBOLS, key=lambda symbol: (-len(symbol), symbol))
_SIGN = (
    "[$¢£¤¥\u058f\u060b\u09f2\u09f3\u0e3f\u17db\u20a0-\u20cf\ufdfc\uff04\uffe0\uffe1\uffe5\uffe6]"
)
_WORDS = "|".join(re.escape(symbol) for symbol in _LONGEST_FIRST if not symbol.endswith("."))
_SYMBOL = rf"\s*(?:{_WORDS}|[A-Z]{{3}}|[A-Z]{{0,3}}{_SIGN}|%)?\s*"
_OPEN_BODY = r"\d[\d.,' ]*|[.,]\d+"


def number_pattern(body: str) -> str:
    """Return the pattern of a number with this body: symbols beside it, and one sign.

    What is negative has its minus before or behind the number or its symbol, or is in brackets.

    Examples
    --------
    >>> [bool(re.match(number_pattern("[0-9]+"), text)) for text in ("-US$ 5", "(5)", "-(5)", "5 X")]
    [True, True, False, False]
    """
    number = f"{_SYMBOL}(?:{body}){_SYMBOL}"
    forms = (
        rf"\s*[+-]?{number}",
        rf"{_SYMBOL}[+-](?:{body}){_SYMBOL}",
        rf"{_SYMBOL}(?:{body})\s*-{_SYMBOL}",
        rf"{number}-\s*",
        rf"{_SYMBOL}\({number}\){_SYMBOL}",
    )
    return f"^(?:{'|'.join(forms)})$"


def plain_pattern(decimal: str) -> str:
    """Return the pattern of a number that is nothing but digits and a decimal mark.

    Examples
    --------
    >>> [bool(re.match(plain_pattern(","), text)) for text in ("12,5", "12.5", "12,5 €")]
    [True, False, False]
    """
    return rf"^[+-]?\d+(?:{re.escape(decimal)}\d+)?$"


def marked_body(decimal: str, thousands: str) -> str:
    """Return the pattern of digits with these marks and no others, and of an exponent.

    Examples
    --------
    >>> [bool(re.fullmatch(marked_body(",", "."), text)) for text in ("1.234,5", "1.23", "1e3")]
    [True, False, True]
    """
    mark, group = re.escape(decimal), re.escape(thousands)
    whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+" if thousands else r"\d+"
    return rf"(?:(?:{whole})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?"


def number_body(text: str) -> str:
    """Return the digits and marks of a text that looks like a number, else nothing.

    A share with its `%` can be read, but is no amount: it looks like none.

    Examples
    --------
    >>> [number_body(text) for text in ("1’234.50 zł", "(R$ 7,5)", "12-", "S/.7", "tres", "7%")]
    ["1'234.50", '7,5', '12', '7', '', '']
    """
    if len(text) > LONGEST:
        return ""
    plain = re.sub(r"\s+", " ", text.translate(str.maketrans(*ALIKE)))
    plain = re.sub(DOTTED, r"\1", plain)
    body = _BODY.search(plain) if _ANY_NUMBER.fullmatch(plain) and "%" not in plain else None
    return body[0].strip() if body else ""


_ANY_NUMBER = re.compile(number_pattern(rf"(?:{_OPEN_BODY})(?:[eE][+-]?\d+)?"), re.ASCII)
_BODY = re.compile(_OPEN_BODY, re.ASCII)


def currency_signs() -> str:
    """Return the pattern of symbols that tell a currency.

    One with letters stands by itself; a single letter also begins or ends a number, or is alone
    in brackets.

    Examples
    --------
    >>> [re.findall(currency_signs(), text) for text in ("RD$5", "Precio S/IVA", "Total (S/)")]
    [['RD$'], [], ['S/']]
    >>> [re.findall(currency_signs(), text) for text in ("Q5", "5 Q", "Total (Q)", "Total Q1")]
    [['Q'], ['Q'], ['Q'], []]
    """
    return "|".join(_bounded(symbol) for symbol in _LONGEST_FIRST if symbol in CURRENCIES)


def _bounded(symbol: str) -> str:
    escaped = re.escape(symbol)
    if len(symbol) == 1 and symbol.isalpha():
        first, last = (
            rf"(?:^|(?<=^[-(])){symbol}(?=\s*[\d.,(-])",
            rf"(?<=\d){symbol}$|(?<=\d\s){symbol}$",
        )
        return rf"{first}|{last}|(?<=\(){symbol}(?=\))"
    has_letters = any(sign.isalpha() for sign in symbol)
    return rf"(?<![^\W\d_]){escaped}(?![^\W\d_])" if has_letters else escaped
