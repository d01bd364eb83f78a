"""Concentration: known values, equal customers, one customer, none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.analysis.concentration import concentration, gini, lorenz_curve, pareto

REVENUE = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=60).map(pd.Series)


def test_known_values():
    revenue = pd.Series([1.0, 2.0, 3.0, 4.0, 90.0])
    table = concentration(revenue, tops=(0.2, 0.4, 0.5))
    assert table["customers"].tolist() == [1, 2, 3, 1]
    assert table["revenue"].tolist() == [90, 94, 97, 90]
    assert table["revenue_share"].tolist() == [0.9, 0.94, 0.97, 0.9]
    assert table["top_share"].tolist() == [0.2, 0.4, 0.5, 0.2]
    # (2 (1·1 + 2·2 + 3·3 + 4·4 + 5·90) - 6 · 100) / (5 · 100)
    assert gini(revenue) == pytest.approx((2 * 480 - 600) / 500)


@pytest.mark.parametrize("value", [1.0, 0.1, 0.3, 1e9])
@pytest.mark.parametrize("count", [1, 5, 10, 1000])
def test_equal_customers_bring_equal_shares(value, count):
    revenue = pd.Series([value] * count)
    assert gini(revenue) == pytest.approx(0)
    table = concentration(revenue, tops=(0.2,))
    assert table["customers"].tolist() == [int(np.ceil(0.2 * count)), int(np.ceil(0.8 * count))]
    curve = lorenz_curve(revenue)
    np.testing.assert_allclose(curve["revenue_share"], curve["customers_share"], atol=1e-9)


def test_one_customer_with_everything_is_the_most_unequal():
    assert gini(pd.Series([0.0] * 99 + [7.0])) == pytest.approx(0.99)
    assert pareto(pd.Series([0.0] * 99 + [7.0])) == {"top10": 1, "top20": 1, "few": 0.01}


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [-5.0, 5.0], [-5.0]])
def test_without_revenue_there_is_nothing_to_concentrate(values):
    revenue = pd.Series(values, dtype=float)
    assert np.isnan(gini(revenue))
    assert lorenz_curve(revenue).empty
    assert concentration(revenue).empty
    assert all(np.isnan(value) for value in pareto(revenue).values())


def test_who_cost_more_than_they_brought_does_not_break_the_table():
    revenue = pd.Series([-5.0, 5.0, 10.0])
    assert concentration(revenue, tops=(0.3,))["revenue_share"].tolist() == [1.0, 1.0]
    assert lorenz_curve(revenue)["revenue_share"].iloc[-1] == 1


@settings(max_examples=100)
@given(revenue=REVENUE)
def test_the_curve_rises_below_the_diagonal_from_nothing_to_all(revenue):
    curve = lorenz_curve(revenue)
    share = curve["revenue_share"]
    assert (share.iloc[0], share.iloc[-1]) == (0, pytest.approx(1))
    assert (share.diff().dropna() >= -1e-12).all()
    assert (share <= curve["customers_share"] + 1e-9).all()
    assert len(curve) == 101


@settings(max_examples=100)
@given(revenue=REVENUE, factor=st.sampled_from([0.01, 3.0, 1e4]))
def test_order_and_currency_change_no_share(revenue, factor):
    turned = revenue[::-1] * factor
    assert gini(turned) == pytest.approx(gini(revenue), abs=1e-9)
    assert 0 <= gini(revenue) + 1e-12 < 1
    shares = concentration(revenue)["revenue_share"]
    np.testing.assert_allclose(concentration(turned)["revenue_share"], shares)
    assert shares.iloc[-1] >= 0.8 - 1e-9


@settings(max_examples=50)
@given(revenue=REVENUE)
def test_the_fewest_are_no_more_than_it_takes(revenue):
    table = concentration(revenue)
    few = int(table["customers"].iloc[-1])
    best = np.sort(revenue.to_numpy())[::-1]
    assert best[: few - 1].sum() < 0.8 * best.sum() + 1e-6
