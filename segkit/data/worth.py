"""What each line of an order is worth: prices, discounts, what is counted, and what went back.

Amounts of a whole order are spread over its lines by their value, so that the parts add up to
the whole: each line takes what its place in the running sum leaves.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from segkit.data.parsing import MONEY, as_id, as_number, given
from segkit.params import OrderAmounts, Orders

TOLERANCE = 0.011
"""Between an order's total and its parts: a cent, and what decimals cannot hold exactly."""

ROUNDING = 0.01
"""Share of an order by which prices of units, which are rounded, may miss its subtotal."""

AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total", "refunded")
WORTH = (
    *("amount", "list_amount", "refunded", "shipping", "tax"),
    *("kept_total", "total_gap", "lines_gap"),
)
"""Columns that are added up in the bridge from gross to net."""

VALUE = "value"
"""What a line says of its own worth, before the order's amounts; null where it says nothing."""

ORDER_AMOUNT = "given:"
"""How the names of an order's amounts as numbers begin, as each line gives them."""

_OF_ORDER = "order:"


def has_order_amounts(source: Orders) -> bool:
    """Return whether more than a line's own price says what it is worth."""
    gives_back = any(status.returned for status in source.statuses)
    return bool(source.amounts.named) or gives_back


def given_amounts(table: ir.Table, source: Orders) -> dict[str, ir.DecimalValue]:
    """Return the columns of an order's amounts as numbers; null where a cell holds none."""
    amounts = source.amounts
    named = {name: table[column] for name, column in amounts.named.items()}
    return {
        f"{ORDER_AMOUNT}{name}": _number(column, name, source) for name, column in named.items()
    }


def _number(column: ir.Value, name: str, source: Orders) -> ir.DecimalValue:
    if name != "refunded" or not source.amounts.refunded_field:
        return as_number(column, source)
    field = source.amounts.refunded_field
    found = column.cast("string").re_split(rf"(?:^|[|;])\s*{field}\s*:")
    parts = found[1:].map(lambda part: as_number(part.re_extract("^([^|;]*)", 1), source))
    return parts.sums().cast(MONEY)


def unreadable(lines: ir.Table, source: Orders) -> ir.BooleanValue:
    """Return whether an amount of the order is filled, and no number."""
    named = {name: as_id(given(lines, column)) for name, column in source.amounts.named.items()}
    if source.amounts.refunded_field:
        named.pop("refunded", None)
    wrong = [
        text.notnull() & lines[f"{ORDER_AMOUNT}{name}"].isnull() for name, text in named.items()
    ]
    return ibis.or_(*wrong) if wrong else ibis.literal(False)


def of_orders(typed: ir.Table, source: Orders, keys: Sequence[str]) -> ir.Table:
    """Return lines with what each is worth.

    Parameters
    ----------
    typed : ibis table
        `value`: the line's own (null where it has none); `given:` columns of the order's
        amounts; `given_back`; and the `keys` of an order.
    source : Orders
        `amounts` says what each column is.
    keys : sequence of str
        Columns that lines of one order share.

    Returns
    -------
    ibis table
        With `amount`: what the customer paid for the line, without
        shipping and tax unless they are counted; `list_amount`: before discounts; `refunded`:
        what of `amount` went back, `is_back` whether all did. On one line of each order:
        `shipping`, `tax`; `kept_total`: the order's total less all that went back; `total_gap`:
        total less its parts; `lines_gap`: its subtotal less its lines; `over`: a discount larger than the order. `opens` marks that line.

    Source
    ------
    Definitions, section 2, "What an order is worth".
    """
    summed = _sums(typed, source.amounts, keys)
    placed = _places(summed, keys)
    worth = _worth(placed, source)
    return placed.mutate(**worth).drop(
        *[name for name in placed.columns if name.startswith(_OF_ORDER)],
        *("given_back", "paid", "off", "weight", "running", "all_weights"),
    )


