"""Purchase models: CDNOW's published results, arbitrary precision, properties, state, errors.

Rows cited as "CDNOW" are those of the section of that name in the table of references: the
1/10 sample, calibrated to 1997-09-30, time in weeks, purchases of one day merged.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from sklearn.base import clone

from segkit.data.demo.shop import path
from segkit.errors import SegkitError
from segkit.models import BGNBD, MBGNBD, GammaGamma, ModelError, ParetoNBD
from segkit.models.rows import histories

KINDS = (BGNBD, MBGNBD, ParetoNBD)
each_kind = pytest.mark.parametrize("kind", KINDS)
examples = settings(max_examples=60)

CALIBRATED = pd.Timestamp("1997-09-30")
ONE_PERCENT_A_MONTH = 1.01**12 - 1
PUBLISHED = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
"""BG/NBD on CDNOW as the paper prints it."""


def cdnow_customers() -> pd.DataFrame:
    """Return x, t_x, T (weeks), monetary_mean and holdout, customers in the sample's order."""
    file = path(Path(), "cdnow/orders.csv")
    lines = pd.read_csv(file, dtype={"customer_id": "str"}, parse_dates=["date"])
    days = lines.groupby(["customer_id", "date"], sort=False, as_index=False)["amount"].sum()
    known = days[days["date"] <= CALIBRATED]
    first = known.groupby("customer_id", sort=False)["date"].min()
    repeats = known[known["date"] > known["customer_id"].map(first)].groupby("customer_id")
    ahead = days[days["date"].between(CALIBRATED, CALIBRATED + pd.Timedelta(weeks=39), "right")]
    table = pd.DataFrame(
        {
            "x": repeats.size(),
            "t_x": (repeats["date"].max() - first).dt.days / 7,
            "monetary_mean": repeats["amount"].mean(),
            "holdout": ahead.groupby("customer_id").size(),
        },
        index=first.index,
    ).fillna(0)
    return table.assign(T=(CALIBRATED - first).dt.days / 7)


def rows_of(customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(customers[name].to_numpy() for name in ("x", "t_x", "T"))


def with_values(kind, *values):
    return kind().with_params(dict(zip(kind.names, values, strict=True)))


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    return cdnow_customers()


@pytest.fixture(scope="module")
def fitted(cdnow) -> dict:
    return {kind: kind().fit(*rows_of(cdnow)) for kind in KINDS}


# Published results on CDNOW


def test_cdnow_has_the_published_repeat_buyers_and_purchases(cdnow):
    """CDNOW, heading and holdout row."""
    assert len(cdnow) == 2357
    assert (cdnow["x"] > 0).sum() == 946
    assert cdnow["x"].sum() == 2457
    assert cdnow["holdout"].sum() == 1882


@pytest.mark.parametrize(
    ("kind", "values", "log_likelihood"),
    [
        (BGNBD, (0.242595, 4.413602, 0.792922, 2.425907), -9582.42921),
        (MBGNBD, (0.524843, 6.183085, 0.891359, 1.614003), -9582.13572),
        (ParetoNBD, (0.553277, 10.577684, 0.606240, 11.66874), -9594.97618),
    ],
)
def test_parameters_and_log_likelihood_are_those_published(fitted, kind, values, log_likelihood):
    """CDNOW, table: the rows of BG/NBD, MBG/NBD and Pareto/NBD."""
    model = fitted[kind]
    assert tuple(model.params_.values()) == pytest.approx(values, rel=1e-3)
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=1e-3)


def test_pareto_standard_errors_are_those_published(fitted):
    """CDNOW, table: the row of standard errors."""
    errors = fitted[ParetoNBD].standard_errors()
    assert errors.to_dict() == pytest.approx(
        {"r": 0.0476, "alpha": 0.8427, "s": 0.1873, "beta": 6.211}, rel=1e-2
    )


@pytest.mark.parametrize(("kind", "log_likelihood"), [(BGNBD, -9582.4256), (ParetoNBD, -9594.9739)])
def test_times_rounded_to_two_decimals_give_the_figures_of_rounded_copies(
    cdnow, kind, log_likelihood
):
    """CDNOW, below the table: copies of the data that are rounded."""
    model = kind().fit(*rows_of(cdnow.round({"t_x": 2, "T": 2})))
    assert model.log_likelihood_ == pytest.approx(log_likelihood, abs=1e-3)


@pytest.mark.parametrize(
    ("kind", "orders", "alive"),
    [
        (BGNBD, 1653.42, 1917.28),
        (MBGNBD, 1576.74, 1057.64),
        (ParetoNBD, 1665.53, 1051.88),
    ],
)
def test_totals_of_expected_orders_and_p_alive_are_those_published(
    cdnow, fitted, kind, orders, alive
):
    """CDNOW, totals over the 39-week holdout."""
    model, rows = fitted[kind], rows_of(cdnow)
    assert model.expected_orders(39, *rows).sum() == pytest.approx(orders, rel=5e-5)
    assert model.p_alive(*rows).sum() == pytest.approx(alive, rel=5e-5)


def test_bg_point_values_of_one_customer_are_those_published():
    """CDNOW, point values: BG/NBD at (0.243, 4.414, 0.793, 2.426)."""
    model, customer = BGNBD().with_params(PUBLISHED), ([2], [30.43], [38.86])
    assert model.expected_orders(39, *customer) == pytest.approx([1.226], abs=1e-3)
    assert model.p_alive(*customer) == pytest.approx([0.726579], abs=1e-6)
    assert model.order_probability(0, 39) == pytest.approx(0.5737864, abs=1e-7)


def test_bg_orders_of_a_new_customer_are_those_published():
    """CDNOW, point values: BG/NBD, unconditional, at the fitted parameters."""
    model = with_values(BGNBD, 0.242595, 4.413602, 0.792922, 2.425907)
    orders = model.expected_orders([0.1429, 1, 3, 31.8571, 32])
    assert orders == pytest.approx([0.0078, 0.0532, 0.1506, 1.0405, 1.0437], abs=5e-5)


def test_bg_log_likelihoods_of_two_customers_are_those_published():
    """CDNOW, point values: BG/NBD at (0.25, 4, 0.8, 2.5), T = 40."""
    each = with_values(BGNBD, 0.25, 4, 0.8, 2.5).log_likelihood([0, 200], [0, 38], [40, 40])
    assert each[0] == pytest.approx(-0.59947382, abs=1e-8)
    assert each[1] == pytest.approx(100.7957, abs=1e-4)


def test_pareto_point_values_are_those_published():
    """CDNOW, point values: Pareto/NBD at (0.5534, 10.5802, 0.6061, 11.6562)."""
    model = with_values(ParetoNBD, 0.5534, 10.5802, 0.6061, 11.6562)
    assert model.p_alive([26], [30.86], [31]) == pytest.approx([0.9979], abs=5e-5)
    assert model.expected_orders(52, [26], [30.86], [31]) == pytest.approx([25.46], abs=1e-2)


def test_pareto_orders_of_a_new_customer_are_those_published():
    """CDNOW, point values: Pareto/NBD, unconditional, at (0.55, 10.56, 0.61, 11.64)."""
    orders = with_values(ParetoNBD, 0.55, 10.56, 0.61, 11.64).expected_orders(np.arange(4))
    assert orders == pytest.approx([0, 0.05077821, 0.09916088, 0.14542507], abs=1e-8)


