"""Customer value: models applied together, intervals, segments, clock, dates, what may fail."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_shops import CHRISTMAS, Shop, made

from segkit.analysis.value import FORECASTS, MODELS, CustomerValue, Plan, segment_values
from segkit.errors import SegkitError
from segkit.models import GammaGamma, ModelError
from segkit.models.clock import Clock
from segkit.models.mean_profit import MeanProfit
from segkit.models.purchase import DAYS
from segkit.study.study import Study

AS_OF = pd.Timestamp("2025-07-01")
ENDS = ["expected_orders_low", "expected_orders_high", "clv_low", "clv_high"]
NEXT = ["next_order_from", "next_order_to"]


def customer_table(x, t_x, T, monetary_mean, revenue) -> pd.DataFrame:
    table = pd.DataFrame(
        {"x": x, "t_x": t_x, "T": T, "monetary_mean": monetary_mean, "revenue": revenue}
    )
    return table.assign(orders=table["x"] + 1, aov=table["revenue"] / (table["x"] + 1))


def simulated(count: int, seed: int = 1, q: float = 3.0) -> pd.DataFrame:
    """Return customers who buy at gamma rates, may leave after each repeat, and spend by `q`."""
    random = np.random.default_rng(seed)
    rows = []
    for T in random.integers(150, 700, count):
        mean_wait, leaves = 60 / random.gamma(0.8), random.beta(1, 4)
        days, here = [0], True
        while here:
            day = days[-1] + int(np.ceil(random.exponential(mean_wait)))
            here = day < T and random.random() >= leaves
            days += [day] if day < T else []
        spends = random.gamma(6, 15 / random.gamma(q), len(days))
        mean = spends[1:].mean() if len(days) > 1 else np.nan
        rows.append((len(days) - 1, days[-1], T, mean, spends.sum()))
    return customer_table(*zip(*rows, strict=True))


def table_of(shop: Shop) -> pd.DataFrame:
    """Return the customer table of a made shop, with amounts that differ."""
    random = np.random.default_rng(2)
    amounts = random.gamma(6, 15 / random.gamma(3.0, size=len(shop.first)))
    x, age = shop.x.to_numpy(), shop.end - shop.first
    mean = np.where(x > 0, amounts, np.nan)
    table = customer_table(x, shop.last - shop.first, age, mean, amounts * (x + 1))
    return table.assign(first_order=pd.to_datetime(shop.first, unit="D"))


def days_of(shop: Shop) -> pd.DataFrame:
    """Return the repeat purchases of each day of a made shop."""
    counts = shop.repeats.groupby("day").size()
    day = pd.to_datetime(counts.index.to_numpy(), unit="D")
    return pd.DataFrame({"day": day, "repeats": counts.to_numpy()})


def months_from(start: pd.Timestamp, count: int) -> list[pd.Timestamp]:
    return [start + pd.DateOffset(months=month) for month in range(1, count + 1)]


def prospects(count: int = 3) -> pd.DataFrame:
    nothing = pd.Series([np.nan] * count)
    table = customer_table(nothing, nothing, nothing, nothing, 0.0).assign(orders=0)
    return table.set_axis(range(90_000, 90_000 + count))


def read_again(value: CustomerValue, **params) -> CustomerValue:
    """Return the fitted value as read from JSON, with other parameters of its predictions."""
    return CustomerValue.from_state(json.loads(json.dumps(value.to_state()))).set_params(**params)


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory) -> pd.DataFrame:
    return Study("params/cdnow.yaml", run_dir=tmp_path_factory.mktemp("cdnow")).customers


@pytest.fixture(scope="module")
def cdnow_value(cdnow) -> CustomerValue:
    return CustomerValue(resamples=20).fit(cdnow)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return simulated(300)


@pytest.fixture(scope="module")
def value(customers) -> CustomerValue:
    return CustomerValue(resamples=20).fit(customers)


OCTOBER = pd.Timestamp("2015-10-01")


@pytest.fixture(scope="module")
def shop() -> Shop:
    """A shop that lives off Christmas, as it was known on the first of October."""
    return made(CHRISTMAS).until((OCTOBER - pd.Timestamp("1970-01-01")).days)


@pytest.fixture(scope="module")
def shoppers(shop) -> pd.DataFrame:
    return table_of(shop)


@pytest.fixture(scope="module")
def on_clock(shop, shoppers) -> CustomerValue:
    return CustomerValue(resamples=5, horizon_months=6).fit(shoppers, days_of(shop))


@pytest.fixture(scope="module")
def on_calendar(shoppers) -> CustomerValue:
    return CustomerValue(resamples=0, horizon_months=6).fit(shoppers)


a_buyer = st.tuples(
    st.integers(0, 6), st.integers(1, 300), st.integers(0, 300), st.just(0.0) | st.floats(0.01, 500)
).map(lambda one: (one[0], one[0] and one[1] + one[0], 310 + one[2], one[3] * (one[0] + 1)))
some_buyers = st.lists(a_buyer, min_size=1, max_size=25).map(
    lambda rows: customer_table(
        *zip(*[(x, t_x, T, revenue / (x + 1), revenue) for x, t_x, T, revenue in rows], strict=True)
    )
)


# Predictions


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_those_of_the_models_called_directly(cdnow, name):
    value = CustomerValue(name, resamples=0, margin=0.4, horizon_months=6).fit(cdnow)
    rows = cdnow["x"], cdnow["t_x"] / 7, cdnow["T"] / 7
    purchases, mean = cdnow["x"] + 1, cdnow["revenue"] / (cdnow["x"] + 1)
    purchase = MODELS[name]().fit(*rows)
    spend = GammaGamma().fit(purchases[mean > 0], mean[mean > 0]).expected_spend(purchases, mean)
    table = value.predict(cdnow)
    assert list(table.columns) == list(FORECASTS)
    half_a_year = 6 * 365.25 / 12 / 7
    orders = purchase.expected_orders(half_a_year, *rows)
    expected = {
        "p_order": 1 - purchase.order_probability(0, half_a_year, *rows),
        "p_alive": purchase.p_alive(*rows),
        "expected_orders": orders,
        "expected_spend": spend,
        "expected_revenue": orders * spend,
        "clv": purchase.clv(*rows, spend, months=6, margin=0.4),
    }
    for column, wanted in expected.items():
        assert table[column].to_numpy() == pytest.approx(wanted, rel=1e-9), column


def test_every_buyer_of_cdnow_has_a_finite_value_of_zero_or_more(cdnow, cdnow_value):
    table = cdnow_value.predict(cdnow)
    assert table.index.equals(cdnow.index)
    assert np.isfinite(table.to_numpy()).all()
    assert (table >= 0).all(axis=None)
    assert (table[["p_order", "p_alive"]] <= 1).all(axis=None)
    assert (table["p_order"] <= table["expected_orders"]).all()
    assert (table["p_order"] <= table["p_alive"] + 1e-9).all()
    # Without a discount the value is orders times spend; with one it is less.
    whole = table["expected_orders"] * table["expected_spend"]
    assert table["expected_revenue"].to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-9)
    assert (table["clv"] < table["expected_revenue"]).all()
    undiscounted = read_again(cdnow_value, discount_rate=0.0).predict(cdnow)
    assert undiscounted["clv"].to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-9)


def test_clv_grows_with_margin_and_horizon_and_falls_with_the_discount_rate(customers, value):
    def clv(**params) -> np.ndarray:
        return read_again(value, **params).predict(customers)["clv"].to_numpy()

    assert clv(margin=0.25) == pytest.approx(clv() / 4, rel=1e-12)
    by_horizon = [clv(horizon_months=months) for months in (1, 6, 12, 36)]
    assert (np.diff(by_horizon, axis=0) > 0).all()
    by_rate = [clv(discount_rate=rate) for rate in (0.0, 0.1, 0.5)]
    assert (np.diff(by_rate, axis=0) < 0).all()


def test_customers_without_an_order_have_missing_values_and_change_nobody_elses(customers, value):
    mixed = pd.concat([prospects(2), customers, prospects(1).set_axis([95_000])])
    tables = (
        (value.predict(mixed), value.predict(customers)),
        (value.intervals(mixed), value.intervals(customers)),
        (value.next_order(mixed, AS_OF), value.next_order(customers, AS_OF)),
    )
    for with_prospects, without in tables:
        assert with_prospects.index.equals(mixed.index)
        assert with_prospects.loc[mixed["orders"] == 0].isna().all(axis=None)
        pd.testing.assert_frame_equal(with_prospects.loc[customers.index], without)
    refitted = CustomerValue(resamples=0).fit(mixed).predict(mixed).loc[customers.index]
    pd.testing.assert_frame_equal(refitted, value.predict(customers))
    only_prospects = prospects()
    assert value.predict(only_prospects).isna().all(axis=None)
    assert value.intervals(only_prospects).isna().all(axis=None)
    assert value.next_order(only_prospects, AS_OF).isna().all(axis=None)


def test_the_order_of_rows_does_not_matter(customers, value):
    mixed = customers.sample(frac=1, random_state=4)
    refitted = CustomerValue(resamples=20).fit(mixed)
    forecast = refitted.predict(mixed).loc[customers.index]
    pd.testing.assert_frame_equal(forecast, value.predict(customers), rtol=1e-6)
    ends = refitted.intervals(mixed).loc[customers.index]
    pd.testing.assert_frame_equal(ends, value.intervals(customers), rtol=1e-6)


@pytest.mark.parametrize("unit", ["days", "months", "years"])
def test_the_time_unit_changes_neither_value_nor_orders(customers, value, unit):
    other = CustomerValue(time_unit=unit, resamples=0).fit(customers)
    assert other.horizon * DAYS[unit] == pytest.approx(value.horizon * 7)
    expected = value.predict(customers)
    pd.testing.assert_frame_equal(other.predict(customers), expected, rtol=1e-4)
    dates = other.next_order(customers, AS_OF)
    apart = (dates - value.next_order(customers, AS_OF)).stack().abs()
    assert apart.max() <= pd.Timedelta(days=1)


def test_several_orders_of_one_day_are_one_purchase(customers, value):
    split = customers.assign(orders=2 * customers["orders"], aov=customers["aov"] / 2)
    refitted = CustomerValue(resamples=0).fit(split)
    pd.testing.assert_frame_equal(refitted.predict(split), value.predict(customers))


def test_one_time_buyers_are_told_apart_by_their_purchase_unless_spend_is_of_repeats(customers):
    once = customers["x"] == 0
    spends = {
        how: CustomerValue(spend=how, resamples=0).fit(customers).predict(customers)
        for how in ("all", "repeats")
    }
    classical = spends["repeats"]["expected_spend"]
    assert classical[once].nunique() == 1
    repeat = customers[~once]
    model = GammaGamma().fit(repeat["x"], repeat["monetary_mean"])
    wanted = model.expected_spend(repeat["x"], repeat["monetary_mean"])
    assert classical[~once].to_numpy() == pytest.approx(wanted, rel=1e-9)
    of_all = spends["all"]["expected_spend"][once]
    assert of_all.corr(customers.loc[once, "aov"]) == pytest.approx(1)
    assert of_all.std() > 0


@settings(max_examples=25)
@given(some_buyers)
def test_any_small_base_has_sane_values_or_a_reason(buyers):
    value = CustomerValue(resamples=3).fit(buyers)
    json.dumps(value.to_state(), allow_nan=False)
    table, ends = value.predict(buyers), value.intervals(buyers)
    assert table.index.equals(buyers.index)
    if not value.ready:
        assert value.problem_["reason"] in {"no_repeat_buyers", "one_customer", "not_converged"}
        assert table.isna().all(axis=None)
        assert ends.isna().all(axis=None)
        return
    assert np.isfinite(table.to_numpy()).all()
    assert (table >= 0).all(axis=None)
    assert (table["p_alive"] <= 1).all()
    for name in ("expected_orders", "clv"):
        assert (ends[f"{name}_low"].dropna() >= 0).all()
        assert (ends[f"{name}_high"] - ends[f"{name}_low"]).dropna().ge(0).all()


# Intervals


def test_intervals_hold_the_prediction_of_nearly_every_customer(cdnow, cdnow_value):
    table, ends = cdnow_value.predict(cdnow), cdnow_value.intervals(cdnow)
    assert list(ends.columns) == ENDS
    for name in ("expected_orders", "clv"):
        inside = table[name].between(ends[f"{name}_low"], ends[f"{name}_high"])
        assert inside.mean() >= 0.95
        assert (ends[f"{name}_low"] < ends[f"{name}_high"]).all()


def test_intervals_are_the_same_for_the_same_seed_and_others_for_another(customers, value):
    ends = value.intervals(customers)
    again = CustomerValue(resamples=20).fit(customers).intervals(customers)
    pd.testing.assert_frame_equal(again, ends)
    other = CustomerValue(resamples=20, seed=7).fit(customers).intervals(customers)
    assert (other != ends).any(axis=None)


def test_a_base_in_several_parts_has_the_intervals_of_each_customer_alone(customers, value):
    times = 50_000 // len(customers) + 1
    many = pd.concat([customers] * times, ignore_index=True)
    assert len(many) > 50_000
    few_draws = read_again(value)
    few_draws.draws_ = [draws[:2] for draws in few_draws.draws_]
    ends = few_draws.intervals(many)
    last = ends.iloc[-len(customers) :].set_axis(customers.index)
    pd.testing.assert_frame_equal(last, few_draws.intervals(customers), rtol=1e-9)


def test_without_resamples_there_are_no_intervals(customers, value):
    plain = CustomerValue(resamples=0).fit(customers)
    pd.testing.assert_frame_equal(plain.predict(customers), value.predict(customers))
    ends = plain.intervals(customers)
    assert list(ends.columns) == ENDS
    assert ends.isna().all(axis=None)


def test_resamples_in_which_spend_has_no_finite_mean_are_left_out():
    # Here the mean spend is just finite; of some resamples it is not.
    heavy = simulated(60, seed=1, q=1.3)
    value = CustomerValue(resamples=40, spend="repeats").fit(heavy)
    assert value.spend_problem_ is None
    assert 1 < value.spend_["fitted"]["params_"]["q"] < 1.4
    assert all(draw["q"] > 1 for draw in value.draws_[1])
    assert (value.intervals(heavy)["clv_low"] > 0).all()


# Segments


def test_segments_add_up_to_the_total(cdnow, cdnow_value):
    labels = pd.Series(np.select([cdnow["x"] == 0, cdnow["x"] < 4], ["once", "some"], "many"))
    table = segment_values(cdnow_value.predict(cdnow), labels)
    assert list(table.columns) == [
        "segment",
        "customers",
        "customers_share",
        "p_order",
        "expected_orders",
        "clv",
        "clv_total",
        "clv_share",
    ]
    segments, total = table.iloc[:-1], table.iloc[-1]
    assert total["segment"] == "total"
    for column in ("customers", "expected_orders", "clv_total"):
        assert segments[column].sum() == pytest.approx(total[column], rel=1e-12)
    for column in ("customers_share", "clv_share"):
        assert segments[column].sum() == pytest.approx(1)
        assert total[column] == 1
    assert segments["clv_total"].is_monotonic_decreasing


def test_a_segments_row_holds_the_means_and_sums_of_its_customers(customers, value):
    labels = pd.Series(np.where(customers["x"] > 0, "again", "once"), index=customers.index)
    forecast = value.predict(customers)
    table = segment_values(forecast, labels).set_index("segment")
    for name in ("again", "once"):
        own = forecast[labels == name]
        assert table.loc[name, "customers"] == len(own)
        assert table.loc[name, "p_order"] == pytest.approx(own["p_order"].mean())
        assert table.loc[name, "expected_orders"] == pytest.approx(own["expected_orders"].sum())
        assert table.loc[name, "clv"] == pytest.approx(own["clv"].mean())
        assert table.loc[name, "clv_total"] == pytest.approx(own["clv"].sum())
    assert table.loc["total", "clv"] == pytest.approx(forecast["clv"].mean())


def test_labels_are_matched_by_customer_and_not_by_place(customers, value):
    labels = pd.Series(np.where(customers["x"] > 0, "again", "once"), index=customers.index)
    forecast = value.predict(customers)
    mixed = segment_values(forecast, labels.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(mixed, segment_values(forecast, labels))


def test_prospects_are_a_segment_that_takes_no_part_in_value(customers, value):
    base = pd.concat([customers, prospects()])
    labels = pd.Series(np.where(base["orders"] > 0, "buyers", "prospects"), index=base.index)
    table = segment_values(value.predict(base), labels).set_index("segment")
    assert table.loc["prospects", "customers"] == 3
    assert table.loc["prospects", "customers_share"] == pytest.approx(3 / len(base))
    assert table.loc["prospects", ["p_order", "expected_orders", "clv", "clv_total"]].isna().all()
    assert table.loc["buyers", "clv_share"] == pytest.approx(1)
    for column in ("clv_total", "expected_orders", "p_order"):
        assert table.loc["total", column] == pytest.approx(table.loc["buyers", column])


# What of the time to come counts


def test_the_plan_by_default_is_the_horizon_month_by_month(customers, value):
    plan = value.plan
    assert plan.ends == pytest.approx(np.arange(1, 13) * 365.25 / 12 / 7)
    assert plan.until == pytest.approx(value.horizon)
    assert plan.value == pytest.approx(1.1 ** (-np.arange(1, 13) / 12))
    pd.testing.assert_frame_equal(value.predict(customers, plan), value.predict(customers))


def test_months_that_count_one_by_one_add_up_to_all_of_them(customers, value):
    whole = value.predict(customers)
    parts = [
        value.predict(customers, Plan(value.month_ends, only, only, only, value.horizon))
        for only in np.eye(12)
    ]
    for name in ("expected_orders", "expected_revenue"):
        assert sum(part[name] for part in parts).to_numpy() == pytest.approx(whole[name].to_numpy())
    worth = sum(part["clv"] * share for part, share in zip(parts, value.discounts, strict=True))
    assert worth.to_numpy() == pytest.approx(whole["clv"].to_numpy())


def test_orders_money_and_value_count_apart_from_each_other(customers, value):
    ends, ones = value.month_ends, np.ones(12)
    table = value.predict(customers, Plan(ends, ones, 2 * ones, 0.5 * ones, value.horizon))
    orders = value.predict(customers)["expected_orders"]
    pd.testing.assert_series_equal(table["expected_orders"], orders)
    paid = orders * table["expected_spend"]
    assert table["expected_revenue"].to_numpy() == pytest.approx(2 * paid.to_numpy())
    assert table["clv"].to_numpy() == pytest.approx(0.5 * paid.to_numpy())


def test_the_chance_of_an_order_looks_as_far_as_the_plan_says(customers, value):
    month = value.month_ends[0]
    plan = Plan(value.month_ends, np.ones(12), np.ones(12), np.ones(12), month)
    none = value.purchase.order_probability(0, month, *value.histories(customers))
    assert value.predict(customers, plan)["p_order"].to_numpy() == pytest.approx(1 - none)


def test_nobody_is_likelier_to_order_than_the_orders_that_are_expected(customers, value):
    thousandth = np.full(12, 0.001)
    plan = Plan(value.month_ends, thousandth, thousandth, thousandth, value.horizon)
    table = value.predict(customers, plan)
    assert (table["p_order"] <= table["expected_orders"]).all()
    pd.testing.assert_series_equal(
        table["p_alive"], value.predict(customers)["p_alive"], check_names=False
    )


def test_intervals_lie_about_a_plan_as_they_lie_about_the_horizon(customers, value):
    plan = Plan(value.month_ends, np.full(12, 3.0), np.ones(12), np.full(12, 0.2), value.horizon)
    table, ends = value.predict(customers), value.intervals(customers)
    planned, planned_ends = value.predict(customers, plan), value.intervals(customers, plan)
    for name in ENDS:
        of = name.rsplit("_", 1)[0]
        wanted = (ends[name] / table[of]).to_numpy()
        assert (planned_ends[name] / planned[of]).to_numpy() == pytest.approx(wanted, rel=1e-9)


# The client's clock


def test_before_christmas_a_base_on_its_clock_expects_what_comes(shop, shoppers):
    later = made(CHRISTMAS).repeats
    later = later[(later["day"] >= shop.end) & (later["who"] < len(shop.first))]
    quarter = {"resamples": 0, "horizon_months": 3}
    clocked = CustomerValue(**quarter).fit(shoppers, days_of(shop))
    even = CustomerValue(**quarter).fit(shoppers)
    came = (later["day"] < shop.end + 92).sum()
    assert clocked.predict(shoppers)["expected_orders"].sum() == pytest.approx(came, rel=0.15)
    assert even.predict(shoppers)["expected_orders"].sum() < 0.85 * came


def test_months_of_the_horizon_are_as_long_as_the_clock_says(shop, on_clock):
    lengths = np.diff(on_clock.month_ends, prepend=0.0)
    # October to March: December is the longest, February the shortest.
    assert (lengths.argmax(), lengths.argmin()) == (2, 4)
    days = [shop.end, *((day - pd.Timestamp("1970-01-01")).days for day in months_from(OCTOBER, 6))]
    counted = np.diff(on_clock.clock.between(shop.end, days)) / 7
    assert lengths == pytest.approx(counted)
    assert on_clock.horizon == pytest.approx(counted.sum())
    assert on_clock.ahead([OCTOBER, *months_from(OCTOBER, 6)])[[0, -1]] == pytest.approx(
        [0, counted.sum()]
    )


def test_histories_are_measured_on_the_clock(shop, shoppers, on_clock, on_calendar):
    x, t_x, T = on_clock.histories(shoppers)
    assert x.tolist() == shoppers["x"].tolist()
    assert pytest.approx(on_clock.clock.between(shop.first, shop.end) / 7) == T
    assert (t_x <= T).all()
    even = on_calendar.histories(shoppers)
    assert even[2] == pytest.approx((shoppers["T"] / 7).to_numpy())
    assert np.abs(T - even[2]).max() > 1


def test_without_days_there_is_no_clock_and_under_a_year_it_is_the_calendar(on_calendar):
    assert on_calendar.clock is None
    young = made(CHRISTMAS, years=0.9)
    table = table_of(young)
    value = CustomerValue(resamples=0, horizon_months=3).fit(table, days_of(young))
    assert (value.clock.problem_, value.clock.is_calendar) == ("short_history", True)
    even = CustomerValue(resamples=0, horizon_months=3).fit(table)
    assert value.purchase.params_ == pytest.approx(even.purchase.params_, rel=1e-3)
    end = pd.Timestamp(young.end, unit="D")
    days = (months_from(end, 3)[-1] - end).days
    assert value.horizon == pytest.approx(days / 7)


def test_days_before_the_first_customer_and_after_the_date_say_nothing(shop, shoppers, on_clock):
    outside = pd.DataFrame(
        {"day": [pd.Timestamp("2001-12-24"), OCTOBER, pd.Timestamp("2030-01-01")], "repeats": 900}
    )
    days = pd.concat([outside, days_of(shop)], ignore_index=True)
    value = CustomerValue(resamples=0, horizon_months=6).fit(shoppers, days)
    assert value.clock_ == on_clock.clock_


def test_a_fit_that_begins_near_another_date_finds_the_same(shop, shoppers, on_clock):
    near = CustomerValue(resamples=0, horizon_months=6).fit(shoppers, days_of(shop), start=on_clock)
    pd.testing.assert_frame_equal(near.predict(shoppers), on_clock.predict(shoppers), rtol=1e-3)


def test_a_fit_anew_forgets_the_clock_of_before(shoppers, shop):
    value = CustomerValue(resamples=0, horizon_months=6).fit(shoppers, days_of(shop))
    known = shop.until(shop.end - 200)
    earlier = value.horizon, value.fit(table_of(known), days_of(known)).horizon
    fresh = CustomerValue(resamples=0, horizon_months=6).fit(table_of(known), days_of(known))
    assert value.clock_ == fresh.clock_
    assert earlier[1] == fresh.horizon != earlier[0]


def test_a_clock_travels_with_the_state(shoppers, on_clock):
    read = read_again(on_clock)
    assert read.clock_ == on_clock.clock_
    pd.testing.assert_frame_equal(read.predict(shoppers), on_clock.predict(shoppers))
    pd.testing.assert_frame_equal(read.intervals(shoppers), on_clock.intervals(shoppers))


def test_the_next_order_of_a_clock_comes_after_the_same_normal_days(shoppers, on_clock):
    dates = on_clock.next_order(shoppers, OCTOBER)
    x, _, T = on_clock.histories(shoppers)
    for column, chance in zip(NEXT, (0.25, 0.75), strict=True):
        normal = on_clock.purchase.next_order(chance, x, T) * 7
        known = dates[column].notna().to_numpy()
        waits = (dates[column] - OCTOBER).dt.days.to_numpy()[known]
        assert 0 < known.sum() < len(shoppers)
        assert (waits <= on_clock.clock.days_of(normal[known])).all()
        assert (on_clock.clock.days_of(normal[known]) < waits + 1).all()
        assert (waits <= 6 * 365.25 / 12).all()


def test_a_sample_of_many_customers_forecasts_for_all_of_them(shop, shoppers, on_clock):
    few = CustomerValue(resamples=0, horizon_months=6, sample=900).fit(shoppers, days_of(shop))
    assert few.purchase.customers_ == len(shoppers.iloc[::3]) < on_clock.purchase.customers_
    found, wanted = few.predict(shoppers), on_clock.predict(shoppers)
    assert found.notna().all(axis=None)
    sums = ["expected_orders", "expected_revenue", "clv"]
    assert found[sums].sum().to_numpy() == pytest.approx(wanted[sums].sum().to_numpy(), rel=0.1)
    assert found["expected_orders"].corr(wanted["expected_orders"]) > 0.99


def test_the_clock_of_a_sample_begins_with_the_first_customer_of_all(shop, shoppers):
    first = shoppers["first_order"].min()
    later = shoppers[shoppers["first_order"] > first + pd.Timedelta(days=20)]
    base = pd.concat([later.iloc[:1], shoppers.iloc[[0]], later.iloc[1:]])
    value = CustomerValue(resamples=0, horizon_months=6, sample=900).fit(base, days_of(shop))
    assert value.clock.origin_ == shop.first.min()
    assert value.predict(base).notna().all(axis=None)


def test_a_model_that_fails_on_the_clock_is_that_of_the_calendar(
    shop, shoppers, on_calendar, monkeypatch
):
    def fails(*_: object) -> None:
        raise ModelError("does not come to an end", reason="not_converged")

    monkeypatch.setattr(Clock, "fit", fails)
    value = CustomerValue(resamples=0, horizon_months=6).fit(shoppers, days_of(shop))
    assert (value.problem_, value.clock.problem_) == (None, "not_converged")
    assert value.purchase.params_ == on_calendar.purchase.params_
    assert value.predict(shoppers).notna().all(axis=None)


# All customers together


def test_months_summed_on_the_clock_add_up_to_every_customers_forecast(shoppers, on_clock):
    sums = on_clock.summed(shoppers, months_from(OCTOBER, 6))
    forecast = on_clock.predict(shoppers)
    assert sums.shape == (6, 2)
    assert (sums > 0).all()
    for place, name in enumerate(("expected_orders", "expected_revenue")):
        assert sums[:, place].sum() == pytest.approx(forecast[name].sum(), rel=1e-9)
    assert sums[:, 0].argmax() == 2


def test_months_summed_on_the_calendar_are_those_of_a_model_without_a_clock(
    shoppers, on_clock, on_calendar
):
    ends = months_from(OCTOBER, 6)
    sums = on_clock.summed(shoppers, ends, on_clock=False)
    pd.testing.assert_frame_equal(
        pd.DataFrame(sums),
        pd.DataFrame(on_calendar.summed(shoppers, ends, on_clock=False)),
        rtol=1e-6,
    )
    weeks = np.array([(end - OCTOBER).days for end in ends]) / 7
    known = on_calendar.histories(shoppers)
    wanted = [on_calendar.purchase.expected_orders(week, *known).sum() for week in weeks]
    assert sums[:, 0].cumsum() == pytest.approx(wanted, rel=1e-6)
    # A month of the calendar counts by its days alone: each brings less a day than the one before.
    assert (np.diff(sums[:, 0] / np.diff(weeks, prepend=0.0)) < 0).all()


def test_the_time_for_so_many_purchases_is_the_one_that_brings_them(shoppers, on_clock):
    known = on_clock.histories(shoppers)
    within = on_clock.predict(shoppers)["expected_orders"].sum()
    assert on_clock.time_for(shoppers, within) == pytest.approx(on_clock.horizon, rel=1e-4)
    for share in (0.6, 1.5):
        time = on_clock.time_for(shoppers, share * within)
        assert on_clock.purchase.summed_orders([time], *known)[0, 0] == pytest.approx(
            share * within, rel=1e-4
        )


def test_the_time_for_purchases_lies_between_a_third_of_the_horizon_and_three(customers, value):
    assert value.time_for(customers, 0.0) == pytest.approx(value.horizon / 3)
    assert value.time_for(customers, 1e9) == pytest.approx(value.horizon * 3)


def test_ages_are_those_of_the_calendar_without_a_clock(value):
    first = pd.DatetimeIndex(["2024-01-01", "2024-03-01"])
    days = pd.DatetimeIndex(["2023-12-01", "2024-01-15", "2024-03-15"])
    ages = value.ages_between(first, days)
    assert ages.tolist() == [[0, 0], [2, 0], [pytest.approx(74 / 7), 2]]
    assert value.ages(first[0], days).tolist() == ages[:, 0].tolist()


def test_ages_on_the_clock_are_its_normal_days_and_grow_fastest_in_december(shop, on_clock):
    first = pd.to_datetime(shop.first[[0, 500, -1]], unit="D")
    ages = on_clock.ages_between(first, pd.DatetimeIndex([OCTOBER]))
    wanted = on_clock.clock.between(shop.first[[0, 500, -1]], shop.end) / 7
    assert ages[0] == pytest.approx(wanted)
    months = pd.date_range("2014-01-01", "2015-01-01", freq="MS")
    grown = np.diff(on_clock.ages(pd.Timestamp("2013-06-01"), months))
    assert grown.argmax() == 11
    assert (on_clock.ages_between(first, pd.DatetimeIndex(["2000-01-01"])) == 0).all()


# Next order


def test_the_next_order_lies_between_the_quarters_of_the_wait(customers, value):
    dates = read_again(value, horizon_months=2).next_order(customers, AS_OF)
    assert list(dates.columns) == NEXT
    rows = customers["x"], customers["T"] / 7
    for column, chance in zip(NEXT, (0.25, 0.75), strict=True):
        days = np.floor(value.purchase.next_order(chance, *rows) * 7)
        within = days <= 2 * 365.25 / 12
        assert 0 < within.sum() < len(customers)
        waits = (dates[column] - AS_OF).dt.days
        assert waits[within].tolist() == days[within].tolist()
        assert dates.loc[~within, column].isna().all()
    both = dates.dropna()
    assert (both["next_order_from"] <= both["next_order_to"]).all()
    assert (dates["next_order_to"].isna() | dates["next_order_from"].notna()).all()


@pytest.mark.parametrize("months", [1, 3, 24])
def test_no_next_order_is_foretold_before_today_or_beyond_the_horizon(cdnow, cdnow_value, months):
    dates = read_again(cdnow_value, horizon_months=months).next_order(cdnow, AS_OF)
    latest = AS_OF + pd.Timedelta(days=months * 365.25 / 12)
    for column in NEXT:
        known = dates[column].dropna()
        assert len(known) > 0
        assert known.between(AS_OF, latest).all()
    assert dates["next_order_to"].isna().any()


# What may fail


def without_repeats() -> pd.DataFrame:
    return customer_table([0] * 5, [0] * 5, [100, 120, 150, 200, 300], np.nan, [10.0, 20, 30, 5, 8])


@pytest.mark.parametrize(
    ("buyers", "reason"),
    [
        (without_repeats(), "no_repeat_buyers"),
        (without_repeats().iloc[:1], "one_customer"),
        (prospects(), "no_customers"),
    ],
)
def test_a_base_without_a_model_says_why_and_has_missing_values(buyers, reason):
    value = CustomerValue(resamples=5).fit(buyers)
    assert value.problem_["reason"] == reason
    assert value.problem_["text"]
    assert not value.ready
    with pytest.raises(ModelError) as caught:
        _ = value.purchase
    assert caught.value.reason == reason
    assert value.predict(buyers).isna().all(axis=None)
    assert value.intervals(buyers).isna().all(axis=None)
    assert value.next_order(buyers, AS_OF).isna().all(axis=None)
    assert read_again(value).problem_ == value.problem_


def test_segments_of_a_base_without_a_model_count_customers_and_miss_values():
    buyers = without_repeats()
    forecast = CustomerValue(resamples=5).fit(buyers).predict(buyers)
    table = segment_values(forecast, pd.Series(list("aabbb")))
    assert table["segment"].tolist()[-1] == "total"
    assert table.set_index("segment")["customers"].to_dict() == {"a": 2, "b": 3, "total": 5}
    assert table[["p_order", "clv", "clv_share"]].isna().all(axis=None)
    # What nobody could predict does not add up to zero.
    assert table[["expected_orders", "clv_total"]].isna().all(axis=None)


def test_spend_without_a_finite_mean_is_replaced_by_the_customers_own():
    heavy = simulated(200, q=0.6)
    value = CustomerValue(resamples=5).fit(heavy)
    assert value.spend_problem_["reason"] == "infinite_mean_spend"
    assert value.spend_model is None
    assert value.correlation_ is None
    table = value.predict(heavy)
    assert table["expected_spend"].to_numpy() == pytest.approx(heavy["aov"].to_numpy())
    assert np.isfinite(table.to_numpy()).all()
    assert (value.intervals(heavy)["clv_low"] > 0).all()
    pd.testing.assert_frame_equal(read_again(value).predict(heavy), table)
    returned_it_all = heavy.assign(aov=-heavy["aov"], revenue=-heavy["revenue"])
    assert (value.predict(returned_it_all)[["expected_spend", "clv"]] == 0).all(axis=None)


def test_customers_who_paid_nothing_are_worth_nothing(customers):
    free = customers.assign(monetary_mean=0.0, revenue=0.0, aov=0.0)
    value = CustomerValue(resamples=5).fit(free)
    assert value.ready
    assert value.spend_problem_["reason"] == "no_repeat_buyers"
    table = value.predict(free)
    assert (table[["expected_spend", "clv"]] == 0).all(axis=None)
    assert (table["expected_orders"] > 0).all()
    everybody = segment_values(table, pd.Series("all", index=free.index))
    assert everybody["clv_share"].isna().all()


@pytest.mark.parametrize("spend", ["all", "repeats"])
def test_a_customer_who_returned_more_than_it_bought_has_no_negative_value(customers, spend):
    odd = customers.copy()
    odd.loc[[0, 1], ["revenue", "aov", "monetary_mean"]] = [-50.0, -20.0, -30.0]
    value = CustomerValue(resamples=5, spend=spend).fit(odd)
    table = value.predict(odd)
    assert value.spend_problem_ is None
    assert (table >= 0).all(axis=None)
    assert np.isfinite(table.to_numpy()).all()


# Parameters and state


def test_an_unknown_model_is_named_with_the_nearest(customers):
    with pytest.raises(SegkitError, match=r"clv\.model: unknown value: .*bg_nbt.*'bg_nbd'"):
        CustomerValue("bg_nbt").fit(customers)


def test_an_unknown_time_unit_is_an_error_that_names_it(customers):
    with pytest.raises(SegkitError, match="week.*weeks"):
        CustomerValue(time_unit="week").fit(customers)


def test_an_unknown_way_to_learn_spend_is_an_error_that_names_it(customers):
    with pytest.raises(SegkitError, match="repeat.*repeats"):
        CustomerValue(spend="repeat").fit(customers)


def test_nothing_is_predicted_before_the_fit(customers):
    for ask in (CustomerValue().predict, CustomerValue().intervals):
        with pytest.raises(SegkitError, match="not fitted"):
            ask(customers)


@pytest.mark.parametrize("name", MODELS)
def test_the_state_travels_through_json_and_predicts_the_same(customers, name):
    value = CustomerValue(name, resamples=4, margin=0.3, spend="repeats").fit(customers)
    read = read_again(value)
    assert read.get_params() == value.get_params()
    assert read.correlation_ == value.correlation_
    pd.testing.assert_frame_equal(read.predict(customers), value.predict(customers))
    pd.testing.assert_frame_equal(read.intervals(customers), value.intervals(customers))
    pd.testing.assert_frame_equal(
        read.next_order(customers, AS_OF), value.next_order(customers, AS_OF)
    )


def test_one_fit_predicts_at_another_date(customers, value):
    older = customers.assign(T=customers["T"] + 365)
    now, later = value.predict(customers), value.predict(older)
    again = customers["x"] > 0
    assert (later.loc[again, "p_alive"] < now.loc[again, "p_alive"]).all()
    assert (later["clv"] < now["clv"]).all()
    pd.testing.assert_frame_equal(value.predict(older.iloc[[7]]), later.iloc[[7]])


def test_histories_are_those_of_buyers_in_the_models_unit(customers):
    value = CustomerValue(time_unit="months", resamples=0).fit(customers)
    x, t_x, T = value.histories(pd.concat([prospects(), customers]))
    assert x.tolist() == customers["x"].tolist()
    assert (t_x * 365.25 / 12).tolist() == pytest.approx(customers["t_x"].tolist())
    assert (T * 365.25 / 12).tolist() == pytest.approx(customers["T"].tolist())


# Profit


@pytest.fixture(scope="module")
def losing() -> pd.DataFrame:
    """Return customers of whom every fifth loses 30 a purchase, and others leave 10."""
    table, random = simulated(800, seed=2), np.random.default_rng(3)
    true = np.where(np.arange(len(table)) % 5 == 0, -30.0, 10.0)
    purchases = table["x"] + 1
    noise = random.normal(0, 10, len(table)) * np.sqrt(purchases)
    return table.assign(profit=purchases * true + noise, true=true)


@pytest.fixture(scope="module")
def by_profit(losing) -> CustomerValue:
    return CustomerValue(worth="profit", resamples=20).fit(losing)


def test_of_profit_value_alone_changes_and_no_margin_is_taken(losing, by_profit):
    said = by_profit.predict(losing)
    revenue = CustomerValue(resamples=0).fit(losing).predict(losing)
    others = [name for name in FORECASTS if name != "clv"]
    assert said[others].equals(revenue[others])
    assert read_again(by_profit, margin=0.4).predict(losing)["clv"].equals(said["clv"])
    undiscounted = read_again(by_profit, discount_rate=0.0).predict(losing)
    per_purchase = undiscounted["clv"] / undiscounted["expected_orders"]
    model = MeanProfit().fit(losing["x"] + 1, losing["profit"])
    wanted = model.expected_profit(losing["x"] + 1, losing["profit"])
    assert per_purchase.to_numpy() == pytest.approx(wanted, rel=1e-9)


def test_who_loses_by_each_purchase_is_expected_to_cost_more_than_it_brings(losing, by_profit):
    said = by_profit.predict(losing)
    often = losing["x"] >= 3
    assert often.sum() > 100
    assert (said["clv"][often & (losing["true"] < 0)] < 0).mean() > 0.95
    assert (said["clv"][often & (losing["true"] > 0)] > 0).mean() > 0.95
    assert (said["expected_revenue"] >= 0).all()


def test_intervals_of_profit_are_in_order_and_hold_the_prediction_of_nearly_everyone(
    losing, by_profit
):
    said, ends = by_profit.predict(losing), by_profit.intervals(losing)
    assert (ends["clv_low"] <= ends["clv_high"]).all()
    inside = said["clv"].between(ends["clv_low"], ends["clv_high"])
    assert inside.mean() > 0.8
    assert (ends["clv_low"] < 0).any() and (ends["clv_high"] > 0).any()


def test_segments_of_negative_value_add_up_and_are_in_order(losing, by_profit):
    said = by_profit.predict(losing)
    labels = pd.Series(np.where(losing["true"] < 0, "losing", "others"), index=losing.index)
    table = segment_values(said, labels).set_index("segment")
    assert list(table.index) == ["others", "losing", "total"]
    assert table["clv_total"]["losing"] < 0
    assert table["clv_share"][:2].sum() == pytest.approx(1)
    assert table["clv_total"]["total"] == pytest.approx(said["clv"].sum())
    losses = segment_values(said[said["clv"] < 0], labels[said["clv"] < 0])
    assert losses["clv_share"].isna().all()  # of a loss nobody holds a share


def test_customers_of_unknown_profit_are_expected_to_bring_what_all_do(losing, by_profit):
    unknown = losing.assign(profit=losing["profit"].where(losing.index != 5))
    said = read_again(by_profit, discount_rate=0.0).predict(unknown)
    mean = by_profit.profit_model.params_["mean"]
    assert said["clv"][5] == pytest.approx(said["expected_orders"][5] * mean)


def test_one_fit_of_profit_predicts_after_json(losing, by_profit):
    assert read_again(by_profit).predict(losing).equals(by_profit.predict(losing))


def test_customers_without_a_profit_are_an_error_that_names_the_column(customers):
    with pytest.raises(SegkitError, match=r"customers have no profit: 'profit'.*orders\.columns"):
        CustomerValue(worth="profit").fit(customers)


def test_profit_that_is_missing_for_everyone_is_an_error_once_value_is_asked_for(customers):
    value = CustomerValue(worth="profit", resamples=5).fit(customers.assign(profit=np.nan))
    assert value.ready
    for ask in (value.predict, value.intervals):
        with pytest.raises(ModelError, match=r"no customer's profit is known.*clv\.worth: revenue"):
            ask(customers.assign(profit=np.nan))


def test_a_base_that_loses_by_everyone_has_negative_values(customers):
    losing = customers.assign(profit=-(customers["x"] + 1.0))
    said = CustomerValue(worth="profit", resamples=0).fit(losing).predict(losing)
    assert (said["clv"] < 0).all()


def test_an_unknown_worth_is_an_error_that_names_it(customers):
    with pytest.raises(SegkitError, match=r"clv\.worth.*'profits'.*profit"):
        CustomerValue(worth="profits").fit(customers)
