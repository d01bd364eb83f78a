"""Gamma-Gamma: what a customer spends at a purchase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import digamma, gammaln

from segkit.models.fitting import LIMIT, MaximumLikelihood, ModelError
from segkit.models.rows import checked_counts, checked_weights, codes, numbers

SPREAD = 0.25
"""A correlation of frequency and spend above it strains the model (Fader and Hardie, 2013)."""
FEW = 20_000
"""Rows that are worth no rounding."""
EXPLODED = 3.0
"""A mean over all customers that is more than so many times the one seen is the tail's alone."""
SAME = 1e-9
"""Means that differ by no more, of their own mean, are one price, and rounding."""


@dataclass(frozen=True)
class Spend:
    """Repeat buyers' purchases `x` (distinct, and each row's place) and mean spend."""

    x: np.ndarray
    ix: np.ndarray
    mean: np.ndarray
    weights: np.ndarray
    scale: float = 1.0

    @cached_property
    def total(self) -> np.ndarray:
        """What each row's customers have spent in all."""
        return self.x[self.ix] * self.mean

    @cached_property
    def heavy(self) -> np.ndarray:
        """Purchases in each row."""
        return self.weights * self.x[self.ix]

    @cached_property
    def logs(self) -> tuple[float, float]:
        """Sums of the log of what was spent, over purchases, and of the log mean, over customers."""
        return float(self.heavy @ np.log(self.total)), float(self.weights @ np.log(self.mean))

    @property
    def dimensions(self) -> float:
        """Number of means: each is a density in money."""
        return float(self.weights.sum())

    def weighted(self, weights: np.ndarray) -> Self:
        """Return the same rows with other numbers of customers."""
        return replace(self, weights=weights)

    def rounded(self, few: int | None = None) -> Self:
        """Return fewer rows, means rounded to about a percent, or these where they are few."""
        if len(self.mean) <= (FEW if few is None else few):
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
    bootstrap_left_out : int
        Resamples of the last `bootstrap` that could not be used.

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

    limits: ClassVar = (
        {"p": LIMIT},  # each customer always spends the same
        {"q": LIMIT},  # customers spend alike, each purchase another sum
    )
    partners: ClassVar = {"p": ("gamma", -1.0), "q": ("gamma", 1.0)}

    def fit(
        self,
        x: ArrayLike,
        monetary_mean: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        start: Mapping[str, float] | None = None,
    ) -> Self:
        """Learn the parameters from repeat buyers; others are left out.

        Parameters
        ----------
        x : array of int
            Repeat purchases of each customer.
        monetary_mean : array
            Mean value of a repeat purchase (money); not read where `x` is 0.
        weights : array, optional
            Customers that each entry stands for; by default 1.
        start : mapping, optional
            Parameters to begin with, by name, such as `params_` of a fit at another date; as of
            `PurchaseModel.fit`.

        Raises
        ------
        ModelError
            Nobody has bought again (`no_repeat_buyers`) or one customer has
            (`one_customer`); a mean is zero or negative (`no_positive_spend`); spend has
            no finite mean, or one of more than `EXPLODED` times the mean that was seen
            (`infinite_mean_spend`); the fit does not converge.

        Notes
        -----
        A single huge order hardly moves what is expected of others: one of a million among
        CDNOW's 946 repeat buyers raises their mean from 35.2 to 36.3. Its own buyer, of whom it
        is one of two repeats, is expected to spend 439,000 at the next.

        Where everyone spends the same, such as on a subscription, the likelihood rises without
        end as the variances fall to 0: that limit is taken, which expects the common mean.
        """
        rows, self.correlation_ = _spend(x, monetary_mean, weights)
        return self._fit_rows(rows, start) if np.ptp(rows.mean) > SAME else self._of_one_price(rows)

    def _of_one_price(self, rows: Spend) -> Self:
        """Keep the limit of customers who all spend the same."""
        self._held = {"p": LIMIT, "q": LIMIT}
        # gamma is what makes the mean over customers, p gamma / (q - 1), the one price: 1 here.
        logs = np.array([LIMIT, LIMIT, np.log1p(-np.exp(-LIMIT))])
        self._small = (rows, logs, None)
        self._keep(rows, logs, None, 0)
        return self

    def expected_spend(self, x: ArrayLike, monetary_mean: ArrayLike) -> np.ndarray:
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
        params = self._parameters()
        repeats, mean = _checked(x, monetary_mean)
        p, q, gamma = (params[name] for name in self.names)
        return p * (gamma + repeats * np.where(repeats > 0, mean, 0)) / (p * repeats + q - 1)

    def _foretold(self, params: Mapping[str, float], rows: Spend) -> float:
        return _mean_of_all(params)

    def _facts(self) -> dict[str, object]:
        if not hasattr(self, "params_"):
            return super()._facts()
        spend = float(self.expected_spend([0], [0])[0])
        said = {"of a customer not known yet, expect": f"{spend:,.2f} a purchase"}
        if hasattr(self, "correlation_"):
            said["correlation of spend and frequency"] = f"{self.correlation_:.2f} (taken for 0)"
        return super()._facts() | said

    def _flaw(self, params: Mapping[str, float], scale: float) -> ModelError | None:
        mean = _mean_of_all(params)
        if mean <= EXPLODED * scale:
            return None
        q = f"q = {params['q']:.3g}"
        problem = (
            f"spend has no finite mean ({q}, needs more than 1)"
            if np.isinf(mean)
            else f"spend has hardly a finite mean ({q}): {mean:,.4g} a purchase, seen {scale:,.4g}"
        )
        return ModelError(
            problem,
            reason="infinite_mean_spend",
            where="GammaGamma",
            fix="look for a few huge orders, or value purchases at the customers' own mean",
        )

    def _log_likelihood(
        self, params: Mapping[str, float], rows: Spend
    ) -> tuple[float, Mapping[str, float]]:
        """Return the sum over rows: Fader and Hardie (2013), equation 1a."""
        p, q, gamma = (params[name] for name in self.names)
        log_sum, inverse = np.log(gamma + rows.total), 1 / (gamma + rows.total)
        by_x = np.bincount(rows.ix, rows.weights, len(rows.x))
        customers = by_x.sum()
        of_purchases, of_customers = rows.heavy @ log_sum, rows.weights @ log_sum
        spent, mean = rows.logs
        value = by_x @ (gammaln(p * rows.x + q) - gammaln(p * rows.x))
        value += customers * (q * np.log(gamma) - gammaln(q))
        value += p * spent - mean - p * of_purchases - q * of_customers
        rise = digamma(p * rows.x + q)
        slope_p = by_x @ (rows.x * (rise - digamma(p * rows.x))) + spent - of_purchases
        slope_q = by_x @ rise + customers * (np.log(gamma) - digamma(q)) - of_customers
        pull = p * (rows.heavy @ inverse) + q * (rows.weights @ inverse)
        slope_gamma = customers * q / gamma - pull
        return float(value), {"p": slope_p, "q": slope_q, "gamma": slope_gamma}


