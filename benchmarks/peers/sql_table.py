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
        # Literals: DuckDB imports pandas, a second and more, to bind a parameter.
        connection.execute(f"SET VARIABLE log = {quoted(given.log)}")
        connection.execute(f"SET VARIABLE as_of = {quoted(given.as_of)}::date")
        connection.execute(f"COPY ({query}) TO {quoted(given.out)} (FORMAT parquet)")


def quoted(value: object) -> str:
    """Return a text literal of SQL."""
    text = str(value).replace("'", "''")
    return f"'{text}'"


if __name__ == "__main__":
    measure(main, ["duckdb"])
