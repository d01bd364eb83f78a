"""Whether the model describes the base: what it expects beside what was observed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from segkit.analysis.model_fit import (
    chance_histogram,
    customer_history,
    frequency_recency,
    holdout_by_frequency,
    misplaced,
    repeat_histogram,
    tracking,
)
from segkit.analysis.value import MODELS, CustomerValue

START, CUT, AS_OF = (pd.Timestamp(day) for day in ("2023-01-05", "2024-07-01", "2025-06-25"))
each_model = pytest.mark.parametrize("name", MODELS)


def simulated_days(count: int = 3000, seed: int = 11) -> pd.DataFrame:
    """Return purchase days (`customer`, `day`) of a shop that is as BG/NBD says.

    Customers join in the first half year, buy at gamma rates (a mean of one in 50 days),
    and leave after a repeat purchase with a chance of one in five on average.
    """
    random = np.random.default_rng(seed)
    longest = (AS_OF - START).days
    joined = random.integers(0, 180, count)
    rates = random.gamma(0.8, 1 / 40, count)
    leaves = random.beta(1, 4, count)
    rows = []
    for customer in range(count):
        moment, here = float(joined[customer]), True
        rows.append((customer, joined[customer]))
        while here:
            moment += random.exponential(1 / max(rates[customer], 1e-9))
            here = moment < longest and random.random() >= leaves[customer]
            rows += [(customer, int(moment))] if moment < longest else []
    days = pd.DataFrame(rows, columns=["customer", "day"]).drop_duplicates()
    return days.assign(day=START + pd.to_timedelta(days["day"], unit="D"))


def customers_of(days: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the columns of a customer table that the models read, with plain amounts."""
    own = days[days["day"] < as_of].groupby("customer")["day"]
    first, last, number = own.min(), own.max(), own.size()
    table = pd.DataFrame(
        {
            "first_order": first,
            "orders": number,
            "x": number - 1,
            "t_x": (last - first).dt.days,
            "T": (as_of - first).dt.days,
            "monetary_mean": 20.0 + number % 7,
            "revenue": number * (20.0 + number % 7),
        }
    )
    return table.assign(aov=table["revenue"] / table["orders"])


def weekly_of(days: pd.DataFrame) -> pd.DataFrame:
    """Return repeat purchase days by week, as the lines give them."""
    repeats = days[days["day"] > days.groupby("customer")["day"].transform("min")]["day"]
    monday = repeats - pd.to_timedelta(repeats.dt.day_of_week, unit="D")
    return monday.value_counts().sort_index().rename_axis("week").reset_index(name="repeats")


@pytest.fixture(scope="module")
def days() -> pd.DataFrame:
    return simulated_days()


@pytest.fixture(scope="module")
def customers(days) -> pd.DataFrame:
    return customers_of(days, AS_OF)


@pytest.fixture(scope="module")
def value(customers) -> CustomerValue:
    return CustomerValue("bg_nbd", resamples=0).fit(customers)


@pytest.fixture(scope="module")
def at_cut(days) -> pd.DataFrame:
    return customers_of(days, CUT)


@pytest.fixture(scope="module")
def tracked(days, at_cut) -> pd.DataFrame:
    value = CustomerValue("bg_nbd", resamples=0).fit(at_cut)
    return tracking(value, at_cut, weekly_of(days), CUT, AS_OF)


# Repeat purchases


def test_both_sides_of_the_histogram_count_every_buyer_once(customers, value):
    prospects = pd.DataFrame({"orders": [0, 0]}, index=[-1, -2])
    for base in (customers, pd.concat([customers, prospects])):
        for last in (1, 4, 7):
            table = repeat_histogram(value, base, last=last)
            assert table["repeats"].tolist() == list(range(last + 1))
            assert table["open"].tolist() == [False] * last + [True]
            assert table["observed"].sum() == len(customers)
            assert table["expected"].sum() == pytest.approx(len(customers))
            assert (table["expected"] > 0).all()


def test_observed_repeats_are_counted_and_many_fall_into_the_open_bin(customers, value):
    observed = repeat_histogram(value, customers, last=3)["observed"].tolist()
    x = customers["x"]
    assert observed == [*((x == number).sum() for number in range(3)), (x >= 3).sum()]


