"""The customer table: one row a customer at a date (definitions, section 2).

Everything here is one expression over the lines; nothing but its result leaves the
engine. Lines become orders, orders learn the purchase day before theirs, and become
customers: two groupings and one sort, so that few columns are held at once. For several
dates the lines are summed once, and only their orders are looked at from each date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from segkit.data.days import as_date, as_moment, calendar
from segkit.foundation.letters import without_accents

DIMENSION = "dimension:"
"""How the names of columns begin that a client cuts its figures by."""

CUSTOMER = ("customer_id",)
SNAPSHOT = ("as_of", "customer_id")


def customer_table(
    lines: ir.Table,
    as_of: date,
    *,
    registered: ir.Table | None = None,
    seen: ir.Table | None = None,
    carts: ir.Table | None = None,
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
        `customer_id`, `first_seen`, `last_seen`, from `segkit.data.events.seen_table`.
    carts : ibis table, optional
        `customer_id` and counts of carts, from `segkit.data.carts.cart_counts`.

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
    observed = lines.filter(lines["observed_at"] < as_moment(as_of))
    table = _measured(_summed(purchases(orders_of(observed))), as_date(as_of))
    for extra in [*_favourites(observed), *_firsts(observed)]:
        table = _joined(table, extra, CUSTOMER)
    extras = _sides(registered, seen, [as_of])
    if extras:
        table = _with_prospects(table, [side.drop("as_of") for side in extras], CUSTOMER)
        table = _with_age(table, as_date(as_of))
        table = table if carts is None else _with_carts(table, carts, CUSTOMER)
    return table.order_by("customer_id")


def customer_tables(
    lines: ir.Table,
    dates: Sequence[date],
    *,
    recent_days: int | None = None,
    registered: ir.Table | None = None,
    seen: ir.Table | None = None,
    carts: ir.Table | None = None,
) -> ir.Table:
    """Return the customer table at each of several dates, in one pass over the lines.

    Parameters
    ----------
    lines, registered : ibis table
        As for `customer_table`.
    dates : sequence of date
        First days that are not observed.
    recent_days : int, optional
        Length of the windows of `recent_orders` and `earlier_orders`, which are 0 without it.
    seen : ibis table, optional
        `customer_id`, `first_seen`.
    carts : ibis table, optional
        `as_of`, `customer_id` and counts of carts.

    Returns
    -------
    ibis table
        `as_of` (a date) and the columns of `customer_table` without favourites and `last_seen`;
        `recent_orders` and `earlier_orders`: orders in the recent window and in the one before
        it. Ordered by `as_of` and `customer_id`.
    """
    known = _known_purchases(lines, dates)
    table = _measured(_summed(known, SNAPSHOT, recent_days), known["as_of"], SNAPSHOT)
    extras = _sides(registered, seen, dates)
    if extras:
        table = _with_prospects(table, extras, SNAPSHOT)
        table = _with_age(table, table["as_of"])
        table = table if carts is None else _with_carts(table, carts, SNAPSHOT)
    return table.order_by(SNAPSHOT)


def orders_of(lines: ir.Table) -> ir.Table:
    """Return one row an order: `ordered_at`, sold and returned value, units and lines."""
    return _order_values(_order_sums(lines, ("customer_id", "order_id")))


def orders_within(lines: ir.Table, part: str) -> ir.Table:
    """Return orders as `orders_of` does, those whose lines lie in several parts one in each."""
    return _order_values(_order_sums(lines, ("customer_id", "order_id", part)))


def _order_sums(lines: ir.Table, keys: Sequence[str], **more: ir.Value) -> ir.Table:
    """Return what can be added up order by order, and again from parts of orders."""
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
    return lines.group_by(*keys).agg(**measures, **more)


def _order_values(orders: ir.Table) -> ir.Table:
    gross = orders["revenue"] - orders["returned"].coalesce(0)
    units = orders["net_units"] - orders["returned_units"].coalesce(0)
    values = {"gross": gross.coalesce(0), "units": units.coalesce(0)}
    has_return = orders["returned"].notnull()
    return orders.mutate(**values, has_return=has_return).drop("returned", "returned_units")


def _known_purchases(lines: ir.Table, dates: Sequence[date]) -> ir.Table:
    """Return purchases as they were known at each date, with the date as `as_of`.

    An order whose lines became known between two of the dates (such as one that was returned
    later) is another order at each of them, and all orders of its customer are looked at
    date by date. The others stay as they are once known, and are worked out once.
    """
    days = calendar(dates)
    later = [(lines["observed_at"] >= as_moment(day)).cast("int64") for day in dates]
    placed = lines.mutate(known_from=sum(later[1:], later[0]))
    span = {"known_from": placed["known_from"].min(), "known_to": placed["known_from"].max()}
    orders = _order_sums(placed, ("customer_id", "order_id"), **span)
    changing = orders.filter(orders["known_from"] < orders["known_to"])
    changing = changing.select("customer_id").distinct()
    steady = orders.anti_join(changing, "customer_id").drop("known_to")
    steady = purchases(_order_values(steady))
    steady = steady.join(days, steady["known_from"] <= days["epoch"]).drop("known_from", "epoch")
    others = _known_orders(placed.semi_join(changing, "customer_id"), days)
    return steady.union(purchases(others, SNAPSHOT).select(*steady.columns))


def _known_orders(lines: ir.Table, days: ir.Table) -> ir.Table:
    """Return the orders of lines with `known_from`, as they were known on each day."""
    keys = ("customer_id", "order_id", "known_from")
    parts = _order_sums(lines, keys)
    known = parts.join(days, parts["known_from"] <= days["epoch"])
    sums = {
        name: known[name].min() if name == "ordered_at" else known[name].sum()
        for name in parts.columns
        if name not in keys
    }
    return _order_values(known.group_by(*SNAPSHOT, "order_id").agg(**sums))


def purchases(orders: ir.Table, by: Sequence[str] = CUSTOMER) -> ir.Table:
    """Return orders with their purchase `day`, the day `before` it and their place in it.

    What was only ever returned has no day. `nth` is 0 on a customer's first day; `gap`
    is the days since the purchase day before, on one order of each later day.
    """
    # Orders of the same second are told apart by a hash of their id: any, but always the same.
    # Both fit in 64 bits until the year 3000.
    place = orders["ordered_at"].epoch_seconds().cast("int64") * 2**27
    place = place + (orders["order_id"].hash() % 2**27).abs()
    day = order_stands(orders).ifelse(orders["ordered_at"].date(), ibis.null("date"))
    placed = orders.mutate(day=day, place=place).drop("order_id", "ordered_at")
    earlier = {"group_by": list(by), "order_by": "day"}
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


def _summed(
    orders: ir.Table, by: Sequence[str] = CUSTOMER, recent_days: int | None = None
) -> ir.Table:
    """Return one row a customer of what can be added up or compared order by order."""
    stands = orders["day"].notnull()
    first = stands & (orders["nth"] == 0)
    sums = {name: orders[name].sum() for name in _additive(orders)}
    if by == SNAPSHOT:
        sums |= _windows(orders, recent_days)
    return orders.group_by(*by).agg(
        first_order=orders["day"].min(),
        last_order=orders["day"].max(),
        order_before=orders["before"].max(where=orders["gap"].notnull()),
        second_order=orders["day"].min(where=orders["gap"].notnull()),
        returns=orders["has_return"].sum(),
        orders=orders["day"].count(),
        repeats=orders["gap"].count(),
        repeat_value=orders["revenue"].sum(where=stands & (orders["nth"] > 0)),
        first_amount=orders["revenue"].argmin(orders["place"], where=first),
        first_units=orders["units"].argmin(orders["place"], where=first),
        median_gap_days=orders["gap"].median(),
        **sums,
    )


def _windows(orders: ir.Table, days: int | None) -> dict[str, ir.Value]:
    """Return the counts of orders in the recent window, and in the one before it."""
    if days is None:
        return dict.fromkeys(("recent_orders", "earlier_orders"), orders["day"].count() * 0)
    age = orders["as_of"].delta(orders["day"], unit="day")
    return {
        "recent_orders": (age <= days).sum().coalesce(0),
        "earlier_orders": ((age > days) & (age <= 2 * days)).sum().coalesce(0),
    }


def _measured(customers: ir.Table, end: ir.DateValue, by: Sequence[str] = CUSTOMER) -> ir.Table:
    """Return the customer table's columns from a customer's sums at the day `end`."""
    bought = customers["orders"] > 0
    tenure = end.delta(customers["first_order"], unit="day")
    repeats = customers["repeats"].cast("int64")
    returned_units = customers["units"] - customers["net_units"]
    number = "float64"
    columns = {
        **{name: customers[name] for name in by},
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
    gaps = {
        "first_gap_days": customers["second_order"].delta(customers["first_order"], unit="day"),
        "last_gap_days": last_gap,
        "median_gap_days": customers["median_gap_days"].cast(number),
        "returns": customers["returns"].cast("int64"),
    }
    windows = [name for name in ("recent_orders", "earlier_orders") if name in customers.columns]
    counts = {name: customers[name].cast("int64") for name in windows}
    return customers.select(**columns, **gaps, **counts)


def _favourites(lines: ir.Table) -> list[ir.Table]:
    """Return each customer's category, channel and dimensions of most value; ties by name."""
    names = {"category": "top_category", "channel": "channel"}
    names |= {column: f"top_{key}" for column, key in dimension_keys(lines.columns).items()}
    return [
        _favourite(lines, column, name) for column, name in names.items() if column in lines.columns
    ]