def test_pareto_stays_finite_where_the_closed_form_overflows():
    """CDNOW, point values: Pareto/NBD at (0.5143, 2.8845, 0.2856, 14.1087)."""
    model, customer = (
        with_values(ParetoNBD, 0.5143, 2.8845, 0.2856, 14.1087),
        ([254], [97.14286], [97.28571]),
    )
    assert np.isfinite(model.log_likelihood(*customer)).all()
    assert 0 < model.p_alive(*customer)[0] < 1
    assert 0 < model.expected_orders(52, *customer)[0] < 254


def test_days_instead_of_weeks_scale_alpha_and_shift_the_log_likelihood(cdnow, fitted):
    """CDNOW, days against weeks."""
    x, t_x, T = rows_of(cdnow)
    weeks, days = fitted[BGNBD], BGNBD("days").fit(x, 7 * t_x, 7 * T)
    assert days.params_["alpha"] == pytest.approx(30.8952, abs=5e-4)
    for name in ("r", "a", "b"):
        assert days.params_[name] == pytest.approx(weeks.params_[name], rel=1e-6)
    shift = days.log_likelihood_ - weeks.log_likelihood_
    assert shift == pytest.approx(-4781.1012, abs=1e-3)


def test_clv_of_the_first_customer_is_the_published_one_in_weeks(cdnow, fitted):
    """CDNOW, CLV of customer 1: 12 months, one percent a month."""
    spend = GammaGamma().fit(cdnow["x"], cdnow["monetary_mean"])
    first = cdnow.iloc[:1]
    value = spend.expected_spend(first["x"], first["monetary_mean"])
    clv = fitted[BGNBD].clv(*rows_of(first), value, discount_rate=ONE_PERCENT_A_MONTH)
    assert clv == pytest.approx([36.28], rel=1e-3)


# Arbitrary precision. The references are written from the models' stories: integrals over what
# the code integrates otherwise or not at all, with 40 digits.

NEW = (0, 0.0, 0.0)
BETA_GEOMETRIC_POINTS = {
    "published": ((0.243, 4.414, 0.793, 2.426), (2, 30.43, 38.86), 39),
    "one-time buyer": ((0.25, 4, 0.8, 2.5), (0, 0, 40), 52),
    "a + b < 1, one-time buyer": ((0.5, 2, 0.2, 0.3), (0, 0, 30), 52),
    "a + b < 1": ((0.5, 2, 0.05, 0.1), (3, 20, 30), 520),
    "a just above 1": ((0.5, 3, 1 + 1e-9, 2), (3, 20, 30), 52),
    "a is 1": ((0.5, 3, 1, 2), (1, 2, 30), 52),
    "many purchases, far ahead": ((0.25, 4, 0.8, 2.5), (800, 364, 365), 3650),
    "1,000 purchases": ((2, 10, 0.5, 5), (1000, 4990, 5000), 365),
    "bought just now": ((0.25, 4, 0.8, 2.5), (5, 40, 40), 52),
    "bought long ago": ((0.25, 4, 0.8, 2.5), (5, 4, 400), 52),
    "all alike in leaving": ((1, 10, 50, 500), (4, 20, 30), 52),
    "few leave, all else at once": ((0.3, 5, 0.01, 0.1), (1, 10, 60), 52),
    "just won": ((0.243, 4.414, 0.793, 2.426), NEW, 39),
}
PARETO_POINTS = {
    "published": ((0.5534, 10.5802, 0.6061, 11.6562), (26, 30.86, 31), 52),
    "one-time buyer": ((0.55, 10.56, 0.61, 11.64), (0, 0, 38.86), 39),
    "alpha above beta": ((0.5, 12, 0.6, 3), (3, 20, 30), 52),
    "alpha below beta": ((0.5, 3, 0.6, 12), (3, 20, 30), 52),
    "alpha is beta": ((0.5, 5, 0.6, 5), (2, 10, 30), 52),
    "s just below 1": ((0.5, 5, 1 - 1e-9, 7), (2, 10, 30), 52),
    "s is 1": ((0.5, 5, 1, 7), (2, 10, 30), 52),
    "many purchases, far ahead": ((0.5, 5, 0.6, 7), (800, 364, 365), 3650),
    "1,000 purchases, just now": ((2, 10, 0.5, 50), (1000, 5000, 5000), 365),
    "1,000 purchases": ((2, 10, 0.5, 50), (1000, 4990, 5000), 365),
    "bought just now": ((0.5, 5, 0.6, 7), (5, 40, 40), 52),
    "lasting customers": ((0.5, 5, 0.01, 30), (5, 30, 40), 52),
    "just won": ((0.55, 10.56, 0.61, 11.64), NEW, 39),
}
ROUGH_CHANCES = {
    "many purchases, far ahead": ((0.5, 5, 0.6, 7), (800, 364, 365), 3, 3650),
    "fast buyers": ((63, 0.0168, 0.43, 5.37), NEW, 1, 41),
    "short lives": ((1.15, 0.9, 4.64, 0.11), NEW, 0, 101),
}
ROUGH_ODDS = {
    "bought a lot at once": ((0.175, 1.145, 0.151, 5.944), (800, 0.3, 300)),
    "one-time buyer, short lives": ((0.014, 25.44, 81.43, 0.095), (0, 0, 1600)),
}


def exactly(values) -> list[mp.mpf]:
    return [mp.mpf(float(value)) for value in values]


def beta_geometric_odds(values, customer, at_once) -> mp.mpf:
    """Odds of having left at the last purchase: the ratio of the two ways to the history."""
    (r, alpha, a, b), (x, t_x, T) = exactly(values), exactly(customer)
    chances = x + at_once
    if chances == 0:
        return mp.mpf(0)
    left = mp.beta(a + 1, b + chances - 1) * (alpha + t_x) ** -(r + x)
    return left / (mp.beta(a, b + chances) * (alpha + T) ** -(r + x))


def beta_geometric_log_likelihood(values, customer, at_once) -> mp.mpf:
    (r, alpha, a, b), (x, _, T) = exactly(values), exactly(customer)
    stayed = mp.rf(r, x) * alpha**r * (alpha + T) ** -(r + x)
    stayed *= mp.beta(a, b + x + at_once) / mp.beta(a, b)
    return mp.log(stayed * (1 + beta_geometric_odds(values, customer, at_once)))


def beta_geometric_orders(values, customer, t, at_once) -> mp.mpf:
    """Fader, Hardie and Lee (2005), equation 10, with digits enough for its cancellation."""
    with mp.workdps(120):
        (r, alpha, a, b), (x, _, T) = exactly(values), exactly(customer)
        a += mp.mpf(10) ** -40  # the closed form has a pole at 1, its value has none
        r, alpha, b, t = r + x, alpha + T, b + x + at_once, mp.mpf(t)
        series = mp.hyp2f1(r, b, a + b - 1, t / (alpha + t))
        mean = (a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * series)
        return mean / (1 + beta_geometric_odds(values, customer, at_once))


