"""Insights: when a rule fires, what it is worth, how it is said, and a client's own rules."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segkit import Chapter, Study
from segkit.analysis.insights import (
    CHANNEL,
    FIGURES,
    KPIS,
    TEXTS,
    Base,
    Condition,
    Rule,
    findings,
    is_same,
    load_rules,
)
from segkit.analysis.kpis import segment_kpis
from segkit.errors import RuleError
from segkit.study.insights import Insights
from segkit.words.format import Formats
from segkit.words.texts import Texts

RULES = load_rules()
NAN = float("nan")
BRAND = {
    "segment": "total",
    "customers": 100,
    "orders": 200,
    "orders_all_time": 400,
    "revenue": 2000.0,
    "revenue_all_time": 4000.0,
    "aov": 10.0,
    "upt": 2.0,
    "ltv": 40.0,
    "recency_days": 60.0,
}
ROW = BRAND | {
    "customers": 20,
    "customers_share": 0.2,
    "orders": 40,
    "revenue": 400.0,
    "revenue_share": 0.2,
    "revenue_share_low": 0.1,
    "revenue_share_high": 0.3,
    "one_order_share": 0.3,
    "buyers": 20,
    "buyers_share": 0.2,
    "orders_per_customer": 4.0,
}


def kpis(**segments: dict[str, float]) -> pd.DataFrame:
    """Return a table of key figures: like the brand but for what each segment says."""
    rows = [ROW | {"segment": segment} | figures for segment, figures in segments.items()]
    return pd.DataFrame([*rows, BRAND]).reindex(columns=["segment", *KPIS])


def customers(segments: dict[str, int], **columns: object) -> pd.DataFrame:
    """Return so many customers of each segment; each column has one value a customer."""
    labels = [segment for segment, count in segments.items() for _ in range(count)]
    table = pd.DataFrame({"customer_id": [f"c{place}" for place in range(len(labels))]})
    given = {"orders": 2, "gross": 20.0, "revenue": 20.0, "aov": 10.0}
    given |= {"recency_days": 30, "tenure_days": 40, "p_order": 0.8}
    return table.assign(**(given | columns), segment=labels)


def base_of(table: pd.DataFrame, figures: pd.DataFrame | None = None, **given: object) -> Base:
    """Return what rules look at, all of the history being the period."""
    bought = table[["customer_id", "orders", "gross", "revenue"]]
    period = bought.assign(units=2.0 * table["orders"], returned_units=0.0)
    if figures is None:
        figures = segment_kpis(table["segment"], table, period, resamples=20)
    return Base(figures, table, period, resamples=20, **given)


def found(base: Base, *keys: str, **given: object) -> pd.DataFrame:
    rules = {key: RULES[key] for key in keys}
    return findings(rules, base, **({"segmentation": "families"} | given))


def fires(rule: str, gaps: dict[str, float] | None = None, **figures: float) -> bool:
    table = kpis(a=figures, b={})
    base = base_of(customers({"a": 20, "b": 80}), table, gaps=gaps or {})
    return "a" in set(found(base, rule)["segment"])


# When a rule fires ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recency", "orders", "expected"),
    [(30, 2, {"valuable"}), (612, 2, {"valuable_left"}), (612, 9, {"valuable_left"})],
)
def test_a_loyalty_programme_is_for_who_is_still_there(recency, orders, expected):
    figures = {"revenue_share": 0.5, "revenue_all_time_share": 0.5, "ltv": 41.0}
    table = customers({"a": 20, "b": 80}, recency_days=recency, orders=orders)
    base = base_of(table, kpis(a=figures, b={}), gaps={"usual_days": 30, "churn_days": 1364})
    rules = found(base, "valuable", "valuable_left")
    assert set(rules.loc[rules["segment"] == "a", "rule"]) == expected


@pytest.mark.parametrize(("days", "expected"), [(45, "first_order_only"), (46, "first_order_late")])
def test_a_welcome_is_for_who_came_lately(days, expected):
    figures = {"one_order_share": 1.0, "ltv": 39.0, "recency_days": days}
    base = base_of(customers({"a": 20, "b": 80}, tenure_days=days), kpis(a=figures, b={}))
    rules = found(base, "first_order_only", "first_order_late")
    assert rules.loc[rules["segment"] == "a", "rule"].tolist() == [expected]


@pytest.mark.parametrize("rule", ["many_low_ticket", "premium_cross_sell"])
def test_no_larger_basket_is_asked_of_who_has_left(rule):
    figures = {"customers_share": 0.3, "revenue_share": 0.1, "aov": 9.0, "upt": 3.0}
    table = customers({"a": 20, "b": 80}, recency_days=400)
    base = base_of(table, kpis(a=figures, b={}), gaps={"churn_days": 399})
    assert found(base, rule).empty
    gaps = {"churn_days": 400, "usual_days": 400}
    assert set(found(base_of(table, kpis(a=figures, b={}), gaps=gaps), rule)["segment"]) == {"a"}


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"revenue_share": 0.4, "ltv": 41.0}, True),
        ({"revenue_share": 0.39, "ltv": 41.0}, False),
        ({"revenue_share": 0.4, "ltv": 40.0}, False),
        ({"revenue_share": NAN, "ltv": 41.0}, False),
    ],
)
def test_a_segment_is_valuable_from_twice_its_share_and_above_the_brands_ltv(figures, expected):
    assert fires("valuable", **figures) is expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"customers_share": 0.25, "revenue_share": 0.125, "aov": 9.9}, True),
        ({"customers_share": 0.24, "revenue_share": 0.1, "aov": 9.9}, False),
        ({"customers_share": 0.25, "revenue_share": 0.13, "aov": 9.9}, False),
        ({"customers_share": 0.25, "revenue_share": 0.125, "aov": 10.0}, False),
        ({"customers_share": 0.25, "revenue_share": 0.0, "aov": NAN}, False),
    ],
)
def test_many_customers_with_a_low_ticket_are_a_quarter_that_brings_half_its_share(
    figures, expected
):
    assert fires("many_low_ticket", **figures) is expected


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"upt": 2.5, "aov": 9.0}, True),
        ({"upt": 2.49, "aov": 9.0}, False),
        ({"upt": 2.5, "aov": 10.0}, False),
    ],
)
def test_a_cross_sell_needs_many_units_and_a_small_order(figures, expected):
    assert fires("premium_cross_sell", **figures) is expected


@pytest.mark.parametrize(
    ("figures", "gaps", "expected"),
    [
        ({"one_order_share": 0.95, "ltv": 39.0, "recency_days": 90}, {}, True),
        ({"one_order_share": 0.94, "ltv": 39.0, "recency_days": 90}, {}, False),
        ({"one_order_share": 1.0, "ltv": 40.0, "recency_days": 90}, {}, False),
        ({"one_order_share": 1.0, "ltv": 39.0, "recency_days": 91}, {"usual_days": None}, False),
        ({"one_order_share": 1.0, "ltv": 39.0, "recency_days": 91}, {"usual_days": 30}, False),
        ({"one_order_share": 1.0, "ltv": 39.0, "recency_days": 91}, {"usual_days": 91}, True),
    ],
)
def test_first_orders_count_within_90_days_or_the_usual_gap(figures, gaps, expected):
    assert fires("first_order_only", gaps, **figures) is expected


def test_regulars_have_lapsed_after_four_orders_and_half_a_year():
    table = customers(
        {"a": 10},
        orders=[4, 4, 3, 9, 9, 4, 4, 4, 0, 1],
        recency_days=[184, 183, 400, 200, 200, 300, 300, 10, NAN, 500],
    )
    row = found(base_of(table), "lapsed_regulars").iloc[0]
    assert row["customers"] == 5
    assert pd.isna(row["segment"]) and pd.isna(row["channel"])
    assert row["at_stake"] == pytest.approx(5 * row["aov"])
    assert found(base_of(table.assign(recency_days=183)), "lapsed_regulars").empty


def test_lapsed_regulars_without_orders_in_the_period_are_valued_at_their_own_orders():
    table = customers({"a": 10}, orders=5, recency_days=[300] * 6 + [9] * 4, gross=50, revenue=50.0)
    base = base_of(table)
    recent = base.period[table["recency_days"] == 9]
    row = found(Base(base.kpis, table, recent, resamples=20), "lapsed_regulars").iloc[0]
    assert np.isnan(row["aov"])
    assert (row["order_value"], row["at_stake"]) == (10, 60)


def test_only_those_who_nearly_always_buy_at_a_discount_depend_on_it():
    shares = [0.95, 1.0, 1.0, 1.0, 1.0, 0.94, 1.0, None]
    table = customers({"a": 8}, orders=[2, 2, 2, 3, 3, 3, 1, 2], discount_share=shares)
    assert found(base_of(table), "discount_only")["customers"].tolist() == [5]
    assert found(base_of(table.drop(columns="discount_share")), "discount_only").empty


@pytest.mark.parametrize(("best", "expected"), [(16.0, True), (15.9, False)])
def test_revenue_is_concentrated_where_a_fifth_brings_half_of_it(best, expected):
    table = customers({"a": 20}, revenue=[best] * 4 + [4.0] * 16)
    told = found(base_of(table), "concentration")
    assert len(told) == int(expected)
    if expected:
        few = base_of(table).few
        assert told["customers"].item() == few.sum()
        assert table.loc[few, "revenue"].sum() >= 0.8 * table["revenue"].sum()
        assert table.loc[few, "revenue"].sum() - 4 < 0.8 * table["revenue"].sum()


def in_channels(web: int, shop: int, others_web: int, others_shop: int) -> Base:
    counts = [("web", web), ("shop", shop), ("web", others_web), ("shop", others_shop)]
    channel = [name for name, count in counts for _ in range(count)]
    table = customers({"a": web + shop, "b": others_web + others_shop}, channel=channel)
    return base_of(table)


def test_a_channel_is_told_where_the_intervals_part():
    row = found(in_channels(50, 50, 40, 160), "channel_preference").set_index("segment").loc["a"]
    assert (row["channel"], row["customers"]) == ("web", 50)
    assert (row["channel_share"], row["others_share"]) == (0.5, 0.2)
    assert row["channel_share_low"] > row["others_share_high"]
    assert row["at_stake"] == 50 * 20
    assert "a" not in set(found(in_channels(50, 50, 90, 110), "channel_preference")["segment"])


@pytest.mark.parametrize(("web", "expected"), [(30, True), (29, False)])
def test_a_channel_needs_thirty_customers_of_the_segment(web, expected):
    told = found(in_channels(web, 5, 20, 180), "channel_preference")
    assert ("a" in set(told["segment"])) is expected


def test_of_a_segments_channels_only_the_clearest_is_told():
    channel = ["web"] * 60 + ["app"] * 40 + ["shop"] * 300 + ["web", "app"] * 10
    table = customers({"a": 100, "b": 320}, channel=channel)
    told = found(base_of(table), "channel_preference").set_index("segment")
    assert told["channel"].to_dict() == {"a": "web", "b": "shop"}


def test_without_channels_nothing_is_said_about_them():
    base = base_of(customers({"a": 50, "b": 50}))
    assert found(base, "channel_preference").empty
    assert list(base.channels.columns) == ["segment", "channel", *KPIS, *CHANNEL]


def test_those_who_never_bought_are_in_no_finding():
    valuable = {"revenue_share": 0.9, "ltv": 90.0}
    base = base_of(customers({"a": 20, "b": 80}), kpis(a=valuable | {"orders_all_time": 0}, b={}))
    assert found(base, "valuable").empty
    rule = Rule(of="customers", when=["revenue < 100"], at_stake="one_more_order", share=0.1)
    table = customers({"a": 10}, orders=[0] * 3 + [1] * 7)
    told = findings({"small": rule}, base_of(table), segmentation="families")
    assert told["customers"].tolist() == [7]


def test_few_customers_make_no_finding():
    base = base_of(customers({"a": 4, "b": 96}), kpis(a={"customers": 4, "revenue_share": 0.5}))
    lenient = {"valuable": RULES["valuable"].model_copy(update={"when": ["revenue_share > 0.4"]})}
    assert findings(lenient, base, segmentation="families").empty
    assert len(findings(lenient, base, segmentation="families", min_cell=4)) == 1


def test_nothing_is_told_without_the_figures_that_it_would_name():
    base = base_of(
        customers({"a": 20, "b": 80}),
        kpis(a={"revenue_share": 0.5, "ltv": 90.0, "revenue_share_low": NAN}),
    )
    assert len(found(base, "valuable")) == 1
    assert found(base, "valuable", needed={"valuable": ["revenue_share_low"]}).empty


def test_no_finding_where_nothing_is_at_stake():
    rule = RULES["valuable"].model_copy(update={"at_stake": "aov_gap", "when": ["aov >= 10"]})
    base = base_of(customers({"a": 20, "b": 80}), kpis(a={"aov": 30.0}, b={}))
    assert findings({"dear": rule}, base, segmentation="families").empty


def test_a_table_without_findings_has_the_same_columns_and_types():
    base = base_of(customers({"a": 20, "b": 80}), kpis(a={}, b={}))
    none = found(base, "valuable")
    some = found(
        base_of(customers({"a": 20}), kpis(a={"revenue_share": 0.5, "ltv": 90.0})), "valuable"
    )
    assert none.empty and len(some) == 1
    assert none.dtypes.to_dict() == some.dtypes.to_dict()
    assert set(FIGURES) < set(none.columns)


# What it is worth -------------------------------------------------------------------


def test_what_is_at_stake_is_worked_out_as_the_rule_says():
    figures = {"revenue_share": 0.5, "ltv": 90.0, "aov": 8.0, "upt": 3.0}
    base = base_of(customers({"a": 20, "b": 80}), kpis(a=figures))
    ends = ["at_stake", "at_stake_low", "at_stake_high", "attainable", "expected_value"]
    valuable = found(base, "valuable").iloc[0]
    assert valuable[ends].tolist() == pytest.approx([400, 200, 600, 0.05, 20])
    gap = found(base, "premium_cross_sell").iloc[0]
    assert gap[ends].tolist() == pytest.approx([80, 80, 80, 0.1, 8])  # of orders all alike
    names = ["brand_aov", "brand_upt", "brand_ltv", "brand_revenue"]
    assert gap[names].tolist() == [10, 2, 40, 2000]


def test_what_an_estimate_comes_to_has_the_interval_of_the_average_order():
    table = customers({"a": 20, "b": 80}, revenue=[10.0, 30.0] * 50, recency_days=200, orders=4)
    row = found(base_of(table), "lapsed_regulars").iloc[0]
    of_one = table["revenue"].std() / 4 / np.sqrt(100)  # an order's value, over customers
    assert row["at_stake"] == pytest.approx(100 * 5)
    assert row["at_stake_low"] == pytest.approx(500 - 1.96 * 100 * of_one)
    assert row["at_stake_high"] == pytest.approx(500 + 1.96 * 100 * of_one)


def test_findings_are_ranked_by_what_they_are_worth_then_by_rule_and_segment():
    rich = {"revenue_share": 0.5, "ltv": 90.0}
    table = kpis(b=rich, a=rich, c=rich | {"revenue": 900.0}, d={"aov": 9.0, "upt": 3.0})
    base = base_of(customers({"a": 20, "b": 20, "c": 20, "d": 40}), table)
    told = found(base, "valuable", "premium_cross_sell")
    assert told["segment"].tolist() == ["c", "a", "b", "d"]
    assert told["expected_value"].is_monotonic_decreasing
    shuffled = Base(table.iloc[[2, 1, 0, 3, 4]], base.customers, base.period)
    pd.testing.assert_frame_equal(found(shuffled, "valuable", "premium_cross_sell"), told)


def test_of_two_that_contradict_each_other_the_one_worth_more_stays():
    figures = {"customers_share": 0.3, "revenue_share": 0.1, "aov": 9.0, "upt": 3.0}
    base = base_of(customers({"a": 30, "b": 70}), kpis(a=figures, b={"upt": 3.0, "aov": 9.0}))
    told = found(base, "many_low_ticket", "premium_cross_sell")
    assert told[["rule", "segment"]].values.tolist() == [
        ["many_low_ticket", "a"],
        ["premium_cross_sell", "b"],
    ]
    dearer = RULES["premium_cross_sell"].model_copy(update={"share": 0.5})
    rules = {"many_low_ticket": RULES["many_low_ticket"], "premium_cross_sell": dearer}
    told = findings(rules, base, segmentation="families")
    assert set(told["rule"]) == {"premium_cross_sell"}


def test_groups_are_the_same_customers_when_they_share_most_of_the_smaller():
    table = customers({"a": 20, "b": 80}, orders=5, recency_days=[200] * 24 + [10] * 76)
    figures = kpis(a={"upt": 3.0, "aov": 9.0, "orders": 4000})
    rules = ("premium_cross_sell", "lapsed_regulars")
    assert found(base_of(table, figures), *rules)["rule"].tolist() == ["premium_cross_sell"]
    elsewhere = table.assign(segment=["b"] * 80 + ["a"] * 20)
    assert len(found(base_of(elsewhere, figures), *rules)) == 2
    assert is_same(pd.Series([True, True, True]), pd.Series([True, False, False]))


def test_members_are_those_whom_a_finding_counts():
    table = customers(
        {"a": 100, "b": 200},
        orders=5,
        channel=["web"] * 50 + ["shop"] * 50 + ["web"] * 40 + ["shop"] * 160,
        recency_days=[200, 10, 10] * 100,
        discount_share=[1.0, 0.5] * 150,
        revenue=[900.0] * 30 + [20.0] * 270,
    )
    base = base_of(table)
    told = findings(
        {k: r.model_copy(update={"against": []}) for k, r in RULES.items()},
        base,
        segmentation="families",
    )
    assert {"lapsed_regulars", "discount_only", "channel_preference", "valuable"} <= set(
        told["rule"]
    )
    for row in told.to_dict("records"):
        chosen = base.members(RULES[row["rule"]], row)
        assert chosen.sum() == row["customers"], row["rule"]
        assert table.loc[chosen, "revenue"].sum() == pytest.approx(row["revenue"]), row["rule"]


def test_figures_are_those_of_the_table_of_key_figures():
    base = base_of(customers({"a": 3}))
    assert set(base.kpis.columns) == {"segment", *KPIS}


# Conditions -------------------------------------------------------------------------


def test_a_condition_compares_with_a_number_a_column_a_brand_or_a_word():
    table = pd.DataFrame(
        {"orders": [1.0, 2.0, NAN], "x": [1.0, 3.0, 1.0], "channel": ["a", "b c", None]}
    )
    brand = pd.Series({"orders": 2.0})
    expected = {
        "orders >= 2": [False, True, False],
        "orders>=2.5 * x": [False, False, False],
        "orders != 2": [True, False, False],
        "orders < x": [False, True, False],
        "orders == brand.orders": [False, True, False],
        "orders <= 0.5*brand.orders": [True, False, False],
        "orders > -1": [True, True, False],
        "channel == 'b c'": [False, True, False],
        'channel != "a"': [False, True, False],
        "units > 0": [False, False, False],
        "orders > brand.units": [False, False, False],
    }
    for text, holds in expected.items():
        assert Condition.parse(text).holds(table, brand).tolist() == holds, text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "orders",
        "orders >",
        "orders => 2",
        "orders > 2 * 'a'",
        "a.b > 1",
        "f(x) > 1",
        "orders > 2; import os",
        "__class__ > 1",
        "orders > brand.a.b",
        "orders > 1e3",
    ],
)
def test_what_is_no_condition_is_refused(text):
    with pytest.raises(ValueError, match="is no condition"):
        Condition.parse(text)


# Words ------------------------------------------------------------------------------


def sayings(language: str, key: str, count: int) -> list[str]:
    figures = dict.fromkeys(FIGURES, count) | {"segment": "{x} <b>", "channel": "web"}
    figures |= {"about": "por «web»", "best": "Campeones"}
    formats = Formats({"es": "es_ES", "en": "en_US"}[language], "EUR")
    figures |= {"driver": "más clientes", "driver_action": "Seguir."}
    return [Texts(language).fill(f"insights.{key}.{part}", formats, **figures) for part in TEXTS]


COUNTED = {
    "valuable": {
        "es": ["reúne a ningún cliente, el", "reúne a un cliente, el", "reúne a 2 clientes, el"],
        "en": ["holds no customer, 0", "holds one customer, 1", "holds 2 customers, 2"],
    },
    "many_low_ticket": {
        "es": [
            "sus pedidos del período habrían",
            "su pedido del período habría dejado",
            "sus 2 pedidos del período habrían dejado",
        ],
        "en": ["their orders of", "their order of", "their 2 orders of"],
    },
    "premium_cross_sell": {
        "es": ["no hay ningún cliente.", "hay un cliente.", "hay 2 clientes."],
        "en": ["holds no customer.", "holds one customer.", "holds 2 customers."],
    },
    "first_order_only": {
        "es": ["hace menos de un día.", "hace un día.", "hace 2 días."],
        "en": ["less than a day ago.", "one day ago.", "2 days ago."],
    },
    "valuable_left": {
        "es": ["reúne a ningún cliente, el", "reúne a un cliente, el", "reúne a 2 clientes, el"],
        "en": ["holds no customer, 0", "holds one customer, 1", "holds 2 customers, 2"],
    },
    "first_order_late": {
        "es": ["hace menos de un día:", "hace un día:", "hace 2 días:"],
        "en": ["less than a day ago,", "one day ago,", "2 days ago,"],
    },
    "lapsed_regulars": {
        "es": [
            "Ningún cliente habitual lleva",
            "Un cliente habitual lleva",
            "2 clientes habituales llevan",
        ],
        "en": ["No regular customer has", "One regular customer has", "2 regular customers have"],
    },
    "concentration": {
        "es": ["Ningún comprador reúne", "Un comprador reúne", "2 compradores reúnen"],
        "en": ["No buyer brings", "One buyer brings", "2 buyers bring"],
    },
    "channel_preference": {
        "es": ["; ningún cliente)", "; un cliente)", "; 2 clientes)"],
        "en": ["; no customer)", "; one customer)", "; 2 customers)"],
    },
    "second_order_more": {
        "es": ["De ningún cliente", "De un cliente", "De 2 clientes"],
        "en": ["Of no customer", "Of one customer", "Of 2 customers"],
    },
    "second_order_less": {
        "es": ["De ningún cliente", "De un cliente", "De 2 clientes"],
        "en": ["Of no customer", "Of one customer", "Of 2 customers"],
    },
    "year_value_more": {
        "es": ["Los clientes cuya", "El cliente cuya", "Los 2 clientes cuya"],
        "en": ["The customers whose", "The customer whose", "The 2 customers whose"],
    },
    "year_value_less": {
        "es": ["Los clientes cuya", "El cliente cuya", "Los 2 clientes cuya"],
        "en": ["The customers whose", "The customer whose", "The 2 customers whose"],
    },
    "champions_more": {
        "es": ["De los clientes que", "Del cliente que", "De los 2 clientes que"],
        "en": ["Of the customers", "Of the customer", "Of the 2 customers"],
    },
    "returned_more": {
        "es": ["De ningún cliente", "De un cliente", "De 2 clientes"],
        "en": ["Of no customer", "Of one customer", "Of 2 customers"],
    },
    "revenue_fell": {"es": ["bajaron"] * 3, "en": ["fell"] * 3},
    "revenue_rose": {"es": ["subieron"] * 3, "en": ["rose"] * 3},
    "discount_dependence": {"es": ["llevó descuento"] * 3, "en": ["was discounted"] * 3},
    "discount_only": {
        "es": [
            "Ningún cliente que repite compra",
            "Un cliente que repite compra",
            "2 clientes que repiten compran",
        ],
        "en": ["No repeat customer buys", "One repeat customer buys", "2 repeat customers buy"],
    },
}


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize("key", list(RULES))
def test_sentences_agree_with_none_one_and_many(key, language):
    for count, expected in enumerate(COUNTED[key][language]):
        assert expected in " ".join(sayings(language, key, count))


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_rule_has_words_and_every_word_a_rule(language):
    texts = Texts(language)
    written = {path.split(".")[1] for path in texts.paths if path.startswith("insights.")}
    assert written == set(RULES)


# A client's own rules ---------------------------------------------------------------

NEW = """
mine:
  of: segments
  when: [customers >= 1]
  at_stake: revenue
  share: 0.5
  title: "Hola, {segment:segment}"
  sentence: "{customers:plural.Uno/Son #}: {revenue:money.0}."
  action: "Hacer algo con {channel_or_not}."
