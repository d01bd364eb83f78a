"""A section of a client's file: keys that are known, and how a notebook shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from segkit.foundation.display import facts, page, summary
from segkit.params.secrets import without_secrets


def flattened(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    """Yield keys with their places, such as `orders.columns.date`, and values.

    Examples
    --------
    >>> dict(flattened({"clv": {"margin": 0.4}, "currency": "EUR"}))
    {'clv.margin': 0.4, 'currency': 'EUR'}
    >>> dict(flattened({"orders": {"join": [{"key": ["id"]}]}}))
    {'orders.join.0.key': ['id']}
    """
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{start}{name}.")
        elif isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            for place, each in enumerate(value):
                yield from flattened(each, f"{start}{name}.{place}.")
        else:
            yield f"{start}{name}", value


def _told(value: object) -> object:
    return without_secrets(value) if isinstance(value, str) else value


def require_one(**options: object) -> None:
    """Raise ValueError unless exactly one of several keys is given."""
    given = [name for name, value in options.items() if value is not None]
    names = " and ".join(f"'{name}'" for name in options)
    if len(given) != 1:
        raise ValueError(f"{'both' if given else 'neither'} of {names} given; give one of them")


class Section(BaseModel):
    """Keys that belong together: unknown ones are refused, and nothing is changed later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def __dir__(self) -> list[str]:
        """Keys and what is derived from them; pydantic's own names are not for analysts."""
        names = [name for name in super().__dir__() if not name.startswith("_")]
        mine = [name for name in names if not hasattr(BaseModel, name)]
        return sorted({*mine, *type(self).model_fields})

    def _repr_html_(self) -> str:
        given, usual = self._by_default()
        frame = "<details><summary>{} more at their defaults</summary>\n{}\n</details>"
        rest = Markup(frame).format(len(usual), facts(usual)) if usual else Markup("")
        return page(self._title(), summary(type(self)), facts(given), rest)

    def _title(self) -> str:
        return type(self).__name__

    def _by_default(self) -> tuple[dict[str, object], dict[str, object]]:
        """Return keys that differ from their defaults, and those that do not."""
        chosen = dict(flattened(self.model_dump(mode="json", exclude_defaults=True)))
        values = {name: _told(value) for name, value in flattened(self.model_dump(mode="json"))}
        given = {name: values[name] for name in values if name in chosen}
        return given, {name: value for name, value in values.items() if name not in given}
