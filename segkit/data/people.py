"""Who is a customer: how ids are compared, and which of them stand for nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from segkit.data.parsing import as_id, as_text, given
from segkit.data.sources import working_through
from segkit.foundation.yaml_files import load_yaml
from segkit.params import Customers, Params

NOBODY = Path(__file__).with_name("nobody.yaml")


@cache
def walk_in_names() -> tuple[str, ...]:
    """Return the names of nobody in particular, as `plain` writes them."""
    return tuple(load_yaml(NOBODY)["walk_in"])


def as_customer(column: ir.Value, customers: Customers | None) -> ir.StringValue:
    """Return a column of customers as ids: exactly as given, or so that spellings of one are one.

    Source
    ------
    Definitions, section 2, "Who is a customer".
    """
    found = as_id(column)
    if customers is None or customers.match == "exact":
        return found
    return _nfc(found.strip().lower())


def as_known_customer(column: ir.Value, params: Params) -> ir.StringValue:
    """Return a column of customers as ids, null for those who stand for nobody."""
    ids = as_customer(column, params.customers)
    excluded = params.customers.exclude if params.customers else []
    nobody = _found(ids, lambda each: _is_nobody(each, excluded))
    return ids.isin(nobody).ifelse(ibis.null("string"), ids)


def is_anonymous(lines: ir.Table, params: Params) -> ir.BooleanValue:
    """Return whether a customer stands for nobody, by its id, its name or the client's word.

    Ids are looked at once each, not line by line: there are far fewer, and hardly any is such.
    """
    excluded = params.customers.exclude if params.customers else []
    nobody = _found(lines["customer_id"], lambda ids: _is_nobody(ids, excluded))
    anonymous = lines["customer_id"].isin(nobody)
    if column := params.orders.columns.customer_name:
        names = as_text(given(lines, column))
        anonymous = anonymous | names.isin(_found(names, lambda each: _is_walk_in(each)))
    return anonymous.fill_null(False)


def _found(column: ir.StringValue, test: Callable[[ir.StringValue], ir.BooleanValue]) -> list[str]:
    """Return the different values of a column that meet a test; one that no value is, for none."""
    values = column.name("value").as_table().distinct()
    with working_through():
        found = values.filter(test(values["value"]).fill_null(False)).to_pyarrow()
    return [*found["value"].to_pylist(), ""]


def _is_nobody(ids: ir.StringValue, excluded: Iterable[str]) -> ir.BooleanValue:
    named = [ids.strip().lower().re_search(_whole(pattern)) for pattern in excluded]
    return ibis.or_(_is_walk_in(ids), _is_walk_in(ids.split("@")[0]), *named)


def _is_walk_in(text: ir.StringValue) -> ir.BooleanValue:
    return plain(text).isin(walk_in_names())


def _whole(pattern: str) -> str:
    """Return a pattern of `*` as a regular expression of the whole of a lower-case text."""
    parts = (re.escape(part) for part in pattern.strip().lower().split("*"))
    return f"^(?:{'.*'.join(parts)})$"


def plain(text: ir.StringValue) -> ir.StringValue:
    """Return a text as names are compared: lower case, no accents, words and digits alone."""
    bare = _strip_accents(text.lower())
    return bare.re_replace("[^a-z0-9]+", " ").strip()


@ibis.udf.scalar.builtin(name="strip_accents", signature=((dt.string,), dt.string))
def _strip_accents(text):  # type: ignore[no-untyped-def]  # the engine's own
    ...


@ibis.udf.scalar.builtin(name="nfc_normalize", signature=((dt.string,), dt.string))
def _nfc(text):  # type: ignore[no-untyped-def]  # the engine's own
    ...
