"""Customer value: the models applied together, intervals, totals, dates, and what may fail."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.analysis.value import FORECASTS, MODELS, CustomerValue
from segkit.errors import SegkitError
from segkit.models import GammaGamma, ModelError
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
    expected = {
        "p_alive": purchase.p_alive(*rows),
        "expected_orders": purchase.expected_orders(half_a_year, *rows),
        "expected_spend": spend,
        "clv": purchase.clv(*rows, spend, months=6, margin=0.4),
    }
    for column, wanted in expected.items():
        assert table[column].to_numpy() == pytest.approx(wanted, rel=1e-9), column


def test_every_buyer_of_cdnow_has_a_finite_value_of_zero_or_more(cdnow, cdnow_value):
    table = cdnow_value.predict(cdnow)
    assert table.index.equals(cdnow.index)
    assert np.isfinite(table.to_numpy()).all()
    assert (table >= 0).all(axis=None)
    assert (table["p_alive"] <= 1).all()
    # Without a discount the value is orders times spend; with one it is less.
    assert (table["clv"] < table["expected_orders"] * table["expected_spend"]).all()
    undiscounted = read_again(cdnow_value, discount_rate=0.0).predict(cdnow)
    whole = undiscounted["expected_orders"] * undiscounted["expected_spend"]
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
    labels = pd.Series("all", index=mixed.index)
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
    assert value.totals(mixed, labels)["customers"].tolist() == [len(mixed)] * 2
    only_prospects = prospects()
    assert value.predict(only_prospects).isna().all(axis=None)
    assert value.intervals(only_prospects).isna().all(axis=None)
    assert value.next_order(only_prospects, AS_OF).isna().all(axis=None)


def test_the_order_of_rows_does_not_matter(customers, value):
    mixed = customers.sample(frac=1, random_state=4)
    refitted = CustomerValue(resamples=20).fit(mixed)
    forecast = refitted.predict(mixed).loc[customers.index]
    pd.testing.assert_frame_equal(forecast, value.predict(customers), rtol=1e-6)
    ends, mixed_ends = value.intervals(customers), refitted.intervals(mixed).loc[customers.index]
    pd.testing.assert_frame_equal(mixed_ends[ENDS[:2]], ends[ENDS[:2]], rtol=1e-6)


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
    totals = plain.totals(customers, pd.Series("all", index=customers.index))
    assert totals[["clv_total_low", "clv_total_high"]].isna().all(axis=None)
    assert totals["clv_total"].notna().all()


def test_resamples_in_which_spend_has_no_finite_mean_are_left_out():
    # Here the mean spend is just finite; of some resamples it is not.
    heavy = simulated(60, seed=1, q=1.3)
    value = CustomerValue(resamples=40, spend="repeats").fit(heavy)
    assert value.spend_problem_ is None
    assert 1 < value.spend_["fitted"]["params_"]["q"] < 1.4
    assert all(draw["q"] > 1 for draw in value.draws_[1])
    assert (value.intervals(heavy)["clv_low"] > 0).all()


# Totals


def test_segments_add_up_to_the_total_and_its_interval_holds_it(cdnow, cdnow_value):
    labels = pd.Series(np.select([cdnow["x"] == 0, cdnow["x"] < 4], ["once", "some"], "many"))
    table = cdnow_value.totals(cdnow, labels)
    assert list(table.columns) == [
        "segment",
        "customers",
        "customers_share",
        "p_alive",
        "expected_orders",
        "clv",
        "clv_total",
        "clv_total_low",
        "clv_total_high",
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
    assert (table["clv_total_low"] < table["clv_total"]).all()
    assert (table["clv_total"] < table["clv_total_high"]).all()


def test_a_segments_row_holds_the_means_and_sums_of_its_customers(customers, value):
    labels = pd.Series(np.where(customers["x"] > 0, "again", "once"), index=customers.index)
    table = value.totals(customers, labels).set_index("segment")
    forecast = value.predict(customers)
    for name in ("again", "once"):
        own = forecast[labels == name]
        assert table.loc[name, "customers"] == len(own)
        assert table.loc[name, "p_alive"] == pytest.approx(own["p_alive"].mean())
        assert table.loc[name, "expected_orders"] == pytest.approx(own["expected_orders"].sum())
        assert table.loc[name, "clv"] == pytest.approx(own["clv"].mean())
        assert table.loc[name, "clv_total"] == pytest.approx(own["clv"].sum())
    assert table.loc["total", "clv"] == pytest.approx(forecast["clv"].mean())


def test_the_total_interval_is_narrower_than_the_sum_of_the_customers_intervals(customers, value):
    labels = pd.Series("all", index=customers.index)
    total, ends = value.totals(customers, labels).iloc[-1], value.intervals(customers)
    width = total["clv_total_high"] - total["clv_total_low"]
    assert 0 < width < (ends["clv_high"] - ends["clv_low"]).sum()


def test_prospects_are_a_segment_that_takes_no_part_in_value(customers, value):
    base = pd.concat([customers, prospects()])
    labels = pd.Series(np.where(base["orders"] > 0, "buyers", "prospects"), index=base.index)
    table = value.totals(base, labels).set_index("segment")
    assert table.loc["prospects", "customers"] == 3
    assert table.loc["prospects", "customers_share"] == pytest.approx(3 / len(base))
    assert np.isnan(table.loc["prospects", "clv"])
    assert table.loc["buyers", "clv_share"] == pytest.approx(1)
    for column in ("clv_total", "expected_orders", "p_alive"):
        assert table.loc["total", column] == pytest.approx(table.loc["buyers", column])
    high = table["clv_total_high"]
    assert high["total"] == pytest.approx(high["buyers"])


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


def test_totals_of_a_base_without_a_model_count_customers_and_miss_values():
    buyers = without_repeats()
    value = CustomerValue(resamples=5).fit(buyers)
    table = value.totals(buyers, pd.Series(list("aabbb")))
    assert table["segment"].tolist()[-1] == "total"
    assert table.set_index("segment")["customers"].to_dict() == {"a": 2, "b": 3, "total": 5}
    missing = ["p_alive", "clv", "clv_total_low", "clv_total_high", "clv_share"]
    assert table[missing].isna().all(axis=None)


def test_what_nobody_could_predict_does_not_add_up_to_zero():
    buyers = without_repeats()
    table = CustomerValue(resamples=5).fit(buyers).totals(buyers, pd.Series(list("aabbb")))
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
    assert value.totals(free, pd.Series("all", index=free.index))["clv_share"].isna().all()


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
    labels = pd.Series(np.where(customers["x"] > 2, "many", "few"))
    pd.testing.assert_frame_equal(read.predict(customers), value.predict(customers))
    pd.testing.assert_frame_equal(read.intervals(customers), value.intervals(customers))
    pd.testing.assert_frame_equal(read.totals(customers, labels), value.totals(customers, labels))
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
    value = CustomerValue(time_unit="months")
    x, t_x, T = value.histories(pd.concat([prospects(), customers]))
    assert x.tolist() == customers["x"].tolist()
    assert (t_x * 365.25 / 12).tolist() == pytest.approx(customers["t_x"].tolist())
    assert (T * 365.25 / 12).tolist() == pytest.approx(customers["T"].tolist())
