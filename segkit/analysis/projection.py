"""What the next calendar units should bring, if cohorts go on as earlier ones did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from segkit.analysis.cohorts import UNITS

LEAST_UNITS = 6
"""Whole units below which nothing is projected."""
MOST_STEPS = {"day": 7, "week": 4, "month": 6, "quarter": 4, "year": 2}
YEAR = {"day": 14, "week": 13, "month": 12, "quarter": 4, "year": 1}
"""Units over which new customers, and cohorts that no earlier one has gone before, are averaged."""
FEW = 3  # units that a level is taken from at least: one alone may be a season
LEAST_TESTS = 3  # fewer errors of the past have no spread to speak of
RANGE = (0.1, 0.9)
"""Of the tests at earlier dates, which four out of five lie between."""


@dataclass(frozen=True)
class Rates:
    """What was observed of cohorts, by place of cohort and unit in the history.

    Parameters
    ----------
    revenue : array
        Cohort × unit.
    sizes : array
        Customers acquired in each unit.
    is_fit : array of bool
        Cohorts whose customers are new, all of them: acquired in a whole unit after the log's
        first.
    is_whole : array of bool
        Units that were observed whole.
    window : int
        Units of a mean.
    """

    revenue: np.ndarray
    sizes: np.ndarray
    is_fit: np.ndarray
    is_whole: np.ndarray
    window: int

    def until(self, last: int) -> Rates:
        """Return what was known after the unit at a place."""
        span = slice(0, last + 1)
        fit, whole = self.is_fit[span], self.is_whole[span]
        return Rates(self.revenue[span, span], self.sizes[span], fit, whole, self.window)

    def by_age(self) -> np.ndarray:
        """Return the revenue per acquired customer at each age, of all cohorts that reached it."""
        count = len(self.sizes)
        earned, acquired = np.zeros(count), np.zeros(count)
        for cohort in np.flatnonzero(self.is_fit & (self.sizes > 0)):
            ages = np.flatnonzero(self.is_whole[cohort:])
            earned[ages] += self.revenue[cohort, cohort + ages]
            acquired[ages] += self.sizes[cohort]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(acquired > 0, earned / acquired, np.nan)

    def arrivals(self) -> float:
        """Return the mean number of new customers of the last units."""
        return (
            float(self.sizes[self.is_fit][-self.window :].mean()) if self.is_fit.any() else np.nan
        )

    def own_level(self) -> np.ndarray:
        """Return the mean revenue of each cohort in the last third of its whole units."""
        whole = np.flatnonzero(self.is_whole)
        levels = np.zeros(len(self.sizes))
        for cohort in range(len(self.sizes)):
            own = whole[whole >= cohort]
            latest = own[-min(max(len(own) // 3, FEW), self.window) :]
            levels[cohort] = self.revenue[cohort, latest].mean() if len(latest) else 0.0
        return levels


def rates_of(cohorts: pd.DataFrame, units: pd.DataFrame, unit: str) -> Rates:
    """Return the arrays behind a table of cohorts.

    Parameters
    ----------
    cohorts : DataFrame
        From `segkit.analysis.cohorts.cohort_table`.
    units : DataFrame
        From `segkit.analysis.cohorts.unit_table`.
    unit : str
        One of `segkit.analysis.cohorts.UNITS`.
    """
    index = pd.Index(units["unit"])
    rows, columns = index.get_indexer(cohorts["cohort"]), index.get_indexer(cohorts["unit"])
    revenue = np.zeros((len(units), len(units)))
    revenue[rows, columns] = cohorts["revenue"]
    sizes = np.zeros(len(units))
    sizes[rows] = cohorts["size"]
    whole = units["complete"].to_numpy(dtype=bool)
    fit = whole & ~units["is_truncated"].to_numpy(dtype=bool)
    return Rates(revenue, sizes, fit, whole, YEAR[unit])


def expected_revenue(rates: Rates, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the revenue of the next units, of cohorts that are known and of those to come.

    A cohort brings what earlier ones brought a customer at the same age; the oldest, which no
    earlier one has gone before, and those that may hold old customers, bring what they did on
    average in the last third of their time. As many new customers come as in the mean of the last units.
    """
    count, ages = len(rates.sizes), rates.by_age()
    own, new, arrivals = rates.own_level(), np.zeros(steps), rates.arrivals()
    known = np.zeros(steps)
    for step in range(steps):
        age = count + step - np.arange(count)
        per_customer = np.append(ages, np.full(steps + 1, np.nan))[np.minimum(age, count)]
        follows = rates.is_fit & np.isfinite(per_customer)
        known[step] = np.where(follows, rates.sizes * np.nan_to_num(per_customer), own).sum()
        new[step] = arrivals * np.nansum(ages[: step + 1])
    return known, new


