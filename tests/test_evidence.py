"""Evidence is out of time: nothing after the cut moves a fit, and the tables say what happened."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from made_logs import params_of, write_rows

from segkit.analysis import evidence
from segkit.errors import DataError, SegkitError
from segkit.params import SEGMENTATIONS
from segkit.segments import VIEWED_STAGE, VIEWS
from segkit.study.study import Study

AS_OF, CUT = date(2024, 1, 1), date(2023, 1, 1)


def shop_rows(customers=260, seed=7):
    """Order lines of a small shop: some buy often, some leave; two and a half years."""
    random = np.random.default_rng(seed)
    rows, number = [], 0
    for customer in range(customers):
        day = date(2021, 7, 1) + timedelta(days=int(random.integers(0, 700)))
        rate, leaves = random.gamma(0.8, 0.03), random.beta(1.0, 4.0)
        while day < AS_OF:
            number += 1
            amount = round(float(random.gamma(6, 8)), 2)
            rows.append((f"c{customer:03d}", day.isoformat(), f"o{number:05d}", 1, amount))
            if number % 9 == 0:  # now and then a second order on the same day
                rows.append((f"c{customer:03d}", day.isoformat(), f"o{number:05d}b", 1, amount))
            if random.random() < leaves:
                break
            day += timedelta(days=1 + int(random.exponential(1 / rate)))
    return rows


def absurd_rows():
    """Lines after the cut that no model should ever know of: old customers, new ones, huge sums."""
    days = [CUT + timedelta(days=step) for step in range(0, 365, 9)]
    old = [
        (f"c{place:03d}", day.isoformat(), f"x{place}-{day}", 50, 9e6)
        for place in range(0, 260, 5)
        for day in days
    ]
    new = [
        (f"n{place}", day.isoformat(), f"y{place}-{day}", 1, 0.01)
        for place in range(40)
        for day in days
    ]
    return [*old, *new]  # fmt: skip


def of_the_past(study):
    """Everything that a study says at the cut."""
    then = study.evidence.then
    return {
        "customers": then.customers,
        "segments": then.segments,
        "clv": then.clv,
        "waiting": then.rhythm.waiting,
        "edges": then.rfm.edges(),
        "thresholds": then.clv_segments.thresholds(),
        "states": [then.forecast.value.to_state(), then.clusters.to_state(), then.gaps],
        "choice": then.forecast.choice,
    }


def quick(**given):
    """Parameters with few resamples."""
    tested = {"resamples": 50} | given.pop("evidence", {})
    return {"clv": {"resamples": 5}, "clusters": {"k": 4}, "evidence": tested} | given


@pytest.fixture
def make_shop(make_study):
    """Return a function that opens a study of the shop."""
    return lambda rows, run_dir="run", **given: make_study(
        rows, as_of=AS_OF, run_dir=run_dir, **quick(**given)
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One study of the shop, which tests look at and leave as it was."""
    folder = tmp_path_factory.mktemp("shop")
    write_rows(folder / "orders.csv", shop_rows())
    study = Study(params_of(**quick()), root=folder, run_dir="run", as_of=AS_OF)
    yield study
    study.close()


@pytest.mark.slow
def test_no_line_after_the_cut_can_change_what_was_fitted_before_it(make_shop):
    plain = of_the_past(make_shop(shop_rows(), run_dir="plain"))
    absurd = of_the_past(make_shop([*shop_rows(), *absurd_rows()], run_dir="absurd"))
    for name, before in plain.items():
        if isinstance(before, pd.DataFrame):
            pd.testing.assert_frame_equal(before, absurd[name], obj=name)
        else:
            assert before == absurd[name], name


@pytest.mark.slow
def test_absurd_lines_do_change_what_happened_after_the_cut(make_shop):
    plain = make_shop(shop_rows(), run_dir="plain").evidence
    before = plain.tested
    after = make_shop([*shop_rows(), *absurd_rows()], run_dir="absurd").evidence.tested
    assert after["revenue_after"].sum() > 1000 * before["revenue_after"].sum()
    same = ["customer_id", "x", "expected_orders", "expected_value", "past_revenue", "last_period"]
    same += plain.segmentations
    pd.testing.assert_frame_equal(before[same], after[same])


