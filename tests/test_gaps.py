"""Waiting to buy again: Kaplan-Meier against SciPy and by hand, usual and churn gaps."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import CensoredData, ecdf

from segkit.analysis.gaps import measured_gaps, naive_gap, returned_by, waiting_curve

YEAR = 365.25
examples = settings(max_examples=150)


def counted(days) -> pd.DataFrame:
    """Return closed gaps as the lines give them: how many of each length, shortest first."""
    length, times = np.unique(np.asarray(days, dtype="int64"), return_counts=True)
    return pd.DataFrame({"days": length, "gaps": times})


def curve_of(closed, still_open) -> pd.DataFrame:
    return waiting_curve(counted(closed), pd.Series(still_open, dtype=float))


def hand_made(days, waiting) -> pd.DataFrame:
    return pd.DataFrame({"days": days, "waiting": waiting})


lengths = st.lists(st.integers(1, 60) | st.integers(300, 900), max_size=40)
some_lengths = st.lists(st.integers(1, 60) | st.integers(300, 900), min_size=1, max_size=40)
shares = st.sampled_from([0.01, 0.05, 0.1, 0.25, 0.5, 0.9])


# The curve


def test_the_curve_is_the_one_computed_by_hand():
    # Six gaps: two closed after 5 days, one after 10; open for 5, 7 and 20 days. Whoever has
    # waited just 5 days counts at day 5. Four of six wait on; then one of two.
    curve = curve_of([5, 5, 10], [5, 7, 20])
    assert curve["days"].tolist() == [0, 5, 10]
    assert curve["at_risk"].tolist() == [6, 6, 2]
    assert curve["returned"].tolist() == [0, 2, 1]
    assert curve["waiting"].tolist() == pytest.approx([1, 2 / 3, 1 / 3], abs=1e-15)


@pytest.mark.parametrize("seed", range(12))
def test_the_curve_is_that_of_scipy_with_ties_between_returns_and_open_gaps(seed):
    random = np.random.default_rng(seed)
    longest = int(random.integers(5, 200))
    tied = random.integers(1, longest, 3)
    closed = np.append(random.integers(1, longest, random.integers(1, 400)), tied)
    still_open = np.append(random.integers(1, longest, random.integers(1, 400)), tied)
    curve = curve_of(closed, still_open)
    survival = ecdf(CensoredData(uncensored=closed, right=still_open)).sf
    assert curve["waiting"].to_numpy() == pytest.approx(survival.evaluate(curve["days"]), abs=1e-12)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined")
@pytest.mark.parametrize("seed", range(12))
def test_the_interval_is_that_of_scipy_after_log_minus_log(seed):
    random = np.random.default_rng(seed)
    closed = random.integers(1, 120, random.integers(2, 300))
    still_open = random.integers(1, 200, random.integers(1, 300))
    curve = curve_of(closed, still_open)
    survival = ecdf(CensoredData(uncensored=closed, right=still_open)).sf
    interval = survival.confidence_interval(method="log-log")
    rows = curve[(curve["waiting"] > 0) & (curve["waiting"] < 1)]
    assert len(rows) >= 2
    for name, end in (("low", interval.low), ("high", interval.high)):
        assert rows[name].to_numpy() == pytest.approx(end.evaluate(rows["days"]), abs=1e-9)


@examples
@given(some_lengths, lengths)
def test_the_interval_holds_the_curve_and_begins_in_certainty(closed, still_open):
    curve = curve_of(closed, still_open)
    assert curve.loc[0, ["low", "waiting", "high"]].tolist() == [1, 1, 1]
    assert (curve["low"] <= curve["waiting"]).all()
    assert (curve["waiting"] <= curve["high"]).all()
    assert curve[["low", "high"]].stack().between(0, 1).all()


def test_where_everybody_has_come_back_the_interval_is_nothing_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last = curve_of([2, 4, 4, 9], []).iloc[-1]
    assert last[["low", "waiting", "high"]].tolist() == [0, 0, 0]


def test_more_customers_make_the_interval_narrower():
    few, many = (curve_of([3, 8, 20] * times, [5, 30] * times) for times in (5, 500))
    width = [(curve["high"] - curve["low"]).iloc[1:] for curve in (few, many)]
    assert (width[1] < width[0] / 5).all()


@examples
@given(some_lengths, lengths)
def test_the_curve_falls_from_one_and_counts_everybody(closed, still_open):
    curve = curve_of(closed, still_open)
    assert curve["waiting"].iloc[0] == 1
    assert (curve["waiting"].diff().iloc[1:] < 0).all()
    assert curve["waiting"].iloc[-1] >= 0
    assert curve["at_risk"].iloc[0] == len(closed) + len(still_open)
    assert curve["returned"].sum() == len(closed)
    assert (curve["returned"] <= curve["at_risk"]).all()


def test_open_gaps_may_come_in_any_order_and_customers_without_one_are_left_out():
    gaps = counted([3, 3, 8, 20, 41])
    still_open = [2.0, 8.0, 8.0, 30.0, 90.0]
    sorted_ones = waiting_curve(gaps, pd.Series(still_open))
    mixed = waiting_curve(gaps, pd.Series([90.0, 8.0, np.nan, 2.0, 30.0, 8.0, np.nan]))
    pd.testing.assert_frame_equal(sorted_ones, mixed)


def test_closed_gaps_may_come_in_any_order():
    gaps, still_open = counted([3, 3, 8, 20, 41]), pd.Series([2.0, 8.0, 30.0])
    expected = waiting_curve(gaps, still_open)
    for seed in range(5):
        mixed = waiting_curve(gaps.sample(frac=1, random_state=seed), still_open)
        pd.testing.assert_frame_equal(mixed, expected)


def test_without_open_gaps_the_curve_ends_at_zero_and_is_the_share_of_longer_gaps():
    closed = [2, 4, 4, 9]
    assert curve_of(closed, [])["waiting"].tolist() == pytest.approx([1, 0.75, 0.25, 0], abs=1e-15)


def test_where_nobody_has_come_back_everybody_waits_and_there_are_no_gaps():
    curve = curve_of([], [5, 10])
    assert curve[["days", "at_risk", "waiting"]].to_numpy().tolist() == [[0, 2, 1]]
    nothing = {"usual_days": None, "churn_days": None, "return_share": 0.0}
    assert measured_gaps(curve, YEAR) == nothing
    assert measured_gaps(curve_of([], []), YEAR) == nothing


# The usual gap and the churn gap


def test_the_usual_gap_is_where_half_of_the_returns_within_the_horizon_have_come():
    # Half of them have come back within the horizon: a quarter is passed at day 20.
    curve = hand_made([0, 10, 20, 30], [1.0, 0.8, 0.6, 0.5])
    gaps = measured_gaps(curve, 365)
    assert gaps["usual_days"] == 20
    assert gaps["return_share"] == 0.5


def test_exactly_half_of_the_returns_is_enough():
    assert measured_gaps(hand_made([0, 10, 20], [1.0, 0.75, 0.5]), 365)["usual_days"] == 10
    assert measured_gaps(curve_of([7, 11, 13], [500] * 3), 365)["usual_days"] == 11


def test_rounding_does_not_put_off_a_half_that_is_reached():
    for many in range(2, 60, 2):
        curve = curve_of(range(1, many + 1), [900] * 7)
        assert measured_gaps(curve, 365)["usual_days"] == many / 2


def test_a_return_on_the_last_day_of_the_horizon_counts_and_one_a_day_later_does_not():
    curve = hand_made([0, 100, 200], [1.0, 0.5, 0.25])
    assert measured_gaps(curve, 200)["return_share"] == 0.75
    assert measured_gaps(curve, 199)["return_share"] == 0.5


def test_the_churn_gap_is_where_fewer_than_the_share_come_back_within_the_horizon():
    # Of those who wait at day 10, one in four comes back; at day 20, one in three;
    # at day 50, nobody.
    curve = hand_made([0, 10, 20, 50], [1.0, 0.4, 0.3, 0.2])
    assert measured_gaps(curve, 365, return_share=0.1)["churn_days"] == 50
    assert measured_gaps(curve, 365, return_share=0.55)["churn_days"] == 10


def test_returns_later_than_the_horizon_do_not_put_off_the_churn_gap():
    curve = hand_made([0, 10, 400], [1.0, 0.5, 0.25])
    assert measured_gaps(curve, 365)["churn_days"] == 10
    assert measured_gaps(curve, 390)["churn_days"] == 400


def test_nobody_is_looked_for_as_lost_before_the_usual_gap():
    # Two in five are back within the horizon; of those who wait at day 10, five in six.
    gaps = measured_gaps(hand_made([0, 10, 370], [1.0, 0.6, 0.1]), 365, return_share=0.5)
    assert (gaps["usual_days"], gaps["churn_days"]) == (10, 370)


def test_exactly_the_share_is_not_fewer():
    assert measured_gaps(hand_made([0, 10, 20], [1.0, 0.5, 0.375]), 365, 0.25)["churn_days"] == 20


def test_exactly_one_in_ten_is_not_fewer_than_a_tenth():
    # Ten of twenty are back on day 10; of the other ten, one comes back on day 20.
    curve = curve_of([10] * 10 + [20], [500] * 9)
    assert measured_gaps(curve, 365, return_share=0.1)["churn_days"] == 20


def test_returns_that_all_come_after_the_horizon_give_no_gaps():
    gaps = measured_gaps(curve_of([400, 450], [500] * 3), 365)
    assert gaps == {"usual_days": None, "churn_days": None, "return_share": 0.0}


@examples
@given(some_lengths, lengths, shares)
def test_nobody_is_lost_before_being_late(closed, still_open, share):
    gaps = measured_gaps(curve_of(closed, still_open), YEAR, share)
    assert (gaps["usual_days"] is None) == (gaps["churn_days"] is None)
    if gaps["usual_days"] is not None:
        assert 1 <= gaps["usual_days"] <= gaps["churn_days"]


@examples
@given(some_lengths, lengths)
def test_a_larger_return_share_gives_a_churn_gap_no_later_and_the_same_usual_gap(
    closed, still_open
):
    curve = curve_of([*closed, 30], still_open)
    found = [measured_gaps(curve, YEAR, share) for share in (0.01, 0.05, 0.1, 0.25, 0.5, 0.9)]
    churn = [gaps["churn_days"] for gaps in found]
    assert churn == sorted(churn, reverse=True)
    assert len({gaps["usual_days"] for gaps in found}) == 1


@examples
@given(some_lengths, lengths, shares)
def test_the_measured_gaps_do_what_they_promise(closed, still_open, share):
    curve = curve_of([*closed, 30], still_open)
    gaps = measured_gaps(curve, YEAR, share)

    def waiting(day: float) -> float:
        return curve.loc[curve["days"] <= day, "waiting"].iloc[-1]

    usual, churn = gaps["usual_days"], gaps["churn_days"]
    returns = 1 - waiting(YEAR)
    assert gaps["return_share"] == pytest.approx(returns, abs=1e-9)
    assert 1 - waiting(usual) >= returns / 2 - 1e-9
    assert 1 - waiting(usual - 1) < returns / 2 + 1e-9
    assert waiting(churn) - waiting(churn + YEAR) <= share * waiting(churn) + 1e-9
    for day in curve.loc[curve["days"].between(usual, churn, inclusive="left"), "days"]:
        assert waiting(day) - waiting(day + YEAR) >= share * waiting(day) - 1e-9


def test_the_median_of_closed_gaps_is_too_short_where_many_are_open_still():
    # Returns after 200 days on average; customers observed for up to 300 days. Half of
    # those who return within 250 days do so within 88.4: -200 log((1 + exp(-1.25)) / 2).
    random = np.random.default_rng(7)
    waits, observed = random.exponential(200, 20_000), random.uniform(1, 300, 20_000)
    closed = np.ceil(waits[waits <= observed])
    usual = measured_gaps(curve_of(closed, observed[waits > observed]), 250)["usual_days"]
    truth = -200 * np.log((1 + np.exp(-1.25)) / 2)
    assert usual == pytest.approx(truth, rel=0.05)
    assert np.median(closed) < 0.9 * usual


# The time by which a share has come back, and what a naive quantile would say


@pytest.mark.parametrize(
    ("share", "days"),
    [(0.01, 10), (0.4, 10), (0.41, 20), (0.5, 20), (0.8, 20), (0.81, 50), (1, 50)],
)
def test_the_days_are_the_first_by_which_the_share_has_come_back(share, days):
    # Half come back within the horizon: two fifths of them by day 10, four fifths by day 20.
    curve = hand_made([0, 10, 20, 50, 400], [1.0, 0.8, 0.6, 0.5, 0.1])
    assert returned_by(curve, 365, share) == days


def test_returns_after_the_horizon_are_not_waited_for():
    curve = hand_made([0, 10, 400], [1.0, 0.9, 0.1])
    assert returned_by(curve, 365, 0.75) == 10
    assert returned_by(curve, 400, 0.75) == 400
    assert returned_by(hand_made([0, 400], [1.0, 0.1]), 365, 0.5) is None
    assert returned_by(curve_of([], [5.0]), 365, 0.5) is None


@examples
@given(some_lengths, lengths, shares)
def test_a_larger_share_takes_no_less_time(closed, still_open, share):
    curve = curve_of([*closed, 30], still_open)
    found = returned_by(curve, YEAR, share)
    assert 1 <= found <= returned_by(curve, YEAR, 1.0) <= YEAR
    assert returned_by(curve, YEAR, 0.5) == measured_gaps(curve, YEAR)["usual_days"]


def test_the_naive_gap_is_a_quantile_of_the_gaps_that_have_passed():
    curve = curve_of([2, 4, 4, 9, 500], [100.0] * 50)
    assert [naive_gap(curve, share) for share in (0.2, 0.21, 0.6, 0.8, 1)] == [2, 4, 4, 9, 500]
    assert naive_gap(curve, 1, horizon_days=365) == 9
    assert naive_gap(curve, 0.5, horizon_days=9) == 4


def test_without_gaps_that_have_passed_there_is_no_naive_gap():
    assert np.isnan(naive_gap(curve_of([], [5.0]), 0.5))
    assert np.isnan(naive_gap(curve_of([400], [5.0]), 0.5, horizon_days=365))


@examples
@given(some_lengths, lengths, shares)
def test_a_naive_gap_is_never_longer_than_the_measured_one(closed, still_open, share):
    curve = curve_of([*closed, 30], still_open)
    assert naive_gap(curve, share, YEAR) <= returned_by(curve, YEAR, share)
