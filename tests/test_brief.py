"""The report on one page: what it says, how it is sent, and that paper holds it."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import os
import re
import zlib
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from segkit.report.build import build
from segkit.report.exports import brief
from segkit.report.exports.brief import (
    PAGE_WIDTH,
    SCALES,
    brief_page,
    mail,
    plain_text,
    print_brief,
    subject,
    write_brief,
)
from segkit.report.exports.trend_picture import trend_picture
from segkit.report.page import pdf
from segkit.report.page.first_screen import Action, Figure, Summary
from segkit.report.page.html import ReportContext
from segkit.report.page.pdf import CHROMIUM, chromium, page_count, print_page
from segkit.report.page.theme import Theme
from segkit.words.format import Formats
from segkit.words.texts import Texts

FILES = ["brief.eml", "brief.html"]
MONTHS = tuple(float(value) for value in (3, 5, 4, 8, 7, 9))
SUMMARY = Summary(
    figures=(
        Figure("Ingresos", "192.982 €", "+39,4 %", "up", MONTHS, "Ingresos, por mes: 3 € y 9 €."),
        Figure("Tickets", "3.016", "−2,0 %", "down", MONTHS, "Tickets, por mes: 3 y 9."),
        Figure("Compradores", "1.359", "± 0,0 %", "same", MONTHS, "Compradores, por mes: 3 y 9."),
        Figure("Ticket promedio", "63,99 €", "", "same", MONTHS, "Por mes: 3 € y 9 €."),
        Figure("Tasa de recompra", "43,6 %", "+3,5 puntos", "up"),
    ),
    compared="Variación frente al período anterior.",
    findings=(
        "«Campeones» aporta el 33,7 %.",
        "«Fieles» aporta el 27,1 %.",
        "Las ventas subieron.",
    ),
    actions=(
        Action("Cuidar a «Campeones»", "Un programa con niveles. Plazo: 23 feb.", "first-1"),
        Action("Recuperar a quien se va", "Escribirles. Plazo: 23 feb.", "first-2"),
        Action("Mantener lo que crece", "Ver de dónde llegaron. Plazo: 23 feb.", "first-3"),
    ),
    forecast="En los próximos 12 meses deberían entrar 225.136 € (entre 199.932 € y 253.516 €).",
    campaign="La campaña de mayo trajo 1.200 € más.",
    loss="120 líneas no se pudieron leer.",
)
NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "{{ 7 * 7 }} {% raw %} {# gone #}",
    "</td></table></title>",
    "a\u2028b\x00c\u202ed\ud800e",
)
INJECTED = "Acme\r\nBcc: all@evil.example\r\n\r\n<b>body</b>\n\x0bX-Own: 1\u2028Cc: b@evil.example"
POSIX = pytest.mark.skipif(os.name != "posix", reason="the program of these tests is a script")


def told(summary: Summary | None = SUMMARY, **given) -> ReportContext:
    """Return what a report says around its chapters."""
    known = {
        "client": "Tienda Demo",
        "language": "es",
        "formats": Formats("es_ES", "EUR"),
        "texts": Texts("es"),
        "as_of": dt.date(2026, 1, 1),
        "period_start": dt.date(2025, 1, 1),
        "generated": dt.datetime(2026, 1, 19, 10, 30, tzinfo=dt.UTC),
        "provenance": {"rows": {"read": 100, "kept": 90, "rejected": 10}},
    }
    return ReportContext(summary=summary, **known | given)


def words_of(page: bytes) -> str:
    return " ".join(BeautifulSoup(page, "html.parser").body.get_text(" ").split())


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def html_of(content: bytes) -> bytes:
    return parsed(content).get_body(("html",)).get_content().encode()


def plain(text: str) -> str:
    return " ".join(text.split())


# What it says


@pytest.mark.parametrize("form", ["page", "mail", "plain text"])
def test_a_brief_says_what_the_summary_says_in_its_order(form):
    said = {
        "page": lambda: words_of(brief_page(told())),
        "mail": lambda: words_of(html_of(mail(told()))),
        "plain text": lambda: plain(parsed(mail(told())).get_body(("plain",)).get_content()),
    }[form]()
    wanted = ["Tienda Demo", "1 ene 2025 – 31 dic 2025"]
    for figure in SUMMARY.figures:
        wanted += [figure.label, figure.value, figure.change]
    wanted += [SUMMARY.compared, SUMMARY.forecast, *SUMMARY.findings]
    for action in SUMMARY.actions:
        wanted += [action.title, action.sentence]
    wanted += [SUMMARY.campaign, SUMMARY.loss]
    wanted += ["Se leyeron 100 líneas de pedidos: 90 cuentan y se rechazaron 10."]
    place = 0
    for words in map(plain, wanted):
        assert words in said[place:], words
        place = said.index(words, place) + len(words)


def test_what_is_not_known_leaves_no_heading_behind():
    bare = Summary(SUMMARY.figures[-1:], "Sin comparación.", (), ())
    context = told(bare, provenance={})
    soup = BeautifulSoup(brief_page(context), "html.parser")
    assert [heading.get_text() for heading in soup.select("h1, h2")] == ["Tienda Demo"]
    assert soup.select("ol, img") == []
    assert Texts("es").text("page.trend_note") not in words_of(brief_page(context))
    assert plain_text(context).splitlines()[-1] == "Sin comparación."


def test_each_trend_is_a_picture_told_in_words_and_a_figure_without_one_has_none():
    soup = BeautifulSoup(brief_page(told()), "html.parser")
    assert [picture["alt"] for picture in soup.select("img")] == [
        figure.trend_alt for figure in SUMMARY.figures if figure.trend
    ]
    assert Texts("es").text("page.trend_note") in words_of(brief_page(told()))


def test_the_page_links_to_the_report_beside_it_and_the_mail_to_nothing():
    soup = BeautifulSoup(brief_page(told()), "html.parser")
    assert [link["href"] for link in soup.select("a")] == ["report.html"]
    assert BeautifulSoup(html_of(mail(told())), "html.parser").select("a") == []


# What a mail program understands


@pytest.fixture(params=["page", "mail"])
def page(request) -> bytes:
    return brief_page(told()) if request.param == "page" else html_of(mail(told()))


def test_styles_are_inline_and_nothing_is_run_or_asked_for(page):
    soup = BeautifulSoup(page, "html.parser")
    active = "style, script, link, iframe, object, embed, form, base, svg, video, [onload], [class]"
    assert soup.select(active) == []
    assert not re.search(rb"https?:|[\"'=(]//|url\(|@import|expression", page)
    sources = {picture["src"].partition(":")[0] for picture in soup.select("img")}
    assert sources <= {"data", "cid"} and len(sources) == 1


def test_nothing_is_wider_than_a_mail_programs_pane(page):
    widths = re.findall(rb"width[:=]\"?(\d+)(?!\d*%)", page)
    assert widths and max(map(int, widths)) <= PAGE_WIDTH == 600
    assert f"max-width:{PAGE_WIDTH}px".encode() in page


def test_text_is_dark_on_white_in_every_cell():
    from segkit.report.page.theme import LEGIBLE, contrast

    page = brief_page(told()).decode()
    colours = set(re.findall(r"(?<![-\w])color:\s*(#[0-9a-f]{6})", page))
    assert len(colours) > 3
    assert [colour for colour in colours if contrast(colour, "#ffffff") < LEGIBLE] == []
    assert 'bgcolor="#ffffff"' in page


def test_the_clients_colour_logo_and_footer_are_on_the_page():
    logo = "data:image/svg+xml;base64,PHN2Zy8+"
    page = brief_page(told(theme=Theme(logo=logo, footer="Hecho por Acme", accent="#7a1f5c")))
    soup = BeautifulSoup(page, "html.parser")
    assert soup.select("img")[0]["src"] == logo
    assert "Hecho por Acme" in words_of(page)
    assert b"#7a1f5c" in page and b"#00639c" not in page


# The mail


def test_a_mail_has_a_plain_text_and_a_page_with_its_pictures():
    message = parsed(mail(told()))
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        *["image/png"] * 4,
    ]
    html = html_of(mail(told())).decode()
    shown = re.findall(r'src="cid:([^"]+)"', html)
    sent = {part["Content-ID"]: part for part in message.walk() if part["Content-ID"]}
    assert [f"<{name}>" for name in shown] == list(sent)
    for part in sent.values():
        assert part.get_content().startswith(b"\x89PNG")
        assert part.get_content_disposition() == "inline"
    assert [
        p.get_content_charset() for p in message.walk() if p.get_content_maintype() == "text"
    ] == [
        "utf-8",
        "utf-8",
    ]


def test_a_logo_that_mail_programs_show_goes_with_the_mail_and_a_drawing_does_not():
    png = "data:image/png;base64,iVBORw0KGgo="
    names = lambda logo: [
        part["Content-ID"]
        for part in parsed(mail(told(theme=Theme(logo=logo)))).walk()
        if part["Content-ID"]
    ]
    assert names(png)[0] == "<logo@segkit>" and len(names(png)) == 5
    drawing = "data:image/svg+xml;base64,PHN2Zy8+"
    assert len(names(drawing)) == 4
    assert b"cid:logo" not in html_of(mail(told(theme=Theme(logo=drawing))))


def test_a_mail_without_pictures_is_a_whole_mail_too():
    kinds = [p.get_content_type() for p in parsed(mail(told(Summary((), "", (), ())))).walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


def test_a_mail_names_no_sender_and_no_recipient():
    message = parsed(mail(told()))
    assert set(message.keys()) == {"Subject", "Date", "MIME-Version", "Content-Type"}
    assert message["Date"].datetime == told().generated
    texts = message.get_body(("plain",)).get_content() + html_of(mail(told())).decode()
    assert "@" not in re.sub(r"cid:[\w-]+@segkit", "", texts)


def test_the_same_run_makes_the_same_mail_and_lines_keep_to_the_standard():
    content = mail(told())
    assert content == mail(told())
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
    assert max(map(len, content.split(b"\r\n"))) <= 78 + 20
    assert content.isascii()


def test_no_boundary_is_in_a_part():
    said = Summary(SUMMARY.figures, "--=_segkit_0", ("--=_segkit_1--",), ())
    assert len(list(parsed(mail(told(said))).walk())) == 8
    assert "--=_segkit_1--" in parsed(mail(told(said))).get_body(("plain",)).get_content()


def test_the_subject_says_who_and_when():
    assert parsed(mail(told()))["Subject"] == subject(told())
    assert subject(told()) == "Tienda Demo · El período en una página · 1 ene 2025 – 31 dic 2025"


# Hostile names


def test_no_name_adds_a_header_to_a_mail():
    message = parsed(mail(told(client=INJECTED)))
    assert set(message.keys()) == {"Subject", "Date", "MIME-Version", "Content-Type"}
    assert message["Subject"].startswith("Acme Bcc: all@evil.example <b>body</b> X-Own: 1 Cc: b@")


@given(
    st.text(max_size=200) | st.text(st.sampled_from("\r\n\t:= ?éß😀\u2028\x0b\x85=_"), max_size=80)
)
def test_any_name_makes_a_mail_with_one_subject(name):
    content = mail(told(Summary((), "", (), ()), client=name))
    head = content.partition(b"\r\n\r\n")[0]
    assert [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] != b" "] == [
        b"Subject",
        b"Date",
        b"MIME-Version",
        b"Content-Type",
    ]
    assert parsed(content)["Subject"] == subject(told(client=name))


@pytest.mark.parametrize("nasty", NASTY)
def test_hostile_names_are_shown_as_they_are_written(nasty):
    summary = Summary(
        (Figure(nasty, nasty, nasty, "up", MONTHS, nasty),),
        nasty,
        (nasty,),
        (Action(nasty, nasty, nasty),),
        loss=nasty,
        forecast=nasty,
        campaign=nasty,
    )
    context = told(summary, client=nasty, theme=Theme(footer=nasty))
    shown = re.sub("[\x00\u202e\ud800]", "", nasty).replace("\u2028", " ")
    for page in (brief_page(context), html_of(mail(context))):
        assert words_of(page).count(shown) == 12
        soup = BeautifulSoup(page, "html.parser")
        assert soup.select("script, [onerror], b") == []
        assert len(soup.select("img")) == 1
        assert len(soup.select("table")) == 3
    assert plain_text(context).count(shown) == 12


def test_no_program_that_fills_templates_finds_one_in_a_page():
    page = brief_page(told(client="{{ 7 * 7 }}"))
    assert b"{" not in page
    assert "{{ 7 * 7 }}" in words_of(page)


def test_long_texts_are_cut_after_a_word():
    long = Summary((), "", ("palabra " * 500,), ())
    [sentence] = [
        item.get_text() for item in BeautifulSoup(brief_page(told(long)), "html.parser")("li")
    ]
    assert sentence.endswith("palabra…") and len(sentence) <= 360
    endless = Summary((), "", ("a" * 5000,), ())
    assert f"{'a' * 359}…" in words_of(brief_page(told(endless)))


# Pictures of trends


@pytest.mark.parametrize("values", [(1.0, 2.0), (0.0, 0.0), (-5.0, 3.0, 1e9), tuple(range(24))])
def test_a_trend_is_a_small_picture_and_the_same_for_the_same_values(values):
    picture = trend_picture(values, "#00639c")
    assert picture.startswith(b"\x89PNG") and len(picture) < 5000
    assert picture == trend_picture(values, "#00639c")
    assert b"tEXt" not in picture


# Files


def test_a_brief_is_left_beside_the_report(tmp_path):
    assert write_brief(tmp_path, told()) == tmp_path / "brief.html"
    assert sorted(file.name for file in tmp_path.iterdir()) == FILES
    assert (tmp_path / "brief.html").read_bytes() == brief_page(told())
    assert (tmp_path / "brief.eml").read_bytes() == mail(told())


def test_without_a_summary_there_is_no_brief_and_old_ones_go(tmp_path):
    for name in (*FILES, "brief.pdf"):
        (tmp_path / name).write_bytes(b"old")
    assert write_brief(tmp_path, told(None)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_brief_that_cannot_be_made_leaves_nothing_half_written(tmp_path, monkeypatch):
    def fails(_: ReportContext) -> bytes:
        raise OSError("no space left")

    monkeypatch.setattr(brief, "mail", fails)
    with pytest.raises(OSError, match="no space"):
        write_brief(tmp_path, told())
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def printer(tmp_path: Path, monkeypatch) -> Callable[[str], None]:
    """Return a function that puts a program of these lines of shell in the printers' place."""

    def put(code: str) -> None:
        file = tmp_path / "chromium"
        file.write_text(
            '#!/bin/sh\nfor word; do case "$word" in --print-to-pdf=*) out="${word#*=}";; esac; done\n'
            f"{code}\n"
        )
        file.chmod(0o755)
        monkeypatch.setenv(CHROMIUM, str(file))
        monkeypatch.setattr(pdf, "find_spec", lambda _: None)

    return put


