"""The customer-base audit: five lenses worked by hand, and totals that add up whatever the log."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.analysis import audit as tables
from segkit.analysis import cohorts as groups
from segkit.analysis.projection import projection
from segkit.params import load_params
from segkit.study.study import Study
from segkit.words.audit import next_unit
from segkit.words.format import Formats
from segkit.words.texts import Texts

LENSES = ("period", "periods", "cohort", "cohorts", "base")
TABLES = (
    *("product", "spread", "deciles", "value_deciles", "bought", "staying", "period_change"),
    *("factor_change", "decile_switching", "decile_cuts", "cohort_factors", "cohort_orders"),
    *("cohorts", "cohort_summary", "second_orders", "cohort_revenue", "growth", "projection"),
)


def period(rows: dict[str, tuple[int, float]]) -> pd.DataFrame:
    """Return what customers bought: orders and revenue by id."""
    orders, revenue = zip(*rows.values(), strict=True) if rows else ((), ())
    columns = {"customer_id": list(rows), "orders": list(orders), "revenue": list(revenue)}
    return pd.DataFrame(columns).astype(
        {"customer_id": "str", "orders": "int64", "revenue": "float64"}
    )


EARLIER = period(
    {"ana": (2, 100.0), "bea": (1, 40.0), "cai": (1, 60.0), "dan": (3, 30.0), "zoe": (0, -5.0)}
)
LATER = period(
    {"bea": (2, 90.0), "cai": (1, 20.0), "dan": (1, 30.0), "eva": (1, 70.0), "ana": (0, -10.0)}
)
BOTH = tables.together(EARLIER, LATER)


def by(table: pd.DataFrame, key: str, column: str) -> dict[str, float]:
    return table.set_index(key)[column].to_dict()


# One period, by hand ------------------------------------------------------------------


def test_revenue_is_customers_times_orders_times_order_value():
    row = tables.product({"earlier": EARLIER}).iloc[0]
    assert row[["customers", "orders", "revenue"]].tolist() == [4, 7, 225]
    assert (row["orders_per_customer"], row["aov"]) == (7 / 4, 225 / 7)


def test_spread_knows_the_mean_and_the_median_of_those_who_bought():
    table = tables.spread(EARLIER).set_index("measure")
    assert table["average"].to_dict() == {"revenue": 57.5, "orders": 1.75, "aov": 40}
    assert table["median"].to_dict() == {"revenue": 50, "orders": 1.5, "aov": 45}


def test_deciles_hold_equally_many_customers_best_first():
    spent = {f"c{place:02}": (1, float(place)) for place in range(1, 21)}
    table = tables.deciles(period(spent)).set_index("spend_decile")
    assert table.loc[[str(place) for place in range(1, 11)], "customers"].tolist() == [2] * 10
    assert table.loc["1", ["revenue", "revenue_per_customer"]].tolist() == [39, 19.5]
    assert table.loc["10", "revenue_share"] == 3 / 210


def test_equal_spenders_stand_in_the_order_of_their_ids():
    table = tables.deciles(period(dict.fromkeys("kjihgfedcba", (1, 10.0))))
    assert table["customers"].tolist()[:10] == [2, *[1] * 9]


def test_what_was_only_returned_is_a_row_of_its_own_without_customers():
    table = tables.deciles(EARLIER).set_index("spend_decile")
    assert table.loc["returns_only", ["customers", "revenue", "orders"]].tolist() == [0, -5, 0]
    assert table.loc["total", ["customers", "revenue"]].tolist() == [4, 225]


def test_one_customer_of_half_the_revenue_takes_the_place_of_five_value_deciles():
    spent = {"big": (1, 50.0)} | {f"c{place}": (1, 10.0) for place in range(5)}
    counts = tables.value_deciles(period(spent))["customers"].tolist()
    assert counts == [1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 6]


def test_value_deciles_are_empty_where_nothing_was_earned():
    assert tables.value_deciles(period({"a": (1, 0.0)})).empty


# Two periods, by hand -----------------------------------------------------------------


def test_who_bought_when_holds_what_was_returned_without_buying():
    table = tables.bought(BOTH)
    assert by(table, "bought", "customers") == {
        "earlier_only": 1, "later_only": 1, "both": 3, "returns_only": 1, "total": 6,
    }  # fmt: skip
    assert by(table, "bought", "revenue_change") == {
        "earlier_only": -110, "later_only": 70, "both": 10, "returns_only": 5, "total": -25,
    }  # fmt: skip


def test_the_steps_lead_from_one_revenue_to_the_next():
    steps = by(tables.period_change(BOTH), "step", "revenue")
    assert steps == {
        "earlier": 225, "left": -110, "gained": 70, "up": 50, "down": -40, "returns_only": 5,
        "later": 200,
    }  # fmt: skip


def test_who_stayed_spent_more_the_same_or_less():
    assert by(tables.staying(BOTH), "direction", "customers") == {
        "up": 1, "same": 1, "down": 1, "total": 3,
    }  # fmt: skip


def test_factors_are_the_mean_effect_over_all_orders_of_change():
    one = period({"a": (1, 10.0), "b": (1, 10.0)})  # 2 × 1 × 10
    two = period({"a": (2, 60.0), "b": (2, 60.0), "c": (2, 60.0)})  # 3 × 2 × 30
    table = tables.factor_change(tables.together(one, two))
    before, after = (2, 1, 10), (3, 2, 30)
    effects = []
    for first in range(3):
        for second in {0, 1, 2} - {first}:
            levels, found = list(before), {}
            for place in (first, second, 3 - first - second):
                worth = np.prod(levels)
                levels[place] = after[place]
                found[place] = np.prod(levels) - worth
            effects.append([found[place] for place in range(3)])
    assert table["revenue"].tolist()[1:4] == pytest.approx(np.mean(effects, axis=0), abs=1e-4)
    assert table["ratio"].tolist()[1:] == [1.5, 2, 3, 9]


def test_deciles_of_both_periods_share_their_cuts():
    spent = {f"c{place}": (1, 10.0 * place) for place in range(1, 11)}
    doubled = {name: (1, 2 * value) for name, (_, value) in spent.items()}
    both = tables.together(period(spent), period(doubled))
    moves = tables.decile_switching(both)
    assert (
        moves.loc[moves["customers"] > 0, "decile_later"]
        .astype(int)
        .le(moves.loc[moves["customers"] > 0, "decile_earlier"].astype(int))
        .all()
    )
    assert by(tables.decile_cuts(both), "spend_decile", "spend_from")["1"] == pytest.approx(
        np.quantile([value for each in (spent, doubled) for _, value in each.values()], 0.9)
    )


def test_a_customer_with_only_returns_did_not_buy():
    moves = tables.decile_switching(BOTH).query("customers > 0")
    left = moves[moves["decile_later"] == "did_not_buy"]
    assert left[["customers", "revenue_earlier", "revenue_later"]].to_numpy().tolist() == [
        [1, 100, -10]
    ]


# Whatever was bought ------------------------------------------------------------------

amounts = st.tuples(st.integers(0, 4), st.integers(-5_000, 90_000).map(lambda cents: cents / 100))
periods_of = st.dictionaries(st.sampled_from([f"c{place}" for place in range(30)]), amounts)


@given(earlier=periods_of, later=periods_of)
@settings(max_examples=30)
def test_every_way_from_one_revenue_to_the_next_adds_up_to_the_cent(earlier, later):
    both = tables.together(period(earlier), period(later))
    ends = [sum(value for _, value in each.values()) for each in (earlier, later)]
    for table in (tables.period_change(both), tables.factor_change(both)):
        revenue = table["revenue"]
        assert revenue.iloc[[0, -1]].tolist() == pytest.approx(ends, abs=1e-6)
        assert revenue.iloc[:-1].sum() == pytest.approx(ends[1], abs=1e-6)
    groups_of = tables.bought(both)
    assert groups_of["revenue_change"].iloc[:-1].sum() == pytest.approx(ends[1] - ends[0], abs=1e-6)
    assert groups_of["customers"].iloc[:-1].sum() == groups_of["customers"].iloc[-1]


@given(earlier=periods_of, later=periods_of)
@settings(max_examples=30)
def test_ratios_of_the_factors_multiply_to_that_of_the_revenue(earlier, later):
    ratios = tables.factor_change(tables.together(period(earlier), period(later)))["ratio"]
    if ratios.iloc[1:].notna().all():
        assert ratios.iloc[1:4].prod() == pytest.approx(ratios.iloc[4])


@given(earlier=periods_of, later=periods_of)
@settings(max_examples=30)
def test_margins_of_the_matrix_are_the_buyers_of_each_period(earlier, later):
    moves = tables.decile_switching(tables.together(period(earlier), period(later)))
    for name, rows in (("earlier", earlier), ("later", later)):
        bought = moves[moves[f"decile_{name}"] != "did_not_buy"]
        assert bought["customers"].sum() == sum(orders > 0 for orders, _ in rows.values())


@given(rows=periods_of, seed=st.integers(0, 99))
@settings(max_examples=30)
def test_deciles_add_up_and_do_not_depend_on_the_order_of_rows(rows, seed):
    bought = period(rows)
    shuffled = bought.sample(frac=1, random_state=seed)
    whole = sum(value for _, value in rows.values())
    for made in (tables.deciles, tables.value_deciles):
        table = made(bought)
        pd.testing.assert_frame_equal(table, made(shuffled))
        if len(table):
            parts, total = table.iloc[:-1], table.iloc[-1]
            assert parts["revenue"].sum() == pytest.approx(whole, abs=1e-6)
            assert total["revenue"] == pytest.approx(whole, abs=1e-6)
            assert parts[["customers", "orders"]].sum().tolist() == [
                total["customers"], total["orders"],
            ]  # fmt: skip
    sizes = tables.deciles(bought)["customers"].iloc[:10]
    assert sizes.max() - sizes.min() <= 1


@given(rows=periods_of)
@settings(max_examples=30)
def test_the_product_is_the_revenue(rows):
    row = tables.product({"later": period(rows)}).iloc[0]
    if row["orders"]:
        product = row["customers"] * row["orders_per_customer"] * row["aov"]
        assert product == pytest.approx(row["revenue"], rel=1e-12, abs=1e-9)


# Calendar units -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "unit"),
    [
        (date(2017, 11, 25), date(2017, 12, 4), "day"),
        (date(2024, 1, 1), date(2024, 4, 1), "week"),
        (date(1997, 1, 1), date(1998, 7, 1), "month"),
        (date(2014, 1, 3), date(2018, 1, 1), "quarter"),
        (date(2000, 1, 1), date(2020, 1, 1), "year"),
        (date(1900, 1, 1), date(2020, 1, 1), "year"),
    ],
)
def test_the_unit_parts_a_history_into_at_most_twenty_where_any_does(start, end, unit):
    assert groups.chosen_unit(start, end) == unit


def test_units_that_the_log_cuts_are_not_complete():
    units = groups.unit_table(date(2024, 1, 15), date(2024, 4, 20), "month")
    assert units["complete"].tolist() == [False, True, True, False]
    assert units["is_truncated"].tolist() == [True, True, False, False]


def test_a_log_that_begins_with_the_business_holds_no_old_customers():
    units = groups.unit_table(date(2024, 1, 1), date(2024, 3, 1), "month", whole_log=True)
    assert not units["is_truncated"].any()


def test_weeks_begin_on_mondays():
    units = groups.calendar_units(date(2024, 1, 3), date(2024, 1, 9), "week")
    assert [str(day.date()) for day in units] == ["2024-01-01", "2024-01-08"]
    days = pd.Series(pd.to_datetime(["2024-01-07", "2024-01-08"]))
    assert groups.unit_of(days, "week").tolist() == list(units)


# A log, by hand -----------------------------------------------------------------------

LOG = [
    # january: ana and bea; ana comes back in february and march, bea in march.
    ("ana", "2024-01-05", "o1", 1, 30),
    ("ana", "2024-02-10", "o2", 1, 20),
    ("ana", "2024-03-10", "o3", 1, 10),
    ("bea", "2024-01-20", "o4", 1, 50),
    ("bea", "2024-03-01", "o5", 1, 40),
    ("bea", "2024-03-01", "o6", 1, 5),
    # february: cai, who returns a part in march, which counts in february.
    ("cai", "2024-02-01", "o7", 1, 60),
    ("cai", "2024-03-15", "o7", -1, -15),
    # eva returned all she bought, and zoe something from before the log.
    ("eva", "2024-02-02", "o8", 1, 25),
    ("eva", "2024-02-03", "o8", -1, -25),
    ("zoe", "2024-02-20", "zz", -1, -8),
    # april is cut: dan.
    ("dan", "2024-04-02", "o9", 1, 70),
]
MONTHLY = {"audit": {"unit": "month", "whole_log": True}, "orders": {"since": "2024-01-01"}}


@pytest.fixture
def audit(make_study):
    return make_study(LOG, as_of=date(2024, 4, 10), period_months=1, **MONTHLY).audit


def test_cohorts_hold_what_their_customers_did_at_each_age(audit):
    table = audit.cohorts.set_index(["cohort_name", "age"])
    first = table.loc["ene 2024"]
    assert first["size"].tolist() == [2] * 4
    assert first["customers"].tolist() == [2, 1, 2, 0]
    assert first["orders"].tolist() == [2, 1, 3, 0]
    assert first["revenue"].tolist() == [80, 20, 55, 0]
    assert first["complete"].tolist() == [True, True, True, False]
    assert first["revenue_per_acquired"].tolist() == [40, 10, 27.5, 0]
    assert table.loc[("feb 2024", 0), ["size", "revenue"]].tolist() == [1, 45]
    assert ("mar 2024", 0) not in table.index


def test_the_whole_base_knows_new_customers_and_repeats(audit):
    table = audit.growth
    assert table["new_customers"].tolist() == [2, 1, 0, 1]
    assert table["revenue"].tolist() == [80, 57, 55, 70]
    assert table["repeat_orders"].tolist() == [0, 1, 3, 0]
    assert table["repeat_revenue"].tolist() == [0, 12, 55, 0]


def test_revenue_by_cohort_adds_up_to_each_units_and_says_what_was_only_returned(audit):
    table = audit.cohort_revenue
    sums = table.groupby("unit")["revenue"].sum()
    assert sums.tolist() == audit.growth["revenue"].tolist()
    nobody = table[table["cohort"].isna()]
    assert nobody[["cohort_name", "revenue"]].to_numpy().tolist() == [["Solo devoluciones", -8]]


def test_the_second_purchase_is_on_another_day_and_its_curve_ends_with_the_youngest(audit):
    table = audit.second_orders
    first = table[table["cohort_name"] == "ene 2024"]
    assert first["days"].tolist() == [0, 30, 61]  # the youngest has been observed for 69 days
    assert first["came_back_share"].tolist() == [0, 0, 1]
    last = table[table["cohort_name"] == "abr 2024"]
    assert last["days"].tolist() == [0]


def test_waiting_for_the_next_purchase_counts_those_still_waiting(audit):
    orders = audit.cohort_orders.set_index("nth")
    assert orders.loc[2, ["customers", "reached", "median_days"]].tolist() == [2, 2, 36]
    assert orders.loc[3, ["customers", "reached", "median_days"]].tolist() == [2, 1, 29]
    assert orders.loc[4, ["customers", "reached"]].tolist() == [1, 0]
    assert 5 not in orders.index


def test_the_cohort_looked_at_is_the_oldest_large_one(audit):
    assert audit.cohort_name == "ene 2024"
    factors = audit.cohort_factors
    product = factors["size"] * factors["active_share"]
    product = product * factors["orders_per_active"].fillna(0) * factors["aov"].fillna(0)
    assert product.tolist() == pytest.approx(factors["revenue"].tolist())


def test_a_cohort_at_the_start_of_the_log_is_looked_at_only_where_there_is_no_other(make_study):
    marked = {"audit": {"unit": "month"}, "orders": {"since": "2024-01-01"}}
    study = make_study(LOG, as_of=date(2024, 4, 10), **marked)
    assert study.audit.cohort_name == "feb 2024"
    short = make_study(LOG, as_of=date(2024, 2, 1), run_dir="short", **marked)
    assert short.audit.cohort_name == "ene 2024"


def test_the_period_before_is_that_of_its_own_end(make_study):
    rows = [*LOG, ("bea", "2024-03-20", "o4", -1, -50)]
    study = make_study(rows, as_of=date(2024, 3, 1), period_months=1, **MONTHLY)
    assert study.headline_before["revenue"] == 80
    later = make_study(rows, as_of=date(2024, 4, 1), period_months=1, run_dir="b", **MONTHLY)
    # In march cai and bea return what they bought before.
    assert by(later.audit.product, "period", "revenue") == {"earlier": 72, "later": 55}
    assert later.audit.product["revenue"].iloc[1] == later.headline["revenue"]


def test_the_headline_before_is_the_headline_of_its_date(make_study):
    study = make_study(
        LOG,
        as_of=date(2024, 4, 1),
        period_months=1,
        customers=[
            ("ana", "2023-12-01"),
            ("kim", "2024-02-01"),
            ("leo", "2024-03-20"),
            ("ida", ""),
        ],
        events=[("mia", "2024-02-02", "view", "p"), ("pau", "2024-03-02", "view", "p")],
        **MONTHLY,
    )
    then = study.at(study.period_start).headline
    assert study.headline_before == pytest.approx(then)
    assert list(study.headline_before) == list(study.headline)
    assert then["customers"] == 8


def test_a_period_before_that_was_not_observed_whole_is_not_compared(make_study):
    study = make_study(LOG, as_of=date(2024, 4, 1), period_months=2, **MONTHLY)
    found = study.audit
    assert study.headline_before == {}
    assert not found.has_earlier
    names = ("bought", "staying", "period_change", "factor_change", "decile_switching")
    assert all(getattr(found, name).empty for name in names)
    assert found.product["period"].tolist() == ["later"]
    [(key, fields)] = found.said("periods")
    assert (key, fields["start"], fields["first"]) == (
        "audit_no_earlier", date(2023, 12, 1), date(2024, 1, 1),
    )  # fmt: skip


# What is cut is no fall ---------------------------------------------------------------


def steady_log(months: int) -> list[tuple]:
    """Ten new customers on the first of each month, all of whom buy in the next month too."""
    starts = pd.date_range("2023-01-01", periods=months, freq="MS")
    days = [start + pd.DateOffset(months=age) for start in starts for age in (0, 1)]
    ids = [f"{start:%y%m}-" for start in starts for age in (0, 1)]
    return [
        (f"{name}{place}", f"{day:%Y-%m-%d}", f"{name}{place}-{day:%m}", 1, 10)
        for name, day in zip(ids, days, strict=True)
        for place in range(10)
    ]


def test_a_steady_base_is_projected_to_go_on_though_its_last_month_is_cut(make_study):
    study = make_study(steady_log(15), as_of=date(2024, 3, 2), **STEADY)
    table = study.audit.projection
    march, future = table[table["is_future"]].iloc[0], table[table["revenue"].isna()]
    rest = study.forecast.by("month").set_index(["part", "month"])["revenue"]
    assert (march["unit_name"], march["revenue"]) == ("mar 2024", 200)
    assert march["expected"] == pytest.approx(200 + rest["everyone", "2024-03-01"])
    assert march["expected_new"] == pytest.approx(100 * 30 / 31, rel=0.1)
    assert not table.loc[table["is_future"], "complete"].any()
    # Ten customers come every month, who spend ten each and ten more in the next.
    assert future["expected_new"].tolist() == pytest.approx([200] * len(future), rel=0.1)
    assert (future["low"] <= 200).all() and (future["high"] >= 200).all()
    assert len(future) == 6


STEADY = {"audit": {"unit": "month", "whole_log": True}, "orders": {"since": "2023-01-01"}}


@pytest.mark.parametrize("as_of", [date(2024, 3, 2), date(2024, 2, 28), date(2024, 2, 10)])
def test_a_cut_month_is_marked_and_measures_nothing(make_study, as_of):
    keys = {"audit": {"unit": "month"}, "orders": {"since": "2023-01-01"}}
    found = make_study(steady_log(15), as_of=as_of, **keys).audit
    assert found.growth["complete"].tolist() == [*[True] * (len(found.growth) - 1), False]
    assert (
        found.cohorts.loc[found.cohorts["unit"] == found.growth["unit"].max(), "complete"]
        .eq(False)
        .all()
    )
    (key, fields), _ = found.said("base")
    assert (key, fields["unit"]) == ("audit_acquisition", found.growth["unit_name"].iloc[-2])
    whole = found.cohorts[found.cohorts["complete"] & (found.cohorts["age"] <= 1)]
    assert (whole["active_share"] == 1).all()
    curves = found.second_orders.groupby("cohort")["came_back_share"]
    assert curves.apply(lambda share: share.is_monotonic_increasing).all()


def test_nothing_is_projected_where_nobody_has_come_back(make_study):
    firsts = list({row[0]: row for row in reversed(steady_log(8))}.values())
    found = make_study(firsts, as_of=date(2023, 9, 1), **STEADY).audit
    assert found.projection.empty
    assert [key for key, _ in found.said("base")][-1] == "audit_projection_none"


def test_what_a_short_history_projects_has_a_wide_range(make_study):
    short, long = (
        make_study(steady_log(months), as_of=as_of, run_dir=f"{months}", **STEADY).audit.projection
        for months, as_of in ((4, date(2023, 5, 1)), (15, date(2024, 4, 1)))
    )
    spread = lambda table: (table["high"] / table["low"]).dropna().min()
    assert spread(short) > 2 * spread(long)


def expected_months(*months: str, until: str) -> pd.DataFrame:
    """Return a forecast of ten a month of today's customers, and five of others."""
    parts = {"existing": 10.0, "new": 5.0, "everyone": 15.0}
    rows = [
        {"month": pd.Timestamp(month), "part": part, "revenue": worth}
        | {"revenue_low": worth / 2, "revenue_high": worth * 2, "until": pd.Timestamp(until)}
        for month in months
        for part, worth in parts.items()
    ]
    return pd.DataFrame(rows)


