"""Migration: flows add up, the rules stay those of today, and any two dates can be compared."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import params_of, write_rows

from segkit.analysis.migration import (
    GONE,
    NEWCOMER,
    balance,
    flows,
    movements,
    transition_matrix,
)
from segkit.errors import SegkitError
from segkit.params import SEGMENTATIONS, check_params, load_params
from segkit.segments import VIEWS
from segkit.study.study import Study
from segkit.words.format import Formats
from segkit.words.texts import Texts

ORDER = ["new", "loyal", "lost"]
examples = settings(max_examples=15)


def segments(*rows: tuple[str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "segment", "revenue"])
    return table.astype({"customer_id": "str", "segment": "str", "revenue": "float64"})


BEFORE = segments(("ana", "new", 10), ("bea", "new", 20), ("leo", "loyal", 70), ("eva", "lost", 5))
AFTER = segments(
    ("zoe", "new", 3), ("ana", "loyal", 25), ("bea", "lost", 20), ("leo", "loyal", 90), ("eva", "lost", 1)
)  # fmt: skip


def by_pair(moved: pd.DataFrame, column: str) -> dict[tuple[str, str], float]:
    keys = zip(moved["segment_before"], moved["segment_after"])
    return dict(zip(keys, moved[column]))


@st.composite
def two_dates(draw) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return segments at two dates; some customers are there at one of them only."""
    names = [f"c{place}" for place in range(draw(st.integers(1, 25)))]
    one = st.tuples(st.sampled_from(ORDER), st.integers(-50, 500))
    tables = []
    for _ in range(2):
        kept = [name for name in names if draw(st.booleans())]
        tables.append(segments(*((name, *draw(one)) for name in kept)))
    return tables[0], tables[1]


# Flows by hand


def test_flows_are_those_counted_by_hand():
    moved = flows(BEFORE, AFTER, ORDER)
    assert by_pair(moved, "customers") == {
        ("new", "loyal"): 1,
        ("new", "lost"): 1,
        ("loyal", "loyal"): 1,
        ("lost", "lost"): 1,
        (NEWCOMER, "new"): 1,
    }
    assert by_pair(moved, "share_of_before") == {
        ("new", "loyal"): 0.5,
        ("new", "lost"): 0.5,
        ("loyal", "loyal"): 1,
        ("lost", "lost"): 1,
        (NEWCOMER, "new"): 1,
    }
    assert by_pair(moved, "revenue_before")["new", "lost"] == 20
    assert by_pair(moved, "revenue_between") == {
        ("new", "loyal"): 15,
        ("new", "lost"): 0,
        ("loyal", "loyal"): 20,
        ("lost", "lost"): -4,
        (NEWCOMER, "new"): 3,
    }


def test_flows_come_in_the_order_asked_with_newcomers_last():
    moved = flows(BEFORE, AFTER, ORDER)
    assert list(by_pair(moved, "customers")) == [
        ("new", "loyal"),
        ("new", "lost"),
        ("loyal", "loyal"),
        ("lost", "lost"),
        (NEWCOMER, "new"),
    ]
    turned = flows(BEFORE, AFTER, ORDER[::-1])
    assert list(turned["segment_before"].unique()) == ["lost", "loyal", "new", NEWCOMER]


def test_who_is_not_there_later_is_gone():
    moved = flows(AFTER, BEFORE, ORDER)
    assert by_pair(moved, "customers")["new", GONE] == 1
    assert list(transition_matrix(moved)) == ["segment_before", *ORDER, GONE, "total"]
    assert balance(moved).set_index("segment").loc["new", "left"] == 1


def test_the_matrix_says_the_same_with_sums_at_its_ends():
    moved = flows(BEFORE, AFTER, ORDER)
    table = transition_matrix(moved).set_index("segment_before")
    assert list(table) == [*ORDER, "total"]
    assert table.index.tolist() == [*ORDER, NEWCOMER, "total"]
    assert table.loc["new"].tolist() == [0, 1, 1, 2]
    assert table.loc["total"].tolist() == [1, 2, 2, 5]
    shares = transition_matrix(moved, "share_of_before").set_index("segment_before")
    assert shares.loc["new"].to_dict() == {"new": 0, "loyal": 0.5, "lost": 0.5}
    assert (shares.sum(axis=1) == 1).all()
    money = transition_matrix(moved, "revenue_between").set_index("segment_before")
    assert money.loc["total"].tolist() == [3, 35, -4, 34]


