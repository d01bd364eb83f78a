"""Where tables come from: files and databases, as tables of the engine.

Text stays text here: a CSV or Excel column is read as it stands, and what it means is
decided in `cleaning`. Lines that are no CSV at all are kept aside, never dropped.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from segkit.data.csv_records import (
    count_lines,
    csv_header,
    is_utf8,
    numbered_copies,
    plain_copy,
    split_records,
    unique_names,
)
from segkit.data.packed import PACKED_SUFFIXES, is_packed_csv, packing, unpacked_name
from segkit.errors import DataError, SegkitError, suggestion
from segkit.params import Database, EngineParams, Source, from_environment, without_secrets

_FORMATS = {
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xlsb": "excel",
    ".xls": "excel",
    ".ods": "excel",
}
_KINDS = set(_FORMATS.values())
_LOST = "\ufffd"
DEMO = "segkit:"


@dataclass(frozen=True)
class Raw:
    """A table as its source gives it, and the lines that could not be read as a table.

    Attributes
    ----------
    table : ibis table
        Columns named as in the source.
    malformed : ibis table, optional
        Columns `file`, `line`, `raw`: lines of a CSV file with too few or too many
        fields, or a quote that never closes.
    heads : ibis table, optional
        Rows that hold an order's own fields alone, and whose articles follow.
    """

    table: ir.Table
    malformed: ir.Table | None = None
    name: str = "orders"
    heads: ir.Table | None = None


@dataclass
class Workspace:
    """The engine of one study, and the folder that it may write to.

    Parameters
    ----------
    root : Path
        Folder that relative paths start from.
    scratch : Path
        Folder for what does not fit in memory; emptied by `close`.
    engine : EngineParams
        Memory and threads that the engine may use.
    """

    root: Path
    scratch: Path
    engine: EngineParams = field(default_factory=EngineParams)
    _connection: Backend | None = None

    @property
    def connection(self) -> Backend:
        """The DuckDB connection, opened when first used."""
        if self._connection is None:
            self.scratch.mkdir(parents=True, exist_ok=True)
            settings: dict[str, Any] = {"memory_limit": self.engine.memory_limit}
            if self.engine.threads:
                settings["threads"] = self.engine.threads
            self._connection = ibis.duckdb.connect(temp_directory=self.scratch, **settings)
        return self._connection

    def fresh_file(self, name: str, suffix: str = ".parquet") -> Path:
        """Return a path in the scratch folder that no other file has."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        return self.scratch / f"{_fresh(name)}{suffix}"

    def parquet(self, *files: Path) -> ir.Table:
        """Return files that the kit itself wrote as one table; their path means nothing."""
        paths = [_literal(file) for file in files]
        return self.connection.read_parquet(paths, union_by_name=True, hive_partitioning=False)

    def close(self) -> None:
        """Close the engine and remove its scratch folder."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None
        shutil.rmtree(self.scratch, ignore_errors=True)


@contextmanager
def working_through() -> Iterator[None]:
    """Tell in one line where the engine cannot: a damaged page, memory or disk at its end."""
    try:
        yield
    except duckdb.Error as error:
        raise DataError(
            f"the engine cannot work through the lines ({_first_line(error)})",
            fix="check the files, the free disk space and engine.memory_limit",
        ) from None


def resolve_files(source: Source, root: Path, *, where: str) -> list[Path]:
    """Return the files that a source's paths, folders and patterns stand for, each once.

    Raises
    ------
    SegkitError
        A file is missing or empty, or there a second time, packed; a pattern matches nothing;
        a variable is not set.
    """
    found: list[Path] = []
    for text in source.path or []:
        found += _matches(from_environment(text, where=where), source, root, where)
    files = list({file.resolve(): file for file in found}.values())
    for file in files:
        if file.stat().st_size == 0:
            raise DataError("the file is empty (0 bytes)", where=str(file), fix="export it again")
    _require_unpacked_once(files, where)
    return files


def _require_unpacked_once(files: list[Path], where: str) -> None:
    """Refuse a file beside its packed copy: both would be read, and every line twice."""
    first: dict[Path, Path] = {}
    for file in sorted(files, key=lambda file: file.suffix.lower() in PACKED_SUFFIXES):
        twin = first.setdefault(file.parent / unpacked_name(file.name), file)
        if twin is not file and is_packed_csv(file.name):
            names, fix = [twin.name, file.name], "leave one of the two, or name the files"
            raise SegkitError("a file and its packed copy", where=where, values=names, fix=fix)


def format_of(file: Path) -> str | None:
    """Return the format that a file's name tells, None where it tells none.

    Examples
    --------
    >>> [format_of(Path(name)) for name in ("o.tsv", "o.csv.gz", "o.XLSX", "o.pdf")]
    ['csv', 'csv', 'excel', None]
    """
    return "csv" if is_packed_csv(file.name) else _FORMATS.get(file.suffix.lower())


def _matches(text: str, source: Source, root: Path, where: str) -> list[Path]:
    if text.startswith(DEMO):
        from segkit.data.demo import shop  # the generator is loaded where the demo is asked for

        return [shop.path(root, text.removeprefix(DEMO))]
    path = root / Path(text).expanduser()
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if _is_data(file, path, source))
        problem, fix = "no data file in this folder", "put CSV, Parquet or Excel files there"
    elif any(mark in text for mark in "*?[") and not path.exists():
        found = [file for file in _glob(path) if file.is_file()]
        problem, fix = "no file matches this pattern", "check the folder and the pattern"
    else:
        found = [path] if path.is_file() else []
        problem, fix = "file not found", f"relative paths start from {root}"
    if not found:
        raise SegkitError(problem, where=where, values=[text], fix=fix)
    return found


def _is_data(file: Path, folder: Path, source: Source) -> bool:
    """Pass over what programs leave beside data: hidden files, locks of open workbooks."""
    kind = format_of(file)
    names = file.relative_to(folder).parts
    aside = any(name.startswith((".", "~$")) for name in names)
    return kind in ({source.format} if source.format else _KINDS) and not aside and file.is_file()


def _glob(pattern: Path) -> list[Path]:
    """Match a pattern below the deepest folder that exists, whatever marks its name holds."""
    folder = next(parent for parent in pattern.parents if parent.is_dir())
    try:
        return sorted(folder.glob(str(pattern.relative_to(folder))))
    except ValueError:  # such as `**.csv`
        return []


def read(workspace: Workspace, source: Source, name: str, *, sample: int | None = None) -> Raw:
    """Return a source as a table of the engine.

    Parameters
    ----------
    workspace : Workspace
    source : Source
        A part of a client's parameters.
    name : str
        Its key in the parameters (`orders`, `returns`, `customers`, `events`).
    sample : int, optional
        Read only so many lines, to look at them.

    Raises
    ------
    SegkitError, DataError
        What cannot be found, opened or read, or lacks a mapped column.
    """
    raw = read_table(workspace, source, name, sample=sample)
    named = {f"columns.{role}": column for role, column in _mapped(source).items()}
    require_columns(raw.table.columns, named, name)
    return raw


def read_table(
    workspace: Workspace, source: Source, name: str, *, sample: int | None = None
) -> Raw:
    """Return a source as `read` does, whatever its columns are."""
    if source.database is not None:
        return Raw(_read_database(workspace, source.database, source, name, sample), name=name)
    files = resolve_files(source, workspace.root, where=f"{name}.path")
    return _read_files(workspace, source, files, name, sample)


def _read_files(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    kinds = {source.format or format_of(file) or "" for file in files}
    if len(kinds) != 1 or "" in kinds:
        raise SegkitError(
            "the format is not clear from the file names",
            where=f"{name}.path",
            values=sorted({file.suffix or file.name for file in files}),
            fix=f"set {name}.format to csv, parquet or excel, or name the files with a pattern",
        )
    if kinds == {"parquet"} and source.skip_rows:
        problem, fix = "a Parquet file has no rows above its columns", "leave it out"
        raise SegkitError(problem, where=f"{name}.skip_rows", values=[source.skip_rows], fix=fix)
    reader = {"csv": _read_csv, "parquet": _read_parquet, "excel": _read_excel}[kinds.pop()]
    return reader(workspace, source, files, name, sample)


def _read_parquet(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    own = [column for file in files for column in _parquet_columns(file)]
    try:
        table = workspace.connection.read_parquet(
            [_literal(file) for file in files],
            union_by_name=True,
            # Folders such as `date=2024-05-01` must not take the place of a file's own column.
            hive_partitioning=not set(_mapped(source).values()) <= set(own),
        )
        table.head(1).to_pyarrow()
    except duckdb.Error as error:
        raise _unreadable_parquet(files[0], error) from None
    return Raw(table.head(sample) if sample else table, name=name)


def _parquet_columns(file: Path) -> list[str]:
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable_parquet(file, error) from None
    # The engine reads such numbers without a word, and wrong.
    wide = [column.name for column in schema if pa.types.is_decimal256(column.type)]
    if wide:
        raise DataError(
            "decimals of more than 38 digits",
            where=str(file),
            values=wide,
            fix="write these columns with fewer digits",
        )
    return schema.names


def _unreadable_parquet(file: Path, error: Exception) -> DataError:
    problem = f"not a readable Parquet file ({_first_line(error)})"
    return DataError(problem, where=str(file), fix="export it again")


def _read_csv(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    headers = [csv_header(file, source) for file in files]
    for file, (names, _) in zip(files, headers):
        _require_one_of_each(names, source, name, file)
    plain = all(start == source.skip_rows + 2 for _, start in headers)
    if sample is None and is_utf8(source) and plain:
        with _plain_files(workspace, source, files) as copies:
            table = _read_whole_lines(workspace, source, copies, [names for names, _ in headers])
        if table is not None:
            return Raw(table, name=name)
    return _read_records(workspace, source, files, name, sample)


@contextmanager
def _plain_files(workspace: Workspace, source: Source, files: list[Path]) -> Iterator[list[Path]]:
    """Yield files as the engine reads them: copies of those packed or with lines to pass over."""
    as_they_are = {file for file in files if not source.skip_rows and packing(file) is None}
    copies = [
        file if file in as_they_are else workspace.fresh_file("plain", ".csv") for file in files
    ]
    try:
        for file, copy in zip(files, copies):
            if copy is not file:
                plain_copy(file, source, copy)
        yield copies
    finally:
        for copy in set(copies) - as_they_are:
            copy.unlink(missing_ok=True)


def _read_whole_lines(
    workspace: Workspace, source: Source, files: list[Path], headers: list[list[str]]
) -> ir.Table | None:
    """Let the engine read files in which every line is a record; None where one is not.

    The lines are counted because the engine, at a quote that never closes, may leave out
    the rest of a file without a word.
    """
    connection, table = workspace.connection, _fresh("raw")
    queries = [_csv_query(file, header, source) for file, header in zip(files, headers)]
    try:
        connection.con.execute(
            f'CREATE TEMP TABLE "{table}" AS {" UNION ALL BY NAME ".join(queries)}'
        )
    except duckdb.Error:
        return None
    read = connection.table(table).count().to_pyarrow().as_py()
    if read == sum(count_lines(file) - 1 for file in files):
        return connection.table(table)
    connection.con.execute(f'DROP TABLE "{table}"')
    return None


def _csv_query(file: Path, header: list[str], source: Source) -> str:
    columns = ", ".join(f"{_quoted(column)}: 'VARCHAR'" for column in header)
    mark = _quoted(source.csv.quote)
    return (
        f"SELECT * FROM read_csv({_quoted(_literal(file))}, auto_detect=false, header=true, "
        f"delim={_quoted(source.csv.separator)}, quote={mark}, escape={mark}, "
        f"columns={{{columns}}}, hive_partitioning=false)"
    )


def _read_records(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    """Read files record by record, and keep the lines that make none."""
    records, malformed, read = [], [], 0
    for file in files:
        if sample is None or read < sample:
            records.append(workspace.fresh_file("records"))
            malformed.append(workspace.fresh_file("malformed"))
            split_records(file, source, records[-1], malformed[-1], limit=sample)
            read += pq.read_metadata(records[-1]).num_rows
    table, damaged = workspace.parquet(*records), workspace.parquet(*malformed)
    return Raw(table.head(sample) if sample else table, damaged, name)


def _read_excel(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    parts = []
    for file in files:
        header, rows = excel_rows(file, source.sheet, source.skip_rows)
        _require_one_of_each(header, source, name, file)
        rows = [row for row in rows if any(cell not in (None, "") for cell in row)]
        columns = list(zip(*(row[: len(header)] for row in rows))) or [()] * len(header)
        texts = [[_source_text(cell, source) for cell in column] for column in columns]
        arrays = [pa.array(column, pa.string()) for column in texts]
        parts.append(workspace.fresh_file("sheet"))
        pq.write_table(pa.table(arrays, names=header), parts[-1])
    table = workspace.parquet(*parts)
    return Raw(table.head(sample) if sample else table, name=name)


def excel_rows(
    file: Path, sheet: str | None, skip_rows: int = 0
) -> tuple[list[str], list[list[Any]]]:
    """Return the column names and the rows of a workbook's sheet, by default its first.

    The names are in the first row that is not empty, or below the first `skip_rows`. A cell
    that is part of a merged one is empty, unless it is the first.

    Raises
    ------
    DataError
        The workbook cannot be read, or has no such sheet, or the sheet is empty.
    """
    above, rows = sheet_rows(file, sheet)
    rows = rows[max(skip_rows - above, 0) :]
    if not rows or (skip_rows and not any(cell_text(cell) for cell in rows[0])):
        problem, fix = "no column names below the rows passed over", "check skip_rows"
        raise DataError(problem, where=str(file), values=[skip_rows], fix=fix)
    return named_rows(rows)


def named_rows(rows: list[list[Any]]) -> tuple[list[str], list[list[Any]]]:
    """Return the column names that the first row holds, and the other rows.

    Examples
    --------
    >>> named_rows([["Total", "", "total"], [1, 2, 3]])
    (['Total (1)', 'column_1', 'total (2)'], [[1, 2, 3]])
    """
    return unique_names([cell_text(cell) or "" for cell in rows[0]]), rows[1:]


def sheet_rows(file: Path, sheet: str | None) -> tuple[int, list[list[Any]]]:
    """Return how many empty rows a sheet begins with, and all rows below them.

    Raises
    ------
    DataError
        As `excel_rows`.
    """
    import python_calamine  # only workbooks need it

    try:
        book = python_calamine.CalamineWorkbook.from_path(file)
        sheets = book.sheet_names
        if sheet is not None and sheet not in sheets:
            fix = suggestion(sheet, sheets)
            raise DataError("no such sheet", where=str(file), values=[sheet], fix=fix)
        page = book.get_sheet_by_name(sheet or sheets[0])
        rows, start = page.to_python(skip_empty_area=True), page.start
    except (python_calamine.CalamineError, OSError) as error:
        raise DataError(
            f"not a readable workbook ({_first_line(error)})", where=str(file), fix="save it again"
        ) from None
    if not rows:
        raise DataError("the sheet is empty", where=str(file), fix="name another sheet")
    return (start[0] if start else 0), rows


def _source_text(cell: object, source: Source) -> str | None:
    """Write real dates and numbers of a sheet as the texts beside them are declared to be."""
    pattern = source.date_format or ""
    if isinstance(cell, date) and "%" in pattern:
        return cell.strftime(pattern)
    text = cell_text(cell)
    return text.replace(".", source.decimal) if text and isinstance(cell, float) else text


def cell_text(cell: object) -> str | None:
    """Return a cell as text: whole numbers without a fraction, empty ones as None.

    Examples
    --------
    >>> cell_text(12345.0), cell_text("00123"), cell_text("")
    ('12345', '00123', None)
    """
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return None if cell is None or cell == "" else str(cell)


def _read_database(
    workspace: Workspace, database: Database, source: Source, name: str, sample: int | None
) -> ir.Table:
    """Copy a table or a query's result to a file, in batches."""
    copy = workspace.fresh_file(name)
    with _database_table(workspace, database, name) as table:
        table = table.head(sample) if sample else table
        try:
            _copy(_plain_columns(table, source.decimal), copy)
        except (pa.ArrowException, TypeError, OverflowError):
            # A column holds what its declared type does not allow: SQLite lets it.
            _copy(_plain_columns(table, source.decimal, native=()), copy)
    return workspace.parquet(copy)


