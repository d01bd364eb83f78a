"""Lists of customers to contact: addresses, consent, hashes and the control group."""

from __future__ import annotations

import hashlib
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.analysis.contact_lists import (
    CONTACT_COLUMNS,
    MEMBER_COLUMNS,
    OPTIONAL_COLUMNS,
    audience_table,
    control_group,
    hashed,
    normal_email,
    normal_phone,
    read_audience,
)
from segkit.data.contacts import CONSENT, PHONE_CHANNELS
from segkit.data.sources import excel_rows
from segkit.errors import DataError
from segkit.foundation.files import write_csv
from segkit.report.exports.workbook import write_workbook

DRAWN = {"region": "ES", "campaign": "spring", "seed": 42}
HEAD = ["customer_id", "group", *MEMBER_COLUMNS, *OPTIONAL_COLUMNS]
HOSTILE = [
    "00123",
    "1e5",
    "=1+1",
    "'=x",
    "''=x",
    "'x'",
    "'",
    "NA",
    "null",
    "None",
    "nan",
    "TRUE",
    "1.0",
    "-1",
    "+34600123456",
    "@SUM(A1)",
    "=cmd|' /C calc'!A0",
    "http://example.com",
    " spaced ",
    'a "quoted", id',
    "two\nlines",
    "ñandú 🙂",
    "2024-01-01",
    "_x0041_",
    "",
]


def members_of(ids: list[str], **columns) -> pd.DataFrame:
    given = {
        "customer_id": pd.Series(ids, dtype="str"),
        "channel": "sms",
        "segment": "new",
        "discount": "never",
        "contact_frequency": "Una vez al mes",
    }
    return pd.DataFrame(given | columns)


def table_of(members, contacts=None, contact="plain", control_share=0.0, **given) -> pd.DataFrame:
    given = DRAWN | given
    return audience_table(members, contacts, contact=contact, control_share=control_share, **given)


# Addresses -----------------------------------------------------------------------------


# The first three stand in the documentation of TikTok's customer files, of X's audiences and of
# the Unified ID 2.0; the rest are those of hashlib.
@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("janedoe@gmail.com", "d6117306485ed0e50afab3ac871e98f81699151f30281527d63ff5f233656c69"),
        ("adsapi", "49e0be2aeccfb51a8dee4c945c8a70a9ac500cf6f5cb08112575f74db9b1470d"),
        ("user@example.com", "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"),
        ("+12345678901", "10e6f0b47054a83359477dcb35231db6de5c69fb1816e1a6b98e192de9e5b9ee"),
        ("test@example.com", "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"),
        ("ñ@example.com", hashlib.sha256(b"\xc3\xb1@example.com").hexdigest()),
        ("", ""),
        (None, ""),
    ],
)
def test_a_hash_is_the_sha256_that_ad_platforms_publish(text, digest):
    assert hashed(text) == digest


@pytest.mark.parametrize(
    "text", ["test@example.com", " Test@Example.COM\n", "\u00a0TEST@example.com "]
)
def test_an_address_is_the_same_however_it_is_written(text):
    assert normal_email(text) == "test@example.com"


@pytest.mark.parametrize(
    ("region", "phone", "texts"),
    [
        (
            "ES",
            "+34600123456",
            ["600 123 456", "+34 600123456", "0034600123456", "(+34) 600-12-34-56", "34600123456"],
        ),
        (
            "MX",
            "+525512345678",
            ["55 1234 5678", "(55) 1234-5678", "+52 55 1234 5678", "0052 55 1234 5678"],
        ),
        (
            "MX",
            "+525512345678",
            ["+52 1 55 1234 5678", "5215512345678", "044 55 1234 5678", "01 55 1234 5678"],
        ),
        (
            "AR",
            "+5491123456789",
            ["011 15-2345-6789", "+54 9 11 2345-6789", "11 15 2345 6789", "0054 9 11 2345 6789"],
        ),
        ("AR", "+543414567890", ["0341 456-7890", "+54 341 456 7890"]),
        (
            "GB",
            "+447911123456",
            ["07911 123456", "+44 (0)7911 123456", "0044 7911 123 456", "+44 7911-123-456"],
        ),
        (
            "US",
            "+16502530000",
            ["(650) 253-0000", "650.253.0000", "1-650-253-0000", "+1 650 253 0000"],
        ),
    ],
)
def test_a_phone_is_the_same_however_it_is_written(region, phone, texts):
    assert [normal_phone(text, region) for text in texts] == [phone] * len(texts)


