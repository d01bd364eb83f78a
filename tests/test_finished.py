"""The finished report, seen from a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from segkit.errors import SegkitError

ROWS = [("c1", "2017-01-05", "o1", 1, 10.0), ("c2", "2017-02-05", "o2", 1, 20.0)]
PAGE = '<!DOCTYPE html><title>"A" & B</title><a href="#x">in</a><a href="annex.html#x">out</a>'


@pytest.fixture
def study(make_study):
    return make_study(ROWS)


@pytest.fixture
def report(study) -> Path:
    folder = study.root / "reports" / study.params.client / study.as_of.isoformat()
    folder.mkdir(parents=True)
    (folder / "report.html").write_text(PAGE, encoding="utf-8")
    return folder / "report.html"


def test_a_cell_shows_the_report_in_a_frame_that_runs_nothing(study, report):
    frame = BeautifulSoup(study.report()._repr_html_(), "html.parser").iframe
    assert frame.has_attr("sandbox") and not frame["sandbox"]
    assert frame["srcdoc"] == PAGE.replace(' href="annex.html#x"', "")


def test_a_terminal_is_told_where_the_report_is(study, report):
    assert repr(study.report()) == report.as_posix()


def test_without_a_finished_run_the_error_says_how_to_make_one(study):
    with pytest.raises(SegkitError, match=r"no finished report. Fix: make one: segkit run"):
        study.report()
