"""A study: the same numbers by every way in, remembered, and only what changed made anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml
from made_logs import HEADER, write_rows

import segkit.study.base
import segkit.study.lines
import segkit.study.segmented
from segkit.analysis.value import CustomerValue
from segkit.errors import ParamsError, SegkitError
from segkit.params import SEGMENTATIONS, load_params
from segkit.segments import MICRO_SEGMENTS, RFM, STAGES, VIEWED_STAGE, VIEWS, Clusters
from segkit.study.study import Study

FAST = {"k_range": [2, 3], "n_init": 1}
ROWS = [
    (f"c{place % 7}", f"2024-{1 + place % 6:02}-{10 + place % 9}", f"o{place}", 1, 10 + place)
    for place in range(40)
]
KEYS = {
    "client": "acme",
    "currency": "EUR",
    "orders": {"path": "orders.csv", "columns": {name: name for name in HEADER}},
    "clusters": FAST,
    "clv": {"resamples": 3},
}


def make_project(folder: Path) -> Path:
    for name in ("params", "notebooks"):
        (folder / name).mkdir()
    write_rows(folder / "orders.csv", ROWS)
    (folder / "params" / "acme.yaml").write_text(yaml.safe_dump(KEYS))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder with a client's file and data."""
    return make_project(tmp_path)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Path:
    """The folder of a run of the client with everything computed."""
    root = make_project(tmp_path_factory.mktemp("first"))
    everything(Study("params/acme.yaml", root=root, run_dir="run"))
    return root / "run"


@pytest.fixture
def steps(monkeypatch) -> dict[str, int]:
    """How often each step was taken."""
    steps = ("clean", "customers", "rfm", "clusters", "value", "kpis")
    taken = dict.fromkeys(steps, 0)

    def count(home: object, name: str, step: str) -> None:
        real = getattr(home, name)

        def counted(*args, **kwargs):
            taken[step] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(home, name, counted)

    count(segkit.study.lines, "clean", "clean")
    count(segkit.study.base, "customer_table", "customers")
    count(segkit.study.segmented, "segment_kpis", "kpis")
    count(RFM, "fit", "rfm")
    count(Clusters, "fit", "clusters")
    count(CustomerValue, "fit", "value")
    return taken


def everything(study: Study) -> dict[str, pd.DataFrame]:
    tables = {name: study.kpis(name) for name in SEGMENTATIONS}
    tables |= {"customers": study.customers, "segments": study.segments, "monthly": study.monthly}
    tables |= {"quality": study.quality}
    study.close()
    return tables


def assert_same(one: dict[str, pd.DataFrame], two: dict[str, pd.DataFrame]) -> None:
    assert one.keys() == two.keys()
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, two[name])


def test_a_file_and_a_notebooks_parameters_give_the_same_numbers(project):
    by_file = everything(Study("params/acme.yaml", root=project, run_dir="a"))
    injected = {"root": str(project), "run_dir": "b", "params_file": "params/other.yaml", **KEYS}
    assert_same(by_file, everything(Study.from_notebook(injected)))
    by_hand = {
        "root": str(project),
        "run_dir": "c",
        "params_file": "params/acme.yaml",
        "client": None,
    }
    assert_same(by_file, everything(Study.from_notebook({**by_hand, "__name__": "x", "pd": pd})))


