"""Codes in a log that say more than they name: orders that take others back, lines of no product."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from segkit.sniff.columns import Columns
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, shown

MOST_CODES = 12
FEW = 0.05
"""Share of lines that codes of no product may be on, or they are the products."""


def cancelled_prefix(columns: Columns) -> Finding | None:
    """Return the letter that numbers of orders begin with where these take units back."""
    order, negative = columns.by_role.get("order"), _negative(columns)
    if order is None:
        return None
    lines: Counter[str] = Counter()
    back: Counter[str] = Counter()
    for row, key in enumerate(order.values):
        if key is not None:
            start = key[0] if key[0].isalpha() and key[1:].isdecimal() else ""
            lines[start] += 1
            back[start] += row in negative
    letters = [start for start in lines if start and back[start] >= NEARLY_ALL * lines[start]]
    if len(letters) != 1 or not lines[""]:
        return None
    return Finding(letters[0], f"{lines[letters[0]]} lines whose orders begin so take units back")


def _negative(columns: Columns) -> set[int]:
    column = columns.by_role.get("quantity") or columns.by_role.get("amount")
    values = column.values if column else []
    return {
        row for row, text in enumerate(values) if text and text.lstrip().startswith(("-", "\u2212"))
    }


def non_products(columns: Columns) -> Finding | None:
    """Return codes without a digit, where nearly all products have one, and what they are worth."""
    product = columns.by_role.get("product")
    if product is None:
        return None
    codes = [code for code in product.counts if not any(sign.isdigit() for sign in code)]
    if not codes or product.lines_of(codes) > FEW * product.present:
        return None
    most = sorted(codes, key=lambda code: (-product.counts[code], code))[:MOST_CODES]
    worth = _worth(columns, product)
    told = "; ".join(
        f"{shown(code)} ×{product.counts[code]}" + (f" ({worth[code]:,.2f})" if worth else "")
        for code in most[:5]
    )
    return Finding(most, f"no products by their codes: {told}")


def _worth(columns: Columns, product: Column) -> Counter[str]:
    """Return what each code's lines come to; nothing where the numbers are not plain."""
    roles = ("price", "quantity") if columns.has_price else ("amount",)
    if not all(role in columns.by_role for role in roles):
        return Counter()
    read = {role: columns.tried.numbers(columns.by_role[role].counts, ".", "") for role in roles}
    sums: Counter[str] = Counter()
    for row, code in enumerate(product.values):
        value = Decimal(1)
        for role in roles:
            value *= read[role].get(columns.by_role[role].values[row] or "", Decimal(0))
        if code is not None:
            sums[code] += value  # type: ignore[assignment]
    return sums
