"""The lifecycle for a reader: gaps, thresholds with who came back, returns, flags, prospects."""

from __future__ import annotations

import warnings
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import HEADER, params_of, write_rows
from scipy.stats import norm, t

from segkit.analysis import lifecycle as tables
from segkit.analysis.gaps import returned_by
from segkit.analysis.lifecycle import by_age, is_difference, mean_difference, two_rates
from segkit.params import check_params, load_params
from segkit.segments import STAGES
from segkit.study.study import Study
from segkit.words.format import Formats
from segkit.words.texts import Texts

AS_OF = date(2024, 7, 1)
QUICK = {"clv": {"model": "bg_nbd", "resamples": 0}, "clusters": {"k_range": [2, 3], "n_init": 1}}
FIXED = {
    "gaps": {"usual_days": 60, "churn_days": 240},
    "lifecycle": {"new_days": 90, "second_days": 45},
}
examples = settings(max_examples=25)


def ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def bought(customer: str, *days: int, amount: float = 10) -> list[tuple]:
    """Return orders of one unit, so many days before the date."""
    return [(customer, ago(day), f"{customer}{n}", 1, amount) for n, day in enumerate(days)]


def said(remarks) -> list[str]:
    return [key for key, _ in remarks]


# Two rates


def test_two_rates_by_hand():
    above = pd.Series([True] * 4 + [False] * 10)
    back = pd.Series([True, True, True, False] + [True] * 2 + [False] * 8)
    rates = two_rates(above, back)
    assert (rates["above_customers"], rates["above_rate"]) == (4, 0.75)
    assert (rates["below_customers"], rates["below_rate"]) == (10, 0.2)


@examples
@given(st.integers(1, 300), st.floats(0, 1))
def test_intervals_of_rates_are_those_of_wilson(many, share):
    count, z = round(share * many), norm.ppf(0.975)
    back = pd.Series([True] * count + [False] * (many - count))
    rates = two_rates(pd.Series(True, index=back.index), back)
    rate, shrink = count / many, 1 + z**2 / many
    middle = (rate + z**2 / (2 * many)) / shrink
    width = z * np.sqrt(rate * (1 - rate) / many + z**2 / (4 * many**2)) / shrink
    assert rates["above_low"] == pytest.approx(max(middle - width, 0), abs=1e-9)
    assert rates["above_high"] == pytest.approx(min(middle + width, 1), abs=1e-9)


def test_a_side_without_customers_has_no_rate():
    rates = two_rates(pd.Series([True]), pd.Series([False]))
    assert rates["below_customers"] == 0
    assert np.isnan([rates[f"below_{name}"] for name in ("rate", "low", "high")]).all()
    empty = two_rates(pd.Series(dtype=bool), pd.Series(dtype=bool))
    assert (empty["above_customers"], empty["below_customers"]) == (0, 0)


def rates_of(above: int, below: int, above_back: int, below_back: int) -> dict[str, float]:
    is_above = pd.Series([True] * above + [False] * below)
    back = [place < above_back for place in range(above)]
    back += [place < below_back for place in range(below)]
    return two_rates(is_above, pd.Series(back))


@pytest.mark.parametrize(
    ("counts", "differs"),
    [
        ((100, 100, 80, 20), True),
        ((100, 100, 20, 80), True),
        ((100, 100, 50, 50), False),
        ((100, 100, 55, 45), False),
        ((30, 30, 30, 0), True),
        ((29, 300, 29, 0), False),
        ((300, 29, 0, 29), False),
        ((0, 300, 0, 20), False),
    ],
)
def test_two_sides_differ_where_neither_is_small_and_their_intervals_part(counts, differs):
    assert is_difference(rates_of(*counts)) is differs


@pytest.mark.parametrize(
    ("p_value", "differs"), [(0.001, True), (0.049, True), (0.05, False), (np.nan, True)]
)
def test_a_threshold_that_was_looked_for_has_to_be_beyond_chance_too(p_value, differs):
    rates = rates_of(100, 100, 80, 20)
    assert is_difference(rates | {"p_value": p_value}) == differs
    assert not is_difference(rates_of(100, 100, 50, 50) | {"p_value": 0.001})