def test_the_balance_says_what_each_segment_won_and_lost():
    table = balance(flows(BEFORE, AFTER, ORDER)).set_index("segment")
    columns = ["customers_before", "left", "entered", "newcomers", "customers_after"]
    assert table.loc["new", columns].tolist() == [2, 2, 0, 1, 1]
    assert table.loc["loyal", columns].tolist() == [1, 0, 1, 0, 2]
    assert table.loc["lost", columns].tolist() == [1, 0, 1, 0, 2]
    assert table.loc["total", columns].tolist() == [4, 2, 2, 1, 5]
    assert table["revenue_between"].tolist() == [3, 35, -4, 34]


def test_movements_are_told_with_most_revenue_at_stake_first():
    moves = movements(flows(BEFORE, AFTER, ORDER))
    assert list(by_pair(moves, "customers")) == [("new", "lost"), ("new", "loyal")]
    back = movements(flows(AFTER, BEFORE, ORDER))
    assert list(by_pair(back, "customers")) == [("loyal", "new"), ("lost", "new")]


def test_where_nobody_moved_everybody_is_on_the_diagonal():
    moved = flows(AFTER, AFTER, ORDER)
    assert (moved["segment_before"] == moved["segment_after"]).all()
    assert (moved["revenue_between"] == 0).all()
    assert movements(moved).empty
    table = balance(moved)
    assert (table["customers_before"] == table["customers_after"]).all()
    assert not table[["left", "entered", "newcomers"]].any(axis=None)


@examples
@given(two_dates())
def test_row_sums_are_the_earlier_sizes_and_column_sums_the_later_ones(dates):
    before, after = dates
    moved = flows(before, after, ORDER)
    table = transition_matrix(moved).set_index("segment_before")
    rows, columns = table["total"].drop("total"), table.loc["total"].drop("total")
    sizes = before["segment"].value_counts().to_dict()
    new = len(set(after["customer_id"]) - set(before["customer_id"]))
    assert rows.to_dict() == sizes | ({NEWCOMER: new} if new else {})
    sizes = after["segment"].value_counts().to_dict()
    gone = len(set(before["customer_id"]) - set(after["customer_id"]))
    assert columns.to_dict() == sizes | ({GONE: gone} if gone else {})


@examples
@given(two_dates())
def test_shares_of_each_earlier_segment_add_up_to_one(dates):
    moved = flows(*dates, ORDER)
    sums = moved.groupby("segment_before")["share_of_before"].sum()
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)))


@examples
@given(two_dates().filter(lambda dates: len(dates[0]) + len(dates[1]) > 0))
def test_what_was_less_what_left_plus_what_came_is_what_is(dates):
    before, after = dates
    table = balance(flows(before, after, ORDER)).set_index("segment")
    found = table["customers_before"] - table["left"] + table["entered"] + table["newcomers"]
    assert found.tolist() == table["customers_after"].tolist()
    parts, total = table.drop("total"), table.loc["total"]
    assert parts.sum().to_numpy() == pytest.approx(total.to_numpy())
    assert total[["customers_before", "customers_after"]].tolist() == [len(before), len(after)]


@examples
@given(two_dates())
def test_the_revenue_between_is_the_difference_of_all_that_was_spent(dates):
    before, after = dates
    moved = flows(before, after, ORDER)
    assert moved["revenue_before"].sum() == pytest.approx(before["revenue"].sum())
    difference = after["revenue"].sum() - before["revenue"].sum()
    assert moved["revenue_between"].sum() == pytest.approx(difference)


@examples
@given(two_dates(), st.randoms(use_true_random=False))
def test_the_order_of_customers_does_not_matter(dates, random):
    mixed = [table.sample(frac=1, random_state=random.randint(0, 99)) for table in dates]
    pd.testing.assert_frame_equal(flows(*mixed, ORDER), flows(*dates, ORDER))


