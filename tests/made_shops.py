"""Made shops whose months are known, for several test modules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from segkit.models import MBGNBD, PurchaseModel
from segkit.models.clock import Clock, month_of

START = 15_706  # the first of January 2013, in days since 1970
CHRISTMAS = ((11, 2.0), (10, 1.4), (1, 0.7))
"""What months count in a shop that lives off Christmas; the others count 1."""


@dataclass(frozen=True)
class Shop:
    """A made shop: what its months count, when customers came, and their repeat purchase days."""

    months: np.ndarray
    first: np.ndarray
    repeats: pd.DataFrame
    end: int

    def until(self, end: int) -> Shop:
        """Return what was known at a day."""
        known = self.first < end
        repeats = self.repeats[self.repeats["day"] < end]
        return Shop(self.months, self.first[known], repeats, end)

    @property
    def last(self) -> np.ndarray:
        """Day of each customer's last purchase."""
        days = self.repeats.groupby("who")["day"].max()
        return days.reindex(range(len(self.first))).fillna(pd.Series(self.first)).to_numpy(int)

    @property
    def x(self) -> np.ndarray:
        """Repeat purchases of each customer."""
        return self.repeats.groupby("who").size().reindex(range(len(self.first)), fill_value=0)

    def learnt(self, model: PurchaseModel | None = None) -> Clock:
        """Return the clock that these purchases tell."""
        bought = np.bincount(
            self.repeats["day"] - self.first.min(), minlength=self.end - self.first.min()
        )
        return Clock().fit(model or MBGNBD(), self.x, self.first, self.last, self.end, bought)


@cache
def made(
    shape: tuple[tuple[int, float], ...] = (),
    *,
    years: float = 3,
    growth: float = 0.0,
    customers: int = 3000,
    within: int | None = None,
    rate: float = 1 / 60,
) -> Shop:
    """Return a shop with gamma rates of purchase, and a chance to leave after each."""
    random = np.random.default_rng(7)
    days = int(365 * years)
    counts = np.ones(12)
    for month, count in shape:
        counts[month] = count
    counts /= counts.mean()
    weight = counts[month_of(START + np.arange(days))]
    run = np.concatenate([[0.0], np.cumsum(weight)])
    arrivals = weight * np.exp(growth * np.arange(days) / 365)
    if within is not None:
        arrivals[within:] = 0
    first = np.sort(random.choice(days, customers, p=arrivals / arrivals.sum()))
    rates = np.maximum(random.gamma(0.8, rate, customers), 1e-9)
    leaving = random.beta(1.0, 4.0, customers)
    rows = []
    for who in range(customers):
        moment = run[first[who]]
        seen = first[who]
        while random.random() > leaving[who]:
            moment += random.exponential(1 / rates[who])
            day = int(np.searchsorted(run, moment, side="right")) - 1
            if day >= days:
                break
            if day > seen:
                rows.append((who, START + day))
                seen = day
    repeats = pd.DataFrame(rows, columns=["who", "day"])
    return Shop(counts, START + first, repeats, START + days)
