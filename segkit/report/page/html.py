"""The stakeholder's page: executed notebooks in, one self-contained HTML file out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from segkit.foundation.files import replacing
from segkit.report.page.first_screen import Figure, Summary
from segkit.report.page.outline import Outline
from segkit.report.page.outputs import bodies, columns_shown, kept_for_the_end, read_notebooks
from segkit.report.page.provenance import Provenance, told
from segkit.report.page.theme import Theme
from segkit.report.web.pages import POLICY, style_sheet, template
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts
from segkit.words.wording import Wording

if TYPE_CHECKING:
    from nbformat import NotebookNode

APPENDICES = ("method", "glossary", "quality", "provenance")
TAKEN = (*APPENDICES, "top", "contents", "key-figures")
"""Ids of the page itself."""


@dataclass(frozen=True)
class ReportContext:
    """What a page says around its chapters.

    Parameters
    ----------
    client : str
        Client's name as readers know it.
    language : str
        Of the page, such as ``es``.
    formats : Formats
        How numbers and dates are written.
    texts : Texts
        Words of the page.
    as_of : date
        First day that is not observed.
    period_start : date
        First day of the period.
    generated : datetime
        When the run was made.
    headline : mapping, optional
        Key figures by column key, as in `data/headline.json`.
    summary : Summary, optional
        What the first screen says; without it, the headline.
    method : sequence of (str, str), optional
        Title and text of each method.
    theme : Theme, optional
        The client's own look.
    provenance : Provenance, optional
        What the figures come from.
    """

    client: str
    language: str
    formats: Formats
    texts: Texts
    as_of: dt.date
    period_start: dt.date
    generated: dt.datetime
    headline: Mapping[str, float] = field(default_factory=dict)
    summary: Summary | None = None
    method: Sequence[tuple[str, str]] = ()
    theme: Theme = field(default_factory=Theme)
    provenance: Provenance = field(default_factory=Provenance)


def build_report(notebooks: list[Path], out: Path, context: ReportContext) -> Path:
    """Make the report of a run from its executed notebooks.

    Outputs that the kit made are shown; cells tagged ``report`` are shown after cleaning; code,
    logs, errors, scripts and everything else stay in the notebooks.

    Parameters
    ----------
    notebooks : list of Path
        Executed notebooks, in the order of the chapters.
    out : Path
        The HTML file; replaced only when the new one is whole.
    context : ReportContext
        What the page says around the chapters.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    SegkitError
        When the page would run a script or request something.
    """
    page = report_html(read_notebooks(notebooks), context)
    with replacing(out) as beside:
        beside.write_text(page, encoding="utf-8", newline="\n", errors="replace")
    return Path(out)


def report_html(notebooks: list[NotebookNode], context: ReportContext) -> str:
    """Return the page as text.

    Parameters
    ----------
    notebooks : list of notebook nodes
        Executed notebooks, in the order of the chapters.
    context : ReportContext
        What the page says around the chapters.

    Returns
    -------
    str

    Raises
    ------
    SegkitError
        When the page would run a script or request something.
    """
    outline = Outline(taken=set(TAKEN))
    shown = bodies(notebooks, hide_headline=bool(context.headline))
    chapters = [chapter for body in shown if (chapter := outline.add(body))]
    end = "\n".join(kept_for_the_end(notebooks))
    quality = Outline(taken=outline.taken).add(end, below=2)
    columns = Columns(context.texts.language)
    wording = Wording(context.texts, columns, context.formats)
    return template("page.html.j2").render(
        context=context,
        text=lambda key: context.texts.text(f"page.{key}"),
        policy=POLICY,
        css=style_sheet("page.css"),
        last_day=context.as_of - dt.timedelta(days=1),
        summary=context.summary or _figures_only(context.headline, wording),
        contents=outline.entries,
        quality=quality,
        chapters=chapters,
        glossary=_glossary(notebooks, context.headline, columns),
        provenance=told(context.provenance, wording, with_reasons=not quality),
    )


def _figures_only(headline: Mapping[str, float], wording: Wording) -> Summary:
    figures = wording.figures(headline).items()
    return Summary(tuple(Figure(label, value) for label, value in figures), "", (), ())


def _glossary(
    notebooks: list[NotebookNode], headline: Mapping[str, float], columns: Columns
) -> dict[str, str]:
    """Explain the terms that the page shows, in the order of the file of columns."""
    used = {column for notebook in notebooks for column in columns_shown(notebook)} | set(headline)
    explained = ((key, columns.help(key)) for key in columns.labels if key in used)
    return {columns.label(key): sentence for key, sentence in explained if sentence}
