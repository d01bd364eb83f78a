"""Results remembered as files, each with the key of what it was computed from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from segkit.foundation.files import replacing
from segkit.foundation.version import __version__

_KEY = b"segkit_key"


class Store:
    """A folder of results; one whose key has changed is computed anew.

    Several programs may use a folder at once: files are written aside and moved into
    place, so that a reader sees a whole result or none.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def frame(self, name: str, key: str, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Return a DataFrame, from `<name>.parquet` where its key is `key`, else computed."""
        file = self.folder / f"{name}.parquet"
        try:
            with file.open("rb") as stream:  # once: another program may replace the file
                if parquet_key(stream) == key:
                    return pd.read_parquet(stream)
        except FileNotFoundError:
            pass
        content = _parquet(compute(), key)
        with replacing(file) as beside:
            beside.write_bytes(content.getbuffer())
        # Read back: a first result has the types of a remembered one.
        return pd.read_parquet(content)

    def state(self, name: str, key: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return plain values, from `<name>.json` where its key is `key`, else computed."""
        file = self.folder / f"{name}.json"
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            held = None
        if not isinstance(held, dict) or held.get("key") != key or "state" not in held:
            held = {"key": key, "state": compute()}
            text = json.dumps(held, ensure_ascii=False, indent=1)
            with replacing(file) as beside:
                beside.write_text(text, encoding="utf-8")
        state: dict[str, Any] = held["state"]
        return state

    def file(self, name: str, key: str, write: Callable[[Path, str], None]) -> Path:
        """Return `<name>.parquet`, which `write(path, key)` makes where its key is not `key`."""
        file = self.folder / f"{name}.parquet"
        if parquet_key(file) != key:
            with replacing(file) as beside:
                write(beside, key)
        return file


def _parquet(table: pd.DataFrame, key: str) -> BytesIO:
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    held: dict[bytes, bytes] = arrow.schema.metadata or {}
    content = BytesIO()
    pq.write_table(arrow.replace_schema_metadata(held | {_KEY: key.encode()}), content)
    return content


def write_batches(table: ir.Table, path: Path, key: str) -> None:
    """Write an expression's result to Parquet piece by piece, with its key.

    Columns have the types that the expression says; what the engine itself would write may
    be wider.
    """
    schema = table.schema().to_pyarrow().with_metadata({_KEY: key})
    with pq.ParquetWriter(path, schema) as writer:
        for batch in table.to_pyarrow_batches():
            writer.write_batch(batch.cast(schema))


def parquet_key(file: Path | BinaryIO) -> str | None:
    """Return the key that a Parquet file carries, or None."""
    try:
        metadata = pq.read_schema(file).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    return metadata.get(_KEY, b"").decode() or None


def key_of(*parts: Any) -> str:
    """Return a short digest of plain values and of the kit's own code.

    Examples
    --------
    >>> key_of({"a": 1}) == key_of({"a": 1}), key_of({"a": 1}) == key_of({"a": 2})
    (True, False)
    """
    text = json.dumps([code_digest(), *parts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@cache
def code_digest() -> str:
    """Return a digest of the kit's version, code and rule tables."""
    folder = Path(__file__).parents[1]
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(folder.rglob("*")):
        if file.suffix in {".py", ".yaml", ".j2", ".css"}:
            digest.update(file.relative_to(folder).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
