"""The texts of a report in one language, checked when loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup, escape

from segkit.errors import RuleError, suggestion
from segkit.foundation.yaml_files import load_yaml
from segkit.params import SOURCE
from segkit.words.fields import checked, fields_of, filled
from segkit.words.format import Formats, plain_words
from segkit.words.translations import translations

FILE = Path(__file__).with_name("texts.yaml")
FINDING = "finding"
"""The part of a picture's texts that is its title where all its fields are known."""
SECTIONS = {
    "chapters": ("title", "intro"),
    "tables": ("title", "note"),
    "pictures": ("title", FINDING, "note", "alt"),
    "sentences": (),
    "labels": (),
    "rules": ("name", "meaning"),
    "page": (),
    "insights": ("title", "sentence", "action"),
    "reasons": (),
    "method": ("title", "text", "short"),
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
        for path in own:
            entry, _, part = path.rpartition(".")
            if part == "title" and f"{entry}.{FINDING}" not in own:  # the client's title stands
                self._texts.pop(f"{entry}.{FINDING}", None)
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
        which hold the field ``{segmentation}``. ``segment_kpis_clusters_by_channel`` takes those
        of ``segment_kpis_by``, which hold the field ``{dimension}``.

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
        stem, by, _ = name.partition("_by_")
        words, about = stem.split("_"), "dimension" if by else "segmentation"
        for length in range(len(words) - 1, 0, -1):
            path = f"{section}.{'_'.join(words[:length])}{by.rstrip('_')}"
            if f"{path}.title" in self and about in self.fields(f"{path}.title"):
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


@lru_cache(maxsize=4)
def _shipped(language: str) -> Mapping[str, str]:
    """The kit's texts, checked once: each chapter asks for them."""
    where = f"texts in {language!r}"
    said = translations(language)
    paths = dict(_flat(load_yaml(FILE), FILE.name))
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
