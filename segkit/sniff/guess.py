"""All guesses about an order log, from a look at its first rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segkit.errors import SegkitError
from segkit.sniff.amounts import currency, leave_out_order_totals, settle_marks
from segkit.sniff.columns import Columns
from segkit.sniff.given import Given
from segkit.sniff.look import look_at
from segkit.sniff.names import Names
from segkit.sniff.sample import Finding
from segkit.sniff.trial import trial


@dataclass(frozen=True)
class Guess:
    """What a look at an order log tells about it.

    Attributes
    ----------
    file : Path
    format : str
        `csv`, `parquet` or `excel`.
    lines : int
        Order lines that were looked at.
    columns : dict of str to Finding
        Names of the log's columns, by key of `orders.columns`.
    skip_rows, separator, encoding, sheet, date_format, decimal, thousands, currency : Finding, optional
        None where there is nothing to say, as of the separator of a Parquet file.
    cancelled : Finding, optional
        Statuses of orders that never came about.
    unused : tuple of str
        Columns of the log that have no place.
    notes : tuple of str
        Columns that look right by name and are left out, and why.
    """

    file: Path
    format: str
    lines: int
    columns: dict[str, Finding]
    skip_rows: Finding | None = None
    separator: Finding | None = None
    encoding: Finding | None = None
    sheet: Finding | None = None
    date_format: Finding | None = None
    decimal: Finding | None = None
    thousands: Finding | None = None
    currency: Finding | None = None
    cancelled: Finding | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def sniff(file: Path, *, overrides: Mapping[str, Any] | None = None) -> Guess:
    """Look at an order log and say how it is written and what its columns hold.

    Parameters
    ----------
    file : Path
        A text file with separated fields, a Parquet file or a workbook.
    overrides : mapping, optional
        What the file leaves open: `separator`, `date_format`, `decimal`, `sheet`, and
        `columns` (names of the log's columns by key of `orders.columns`).

    Returns
    -------
    Guess

    Raises
    ------
    SegkitError, DataError
        The file cannot be read, can be read in two ways, or lacks what an order log needs.

    Source
    ------
    Definitions, section 2: what a customer table needs from an order log.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "pedidos.csv"
    >>> _ = file.write_text("cliente;fecha;importe\\n7;31/12/2025;1,50 €\\n7;02/01/2026;20 €\\n")
    >>> guess = sniff(file)
    >>> guess.separator.value, guess.date_format.value, guess.decimal.value, guess.currency.value
    (';', '%d/%m/%Y', ',', 'EUR')
    >>> guess.date_format.why
    "day first: '31/12/2025' can be nothing else"
    """
    file, given, names = Path(file), Given.checked(overrides or {}), Names.load()
    with _told_of(file), trial() as tried:
        columns = Columns(look_at(file, given, names), names, given, tried)
        columns.assign()
        leave_out_order_totals(columns)
        columns.require_complete()
        return _guess(file, columns)


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    """Name the file in errors that do not."""
    try:
        yield
    except SegkitError as error:
        problem, where, values, count, fix = error.args
        place = where if where.startswith(str(file)) else f"{file}: {where}".removesuffix(": ")
        raise type(error)(problem, where=place, values=values, count=count, fix=fix) from None


def _guess(file: Path, columns: Columns) -> Guess:
    sample = columns.sample
    decimal, thousands = settle_marks(columns)
    names = {role: column.name for role, column in columns.by_role.items()}
    unused = [column.name for column in sample.columns if column.name not in names.values()]
    return Guess(
        file,
        sample.format,
        sample.lines,
        {role: Finding(name, columns.why[role]) for role, name in names.items()},
        sample.skip_rows,
        sample.separator,
        sample.encoding,
        sample.sheet,
        columns.date_format,
        decimal=decimal,
        thousands=thousands,
        currency=currency(columns),
        cancelled=_cancelled(columns),
        unused=tuple(unused),
        notes=tuple(columns.notes),
    )


def _cancelled(columns: Columns) -> Finding | None:
    names, status = columns.names, columns.by_role.get("status")
    counts = status.counts if status else {}
    found = [text for text in counts if names.key(text) in names.cancelled]
    lines = status.lines_of(found) if status else 0
    return Finding(found, f"{lines} lines of orders that never came about") if found else None
