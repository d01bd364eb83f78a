"""How cohorts develop: what each brought month by month since its first, and what comes next.

Months are counted back from the day that is looked ahead of, so that all of them are whole but
the log's first; what was known some months ago is the same table without its last rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

MEASURES = ("purchases", "orders", "revenue")
OWN_WEIGHT = 5.0
"""Purchases that earlier cohorts' pace weighs against a cohort's own."""
LEVEL = (3, 12)
"""Least and most months that the pace of a cohort is taken from which none has gone before."""
ARRIVALS = (3, 12)
"""Last months whose mean number of new customers is carried on: which of them, their past tells.
The longer is at most half of the history: when a log begins, old customers are new to it."""
ARRIVAL_FAVOUR = (1.0, 0.25)
"""What they weigh before their past is looked at: arrivals that end, end at once."""
ARRIVAL_TESTS = 6
ARRIVAL_ERROR = 0.3  # of a mean of arrivals, in logs, before any is seen; it weighs as two tests


@dataclass(frozen=True)
class Development:
    """What cohorts brought, cohort × month, the oldest first.

    Parameters
    ----------
    size : array
        Customers who first bought in each month.
    values : array
        Cohort × month × measure: purchase days, orders, net revenue.
    first_whole : int
        Place of the first month that was observed from its first day.
    late : DataFrame
        `cohort`, `unit`, `known` (places), `revenue`: what became known after its month, such
        as returns.
    """

    size: np.ndarray
    values: np.ndarray
    first_whole: int
    late: pd.DataFrame

    @property
    def months(self) -> int:
        """How many months there are."""
        return len(self.size)

    def until(self, months_ago: int) -> Self:
        """Return what was known so many months ago."""
        kept = self.months - months_ago
        values = self.values[:kept, :kept].copy()
        unknown = self.late[(self.late["known"] >= kept) & (self.late["unit"] < kept)]
        places = unknown["cohort"].to_numpy(), unknown["unit"].to_numpy()
        np.subtract.at(values[:, :, 2], places, unknown["revenue"].to_numpy())
        return replace(self, size=self.size[:kept], values=values, late=self.late[:0])

    def came(self, months_ago: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what came in the months after: of customers known by then, and of new ones.

        Returns
        -------
        tuple of array
            Month × measure each.
        """
        start = self.months - months_ago
        span = slice(start, start + horizon)
        return self.values[:start, span].sum(axis=0), self.values[start:, span].sum(axis=0)

    def orders_per_purchase(self, months: int) -> float:
        """Return how many orders a purchase day held in the last months: a model counts days."""
        purchases, orders, _ = self.values[:, -months:].sum(axis=(0, 1))
        return float(orders / purchases) if purchases > 0 else 1.0

    def by_age(self) -> np.ndarray:
        """Return what cohorts brought per customer at each age (month × measure), all together."""
        count = self.months
        brought, customers = np.zeros((count, len(MEASURES))), np.zeros(count)
        for cohort in np.flatnonzero(self.size > 0):
            ages = count - cohort
            brought[:ages] += self.values[cohort, cohort:]
            customers[:ages] += self.size[cohort]
        with np.errstate(invalid="ignore", divide="ignore"):
            return brought / np.where(customers > 0, customers, np.nan)[:, None]

    def of_known(self, horizon: int) -> np.ndarray:
        """Return what today's customers should bring, month × measure.

        A cohort goes on as earlier ones did at its age, times its own pace beside theirs so far;
        where none has gone before, at its own pace of the last months.
        """
        ages, total = self.by_age(), np.zeros((horizon, len(MEASURES)))
        worth = self._worth()
        for cohort in np.flatnonzero(self.size > 0):
            own, size = self.values[cohort, cohort:], self.size[cohort]
            steps = len(own) + np.arange(horizon)
            pace = _pace(own[1:].sum(axis=0), size * ages[1 : len(own)].sum(axis=0), worth)
            followed = np.append(ages, np.full((horizon, len(MEASURES)), np.nan), axis=0)[steps]
            total += size * np.where(np.isfinite(followed), followed * pace, _level(own) / size)
        return np.maximum(total, 0)

    def of_new(self, arrivals: np.ndarray) -> np.ndarray:
        """Return what customers still to come should bring, month × measure.

        Parameters
        ----------
        arrivals : array
            How many come in each month of the horizon.
        """
        horizon = len(arrivals)
        ages = np.nan_to_num(self.by_age())[:horizon]
        ages = np.append(ages, np.zeros((max(horizon - len(ages), 0), len(MEASURES))), axis=0)
        brought = [np.convolve(arrivals, ages[:, one])[:horizon] for one in range(len(MEASURES))]
        return np.maximum(np.array(brought).T, 0)

    def arrivals(self, counts: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        """Return how many new customers to expect in each month ahead.

        Parameters
        ----------
        counts : array
            What each month so far counted, in normal months, on the client's clock.
        ahead : array
            The same of the months ahead.

        Notes
        -----
        The mean of the last three and of up to twelve months, weighed by how near each came to the
        three months after it at earlier dates.
        """
        even = self.size[self.first_whole :] / counts[self.first_whole :]
        if not len(even):
            return np.zeros(len(ahead))
        shorter, longer = ARRIVALS
        windows = shorter, max(shorter, min(longer, len(even) // 2))
        means = np.array([even[-window:].mean() for window in windows])
        errors = np.array([_arrival_error(even, window) for window in windows])
        weights = np.array(ARRIVAL_FAVOUR) / errors
        logs = np.log(np.maximum(means, 0.01))
        level = np.exp(weights @ logs / weights.sum())
        return np.asarray(level * ahead)

    def _worth(self) -> np.ndarray:
        """Return the mean of each measure at a purchase."""
        sums = self.values.sum(axis=(0, 1))
        worth: np.ndarray = np.abs(sums) / max(sums[0], 1.0)
        return np.maximum(worth, 1e-9)


def _pace(own: np.ndarray, others: np.ndarray, worth: np.ndarray) -> np.ndarray:
    """Return a cohort's pace beside that of all at its ages: 1 where too little is known."""
    pull = OWN_WEIGHT * worth
    pace: np.ndarray = np.maximum(own + pull, 0) / np.maximum(others + pull, pull)
    return pace


def _level(own: np.ndarray) -> np.ndarray:
    """Return a cohort's mean month of late, its first one left out where there are others."""
    least, most = LEVEL
    window = min(max(least, len(own) // 3), most)
    level: np.ndarray = own[max(len(own) - window, min(1, len(own) - 1)) :].mean(axis=0)
    return level


def _arrival_error(even: np.ndarray, window: int) -> float:
    """Return the mean squared error, in logs, of a mean's three months ahead at earlier dates."""
    step = 3
    ends = [len(even) - step * test for test in range(1, ARRIVAL_TESTS + 1)]
    errors = [
        np.log(even[end : end + step].sum() + 0.5)
        - np.log(step * even[max(end - window, 0) : end].mean() + 0.5)
        for end in ends
        if end >= step
    ]
    return float((2 * ARRIVAL_ERROR**2 + np.square(errors).sum()) / (2 + len(errors)))


def development_of(
    activity: pd.DataFrame, revenue: pd.DataFrame, first_whole_month: int
) -> Development:
    """Return the arrays behind what cohorts did.

    Parameters
    ----------
    activity : DataFrame
        `cohort`, `unit` (months back from the end: 1 is the last), `customers` (new ones),
        `purchases`, `orders`.
    revenue : DataFrame
        `cohort`, `unit`, `known`, `revenue`: net, by when it became known.
    first_whole_month : int
        How many months back the first one is that was observed whole.
    """
    months = int(activity["cohort"].max()) if len(activity) else 0
    size, values = np.zeros(months), np.zeros((months, months, len(MEASURES)))
    cohort, unit = (_places(activity[name], months) for name in ("cohort", "unit"))
    np.add.at(size, cohort, activity["customers"].to_numpy(dtype=float))
    for place, name in enumerate(MEASURES[:2]):
        np.add.at(values[:, :, place], (cohort, unit), activity[name].to_numpy(dtype=float))
    known = revenue.dropna(subset=["cohort"])
    known = pd.DataFrame(
        {name: _places(known[name], months) for name in ("cohort", "unit", "known")}
    ).assign(revenue=known["revenue"].to_numpy(dtype=float))
    # A return of an order from before the first that stands counts where its customer begins.
    known["unit"] = np.maximum(known["unit"], known["cohort"])
    cells = known["cohort"].to_numpy(), known["unit"].to_numpy()
    np.add.at(values[:, :, 2], cells, known["revenue"].to_numpy())
    late = known[known["known"] > known["unit"]].reset_index(drop=True)
    return Development(size, values, months - first_whole_month, late)


def _places(months_back: pd.Series, months: int) -> np.ndarray:
    """Return the places of months from the first on, 0 for the first."""
    return months - months_back.to_numpy(dtype=np.int64)
