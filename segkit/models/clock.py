"""The client's own clock: days count as much as they bring, December more than February.

Purchase models take time for even. A shop's is not: ages, recencies and horizons are therefore
measured on a clock that runs faster in months that bring more, and the models stay as they are.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segkit.errors import SegkitError
from segkit.foundation.estimator import Estimator
from segkit.models.purchase import DAYS, PurchaseModel
from segkit.models.rows import numbers

ROUNDS = 4
"""Fits of model and clock in turn; a fifth moves no month by a hundredth."""
TREND_SPREAD, MONTH_SPREAD = 0.15, 0.25
"""Standard deviations of what is expected before looking: of a year's trend and of a month, in logs."""
NOISE = 0.10
"""Standard deviation of a month's purchases, in logs, beyond what chance brings."""
KEPT = 0.5
"""How much of the trend goes on after the last day: trends die down."""
LEAST_DAYS = 365  # a month that was never seen counts what others do, and nothing tells
LEAST_SPREAD = 31
"""Days between the tenth and the ninetieth of a hundred first purchases: of one cohort, age and season are one."""
TREND_SHARE = 0.25
"""Of the history, below which that spread leaves trend and age alike."""
LEAST_EXPECTED = 5.0  # repeats of a month below which it says nothing
GROUPS = 300  # of first purchases: finer ones change no figure
EARLY = 50_000
"""Customers above which the rounds look at weeks; only the last fit needs days."""
DAYS_BEYOND = 366 * 61  # the longest horizon
_EPOCH = np.datetime64("1970-01-01")