def dimension_keys(columns: Iterable[str]) -> dict[str, str]:
    """Return the columns of dimensions, and the key of each in the customer table.

    Examples
    --------
    >>> dimension_keys(["amount", "dimension:Sucursal de venta", "dimension:País"])
    {'dimension:Sucursal de venta': 'sucursal_de_venta', 'dimension:País': 'pais'}
    """
    keys: dict[str, str] = {}
    for column in columns:
        if column.startswith(DIMENSION):
            plain = without_accents(column.removeprefix(DIMENSION)).lower()
            key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
            same = sum(other.startswith(key) for other in keys.values())
            keys[column] = f"{key}_{same + 1}" if same else key or "dimension"
    return keys


def _firsts(lines: ir.Table) -> list[ir.Table]:
    """Return the dimensions of each customer's first order."""
    firsts = []
    for column, key in dimension_keys(lines.columns).items():
        sales = lines.filter(~lines["is_return"] & lines[column].notnull())
        place = ibis.row_number().over(
            group_by="customer_id", order_by=["counts_at", "order_id", ibis.asc(column)]
        )
        first = sales.mutate(place=place).filter(lambda t: t["place"] == 0)
        firsts.append(first.select("customer_id", **{f"first_{key}": first[column]}))
    return firsts


def _favourite(lines: ir.Table, column: str, name: str) -> ir.Table:
    sales = lines.filter(~lines["is_return"] & lines[column].notnull())
    sums = sales.group_by("customer_id", column).agg(value=sales["amount"].sum())
    place = ibis.row_number().over(
        group_by="customer_id", order_by=[ibis.desc("value"), ibis.asc(column)]
    )
    best = sums.mutate(place=place).filter(lambda t: t["place"] == 0)
    return best.select("customer_id", **{name: best[column]})


