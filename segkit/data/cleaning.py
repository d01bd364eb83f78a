"""From lines as given to lines that count: each rule is named, nothing is lost.

A line is *kept* (as a sale or as a return) or *rejected* with the first rule that it
breaks; kept and rejected lines add up to the lines read, in number and in amount.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.days import as_moment
from segkit.data.parsing import (
    MONEY,
    PRICE,
    as_id,
    as_instant,
    as_number,
    as_optional_instant,
    as_text,
)
from segkit.data.sources import Raw, Workspace
from segkit.errors import DataError
from segkit.params import Log, Params

RULES = (
    "malformed_line",
    "no_customer",
    "no_date",
    "unparsable_date",
    "stray_date",
    "future_date",
    "unparsable_number",
    "non_product",
    "exact_duplicate",
    "cancelled",
    "non_positive_price",
    "negative_quantity",
)
"""The rules in the order in which they are tried: a line counts under the first it breaks."""

QUALITY_COLUMNS = ["source", "rule", "action", "lines", "lines_share", "amount", "first_values"]


@dataclass(frozen=True)
class Cleaned:
    """The lines that count, those that do not, and the table that says so.

    Attributes
    ----------
    lines : ibis table
        Kept lines: `customer_id`, `order_id`, `observed_at` (when the line was known),
        `counts_at` (the date that it counts on), `quantity`, `amount` (both negative
        for returns), `is_return`, `order_known` (of a return), and `product_id`, `product`, `category`, `channel`,
        `discount`, `profit` where the log has them.
    rejected : ibis table
        `source`, `reason`, `amount`, `file`, `line`, and `raw`: the line as given. Lines of
        the order log and of the returns table, and malformed lines of every table.
    quality : DataFrame
        `source`, `rule`, `action`, `lines`, `lines_share`, `amount`, `first_values`.
    """

    lines: ir.Table
    rejected: ir.Table
    quality: pd.DataFrame


def clean(workspace: Workspace, params: Params, raws: dict[str, Raw], *, today: date) -> Cleaned:
    """Sort the lines of an order log into kept and rejected ones.

    Parameters
    ----------
    workspace : Workspace
    params : Params
    raws : dict of str to Raw
        `orders`, and `returns` where there is such a table.
    today : date
        Lines dated after it are in the future.

    Raises
    ------
    DataError
        No line is left, a rule is set to `fail` and a line breaks it, or kept and
        rejected lines do not add up to those read.

    Notes
    -----
    Definitions, section 2: a return counts on the date of the order that it belongs to
    where that order is in the log, else on its own date.
    """
    orders = of_types(raws["orders"].table, params)
    judged = _write_down(workspace, judge(orders, params, today=today), "judged")
    quality = _quality(judged, raws["orders"], params)
    _stop_on_failed_rule(quality, params)
    lines = place_returns(_kept(judged))
    rejected = [_rejected(judged), *_damaged(raws)]
    if "returns" in raws:
        lines = _write_down(workspace, lines, "lines")
        given = _write_down(workspace, _typed_returns(raws["returns"], params, lines), "returns")
        mirrored = returned_orders(given, lines)
        quality = pd.concat([quality, _returns_quality(given, mirrored, raws["returns"])])
        lines = lines.union(mirrored)
        rejected.append(_rejected(given, "returns"))
    lines = _write_down(workspace, lines, "lines")
    quality = pd.concat([quality, _placed(lines)], ignore_index=True)
    return Cleaned(lines, ibis.union(*rejected), quality[QUALITY_COLUMNS])


def of_types(table: ir.Table, params: Params) -> ir.Table:
    """Return the lines that are purchases, where a log has others too."""
    types, column = params.orders.types, params.orders.columns.type
    return table.filter(as_text(table[column]).isin(types)) if types and column else table


def judge(table: ir.Table, params: Params, *, today: date) -> ir.Table:
    """Return the log's lines typed, with the first `rule` that each breaks and its `fate`.

    `fate` is `sale`, `return`, `cancelled` (a sale and its return) or `reject`; `raw` is
    the rejected line as given, as JSON; `offending` is what broke the rule.
    """
    typed = _typed(table, params)
    conditions = _conditions(typed, table, params, today)
    broken = [(condition, name) for name, (condition, _) in conditions.items()]
    offending = [(condition, value) for condition, value in conditions.values()]
    judged = typed.mutate(rule=ibis.cases(*broken), offending=ibis.cases(*offending))
    judged = judged.mutate(fate=_fate(judged, params))
    raw = as_given({name: judged[f"raw:{name}"] for name in table.columns})
    raw = (judged["fate"] == "reject").ifelse(raw, ibis.null("string"))
    return judged.mutate(raw=raw).drop(*[f"raw:{name}" for name in table.columns])


def as_given(columns: dict[str, ir.Value]) -> ir.StringValue:
    """Return a line as it was given, as JSON."""
    texts = {name: as_text(column) for name, column in columns.items()}
    return ibis.struct(texts).cast("json").cast("string")


def _typed(table: ir.Table, params: Params) -> ir.Table:
    source, columns = params.orders, params.orders.columns
    raw = {f"raw:{name}": table[name] for name in table.columns}
    customer, moment = (
        as_id(table[columns.customer]),
        as_instant(table[columns.date], source, params.timezone),
    )
    day_of_customer = customer.concat("|", moment.date().cast("string"))
    typed = {
        "customer_id": customer,
        "order_id": as_id(table[columns.order]) if columns.order else day_of_customer,
        "observed_at": moment,
        **_numbers(table, params),
    }
    typed["order_id"] = typed["order_id"].coalesce(day_of_customer)
    texts = {"product_id": columns.product, "product": columns.product_name}
    texts |= {"category": columns.category, "channel": columns.channel, "status": columns.status}
    typed |= {name: as_text(table[column]) for name, column in texts.items() if column}
    return table.select(**raw, **typed)


def _numbers(table: ir.Table, params: Params) -> dict[str, ir.Value]:
    source, columns = params.orders, params.orders.columns
    kinds = {"price": PRICE, "quantity": MONEY, "amount": MONEY}
    numbers = {
        name: as_number(table[getattr(columns, name)], source, kind)
        for name, kind in kinds.items()
        if getattr(columns, name)
    }
    if not columns.has_value:
        numbers["amount"] = numbers.get("quantity", ibis.literal(1).cast(MONEY))
    elif "amount" not in numbers:
        product = numbers["price"].cast("float64") * numbers["quantity"].cast("float64")
        numbers["amount"] = product.try_cast(MONEY)
    numbers.setdefault("quantity", ibis.literal(1).cast(MONEY))
    for name in ("discount", "profit"):
        if getattr(columns, name):
            numbers[name] = as_number(table[getattr(columns, name)], source)
    return numbers


def _conditions(
    typed: ir.Table, table: ir.Table, params: Params, today: date
) -> dict[str, tuple[ir.BooleanValue, ir.StringValue]]:
    """Return each active rule's condition and the text that shows what broke it."""
    columns, rules = params.orders.columns, params.cleaning
    none = ibis.null("string")
    given_date = as_text(typed[f"raw:{columns.date}"])
    tomorrow = datetime.combine(today + timedelta(days=1), time.min)
    numbers = [name for name in ("amount", "price", "quantity") if getattr(columns, name)]
    unparsable = ibis.or_(typed["amount"].isnull(), *[typed[name].isnull() for name in numbers])
    shown = [as_text(typed[f"raw:{getattr(columns, name)}"]).fill_null("") for name in numbers]
    number = ibis.literal(" · ").join(shown) if shown else none
    conditions = {
        "no_customer": (typed["customer_id"].isnull(), none),
        "no_date": (as_id(typed[f"raw:{columns.date}"]).isnull(), none),
        "unparsable_date": (typed["observed_at"].isnull(), given_date),
        "stray_date": (is_stray(typed["observed_at"], params.orders), given_date),
        "future_date": (typed["observed_at"] >= ibis.literal(tomorrow), given_date),
        "unparsable_number": (unparsable, number),
        "non_product": _non_product(typed, params),
        "exact_duplicate": _duplicate(typed, params),
        "cancelled": _cancelled(typed, params),
        "non_positive_price": (_worthless(typed, params), number),
        "negative_quantity": (_negative(typed), number),
    }
    active = [rule for rule in RULES[1:] if getattr(rules, rule) != "keep"]
    return {rule: conditions[rule] for rule in active}


