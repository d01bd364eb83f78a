"""What customers bought by calendar unit, grouped in the engine: the input of the audit.

The lines are grouped twice: into purchase days, which are kept, and into revenue by unit.
All else is counted from the purchase days.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from segkit.data.customers import order_stands, orders_of, orders_within
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
    return _revenue_by_cohort(
        known, days, _unit_of(days["first"], unit), unit=_unit_of(known["counts_at"], unit)
    )


def _revenue_by_cohort(
    lines: ir.Table, days: ir.Table, cohort: ir.Value, **places: ir.Value
) -> ir.Table:
    """Return the net revenue of lines by the cohort of their customer, and by their places."""
    sums = lines.group_by("customer_id", **places).agg(amount=lines["amount"].sum())
    firsts = days.mutate(cohort=cohort).filter(days["nth"] == 1)
    joined = sums.left_join(firsts.select("customer_id", "cohort"), "customer_id")
    return (
        joined.group_by("cohort", *places)
        .agg(revenue=joined["amount"].sum().cast("float64"))
        .order_by("cohort", *places)
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


def gap_counts(days: ir.Table) -> ir.Table:
    """Return how many times each gap between purchase days has passed.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.

    Returns
    -------
    ibis table
        `days` (1 and more), `gaps`; ordered by `days`.
    """
    later = days.filter(days["nth"] > 1)
    return later.group_by(days=later["gap"]).agg(gaps=later.count()).order_by("days")


def recent_orders(days: ir.Table, as_of: date, recent: int) -> ir.Table:
    """Return each customer's orders in the recent window, and in the one before it.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.
    as_of : date
        The first day that is not observed.
    recent : int
        Length of the windows, in days.

    Returns
    -------
    ibis table
        `customer_id`, `recent_orders`, `earlier_orders`. Who ordered in neither is left out.
    """
    aged = days.mutate(age=as_date(as_of).delta(days["day"], unit="day"))
    near = aged.filter(aged["age"] <= 2 * recent)
    is_recent = near["age"] <= recent
    return (
        near.group_by("customer_id")
        .agg(
            recent_orders=near["orders"].sum(where=is_recent).coalesce(0).cast("int64"),
            earlier_orders=near["orders"].sum(where=~is_recent).coalesce(0).cast("int64"),
        )
        .order_by("customer_id")
    )


def daily_repeats(days: ir.Table) -> ir.Table:
    """Return the repeat purchase days of all customers, day by day.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.

    Returns
    -------
    ibis table
        `day`, `repeats`; days without one are left out.
    """
    later = days.filter(days["nth"] > 1)
    return later.group_by("day").agg(repeats=later.count()).order_by("day")


def weekly_repeats(days: ir.Table, joined_before: date) -> ir.Table:
    """Return the repeat purchase days of each week, of customers who joined before a date.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.
    joined_before : date

    Returns
    -------
    ibis table
        `week` (its Monday), `repeats`; ordered by `week`; weeks without a repeat are left out.
    """
    later = days.filter((days["nth"] > 1) & (days["first"] < as_date(joined_before)))
    weeks = later.group_by(week=later["day"].truncate("W"))
    return weeks.agg(repeats=later.count()).order_by("week")


def cohort_months(days: ir.Table, as_of: date) -> ir.Table:
    """Return who of each cohort bought in each month, months being counted back from `as_of`.

    Parameters
    ----------
    days : ibis table
        From `purchase_days`.
    as_of : date
        The first day that is not observed.

    Returns
    -------
    ibis table
        `cohort`, `unit` (1 is the month before `as_of`), `customers` (new ones), `purchases`
        (purchase days), `orders`.
    """
    placed = days.select(
        "nth",
        "orders",
        cohort=_months_back(days["first"], as_of),
        unit=_months_back(days["day"], as_of),
    )
    return (
        placed.group_by("cohort", "unit")
        .agg(
            customers=(placed["nth"] == 1).sum().cast("int64"),
            purchases=placed.count().cast("int64"),
            orders=placed["orders"].sum().cast("int64"),
        )
        .order_by("cohort", "unit")
    )


def cohort_month_revenue(lines: ir.Table, days: ir.Table, as_of: date) -> ir.Table:
    """Return the net revenue of each cohort in each month, by when it became known.

    Parameters
    ----------
    lines : ibis table
        Kept lines.
    days : ibis table
        From `purchase_days`.
    as_of : date
        The first day that is not observed.

    Returns
    -------
    ibis table
        `cohort` (null for customers of whom no order stands), `unit`, `known`, `revenue`; months
        as those of `cohort_months`.
    """
    seen = lines.filter(lines["observed_at"] < as_moment(as_of))
    return _revenue_by_cohort(
        seen,
        days,
        _months_back(days["first"], as_of),
        unit=_months_back(seen["counts_at"].date(), as_of),
        known=_months_back(seen["observed_at"].date(), as_of),
    )


def customer_months(lines: ir.Table, as_of: date, edges: Sequence[int]) -> ir.Table:
    """Return what each customer bought between dates that lie whole months before `as_of`.

    Parameters
    ----------
    lines : ibis table
        Kept lines.
    as_of : date
        The first day that is not observed.
    edges : sequence of int
        Months before `as_of`: stretches lie between each and the next.

    Returns
    -------
    ibis table
        `customer_id`, `stretch` (0 is the latest), `orders`, `purchase_days`, `revenue` (net); a
        return counts in the stretch of its order.
    """
    known = lines.filter(lines["observed_at"] < as_moment(as_of))
    back = _months_back(known["counts_at"].date(), as_of)
    later = [(back > edge).cast("int64") for edge in sorted(edges)[1:-1]]
    placed = known.mutate(stretch=sum(later, ibis.literal(0).cast("int64"))).filter(
        (back > min(edges)) & (back <= max(edges))
    )
    orders = orders_within(placed, "stretch")
    stands = order_stands(orders)
    return (
        orders.group_by("customer_id", "stretch")
        .agg(
            orders=stands.sum().cast("int64"),
            purchase_days=orders["ordered_at"].date().nunique(where=stands),
            revenue=orders["revenue"].sum().cast("float64"),
        )
        .order_by("customer_id", "stretch")
    )


def _months_back(day: ir.DateValue, as_of: date) -> ir.IntegerValue:
    """Return how many months before `as_of` a day lies: 1 up to a month."""
    months = (as_of.year * 12 + as_of.month) - (day.year() * 12 + day.month())
    # A month without the day of `as_of`, such as the 31st, ends on its last.
    is_last = (day + ibis.interval(days=1)).day() == 1
    is_after = (day.day() >= as_of.day) | is_last if as_of.day > 28 else day.day() >= as_of.day
    return (months + is_after.ifelse(0, 1)).cast("int64")
