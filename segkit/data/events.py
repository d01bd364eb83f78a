"""Registered customers and events: optional tables beside the order log, cleaned likewise."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from segkit.data.cleaning import count_malformed
from segkit.data.parsing import as_id, as_instant, as_optional_instant, as_text
from segkit.data.sources import Raw
from segkit.params import Params

if TYPE_CHECKING:
    import ibis.expr.types as ir


def clean_registered(raw: Raw, params: Params) -> tuple[ir.Table, pd.DataFrame]:
    """Return one row a registered customer, and what the table held.

    A customer that stands there twice is registered since the earlier date; one whose date
    cannot be read is kept, without a date.

    Returns
    -------
    ibis table
        `customer_id`, `registered` (timestamp; null where unknown).
    DataFrame
        Rows for the data-quality table.
    """

    source = params.customers
    assert source is not None
    columns, table = source.columns, raw.table
    moment, unread = as_optional_instant(table, columns.registered, source, params.timezone)
    given = table.select(
        customer_id=as_id(table[columns.customer]),
        registered=moment,
        undated=unread.notnull(),
    )
    known = given.filter(given["customer_id"].notnull())
    counts = (
        given.agg(
            read=given.count(),
            no_customer=given["customer_id"].isnull().sum().coalesce(0),
            undated=(given["undated"] & given["customer_id"].notnull()).sum().coalesce(0),
            kept=given["customer_id"].nunique(),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    twice = counts["read"] - counts["no_customer"] - counts["kept"]
    damaged = count_malformed(raw)
    rows = [("read", "", counts["read"] + damaged), ("malformed_line", "reject", damaged)]
    rows += [("no_customer", "reject", counts["no_customer"])]
    rows += [("unparsable_date", "keep", counts["undated"])]
    rows += [("repeated_customer", "reject", twice), ("kept", "", counts["kept"])]
    return (
        known.group_by("customer_id").agg(registered=known["registered"].min()),
        _quality(rows, "customers"),
    )


def clean_events(raw: Raw, params: Params, *, today: date) -> tuple[ir.Table, pd.DataFrame]:
    """Return the events that count, and what the log held.

    Returns
    -------
    ibis table
        `customer_id`, `happened_at`, `type` (`view`, `cart`, `purchase`), and
        `product_id` where the log has it.
    DataFrame
        Rows for the data-quality table.
    """
    import ibis

    source = params.events
    assert source is not None
    columns, table = source.columns, raw.table
    names = {given: name for name, given in source.types.model_dump().items()}
    kind = as_text(table[columns.type])
    typed = {
        "customer_id": as_id(table[columns.customer]),
        "happened_at": as_instant(table[columns.date], source, params.timezone),
        "type": ibis.cases(*[(kind == given, name) for given, name in names.items()]),
    }
    if columns.product:
        typed["product_id"] = as_text(table[columns.product])
    given = table.select(**typed)
    tomorrow = ibis.literal(datetime.combine(today + timedelta(days=1), time.min))
    judged = given.mutate(
        rule=ibis.cases(
            (given["customer_id"].isnull(), "no_customer"),
            (given["happened_at"].isnull(), "unparsable_date"),
            (given["happened_at"] >= tomorrow, "future_date"),
            (given["type"].isnull(), "other_event"),
            else_="kept",
        )
    )
    found = judged["rule"].value_counts(name="lines").to_pyarrow().to_pandas()
    lines = found.set_index("rule")["lines"]
    rules = ("no_customer", "unparsable_date", "future_date", "other_event")
    damaged = count_malformed(raw)
    rows = [("read", "", int(lines.sum()) + damaged), ("malformed_line", "reject", damaged)]
    rows += [(rule, "reject", int(lines.get(rule, 0))) for rule in rules]
    rows += [("kept", "", int(lines.get("kept", 0)))]
    kept = judged.filter(judged["rule"] == "kept").drop("rule")
    return kept, _quality(rows, "events")


def _quality(rows: list[tuple[str, str, int]], source: str) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["rule", "action", "lines"])
    read = table["lines"].iloc[0]
    share = table["lines"] / read if read else 0.0
    return table.assign(source=source, lines_share=share, amount=float("nan"), first_values="")


def seen_table(events: ir.Table, as_of: date) -> ir.Table:
    """Return when each customer was last seen, and how many products wait in the cart.

    Returns
    -------
    ibis table
        `customer_id`, `last_seen` (timestamp), `carts_open`: products put in the cart
        and not bought since (null where events name no product).
    """
    import ibis

    known = events.filter(events["happened_at"] < ibis.timestamp(as_of.isoformat()))
    seen = known.group_by("customer_id").agg(last_seen=known["happened_at"].max())
    if "product_id" not in events.columns:
        return seen.mutate(carts_open=ibis.null("int64"))
    by_product = known.group_by("customer_id", "product_id").agg(
        carted=known["happened_at"].max(where=known["type"] == "cart"),
        bought=known["happened_at"].max(where=known["type"] == "purchase"),
    )
    waiting = by_product["carted"].notnull() & (
        by_product["bought"].isnull() | (by_product["bought"] < by_product["carted"])
    )
    carts = by_product.group_by("customer_id").agg(carts_open=waiting.sum().cast("int64"))
    return seen.left_join(carts, "customer_id").drop("customer_id_right")
