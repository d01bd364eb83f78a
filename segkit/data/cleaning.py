"""From lines as given to lines that count: each rule is named, nothing is lost.

A line is *kept* (as a sale or as a return) or *rejected* with the first rule that it
breaks; kept and rejected lines add up to the lines read, in number and in amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.bridge import revenue_bridge
from segkit.data.identity import split_reused_numbers
from segkit.data.layout import HEAD, LONE
from segkit.data.loss import require_little_loss
from segkit.data.parsing import (
    GIVEN,
    MONEY,
    PRICE,
    as_given,
    as_id,
    as_instant,
    as_number,
    as_text,
)
from segkit.data.people import as_customer
from segkit.data.quality import QUALITY_COLUMNS, quality_table, stop_on_failed_rule
from segkit.data.returns import (
    order_returns,
    place_returns,
    placed_rows,
    refund_lines,
    returned_orders,
    returns_quality,
)
from segkit.data.rules import DUPLICATE, UNKNOWN_BUYER, conditions, fate, with_duplicates
from segkit.data.sources import Raw, Workspace, working_through
from segkit.data.standing import is_given_back
from segkit.data.worth import VALUE, WORTH, given_amounts, has_order_amounts, of_orders
from segkit.params import Params


@dataclass(frozen=True)
class Cleaned:
    """The lines that count, those that do not, and the tables that say so.

    Attributes
    ----------
    lines : ibis table
        Kept lines: `customer_id`, `order_id`, `observed_at` (when the line was known),
        `counts_at` (the date that it counts on), `quantity`, `amount` (both negative
        for returns), `is_return`, `order_known` (of a return), and `product_id`, `product`,
        `category`, `channel`, `discount`, `profit` where the log has them; a column
        `dimension:` and its name for each of `orders.dimensions`.
    nobody : ibis table
        As `lines`: sales and returns that count, and are no customer's.
    rejected : ibis table
        `source`, `reason`, `amount`, `file`, `line`, and `raw`: the line as given. Lines of
        the order log and of the returns table, and malformed lines of every table.
    quality : DataFrame
        `source`, `rule`, `action`, `lines`, `lines_share`, `amount`, `first_values`.
    bridge : DataFrame
        `step`, `orders`, `lines`, `amount`: from gross to net revenue.
    """

    lines: ir.Table
    nobody: ir.Table
    rejected: ir.Table
    quality: pd.DataFrame
    bridge: pd.DataFrame


def clean(workspace: Workspace, params: Params, raws: dict[str, Raw], *, today: date) -> Cleaned:
    """Sort the lines of an order log into kept and rejected ones.

    Parameters
    ----------
    workspace : Workspace
    params : Params
    raws : dict of str to Raw
        `orders` (see `segkit.data.layout.lines_of`), and `returns` where there is such a table.
    today : date
        Lines dated after it are in the future.

    Raises
    ------
    DataError
        No line is left, a rule is set to `fail` and a line breaks it, more is lost in reading
        than `cleaning.accept_loss` allows, or kept and rejected lines do not add up to those read.

    Notes
    -----
    Definitions, section 2: a return counts on the date of the order that it belongs to
    where that order is in the log, else on its own date.
    """
    orders = of_types(raws["orders"].table, params)
    judged = write_down(workspace, judge(orders, params, today=today), "judged")
    quality = quality_table(judged, raws["orders"], params)
    stop_on_failed_rule(quality, params)
    require_little_loss(quality, params)
    kept, reused = split_reused_numbers(_kept(judged), params.orders)
    lines = place_returns(kept)
    rejected = [_rejected(judged), *_damaged(raws)]
    mirrored = None
    if "returns" in raws:
        lines = write_down(workspace, lines, "lines")
        given = write_down(workspace, order_returns(raws["returns"], params, lines), "returns")
        mirrored = returned_orders(given, lines)
        quality = pd.concat([quality, returns_quality(given, mirrored, raws["returns"])])
        lines = lines.union(mirrored)
        rejected.append(_rejected(given, "returns"))
    lines = write_down(workspace, lines, "lines")
    quality = pd.concat([quality, reused, placed_rows(lines)], ignore_index=True)
    bridge = revenue_bridge(judged, mirrored)
    nobody = place_returns(_kept(_of_nobody(judged)))
    return Cleaned(lines, nobody, ibis.union(*rejected), quality[QUALITY_COLUMNS], bridge)


def of_types(table: ir.Table, params: Params) -> ir.Table:
    """Return the lines that are purchases, where a log has others too."""
    types, column = params.orders.types, params.orders.columns.type
    return table.filter(as_text(table[column]).isin(types)) if types and column else table


def judge(table: ir.Table, params: Params, *, today: date) -> ir.Table:
    """Return the log's lines typed, with the first `rule` that each breaks and its `fate`.

    `fate` is `sale`, `return`, `cancelled` (a sale and its return) or `reject`; `otherwise` is the fate of a line that
    would count if its buyer were known; `raw` is the rejected line as given, as JSON;
    `offending` is what broke the rule.
    """
    typed = with_duplicates(_typed(table, params), params)
    tested = conditions(typed, params, today)
    judged = typed.mutate(
        rule=_first(tested),
        offending=ibis.cases(*tested.values()),
        otherwise=_first({rule: it for rule, it in tested.items() if rule not in UNKNOWN_BUYER}),
    )
    fates = {
        "fate": fate(judged["rule"], judged, params),
        "otherwise": fate(judged["otherwise"], judged, params),
    }
    judged = judged.mutate(**fates)
    given = [name for name in judged.columns if name.startswith(GIVEN)]
    raw = as_given({name.removeprefix(GIVEN): judged[name] for name in given})
    raw = (judged["fate"] == "reject").ifelse(raw, ibis.null("string"))
    return judged.mutate(raw=raw).drop(*given)


def _first(tested: dict[str, tuple[ir.BooleanValue, ir.StringValue]]) -> ir.StringValue:
    """Return the first rule that a line breaks."""
    return ibis.cases(*[(condition, name) for name, (condition, _) in tested.items()])


def _typed(table: ir.Table, params: Params) -> ir.Table:
    source, columns = params.orders, params.orders.columns
    cells = {f"{GIVEN}{name}": table[name] for name in table.columns if name not in (HEAD, LONE)}
    inner = {name: table[name] for name in (HEAD, LONE) if name in table.columns}
    customer = as_customer(table[columns.customer], params.customers)
    moment = as_instant(table[columns.date], source, params.timezone)
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
    texts |= {f"dimension:{name}": name for name in source.dimensions}
    typed |= {name: as_text(table[column]) for name, column in texts.items() if column}
    lines = table.select(**cells, **inner, **typed)
    if not has_order_amounts(source):
        return lines
    lines = lines.mutate(given_back=is_given_back(lines, source))
    keys = [HEAD] if HEAD in lines.columns else ["order_id", "customer_id", "day"]
    lines = lines.mutate(day=lines["observed_at"].date())
    return of_orders(lines, source, keys).drop("day")


def _numbers(table: ir.Table, params: Params) -> dict[str, ir.Value]:
    source, columns = params.orders, params.orders.columns
    kinds = {"price": PRICE, "quantity": MONEY, "amount": MONEY}
    numbers = {
        name: as_number(table[getattr(columns, name)], source, kind)
        for name, kind in kinds.items()
        if getattr(columns, name)
    }
    if not source.has_value:
        numbers["amount"] = numbers.get("quantity", ibis.literal(1).cast(MONEY))
    elif not columns.has_value:
        numbers["amount"] = ibis.null(MONEY)
    elif "amount" not in numbers:
        product = numbers["price"].cast("float64") * numbers["quantity"].cast("float64")
        numbers["amount"] = product.try_cast(MONEY)
    numbers[VALUE] = numbers["amount"]
    numbers.setdefault("quantity", ibis.literal(1).cast(MONEY))
    for name in ("discount", "profit", "cost"):
        if getattr(columns, name):
            numbers[name] = as_number(table[getattr(columns, name)], source)
    return numbers | given_amounts(table, source)


_OF_SALES = {"rule", "offending", "fate", "otherwise", "raw", "status", "price", HEAD, LONE, VALUE}
_OF_SALES |= {DUPLICATE}
_OF_SALES |= {*WORTH, "is_back", "opens", "over"} - {"amount"}
"""What lines are judged by, and do not carry on."""


def _kept(judged: ir.Table) -> ir.Table:
    """Return sales and returns; a line cancelled after the sale is one of each."""
    judged = _with_profit(judged)
    spare = [name for name in judged.columns if name in _OF_SALES or name.startswith("given:")]
    signed = [name for name in ("quantity", "amount", "profit") if name in judged.columns]
    sales = judged.filter(judged["fate"].isin(["sale", "cancelled"]))
    returns = judged.filter(judged["fate"].isin(["return", "cancelled"]))
    away = {name: (-returns[name].abs()).cast(MONEY) for name in signed if name != "profit"}
    if "profit" in signed:
        sold = returns["fate"] == "cancelled"
        away["profit"] = sold.ifelse(-returns["profit"], returns["profit"]).cast(MONEY)
    parts = [sales.mutate(is_return=ibis.literal(False)), returns.mutate(is_return=True, **away)]
    if "refunded" in judged.columns:
        parts.append(refund_lines(sales))
    return ibis.union(*[part.drop(*spare) for part in parts])


def _of_nobody(judged: ir.Table) -> ir.Table:
    """Return lines whose buyer is no customer, with what becomes of them otherwise."""
    found = judged.filter(judged["rule"].isin(UNKNOWN_BUYER))
    return found.mutate(fate=found["otherwise"], customer_id=found["customer_id"].fill_null(""))


def _with_profit(judged: ir.Table) -> ir.Table:
    """Return lines with what each leaves, where the log says what it has cost."""
    if "cost" not in judged.columns:
        return judged
    amount, cost = (judged[name].cast("float64") for name in ("amount", "cost"))
    given_back = judged["fate"] == "return"
    profit = given_back.ifelse(cost.abs() - amount.abs(), amount - cost)
    return judged.mutate(profit=profit.cast(MONEY)).drop("cost")


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


def write_down(workspace: Workspace, table: ir.Table, name: str) -> ir.Table:
    """Compute a table once, out of memory, for the several passes that follow."""
    file = workspace.fresh_file(name)
    with working_through():
        table.to_parquet(file)
    return workspace.parquet(file)
