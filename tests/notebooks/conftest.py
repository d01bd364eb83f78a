"""Whole runs of the demo clients, made once for all the tests that look at them."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make_project(folder: Path) -> Path:
    """Return a project folder of its own, with the notebooks and the clients' files."""
    for part in ("notebooks", "params"):
        shutil.copytree(
            ROOT / part, folder / part, ignore=shutil.ignore_patterns(".ipynb_checkpoints")
        )
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the finished runs of both demo clients."""
    from segkit.run import run_clients

    root = make_project(tmp_path_factory.mktemp("finished") / "project")
    files = [root / "params" / f"{client}.yaml" for client in ("cdnow", "tienda_demo")]
    outcomes = run_clients(files, root=root, jobs=2)
    assert [(outcome.state, outcome.problem) for outcome in outcomes] == [("done", "")] * 2
    return {outcome.client: outcome.folder for outcome in outcomes}