def beta_geometric_chance(values, customer, n, t, at_once) -> mp.mpf:
    """An integral over the logarithm of the customer's own rate."""
    (r, alpha, a, b), (x, _, T) = exactly(values), exactly(customer)
    r, alpha, b = r + x, alpha + T, b + x + at_once
    stays = mp.beta(a, b + n) / mp.beta(a, b)
    leaves = mp.beta(a + 1, b + n - 1) / mp.beta(a, b) if n else mp.mpf(0)

    def part(log_rate):
        rate = mp.exp(log_rate)
        density = mp.exp(r * mp.log(alpha * rate) - alpha * rate - mp.loggamma(r))
        *fewer, just = (mp.exp(-rate * t) * (rate * t) ** k / mp.factorial(k) for k in range(n + 1))
        return density * (stays * just + leaves * (1 - mp.fsum(fewer)))

    centre, width = mp.log(r / alpha), 1 / mp.sqrt(r)
    near = [centre + min(width, 1) * step for step in (-60, -25, -12, -6, -3, -1, 0, 1, 3, 6, 12)]
    alive = 1 / (1 + beta_geometric_odds(values, customer, at_once))
    return alive * mp.quad(part, [centre - 80 * max(width, 1), *near]) + (1 - alive) * (n == 0)


def over_time(part, start, end, scale) -> mp.mpf:
    """Integrate from `start` to `end`, in pieces that grow from a thousandth of `scale`."""
    ends, step = [start], scale / 1000
    while start + step < end:
        ends.append(start + step)
        step *= 4
    return mp.quad(part, [*ends, end])


def pareto_odds(values, customer) -> mp.mpf:
    """Odds of having left since the last purchase: an integral over the moment of leaving."""
    (r, alpha, s, beta), (x, t_x, T) = exactly(values), exactly(customer)
    if t_x == T:
        return mp.mpf(0)
    left = over_time(
        lambda y: ((alpha + T) / (alpha + y)) ** (r + x) * s * (beta + y) ** -(s + 1),
        t_x,
        T,
        min(alpha + t_x, beta + t_x) / (r + x + s + 1),
    )
    return left * (beta + T) ** s


def pareto_log_likelihood(values, customer) -> mp.mpf:
    (r, alpha, s, beta), (x, _, T) = exactly(values), exactly(customer)
    stayed = mp.rf(r, x) * alpha**r * (alpha + T) ** -(r + x) * (beta / (beta + T)) ** s
    return mp.log(stayed * (1 + pareto_odds(values, customer)))


def pareto_orders(values, customer, t) -> mp.mpf:
    """The rate times the chance to be there still, over the time ahead."""
    (r, alpha, s, beta), (x, _, T) = exactly(values), exactly(customer)
    staying = over_time(lambda y: ((beta + T) / (beta + T + y)) ** s, mp.mpf(0), mp.mpf(t), beta)
    return (r + x) / (alpha + T) * staying / (1 + pareto_odds(values, customer))


def pareto_chance(values, customer, n, t) -> mp.mpf:
    """An integral over the moment of leaving, within the time ahead or later."""
    (r, alpha, s, beta), (x, _, T) = exactly(values), exactly(customer)
    r, alpha, beta, t = r + x, alpha + T, beta + T, mp.mpf(t)

    def bought(until):
        return (
            mp.binomial(r + n - 1, n)
            * (alpha / (alpha + until)) ** r
            * (until / (alpha + until)) ** n
        )

    def leaves(y):
        return s / beta * (beta / (beta + y)) ** (s + 1) * bought(y)

    scale = min(alpha / (r + 1), beta / (s + 1))
    chance = over_time(leaves, mp.mpf(0), t, scale) + (beta / (beta + t)) ** s * bought(t)
    alive = 1 / (1 + pareto_odds(values, customer))
    return alive * chance + (1 - alive) * (n == 0)


def one(customer) -> tuple[list, list, list]:
    x, t_x, T = customer
    return [x], [t_x], [T]


@pytest.fixture
def forty_digits():
    with mp.workdps(40):
        yield


@pytest.mark.usefixtures("forty_digits")
@pytest.mark.parametrize("kind", [BGNBD, MBGNBD])
@pytest.mark.parametrize("point", BETA_GEOMETRIC_POINTS)
def test_beta_geometric_answers_agree_with_arbitrary_precision(kind, point):
    values, customer, t = BETA_GEOMETRIC_POINTS[point]
    model, at_once = with_values(kind, *values), int(kind is MBGNBD)
    odds = beta_geometric_odds(values, customer, at_once)
    assert model.p_alive(*one(customer))[0] == pytest.approx(float(1 / (1 + odds)), rel=1e-10)
    likely = float(beta_geometric_log_likelihood(values, customer, at_once))
    assert model.log_likelihood(*one(customer))[0] == pytest.approx(likely, rel=1e-10)
    orders = float(beta_geometric_orders(values, customer, t, at_once))
    assert model.expected_orders(t, *one(customer))[0] == pytest.approx(orders, rel=1e-7)
    for n in (0, 3):
        chance = float(beta_geometric_chance(values, customer, n, t, at_once))
        got = model.order_probability(n, t, *one(customer))[0]
        assert got == pytest.approx(chance, rel=1e-7)


@pytest.mark.usefixtures("forty_digits")
@pytest.mark.parametrize("point", PARETO_POINTS)
def test_pareto_answers_agree_with_arbitrary_precision(point):
    values, customer, t = PARETO_POINTS[point]
    model = with_values(ParetoNBD, *values)
    alive = float(1 / (1 + pareto_odds(values, customer)))
    assert model.p_alive(*one(customer))[0] == pytest.approx(alive, rel=1e-7)
    likely = float(pareto_log_likelihood(values, customer))
    assert model.log_likelihood(*one(customer))[0] == pytest.approx(likely, rel=1e-7)
    orders = float(pareto_orders(values, customer, t))
    assert model.expected_orders(t, *one(customer))[0] == pytest.approx(orders, rel=1e-7)


@pytest.mark.usefixtures("forty_digits")
@pytest.mark.parametrize("point", sorted(set(PARETO_POINTS) - set(ROUGH_CHANCES)))
def test_pareto_order_probabilities_agree_with_arbitrary_precision(point):
    values, customer, t = PARETO_POINTS[point]
    for n in (0, 3):
        chance = float(pareto_chance(values, customer, n, t))
        got = with_values(ParetoNBD, *values).order_probability(n, t, *one(customer))[0]
        assert got == pytest.approx(chance, rel=1e-7)


@pytest.mark.usefixtures("forty_digits")
@pytest.mark.parametrize("point", ROUGH_CHANCES)
def test_pareto_order_probabilities_hold_where_purchases_come_fast(point):
    values, customer, n, t = ROUGH_CHANCES[point]
    chance = float(pareto_chance(values, customer, n, t))
    got = with_values(ParetoNBD, *values).order_probability(n, t, *one(customer))[0]
    assert got == pytest.approx(chance, rel=1e-6)


@pytest.mark.usefixtures("forty_digits")
@pytest.mark.parametrize("point", ROUGH_ODDS)
def test_pareto_log_likelihoods_hold_where_times_span_decades(point):
    values, customer = ROUGH_ODDS[point]
    got = with_values(ParetoNBD, *values).log_likelihood(*one(customer))[0]
    assert got == pytest.approx(float(pareto_log_likelihood(values, customer)), abs=1e-6)