def _sums(typed: ir.Table, amounts: OrderAmounts, keys: Sequence[str]) -> ir.Table:
    """Add each order's amounts, and the value of its lines."""
    whole = ibis.window(group_by=list(keys))
    own = typed[VALUE].coalesce(0)
    off = typed[f"{ORDER_AMOUNT}line_discount"].coalesce(0).abs() if amounts.line_discount else 0
    paid = (own - off).cast(MONEY)
    columns: dict[str, ir.Value] = {f"{_OF_ORDER}lines": paid.sum().over(whole)}
    columns[f"{_OF_ORDER}weights"] = (
        ibis.greatest(paid, ibis.literal(0).cast(MONEY)).sum().over(whole)
    )
    for name in AMOUNTS:
        if name in amounts.named:
            value = typed[f"{ORDER_AMOUNT}{name}"]
            value = value.sum() if name in amounts.by_line else value.max()
            columns[f"{_OF_ORDER}{name}"] = value.over(whole)
    return typed.mutate(**columns, paid=paid, off=ibis.literal(0).cast(MONEY) + off)


def _places(summed: ir.Table, keys: Sequence[str]) -> ir.Table:
    """Add each line's place in its order, and its running share of the order's value."""
    weights = summed[f"{_OF_ORDER}weights"]
    valued = ibis.greatest(summed["paid"], ibis.literal(0).cast(MONEY))
    # Where nothing has a value, each line weighs the same.
    weighed = summed.mutate(weight=(weights > 0).ifelse(valued, 1).cast(MONEY))
    order_by = [ibis.desc("weight")]
    order_by += [ibis.asc(name) for name in ("product_id", "product") if name in summed.columns]
    running = ibis.window(group_by=list(keys), order_by=order_by, preceding=None, following=0)
    whole = ibis.window(group_by=list(keys))
    return weighed.mutate(
        running=weighed["weight"].sum().over(running),
        all_weights=weighed["weight"].sum().over(whole),
        opens=ibis.row_number().over(ibis.window(group_by=list(keys), order_by=order_by)) == 0,
    )


def _share(lines: ir.Table, total: ir.NumericValue) -> ir.DecimalValue:
    """Return a line's part of an order's amount; the parts add up to it exactly."""
    whole = lines["all_weights"].cast("float64")
    up_to = (total.cast("float64") * (lines["running"].cast("float64") / whole)).round(4)
    before = (lines["running"] - lines["weight"]).cast("float64")
    until = (total.cast("float64") * (before / whole)).round(4)
    return up_to.cast(MONEY) - until.cast(MONEY)


def _worth(lines: ir.Table, source: Orders) -> dict[str, ir.Value]:
    amounts = source.amounts
    zero = ibis.literal(0).cast(MONEY)

    def of_order(name: str) -> ir.DecimalValue:
        given = lines[f"{_OF_ORDER}{name}"] if name in amounts.named else zero
        return given.coalesce(zero)

    discount, shipping, tax = (of_order(name).abs() for name in ("discount", "shipping", "tax"))
    own = lines[f"{_OF_ORDER}lines"]
    products, over = _products(lines, source, own, discount, shipping, tax)
    on_top = _tax_on_top(lines, amounts, products, shipping, tax)
    beside = {"shipping": shipping, "tax": on_top.ifelse(tax, zero)}
    counted = sum((beside[name] for name in amounts.count), zero)
    back, is_back = _back(lines, amounts, products, on_top.ifelse(tax, zero))
    # What is counted beside the products goes back with them when all of them do.
    back = is_back.ifelse(products + counted, back)
    amount = (lines["paid"] + _share(lines, products + counted - own)).cast(MONEY)
    off = discount - over
    listed = amount - _share(lines, counted) + _share(lines, off) + lines["off"]
    parts = products + shipping + on_top.ifelse(tax, zero)
    total = of_order("total") if "total" in amounts.named else parts
    gap = (total - parts).cast("float64").abs() > TOLERANCE
    first = lines["opens"]
    lines_gap = _lines_gap(source, products, own - discount + over)
    refunded = of_order("refunded").abs()
    returned = (is_back & (refunded == 0)).ifelse(total, refunded)
    return {
        "amount": amount,
        "list_amount": listed.cast(MONEY),
        "refunded": _share(lines, back),
        "is_back": is_back,
        "shipping": first.ifelse(shipping, zero),
        "tax": first.ifelse(tax, zero),
        "kept_total": first.ifelse(total - returned, zero),
        "total_gap": (first & gap).ifelse(total - parts, zero),
        "lines_gap": first.ifelse(lines_gap, zero),
        "over": first.ifelse(over, zero),
        "discount": _share(lines, off) + lines["off"],
    }


