"""What notebooks show of the kit's objects: brief, escaped, explained, and computed by nobody."""

from __future__ import annotations

import inspect
import json
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import segkit
from segkit import models, segments
from segkit.errors import DataError, ParamsError, SegkitError
from segkit.foundation.cached import cached_property
from segkit.foundation.display import (
    Shown,
    facts,
    public_names,
    summary,
    table_html,
    written,
)
from segkit.models import BGNBD, GammaGamma, ParetoNBD
from segkit.params import Params, check_params
from segkit.segments import RFM, Clusters, CLVSegments, Lifecycle, RuleTable
from segkit.study.part import StudyPart
from segkit.study.study import Study

PARTS = (
    *("actions", "audiences", "carts", "evidence", "forecast", "insights", "migration"),
    *("audit", "offers", "stages"),
)
ATTACK = "<img src=x onerror=alert(1)>"


def words(shown: object) -> str:
    return " ".join(BeautifulSoup(shown._repr_html_(), "html.parser").get_text(" ").split())


@pytest.fixture
def lines() -> list[tuple]:
    chance = np.random.default_rng(7)
    days = [date(2024, 1, 1 + int(day)) for day in chance.integers(0, 28, 80)]
    return [(int(chance.integers(30)), day, n, 1, 20.0 + n) for n, day in enumerate(days)]


@pytest.fixture
def study(make_study, lines) -> Study:
    return make_study(lines, name=f"{ATTACK} & sons")


@pytest.fixture
def shell():
    main = sys.modules["__main__"]  # the shell takes its place, and child processes need it
    opened = InteractiveShell.instance(colors="nocolor")
    opened.reset()
    yield opened
    InteractiveShell.clear_instance()
    sys.modules["__main__"] = main


@pytest.fixture
def ran(shell, capsys):
    """Return a function that runs a cell and returns what it printed."""

    def run(code: str, **names: object) -> str:
        shell.push(names)
        capsys.readouterr()
        shell.run_cell(code)
        return capsys.readouterr().out

    return run


# A study, unread ----------------------------------------------------------------------


def test_a_look_at_a_study_reads_no_line(study):
    before = set(vars(study))
    assert repr(study) == "Study('acme')"
    assert "not counted yet" in words(study)
    assert set(vars(study)) == before
    assert not study.run_dir.exists()


@pytest.mark.parametrize("name", PARTS)
def test_a_look_at_a_part_of_a_study_reads_no_line(study, name):
    part = getattr(study, name)
    before = set(vars(part))
    assert repr(part) == f"{type(part).__name__} of Study('acme')"
    assert words(part)
    assert set(vars(part)) == before
    assert not study.run_dir.exists()


def test_a_study_shows_what_has_been_computed(study, lines):
    assert len(study.customers) == len({line[0] for line in lines})
    _ = study.headline
    shown = words(study)
    assert f"customers {len(study.customers)} " in shown
    assert f"revenue {sum(line[4] for line in lines):,.0f} " in shown
    assert repr(study) == f"Study('acme', as_of={study.as_of})"


def test_a_part_shows_its_table_once_there_is_one(study):
    assert "table: first" not in words(study.actions)
    _ = study.actions.table
    assert f"table: first 8 of {len(study.customers)} rows" in words(study.actions)


def test_a_forecast_shows_its_model_and_what_the_base_is_worth(study):
    worth = study.forecast.values["clv"].sum()
    shown = words(study.forecast)
    assert f"model {study.forecast.choice['model']}" in shown
    assert f"expected value in 12 months {written(float(worth))} " in shown


def test_names_are_escaped_in_every_page(study):
    for shown in (study, study.params, study.forecast):
        page = shown._repr_html_()
        assert ATTACK not in page
        assert "&lt;img src=x onerror=alert(1)&gt; &amp; sons" in page


def test_pages_have_no_colours_of_their_own_so_that_they_suit_dark_themes(study):
    for shown in (study, study.params, study.offers, RFM(), BGNBD(), RuleTable.load()):
        page = shown._repr_html_()
        assert "color" not in page
        assert "background" not in page
        assert "mathjax_ignore" in page