def _sides(
    registered: ir.Table | None, seen: ir.Table | None, dates: Sequence[date]
) -> list[ir.Table]:
    """Return who had registered, and who had been seen, at each date."""
    given = ((registered, "registered"), (seen, "first_seen"))
    days = calendar(dates).select("as_of")
    sides = [(table.cross_join(days), column) for table, column in given if table is not None]
    return [
        side.filter(side[column].isnull() | (side[column] < side["as_of"].cast("timestamp")))
        for side, column in sides
    ]


def _with_prospects(customers: ir.Table, extras: Sequence[ir.Table], by: Sequence[str]) -> ir.Table:
    """Add those who registered or were seen, and did not buy."""
    everyone = customers
    for table in extras:
        both = everyone.outer_join(table, list(by))
        keys = {name: ibis.coalesce(both[name], both[f"{name}_right"]) for name in by}
        everyone = both.mutate(**keys).drop(*[f"{name}_right" for name in by])
    zeros: tuple[str, ...] = ("orders", "units", "lines", "gross", "returned", "revenue", "returns")
    zeros = (*zeros, "recent_orders", "earlier_orders")
    return everyone.fill_null({name: 0 for name in zeros if name in everyone.columns})


def _with_age(customers: ir.Table, end: ir.DateValue) -> ir.Table:
    """Add `known_days`: since when a customer has been registered, or seen."""
    names = [name for name in ("registered", "first_seen") if name in customers.columns]
    since = ibis.least(*[customers[name] for name in names]) if names[1:] else customers[names[0]]
    return customers.mutate(known_days=end.delta(since.date(), unit="day"))


