"""Pareto/NBD: customers leave at any time, bought or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy.special import digamma, expit, exprel, gammaln
from scipy.stats import nbinom

from segkit.models.fitting import LIMIT
from segkit.models.purchase import PurchaseModel
from segkit.models.rows import Histories

SHORT, LONG = np.polynomial.legendre.leggauss(16), np.polynomial.legendre.leggauss(48)
"""Nodes and weights, where the time of leaving spans few and many scales of the integrand."""
FINE = np.polynomial.legendre.leggauss(256)


class ParetoNBD(PurchaseModel):
    """Pareto/NBD: purchases at a gamma rate, until a lifetime with a gamma rate ends.

    Notes
    -----
    Parameters: `r`, `alpha` (of the purchase rate), `s`, `beta` (of the rate of leaving);
    `alpha` and `beta` in `time_unit`. Source: Schmittlein, Morrison and Colombo (1987),
    Counting Your Customers, Management Science 33(1); Fader and Hardie (2005), A Note on
    Deriving the Pareto/NBD Model.

    Examples
    --------
    >>> model = ParetoNBD().with_params(
    ...     {"r": 0.55, "alpha": 10.56, "s": 0.61, "beta": 11.64})
    >>> model.expected_orders([0, 1, 2, 3]).round(8)
    array([0.        , 0.05077821, 0.09916088, 0.14542507])
    """

    names: ClassVar = ("r", "alpha", "s", "beta")
    in_units: ClassVar = ("alpha", "beta")
    starts: ClassVar = (
        {"r": 0.5, "alpha": 0.25, "s": 0.5, "beta": 0.3},
        {"r": 2.0, "alpha": 0.5, "s": 0.2, "beta": 0.5},
        {"r": 0.1, "alpha": 0.01, "s": 1.0, "beta": 2.0},
    )

    limits: ClassVar = (
        {"r": LIMIT, "s": -LIMIT, "beta": LIMIT},  # nobody leaves, and all buy at one rate
        {"s": -LIMIT, "beta": LIMIT},  # nobody leaves
        {"r": LIMIT, "s": LIMIT},  # all buy at one rate, and leave at one
        {"r": LIMIT},  # all buy at one rate
        {"s": LIMIT},  # all leave at one rate
    )
    partners: ClassVar = {"r": ("alpha", 1.0), "s": ("beta", 1.0)}

    def _log_likelihood(
        self, params: Mapping[str, float], rows: Histories
    ) -> tuple[float, Mapping[str, float]]:
        """Return the sum over rows: a customer is there still, or has left since the last purchase.

        L = G(x) (alpha + T)^-(r + x) (beta + T)^-s [1 + odds], with the odds of `_odds`.
        """
        r, alpha, s, beta = (params[name] for name in self.names)
        t_x, T = rows.t_x[rows.it], rows.T[rows.iT]
        power = r + rows.each_x
        odds = _Odds(params, power, t_x, T)
        left = rows.weights * expit(odds.log)
        of_x = gammaln(r + rows.x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        of_T = np.log(alpha + rows.T), np.log(beta + rows.T)
        value = of_x[rows.ix] - power * of_T[0][rows.iT] - s * of_T[1][rows.iT] + odds.softplus
        by_x = rows.by_x
        by_T = np.bincount(rows.iT, rows.weights, len(rows.T))
        by_T_power = np.bincount(rows.iT, rows.weights * power, len(rows.T))
        total = by_x.sum()
        slopes = {
            "r": by_x @ (digamma(r + rows.x) - digamma(r)) + total * np.log(alpha) - by_T @ of_T[0],
            "alpha": total * r / alpha - by_T_power @ (1 / (alpha + rows.T)),
            "s": total * np.log(beta) - by_T @ of_T[1],
            "beta": total * s / beta - s * (by_T @ (1 / (beta + rows.T))),
        }
        further = odds.slopes()
        return float(rows.weights @ value), {
            name: slope + left @ further[name] for name, slope in slopes.items()
        }

    def _each_log_likelihood(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        r, alpha, s, beta = (params[name] for name in self.names)
        odds = _Odds(params, r + x, t_x, T)
        stayed = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        stayed -= (r + x) * np.log(alpha + T) + s * np.log(beta + T)
        return stayed + odds.softplus

    def _p_alive(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        return expit(-_Odds(params, params["r"] + x, t_x, T).log)

    def _mean_if_alive(
        self, params: Mapping[str, float], t: np.ndarray, x: np.ndarray, T: np.ndarray
    ) -> np.ndarray:
        """Return rate times mean time to come: Fader and Hardie (2005), equation 41."""
        r, alpha, s, beta = (params[name] for name in self.names)
        grown = np.log1p(t / (beta + T))
        return (r + x) / (alpha + T) * (beta + T) * grown * exprel((1 - s) * grown)

    def _mean_of_new(self, params: Mapping[str, float], t: np.ndarray) -> np.ndarray:
        return self._mean_if_alive(params, t, np.zeros_like(t), np.zeros_like(t))

    def _chance_if_alive(
        self,
        params: Mapping[str, float],
        n: np.ndarray,
        t: np.ndarray,
        x: np.ndarray,
        T: np.ndarray,
    ) -> np.ndarray:
        r, alpha, s, beta = (params[name] for name in self.names)
        return _order_chance(n, r + x, t / (alpha + T), s, t / (beta + T))

    def _chance_of_new(
        self, params: Mapping[str, float], n: np.ndarray, t: np.ndarray
    ) -> np.ndarray:
        r, alpha, s, beta = (params[name] for name in self.names)
        return _order_chance(n, np.full(len(n), r), t / alpha, s, t / beta)


class _Odds:
    """Odds of having left since the last purchase, as an integral over the time of leaving.

    The integral of ((alpha + T) / (alpha + y))^(r + x) ((beta + T) / (beta + y))^s s / (beta + y)
    over y from t_x to T. It is positive, needs no branch for alpha < beta, alpha = beta or
    t_x = T, and stays within range in logarithms. Gauss-Legendre over the logarithm of the time
    since t_x, measured in the scale on which the integrand falls.

    Attributes
    ----------
    log : array of float
        Log-odds, row by row.
    """

    def __init__(
        self, params: Mapping[str, float], power: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> None:
        self.alpha, self.s, self.beta = params["alpha"], params["s"], params["beta"]
        self.power, self.t_x, self.T = power, t_x, T
        self.fall = 1 / (power / (self.alpha + t_x) + (self.s + 1) / (self.beta + t_x))
        self.reach = np.log1p((T - t_x) / self.fall) / 2
        self.ahead_alpha = np.log1p((T - t_x) / (self.alpha + t_x))
        self.ahead_beta = np.log1p((T - t_x) / (self.beta + t_x))
        self.means = np.zeros((4, len(power)))
        whole = np.zeros(len(power))
        wide = self.reach > 1.5
        for rule, rows in ((SHORT, np.flatnonzero(~wide)), (LONG, np.flatnonzero(wide))):
            for start in range(0, len(rows), 16_384):  # so that memory stays small
                part = rows[start : start + 16_384]
                whole[part], self.means[:, part] = self._integrals(part, *rule)
        with np.errstate(divide="ignore"):
            self.log = np.log(whole * self.fall * self.s / (self.beta + t_x))
        self.log += power * self.ahead_alpha + self.s * self.ahead_beta

    def _integrals(
        self, rows: np.ndarray, nodes: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the integral, and under it the means of two logs and of two inverses."""
        reach, fall = self.reach[rows, None], self.fall[rows, None]
        alpha, beta = self.alpha + self.t_x[rows, None], self.beta + self.t_x[rows, None]
        place = reach * (nodes + 1)
        since = fall * np.expm1(place)
        of_alpha, of_beta = np.log1p(since / alpha), np.log1p(since / beta)
        parts = np.exp(place - self.power[rows, None] * of_alpha - (self.s + 1) * of_beta)
        parts *= weights * reach
        whole = parts.sum(axis=1)
        parts /= np.maximum(whole, 1e-300)[:, None]
        under = (of_alpha, of_beta, 1 / (alpha + since), 1 / (beta + since))
        return whole, np.array([np.einsum("ij,ij->i", parts, values) for values in under])

    @property
    def softplus(self) -> np.ndarray:
        """Return log(1 + odds)."""
        return np.logaddexp(0, self.log)

    def slopes(self) -> dict[str, np.ndarray]:
        """Return the derivative of the log-odds in each parameter, row by row."""
        of_alpha, of_beta, near_alpha, near_beta = self.means
        return {
            "r": self.ahead_alpha - of_alpha,
            "alpha": self.power * (1 / (self.alpha + self.T) - near_alpha),
            "s": self.ahead_beta - of_beta + 1 / self.s,
            "beta": self.s / (self.beta + self.T) - (self.s + 1) * near_beta,
        }


