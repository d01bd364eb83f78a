"""What the audit's tables say: keys of sentences, and their fields."""

from __future__ import annotations

from datetime import date
from typing import Protocol

import pandas as pd

from segkit.analysis import audit as tables
from segkit.analysis.kpis import TOTAL
from segkit.words.said import Said

COMPARABLE = 30
"""Customers below which a cohort's share is not set beside others."""


class Audit(Protocol):
    """The tables that are told of; what their columns hold, `segkit.analysis.audit` says."""

    @property
    def observed_from(self) -> date: ...
    @property
    def last_day(self) -> date: ...
    @property
    def earlier_start(self) -> date: ...
    @property
    def has_earlier(self) -> bool: ...
    @property
    def unit(self) -> str: ...
    @property
    def cohort(self) -> pd.Timestamp | None: ...
    @property
    def cohort_name(self) -> str | None: ...
    @property
    def orders(self) -> pd.Series[float]: ...
    @property
    def product(self) -> pd.DataFrame: ...
    @property
    def spread(self) -> pd.DataFrame: ...
    @property
    def deciles(self) -> pd.DataFrame: ...
    @property
    def value_deciles(self) -> pd.DataFrame: ...
    @property
    def staying(self) -> pd.DataFrame: ...
    @property
    def period_change(self) -> pd.DataFrame: ...
    @property
    def factor_change(self) -> pd.DataFrame: ...
    @property
    def decile_switching(self) -> pd.DataFrame: ...
    @property
    def cohort_factors(self) -> pd.DataFrame: ...
    @property
    def cohort_orders(self) -> pd.DataFrame: ...
    @property
    def cohort_summary(self) -> pd.DataFrame: ...
    @property
    def second_orders(self) -> pd.DataFrame: ...
    @property
    def growth(self) -> pd.DataFrame: ...
    @property
    def units(self) -> pd.DataFrame: ...
    @property
    def projection(self) -> pd.DataFrame: ...


def of_period(audit: Audit) -> Said:
    """Return what one period says."""
    totals = audit.product.iloc[-1]
    if not totals["customers"]:
        return [("audit_nobody", {})]
    return [("audit_product", dict(totals))]


def of_periods(audit: Audit) -> Said:
    """Return what two periods say, or why they are not compared."""
    if not audit.has_earlier:
        first = {"start": audit.earlier_start, "first": audit.observed_from}
        return [("audit_no_earlier", first)]
    return [*_change(audit), *_stayed(audit)]


def _change(audit: Audit) -> Said:
    steps = audit.period_change.set_index("step")
    customers, revenue = steps["customers"], steps["revenue"]
    before, after = revenue[tables.EARLIER], revenue[tables.LATER]
    if not before > 0:
        return []
    stayed = audit.staying.set_index("direction")["revenue_change"]
    fields = {"before": before, "after": after, "change": abs(after / before - 1)}
    fields |= {name: int(customers[name]) for name in ("left", "gained", "up", "down")}
    fields |= {f"{name}_revenue": revenue[name] for name in ("left", "gained")}
    fields |= {"stayed_revenue": stayed[TOTAL]}
    parts = audit.factor_change.set_index("step")["revenue"]
    factors = {key.removeprefix("factor_"): parts[key] for key in tables.FACTORS}
    key = "audit_rose" if after >= before else "audit_fell"
    return [(key, fields), ("audit_factors", factors)]


def _stayed(audit: Audit) -> Said:
    moves = audit.decile_switching
    known = moves[moves["decile_earlier"] != tables.NOT_BOUGHT]
    everyone, best = known["customers"].sum(), known[known["decile_earlier"] == "1"]
    if not everyone or not best["customers"].sum():
        return []
    again = known["decile_later"] != tables.NOT_BOUGHT
    share = known.loc[again, "customers"].sum() / everyone
    of_best = best.loc[again, "customers"].sum() / best["customers"].sum()
    return [("audit_stayed", {"customers": everyone, "share": share, "best": of_best})]


def of_cohort(audit: Audit) -> Said:
    """Return what one cohort says, or why there is none."""
    if audit.cohort is None:
        span = {"first": audit.observed_from, "last": audit.last_day}
        return [("audit_no_cohort", span)]
    size = int(audit.cohort_factors["size"].iloc[0])
    second = audit.cohort_orders[audit.cohort_orders["nth"] == 2]
    fields = {"cohort": audit.cohort_name, "size": size}
    if second.empty or not second["reached"].iloc[0]:
        return [("audit_cohort_once", fields)]
    share, days = second["reached_share"].iloc[0], second["median_days"].iloc[0]
    return [("audit_cohort", fields | {"share": share, "days": days})]


