"""What is seen of an order log: the columns of its first rows, and findings about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

NEARLY_ALL = 0.95
"""Share of a column's values that a reading has to explain; the rest is taken for damage."""


class Unfit(Exception):
    """A column is not what its name promises."""


@dataclass(frozen=True)
class Finding:
    """A guess and the reason for it."""

    value: Any
    why: str


@dataclass(frozen=True)
class Column:
    """A column of the sample: its values as text, None where there is none.

    `kind` is `text`, or `number` or `instant` where the file itself is typed; `dated` are the
    values of a mixed column that are dates to the file itself.
    """

    name: str
    values: list[str | None]
    kind: str = "text"
    dated: frozenset[str] = frozenset()

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each value is there, in the order in which they first appear."""
        return Counter(value for value in self.values if value is not None)

    @property
    def present(self) -> int:
        """How many rows have a value."""
        return self.counts.total()

    @property
    def written(self) -> Column:
        """The column without the values that are dates to the file itself."""
        texts = [None if value in self.dated else value for value in self.values]
        return Column(self.name, texts, self.kind) if self.dated else self

    @property
    def commonest(self) -> str:
        """The values that most rows have, and how many rows."""
        return ", ".join(f"{shown(text)} {lines}" for text, lines in self.counts.most_common(8))

    def lines_of(self, texts: Iterable[str]) -> int:
        """Count the rows that have one of these values."""
        return sum(self.counts[text] for text in texts)


@dataclass(frozen=True)
class Sample:
    """The first rows of a file, and how they were read."""

    format: str
    columns: list[Column]
    separator: Finding | None = None
    encoding: Finding | None = None
    sheet: Finding | None = None
    skip_rows: Finding | None = None

    @property
    def lines(self) -> int:
        """How many rows were looked at."""
        return len(self.columns[0].values) if self.columns else 0


def shown(text: str) -> str:
    """Return a text as messages show it: in quotes, on one line, not too long."""
    quoted = repr(text)
    return quoted if len(quoted) <= 40 else quoted[:37] + "..."
