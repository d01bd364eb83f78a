"""The one forecast and its rolling tests, from a log to what is said: sums agree, nothing leaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_logs import params_of, write_rows

from segkit.analysis.value import CustomerValue
from segkit.errors import SegkitError
from segkit.study.study import Study
from segkit.words.format import Formats
from segkit.words.said import Said
from segkit.words.texts import Texts

START, AS_OF = date(2022, 1, 1), date(2024, 1, 1)
HORIZON = 3
QUICK: dict[str, Any] = {
    "clv": {"horizon_months": HORIZON, "resamples": 0, "margin": 0.4, "discount_rate": 0.2},
    "evidence": {"cuts": 12, "min_customers": 40, "resamples": 10},
    "clusters": {"k": 3, "n_init": 1},
}
CENT = 0.005
MONTHS = np.array([0.8, 0.7, 0.9, 0.9, 0.9, 0.9, 0.7, 0.6, 0.9, 1.0, 1.6, 2.4])
"""What months count in a shop that lives off Christmas."""


def shop_rows(
    customers: int = 240,
    start: date = START,
    end: date = AS_OF,
    months: np.ndarray | None = None,
    rate: float = 0.03,
    leaves: float = 0.15,
) -> list[tuple[str, str, str, int, float]]:
    """Order lines of a shop: customers come all along, buy at rates of their own, and leave."""
    random = np.random.default_rng(11)
    days = (end - start).days
    weight = np.ones(days)
    if months is not None:
        weight = np.array([months[(start + timedelta(days=at)).month - 1] for at in range(days)])
    run = np.append(0.0, np.cumsum(weight))
    rows: list[tuple[str, str, str, int, float]] = []
    for customer in range(customers):
        at = random.uniform(0, run[-1]) if customer else 0.0
        own = random.gamma(1.5, rate / 1.5)
        while at < run[-1]:
            day = start + timedelta(days=int(np.searchsorted(run, at, side="right")) - 1)
            amount = round(float(random.gamma(5, 8)), 2)
            rows.append((f"c{customer:04d}", day.isoformat(), f"o{len(rows):05d}", 1, amount))
            if random.random() < leaves:
                break
            at += random.exponential(1 / own)
    return rows


def returned(
    rows: list[tuple[str, str, str, int, float]],
) -> list[tuple[str, str, str, int, float]]:
    """Return lines that take every twentieth order back, ten days later."""
    return [
        (who, (date.fromisoformat(day) + timedelta(days=10)).isoformat(), order, -1, -amount)
        for who, day, order, _, amount in rows[::20]
        if date.fromisoformat(day) + timedelta(days=10) < AS_OF
    ]


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Iterator[Callable[..., Study]]:
    """Return a function that opens a study of made rows in a folder of its own."""
    studies: list[Study] = []

    def make(rows: list[Any], **given: Any) -> Study:
        folder = tmp_path_factory.mktemp("shop")
        write_rows(folder / "orders.csv", rows)
        params = params_of(**(QUICK | {"as_of": AS_OF} | given))
        studies.append(Study(params, root=folder, run_dir="run"))
        return studies[-1]

    yield make
    for study in studies:
        study.close()


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, str, str, int, float]]:
    """Lines of the shop, with returns among them."""
    sold = shop_rows()
    return [*sold, *returned(sold)]


@pytest.fixture(scope="module")
def shop(opened, rows) -> Study:
    """The shop, seen from the end of its log."""
    return opened(rows)


def of_part(table: pd.DataFrame, part: str) -> pd.Series:
    return table.set_index("part").loc[part]


# One forecast -------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["existing", "new", "everyone"])
def test_months_add_up_to_the_horizons_total(shop, part):
    months = shop.forecast.by_month
    sums = months.loc[months["part"] == part, ["orders", "revenue"]].sum()
    total = of_part(shop.forecast.totals, part)
    assert sums["orders"] == pytest.approx(total["orders"], rel=1e-9)
    assert sums["revenue"] == pytest.approx(total["revenue"], abs=CENT)


def test_totals_lie_within_their_ranges_and_everyone_is_both(shop):
    totals = shop.forecast.totals.set_index("part")
    for name in ("orders", "revenue"):
        assert (totals[f"{name}_low"] < totals[name]).all()
        assert (totals[name] < totals[f"{name}_high"]).all()
        both = totals.loc["existing", name] + totals.loc["new", name]
        assert totals.loc["everyone", name] == pytest.approx(both)


def test_customers_add_up_to_the_forecast_of_todays_customers(shop):
    total, values = of_part(shop.forecast.totals, "existing"), shop.clv
    assert values["expected_revenue"].sum() == pytest.approx(total["revenue"], abs=CENT)
    assert values["expected_orders"].sum() == pytest.approx(total["orders"], rel=1e-9)
    assert shop.forecast.segments["clv_total"].iloc[-1] == pytest.approx(values["clv"].sum())


def test_value_is_the_margin_of_the_stretches_discounted(shop):
    stretches = shop.forecast.stretches
    own = stretches[stretches["part"] == "existing"]
    years = (own["end"] - pd.Timestamp(AS_OF)).dt.days / 365.25
    worth = (own["revenue"] * 0.4 * 1.2**-years).sum()
    assert shop.clv["clv"].sum() == pytest.approx(worth, abs=CENT)
    assert worth < 0.4 * own["revenue"].sum()


def test_who_is_expected_to_order_is_no_more_than_the_orders_expected(shop):
    values = shop.clv.dropna(subset=["p_order"])
    assert values["p_order"].between(0, 1).all()
    assert (values["p_order"] <= values["expected_orders"] + 1e-12).all()
    assert shop.forecast.order_histogram["count"].sum() == len(values)
    assert shop.forecast.returning["customers"] == round(values["p_order"].sum())


@pytest.mark.parametrize("unit", ["month", "quarter", "week"])
def test_the_audits_projection_is_a_view_of_the_forecast(opened, rows, unit):
    # In the middle of a unit, whose days so far are part of what it should bring.
    study = opened(rows, as_of=date(2023, 12, 7), audit={"unit": unit})
    future = study.audit.projection[study.audit.projection["is_future"]].set_index("unit")
    forecast = study.forecast.by(unit)
    for part, column in (("everyone", "expected"), ("existing", "expected_known")):
        own = forecast[forecast["part"] == part].set_index(unit)["revenue"].loc[future.index]
        expected = own + future["revenue"].fillna(0.0)
        assert future[column].to_numpy() == pytest.approx(expected.to_numpy(), abs=CENT)
    come = forecast[forecast["part"] == "new"].set_index(unit)["revenue"].loc[future.index]
    assert future["expected_new"].to_numpy() == pytest.approx(come.to_numpy(), abs=CENT)
    assert future["revenue"].notna().sum() == 1
    totals = of_part(study.forecast.totals, "everyone")
    everyone = forecast[forecast["part"] == "everyone"]
    assert everyone["revenue"].sum() == pytest.approx(totals["revenue"], abs=CENT)


def test_an_early_date_knows_nothing_of_later_months(shop):
    cut = shop.rolling.cuts[0]
    earlier = shop.at(cut)
    assert earlier.forecast.ends[-1] == pd.Timestamp(AS_OF)
    table = shop.rolling.table
    said = table[(table["cut"] == cut.isoformat()) & (table["measure"] == "revenue")]
    total = of_part(earlier.forecast.totals, "existing")["revenue"]
    assert said.set_index("member").loc["total", "predicted"] == pytest.approx(total, abs=CENT)


# Made again at earlier dates ----------------------------------------------------------------

TRUNCATED = date(2023, 4, 1)


def said_at(study: Study, cut: date) -> pd.DataFrame:
    """Return what the rolling table says of a cut, but what came."""
    table = study.rolling.table
    own = table[table["cut"] == cut.isoformat()].set_index(["member", "measure"])
    assert len(own), f"{cut} is no cut of this study"
    return own[["predicted", "low", "high"]]


def test_what_is_said_of_an_earlier_date_is_what_a_study_of_the_log_until_then_says(
    opened, rows, shop
):
    truncated = opened([row for row in rows if row[1] < TRUNCATED.isoformat()], as_of=TRUNCATED)
    said, outlook = said_at(shop, TRUNCATED), truncated.forecast.outlook
    for name in outlook.members:
        own = outlook.existing[name].sum(axis=0)
        assert said.loc[name, "predicted"].to_numpy() == pytest.approx(own, rel=1e-3)
    then = truncated.forecast.totals.set_index("part")
    for member, part in (("total", "existing"), ("new", "new"), ("everyone", "everyone")):
        for measure in ("orders", "revenue"):
            own = then.loc[part, [measure, f"{measure}_low", f"{measure}_high"]]
            assert said.loc[(member, measure)].tolist() == pytest.approx(own.tolist(), rel=1e-3)
    assert [test.cut for test in truncated.rolling.tests] == [
        test.cut for test in shop.rolling.known_at(TRUNCATED)
    ]


def test_an_earlier_study_sees_the_customers_that_a_log_until_then_holds(opened, rows, shop):
    truncated = opened([row for row in rows if row[1] < TRUNCATED.isoformat()], as_of=TRUNCATED)
    seen, alone = shop.at(TRUNCATED), truncated
    columns = ["customer_id", "orders", "revenue", "x", "t_x", "T", "aov", "first_order"]
    pd.testing.assert_frame_equal(
        seen.customers[columns], alone.customers[columns], check_dtype=False
    )
    values = ["p_order", "expected_orders", "expected_revenue", "clv", "clv_previous"]
    for name in values:
        assert seen.clv[name].to_numpy() == pytest.approx(
            alone.clv[name].to_numpy(), rel=5e-3, nan_ok=True
        )


def wild_rows(cut: date) -> list[tuple[str, str, str, int, float]]:
    """Lines after a cut that no model should know of: old customers, new ones, huge sums."""
    days = [cut + timedelta(days=step) for step in range(0, (AS_OF - cut).days, 5)]
    old = [
        (f"c{place:04d}", day.isoformat(), f"x{place}-{day}", 50, 9e5)
        for place in range(0, 240, 8)
        for day in days
    ]
    new = [
        (f"n{place}-{day}", day.isoformat(), f"y{place}-{day}", 1, 0.01)
        for place in range(30)
        for day in days
    ]
    return [*old, *new]  # fmt: skip


def test_no_line_after_a_cut_moves_what_is_said_at_it(opened, rows, shop):
    wild = opened([*rows, *wild_rows(TRUNCATED)])
    before = [cut for cut in shop.rolling.cuts if cut <= TRUNCATED]
    assert len(before) >= 3
    for cut in before:
        pd.testing.assert_frame_equal(said_at(wild, cut), said_at(shop, cut), rtol=1e-3)
        pd.testing.assert_frame_equal(wild.rolling.customers(cut), shop.rolling.customers(cut))
    came = wild.rolling.outcomes(TRUNCATED)["revenue_after"].sum()
    assert came > 1000 * shop.rolling.outcomes(TRUNCATED)["revenue_after"].sum()


def test_outcomes_are_what_the_lines_of_the_horizon_add_up_to(shop, rows):
    lines = pd.DataFrame(rows, columns=["customer", "day", "order", "units", "amount"])
    sold = lines[lines["units"] > 0].copy()
    back = lines[lines["units"] < 0].set_index("order")["amount"]
    sold["net"] = sold["amount"] + sold["order"].map(back).fillna(0.0)
    for cut in shop.rolling.cuts:
        end = (pd.Timestamp(cut) + pd.DateOffset(months=HORIZON)).date()
        after = sold[(sold["day"] >= cut.isoformat()) & (sold["day"] < end.isoformat())]
        known = shop.rolling.customers(cut)["customer_id"]
        outcomes = shop.rolling.outcomes(cut).set_index(known)
        assert set(known) == set(lines.loc[lines["day"] < cut.isoformat(), "customer"])
        sums = after.groupby("customer")["net"].sum().reindex(known, fill_value=0.0)
        assert outcomes["revenue_after"].to_numpy() == pytest.approx(sums.to_numpy(), abs=CENT)
        stands = after[~after["order"].isin(back.index)].groupby("customer")
        orders = stands["order"].nunique().reindex(known, fill_value=0)
        assert outcomes["orders_after"].tolist() == orders.tolist()
        days = stands["day"].nunique().reindex(known, fill_value=0)
        assert outcomes["days_after"].tolist() == days.tolist()


def test_outcomes_of_the_latest_cut_are_those_of_the_period_table(shop):
    cut = shop.rolling.cuts[0]
    period = shop.period(cut).set_index("customer_id")
    outcomes = shop.rolling.outcomes(cut).set_index(shop.rolling.customers(cut)["customer_id"])
    own = period.reindex(outcomes.index).fillna(0)
    names = {"orders": "orders_after", "purchase_days": "days_after", "revenue": "revenue_after"}
    for column, name in names.items():
        assert own[column].to_numpy() == pytest.approx(outcomes[name].to_numpy(), abs=CENT)


def test_what_came_in_the_table_is_what_the_buyers_of_the_cut_did(shop):
    table = shop.rolling.table.set_index(["cut", "member", "measure"])["actual"]
    first = shop.customers.set_index("customer_id")["first_order"]  # of the orders that stand
    for cut in shop.rolling.cuts:
        began = shop.rolling.customers(cut)["customer_id"].map(first)
        outcomes = shop.rolling.outcomes(cut)[began < pd.Timestamp(cut)].sum()
        for measure in ("orders", "revenue"):
            came = table.loc[(cut.isoformat(), "total", measure)]
            assert came == pytest.approx(outcomes[f"{measure}_after"], abs=CENT)
            new = table.loc[(cut.isoformat(), "new", measure)]
            both = table.loc[(cut.isoformat(), "everyone", measure)]
            assert both == pytest.approx(came + new, abs=CENT)


def test_a_study_of_a_later_date_sees_its_own_lines(opened, rows):
    early = opened(rows, as_of=TRUNCATED)
    later = early.at(AS_OF)
    assert later.activity.repeats["day"].max() >= pd.Timestamp("2023-12-01")
    assert later.activity.development.months > early.activity.development.months
    assert later.rolling.cuts[0] > TRUNCATED


# Which dates ----------------------------------------------------------------------------------


def cut_dates(study: Study) -> list[str]:
    return [cut.isoformat() for cut in study.rolling.cuts]


def test_cuts_lie_a_quarter_apart_as_far_back_as_the_history_is_one_and_a_half_horizons(shop):
    assert cut_dates(shop) == [
        "2023-10-01", "2023-07-01", "2023-04-01", "2023-01-01", "2022-10-01", "2022-07-01",
    ]  # fmt: skip


def test_no_more_cuts_than_the_parameters_ask_for(opened, rows):
    study = opened(rows, evidence=QUICK["evidence"] | {"cuts": 2})
    assert cut_dates(study) == ["2023-10-01", "2023-07-01"]


def test_cuts_with_too_few_customers_are_left_out(opened, rows):
    study = opened(rows, evidence=QUICK["evidence"] | {"min_customers": 150})
    assert 0 < len(study.rolling.cuts) < 6
    assert all(len(study.rolling.customers(cut)) >= 150 for cut in study.rolling.cuts)


def test_a_single_test_is_said_to_be_one(opened, rows):
    short = opened([row for row in rows if row[1] >= "2023-07-15"])
    assert cut_dates(short) == ["2023-10-01"]
    said = dict(short.evidence.said)
    assert "rolling_one" in said and "rolling_totals" not in said
    assert said["rolling_one"]["cuts"] == 1
    assert said["rolling_one"]["first"] == date(2023, 10, 1)
    assert short.evidence.if_several.__class__ is not short.evidence.__class__
    assert [key for key, _ in short.forecast.worth][-1] == "forecast_tested"


def test_several_tests_are_counted(shop):
    said = dict(shop.evidence.said)["rolling_totals"]
    assert said["cuts"] == len(shop.rolling.cuts) == 6
    assert (said["first"], said["last"]) == (date(2022, 7, 1), date(2023, 10, 1))
    own = shop.evidence.rolling_revenue
    off = (own["actual"] / own["predicted"] - 1).abs()
    assert said["worst"] == pytest.approx(off.max())
    assert said["typical"] == pytest.approx(off.median())
    assert said["within"] == own["actual"].between(own["low"], own["high"]).sum()


def test_without_any_test_none_is_promised(opened, rows):
    young = opened([row for row in rows if row[1] >= "2023-10-20"])
    assert young.rolling.cuts == []
    assert young.rolling.table.empty
    assert young.evidence.said == []
    assert young.evidence.problem["reason"] == "short_history"
    keys = [key for key, _ in young.forecast.worth]
    assert "forecast_untested" in keys and "forecast_tested" not in keys
    assert (young.forecast.members["tests"] == 0).all()
    own = of_part(young.forecast.totals, "existing")
    tested = of_part(opened(rows).forecast.totals, "existing")
    width = lambda row: np.log(row["revenue_high"] / row["revenue_low"])
    assert width(own) > width(tested)


# A shop that lives off Christmas ----------------------------------------------------------------


@pytest.fixture(scope="module")
def christmas(opened) -> Study:
    """Three years of a shop whose December counts three times a summer's month, seen in January."""
    rows = shop_rows(600, date(2021, 1, 1), AS_OF, MONTHS, rate=0.012, leaves=0.1)
    return opened(rows, clv=QUICK["clv"] | {"horizon_months": 12}, gaps={"usual_days": 90})


