"""Mean profit: what a customer's purchase leaves, which may be a loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from segkit.foundation.estimator import Estimator
from segkit.models.fitting import ModelError
from segkit.models.rows import checked_counts, codes

CLIP = 8.0
"""A customer's mean counts as no further from the base's than so many standard deviations."""
PASSES, STEPS, STILL = 20, 200, 1e-10


@dataclass(frozen=True)
class Means:
    """Customers of equal numbers of purchases: how many, and sums of their means and of squares."""

    purchases: np.ndarray
    place: np.ndarray
    mean: np.ndarray

    def sums(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return customers, sum of means, and sum of their squares, for each number."""
        own = np.ones(len(self.mean)) if weights is None else weights
        return np.array(
            [
                np.bincount(self.place, own * power, len(self.purchases))
                for power in (1.0, self.mean, self.mean**2)
            ]
        )


class MeanProfit(Estimator):
    """Mean profit of a purchase: a customer's own, pulled to all customers'.

    A customer's expected profit is `mean + Z (own - mean)`, with `Z = n / (n + k)` after `n`
    purchases, and `k = within / (between - doubt)`: the more purchases differ among themselves,
    and the less customers do, the stronger the pull. Only each customer's sum and number of
    purchases are needed. Profit may be negative.

    Attributes
    ----------
    params_ : dict
        `mean` (money), `within` and `between` (money squared): the variance of purchases about
        their customer's mean, and of customers' means about `mean`; `doubt`: the standard error
        of `between`.
    clipped_ : int
        Customers whose own mean lay further off than `CLIP` standard deviations.

    Notes
    -----
    Source: Bühlmann (1967), Experience Rating and Credibility, ASTIN Bulletin 4; the customers
    weighed as in Bühlmann and Straub (1970). With normal variances it is the posterior mean. The
    variances are found by the method of moments: a customer's squared distance from the mean is
    `between + within / n` on average, so squares are regressed on `1 / n`, weighed by the inverse
    of that average's square, and again until nothing moves. Where `between` is no more than its
    standard error (of the regression, whatever the squares' variances), customers are alike as
    far as can be seen, and all are expected to bring the mean.

    The standard error is taken off because a `between` of chance does more harm than one that is
    missed: of 1,000 customers who are alike and whose purchases are lognormal, it makes the error
    of expected profit 1.5 where it was 2.4, a purchase's standard deviation being 20; of normal
    ones who differ (standard deviation 10), 8.01 for 7.97.

    Limits: where all have bought equally often, nothing tells luck from character, and all
    count as alike. Profit per purchase is taken to be independent of how often a customer buys,
    and not to change in time. Of skewed purchases `between` comes out too large, since single
    ones can be huge only where they are seen: about 18 (in units in which `within` is 400) of the
    customers above, who are alike.

    Examples
    --------
    >>> params = {"mean": 10.0, "within": 400.0, "between": 120.0, "doubt": 20.0}
    >>> model = MeanProfit().with_params(params)
    >>> model.k, model.expected_profit([4, 0, 1], [-80.0, 0.0, -20.0]).tolist()
    (4.0, [-5.0, 10.0, 4.0])
    """

    def fit(self, purchases: ArrayLike, profit: ArrayLike) -> Self:
        """Learn the mean and both variances.

        Parameters
        ----------
        purchases : array of int
            Purchases of each customer.
        profit : array
            What they left in all (money, may be negative); missing where it is not known.
            Customers without a purchase, or of unknown profit, are left out.

        Raises
        ------
        ModelError
            No customer's profit is known (`no_customers`); one is not finite (`bad_values`).
        """
        self._means, self.clipped_ = _means(purchases, profit), 0
        found = _moments(self._means.purchases, self._means.sums())
        for _ in range(PASSES):
            last, clipped = found, self._clipped(self._means, found)
            found = _moments(clipped.purchases, clipped.sums())
            if abs(_variance(found, 1) - _variance(last, 1)) <= 1e-3 * _variance(last, 1):
                break
        self.clipped_ = int((clipped.mean != self._means.mean).sum())
        self.params_, self._means = found | {"doubt": _doubt(clipped, found)}, clipped
        return self

    def with_params(self, params: Mapping[str, float]) -> Self:
        """Return a model with these parameters."""
        model = type(self)()
        model.params_, model.clipped_ = dict(params), 0
        return model

    @property
    def k(self) -> float:
        """Purchases after which a customer's own mean weighs half; infinite where all are alike."""
        self._check_fitted()
        between = self.params_["between"] - self.params_["doubt"]
        return self.params_["within"] / between if between > 0 else np.inf

    @property
    def spread(self) -> float:
        """Standard deviation of a purchase's profit (money)."""
        self._check_fitted()
        return float(np.sqrt(self.params_["within"] + self.params_["between"]))

    def expected_profit(self, purchases: ArrayLike, profit: ArrayLike) -> np.ndarray:
        """Return what each customer's next purchase is expected to leave.

        Parameters
        ----------
        purchases, profit : array
            As for `fit`; who has bought nothing, or whose profit is unknown, is expected to bring
            what all do.

        Returns
        -------
        array of float
            Money.
        """
        self._check_fitted()
        count, total = checked_counts(purchases, "purchases"), np.ravel(profit).astype(float)
        mean, k = self.params_["mean"], self.k
        known = (count > 0) & ~np.isnan(total)
        if np.isinf(k) or not known.any():
            return np.full(len(count), mean)
        n = np.where(known, count, 1)
        own = np.where(known, total, mean) / n
        far = CLIP * np.sqrt(_variance(self.params_, n))
        return mean + n / (n + k) * np.clip(own - mean, -far, far) * known

    def bootstrap(self, resamples: int, seed: int) -> list[dict[str, float]]:
        """Return the parameters of fits to as many customers, drawn with replacement."""
        means, random = self._means, np.random.default_rng(seed)
        count = len(means.mean)
        draws = (random.multinomial(count, np.full(count, 1 / count)) for _ in range(resamples))
        found = (_moments(means.purchases, means.sums(draw), self.params_) for draw in draws)
        return [params | {"doubt": self.params_["doubt"]} for params in found]

    def _clipped(self, means: Means, params: Mapping[str, float]) -> Means:
        far = CLIP * np.sqrt(_variance(params, means.purchases))[means.place]
        mean = np.clip(means.mean, params["mean"] - far, params["mean"] + far)
        return Means(means.purchases, means.place, mean)

    def _facts(self) -> dict[str, object]:
        if not self._is_fitted():
            return super()._facts()
        said = {"of a customer not known yet, expect": f"{self.params_['mean']:,.2f} a purchase"}
        return super()._facts() | said | {"purchases that weigh as much as all customers": self.k}


