"""The deck of slides: a finding on each, native and editable, whatever the client's names hold."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pptx import Presentation
from pptx.util import Emu
from pypdf import PdfReader

from segkit import Chapter, Study, load_params
from segkit.report.build import build
from segkit.report.document import sections
from segkit.report.exports.deck import (
    Card,
    Cards,
    Chart,
    Cover,
    Deck,
    Grid,
    Points,
    Series,
    Slide,
    Tiles,
)
from segkit.report.exports.slide_texts import Box, Style, fitted, legal, shortened
from segkit.report.exports.slides import write_slides
from segkit.report.method import in_short
from segkit.report.page.first_screen import Figure
from segkit.report.page.html import ReportContext
from segkit.report.page.theme import theme_of
from segkit.report.slide_charts import change_chart, deciles_chart
from segkit.report.slides import deck, parted
from segkit.report.summary import summary
from segkit.words.format import Formats
from segkit.words.texts import Texts

PROJECT = Path(__file__).parents[1]
MADE = dt.datetime(2026, 1, 19, 10, 30)
HOSTILE = (
    "=HYPERLINK(\"http://x\") </a:t><script>&amp; \x00\x0b\x1b\ud800\ufffe 'ñ' 🙂 " + "W" * 300
)
LETTER, LINE = 0.5, 1.2
"""A letter's mean width and a line's height in Calibri, in sizes of the letters."""


class AnyTable(dict):
    """A workbook with a sheet for every table."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return name


def told(study: Study) -> Deck:
    params = study.params
    context = ReportContext(
        client=params.title,
        language=params.language,
        formats=Formats(params.display_locale, params.currency),
        texts=Texts(params.language),
        as_of=study.as_of,
        period_start=study.period_start,
        generated=MADE,
        summary=None if study.buyers.empty else summary(study),
        sections=sections(study),
        method_in_short=in_short(study, Chapter(study, "method")),
        theme=theme_of(params, study.root),
    )
    return deck(study, context, AnyTable())


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Where both languages keep what they compute: it is the same."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module", params=["es", "en"])
def demo(request, held) -> Iterator[Study]:
    """The study of the Spanish demo shop, in each language."""
    params = load_params(PROJECT / "params" / "tienda_demo.yaml")
    locale = {"es": "es_ES", "en": "en_GB"}[request.param]
    params = params.model_copy(update={"language": request.param, "locale": locale})
    study = Study(params, root=PROJECT, run_dir=held)
    yield study
    study.close()


@pytest.fixture(scope="module")
def full(demo, tmp_path_factory) -> Any:
    """The deck of the demo shop, as PowerPoint would open it."""
    return Presentation(write_slides(told(demo), tmp_path_factory.mktemp("deck") / "slides.pptx"))


def made_deck(name: str = "Acme", *, made: dt.datetime = MADE) -> Deck:
    """Return a deck with every kind of block, that says `name` wherever a text stands."""
    chart = Chart(name, name, (name, f"{name}2"), (Series(name, (1.0, None)),), "#,##0")
    ranged = Series(name, (2.0, 5.0), "pale", (1.0, 4.5), (3.0, 6.0))
    across = Chart(
        name, name, ("a", "b"), (Series(name, (1.0, -2.0), "quiet"), ranged), "0%", across=True
    )
    grid = Grid(name, (name, name, name), tuple((name, "1", name) for _ in range(12)), True)
    figure = Figure(name, name, name, "up")
    slides = (
        Slide(name, name, ((Tiles((figure,) * 5),), (chart,)), name),
        Slide(name, name, ((across, grid),), name),
        Slide(name, "", ((Cards((Card(name, name, name),) * 3),),)),
        Slide(name, name, ((chart, Points(((name, name),) * 6)),)),
    )
    cover = Cover(name, name, (name, name), name)
    return Deck(cover, slides, name, "es-ES", "#7a003c", made)


