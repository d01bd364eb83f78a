"""What BG/NBD and MBG/NBD share: purchases at a gamma rate, a beta chance to leave after each.

A customer buys as a Poisson process with rate lambda ~ Gamma(r, alpha), and after each purchase
leaves with probability p ~ Beta(a, b). In MBG/NBD the first purchase is such an occasion too.
Every expectation is a mean over p of terms that are positive and grow with time; nothing is a
difference of large numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, digamma, expit, gammaln, polygamma
from scipy.stats import nbinom

from segkit.models.fitting import LIMIT
from segkit.models.purchase import PurchaseModel
from segkit.models.rows import Histories, codes

NODES = 96  # after a sinh map the trapezoid rule gains digits with each node
DEPTH = 32.0
"""The tails of p that are cut off have a mass of less than exp(-DEPTH)."""


class BetaGeometricNBD(PurchaseModel):
    """Template of the two; a subclass says whether the first purchase is a chance to leave."""

    names: ClassVar = ("r", "alpha", "a", "b")
    starts: ClassVar = (
        {"r": 0.5, "alpha": 0.2, "a": 0.5, "b": 1.5},
        {"r": 2.0, "alpha": 0.5, "a": 0.1, "b": 2.0},
        {"r": 0.1, "alpha": 0.01, "a": 1.0, "b": 5.0},
    )
    limits: ClassVar = (
        {"r": LIMIT, "a": -LIMIT, "b": LIMIT},  # nobody leaves, and all buy at one rate
        {"a": -LIMIT, "b": LIMIT},  # nobody leaves
        {"r": LIMIT, "a": LIMIT},  # all buy at one rate, and are as likely to leave
        {"r": LIMIT},  # all buy at one rate
        {"a": LIMIT},  # all are as likely to leave as each other
    )
    partners: ClassVar = {"r": ("alpha", 1.0), "a": ("b", 1.0)}
    leaves_at_once: ClassVar[int]
    """1 where a customer can leave after the first purchase, before any repeat, else 0."""

    def _log_likelihood(
        self, params: Mapping[str, float], rows: Histories
    ) -> tuple[float, Mapping[str, float]]:
        """Return the sum over rows: Fader, Hardie and Lee (2005), equation 6.

        A customer has stayed, or has left at the last purchase:
        L = G(x) (alpha + T)^-(r + x) [1 + odds], with the odds of having left as in `_log_odds`.
        """
        r, alpha, a, b = (params[name] for name in self.names)
        stays = rows.x + self.leaves_at_once
        ages, lasts = alpha + rows.T, alpha + rows.t_x
        of_T, of_t = np.log(ages)[rows.iT], np.log(lasts)[rows.it]
        power = r + rows.each_x
        log_odds = self._log_chance(params, rows.x)[rows.ix] + power * (of_T - of_t)
        gone, softplus = _expit_and_softplus(log_odds)
        left = rows.weights * gone
        stayed = rows.weights - left
        by_x, left_x = rows.by_x, np.bincount(rows.ix, left, len(rows.x))
        total = by_x.sum()
        value = by_x @ self._of_x(params, rows.x) + rows.weights @ (softplus - power * of_T)
        slope_r = by_x @ (digamma(r + rows.x) - digamma(r)) + total * np.log(alpha)
        slope_r -= stayed @ of_T + left @ of_t
        pull = stayed * (1 / ages)[rows.iT] + left * (1 / lasts)[rows.it]
        slope_alpha = total * r / alpha - power @ pull
        each = b + np.arange(stays.max())
        slope_a = left_x.sum() / a - by_x @ _sums_to(stays, 1 / (a + each))
        slope_b = by_x @ _sums_to(stays, a / (each * (a + each)))
        slope_b -= left_x @ (1 / (b + np.maximum(stays, 1) - 1))
        return float(value), {"r": slope_r, "alpha": slope_alpha, "a": slope_a, "b": slope_b}

    def _of_x(self, params: Mapping[str, float], x: np.ndarray) -> np.ndarray:
        """Return the part of the log-likelihood that depends on `x` alone."""
        r, alpha, a, b = (params[name] for name in self.names)
        stays = x + self.leaves_at_once
        rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        each = b + np.arange(stays.max(initial=0))
        return rate - _sums_to(stays, np.log1p(a / each))

    def _log_odds(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        """Return the log-odds of having left at the last purchase against having stayed."""
        power, alpha = params["r"] + x, params["alpha"]
        return self._log_chance(params, x) + power * np.log1p((T - t_x) / (alpha + t_x))

    def _log_chance(self, params: Mapping[str, float], x: np.ndarray) -> np.ndarray:
        """Return the log-odds of leaving at the last purchase, whenever that was."""
        stays = x + self.leaves_at_once
        chance = np.log(params["a"]) - np.log(params["b"] + np.maximum(stays, 1) - 1)
        return np.where(stays > 0, chance, -np.inf)

    def _each_log_likelihood(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        log_odds = self._log_odds(params, x, t_x, T)
        stayed = self._of_x(params, x) - (params["r"] + x) * np.log(params["alpha"] + T)
        return stayed + np.logaddexp(0, log_odds)

    def _p_alive(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        return expit(-self._log_odds(params, x, t_x, T))

    def _mean_if_alive(
        self, params: Mapping[str, float], t: np.ndarray, x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        b = params["b"] + x + self.leaves_at_once
        return _mean_orders(params["r"] + x, t / (params["alpha"] + T), params["a"], b)

    def _mean_of_new(self, params: Mapping[str, float], t: np.ndarray) -> np.ndarray:
        r, alpha, a, b = (params[name] for name in self.names)
        shape = np.ones_like(t)
        mean = _mean_orders(r * shape, t / alpha, a, (b + self.leaves_at_once) * shape)
        return mean * self._stays_at_first(params)

    def _chance_if_alive(
        self,
        params: Mapping[str, float],
        n: np.ndarray,
        t: np.ndarray,
        x: np.ndarray,
        T: np.ndarray,
    ) -> np.ndarray:
        b = params["b"] + x + self.leaves_at_once
        return _order_chance(n, params["r"] + x, t / (params["alpha"] + T), params["a"], b)

    def _chance_of_new(
        self, params: Mapping[str, float], n: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        r, alpha, a, b = (params[name] for name in self.names)
        stays = self._stays_at_first(params)
        chance = _order_chance(n, r, t / alpha, a, b + self.leaves_at_once)
        return stays * chance + (1 - stays) * (n == 0)

    def _stays_at_first(self, params: Mapping[str, float]) -> float:
        a, b = params["a"], params["b"]
        return b / (a + b) if self.leaves_at_once else 1.0


def _sums_to(counts: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Return the sum of so many first terms, one for each count.

    A difference of gamma or beta functions is such a sum, which stays exact where they are huge.
    """
    return np.append(0.0, np.cumsum(terms))[counts.astype(np.int64)]


