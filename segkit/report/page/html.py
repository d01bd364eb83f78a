"""The stakeholder's pages: executed notebooks in, a document of ten minutes and its annex out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from segkit.foundation.files import replacing
from segkit.report.index.sparkline import line_of
from segkit.report.page.first_screen import Figure, Summary
from segkit.report.page.outline import Outline
from segkit.report.page.outputs import annexed, columns_shown, key_of, marks, placed, read_notebooks
from segkit.report.page.provenance import Provenance, told
from segkit.report.page.theme import Theme
from segkit.report.web.pages import POLICY, style_sheet, template
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts
from segkit.words.wording import Wording

if TYPE_CHECKING:
    from nbformat import NotebookNode

DOCUMENT, ANNEX = "report.html", "annex.html"
TAKEN = ("method", "glossary", "provenance", "top", "contents", "key-figures")
"""Ids of the pages themselves."""


@dataclass(frozen=True)
class Section:
    """A section of the document: what it comes to, and where the annex says more.

    Parameters
    ----------
    key : str
        The place that notebooks name; see `segkit.report.page.places`.
    title, finding : str
        Plain text.
    notes : tuple of str
        Sentences below its exhibits.
    details : tuple of str
        Ids of headings in the annex; those that are not there are left out.
    """

    key: str
    title: str
    finding: str
    notes: tuple[str, ...] = ()
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReportContext:
    """What the pages say around their chapters.

    Parameters
    ----------
    client : str
        Client's name as readers know it.
    language : str
        Of the pages, such as ``es``.
    formats : Formats
        How numbers and dates are written.
    texts : Texts
        Words of the pages.
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
    sections : sequence of Section, optional
        Of the document.
    method : sequence of (str, str), optional
        Title and text of each method, for the annex.
    method_in_short : sequence of str, optional
        The same in a sentence each, for the document.
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
    sections: Sequence[Section] = ()
    method: Sequence[tuple[str, str]] = ()
    method_in_short: Sequence[str] = ()
    theme: Theme = field(default_factory=Theme)
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def wording(self) -> Wording:
        """How headers and values are said to the readers."""
        return Wording(self.texts, Columns(self.texts.language), self.formats)


def build_report(notebooks: list[Path], folder: Path, context: ReportContext) -> Path:
    """Write the document and its annex of a run from its executed notebooks.

    Outputs that the kit made are shown; cells tagged ``report`` are shown after cleaning; code,
    logs, errors, scripts and everything else stay in the notebooks.

    Parameters
    ----------
    notebooks : list of Path
        Executed notebooks, in the order of the chapters.
    folder : Path
        Where `report.html` and `annex.html` are left; replaced only when both new ones are whole.
    context : ReportContext
        What the pages say around the chapters.

    Returns
    -------
    Path
        The document.

    Raises
    ------
    SegkitError
        When a page would run a script or request something.
    """
    pages = report_pages(read_notebooks(notebooks), context)
    for name, page in reversed(pages.items()):  # the document last: it links to the annex
        with replacing(Path(folder) / name) as beside:
            beside.write_text(page, encoding="utf-8", newline="\n", errors="replace")
    return Path(folder) / DOCUMENT


def report_pages(notebooks: list[NotebookNode], context: ReportContext) -> dict[str, str]:
    """Return the text of the document and of its annex, by the name of the file.

    Parameters
    ----------
    notebooks : list of notebook nodes
        Executed notebooks, in the order of the chapters.
    context : ReportContext
        What the pages say around the chapters.

    Raises
    ------
    SegkitError
        When a page would run a script or request something.
    """
    annex = Outline(taken=set(TAKEN))
    backs = {id_: section for section in reversed(context.sections) for id_ in section.details}
    bodies = annexed(notebooks, hide_headline=bool(context.headline))
    chapters = [
        (chapter, backs.get(key_of(book)))
        for book, body in zip(notebooks, bodies, strict=True)
        if (chapter := annex.add(body))
    ]
    return {
        DOCUMENT: _document(notebooks, context, annex.titles),
        ANNEX: _page(
            "annex.html.j2",
            context,
            notebooks,
            contents=annex.entries,
            chapters=chapters,
            document=DOCUMENT,
        ),
    }


def names_shown(notebooks: Iterable[Path]) -> set[str]:
    """Return the names of all tables and pictures of executed notebooks."""
    books = read_notebooks(notebooks)
    return {mark["name"] for book in books for mark in marks(book) if mark.get("name")}


def _document(
    notebooks: list[NotebookNode], context: ReportContext, titles: Mapping[str, str]
) -> str:
    outline = Outline(taken=set(TAKEN))
    sections = []
    for section in context.sections:
        opening = Markup('<h2 id="{}">{}</h2>\n').format(section.key, section.title)
        finding = Markup('<p class="conclusion">{}</p>\n').format(section.finding)
        body = outline.add(opening + finding + Markup(placed(notebooks, section.key)))
        details = [(f"{ANNEX}#{id_}", titles[id_]) for id_ in section.details if id_ in titles]
        sections.append((section, body, details))
    return _page(
        "document.html.j2",
        context,
        notebooks,
        context.sections,
        contents=outline.entries,
        sections=sections,
        annex=ANNEX,
    )


def _page(
    name: str,
    context: ReportContext,
    notebooks: list[NotebookNode],
    within: Sequence[Section] | None = None,
    **parts: object,
) -> str:
    return template(name).render(
        context=context,
        text=lambda key: context.texts.text(f"page.{key}"),
        policy=POLICY,
        css=style_sheet("page.css"),
        last_day=context.as_of - dt.timedelta(days=1),
        line_of=line_of,
        summary=context.summary or _figures_only(context.headline, context.wording),
        glossary=_glossary(notebooks, context.headline, context.wording.columns, within),
        provenance=told(context.provenance, context.wording),
        **parts,
    )


def _figures_only(headline: Mapping[str, float], wording: Wording) -> Summary:
    figures = wording.figures(headline).items()
    return Summary(tuple(Figure(label, value) for label, value in figures), "", (), ())


def _glossary(
    notebooks: list[NotebookNode],
    headline: Mapping[str, float],
    columns: Columns,
    sections: Sequence[Section] | None,
) -> dict[str, str]:
    """Explain the terms that a page shows, in the order of the file of columns."""
    used = {*_columns_of(notebooks, sections), *headline}
    explained = ((key, columns.help(key)) for key in columns.labels if key in used)
    return {columns.label(key): sentence for key, sentence in explained if sentence}


def _columns_of(notebooks: list[NotebookNode], sections: Sequence[Section] | None) -> Iterator[str]:
    """Give the columns that all notebooks show, or show in some sections."""
    for notebook in notebooks:
        for section in [None] if sections is None else [section.key for section in sections]:
            yield from columns_shown(notebook, section)