def test_a_notebooks_own_values_take_the_place_of_the_files(project):
    names = {"root": str(project), "params_file": "params/acme.yaml", "clusters": {"k": 3}}
    study = Study.from_notebook({**names, "as_of": "2024-05-01", "period_months": None})
    assert study.as_of == date(2024, 5, 1)
    assert (study.params.clusters.k, study.params.clusters.k_range) == (3, [2, 3])
    assert study.params.period_months == 12
    study.close()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"perod_months": 6}, "perod_months: unknown parameter. Fix: write 'period_months'"),
        ({"period_month": 6}, "period_month: unknown parameter. Fix: write 'period_months'"),
        (
            {"clusters": {"kk": 6}},
            "acme.yaml and notebook parameters: clusters.kk: unknown key: 6. Fix: write 'k'",
        ),
        (
            {"as_of": "soon"},
            "acme.yaml and notebook parameters: as_of: not a date: 'soon'. Fix: write",
        ),
        ({"params_file": "params/nope.yaml"}, "nope.yaml: file not found. Fix: check the path"),
    ],
)
def test_a_wrong_value_of_a_notebook_is_one_line(project, names, said):
    given = {"root": str(project), "params_file": "params/acme.yaml", **names}
    with pytest.raises(SegkitError) as caught:
        Study.from_notebook(given)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_second_study_computes_nothing(project, steps):
    first = everything(Study("params/acme.yaml", root=project, run_dir="run"))
    taken = dict(steps)
    # Twice the customers: a customer's CLV is compared with that of a quarter before.
    assert taken == {
        "clean": 1, "customers": 2, "rfm": 1, "clusters": 1, "value": 1, "kpis": len(SEGMENTATIONS),
    }  # fmt: skip
    assert_same(first, everything(Study("params/acme.yaml", root=project, run_dir="run")))
    assert steps == taken


@pytest.mark.parametrize(
    ("change", "made"),
    [
        ({"rfm": {"monetary": "mean"}}, {"rfm", "kpis"}),
        ({"clusters": {"k": 3, "n_init": 1, "k_range": [3, 3]}}, {"clusters", "kpis"}),
        ({"clv": {"resamples": 3, "margin": 0.5}}, {"value", "kpis"}),
        ({"lifecycle": {"new_days": 9}}, {"kpis"}),
        ({"period_months": 3}, {"kpis"}),
        ({"as_of": "2024-05-01"}, {"customers", "rfm", "clusters", "value", "kpis"}),
        (
            {"cleaning": {"exact_duplicate": "keep"}},
            {"clean", "customers", "rfm", "clusters", "value", "kpis"},
        ),
        ({"name": "Other", "language": "en", "report": {"min_cell": 9}}, set()),
        ({"engine": {"threads": 1, "memory_limit": "2GB"}}, set()),
    ],
)
def test_a_changed_parameter_makes_what_depends_on_it_and_nothing_else(
    project, steps, change, made
):
    everything(Study("params/acme.yaml", root=project, run_dir="run"))
    steps.update(dict.fromkeys(steps, 0))
    params = {"root": str(project), "run_dir": "run", **KEYS, **change}
    everything(Study.from_notebook(params))
    assert {step for step, times in steps.items() if times} == made


def test_a_changed_file_is_read_again(project, steps):
    one = Study("params/acme.yaml", root=project, run_dir="run")
    before = one.customers
    one.close()
    write_rows(project / "orders.csv", [*ROWS, ("new", "2024-06-20", "x", 1, 1)])
    two = Study("params/acme.yaml", root=project, run_dir="run")
    assert one.inputs != two.inputs
    assert len(two.customers) == len(before) + 1
    assert steps["clean"] == 2
    two.close()


