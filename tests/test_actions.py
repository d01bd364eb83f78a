"""The next best action of each customer: discount, channel, products, and the reason in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from made_logs import HEADER, params_of, write_rows

from segkit.analysis.contact_lists import read_audience
from segkit.data.contacts import PHONE_CHANNELS
from segkit.params import CHANNELS, SEGMENTATIONS
from segkit.segments import MICRO_SEGMENTS
from segkit.study.actions import NO_CHANNEL
from segkit.study.study import Study
from segkit.words.format import Formats
from segkit.words.texts import Texts

AS_OF = date(2024, 7, 1)
QUICK = {"clv": {"model": "bg_nbd", "resamples": 0}, "clusters": {"k_range": [2, 3], "n_init": 1}}
FIXED = {
    "gaps": {"usual_days": 60, "churn_days": 240},
    "lifecycle": {"new_days": 90, "second_days": 45},
}
STRICTEST_FIRST = ["never", "points", "threshold", "first_order", "last_resort", "allowed"]
LINES = (*HEADER, "product", "product_name")
WORDS = {"sí": True, "no": False}
HOSTILE = [
    "=1+1",
    "<script>alert(1)</script>",
    '"entre comillas", y coma',
    "{product} {0} {{x}}",
    "%s %d",
    "nan",
    "None",
    "NA",
    "ñandú 🙂 «citado»",
    "a\\b'c",
]
# An example opens a study, which takes a second: what fails is not made smaller.
examples = settings(
    max_examples=10,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def bought(customer: str, *days: int, amount: float = 10) -> list[tuple]:
    """Return orders of one unit, so many days before the date."""
    return [(customer, ago(day), f"{customer}{n}", 1, amount) for n, day in enumerate(days)]


def by_customer(study: Study) -> pd.DataFrame:
    return study.actions.table.set_index("customer_id")


def rank(policies: pd.Series) -> pd.Series:
    return policies.map(STRICTEST_FIRST.index)


@pytest.fixture
def open_study(tmp_path_factory) -> Iterator[Callable[..., Study]]:
    """Return a function that opens a study of order lines in a folder of its own.

    `contacts` are rows of customers, after a first row with the names of their columns;
    `playbook` is the client's own, as plain values.
    """
    opened: list[Study] = []

    def make(
        rows: list[tuple],
        *,
        root: Path | None = None,
        header: tuple[str, ...] = HEADER,
        contacts: list[tuple] | None = None,
        playbook: dict[str, Any] | None = None,
        **given: Any,
    ) -> Study:
        root = root or tmp_path_factory.mktemp("study")
        write_rows(root / "orders.csv", rows, header)
        if contacts:
            write_rows(root / "customers.csv", contacts[1:], contacts[0])
            given["customers"] = {"path": "customers.csv", "columns": columns_of(contacts[0])}
        if playbook:
            (root / "own.yaml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
            given["report"] = {"playbook": "own.yaml"} | given.get("report", {})
        for name in ("events", "returns"):
            if name in given:
                head, *more = given[name]
                write_rows(root / f"{name}.csv", more, head)
                columns = {column: column for column in head}
                given[name] = {"path": f"{name}.csv", "columns": columns}
        params = params_of(header, **QUICK | FIXED | given)
        opened.append(Study(params, root=root, run_dir="run", as_of=AS_OF))
        return opened[-1]

    yield make
    for study in opened:
        study.close()


def columns_of(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the columns of a table of customers; `agrees_sms` is the consent to SMS."""
    consent = {n.removeprefix("agrees_"): n for n in names if n.startswith("agrees_")}
    columns: dict[str, Any] = {name: name for name in names if name not in consent.values()}
    return columns | ({"consent": consent} if consent else {})


# Discounts -----------------------------------------------------------------------------

orders = st.lists(
    st.tuples(st.integers(0, 14), st.integers(1, 900), st.integers(1, 400)),
    min_size=2,
    max_size=60,
)
GENERAL = ["champions", "loyal", "hibernating", "beginners", "recurrent", "occasional"]
some_policies = [
    st.dictionaries(st.sampled_from(keys), st.sampled_from(STRICTEST_FIRST), max_size=6)
    for keys in (GENERAL, MICRO_SEGMENTS)
]
CUTS = {"recency": [30, 90, 180, 365], "frequency": [1, 3, 5, 8], "monetary": [50, 100, 200, 400]}
THE_BEST = bought("best", *range(1, 50, 4), amount=90)
LAPSED_SPENDER = bought("lapsed", 800, amount=5000)


