"""Numbers, money and dates the way a client's readers write them."""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

import pandas as pd
from babel import Locale
from babel.core import UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, get_month_names
from babel.numbers import (
    NumberPattern,
    get_currency_precision,
    is_currency,
)
from babel.units import format_unit

from segkit.errors import SegkitError, suggestion
from segkit.params import NO_CURRENCY

MISSING = "—"
DIGITS_OF_ANY_FLOAT = 400  # the default of 28 fails on amounts above 10^25

NUMBER_KINDS = ("count", "money", "percent", "decimal", "number", "days", "ratio", "months")
TIME_KINDS = ("date", "month", "datetime")
WORD_KINDS = ("text", "label", "segment", "rule", "flag")
MONTH_NAME = "month_name"
"""The kind of a calendar month, 1 to 12."""
KINDS = (*NUMBER_KINDS, *TIME_KINDS, *WORD_KINDS, MONTH_NAME)
KINDS_WITH_DIGITS = ("money", "percent", "decimal", "number", "ratio")
PLURAL = "plural"
"""The kind of a count in words; its forms follow, as in ``plural.one customer/# customers``."""
PLURAL_FIX = "write two or three, as in plural.none/one/# others"

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Formats:
    """Write values in a locale and a currency.

    Missing values (None, NaN, NaT) are written as an em dash; spaces inside numbers are the
    non-breaking ones of the locale data.

    Parameters
    ----------
    locale : str
        Language and country, such as ``es_AR`` or ``en-GB``.
    currency : str
        ISO 4217 code, such as ``USD``.

    Raises
    ------
    SegkitError
        When the locale or the currency does not exist.

    Examples
    --------
    >>> formats = Formats("es_AR", "ARS")
    >>> formats.money(1234.5), formats.percent(0.317), formats.integer(None)
    ('$1.234,50', '31,7%', '—')
    """

    def __init__(self, locale: str, currency: str) -> None:
        self.locale = locale
        self.currency = currency
        self._locale = _parsed_locale(locale)
        if not is_currency(currency):
            raise SegkitError(
                "no such currency",
                where="currency",
                values=[currency],
                fix="write the three capital letters of ISO 4217, such as USD",
            )
        self._kinds = self._by_name()

    @property
    def money_digits(self) -> int:
        """Decimals that the currency is written with."""
        return get_currency_precision(self.currency)

    def money(self, value: object, decimals: int | None = None) -> str:
        """Write an amount of the client's currency; of a log without amounts, units.

        Parameters
        ----------
        value : number or None
            Amount, in currency units.
        decimals : int, optional
            Decimals shown; by default those of the currency (2 for USD, 0 for CLP).

        Returns
        -------
        str

        Examples
        --------
        >>> Formats("en_US", "USD").money(1269.99)
        '$1,269.99'
        >>> Formats("en_US", "USD").money(1269.99, decimals=0)
        '$1,270'
        >>> Formats("en_US", "XXX").money(1750.0)
        '1,750 u.'
        """
        if self.currency == NO_CURRENCY:
            digits = 1 if decimals is None else decimals
            units = self._written(value, self._locale.decimal_formats[None], 0, digits)
            return units if units == MISSING else f"{units} u."
        digits = self.money_digits if decimals is None else decimals
        pattern = self._locale.currency_formats["standard"]
        return self._written(value, pattern, digits, digits)

    def integer(self, value: object) -> str:
        """Write a count, rounded to a whole number.

        Examples
        --------
        >>> Formats("en_US", "USD").integer(9994)
        '9,994'
        """
        return self.decimal(value, 0)

    def decimal(self, value: object, digits: int = 2) -> str:
        """Write a number with exactly `digits` decimals.

        Examples
        --------
        >>> Formats("es_ES", "EUR").decimal(5.6, 1)
        '5,6'
        """
        return self._written(value, self._locale.decimal_formats[None], digits, digits)

    def number(self, value: object, digits: int = 2) -> str:
        """Write a number with no more decimals than it needs, and at most `digits`.

        Examples
        --------
        >>> formats = Formats("en_US", "USD")
        >>> formats.number(30.0), formats.number(0.125)
        ('30', '0.12')
        """
        return self._written(value, self._locale.decimal_formats[None], 0, digits)

    def percent(self, share: object, digits: int = 1) -> str:
        """Write a share of one (0..1) as a percentage.

        Examples
        --------
        >>> Formats("en_US", "USD").percent(0.3165)
        '31.6%'
        """
        return self._written(share, self._locale.percent_formats[None], digits, digits)

    def date(self, value: object) -> str:
        """Write a day.

        Examples
        --------
        >>> import datetime
        >>> Formats("es_AR", "ARS").date(datetime.date(2017, 12, 31))
        '31 dic 2017'
        """
        moment = _moment(value)
        return MISSING if moment is None else format_date(moment, locale=self._locale)

    def month(self, value: object) -> str:
        """Write a month and its year.

        Examples
        --------
        >>> import datetime
        >>> Formats("en_US", "USD").month(datetime.date(2017, 12, 1))
        'Dec 2017'
        """
        moment = _moment(value)
        return MISSING if moment is None else format_skeleton("yMMM", moment, locale=self._locale)

    def month_name(self, value: Any, *, short: bool = False) -> str:
        """Write the name of a calendar month.

        Parameters
        ----------
        value : int or None
            1 is January.
        short : bool, optional
            Whether the name is abbreviated, to stand alone.

        Examples
        --------
        >>> formats = Formats("es_AR", "ARS")
        >>> formats.month_name(12), formats.month_name(9, short=True)
        ('diciembre', 'sept')
        """
        if _is_missing(value):
            return MISSING
        names = (
            get_month_names("abbreviated", "stand-alone", self._locale)
            if short
            else get_month_names("wide", locale=self._locale)
        )
        if value not in names:
            raise SegkitError("not a calendar month", values=[value], fix="give a number 1 to 12")
        return names[int(value)]

    def datetime(self, value: object) -> str:
        """Write a day and a time to the minute.

        Examples
        --------
        >>> import datetime
        >>> Formats("en_GB", "GBP").datetime(datetime.datetime(2017, 12, 31, 14, 3))
        '31 Dec 2017, 14:03'
        """
        moment = _moment(value)
        if moment is None:
            return MISSING
        day = format_date(moment, locale=self._locale)
        return f"{day}, {format_datetime(moment, 'HH:mm', locale=self._locale)}"

    def text(self, value: Any) -> str:
        """Write anything else as it is, without control characters.

        Examples
        --------
        >>> Formats("en_US", "USD").text(["a", "b"])
        'a, b'
        """
        if isinstance(value, list | tuple | set) or type(value).__name__ == "ndarray":
            return ", ".join(self.text(item) for item in value)
        if _is_missing(value):
            return MISSING
        return _CONTROL.sub(" ", str(value))

    def by_kind(self, kind: str) -> Callable[[object], str]:
        """Return the writer of a kind; a kind may say its digits, as in ``percent.0``.

        Parameters
        ----------
        kind : str
            One of `KINDS`, or ``plural.`` and the forms of `plural`, parted by ``/``.

        Returns
        -------
        callable
            From a value to its text.

        Raises
        ------
        SegkitError
            When there is no such kind.

        Examples
        --------
        >>> Formats("en_US", "USD").by_kind("percent.0")(0.5)
        '50%'
        """
        name, dot, rest = kind.partition(".")
        if name == PLURAL:
            return lambda value: self.plural(value, *rest.split("/"))
        if name not in self._kinds:
            raise SegkitError("unknown kind of value", values=[kind], fix=suggestion(name, KINDS))
        write = self._kinds[name]
        return (lambda value: write(value, int(rest))) if dot else write

    def months(self, value: Any) -> str:
        """Write a number of months with its unit.

        Examples
        --------
        >>> Formats("es_ES", "EUR").months(1), Formats("en_GB", "GBP").months(12)
        ('1 mes', '12 months')
        """
        if _is_missing(value):
            return MISSING
        return format_unit(int(value), "duration-month", length="long", locale=self._locale)

    def plural(self, value: object, *forms: str) -> str:
        """Write a count in words that agree with it.

        Parameters
        ----------
        value : number or None
            What decides, by the plural rules of the locale.
        *forms : str
            For one and for all others; or for none, for one and for all others. ``#`` stands
            for the number as a count.

        Raises
        ------
        SegkitError
            When there are not two or three forms.

        Examples
        --------
        >>> formats = Formats("es_ES", "EUR")
        >>> [formats.plural(n, "nadie", "un cliente", "# clientes") for n in (0, 1, 2000000)]
        ['nadie', 'un cliente', '2.000.000 clientes']
        """
        if not _are_forms(forms):
            raise SegkitError("not two or three forms", values=["/".join(forms)], fix=PLURAL_FIX)
        number = _exact(value, 9)
        if number is None:
            return MISSING
        if number == round(number) or any("#" in form for form in forms):
            number = Decimal(round(number))  # 1.0 is one; 1.4, shown as 1, is "1 customer"
        if len(forms) == 3 and not number:
            return forms[0]
        is_one = self._locale.plural_form(abs(number)) == "one"
        return forms[-2 if is_one else -1].replace("#", self.integer(number))

    def _by_name(self) -> dict[str, Callable[..., str]]:
        return {
            "count": self.integer,
            "money": self.money,
            "percent": self.percent,
            "decimal": self.decimal,
            "number": self.number,
            "days": self.integer,
            "ratio": self.decimal,
            "months": self.months,
            "date": self.date,
            "month": self.month,
            MONTH_NAME: self.month_name,
            "datetime": self.datetime,
            **dict.fromkeys(WORD_KINDS, self.text),
        }

    def _written(self, value: object, pattern: NumberPattern, least: int, most: int) -> str:
        number = _exact(value, most + pattern.scale)
        if number is None:
            return MISSING
        pattern = copy.copy(pattern)
        pattern.frac_prec = (least, most)
        with localcontext(prec=DIGITS_OF_ANY_FLOAT):
            written: str = pattern.apply(
                number, self._locale, currency=self.currency, currency_digits=False
            )
        return written