def test_december_counts_most_where_it_brings_most(christmas):
    counts = christmas.forecast.month_weights.set_index("month")["normal_months"]
    assert counts.idxmax() == 12
    assert counts[12] > 1.5 > 1 > counts[8]
    months = christmas.forecast.by_month
    own = months[months["part"] == "existing"].set_index("month")["revenue"]
    assert own.idxmax() == pd.Timestamp("2024-12-01")


def test_who_bought_for_christmas_does_not_fall_in_january(christmas):
    customers, values = christmas.customers, christmas.clv
    bought = (customers["last_order"] >= "2023-12-01") & (customers["first_order"] < "2023-10-01")
    assert bought.sum() >= 50
    falling = values.loc[bought, "clv_trend"] < -christmas.params.clv.segments.falling
    assert falling.mean() < 0.1


def test_who_skipped_only_the_quiet_months_falls_less_than_the_calendar_says(christmas):
    # Seen at the end of September, after a summer in which the shop sells little.
    autumn = christmas.at(date(2023, 10, 1))
    customers, values = autumn.customers, autumn.clv
    calendar = CustomerValue(resamples=0).fit(customers)
    before = autumn.at(date(2023, 7, 1)).customers
    was = calendar.predict(before)["clv"].set_axis(before["customer_id"])
    trend = calendar.predict(customers)["clv"] / customers["customer_id"].map(was) - 1
    silent = (customers["last_order"] < "2023-07-01") & (customers["x"] > 0)
    assert silent.sum() >= 50
    assert (values.loc[silent, "clv_trend"] > trend[silent]).mean() > 0.9


