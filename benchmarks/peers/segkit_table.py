"""The kit: `customer_table` over the log's lines, into a Parquet file."""

from __future__ import annotations

from argparse import Namespace
from datetime import date

import ibis
from measure import measure

from segkit.data.customers import customer_table
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
    customer_table(lines, date.fromisoformat(given.as_of)).to_parquet(given.out)
    workspace.close()


if __name__ == "__main__":
    measure(main, ["segkit", "ibis-framework", "duckdb"])
