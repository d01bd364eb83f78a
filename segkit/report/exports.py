"""Files that leave the kit: CSV, Excel, Parquet and JSON, each written whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from segkit.errors import DataError
from segkit.report.catalogue import Columns
from segkit.report.format import NUMBER_KINDS
from segkit.report.tables import Wording, is_summary

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
AUDIENCES = "exports/audiences"
"""Where lists of customers are, below the folder of a run."""
SHEET_ROWS = 1_048_575
SHEET_NAME = 31
CELL_TEXT = 32_767
EXACT_INTEGER = 10**15

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\]")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write to; put it in place of `path` when all went well.

    Parameters
    ----------
    path : Path
        File to write; its folders are made.

    Yields
    ------
    Path
        In the same folder, with the same ending; removed when writing fails.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "new" / "a.txt"
    >>> with replacing(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('whole', 1)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def guarded(value: object) -> object:
    """Return a value that no spreadsheet takes for a formula; numbers are left alone.

    A text that looks guarded already gets one apostrophe more, so that `unguarded` gives back
    every text as it was.

    Examples
    --------
    >>> guarded("=1+1"), guarded("'=1+1"), guarded("a=1"), guarded(-5)
    ("'=1+1", "''=1+1", 'a=1', -5)
    """
    is_formula = isinstance(value, str) and value.lstrip("'").startswith(FORMULA_STARTS)
    return f"'{value}" if is_formula else value


def unguarded(value: object) -> object:
    """Return a value as it was before `guarded`.

    Examples
    --------
    >>> unguarded("'=1+1"), unguarded("''=1+1"), unguarded("'a'"), unguarded(-5)
    ('=1+1', "'=1+1", "'a'", -5)
    """
    is_guarded = isinstance(value, str) and value.startswith("'") and guarded(value) != value
    return value[1:] if is_guarded else value


def write_csv(df: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV, in UTF-8, with texts that cannot become formulas.

    Parameters
    ----------
    df : DataFrame
        Table; its index is not written.
    path : Path
        File to write.

    Returns
    -------
    Path
        `path`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.csv"
    >>> write_csv(pd.DataFrame({"name": ["@x"], "change": [-0.5]}), path).read_text()
    "name,change\\n'@x,-0.5\\n"
    """
    safe = pd.DataFrame(
        {place: _guarded_column(df.iloc[:, place]) for place in range(df.shape[1])},
        index=df.index,
    )
    headers = [guarded(str(column)) for column in df.columns]
    with replacing(path) as beside:
        safe.to_csv(
            beside,
            index=False,
            header=headers,
            encoding="utf-8",
            lineterminator="\r\n",  # a text that holds either is then in quotes
            errors="replace",
        )
    return Path(path)


def write_parquet(df: pd.DataFrame, path: Path) -> Path:
    """Write a table as Parquet; columns of mixed values are written as text.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.parquet"
    >>> pd.read_parquet(write_parquet(pd.DataFrame({"a": [1, "x"]}), path))["a"].tolist()
    ['1', 'x']
    """
    columns = {str(name): _of_one_type(column) for name, column in df.items()}
    with replacing(path) as beside:
        pd.DataFrame(columns, index=df.index).to_parquet(beside, index=False)
    return Path(path)


def write_json(value: object, path: Path) -> Path:
    """Write plain values as JSON; missing and infinite numbers become null.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> value = {"revenue": float("nan"), "day": dt.date(2017, 1, 3)}
    >>> json.loads(write_json(value, path).read_text())
    {'revenue': None, 'day': '2017-01-03'}
    """
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False)
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8", newline="\n", errors="replace")
    return Path(path)


def write_workbook(
    tables: Mapping[str, pd.DataFrame],
    path: Path,
    wording: Wording | None = None,
    *,
    titles: Mapping[str, str] | None = None,
    names: Mapping[str, Mapping[str, str]] | None = None,
) -> Path:
    """Write tables as the sheets of an Excel file without a single formula or link.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Table by name.
    path : Path
        File to write.
    wording : Wording, optional
        Headers, labels and kinds; without it headers are the column keys.
    titles : mapping of str to str, optional
        Name of a table's sheet; by default the table's name.
    names : mapping of str to mapping, optional
        Segment labels of a table, by its name; by default those of `wording`.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    DataError
        When there is no table, or one has more rows than a sheet can hold.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tables.xlsx"
    >>> write_workbook({"kpis": pd.DataFrame({"segment": ["=1+1"]})}, path).name
    'tables.xlsx'
    """
    from xlsxwriter import Workbook

    _fitting(tables, path)
    sheets = _sheet_names([(titles or {}).get(name, name) for name in tables])
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with replacing(path) as beside, Workbook(beside, options) as book:
        for (name, df), sheet in zip(tables.items(), sheets, strict=True):
            said = wording.naming((names or {}).get(name, wording.names)) if wording else None
            _write_sheet(book, book.add_worksheet(sheet), df, name, said)
    return Path(path)


