"""What order logs call their columns, and words in them that tell something."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import Any

from segkit.errors import RuleError
from segkit.foundation.letters import without_accents
from segkit.params import OrderColumns, load_yaml

DECLARED = ("type",)
"""Columns that no name tells: which lines are purchases has to be said."""

NAMES = Path(__file__).with_name("column_names.yaml")


@dataclass(frozen=True)
class Names:
    """A table of names, as they are compared; the table itself says what each part is."""

    columns: dict[str, list[list[str]]]
    amounts: dict[str, list[list[str]]]
    currency: list[str]
    statuses: dict[str, list[str]]
    status_stems: dict[str, list[str]]
    ignored: frozenset[str]

    @classmethod
    def load(cls, path: Path = NAMES) -> Names:
        """Read a table of names; a RuleError where it is incomplete or says a name twice.

        Examples
        --------
        >>> Names.load().key("Fecha del pedido")
        'fechapedido'
        """
        content = load_yaml(path)
        _require_keys(content, [part.name for part in fields(cls)], str(path))
        guessed = [role for role in OrderColumns.model_fields if role not in DECLARED]
        _require_keys(content["columns"], guessed, f"{path}: columns")
        ignored = frozenset(content["ignored"])
        columns = {
            role: [_keys(row, ignored) for row in rows] for role, rows in content["columns"].items()
        }
        for role, rows in columns.items():
            counts = Counter(chain.from_iterable(rows))
            if twice := [name for name, times in counts.items() if times > 1 or not name]:
                where = f"{path}: columns.{role}"
                raise RuleError("names are empty or there twice", where=where, values=twice)
        amounts = {
            name: [_keys(row, ignored) for row in rows] for name, rows in content["amounts"].items()
        }
        currency = _keys(content["currency"], ignored)
        statuses = {kind: _keys(row, ignored) for kind, row in content["statuses"].items()}
        return cls(columns, amounts, currency, statuses, content["status_stems"], ignored)

    def key(self, name: str) -> str:
        """Return a name as it is compared: letters and digits of the words that count."""
        return _key(name, self.ignored)

    def status(self, text: str) -> str | None:
        """Return what a status says of an order: `sold`, `returned`, `unpaid`, `cancelled`, or None.

        Examples
        --------
        >>> names = Names.load()
        >>> [names.status(text) for text in ("Pago aceptado", "En espera de pago", "Pendiente de envío")]
        ['sold', 'unpaid', 'sold']
        """
        key = self.key(text)
        for kind, words in self.statuses.items():
            if key in words:
                return kind
        begun = [word for word in _words(text) if word]
        for kind, stems in self.status_stems.items():
            if any(word.startswith(stem) for word in begun for stem in stems):
                return "sold" if kind == "beside" else kind
        return None

    def roles(self, names: Iterable[str]) -> set[str]:
        """Return what columns of these names can be."""
        keys = {self.key(name) for name in names}
        return {role for role, rows in self.columns.items() if keys & {*chain.from_iterable(rows)}}


def _require_keys(content: Mapping[str, Any], wanted: Iterable[str], where: str) -> None:
    if differing := sorted(set(content) ^ set(wanted)):
        raise RuleError("keys that are missing or not known", where=where, values=differing)


def _keys(names: Iterable[str], ignored: frozenset[str]) -> list[str]:
    return [_key(name, ignored) for name in names]


def _key(name: str, ignored: frozenset[str]) -> str:
    outside = re.sub(r"[(\[][^)\]]*[)\]]", " ", name.replace("°", "º"))
    return "".join(word for word in _words(outside) if word not in ignored)


def _words(text: str) -> list[str]:
    """Return the words of a text, in small letters without accents."""
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", without_accents(text)).lower()
    return re.findall(r"[^\W_]+", split)
