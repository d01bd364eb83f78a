"""MBG/CNBD-k: MBG/NBD whose purchases come more evenly than chance.

    python benchmarks/further_regular.py

holds the formulas against simulated customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from scipy.special import betaln, digamma, expit, gammaln, logsumexp
from scipy.stats import nbinom

from segkit.models import MBGNBD
from segkit.models.fitting import MaximumLikelihood
from segkit.models.rows import Histories, checked, codes, histories

KS = (1, 2, 3, 4)
NEGLIGIBLE = 1e-10
"""Expected purchases are summed until the next one adds less."""


class MBGCNBD(MaximumLikelihood):
    """MBG/CNBD-k: gaps between purchases follow an Erlang-k law, with `k` the same for all.

    A customer's clock ticks as a Poisson process with rate lambda ~ Gamma(r, alpha), and every
    k-th tick is a purchase; after each purchase, the first one included, the customer leaves
    with probability p ~ Beta(a, b). With k = 1 this is MBG/NBD.

    Parameters
    ----------
    k : int
        Ticks a purchase: 1 is chance, more is more regular.

    Notes
    -----
    Model: Reutterer, Platzer and Schroeder (2021), Leveraging purchase regularity for
    predicting customer behavior the easy way, IJRM 38(1). Their expected purchases are an
    approximation; here they are exact, by the ticks there have been since the last purchase: given
    that j of them have come, lambda is Gamma(r + k x + j, alpha + T), so the ticks to come are
    negative binomial.
    """

    names: ClassVar = MBGNBD.names
    in_units: ClassVar = MBGNBD.in_units
    starts: ClassVar = MBGNBD.starts
    limits: ClassVar = MBGNBD.limits

    def __init__(self, k: int = 1) -> None:
        self.k = k

    def fit(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> Self:
        """Learn the parameters; the gaps between purchases weigh on the choice of `k` alone."""
        return self._fit_rows(histories(x, t_x, T).scaled())

    def log_likelihood(
        self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, log_gaps: np.ndarray
    ) -> np.ndarray:
        """Return each customer's log-likelihood, comparable between `k`.

        Parameters
        ----------
        x, t_x, T : array
        log_gaps : array
            Sum of the logarithms of a customer's gaps between purchases.
        """
        params = self._parameters()
        x, t_x, T = checked(x, t_x, T)
        gone, ticks = self._terms(params, x, t_x, T)
        gaps = (self.k - 1) * log_gaps - x * gammaln(self.k)
        return gaps + self._of_x(params, x) + np.logaddexp(gone, logsumexp(ticks, axis=0))

    def p_alive(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return the probability that each customer is still one."""
        gone, ticks = self._terms(self._parameters(), *checked(x, t_x, T))
        return expit(logsumexp(ticks, axis=0) - gone)

    def expected_orders(
        self, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        """Return how many purchases to expect of each customer in the next `t`."""
        place, (each_x, each_t_x, each_T) = _distinct(x, t_x, T)
        return self._expected(t, each_x, each_t_x, each_T)[place]

    def _expected(self, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        params = self._parameters()
        gone, ticks = self._terms(params, x, t_x, T)
        share = np.exp(ticks - np.logaddexp(gone, logsumexp(ticks, axis=0)))
        a, b = params["a"], params["b"] + x + 1
        mean, open_, n = np.zeros(len(x)), np.arange(len(x)), 0
        while len(open_):
            stays = np.exp(betaln(a, b[open_] + n) - betaln(a, b[open_]))
            n += 1
            comes = stays * sum(
                share[j, open_] * self._ticks(j, t, x[open_], T[open_]).sf(n * self.k - j - 1)
                for j in range(self.k)
            )
            mean[open_] += comes
            open_ = open_[comes > NEGLIGIBLE]
        return mean

    def any_order(self, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """Return the probability that each customer purchases in the next `t`.

        Who stays does not within `t` with the chance that the gap outlasts it, given that it
        has lasted until now.
        """
        params = self._parameters()
        x, t_x, T = checked(x, t_x, T)
        gone, now = self._terms(params, x, t_x, T)
        _, then = self._terms(params, x, t_x, T + t)
        alive, silent = logsumexp(now, axis=0), logsumexp(then, axis=0)
        return expit(alive - gone) * -np.expm1(silent - alive)

    def _ticks(self, j: int, t: float, x: np.ndarray, T: np.ndarray) -> Any:
        """Return the law of the ticks to come of those who have had j since the last purchase."""
        params = self._parameters()
        return nbinom(params["r"] + self.k * x + j, 1 / (1 + t / (params["alpha"] + T)))

    def _of_x(self, params: Mapping[str, float], x: np.ndarray) -> np.ndarray:
        r, alpha, a, b = (params[name] for name in self.names)
        rate = gammaln(r + self.k * x) - gammaln(r) + r * np.log(alpha)
        return rate + betaln(a, b + x + 1) - betaln(a, b)

    def _terms(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return logs: has left at the last purchase; stays, by ticks since (a row each)."""
        r, alpha, a, b = (params[name] for name in self.names)
        power = r + self.k * x
        gone = np.log(a / (b + x)) - power * np.log(alpha + t_x)
        with np.errstate(divide="ignore"):
            since = np.log(T - t_x) - np.log(alpha + T)
        ticks = [-power * np.log(alpha + T)]
        for j in range(1, self.k):
            ticks.append(ticks[-1] + since + np.log((power + j - 1) / j))
        return gone, np.array(ticks)

    def _log_likelihood(
        self, params: Mapping[str, float], rows: Histories
    ) -> tuple[float, Mapping[str, float]]:
        r, alpha, a, b = (params[name] for name in self.names)
        k, x, t_x, T = self.k, rows.each_x, rows.t_x[rows.it], rows.T[rows.iT]
        gone, ticks = self._terms(params, x, t_x, T)
        each = np.logaddexp(gone, logsumexp(ticks, axis=0))
        value = rows.weights @ each + rows.by_x @ self._of_x(params, rows.x)
        left = rows.weights * np.exp(gone - each)
        stays = rows.weights * np.exp(ticks - each)
        stayed, power = stays.sum(axis=0), r + k * x
        had = np.arange(k) @ stays
        age, last = alpha + T, alpha + t_x
        whole = digamma(a + b) - digamma(a + b + rows.x + 1)
        left_x = np.bincount(rows.ix, left, len(rows.x))
        slope_r = rows.by_x @ (digamma(r + k * rows.x) - digamma(r) + np.log(alpha))
        slope_r -= left @ np.log(last) + stayed @ np.log(age)
        slope_r += sum(stays[j] @ (1 / (power + i)) for j in range(k) for i in range(j))
        slope_alpha = rows.weights.sum() * r / alpha
        slope_alpha -= (left * power) @ (1 / last) + (stayed * power + had) @ (1 / age)
        slope_a = rows.by_x @ whole + left.sum() / a
        slope_b = rows.by_x @ (digamma(b + rows.x + 1) - digamma(b) + whole)
        slope_b -= left_x @ (1 / (b + rows.x))
        return float(value), {"r": slope_r, "alpha": slope_alpha, "a": slope_a, "b": slope_b}


def known(history: pd.DataFrame) -> list[np.ndarray]:
    """Return `x`, `t_x`, `T` as arrays."""
    return [history[name].to_numpy(float) for name in ("x", "t_x", "T")]


def likelihoods(models: dict[int, MBGCNBD], history: pd.DataFrame) -> dict[int, float]:
    """Return the log-likelihood of each `k`; `history` has `log_gaps` too."""
    gaps = history["log_gaps"].to_numpy()
    return {k: float(one.log_likelihood(*known(history), gaps).sum()) for k, one in models.items()}


def fitted(history: pd.DataFrame) -> dict[int, MBGCNBD]:
    """Return the model of each `k`."""
    return {k: MBGCNBD(k).fit(*known(history)) for k in KS}


def _distinct(
    x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return each customer's place among the distinct histories, and these."""
    columns = checked(x, t_x, T)
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        place, values = codes(column)
        key = key * len(values) + place
    place, keys = codes(key)
    first = np.zeros(len(keys), dtype=np.int64)
    first[place] = np.arange(len(place))
    return place, tuple(column[first] for column in columns)


# Proof ----------------------------------------------------------------------------------

CDNOW = {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}
JOURNEY = {"r": 1.404, "alpha": 1.370, "a": 0.0477, "b": 49.8}
"""MBG/NBD of Complete Journey at 1 October 2017 (weeks)."""


def purchases(
    k: int, params: Mapping[str, float], customers: int, until: float, random: np.random.Generator
) -> pd.DataFrame:
    """Return repeat purchases of simulated customers: `customer`, `time` since the first one."""
    rate = random.gamma(params["r"], 1 / params["alpha"], customers)
    leaves = random.beta(params["a"], params["b"], customers)
    who, now, found = np.arange(customers), np.zeros(customers), []
    while len(who):
        stays = random.random(len(who)) >= leaves[who]
        who, now = who[stays], now[stays]
        now = now + random.gamma(k, 1 / np.maximum(rate[who], 1e-300))
        who, now = who[now < until], now[now < until]
        found.append(pd.DataFrame({"customer": who, "time": now}))
    return pd.concat(found, ignore_index=True).sort_values(["customer", "time"])


def summed(found: pd.DataFrame, customers: int, age: float) -> pd.DataFrame:
    """Return `x`, `t_x`, `T`, `log_gaps` of simulated customers, and purchases after (`came`)."""
    before = found[found["time"] < age]
    gaps = before["time"] - before.groupby("customer")["time"].shift(fill_value=0.0)
    by = before.groupby("customer")["time"]
    table = {
        "x": by.size(),
        "t_x": by.max(),
        "log_gaps": np.log(gaps).groupby(before["customer"]).sum(),
        "came": found[found["time"] >= age].groupby("customer").size(),
    }
    everyone = pd.DataFrame(table, index=range(customers)).fillna(0.0)
    return everyone.assign(T=age)


def print_forecasts(customers: int = 200_000, age: float = 39.0, ahead: float = 39.0) -> None:
    """Print what the models say, at the true parameters, and what simulated customers did."""
    print("| k | x | customers | orders said | orders came | ± | P(order) said | share that came |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for k in KS:
        found = purchases(k, CDNOW, customers, age + ahead, np.random.default_rng(k))
        table, model = summed(found, customers, age), MBGCNBD(k)
        model.params_ = dict(CDNOW)
        table["orders"] = model.expected_orders(ahead, *known(table))
        table["any"] = model.any_order(ahead, *known(table))
        for x, some in table[table["x"] <= 3].groupby("x"):
            error = 1.96 * some["came"].std() / np.sqrt(len(some))
            said = f"{some['orders'].mean():.4f} | {some['came'].mean():.4f} | {error:.4f}"
            chance = f"{some['any'].mean():.4f} | {(some['came'] > 0).mean():.4f}"
            print(f"| {k} | {x:.0f} | {len(some):,} | {said} | {chance} |")


def print_choices(customers: int = 2_446, age: float = 39.0) -> None:
    """Print which k is likeliest for simulated customers, by exact times and by whole days."""
    print("\n| true k | rates of | times | " + " | ".join(f"k = {k}" for k in KS) + " |")
    print("|--:|---|---|" + "--:|" * len(KS))
    for name, params in {"CDNOW": CDNOW, "Complete Journey": JOURNEY}.items():
        for k in KS[:2]:
            exact = purchases(k, params, customers, age, np.random.default_rng(k))
            days = exact.assign(time=np.floor(exact["time"] * 7) / 7)
            days = days[days["time"] > 0].drop_duplicates()
            for times, found in {"exact": exact, "whole days": days}.items():
                table = summed(found, customers, age)
                reached = likelihoods(fitted(table), table)
                texts = [f"{reached[other] - reached[1]:+,.0f}" for other in KS]
                print(f"| {k} | {name} | {times} | {' | '.join(texts)} |")


if __name__ == "__main__":
    print_forecasts()
    print_choices()