class Clock(Estimator):
    """How much each day counts: exp(trend × years + its month), 1 on average over the past.

    Parameters
    ----------
    rounds : int
        Fits of model and clock in turn.

    Attributes
    ----------
    months_ : list of float
        What each calendar month counts, in normal months; January first; 1 on average.
    trend_ : float
        Growth of what a day counts, in logs a year; half of it goes on after `end_`.
    origin_, end_ : int
        First day that is observed, and the first that is not (days since 1970).
    problem_ : str or None
        Why no clock could be learnt, which then is the calendar: `short_history` (under a year),
        `one_cohort` (nearly all began within a month) or `few_repeats`.

    Notes
    -----
    Each round fits the purchase model on the clock, sums the repeats it expects of each month
    over the days of first purchases, and moves the months (and, where first purchases are spread
    over a quarter of the history, a trend) towards what was observed: a ridge regression of
    counts whose variance is that of chance and of `NOISE`. Few purchases move little.

    Examples
    --------
    >>> clock = Clock.calendar(origin=0, end=730)
    >>> clock.between([0], [365]).round(6).tolist(), clock.problem_
    ([365.0], 'short_history')
    """

    def __init__(self, rounds: int = ROUNDS) -> None:
        self.rounds = rounds

    @classmethod
    def calendar(cls, origin: int, end: int, problem: str = "short_history") -> Self:
        """Return the clock on which all days count the same."""
        clock = cls()
        clock._set(origin, end, np.zeros(12), 0.0, problem)
        return clock

    def fit(
        self,
        model: PurchaseModel,
        x: ArrayLike,
        first: ArrayLike,
        last: ArrayLike,
        end: int,
        bought: ArrayLike,
    ) -> Self:
        """Learn what months count, for a purchase model.

        Parameters
        ----------
        model : PurchaseModel
            It is fitted on the way, and is left fitted on the clock.
        x : array of int
            Repeat purchases of each customer.
        first, last : array of int
            Days of each customer's first and last purchase (since 1970).
        end : int
            The first day that is not observed.
        bought : array of float
            Repeat purchases of each day, from the earliest `first` on to the day before `end`.

        Returns
        -------
        Clock
            Itself; where nothing can be learnt, the calendar, with the reason in `problem_`.
        """
        repeats, begun, latest = (np.ravel(np.asarray(each)) for each in (x, first, last))
        begun, latest = begun.astype(np.int64), latest.astype(np.int64)
        origin, daily = int(begun.min()), numbers(bought, "bought")
        if len(daily) != end - origin:
            raise SegkitError(
                f"has {len(daily)} days, not {end - origin}",
                where="bought",
                fix="give one number a day, from the first purchase to the day before the end",
            )
        problem = _problem(begun, end, daily)
        self._set(origin, end, np.zeros(12), 0.0, problem)
        if problem is None:
            early = _early(repeats, begun, latest, origin, end)
            months = _Months(origin, end, begun, daily)
            for _ in range(self.rounds):
                self._fit_model(model, *early)
                effects, trend = months.moved(self, model)
                self._set(origin, end, effects, trend, None)
        self._fit_model(model, repeats, begun, latest)
        return self

    def _fit_model(
        self,
        model: PurchaseModel,
        x: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        weights: np.ndarray | None = None,
    ) -> None:
        unit = DAYS[model.time_unit]
        known = getattr(model, "params_", None)
        t_x, T = self.between(first, last) / unit, self.between(first, self.end_) / unit
        model.fit(x, t_x, T, weights, start=known)

    def between(self, start: ArrayLike, stop: ArrayLike) -> np.ndarray:
        """Return how many normal days lie between days.

        Parameters
        ----------
        start, stop : array of int
            Days since 1970, not before `origin_`.
        """
        return (
            self._run[np.asarray(stop, dtype=np.int64) - self.origin_]
            - self._run[np.asarray(start, dtype=np.int64) - self.origin_]
        )

    def days_of(self, normal_days: ArrayLike) -> np.ndarray:
        """Return how many days of the calendar so many normal ones take, from `end_` on."""
        run = self._run[self.end_ - self.origin_ :]
        return np.interp(np.asarray(normal_days, dtype=float), run - run[0], np.arange(len(run)))

    @property
    def is_calendar(self) -> bool:
        """Whether all days count the same."""
        return self.problem_ is not None

    @property
    def _run(self) -> np.ndarray:
        """Normal days from the origin to the start of each day."""
        key = (self.origin_, self.end_, tuple(self.months_), self.trend_)
        held = vars(self).get("_held")
        if held is None or held[0] != key:
            days = np.arange(self.origin_, self.end_ + DAYS_BEYOND)
            logs = self._logs(days)
            past = np.exp(logs[: self.end_ - self.origin_]).mean()
            held = key, np.concatenate([[0.0], np.cumsum(np.exp(logs) / past)])
            self._held = held
        run: np.ndarray = held[1]
        return run

    def _logs(self, days: np.ndarray) -> np.ndarray:
        """Return what days count, in logs, up to a constant."""
        years, seen = (
            (days - self.origin_) / DAYS["years"],
            (self.end_ - self.origin_) / DAYS["years"],
        )
        along = np.where(days < self.end_, years, seen + KEPT * (years - seen))
        return self.trend_ * along + np.log(self.months_)[month_of(days)]

    def _set(
        self, origin: int, end: int, effects: np.ndarray, trend: float, problem: str | None
    ) -> None:
        self.origin_, self.end_ = int(origin), int(end)
        months = np.exp(effects)
        self.months_ = (months / months.mean()).tolist()
        self.trend_ = float(trend)
        self.problem_ = problem


def month_of(days: np.ndarray) -> np.ndarray:
    """Return the calendar month of days since 1970, 0 for January."""
    return _month_number(days) % 12


def _month_number(days: np.ndarray) -> np.ndarray:
    return (_EPOCH + days.astype("timedelta64[D]")).astype("datetime64[M]").astype(np.int64)