@each_kind
def test_a_new_customer_is_one_whose_history_starts_now(fitted, kind):
    model = fitted[kind]
    orders = model.expected_orders(39, *one(NEW))[0]
    assert model.expected_orders(39) == pytest.approx(orders, rel=1e-9)
    chance = model.order_probability(2, 39, *one(NEW))[0]
    assert model.order_probability(2, 39) == pytest.approx(chance, rel=1e-9)


@each_kind
def test_order_probabilities_of_a_new_customer_sum_to_1_and_have_the_expected_mean(fitted, kind):
    n = np.arange(500)
    chances = fitted[kind].order_probability(n, 39)
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    assert chances @ n == pytest.approx(float(fitted[kind].expected_orders(39)), rel=1e-7)


@each_kind
@pytest.mark.parametrize("customer", [(0, 0, 38.86), (2, 30.43, 38.86), (26, 30.86, 31)])
def test_order_probabilities_of_a_known_customer_sum_to_1_and_have_the_expected_mean(
    fitted, kind, customer
):
    n = np.arange(500)
    same = [np.full(500, value) for value in customer]
    chances = fitted[kind].order_probability(n, 39, *same)
    assert chances.sum() == pytest.approx(1, abs=1e-9)
    mean = fitted[kind].expected_orders(39, *one(customer))[0]
    assert chances @ n == pytest.approx(mean, rel=1e-7)


# Properties

log_uniform = st.floats(-3, 3).map(lambda power: 10.0**power)
four_values = st.tuples(*[log_uniform] * 4)
customers_of_any_sort = st.lists(
    st.tuples(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 5000)), min_size=1, max_size=6
).map(
    lambda rows: (
        np.array([x for x, _, _ in rows]),
        np.array([share * T if x else 0.0 for x, share, T in rows]),
        np.array([T for _, _, T in rows]),
    )
)


def grows(values: np.ndarray) -> bool:
    return bool((np.diff(values, axis=0) >= -1e-12 * np.abs(values[1:])).all())


@pytest.mark.filterwarnings("error")
@each_kind
@examples
@given(values=four_values, rows=customers_of_any_sort)
def test_answers_are_finite_and_probabilities_lie_between_0_and_1(kind, values, rows):
    model = with_values(kind, *values)
    alive = model.p_alive(*rows)
    assert ((alive >= 0) & (alive <= 1)).all()
    assert np.isfinite(model.log_likelihood(*rows)).all()
    chances = np.array([model.order_probability(n, 365, *rows) for n in range(8)])
    assert ((chances >= 0) & (chances <= 1)).all()
    assert (chances.sum(axis=0) <= 1 + 1e-10).all()
    assert model.order_probability(np.arange(50), 365).sum() <= 1 + 1e-10
    clv = model.clv(*rows, np.full(len(alive), 25.0))
    assert (np.isfinite(clv) & (clv >= 0)).all()


@pytest.mark.filterwarnings("error")
@each_kind
@examples
@given(values=four_values, rows=customers_of_any_sort)
def test_expected_orders_start_at_0_and_grow_with_time(kind, values, rows):
    model, times = with_values(kind, *values), np.array([0, 0.01, 1, 30, 30.1, 365, 5000])
    orders = np.array([model.expected_orders(t, *rows) for t in times])
    assert (orders[0] == 0).all()
    assert np.isfinite(orders).all()
    assert grows(orders)
    new = model.expected_orders(times)
    assert new[0] == 0
    assert np.isfinite(new).all()
    assert grows(new)


@examples
@given(values=four_values, T=st.floats(1, 5000))
def test_only_bg_holds_every_one_time_buyer_for_a_customer(values, T):
    assert with_values(BGNBD, *values).p_alive([0], [0], [T]) == [1]
    assert with_values(MBGNBD, *values).p_alive([0], [0], [T]) < 1
    assert with_values(ParetoNBD, *values).p_alive([0], [0], [T]) < 1


@each_kind
@examples
@given(values=four_values, rows=customers_of_any_sort, seed=st.integers(0, 99))
def test_the_order_of_customers_does_not_matter_to_predictions(kind, values, rows, seed):
    model, order = with_values(kind, *values), np.random.default_rng(seed).permutation(len(rows[0]))
    moved = tuple(column[order] for column in rows)
    for answer in (model.p_alive, model.log_likelihood):
        np.testing.assert_allclose(answer(*moved), answer(*rows)[order], rtol=1e-12)
    orders = model.expected_orders(52, *rows)[order]
    np.testing.assert_allclose(model.expected_orders(52, *moved), orders, rtol=1e-12)


@each_kind
@examples
@given(values=four_values, rows=customers_of_any_sort, unit=st.sampled_from([7, 365.25 / 12]))
def test_predictions_do_not_depend_on_the_time_unit(kind, values, rows, unit):
    x, t_x, T = rows
    model = with_values(kind, *values)
    in_days = kind("days").with_params(
        {
            name: value * (unit if name in kind.in_units else 1)
            for name, value in model.params_.items()
        }
    )
    model.set_params(time_unit="weeks" if unit == 7 else "months")
    days = (x, t_x * unit, T * unit)
    np.testing.assert_allclose(in_days.p_alive(*days), model.p_alive(*rows), rtol=1e-6)
    orders = model.expected_orders(10, *rows)
    np.testing.assert_allclose(in_days.expected_orders(10 * unit, *days), orders, rtol=1e-6)
    value = np.full(len(x), 25.0)
    np.testing.assert_allclose(in_days.clv(*days, value), model.clv(*rows, value), rtol=1e-6)


@each_kind
def test_a_fit_in_days_gives_the_same_predictions_as_one_in_weeks(cdnow, fitted, kind):
    (x, t_x, T), weeks = rows_of(cdnow), fitted[kind]
    days = kind("days").fit(x, 7 * t_x, 7 * T)
    for name, value in weeks.params_.items():
        unit = 7 if name in kind.in_units else 1
        assert days.params_[name] == pytest.approx(value * unit, rel=1e-6)
    orders, value = weeks.expected_orders(39, x, t_x, T), np.full(len(x), 25.0)
    np.testing.assert_allclose(days.expected_orders(273, x, 7 * t_x, 7 * T), orders, rtol=1e-6)
    clv = weeks.clv(x, t_x, T, value)
    np.testing.assert_allclose(days.clv(x, 7 * t_x, 7 * T, value), clv, rtol=1e-6)


@each_kind
def test_the_order_of_customers_does_not_matter_to_the_fit(cdnow, fitted, kind):
    model = kind().fit(*rows_of(cdnow.sample(frac=1, random_state=3)))
    assert model.params_ == pytest.approx(fitted[kind].params_, rel=1e-9)


@each_kind
def test_grouped_counts_fit_as_repeated_customers_do(cdnow, fitted, kind):
    counts = cdnow.groupby(["x", "t_x", "T"]).size().reset_index(name="customers")
    assert len(counts) < len(cdnow) / 2
    model = kind().fit(*rows_of(counts), weights=counts["customers"])
    assert model.params_ == pytest.approx(fitted[kind].params_, rel=1e-6)
    assert model.log_likelihood_ == pytest.approx(fitted[kind].log_likelihood_, rel=1e-9)
    assert model.customers_ == len(cdnow)


@each_kind
def test_four_times_the_customers_halve_the_standard_errors(cdnow, fitted, kind):
    model = kind().fit(*rows_of(cdnow), weights=np.full(len(cdnow), 4))
    assert model.params_ == pytest.approx(fitted[kind].params_, rel=1e-5)
    halves = fitted[kind].standard_errors() / 2
    np.testing.assert_allclose(model.standard_errors(), halves, rtol=1e-3)