def _copy(table: ir.Table, file: Path) -> None:
    with pq.ParquetWriter(file, table.schema().to_pyarrow()) as writer:
        for batch in table.to_pyarrow_batches(chunk_size=100_000):
            writer.write_batch(batch)


_NATIVE = ("string", "integer", "boolean", "floating", "date", "timestamp", "decimal")


def _plain_columns(table: ir.Table, mark: str, native: tuple[str, ...] = _NATIVE) -> ir.Table:
    """Turn columns of types that do not travel into text: ids, lists, unbounded decimals."""
    columns = {}
    for column in table.columns:
        kind = table[column].type()
        kept = any(getattr(kind, f"is_{name}")() for name in native)
        if not kept or (kind.is_decimal() and (kind.precision is None or kind.scale is None)):
            text = table[column].cast("string")
            columns[column] = text.replace(".", mark) if kind.is_numeric() and mark != "." else text
    return table.mutate(**columns)


@contextmanager
def _database_table(workspace: Workspace, database: Database, name: str) -> Iterator[ir.Table]:
    """Open a database, and close it; what goes wrong meanwhile is told without secrets."""
    where = f"{name}.database"
    url = from_environment(_escaped(database.url), where=f"{where}.url")
    try:
        remote = _connected(workspace, url, f"{where}.url")
        with closing(remote.con):
            if database.query is not None:
                yield remote.sql(database.query)
            else:
                schema, _, table = (database.table or "").rpartition(".")
                yield _remote_table(remote, table, schema or None, where)
    except SegkitError:
        raise
    except Exception as error:  # noqa: BLE001 every driver has its own exceptions
        raise DataError(
            f"the database does not answer as expected ({_told(error, url)})",
            where=where,
            fix="check address, table or query, and that the driver is installed "
            "(PostgreSQL: pip install 'segkit[postgres]')",
        ) from None


