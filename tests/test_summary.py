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


def test_the_whole_months_of_a_figure_add_up_to_it(demo):
    """The demo's period is a calendar year."""
    told = {figure.label: figure for figure in summary(demo).figures}
    revenue, orders, buyers, aov, repeats = told.values()
    assert [len(figure.trend) for figure in told.values()] == [12, 12, 12, 12, 0]
    assert sum(revenue.trend) == pytest.approx(demo.headline["revenue"])
    assert sum(orders.trend) == demo.headline["orders"]
    assert max(buyers.trend) <= demo.headline["buyers"] <= sum(buyers.trend)
    assert aov.trend[3] == pytest.approx(revenue.trend[3] / orders.trend[3])
    assert repeats.trend_alt == ""
    formats = Formats(demo.params.display_locale, "EUR")
    assert formats.money(revenue.trend[0], 0) in revenue.trend_alt
    assert formats.month(demo.period_start) in aov.trend_alt


def test_a_trend_leaves_out_months_that_were_not_observed_whole(make_study):
    lines = [(f"c{n}", f"2024-{n:02d}-20", n, 1, 10 * n) for n in range(1, 7)]
    trends = [figure.trend for figure in summary(make_study(lines)).figures]
    assert trends[0] == (20.0, 30.0, 40.0, 50.0)  # it begins and ends within a month
    assert trends[1] == trends[2] == (1.0,) * 4


def test_a_month_without_a_sale_counts_as_one_and_has_no_average(make_study):
    days = ("2024-01-01", "2024-02-10", "2024-04-10", "2024-05-01")
    lines = [("a", day, number, 1, 10) for number, day in enumerate(days)]
    figures = summary(make_study(lines)).figures
    assert [figure.trend for figure in figures[:4]] == [
        (10.0, 10.0, 0.0, 10.0),
        *[(1.0, 1.0, 0.0, 1.0)] * 2,
        (),
    ]


def test_one_whole_month_is_no_trend(make_study):
    figures = summary(
        make_study([("a", "2024-01-01", 1, 1, 5), ("b", "2024-02-20", 2, 1, 5)])
    ).figures
    assert [(figure.trend, figure.trend_alt) for figure in figures] == [((), "")] * 5


def test_the_first_screen_says_the_forecast_as_the_chapter_does(demo):
    said, chapter = summary(demo).forecast, Chapter(demo, "clv")
    assert said in str(chapter.tell(demo.forecast.worth)).replace("\n", " ")
    formats = Formats(demo.params.display_locale, "EUR")
    whole = demo.forecast.everyone
    for name in ("everyone", "everyone_low", "everyone_high"):
        assert formats.money(whole[name], 0) in said
    assert len(said.split()) <= 25


def test_what_cannot_be_forecast_is_not_said(make_study):
    assert summary(make_study([("a", "2025-01-01", 1, 1, 10)])).forecast == ""


def test_what_is_to_be_done_twice_is_said_once(tmp_path):
    """CDNOW has two groups to look after in the same way, and no third thing to do."""
    study = Study(PROJECT / "params" / "cdnow.yaml", run_dir=tmp_path)
    actions = summary(study).actions
    assert len({action.title for action in actions}) == 3
    assert actions[0].sentence.count(".") > 1
    assert actions[1].sentence.startswith("Lo mismo que en la acción 1. Plazo: ")
    assert not actions[2].sentence.startswith("Lo mismo")


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
