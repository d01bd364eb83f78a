"""The customer base in one period, and in two (Fader, Hardie and Ross, The Customer-Base Audit, 2022).

What a customer is worth is compared in equal windows. Revenue is customers times orders a
customer times revenue an order, and so is its change: every table adds up to its totals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.kpis import TOTAL

DECILES = 10
RETURNS_ONLY = "returns_only"
NOT_BOUGHT = "did_not_buy"
EARLIER, LATER = "earlier", "later"
FACTORS = {"factor_customers": "customers", "factor_frequency": "orders_per_customer"}
FACTORS |= {"factor_aov": "aov"}
QUANTILES = {
    "low_decile": 0.1,
    "low_quartile": 0.25,
    "median": 0.5,
    "high_quartile": 0.75,
    "high_decile": 0.9,
}
DIGITS = 4
"""Money is summed to ten-thousandths, so that parts add up to the whole."""


def product(periods: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return customers, orders a customer and revenue an order, whose product is the revenue.

    Parameters
    ----------
    periods : mapping of str to DataFrame
        What each customer bought in a period: `customer_id`, `orders`, `revenue` (net), as
        `segkit.Study.period` gives.

    Returns
    -------
    DataFrame
        One row a period: `period`, `customers` (who bought), `orders`, `orders_per_customer`,
        `aov`, `revenue`.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 3; definitions, section 3.

    Examples
    --------
    >>> bought = pd.DataFrame({"customer_id": ["a", "b"], "orders": [3, 1], "revenue": [70.0, 30.0]})
    >>> product({"later": bought})
      period  customers  orders  orders_per_customer   aov  revenue
    0  later          2       4                  2.0  25.0    100.0
    """
    rows = [{"period": name} | _totals(bought) for name, bought in periods.items()]
    columns = ["period", "customers", "orders", "orders_per_customer", "aov", "revenue"]
    return pd.DataFrame(rows, columns=columns)


def _totals(bought: pd.DataFrame) -> dict[str, float]:
    customers, orders = int((bought["orders"] > 0).sum()), int(bought["orders"].sum())
    revenue = round(float(bought["revenue"].sum()), DIGITS)
    return {
        "customers": customers,
        "orders": orders,
        "orders_per_customer": orders / customers if customers else np.nan,
        "aov": revenue / orders if orders else np.nan,
        "revenue": revenue,
    }


def spread(bought: pd.DataFrame) -> pd.DataFrame:
    """Return how spend, orders and order value are spread over the customers of a period.

    Parameters
    ----------
    bought : DataFrame
        As in `product`; who did not buy is left out.

    Returns
    -------
    DataFrame
        One row for `revenue`, `orders` and `aov` each: `measure`, `average` and quantiles. The
        average of `aov` is that of the customers' own.

    Examples
    --------
    >>> bought = pd.DataFrame({"customer_id": ["a", "b"], "orders": [4, 1], "revenue": [40.0, 30.0]})
    >>> spread(bought)[["measure", "average", "median"]]
       measure  average  median
    0  revenue     35.0    35.0
    1   orders      2.5     2.5
    2      aov     20.0    20.0
    """
    measures = buyer_measures(bought)
    quantiles = measures.quantile(list(QUANTILES.values())).T
    quantiles.columns = list(QUANTILES)
    quantiles.insert(0, "average", measures.mean())
    return quantiles.rename_axis("measure").reset_index()


def buyer_measures(bought: pd.DataFrame) -> pd.DataFrame:
    """Return `revenue`, `orders` and `aov` of each customer who bought."""
    buyers = bought.loc[bought["orders"] > 0, ["revenue", "orders"]].astype("float64")
    return buyers.assign(aov=buyers["revenue"] / buyers["orders"])


def deciles(bought: pd.DataFrame) -> pd.DataFrame:
    """Return ten equal groups of the customers who bought, those who spent most first.

    Parameters
    ----------
    bought : DataFrame
        As in `product`. Of equal spenders, the first by `customer_id` stands first; where
        ten does not divide the customers, groups differ by one.

    Returns
    -------
    DataFrame
        `spend_decile` (``1`` to ``10``, ``returns_only`` where some only returned, ``total``),
        `customers`, `customers_share`, `revenue`, `revenue_share`, `orders`,
        `orders_per_customer`, `aov`, `revenue_per_customer`.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 3.

    Examples
    --------
    >>> bought = pd.DataFrame({"customer_id": list("abcdefghij"), "orders": 1,
    ...                        "revenue": [91.0, *range(1, 10)]})
    >>> deciles(bought)[["spend_decile", "customers", "revenue"]].iloc[[0, 9, 10]]
       spend_decile  customers  revenue
    0             1          1     91.0
    9            10          1      1.0
    10        total         10    136.0
    """
    buyers = _best_first(bought)
    groups = np.arange(len(buyers)) * DECILES // max(len(buyers), 1) + 1
    return _group_table(buyers, groups, bought)