def test_outcomes_are_what_the_lines_after_the_cut_add_up_to(shop):
    lines = pd.DataFrame(shop_rows(), columns=["customer", "day", "order", "units", "amount"])
    after = lines[lines["day"] >= CUT.isoformat()].groupby("customer")
    tested = shop.evidence.tested.set_index("customer_id")
    known = tested.index
    expected = after["amount"].sum().reindex(known, fill_value=0.0)
    assert tested["revenue_after"].to_numpy() == pytest.approx(expected.to_numpy())
    orders = after["order"].nunique().reindex(known, fill_value=0)
    assert tested["orders_after"].tolist() == orders.tolist()
    days = after["day"].nunique().reindex(known, fill_value=0)
    assert tested["days_after"].tolist() == days.tolist()
    assert tested["orders_after"].sum() > tested["days_after"].sum()


def test_only_buyers_of_before_the_cut_are_tested(shop):
    first = {}
    for customer, day, *_ in shop_rows():
        first[customer] = min(day, first.get(customer, day))
    joined = {customer for customer, day in first.items() if day < CUT.isoformat()}
    assert set(shop.evidence.tested["customer_id"]) == joined


def test_every_segmentation_is_tested_and_its_segments_add_up(shop):
    segments, tested = shop.evidence.segments, shop.evidence.tested
    assert list(segments["segmentation"].unique()) == list(SEGMENTATIONS)
    for _, rows in segments.groupby("segmentation"):
        parts, total = rows[rows["segment"] != "total"], rows[rows["segment"] == "total"]
        assert parts["customers"].sum() == total["customers"].item() == len(tested)
        assert parts["revenue_after"].sum() == pytest.approx(total["revenue_after"].item())
        assert parts["revenue_after_share"].sum() == pytest.approx(1)


def test_views_are_tested_on_the_customers_who_were_in_them_at_the_cut(shop):
    views, tested = shop.evidence.views, shop.evidence.tested
    assert list(views.columns) == list(shop.evidence.segments.columns)
    found = list(views["segmentation"].unique())
    assert found == [view for view in VIEWS if tested[view].notna().any()]
    assert {"new_potential", "returns", "churn_speed"} <= set(found)
    for view in found:
        inside = tested[tested["lifecycle"] == VIEWED_STAGE[view]]
        rows = views[views["segmentation"] == view].set_index("segment")
        assert rows.loc["total", "customers"] == len(inside)
        parts = rows.drop("total")
        assert parts["customers"].to_dict() == inside[view].value_counts().to_dict()
        by_value = inside.groupby(view)["revenue_after"].mean().to_dict()
        assert parts["revenue_per_customer"].to_dict() == pytest.approx(by_value)
        repurchased = inside.groupby(view)["orders_after"].agg(lambda orders: (orders > 0).mean())
        assert parts["repurchase_rate"].to_dict() == pytest.approx(repurchased.to_dict())


def test_views_of_the_test_are_those_of_a_study_at_the_cut(shop):
    then = shop.evidence.then
    known = then.segments.set_index("customer_id")
    tested = shop.evidence.tested.set_index("customer_id")
    pd.testing.assert_frame_equal(
        tested[list(VIEWS)], known.loc[tested.index, list(VIEWS)], check_dtype=False
    )
    labels = then.label("new_potential", then.customers).set_axis(then.customers["customer_id"])
    assert labels.dropna().to_dict() == tested["new_potential"].dropna().to_dict()


def test_views_are_not_ranked_among_the_segmentations_of_the_whole_base(shop):
    rankings = shop.evidence.rankings
    ranked = rankings.loc[rankings["kind"] == "segmentation", "ranking"]
    assert set(ranked) == set(SEGMENTATIONS)


def test_segment_intervals_hold_the_observed_figure(shop):
    segments = shop.evidence.segments
    large = segments[segments["customers"] >= 20]
    for name in ("repurchase_rate", "revenue_per_customer"):
        assert (large[f"{name}_low"] <= large[name]).all()
        assert (large[name] <= large[f"{name}_high"]).all()


def test_models_and_simple_rules_stand_in_one_table(shop):
    models = shop.evidence.models
    assert set(models["model"]) == {
        "bg_nbd", "mbg_nbd", "pareto_nbd", "same_again", "steady_pace",
    }  # fmt: skip
    assert models["rmse"].is_monotonic_increasing
    assert models["is_rule"].sum() == 2


def errors_of(**rmse):
    rows = [(name, error, name.endswith(("again", "pace"))) for name, error in rmse.items()]
    return pd.DataFrame(rows, columns=["model", "rmse", "is_rule"]).sort_values("rmse")


def test_a_simple_rule_that_errs_less_than_every_model_is_named_beside_the_best_of_them(
    monkeypatch, shop
):
    monkeypatch.setitem(
        vars(shop.holdout), "models", errors_of(bg_nbd=3.0, mbg_nbd=2.0, same_again=1.0)
    )
    fields = {"model": "mbg_nbd", "rmse": 2.0, "months": 12, "rule": "same_again", "rule_rmse": 1.0}
    assert shop.evidence.beaten == [("clv_model_beaten", fields)]