# Which model ------------------------------------------------------------------------------------


def auto(opened, rows, **evidence) -> Study:
    given = {"clv": QUICK["clv"] | {"model": "auto"}}
    return opened(rows, evidence=QUICK["evidence"] | {"cuts": 2} | evidence, **given)


def test_the_given_model_is_taken_without_a_word(shop):
    assert shop.forecast.choice == {"model": "mbg_nbd", "reason": "given"}
    assert not [key for key, _ in shop.forecast.remarks if key.startswith("clv_model")]


def test_auto_asks_the_tests_of_the_past(opened, rows):
    study = auto(opened, rows)
    choice = study.forecast.choice
    assert choice["cuts"] == len(study.rolling.tests) == 2
    assert choice["reason"] in {"default", "within_error", "smaller_deviance"}
    assert (choice["model"] == "mbg_nbd") == (choice["reason"] != "smaller_deviance")
    is_other = choice["reason"] == "smaller_deviance"
    said = [key for key, _ in study.forecast.remarks if key.startswith("clv_model")]
    assert said == ["clv_model_other" if is_other else "clv_model_kept"]
    deviances, customers = study.rolling.deviances()
    sizes = [len(cut) for cut in customers]
    for cuts in deviances.values():
        assert [len(cut) for cut in cuts] == sizes
        assert all(np.isfinite(cut).all() for cut in cuts)


