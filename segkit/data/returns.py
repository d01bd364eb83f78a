"""What came back: which order it belongs to, and the day on which it counts."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.parsing import MONEY, as_given, as_id, as_optional_instant
from segkit.data.quality import count_malformed, listed
from segkit.data.sources import Raw
from segkit.params import Params

SIGNED = ("quantity", "amount", "profit")
"""Columns that are negative where a line came back."""


def place_returns(lines: ir.Table) -> ir.Table:
    """Add `counts_at` and `order_known`: a return counts when its order did, if that is known.

    An order sold after its return is not known to it: what is known at a date must not
    change with what comes later.
    """
    sales = lines.filter(~lines["is_return"])
    returned = lines.filter(lines["is_return"]).select("customer_id", "order_id").distinct()
    sold = (
        sales.semi_join(returned, ["customer_id", "order_id"])
        .group_by("customer_id", "order_id")
        .agg(sold_at=sales["observed_at"].min())
    )
    placed = lines.left_join(sold, ["customer_id", "order_id"])
    known = placed["is_return"] & (placed["sold_at"] <= placed["observed_at"]).fill_null(False)
    moment = known.ifelse(placed["sold_at"], placed["observed_at"])
    return placed.mutate(counts_at=moment, order_known=known).select(
        *lines.columns, "counts_at", "order_known"
    )


def refund_lines(sales: ir.Table) -> ir.Table:
    """Return the lines that take back what was refunded of sales, on the day of the sale.

    No log of orders says when money went back, only that it did: a refund is known from the
    day of its order on.
    """
    back = sales.filter(sales["refunded"] > 0)
    units = back["is_back"].ifelse(-back["quantity"], ibis.literal(0)).cast(MONEY)
    away: dict[str, ir.Value] = {"quantity": units, "amount": -back["refunded"]}
    if "profit" in back.columns:
        gone = (back["amount"] > 0).ifelse(
            back["refunded"].cast("float64") / back["amount"].cast("float64"), 0.0
        )
        away["profit"] = (-back["profit"].cast("float64") * gone).round(4)
    signed = {name: value.cast(MONEY) for name, value in away.items()}
    return back.mutate(is_return=ibis.literal(True), **signed)


def returned_orders(given: ir.Table, lines: ir.Table) -> ir.Table:
    """Return the lines that undo wholly returned orders.

    A return is known from its own date, or from the line's where that is missing or
    earlier; it counts on the order's date.
    """
    orders = given.filter(given["rule"].isnull())
    orders = orders.group_by("returned_order").agg(returned_at=orders["returned_at"].min())
    joined = lines.inner_join(orders, lines["order_id"] == orders["returned_order"])
    known = ibis.greatest(
        joined["returned_at"].coalesce(joined["observed_at"]), joined["observed_at"]
    )
    signed = [name for name in SIGNED if name in lines.columns]
    away = {name: (-joined[name]).cast(MONEY) for name in signed}
    mirrored = joined.mutate(observed_at=known, is_return=True, order_known=True, **away)
    return mirrored.select(lines.columns)


def order_returns(raw: Raw, params: Params, lines: ir.Table) -> ir.Table:
    """Return the returns table typed, with the `rule` that each line breaks and its `fate`."""
    source = params.returns
    assert source is not None
    columns, table = source.columns, raw.table
    moment, unread = as_optional_instant(table, columns.date, source, params.timezone)
    typed = table.select(
        returned_order=as_id(table[columns.order]),
        returned_at=moment,
        undated=unread,
        raw=as_given({name: table[name] for name in table.columns}),
    )
    sold = lines.filter(~lines["is_return"]).group_by(sold_order="order_id")
    sold = sold.agg(sold_at=lines["observed_at"].min())
    typed = typed.left_join(sold, typed["returned_order"] == sold["sold_order"])
    rule = ibis.cases(
        (typed["returned_order"].isnull(), "no_order"),
        (typed["sold_order"].isnull(), "unknown_order"),
    )
    fate = rule.isnull().ifelse("return", "reject")
    return typed.mutate(rule=rule, fate=fate, amount=ibis.null(MONEY)).drop("sold_order")


def returns_quality(given: ir.Table, mirrored: ir.Table, raw: Raw) -> pd.DataFrame:
    """Return one row a rule; a return without a date, or dated before its order, is kept."""
    kept = given["rule"].isnull()
    rules = {
        "no_order": given["rule"] == "no_order",
        "unknown_order": given["rule"] == "unknown_order",
        "unparsable_date": kept & given["undated"].notnull(),
        "return_before_order": kept & _is_early(given),
        "returned_order": kept,
    }
    sums = {rule: condition.sum().coalesce(0) for rule, condition in rules.items()}
    counts = given.agg(lines=given.count(), **sums).to_pyarrow().to_pylist()[0]
    amount = mirrored["amount"].sum().to_pyarrow().as_py() or 0
    strange = _least(given, "returned_order", rules["unknown_order"])
    undated = _least(given, "undated", rules["unparsable_date"])
    early = _least(given, "returned_order", rules["return_before_order"])
    damaged = count_malformed(raw)
    read = counts["lines"] + damaged
    rows = [
        ("read", "", read, 0.0, ""),
        ("malformed_line", "reject", damaged, 0.0, ""),
        ("no_order", "reject", counts["no_order"], 0.0, ""),
        ("unknown_order", "reject", counts["unknown_order"], 0.0, strange),
        ("unparsable_date", "keep", counts["unparsable_date"], 0.0, undated),
        ("return_before_order", "keep", counts["return_before_order"], 0.0, early),
        ("returned_order", "return", counts["returned_order"], float(amount), ""),
    ]
    table = pd.DataFrame(rows, columns=["rule", "action", "lines", "amount", "first_values"])
    share = table["lines"] / read if read else 0.0
    return table.assign(source="returns", lines_share=share)


def _is_early(given: ir.Table) -> ir.BooleanValue:
    """Return whether a return is dated before the day of its order."""
    return (given["returned_at"].date() < given["sold_at"].date()).fill_null(False)


def placed_rows(lines: ir.Table) -> pd.DataFrame:
    """Return how many returned lines count on their order's day, and how many on their own."""
    returned = lines.filter(lines["is_return"])
    own = ~returned["order_known"]
    totals = (
        returned.agg(
            own_lines=own.sum().coalesce(0),
            own_amount=own.ifelse(returned["amount"], 0).sum().coalesce(0).cast("float64"),
            all_lines=returned.count(),
            all_amount=returned["amount"].sum().coalesce(0).cast("float64"),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    rows = [
        (
            "return_on_order_date",
            totals["all_lines"] - totals["own_lines"],
            totals["all_amount"] - totals["own_amount"],
        ),
        ("return_on_own_date", totals["own_lines"], totals["own_amount"]),
    ]
    table = pd.DataFrame(rows, columns=["rule", "lines", "amount"])
    return table.assign(source="orders", action="return", lines_share=float("nan"), first_values="")


def _least(table: ir.Table, column: str, condition: ir.BooleanValue) -> str:
    values = table.filter(condition).select(column).distinct().order_by(column).head(3)
    return listed(values.to_pyarrow().to_pydict()[column])
