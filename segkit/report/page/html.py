"""The stakeholder's page: executed notebooks in, one self-contained HTML file out."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from segkit.errors import SegkitError
from segkit.foundation.files import replacing
from segkit.params import flattened
from segkit.report.page.chapter import APPENDIX, MARK, spoken_figures
from segkit.report.page.summary import Figure, Summary
from segkit.report.page.tables import Wording, html_pairs, html_table
from segkit.report.page.theme import Theme
from segkit.words.catalogue import Columns, Texts
from segkit.words.format import Formats

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from jinja2 import Template
    from nbconvert.exporters import TemplateExporter
    from nbformat import NotebookNode

TEMPLATES = Path(__file__).parent / "templates"
APPENDICES = ("method", "glossary", "quality", "provenance")

# Styles stay inline and unhashed: some browsers apply the page's policy to SVG pictures too.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline';"
    " base-uri 'none'; form-action 'none'"
)

IMAGE_SOURCE = re.compile(
    r"data:image/(?:(?:png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=\s]*|svg\+xml,[^\"<>#]*)\Z"
)
# fmt: off
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
TAGS = frozenset(
    {
        "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div",
        "dl", "dt", "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
        "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "section", "small", "span", "strong",
        "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
    }
)
ATTRIBUTES = frozenset(
    {
        "alt", "aria-label", "class", "colspan", "id", "role", "rowspan", "scope", "src", "style",
        "tabindex",
    }
)
DROPPED_WITH_CONTENT = (
    "iframe", "math", "noembed", "noframes", "noscript", "object", "plaintext", "script", "select",
    "style", "svg", "template", "textarea", "title", "xmp",
)
# fmt: on
NEVER_SHOWN = (
    "application/javascript",
    "application/json",
    "application/pdf",
    "application/vnd.jupyter.widget-view+json",
    "text/latex",
)


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
    provenance : mapping, optional
        Any of: ``sources`` (list of mappings with ``file`` and ``sha256``), ``rows`` (mapping
        with ``read``, ``kept``, ``rejected``), ``data_quality`` (DataFrame or list of mappings
        with ``rule``, ``action``, ``lines``, ``amount``), ``versions``, ``parameters``
        (mappings; parameters may be nested) and ``fingerprint`` (str).
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
    provenance: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Entry:
    """A line of the table of contents, with the lines below it."""

    id: str
    title: str
    below: list[Entry] = field(default_factory=list)


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
    import nbformat

    read = [nbformat.read(path, as_version=4) for path in notebooks]
    page = report_html(read, context)
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
    exporter = _exporter()
    resources = {"mark": MARK, "hide_headline": bool(context.headline), "appendix": APPENDIX}
    outline = _Outline(taken={*APPENDICES, "top", "contents", "key-figures"})
    bodies = [exporter.from_notebook_node(book, resources=resources)[0] for book in notebooks]
    chapters = [outline.add(body) for body in bodies]
    quality = _Outline(taken=outline.taken).add("\n".join(_kept_for_the_end(notebooks)), below=2)
    columns = Columns(context.texts.language)
    wording = Wording(context.texts, columns, context.formats)
    figures = spoken_figures(context.headline, wording).items()
    summary = context.summary or Summary(tuple(Figure(*pair) for pair in figures), "", (), ())
    return template("page.html.j2").render(
        context=context,
        text=lambda key: context.texts.text(f"page.{key}"),
        policy=POLICY,
        css=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        last_day=context.as_of - dt.timedelta(days=1),
        summary=summary,
        contents=outline.entries,
        quality=quality,
        chapters=[chapter for chapter in chapters if chapter],
        glossary=_glossary(notebooks, context.headline, columns),
        provenance=_provenance(context, wording, with_reasons=not quality),
    )


def clean_html(html: str) -> Markup:
    """Return an analyst's HTML reduced to harmless tags, without links to the outside.

    Examples
    --------
    >>> clean_html('<p onclick="x()">Hello<script>alert(1)</script></p>')
    Markup('<div class="scroll analyst" tabindex="0"><p>Hello</p></div>')
    """
    import bleach

    soup = _parsed(html)
    for element in soup(DROPPED_WITH_CONTENT):
        element.decompose()
    for title in soup(("h1", "h2")):  # chapters are the kit's
        title.name = "h3"
    for head in soup("th"):  # Markdown and pandas leave it out
        if head.get("scope") not in ("col", "row"):
            head["scope"] = "row" if head.find_parent("tbody") else "col"
    clean = bleach.clean(
        str(soup), tags=TAGS - {"a"}, attributes=_is_harmless, protocols=["data"], strip=True
    )
    return Markup('<div class="scroll analyst" tabindex="0">{}</div>').format(Markup(clean.strip()))


def clean_markdown(source: str) -> Markup:
    """Return Markdown as HTML; raw HTML in it is shown as text.

    Examples
    --------
    >>> "<strong>$5</strong> &lt;b&gt;x&lt;/b&gt;" in clean_markdown("**$5** <b>x</b>")
    True
    """
    import mistune

    return clean_html(
        mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])(source)
    )


def clean_image(output: Mapping[str, Mapping], mimetype: str) -> Markup:
    """Return an analyst's picture as an image without scripts, with its alternative text."""
    data = output["data"][mimetype]
    if mimetype == "image/svg+xml":
        data = base64.b64encode(data.encode()).decode("ascii")
    metadata = output.get("metadata", {})
    alt = metadata.get(mimetype, {}).get("alt") or metadata.get("alt", "")
    source = f"data:{mimetype};base64,{''.join(data.split())}"
    return Markup('<figure><img alt="{}" src="{}"></figure>').format(alt, source)


