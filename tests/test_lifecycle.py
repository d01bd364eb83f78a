"""Stages, views, micro-segments and flags: rules, boundaries, order, state; and the best split."""

from __future__ import annotations

import json
from datetime import date, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from segkit.errors import DataError, SegkitError
from segkit.params import check_params, load_params
from segkit.segments import MICRO_SEGMENTS, STAGES, VIEWED_STAGE, VIEWS, Lifecycle
from segkit.segments.split import LEAST_CUSTOMERS, best_split
from segkit.study.study import Study

USUAL, CHURN, NEW, SECOND, AGAIN = 60, 240, 90, 45, 365
MUCH, RICH, OFTEN = 75.0, 80.0, 0.9
"""Thresholds of `a_base`: values, revenue and return rates run from 0 to 100, or to 1."""
ORDINARY = {
    "orders": 3,
    "recency_days": 30.0,
    "tenure_days": 500.0,
    "last_gap_days": 50.0,
    "first_gap_days": 50.0,
    "first_amount": 20.0,
    "first_units": 1.0,
    "revenue": 50.0,
    "returns": 0,
    "return_rate": 0.0,
}
"""An active customer about whom nothing stands out."""
COLUMNS = list(ORDINARY)
NEWCOMER = {
    "orders": 1,
    "recency_days": 20.0,
    "tenure_days": 20.0,
    "last_gap_days": np.nan,
    "first_gap_days": np.nan,
}
NOBODY = dict.fromkeys(COLUMNS, np.nan) | {"orders": 0, "revenue": 0.0, "returns": 0}
SEEN = {"first_seen": pd.Timestamp("2024-01-01"), "carts": 0, "carts_abandoned": 0, "carts_open": 0}


def people(*given_ones: dict) -> pd.DataFrame:
    """Return customers that are ordinary but for what is given."""
    return pd.DataFrame([ORDINARY | given for given in given_ones])


def a_base() -> pd.DataFrame:
    """Return buyers of 1 or 3 units first; those of 3 came back, most of the others did not."""
    return people(
        *(
            {
                "first_amount": float(place),
                "revenue": float(place),
                "returns": 1,
                "return_rate": place / 100,
                "first_units": 3.0 if place % 2 else 1.0,
                "first_gap_days": 40.0 if place % 2 or place % 10 == 0 else np.nan,
            }
            for place in range(101)
        )
    )


@cache
def fitted(**params) -> Lifecycle:
    given = {"usual_days": USUAL, "churn_days": CHURN, "new_days": NEW, "second_days": SECOND}
    return Lifecycle(**(given | {"again_days": AGAIN} | params)).fit(a_base())


def stage(model: Lifecycle | None = None, **given) -> str:
    return (model or fitted()).predict(people(given)).iloc[0]


def value(view: str, model: Lifecycle | None = None, **given) -> str | None:
    """Return the value in a view of a customer that is ordinary but for what is given."""
    found = (model or fitted()).views(people(given))[view].iloc[0]
    return None if pd.isna(found) else found


def micro(model: Lifecycle | None = None, **given) -> str:
    return (model or fitted()).micro_segments(people(given)).iloc[0]


def flags(model: Lifecycle | None = None, **given) -> tuple[bool, bool]:
    found = (model or fitted()).flags(people(given)).iloc[0]
    return bool(found["high_value"]), bool(found["discount_driven"])


@cache
def without_sizes() -> Lifecycle:
    """Return a model that found no threshold of first units: too few customers to look."""
    state = fitted().to_state()
    state["fitted"]["large_units_"] = None
    return Lifecycle.from_state(state)


some_days = st.sampled_from([np.nan, 1.0, 45.0, 46.0, 60.0, 61.0, 90.0, 91.0, 240.0, 241.0, 900.0])
some_share = st.sampled_from([np.nan, 0.0, 0.5, 0.89, 0.9, 1.0])
some_money = st.sampled_from([np.nan, -5.0, 0.0, 20.0, 74.9, 75.0, 80.0, 500.0])
a_count = st.sampled_from([np.nan, 0.0, 1.0, 2.0])
a_customer = st.fixed_dictionaries(
    {
        "orders": st.integers(0, 4),
        "recency_days": some_days,
        "tenure_days": some_days,
        "last_gap_days": some_days,
        "first_gap_days": some_days,
        "first_amount": some_money,
        "first_units": st.sampled_from([np.nan, 1.0, 2.0, 3.0, 9.0]),
        "revenue": some_money,
        "returns": st.integers(0, 3),
        "return_rate": some_share,
        "discount_share": some_share,
        "known_days": some_days,
        "first_seen": st.sampled_from([pd.NaT, pd.Timestamp("2024-01-01")]),
        "carts": a_count,
        "carts_abandoned": a_count,
        "carts_open": a_count,
    }
)
some_customers = st.lists(a_customer, min_size=1, max_size=40).map(lambda rows: people(*rows))
examples = settings(max_examples=20)


