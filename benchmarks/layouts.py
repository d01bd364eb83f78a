"""What layouts cost: the customer table of a log, and of one whose orders' fields are on first rows.

    python benchmarks/layouts.py --lines 1000000 10000000 --memory 4GB

The same lines three times: with every field on each (`lines`), with an order's fields on its first
row alone (`first rows`), and that with a subtotal and a discount of the order (`amounts`). Each is
read, cleaned and made a customer table in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from contest import machine, measured
from generate import END, default_folder, log_file

COLUMNS = {"customer": "customer_id", "date": "date", "order": "order_id"}
COLUMNS |= {"quantity": "quantity", "amount": "amount"}
FILLED = {"layout": "order_then_lines", "order_begins": "date"}
LAYOUTS: dict[str, dict[str, Any]] = {
    "lines": {},
    "first rows": FILLED,
    "amounts": FILLED | {"amounts": {"subtotal": "subtotal", "discount": "discount"}},
}

FIRST_ROWS = """
COPY (
    SELECT order_id, quantity, round(amount, 2) AS amount,
        CASE WHEN first THEN customer_id END AS customer_id,
        CASE WHEN first THEN date END AS date,
        CASE WHEN first THEN round(total * 0.9, 2) END AS subtotal,
        CASE WHEN first THEN round(total * 0.1, 2) END AS discount
    FROM (
        SELECT *, lag(order_id) OVER () IS DISTINCT FROM order_id AS first,
            sum(amount) OVER (PARTITION BY order_id) AS total, row_number() OVER () AS row
        FROM read_parquet('{log}')
    ) ORDER BY row
) TO '{out}' (FORMAT parquet, ROW_GROUP_SIZE 250000)
"""


def made_logs(folder: Path, lines: int) -> dict[str, Path]:
    """Return the log of each layout, made if it is not there."""
    import duckdb

    log = log_file(folder, lines)
    filled = log.with_name(f"{log.stem}_first_rows.parquet")
    if not filled.exists():
        duckdb.sql(FIRST_ROWS.format(log=log, out=filled))
    return {name: log if name == "lines" else filled for name in LAYOUTS}


def work(layout: str, log: Path, memory: str, scratch: Path) -> None:
    """Make the customer table of one log, as a run of the kit does."""
    from segkit.data.cleaning import clean
    from segkit.data.customers import customer_table
    from segkit.data.layout import lines_of
    from segkit.data.sources import Workspace
    from segkit.params import check_params

    orders = {"path": str(log), "columns": COLUMNS, **LAYOUTS[layout]}
    cleaning = {"exact_duplicate": "keep", "non_positive_price": "keep"}
    engine = {"memory_limit": memory}
    content = {"client": "a", "currency": "EUR", "orders": orders}
    params = check_params(content | {"cleaning": cleaning, "engine": engine})
    workspace = Workspace(scratch, scratch / "spill", params.engine)
    raws = {"orders": lines_of(workspace, params.orders)}
    cleaned = clean(workspace, params, raws, today=date.today())
    customer_table(cleaned.lines, date.fromisoformat(END)).to_parquet(scratch / "out.parquet")
    workspace.close()


def main() -> None:
    """Measure each layout, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--memory", default="4GB")
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--work", nargs=2, metavar=("LAYOUT", "LOG"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
            work(given.work[0], Path(given.work[1]), given.memory, Path(scratch))
        return
    print(
        machine(),
        "\n\n| lines | layout | seconds | peak MB | times `lines` |\n|--:|---|--:|--:|--:|",
    )
    for lines in given.lines:
        usual = None
        for layout, log in made_logs(given.folder, lines).items():
            command = [sys.executable, __file__, "--memory", given.memory]
            command += ["--folder", str(given.folder), "--work", layout, str(log)]
            done = measured(command)
            if done.problem:
                raise SystemExit(done.problem)
            usual = usual or done.seconds
            ratio = f"{done.seconds / usual:.2f}"
            print(f"| {lines:,} | {layout} | {done.seconds:.2f} | {done.peak_mb:,.0f} | {ratio} |")


if __name__ == "__main__":
    main()
