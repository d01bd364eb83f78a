"""DuckDB SQL written by hand: the queries that stand beside this file, into Parquet files."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import duckdb
from measure import measure


def main(given: Namespace) -> None:
    """Write the result of one query over the log."""
    settings = {"memory_limit": given.memory, "temp_directory": str(given.scratch)}
    if given.threads:
        settings["threads"] = str(given.threads)
    query = (Path(__file__).parent / given.query).read_text(encoding="utf-8")
    with duckdb.connect(config=settings) as connection:
        connection.execute("SET VARIABLE log = ?", [str(given.log)])
        connection.execute("SET VARIABLE as_of = ?::date", [given.as_of])
        connection.execute(f"COPY ({query}) TO '{given.out}' (FORMAT parquet)")


if __name__ == "__main__":
    measure(main, ["duckdb"])