# Stages


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (NOBODY, "prospect"),
        ({"recency_days": CHURN + 1}, "churned"),
        (NEWCOMER, "new"),
        ({"last_gap_days": CHURN + 1}, "returned"),
        ({}, "active"),
    ],
)
def test_each_stage_holds_the_customer_made_for_it(given, key):
    assert stage(**given) == key


@pytest.mark.parametrize(
    ("given", "key"),
    [
        # Recency beyond the churn gap.
        ({"recency_days": CHURN}, "active"),
        ({"recency_days": CHURN + 1}, "churned"),
        # The first order within new_days, whatever came after it.
        ({**NEWCOMER, "tenure_days": NEW}, "new"),
        ({**NEWCOMER, "tenure_days": NEW + 1}, "active"),
        ({"tenure_days": NEW, "orders": 5}, "new"),
        # The gap before the last order beyond the churn gap.
        ({"last_gap_days": CHURN}, "active"),
        ({"last_gap_days": CHURN + 1}, "returned"),
        # The usual gap is no boundary of a stage where new_days is given.
        ({"recency_days": USUAL}, "active"),
        ({"recency_days": USUAL + 1}, "active"),
    ],
)
def test_each_boundary_of_a_stage_lies_where_the_rule_says(given, key):
    assert stage(**given) == key


def test_a_customer_is_new_for_the_usual_gap_unless_days_are_given():
    by_gap = fitted(new_days=None)
    assert stage(by_gap, **{**NEWCOMER, "tenure_days": USUAL}) == "new"
    assert stage(by_gap, **{**NEWCOMER, "tenure_days": USUAL + 1}) == "active"


def test_the_first_stage_that_fits_wins_in_the_stated_order():
    assert STAGES == ("prospect", "returned_all", "churned", "new", "returned", "active")
    everything = {"recency_days": CHURN + 1, "tenure_days": NEW, "last_gap_days": CHURN + 1}
    assert stage(**everything, orders=0) == "prospect"
    assert stage(**everything, orders=0, returns=1) == "returned_all"
    assert stage(**everything) == "churned"
    assert stage(**everything | {"recency_days": 1}) == "new"
    assert stage(**everything | {"recency_days": 1, "tenure_days": 800}) == "returned"


def test_without_a_churn_gap_nobody_is_lost_or_was_and_without_new_days_nobody_is_new():
    lost, back = {"recency_days": 9999}, {"last_gap_days": 9999}
    unknown = fitted(churn_days=None)
    assert (stage(unknown, **lost), stage(unknown, **back)) == ("active", "active")
    assert stage(fitted(usual_days=None, new_days=None), **NEWCOMER) == "active"


@pytest.mark.parametrize("missing", [np.nan, None])
def test_a_missing_value_matches_no_rule_of_a_stage(missing):
    assert stage(recency_days=missing, tenure_days=missing, last_gap_days=missing) == "active"
    assert stage(orders=missing) == "prospect"


# Views


