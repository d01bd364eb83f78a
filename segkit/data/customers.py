"""The customer table: one row a customer at a date (definitions, section 2).

Everything here is one expression over the lines; nothing but its result leaves the
engine. Lines become orders, orders learn the purchase day before theirs, and become
customers: two groupings and one sort, so that few columns are held at once.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ibis.expr.types as ir


def customer_table(
    lines: ir.Table,
    as_of: date,
    *,
    registered: ir.Table | None = None,
    seen: ir.Table | None = None,
) -> ir.Table:
    """Return one row a customer from what was known before `as_of`.

    Parameters
    ----------
    lines : ibis table
        Kept lines, as `segkit.data.cleaning.Cleaned.lines` describes them.
    as_of : date
        The first day that is not observed.
    registered : ibis table, optional
        `customer_id` and `registered` (timestamp or null): customers who need not have
        bought.
    seen : ibis table, optional
        `customer_id`, `last_seen`, `carts_open`, from `segkit.data.events`.

    Returns
    -------
    ibis table
        Ordered by `customer_id`. Times in days, money in the log's currency. A customer
        without a purchase that stands has `orders = 0` and nulls where there is
        nothing to measure.

    Notes
    -----
    Definitions, section 2. Purchase days carry the gaps and `x`, `t_x`, `T`; which orders
    count, `order_stands` says.
    """
    observed = lines.filter(lines["observed_at"] < _instant(as_of))
    table = _measured(_summed(purchases(orders_of(observed))), as_of)
    for extra in _favourites(observed):
        table = table.left_join(extra, "customer_id").drop("customer_id_right")
    if registered is not None or seen is not None:
        table = _with_prospects(table, registered, seen, as_of)
    return table.order_by("customer_id")


def orders_of(lines: ir.Table) -> ir.Table:
    """Return one row an order: `ordered_at`, sold and returned value, units and lines."""
    sold, amount, quantity = ~lines["is_return"], lines["amount"], lines["quantity"]
    measures = {
        "ordered_at": lines["counts_at"].min(where=sold),
        "revenue": amount.sum(),
        "returned": amount.sum(where=~sold),
        "net_units": quantity.sum(),
        "returned_units": quantity.sum(where=~sold),
        "lines": lines.count(where=sold),
    }
    if "profit" in lines.columns:
        measures["profit"] = lines["profit"].sum()
    if "discount" in lines.columns:
        measures["discounted"] = amount.sum(where=sold & (lines["discount"] > 0)).coalesce(0)
    orders = lines.group_by("customer_id", "order_id").agg(**measures)
    gross = orders["revenue"] - orders["returned"].coalesce(0)
    units = orders["net_units"] - orders["returned_units"].coalesce(0)
    return orders.mutate(gross=gross.coalesce(0), units=units.coalesce(0)).drop(
        "returned", "returned_units"
    )


def purchases(orders: ir.Table) -> ir.Table:
    """Return orders with their purchase `day`, the day `before` it and their place in it.

    What was only ever returned has no day. `nth` is 0 on a customer's first day; `gap`
    is the days since the purchase day before, on one order of each later day.
    """
    import ibis

    # Orders of the same second are told apart by a hash of their id: any, but always the same.
    # Both fit in 64 bits until the year 3000.
    place = orders["ordered_at"].epoch_seconds().cast("int64") * 2**27
    place = place + (orders["order_id"].hash() % 2**27).abs()
    day = order_stands(orders).ifelse(orders["ordered_at"].date(), ibis.null("date"))
    placed = orders.mutate(day=day, place=place).drop("order_id", "ordered_at")
    earlier = {"group_by": "customer_id", "order_by": "day"}
    placed = placed.mutate(
        before=placed["day"].lag().over(**earlier), nth=ibis.rank().over(**earlier)
    )
    gap = placed["day"].delta(placed["before"], unit="day")
    return placed.mutate(gap=(gap > 0).ifelse(gap.cast("int32"), ibis.null("int32")))


def order_stands(orders: ir.Table) -> ir.BooleanValue:
    """Return whether an order counts: it was sold, and a positive amount of it is left.

    A free order counts too, but only reaches this table where a client's parameters keep
    lines without a price.
    """
    free = (orders["gross"] == 0) & (orders["revenue"] == 0) & (orders["net_units"] > 0)
    return orders["ordered_at"].notnull() & ((orders["revenue"] > 0) | free)


def _additive(orders: ir.Table) -> list[str]:
    names = ("gross", "revenue", "units", "net_units", "lines", "profit", "discounted")
    return [name for name in names if name in orders.columns]


def _summed(orders: ir.Table) -> ir.Table:
    """Return one row a customer of what can be added up or compared order by order."""
    stands = orders["day"].notnull()
    first = stands & (orders["nth"] == 0)
    sums = {name: orders[name].sum() for name in _additive(orders)}
    return orders.group_by("customer_id").agg(
        first_order=orders["day"].min(),
        last_order=orders["day"].max(),
        order_before=orders["before"].max(where=orders["gap"].notnull()),
        orders=orders["day"].count(),
        repeats=orders["gap"].count(),
        repeat_value=orders["revenue"].sum(where=stands & (orders["nth"] > 0)),
        first_amount=orders["revenue"].argmin(orders["place"], where=first),
        first_units=orders["units"].argmin(orders["place"], where=first),
        median_gap_days=orders["gap"].median(),
        **sums,
    )


def _measured(customers: ir.Table, as_of: date) -> ir.Table:
    """Return the customer table's columns from a customer's sums."""
    import ibis

    end = ibis.date(as_of.isoformat())
    bought = customers["orders"] > 0
    tenure = end.delta(customers["first_order"], unit="day")
    repeats = customers["repeats"].cast("int64")
    returned_units = customers["units"] - customers["net_units"]
    number = "float64"
    columns = {
        "customer_id": customers["customer_id"],
        "first_order": customers["first_order"],
        "last_order": customers["last_order"],
        "orders": customers["orders"].cast("int64"),
        "units": customers["units"].cast(number),
        "lines": customers["lines"].cast("int64"),
        "gross": customers["gross"].cast(number),
        "returned": (customers["gross"] - customers["revenue"]).cast(number),
        "revenue": customers["revenue"].cast(number),
        "aov": bought.ifelse(
            customers["revenue"].cast(number) / customers["orders"], ibis.null(number)
        ),
        "recency_days": end.delta(customers["last_order"], unit="day"),
        "tenure_days": tenure,
        "x": bought.ifelse(repeats, ibis.null("int64")),
        "t_x": customers["last_order"].delta(customers["first_order"], unit="day"),
        "T": tenure,
        "monetary_mean": (repeats > 0).ifelse(
            customers["repeat_value"].cast(number) / repeats, ibis.null(number)
        ),
        "first_amount": bought.ifelse(customers["first_amount"].cast(number), ibis.null(number)),
        "first_units": bought.ifelse(customers["first_units"].cast(number), ibis.null(number)),
        "return_rate": (customers["units"] > 0).ifelse(
            returned_units.cast(number) / customers["units"].cast(number), ibis.null(number)
        ),
    }
    if "profit" in customers.columns:
        columns["profit"] = customers["profit"].cast(number)
    if "discounted" in customers.columns:
        columns["discount_share"] = (customers["gross"] > 0).ifelse(
            customers["discounted"].cast(number) / customers["gross"].cast(number),
            ibis.null(number),
        )
    last_gap = customers["last_order"].delta(customers["order_before"], unit="day")
    gaps = {"last_gap_days": last_gap, "median_gap_days": customers["median_gap_days"].cast(number)}
    return customers.select(**columns, **gaps)


def _favourites(lines: ir.Table) -> list[ir.Table]:
    """Return each customer's category and channel of most value; ties go to the first name."""
    names = {"category": "top_category", "channel": "channel"}
    return [
        _favourite(lines, column, name) for column, name in names.items() if column in lines.columns
    ]