def _order_chance(
    n: np.ndarray, r: np.ndarray, ahead: np.ndarray, s: float, left: np.ndarray
) -> np.ndarray:
    """Return the probability of `n` purchases of customers who are there now.

    A mean over when they leave, in the time ahead (`v`, a share of it) or later. As for the
    odds, nodes are even in the logarithm of time, in the scale of what falls fastest.
    """
    nodes, weights = FINE
    chance = np.empty(len(n))
    for start in range(0, len(n), 2048):
        part = slice(start, start + 2048)
        own_n, own_r, own_ahead, own_left = (
            values[part, None] for values in np.broadcast_arrays(n, r, ahead, left)
        )
        fall = 1 / (1 + own_r * own_ahead + (s + 1) * own_left)
        reach = np.log1p(1 / fall) / 2
        place = reach * (nodes + 1)
        v = np.minimum(fall * np.expm1(place), 1.0)
        share = weights * np.exp(place - (s + 1) * np.log1p(own_left * v))
        stays = (1 + own_left) ** -s
        share *= (1 - stays) / share.sum(axis=1, keepdims=True)
        whole = stays * nbinom.pmf(own_n, own_r, 1 / (1 + own_ahead))
        early = share * nbinom.pmf(own_n, own_r, 1 / (1 + own_ahead * v))
        chance[part] = whole[:, 0] + early.sum(axis=1)
    return np.minimum(chance, 1.0)