def test_expected_repeats_are_each_customers_own_chances_summed(customers, value):
    few = customers.iloc[:40]
    expected = repeat_histogram(value, few, last=2)["expected"]
    ages = few["T"].to_numpy() / 7
    for number in (0, 1):
        assert expected[number] == pytest.approx(
            value.purchase.order_probability(number, ages).sum()
        )


def test_a_base_that_is_as_the_model_says_is_hardly_misplaced(customers, value):
    assert misplaced(repeat_histogram(value, customers)) < 0.03


def test_a_base_that_is_not_as_the_model_says_is_misplaced(customers, value):
    # Everybody has bought exactly twice more: no mixture of rates gives that.
    alike = customers.assign(x=2, t_x=customers["T"] // 2)
    assert misplaced(repeat_histogram(value, alike)) > 0.5


def test_misplaced_is_half_of_what_the_bins_differ_by():
    fit = pd.DataFrame({"observed": [50, 30, 20], "expected": [44.0, 30.0, 26.0]})
    assert misplaced(fit) == pytest.approx(0.06)
    assert misplaced(fit.assign(expected=fit["observed"])) == 0
    assert misplaced(fit.assign(expected=[0.0, 0.0, 100.0])) == pytest.approx(0.8)


# Week by week


def test_the_weeks_are_whole_and_begin_with_the_first_customers(tracked):
    # The first joined on Thursday 5 January 2023; 25 June 2025, a Wednesday, is not observed.
    assert tracked["week"].iloc[0] == pd.Timestamp("2023-01-02")
    assert tracked["week"].iloc[-1] == pd.Timestamp("2025-06-16")
    assert (tracked["week"].dt.day_of_week == 0).all()
    assert tracked["week"].diff().dropna().eq(pd.Timedelta(days=7)).all()


def test_a_week_that_ends_on_as_of_is_whole(days, at_cut):
    value = CustomerValue("bg_nbd", resamples=0).fit(at_cut)
    for as_of, last in (("2025-06-23", "2025-06-16"), ("2025-06-22", "2025-06-09")):
        table = tracking(value, at_cut, weekly_of(days), CUT, pd.Timestamp(as_of))
        assert table["week"].iloc[-1] == pd.Timestamp(last)


def test_observed_weeks_are_those_given_and_missing_ones_are_zero(days, at_cut):
    value = CustomerValue("bg_nbd", resamples=0).fit(at_cut)
    weekly = weekly_of(days)
    gone = weekly.iloc[[5, 40]]["week"]
    table = tracking(value, at_cut, weekly.drop(index=[5, 40]), CUT, AS_OF).set_index("week")
    assert (table.loc[gone, "observed"] == 0).all()
    rest = weekly.drop(index=[5, 40]).set_index("week")["repeats"]
    whole = rest[rest.index <= "2025-06-16"]
    assert table.loc[whole.index, "observed"].tolist() == whole.tolist()
    assert table["cumulative_observed"].iloc[-1] == whole.sum()


def test_expected_purchases_add_up_week_by_week_and_never_fall(tracked):
    for side in ("observed", "expected"):
        sums = tracked[side].cumsum().to_numpy()
        assert tracked[f"cumulative_{side}"].to_numpy() == pytest.approx(sums, rel=1e-9)
    assert (tracked["expected"] > 0).all()


def test_expected_purchases_are_those_of_new_customers_of_each_age(at_cut, tracked):
    value = CustomerValue("bg_nbd", resamples=0).fit(at_cut)
    for row in (0, 10, 60):
        end = tracked["week"].iloc[row] + pd.Timedelta(days=7)
        weeks = (end - at_cut["first_order"]).dt.days.clip(lower=0) / 7
        wanted = value.purchase.expected_orders(weeks.to_numpy()).sum()
        assert tracked["cumulative_expected"].iloc[row] == pytest.approx(wanted, rel=1e-9)


def test_weeks_from_the_cut_on_are_held_out(tracked):
    # The cut is a Monday: its week is the first that the model has not seen.
    assert tracked.loc[tracked["holdout"], "week"].min() == CUT
    assert tracked.loc[~tracked["holdout"], "week"].max() == CUT - pd.Timedelta(days=7)


def test_a_week_that_the_model_has_seen_in_part_is_not_held_out(days, at_cut):
    value = CustomerValue("bg_nbd", resamples=0).fit(at_cut)
    wednesday = CUT + pd.Timedelta(days=2)
    table = tracking(value, at_cut, weekly_of(days), wednesday, AS_OF)
    assert table.loc[table["holdout"], "week"].min() == CUT + pd.Timedelta(days=7)


def test_what_is_expected_of_a_base_as_the_model_says_is_what_happens(tracked):
    seen, ahead = tracked[~tracked["holdout"]], tracked[tracked["holdout"]]
    for part, tolerance in ((seen, 0.05), (ahead, 0.1), (tracked, 0.1)):
        assert part["expected"].sum() == pytest.approx(part["observed"].sum(), rel=tolerance)


@pytest.mark.parametrize("unit", ["days", "months"])
def test_the_weeks_do_not_depend_on_the_models_time_unit(days, at_cut, tracked, unit):
    value = CustomerValue("bg_nbd", time_unit=unit, resamples=0).fit(at_cut)
    table = tracking(value, at_cut, weekly_of(days), CUT, AS_OF)
    pd.testing.assert_frame_equal(table, tracked, rtol=1e-4)


# After the cut


def test_means_after_the_cut_are_those_computed_by_hand():
    tested = pd.DataFrame(
        {
            "x": [0, 0, 1, 3, 5, 9],
            "orders_after": [0, 1, 2, 4, 2, 6],
            "expected_orders": [0.2, 0.4, 1.0, 2.0, 3.0, 7.0],
        }
    )
    table = holdout_by_frequency(tested, last=3)
    assert table["repeats"].tolist() == [0, 1, 3]
    assert table["open"].tolist() == [False, False, True]
    assert table["customers"].tolist() == [2, 1, 3]
    assert table["observed"].tolist() == [0.5, 2, 4]
    assert table["expected"].tolist() == pytest.approx([0.3, 1, 4])


def test_a_table_without_many_repeats_has_no_open_bin():
    tested = pd.DataFrame({"x": [0.0, 1.0], "orders_after": [0, 1], "expected_orders": [0.1, 0.2]})
    table = holdout_by_frequency(tested)
    assert table["repeats"].tolist() == [0, 1]
    assert not table["open"].any()


# Expectations by frequency and recency


@each_model
def test_who_has_not_bought_for_longer_is_less_likely_to_order(customers, name):
    value = CustomerValue(name, resamples=0).fit(customers)
    table = frequency_recency(value, customers)
    assert table["repeats"].max() == 10
    for repeats, row in table[table["repeats"] >= 1].dropna().groupby("repeats"):
        row = row.sort_values("recency_days")
        assert len(row) == 10, repeats
        assert (row["p_order"].diff().dropna() < 0).all()
        assert (row["expected_orders"].diff().dropna() < 0).all()
    assert table["p_order"].dropna().between(0, 1).all()


def test_cells_that_no_customer_can_be_in_are_missing(customers, value):
    table = frequency_recency(value, customers, steps=8)
    tenure = customers["T"].max()
    assert table["recency_days"].min() == 0
    assert table["recency_days"].max() == tenure
    # Without a repeat the first purchase is the last; with one it is not.
    possible = (table["repeats"] == 0) == (table["recency_days"] == tenure)
    assert table.loc[possible, ["p_order", "expected_orders"]].notna().all(axis=None)
    assert table.loc[~possible, ["p_order", "expected_orders"]].isna().all(axis=None)


def test_each_cell_holds_the_models_answer_for_the_oldest_tenure(customers, value):
    table = frequency_recency(value, customers, most=4).dropna()
    assert set(table["repeats"]) == {0, 1, 2, 3, 4}
    tenure = customers["T"].max()
    t_x = (tenure - table["recency_days"]).where(table["repeats"] > 0, 0) / 7
    rows = table["repeats"], t_x, np.full(len(table), tenure / 7)
    none = value.purchase.order_probability(0, value.horizon, *rows)
    assert table["p_order"].to_numpy() == pytest.approx(1 - none, rel=1e-12)
    orders = value.purchase.expected_orders(value.horizon, *rows)
    assert table["expected_orders"].to_numpy() == pytest.approx(orders, rel=1e-12)


def test_the_matrix_ends_at_the_most_repeats_that_anybody_has(customers, value):
    few = customers[customers["x"] <= 2]
    assert frequency_recency(value, few)["repeats"].max() == 2


def test_a_short_tenure_has_each_recency_once_and_no_more_repeats_than_days(customers, value):
    young = customers.iloc[:3].assign(x=[0, 1, 3], t_x=[0, 2, 4], T=[5, 5, 5])
    table = frequency_recency(value, young)
    assert table.groupby("repeats")["recency_days"].apply(list).tolist() == [list(range(6))] * 4
    known = table.dropna(subset="p_order")
    assert (known["repeats"] <= 5 - known["recency_days"]).all()


# One customer


def visits(*days: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(days)))