def test_a_phone_with_its_country_code_needs_no_country():
    assert normal_phone("+34 600 123 456", None) == "+34600123456"
    assert normal_phone("+52 1 55 1234 5678", None) == "+525512345678"
    assert normal_phone("600 123 456", None) is None


@pytest.mark.parametrize(
    "text", ["", "-", "no phone", "60012345", "000000000", "6" * 300, "600123456 / 611222333", "+"]
)
def test_what_is_no_phone_is_none(text):
    assert normal_phone(text, "ES") is None


# The control group ---------------------------------------------------------------------

IDS = pd.Series([f"c{number}" for number in range(20_000)], dtype="str")


def test_a_customer_is_always_on_the_same_side_of_a_campaign():
    whole = control_group(IDS, "spring", 42, 0.1)
    some = IDS.sample(500, random_state=1)
    assert control_group(some, "spring", 42, 0.1).equals(whole[some.index])
    eight = hashlib.sha256("42\0año\0c7".encode()).digest()[:8]
    share = int.from_bytes(eight, "big") / 2**64
    assert not control_group(IDS[IDS == "c7"], "año", 42, share).any()
    assert control_group(IDS[IDS == "c7"], "año", 42, share + 1e-9).all()


@given(
    st.lists(st.floats(0, 1, exclude_max=True), min_size=2, max_size=4), st.text(), st.integers(0)
)
def test_a_larger_share_only_adds_customers(shares, campaign, seed):
    groups = [control_group(IDS.head(50), campaign, seed, share) for share in sorted(shares)]
    assert all((small <= large).all() for small, large in pairwise(groups))


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_is_what_chance_makes_of_it(share):
    count = control_group(IDS, "spring", 42, share).sum()
    spread = math.sqrt(len(IDS) * share * (1 - share))
    assert abs(count - len(IDS) * share) < 4 * spread


@pytest.mark.parametrize(("campaign", "seed"), [("autumn", 42), ("spring", 43)])
def test_campaigns_and_seeds_are_drawn_apart(campaign, seed):
    first = control_group(IDS, "spring", 42, 0.5)
    second = control_group(IDS, campaign, seed, 0.5)
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / math.sqrt(len(IDS))


def test_nobody_is_kept_aside_without_a_share():
    assert not control_group(IDS, "spring", 42, 0).any()


def test_a_control_group_of_nobody_is_empty():
    assert control_group(IDS.head(0), "spring", 42, 0.5).tolist() == []


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_a_share_out_of_its_range_is_refused(share):
    with pytest.raises(DataError, match=r"^control_share: out of range: .*\. Fix: give 0 to less"):
        control_group(IDS, "spring", 42, share)


# Lists ---------------------------------------------------------------------------------

CONTACTS = pd.DataFrame(
    {
        "customer_id": ["luis", "ana", "eva", "none of them"],
        "email": ["luis@", " Ana@Example.com", "eva@example.com", "x@example.com"],
        "phone": ["600 123 456", None, "ask first 12 34 56", "699 999 999"],
    }
)


def test_a_list_says_who_what_and_where(tmp_path):
    members = members_of(
        ["luis", "eva", "ana", "pia"], product_1="tea", reason=["a", "b", None, "d"]
    )
    table = table_of(members, CONTACTS)
    assert table.columns.tolist() == [*HEAD, "email", "phone"]
    assert table["customer_id"].tolist() == ["ana", "eva", "luis", "pia"]
    assert table["group"].tolist() == ["contact"] * 4
    assert table["reason"].tolist() == ["", "b", "a", "d"]
    assert table["product_1"].tolist() == ["tea"] * 4
    assert table["product_2"].tolist() == [""] * 4
    assert table["email"].tolist() == ["ana@example.com", "eva@example.com", "", ""]
    assert table["phone"].tolist() == ["", "ask first 12 34 56", "34600123456", ""]