def _connected(workspace: Workspace, url: str, where: str) -> Any:
    kind, _, rest = url.partition("://")
    if kind not in {"duckdb", "sqlite"}:
        return ibis.connect(url)
    file = workspace.root / rest.split("?")[0]
    if kind == "duckdb" and rest in ("", ":memory:"):
        return _from_root(ibis.duckdb.connect(), workspace)
    if not file.is_file():
        fix = f"relative paths start from {workspace.root}"
        raise SegkitError("file not found", where=where, values=[str(file)], fix=fix)
    if kind == "sqlite":
        return ibis.sqlite.connect(file)
    return _from_root(ibis.duckdb.connect(file, read_only=True), workspace)


def _from_root(connection: Backend, workspace: Workspace) -> Backend:
    """Have files that a query or a view names by a relative path be found from the root."""
    connection.con.execute(f"SET file_search_path = {_quoted(str(workspace.root))}")
    return connection


def _remote_table(remote: Any, table: str, schema: str | None, where: str) -> ir.Table:
    try:
        return remote.table(table, database=schema)
    except ibis.common.exceptions.TableNotFound:
        raise DataError(
            "no such table in the database",
            where=f"{where}.table",
            values=[f"{schema}.{table}" if schema else table],
            fix=suggestion(table, remote.list_tables(database=schema)),
        ) from None


