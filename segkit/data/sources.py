"""Where tables come from: files and databases, as tables of the engine.

Text stays text here: a CSV or Excel column is read as it stands, and what it means is
decided in `cleaning`. Lines that are no CSV at all are kept aside, never dropped.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from segkit.errors import DataError, SegkitError, suggestion
from segkit.params import Database, EngineParams, Source, from_environment

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend

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
    """

    table: ir.Table
    malformed: ir.Table | None = None
    name: str = "orders"


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
            import ibis

            self.scratch.mkdir(parents=True, exist_ok=True)
            settings = {"memory_limit": self.engine.memory_limit}
            if self.engine.threads:
                settings["threads"] = self.engine.threads
            self._connection = ibis.duckdb.connect(temp_directory=self.scratch, **settings)
        return self._connection

    def fresh_file(self, name: str) -> Path:
        """Return a path in the scratch folder that no other file has."""
        self.scratch.mkdir(parents=True, exist_ok=True)
        return self.scratch / f"{_fresh(name)}.parquet"

    def close(self) -> None:
        """Close the engine and remove its scratch folder."""
        if self._connection is not None:
            self._connection.disconnect()
            self._connection = None
        shutil.rmtree(self.scratch, ignore_errors=True)


def resolve_files(source: Source, root: Path, *, where: str) -> list[Path]:
    """Return the files that a source's paths, folders and patterns stand for.

    Raises
    ------
    SegkitError
        A file is missing or empty, a pattern matches nothing, a variable is not set.
    """
    files: list[Path] = []
    for text in source.path or []:
        files += _matches(from_environment(text, where=where), root, where)
    for file in files:
        if file.stat().st_size == 0:
            raise DataError("the file is empty (0 bytes)", where=str(file), fix="export it again")
    return files


def _matches(text: str, root: Path, where: str) -> list[Path]:
    if text.startswith(DEMO):
        from segkit.data.demo import shop

        return [shop.path(root, text.removeprefix(DEMO))]
    path = root / text
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in _FORMATS)
        problem, fix = "no data file in this folder", "put CSV, Parquet or Excel files there"
    elif any(mark in text for mark in "*?[") and not path.exists():
        anchor = Path(path.anchor)
        found = sorted(file for file in anchor.glob(str(path.relative_to(anchor))) if file.is_file())
        problem, fix = "no file matches this pattern", "check the folder and the pattern"
    else:
        found = [path] if path.is_file() else []
        problem, fix = "file not found", f"relative paths start from {root}"
    if not found:
        raise SegkitError(problem, where=where, values=[text], fix=fix)
    return found


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
    if source.database is not None:
        raw = Raw(_read_database(workspace, source.database, name, sample), name=name)
    else:
        files = resolve_files(source, workspace.root, where=f"{name}.path")
        raw = _read_files(workspace, source, files, name, sample)
    _require_columns(raw.table, source, name)
    return raw


