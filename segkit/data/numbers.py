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

_LONGEST_FIRST = sorted(SYMBOLS, key=lambda symbol: (-len(symbol), symbol))
_SIGN = "[$¢£¤¥฿\u20a0-\u20cf]"
_SYMBOL = f"(?:{'|'.join(map(re.escape, _LONGEST_FIRST))}|[A-Z]{{3}}|[A-Z]{{0,3}}{_SIGN}|%)?"

BRACKETS = rf"^\s*({_SYMBOL})\s*\(([^()+-]+)\)\s*({_SYMBOL})\s*$"
"""A number in brackets, as accounts write what is negative, and a symbol beside them."""

WITHOUT_BRACKETS = r"-\1\2\3"
"""The same with a minus."""

SIGNS, BODY = (1, 2, 4, 5), 3
"""The groups of `number_pattern`: the places of a sign, and the digits with their marks."""

_OPEN_BODY = r"\d[\d.,' ]*|[.,]\d+"


def number_pattern(body: str) -> str:
    """Return the pattern of a number with this body: signs and symbols before or after it."""
    return (
        rf"^\s*([+-]?)\s*{_SYMBOL}\s*([+-]?)((?:{body})(?:[eE][+-]?\d+)?)"
        rf"\s*(-?)\s*{_SYMBOL}\s*(-?)\s*$"
    )


def plain_pattern(decimal: str) -> str:
    """Return the pattern of a number that is nothing but digits and a decimal mark."""
    return rf"^[+-]?\d+(?:{re.escape(decimal)}\d+)?$"


def marked_body(decimal: str, thousands: str) -> str:
    """Return the pattern of digits with these marks and no others."""
    mark, group = re.escape(decimal), re.escape(thousands)
    whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+" if thousands else r"\d+"
    return rf"(?:{whole})(?:{mark}\d*)?|{mark}\d+"


def number_body(text: str) -> str:
    """Return the digits and marks of a text that looks like a number, else nothing.

    A share with its `%` can be read, but is no amount: it looks like none.

    Examples
    --------
    >>> [number_body(text) for text in ("1’234.50 zł", "(R$ 7,5)", "12-", "tres", "7%")]
    ["1'234.50", '7,5', '12', '', '']
    """
    plain = text.translate(str.maketrans(*ALIKE))
    match = _ANY_NUMBER.match(re.sub(BRACKETS, WITHOUT_BRACKETS, plain, flags=re.ASCII))
    if "%" in text:
        return ""
    return _EXPONENT.sub("", match[BODY]).strip() if match else ""


_ANY_NUMBER = re.compile(number_pattern(_OPEN_BODY), re.ASCII)
_EXPONENT = re.compile(r"[eE][+-]?\d+$", re.ASCII)


def currency_signs() -> str:
    """Return the pattern of symbols that tell a currency; one with letters stands by itself.

    Examples
    --------
    >>> [re.findall(currency_signs(), text) for text in ("RD$5", "Precio S/IVA", "Total (S/)")]
    [['RD$'], [], ['S/']]
    """
    return "|".join(_bounded(symbol) for symbol in _LONGEST_FIRST if symbol in CURRENCIES)


def _bounded(symbol: str) -> str:
    escaped = re.escape(symbol)
    has_letters = any(sign.isalpha() for sign in symbol)
    return rf"(?<![^\W\d_]){escaped}(?![^\W\d_])" if has_letters else escaped