def _mean_orders(r: np.ndarray, ahead: np.ndarray, a: float, b: np.ndarray) -> np.ndarray:
    """Return the mean of (1 - (1 + p ahead)^-r) / p over p ~ Beta(a, b).

    That is the purchases to expect of customers who are there now, `ahead` being time over
    the scale of their rate. Without a p the closed form is a difference of hypergeometric
    functions that cancels; its integrand is positive and rises with `ahead` for every p.
    """
    place, distinct = codes(b)
    log_p, share = _beta_nodes(a, distinct)
    p = np.exp(np.maximum(log_p, -700))
    mean = np.empty(len(ahead))
    for start in range(0, len(ahead), 4096):  # so that memory stays small
        part = slice(start, start + 4096)
        at = place[part]
        grown = np.log1p(p[at] * ahead[part, None])
        mean[part] = np.einsum("ij,ij->i", -np.expm1(-r[part, None] * grown), (share / p)[at])
    return mean


def _beta_nodes(a: float, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each `b`, logs of p and shares that sum to 1, of the law Beta(a, b).

    The trapezoidal rule over the logit of p, whose steps widen from where the law's mass
    turns: exact to about 1e-8 from a, b of 1e-3 to 1e6 (measured against arbitrary precision).
    """
    b = b[:, None]
    spread = np.sqrt(polygamma(1, a) + polygamma(1, b))
    step = np.minimum(1.0, spread)
    centre = np.log(np.maximum(a, 1.0) / np.maximum(b, 1.0))
    low = np.arcsinh(np.maximum(8 * spread, DEPTH / a + 3) / step)
    high = np.arcsinh(np.maximum(8 * spread, DEPTH / b + 3) / step)
    place = -low + (low + high) * np.linspace(0, 1, NODES)
    logit = centre + step * np.sinh(place)
    log_p, log_rest = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    log_share = a * log_p + b * log_rest + np.log(np.cosh(place))
    share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
    return log_p, share / share.sum(axis=1, keepdims=True)


def _order_chance(
    n: np.ndarray, r: ArrayLike, ahead: np.ndarray, a: float, b: ArrayLike
) -> np.ndarray:
    """Return the probability of `n` purchases of customers who are there now.

    Either they stay through all n and the process gives just n, or they leave at the n-th
    and it would have given n or more: Fader, Hardie and Lee (2005), equation 8.
    """
    process: Any = nbinom(np.asarray(r, dtype=float), 1 / (1 + ahead))
    b = np.asarray(b, dtype=float)
    stay = np.exp(betaln(a, b + n) - betaln(a, b))
    before = np.maximum(n, 1) - 1
    leave = np.where(n > 0, np.exp(betaln(a + 1, b + before) - betaln(a, b)), 0.0)
    return np.minimum(stay * process.pmf(n) + leave * process.sf(n - 1), 1.0)


def _expit_and_softplus(value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return 1 / (1 + exp(-value)) and log(1 + exp(value)), from one exponential."""
    small = np.exp(-np.abs(value))
    return np.where(value >= 0, 1.0, small) / (1 + small), np.maximum(value, 0) + np.log1p(small)