@pytest.fixture
def run_of(make_study, tmp_path: Path) -> Callable[..., tuple[dict, set[str]]]:
    """Return a function that makes a report; it gives the manifest and the names of the briefs."""
    rows = [("c1", "2017-01-05", "o1", 1, 10.0), ("c2", "2017-02-05", "o2", 1, 20.0)]

    def make(lines=rows, **report) -> tuple[dict, set[str]]:
        study = make_study(lines, report=report)
        manifest = {"finished": "2026-01-19T10:30:00+00:00", "counts": {}, "inputs": {}}
        manifest["counts"] = dict.fromkeys(("lines_read", "lines_kept", "lines_rejected"), 2)
        manifest |= {"versions": {}, "parameters": {}, "fingerprint": "9f8e"}
        build(study, manifest, [])
        return manifest, {file.name for file in study.run_dir.glob("brief.*")}

    return make


@POSIX
def test_a_run_leaves_a_brief_in_three_forms(run_of, printer):
    printer("printf '%%PDF-1.4 /Type /Page %%%%EOF' > \"$out\"")
    manifest, files = run_of()
    assert files == {*FILES, "brief.pdf"}
    assert (manifest["brief"], manifest["pdf"]) == ("brief.html", "report.pdf")
    assert manifest["remarks"] == []


