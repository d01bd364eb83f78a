"""The document of a finished run: short enough to be read to its end, and in the order promised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from pypdf import PdfReader

from segkit.report.page.places import MOST_COLUMNS, MOST_ROWS, SECTIONS

pytestmark = pytest.mark.slow

CLIENTS = ("cdnow", "tienda_demo", "online_retail_ii")
WORDS, EXHIBITS, PAGES = 2500, 15, 12
UNSEEN = "head, .skip, caption, details:not([open]) > :not(summary)"
MOST_EXHIBITS = {"who": 3, "leading": 4}


@pytest.fixture(scope="session")
def online_retail(tmp_path_factory: pytest.TempPathFactory, real_data) -> Path:
    from projects import make_project

    from segkit.run.clients import run_clients

    folder = real_data("online_retail_ii_2009_2010.parquet").parent
    root = make_project(tmp_path_factory.mktemp("online") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGKIT_DATA", str(folder))
        outcome = run_clients([root / "params" / "online_retail_ii.yaml"], root=root)[0]
    assert outcome.problem == ""
    return outcome.folder


@pytest.fixture(scope="session", params=CLIENTS)
def folder(request) -> Path:
    if request.param == "online_retail_ii":
        return request.getfixturevalue("online_retail")
    return request.getfixturevalue("finished")[request.param]


@pytest.fixture
def document(folder) -> BeautifulSoup:
    return BeautifulSoup((folder / "report.html").read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def annex(folder) -> BeautifulSoup:
    return BeautifulSoup((folder / "annex.html").read_text(encoding="utf-8"), "html.parser")


def test_it_is_read_in_ten_minutes(document):
    for unseen in document.select(UNSEEN):
        unseen.decompose()
    assert len(re.findall(r"\w[\w.,%’'-]*", document.get_text(" "))) <= WORDS


def test_its_exhibits_can_be_counted_on_a_few_hands(document):
    exhibits = document.select("main section.exhibit, main figure")
    assert 5 < len(exhibits) <= EXHIBITS
    for section, most in MOST_EXHIBITS.items():
        chapter = document.find(id=section).parent
        assert 0 < len(chapter.select("section.exhibit, figure")) <= most


def test_its_tables_have_room_on_a_page(document):
    tables = document.main.select("section.exhibit > .scroll table")
    assert tables
    assert max(len(table.select("thead th")) for table in tables) <= MOST_COLUMNS
    assert max(len(table.select("tbody tr")) for table in tables) <= MOST_ROWS


def test_it_tells_one_story_in_order(document):
    chapters = document.main.select("section.chapter")
    assert [chapter.h2["id"] for chapter in chapters] == list(SECTIONS)
    ends = [heading["id"] for heading in document.footer("h2")]
    assert ends == ["method", "glossary", "provenance"]


def test_each_section_begins_with_its_finding_and_a_number(document):
    for chapter in document.main.select("section.chapter"):
        first = chapter.h2.find_next_sibling()
        assert first["class"] == ["conclusion"]
        assert re.search(r"\d", first.get_text())


def test_no_title_and_no_caption_stands_twice(document):
    for wanted in ("h2, h3, h4:not(.about)", "figcaption, .note, .conclusion"):
        said = [element.get_text() for element in document.main.select(wanted)]
        assert said and sorted(set(said)) == sorted(said)


def test_everything_it_shows_is_in_the_annex_and_the_way_there_lands(document, annex):
    ids = {element["id"] for element in annex(id=True)}
    links = [a["href"] for a in document.select("a[href^='annex.html']")]
    assert len(links) >= len(SECTIONS)
    assert {link.partition("#")[2] for link in links} <= ids
    shown = {image["src"] for image in document.main("img")}
    assert shown and shown <= {image["src"] for image in annex.main("img")}


def test_the_annex_leads_back_to_sections_of_the_document(document, annex):
    backs = {a["href"] for a in annex.main.select("a[href^='report.html#']")}
    assert {back.partition("#")[2] for back in backs} <= {each["id"] for each in document(id=True)}
    assert len(backs) >= 4


def test_printed_it_is_a_dozen_pages_that_are_numbered_marked_and_tagged(folder):
    file = folder / "report.pdf"
    if not file.is_file():
        pytest.skip("no printer on this machine: the run left no report.pdf")
    printed = PdfReader(file)
    texts = ["".join(page.extract_text().split()) for page in printed.pages]
    assert 5 <= len(texts) <= PAGES
    assert all(f"{number}/{len(texts)}" in text for number, text in enumerate(texts, start=1))
    assert printed.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert len(printed.outline) >= 1
    annotations = [each.get_object() for page in printed.pages for each in page.get("/Annots", ())]
    assert not [each for each in annotations if "/URI" in each.get("/A", {})]
    assert not (folder / "annex.pdf").exists()


NOBODY = """\
client: nobody
language: es
currency: EUR
orders: {path: nobody.csv, columns: {customer: c, date: d, amount: a, order: o}}
"""


def test_of_a_log_of_returns_alone_it_says_that_nobody_has_bought(project):
    from segkit.run.clients import run_clients

    log = "c,d,a,o\na,2025-01-01,-10,1\nb,2025-03-01,-30,2\n"
    (project / "nobody.csv").write_text(log, encoding="utf-8")
    file = project / "params" / "nobody.yaml"
    file.write_text(NOBODY, encoding="utf-8")
    outcome = run_clients([file], root=project)[0]
    assert outcome.problem == ""
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    document = BeautifulSoup(page, "html.parser")
    assert [chapter.h2["id"] for chapter in document.main.select("section.chapter")] == ["trust"]
    assert "Nadie ha comprado hasta ahora; se conoce a 2 clientes." in document.main.get_text()
    assert not document.main.select("figure, table")
    assert not (outcome.folder / "brief.html").exists()
