"""From a file's own layout to one row a line, with its order's fields on each.

Files are joined by their keys, articles packed into cells become lines, and what stands on
an order's first row alone is filled down within that order, never across orders. Cells stay
as they are written: what they mean is decided in `cleaning`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import ibis
import ibis.expr.types as ir

from segkit.data.parsing import as_id, as_text
from segkit.data.sources import (
    Raw,
    Workspace,
    read_table,
    require_columns,
    working_through,
)
from segkit.errors import DataError, SegkitError, suggestion
from segkit.params import Join, Orders, PackedItems

ROW, HEAD = "segkit:row", "segkit:head"
"""A row's number, and that of the first row of its order; no file has columns of such names."""

LONE = "segkit:lone"
"""What a row lacks: `line_without_order` or `order_without_lines`; null where nothing."""

ITEM = "item."
"""How the fields of a packed article are named in `orders.columns`."""

LINE_ROLES = (
    *("amount", "price", "quantity", "product", "product_name", "category"),
    *("discount", "profit", "cost", "type"),
)
"""Columns that each line has for itself: an order's first row says nothing of the others."""


@working_through()
def lines_of(workspace: Workspace, source: Orders, *, sample: int | None = None) -> Raw:
    """Return an order log with one row a line.

    Parameters
    ----------
    workspace : Workspace
    source : Orders
        `layout`, `order_begins`, `items` and `join` say how the files are laid out.
    sample : int, optional
        Read only so many rows of a log that is one file.

    Raises
    ------
    SegkitError, DataError
        As `segkit.data.sources.read_table`; also a key of a joined file that is there twice, and
        a column that no file has.

    Source
    ------
    Definitions, section 2, "Layouts".
    """
    first = read_table(workspace, source, "orders", sample=None if source.join else sample)
    table, malformed = first.table, [first.malformed]
    for place, other in enumerate(source.join):
        raw = read_table(workspace, other, f"orders.join.{place}")
        table = _joined(table, raw.table, other, place)
        malformed.append(raw.malformed)
    if source.items:
        table = _unpacked(table, source.items)
    require_columns(table.columns, source.used, "orders")
    heads = None
    if source.layout == "order_then_lines":
        table = _filled(table, source)
        is_head = (table[LONE] == "order_head").fill_null(False)
        heads, table = table.filter(is_head), table.filter(~is_head)
    damaged = [part for part in malformed if part is not None]
    all_damaged = ibis.union(*damaged) if damaged[1:] else next(iter(damaged), None)
    return Raw(table, all_damaged, heads=heads)


# Several files ----------------------------------------------------------------------------


def _joined(table: ir.Table, other: ir.Table, join: Join, place: int) -> ir.Table:
    """Add the columns of another file; a name that both have is told apart by the file's."""
    where, (own, theirs) = f"orders.join.{place}.key", (join.key[0], join.key[-1])
    for column, columns in ((own, table.columns), (theirs, other.columns)):
        if column not in columns:
            fix = suggestion(column, columns)
            raise SegkitError("no such column", where=where, values=[column], fix=fix)
    keyed = other.mutate(**{_KEY: as_id(other[theirs])})
    if not join.lines:
        _require_unique(keyed, join, where)
    names = {name: _name_beside(name, table.columns, join) for name in other.columns}
    keyed = keyed.rename({new: old for old, new in names.items()})
    log = table.mutate(**{_OWN: as_id(table[own])})
    if not join.lines:
        found = log.left_join(keyed.filter(keyed[_KEY].notnull()), log[_OWN] == keyed[_KEY])
        return found.drop(_OWN, _KEY)
    found = log.outer_join(keyed, log[_OWN] == keyed[_KEY])
    lone = ibis.cases(
        (found[_OWN].isnull(), "line_without_order"),
        (found[_KEY].isnull(), "order_without_lines"),
    )
    return found.mutate(**{LONE: lone, own: found[own].coalesce(found[_KEY])}).drop(_OWN, _KEY)


_KEY, _OWN, _COUNT = "segkit:key", "segkit:own", "segkit:count"


def _name_beside(name: str, taken: Iterable[str], join: Join) -> str:
    lowered = {other.lower() for other in taken}
    stem = Path((join.path or ["joined"])[0]).name.partition(".")[0]
    return name if name.lower() not in lowered else f"{stem}.{name}"