@POSIX
def test_a_client_may_do_without_printed_pages(run_of, printer):
    printer("exit 1")
    manifest, files = run_of(pdf=False)
    assert files == set(FILES)
    assert manifest["remarks"] == []


@POSIX
def test_a_machine_that_cannot_print_says_so_once(run_of, printer):
    printer("exit 1")
    manifest, files = run_of()
    assert files == set(FILES)
    assert [remark.partition(":")[0] for remark in manifest["remarks"]] == ["report.pdf"]


def test_a_client_without_buyers_has_no_brief(run_of):
    manifest, files = run_of([("a", "2025-01-01", 1, -1, -10)], pdf=False)
    assert (manifest["brief"], files) == (None, set())


# Paper


@pytest.fixture(params=["Chromium", "WeasyPrint"])
def program(request, monkeypatch) -> str:
    """Let one of the two programs print, where it is."""
    if request.param == "Chromium":
        if not chromium():
            pytest.skip("no Chromium on this machine")
        monkeypatch.setattr(pdf, "find_spec", lambda _: None)
    else:
        monkeypatch.setenv(CHROMIUM, "")
        try:
            import weasyprint  # noqa: F401
        except ImportError:
            pytest.skip("no WeasyPrint: it is in the extra segkit[pdf]")
        except OSError:
            pytest.skip("WeasyPrint lacks libraries of the system, such as Pango")
    return request.param


