"""What customers bought by calendar unit, grouped in the engine: the input of the audit.

The lines are grouped twice: into purchase days, which are kept, and into revenue by unit.
All else is counted from the purchase days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from segkit.data.customers import order_stands, orders_of
from segkit.data.days import as_date, as_moment

TRUNCATED = {"day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
"""Calendar units as the engine calls them; weeks begin on Mondays."""


def purchase_days(lines: ir.Table, as_of: date) -> ir.Table:
    """Return one row a customer's purchase day before `as_of`.

    Returns
    -------
    ibis table
        `customer_id`, `day`, `orders` (those of the day that stand), `nth` (1 on the first
        day), `first` (the first day), `gap` (days since the purchase day before, null on
        the first).
    """
    orders = orders_of(lines.filter(lines["observed_at"] < as_moment(as_of)))
    bought = orders.filter(order_stands(orders))
    days = bought.group_by("customer_id", day=bought["ordered_at"].date()).agg(
        orders=bought.count().cast("int64")
    )
    own = {"group_by": "customer_id", "order_by": "day"}
    gap = days["day"].delta(days["day"].lag().over(**own), unit="day")
    return days.mutate(
        nth=(ibis.row_number().over(**own) + 1).cast("int64"),
        first=days["day"].min().over(group_by="customer_id"),
        gap=gap.cast("int64"),
    )


def cohort_activity(days: ir.Table, unit: str) -> ir.Table:
    """Return who of each cohort bought in each calendar unit.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.
    unit : str
        One of `TRUNCATED`.

    Returns
    -------
    ibis table
        `cohort` (the unit of the first purchase), `unit`, `customers` and their `orders`.
    """
    active = days.group_by("customer_id", "first", unit=_unit_of(days["day"], unit)).agg(
        orders=days["orders"].sum()
    )
    cohorts = active.group_by("unit", cohort=_unit_of(active["first"], unit))
    return cohorts.agg(
        customers=active.count().cast("int64"), orders=active["orders"].sum().cast("int64")
    ).order_by("cohort", "unit")


def cohort_revenue(lines: ir.Table, days: ir.Table, unit: str, as_of: date) -> ir.Table:
    """Return the net revenue of each cohort in each calendar unit.

    Parameters
    ----------
    lines : ibis table
        Kept lines.
    days : ibis table
        From `purchase_days`.
    unit : str
        One of `TRUNCATED`.
    as_of : date
        The first day that is not observed.

    Returns
    -------
    ibis table
        `cohort` (null for customers of whom no order stands), `unit`, `revenue`. A return
        counts in the unit of its order where that is known (definitions, section 2).
    """
    known = lines.filter(lines["observed_at"] < as_moment(as_of))
    sums = known.group_by("customer_id", unit=_unit_of(known["counts_at"], unit)).agg(
        amount=known["amount"].sum()
    )
    firsts = days.filter(days["nth"] == 1)
    firsts = firsts.select("customer_id", cohort=_unit_of(firsts["first"], unit))
    joined = sums.left_join(firsts, "customer_id")
    return (
        joined.group_by("cohort", "unit")
        .agg(revenue=joined["amount"].sum().cast("float64"))
        .order_by("cohort", "unit")
    )


def cohort_gaps(days: ir.Table, start: date, end: date, last: int) -> ir.Table:
    """Return how long the customers of a cohort took to buy for the n-th time.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.
    start, end : date
        The cohort bought first on or after `start`, and before `end`.
    last : int
        The greatest n.

    Returns
    -------
    ibis table
        `nth` (2 to `last`), `days` since the purchase day before, `gaps`: of how many customers.
    """
    later = _of_cohort(days, start, end)
    later = later.filter((later["nth"] > 1) & (later["nth"] <= last))
    return later.group_by("nth", days=later["gap"]).agg(gaps=later.count()).order_by("nth", "days")


def open_gaps(days: ir.Table, start: date, end: date, as_of: date) -> ir.Table:
    """Return how long the customers of a cohort have been waiting since their last purchase day.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.
    start, end : date
        As in `cohort_gaps`.
    as_of : date
        The first day that is not observed.

    Returns
    -------
    ibis table
        `nth` (purchase days so far), `days` since the last, `customers`.
    """
    own = _of_cohort(days, start, end)
    latest = own.group_by("customer_id").agg(nth=own["nth"].max(), day=own["day"].max())
    waited = as_date(as_of).delta(latest["day"], unit="day")
    return latest.group_by("nth", days=waited).agg(customers=latest.count()).order_by("nth", "days")


def _of_cohort(days: ir.Table, start: date, end: date) -> ir.Table:
    return days.filter((days["first"] >= as_date(start)) & (days["first"] < as_date(end)))


def _unit_of(moment: ir.Value, unit: str) -> ir.DateValue:
    return moment.truncate(TRUNCATED[unit]).cast("date")


def customers_known(
    lines: ir.Table, as_of: date, sides: Sequence[tuple[ir.Table, str]] = ()
) -> ir.IntegerScalar:
    """Return how many customers were known before `as_of`: those of the customer table then.

    Parameters
    ----------
    lines : ibis table
        Kept lines.
    as_of : date
        The first day that is not observed.
    sides : sequence of pairs
        Tables of further customers, and the column that says since when each is known (null
        where nobody knows: they count).
    """
    known = lines.filter(lines["observed_at"] < as_moment(as_of)).select("customer_id")
    for table, since in sides:
        others = table.filter(table[since].isnull() | (table[since] < as_moment(as_of)))
        known = known.union(others.select("customer_id"))
    return known["customer_id"].nunique()