def is_stray(moment: ir.TimestampValue, log: Log) -> ir.BooleanValue:
    """Return whether a moment lies outside of what the log is said to cover."""
    early = moment < as_moment(log.since) if log.since else ibis.literal(False)
    late = moment >= as_moment(log.until) if log.until else ibis.literal(False)
    return early | late


def _non_product(typed: ir.Table, params: Params) -> tuple[ir.BooleanValue, ir.StringValue]:
    if not params.orders.columns.product or not params.cleaning.non_product_codes:
        return ibis.literal(False), ibis.null("string")
    codes = params.cleaning.non_product_codes
    exact = typed["product_id"].isin([code for code in codes if not code.endswith("*")])
    starts = [typed["product_id"].startswith(code[:-1]) for code in codes if code.endswith("*")]
    return ibis.or_(exact, *starts).fill_null(False), typed["product_id"]


def _duplicate(typed: ir.Table, params: Params) -> tuple[ir.BooleanValue, ir.StringValue]:
    if params.cleaning.exact_duplicate == "keep":
        return ibis.literal(False), ibis.null("string")
    raw = [name for name in typed.columns if name.startswith("raw:")]
    return ibis.row_number().over(group_by=raw) > 0, typed["order_id"]


def _cancelled(typed: ir.Table, params: Params) -> tuple[ir.BooleanValue, ir.StringValue]:
    prefix, statuses = params.cleaning.cancelled_order_prefix, params.cleaning.cancelled_statuses
    found, shown = ibis.literal(False), typed["order_id"]
    if prefix and params.orders.columns.order:
        found = found | typed["order_id"].startswith(prefix)
    if statuses and params.orders.columns.status:
        found, shown = found | typed["status"].isin(statuses), typed["status"]
    return found.fill_null(False), shown