@examples
@given(two_dates())
def test_the_way_back_is_the_way_there_turned_round(dates):
    there, back = flows(*dates, ORDER), flows(*dates[::-1], ORDER)
    names = {NEWCOMER: GONE, GONE: NEWCOMER}
    turned = {
        (names.get(after, after), names.get(before, before)): count
        for (before, after), count in by_pair(there, "customers").items()
    }
    assert turned == by_pair(back, "customers")


# A study's customers

AS_OF, EARLIER = date(2024, 1, 1), date(2023, 10, 1)
QUICK = {"clv": {"model": "bg_nbd", "resamples": 0}, "clusters": {"k_range": [3, 4], "n_init": 1}}


def shop_rows(customers: int = 150, seed: int = 3) -> list[tuple]:
    """Order lines of two years: some customers buy often, some leave, some send things back."""
    random = np.random.default_rng(seed)
    rows, number = [("c000", "2022-01-01", "o00000", 1, 30.0)], 0
    for customer in range(customers):
        day = date(2022, 1, 1) + timedelta(days=int(random.integers(0, 715)))
        pace = random.gamma(1.2, 40)
        while day < AS_OF:
            number += 1
            units, price = int(random.integers(1, 4)), round(float(random.gamma(4, 8)) + 1, 2)
            line = (f"c{customer:03d}", f"o{number:05d}")
            rows.append((line[0], day.isoformat(), line[1], units, round(units * price, 2)))
            if random.random() < 0.15:
                sent = day + timedelta(days=int(random.integers(1, 60)))
                back = int(random.integers(1, units + 1))
                rows.append((line[0], sent.isoformat(), line[1], -back, round(-back * price, 2)))
            if random.random() < 0.12:
                break
            day += timedelta(days=1 + int(random.exponential(pace)))
    return rows


@pytest.fixture(scope="module")
def make_shop(tmp_path_factory):
    """Return a function that opens a study of the shop, with registered customers and events."""
    opened = []

    def make(rows, **given) -> Study:
        root = tmp_path_factory.mktemp("shop")
        write_rows(root / "orders.csv", rows)
        known = [(f"p{place}", f"2023-{1 + place % 12:02}-15") for place in range(30)]
        write_rows(root / "customers.csv", known, ("customer", "registered"))
        seen = [(f"c{place:03d}", f"2023-{1 + place % 12:02}-20", "cart") for place in range(60)]
        write_rows(root / "events.csv", seen, ("customer", "date", "type"))
        beside = {
            name: {"path": f"{name}.csv", "columns": {column: column for column in columns}}
            for name, columns in {
                "customers": ("customer", "registered"),
                "events": ("customer", "date", "type"),
            }.items()
        }
        params = params_of(**QUICK, **beside, **given)
        study = Study(params, root=root, run_dir="run", as_of=AS_OF)
        opened.append(study)
        return study

    yield make
    for study in opened:
        study.close()


@pytest.fixture(scope="module")
def shop(make_shop):
    return make_shop(shop_rows())


def bought_between(study: Study, before: date, after: date) -> float:
    """Return what the lines between two dates add up to."""
    moment = study.lines["observed_at"]
    inside = (moment >= pd.Timestamp(before)) & (moment < pd.Timestamp(after))
    return float(study.lines.filter(inside)["amount"].sum().to_pyarrow().as_py() or 0)


def named(labels: pd.Series, customers: pd.DataFrame) -> dict[str, str]:
    return labels.set_axis(customers["customer_id"]).dropna().to_dict()


def as_named(table: pd.DataFrame) -> dict[str, str]:
    return table.set_index("customer_id")["segment"].to_dict()


def test_the_shop_has_people_everywhere_so_that_its_flows_mean_something(shop):
    stages = shop.segments["lifecycle"].value_counts()
    assert (stages.reindex(["prospect", "churned", "new", "active"]) >= 5).all()
    for name in SEGMENTATIONS:
        assert len(movements(shop.migration.flows(name))) >= 2, name