@each_model
def test_the_chance_of_one_customer_rises_at_purchases_and_falls_between(customers, name):
    value = CustomerValue(name, resamples=0).fit(customers)
    bought = visits("2024-01-10", "2024-02-14", "2024-03-01", "2024-09-20")
    table = customer_history(value, bought, AS_OF)
    assert table["p_order"].between(0, 1).all()
    assert table.loc[table["purchase"], "day"].tolist() == bought.tolist()
    assert table["day"].iloc[0] == bought.iloc[0]
    assert table["day"].iloc[-1] == AS_OF
    assert table["day"].is_monotonic_increasing
    assert table["day"].is_unique
    change = table["p_order"].diff()
    assert (change[~table["purchase"]] < 0).all()
    long_silence = table["day"] == bought.iloc[3]
    assert change[long_silence].item() > 0


def test_each_day_has_the_models_answer_for_what_was_known_then(value, customers):
    bought = visits("2024-01-10", "2024-02-14", "2024-09-20")
    table = customer_history(value, bought, AS_OF, steps=30)
    for row in table.itertuples():
        known = bought[bought <= row.day]
        t_x, T = (known.max() - bought[0]).days / 7, (row.day - bought[0]).days / 7
        none = value.purchase.order_probability(0, value.horizon, [len(known) - 1], [t_x], [T])
        assert row.p_order == pytest.approx(1 - none[0], rel=1e-12)