def test_customers_of_weight_0_do_not_count(cdnow, fitted):
    x, t_x, T = (np.append(column, 30) for column in rows_of(cdnow))
    model = BGNBD().fit(x, t_x, T, weights=np.append(np.ones(len(cdnow)), 0))
    assert model.params_ == pytest.approx(fitted[BGNBD].params_, rel=1e-9)
    assert model.customers_ == len(cdnow)


@each_kind
def test_the_log_likelihood_of_the_fit_is_the_sum_over_customers(cdnow, fitted, kind):
    each = fitted[kind].log_likelihood(*rows_of(cdnow))
    assert each.sum() == pytest.approx(fitted[kind].log_likelihood_, abs=1e-6)


@each_kind
def test_any_other_parameters_are_less_likely(cdnow, fitted, kind):
    best = fitted[kind]
    for name, value in best.params_.items():
        for factor in (0.98, 1.02):
            other = best.with_params({**best.params_, name: value * factor})
            assert other.log_likelihood(*rows_of(cdnow)).sum() < best.log_likelihood_


def random_rows(seed: int) -> tuple[np.ndarray, ...]:
    random = np.random.default_rng(seed)
    x = random.integers(0, 30, 40) * (random.random(40) < 0.7)
    T = random.uniform(0.01, 1, 40)
    t_x = np.where(x > 0, T * random.choice([0.01, 0.5, 0.99, 1], 40), 0)
    return x, t_x, T, random.integers(1, 9, 40)


@each_kind
@pytest.mark.parametrize("seed", range(8))
def test_the_gradient_is_that_of_the_log_likelihood(kind, seed):
    rows, logs = histories(*random_rows(seed)), np.random.default_rng(seed).normal(0, 1.5, 4)
    model = kind()
    error = check_grad(
        lambda logs: model._objective(logs, rows)[0],
        lambda logs: model._objective(logs, rows)[1],
        logs,
    )
    assert error < 1e-5 * (1 + np.linalg.norm(model._objective(logs, rows)[1]))


@each_kind
def test_rounded_times_lead_to_the_same_maximum(cdnow, fitted, kind, monkeypatch):
    exact = histories(*rows_of(cdnow)).scaled()
    monkeypatch.setattr("segkit.models.rows.FEW", 100)
    assert len(exact.rounded().weights) < 0.8 * len(exact.weights)
    model = kind().fit(*rows_of(cdnow))
    # Pareto/NBD's s and beta are nearly free: 1e-4 is 2e-4 of their standard errors.
    accuracy = 1e-4 if kind is ParetoNBD else 1e-5
    assert model.params_ == pytest.approx(fitted[kind].params_, rel=accuracy)
    assert model.log_likelihood_ == pytest.approx(fitted[kind].log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(model.standard_errors(), fitted[kind].standard_errors(), rtol=0.05)


# Simulated customers


def simulated(kind, values: dict, customers: int, seed: int) -> tuple[np.ndarray, ...]:
    """Return x, t_x, T of customers who live by the model's story, one event at a time."""
    random = np.random.default_rng(seed)
    T = random.integers(20, 100, customers).astype(float)
    rate = random.gamma(values["r"], 1 / values["alpha"], customers)
    if kind is ParetoNBD:
        lives = random.exponential(1 / random.gamma(values["s"], 1 / values["beta"], customers))
        leaves = np.zeros(customers)
    else:
        lives, leaves = np.full(customers, np.inf), random.beta(values["a"], values["b"], customers)
    there = random.random(customers) >= leaves if kind is MBGNBD else np.ones(customers, bool)
    x, t_x = np.zeros(customers, int), np.zeros(customers)
    while there.any():
        now = t_x + random.exponential(1 / np.maximum(rate, 1e-300))
        there &= now <= np.minimum(T, lives)
        x, t_x = x + there, np.where(there, now, t_x)
        there &= random.random(customers) >= leaves
    return x, t_x, T


@pytest.mark.parametrize(
    ("kind", "truth"),
    [
        (BGNBD, {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}),
        (MBGNBD, {"r": 0.8, "alpha": 6.0, "a": 0.9, "b": 1.6}),
        (ParetoNBD, {"r": 0.6, "alpha": 8.0, "s": 0.7, "beta": 12.0}),
    ],
)
def test_parameters_of_simulated_customers_are_found_again(kind, truth):
    model = kind().fit(*simulated(kind, truth, 20_000, seed=11))
    errors = model.standard_errors()
    for name, value in truth.items():
        assert model.params_[name] == pytest.approx(value, abs=4 * errors[name])
        assert errors[name] < 0.15 * value


# Bootstrap


@each_kind
def test_a_bootstrap_is_the_same_for_a_seed_and_another_for_another(fitted, kind):
    fits = fitted[kind].bootstrap(5, seed=1)
    assert len(fits) == 5
    assert all(list(fit) == list(kind.names) for fit in fits)
    assert fits == fitted[kind].bootstrap(5, seed=1)
    assert fits != fitted[kind].bootstrap(5, seed=2)


def test_a_bootstrap_leaves_the_fit_as_it_is(fitted):
    before = fitted[BGNBD].to_state()
    fitted[BGNBD].bootstrap(3)
    assert fitted[BGNBD].to_state() == before


@each_kind
def test_no_resample_of_a_base_like_cdnow_is_left_out(fitted, kind):
    assert len(fitted[kind].bootstrap(50)) == 50
    assert fitted[kind].bootstrap_left_out == 0


@each_kind
def test_resamples_that_run_away_are_left_out_and_counted(cdnow, kind):
    """Forty customers of whom few come back: other forty can be of another kind."""
    few = cdnow.iloc[::60]
    model = kind().fit(*rows_of(few))
    draws = model.bootstrap(100)
    assert model.bootstrap_left_out == 100 - len(draws) > 0
    ahead = model.expected_orders(39) - model.expected_orders(0)
    orders = [model.with_params(draw).expected_orders(39) for draw in draws]
    assert max(orders) < 10 * ahead


def test_a_bootstrap_spreads_as_the_standard_errors_say(fitted):
    model = fitted[BGNBD]
    fits = pd.DataFrame(model.bootstrap(200, seed=5))
    assert len(fits) == 200
    for name in ("r", "alpha"):
        assert fits[name].std() == pytest.approx(model.standard_errors()[name], rel=0.5)
        assert fits[name].median() == pytest.approx(
            model.params_[name], abs=model.standard_errors()[name] / 2
        )


def test_a_bootstrap_on_rounded_times_is_centred_on_the_exact_fit(cdnow, fitted, monkeypatch):
    monkeypatch.setattr("segkit.models.rows.FEW", 100)
    model = BGNBD().fit(*rows_of(cdnow))
    fits = pd.DataFrame(model.bootstrap(200, seed=5))
    errors = fitted[BGNBD].standard_errors()
    for name in ("r", "alpha"):
        assert fits[name].std() == pytest.approx(errors[name], rel=0.5)
        assert fits[name].median() == pytest.approx(model.params_[name], abs=errors[name] / 2)


def test_the_covariance_belongs_to_the_standard_errors(fitted):
    model = fitted[BGNBD]
    covariance = np.array(model.covariance_)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), model.standard_errors())
    fits = pd.DataFrame(model.bootstrap(300, seed=8))
    drawn, told = fits.corr().loc["r", "alpha"], covariance[0, 1]
    assert told / np.sqrt(covariance[0, 0] * covariance[1, 1]) == pytest.approx(drawn, abs=0.15)