def written(made: Deck, folder: Path) -> Any:
    return Presentation(write_slides(made, folder / "slides.pptx"))


def titles(shown: Any) -> list[str]:
    return [page.shapes.title.text_frame.text for page in shown.slides]


def texts(page: Any) -> list[str]:
    frames = [shape.text_frame.text for shape in page.shapes if shape.has_text_frame]
    tables = [shape.table for shape in page.shapes if shape.has_table]
    return frames + [cell.text for table in tables for row in table.rows for cell in row.cells]


def charts(shown: Any) -> list[Any]:
    return [shape for page in shown.slides for shape in page.shapes if shape.has_chart]


def workbook(chart: Any) -> Any:
    blob = chart.part.chart_workbook.xlsx_part.blob
    return openpyxl.load_workbook(io.BytesIO(blob))["Sheet1"]


# What a full deck says


def test_a_full_deck_has_eight_slides(full):
    assert len(full.slides) == 8


def test_every_title_but_the_cover_is_a_sentence_with_a_number(full):
    for title in titles(full)[1:]:
        assert re.search(r"\d", title) and title.endswith("."), title
        assert title[0] == title[0].upper() and "…" not in title


def test_slides_say_what_the_report_says(demo, full):
    formats = Formats(demo.params.display_locale, "EUR")
    found = {section.key: section.finding for section in sections(demo)}
    _, figures, who, leading, expect, act, trust, _ = titles(full)
    assert formats.money(demo.headline["revenue"], 0) in figures
    for title, key in ((figures, "who"), (leading, "leading"), (act, "act"), (trust, "trust")):
        assert found[key].startswith(title.rstrip("."))
    assert who.rstrip(".")[1:] in found["who"]
    assert formats.money(demo.forecast.total["low"], 0) in expect
    said = " ".join(texts(full.slides[1]))
    for figure in summary(demo).figures:
        assert figure.value in said and figure.change in said
    for action in summary(demo).actions:
        assert any(action.sentence in text for text in texts(full.slides[5]))


def test_the_charts_hold_the_figures_of_the_tables(demo, full):
    months, _, _, sizes, forecast, tested = (shape.chart for shape in charts(full))
    revenue = demo.monthly["revenue"].tail(24).tolist()
    assert list(months.plots[0].series[0].values) == pytest.approx(revenue)
    kpis = demo.kpis("value_groups").set_index("segment")
    shares = dict(zip(sizes.plots[0].categories, sizes.plots[0].series[1].values, strict=True))
    label = Chapter(demo, "leading").name_of("value_groups", "champions")
    assert shares[label] == pytest.approx(kpis.loc["champions", "revenue_share"])
    expected = demo.forecast.totals.set_index("part")["revenue"]
    _, existing, new = forecast.plots[0].series
    for series, part in ((existing, "existing"), (new, "new")):
        assert sum(value or 0 for value in series.values) == pytest.approx(expected[part])
    came = demo.evidence.rolling_revenue.sort_values("cut")["actual"].tolist()
    assert list(tested.plots[0].series[1].values) == pytest.approx(came)


def test_the_range_of_the_forecast_stands_around_each_month(demo, full):
    forecast = charts(full)[4].chart
    both = demo.forecast.by_month.query("part == 'everyone'").sort_values("month")
    up = (both["revenue_high"] - both["revenue"]).tolist()
    drawn = forecast.plots[0].series[2]._element.findall(".//{*}errBars/{*}plus//{*}v")
    assert [float(value.text) for value in drawn] == pytest.approx(up)
    sheet = workbook(forecast)
    held = [row[4].value for row in sheet.iter_rows(min_row=2) if row[4].value is not None]
    assert held == pytest.approx(up)


def test_notes_name_the_sheets_of_the_figures(full):
    known = Texts("en")
    for page in list(full.slides)[1:]:
        notes = page.notes_slide.notes_text_frame.text
        assert page.shapes.title.text_frame.text in notes
        listed = re.search(r"tables\.xlsx: (.+)\.$", notes)[1].split(", ")
        assert listed
        for name in listed:
            assert any(is_named(known, section, name) for section in ("tables", "pictures")), name