def random_rows(orders: list[tuple[int, int, int]]) -> list[tuple]:
    return [
        (f"c{who}", ago(day), f"o{n}", 1, amount) for n, (who, day, amount) in enumerate(orders)
    ]


def policies_of(study: Study, segmentation: str) -> pd.DataFrame:
    """Return the policy of each customer's segment, micro-segment and cell, as its advice says."""
    segments, advice = study.segments, study.advice
    cells = segments["cell"].map(lambda cell: advice.of_cells.get(cell))
    return pd.DataFrame(
        {
            "segment": [advice.of(segmentation, x).discount for x in segments[segmentation]],
            "micro": [advice.of("micro_segments", x).discount for x in segments["micro_segments"]],
            "cell": [entry.discount if entry else "allowed" for entry in cells],
        }
    )


@examples
@given(orders, st.sampled_from(SEGMENTATIONS), *some_policies, st.booleans())
def test_nobody_has_a_policy_milder_than_that_of_segment_micro_segment_or_cell(
    open_study, orders, segmentation, general, micro, has_cut_points
):
    rows = [*random_rows(orders), *THE_BEST, *LAPSED_SPENDER]
    own = {
        "segments": {key: {"discount": policy} for key, policy in general.items()},
        "segmentations": {
            "micro_segments": {key: {"discount": policy} for key, policy in micro.items()}
        },
    }
    study = open_study(
        rows,
        playbook=own,
        report={"recommendations": segmentation},
        rfm={"bins": CUTS} if has_cut_points else {},
    )
    table, bounds = study.actions.table, policies_of(study, segmentation)
    binding = bounds.apply(rank).min(axis=1)
    assert rank(table["discount"]).tolist() == binding.tolist()
    assert set(table.loc[table["cell"] == "555", "discount"]) <= {"never"}
    assert "allowed" not in set(table.loc[table["cell"] == "115", "discount"])


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
def test_a_client_who_allows_discounts_everywhere_still_gives_none_to_555(open_study, segmentation):
    rows = [*THE_BEST, *LAPSED_SPENDER, *bought("luis", 100, 200), *bought("eva", 20)]
    given = {
        "report": {"recommendations": segmentation},
        "rfm": {"bins": CUTS},
        "audiences": {"segmentations": list(SEGMENTATIONS), "control_share": 0.0},
    }
    shipped = open_study(rows, **given)
    allowed = {"discount": "allowed"}
    own = {
        "segments": dict.fromkeys(shipped.playbook.segments, allowed),
        "segmentations": {
            name: dict.fromkeys(keys, allowed)
            for name, keys in shipped.segment_names.items()
            if name in shipped.playbook.segmentations
        },
    }
    study = open_study(rows, playbook=own, **given)
    table = by_customer(study)
    assert table.loc[["best", "lapsed"], "cell"].tolist() == ["555", "115"]
    assert table.loc["best", "discount"] == "never"
    assert table.loc["lapsed", "discount"] == "last_resort"
    assert set(table.loc[["luis", "eva"], "discount"]) == {"allowed"}
    files = study.audiences.write()
    lists = pd.concat([read_audience(file) for file in files]).set_index("customer_id")
    assert set(lists.loc["best", "discount"]) == {"never"}
    assert set(lists.loc["lapsed", "discount"]) == {"last_resort"}


# Channels ------------------------------------------------------------------------------

OWN_CHANNELS = ["Paloma mensajera", "WhatsApp", "SMS", "Correo electrónico"]
IN_ORDER = {"segments": {"beginners": {"channels": OWN_CHANNELS}}}
EVERYTHING = ("customer", "email", "phone", "agrees_email", "agrees_whatsapp", "agrees_sms")


def channels_of(open_study, contacts, **given) -> dict[str, str]:
    """Return the channel of customers with one order, by name; `zoe` is in no table of contacts."""
    names = ["zoe", *(row[0] for row in contacts[1:])]
    rows = [row for name in names for row in bought(name, 100)]
    given = {"playbook": IN_ORDER, "report": {"recommendations": "families"}} | given
    study = open_study(rows, contacts=contacts, **given)
    return by_customer(study)["channel"].to_dict()


