"""What a user says by hand of a file that leaves it open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pydantic import ValidationError

from segkit.errors import SegkitError, suggestion
from segkit.params import Csv, OrderColumns, Source


@dataclass(frozen=True)
class Given:
    """The options of `segkit new`; None and no columns where the file is to tell.

    Attributes
    ----------
    separator, date_format, decimal, sheet : str, optional
        As in params.
    columns : mapping of str to str
        Names of the log's columns by key of `orders.columns`.
    """

    separator: str | None = None
    date_format: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def checked(cls, overrides: Mapping[str, Any]) -> Given:
        """Return options as params accept them.

        Raises
        ------
        SegkitError
            A value is none that params accept, or there is no such column of orders.

        Examples
        --------
        >>> Given.checked({"separator": "tab"}).separator
        '\\t'
        """
        given = cls(**overrides)
        for role in given.columns:
            if role not in OrderColumns.model_fields:
                fix = suggestion(role, OrderColumns.model_fields)
                raise SegkitError(
                    "no such column of orders", where="--column", values=[role], fix=fix
                )
        source = partial(Source, path="-")
        sections = {"separator": Csv, "date_format": source, "decimal": source}
        valid = {
            key: _valid(section, key, getattr(given, key)) for key, section in sections.items()
        }
        return replace(given, **valid)


def _valid(section: Callable[..., Any], key: str, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return getattr(section(**{key: value}), key)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        where = f"--{key.replace('_', '-')}"
        raise SegkitError(problem, where=where, values=[value]) from None
