"""How headers and values of a table are said to a reader, wherever the table stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from segkit.words.columns import Columns
from segkit.words.format import NUMBER_KINDS, Formats
from segkit.words.texts import Texts

SUMMARY_ROWS = ("total", "read", "kept", "rejected")
"""What rows that add others up hold in one of their first two cells; they are set in bold."""

TOTAL = "total"
"""The row of the whole, whatever its first column holds."""

AMONG_SEGMENTS = ("total", "no_customer", "newcomer", "gone", "outside")
"""What stands among segments without being one."""


@dataclass(frozen=True)
class Wording:
    """How headers and values of a table are said to a reader.

    Parameters
    ----------
    texts : Texts
        Labels and rule names.
    columns : Columns
        Headers and kinds.
    formats : Formats
        How numbers, money and dates are written.
    names : mapping of str to str, optional
        Label of each segment key.

    Examples
    --------
    >>> wording = Wording(Texts("es"), Columns("es"), Formats("es_AR", "ARS"), {"loyal": "Leales"})
    >>> wording.header("revenue"), wording.value("loyal", "segment"), wording.value(0.5, "percent")
    ('Ingresos', 'Leales', '50,0%')
    """

    texts: Texts
    columns: Columns
    formats: Formats
    names: Mapping[str, str] = field(default_factory=dict)

    def naming(self, names: Mapping[str, str]) -> Wording:
        """Return the same wording with other segment labels."""
        return replace(self, names=names)

    def header(self, column: object) -> str:
        """Return the header of a column; of a segment's own column, the segment's label."""
        known = column not in self.columns and column in self.names
        return str(self.names[str(column)]) if known else self.columns.label(column)

    def value(self, value: object, kind: str) -> str:
        """Return a value as a reader sees it; plain text, not escaped."""
        name = kind.partition(".")[0]
        if name == "flag" and pd.api.types.is_bool(value):
            return self.texts.text("labels.flag_yes" if value else "labels.flag_no")
        if name == "rule":
            return self.formats.text(self.texts.rule(value))
        if name == "segment" or (name in NUMBER_KINDS and isinstance(value, str)):
            return self.formats.text(self.name(value))
        if (name == "label" and isinstance(value, str)) or (name == "text" and value == TOTAL):
            return self.formats.text(self.texts.label(value))
        return self.formats.by_kind(kind)(value)

    def name(self, segment: object) -> object:
        """Return the label of a segment key, and anything that is no such key as it is."""
        if segment in AMONG_SEGMENTS:
            return self.texts.label(segment)
        return self.names.get(segment, segment) if isinstance(segment, str) else segment

    def figures(self, values: Mapping[str, object]) -> dict[str, str]:
        """Return key figures by header, each written by its kind.

        Examples
        --------
        >>> wording = Wording(Texts("es"), Columns("es"), Formats("es_AR", "ARS"))
        >>> wording.figures({"orders": 5009, "repeat_rate": 0.98})
        {'Tickets': '5.009', 'Tasa de recompra': '98,0%'}
        """
        kinds = {key: self.columns.kind(key, pd.Series([value])) for key, value in values.items()}
        return {self.header(key): self.value(value, kinds[key]) for key, value in values.items()}

    def kinds(self, df: pd.DataFrame, table: str = "") -> list[str]:
        """Return the kind of each column of a table."""
        return [
            self.columns.kind(column, df.iloc[:, place], table)
            for place, column in enumerate(df.columns)
        ]


def is_summary(row: tuple[object, ...]) -> bool:
    """Tell whether a row adds others up.

    Examples
    --------
    >>> is_summary(("total", 793)), is_summary(("orders", "read", 9994)), is_summary(("loyal", 3))
    (True, True, False)
    """
    return any(isinstance(cell, str) and cell in SUMMARY_ROWS for cell in row[:2])