@pytest.mark.parametrize(
    "errors",
    [errors_of(mbg_nbd=1.0, same_again=2.0), errors_of(same_again=2.0), errors_of()],
    ids=["a model is best", "no model", "nothing"],
)
def test_no_rule_is_said_to_beat_models_that_it_does_not_beat(monkeypatch, shop, errors):
    monkeypatch.setitem(vars(shop.holdout), "models", errors)
    assert shop.evidence.beaten == []


def test_the_last_period_is_as_long_as_the_test(shop):
    lines = pd.DataFrame(shop_rows(), columns=["customer", "day", "order", "units", "amount"])
    before = lines[(lines["day"] >= "2022-01-01") & (lines["day"] < "2023-01-01")]
    sums = before.groupby("customer")["amount"].sum()
    tested = shop.evidence.tested.set_index("customer_id")
    expected = sums.reindex(tested.index, fill_value=0.0)
    assert tested["last_period"].to_numpy() == pytest.approx(expected.to_numpy())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"evidence": {"horizon_months": 24}}, "short_history"),
        ({"evidence": {"min_customers": 5000}}, "few_customers"),
        ({"evidence": {"min_repeat_buyers": 5000}}, "few_repeat_buyers"),
    ],
)
def test_a_weak_test_is_refused_with_what_is_missing(make_shop, given, reason):
    study = make_shop(shop_rows(), **given)
    problem = study.evidence.problem
    assert problem["reason"] == reason
    assert problem["found"] < problem["needed"]
    with pytest.raises(SegkitError, match=reason):
        _ = study.evidence.tested
    assert study.evidence.why_not == [(f"evidence_{reason}", problem)]
    assert study.evidence.said == []


def test_customers_without_any_revenue_after_the_cut_leave_nothing_to_compare(make_shop):
    rows = [row for row in shop_rows() if row[1] < CUT.isoformat()]
    study = make_shop([*rows, ("late", "2023-12-31", "z1", 1, 5.0)])
    assert study.evidence.problem["reason"] == "no_revenue"


@pytest.mark.parametrize(
    ("rule_gini", "key"),
    [(0.5, "evidence_baseline"), (0.59, "evidence_baseline"), (0.61, "evidence_baseline_better")],
)
def test_a_simple_rule_is_called_better_only_beyond_the_interval(monkeypatch, shop, rule_gini, key):
    columns = ["ranking", "kind", "gini", "gini_low", "gini_high", "top10", "top20", "top50"]
    rows = [
        ("families", "segmentation", 0.55, 0.5, 0.6, 0.3, 0.5, 0.9),
        ("clv_model", "model", 0.58, 0.5, 0.6, 0.3, 0.5, 0.9),
        ("recency", "baseline", rule_gini, 0.4, 0.7, 0.3, 0.5, 0.9),
    ]
    monkeypatch.setitem(vars(shop.evidence), "rankings", pd.DataFrame(rows, columns=columns))
    keys = [said for said, _ in shop.evidence.verdicts]
    assert keys == ["evidence_best", "evidence_model", key]


def test_segments_that_separate_nothing_are_said_to(monkeypatch, shop):
    columns = ["ranking", "kind", "gini", "gini_low", "gini_high", "top10", "top20", "top50"]
    rows = [
        ("families", "segmentation", 0.02, -0.03, 0.07, 0.1, 0.2, 0.5),
        ("random", "baseline", 0.0, -0.05, 0.05, 0.1, 0.2, 0.5),
    ]
    monkeypatch.setitem(vars(shop.evidence), "rankings", pd.DataFrame(rows, columns=columns))
    assert [said for said, _ in shop.evidence.verdicts] == ["evidence_nothing"]


# Cut by cut ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cuts_of():
    """Small tables of two cuts, by hand."""
    one = pd.DataFrame(
        {
            "families": ["a", "a", "b", "b"],
            "orders_after": [1, 0, 0, 0],
            "revenue_after": [30.0, 10.0, 0.0, 0.0],
            "expected_value": [20.0, 20.0, 1.0, 1.0],
        }
    )
    two = one.assign(revenue_after=[10.0, 10.0, 20.0, 0.0], orders_after=[1, 1, 1, 0])
    return [
        evidence.segment_means(table, ["families"]).assign(cut=cut)
        for table, cut in ((one, pd.Timestamp("2023-01-01")), (two, pd.Timestamp("2022-10-01")))
    ]


