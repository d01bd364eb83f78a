"""Outputs of executed notebooks: which go to which page, and as what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from traitlets.config import Config

from segkit.report.page.clean import clean_html, clean_image, clean_markdown, clean_text
from segkit.report.page.fragment import MARK
from segkit.report.web.pages import TEMPLATES

if TYPE_CHECKING:
    from nbconvert.exporters import TemplateExporter
    from nbformat import NotebookNode

REPORT = "report"
"""The tag of a cell that an analyst wants in the report."""
HOMES = {
    "explore": "who",
    "rfm": "leading",
    "clusters": "leading",
    "lifecycle": "leading",
    "segments": "leading",
    "clv": "expect",
    "recommendations": "act",
}
"""The section of the document that each chapter mostly feeds."""
NEVER_SHOWN = (
    "application/javascript",
    "application/json",
    "application/pdf",
    "application/vnd.jupyter.widget-view+json",
    "text/latex",
)


def read_notebooks(files: Iterable[Path]) -> list[NotebookNode]:
    """Return executed notebooks, in the order given."""
    import nbformat  # its validator builds a grammar at import: about two seconds

    return [nbformat.read(file, as_version=4) for file in files]


def annexed(notebooks: list[NotebookNode], *, hide_headline: bool) -> list[str]:
    """Return all that each notebook shows, as HTML: the chapters of the annex.

    Parameters
    ----------
    notebooks : list of notebook nodes
        Executed.
    hide_headline : bool
        Whether key figures are left out: the page has them at its head.
    """
    hidden = {"headline"} if hide_headline else set()
    return [_html(_only(book, lambda mark: mark.get("kind") not in hidden)) for book in notebooks]


def placed(notebooks: list[NotebookNode], section: str) -> str:
    """Return what notebooks show in a section of the document, in their order, as HTML.

    What an analyst tagged `report` stands in the section that its chapter mostly feeds.
    """
    found = (
        _only(
            book,
            lambda mark: mark.get("place") == section,
            tagged=_home(book) == section,
            as_shown=_shortened,
        )
        for book in notebooks
    )
    return "\n".join(_html(book) for book in map(_without_bare_headings, found) if book.cells)


def marks(notebook: NotebookNode) -> Iterator[dict[str, Any]]:
    """Give what the kit says of each output that it made."""
    for cell in notebook.cells:
        for output in _made(cell):
            yield output["data"][MARK]


def columns_shown(notebook: NotebookNode, section: str | None = None) -> Iterator[str]:
    """Give the keys of all columns that a notebook shows, or that its tables show in a section."""
    for mark in marks(notebook):
        if section is None:
            yield from mark.get("columns", [])
        elif mark.get("place") == section and mark["kind"] != "picture":
            yield from mark.get("short_columns", [])


def _made(cell: NotebookNode) -> list[NotebookNode]:
    """Return the outputs of a cell that the kit made."""
    return [output for output in cell.get("outputs", ()) if MARK in output.get("data", {})]


def key_of(notebook: NotebookNode) -> str:
    """Return the key of a notebook's chapter; empty of one without an opening."""
    openings = (mark.get("name", "") for mark in marks(notebook) if mark["kind"] == "opening")
    return next(openings, "")


def _home(notebook: NotebookNode) -> str:
    return HOMES.get(key_of(notebook), "")


def _only(
    notebook: NotebookNode,
    wanted: Callable[[dict[str, Any]], bool],
    *,
    tagged: bool = True,
    as_shown: Callable[[NotebookNode], NotebookNode] = lambda output: output,
) -> NotebookNode:
    """Return a notebook of the outputs that are wanted, and of what an analyst tagged."""
    from nbformat.v4 import new_notebook  # see above

    cells = []
    for cell in notebook.cells:
        if tagged and REPORT in cell.metadata.get("tags", []):
            cells.append(cell)
            continue
        outputs = [as_shown(output) for output in _made(cell) if wanted(output["data"][MARK])]
        if outputs:
            cells.append(type(cell)(cell | {"outputs": outputs}))
    return new_notebook(cells=cells, metadata=notebook.metadata)


def _without_bare_headings(notebook: NotebookNode) -> NotebookNode:
    """Leave out headings below which nothing stands: what they head is in the annex alone."""
    cells, is_bare = [], True
    for cell in reversed(notebook.cells):
        kinds = [output["data"][MARK]["kind"] for output in _made(cell)]
        is_heading = kinds == ["heading"]
        if not (is_heading and is_bare):
            cells.append(cell)
        is_bare = is_heading
    return type(notebook)(notebook | {"cells": cells[::-1]})


def _shortened(output: NotebookNode) -> NotebookNode:
    """Return an output as the document shows it, where that differs from the annex."""
    data = output.get("data", {})
    short = data.get(MARK, {}).get("short")
    if not short:
        return output
    return type(output)(output | {"data": type(output)(data | {"text/html": short})})


def _html(notebook: NotebookNode) -> str:
    return str(_exporter().from_notebook_node(notebook, resources={"mark": MARK})[0])


@cache
def _exporter() -> TemplateExporter:
    # nbconvert loads nbformat, too; see above.
    from nbconvert.exporters import TemplateExporter

    config = Config()
    config.NbConvertBase.display_data_priority = [
        MARK,
        "text/html",
        "text/markdown",
        "image/svg+xml",
        "image/png",
        "image/jpeg",
        "text/plain",
        *NEVER_SHOWN,  # named only to be passed over in silence
    ]
    filters = {
        "clean_html": clean_html,
        "clean_markdown": clean_markdown,
        "clean_image": clean_image,
        "clean_text": clean_text,
    }
    # Without its folder named, nbconvert would look for the template in the working directory.
    return TemplateExporter(
        config=config,
        template_name="segkit",
        file_extension=".html",
        extra_template_basedirs=[str(TEMPLATES)],
        filters=filters,
    )
