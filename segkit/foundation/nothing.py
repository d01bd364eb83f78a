"""What stands in for a part that has nothing to show, so that a notebook needs no condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Nothing:
    """Whatever it is asked, it has nothing: no attribute, no item, no field, no row.

    Examples
    --------
    >>> NOTHING.totals["revenue"].iloc[-1], list(NOTHING.views), dict(**NOTHING.terms)
    (Nothing, [], {})
    """

    def __getattr__(self, name: str) -> Nothing:
        # Jupyter, copy and pickle ask for these to find out what an object can do.
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Nothing:
        return self

    def __call__(self, *args: object, **fields: object) -> Nothing:
        return self

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = object.__hash__

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def keys(self) -> list[str]:
        """Return no keys, so that it can stand behind `**`."""
        return []

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "Nothing"


NOTHING: Any = Nothing()
"""The only one there need be."""
