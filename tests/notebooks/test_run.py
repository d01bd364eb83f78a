"""Runs: isolation, skipping, resuming, and that a report is whole or absent."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from projects import keep_chapters

from segkit.cli import main
from segkit.run import clients as runs
from segkit.run.execute import Outcome

pytestmark = pytest.mark.slow

FILE = """\
client: {client}
currency: EUR
orders:
  path: {client}.csv
  columns: {{customer: c, date: d, amount: a, order: o}}
clusters: {{k: 2}}
"""


def write_client(project: Path, client: str, lines: list[str] | None = None) -> Path:
    days = [
        f"{1 + number % 9},2025-0{1 + number % 8}-15,{10 + number},{number}" for number in range(60)
    ]
    (project / f"{client}.csv").write_text(
        "\n".join(["c,d,a,o", *(lines or days)]) + "\n", encoding="utf-8"
    )
    file = project / "params" / f"{client}.yaml"
    file.write_text(FILE.format(client=client), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def run_clients(processes: ProcessPoolExecutor) -> Callable[..., list[Outcome]]:
    """The runner on processes that are already there, which saves their start."""
    return partial(runs.run_clients, executor=processes)


CHAPTERS = {
    "01_explore": "chapter.headline(study.headline)",
    "02_rfm": "chapter.table('segment_kpis_families', study.kpis('families'))",
}


@pytest.fixture
def small(project: Path) -> Path:
    """A project with two short chapters, for tests of what runs do rather than what they say."""
    keep_chapters(project, *CHAPTERS)
    for notebook in (project / "notebooks").glob("*.ipynb"):
        chapter = nbformat.read(notebook, as_version=4)
        chapter.cells = chapter.cells[:4]
        chapter.cells.append(nbformat.v4.new_code_cell(CHAPTERS[notebook.stem], id="short-00"))
        nbformat.write(chapter, notebook)
    return project


@pytest.fixture
def smallest(small: Path) -> Path:
    """The same with one chapter, where a second would show nothing."""
    keep_chapters(small, "01_explore")
    return small


def break_notebook(project: Path, client: str) -> None:
    path = project / "notebooks" / "02_rfm.ipynb"
    notebook = nbformat.read(path, as_version=4)
    code = f"if study.params.client == {client!r}:\n    raise ValueError('a broken chapter')"
    notebook.cells.append(nbformat.v4.new_code_cell(code, id="broken-00"))
    nbformat.write(notebook, path)


def test_one_broken_client_among_three_stops_none_of_the_others(small):
    files = [write_client(small, client) for client in ("ana", "beto", "carla")]
    break_notebook(small, "beto")
    outcomes = runs.run_clients(files, root=small, jobs=2)
    assert [outcome.state for outcome in outcomes] == ["done", "failed", "done"]
    problem = outcomes[1].problem
    assert problem.startswith("02_rfm: ValueError: a broken chapter. Fix: look at the marked")
    assert "\n" not in problem
    unfinished = small / "reports" / "beto" / "unfinished"
    assert "a broken chapter" in (unfinished / "notebooks" / "02_rfm.ipynb").read_text()
    assert json.loads((unfinished / "run.json").read_text())["state"] == "failed"
    assert not list((small / "reports" / "beto").glob("*/report.html"))
    assert all((outcomes[place].folder / "report.html").is_file() for place in (0, 2))


def test_a_client_with_wrong_parameters_fails_before_work_starts_and_the_others_run(
    smallest, run_clients
):
    good, bad = write_client(smallest, "ana"), write_client(smallest, "beto")
    bad.write_text(bad.read_text().replace("currency", "curency"), encoding="utf-8")
    outcomes = run_clients([bad, good], root=smallest)
    assert [outcome.state for outcome in outcomes] == ["failed", "done"]
    assert "curency: unknown key: 'EUR'. Fix: write 'currency'" in outcomes[0].problem
    assert not (smallest / "reports" / "beto").exists()


def test_an_unchanged_client_is_skipped_unless_forced_and_a_changed_one_runs(smallest, run_clients):
    file = write_client(smallest, "ana")
    first = run_clients([file], root=smallest)[0]
    assert run_clients([file], root=smallest)[0].state == "skipped"
    assert run_clients([file], root=smallest, force=True)[0].state == "done"
    with (smallest / "ana.csv").open("a") as log:
        log.write("3,2025-08-15,99,1000\n")
    again = run_clients([file], root=smallest)[0]
    assert (again.state, again.folder) == ("done", first.folder)
    assert json.loads((again.folder / "run.json").read_text())["counts"]["lines_read"] == 61


def test_the_last_good_report_stays_when_a_later_run_fails(smallest, run_clients):
    file = write_client(smallest, "ana")
    good = run_clients([file], root=smallest)[0].folder / "report.html"
    before = good.read_bytes()
    (smallest / "ana.csv").write_text("c,d,a,o\n1,never,5,1\n", encoding="utf-8")
    outcome = run_clients([file], root=smallest)[0]
    assert outcome.state == "failed"
    assert "unparsable_date" in outcome.problem
    assert good.read_bytes() == before


def test_an_interrupted_run_continues_where_it_stopped(small, run_clients):
    file = write_client(small, "ana")
    break_notebook(small, "ana")
    assert run_clients([file], root=small)[0].state == "failed"
    unfinished = small / "reports" / "ana" / "unfinished"
    done = unfinished / "notebooks" / "01_explore.ipynb"
    stamp = done.stat().st_mtime_ns
    assert run_clients([file], root=small)[0].state == "failed"
    assert done.stat().st_mtime_ns == stamp
    assert run_clients([file], root=small, force=True)[0].state == "failed"
    assert done.stat().st_mtime_ns != stamp


def test_two_files_of_the_same_client_are_refused(smallest, run_clients):
    file = write_client(smallest, "ana")
    copy = file.with_name("copy.yaml")
    shutil.copy(file, copy)
    outcomes = run_clients([file, copy], root=smallest)
    assert [outcome.state for outcome in outcomes] == ["done", "failed"]
    assert "'ana' is also in params/ana.yaml" in outcomes[1].problem


def test_the_working_directory_does_not_matter(smallest, run_clients, tmp_path, monkeypatch):
    file = write_client(smallest, "ana")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    outcome = run_clients([file], root=smallest)[0]
    assert outcome.state == "done"
    assert Path.cwd() == elsewhere
    assert os.listdir(elsewhere) == []


def test_the_command_line_tells_failures_in_one_line_and_by_its_exit_status(small, monkeypatch):
    monkeypatch.chdir(small)
    write_client(small, "ana", ["1,never,5,1"])
    result = CliRunner().invoke(main, ["run", "params/ana.yaml"])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert "ana: failed" in result.output
    assert "unparsable_date" in result.output


def test_segkit_check_names_every_problem_and_does_nothing_else(small, monkeypatch):
    monkeypatch.chdir(small)
    write_client(small, "ana")
    broken = write_client(small, "beto")
    broken.write_text(broken.read_text().replace("customer: c", "customer: cc"), encoding="utf-8")
    result = CliRunner().invoke(main, ["check", "params/ana.yaml", "params/beto.yaml"])
    assert result.exit_code == 1
    assert "ana is fine (looked at 60 lines of orders)" in result.output
    assert "orders.columns.customer: no such column in the data: 'cc'" in result.output
    assert not (small / "reports").exists()