def value_deciles(bought: pd.DataFrame) -> pd.DataFrame:
    """Return ten groups of customers who spent equally much together, the fewest first.

    Parameters
    ----------
    bought : DataFrame
        As in `product`. A customer stands in the group in which its spend begins, and with
        it whole: one who makes up more than a tenth leaves the next group smaller or empty.

    Returns
    -------
    DataFrame
        As `deciles`; no rows where nothing was earned.

    Examples
    --------
    >>> bought = pd.DataFrame({"customer_id": list("abcd"), "orders": 1,
    ...                        "revenue": [50.0, 30.0, 10.0, 10.0]})
    >>> value_deciles(bought)["customers"].tolist()
    [1, 0, 0, 0, 0, 1, 0, 0, 1, 1, 4]
    """
    buyers = _best_first(bought)
    total = buyers["revenue"].sum()
    if not total > 0:
        return _group_table(buyers, np.ones(len(buyers), dtype="int64"), bought)[:0]
    spent_before = (buyers["revenue"].cumsum() - buyers["revenue"]).round(DIGITS)
    groups = np.floor(spent_before / round(total, DIGITS) * DECILES + 1e-9).clip(0, DECILES - 1)
    return _group_table(buyers, groups.to_numpy().astype("int64") + 1, bought)


def _best_first(bought: pd.DataFrame) -> pd.DataFrame:
    buyers = bought.loc[bought["orders"] > 0, ["customer_id", "orders", "revenue"]]
    order = ["revenue", "customer_id"]
    return buyers.sort_values(order, ascending=[False, True], ignore_index=True)


def _group_table(buyers: pd.DataFrame, groups: np.ndarray, bought: pd.DataFrame) -> pd.DataFrame:
    """Return a row a group, one for what was only returned, and the total."""
    names = [str(place) for place in range(1, DECILES + 1)]
    keyed = buyers.assign(spend_decile=groups.astype(str) if len(groups) else "")
    sums = keyed.groupby("spend_decile").agg(
        customers=("revenue", "size"), revenue=("revenue", "sum"), orders=("orders", "sum")
    )
    sums = sums.reindex(names, fill_value=0)
    returned = bought.loc[bought["orders"] == 0, "revenue"]
    if returned.round(DIGITS).ne(0).any():  # by customers who bought nothing
        sums.loc[RETURNS_ONLY] = [0, returned.sum(), 0]
    sums.loc[TOTAL] = [len(buyers), bought["revenue"].sum(), buyers["orders"].sum()]
    return _with_ratios(sums.rename_axis("spend_decile"))


def _with_ratios(sums: pd.DataFrame) -> pd.DataFrame:
    total = sums.loc[TOTAL]
    counts = sums[["customers", "orders"]].astype("int64")
    revenue = sums["revenue"].astype("float64").round(DIGITS)
    return pd.DataFrame(
        {
            "customers": counts["customers"],
            "customers_share": ratio(counts["customers"], total["customers"]),
            "revenue": revenue,
            "revenue_share": ratio(revenue, revenue.loc[TOTAL]),
            "orders": counts["orders"],
            "orders_per_customer": ratio(counts["orders"], counts["customers"]),
            "aov": ratio(revenue, counts["orders"]),
            "revenue_per_customer": ratio(revenue, counts["customers"]),
        }
    ).reset_index()


def ratio(part: pd.Series, whole: pd.Series | float) -> pd.Series:
    """Return a part over a whole; NaN where the whole is nothing."""
    whole = pd.Series(whole, index=part.index, dtype="float64")
    return part.astype("float64").div(whole.where(whole != 0))


def together(earlier: pd.DataFrame, later: pd.DataFrame) -> pd.DataFrame:
    """Return what each customer bought in two periods, side by side.

    Returns
    -------
    DataFrame
        `customer_id`, `orders_earlier`, `revenue_earlier`, `orders_later`, `revenue_later`;
        0 where there is nothing.
    """
    columns = ["customer_id", "orders", "revenue"]
    names: dict[str, Any] = {
        "how": "outer",
        "on": "customer_id",
        "suffixes": (f"_{EARLIER}", f"_{LATER}"),
    }
    both = earlier[columns].merge(later[columns], **names).fillna(0)
    counts = {f"orders_{name}": "int64" for name in (EARLIER, LATER)}
    return both.astype(counts).sort_values("customer_id", ignore_index=True)


