"""Which purchase model speaks: by fits alone, and by tests of the past."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from segkit.errors import SegkitError
from segkit.models import (
    BGNBD,
    MBGNBD,
    ModelError,
    ParetoNBD,
    PurchaseModel,
    choice_by_fit,
    choice_by_tests,
)
from segkit.models.choice import ByFit, ByTests

KINDS = {"bg_nbd": BGNBD, "mbg_nbd": MBGNBD, "pareto_nbd": ParetoNBD}
WEEKS = 61
"""Fourteen months."""


def seen(random: np.random.Generator, again: np.ndarray, leaves: np.ndarray, gap: Callable):
    """Return x, t_x, T of customers of whom those who buy `again` leave after each repeat."""
    T = random.uniform(0, WEEKS, len(again))
    x, t_x, moment, there = np.zeros(len(T)), np.zeros(len(T)), np.zeros(len(T)), again.copy()
    while there.any():
        moment = np.where(there, moment + gap(), moment)
        there &= moment <= T
        x, t_x = x + there, np.where(there, moment, t_x)
        there &= random.uniform(size=len(T)) > leaves
    T = np.ceil(T * 7) / 7
    return x, np.minimum(np.ceil(t_x * 7) / 7, T), T


def few_come_back(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A base of 1,500 of whom a fifth or so have two orders, hardly any more, soon or never."""
    random = np.random.default_rng(seed)
    again = random.uniform(size=1500) < 0.25
    return seen(random, again, np.full(1500, 0.9), lambda: random.gamma(2, 4, 1500))


