"""Figures of a segment that its advice is checked against (definitions, section 10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.kpis import TOTAL


@dataclass(frozen=True)
class Fact:
    """A figure that conditions may name.

    Parameters
    ----------
    meaning : str
        What it is, with its unit.
    lowest, highest : float
        Between which values it lies.
    always_known : bool
        Whether every segment has it.
    """

    meaning: str
    lowest: float = 0.0
    highest: float = inf
    always_known: bool = False


def _share(meaning: str, always_known: bool = False) -> Fact:
    return Fact(f"{meaning}, 0 to 1", 0.0, 1.0, always_known)


def _ratio(what: str) -> Fact:
    return Fact(f"{what} over that of all customers (1: the same)")


def _money(meaning: str) -> Fact:
    return Fact(f"{meaning}, money", -inf)


FACTS = {
    "customers": Fact("customers", 1, always_known=True),
    "customers_share": _share("share of all customers", True),
    "never_bought_share": _share(
        "share of its customers who never bought, not even returned", True
    ),
    "recency_days": Fact("mean days since the last order"),
    "recency_ratio": _ratio("mean days since the last order"),
    "median_recency_days": Fact("median days since the last order"),
    "first_order_days": Fact("median days since the first order"),
    "late_share": _share(
        "share of buyers past their usual gap, or the base's where they have none"
    ),
    "churned_share": _share("share of buyers past the churn gap (lifecycle)"),
    "p_order": _share("mean probability of a buyer's ordering again within the horizon"),
    "came_back_share": _share("share of buyers who came back after longer than the churn gap"),
    "one_order_share": _share("share of buyers with a single order"),
    "orders_per_customer": Fact("mean orders of a buyer", 1),
    "orders_ratio": _ratio("mean orders of a buyer"),
    "aov": _money("average order of the period"),
    "aov_mean": _money("mean of the customers' own average orders"),
    "aov_ratio": _ratio("mean of the customers' own average orders"),
    "upt": Fact("units an order, in the period"),
    "upt_ratio": _ratio("units an order, in the period"),
    "ltv": _money("mean spent so far by a customer"),
    "ltv_ratio": _ratio("mean spent so far by a customer"),
    "clv": _money("mean expected value of a customer"),
    "clv_ratio": _ratio("mean expected value of a customer"),
    "revenue_share": _share("share of the period's revenue"),
    "discount_share": _share("share of what was bought, by value, that was discounted"),
    "return_rate": _share("units returned over units bought, in the period"),
    "returners_share": _share("share of buyers who sent something back"),
}
"""Every figure by its name, in the order of the documentation."""

_OF_KPIS = (
    *("customers", "customers_share", "recency_days", "one_order_share", "revenue_share"),
    *("orders_per_customer", "aov", "aov_mean", "upt", "ltv", "clv", "return_rate"),
)
_RATIOS = {
    "recency_ratio": "recency_days",
    "orders_ratio": "orders_per_customer",
    "aov_ratio": "aov_mean",
    "upt_ratio": "upt",
    "ltv_ratio": "ltv",
    "clv_ratio": "clv",
}


def segment_facts(
    kpis: pd.DataFrame,
    labels: pd.Series,
    customers: pd.DataFrame,
    gaps: Mapping[str, float | None],
) -> pd.DataFrame:
    """Return the figures of each segment that conditions of advice may name.

    Parameters
    ----------
    kpis : DataFrame
        As `segment_kpis` makes it, the total last.
    labels : Series
        Segment key of each customer, indexed as `customers`; who has none is left out.
    customers : DataFrame
        The customer table: `orders`, `gross` (money), `recency_days`, and, where it has them,
        `returns`, `tenure_days`, `median_gap_days`, `last_gap_days`, `discount_share`, `p_order`.
    gaps : mapping
        `usual_days` and `churn_days`, None where they are not known: then nobody counts as
        churned, as in the lifecycle.

    Returns
    -------
    DataFrame
        One row a segment, indexed by its key; a column for each of `FACTS`, NaN where it is
        not known.

    Source
    ------
    Definitions, sections 3, 7 and 10.

    Examples
    --------
    >>> from segkit.analysis.kpis import segment_kpis
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "orders": [2, 1],
    ...     "gross": [30.0, 10.0], "revenue": [30.0, 10.0], "aov": [15.0, 10.0],
    ...     "recency_days": [5, 900], "discount_share": [0.5, 0.0]})
    >>> period = customers[["customer_id", "orders", "gross", "revenue"]].assign(
    ...     units=1.0, returned_units=0.0)
    >>> labels = pd.Series(["loyal", "lost"])
    >>> kpis = segment_kpis(labels, customers, period, resamples=0)
    >>> facts = segment_facts(kpis, labels, customers, {"usual_days": 30, "churn_days": 300})
    >>> facts.loc["lost", ["recency_days", "late_share", "churned_share"]].tolist()
    [900.0, 1.0, 1.0]
    >>> facts["discount_share"].to_dict()
    {'loyal': 0.5, 'lost': 0.0}
    """
    table = kpis.set_index("segment")
    segments = table.drop(index=TOTAL)
    facts = segments[list(_OF_KPIS)].astype("float64")
    for name, figure in _RATIOS.items():
        whole = table[figure].astype("float64")[TOTAL]
        facts[name] = segments[figure] / (whole if whole > 0 else np.nan)
    return facts.join(_of_customers(labels, customers, gaps)).reindex(columns=list(FACTS))


def facts_of(table: pd.DataFrame, segment: str) -> dict[str, float]:
    """Return the figures of one segment by name.

    Parameters
    ----------
    table : DataFrame
        As `segment_facts` returns.
    segment : str
        Its key.

    Examples
    --------
    >>> facts_of(pd.DataFrame({"churned_share": [0.2]}, index=["loyal"]), "loyal")
    {'churned_share': 0.2}
    """
    row: dict[Any, float] = table.loc[segment].astype("float64").to_dict()
    return {str(name): value for name, value in row.items()}


def _of_customers(
    labels: pd.Series, customers: pd.DataFrame, gaps: Mapping[str, float | None]
) -> pd.DataFrame:
    """Return the figures that are not among the key figures."""
    columns = (
        *("orders", "gross", "returns", "recency_days", "tenure_days", "discount_share"),
        *("median_gap_days", "last_gap_days", "p_order"),
    )
    empty = pd.Series(np.nan, index=customers.index)
    known = pd.DataFrame(
        {name: customers.get(name, empty).astype("float64") for name in columns},
        index=customers.index,
    )
    never = (known["orders"].fillna(0) == 0) & (known["returns"].fillna(0) == 0)
    everyone = pd.DataFrame({"never_bought_share": never.astype("float64")})
    bought = known[known["orders"] > 0]
    usual, churn = (_days(gaps.get(name)) for name in ("usual_days", "churn_days"))
    own = bought["median_gap_days"].fillna(usual).clip(lower=1)
    of_buyers = pd.DataFrame(
        {
            "late_share": (bought["recency_days"] > own).astype("float64").where(own.notna()),
            "churned_share": (bought["recency_days"] > churn).astype("float64"),
            "p_order": bought["p_order"],
            "came_back_share": (
                (bought["last_gap_days"] > churn) & ~(bought["recency_days"] > churn)
            ).astype("float64"),
            "returners_share": (bought["returns"] > 0)
            .astype("float64")
            .where(bought["returns"].notna()),
        }
    )
    medians = bought[["recency_days", "tenure_days"]].groupby(labels).median()
    medians.columns = ["median_recency_days", "first_order_days"]
    weight = bought["gross"].where(bought["discount_share"].notna() & (bought["gross"] > 0))
    discounted = (bought["discount_share"] * weight).groupby(labels).sum(min_count=1)
    return pd.concat(
        [
            everyone.groupby(labels).mean(),
            of_buyers.groupby(labels).mean(),
            medians,
            (discounted / weight.groupby(labels).sum(min_count=1)).rename("discount_share"),
        ],
        axis=1,
    )


def _days(value: float | None) -> float:
    return np.nan if value is None else float(value)