@pytest.mark.parametrize(
    ("view", "given", "key"),
    [
        ("registration", NOBODY | {"known_days": 14}, "recent"),
        ("registration", NOBODY | {"known_days": 15}, "older"),
        ("registration", NOBODY | {"known_days": np.nan}, "unknown"),
        ("registration", NOBODY, "unknown"),
        # High potential: two orders or more, or a first order in the top quarter.
        ("new_potential", NEWCOMER | {"orders": 2}, "high_potential"),
        ("new_potential", NEWCOMER | {"first_amount": MUCH}, "high_potential"),
        ("new_potential", NEWCOMER | {"first_amount": MUCH - 0.01}, "undecided"),
        # One-timer: one order, past the time by which half of the second ones have come.
        ("new_potential", NEWCOMER | {"tenure_days": SECOND}, "undecided"),
        ("new_potential", NEWCOMER | {"tenure_days": SECOND + 1}, "one_timer"),
        ("new_potential", NEWCOMER | {"first_amount": np.nan}, "undecided"),
        # High potential comes before one-timer.
        ("new_potential", NEWCOMER | {"tenure_days": 80, "first_amount": MUCH}, "high_potential"),
        ("new_potential", NEWCOMER | {"tenure_days": 80, "orders": 2}, "high_potential"),
        # Frequent: two returns or more, and a return rate in the top tenth.
        ("returns", {"returns": 2, "return_rate": OFTEN}, "frequent"),
        ("returns", {"returns": 1, "return_rate": OFTEN}, "some"),
        ("returns", {"returns": 2, "return_rate": OFTEN - 0.01}, "some"),
        ("returns", {"returns": 9, "return_rate": np.nan}, "some"),
        ("returns", {"returns": 0, "return_rate": 1.0}, "none"),
        ("returns", {}, "none"),
        # At or above the threshold.
        ("order_size", {"first_units": 3.0}, "large"),
        ("order_size", {"first_units": 2.99}, "small"),
        # After one order, after several.
        ("churn_speed", {"recency_days": 999, "orders": 1}, "fast"),
        ("churn_speed", {"recency_days": 999, "orders": 2}, "late"),
        # Carts.
        ("cart", SEEN, "none"),
        ("cart", SEEN | {"carts": 1}, "recovered"),
        ("cart", SEEN | {"carts": 2, "carts_open": 1}, "none"),
        ("cart", SEEN | {"carts": 2, "carts_open": 1, "carts_abandoned": 1}, "abandoned"),
        ("cart", SEEN | dict.fromkeys(("carts", "carts_open", "carts_abandoned"), np.nan), "none"),
        ("cart", {}, None),
    ],
)
def test_each_value_of_a_view_begins_where_its_rule_says(view, given, key):
    assert value(view, **given) == key


def test_the_thresholds_of_the_base_are_those_that_the_boundaries_use():
    model = fitted()
    learnt = (model.high_potential_amount_, model.high_value_revenue_, model.frequent_rate_)
    assert learnt == pytest.approx((MUCH, RICH, OFTEN))
    assert model.large_units_ == 3


def test_without_a_time_for_second_orders_nobody_is_a_one_timer_yet():
    late = NEWCOMER | {"tenure_days": NEW}
    assert value("new_potential", fitted(second_days=None), **late) == "undecided"


def test_without_a_threshold_of_units_the_view_of_sizes_is_empty():
    assert value("order_size", without_sizes()) is None
    assert value("returns", without_sizes()) == "none"


def test_days_of_welcome_are_a_parameter():
    assert value("registration", fitted(welcome_days=30), **NOBODY, known_days=30) == "recent"
    assert value("registration", fitted(welcome_days=30), **NOBODY, known_days=31) == "older"


def test_the_shares_of_high_potential_frequent_returns_and_high_value_are_parameters():
    model = fitted(high_potential_share=0.5, frequent_returns_share=0.5, high_value_share=0.5)
    assert value("new_potential", model, **NEWCOMER, first_amount=50.0) == "high_potential"
    assert value("returns", model, returns=2, return_rate=0.5) == "frequent"
    assert flags(model, revenue=50.0)[0]
    assert not flags(model, revenue=49.9)[0]


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
def test_a_value_on_its_threshold_is_in_the_top_share_whatever_the_share(share):
    # Quantiles of 0, 1, .., 10 at tenths are whole numbers, which belong to the top.
    base = people(*({"first_amount": float(v), "revenue": float(v)} for v in range(11)))
    model = Lifecycle(high_potential_share=share, high_value_share=share, new_days=999).fit(base)
    top = round(10 * share) + 1
    assert model.flags(base)["high_value"].sum() == top
    orders_once = base.assign(orders=1)
    assert (model.views(orders_once)["new_potential"] == "high_potential").sum() == top


@examples
@given(some_customers)
def test_everybody_is_in_one_stage_and_in_views_of_that_stage_alone(customers):
    model = fitted()
    stages, views = model.predict(customers), model.views(customers)
    assert set(stages) <= set(STAGES)
    assert list(views) == list(VIEWS)
    for view, values in views.items():
        assert set(values.dropna()) <= set(VIEWS[view])
        if view in VIEWED_STAGE:
            assert values.notna().tolist() == (stages == VIEWED_STAGE[view]).tolist()
    assert views["cart"].notna().tolist() == customers["first_seen"].notna().tolist()
    assert (views.drop(columns="cart").notna().sum(axis=1) <= 2).all()


