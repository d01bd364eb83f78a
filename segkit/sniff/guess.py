"""All guesses about an order log, from a look at its first rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segkit.errors import SegkitError
from segkit.sniff import export
from segkit.sniff.amounts import currency, leave_out_order_totals, settle_marks
from segkit.sniff.codes import cancelled_prefix, non_products
from segkit.sniff.columns import Columns
from segkit.sniff.dates import zone_of
from segkit.sniff.given import Given
from segkit.sniff.joined import joined
from segkit.sniff.layouts import Known, recognised
from segkit.sniff.look import look_at
from segkit.sniff.names import Names
from segkit.sniff.order_level import OrderLevel, leave_out_amounts, order_level
from segkit.sniff.sample import NEARLY_ALL, Column, Finding, Sample, shown
from segkit.sniff.trial import Trial, trial


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
    statuses : Finding, optional
        What `orders.statuses` says of the column of statuses.
    unused : tuple of str
        Columns of the log that have no place.
    notes : tuple of str
        Columns that look right by name and are left out, and why.
    known : Known, optional
        The shop system's export that it is, and what its params say.
    joins : tuple of (Path, Sample, dict)
        Other files of the log, and what `orders.join` says of each.
    level : OrderLevel
        What stands on orders rather than on lines.
    addresses : str
        Why customers are told apart by their e-mails; empty where they are not.
    timezone : Finding, optional
        The zone of all times, where all have the same offset.
    prefix, non_products : Finding, optional
        How numbers of orders begin that take others back; codes that look like no products.
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
    statuses: Finding | None = None
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    known: Known | None = None
    joins: tuple[tuple[Path, Sample, dict[str, Any]], ...] = ()
    level: OrderLevel = OrderLevel()
    addresses: str = ""
    timezone: Finding | None = None
    prefix: Finding | None = None
    non_products: Finding | None = None

    @property
    def told(self) -> list[str]:
        """What somebody has to know at once."""
        taken = [f"taken for an export of {self.known.why}"] if self.known else []
        keys = [
            f"{file.name} is joined by {' = '.join(join['key'])}" for file, _, join in self.joins
        ]
        return [*taken, *keys, *(note for note in self.notes if "not known" in note)]


def sniff(
    file: Path, *, others: Sequence[Path] = (), overrides: Mapping[str, Any] | None = None
) -> Guess:
    """Look at an order log and say how it is written and what its columns hold.

    Parameters
    ----------
    file : Path
        A text file with separated fields, a Parquet file or a workbook.
    others : sequence of Path
        More files of the log, such as that of the orders' lines.
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
    files, given, names = [Path(file), *others], Given.checked(overrides or {}), Names.load()
    samples = []
    for each in files:
        with _told_of(each):
            samples.append(look_at(each, given, names))
    with _told_of(files[0]), trial() as tried:
        if known := recognised(samples):
            return _export(known, files, samples, given, tried)
        main, sample, joins = joined(samples, names)
        columns = Columns(sample, names, given, tried)
        columns.assign()
        level = order_level(columns)
        if given.no_amounts:
            level = leave_out_amounts(columns)
        else:
            leave_out_order_totals(columns)
        columns.require_complete(has_order_value=level.has_value or given.no_amounts)
        beside = tuple((files[place], samples[place], join) for place, join in joins.items())
        return replace(_guess(files[main], columns), joins=beside, level=level)


def _export(
    known: Known, files: Sequence[Path], samples: Sequence[Sample], given: Given, tried: Trial
) -> Guess:
    """Return what a known system's export tells."""
    columns = export.seen_columns(known, samples)
    export.with_given(known, columns, given)
    export.leave_out_empty(known, columns)
    place = known.others[0][0]
    sample, decimal = samples[place], export.marks(known, columns, given)
    return Guess(
        files[place],
        sample.format,
        sample.lines,
        {role: Finding(name, "") for role, name in known.orders["columns"].items()},
        separator=sample.separator,
        encoding=sample.encoding,
        sheet=sample.sheet,
        skip_rows=sample.skip_rows,
        date_format=export.dates(known, columns, given, tried),
        decimal=decimal[0],
        thousands=decimal[1],
        currency=export.money(known, columns, given),
        timezone=zone_of(columns[known.orders["columns"]["date"]]),
        notes=tuple(export.remarks(known, columns, sample)),
        known=known,
        joins=tuple((files[other], samples[other], join) for other, join in known.others[1:]),
    )


FEW = 0.1
"""Share of lines whose statuses nobody knows that may be left out."""


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
        statuses=_statuses(columns),
        addresses=_addresses(columns.by_role["customer"]),
        timezone=zone_of(columns.by_role["date"]),
        prefix=cancelled_prefix(columns),
        non_products=non_products(columns),
        unused=tuple(unused),
        notes=tuple(columns.notes),
    )


def _addresses(customer: Column) -> str:
    emails = [text for text in customer.counts if "@" in text]
    if len(emails) < NEARLY_ALL * len(customer.counts):
        return ""
    spelt = len(emails) - len({text.lower() for text in emails})
    return (
        f"{spelt} addresses differ only in upper and lower case" if spelt else "they are addresses"
    )


def _statuses(columns: Columns) -> Finding | None:
    """Return what the words of a column of statuses say; None where no word is known."""
    column, names = columns.by_role.get("status"), columns.names
    if column is None:
        return None
    found: dict[str, list[str]] = {}
    strange: list[str] = []
    for text in column.counts:
        kind = names.status(text)
        (found.setdefault(kind, []) if kind else strange).append(text)
    told = column.commonest
    if not found:
        columns.notes.append(f"status: {told}: say in orders.statuses which of them are sales")
        return None
    if column.lines_of(strange) > FEW * column.present:
        found.pop("sold", None)  # so many that they would stop the client: all but these are sales
        columns.notes.append(f"status: {told}: say in orders.statuses which of them are sales")
        if not found:
            return None
    elif strange and "sold" in found:
        named = ", ".join(map(shown, strange))
        columns.notes.append(
            f"status: not known: {named}: not sales until orders.statuses has them"
        )
    return Finding({"column": column.name, **found}, told)
