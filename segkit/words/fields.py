"""Fields of texts: `{customers:count}`, checked when a text is loaded and filled when it is said."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping

from segkit.errors import RuleError
from segkit.words.format import KINDS, PLURAL, Formats, is_kind


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

    A value that ends in a dot, such as `10 u.`, needs no other one to end a sentence.

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
    >>> filled("They took {units:money.0}.", Formats("en_US", "XXX"), "here", units=10)
    'They took 10 u.'
    """
    said = ""
    for literal, name, kind, _ in string.Formatter().parse(text):
        said += _after(said, literal)
        if name is not None:
            said += formats.by_kind(kind or "text")(_given(name, fields, where))
    return said


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


def _after(said: str, literal: str) -> str:
    is_ended = said.endswith(".") and literal.startswith(".") and not literal.startswith("..")
    return literal[1:] if is_ended else literal


def _given(name: str, fields: Mapping[str, object], where: str) -> object:
    if name not in fields:
        raise RuleError(
            f"field {name!r} is not given",
            where=where,
            fix=f"pass {name}=; given: {', '.join(fields) or 'none'}",
        )
    return fields[name]


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for _, name, kind, conversion in string.Formatter().parse(text):
        if conversion:
            raise ValueError(f"conversion '!{conversion}' is not allowed")
        if name is not None:
            yield name, kind or "text"