def _favourite(lines: ir.Table, column: str, name: str) -> ir.Table:
    import ibis

    sales = lines.filter(~lines["is_return"] & lines[column].notnull())
    sums = sales.group_by("customer_id", column).agg(value=sales["amount"].sum())
    place = ibis.row_number().over(
        group_by="customer_id", order_by=[ibis.desc("value"), ibis.asc(column)]
    )
    best = sums.mutate(place=place).filter(lambda t: t["place"] == 0)
    return best.select("customer_id", **{name: best[column]})


def _with_prospects(
    customers: ir.Table, registered: ir.Table | None, seen: ir.Table | None, as_of: date
) -> ir.Table:
    """Add those who registered or were seen before `as_of` and did not buy."""
    import ibis

    if registered is not None:
        moment = registered["registered"]
        registered = registered.filter(moment.isnull() | (moment < _instant(as_of)))
    extras = [table for table in (registered, seen) if table is not None]
    ids = ibis.union(
        *[table.select("customer_id") for table in (customers, *extras)], distinct=True
    )
    everyone = ids.left_join(customers, "customer_id").drop("customer_id_right")
    for table in extras:
        everyone = everyone.left_join(table, "customer_id").drop("customer_id_right")
    zeros = dict.fromkeys(("orders", "units", "lines", "gross", "returned", "revenue"), 0)
    return everyone.fill_null(zeros)