def test_the_channel_is_the_first_of_the_playbook_that_a_customer_agreed_to_and_has(open_study):
    found = channels_of(
        open_study,
        [
            EVERYTHING,
            ("all", "a@example.com", "600 123 456", "sí", "sí", "sí"),
            ("no_whatsapp", "a@example.com", "600 123 456", "sí", "no", "sí"),
            ("only_email", "a@example.com", "600 123 456", "sí", "", "no"),
            ("no_phone", "a@example.com", "", "sí", "sí", "sí"),
            ("short_phone", "a@example.com", "112", "sí", "sí", "sí"),
            ("no_address", "", "600 123 456", "sí", "no", "no"),
            ("broken_address", "a@example", "600 123 456", "sí", "no", "no"),
            ("nothing", "a@example.com", "600 123 456", "no", "no", "no"),
        ],
    )
    assert found == {
        "all": "whatsapp",
        "no_whatsapp": "sms",
        "only_email": "email",
        "no_phone": "email",
        "short_phone": "email",
        "no_address": NO_CHANNEL,
        "broken_address": NO_CHANNEL,
        "nothing": NO_CHANNEL,
        "zoe": NO_CHANNEL,
    }


def test_an_agreed_channel_that_the_entry_does_not_name_comes_after_those_that_it_does(open_study):
    rows = [
        ("customer", "agrees_email", "agrees_ads"),
        ("both", "sí", "sí"),
        ("ads", "no", "sí"),
        ("mute", "no", "no"),
    ]
    found = channels_of(open_study, rows)
    assert found == {"both": "email", "ads": "ads", "mute": NO_CHANNEL, "zoe": NO_CHANNEL}


def test_without_columns_of_consent_only_what_a_channel_needs_counts(open_study):
    rows = [
        ("customer", "email", "phone"),
        ("both", "a@example.com", "600 123 456"),
        ("address", "a@example.com", ""),
        ("phone", "", "600 123 456"),
    ]
    found = channels_of(open_study, rows)
    assert (found["both"], found["address"], found["phone"]) == ("whatsapp", "email", "whatsapp")
    assert found["zoe"] not in ("email", *PHONE_CHANNELS)


def test_where_no_phones_are_given_nobody_lacks_one(open_study):
    rows = [("customer", "agrees_sms", "agrees_email"), ("ana", "sí", "sí"), ("luis", "no", "sí")]
    found = channels_of(open_study, rows)
    assert (found["ana"], found["luis"]) == ("sms", "email")


def test_without_contacts_the_channel_is_the_first_of_the_entry_even_one_without_a_key(open_study):
    rows = [*bought("ana", 100), *bought("luis", 50)]
    study = open_study(rows, playbook=IN_ORDER, report={"recommendations": "families"})
    assert study.actions.contacts is None
    assert set(study.actions.table["channel"]) == {"Paloma mensajera"}
    plain = open_study(rows, report={"recommendations": "families"})
    first = plain.advice.of("families", "beginners").channels[0]
    assert set(plain.actions.table["channel"]) == {plain.playbook.channel_key(first)}


def test_a_table_of_customers_without_contact_data_changes_no_channel(open_study):
    found = channels_of(open_study, [("customer",), ("ana",)])
    assert set(found.values()) == {"Paloma mensajera"}


def test_a_base_of_as_many_customers_as_there_are_channels_is_treated_like_any_other(open_study):
    names = [f"c{n}" for n in range(len(CHANNELS) + 1)]
    for size in range(1, len(names)):
        rows = [("customer", "agrees_sms"), *((name, "sí") for name in names[:size])]
        assert set(channels_of(open_study, rows).values()) == {"sms", NO_CHANNEL}


consents = st.lists(st.sampled_from(CHANNELS), unique=True, max_size=4)
people = st.lists(
    st.tuples(
        st.sampled_from(["a@example.com", "a@example", "", " B@Example.com "]),
        st.sampled_from(["600 123 456", "112", "", "+34 600 123 456"]),
        st.lists(
            st.sampled_from(["sí", "no", "", "yes", "quizás", "1", "0"]), min_size=4, max_size=4
        ),
        st.integers(1, 600),
    ),
    min_size=1,
    max_size=12,
)