def _mean_of_all(params: Mapping[str, float]) -> float:
    """Return the mean spend at a purchase over all customers."""
    return params["p"] * params["gamma"] / (params["q"] - 1) if params["q"] > 1 else np.inf


def _checked(x: ArrayLike, monetary_mean: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    repeats = checked_counts(x, "x")
    mean = np.ravel(monetary_mean)
    if len(mean) == len(repeats):
        mean = pd.Series(mean).where(repeats > 0, 0.0).to_numpy()
    return repeats, numbers(mean, "monetary_mean", len(repeats))


def _spend(
    x: ArrayLike, monetary_mean: ArrayLike, weights: ArrayLike | None
) -> tuple[Spend, float]:
    """Return the repeat buyers' rows, means divided by their own mean, and the correlation."""
    repeats, mean = _checked(x, monetary_mean)
    counts = checked_weights(weights, len(repeats))
    kept = (repeats > 0) & (counts > 0)
    repeats, mean, counts = repeats[kept], mean[kept], counts[kept]
    # In one order, so that resamples are the same whatever order customers come in.
    sort = np.lexsort((counts, mean, repeats))
    repeats, mean, counts = repeats[sort], mean[sort], counts[sort]
    _require_spend(mean, counts)
    scale = float(np.average(mean, weights=counts))
    place, distinct = codes(repeats)
    rows = Spend(distinct, place, mean / scale, counts, scale)
    return rows, _correlation(repeats, mean, counts)


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
