"""What the rules find, and what it is worth (definitions, section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.insights.base import Base
from segkit.analysis.insights.rules import (
    BRAND_SHOWN,
    CHANGE,
    CONCENTRATION,
    DRIVERS,
    FIGURES,
    NAMES,
    Rule,
)

SAME = 0.5
"""Two groups that share more than this part of the smaller one are the same customers."""
MOST = 5
"""Findings that are told."""
NORMAL = 1.96


def findings(
    rules: Mapping[str, Rule],
    base: Base,
    *,
    segmentation: str,
    min_cell: int = 5,
    needed: Mapping[str, Iterable[str]] | None = None,
) -> pd.DataFrame:
    """Return what the rules find, the finding worth most first.

    Parameters
    ----------
    rules : mapping
        Rule by key, as `load_rules` gives.
    base : Base
        What they look at.
    segmentation : str
        The segmentation that the segments are of.
    min_cell : int
        No finding is about fewer customers.
    needed : mapping, optional
        By rule, figures without which nothing is told.

    Returns
    -------
    DataFrame
        One row a finding: `rule`, `segmentation`, `segment`, `channel`, `dimension` and `value`
        (missing where it is of none), `FIGURES`: those of the group, of the brand (`brand_aov`, …), `order_value`
        (the period's average order, else that of all time), the money `at_stake` (`_low` and
        `_high` where an interval is known), the `attainable` share of it, and their product,
        `expected_value`. Nothing is told of which a figure is missing, or nothing is at stake.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> from segkit.analysis.insights import load_rules
    >>> from segkit.analysis.kpis import segment_kpis
    >>> customers = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "orders": [4, 1, 1, 1],
    ...     "gross": [90.0, 2.0, 4.0, 4.0], "revenue": [90.0, 2.0, 4.0, 4.0],
    ...     "aov": [22.5, 2.0, 4.0, 4.0], "recency_days": [5, 90, 9, 9], "p_order": 0.6,
    ...     "segment": ["loyal", "rest", "rest", "rest"]})
    >>> period = customers[["customer_id", "orders", "gross", "revenue"]].assign(
    ...     units=1.0, returned_units=0.0)
    >>> kpis = segment_kpis(customers["segment"], customers, period, resamples=0)
    >>> rules = {"valuable": load_rules()["valuable"]}
    >>> base = Base(kpis, customers, period, resamples=0)
    >>> found = findings(rules, base, segmentation="families", min_cell=1)
    >>> found[["rule", "segment", "at_stake", "expected_value"]]
           rule segment  at_stake  expected_value
    0  valuable   loyal      90.0             4.5
    """
    tables = [
        _valued(base.candidates(rule), rule, base).assign(rule=key, place=place)
        for place, (key, rule) in enumerate(rules.items())
    ]
    found = pd.concat([_empty(), *[table for table in tables if len(table)]], ignore_index=True)
    told = [_is_known(row, (needed or {}).get(row["rule"], ())) for _, row in found.iterrows()]
    found = found[(found["customers"] >= min_cell) & np.array(told, dtype=bool)]
    order = {"expected_value": False, "place": True, "segment": True, "channel": True}
    found = found.sort_values(list(order), ascending=list(order.values()))
    found = _without_contradictions(found, rules, base)
    return _typed(found.assign(segmentation=segmentation))


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=[*NAMES, *FIGURES, "place"], dtype="object")


def _typed(found: pd.DataFrame) -> pd.DataFrame:
    counts = ("customers", "buyers", "orders", "orders_all_time")
    kinds = dict.fromkeys(NAMES, "str") | dict.fromkeys(FIGURES, "float64")
    kinds |= dict.fromkeys(counts, "int64")
    return found[list(kinds)].astype(kinds).reset_index(drop=True)


def _is_known(row: pd.Series, needed: Iterable[str]) -> bool:
    return row["at_stake"] > 0 and bool(row[list(needed)].notna().all())


def _valued(rows: pd.DataFrame, rule: Rule, base: Base) -> pd.DataFrame:
    """Add the brand's figures, and what is at stake."""
    brand = base.brand
    of_brand = {f"brand_{name}": brand[name] for name in BRAND_SHOWN}
    of_brand |= {name: brand[name] for name in (*CONCENTRATION, *CHANGE, "discounted_share")}
    all_time = rows["revenue_all_time"] / rows["orders_all_time"]
    rows = rows.assign(**of_brand, order_value=rows["aov"].fillna(all_time))
    stakes = [_STAKES[rule.at_stake](row, rule, base) for _, row in rows.iterrows()]
    names = ["at_stake", "at_stake_low", "at_stake_high"]
    money = pd.DataFrame(stakes, columns=names, index=rows.index, dtype="float64").clip(lower=0)
    rows = rows.drop(columns=names, errors="ignore").join(money)
    return rows.assign(attainable=rule.share, expected_value=rows["at_stake"] * rule.share)