# Completion and docstrings ------------------------------------------------------------


def completed(shell: InteractiveShell, text: str) -> set[str]:
    with provisionalcompleter():
        found = shell.Completer.completions(text, len(text))
        return {each.text for each in found if not each.text.startswith("_")}


def test_tab_lists_what_a_study_answers_and_computes_nothing(study, shell):
    shell.push({"study": study})
    before = set(vars(study))
    assert {"customers", "kpis", "forecast", "insights", "params"} <= completed(shell, "study.")
    assert {"head", "groupby"} <= completed(shell, "study.customers.")
    assert {"head", "groupby"} <= completed(shell, "study.quality.")
    assert set(vars(study)) == before
    assert not study.run_dir.exists()


def test_tab_lists_a_clients_keys_and_none_of_pydantics_names(study, shell):
    shell.push({"study": study})
    names = completed(shell, "study.params.")
    assert {"client", "currency", "orders", "clv", "title"} <= names
    assert [name for name in names if name.startswith(("model_", "parse_"))] == []
    assert "quantile" not in names
    assert completed(shell, "study.params.gaps.") == {"usual_days", "churn_days", "return_share"}


@pytest.mark.parametrize("name", ["customers", "quality", "headline", "gaps", "forecast", "lines"])
def test_shift_tab_explains_a_property_without_computing_it(study, shell, name):
    shell.push({"study": study})
    before = set(vars(study))
    told = shell.object_inspect(f"study.{name}")["docstring"]
    assert told.splitlines()[0] == summary(inspect.getattr_static(Study, name))
    assert set(vars(study)) == before


def documented() -> list[type]:
    parts = [getattr(Study, name).fget.__annotations__["return"] for name in PARTS]
    homes = {
        part: getattr(sys.modules[f"segkit.study.{name}"], part)
        for name, part in zip(PARTS, parts, strict=True)
    }
    kit = [getattr(segkit, name) for name in segkit.__all__]
    fitted = [getattr(home, name) for home in (models, segments) for name in home.__all__]
    return [each for each in (*kit, *fitted, *homes.values()) if inspect.isclass(each)]


def test_every_public_name_says_in_a_line_what_it_is(study):
    for name in PARTS:
        getattr(study, name)  # imports its module
    silent = []
    for kind in documented():
        own = {name: inspect.getattr_static(kind, name) for name in public_names(kind)}
        for name, member in {"": kind, **own}.items():
            if _is_of_the_kit(member) and not _is_a_sentence(summary(_told(kind, name) or member)):
                silent.append(f"{kind.__name__}.{name}")
    assert len(documented()) >= 25
    assert silent == []


def _told(kind: type, name: str) -> object:
    return getattr(kind, name) if name else kind


def _is_of_the_kit(member: object) -> bool:
    made = getattr(member, "fget", None) or getattr(member, "__func__", member)
    return made.__module__.startswith("segkit")


def _is_a_sentence(line: str) -> bool:
    return len(line) > 12 and line[0].isalnum() and line[-1] in ".:;`"


def test_public_functions_say_in_a_line_what_they_do():
    homes = [segkit, segkit.plots, segkit.analysis]
    functions = [getattr(home, name) for home in homes for name in home.__all__]
    silent = [each for each in functions if callable(each) and not summary(each)]
    assert len(functions) > 30
    assert silent == []


# A property computed once -------------------------------------------------------------


class Counter:
    def __init__(self) -> None:
        self.asked = 0

    @cached_property
    def value(self) -> int:
        """How often it was asked for."""
        self.asked += 1
        return self.asked


def test_a_cached_property_is_computed_once_by_each_object():
    one, other = Counter(), Counter()
    assert [one.value, one.value, one.asked, other.asked] == [1, 1, 1, 0]


def test_a_cached_property_can_be_set_and_forgotten():
    counter = Counter()
    counter.value = 9
    assert counter.value == 9
    del counter.value
    assert counter.value == 1


def test_a_cached_property_that_fails_is_tried_again():
    class Flaky:
        tries = 0

        @cached_property
        def value(self) -> int:
            self.tries += 1
            if self.tries == 1:
                raise OSError
            return self.tries

    flaky = Flaky()
    with pytest.raises(OSError):
        _ = flaky.value
    assert flaky.value == 2