def bought_when(both: pd.DataFrame) -> pd.Series:
    """Return who bought when: ``earlier_only``, ``later_only``, ``both`` or ``returns_only``."""
    earlier, later = both["orders_earlier"] > 0, both["orders_later"] > 0
    cases = [earlier & later, earlier, later]
    keys = ["both", "earlier_only", "later_only"]
    return pd.Series(np.select(cases, keys, RETURNS_ONLY), index=both.index, dtype="str")


def bought(both: pd.DataFrame) -> pd.DataFrame:
    """Return who bought in the earlier period only, in the later only, and in both.

    Parameters
    ----------
    both : DataFrame
        From `together`.

    Returns
    -------
    DataFrame
        `bought`, `customers`, `customers_share`, `revenue_earlier`, `revenue_later`,
        `revenue_change`, `revenue_per_customer_earlier`, `revenue_per_customer_later`; a last
        row ``total``. What a customer returned in a period in which it did not buy counts in
        the customer's row; ``returns_only`` bought in neither.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 4.

    Examples
    --------
    >>> one = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1, 1], "revenue": [10.0, 20.0]})
    >>> two = pd.DataFrame({"customer_id": ["b", "c"], "orders": [2, 1], "revenue": [50.0, 5.0]})
    >>> bought(together(one, two))[["bought", "customers", "revenue_change"]]
             bought  customers  revenue_change
    0  earlier_only          1           -10.0
    1    later_only          1             5.0
    2          both          1            30.0
    3         total          3            25.0
    """
    keys = ["earlier_only", "later_only", "both", RETURNS_ONLY]
    moved = both[
        (both[["orders_earlier", "orders_later", "revenue_earlier"]] != 0).any(axis=1)
        | (both["revenue_later"] != 0)
    ]
    table = _change_table(moved, bought_when(moved), "bought", keys)
    for name in (EARLIER, LATER):
        table[f"revenue_per_customer_{name}"] = ratio(table[f"revenue_{name}"], table["customers"])
    return table


def staying(both: pd.DataFrame) -> pd.DataFrame:
    """Return who of those who bought in both periods spent more, the same, and less.

    Returns
    -------
    DataFrame
        `direction` (``up``, ``same``, ``down``, ``total``), `customers`, `customers_share`,
        `revenue_earlier`, `revenue_later`, `revenue_change`.
    """
    stayed = both[bought_when(both) == "both"]
    change = (stayed["revenue_later"] - stayed["revenue_earlier"]).round(DIGITS)
    direction = pd.Series(np.sign(change)).map({1.0: "up", 0.0: "same", -1.0: "down"})
    return _change_table(stayed, direction, "direction", ["up", "same", "down"], whole=True)


def _change_table(
    both: pd.DataFrame, groups: pd.Series, name: str, keys: list[str], *, whole: bool = False
) -> pd.DataFrame:
    """Return customers and both revenues of each group, and of all."""
    keyed = both.assign(**{name: groups})
    measures = {f"revenue_{one}": (f"revenue_{one}", "sum") for one in (EARLIER, LATER)}
    sums = keyed.groupby(name).agg(customers=("customer_id", "size"), **measures)
    shown = [key for key in keys if whole or key != RETURNS_ONLY or key in sums.index]
    sums = sums.reindex(shown, fill_value=0)
    sums.loc[TOTAL] = [len(both), both["revenue_earlier"].sum(), both["revenue_later"].sum()]
    sums = sums.astype({"customers": "int64"}).round(DIGITS)
    sums.insert(1, "customers_share", ratio(sums["customers"], float(len(both))))
    change = (sums["revenue_later"] - sums["revenue_earlier"]).round(DIGITS)
    return sums.assign(revenue_change=change).rename_axis(name).reset_index()


