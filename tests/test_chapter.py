"""What a notebook shows of a chapter, and what it leaves in the run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote
from xml.etree import ElementTree

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from segkit.errors import RuleError
from segkit.report.page.chapter import Chapter
from segkit.report.page.fragment import MARK
from segkit.words.texts import Texts

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=1+1", "$x$ 🙂", "a\nb"]
OWN = {
    "chapters": {"rfm": {"title": "Recencia & valor", "intro": "Qué se mide."}},
    "sentences": {
        "size": "Hay {customers:count} clientes.",
        "best": "El mejor es {segment:segment}: {note}.",
    },
    "tables": {"small": {"title": "Tabla pequeña", "note": "Son {rows:count} filas."}},
    "pictures": {"bars": {"title": "Barras", "note": "Se ven barras.", "alt": "Barras de {what}"}},
}


@pytest.fixture
def study(tmp_path: Path) -> SimpleNamespace:
    placed = SimpleNamespace(places={}, segmentation="families")
    params = SimpleNamespace(language="es", display_locale="es_AR", currency="USD", report=placed)
    names = {
        "families": {"loyal": "Leales", "new": HOSTILE[0]},
        "clusters": {"loyal": "Clientes leales"},
    }
    return SimpleNamespace(params=params, run_dir=tmp_path, segment_names=names)


@pytest.fixture
def chapter(study) -> Chapter:
    return Chapter(study, "rfm", texts=Texts("es", OWN))


def bars(table, *, style, colour="C0"):
    from matplotlib.figure import Figure

    axes = Figure(figsize=(3, 2)).add_subplot()
    axes.bar([style.label(key) for key in table["segment"]], table["customers"], color=colour)
    return axes


def soup_of(fragment) -> BeautifulSoup:
    return BeautifulSoup(fragment.html, "html.parser")


def test_an_output_is_marked_as_the_kits_and_has_html_and_text(chapter):
    bundle = chapter.say("size", customers=793)._repr_mimebundle_()
    assert bundle[MARK]["kind"] == "sentence"
    assert "<p>Hay 793 clientes.</p>" in bundle["text/html"]
    assert bundle["text/plain"] == "Hay 793 clientes."
    assert "mathjax_ignore" in bundle["text/html"]
    json.dumps(bundle)


def test_the_opening_has_the_chapters_title_and_introduction(chapter):
    soup = soup_of(chapter.opening())
    assert (soup.h2["id"], soup.h2.text, soup.p.text) == ("rfm", "Recencia & valor", "Qué se mide.")
    assert "Recencia &amp; valor" in chapter.opening().html


def test_fields_of_a_sentence_are_escaped_and_segments_named(chapter):
    fragment = chapter.say("best", "families", segment="new", note=HOSTILE[1])
    assert "<script" not in fragment.html and "<img" not in fragment.html
    assert soup_of(fragment).p.text == f"El mejor es {HOSTILE[0]}: {HOSTILE[1]}."
    assert chapter.say("best", "clusters", segment="loyal", note="x").plain == (
        "El mejor es Clientes leales: x."
    )


def test_a_table_shows_labels_headers_and_values_by_kind(chapter):
    df = pd.DataFrame(
        {
            "segment": ["loyal", "total"],
            "customers": [304, 793],
            "revenue_share": [0.5, 1.0],
            "aov": [498.39, float("nan")],
        }
    )
    soup = soup_of(chapter.table("segment_kpis_families", df))
    assert soup.h3.text == "Indicadores por segmento: Familias"
    assert [head.text for head in soup.thead("th")] == [
        "Segmento",
        "Clientes",
        "% de ingresos",
        "Ticket promedio",
    ]
    assert {head["scope"] for head in soup.thead("th")} == {"col"}
    rows = [[cell.text for cell in row(["th", "td"])] for row in soup.tbody("tr")]
    assert rows == [["Leales", "304", "50,0%", "US$498,39"], ["Total", "793", "100,0%", "—"]]
    assert [row.th["scope"] for row in soup.tbody("tr")] == ["row", "row"]
    assert soup.find("tr", class_="total").strong.text == "793"
    assert soup.caption.text == soup.h3.text
    region = soup.find(class_="scroll")
    assert (region["tabindex"], region["role"]) == ("0", "region")


def test_a_table_leaves_csv_and_parquet_in_the_run(chapter, tmp_path):
    df = pd.DataFrame({"segment": ["=loyal"], "aov": [498.39]})
    chapter.table("small", df, rows=1)
    assert (tmp_path / "exports/tables/small.csv").read_text() == "segment,aov\n'=loyal,498.39\n"
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "data/tables/small.parquet"), df)


def test_hostile_cells_headers_and_titles_are_escaped(chapter):
    df = pd.DataFrame({"segment": HOSTILE, "text": HOSTILE, HOSTILE[0]: range(5)})
    fragment = chapter.table("mine", df, title=HOSTILE[1])
    soup = soup_of(fragment)
    assert "<script" not in fragment.html and "<img" not in fragment.html
    assert [row.th.text for row in soup.tbody("tr")] == HOSTILE
    assert soup.h3.text == HOSTILE[1]
    assert not soup.find_all(lambda element: any(name.startswith("on") for name in element.attrs))


def test_a_long_table_is_shortened_and_says_where_the_rest_is(chapter):
    df = pd.DataFrame({"segment": [*map(str, range(99)), "total"], "customers": range(100)})
    soup = soup_of(chapter.table("small", df, rows=100, max_rows=10))
    assert len(soup.tbody("tr")) == 10
    assert soup.tbody("tr")[-1].th.text == "Total"
    assert soup.find(class_="rest").text == (
        "Se muestran 10 de 100 filas; el resto está en exports/tables/small.csv."
    )


def test_an_empty_table_is_still_a_table(chapter):
    soup = soup_of(chapter.table("small", pd.DataFrame({"segment": [], "aov": []}), rows=0))
    assert len(soup.thead("th")) == 2 and not soup.tbody("tr")


def test_flags_rules_and_labels_are_said_in_words(chapter):
    df = pd.DataFrame(
        {"rule": ["no_customer", "kept"], "action": ["reject", ""], "complete": [True, False]}
    )
    rows = soup_of(chapter.table("data_quality", df)).tbody("tr")
    assert [[cell.text for cell in row(["th", "td"])] for row in rows] == [
        ["Sin cliente", "Se rechazan", "Sí"],
        ["Líneas conservadas", "", "No"],
    ]


def test_a_table_without_texts_needs_a_title(chapter):
    with pytest.raises(RuleError, match=r"tables\.mine\.title.*pass title="):
        chapter.table("mine", pd.DataFrame({"a": [1]}))


@pytest.mark.parametrize("name", ["../escape", "a/b", "A", "", "a.b", ".hidden"])
def test_a_name_cannot_leave_the_run(chapter, tmp_path, name):
    with pytest.raises(RuleError, match="not a plain name"):
        chapter.table(name, pd.DataFrame({"a": [1]}), title="x")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_has_alternative_text_a_caption_and_its_data(chapter, tmp_path):
    df = pd.DataFrame({"segment": ["loyal", "new"], "customers": [3, 2]})
    fragment = chapter.picture(
        bars, df, "families", what='clientes "nuevos"', options={"colour": "C1"}
    )
    soup = soup_of(fragment)
    assert soup.img["alt"] == 'Barras de clientes "nuevos"'
    assert soup.figcaption.text == "Se ven barras."
    assert [row.th.text for row in soup.details.tbody("tr")] == ["Leales", HOSTILE[0]]
    assert (
        tmp_path / "exports/tables/bars.csv"
    ).read_text() == "segment,customers\nloyal,3\nnew,2\n"
    svg = drawing_of(soup.img)
    assert svg.tag.endswith("svg") and not list(svg.iter("{http://www.w3.org/2000/svg}script"))


def test_the_title_of_a_picture_is_its_finding_where_all_of_it_is_known(study):
    own = OWN | {
        "pictures": {
            "bars": OWN["pictures"]["bars"] | {"finding": "{segment:segment}: {customers:count}"}
        }
    }
    chapter, df = Chapter(study, "rfm", texts=Texts("es", own)), pd.DataFrame({"segment": ["new"]})
    df, known = df.assign(customers=3), {"segment": "new", "customers": 3}
    titles = [
        soup_of(chapter.picture(bars, df, "families", what="x", **fields)).h3.text
        for fields in (known, {"segment": "new"}, {})
    ]
    assert titles == [f"{HOSTILE[0]}: 3", "Barras", "Barras"]
    given = chapter.picture(bars, df, "families", title="Propio", what="x", **known)
    assert soup_of(given).h3.text == "Propio"


def test_a_clients_own_title_goes_over_the_kits_finding():
    own = {"pictures": {"monthly_revenue": {"title": "Ventas"}}}
    assert "pictures.monthly_revenue.finding" in Texts("es")
    assert "pictures.monthly_revenue.finding" not in Texts("es", own)


def test_the_same_data_give_the_same_picture(chapter):
    df = pd.DataFrame({"segment": ["loyal"], "customers": [3]})
    first, second = (chapter.picture(bars, df, what="x").html for _ in range(2))
    assert first == second


def test_a_picture_is_drawn_without_mathematics_and_left_open_nowhere(chapter):
    from matplotlib import pyplot, rcParams

    def with_pyplot(table, *, style):
        _, axes = pyplot.subplots()
        axes.set_title("$x_1$ & $y$")
        assert not axes.title.get_parse_math()
        return axes

    before = pyplot.get_fignums(), rcParams["text.parse_math"]
    chapter.picture(with_pyplot, pd.DataFrame({"a": [1]}), name="bars", what="x")
    assert (pyplot.get_fignums(), rcParams["text.parse_math"]) == before


def drawing_of(image):
    """Parse the drawing in an image of the page."""
    head, data = image["src"].split(",", 1)
    assert head == "data:image/svg+xml"
    return ElementTree.fromstring(unquote(data))


def test_the_letters_of_a_picture_are_letters(chapter):
    def labelled(table, *, style):
        axes = bars(table, style=style)
        axes.set_xlabel("Ño & <b>5 'más'</b> 100 % #1")
        return axes

    fragment = chapter.picture(
        labelled, pd.DataFrame({"segment": ["a"], "customers": [1]}), title="L"
    )
    svg = drawing_of(soup_of(fragment).img)
    assert "Ño & <b>5 'más'</b> 100 % #1" in [
        "".join(t.itertext()) for t in svg.iter("{http://www.w3.org/2000/svg}text")
    ]


def test_the_cloud_of_a_picture_with_very_many_points_becomes_pixels(chapter):
    def cloud(table, *, style):
        from matplotlib.figure import Figure

        axes = Figure().add_subplot()
        axes.plot(range(60_000), [x * 7919 % 1000 for x in range(60_000)], "o")
        axes.lines[0].set_markersize(1)
        return axes

    fragment = chapter.picture(cloud, pd.DataFrame({"a": [1]}), title="Nube")
    image = soup_of(fragment).img
    svg = drawing_of(image)
    assert [i.get("href")[:22] for i in svg.iter("{http://www.w3.org/2000/svg}image")] == [
        "data:image/png;base64,"
    ]
    assert len(image["src"]) < 400_000 and image["alt"] == "Figura: Nube"


def test_pictures_speak_the_reports_language(chapter):
    style = chapter.style_of("clusters")
    assert style.label("loyal") == "Clientes leales"
    assert style.label("revenue") == "Ingresos"
    assert style.label("no_data") == "Sin datos"
    assert [style.money(value) for value in (0, 12.5, 25_000.0)] == [
        "US$0",
        "US$12,50",
        "US$25.000",
    ]
    assert [style.percent(share) for share in (0, 0.054, 0.317)] == ["0%", "5,4%", "32%"]
    assert style.number(0.031) == "0,03"
    assert style.month(pd.Timestamp("2017-12-01")) == "dic 2017"


def test_key_figures_are_tiles_and_a_file(chapter, tmp_path):
    fragment = chapter.headline({"customers": 793, "revenue": 2297200.86, "repeat_rate": 0.985})
    soup = soup_of(fragment)
    assert [term.text for term in soup("dt")] == ["Clientes", "Ingresos", "Tasa de recompra"]
    assert [value.text for value in soup("dd")] == ["793", "US$2.297.201", "98,5%"]
    assert json.loads((tmp_path / "data/headline.json").read_text())["revenue"] == 2297200.86


def test_a_column_may_stand_in_the_cells_of_another_where_it_says_something(chapter):
    table = pd.DataFrame(
        {"segment": ["loyal", "new"], "product": ["a & b", "c"], "category": ["a & b", "home"]}
    )
    shown = soup_of(chapter.table("small", table, beside={"product": "category"}, rows=2))
    assert len(shown.thead("th")) == 2
    assert [" ".join(td.text.split()) for td in shown.tbody("td")] == ["a & b", "c home"]
    unknown = table.assign(category=None)
    shown = soup_of(chapter.table("small", unknown, beside={"product": "category"}, rows=2))
    assert len(shown.thead("th")) == 2
    assert [" ".join(td.text.split()) for td in shown.tbody("td")] == ["a & b", "c"]
