"""What each customer began with, what it spent from then on, and who sent what back."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir

from segkit.data.customers import order_stands, orders_of
from segkit.data.days import as_moment

YEAR = 365
FIRST = {"product": "first_product", "category": "first_category", "channel": "first_channel"}
"""What is known of a first order, by the column of the lines."""


def first_purchases(lines: ir.Table, as_of: date) -> ir.Table:
    """Return what each customer's first order was about, and what its first year brought.

    Parameters
    ----------
    lines : ibis table
        Kept lines, as `segkit.data.cleaning.Cleaned.lines` describes them.
    as_of : date
        The first day that is not observed.

    Returns
    -------
    ibis table
        Ordered by `customer_id`: `first_product`, `first_category`, `first_channel` (of the
        line of most value, where the log has them) and `year_value`, the net revenue of the
        first 365 days, the first order's among it; complete only for who has been here as long.
    """
    known = lines.filter(lines["observed_at"] < as_moment(as_of))
    orders = orders_of(known)
    standing = orders.filter(order_stands(orders)).select("customer_id", "order_id", "ordered_at")
    place = ibis.row_number().over(group_by="customer_id", order_by=["ordered_at", "order_id"])
    first = standing.mutate(place=place).filter(lambda t: t["place"] == 0).drop("place")
    return (
        _of_year(known, first)
        .left_join(_main_line(known, first), "customer_id")
        .drop("customer_id_right")
        .order_by("customer_id")
    )


def _of_year(lines: ir.Table, first: ir.Table) -> ir.Table:
    since = first.select("customer_id", begun="ordered_at")
    both = lines.select("customer_id", "counts_at", "amount").join(since, "customer_id")
    age = both["counts_at"].date().delta(both["begun"].date(), unit="day")
    early = (age >= 0) & (age < YEAR)
    return both.group_by("customer_id").agg(
        year_value=both["amount"].sum(where=early).cast("float64").fill_null(0)
    )


def _main_line(lines: ir.Table, first: ir.Table) -> ir.Table:
    """Return what the line of most value of each customer's first order says."""
    names = {name: column for column, name in FIRST.items() if column in lines.columns}
    of_first = lines.filter(~lines["is_return"]).semi_join(first, ["customer_id", "order_id"])
    order = [ibis.desc("amount"), *(ibis.asc(column) for column in names.values())]
    place = ibis.row_number().over(group_by="customer_id", order_by=order)
    main = of_first.mutate(place=place).filter(lambda t: t["place"] == 0)
    return main.select("customer_id", **{name: main[column] for name, column in names.items()})


def returners(lines: ir.Table, column: str, start: date, as_of: date) -> ir.Table:
    """Return by value of a column how many bought in the period, and how many sent some of it back.

    Parameters
    ----------
    lines : ibis table
        As for `first_purchases`.
    column : str
        Such as ``category``.
    start, as_of : date
        The period.

    Returns
    -------
    ibis table
        `value`, `customers`, `count` of those who sent something back, `returned` (money); in
        the order of the values.
    """
    pairs = _bought_in(lines, column, start, as_of)
    back = pairs["returned"] > 0
    table = pairs.group_by("value").agg(
        customers=pairs.count(), count=back.sum(), returned=pairs["returned"].sum()
    )
    return table.order_by("value")


def buyers_of(lines: ir.Table, column: str, value: str, start: date, as_of: date) -> ir.Table:
    """Return the `customer_id` of those who bought a value of a column in the period, in order."""
    pairs = _bought_in(lines, column, start, as_of)
    return pairs.filter(pairs["value"] == value).select("customer_id").order_by("customer_id")


def _bought_in(lines: ir.Table, column: str, start: date, as_of: date) -> ir.Table:
    """Return one row a customer and value: `returned`, the money sent back of what it bought."""
    counts = lines["counts_at"]
    within = lines.filter(
        (lines["observed_at"] < as_moment(as_of))
        & (counts >= as_moment(start))
        & (counts < as_moment(as_of))
        & lines[column].notnull()
    )
    sold = ~within["is_return"]
    pairs = within.group_by("customer_id", value=within[column].cast("string")).agg(
        bought=sold.sum(), returned=-within["amount"].sum(where=~sold)
    )
    return pairs.filter(pairs["bought"] > 0).mutate(
        returned=pairs["returned"].cast("float64").fill_null(0)
    )
