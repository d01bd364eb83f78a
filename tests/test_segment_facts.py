"""Figures that advice is checked against are those of the segment, and missing where unknown."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segkit.analysis.kpis import segment_kpis
from segkit.analysis.segment_facts import FACTS, facts_of, segment_facts

GAPS = {"usual_days": 30, "churn_days": 300}


def made(**columns):
    """Return a customer table; what is not given is that of one order, ten days ago."""
    count = len(next(iter(columns.values())))
    given = {"orders": 1, "revenue": 10.0, "recency_days": 10.0, "tenure_days": 10.0, "returns": 0}
    table = pd.DataFrame({name: [value] * count for name, value in given.items()} | columns)
    table["customer_id"] = [f"c{n}" for n in range(count)]
    table["gross"] = table.get("gross", table["revenue"])
    table["aov"] = table["revenue"] / table["orders"].where(table["orders"] > 0)
    return table


def facts(customers, labels=None, gaps=GAPS):
    labels = pd.Series("all", customers.index) if labels is None else pd.Series(labels)
    period = customers[["customer_id", "orders", "gross", "revenue"]].assign(
        units=customers["orders"].astype(float), returned_units=0.0
    )
    kpis = segment_kpis(labels, customers, period, resamples=0)
    return segment_facts(kpis, labels, customers, gaps)


def test_every_segment_has_every_figure_in_the_documented_order():
    table = facts(made(orders=[1, 2, 0]), ["a", "a", "b"])
    assert list(table.columns) == list(FACTS)
    assert sorted(table.index) == ["a", "b"]


def test_who_is_past_the_churn_gap_is_churned_and_who_is_past_its_own_gap_is_late():
    customers = made(
        orders=[5, 5, 1, 1],
        recency_days=[20.0, 40.0, 40.0, 301.0],
        median_gap_days=[10.0, 90.0, np.nan, np.nan],
    )
    found = facts(customers).loc["all"]
    assert found["churned_share"] == 0.25
    assert found["late_share"] == 0.75  # the second buys every 90 days; the third has no gap


def test_nobody_is_churned_or_late_by_gaps_that_are_not_known():
    found = facts(made(recency_days=[900.0]), gaps={"usual_days": None, "churn_days": None})
    assert found.loc["all", "churned_share"] == 0
    assert np.isnan(found.loc["all", "late_share"])


def test_who_came_back_after_longer_than_the_churn_gap_counts_unless_gone_again():
    customers = made(
        orders=[2, 2, 2, 1],
        recency_days=[5.0, 400.0, 5.0, 5.0],
        last_gap_days=[301.0, 500.0, 300.0, np.nan],
    )
    assert facts(customers).loc["all", "came_back_share"] == 0.25


def test_the_discounted_share_is_weighed_by_value():
    customers = made(
        orders=[1, 1, 1],
        revenue=[90.0, 10.0, 50.0],
        discount_share=[1.0, 0.0, np.nan],
    )
    assert facts(customers).loc["all", "discount_share"] == pytest.approx(0.9)


def test_without_a_column_of_discounts_their_share_is_not_known():
    assert np.isnan(facts(made(orders=[1])).loc["all", "discount_share"])


def test_who_returned_everything_has_bought_and_who_only_signed_up_has_not():
    customers = made(orders=[0, 0, 0, 0], revenue=[0.0] * 4, returns=[1, 0, 0, 0])
    customers["recency_days"] = np.nan
    found = facts(customers).loc["all"]
    assert found["never_bought_share"] == 0.75
    assert found.drop(["customers", "customers_share", "never_bought_share", "ltv"]).isna().all()


def test_ratios_compare_with_all_customers():
    customers = made(
        orders=[6, 2], revenue=[60.0, 40.0], recency_days=[10.0, 30.0], tenure_days=[100.0, 80.0]
    )
    table = facts(customers, ["a", "b"])
    assert table.loc["a", "orders_ratio"] == 1.5
    assert table.loc["a", "ltv_ratio"] == pytest.approx(1.2)
    assert table.loc["a", "aov_ratio"] == pytest.approx(10 / 15)
    assert table.loc["a", "recency_ratio"] == 0.5
    assert table.loc["a", "first_order_days"] == 100


def test_medians_are_of_the_middle_customer_not_of_the_mean():
    found = facts(made(recency_days=[1.0, 2.0, 900.0])).loc["all"]
    assert found["median_recency_days"] == 2
    assert found["recency_days"] == 301


def test_figures_of_one_segment_are_numbers_by_name():
    known = facts_of(facts(made(orders=[3])), "all")
    assert known["orders_per_customer"] == 3.0
    assert set(known) == set(FACTS)
    assert all(isinstance(value, float) for value in known.values())


def test_figures_lie_where_the_documentation_says():
    rng = np.random.default_rng(7)
    count = 200
    orders = rng.integers(0, 6, count)
    customers = made(
        orders=orders,
        revenue=np.where(orders > 0, rng.uniform(1, 99, count), 0.0),
        recency_days=np.where(orders > 0, rng.integers(0, 900, count), np.nan),
        tenure_days=np.where(orders > 0, 900.0, np.nan),
        returns=rng.integers(0, 2, count),
        discount_share=rng.uniform(0, 1, count),
    )
    table = facts(customers, rng.choice(["a", "b", "c"], count))
    for name, fact in FACTS.items():
        known = table[name].dropna()
        assert known.between(fact.lowest, fact.highest).all(), name
        assert not fact.always_known or len(known) == 3, name


def test_the_documentation_lists_every_figure_as_it_is():
    page = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
    for name, fact in FACTS.items():
        assert f"| `{name}` | {fact.meaning} |" in page