def places_of(page) -> list[tuple[float, float]]:
    """Return where each piece of a page's text begins, as shares of its width and height."""
    places = []

    def keep(text: str, matrix, place, *_) -> None:
        across, up = place[4], place[5]
        a, b, c, d, e, f = matrix
        if text.strip():
            places.append((a * across + c * up + e, b * across + d * up + f))

    page.extract_text(visitor_text=keep)
    return [(x / float(page.mediabox.width), y / float(page.mediabox.height)) for x, y in places]


def test_a_brief_is_one_upright_a4_page(program, tmp_path):
    file = print_brief(tmp_path, told())
    [page] = PdfReader(file).pages
    millimetres = [round(float(side) / 72 * 25.4) for side in page.mediabox[2:]]
    assert millimetres == [210, 297]
    said = plain(page.extract_text())
    assert all(plain(figure.value) in said for figure in SUMMARY.figures)
    assert SUMMARY.findings[0] in said and "10 rechaza" not in said
    assert [picture.image.size for picture in page.images]
    assert PdfReader(file).metadata.title == subject(told())
    assert [name.name for name in tmp_path.iterdir()] == ["brief.pdf"]


def test_the_longest_texts_still_fit_one_page(program, tmp_path):
    long = "WWWWWWWWW " * 100  # no letter is wider
    figure = Figure(long, "1.234.567.890,00 €" * 9, long, "up", MONTHS, long)
    actions = (Action(long, long, ""),) * 3
    summary = Summary((figure,) * 5, long, (long,) * 3, actions, long, long, long)
    wide = told(summary, client="W" * 500, theme=Theme(footer=long))
    [page] = PdfReader(print_brief(tmp_path, wide)).pages
    said = plain(page.extract_text())
    assert said.count("WWWWWWWWW") > 300
    assert Texts("es").text("page.actions") in said
    places = places_of(page)
    assert len(places) > 40
    assert [place for place in places if not (0 < place[0] < 0.92 and 0.02 < place[1] < 1)] == []


