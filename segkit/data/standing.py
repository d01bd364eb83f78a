"""Which orders count: what their statuses say, and the conditions that lines have to meet."""

from __future__ import annotations

from collections.abc import Iterable

import ibis
import ibis.expr.types as ir

from segkit.data.parsing import as_id, as_text, given
from segkit.params import Condition, Orders, Status

Tested = tuple[ir.BooleanValue, ir.StringValue]
"""Whether a line breaks a rule, and the text that shows what broke it."""


def status_rules(lines: ir.Table, source: Orders) -> dict[str, Tested]:
    """Return the rules of statuses: cancelled, unpaid, and those that nobody knows.

    Parameters
    ----------
    lines : ibis table
        Lines, with their cells as given in columns that begin with `raw:`.
    source : Orders
        `statuses` says what each value means.

    Source
    ------
    Definitions, section 2: orders that were cancelled or never paid are not sales.
    """
    none, no = ibis.null("string"), ibis.literal(False)
    rules: dict[str, Tested] = {}
    for rule, kind in (("cancelled_order", "cancelled"), ("unpaid_order", "unpaid")):
        told = [(_says(lines, status, kind), _shown(lines, status)) for status in source.statuses]
        rules[rule] = _any(told) if told else (no, none)
    strict = [status for status in source.statuses if status.sold]
    strange = [(~_known(lines, status), _shown(lines, status)) for status in strict]
    rules["unknown_status"] = _any(strange) if strange else (no, none)
    return rules


def is_given_back(lines: ir.Table, source: Orders) -> ir.BooleanValue:
    """Return whether a line's order was given back whole, as its statuses say."""
    told = [_says(lines, status, "returned") for status in source.statuses if status.returned]
    return ibis.or_(*told) if told else ibis.literal(False)


def left_out(lines: ir.Table, conditions: Iterable[Condition]) -> Tested:
    """Return whether a line fails one of the client's conditions, and the first one's name."""
    failed = [(~_meets(lines, each), ibis.literal(each.title)) for each in conditions]
    return _any(failed) if failed else (ibis.literal(False), ibis.null("string"))


def _any(told: list[Tested]) -> Tested:
    return ibis.or_(*[condition for condition, _ in told]), ibis.cases(*told)


def _shown(lines: ir.Table, status: Status) -> ir.StringValue:
    value = as_text(given(lines, status.column)).strip().nullif("").fill_null("(empty)")
    return ibis.literal(f"{status.column}: ").concat(value)


def _says(lines: ir.Table, status: Status, kind: str) -> ir.BooleanValue:
    return _is_one(given(lines, status.column), getattr(status, kind) or [])


def _known(lines: ir.Table, status: Status) -> ir.BooleanValue:
    words = [*(status.sold or []), *(status.returned or [])]
    return _is_one(
        given(lines, status.column), [*words, *(status.unpaid or []), *(status.cancelled or [])]
    )


def _is_one(column: ir.Value, words: Iterable[str]) -> ir.BooleanValue:
    """Return whether a cell is one of the words; `*` ends a word of any end, and alone is any."""
    given = as_id(column).strip().lower()
    wanted = [word.strip().lower() for word in words]
    exact = given.isin([word for word in wanted if not word.endswith("*")] or [""])
    starts = [given.startswith(word[:-1]) for word in wanted if word.endswith("*")]
    return ibis.or_(exact, *starts).fill_null(False)


def _meets(lines: ir.Table, condition: Condition) -> ir.BooleanValue:
    value = as_text(given(lines, condition.column)).strip().fill_null("")
    met = [ibis.literal(True)]
    if condition.wanted:
        met.append(_one_of(value, condition.wanted))
    if condition.unwanted:
        met.append(~_one_of(value, condition.unwanted))
    if condition.matches:
        met.append(value.re_search(condition.matches))
    if condition.not_matches:
        met.append(~value.re_search(condition.not_matches))
    return ibis.and_(*met)


def _one_of(value: ir.StringValue, words: Iterable[str]) -> ir.BooleanValue:
    return value.lower().isin([word.strip().lower() for word in words])
