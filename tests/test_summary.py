"""The first screen and the conclusions of chapters: short, and true to the tables."""

import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit import Chapter, Study, load_params
from segkit.report.conclusions import CONCLUSIONS, conclusion
from segkit.report.method import method
from segkit.report.summary import first_sentence, summary
from segkit.words.changes import change_of
from segkit.words.format import Formats
from segkit.words.texts import Texts

PROJECT = Path(__file__).parents[1]
LINES = [("a", "2025-01-01", 1, 1, 10), ("a", "2025-03-01", 2, 1, 30), ("b", "2025-02-01", 3, 1, 5)]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Where both languages keep what they compute: it is the same."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module", params=["es", "en"])
def demo(request, held):
    """The study of the Spanish demo shop, in each language."""
    params = load_params(PROJECT / "params" / "tienda_demo.yaml")
    locale = {"es": "es_ES", "en": "en_GB"}[request.param]
    params = params.model_copy(update={"language": request.param, "locale": locale})
    study = Study(params, root=PROJECT, run_dir=held)
    yield study
    study.close()


@pytest.fixture
def chapter(make_study):
    return Chapter(make_study(LINES), "recommendations")


@pytest.mark.parametrize(
    ("now", "before", "is_share", "said"),
    [
        (120, 100, False, ("+20,0", "up")),
        (80, 100, False, ("−20,0", "down")),
        (100.001, 100, False, ("± 0,0", "same")),
        (0.45, 0.40, True, ("+5,0 puntos", "up")),
        (0.35, 0.40, True, ("−5,0 puntos", "down")),
        (0.4, 0.0, True, ("+40,0 puntos", "up")),
    ],
)
def test_a_change_is_said_with_its_sign(chapter, now, before, is_share, said):
    words, direction = change_of(now, before, chapter.formats, chapter.texts, is_share=is_share)
    assert words.startswith(said[0]) and direction == said[1]


@pytest.mark.parametrize(
    ("now", "before"), [(5, 0), (5, -3), (5, math.nan), (math.nan, 5), (math.inf, 5)]
)
def test_what_cannot_be_compared_says_nothing(chapter, now, before):
    said = change_of(now, before, chapter.formats, chapter.texts, is_share=False)
    assert said == ("", "same")


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "Aporta 1.234,50 € (entre 1.000 € y 1.400 €). Su LTV es 5.",
            "Aporta 1.234,50 € (entre 1.000 € y 1.400 €).",
        ),
        ("It brings $1,234.50, 3.5% of all. 12 more.", "It brings $1,234.50, 3.5% of all."),
        ("«Nuevos» reúne a 139 clientes. «Leales» no.", "«Nuevos» reúne a 139 clientes."),
        ("«Leales» 139 clientes compran más. Fin.", "«Leales» 139 clientes compran más."),
        ("Dijo «vuelvo.» Y volvió.", "Dijo «vuelvo.»"),
        ("Suben 5 % vs. 2024 en EE. UU. Y ya.", "Suben 5 % vs. 2024 en EE. UU. Y ya."),
        ("Aporta 1.234,50 €. (Antes 1.000 €.) Fin.", "Aporta 1.234,50 €."),
        ("Aporta 1.234 u. (5 %). Fin.", "Aporta 1.234 u. (5 %)."),
        ("Aporta 1.234 u. Su LTV es 5 u.", "Aporta 1.234 u."),
        ("Aporta 1.234 u. «Leales», 5 u.", "Aporta 1.234 u."),
        ("Sin punto final", "Sin punto final"),
        ("", ""),
    ],
)
def test_the_first_sentence_ends_where_the_second_begins(text, first):
    assert first_sentence(text) == first


@given(st.text("aB1.,;%€$ «»()", max_size=60))
def test_the_first_sentence_is_the_beginning_of_the_text(text):
    first, text = first_sentence(text), text.strip()
    assert text.startswith(first) and bool(first) == bool(text)
    assert first == text or first[-1] in ".!?»”)"


def test_the_first_screen_says_five_figures_and_how_each_moved(demo):
    told = summary(demo)
    now, before = demo.headline, demo.headline_before
    assert [figure.direction for figure in told.figures] == [
        "up" if now[key] > before[key] else "down"
        for key in ("revenue", "orders", "buyers", "aov", "repeat_rate")
    ]
    change = Formats(demo.params.display_locale, "EUR").percent(
        now["revenue"] / before["revenue"] - 1
    )
    assert told.figures[0].change == f"+{change}"
    assert len(told.findings) == len(told.actions) == 3
    assert all(re.search(r"\d", sentence) for sentence in told.findings)
    assert [action.anchor for action in told.actions] == [
        f"recommendations-first-{place}" for place in (1, 2, 3)
    ]