"""


@pytest.fixture
def insights_of(make_study, tmp_path):
    """Return a function that opens the insights of a small log, with the client's own rules."""
    rows = [
        (f"c{who}", f"2024-{month:02}-{1 + who % 28:02}", f"{who}-{month}", 2, 90 if who < 6 else 9)
        for who in range(40)
        for month in range(1, 13 if who < 6 else 3)
    ]

    def open_(own: str | None = None, **given: object) -> Insights:
        report = {"recommendations": "families"}
        if own is not None:
            (tmp_path / "rules.yaml").write_text(own, encoding="utf-8")
            report["insights"] = "rules.yaml"
        return make_study(rows, report=report, **given).insights

    return open_


def test_a_clients_threshold_goes_over_the_shipped_one(insights_of):
    own = "valuable: {when: [revenue_share >= 0.99], share: 0.2}"
    rule = insights_of(own).rules["valuable"]
    assert (rule.when, rule.share) == (["revenue_share >= 0.99"], 0.2)
    assert rule.against == RULES["valuable"].against
    assert "valuable" not in set(insights_of(own).table["rule"])
    assert "valuable" in set(insights_of().table["rule"])


def test_a_client_takes_a_rule_out(insights_of):
    rules = insights_of("valuable: {off: true}").rules
    assert list(rules) == [key for key in RULES if key != "valuable"]


