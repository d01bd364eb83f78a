"""A season is a product's own, known from whole years, and comes or does not."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.analysis.intervals import wilson, wilson_low
from segkit.analysis.seasons import seasons
from segkit.data.interests import month_sales

STEADY = [20] * 12


def sales_of(**products: list[int]) -> pd.DataFrame:
    """Return sales by month, the coming one first."""
    rows = [
        (product, month, count)
        for product, counts in products.items()
        for month, count in enumerate(counts)
        if count
    ]
    return pd.DataFrame(rows, columns=["product_id", "month", "sales"])


def test_what_sells_in_three_months_of_the_year_has_a_season():
    table = seasons(sales_of(tea=STEADY, candle=[0] * 9 + [10, 10, 10], ice=[9] * 3 + [0] * 9))
    assert table["season_share"].to_dict() == pytest.approx({"candle": 0, "ice": 1 / 3})
    assert table["in_season"].to_dict() == {"candle": False, "ice": True}


def test_a_season_may_run_over_the_turn_of_the_counted_year():
    assert seasons(sales_of(tea=STEADY, candle=[10] + [0] * 9 + [10, 10]))["in_season"]["candle"]


def test_what_sells_like_the_rest_of_the_shop_has_no_season_of_its_own():
    before_christmas = [2] * 9 + [30, 30, 30]
    assert seasons(sales_of(tea=before_christmas, mug=before_christmas)).empty


@pytest.mark.parametrize(("coming", "is_in"), [(8, False), (9, True)])
def test_a_season_is_coming_from_the_calendars_share_of_its_sales_on(coming, is_in):
    candle = [coming, *[0] * 8, 33, 33, 33]  # a twelfth of 108 is 9
    assert seasons(sales_of(tea=STEADY, candle=candle))["in_season"]["candle"] == is_in


def test_a_longer_look_ahead_has_a_larger_share_of_the_calendar():
    candle = [0, 12, *[0] * 7, 30, 30, 0]
    sales = sales_of(tea=STEADY, candle=candle)
    assert not seasons(sales, months=1)["in_season"]["candle"]
    assert seasons(sales, months=2)["season_share"]["candle"] == pytest.approx(12 / 72)
    assert seasons(sales, months=2)["in_season"]["candle"]


@pytest.mark.parametrize(("count", "known"), [(9, False), (10, True)])
def test_too_few_sales_tell_no_season(count, known):
    found = seasons(sales_of(tea=STEADY, candle=[0] * 11 + [count]))
    assert ("candle" in found.index) == known


def test_without_sales_there_are_no_seasons():
    table = seasons(sales_of())
    assert table.empty
    assert list(table) == ["season_share", "in_season"]


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(0, 30), min_size=12, max_size=12), min_size=1, max_size=5))
def test_a_season_never_depends_on_the_order_of_products(counts):
    named = {f"p{place}": sold for place, sold in enumerate(counts)}
    table = seasons(sales_of(**named))
    turned = seasons(sales_of(**dict(reversed(named.items()))))
    pd.testing.assert_frame_equal(table, turned.loc[table.index])
    assert table["season_share"].between(0, 1).all()


def test_lower_ends_are_those_of_wilsons_interval():
    counts, sizes = np.array([0, 3, 10, 10]), np.array([5, 10, 10, 4000])
    expected = [wilson(int(count), int(size))[0] for count, size in zip(counts, sizes, strict=True)]
    assert wilson_low(counts, sizes) == pytest.approx(expected, abs=1e-12)


# Sales by month ----------------------------------------------------------------------------

AS_OF = date(2024, 1, 1)
LINE = {"product_id": "string", "observed_at": "timestamp", "counts_at": "timestamp"}
LINE |= {"is_return": "boolean"}


def months_of(*ages: int, product: str | None = "tea", returns: tuple[int, ...] = ()) -> dict:
    """Return the sales by month of a product that was sold so many days before."""
    days = [(age, False) for age in ages] + [(age, True) for age in returns]
    noon = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 12)
    moments = [(noon - timedelta(days=age), back) for age, back in days]
    rows = [dict(zip(LINE, (product, day, day, back), strict=True)) for day, back in moments]
    table = month_sales(ibis.memtable(rows, schema=LINE), AS_OF).to_pyarrow().to_pandas()
    return dict(zip(table["month"], table["sales"], strict=True))


def test_months_are_counted_from_the_date_on_in_earlier_years():
    assert months_of(365, 336, 334, 1) == {0: 2, 1: 1, 11: 1}


def test_the_same_month_of_several_years_is_one():
    assert months_of(730, 365, 365) == {0: 3}


@pytest.mark.parametrize(("first", "years"), [(364, 0), (365, 1), (729, 1), (730, 2)])
def test_only_whole_years_since_the_first_sale_are_counted(first, years):
    found = months_of(first, 100)
    assert sum(found.values()) == {0: 0, 1: 1 + (first == 365), 2: 2}[years]


def test_what_came_back_or_comes_later_or_has_no_name_is_no_sale():
    assert months_of(400, 30, 0, -5, returns=(20,)) == {11: 1}
    assert months_of(400, 30, product=None) == {}
