"""The words of a report: texts of a language, and the headers and kinds of columns."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path

import pandas as pd
from markupsafe import Markup, escape

from segkit.errors import RuleError, suggestion
from segkit.params import load_yaml
from segkit.words.format import KINDS, NUMBER_KINDS, PLURAL, Formats, is_kind
from segkit.words.translations import SOURCE, translations

HERE = Path(__file__).parent
LARGE_AMOUNT = 10_000
SECTIONS = {
    "chapters": ("title", "intro"),
    "tables": ("title", "note"),
    "pictures": ("title", "note", "alt"),
    "sentences": (),
    "labels": (),
    "rules": ("name", "meaning"),
    "page": (),
    "insights": ("title", "sentence", "action"),
    "reasons": (),
    "method": ("title", "text"),
}
REQUIRED = {
    "chapters": ("title",),
    "tables": ("title",),
    "pictures": ("title", "alt"),
    "rules": ("name", "meaning"),
    "insights": ("title", "sentence", "action"),
    "method": ("title", "text"),
}


class Texts:
    """The texts of one language, checked when loaded.

    A text is addressed by its path, such as ``tables.segment_kpis.title``. Texts may hold
    fields with a kind, such as ``{share:percent}`` or ``{revenue:money.0}``, and words that
    agree with a count: ``{customers:plural.nobody/one customer/# customers}``, or without the
    first form; ``#`` is the count.

    Parameters
    ----------
    language : str
        Such as ``es``.
    overrides : mapping, optional
        A client's own texts, in the structure of `texts.yaml`; they go over those of the kit.

    Raises
    ------
    RuleError
        When the language has no catalogue, or a text is missing, is of no known section, is no
        text, or holds a field that is no plain name or of no known kind.

    Examples
    --------
    >>> Texts("es").text("labels.total")
    'Total'
    """

    def __init__(self, language: str, overrides: Mapping[str, object] | None = None) -> None:
        self.language = language
        self._where = "texts.yaml" if language == SOURCE else f"texts in {language!r}"
        own = dict(_flat(overrides or {}, f"texts of the client, over {self._where}"))
        self._texts = dict(_shipped(language)) | own
        self._check_parts()

    @property
    def paths(self) -> list[str]:
        """Paths of all texts."""
        return list(self._texts)

    def __contains__(self, path: str) -> bool:
        return path in self._texts

    def text(self, path: str) -> str:
        """Return a text as written, its fields not filled.

        Raises
        ------
        RuleError
            When there is no text at `path`.
        """
        if path not in self._texts:
            section = path.partition(".")[0]
            raise RuleError(
                "no such text",
                where=f"{self._where}: {path}",
                fix=suggestion(path, [known for known in self.paths if known.startswith(section)])
                if section in SECTIONS
                else suggestion(section, SECTIONS),
            )
        return self._texts[path]

    def fields(self, path: str) -> dict[str, str]:
        """Return the fields of a text, as `fields_of`.

        Examples
        --------
        >>> Texts("es").fields("page.rows_shown")
        {'shown': 'count', 'rows': 'count', 'file': 'text'}
        """
        return fields_of(self.text(path))

    def fill(self, path: str, formats: Formats, **fields: object) -> str:
        """Return a text with its fields written by kind; plain text, **not** escaped.

        Parameters
        ----------
        path : str
            Path of a text.
        formats : Formats
            How values are written.
        **fields
            Value of each field; those that the text does not name are ignored.

        Raises
        ------
        RuleError
            When there is no such text, or a field of it is not given.
        """
        return filled(self.text(path), formats, f"{self._where}: {path}", **fields)

    def say(self, key: str, formats: Formats, **fields: object) -> Markup:
        """Return a sentence filled and escaped for HTML.

        Parameters
        ----------
        key : str
            Key in the section ``sentences``, or the path of another text.
        formats : Formats
            How values are written.
        **fields
            Value of each field.

        Raises
        ------
        RuleError
            When there is no such text, or a field of it is not given.

        Examples
        --------
        >>> texts = Texts("en", {"sentences": {"top": "{who} make {share:percent.0}."}})
        >>> texts.say("top", Formats("en_US", "USD"), who="<few>", share=0.8)
        Markup('&lt;few&gt; make 80%.')
        """
        path = key if "." in key else f"sentences.{key}"
        return escape(self.fill(path, formats, **fields))

    def label(self, key: object) -> str:
        """Return the label of a key, or the key in plain words where it has none.

        Examples
        --------
        >>> Texts("es").label("recency"), Texts("es").label("some_key")
        ('Recencia', 'Some key')
        """
        return self._texts.get(f"labels.{key}", plain_words(key))

    def rule(self, key: object) -> str:
        """Return the name of a cleaning rule, else the label of the key."""
        return self._texts.get(f"rules.{key}.name", self.label(key))

    def entry(self, section: str, name: str) -> tuple[str, str | None]:
        """Return the path of a table's or picture's texts, and the segmentation it is about.

        ``segment_kpis_clusters`` has no texts of its own: it takes those of ``segment_kpis``,
        which hold the field ``{segmentation}``.

        Parameters
        ----------
        section : str
            ``tables`` or ``pictures``.
        name : str
            Name of the table or picture.

        Returns
        -------
        tuple of str and (str or None)
            Path without ``.title``, and the rest of the name where a shorter one was found.

        Raises
        ------
        RuleError
            When neither the name nor a shorter one has a title.

        Examples
        --------
        >>> Texts("es").entry("tables", "segment_kpis_clusters")
        ('tables.segment_kpis', 'clusters')
        """
        if f"{section}.{name}.title" in self:
            return f"{section}.{name}", None
        words = name.split("_")
        for length in range(len(words) - 1, 0, -1):
            path = f"{section}.{'_'.join(words[:length])}"
            if f"{path}.title" in self and "segmentation" in self.fields(f"{path}.title"):
                return path, "_".join(words[length:])
        raise RuleError(
            "no title",
            where=f"{self._where}: {section}.{name}.title",
            fix="write it there, or pass title=",
        )

    def _check_parts(self) -> None:
        for section, key in {tuple(path.split(".")[:2]) for path in self._texts}:
            for part in REQUIRED.get(section, ()):
                path = f"{section}.{key}.{part}"
                if not self._texts.get(path, "").strip():
                    raise RuleError(
                        "missing or empty", where=f"{self._where}: {path}", fix="write the text"
                    )


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

    def __init__(self, language: str, path: Path = HERE / "columns.yaml") -> None:
        content = load_yaml(path)
        self.language = language
        self._columns: dict[str, dict] = content.get("columns", {})
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
        return plain_words(column)

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
        special = self._tables.get(table, {})
        known = self._columns.get(column) or self._columns.get(self._stem(column)[0], {})
        kind = special.get(column) or known.get("kind") or _kind_of(values)
        if "*" in special and kind.partition(".")[0] in NUMBER_KINDS:
            return special["*"]
        if column not in special and kind == "money" and _is_large(values):
            return "money.0"
        return "decimal.1" if kind in ("count", "days") and _has_small_fractions(values) else kind

    def help(self, column: object) -> str | None:
        """Return the glossary sentence of a column, or None where its header says it all."""
        english = self._columns.get(column, {}).get("help")
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


def fields_of(text: str) -> dict[str, str]:
    """Return the fields of a text: name and kind (``text`` where it says none).

    Words that agree with a count are of the kind ``count``, whatever the words.

    Examples
    --------
    >>> fields_of("{who}: {orders:plural.one order/# orders}")
    {'who': 'text', 'orders': 'count'}
    """
    return {
        name: "count" if kind.startswith(f"{PLURAL}.") else kind for name, kind in _fields(text)
    }


def filled(text: str, formats: Formats, where: str, /, **fields: object) -> str:
    """Return a text with its fields written by kind; plain text, **not** escaped.

    Parameters
    ----------
    text : str
        A text that `checked` lets pass.
    formats : Formats
        How values are written.
    where : str
        What errors call the text: its file and key.
    **fields
        Value of each field; those that the text does not name are ignored.

    Raises
    ------
    RuleError
        When a field of the text is not given.

    Examples
    --------
    >>> filled("{share:percent.0} of {what}", Formats("en_US", "USD"), "here", share=0.5, what="it")
    '50% of it'
    """
    return _Filler(formats, where).vformat(text, (), fields)


def checked(text: object, where: str) -> str:
    """Return a text whose fields have plain names and known kinds.

    Parameters
    ----------
    text : object
        As read from a file.
    where : str
        What errors call the text: its file and key.

    Raises
    ------
    RuleError
        When it is no text, or a field of it has no plain name or is of no known kind.

    Examples
    --------
    >>> checked("{orders:plural.one order/# orders}", "mine.yaml: sentence")
    '{orders:plural.one order/# orders}'
    """
    if not isinstance(text, str):
        raise RuleError("is no text", where=where, values=[text], fix="put it in quotes")
    try:
        fields = list(_fields(text))
    except ValueError as error:
        fix = "write {{ and }} for braces that are no field"
        raise RuleError(str(error), where=where, values=[text], fix=fix) from None
    for name, kind in fields:
        if not name.isidentifier() or not is_kind(kind):
            kinds = ", ".join([*KINDS, f"{PLURAL}.one/# others"])
            raise RuleError(
                "field with no plain name or of no known kind",
                where=where,
                values=[f"{{{name}:{kind}}}"],
                fix=f"write {{name:kind}} with one of the kinds {kinds}",
            )
    return text


def plain_words(key: object) -> str:
    """Return a key as words.

    Examples
    --------
    >>> plain_words("top_share")
    'Top share'
    """
    words = str(key).replace("_", " ")
    return words[:1].upper() + words[1:]


class _Filler(string.Formatter):
    """Fills the fields of a text by kind; nothing but plain names is looked up."""

    def __init__(self, formats: Formats, where: str) -> None:
        self._formats = formats
        self._where = where

    def get_field(self, field_name, args, kwargs):
        if field_name not in kwargs:
            raise RuleError(
                f"field {field_name!r} is not given",
                where=self._where,
                fix=f"pass {field_name}=; given: {', '.join(kwargs) or 'none'}",
            )
        return kwargs[field_name], field_name

    def format_field(self, value, format_spec):
        return self._formats.by_kind(format_spec or "text")(value)


@lru_cache(maxsize=4)
def _shipped(language: str) -> Mapping[str, str]:
    """The kit's texts, checked once: each chapter asks for them."""
    where = f"texts in {language!r}"
    said = translations(language)
    paths = dict(_flat(load_yaml(HERE / "texts.yaml"), "texts.yaml"))
    texts = {path: checked(said[path], f"{where}: {path}") for path in paths}
    for path, english in paths.items():
        if fields_of(texts[path]) != fields_of(english):
            fix = f"write the fields as in English: {english}"
            raise RuleError("has other fields", where=f"{where}: {path}", fix=fix)
    return texts


def _flat(content: Mapping[str, object], where: str) -> Iterator[tuple[str, str]]:
    for section, entries in content.items():
        if section not in SECTIONS:
            raise RuleError(
                "unknown section",
                where=where,
                values=[section],
                fix=suggestion(str(section), SECTIONS),
            )
        for key, entry in _mapping(entries, f"{where}: {section}").items():
            path = f"{section}.{key}"
            if not SECTIONS[section]:
                yield path, checked(entry, f"{where}: {path}")
                continue
            for part, text in _mapping(entry, f"{where}: {path}").items():
                if part not in SECTIONS[section]:
                    fix = suggestion(str(part), SECTIONS[section])
                    raise RuleError("unknown key", where=f"{where}: {path}.{part}", fix=fix)
                yield f"{path}.{part}", checked(text, f"{where}: {path}.{part}")


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RuleError("holds no keys", where=where, values=[value], fix="write keys below it")
    return value


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for _, name, kind, conversion in string.Formatter().parse(text):
        if conversion:
            raise ValueError(f"conversion '!{conversion}' is not allowed")
        if name is not None:
            yield name, kind or "text"


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
