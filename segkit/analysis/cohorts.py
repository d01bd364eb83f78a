"""Customers by the time of their first order: one cohort, cohorts compared, the whole base.

Cohorts are compared at the same age and in units that were observed whole: the first and the
last unit of a log, where it cuts them, are marked and measure nothing.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from segkit.analysis.audit import DIGITS, ratio
from segkit.analysis.gaps import returned_by, waiting_curve

UNITS = {
    "day": pd.DateOffset(days=1),
    "week": pd.DateOffset(weeks=1),
    "month": pd.DateOffset(months=1),
    "quarter": pd.DateOffset(months=3),
    "year": pd.DateOffset(years=1),
}
"""Calendar units, the shortest first."""
MANY_UNITS = 20  # columns of a triangle that can still be read on a page
STEP_DAYS = {"day": 1, "week": 7, "month": 365.25 / 12, "quarter": 365.25 / 12, "year": 365.25 / 4}
"""Between two points of a curve by days since the first order."""
LAST_ORDER = 5  # later ones have few customers, and their gaps hardly change any more
MEASURES = ["customers", "orders", "revenue"]


def chosen_unit(start: date, end: date) -> str:
    """Return the shortest calendar unit that parts a history into at most twenty.

    Examples
    --------
    >>> chosen_unit(date(1997, 1, 1), date(1998, 7, 1)), chosen_unit(date(2014, 1, 3), date(2018, 1, 1))
    ('month', 'quarter')
    """
    return next(
        (unit for unit in UNITS if len(calendar_units(start, end, unit)) <= MANY_UNITS), "year"
    )


def calendar_units(start: date, end: date, unit: str) -> pd.DatetimeIndex:
    """Return the first days of the calendar units from `start` to the day before `end`."""
    if start >= end:
        return pd.DatetimeIndex([], dtype="datetime64[us]")
    last = pd.Timestamp(end) - pd.Timedelta(days=1)
    span = pd.period_range(pd.Timestamp(start), last, freq=unit[0].upper())
    return span.start_time.as_unit("us")


def unit_of(days: pd.Series, unit: str) -> pd.Series:
    """Return the first day of the calendar unit of each day; weeks begin on Mondays."""
    return days.dt.to_period(unit[0].upper()).dt.start_time.astype("datetime64[us]")


def unit_table(start: date, end: date, unit: str, *, whole_log: bool = False) -> pd.DataFrame:
    """Return the calendar units of a history.

    Parameters
    ----------
    start, end : date
        The first day that is observed, and the first that is not.
    unit : str
        One of `UNITS`.
    whole_log : bool
        Whether the log begins with the business: nobody had bought before.

    Returns
    -------
    DataFrame
        `unit`; `complete`: observed whole; `is_truncated`: begins less than a unit after the
        log, so that who is first seen in it may be an old customer.

    Examples
    --------
    >>> unit_table(date(2024, 1, 10), date(2024, 4, 1), "month").to_numpy()[:, 1:].tolist()
    [[False, True], [True, True], [True, False]]
    """
    units = calendar_units(start, end, unit)
    first = pd.Timestamp(start)
    ends = pd.DatetimeIndex([each + UNITS[unit] for each in units], dtype="datetime64[us]")
    complete = (units >= first) & (ends <= pd.Timestamp(end))
    truncated = (units < first + UNITS[unit]) & (not whole_log)
    return pd.DataFrame({"unit": units, "complete": complete, "is_truncated": truncated})


def cohort_table(
    activity: pd.DataFrame, revenue: pd.DataFrame, units: pd.DataFrame
) -> pd.DataFrame:
    """Return what each cohort did in each calendar unit since its first.

    Parameters
    ----------
    activity : DataFrame
        `cohort`, `unit`, `customers` (who bought), `orders`.
    revenue : DataFrame
        `cohort`, `unit`, `revenue` (net). What is dated before the cohort's first unit, such
        as a return of an order from before the log, counts at age 0.
    units : DataFrame
        From `unit_table`.

    Returns
    -------
    DataFrame
        One row a cohort and unit, none left out: `cohort`, `unit`, `age` (in units), `size`,
        `customers`, `active_share`, `orders`, `orders_per_active`, `aov`, `revenue`,
        `revenue_per_acquired`, `complete`, `is_truncated`.
        ``size * active_share * orders_per_active * aov`` is the revenue.

    Source
    ------
    Fader, Hardie and Ross (2022), chapters 5 and 6.
    """
    grid = _cohort_grid(activity, units)
    keys = ["cohort", "unit"]
    known = revenue.dropna(subset=["cohort"])
    earned = known.assign(unit=known[keys].max(axis=1)).groupby(keys)["revenue"].sum()
    table = grid.merge(activity[[*keys, "customers", "orders"]], "left", keys)
    table = table.merge(earned.reset_index(), "left", keys)
    table = table.fillna(dict.fromkeys(MEASURES, 0)).round({"revenue": DIGITS})
    table = table.astype({"customers": "int64", "orders": "int64", "revenue": "float64"})
    size = table["customers"].where(table["age"] == 0).groupby(table["cohort"]).transform("max")
    return _with_factors(table.assign(size=size.astype("int64")))


def _cohort_grid(activity: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    places = pd.Series(range(len(units)), index=units["unit"])
    cohorts = pd.DataFrame({"cohort": activity["cohort"].drop_duplicates().sort_values()})
    grid = cohorts.merge(units[["unit", "complete"]], "cross")
    age = grid["unit"].map(places) - grid["cohort"].map(places)
    truncated = grid["cohort"].map(units.set_index("unit")["is_truncated"]).astype(bool)
    grid = grid.assign(age=age.astype("int64"), is_truncated=truncated)
    return grid[grid["age"] >= 0].reset_index(drop=True)


def _with_factors(table: pd.DataFrame) -> pd.DataFrame:
    """Return activity with its factors, in the order in which they are read."""
    return pd.DataFrame(
        {
            **{name: table[name] for name in ("cohort", "unit", "age", "size", "customers")},
            "active_share": ratio(table["customers"], table["size"]),
            "orders": table["orders"],
            "orders_per_active": ratio(table["orders"], table["customers"]),
            "aov": ratio(table["revenue"], table["orders"]),
            "revenue": table["revenue"],
            "revenue_per_acquired": ratio(table["revenue"], table["size"]),
            "complete": table["complete"].astype(bool),
            "is_truncated": table["is_truncated"],
        }
    )


def shown_cohort(cohorts: pd.DataFrame) -> pd.Timestamp | None:
    """Return the cohort that is looked at alone: the oldest large one observed from its start.

    Large is one with at least as many customers as the median of the cohorts that were
    acquired in a whole unit and hold no old customers; where there are none, those that may
    hold old ones serve.

    Parameters
    ----------
    cohorts : DataFrame
        From `cohort_table`.
    """
    starts = cohorts[(cohorts["age"] == 0) & cohorts["complete"]]
    known = starts[~starts["is_truncated"]]
    fit = starts if known.empty else known
    large = fit[fit["size"] >= fit["size"].median()]
    return None if large.empty else large["cohort"].min()


def cohort_summary(cohorts: pd.DataFrame, customers: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return each cohort so far: how many it holds, who came back, and what it brought.

    Parameters
    ----------
    cohorts : DataFrame
        From `cohort_table`.
    customers : DataFrame
        The customer table: `first_order`, `x`.
    unit : str
        One of `UNITS`.

    Returns
    -------
    DataFrame
        `cohort`, `size`, `came_back` (who bought again on another day), `came_back_share`,
        `orders`, `orders_per_customer`, `aov`, `revenue`, `revenue_per_acquired`, `complete`
        (whether its first unit was observed whole), `is_truncated`.
    """
    groups = cohorts.groupby("cohort")
    sums = groups[["orders", "revenue"]].sum().round({"revenue": DIGITS})
    first = groups[["size", "complete", "is_truncated"]].first()
    bought = customers.dropna(subset=["first_order"])
    again = (bought["x"] > 0).groupby(unit_of(bought["first_order"], unit)).sum()
    came_back = again.reindex(sums.index, fill_value=0).astype("int64")
    table = {
        "size": first["size"],
        "came_back": came_back,
        "came_back_share": ratio(came_back, first["size"]),
        "orders": sums["orders"],
        "orders_per_customer": ratio(sums["orders"], first["size"]),
        "aov": ratio(sums["revenue"], sums["orders"]),
        "revenue": sums["revenue"],
        "revenue_per_acquired": ratio(sums["revenue"], first["size"]),
        "complete": first["complete"],
        "is_truncated": first["is_truncated"],
    }
    return pd.DataFrame(table).rename_axis("cohort").reset_index()


