"""What is counted from purchase days, beside plain loops and pandas' calendar."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise

import ibis
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from made_logs import Line, kept_lines

from segkit.data.customers import customer_table, period_table
from segkit.data.days import as_moment
from segkit.data.periods import (
    _months_back,
    cohort_month_revenue,
    cohort_months,
    customer_months,
    daily_repeats,
    gap_counts,
    purchase_days,
    recent_orders,
)

START = datetime(2023, 1, 1)
LINES = st.lists(
    st.builds(
        lambda customer, hours, order, cents, back: (
            customer,
            START + timedelta(hours=hours),
            f"{customer}-{order}",
            -1 if back else 1,
            Decimal(-cents if back else cents) / 100,
        ),
        st.sampled_from(["ana", "luis", "eva"]),
        st.integers(0, 24 * 500),
        st.integers(1, 9),
        st.integers(1, 9999),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda line: line[:2],
)
DATES = st.dates(date(2023, 2, 1), date(2024, 6, 30)) | st.sampled_from(
    [date(2023, 3, 31), date(2024, 2, 29), date(2024, 3, 30), date(2024, 5, 31)]
)
# ana buys three times, twice on one day; luis buys twice and sends his first order back in May.
SMALL = [
    ("ana", datetime(2024, 1, 31, 9), "a1", 1, Decimal(10)),
    ("ana", datetime(2024, 1, 31, 18), "a2", 1, Decimal(20)),
    ("ana", datetime(2024, 2, 29, 9), "a3", 1, Decimal(30)),
    ("ana", datetime(2024, 5, 30, 9), "a4", 1, Decimal(40)),
    ("luis", datetime(2024, 2, 1, 9), "l1", 2, Decimal(8)),
    ("luis", datetime(2024, 3, 1, 9), "l2", 1, Decimal(5)),
    ("luis", datetime(2024, 5, 1, 9), "l1", -1, Decimal(-4)),
    ("eva", datetime(2024, 4, 30, 9), "none", -1, Decimal(-7)),
]
MAY = date(2024, 5, 31)

Make = Callable[[Iterable[Line]], ibis.Table]


@pytest.fixture(scope="module")
def tabled() -> Make:
    """Return a function that makes kept lines of plain ones."""
    return partial(kept_lines, ibis.duckdb.connect())


def frame(table: ibis.Table) -> pd.DataFrame:
    return table.to_pyarrow().to_pandas()


def days_by_hand(lines: Iterable[Line], as_of: date) -> dict[str, dict[date, int]]:
    """Return the orders that stand of each customer's purchase days, by plain loops."""
    orders = defaultdict(list)
    for line in lines:
        if line[1].date() < as_of:
            orders[line[0], line[2]].append(line)
    found: dict[str, dict[date, int]] = defaultdict(Counter)
    for (customer, _), order in orders.items():
        bought = [line[1] for line in order if line[4] > 0]
        if bought and sum(line[4] for line in order) > 0:
            found[customer][min(bought).date()] += 1
    return {customer: dict(sorted(days.items())) for customer, days in found.items()}


def months_back(day: date, as_of: date) -> int:
    """Return the fewest whole months that lead from `as_of` to a day or before it, by pandas."""
    end = pd.Timestamp(as_of)
    return next(
        month for month in range(1, 1000) if end - pd.DateOffset(months=month) <= pd.Timestamp(day)
    )


# Months counted back -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_years() -> ibis.Table:
    """A table of all days of three years, of which one leaps."""
    days = pd.DataFrame({"day": pd.date_range("2022-01-01", "2024-12-31")})
    table = ibis.duckdb.connect().create_table("days", days)
    return table.mutate(day=table["day"].date())