def _escaped(url: str) -> str:
    """Escape the variables of the user and password part: a password may hold any mark."""

    def value(match: re.Match[str]) -> str:
        return quote(os.environ[match[1]], safe="%") if match[1] in os.environ else match[0]

    start, at, rest = url.rpartition("@")
    return re.sub(r"\$\{(\w+)\}", value, start) + at + rest


def _told(error: Exception, url: str) -> str:
    """Return an error's first line without the address that it may repeat, or parts of it."""
    text = without_secrets(_first_line(error).replace(url, url.partition("://")[0] + "://…"))
    credentials = url.partition("://")[2].rpartition("@")[0]
    return re.sub(r"'([^']*)'", lambda part: "'…'" if part[1] in credentials else part[0], text)


def _mapped(source: Source) -> dict[str, str]:
    columns = getattr(source, "columns", None)  # the files that are joined to a log have none
    return columns.named if columns else {}


def _require_one_of_each(columns: Sequence[str], source: Source, name: str, file: Path) -> None:
    """Refuse a mapped name that the header of a file repeats, and a number where it does not.

    Which column is meant is not clear; files of which only some repeat it would lose it.
    """
    for key, column in _mapped(source).items():
        plain = re.sub(r" \(\d+\)$", "", column)
        copies = [] if column in columns else numbered_copies(column, columns)
        if column not in columns and plain != column and plain in columns:
            raise DataError(
                "the column stands in the header once, so it has no number",
                where=str(file),
                values=[column],
                fix=f"write {plain!r} as {name}.columns.{key}, or give its files one header",
            )
        if len(copies) > 1:
            raise DataError(
                "columns stand twice in the header (case does not count)",
                where=str(file),
                values=[copy.rpartition(" ")[0] for copy in copies],
                fix=f"write {' or '.join(map(repr, copies[:5]))} as {name}.columns.{key}",
            )


