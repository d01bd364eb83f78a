"""Files that leave the kit: CSV, Parquet and JSON, each written whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
AUDIENCES = "exports/audiences"
"""Where lists of customers are, below the folder of a run."""


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
    if isinstance(value, str) and value.startswith("'") and guarded(value) != value:
        return value[1:]
    return value


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
    headers = [str(guarded(str(column))) for column in df.columns]
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
