"""The client's clock, on made shops whose months are known."""

from __future__ import annotations

import numpy as np
import pytest
from made_shops import CHRISTMAS, START, made

from segkit.errors import SegkitError
from segkit.models import BGNBD, MBGNBD, ParetoNBD
from segkit.models.clock import Clock

WEEK = 7.0


@pytest.mark.parametrize("growth", [-0.5, 0.0, 0.6])
def test_the_months_of_a_christmas_shop_are_found_whether_it_grows_or_shrinks(growth):
    shop = made(CHRISTMAS, growth=growth)
    found = np.array(shop.learnt().months_)
    assert found[11] == pytest.approx(shop.months[11], rel=0.15)
    assert np.abs(found - shop.months).max() < 0.25
    assert np.corrcoef(found, shop.months)[0, 1] > 0.9


def test_a_shop_without_seasons_has_an_even_clock():
    assert np.abs(np.array(made().learnt().months_) - 1).max() < 0.15


def test_a_shop_that_closes_in_august_stands_still_in_august():
    found = made(((7, 0.0),)).learnt().months_
    assert found[7] < 0.2
    assert min(found[:7] + found[8:]) > 0.8


@pytest.mark.parametrize("model", [BGNBD, MBGNBD, ParetoNBD])
def test_any_purchase_model_finds_the_same_months(model):
    shop = made(CHRISTMAS)
    assert np.abs(np.array(shop.learnt(model()).months_) - shop.months).max() < 0.25


def test_before_christmas_the_clock_foretells_more_than_the_calendar():
    whole = made(CHRISTMAS, customers=4000)
    cut = whole.end - 92  # October, November and December are to come
    known = whole.until(cut)
    later = whole.repeats[whole.repeats["day"] >= cut]
    came = (whole.first[later["who"]] < cut).sum()
    model = MBGNBD()
    clock = known.learnt(model)
    histories = (
        known.x,
        clock.between(known.first, known.last) / WEEK,
        clock.between(known.first, cut) / WEEK,
    )
    on_clock = model.expected_orders(clock.between(cut, whole.end) / WEEK, *histories).sum()
    even = (known.x, (known.last - known.first) / WEEK, (cut - known.first) / WEEK)
    on_calendar = MBGNBD().fit(*even).expected_orders(92 / WEEK, *even).sum()
    assert on_clock == pytest.approx(came, rel=0.12)
    assert on_calendar < 0.8 * came


def test_under_a_year_no_months_are_known_and_the_clock_is_the_calendar():
    clock = made(CHRISTMAS, years=0.9).learnt()
    assert (clock.problem_, clock.is_calendar) == ("short_history", True)
    assert clock.between([START], [START + 100]).tolist() == pytest.approx([100.0])


def test_of_a_single_cohort_months_cannot_be_told_from_age():
    assert made(CHRISTMAS, within=14).learnt().problem_ == "one_cohort"


def test_few_repeats_tell_no_months():
    assert made(CHRISTMAS, customers=60, rate=1 / 4000).learnt().problem_ == "few_repeats"


def test_a_growing_pace_is_half_kept_after_the_last_day():
    clock = Clock()
    clock._set(START, START + 730, np.zeros(12), 0.2, None)
    year = 365.25
    past = clock.between([START + 365], [START + 730]) / clock.between([START], [START + 365])
    ahead = clock.between([START + 730 + 365], [START + 730 + 730]) / clock.between(
        [START + 730], [START + 730 + 365]
    )
    assert past[0] == pytest.approx(np.exp(0.2 * 365 / year), rel=1e-3)
    assert ahead[0] == pytest.approx(np.exp(0.1 * 365 / year), rel=1e-3)


def test_the_past_counts_as_long_as_it_lasted():
    clock = made(CHRISTMAS).learnt()
    whole = clock.between([clock.origin_], [clock.end_])
    assert whole[0] == pytest.approx(clock.end_ - clock.origin_)


def test_normal_days_and_days_of_the_calendar_turn_into_each_other():
    clock = made(CHRISTMAS).learnt()
    days = np.array([0, 1, 40, 400])
    normal = clock.between(clock.end_, clock.end_ + days)
    assert clock.days_of(normal) == pytest.approx(days)


def test_a_clock_travels_with_its_state():
    clock = made(CHRISTMAS).learnt()
    again = Clock.from_state(clock.to_state())
    ends = clock.end_, clock.end_ + 200
    assert again.between(*ends) == pytest.approx(clock.between(*ends))
    assert again.months_ == clock.months_


def test_days_of_another_number_are_refused():
    shop = made()
    with pytest.raises(SegkitError, match="days, not"):
        Clock().fit(MBGNBD(), shop.x, shop.first, shop.last, shop.end, [1.0, 2.0])
