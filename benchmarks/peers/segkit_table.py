"""The kit: `customer_table` over the log's lines, into a Parquet file.

With `--events` the table has its visits and carts; with `--dates` it is that of several
quarters, from one pass over the lines.
"""

from __future__ import annotations

from argparse import Namespace
from datetime import date

import ibis
from measure import measure

from segkit.data.carts import cart_counts, cart_items
from segkit.data.customers import customer_table, customer_tables
from segkit.data.events import seen_table
from segkit.data.parsing import MONEY
from segkit.data.sources import Workspace
from segkit.params import EngineParams


def main(given: Namespace) -> None:
    """Write the customer table of the log."""
    engine = EngineParams(memory_limit=given.memory, threads=given.threads)
    workspace = Workspace(given.log.parent, given.scratch, engine)
    log = workspace.connection.read_parquet(str(given.log))
    lines = log.select(
        "customer_id",
        "order_id",
        observed_at=log["date"],
        counts_at=log["date"],
        quantity=log["quantity"].cast(MONEY),
        amount=log["amount"].cast(MONEY),
        is_return=ibis.literal(False),
        order_known=ibis.literal(False),
    )
    as_of = date.fromisoformat(given.as_of)
    if given.dates > 1:
        table = customer_tables(lines, _quarters(as_of, given.dates))
    elif given.events:
        table = customer_table(lines, as_of, **_events(workspace, given, as_of))
    else:
        table = customer_table(lines, as_of)
    table.to_parquet(given.out)
    workspace.close()


def _quarters(as_of: date, count: int) -> list[date]:
    steps = (as_of.year * 12 + as_of.month - 1 - 3 * step for step in range(count))
    return [date(month // 12, month % 12 + 1, 1) for month in steps]


def _events(workspace: Workspace, given: Namespace, as_of: date) -> dict[str, ibis.Table]:
    """Return visits and carts, the cart items written down as a study does."""
    events = workspace.connection.read_parquet(str(given.events))
    file = workspace.fresh_file("cart_items")
    cart_items(events, window_hours=24).to_parquet(file)
    counts = cart_counts(workspace.parquet(file), [as_of], window_hours=24, open_days=30)
    return {"seen": seen_table(events, as_of), "carts": counts.drop("as_of")}


if __name__ == "__main__":
    measure(main, ["segkit", "ibis-framework", "duckdb"])
