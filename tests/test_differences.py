"""Differences: which values stand apart from the rest, and that many looks raise no false alarms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from segkit import Chapter
from segkit.analysis.differences import (
    MIN_CUSTOMERS,
    corrected,
    counts_by,
    means_apart,
    rates_apart,
    sums_by,
)
from segkit.data.firsts import YEAR

END = pd.Timestamp("2025-01-01")


def test_the_interval_of_a_difference_is_newcombes():
    # Newcombe (1998), table II, contrast (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    counts = pd.DataFrame({"customers": [70, 80], "count": [56, 48]}, index=["a", "b"])
    row = rates_apart(counts, "second_order", "first_category").iloc[0]
    assert row["apart"] == pytest.approx(0.2)
    assert row[["apart_low", "apart_high"]].tolist() == pytest.approx([0.0524, 0.3339], abs=5e-5)


def test_means_are_compared_as_welch_does():
    random = np.random.default_rng(1)
    values = pd.Series(np.r_[random.normal(10, 2, 60), random.normal(8, 5, 90)])
    groups = pd.Series(["a"] * 60 + ["b"] * 90)
    row = means_apart(sums_by(groups, values), "year_value", "first_channel").iloc[0]
    test = ttest_ind(values[:60], values[60:], equal_var=False)
    ends = test.confidence_interval(0.95)
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert row[["apart_low", "apart_high"]].tolist() == pytest.approx([ends.low, ends.high])


def test_few_customers_are_not_compared_and_two_values_are_told_once():
    counts = pd.DataFrame({"customers": [100, 100], "count": [10, 60]}, index=["a", "b"])
    assert rates_apart(counts, "second_order", "x")["value"].tolist() == ["b"]
    small = pd.DataFrame({"customers": [MIN_CUSTOMERS - 1, 900], "count": [20, 90]})
    assert rates_apart(small, "second_order", "x").empty


def test_who_is_not_known_yet_or_of_no_value_is_left_out():
    values = pd.Series(["a", "a", None, "b"])
    counts = counts_by(values, pd.Series([1.0, np.nan, 1.0, 0.0]))
    assert counts["customers"].to_dict() == {"a": 1, "b": 1}


def test_looking_at_many_values_that_do_not_differ_rarely_tells_of_one():
    random, told = np.random.default_rng(7), 0
    for _ in range(200):
        counts = pd.DataFrame({"customers": [60] * 40, "count": random.binomial(60, 0.3, 40)})
        table = corrected([rates_apart(counts, "second_order", "x")])
        told += bool((table["q_value"] <= 0.05).any())
    assert told <= 200 * 0.05 + 12  # three standard errors above five in a hundred


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(30, 300), st.floats(0, 1)), min_size=3, max_size=8))
def test_the_interval_holds_the_difference_and_lies_within_what_is_possible(groups):
    counts = pd.DataFrame(
        [(size, round(size * share)) for size, share in groups], columns=["customers", "count"]
    )
    table = rates_apart(counts, "second_order", "x")
    assert ((table["apart_low"] <= table["apart"]) & (table["apart"] <= table["apart_high"])).all()
    assert table["apart_low"].ge(-1 - 1e-9).all() and table["apart_high"].le(1 + 1e-9).all()


# A study's --------------------------------------------------------------------------

HEADER = ("customer", "date", "order", "quantity", "amount", "category", "channel")


def wine_shop(back_of_wine: int, back_of_beer: int, dearer: float = 1.0) -> list[tuple]:
    """200 customers a category, so many of each hundred back after 30 days, others after 200."""
    rows = []
    for category, back, price in (("wine", back_of_wine, dearer), ("beer", back_of_beer, 1.0)):
        for who in range(200):
            first = 420 + who % 60
            days = [first, first - 30] if who % 100 < back else [first, first - 200]
            rows += [
                (
                    f"{category}{who}",
                    str((END - pd.Timedelta(days=day)).date()),
                    f"{category}{who}-{day}",
                    1,
                    20.0 * price,
                    category,
                    "web" if who % 2 else "shop",
                )
                for day in days
            ]
    return rows


def test_a_first_category_whose_buyers_come_back_is_told_with_both_rates(make_study):
    gaps = {"usual_days": 60, "churn_days": 300}
    study = make_study(wine_shop(70, 20), header=HEADER, gaps=gaps, language="en")
    table = study.differences.table
    row = table[(table["outcome"] == "second_order") & (table["dimension"] == "first_category")]
    assert row[["value", "rated", "rate", "others_rate"]].values.tolist() == [
        ["wine", 200, 0.7, 0.2]
    ]
    assert row["q_value"].iloc[0] < 0.001
    by_channel = table[
        (table["outcome"] == "second_order") & (table["dimension"] == "first_channel")
    ]
    assert (by_channel["q_value"] > 0.05).all()  # channels alternate: no difference
    members = study.differences.members("second_order", "first_category", "wine")
    assert study.customers.loc[members, "customer_id"].str.startswith("wine").all()
    assert members.sum() == 200


def test_the_finding_says_who_how_much_against_what_and_by_when(make_study):
    gaps = {"usual_days": 60, "churn_days": 500}
    rows = [
        *wine_shop(70, 20),
        *(("new" + str(who), "2024-09-01", f"n{who}", 1, 20.0, "beer", "web") for who in range(80)),
    ]
    study = make_study(rows, header=HEADER, gaps=gaps, language="en")
    told = study.insights.table
    [row] = [row for _, row in told.iterrows() if row["rule"] == "second_order_more"]
    words = study.insights.words(Chapter(study, "recommendations"), row)
    assert "in the category “wine”" in words["title"]
    assert "Of 200 customers whose first order was in the category “wine”, 70%" in words["sentence"]
    assert "of the others, 20%" in words["sentence"]  # those of September are too new to tell
    assert words["deadline"].startswith("Do it by ")
    # The others whose first order was in the period: 200 and the 80 of September, at 20 an order.
    assert row["at_stake"] == pytest.approx((0.7 - 0.2) * 280 * 20)


def test_a_first_year_is_counted_from_the_first_order_and_only_when_it_is_over(make_study):
    rows = [
        ("a", "2023-01-01", "1", 1, 10, "wine", "web"),
        ("a", "2023-12-31", "2", 1, 5, "beer", "web"),
        ("a", "2024-01-01", "3", 1, 100, "beer", "web"),
        ("b", "2024-06-01", "4", 1, 7, "beer", "shop"),
    ]
    study = make_study(rows, header=HEADER)
    begun = study.differences.begun.set_index("customer_id")
    assert begun["year_value"].to_dict() == {"a": 15.0, "b": 7.0}
    assert begun["first_category"].to_dict() == {"a": "wine", "b": "beer"}
    assert begun.loc["b", "tenure_days"] < YEAR


def test_what_was_begun_with_is_the_line_of_most_value(make_study):
    rows = [
        ("a", "2024-01-01", "1", 1, 10, "wine", "web"),
        ("a", "2024-01-01", "1", 1, 30, "beer", "web"),
        ("a", "2024-02-01", "2", 1, 90, "wine", "web"),
    ]
    begun = make_study(rows, header=HEADER).differences.begun
    assert begun["first_category"].tolist() == ["beer"]


def test_a_category_that_comes_back_is_told_by_who_sent_something_back(make_study):
    rows = []
    for who in range(240):
        category = "shoes" if who < 80 else "books"
        day = str((END - pd.Timedelta(days=10 + who % 90)).date())
        rows.append((f"c{who}", day, f"o{who}", 1, 50.0, category, "web"))
        rows.append((f"c{who}", day, f"p{who}", 1, 50.0, "other", "web"))
        if category == "shoes" and who % 2:
            rows.append((f"c{who}", day, f"o{who}", -1, -50.0, category, "web"))
    study = make_study(rows, header=HEADER, language="en")
    table = study.differences.table
    row = table[(table["outcome"] == "returned") & (table["value"] == "shoes")].iloc[0]
    assert (row["rated"], row["rate"], row["others_rate"]) == (80, 0.5, 0.0)
    assert row["at_stake"] == pytest.approx(40 * 50.0)
    members = study.differences.members("returned", "category", "shoes")
    assert members.sum() == 80


def test_a_log_without_dimensions_has_no_differences_but_of_size(make_study):
    rows = [(f"c{who}", "2024-01-05", f"o{who}", 1, 9) for who in range(60)]
    study = make_study(rows)
    assert study.differences.table.empty
    assert "at_stake" in study.differences.table


def test_what_a_season_sells_is_not_told_as_a_way_to_begin(make_study):
    """The same difference, of a category that customers began with all year and in three months."""
    gaps = {"usual_days": 60, "churn_days": 300}
    others = [
        (f"other{who}", str((END - pd.Timedelta(days=420 + who)).date()), f"o{who}", 1, 20.0, "beer", "web")
        for who in range(360)
    ]  # fmt: skip
    study = make_study([*wine_shop(70, 20), *others], header=HEADER, gaps=gaps)
    table = study.differences.table
    assert "first_channel" in set(table["dimension"])
    assert "wine" not in set(table.loc[table["dimension"] == "first_category", "value"])
