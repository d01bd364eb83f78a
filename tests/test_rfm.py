"""RFM scores: hand-computed edges, ties, gated frequency, families, cells and the fitted state."""

from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.errors import DataError, SegkitError
from segkit.segments import RFM
from segkit.segments.rfm import FAMILIES, SUB_SEGMENTS, quantile_edges, rhythm_edges


def customer_table(recency, orders, revenue) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "customer_id": pd.array([f"c{place:04d}" for place in range(len(orders))], dtype="str"),
            "recency_days": pd.array(recency, dtype="Float64").to_numpy(float, na_value=np.nan),
            "orders": np.asarray(orders, dtype="int64"),
            "revenue": np.asarray(revenue, dtype=float),
        }
    )
    return table.assign(aov=table["revenue"] / table["orders"].where(table["orders"] > 0))


def ten_customers() -> pd.DataFrame:
    return customer_table(
        recency=range(10, 101, 10),
        orders=[1, 1, 1, 1, 1, 1, 2, 3, 4, 5],
        revenue=range(100, 1001, 100),
    )


def scored(customers: pd.DataFrame, **params) -> pd.DataFrame:
    return RFM(**params).fit(customers).predict(customers)


buyers = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 6), st.integers(1, 40)), min_size=1, max_size=60
).map(lambda rows: customer_table(*zip(*rows)))
params = st.fixed_dictionaries(
    {
        "frequency_bins": st.sampled_from(["gated", "quantile"]),
        "monetary": st.sampled_from(["total", "mean"]),
    }
)