def test_segments_of_a_cut_are_means_of_its_customers(cuts_of):
    table = cuts_of[0].set_index("segment")
    assert table.loc["a", ["customers", "repurchase_rate"]].tolist() == [2, 0.5]
    assert table.loc["a", "revenue_per_customer"] == 20
    assert table.loc["a", "times_the_base"] == 2
    assert table.loc["a", "expected_per_customer"] == 20


def test_over_the_cuts_segments_have_a_mean_and_its_ends(cuts_of):
    table = evidence.segment_spread(pd.concat(cuts_of)).set_index("segment")
    assert list(table.index) == ["a", "b"]
    assert table.loc["a", "cuts"] == 2
    ends = ["revenue_per_customer_lowest", "revenue_per_customer", "revenue_per_customer_highest"]
    assert table.loc["a", ends].tolist() == [10, 15, 20]
    assert table.loc["b", ends].tolist() == [0, 5, 10]
    assert table.loc["a", "repurchase_rate"] == 0.75


def test_rankings_over_the_cuts_have_a_mean_and_its_ends():
    columns = ["ranking", "kind", "gini", "top10", "top20", "top50", "cut"]
    rows = [
        ("families", "segmentation", 0.5, 0.3, 0.5, 0.9, "one"),
        ("families", "segmentation", 0.3, 0.1, 0.3, 0.7, "two"),
        ("recency", "baseline", 0.45, 0.2, 0.4, 0.8, "one"),
        ("recency", "baseline", 0.45, 0.2, 0.4, 0.8, "two"),
    ]
    table = evidence.ranking_spread(pd.DataFrame(rows, columns=columns)).set_index("ranking")
    assert list(table.index) == ["recency", "families"]
    own = table.loc["families", ["cuts", "gini_lowest", "gini", "gini_highest", "top20"]]
    assert own.tolist() == pytest.approx([2, 0.3, 0.4, 0.5, 0.4])


def test_chances_leave_out_customers_of_whom_nothing_was_said():
    table = pd.DataFrame({"p_order": [0.2, np.nan, 0.6], "orders_after": [0, 5, 1]})
    row = evidence.chances(table).iloc[0]
    assert row.tolist() == pytest.approx([2, 0.4, 0.5])


def test_the_latest_cut_is_the_test_that_is_told_in_full(shop):
    tested, cut = shop.evidence.tested, pd.Timestamp(CUT)
    assert shop.evidence.cuts == [CUT]
    for name in SEGMENTATIONS:
        by_cut = shop.evidence.by_cut(name).set_index("segment")
        assert (by_cut["cut"] == cut).all()
        whole = shop.evidence.of(name).set_index("segment").drop("total")
        rates = whole["repurchase_rate"].to_dict()
        assert by_cut["repurchase_rate"].to_dict() == pytest.approx(rates)
    row = shop.evidence.chances.iloc[0]
    assert row["p_order"] == pytest.approx(tested["p_order"].mean())
    assert row["ordered"] == pytest.approx((tested["orders_after"] > 0).mean())
    revenue = shop.evidence.rolling_revenue.iloc[0]
    assert revenue["actual"] == pytest.approx(tested["revenue_after"].sum())
    assert revenue["predicted"] == pytest.approx(tested["expected_value"].sum())


def test_what_is_said_over_the_cuts_names_the_best_and_the_best_simple_rule(shop):
    [(key, fields)] = shop.evidence.best_over_cuts
    table = shop.evidence.rolling_rankings.set_index("ranking")
    assert key == "rolling_best" and fields["cuts"] == 1
    kinds = table["kind"]
    assert fields["best"] == kinds[kinds == "segmentation"].index[0]
    assert fields["rule"] == kinds[kinds == "baseline"].index[0]
    assert fields["lowest"] == fields["highest"] == table.loc[fields["best"], "gini"]


# The tables themselves ----------------------------------------------------------------


def table_of(revenue, **columns):
    count = len(revenue)
    base = {
        "orders_after": (np.asarray(revenue) > 0).astype(float),
        "revenue_after": np.asarray(revenue, dtype=float),
        "expected_value": np.asarray(revenue, dtype=float),
        "past_revenue": np.ones(count),
        "recency": np.zeros(count),
        "last_period": np.ones(count),
        "random": np.arange(count, dtype=float),
        "families": ["all"] * count,
    }
    return pd.DataFrame(base | columns)


