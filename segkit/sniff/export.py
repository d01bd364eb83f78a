"""A known shop system's export: how this one is written, and what it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from segkit.errors import SegkitError
from segkit.sniff.dates import date_format
from segkit.sniff.given import Given
from segkit.sniff.layouts import Known, unknown_statuses
from segkit.sniff.numbers import decimal_mark, thousands_mark
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, Sample, Unfit, shown
from segkit.sniff.trial import Trial

NUMBERS = ("amount", "price", "quantity", "discount", "profit")


def seen_columns(known: Known, samples: Sequence[Sample]) -> dict[str, Column]:
    """Return the columns of an export's files by name; the first file that has one counts."""
    found: dict[str, Column] = {}
    for place, _ in known.others:
        for column in samples[place].columns:
            found.setdefault(column.name, column)
    return found


def with_given(known: Known, columns: dict[str, Column], given: Given) -> None:
    """Put the columns that are named by hand in the place of the layout's."""
    for role, name in given.columns.items():
        if name not in columns:
            raise SegkitError("no such column", where=f"--column {role}", values=[name])
        known.orders["columns"][role] = name


def leave_out_empty(known: Known, columns: dict[str, Column]) -> None:
    """Leave out dimensions that the export has, and never fills."""
    named = known.orders.pop("dimensions", [])
    if filled := [name for name in named if columns[name].counts]:
        known.orders["dimensions"] = filled


def dates(known: Known, columns: dict[str, Column], given: Given, tried: Trial) -> Finding:
    """Return how dates are written: as the system writes them, if that reads nearly all."""
    column = columns[known.orders["columns"]["date"]]
    if column.kind != "instant" and not given.date_format:
        read = tried.instants(column.counts, list(known.date_formats))
        lines = {pattern: column.lines_of(found) for pattern, found in read.items()}
        fits = [each for each in lines if lines[each] >= max(1, NEARLY_ALL * column.present)]
        if len(fits) == 1:  # where several do, as of a shop that chooses its own, the dates decide
            told = f"as {known.system} writes them: {lines[fits[0]]} of {column.present}"
            return Finding(fits[0], told)
    try:
        return date_format(column, tried, given.date_format)[0]
    except Unfit as unfit:
        raise SegkitError(
            f"the dates of {shown(column.name)} are not written as {known.system} does: {unfit}",
            fix="say how: --date-format",
        ) from None


def marks(
    known: Known, columns: dict[str, Column], given: Given
) -> tuple[Finding | None, Finding | None]:
    """Return the decimal mark and the mark between thousands of all amounts."""
    named = [known.orders["columns"].get(role) for role in NUMBERS]
    amounts = known.orders.get("amounts", {})
    packed = {amounts.get("refunded")} if "refunded_field" in amounts else set()
    named += [name for name in amounts.values() if isinstance(name, str)]
    found = [columns[name] for name in named if name in columns and name not in packed]
    found = [column for column in found if column.counts]
    if not found:
        return None, None
    decimal = Finding(given.decimal, "as given") if given.decimal else decimal_mark(found)
    return decimal, thousands_mark(found, decimal.value)


def money(known: Known, columns: dict[str, Column], given: Given) -> Finding | None:
    """Return the currency that the export names, where none is given; an error for several.

    Where a column names it, orders in others are left out.
    """
    if known.currency is None:
        return None
    if header := re.search(r"\(([A-Z]{3})\)", known.currency):
        return Finding(header[1], f"in {shown(known.currency)}")
    codes = [text for text in columns[known.currency].counts if re.fullmatch("[A-Z]{3}", text)]
    if given.currency or len(codes) == 1:
        code = given.currency or codes[0]
        condition = {"name": "other currencies", "column": known.currency, "is": [code]}
        known.orders.setdefault("where", []).append(condition)
        return Finding(code, f"in {shown(known.currency)}")
    if codes:
        raise SegkitError(
            f"amounts in several currencies, says {shown(known.currency)}",
            values=codes,
            fix="say which one counts: --currency; orders in others are then left out",
        )
    return None


def remarks(known: Known, columns: dict[str, Column], sample: Sample) -> Iterator[str]:
    """Yield what somebody has to look at: statuses, and a currency that is missing."""
    for status in known.orders.get("statuses", []):
        column = columns[status["column"]]
        if "sold" in status and column.counts:
            yield f"{column.name}: {column.commonest}"
    for told in unknown_statuses(known, sample):
        yield f"not known: {told}: not a sale until a list of statuses has it"
