"""pandas, as one who knows it well would write it: ids become integers first."""

from __future__ import annotations

from argparse import Namespace

import pandas as pd
from measure import measure


def main(given: Namespace) -> None:
    """Write the customer table of the log."""
    log = pd.read_parquet(given.log)
    as_of = pd.Timestamp(given.as_of)
    log = log[log["date"] < as_of]
    orders, names = orders_of(log)
    del log
    days = days_of(orders)
    customers = table_of(days, as_of)
    customers.insert(0, "customer_id", names[customers.index])
    customers.to_parquet(given.out, index=False)


def orders_of(log: pd.DataFrame) -> tuple[pd.DataFrame, pd.Index]:
    """Return one row an order, and the customers' ids in the order of their numbers."""
    customer, names = pd.factorize(log["customer_id"], sort=True)
    sold = log["quantity"] > 0
    numbers = pd.DataFrame(
        {
            "customer": customer,
            "order": pd.factorize(log["order_id"])[0],
            "ordered_at": log["date"].where(sold),
            "revenue": log["amount"],
            "gross": log["amount"].where(sold, 0.0),
            "net_units": log["quantity"],
            "units": log["quantity"].where(sold, 0),
            "lines": sold,
        }
    )
    sums = dict.fromkeys(["revenue", "gross", "net_units", "units", "lines"], "sum")
    orders = numbers.groupby(["customer", "order"], sort=False).agg({"ordered_at": "min", **sums})
    return orders.reset_index("customer"), names


def days_of(orders: pd.DataFrame) -> pd.DataFrame:
    """Return one row a customer and purchase day, in order; what was returned has no day."""
    orders = orders.sort_values("ordered_at", kind="stable")
    stands = orders["revenue"] > 0
    orders["day"] = orders["ordered_at"].dt.normalize().where(stands)
    orders["orders"] = stands
    orders["first_amount"], orders["first_units"] = orders["revenue"], orders["units"]
    sums = ["orders", "revenue", "gross", "net_units", "units", "lines"]
    how = dict.fromkeys(sums, "sum") | {"first_amount": "first", "first_units": "first"}
    days = orders.groupby(["customer", "day"], dropna=False).agg(how).reset_index()
    same = days["customer"].eq(days["customer"].shift())
    days["gap"] = days["day"].diff().where(same).dt.days
    days["later"] = days["revenue"].where(same & days["day"].notna(), 0.0)
    return days


def table_of(days: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return one row a customer, numbered as in `orders_of`."""
    grouped = days.groupby("customer")
    first, last = grouped["day"].min(), grouped["day"].max()
    sums = grouped[["orders", "revenue", "gross", "net_units", "units", "lines", "later"]].sum()
    bought = sums["orders"] > 0
    x = (grouped["day"].count() - 1).where(bought)
    return pd.DataFrame(
        {
            "first_order": first,
            "last_order": last,
            "orders": sums["orders"],
            "units": sums["units"].astype("float64"),
            "lines": sums["lines"],
            "gross": sums["gross"],
            "returned": sums["gross"] - sums["revenue"],
            "revenue": sums["revenue"],
            "aov": (sums["revenue"] / sums["orders"]).where(bought),
            "recency_days": (as_of - last).dt.days,
            "tenure_days": (as_of - first).dt.days,
            "x": x,
            "t_x": (last - first).dt.days,
            "T": (as_of - first).dt.days,
            "monetary_mean": (sums["later"] / x).where(x > 0),
            "first_amount": grouped["first_amount"].first().where(bought),
            "first_units": grouped["first_units"].first().where(bought),
            "return_rate": 1 - sums["net_units"] / sums["units"].where(sums["units"] > 0),
            "last_gap_days": grouped["gap"].last(),
            "median_gap_days": grouped["gap"].median(),
        }
    )


if __name__ == "__main__":
    measure(main, ["pandas", "numpy", "pyarrow"])