def test_a_hashed_list_holds_no_plain_address():
    table = table_of(members_of(["luis", "eva", "ana"]), CONTACTS, "hashed")
    assert table.columns.tolist() == [*HEAD, "email_sha256", "phone_sha256"]
    assert table["email_sha256"].tolist() == [
        hashed("ana@example.com"),
        hashed("eva@example.com"),
        "",
    ]
    assert table["phone_sha256"].tolist() == ["", "", hashed("+34600123456")]
    assert not table.map(lambda text: "@" in text or "123" in text and len(text) != 64).any(
        axis=None
    )


def test_a_list_without_addresses_has_no_columns_of_them():
    assert table_of(members_of(["ana"]), CONTACTS, "none").columns.tolist() == HEAD


def test_addresses_are_shown_for_their_own_channel():
    members = members_of(["ana", "eva", "luis"])
    people = pd.DataFrame({"customer_id": ["ana", "eva", "luis"]})
    people = people.assign(email="x@example.com", phone="600 123 456")
    for channel in PHONE_CHANNELS:
        asked = people.assign(**{f"{CONSENT}{channel}": [True, False, False]})
        table = table_of(members, asked)
        assert table["phone"].tolist() == ["34600123456", "", ""]
        assert table["email"].tolist() == ["", "", ""]
    table = table_of(members, people.assign(consent_email=[False, True, False]))
    assert table["email"].tolist() == ["", "x@example.com", ""]
    assert table["phone"].tolist() == ["", "", ""]


def test_hashes_are_for_those_who_agreed_to_ads():
    members = members_of(["ana", "eva"])
    people = pd.DataFrame({"customer_id": ["ana", "eva"], "email": "x@example.com"})
    agreed = table_of(members, people.assign(consent_ads=[True, False]), "hashed")
    assert agreed["email_sha256"].tolist() == [hashed("x@example.com"), ""]
    other = table_of(members, people.assign(consent_email=True), "hashed")
    assert other["email_sha256"].tolist() == ["", ""]


@pytest.mark.parametrize("contact", CONTACT_COLUMNS)
def test_an_empty_audience_has_the_header(tmp_path, contact):
    table = table_of(members_of([]), CONTACTS, contact)
    file = write_csv(table, tmp_path / "a.csv")
    assert file.read_text() == ",".join([*HEAD, *CONTACT_COLUMNS[contact]]) + "\n"
    pd.testing.assert_frame_equal(read_audience(file), table, check_index_type=False)


@pytest.mark.parametrize("contact", CONTACT_COLUMNS)
def test_a_list_without_a_table_of_contacts_has_empty_cells(contact):
    table = table_of(members_of(["ana"]), None, contact)
    assert table.columns.tolist() == [*HEAD, *CONTACT_COLUMNS[contact]]
    assert not table[list(CONTACT_COLUMNS[contact])].any(axis=None)


def test_the_order_of_members_and_contacts_does_not_matter():
    members = members_of([f"c{number}" for number in range(50)])
    people = pd.DataFrame({"customer_id": members["customer_id"], "email": "x@example.com"})
    table = table_of(members, people, control_share=0.3)
    turned = table_of(members[::-1], people.sample(frac=1, random_state=1), control_share=0.3)
    pd.testing.assert_frame_equal(table, turned)


ASKED = ("email", "sms", "call", "ads")
BASES = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from([None, "", "ana@example.com", "no address", " B@x.example "]),
        st.sampled_from([None, "", "600 123 456", "-", "12 34 56 ask"]),
        *[st.sampled_from([True, False, None])] * len(ASKED),
    ),
    max_size=12,
)


