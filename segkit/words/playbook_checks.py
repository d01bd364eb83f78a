"""What may be wrong with a playbook file, each told by its place in the file and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from segkit.errors import RuleError, suggestion
from segkit.words.conditions import Choice
from segkit.words.playbook_entries import (
    POLICIES_BY_STRICTNESS,
    Channel,
    DiscountPolicy,
    Document,
    Entry,
    PlaybookFile,
    Policy,
)

CONDITIONAL = ("when", "else")
"""Keys of an entry that say when it holds, and what differs where it does not."""
# Cells whose treatment is no matter of taste (definitions, section 4): what they may have.
CELL_POLICIES: dict[str, tuple[Policy, ...]] = {
    "555": ("never",),
    "115": tuple(policy for policy in POLICIES_BY_STRICTNESS if policy != "allowed"),
}


def check_complete(entries: Mapping[str, Mapping[str, Any]], file: str, *section: str) -> None:
    """Raise RuleError for an entry that lacks a field, and name one that can be copied."""
    lacking = {
        key: [field for field in Entry.model_fields if field not in entry]
        for key, entry in entries.items()
    }
    complete = [key for key, absent in lacking.items() if not absent]
    for key, absent in lacking.items():
        if absent:
            raise RuleError(
                f"a new segment's entry must be complete; this one lacks {', '.join(absent)}",
                where=_place(file, *section, key),
                fix=f"{suggestion(key, complete)}; or write the rest",
            )


def check_cells(cells: Mapping[str, Mapping[str, Any]], file: str) -> None:
    """Raise RuleError for a cell that has a discount policy it may not have."""
    for cell, policies in CELL_POLICIES.items():
        policy = cells[cell]["discount"]
        for leaf in policy.leaves if isinstance(policy, Choice) else [policy]:
            if leaf not in policies:
                raise RuleError(
                    f"cell {cell} cannot have this discount policy",
                    where=_place(file, "cells", cell, "discount"),
                    values=[leaf],
                    fix=f"write {_any_of(policies)}, or take the line out",
                )


def _any_of(policies: Iterable[str]) -> str:
    return " or ".join(f"'{policy}'" for policy in policies)


def check_channels(channels: Mapping[str, Iterable[str]], file: str) -> None:
    """Raise RuleError for a name that stands under two channels."""
    seen: dict[str, tuple[str, str]] = {}
    for key, names in channels.items():
        for name in names:
            other, alike = seen.setdefault(folded(name), (key, name))
            if other != key:
                raise RuleError(
                    f"'{other}' and '{key}' have the same name",
                    where=f"{file}: channels",
                    values=[alike, name],
                    fix="leave it under one of them",
                )


def folded(name: str) -> str:
    """Return a channel's name as it is compared."""
    return " ".join(name.split()).casefold()


def check_own(own: dict[str, Any], shipped: dict[str, Any], file: str) -> None:
    """Raise RuleError for a client's file that cannot be laid over the shipped one."""
    check_fields(own, file)
    if own.get("language", shipped["language"]) != shipped["language"]:
        raise RuleError(
            f"written in {own['language']!r}, but the report is in {shipped['language']!r}",
            where=f"{file}: language",
            fix="give the file for the report's language",
        )
    for segmentation in own.get("segmentations", {}):
        if segmentation not in shipped["segmentations"]:
            raise RuleError(
                f"unknown segmentation {segmentation!r}",
                where=f"{file}: segmentations",
                fix=suggestion(segmentation, shipped["segmentations"]),
            )


def check_fields(raw: dict[str, Any], file: str) -> None:
    """Raise for unknown keys and wrong types; what is absent may stand in another file."""
    try:
        PlaybookFile.model_validate(raw)
    except ValidationError as error:
        faults = [fault for fault in error.errors() if fault["type"] != "missing"]
        if faults:
            raise fault(faults, file) from None


def fault(faults: list[Any], file: str) -> RuleError:
    """Return what pydantic found, in the terms of the file: its first fault, and how many."""
    first = faults[0]
    path = first["loc"][:-1] if first["loc"][-1] == "[key]" else first["loc"]
    where = _place(file, *path)
    count = len(faults) if len(faults) > 1 else None
    if first["type"] == "extra_forbidden":
        fix = suggestion(str(path[-1]), _fields(path))
        return RuleError("unknown key", where=where, count=count, fix=fix)
    if first["type"] == "missing":
        return RuleError("missing", where=where, count=count, fix="write it")
    return RuleError(
        _plain(first["msg"]), where=where, values=[first["input"]], count=count, fix=_mending(first)
    )


def _place(file: str, *path: object) -> str:
    return f"{file}: {'.'.join(' '.join(str(part).split()) for part in path)}"


def _fields(path: tuple[Any, ...]) -> list[str]:
    if len(path) == 1:
        return list(PlaybookFile.model_fields)
    models: dict[str, type[BaseModel]] = {"document": Document, "discounts": DiscountPolicy}
    if path[0] in models:
        return list(models[path[0]].model_fields)
    return [*Entry.model_fields, *CONDITIONAL]


def _plain(message: str) -> str:
    """Return a pydantic message in the terms of a YAML file."""
    message = message.replace("Input should", "should").replace("valid dictionary", "mapping")
    return (message[0].lower() + message[1:]).partition(" or instance of ")[0]


def _mending(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "string_type":
        return "write a text, in quotes if YAML reads it as a number, a date or a truth value"
    if fault["type"] == "literal_error":
        valid = get_args(Channel) if fault["loc"][0] == "channels" else POLICIES_BY_STRICTNESS
        return suggestion(str(fault["input"]), valid)
    if fault["type"] == "string_pattern_mismatch":
        return "write three scores from 1 up, such as '555'"
    return ""
