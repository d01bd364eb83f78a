"""What is odd about a log that is read well: ids that are no person, an end long after the last sales."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

IMPROBABLE_SHARE = 0.05
TIMES_THE_NEXT = 10
BUSY_ORDERS = 5
BUSY_DAYS = 30
"""More orders a purchase day than that, on so many days, are a till's rather than a person's."""

DENSE = 0.1
"""Of the median month's orders: a month with fewer holds strays rather than sales."""

QUIET_DAYS = 45


def improbable_ids(customers: pd.DataFrame) -> pd.DataFrame:
    """Return customers who are too much for one person; none is removed.

    Parameters
    ----------
    customers : DataFrame
        `customer_id`, `orders`, `x` (purchase days after the first).

    Returns
    -------
    DataFrame
        `customer_id`, `orders`, `share` (of all orders, 0 to 1).

    Source
    ------
    Definitions, section 2, "Who is a customer".

    Examples
    --------
    >>> base = pd.DataFrame({"customer_id": ["a", "b", "till"], "orders": [2, 1, 40], "x": [1, 0, 9]})
    >>> improbable_ids(base)["customer_id"].tolist()
    ['till']
    """
    buyers = customers[customers["orders"] > 0]
    found = buyers[["customer_id", "orders"]].assign(
        share=buyers["orders"] / buyers["orders"].sum()
    )
    largest = found["orders"].nlargest(2).tolist()
    alone = len(largest) == 2 and largest[0] >= TIMES_THE_NEXT * largest[1]
    is_large = (found["share"] > IMPROBABLE_SHARE) & (found["orders"] == max(largest, default=0))
    days = buyers["x"].astype("float64") + 1
    busy = (buyers["orders"] > BUSY_ORDERS * days) & (days >= BUSY_DAYS)
    odd = found[(is_large & alone) | busy]
    return odd.sort_values("orders", ascending=False, ignore_index=True)


def quiet_end(monthly: pd.DataFrame, as_of: date) -> dict[str, Any] | None:
    """Return the last month with sales to speak of, where the cut-off date lies long after it.

    Parameters
    ----------
    monthly : DataFrame
        `month` (its first day), `orders`.
    as_of : date
        The first day that is not observed.

    Returns
    -------
    dict, or None
        `month`, and `days` from its end to `as_of`; None where the log is full to its end.
    """
    sold = monthly[monthly["orders"] > 0]
    if sold.empty:
        return None
    dense = sold[sold["orders"] >= DENSE * sold["orders"].median()]
    last = pd.Timestamp(dense["month"].max())
    end = last + pd.offsets.MonthBegin(1)
    days = (pd.Timestamp(as_of) - end).days
    return {"month": last.date(), "days": days} if days > QUIET_DAYS else None