def period_table(lines: ir.Table, start: date, as_of: date) -> ir.Table:
    """Return what each customer bought in a period: one row a customer with any line in it.

    Returns
    -------
    ibis table
        `customer_id`, `orders`, `purchase_days`, `revenue`, `units`, `returned_units`; a
        return counts in the period of its order (definitions, sections 2 and 3).
    """
    known = lines.filter(lines["observed_at"] < _instant(as_of))
    within = known.filter(
        (known["counts_at"] >= _instant(start)) & (known["counts_at"] < _instant(as_of))
    )
    orders = orders_of(within)
    return (
        orders.group_by("customer_id")
        .agg(
            orders=order_stands(orders).sum().cast("int64"),
            purchase_days=orders["ordered_at"].date().nunique(where=order_stands(orders)),
            revenue=orders["revenue"].sum().cast("float64"),
            units=orders["units"].sum().cast("float64"),
            returned_units=(orders["units"] - orders["net_units"]).sum().cast("float64"),
        )
        .order_by("customer_id")
    )


def gap_counts(lines: ir.Table, as_of: date) -> ir.Table:
    """Return how many times each gap between purchase days has passed before `as_of`.

    Returns
    -------
    ibis table
        `days` (1 and more), `gaps`; ordered by `days`.
    """
    known = purchases(orders_of(lines.filter(lines["observed_at"] < _instant(as_of))))
    repeats = known.filter(known["gap"].notnull())
    return repeats.group_by(days=repeats["gap"]).agg(gaps=repeats.count()).order_by("days")


def weekly_repeats(lines: ir.Table, joined_before: date, as_of: date) -> ir.Table:
    """Return the repeat purchase days of each week, of customers who joined before a date.

    Returns
    -------
    ibis table
        `week` (its Monday), `repeats`; ordered by `week`; weeks without a repeat are left out.
    """
    known = purchases(orders_of(lines.filter(lines["observed_at"] < _instant(as_of))))
    firsts = known.group_by("customer_id").agg(first=known["day"].min())
    firsts = firsts.filter(firsts["first"] < _day(joined_before))
    repeats = known.filter(known["gap"].notnull()).semi_join(firsts, "customer_id")
    weeks = repeats.group_by(week=repeats["day"].truncate("W"))
    return weeks.agg(repeats=repeats.count()).order_by("week")


def purchase_days(lines: ir.Table, customer_id: str, as_of: date) -> ir.Table:
    """Return the purchase days of one customer before `as_of`, as a column `day`."""
    own = lines.filter(
        (lines["customer_id"] == customer_id) & (lines["observed_at"] < _instant(as_of))
    )
    orders = orders_of(own)
    stands = orders.filter(order_stands(orders))
    return stands.select(day=stands["ordered_at"].date()).distinct().order_by("day")


def monthly_table(lines: ir.Table, as_of: date) -> ir.Table:
    """Return orders, customers, new customers and revenue of each month before `as_of`."""
    known = lines.filter(lines["observed_at"] < _instant(as_of))
    orders = orders_of(known).mutate(month=lambda t: t["ordered_at"].truncate("M").date())
    stands = orders.filter(order_stands(orders))
    firsts = stands.group_by("customer_id").agg(first_month=stands["month"].min())
    joined = stands.left_join(firsts, "customer_id")
    new = joined["customer_id"].nunique(where=joined["month"] == joined["first_month"])
    months = joined.group_by("month").agg(
        orders=joined.count(), customers=joined["customer_id"].nunique(), new_customers=new
    )
    revenue = known.group_by(month=known["counts_at"].truncate("M").date()).agg(
        revenue=known["amount"].sum().cast("float64")
    )
    table = revenue.left_join(months, "month").drop("month_right")
    counts = dict.fromkeys(("orders", "customers", "new_customers"), 0)
    return table.fill_null(counts).order_by("month")


def _day(day: date):
    import ibis

    return ibis.date(day.isoformat())


def _instant(day: date):
    import ibis

    return ibis.timestamp(day.isoformat())