def _worthless(typed: ir.Table, params: Params) -> ir.BooleanValue:
    worthless = typed["amount"] == 0
    if params.orders.columns.price:
        worthless = worthless | (typed["price"] <= 0)
    if params.orders.columns.quantity:
        worthless = worthless | ((typed["amount"] < 0) & (typed["quantity"] >= 0))
    return worthless


def _negative(typed: ir.Table) -> ir.BooleanValue:
    return (typed["quantity"] < 0) | (typed["amount"] < 0)


def _fate(judged: ir.Table, params: Params) -> ir.StringValue:
    actions = params.cleaning.model_dump()
    rule = judged["rule"]
    returning = [name for name, action in actions.items() if action == "return"]
    return ibis.cases(
        (rule.isnull(), "sale"),
        (rule.isin(returning) & _negative(judged), "return"),
        (rule.isin(returning), "cancelled"),
        else_="reject",
    )


def _kept(judged: ir.Table) -> ir.Table:
    """Return sales and returns; a line cancelled after the sale is one of each."""
    spare = {"rule", "offending", "fate", "raw", "status", "price"} & set(judged.columns)
    signed = [name for name in ("quantity", "amount", "profit") if name in judged.columns]
    sales = judged.filter(judged["fate"].isin(["sale", "cancelled"]))
    returns = judged.filter(judged["fate"].isin(["return", "cancelled"]))
    away = {name: (-returns[name].abs()).cast(MONEY) for name in signed if name != "profit"}
    if "profit" in signed:
        sold = returns["fate"] == "cancelled"
        away["profit"] = sold.ifelse(-returns["profit"], returns["profit"]).cast(MONEY)
    both = (sales.mutate(is_return=ibis.literal(False)), returns.mutate(is_return=True, **away))
    return ibis.union(*[part.drop(*spare) for part in both])