# Means and ages


some_money = st.lists(st.integers(0, 500), min_size=2, max_size=30)
different_money = some_money.filter(lambda amounts: len(set(amounts)) > 1)


@examples
@given(different_money, different_money)
def test_the_difference_of_means_has_the_interval_of_welch(group, others):
    values = pd.Series([*group, *others], dtype=float)
    is_in = pd.Series([True] * len(group) + [False] * len(others))
    found = mean_difference(values, is_in)
    parts = [np.var(amounts, ddof=1) / len(amounts) for amounts in (group, others)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(amounts) - 1) for part, amounts in zip(parts, (group, others))
    )
    width = t.ppf(0.975, freedom) * np.sqrt(sum(parts))
    difference = np.mean(group) - np.mean(others)
    assert found["difference"] == pytest.approx(difference)
    assert found["low"] == pytest.approx(difference - width)
    assert found["high"] == pytest.approx(difference + width)
    assert (found["customers"], found["others"]) == (len(group), len(others))


@pytest.mark.parametrize(
    ("values", "is_in"),
    [
        ([5.0, 1.0, 2.0], [True, False, False]),
        ([5.0, 1.0, 2.0], [False, False, False]),
        ([5.0, 5.0, 5.0, 5.0], [True, True, False, False]),
        ([], []),
    ],
)
def test_where_too_few_or_equal_values_say_nothing_there_is_no_interval(values, is_in):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mean_difference(pd.Series(values, dtype=float), pd.Series(is_in, dtype=bool))
    assert np.isnan([found["low"], found["high"]]).all()