@examples
@given(consents, people, st.sets(st.sampled_from(["email", "phone"])))
def test_nobody_gets_a_channel_that_it_did_not_agree_to_or_cannot_be_reached_by(
    open_study, consents, people, given_columns
):
    columns = [name for name in ("email", "phone") if name in given_columns]
    head = ("customer", *columns, *(f"agrees_{channel}" for channel in consents))
    contacts, rows, known = [head], bought("zoe", 30), {}
    for place, (email, phone, answers, days) in enumerate(people):
        values = {"email": email, "phone": phone}
        agreed = answers[: len(consents)]
        contacts.append((f"c{place}", *(values[name] for name in columns), *agreed))
        rows += bought(f"c{place}", days)
        known[f"c{place}"] = values | dict(zip(head[1 + len(columns) :], agreed, strict=True))
    study = open_study(rows, contacts=contacts)
    for name, channel in by_customer(study)["channel"].items():
        person = known.get(name, {})
        if channel == NO_CHANNEL or not (columns or consents):
            continue
        assert channel in CHANNELS
        if consents:
            assert channel in consents
            assert person.get(f"agrees_{channel}") in ("sí", "yes", "1")
        if channel == "email" and "email" in columns:
            assert person.get("email", "").strip().lower() in ("a@example.com", "b@example.com")
        if channel in PHONE_CHANNELS and "phone" in columns:
            assert len(re.sub(r"\D", "", person.get("phone", ""))) >= 6


# The table -----------------------------------------------------------------------------


def shop_rows() -> list[tuple]:
    """Return lines of customers of every stage; half of them buy `p1` and `p2` together."""
    lines = []
    for place in range(60):
        count = 1 + place % 5
        for n in range(count):
            day = 5 + place * 9 + n * 31
            products = ("p1", "p2") if place % 2 else (f"p{3 + place % 4}",)
            lines += [
                (
                    f"c{place:02d}",
                    ago(day),
                    f"o{place}-{n}",
                    1,
                    10 + place,
                    code,
                    f"Producto {code}",
                )
                for code in products
            ]
    return lines


@pytest.fixture(scope="module", params=["es", "en"])
def shop(request, tmp_path_factory) -> Iterator[Study]:
    root = tmp_path_factory.mktemp("shop")
    write_rows(root / "orders.csv", shop_rows(), LINES)
    params = params_of(LINES, **QUICK, **FIXED, language=request.param)
    study = Study(params, root=root, run_dir="run", as_of=AS_OF)
    yield study
    study.close()


def test_there_is_one_row_a_customer_in_the_order_of_the_customer_table(shop):
    table = shop.actions.table
    assert table["customer_id"].tolist() == shop.customers["customer_id"].tolist()
    assert table["customer_id"].is_unique


def test_segments_are_those_of_the_study_and_values_those_of_the_forecast(shop):
    names = ["customer_id", *SEGMENTATIONS, "cell"]
    pd.testing.assert_frame_equal(shop.actions.table[names], shop.segments[names])
    assert shop.actions.table["clv"].tolist() == shop.forecast.values["clv"].tolist()


def test_advice_is_that_of_the_customers_segment(shop):
    for row in shop.actions.table.to_dict("records"):
        entry = shop.advice.of("value_groups", row["value_groups"])
        assert row["advice"] == entry.name
        assert row["contact_frequency"] == entry.contact_frequency
        assert row["kpi"] == entry.kpi


def test_products_are_the_first_three_offers_by_name_and_id(shop):
    table, offers = shop.actions.table, shop.offers.table
    names = shop.offers.products["product"].tolist()
    ids = shop.offers.products["product_id"].tolist()
    for n in (1, 2, 3):
        places = offers[f"product_{n}"].tolist()
        assert table[f"product_{n}"].tolist() == ["" if p < 0 else names[p] for p in places]
        assert table[f"product_{n}_id"].tolist() == ["" if p < 0 else ids[p] for p in places]
    assert (table["product_1"] != "").any()
    assert set(table["product_1"]) - {""} <= {f"Producto p{n}" for n in range(1, 7)}


def test_a_log_without_products_has_actions_without_products(open_study):
    study = open_study([*bought("ana", 10, 40), *bought("luis", 300)])
    table = study.actions.table
    columns = [f"product_{n}{end}" for n in (1, 2, 3) for end in ("", "_id")]
    assert (table[columns] == "").all(axis=None)
    assert not table["reason"].str.contains("«|»").any()


def test_the_table_read_again_from_its_file_is_the_same(shop):
    again = Study(shop.params, root=shop.root, run_dir=shop.run_dir, as_of=AS_OF)
    pd.testing.assert_frame_equal(again.actions.table, shop.actions.table)
    again.close()


