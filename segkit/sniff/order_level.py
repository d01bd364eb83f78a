"""What stands on an order rather than on its lines: first rows, repeated amounts, and their sums.

A reading is proposed only where it adds up: the orders' totals have to be the sum of the parts
that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

from segkit.sniff.columns import Columns
from segkit.sniff.sample import NEARLY_ALL, Column, shown

AMOUNTS = ("subtotal", "discount", "shipping", "tax", "total", "refunded")
ADDS_UP = 0.9
"""Share of orders whose total has to be the sum of its parts."""

CENT = Decimal("0.011")
SEVERAL = 5
"""Orders of more than one line from which it can be told what stands on the order."""

Sums = dict[str, Decimal]


@dataclass(frozen=True)
class OrderLevel:
    """How a log is laid out, and what its orders' amounts are; empty where nothing tells."""

    layout: str = "lines"
    amounts: Mapping[str, Any] | None = None
    why: str = ""

    @property
    def has_value(self) -> bool:
        """Whether its amounts alone say what an order is worth."""
        return bool(self.amounts) and self.layout == "orders"


def order_level(columns: Columns) -> OrderLevel:
    """Return what stands on orders, and take those columns from the lines' roles."""
    order = columns.by_role.get("order")
    if order is None:
        return OrderLevel()
    layout = _layout(columns, order)
    candidates = {
        name: column
        for name, column in _candidates(columns).items()
        if _is_on_orders(layout, order, column)
    }
    if layout == "orders" and not {"subtotal", "total"} <= candidates.keys():
        return OrderLevel()  # nothing tells whether a total holds shipping and tax
    found, why = _reading(columns, order, candidates)
    if layout == "orders":
        layout = "orders" if found else "lines"
    if found and layout == "orders":
        for role in ("amount", "discount"):
            columns.by_role.pop(role, None)
    elif found:
        for role in ("discount", "amount"):
            column = columns.by_role.get(role)
            if column and column.name in found.values() and columns.has_price:
                del columns.by_role[role]
    elif candidates.keys() - {"total"} and layout == "lines" and columns.has_price:
        names = ", ".join(shown(column.name) for column in candidates.values())
        columns.notes.append(f"amounts of orders that do not add up: {names}: see orders.amounts")
    return OrderLevel(layout, found or None, why)


def leave_out_amounts(columns: Columns) -> OrderLevel:
    """Take all amounts away: a log of units alone, as its user says."""
    for role in ("amount", "price", "discount", "profit"):
        columns.by_role.pop(role, None)
    return OrderLevel()


def _layout(columns: Columns, order: Column) -> str:
    if _on_first_rows(order, columns.by_role["date"]):
        return "order_then_lines"
    is_alone = len(order.counts) == order.present == columns.sample.lines
    return "orders" if is_alone and not columns.has_price else "lines"


def _is_on_orders(layout: str, order: Column, column: Column) -> bool:
    if layout == "lines":
        return _repeated(order, column)
    return layout == "orders" or _on_first_rows(order, column)


def _candidates(columns: Columns) -> dict[str, Column]:
    names = columns.names.amounts
    found: dict[str, Column] = {}
    for name in AMOUNTS:
        for row in names.get(name, []):
            fits = [c for c in columns.sample.columns if columns.names.key(c.name) in row]
            if len(fits) == 1 and name not in found and fits[0].counts:
                found[name] = fits[0]
    return found


def _on_first_rows(order: Column, column: Column) -> bool:
    """Return whether a column is filled on first rows of orders, and empty on all others."""
    seen: set[str] = set()
    others = wrong = 0
    for key, value in zip(order.values, column.values):
        if key is None:
            continue
        if key in seen:
            others += 1
            wrong += value is not None
        elif value is not None:
            seen.add(key)
        else:
            wrong += 1
    return others >= SEVERAL and wrong <= (1 - NEARLY_ALL) * others