def test_the_last_day_is_the_customers_prediction(days, customers, value):
    regular = customers["x"].idxmax()
    own = days.loc[days["customer"] == regular, "day"]
    history = customer_history(value, own.sample(frac=1, random_state=1), AS_OF)
    prediction = value.predict(customers).loc[regular, "p_order"]
    assert history["p_order"].iloc[-1] == pytest.approx(prediction, rel=1e-12)
    assert history["purchase"].sum() == len(own)


def test_a_customer_who_bought_once_and_lately_has_a_short_history(value):
    table = customer_history(value, visits("2025-06-22"), AS_OF)
    assert table["day"].tolist() == list(pd.date_range("2025-06-22", AS_OF))
    assert table["purchase"].tolist() == [True, False, False, False]
    assert (table["p_order"].diff().dropna() < 0).all()


# Who may order again


def test_every_chance_is_counted_in_one_bin_and_certainty_in_the_last():
    table = chance_histogram(pd.Series([0.0, 0.05, 0.1, 0.3, 0.7, 0.95, 1.0, 1.0, np.nan]))
    assert table["from"].tolist() == pytest.approx(np.arange(10) / 10)
    assert table["to"].tolist() == pytest.approx(np.arange(1, 11) / 10)
    assert table["count"].tolist() == [2, 1, 0, 1, 0, 0, 0, 1, 0, 3]


@pytest.mark.parametrize("bins", [1, 2, 10, 20])
def test_a_chance_on_an_edge_falls_into_the_bin_that_begins_there(bins):
    edges = pd.Series([place / bins for place in range(bins + 1)])
    counts = chance_histogram(edges, bins=bins)["count"].tolist()
    assert counts == [1] * (bins - 1) + [2]


def test_all_buyers_of_a_base_are_in_the_histogram(customers, value):
    chance = value.predict(customers)["p_order"]
    assert chance_histogram(chance)["count"].sum() == len(customers)
    assert chance_histogram(chance.iloc[:0])["count"].sum() == 0