def _means(purchases: ArrayLike, profit: ArrayLike) -> Means:
    count, total = checked_counts(purchases, "purchases"), np.ravel(profit).astype(float)
    if len(total) != len(count):
        raise ModelError(
            f"has {len(total)} values, and purchases have {len(count)}",
            reason="bad_values",
            where="profit",
            fix="give one value a customer",
        )
    known = (count > 0) & ~np.isnan(total)
    if not known.any():
        raise ModelError(
            "no customer's profit is known",
            reason="no_customers",
            where="profit",
            fix="check orders.columns.profit (or cost), or set clv.worth: revenue",
        )
    if np.isinf(total[known]).any():
        raise ModelError(
            "is not finite",
            reason="bad_values",
            where="profit",
            count=int(np.isinf(total[known]).sum()),
            fix="correct these values",
        )
    place, distinct = codes(count[known])
    return Means(distinct, place, total[known] / count[known])


def _variance(params: Mapping[str, float], purchases: ArrayLike) -> np.ndarray:
    """Return the variance of the mean of so many purchases of a customer."""
    variance: np.ndarray = params["between"] + params["within"] / np.asarray(purchases)
    return variance


def _doubt(means: Means, params: Mapping[str, float]) -> float:
    """Return the standard error of `between`, by the scatter of squares themselves (White, 1980)."""
    if params["between"] <= 0:
        return 0.0
    n = means.purchases[means.place]
    terms, variance = np.array([np.ones(len(n)), 1 / n]), _variance(params, n)
    over = (means.mean - params["mean"]) ** 2 - variance
    inverse = np.linalg.pinv(terms / variance**2 @ terms.T)
    scattered = terms * (over / variance**2)
    return float(np.sqrt((inverse @ (scattered @ scattered.T) @ inverse)[0, 0]))


def _moments(
    purchases: np.ndarray, sums: np.ndarray, start: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return the mean and both variances, from sums by number of purchases."""
    customers, first, second = sums
    mean = float(first @ purchases / (customers @ purchases))
    whole = float(second.sum() / customers.sum() - (first.sum() / customers.sum()) ** 2)
    found = {"mean": mean, "within": max(whole, 0.0), "between": 0.0}
    if len(purchases) < 2 or whole <= 1e-12 * second.sum() / customers.sum():
        return found
    found = dict(start or found)
    for _ in range(STEPS):
        last, found = found, _step(purchases, customers, first, second, found)
        moved = max(abs(found[name] - last[name]) for name in ("within", "between"))
        if moved <= STILL * whole:
            break
    return found


def _step(
    purchases: np.ndarray,
    customers: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    params: Mapping[str, float],
) -> dict[str, float]:
    variance = np.maximum(_variance(params, purchases), 1e-9 * second.sum() / customers.sum())
    precision = customers / variance
    mean = float((first / variance).sum() / precision.sum())
    squares = second - 2 * mean * first + customers * mean**2
    # The mean was learnt from the same customers: squares about it are that much too small.
    squares = squares + customers / precision.sum()
    weights, inverse = 1 / variance**2, 1 / purchases
    terms = np.array([np.ones(len(purchases)), inverse])
    normal = terms * (weights * customers) @ terms.T
    right = terms @ (weights * squares)
    try:
        between, within = np.linalg.solve(normal, right)
    except np.linalg.LinAlgError:
        between, within = -1.0, -1.0
    if between <= 0:
        between, within = 0.0, right[1] / normal[1, 1]
    elif within < 0:
        between, within = right[0] / normal[0, 0], 0.0
    return {"mean": mean, "within": float(within), "between": float(between)}
