"""The report as a PDF."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pypdf import PdfReader

from segkit.errors import SegkitError
from segkit.report.build import build
from segkit.report.page import pdf
from segkit.report.page.chapter import Chapter
from segkit.report.page.html import ANNEX, ReportContext, build_report
from segkit.report.page.pdf import CHROMIUM, chromium, css_string, print_pdf, printable
from segkit.words.format import Formats
from segkit.words.texts import Texts

HOSTILE = 'Acme "Ñ" \\0 </style><script>alert(1)</script>'
OWN = {
    "chapters": {"one": {"title": "Primer capítulo"}, "two": {"title": "Segundo capítulo"}},
    "tables": {"long": {"title": "Tabla larga"}, "broad": {"title": "Tabla ancha"}},
    "pictures": {"bars": {"title": "Barras", "note": "Suben.", "alt": "Barras que suben"}},
}
LONG = pd.DataFrame({"segment": [f"s{n}" for n in range(55)], "customers": range(55)})
BROAD = pd.DataFrame([range(14)], columns=[f"column_{n}" for n in range(14)])
POSIX = pytest.mark.skipif(os.name != "posix", reason="the programs of these tests are scripts")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    file = tmp_path / "report.html"
    file.write_text("<html><head><title>Acme</title></head><body>x</body></html>")
    return file


@pytest.fixture
def no_weasyprint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda _: None)


@pytest.fixture
def program(tmp_path: Path, monkeypatch, no_weasyprint) -> Callable[[str], None]:
    """Return a function that puts a program of these lines of Python in Chromium's place."""

    def put(code: str) -> None:
        file = tmp_path / "bin" / "chromium"
        file.parent.mkdir()
        start = "import sys, time, subprocess, pathlib\n"
        out = "out = next(a for a in sys.argv if a.startswith('--print-to-pdf=')).partition('=')[2]"
        file.write_text(f"#!{shlex.quote(sys.executable)}\n{start}{out}\n{code}\n")
        file.chmod(0o755)
        monkeypatch.setenv(CHROMIUM, str(file))

    return put


def printed(text: str) -> str:
    return " ".join(text.split())


def unbroken(text: str) -> str:
    return "".join(text.split())


# Texts of the page's head


@given(st.text() | st.text(st.sampled_from('"\\\n\0<>/a1 é')))
def test_nothing_in_a_text_ends_a_css_string(text):
    quoted = css_string(text)
    inside = quoted[1:-1]
    assert quoted[0] == quoted[-1] == '"'
    assert not set(inside) & set('"<>\n\r\f\0')
    back = re.sub(r"\\([0-9a-f]+) ", lambda escape: chr(int(escape[1], 16)), inside)
    assert back == text


def test_the_title_of_the_page_is_repeated_on_its_head_without_becoming_markup():
    title = "Acme &quot;&lt;/style&gt;&lt;script&gt;&amp; · Informe"
    text = printable(f"<html><head><title>{title}</title></head><body>x</body></html>")
    assert text.count("</style>") == 1
    assert "<script" not in text
    assert text.index("@top-left") < text.index("</head>")
    assert re.search(r'content: "Acme .*Informe"', text)


def test_a_long_title_keeps_to_one_line():
    text = printable(f"<head><title>{'largo ' * 60}</title></head>")
    said = re.search(r'content: "(.*?)"', text)[1]
    assert said.startswith("largo largo")
    assert len(said) < 110


def test_a_printed_page_leads_nowhere_but_into_itself():
    page = '<head></head><a href="annex.html#one">All</a> <a class="x" href="#two">Two</a>'
    assert '<a>All</a> <a class="x" href="#two">Two</a>' in printable(page)


# Which program prints


def test_the_chromium_that_the_environment_names_is_used(monkeypatch):
    monkeypatch.setenv(CHROMIUM, sys.executable)
    assert chromium() == sys.executable


def test_an_empty_name_means_no_chromium(monkeypatch):
    monkeypatch.setenv(CHROMIUM, "")
    assert chromium() == ""


def test_a_named_chromium_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setenv(CHROMIUM, "/nowhere/chromium")
    with pytest.raises(SegkitError, match="SEGKIT_CHROMIUM: no such program: '?/nowhere"):
        chromium()


