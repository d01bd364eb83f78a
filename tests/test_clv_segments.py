"""The seven predictive segments: every rule, every boundary, their order, and the state."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.errors import DataError, SegkitError
from segkit.segments import CLVSegments
from segkit.segments.clv import CLV_SEGMENTS
from segkit.words.playbook import Playbook

USUAL, CHURN = 60, 240
LOW, NEXT_BEST, BEST = 100 / 3, 70.0, 90.0
"""CLV thresholds of `a_base`: type-7 quantiles of 0, 1, ..., 100."""
ORDINARY = {
    "orders": 2,
    "recency_days": 30.0,
    "last_gap_days": 50.0,
    "clv": 50.0,
    "clv_trend": 0.0,
    "recent_orders": 1.0,
    "earlier_orders": 1.0,
}
"""A customer whom only the last rule, everyone else, fits."""
COLUMNS = list(ORDINARY)


def people(*given_ones: dict) -> pd.DataFrame:
    """Return customers that are ordinary but for what is given."""
    return pd.DataFrame([ORDINARY | given for given in given_ones], columns=COLUMNS)


def a_base() -> pd.DataFrame:
    return people(*({"clv": float(value)} for value in range(101)))


def fitted(**params) -> CLVSegments:
    return CLVSegments(**({"usual_days": USUAL, "churn_days": CHURN} | params)).fit(a_base())


def segment(model: CLVSegments | None = None, **given) -> str:
    """Return the segment of a customer that is ordinary but for what is given."""
    return (model or fitted()).predict(people(given)).iloc[0]


REACTIVATED = {"last_gap_days": CHURN + 1, "recency_days": 10}
ONE_AND_DONE = {"orders": 1, "recency_days": USUAL + 1, "clv": 5.0, "last_gap_days": np.nan}
AT_RISK = {"recency_days": USUAL + 1, "clv_trend": -0.5}
CHAMPION = {"clv": 95.0}
LOYAL = {"clv": 80.0}
PROMISING = {"recent_orders": 2, "earlier_orders": 1}

some_number = st.sampled_from([np.nan, 0.0, 1.0, 30.0, 60.0, 61.0, 95.0, 240.0, 241.0, 500.0])
a_customer = st.fixed_dictionaries(
    {
        "orders": st.integers(0, 4),
        "recency_days": some_number,
        "last_gap_days": some_number,
        "clv": some_number,
        "clv_trend": st.sampled_from([np.nan, -1.0, -0.25, -0.26, 0.0, 0.25, 0.3, np.inf]),
        "recent_orders": st.sampled_from([np.nan, 0.0, 1.0, 2.0]),
        "earlier_orders": st.sampled_from([np.nan, 0.0, 1.0, 2.0]),
    }
)
some_customers = st.lists(a_customer, min_size=1, max_size=40).map(lambda rows: people(*rows))
some_gap = st.sampled_from([None, 1, 60, 240])
examples = settings(max_examples=80)


# The rules


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (REACTIVATED, "reactivated"),
        (ONE_AND_DONE, "one_and_done"),
        (AT_RISK, "at_risk"),
        (CHAMPION, "champions"),
        (LOYAL, "loyal"),
        (PROMISING, "promising"),
        ({}, "occasional"),
        ({"orders": 0}, "prospects"),
    ],
)
def test_each_rule_labels_the_customer_made_for_it(given, key):
    assert segment(**given) == key


@pytest.mark.parametrize(
    ("given", "key"),
    [
        # Inactive: the last gap exceeded the churn gap; back: within the recent window.
        ({**REACTIVATED, "last_gap_days": CHURN}, "occasional"),
        ({**REACTIVATED, "recency_days": USUAL}, "reactivated"),
        ({**REACTIVATED, "recency_days": USUAL + 1}, "occasional"),
        # Exactly one order, past the usual gap, CLV in the lowest third.
        ({**ONE_AND_DONE, "orders": 2}, "occasional"),
        ({**ONE_AND_DONE, "recency_days": USUAL}, "occasional"),
        ({**ONE_AND_DONE, "clv": 33.0}, "one_and_done"),
        ({**ONE_AND_DONE, "clv": 34.0}, "occasional"),
        # Two orders or more, below -25 %, past the usual gap.
        ({**AT_RISK, "orders": 1}, "occasional"),
        ({**AT_RISK, "recency_days": USUAL}, "occasional"),
        ({**AT_RISK, "clv_trend": -0.25}, "occasional"),
        ({**AT_RISK, "clv_trend": -0.2500001}, "at_risk"),
        # Two orders or more, the top tenth, the fifth below it.
        ({**CHAMPION, "orders": 1}, "occasional"),
        ({**CHAMPION, "clv": BEST}, "champions"),
        ({**CHAMPION, "clv": BEST - 0.01}, "loyal"),
        ({**LOYAL, "orders": 1}, "occasional"),
        ({**LOYAL, "clv": NEXT_BEST}, "loyal"),
        ({**LOYAL, "clv": NEXT_BEST - 0.01}, "occasional"),
        # More orders in the recent window than before, by a buyer of any number of orders.
        ({**PROMISING, "earlier_orders": 2}, "occasional"),
        ({**PROMISING, "orders": 1, "recent_orders": 1, "earlier_orders": 0}, "promising"),
    ],
)
def test_each_boundary_lies_where_the_rule_says(given, key):
    assert segment(**given) == key


def test_the_first_rule_that_fits_wins_in_the_stated_order():
    # Each customer fits its own rule and as many later ones as can be true at once.
    assert segment(**REACTIVATED, clv=95.0, recent_orders=2) == "reactivated"
    assert segment(**ONE_AND_DONE, clv_trend=-0.5, recent_orders=2) == "one_and_done"
    assert segment(**AT_RISK, clv=95.0, recent_orders=2) == "at_risk"
    assert segment(clv=95.0, recent_orders=2) == "champions"
    assert segment(clv=80.0, recent_orders=2) == "loyal"
    long_window = fitted(recent_days=100)
    assert segment(long_window, **ONE_AND_DONE) == "one_and_done"
    late = {"recency_days": USUAL + 1, "last_gap_days": CHURN + 1, "clv_trend": -0.5}
    assert segment(long_window, **late) == "reactivated"
    assert segment(long_window, **late, orders=1, clv=5.0) == "reactivated"


@examples
@given(some_customers, some_gap, some_gap)
def test_labels_are_those_of_the_rules_written_out_and_everybody_has_one(customers, usual, churn):
    model = CLVSegments(usual_days=usual, churn_days=churn).fit(customers)
    low, next_best, best = (
        np.nan if model.clv_[key] is None else model.clv_[key]
        for key in ("low", "loyal", "champions")
    )
    usual, churn = (np.nan if days is None else days for days in (usual, churn))

    def rule(one) -> str:
        overdue = one.recency_days > usual
        if one.orders == 0:
            return "prospects"
        if one.last_gap_days > churn and one.recency_days <= usual:
            return "reactivated"
        if one.orders == 1 and overdue and one.clv <= low:
            return "one_and_done"
        if one.orders >= 2 and overdue and one.clv_trend < -0.25:
            return "at_risk"
        if one.orders >= 2 and one.clv >= best:
            return "champions"
        if one.orders >= 2 and one.clv >= next_best:
            return "loyal"
        return "promising" if one.recent_orders > one.earlier_orders else "occasional"

    labels = model.predict(customers)
    assert labels.tolist() == [rule(one) for one in customers.itertuples()]
    assert labels.index.equals(customers.index)
    assert set(labels) <= {*CLV_SEGMENTS, "prospects"}


@pytest.mark.parametrize("missing", [np.nan, None])
def test_a_missing_value_never_matches_a_rule_that_needs_it(missing):
    assert segment(**{**CHAMPION, "clv": missing}) == "occasional"
    assert segment(**{**ONE_AND_DONE, "clv": missing}) == "occasional"
    assert segment(**{**AT_RISK, "clv_trend": missing}) == "occasional"
    assert segment(**{**REACTIVATED, "last_gap_days": missing}) == "occasional"
    assert segment(**{**REACTIVATED, "recency_days": missing}) == "occasional"
    assert segment(**{**PROMISING, "earlier_orders": missing}) == "occasional"
    assert segment(orders=missing) == "prospects"


def test_missing_values_of_nullable_columns_are_missing_too():
    given = [REACTIVATED, ONE_AND_DONE, AT_RISK, CHAMPION, PROMISING, {"clv": np.nan}]
    plain = people(*given, {"orders": 0, "recency_days": np.nan})
    nullable = plain.convert_dtypes()
    assert fitted().predict(nullable).tolist() == fitted().predict(plain).tolist()


def test_without_a_usual_gap_nobody_is_overdue_and_without_a_churn_gap_nobody_came_back():
    assert segment(fitted(usual_days=None), **AT_RISK) == "occasional"
    assert segment(fitted(usual_days=None), **ONE_AND_DONE) == "occasional"
    assert segment(fitted(usual_days=None), **REACTIVATED) == "occasional"
    assert segment(fitted(usual_days=None, recent_days=30), **REACTIVATED) == "reactivated"
    assert segment(fitted(churn_days=None), **REACTIVATED) == "occasional"
    assert segment(fitted(usual_days=None), **CHAMPION) == "champions"


def test_the_recent_window_is_the_usual_gap_unless_given():
    assert segment(fitted(recent_days=9), **REACTIVATED) == "occasional"
    assert segment(fitted(recent_days=10), **REACTIVATED) == "reactivated"


def test_a_clv_on_the_low_threshold_is_low():
    model = fitted(low_share=0.3)
    assert model.clv_["low"] == 30
    assert segment(model, **{**ONE_AND_DONE, "clv": 30.0}) == "one_and_done"
    assert segment(model, **{**ONE_AND_DONE, "clv": 30.01}) == "occasional"


def test_falling_and_rising_are_parameters():
    assert segment(fitted(falling=0.6), **AT_RISK) == "occasional"
    rises = people({"clv_trend": 0.25}, {"clv_trend": 0.26}, {"clv_trend": np.nan})
    assert fitted().is_rising(rises).tolist() == [False, True, False]
    assert fitted(rising=0.1).is_rising(rises).tolist() == [True, True, False]


# Thresholds


def test_clv_thresholds_are_type_7_quantiles_of_the_buyers():
    assert fitted().clv_ == pytest.approx({"low": LOW, "loyal": NEXT_BEST, "champions": BEST})
    extra = people({"orders": 0, "clv": 1e6}, {"clv": np.nan})
    with_others = CLVSegments().fit(pd.concat([a_base(), extra], ignore_index=True))
    assert with_others.clv_ == fitted().clv_


def test_the_shares_of_champions_and_loyal_are_those_asked_for():
    base = people(*({"clv": value} for value in np.random.default_rng(5).gamma(1, 60, 1000)))
    labels = CLVSegments(champions_share=0.05, loyal_share=0.25).fit(base).predict(base)
    assert labels.value_counts().to_dict() == {"occasional": 700, "loyal": 250, "champions": 50}


@pytest.mark.parametrize("loyal_share", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
def test_a_clv_on_the_loyal_threshold_is_loyal_whatever_the_shares(loyal_share):
    # Quantiles of 0, 1, .., 10 at tenths are whole numbers: 9 and 10 are the top tenth's.
    base = people(*({"clv": float(value)} for value in range(11)))
    labels = CLVSegments(loyal_share=loyal_share).fit(base).predict(base)
    assert (labels == "champions").sum() == 2
    assert (labels == "loyal").sum() == round(10 * loyal_share)


def test_equal_values_get_the_same_segment():
    base = people(*({"clv": value} for value in [10.0] * 50 + [20.0] * 45 + [30.0] * 5))
    labels = CLVSegments().fit(base).predict(base)
    assert labels.groupby(base["clv"]).nunique().tolist() == [1, 1, 1]
    same = people(*({"clv": 7.0} for _ in range(10)))
    assert CLVSegments().fit(same).predict(same).nunique() == 1


def test_thresholds_of_one_table_hold_for_another():
    model = fitted()
    richer = a_base().assign(clv=lambda table: table["clv"] + 1000)
    assert set(model.predict(richer)) == {"champions"}
    alone = model.predict(richer.iloc[[3]])
    assert alone.tolist() == ["champions"]


def test_every_threshold_is_printed_once_in_its_own_unit():
    table = fitted(recent_days=45, falling=0.3, rising=0.4).thresholds()
    assert list(table.columns) == ["threshold", "days", "amount", "share"]
    rows = table.set_index("threshold")
    assert rows["days"].dropna().to_dict() == {
        "churn_days": CHURN,
        "recent_days": 45,
        "usual_days": USUAL,
    }
    assert rows["share"].dropna().to_dict() == {"falling": -0.3, "rising": 0.4}
    assert rows["amount"].dropna().to_dict() == pytest.approx(
        {"low_clv": LOW, "champions_clv": BEST, "loyal_clv": NEXT_BEST}
    )
    assert (table[["days", "amount", "share"]].notna().sum(axis=1) == 1).all()


def test_thresholds_that_could_not_be_learnt_are_printed_as_missing():
    empty = CLVSegments().fit(people({"orders": 0, "clv": np.nan}))
    assert empty.clv_ == {"low": None, "loyal": None, "champions": None}
    rows = empty.thresholds().set_index("threshold")
    assert rows.loc[["churn_days", "recent_days", "usual_days"], "days"].isna().all()
    assert rows["amount"].isna().all()
    assert rows.loc["falling", "share"] == -0.25
    labels = empty.predict(people({"clv": 10.0}, PROMISING, {"orders": 0}))
    assert labels.tolist() == ["occasional", "promising", "prospects"]


def test_the_recent_window_that_is_printed_is_the_one_used():
    rows = fitted().thresholds().set_index("threshold")
    assert rows.loc["recent_days", "days"] == USUAL


# State and input


def test_the_state_travels_through_json_and_labels_alike():
    model = fitted(recent_days=45)
    read = CLVSegments.from_state(json.loads(json.dumps(model.to_state())))
    base = pd.concat([a_base(), people(REACTIVATED, ONE_AND_DONE, AT_RISK, {"orders": 0})])
    pd.testing.assert_series_equal(read.predict(base), model.predict(base))
    pd.testing.assert_frame_equal(read.thresholds(), model.thresholds())
    assert read.get_params() == model.get_params()
    unlearnt = CLVSegments().fit(people({"orders": 0, "clv": np.nan}))
    assert CLVSegments.from_state(json.loads(json.dumps(unlearnt.to_state()))).clv_ == unlearnt.clv_


@examples
@given(some_customers, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(customers, random):
    order = list(range(len(customers)))
    random.shuffle(order)
    mixed = customers.iloc[order]
    model, mixed_model = (
        CLVSegments(usual_days=USUAL, churn_days=CHURN).fit(table) for table in (customers, mixed)
    )
    assert mixed_model.clv_ == model.clv_
    labels = model.predict(customers)
    pd.testing.assert_series_equal(mixed_model.predict(mixed).reindex(customers.index), labels)


def test_labels_are_text_indexed_as_the_customers_and_input_stays_as_it_was():
    base = a_base().set_axis([f"c{place}" for place in range(101)])
    before = base.copy()
    labels = fitted().predict(base)
    assert labels.name == "clv_segments"
    assert labels.dtype == "str"
    assert labels.index.equals(base.index)
    pd.testing.assert_frame_equal(base, before)
    assert len(fitted().predict(base.iloc[:0])) == 0


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column):
    with pytest.raises(DataError, match=f"customers: {column}: column is missing"):
        fitted().predict(a_base().drop(columns=column))


@pytest.mark.parametrize("column", ["orders", "clv"])
def test_a_column_missing_at_fit_is_named(column):
    with pytest.raises(DataError, match=f"customers: {column}: column is missing"):
        CLVSegments().fit(a_base().drop(columns=column))


def test_a_missing_trend_is_named_where_rising_is_asked():
    with pytest.raises(DataError, match="customers: clv_trend: column is missing"):
        fitted().is_rising(a_base().drop(columns="clv_trend"))


def test_nothing_is_labelled_before_the_fit():
    with pytest.raises(SegkitError, match="not fitted"):
        CLVSegments().predict(a_base())
    with pytest.raises(SegkitError, match="not fitted"):
        CLVSegments().thresholds()


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_segment_has_its_own_name_in_the_playbook(language):
    keys = [*CLV_SEGMENTS, "prospects"]
    names = Playbook.load(language).names("clv_segments", keys)
    assert list(names) == keys
    assert len(set(names.values())) == len(keys)