def _require_unique(keyed: ir.Table, join: Join, where: str) -> None:
    filled = keyed.filter(keyed[_KEY].notnull())
    counts = filled.group_by(_KEY).agg(rows=filled.count())
    twice = counts.filter(counts["rows"] > 1).order_by(ibis.desc("rows"), _KEY)
    found = twice.head(3).to_pyarrow().to_pydict()[_KEY]
    if found:
        raise DataError(
            f"several rows have one {join.key[-1]}, and would multiply the lines",
            where=where,
            values=found,
            count=twice.count().to_pyarrow().as_py(),
            fix="leave this file out, or say lines: true if it holds the orders' lines",
        )


# Articles in cells ------------------------------------------------------------------------


def _unpacked(table: ir.Table, items: PackedItems) -> ir.Table:
    """Return a row an article; an order without any keeps a row, and is told of."""
    names = _matching(table.columns, items.columns)
    cells = [as_text(table[name]).strip() for name in names]
    parts = ibis.array(cells)
    if items.between:
        parts = ibis.array([cell.split(items.between) for cell in cells]).flatten()
    parts = parts.filter(lambda part: part.fill_null("") != "")
    parts = (parts.length() > 0).ifelse(parts, ibis.array([ibis.null("string")]))
    rows = table.mutate(**{_KEY: parts.unnest()}).drop(*names)
    fields = {f"{ITEM}{name}": field(rows[_KEY], name, items) for name in _field_names(rows, items)}
    lone = rows[_KEY].isnull().ifelse("order_without_lines", ibis.null("string"))
    return rows.mutate(**fields, **{LONE: lone}).drop(_KEY)


def _matching(columns: Iterable[str], patterns: Iterable[str]) -> list[str]:
    known, found = list(columns), []
    for pattern in patterns:
        start = pattern[:-1] if pattern.endswith("*") else None
        matches = [name for name in known if name == pattern or (start and name.startswith(start))]
        if not matches:
            where, fix = "orders.items.columns", suggestion(pattern, known)
            raise SegkitError("no such column in the data", where=where, values=[pattern], fix=fix)
        found += [name for name in matches if name not in found]
    return found


def _field_names(rows: ir.Table, items: PackedItems) -> list[str]:
    """Return the names of the fields that the first articles have."""
    cells = rows.filter(rows[_KEY].notnull()).select(_KEY).head(1000).to_pyarrow()
    names: dict[str, None] = {}
    for cell in cells.to_pydict()[_KEY]:
        for part in cell.split(items.separator):
            name, equals, _ = part.partition(items.equals)
            if equals and re.fullmatch(r"\w{1,40}", name.strip()):
                names[name.strip()] = None
    return list(names)


def field(cell: ir.StringValue, name: str, items: PackedItems) -> ir.StringValue:
    """Return a field of a packed article as text; null where it has none."""
    start = rf"(?:^|{re.escape(items.separator)})\s*{re.escape(name)}\s*{re.escape(items.equals)}"
    value = cell.re_extract(rf"{start}([^{re.escape(items.separator)}]*)", 1).strip()
    return value.nullif("")


# An order's fields on its first row -------------------------------------------------------


def _filled(table: ir.Table, source: Orders) -> ir.Table:
    """Fill an order's fields down from its first row.

    A join takes them from there, by the order's number: less to hold than a window a column. Only
    numbers that begin several orders, or that are not repeated, need a window to find the row.
    """
    numbered = table.mutate(**{ROW: ibis.row_number()})
    begins = ibis.or_(*[_is_filled(numbered[name]) for name in _first_row_columns(source)])
    numbered = numbered.mutate(**{_KEY: begins.fill_null(False)})
    own = [source.columns.named[role] for role in LINE_ROLES if role in source.columns.named]
    own = [*own, *_by_line(source)]
    if source.amounts.line_discount:
        own.append(source.amounts.line_discount)
    shared = [name for name in dict.fromkeys(source.used.values()) if name not in own]
    if source.order_begins:
        # Rows come as they stand in the file: without an order of its own, the window streams.
        place = numbered[_KEY].ifelse(numbered[ROW], ibis.null("int64"))
        above = place.max().over(ibis.window(preceding=None, following=0))
        filled = _by_head(numbered.mutate(**{HEAD: above}), shared, source)
    else:
        filled = _by_number(numbered, str(source.columns.order), shared, source)
    return _without_bare_heads(filled, source).drop(ROW, _KEY)