def _repeated(order: Column, column: Column) -> bool:
    """Return whether a column says the same on all lines of an order."""
    orders: dict[str, set[str | None]] = {}
    lines: dict[str, int] = {}
    for key, value in zip(order.values, column.values):
        if key is not None:
            orders.setdefault(key, set()).add(value)
            lines[key] = lines.get(key, 0) + 1
    several = [values for key, values in orders.items() if lines[key] > 1]
    same = [values for values in several if len(values) == 1]
    return len(several) >= SEVERAL and len(same) >= NEARLY_ALL * len(several)


def _reading(
    columns: Columns, order: Column, candidates: Mapping[str, Column]
) -> tuple[dict[str, Any], str]:
    """Return the amounts whose sum is the orders' total, and how many orders say so."""
    orders = list(_orders(columns, order, candidates))
    matching = {
        (kind, tax_is): sum(_adds_up(sums, candidates, kind, tax_is) for sums in orders)
        for kind, tax_is in product(_subtotals(candidates), ("on_top", "inside"))
    }
    best = max(matching, key=lambda reading: matching[reading])
    if not orders or matching[best] < ADDS_UP * len(orders):
        return {}, ""
    found: dict[str, Any] = {}
    for name, column in candidates.items():
        found[name] = column.name
        if name == "subtotal":
            found["subtotal_is"] = best[0]
    return found, f"{matching[best]} of {len(orders)} orders add up"


def _subtotals(candidates: Mapping[str, Column]) -> list[str]:
    return ["after_discount", "before_discount"] if "subtotal" in candidates else ["lines"]


def _orders(columns: Columns, order: Column, candidates: Mapping[str, Column]) -> Iterator[Sums]:
    """Yield each whole order's amounts, and the value of its lines."""
    read = {name: _numbers(columns, column) for name, column in candidates.items()}
    value = {role: _numbers(columns, c) for role, c in columns.by_role.items() if role in _VALUE}
    found: dict[str, Sums] = {}
    for row, key in enumerate(order.values):
        if key is None:
            continue
        sums = found.setdefault(key, {"lines": Decimal(0)})
        for name, column in candidates.items():
            text = column.values[row]
            if name not in sums and text is not None and text in read[name]:
                sums[name] = abs(read[name][text])
        sums["lines"] += _line(columns, value, row)
    whole = list(found.values())
    yield from whole[:-1] if len(whole) > 1 else whole  # the sample may cut the last one


_VALUE = ("price", "quantity", "amount")


def _numbers(columns: Columns, column: Column) -> dict[str, Decimal]:
    given = columns.given.decimal or "."
    for decimal, thousands in ((given, ""), (",", "."), (".", ","), (",", "")):
        read = columns.tried.numbers(column.counts, decimal, thousands)
        if len(read) >= NEARLY_ALL * len(column.counts):
            return read
    return {}


def _line(columns: Columns, value: Mapping[str, Mapping[str, Decimal]], row: int) -> Decimal:
    def of(role: str) -> Decimal:
        text = columns.by_role[role].values[row]
        return value[role].get(text or "", Decimal(0))

    if columns.has_price:
        return of("price") * of("quantity")
    return of("amount") if "amount" in value else Decimal(0)


def _adds_up(sums: Sums, candidates: Mapping[str, Column], kind: str, tax_is: str) -> bool:
    zero = Decimal(0)
    discount, lines = sums.get("discount", zero), sums["lines"]
    subtotal = sums.get("subtotal")
    products = lines - discount if subtotal is None else subtotal
    if subtotal is not None and kind == "before_discount":
        products = subtotal - discount
    if "total" not in candidates:
        return abs(products - (lines - discount)) <= CENT
    tax = sums.get("tax", zero) if tax_is == "on_top" else zero
    parts = products + sums.get("shipping", zero) + tax
    return abs(sums.get("total", zero) - parts) <= CENT