def period_change(both: pd.DataFrame) -> pd.DataFrame:
    """Return the steps from the revenue of one period to that of the next, by customers.

    Parameters
    ----------
    both : DataFrame
        From `together`.

    Returns
    -------
    DataFrame
        `step`, `customers`, `revenue`: the level ``earlier``, the changes ``left``, ``gained``,
        ``up``, ``down`` (and ``returns_only`` where some only returned), the level ``later``.
        The first level and the changes add up to the last.

    Examples
    --------
    >>> one = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1, 1], "revenue": [10.0, 20.0]})
    >>> two = pd.DataFrame({"customer_id": ["b", "c"], "orders": [2, 1], "revenue": [50.0, 5.0]})
    >>> period_change(together(one, two))["revenue"].tolist()
    [30.0, -10.0, 5.0, 30.0, 0.0, 55.0]
    """
    groups, stayed = bought(both).set_index("bought"), staying(both).set_index("direction")
    parts = {"left": groups.loc["earlier_only"], "gained": groups.loc["later_only"]}
    parts |= {"up": stayed.loc["up"], "down": stayed.loc["down"]}
    if RETURNS_ONLY in groups.index:
        parts[RETURNS_ONLY] = groups.loc[RETURNS_ONLY]
    rows = [(key, part["customers"], part["revenue_change"]) for key, part in parts.items()]
    ends = [
        (name, (both[f"orders_{name}"] > 0).sum(), groups.loc[TOTAL, f"revenue_{name}"])
        for name in (EARLIER, LATER)
    ]
    table = pd.DataFrame([ends[0], *rows, ends[1]], columns=["step", "customers", "revenue"])
    return table.astype({"customers": "int64", "revenue": "float64"})


def factor_change(both: pd.DataFrame) -> pd.DataFrame:
    """Return the steps from one revenue to the next by customers, orders a customer and AOV.

    Parameters
    ----------
    both : DataFrame
        From `together`.

    Returns
    -------
    DataFrame
        `step`, `ratio` (later over earlier; their product is that of the revenue), `revenue`:
        the level ``earlier``, what each of the three factors changed, the level ``later``.

    Notes
    -----
    A factor's part is its mean effect over every order in which the three could have
    changed, so that none comes first and nothing is left over.

    Source
    ------
    Shapley (1953), A Value for n-Person Games; Sun (1998), Accounting for the dynamics of
    energy consumption: a complete decomposition model.

    Examples
    --------
    >>> one = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1, 1], "revenue": [10.0, 20.0]})
    >>> two = pd.DataFrame({"customer_id": ["a", "b"], "orders": [2, 2], "revenue": [20.0, 40.0]})
    >>> factor_change(together(one, two))["revenue"].tolist()
    [30.0, 0.0, 30.0, 0.0, 60.0]
    """
    ends = pd.DataFrame([_totals(_of_period(both, name)) for name in (EARLIER, LATER)])
    one, two = ends[list(FACTORS.values())].fillna(0).to_numpy(dtype="float64")
    change = ends["revenue"].iloc[1] - ends["revenue"].iloc[0]
    parts = shapley(one, two, change)
    revenue = [ends["revenue"].iloc[0], *parts, ends["revenue"].iloc[1]]
    levels = pd.concat([ends[list(FACTORS.values())], ends["revenue"]], axis=1)
    ratios = ratio(levels.iloc[1], levels.iloc[0])
    table = {"step": [EARLIER, *FACTORS, LATER], "ratio": [np.nan, *ratios], "revenue": revenue}
    return pd.DataFrame(table)


def factor_errors(both: pd.DataFrame) -> np.ndarray:
    """Return the standard errors of what each factor changed, other customers having been drawn.

    Parameters
    ----------
    both : DataFrame
        From `together`.

    Notes
    -----
    The delta method on the sums of customers, orders and revenue of the two periods, as if each
    customer were drawn a Poisson number of times.

    Examples
    --------
    >>> one = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1, 1], "revenue": [10.0, 20.0]})
    >>> factor_errors(together(one, one)).round(6).tolist()
    [0.0, 0.0, 0.0]
    """
    columns = [
        column
        for name in (EARLIER, LATER)
        for column in (both[f"orders_{name}"] > 0, both[f"orders_{name}"], both[f"revenue_{name}"])
    ]
    values = np.column_stack([column.to_numpy(dtype="float64") for column in columns])
    sums = values.sum(axis=0)
    if not (sums > 0).all():
        return np.full(3, np.nan)
    steps = np.diag(1e-4 * sums)
    slopes = np.array(
        [(_parts(sums + step) - _parts(sums - step)) / (2 * step.sum()) for step in steps]
    )
    spread = slopes.T @ (values.T @ values) @ slopes
    return np.sqrt(np.clip(np.diag(spread), 0, None))


def _parts(sums: np.ndarray) -> np.ndarray:
    """Return what each factor changes, from customers, orders and revenue of two periods."""
    one, two = (
        np.array([buyers, orders / buyers, revenue / orders])
        for buyers, orders, revenue in (sums[:3], sums[3:])
    )
    return shapley(one, two, sums[5] - sums[2])