def of_cohorts(audit: Audit) -> Said:
    """Return what cohorts say beside each other, and which may hold old customers."""
    return [*_truncated(audit), *_second(audit)]


def _truncated(audit: Audit) -> Said:
    held = audit.cohort_summary[audit.cohort_summary["is_truncated"]]
    if held.empty:
        return []
    names = ", ".join(held["cohort_name"])
    fields = {"first": audit.observed_from, "customers": int(held["size"].sum()), "units": names}
    return [("audit_truncated", fields)]


def _second(audit: Audit) -> Said:
    """Compare cohorts where half of those that are large enough have been observed for so long."""
    curves = audit.second_orders
    curves = curves[~curves["is_truncated"] & (curves["size"] >= COMPARABLE) & (curves["days"] > 0)]
    counts = curves.groupby("days").size()
    enough = counts[(counts >= 2) & (counts >= curves["cohort"].nunique() / 2)]
    if enough.empty:
        return []
    days = int(enough.index.max())
    there = curves[curves["days"] == days].sort_values(["came_back_share", "cohort"])
    ends = {"low": there.iloc[0], "high": there.iloc[-1]}
    fields = {name: row["came_back_share"] for name, row in ends.items()}
    names = {"worst": ends["low"]["cohort_name"], "best": ends["high"]["cohort_name"]}
    return [("audit_second", {"days": days, **fields, **names})]


def of_base(audit: Audit) -> Said:
    """Return what the whole base says, and what it should bring next."""
    return [*_acquisition(audit), *_projection(audit)]


def _acquisition(audit: Audit) -> Said:
    whole = audit.growth[audit.growth["complete"] & ~audit.growth["is_truncated"]]
    if whole.empty or pd.isna(whole["repeat_revenue_share"].iloc[-1]):
        return []
    last = whole.iloc[-1]
    fields = {"unit": last["unit_name"], "new_customers": int(last["new_customers"])}
    fields |= {"at": f"at_{audit.unit}", "share": last["repeat_revenue_share"]}
    return [("audit_acquisition", fields)]


def _projection(audit: Audit) -> Said:
    fields = next_unit(audit.projection)
    if not fields:
        return [("audit_projection_none", {})]
    words = {"at": f"at_{audit.unit}", "per": f"per_{audit.unit}"}
    return [("audit_projection", fields | words)]


def next_unit(projection: pd.DataFrame) -> dict[str, object]:
    """Return what the first unit still to begin should bring, as fields; none where there is none."""
    future = projection[projection["is_future"].astype(bool)]
    future = future[future["revenue"].isna()]
    if future.empty:
        return {}
    first = future.iloc[0]
    fields = {name: first[name] for name in ("expected", "low", "high", "tests")}
    fields |= {"unit": first["unit_name"]}
    share = first["expected_new"] / first["expected"] if first["expected"] > 0 else 0.0
    return fields | {"new_share": share}


def about(audit: Audit, name: str) -> dict[str, object]:
    """Return what the title and caption of a picture or table name, as fields."""
    measured = {"period_spend": "revenue", "period_orders": "orders", "period_aov": "aov"}
    if name in measured:
        return _middle(audit, measured[name])
    if name in {"deciles", "value_deciles"}:
        groups = audit.deciles if name == "deciles" else audit.value_deciles
        return _ends(groups.set_index("spend_decile"))
    if name in {"period_change", "factor_change"}:
        revenue = audit.period_change["revenue"]
        return {"before": revenue.iloc[0], "after": revenue.iloc[-1]} if len(revenue) else {}
    if name in {"cohort_factors", "cohort_orders"} and audit.cohort is not None:
        return {"cohort": audit.cohort_name, "size": audit.cohort_factors["size"].iloc[0]}
    return next_unit(audit.projection) if name == "projection" else {}


def _middle(audit: Audit, measure: str) -> dict[str, object]:
    row = audit.spread.set_index("measure").loc[measure]
    orders = audit.orders
    once = (orders == 1).sum() / max((orders > 0).sum(), 1)
    return {"mean": row["average"], "median": row["median"], "once": once}


def _ends(groups: pd.DataFrame) -> dict[str, object]:
    """Return what the first and the last of ten groups bring, and how many are in each."""
    first, last = (dict(groups.loc[key]) if key in groups.index else {} for key in ("1", "10"))
    shares = {"top": first.get("revenue_share"), "bottom": last.get("revenue_share")}
    return shares | {"few": first.get("customers"), "many": last.get("customers")}