def test_letters_are_as_large_as_one_page_lets_them_be(tmp_path, monkeypatch):
    tried = []

    def print_on_two_pages_at_first(page: str, out: Path) -> None:
        tried.append(float(re.search(r"font-size:([\d.]+)px;line-height:1.2", page)[1]))
        out.write_bytes(b"/Type /Page\n" * (1 if len(tried) == 3 else 2))

    monkeypatch.setattr(brief, "print_page", print_on_two_pages_at_first)
    print_brief(tmp_path, told())
    assert tried == [pytest.approx(26 * scale, abs=0.1) for scale in SCALES[:3]]


def test_pages_are_counted_as_each_program_writes_them(program, tmp_path):
    sheets = "".join(f"<p style='break-after:page'>{number}</p>" for number in range(3))
    file = print_page(
        f"<!DOCTYPE html><title>x</title>{sheets}<p>/Type /Page</p>", tmp_path / "a.pdf"
    )
    assert page_count(file) == len(PdfReader(file).pages) == 4


def test_pages_in_compressed_objects_are_counted(tmp_path):
    packed = zlib.compress(b"<</Type /Pages>> <</Type/Page>> <</Type /Page/Parent 1 0 R>>")
    file = tmp_path / "a.pdf"
    file.write_bytes(b"1 0 obj <</Type /ObjStm>> stream\n" + packed + b"\nendstream endobj %%EOF")
    assert page_count(file) == 2
