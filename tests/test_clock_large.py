"""The clock of a large base: its rounds look at weeks, and find what days would."""

from __future__ import annotations

import numpy as np
import pytest

from segkit.models import MBGNBD
from segkit.models import clock as clocks
from segkit.models.clock import Clock

YEARS, CUSTOMERS = 3, 3000
DECEMBER, BUSY = 11, 2.0


def _bought() -> tuple[np.ndarray, np.ndarray, np.ndarray, int, np.ndarray]:
    """Return `x`, `first`, `last`, the end and repeats by day, of a shop that lives on December."""
    random = np.random.default_rng(5)
    end = 365 * YEARS
    weights = np.where(clocks.month_of(np.arange(end)) == DECEMBER, BUSY, 1.0)
    first = np.sort(random.integers(0, end - 30, CUSTOMERS))
    first[0] = 0
    rates = random.gamma(0.6, 1 / 150, CUSTOMERS)
    seen = np.arange(end)[None, :] > first[:, None]
    days = (random.random((CUSTOMERS, end)) < rates[:, None] * weights) & seen
    x = days.sum(axis=1)
    last = np.where(x > 0, end - 1 - days[:, ::-1].argmax(axis=1), first)
    return x, first, last, end, days.sum(axis=0).astype(float)


def test_rounds_over_weeks_find_the_clock_of_days(monkeypatch: pytest.MonkeyPatch) -> None:
    x, first, last, end, daily = _bought()
    assert (x == 0).any()
    found = []
    for early in (len(x), 1):
        monkeypatch.setattr(clocks, "EARLY", early)
        model = MBGNBD()
        clock = Clock().fit(model, x, first, last, end, daily)
        found.append((clock, model.params_))
    (by_days, plain), (by_weeks, rounded) = found
    assert by_days.months_[DECEMBER] > 1.4
    assert by_weeks.months_ == pytest.approx(by_days.months_, rel=0.005)
    assert by_weeks.trend_ == pytest.approx(by_days.trend_, abs=0.01)
    assert rounded["r"] == pytest.approx(plain["r"], rel=0.02)