def test_a_new_rule_says_its_own_words(insights_of):
    insights = insights_of(NEW.replace("{channel_or_not}", "{brand_revenue:money.0}"))
    row = insights.table[insights.table["rule"] == "mine"].iloc[0]
    words = insights.words(Chapter(insights.base, "recommendations"), row)
    assert set(words) == {*TEXTS, "deadline"}
    assert words["title"] == "Hola, Leales"
    assert words["sentence"] == f"Son 6: {row['revenue']:_.0f}".replace("_", ".") + "\u00a0€."


def test_a_name_with_markup_or_braces_stays_text(insights_of):
    insights = insights_of()
    chapter = Chapter(insights.base, "recommendations")
    hostile = "<script>{revenue:money}</script> {0.__class__} # /"
    chapter.segment_names = {"families": {"loyal": hostile}}
    row = insights.table.set_index("rule", drop=False).loc["valuable"]
    assert insights.words(chapter, row)["title"].startswith(f"Cuidar a «{hostile}» con")


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ("valuable: {wen: [ltv > 1]}", "valuable.wen: unknown key. Fix: did you mean 'when'?"),
        ("valuable: {when: [ltw > 1]}", "valuable.when: unknown column 'ltw': 'ltw > 1'. Fix: did"),
        (
            "valuable: {when: [ltv > brand.top30]}",
            "valuable.when: unknown column 'brand.top30': 'ltv > brand.top30'. Fix: did you mean",
        ),
        ("valuable: {when: [ltv => 1]}", "valuable.when: is no condition: 'ltv => 1'. Fix: write"),
        (
            "valuable: {when: [ltv == 'a']}",
            "valuable.when: column 'ltv' is compared with what it does not hold: \"ltv == 'a'\"",
        ),
        (
            "lapsed_regulars: {when: [channel == 3]}",
            "column 'channel' is compared with what it does not hold: 'channel == 3'. Fix: compare",
        ),
        (
            "valuable: {title: 'Son {revenue}'}",
            "valuable.title: a field of the wrong kind: 'revenue'. Fix: write a figure like",
        ),
        (
            "valuable: {title: 'En {segment:money}'}",
            "valuable.title: a field of the wrong kind: 'segment'. Fix: write a figure like",
        ),
        (
            "lapsed_regulars: {when: [channel > 'a']}",
            "lapsed_regulars.when: words have no order: \"channel > 'a'\". Fix: compare",
        ),
        ("valuable: {when: []}", "valuable.when: is no list of conditions: []. Fix: write"),
        ("valuable: {when: [[]]}", "valuable.when: no condition: []. Fix: write"),
        ("valuable: {when: ltv > 1}", "valuable.when: is no list of conditions: 'ltv > 1'"),
        ("valuable: {share: 5}", "valuable.share: is no share: 5. Fix: write a number above 0"),
        ("valuable: {of: segment}", "valuable.of: unknown value: 'segment'. Fix: did you mean"),
        ("valuable: {at_stake: aov}", "valuable.at_stake: unknown value: 'aov'. Fix: "),
        ("valuable: {against: [new]}", "valuable.against: no rule 'new'. Fix: use one of"),
        ("valuable: {segments: [novel]}", "valuable.segments: no such segment: 'novel'. Fix: "),
        ("concentration: {segments: [new]}", "concentration.segments: the base has no segments"),
        ("valuable: {off: 3}", "valuable.off: is neither true nor false: 3. Fix: write off: true"),
        ("valuable: {title: 3}", "valuable.title: is no text: 3. Fix: put it in quotes"),
        ("valuable:", "valuable: holds no keys: None. Fix: write keys below it"),
        ("Valuable: {share: 0.1}", "is no key of a rule: 'Valuable'. Fix: use small letters"),
        (
            "valuabel: {share: 0.1}",
            "one lacks of, when, at_stake, title, sentence, action. Fix: did you mean 'valuable'?",
        ),
        (NEW, "mine.action: unknown field: 'channel_or_not'. Fix: "),
        (
            NEW.replace("{channel_or_not}", "{revenue:monney}"),
            "mine.action: field with no plain name or of no known kind: '{revenue:monney}'",
        ),
        (
            "lapsed_regulars: {title: '{segment:segment}'}",
            "lapsed_regulars.title: unknown field: 'segment'",
        ),
    ],
)
def test_a_wrong_rule_is_named_with_its_file_key_and_fix(insights_of, own, problem):
    with pytest.raises(RuleError) as caught:
        _ = insights_of(own).rules
    message = str(caught.value)
    assert problem in message
    assert "rules.yaml" in message and "\n" not in message and "Fix: " in message