@settings(max_examples=25)
@given(st.dates(date(2024, 1, 1), date(2025, 12, 31)))
@example(date(2024, 2, 28))
@example(date(2024, 2, 29))
@example(date(2024, 3, 28))
@example(date(2024, 3, 29))
@example(date(2024, 3, 30))
@example(date(2024, 3, 31))
@example(date(2024, 4, 30))
@example(date(2025, 2, 28))
@example(date(2025, 3, 29))
@example(date(2025, 3, 31))
@example(date(2025, 1, 1))
def test_months_back_are_those_of_the_calendar_at_every_end_of_month(three_years, as_of):
    before = three_years.filter(three_years["day"] < ibis.literal(as_of))
    back = frame(before.select("day", back=_months_back(before["day"], as_of)).order_by("day"))
    days, end = pd.DatetimeIndex(back["day"]), pd.Timestamp(as_of)
    bounds = pd.DatetimeIndex([end - pd.DateOffset(months=month) for month in range(60, -1, -1)])
    expected = 61 - bounds.searchsorted(days, side="right")
    assert back["back"].tolist() == expected.tolist()


def test_the_month_before_a_date_is_the_first(three_years):
    found = {
        (as_of, day): months_back(date.fromisoformat(day), date.fromisoformat(as_of))
        for as_of, day in [
            ("2024-03-31", "2024-03-30"),
            ("2024-03-31", "2024-02-29"),
            ("2024-03-31", "2024-02-28"),
            ("2023-03-31", "2023-02-28"),
        ]
    }
    assert list(found.values()) == [1, 1, 2, 1]
    for (as_of, day), wanted in found.items():
        one = three_years.filter(three_years["day"] == ibis.literal(date.fromisoformat(day)))
        back = frame(one.select(back=_months_back(one["day"], date.fromisoformat(as_of))))
        assert back["back"].tolist() == [wanted]


# Purchase days --------------------------------------------------------------------------------


@settings(max_examples=12)
@given(lines=LINES, as_of=DATES)
def test_gaps_and_repeats_are_those_that_plain_loops_count(tabled, lines, as_of):
    days = purchase_days(tabled(lines), as_of)
    by_hand = days_by_hand(lines, as_of)
    gaps = Counter(
        (later - before).days for own in by_hand.values() for before, later in pairwise(own)
    )
    found = frame(gap_counts(days))
    assert dict(zip(found["days"], found["gaps"], strict=True)) == gaps
    assert found["days"].is_monotonic_increasing
    repeats = Counter(day for own in by_hand.values() for day in list(own)[1:])
    daily = frame(daily_repeats(days))
    assert dict(zip(daily["day"], daily["repeats"], strict=True)) == repeats
    assert daily["day"].is_monotonic_increasing


@settings(max_examples=8)
@given(lines=LINES, as_of=DATES)
def test_repeats_of_all_days_are_the_repeat_purchases_of_all_customers(tabled, lines, as_of):
    table = tabled(lines)
    customers = frame(customer_table(table, as_of))
    days = purchase_days(table, as_of)
    repeats = customers["x"].sum() if len(customers) else 0
    assert frame(daily_repeats(days))["repeats"].sum() == repeats
    assert frame(gap_counts(days))["gaps"].sum() == repeats


def test_two_orders_of_a_day_are_no_gap(tabled):
    days = purchase_days(tabled(SMALL), MAY)
    assert frame(gap_counts(days)).to_dict("list") == {"days": [29, 91], "gaps": [2, 1]}
    assert frame(daily_repeats(days)).to_dict("list") == {
        "day": [date(2024, 2, 29), date(2024, 3, 1), date(2024, 5, 30)],
        "repeats": [1, 1, 1],
    }


@settings(max_examples=12)
@given(lines=LINES, as_of=DATES, recent=st.integers(1, 200))
def test_recent_orders_are_those_of_the_window_and_of_the_one_before(tabled, lines, as_of, recent):
    found = frame(recent_orders(purchase_days(tabled(lines), as_of), as_of, recent))
    expected = {}
    for customer, own in sorted(days_by_hand(lines, as_of).items()):
        ages = {(as_of - day).days: orders for day, orders in own.items()}
        near = sum(orders for age, orders in ages.items() if age <= recent)
        earlier = sum(orders for age, orders in ages.items() if recent < age <= 2 * recent)
        if near + earlier:
            expected[customer] = (near, earlier)
    counts = zip(found["recent_orders"], found["earlier_orders"], strict=True)
    assert dict(zip(found["customer_id"], counts, strict=True)) == expected


