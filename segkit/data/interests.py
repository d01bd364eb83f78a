"""What each customer bought, looked at and put in the cart: one row a customer and product."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from segkit.data.days import as_date, as_moment

EVER = 10**6  # days: longer ago than any look
YEAR = 365  # days
MEASURED = ["days", "first_age", "age", "returned", "seen_age", "carted"]


def interest_table(lines: ir.Table, as_of: date, events: ir.Table | None = None) -> ir.Table:
    """Return one row a customer and product, from what was known before `as_of`.

    What was only ever returned was not bought: its row has no purchase days.

    Parameters
    ----------
    lines : ibis table
        Kept lines with `product_id`, as `segkit.data.cleaning.Cleaned.lines` describes them.
    as_of : date
        The first day that is not observed.
    events : ibis table, optional
        Kept events with `product_id`; without it nothing was looked at.

    Returns
    -------
    ibis table
        `customer_id`, `product_id`; `days` (purchase days; 0 where not bought), `first_age`
        and `age` (days from the first and the last purchase to `as_of`; null where not
        bought); `returned` (whether all of it came back, or any of it since the last purchase);
        `seen_age` (days since it was last
        looked at or put in the cart, where that was after the last purchase; else null) and
        `carted` (whether it was put in the cart then). Ordered by `customer_id` and
        `product_id`.
    """
    bought = _bought(lines, as_of)
    if events is None or "product_id" not in events.columns:
        unknown = {"seen_age": ibis.null("int64"), "carted": ibis.literal(False)}
        return bought.mutate(**unknown).order_by("customer_id", "product_id")
    seen = _seen(events, as_of)
    both = bought.outer_join(seen, ["customer_id", "product_id"], rname="seen_{name}")
    last = both["age"].fill_null(EVER)
    is_open = (both["seen_age_"] < last).fill_null(False)
    table = both.select(
        customer_id=both["customer_id"].coalesce(both["seen_customer_id"]),
        product_id=both["product_id"].coalesce(both["seen_product_id"]),
        days=both["days"].fill_null(0),
        first_age="first_age",
        age="age",
        returned=both["returned"].fill_null(False),
        seen_age=is_open.ifelse(both["seen_age_"], ibis.null("int64")),
        carted=(both["carted_age_"] < last).fill_null(False),
    )
    return table.order_by("customer_id", "product_id")


def of_categories(lines: ir.Table, events: ir.Table | None) -> tuple[ir.Table, ir.Table | None]:
    """Return lines and events whose products are their categories.

    Parameters
    ----------
    lines : ibis table
        Kept lines with `category`; what has none is left out.
    events : ibis table, optional
        Kept events; those without a category of their own have that of the product sold.
    """
    sold = lines.filter(lines["category"].notnull())
    as_products = sold.mutate(product_id="category", product="category")
    if events is None:
        return as_products, None
    own = [events["category"]] if "category" in events.columns else []
    if "product_id" in events.columns and "product_id" in lines.columns:
        of_product = sold.group_by("product_id").agg(sold_category=sold["category"].max())
        events = events.left_join(of_product, "product_id", rname="of_{name}")
        own = [*(events[name] for name in ["category"] if own), events["sold_category"]]
    if not own:
        return as_products, None
    named = events.mutate(product_id=own[0].coalesce(*own[1:]))
    return as_products, named.filter(named["product_id"].notnull())


def _bought(lines: ir.Table, as_of: date) -> ir.Table:
    known = lines.filter((lines["observed_at"] < as_moment(as_of)) & lines["product_id"].notnull())
    sold = ~known["is_return"]
    day, moment = known["counts_at"].date(), known["observed_at"]
    pairs = known.group_by("customer_id", "product_id").agg(
        units=known["quantity"].sum(),
        days=day.nunique(where=sold),
        first=day.min(where=sold),
        last=day.max(where=sold),
        last_sale=moment.max(where=sold),
        last_return=moment.max(where=known["is_return"]),
    )
    kept = (pairs["units"] > 0) & (pairs["days"] > 0)
    first, last = (kept.ifelse(pairs[name], ibis.null("date")) for name in ("first", "last"))
    back = pairs["last_return"].notnull()
    pairs = pairs.filter(kept | back)
    return pairs.select(
        "customer_id",
        "product_id",
        days=kept.ifelse(pairs["days"], 0),
        first_age=as_date(as_of).delta(first, unit="day"),
        age=as_date(as_of).delta(last, unit="day"),
        returned=back & (~kept | (pairs["last_return"] >= pairs["last_sale"])),
    )


def _seen(events: ir.Table, as_of: date) -> ir.Table:
    """Return when each customer last looked at a product, and whether it was in the cart."""
    looked = events.filter(
        (events["happened_at"] < as_moment(as_of))
        & (events["type"] != "purchase")
        & events["product_id"].notnull()
    )
    moment, is_cart = looked["happened_at"], looked["type"] == "cart"
    return looked.group_by("customer_id", "product_id").agg(
        seen_age_=as_date(as_of).delta(moment.max().date(), unit="day"),
        carted_age_=as_date(as_of).delta(moment.max(where=is_cart).date(), unit="day"),
    )


def product_figures(interests: ir.Table, half_life_days: float) -> ir.Table:
    """Return how many customers bought each product, came back for it, and when.

    Parameters
    ----------
    interests : ibis table
        As `interest_table` gives.
    half_life_days : float
        In `popularity`, a purchase so long ago counts half.

    Returns
    -------
    ibis table
        `product_id`, `customers` (who bought it), `rebuyers` (who bought it on several
        days), `repeat_gap_days` (median over them of the mean gap; null without any),
        `last_sold_days` (days since anybody bought it; null where nobody did), `popularity`
        (customers, those of long ago counting less).
    """
    bought = interests["days"] > 0
    again = interests["days"] > 1
    gap = (interests["first_age"] - interests["age"]) / (interests["days"] - 1).nullif(0)
    return interests.group_by("product_id").agg(
        customers=bought.sum().cast("int64"),
        rebuyers=again.sum().cast("int64"),
        repeat_gap_days=gap.median(where=again).cast("float64"),
        last_sold_days=interests["age"].min(),
        popularity=_popularity(interests, half_life_days),
    )


def _popularity(interests: ir.Table, half_life_days: float) -> ir.Value:
    age = interests["age"].cast("float64")
    return (age * (-np.log(2) / half_life_days)).exp().sum().fill_null(0.0)


def month_sales(lines: ir.Table, as_of: date) -> ir.Table:
    """Return in which months of the year each product was sold, as far back as whole years go.

    Parameters
    ----------
    lines : ibis table
        Kept lines with `product_id`.
    as_of : date
        The first day that is not known; years are counted back from it.

    Returns
    -------
    ibis table
        `product_id`, `month` (twelfth of a year: 0 begins at `as_of`, in an earlier year; 11
        ends before it) and `sales` (lines sold). A product has its whole years since it was
        first sold; one first sold within the last 365 days has none.
    """
    known = lines.filter(~lines["is_return"] & (lines["observed_at"] < as_moment(as_of)))
    known = known.filter(known["product_id"].notnull())
    known = known.mutate(age=as_date(as_of).delta(known["counts_at"].date(), unit="day"))
    back = ((known["age"] - 1) * 12 // YEAR).cast("int64")
    sums = known.group_by("product_id", back=back).agg(sales=known.count(), age=known["age"].max())
    years = sums["age"].max().over(ibis.window(group_by="product_id")) // YEAR
    whole = sums.mutate(years=years).filter(lambda table: table["back"] < 12 * table["years"])
    return whole.group_by("product_id", month=11 - whole["back"] % 12).agg(
        sales=whole["sales"].sum()
    )


def segment_sales(interests: ir.Table, segments: pd.DataFrame, half_life_days: float) -> ir.Table:
    """Return how each product sells in each segment.

    Parameters
    ----------
    interests : ibis table
        As `interest_table` gives.
    segments : DataFrame
        `customer_id`, `segment`.
    half_life_days : float

    Returns
    -------
    ibis table
        `segment`, `product_id`, `popularity` (as in `product_figures`).
    """
    joined = interests.filter(interests["days"] > 0).join(ibis.memtable(segments), "customer_id")
    groups = joined.group_by("segment", "product_id")
    return groups.agg(popularity=_popularity(joined, half_life_days))


def bought_between(lines: ir.Table, start: date, end: date, customers: pd.Series) -> ir.Table:
    """Return what some customers bought from `start` to before `end`: `customer_id`, `product_id`."""
    within = (lines["observed_at"] >= as_moment(start)) & (lines["observed_at"] < as_moment(end))
    sold = lines.filter(within & ~lines["is_return"] & lines["product_id"].notnull())
    wanted = ibis.memtable(pd.DataFrame({"customer_id": customers}))
    return sold.semi_join(wanted, "customer_id").select("customer_id", "product_id").distinct()


def customer_rows(
    file: Path, product_ids: pd.Series, size: int
) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
    """Yield the interests of whole customers, about `size` rows at a time.

    Parameters
    ----------
    file : Path
        An `interest_table`, written in its order.
    product_ids : Series
        Ids in the order of their places; all that the file holds.
    size : int

    Yields
    ------
    DataFrame
        `customer` (place among those yielded with it), `product` (place), `days`,
        `first_age`, `age`, `returned`, `seen_age`, `carted`.
    array of str
        The ids of these customers.
    """
    places = pa.array(product_ids, type=pa.string())
    columns = ["customer_id", "product_id", *MEASURED]
    rest: pa.Table | None = None
    with pq.ParquetFile(file) as parquet:
        for batch in parquet.iter_batches(size, columns=columns):
            read = pa.Table.from_batches([batch])
            table = read if rest is None else pa.concat_tables([rest, read])
            is_last = pc.equal(table["customer_id"], table["customer_id"][-1])
            whole = pc.index(is_last, True).as_py()
            rest = table.slice(whole)
            if whole:
                yield _placed(table.slice(0, whole), places)
        if rest is not None and rest.num_rows:
            yield _placed(rest, places)


def _placed(table: Any, places: Any) -> tuple[pd.DataFrame, np.ndarray]:
    customers = pc.dictionary_encode(table["customer_id"].combine_chunks())
    product = pc.index_in(table["product_id"], value_set=places)
    columns = {"customer": customers.indices.to_numpy(), "product": product.to_numpy()}
    measured = table.select(MEASURED).to_pandas()
    ids = customers.dictionary.to_numpy(zero_copy_only=False)
    return pd.DataFrame(columns).join(measured), ids
