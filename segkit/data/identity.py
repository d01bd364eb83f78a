"""Order numbers that are used again: the same number, of the same customer, at another time."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.params import Orders

ORDER = ("customer_id", "order_id")


def split_reused_numbers(kept: ir.Table, source: Orders) -> tuple[ir.Table, pd.DataFrame]:
    """Tell orders apart that have one number, more days apart than an order takes.

    Parameters
    ----------
    kept : ibis table
        Sales and returns: `customer_id`, `order_id`, `observed_at`, `is_return`.
    source : Orders
        `same_order_days`: lines at most so many days after the one before are one order.

    Returns
    -------
    ibis table
        The lines; a number that is used again is followed by the day of its order.
    DataFrame
        A row of the data-quality table.

    Source
    ------
    Definitions, section 2, "Order identity".
    """
    if not source.columns.order:
        return kept, _row(0, 0.0)
    reused = _reused(kept, source.same_order_days)
    found = kept.semi_join(reused, list(ORDER))
    split = _split(found, source.same_order_days)
    counts = split.agg(
        lines=split.count(), amount=split["amount"].sum(where=~split["is_return"]).coalesce(0)
    )
    (told,) = counts.to_pyarrow().to_pylist()
    row = _row(told["lines"], float(told["amount"]))
    # Most logs have none: their lines need not be joined and sorted.
    return (kept.anti_join(reused, list(ORDER)).union(split), row) if told["lines"] else (kept, row)


def _reused(kept: ir.Table, days: int) -> ir.Table:
    """Return the orders whose sales lie more days apart; a return may come much later."""
    sales = kept.filter(~kept["is_return"])
    day = sales["observed_at"].date()
    spans = sales.group_by(*ORDER).agg(first=day.min(), last=day.max())
    return spans.filter(spans["last"].delta(spans["first"], unit="day") > days).select(*ORDER)


def _split(lines: ir.Table, days: int) -> ir.Table:
    before = ibis.window(
        group_by=ORDER, order_by=["observed_at", "is_return"], preceding=(None, 1), following=None
    )
    until = ibis.window(
        group_by=ORDER, order_by=["observed_at", "is_return"], preceding=None, following=0
    )
    sold = lines["is_return"].ifelse(ibis.null("timestamp"), lines["observed_at"])
    marked = lines.mutate(sold=sold).mutate(last_sold=lambda t: t["sold"].max().over(before))
    gap = marked["sold"].date().delta(marked["last_sold"].date(), unit="day")
    marked = marked.mutate(begins=((gap > days) & ~marked["is_return"]).fill_null(False))
    begun = marked["begins"].ifelse(marked["sold"].date(), ibis.null("date")).max().over(until)
    name = marked["order_id"].concat(" · ", begun.cast("string"))
    return marked.mutate(order_id=begun.isnull().ifelse(marked["order_id"], name)).select(
        lines.columns
    )


def _row(lines: int, amount: float) -> pd.DataFrame:
    row = {"source": "orders", "rule": "order_number_reused", "action": "keep", "lines": lines}
    more = {"lines_share": float("nan"), "amount": amount, "first_values": ""}
    return pd.DataFrame([row | more])