@examples
@given(some_customers)
def test_stages_are_those_of_the_rules_written_out(customers):
    def rule(one) -> str:
        if one.orders == 0:
            return "returned_all" if one.returns > 0 else "prospect"
        if one.recency_days > CHURN:
            return "churned"
        if one.tenure_days <= NEW:
            return "new"
        return "returned" if one.last_gap_days > CHURN else "active"

    assert fitted().predict(customers).tolist() == [rule(one) for one in customers.itertuples()]


# Micro-segments and flags

CART = SEEN | {"carts": 1, "carts_abandoned": 1, "carts_open": 1}
OFTEN_BACK = {"returns": 2, "return_rate": 1.0}


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (NOBODY, "prospect"),
        (NOBODY | CART, "prospect_cart_abandoned"),
        (NEWCOMER, "new"),
        (NEWCOMER | {"orders": 2}, "new_high_potential"),
        (NEWCOMER | {"tenure_days": 80}, "new_one_timer"),
        (NEWCOMER | CART | {"orders": 2}, "new_cart_abandoned"),
        ({"recency_days": 999, "orders": 1}, "churned_fast"),
        ({"recency_days": 999}, "churned_late"),
        ({"recency_days": 999} | CART | OFTEN_BACK, "churned_cart_abandoned"),
        ({"last_gap_days": 999} | OFTEN_BACK, "returned"),
        ({"last_gap_days": 999} | CART, "returned_cart_abandoned"),
        (OFTEN_BACK | CART, "active_cart_abandoned"),
        (OFTEN_BACK | {"first_units": 3.0}, "active_frequent_returns"),
        (OFTEN_BACK, "active_frequent_returns"),
        ({"returns": 1, "return_rate": 1.0}, "active_small_order"),
        ({"first_units": 3.0}, "active_large_order"),
        ({}, "active_small_order"),
        (SEEN | {"carts": 1}, "active_small_order"),
    ],
)
def test_the_micro_segment_is_the_stage_and_its_most_telling_value(given, key):
    assert micro(**given) == key


def test_an_active_customer_about_whom_nothing_is_known_is_active():
    assert micro(without_sizes()) == "active"
    assert micro(without_sizes(), **OFTEN_BACK) == "active_frequent_returns"


@examples
@given(some_customers)
def test_everybody_has_one_micro_segment_that_begins_with_its_stage(customers):
    for model in (fitted(), without_sizes()):
        micros, stages = model.micro_segments(customers), model.predict(customers)
        assert set(micros) <= set(MICRO_SEGMENTS)
        assert all(name.startswith(key) for name, key in zip(micros, stages))
        plain = micros[micros == stages]
        assert not set(plain) & {"churned"}


def test_flags_begin_at_their_thresholds_and_leave_out_who_never_bought():
    assert flags(revenue=RICH) == (True, False)
    assert flags(revenue=RICH - 0.01) == (False, False)
    assert flags(discount_share=0.5) == (False, True)
    assert flags(discount_share=0.49) == (False, False)
    assert flags(discount_share=np.nan) == (False, False)
    assert flags(fitted(discount_driven_share=0.4), discount_share=0.4) == (False, True)
    assert flags(**NOBODY | {"revenue": 999.0, "discount_share": 1.0}) == (False, False)


# What is learnt


def test_thresholds_are_learnt_from_buyers_and_rates_from_those_who_return():
    strangers = people(NOBODY | {"first_amount": 1e6, "revenue": 1e6, "returns": 5})
    honest = people(*[{"returns": 0, "return_rate": 0.0}] * 500)
    more = pd.concat([a_base(), strangers], ignore_index=True)
    assert Lifecycle().fit(more).high_value_revenue_ == pytest.approx(RICH)
    assert Lifecycle().fit(pd.concat([a_base(), honest])).frequent_rate_ == pytest.approx(OFTEN)


def test_a_first_order_too_young_to_tell_says_nothing_about_sizes():
    old = a_base()
    contrary = people(
        *[{"tenure_days": AGAIN - 1, "first_units": 1.0, "first_gap_days": 5.0}] * 500
    )
    model = Lifecycle(again_days=AGAIN).fit(pd.concat([old, contrary], ignore_index=True))
    assert model.split_ == Lifecycle(again_days=AGAIN).fit(old).split_
    assert len(model.watched(old.assign(tenure_days=AGAIN))) == len(old)


