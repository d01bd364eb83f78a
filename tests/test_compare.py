"""What changed between two runs, on a terminal and as a page."""

from __future__ import annotations

import io
import json
import re
import shutil
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import EDGES, SEGMENTS, make_run, manifest_of
from rich.console import Console

from segkit.cli import main
from segkit.errors import SegkitError
from segkit.report.index.compare import Comparison, compare
from segkit.report.index.comparison import print_comparison, write_comparison
from segkit.report.index.runs import Manifest, Run
from segkit.report.index.spoken import Spoken

SCRIPT = '<script>alert("x")</script>'


@pytest.fixture
def two(tmp_path):
    """Return a function that makes a run and a later one, and compares them."""

    def make(before: dict | None = None, after: dict | None = None) -> Comparison:
        runs = (("2025-12-01", before), ("2026-01-01", after))
        return compare(*(make_run(tmp_path, as_of=day, **(given or {})) for day, given in runs))

    return make


def rows_of(comparison: Comparison, part: str) -> dict[str, tuple]:
    table = comparison.tables[part]
    return {key: (before, after) for key, before, after in table.itertuples(index=False)}


def printed(comparison: Comparison, **given) -> str:
    out = io.StringIO()
    print_comparison(comparison, Console(file=out, highlight=False, **given))
    return out.getvalue()


def titles_of(comparison: Comparison) -> list[str]:
    return [sheet.title for sheet in Spoken(comparison, "en").sheets]


# What differs -------------------------------------------------------------------------


def test_a_run_compared_with_itself_says_that_nothing_changed(tmp_path):
    home = make_run(tmp_path)
    comparison = compare(home, home)
    assert not comparison.differs
    assert titles_of(comparison) == []
    assert printed(comparison).splitlines()[-1] == "Nothing changed."


def test_the_time_of_a_run_is_no_difference(tmp_path):
    home = make_run(tmp_path)
    again = tmp_path / "again"
    shutil.copytree(home, again)
    manifest = json.loads((again / "run.json").read_text())
    manifest |= {"finished": "2026-03-01T00:00:00+00:00", "seconds": 7}
    (again / "run.json").write_text(json.dumps(manifest))
    assert not compare(home, again).differs


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(parameters=st.dictionaries(st.text(max_size=8), plain, max_size=4))
def test_whatever_the_parameters_they_are_like_themselves(parameters):
    parameters |= {"currency": "EUR", "language": "es", "locale": "es_ES"}
    held = manifest_of("acme") | {"parameters": parameters}
    runs = [
        Run(Path("nowhere"), Manifest.model_validate(json.loads(json.dumps(deepcopy(held)))))
        for _ in range(2)
    ]
    assert not Comparison(*runs).differs


def test_inputs_that_changed_came_or_went_are_told_by_file(two):
    old = {"orders": {"data/orders.csv": "a" * 64, "data/old.csv": "b" * 64}}
    new = {"orders": {"data/orders.csv": "c" * 64, "data/new.csv": "b" * 64}}
    rows = rows_of(two({"inputs": old}, {"inputs": new}), "inputs")
    assert rows == {
        "orders: orders.csv": ("a" * 64, "c" * 64),
        "orders: old.csv": ("b" * 64, None),
        "orders: new.csv": (None, "b" * 64),
    }


def test_an_input_in_another_folder_is_the_same(two):
    old, new = ({"orders": {f"{folder}/orders.csv": "a" * 64}} for folder in ("x", "y"))
    assert rows_of(two({"inputs": old}, {"inputs": new}), "inputs") == {}


def test_inputs_of_one_name_in_several_folders_are_told_apart(two):
    old = {"orders": {"x/orders.csv": "a" * 64, "y/orders.csv": "b" * 64}}
    new = {"orders": {"x/orders.csv": "a" * 64, "y/orders.csv": "c" * 64}}
    rows = rows_of(two({"inputs": old}, {"inputs": new}), "inputs")
    assert rows == {"orders: y/orders.csv": ("b" * 64, "c" * 64)}


def test_parameters_are_flattened_and_tell_what_was_added_and_removed(two):
    old = {"rfm": {"bins": {"recency": [30, 90]}, "monetary": "total"}, "since": "2024-01-01"}
    new = {"rfm": {"bins": {"recency": [30, 60]}, "monetary": "total"}, "clv": {"model": "auto"}}
    rows = rows_of(two({"parameters": old}, {"parameters": new}), "parameters")
    assert rows == {
        "rfm.bins.recency": ([30, 90], [30, 60]),
        "since": ("2024-01-01", None),
        "clv.model": (None, "auto"),
    }


