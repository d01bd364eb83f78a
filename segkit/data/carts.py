"""What was put in the cart, and whether it was bought (definitions, section 7).

A *cart item* is a product that a customer put in the cart once; putting it in again within
the window, without having bought it, is the same item. Items do not depend on a date: what
had come of them by a date, `outcome` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from segkit.data.days import as_moment, calendar

OUTCOMES = ("recovered", "bought_late", "abandoned", "pending")
"""Bought within the window, bought after it, not bought, and too young to tell."""


def cart_items(events: ir.Table, window_hours: float, sales: ir.Table | None = None) -> ir.Table:
    """Return one row a cart item, with the moment at which its product was bought next.

    Parameters
    ----------
    events : ibis table
        `customer_id`, `happened_at`, `type` (`cart` and `purchase` matter), and
        `product_id` and `category` where the log has them; without products, a customer
        has one cart.
    window_hours : float
        Within so many hours, putting a product in again is the same item.
    sales : ibis table, optional
        Lines that were sold: `customer_id`, `product_id`, `observed_at`. They close a cart
        as purchase events do; one dated without a time counts at the end of its day.

    Returns
    -------
    ibis table
        `customer_id`, `product_id`, `category` (null where unknown), `carted_at`,
        `bought_at` (null where it was not).

    Notes
    -----
    Definitions, section 7 (the view `cart`).
    """
    moments = _moments(events)
    if sales is not None:
        carted = moments.filter(~moments["is_purchase"]).select("customer_id", "product_id")
        moments = moments.union(_sold(sales, carted.distinct()))
    within = {
        "group_by": ["customer_id", "product_id"],
        "order_by": ["moment", "is_purchase", "category"],
    }
    bought = moments["is_purchase"].ifelse(moments["moment"], ibis.null("timestamp"))
    placed = moments.mutate(
        before=moments["moment"].lag().over(**within),
        follows_purchase=moments["is_purchase"].lag().over(**within),
        bought_at=bought.min().over(ibis.window(**within, preceding=0, following=None)),
    )
    hours = (placed["moment"].epoch_seconds() - placed["before"].epoch_seconds()) / 3600
    is_same = placed["before"].notnull() & ~placed["follows_purchase"] & (hours <= window_hours)
    items = placed.filter(~placed["is_purchase"] & ~is_same)
    return items.select(
        "customer_id", "product_id", "category", carted_at="moment", bought_at="bought_at"
    )


def _moments(events: ir.Table) -> ir.Table:
    """Return when each product was put in the cart, and when it was bought."""
    known = events.filter(events["type"].isin(["cart", "purchase"]))
    given = {
        name: known[name] if name in known.columns else ibis.null("string")
        for name in ("product_id", "category")
    }
    return known.select(
        "customer_id",
        product_id=given["product_id"].coalesce(""),
        category=given["category"],
        moment=known["happened_at"],
        is_purchase=known["type"] == "purchase",
    )


def _sold(sales: ir.Table, carted: ir.Table) -> ir.Table:
    """Return when products that had been put in a cart were sold to the same customer."""
    sold = sales.semi_join(carted, ["customer_id", "product_id"])
    moment = sold["observed_at"]
    day = moment.truncate("D")
    end_of_day = day + ibis.interval(seconds=24 * 3600 - 1)
    return sold.select(
        "customer_id",
        "product_id",
        category=ibis.null("string"),
        moment=(moment == day).ifelse(end_of_day, moment),
        is_purchase=ibis.literal(True),
    )


def outcome(items: ir.Table, as_of: ir.TimestampValue, window_hours: float) -> ir.StringValue:
    """Return what had come of each item by a moment: one of `OUTCOMES`."""
    due = items["carted_at"] + ibis.interval(seconds=round(window_hours * 3600))
    bought = (items["bought_at"] < as_of).fill_null(False)
    return ibis.cases(
        (bought & (items["bought_at"] <= due), "recovered"),
        (bought, "bought_late"),
        (due < as_of, "abandoned"),
        else_="pending",
    )


def cart_counts(
    items: ir.Table, dates: Sequence[date], *, window_hours: float, open_days: int
) -> ir.Table:
    """Return how many items each customer put in the cart lately, and what came of them.

    Returns
    -------
    ibis table
        `as_of` (date), `customer_id`, and of the items of the last `open_days` before it:
        `carts` (all), `carts_abandoned` (not bought, the window past), `carts_open` (not
        bought).
    """
    placed = items.cross_join(calendar(dates).select("as_of"))
    end = placed["as_of"].cast("timestamp")
    recent = (placed["carted_at"] < end) & (
        placed["carted_at"] >= end - ibis.interval(days=open_days)
    )
    known = placed.mutate(outcome=outcome(placed, end, window_hours)).filter(recent)
    is_open = known["outcome"].isin(["abandoned", "pending"])
    return known.group_by("as_of", "customer_id").agg(
        carts=known.count(),
        carts_abandoned=(known["outcome"] == "abandoned").sum().cast("int64"),
        carts_open=known["product_id"].nunique(where=is_open),
    )


def valued_items(
    items: ir.Table, products: ir.Table | None, start: date, as_of: date, window_hours: float
) -> ir.Table:
    """Return the items of a period with their `outcome`, `price`, `product` and `category`.

    Parameters
    ----------
    items : ibis table
        As `cart_items` gives.
    products : ibis table or None
        As `product_table` gives; without it no price is known.
    start, as_of : date
        The period's first day, and the first day after it.
    window_hours : float
    """
    first, end = as_moment(start), as_moment(as_of)
    within = items.filter((items["carted_at"] >= first) & (items["carted_at"] < end))
    judged = within.mutate(outcome=outcome(within, end, window_hours))
    if products is None:
        unknown = {"price": ibis.null("float64"), "product": ibis.null("string")}
        return judged.mutate(**unknown).drop("bought_at")
    joined = judged.left_join(products, "product_id", rname="sold_{name}")
    category = joined["category"].coalesce(joined["sold_category"])
    names = ("customer_id", "product_id", "product", "carted_at", "outcome", "price")
    return joined.select(*names, category=category)


def product_table(lines: ir.Table, as_of: date) -> ir.Table:
    """Return each product's mean price a unit, name and category, from what was sold by a date.

    Returns
    -------
    ibis table
        `product_id`, `price` (money; null where no unit was sold for money), `product`,
        `category` (null where the log has none).
    """
    sold = lines.filter(~lines["is_return"] & (lines["observed_at"] < as_moment(as_of)))
    sold = sold.filter(sold["product_id"].notnull())
    texts = ("product", "category")
    known = {name: sold[name].max() for name in texts if name in sold.columns}
    unknown = {name: ibis.null("string") for name in texts if name not in sold.columns}
    units, amount = sold["quantity"].sum(), sold["amount"].sum()
    priced = (units > 0) & (amount > 0)
    price = priced.ifelse(amount.cast("float64") / units.cast("float64"), ibis.null("float64"))
    return sold.group_by("product_id").agg(price=price, **known).mutate(**unknown)


def cart_sums(valued: ir.Table, by: str) -> ir.Table:
    """Return items and their value by outcome, for each customer or category.

    Parameters
    ----------
    valued : ibis table
        As `valued_items` gives.
    by : {"customer_id", "category"}

    Returns
    -------
    ibis table
        The column `by`, `carts`, one column an outcome (items), `carts_value` and
        `abandoned_value` (money, of items whose price is known), `carts_priced` (items whose
        price is known).
    """
    counts = {name: (valued["outcome"] == name).sum().cast("int64") for name in OUTCOMES}
    abandoned = valued["outcome"] == "abandoned"
    return (
        valued.group_by(by)
        .agg(
            carts=valued.count(),
            **counts,
            carts_value=valued["price"].sum(),
            abandoned_value=valued["price"].sum(where=abandoned),
            carts_priced=valued["price"].notnull().sum().cast("int64"),
        )
        .order_by(by)
    )