# A study's --------------------------------------------------------------------------


def test_a_study_remembers_its_findings_until_the_rules_change(insights_of):
    first = insights_of().table
    own = insights_of("valuable: {share: 1.0}").table
    worth = lambda table: table.set_index("rule").loc["valuable", "expected_value"]
    assert worth(own) == pytest.approx(20 * worth(first))
    pd.testing.assert_frame_equal(insights_of().table, first)


def test_the_findings_told_are_at_most_five_of_different_customers(insights_of):
    insights = insights_of("valuable: {share: 0.05}\nconcentration: {share: 0.06}")
    assert 1 <= len(insights.table) <= 5
    groups = [insights.members(row) for _, row in insights.table.iterrows()]
    for place, group in enumerate(groups):
        for other in groups[:place]:
            assert group.isin(other).sum() <= min(len(group), len(other)) / 2
    pd.testing.assert_frame_equal(insights.top(1), insights.table.head(1))


def test_of_the_same_customers_the_finding_worth_more_is_told(insights_of):
    rules = lambda own: set(insights_of(own).table["rule"])
    more, less = "valuable: {share: 1.0}", "concentration: {share: 1.0}"
    assert "valuable" in rules(more) and "concentration" not in rules(more)
    assert "concentration" in rules(less) and "valuable" not in rules(less)


