"""What a line was worth: which columns say it, how they are written, and in what currency."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from segkit.data.numbers import CURRENCIES, currency_signs
from segkit.errors import SegkitError
from segkit.sniff.columns import Columns
from segkit.sniff.numbers import decimal_mark, thousands_mark
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, shown

WORTH = ("amount", "price", "quantity")
"""Columns that a line's worth follows from."""


def leave_out_order_totals(columns: Columns) -> None:
    """Leave out an amount that is the whole order's: on each of its lines, or on one."""
    amount, order = columns.by_role.get("amount"), columns.by_role.get("order")
    if amount is None or "amount" in columns.given.columns:
        return
    name, lines = shown(amount.name), columns.sample.lines
    empty = lines - amount.present
    if order and _repeated_in_orders(amount, order):
        told = f"{name} is the same on all lines of an order"
    elif columns.has_price and empty > (1 - NEARLY_ALL) * lines:
        told = f"{name} is empty on {empty} of {lines} lines"
    else:
        return
    if not columns.has_price:
        raise SegkitError(
            f"{told}: it looks like the order's total, which must not be added up by line",
            fix="export each line's own amount, or one line an order; if it is each line's own, "
            f"say so: --column amount={name}",
        )
    columns.leave_out("amount", f"{told}; price times quantity is taken")


def _repeated_in_orders(amount: Column, order: Column) -> bool:
    orders: dict[str, list[str | None]] = {}
    for key, value in zip(order.values, amount.values):
        if key is not None:
            orders.setdefault(key, []).append(value)
    several = [values for values in orders.values() if len(values) > 1]
    same = [values[0] for values in several if len(set(values)) == 1]
    return len(several) >= 10 and len(same) >= NEARLY_ALL * len(several) and len(set(same)) > 5


def settle_marks(columns: Columns) -> tuple[Finding | None, Finding | None]:
    """Return decimal mark and mark between thousands; leave out a discount they do not read."""
    worth, others = (_written(columns, roles) for roles in (WORTH, ("profit", "discount")))
    written, given = worth | others, columns.given.decimal
    if not written:
        return None, None
    groups = worth.values(), written.values()
    decimal = Finding(given, "as given") if given else decimal_mark(*groups)
    thousands = thousands_mark(written.values(), decimal.value)
    for role in written:
        _require_read(columns, role, decimal.value, thousands.value if thousands else "")
    return decimal, thousands


def _written(columns: Columns, roles: Iterable[str]) -> dict[str, Column]:
    """Return the roles' columns whose numbers are text when the kit reads them."""
    found = {role: columns.by_role[role] for role in roles if role in columns.by_role}
    typed = columns.sample.format == "parquet"
    return {role: c for role, c in found.items() if not (typed and c.kind == "number")}


def _require_read(columns: Columns, role: str, decimal: str, thousands: str) -> None:
    column = columns.by_role[role]
    read = columns.tried.numbers(column.counts, decimal, thousands)
    strange = [text for text in column.counts if text not in read]
    wrong = column.lines_of(strange)
    if wrong <= (1 - NEARLY_ALL) * column.present:
        return
    told = (
        f"{wrong} of {column.present} values are no numbers with decimal {decimal!r} "
        f"and thousands {thousands!r}"
    )
    if role not in WORTH:
        columns.leave_out(role, f"{shown(column.name)}: {told}: {shown(strange[0])}")
        return
    raise SegkitError(
        told,
        where=f"column {shown(column.name)}",
        values=strange[:3],
        fix="export it again with one way of writing numbers, or say which is the decimal mark: "
        "--decimal . or --decimal ,",
    )


def currency(columns: Columns) -> Finding | None:
    """Return the currency that the amounts name, None where none does; an error for several."""
    found = _currencies(columns)
    if len(found) > 1:
        raise SegkitError(
            f"amounts in several currencies: {'; '.join(found.values())}",
            fix="convert them to one, or give each currency a file of its own",
        )
    return next((Finding(code, why) for code, why in found.items()), None)


def _currencies(columns: Columns) -> dict[str, str]:
    """Return codes and where they are; a sign tells less than a code ('$' is many dollars)."""
    from babel.numbers import list_currencies  # its data are loaded where they are asked for

    codes = {code: code for code in list_currencies()}
    names, every = columns.names, columns.sample.columns
    by_line = [column for column in every if names.key(column.name) in names.currency]
    money = [columns.by_role[role] for role in ("amount", "price") if role in columns.by_role]
    headers = [Column(column.name, [column.name]) for column in money]
    places = [*by_line, *money, *headers]
    return (
        _words(by_line, "^[A-Z]{3}$", codes)
        or _words(places, r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", codes)
        or _words(places, currency_signs(), CURRENCIES)
    )


def _words(columns: Iterable[Column], pattern: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return what the known words in columns stand for, and where each was first seen."""
    found: dict[str, str] = {}
    for column in columns:
        for text in column.counts:
            for word in re.findall(pattern, text):
                if word in known:
                    found.setdefault(known[word], f"{word!r} in {shown(column.name)}")
    return found
