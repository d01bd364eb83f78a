"""Segments with other edges: the same as a client's file would make, at once, in any notebook."""

from __future__ import annotations

import datetime as dt
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from bs4 import BeautifulSoup
from made_logs import HEADER, write_rows

import segkit
from segkit.errors import ParamsError, SegkitError
from segkit.params import check_params
from segkit.report import what_if as shown
from segkit.study.study import Study

FAST = {"clusters": {"k_range": [2, 3], "n_init": 1}, "clv": {"resamples": 0}}
KEYS = {
    "client": "acme",
    "currency": "EUR",
    "language": "es",
    "orders": {"path": "orders.csv", "columns": {name: name for name in HEADER}},
    **FAST,
}
CUTS = {"recency": [20, 60, 100, 300], "frequency": [1, 2, 3, 6], "monetary": [20, 50, 100, 200.5]}
MOVES = [
    ("value_groups", {"recency": CUTS["recency"]}),
    ("value_groups", {"recency": CUTS["recency"], "frequency": CUTS["frequency"]}),
    ("sub_segments", {"recency": CUTS["recency"]}),
    ("families", {"frequency": CUTS["frequency"]}),
    ("clv_segments", {"champions_share": 0.25, "low_share": 0.5}),
    ("clv_segments", {"falling": 0.05}),
]


def rows(customers: int = 300) -> list[tuple]:
    """Two years of orders, a few customers with many and many with few."""
    random = np.random.default_rng(3)
    found = []
    for customer in range(customers):
        day = int(random.integers(0, 500))
        for _ in range(1 + random.poisson(random.gamma(0.8, 2.5))):
            date = dt.date(2023, 1, 1) + dt.timedelta(days=day)
            amount = round(float(random.gamma(2, 20)), 2)
            found.append((f"c{customer}", date.isoformat(), f"o{len(found)}", 1, amount))
            day += int(random.integers(5, 200))
            if day >= 730:
                break
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    write_rows(folder / "orders.csv", rows())
    return folder


@pytest.fixture(scope="module")
def study(root):
    study = Study(check_params(KEYS), root=root, run_dir="run")
    yield study
    study.close()


@pytest.fixture
def attended(monkeypatch):
    """Somebody sits before the notebook."""
    monkeypatch.setattr(shown, "is_attended", lambda: True)


def without_widgets(monkeypatch) -> None:
    monkeypatch.setattr(shown, "find_spec", lambda name: None)


# Edges and segments -------------------------------------------------------------------


@pytest.mark.parametrize(("segmentation", "edges"), MOVES)
def test_the_lines_for_the_clients_file_make_exactly_the_segments_shown(
    study, root, segmentation, edges
):
    trial = segkit.what_if(study, segmentation, **edges)
    content = study.params.plain() | yaml.safe_load(trial.to_yaml())
    other = Study(check_params(content), root=root, run_dir="other")
    expected = other.label(segmentation, other.customers)
    labels = study.what_if.labels(segmentation, trial.moved)
    assert labels.tolist() == expected.tolist()
    kpis = other.kpis(segmentation).set_index("segment")
    table = trial.table.set_index("segment")
    sizes = table.loc[table["customers"] > 0, "customers"]
    assert sizes.to_dict() == kpis.loc[kpis["customers"] > 0, "customers"].to_dict()
    assert table.loc[sizes.index, "revenue"].to_dict() == pytest.approx(
        kpis.loc[sizes.index, "revenue"].to_dict()
    )
    other.close()


@pytest.mark.parametrize("segmentation", ["value_groups", "sub_segments", "clv_segments"])
def test_edges_that_nobody_moved_give_the_segments_of_the_study(study, segmentation):
    table = study.what_if.table(segmentation)
    assert table["customers"].tolist() == table["customers_today"].tolist()
    labels = study.what_if.labels(segmentation, {})
    assert labels.tolist() == study.segments[segmentation].tolist()
    assert segkit.what_if(study, segmentation).to_yaml() == ""