def test_without_findings_the_remark_says_so(insights_of):
    off = "\n".join(f"{key}: {{off: true}}" for key in RULES)
    insights = insights_of(off)
    assert insights.table.empty and insights.top().empty
    [(key, fields)] = insights.remarks
    said = Chapter(insights.base, "recommendations").say(key, **fields).plain
    assert said.startswith("Ningún hallazgo: con estas reglas, y a partir de 5 clientes,")


def test_the_remarks_say_how_many_there_are_and_what_is_editorial(insights_of):
    insights = insights_of(language="en")
    chapter = Chapter(insights.base, "recommendations")
    said = [chapter.say(key, **fields).plain for key, fields in insights.remarks]
    assert len(insights.table) == 1 and said[0].startswith("One finding is told, after looking at")
    assert "control group" in said[1]


def test_a_log_without_amounts_speaks_of_units(make_study):
    rows = [
        (f"c{who}", f"2024-{month:02}-11", f"{who}-{month}", 9 if who < 6 else 1)
        for who in range(40)
        for month in range(1, 13 if who < 6 else 2)
    ]
    study = make_study(rows, header=("customer", "date", "order", "quantity"), currency="XXX")
    insights = study.insights
    chapter = Chapter(study, "recommendations")
    said = [insights.words(chapter, row) for _, row in insights.table.iterrows()]
    assert said
    for words in said:
        said = " ".join(words.values())
        assert " u." in words["action"] and "¤" not in said and ".." not in said


