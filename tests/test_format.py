"""Numbers, money, dates, and the catalogues of words."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.errors import RuleError, SegkitError
from segkit.params import languages
from segkit.words.columns import Columns
from segkit.words.format import KINDS, MISSING, Formats, is_kind
from segkit.words.texts import Texts

NBSP = "\u00a0"


@pytest.fixture
def argentine() -> Formats:
    return Formats("es_AR", "ARS")


def test_money_has_the_decimals_of_its_currency():
    assert Formats("en_US", "USD").money(1269.99) == "$1,269.99"
    assert Formats("es_CL", "CLP").money(1269.99) == "$1.270"
    assert Formats("es-ES", "EUR").money(1234.5) == f"1.234,50{NBSP}€"


def test_decimals_of_money_can_be_asked_for():
    assert Formats("en_US", "USD").money(1269.99, decimals=0) == "$1,270"


def test_numbers_follow_the_locale(argentine):
    assert argentine.integer(9994) == "9.994"
    assert argentine.decimal(5.55, 1) == "5,6"
    assert argentine.number(30.0) == "30"
    assert argentine.percent(0.317) == "31,7%"
    assert Formats("es_ES", "EUR").percent(0.5, 0) == f"50{NBSP}%"


def test_days_months_and_times_follow_the_locale(argentine):
    moment = dt.datetime(2017, 12, 31, 14, 3)
    assert argentine.date(moment) == "31 dic 2017"
    assert argentine.month(moment) == "dic 2017"
    assert argentine.datetime(moment) == "31 dic 2017, 14:03"
    assert argentine.date(np.datetime64("2017-12-31")) == "31 dic 2017"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT, np.float64("nan")])
def test_what_is_missing_is_a_dash_in_every_kind(argentine, kind, missing):
    assert argentine.by_kind(kind)(missing) == MISSING


def test_a_tiny_negative_amount_is_not_minus_zero(argentine):
    assert argentine.money(-0.001) == "$0,00"
    assert argentine.integer(-0.4) == "0"


def test_a_log_without_amounts_has_units_instead_of_money():
    units = Formats("es_ES", "XXX")
    assert [units.money(value) for value in (1750, 2.345, None)] == ["1.750 u.", "2,3 u.", MISSING]
    assert units.money(12345.6, decimals=0) == "12.346 u."


def test_months_are_said_with_their_unit(argentine):
    assert [argentine.months(count) for count in (1, 12, None)] == ["1 mes", "12 meses", MISSING]


def test_calendar_months_are_named_in_a_sentence_and_on_an_axis(argentine):
    assert [argentine.by_kind("month_name")(value) for value in (1, 12.0, None)] == [
        "enero",
        "diciembre",
        MISSING,
    ]
    assert argentine.month_name(9, short=True) == "sept"
    with pytest.raises(SegkitError, match="not a calendar month: '?13"):
        argentine.month_name(13)


COUNTS = (0, 1, 2, 1_000_000, 1.5)


@pytest.mark.parametrize(
    ("locale", "kind", "expected"),
    [
        (
            "es_ES",
            "plural.ningún cliente/un cliente/# clientes",
            ["ningún cliente", "un cliente", "2 clientes", "1.000.000 clientes", "2 clientes"],
        ),
        ("es_AR", "plural.vuelve/vuelven", ["vuelven", "vuelve", "vuelven", "vuelven", "vuelven"]),
        (
            "en_GB",
            "plural.no customer/one customer/# customers",
            ["no customer", "one customer", "2 customers", "1,000,000 customers", "2 customers"],
        ),
        ("en_US", "plural./s", ["s", "", "s", "s", "s"]),
    ],
)
def test_words_agree_with_their_count(locale, kind, expected):
    assert [Formats(locale, "EUR").by_kind(kind)(count) for count in COUNTS] == expected


def test_a_count_that_is_shown_rounded_agrees_with_what_is_shown(argentine):
    shown, hidden = argentine.by_kind("plural.# día/# días"), argentine.by_kind("plural.día/días")
    assert [shown(days) for days in (0.4, 1.4, 1.6)] == ["0 días", "1 día", "2 días"]
    assert [hidden(days) for days in (1.0, 1.4)] == ["día", "días"]
    assert shown(None) == MISSING


def test_a_plural_without_two_or_three_forms_is_refused(argentine):
    for kind in ("plural", "plural.", "plural./", "plural.a", "plural.a/b/c/d"):
        assert not is_kind(kind)
        with pytest.raises(SegkitError, match="not two or three forms"):
            argentine.by_kind(kind)(1)
    assert not is_kind("plural.{a}/b")


@pytest.mark.parametrize(
    ("language", "locale", "text", "expected"),
    [
        (
            "es",
            "es_ES",
            "{n:plural.No hay pedidos/Hay un pedido/Hay # pedidos} ({n:count}) de {who}.",
            [
                "No hay pedidos (0) de <a>.",
                "Hay un pedido (1) de <a>.",
                "Hay 2 pedidos (2) de <a>.",
            ],
        ),
        (
            "en",
            "en_US",
            "{n:plural.No orders: hooray!/One order/# orders} ({n:count}) of {who}.",
            ["No orders: hooray! (0) of <a>.", "One order (1) of <a>.", "2 orders (2) of <a>."],
        ),
    ],
)
def test_a_sentence_has_words_that_agree(language, locale, text, expected):
    texts = Texts(language, {"sentences": {"mine": text}})
    formats = Formats(locale, "EUR")
    said = [texts.fill("sentences.mine", formats, n=count, who="<a>") for count in (0, 1, 2)]
    assert said == expected
    assert texts.fields("sentences.mine") == {"n": "count", "who": "text"}


def test_a_tiny_share_is_not_lost(argentine):
    assert argentine.percent(0.004, 1) == "0,4%"


def test_a_kind_may_say_its_digits(argentine):
    assert argentine.by_kind("percent.0")(0.5) == "50%"
    assert argentine.by_kind("decimal.3")(0.25) == "0,250"


def test_an_unknown_locale_currency_or_kind_is_named(argentine):
    with pytest.raises(SegkitError, match="'klingon'"):
        Formats("klingon", "USD")
    with pytest.raises(SegkitError, match="'DOLLARS'"):
        Formats("es_AR", "DOLLARS")
    with pytest.raises(SegkitError, match="did you mean 'percent'"):
        argentine.by_kind("precent")


def test_a_text_where_a_number_belongs_is_named(argentine):
    with pytest.raises(SegkitError, match="not a number: 'much'"):
        argentine.money("much")
    with pytest.raises(SegkitError, match="not a date: 'someday'"):
        argentine.date("someday")


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_every_finite_number_can_be_written(number):
    formats = Formats("es_AR", "USD")
    texts = [formats.money(number), formats.percent(number), formats.decimal(number)]
    assert all(any(letter.isdigit() for letter in text) for text in texts)


def test_headers_are_said_in_the_language_asked_for():
    assert Columns("es").label("repeat_rate") == "Tasa de recompra"
    assert Columns("en").label("repeat_rate") == "Repeat rate"


def test_pictures_find_every_label_they_ask_for():
    from segkit.plots import PICTURE_LABELS

    for language in languages():
        texts, columns = Texts(language), Columns(language)
        known = [key in columns or f"labels.{key}" in texts for key in PICTURE_LABELS]
        assert all(known), dict(zip(PICTURE_LABELS, known, strict=True))


def test_every_cleaning_rule_has_a_name():
    from segkit.params import Cleaning

    settings = {"non_product_codes", "cancelled_order_prefix", "cancelled_statuses"}
    settings |= {"accept_loss"}
    for rule in set(Cleaning.model_fields) - settings:
        assert f"rules.{rule}.name" in Texts("es")


def test_a_sentence_is_filled_by_kind_and_escaped(argentine):
    sentences = {"top": "El {top:percent.0} aporta {revenue:money.0}: {who}."}
    said = Texts("es", {"sentences": sentences}).say(
        "top", argentine, top=0.2, revenue=1000, who='"><img onerror=x>'
    )
    assert said == "El 20% aporta $1.000: &#34;&gt;&lt;img onerror=x&gt;."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Suman {units:money.0}.", "Suman 10 u."),
        ("Suman {units:money.0}. Y más.", "Suman 10 u. Y más."),
        ("Suman {units:money.0}, y {units:money.0}", "Suman 10 u., y 10 u."),
        ("Suman {units:money.0} (o más).", "Suman 10 u. (o más)."),
        ("Es {{{units:count}}}.", "Es {10}."),
    ],
)
def test_an_abbreviation_at_the_end_of_a_sentence_has_one_dot(text, expected):
    texts = Texts("es", {"sentences": {"mine": text}})
    assert texts.fill("sentences.mine", Formats("es_ES", "XXX"), units=10) == expected


def test_a_missing_sentence_or_field_is_named(argentine):
    texts = Texts("es", {"sentences": {"size": "Hay {customers:count} clientes."}})
    with pytest.raises(RuleError, match=r"sentences\.sise.*did you mean 'sentences\.size'"):
        texts.say("sise", argentine)
    with pytest.raises(RuleError, match="field 'customers' is not given"):
        texts.say("size", argentine, customer=3)


def test_fields_cannot_reach_into_objects():
    wrong = ("{a.__class__}", "{a[0]}", "{a!r}", "{}", "{a:money.x}", "{a:{b}}", "{a")
    for text in (*wrong, "{a:plural}", "{a:plural.one}", "{a:plural.{b}/c}", "{a.b:plural.c/d}"):
        with pytest.raises(RuleError, match=r"sentences\.bad"):
            Texts("es", {"sentences": {"bad": text}})


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"sentence": {"a": "b"}}, "did you mean 'sentences'"),
        ({"tables": {"mine": {"titel": "b"}}}, "did you mean 'title'"),
        ({"tables": {"mine": {"note": "b"}}}, "tables.mine.title: missing or empty"),
        ({"pictures": {"mine": {"title": "b"}}}, "pictures.mine.alt: missing or empty"),
        ({"labels": {"yes": True}}, "labels.yes: is no text"),
        ({"insights": {"mine": {"title": "b"}}}, ".mine."),
        ({"insights": {"mine": {"name": "b"}}}, "use one of the valid names: title, sentence"),
        ({"labels": {"mine": "{n:plural.one order}"}}, "plural.one/# others"),
    ],
)
def test_a_faulty_catalogue_is_refused_when_loaded(overrides, problem):
    with pytest.raises(RuleError) as caught:
        Texts("es", overrides)
    assert problem in str(caught.value)


def test_a_table_of_a_segmentation_falls_back_to_the_general_texts():
    texts = Texts("es")
    assert texts.entry("tables", "segment_kpis_value_groups") == (
        "tables.segment_kpis",
        "value_groups",
    )
    with pytest.raises(RuleError, match=r"tables\.data_quality_of_mine\.title"):
        texts.entry("tables", "data_quality_of_mine")


def test_a_table_by_dimension_has_texts_of_its_own():
    texts = Texts("es")
    by = ("tables.segment_kpis_by", "value_groups")
    assert texts.entry("tables", "segment_kpis_value_groups_by_channel") == by
    assert texts.entry("tables", "segment_kpis_value_groups_by_sold_by_whom") == by
    assert "dimension" in texts.fields("tables.segment_kpis_by.title")
    with pytest.raises(RuleError, match=r"tables\.concentration_of_mine_by_x\.title"):
        texts.entry("tables", "concentration_of_mine_by_x")


def test_a_dimension_of_the_clients_own_has_a_header_in_its_language():
    assert Columns("es").label("top_sucursal_de_venta") == "Sucursal de venta (de más ingresos)"
    assert Columns("en").label("first_store") == "Store (first order)"
    assert Columns("en").label("top_category") == "Top category"
    assert Columns("en").kind("top_revenue", pd.Series(["high"])) == "text"


def test_a_column_that_is_not_known_is_guessed_from_its_values():
    columns = Columns("en")
    assert columns.label("my_own_column") == "My own column"
    assert columns.kind("mine", pd.Series([1, 2])) == "count"
    assert columns.kind("mine", pd.Series([0.5])) == "number"
    assert columns.kind("mine", pd.Series([True])) == "flag"
    assert columns.kind("mine", pd.to_datetime(pd.Series(["2017-01-03"]))) == "date"
    assert columns.kind("mine", pd.to_datetime(pd.Series(["2017-01-03 10:30"]))) == "datetime"
    assert columns.kind("mine", pd.Series([dt.date(2017, 1, 3), None])) == "date"
    assert columns.kind("mine", pd.Series(["x"])) == "text"
    assert columns.kind("revenue_share_low") == "percent"


def test_means_of_counts_show_a_decimal_and_large_amounts_no_cents():
    columns = Columns("en")
    assert columns.kind("orders", pd.Series([5.6, 3.7])) == "decimal.1"
    assert columns.kind("orders", pd.Series([5.0, 3.0])) == "count"
    assert columns.kind("revenue", pd.Series([2_297_200.86, 3.5])) == "money.0"
    assert columns.kind("revenue", pd.Series([230.02])) == "money"
    assert columns.kind("amount", pd.Series([2_297_200.86]), "data_quality") == "money"


def test_a_column_without_a_header_or_kind_is_refused(tmp_path):
    file = tmp_path / "columns.yaml"
    file.write_text("columns:\n  mine: {kind: money, label: Mine}\n")
    assert Columns("en", file).label("mine") == "Mine"
    file.write_text("columns:\n  mine: {kind: money}\n")
    with pytest.raises(RuleError, match="mine: no header"):
        Columns("en", file)
    file.write_text("columns:\n  mine: {kind: monney, label: Mine}\n")
    with pytest.raises(RuleError, match="did you mean 'money'"):
        Columns("en", file)