def test_a_group_that_spent_the_same_is_compared_without_a_warning():
    values = pd.Series([7.0, 7.0, 1.0, 2.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mean_difference(values, values == 7)
    assert found["difference"] == 5
    assert found["low"] < 5 < found["high"]


@pytest.mark.parametrize(
    ("days", "place"),
    [(0, 0), (7, 0), (8, 1), (30, 1), (31, 2), (90, 2), (91, 3), (365, 3), (366, 4), (9999, 4)],
)
def test_prospects_are_parted_by_age_after_a_week_a_month_a_quarter_and_a_year(days, place):
    counts = by_age(pd.Series([days]))["count"].tolist()
    assert counts == [int(place == other) for other in range(5)]


def test_ages_are_those_of_who_has_one():
    table = by_age(pd.Series([3, None, 400, None, 10], dtype="Int64"))
    assert table["count"].sum() == 3
    assert table["from"].tolist() == [0, 8, 31, 91, 366]
    assert table["to"].tolist()[:-1] == list(tables.AGES)
    assert by_age(pd.Series(dtype=float))["count"].tolist() == [0] * 5


# A shop whose customers return


def shop_rows(customers: int = 240, seed: int = 5) -> list[tuple]:
    """Order lines of three years: large first orders come back, some send things back."""
    random = np.random.default_rng(seed)
    rows, number = [], 0
    for customer in range(customers):
        who, is_large = f"c{customer:03d}", customer % 3 == 0
        day = date(2021, 7, 1) + timedelta(days=int(random.integers(0, 1080)))
        returns_much = customer % 12 == 0
        stay = 0.99 if returns_much else 0.95 if is_large else 0.45
        while day < AS_OF:
            number += 1
            units = 5 if is_large else 1
            rows.append((who, day.isoformat(), f"o{number:05d}", units, 12.0 * units))
            if returns_much or (customer % 4 == 0 and random.random() < 0.6):
                sent = (day + timedelta(days=7)).isoformat()
                back = 4 if returns_much else 1
                rows.append((who, sent, f"o{number:05d}", -back, -12.0 * back))
            if random.random() > stay:
                break
            day += timedelta(days=1 + int(random.exponential(60)))
    return rows


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    root = tmp_path_factory.mktemp("shop")
    write_rows(root / "orders.csv", shop_rows())
    write_rows(root / "customers.csv", [(f"p{n}", ago(n)) for n in range(1, 41)], HEADER[:2])
    registered = {
        "path": "customers.csv",
        "columns": {"customer": "customer", "registered": "date"},
    }
    params = params_of(customers=registered, **QUICK)
    study = Study(params, root=root, run_dir="run", as_of=AS_OF)
    yield study
    study.close()


def test_gaps_are_measured_once_and_said_in_order_of_length(shop):
    gaps = shop.rhythm.table.set_index("gap")
    assert gaps.index.tolist() == ["usual_gap", "churn_gap", "second_order", "new_customer"]
    assert gaps["days"].equals(gaps["measured_days"])
    assert not gaps["is_fixed"].any()
    days = gaps["days"]
    assert days["usual_gap"] == shop.gaps["usual_days"]
    assert days["churn_gap"] == shop.gaps["churn_days"]
    assert days["second_order"] <= days["new_customer"]
    assert days["usual_gap"] <= days["new_customer"]
    assert (gaps["naive_days"] <= gaps["measured_days"]).all()


def test_second_orders_are_counted_from_the_first_one(shop):
    buyers, curve = shop.buyers, shop.rhythm.second_waiting
    assert curve["returned"].sum() == (buyers["x"] > 0).sum()
    assert curve["at_risk"].iloc[0] == len(buyers)
    half = returned_by(curve, shop.rhythm.horizon_days, 0.5)
    assert shop.rhythm.measured["second_days"] == half == shop.lifecycle.second_days


def test_a_customer_is_new_until_three_in_four_second_orders_have_come(shop):
    late = returned_by(shop.rhythm.second_waiting, shop.rhythm.horizon_days, 0.75)
    assert shop.lifecycle.new_days == max(late, shop.gaps["usual_days"])


def test_rates_of_the_size_of_first_orders_are_those_counted_by_hand(shop):
    row = shop.stages.thresholds.set_index("threshold").loc["first_units"]
    assert row["units"] == 5
    old = shop.buyers[shop.buyers["tenure_days"] >= shop.rhythm.horizon_days]
    back = old["first_gap_days"] <= shop.rhythm.horizon_days
    large = old["first_units"] >= 5
    assert (row["above_customers"], row["below_customers"]) == (large.sum(), (~large).sum())
    assert row["above_rate"] == pytest.approx(back[large].mean())
    assert row["below_rate"] == pytest.approx(back[~large].mean())
    assert row["is_difference"]
    assert "threshold_first_units_differs" in said(shop.stages.threshold_remarks)


def test_late_customers_are_compared_with_all_of_them(shop):
    row = shop.stages.thresholds.set_index("threshold").loc["second_days"]
    old = shop.buyers[shop.buyers["tenure_days"] >= shop.rhythm.horizon_days]
    gap = old["first_gap_days"].astype(float)
    late = ~(gap <= shop.lifecycle.second_days)
    assert (row["above_customers"], row["below_customers"]) == (late.sum(), len(old))
    back = gap <= shop.rhythm.horizon_days
    assert row["above_rate"] == pytest.approx(back[late].mean())
    assert row["below_rate"] == pytest.approx(back.mean())
    assert row["above_rate"] < row["below_rate"]


def test_each_threshold_has_its_own_unit_and_only_the_looked_for_one_a_chance(shop):
    table = shop.stages.thresholds.set_index("threshold")
    units = table[["units", "amount", "days", "share"]]
    assert (units.notna().sum(axis=1) == 1).all()
    assert table["p_value"].notna().tolist() == [True, False, False, False]
    model = shop.lifecycle
    assert units.loc["first_amount", "amount"] == model.high_potential_amount_
    assert units.loc["return_rate", "share"] == model.frequent_rate_


def test_returns_of_active_customers_add_up_and_the_total_is_everybody(shop):
    table = shop.stages.returns.set_index("segment")
    assert set(table.index) == {"frequent", "some", "none", "total"}
    customers = shop.customers
    total = table.loc["total"]
    assert total["customers"] == len(customers)
    for name in ("gross", "returned", "revenue"):
        assert total[name] == pytest.approx(customers[name].sum())
    assert total["return_rate"] == pytest.approx(
        (customers["return_rate"] * customers["units"]).sum() / customers["units"].sum()
    )
    assert (table["gross"] - table["returned"]).to_numpy() == pytest.approx(table["revenue"])
    parts = table.drop("total")
    assert parts["customers"].sum() == (shop.segments["lifecycle"] == "active").sum()
    assert parts.loc["none", "returned"] == 0
    assert parts["return_rate"].idxmax() == "frequent"


def test_returners_are_tested_on_what_they_bought_after_the_cut(shop):
    assert shop.evidence.ready
    rows = shop.stages.return_tests.set_index("who")
    assert set(rows["counted_in"]) == {"after_the_cut"}
    tested = shop.evidence.tested
    active = tested[tested["lifecycle"] == "active"]
    returners = active["returns"] != "none"
    row = rows.loc["returners"]
    assert (row["customers"], row["others"]) == (returners.sum(), (~returners).sum())
    assert row["mean"] == pytest.approx(active.loc[returners, "revenue_after"].mean())
    assert row["mean_others"] == pytest.approx(active.loc[~returners, "revenue_after"].mean())
    assert rows.loc["frequent_returners", "customers"] == (active["returns"] == "frequent").sum()


def test_flags_are_counted_stage_by_stage(shop):
    table = shop.stages.flags.set_index("segment")
    sizes = shop.segments["lifecycle"].value_counts()
    assert table.index.tolist() == [*(key for key in STAGES if key in sizes), "total"]
    parts = table.drop("total")
    assert parts["customers"].to_dict() == sizes.to_dict()
    assert (
        parts[["customers", "high_value"]].sum().tolist()
        == table.loc["total", ["customers", "high_value"]].tolist()
    )
    assert table.loc["prospect", "high_value"] == 0
    share = table["high_value"] / table["customers"]
    assert table["high_value_share"].to_numpy() == pytest.approx(share)
    assert table.loc["total", "high_value"] >= 0.2 * len(shop.buyers)


def test_prospects_are_counted_by_age_and_as_registered(shop):
    terms = shop.stages.prospect_terms
    assert (
        terms["registered"] == terms["customers"] - shop.stages.prospects["registered"].isna().sum()
    )
    assert terms["recent"] == 14 == terms["days"]
    assert (terms["seen"], terms["carts"]) == (0, 0)
    assert shop.stages.prospect_ages["count"].tolist() == [7, 23, 10, 0, 0]


def test_views_are_those_that_somebody_is_in(shop):
    assert shop.stages.views == [
        "registration", "new_potential", "returns", "order_size", "churn_speed",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_remark_has_a_sentence_with_all_its_fields(shop, language):
    texts, formats = Texts(language), Formats(f"{language}_US", "USD")
    stages = shop.stages
    remarks = [
        *shop.rhythm.remarks,
        *stages.threshold_remarks,
        *stages.return_remarks,
        *stages.prospect_remarks,
    ]
    assert len(remarks) >= 9
    for key, fields in remarks:
        assert "—" not in texts.say(key, formats, **fields), key


# Small bases


def test_gaps_that_the_parameters_fix_take_the_place_of_what_was_measured(make_study):
    study = make_study(shop_rows(), as_of=AS_OF, **FIXED, **QUICK)
    gaps = study.rhythm.table.set_index("gap")
    assert gaps["days"].tolist() == [60, 240, 45, 90]
    assert gaps["is_fixed"].all()
    assert gaps["measured_days"].notna().all()
    assert gaps.loc["churn_gap", "measured_days"] != 240
    assert study.rhythm.remarks[-1] == ("gaps_fixed", {"gaps": 4})
    model = study.lifecycle
    given = (model.usual_days, model.churn_days, model.second_days, model.new_days)
    assert given == (60, 240, 45, 90)


def test_one_fixed_gap_is_said_to_be_one(make_study):
    study = make_study(shop_rows(), as_of=AS_OF, lifecycle={"new_days": 90}, **QUICK)
    assert study.rhythm.remarks[-1] == ("gaps_fixed", {"gaps": 1})
    assert study.rhythm.table.set_index("gap")["is_fixed"].sum() == 1


def test_where_nobody_came_back_there_is_no_gap_and_nobody_is_lost_or_new(make_study):
    rows = [*bought("ana", 900), *bought("bea", 5), *bought("leo", 300)]
    study = make_study(rows, as_of=AS_OF, **QUICK)
    stages = study.stages
    assert said(study.rhythm.remarks) == ["gaps_none"]
    assert study.rhythm.table[["days", "measured_days", "naive_days"]].isna().all(axis=None)
    assert study.rhythm.marked == {}
    assert set(study.lifecycle.predict(study.customers)) == {"active"}
    assert said(stages.threshold_remarks) == ["thresholds_unknown"]  # once, not for each


def test_few_gaps_are_said_to_be_few(make_study):
    study = make_study([*bought("ana", 100, 50), *bought("bea", 10)], as_of=AS_OF, **QUICK)
    assert "gaps_few" in said(study.rhythm.remarks)


def test_few_customers_leave_no_verdict_on_any_threshold(make_study):
    rows = [line for n in range(6) for line in bought(f"c{n}", 800 + n, 700, 30)]
    stages = make_study(rows, as_of=AS_OF, **FIXED, **QUICK).stages
    table = stages.thresholds.set_index("threshold")
    assert not table["is_difference"].any()
    assert np.isnan(table.loc["first_units", "units"])
    assert not any(key.endswith("differs") for key in said(stages.threshold_remarks))


def test_without_a_test_of_the_past_returners_are_compared_in_the_period(make_study):
    rows = [line for n in range(12) for line in bought(f"c{n:02d}", 150, 100, 20, amount=10 + n)]
    back = [(f"c{n:02d}", ago(15), f"c{n:02d}2", -1, -(10 + n)) for n in range(4)]
    study = make_study([*rows, *back], as_of=AS_OF, **FIXED, **QUICK)
    assert not study.evidence.ready
    row = study.stages.return_tests.set_index("who").loc["returners"]
    assert row["counted_in"] == "in_the_period"
    assert (row["customers"], row["others"]) == (4, 8)
    assert row["mean"] == pytest.approx(np.mean([20, 22, 24, 26]))
    assert said(study.stages.return_remarks)[1:] == ["returns_unsure", "returns_unsure"]
    assert study.stages.thresholds.set_index("threshold").loc["return_rate", "above_customers"] == 0


def test_without_returns_there_is_nothing_to_say_of_them(make_study):
    stages = make_study(bought("ana", 100, 50), as_of=AS_OF, **FIXED, **QUICK).stages
    assert not stages.has_returns
    assert stages.return_remarks == [("returns_nothing", {})]
    assert stages.returns["segment"].tolist() == ["none", "total"]


def test_prospects_are_described_or_said_to_be_missing(make_study):
    alone = make_study(bought("ana", 100, 50), as_of=AS_OF, **FIXED, **QUICK).stages
    assert said(alone.prospect_remarks) == ["prospects_none"]
    assert alone.viewed.empty
    events = [
        ("zoe", ago(3), "view", "p1"),
        ("zoe", ago(3), "view", "p1"),
        ("zoe", ago(2), "cart", "p2"),
        ("eva", ago(40), "view", "p1"),
        ("ana", ago(9), "view", "p3"),
    ]
    registered = [("zoe", ago(400)), ("leo", ""), ("ana", ago(200))]
    study = make_study(
        bought("ana", 100, 50), events=events, customers=registered, as_of=AS_OF,
        run_dir="seen", **FIXED, **QUICK,
    )  # fmt: skip
    terms = study.stages.prospect_terms
    counts = {name: terms[name] for name in ("customers", "registered", "seen", "carts", "recent")}
    assert counts == {"customers": 3, "registered": 1, "seen": 2, "carts": 1, "recent": 0}
    assert terms["share"] == pytest.approx(3 / 4)
    assert study.stages.prospect_ages["count"].tolist() == [0, 0, 1, 0, 1]
    viewed = study.stages.viewed.set_index("viewed")
    assert viewed["customers"].to_dict() == {"p1": 2, "p2": 1}
    assert viewed["events"].to_dict() == {"p1": 3, "p2": 1}


def test_prospects_without_a_known_date_are_not_passed_over_in_silence(make_study):
    registered = [("leo", ""), ("eva", "")]
    stages = make_study(
        bought("ana", 100, 50), customers=registered, as_of=AS_OF, **FIXED, **QUICK
    ).stages
    assert stages.prospect_terms["customers"] == 2
    assert stages.prospect_remarks


def test_who_keeps_no_order_is_told_apart_from_prospects(make_study):
    rows = [*bought("ana", 100, 50), *bought("bea", 30), ("bea", ago(20), "bea0", -1, -10)]
    stages = make_study(rows, as_of=AS_OF, **FIXED, **QUICK).stages
    assert stages.prospect_remarks == [
        ("prospects_none", {}),
        ("prospects_returned", {"customers": 1}),
    ]
    assert stages.prospects.empty


def test_discounts_are_flagged_only_where_the_log_tells_them(make_study, shop):
    rows = [(*line, line[3] * 0.1) for line in [*bought("ana", 100, 50), *bought("bea", 30)]]
    header = ("customer", "date", "order", "quantity", "amount", "discount")
    rows[-1] = (*rows[-1][:-1], 0)
    told = make_study(rows, header=header, as_of=AS_OF, **FIXED, **QUICK).stages.flags
    by_stage = told.set_index("segment")
    assert by_stage["discount_driven"].to_dict() == {"new": 0, "active": 1, "total": 1}
    assert "discount_driven" not in shop.stages.flags


# Real data


@pytest.mark.slow
def test_the_demo_shop_has_a_lifecycle_with_everything_in_it(tmp_path):
    plain = load_params("params/tienda_demo.yaml").plain()
    study = Study(check_params({**plain, "clv": QUICK["clv"]}), run_dir=tmp_path)
    stages = study.stages
    gaps = study.rhythm.table.set_index("gap")
    assert (gaps["naive_days"] < gaps["days"]).all()
    assert said(study.rhythm.remarks) == ["gaps_measured", "gaps_naive"]
    counts = study.lifecycle.predict(study.customers).value_counts()
    assert (counts.reindex(STAGES) > 0).all()
    assert len(stages.prospects) == counts["prospect"]
    rows = stages.thresholds.set_index("threshold")
    assert rows.loc["second_days", "is_difference"]
    assert len(stages.viewed) > 0
    study.close()


@pytest.mark.slow
def test_returns_of_superstore_are_the_published_ones(real_data, make_study):
    columns = {
        "customer": "Customer ID", "date": "Order Date", "order": "Order ID",
        "quantity": "Quantity", "amount": "Sales",
    }  # fmt: skip
    orders = {"path": str(real_data("superstore_orders.parquet")), "columns": columns}
    back = {"path": str(real_data("superstore_returns.parquet")), "columns": {"order": "Order ID"}}
    study = make_study([], orders=orders, returns=back, **QUICK)
    assert study.customers["returned"].sum() == pytest.approx(180_504.28, abs=0.01)
    assert study.customers["returns"].sum() == 296
    views = study.lifecycle.views(study.customers)["returns"]
    active = study.customers[views.notna()]
    assert ((active["returns"] > 0) == (views.dropna() != "none")).all()
    total = study.stages.returns.set_index("segment").loc["total"]
    assert total["gross"] == pytest.approx(2_297_200.86, abs=0.01)
    assert total["returned"] == pytest.approx(180_504.28, abs=0.01)
