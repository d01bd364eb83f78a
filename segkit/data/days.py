"""Dates of a study as values of the engine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir


def as_date(day: date) -> ir.DateScalar:
    """Return a day as a date of the engine."""
    return ibis.date(day.isoformat())


def as_moment(day: date) -> ir.TimestampScalar:
    """Return the first instant of a day."""
    return ibis.timestamp(day.isoformat())


def calendar(dates: Sequence[date]) -> ir.Table:
    """Return dates as a table: `as_of`, and its `epoch`: its place in their order, from 0 on."""
    days = sorted(dates)
    schema = {"as_of": "date", "epoch": "int64"}
    return ibis.memtable({"as_of": days, "epoch": list(range(len(days)))}, schema=schema)