def test_the_dates_are_a_quarter_apart_and_end_today(shop):
    expected = [date(2023, 1, 1), date(2023, 4, 1), date(2023, 7, 1), EARLIER, AS_OF]
    assert shop.migration.dates == expected
    assert shop.migration.ready
    assert shop.migration.terms == {"before": EARLIER, "after": AS_OF, "months": 3}


@pytest.mark.parametrize("name", [*SEGMENTATIONS, *VIEWS])
def test_at_the_last_date_everybody_is_where_the_study_says(shop, name):
    found = shop.migration.segments(name, AS_OF)
    assert as_named(found) == named(shop.label(name, shop.customers), shop.customers)


@pytest.mark.parametrize("name", [*SEGMENTATIONS, *VIEWS])
def test_at_the_last_date_everybody_is_where_the_table_of_segments_says(shop, name):
    found = shop.migration.segments(name, AS_OF)
    assert as_named(found) == named(shop.segments[name], shop.segments)


@pytest.mark.parametrize(
    "name", [name for name in (*SEGMENTATIONS, *VIEWS) if name != "clv_segments"]
)
def test_at_an_earlier_date_todays_rules_label_the_customers_of_then(shop, name):
    then = shop.at(EARLIER).customers
    assert as_named(shop.migration.segments(name, EARLIER)) == named(shop.label(name, then), then)


def clv_customers(study: Study, day: date, previous: date) -> pd.DataFrame:
    """Return the customers of a date with what today's models expect of them, from two studies."""
    then = study.at(day)
    customers, before = then.customers, study.at(previous).customers
    starts = [day - timedelta(days=study.rhythm.recent_days * times) for times in (1, 2)]
    recent, both = (
        customers["customer_id"]
        .map(then.period(start).set_index("customer_id")["orders"])
        .fillna(0)
        for start in starts
    )
    windows = pd.DataFrame({"recent_orders": recent, "earlier_orders": both - recent})
    return customers.join(study.forecast.values_of(customers, before)).join(windows)


@pytest.mark.parametrize(
    ("day", "previous"),
    [(EARLIER, date(2023, 7, 1)), (date(2023, 7, 1), date(2023, 4, 1)),
     (date(2023, 5, 17), date(2023, 2, 17))],
)  # fmt: skip
def test_values_of_an_earlier_date_are_those_of_todays_models(shop, day, previous):
    customers = clv_customers(shop, day, previous)
    found = as_named(shop.migration.segments("clv_segments", day))
    assert found == named(shop.label("clv_segments", customers), customers)
    assert len(set(found.values())) >= 4


def test_the_first_date_has_no_earlier_value_to_compare_with(shop):
    early = shop.first_day + timedelta(days=30)
    customers = shop.migration.customers(early)
    assert customers["clv_trend"].isna().all()
    assert customers.loc[customers["orders"] > 0, "clv"].notna().all()
    assert "at_risk" not in as_named(shop.migration.segments("clv_segments", early)).values()


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_flows_of_a_study_add_up_to_its_customers_and_to_its_log(shop, name):
    moves = shop.migration
    for before, after in pairwise(moves.dates):
        moved = moves.flows(name, before, after)
        table = balance(moved).iloc[-1]
        assert table["customers_before"] == len(shop.at(before).customers)
        assert table["customers_after"] == len(shop.at(after).customers)
        assert GONE not in set(moved["segment_after"])
        assert moved["revenue_between"].sum() == pytest.approx(bought_between(shop, before, after))
        assert set(moved["segment_after"]) <= set(shop.segment_names[name])


def test_flows_of_views_count_only_what_was_bought_between_the_dates(shop):
    # Who enters a view had spent money before, in another stage.
    was, now = (
        shop.at(day).customers.set_index("customer_id")["revenue"] for day in (EARLIER, AS_OF)
    )
    between = now - was.reindex(now.index, fill_value=0.0)
    found, expected = {}, {}
    for view in VIEWS:
        parts = [shop.migration.segments(view, day)["customer_id"] for day in (EARLIER, AS_OF)]
        expected[view] = between[sorted({*parts[0], *parts[1]})].sum()
        found[view] = shop.migration.flows(view)["revenue_between"].sum()
    assert found == pytest.approx(expected)