def growth_until(end: date) -> pd.DataFrame:
    units = groups.unit_table(date(2023, 1, 1), end, "month")
    return units.assign(revenue=8.0, new_customers=1)


def test_what_a_month_has_brought_so_far_is_part_of_what_it_should_bring():
    end = date(2023, 4, 11)
    expected = expected_months("2023-04-01", "2023-05-01", until="2023-06-11")
    table = projection(growth_until(end), expected, "month", end).set_index("unit")
    april, may = table.loc["2023-04-01"], table.loc["2023-05-01"]
    columns = ["expected", "low", "high", "expected_known", "expected_new"]
    assert april[columns].tolist() == [23, 15.5, 38, 18, 5]
    assert may[columns].tolist() == [15, 7.5, 30, 10, 5]
    assert table["is_future"].tolist() == [False] * 3 + [True] * 2
    assert table["complete"].tolist() == [True] * 3 + [False] * 2


def test_a_month_that_the_horizon_cuts_off_is_left_out():
    end = date(2023, 4, 1)
    expected = expected_months("2023-04-01", "2023-05-01", until="2023-05-20")
    table = projection(growth_until(end), expected, "month", end)
    assert table.loc[table["is_future"], "unit"].tolist() == [pd.Timestamp("2023-04-01")]


def test_a_projection_without_a_forecast_has_its_columns_and_no_rows():
    end = date(2023, 4, 1)
    expected = expected_months("2023-04-01", until="2023-05-01")
    none, some = (projection(growth_until(end), each, "month", end) for each in (None, expected))
    assert none.empty
    assert set(none.columns) == set(some.columns)