def test_segments_add_up_to_all_customers_and_their_revenue(study):
    for segmentation, edges in MOVES:
        table = study.what_if.table(segmentation, edges).set_index("segment")
        parts = table.drop(index="total")
        assert parts["customers"].sum() == table.loc["total", "customers"] == len(study.customers)
        assert parts["revenue"].sum() == pytest.approx(study.headline["revenue"])
        assert parts["customers_share"].sum() == pytest.approx(1)


def test_next_revenue_is_what_customers_of_the_same_edges_bought_in_the_test(study):
    table = study.what_if.table("recency", {"recency": CUTS["recency"]}).set_index("segment")
    then = study.at(study.holdout.cut)
    days = then.buyers["recency_days"]
    came = study.holdout.outcomes["revenue_after"]
    assert table.loc["r5", "revenue_next"] == pytest.approx(came[days <= 20].mean())
    inside = (days > 100) & (days <= 300)
    assert table.loc["r2", "revenue_next"] == pytest.approx(came[inside].mean())
    assert table.loc["total", "revenue_next"] == pytest.approx(came.mean())


def test_scores_are_segments_of_their_own(study):
    table = study.what_if.table("monetary", {"monetary": CUTS["monetary"]}).set_index("segment")
    spent = study.buyers["revenue"].round(6)
    assert table.loc["m1", "customers"] == (spent <= 20).sum()
    assert table.loc["m5", "customers"] == (spent > 200.5).sum()


def test_a_short_history_has_sizes_and_revenue_but_no_next_revenue(make_study):
    lines = [(f"c{place % 40}", f"2024-0{1 + place % 4}-10", f"o{place}", 1, 10 + place)
             for place in range(120)]  # fmt: skip
    study = make_study(lines, **FAST)
    trial = segkit.what_if(study, "recency", recency=[10, 40, 70, 100])
    assert "revenue_next" not in trial.table
    assert "too short" in trial.html() or "demasiado corta" in trial.html()


def test_a_move_asks_nothing_of_the_engine(study, monkeypatch):
    trials = [segkit.what_if(study, segmentation, **edges) for segmentation, edges in MOVES]
    for trial in trials:
        _ = trial.html()

    def refuse(*_, **__):
        raise AssertionError("the engine was asked")

    monkeypatch.setattr("ibis.expr.types.core.Expr.to_pyarrow", refuse)
    monkeypatch.setattr("ibis.expr.types.core.Expr.execute", refuse)
    monkeypatch.setattr("segkit.study.store.Store.frame", refuse)
    for trial in trials:
        trial.move(*(("falling", 0.3) if trial.segmentation == "clv_segments" else _nudge(trial)))
        assert trial.html()


def _nudge(trial) -> tuple[str, float, int]:
    name = next(iter(trial.moved))
    return name, trial.moved[name][1] + 1, 1


@pytest.mark.parametrize(
    ("edges", "problem"),
    [
        ({"recency": [30, 60]}, "bins.recency"),
        ({"recency": [60, 30, 90, 120]}, "do not rise"),
        ({"recncy": [30, 60, 90, 120]}, "no edge of this segmentation"),
        ({"monetary": [30, 60, 90, 120]}, "no edge of this segmentation"),
    ],
)
def test_edges_that_cannot_be_are_refused_with_their_name(study, edges, problem):
    with pytest.raises((ParamsError, SegkitError), match=problem):
        _ = segkit.what_if(study, "value_groups", **edges).table


def test_a_segmentation_without_edges_is_refused(study):
    with pytest.raises(SegkitError, match="its edges cannot be moved: 'clusters'"):
        segkit.what_if(study, "clusters")


def test_what_the_client_says_already_in_a_section_stays_in_it(root):
    own = {"rfm": {"monetary": "mean", "bins": {"frequency": [1, 2, 3, 6]}}}
    study = Study(check_params(KEYS | own), root=root, run_dir="own")
    lines = segkit.what_if(study, "value_groups", recency=[20, 60, 100, 300]).to_yaml()
    assert yaml.safe_load(lines) == {
        "rfm": {
            "monetary": "mean",
            "bins": {"frequency": [1, 2, 3, 6], "recency": [20, 60, 100, 300]},
        }
    }
    study.close()


# Moves --------------------------------------------------------------------------------