def _guarded_column(column: pd.Series) -> pd.Series:
    types = pd.api.types
    if types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column):
        return column
    return column.astype(object).map(guarded)


def _of_one_type(column: pd.Series) -> pd.Series:
    is_mixed = pd.api.types.infer_dtype(column, skipna=True).startswith("mixed")
    if column.dtype != object or not is_mixed:
        return column
    if column.dropna().map(lambda value: isinstance(value, list)).all():
        return column
    return column.map(str, na_action="ignore").astype("str")


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy arrays and numbers
        value = value.tolist()
        return _plain(value) if isinstance(value, list) else value if _is_finite(value) else None
    if isinstance(value, pd.DataFrame):
        return _plain(value.to_dict("records"))
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str | int) else str(value)


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _fitting(tables: Mapping[str, pd.DataFrame], path: Path) -> None:
    if not tables:
        raise DataError("no table to write", where=str(path), fix="give at least one table")
    long = [name for name, df in tables.items() if len(df) > SHEET_ROWS]
    if long:
        raise DataError(
            "more rows than a sheet can hold",
            where=str(path),
            values=long,
            fix=f"leave out tables of more than {SHEET_ROWS} rows; write them as CSV",
        )


def _sheet_names(titles: list[str]) -> list[str]:
    taken: set[str] = {"history"}  # Excel keeps this name for itself
    names = []
    for title in titles:
        clean = (
            _NOT_IN_SHEET_NAMES.sub(" ", _legal(title)).replace("\n", " ").strip(" '") or "table"
        )
        name, count = clean[:SHEET_NAME].strip(" '"), 1
        while name.lower() in taken:
            count += 1
            name = f"{clean[: SHEET_NAME - len(str(count)) - 1].strip(' ')}_{count}"
        taken.add(name.lower())
        names.append(name)
    return names


def _legal(text: object) -> str:
    return _ILLEGAL.sub("", str(text))[:CELL_TEXT]


def _write_sheet(
    book: Workbook, sheet: Worksheet, df: pd.DataFrame, name: str, wording: Wording | None
) -> None:
    columns = wording.columns if wording else Columns("en")
    kinds = [columns.kind(key, df.iloc[:, place], name) for place, key in enumerate(df.columns)]
    headers = [_legal(wording.header(key) if wording else key) for key in df.columns]
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    looks = [_looks(book, kind, wording) for kind in kinds]
    for place, header in enumerate(headers):
        sheet.write_string(0, place, header, head)
        sheet.set_column(place, place, _width(header, df.iloc[:, place]))
    for number, row in enumerate(df.itertuples(index=False, name=None), start=1):
        bold = is_summary(row)
        for place, value in enumerate(row):
            if wording and isinstance(value, str):
                value = wording.value(value, kinds[place])
            _write_cell(sheet, number, place, value, looks[place][bold])
    sheet.freeze_panes(1, 0)


def _looks(book: Workbook, kind: str, wording: Wording | None) -> tuple[Format, Format]:
    """The cell formats of a kind: plain, and bold for rows of totals."""
    name, _, digits = kind.partition(".")
    usual = {"money": wording.formats.money_digits if wording else 2, "percent": 1}
    decimals = int(digits) if digits else usual.get(name, 2)
    fraction = "." + "0" * decimals if decimals else ""
    patterns = {
        "count": "#,##0",
        "days": "#,##0",
        "percent": f"0{fraction}%",
        "date": 14,  # the reader's own short date
        "month": "mmm yyyy",
        "datetime": 22,
    }
    rest = f"#,##0{fraction}" if name in NUMBER_KINDS else "General"
    look = {"num_format": patterns.get(name, rest)}
    return book.add_format(look), book.add_format(look | {"bold": True})


def _write_cell(sheet: Worksheet, row: int, place: int, value: object, look: Format) -> None:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, list | tuple | set):
        value = ", ".join(map(str, value))
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        sheet.write_blank(row, place, None, look)
    elif isinstance(value, bool):
        sheet.write_boolean(row, place, value, look)
    elif isinstance(value, int | float) and abs(value) < EXACT_INTEGER:
        sheet.write_number(row, place, value, look)
    elif isinstance(value, dt.date) and value.year >= 1900:
        sheet.write_datetime(row, place, _without_zone(value), look)
    else:
        sheet.write_string(row, place, _legal(value), look)


def _without_zone(value: dt.date) -> dt.date:
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime(warn=False)
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value


def _width(header: str, column: pd.Series) -> int:
    if pd.api.types.is_numeric_dtype(column):
        return max(len(header) // 2 + 4, 14)
    longest = column.head(200).astype(str).str.len().max() if len(column) else 0
    return int(min(max(len(header) // 2 + 4, longest + 2, 10), 48))