def test_by_default_today_is_compared_with_the_date_before(shop):
    moves = shop.migration
    pd.testing.assert_frame_equal(
        moves.flows("lifecycle"), moves.flows("lifecycle", EARLIER, AS_OF)
    )
    pd.testing.assert_frame_equal(
        moves.flows("lifecycle", date(2023, 4, 1)),
        moves.flows("lifecycle", date(2023, 4, 1), AS_OF),
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (date(2022, 3, 9), date(2023, 8, 8)),
        (date(2023, 12, 30), date(2023, 12, 31)),
    ],
)
def test_any_two_dates_can_be_compared(shop, before, after):
    for name in ("families", "lifecycle"):
        moved = shop.migration.flows(name, before, after)
        was, now = (
            named(shop.label(name, c), c) for c in (shop.at(d).customers for d in (before, after))
        )
        pairs = pd.Series([(was.get(who, NEWCOMER), now[who]) for who in now]).value_counts()
        assert by_pair(moved, "customers") == pairs.to_dict()
        assert moved["revenue_between"].sum() == pytest.approx(bought_between(shop, before, after))


def test_looking_backwards_the_newcomers_are_gone(shop):
    there, back = shop.migration.flows("families"), shop.migration.flows("families", AS_OF, EARLIER)
    new = there.loc[there["segment_before"] == NEWCOMER, "customers"].sum()
    assert back.loc[back["segment_after"] == GONE, "customers"].sum() == new > 0
    assert NEWCOMER not in set(back["segment_before"])


def test_newcomers_are_those_without_any_trace_before(shop):
    lines = pd.DataFrame(shop_rows(), columns=["customer", "day", "order", "units", "amount"])
    firsts = lines.groupby("customer")["day"].min()
    buyers = int((firsts >= EARLIER.isoformat()).sum())
    known = {f"c{place:03d}" for place in range(60) if 1 + place % 12 < 10}
    buyers -= len(known & set(firsts[firsts >= EARLIER.isoformat()].index))
    moved = shop.migration.flows("lifecycle")
    new = moved[(moved["segment_before"] == NEWCOMER) & (moved["segment_after"] != "prospect")]
    assert new["customers"].sum() == buyers > 0


def test_the_series_is_that_of_repeated_flows(shop):
    moves = shop.migration
    for name in SEGMENTATIONS:
        series = moves.series(name)
        assert series["as_of"].unique().tolist() == list(map(pd.Timestamp, moves.dates[1:]))
        for before, after in pairwise(moves.dates):
            rows = series[series["as_of"] == pd.Timestamp(after)].set_index("segment")
            table = balance(moves.flows(name, before, after)).set_index("segment").drop("total")
            there = table[table["customers_after"] > 0]
            assert rows["customers"].to_dict() == there["customers_after"].to_dict()
            assert rows["revenue"].to_dict() == pytest.approx(there["revenue_between"].to_dict())
            assert rows["customers_share"].sum() == pytest.approx(1)


def test_the_series_keeps_the_order_of_the_segments(shop):
    series = shop.migration.series("lifecycle")
    keys = list(shop.segment_names["lifecycle"])
    for _, rows in series.groupby("as_of"):
        places = [keys.index(key) for key in rows["segment"]]
        assert places == sorted(places)


@pytest.mark.parametrize(
    "day", [date(2022, 1, 1), date(1999, 1, 1), AS_OF + timedelta(days=1), date(2100, 1, 1)]
)
def test_a_day_outside_the_history_is_refused_with_the_days_that_are_not(shop, day):
    assert shop.first_day == date(2022, 1, 1)
    message = f"there are no customers at this date: '{day}'. Fix: choose one after 2022-01-01"
    for ask in (
        lambda: shop.migration.customers(day),
        lambda: shop.migration.flows("families", day),
        lambda: shop.migration.flows("families", EARLIER, day),
    ):
        with pytest.raises(SegkitError, match=message):
            ask()


