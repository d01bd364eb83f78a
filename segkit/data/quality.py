"""What was read, kept and rejected, rule by rule, and what it was worth."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.rules import RULES
from segkit.data.sources import Raw
from segkit.errors import DataError
from segkit.params import Params

QUALITY_COLUMNS = ["source", "rule", "action", "lines", "lines_share", "amount", "first_values"]


def quality_table(judged: ir.Table, raw: Raw, params: Params) -> pd.DataFrame:
    """Return one row a rule with its lines and amount, framed by those read and kept."""
    groups = judged.group_by("rule", "fate").agg(
        lines=judged.count(), amount=judged["amount"].sum().coalesce(0)
    )
    found = groups.to_pyarrow().to_pandas()
    malformed = count_malformed(raw)
    heads = 0 if raw.heads is None else raw.heads.count().to_pyarrow().as_py()
    counted = [("malformed_line", malformed, Decimal(0))]
    for rule in RULES[1:]:
        broken = found[found["rule"] == rule]
        counted.append((rule, int(broken["lines"].sum()), broken["amount"].sum() or Decimal(0)))
    rules = pd.DataFrame(counted, columns=["rule", "lines", "amount"])
    rules["action"] = [getattr(params.cleaning, rule) for rule in rules["rule"]]
    first = _first_values(judged)
    rules["first_values"] = [first.get(rule, "") for rule in rules["rule"]]
    table = _framed(rules, found, malformed)
    rows = [("order_head", heads, 0.0, ""), *_of_orders(judged)]
    more = pd.DataFrame(rows, columns=["rule", "lines", "amount", "first_values"])
    more = more[more["lines"] > 0].assign(action="keep")
    return pd.concat([table, more], ignore_index=True).assign(source="orders")


_OF_ORDERS = {
    "order_total_differs": "total_gap",
    "order_lines_differ": "lines_gap",
    "discount_over_order": "over",
}


def _of_orders(judged: ir.Table) -> list[tuple[str, int, float, str]]:
    """Return how many orders' totals differ from their parts, or have too large a discount."""
    if "total_gap" not in judged.columns:
        return []
    sold = judged.filter(judged["fate"] == "sale")
    rows = []
    for rule, column in _OF_ORDERS.items():
        wrong = sold.filter(sold[column] != 0)
        counts = wrong.agg(
            orders=wrong.count(), amount=wrong[column].sum().coalesce(0).cast("float64")
        )
        (told,) = counts.to_pyarrow().to_pylist()
        first = wrong.order_by(wrong[column].abs().desc(), "order_id").head(3)
        names = listed(first.to_pyarrow().to_pydict()["order_id"]) if told["orders"] else ""
        rows.append((rule, told["orders"], told["amount"], names))
    return rows


def _framed(rules: pd.DataFrame, found: pd.DataFrame, malformed: int) -> pd.DataFrame:
    rejected = rules[rules["action"].isin(["reject", "fail"])]
    kept = found[found["fate"] != "reject"]
    read = int(found["lines"].sum()) + malformed
    ends = [
        ("read", read, found["amount"].sum() or Decimal(0)),
        ("rejected", int(rejected["lines"].sum()), rejected["amount"].sum()),
        ("kept", int(kept["lines"].sum()), kept["amount"].sum() or Decimal(0)),
    ]
    frame = pd.DataFrame(ends, columns=["rule", "lines", "amount"]).assign(
        action="", first_values=""
    )
    _require_whole(frame.set_index("rule"))
    table = pd.concat([frame[:1], rules, frame[1:]], ignore_index=True)
    table["lines_share"] = table["lines"] / read if read else 0.0
    return table.assign(amount=table["amount"].astype(float))


def _require_whole(frame: pd.DataFrame) -> None:
    for column in ("lines", "amount"):
        read, rejected, kept = frame.loc[["read", "rejected", "kept"], column]
        if rejected + kept != read:
            raise DataError(
                f"kept ({kept}) and rejected ({rejected}) {column} do not add up to those read ({read})",
                fix="this is a fault of the kit; please report it with the file",
            )


def count_malformed(raw: Raw) -> int:
    """Return how many lines of a table's files make no record."""
    return 0 if raw.malformed is None else raw.malformed.count().to_pyarrow().as_py()


def _first_values(judged: ir.Table) -> dict[str, str]:
    """Return for each rule the three most frequent texts that broke it."""
    seen = judged.filter(judged["offending"].notnull())
    counted = seen.group_by("rule", "offending").agg(lines=seen.count())
    place = ibis.row_number().over(group_by="rule", order_by=[ibis.desc("lines"), "offending"])
    first = counted.mutate(place=place).filter(lambda t: t["place"] < 3)
    table = first.order_by("rule", "place").to_pyarrow().to_pandas()
    return {rule: listed(group["offending"]) for rule, group in table.groupby("rule")}


def listed(values: Iterable[str]) -> str:
    """Return the first three texts on one line, none of them too long."""
    return ", ".join(value if len(value) <= 40 else value[:39] + "…" for value in list(values)[:3])


def stop_on_failed_rule(quality: pd.DataFrame, params: Params) -> None:
    """Raise a DataError where a line breaks a rule that is set to `fail`, or none is left."""
    failed = quality[(quality["action"] == "fail") & (quality["lines"] > 0)]
    for row in failed.head(1).to_dict("records"):
        raise DataError(
            f"lines break the rule {row['rule']}, which is set to fail",
            where=f"client {params.client}: orders",
            values=[row["first_values"]] if row["first_values"] else [],
            count=int(row["lines"]),
            fix=f"mend the data or set cleaning.{row['rule']} to reject",
        )
    counts = quality.set_index("rule")["lines"]
    if counts["kept"] == 0:
        fix = "check orders.columns, date_format, decimal and thousands"
        if not counts["read"]:
            fix = "check the export" + (", and orders.types" if params.orders.types else "")
        raise DataError(
            _nothing_left(counts),
            where=f"client {params.client}: orders",
            values=(params.orders.types or []) if not counts["read"] else [],
            fix=fix,
        )


def _nothing_left(counts: pd.Series) -> str:
    if not counts["read"]:
        return "there are no lines"
    reasons = counts[[rule for rule in RULES if counts[rule] > 0]]
    told = ", ".join(f"{rule} {lines}" for rule, lines in reasons.items())
    return f"no line is left of {counts['read']} read" + (f" ({told})" if told else "")
