"""Reading a client's file: every fault named, with its key, its value and the fix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from segkit.errors import ParamsError, SegkitError, suggestion
from segkit.foundation.yaml_files import load_yaml
from segkit.params.client import Params
from segkit.params.secrets import without_secrets


def load_params(path: str | Path) -> Params:
    """Read and check a client's file.

    Parameters
    ----------
    path : str or Path
        A YAML file such as `params/cdnow.yaml`.

    Raises
    ------
    ParamsError
        One problem a line: file, key, value, nearest valid name, fix.
    """
    try:
        content = load_yaml(path)
    except SegkitError as error:
        raise ParamsError([error]) from None
    return check_params(content, where=str(path))


def check_params(content: Mapping[str, Any], *, where: str = "parameters") -> Params:
    """Return checked parameters from plain values; every problem is named.

    Examples
    --------
    >>> check_params({"client": "acme", "curency": "EUR", "currency": "EUR",
    ...     "orders": {"path": "o.csv", "columns": {"customer": "c", "date": "d", "amount": "a"}}})
    Traceback (most recent call last):
    segkit.errors.ParamsError: parameters: curency: unknown key: 'EUR'. Fix: write 'currency'
    """
    try:
        return Params.model_validate(dict(content))
    except ValidationError as error:
        raise ParamsError([_problem(item, where) for item in error.errors()]) from None


_FIXES = {
    "missing": "add it",
    "string_type": "put it in quotes (YAML reads NO as false and 010 as 8)",
    "string_too_short": "write at least {min_length} character",
    "string_too_long": "write at most {max_length} character",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "finite_number": "write a number",
    "bool_type": "write true or false",
    "list_type": "write a list: [first, second]",
    "dict_type": "write keys and values below it",
    "model_type": "write keys and values below it, or take it out",
    "invalid_key": "put the key in quotes (YAML reads no as false)",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "less_than": "write less than {lt}",
    "less_than_equal": "write {le} or less",
    "date_type": "write it like 2025-12-31, in quotes or not",
    "date_from_datetime_parsing": "write it like 2025-12-31",
}

_PROBLEMS = {"model_type": "holds no keys", "dict_type": "holds no keys"}


def _problem(item: Mapping[str, Any], where: str) -> SegkitError:
    location = [str(part) for part in item["loc"] if part != "[key]"]
    message = item["msg"].removeprefix("Value error, ")
    if found := re.match(r"([a-z_.]+): ", message):
        location, message = [*location, found[1]], message[found.end() :]
    place = f"{where}: {'.'.join(location)}" if location else where
    if item["type"] == "missing":
        return SegkitError("missing", where=place, fix=_FIXES["missing"])
    values = _shown_values(item["input"], location[-1] if location else "")
    if item["type"] == "extra_forbidden":
        fix = _unknown_key_fix(item["loc"])
        return SegkitError("unknown key", where=place, values=values, fix=fix)
    if item["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        fix = suggestion(str(item["input"]), valid)
        return SegkitError("unknown value", where=place, values=values, fix=fix)
    problem, _, fix = _PROBLEMS.get(item["type"], message).partition("; ")
    fix = fix or _FIXES.get(item["type"], "").format(**item.get("ctx", {}))
    return SegkitError(problem[0].lower() + problem[1:], where=place, values=values, fix=fix)


def _unknown_key_fix(location: tuple[Any, ...]) -> str:
    close = suggestion(str(location[-1]), _valid_keys(location[:-1]))
    near = re.match(r"did you mean ('.*?')", close)
    return f"write {near[1]}" if near else f"remove it; {close}"


def _shown_values(value: object, key: str) -> list[object]:
    if isinstance(value, Mapping) or re.search("pass|pwd|secret|token", key, re.IGNORECASE):
        return []
    return [without_secrets(value) if isinstance(value, str) else value]


def _valid_keys(location: tuple[Any, ...]) -> list[str]:
    section: type[BaseModel] = Params
    for part in location:
        if not isinstance(part, str) or part not in section.model_fields:
            break
        annotation = section.model_fields[part].annotation
        options = getattr(annotation, "__args__", (annotation,))
        section = next(kind for kind in options if isinstance(kind, type))
    return list(section.model_fields)