# Cohorts by month -----------------------------------------------------------------------------


def test_months_of_cohorts_are_counted_back_from_the_date(tabled):
    days = purchase_days(tabled(SMALL), MAY)
    # Months end on the 30th and, before them, on 29 February: ana came on 31 January, four
    # months before the end of May, and so did luis, a day later.
    assert frame(cohort_months(days, MAY)).to_numpy().tolist() == [
        [4, 1, 0, 1, 1],
        [4, 3, 0, 2, 2],
        [4, 4, 2, 2, 3],
    ]


def test_revenue_of_cohorts_stands_in_the_month_of_its_order_and_when_it_was_known(tabled):
    lines = tabled(SMALL)
    table = frame(cohort_month_revenue(lines, purchase_days(lines, MAY), MAY))
    rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
    assert sorted(rows, key=str) == sorted(
        [
            [4, 4, 4, 38.0],
            [4, 4, 1, -4.0],
            [4, 3, 3, 35.0],
            [4, 1, 1, 40.0],
            # eva never bought: her return is nobody's cohort.
            [None, 1, 1, -7.0],
        ],
        key=str,
    )


@settings(max_examples=12)
@given(lines=LINES, as_of=DATES)
def test_months_of_cohorts_are_those_that_plain_loops_count(tabled, lines, as_of):
    expected: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for own in days_by_hand(lines, as_of).values():
        first = min(own)
        for day, orders in own.items():
            cell = expected[months_back(first, as_of), months_back(day, as_of)]
            for place, more in enumerate((day == first, 1, orders)):
                cell[place] += more
    found = frame(cohort_months(purchase_days(tabled(lines), as_of), as_of))
    rows = {tuple(row[:2]): list(row[2:]) for row in found.to_numpy().tolist()}
    assert rows == expected


@settings(max_examples=8)
@given(lines=LINES, as_of=DATES)
def test_months_of_revenue_add_up_to_what_was_known(tabled, lines, as_of):
    table = tabled(lines)
    found = frame(cohort_month_revenue(table, purchase_days(table, as_of), as_of))
    known = [line for line in lines if line[1].date() < as_of]
    assert found["revenue"].sum() == pytest.approx(float(sum(line[4] for line in known)))
    months = Counter()
    for line in known:
        months[months_back(line[1].date(), as_of)] += line[4]
    by_known = found.groupby("known")["revenue"].sum().to_dict()
    assert by_known == pytest.approx({month: float(amount) for month, amount in months.items()})
    # What is known of an order comes with it or later: less months back.
    assert (found["known"] <= found["unit"]).all()


# Customers by stretch -------------------------------------------------------------------------


@settings(max_examples=12)
@given(
    lines=LINES,
    as_of=DATES,
    edges=st.lists(st.integers(0, 18), min_size=2, max_size=5, unique=True),
)
def test_stretches_of_months_are_the_periods_between_the_same_dates(tabled, lines, as_of, edges):
    table = tabled(lines)
    found = frame(customer_months(table, as_of, edges))
    for stretch, (late, early) in enumerate(pairwise(sorted(edges))):
        start, end = (
            (pd.Timestamp(as_of) - pd.DateOffset(months=edge)).date() for edge in (early, late)
        )
        until = table.filter(table["counts_at"] < as_moment(end))
        expected = frame(period_table(until, start, as_of))
        columns = ["customer_id", "orders", "purchase_days", "revenue"]
        own = found[found["stretch"] == stretch].reset_index(drop=True)
        pd.testing.assert_frame_equal(own[columns], expected[columns], check_dtype=False)
    assert found["stretch"].between(0, len(edges) - 2).all()


def test_a_return_counts_in_the_stretch_of_its_order(tabled):
    found = frame(customer_months(tabled(SMALL), MAY, [0, 3, 6]))
    assert found.to_numpy().tolist() == [
        ["ana", 0, 2, 2, 70.0],
        ["ana", 1, 2, 1, 30.0],
        ["eva", 0, 0, 0, -7.0],
        ["luis", 0, 1, 1, 5.0],
        ["luis", 1, 1, 1, 4.0],
    ]
