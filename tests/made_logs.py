"""Small made logs and the parameters that read them, for several test modules."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from segkit.params import Params, check_params

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