def test_a_short_log_has_no_comparison_and_its_conclusions_stand_in_for_findings(make_study):
    told = summary(make_study(LINES))
    texts = Texts("es")
    assert told.compared == texts.text("page.not_compared")
    assert [figure.change for figure in told.figures] == [""] * 5
    assert 1 <= len(told.findings) <= 3 and all(told.findings)


@pytest.mark.parametrize("key", CONCLUSIONS)
def test_every_chapter_comes_to_one_sentence_with_a_number(demo, key):
    said = conclusion(demo, Chapter(demo, key))
    assert re.search(r"\d", said) and said.endswith((".", ")."))
    assert "{" not in said and "nan" not in said.lower().split()


def test_conclusions_say_the_figures_of_the_tables(demo):
    formats = Formats(demo.params.display_locale, "EUR")
    said = {key: conclusion(demo, Chapter(demo, key)) for key in CONCLUSIONS}
    assert formats.money(demo.headline["revenue"], 0) in said["explore"]
    best = demo.kpis("value_groups").set_index("segment").loc["champions"]
    assert formats.percent(best["revenue_share"]) in said["rfm"]
    assert formats.money(demo.forecast.total["low"], 0) in said["clv"]
    gone = demo.kpis("lifecycle").set_index("segment").loc["churned", "customers"]
    assert formats.integer(gone) in said["lifecycle"]
    assert formats.decimal(demo.evidence.best_segmentation["gini"]) in said["segments"]
    worth = demo.insights.top()["expected_value"].sum()
    assert formats.money(worth, 0) in said["recommendations"]


@pytest.mark.parametrize("key", CONCLUSIONS)
@pytest.mark.parametrize("language", ["es", "en"])
def test_a_log_of_three_lines_comes_to_something_or_to_nothing(make_study, key, language):
    study = make_study(LINES, language=language)
    said = conclusion(study, Chapter(study, key))
    assert said == "" or re.search(r"\d", said)
    assert "nan" not in said.lower() and "{" not in said


def test_a_base_without_buyers_concludes_nothing(make_study):
    study = make_study([("a", "2025-01-01", 1, -1, -10)])
    assert [conclusion(study, Chapter(study, key)) for key in CONCLUSIONS] == [""] * len(
        CONCLUSIONS
    )


def test_a_chapter_of_the_analysts_own_has_no_conclusion(make_study):
    study = make_study(LINES)
    assert conclusion(study, Chapter(study, "mine")) == ""


def test_the_method_says_what_was_done_and_with_which_figures(demo):
    told = dict(method(demo, Chapter(demo, "method")))
    texts, formats = Texts(demo.params.language), Formats(demo.params.display_locale, "EUR")
    title = lambda key: texts.text(f"method.{key}.title")
    assert list(told) == [
        title(key)
        for key in ("data", "rfm", "clusters", "value", "lifecycle", "evidence", "uncertainty")
    ]
    read = demo.quality[demo.quality["source"] == "orders"].set_index("rule")["lines"]
    assert formats.integer(read["read"]) in told[title("data")]
    assert formats.date(demo.evidence.cut) in told[title("evidence")]
    assert formats.integer(demo.gaps["churn_days"]) in told[title("lifecycle")]


def test_the_method_leaves_out_what_was_not_done(make_study):
    study = make_study(LINES, clusters={"k": 2})  # too short for a test, and k is no finding
    titles = [title for title, _ in method(study, Chapter(study, "method"))]
    texts = Texts("es")
    shown = [
        key
        for key in ("data", "clusters", "evidence")
        if texts.text(f"method.{key}.title") in titles
    ]
    assert shown == ["data"]


def test_the_first_things_to_do_are_different_things_where_there_are_some(demo):
    rules = demo.insights.table["rule"]
    assert rules.duplicated().any()  # else this shows nothing
    first = demo.insights.top()
    assert first["rule"].nunique() == min(3, rules.nunique())
    assert first["expected_value"].is_monotonic_decreasing
    assert sorted(demo.insights.top(5)["expected_value"]) == sorted(
        demo.insights.table["expected_value"]
    )
