"""What the text of a column means: ids, numbers and instants, or nothing."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from segkit.foundation.yaml_files import load_yaml
from segkit.params import Source

MONEY = "decimal(18, 4)"
"""Amounts and quantities are summed as decimals, so that no order of lines changes a sum."""

PRICE = "decimal(28, 10)"
"""Prices of one unit have more places, for they are multiplied before they are summed."""

NO_ID = tuple(load_yaml(Path(__file__).with_name("nobody.yaml"))["missing"])
"""Texts with which a missing id is written; compared without case and the spaces around them."""

GIVEN = "raw:"
"""How the names of columns as given begin, beside those with types."""

_OFFSET = r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*([zZ]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_BEGINS_WITH_YEAR = r"^\d{4}[-/]"
_SYMBOL = r"(?:[A-Z]{3}|[A-Z]{0,3}\p{Sc}|%)?"


def given(lines: ir.Table, column: str) -> ir.Value:
    """Return a column of a log as it was given, of lines that have types already."""
    return lines[f"{GIVEN}{column}"]


def as_text(column: ir.Value) -> ir.StringValue:
    """Return any column as text; a whole number is written without its `.0`."""
    kind = column.type()
    if kind.is_floating():
        whole = (column % 1 == 0).ifelse(column, None).try_cast("decimal(38, 0)")
        return whole.cast("string").coalesce(column.cast("string"))
    if kind.is_decimal() and kind.scale:
        return column.cast("string").re_replace(r"\.0+$", "")
    return column if kind.is_string() else column.cast("string")


def as_given(columns: dict[str, ir.Value]) -> ir.StringValue:
    """Return a line as it was given, as JSON."""
    texts = {name: as_text(column) for name, column in columns.items()}
    return ibis.struct(texts).cast("json").cast("string")


def as_id(column: ir.Value) -> ir.StringValue:
    """Return a column of ids as text exactly as given; null where a program wrote a missing one."""
    text = as_text(column)
    return text.strip().lower().isin(NO_ID).ifelse(ibis.null("string"), text)


def as_number(column: ir.Value, source: Source, kind: str = MONEY) -> ir.DecimalValue:
    """Return a column as decimals, by default with four places; null where it is no number.

    Text follows the source's declared marks: with decimal comma and thousands point,
    `1.234,56 €` is 1234.56 and `1.5` is no number, rather than 15.
    """
    if column.type().is_numeric() and not column.type().is_boolean():
        return column.try_cast(kind)
    pattern = _number_pattern(source.decimal, source.thousands)
    spaced = as_text(column).re_replace("[\u00a0\u202f]", " ")
    sign = spaced.re_extract(pattern, 1).concat(spaced.re_extract(pattern, 2))
    digits = spaced.re_extract(pattern, 3)
    if source.thousands:
        digits = digits.replace(source.thousands, "")
    return sign.concat(digits.replace(source.decimal, ".")).try_cast(kind)


def _number_pattern(decimal: str, thousands: str) -> str:
    mark, group = re.escape(decimal), re.escape(thousands)
    whole = rf"\d{{1,3}}(?:{group}\d{{3}})+|\d+" if thousands else r"\d+"
    body = rf"(?:{whole})(?:{mark}\d*)?(?:[eE][+-]?\d+)?|{mark}\d+"
    return rf"^\s*([+-]?)\s*{_SYMBOL}\s*([+-]?)({body})\s*{_SYMBOL}\s*$"


def as_instant(column: ir.Value, source: Source, timezone: str) -> ir.TimestampValue:
    """Return a column as instants in the client's time zone; null where it is none.

    A value that carries an offset is converted to the client's time zone; one without
    is taken to be in it already. Years before 1900 or after 2999 are taken for damage.
    """
    instant = _instant(column, source, timezone)
    plausible = instant.between(ibis.timestamp("1900-01-02"), ibis.timestamp("2999-12-31"))
    return plausible.ifelse(instant, ibis.null("timestamp"))


def as_optional_instant(
    table: ir.Table, column: str | None, source: Source, timezone: str
) -> tuple[ir.TimestampValue, ir.StringValue]:
    """Return a column that a table may lack as instants, and the texts that are none."""
    if column is None:
        return ibis.null("timestamp"), ibis.null("string")
    instant = as_instant(table[column], source, timezone)
    return instant, instant.isnull().ifelse(as_id(table[column]), ibis.null("string"))


def _instant(column: ir.Value, source: Source, timezone: str) -> ir.TimestampValue:
    kind = column.type()
    if kind.is_timestamp() and kind.timezone:
        return _in_zone(column, timezone)
    if kind.is_date() or kind.is_timestamp():
        return column.cast("timestamp")
    if source.date_format in {"epoch_s", "epoch_ms"}:
        return _from_epoch(column, source.date_format, timezone)
    return _from_text(as_text(column).strip(), source.date_format, timezone)


def _from_text(text: ir.StringValue, pattern: str | None, timezone: str) -> ir.TimestampValue:
    engine = _engine_functions()
    if pattern is None:
        # Only years of four digits: `epoch` and `infinity` are instants to the engine, too.
        text = text.re_search(_BEGINS_WITH_YEAR).ifelse(text, ibis.null("string"))
        offset = text.re_extract(_OFFSET, 2).re_replace("^(z|UTC|GMT)$", "Z")
        # With an offset, the engine wants seconds.
        moment = text.re_replace(_OFFSET, r"\1").re_replace(r"([ T]\d{1,2}:\d{2})$", r"\1:00")
        exact = moment.concat(offset)
        zoned = _in_zone(exact.try_cast("timestamp('UTC')"), timezone)
        return text.re_search(_OFFSET).ifelse(zoned, text.try_cast("timestamp"))
    if "%z" in pattern or "%Z" in pattern:
        return _in_zone(engine["try_strptime_zoned"](text, pattern), timezone)
    return engine["try_strptime"](text, pattern)


def _from_epoch(column: ir.Value, unit: str, timezone: str) -> ir.TimestampValue:
    milliseconds = column.try_cast("int64") * (1000 if unit == "epoch_s" else 1)
    plausible = milliseconds.between(-(10**14), 10**14).ifelse(milliseconds, None)
    utc = _engine_functions()["epoch_ms"](plausible)
    return _in_zone(utc.cast("timestamp('UTC')"), timezone)


def _in_zone(instant: ir.TimestampValue, timezone: str) -> ir.TimestampValue:
    return _engine_functions()["timezone"](timezone, instant)


@cache
def _engine_functions() -> dict[str, Any]:
    zoned = dt.Timestamp(timezone="UTC")
    declare = ibis.udf.scalar.builtin
    two_texts = (dt.string, dt.string)
    return {
        "try_strptime": declare(
            lambda text, pattern: None, name="try_strptime", signature=(two_texts, dt.timestamp)
        ),
        "try_strptime_zoned": declare(
            lambda text, pattern: None, name="try_strptime", signature=(two_texts, zoned)
        ),
        "epoch_ms": declare(
            lambda count: None, name="epoch_ms", signature=((dt.int64,), dt.timestamp)
        ),
        "timezone": declare(
            lambda zone, instant: None,
            name="timezone",
            signature=((dt.string, zoned), dt.timestamp),
        ),
    }