def test_the_first_and_the_last_day_of_the_history_have_customers(shop):
    first = shop.migration.customers(date(2022, 1, 2))
    assert (first["orders"] > 0).sum() >= 1
    assert len(shop.migration.customers(AS_OF)) == len(shop.customers)


def test_an_unknown_segmentation_is_named(shop):
    with pytest.raises(SegkitError, match="unknown segmentation: 'cluster'"):
        shop.migration.segments("cluster", AS_OF)


def test_the_movements_that_are_told_are_those_with_most_revenue_at_stake(shop):
    moves = shop.migration
    told = moves.told("value_groups")
    first = movements(moves.flows("value_groups")).head(3)
    assert [fields["revenue_before"] for _, fields in told] == first["revenue_before"].tolist()
    assert {key for key, _ in told} == {"migration_move"}
    moved = moves.flows("value_groups")
    marked = moves.is_told(moved, top=3)
    assert by_pair(moved[marked], "customers") == by_pair(first, "customers")


def test_flows_of_few_segments_are_legible_and_those_of_many_are_not(shop):
    assert shop.migration.is_legible("lifecycle")
    found = shop.migration.flows("sub_segments")["segment_after"].nunique()
    assert shop.migration.is_legible("sub_segments") == (found <= 12)
    assert found > 12


def test_months_and_dates_are_parameters(make_study):
    rows = [("ana", "2022-01-01", 1, 1, 10), ("bea", "2023-12-31", 2, 1, 10)]
    moves = make_study(rows, as_of=AS_OF, migration={"months": 2, "dates": 3}).migration
    assert moves.dates == [date(2023, 9, 1), date(2023, 11, 1), AS_OF]
    assert moves.terms == {"before": date(2023, 11, 1), "after": AS_OF, "months": 2}


def test_the_order_of_rows_in_the_log_changes_nothing(shop, make_shop):
    rows = shop_rows()
    np.random.default_rng(8).shuffle(rows)
    mixed = make_shop([tuple(row) for row in rows])
    for name in SEGMENTATIONS:
        pd.testing.assert_frame_equal(mixed.migration.flows(name), shop.migration.flows(name))


# Small histories


@pytest.mark.parametrize(
    ("first", "ready"), [("2023-10-01", False), ("2023-09-30", True), ("2023-12-31", False)]
)
def test_a_history_as_short_as_the_step_is_not_ready(make_study, first, ready):
    rows = [("ana", first, 1, 1, 10), ("bea", "2023-12-31", 2, 1, 10)]
    moves = make_study(rows, as_of=AS_OF, **QUICK).migration
    assert moves.ready == ready
    assert moves.dates == ([EARLIER, AS_OF] if ready else [AS_OF])


def test_comparing_the_dates_of_a_history_that_is_too_short_is_refused_in_words(make_study):
    rows = [("ana", "2023-12-01", 1, 1, 10), ("bea", "2023-12-31", 2, 1, 10)]
    moves = make_study(rows, as_of=AS_OF, **QUICK).migration
    for ask in (moves.flows, moves.series, moves.told):
        with pytest.raises(SegkitError):
            ask("families")


STEADY = {"gaps": {"usual_days": 45, "churn_days": 120}, "lifecycle": {"new_days": 20}}


def test_where_nobody_moved_that_is_what_is_told(make_study):
    months = pd.date_range("2023-01-05", "2023-12-05", freq="MS").strftime("%Y-%m-05")
    rows = [(who, day, f"{who}{day}", 1, 10) for who in ("ana", "bea") for day in months]
    moves = make_study(rows, as_of=AS_OF, **QUICK, **STEADY).migration
    moved = moves.flows("lifecycle")
    assert by_pair(moved, "customers") == {("active", "active"): 2}
    assert moves.told("lifecycle") == [("migration_nobody", moves.terms)]
    assert not moves.is_told(moved).any()


