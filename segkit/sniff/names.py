"""What order logs call their columns, and words in them that tell something."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

from segkit.errors import RuleError
from segkit.params import OrderColumns, load_yaml

NAMES = Path(__file__).with_name("column_names.yaml")


@dataclass(frozen=True)
class Names:
    """A table of names, as they are compared.

    Attributes
    ----------
    columns : dict of str to list of list of str
        By key of `orders.columns`: rows of equally good names, the best row first.
    currency : list of str
        Names of a column that says each line's currency.
    cancelled : list of str
        Statuses of orders that never came about.
    symbols : dict of str to str
        ISO 4217 code by sign.
    ignored : frozenset of str
        Words without meaning of their own.
    """

    columns: dict[str, list[list[str]]]
    currency: list[str]
    cancelled: list[str]
    symbols: dict[str, str]
    ignored: frozenset[str]

    @classmethod
    def load(cls, path: Path = NAMES) -> Names:
        """Read and check a table of names.

        Raises
        ------
        RuleError
            A key is no column of orders or is missing, or a name stands twice under one.

        Examples
        --------
        >>> Names.load().key("Fecha del pedido")
        'fechapedido'
        """
        content = load_yaml(path)
        _require_keys(content, [part.name for part in fields(cls)], str(path))
        _require_keys(content["columns"], OrderColumns.model_fields, f"{path}: columns")
        ignored = frozenset(content["ignored"])
        columns = {
            role: [_keys(row, ignored) for row in rows] for role, rows in content["columns"].items()
        }
        for role, rows in columns.items():
            _require_once(chain.from_iterable(rows), f"{path}: columns.{role}")
        currency, cancelled = (_keys(content[part], ignored) for part in ("currency", "cancelled"))
        return cls(columns, currency, cancelled, content["symbols"], ignored)

    def key(self, name: str) -> str:
        """Return a name as it is compared: letters and digits of the words that count."""
        return _key(name, self.ignored)

    def roles(self, names: Iterable[str]) -> set[str]:
        """Return what columns of these names can be."""
        keys = {self.key(name) for name in names}
        return {role for role, rows in self.columns.items() if keys & {*chain.from_iterable(rows)}}


def _require_keys(content: Mapping[str, Any], wanted: Iterable[str], where: str) -> None:
    differing = sorted(set(content) ^ set(wanted))
    if differing:
        raise RuleError("keys that are missing or not known", where=where, values=differing)


def _require_once(names: Iterable[str], where: str) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1 or not name]
    if twice:
        raise RuleError("names are empty or there twice", where=where, values=twice)


def _keys(names: Iterable[str], ignored: frozenset[str]) -> list[str]:
    return [_key(name, ignored) for name in names]


def _key(name: str, ignored: frozenset[str]) -> str:
    outside = re.sub(r"[(\[][^)\]]*[)\]]", " ", name.replace("°", "º"))
    plain = unicodedata.normalize("NFKD", outside)
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()
    return "".join(word for word in re.findall(r"[^\W_]+", split) if word not in ignored)