def _lines_gap(
    source: Orders, products: ir.DecimalValue, by_lines: ir.DecimalValue
) -> ir.DecimalValue:
    """Return by how much an order's subtotal differs from its lines, where that is no rounding."""
    zero = ibis.literal(0).cast(MONEY)
    amounts = source.amounts
    if not (amounts.subtotal and source.columns.has_value) or amounts.quantity_is != "sold":
        return zero
    gap = products - by_lines
    allowed = TOLERANCE + ROUNDING * products.cast("float64").abs()
    return (gap.cast("float64").abs() > allowed).ifelse(gap, zero)


def _products(
    lines: ir.Table,
    source: Orders,
    own: ir.DecimalValue,
    discount: ir.DecimalValue,
    shipping: ir.DecimalValue,
    tax: ir.DecimalValue,
) -> tuple[ir.DecimalValue, ir.DecimalValue]:
    """Return what an order's products were sold for, and by how much its discount exceeds them."""
    amounts = source.amounts
    zero = ibis.literal(0).cast(MONEY)
    before = own
    if not source.columns.has_value and amounts.total:
        inside = amounts.tax_is == "inside"
        before = lines[f"{_OF_ORDER}total"].coalesce(zero) - shipping + discount
        before = before if inside else before - tax
    over = ((before >= 0) & (discount > before)).ifelse(discount - before, zero)
    found = before - discount + over
    if amounts.subtotal:
        subtotal = lines[f"{_OF_ORDER}subtotal"]
        if amounts.subtotal_is == "before_discount":
            over = (discount > subtotal).ifelse(discount - subtotal, zero).coalesce(over)
            subtotal = subtotal - discount + over
        else:
            over = subtotal.isnull().ifelse(over, zero)
        found = subtotal.coalesce(found)
    return found.cast(MONEY), over.cast(MONEY)


def _tax_on_top(
    lines: ir.Table,
    amounts: OrderAmounts,
    products: ir.DecimalValue,
    shipping: ir.DecimalValue,
    tax: ir.DecimalValue,
) -> ir.BooleanValue:
    """Return whether an order's tax comes on top of its prices, as its total tells."""
    if amounts.tax_is or not (amounts.tax and amounts.total):
        return ibis.literal(amounts.tax_is != "inside")
    total = lines[f"{_OF_ORDER}total"]
    with_tax = (total - products - shipping - tax).cast("float64").abs()
    without = (total - products - shipping).cast("float64").abs()
    return (with_tax <= without).fill_null(True)


def _back(
    lines: ir.Table, amounts: OrderAmounts, products: ir.DecimalValue, tax: ir.DecimalValue
) -> tuple[ir.DecimalValue, ir.BooleanValue]:
    """Return what of an order's products went back, and whether all of them did.

    A refund holds the products' tax in the same proportion as the order does; one as large as
    the products and their tax gives back all of them.
    """
    zero = ibis.literal(0).cast(MONEY)
    told = lines["given_back"]
    if "refunded" not in amounts.named:
        return told.ifelse(products, zero), told
    if amounts.quantity_is == "after_refunds" and not amounts.subtotal:
        return zero, ibis.literal(False)  # the lines are what is left: nothing more went back
    refunded = lines[f"{_OF_ORDER}refunded"].coalesce(zero).abs().cast("float64")
    worth = products.cast("float64")
    rate = (products > 0).ifelse(1 + tax.cast("float64") / worth, 1.0)
    of_products = (refunded / rate).round(2)
    is_all = ((refunded > 0) & (of_products >= worth - TOLERANCE)) | (told & (refunded == 0))
    return is_all.ifelse(products, of_products.cast(MONEY)), is_all
