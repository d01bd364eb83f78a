"""Reads the conditions in a playbook file: of entries, of single texts, and those with a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from segkit.errors import RuleError, suggestion
from segkit.words.conditions import Choice, Condition, corners, read_choice, resolved
from segkit.words.playbook_checks import CONDITIONAL
from segkit.words.playbook_entries import Entry, PlaybookFile, Text

_LISTS = {"strategies": (3, 5), "avoid": (1, 3), "channels": (1, None)}
_TEXT = TypeAdapter(Text)


def read_conditions(raw: object, known: Mapping[str, Condition], file: str) -> dict[str, Condition]:
    """Return the conditions in force by name: those known, and a file's own over them.

    Raises
    ------
    RuleError
        As `Condition.read`.
    """
    where = f"{file}: conditions"
    if raw is None:
        return dict(known)
    if not isinstance(raw, Mapping):
        fix = 'write them like left: {churned_share: ">= 0.5"}'
        raise RuleError("is no mapping", where=where, values=[raw], fix=fix)
    own = {
        str(name): Condition.read(condition, known, f"{where}.{name}")
        for name, condition in raw.items()
    }
    return {**known, **own}


def read_entries(
    raw: Mapping[str, Any], named: Mapping[str, Condition], file: str
) -> dict[str, Any]:
    """Return a playbook file with each condition in its entries read.

    An entry's own `when … else` becomes one of each field that `else` names, so that another
    file that is laid over it replaces a field with all its alternatives.

    Raises
    ------
    RuleError
        As `read_choice`; an alternative that is no valid text, or is missing where there must
        be one.
    """
    read = {key: value for key, value in raw.items() if key != "conditions"}
    for path, entries in _tables(raw):
        section = {
            key: _read_entry(entry, named, f"{file}: {'.'.join((*path, str(key)))}")
            if isinstance(entry, Mapping)
            else entry
            for key, entry in entries.items()
        }
        if len(path) == 1:
            read[path[0]] = section
        else:
            read[path[0]] = {**read[path[0]], path[1]: section}
    return read


def plain(read: Mapping[str, Any]) -> dict[str, Any]:
    """Return a file that was read as it is where every first condition holds."""
    if isinstance(read, Mapping):
        return {key: plain(value) for key, value in read.items()}
    return resolved(read, None)


def _tables(raw: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Mapping[Any, Any]]]:
    """Yield every table of entries in a file, with the path to it; what is no table is passed."""
    for section in ("segments", "cells"):
        if isinstance(raw.get(section), Mapping):
            yield (section,), raw[section]
    if isinstance(raw.get("segmentations"), Mapping):
        for name, entries in raw["segmentations"].items():
            if isinstance(entries, Mapping):
                yield ("segmentations", name), entries


def _read_entry(
    entry: Mapping[str, Any], named: Mapping[str, Condition], where: str
) -> dict[str, Any]:
    fields = _spread(entry, where)
    read = {
        name: value if name == "name" else read_choice(value, named, f"{where}.{name}")
        for name, value in fields.items()
    }
    for name, value in read.items():
        if name in Entry.model_fields and name != "name":
            _check_alternatives(name, value, f"{where}.{name}")
    return read


def _spread(entry: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return an entry whose own `when … else` stands at each field that `else` names."""
    own = {name: value for name, value in entry.items() if name not in CONDITIONAL}
    if not any(name in entry for name in CONDITIONAL):
        return own
    other = entry.get("else")
    if not isinstance(other, Mapping) or not other or entry.get("when") is None:
        fix = "write when: the condition, else: the fields that differ where it does not hold"
        raise RuleError("'when' and 'else' of an entry need each other", where=where, fix=fix)
    for name in other:
        if name not in own and name not in CONDITIONAL or name == "name":
            raise RuleError(
                "'else' names what may not differ, or what the entry does not have",
                where=f"{where}.else.{name}",
                fix=suggestion(str(name), [each for each in own if each != "name"]),
            )
    rest = _spread({**own, **other}, f"{where}.else")
    differs = {name for name in own if rest[name] is not own[name]}
    return own | {
        name: _either(entry["when"], own[name], rest[name], f"{where}.{name}") for name in differs
    }


def _either(when: object, own: Any, other: Any, where: str) -> dict[str, Any]:
    if isinstance(own, Mapping):
        fix = "take the condition of the field out, or the field out of the entry's 'else'"
        raise RuleError("has a condition of its own besides the entry's", where=where, fix=fix)
    return {"when": when, "then": own, "else": other}


def _check_alternatives(field: str, value: Any, where: str) -> None:
    """Raise RuleError for an alternative that the field may not come to."""
    for leaf in value.leaves if isinstance(value, Choice) else [value]:
        if leaf is None and isinstance(value, Choice):
            fix = "write what stands there where no condition holds"
            raise RuleError("lacks 'else', and may not be missing", where=where, fix=fix)
        if field in _LISTS and isinstance(leaf, list):
            _check_items(leaf, field, where)
        elif isinstance(value, Choice):
            _check_leaf(field, leaf, where)


def _check_items(items: list[Any], field: str, where: str) -> None:
    choices = [item for item in items if isinstance(item, Choice)]
    for number, item in enumerate(items):
        for leaf in item.leaves if isinstance(item, Choice) else []:
            if leaf is not None:
                _check_text(leaf, f"{where}.{number}")
    if not choices:
        return
    least, most = _LISTS[field]
    may_go = [choice for choice in choices if choice.leaves[-1] is None]
    if len(items) - len(may_go) < least:
        conditions = [condition for choice in may_go for condition in choice.conditions]
        left = min(len(resolved(items, facts)) for facts in corners(conditions))
        if left < least:
            problem = f"where conditions fail, {left} are left, and {least} are needed"
            raise RuleError(problem, where=where, fix="write an 'else', or one more without 'when'")
    if most is not None and len(items) > most:
        fix = "give one the other as its 'else'"
        raise RuleError(f"has more than {most}", where=where, values=[len(items)], fix=fix)


def _check_text(leaf: object, where: str) -> None:
    try:
        _TEXT.validate_python(leaf, strict=True)
    except ValidationError:
        fix = "write a text, in quotes if YAML reads it as something else"
        raise RuleError("is no text", where=where, values=[leaf], fix=fix) from None


def _check_leaf(field: str, leaf: object, where: str) -> None:
    try:
        PlaybookFile.model_validate({"segments": {"any": {field: leaf}}})
    except ValidationError as error:
        place = ("segments", "any", field)
        faults = [each for each in error.errors() if each["loc"][:3] == place]
        if faults:
            fix = "write what the field may hold; the shipped playbook has examples"
            raise RuleError(faults[0]["msg"], where=where, values=[leaf], fix=fix) from None