def cohort_orders(gaps: pd.DataFrame, still_open: pd.DataFrame) -> pd.DataFrame:
    """Return who of a cohort bought for the second to fifth time, and how long that took.

    Parameters
    ----------
    gaps : DataFrame
        `nth`, `days`, `gaps`, from `segkit.data.periods.cohort_gaps`.
    still_open : DataFrame
        `nth`, `days`, `customers`, from `segkit.data.periods.open_gaps`.

    Returns
    -------
    DataFrame
        `nth` (purchase day), `customers` (who had one less), `reached`, `reached_share`,
        `median_days`: by then half of those have bought whom the Kaplan–Meier curve expects
        to within the time observed; who is still waiting counts as long as it has waited.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 5; `segkit.analysis.gaps`.

    Examples
    --------
    >>> gaps = pd.DataFrame({"nth": [2, 2], "days": [10, 20], "gaps": [1, 1]})
    >>> waiting = pd.DataFrame({"nth": [1, 2], "days": [50, 40], "customers": [2, 2]})
    >>> cohort_orders(gaps, waiting).iloc[0].to_dict()
    {'nth': 2.0, 'customers': 4.0, 'reached': 2.0, 'reached_share': 0.5, 'median_days': 10.0}
    """
    rows = [_nth_order(gaps, still_open, nth) for nth in range(2, LAST_ORDER + 1)]
    columns = ["nth", "customers", "reached", "reached_share", "median_days"]
    table = pd.DataFrame(rows, columns=columns)
    return table[table["customers"] > 0].reset_index(drop=True)