def require_columns(columns: Sequence[str], named: Mapping[str, str], name: str) -> None:
    """Raise a SegkitError for the first named column that a table lacks."""
    for key, column in named.items():
        if column not in columns:
            raise SegkitError(
                "no such column in the data",
                where=f"{name}.{key}",
                values=[column],
                fix=_other_separator(columns, name)
                or suggestion(column, columns) + _letters_lost(columns),
            )


def _other_separator(columns: Sequence[str], name: str) -> str:
    """Tell a header that was not split from one that lacks a column."""
    marks = [mark for mark in ";\t|," if len(columns) == 1 and mark in columns[0]]
    return f"set {name}.csv.separator to {marks[0]!r}: the header is one column" if marks else ""


def _letters_lost(columns: Sequence[str]) -> str:
    """Tell a header whose letters a program has replaced when it saved the file."""
    lost = [column for column in columns if _LOST in column]
    told = "letters of the header were lost when the file was saved"
    return f"; {told} ({lost[0]!r}): export it again" if lost else ""


def fingerprint(source: Source, root: Path, *, where: str) -> dict[str, str]:
    """Return the SHA-256 of each file of a source, by name; of a server, its address.

    A server's tables can change without its address changing, so a run that reads one is
    never skipped as unchanged.
    """
    if source.database is not None:
        kind, _, rest = source.database.url.partition("://")
        if kind in {"duckdb", "sqlite"}:
            file = root / from_environment(rest.split("?")[0], where=where)
            return {str(_short(file, root)): _sha256(file) if file.is_file() else ""}
        return {"database": source.database.url.rpartition("@")[2]}
    files = resolve_files(source, root, where=where)
    names = [str(_short(file, root)) for file in files]
    return {
        # Files of two folders outside the project may have the same name.
        (name if name not in names[:place] else f"{name} ({place + 1})"): _sha256(file)
        for place, (name, file) in enumerate(zip(names, files))
    }


def _short(file: Path, root: Path) -> Path:
    return file.relative_to(root) if file.is_relative_to(root) else Path(file.name)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fresh(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex[:12]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _literal(file: Path) -> str:
    """Write a path so that the engine does not take it for a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(file))