# Parameters, models, segmentations ----------------------------------------------------


def params(**given: object) -> Params:
    columns = {"customer": "c", "date": "d", "amount": "a"}
    orders = {"path": "orders.csv", "columns": columns}
    return check_params({"client": "acme", "currency": "EUR", "orders": orders, **given})


def test_parameters_show_first_what_is_not_a_default():
    shown = words(params(clv={"horizon_months": 6}))
    given, usual = shown.split("more at their defaults")
    assert "clv.horizon_months 6" in given
    assert "orders.columns.customer c" in given
    assert "clv.discount_rate" not in given
    assert "clv.discount_rate 0.1" in usual
    assert repr(params()) == "Params('acme', currency='EUR', language='es')"


def test_a_section_of_the_parameters_shows_itself_too():
    assert "horizon_months 6" in words(params(clv={"horizon_months": 6}).clv)


def test_parameters_show_no_password():
    url = "postgresql://ana:${SHOP_PASSWORD}@db.example/shop?token=${SHOP_TOKEN}"
    database = {"url": url, "table": "orders"}
    columns = {"customer": "c", "date": "d", "amount": "a"}
    shown = words(params(orders={"database": database, "columns": columns}))
    assert "ana:${SHOP_PASSWORD}@db.example" in shown


def test_an_estimator_names_only_what_was_chosen():
    assert repr(RFM()) == "RFM()"
    assert repr(RFM(monetary="mean")) == "RFM(monetary='mean')"
    assert "not fitted: call fit first" in words(RFM())


def test_a_fitted_purchase_model_shows_its_parameters_and_what_they_mean():
    x, t_x, T = np.array([0, 2, 1, 4, 0, 3]), np.array([0, 30.0, 9, 31, 0, 20]), np.full(6, 38.0)
    model = BGNBD().fit(x, t_x, T)
    shown = words(model)
    orders = model.expected_orders(365.25 / 7)
    assert f"{orders:.2f} more orders in a year" in shown
    assert f"log_likelihood {model.log_likelihood_:,.2f}" in shown
    for name, value in model.params_.items():
        assert f"{name} {written(value)} " in shown


@pytest.mark.parametrize(
    "model",
    [
        BGNBD("days").with_params({"r": 0.2, "alpha": 4.4, "a": 0.8, "b": 2.4}),
        ParetoNBD().with_params({"r": 0.5, "alpha": 10.0, "s": 0.6, "beta": 11.0}),
    ],
)
def test_a_model_with_given_parameters_shows_them(model):
    shown = words(model)
    assert "more orders in a year" in shown
    assert "alpha" in shown


def test_the_spend_model_says_what_a_purchase_is_worth():
    model = GammaGamma().with_params({"p": 6.25, "q": 3.74, "gamma": 15.44})
    assert "35.22 a purchase" in words(model)


def test_segmentations_show_what_they_learnt(study):
    edges, thresholds = words(study.rfm), words(study.clv_segments)
    assert "recency score from to customers share" in edges
    assert "usual_days" in thresholds
    assert "segment buyers share" in words(study.clusters)
    assert "customer is of high value from" in words(study.lifecycle)
    assert "{r: 5" not in words(study.rules)
    assert "champions r: 5, 5, f: 4, 5" in words(study.rules)


@pytest.mark.parametrize("kind", [RFM, Clusters, CLVSegments, Lifecycle, BGNBD, GammaGamma])
def test_an_estimator_that_is_not_fitted_can_be_looked_at(kind):
    assert kind.__name__ in words(kind())


# Values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12_345, "12,345"),
        (np.int64(5), "5"),
        (5009.0, "5,009"),
        (1234.567, "1,234.57"),
        (0.00012345, "0.000123"),
        (True, "True"),
        (float("nan"), "–"),
        (pd.NA, "–"),
        (pd.NaT, "–"),
        (pd.Timestamp("2025-03-04"), "2025-03-04"),
        ({"a": 1, "b": [1, 2]}, "a: 1, b: 1, 2"),
        (pd.DataFrame({"a": [1, 2]}), "2 rows × 1 columns"),
        (np.zeros(3), "3 values"),
        ([], "–"),
        ("two\nlines", "two lines"),
        ("x" * 500, "x" * 119 + "…"),
    ],
)
def test_values_are_written_on_one_short_line(value, text):
    assert written(value) == text


