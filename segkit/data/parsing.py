"""What the text of a column means: ids, numbers and instants, or nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from segkit.data.month_names import has_month_name, in_english, in_small_letters
from segkit.data.numbers import (
    ALIKE,
    DOTTED,
    NEGATIVE,
    marked_body,
    number_pattern,
    plain_pattern,
)
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
_SERIAL = r"^(\d{1,7}(?:[.,]\d+)?)$"
_HALF_DAY = "(\\d[\\s\u00a0\u202f]*)([AaPp])\\.?[\\s\u00a0\u202f]?[Mm]\\.?"
_DAY = 24 * 60 * 60 * 1000
_UNITS = {"epoch_s": 1, "epoch_ms": 10**3, "epoch_us": 10**6, "epoch_ns": 10**9}
_BEFORE_1970 = 25569
"""Days of Excel before 1970; it takes 1900 for a leap year, so its first day is 1899-12-30."""


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
    `1.234,56 €` is 1234.56 and `1.5` is no number, rather than 15. What stands in brackets,
    and what has its minus behind it, is negative.
    """
    if column.type().is_numeric() and not column.type().is_boolean():
        return column.try_cast(kind)
    text = as_text(column)
    # Most numbers are nothing but digits, and need only the quick look.
    plain = text.re_search(plain_pattern(source.decimal))
    written = plain.ifelse(text, _bare(text, source))
    return written.replace(source.decimal, ".").try_cast(kind)


def _bare(text: ir.StringValue, source: Source) -> ir.StringValue:
    """Return numbers as a minus, digits and the decimal mark; what is none as no text."""
    alike = text.translate(*ALIKE).re_replace(DOTTED, r"\1")
    thousands = source.thousands.translate(str.maketrans(*ALIKE))
    body = marked_body(source.decimal, thousands)
    # Patterns without groups: the engine is many times slower where it has to find several parts.
    digits = alike.re_extract(body, 0)
    sign = alike.re_search(NEGATIVE).ifelse("-", "")
    written = sign.concat(digits.replace(thousands, "") if thousands else digits)
    return alike.re_search(number_pattern(body)).ifelse(written, ibis.null("string"))


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
    if source.date_format in _UNITS:
        return _from_epoch(column, source.date_format, timezone)
    text = as_text(column).strip()
    if source.date_format is None:
        return _from_iso(text, timezone)
    if source.date_format == "excel":
        return _from_serial(text).coalesce(_from_iso(text, timezone))
    return _from_text(text, source.date_format, timezone)


def _from_iso(text: ir.StringValue, timezone: str) -> ir.TimestampValue:
    # Only years of four digits: `epoch` and `infinity` are instants to the engine, too.
    text = text.re_search(_BEGINS_WITH_YEAR).ifelse(text, ibis.null("string"))
    offset = text.re_extract(_OFFSET, 2).re_replace("^(z|UTC|GMT)$", "Z")
    # With an offset, the engine wants seconds.
    moment = text.re_replace(_OFFSET, r"\1").re_replace(r"([ T]\d{1,2}:\d{2})$", r"\1:00")
    exact = moment.concat(offset)
    zoned = _in_zone(exact.try_cast("timestamp('UTC')"), timezone)
    return text.re_search(_OFFSET).ifelse(zoned, text.try_cast("timestamp"))


def _from_serial(text: ir.StringValue) -> ir.TimestampValue:
    """Read Excel's days, whose fraction is the time of day; it is kept to the millisecond."""
    days = text.re_extract(_SERIAL, 1).replace(",", ".").try_cast("float64")
    milliseconds = ((days - _BEFORE_1970) * _DAY).round().cast("int64")
    return _engine_functions()["make_timestamp"](milliseconds * 1000)


def _from_text(text: ir.StringValue, pattern: str, timezone: str) -> ir.TimestampValue:
    engine = _engine_functions()
    if "%p" in pattern:  # 'p. m.', as Spanish has it
        text = text.re_replace(_HALF_DAY, r"\1\2m")
    zoned = "%z" in pattern or "%Z" in pattern
    read = engine["try_strptime_zoned" if zoned else "try_strptime"]
    instant = read(text, pattern)
    if has_month_name(pattern):
        instant = instant.coalesce(read(in_english(text, pattern), in_small_letters(pattern)))
    return _in_zone(instant, timezone) if zoned else instant


def _from_epoch(column: ir.Value, unit: str, timezone: str) -> ir.TimestampValue:
    count, per_second = column.try_cast("int64"), _UNITS[unit]
    most = min(10**11 * per_second, 2**63 - 1)
    plausible = count.between(-most, most).ifelse(count, None)
    engine = _engine_functions()
    if per_second > 10**6:
        microseconds = engine["divide"](plausible, per_second // 10**6)
    else:
        microseconds = plausible * (10**6 // per_second)
    return _in_zone(engine["make_timestamp"](microseconds).cast("timestamp('UTC')"), timezone)


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
        "make_timestamp": declare(
            lambda count: None, name="make_timestamp", signature=((dt.int64,), dt.timestamp)
        ),
        "divide": declare(
            lambda count, by: None, name="divide", signature=((dt.int64, dt.int64), dt.int64)
        ),
        "timezone": declare(
            lambda zone, instant: None,
            name="timezone",
            signature=((dt.string, zoned), dt.timestamp),
        ),
    }