def clean_text(text: str) -> Markup:
    """Return plain text as it is.

    Examples
    --------
    >>> clean_text("1 < 2")
    Markup('<pre class="scroll" tabindex="0">1 &lt; 2</pre>')
    """
    return Markup('<pre class="scroll" tabindex="0">{}</pre>').format(text)


class _Outline:
    """Puts headings in order, gives each an id of its own and collects the contents."""

    def __init__(self, taken: set[str]) -> None:
        self.entries: list[Entry] = []
        self.taken = set(taken)

    def add(self, html: str, below: int = 1) -> Markup:
        """Return a chapter's HTML with its headings mended, under one of a level, and note them."""
        soup = _parsed(html)
        _refuse_requests(soup)
        level, parts = below, 0
        for heading in soup(HEADINGS):
            is_part = "part" in heading.get("class", ())
            parts = parts or int(is_part)
            wanted = int(heading.name[1]) + (parts if not is_part else 0)
            level = min(max(wanted, 2), level + 1)
            heading.name = f"h{level}"
            heading["id"] = self._unique(heading.get("id") or _slug(heading.get_text()))
            self._note(level, Entry(heading["id"], " ".join(heading.get_text().split())))
        return Markup(soup.decode(formatter="minimal").strip())

    def _unique(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self.taken:
            count += 1
            name = f"{wanted}-{count}"
        self.taken.add(name)
        return name

    def _note(self, level: int, entry: Entry) -> None:
        if level == 2:
            self.entries.append(entry)
        elif level == 3 and self.entries:
            self.entries[-1].below.append(entry)


def _kept_for_the_end(notebooks: list[NotebookNode]) -> Iterator[str]:
    """Outputs that belong to the page's appendix, wherever a notebook shows them."""
    for notebook in notebooks:
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                data = output.get("data", {})
                if data.get(MARK, {}).get("place") == APPENDIX:
                    yield data["text/html"]


def _exporter() -> TemplateExporter:
    from nbconvert.exporters import TemplateExporter
    from traitlets.config import Config

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


def template(name: str) -> Template:
    """Return a page of the kit, which escapes whatever is put into it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def _parsed(html: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


def _is_harmless(tag: str, name: str, value: str) -> bool:
    if tag == "img":
        return name == "alt" or (name == "src" and bool(IMAGE_SOURCE.match(value)))
    if tag in ("td", "th"):
        return name in ("scope", "colspan", "rowspan")
    return False


def _refuse_requests(soup: BeautifulSoup) -> None:
    """Stop at a script or an address: the kit's own outputs come uncleaned and have none."""
    for element in soup.find_all(True):
        bad = [name for name, value in element.attrs.items() if not _is_plain(name, str(value))]
        if element.name not in TAGS or bad:
            raise SegkitError(
                "an output would run a script or request something",
                where="report",
                values=[f"<{element.name}>", *(f"{name}={element[name]}" for name in bad)],
                fix="make the output with a Chapter, or tag its cell 'report' to have it cleaned",
            )


def _is_plain(name: str, value: str) -> bool:
    if name == "src":
        return bool(IMAGE_SOURCE.match(value))
    if name == "href":
        return value.startswith("#")
    if name == "style":
        return not re.search(r"url|@|\\", value, re.IGNORECASE)
    return name in ATTRIBUTES


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "section"


def _glossary(
    notebooks: list[NotebookNode], headline: Mapping[str, float], columns: Columns
) -> dict[str, str]:
    """Explain the terms that the page shows, in the order of the file of columns."""
    used = {column for notebook in notebooks for column in _columns_shown(notebook)} | set(headline)
    explained = ((key, columns.help(key)) for key in columns.labels if key in used)
    return {columns.label(key): sentence for key, sentence in explained if sentence}


def _columns_shown(notebook: NotebookNode) -> Iterator[str]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield from output.get("data", {}).get(MARK, {}).get("columns", [])


def _provenance(
    context: ReportContext, wording: Wording, *, with_reasons: bool
) -> dict[str, object]:
    given, formats = context.provenance, context.formats
    rows = given.get("rows", {})
    return {
        "rows": {
            context.texts.text(f"page.rows_{key}"): formats.integer(rows[key])
            for key in ("read", "kept", "rejected")
            if key in rows
        },
        "tables": {
            key: table
            for key, table in _provenance_tables(given, wording)
            if with_reasons or key != "reasons"
        },
        "fingerprint": str(given.get("fingerprint", ""))[:12],
    }


def _provenance_tables(
    given: Mapping[str, object], wording: Wording
) -> Iterator[tuple[str, Markup]]:
    say = wording.texts.text
    quality = pd.DataFrame(given.get("data_quality", []))
    if "lines" in quality:
        quality = quality[quality["lines"] > 0]
    if len(quality):
        yield "reasons", html_table(quality, wording, say("page.reasons"), name="data_quality")
    hashes = {str(item["file"]): str(item["sha256"])[:12] for item in given.get("sources", [])}
    pairs = {
        ("source_files", "file", "source_hash"): hashes,
        ("versions", "program", "version"): given.get("versions", {}),
        ("parameters", "parameter", "value"): dict(flattened(given.get("parameters", {}))),
    }
    for (key, *heads), values in pairs.items():
        shown = {name: wording.formats.text(value) for name, value in values.items()}
        if shown:
            first, second = (say(f"page.{head}") for head in heads)
            yield key, html_pairs(shown, (first, second), say(f"page.{key}"))
