"""From what a file holds to net revenue, step by step, so that each can be checked.

A back office shows one figure; which of the steps it has taken differs from shop to shop.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from segkit.data.rules import UNKNOWN_BUYER

STEPS = ("gross", "discounts", "returns", "refunds", "net", "no_customer", "net_of_customers")
"""From what was sold at its prices to the revenue of known customers."""

NOT_COUNTED = ("cancelled", "unpaid", "unknown_status", "left_out", "other_rules")
"""What is in the file and in none of the steps."""

_STEP_OF = {
    "cancelled_order": "cancelled",
    "cancelled": "cancelled",
    "unpaid_order": "unpaid",
    "unknown_status": "unknown_status",
    "left_out": "left_out",
}

BESIDE = ("shipping", "tax", "total")
"""What customers paid besides; `total` is all that stayed with the shop."""

BRIDGE_COLUMNS = ["step", "orders", "lines", "amount"]

_MEASURES = ("amount", "list_amount", "refunded", "shipping", "tax", "kept_total")


def revenue_bridge(judged: ir.Table, returned: ir.Table | None) -> pd.DataFrame:
    """Return the steps from gross to net revenue, and what did not count.

    Parameters
    ----------
    judged : ibis table
        Lines with `rule`, `fate` and `otherwise` (see `segkit.data.cleaning.judge`), and the
        measures of `segkit.data.worth.of_orders` where a log has amounts of orders.
    returned : ibis table, optional
        Lines of a returns table that undo others.

    Returns
    -------
    DataFrame
        `step`: of `STEPS`, then `NOT_COUNTED`, then `BESIDE`; `orders`, `lines`; `amount`, signed
        so that ``gross + discounts + returns + refunds = net`` and
        ``net + no_customer = net_of_customers``.

    Source
    ------
    Definitions, section 2, "What an order is worth".
    """
    found = _summed(judged)
    counted = found["counts"]
    unknown = counted & found["rule"].isin(UNKNOWN_BUYER)
    sold = counted & found["fate_then"].isin(["sale", "cancelled"])
    back = counted & found["fate_then"].isin(["return", "cancelled"])
    whole = found["list_amount"].where(sold, 0)
    table = {
        "gross": _row(found[sold], whole[sold]),
        "discounts": _row(found[sold], (found["amount"] - whole)[sold], "_off"),
        "returns": _row(found[back], -found["amount"][back].abs()),
        "refunds": _row(found[sold], -found["refunded"][sold], "_back"),
    }
    if returned is not None:
        table["returns"] = _with_table(table["returns"], returned)
    net = sum(row["amount"] for row in table.values())
    signed = found["amount"].where(sold, 0) - found["amount"].abs().where(back, 0)
    worth = signed - found["refunded"].where(sold, 0)
    table["net"] = _row(found[sold], worth[sold]) | {"amount": net}
    table["no_customer"] = _row(found[unknown], -worth[unknown])
    known = sold & ~found["rule"].isin(UNKNOWN_BUYER)
    own = net + table["no_customer"]["amount"]
    table["net_of_customers"] = _row(found[known], worth[known]) | {"amount": own}
    steps_of = found["rule"].map(_STEP_OF).fillna("other_rules")
    for step in NOT_COUNTED:
        place = ~counted & (steps_of == step)
        table[step] = _row(found[place], found["amount"][place])
    for name, measure in zip(BESIDE, ("shipping", "tax", "kept_total")):
        if measure in judged.columns:
            table[name] = _row(found[sold], found[measure][sold])
    steps = pd.DataFrame([{"step": step} | row for step, row in table.items()])
    steps["amount"] = steps["amount"].astype(float)
    order = [*STEPS, *NOT_COUNTED, *BESIDE]
    return steps.sort_values("step", key=lambda names: names.map(order.index))[BRIDGE_COLUMNS]


def _summed(judged: ir.Table) -> pd.DataFrame:
    """Add up lines by what became of them."""
    measures = {
        name: judged[name].sum().coalesce(0) for name in _MEASURES if name in judged.columns
    }
    order = judged["order_id"].concat("|", judged["customer_id"].fill_null(""))
    for name, off in _parts(judged).items():
        measures |= {f"lines{name}": off.sum(), f"orders{name}": order.nunique(where=off)}
    groups = judged.group_by("rule", "fate", "otherwise").agg(
        lines=judged.count(), orders=order.nunique(), **measures
    )
    found = groups.to_pyarrow().to_pandas()
    zero = Decimal(0)
    for name in _MEASURES:
        given = found[name] if name in found else pd.Series(zero, found.index, dtype=object)
        found[name] = found["amount"] if name == "list_amount" and name not in found else given
    buyer = found["rule"].isin(UNKNOWN_BUYER)
    found["fate_then"] = found["otherwise"].where(buyer, found["fate"])
    return found.assign(counts=found["fate_then"] != "reject")


def _parts(judged: ir.Table) -> dict[str, ir.BooleanValue]:
    """Return which lines were sold for less, and of which something went back."""
    if "list_amount" not in judged.columns:
        return {}
    return {"_off": judged["list_amount"] != judged["amount"], "_back": judged["refunded"] != 0}


def _row(found: pd.DataFrame, amount: pd.Series, part: str = "") -> dict[str, Any]:
    """Return orders, lines and amount of a step; of a part of the lines, theirs."""
    counts = {
        name: int(found[f"{name}{part}"].sum()) if f"{name}{part}" in found else 0
        for name in ("orders", "lines")
    }
    return counts | {"amount": sum(amount, Decimal(0))}


def _with_table(row: dict[str, Any], returned: ir.Table) -> dict[str, Any]:
    more = returned.agg(
        orders=returned["order_id"].nunique(),
        lines=returned.count(),
        amount=returned["amount"].sum(),
    )
    (extra,) = more.to_pyarrow().to_pylist()
    return {name: row[name] + (extra[name] or 0) for name in row}


def explained(bridge: pd.DataFrame, total: float, tolerance: float = 0.01) -> list[str] | None:
    """Return the steps that lie between the net revenue and a total; None where none do.

    Parameters
    ----------
    bridge : DataFrame
        From `revenue_bridge`.
    total : float
        What the client says the revenue is.
    tolerance : float
        Amounts that differ by no more are equal.

    Returns
    -------
    list of str, or None
        As few steps as there can be: those to take back from the net revenue, or to add to it,
        such as `["discounts"]` for a client that counts gross. Empty where nothing differs.

    Examples
    --------
    >>> bridge = pd.DataFrame({"step": ["gross", "discounts", "net", "unpaid"],
    ...     "amount": [120.0, -20.0, 100.0, 7.0]})
    >>> explained(bridge, 127.0)
    ['discounts', 'unpaid']
    """
    amounts = bridge.set_index("step")["amount"]
    net = amounts["net"]
    signs = dict.fromkeys(("discounts", "returns", "refunds"), -1.0)
    signs |= dict.fromkeys((*NOT_COUNTED, "shipping", "tax", "no_customer"), 1.0)
    parts = {
        step: sign * amounts[step]
        for step, sign in signs.items()
        if step in amounts.index and abs(amounts[step]) > tolerance
    }
    for count in range(len(parts) + 1):
        for steps in combinations(parts, count):
            if abs(net + sum(parts[step] for step in steps) - total) <= tolerance:
                return list(steps)
    return None
