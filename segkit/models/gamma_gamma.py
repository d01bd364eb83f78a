"""Gamma-Gamma: what a customer spends at a purchase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
from scipy.special import digamma, gammaln

from segkit.errors import SegkitError
from segkit.models.fitting import MaximumLikelihood, ModelError
from segkit.models.rows import codes, numbers

SPREAD = 0.25
"""A correlation of frequency and spend above it strains the model (Fader and Hardie, 2013)."""
FEW = 20_000


@dataclass(frozen=True)
class Spend:
    """Repeat buyers' purchases `x` (distinct, and each row's place) and mean spend."""

    x: np.ndarray
    ix: np.ndarray
    mean: np.ndarray
    weights: np.ndarray
    scale: float = 1.0

    @property
    def dimensions(self) -> float:
        """Number of means: each is a density in money."""
        return float(self.weights.sum())

    def weighted(self, weights: np.ndarray) -> Self:
        """Return the same rows with other numbers of customers."""
        return replace(self, weights=weights)

    def rounded(self) -> Self:
        """Return fewer rows, means rounded to about a percent, or these where they are few."""
        if len(self.mean) <= FEW:
            return self
        steps = np.rint(np.log(self.mean) * 64).astype(np.int64)
        place, distinct = codes(steps)
        row, keys = codes(self.ix * len(distinct) + place)
        counts = np.bincount(row, self.weights)
        sums = np.bincount(row, self.weights * self.mean)
        return replace(self, ix=keys // len(distinct), mean=sums / counts, weights=counts)


class GammaGamma(MaximumLikelihood):
    """Gamma-Gamma: mean spend varies between customers, independently of how often they buy.

    Attributes
    ----------
    params_ : dict
        `p`, `q`, `gamma` (in money).
    correlation_ : float
        Between purchases and mean spend of repeat buyers; the model takes it for 0.

    Notes
    -----
    Source: Fader, Hardie and Lee (2005), RFM and CLV; Fader and Hardie (2013), The Gamma-Gamma
    Model of Monetary Value.

    Examples
    --------
    >>> model = GammaGamma().with_params({"p": 6.25, "q": 3.74, "gamma": 15.44})
    >>> model.expected_spend([2, 0], [22.35, 0]).round(2)
    array([24.66, 35.22])
    """

    names: ClassVar = ("p", "q", "gamma")
    in_units: ClassVar = ("gamma",)
    starts: ClassVar = (
        {"p": 5.0, "q": 4.0, "gamma": 0.6},
        {"p": 1.0, "q": 2.0, "gamma": 1.0},
        {"p": 20.0, "q": 10.0, "gamma": 0.5},
    )

    def fit(self, x, monetary_mean, weights=None) -> Self:
        """Learn the parameters from repeat buyers; others are left out.

        Parameters
        ----------
        x : array of int
            Repeat purchases of each customer.
        monetary_mean : array
            Mean value of a repeat purchase (money); not read where `x` is 0.
        weights : array, optional
            Customers that each entry stands for; by default 1.

        Raises
        ------
        ModelError
            Nobody has bought again (`no_repeat_buyers`) or one customer has
            (`one_customer`); a mean is zero or negative (`no_positive_spend`); spend has
            no finite mean (`infinite_mean_spend`); the fit does not converge.
        """
        rows, self.correlation_ = _spend(x, monetary_mean, weights)
        self._fit_rows(rows)
        if self.params_["q"] <= 1:
            raise ModelError(
                f"spend has no finite mean (q = {self.params_['q']:.3g}, needs more than 1)",
                reason="infinite_mean_spend",
                where="GammaGamma",
                fix="look for a few huge orders, or value purchases at the customers' own mean",
            )
        return self

    def expected_spend(self, x, monetary_mean) -> np.ndarray:
        """Return what each customer is expected to spend at a purchase.

        Parameters
        ----------
        x : array of int
            Repeat purchases; a one-time buyer is expected to spend what all do.
        monetary_mean : array
            Mean value of a repeat purchase (money); not read where `x` is 0.

        Returns
        -------
        array of float
            Money.

        Notes
        -----
        Fader and Hardie (2013), equation 5: a mean of the customer's own spend and of all
        customers', the own one weighing more the more purchases there are.
        """
        if not hasattr(self, "params_"):
            raise SegkitError("GammaGamma is not fitted", fix="call fit first")
        x, mean = _checked(x, monetary_mean)
        p, q, gamma = (self.params_[name] for name in self.names)
        return p * (gamma + x * np.where(x > 0, mean, 0)) / (p * x + q - 1)

    def _log_likelihood(
        self, params: Mapping[str, float], rows: Spend
    ) -> tuple[float, Mapping[str, float]]:
        """Return the sum over rows: Fader and Hardie (2013), equation 1a."""
        p, q, gamma = (params[name] for name in self.names)
        x = rows.x[rows.ix]
        total = x * rows.mean
        log_sum = np.log(gamma + total)
        of_x = gammaln(p * rows.x + q) - gammaln(p * rows.x) - gammaln(q) + q * np.log(gamma)
        own = p * x * np.log(total) - np.log(rows.mean)
        value = of_x[rows.ix] + own - (p * x + q) * log_sum
        by_x = np.bincount(rows.ix, rows.weights, len(rows.x))
        rise = digamma(p * rows.x + q)
        heavy = rows.weights * x
        slope_p = by_x @ (rows.x * (rise - digamma(p * rows.x)))
        slope_p += heavy @ (np.log(total) - log_sum)
        slope_q = by_x @ (rise - digamma(q) + np.log(gamma)) - rows.weights @ log_sum
        slope_gamma = by_x.sum() * q / gamma - (p * heavy + q * rows.weights) @ (
            1 / (gamma + total)
        )
        return float(rows.weights @ value), {"p": slope_p, "q": slope_q, "gamma": slope_gamma}


def _checked(x, monetary_mean) -> tuple[np.ndarray, np.ndarray]:
    x = numbers(x, "x")
    mean = np.ravel(np.asarray(monetary_mean, dtype=float))
    return x, numbers(np.where(x > 0, mean, 0), "monetary_mean", len(x))


def _spend(x, monetary_mean, weights) -> tuple[Spend, float]:
    """Return the repeat buyers' rows, means divided by their own mean, and the correlation."""
    x, mean = _checked(x, monetary_mean)
    weights = np.ones(len(x)) if weights is None else numbers(weights, "weights", len(x))
    kept = (x > 0) & (weights > 0)
    x, mean, weights = x[kept], mean[kept], weights[kept]
    _require_spend(mean, weights)
    scale = float(np.average(mean, weights=weights))
    place, distinct = codes(x)
    return Spend(distinct, place, mean / scale, weights, scale), _correlation(x, mean, weights)


def _require_spend(mean: np.ndarray, weights: np.ndarray) -> None:
    if weights.sum() <= 1:
        reason = "one_customer" if len(mean) else "no_repeat_buyers"
        raise ModelError(
            f"there are {weights.sum():g} repeat buyers",
            reason=reason,
            where="GammaGamma",
            fix="give a longer history, or more customers",
        )
    if (mean <= 0).any():
        raise ModelError(
            "mean spend is zero or negative",
            reason="no_positive_spend",
            where="monetary_mean",
            values=mean[mean <= 0][:3].tolist(),
            count=int((mean <= 0).sum()),
            fix="leave these customers out",
        )


def _correlation(x: np.ndarray, mean: np.ndarray, weights: np.ndarray) -> float:
    if np.ptp(x) == 0 or np.ptp(mean) == 0:
        return 0.0
    covariance = np.cov(x, mean, aweights=weights)
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
