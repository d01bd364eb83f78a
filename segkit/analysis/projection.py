"""The forecast by calendar unit, beside what came so far."""

from __future__ import annotations

from datetime import date

import pandas as pd

from segkit.analysis.cohorts import UNITS
from segkit.analysis.forecast import EVERYONE

MOST_STEPS = {"day": 7, "week": 4, "month": 6, "quarter": 4, "year": 2}
"""Units ahead beyond which a picture shows more future than there is past to judge it by."""
COLUMNS = {
    "expected": (EVERYONE, "revenue"),
    "low": (EVERYONE, "revenue_low"),
    "high": (EVERYONE, "revenue_high"),
    "expected_known": ("existing", "revenue"),
    "expected_new": ("new", "revenue"),
}
"""Where each column stands in the forecast: part, measure."""


def projection(
    growth: pd.DataFrame, expected: pd.DataFrame | None, unit: str, end: date
) -> pd.DataFrame:
    """Return the revenue of each unit so far, and what the next ones should bring.

    Parameters
    ----------
    growth : DataFrame
        From `segkit.analysis.cohorts.base_table`.
    expected : DataFrame or None
        The forecast by this unit (see `segkit.study.forecast.Forecast.by`); None: there is none.
    unit : str
        One of `segkit.analysis.cohorts.UNITS`.
    end : date
        The first day that is not observed.

    Returns
    -------
    DataFrame
        `unit`, `revenue` (observed), `complete`, `is_future` (expected: the last unit too,
        where it is not over), `expected`, `low`, `high` (four times in five), `expected_known`
        (of today's customers), `expected_new` (of customers still to come), `new_customers`
        (observed). Of a unit that is not over, what it has brought so far is part of what is
        expected. Only units that the horizon holds whole. No rows without a forecast.
    """
    past = growth[["unit", "revenue", "complete", "new_customers"]]
    past = past.astype({"new_customers": "float64"})
    if expected is None:
        extra = dict.fromkeys(COLUMNS, pd.Series(dtype="float64"))
        return past[:0].assign(is_future=pd.Series(dtype=bool), **extra)
    future = _future(expected, unit)
    table = past.merge(future, "outer", "unit").sort_values("unit", ignore_index=True)
    table["is_future"] = table["expected"].notna()
    begun = table["is_future"] & table["revenue"].notna()
    for name in ("expected", "low", "high", "expected_known"):
        table[name] = table[name] + table["revenue"].where(begun, 0.0)
    table["complete"] = table["complete"].eq(True) & ~table["is_future"]
    return table[["unit", "revenue", "complete", "is_future", *COLUMNS, "new_customers"]]


def _future(expected: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return the next units, those that the horizon cuts off left out."""
    parts = {part: rows.set_index(unit) for part, rows in expected.groupby("part")}
    table = pd.DataFrame({name: parts[part][column] for name, (part, column) in COLUMNS.items()})
    ends = pd.Series([day + UNITS[unit] for day in table.index], index=table.index)
    whole = table[ends <= expected["until"].max()]
    return whole.head(MOST_STEPS[unit] + 1).rename_axis("unit").reset_index()
