"""The customer table: every column by hand, by a second way, and at earlier dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import HEADER, Line, kept_lines, params_of, write_rows

from segkit.data.customers import (
    customer_table,
    customer_tables,
    monthly_table,
    period_table,
)
from segkit.params import load_params
from segkit.study.study import Study

ROOT = Path(__file__).resolve().parents[1]
AS_OF = date(2024, 7, 1)
WIDE = (*HEADER, "category", "channel", "discount", "profit")
LOG = [
    # ana buys twice on a day, returns a part, and buys again.
    ("ana", "2024-01-10 10:00", "o1", 2, 20, "A", "web", 0, 5),
    ("ana", "2024-01-10 10:00", "o1", 1, 15, "B", "web", 0.1, 3),
    ("ana", "2024-01-10 18:00", "o2", 1, 10, "A", "app", 0, 2),
    ("ana", "2024-03-10 09:00", "o3", 4, 40, "B", "web", 0.2, 8),
    ("ana", "2024-03-20 09:00", "o3", -1, -10, "B", "web", 0.2, -2),
    ("ana", "2024-06-08 09:00", "o4", 1, 5, "A", "web", 0, 1),
    # luis buys once, for as much of each category.
    ("luis", "2024-05-01 09:00", "o5", 1, 50, "B", "tienda", 0, 10),
    ("luis", "2024-05-01 09:00", "o5", 1, 50, "A", "tienda", 0, 10),
    # eva returns all she bought.
    ("eva", "2024-02-01 09:00", "o6", 2, 30, "A", "web", 0, 6),
    ("eva", "2024-02-15 09:00", "o6", -2, -30, "A", "web", 0, -6),
    # ito places two orders in the same second.
    ("ito", "2024-04-01 12:00", "o7", 1, 11, "A", "web", 0, 1),
    ("ito", "2024-04-01 12:00", "o8", 2, 22, "A", "web", 0, 2),
    # bea returns something of an order from before the log.
    ("bea", "2024-01-15 09:00", "o9", 1, 60, "", "web", 0, 9),
    ("bea", "2024-06-20 09:00", "zz", -1, -15, "A", "web", 0, -3),
    # mia buys after the date.
    ("mia", "2024-07-05 09:00", "o10", 1, 99, "A", "web", 0, 9),
]
REGISTERED = [
    ("ana", "2023-12-01"),
    ("zoe", "2024-03-01"),
    ("sin", ""),
    ("kim", "2024-08-01"),
    ("zoe", "2024-02-01"),
]
EVENTS = [
    ("ana", "2024-06-01 10:00", "cart", "p1"),
    ("ana", "2024-06-02 10:00", "purchase", "p1"),
    ("ana", "2024-06-03 10:00", "cart", "p2"),
    ("ana", "2024-07-03 10:00", "purchase", "p2"),
    ("zoe", "2024-06-01 10:00", "cart", "p1"),
    ("zoe", "2024-06-01 10:00", "purchase", "p1"),
    ("leo", "2024-06-02 10:00", "view", "p1"),
]


@pytest.fixture(scope="module")
def customers(tmp_path_factory) -> pd.DataFrame:
    root = tmp_path_factory.mktemp("customers")
    write_rows(root / "orders.csv", LOG, WIDE)
    write_rows(root / "customers.csv", REGISTERED, ("customer", "registered"))
    write_rows(root / "events.csv", EVENTS, ("customer", "date", "type", "product"))
    sides = {
        "customers": {"customer": "customer", "registered": "registered"},
        "events": {name: name for name in ("customer", "date", "type", "product")},
    }
    tables = {name: {"path": f"{name}.csv", "columns": sides[name]} for name in sides}
    study = Study(params_of(WIDE, **tables), root=root, run_dir="run", as_of=AS_OF)
    table = study.customers.set_index("customer_id")
    study.close()
    return table


def test_every_column_of_a_customer_is_what_the_definitions_say(customers):
    expected = {
        "first_order": pd.Timestamp("2024-01-10"),
        "last_order": pd.Timestamp("2024-06-08"),
        "orders": 4,
        "units": 9.0,
        "lines": 5,
        "gross": 90.0,
        "returned": 10.0,
        "revenue": 80.0,
        "aov": 20.0,
        "recency_days": 23,
        "tenure_days": 173,
        "x": 2,
        "t_x": 150,
        "T": 173,
        "monetary_mean": 17.5,
        "first_amount": 35.0,
        "first_units": 3.0,
        "first_gap_days": 60,
        "last_gap_days": 90,
        "median_gap_days": 75,
        "returns": 1,
        "return_rate": 1 / 9,
        "top_category": "B",
        "channel": "web",
        "discount_share": 55 / 90,
        "profit": 17.0,
        "registered": pd.Timestamp("2023-12-01"),
        "first_seen": pd.Timestamp("2024-06-01 10:00"),
        "last_seen": pd.Timestamp("2024-06-03 10:00"),
        "known_days": 213,
        "carts": 2,
        "carts_abandoned": 1,
        "carts_open": 1,
    }
    assert set(customers.columns) == set(expected)
    for name, value in expected.items():
        close = pytest.approx(value) if isinstance(value, float) else value
        assert customers.loc["ana", name] == close, name


def test_one_order_is_no_repeat_and_ties_of_categories_go_to_the_first_name(customers):
    luis = customers.loc["luis"]
    assert luis[["orders", "x", "t_x", "T", "aov"]].tolist() == [1, 0, 0, 61, 100]
    gaps = ["first_gap_days", "last_gap_days", "median_gap_days"]
    assert luis[["monetary_mean", *gaps]].isna().all()
    assert luis["returns"] == 0
    assert (luis["top_category"], luis["channel"], luis["discount_share"]) == ("A", "tienda", 0)


def test_who_returned_everything_keeps_a_row_without_orders(customers):
    eva = customers.loc["eva"]
    assert eva[["orders", "units", "gross", "returned", "revenue"]].tolist() == [0, 2, 30, 30, 0]
    assert (eva["return_rate"], eva["returns"], eva["profit"]) == (1, 1, 0)
    empty = ["first_order", "last_order", "aov", "recency_days", "tenure_days", "x", "t_x", "T"]
    empty += ["monetary_mean", "first_amount", "first_units", "last_gap_days", "median_gap_days"]
    assert eva[empty].isna().all()


def test_two_orders_of_a_second_are_two_orders_and_one_purchase_day(customers):
    ito = customers.loc["ito"]
    assert ito[["orders", "x", "t_x", "T", "revenue"]].tolist() == [2, 0, 0, 91, 33]
    assert (ito["first_amount"], ito["first_units"]) in {(11, 1), (22, 2)}


def test_a_return_of_an_unknown_order_lowers_revenue_and_is_no_order(customers):
    bea = customers.loc["bea"]
    assert bea[["orders", "gross", "returned", "revenue", "aov"]].tolist() == [1, 60, 15, 45, 45]
    assert bea[["recency_days", "return_rate", "returns"]].tolist() == [168, 1, 1]
    assert pd.isna(bea["top_category"])


def test_prospects_stand_in_the_table_from_the_day_they_are_known(customers):
    assert list(customers.index) == sorted(customers.index)
    assert set(customers.index) == {"ana", "luis", "eva", "ito", "bea", "zoe", "sin", "leo"}
    prospects = customers.loc[["zoe", "sin", "leo"]]
    zeros = prospects[["orders", "units", "lines", "gross", "returned", "revenue", "returns"]]
    assert (zeros == 0).all(axis=None)
    assert (
        prospects[["recency_days", "aov", "x", "first_amount", "return_rate"]].isna().all(axis=None)
    )
    assert customers.loc["zoe", "registered"] == pd.Timestamp("2024-02-01")


def test_a_customer_is_known_since_it_registered_or_was_seen_whichever_came_first(customers):
    assert customers["known_days"].dropna().to_dict() == {"ana": 213, "zoe": 151, "leo": 29}


def test_counts_of_carts_are_those_of_who_was_seen(customers):
    names = ["carts", "carts_abandoned", "carts_open"]
    found = customers[names].dropna().astype(int)
    assert found.T.to_dict("list") == {"ana": [2, 1, 1], "zoe": [1, 0, 0], "leo": [0, 0, 0]}
    assert customers.loc["leo", "last_seen"] == pd.Timestamp("2024-06-02 10:00")


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ({"customers": REGISTERED}, {"ana": 213, "zoe": 151, "sin": None}),
        ({"events": EVENTS}, {"ana": 30, "zoe": 30, "leo": 29}),
    ],
)
def test_one_side_table_alone_tells_since_when_customers_are_known(make_study, sides, expected):
    table = make_study(LOG, header=WIDE, as_of=AS_OF, **sides).customers.set_index("customer_id")
    found = table["known_days"]
    assert found.dropna().to_dict() == {name: days for name, days in expected.items() if days}
    assert set(expected) <= set(table.index)


def test_the_types_are_those_of_the_contract(customers):
    kinds = customers.dtypes.astype(str)
    moments = ["first_order", "last_order", "registered", "first_seen", "last_seen"]
    assert set(kinds[moments]) == {"datetime64[us]"}
    assert set(kinds[["orders", "lines", "returns"]]) == {"int64"}
    floats = ["units", "gross", "returned", "revenue", "aov", "monetary_mean", "profit", "t_x"]
    assert set(kinds[floats]) == {"float64"}
    assert set(kinds[["top_category", "channel"]]) == {"str"}


def test_optional_columns_are_there_only_where_the_input_has_them(make_study):
    study = make_study([row[:5] for row in LOG], as_of=AS_OF)
    extra = {"top_category", "channel", "discount_share", "profit", "registered", "known_days"}
    extra |= {"first_seen", "last_seen", "carts", "carts_abandoned", "carts_open"}
    assert not extra & set(study.customers.columns)
    assert study.customers.index.tolist() == list(range(5))


def test_order_and_split_of_the_input_change_nothing(make_study, tmp_path):
    one = make_study(LOG, header=WIDE, as_of=AS_OF, run_dir="one").customers
    turned = [tuple(reversed(row)) for row in reversed(LOG)]
    two = make_study(turned, header=WIDE[::-1], as_of=AS_OF, run_dir="two").customers
    pd.testing.assert_frame_equal(one, two)
    (tmp_path / "in").mkdir()
    write_rows(tmp_path / "in" / "a.csv", LOG[:4], WIDE)
    write_rows(tmp_path / "in" / "b.csv", [row[::-1] for row in LOG[4:]], WIDE[::-1])
    split = {"path": ["in/b.csv", "in/a.csv"]}
    three = make_study(LOG, header=WIDE, as_of=AS_OF, run_dir="three", orders=split).customers
    pd.testing.assert_frame_equal(one, three)


def test_an_earlier_date_knows_nothing_of_later_lines_and_refunds(make_study):
    later = make_study(LOG, header=WIDE, customers=REGISTERED, events=EVENTS)
    assert len(later.customers)  # read now: the studies below write their own logs over this one
    for day in ("2024-02-10", "2024-03-15"):
        known = [row for row in LOG if row[1] < day]
        events = [row for row in EVENTS if row[1] < day] or [("leo", "2030-01-01", "view", "p1")]
        then = make_study(
            known, header=WIDE, run_dir=f"then-{day}", as_of=date.fromisoformat(day),
            customers=[row for row in REGISTERED if row[1] < day], events=events,
        )  # fmt: skip
        pd.testing.assert_frame_equal(later.at(date.fromisoformat(day)).customers, then.customers)


# By a second way ---------------------------------------------------------------------------

START = datetime(2024, 1, 1)
LINES = st.lists(
    st.builds(
        lambda customer, hours, order, quantity, cents, back: (
            customer,
            START + timedelta(hours=hours),
            f"{customer}-{order}",
            -quantity if back else quantity,
            Decimal(-cents if back else cents) / 100,
        ),
        st.sampled_from(["ana", "luis", "eva"]),
        st.integers(0, 24 * 120),
        st.integers(1, 6),
        st.integers(1, 3),
        st.integers(1, 9999),
        st.sampled_from([False, False, False, True]),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda line: line[:2],
)


@pytest.fixture(scope="module")
def tabled() -> Callable[[Iterable[Line]], ibis.Table]:
    """Return a function that makes kept lines of plain ones."""
    return partial(kept_lines, ibis.duckdb.connect())


def by_hand(lines: Iterable[Line], as_of: date) -> pd.DataFrame:
    """The customer table by plain loops."""
    end = datetime.combine(as_of, datetime.min.time())
    of: dict[str, dict[str, list[Line]]] = defaultdict(lambda: defaultdict(list))
    for line in lines:
        if line[1] < end:
            of[line[0]][line[2]].append(line)
    rows = [_customer(name, of[name], as_of) for name in sorted(of)]
    return pd.DataFrame(rows, columns=["customer_id"] if not rows else None)


def _customer(name: str, orders: dict[str, list[Line]], as_of: date) -> dict:
    sold = [line for order in orders.values() for line in order if line[4] > 0]
    back = [line for order in orders.values() for line in order if line[4] < 0]
    standing = []
    for order in orders.values():
        bought = [line for line in order if line[4] > 0]
        left = sum(line[4] for line in order)
        if bought and left > 0:
            standing.append((min(line[1] for line in bought), left))
    days: dict[date, Decimal] = defaultdict(Decimal)
    for moment, left in standing:
        days[moment.date()] += left
    found = sorted(days)
    gaps = [(after - before).days for before, after in pairwise(found)]
    gross, returned = sum(line[4] for line in sold), -sum(line[4] for line in back)
    units = sum(line[3] for line in sold)
    undone = [order for order in orders.values() if any(line[4] < 0 for line in order)]
    row = {"customer_id": name, "orders": len(standing), "units": units, "lines": len(sold)}
    row |= {"gross": gross, "returned": returned, "revenue": gross - returned}
    row |= {"return_rate": -sum(line[3] for line in back) / units if units else None}
    row |= {"returns": len(undone)}
    if not found:
        return row
    repeats = [days[day] for day in found[1:]]
    return row | {
        "first_order": found[0],
        "last_order": found[-1],
        "aov": (gross - returned) / len(standing),
        "recency_days": (as_of - found[-1]).days,
        "tenure_days": (as_of - found[0]).days,
        "x": len(repeats),
        "t_x": (found[-1] - found[0]).days,
        "T": (as_of - found[0]).days,
        "monetary_mean": sum(repeats) / len(repeats) if repeats else None,
        "first_amount": min(standing)[1],
        "first_gap_days": gaps[0] if gaps else None,
        "last_gap_days": gaps[-1] if gaps else None,
        "median_gap_days": median(gaps) if gaps else None,
    }


@settings(max_examples=12)
@given(lines=LINES, as_of=st.dates(date(2024, 1, 2), date(2024, 5, 1)))
def test_the_engine_finds_what_plain_loops_find(tabled, lines, as_of):
    found = customer_table(tabled(lines), as_of).to_pyarrow().to_pandas()
    expected = by_hand(lines, as_of)
    assert found["customer_id"].tolist() == expected["customer_id"].tolist()
    for name in expected.columns.drop("customer_id"):
        values = [None if pd.isna(value) else value for value in expected[name]]
        got = [None if pd.isna(value) else value for value in found[name]]
        if name.endswith("_order"):
            assert [value and pd.Timestamp(value) for value in got] == [
                value and pd.Timestamp(value) for value in values
            ]
        else:
            np.testing.assert_allclose(
                np.array(got, dtype=float), np.array(values, dtype=float), err_msg=name
            )


@settings(max_examples=4)
@given(lines=LINES, as_of=st.dates(date(2024, 1, 2), date(2024, 5, 1)), days=st.integers(1, 9999))
def test_another_order_of_lines_or_other_dates_change_nothing_but_dates(tabled, lines, as_of, days):
    found = customer_table(tabled(lines), as_of).to_pyarrow().to_pandas()
    later = timedelta(days=days)
    moved = [(line[0], line[1] + later, *line[2:]) for line in reversed(lines)]
    shifted = customer_table(tabled(moved), as_of + later).to_pyarrow().to_pandas()
    for name in ("first_order", "last_order"):
        shifted[name] = pd.to_datetime(shifted[name]) - pd.Timedelta(days=days)
        found[name] = pd.to_datetime(found[name])
        shifted[name] = shifted[name].astype(found[name].dtype)
    pd.testing.assert_frame_equal(found, shifted)


@settings(max_examples=4)
@given(lines=LINES, as_of=st.dates(date(2024, 1, 2), date(2024, 5, 1)))
def test_what_comes_later_changes_no_table_of_an_earlier_date(tabled, lines, as_of):
    end = datetime.combine(as_of, datetime.min.time())
    known = [line for line in lines if line[1] < end]
    tables = [
        lambda table: customer_table(table, as_of),
        lambda table: period_table(table, date(2024, 1, 15), as_of),
        lambda table: monthly_table(table, as_of),
    ]
    if known:
        for make in tables:
            whole = make(tabled(lines)).to_pyarrow().to_pandas()
            pd.testing.assert_frame_equal(whole, make(tabled(known)).to_pyarrow().to_pandas())


@settings(max_examples=4)
@given(lines=LINES)
def test_periods_and_months_add_up_to_the_customers(tabled, lines):
    table, as_of = tabled(lines), date(2024, 5, 2)
    customers = customer_table(table, as_of).to_pyarrow().to_pandas()
    middle = date(2024, 2, 20)
    after = period_table(table, middle, as_of).to_pyarrow().to_pandas()
    whole = period_table(table, date(2024, 1, 1), as_of).to_pyarrow().to_pandas()
    months = monthly_table(table, as_of).to_pyarrow().to_pandas()
    assert whole["revenue"].sum() == pytest.approx(customers["revenue"].sum())
    assert whole["orders"].sum() == customers["orders"].sum() == months["orders"].sum()
    assert months["revenue"].sum() == pytest.approx(customers["revenue"].sum())
    assert months["new_customers"].sum() == (customers["orders"] > 0).sum()
    assert set(after["customer_id"]) <= set(whole["customer_id"])


# At several dates --------------------------------------------------------------------------

ONLY_NOW = {"top_category", "channel", "last_seen"}
WINDOWS = ["recent_orders", "earlier_orders"]


def assert_same_at_each_date(study: Study, dates: list[date]) -> None:
    """Check that the tables of several dates are, column by column, those of each date."""
    tables = study.rhythm.customers_at(dates)
    assert tables["as_of"].unique().tolist() == [pd.Timestamp(day) for day in sorted(dates)]
    for day in dates:
        alone = study.at(day).customers
        found = tables[tables["as_of"] == pd.Timestamp(day)].reset_index(drop=True)
        expected = alone.drop(columns=ONLY_NOW & set(alone.columns))
        assert set(found.columns) - set(expected.columns) == {"as_of", *WINDOWS}
        pd.testing.assert_frame_equal(found[expected.columns], expected)


def test_tables_of_several_dates_are_those_of_each_date(make_study):
    dates = [date(2024, 6, 21), date(2024, 2, 10), date(2024, 2, 16), date(2024, 3, 20), AS_OF]
    study = make_study(
        LOG, header=WIDE, customers=REGISTERED, events=EVENTS, returns=[("o5", "2024-06-25")]
    )
    assert_same_at_each_date(study, [*dates, date(2023, 12, 15), date(2024, 7, 9)])
    returned = study.rhythm.customers_at(dates).set_index(["customer_id", "as_of"])["returned"]
    assert returned["luis"].tolist() == [0, 100]
    assert returned["eva"].tolist() == [0, 30, 30, 30, 30]


def test_the_demo_shop_at_several_dates_is_that_of_each_date(tmp_path):
    params = load_params(ROOT / "params" / "tienda_demo.yaml")
    study = Study(params, root=tmp_path, run_dir="run")
    assert_same_at_each_date(study, [study.as_of, study.months_before(5), study.months_before(11)])
    names = {"registered", "first_seen", "known_days", "carts", "carts_abandoned", "carts_open"}
    assert names <= set(study.customers.columns)
    assert study.customers["returns"].sum() > 0
    study.close()


def test_superstore_with_its_returns_at_several_dates_is_that_of_each_date(real_data, tmp_path):
    file = str(real_data("superstore_returns.parquet"))
    orders = load_params(ROOT / "params" / "superstore.yaml").plain()["orders"]
    orders |= {"path": str(real_data("superstore_orders.parquet"))}
    returns = {"path": file, "columns": {"order": "Order ID"}}
    study = Study(params_of(orders=orders, returns=returns), root=tmp_path, run_dir="run")
    assert study.customers["returns"].sum() == 296
    assert study.customers["returned"].sum() == pytest.approx(180_504.28)
    assert (study.customers["returns"] > 0).sum() == 247
    assert_same_at_each_date(study, [study.as_of, *map(study.months_before, (1, 12, 30, 40))])
    study.close()


DATES = [date(2024, 1, 20), date(2024, 2, 29), date(2024, 4, 10), date(2024, 5, 5)]


@settings(max_examples=6)
@given(lines=LINES, days=st.integers(1, 60))
def test_one_pass_over_lines_finds_what_a_pass_for_each_date_finds(tabled, lines, days):
    table = tabled(lines)
    whole = customer_tables(table, DATES[::-1], recent_days=days).to_pyarrow().to_pandas()
    assert whole[["as_of", "customer_id"]].apply(tuple, axis=1).is_monotonic_increasing
    for day in DATES:
        found = whole[whole["as_of"] == day].reset_index(drop=True)
        alone = customer_table(table, day).to_pyarrow().to_pandas()
        same = found[alone.columns].astype(alone.dtypes)
        pd.testing.assert_frame_equal(same, alone)
        for row in found.itertuples():
            assert (row.recent_orders, row.earlier_orders) == windows(lines, row, days)


def windows(lines: Iterable[Line], row: tuple, days: int) -> tuple[int, int]:
    """Orders of a customer in the window before a date, and in the one before that."""
    orders = defaultdict(list)
    for line in lines:
        if line[0] == row.customer_id and line[1].date() < row.as_of:
            orders[line[2]].append(line)
    ages = [
        (row.as_of - min(line[1] for line in order if line[4] > 0).date()).days
        for order in orders.values()
        if any(line[4] > 0 for line in order) and sum(line[4] for line in order) > 0
    ]
    return sum(age <= days for age in ages), sum(days < age <= 2 * days for age in ages)


def test_without_a_window_no_order_is_recent(tabled):
    lines = [("ana", datetime(2024, 1, 5), "a", 1, Decimal(1))]
    (row,) = customer_tables(tabled(lines), [AS_OF]).to_pyarrow().to_pylist()
    assert (row["orders"], row["recent_orders"], row["earlier_orders"]) == (1, 0, 0)


# Particular cases --------------------------------------------------------------------------


def test_first_amounts_of_one_second_do_not_depend_on_the_order_of_lines(tabled):
    moment = datetime(2024, 1, 5, 10)
    lines = [("ana", moment, f"o{place}", 1, Decimal(place)) for place in range(1, 20)]
    amounts = {
        customer_table(tabled(turned), AS_OF).to_pyarrow().to_pylist()[0]["first_amount"]
        for turned in (lines, lines[::-1], lines[5:] + lines[:5])
    }
    assert len(amounts) == 1


def test_the_earlier_order_of_a_day_is_the_first(tabled):
    lines = [
        ("ana", datetime(2024, 1, 5, 18), "a", 1, Decimal(1)),
        ("ana", datetime(2024, 1, 5, 9), "b", 2, Decimal(2)),
    ]
    (row,) = customer_table(tabled(lines), AS_OF).to_pyarrow().to_pylist()
    assert (row["first_amount"], row["first_units"]) == (2, 2)


def test_years_far_ahead_do_not_overflow(tabled):
    lines = [("ana", datetime(2999, 12, 1), "a", 1, Decimal(1))]
    (row,) = customer_table(tabled(lines), date(2999, 12, 31)).to_pyarrow().to_pylist()
    assert (row["first_amount"], row["recency_days"]) == (1, 30)


def test_a_refund_counts_in_the_period_of_its_order(tabled):
    lines = [
        ("ana", datetime(2024, 1, 5), "a", 2, Decimal(20)),
        ("ana", datetime(2024, 3, 5), "a", -1, Decimal(-10)),
        ("ana", datetime(2024, 3, 6), "b", -1, Decimal(-3)),
    ]
    early = period_table(tabled(lines), date(2024, 1, 1), AS_OF).to_pyarrow().to_pylist()
    assert early == [
        {
            "customer_id": "ana",
            "orders": 1,
            "purchase_days": 1,
            "revenue": 7.0,
            "gross": 20.0,
            "units": 2.0,
            "returned_units": 2.0,
        }
    ]
    late = period_table(tabled(lines), date(2024, 3, 1), AS_OF).to_pyarrow().to_pylist()
    assert late == [
        {
            "customer_id": "ana",
            "orders": 0,
            "purchase_days": 0,
            "revenue": -3.0,
            "gross": 0.0,
            "units": 0.0,
            "returned_units": 1.0,
        }
    ]
    months = monthly_table(tabled(lines), AS_OF).to_pyarrow().to_pylist()
    assert [(str(row["month"]), row["orders"], row["revenue"]) for row in months] == [
        ("2024-01-01", 1, 10.0),
        ("2024-03-01", 0, -3.0),
    ]


def test_an_order_returned_in_two_parts_is_one_return(tabled):
    lines = [
        ("ana", datetime(2024, 1, 5), "a", 4, Decimal(40)),
        ("ana", datetime(2024, 2, 5), "a", -1, Decimal(-10)),
        ("ana", datetime(2024, 3, 5), "a", -1, Decimal(-10)),
        ("ana", datetime(2024, 4, 5), "b", 1, Decimal(10)),
    ]
    dates = [date(2024, 2, 5), date(2024, 2, 6), AS_OF]
    table = customer_tables(tabled(lines), dates, recent_days=30)
    found = table.to_pyarrow().to_pylist()
    assert [row["returns"] for row in found] == [0, 1, 1]
    assert [row["returned"] for row in found] == [0, 10, 20]


def test_the_first_gap_is_between_days_and_leaves_out_orders_that_do_not_stand(tabled):
    lines = [
        ("ana", datetime(2024, 1, 5, 9), "a", 1, Decimal(1)),
        ("ana", datetime(2024, 1, 5, 18), "b", 1, Decimal(1)),
        ("ana", datetime(2024, 1, 8), "c", 1, Decimal(1)),
        ("ana", datetime(2024, 1, 9), "c", -1, Decimal(-1)),
        ("ana", datetime(2024, 1, 15), "d", 1, Decimal(1)),
        ("ana", datetime(2024, 3, 15), "e", 1, Decimal(1)),
    ]
    (row,) = customer_table(tabled(lines), AS_OF).to_pyarrow().to_pylist()
    assert (row["first_gap_days"], row["last_gap_days"]) == (10, 60)


def test_sums_of_many_cents_are_exact(tabled):
    lines = [
        ("ana", datetime(2024, 1, 1) + timedelta(hours=place), f"o{place}", 1, Decimal("0.1"))
        for place in range(1000)
    ]
    (row,) = customer_table(tabled(lines), AS_OF).to_pyarrow().to_pylist()
    assert (row["revenue"], row["orders"], row["gross"]) == (100.0, 1000, 100.0)


def test_free_orders_count_where_they_are_kept(make_study):
    rows = [("ana", "2024-01-05", "o1", 1, 0), ("ana", "2024-02-05", "o2", 1, 10)]
    kept = make_study(rows, as_of=AS_OF, cleaning={"non_positive_price": "keep"}).customers
    assert kept[["orders", "x", "first_amount", "monetary_mean"]].to_numpy().tolist() == [
        [2, 1, 0, 10]
    ]


def test_the_real_logs_have_their_published_totals(real_data, make_study):
    orders = {
        "path": str(real_data("cdnow_sample.parquet")),
        "columns": {"customer": "sample_id", "date": "date", "amount": "dollar_value"},
    }
    orders["columns"]["quantity"] = "cds"
    kept = {"exact_duplicate": "keep", "non_positive_price": "keep"}
    study = make_study([], orders=orders, cleaning=kept)
    assert study.as_of == date(1998, 7, 1)
    assert len(study.customers) == 2357
    assert study.customers["revenue"].sum() == pytest.approx(244_091.94)
    assert study.customers["lines"].sum() == 6919
