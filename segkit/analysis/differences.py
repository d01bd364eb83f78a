"""Which values of a dimension differ from the rest, after having looked at many."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, fisher_exact, t

from segkit.analysis.intervals import wilson

MIN_CUSTOMERS = 30
"""Customers that a value, and the rest, must have to be looked at."""
APART = ("apart", "apart_low", "apart_high")
MOST_VALUES = 200
"""Values of one dimension that are looked at, those of most customers."""
COLUMNS = (
    *("outcome", "dimension", "value"),
    *("rated", "rate", "rate_low", "rate_high"),
    *("others_rated", "others_rate", "others_low", "others_high"),
    *APART,
    "p_value",
)
"""Columns of `rates_apart` and `means_apart`."""


def rates_apart(counts: pd.DataFrame, outcome: str, dimension: str) -> pd.DataFrame:
    """Return how each value's share of customers differs from that of all the other values.

    Parameters
    ----------
    counts : DataFrame
        One row a value of the dimension, indexed by it: `customers` looked at and `count`, of
        whom something holds.
    outcome, dimension : str
        What was looked at, and by what.

    Returns
    -------
    DataFrame
        A row for each value with at least 30 customers, as many being elsewhere: `outcome`,
        `dimension`, `value`; `rated` customers, their `rate` with its 95 % interval `rate_low`
        and `rate_high` (Wilson); the same of the `others`; the difference `apart` with that of
        Newcombe, `apart_low` and `apart_high`; `p_value` (Fisher's exact test).

    Of two values, which are each other's rest, only the higher one has a row.

    Source
    ------
    Newcombe (1998), Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, method 10.

    Examples
    --------
    >>> counts = pd.DataFrame({"customers": [100, 100], "count": [60, 30]}, index=["wine", "beer"])
    >>> rates_apart(counts, "second_order", "first_category")[["value", "rate", "apart"]]
      value  rate  apart
    0  wine   0.6    0.3
    """
    whole = counts[["customers", "count"]].sum()
    rows = []
    for value, row in _large_enough(counts).iterrows():
        own, rest = row[["customers", "count"]], whole - row[["customers", "count"]]
        (n, k), (m, j) = own.astype(int), rest.astype(int)
        rates, ends = (k / n, j / m), (wilson(k, n), wilson(j, m))
        p_value = fisher_exact(np.array([[k, n - k], [j, m - j]])).pvalue
        rows.append(_row(outcome, dimension, value, (n, m), rates, ends, p_value))
    return _once(pd.DataFrame(rows, columns=list(COLUMNS)), len(counts))


def busiest_season(values: pd.Series, months: pd.Series) -> pd.Series:
    """Return which part of a value's customers fell within its three busiest months running.

    Parameters
    ----------
    values : Series
        Of customers; missing ones are left out.
    months : Series of int
        The calendar's month of each, 1 to 12; December is followed by January.

    Returns
    -------
    Series
        Share by value, 0.25..1.

    Examples
    --------
    >>> busiest_season(pd.Series(["tree", "tree", "pen", "pen"]), pd.Series([12, 1, 3, 9])).to_dict()
    {'pen': 0.5, 'tree': 1.0}
    """
    counts = pd.crosstab(values, months).reindex(columns=range(1, 13), fill_value=0)
    held = counts.to_numpy()
    running = held + np.roll(held, -1, axis=1) + np.roll(held, -2, axis=1)
    return pd.Series(running.max(axis=1) / held.sum(axis=1), index=counts.index)


def means_apart(sums: pd.DataFrame, outcome: str, dimension: str) -> pd.DataFrame:
    """Return how each value's mean differs from that of all the other values.

    Parameters
    ----------
    sums : DataFrame
        One row a value of the dimension, indexed by it: `customers`, and the sums over them of a
        figure, `total`, and of its square, `squares`.
    outcome, dimension : str
        What was looked at, and by what.

    Returns
    -------
    DataFrame
        As `rates_apart`, the rates being means with their 95 % t-intervals, and `p_value` that
        of Welch's test.

    Source
    ------
    Welch (1947), The generalization of "Student's" problem, Biometrika 34.

    Examples
    --------
    >>> sums = pd.DataFrame({"customers": [50, 50], "total": [500.0, 400.0],
    ...     "squares": [6000.0, 4000.0]}, index=["web", "shop"])
    >>> means_apart(sums, "year_value", "first_channel")[["value", "rate", "apart"]]
      value  rate  apart
    0   web  10.0    2.0
    """
    names = ["customers", "total", "squares"]
    whole = sums[names].sum()
    rows = []
    for value, row in _large_enough(sums).iterrows():
        sides = [_mean(side) for side in (row[names], whole - row[names])]
        (n, one, error), (m, two, other) = sides
        ends = tuple(_around(mean, error_, count - 1) for count, mean, error_ in sides)
        degrees = _welch_degrees(error, n, other, m)
        difference, spread = one - two, float(np.hypot(error, other))
        p_value = float(2 * t.sf(abs(difference) / spread, degrees)) if spread else 1.0
        found = _row(outcome, dimension, value, (n, m), (one, two), ends, p_value)
        low, high = _around(difference, spread, degrees)
        rows.append(found | {"apart_low": low, "apart_high": high})
    return _once(pd.DataFrame(rows, columns=list(COLUMNS)), len(sums))


def corrected(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return what was looked at together, with `q_value`: how likely a false alarm is among many.

    Parameters
    ----------
    tables : list of DataFrame
        Of `rates_apart` and `means_apart`: everything that was looked at.

    Source
    ------
    Benjamini and Hochberg (1995), Controlling the false discovery rate, JRSS B 57.

    Examples
    --------
    >>> counts = pd.DataFrame({"customers": [100, 100], "count": [60, 30]}, index=["wine", "beer"])
    >>> bool(corrected([rates_apart(counts, "second_order", "first_category")])["q_value"].max() < 1e-3)
    True
    """
    found = [table for table in tables if len(table)]
    if not found:
        return pd.DataFrame(columns=[*COLUMNS, "q_value"])
    table = pd.concat(found, ignore_index=True)
    return table.assign(q_value=false_discovery_control(table["p_value"].clip(0, 1)))


def counts_by(values: pd.Series, holds: pd.Series) -> pd.DataFrame:
    """Return what `rates_apart` takes: customers of each value, and of how many something holds.

    Parameters
    ----------
    values : Series
        Value of the dimension by customer; who has none is left out.
    holds : Series
        0 or 1 by customer; who is not known yet (missing) is left out.
    """
    known = holds.astype("float64").dropna()
    groups = known.groupby(values.reindex(known.index).astype("str"))
    return pd.DataFrame({"customers": groups.size(), "count": groups.sum()})


def sums_by(values: pd.Series, figure: pd.Series) -> pd.DataFrame:
    """Return what `means_apart` takes; see `counts_by`."""
    known = figure.astype("float64").dropna()
    groups = known.groupby(values.reindex(known.index).astype("str"))
    squares = (known**2).groupby(values.reindex(known.index).astype("str"))
    sums = {"total": groups.sum(), "squares": squares.sum()}
    return pd.DataFrame({"customers": groups.size()} | sums)


def _large_enough(table: pd.DataFrame) -> pd.DataFrame:
    rest = table["customers"].sum() - table["customers"]
    large = table[(table["customers"] >= MIN_CUSTOMERS) & (rest >= MIN_CUSTOMERS)]
    return large.sort_values("customers", ascending=False, kind="stable").head(MOST_VALUES)


def _once(table: pd.DataFrame, values: int) -> pd.DataFrame:
    """Return differences without the lower of two values: the same fact, told backwards."""
    return table[table["apart"] >= 0].head(1) if values == 2 else table


def _row(
    outcome: str,
    dimension: str,
    value: object,
    counts: tuple[int, int],
    rates: tuple[float, float],
    ends: tuple[tuple[float, float], ...],
    p_value: float,
) -> dict[str, object]:
    (one, two), ((low, high), (others_low, others_high)) = rates, ends
    below, above = np.hypot(one - low, others_high - two), np.hypot(high - one, two - others_low)
    apart = one - two
    sides = [counts[0], one, low, high, counts[1], two, others_low, others_high]
    return dict(
        zip(
            COLUMNS,
            [outcome, dimension, str(value), *sides, apart, apart - below, apart + above, p_value],
            strict=True,
        )
    )


def _mean(sums: pd.Series) -> tuple[int, float, float]:
    count, total, squares = sums
    mean = total / count
    variance = max(squares / count - mean**2, 0.0) * count / (count - 1)
    return int(count), float(mean), float(np.sqrt(variance / count))


def _around(mean: float, error: float, degrees: float) -> tuple[float, float]:
    half = float(t.ppf(0.975, degrees)) * error
    return mean - half, mean + half


def _welch_degrees(one: float, n: int, two: float, m: int) -> float:
    spread = one**2 + two**2
    parts = one**4 / (n - 1) + two**4 / (m - 1)
    return spread**2 / parts if parts else float(n + m - 2)