def test_auto_takes_another_model_only_beyond_the_error(opened, rows, monkeypatch):
    study = auto(opened, rows)
    near, far = np.full(50, 1.0), np.linspace(1.0, 3.0, 50)
    found = {"mbg_nbd": [far], "bg_nbd": [near]}
    monkeypatch.setattr(study.rolling, "deviances", lambda: (found, [np.arange(50)]))
    choice = study.forecast.choice
    assert choice == {"model": "bg_nbd", "reason": "smaller_deviance", "cuts": 1}
    assert study.forecast.value.model == "bg_nbd"


def test_auto_without_tests_asks_how_models_describe_the_purchases(opened, rows):
    study = auto(opened, rows, min_customers=5000)
    assert study.rolling.tests == []
    choice = study.forecast.choice
    assert "cuts" not in choice
    assert choice["reason"] in {"default", "at_bound", "beaten", "none_better"}
    said = [key for key, _ in study.forecast.remarks if key.startswith("clv_model")]
    assert said == ["clv_model_by_fit"]


def test_auto_of_a_base_that_nobody_came_back_to_says_why_there_is_no_forecast(opened):
    rows = [(f"c{place}", f"2023-{1 + place % 12:02}-05", f"o{place}", 1, 9) for place in range(90)]
    study = auto(opened, rows)
    assert study.forecast.choice["reason"] == "not_fitted"
    assert study.forecast.remarks == [("clv_problem_no_repeat_buyers", {})]