@pytest.fixture(scope="module", params=["cdnow", "tienda_demo"])
def real(request, tmp_path_factory) -> Insights:
    study = Study(f"params/{request.param}.yaml", run_dir=tmp_path_factory.mktemp(request.param))
    return study.insights


def test_the_findings_of_a_whole_client_are_what_its_tables_say(real):
    told = real.table[real.table["rule"] == "valuable"]
    assert len(told)
    for row in told.to_dict("records"):
        figures = real.base.kpis(row["segmentation"]).set_index("segment")
        mine, total = figures.loc[row["segment"]], figures.loc["total"]
        assert mine["revenue_share"] >= 2 * mine["customers_share"] and mine["ltv"] > total["ltv"]
        assert row["revenue"] == mine["revenue"]
        assert row["expected_value"] == pytest.approx(0.05 * row["revenue"])
    assert real.table["expected_value"].is_monotonic_decreasing
    for _, row in real.table.iterrows():
        assert len(real.members(row)) == row["customers"]
        assert row["at_stake_low"] <= row["at_stake"] <= row["at_stake_high"]


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_words_of_a_whole_client_have_all_their_numbers(real, language):
    chapter = Chapter(real.base, "recommendations", texts=Texts(language))
    for _, row in real.table.iterrows():
        words = real.words(chapter, row)
        assert "—" not in " ".join(words.values())
        assert "{" not in " ".join(words.values())
        assert chapter.formats.money(row["expected_value"], 0) in words["action"]