# Any log ------------------------------------------------------------------------------


def random_log(seed: int, lines: int = 160) -> list[tuple]:
    random = np.random.default_rng(seed)
    rows = []
    for place in range(lines):
        customer = f"c{random.integers(30)}"
        day = date(2023, 2, 10) + timedelta(days=int(random.integers(500)))
        rows.append((customer, day.isoformat(), f"o{place}", 1, int(random.integers(1, 90))))
        if random.random() < 0.15:
            back = day + timedelta(days=int(random.integers(1, 60)))
            share = 1 if random.random() < 0.5 else 0.5
            rows.append((customer, back.isoformat(), f"o{place}", -1, -rows[-1][-1] * share))
    return rows


def plain_orders(rows: list[tuple], as_of: date) -> pd.DataFrame:
    """Return orders that stand: customer, day, revenue."""
    lines = pd.DataFrame(rows, columns=["customer", "date", "order", "quantity", "amount"])
    lines = lines[lines["date"] < as_of.isoformat()]
    orders = lines.groupby(["customer", "order"]).agg(day=("date", "min"), worth=("amount", "sum"))
    return orders[orders["worth"] > 0].reset_index().assign(day=lambda t: pd.to_datetime(t["day"]))


@pytest.mark.parametrize("seed", range(3))
def test_tables_of_any_log_are_those_of_a_plain_count(make_study, seed):
    rows, as_of = random_log(seed), date(2024, 5, 20)
    found = make_study(rows, as_of=as_of, audit={"unit": "month"}, period_months=6).audit
    orders = plain_orders(rows, as_of)
    orders["unit"] = orders["day"].dt.to_period("M")
    orders["cohort"] = orders.groupby("customer")["unit"].transform("min")
    sums = orders.groupby(["cohort", "unit"]).agg(
        customers=("customer", "nunique"), orders=("order", "size"), revenue=("worth", "sum")
    )
    table = found.cohorts[found.cohorts["orders"] > 0]
    keys = [table[name].dt.to_period("M") for name in ("cohort", "unit")]
    ours = table.set_index(keys)[["customers", "orders", "revenue"]]
    pd.testing.assert_frame_equal(ours, sums, check_dtype=False, check_names=False)
    totals = orders.groupby("unit")["worth"].sum()
    whole = found.growth.set_index(found.growth["unit"].dt.to_period("M"))["revenue"]
    assert whole[whole != 0].to_dict() == pytest.approx(totals.to_dict())
    assert found.growth["new_customers"].sum() == orders["customer"].nunique()


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_lines_does_not_matter(make_study, seed):
    rows = random_log(seed)
    mixed = [rows[place] for place in np.random.default_rng(7).permutation(len(rows))]
    made = [
        make_study(log, run_dir=f"run{place}", as_of=date(2024, 5, 20), period_months=6).audit
        for place, log in enumerate((rows, mixed))
    ]
    for name in TABLES:
        pd.testing.assert_frame_equal(*(getattr(one, name) for one in made))