def is_named(known: Texts, section: str, name: str) -> bool:
    try:
        return bool(known.entry(section, name))
    except Exception:
        return False


def test_every_chart_and_table_is_described(full):
    for page in full.slides:
        for shape in page.shapes:
            if shape.has_chart or shape.has_table:
                described = shape._element.nvGraphicFramePr.cNvPr.get("descr", "")
                assert len(described) > 10 and "{" not in described


def test_nothing_overflows_or_overlaps_in_a_full_deck(full):
    assert list(faults(full)) == []


def test_no_text_of_a_full_deck_is_cut_or_unfilled(full):
    for page in full.slides:
        for text in texts(page):
            assert not re.search(r"…|\{|\bnan\b|\bNone\b", text), text


def faults(shown: Any) -> Iterator[str]:
    """Give what stands outside a slide, over another, or in too small a box."""
    for number, page in enumerate(shown.slides, start=1):
        shapes = list(page.shapes)
        for shape in shapes:
            if shape.left < 0 or shape.top < 0:
                yield f"{number}: {shape.name} begins outside"
            if shape.left + shape.width > shown.slide_width + Emu(1000):
                yield f"{number}: {shape.name} is too wide"
            if shape.top + shape.height > shown.slide_height + Emu(1000):
                yield f"{number}: {shape.name} is too high"
            if shape.has_text_frame and needed(shape) > shape.height + Emu(2000):
                yield f"{number}: {shape.text_frame.text[:40]} overflows"
        for one, two in itertools.combinations(shapes, 2):
            if overlap(one, two):
                yield f"{number}: {one.name} lies on {two.name}"


def needed(shape: Any) -> float:
    """The height that a text takes by the mean width of letters."""
    frame = shape.text_frame
    width = shape.width - frame.margin_left - frame.margin_right
    total = float(frame.margin_top + frame.margin_bottom)
    for paragraph in frame.paragraphs:
        sizes = [run.font.size for run in paragraph.runs] or [Emu(0)]
        size, letters = max(sizes), sum(len(run.text) for run in paragraph.runs)
        lines = max(math.ceil(letters * LETTER * size / width), 1)
        total += lines * LINE * size + (paragraph.space_after or 0)
    return total


def overlap(one: Any, two: Any) -> bool:
    slack = Emu(2000)
    across = min(one.left + one.width, two.left + two.width) - max(one.left, two.left)
    down = min(one.top + one.height, two.top + two.height) - max(one.top, two.top)
    return across > slack and down > slack


# What is missing is left out


def test_a_client_without_repeat_buyers_has_a_deck_of_what_there_is(make_study, tmp_path):
    study = make_study([("a", "2025-01-01", 1, 1, 10), ("b", "2025-02-01", 2, 1, 5)])
    assert not study.forecast.ready and not study.evidence.ready
    assert not study.audit.has_earlier and study.insights.table.empty
    shown = written(told(study), tmp_path)
    _, figures, leading, trust, method = titles(shown)
    assert re.search(r"\b15\s€", figures) and "66,7" in leading
    assert trust.startswith("La historia es demasiado corta") and "2 de 2" in method
    said = " ".join(text for page in shown.slides for text in texts(page))
    assert not re.search(r"\{|\bnan\b|\bNone\b", said)
    assert list(faults(shown)) == []


def test_without_buyers_there_is_no_slide_of_figures(make_study, tmp_path):
    study = make_study([("a", "2025-01-01", 1, -1, -10)])
    shown = written(told(study), tmp_path)
    assert len(shown.slides) <= 3 and not charts(shown)
    assert texts(shown.slides[1])[0].startswith("Nadie ha comprado hasta ahora")