Stakes = tuple[float, float, float]
"""Money in play, and the ends of its 95 % interval."""


def _revenue(row: pd.Series, rule: Rule, base: Base) -> Stakes:
    low, high = (row[f"revenue_share_{end}"] * base.brand["revenue"] for end in ("low", "high"))
    return row["revenue"], low, high


def _aov_gap(row: pd.Series, rule: Rule, base: Base) -> Stakes:
    half = NORMAL * _order_error(row, rule, base) * row["orders"]
    gap = (base.brand["aov"] - row["aov"]) * row["orders"]
    return gap, gap - half, gap + half


def _one_more_order(row: pd.Series, rule: Rule, base: Base) -> Stakes:
    half = NORMAL * _order_error(row, rule, base) * row["customers"]
    money = row["customers"] * row["order_value"]
    return money, money - half, money + half


def _difference(row: pd.Series, rule: Rule, base: Base) -> Stakes:
    return row["at_stake"], row["at_stake_low"], row["at_stake_high"]


def _change(row: pd.Series, rule: Rule, base: Base) -> Stakes:
    """Return what the factor that changed revenue most, in the direction of the whole, changed."""
    sign = np.sign(row["change"])
    amount = float((row[list(DRIVERS)].astype("float64") * sign).max())
    low, high = sorted(sign * row[name] for name in ("driver_low", "driver_high"))
    return amount, low, high


def _discounted(row: pd.Series, rule: Rule, base: Base) -> Stakes:
    share, error = base.discounted
    shares = (share, share - NORMAL * error, share + NORMAL * error)
    money, low, high = (each * base.brand["revenue"] for each in shares)
    return money, low, high


_STAKES: dict[str, Callable[[pd.Series, Rule, Base], Stakes]] = {
    "revenue": _revenue,
    "aov_gap": _aov_gap,
    "one_more_order": _one_more_order,
    "difference": _difference,
    "change": _change,
    "discounted": _discounted,
}


def _order_error(row: pd.Series, rule: Rule, base: Base) -> float:
    """Return the standard error of a group's average order, over customers."""
    within = base.purchases[base.members(rule, _named(row))]
    when = "" if row["orders"] > 0 else "_all_time"
    orders, revenue = within[f"orders{when}"], within[f"revenue{when}"]
    bought = orders > 0
    count, whole = int(bought.sum()), float(orders.sum())
    if count < 2:
        return np.nan
    rest = revenue[bought] - revenue.sum() / whole * orders[bought]
    return float(np.sqrt((rest**2).sum() * count / (count - 1)) / whole)


def _named(row: pd.Series) -> dict[str, Any]:
    return {name: row.get(name) for name in NAMES}


def settled(
    found: pd.DataFrame,
    members: Callable[[pd.Series], pd.Series],
    is_of_all: Callable[[pd.Series], bool],
    most: int = MOST,
) -> pd.DataFrame:
    """Return the best findings that are different things to do.

    Parameters
    ----------
    found : DataFrame
        Of `findings`, of one segmentation or several, in the order of preference.
    members : function of a row
        Who a finding is about.
    is_of_all : function of a row
        Whether it is about the base as a whole, which is in nobody's way.
    most : int
        How many are told.

    Returns
    -------
    DataFrame
        The finding worth most first; of those over half of whose customers are in a preferred
        one nothing is left.

    Source
    ------
    Definitions, section 10.
    """
    kept: list[Any] = []
    groups: list[pd.Series] = []
    for index, row in found.iterrows():
        if len(kept) == most:
            break
        if is_of_all(row):
            kept.append(index)
        elif not any(is_same(members(row), others) for others in groups):
            kept.append(index)
            groups.append(members(row))
    told = found.loc[kept].sort_values("expected_value", ascending=False, kind="stable")
    return told.reset_index(drop=True)


def _without_contradictions(
    found: pd.DataFrame, rules: Mapping[str, Rule], base: Base
) -> pd.DataFrame:
    """Keep, of two findings that advise the same customers differently, the one worth more."""
    kept: dict[Any, tuple[str, pd.Series]] = {}
    for index, row in found.iterrows():
        rule = rules[row["rule"]]
        chosen = base.members(rule, row)
        if not any(
            _are_against(row["rule"], other, rules) and is_same(chosen, theirs)
            for other, theirs in kept.values()
        ):
            kept[index] = (row["rule"], chosen)
    return found.loc[list(kept)]


def _are_against(one: str, other: str, rules: Mapping[str, Rule]) -> bool:
    return other in rules[one].against or one in rules[other].against


def is_same(one: pd.Series, other: pd.Series) -> bool:
    """Return whether two groups of customers are the same people, or most of the smaller one.

    Examples
    --------
    >>> is_same(pd.Series([True, True, False]), pd.Series([False, True, True]))
    False
    """
    smaller = min(one.sum(), other.sum())
    return bool((one & other).sum() > SAME * smaller)