@POSIX
def test_a_chromium_is_looked_for_by_its_usual_names(tmp_path, monkeypatch):
    monkeypatch.delenv(CHROMIUM, raising=False)
    monkeypatch.setattr(pdf, "PLACES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium() == ""
    file = tmp_path / "google-chrome"
    file.touch(0o755)
    assert chromium() == str(file)


# What goes wrong


def test_without_a_printer_the_reason_is_told_and_the_old_file_stays(
    page, tmp_path, monkeypatch, no_weasyprint
):
    monkeypatch.setenv(CHROMIUM, "")
    out = tmp_path / "report.pdf"
    out.write_bytes(b"old")
    with pytest.raises(SegkitError) as caught:
        print_pdf(page, out)
    told = str(caught.value)
    assert told.startswith("report.pdf: no PDF (no Chromium; no WeasyPrint). Fix: install ")
    assert "\n" not in told
    assert out.read_bytes() == b"old"
    assert {file.name for file in tmp_path.iterdir()} == {"report.html", "report.pdf"}


def test_a_page_that_is_not_there_is_told_too(tmp_path):
    with pytest.raises((SegkitError, OSError), match=r"none\.html"):
        print_pdf(tmp_path / "none.html", tmp_path / "report.pdf")


@POSIX
def test_what_a_printer_wrote_is_put_in_place(page, tmp_path, program):
    program("pathlib.Path(out).write_bytes(b'%PDF-1.4 ... %%EOF\\n')")
    out = tmp_path / "deep" / "report.pdf"
    assert print_pdf(page, out) == out
    assert out.read_bytes().startswith(b"%PDF")
    assert [file.name for file in out.parent.iterdir()] == ["report.pdf"]


@POSIX
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit('first\\nno display')", "Chromium ended with status 1: no display"),
        ("pass", "what it wrote is no whole PDF"),
        ("pathlib.Path(out).write_bytes(b'%PDF-1.4 half')", "what it wrote is no whole PDF"),
    ],
)
def test_a_printer_that_fails_is_told(page, tmp_path, program, code, reason):
    program(code)
    with pytest.raises(SegkitError, match=reason) as caught:
        print_pdf(page, tmp_path / "report.pdf")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report.pdf").exists()


@POSIX
def test_a_file_that_is_no_program_is_told(page, tmp_path, program, monkeypatch):
    program("pass")
    Path(os.environ[CHROMIUM]).write_bytes(b"\x7fELF no program")
    with pytest.raises(SegkitError, match="Chromium: Exec format error"):
        print_pdf(page, tmp_path / "report.pdf")