def say_everything(study: Study) -> list[str]:
    """Return every sentence and caption of a study's audit, written."""
    texts = Texts(study.params.language)
    formats = Formats(study.params.display_locale, study.params.currency)
    said = []
    for key, fields in [pair for lens in LENSES for pair in study.audit.said(lens)]:
        path = f"sentences.{key}"
        labels = [name for name, kind in texts.fields(path).items() if kind == "label"]
        words = fields | {name: texts.label(fields[name]) for name in labels}
        said.append(texts.fill(path, formats, **words))
    return said


@pytest.mark.parametrize(
    ("rows", "language"),
    [
        ([("a", "2024-01-01", "o1", 1, 10)], "es"),
        ([(name, "2024-01-01", f"o{name}", 1, 10) for name in "abc"], "en"),
        ([("a", "2024-01-01", "o1", 1, 10), ("a", "2024-02-01", "zz", -1, -40)], "es"),
        ([("a", f"{year}-03-01", f"o{year}", 1, 10) for year in range(1960, 2020)], "en"),
        (LOG, "es"),
        (random_log(5), "en"),
    ],
    ids=["one line", "one day", "more returned than sold", "sixty years", "made", "random"],
)
def test_every_table_and_sentence_is_there_for_any_log(make_study, rows, language):
    study = make_study(rows, language=language, period_months=1)
    held = {name: getattr(study.audit, name) for name in TABLES}
    assert all(isinstance(table, pd.DataFrame) for table in held.values())
    assert all(
        "{" not in text and "nan" not in text.lower().split() for text in say_everything(study)
    )
    base = held["growth"]["revenue"].sum()
    assert base == pytest.approx(held["cohort_revenue"]["revenue"].sum())
    assert base == pytest.approx(study.monthly["revenue"].sum())


