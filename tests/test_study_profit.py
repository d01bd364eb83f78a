"""Value by profit, from a log with losses to the report's sentences."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from segkit.errors import SegkitError
from segkit.report.conclusions import conclusion
from segkit.report.page.chapter import Chapter

HEADER = ("customer", "date", "order", "amount", "profit")
FIRST, DAYS = date(2022, 1, 1), 900
BY_PROFIT = {"worth": "profit", "resamples": 10}


def log(customers: int = 240, losing: int = 6) -> list[tuple]:
    """Return lines of customers of whom every sixth loses 15 an order, and others leave 10."""
    random = np.random.default_rng(5)
    rows = []
    for customer in range(customers):
        day, wait = int(random.integers(0, 500)), 30 / random.gamma(1.5)
        mean = -15.0 if customer % losing == 0 else 10.0
        while day < DAYS:
            amount = round(float(random.gamma(6, 8)), 2)
            when = FIRST + timedelta(days=day)
            profit = round(mean + float(random.normal(0, 8)), 2)
            rows.append((f"c{customer:03}", when.isoformat(), f"o{len(rows)}", amount, profit))
            day += 1 + int(random.exponential(wait))
            day = DAYS if random.random() < 0.1 else day
    return rows


@pytest.fixture
def study(make_study):
    return make_study(log(), header=HEADER, clv=BY_PROFIT)


def test_customers_add_up_to_a_profit_that_is_scaled_as_revenue_is(study):
    forecast = study.forecast
    values, buyers = forecast.values, study.customers
    assert forecast.total["clv"] == pytest.approx(values["clv"].sum())
    assert values["expected_revenue"].sum() == pytest.approx(forecast.total["revenue"])
    # Before the discount: profit a purchase is as revenue a purchase, stretch by stretch.
    said = forecast.value.profit_model.expected_profit(buyers["x"] + 1, buyers["profit"])
    purchases = values["expected_revenue"] / values["expected_spend"]
    ratio = (values["clv"] / (purchases * said)).to_numpy()
    assert (ratio > 0.9).all() and (ratio < 1).all()


def test_the_report_says_how_many_should_cost_more_than_they_bring(study):
    forecast = study.forecast
    lost = forecast.values["clv"][forecast.values["clv"] < 0]
    assert 25 <= len(lost) <= 45  # 40 of 240 do, some of whom have bought but once
    chapter = Chapter(study, "clv")
    said = [str(chapter.say(key, **fields)) for key, fields in forecast.worth]
    assert said[-1].startswith(f"{len(lost)} clientes deberían costar más de lo que aportan")
    assert "-" in said[-1] or "−" in said[-1]
    assert any("el beneficio que deberían dejar" in sentence for sentence in said)
    assert not [key for key, _ in forecast.remarks if key == "clv_margin"]
    assert "Su beneficio vale" in conclusion(study, chapter)


def test_segments_hold_with_negative_values(study):
    forecast, labels = study.forecast, study.forecast.label(study.customers)
    table = forecast.segments.set_index("segment")
    parts = table.drop("total")
    assert parts["clv_total"].sum() == pytest.approx(table.loc["total", "clv_total"])
    total = table.iloc[-1]
    assert total["clv_total_low"] <= total["clv_total"] <= total["clv_total_high"]
    assert table["clv_total_low"].iloc[:-1].isna().all()
    clv = forecast.values["clv"]
    assert (clv[labels.isin(["champions", "loyal"])] >= 0).all()
    assert (clv[labels == "champions"] >= clv.quantile(0.9)).all()
    low = clv.quantile(1 / 3)
    assert (clv[labels == "one_and_done"] <= low).all()
    kpis = study.kpis("clv_segments").set_index("segment")
    assert kpis.loc["total", "clv"] == pytest.approx(clv.mean())
    # A loss holds no share of what is gained.
    assert 0 < forecast.concentrated["gini"] < 1
    assert forecast.concentration["clv_share"].between(0, 1 + 1e-9).all()


def test_without_losses_nothing_is_said_of_them(make_study):
    study = make_study(log(losing=10**6)[40:], header=HEADER, clv=BY_PROFIT)
    assert (study.forecast.values["clv"] >= 0).all()
    assert study.forecast.losses == []


def test_a_shop_that_loses_by_everyone_has_no_champions_and_says_what_it_comes_to(make_study):
    rows = [(*row[:4], -abs(row[4]) - 1) for row in log()]
    study = make_study(rows, header=HEADER, clv=BY_PROFIT)
    forecast = study.forecast
    assert (forecast.values["clv"] < 0).all()
    labels = set(forecast.label(study.customers))
    assert not labels & {"champions", "loyal"}
    ((key, fields),) = forecast.losses
    assert (key, fields["customers"]) == ("clv_losses", len(study.buyers))
    assert fields["loss"] == pytest.approx(forecast.total["clv"])
    assert forecast.segments["clv_share"].isna().all()
    assert "Su beneficio vale" in conclusion(study, Chapter(study, "clv"))
    assert forecast.concentration.empty


def test_a_profit_that_is_never_filled_is_an_error_that_names_the_column(make_study):
    rows = [(*row[:4], "") for row in log(120)]
    study = make_study(rows, header=HEADER, clv=BY_PROFIT)
    with pytest.raises(
        SegkitError, match=r"no customer's profit is known.*orders\.columns\.profit"
    ):
        _ = study.forecast.values


def test_value_is_of_revenue_unless_profit_is_asked_for(make_study):
    study = make_study(log(120), header=HEADER, clv={"resamples": 0})
    assert (study.forecast.values["clv"] >= 0).all()
    keys = {key for key, _ in study.forecast.worth}
    assert "clv_discounted" in keys and "profit_discounted" not in keys
    assert study.forecast.losses == []


def test_a_cost_says_the_same_as_a_profit_for_returns_too(make_study):
    rows = [
        ("ana", "2024-01-10", "o1", 2, 20, 26),
        ("ana", "2024-02-10", "o2", 1, 10, 4),
        ("ana", "2024-02-20", "o2", -1, -10, -4),
        ("eva", "2024-04-10", "o3", 1, 30, ""),
        ("luis", "2024-03-10", "o4", 2, 30, 10),
        ("luis", "2024-03-20", "o4", -1, -15, 5),
    ]
    header = ("customer", "date", "order", "quantity", "amount", "cost")
    customers = make_study(rows, header=header).customers.set_index("customer_id")
    assert customers.loc["ana", "profit"] == -6
    assert customers.loc["luis", "profit"] == 10
    assert np.isnan(customers.loc["eva", "profit"])
