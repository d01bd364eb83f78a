"""What all purchase models answer: who is still a customer, and what they will order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from segkit.errors import SegkitError, suggestion
from segkit.models.fitting import LIMIT, MaximumLikelihood
from segkit.models.rows import Histories, checked, checked_counts, codes, histories, numbers

TimeUnit = Literal["days", "weeks", "months", "years"]
DAYS: Mapping[str, float] = MappingProxyType(
    {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12, "years": 365.25}
)
"""Days in each time unit (definitions, section 1)."""


class PurchaseModel(MaximumLikelihood):
    """Template of a purchase model.

    Parameters
    ----------
    time_unit : {"days", "weeks", "months", "years"}
        Unit of every time that goes in, and of the parameters that carry time.

    Attributes
    ----------
    params_ : dict
        Parameter by name.
    log_likelihood_ : float
        In the rows' own unit of time.
    iterations_, converged_, customers_ : int, bool, float
        Steps of the fit, whether it reached the maximum, and how many customers it saw.
    covariance_ : list of list, or None
        Of the parameters; None where the data do not fix them all.
    at_bound_ : list of str
        Parameters that stand at their bound: a simpler model describes the customers as well.
    bootstrap_left_out : int
        Resamples of the last `bootstrap` that could not be used.
    """

    in_units: ClassVar[tuple[str, ...]] = ("alpha",)

    def __init__(self, time_unit: TimeUnit = "weeks") -> None:
        self.time_unit = time_unit

    def fit(
        self,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        start: Mapping[str, float] | None = None,
    ) -> Self:
        """Learn the parameters by maximum likelihood.

        Parameters
        ----------
        x : array of int
            Repeat purchases of each customer, 0 for one-time buyers.
        t_x, T : array
            Age at the last repeat purchase (0 without one), and age now, in `time_unit`.
        weights : array, optional
            Customers that each entry stands for (grouped counts); by default 1.
        start : mapping, optional
            Parameters to begin with, by name and in `time_unit`, such as `params_` of a fit at
            another date. It saves steps and leads to the same maximum: where it leads to none,
            or near a bound, the fit begins again at the usual places.

        Returns
        -------
        PurchaseModel
            Itself, fitted.

        Raises
        ------
        ModelError
            Values are impossible; there are fewer than two customers; no start leads to a
            maximum. `reason` says which.

        Notes
        -----
        Where nobody has bought again the likelihood rises to 1 as the rate of purchase falls to
        0: that limit is taken, whose expected orders are 0; what it says of leaving, nothing
        in the data tells.
        """
        self._days()
        rows = histories(x, t_x, T, weights).scaled()
        return self._fit_rows(rows, start) if rows.dimensions else self._at_rest(rows)

    def _at_rest(self, rows: Histories) -> Self:
        """Keep the limit of customers who never buy again."""
        start = dict(zip(self.names, self._logs(self.starts[0], 1.0), strict=True))
        self._held = {"r": -LIMIT}
        logs = np.array([self._held.get(name, start[name]) for name in self.names])
        self._small = (rows, logs, None)
        self._keep(rows, logs, None, 0)
        return self

    def _foretold(self, params: Mapping[str, float], rows: Histories) -> float:
        """Return the orders of customers of these ages, over a time as long as the longest."""
        ages = rows.T * rows.scale
        ahead = self._mean_of_new(params, ages + ages.max()) - self._mean_of_new(params, ages)
        return float(np.bincount(rows.iT, rows.weights, len(ages)) @ ahead)

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return each customer's log-likelihood at the model's parameters."""
        return self._each_log_likelihood(self._parameters(), *checked(x, t_x, T))

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return the probability that each customer is still one.

        Parameters
        ----------
        x, t_x, T : array
            As for `fit`.

        Returns
        -------
        array of float
            0 to 1, one a customer.
        """
        return self._p_alive(self._parameters(), *checked(x, t_x, T))

    def expected_orders(
        self,
        t: ArrayLike,
        x: ArrayLike | None = None,
        t_x: ArrayLike | None = None,
        T: ArrayLike | None = None,
    ) -> np.ndarray:
        """Return how many purchases to expect in the next `t`.

        Parameters
        ----------
        t : float or array
            Length of time ahead, in `time_unit`.
        x, t_x, T : array, optional
            What is known of each customer (or of one, for several `t`); without them, of a
            customer just won: the purchases to expect after the first one.

        Returns
        -------
        array of float
            One a customer, or one for each `t`.
        """
        ahead = np.asarray(t, dtype=float)
        _refuse_backwards(ahead)
        params = self._parameters()
        if x is None or t_x is None or T is None:
            return self._mean_of_new(params, np.atleast_1d(ahead)).reshape(ahead.shape)
        repeats, lasts, ages = _repeated(checked(x, t_x, T), ahead.size)
        alive = self._p_alive(params, repeats, lasts, ages)
        if ahead.ndim:
            each = _for_each(ahead, "t", len(repeats))
            return alive * self._mean_if_alive(params, each, repeats, ages)
        place, each_x, each_T = _distinct(repeats, ages)
        mean = self._mean_if_alive(params, np.full(len(each_x), ahead), each_x, each_T)
        return alive * mean[place]

    def order_probability(
        self,
        n: ArrayLike,
        t: ArrayLike,
        x: ArrayLike | None = None,
        t_x: ArrayLike | None = None,
        T: ArrayLike | None = None,
    ) -> np.ndarray:
        """Return the probability of exactly `n` purchases in the next `t`.

        Parameters
        ----------
        n : int or array of int
            Number of purchases.
        t : float or array
            Length of time ahead, in `time_unit`.
        x, t_x, T : array, optional
            What is known of each customer; without them, of a customer just won.

        Returns
        -------
        array of float
            One a customer, or one for each `n` and `t` (broadcast together).
        """
        asked = np.broadcast_arrays(np.asarray(n, dtype=float), np.asarray(t, dtype=float))
        counts, ahead = asked
        _refuse_backwards(ahead)
        checked_counts(counts, "n")
        params = self._parameters()
        if x is None or t_x is None or T is None:
            new = self._chance_of_new(params, counts.ravel(), ahead.ravel())
            return new.reshape(counts.shape)
        repeats, lasts, ages = _repeated(checked(x, t_x, T), counts.size)
        alive = self._p_alive(params, repeats, lasts, ages)
        size = len(repeats)
        counts, ahead = _for_each(counts, "n", size), _for_each(ahead, "t", size)
        chance = self._chance_if_alive(params, counts, ahead, repeats, ages)
        return alive * chance + (1 - alive) * (counts == 0)

    def next_order(self, chance: float, x: ArrayLike, T: ArrayLike) -> np.ndarray:
        """Return the time within which customers who are still there order again.

        Parameters
        ----------
        chance : float
            With which probability, 0 to 1.
        x, T : array
            As for `fit`.

        Returns
        -------
        array of float
            In `time_unit`, from now on; very long for those with few purchases.

        Notes
        -----
        The wait is exponential with the customer's gamma rate, so its tail is
        ((alpha + T) / (alpha + T + wait))^(r + x).
        """
        if not 0 <= chance < 1:
            raise SegkitError("no probability", where="chance", values=[chance], fix="give 0 to 1")
        params = self._parameters()
        repeats, _, ages = checked(x, np.zeros(len(np.ravel(x))), T)
        with np.errstate(over="ignore"):
            grown = np.expm1(-np.log1p(-chance) / (params["r"] + repeats))
            return (params["alpha"] + ages) * grown

    def clv(
        self,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        value: ArrayLike,
        *,
        months: int = 12,
        discount_rate: float = 0.1,
        margin: float = 1.0,
    ) -> np.ndarray:
        """Return the discounted expected margin of each customer over the next months.

        Parameters
        ----------
        x, t_x, T : array
            As for `fit`.
        value : array
            Expected value of a purchase, such as `GammaGamma.expected_spend` gives (money).
        months : int
            Horizon.
        discount_rate : float
            A year; 0.1 is ten percent. Each month's purchases are discounted to its end.
        margin : float
            Share of the value that is kept.

        Returns
        -------
        array of float
            Money, 0 or more.

        Notes
        -----
        Definitions, section 6; Fader, Hardie and Lee (2005), RFM and CLV.

        Examples
        --------
        >>> from segkit.models import BGNBD
        >>> model = BGNBD().with_params({"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426})
        >>> model.clv([2], [30.43], [38.86], [24.65], discount_rate=1.01**12 - 1).round(2)
        array([36.29])
        """
        _refuse_rates(months, discount_rate, margin)
        month = DAYS["months"] / self._days()
        numbered = np.arange(1, months + 1)
        factors = (1 + discount_rate) ** (-numbered / 12)
        orders = self.weighted_orders(month * numbered, factors, x, t_x, T)
        return orders * margin * np.maximum(numbers(value, "value", len(orders)), 0)

    def weighted_orders(
        self, ends: ArrayLike, weights: ArrayLike, x: ArrayLike, t_x: ArrayLike, T: ArrayLike
    ) -> np.ndarray:
        """Return each customer's expected purchases, those of later stretches of time weighing less.

        Parameters
        ----------
        ends : array
            Ends of the stretches, from now on, rising, in `time_unit`.
        weights : array
            Of a purchase in each of them, such as what money of then is worth now; or a row of
            such weights for each way to weigh.
        x, t_x, T : array
            As for `fit`.

        Returns
        -------
        array of float
            One a customer; or a row of them for each row of `weights`.
        """
        repeats, lasts, ages = checked(x, t_x, T)
        ahead, each = np.ravel(np.asarray(ends, dtype=float)), np.asarray(weights, dtype=float)
        _refuse_backwards(ahead)
        # Summed by parts: the purchases up to each end, times the fall of the weight after it.
        falls = -np.diff(each, axis=-1, append=0)
        params = self._parameters()
        place, each_x, each_T = _distinct(repeats, ages)
        orders = np.zeros((*each.shape[:-1], len(each_x)))
        for end, fall in zip(ahead, np.moveaxis(falls, -1, 0), strict=True):
            if np.any(fall):
                t = np.full(len(each_x), end)
                orders += fall[..., None] * self._mean_if_alive(params, t, each_x, each_T)
        return self._p_alive(params, repeats, lasts, ages) * orders[..., place]

    def summed_orders(
        self,
        ends: ArrayLike,
        x: ArrayLike,
        t_x: ArrayLike,
        T: ArrayLike,
        values: tuple[ArrayLike, ...] = (),
    ) -> np.ndarray:
        """Return how many purchases to expect of all customers together, up to each of some ends.

        Parameters
        ----------
        ends : array
            From now on, in `time_unit`.
        x, t_x, T : array
            As for `fit`.
        values : tuple of array
            What a purchase of each customer is worth, in so many ways.

        Returns
        -------
        array of float
            Ends × (purchases, and their value in each way).
        """
        repeats, lasts, ages = checked(x, t_x, T)
        ahead = np.ravel(np.asarray(ends, dtype=float))
        _refuse_backwards(ahead)
        params = self._parameters()
        place, each_x, each_T = _distinct(repeats, ages)
        alive = self._p_alive(params, repeats, lasts, ages)
        worth = [numbers(value, "values", len(repeats)) for value in values]
        shares = [np.bincount(place, alive * one) for one in (np.ones(len(repeats)), *worth)]
        means = [
            self._mean_if_alive(params, np.full(len(each_x), end), each_x, each_T) for end in ahead
        ]
        return np.array(means) @ np.array(shares).T

    def _facts(self) -> dict[str, object]:
        if not hasattr(self, "params_"):
            return super()._facts()
        year = DAYS["years"] / self._days()
        orders = float(self.expected_orders(year))
        silent = float(self.order_probability(0, year))
        said = f"{orders:.2f} more orders in a year; {silent:.0%} do not order again in it"
        return super()._facts() | {"of a customer just won, expect": said}

    @abstractmethod
    def _each_log_likelihood(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray: ...

    @abstractmethod
    def _p_alive(
        self, params: Mapping[str, float], x: np.ndarray, t_x: np.ndarray, T: np.ndarray
    ) -> np.ndarray: ...

    @abstractmethod
    def _mean_if_alive(
        self, params: Mapping[str, float], t: np.ndarray, x: np.ndarray, T: np.ndarray
    ) -> np.ndarray: ...

    @abstractmethod
    def _mean_of_new(self, params: Mapping[str, float], t: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def _chance_if_alive(
        self,
        params: Mapping[str, float],
        n: np.ndarray,
        t: np.ndarray,
        x: np.ndarray,
        T: np.ndarray,
    ) -> np.ndarray: ...

    @abstractmethod
    def _chance_of_new(
        self, params: Mapping[str, float], n: np.ndarray, t: np.ndarray
    ) -> np.ndarray: ...

    def _days(self) -> float:
        if self.time_unit not in DAYS:
            fix = suggestion(str(self.time_unit), DAYS)
            raise SegkitError("unknown time unit", values=[self.time_unit], fix=fix)
        return DAYS[self.time_unit]


def _repeated(history: tuple[np.ndarray, ...], times: int) -> tuple[np.ndarray, ...]:
    """Return the history of one customer as often as there are questions about it."""
    return tuple(np.repeat(part, times) if len(part) == 1 else part for part in history)


def _for_each(values: np.ndarray, name: str, length: int) -> np.ndarray:
    """Return one value a customer."""
    return np.full(length, values) if not values.ndim else numbers(values, name, length)


def _distinct(x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each customer's place among the distinct pairs of `x` and `T`, and these."""
    (ix, xs), (iT, Ts) = codes(x), codes(T)
    place, keys = codes(ix * len(Ts) + iT)
    return place, xs[keys // len(Ts)], Ts[keys % len(Ts)]


def _refuse_backwards(t: np.ndarray) -> None:
    if not (np.isfinite(t).all() and (t >= 0).all()):
        fix = "give a length of time, 0 or more"
        raise SegkitError("looks back in time", where="t", values=[t.min()], fix=fix)


def _refuse_rates(months: int, discount_rate: float, margin: float) -> None:
    wrong = {
        "months": not (1 <= months < np.inf and months == int(months)),
        "discount_rate": not -1 < discount_rate < np.inf,
        "margin": not 0 <= margin < np.inf,
    }
    given = {"months": months, "discount_rate": discount_rate, "margin": margin}
    for name, is_wrong in wrong.items():
        if is_wrong:
            fix = "give whole months, an annual rate such as 0.1, a margin such as 0.4"
            raise SegkitError("impossible value", where=name, values=[given[name]], fix=fix)
