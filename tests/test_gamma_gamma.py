"""Gamma-Gamma: CDNOW's published results, arbitrary precision, properties, state, errors."""

from __future__ import annotations

import json
import pickle

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from sklearn.base import clone
from test_models import cdnow_customers

from segkit.errors import SegkitError
from segkit.models import GammaGamma, ModelError
from segkit.models.gamma_gamma import Spend

TRUTH = {"p": 6.0, "q": 3.5, "gamma": 16.0}


def simulated(customers: int, seed: int, **values: float) -> tuple[np.ndarray, np.ndarray]:
    """Return purchases and mean spend of repeat buyers who live by the model's story."""
    random, values = np.random.default_rng(seed), {**TRUTH, **values}
    x = 1 + random.poisson(2, customers)
    rate = random.gamma(values["q"], 1 / values["gamma"], customers)
    return x, random.gamma(values["p"] * x, 1 / rate) / x


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return cdnow_customers()


@pytest.fixture(scope="module")
def fitted(cdnow) -> GammaGamma:
    return GammaGamma().fit(cdnow["x"], cdnow["monetary_mean"])


# Published results on CDNOW


def test_parameters_and_log_likelihood_are_those_published(fitted):
    """CDNOW, table: the row of Gamma-Gamma."""
    published = {"p": 6.24957, "q": 3.74422, "gamma": 15.44352}
    assert fitted.params_ == pytest.approx(published, rel=1e-3)
    assert fitted.log_likelihood_ == pytest.approx(-4055.91769, abs=1e-3)


def test_means_rounded_to_cents_give_the_figure_of_rounded_copies(cdnow):
    """CDNOW, below the table: copies of the data that are rounded, halves upwards."""
    cents = np.floor(100 * cdnow["monetary_mean"] + 0.5 + 1e-9)
    model = GammaGamma().fit(cdnow["x"], cents / 100)
    assert model.log_likelihood_ == pytest.approx(-4055.9232, abs=1e-3)


def test_expected_spend_of_the_first_ten_customers_is_that_published(cdnow, fitted):
    """CDNOW, point values: Gamma-Gamma, customers in the sample's order."""
    spend = fitted.expected_spend(cdnow["x"], cdnow["monetary_mean"])[:10]
    published = [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17]
    assert spend == pytest.approx(published, abs=0.1)


def test_repeat_spend_and_its_correlation_with_purchases_are_those_published(cdnow, fitted):
    """CDNOW, repeat spend: mean, standard deviation, median, customers, correlation."""
    spend = cdnow.loc[cdnow["x"] > 0, "monetary_mean"]
    figures = [spend.mean(), spend.std(), spend.median()]
    assert figures == pytest.approx([35, 30, 27], abs=0.5)
    assert fitted.customers_ == len(spend) == 946
    assert fitted.correlation_ == pytest.approx(0.1139, abs=5e-5)


# Arbitrary precision


@pytest.fixture
def forty_digits():
    with mp.workdps(40):
        yield


def over_rates(part, shape: mp.mpf, rate: mp.mpf) -> mp.mpf:
    """Return the mean of `part` over a gamma law, integrated over its logarithm."""

    def at(log_value):
        value = mp.exp(log_value)
        return part(value) * mp.exp(
            shape * mp.log(rate * value) - rate * value - mp.loggamma(shape)
        )

    centre, width = mp.log(shape / rate), 1 / mp.sqrt(shape)
    return mp.quad(at, [centre + width * step for step in (-60, -20, -8, -3, 0, 3, 8, 20)])