def test_coming_back_within_the_days_counts_and_later_or_never_does_not():
    base = people(*({"first_gap_days": days} for days in (AGAIN, AGAIN + 1, np.nan)))
    assert fitted().came_back(base).tolist() == [True, False, False]


def test_a_base_without_buyers_learns_nothing_and_everybody_is_a_prospect():
    nobody = people(NOBODY, NOBODY)
    model = Lifecycle(usual_days=USUAL, churn_days=CHURN).fit(nobody)
    assert Lifecycle.from_state(json.loads(json.dumps(model.to_state()))).split_ == model.split_
    assert model.split_ == {"threshold": None, "p_value": None}
    assert (model.high_potential_amount_, model.frequent_rate_) == (None, None)
    assert set(model.predict(nobody)) == {"prospect"}
    assert not model.flags(nobody).any(axis=None)


# State and batches


def everything_said(model: Lifecycle, customers: pd.DataFrame) -> pd.DataFrame:
    micros, stages = model.micro_segments(customers), model.predict(customers)
    return pd.concat([stages, micros, model.views(customers), model.flags(customers)], axis=1)


@examples
@given(some_customers)
def test_the_state_travels_through_json_and_labels_alike(customers):
    for model in (fitted(), without_sizes()):
        read = Lifecycle.from_state(json.loads(json.dumps(model.to_state())))
        said = everything_said(model, customers)
        pd.testing.assert_frame_equal(everything_said(read, customers), said)
        assert read.get_params() == model.get_params()


@examples
@given(some_customers, st.integers(0, 40), st.randoms(use_true_random=False))
def test_batches_in_any_order_are_labelled_as_the_whole(customers, cut, random):
    model, order = fitted(), list(range(len(customers)))
    random.shuffle(order)
    mixed = customers.iloc[order]
    parts = [everything_said(model, part) for part in (mixed.iloc[:cut], mixed.iloc[cut:])]
    together = pd.concat(parts).reindex(customers.index)
    pd.testing.assert_frame_equal(together, everything_said(model, customers))


def test_the_fit_does_not_depend_on_the_order_of_rows():
    mixed = a_base().sample(frac=1, random_state=4)
    params = {"usual_days": USUAL, "churn_days": CHURN, "again_days": AGAIN}
    assert Lifecycle(**params).fit(mixed).to_state() == Lifecycle(**params).fit(a_base()).to_state()


def test_labels_are_text_indexed_as_the_customers_and_input_stays_as_it_was():
    base = a_base().set_axis([f"c{place}" for place in range(101)])
    before = base.copy()
    said = everything_said(fitted(), base)
    assert said.index.equals(base.index)
    assert (said.drop(columns=["high_value", "discount_driven"]).dtypes == "str").all()
    pd.testing.assert_frame_equal(base, before)
    assert len(everything_said(fitted(), base.iloc[:0])) == 0


def test_nullable_columns_are_labelled_like_plain_ones():
    customers = people(NOBODY, NEWCOMER, OFTEN_BACK, CART, {"recency_days": 999}, {})
    nullable = customers.convert_dtypes()
    pd.testing.assert_frame_equal(
        everything_said(fitted(), nullable), everything_said(fitted(), customers)
    )


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column):
    message = f"customers: {column}: column is missing"
    with pytest.raises(DataError, match=message):
        Lifecycle().fit(a_base().drop(columns=column))
    with pytest.raises(DataError, match=message):
        fitted().predict(a_base().drop(columns=column))


def test_nothing_is_labelled_before_the_fit():
    for ask in ("predict", "views", "micro_segments", "flags"):
        with pytest.raises(SegkitError, match="not fitted"):
            getattr(Lifecycle(), ask)(a_base())


# The best split


def noisy(seed: int, customers: int = 300, step: float = 0.0, at: int = 4) -> pd.DataFrame:
    """Return units 1 to 8, and who came back: more often by `step` from `at` units on."""
    random = np.random.default_rng(seed)
    units = random.integers(1, 9, customers)
    back = random.random(customers) < 0.3 + step * (units >= at)
    return pd.DataFrame({"units": units, "back": back})