def _early(
    x: np.ndarray, first: np.ndarray, last: np.ndarray, origin: int, end: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Return what the rounds look at: `x`, `first`, `last` as they are, or by weeks with weights."""
    if len(x) <= EARLY:
        return x, first, last, None
    begun = first - (first - origin) % 7
    latest = np.minimum(last + -(last - origin) % 7, end)
    # Who bought once has no time between two purchases, however days are rounded.
    latest = np.where(x > 0, latest, begun)
    rows = pd.DataFrame({"x": x, "first": begun, "last": latest})
    sizes = rows.groupby(list(rows), sort=False).size()
    known = sizes.index.to_frame()
    often, begun, latest = (known[name].to_numpy() for name in ("x", "first", "last"))
    return often, begun, latest, sizes.to_numpy(dtype=float)


def _problem(first: np.ndarray, end: int, bought: np.ndarray) -> str | None:
    if end - first.min() < LEAST_DAYS:
        return "short_history"
    if _spread(first) < LEAST_SPREAD:
        return "one_cohort"
    return None if bought.sum() >= 12 * LEAST_EXPECTED else "few_repeats"


def _spread(first: np.ndarray) -> float:
    low, high = np.quantile(first, [0.1, 0.9])
    return float(high - low)


class _Months:
    """What was bought month by month, and what a model expects on a clock."""

    def __init__(self, origin: int, end: int, first: np.ndarray, bought: np.ndarray) -> None:
        months = _month_number(np.arange(origin, end))
        self.starts = np.flatnonzero(np.diff(months, prepend=-1))
        self.ends = np.append(self.starts, end - origin)
        self.observed = np.add.reduceat(bought, self.starts)
        place = month_of(np.arange(origin, end)[self.starts])
        years = (self.ends[:-1] + self.ends[1:]) / 2 / DAYS["years"]
        has_trend = _spread(first) >= TREND_SHARE * (end - origin)
        self.design = np.zeros((len(self.starts), 14))
        self.design[:, 0] = 1.0
        self.design[:, 1] = years if has_trend else 0.0
        self.design[np.arange(len(self.starts)), 2 + place] = 1.0
        self.pull = np.array([1e-6, TREND_SPREAD**-2, *[MONTH_SPREAD**-2] * 12])
        offsets = np.sort(first - origin)
        groups = np.array_split(offsets, min(GROUPS, len(offsets)))
        self.first = np.array([group.mean() for group in groups])
        self.counts = np.array([float(len(group)) for group in groups])

    def moved(self, clock: Clock, model: PurchaseModel) -> tuple[np.ndarray, float]:
        """Return month effects and trend nearer to what was observed."""
        run = clock._run
        began = np.interp(self.first, np.arange(len(run)), run)
        ages = np.maximum(run[self.ends][:, None] - began[None, :], 0) / DAYS[model.time_unit]
        grown = model.expected_orders(ages.ravel()).reshape(ages.shape) @ self.counts
        lengths = np.diff(run[self.ends])
        # What is expected of a month on which a day counts 1: the model's expectation per normal day.
        plain = np.diff(grown) / lengths * np.diff(self.ends)
        return self._regressed(plain, np.diff(grown) > LEAST_EXPECTED)

    def _regressed(self, plain: np.ndarray, use: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the ridge regression's effects: counts with a variance of mean + (noise × mean)²."""
        if not use.any():  # no month in which a purchase is expected: not a number, so no clock
            return np.full(12, np.nan), np.nan
        design, observed, log_plain = self.design[use], self.observed[use], np.log(plain[use])
        beta = np.zeros(14)
        beta[0] = np.log((observed.sum() + 0.5) / plain[use].sum())
        for _ in range(50):
            mean = np.exp(np.clip(log_plain + design @ beta, -20, 30))
            weight = mean / (1 + NOISE**2 * mean)
            answer = design @ beta + (observed - mean) / mean
            # Half steps: a month without a purchase would otherwise leap.
            inner = design.T @ (weight[:, None] * design) + np.diag(self.pull)
            step = np.linalg.solve(inner, design.T @ (weight * answer)) - beta
            beta = beta + step * min(1.0, 1.0 / max(np.abs(step).max(), 1e-12))
            if np.abs(step).max() < 1e-8:
                break
        return beta[2:], float(beta[1])
