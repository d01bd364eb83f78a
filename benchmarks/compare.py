"""Whether two customer tables say the same; prints each column that differs.

python benchmarks/compare.py ours.parquet theirs.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path

RELATIVE = 1e-9
"""Sums of floats depend on the order of lines; ours, of decimals, do not."""


def differing(ours: Path, theirs: Path) -> dict[str, int]:
    """Return how many customers differ, by column that both tables have.

    Nothing to measure is null in one table and 0 in another; both count as 0. Customers
    whom one table lacks are counted under `customer_id`.
    """
    import duckdb

    with duckdb.connect() as connection:
        tables = [connection.read_parquet(str(file)) for file in (ours, theirs)]
        shared = [name for name in tables[0].columns if name in tables[1].columns]
        counts = ", ".join(_differs(name) for name in shared if name != "customer_id")
        row = connection.sql(
            f"SELECT sum((a.customer_id IS NULL OR b.customer_id IS NULL)::int), {counts} "
            f"FROM '{ours}' a FULL JOIN '{theirs}' b USING (customer_id)"
        ).fetchone()
    return {name: int(count) for name, count in zip(shared, row) if count}


def _differs(name: str) -> str:
    a, b = (f"coalesce({_number(table, name)}, 0)" for table in "ab")
    return f"sum((abs({a} - {b}) > {RELATIVE} * greatest(abs({a}), 1))::int)"


def _number(table: str, name: str) -> str:
    column = f'{table}."{name}"'
    return (
        f"epoch({column}::timestamp)"
        if name in {"first_order", "last_order"}
        else f"{column}::double"
    )


def main() -> None:
    """Print what differs; the exit status is 1 if anything does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ours", type=Path)
    parser.add_argument("theirs", type=Path)
    given = parser.parse_args()
    found = differing(given.ours, given.theirs)
    for name, count in found.items():
        print(f"{name}: {count} customers differ")
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