def test_with_nothing_to_compare_the_chart_of_changes_is_left_out(make_study):
    study = make_study([(f"c{n}", f"2025-{1 + n % 6:02}-10", n, 1, 10 + n) for n in range(12)])
    chapter = Chapter(study, "slides")
    assert change_chart(study, chapter) is None
    assert len(deciles_chart(study, chapter).categories) == 10


def test_a_client_has_its_own_colour_logo_and_footer(make_study, tmp_path):
    Image.new("RGB", (300, 60), "#7a003c").save(tmp_path / "logo.png")
    theme = {"accent": "#7a003c", "logo": "logo.png", "footer": "Solo para Acme"}
    rows = [("a", "2025-01-01", 1, -1, -10)]  # nothing to say, so nothing to compute
    study = make_study(rows, report={"theme": theme}, name="Acme")
    shown = written(told(study), tmp_path)
    cover = shown.slides[0]
    assert "Solo para Acme" in texts(cover)
    [logo] = [shape for shape in cover.shapes if hasattr(shape, "image")]
    assert logo.width / logo.height == pytest.approx(5, rel=0.01)
    assert logo._element.nvPicPr.cNvPr.get("descr") == "Acme"
    package = shown.part.package
    [own] = [part.blob for part in package.iter_parts() if "theme/theme1" in part.partname]
    assert b'<a:accent1><a:srgbClr val="7A003C"/>' in own


def test_a_logo_that_is_no_whole_picture_is_left_out(tmp_path):
    made = made_deck()
    broken = Cover("Acme", "x", (), logo=b"\x89PNG\r\n\x1a\n and no more")
    shown = written(Deck(broken, made.slides, "x", "es", "#00639c", MADE), tmp_path)
    assert len(shown.slides) == 5


# Names may hold anything


@pytest.mark.parametrize("name", [HOSTILE, "Acme", "", "x", "漢字" * 200, "palabra " * 200])
def test_whatever_texts_hold_the_file_opens_and_nothing_overflows(name, tmp_path):
    shown = written(made_deck(name), tmp_path)
    assert len(shown.slides) == 5
    assert list(faults(shown)) == []


def test_no_text_becomes_a_formula_in_a_charts_workbook(tmp_path):
    for shape in charts(written(made_deck("=1+1"), tmp_path)):
        cells = [cell for row in workbook(shape.chart).iter_rows() for cell in row]
        assert any(cell.value == "=1+1" for cell in cells)
        assert not [cell.coordinate for cell in cells if cell.data_type == "f"]


def test_a_chart_says_a_missing_value_as_a_gap(tmp_path):
    chart = charts(written(made_deck(), tmp_path))[0].chart
    assert list(chart.plots[0].series[0].values) == [1.0, None]


@given(st.text() | st.text(st.sampled_from("\0\x0b\x1f\n\t\u2028<&>a1 é")))
def test_a_text_is_one_line_that_xml_can_hold(text):
    said = legal(text)
    assert said == said.strip(" ") and "\n" not in said
    assert re.fullmatch(r"[^\x00-\x1f\ud800-\udfff\ufffe\uffff]*", said)


@given(st.text(max_size=40), st.integers(min_value=1, max_value=30))
def test_a_shortened_text_is_never_longer_than_asked(text, letters):
    assert len(shortened(text, letters)) <= letters


@given(st.lists(st.text(max_size=400), min_size=1, max_size=5))
def test_texts_that_fit_are_left_whole_and_others_end_with_an_ellipsis(given_texts):
    box = Box(0, 0, 3, 2)
    size, found = fitted(given_texts, [Style()] * len(given_texts), box, (18, 12))
    assert size in (18, 12)
    for before, after in zip(given_texts, found, strict=True):
        assert after in (legal(before), "…") or after.endswith("…")


