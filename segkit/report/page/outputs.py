"""Outputs of executed notebooks: which go to the page, as what, and which wait for its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from traitlets.config import Config

from segkit.report.page.clean import clean_html, clean_image, clean_markdown, clean_text
from segkit.report.page.fragment import APPENDIX, MARK
from segkit.report.web.pages import TEMPLATES

if TYPE_CHECKING:
    from nbconvert.exporters import TemplateExporter
    from nbformat import NotebookNode

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


def bodies(notebooks: list[NotebookNode], *, hide_headline: bool) -> list[str]:
    """Return what each notebook shows on the page, as HTML.

    Parameters
    ----------
    notebooks : list of notebook nodes
        Executed.
    hide_headline : bool
        Whether key figures are left out: the page has them at its head.
    """
    exporter = _exporter()
    resources = {"mark": MARK, "hide_headline": hide_headline, "appendix": APPENDIX}
    return [str(exporter.from_notebook_node(book, resources=resources)[0]) for book in notebooks]


def kept_for_the_end(notebooks: list[NotebookNode]) -> Iterator[str]:
    """Give the outputs that belong to the page's appendix, wherever a notebook shows them."""
    for notebook in notebooks:
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if data.get(MARK, {}).get("place") == APPENDIX:
                    yield data["text/html"]


def columns_shown(notebook: NotebookNode) -> Iterator[str]:
    """Give the keys of all columns that a notebook shows on the page."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield from output.get("data", {}).get(MARK, {}).get("columns", [])


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
