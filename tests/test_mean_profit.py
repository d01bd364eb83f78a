"""Mean profit: the variances that are found, the pull to the mean, losses, and what may fail."""

from __future__ import annotations

import json

import numpy as np
import pytest

from segkit.models import ModelError
from segkit.models.mean_profit import MeanProfit

PARAMS = {"mean": 10.0, "within": 400.0, "between": 100.0, "doubt": 0.0}


def simulated(
    count: int, between: float, seed: int, within: float = 400.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return purchases, summed profit and true mean of customers of normal profits about 10."""
    random = np.random.default_rng(seed)
    purchases = 1 + random.negative_binomial(0.8, 0.3, count)
    true = random.normal(10, np.sqrt(between), count)
    noise = random.normal(0, np.sqrt(within), count) * np.sqrt(purchases)
    return purchases, purchases * true + noise, true


@pytest.mark.parametrize("between", [20.0, 100.0, 400.0])
def test_the_variances_of_simulated_customers_are_found_without_bias(between):
    fits = [MeanProfit().fit(*simulated(2000, between, seed)[:2]).params_ for seed in range(40)]
    mean, within, found = (np.mean([fit[name] for fit in fits]) for name in list(PARAMS)[:3])
    error = np.std([fit["between"] for fit in fits]) / np.sqrt(40)
    assert mean == pytest.approx(10, abs=0.3)
    assert within == pytest.approx(400, rel=0.03)
    assert found == pytest.approx(between, abs=3 * error)
    # The standard error that a fit states is that which fits have.
    stated = np.mean([fit["doubt"] for fit in fits])
    assert stated == pytest.approx(np.std([fit["between"] for fit in fits]), rel=0.3)


def test_what_is_expected_is_nearer_the_truth_than_the_own_mean_and_than_everyones():
    purchases, profit, true = simulated(2000, 100.0, seed=1)
    said = MeanProfit().fit(purchases, profit).expected_profit(purchases, profit)
    rmse = lambda values: float(np.sqrt(np.mean((values - true) ** 2)))
    assert rmse(said) < 0.85 * min(rmse(profit / purchases), rmse(np.full(2000, 10.0)))
    best = MeanProfit().with_params(PARAMS).expected_profit(purchases, profit)
    assert rmse(said) < 1.02 * rmse(best)


def test_customers_who_are_alike_are_all_expected_to_bring_nearly_the_mean():
    alike = 0
    for seed in range(20):
        purchases, profit, _ = simulated(1000, 0.0, seed)
        model = MeanProfit().fit(purchases, profit)
        alike += np.isinf(model.k)
        if np.isinf(model.k):
            assert set(model.expected_profit(purchases, profit)) == {model.params_["mean"]}
            assert model.params_["mean"] == pytest.approx(profit.sum() / purchases.sum(), abs=1)
    assert alike >= 14


def test_heavy_tails_make_no_characters_of_luck():
    errors = []
    for seed in range(10):
        purchases, profit, true = simulated(1000, 0.0, seed)
        random = np.random.default_rng(100 + seed)
        profit = profit + np.where(random.random(1000) < 0.003, 800 * random.normal(size=1000), 0)
        model = MeanProfit().fit(purchases, profit)
        errors.append(np.mean((model.expected_profit(purchases, profit) - true) ** 2))
    assert np.sqrt(np.mean(errors)) < 2.0  # a purchase's standard deviation being 20


def test_one_huge_loss_hardly_moves_the_others_and_counts_no_further_than_the_limit():
    purchases, profit, _ = simulated(2000, 100.0, seed=3)
    before = MeanProfit().fit(purchases, profit)
    profit[0] = -1e6
    model = MeanProfit().fit(purchases, profit)
    said = model.expected_profit(purchases, profit)
    assert model.clipped_ == 1
    assert model.params_["mean"] == pytest.approx(before.params_["mean"], abs=0.5)
    assert np.median(np.abs(said - before.expected_profit(purchases, profit))) < 0.5
    assert -200 < said[0] < 0


def test_more_purchases_weigh_more_and_losses_may_be_expected():
    model = MeanProfit().with_params(PARAMS)
    said = model.expected_profit([1, 4, 36], [-10.0, -40.0, -360.0])
    assert said == pytest.approx([10 - 20 / 5, 0.0, 10 - 20 * 0.9])
    assert model.k == 4


def test_who_has_no_purchase_or_no_known_profit_is_expected_to_bring_what_all_do():
    model = MeanProfit().with_params(PARAMS)
    assert model.expected_profit([0, 3], [0.0, np.nan]).tolist() == [10.0, 10.0]
    purchases, profit, _ = simulated(300, 100.0, seed=4)
    fewer = MeanProfit().fit(purchases[:200], profit[:200])
    profit[200:] = np.nan
    assert MeanProfit().fit(purchases, profit).params_ == fewer.params_


def test_money_in_other_units_gives_the_same_pull():
    purchases, profit, _ = simulated(500, 100.0, seed=5)
    one, cents = MeanProfit().fit(purchases, profit), MeanProfit().fit(purchases, 100 * profit)
    assert cents.k == pytest.approx(one.k, rel=1e-6)
    assert cents.params_["mean"] == pytest.approx(100 * one.params_["mean"], rel=1e-6)


@pytest.mark.parametrize(
    ("purchases", "profit", "mean"),
    [
        ([1], [-5.0], -5.0),
        ([1, 1, 1], [1.0, 2.0, 6.0], 3.0),
        ([1, 2, 3], [4.0, 8.0, 12.0], 4.0),
        ([1, 2, 3], [0.0, 0.0, 0.0], 0.0),
        ([2, 2], [-8.0, -8.0], -4.0),
    ],
)
def test_where_nothing_tells_customers_apart_all_are_expected_to_bring_the_mean(
    purchases, profit, mean
):
    model = MeanProfit().fit(purchases, profit)
    assert np.isinf(model.k)
    assert model.expected_profit(purchases, profit) == pytest.approx([mean] * len(purchases))


def test_customers_whose_purchases_are_always_alike_keep_their_own_mean():
    purchases, _, true = simulated(500, 100.0, seed=6)
    model = MeanProfit().fit(purchases, purchases * true)
    assert model.k < 0.2
    assert model.expected_profit(purchases, purchases * true) == pytest.approx(true, abs=4)


def test_resamples_scatter_about_the_fit_and_are_the_same_for_the_same_seed():
    model = MeanProfit().fit(*simulated(1000, 100.0, seed=7)[:2])
    draws = model.bootstrap(50, seed=1)
    assert draws == model.bootstrap(50, seed=1) != model.bootstrap(50, seed=2)
    for name in ("mean", "within", "between"):
        values = [draw[name] for draw in draws]
        assert np.mean(values) == pytest.approx(model.params_[name], abs=2 * np.std(values))
        assert np.std(values) > 0
    between = np.std([draw["between"] for draw in draws])
    assert between == pytest.approx(model.params_["doubt"], rel=0.5)


def test_the_state_travels_through_json():
    purchases, profit, _ = simulated(300, 100.0, seed=8)
    model = MeanProfit().fit(purchases, profit)
    again = MeanProfit.from_state(json.loads(json.dumps(model.to_state())))
    assert (
        again.expected_profit(purchases, profit) == model.expected_profit(purchases, profit)
    ).all()
    assert "a purchase" in str(model._facts())


@pytest.mark.parametrize(
    ("purchases", "profit", "problem"),
    [
        ([1, 2], [np.nan, np.nan], "no customer's profit is known"),
        ([0], [5.0], "no customer's profit is known"),
        ([], [], "no customer's profit is known"),
        ([1, 2], [np.inf, 1.0], "is not finite"),
        ([1, 2], [1.0], "has 1 values"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_says_so(purchases, profit, problem):
    with pytest.raises(ModelError, match=problem):
        MeanProfit().fit(purchases, profit)
