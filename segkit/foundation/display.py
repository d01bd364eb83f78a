"""How objects show themselves in a notebook: briefly, and only what they know already.

Nothing here computes anything. Colours are those of the page around, light or dark; every text
is escaped.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from datetime import date
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

if TYPE_CHECKING:
    import pandas as pd

ROWS = 8
LONG = 120
_MISSING = ("NAType", "NaTType")
_LEFT = Markup(' style="text-align:left; vertical-align:top"')
_PALE = Markup(' style="opacity:.75"')


class Shown:
    """Gives an object a small page of HTML: `_facts`, `_tables` and what it can be asked."""

    def _title(self) -> str:
        return type(self).__name__

    def _facts(self) -> dict[str, object]:
        """What is known without computing, by name."""
        return {}

    def _tables(self) -> dict[str, pd.DataFrame]:
        """Small tables that are there already, by title."""
        return {}

    def _asked(self) -> Iterable[str]:
        """Names of properties and methods to point at."""
        return public_names(type(self))

    def _repr_html_(self) -> str:
        parts = [facts(self._facts())]
        parts += [table_html(table, title) for title, table in self._tables().items()]
        return page(self._title(), summary(type(self)), *parts, questions(self, self._asked()))


def page(title: str, about: str, *parts: Markup) -> str:
    """Return a title, a line about it, and parts below it, as HTML.

    Examples
    --------
    >>> "<strong>A &amp; B</strong>" in page("A & B", "Two letters.")
    True
    """
    # Jupyter sets $…$ as mathematics unless a class says otherwise.
    frame = '<div class="segkit tex2jax_ignore mathjax_ignore">\n{}\n</div>'
    head = Markup("<p><strong>{}</strong> <span{}>{}</span></p>").format(title, _PALE, about)
    return str(Markup(frame).format(Markup("\n").join([head, *filter(None, parts)])))


def facts(values: Mapping[str, object], heads: tuple[str, str] | None = None) -> Markup:
    """Return names and values as a table of two columns.

    Examples
    --------
    >>> "5,009</td>" in facts({"orders": 5009})
    True
    """
    rows = [
        Markup('<tr><th scope="row"{}>{}</th><td{}>{}</td></tr>').format(
            _LEFT, name, _LEFT, written(value)
        )
        for name, value in values.items()
    ]
    return _table(rows, heads or ()) if rows else Markup("")


def table_html(table: pd.DataFrame, title: str, rows: int = ROWS) -> Markup:
    """Return the first rows of a table, and how many there are."""
    heads = [str(column) for column in table.columns]
    lines = [
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(written(cell)) for cell in row)
        )
        for row in table.head(rows).itertuples(index=False)
    ]
    more = f"{title}: first {rows} of {len(table):,} rows" if len(table) > rows else title
    caption = Markup('<p style="margin:0"><span{}>{}</span></p>\n').format(_PALE, more)
    return caption + _table(lines, heads)


def questions(shown: object, names: Iterable[str]) -> Markup:
    """Return what an object can be asked, with a line on each, and what is there already."""
    kind = type(shown)
    told = {f"{name}{_call(kind, name)}": _answer(shown, name) for name in names}
    if not told:
        return Markup("")
    frame = "<details><summary>What can be asked</summary>\n{}\n</details>"
    return Markup(frame).format(facts(told))


def public_names(kind: type) -> list[str]:
    """Return the public properties and methods of a class, as they stand in its code.

    Examples
    --------
    >>> from segkit.study.carts import Carts
    >>> public_names(Carts)[:3]
    ['ready', 'products', 'by_customer']
    """
    names = [name for each in kind.__mro__[:-1] for name in vars(each)]
    public = [name for name in dict.fromkeys(names) if not name.startswith("_")]
    return [name for name in public if _is_asked(inspect.getattr_static(kind, name))]


def summary(asked: object) -> str:
    """Return the first line of a docstring, or nothing.

    Examples
    --------
    >>> summary(summary)
    'Return the first line of a docstring, or nothing.'
    """
    return (inspect.getdoc(asked) or "").partition("\n")[0]


def written(value: object) -> str:
    """Return a value as an analyst reads it, on one line.

    Examples
    --------
    >>> [written(value) for value in (2357, 0.12345, 1234.5, None, ["a", "b"])]
    ['2,357', '0.123', '1,234.50', '–', 'a, b']
    """
    if value is None or type(value).__name__ in _MISSING or _is_nan(value):
        return "–"
    if isinstance(value, bool | str):
        return _cut(str(value))
    if isinstance(value, Integral):
        return f"{value:,}"
    if isinstance(value, Real):
        number = float(value)
        if number.is_integer():
            return f"{number:,.0f}"
        return f"{number:,.2f}" if abs(number) >= 1 else f"{number:.3g}"
    if isinstance(value, date):
        return value.isoformat()[:10]
    return _cut(_written_many(value))


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _written_many(value: Any) -> str:
    if hasattr(value, "columns") and hasattr(value, "index"):
        return f"{len(value):,} rows × {len(value.columns)} columns"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {written(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(written, value)) or "–"
    return f"{len(value):,} values" if hasattr(value, "dtype") and value.ndim else repr(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def _is_asked(member: object) -> bool:
    return isinstance(member, property | classmethod) or inspect.isfunction(member)


def _call(kind: type, name: str) -> str:
    """Return what stands in a method's brackets; nothing for a property."""
    member = inspect.getattr_static(kind, name)
    if isinstance(member, property):
        return ""
    given = list(inspect.signature(getattr(kind, name)).parameters.values())
    needed = [each.name for each in given if each.default is each.empty and each.name != "self"]
    return f"({', '.join(needed)})"


def _answer(shown: object, name: str) -> str:
    line = summary(inspect.getattr_static(type(shown), name))
    held = vars(shown).get(name)
    return line if held is None else f"{line} → {written(held)}"


def _table(rows: Iterable[Markup], heads: Iterable[str]) -> Markup:
    cells = [Markup('<th scope="col">{}</th>').format(head) for head in heads]
    head = Markup("<thead><tr>{}</tr></thead>\n").format(Markup("").join(cells)) if cells else ""
    body = Markup("\n").join(rows)
    return Markup("<table>{}<tbody>\n{}\n</tbody></table>").format(head, body)