def _read_files(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    kinds = {source.format or _FORMATS.get(file.suffix.lower(), "") for file in files}
    if len(kinds) != 1 or "" in kinds:
        raise SegkitError(
            "the format is not clear from the file names",
            where=f"{name}.path",
            values=[file.name for file in files],
            fix=f"set {name}.format to csv, parquet or excel",
        )
    reader = {"csv": _read_csv, "parquet": _read_parquet, "excel": _read_excel}[kinds.pop()]
    return reader(workspace, source, files, name, sample)


def _read_parquet(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    import duckdb

    try:
        table = workspace.connection.read_parquet([str(file) for file in files], union_by_name=True)
        table.head(1).to_pyarrow()
    except duckdb.Error as error:
        raise DataError(
            f"not a readable Parquet file ({_first_line(error)})",
            where=str(files[0]),
            fix="export it again",
        ) from None
    return Raw(table.head(sample) if sample else table, name=name)


def _read_csv(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    import duckdb

    connection = workspace.connection
    raw, rejects = _fresh("raw"), _fresh("rejects")
    queries = []
    for file in files:
        header = csv_header(file, source)
        readable = _as_utf8(file, source, workspace.scratch)
        queries.append(_csv_query(readable, header, source, None if sample else rejects))
    limit = f" LIMIT {sample}" if sample else ""
    try:
        connection.con.execute(
            f'CREATE TEMP TABLE "{raw}" AS {" UNION ALL BY NAME ".join(queries)}{limit}'
        )
    except duckdb.Error as error:
        raise DataError(
            f"cannot be read as CSV ({_first_line(error)})",
            where=str(files[0]),
            fix=f"check {name}.csv: separator, quote, encoding",
        ) from None
    return Raw(connection.table(raw), None if sample else _malformed(connection, rejects), name)


def _csv_query(file: Path, header: list[str], source: Source, rejects: str | None) -> str:
    columns = ", ".join(f"{_quoted(column)}: 'VARCHAR'" for column in header)
    mark = _quoted(source.csv.quote)
    rejection = (
        f"store_rejects=true, rejects_table='{rejects}', rejects_scan='{rejects}_scans', "
        "rejects_limit=0"
        if rejects
        else "ignore_errors=true"
    )
    return (
        f"SELECT * FROM read_csv({_quoted(str(file))}, auto_detect=false, header=true, "
        f"delim={_quoted(source.csv.separator)}, quote={mark}, escape={mark}, "
        f"columns={{{columns}}}, {rejection})"
    )


def _malformed(connection: Backend, rejects: str) -> ir.Table:
    view = _fresh("malformed")
    connection.con.execute(
        f'CREATE TEMP TABLE "{view}" AS '
        "SELECT parse_filename(file_path) AS file, line, any_value(csv_line) AS raw "
        f'FROM "{rejects}" JOIN "{rejects}_scans" USING (scan_id, file_id) '
        "GROUP BY file_path, line ORDER BY file_path, line"
    )
    return connection.table(view)


def csv_header(file: Path, source: Source) -> list[str]:
    """Return the column names in a CSV file's first line.

    Raises
    ------
    DataError
        The file is not in the declared encoding, or a name stands there twice.
    """
    try:
        with file.open(encoding=_codec(source.csv.encoding), newline="") as stream:
            quote = source.csv.quote or None
            quoting = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
            rows = csv.reader(
                stream, delimiter=source.csv.separator, quotechar=quote or '"', quoting=quoting
            )
            header = next(rows, [])
    except (UnicodeDecodeError, csv.Error, TypeError) as error:
        raise DataError(
            f"the header cannot be read ({error})", where=str(file), fix="check the csv section"
        ) from None
    repeated = sorted({column for column in header if header.count(column) > 1})
    if repeated:
        raise DataError(
            "columns stand twice in the header", where=str(file), values=repeated, fix="rename one"
        )
    if not any(column.strip() for column in header):
        raise DataError("the first line holds no column names", where=str(file), fix="add a header")
    return header


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise DataError("unknown encoding", values=[encoding], fix="write utf-8 or cp1252") from None
    return "utf-8-sig" if name == "utf-8" else name


def _as_utf8(file: Path, source: Source, scratch: Path) -> Path:
    codec = _codec(source.csv.encoding)
    if codec in {"utf-8-sig", "ascii"}:
        return file
    scratch.mkdir(parents=True, exist_ok=True)
    copy = scratch / f"{_fresh('utf8')}-{file.name}"
    try:
        with (
            file.open(encoding=codec, newline="") as given,
            copy.open("w", encoding="utf-8", newline="") as written,
        ):
            shutil.copyfileobj(given, written, 1 << 20)
    except UnicodeDecodeError as error:
        raise DataError(
            f"is not written in {source.csv.encoding} ({error.reason} at byte {error.start})",
            where=str(file),
            fix="set csv.encoding to the file's encoding (utf-8, cp1252, utf-16)",
        ) from None
    return copy


def _read_excel(
    workspace: Workspace, source: Source, files: list[Path], name: str, sample: int | None
) -> Raw:
    import ibis
    import pyarrow as pa

    parts = []
    for file in files:
        header, rows = _excel_rows(file, source.sheet)
        columns = list(zip(*(row[: len(header)] for row in rows))) or [()] * len(header)
        arrays = [pa.array([_cell_text(cell) for cell in column], pa.string()) for column in columns]
        parts.append(workspace.connection.create_table(
            _fresh("sheet"), pa.table(arrays, names=header), temp=True
        ))
    table = ibis.union(*[part.select(*parts[0].columns) for part in parts]) if parts[1:] else parts[0]
    return Raw(table.head(sample) if sample else table, name=name)


def _excel_rows(file: Path, sheet: str | None) -> tuple[list[str], list[list[object]]]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(file)
    except (python_calamine.CalamineError, OSError) as error:
        raise DataError(
            f"not a readable workbook ({_first_line(error)})", where=str(file), fix="save it again"
        ) from None
    if sheet is not None and sheet not in book.sheet_names:
        raise DataError(
            "no such sheet", where=str(file), values=[sheet], fix=suggestion(sheet, book.sheet_names)
        )
    rows = book.get_sheet_by_name(sheet or book.sheet_names[0]).to_python(skip_empty_area=True)
    if not rows:
        raise DataError("the sheet is empty", where=str(file), fix="name another sheet")
    return [_cell_text(cell) or f"column_{place}" for place, cell in enumerate(rows[0])], rows[1:]


def _cell_text(cell: object) -> str | None:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return None if cell is None or cell == "" else str(cell)


def _read_database(
    workspace: Workspace, database: Database, name: str, sample: int | None
) -> ir.Table:
    import pyarrow.parquet as pq

    expression = _database_table(workspace, database, name)
    expression = expression.head(sample) if sample else expression
    copy = workspace.fresh_file(name)
    with pq.ParquetWriter(copy, expression.schema().to_pyarrow()) as writer:
        for batch in expression.to_pyarrow_batches(chunk_size=100_000):
            writer.write_batch(batch)
    return workspace.connection.read_parquet(str(copy))


def _database_table(workspace: Workspace, database: Database, name: str) -> ir.Table:
    import ibis

    where = f"{name}.database"
    url = from_environment(database.url, where=f"{where}.url")
    kind, _, rest = url.partition("://")
    try:
        if kind in {"duckdb", "sqlite"}:
            file = workspace.root / rest.split("?")[0]
            if not file.is_file():
                raise SegkitError("file not found", where=f"{where}.url", values=[str(file)])
            remote = (
                ibis.duckdb.connect(file, read_only=True)
                if kind == "duckdb"
                else ibis.sqlite.connect(file)
            )
        else:
            remote = ibis.connect(url)
        if database.query is not None:
            return remote.sql(database.query)
        schema, _, table = (database.table or "").rpartition(".")
        return remote.table(table, database=schema or None)
    except SegkitError:
        raise
    except Exception as error:  # every driver has its own exceptions
        raise DataError(
            f"the database does not answer as expected ({_without_secrets(error, url)})",
            where=where,
            fix="check address, table or query, and that the driver is installed "
            "(PostgreSQL: pip install 'segkit[postgres]')",
        ) from None


def _without_secrets(error: Exception, url: str) -> str:
    secret = re.search(r"://[^/:@]*:([^/@]+)@", url)
    text = _first_line(error).replace(url, url.partition("://")[0] + "://…")
    return text.replace(secret[1], "…") if secret else text


def _require_columns(table: ir.Table, source: Source, name: str) -> None:
    mapped = source.columns.model_dump(exclude_none=True)  # type: ignore[attr-defined]
    for key, column in mapped.items():
        if column not in table.columns:
            raise SegkitError(
                "no such column in the data",
                where=f"{name}.columns.{key}",
                values=[column],
                fix=suggestion(column, table.columns),
            )


def fingerprint(source: Source, root: Path, *, where: str) -> dict[str, str]:
    """Return the SHA-256 of each file of a source, by name; of a database, its declaration.

    A database can change without its declaration changing, so a run that reads one is
    never skipped as unchanged.
    """
    if source.database is not None:
        return {"database": source.database.url.rpartition("@")[2]}
    return {str(_short(file, root)): _sha256(file) for file in resolve_files(source, root, where=where)}


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
