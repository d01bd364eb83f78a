"""Who is a customer: how ids are compared, and which of them stand for nobody."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from segkit.data.parsing import as_id, as_text, given
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


def is_anonymous(lines: ir.Table, params: Params) -> ir.BooleanValue:
    """Return whether a customer stands for nobody, by its id, its name or the client's word."""
    ids = lines["customer_id"]
    walk_in = plain(ids).isin(walk_in_names()) | plain(ids.split("@")[0]).isin(walk_in_names())
    name = params.orders.columns.customer_name
    if name:
        walk_in = walk_in | plain(as_text(given(lines, name))).isin(walk_in_names())
    excluded = params.customers.exclude if params.customers else []
    named = [ids.strip().lower().re_search(_whole(pattern)) for pattern in excluded]
    return ibis.or_(walk_in, *named).fill_null(False)


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
