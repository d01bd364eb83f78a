"""Logs of orders and of events, of any size, the same for the same seed, written in pieces.

python benchmarks/generate.py --lines 1000000 10000000 --folder /data/benchmarks
python benchmarks/generate.py --products 50000 --lines 1000000
python benchmarks/generate.py --events --lines 1000000
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

LINES_A_CUSTOMER = 10
LINES_AN_ORDER = 2.5
PRODUCTS = 100_000
HEAD = 10
"""Added to the ranks of products, from 0 on: without it the first would be in every tenth line."""
CATEGORIES = 200
FIRST_DAY, END = "2022-01-01", "2025-01-01"
PIECE = 1_000_000
ROW_GROUP = 250_000
"""Engines read row groups side by side, so that a small log needs several, too."""


def log_file(folder: Path, lines: int, seed: int = 1, products: int = 0) -> Path:
    """Return the Parquet log of so many lines, made if it is not there.

    Parameters
    ----------
    folder : Path
        Where logs are kept; made when missing.
    lines : int
        Order lines; a tenth as many customers.
    seed : int
        The same seed gives the same lines.
    products : int
        So many products, in a log of the same lines that names them; none by default.
    """
    if not products:
        return _written(folder / f"orders_{lines}_{seed}.parquet", lambda: pieces(lines, seed))
    file = folder / f"orders_{lines}_{seed}_{products}.parquet"
    return _written(file, lambda: with_products(pieces(lines, seed), products, seed))


def events_file(folder: Path, events: int, seed: int = 1) -> Path:
    """Return the Parquet log of so many events, made if it is not there.

    Parameters
    ----------
    folder : Path
        Where logs are kept; made when missing.
    events : int
        Events of the customers of a log of as many order lines, and of as many again who
        never bought.
    seed : int
        The same seed gives the same events.
    """
    return _written(folder / f"events_{events}_{seed}.parquet", lambda: event_pieces(events, seed))


def _written(file: Path, make: Callable[[], Iterator[pa.Table]]) -> Path:
    import pyarrow.parquet as pq

    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".part")
    pieces_of = make()
    first = next(pieces_of)
    with pq.ParquetWriter(aside, first.schema) as writer:
        for piece in chain([first], pieces_of):
            writer.write_table(piece, row_group_size=ROW_GROUP)
    os.replace(aside, file)
    return file


def event_pieces(events: int, seed: int = 1) -> Iterator[pa.Table]:
    """Yield events in the order of time: `customer_id`, `product_id`, `type`, `happened_at`.

    Nine of ten are views; a purchase follows four of ten carts within three hours.
    """
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    people = max(2 * events // LINES_A_CUSTOMER, 1)
    steps = np.linspace(0, 1, -(-events // PIECE) + 1)
    for begin, end in pairwise(steps):
        size = round(end * events) - round(begin * events)
        carts = round(0.07 * size)
        bought = round(0.4 * carts)
        views = size - carts - bought
        who, what = rng.integers(0, people, size), rng.integers(0, PRODUCTS, size)
        moments = _moments(rng, begin, end, size)
        again = slice(views, views + bought)
        who[-bought:], what[-bought:] = who[again], what[again]
        moments = rng.permutation(moments)
        moments[-bought:] = moments[again] + rng.integers(60, 3 * 3600, bought)
        kind = np.repeat(np.array(["view", "cart", "purchase"]), [views, carts, bought])
        order = np.argsort(moments, kind="stable")
        columns = {
            "customer_id": pa.array(who[order]).cast(pa.string()),
            "product_id": pa.array(what[order]).cast(pa.string()),
            "type": pa.array(kind[order]),
            "happened_at": pa.array(moments[order] * 1_000_000).cast(pa.timestamp("us")),
        }
        yield pa.table(columns)


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


def with_products(log: Iterator[pa.Table], products: int, seed: int = 1) -> Iterator[pa.Table]:
    """Yield the pieces of a log with `product_id` and `category` (text) beside the rest.

    The chance of a product is one over its rank plus `HEAD` (Zipf and Mandelbrot): a few sell
    very often, most hardly ever. Each line's product is drawn by itself.
    """
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng([seed, products])
    chances = np.cumsum(1 / (np.arange(products) + HEAD))
    numbers = rng.permutation(products)
    for piece in log:
        product = numbers[np.searchsorted(chances, rng.random(len(piece)) * chances[-1])]
        named = piece.append_column("product_id", pa.array(product).cast(pa.string()))
        yield named.append_column("category", pa.array(product % CATEGORIES).cast(pa.string()))


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
    parser.add_argument("--events", action="store_true", help="events instead of order lines")
    parser.add_argument("--products", type=int, default=0, help="products that order lines name")
    given = parser.parse_args()
    for lines in given.lines:
        file = (
            events_file(given.folder, lines, given.seed)
            if given.events
            else log_file(given.folder, lines, given.seed, given.products)
        )
        print(f"{file}  {lines:,} lines  {file.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
