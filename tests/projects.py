"""Projects of their own with the kit's notebooks, and finished runs that test modules share."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]


def make_project(folder: Path) -> Path:
    """Return a project folder of its own, with the notebooks and the clients' files."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("notebooks", "params"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns(".ipynb_checkpoints")
        )
    return folder


def keep_chapters(project: Path, *stems: str) -> None:
    """Leave only these notebooks in a project: a report of a few chapters is made in less time."""
    for notebook in (project / "notebooks").glob("*.ipynb"):
        if notebook.stem not in stems:
            notebook.unlink()


def finished_runs(factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of the finished runs of both demo clients, made once in a test session.

    That of the shop has slides. The workers of pytest-xdist share them: the first to ask makes them, others wait.
    """
    from segkit.run.clients import run_clients

    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    held = shared / "finished.json"
    with FileLock(shared / "finished.lock"):
        if not held.exists():
            root = make_project(shared / "finished" / "project")
            with (root / "params" / "tienda_demo.yaml").open("a", encoding="utf-8") as demo:
                demo.write("\nreport: {slides: true}\n")
            files = [root / "params" / f"{client}.yaml" for client in ("cdnow", "tienda_demo")]
            outcomes = run_clients(files, root=root, jobs=2)
            assert [outcome.problem for outcome in outcomes] == ["", ""]
            folders = {outcome.client: str(outcome.folder) for outcome in outcomes}
            held.write_text(json.dumps(folders), encoding="utf-8")
    folders = json.loads(held.read_text(encoding="utf-8"))
    return {client: Path(folder) for client, folder in folders.items()}
