"""Fixtures that several test modules share: real data, and studies of small made logs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from made_logs import HEADER, params_of, write_rows

from segkit.data.sources import Workspace
from segkit.study.study import Study

PROJECT = Path(__file__).resolve().parents[1]

# A test says the same on any machine: no deadline, which a loaded one misses, and the same examples
# every time. `HYPOTHESIS_PROFILE=explore` tries others.
settings.register_profile(
    "any_machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", settings.get_profile("any_machine"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "any_machine"))


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Return a function that finds a file of real data, or skips the test."""
    folder = Path(os.environ.get("SEGKIT_DATA") or PROJECT.parent / "shared" / "data")

    def find(name: str) -> Path:
        file = folder / name
        if not file.is_file():
            pytest.skip(f"no real data: {name} is neither in SEGKIT_DATA nor in ../shared/data")
        return file

    return find


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """An engine whose relative paths start from the test's folder."""
    opened = Workspace(tmp_path, tmp_path / ".scratch")
    yield opened
    opened.close()


@pytest.fixture
def make_study(tmp_path: Path) -> Iterator[Callable[..., Study]]:
    """Return a function that writes order lines to a CSV file and opens a study of them.

    `rows` follow `header`; `returns`, `customers` and `events` are rows of their tables
    (order, date; customer, registered; customer, date, type, product), or sections; other
    names are parameters of the client.
    """
    opened: list[Study] = []
    beside = {
        "returns": ("order", "date"),
        "customers": ("customer", "registered"),
        "events": ("customer", "date", "type", "product"),
    }

    def make(
        rows: Iterable[Sequence[Any]],
        *,
        header: Sequence[str] = HEADER,
        run_dir: str = "run",
        as_of: date | None = None,
        **given: Any,
    ) -> Study:
        write_rows(tmp_path / "orders.csv", rows, header)
        for name, columns in beside.items():
            if name in given and not isinstance(given[name], dict):
                write_rows(tmp_path / f"{name}.csv", given[name], columns)
                mapped = {column: column for column in columns}
                given[name] = {"path": f"{name}.csv", "columns": mapped}
        params = params_of(header, **given)
        study = Study(params, root=tmp_path, run_dir=run_dir, as_of=as_of)
        opened.append(study)
        return study

    yield make
    for study in opened:
        study.close()