@pytest.mark.usefixtures("forty_digits")
def test_the_log_likelihood_is_that_of_spend_at_a_gamma_rate(cdnow):
    few = cdnow[cdnow["x"] > 0].head(12)
    model = GammaGamma().fit(few["x"], few["monetary_mean"])
    p, q, gamma = (mp.mpf(value) for value in model.params_.values())

    def density(x, mean):
        x, mean = mp.mpf(float(x)), mp.mpf(float(mean))
        return lambda rate: mp.exp(
            p * x * mp.log(rate * x)
            + (p * x - 1) * mp.log(mean)
            - rate * x * mean
            - mp.loggamma(p * x)
        )

    each = [
        mp.log(over_rates(density(x, mean), q, gamma))
        for x, mean in zip(few["x"], few["monetary_mean"], strict=True)
    ]
    assert model.log_likelihood_ == pytest.approx(float(mp.fsum(each)), rel=1e-10)


@pytest.mark.usefixtures("forty_digits")
@pytest.mark.parametrize(
    ("params", "x", "mean"),
    [
        ((6.25, 3.74, 15.44), 2, 22.35),
        ((6.25, 3.74, 15.44), 0, 0),
        ((6.25, 3.74, 15.44), 1000, 80),
        ((0.5, 1.2, 300), 1, 0.01),
        ((40, 30, 2), 7, 1e6),
    ],
)
def test_expected_spend_is_the_mean_over_the_customers_rate(params, x, mean):
    p, q, gamma = (mp.mpf(value) for value in params)
    shape, rate = p * x + q, gamma + x * mp.mpf(mean)
    # The mean of p / rate under a gamma law is that of p under a law of one shape less.
    exact = over_rates(lambda value: p, shape - 1, rate) * rate / (shape - 1)
    model = GammaGamma().with_params(dict(zip(GammaGamma.names, params, strict=True)))
    assert model.expected_spend([x], [mean])[0] == pytest.approx(float(exact), rel=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_the_gradient_is_that_of_the_log_likelihood(seed):
    random = np.random.default_rng(seed)
    mean, weights = random.gamma(2, 0.5, 30), random.integers(1, 9, 30).astype(float)
    rows = Spend(np.array([1.0, 2, 5, 40]), random.integers(0, 4, 30), mean, weights)
    model, logs = GammaGamma(), random.normal(0, 1.5, 3)
    slope = model._objective(logs, rows)[1]
    error = check_grad(
        lambda logs: model._objective(logs, rows)[0],
        lambda logs: model._objective(logs, rows)[1],
        logs,
    )
    assert error < 1e-5 * (1 + np.linalg.norm(slope))


# Properties

settled = st.fixed_dictionaries(
    {
        "p": st.floats(-3, 3).map(lambda power: 10.0**power),
        "q": st.floats(-3, 3).map(lambda power: 1 + 10.0**power),
        "gamma": st.floats(-3, 3).map(lambda power: 10.0**power),
    }
)


@settings(max_examples=60)
@given(params=settled, x=st.integers(1, 1000), mean=st.floats(0.01, 1e6))
def test_expected_spend_lies_between_the_customers_own_and_everybodys(params, x, mean):
    model = GammaGamma().with_params(params)
    everybody = model.expected_spend([0], [0])[0]
    low, high = sorted([mean, everybody])
    own = model.expected_spend([x, x + 1], [mean, mean])
    assert np.isfinite(own).all()
    assert ((own >= low * (1 - 1e-12)) & (own <= high * (1 + 1e-12))).all()
    assert abs(own[1] - mean) <= abs(own[0] - mean) + 1e-9 * high


def test_a_one_time_buyer_is_expected_to_spend_what_all_do(fitted):
    p, q, gamma = fitted.params_.values()
    spend = fitted.expected_spend([0, 0, 0], [np.nan, 500, -3])
    assert spend == pytest.approx([p * gamma / (q - 1)] * 3, rel=1e-12)


def test_one_time_buyers_do_not_count_in_the_fit(cdnow, fitted):
    repeats = cdnow[cdnow["x"] > 0]
    model = GammaGamma().fit(repeats["x"], repeats["monetary_mean"])
    assert model.params_ == fitted.params_
    missing = cdnow["monetary_mean"].where(cdnow["x"] > 0)
    assert GammaGamma().fit(cdnow["x"], missing).params_ == fitted.params_


def test_money_in_cents_scales_gamma_and_the_expected_spend(cdnow, fitted):
    x, mean = cdnow["x"], cdnow["monetary_mean"]
    cents = GammaGamma().fit(x, 100 * mean)
    assert cents.params_["gamma"] == pytest.approx(100 * fitted.params_["gamma"], rel=1e-6)
    for name in ("p", "q"):
        assert cents.params_[name] == pytest.approx(fitted.params_[name], rel=1e-6)
    spend = 100 * fitted.expected_spend(x, mean)
    np.testing.assert_allclose(cents.expected_spend(x, 100 * mean), spend, rtol=1e-6)
    shift = cents.log_likelihood_ - fitted.log_likelihood_
    assert shift == pytest.approx(-946 * np.log(100), abs=1e-6)


def test_the_order_of_customers_does_not_matter(cdnow, fitted):
    moved = cdnow.sample(frac=1, random_state=3)
    model = GammaGamma().fit(moved["x"], moved["monetary_mean"])
    assert model.params_ == pytest.approx(fitted.params_, rel=1e-7)
    assert model.correlation_ == pytest.approx(fitted.correlation_, rel=1e-9)


def test_grouped_counts_fit_as_repeated_customers_do(cdnow):
    repeats = cdnow[cdnow["x"] > 0].assign(customers=lambda table: 1 + table["x"] % 3)
    each = repeats.loc[repeats.index.repeat(repeats["customers"])]
    repeated = GammaGamma().fit(each["x"], each["monetary_mean"])
    model = GammaGamma().fit(repeats["x"], repeats["monetary_mean"], weights=repeats["customers"])
    assert model.params_ == pytest.approx(repeated.params_, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(repeated.log_likelihood_, rel=1e-9)
    assert model.customers_ == repeated.customers_ == len(each)
    assert model.correlation_ == pytest.approx(repeated.correlation_, rel=1e-9)
    np.testing.assert_allclose(model.standard_errors(), repeated.standard_errors(), rtol=1e-5)


def test_any_other_parameters_are_less_likely(cdnow, fitted):
    repeats = cdnow[cdnow["x"] > 0]
    place, x = pd.factorize(repeats["x"].to_numpy())
    rows = Spend(x, place, repeats["monetary_mean"].to_numpy(), np.ones(len(repeats)))
    best = np.log(list(fitted.params_.values()))
    top = fitted._objective(best, rows)[0]
    assert -top * len(repeats) == pytest.approx(fitted.log_likelihood_, rel=1e-10)
    for unit in np.eye(3):
        for step in (-0.02, 0.02):
            assert fitted._objective(best + step * unit, rows)[0] > top


def test_rounded_means_lead_to_the_same_maximum(cdnow, fitted, monkeypatch):
    monkeypatch.setattr("segkit.models.gamma_gamma.FEW", 100)
    model = GammaGamma().fit(cdnow["x"], cdnow["monetary_mean"])
    assert model.params_ == pytest.approx(fitted.params_, rel=1e-5)
    assert model.log_likelihood_ == pytest.approx(fitted.log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(model.standard_errors(), fitted.standard_errors(), rtol=0.05)


def test_rounding_keeps_customers_and_their_spend_and_saves_rows(monkeypatch):
    monkeypatch.setattr("segkit.models.gamma_gamma.FEW", 100)
    x, mean = simulated(2_000, seed=3)
    place, distinct = pd.factorize(x)
    rows = Spend(distinct, place, mean, np.ones(len(x)))
    few = rows.rounded()
    assert len(few.weights) < len(rows.weights) / 2
    assert few.weights.sum() == 2_000
    assert few.weights @ (few.x[few.ix] * few.mean) == pytest.approx(x @ mean)


def test_parameters_of_simulated_customers_are_found_again():
    model = GammaGamma().fit(*simulated(20_000, seed=7))
    errors = model.standard_errors()
    for name, value in TRUTH.items():
        assert model.params_[name] == pytest.approx(value, abs=4 * errors[name])
        assert errors[name] < 0.1 * value
    assert abs(model.correlation_) < 0.03


def test_the_correlation_is_that_of_repeat_buyers():
    x, mean = [1, 2, 3, 4, 0], [5.0, 9, 8, 14, 900]
    model = GammaGamma().fit(x, mean)
    assert model.correlation_ == pytest.approx(np.corrcoef(x[:4], mean[:4])[0, 1])


def test_customers_who_all_buy_as_often_have_no_correlation():
    _, mean = simulated(200, seed=2)
    assert GammaGamma().fit(np.full(200, 3), mean).correlation_ == 0


@pytest.mark.parametrize("factor", [1 / 20, 1, 20])
def test_a_fit_leads_to_the_same_maximum_wherever_it_begins(cdnow, fitted, factor):
    start = {name: value * factor for name, value in fitted.params_.items()}
    model = GammaGamma().fit(cdnow["x"], cdnow["monetary_mean"], start=start)
    assert model.params_ == pytest.approx(fitted.params_, rel=1e-5)


def test_a_fit_that_begins_near_its_maximum_takes_fewer_steps(cdnow, fitted):
    some = GammaGamma().fit(cdnow["x"].head(1500), cdnow["monetary_mean"].head(1500))
    model = GammaGamma().fit(cdnow["x"], cdnow["monetary_mean"], start=some.params_)
    assert model.iterations_ < fitted.iterations_


# Bootstrap


def test_a_bootstrap_is_the_same_for_a_seed_and_another_for_another(fitted):
    fits = fitted.bootstrap(5, seed=1)
    assert len(fits) == 5
    assert fits == fitted.bootstrap(5, seed=1)
    assert fits != fitted.bootstrap(5, seed=2)


def test_the_order_of_customers_does_not_matter_to_a_bootstrap(cdnow, fitted):
    mixed = cdnow.sample(frac=1, random_state=3)
    again = GammaGamma().fit(mixed["x"], mixed["monetary_mean"]).bootstrap(3, seed=1)
    wanted = pd.DataFrame(fitted.bootstrap(3, seed=1))
    pd.testing.assert_frame_equal(pd.DataFrame(again), wanted, rtol=1e-6)


def test_a_bootstrap_is_centred_on_the_fit(fitted):
    fits = pd.DataFrame(fitted.bootstrap(100, seed=5))
    errors = fitted.standard_errors()
    for name, value in fitted.params_.items():
        assert fits[name].median() == pytest.approx(value, abs=errors[name])
        assert errors[name] / 2 < fits[name].std() < 3 * errors[name]


# Estimators


def test_the_summary_has_a_row_a_parameter_and_then_the_facts_of_the_fit(fitted):
    summary = fitted.summary
    facts = ["log_likelihood", "iterations", "converged", "customers"]
    assert list(summary.index) == ["p", "q", "gamma", *facts]
    params = summary.loc[["p", "q", "gamma"]]
    assert (params["low"] < params["value"]).all()
    assert (params["value"] < params["high"]).all()
    assert summary.loc["customers", "value"] == 946
    assert summary.loc["converged", "value"] == 1


def test_fit_returns_the_model_and_a_clone_drops_the_fit(fitted, cdnow):
    model = GammaGamma()
    assert model.fit(cdnow["x"], cdnow["monetary_mean"]) is model
    assert model.get_params() == {}
    assert not hasattr(clone(model), "params_")


def test_an_unknown_parameter_is_an_error():
    with pytest.raises(SegkitError, match="unknown name"):
        GammaGamma().set_params(time_unit="weeks")


def test_pickles_and_states_predict_the_same(cdnow, fitted):
    x, mean = cdnow["x"], cdnow["monetary_mean"]
    state = json.loads(json.dumps(fitted.to_state()))
    for copy in (pickle.loads(pickle.dumps(fitted)), GammaGamma.from_state(state)):
        np.testing.assert_array_equal(copy.expected_spend(x, mean), fitted.expected_spend(x, mean))
        assert copy.correlation_ == fitted.correlation_
        pd.testing.assert_frame_equal(copy.summary, fitted.summary)


def test_a_model_read_from_its_state_says_that_it_has_no_rows_to_resample(fitted):
    with pytest.raises(SegkitError, match="no rows to resample"):
        GammaGamma.from_state(fitted.to_state()).bootstrap(2)


# Errors


@pytest.mark.parametrize(
    ("reason", "x", "mean"),
    [
        ("no_repeat_buyers", [], []),
        ("no_repeat_buyers", [0, 0], [5, 6]),
        ("one_customer", [2, 0], [5, 6]),
        ("no_positive_spend", [2, 3], [5, 0]),
        ("no_positive_spend", [2, 3], [-5, 5]),
        ("bad_values", [2, 3], [5, np.nan]),
        ("bad_values", [2, 3], [5, np.inf]),
        ("bad_values", [2, np.nan], [5, 6]),
        ("bad_values", ["a", "b"], [5, 6]),
    ],
)
def test_a_fit_that_cannot_be_made_says_why_by_name(reason, x, mean):
    with pytest.raises(ModelError) as error:
        GammaGamma().fit(x, mean)
    assert error.value.reason == reason


def heavy_tailed() -> tuple[np.ndarray, np.ndarray]:
    return simulated(2_000, seed=4, p=2.0, q=0.6, gamma=1.0)


def test_spend_without_a_finite_mean_is_refused():
    with pytest.raises(ModelError, match="no finite mean") as error:
        GammaGamma().fit(*heavy_tailed())
    assert error.value.reason == "infinite_mean_spend"


def test_spend_whose_mean_is_the_tails_alone_is_refused():
    """A q above 1, and a mean over all customers that nobody's spending has shown."""
    with pytest.raises(ModelError, match=r"hardly a finite mean \(q = 1\.0\d*\)") as error:
        GammaGamma().fit(*simulated(1000, seed=1, p=2.0, q=1.05, gamma=1.0))
    assert error.value.reason == "infinite_mean_spend"


@pytest.mark.parametrize(("amount", "mean"), [(1e4, 35.7), (1e6, 36.3), (1e8, 36.9)])
def test_a_single_huge_order_hardly_moves_what_others_are_expected_to_spend(cdnow, amount, mean):
    buyers = cdnow[cdnow["x"] > 0]
    x, spend = buyers["x"].to_numpy(copy=True), buyers["monetary_mean"].to_numpy(copy=True)
    x[3] += 1
    spend[3] += (amount - spend[3]) / x[3]
    model = GammaGamma().fit(x, spend)
    assert model.expected_spend([0], [0]) == pytest.approx([mean], abs=0.1)
    assert model.expected_spend(x[3:4], spend[3:4])[0] < spend[3]


def test_few_buyers_and_a_huge_order_give_a_mean_below_the_one_seen_or_a_reason(cdnow):
    buyers = cdnow[cdnow["x"] > 0].head(30)
    for amount in (1e3, 1e5, 1e7, 1e9):
        spend = buyers["monetary_mean"].to_numpy(copy=True)
        spend[3] = amount
        try:
            model = GammaGamma().fit(buyers["x"], spend)
        except ModelError as error:
            assert error.reason == "infinite_mean_spend"
        else:
            assert model.expected_spend([0], [0])[0] < spend.mean()


def test_resamples_whose_mean_explodes_are_left_out_and_counted(cdnow):
    buyers = cdnow[cdnow["x"] > 0].head(30)
    spend = buyers["monetary_mean"].to_numpy(copy=True)
    spend[3] = 1e4
    model = GammaGamma().fit(buyers["x"], spend)
    usual = model.expected_spend([0], [0])[0]
    draws = model.bootstrap(100)
    assert model.bootstrap_left_out == 100 - len(draws) > 0
    means = [model.with_params(draw).expected_spend([0], [0])[0] for draw in draws]
    assert max(means) < 5 * usual


def test_a_refused_fit_predicts_nothing():
    model = GammaGamma()
    with pytest.raises(ModelError):
        model.fit(*heavy_tailed())
    with pytest.raises(SegkitError, match="not fitted"):
        model.expected_spend([0], [0])


@pytest.mark.parametrize(
    ("x", "mean", "weights"),
    [
        ([1, 2, 3], [5, 6], None),
        ([1, 2, 3], [5], None),
        ([1, 2, -3], [5, 6, 7], None),
        ([1, 2, 2.5], [5, 6, 7], None),
        ([1, 2, 3], ["a", "b", "c"], None),
        ([1, 2, 3], [5, 6, 7], [1, 2, -1]),
    ],
    ids=["short", "one mean", "negative", "fraction", "text", "negative weight"],
)
def test_impossible_purchases_means_and_weights_are_refused(x, mean, weights):
    with pytest.raises(ModelError) as error:
        GammaGamma().fit(x, mean, weights)
    assert error.value.reason == "bad_values"


def test_expected_spend_refuses_a_negative_number_of_purchases(fitted):
    with pytest.raises(ModelError):
        fitted.expected_spend([-1], [5])


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.expected_spend([1], [5]),
        lambda model: model.standard_errors(),
        lambda model: model.summary,
        lambda model: model.bootstrap(2),
        lambda model: model.to_state(),
    ],
)
def test_a_model_that_is_not_fitted_says_so(ask):
    with pytest.raises(SegkitError, match="GammaGamma is not fitted"):
        ask(GammaGamma())


def test_an_error_keeps_its_reason_and_its_text_between_processes():
    with pytest.raises(ModelError) as error:
        GammaGamma().fit([2, 3], [5, 0])
    copy = pickle.loads(pickle.dumps(error.value))
    assert copy.reason == "no_positive_spend"
    assert str(copy) == str(error.value)
    assert "monetary_mean" in str(copy)


def test_customers_who_all_spend_alike_are_expected_to_go_on_so():
    model = GammaGamma().fit([3] * 9, [5] * 9)
    assert model.expected_spend([3, 0], [5, 0]) == pytest.approx([5, 5], rel=1e-5)
    assert model.covariance_ is None
    assert model.at_bound_ == ["p", "q"]
    assert [draw["gamma"] for draw in model.bootstrap(3)] == pytest.approx([5] * 3)


def test_a_subscription_of_one_price_is_worth_that_price_to_everybody():
    purchases = [1, 2, 12, 24] * 50
    model = GammaGamma().fit(purchases, [9.99] * 200)
    assert model.expected_spend([0, 1, 24], [0, 9.99, 9.99]) == pytest.approx([9.99] * 3)


def test_customers_who_spend_alike_purchase_by_purchase_apart_are_expected_to_spend_their_mean():
    """No spread between customers: whoever has bought more has no other mean."""
    random = np.random.default_rng(5)
    x = random.integers(1, 9, 4000)
    mean = random.gamma(4.0 * x) / (4.0 * x) * 20
    model = GammaGamma().fit(x, mean)
    assert model.expected_spend([1, 8], [15, 25]) == pytest.approx([20, 20], rel=0.05)


def test_a_fit_that_reaches_no_maximum_says_so(monkeypatch):
    steep = (np.zeros(3), False, 1)
    monkeypatch.setattr(GammaGamma, "_maximise", lambda *given: steep)
    monkeypatch.setattr(GammaGamma, "_hessian", lambda *given: None)
    with pytest.raises(ModelError) as error:
        GammaGamma().fit([1, 2, 3], [5.0, 6.0, 7.0])
    assert error.value.reason == "not_converged"
