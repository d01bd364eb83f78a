"""Whole runs of the demo clients, made once for all the tests that look at them."""

from pathlib import Path

import pytest
from projects import finished_runs, make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the finished runs of both demo clients."""
    return finished_runs(tmp_path_factory)
