"""How customers can be reached: contact data and consent, as given and as allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pandas as pd
import pytest
from made_logs import params_of, write_rows

from segkit.data.contacts import CONSENT, PHONE_CHANNELS, contacts, looks_like_email, reachable
from segkit.data.sources import Workspace, read
from segkit.errors import SegkitError
from segkit.params import Channel
from segkit.run.preflight import preflight

CHANNELS = get_args(Channel)
HEADER = ("customer", "registered", "email", "phone", "agrees_email", "agrees_sms")
CONSENTS = {"email": "agrees_email", "sms": "agrees_sms"}


@pytest.fixture
def found(workspace: Workspace) -> Callable[..., pd.DataFrame]:
    """Return a function that gives the contacts of rows, by customer."""

    def make(rows: list, header: tuple = HEADER, *, file: str = "customers.csv", **given):
        path = workspace.root / file
        if path.suffix == ".parquet":
            pd.DataFrame(rows, columns=header).to_parquet(path)
        else:
            write_rows(path, rows, header)
        columns = {name: name for name in header if not name.startswith("agrees_")}
        consent = {channel: name for channel, name in CONSENTS.items() if name in header}
        columns |= {"consent": consent} if consent else {}
        params = params_of(customers={"path": file, "columns": columns, **given})
        table = contacts(read(workspace, params.customers, "customers"), params)
        return table.to_pyarrow().to_pandas().set_index("customer_id").sort_index()

    return make


def test_contacts_stand_as_given_without_the_spaces_around_them(found):
    rows = [
        ("00123", "2024-01-01", "  Ana@Example.com ", "\u00a0+34 600 123 456 ", "sí", "no"),
        ("luis", "2024-01-01", " ", "NULL", "", ""),
        ("", "2024-01-01", "nobody@example.com", "600", "sí", "sí"),
    ]
    table = found(rows)
    assert table.columns.tolist() == ["email", "phone", "consent_email", "consent_sms"]
    assert table.index.tolist() == ["00123", "luis"]
    assert table.loc["00123"].tolist() == ["Ana@Example.com", "+34 600 123 456", True, False]
    assert table.loc["luis", ["email", "phone"]].isna().all()


def test_only_columns_that_the_client_names_are_there(found):
    assert found([("ana",)], ("customer",)).columns.tolist() == []
    assert found([("ana", "x")], ("customer", "email")).columns.tolist() == ["email"]


def test_no_customers_have_no_contacts(found):
    table = found([])
    assert len(table) == 0
    assert table.columns.tolist() == ["email", "phone", "consent_email", "consent_sms"]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_rows_the_one_registered_first_that_has_a_contact_counts(found, turn):
    rows = [
        ("ana", "", "0@example.com", "0", "sí", "sí"),
        ("ana", "2024-03-01", "c@example.com", "", "sí", "sí"),
        ("ana", "2024-02-01", "b@example.com", "2", "sí", ""),
        ("ana", "2024-02-01", "a@example.com", "", "sí", "sí"),
        ("ana", "2024-01-01", "", "", "sí", "sí"),
        ("luis", "", "z@example.com", "9", "sí", "sí"),
        ("luis", "someday", "y@example.com", "8", "sí", "sí"),
    ]
    table = found(rows[::turn])
    assert table.loc["ana"].tolist() == ["a@example.com", "2", True, False]
    assert table.loc["luis", ["email", "phone"]].tolist() == ["y@example.com", "8"]


@pytest.mark.parametrize("last", ["no", "", "0", "false", "maybe"])
def test_who_once_did_not_agree_has_not_agreed(found, last):
    rows = [("ana", "", "", "", "sí", "yes"), ("ana", "", "", "", last, "yes")]
    table = found(rows)
    assert not table.loc["ana", "consent_email"]
    assert table.loc["ana", "consent_sms"]


@pytest.mark.parametrize(
    "text", ["1", "true", "TRUE", "Yes", "y", "si", "Sí", "SÍ", " s ", "\u00a0sí\u00a0"]
)
def test_a_yes_is_a_yes_in_any_case_and_with_spaces(found, text):
    assert found([("ana", "", "", "", text, "")]).loc["ana", "consent_email"]


@pytest.mark.parametrize("text", ["", "no", "0", "n", "false", "null", "sin", "ok", "sí pero no"])
def test_anything_else_is_no_consent(found, text):
    assert not found([("ana", "", "", "", text, "sí")]).loc["ana", "consent_email"]


def test_a_client_says_what_means_yes(found):
    rows = [("ana", "", "", "", "OK", "sí"), ("luis", "", "", "", "sí", "ok ")]
    table = found(rows, consent_yes=[" Ok"])
    assert table["consent_email"].tolist() == [True, False]
    assert table["consent_sms"].tolist() == [False, True]
    assert not found(rows, consent_yes=[]).any(axis=None, skipna=True)


def test_real_booleans_and_numbers_are_consent_too(found):
    rows = [("ana", True, 1.0), ("eva", None, None), ("luis", False, 0.0)]
    header = ("customer", "agrees_email", "agrees_sms")
    table = found(rows, header, file="customers.parquet", consent_yes=["1"])
    assert table["consent_email"].tolist() == [True, False, False]
    assert table["consent_sms"].tolist() == [True, False, False]


def test_phones_that_are_numbers_have_no_fraction(found):
    rows = [("ana", 600123456.0), ("luis", None)]
    table = found(rows, ("customer", "phone"), file="customers.parquet")
    assert table.loc["ana", "phone"] == "600123456"
    assert pd.isna(table.loc["luis", "phone"])


@pytest.mark.parametrize("mapped", ["email", "phone", "consent.sms"])
def test_a_column_of_contacts_that_is_not_there_stops_the_run_before_it_starts(tmp_path, mapped):
    write_rows(tmp_path / "orders.csv", [("ana", "2024-01-01", "1", "1", "10")], list("abcde"))
    write_rows(tmp_path / "customers.csv", [("ana", "a@example.com")], ("customer", "mail"))
    name, _, channel = mapped.partition(".")
    columns = {"customer": "customer", name: {channel: "mial"} if channel else "mial"}
    order = dict(zip(("customer", "date", "order", "quantity", "amount"), "abcde"))
    params = params_of(
        orders={"columns": order}, customers={"path": "customers.csv", "columns": columns}
    )
    with pytest.raises(SegkitError) as caught:
        preflight(params, tmp_path)
    assert str(caught.value) == (
        f"customers.columns.{mapped}: no such column in the data: 'mial'. "
        "Fix: did you mean 'mail'? Valid names: customer, mail"
    )


def test_consent_is_given_back_by_channel_when_parameters_are_written(tmp_path):
    customers = {"path": "c.csv", "columns": {"customer": "c", "consent": CONSENTS}}
    assert params_of(customers=customers).plain()["customers"] == customers | {"path": ["c.csv"]}


PEOPLE = pd.DataFrame(
    {
        "customer_id": ["ana", "luis", "eva"],
        "email": ["ana@example.com", None, "no address"],
        "phone": ["600 123 456", "-", None],
    },
    index=[7, 3, 5],
)


@pytest.mark.parametrize("channel", CHANNELS)
def test_without_any_consent_column_an_address_is_enough(channel):
    needs = {"email", *PHONE_CHANNELS}
    allowed = reachable(PEOPLE, channel)
    assert allowed.tolist() == ([True, False, False] if channel in needs else [True] * 3)
    assert allowed.index.tolist() == [7, 3, 5]
    assert allowed.dtype == bool


@pytest.mark.parametrize("channel", CHANNELS)
def test_with_a_consent_column_the_other_channels_are_for_nobody(channel):
    asked = PEOPLE.assign(consent_email=[True, True, False])
    assert reachable(asked, channel).tolist() == [channel == "email", False, False]


@pytest.mark.parametrize("channel", CHANNELS)
def test_without_columns_of_addresses_consent_alone_decides(channel):
    asked = PEOPLE[["customer_id"]].assign(**{f"{CONSENT}{channel}": [True, False, pd.NA]})
    assert reachable(asked, channel).tolist() == [True, False, False]


@pytest.mark.parametrize("channel", CHANNELS)
def test_nobody_can_be_reached_where_there_is_nobody(channel):
    allowed = reachable(PEOPLE.head(0), channel)
    assert len(allowed) == 0
    assert allowed.dtype == bool


@pytest.mark.parametrize(
    ("text", "does"),
    [
        ("ana@example.com", True),
        (" ana.maria+x@mail.example.co ", True),
        ("ñandú@correo.example", True),
        ("ana", False),
        ("ana@example", False),
        ("ana@@example.com", False),
        ("ana@luis@example.com", False),
        ("ana maria@example.com", False),
        ("ana@exam ple.com", False),
        ("@example.com", False),
        ("ana@.com", False),
        ("ana@example.", False),
        ("ana@example..com", False),
        ("ana\u00a0maria@example.com", False),
        ("ana@example.com\nbcc@example.com", False),
        ("", False),
    ],
)
def test_an_address_has_one_at_no_spaces_and_a_dot_in_its_domain(text, does):
    assert looks_like_email(text) == does
