"""The smallest rise that a comparison with a control group shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import norm

from segkit.analysis.power import smallest_uplift
from segkit.errors import DataError


def power_of(rise: float, rate: float, contacted: int, control: int, level: float = 0.05) -> float:
    """Return the power of the z test: pooled variance at first, each group's own after."""
    raised = rate + rise
    pooled = np.average([raised, rate], weights=[contacted, control])
    unchanged = np.sqrt(pooled * (1 - pooled) * (1 / contacted + 1 / control))
    changed = np.sqrt(raised * (1 - raised) / contacted + rate * (1 - rate) / control)
    beyond = rise - norm.ppf(1 - level / 2) * unchanged
    return norm.cdf(beyond / changed) if changed else float(beyond > 0)


# R's documentation of power.prop.test: 50 a group tell 50 % from 75 % with a power of 0.740,
# 76.7 a group with 0.90; and 90 % from 100 % takes 74 a group at 0.80.
@pytest.mark.parametrize(("size", "power"), [(50, 0.740), (76.7, 0.90)])
def test_published_sizes_and_powers_give_their_published_difference(size, power):
    assert smallest_uplift(0.5, size, size, power=power) == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(("size", "shows"), [(30, False), (73, False), (74, True)])
def test_certainty_shows_from_the_published_size_on(size, shows):
    found = smallest_uplift(0.9, size, size)
    assert (found is not None) == shows
    assert found is None or found == pytest.approx(0.1, abs=1e-3)


def test_a_hand_calculation_with_groups_of_different_sizes():
    # 10 % against 14 %, 4000 and 500 customers: pooled rate (560 + 50) / 4500 = 0.13556;
    # deviation while nothing changed 0.0162375, where it did 0.0144948:
    # 0.04 = 1.959964 * 0.0162375 + z * 0.0144948: z = 0.56400, and the power is 0.71362.
    assert smallest_uplift(0.10, 4000, 500, power=0.71362) == pytest.approx(0.04, abs=1e-6)


@given(
    rate=st.floats(0, 0.99),
    contacted=st.integers(1, 10**6),
    control=st.integers(1, 10**6),
    power=st.floats(0.5, 0.99),
    level=st.floats(0.001, 0.5),
)
def test_the_rise_found_has_the_power_asked_for(rate, contacted, control, power, level):
    found = smallest_uplift(rate, contacted, control, power=power, level=level)
    room = 1 - rate
    lacks = lambda rise: power_of(rise, rate, contacted, control, level) - power
    if found is None:
        assert lacks(room * (1 - 1e-12)) < 1e-6
    elif found < room * (1 - 1e-9):
        assert 0 < found <= room
        assert found == pytest.approx(brentq(lacks, found / 2, min(2 * found, room)), rel=1e-6)


def test_the_rise_found_shows_as_often_in_drawn_groups_as_it_should():
    rate, contacted, control = 0.05, 9000, 1000
    raised = rate + smallest_uplift(rate, contacted, control)
    draw = np.random.default_rng(42)
    first = draw.binomial(contacted, raised, 20_000) / contacted
    second = draw.binomial(control, rate, 20_000) / control
    pooled = (contacted * first + control * second) / (contacted + control)
    deviation = np.sqrt(pooled * (1 - pooled) * (1 / contacted + 1 / control))
    shown = np.abs(first - second) / deviation > norm.ppf(0.975)
    assert shown.mean() == pytest.approx(0.8, abs=0.02)


def test_more_customers_show_less_and_more_power_asks_for_more():
    sizes = [smallest_uplift(0.1, 9 * size, size) for size in (100, 1000, 10_000)]
    assert sizes == sorted(sizes, reverse=True)
    powers = [smallest_uplift(0.1, 900, 100, power=power) for power in (0.5, 0.8, 0.95)]
    assert powers == sorted(powers)


@pytest.mark.parametrize(
    ("rate", "contacted", "control"),
    [(0.1, 0, 10), (0.1, 10, 0), (1.0, 10**6, 10**6), (float("nan"), 10, 10), (0.0, 1, 1)],
)
def test_nothing_shows_without_customers_or_room_or_a_rate(rate, contacted, control):
    assert smallest_uplift(rate, contacted, control) is None


def test_a_rate_of_nothing_can_rise():
    assert smallest_uplift(0.0, 1000, 100) == pytest.approx(0.0474, abs=1e-4)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"rate": 1.2}, "rate: out of range: 1.2. Fix: give 0 to 1"),
        ({"rate": -0.1}, "rate: out of range: -0.1. Fix: give 0 to 1"),
        ({"power": 0.3}, "power: out of range: 0.3. Fix: give 0.5 or more"),
        ({"power": 1}, "power: out of range: 1. Fix: give 0.5 or more"),
        ({"level": 0}, "level: out of range: 0. Fix: give more than 0"),
    ],
)
def test_a_number_out_of_its_range_is_refused(given, problem):
    arguments = {"rate": 0.1, "contacted": 90, "control": 10} | given
    with pytest.raises(DataError) as caught:
        smallest_uplift(**arguments)
    assert str(caught.value).startswith(problem)
