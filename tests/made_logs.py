"""Small made logs and the parameters that read them, for several test modules."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa

from segkit.data.returns import place_returns
from segkit.params import Params, check_params

Line = tuple[str, datetime, str, int, Decimal]
"""Customer, moment, order, quantity, amount."""
HEADER = ("customer", "date", "order", "quantity", "amount")


def write_rows(file: Path, rows: Iterable[Sequence[Any]], header: Sequence[str] = HEADER) -> Path:
    """Write a CSV file as the kit reads it by default."""
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return file


def params_of(header: Sequence[str] = HEADER, **given: Any) -> Params:
    """Return parameters of a client `acme` whose log has the columns of `header`."""
    orders = {"path": "orders.csv", "columns": {name: name for name in header}}
    orders |= given.pop("orders", {})
    return check_params({"client": "acme", "currency": "EUR", "orders": orders, **given})


def kept_lines(engine: ibis.BaseBackend, lines: Iterable[Line]) -> ibis.Table:
    """Return plain lines as the kit keeps them: returns are those of a negative amount."""
    names = ["customer_id", "observed_at", "order_id", "quantity", "amount"]
    columns = dict(zip(names, zip(*lines)))
    number = pa.decimal128(18, 4)
    numbers = {name: pa.array(columns[name], number) for name in names[3:]}
    returned = [amount < 0 for amount in columns["amount"]]
    moments = pa.array(columns["observed_at"], pa.timestamp("us"))
    table = pa.table({**columns, **numbers, "observed_at": moments, "is_return": returned})
    return place_returns(engine.create_table("t", table, temp=True, overwrite=True))