def test_an_edge_stops_before_its_neighbours(study):
    trial = segkit.what_if(study, "recency", recency=[20, 60, 100, 300])
    trial.move("recency", 500, 1)
    assert trial.moved["recency"] == [20, 99, 100, 300]
    trial.move("recency", 1, 1)
    assert trial.moved["recency"] == [20, 21, 100, 300]
    assert trial.table["customers"].iloc[-1] == len(study.customers)


def test_a_slider_that_stops_beside_a_whole_day_is_on_it(study):
    trial = segkit.what_if(study, "recency", recency=[20, 60, 100, 300])
    trial.move("recency", 77.99999999999999, 1)
    assert trial.moved["recency"] == [20, 78, 100, 300]
    assert "[20, 78, 100, 300]" in trial.to_yaml()


def test_shares_of_the_best_leave_somebody_below(study):
    trial = segkit.what_if(study, "clv_segments")
    trial.move("champions_share", 0.95)
    moved = trial.edges
    assert moved["champions_share"] + moved["loyal_share"] < 1
    assert trial.table["customers"].iloc[-1] == len(study.customers)


# In a cell ----------------------------------------------------------------------------


def displayed(monkeypatch, trial) -> list:
    found: list = []
    monkeypatch.setattr("IPython.display.display", found.append)
    trial._ipython_display_()
    return found


def test_a_notebook_that_runs_unattended_shows_and_computes_nothing(root, monkeypatch):
    study = Study(check_params(KEYS), root=root, run_dir="idle")
    assert displayed(monkeypatch, segkit.what_if(study)) == []
    assert "customers" not in vars(study) and "segmented" not in vars(study)


@pytest.mark.parametrize(("answers", "expected"), [(True, True), (False, False)])
def test_somebody_is_there_where_a_cell_may_ask_a_question(monkeypatch, answers, expected):
    shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=answers))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert shown.is_attended() is expected


def test_without_widgets_there_is_a_table_and_how_to_move_an_edge(study, attended, monkeypatch):
    without_widgets(monkeypatch)
    (html,) = displayed(monkeypatch, segkit.what_if(study, "recency", recency=[20, 60, 100, 300]))
    page = BeautifulSoup(html.data, "html.parser")
    heads = [head.text for head in page.select("thead th")]
    assert heads[:3] == ["Segmento", "Clientes", "Con los límites de hoy"]
    assert len(page.select("tbody tr")) == len(study.what_if.table("recency"))
    hint = page.select("p")[-1].text
    assert 'segkit.what_if(study, "recency", recency=[20, 60, 100, 300])' in hint
    assert page.pre.text.startswith("rfm:")


def test_moving_a_slider_moves_the_edge_and_the_table(study, attended, monkeypatch):
    pytest.importorskip("ipywidgets", reason="the extra lab is not installed")
    trial = segkit.what_if(study, "recency", recency=[20, 60, 100, 300])
    (box,) = displayed(monkeypatch, trial)
    sliders, table = box.children[0].children, box.children[1]
    assert [slider.value for slider in sliders] == [20, 60, 100, 300]
    assert sliders[1].description == "Recencia, límite 2 (días)"
    before = table.value
    sliders[1].value = 80
    assert trial.moved["recency"] == [20, 80, 100, 300]
    assert table.value != before and "[20, 80, 100, 300]" in table.value
    sliders[1].value = 250
    assert sliders[1].value == 99


def test_sliders_of_shares_say_what_they_are(study, attended):
    pytest.importorskip("ipywidgets", reason="the extra lab is not installed")
    trial = segkit.what_if(study, "clv_segments")
    sliders = trial.widget().children[0].children
    assert len(sliders) == 4 and sliders[0].description == "Campeones, % de los compradores"
    sliders[0].value = 0.3
    assert trial.moved == {"champions_share": 0.3}


def test_names_from_the_clients_file_are_escaped(study, monkeypatch):
    names = study.segment_names
    hostile = names | {"families": names["families"] | {"loyal": "<script>x</script>"}}
    monkeypatch.setattr(Study, "segment_names", property(lambda _: hostile))
    html = segkit.what_if(study, "families").html()
    assert "<script>" not in html and "&lt;script&gt;x" in html