# Unlucky logs -----------------------------------------------------------------------------------


def once(count: int, days: int = 700) -> list[tuple[str, str, str, int, float]]:
    """Customers who bought once, on days all along."""
    return [
        (
            f"s{place}",
            (START + timedelta(days=place * days // count)).isoformat(),
            f"s{place}",
            1,
            20.0,
        )
        for place in range(count)
    ]


def without(rows: list[Any], start: str, end: str) -> list[Any]:
    return [row for row in rows if not start <= row[1] < end]


UNLUCKY: dict[str, Callable[[], list[Any]]] = {
    "one customer": lambda: [("c", f"2023-{1 + at:02}-05", f"o{at}", 1, 10) for at in range(12)],
    "nobody came back": lambda: once(300),
    "all in one day": lambda: [(f"c{at % 40}", "2023-06-05", f"o{at}", 1, 10) for at in range(90)],
    "a year of silence": lambda: without(
        shop_rows(start=date(2021, 1, 1)), "2022-01-01", "2023-01-01"
    ),
    "a log that ends before its period": lambda: [
        row for row in shop_rows() if row[1] < "2022-11-01"
    ],
    "one huge order": lambda: [*shop_rows(), ("c0003", "2023-11-20", "huge", 1, 5e7)],
    "nearly all bought once": lambda: [*once(800), *shop_rows(16)],
    "all equal": lambda: [(*row[:4], 10.0) for row in shop_rows(120)],
    "all returned": lambda: [
        *(sold := shop_rows(90)),
        *[(who, "2023-12-30", order, -1, -amount) for who, _, order, _, amount in sold],
    ],
}


def told(said: Said) -> list[str]:
    """Return sentences with their figures, none of which may be missing."""
    texts, formats = Texts("en"), Formats("en_US", "EUR")
    sentences = [str(texts.say(key, formats, **fields)) for key, fields in said]
    assert not [each for each in sentences if "nan" in each.split() or "inf" in each.split()]
    return sentences


def assert_finite(table: pd.DataFrame, name: str) -> None:
    numbers = table.select_dtypes("number").to_numpy(dtype=float)
    assert not np.isinf(numbers).any(), name


@pytest.mark.parametrize("case", UNLUCKY)
def test_an_unlucky_log_has_a_sane_forecast_or_the_reason_in_words(opened, case):
    study = opened(UNLUCKY[case](), evidence=QUICK["evidence"] | {"cuts": 2})
    forecast = study.forecast
    told(forecast.remarks)
    if not forecast.ready:
        assert [key.startswith("clv_problem_") for key, _ in forecast.remarks] == [True]
        assert study.clv["clv"].isna().all()
        assert study.audit.projection.empty
    else:
        told([*forecast.worth, *forecast.rhythm])
        totals, values = forecast.totals, study.clv
        for name, table in (
            ("totals", totals),
            ("months", forecast.months),
            ("members", forecast.members),
            ("values", values),
            ("projection", study.audit.projection),
            ("rolling", study.rolling.table),
        ):
            assert_finite(table, name)
        assert (totals.drop(columns="part") >= 0).all(axis=None)
        assert totals.drop(columns="part").notna().all(axis=None)
        own = of_part(totals, "existing")
        assert values["expected_revenue"].sum() == pytest.approx(own["revenue"], rel=1e-6, abs=CENT)
        assert values["p_order"].dropna().between(0, 1).all()
    assert study.segments["clv_segments"].notna().all()
    told(study.evidence.said)
    if study.evidence.ready:
        told([*study.evidence.fit, *study.evidence.best_over_cuts, *study.evidence.verdicts])
        assert_finite(study.evidence.tested, "tested")
        assert_finite(study.evidence.rolling_rankings, "rankings")
    else:
        assert len(told(study.evidence.why_not)) == 1
        with pytest.raises(SegkitError, match="there is no test of the past"):
            _ = study.evidence.tested
