"""Values read by the engine that will read the log, so that a guess is tried before it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from segkit.data.parsing import as_instant, as_number
from segkit.params import Source

EARLIEST = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Trial:
    """Ways of reading texts, tried on a connection to the engine."""

    connection: Any

    def instants(
        self, texts: Iterable[str], patterns: list[str | None]
    ) -> dict[str | None, dict[str, datetime]]:
        """Return by pattern the texts that are instants of our time, and which."""
        sources = [Source(path=["-"], date_format=pattern) for pattern in patterns]
        ways = [partial(as_instant, source=source, timezone="UTC") for source in sources]
        latest = datetime.now() + timedelta(days=366)
        return {
            pattern: {text: day for text, day in read.items() if EARLIEST <= day <= latest}
            for pattern, read in zip(patterns, self._read(texts, ways))
        }

    def numbers(self, texts: Iterable[str], decimal: Any, thousands: Any) -> dict[str, Decimal]:
        """Return the texts that are numbers under the marks, and which."""
        source = Source(path=["-"], decimal=decimal, thousands=thousands)
        (read,) = self._read(texts, [partial(as_number, source=source)])
        return read

    def _read(
        self, texts: Iterable[str], ways: Iterable[Callable[..., Any]]
    ) -> list[dict[str, Any]]:
        import pyarrow as pa  # loaded with the first file

        given = pa.table({"text": pa.array(list(texts), pa.string())})
        table = self.connection.create_table("sniffed", given, temp=True, overwrite=True)
        columns = {str(place): way(table["text"]) for place, way in enumerate(ways)}
        read = table.select("text", **columns).to_pyarrow()
        same, *found = (column.to_pylist() for column in read.columns)
        return [
            {text: value for text, value in zip(same, values) if value is not None}
            for values in found
        ]


@contextmanager
def trial() -> Iterator[Trial]:
    """Open the engine, and close it."""
    import ibis  # loaded with the first file

    connection = ibis.duckdb.connect()
    try:
        yield Trial(connection)
    finally:
        connection.disconnect()
