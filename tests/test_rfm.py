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
from segkit.segments.rfm import quantile_edges


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
    assert list(edges.columns) == ["measure", "score", "from", "to", "customers", "share"]
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
    with pytest.raises(SegkitError, match="rfm: bins"):
        RFM(bins=10).fit(ten_customers())


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
