"""How registered customers can be reached, and what they agreed to."""

from __future__ import annotations

import re
from collections.abc import Callable

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.parsing import as_id, as_optional_instant, as_text
from segkit.data.people import as_known_customer
from segkit.data.sources import Raw
from segkit.params import Channel, Customers, Params

CONSENT = "consent_"
"""What the name of a column of consent begins with; a channel follows."""

PHONE_CHANNELS: tuple[Channel, ...] = ("sms", "whatsapp", "call")
"""Channels that need a phone."""

PHONE_DIGITS = 6
"""The fewest digits of what may be a phone."""

_SPACES = "[\\s\u00a0\u202f\ufeff]"
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def contacts(raw: Raw, params: Params) -> ir.Table:
    """Return one row a registered customer: where it can be reached, and what it agreed to.

    Of a customer that stands there several times, address and phone are each those of the row
    registered first that has one (rows without a date come last; of several on one date, the
    first text in the order of its characters), and it agreed only where all its rows say so.

    Parameters
    ----------
    raw : Raw
        The table of registered customers, as it was read.
    params : Params
        With `customers`.

    Returns
    -------
    ibis table
        `customer_id`; `email` and `phone` as given, without spaces around them (null where
        empty), each only where the client names its column; one boolean `consent_<channel>` for
        each column of consent that the client names.

    Source
    ------
    Definitions, section 2 (ids); `segkit.params.CustomerColumns`.
    """
    source = params.registered
    assert source is not None
    columns, table = source.table, raw.table
    moment, _ = as_optional_instant(table, columns.registered, source, params.timezone)
    addresses = {"email": columns.email, "phone": columns.phone}
    addresses = {name: _trimmed(table, column) for name, column in addresses.items() if column}
    agreed = {
        f"{CONSENT}{channel}": _is_yes(table, column, source)
        for channel, column in columns.consent.items()
    }
    given = table.select(
        customer_id=as_known_customer(table[columns.customer], params),
        registered=moment,
        **addresses,
        **agreed,
    )
    known = given.filter(given["customer_id"].notnull())
    return known.group_by("customer_id").agg(
        **{name: _first(known, name) for name in addresses},
        **{name: known[name].all() for name in agreed},
    )


def reachable(contacts: pd.DataFrame, channel: Channel) -> pd.Series:
    """Return who may be written to through a channel, and can be.

    Where the client names any column of consent, a channel is for those who agreed to it, and
    for nobody if it has no column of its own. Email needs an address that looks like one, and
    SMS, WhatsApp and calls a phone (of six digits or more), where the client gives them at all.

    Parameters
    ----------
    contacts : DataFrame
        As `contacts` gives.
    channel : str
        A channel of `segkit.params.Channel`.

    Returns
    -------
    Series of bool
        By the index of `contacts`.

    Examples
    --------
    >>> people = pd.DataFrame({"email": ["ana@example.com", "luis"], "consent_sms": [True, False]})
    >>> reachable(people.drop(columns="consent_sms"), "email").tolist()
    [True, False]
    >>> reachable(people, "email").tolist(), reachable(people, "sms").tolist()
    ([False, False], [True, False])
    """
    allowed = _agreed(contacts, channel)
    if channel == "email" and "email" in contacts.columns:
        return allowed & _each(looks_like_email, contacts["email"])
    if channel in PHONE_CHANNELS and "phone" in contacts.columns:
        return allowed & _each(_looks_like_phone, contacts["phone"])
    return allowed


def asks_consent(contacts: pd.DataFrame) -> bool:
    """Whether the client says of any channel who agreed to it.

    Examples
    --------
    >>> asks_consent(pd.DataFrame({"consent_sms": [True]})), asks_consent(pd.DataFrame())
    (True, False)
    """
    return any(str(column).startswith(CONSENT) for column in contacts.columns)


def looks_like_email(text: str) -> bool:
    """Whether a text has one @, no spaces inside, and a dot in its domain.

    Examples
    --------
    >>> looks_like_email("ana@example.com"), looks_like_email("ana@example")
    (True, False)
    """
    return bool(_ADDRESS.fullmatch(text.strip()))


def _agreed(contacts: pd.DataFrame, channel: Channel) -> pd.Series:
    name = f"{CONSENT}{channel}"
    if name in contacts.columns:
        return contacts[name].eq(True).fillna(False).astype(bool)
    return pd.Series(not asks_consent(contacts), index=contacts.index, dtype=bool)


def _each(says: Callable[[str], bool], texts: pd.Series) -> pd.Series:
    found = [isinstance(text, str) and says(text) for text in texts]
    return pd.Series(found, index=texts.index, dtype=bool)


def _looks_like_phone(text: str) -> bool:
    return sum(character.isdigit() for character in text) >= PHONE_DIGITS


def _trimmed(table: ir.Table, column: str) -> ir.StringValue:
    return as_id(_bare(as_text(table[column])))


def _bare(text: ir.StringValue) -> ir.StringValue:
    return text.re_replace(f"^{_SPACES}+", "").re_replace(f"{_SPACES}+$", "")


def _is_yes(table: ir.Table, column: str, source: Customers) -> ir.BooleanValue:
    given = table[column]
    if given.type().is_boolean():
        return given.coalesce(False)
    yes = [text.strip().lower() for text in source.consent_yes]
    return (
        _bare(as_text(given)).lower().isin(yes).coalesce(False) if yes else given.isnull() & False
    )


def _first(rows: ir.Table, name: str) -> ir.StringScalar:
    order = [ibis.asc(rows["registered"], nulls_first=False), rows[name]]
    return rows[name].first(where=rows[name].notnull(), order_by=order)