@pytest.mark.parametrize("real", ["cdnow"], indirect=True)
def test_cdnow_tells_of_its_best_and_its_lapsed_customers_and_offers_no_programme_to_who_left(real):
    told = real.table.groupby("rule")["segment"].agg(list).to_dict()
    assert set(told["valuable"]) == {"loyal", "champions"}
    assert set(real.table["segmentation"]) == {"value_groups"}
    customers = real.base.customers
    lapsed = (customers["orders"] >= 4) & (customers["recency_days"] > 183)
    rows = real.table.set_index("rule")
    assert rows.loc["lapsed_regulars", "customers"] == lapsed.sum()


# The five examples of a CRM report ----------------------------------------------------


def orders_of(who: str, days: list[int], price: float, units: int = 1) -> list[tuple]:
    """Orders of a customer, so many days before 2025-01-01."""
    end = pd.Timestamp("2025-01-01")
    return [
        (who, str((end - pd.Timedelta(days=day)).date()), f"{who}-{day}", units, price)
        for day in days
    ]


def shop(**groups: tuple[int, list[int], float, int]) -> list[tuple]:
    """A shop of groups of customers: how many, on which days before the end, at which price."""
    return [
        order
        for name, (count, days, price, units) in groups.items()
        for who in range(count)
        for order in orders_of(f"{name}{who}", [day + who % 20 for day in days], price, units)
    ]