def _nth_order(gaps: pd.DataFrame, still_open: pd.DataFrame, nth: int) -> tuple[float, ...]:
    passed = gaps[gaps["nth"] == nth]
    waiting = still_open[still_open["nth"] == nth - 1]
    reached = int(passed["gaps"].sum())
    customers = reached + int(waiting["customers"].sum())
    open_days = waiting["days"].repeat(waiting["customers"].tolist())
    found = returned_by(waiting_curve(passed, open_days), np.inf, 0.5) if reached else None
    median = np.nan if found is None else float(found)
    return nth, customers, reached, reached / customers if customers else np.nan, median


def second_orders(
    customers: pd.DataFrame, units: pd.DataFrame, unit: str, end: date
) -> pd.DataFrame:
    """Return the share of each cohort that has bought again by days since the first order.

    Parameters
    ----------
    customers : DataFrame
        The customer table: `first_order`, `first_gap_days`.
    units : DataFrame
        From `unit_table`.
    unit : str
        One of `UNITS`.
    end : date
        The first day that is not observed.

    Returns
    -------
    DataFrame
        `cohort`, `size`, `days`, `came_back_share`, `is_truncated`. A curve ends where the
        cohort's last customers have no longer been observed, so that it never falls.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 6.
    """
    bought = customers.loc[customers["first_order"].notna(), ["first_order", "first_gap_days"]]
    groups = bought.groupby(unit_of(bought["first_order"], unit))["first_gap_days"]
    truncated = units.set_index("unit")["is_truncated"]
    curves = [_second_curve(cohort, gaps, truncated[cohort], unit, end) for cohort, gaps in groups]
    columns = {"cohort": "datetime64[us]", "size": "int64", "days": "int64"}
    columns |= {"came_back_share": "float64", "is_truncated": "bool"}
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})
    return pd.concat(curves, ignore_index=True).astype(columns) if curves else empty