def test_a_damaged_memory_is_made_anew(project, first_run):
    shutil.copytree(first_run, project / "run")
    before = everything(Study("params/acme.yaml", root=project, run_dir="run"))
    for file in (project / "run" / "data").rglob("*.*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:50])
    assert_same(before, everything(Study("params/acme.yaml", root=project, run_dir="run")))


def test_an_earlier_date_is_fitted_on_what_was_known_then(project, steps):
    study = Study("params/acme.yaml", root=project, run_dir="run")
    earlier = study.at(date(2024, 4, 1))
    assert earlier.customers["last_order"].max() < pd.Timestamp("2024-04-01")
    assert earlier.customers["revenue"].sum() < study.customers["revenue"].sum()
    assert len(earlier.segments) == len(earlier.customers)
    assert steps["clean"] == 1
    moved = study.label("value_groups", earlier.customers)
    assert moved.notna().all()
    study.close()


def test_the_date_is_the_day_after_the_last_sale(make_study):
    rows = [("a", "2024-02-28 23:59", 1, 1, 10), ("a", "2024-03-09", 1, -1, -10)]
    study = make_study(rows)
    assert study.as_of == date(2024, 2, 29)
    assert study.last_day == date(2024, 2, 28)
    assert study.period_start == date(2023, 2, 28)


def test_lines_after_the_date_are_counted_in_the_quality_table(make_study):
    rows = [("a", "2024-01-05", 1, 1, 10), ("a", "2024-02-05", 2, 1, 7)]
    quality = make_study(rows, as_of=date(2024, 2, 1)).quality.set_index("rule")
    assert quality.loc["after_as_of", ["lines", "amount"]].tolist() == [1, 7]


def test_months_know_whether_they_were_seen_whole(make_study):
    rows = [("a", f"2024-{month:02}-05", month, 1, month) for month in range(1, 5)]
    monthly = make_study(rows, as_of=date(2024, 4, 10)).monthly
    assert monthly["month"].dt.month.tolist() == [1, 2, 3, 4]
    assert monthly["complete"].tolist() == [False, True, True, False]
    assert monthly[["orders", "new_customers", "revenue"]].sum().tolist() == [4, 1, 10]


def test_a_period_may_begin_on_any_day(make_study):
    rows = [("a", f"2024-{month:02}-05", month, 1, 10) for month in range(1, 7)]
    study = make_study(rows, clusters=FAST)
    assert study.kpis("families").iloc[-1]["orders"] == 6
    assert study.kpis("families", date(2024, 3, 5)).iloc[-1]["orders"] == 4
    assert study.kpis("families", date(2024, 3, 6)).iloc[-1]["orders"] == 3
    assert study.period(date(2024, 6, 1))["revenue"].tolist() == [10]


def test_an_unknown_segmentation_is_named_with_the_nearest(make_study):
    study = make_study(ROWS)
    for ask in (study.kpis, lambda name: study.label(name, study.customers)):
        with pytest.raises(
            SegkitError, match="unknown segmentation: 'cluster'. Fix: did you mean 'cl"
        ):
            ask("cluster")


STAGED = {
    "gaps": {"usual_days": 30, "churn_days": 60},
    "lifecycle": {"new_days": 20, "second_days": 10},
    "as_of": date(2024, 7, 1),
}
STORY = [
    ("gone", "2024-01-05", 1, 1, 10),
    ("gone_too", "2024-01-05", 2, 1, 10),
    ("gone_too", "2024-02-05", 3, 1, 10),
    ("regular", "2024-01-01", 4, 1, 10),
    *[("regular", f"2024-{month:02}-20", 4 + month, 1, 20) for month in range(2, 7)],
    ("fresh", "2024-06-25", 20, 1, 400),
]


@pytest.fixture
def staged(make_study):
    """A study with a customer in most stages, and one who only registered."""
    registered = [("prospect", "2024-06-20"), ("fresh", "2024-06-20")]
    return make_study(STORY, customers=registered, clusters=FAST, **STAGED)


def test_a_view_labels_those_of_its_stage_and_leaves_out_the_others(staged):
    ids = staged.customers["customer_id"]
    found = {view: staged.label(view, staged.customers) for view in VIEWS}
    assert {view: labels.name for view, labels in found.items()} == {view: view for view in VIEWS}
    assert {view: labels.set_axis(ids).dropna().to_dict() for view, labels in found.items()} == {
        "registration": {"prospect": "recent"},
        "new_potential": {"fresh": "high_potential"},
        "returns": {"regular": "none"},
        "order_size": {},
        "churn_speed": {"gone": "fast", "gone_too": "late"},
        "cart": {},
    }


def test_the_segmentations_of_a_study_are_all_of_the_base_and_the_views_in_use(staged):
    in_use = ["registration", "new_potential", "returns", "churn_speed"]
    assert staged.segmentations == [*SEGMENTATIONS, *in_use]
    assert set(staged.segmentations) <= set(staged.segment_names)


def test_the_table_of_segments_has_every_label_in_the_rows_of_the_customers(staged):
    table, customers = staged.segments, staged.customers
    assert table["customer_id"].tolist() == customers["customer_id"].tolist()
    for name in (*SEGMENTATIONS, *VIEWS):
        pd.testing.assert_series_equal(
            table[name], staged.label(name, customers), check_names=False, check_dtype=False
        )
    assert table[["high_value", "discount_driven"]].dtypes.eq(bool).all()
    stages = table.set_index("customer_id")["lifecycle"]
    for view, stage in VIEWED_STAGE.items():
        inside = table.set_index("customer_id")[view].dropna()
        assert (stages[inside.index] == stage).all()


def test_key_figures_of_a_view_are_shares_of_those_in_it(staged):
    table = staged.kpis("churn_speed").set_index("segment")
    assert table["customers"].to_dict() == {"late": 1, "fast": 1, "total": 2}
    assert table.loc["fast", "customers_share"] == 0.5
    assert table.loc["total", "revenue_all_time"] == 30
    assert table.loc["late", "revenue_all_time_share"] == pytest.approx(2 / 3)
    regular = staged.kpis("returns", date(2024, 4, 1)).set_index("segment")
    assert regular.loc["none", ["customers", "orders", "revenue"]].tolist() == [1, 3, 60]
    whole = staged.kpis("lifecycle").set_index("segment")
    assert whole.loc["churned", "revenue_all_time"] == table.loc["total", "revenue_all_time"]
    assert whole.loc["total", "customers"] == 5


def test_every_stage_and_every_value_of_a_view_has_a_name(staged):
    names = staged.segment_names
    assert list(names) == [*SEGMENTATIONS, *VIEWS]
    assert list(names["lifecycle"]) == list(STAGES)
    assert list(names["micro_segments"]) == list(MICRO_SEGMENTS)
    for view, keys in VIEWS.items():
        assert list(names[view]) == list(keys)
        assert len(set(names[view].values())) == len(keys)


def test_other_new_days_make_the_stages_that_were_remembered_anew(project):
    found = {}
    for days in (5, 400):
        change = {"gaps": STAGED["gaps"], "lifecycle": {"new_days": days}}
        params = {"root": str(project), "run_dir": "run", **KEYS, **change}
        study = Study.from_notebook(params)
        found[days] = set(study.segments.loc[study.segments["lifecycle"] != "churned", "lifecycle"])
        study.close()
    assert found == {5: {"active"}, 400: {"new"}}


def test_where_the_project_lies_means_nothing(tmp_path):
    strange = tmp_path / "amount=5, [año] 'x'"
    (strange / "params").mkdir(parents=True)
    write_rows(strange / "orders.csv", ROWS)
    (strange / "params" / "acme.yaml").write_text(yaml.safe_dump(KEYS))
    study = Study("params/acme.yaml", root=strange, run_dir="run {x} 100%")
    assert study.customers["revenue"].sum() == sum(row[4] for row in ROWS)
    study.close()


def test_two_studies_may_share_a_folder(project):
    studies = [Study("params/acme.yaml", root=project, run_dir="run") for _ in range(2)]
    one, two = (study.customers for study in studies)
    pd.testing.assert_frame_equal(one, two)
    for study in studies:
        study.close()
    assert not list((project / "run").rglob(".scratch*"))


def test_a_problem_of_parameters_comes_before_any_work(project):
    (project / "params" / "acme.yaml").write_text("client: acme")
    with pytest.raises(ParamsError, match="acme.yaml: currency: missing"):
        Study("params/acme.yaml", root=project)
    assert not (project / "reports").exists()


# Published totals --------------------------------------------------------------------------


@pytest.fixture
def real_study(real_data, make_study) -> Callable[..., Study]:
    """Return a function that opens a shipped client over the real data."""
    root = Path(__file__).resolve().parents[1]

    def make(client: str, file: str, **change) -> Study:
        plain = load_params(root / "params" / f"{client}.yaml").plain()
        plain["orders"] = {
            **plain["orders"],
            "path": str(real_data(file)),
            **change.pop("orders", {}),
        }
        header = change.pop("header", HEADER)
        given = {**plain, **change}
        for name in ("client", "currency"):
            given.pop(name)
        return make_study([], header=header, **given)

    return make


def test_superstore_has_its_published_totals_before_and_after_returns(real_study, real_data):
    sold = real_study("superstore", "superstore_orders.parquet")
    counts = sold.quality.set_index("rule")["lines"]
    assert (counts["read"], counts["kept"], len(sold.customers)) == (9994, 9994, 793)
    assert sold.customers["orders"].sum() == 5009
    assert sold.customers["revenue"].sum() == pytest.approx(2_297_200.86, abs=0.01)
    assert sold.as_of == date(2017, 12, 31)
    back = {"path": str(real_data("superstore_returns.parquet")), "columns": {"order": "Order ID"}}
    left = real_study("superstore", "superstore_orders.parquet", returns=back, run_dir="back")
    quality = left.quality[left.quality["source"] == "returns"].set_index("rule")
    assert quality.loc["read", "lines"] == 296
    assert quality.loc["returned_order", "amount"] == pytest.approx(-180_504.28, abs=0.01)
    returned = left.lines.filter(left.lines["is_return"])
    assert returned.count().to_pyarrow().as_py() == 800
    assert returned["customer_id"].nunique().to_pyarrow().as_py() == 247
    assert left.customers["returned"].sum() == pytest.approx(180_504.28, abs=0.01)
    assert left.customers["revenue"].sum() == pytest.approx(2_297_200.86 - 180_504.28, abs=0.01)
    assert (left.customers["returned"] > 0).sum() == 247


def test_the_raw_file_of_superstore_gives_the_same_customers(real_study):
    typed = real_study("superstore", "superstore_orders.parquet")
    us = {"date_format": "%m/%d/%Y"}
    raw = real_study("superstore", "superstore_orders_raw.csv", orders=us, run_dir="raw")
    pd.testing.assert_frame_equal(typed.customers, raw.customers)


def test_all_of_cdnow_has_its_published_totals(real_study):
    study = real_study("cdnow_master", "cdnow_master.parquet")
    counts = study.quality.set_index("rule")["lines"]
    assert (counts["read"], counts["kept"], len(study.customers)) == (69_659, 69_659, 23_570)
    assert study.customers["revenue"].sum() == pytest.approx(2_500_315.63, abs=0.01)
    strict = {"exact_duplicate": "keep"}
    priced = real_study("cdnow_master", "cdnow_master.parquet", cleaning=strict, run_dir="priced")
    assert priced.quality.set_index("rule")["lines"]["non_positive_price"] == 80


def test_online_retail_is_read_whole_and_nothing_is_lost(real_study):
    study = real_study("online_retail_ii", "online_retail_ii_2009_2010.parquet")
    quality = study.quality[study.quality["source"] == "orders"].set_index("rule")
    lines, amount = quality["lines"], quality["amount"]
    assert lines["read"] == 525_461 == lines["kept"] + lines["rejected"]
    assert amount["read"] == pytest.approx(amount["kept"] + amount["rejected"])
    assert lines["cancelled"] > 9000
    customers = study.customers
    assert customers["gross"].sum() - customers["returned"].sum() == pytest.approx(
        customers["revenue"].sum()
    )
    assert customers["customer_id"].str.fullmatch(r"\d{5}").all()