def test_before_the_first_day_there_is_nothing_to_audit(make_study):
    study = make_study(LOG, as_of=date(2024, 1, 1))
    held = {name: getattr(study.audit, name) for name in TABLES}
    assert held["cohorts"].empty
    assert held["growth"].empty
    assert [key for key, _ in study.audit.said("period")] == ["audit_nobody"]
    assert say_everything(study)


def test_customers_who_only_returned_are_in_no_cohort(make_study):
    rows = [("a", "2024-01-01", "o1", 1, 10), ("a", "2024-01-05", "o1", -1, -10)]
    study = make_study([*rows, ("b", "2024-01-20", "zz", -1, -3)], as_of=date(2024, 3, 1))
    found = study.audit
    assert found.cohorts.empty
    assert found.cohort is None
    assert found.deciles.set_index("spend_decile").loc["returns_only", "revenue"] == -3
    assert found.growth["revenue"].sum() == -3
    assert [key for key, _ in found.said("cohort")] == ["audit_no_cohort"]
    assert all(len(getattr(found, name)) >= 0 for name in TABLES)


def test_tables_are_remembered(make_study):
    first = make_study(LOG, as_of=date(2024, 4, 1), **MONTHLY)
    held = {name: getattr(first.audit, name) for name in TABLES}
    again = make_study(LOG, as_of=date(2024, 4, 1), **MONTHLY)
    _ = again.customers_key
    files = {file.name: file.stat().st_mtime_ns for file in first.store.folder.glob("audit_*")}
    for name, table in held.items():
        pd.testing.assert_frame_equal(getattr(again.audit, name), table)
    assert files == {
        file.name: file.stat().st_mtime_ns for file in first.store.folder.glob("audit_*")
    }