STEADY = [30, 90, 150, 210, 270, 330, 390, 450]
EXAMPLES = {
    "occasional customers, 30 % of the base, bring 10 % of revenue": (
        "many_low_ticket",
        {"rare": (90, [20, 260], 30.0, 1), "steady": (210, STEADY[:4], 60.0, 1)},
        {"rare": (90, [20, 260], 150.0, 1), "steady": (210, STEADY[:4], 60.0, 1)},
    ),
    "loyal customers, 15 % of the base, bring 40 %": (
        "valuable",
        {"loyal": (45, STEADY, 60.0, 1), "rare": (255, [40, 240], 45.0, 1)},
        {"loyal": (45, STEADY, 9.0, 1), "rare": (255, [40, 240], 80.0, 1)},
    ),
    "three units an order, at a low ticket": (
        "premium_cross_sell",
        {"many": (60, STEADY[:6], 20.0, 3), "few": (240, [60, 240], 60.0, 1)},
        {"many": (60, STEADY[:6], 90.0, 3), "few": (240, [60, 240], 60.0, 1)},
    ),
    "new customers with one order": (
        "first_order_only",
        {"new": (60, [5], 30.0, 1), "steady": (240, STEADY, 60.0, 1)},
        {"new": (60, [5, 8], 300.0, 1), "steady": (240, STEADY, 60.0, 1)},
    ),
    "dormant customers who had placed many orders": (
        ("lapsed_regulars", "valuable_left"),
        {"gone": (60, [day + 330 for day in STEADY], 60.0, 1), "steady": (240, STEADY, 60.0, 1)},
        {"gone": (60, [400], 60.0, 1), "steady": (240, STEADY, 60.0, 1)},
    ),
}


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_told_of_a_log_as_it_says_and_not_of_its_opposite(make_study, example):
    rules, as_said, against = EXAMPLES[example]
    wanted = {rules} if isinstance(rules, str) else set(rules)
    group = next(
        name
        for name in as_said
        if name not in ("steady", "few") and name != "rare" or wanted == {"many_low_ticket"}
    )
    told = make_study(shop(**as_said)).insights
    rows = told.table[told.table["rule"].isin(wanted)]
    assert len(rows), told.table[["rule", "segmentation", "segment"]]
    members = told.members(rows.iloc[0])
    assert members.str.startswith(group).mean() > 0.8  # who is told of is who was built so
    opposite = make_study(shop(**against)).insights
    rows = opposite.table[opposite.table["rule"].isin(wanted)]
    for _, row in rows.iterrows():
        assert opposite.members(row).str.startswith(group).mean() < 0.2