def place_returns(lines: ir.Table) -> ir.Table:
    """Add `counts_at` and `order_known`: a return counts when its order did, if that is known.

    An order sold after its return is not known to it: what is known at a date must not
    change with what comes later.
    """
    sales = lines.filter(~lines["is_return"])
    returned = lines.filter(lines["is_return"]).select("customer_id", "order_id").distinct()
    sold = (
        sales.semi_join(returned, ["customer_id", "order_id"])
        .group_by("customer_id", "order_id")
        .agg(sold_at=sales["observed_at"].min())
    )
    placed = lines.left_join(sold, ["customer_id", "order_id"])
    known = placed["is_return"] & (placed["sold_at"] <= placed["observed_at"]).fill_null(False)
    moment = known.ifelse(placed["sold_at"], placed["observed_at"])
    return placed.mutate(counts_at=moment, order_known=known).select(
        *lines.columns, "counts_at", "order_known"
    )


def returned_orders(given: ir.Table, lines: ir.Table) -> ir.Table:
    """Return the lines that undo wholly returned orders.

    A return is known from its own date, or from the line's where that is missing or
    earlier; it counts on the order's date.
    """
    orders = given.filter(given["rule"].isnull())
    orders = orders.group_by("returned_order").agg(returned_at=orders["returned_at"].min())
    joined = lines.inner_join(orders, lines["order_id"] == orders["returned_order"])
    known = ibis.greatest(
        joined["returned_at"].coalesce(joined["observed_at"]), joined["observed_at"]
    )
    signed = [name for name in ("quantity", "amount", "profit") if name in lines.columns]
    away = {name: (-joined[name]).cast(MONEY) for name in signed}
    mirrored = joined.mutate(observed_at=known, is_return=True, order_known=True, **away)
    return mirrored.select(lines.columns)


def _typed_returns(raw: Raw, params: Params, lines: ir.Table) -> ir.Table:
    """Return the returns table typed, with the `rule` that each line breaks and its `fate`."""
    source = params.returns
    assert source is not None
    columns, table = source.columns, raw.table
    moment, unread = as_optional_instant(table, columns.date, source, params.timezone)
    typed = table.select(
        returned_order=as_id(table[columns.order]),
        returned_at=moment,
        undated=unread,
        raw=as_given({name: table[name] for name in table.columns}),
    )
    sold = lines.filter(~lines["is_return"]).group_by(sold_order="order_id")
    sold = sold.agg(sold_at=lines["observed_at"].min())
    typed = typed.left_join(sold, typed["returned_order"] == sold["sold_order"])
    rule = ibis.cases(
        (typed["returned_order"].isnull(), "no_order"),
        (typed["sold_order"].isnull(), "unknown_order"),
    )
    fate = rule.isnull().ifelse("return", "reject")
    return typed.mutate(rule=rule, fate=fate, amount=ibis.null(MONEY)).drop("sold_order")


def _returns_quality(given: ir.Table, mirrored: ir.Table, raw: Raw) -> pd.DataFrame:
    """Return one row a rule; a return without a date, or dated before its order, is kept."""
    kept = given["rule"].isnull()
    rules = {
        "no_order": given["rule"] == "no_order",
        "unknown_order": given["rule"] == "unknown_order",
        "unparsable_date": kept & given["undated"].notnull(),
        "return_before_order": kept & _is_early(given),
        "returned_order": kept,
    }
    sums = {rule: condition.sum().coalesce(0) for rule, condition in rules.items()}
    counts = given.agg(lines=given.count(), **sums).to_pyarrow().to_pylist()[0]
    amount = mirrored["amount"].sum().to_pyarrow().as_py() or 0
    strange = _least(given, "returned_order", rules["unknown_order"])
    undated = _least(given, "undated", rules["unparsable_date"])
    early = _least(given, "returned_order", rules["return_before_order"])
    damaged = count_malformed(raw)
    read = counts["lines"] + damaged
    rows = [
        ("read", "", read, 0.0, ""),
        ("malformed_line", "reject", damaged, 0.0, ""),
        ("no_order", "reject", counts["no_order"], 0.0, ""),
        ("unknown_order", "reject", counts["unknown_order"], 0.0, strange),
        ("unparsable_date", "keep", counts["unparsable_date"], 0.0, undated),
        ("return_before_order", "keep", counts["return_before_order"], 0.0, early),
        ("returned_order", "return", counts["returned_order"], float(amount), ""),
    ]
    table = pd.DataFrame(rows, columns=["rule", "action", "lines", "amount", "first_values"])
    share = table["lines"] / read if read else 0.0
    return table.assign(source="returns", lines_share=share)