def _of_period(both: pd.DataFrame, name: str) -> pd.DataFrame:
    return pd.DataFrame({"orders": both[f"orders_{name}"], "revenue": both[f"revenue_{name}"]})


def shapley(one: np.ndarray, two: np.ndarray, change: float) -> np.ndarray:
    """Return what each of three factors adds to the change of their product.

    Parameters
    ----------
    one, two : array
        The three factors before and after.
    change : float
        Of the product, which the parts are rounded to add up to.

    Examples
    --------
    >>> shapley(np.array([1.0, 1, 1]), np.array([2.0, 2, 1]), 3.0).tolist()
    [1.5, 1.5, 0.0]
    """
    parts = np.empty(3)
    for place in range(3):
        b, c = (place + 1) % 3, (place + 2) % 3
        alike = one[b] * one[c] + two[b] * two[c]
        mixed = one[b] * two[c] + two[b] * one[c]
        parts[place] = (two[place] - one[place]) * (2 * alike + mixed) / 6
    parts = parts.round(DIGITS)
    parts[np.argmax(np.abs(parts))] += change - parts.sum()
    return parts.round(DIGITS)


def spend_cuts(both: pd.DataFrame) -> np.ndarray:
    """Return the nine cuts of spend that part the buyers of both periods, taken together."""
    spent = [both.loc[both[f"orders_{name}"] > 0, f"revenue_{name}"] for name in (EARLIER, LATER)]
    pooled = pd.concat(spent).to_numpy(dtype="float64")
    shares = np.arange(1, DECILES) / DECILES
    return np.quantile(pooled, shares) if len(pooled) else np.zeros(0)


def decile_cuts(both: pd.DataFrame) -> pd.DataFrame:
    """Return the cuts of spend that deciles of both periods share.

    Returns
    -------
    DataFrame
        `spend_decile` (``1``, of who spent most, to ``10``), spend above `spend_from` and up to `spend_to`
        (NaN where open).
    """
    cuts = spend_cuts(both)[::-1]
    names = [str(place) for place in range(1, DECILES + 1)] if len(cuts) else []
    low, high = ([*cuts, np.nan], [np.nan, *cuts]) if names else ([], [])
    return pd.DataFrame({"spend_decile": names, "spend_from": low, "spend_to": high}).astype(
        {"spend_decile": "str", "spend_from": "float64", "spend_to": "float64"}
    )


def decile_switching(both: pd.DataFrame) -> pd.DataFrame:
    """Return who went from which decile of spend to which, with the same cuts in both periods.

    Parameters
    ----------
    both : DataFrame
        From `together`. Equal spend stands in one decile, so that deciles may differ in size.

    Returns
    -------
    DataFrame
        `decile_earlier`, `decile_later` (``1``, of who spent most, to ``10``, and
        ``did_not_buy``), `customers`, `customers_share` (of those of `decile_earlier`),
        `revenue_earlier`, `revenue_later`; one row a pair, but for those who bought in neither.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 4.
    """
    cuts = spend_cuts(both)
    names = [*(str(place) for place in range(1, DECILES + 1)), NOT_BOUGHT] if len(cuts) else []
    keyed = both.assign(
        **{f"decile_{name}": _decile(both, name, cuts) for name in (EARLIER, LATER)}
    )
    keys = ["decile_earlier", "decile_later"]
    sums = keyed.groupby(keys).agg(
        customers=("customer_id", "size"),
        revenue_earlier=("revenue_earlier", "sum"),
        revenue_later=("revenue_later", "sum"),
    )
    places = pd.MultiIndex.from_product([names, names], names=keys)
    pairs = [pair for pair in places if pair != (NOT_BOUGHT, NOT_BOUGHT)]
    table = sums.reindex(pd.MultiIndex.from_tuples(pairs, names=keys), fill_value=0).reset_index()
    share = ratio(table["customers"], table.groupby("decile_earlier")["customers"].transform("sum"))
    table.insert(3, "customers_share", share)
    types = dict.fromkeys(keys, "str") | {"customers": "int64"}
    return table.astype(types).round({"revenue_earlier": DIGITS, "revenue_later": DIGITS})


def _decile(both: pd.DataFrame, name: str, cuts: np.ndarray) -> pd.Series:
    place = DECILES - np.searchsorted(cuts, both[f"revenue_{name}"].to_numpy(), side="left")
    names = pd.Series(place, index=both.index).astype("str")
    return names.where(both[f"orders_{name}"] > 0, NOT_BOUGHT)
