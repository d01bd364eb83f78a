"""What the title of a picture says: its finding, as fields of a text, or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.kpis import TOTAL
from segkit.analysis.migration import NO_SEGMENTS


def largest(kpis: pd.DataFrame) -> dict[str, Any]:
    """Return the largest segment among those that brought revenue in the period, and its shares.

    Parameters
    ----------
    kpis : DataFrame
        `segment`, `customers_share`, `revenue_share` (0..1); a row `total` is left out.

    Returns
    -------
    dict
        `segment`, `customers_share`, `revenue_share`; empty where nobody brought any.

    Examples
    --------
    >>> largest(pd.DataFrame({"segment": ["new", "loyal", "total"],
    ...     "customers_share": [0.8, 0.2, 1.0], "revenue_share": [0.4, 0.6, 1.0]}))
    {'segment': 'new', 'customers_share': 0.8, 'revenue_share': 0.4}
    """
    rows = kpis[(kpis["segment"] != TOTAL) & (kpis["revenue_share"] > 0)]
    if rows.empty:
        return {}
    best = rows.iloc[int(rows["customers_share"].to_numpy(dtype=float).argmax())]
    shares = {name: float(best[name]) for name in ("customers_share", "revenue_share")}
    return {"segment": str(best["segment"]), **shares}


def moved(flows: pd.DataFrame) -> dict[str, Any]:
    """Return how many customers of both dates changed segment, and how many there are.

    Parameters
    ----------
    flows : DataFrame
        `segment_before`, `segment_after`, `customers`, as `segkit.study.migration` makes it.

    Returns
    -------
    dict
        `moved`, `customers` (counts); empty where nobody was there at both dates.

    Examples
    --------
    >>> moved(pd.DataFrame({"segment_before": ["new", "new", "newcomer"],
    ...     "segment_after": ["new", "loyal", "new"], "customers": [6, 4, 9]}))
    {'moved': 4, 'customers': 10}
    """
    ends = flows[["segment_before", "segment_after"]].astype(str)
    both = ~ends.isin(NO_SEGMENTS).any(axis=1)
    changed = ends["segment_before"] != ends["segment_after"]
    customers = int(flows["customers"][both].sum())
    if not customers:
        return {}
    return {"moved": int(flows["customers"][both & changed].sum()), "customers": customers}


def best_tested(outcomes: pd.DataFrame) -> dict[str, Any]:
    """Return whose customers went on to spend most, and how many times what a customer spent.

    Parameters
    ----------
    outcomes : DataFrame
        `segment`, `revenue_per_customer`, `times_the_base`, as `segkit.analysis.evidence` makes it.

    Returns
    -------
    dict
        `segment`, `revenue`, `times`; empty where nobody spent any.

    Examples
    --------
    >>> best_tested(pd.DataFrame({"segment": ["new", "loyal"],
    ...     "revenue_per_customer": [5.0, 40.0], "times_the_base": [0.25, 2.0]}))
    {'segment': 'loyal', 'revenue': 40.0, 'times': 2.0}
    """
    rows = outcomes[(outcomes["segment"] != TOTAL) & (outcomes["revenue_per_customer"] > 0)]
    if rows.empty:
        return {}
    best = rows.iloc[int(rows["revenue_per_customer"].to_numpy(dtype=float).argmax())]
    if not np.isfinite(best["times_the_base"]):
        return {}
    revenue, times = float(best["revenue_per_customer"]), float(best["times_the_base"])
    return {"segment": str(best["segment"]), "revenue": revenue, "times": times}