@pytest.mark.parametrize("at", [2, 4, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_planted_threshold_is_found(at, seed):
    table = noisy(seed, customers=3000, step=0.4, at=at)
    assert best_split(table["units"], table["back"]) == {"threshold": at, "p_value": 0.001}


def test_coming_back_less_often_above_the_threshold_is_found_too():
    table = noisy(1, customers=3000, step=0.4, at=5)
    assert best_split(table["units"], ~table["back"])["threshold"] == 5


def test_noise_looks_like_a_threshold_one_time_in_twenty():
    tables = [noisy(seed, customers=200) for seed in range(250)]
    found = [best_split(table["units"], table["back"])["p_value"] for table in tables]
    by_chance = sum(p_value <= 0.05 for p_value in found)
    assert binomtest(by_chance, len(found), 0.05).pvalue > 0.01
    assert np.median(found) == pytest.approx(0.5, abs=0.1)


def test_the_threshold_is_the_one_of_the_largest_likelihood_ratio():
    table = noisy(5, step=0.2)

    def likelihood(at: int) -> float:
        total = 0.0
        for side in (table["units"] >= at, table["units"] < at):
            back, many = table.loc[side, "back"].sum(), side.sum()
            total += back * np.log(back / many) + (many - back) * np.log(1 - back / many)
        return total

    assert best_split(table["units"], table["back"])["threshold"] == max(
        range(2, 9), key=likelihood
    )


@pytest.mark.parametrize(
    ("units", "why"),
    [
        ([], "nobody"),
        ([1, 9] * (LEAST_CUSTOMERS // 2 - 1), "too few customers"),
        ([4] * 500, "a single value"),
        ([1] * 500 + [9] * 20, "one side too small"),
        ([np.nan] * 500, "no value is known"),
    ],
)
def test_where_there_is_nothing_to_look_for_there_is_no_threshold(units, why):
    units = pd.Series(units, dtype=float)
    back = pd.Series(np.arange(len(units)) % 2 == 0)
    assert best_split(units, back) == {"threshold": None, "p_value": None}, why


def test_fifty_customers_and_a_twentieth_on_a_side_are_enough():
    units = pd.Series([1.0] * (LEAST_CUSTOMERS // 2) + [9.0] * (LEAST_CUSTOMERS // 2))
    assert best_split(units, units > 5)["threshold"] == 9
    edge = pd.Series([1.0] * 95 + [9.0] * 5)
    assert best_split(edge, edge > 5) == {"threshold": 9.0, "p_value": 0.001}


@pytest.mark.parametrize("back", [True, False])
def test_where_everybody_does_the_same_no_threshold_separates(back):
    units = noisy(2)["units"]
    assert best_split(units, pd.Series(back, index=units.index))["p_value"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_split_does_not_depend_on_the_order_of_rows_or_on_their_names(seed):
    table = noisy(seed, step=0.15)
    expected = best_split(table["units"], table["back"])
    grouped = table.sort_values(["units", "back"])
    mixed = table.sample(frac=1, random_state=seed)
    renamed = mixed.set_axis([0] * len(mixed))
    for rows in (grouped, mixed, renamed):
        assert best_split(rows["units"], rows["back"]) == expected
    unknown = pd.concat([table, pd.DataFrame({"units": [np.nan] * 40, "back": [True] * 40})])
    assert best_split(unknown["units"], unknown["back"].astype(bool)) == expected


@pytest.mark.parametrize("seed", range(4))
def test_customers_repeated_give_the_same_threshold_and_more_certainty(seed):
    table = noisy(seed, step=0.1)
    once, thrice = (
        best_split(rows["units"], rows["back"])
        for rows in (table, pd.concat([table] * 3, ignore_index=True))
    )
    assert thrice["threshold"] == once["threshold"]
    assert thrice["p_value"] <= once["p_value"]


def test_the_same_seed_gives_the_same_chance_and_another_seed_nearly_the_same():
    table = noisy(9, step=0.05)
    one, again = (best_split(table["units"], table["back"]) for _ in range(2))
    other = best_split(table["units"], table["back"], seed=7)
    assert one == again
    assert other["threshold"] == one["threshold"]
    assert other["p_value"] == pytest.approx(one["p_value"], abs=0.06)


# Histories

AS_OF = date(2024, 7, 1)
GAPS = {"gaps": {"usual_days": USUAL, "churn_days": CHURN}, "lifecycle": {"new_days": NEW}}


def ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def bought(customer: str, *days: int) -> list[tuple]:
    """Return orders of one unit and 10 of money, so many days before the date."""
    return [(customer, ago(day), f"{customer}{n}", 1, 10) for n, day in enumerate(days)]


def by_customer(study: Study, what: str) -> dict[str, str]:
    said = pd.concat(
        [study.lifecycle.predict(study.customers), study.lifecycle.views(study.customers)], axis=1
    )
    return said[what].set_axis(study.customers["customer_id"]).dropna().to_dict()


def test_stages_follow_from_histories_of_orders(make_study):
    rows = [
        *bought("on_the_churn_gap", 500, CHURN),
        *bought("past_the_churn_gap", 500, CHURN + 1),
        *bought("just_new", NEW),
        *bought("not_new", NEW + 1),
        *bought("back", 30 + CHURN + 1, 30),
        *bought("back_on_the_gap", 30 + CHURN, 30),
        *bought("back_twice", 900, 600, 300, 20),
        *bought("back_and_again", 700, 400, 30, 20),
        *bought("gone_again", 900, 600, 300),
        *bought("today", 1),
    ]
    study = make_study(rows, as_of=AS_OF, **GAPS)
    assert by_customer(study, "lifecycle") == {
        "on_the_churn_gap": "returned",
        "past_the_churn_gap": "churned",
        "just_new": "new",
        "not_new": "active",
        "back": "returned",
        "back_on_the_gap": "active",
        "back_twice": "returned",
        "back_and_again": "active",
        "gone_again": "churned",
        "today": "new",
    }


def test_orders_of_the_same_day_are_one_purchase_but_more_than_one_order(make_study):
    twice_now = [("twice", ago(20), f"t{n}", 1, 10) for n in range(2)]
    lapsed = [
        ("lapsed", ago(300), "l0", 1, 10),
        *[("lapsed", ago(20), f"l{n}", 1, 10) for n in (1, 2)],
    ]
    lost = [("lost", ago(400), f"x{n}", 1, 10) for n in range(2)]
    study = make_study([*twice_now, *lapsed, *lost, *bought("rich", 9)], as_of=AS_OF, **GAPS)
    assert by_customer(study, "lifecycle") == {
        "twice": "new",
        "lapsed": "returned",
        "lost": "churned",
        "rich": "new",
    }
    assert by_customer(study, "new_potential")["twice"] == "high_potential"
    assert by_customer(study, "churn_speed") == {"lost": "late"}


def test_an_order_that_was_returned_whole_was_never_made(make_study):
    rows = [
        *bought("second_stands", 400, 20),
        *bought("nothing_stands", 30),
        ("partly", ago(400), "partly", 4, 40),
        *bought("kept", 400, 20),
    ]
    returned = [
        ("second_stands", ago(390), "second_stands0", -1, -10),
        ("nothing_stands", ago(25), "nothing_stands0", -1, -10),
        ("partly", ago(390), "partly", -1, -10),
    ]
    study = make_study([*rows, *returned], as_of=AS_OF, **GAPS)
    assert by_customer(study, "lifecycle") == {
        "second_stands": "new",
        "nothing_stands": "returned_all",
        "partly": "churned",
        "kept": "returned",
    }
    assert by_customer(study, "churn_speed") == {"partly": "fast"}
    first = study.customers.set_index("customer_id")["first_order"]
    assert first["second_stands"] == pd.Timestamp(ago(20))


def test_prospects_are_known_since_they_registered_or_were_first_seen(make_study):
    registered = [("early", ago(14)), ("late", ago(15)), ("undated", ""), ("buyer", ago(5))]
    events = [
        ("seen", ago(14), "view", "p"),
        ("seen", ago(1), "view", "p"),
        ("seen_long_ago", ago(200), "view", "p"),
        ("undated", ago(3), "view", "p"),
        ("early", ago(100), "view", "p"),
        ("returned", ago(9), "view", "p"),
        ("tomorrow", AS_OF.isoformat(), "view", "p"),
    ]
    back = [("buyer_back", ago(20), "b", 1, 10), ("buyer_back", ago(10), "b", -1, -10)]
    study = make_study(
        [*bought("buyer", 9), *back], customers=registered, events=events, as_of=AS_OF, **GAPS
    )
    assert by_customer(study, "registration") == {
        "early": "older",
        "late": "older",
        "undated": "recent",
        "seen": "recent",
        "seen_long_ago": "older",
        "returned": "recent",
    }
    stages = by_customer(study, "lifecycle")
    assert (stages["buyer"], stages["buyer_back"]) == ("new", "returned_all")


def test_those_who_registered_alone_are_known_since_then(make_study):
    registered = [("early", ago(14)), ("late", ago(15)), ("undated", "")]
    study = make_study(bought("buyer", 9), customers=registered, as_of=AS_OF, **GAPS)
    expected = {"early": "recent", "late": "older", "undated": "unknown"}
    assert by_customer(study, "registration") == expected
    assert by_customer(study, "cart") == {}


def test_carts_are_seen_with_the_window_past_and_not_before(make_study):
    events = [
        ("left", f"{ago(2)} 00:00", "cart", "p"),
        ("young", f"{ago(1)} 12:00", "cart", "p"),
        ("bought", f"{ago(5)} 10:00", "cart", "p"),
        ("bought", f"{ago(5)} 11:00", "purchase", "p"),
        ("long_ago", f"{ago(60)} 10:00", "cart", "p"),
        ("looked", f"{ago(5)} 10:00", "view", "p"),
    ]
    rows = [*bought("left", 100, 50), *bought("bought", 5)]
    study = make_study(rows, events=events, as_of=AS_OF, **GAPS)
    assert by_customer(study, "cart") == {
        "left": "abandoned",
        "young": "none",
        "bought": "recovered",
        "long_ago": "none",
        "looked": "none",
    }
    micros = study.lifecycle.micro_segments(study.customers)
    named = micros.set_axis(study.customers["customer_id"])
    assert named["left"] == "active_cart_abandoned"
    assert named["young"] == "prospect"


# Real data

REAL = {
    "tienda_demo": None,
    "cdnow": None,
    "superstore": "superstore_orders.parquet",
    "online_retail_ii": "online_retail_ii_2009_2010.parquet",
}


@pytest.fixture(scope="module", params=REAL)
def real(request, real_data, tmp_path_factory):
    """A shipped client; Superstore with its returns."""
    client, file = request.param, REAL[request.param]
    given = load_params(f"params/{client}.yaml").plain()
    if file:
        given["orders"]["path"] = str(real_data(file))
    if client == "superstore":
        back = {"path": str(real_data("superstore_returns.parquet"))}
        given["returns"] = back | {"columns": {"order": "Order ID"}}
    study = Study(check_params(given), run_dir=tmp_path_factory.mktemp(client))
    yield study
    study.close()


@pytest.mark.slow
def test_real_customers_are_in_one_stage_and_in_views_of_it(real):
    customers, model = real.customers, real.lifecycle
    said = everything_said(model, customers)
    assert said[["lifecycle", "micro_segments"]].notna().all(axis=None)
    assert set(said["micro_segments"]) <= set(MICRO_SEGMENTS)
    for view, key in VIEWED_STAGE.items():
        if view != "order_size" or model.large_units_ is not None:
            assert said[view].notna().tolist() == (said["lifecycle"] == key).tolist()
    none, back = customers["orders"] == 0, customers["returns"] > 0
    assert (none & ~back).tolist() == (said["lifecycle"] == "prospect").tolist()
    assert (none & back).tolist() == (said["lifecycle"] == "returned_all").tolist()
    read = Lifecycle.from_state(json.loads(json.dumps(model.to_state())))
    batches = [everything_said(read, customers.iloc[place::3]) for place in range(3)]
    pd.testing.assert_frame_equal(pd.concat(batches).sort_index(), said)


@pytest.mark.slow
def test_the_top_shares_of_real_bases_are_as_large_as_asked(real):
    buyers = real.buyers
    shares = {
        "high_value": real.lifecycle.flags(buyers)["high_value"].mean(),
        "high_potential": (buyers["first_amount"] >= real.lifecycle.high_potential_amount_).mean(),
    }
    assert shares == pytest.approx({"high_value": 0.2, "high_potential": 0.25}, abs=0.01)


@pytest.mark.slow
def test_frequent_returners_of_real_bases_are_in_the_top_tenth_and_the_others_kept_all(real):
    customers, views = real.customers, real.lifecycle.views(real.customers)
    frequent = customers[views["returns"] == "frequent"]
    rates = real.buyers.loc[real.buyers["returns"] > 0, "return_rate"]
    assert (frequent["return_rate"] >= rates.quantile(0.9)).all()
    assert (frequent["returns"] >= 2).all()
    assert (customers.loc[views["returns"] == "none", "returned"] == 0).all()
    assert (customers.loc[views["returns"] == "some", "returned"] > 0).all()
