"""Every notebook from end to end in JupyterLab, as an analyst opens it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab import Lab, running_lab
from projects import ROOT, make_project

pytestmark = [pytest.mark.slow, pytest.mark.browser]

NOTEBOOKS = sorted(file.name for file in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
INDICATOR = ".jp-Notebook-ExecutionIndicator"
PROMPTS = (
    "Array.from(document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt'), p => p.innerText)"
)
MINUTES = 5 * 60_000


@pytest.fixture(scope="module")
def project(finished: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose demo client has been looked at before: what was computed is there."""
    root = make_project(tmp_path_factory.mktemp("lab") / "project")
    shutil.copytree(finished["cdnow"] / "data", root / "reports" / "cdnow" / "draft" / "data")
    return root


@pytest.fixture(scope="module")
def lab(browser, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(project / "notebooks", tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def page(browser, lab: Lab):
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()
    lab.stop_kernels()


def open_notebook(page, lab: Lab, notebook: str) -> None:
    """Open a notebook and wait until its kernel is ready."""
    page.goto(lab.page(notebook))
    lab.wait_for_kernel()
    page.locator(f"{INDICATOR}[data-status=idle]").wait_for(timeout=MINUTES)


def run_all(page, lab: Lab, notebook: str) -> None:
    """Open a notebook, wait for its kernel, and run every cell by the menu."""
    open_notebook(page, lab, notebook)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator(".lm-Menu [data-command='runmenu:run-all']").click()
    page.wait_for_function(f"{PROMPTS}.some(text => text.includes('*'))", timeout=MINUTES)
    page.wait_for_function(f"!{PROMPTS}.some(text => text.includes('*'))", timeout=MINUTES)
    page.locator(f"{INDICATOR}[data-status=idle]").wait_for(timeout=MINUTES)


def saved(page, file: Path) -> nbformat.NotebookNode:
    """Save the notebook by the keyboard and return what is then in its file."""
    before = file.stat().st_mtime_ns
    page.keyboard.press("Control+s")
    for _ in range(300):
        page.wait_for_timeout(100)
        if file.stat().st_mtime_ns != before and is_whole(file):
            break
    return nbformat.read(file, as_version=4)


def is_whole(file: Path) -> bool:
    """Return whether a file that is being written can be read as JSON yet."""
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_runs_whole_in_jupyterlab(page, lab, finished, name):
    run_all(page, lab, name)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
    assert page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts() == []
    pictures = page.locator(".jp-OutputArea img")
    chapter = (finished["cdnow"] / "notebooks" / name).read_text(encoding="utf-8")
    assert pictures.count() == chapter.count("<img ")
    assert pictures.evaluate_all("all => all.filter(e => e.naturalWidth < 100).length") == 0
    code = [cell for cell in saved(page, lab.folder / name).cells if cell.cell_type == "code"]
    assert [cell.id for cell in code if cell.source and not cell.execution_count] == []
    kinds = {output.output_type for cell in code for output in cell.outputs}
    assert kinds <= {"execute_result", "display_data"}


def test_the_server_and_its_kernels_are_gone_at_the_end(browser, project, tmp_path):
    page = browser.new_page()
    with running_lab(project / "notebooks", tmp_path) as other:
        open_notebook(page, other, NOTEBOOKS[0])
        page.close()
        family = other.process.children(recursive=True)
        assert any("ipykernel_launcher" in part for kernel in family for part in kernel.cmdline())
    assert [process for process in [other.process, *family] if process.is_running()] == []