def test_versions_that_differ_are_told(two):
    rows = rows_of(
        two({"versions": {"pandas": "3.0"}}, {"versions": {"pandas": "3.1"}}), "versions"
    )
    assert rows == {"pandas": ("3.0", "3.1")}


def test_a_fingerprint_is_told_only_where_nothing_else_explains_it(two, tmp_path):
    alone = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", fingerprint="another"))
    assert titles_of(alone) == ["Notebooks or other files of the run"]
    explained = two({"versions": {"pandas": "3.0"}}, {"fingerprint": "another"})
    assert "Notebooks or other files of the run" not in titles_of(explained)


def test_key_figures_tell_before_after_and_change(two):
    comparison = two({"headline": {"customers": 80.0, "repeat_rate": 0.4}}, {})
    sheet = next(s for s in Spoken(comparison, "en").sheets if s.title == "Key figures")
    assert sheet.rows == [
        ["Customers", "80", "100", "+25.0%"],
        ["Repeat rate", "40.0%", "50.0%", "+10.0 pp"],
    ]


def test_amounts_of_two_currencies_are_shown_each_in_its_own_and_not_subtracted(tmp_path):
    euro = make_run(tmp_path, "uno", headline={"revenue": 10.0, "aov": 62.5})
    dollar = make_run(tmp_path, "dos", parameters={"currency": "USD"})
    sheet = next(s for s in Spoken(compare(euro, dollar), "en").sheets if s.title == "Key figures")
    assert sheet.rows == [["Revenue", "€10.00", "$5,000.00", ""]]


def test_lines_read_kept_and_rejected_are_compared(two):
    counts = {"lines_read": 210.0, "lines_kept": 190.0, "lines_rejected": 20.0}
    rows = rows_of(two({}, {"counts": counts}), "lines")
    assert rows == {"lines_read": (200.0, 210.0), "lines_rejected": (10.0, 20.0)}


def test_edges_that_moved_are_told_and_open_ends_are_the_same(two):
    moved = EDGES.assign(**{"from": [90.0, None, None], "to": [None, 90.0, 20.5]})
    table = two({}, {"edges": moved}).tables["edges"]
    assert table["measure"].tolist() == ["recency", "recency"]
    assert table["from_after"].tolist()[0] == 90.0
    assert table["to_before"].tolist()[1] == 60.0


def test_the_model_that_was_chosen_and_the_number_of_clusters_are_compared(tmp_path):
    before, after = make_run(tmp_path, as_of="2025-12-01"), make_run(tmp_path)
    for name, state in {
        "value": {"params": {"model": "pareto_nbd"}},
        "clusters": {"fitted": {"centroids_": [1, 2]}},
    }.items():
        (after / "data" / f"{name}.json").write_text(json.dumps({"state": state}))
    sheet = next(
        s for s in Spoken(compare(before, after), "en").sheets if s.title.startswith("Models")
    )
    assert sheet.rows == [
        ["Purchase model", "BG/NBD", "Pareto/NBD"],
        ["Behavioural clusters", "1", "2"],
    ]


# Segments and customers ---------------------------------------------------------------


def moved_segments() -> pd.DataFrame:
    after = SEGMENTS.assign(lifecycle=["active", "churned", "active", "churned"]).iloc[:3]
    newcomer = {"customer_id": ["e"], "families": ["beginners"], "lifecycle": ["new"]}
    return pd.concat([after, pd.DataFrame(newcomer)], ignore_index=True)


def test_sizes_and_moves_of_customers_add_up(two):
    comparison = two({}, {"segments": moved_segments()})
    sizes = comparison.segments["lifecycle"].set_index("segment")
    assert sizes[["before", "after", "change"]].to_dict("index") == {
        "active": {"before": 2, "after": 2, "change": 0},
        "churned": {"before": 1, "after": 1, "change": 0},
        "new": {"before": 1, "after": 1, "change": 0},
    }
    row = comparison.movement.set_index("segmentation").loc["lifecycle"]
    assert row[["both", "moved", "only_before", "only_after"]].tolist() == [3, 2, 1, 1]
    assert comparison.moves["lifecycle"].to_dict("records") == [
        {"segment_before": "active", "segment_after": "churned", "customers": 1},
        {"segment_before": "new", "segment_after": "active", "customers": 1},
    ]
    assert comparison.differs


