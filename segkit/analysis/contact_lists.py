"""Lists of customers to contact, with a control group that nobody contacts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from segkit.data.contacts import PHONE_CHANNELS, looks_like_email, reachable
from segkit.errors import DataError
from segkit.foundation.files import unguarded

MEMBER_COLUMNS = ("channel", "segment", "discount", "contact_frequency")
"""What each member of an audience has, besides its id."""

OPTIONAL_COLUMNS = ("product_1", "product_2", "product_3", "reason")
"""What a member may have."""

CONTACT_COLUMNS = {
    "none": (),
    "plain": ("email", "phone"),
    "hashed": ("email_sha256", "phone_sha256"),
}
"""Columns of addresses, by `segkit.params.AudienceParams.contact`."""

Contact = Literal["none", "plain", "hashed"]

# Phones in Mexico were dialled with these before their ten digits until 2019; lists hold them yet.
_FORMER_PREFIXES = {52: re.compile(r"^(?:1|01|044|045)(?=\d{10}$)")}


def normal_email(text: str) -> str:
    """Return an address of email the way ad platforms hash it: trimmed, in lower case.

    Examples
    --------
    >>> normal_email(" Ana@Example.com ")
    'ana@example.com'
    """
    return text.strip().lower()


def normal_phone(text: str, region: str | None) -> str | None:
    """Return a phone in E.164, or None where it is none.

    Parameters
    ----------
    text : str
        A phone in any way of writing.
    region : str, optional
        ISO 3166 country of phones without a country code; without it they are none.

    Source
    ------
    ITU-T E.164; numbering plans as the library `phonenumbers` has them.

    Examples
    --------
    >>> normal_phone("600 123 456", "ES"), normal_phone("0034 600-123-456", "ES")
    ('+34600123456', '+34600123456')
    >>> normal_phone("+44 20 8366 1177", "ES"), normal_phone("no phone", "ES")
    ('+442083661177', None)
    """
    import phonenumbers  # its tables of all countries are loaded where there are phones

    try:
        number = phonenumbers.parse(text, region)
        if number.country_code in _FORMER_PREFIXES and not phonenumbers.is_valid_number(number):
            number = phonenumbers.parse(_as_dialled_now(number), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def hashed(value: str | None) -> str:
    """Return the SHA-256 of a text in hexadecimal; of none, an empty text.

    Examples
    --------
    >>> hashed("test@example.com")[:16], hashed(None)
    ('973dfe463ec85785', '')
    """
    return hashlib.sha256(value.encode()).hexdigest() if value else ""


def control_group(customer_ids: pd.Series, campaign: str, seed: int, share: float) -> pd.Series:
    """Return who is not contacted in a campaign, to tell what it changed.

    A customer is on the same side whenever the same campaign is drawn, whoever else is in the
    list; a larger share only adds customers; two campaigns are drawn apart.

    Parameters
    ----------
    customer_ids : Series of str
    campaign : str
    seed : int
    share : float
        Expected part that is not contacted, from 0 to less than 1.

    Returns
    -------
    Series of bool
        By the index of `customer_ids`.

    Raises
    ------
    DataError
        A share out of its range.

    Source
    ------
    Definitions, section 11 (whether an action worked).

    Examples
    --------
    >>> ids = pd.Series(["ana", "luis", "eva", "00123"])
    >>> control_group(ids, "mayo", 42, 0.5).tolist()
    [True, True, False, False]
    >>> control_group(ids, "mayo", 42, 0.2).tolist()
    [True, False, False, False]
    """
    if not 0 <= share < 1:
        raise DataError(
            "out of range", where="control_share", values=[share], fix="give 0 to less than 1"
        )
    start = hashlib.sha256(f"{seed}\0{campaign}\0".encode())
    fractions = np.frombuffer(_digests(start, customer_ids), dtype=">u8") / 2**64
    return pd.Series(fractions < share, index=customer_ids.index, dtype=bool)


def audience_table(
    members: pd.DataFrame,
    contacts: pd.DataFrame | None,
    *,
    contact: Contact,
    region: str | None,
    campaign: str,
    seed: int,
    control_share: float,
) -> pd.DataFrame:
    """Return the list of an audience: who, what to say, and where, if that is allowed.

    Parameters
    ----------
    members : DataFrame
        One row a customer: `customer_id`, `channel`, `segment`, `discount`,
        `contact_frequency`, and where known `product_1` to `product_3`, `reason`.
    contacts : DataFrame, optional
        As `segkit.data.contacts.contacts` gives.
    contact : {"none", "plain", "hashed"}
        Which addresses the list holds.
    region : str, optional
        As for `normal_phone`.
    campaign, seed, control_share
        As for `control_group`.

    Returns
    -------
    DataFrame
        `customer_id`, `group` (``contact`` or ``control``), the other columns of `members`, in
        this order; then, unless `contact` is ``none``, `email` (in lower case, where email is
        allowed) and `phone` (the digits of E.164, without the plus sign, which a spreadsheet would take
        for a formula, or as given where it is in no known form; where SMS, WhatsApp or calls
        are), or `email_sha256` and `phone_sha256` (where ads are). All are
        texts, empty where there is nothing, and for the control group; sorted by `customer_id`.

    Raises
    ------
    DataError
        A column is missing, or a customer stands there twice or has no id.

    Source
    ------
    Definitions, sections 10 and 11.

    Examples
    --------
    >>> members = pd.DataFrame({"customer_id": ["ana"], "channel": ["sms"], "segment": ["new"],
    ...     "discount": ["never"], "contact_frequency": ["Monthly"]})
    >>> people = pd.DataFrame({"customer_id": ["ana"], "phone": ["600 123 456"]})
    >>> table = audience_table(members, people, contact="plain", region="ES", campaign="spring",
    ...     seed=42, control_share=0.1)
    >>> table[["customer_id", "group", "phone"]].values.tolist()
    [['ana', 'contact', '34600123456']]
    """
    _check_members(members)
    table = members.sort_values("customer_id", ignore_index=True)
    is_control = control_group(table["customer_id"], campaign, seed, control_share)
    columns = {name: _texts(table, name) for name in (*MEMBER_COLUMNS, *OPTIONAL_COLUMNS)}
    people = _of_members(table["customer_id"].mask(is_control), contacts)
    addresses = _addresses(people, contact, region)
    return pd.DataFrame(
        {
            "customer_id": table["customer_id"].astype("str"),
            "group": is_control.map({False: "contact", True: "control"}).astype("str"),
            **columns,
            **{name: addresses[name] for name in CONTACT_COLUMNS[contact]},
        }
    )


def read_audience(path: Path) -> pd.DataFrame:
    """Return a list as it was before `segkit.foundation.files.write_csv`: texts, ids unchanged.

    Examples
    --------
    >>> import tempfile
    >>> from segkit.foundation.files import write_csv
    >>> list_ = pd.DataFrame({"customer_id": ["00123", "1e5", "=1+1", "NA", ""]})
    >>> file = write_csv(list_, Path(tempfile.mkdtemp()) / "a.csv")
    >>> read_audience(file)["customer_id"].tolist()
    ['00123', '1e5', '=1+1', 'NA', '']
    """
    with Path(path).open("rb") as stream:
        # A carriage return may stand in a text of the kit's own files, which end lines without.
        ending = None if stream.readline().endswith(b"\r\n") else "\n"
    table = pd.read_csv(
        path,
        dtype="str",
        encoding="utf-8-sig",
        keep_default_na=False,
        lineterminator=ending,
        na_filter=False,
        skip_blank_lines=False,
    )
    plain = {unguarded(name): column.map(unguarded) for name, column in table.items()}
    return pd.DataFrame(plain, dtype="str")


def _as_dialled_now(number: Any) -> str:
    import phonenumbers  # its tables of all countries are loaded where there are phones

    former = _FORMER_PREFIXES[number.country_code]
    digits = former.sub("", phonenumbers.national_significant_number(number))
    return f"+{number.country_code}{digits}"


def _digests(start: Any, customer_ids: Iterable[str]) -> bytes:
    parts = []
    for customer_id in customer_ids:
        digest = start.copy()
        digest.update(str(customer_id).encode())
        parts.append(digest.digest()[:8])
    return b"".join(parts)


def _check_members(members: pd.DataFrame) -> None:
    absent = [name for name in ("customer_id", *MEMBER_COLUMNS) if name not in members.columns]
    if absent:
        fix = "give what each member is to get, and how"
        raise DataError("columns are missing", where="members", values=absent, fix=fix)
    if members["customer_id"].isna().any():
        count = int(members["customer_id"].isna().sum())
        raise DataError("members without an id", where="members", count=count, fix="drop them")
    _check_once(members, "members")


def _check_once(df: pd.DataFrame, where: str) -> None:
    ids = df["customer_id"]
    if not ids.is_unique:
        twice = ids[ids.duplicated()].unique()
        raise DataError(
            "customers stand there more than once",
            where=where,
            values=list(twice[:5]),
            count=len(twice),
            fix="give one row a customer",
        )


def _texts(table: pd.DataFrame, name: str) -> pd.Series:
    if name not in table.columns:
        return pd.Series("", index=table.index, dtype="str")
    return table[name].astype("str").fillna("")


def _of_members(ids: pd.Series, contacts: pd.DataFrame | None) -> pd.DataFrame:
    """Return the contacts of some customers, one row each; a missing id has none."""
    if contacts is None:
        return pd.DataFrame(index=ids.index)
    _check_once(contacts, "contacts")
    known = contacts.set_index(contacts["customer_id"].astype("str")).drop(columns="customer_id")
    found = known.reindex(ids.astype("str").to_numpy())
    return found.set_axis(ids.index)


def _addresses(people: pd.DataFrame, contact: Contact, region: str | None) -> dict[str, pd.Series]:
    if contact == "none":
        return {}
    if contact == "hashed":
        ads = reachable(people, "ads")
        return {
            "email_sha256": _where(people, "email", ads, _hashed_email),
            "phone_sha256": _where(people, "phone", ads, lambda t: hashed(normal_phone(t, region))),
        }
    by_phone = pd.concat([reachable(people, channel) for channel in PHONE_CHANNELS], axis=1)
    return {
        "email": _where(people, "email", reachable(people, "email"), normal_email),
        "phone": _where(people, "phone", by_phone.any(axis=1), lambda t: _dialled(t, region)),
    }


def _where(
    people: pd.DataFrame, name: str, allowed: pd.Series, written: Callable[[str], str]
) -> pd.Series:
    """Return addresses of those who allowed it, and an empty text for the others."""
    addresses = pd.Series("", index=people.index, dtype=object)
    if name in people.columns:
        shown = people.loc[allowed & people[name].notna(), name]
        addresses.update(shown.map(written))
    return addresses.astype("str")


def _dialled(text: str, region: str | None) -> str:
    """A phone as messaging tools take it, country code first and digits only: no formula."""
    phone = normal_phone(text, region)
    return phone.removeprefix("+") if phone else text.strip()


def _hashed_email(text: str) -> str:
    return hashed(normal_email(text)) if looks_like_email(text) else ""
