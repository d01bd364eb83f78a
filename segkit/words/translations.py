"""Translations of the report's texts: gettext catalogues over the English source.

The English texts and headers are the source (`texts.yaml`, `columns.yaml`); each other language is
a catalogue, `locale/<language>/LC_MESSAGES/segkit.po`, which translators' programs read. A message
is told by its context, the path of the text: the same English words may need two translations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po, write_po

from segkit.errors import RuleError, SegkitError, suggestion
from segkit.foundation.yaml_files import load_yaml
from segkit.params import LOCALE, SOURCE, flattened, languages

HERE = Path(__file__).parent
WIDTH = 100  # letters on a line of a catalogue
HEADER = (
    'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"MIME-Version: 1.0\\n"\n'
    '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
)


@dataclass(frozen=True)
class Progress:
    """How far a translation is.

    Parameters
    ----------
    messages : int
        Texts in the source.
    missing : tuple of str
        Contexts without a translation.
    outdated : tuple of str
        Contexts whose English text has changed since (marked ``fuzzy``).
    unused : tuple of str
        Contexts that the source no longer has.
    """

    messages: int
    missing: tuple[str, ...]
    outdated: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every text, and nothing else, is translated as it now stands."""
        return not (self.missing or self.outdated or self.unused)


@lru_cache(maxsize=1)
def source() -> Mapping[str, str]:
    """Return every English text of the kit by its context.

    Examples
    --------
    >>> source()["columns.revenue.label"], source()["labels.total"]
    ('Revenue', 'Total')
    """
    texts, columns = load_yaml(HERE / "texts.yaml"), load_yaml(HERE / "columns.yaml")
    spoken = {
        name: {part: column[part] for part in ("label", "help") if part in column}
        for name, column in columns["columns"].items()
    }
    return dict(flattened(texts | {"columns": spoken, "suffixes": columns["suffixes"]}))


def translations(language: str, folder: Path = LOCALE) -> Mapping[str, str]:
    """Return every text of a language by its context.

    Parameters
    ----------
    language : str
        One of `languages()`.
    folder : Path, optional
        Where the catalogues are.

    Raises
    ------
    RuleError
        When the language has no catalogue, or a text of it is not translated.

    Examples
    --------
    >>> translations("es")["columns.revenue.label"]
    'Ingresos'
    """
    if language not in languages(folder):
        fix = suggestion(language, languages(folder))
        raise RuleError("no texts in this language", where="language", values=[language], fix=fix)
    return source() if language == SOURCE else _translated(language, folder)


def progress(language: str, folder: Path = LOCALE) -> Progress:
    """Return how far the catalogue of a language is behind the English source.

    Examples
    --------
    >>> progress("es").is_complete
    True
    """
    known, texts = _messages(language, folder), source()
    said = {context for context, message in known.items() if message.string}
    outdated = [c for c in known if c in texts and _is_outdated(known[c], texts[c])]
    return Progress(
        messages=len(texts),
        missing=tuple(context for context in texts if context not in said),
        outdated=tuple(outdated),
        unused=tuple(context for context in known if context not in texts),
    )


def update(language: str, folder: Path = LOCALE) -> Progress:
    """Bring the catalogue of a language up to the English source, or begin a new one.

    Translations stay; one whose English text has changed is marked ``fuzzy`` until somebody has
    looked at it, and one whose text is gone is dropped.

    Parameters
    ----------
    language : str
        Two-letter language.
    folder : Path, optional
        Where the catalogues are.

    Returns
    -------
    Progress
        What is left to translate.

    Raises
    ------
    SegkitError
        When there is no such language, or it is that of the source.
    """
    _require_language(language)
    held = _messages(language, folder)
    catalogue = Catalog(locale=language)
    for context, text in source().items():
        old = held.get(context)
        flags = {"fuzzy"} if old and old.string and _is_outdated(old, text) else set()
        catalogue.add(text, old.string if old else "", context=context, flags=flags)
    _write(catalogue, _file(language, folder))
    return progress(language, folder)


def _is_outdated(message: Message, text: str) -> bool:
    return bool(message.id != text or message.fuzzy)


@lru_cache(maxsize=4)
def _translated(language: str, folder: Path) -> Mapping[str, str]:
    texts = source()
    said = {
        context: str(message.string) for context, message in _messages(language, folder).items()
    }
    missing = [context for context in texts if not said.get(context)]
    if missing:
        raise RuleError(
            "texts without a translation",
            where=f"locale/{language}",
            values=missing,
            fix=f"write them into {_file(language, folder).name}; segkit translate {language}"
            " lists them all",
        )
    return {context: said[context] for context in texts}


def _messages(language: str, folder: Path) -> dict[str, Message]:
    """Return the messages of a catalogue by context, which all of them have but the head."""
    return {str(message.context): message for message in _read(language, folder) if message.id}


def _read(language: str, folder: Path) -> Catalog:
    file = _file(language, folder)
    if not file.is_file():
        return Catalog(locale=language)
    try:
        with file.open("rb") as lines:
            return read_po(lines, locale=language, charset="utf-8", abort_invalid=True)
    except (PoFileError, UnicodeDecodeError) as error:
        raise RuleError(
            f"is no gettext catalogue ({error})", where=file.name, fix="mend the line"
        ) from None


def _write(catalogue: Catalog, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        out.write(HEADER.format(language=catalogue.locale_identifier).encode())
        write_po(out, catalogue, width=WIDTH, omit_header=True)


def _file(language: str, folder: Path) -> Path:
    return folder / language / "LC_MESSAGES" / "segkit.po"


def _require_language(language: str) -> None:
    try:
        Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        raise SegkitError(
            "no such language", where="language", values=[language], fix="write it like 'pt'"
        ) from None
    if language == SOURCE:
        fix = "edit texts.yaml and columns.yaml"
        raise SegkitError("is the source of the translations", where=language, fix=fix)