def half_leave_at_once(seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A base of 1,500 who live by MBG/NBD: most leave right after the first order."""
    random = np.random.default_rng(seed)
    rate, leaves = random.gamma(5, 1 / 60, 1500), random.beta(4, 1.2, 1500)
    again = random.uniform(size=1500) > leaves
    return seen(random, again, leaves, lambda: random.exponential(1 / rate))


def fitted(rows: tuple[np.ndarray, ...]) -> dict[str, PurchaseModel]:
    return {name: kind().fit(*rows) for name, kind in KINDS.items()}


def model(log_likelihood: float, *at_bound: str) -> PurchaseModel:
    made = MBGNBD()
    made.log_likelihood_, made.at_bound_ = log_likelihood, list(at_bound)
    return made


# Fits alone


def test_bg_ranks_a_base_of_few_repeats_the_wrong_way_round_and_is_not_used():
    rows = few_come_back()
    x, t_x, T = rows
    fits = fitted(rows)
    assert 0.18 < (x > 0).mean() < 0.25
    last_month, silent = (x > 0) & (T - t_x < 30 / 7), (x == 0) & (T >= 40)
    alive = {name: fit.p_alive(*rows) for name, fit in fits.items()}
    assert alive["bg_nbd"][last_month].mean() < 0.15
    assert alive["bg_nbd"][silent].mean() == 1
    for name in ("mbg_nbd", "pareto_nbd"):
        assert alive[name][last_month].mean() > 10 * alive[name][silent].mean()
        assert fits[name].log_likelihood_ > fits["bg_nbd"].log_likelihood_ + 10
    assert fits["bg_nbd"].at_bound_ == ["a"]
    assert choice_by_fit(fits).name == "mbg_nbd"


def test_a_model_that_is_beaten_by_20_units_is_left_for_the_likeliest():
    fits = fitted(half_leave_at_once())
    assert not any(fit.at_bound_ for fit in fits.values())
    lead = fits["mbg_nbd"].log_likelihood_ - fits["bg_nbd"].log_likelihood_
    assert lead > 15
    assert choice_by_fit(fits, "bg_nbd").reason == "beaten"
    assert choice_by_fit(fits) == ("mbg_nbd", "default")


@pytest.mark.parametrize(
    ("fits", "chosen"),
    [
        ({"a": model(-100), "b": model(-96.1)}, ("a", "default")),
        ({"a": model(-100), "b": model(-95.9)}, ("b", "beaten")),
        ({"a": model(-100), "b": model(-95), "c": model(-90)}, ("c", "beaten")),
        ({"a": model(-100), "b": model(-50, "r")}, ("a", "default")),
        ({"a": model(-100, "r"), "b": model(-103)}, ("b", "at_bound")),
        ({"a": model(-100, "r"), "b": model(-90)}, ("b", "at_bound")),
        ({"a": model(-100, "r"), "b": model(-105)}, ("a", "none_better")),
        ({"a": model(-100, "r"), "b": model(-50, "r")}, ("a", "none_better")),
        ({"a": model(-100, "r")}, ("a", "none_better")),
        ({"b": model(-100), "c": model(-90, "r")}, ("b", "not_fitted")),
        ({"b": model(-100, "r"), "c": model(-90, "r")}, ("c", "not_fitted")),
    ],
)
def test_the_default_is_left_for_a_reason_and_for_a_model_that_is_sound(fits, chosen):
    assert choice_by_fit(fits, "a") == ByFit(*chosen)


def test_no_fits_are_an_error_with_a_reason():
    with pytest.raises(ModelError, match="no model could be fitted") as error:
        choice_by_fit({})
    assert error.value.reason == "not_converged"


# Tests of the past


def drawn(customers: int, gain: float, seed: int = 5) -> dict[str, list[np.ndarray]]:
    random = np.random.default_rng(seed)
    ours = random.gamma(0.3, 4, customers)
    return {"a": [ours], "b": [ours - gain + random.normal(0, 1, customers)]}


def test_a_model_that_is_better_by_more_than_the_error_is_taken():
    chosen = choice_by_tests(drawn(1000, 0.2), "a")
    assert (chosen.name, chosen.reason) == ("b", "smaller_deviance")
    assert chosen.gain > chosen.error


def test_a_model_that_is_better_by_less_than_the_error_is_not_taken():
    deviances = {"a": [[5.0, 0, 3, 3]], "b": [[0.0, 4, 3, 3]]}
    chosen = choice_by_tests(deviances, "a")
    assert (chosen.name, chosen.reason, chosen.gain) == ("a", "within_error", 1)
    assert chosen.error > 1


def test_the_best_of_several_is_compared_with_the_default():
    deviances = drawn(1000, 0.2) | {"c": drawn(1000, 0.4)["b"], "d": drawn(1000, -1)["b"]}
    assert choice_by_tests(deviances, "a").name == "c"
    worse = choice_by_tests({name: deviances[name] for name in ("a", "d")}, "a")
    assert (worse.name, worse.reason) == ("a", "default")
    assert worse.gain < 0


def test_the_error_is_that_of_a_paired_bootstrap():
    deviances = drawn(400, 0.1)
    differences = deviances["a"][0] - deviances["b"][0]
    random = np.random.default_rng(8)
    sums = [random.choice(differences, len(differences)).sum() for _ in range(4000)]
    assert choice_by_tests(deviances, "a").error == pytest.approx(np.std(sums), rel=0.04)


def test_cuts_are_added_up():
    one, two = drawn(500, 0.2, seed=1), drawn(800, 0.1, seed=2)
    both = choice_by_tests({name: one[name] + two[name] for name in one}, "a")
    first, second = choice_by_tests(one, "a"), choice_by_tests(two, "a")
    assert both.gain == pytest.approx(first.gain + second.gain)
    assert both.error == pytest.approx(np.hypot(first.error, second.error))


def test_a_customer_who_is_there_at_two_cuts_counts_as_one():
    deviances = {name: cuts * 2 for name, cuts in drawn(500, 0.2).items()}
    who = [np.arange(500).astype(str)] * 2
    known = choice_by_tests(deviances, "a", customers=who)
    apart = choice_by_tests(deviances, "a")
    assert known.gain == apart.gain
    assert known.error == pytest.approx(apart.error * np.sqrt(2))


def test_a_default_without_rivals_stays():
    chosen = choice_by_tests({"a": [[1.0, 2]]}, "a")
    assert (chosen.name, chosen.reason) == ("a", "default")
    assert np.isnan(chosen.gain)


def test_a_default_that_was_not_tested_is_an_error_with_the_nearest_name():
    with pytest.raises(SegkitError, match="did you mean 'mbg_nbd'"):
        choice_by_tests({"mbg_nbd": [[1.0]]}, "mbg_nb")


@pytest.mark.parametrize(
    ("theirs", "text"),
    [
        ([[1.0, 2]], "b: has 1 cuts, not 2"),
        ([[1.0, 2], [1.0]], "b: has 1 values, not 2"),
        ([[1.0, np.nan], [1.0, 2]], "b: impossible values"),
        ([[1.0, np.inf], [1.0, 2]], "b: impossible values"),
    ],
)
def test_deviances_of_other_customers_are_refused(theirs, text):
    with pytest.raises(ModelError, match=text) as error:
        choice_by_tests({"a": [[1.0, 2], [3.0, 4]], "b": theirs}, "a")
    assert error.value.reason == "bad_values"


def test_customers_are_as_many_as_deviances():
    with pytest.raises(ModelError, match="customers: names 1 customers, not 2"):
        choice_by_tests({"a": [[1.0, 2]], "b": [[1.0, 2]]}, "a", customers=[["ana"]])


def test_a_million_customers_are_compared_at_once():
    chosen = choice_by_tests(drawn(1_000_000, 0.01), "a")
    assert isinstance(chosen, ByTests)
    assert chosen.error == pytest.approx(1000, rel=0.01)
