"""Whether what an earlier run forecast has come: month by month, from what both runs left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pandas as pd

from segkit.report.index.runs import Run

EVERYONE = "everyone"
ENDS = ("revenue_low", "revenue_high")
HISTORY = 12
RESTATED = 0.02
"""How far two runs may differ about months that both have seen: returns come late."""

Month = int
"""Months since the year 0."""
Revenue = Mapping[int, float]
"""Money by month."""


@dataclass(frozen=True)
class Checked:
    """What was forecast of the whole months since an earlier run, and what came.

    Attributes
    ----------
    day : date
        The cut-off date of the run that forecast it.
    first, last : date
        First days of the first and the last of the months.
    came, low, high : float
        Revenue of those months, and the range it was to lie in (money).
    """

    day: dt.date
    first: dt.date
    last: dt.date
    came: float
    low: float
    high: float

    @property
    def is_missed(self) -> bool:
        """Whether what came lies outside of the range."""
        return not self.low <= self.came <= self.high

    @property
    def is_below(self) -> bool:
        """Whether less came than was forecast."""
        return self.came < self.low

    @property
    def distance(self) -> float:
        """How far outside of the range it lies, as a share of its nearer end."""
        end = self.low if self.is_below else self.high
        return abs(self.came - end) / end if self.is_missed and end > 0 else 0.0


def checked_forecast(runs: Sequence[Run]) -> Checked | None:
    """Compare the newest run's revenue with what the run before forecast.

    Parameters
    ----------
    runs : sequence of Run
        Finished runs of one client, newest first.

    Returns
    -------
    Checked or None
        Of the latest earlier run whose forecast reaches over a whole month that has come since;
        None where there is none, or where the two do not speak of the same: another currency, or
        months before that forecast whose revenue has changed since.

    Notes
    -----
    Only whole calendar months count: forecast whole and observed whole. The range of several
    months goes from the sum of their lower ends to that of their upper ones. It is as wide as if
    all months erred the same way, so more comes to lie in it than in the range of one month, which
    holds four times in five (definitions, section 6).
    """
    if len(runs) < 2 or not (now := _observed(runs[0])):
        return None
    for before in runs[1:]:
        ends = {month: both for month, both in _forecast(before).items() if month in now}
        if ends and before.manifest.as_of:
            is_same = before.params.currency == runs[0].params.currency
            checked = _checked(before.manifest.as_of, ends, now)
            return checked if is_same and _agrees(_observed(before), now) else None
    return None


def _checked(day: dt.date, ends: Mapping[Month, tuple[float, float]], now: Revenue) -> Checked:
    low, high = (sum(both[place] for both in ends.values()) for place in (0, 1))
    came = sum(now[month] for month in ends)
    return Checked(day, _first_day(min(ends)), _first_day(max(ends)), came, low, high)


def _observed(run: Run) -> dict[Month, float]:
    """Return revenue by month, of the months observed whole; one without orders has none."""
    try:
        rows = [
            (_month(month), float(revenue))
            for month, revenue, complete in _rows(run.monthly, "month", "revenue", "complete")
            if complete
        ]
    except (ValueError, TypeError, AttributeError):
        return {}
    known = dict(rows)
    if not known or len(known) < len(rows) or not all(map(isfinite, known.values())):
        return {}
    return {month: known.get(month, 0.0) for month in range(min(known), max(known) + 1)}


def _forecast(run: Run) -> dict[Month, tuple[float, float]]:
    """Return both ends of the revenue forecast by month, of the months forecast whole."""
    table, day = run.table("forecast_months"), run.manifest.as_of
    if day is None:
        return {}
    begins = _month(day) + (day.day > 1)
    try:
        rows = [
            (_month(month), (float(low), float(high)))
            for month, part, until, low, high in _rows(table, "month", "part", "until", *ENDS)
            if part == EVERYONE and begins <= _month(month) < _month(until)
        ]
    except (ValueError, TypeError, AttributeError):
        return {}
    known = {month: ends for month, ends in rows if all(map(isfinite, ends))}
    return known if len(known) == len(rows) else {}


def _agrees(then: Revenue, now: Revenue) -> bool:
    """Tell whether the year before the forecast still looks as it did when it was made."""
    shared = sorted(then.keys() & now.keys())[-HISTORY:]
    was, is_now = (sum(months[month] for month in shared) for months in (then, now))
    return bool(shared) and abs(is_now - was) <= RESTATED * abs(was)


def _rows(table: pd.DataFrame | None, *names: str) -> Iterable[tuple[Any, ...]]:
    """Return rows of columns as plain values; none where one of the columns is missing."""
    if table is None or not set(names) <= set(table.columns):
        return ()
    return zip(*(table[name].tolist() for name in names), strict=True)


def _month(day: Any) -> Month:
    """Return the number of a day's month, from year 0 on; a CSV file holds days as texts."""
    known = pd.Timestamp(day) if isinstance(day, str) else day
    return int(known.year) * 12 + int(known.month) - 1


def _first_day(month: Month) -> dt.date:
    return dt.date(month // 12, month % 12 + 1, 1)