ALIKE = ([1] * 50, [3] * 50, [9] * 50)


def test_a_fit_that_fixes_no_parameters_has_no_standard_errors():
    model = BGNBD().fit(*ALIKE)
    assert model.covariance_ is None
    assert model.standard_errors().isna().all()
    assert model.summary.loc[list(BGNBD.names), ["low", "high"]].isna().all(axis=None)


def test_a_second_fit_forgets_the_rows_of_the_first(cdnow, fitted):
    some = rows_of(cdnow.tail(1000))
    again = BGNBD().fit(*ALIKE).fit(*some)
    assert again.bootstrap(3) == BGNBD().fit(*some).bootstrap(3)
    assert again.bootstrap(3) != fitted[BGNBD].bootstrap(3)


# Estimators


@each_kind
def test_the_summary_has_a_row_a_parameter_and_then_the_facts_of_the_fit(fitted, kind):
    summary = fitted[kind].summary
    facts = ["log_likelihood", "iterations", "converged", "customers"]
    assert list(summary.index) == [*kind.names, *facts]
    assert list(summary.columns) == ["value", "std_error", "low", "high", "at_bound"]
    params = summary.loc[list(kind.names)]
    assert (params["low"] < params["value"]).all()
    assert (params["value"] < params["high"]).all()
    assert (params["low"] > 0).all()
    assert params["value"].to_dict() == fitted[kind].params_
    assert summary.loc["converged", "value"] == 1
    assert summary.loc["customers", "value"] == 2357
    assert summary.loc["log_likelihood", "value"] == fitted[kind].log_likelihood_
    assert summary.loc[facts, ["std_error", "low", "high", "at_bound"]].isna().all(axis=None)
    assert (params["at_bound"] == 0).all()
    assert fitted[kind].at_bound_ == []


@each_kind
def test_fit_returns_the_model_itself(cdnow, kind):
    model = kind()
    assert model.fit(*rows_of(cdnow.head(300))) is model


@each_kind
def test_a_clone_has_the_parameters_and_not_the_fit(cdnow, kind):
    model = kind("days").fit(*rows_of(cdnow.head(300)))
    copy = clone(model)
    assert copy.get_params() == {"time_unit": "days"}
    assert not hasattr(copy, "params_")
    assert hasattr(model, "params_")


def test_parameters_are_set_by_name():
    model = BGNBD()
    assert model.get_params() == {"time_unit": "weeks"}
    assert model.set_params(time_unit="days") is model
    assert model.get_params() == {"time_unit": "days"}
    assert repr(model) == "BGNBD(time_unit='days')"


def test_an_unknown_parameter_is_an_error_with_the_nearest_name():
    with pytest.raises(SegkitError, match="did you mean 'time_unit'"):
        BGNBD().set_params(time_units="days")
    with pytest.raises(TypeError, match="time_units"):
        BGNBD(time_units="days")


@each_kind
def test_a_pickled_model_predicts_the_same_and_can_be_resampled(cdnow, fitted, kind):
    model, rows = pickle.loads(pickle.dumps(fitted[kind])), rows_of(cdnow)
    np.testing.assert_array_equal(model.p_alive(*rows), fitted[kind].p_alive(*rows))
    assert model.bootstrap(2) == fitted[kind].bootstrap(2)


@each_kind
def test_a_model_read_from_its_state_predicts_the_same(cdnow, fitted, kind):
    model = kind.from_state(json.loads(json.dumps(fitted[kind].to_state())))
    rows = rows_of(cdnow)
    for answer in ("p_alive", "log_likelihood"):
        np.testing.assert_array_equal(
            getattr(model, answer)(*rows), getattr(fitted[kind], answer)(*rows)
        )
    orders = fitted[kind].expected_orders(39, *rows)
    np.testing.assert_array_equal(model.expected_orders(39, *rows), orders)
    pd.testing.assert_frame_equal(model.summary, fitted[kind].summary)


@each_kind
def test_a_model_read_from_its_state_says_that_it_has_no_rows_to_resample(fitted, kind):
    model = kind.from_state(fitted[kind].to_state())
    with pytest.raises(SegkitError, match="no rows to resample"):
        model.bootstrap(2)


def test_a_state_is_read_by_the_class_that_wrote_it(fitted):
    with pytest.raises(SegkitError, match="not the state of ParetoNBD"):
        ParetoNBD.from_state(fitted[BGNBD].to_state())


def test_a_state_with_an_unknown_parameter_is_an_error(fitted):
    state = fitted[BGNBD].to_state()
    with pytest.raises(SegkitError, match="unknown name"):
        BGNBD.from_state({**state, "params": {"time_units": "weeks"}})


def test_a_copy_with_other_parameters_leaves_the_model_as_it_is(fitted):
    before = dict(fitted[BGNBD].params_)
    copy = fitted[BGNBD].with_params(PUBLISHED)
    assert copy.params_ == PUBLISHED
    assert copy.get_params() == fitted[BGNBD].get_params()
    assert fitted[BGNBD].params_ == before


def test_predictions_for_nobody_are_empty(fitted):
    for model in fitted.values():
        for answer in (model.p_alive, model.log_likelihood):
            assert len(answer([], [], [])) == 0
        assert len(model.expected_orders(39, [], [], [])) == 0
        assert len(model.clv([], [], [], [])) == 0


def test_answers_have_the_shape_of_what_is_asked(fitted):
    for model in fitted.values():
        assert np.shape(model.expected_orders(39)) == ()
        assert np.shape(model.expected_orders([1, 2, 3])) == (3,)
        assert np.shape(model.order_probability(1, 39)) == ()
        assert np.shape(model.order_probability([0, 1], 39)) == (2,)
        each = model.expected_orders([1, 52], [2, 2], [30, 30], [38, 38])
        assert each[0] == pytest.approx(model.expected_orders(1, [2], [30], [38])[0])
        assert each[1] == pytest.approx(model.expected_orders(52, [2], [30], [38])[0])


# Customer lifetime value


@each_kind
def test_clv_is_the_discounted_margin_of_each_months_orders(fitted, kind):
    model, customer = fitted[kind], ([2], [30.43], [38.86])
    month = 365.25 / 12 / 7
    upto = [model.expected_orders(month * number, *customer)[0] for number in range(4)]
    by_hand = sum(orders * 0.4 * 20 / 1.1 ** (n / 12) for n, orders in enumerate(np.diff(upto), 1))
    clv = model.clv(*customer, [20], months=3, discount_rate=0.1, margin=0.4)
    assert clv == pytest.approx([by_hand], rel=1e-9)


def test_clv_without_discount_is_the_value_of_the_expected_orders(cdnow, fitted):
    model, rows = fitted[BGNBD], rows_of(cdnow.head(100))
    clv = model.clv(*rows, np.full(100, 30.0), months=12, discount_rate=0)
    orders = model.expected_orders(365.25 / 7, *rows)
    np.testing.assert_allclose(clv, 30 * orders, rtol=1e-9)


