"""Whether the purchase model describes the base: what it expects beside what was observed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segkit.analysis.value import CustomerValue, buyers_of
from segkit.models.purchase import DAYS

LAST = 7
"""So many repeat purchases and more are counted together."""


def repeat_histogram(
    value: CustomerValue, customers: pd.DataFrame, last: int = LAST
) -> pd.DataFrame:
    """Return how many customers have bought again so many times, and how many the model expects.

    Parameters
    ----------
    value : CustomerValue
        Fitted.
    customers : DataFrame
        The customers it was fitted on.
    last : int
        The open bin.

    Returns
    -------
    DataFrame
        `repeats` (0 to `last`), `open` (the last one: and more), `observed`, `expected`.

    Notes
    -----
    The expectation sums the model's distribution over each customer's age.
    """
    x, _, T = value.histories(customers)
    ages, counts = np.unique(T, return_counts=True)
    number = np.arange(last, dtype=float)
    chance = value.purchase.order_probability(number[:, None], ages[None, :])
    expected = chance @ counts
    expected = np.append(expected, counts.sum() - expected.sum())
    observed = np.bincount(np.minimum(x, last).astype(int), minlength=last + 1)
    repeats = np.arange(last + 1)
    return pd.DataFrame(
        {"repeats": repeats, "open": repeats == last, "observed": observed, "expected": expected}
    )


def chance_histogram(chance: pd.Series, bins: int = 10) -> pd.DataFrame:
    """Return how many customers have each chance of something, by tenths.

    Returns
    -------
    DataFrame
        `from`, `to`, `count`; a bin holds its lower edge, the last one 1 too.

    Examples
    --------
    >>> chance_histogram(pd.Series([0.1, 0.9, 1.0]), bins=2)["count"].tolist()
    [1, 2]
    """
    edges = np.round(np.linspace(0, 1, bins + 1), 9)
    counts = np.histogram(chance.dropna(), bins=edges)[0]
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts})


def misplaced(fit: pd.DataFrame) -> float:
    """Return the share of customers that the model puts into another bin than they are in.

    Examples
    --------
    >>> misplaced(pd.DataFrame({"observed": [60, 40], "expected": [50.0, 50.0]}))
    0.1
    """
    return float((fit["observed"] - fit["expected"]).abs().sum() / 2 / fit["observed"].sum())


def tracking(
    value: CustomerValue,
    customers: pd.DataFrame,
    weekly: pd.DataFrame,
    cut: pd.Timestamp,
    as_of: pd.Timestamp,
) -> pd.DataFrame:
    """Return repeat purchases week by week, of the customers of before the cut.

    Parameters
    ----------
    value : CustomerValue
        Fitted at the cut.
    customers : DataFrame
        The customer table at the cut: `first_order`, `orders`.
    weekly : DataFrame
        `week` (its Monday), `repeats`, from `segkit.data.periods.weekly_repeats`.
    cut, as_of : Timestamp
        What lies between was not known to the model.

    Returns
    -------
    DataFrame
        `week`, `observed`, `expected`, `cumulative_observed`, `cumulative_expected`,
        `holdout` (whether it begins after the cut); whole weeks only.
    """
    joined = buyers_of(customers)["first_order"].value_counts()
    first = joined.index.min()
    start = first - pd.Timedelta(days=first.weekday())
    weeks = pd.date_range(start, as_of - pd.Timedelta(days=7), freq="7D")
    ends = weeks + pd.Timedelta(days=7)
    age = value.ages_between(pd.DatetimeIndex(joined.index), ends)
    cumulative = value.purchase.expected_orders(age.ravel()).reshape(age.shape) @ joined.to_numpy()
    observed = weekly.set_index("week")["repeats"].reindex(weeks, fill_value=0).to_numpy(float)
    return pd.DataFrame(
        {
            "week": weeks.as_unit("us"),
            "observed": observed,
            "expected": np.diff(cumulative, prepend=0.0),
            "cumulative_observed": np.cumsum(observed),
            "cumulative_expected": cumulative,
            "holdout": weeks >= cut,
        }
    )


def holdout_by_frequency(tested: pd.DataFrame, last: int = LAST) -> pd.DataFrame:
    """Return the mean repeat purchases after the cut, by those before it.

    Parameters
    ----------
    tested : DataFrame
        `x` (at the cut), `orders_after`, `expected_orders`; see `segkit.analysis.evidence`.
    last : int
        The open bin.

    Returns
    -------
    DataFrame
        `repeats`, `open`, `customers`, `observed`, `expected` (a customer).
    """
    repeats = tested["x"].clip(upper=last).astype("int64").rename("repeats")
    groups = tested.groupby(repeats)
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "observed": groups["orders_after"].mean(),
            "expected": groups["expected_orders"].mean(),
        }
    ).reset_index()
    table.insert(1, "open", table["repeats"] == last)
    return table


def frequency_recency(
    value: CustomerValue, customers: pd.DataFrame, most: int = 10, steps: int = 10
) -> pd.DataFrame:
    """Return what to expect of a customer by purchases and by days since the last one.

    Parameters
    ----------
    value : CustomerValue
        Fitted.
    customers : DataFrame
        Their oldest tenure is that of the matrix; their purchases bound it.
    most : int
        Repeat purchases shown at most.
    steps : int
        Steps of the days since the last purchase.

    Returns
    -------
    DataFrame
        `repeats`, `recency_days`, `p_order` (chance of an order within the horizon),
        `expected_orders`; missing where a customer of that tenure cannot be.
    """
    buyers = buyers_of(customers)
    tenure = float(buyers["T"].max())
    top = int(min(buyers["x"].max(), most))
    recency = np.unique(np.round(np.linspace(0, tenure, steps + 1)))
    repeats, days = (grid.ravel() for grid in np.meshgrid(np.arange(top + 1.0), recency))
    possible = np.where(repeats == 0, days == recency[-1], recency[-1] - days >= repeats)
    unit = DAYS[value.time_unit]
    t_x = np.where(repeats == 0, 0.0, tenure - days) / unit
    T = np.full(len(repeats), tenure / unit)
    known = repeats[possible], t_x[possible], T[possible]
    table = pd.DataFrame({"repeats": repeats.astype("int64"), "recency_days": days.astype("int64")})
    model = value.purchase
    table.loc[possible, "p_order"] = 1 - model.order_probability(0, value.horizon, *known)
    table.loc[possible, "expected_orders"] = model.expected_orders(value.horizon, *known)
    return table


def customer_history(
    value: CustomerValue, days: pd.Series, as_of: pd.Timestamp, steps: int = 200
) -> pd.DataFrame:
    """Return how a customer's chance of another order within the horizon has moved.

    Parameters
    ----------
    value : CustomerValue
        Fitted.
    days : Series of Timestamp
        The customer's purchase days.
    as_of : Timestamp
        The day up to which.
    steps : int
        About how many days are shown; each purchase is one of them.

    Returns
    -------
    DataFrame
        `day`, `p_order`, `purchase` (whether the customer bought on that day).
    """
    bought = pd.DatetimeIndex(days).sort_values()
    shown = pd.date_range(bought[0], as_of, periods=steps).normalize().union(bought).unique()
    number = np.searchsorted(bought, shown, side="right")
    last = bought[number - 1]
    at_last, age = value.ages(bought[0], last), value.ages(bought[0], shown)
    chance = 1 - value.purchase.order_probability(0, value.horizon, number - 1, at_last, age)
    return pd.DataFrame(
        {"day": shown.as_unit("us"), "p_order": chance, "purchase": shown.isin(bought)}
    )
