"""Pareto/NBD: customers leave at any time, bought or not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from scipy.special import digamma, expit, exprel, gammaln
from scipy.stats import nbinom

from segkit.models.purchase import PurchaseModel
from segkit.models.rows import Histories

NODES, WEIGHTS = np.polynomial.legendre.leggauss(20)
CHANCE_NODES, CHANCE_WEIGHTS = np.polynomial.legendre.leggauss(64)


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

    def _log_likelihood(
        self, params: Mapping[str, float], rows: Histories
    ) -> tuple[float, Mapping[str, float]]:
        """Return the sum over rows: a customer is there still, or has left since the last purchase.

        L = G(x) (alpha + T)^-(r + x) (beta + T)^-s [1 + odds], with the odds of `_odds`.
        """
        r, alpha, s, beta = (params[name] for name in self.names)
        x, t_x, T = rows.x[rows.ix], rows.t_x[rows.it], rows.T[rows.iT]
        power = r + x
        odds = _Odds(params, power, t_x, T)
        left = rows.weights * expit(odds.log)
        of_x = gammaln(r + rows.x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        of_T = np.log(alpha + rows.T), np.log(beta + rows.T)
        value = of_x[rows.ix] - power * of_T[0][rows.iT] - s * of_T[1][rows.iT] + odds.softplus
        by_x = np.bincount(rows.ix, rows.weights, len(rows.x))
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

    def _each_log_likelihood(self, params, x, t_x, T) -> np.ndarray:
        r, alpha, s, beta = (params[name] for name in self.names)
        odds = _Odds(params, r + x, t_x, T)
        stayed = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        stayed -= (r + x) * np.log(alpha + T) + s * np.log(beta + T)
        return stayed + odds.softplus

    def _p_alive(self, params, x, t_x, T) -> np.ndarray:
        return np.concatenate(
            [
                expit(-_Odds(params, params["r"] + x[part], t_x[part], T[part]).log)
                for part in _parts(len(x))
            ]
        )

    def _mean_if_alive(self, params, t, x, T) -> np.ndarray:
        """Return rate times mean time to come: Fader and Hardie (2005), equation 41."""
        r, alpha, s, beta = (params[name] for name in self.names)
        grown = np.log1p(t / (beta + T))
        return (r + x) / (alpha + T) * (beta + T) * grown * exprel((1 - s) * grown)

    def _mean_of_new(self, params, t) -> np.ndarray:
        return self._mean_if_alive(params, t, np.zeros_like(t), np.zeros_like(t))

    def _chance_if_alive(self, params, n, t, x, T) -> np.ndarray:
        r, alpha, s, beta = (params[name] for name in self.names)
        return _order_chance(n, r + x, t / (alpha + T), s, t / (beta + T))

    def _chance_of_new(self, params, n, t) -> np.ndarray:
        r, alpha, s, beta = (params[name] for name in self.names)
        return _order_chance(n, np.full(len(n), r), t / alpha, s, t / beta)


class _Odds:
    """Odds of having left since the last purchase, as an integral over the time of leaving.

    The integral of ((alpha + T) / (alpha + y))^(r + x) ((beta + T) / (beta + y))^s s / (beta + y)
    over y from t_x to T. It is positive, needs no branch for alpha < beta, alpha = beta or
    t_x = T, and stays within range in logarithms. Gauss-Legendre over the logarithm of the time
    since t_x, measured in the scale on which the integrand falls.
    """

    def __init__(
        self, params: Mapping[str, float], power: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> None:
        alpha, self.s, beta = params["alpha"], params["s"], params["beta"]
        self.power, self.beta_T = power, beta + T
        fall = 1 / (power / (alpha + t_x) + (self.s + 1) / (beta + t_x))
        reach = np.log1p((T - t_x) / fall)[:, None] / 2
        place = reach * (NODES + 1)
        since = fall[:, None] * np.expm1(place)
        self.alpha_y, self.beta_y = (alpha + t_x)[:, None] + since, (beta + t_x)[:, None] + since
        self.of_alpha = np.log1p(since / (alpha + t_x)[:, None])
        self.of_beta = np.log1p(since / (beta + t_x)[:, None])
        parts = (
            WEIGHTS
            * reach
            * np.exp(place - power[:, None] * self.of_alpha - (self.s + 1) * self.of_beta)
        )
        whole = parts.sum(axis=1)
        self.ahead_alpha = np.log1p((T - t_x) / (alpha + t_x))
        self.ahead_beta = np.log1p((T - t_x) / (beta + t_x))
        with np.errstate(divide="ignore"):
            self.log = np.log(whole * fall * self.s / (beta + t_x))
        self.log += power * self.ahead_alpha + self.s * self.ahead_beta
        self.shares = parts / np.maximum(whole, 1e-300)[:, None]
        self.alpha_T = alpha + T

    @property
    def softplus(self) -> np.ndarray:
        """Return log(1 + odds)."""
        return np.logaddexp(0, self.log)

    def slopes(self) -> dict[str, np.ndarray]:
        """Return the derivative of the log-odds in each parameter, row by row."""
        mean_alpha, mean_beta = (
            np.einsum("ij,ij->i", self.shares, values) for values in (self.of_alpha, self.of_beta)
        )
        near_alpha = np.einsum("ij,ij->i", self.shares, 1 / self.alpha_y)
        near_beta = np.einsum("ij,ij->i", self.shares, 1 / self.beta_y)
        return {
            "r": self.ahead_alpha - mean_alpha,
            "alpha": self.power * (1 / self.alpha_T - near_alpha),
            "s": self.ahead_beta - mean_beta + 1 / self.s,
            "beta": self.s / self.beta_T - (self.s + 1) * near_beta,
        }


def _order_chance(
    n: np.ndarray, r: np.ndarray, ahead: np.ndarray, s: float, left: np.ndarray
) -> np.ndarray:
    """Return the probability of `n` purchases of customers who are there now.

    A mean over when they leave: within the time ahead (nodes over its distribution) or later.
    """
    stays = (1 + left) ** -s
    chance = stays * nbinom.pmf(n, r, 1 / (1 + ahead))
    for node, weight in zip((CHANCE_NODES + 1) / 2, CHANCE_WEIGHTS / 2, strict=True):
        gone = node * (1 - stays)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.expm1(-np.log1p(-gone) / s) / left
        until = ahead * np.nan_to_num(np.clip(share, 0, 1), nan=0.0)
        chance += weight * (1 - stays) * nbinom.pmf(n, r, 1 / (1 + until))
    return np.minimum(chance, 1.0)


def _parts(length: int, size: int = 65_536) -> list[slice]:
    return [slice(start, start + size) for start in range(0, max(length, 1), size)]