def past_ratios(rates: Rates, last: int, steps: int) -> list[np.ndarray]:
    """Return, by units ahead, what came over what the same rule expected at earlier dates."""
    ratios: list[list[float]] = [[] for _ in range(steps)]
    whole = np.flatnonzero(rates.is_whole[: last + 1])
    actual = rates.revenue.sum(axis=0)
    for origin in whole[max(LEAST_UNITS // 2, len(whole) // 3) - 1 : -1]:
        known, new = expected_revenue(rates.until(origin), min(steps, last - origin))
        for step, value in enumerate(known + new):
            if np.isfinite(value) and value > 0 and rates.is_whole[origin + step + 1]:
                ratios[step].append(actual[origin + step + 1] / value)
    return [np.array(found) for found in ratios]


def projection(
    cohorts: pd.DataFrame, base: pd.DataFrame, units: pd.DataFrame, unit: str, end: date
) -> pd.DataFrame:
    """Return the revenue of each unit so far, and what the next ones should bring.

    Parameters
    ----------
    cohorts, base, units : DataFrame
        From `segkit.analysis.cohorts`.
    unit : str
        One of `segkit.analysis.cohorts.UNITS`.
    end : date
        The first day that is not observed.

    Returns
    -------
    DataFrame
        `unit`, `revenue` (observed), `complete`, `is_future` (expected: the last unit too,
        where it is not over), `expected`, `low`, `high`, `expected_known` (of cohorts that are
        known), `expected_new` (of customers still to come), `new_customers` (observed, or
        expected), `tests` (dates at which the rule was tested, so far ahead and less). No rows where fewer than six whole units were observed, none of them by
        customers who are all new, or too few dates to test the rule at.

    Notes
    -----
    `low` and `high` are `expected` times the ratios of what came to what the same rule would
    have expected that four out of five tests lie between, over all earlier dates and up to as
    many units ahead. Of a unit that is not over, only the days left are projected. Seasons are not modelled; the tests show what they do.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 8: the base as the sum of its cohorts.
    """
    rates = rates_of(cohorts, units, unit)
    whole = np.flatnonzero(rates.is_whole)
    columns = ["unit", "revenue", "complete", "is_future", "expected", "low", "high"]
    columns += ["expected_known", "expected_new", "new_customers", "tests"]
    past = base[["unit", "revenue", "complete", "new_customers"]].assign(is_future=False)
    past = past.astype({"new_customers": "float64"})
    empty = past.reindex(columns=columns).astype(dict.fromkeys(columns[4:], "float64"))[:0]
    if len(whole) < LEAST_UNITS or not rates.is_fit.any():
        return empty
    last = whole[-1]
    steps = min(MOST_STEPS[unit], len(whole) // 3)
    ratios = past_ratios(rates, last, steps)
    if len(ratios[0]) < LEAST_TESTS:
        return empty
    future = _future(rates.until(last), steps, ratios)
    future["unit"] = _units_after(units["unit"].iloc[last], steps, unit)
    return _with_observed(_joined(past, future), unit, end)[columns]


def _future(rates: Rates, steps: int, ratios: list[np.ndarray]) -> pd.DataFrame:
    known, new = expected_revenue(rates, steps)
    reach = [np.concatenate(ratios[: step + 1]) for step in range(steps)]
    low, high = np.array([np.quantile(found, RANGE) for found in reach]).T
    expected = known + new
    return pd.DataFrame(
        {
            "expected": expected,
            "low": expected * np.minimum(low, 1),
            "high": expected * np.maximum(high, 1),
            "expected_known": known,
            "expected_new": new,
            "arrivals": rates.arrivals(),
            "tests": [float(len(found)) for found in reach],
            "is_future": True,
        }
    )


def _units_after(last: pd.Timestamp, steps: int, unit: str) -> list[pd.Timestamp]:
    return [last + UNITS[unit] * step for step in range(1, steps + 1)]


def _joined(past: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
    """Return past and future units; one that is not over yet is both."""
    future = future.astype({"unit": "datetime64[us]"})
    table = past.drop(columns="is_future").merge(future, "outer", "unit").sort_values("unit")
    flags = {name: table[name].eq(True) for name in ("complete", "is_future")}
    arrivals = table["arrivals"].where(flags["is_future"], table["new_customers"])
    return table.assign(**flags, new_customers=arrivals).reset_index(drop=True)


def _with_observed(table: pd.DataFrame, unit: str, end: date) -> pd.DataFrame:
    """Return a projection whose unit that is not over holds what it has brought so far."""
    begun = table["is_future"] & table["revenue"].notna()
    ends = pd.Series([day + UNITS[unit] for day in table["unit"]], index=table.index)
    left = (ends - pd.Timestamp(end)) / (ends - table["unit"])
    for name in ("expected", "low", "high", "expected_known"):
        table[name] = table[name].where(~begun, table["revenue"] + left * table[name])
    table["expected_new"] = table["expected_new"].where(~begun, left * table["expected_new"])
    return table
