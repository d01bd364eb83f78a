"""One forecast: how members are weighed, what ranges hold, how cohorts develop."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.analysis.development import Development, development_of
from segkit.analysis.forecast import (
    FEW_ORDERS,
    Outlook,
    PastForecast,
    error_before,
    log_error,
    member_weights,
    members_table,
    order_spread,
    range_of,
    rolling_table,
    weighed,
)

errors = st.lists(st.floats(-1, 1), max_size=6)


def months(*values: float) -> np.ndarray:
    """Return months of one order and ten of money for each."""
    return np.array([[value, 10 * value] for value in values])


# Members ------------------------------------------------------------------------------


@given(errors, errors, errors)
def test_weights_add_up_and_none_is_lost(calendar, clock, cohorts):
    weights = member_weights({"calendar": calendar, "clock": clock, "cohorts": cohorts})
    assert sum(weights.values()) == pytest.approx(1)
    assert min(weights.values()) > 0


def test_untested_members_weigh_what_six_logs_have_taught():
    weights = member_weights({"calendar": [], "clock": [], "cohorts": []})
    assert weights["clock"] == pytest.approx(2 * weights["calendar"])
    assert weights["calendar"] == pytest.approx(4 * weights["cohorts"])


def test_a_member_that_errs_less_on_this_client_earns_its_weight():
    far, near = [0.5] * 4, [0.02] * 4
    assert member_weights({"calendar": far, "cohorts": near})["cohorts"] > 0.8
    assert member_weights({"calendar": near, "cohorts": far})["cohorts"] < 0.02


def test_totals_are_meant_in_logs_and_months_share_them_out():
    both = weighed(
        {"calendar": months(1, 1), "clock": months(4, 4)}, {"calendar": 0.5, "clock": 0.5}
    )
    assert both.sum(axis=0) == pytest.approx([4, 40])
    assert both[:, 0] == pytest.approx([2, 2])


def test_a_member_that_expects_nothing_does_not_silence_the_others():
    members = {"calendar": months(0, 0), "clock": months(5, 5)}
    total = weighed(members, {"calendar": 0.1, "clock": 0.9}).sum(axis=0)[0]
    assert 1 < total < 10
    assert (weighed({"calendar": months(0, 0)}, {"calendar": 1.0}) == 0).all()


# Ranges -------------------------------------------------------------------------------


def test_ranges_have_the_width_that_the_definitions_give():
    # 4 tests of 0.20 and no other: a t with four degrees of freedom, at a tenth on each side.
    assert range_of([], 0.20).half == pytest.approx(1.5332 * 0.20, rel=1e-4)
    # variance (4 * 0.2^2 + 0.3^2 + 0.1^2) / 6, six degrees of freedom
    wide = range_of([0.3, -0.1], 0.20).half
    assert wide == pytest.approx(1.4398 * np.sqrt((0.16 + 0.10) / 6), rel=1e-4)


@given(errors)
def test_a_range_holds_its_middle_and_widens_with_errors(found):
    some = range_of(found, 0.2)
    low, high = some.of(100.0)
    assert low < 100 < high
    assert range_of([error * 2 for error in found], 0.2).half >= some.half


def test_ranges_of_few_orders_are_wider_by_chance():
    many, few = range_of([], 0.1, 10_000).half, range_of([], 0.1, 10).half
    assert few > 2 * many
    assert range_of([], 0.1, 10, spread=2.0).half > few
    assert range_of([], 0.1, 0.1).half == range_of([], 0.1, FEW_ORDERS).half


def test_a_short_history_and_unknown_seasons_widen_what_is_not_tested():
    assert error_before(False, 3, 24) > error_before(True, 3, 24)
    assert error_before(True, 12, 6) > error_before(True, 12, 18) == error_before(True, 3, 18)


@pytest.mark.slow
def test_ranges_cover_four_times_in_five_where_errors_are_normal():
    random = np.random.default_rng(3)
    held = 0
    for _ in range(4000):
        own = random.normal(0, 0.2, 7)
        held += abs(own[-1]) <= range_of(own[:6].tolist(), 0.2).half
    assert 0.77 < held / 4000 < 0.83


def test_errors_of_nothing_are_finite():
    assert log_error([0.0, 5.0, 0.0], [5.0, 0.0, 0.0]).tolist() == pytest.approx(
        [np.log(0.5 / 5.5), np.log(5.5 / 0.5), 0.0]
    )


# A forecast and its tests -------------------------------------------------------------


def made_test(
    cut: str, ago: int, calendar: float, clock: float | None, came: float
) -> PastForecast:
    """Return a test of two months, in which half came in each."""
    existing = {"calendar": months(calendar / 2, calendar / 2)}
    if clock is not None:
        existing["clock"] = months(clock / 2, clock / 2)
    existing["cohorts"] = months(calendar / 2, calendar / 2)
    half = months(came / 2, came / 2)
    return PastForecast(cut, ago, existing, months(5, 5), half, months(6, 4))


def outlook(*tests: PastForecast) -> Outlook:
    now = {"calendar": months(50, 50), "clock": months(80, 80), "cohorts": months(60, 60)}
    return Outlook(now, months(5, 5), tests, 0.2, 0.5)


def test_what_the_clock_foretold_better_weighs_more_now():
    good = made_test("2024-01-01", 12, calendar=60, clock=100, came=101)
    alone, tested = outlook(), outlook(good, good, good)
    assert tested.weights["clock"] > alone.weights["clock"]
    assert tested.months["existing"].sum() > alone.months["existing"].sum()


def test_at_a_date_before_the_clock_was_known_it_is_held_to_what_the_calendar_said():
    early = made_test("2022-01-01", 36, calendar=60, clock=None, came=100)
    found = outlook(early)
    assert found.errors["clock"] == found.errors["calendar"]


def test_parts_add_up_and_the_table_of_members_ends_with_the_forecast():
    found = outlook(made_test("2024-01-01", 12, 90, 110, 100))
    sums = {part: rows.sum() for part, rows in found.months.items()}
    assert sums["everyone"] == pytest.approx(sums["existing"] + sums["new"])
    table = members_table(found).set_index("member")
    assert list(table.index) == ["calendar", "clock", "cohorts", "total"]
    assert table["weight"].iloc[:-1].sum() == pytest.approx(1)
    assert table.loc["total", "total_orders"] == pytest.approx(found.months["existing"][:, 0].sum())
    logs = np.log(table["total_revenue"].iloc[:-1]) @ table["weight"].iloc[:-1]
    assert table.loc["total", "total_revenue"] == pytest.approx(np.exp(logs))


def test_the_rolling_table_says_what_was_said_then():
    early = made_test("2023-01-01", 24, 60, 80, 100)
    late = made_test("2024-01-01", 12, 90, 110, 100)
    table = rolling_table(
        {"2024-01-01": (late, Outlook(late.existing, late.new, [early], 0.2, 0.5))}, 2
    )
    said = table[(table["member"] == "total") & (table["measure"] == "orders")].iloc[0]
    assert said["actual"] == 100 and said["low"] < said["predicted"] < said["high"]
    everyone = table[(table["member"] == "everyone") & (table["measure"] == "revenue")].iloc[0]
    assert everyone["actual"] == pytest.approx(1000 + 100)
    assert table.loc[table["member"] == "calendar", "low"].isna().all()


def test_order_values_that_are_all_alike_spread_nothing():
    assert order_spread(pd.Series([5.0, 5.0, 5.0])) == 0
    assert order_spread(pd.Series([], dtype=float)) == 0


# Cohorts ------------------------------------------------------------------------------


def developed(per_month: float, months_seen: int, size: int = 100) -> Development:
    """Return cohorts of one size that all order as often each month, for ten each."""
    rows = [
        {
            "cohort": months_seen - cohort,
            "unit": months_seen - unit,
            "customers": size if unit == cohort else 0,
            "purchases": size if unit == cohort else size * per_month,
            "orders": size if unit == cohort else size * per_month * 1.1,
        }
        for cohort in range(months_seen)
        for unit in range(cohort, months_seen)
    ]
    activity = pd.DataFrame(rows)
    revenue = activity.assign(known=activity["unit"], revenue=activity["purchases"] * 10)
    return development_of(activity, revenue, months_seen)


def test_cohorts_that_all_do_the_same_go_on_doing_it():
    found = developed(0.2, 8).of_known(3)
    assert found[:, 0] == pytest.approx([160, 160, 160])
    assert found[:, 2] == pytest.approx([1600, 1600, 1600])


def test_a_cohort_that_is_worth_more_than_others_stays_so():
    table = developed(0.2, 8)
    table.values[5, 6:] *= 3
    assert table.of_known(1)[0, 0] > 1.1 * developed(0.2, 8).of_known(1)[0, 0]


def test_customers_to_come_begin_with_their_first_order():
    found = developed(0.2, 8).of_new(np.array([10.0, 10.0]))
    assert found[:, 0] == pytest.approx([10, 12])


def test_arrivals_that_have_ended_are_not_carried_on():
    table = developed(0.2, 18)
    table.size[3:] = 0
    ahead = table.arrivals(np.ones(18), np.ones(3))
    assert ahead.sum() < 3
    steady = developed(0.2, 18).arrivals(np.ones(18), np.ones(3))
    assert steady == pytest.approx([100, 100, 100])


def test_arrivals_follow_the_clock():
    counts = np.tile([0.5, 1.5], 9)
    table = developed(0.2, 18)
    table.size[:] = 100 * counts
    assert table.arrivals(counts, np.array([2.0, 0.5])) == pytest.approx([200, 50])


def test_what_became_known_later_was_not_known_then():
    activity = pd.DataFrame([{"cohort": 3, "unit": 3, "customers": 2, "purchases": 2, "orders": 2}])
    revenue = pd.DataFrame(
        [
            {"cohort": 3.0, "unit": 3, "known": 3, "revenue": 100.0},
            {"cohort": 3.0, "unit": 3, "known": 1, "revenue": -40.0},
            {"cohort": None, "unit": 2, "known": 2, "revenue": 7.0},
        ]
    )
    table = development_of(activity, revenue, 3)
    assert table.values[:, :, 2].sum() == 60
    assert table.until(1).values[:, :, 2].sum() == 100
    known, new = table.came(2, 2)
    assert (known[:, 2].sum(), new.sum()) == (0, 0)


def test_a_log_without_an_order_that_stands_has_no_cohorts():
    activity = pd.DataFrame(columns=["cohort", "unit", "customers", "purchases", "orders"])
    revenue = pd.DataFrame([{"cohort": None, "unit": 2, "known": 1, "revenue": -9.0}])
    table = development_of(activity, revenue, 3)
    assert table.months == 0
    assert table.until(0).size.sum() == 0


def test_orders_of_one_day_are_counted_where_the_model_counts_days():
    assert developed(0.2, 8).orders_per_purchase(3) == pytest.approx(1.05, abs=0.06)