def _is_early(given: ir.Table) -> ir.BooleanValue:
    """Return whether a return is dated before the day of its order."""
    return (given["returned_at"].date() < given["sold_at"].date()).fill_null(False)


def _least(table: ir.Table, column: str, condition: ir.BooleanValue) -> str:
    values = table.filter(condition).select(column).distinct().order_by(column).head(3)
    return _listed(values.to_pyarrow().to_pydict()[column])


def _quality(judged: ir.Table, raw: Raw, params: Params) -> pd.DataFrame:
    """Return one row a rule with its lines and amount, framed by those read and kept."""
    groups = judged.group_by("rule", "fate").agg(
        lines=judged.count(), amount=judged["amount"].sum().coalesce(0)
    )
    found = groups.to_pyarrow().to_pandas()
    malformed = count_malformed(raw)
    rows = [("malformed_line", malformed, Decimal(0))]
    for rule in RULES[1:]:
        broken = found[found["rule"] == rule]
        rows.append((rule, int(broken["lines"].sum()), broken["amount"].sum() or Decimal(0)))
    rules = pd.DataFrame(rows, columns=["rule", "lines", "amount"])
    rules["action"] = [getattr(params.cleaning, rule) for rule in rules["rule"]]
    first = _first_values(judged)
    rules["first_values"] = [first.get(rule, "") for rule in rules["rule"]]
    return _framed(rules, found, malformed).assign(source="orders")


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
    return {rule: _listed(group["offending"]) for rule, group in table.groupby("rule")}


def _listed(values: Iterable[str]) -> str:
    return ", ".join(value if len(value) <= 40 else value[:39] + "…" for value in list(values)[:3])


def _stop_on_failed_rule(quality: pd.DataFrame, params: Params) -> None:
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


def _placed(lines: ir.Table) -> pd.DataFrame:
    """Return how many returned lines count on their order's day, and how many on their own."""
    returned = lines.filter(lines["is_return"])
    own = ~returned["order_known"]
    totals = (
        returned.agg(
            own_lines=own.sum().coalesce(0),
            own_amount=own.ifelse(returned["amount"], 0).sum().coalesce(0).cast("float64"),
            all_lines=returned.count(),
            all_amount=returned["amount"].sum().coalesce(0).cast("float64"),
        )
        .to_pyarrow()
        .to_pylist()[0]
    )
    rows = [
        (
            "return_on_order_date",
            totals["all_lines"] - totals["own_lines"],
            totals["all_amount"] - totals["own_amount"],
        ),
        ("return_on_own_date", totals["own_lines"], totals["own_amount"]),
    ]
    table = pd.DataFrame(rows, columns=["rule", "lines", "amount"])
    return table.assign(source="orders", action="return", lines_share=float("nan"), first_values="")


def _rejected(judged: ir.Table, name: str = "orders") -> ir.Table:
    broken = judged.filter(judged["fate"] == "reject")
    return broken.select(
        source=ibis.literal(name),
        reason="rule",
        amount=broken["amount"].cast("float64"),
        file=ibis.null("string"),
        line=ibis.null("int64"),
        raw="raw",
    )


def _damaged(raws: dict[str, Raw]) -> list[ir.Table]:
    return [
        raw.malformed.select(
            source=ibis.literal(name),
            reason=ibis.literal("malformed_line"),
            amount=ibis.null("float64"),
            file="file",
            line="line",
            raw="raw",
        )
        for name, raw in raws.items()
        if raw.malformed is not None
    ]


def _write_down(workspace: Workspace, table: ir.Table, name: str) -> ir.Table:
    """Compute a table once, out of memory, for the several passes that follow."""
    file = workspace.fresh_file(name)
    try:
        table.to_parquet(file)
    except duckdb.Error as error:  # a damaged page of a file, memory or disk at its end
        raise DataError(
            f"the engine cannot work through the lines ({str(error).splitlines()[0]})",
            fix="check the files, the free disk space and engine.memory_limit",
        ) from None
    return workspace.parquet(file)
