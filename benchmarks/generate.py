"""Order logs of any size, made the same for the same seed, written in pieces.

python benchmarks/generate.py --lines 1000000 10000000 --folder /data/benchmarks
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LINES_A_CUSTOMER = 10
LINES_AN_ORDER = 2.5
FIRST_DAY, END = "2022-01-01", "2025-01-01"
PIECE = 1_000_000
ROW_GROUP = 250_000
"""Engines read row groups side by side, so that a small log needs several, too."""


def log_file(folder: Path, lines: int, seed: int = 1) -> Path:
    """Return the Parquet log of so many lines, made if it is not there.

    Parameters
    ----------
    folder : Path
        Where logs are kept; made when missing.
    lines : int
        Order lines; a tenth as many customers.
    seed : int
        The same seed gives the same lines.
    """
    import pyarrow.parquet as pq

    file = folder / f"orders_{lines}_{seed}.parquet"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    with pq.ParquetWriter(aside, _schema()) as writer:
        for piece in pieces(lines, seed):
            writer.write_table(piece, row_group_size=ROW_GROUP)
    os.replace(aside, file)
    return file


def pieces(lines: int, seed: int = 1) -> Iterator[pa.Table]:
    """Yield a log in the order of time, at most a million lines at once.

    Columns are `customer_id` and `order_id` (text), `date`, `quantity` and `amount`; an
    order has one customer and one moment. Every customer buys at least once, a few buy
    very often.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    customers = max(lines // LINES_A_CUSTOMER, 1)
    firsts = rng.permutation(customers)
    activity = np.cumsum(rng.gamma(0.7, size=customers))
    orders = round(lines / LINES_AN_ORDER)
    steps = np.linspace(0, 1, -(-lines // PIECE) + 1)
    for begin, end in pairwise(steps):
        order_ids = np.arange(round(begin * orders), round(end * orders))
        new = firsts[round(begin * customers) : round(end * customers)]
        drawn = rng.random(len(order_ids) - len(new)) * activity[-1]
        buyers = rng.permutation(np.concatenate([new, np.searchsorted(activity, drawn)]))
        size = round(end * lines) - round(begin * lines)
        yield _piece(rng, order_ids, buyers, _moments(rng, begin, end, len(order_ids)), size)


def _moments(rng: np.random.Generator, begin: float, end: float, orders: int) -> np.ndarray:
    import numpy as np

    first, last = (np.datetime64(day, "s").astype("int64") for day in (FIRST_DAY, END))
    span = last - first
    return np.sort(rng.integers(first + int(begin * span), first + int(end * span), orders))


def _piece(
    rng: np.random.Generator,
    order_ids: np.ndarray,
    buyers: np.ndarray,
    moments: np.ndarray,
    lines: int,
) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    more = rng.integers(0, len(order_ids), lines - len(order_ids))
    order = np.sort(np.concatenate([np.arange(len(order_ids)), more]))
    columns = {
        "customer_id": pa.array(buyers[order]).cast(pa.string()),
        "order_id": pa.array(order_ids[order]).cast(pa.string()),
        "date": pa.array(moments[order] * 1_000_000).cast(pa.timestamp("us")),
        "quantity": pa.array(rng.integers(1, 5, lines).astype("int32")),
        "amount": pa.array(np.round(rng.gamma(2, 15, lines), 2) + 0.01),
    }
    return pa.table(columns, schema=_schema())


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {
        "customer_id": pa.string(),
        "order_id": pa.string(),
        "date": pa.timestamp("us"),
        "quantity": pa.int32(),
        "amount": pa.float64(),
    }
    return pa.schema(kinds.items())


def default_folder() -> Path:
    """Return the user's cache folder for logs, results and peers' environments."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "segkit-benchmarks"


def main() -> None:
    """Make the logs that the command line asks for, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for lines in given.lines:
        file = log_file(given.folder, lines, given.seed)
        print(f"{file}  {lines:,} lines  {file.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