def _with_carts(customers: ir.Table, carts: ir.Table, by: Sequence[str]) -> ir.Table:
    """Add counts of carts; who was seen and put nothing in one has 0."""
    joined = _joined(customers, carts, by)
    was_seen = joined["first_seen"].notnull()
    counts = [name for name in carts.columns if name not in by]
    return joined.mutate(
        **{name: was_seen.ifelse(joined[name].coalesce(0), None) for name in counts}
    )


def _joined(left: ir.Table, right: ir.Table, by: Sequence[str]) -> ir.Table:
    return left.left_join(right, list(by)).drop(*[f"{name}_right" for name in by])


def period_table(lines: ir.Table, start: date, as_of: date) -> ir.Table:
    """Return what each customer bought in a period: one row a customer with any line in it.

    Returns
    -------
    ibis table
        `customer_id`, `orders`, `purchase_days`, `revenue` (net), `gross`, `units`,
        `returned_units`; a return counts in the period of its order (definitions, sections 2 and 3).
    """
    known = lines.filter(lines["observed_at"] < as_moment(as_of))
    within = known.filter(
        (known["counts_at"] >= as_moment(start)) & (known["counts_at"] < as_moment(as_of))
    )
    orders = orders_of(within)
    return (
        orders.group_by("customer_id")
        .agg(
            orders=order_stands(orders).sum().cast("int64"),
            purchase_days=orders["ordered_at"].date().nunique(where=order_stands(orders)),
            revenue=orders["revenue"].sum().cast("float64"),
            gross=orders["gross"].sum().cast("float64"),
            units=orders["units"].sum().cast("float64"),
            returned_units=(orders["units"] - orders["net_units"]).sum().cast("float64"),
        )
        .order_by("customer_id")
    )


def purchase_days(lines: ir.Table, customer_id: str, as_of: date) -> ir.Table:
    """Return the purchase days of one customer before `as_of`, as a column `day`."""
    own = lines.filter(
        (lines["customer_id"] == customer_id) & (lines["observed_at"] < as_moment(as_of))
    )
    orders = orders_of(own)
    stands = orders.filter(order_stands(orders))
    return stands.select(day=stands["ordered_at"].date()).distinct().order_by("day")


def monthly_table(lines: ir.Table, as_of: date) -> ir.Table:
    """Return orders, customers, new customers and revenue of each month before `as_of`."""
    known = lines.filter(lines["observed_at"] < as_moment(as_of))
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
