"""A first params file from a look at an order log: guesses that say why, or a refusal.

What a file leaves open, such as whether `03/04/2025` is in April, is never guessed: the
error shows both readings and how to choose.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import textwrap
import unicodedata
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from segkit.data.parsing import NO_ID, as_instant, as_number
from segkit.data.sources import _cell_text, _excel_rows
from segkit.errors import DataError, RuleError, SegkitError, suggestion
from segkit.params import Csv, OrderColumns, Slug, Source, load_params, load_yaml

BYTES = 1_000_000
"""Bytes of a text file that are looked at."""

ROWS = 10_000
"""Rows of a Parquet file or a sheet that are looked at."""

NEARLY_ALL = 0.95
"""Share of a column's values that a reading has to explain; the rest is taken for damage."""

ENOUGH = 30
"""Rows from which a column with one value, or with another in each row, tells something."""

NAMES = Path(__file__).with_name("column_names.yaml")
REQUIRED = ("customer", "date")
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
OVERRIDES = ("separator", "date_format", "decimal", "sheet", "columns")
EARLIEST = datetime(1970, 1, 1)

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = ("cp1252", "cp850", "mac-roman")
_LETTERS = "áéíóúüñçàèìòùâêîôûäëïöãõÁÉÍÓÚÜÑÇ"
_IN_A_WORD = re.compile(
    rf"(?<=[a-zA-Z])[{_LETTERS}]|[{_LETTERS}](?=[a-zA-Z])|[€£](?=\s?\d)|(?<=\d)\s?[€£]|(?<=\d)[ºª]"
)
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")

_SYMBOL = r"(?:[A-Z]{3}|[$€£¥])"
_NUMBER = re.compile(
    rf"[+-]?\s*{_SYMBOL}?\s*[+-]?(?P<body>\d[\d.,' ]*|[.,]\d+)(?:[eE][+-]?\d+)?\s*{_SYMBOL}?"
)
_DATE = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[/.\- ])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})(?P<time>\D.*)?"
)
_NAMED_DATE = re.compile(r"(?:\d{1,2}[- ][^\W\d]+[- ]\d{2,4}|[^\W\d]+ \d{1,2}, \d{4})(?P<time>.*)")
_NAMED = (
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%d-%B-%Y"),
    *("%b %d, %Y", "%B %d, %Y"),
)
_TIME = re.compile(
    r"(?P<gap>,? |T)\d{1,2}:\d{2}(?P<seconds>:\d{2})?(?P<fraction>\.\d+)?"
    r"(?P<half> ?[AaPp][Mm])?(?P<zone> ?[+-]\d{2}:?\d{2}|Z)?"
)
_DIGITS = {
    8: ["%Y%m%d", "%d%m%Y", "%m%d%Y"],
    10: ["epoch_s"],
    13: ["epoch_ms"],
    14: ["%Y%m%d%H%M%S"],
}
_ORDER_OF = {"d": "day first", "m": "month first", "Y": "year first", "y": "year first"}


@dataclass(frozen=True)
class Finding:
    """A guess and the reason for it."""

    value: Any
    why: str


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
    separator, encoding, sheet, date_format, decimal, thousands, currency : Finding, optional
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
    given = _checked_overrides(overrides or {})
    names = Names.load()
    look = _look(Path(file), given, names)
    with _engine() as engine:
        judge = _Judge(look, names, given, engine)
        return judge.guess()


def write_params(
    client: str,
    file: Path,
    out: Path,
    *,
    currency: str | None,
    root: Path,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Write a client's params file from a look at its order log, each guess explained.

    Parameters
    ----------
    client : str
        Lower-case letters, digits, `_` and `-`.
    file : Path
        The order log.
    out : Path
        Where to write; nothing may be there yet.
    currency : str or None
        ISO 4217 code; None to take what the amounts say.
    root : Path
        Folder that relative paths in params start from.
    overrides : mapping, optional
        As of `sniff`.

    Returns
    -------
    Path
        `out`, which has passed `load_params` and `preflight`.

    Raises
    ------
    SegkitError, DataError
        As `sniff`; also a client that is no slug, a file that is there already, and a
        currency that is not known.

    Source
    ------
    Definitions, section 2.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "log.csv").write_text("customer,date,amount\\n7,2025-12-31,1.50\\n")
    >>> out = root / "params" / "acme.yaml"
    >>> written = write_params("acme", root / "log.csv", out, currency="EUR", root=root)
    >>> load_params(written).orders.columns.amount
    'amount'
    """
    from segkit.preflight import preflight

    _require_slug(client)
    _require_free(out)
    _require_currency(currency)
    guess = sniff(file, overrides=overrides)
    money = Finding(currency, "as given") if currency else guess.currency
    if money is None:
        raise SegkitError(
            "nothing in the file says the currency of its amounts",
            where=str(file),
            fix="say which: --currency EUR",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.stem}-{uuid.uuid4().hex[:8]}.yaml")
    try:
        text = _written(guess, client, money, _portable(Path(file), root))
        aside.write_text(text, encoding="utf-8", newline="\n")
        preflight(load_params(aside), root)
        _require_free(out)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)
    return out


def _require_slug(client: str) -> None:
    try:
        TypeAdapter(Slug).validate_python(client)
    except ValidationError:
        raise SegkitError(
            "not a client's name",
            values=[client],
            fix="use lower-case letters, digits, '-' and '_', at most 64, a letter or digit first",
        ) from None


def _require_free(out: Path) -> None:
    if out.exists():
        raise SegkitError(
            "is there already and is not written over",
            where=str(out),
            fix="remove it first, or choose another client name",
        )


def _require_currency(currency: str | None) -> None:
    from babel.numbers import list_currencies

    if currency is not None and currency not in list_currencies():
        raise SegkitError(
            "not an ISO 4217 currency",
            where="--currency",
            values=[currency],
            fix="write it like EUR",
        )


def _portable(file: Path, root: Path) -> str:
    """Return the file as params name it: without the machine's folders where possible."""
    file, root = file.resolve(), root.resolve()
    if file.is_relative_to(root):
        return file.relative_to(root).as_posix()
    shared = os.environ.get("SEGKIT_DATA")
    if shared and file.is_relative_to(folder := (root / shared).resolve()):
        return "${SEGKIT_DATA}/" + file.relative_to(folder).as_posix()
    return file.as_posix()