def test_scores_of_ten_customers_are_those_computed_by_hand():
    # Type-7 fifths of 10, 20, .., 100 are 28, 46, 64, 82; the least days score 5.
    scores = scored(ten_customers())
    assert scores["r"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]
    assert scores["m"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    # Quarters of the repeat buyers' 2, 3, 4, 5 are 2.75, 3.5, 4.25.
    assert scores["f"].tolist() == [1, 1, 1, 1, 1, 1, 2, 3, 4, 5]
    assert scores["cell"].tolist()[:2] == ["511", "511"]
    assert scores["cell"].tolist()[-1] == "155"


def test_edges_are_type_7_quantiles_of_the_buyers_with_open_ends():
    edges = RFM().fit(ten_customers()).edges()
    columns = ["measure", "score", "from", "to", "customers", "share", "reason"]
    assert list(edges.columns) == columns
    recency = edges[edges["measure"] == "recency"].set_index("score")
    assert recency["to"].dropna().tolist() == pytest.approx([82, 64, 46, 28])
    assert np.isnan(recency.loc[1, "to"]) and np.isnan(recency.loc[5, "from"])
    frequency = edges[edges["measure"] == "frequency"].set_index("score")
    assert frequency["to"].tolist()[:-1] == pytest.approx([1, 2.75, 3.5, 4.25])
    assert frequency["customers"].tolist() == [6, 1, 1, 1, 1]
    assert edges.groupby("measure")["share"].sum().tolist() == pytest.approx([1, 1, 1])


def test_quantile_edges_agree_with_numpy_and_fall_exactly_on_values():
    values = np.random.default_rng(1).gamma(2, 50, 997)
    for bins in (4, 5, 7):
        wanted = np.quantile(values, np.arange(1, bins) / bins)
        assert quantile_edges(values, bins) == pytest.approx(wanted, rel=1e-12)
    assert quantile_edges(np.arange(8.0) / 10, 7).tolist() == (np.arange(1, 7) / 10).tolist()


def test_a_value_on_an_edge_belongs_to_the_bin_that_the_edge_closes():
    table = customer_table([10, 20, 30, 40, 50, 60], [1] * 6, [10, 20, 30, 40, 50, 60])
    assert scored(table)["m"].tolist() == [1, 1, 2, 3, 4, 5]
    assert scored(table)["r"].tolist() == [5, 5, 4, 3, 2, 1]


def test_gated_frequency_keeps_every_one_order_buyer_at_one_and_quantile_merges_the_ties():
    table = customer_table(range(10), [1] * 6 + [2, 2, 3, 4], range(10))
    # Fifths of the orders are 1, 1, 1, 2.2: scores 2 and 3 have no room of their own.
    assert scored(table, frequency_bins="quantile")["f"].tolist() == [1] * 6 + [4, 4, 5, 5]
    # Quarters of 2, 2, 3, 4 are 2, 2.5, 3.25.
    assert scored(table)["f"].tolist() == [1] * 6 + [2, 2, 4, 5]


def test_merged_edges_leave_the_ends_of_the_scale_to_the_extremes():
    # 80 % at the largest value: three of four edges separate nobody.
    table = customer_table([10] * 2 + [90] * 8, [1] * 10, [5] * 2 + [7] * 8)
    scores = scored(table)
    assert scores["r"].tolist() == [5] * 2 + [1] * 8
    assert scores["m"].tolist() == [1] * 2 + [5] * 8
    assert len(RFM().fit(table).edges().query("measure == 'monetary'")) == 2


def test_the_all_equal_base_takes_the_middle_score_and_one_order_stays_one():
    equal = customer_table([30] * 4, [1] * 4, [50] * 4)
    for how in ("gated", "quantile"):
        assert scored(equal, frequency_bins=how)["cell"].unique().tolist() == ["313"]
    repeat = customer_table([30] * 4, [7] * 4, [50] * 4)
    for how in ("gated", "quantile"):
        assert scored(repeat, frequency_bins=how)["cell"].unique().tolist() == ["333"]


def test_one_buyer_is_scored_and_no_buyers_are_all_prospects():
    assert scored(customer_table([12], [2], [80]))["cell"].tolist() == ["333"]
    nobody = customer_table([None, None], [0, 0], [0, 0])
    scores = scored(nobody)
    assert scores[["r", "f", "m", "cell"]].isna().all().all()
    assert scores["sub_segment"].tolist() == scores["family"].tolist() == ["prospects"] * 2
    assert len(scored(nobody.iloc[:0])) == 0


def test_customers_without_an_order_do_not_move_the_edges():
    table = ten_customers()
    more = pd.concat([table, customer_table([None] * 5, [0] * 5, [0] * 5)], ignore_index=True)
    assert RFM().fit(more).edges().equals(RFM().fit(table).edges())
    scores = scored(more)
    assert scores["cell"].tolist()[:10] == scored(table)["cell"].tolist()
    assert scores["r"].isna().sum() == 5


def test_explicit_cut_points_close_their_bins_on_the_right():
    table = customer_table([30, 31, 90, 180, 365, 366], [1, 2, 3, 5, 9, 10], [10] * 6)
    cuts = {"recency": [30, 90, 180, 365], "frequency": [1, 2, 4, 9]}
    scores = scored(table, cut_points=cuts)
    assert scores["r"].tolist() == [5, 4, 4, 3, 2, 1]
    assert scores["f"].tolist() == [1, 2, 3, 4, 4, 5]


@pytest.mark.parametrize(
    "cuts",
    [
        [30, 90, 180],
        [30, 90, 90, 365],
        [365, 180, 90, 30],
        ["a", 1, 2, 3],
        [1, 2, 3, np.nan],
        30,
        None,
    ],
)
def test_cut_points_that_do_not_rise_are_refused_by_key_and_value(cuts):
    with pytest.raises(SegkitError, match="cut_points: recency: is not 4 rising numbers") as error:
        RFM(cut_points={"recency": cuts}).fit(ten_customers())
    assert "\n" not in str(error.value)


def test_misspelt_parameters_are_refused_with_the_nearest_name():
    with pytest.raises(SegkitError, match="did you mean 'recency'"):
        RFM(cut_points={"recencia": [1, 2, 3, 4]}).fit(ten_customers())
    with pytest.raises(SegkitError, match="did you mean 'gated'"):
        RFM(frequency_bins="gate").fit(ten_customers())
    for bins in (2, 11, 5.0):
        with pytest.raises(SegkitError, match="rfm: bins: must be a whole number from 3 to 10"):
            RFM(bins=bins).fit(ten_customers())


def test_edges_learnt_at_one_date_are_applied_at_another():
    model = RFM().fit(ten_customers())
    later = ten_customers().assign(recency_days=lambda table: table["recency_days"] + 1000)
    assert model.predict(later)["r"].tolist() == [1] * 10
    assert model.predict(later)["f"].tolist() == model.predict(ten_customers())["f"].tolist()


def test_families_and_sub_segments_follow_frequency_and_recency():
    scores = scored(ten_customers())
    expected = ["beginners"] * 6 + ["recurrent", "recurrent", "loyal", "loyal"]
    assert scores["family"].tolist() == expected
    assert scores["sub_segment"].tolist()[0] == "beginners_r5"
    assert scores["sub_segment"].tolist()[-1] == "loyal_r1"


def test_mean_monetary_ranks_by_average_order_value():
    table = customer_table([5] * 5, [1, 1, 1, 1, 10], [20, 30, 40, 50, 100])
    assert scored(table)["m"].tolist() == [1, 2, 3, 4, 5]
    assert scored(table, monetary="mean")["m"].tolist() == [2, 3, 4, 5, 1]


def test_sums_that_differ_in_the_last_bit_score_the_same():
    table = customer_table(range(6), [1] * 6, [1, 0.1 + 0.2, 0.3, 0.3, 5, 6])
    assert len({*scored(table)["m"].tolist()[1:4]}) == 1


def test_cells_hold_all_combinations_and_add_up_to_the_buyers():
    table = ten_customers()
    model = RFM().fit(table)
    cells = model.cells(model.predict(table), table)
    assert len(cells) == 25 and list(cells.columns)[:2] == ["r", "f"]
    assert cells["customers"].sum() == 10 and cells["revenue"].sum() == 5500
    row = cells.query("r == 5 and f == 1").iloc[0]
    assert (row["customers"], row["revenue"], row["revenue_mean"]) == (2, 300, 150)
    assert cells.query("customers == 0")["revenue_mean"].isna().all()
    whole = model.cell_totals(model.predict(table), table)
    assert len(whole) == 125 and whole["cell"].is_unique and whole["revenue"].sum() == 5500


def test_cells_refuse_scores_of_other_customers():
    table = ten_customers()
    model = RFM().fit(table)
    with pytest.raises(DataError, match="different rows"):
        model.cells(model.predict(table), table.iloc[::-1])


def test_a_fitted_state_travels_as_json():
    model = RFM(cut_points={"recency": [30, 90, 180, 365]}).fit(ten_customers())
    again = RFM.from_state(json.loads(json.dumps(model.to_state())))
    assert again.get_params() == model.get_params()
    assert again.predict(ten_customers()).equals(model.predict(ten_customers()))
    assert again.edges().equals(model.edges())


def test_an_unfitted_or_foreign_state_is_refused():
    with pytest.raises(SegkitError, match="not fitted"):
        RFM().predict(ten_customers())
    state = RFM().fit(ten_customers()).to_state()
    with pytest.raises(SegkitError, match="is not the state of RFM"):
        RFM.from_state({**state, "estimator": "Clusters"})
    with pytest.raises(SegkitError, match="did you mean 'bins'"):
        RFM.from_state({**state, "params": {"bin": 5}})


def test_missing_columns_and_missing_values_of_buyers_are_named():
    with pytest.raises(DataError, match="customers: revenue: column is missing"):
        RFM().fit(ten_customers().drop(columns="revenue"))
    table = ten_customers()
    table.loc[3, "revenue"] = np.nan
    with pytest.raises(DataError, match=r"customers: revenue: .*\(1 in all\): 'c0003'"):
        RFM().fit(table)


@given(buyers, params)
@settings(max_examples=60)
def test_every_buyer_is_scored_within_one_to_five(table, chosen):
    scores = scored(table, **chosen)
    for letter in "rfm":
        assert scores[letter].between(1, 5).all()


@given(buyers, params)
@settings(max_examples=60)
def test_equal_values_score_equally_and_better_values_never_lower(table, chosen):
    scores = scored(table, **chosen)
    monetary = "aov" if chosen["monetary"] == "mean" else "revenue"
    for column, letter, sign in (("recency_days", "r", -1), ("orders", "f", 1), (monetary, "m", 1)):
        values = (table[column] * sign).round(6)
        assert (scores[letter].groupby(values).nunique() == 1).all()
        assert scores[letter].groupby(values).first().is_monotonic_increasing


@given(buyers, params, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_rows_and_the_batch_do_not_matter(table, chosen, random):
    order = random.sample(range(len(table)), len(table))
    whole = scored(table, **chosen)
    shuffled = RFM(**chosen).fit(table.iloc[order])
    assert shuffled.predict(table).equals(whole)
    assert shuffled.predict(table.iloc[:1]).equals(whole.iloc[:1])


@given(buyers)
@settings(max_examples=40)
def test_gated_frequency_is_one_exactly_for_one_order(table):
    assert ((scored(table)["f"] == 1) == (table["orders"] == 1)).all()


# Recency by rhythm


def by_rhythm(**given) -> RFM:
    return RFM(**({"usual_days": 35, "churn_days": 324} | given))


def recency_of(model: RFM) -> pd.DataFrame:
    return model.edges().query("measure == 'recency'").set_index("score").sort_index()


def test_edges_by_rhythm_run_from_the_usual_to_the_churn_gap_at_equal_steps_of_log_days():
    assert rhythm_edges(10, 10_000, 5).tolist() == [10, 100, 1000, 10_000]
    assert rhythm_edges(10, 1000, 4).tolist() == [10, 100, 1000]
    assert rhythm_edges(10, 1000, 3).tolist() == [10, 1000]
    assert len(rhythm_edges(1, 365, 10)) == 9
    # 324 / 35 is 9.257, and its cube root 2.0997: 73.5 and 154.3 days.
    edges = recency_of(by_rhythm().fit(ten_customers()))
    assert edges["to"].tolist()[1:] == [324, 154, 73, 35] and np.isnan(edges.loc[1, "to"])
    assert edges["from"].tolist()[:-1] == [324, 154, 73, 35] and np.isnan(edges.loc[5, "from"])


def test_the_highest_recency_ends_at_the_usual_gap_and_the_lowest_begins_after_the_churn_gap():
    days = [1, 35, 36, 73, 74, 154, 155, 324, 325, 4000]
    table = customer_table(days, [1] * 10, range(10))
    assert by_rhythm().fit(table).predict(table)["r"].tolist() == [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


@given(st.integers(1, 400), st.integers(0, 2000), st.sampled_from([3, 4, 5, 10]), buyers)
@settings(max_examples=60)
def test_by_rhythm_scores_depend_on_the_gaps_alone(usual, further, bins, table):
    churn = usual + further
    model = RFM(bins=bins, usual_days=usual, churn_days=churn).fit(table)
    scores, days = model.predict(table)["r"], table["recency_days"]
    assert ((scores == bins) == (days <= usual)).all()
    assert ((scores == 1) == (days > churn)).all()
    assert model.fit(table.iloc[:1]).predict(table)["r"].tolist() == scores.tolist()


def test_a_healthy_base_has_nobody_in_the_lowest_recency_and_the_edges_say_so():
    edges = recency_of(by_rhythm().fit(ten_customers()))
    assert edges["customers"].tolist() == [0, 0, 3, 4, 3]
    assert edges.loc[1, "from"] == 324 and edges.loc[1, "share"] == 0


def test_gaps_with_fewer_days_than_steps_between_them_merge_edges_and_keep_the_ends():
    days = customer_table([3, 4, 5, 6, 7, 8], [1] * 6, range(6))
    model = RFM(usual_days=3, churn_days=7).fit(days)
    assert recency_of(model).index.tolist() == [1, 2, 3, 5]
    assert model.predict(days)["r"].tolist() == [5, 3, 3, 2, 2, 1]
    for usual in (7, 9):  # a usual gap beyond the churn gap gives way to it
        assert RFM(usual_days=usual, churn_days=7).fit(days).predict(days)["r"].tolist() == (
            [5] * 5 + [1]
        )


def test_every_edge_has_its_reason():
    def reasons(model: RFM, measure: str) -> list[str]:
        edges = model.fit(ten_customers()).edges()
        return edges.loc[edges["measure"] == measure, "reason"].tolist()

    assert reasons(by_rhythm(), "recency") == (
        ["beyond_churn_gap", *["between_gaps"] * 3, "within_usual_gap"]
    )
    assert reasons(by_rhythm(), "frequency") == ["one_order", *["repeat_parts"] * 4]
    assert reasons(by_rhythm(), "monetary") == ["equal_parts"] * 5
    assert reasons(RFM(), "recency") == ["equal_parts"] * 5
    assert set(reasons(RFM(frequency_bins="quantile"), "frequency")) == {"equal_parts"}
    agreed = by_rhythm(cut_points={"recency": [30, 90, 180, 365]})
    assert reasons(agreed, "recency") == ["agreed"] * 5
    alike = RFM().fit(customer_table([30] * 4, [1] * 4, [50] * 4)).edges()
    assert alike["reason"].tolist() == ["all_alike", "one_order", "all_alike", "all_alike"]


def test_cut_points_win_over_the_rhythm():
    model = by_rhythm(cut_points={"recency": [10, 20, 30, 40]}).fit(ten_customers())
    assert recency_of(model)["from"].tolist()[:-1] == [40, 30, 20, 10]


@pytest.mark.parametrize(
    "gaps",
    [
        {"usual_days": 30},
        {"churn_days": 300},
        {"usual_days": 0, "churn_days": 300},
        {"usual_days": 30, "churn_days": np.inf},
    ],
)
def test_gaps_come_both_or_not_at_all_and_are_days(gaps):
    with pytest.raises(SegkitError, match="rfm: usual_days, churn_days: must both be days"):
        RFM(**gaps).fit(ten_customers())


def test_a_state_by_rhythm_travels_as_json_and_scores_another_date():
    model = by_rhythm().fit(ten_customers())
    again = RFM.from_state(json.loads(json.dumps(model.to_state())))
    later = ten_customers().assign(recency_days=lambda table: table["recency_days"] + 300)
    assert again.predict(later)["r"].tolist() == [2, 2, *[1] * 8]
    assert again.edges().equals(model.edges())


# Other scales than five


@pytest.mark.parametrize("bins", [3, 4, 10])
def test_scales_of_three_four_and_ten_use_all_their_scores(bins):
    table = customer_table(range(1, 201), range(1, 201), range(1, 201))
    scores = RFM(bins=bins).fit(table).predict(table)
    for letter in "rfm":
        assert set(scores[letter]) == set(range(1, bins + 1))
    assert set(scores["family"]) == set(FAMILIES) - {"prospects", "returned_all"}
    assert set(scores["sub_segment"]) <= set(SUB_SEGMENTS)
    assert ((scores["f"] == 1) == (table["orders"] == 1)).all()
    cells = RFM(bins=bins).fit(table).cell_totals(scores, table)
    assert len(cells) == bins**3 and cells["cell"].is_unique
    assert cells["customers"].sum() == 200


def test_cells_of_ten_scores_can_be_read():
    model = RFM(bins=10).fit(customer_table(range(1, 201), range(1, 201), range(1, 201)))
    table = customer_table([1, 200], [1, 200], [1, 200])
    assert model.predict(table)["cell"].tolist() == ["R10-F1-M1", "R1-F10-M10"]
    assert model.ends == {"scores": 10, "best": "R10-F10-M10", "last": "R1-F1-M1"}
    assert RFM(bins=3).ends == {"scores": 3, "best": "333", "last": "111"}


def test_scores_are_read_on_five_with_their_ends_kept():
    def five(letter: str, **given) -> list[int]:
        model = RFM(**given)
        scores = pd.DataFrame(dict.fromkeys("rfm", range(1, model.bins + 1)), dtype="Int64")
        return model.on_five(scores)[letter].tolist()

    assert five("m", bins=3) == five("r", bins=3) == [1, 3, 5]
    assert five("f", bins=3) == [1, 2, 5]
    assert five("m", bins=4) == five("f", bins=4) == [1, 2, 4, 5]
    assert five("m", bins=5) == five("f", bins=5) == [1, 2, 3, 4, 5]
    assert five("m", bins=10) == five("r", bins=10) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    # Two orders are no first order, and by rhythm nobody is late who is not, or lost.
    assert five("f", bins=10) == [1, 2, 2, 3, 3, 4, 4, 4, 5, 5]
    gaps = {"usual_days": 35, "churn_days": 324}
    assert five("r", bins=10, **gaps) == [1, 2, 2, 3, 3, 3, 3, 4, 4, 5]
    assert five("r", bins=5, **gaps) == [1, 2, 3, 4, 5]


def test_on_five_leaves_five_scores_and_prospects_as_they_are():
    table = pd.concat([ten_customers(), customer_table([None], [0], [0])], ignore_index=True)
    model = RFM().fit(table)
    scores = model.predict(table)
    pd.testing.assert_frame_equal(model.on_five(scores), scores[["r", "f", "m", "cell"]])


# Two dates


def two_dates(was: dict[str, float], now: dict[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one customer at two dates."""
    usual = {"recency": 10, "orders": 3, "revenue": 250}
    return tuple(
        customer_table(*([(usual | given)[name]] for name in ("recency", "orders", "revenue")))
        for given in (was, now)
    )


def agreed() -> RFM:
    cuts = {
        "recency": [100, 200, 300, 400],
        "frequency": [1, 3, 10, 20],
        "monetary": [100, 200, 300, 400],
    }
    return RFM(cut_points=cuts).fit(ten_customers())


@pytest.mark.parametrize(
    ("was", "now", "cell"),
    [
        ({"recency": 99}, {"recency": 104}, "423"),  # past 100 by 4 %: where it is now
        ({"recency": 99}, {"recency": 105}, "523"),  # by 5 %: it has moved
        ({"recency": 10}, {"recency": 104}, "423"),  # from wherever
        ({"recency": 104}, {"recency": 96}, "523"),
        ({"recency": 104}, {"recency": 95}, "423"),
        ({"recency": 150}, {"recency": 100}, "523"),  # an edge belongs to the lower days
        ({"recency": 99}, {"recency": 204}, "523"),  # past 100 for sure, if not past 200
        ({"revenue": 190}, {"revenue": 209}, "523"),
        ({"revenue": 190}, {"revenue": 210}, "522"),
        ({"revenue": 210}, {"revenue": 191}, "522"),
        ({"revenue": 210}, {"revenue": 190}, "523"),
        ({"orders": 1}, {"orders": 2}, "513"),  # an order more is more
        ({"orders": 2}, {"orders": 1}, "523"),
        ({"orders": 20}, {"orders": 21}, "553"),  # but hardly at twenty
        ({"orders": 20}, {"orders": 22}, "543"),
        ({"recency": 99, "orders": 1}, {"recency": 104, "orders": 2}, "413"),  # each on its own
    ],
)
def test_who_brushes_an_edge_was_already_where_it_is(was, now, cell):
    model, (before, after) = agreed(), two_dates(was, now)
    assert model.settled(before, after)["cell"].tolist() == [cell]


def test_the_tolerance_is_a_parameter_and_of_none_every_crossing_counts():
    model, (before, after) = agreed(), two_dates({"recency": 99}, {"recency": 115})
    assert model.settled(before, after)["r"].tolist() == [5]
    assert model.settled(before, after, 0.2)["r"].tolist() == [4]
    nearly = two_dates({"recency": 100}, {"recency": 101})
    assert model.settled(*nearly, 0)["r"].tolist() == [5]


def test_customers_are_found_by_their_id_and_newcomers_and_prospects_stay():
    table = ten_customers().assign(recency_days=99.0)
    registered = customer_table([None], [0], [0]).assign(customer_id="registered")
    before = pd.concat([table.iloc[:3], registered], ignore_index=True).set_axis([*"wxyz"])
    after = table.iloc[[2, 1, 5]].assign(recency_days=[104.0, 150.0, 104.0])
    settled = agreed().settled(before, after)
    assert settled.index.tolist() == list("wxyz")
    assert settled["r"].tolist() == [5, 5, 4, pd.NA]
    assert settled["family"].tolist()[-1] == "prospects"


@given(buyers, st.randoms(use_true_random=False), st.sampled_from([0.0, 0.05, 0.5]))
@settings(max_examples=40)
def test_settled_scores_are_those_of_then_or_those_of_now(table, random, tolerance):
    later = table.assign(
        recency_days=[max(day + random.randint(-30, 60), 0) for day in table["recency_days"]],
        revenue=[max(spent + random.randint(-5, 20), 0) for spent in table["revenue"]],
    )
    model = RFM(usual_days=20, churn_days=150).fit(later)
    then, now = model.predict(table), model.predict(later)
    settled = model.settled(table, later, tolerance)
    for letter in "rfm":
        assert ((settled[letter] == then[letter]) | (settled[letter] == now[letter])).all()
    if not tolerance:
        pd.testing.assert_frame_equal(settled, then)
    pd.testing.assert_frame_equal(model.settled(later, later, tolerance), now)


def test_a_million_customers_are_scored_within_seconds():
    draw = np.random.default_rng(3)
    size = 1_000_000
    table = pd.DataFrame(
        {
            "orders": draw.geometric(0.4, size),
            "recency_days": draw.integers(1, 700, size),
            "revenue": draw.gamma(2, 50, size),
        }
    )
    model = RFM().fit(table)
    begin = time.perf_counter()
    scores = model.predict(table)
    assert time.perf_counter() - begin < 3
    assert scores["r"].value_counts(normalize=True).between(0.19, 0.21).all()


def test_cdnow_beginners_are_exactly_the_one_order_customers(real_data):
    lines = pd.read_parquet(real_data("cdnow_sample.parquet"))
    last = lines["date"].max() + pd.Timedelta(days=1)
    lines = lines[lines["dollar_value"] > 0].groupby("sample_id")
    table = pd.DataFrame(
        {
            "recency_days": (last - lines["date"].max()).dt.days,
            "orders": lines.size(),
            "revenue": lines["dollar_value"].sum(),
        }
    )
    scores = scored(table)
    assert (scores["family"] == "beginners").sum() == (table["orders"] == 1).sum()
    assert set(scores["f"]) == {1, 2, 3, 4, 5}