def test_clv_is_never_negative(fitted):
    clv = fitted[BGNBD].clv([2, 2], [30, 30], [38, 38], [-20, 20])
    assert clv[0] == 0
    assert clv[1] > 0


def test_clv_grows_with_the_horizon_and_falls_with_the_discount(fitted):
    one_year = fitted[BGNBD].clv([2], [30], [38], [20], months=12)
    assert fitted[BGNBD].clv([2], [30], [38], [20], months=13) > one_year
    assert fitted[BGNBD].clv([2], [30], [38], [20], discount_rate=0.2) < one_year


# Errors


# Warm starts ------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("factor", [1 / 20, 1 / 3, 1, 3, 20])
def test_a_fit_leads_to_the_same_maximum_wherever_it_begins(cdnow, fitted, kind, factor):
    start = {name: value * factor for name, value in fitted[kind].params_.items()}
    model = kind().fit(*rows_of(cdnow), start=start)
    assert model.params_ == pytest.approx(fitted[kind].params_, rel=1e-5)
    assert model.log_likelihood_ == pytest.approx(fitted[kind].log_likelihood_, abs=1e-6)
    np.testing.assert_allclose(model.standard_errors(), fitted[kind].standard_errors(), rtol=1e-3)


@each_kind
def test_a_fit_that_begins_near_its_maximum_takes_fewer_steps(cdnow, fitted, kind):
    earlier = cdnow[cdnow["T"] > 30]
    start = kind().fit(*rows_of(earlier)).params_
    model = kind().fit(*rows_of(cdnow), start=start)
    assert model.iterations_ < fitted[kind].iterations_
    assert model.params_ == pytest.approx(fitted[kind].params_, rel=1e-5)


@each_kind
def test_a_start_at_a_bound_or_on_rows_without_a_maximum_is_as_no_start(cdnow, fitted, kind):
    at_bound = kind().fit([4] * 300, [51.9] * 300, [52] * 300)
    model = kind().fit(*rows_of(cdnow), start=at_bound.params_)
    assert model.params_ == fitted[kind].params_
    turned = kind().fit([4] * 300, [51.9] * 300, [52] * 300, start=fitted[kind].params_)
    assert turned.params_ == at_bound.params_
    assert turned.at_bound_ == at_bound.at_bound_


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, None])
def test_a_start_needs_a_value_above_0_of_each_parameter(cdnow, value):
    start = PUBLISHED | {"b": value}
    if value is None:
        del start["b"]
    with pytest.raises(ModelError, match="start: has no value above 0: 'b'") as error:
        BGNBD().fit(*rows_of(cdnow), start=start)
    assert error.value.reason == "bad_values"


# Limits -----------------------------------------------------------------------------


@each_kind
def test_where_nobody_has_bought_again_nobody_is_expected_to(kind):
    model = kind().fit([0, 0, 0], [0, 0, 0], [9, 8, 40])
    assert model.at_bound_ == ["r"]
    assert model.summary.loc["r", "at_bound"] == 1
    assert model.log_likelihood_ == pytest.approx(0, abs=1e-4)
    assert model.expected_orders(52, [0, 0], [0, 0], [9, 40]) == pytest.approx([0, 0], abs=1e-4)
    again = kind.from_state(model.to_state())
    assert again.at_bound_ == ["r"]
    assert again.params_ == model.params_


@each_kind
def test_customers_who_all_buy_at_one_pace_and_stay_are_expected_to_go_on_so(kind):
    """Four repeats in 52 weeks, the last one just now: two more in 26."""
    model = kind().fit([4] * 300, [51.9] * 300, [52] * 300)
    assert {"r"} < set(model.at_bound_)
    assert model.expected_orders(26, [4], [51.9], [52]) == pytest.approx([2], rel=1e-3)
    assert model.p_alive([4], [51.9], [52]) == pytest.approx([1], abs=1e-3)
    assert model.covariance_ is None
    assert model.summary.loc["r", ["std_error", "low", "high"]].isna().all()


@each_kind
def test_where_nobody_leaves_the_model_is_its_simpler_one_whatever_the_order_of_customers(kind):
    random = np.random.default_rng(3)
    T = np.full(2000, 52.0)
    x = random.poisson(random.gamma(2.0, 2.0, 2000))
    # Of n purchases at random times the last one comes at T u^(1/n).
    t_x = np.where(x > 0, T * random.uniform(size=2000) ** (1 / np.maximum(x, 1)), 0)
    model = kind().fit(x, t_x, T)
    turned = kind().fit(x[::-1], t_x[::-1], T[::-1])
    assert turned.at_bound_ == model.at_bound_
    ahead = model.expected_orders(52, x, t_x, T).sum()
    assert turned.expected_orders(52, x, t_x, T).sum() == pytest.approx(ahead, rel=1e-4)
    assert ahead == pytest.approx(x.sum(), rel=0.1)


BOUNDED = {
    "all buy at one rate and stay": lambda random: (np.full(300, 4.0), np.full(300, 51.9)),
    "all buy at one rate": lambda random: at_random_times(random.poisson(4.0, 2000), random),
    "nobody leaves": lambda random: at_random_times(
        random.poisson(random.gamma(2.0, 2.0, 2000)), random
    ),
    "all leave at once": lambda random: at_random_times(random.binomial(1, 0.2, 2000), random),
}