def _by_number(numbered: ir.Table, order: str, shared: list[str], source: Orders) -> ir.Table:
    heads = numbered.filter(numbered[_KEY])
    counts = heads.group_by(order).agg(heads=heads.count())
    several = counts.filter(counts["heads"] > 1).select(order)
    if not several.count().to_pyarrow().as_py():
        return _taken(numbered, heads.mutate(**{HEAD: heads[ROW]}), order, shared, source)
    once = numbered.anti_join(several, order)
    first = once.filter(once[_KEY])
    told = _taken(once, first.mutate(**{HEAD: first[ROW]}), order, shared, source)
    again = numbered.semi_join(several, order)
    place = again[_KEY].ifelse(again[ROW], ibis.null("int64"))
    span = ibis.window(group_by=order, order_by=ROW, preceding=None, following=0)
    others = _by_head(again.mutate(**{HEAD: place.max().over(span)}), shared, source)
    return told.union(others.select(told.columns))


def _by_head(rows: ir.Table, shared: list[str], source: Orders) -> ir.Table:
    return _taken(rows, rows.filter(rows[ROW] == rows[HEAD]), HEAD, shared, source)


def _taken(
    rows: ir.Table, heads: ir.Table, key: str, shared: list[str], source: Orders
) -> ir.Table:
    """Take the fields that a row lacks from its order's first row."""
    theirs = {f"{_OWN}:{name}": heads[name] for name in shared}
    found = rows.drop(HEAD) if HEAD in rows.columns and key != HEAD else rows
    more = {} if key == HEAD else {HEAD: heads[HEAD]}
    joined = found.left_join(heads.select(key, **more, **theirs), key).drop(f"{key}_right")
    given = {
        # The number of a package is its own, on each of its rows.
        name: joined[f"{_OWN}:{name}"]
        if source.order_begins and name == source.columns.order
        else _is_filled(joined[name]).ifelse(joined[name], joined[f"{_OWN}:{name}"])
        for name in shared
        if name != key
    }
    # Rows without a first row above them are orders of their own.
    return joined.mutate(**given, **{HEAD: joined[HEAD].coalesce(joined[ROW])}).drop(*theirs)


def _without_bare_heads(rows: ir.Table, source: Orders) -> ir.Table:
    """Mark rows of an order's own fields alone, where its articles follow on rows of their own."""
    lone = rows[LONE] if LONE in rows.columns else ibis.null("string")
    articles = _article(source)
    if not articles:
        return rows.mutate(**{LONE: lone})
    bare = ibis.and_(rows[_KEY], *[~_is_filled(rows[name]) for name in articles])
    if not rows.filter(bare).count().to_pyarrow().as_py():
        return rows.mutate(**{LONE: lone})
    counts = rows.group_by(HEAD).agg(**{_COUNT: rows.count()})
    joined = rows.left_join(counts, HEAD).drop(f"{HEAD}_right")
    bare = ibis.and_(joined[_KEY], *[~_is_filled(joined[name]) for name in articles])
    is_head = bare & (joined[_COUNT] > 1)
    return joined.mutate(**{LONE: is_head.ifelse("order_head", lone)}).drop(_COUNT)


def _is_filled(column: ir.Value) -> ir.BooleanValue:
    if not column.type().is_string():
        return column.notnull()
    return (column.strip() != "").fill_null(False)


def _by_line(source: Orders) -> list[str]:
    named = source.amounts.named
    return [named[name] for name in source.amounts.by_line if name in named]


def _first_row_columns(source: Orders) -> list[str]:
    """Return the columns that only an order's first row fills.

    Amounts tell best: a log may repeat a status, or a date, on each line.
    """
    if source.order_begins:
        return [source.order_begins]
    per_line = {*_by_line(source), source.amounts.line_discount}
    named = [name for name in source.amounts.named.values() if name not in per_line]
    return named or [status.column for status in source.statuses] or [source.columns.date]


def _article(source: Orders) -> list[str]:
    named = source.columns.named
    return [named[role] for role in ("quantity", "product", "product_name") if role in named]