def test_tables_show_their_first_rows_and_say_how_many_there_are():
    table = pd.DataFrame({ATTACK: range(20)})
    html = table_html(table, "numbers")
    assert "first 8 of 20 rows" in html
    assert html.count("<tr>") == 9
    assert ATTACK not in html
    assert ATTACK not in facts({ATTACK: ATTACK})


def test_an_object_of_a_reader_shows_itself_in_the_same_way():
    class Shelf(Shown):
        """Where books stand."""

        @property
        def books(self) -> list[str]:
            """Titles, in order."""
            raise AssertionError("looked at")

        def find(self, title: str, edition: int = 1) -> str:
            """Return a book's place."""

    assert words(Shelf()).startswith("Shelf Where books stand. What can be asked")
    assert "books Titles, in order." in words(Shelf())
    assert "find(title) Return a book's place." in words(Shelf())
    assert issubclass(StudyPart, Shown)


# Errors -------------------------------------------------------------------------------


def test_an_error_shows_its_line_and_the_users_own_lines_first(ran, study):
    shown = ran("def ask():\n    return study.kpis('famlies')\n\nask()", study=study)
    lines = shown.strip().splitlines()
    assert lines[0].startswith("SegkitError: unknown segmentation: 'famlies'. Fix: did you mean")
    assert [line.split(": ", 1)[1] for line in lines[1:3]] == [
        "ask()",
        "return study.kpis('famlies')",
    ]
    assert "require_segmentation" not in shown
    assert len(lines) <= 6


def test_tb_shows_the_whole_traceback(ran, study):
    ran("study.kpis('famlies')", study=study)
    whole = ran("%tb")
    assert "Traceback (most recent call last)" in whole
    assert "require_segmentation" in whole
    assert "require_segmentation" in ran("%tb Plain")


def test_an_error_that_is_raised_again_is_short_again(ran, study):
    ran("study.kpis('famlies')", study=study)
    again = ran("import sys\nraise sys.last_value")
    assert "require_segmentation" not in again
    assert again.startswith("SegkitError: ")


def test_every_problem_of_the_parameters_has_its_line(ran):
    shown = ran("from segkit.params import check_params\ncheck_params({'client': 'acme', 'x': 1})")
    assert "currency: missing. Fix: add it\n" in shown
    assert "x: unknown key" in shown
    assert shown.startswith("ParamsError: ")


def test_the_debugger_still_finds_where_an_error_arose(ran, study):
    ran("study.kpis('famlies')", study=study)
    names = []
    trace = sys.last_traceback
    while trace:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "require_segmentation"


def test_what_papermill_reads_of_an_error_is_its_class_and_text(shell):
    shell.run_cell("from segkit.errors import DataError")
    result = shell.run_cell("raise DataError('no rows', where='orders', fix='look at it')")
    assert type(result.error_in_exec).__name__ == "DataError"
    assert str(result.error_in_exec) == "orders: no rows. Fix: look at it"


@pytest.mark.parametrize(
    "error", [SegkitError("a"), DataError("b"), ParamsError([SegkitError("c")])]
)
def test_an_error_can_be_shown_without_a_notebook(error):
    assert error._render_traceback_()[0] == f"{type(error).__name__}: {error}"


# Notebooks ----------------------------------------------------------------------------

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_begins_with_what_it_shows_and_how_to_look_at_another_client(notebook):
    first, parameters = json.loads(notebook.read_text(encoding="utf-8"))["cells"][:2]
    text = "".join(first["source"])
    assert first["cell_type"] == "markdown"
    assert text.startswith(f"# {notebook.stem[:2]} · ")
    assert "params/" in text
    assert len(text.split()) < 150
    assert parameters["metadata"]["tags"] == ["parameters"]