def at_random_times(x: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return `x` and `t_x`: of n purchases at random times the last one comes at T u^(1/n)."""
    last = 52.0 * random.uniform(size=len(x)) ** (1 / np.maximum(x, 1))
    return x, np.where(x > 0, last, 0)


@each_kind
@pytest.mark.parametrize("base", list(BOUNDED))
def test_the_summary_says_which_parameters_stand_at_their_bound(kind, base):
    """A limit's own, and those that go as far as they may; not the partner that keeps a ratio."""
    x, t_x = BOUNDED[base](np.random.default_rng(3))
    model = kind().fit(x, t_x, np.full(len(x), 52.0))
    logs = np.log(list(model.params_.values())) - np.log(
        [52 if n in kind.in_units else 1 for n in kind.names]
    )
    held = {name for name, log in zip(kind.names, logs, strict=True) if abs(log) > 14.99}
    told = model.summary["at_bound"].loc[list(kind.names)]
    assert set(told.index[told == 1]) == set(model.at_bound_)
    assert set(model.at_bound_) <= held
    beyond = held - set(model.at_bound_)
    assert beyond <= {partner for partner, _ in kind.partners.values()}
    assert bool(model.at_bound_) == (model.covariance_ is None)
    assert bool(model.at_bound_) == model.standard_errors().isna().all()
    assert model.at_bound_ or base not in ("all buy at one rate and stay", "all leave at once")


def few_come_back(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1,500 customers over 61 weeks, a fifth of whom have two orders, the second one soon."""
    random = np.random.default_rng(seed)
    T = random.uniform(0, 61, 1500)
    x = random.binomial(1, 0.2, 1500)
    return x, np.where(x > 0, T * random.beta(1, 3, 1500), 0), T


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_limit_is_no_artefact_of_rounding(seed):
    """Of huge shapes the likelihood is a difference of huge terms: none is taken for a gain."""
    rows = few_come_back(seed)
    model = MBGNBD().fit(*rows)
    assert model.log_likelihood_ == pytest.approx(model.log_likelihood(*rows).sum(), abs=0.01)
    assert model.expected_orders(52, *rows).sum() < 300


@each_kind
@pytest.mark.parametrize("base", ["one-timers", "one day", "one cohort", "six weeks", "two"])
def test_a_poor_base_gives_finite_answers_or_a_reason(cdnow, kind, base):
    x, t_x, T = poor(base, cdnow)
    try:
        model = kind().fit(x, t_x, T)
    except ModelError as error:
        assert error.reason in {"not_converged", "no_customers", "one_customer"}
        return
    alive = model.p_alive(x, t_x, T)
    assert ((alive >= 0) & (alive <= 1)).all()
    age = max(T.max(), 1)
    orders = model.expected_orders(age, x, t_x, T)
    assert np.isfinite(orders).all()
    assert 0 <= orders.sum() <= 2 * x.sum() + 1
    assert np.isfinite(model.log_likelihood_)
    assert np.isfinite(model.clv(x, t_x, T, np.full(len(x), 10.0))).all()


def poor(base: str, cdnow: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a base that hardly tells a model anything."""
    random = np.random.default_rng(4)
    if base == "one-timers":
        x, t_x, T = rows_of(cdnow)
        repeats = (x > 0) & (random.uniform(size=len(x)) < 0.05)
        return np.where(repeats, x, 0), np.where(repeats, t_x, 0), T
    if base == "one day":
        return np.zeros(50), np.zeros(50), np.full(50, 1 / 7)
    if base == "one cohort":
        first = cdnow[cdnow["T"] == cdnow["T"].max()]
        return rows_of(first)
    if base == "six weeks":
        T = random.uniform(0, 6, 400)
        x = random.binomial(2, 0.08, 400)
        return x, np.where(x > 0, T * random.uniform(size=400), 0), T
    return np.array([1.0, 0]), np.array([3.0, 0]), np.array([9.0, 5])


@each_kind
@pytest.mark.parametrize(
    ("reason", "x", "t_x", "T"),
    [
        ("no_customers", [], [], []),
        ("one_customer", [2], [3], [9]),
        ("bad_values", [1, np.nan], [1, 0], [9, 9]),
        ("bad_values", [1, 2], [1, np.nan], [9, 9]),
        ("bad_values", [1, 2], [1, 2], [9, np.inf]),
        ("bad_values", [1, -1], [1, 0], [9, 9]),
        ("bad_values", [1, 1], [1, -1], [9, 9]),
        ("bad_values", [1, 0], [1, 0], [9, -9]),
        ("bad_values", [1, 2], [1, 9.1], [9, 9]),
        ("bad_values", [1, 0], [1, 3], [9, 9]),
        ("bad_values", [1, 1.5], [1, 3], [9, 9]),
        ("bad_values", [1, 2, 3], [1, 2], [9, 9]),
        ("bad_values", [1, 2], [1, 2], [9, 9, 9]),
        ("bad_values", ["a", "b"], [1, 2], [9, 9]),
    ],
)
def test_a_fit_that_cannot_be_made_says_why_by_name(kind, reason, x, t_x, T):
    with pytest.raises(ModelError) as error:
        kind().fit(x, t_x, T)
    assert error.value.reason == reason


@each_kind
@pytest.mark.parametrize("weights", [[1, -1], [1, np.nan], [1], ["a", "b"]])
def test_impossible_weights_are_refused(kind, weights):
    with pytest.raises(ModelError, match="weights") as error:
        kind().fit([1, 2], [1, 2], [9, 9], weights=weights)
    assert error.value.reason == "bad_values"


def test_customers_who_all_weigh_nothing_are_no_customers():
    with pytest.raises(ModelError) as error:
        BGNBD().fit([1, 2], [1, 2], [9, 9], weights=[0, 0])
    assert error.value.reason == "no_customers"


@pytest.mark.parametrize(
    ("x", "t_x", "T", "text"),
    [
        ([2, 2], [3, 10], [9, 9], "t_x: impossible values (1 in all): 10.0. Fix: give 0 <= t_x"),
        ([2, 0], [3, 4], [9, 9], "t_x: impossible values (1 in all): 4.0. Fix: without a repeat"),
        ([2.5, 1], [3, 4], [9, 9], "x: impossible values (1 in all): 2.5. Fix: give whole"),
    ],
)
def test_an_error_shows_the_column_the_values_and_what_to_do(x, t_x, T, text):
    with pytest.raises(ModelError) as error:
        BGNBD().fit(x, t_x, T)
    assert str(error.value).startswith(text)


@each_kind
@pytest.mark.parametrize("answer", ["p_alive", "log_likelihood"])
def test_predictions_refuse_the_same_impossible_histories(fitted, kind, answer):
    with pytest.raises(ModelError) as error:
        getattr(fitted[kind], answer)([2], [10], [9])
    assert error.value.reason == "bad_values"


def test_rounding_of_t_x_just_above_T_is_forgiven(fitted):
    above = np.nextafter(9.0, 10)
    assert fitted[BGNBD].p_alive([2], [above], [9]) == fitted[BGNBD].p_alive([2], [9], [9])


def test_an_unknown_time_unit_is_refused_with_the_nearest_one(cdnow):
    with pytest.raises(SegkitError, match="did you mean 'weeks'"):
        BGNBD("week").fit(*rows_of(cdnow))


@each_kind
@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.p_alive([1], [1], [2]),
        lambda model: model.log_likelihood([1], [1], [2]),
        lambda model: model.expected_orders(3),
        lambda model: model.order_probability(1, 3),
        lambda model: model.clv([1], [1], [2], [10]),
        lambda model: model.standard_errors(),
        lambda model: model.summary,
        lambda model: model.bootstrap(2),
        lambda model: model.to_state(),
    ],
)
def test_a_model_that_is_not_fitted_says_so(kind, ask):
    with pytest.raises(SegkitError, match=f"{kind.__name__} is not fitted"):
        ask(kind())


@each_kind
@pytest.mark.parametrize("t", [-1, [3, -1], np.nan, np.inf])
def test_a_time_ahead_is_0_or_more(fitted, kind, t):
    with pytest.raises(SegkitError, match="looks back in time"):
        fitted[kind].expected_orders(t)
    with pytest.raises(SegkitError, match="looks back in time"):
        fitted[kind].order_probability(1, t)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("months", [0, -1, 1.5, np.nan]),
        ("discount_rate", [-1, -2, np.nan, np.inf]),
        ("margin", [-0.1, np.nan, np.inf]),
    ],
)
def test_impossible_terms_of_a_clv_are_refused_by_name(fitted, name, values):
    for value in values:
        with pytest.raises(SegkitError, match=f"^{name}: impossible value"):
            fitted[BGNBD].clv([2], [30], [38], [20], **{name: value})


def test_values_of_another_length_than_the_customers_are_refused(fitted):
    with pytest.raises(ModelError, match="value: has 2 values, not 1"):
        fitted[BGNBD].clv([2], [30], [38], [20, 20])


def test_an_error_keeps_its_reason_and_its_text_between_processes():
    with pytest.raises(ModelError) as error:
        BGNBD().fit([2, 2], [3, 10], [9, 9])
    copy = pickle.loads(pickle.dumps(error.value))
    assert type(copy) is ModelError
    assert copy.reason == "bad_values"
    assert str(copy) == str(error.value)
    assert isinstance(copy, SegkitError)