@given(
    base=BASES,
    asked=st.sets(st.sampled_from(ASKED)),
    contact=st.sampled_from(["plain", "hashed"]),
    share=st.sampled_from([0.0, 0.3, 0.9]),
)
def test_no_address_stands_without_consent_or_in_the_control_group(base, asked, contact, share):
    names = ["is_known", "email", "phone", *[f"{CONSENT}{channel}" for channel in ASKED]]
    people = pd.DataFrame(base, columns=names, dtype=object)
    people.insert(0, "customer_id", [f"c{number:02}" for number in range(len(people))])
    is_known = people.pop("is_known").astype(bool)
    kept = ["customer_id", "email", "phone", *[f"{CONSENT}{channel}" for channel in asked]]
    table = table_of(members_of(people["customer_id"]), people.loc[is_known, kept], contact, share)

    def may_be_written_to(*channels: str) -> pd.Series:
        consent = [people[f"{CONSENT}{channel}"].eq(True) for channel in asked & set(channels)]
        agreed = np.any([np.full(len(people), not asked), *consent], axis=0)
        return is_known & (table["group"] == "contact") & agreed

    plain = contact == "plain"
    by_email, by_phone = (["email"], PHONE_CHANNELS) if plain else (["ads"], ["ads"])
    email, phone = (table[name].ne("") for name in CONTACT_COLUMNS[contact])
    has_address = people["email"].isin(["ana@example.com", " B@x.example "])
    assert email.equals(may_be_written_to(*by_email) & has_address)
    assert not (phone & ~may_be_written_to(*by_phone)).any()


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            members_of(["ana"]).drop(columns=["segment", "discount"]),
            "members: columns are missing: 'segment', 'discount'. Fix: ",
        ),
        (
            members_of(["ana", "ana", "eva"]),
            "members: customers stand there more than once (1 in all): 'ana'. Fix: ",
        ),
        (members_of(["ana", None]), "members: members without an id (1 in all). Fix: drop them"),
    ],
)
def test_members_that_make_no_list_are_refused_in_one_line(members, problem):
    with pytest.raises(DataError) as caught:
        table_of(members, CONTACTS)
    assert str(caught.value).startswith(problem)
    assert "\n" not in str(caught.value)


def test_contacts_that_repeat_a_customer_are_refused():
    with pytest.raises(DataError, match="^contacts: customers stand there more than once"):
        table_of(members_of(["ana"]), pd.concat([CONTACTS, CONTACTS]))


# Files ---------------------------------------------------------------------------------


def hostile_table() -> pd.DataFrame:
    products = {f"product_{place}": HOSTILE[place:] + HOSTILE[:place] for place in (1, 2, 3)}
    people = pd.DataFrame({"customer_id": HOSTILE, "email": "=x@example.com", "phone": "600123456"})
    members = members_of(HOSTILE, **products, reason=HOSTILE[::-1])
    return table_of(members, people, control_share=0.2)


def test_a_list_read_back_from_csv_is_what_was_written(tmp_path):
    table = hostile_table()
    pd.testing.assert_frame_equal(read_audience(write_csv(table, tmp_path / "a.csv")), table)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_any_text_read_back_from_csv_is_what_was_written(tmp_path_factory, texts):
    table = pd.DataFrame({"customer_id": texts, "=product": texts[::-1]}, dtype="str")
    file = write_csv(table, tmp_path_factory.mktemp("any") / "a.csv")
    pd.testing.assert_frame_equal(read_audience(file), table, check_index_type=False)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_list_that_a_spreadsheet_saved_again_can_be_read(tmp_path, mark):
    text = "customer_id,product_1\r\n00123,'=tea\r\nNA,\r\n"
    file = tmp_path / "a.csv"
    file.write_text(mark + text, encoding="utf-8", newline="")
    assert read_audience(file).to_dict("list") == {
        "customer_id": ["00123", "NA"],
        "product_1": ["=tea", ""],
    }


def test_a_csv_list_has_no_formula(tmp_path):
    file = write_csv(hostile_table(), tmp_path / "a.csv")
    cells = pd.read_csv(file, dtype="str", keep_default_na=False)
    assert not cells.map(lambda text: text.startswith(("=", "+", "-", "@"))).any(axis=None)


def by_openpyxl(file: Path) -> pd.DataFrame:
    header, *rows = openpyxl.load_workbook(file)["audience"].iter_rows(values_only=True)
    return pd.DataFrame(rows, columns=header)


def by_calamine(file: Path) -> pd.DataFrame:
    header, rows = excel_rows(file, "audience")
    return pd.DataFrame(rows, columns=header)


@pytest.mark.parametrize("opened", [by_openpyxl, by_calamine])
def test_a_list_read_back_from_excel_is_what_was_written(tmp_path, opened):
    table = hostile_table()
    file = write_workbook({"audience": table}, tmp_path / "a.xlsx")
    back = opened(file).astype("str").where(lambda found: found.notna(), "")
    pd.testing.assert_frame_equal(back.astype("str"), table)
