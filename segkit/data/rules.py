"""The rules that lines are held against, in their order, and what happens to one that breaks any."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import ibis
import ibis.expr.types as ir

from segkit.data.days import as_moment
from segkit.data.layout import LONE
from segkit.data.parsing import GIVEN, as_id, as_text, given
from segkit.data.people import is_anonymous
from segkit.data.standing import Tested, left_out, status_rules
from segkit.data.worth import ORDER_AMOUNT, VALUE, unreadable
from segkit.params import Log, Params

RULES = (
    "malformed_line",
    "line_without_order",
    "order_without_lines",
    "cancelled_order",
    "unpaid_order",
    "unknown_status",
    "left_out",
    "no_customer",
    "anonymous",
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

DUPLICATE = "is_duplicate"

UNKNOWN_BUYER = ("no_customer", "anonymous")
"""Rules of lines that are the brand's revenue, and no customer's."""

UNREAD = (
    *("malformed_line", "line_without_order", "order_without_lines", "unknown_status"),
    *("no_date", "unparsable_date", "future_date", "unparsable_number"),
)
"""Rules that tell of a file read wrong, rather than of what a client does not count."""


def conditions(lines: ir.Table, params: Params, today: date) -> dict[str, Tested]:
    """Return each active rule's condition and the text that shows what broke it, in their order.

    Parameters
    ----------
    lines : ibis table
        Lines with types, and their cells as given in columns that begin with `raw:`.
    params : Params
    today : date
        Lines dated after it are in the future.
    """
    source, none = params.orders, ibis.null("string")
    date_given = as_text(given(lines, source.columns.date))
    tomorrow = ibis.literal(datetime.combine(today + timedelta(days=1), time.min))
    number, moment = _shown_numbers(lines, params), lines["observed_at"]
    active = [rule for rule in RULES[1:] if getattr(params.cleaning, rule) != "keep"]
    tested: dict[str, Tested] = {
        "line_without_order": _lacks(lines, "line_without_order"),
        "order_without_lines": _lacks(lines, "order_without_lines"),
        **status_rules(lines, source),
        "left_out": left_out(lines, source.where),
        "no_customer": (lines["customer_id"].isnull(), none),
        "no_date": (as_id(given(lines, source.columns.date)).isnull(), none),
        "unparsable_date": (moment.isnull(), date_given),
        "stray_date": (is_stray(moment, source), date_given),
        "future_date": (moment >= tomorrow, date_given),
        "unparsable_number": (_unparsable(lines, params), number),
        "non_product": _non_product(lines, params),
        "cancelled": _cancelled(lines, params),
        "non_positive_price": (_worthless(lines, params), number),
        "negative_quantity": (is_negative(lines), number),
    }
    # Both look at all lines, so only where they are asked for.
    if "anonymous" in active:
        tested["anonymous"] = (is_anonymous(lines, params), lines["customer_id"])
    if "exact_duplicate" in active:
        tested["exact_duplicate"] = (lines[DUPLICATE], lines["order_id"])
    return {rule: tested[rule] for rule in active}


def with_duplicates(lines: ir.Table, params: Params) -> ir.Table:
    """Mark lines that are there a second time: once, since two columns of rules ask for it."""
    if params.cleaning.exact_duplicate == "keep":
        return lines
    cells = [name for name in lines.columns if name.startswith(GIVEN)]
    return lines.mutate(**{DUPLICATE: ibis.row_number().over(group_by=cells) > 0})


def fate(rule: ir.StringValue, lines: ir.Table, params: Params) -> ir.StringValue:
    """Return what becomes of lines: `sale`, `return`, `cancelled` (one of each) or `reject`."""
    actions = params.cleaning.model_dump()
    returning = [name for name, action in actions.items() if action == "return"]
    return ibis.cases(
        (rule.isnull(), "sale"),
        (rule.isin(returning) & is_negative(lines), "return"),
        (rule.isin(returning), "cancelled"),
        else_="reject",
    )


def is_stray(moment: ir.TimestampValue, log: Log) -> ir.BooleanValue:
    """Return whether a moment lies outside of what the log is said to cover."""
    early = moment < as_moment(log.since) if log.since else ibis.literal(False)
    late = moment >= as_moment(log.until) if log.until else ibis.literal(False)
    return early | late


def is_negative(lines: ir.Table) -> ir.BooleanValue:
    """Return whether a line takes back what was sold."""
    return (lines["quantity"] < 0) | (lines["amount"] < 0)


def _lacks(lines: ir.Table, what: str) -> Tested:
    if LONE not in lines.columns:
        return ibis.literal(False), ibis.null("string")
    return (lines[LONE] == what).fill_null(False), lines["order_id"]


def _numbers_of(params: Params) -> list[str]:
    columns = params.orders.columns
    return [name for name in ("amount", "price", "quantity") if getattr(columns, name)]


def _shown_numbers(lines: ir.Table, params: Params) -> ir.StringValue:
    named = [getattr(params.orders.columns, name) for name in _numbers_of(params)]
    named = named or list(params.orders.amounts.named.values())
    shown = [as_text(given(lines, column)).fill_null("") for column in named]
    return ibis.literal(" · ").join(shown) if shown else ibis.null("string")


def _unparsable(lines: ir.Table, params: Params) -> ir.BooleanValue:
    source = params.orders
    wrong = [unreadable(lines, source)]
    wrong += [lines[VALUE if name == "amount" else name].isnull() for name in _numbers_of(params)]
    if source.columns.has_value or not source.has_value:
        wrong.append(lines[VALUE].isnull())
    else:
        names = [name for name in ("subtotal", "total") if name in source.amounts.named]
        wrong.append(ibis.and_(*[lines[f"{ORDER_AMOUNT}{name}"].isnull() for name in names]))
    return ibis.or_(*wrong)


def _non_product(lines: ir.Table, params: Params) -> Tested:
    codes = params.cleaning.non_product_codes
    if not params.orders.columns.product or not codes:
        return ibis.literal(False), ibis.null("string")
    exact = lines["product_id"].isin([code for code in codes if not code.endswith("*")])
    starts = [lines["product_id"].startswith(code[:-1]) for code in codes if code.endswith("*")]
    return ibis.or_(exact, *starts).fill_null(False), lines["product_id"]


def _cancelled(lines: ir.Table, params: Params) -> Tested:
    prefix, statuses = params.cleaning.cancelled_order_prefix, params.cleaning.cancelled_statuses
    found, shown = ibis.literal(False), lines["order_id"]
    if prefix and params.orders.columns.order:
        found = found | lines["order_id"].startswith(prefix)
    if statuses and params.orders.columns.status:
        found, shown = found | lines["status"].isin(statuses), lines["status"]
    return found.fill_null(False), shown


def _worthless(lines: ir.Table, params: Params) -> ir.BooleanValue:
    worthless = lines["amount"] == 0
    if params.orders.columns.price:
        worthless = worthless | (lines["price"] <= 0)
    if params.orders.columns.quantity:
        worthless = worthless | ((lines["amount"] < 0) & (lines["quantity"] >= 0))
    return worthless