def _second_curve(
    cohort: pd.Timestamp, gaps: pd.Series, is_truncated: bool, unit: str, end: date
) -> pd.DataFrame:
    youngest = cohort + UNITS[unit] - pd.Timedelta(days=1)
    observed = max((pd.Timestamp(end) - youngest).days - 1, 0)
    step = STEP_DAYS[unit]
    days = np.rint(np.arange(int(observed / step) + 1) * step).astype("int64")
    days = days[days <= observed]
    reached = np.searchsorted(np.sort(gaps.dropna().to_numpy(dtype=float)), days, side="right")
    share = {"days": days, "came_back_share": reached / len(gaps)}
    about = {"cohort": cohort, "size": len(gaps)}
    return pd.DataFrame({**about, **share, "is_truncated": is_truncated})


def calendar_revenue(revenue: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the revenue of each cohort in each calendar unit, which add up to the unit's.

    Parameters
    ----------
    revenue : DataFrame
        `cohort` (NaT: of customers of whom no order stands), `unit`, `revenue`.
    units : DataFrame
        From `unit_table`.

    Returns
    -------
    DataFrame
        `cohort`, `unit`, `revenue`, `complete`; units without revenue are left out.
    """
    worth = revenue[revenue["cohort"].notna() | revenue["revenue"].round(DIGITS).ne(0)]
    table = worth.merge(units[["unit", "complete"]], "left", "unit")
    return table.round({"revenue": DIGITS}).sort_values(["cohort", "unit"], ignore_index=True)


def base_table(
    activity: pd.DataFrame,
    revenue: pd.DataFrame,
    customers: pd.DataFrame,
    units: pd.DataFrame,
    unit: str,
) -> pd.DataFrame:
    """Return the whole base in each calendar unit: who is new, and what is repeated.

    Parameters
    ----------
    activity, revenue, units : DataFrame
        As for `cohort_table`.
    customers : DataFrame
        The customer table: `first_order`, `first_amount`.
    unit : str
        One of `UNITS`.

    Returns
    -------
    DataFrame
        One row a unit: `unit`, `customers`, `new_customers`, `orders`, `revenue`, `aov`,
        `orders_per_customer`, `repeat_orders` (all but customers' first), `repeat_orders_share`,
        `repeat_revenue`, `repeat_revenue_share`, `complete`, `is_truncated`.

    Source
    ------
    Fader, Hardie and Ross (2022), chapter 7.
    """
    sums = activity.groupby("unit")[["customers", "orders"]].sum()
    bought = customers.dropna(subset=["first_order"])
    firsts = bought.groupby(unit_of(bought["first_order"], unit))["first_amount"]
    sums = sums.join(revenue.groupby("unit")["revenue"].sum(), how="outer")
    sums = sums.join(firsts.agg(new_customers="size", first_revenue="sum"), how="outer")
    table = units.join(sums, on="unit").fillna(dict.fromkeys(sums.columns, 0))
    table = table.round({"revenue": DIGITS, "first_revenue": DIGITS})
    counts = dict.fromkeys(("customers", "orders", "new_customers"), "int64")
    return _with_repeats(table.astype(counts))


def _with_repeats(table: pd.DataFrame) -> pd.DataFrame:
    orders = table["orders"] - table["new_customers"]
    revenue = (table["revenue"] - table["first_revenue"]).round(DIGITS)
    return pd.DataFrame(
        {
            **{name: table[name] for name in ("unit", "customers", "new_customers", "orders")},
            "revenue": table["revenue"],
            "aov": ratio(table["revenue"], table["orders"]),
            "orders_per_customer": ratio(table["orders"], table["customers"]),
            "repeat_orders": orders,
            "repeat_orders_share": ratio(orders, table["orders"]),
            "repeat_revenue": revenue,
            "repeat_revenue_share": ratio(revenue, table["revenue"]),
            "complete": table["complete"],
            "is_truncated": table["is_truncated"],
        }
    )