def test_each_path_through_the_stages_is_followed(make_study):
    paths = {
        "stays": ["2023-01-01", "2023-04-01", "2023-07-01", "2023-09-20", "2023-12-20"],
        "leaves": ["2023-06-01", "2023-08-20"],
        "comes_back": ["2023-01-01", "2023-12-20"],
        "settles": ["2023-09-20", "2023-10-20", "2023-12-20"],
        "joins": ["2023-12-20"],
    }
    rows = [(who, day, f"{who}{day}", 1, 10) for who, days in paths.items() for day in days]
    moves = make_study(rows, as_of=AS_OF, **QUICK, **STEADY).migration
    assert by_pair(moves.flows("lifecycle"), "customers") == {
        ("active", "active"): 1,
        ("active", "churned"): 1,
        ("churned", "returned"): 1,
        ("new", "active"): 1,
        (NEWCOMER, "new"): 1,
    }
    between = by_pair(moves.flows("lifecycle"), "revenue_between")
    assert between["new", "active"] == 20
    assert between["active", "churned"] == 0
    told = moves.told("lifecycle")
    assert {key for key, _ in told} == {"migration_move"}
    texts, formats = Texts("en"), Formats("en_US", "USD")
    assert all(": one customer, " in texts.say(key, formats, **fields) for key, fields in told)


EDGES = {"recency": [100, 200, 300, 400], "frequency": [1, 2, 3, 4]}
"""Cut points of recency in days and of frequency in orders."""


def last_seen(*days_before: int) -> list[tuple]:
    """Order lines of one customer each, who last bought so many days before `AS_OF`."""
    rows = [("first", "2022-01-01", "first", 1, 10)]
    for place, days in enumerate(days_before):
        day = (AS_OF - timedelta(days=days)).isoformat()
        rows.append((f"c{place}", day, f"c{place}", 1, 10))
    return rows


def test_who_is_past_an_edge_by_less_than_its_share_has_not_moved(make_study):
    # Three months and 92 days ago they were at 8, 12 and 13 days; the edge is at 100.
    rows = last_seen(100, 104, 105)
    moves = make_study(rows, as_of=AS_OF, **QUICK, rfm={"bins": EDGES}).migration
    assert by_pair(moves.flows("sub_segments"), "customers") == {
        ("beginners_r5", "beginners_r5"): 1,
        ("beginners_r4", "beginners_r4"): 1,
        ("beginners_r5", "beginners_r4"): 1,
        ("beginners_r1", "beginners_r1"): 1,
    }
    # At each date alone, everybody is where the rules say.
    assert sorted(as_named(moves.segments("sub_segments", EARLIER)).values()) == (
        ["beginners_r1", *["beginners_r5"] * 3]
    )
    assert [key for key, _ in moves.intro] == ["migration_intro", "migration_edges"]


@pytest.mark.parametrize(("tolerance", "moved"), [(0.0, 2), (0.045, 1), (0.2, 0)])
def test_how_far_past_an_edge_counts_is_a_parameter(make_study, tolerance, moved):
    rows = last_seen(104, 105)
    moves = make_study(
        rows, as_of=AS_OF, **QUICK, rfm={"bins": EDGES}, migration={"edge_tolerance": tolerance}
    ).migration
    found = by_pair(moves.flows("sub_segments"), "customers")
    assert found.get(("beginners_r5", "beginners_r4"), 0) == moved
    assert len(moves.intro) == (2 if tolerance else 1)


@pytest.mark.parametrize("tolerance", [0.0, 0.05, 0.5])
def test_with_any_tolerance_flows_end_in_the_segments_of_the_study_and_add_up(make_shop, tolerance):
    study = make_shop(shop_rows(), migration={"edge_tolerance": tolerance})
    for name in ("families", "sub_segments", "value_groups"):
        moved = study.migration.flows(name)
        table = transition_matrix(moved).set_index("segment_before")
        sizes = study.label(name, study.customers).value_counts().to_dict()
        assert table.loc["total"].drop("total").to_dict() == sizes
        assert table["total"].drop("total").sum() == table.loc["total", "total"]
        ends = balance(moved).iloc[-1]
        assert ends["customers_before"] == len(study.at(EARLIER).customers)
        assert ends["customers_after"] == len(study.customers)
        shares = moved.groupby("segment_before")["share_of_before"].sum()
        assert shares.to_numpy() == pytest.approx(1)


