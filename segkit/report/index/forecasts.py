"""Whether what an earlier run forecast has come: month by month, from what both runs left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from segkit.report.index.runs import Run, read_table

EVERYONE = "everyone"
ENDS = ("revenue_low", "revenue_high")
RESTATED = 0.02
"""How far two runs may differ about months that both have seen: returns come late."""


@dataclass(frozen=True)
class Checked:
    """What was forecast of the whole months since an earlier run, and what came.

    Attributes
    ----------
    day : date
        The cut-off date of the run that forecast it.
    first, last : Timestamp
        The first and the last of the months.
    came, low, high : float
        Revenue of those months, and the range it was to lie in (money).
    """

    day: dt.date
    first: pd.Timestamp
    last: pd.Timestamp
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
    if len(runs) < 2 or (now := _observed(runs[0])) is None:
        return None
    for before in runs[1:]:
        months = _forecast(before)
        if months is None or not len(months := months[months.index.isin(now.index)]):
            continue
        is_same = before.params.currency == runs[0].params.currency
        return _checked(before, months, now) if is_same and _agrees(before, now) else None
    return None


def _checked(before: Run, months: pd.DataFrame, now: pd.Series) -> Checked | None:
    day = before.manifest.as_of
    if day is None:
        return None
    low, high = (float(months[end].sum()) for end in ENDS)
    came = float(now[months.index].sum())
    return Checked(day, months.index[0], months.index[-1], came, low, high)


def _observed(run: Run) -> pd.Series | None:
    """Return revenue by month, of the months observed whole."""
    table = read_table(run.folder / "data" / "monthly.parquet")
    if table is None or not {"month", "revenue", "complete"} <= set(table.columns):
        return None
    try:
        whole = table[table["complete"].astype(bool)]
        revenue = whole.set_index(pd.to_datetime(whole["month"]))["revenue"].astype(float)
    except (ValueError, TypeError):
        return None
    if not len(revenue) or revenue.index.has_duplicates:
        return None
    months = pd.date_range(revenue.index.min(), revenue.index.max(), freq="MS")
    return revenue.reindex(months).fillna(0.0)


def _forecast(run: Run) -> pd.DataFrame | None:
    """Return both ends of the revenue forecast by month, of whole months in order."""
    table, day = run.table("forecast_months"), run.manifest.as_of
    if table is None or day is None or not {"month", "part", "until", *ENDS} <= set(table.columns):
        return None
    try:
        known = table[table["part"] == EVERYONE]
        month, until = pd.to_datetime(known["month"]), pd.to_datetime(known["until"])
        ends = known[[*ENDS]].astype(float).set_axis(pd.DatetimeIndex(month))
    except (ValueError, TypeError):
        return None
    is_whole = (month >= pd.Timestamp(day)) & (month + pd.offsets.MonthBegin(1) <= until)
    ends = ends[is_whole.to_numpy() & np.isfinite(ends).all(axis=1).to_numpy()].sort_index()
    return None if ends.index.has_duplicates else ends


def _agrees(before: Run, now: pd.Series) -> bool:
    """Tell whether the year before the forecast still looks as it did when it was made."""
    then = _observed(before)
    if then is None:
        return False
    shared = then.index.intersection(now.index)[-12:]
    if not len(shared):
        return False
    was, now_is = float(then[shared].sum()), float(now[shared].sum())
    return abs(now_is - was) <= RESTATED * abs(was)