segments = st.dictionaries(
    st.integers(0, 15).map(str), st.sampled_from(["active", "new", "churned"]), min_size=1
)


@given(segments, segments)
@settings(max_examples=40)
def test_moves_explain_every_change_of_size(tmp_path_factory, before, after):
    root = tmp_path_factory.mktemp("runs")
    tables = [
        pd.DataFrame({"customer_id": list(each), "lifecycle": list(each.values())})
        for each in (before, after)
    ]
    homes = [
        make_run(root / str(place), segments=table, edges=None)
        for place, table in enumerate(tables)
    ]
    comparison = compare(*homes)
    row = comparison.movement.iloc[0]
    sizes = comparison.segments["lifecycle"]
    assert sizes["change"].sum() == row["only_after"] - row["only_before"]
    assert row["both"] == len(set(before) & set(after))
    moved = sum(before[customer] != after.get(customer, before[customer]) for customer in before)
    moves = comparison.moves.get("lifecycle", pd.DataFrame({"customers": []}))
    assert row["moved"] == moved == moves["customers"].sum()
    assert compare(*homes).differs == (before != after)


def test_customers_of_two_clients_are_not_followed(tmp_path):
    comparison = compare(make_run(tmp_path, "uno"), make_run(tmp_path, "dos"))
    assert comparison.movement is None and comparison.moves == {}
    assert "The same customers" not in Spoken(comparison, "en").unknown


def test_without_labels_sizes_come_from_the_tables_and_nobody_is_followed(tmp_path):
    homes = [make_run(tmp_path, as_of=day, segments=None) for day in ("2025-12-01", "2026-01-01")]
    for home, count in zip(homes, (5, 8), strict=True):
        (home / "exports" / "tables").mkdir(parents=True)
        table = pd.DataFrame({"segment": ["loyal", "total"], "customers": [count, count]})
        table.to_csv(home / "exports" / "tables" / "segment_kpis_families.csv", index=False)
    comparison = compare(*homes)
    assert comparison.segments["families"]["change"].tolist() == [3]
    assert Spoken(comparison, "en").unknown == ["The same customers"]


def test_parts_that_a_run_does_not_tell_are_named(two):
    comparison = two({"edges": None}, {})
    assert "Edges of the RFM scores" in Spoken(comparison, "en").unknown
    assert "because one of the runs lacks it: Edges of the RFM scores." in printed(comparison)


def test_damaged_labels_are_named(tmp_path):
    before, after = make_run(tmp_path, as_of="2025-12-01"), make_run(tmp_path)
    (after / "data" / "segments.parquet").write_bytes(b"PAR1")
    with pytest.raises(SegkitError, match=r"segments.parquet: cannot be read .* Fix: run the"):
        _ = compare(before, after).segments


# Which runs ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "report.html", "run.json"])
def test_a_run_is_named_by_its_folder_or_a_file_in_it(tmp_path, name):
    home = make_run(tmp_path)
    assert compare(home / name, home).before.folder == home


def test_what_is_no_finished_run_is_told_in_one_line(tmp_path):
    good = make_run(tmp_path)
    late = make_run(tmp_path, folder="unfinished", state="running", finished=None)
    old = make_run(tmp_path, "old")
    manifest = json.loads((old / "run.json").read_text())
    del manifest["inputs"]
    manifest["versions"]["segkit"] = "0.0.1"
    (old / "run.json").write_text(json.dumps(manifest))
    expected = {
        tmp_path / "nowhere": "nowhere: no such folder. Fix: name a folder such as reports/acme/",
        tmp_path: "no run.json in it. Fix: name the folder of a run",
        late: "run.json: the run is not finished (running). Fix: run the client again",
        old: "run.json: is of segkit 0.0.1 and cannot be read here: 'inputs: Field required'",
    }
    for path, problem in expected.items():
        result = CliRunner().invoke(main, ["compare", str(good), str(path)])
        assert result.exit_code == 1
        assert problem in result.output and len(result.output.strip().splitlines()) == 1


# How it is said -----------------------------------------------------------------------


def test_the_exit_status_tells_a_difference_only_when_asked(tmp_path):
    runs = [str(make_run(tmp_path, as_of=day)) for day in ("2025-12-01", "2026-01-01")]
    invoke = lambda *given: CliRunner().invoke(main, ["compare", *given]).exit_code
    assert invoke(*runs) == 0
    assert invoke(*runs, "--exit-code") == 1
    assert invoke(runs[0], runs[0], "--exit-code") == 0


