"""What was learnt about the lifecycle of a base, with how sure it is (definitions, section 7)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from segkit.analysis.intervals import wilson

SIGNIFICANT = 0.05
FEW = 30
"""Groups smaller than this say too little for a verdict."""
AGES = (7, 30, 90, 365)
"""Days that part the ages of prospects."""


def two_rates(is_above: pd.Series, came_back: pd.Series) -> dict[str, float]:
    """Return the share of those who came back on both sides of a threshold.

    Parameters
    ----------
    is_above, came_back : Series of bool
        Row by row.

    Returns
    -------
    dict
        `above_customers`, `above_rate`, `above_low`, `above_high` (95 %, Wilson), and the
        same for `below`; rates are NaN on a side without customers.

    Examples
    --------
    >>> rates = two_rates(pd.Series([True, True, False]), pd.Series([True, False, False]))
    >>> rates["above_rate"], rates["below_customers"]
    (0.5, 1)
    """
    sides = {"above": came_back[is_above], "below": came_back[~is_above]}
    return {
        f"{side}_{name}": value
        for side, back in sides.items()
        for name, value in _rate(int(back.sum()), len(back)).items()
    }


def _rate(count: int, customers: int) -> dict[str, float]:
    low, high = wilson(count, customers)
    rate = count / customers if customers else np.nan
    return {"customers": customers, "rate": rate, "low": low, "high": high}


def is_difference(row: Mapping[str, float]) -> bool:
    """Return whether two sides differ: neither is small, and their intervals part.

    Parameters
    ----------
    row : mapping
        As `two_rates` gives; also `p_value` where the threshold was looked for, which has to
        be small too.

    Examples
    --------
    >>> rates = two_rates(pd.Series([True] * 40 + [False] * 40), pd.Series([True, False] * 40))
    >>> is_difference(rates)
    False
    """
    if min(row["above_customers"], row["below_customers"]) < FEW:
        return False
    parted = row["above_low"] > row["below_high"] or row["below_low"] > row["above_high"]
    p_value = row.get("p_value")
    is_chance = p_value is not None and p_value >= SIGNIFICANT
    return bool(parted and not is_chance)


def mean_difference(values: pd.Series, is_in: pd.Series) -> dict[str, float]:
    """Return how much more a group is worth than the rest, with its 95 % interval (Welch).

    Parameters
    ----------
    values : Series
        Money a customer.
    is_in : Series of bool
        Who is of the group.

    Returns
    -------
    dict
        `customers`, `others`, `mean`, `mean_others`, `difference`, `low`, `high`; the last
        two are NaN where a side has fewer than two customers.

    Examples
    --------
    >>> found = mean_difference(pd.Series([1.0, 3.0, 5.0, 7.0]), pd.Series([0, 0, 1, 1]) == 1)
    >>> found["difference"], round(found["low"], 2), round(found["high"], 2)
    (4.0, -2.08, 10.08)
    """
    group, others = values[is_in], values[~is_in]
    found: dict[str, float] = {"customers": len(group), "others": len(others)}
    found |= {"mean": group.mean(), "mean_others": others.mean()}
    low = high = np.nan
    if min(len(group), len(others)) >= 2 and values.nunique() > 1:
        with warnings.catch_warnings():  # where a whole side spent the same, its variance is 0
            warnings.simplefilter("ignore", RuntimeWarning)
            low, high = ttest_ind(group, others, equal_var=False).confidence_interval()
    found["difference"] = found["mean"] - found["mean_others"]
    return {name: float(value) for name, value in found.items()} | {
        "low": float(low),
        "high": float(high),
    }


def by_age(known_days: pd.Series) -> pd.DataFrame:
    """Return how many prospects have been known for how long.

    Parameters
    ----------
    known_days : Series
        Days since each one registered or was first seen; missing where unknown.

    Returns
    -------
    DataFrame
        `from`, `to` (days; NaN where open), `count`: up to 7, 30, 90 and 365 days, and more.
        Who has no date is not in it.

    Examples
    --------
    >>> by_age(pd.Series([3, 7, 8, 400, None]))["count"].tolist()
    [2, 1, 0, 0, 1]
    """
    days = known_days.dropna().astype(float)
    lows = [0.0, *(float(age + 1) for age in AGES)]
    highs = [*map(float, AGES), np.nan]
    places = np.searchsorted(lows, days.to_numpy(), side="right") - 1
    counts = np.bincount(np.maximum(places, 0), minlength=len(lows))
    return pd.DataFrame({"from": lows, "to": highs, "count": counts})
