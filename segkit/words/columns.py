"""Headers, kinds and glossary sentences of columns."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pandas as pd

from segkit.errors import RuleError, suggestion
from segkit.foundation.yaml_files import load_yaml
from segkit.params import SOURCE
from segkit.words.format import KINDS, NUMBER_KINDS, is_kind, plain_words
from segkit.words.translations import translations

FILE = Path(__file__).with_name("columns.yaml")
LARGE_AMOUNT = 10_000  # from here on cents are noise


class Columns:
    """Headers, kinds and glossary sentences of table columns in one language.

    Parameters
    ----------
    language : str
        Such as ``es``.
    path : Path, optional
        The YAML file; by default that of the kit.

    Raises
    ------
    RuleError
        When a column has no known kind or no header.

    Source
    ------
    Definitions, sections 2 to 6.

    Examples
    --------
    >>> columns = Columns("es")
    >>> columns.label("aov"), columns.kind("aov"), columns.label("aov_low")
    ('Ticket promedio', 'money', 'Ticket promedio, desde')
    """

    def __init__(self, language: str, path: Path = FILE) -> None:
        content = load_yaml(path)
        self.language = language
        self._columns: dict[str, dict[str, str]] = content.get("columns", {})
        self._tables: dict[str, dict[str, str]] = content.get("tables", {})
        self._suffixes: dict[str, str] = content.get("suffixes", {})
        self._said = {} if language == SOURCE else translations(language)
        self._check(path.name)

    def __contains__(self, column: object) -> bool:
        return column in self._columns

    @cached_property
    def labels(self) -> dict[str, str]:
        """Header of every known column."""
        return {
            name: self._said.get(f"columns.{name}.label", column["label"])
            for name, column in self._columns.items()
        }

    def label(self, column: object) -> str:
        """Return the header of a column; of one that is not known, its name in plain words."""
        if column in self._columns:
            return self.labels[str(column)]
        stem, suffix = self._stem(column)
        if stem in self._columns:
            pattern = self._said.get(f"suffixes.{suffix}", self._suffixes[suffix])
            return pattern.format(label=self.labels[stem])
        return self._label_of_dimension(str(column)) or plain_words(column)

    def _label_of_dimension(self, name: str) -> str:
        """Return the header of a dimension that a client has named: `top_store`, `first_store`."""
        for start, english in self._suffixes.items():
            if start.endswith("_") and name.startswith(start):
                pattern = self._said.get(f"suffixes.{start}", english)
                return pattern.format(label=plain_words(name.removeprefix(start)))
        return ""

    def kind(self, column: object, values: pd.Series | None = None, table: str = "") -> str:
        """Return the kind of a column's values.

        Parameters
        ----------
        column : str
            Key of the column.
        values : Series, optional
            What it holds; tells the kind of a column that is not known, a mean of counts (shown
            with a decimal) from counts, and large amounts (shown without cents) from small.
        table : str, optional
            Name of the table, where a column may mean something else.

        Returns
        -------
        str
            A kind of `segkit.words.format`, such as ``money`` or ``decimal.1``.

        Examples
        --------
        >>> Columns("es").kind("orders", pd.Series([5.6, 3.7]))
        'decimal.1'
        >>> Columns("es").kind("orders", table="cluster_relative")
        'ratio'
        """
        name, special = str(column), self._tables.get(table, {})
        known = self._columns.get(name) or self._columns.get(self._stem(name)[0], {})
        kind = special.get(name) or known.get("kind") or _kind_of(values)
        if "*" in special and kind.partition(".")[0] in NUMBER_KINDS:
            return special["*"]
        if name not in special and kind == "money" and _is_large(values):
            return "money.0"
        return "decimal.1" if kind in ("count", "days") and _has_small_fractions(values) else kind

    def help(self, column: object) -> str | None:
        """Return the glossary sentence of a column, or None where its header says it all."""
        english = self._columns.get(str(column), {}).get("help")
        return english and self._said.get(f"columns.{column}.help", english)

    def _stem(self, column: object) -> tuple[str, str]:
        name = str(column)
        suffix = next((end for end in self._suffixes if name.endswith(end)), "")
        return name.removesuffix(suffix), suffix

    def _check(self, where: str) -> None:
        kinds = {name: str(column.get("kind")) for name, column in self._columns.items()}
        for table, columns in self._tables.items():
            kinds |= {f"{table}.{name}": kind for name, kind in columns.items()}
        for name, kind in kinds.items():
            if not is_kind(kind):
                raise RuleError(
                    "unknown kind",
                    where=f"{where}: {name}",
                    values=[kind],
                    fix=suggestion(kind, KINDS),
                )
        for name, column in self._columns.items():
            if not column.get("label"):
                fix = "write its header as label"
                raise RuleError("no header", where=f"{where}: {name}", fix=fix)


def _kind_of(values: pd.Series | None) -> str:
    types = pd.api.types
    if values is None or not len(values):
        return "text"
    if types.is_bool_dtype(values):
        return "flag"
    if types.is_datetime64_any_dtype(values):
        is_whole_day = (values.dropna() == values.dropna().dt.normalize()).all()
        return "date" if is_whole_day else "datetime"
    if types.is_integer_dtype(values):
        return "count"
    if types.is_float_dtype(values):
        return "number"
    inferred = types.infer_dtype(values, skipna=True)
    return inferred if inferred in ("date", "datetime") else "text"


def _is_large(values: pd.Series | None) -> bool:
    """Tell whether cents would only be noise beside the largest amount."""
    if values is None or not pd.api.types.is_numeric_dtype(values):
        return False
    return bool((values.dropna().abs() >= LARGE_AMOUNT).any())


def _has_small_fractions(values: pd.Series | None) -> bool:
    """Means of counts show a decimal, but not where they are so large that it says nothing."""
    if values is None or not pd.api.types.is_float_dtype(values):
        return False
    known = values.dropna().astype(float)
    return bool((known % 1 != 0).any() and known.abs().median() < 20)