@pytest.mark.parametrize(
    ("finding", "first", "rest"),
    [
        ("Compraron 3; el mejor trajo 9.", "Compraron 3.", "El mejor trajo 9."),
        ("Son 3 («A; B», 2). Fin.", "Son 3 («A; B», 2).", "Fin."),
        ("Nada; de momento 3.", "Nada; de momento 3.", ""),
        ("", "", ""),
    ],
)
def test_a_finding_parts_where_a_clause_stands_alone(finding, first, rest):
    assert parted(finding) == (first, rest)


# The file


def test_the_same_deck_gives_the_same_bytes(tmp_path):
    files = [write_slides(made_deck(), tmp_path / f"{name}.pptx") for name in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()
    later = write_slides(made_deck(made=MADE + dt.timedelta(days=1)), tmp_path / "c.pptx")
    assert later.read_bytes() != files[0].read_bytes()


def test_the_file_says_when_its_run_was_made_and_who_it_is_about(tmp_path):
    facts = written(made_deck(), tmp_path).core_properties
    assert facts.created == facts.modified == MADE
    assert "Acme" in facts.title


@pytest.fixture
def report_of(make_study):
    """Return a function that builds the report of a small study, and gives its folder and manifest."""

    def make(**report: object) -> tuple[Path, dict]:
        study = make_study([("a", "2025-01-01", 1, -1, -10)], report={"pdf": False} | report)
        manifest = {"finished": "2026-01-19T10:30:00+00:00", "counts": {}, "inputs": {}}
        manifest["counts"] = dict.fromkeys(("lines_read", "lines_kept", "lines_rejected"), 2)
        manifest |= {"versions": {}, "parameters": {}, "fingerprint": "9f8e"}
        build(study, manifest, [])
        return study.run_dir, manifest

    return make


def test_a_run_leaves_slides_where_a_client_wants_them(report_of):
    folder, manifest = report_of(slides=True)
    assert (manifest["slides"], manifest["remarks"]) == ("slides.pptx", [])
    assert len(Presentation(folder / "slides.pptx").slides) > 0


def test_a_client_has_no_slides_unless_it_wants_them(report_of):
    folder, manifest = report_of()
    assert (manifest["slides"], manifest["remarks"]) == (None, [])
    assert not (folder / "slides.pptx").exists()


def test_a_machine_without_python_pptx_says_so_in_a_line(report_of, monkeypatch):
    for name in [
        name for name in sys.modules if name.startswith(("pptx", "segkit.report.exports.slide"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pptx", None)
    folder, manifest = report_of(slides=True)
    assert manifest["slides"] is None
    [remark] = manifest["remarks"]
    assert remark.startswith("slides.pptx: no slides (no python-pptx). Fix: install segkit[slides]")
    assert not (folder / "slides.pptx").exists() and (folder / "report.html").is_file()


def printed(file: Path) -> PdfReader:
    """Open a deck with LibreOffice, and print it."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if not program:
        pytest.skip("no LibreOffice on this machine")
    if not (Path(program).resolve().parent / "libsdlo.so").is_file():
        pytest.skip("this LibreOffice has no Impress")
    command = [program, f"-env:UserInstallation={(file.parent / 'profile').as_uri()}"]
    command += ["--headless", "--convert-to", "pdf", "--outdir", str(file.parent), str(file)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return PdfReader(file.with_suffix(".pdf"))


@pytest.mark.slow
def test_libreoffice_opens_a_full_deck(demo, tmp_path):
    pages = printed(write_slides(told(demo), tmp_path / "slides.pptx")).pages
    assert len(pages) == 8
    assert all(page.mediabox.width > 1.7 * page.mediabox.height for page in pages)
    said = " ".join(pages[1].extract_text().split())
    assert Formats(demo.params.display_locale, "EUR").integer(demo.headline["buyers"]) in said


@pytest.mark.slow
def test_libreoffice_opens_a_deck_of_hostile_names(tmp_path):
    assert len(printed(write_slides(made_deck(HOSTILE), tmp_path / "slides.pptx")).pages) == 5