def _checked_overrides(given: Mapping[str, Any]) -> dict[str, Any]:
    for key in given:
        if key not in OVERRIDES:
            raise SegkitError("nothing to decide", values=[key], fix=suggestion(key, OVERRIDES))
    for key in given.get("columns") or {}:
        if key not in OrderColumns.model_fields:
            fix = suggestion(key, OrderColumns.model_fields)
            raise SegkitError("no such column of orders", values=[key], fix=fix)
    checked = {key: value for key, value in given.items() if value is not None}
    if "separator" in checked:
        checked["separator"] = _valid(Csv, "separator", checked["separator"]).separator
    for key in {"date_format", "decimal"} & checked.keys():
        _valid(Source, key, checked[key], path="-")
    return checked


def _valid(section: type, key: str, value: Any, **others: Any) -> Any:
    """Return a section of params with a value that was given by hand, or say what is wrong."""
    try:
        return section(**{key: value, **others})
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        where = f"--{key.replace('_', '-')}"
        raise SegkitError(problem, where=where, values=[value]) from None


# Names ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """What order logs call their columns, and words that tell something.

    Attributes
    ----------
    columns : dict of str to list of list of str
        By key of `orders.columns`: rows of equally good names, the best row first.
    currency : list of str
        Names of a column that says each line's currency.
    cancelled : list of str
        Statuses of orders that never came about.
    symbols : dict of str to str
        ISO 4217 code by sign.
    ignored : frozenset of str
        Words without meaning of their own.
    """

    columns: dict[str, list[list[str]]]
    currency: list[str]
    cancelled: list[str]
    symbols: dict[str, str]
    ignored: frozenset[str]

    @classmethod
    def load(cls, path: Path = NAMES) -> Names:
        """Read and check a table of names.

        Raises
        ------
        RuleError
            A key is no column of orders or is missing, or a name stands twice under one.

        Examples
        --------
        >>> Names.load().key("Fecha del pedido")
        'fechapedido'
        """
        content = load_yaml(path)
        _require_keys(content, [part.name for part in fields(cls)], str(path))
        _require_keys(content["columns"], OrderColumns.model_fields, f"{path}: columns")
        ignored = frozenset(content["ignored"])
        columns = {
            role: [[_key(name, ignored) for name in row] for row in rows]
            for role, rows in content["columns"].items()
        }
        for role, rows in columns.items():
            counts = Counter(name for row in rows for name in row)
            twice = [name for name, times in counts.items() if times > 1 or not name]
            if twice:
                where = f"{path}: columns.{role}"
                raise RuleError("names are empty or there twice", where=where, values=twice)
        currency, cancelled = (
            [_key(name, ignored) for name in content[part]] for part in ("currency", "cancelled")
        )
        return cls(columns, currency, cancelled, content["symbols"], ignored)

    def key(self, name: str) -> str:
        """Return a name as it is compared: letters and digits of the words that count."""
        return _key(name, self.ignored)


def _require_keys(content: Mapping[str, Any], wanted: Iterable[str], where: str) -> None:
    differing = sorted(set(content) ^ set(wanted))
    if differing:
        raise RuleError("keys that are missing or not known", where=where, values=differing)


def _key(name: str, ignored: frozenset[str]) -> str:
    outside = re.sub(r"[(\[][^)\]]*[)\]]", " ", name.replace("°", "º"))
    plain = unicodedata.normalize("NFKD", outside)
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()
    return "".join(word for word in re.findall(r"[^\W_]+", split) if word not in ignored)


# A look at the file --------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of the sample: its values as text, None where there is none.

    `kind` is `text`, or `number` or `instant` where the file itself is typed.
    """

    name: str
    values: list[str | None]
    kind: str = "text"

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value is there, in the order in which they first appear."""
        return Counter(value for value in self.values if value is not None)

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return self.counts.total()


@dataclass(frozen=True)
class Look:
    """The first rows of a file, and how they were read."""

    file: Path
    format: str
    columns: list[Column]
    separator: Finding | None = None
    encoding: Finding | None = None
    sheet: Finding | None = None

    @property
    def lines(self) -> int:
        """How many rows were looked at."""
        return len(self.columns[0].values) if self.columns else 0


def _look(file: Path, given: Mapping[str, Any], names: Names) -> Look:
    if not file.is_file():
        problem = "is a folder, not a file" if file.is_dir() else "file not found"
        raise SegkitError(problem, where=str(file), fix="give one file of the order log")
    with file.open("rb") as stream:
        raw = stream.read(BYTES)
    if not raw:
        raise DataError("the file is empty (0 bytes)", where=str(file), fix="export it again")
    if raw.startswith(b"PAR1"):
        look = _look_at_parquet(file)
    elif raw.startswith(_WORKBOOK):
        look = _look_at_workbook(file, given.get("sheet"), names)
    else:
        look = _look_at_text(file, raw, given.get("separator"))
    _require_table(look)
    return look


def _require_table(look: Look) -> None:
    counts = Counter(column.name for column in look.columns)
    twice = [name for name, times in counts.items() if times > 1]
    if twice:
        raise DataError(
            "columns stand twice in the header",
            where=str(look.file),
            values=twice,
            fix="rename one",
        )
    if not look.lines:
        raise DataError(
            "holds no lines below its header", where=str(look.file), fix="export it again"
        )


def _column(name: str, cells: Iterable[object], kind: str = "text") -> Column:
    texts = ((_cell_text(cell) or "").strip() for cell in cells)
    return Column(name, [None if text in NO_ID else text for text in texts], kind)


def _look_at_parquet(file: Path) -> Look:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(file)
        schema = parquet.schema_arrow
        batch = next(parquet.iter_batches(batch_size=ROWS), None)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"not a readable Parquet file ({type(error).__name__})",
            where=str(file),
            fix="export it again",
        ) from None
    cells = [column.to_pylist() for column in batch.columns] if batch else [[] for _ in schema]
    columns = [_column(part.name, values, _kind(part.type)) for part, values in zip(schema, cells)]
    return Look(file, "parquet", columns)


def _kind(type_: Any) -> str:
    from pyarrow import types

    if types.is_dictionary(type_):
        type_ = type_.value_type
    if types.is_integer(type_) or types.is_floating(type_) or types.is_decimal(type_):
        return "number"
    return "instant" if types.is_date(type_) or types.is_timestamp(type_) else "text"


def _look_at_workbook(file: Path, sheet: str | None, names: Names) -> Look:
    if sheet is not None:
        return Look(file, "excel", _sheet(file, sheet), sheet=Finding(sheet, "as given"))
    found = list(_sheets(file))
    fitting = [name for name, columns in found if _may_be_orders(columns, names)]
    if len(fitting) > 1:
        raise SegkitError(
            "several sheets look like an order log",
            where=str(file),
            values=fitting,
            fix="keep the one that is meant in a file of its own",
        )
    name = fitting[0] if fitting else found[0][0]
    why = f"the only sheet of {len(found)} that looks like an order log"
    chosen = Finding(name, why) if len(found) > 1 else None
    return Look(file, "excel", dict(found)[name], sheet=chosen)


def _sheets(file: Path) -> Iterator[tuple[str, list[Column]]]:
    import python_calamine

    try:
        sheets = python_calamine.CalamineWorkbook.from_path(file).sheet_names
    except (python_calamine.CalamineError, OSError):
        raise DataError(
            "neither text nor a workbook that can be read",
            where=str(file),
            fix="unpack it, or save it again as .xlsx or CSV",
        ) from None
    for sheet in sheets:
        try:
            yield sheet, _sheet(file, sheet)
        except DataError:
            yield sheet, []  # an empty sheet beside the one with the orders is no fault


def _sheet(file: Path, sheet: str) -> list[Column]:
    header, rows = _excel_rows(file, sheet)
    cells = list(zip(*rows[:ROWS])) or [()] * len(header)
    return [_column(name, values, _kind_of_cells(values)) for name, values in zip(header, cells)]


def _kind_of_cells(cells: Iterable[object]) -> str:
    kinds = {_kind_of_cell(cell) for cell in cells if cell not in (None, "")}
    return kinds.pop() if len(kinds) == 1 else "text"


def _kind_of_cell(cell: object) -> str:
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return "number"
    return "instant" if isinstance(cell, date) else "text"


def _may_be_orders(columns: list[Column], names: Names) -> bool:
    keys = {names.key(column.name) for column in columns}
    has = {role for role, rows in names.columns.items() if keys & {*chain.from_iterable(rows)}}
    return has >= {"customer", "date"} and ("amount" in has or has >= {"price", "quantity"})


def _look_at_text(file: Path, raw: bytes, separator: str | None) -> Look:
    cut = len(raw) == BYTES and file.stat().st_size > BYTES
    encoding = _encoding(file, raw, cut)
    text = _decoded(raw, encoding.value, cut)
    if text.lstrip().startswith("<"):
        raise DataError(
            "is HTML or XML, not a table", where=str(file), fix="save it as .xlsx or CSV"
        )
    if re.match(r"sep=.\r?\n", text):
        raise DataError(
            "begins with a line for Excel, not with column names",
            where=str(file),
            values=[text.splitlines()[0]],
            fix="delete its first line",
        )
    found = Finding(separator, "as given") if separator else _separator(file, text, cut)
    header, *rows = _records(text, found.value, cut) or [[]]
    whole = [row for row in rows if len(row) == len(header)]
    columns = [_column(name, cells) for name, *cells in zip(header, *whole)]
    return Look(file, "csv", columns, separator=found, encoding=encoding)


def _encoding(file: Path, raw: bytes, cut: bool) -> Finding:
    for mark, name in _BOMS:
        if raw.startswith(mark):
            return Finding(name, "begins with a byte order mark")
    if b"\0" in raw:
        return _wide_encoding(file, raw)
    try:
        _decoded(raw, "utf-8", cut)
    except UnicodeDecodeError:
        return _western_encoding(raw)
    told = "only ASCII as far as looked at" if raw.isascii() else "every character is valid"
    return Finding("utf-8", told)


def _wide_encoding(file: Path, raw: bytes) -> Finding:
    """Tell UTF-16 without a mark by where the zero bytes of plain letters are."""
    odd, even = raw[1::2].count(0), raw[::2].count(0)
    if max(odd, even) < len(raw) // 5 or min(odd, even) > max(odd, even) // 10:
        raise DataError(
            "holds zero bytes, so it is no text", where=str(file), fix="export it as CSV"
        )
    name, place = ("utf-16-le", "second") if odd > even else ("utf-16-be", "first")
    return Finding(name, f"the {place} byte of each pair is mostly zero")


def _western_encoding(raw: bytes) -> Finding:
    """Tell one-byte encodings by the accents and currency signs that they make of a text."""
    scores = {}
    for name in _WESTERN:
        try:
            scores[name] = Counter(_IN_A_WORD.findall(raw.decode(name)))
        except UnicodeDecodeError:
            continue
    best = max(scores, key=lambda name: scores[name].total())
    seen = sorted({match.strip() for match in scores[best]})[:5]
    return Finding(best, f"not UTF-8; as {best} it has {', '.join(seen) or 'no accents'}")


def _decoded(raw: bytes, encoding: str, cut: bool) -> str:
    """Return bytes as text; where they are cut, without the character that the cut split."""
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    return codecs.getincrementaldecoder(name)().decode(raw, final=not cut)


def _records(text: str, separator: str, cut: bool) -> list[list[str]]:
    records = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
            if row:
                records.append(row)
    except csv.Error:
        return records  # a quote that never closes: what stands before it can still tell
    return records[:-1] if cut else records


def _separator(file: Path, text: str, cut: bool) -> Finding:
    shares: dict[str, tuple[float, int, list[list[str]]]] = {}
    for separator in SEPARATORS:
        records = _records(text, separator, cut)[:300]
        width = len(records[0]) if records else 0
        same = sum(len(row) == width for row in records)
        if width > 1 and same >= 0.8 * len(records):
            shares[separator] = (same / len(records), same, records)
    if not shares:
        raise SegkitError(
            "no separator cuts its lines into the same number of fields",
            where=str(file),
            values=text.splitlines()[:1],
            fix="begin the file with a line of column names, or say which: --separator ';'",
        )
    best = max(share for share, _, _ in shares.values())
    tied = {separator: rows for separator, (share, _, rows) in shares.items() if share == best}
    if len(tied) > 1:
        raise _two_separators(file, tied)
    (separator,) = tied
    _, same, records = shares[separator]
    return Finding(separator, f"{same} of {len(records)} lines have {len(records[0])} fields")


def _two_separators(file: Path, tied: Mapping[str, list[list[str]]]) -> SegkitError:
    readings = " or ".join(
        f"{len(rows[0])} fields at each {SEPARATORS[separator]} ({_shown(' · '.join(rows[-1]))})"
        for separator, rows in tied.items()
    )
    options = " or ".join(
        f"--separator '{'tab' if separator == chr(9) else separator}'" for separator in tied
    )
    return SegkitError(
        f"the lines can be cut in two ways: {readings}",
        where=str(file),
        fix=f"say which: {options}",
    )


# The engine that will read the log, so that a guess is tried with what it is meant for --


@dataclass(frozen=True)
class _Engine:
    connection: Any

    def _read(self, texts: Iterable[str], reads: Iterable[Callable]) -> list[list]:
        """Return what each way of reading makes of the texts."""
        import pyarrow as pa

        given = pa.table({"text": pa.array(list(texts), pa.string())})
        text = self.connection.create_table("sniffed", given, temp=True, overwrite=True)["text"]
        read = {str(place): way(text) for place, way in enumerate(reads)}
        return [part.to_pylist() for part in text.as_table().select(**read).to_pyarrow().columns]

    def instants(self, texts: Iterable[str], patterns: list[Any]) -> dict[Any, list]:
        """Return by pattern the texts as instants; None for what is none, or not of our time."""
        sources = [Source(path="-", date_format=pattern) for pattern in patterns]
        ways = [partial(as_instant, source=source, timezone="UTC") for source in sources]
        latest = datetime.now() + timedelta(days=366)
        return {
            pattern: [value if value and EARLIEST <= value <= latest else None for value in found]
            for pattern, found in zip(patterns, self._read(texts, ways) if patterns else ())
        }

    def numbers(self, texts: Iterable[str], decimal: str, thousands: str) -> list:
        """Return texts as numbers under the marks; None for what is none."""
        source = Source(path="-", decimal=decimal, thousands=thousands)
        (found,) = self._read(texts, [partial(as_number, source=source)])
        return found


@contextmanager
def _engine() -> Iterator[_Engine]:
    import ibis

    connection = ibis.duckdb.connect()
    try:
        yield _Engine(connection)
    finally:
        connection.disconnect()


# Dates ---------------------------------------------------------------------------------


class _Unfit(Exception):
    """A column is not what its name promises."""


def _date_format(
    column: Column, engine: _Engine, given: str | None, where: str
) -> tuple[Finding, int]:
    """Return the pattern that reads a column's dates (None: ISO, or typed), and how many it reads.

    Raises `_Unfit` for what are no dates, and an error where two patterns read them all.
    """
    if column.kind == "instant":
        return Finding(None, "the file itself holds dates"), column.present
    read = _read_dates(column, engine, [given] if given else _patterns(column))
    enough = NEARLY_ALL * column.present
    full = [pattern for pattern in read if _weight(column, read[pattern]) >= enough]
    if not full:
        raise _Unfit(_no_dates(column, read))
    best = max(full, key=lambda pattern: _weight(column, read[pattern]))
    for rival in full:
        if rival != best:
            _require_decided(column, read, best, rival, where)
    others = [found for pattern, found in read.items() if pattern != best]
    why = "as given" if given else _why_date(column, best, read[best], others)
    return Finding(best, why), _weight(column, read[best])


def _read_dates(
    column: Column, engine: _Engine, patterns: list[Any]
) -> dict[Any, dict[str, datetime]]:
    return {
        pattern: {text: instant for text, instant in zip(column.counts, found) if instant}
        for pattern, found in engine.instants(column.counts, patterns).items()
    }


def _weight(column: Column, read: Mapping[str, datetime]) -> int:
    return sum(column.counts[text] for text in read)


def _patterns(column: Column) -> list[str | None]:
    """Return the patterns that values of the commonest shapes may follow."""
    shapes: Counter[tuple] = Counter()
    for text, times in column.counts.items():
        shapes[tuple(_patterns_of(text))] += times
    common = [pattern for shape, _ in shapes.most_common(3) for pattern in shape]
    return list(dict.fromkeys(common))


def _patterns_of(text: str) -> list[str | None]:
    if text.isdecimal():
        return list(_DIGITS.get(len(text), []))
    if named := _NAMED_DATE.fullmatch(text):
        time = _time_pattern(named["time"])
        return [] if time is None else [pattern + time for pattern in _NAMED]
    match = _DATE.fullmatch(text)
    time = _time_pattern(match["time"]) if match else None
    if match is None or time is None:
        return []
    if len(match["a"]) == 4:
        iso = match["sep"] in "-/" and "%p" not in time and " %z" not in time
        return [None if iso else match["sep"].join(("%Y", "%m", "%d")) + time]
    year = "%Y" if len(match["c"]) == 4 else "%y"
    orders = [["%d", "%m", year], ["%m", "%d", year]]
    if year == "%y" and match["sep"] == "-":
        orders.append(["%y", "%m", "%d"])
    return [match["sep"].join(order) + time for order in orders]


def _time_pattern(text: str | None) -> str | None:
    """Return the pattern of what follows a date, None if it is no time of day."""
    if not text:
        return ""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour = "%I:%M" if match["half"] else "%H:%M"
    seconds = ":%S" if match["seconds"] else ""
    fraction = ".%f" if match["fraction"] else ""
    half = re.sub(r"\w+", "%p", match["half"] or "")
    zone = (" %z" if match["zone"].startswith(" ") else "%z") if match["zone"] else ""
    return match["gap"] + hour + seconds + fraction + half + zone


def _no_dates(column: Column, read: Mapping[str | None, Mapping[str, datetime]]) -> str:
    best = max(read, key=lambda pattern: _weight(column, read[pattern]), default=None)
    known = read.get(best, {})
    strange = ", ".join(_shown(text) for text in list(column.counts) if text not in known)
    if not known:
        return f"its values are no dates that can be read, from {EARLIEST.year} on: {strange[:100]}"
    told = f"only {_weight(column, known)} of {column.present} values are dates like"
    return f"{told} {_shown(next(iter(known)))}; not {strange[:100]}"


def _require_decided(
    column: Column,
    read: Mapping[str | None, Mapping[str, datetime]],
    best: Any,
    rival: Any,
    where: str,
) -> None:
    """Raise unless a value can be read by `best` alone and none by `rival` alone."""
    by_name = "%b" in best or "%B" in best  # '8 May 2016' is the same day in both
    if by_name or read[best].keys() > read[rival].keys():
        return
    place = f"{where}: column {_shown(column.name)}"
    if alone := [text for text in read[rival] if text not in read[best]]:
        other = next(text for text in read[best] if text not in read[rival])
        raise SegkitError(
            f"{other!r} can only be {_named(best)}, and {alone[0]!r} only {_named(rival)}",
            where=place,
            fix="export it again in one format, or say which: --date-format",
        )
    differing = (text for text in read[best] if read[best][text] != read[rival][text])
    text = next(differing, next(iter(read[best])))
    one, two = (f"{_day(read[pattern][text])} ({pattern})" for pattern in (best, rival))
    raise SegkitError(
        f"the dates can be read in two ways: {text!r} is {one} or {two}",
        where=place,
        values=list(column.counts)[:3],
        fix=f"say which: --date-format '{best}' or --date-format '{rival}'",
    )


def _day(instant: datetime) -> str:
    return f"{instant.day} {instant:%B %Y}"


def _named(pattern: str) -> str:
    return f"{_ORDER_OF.get(pattern[1:2], 'so')} ({pattern})"


def _why_date(
    column: Column,
    pattern: str | None,
    read: Mapping[str, datetime],
    others: Iterable[Mapping[str, datetime]],
) -> str:
    first, told = next(iter(read)), ""
    if strange := [text for text in column.counts if text not in read]:
        lines = column.present - _weight(column, read)
        told = f"; {lines} of {column.present} values are no dates, such as {_shown(strange[0])}"
    order = _ORDER_OF.get((pattern or "")[1:2])
    if pattern is None:
        return f"{first!r} is an ISO date{told}"
    if order is None:
        return f"{first!r} is {_day(read[first])}{told}"
    alone = [text for text in read if not any(text in other for other in others)]
    if not alone:
        return f"{order}: so {_weight(column, read)} of {column.present} values are dates{told}"
    return f"{order}: {alone[0]!r} can be nothing else{told}"


# Numbers -------------------------------------------------------------------------------


@dataclass
class _Marks:
    """What a column's numbers say about its marks.

    `decimals` counts the values that leave no doubt, by decimal mark, and `shown` has
    the first of each; `open` are the values that can be read in two ways.
    """

    decimals: Counter[str] = field(default_factory=Counter)
    shown: dict[str, str] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)


def _body(text: str) -> str | None:
    """Return the digits and marks of a text that looks like a number, else None."""
    match = _NUMBER.fullmatch(re.sub("[\u00a0\u202f]", " ", text).strip())
    return match["body"].strip() if match else None


def _marks(column: Column) -> _Marks:
    marks = _Marks()
    for text, times in column.counts.items():
        body = _body(text)
        if body is None:
            continue
        mark = _decimal_of(body)
        if mark == "?" and column.kind == "number":
            mark = "."  # a cell that is a number was written down by the kit, with a point
        if mark == "?":
            marks.open.append(text)
        elif mark:
            marks.decimals[mark] += times
            marks.shown.setdefault(mark, text)
    return marks


def _decimal_of(body: str) -> str:
    """Return the decimal mark of a number: `.`, `,`, empty if it has none, `?` if that is open.

    Examples
    --------
    >>> [_decimal_of(body) for body in ("1.234,56", "12.5", "1.234.567", "1,234", "0,123", "12")]
    [',', '.', ',', '?', ',', '']
    """
    marks = [sign for sign in body if sign in ".,"]
    if not marks:
        return ""
    last, other = marks[-1], {".": ",", ",": "."}[marks[-1]]
    if len(set(marks)) == 2:
        return last if marks.count(last) == 1 else ""
    if len(marks) > 1:
        return other if re.fullmatch(rf"\d{{1,3}}({re.escape(last)}\d{{3}})+", body) else ""
    whole, _, decimals = body.partition(last)
    grouped = len(decimals) == 3 and re.fullmatch(r"[1-9]\d{0,2}", whole)
    return "?" if grouped else last


def _decimal(columns: list[Column], where: str) -> Finding:
    """Return the decimal mark of the columns; an error where it is open or not one.

    The first columns that leave no doubt decide; one program wrote them all.
    """
    found = {column.name: _marks(column) for column in columns}
    sure = {name: marks for name, marks in found.items() if marks.decimals}
    main = {name: marks.decimals.most_common(1)[0][0] for name, marks in sure.items()}
    if len(set(main.values())) > 1:
        raise _two_decimals(sure, main, where)
    for name, marks in sure.items():
        if marks.decimals[main[name]] < NEARLY_ALL * marks.decimals.total():
            raise _two_decimals({name: marks}, {}, where)
    for name, mark in main.items():
        return Finding(mark, f"{sure[name].shown[mark]!r} in {_shown(name)}")
    for name, marks in found.items():
        if marks.open:
            raise _open_decimal(name, marks, where)
    return Finding(".", "no number that was looked at has decimals")


def _two_decimals(sure: Mapping[str, _Marks], main: Mapping[str, str], where: str) -> SegkitError:
    told = [
        f"{marks.shown[mark]!r} in {_shown(name)}"
        for name, marks in sure.items()
        for mark in ([main[name]] if main else sorted(marks.decimals))
    ]
    return SegkitError(
        f"decimals are written in two ways: {' and '.join(told)}",
        where=where,
        fix="export it again with one decimal mark, or say which: --decimal . or --decimal ,",
    )


def _open_decimal(name: str, marks: _Marks, where: str) -> SegkitError:
    text = marks.open[0]
    body = _body(text) or ""
    mark = "," if "," in body else "."
    whole = body.replace(mark, "")
    return SegkitError(
        f"the numbers can be read in two ways: {text!r} is {whole} ({mark!r} between thousands) "
        f"or {body.replace(mark, '.')} ({mark!r} before decimals)",
        where=f"{where}: column {_shown(name)}",
        values=marks.open[:3],
        fix="say which: --decimal . or --decimal ,",
    )


def _thousands(columns: list[Column], decimal: str) -> Finding | None:
    """Return the mark between thousands, None where no number has one."""
    other = "." if decimal == "," else ","
    counts: Counter[str] = Counter()
    shown: dict[str, str] = {}
    for column in columns:
        for text, times in column.counts.items() if column.kind == "text" else ():
            for mark in (other, " ", "'"):
                whole = (_body(text) or "").partition(decimal)[0]
                if re.fullmatch(rf"\d{{1,3}}({re.escape(mark)}\d{{3}})+", whole):
                    counts[mark] += times
                    shown.setdefault(mark, f"{text!r} in {_shown(column.name)}")
    if not counts:
        return None
    (mark, _), *_ = counts.most_common(1)
    return Finding(mark, shown[mark])


# What the columns hold -----------------------------------------------------------------


@dataclass
class _Judge:
    """Which column of a look is what, by its name and by what it holds."""

    look: Look
    names: Names
    given: Mapping[str, Any]
    engine: _Engine
    columns: dict[str, Column] = field(default_factory=dict)
    dates: dict[str, Finding] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def guess(self) -> Guess:
        """Return all guesses; an error where one is open."""
        for role in self.names.columns:
            self._assign(role)
        self._leave_out_order_totals()
        self._require_complete()
        decimal, thousands = self._settle_numbers()
        used = {column.name for column in self.columns.values()}
        look = self.look
        return Guess(
            file=look.file,
            format=look.format,
            lines=look.lines,
            columns={
                role: Finding(column.name, self.why[role]) for role, column in self.columns.items()
            },
            separator=look.separator,
            encoding=look.encoding,
            sheet=look.sheet,
            date_format=self.dates[self.columns["date"].name],
            decimal=decimal,
            thousands=thousands,
            currency=self._currency(),
            cancelled=self._cancelled(),
            unused=tuple(column.name for column in look.columns if column.name not in used),
            notes=tuple(self.notes),
        )

    @property
    def _where(self) -> str:
        return str(self.look.file)

    @property
    def _chosen(self) -> Mapping[str, str]:
        """Columns that were named by hand, by role."""
        return self.given.get("columns") or {}

    def _assign(self, role: str) -> None:
        named = self._chosen.get(role)
        rows = [[self._column_named(role, named)]] if named else self._candidates(role)
        for row in rows:
            fitting = [column for column in row if self._fits(role, column, insist=bool(named))]
            if len(fitting) > 1:
                raise self._tied(role, fitting)
            if fitting:
                self.columns[role] = fitting[0]
                return

    def _column_named(self, role: str, name: str) -> Column:
        for column in self.look.columns:
            if column.name == name:
                return column
        fix = suggestion(name, [column.name for column in self.look.columns])
        raise SegkitError("no such column", where=f"{self._where}: {role}", values=[name], fix=fix)

    def _candidates(self, role: str) -> list[list[Column]]:
        taken = [*self._chosen.values(), *(column.name for column in self.columns.values())]
        free = [column for column in self.look.columns if column.name not in taken]
        return [
            [column for column in free if self.names.key(column.name) in row]
            for row in self.names.columns[role]
        ]

    def _fits(self, role: str, column: Column, *, insist: bool) -> bool:
        try:
            self.why[role] = self._reason(role, column)
        except _Unfit as unfit:
            note = f"{role}: not {_shown(column.name)}: {unfit}"
            if insist:
                raise SegkitError(note, where=self._where, fix="name another column") from None
            self.notes.append(note)
            return False
        return True

    def _reason(self, role: str, column: Column) -> str:
        if not column.present:
            raise _Unfit("it is empty")
        numbers = ("amount", "price", "quantity", "discount", "profit")
        checks = {
            "customer": self._reason_customer,
            "date": self._reason_date,
            "order": self._reason_order,
            **dict.fromkeys(numbers, self._reason_number),
            **dict.fromkeys(("category", "channel"), self._reason_group),
            "status": self._reason_status,
        }
        return checks.get(role, _reason_text)(column)

    def _reason_customer(self, column: Column) -> str:
        count = len(column.counts)
        if column.present >= ENOUGH and count == column.present:
            raise _Unfit(f"another value on each of {count} lines, so nobody buys twice")
        if column.present >= ENOUGH and count == 1:
            raise _Unfit("the same value on each line")
        return f"{count} customers on {column.present} lines"

    def _reason_date(self, column: Column) -> str:
        given = self.given.get("date_format")
        found, read = _date_format(column, self.engine, given, self._where)
        self.dates[column.name] = found
        return f"{read} of {column.present} values are dates"

    def _reason_order(self, column: Column) -> str:
        if column.present >= ENOUGH and len(column.counts) == 1:
            raise _Unfit("the same value on each line")
        return f"{len(column.counts)} orders on {column.present} lines"

    def _reason_number(self, column: Column) -> str:
        strange = [text for text in column.counts if _body(text) is None]
        wrong = sum(column.counts[text] for text in strange)
        if column.kind != "number" and wrong > (1 - NEARLY_ALL) * column.present:
            shown = ", ".join(_shown(text) for text in strange[:3])
            raise _Unfit(f"{wrong} of {column.present} values are no numbers: {shown}")
        return f"numbers, such as {next(iter(column.counts))!r}"

    def _reason_group(self, column: Column) -> str:
        if column.present >= ENOUGH and len(column.counts) > column.present / 2:
            raise _Unfit(f"{len(column.counts)} different values on {column.present} lines")
        return _reason_text(column)

    def _reason_status(self, column: Column) -> str:
        if len(column.counts) > 12:
            raise _Unfit(f"{len(column.counts)} different values are no statuses")
        return ", ".join(_shown(text) for text in list(column.counts)[:4])

    def _tied(self, role: str, columns: list[Column]) -> SegkitError:
        return SegkitError(
            f"several columns can be the {role} equally well",
            where=self._where,
            values=[column.name for column in columns],
            fix=f"rename those that are not meant, or write the params file by hand with one of "
            f"them as orders.columns.{role} (params/cdnow.yaml is a model)",
        )

    def _require_complete(self) -> None:
        has = self.columns.keys()
        missing = [role for role in REQUIRED if role not in has]
        if "amount" not in has and not {"price", "quantity"} <= has:
            missing.append("amount (or both price and quantity)")
        if not missing:
            return
        seen = ", ".join(_shown(column.name) for column in self.look.columns)
        told = f" ({'; '.join(self.notes)})" if self.notes else ""
        keys = ", ".join(f"{name.split()[0]}: …" for name in missing)
        pattern = ", give --date-format" if "date" in missing and told else ""
        raise SegkitError(
            f"no column is known for: {', '.join(missing)}{told}. The columns are {seen}",
            where=self._where,
            fix=f"name the columns in the first line, rename the one that is meant{pattern}, or "
            f"write the params file by hand with orders.columns: {{{keys}}} (params/cdnow.yaml is "
            "a model)",
        )

    def _leave_out_order_totals(self) -> None:
        """Leave out an amount that is the whole order's: on each of its lines, or on one."""
        if "amount" not in self.columns or "amount" in self._chosen:
            return
        amount, order = self.columns["amount"], self.columns.get("order")
        otherwise = self.columns.keys() >= {"price", "quantity"}
        repeated = order is not None and _repeated_in_orders(amount, order)
        empty = self.look.lines - amount.present
        if repeated:
            told = f"{_shown(amount.name)} is the same on all lines of an order"
        elif otherwise and empty > (1 - NEARLY_ALL) * self.look.lines:
            told = f"{_shown(amount.name)} is empty on {empty} of {self.look.lines} lines"
        else:
            return
        if not otherwise:
            raise SegkitError(
                f"{told}: it looks like the order's total, which must not be added up by line",
                where=self._where,
                fix="export each line's own amount, or one line an order",
            )
        del self.columns["amount"]
        self.notes.append(f"amount: not {told}; price times quantity is taken")

    def _settle_numbers(self) -> tuple[Finding | None, Finding | None]:
        """Return decimal mark and mark between thousands, and leave out what they do not read."""
        amounts = self._written_numbers("amount", "price", "quantity")
        others = self._written_numbers("profit", "discount")
        every = amounts + others
        if not every:
            return None, None
        decisive = amounts if any(_marks(column).decimals for column in amounts) else every
        given = self.given.get("decimal")
        decimal = Finding(given, "as given") if given else _decimal(decisive, self._where)
        thousands = _thousands(every, decimal.value)
        for role in ("amount", "price", "quantity", "discount", "profit"):
            if self.columns.get(role) in every:
                self._require_read(role, decimal.value, thousands.value if thousands else "")
        return decimal, thousands

    def _written_numbers(self, *roles: str) -> list[Column]:
        """Return columns whose numbers are text when the kit reads them."""
        columns = [self.columns[role] for role in roles if role in self.columns]
        typed = self.look.format == "parquet"
        return [column for column in columns if not (typed and column.kind == "number")]

    def _require_read(self, role: str, decimal: str, thousands: str) -> None:
        column = self.columns[role]
        found = zip(column.counts, self.engine.numbers(column.counts, decimal, thousands))
        strange = [text for text, number in found if number is None]
        wrong = sum(column.counts[text] for text in strange)
        if wrong <= (1 - NEARLY_ALL) * column.present:
            return
        told = (
            f"{wrong} of {column.present} values are no numbers with decimal {decimal!r} "
            f"and thousands {thousands!r}"
        )
        if role in ("discount", "profit"):
            del self.columns[role]
            self.notes.append(f"{role}: not {_shown(column.name)}: {told}: {_shown(strange[0])}")
            return
        raise SegkitError(
            told,
            where=f"{self._where}: column {_shown(column.name)}",
            values=strange[:3],
            fix="export it again with one way of writing numbers",
        )

    def _currency(self) -> Finding | None:
        found = self._currencies()
        if len(found) > 1:
            raise SegkitError(
                f"amounts in several currencies: {'; '.join(found.values())}",
                where=self._where,
                fix="convert them to one, or give each currency a file of its own",
            )
        return next((Finding(code, why) for code, why in found.items()), None)

    def _currencies(self) -> dict[str, str]:
        """Return codes and where they are; a sign tells less than a code ('$' is many dollars)."""
        from babel.numbers import list_currencies

        codes = {code: code for code in list_currencies()}
        keys = self.names.currency
        by_line = [column for column in self.look.columns if self.names.key(column.name) in keys]
        money = [self.columns[role] for role in ("amount", "price") if role in self.columns]
        names = [Column(column.name, [column.name]) for column in money]
        signs = "|".join(map(re.escape, self.names.symbols))
        return (
            _words(by_line, "^[A-Z]{3}$", codes)
            or _words(by_line + money + names, r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", codes)
            or _words(by_line + money + names, signs, self.names.symbols)
        )

    def _cancelled(self) -> Finding | None:
        column = self.columns.get("status")
        counts = column.counts if column else {}
        found = [text for text in counts if self.names.key(text) in self.names.cancelled]
        lines = sum(counts[text] for text in found)
        return Finding(found, f"{lines} lines of orders that never came about") if found else None


def _words(columns: Iterable[Column], pattern: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return what the known words in columns stand for, and where each was first seen."""
    found: dict[str, str] = {}
    for column in columns:
        for text in column.counts:
            for word in re.findall(pattern, text):
                if word in known:
                    found.setdefault(known[word], f"{word!r} in {_shown(column.name)}")
    return found


def _reason_text(column: Column) -> str:
    return f"{len(column.counts)} different values"


def _repeated_in_orders(amount: Column, order: Column) -> bool:
    orders: dict[str, list[str | None]] = {}
    for key, value in zip(order.values, amount.values):
        if key is not None:
            orders.setdefault(key, []).append(value)
    several = [values for values in orders.values() if len(values) > 1]
    same = [values[0] for values in several if len(set(values)) == 1]
    return len(several) >= 10 and len(same) >= NEARLY_ALL * len(several) and len(set(same)) > 5


# The file ------------------------------------------------------------------------------

_HINTS = """
# What else a client can have; take away the '# ' and fill in.
#
# returns:                     # orders that were returned whole
#   path: returns.csv
#   columns: {order: order_id, date: returned_at}
#
# customers:                   # everyone registered, with or without purchases
#   path: customers.csv
#   columns: {customer: customer_id, registered: registered_at}
#
# events:                      # what customers did besides buying
#   path: events.csv
#   columns: {customer: customer_id, date: date, type: type, product: product_id}
#   types: {view: view, cart: cart, purchase: purchase}
#
# as_of: "2026-01-01"          # first day that is not observed; default: after the last sale
#
# rfm:
#   bins: {recency: [30, 90, 180, 365]}   # cuts agreed with the business; default: quantiles
#
# clusters:
#   k: 5                       # default: chosen from 2 to 10
"""


def _written(guess: Guess, client: str, currency: Finding, path: str) -> str:
    """Return the params file's text: values quoted, reasons as comments."""
    lines = [
        _remark(f"{client}: written from a look at {guess.lines} lines of {guess.file.name}."),
        "# Each guess says why: look through them before the first run.",
        f"client: {_scalar(client)}",
        "# name:                      # as reports show it; default: the client's key",
        "language: es                 # of the report: es or en",
        _entry("currency", currency),
        "# timezone: Europe/Madrid    # of the dates, and of times with an offset; default: UTC",
        "",
        "orders:",
        f"  path: {_scalar(path)}",
        f"  format: {guess.format}",
        *_reading(guess),
        "  columns:",
        *[_entry(role, found, 4) for role, found in guess.columns.items()],
        *[_remark(note, 4) for note in guess.notes],
    ]
    if guess.unused:
        lines += _listed("not used", guess.unused, 4)
    return "\n".join([*lines, "", *_cleaning(guess)]) + "\n" + _HINTS


def _reading(guess: Guess) -> Iterator[str]:
    if guess.sheet:
        yield _entry("sheet", guess.sheet, 2)
    if guess.separator and guess.encoding:
        yield "  csv:"
        yield _entry("separator", guess.separator, 4)
        yield _entry("encoding", guess.encoding, 4)
    if guess.date_format and guess.date_format.value is None:
        yield _remark(f"no date_format: {guess.date_format.why}", 2)
    elif guess.date_format:
        yield _entry("date_format", guess.date_format, 2)
    if guess.decimal:
        yield _entry("decimal", guess.decimal, 2)
    if guess.thousands:
        yield _entry("thousands", guess.thousands, 2)


def _cleaning(guess: Guess) -> Iterator[str]:
    yield "cleaning:"
    if "order" in guess.columns:
        yield "  exact_duplicate: reject  # the same line twice in an order is taken for a fault"
    else:
        yield "  exact_duplicate: keep  # no order number: two equal lines can be two purchases"
    if guess.cancelled:
        yield _entry("cancelled_statuses", guess.cancelled, 2)
    elif "status" in guess.columns:
        yield "  # cancelled_statuses: [cancelled]  # of orders that never came about"
    if "order" in guess.columns:
        yield "  # cancelled_order_prefix: C  # how the numbers of cancelled orders begin"
    if "product" in guess.columns:
        yield "  # non_product_codes: [SHIPPING, ADJ*]  # postage, fees and the like; * is any end"


def _entry(key: str, found: Finding, indent: int = 0) -> str:
    value = found.value
    shown = [_scalar(part) for part in ([value] if isinstance(value, str) else value)]
    text = shown[0] if isinstance(value, str) else f"[{', '.join(shown)}]"
    return f"{' ' * indent}{key}: {text}  {_remark(found.why)}"


def _scalar(text: str) -> str:
    """Return a text as YAML on one line, in quotes unless it is plain words.

    Examples
    --------
    >>> [_scalar(text) for text in ("Order Date", "NO", "a: b")]
    ['Order Date', '"NO"', '"a: b"']
    """
    words = re.fullmatch(r"(\$\{SEGKIT_DATA\}/)?[\w ./-]*[^\W\d_][\w ./-]*", text)
    if words and yaml.safe_load(text) == text:
        return text
    width = float("inf")
    return yaml.safe_dump(text, width=width, default_style='"', allow_unicode=True).rstrip("\n")


def _remark(text: str, indent: int = 0) -> str:
    """Return a comment on one line: nothing that a file holds can end it."""
    safe = "".join(sign if sign.isprintable() else " " for sign in text)
    return f"{' ' * indent}# {' '.join(safe.split())}"


def _listed(title: str, names: Iterable[str], indent: int) -> list[str]:
    text = f"{title}: {', '.join(_shown(name) for name in names)}"
    return [_remark(line, indent) for line in textwrap.wrap(text, 92 - indent)]


def _shown(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 40 else shown[:37] + "..."
