"""Registered customers and events: optional tables beside the order log, cleaned likewise."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.days import as_moment
from segkit.data.parsing import as_given, as_instant, as_optional_instant, as_text
from segkit.data.people import as_known_customer
from segkit.data.quality import count_malformed
from segkit.data.rules import is_stray
from segkit.data.sources import Raw
from segkit.params import Params


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
    source = params.registered
    assert source is not None
    columns, table = source.table, raw.table
    moment, unread = as_optional_instant(table, columns.registered, source, params.timezone)
    given = table.select(
        customer_id=as_known_customer(table[columns.customer], params),
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


EVENT_RULES = ("no_customer", "unparsable_date", "stray_date", "future_date", "other_event")


def judge_events(raw: Raw, params: Params, *, today: date) -> ir.Table:
    """Return all events typed, with the `rule` that each breaks (null where it counts).

    Returns
    -------
    ibis table
        `customer_id`, `happened_at`, `type` (a kind of `segkit.params.EventTypes`),
        `product_id` and `category` where the log has them, `rule`, and `raw`: the event as
        given, where it is rejected. Rejected ones stay, so that one pass over the log is enough.
    """
    source = params.events
    assert source is not None
    columns, table = source.columns, raw.table
    kind = as_text(table[columns.type])
    given = source.types.model_dump(exclude_none=True)
    typed = {
        "customer_id": as_known_customer(table[columns.customer], params),
        "happened_at": as_instant(table[columns.date], source, params.timezone),
        "type": ibis.cases(*[(kind == name, key) for key, name in given.items()]),
    }
    texts = {"product_id": columns.product, "category": columns.category}
    typed |= {name: as_text(table[column]) for name, column in texts.items() if column}
    tomorrow = ibis.literal(datetime.combine(today + timedelta(days=1), time.min))
    moment = typed["happened_at"]
    rule = ibis.cases(
        (typed["customer_id"].isnull(), "no_customer"),
        (moment.isnull(), "unparsable_date"),
        (is_stray(moment, source), "stray_date"),
        (moment >= tomorrow, "future_date"),
        (typed["type"].isnull(), "other_event"),
    )
    as_was = as_given({name: table[name] for name in table.columns})
    return table.select(**typed, rule=rule, raw=rule.notnull().ifelse(as_was, ibis.null("string")))


def kept_events(judged: ir.Table) -> ir.Table:
    """Return the events that count."""
    return judged.filter(judged["rule"].isnull()).drop("rule", "raw")


def rejected_events(judged: ir.Table) -> ir.Table:
    """Return the events that do not count, as `segkit.data.cleaning.Cleaned.rejected`."""
    broken = judged.filter(judged["rule"].notnull())
    return broken.select(
        source=ibis.literal("events"),
        reason="rule",
        amount=ibis.null("float64"),
        file=ibis.null("string"),
        line=ibis.null("int64"),
        raw="raw",
    )


def events_quality(judged: ir.Table, raw: Raw, lines: ir.Table) -> pd.DataFrame:
    """Return rows for the data-quality table: what the log of events held.

    Parameters
    ----------
    judged : ibis table
        As `judge_events` gives.
    raw : Raw
        The log as it was read.
    lines : ibis table
        Kept order lines, which purchase events should be among.
    """
    found = judged["rule"].value_counts(name="lines").to_pyarrow().to_pandas()
    kept = int(found.loc[found["rule"].isna(), "lines"].sum())
    broken = found.dropna().set_index("rule")["lines"]
    damaged = count_malformed(raw)
    rows = [
        ("read", "", int(found["lines"].sum()) + damaged),
        ("malformed_line", "reject", damaged),
    ]
    rows += [(rule, "reject", int(broken.get(rule, 0))) for rule in EVENT_RULES]
    unmatched = unmatched_purchases(kept_events(judged), lines).count().to_pyarrow().as_py()
    rows += [("purchase_not_in_orders", "keep", unmatched), ("kept", "", kept)]
    return _quality(rows, "events")


def unmatched_purchases(events: ir.Table, lines: ir.Table) -> ir.Table:
    """Return purchase events of customers who ordered neither on that day nor on one beside it."""
    bought = events.filter(events["type"] == "purchase")
    bought = bought.select("customer_id", day=bought["happened_at"].date())
    near = ibis.union(
        *[
            bought.distinct().mutate(near=lambda t, days=days: t["day"] + ibis.interval(days=days))
            for days in (-1, 0, 1)
        ]
    )
    sold = lines.filter(~lines["is_return"])
    sold = sold.select("customer_id", near=sold["observed_at"].date())
    matched = near.semi_join(sold, ["customer_id", "near"]).select("customer_id", "day")
    return bought.anti_join(matched, ["customer_id", "day"])


def _quality(rows: list[tuple[str, str, int]], source: str) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["rule", "action", "lines"])
    read = table["lines"].iloc[0]
    share = table["lines"] / read if read else 0.0
    return table.assign(source=source, lines_share=share, amount=float("nan"), first_values="")


def seen_table(events: ir.Table, as_of: date | None = None) -> ir.Table:
    """Return when each customer was first and last seen (before `as_of`).

    Returns
    -------
    ibis table
        `customer_id`, `first_seen`, `last_seen` (timestamps).
    """
    known = events if as_of is None else _before(events, as_of)
    moment = known["happened_at"]
    return known.group_by("customer_id").agg(first_seen=moment.min(), last_seen=moment.max())


def viewed_by(
    events: ir.Table, prospects: ir.Table, products: ir.Table | None, as_of: date
) -> ir.Table:
    """Return how many of some customers looked at each category, or product.

    Parameters
    ----------
    events : ibis table
        Kept events; of any type but purchases.
    prospects : ibis table
        `customer_id`.
    products : ibis table, optional
        `product_id`, `product`, `category`, as `segkit.data.carts.product_table` gives.
    as_of : date

    Returns
    -------
    ibis table
        `viewed` (the category that events or orders give a product, else its name, else its
        id), `customers`, `events`; the most looked at first.
    """
    known = _before(events, as_of).semi_join(prospects, "customer_id")
    known = known.filter(known["type"] != "purchase")
    if products is not None and "product_id" in known.columns:
        known = known.left_join(products, "product_id", rname="sold_{name}")
    columns = ("category", "sold_category", "product", "product_id")
    names = [known[name] for name in columns if name in known.columns]
    viewed = ibis.coalesce(*names) if names else ibis.null("string")
    named = known.mutate(viewed=viewed).filter(lambda table: table["viewed"].notnull())
    looks = named.group_by("viewed")
    table = looks.agg(customers=named["customer_id"].nunique(), events=named.count())
    return table.order_by(ibis.desc("customers"), ibis.desc("events"), "viewed")


def _before(events: ir.Table, as_of: date) -> ir.Table:
    return events.filter(events["happened_at"] < as_moment(as_of))