@POSIX
def test_a_printer_that_hangs_is_ended_with_its_children(page, tmp_path, program):
    child = [sys.executable, "-c", "import time; time.sleep(600)"]
    program(
        f"child = subprocess.Popen({child})\n"
        f"pathlib.Path({str(tmp_path / 'child')!r}).write_text(str(child.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(SegkitError, match="Chromium took more than 2 s"):
        print_pdf(page, tmp_path / "report.pdf", seconds=2)
    assert_gone(int((tmp_path / "child").read_text()))


def assert_gone(process: int) -> None:
    for _ in range(100):
        state = Path(f"/proc/{process}/stat")
        try:
            os.kill(process, 0)
            if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("it still runs")


# The run


@pytest.fixture
def report_of(make_study, tmp_path: Path):
    """Return a function that builds the report of a small study, and gives its manifest."""
    rows = [("c1", "2017-01-05", "o1", 1, 10.0), ("c2", "2017-02-05", "o2", 1, 20.0)]

    def make(**report: object) -> dict:
        study = make_study(rows, report=report)
        manifest = {"finished": "2026-01-19T10:30:00+00:00", "counts": {}, "inputs": {}}
        manifest["counts"] = dict.fromkeys(("lines_read", "lines_kept", "lines_rejected"), 2)
        manifest |= {"versions": {}, "parameters": {}, "fingerprint": "9f8e"}
        build(study, manifest, [])
        assert (study.run_dir / "report.html").is_file()
        return manifest

    return make


@POSIX
def test_a_run_says_where_its_pdf_is(report_of, program, tmp_path):
    program("pathlib.Path(out).write_bytes(b'%PDF-1.4 ... %%EOF')")
    manifest = report_of()
    assert (manifest["pdf"], manifest["remarks"]) == ("report.pdf", [])
    assert (tmp_path / "run" / "report.pdf").is_file()


def test_a_run_without_a_printer_ends_well_and_says_why_it_has_no_pdf(
    report_of, monkeypatch, no_weasyprint, tmp_path
):
    monkeypatch.setenv(CHROMIUM, "")
    manifest = report_of()
    assert manifest["pdf"] is None
    assert [remark[:42] for remark in manifest["remarks"]] == [
        "report.pdf: no PDF (no Chromium; no WeasyP"
    ]
    assert not (tmp_path / "run" / "report.pdf").exists()


def test_a_client_may_do_without_a_pdf(report_of, monkeypatch, no_weasyprint):
    monkeypatch.setenv(CHROMIUM, "")
    manifest = report_of(pdf=False)
    assert (manifest["pdf"], manifest["remarks"]) == (None, [])


# The pages, as each program prints them


@pytest.fixture(scope="module", params=["Chromium", "WeasyPrint"])
def document(request, tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    folder = tmp_path_factory.mktemp("pages")
    html = made_report(folder)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "Chromium":
            if not chromium():
                pytest.skip("no Chromium on this machine")
            patch.setattr(pdf, "find_spec", lambda _: None)
        else:
            patch.setenv(CHROMIUM, "")
            skip_without_weasyprint()
        return PdfReader(print_pdf(html, folder / "report.pdf"))


def skip_without_weasyprint() -> None:
    try:
        import weasyprint  # noqa: F401
    except ImportError:
        pytest.skip("no WeasyPrint: it is in the extra segkit[pdf]")
    except OSError:
        pytest.skip("WeasyPrint lacks libraries of the system, such as Pango")


def made_report(folder: Path) -> Path:
    placed = SimpleNamespace(places={}, segmentation="families")
    params = SimpleNamespace(language="es", display_locale="es_AR", currency="USD", report=placed)
    study = SimpleNamespace(params=params, run_dir=folder / "run", segment_names={})
    texts = Texts("es", OWN)
    one, two = (Chapter(study, key, texts=texts) for key in ("one", "two"))
    shown = [
        [one.opening(), one.table("long", LONG), one.picture(bars, LONG[["customers"]])],
        [two.opening(), two.table("broad", BROAD)],
    ]
    context = ReportContext(
        client=HOSTILE,
        language="es",
        formats=Formats("es_AR", "USD"),
        texts=texts,
        as_of=dt.date(2018, 1, 1),
        period_start=dt.date(2017, 1, 1),
        generated=dt.datetime(2026, 1, 19, 10, 30),
        headline={"customers": 793, "revenue": 2297200.86},
        provenance={"versions": {"segkit": "0.1.0"}},
    )
    build_report(
        [written(fragments, folder / f"{n}.ipynb") for n, fragments in enumerate(shown)],
        folder,
        context,
    )
    return folder / ANNEX


def written(fragments: list, file: Path) -> Path:
    outputs = [
        new_output("execute_result", data=fragment._repr_mimebundle_(), execution_count=1)
        for fragment in fragments
    ]
    nbformat.write(new_notebook(cells=[new_code_cell("", outputs=outputs)]), file)
    return file


def bars(table, *, style):
    from matplotlib.figure import Figure

    axes = Figure(figsize=(6.5, 4)).add_subplot()
    axes.bar(range(len(table)), table["customers"])
    return axes


def test_every_page_says_whose_it_is_and_its_number(document):
    texts = [unbroken(page.extract_text()) for page in document.pages]
    assert len(texts) >= 6
    assert unbroken(HOSTILE) in texts[0]
    for number, text in enumerate(texts, start=1):
        assert f"{number}/{len(texts)}" in text
        head = unbroken(f"{HOSTILE} · Segmentación de clientes: anexo · 31 dic")
        assert (head in text) == (number > 1)


def test_chapters_begin_on_a_page_of_their_own(document):
    starts = [
        number
        for title in ("Primer capítulo", "Segundo capítulo")
        for number, page in enumerate(document.pages)
        if number and title in printed(page.extract_text())
    ]
    assert starts == sorted(set(starts))
    assert len(starts) == 2


def test_no_page_is_empty(document):
    for page in document.pages:
        assert len(printed(page.extract_text())) > len(HOSTILE) + 60


def test_a_long_table_repeats_its_headers_and_loses_no_row(document):
    texts = [printed(page.extract_text()) for page in document.pages]
    holding = [text for text in texts if re.search(r"\bs\d+ \d+", text)]
    assert len(holding) == 2
    assert all("Segmento Clientes" in text for text in holding)
    rows = [row for text in holding for row in re.findall(r"\b(s\d+) \d+", text)]
    assert rows == list(LONG["segment"])


def test_a_broad_table_has_its_page_on_the_side_and_all_its_columns(document):
    texts = [printed(page.extract_text()) for page in document.pages]
    number = next(number for number, text in enumerate(texts) if "Tabla ancha" in text)
    size = document.pages[number].mediabox
    assert size.width > size.height
    assert "Segundo capítulo" in texts[number] + texts[number - 1]
    assert [n for n in range(14) if f"Column {n}" not in texts[number]] == []


def test_all_other_pages_are_upright_a4(document):
    upright = [page for page in document.pages if page.mediabox.width < page.mediabox.height]
    assert len(upright) == len(document.pages) - 1
    assert {round(float(page.mediabox.height) / 72 * 25.4) for page in upright} == {297}


def test_tables_behind_pictures_are_left_out(document):
    told = printed("".join(page.extract_text() for page in document.pages))
    assert "Barras" in told
    assert Texts("es").text("page.show_table") not in told


def test_the_document_has_title_language_and_outline(document):
    assert document.metadata.title.startswith(HOSTILE)
    assert document.trailer["/Root"]["/Lang"] == "es"
    titles = [entry.title for entry in flat(document.outline)]
    assert {"Primer capítulo", "Tabla larga", "Segundo capítulo"} <= set(titles)


def test_the_document_says_nothing_of_the_machine(document):
    told = " ".join(map(str, document.metadata.values()))
    assert "Linux" not in told
    assert "/" not in told.replace("Skia/PDF", "").replace(document.metadata.title, "")


def flat(outline: list) -> list:
    return [
        entry for item in outline for entry in (flat(item) if isinstance(item, list) else [item])
    ]