def test_plain_output_has_no_codes_and_breaks_no_line_of_a_table(two):
    long = "x" * 150
    text = printed(two({"parameters": {"name": long}}, {"parameters": {"name": "short"}}), width=40)
    assert "\x1b" not in text
    assert re.search(rf"^name  {long}  short$", text, re.MULTILINE)


def test_a_terminal_gets_the_same_tables(two):
    comparison = two({"headline": {"customers": 80.0}}, {})
    text = printed(comparison, force_terminal=True, width=100)
    assert "\x1b[1mKey figures" in text and "+25.0%" in text


@pytest.mark.parametrize("is_terminal", [False, True])
def test_hostile_names_reach_no_terminal_as_commands(tmp_path, is_terminal):
    odd = {"parameters": {"name": "[bold]x[/bold]\x1b]0;owned\x07", "\x1b[2J": "\u202ey"}}
    comparison = compare(make_run(tmp_path), make_run(tmp_path, "b", name="n\x1b[31m", **odd))
    text = printed(comparison, force_terminal=is_terminal, width=300)
    assert "[bold]x[/bold]" in text
    assert not re.search(r"\x1b(\[2J|\]0|\[31m)|\x07|\u202e", text)


def test_the_page_is_in_the_clients_language_and_calls_segments_as_the_client_does(two, tmp_path):
    inputs = {"orders": {"log.csv": "a" * 64}}
    comparison = two({"inputs": inputs}, {"inputs": {}, "segments": moved_segments()})
    page = write_comparison(comparison, tmp_path / "page.html").read_text(encoding="utf-8")
    page = BeautifulSoup(page, "html.parser")
    assert page.html["lang"] == "es"
    assert "Pedidos: log.csv" in [cell.text for cell in page("th")]
    titles = [title.text for title in page("h2")]
    assert "De qué segmento a cuál: Etapas" in titles
    moves = page("section")[titles.index("De qué segmento a cuál: Etapas")]
    cells = [[cell.text for cell in row(["th", "td"])] for row in moves.tbody("tr")]
    assert cells == [["Activos", "Inactivos", "1"], ["Nuevos (ciclo de vida)", "Activos", "1"]]
    assert "Activos" in printed(comparison) and "From which segment to which" in printed(comparison)


def test_a_clients_own_names_of_segments_are_used_while_its_playbook_is_there(tmp_path):
    own = tmp_path / "params" / "own.yaml"
    own.parent.mkdir()
    own.write_text("segmentations: {lifecycle: {churned: {name: Dormidos}}}\n", encoding="utf-8")
    named = {"parameters": {"report": {"playbook": "params/own.yaml"}}}
    before = make_run(tmp_path, as_of="2025-12-01", **named)
    after = make_run(tmp_path, segments=moved_segments(), **named)
    assert "Dormidos" in printed(compare(before, after))
    own.unlink()
    assert "Inactivos" in printed(compare(before, after))


def test_hostile_texts_are_shown_on_the_page_and_run_nothing(tmp_path):
    odd = pd.DataFrame({"customer_id": list("abcd"), "families": [SCRIPT] * 4})
    given = {"name": SCRIPT, "segments": odd, "versions": {SCRIPT: SCRIPT}}
    given["inputs"] = {"orders": {f"{SCRIPT}.csv": SCRIPT}}
    given["parameters"] = {"name": SCRIPT, SCRIPT: {"javascript:": SCRIPT}}
    comparison = compare(make_run(tmp_path, as_of="2025-12-01"), make_run(tmp_path, **given))
    text = write_comparison(comparison, tmp_path / "page.html").read_text(encoding="utf-8")
    page = BeautifulSoup(text, "html.parser")
    assert SCRIPT in page.text
    assert not page(["script", "iframe", "object", "img", "form", "base", "link"])
    assert [link["href"] for link in page("a")] == ["#top"]
    assert str(tmp_path) not in text
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy and "script" not in policy


def test_the_page_of_a_run_and_itself_says_that_nothing_changed(tmp_path):
    home = make_run(tmp_path)
    result = CliRunner().invoke(
        main, ["compare", str(home), str(home), "--html", str(tmp_path / "same.html")]
    )
    assert result.exit_code == 0
    page = BeautifulSoup((tmp_path / "same.html").read_text(encoding="utf-8"), "html.parser")
    assert page.select_one(".same").text == "No cambió nada."
    assert not page("table")
