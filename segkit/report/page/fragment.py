"""What a chapter hands to a notebook, and the notebook to the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

MARK = "application/vnd.segkit+json"
"""Says that the kit made an output; only such outputs go to the report unasked."""


@dataclass(frozen=True)
class Fragment:
    """A piece of the report that a notebook cell can show.

    Parameters
    ----------
    html : Markup
        Escaped HTML.
    plain : str
        The same as text, for a terminal or a log.
    kind : str
        ``opening``, ``heading``, ``sentence``, ``table``, ``picture`` or ``headline``.
    columns : tuple of str, optional
        Column keys whose headers it shows; the glossary explains them.
    place : str, optional
        Section of the report that shows it, too; the annex shows everything.
    name : str, optional
        Name of the table or picture; of an opening, the chapter's key.
    short : Markup, optional
        What the document shows in its place, where that has less room.
    short_columns : tuple of str, optional
        Column keys whose headers `short` shows.
    """

    html: Markup
    plain: str
    kind: str
    columns: tuple[str, ...] = field(default=())
    place: str = ""
    name: str = ""
    short: Markup = Markup("")
    short_columns: tuple[str, ...] = ()

    def __html__(self) -> str:
        return self.html

    def __str__(self) -> str:
        return self.plain

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> Mapping[str, Any]:
        # JupyterLab sets $…$ as mathematics unless a class says otherwise.
        shown = f'<div class="segkit tex2jax_ignore mathjax_ignore">\n{self.html}\n</div>'
        mark: dict[str, Any] = {"kind": self.kind, "columns": list(self.columns)}
        mark |= {"place": self.place, "name": self.name}
        mark |= {"short": str(self.short), "short_columns": list(self.short_columns)}
        return {MARK: mark, "text/html": shown, "text/plain": self.plain}