def test_an_unknown_unit_is_refused(make_study):
    with pytest.raises(Exception, match=r"audit\.unit: unknown value"):
        make_study(LOG, audit={"unit": "fortnight"})


@pytest.mark.parametrize(
    ("unit", "name"),
    [("day", "5 ene 2024"), ("month", "ene 2024"), ("quarter", "T1 2024"), ("year", "2024")],
)
def test_units_are_named_in_the_clients_language(make_study, unit, name):
    found = make_study(LOG, as_of=date(2024, 4, 10), audit={"unit": unit}).audit
    assert found.cohort_summary["cohort_name"].iloc[0] == name


@pytest.mark.parametrize(
    ("unit", "as_of", "language", "name"),
    [
        ("day", date(2024, 4, 3), "es", "por primera vez el 2 abr 2024,"),
        ("day", date(2024, 4, 3), "en", "for the first time on Apr 2, 2024,"),
        ("week", date(2024, 4, 10), "es", "por primera vez en la semana del 1 abr 2024,"),
        ("month", date(2024, 4, 10), "es", "por primera vez en mar 2024,"),
        ("month", date(2024, 4, 10), "en", "for the first time in Mar 2024,"),
        ("quarter", date(2024, 4, 10), "es", "por primera vez en el T1 2024,"),
    ],
)
def test_a_time_has_the_words_before_it_that_it_needs(make_study, unit, as_of, language, name):
    keys = MONTHLY | {"audit": {"unit": unit, "whole_log": True}, "language": language}
    study = make_study(LOG, as_of=as_of, **keys)
    assert name in " ".join(say_everything(study))