def test_the_order_of_the_lines_does_not_matter(shop, open_study):
    other = open_study(shop_rows()[::-1], header=LINES, language=shop.params.language)
    left, right = other.actions.table, shop.actions.table
    pd.testing.assert_frame_equal(left.drop(columns="clv"), right.drop(columns="clv"))
    assert left["clv"].tolist() == pytest.approx(right["clv"].tolist())


CHANGES = {
    "language": ({}, {"language": "en"}, "reason"),
    "playbook": ({}, {"playbook": {"segments": {"at_risk": {"kpi": "Otro"}}}}, "kpi"),
    "segmentation": ({}, {"report": {"recommendations": "families"}}, "advice"),
    "locale": (
        {"language": "en", "locale": "en_US"},
        {"language": "en", "locale": "de_DE"},
        "reason",
    ),
    "consent": (
        {"contacts": [("customer", "agrees_sms"), ("ana", "sí")]},
        {"contacts": [("customer", "agrees_email"), ("ana", "sí")]},
        "channel",
    ),
    "contacts": (
        {"contacts": [("customer", "agrees_sms"), ("ana", "sí")]},
        {"contacts": [("customer", "agrees_sms"), ("ana", "no")]},
        "channel",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_remembered_of_other_parameters_is_not_taken(open_study, tmp_path, change):
    before, after, column = CHANGES[change]
    rows = bought("ana", 1500, 1600)
    first = open_study(rows, root=tmp_path, **before).actions.table
    second = open_study(rows, root=tmp_path, **after).actions.table
    assert first[column].tolist() != second[column].tolist()


def test_a_base_of_one_customer_has_its_action(open_study):
    table = open_study(bought("ana", 10)).actions.table
    assert table["customer_id"].tolist() == ["ana"]
    assert table.loc[0, "discount"] in STRICTEST_FIRST
    assert table.loc[0, "reason"].endswith(".")


# Carts ---------------------------------------------------------------------------------

EVENTS = ("customer", "date", "type", "product")


def with_carts(open_study, **given) -> Study:
    """Return a study in which a prospect, the best, a new, a lost and a regular left a cart."""
    rows = [
        *THE_BEST,
        *bought("new", 20),
        *bought("lost", 400),
        *bought("regular", 40, 90, 140),
        *bought("calm", 40, 90, 140),
    ]
    rows = [(*row, "p1", "Producto uno") for row in rows]
    left = ["prospect", "best", "new", "lost", "regular"]
    events = [EVENTS, *((name, ago(5), "cart", "p2") for name in left)]
    given = {"rfm": {"bins": CUTS}} | given
    return open_study(rows, header=LINES, events=events, **given)


def test_advice_for_an_abandoned_cart_goes_before_that_of_the_segment(open_study):
    study = with_carts(open_study)
    table = by_customer(study)
    left = table.drop(index="calm")
    assert left["micro_segments"].str.endswith("_cart_abandoned").all()
    for row in left.to_dict("records"):
        entry = study.advice.of("micro_segments", row["micro_segments"])
        assert row["advice"] == entry.name
        assert row["kpi"] == entry.kpi
        assert row["contact_frequency"] == entry.contact_frequency
        assert row["channel"] == study.playbook.channel_key(entry.channels[0])
    own = study.advice.of("value_groups", table.loc["calm", "value_groups"])
    assert table.loc["calm", "advice"] == own.name


def test_an_abandoned_cart_never_loosens_the_discount(open_study):
    carts = {name: {"discount": "allowed"} for name in MICRO_SEGMENTS if "cart" in name}
    study = with_carts(open_study, playbook={"segmentations": {"micro_segments": carts}})
    table = by_customer(study)
    assert (table.loc["best", "cell"], table.loc["best", "discount"]) == ("555", "never")
    for name, row in table.iterrows():
        own = study.advice.of("value_groups", row["value_groups"]).discount
        assert STRICTEST_FIRST.index(row["discount"]) <= STRICTEST_FIRST.index(own), name


def test_the_reason_of_a_cart_says_so(open_study):
    spanish, english = with_carts(open_study), with_carts(open_study, language="en")
    said = by_customer(spanish)["reason"]
    assert said["regular"].startswith(
        "Dejó un producto en el carrito en los últimos 30 días y no lo compró."
    )
    assert (
        by_customer(english)
        .loc["regular", "reason"]
        .startswith("Left one product in the cart within the last 30 days and did not buy it.")
    )
    assert "carrito" not in said["calm"]


# Reasons -------------------------------------------------------------------------------

SENTENCES = r"[A-ZÁÉÍÓÚÑ«“][^{}]*?\.( [A-ZÁÉÍÓÚÑ«“][^{}]*?\.)?"


def test_a_reason_is_one_or_two_whole_sentences(shop):
    reasons = shop.actions.table["reason"]
    assert reasons.map(lambda text: bool(re.fullmatch(SENTENCES, text))).all()
    assert not reasons.str.contains(r"[{}]|\bnan\b|\bNone\b|—|<NA>|  |\.\.", regex=True).any()
    assert (reasons.str.count(r"\.(?: |$)") <= 2).all()


def test_a_reason_is_in_the_clients_language(shop):
    said = " ".join(shop.actions.table["reason"])
    spanish = re.search(r"\b(pedidos?|hace|días|comprar)\b", said)
    english = re.search(r"\b(orders?|ago|days|bought)\b", said)
    assert bool(spanish) == (shop.params.language == "es")
    assert bool(english) == (shop.params.language == "en")


def test_a_reason_names_the_first_product_that_the_action_offers(shop):
    table = shop.actions.table
    offered = table[table["product_1"] != ""]
    for row in offered.to_dict("records"):
        assert row["product_1"] in row["reason"]
    nothing = table[table["product_1"] == ""]
    assert not nothing["reason"].str.contains("Producto p").any()


ORDERS, DAYS, ITEMS = (1, 2, 12), (0, 1, 2, 1000), (0, 1, 2)
SPANS = (1, 2, 60)
SITUATIONS = {
    "cart": {"carts": ITEMS, "open": SPANS},
    "prospect_known": {"days": DAYS},
    "prospect": {},
    "churned": {"orders": ORDERS, "days": DAYS[1:]},
    "returned": {"days": DAYS, "gap": SPANS},
    "once": {"days": DAYS, "gap": SPANS},
    "late": {"orders": ORDERS[1:], "days": DAYS[2:], "gap": SPANS},
    "in_time": {"orders": ORDERS[1:], "days": DAYS, "gap": SPANS},
    "no_gap": {"orders": ORDERS, "days": DAYS},
    "no_orders": {},
}
LOCALES = {"es": "es_ES", "en": "en_US"}
UNITS = {"es": "pedidos|días|productos", "en": "orders|days|products"}
WRONG = {
    "es": r"\b1 (pedidos|días|productos)|\b(0|1) \w|hace hoy|\bun (pedidos|días)|\blos compró.*un producto",
    "en": r"\b1 (orders|days|products)|\b(0|1) \w|one (orders|days|products)|today ago",
}


def every_reason(language: str) -> list[tuple[str, dict[str, int], str]]:
    """Return each sentence about where a customer stands, with none, one and many of each."""
    texts, formats = Texts(language), Formats(LOCALES[language], "EUR")
    said = []
    for key, ranges in SITUATIONS.items():
        for values in product(*ranges.values()):
            fields = dict(zip(ranges, values, strict=True))
            said.append((key, fields, texts.fill(f"reasons.{key}", formats, **fields)))
    return said


@pytest.mark.parametrize("language", LOCALES)
def test_reasons_agree_with_none_one_and_many(language):
    for key, fields, text in every_reason(language):
        assert re.fullmatch(SENTENCES, text), (key, fields, text)
        assert not re.search(WRONG[language], text), (key, fields, text)
        assert "  " not in text and "#" not in text and "/" not in text


@pytest.mark.parametrize("language", LOCALES)
def test_every_number_of_a_reason_says_what_it_counts(language):
    for key, fields, text in every_reason(language):
        numbers = re.findall(r"\d[\d.,]*", text)
        counted = re.findall(rf"\d[\d.,]* (?:{UNITS[language]})", text)
        assert len(numbers) == len(counted), (key, fields, text)


@pytest.mark.parametrize(
    ("key", "fields", "spanish", "english"),
    [
        (
            "cart",
            {"carts": 2, "open": 30},
            "Dejó 2 productos en el carrito en los últimos 30 días y no los compró.",
            "Left 2 products in the cart within the last 30 days and did not buy them.",
        ),
        (
            "cart",
            {"carts": 1, "open": 1},
            "Dejó un producto en el carrito en el último día y no lo compró.",
            "Left one product in the cart within the last day and did not buy it.",
        ),
        (
            "churned",
            {"orders": 1, "days": 1},
            "Hizo un pedido y lleva un día sin comprar.",
            "Placed one order and has bought nothing for one day.",
        ),
        (
            "late",
            {"orders": 3, "days": 61, "gap": 1},
            "Hizo 3 pedidos; el último, hace 61 días, más que su intervalo habitual (un día).",
            "Placed 3 orders; the last one 61 days ago, longer than the usual gap (one day).",
        ),
        (
            "in_time",
            {"orders": 2, "days": 0, "gap": 60},
            "Hizo 2 pedidos; el último, hoy, dentro de su intervalo habitual (60 días).",
            "Placed 2 orders; the last one today, within the usual gap (60 days).",
        ),
    ],
)
def test_reasons_read_as_somebody_would_say_them(key, fields, spanish, english):
    said = [
        Texts(language).fill(f"reasons.{key}", Formats(locale, "EUR"), **fields)
        for language, locale in LOCALES.items()
    ]
    assert said == [spanish, english]


REASONS = {
    "churned": (bought("ana", 300, 400), "Hizo 2 pedidos y lleva 300 días sin comprar."),
    "lost at once": (bought("ana", 300), "Hizo un pedido y lleva 300 días sin comprar."),
    "returned": (
        bought("ana", 1, 301),
        "Volvió a comprar hace un día, después de 300 días sin hacerlo.",
    ),
    "late": (
        bought("ana", 100, 120),
        "Hizo 2 pedidos; el último, hace 100 días, más que su intervalo habitual (20 días).",
    ),
    "in time": (
        bought("ana", 20, 120),
        "Hizo 2 pedidos; el último, hace 20 días, dentro de su intervalo habitual (100 días).",
    ),
}


@pytest.mark.parametrize("case", REASONS)
def test_the_reason_says_where_the_customer_stands(open_study, case):
    rows, said = REASONS[case]
    table = by_customer(open_study([*rows, *bought("luis", 10, 50)]))
    assert table.loc["ana", "reason"] == said


def test_who_is_late_is_later_than_the_gap_that_the_reason_names(open_study):
    # Gaps of 9 and 10 days: usual are 9.5; ten days later that is over.
    rows = [*bought("ana", 10, 19, 29), *bought("luis", 11, 21, 32), *bought("eva", 10, 20, 31)]
    for name, text in by_customer(open_study(rows))["reason"].items():
        days, gap = (int(re.search(form, text)[1]) for form in (r"hace (\d+)", r"\((\d+) días\)"))
        assert ("más que" in text) == (days > gap), (name, text)


def test_a_single_order_says_after_how_many_days_customers_come_back(open_study):
    texts = by_customer(open_study([*bought("ana", 1), *bought("luis", 10, 50)]))["reason"]
    assert re.search(r"\b60 días", texts["ana"])


def test_who_has_returned_everything_did_buy(open_study):
    rows = [*bought("ana", 50, 100), *bought("luis", 10, 50)]
    returns = [("order", "date"), *((row[2], row[1]) for row in rows if row[0] == "ana")]
    study = open_study(rows, returns=returns)
    assert study.customers.set_index("customer_id").loc["ana", "orders"] == 0
    said = by_customer(study).loc["ana", "reason"]
    assert said == "No conserva ningún pedido; todo lo que compró fue devuelto."


def test_who_never_bought_is_known_since_a_day(open_study):
    contacts = [("customer", "registered"), ("eva", ago(12)), ("mar", ago(1)), ("sol", "")]
    texts = by_customer(open_study(bought("luis", 10, 50), contacts=contacts))["reason"]
    assert texts["eva"] == "Todavía no compra; se le conoce desde hace 12 días."
    assert texts["mar"] == "Todavía no compra; se le conoce desde hace un día."
    assert texts["sol"] == "Todavía no compra."


@pytest.mark.parametrize("language", LOCALES)
def test_words_agree_with_a_count_that_is_a_float(language):
    texts, formats = Texts(language), Formats(LOCALES[language], "EUR")
    for carts in (0, 1, 2):
        said = [
            texts.fill("reasons.cart", formats, carts=n, open=30) for n in (carts, float(carts))
        ]
        assert said[0] == said[1]


def test_where_nobody_came_back_no_usual_gap_is_named(open_study):
    study = open_study([*bought("ana", 100), *bought("luis", 50)], gaps={}, lifecycle={})
    assert study.gaps["usual_days"] is None
    assert by_customer(study).loc["ana", "reason"] == "Hizo un pedido; el último, hace 100 días."


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_a_product_is_text(open_study, name):
    rows = [
        (f"c{n}", ago(30 + n), f"o{n}", 1, 10, f"p{n % 2}", name if n % 2 else f"{name}!")
        for n in range(24)
    ]
    table = open_study(rows, header=LINES).actions.table
    assert set(table["product_1"]) <= {name, f"{name}!"}
    for row in table.to_dict("records"):
        assert row["product_1"] in row["reason"]
        assert row["product_1_id"] in ("p0", "p1")


# Real clients --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Study]:
    study = Study("params/tienda_demo.yaml", run_dir=tmp_path_factory.mktemp("tienda_demo"))
    yield study
    study.close()


@pytest.fixture(scope="module")
def cdnow(tmp_path_factory) -> Iterator[Study]:
    study = Study("params/cdnow.yaml", run_dir=tmp_path_factory.mktemp("cdnow"))
    yield study
    study.close()


@pytest.mark.parametrize("client", ["demo", "cdnow"])
def test_a_whole_client_keeps_to_the_discount_rules(request, client):
    study = request.getfixturevalue(client)
    table, bounds = study.actions.table, policies_of(study, "value_groups")
    assert rank(table["discount"]).tolist() == bounds.apply(rank).min(axis=1).tolist()
    best = table[table["cell"] == "555"]
    assert len(best) and set(best["discount"]) == {"never"}
    assert "allowed" not in set(table.loc[table["cell"] == "115", "discount"])


@pytest.mark.parametrize("client", ["demo", "cdnow"])
def test_a_whole_client_has_reasons_that_read_well(request, client):
    study = request.getfixturevalue(client)
    reasons = study.actions.table["reason"]
    wrong = reasons[~reasons.map(lambda text: bool(re.fullmatch(SENTENCES, text)))]
    assert wrong.tolist() == []
    noise = r"[{}]|\bnan\b|\bNone\b|—|<NA>|  |\.\.|\b[01] (?:pedido|día|producto)"
    assert reasons[reasons.str.contains(noise)].tolist() == []


def test_whoever_is_late_in_a_whole_client_is_later_than_its_gap(cdnow):
    reasons = cdnow.actions.table["reason"]
    late = reasons[reasons.str.contains("más que su intervalo")]
    days = late.str.extract(r"hace (\d+) días").astype(float)[0]
    gap = late.str.extract(r"\((\d+) días\)").astype(float)[0].fillna(1)
    assert len(late) and late[days <= gap].tolist() == []


def test_the_demo_shop_writes_only_through_what_was_agreed(demo):
    people = contacts_of_the_demo_shop().set_index("cliente")
    table = by_customer(demo)
    assert set(table["channel"]) == {"email", "whatsapp", "sms", NO_CHANNEL}
    for name, channel in table["channel"].items():
        if channel == NO_CHANNEL:
            continue
        person = people.loc[[name]]
        assert (person[f"consentimiento_{channel}"].str.strip().str.lower() == "sí").all()
        address = "email" if channel == "email" else "telefono"
        assert (person[address].str.strip() != "").any()


def test_who_agreed_to_nothing_in_the_demo_shop_has_no_channel(demo):
    people = contacts_of_the_demo_shop()
    answers = people.filter(like="consentimiento").apply(lambda c: c.str.strip().str.lower())
    silent = set(people.loc[~(answers == "sí").any(axis=1), "cliente"])
    table = by_customer(demo)
    known = [name for name in table.index if name in silent]
    assert known and set(table.loc[known, "channel"]) == {NO_CHANNEL}


def contacts_of_the_demo_shop() -> pd.DataFrame:
    from segkit.data.demo import shop as made
    from segkit.params import find_root

    file = made.path(find_root(), "tienda_demo/clientes.csv")
    return pd.read_csv(file, sep=";", dtype=str, keep_default_na=False, encoding="utf-8-sig")


def test_cdnow_has_neither_contacts_nor_products(cdnow):
    table = cdnow.actions.table
    assert cdnow.actions.contacts is None and not cdnow.offers.ready
    assert (table[["product_1", "product_2", "product_3"]] == "").all(axis=None)
    for group, channels in table.groupby("value_groups")["channel"]:
        first = cdnow.advice.of("value_groups", group).channels[0]
        assert set(channels) == {cdnow.playbook.channel_key(first)}


def test_actions_hold_no_address(demo):
    table = demo.actions.table
    words = table.select_dtypes(exclude="number").astype(str)
    assert not words.apply(lambda column: column.str.contains("@", regex=False)).any(axis=None)
