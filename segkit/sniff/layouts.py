"""Exports of shop systems that are known by their headers: one file of YAML a system.

A layout names each column by all the names that it goes by, in any language; what is resolved
here is what a client's params say, with the names that this export has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from segkit.errors import RuleError, SegkitError
from segkit.foundation.letters import without_accents
from segkit.params import load_yaml
from segkit.sniff.sample import Sample, shown

LAYOUTS = Path(__file__).with_name("layouts")

_KEYS = {"system", "headers", "needs", "currency", "date_formats", "files"}
_KEYS |= {"orders", "customers", "cleaning"}


@dataclass(frozen=True)
class Known:
    """A known export: which system wrote it, and what its params say.

    Attributes
    ----------
    system : str
    found, known : int
        Headers of the layout that the export has, and all of them.
    orders, customers, cleaning : dict
        Sections of params, with the export's own names of columns.
    date_formats : tuple
        How the system writes dates, the likeliest first; None is ISO.
    currency : str, optional
        The column, or the header, that tells the currency.
    others : tuple of (int, dict)
        Place of each other file, and the `join` that it needs.
    """

    system: str
    found: int
    known: int
    orders: dict[str, Any]
    customers: dict[str, Any] = field(default_factory=dict)
    cleaning: dict[str, Any] = field(default_factory=dict)
    date_formats: tuple[str | None, ...] = ()
    currency: str | None = None
    others: tuple[tuple[int, dict[str, Any]], ...] = ()

    @property
    def why(self) -> str:
        """How sure it is."""
        return f"{self.system}: {self.found} of its {self.known} columns are there"


@cache
def layouts(folder: Path = LAYOUTS) -> tuple[dict[str, Any], ...]:
    """Read all layouts; a RuleError where one lacks what it is known by.

    Examples
    --------
    >>> sorted(layout["system"] for layout in layouts())[0]
    'Mercado Libre'
    """
    found = []
    for file in sorted(folder.glob("*.yaml")):
        content = load_yaml(file)
        wrong = sorted({*content} - _KEYS | ({"system", "headers", "needs", "orders"} - {*content}))
        if wrong:
            raise RuleError("keys that are missing or not known", where=str(file), values=wrong)
        found.append(content)
    return tuple(found)


def recognised(samples: Sequence[Sample]) -> Known | None:
    """Return the known export that the first file is, with the others that belong to it.

    The first of the files that is an export of orders counts as the first.

    Raises
    ------
    SegkitError
        A file that the export needs is not among them.
    """
    headers = [[column.name for column in sample.columns] for sample in samples]
    best: tuple[int, float, int, Mapping[str, Any]] | None = None
    for place, names in enumerate(headers):
        for layout in layouts():
            if all(_named(need, names) for need in layout["needs"]):
                found = sum(_named(each, names) is not None for each in layout["headers"])
                rank = (found, found / len(layout["headers"]), place, layout)
                if best is None or rank[:2] > best[:2]:
                    best = rank
    return None if best is None else _resolved(best[3], headers, best[2], best[0])


def _resolved(
    layout: Mapping[str, Any], headers: Sequence[Sequence[str]], main: int, found: int
) -> Known:
    others = _others(layout, headers, main)
    names = list(headers[main])
    for place, join in others:
        names += [name for name in headers[place] if name not in {*names, *join["key"]}]
    orders = {key: _orders(key, value, names) for key, value in layout["orders"].items()}
    orders = {key: value for key, value in orders.items() if value not in (None, {}, [])}
    told = layout.get("currency", {})
    return Known(
        layout["system"],
        found,
        len(layout["headers"]),
        orders,
        dict(layout.get("customers", {})),
        dict(layout.get("cleaning", {})),
        tuple(layout.get("date_formats", [None])),
        _named(told.get("column", told.get("header", [])), names),
        # The main file comes first in params: its place tells which path is `orders.path`.
        ((main, {}), *others),
    )


def _others(
    layout: Mapping[str, Any], headers: Sequence[Sequence[str]], main: int
) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for file in layout.get("files", []):
        fits = [
            place
            for place, names in enumerate(headers)
            if place != main and all(_named([need], names) for need in file["needs"])
        ]
        if fits:
            join = {"key": file["key"], **({"lines": True} if file.get("lines") else {})}
            found.append((fits[0], join))
        elif "must" in file:
            raise SegkitError(
                f"looks like an export of {layout['system']}, and lacks a file: "
                f"the one that says {file['must']}",
                values=file["needs"],
                fix="give it as well, with another --from",
            )
    return found


def _orders(key: str, value: Any, names: Sequence[str]) -> Any:
    """Return a section of `orders` with the names that the export has."""
    if key == "columns":
        found = {role: _named(several, names) for role, several in value.items()}
        return {role: name for role, name in found.items() if name is not None}
    if key == "amounts":
        return _amounts(value, names)
    if key == "dimensions":
        return [name for several in value if (name := _named(several, names))]
    if key in ("statuses", "where"):
        placed = [{**each, "column": _named(each["column"], names)} for each in value]
        return [each for each in placed if each["column"] is not None]
    return _named(value, names) if key == "order_begins" else value


def _amounts(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given in value.items():
        if name == "quantity_is":  # told by the name of the column
            resolved = next((how for column, how in given.items() if column in names), None)
        else:
            is_name = isinstance(given, list) and name != "by_line"
            resolved = _named(given, names) if is_name else given
        if resolved is not None:
            found[name] = resolved
    # What says how an amount is to be read goes with it.
    for name, of in (("subtotal_is", "subtotal"), ("refunded_field", "refunded")):
        if of not in found:
            found.pop(name, None)
    if "by_line" in found:
        found["by_line"] = [name for name in found["by_line"] if name in found]
    return found


def _named(several: Iterable[str] | str, names: Iterable[str]) -> str | None:
    """Return the first of the names that a column goes by; `*` ends one of any end.

    Examples
    --------
    >>> _named(["Fecha", "Data"], ["NÚMERO", "data"]), _named(["Total (*"], ["Total (ARS)"])
    ('data', 'Total (ARS)')
    """
    wanted = [several] if isinstance(several, str) else list(several)
    given = [(name, _key(name)) for name in names]
    for want in wanted:
        if want.startswith("item."):
            return want
        key = _key(want.removesuffix("*"))
        for name, own in given:
            same = own.startswith(key) if want.endswith("*") else own == key
            if same or ("\ufffd" in name and _lost(name) == _lost(want)):
                return name
    return None


def _key(name: str) -> str:
    return " ".join(without_accents(name).casefold().split())


def _lost(name: str) -> str:
    """Return a name as it is left where every accent was lost, such as in `N\ufffdmero`."""
    return re.sub(r"[^\x20-\x7e]+", "", name).casefold().strip()


def unknown_statuses(known: Known, sample: Sample) -> list[str]:
    """Return what was seen in columns of statuses and no list of the layout knows."""
    told = []
    for status in known.orders.get("statuses", []):
        if "sold" not in status:
            continue
        column = next((each for each in sample.columns if each.name == status["column"]), None)
        words = [word for kind, words in status.items() if kind != "column" for word in words]
        for text, count in (column.counts if column else {}).items():
            if not any(_says(word, text) for word in words):
                told.append(f"{shown(text)} on {count} lines of {shown(status['column'])}")
    return told


def _says(word: str, text: str) -> bool:
    word, text = word.strip().lower(), text.strip().lower()
    return text.startswith(word[:-1]) if word.endswith("*") else text == word