# Real logs ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cdnow(real_data, tmp_path_factory) -> tuple[Study, pd.DataFrame]:
    lines = pd.read_parquet(real_data("cdnow_sample.parquet"))
    study = Study("params/cdnow.yaml", run_dir=tmp_path_factory.mktemp("cdnow"))
    yield study, lines
    study.close()


def test_cdnow_is_what_pandas_counts(cdnow):
    study, lines = cdnow
    found = study.audit
    names = {"sample_id": "customer", "date": "day", "dollar_value": "amount"}
    plain = lines[list(names)].rename(columns=names)
    months = plain.groupby(plain["day"].dt.to_period("M"))
    assert found.growth["revenue"].tolist() == pytest.approx(months["amount"].sum().tolist())
    assert found.growth["customers"].tolist() == months["customer"].nunique().tolist()
    assert found.growth["new_customers"].sum() == 2357
    assert found.cohorts["revenue"].sum() == pytest.approx(244091.94)
    firsts = plain.groupby("customer")["day"].min()
    assert found.cohort_summary["size"].tolist() == [
        int((firsts.dt.month == month).sum()) for month in (1, 2, 3)
    ]
    again = plain.merge(firsts.rename("first"), on="customer").query("day > first")
    assert found.cohort_summary["came_back"].sum() == again["customer"].nunique()


def test_cdnows_customers_are_all_new(cdnow):
    study, _ = cdnow
    assert not study.audit.cohort_summary["is_truncated"].any()
    assert study.audit.cohort_name == "ene 1997"
    january = study.audit.cohort_factors
    assert january["age"].tolist() == list(range(18))
    assert january["complete"].all()


def test_days_without_amounts_are_projected_in_units(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("SEGKIT_DATA", str(real_data("taobao_userbehavior_head.parquet").parent))
    study = Study(load_params("params/taobao.yaml"), run_dir=tmp_path)
    found = study.audit
    assert (found.unit, len(found.growth), found.growth["complete"].all()) == ("day", 9, True)
    assert found.growth["revenue"].sum() == 1750
    fields = next_unit(found.projection)
    assert fields["low"] <= fields["expected"] <= fields["high"]
    assert "4 dic 2017" in " ".join(say_everything(study))
    study.close()