def test_a_ranking_that_knows_nothing_has_a_gini_of_zero():
    table = evidence.rankings(table_of([0, 1, 2, 3]), ["families"], resamples=10)
    by_name = table.set_index("ranking")
    assert by_name.loc["families", "gini"] == pytest.approx(0)
    assert by_name.loc["past_revenue", "gini"] == pytest.approx(0)
    assert by_name.loc["past_revenue", "top50"] == pytest.approx(0.5)


def test_a_perfect_ranking_has_the_gini_of_the_revenue_itself():
    # Sorted 3, 2, 1, 0 of 6: areas under the gain curve 1/8 (3 + 8 + 11 + 12) / 6 ... by hand 5/12.
    table = evidence.rankings(table_of([0, 1, 2, 3]), ["families"], resamples=10)
    model = table.set_index("ranking").loc["clv_model"]
    assert model["gini"] == pytest.approx(5 / 12)
    assert model["top50"] == pytest.approx(5 / 6)


def test_a_ranking_the_wrong_way_round_is_below_zero():
    table = evidence.rankings(
        table_of([3, 2, 1, 0], past_revenue=[0.0, 1, 2, 3]), ["families"], resamples=10
    )
    assert table.set_index("ranking").loc["past_revenue", "gini"] == pytest.approx(-5 / 12)


def test_rankings_do_not_depend_on_the_order_of_rows():
    random = np.random.default_rng(0)
    table = table_of(random.gamma(0.3, 50, 200), families=random.choice(list("abc"), 200))
    shuffled = table.sample(frac=1, random_state=1)
    columns = ["ranking", "gini", "top10", "top20", "top50"]
    one, two = (
        evidence.rankings(each, ["families"], resamples=5)[columns].sort_values("ranking")
        for each in (table, shuffled)
    )
    pd.testing.assert_frame_equal(one.reset_index(drop=True), two.reset_index(drop=True))


def test_segments_are_ranked_by_the_value_expected_of_their_customers():
    table = table_of(
        [10, 0, 0, 0], families=["a", "a", "b", "b"], expected_value=[1.0, 1.0, 5.0, 5.0]
    )
    gini = evidence.rankings(table, ["families"], resamples=5).set_index("ranking")["gini"]
    assert gini["families"] == pytest.approx(-0.5)


def test_without_predictions_segments_are_ranked_by_past_revenue():
    table = table_of(
        [10, 0], families=["a", "b"], expected_value=[np.nan] * 2, past_revenue=[9.0, 1.0]
    )
    rankings = evidence.rankings(table, ["families"], resamples=5).set_index("ranking")
    assert rankings.loc["families", "gini"] == pytest.approx(0.5)
    assert "clv_model" not in rankings.index


def test_gain_curves_begin_at_nothing_and_end_at_everything():
    table = table_of([5, 1, 0, 2], families=list("aabb"))
    curves = evidence.gain_curves(table, ["families"], ["families", "clv_model", "random"])
    for _, curve in curves.groupby("ranking"):
        assert curve["revenue_share"].iloc[0] == 0
        assert curve["revenue_share"].iloc[-1] == pytest.approx(1)
    best = curves[curves["ranking"] == "clv_model"]
    assert (best["revenue_share"] >= best["customers_share"] - 1e-12).all()


def test_calibration_splits_customers_into_tenths_of_the_predictions():
    table = table_of(np.arange(100.0), expected_orders=np.arange(100.0))
    deciles = evidence.calibration(table, "expected_orders", "revenue_after", resamples=50)
    assert deciles["customers"].tolist() == [10] * 10
    assert deciles["predicted"].iloc[0] == pytest.approx(94.5)
    assert (deciles["predicted"] == deciles["actual"]).all()
    assert (deciles["actual_low"] <= deciles["actual"]).all()
    assert (deciles["actual"] <= deciles["actual_high"]).all()


def test_prediction_errors_by_hand():
    actual = pd.Series([0.0, 2.0, 4.0])
    errors = evidence.prediction_errors(
        {"flat": pd.Series([2.0, 2.0, 2.0]), "exact": actual.copy()}, actual
    ).set_index("model")
    assert errors.index[0] == "exact"
    assert errors.loc["flat", "mae"] == pytest.approx(4 / 3)
    assert errors.loc["flat", "rmse"] == pytest.approx(np.sqrt(8 / 3))
    assert np.isnan(errors.loc["flat", "rank_correlation"])
    assert errors.loc["exact", "rank_correlation"] == pytest.approx(1)
    assert errors["total_ratio"].tolist() == [1.0, 1.0]


def test_predictions_of_other_rows_are_refused():
    with pytest.raises(DataError, match="different rows"):
        evidence.prediction_errors({"x": pd.Series([1.0], index=[7])}, pd.Series([1.0]))
