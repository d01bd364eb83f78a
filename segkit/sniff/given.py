"""What a user says by hand of a file that leaves it open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from segkit.errors import SegkitError, suggestion
from segkit.params import Csv, OrderColumns, Source


@dataclass(frozen=True)
class Given:
    """Options of `segkit new`, named as in params; None, or no columns, where none is given."""

    separator: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    currency: str | None = None
    no_amounts: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def checked(cls, options: Mapping[str, Any]) -> Given:
        """Return options as params accept them, or raise a SegkitError.

        Examples
        --------
        >>> Given.checked({"separator": "tab"}).separator
        '\\t'
        """
        given = cls(**options)
        for role in given.columns:
            if role not in OrderColumns.model_fields:
                fix = suggestion(role, OrderColumns.model_fields)
                problem = "no such column of orders"
                raise SegkitError(problem, where="--column", values=[role], fix=fix)
        for section, key in ((Csv, "separator"), (Source, "date_format"), (Source, "decimal")):
            value, where = getattr(given, key), f"--{key.replace('_', '-')}"
            if value is not None:
                checked: dict[str, Any] = {key: valid(section, key, value, where=where)}
                given = replace(given, **checked)
        return given


def valid(section: type, key: str, value: str, *, where: str) -> str:
    """Return a value as a section of params accepts it under a key, or raise a SegkitError."""
    try:
        return TypeAdapter(get_type_hints(section, include_extras=True)[key]).validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SegkitError(problem, where=where, values=[value]) from None
