"""The stakeholder's pages: the document and its annex."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from itertools import pairwise
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from markupsafe import Markup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segkit.errors import SegkitError
from segkit.report.page.chapter import Chapter
from segkit.report.page.first_screen import Action, Figure, Summary
from segkit.report.page.fragment import MARK
from segkit.report.page.html import (
    ANNEX,
    DOCUMENT,
    ReportContext,
    Section,
    build_report,
    report_pages,
)
from segkit.report.page.theme import Theme
from segkit.words.format import Formats
from segkit.words.texts import Texts

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [SCRIPT, '"><img src=x onerror=alert(1)>', "=1+1", "$x$", "🙂", "two\nlines", "&amp;"]
HARMLESS = r"(annex|report)\.html(#|$)|#|data:image/|$"
"""Addresses: the other page, a place in this one, a picture within it, none."""
PLACED = SimpleNamespace(places={}, segmentation="families")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WHO = Section("who", f"Quién {SCRIPT}", f"Son 5 {SCRIPT}.", ("Nota.",), ("one-kpis", "gone"))
OWN = {
    "chapters": {
        "one": {"title": "Primero", "intro": "Uno."},
        "two": {"title": f"Segundo {SCRIPT}"},
    },
    "pictures": {"bars": {"title": "Barras", "alt": "Barras"}},
}


@pytest.fixture
def texts() -> Texts:
    return Texts("es", OWN)


@pytest.fixture
def chapters(tmp_path, texts) -> tuple[Chapter, Chapter]:
    params = SimpleNamespace(language="es", display_locale="es_AR", currency="USD", report=PLACED)
    names = {"families": dict(zip("abcdefg", HOSTILE, strict=True))}
    study = SimpleNamespace(params=params, run_dir=tmp_path / "run", segment_names=names)
    return Chapter(study, "one", texts=texts), Chapter(study, "two", texts=texts)


@pytest.fixture
def context(texts) -> ReportContext:
    return ReportContext(
        client=HOSTILE[1],
        language="es",
        formats=Formats("es_AR", "USD"),
        texts=texts,
        as_of=dt.date(2017, 12, 31),
        period_start=dt.date(2016, 12, 31),
        generated=dt.datetime(2026, 1, 19, 10, 30),
        headline={"customers": 793, "revenue": 2297200.86},
        provenance={
            "sources": [{"file": SCRIPT, "sha256": "0123456789abcdef" * 4}],
            "rows": {"read": 9994, "kept": 9990, "rejected": 4},
            "data_quality": [
                {"rule": "read", "lines": 9994, "first_values": None},
                {"rule": "no_customer", "lines": 4, "first_values": HOSTILE[0]},
                {"rule": "no_date", "lines": 0, "first_values": None},
            ],
            "versions": {"segkit": "0.1.0"},
            "parameters": {
                "client": HOSTILE[1],
                "rfm": {"bins": {"recency": [30, 90]}},
                "name": None,
            },
            "fingerprint": "9f8e7d6c5b4a39f8",
        },
    )


def shown(*fragments) -> list:
    return [cell(fragment._repr_mimebundle_()) for fragment in fragments]


def cell(data: dict, tags: tuple[str, ...] = (), metadata: dict | None = None):
    output = new_output("execute_result", data=data, metadata=metadata or {}, execution_count=1)
    return new_code_cell("SOURCE = 1", outputs=[output], metadata={"tags": list(tags)})


def bars(table, *, style):
    from matplotlib.figure import Figure

    axes = Figure(figsize=(2, 1)).add_subplot()
    axes.bar([0, 1], [1, 2])
    return axes


def pages_of(books: list, context: ReportContext) -> tuple[BeautifulSoup, BeautifulSoup]:
    """The document and the annex."""
    pages = report_pages(books, context)
    return tuple(BeautifulSoup(pages[name], "html.parser") for name in (DOCUMENT, ANNEX))


def page_of(cells: list, context: ReportContext) -> BeautifulSoup:
    """The annex of one notebook."""
    return pages_of([new_notebook(cells=cells)], context)[1]


def main_of(cells: list, context: ReportContext) -> str:
    return page_of(cells, context).main.decode()


def assert_harmless(page: BeautifulSoup) -> None:
    assert not page(["script", "iframe", "object", "embed", "link", "base", "form", "svg"])
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on")]
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert re.match(HARMLESS, element.get(name, "")), element.get(name)


@pytest.fixture
def page(chapters, context) -> BeautifulSoup:
    one, two = chapters
    df = pd.DataFrame({"segment": list("abcdefg"), "first_values": HOSTILE, "customers": range(7)})
    books = [
        new_notebook(cells=shown(one.opening(), one.table("segment_kpis_families", df))),
        new_notebook(cells=shown(two.opening(), two.picture(bars, df), two.picture(bars, df))),
    ]
    return pages_of(books, context)[1]


def test_the_page_runs_no_script_and_requests_nothing(page):
    assert_harmless(page)
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy and "script" not in policy
    css = page.style.text
    assert "url(" not in css and "@import" not in css


def test_hostile_texts_are_shown_as_they_are(page):
    assert page.h1.text == HOSTILE[1]
    rows = page.main.tbody("tr")
    assert [row.th.text for row in rows] == HOSTILE
    assert [row("td")[0].text for row in rows] == HOSTILE
    assert SCRIPT in page.footer.text


def test_the_page_says_who_when_and_in_which_language(page):
    assert page.html["lang"] == "es"
    assert page.find("meta", attrs={"name": "viewport"})
    assert HOSTILE[1] in page.title.text
    assert "31 dic 2016 – 30 dic 2017" in page.header.text


def test_the_document_opens_with_the_key_figures(context):
    document, annex = pages_of([], context)
    assert not annex.find(class_="tiles")
    tiles = document.header.find(class_="tiles")
    assert [value.text for value in tiles("dd")] == ["793", "US$2.297.201"]


def test_headings_are_in_order_and_ids_differ(page):
    levels = [int(heading.name[1]) for heading in page(re.compile("^h[1-6]$"))]
    assert levels[0] == 1 and levels.count(1) == 1
    steps = [after - before for before, after in pairwise(levels)]
    assert max(steps) == 1
    ids = [element["id"] for element in page(id=True)]
    assert len(set(ids)) == len(ids)


def test_links_of_the_contents_land(page):
    targets = [link["href"].removeprefix("#") for link in page.nav("a")]
    assert all(page.find(id=target) for target in targets)
    assert targets[:2] == ["one", "one-segment_kpis_families"]
    assert {"two-bars", "two-bars-2", "glossary", "provenance"} <= set(targets)
    assert page.nav.find("a", href="#two").text == f"Segundo {SCRIPT}"


def test_every_picture_has_alternative_text_and_every_table_headers(page):
    assert all(image["alt"] for image in page("img"))
    for table in page("table"):
        assert table.caption.text
        assert all(head.get("scope") for head in table("th"))


def test_the_footer_says_where_the_figures_come_from(page):
    footer = " ".join(page.footer.text.split())
    for text in (
        "0123456789ab",
        "9f8e7d6c5b4a",
        "9.994",
        "9.990",
        "segkit",
        "0.1.0",
        "Sin cliente",
    ):
        assert text in footer
    assert "0123456789abcdef" not in footer
    assert "rfm.bins.recency" in footer and "30, 90" in footer
    assert "Sin fecha" not in footer


def test_the_glossary_explains_the_terms_that_are_shown(chapters, context):
    one, _ = chapters
    df = pd.DataFrame({"segment": ["a"], "upt": [2.5]})
    page = page_of(shown(one.opening(), one.table("segment_kpis_families", df)), context)
    terms = [term.text for term in page.find(class_="glossary")("dt")]
    assert terms == ["Ingresos", "UPT"]


def test_code_logs_errors_and_scripts_stay_in_the_notebook(chapters, context):
    one, _ = chapters
    leaky = new_code_cell(
        "SOURCE = 'secret'",
        outputs=[
            new_output("stream", name="stdout", text="PRINTED"),
            new_output("stream", name="stderr", text="WARNED"),
            new_output("error", ename="E", evalue="FAILED", traceback=["TRACED"]),
            new_output("display_data", data={"application/javascript": "alert('RAN')"}),
            new_output("display_data", data={"text/html": "<b>REPR</b>", "text/plain": "REPR"}),
            new_output("display_data", data={"image/png": PIXEL, "text/plain": "PLOT"}),
            new_output(
                "display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "W"}}
            ),
        ],
    )
    raw = nbformat.v4.new_raw_cell("RAW", metadata={"raw_mimetype": "text/html"})
    main = main_of([new_markdown_cell("# NOTE"), leaky, raw, *shown(one.opening())], context)
    for text in (
        "SOURCE",
        "PRINTED",
        "WARNED",
        "FAILED",
        "TRACED",
        "RAN",
        "REPR",
        "PLOT",
        "RAW",
        "NOTE",
    ):
        assert text not in main
    assert "Primero" in main and "<img" not in main


def test_a_tagged_output_is_shown_but_cleaned(context):
    html = (
        '<style>td{color:red}</style><table onclick="x()"><tr><td style="position:fixed">VALUE</td>'
        f'</tr></table>{SCRIPT}<a href="https://example.com">LINK</a>'
        '<img src="https://example.com/x.png">'
        '<svg onload="x()"></svg><iframe src="x"></iframe><p id="top">END</p>'
    )
    page = page_of([cell({"text/html": html}, tags=("report",))], context)
    assert_harmless(page)
    main = page.main.decode()
    assert all(text in main for text in ("VALUE", "LINK", "END"))
    assert not [text for text in ("alert", "color:red", "position", "example.com") if text in main]
    assert len(page(id="top")) == 1


def test_tagged_markdown_is_a_section_of_its_chapter(chapters, context):
    one, _ = chapters
    note = new_markdown_cell(
        f"# Nota $5\n\n**Hola** {SCRIPT} [x](javascript:x)", metadata={"tags": ["report"]}
    )
    page = page_of([*shown(one.opening()), note], context)
    assert_harmless(page)
    assert page.main.h3.text == "Nota $5"
    assert page.main.strong.text == "Hola"
    assert SCRIPT in page.main.text
    assert page.nav.find("a", href=f"#{page.main.h3['id']}").text == "Nota $5"


def test_tagged_pictures_and_texts_are_shown(context):
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>'
    cells = [
        cell({"image/png": PIXEL}, ("report",), {"image/png": {"alt": 'A "pixel"'}}),
        cell({"image/svg+xml": svg}, ("report",)),
        cell({"text/plain": "1 < 2"}, ("report",)),
    ]
    page = page_of(cells, context)
    assert_harmless(page)
    assert [image["alt"] for image in page.main("img")] == ['A "pixel"', ""]
    assert page.main.pre.text == "1 < 2"


@pytest.mark.parametrize(
    "html",
    [
        SCRIPT,
        "<p onclick='x()'>x</p>",
        "<img src='https://example.com/x.png'>",
        "<img src='data:text/html;base64,AAAA'>",
        "<a href='javascript:x()'>x</a>",
        "<p style='background:url(https://example.com)'>x</p>",
        "<iframe srcdoc='x'></iframe>",
        "<svg><image href='https://example.com/x.png'/></svg>",
    ],
)
def test_an_output_that_only_claims_to_be_the_kits_stops_the_report(context, html):
    forged = cell({MARK: {"kind": "table"}, "text/html": html})
    with pytest.raises(SegkitError, match="would run a script or request something"):
        report_pages([new_notebook(cells=[forged])], context)


def test_key_figures_are_not_shown_twice(chapters, context):
    one, _ = chapters
    cells = shown(one.opening(), one.headline({"customers": 793}))
    assert 'class="tiles"' not in main_of(cells, context)
    without = ReportContext(**{**vars(context), "headline": {}})
    assert 'class="tiles"' in main_of(cells, without)


def test_a_chapter_without_outputs_leaves_no_empty_section(chapters, context):
    one, _ = chapters
    page = pages_of([new_notebook(), new_notebook(cells=shown(one.opening()))], context)[1]
    assert len(page.main("section", class_="chapter")) == 1


def test_nothing_but_the_notebooks_is_needed(context):
    bare = ReportContext(**{**vars(context), "headline": {}, "provenance": {}})
    for page in pages_of([], bare):
        assert page.h1.text == HOSTILE[1]
        assert not page.main("section")


def test_a_template_in_the_working_directory_does_not_take_over(
    chapters, context, tmp_path, monkeypatch
):
    stray = tmp_path / "segkit"
    stray.mkdir()
    (stray / "index.html.j2").write_text("STRAY")
    monkeypatch.chdir(tmp_path)
    one, _ = chapters
    assert "STRAY" not in main_of(shown(one.opening()), context)


def test_the_files_are_replaced_only_by_whole_ones(chapters, context, tmp_path):
    one, _ = chapters
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    nbformat.write(new_notebook(cells=shown(one.opening())), good)
    nbformat.write(new_notebook(cells=[cell({MARK: {"kind": "table"}, "text/html": SCRIPT})]), bad)
    folder = tmp_path / "out"
    build_report([good], folder, context)
    whole = {file: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert [file.name for file in sorted(whole)] == [ANNEX, DOCUMENT]
    assert "Primero" in whole[folder / ANNEX]
    with pytest.raises(SegkitError):
        build_report([bad], folder, context)
    assert {file: file.read_text(encoding="utf-8") for file in folder.iterdir()} == whole


def rows(**columns):
    return pd.DataFrame(columns)


def test_the_provenance_says_how_many_lines_were_read(chapters, context):
    page = page_of(shown(chapters[0].opening()), context)
    assert "Líneas leídas" in page.find(id="provenance").find_parent("section").text


def test_both_pages_end_with_method_glossary_and_provenance(chapters, context):
    one, _ = chapters
    kpis = one.table("kpis", rows(aov=[1.0]), title="Indicadores", place="who")
    context = dataclasses.replace(
        context,
        method=[(f"Cómo {SCRIPT}", "Así.")],
        method_in_short=[f"Así {SCRIPT}."],
        sections=[WHO],
    )
    document, annex = pages_of([new_notebook(cells=shown(one.opening(), kpis))], context)
    for page in (document, annex):
        ends = [heading["id"] for heading in page.footer("h2")]
        assert ends == ["method", "glossary", "provenance"]
        assert SCRIPT in page.find(id="method").find_parent("section").text
        assert_harmless(page)


def test_a_part_makes_what_follows_one_level_lower(chapters, context):
    one, two = chapters
    exhibit = lambda name: one.table(name, rows(a=[1]), title=name)
    cells = shown(one.opening(), exhibit("before"), one.heading("total"), exhibit("after"))
    books = [new_notebook(cells=cells), new_notebook(cells=shown(two.opening()))]
    page = pages_of(books, context)[1]
    levels = [(h.name, h.text) for h in page.main(["h2", "h3", "h4"])]
    assert [level for level, _ in levels] == ["h2", "h3", "h3", "h4", "h2"]
    inside = [link.text for link in page.select("nav ol ol a")]
    assert inside == ["before", levels[2][1]]


def test_the_conclusion_stands_between_the_title_and_the_introduction(chapters, context):
    page = page_of(shown(chapters[0].opening(f"Son 5 {SCRIPT}")), context)
    title = page.main.h2
    texts = [element.text for element in title.find_next_siblings("p")]
    assert texts == [f"Son 5 {SCRIPT}", "Uno."]


def test_the_first_screen_says_findings_and_actions_and_the_theme_is_there(chapters, context):
    figure = Figure(f"Ingresos {SCRIPT}", "5 €", "+3 %", "up")
    first = Summary((figure,), "Frente a 2016", (f"Uno {SCRIPT}",), (Action("Ir", "Ya.", "one"),))
    theme = Theme(css=Markup(":root{--accent:#00639c}"), footer=f"</style>{SCRIPT}")
    context = dataclasses.replace(
        context, summary=first, theme=theme, sections=[Section("one", "Uno", "Son 5.")]
    )
    page = pages_of([new_notebook(cells=shown(chapters[0].opening()))], context)[0]
    assert [dd.text.split() for dd in page.select(".tiles dd")] == [["5", "€", "+3", "%"]]
    assert page.select_one(".tiles small")["class"] == ["up"]
    assert [item.text.split() for item in page.select(".first li")] == [
        ["Uno", SCRIPT], ["Ir", "Ya."]
    ]  # fmt: skip
    assert page.select_one(".first a")["href"] == "#one" and page.find(id="one")
    assert page.select_one(".closing").text == f"</style>{SCRIPT}"
    assert ":root{--accent:#00639c}" in page.style.text
    assert_harmless(page)


def test_the_first_screen_shows_months_beside_figures_and_what_should_come_in(chapters, context):
    figures = (Figure("Ingresos", "5 €", trend=(1.0, 3.0)), Figure("Recompra", "5 %"))
    first = Summary(figures, "Frente a 2016.", (), (), forecast=f"Entrarán 5 € {SCRIPT}")
    page = pages_of([], dataclasses.replace(context, summary=first))[0]
    [line] = page.select(".tiles svg")
    assert line["aria-hidden"] == "true" and line.find_parent("div").dt.text == "Ingresos"
    assert len(page.select(".tiles .trend")) == 2  # tiles without a line keep its room
    assert page.select_one(".forecast").text == f"Entrarán 5 € {SCRIPT}"
    note = context.texts.text("page.trend_note")
    assert page.select_one(".cover .note").text == f"Frente a 2016. {note}"
    line.decompose()  # the kit's own drawing
    assert_harmless(page)


LOCALES = {
    "es_AR": ("$1.234,50", "9.994", "31,7%", "30 dic 2017"),
    "es_ES": ("1.234,50 €", "9.994", "31,7 %", "30 dic 2017"),
    "es_MX": ("$1,234.50", "9,994", "31.7%", "30 dic 2017"),
    "en_US": ("$1,234.50", "9,994", "31.7%", "Dec 30, 2017"),
    "en_GB": ("£1,234.50", "9,994", "31.7%", "30 Dec 2017"),
}
CURRENCIES = {"es_AR": "ARS", "es_ES": "EUR", "es_MX": "MXN", "en_US": "USD", "en_GB": "GBP"}


@pytest.mark.parametrize("locale", LOCALES)
def test_a_page_writes_as_its_country_does(locale, tmp_path, context):
    language = locale[:2]
    params = SimpleNamespace(
        language=language, display_locale=locale, currency=CURRENCIES[locale], report=PLACED
    )
    study = SimpleNamespace(params=params, run_dir=tmp_path, segment_names={})
    table = rows(revenue=[1234.5], orders=[9994], revenue_share=[0.317])
    chapter = Chapter(study, "one", texts=Texts(language, OWN))
    context = dataclasses.replace(
        context, language=language, formats=chapter.formats, texts=chapter.texts
    )
    page = page_of(shown(chapter.opening(), chapter.table("kpis", table, title="K")), context)
    cells = [cell.text.replace("\u00a0", " ") for cell in page.main.table.tbody.tr(["th", "td"])]
    money, count, percent, day = LOCALES[locale]
    assert cells == [money, count, percent]
    assert day in page.find("dl", "facts").text


def test_the_document_shows_what_is_placed_in_its_sections_and_no_more(chapters, context):
    one, two = chapters
    placed = one.table("kpis", rows(aov=[1.0]), title="Indicadores", place="who")
    left = one.table("others", rows(aov=[2.0]), title="Otros")
    elsewhere = two.table("more", rows(aov=[3.0]), title="Más", place="act")
    act = Section("act", "Qué hacer", "Haga 3.")
    context = dataclasses.replace(context, sections=[WHO, act])
    books = [
        new_notebook(cells=shown(one.opening(), left, placed)),
        new_notebook(cells=shown(two.opening(), elsewhere)),
    ]
    document, annex = pages_of(books, context)
    assert [h.text for h in document.main(["h2", "h3"])] == [
        WHO.title, "Indicadores", "Qué hacer", "Más"
    ]  # fmt: skip
    assert [h.text for h in annex.main("h3")] == ["Otros", "Indicadores", "Más"]
    assert_harmless(document)


def test_a_section_opens_with_its_finding_and_ends_with_its_notes(chapters, context):
    document = pages_of([], dataclasses.replace(context, sections=[WHO]))[0]
    assert [p.text for p in document.main("p")] == [WHO.finding, "Nota."]


def test_sections_and_their_details_lead_to_each_other(chapters, context):
    one, _ = chapters
    kpis = one.table("kpis", rows(aov=[1.0]), title="Indicadores")
    who = dataclasses.replace(WHO, details=("one", "one-kpis", "gone"))
    context = dataclasses.replace(context, sections=[who])
    document, annex = pages_of([new_notebook(cells=shown(one.opening(), kpis))], context)
    details = [(a["href"], a.text) for a in document.main.select(".details a")]
    assert details == [("annex.html#one", "Primero"), ("annex.html#one-kpis", "Indicadores")]
    assert annex.find(id="one") and annex.find(id="one-kpis")
    (back,) = annex.main.select(".details a")
    assert back["href"] == "report.html#who" and document.find(id="who")


def test_the_glossary_of_the_document_explains_only_what_it_shows(chapters, context):
    one, _ = chapters
    shown_here = one.table("kpis", rows(upt=[1.0]), title="Indicadores", place="who")
    not_here = one.table("others", rows(aov=[2.0]), title="Otros")
    context = dataclasses.replace(context, sections=[WHO], headline={})
    book = new_notebook(cells=shown(one.opening(), shown_here, not_here))
    terms = [[t.text for t in page.select(".glossary dt")] for page in pages_of([book], context)]
    assert terms[0] == ["UPT"] and len(terms[1]) == 2


def test_a_table_has_less_room_in_the_document(chapters, context):
    one, _ = chapters
    broad = pd.DataFrame({f"c{i}": range(20) for i in range(12)})
    table = one.table("broad", broad, title="Ancha", place="who", max_rows=15)
    context = dataclasses.replace(context, sections=[WHO])
    document, annex = pages_of([new_notebook(cells=shown(table))], context)
    sizes = [
        (len(page.main.table.thead("th")), len(page.main.table.tbody("tr")))
        for page in (document, annex)
    ]
    assert sizes == [(8, 12), (12, 15)]
    assert "exports/tables/broad.csv" in document.main.text


def test_a_forged_short_output_stops_the_report_like_any_other(context):
    mark = {"kind": "table", "place": "who", "short": SCRIPT}
    forged = cell({MARK: mark, "text/html": "<p>x</p>"})
    context = dataclasses.replace(context, sections=[WHO])
    with pytest.raises(SegkitError, match="would run a script or request something"):
        report_pages([new_notebook(cells=[forged])], context)


def test_what_an_analyst_tagged_stands_where_the_chapter_belongs(tmp_path, context):
    params = SimpleNamespace(language="es", display_locale="es_AR", currency="USD", report=PLACED)
    study = SimpleNamespace(params=params, run_dir=tmp_path, segment_names={})
    chapter = Chapter(study, "explore", texts=Texts("es"))
    note = new_markdown_cell("# Nota\n\nDicho a mano.", metadata={"tags": ["report"]})
    context = dataclasses.replace(
        context, texts=Texts("es"), sections=[WHO, Section("act", "Qué hacer", "Haga 3.")]
    )
    book = new_notebook(cells=[*shown(chapter.opening()), note])
    for page in pages_of([book], context):
        (section,) = [s for s in page.main("section", class_="chapter") if s.h3]
        assert "Dicho a mano." in section.text
        assert section.h2["id"] in ("who", "explore")


def test_a_heading_with_nothing_below_it_is_left_to_the_annex(chapters, context):
    one, two = chapters
    kpis = one.table("kpis", rows(aov=[1.0]), title="Indicadores", place="who")
    cells = shown(
        one.opening(), one.heading("total", place="who"), one.heading("no_customer", place="who"),
        kpis, two.heading("total", place="who"),
    )  # fmt: skip
    context = dataclasses.replace(context, sections=[WHO])
    document, annex = pages_of([new_notebook(cells=cells)], context)
    assert [h.text for h in document.main(["h3", "h4"])][1:] == ["Indicadores"]
    assert len(document.main(["h3", "h4"])) == 2 and len(annex.main(["h3", "h4"])) == 4


def test_the_glossary_does_not_explain_columns_that_were_left_out_for_room(chapters, context):
    one, _ = chapters
    table = pd.DataFrame({**{f"c{i}": [1] for i in range(8)}, "upt": [1.0]})
    broad = one.table("broad", table, title="Ancha", place="who")
    context = dataclasses.replace(context, sections=[WHO], headline={})
    document, annex = pages_of([new_notebook(cells=shown(broad))], context)
    assert not document.select(".glossary dt")
    assert [term.text for term in annex.select(".glossary dt")] == ["UPT"]