def test_an_order_of_two_days_counts_in_the_window_of_its_first_everywhere(make_study):
    days = [AS_OF - timedelta(days=ago) for ago in (46, 44)]
    rows = [("ana", "2023-01-01", "a", 1, 10), ("bea", "2023-06-01", "c", 1, 10)]
    rows += [("ana", day.isoformat(), "b", 1, 10) for day in days]
    study = make_study(rows, as_of=AS_OF, **QUICK, **STEADY)
    assert study.rhythm.recent_days == 45
    windows = ["recent_orders", "earlier_orders"]
    followed = study.migration.customers(AS_OF)[windows]
    pd.testing.assert_frame_equal(followed, study.forecast.values[windows])


def test_an_order_sent_back_between_the_dates_is_missing_from_the_revenue_between(make_study):
    rows = [
        ("ana", "2023-01-01", "a", 2, 50),
        ("bea", "2023-02-01", "b", 1, 10),
        ("ana", "2023-11-11", "a", -2, -50),
        ("bea", "2023-12-31", "c", 1, 10),
    ]
    moves = make_study(rows, as_of=AS_OF, **QUICK, **STEADY).migration
    moved = moves.flows("lifecycle")
    assert by_pair(moved, "revenue_between") == {
        ("churned", "returned_all"): -50,
        ("churned", "returned"): 10,
    }
    assert by_pair(moved, "revenue_before")["churned", "returned_all"] == 50


def test_a_prospect_who_buys_is_no_newcomer(make_study):
    rows = [("ana", "2023-01-01", "a", 1, 5), ("bea", "2023-12-25", "b", 1, 7)]
    registered = [("bea", "2023-06-01"), ("leo", "2023-12-24")]
    moves = make_study(rows, customers=registered, as_of=AS_OF, **QUICK, **STEADY).migration
    assert by_pair(moves.flows("lifecycle"), "customers") == {
        ("prospect", "new"): 1,
        ("churned", "churned"): 1,
        (NEWCOMER, "prospect"): 1,
    }


# Real data

REAL = {
    "tienda_demo": None,
    "cdnow": None,
    "superstore": "superstore_orders.parquet",
    "online_retail_ii": "online_retail_ii_2009_2010.parquet",
}
LIGHT = ("families", "value_groups", "clv_segments", "lifecycle", "micro_segments")
"""Segmentations that are quickly made."""


@pytest.fixture(scope="module", params=REAL)
def real(request, real_data, tmp_path_factory):
    """A shipped client with a quick forecast; Superstore with its returns."""
    client, file = request.param, REAL[request.param]
    given = load_params(f"params/{client}.yaml").plain()
    given["clv"] = {**given.get("clv", {}), **QUICK["clv"]}
    if file:
        given["orders"]["path"] = str(real_data(file))
    if client == "superstore":
        back = {"path": str(real_data("superstore_returns.parquet"))}
        given["returns"] = back | {"columns": {"order": "Order ID"}}
    study = Study(check_params(given), run_dir=tmp_path_factory.mktemp(client))
    yield study
    study.close()


@pytest.mark.slow
def test_real_flows_add_up_to_customers_and_to_the_log(real):
    moves = real.migration
    before, after = moves.dates[-2:]
    money = bought_between(real, before, after)
    for name in LIGHT:
        moved = moves.flows(name)
        table = balance(moved).set_index("segment")
        found = table["customers_before"] - table["left"] + table["entered"] + table["newcomers"]
        assert found.tolist() == table["customers_after"].tolist()
        sizes = real.label(name, real.customers).value_counts().to_dict()
        now = table.drop("total")["customers_after"]
        assert now[now > 0].to_dict() == sizes
        assert moved["revenue_between"].sum() == pytest.approx(money, abs=0.01)
        assert GONE not in set(moved["segment_after"])


@pytest.mark.slow
def test_real_customers_of_an_earlier_date_are_those_of_a_study_of_it(real):
    day = real.migration.dates[-2]
    then = real.at(day).customers
    for name in ("families", "lifecycle", "micro_segments"):
        assert as_named(real.migration.segments(name, day)) == named(real.label(name, then), then)