def plain_words(key: object) -> str:
    """Return a key as words.

    Examples
    --------
    >>> plain_words("top_share")
    'Top share'
    """
    words = str(key).replace("_", " ")
    return words[:1].upper() + words[1:]


def is_kind(text: str) -> bool:
    """Tell whether a text names a kind, with digits or forms only where they mean something.

    Examples
    --------
    >>> is_kind("percent.0"), is_kind("date.2"), is_kind("precent")
    (True, False, False)
    >>> is_kind("plural.one order/# orders"), is_kind("plural"), is_kind("plural.orders")
    (True, False, False)
    """
    name, dot, rest = text.partition(".")
    if name == PLURAL:
        return _are_forms(rest.split("/")) and not set(rest) & set("{}")
    return name in KINDS and (not dot or (name in KINDS_WITH_DIGITS and rest.isdecimal()))


def _are_forms(forms: Sequence[str]) -> bool:
    return len(forms) in (2, 3) and any(forms)


def _parsed_locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise SegkitError(
            "no such locale",
            where="locale",
            values=[name],
            fix="write a language and a country, such as es_AR or en_US",
        ) from error


def _is_missing(value: Any) -> bool:
    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(value)))


def _exact(value: Any, digits: int) -> Decimal | None:
    """The value as Babel wants it; a tiny negative number must not be written as "-0"."""
    if _is_missing(value):
        return None
    try:
        number = Decimal(str(value.item() if hasattr(value, "item") else value))
    except InvalidOperation:
        raise SegkitError("not a number", values=[value], fix="give a number or None") from None
    if abs(number) < 1 and not round(number, digits):
        return Decimal(0)
    return number


def _moment(value: Any) -> dt.date | None:
    if _is_missing(value):
        return None
    if isinstance(value, dt.date) and not isinstance(value, pd.Timestamp):
        return value
    try:
        return pd.Timestamp(value).to_pydatetime(warn=False)
    except (ValueError, TypeError):
        raise SegkitError("not a date", values=[value], fix="give a date or None") from None
