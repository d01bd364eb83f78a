"""Clusters: the published example, names, choice of k, degenerate bases, the fitted state."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.errors import DataError, RuleError, SegkitError
from segkit.segments import Clusters, load_cluster_names
from segkit.segments.clusters import choose_k, name_clusters

RECIPE = {
    "features": ("recency_days", "orders", "revenue", "aov", "profit_per_order"),
    "log": ("orders", "revenue", "aov"),
    "k": 5,
}
NAMES = [
    "champions",
    "big_spenders",
    "loyal",
    "new",
    "promising",
    "occasional",
    "low_value",
    "frequent_low_ticket",
    "need_attention",
    "at_risk",
    "hibernating",
    "lost",
]


@pytest.fixture
def groups() -> pd.DataFrame:
    """Three groups far apart (best 20, middle 30, gone 50) and two customers without orders."""
    draw = np.random.default_rng(5)
    sizes, recency, orders = (20, 30, 50), (5, 60, 400), (30, 8, 1)
    parts = [
        pd.DataFrame(
            {
                "recency_days": rec + draw.integers(0, 5, size),
                "orders": np.repeat(count, size),
                "revenue": count * draw.uniform(48, 52, size),
            }
        )
        for size, rec, count in zip(sizes, recency, orders)
    ]
    nobody = pd.DataFrame({"recency_days": [np.nan] * 2, "orders": [0, 0], "revenue": [0.0, 0.0]})
    table = pd.concat([*parts, nobody], ignore_index=True)
    table.insert(0, "customer_id", [f"c{place:03d}" for place in range(len(table))])
    return table


@pytest.fixture
def superstore(real_data) -> pd.DataFrame:
    lines = pd.read_parquet(real_data("superstore_orders.parquet"))
    last = lines["Order Date"].max() + pd.Timedelta(days=1)
    grouped = lines.groupby("Customer ID")
    table = pd.DataFrame(
        {
            "recency_days": (last - grouped["Order Date"].max()).dt.days,
            "orders": grouped["Order ID"].nunique(),
            "revenue": grouped["Sales"].sum(),
            "profit": grouped["Profit"].sum(),
        }
    )
    table["aov"] = table["revenue"] / table["orders"]
    return table.rename_axis("customer_id").reset_index()


@pytest.fixture
def cdnow(real_data) -> pd.DataFrame:
    lines = pd.read_parquet(real_data("cdnow_sample.parquet"))
    last = lines["date"].max() + pd.Timedelta(days=1)
    grouped = lines[lines["dollar_value"] > 0].groupby("sample_id")
    table = pd.DataFrame(
        {
            "recency_days": (last - grouped["date"].max()).dt.days,
            "orders": grouped.size(),
            "revenue": grouped["dollar_value"].sum(),
        }
    )
    table.index = table.index.astype(str)
    return table.rename_axis("customer_id").sort_index().reset_index()


def test_the_published_example_is_matched_in_every_printed_digit(superstore):
    model = Clusters(**RECIPE).fit(superstore)
    profile = model.profile(superstore, model.predict(superstore)).set_index("segment")
    printed = {
        key: (
            row.customers,
            round(100 * row.customers_share, 1),
            round(row.recency_days),
            round(row.orders, 1),
            round(row.revenue, 2),
            round(row.aov, 2),
        )
        for key, row in profile.iterrows()
    }
    assert printed == {
        "low_value": (251, 31.7, 102, 5.6, 1269.99, 250.78),
        "lost": (73, 9.2, 578, 3.7, 1671.31, 467.16),
        "hibernating": (61, 7.7, 232, 3.3, 230.02, 70.23),
        "big_spenders": (104, 13.1, 124, 6.4, 6598.87, 1077.45),
        "loyal": (304, 38.3, 74, 8.1, 3803.01, 498.39),
    }
    assert model.inertia_ == pytest.approx(1611.541311, abs=5e-7)
    assert model.silhouette_ == pytest.approx(0.251, abs=5e-4)
    assert profile["revenue_share"].sum() == pytest.approx(1)


def test_shuffled_rows_of_the_example_get_the_same_labels(superstore):
    model = Clusters(**RECIPE, stability_refits=0).fit(superstore)
    shuffled = superstore.sample(frac=1, random_state=3)
    again = Clusters(**RECIPE, stability_refits=0).fit(shuffled)
    assert again.to_state()["fitted"] == model.to_state()["fitted"]
    assert again.predict(superstore).equals(model.predict(superstore))


@pytest.mark.parametrize("k", range(2, 9))
def test_names_on_cdnow_agree_with_the_profile(cdnow, k):
    model = Clusters(k=k, stability_refits=0).fit(cdnow)
    ratios = model.relative(cdnow, model.predict(cdnow)).set_index("segment")
    assert ratios.index[0] == "champions"
    assert ratios["revenue"].is_monotonic_decreasing and ratios.index.is_unique
    for name in ratios.index.intersection(["champions", "loyal", "promising", "new"]):
        assert ratios.loc[name, "recency_days"] < 0.8
    for name in ratios.index.intersection(["lost", "hibernating", "at_risk"]):
        assert ratios.loc[name, "recency_days"] > 1.1
    for name in ratios.index.intersection(["lost", "hibernating", "low_value"]):
        assert ratios.loc[name, "revenue"] < 0.6


def test_groups_that_are_far_apart_are_found_and_named(groups):
    model = Clusters(k=3).fit(groups)
    labels = model.predict(groups)
    assert model.sizes_ == [20, 30, 50]
    assert labels.iloc[:20].unique().tolist() == ["champions"]
    assert labels.iloc[50:100].nunique() == 1
    assert labels.iloc[100:].tolist() == ["prospects"] * 2
    assert model.stability_ == pytest.approx(1)


def test_k_is_chosen_where_the_groups_are(groups):
    model = Clusters(k_range=(2, 5), stability_refits=4, n_init=3).fit(groups)
    selection = model.selection()
    assert selection["k"].tolist() == [2, 3, 4, 5]
    assert selection.loc[selection["chosen"], "k"].tolist() == [3]
    assert selection["inertia"].is_monotonic_decreasing
    assert selection["stability"].between(-1, 1).all()


def test_a_fixed_k_measures_itself_and_the_whole_curve_on_request(groups):
    assert Clusters(k=3).fit(groups).selection()["k"].tolist() == [3]
    curve = Clusters(k=3, k_range=(2, 4), curve=True, stability_refits=2).fit(groups).selection()
    assert curve["k"].tolist() == [2, 3, 4] and curve["chosen"].tolist() == [False, True, False]


def test_the_stable_k_with_the_best_silhouette_is_chosen_else_the_most_stable():
    rows = [
        {"k": 2, "silhouette": 0.40, "stability": 0.85},
        {"k": 3, "silhouette": 0.45, "stability": 0.81},
        {"k": 4, "silhouette": 0.45, "stability": 0.90},
        {"k": 5, "silhouette": 0.60, "stability": 0.50},
    ]
    assert choose_k(rows, 0.8) == 3
    assert choose_k(rows, 0.95) == 4
    assert choose_k([{"k": 1, "silhouette": None, "stability": 1.0}], 0.8) == 1


def test_transformation_is_clip_then_log_then_scale_by_hand():
    table = pd.DataFrame(
        {
            "customer_id": list("abcde"),
            "recency_days": [1, 2, 3, 4, 100],
            "orders": [1, 1, 1, 1, 2],
            "revenue": [0.0, 10.0, 20.0, 30.0, 40.0],
        }
    )
    model = Clusters(
        features=["recency_days", "revenue"], log=["revenue"], clip=(0, 0.75), k=2
    ).fit(table)
    assert model.clip_ == [[1.0, 0.0], [4.0, 30.0]]
    recency = np.array([1, 2, 3, 4, 4])
    revenue = np.log1p([0, 10, 20, 30, 30])
    assert model.center_ == pytest.approx([recency.mean(), revenue.mean()])
    assert model.scale_ == pytest.approx([recency.std(), revenue.std()])
    robust = Clusters(features=["recency_days"], log=[], clip=None, scaling="robust", k=2).fit(
        table
    )
    assert (robust.center_, robust.scale_) == ([3.0], [2.0])


def test_log_none_takes_logarithms_of_skewed_features_only(groups):
    groups["revenue"] = groups["revenue"] ** 3
    groups["margin"] = np.where(groups["revenue"] > 1e8, -5e6, 1.0)
    features = ["recency_days", "revenue", "margin"]
    model = Clusters(features=features, log=None, k=2).fit(groups)
    assert model.logged_ == ["revenue"]


def test_a_negative_net_revenue_stays_below_zero_under_the_logarithm(groups):
    groups.loc[99, "revenue"] = -500.0
    model = Clusters(k=3, clip=None).fit(groups)
    assert np.isfinite(model.centroids_).all()


def test_derived_features_and_unknown_names(groups):
    groups["units"] = groups["orders"] * 3
    assert Clusters(features=["recency_days", "upt"], k=2).fit(groups).segments_
    with pytest.raises(SegkitError, match="clusters: features: .*did you mean 'revenue'"):
        Clusters(features=["revenu"]).fit(groups)
    with pytest.raises(SegkitError, match="clusters: log: .*did you mean 'orders'"):
        Clusters(log=["order"]).fit(groups)
    with pytest.raises(SegkitError, match="unknown name.*'profit_per_order'"):
        Clusters(features=["profit_per_order"]).fit(groups)
    with pytest.raises(SegkitError, match="unknown name.*'customer_id'"):
        Clusters(features=["customer_id"]).fit(groups)


@pytest.mark.parametrize(
    "wrong",
    [
        {"k": 13},
        {"k": 0},
        {"k_range": (1, 4)},
        {"k_range": (5, 4)},
        {"clip": (0.9, 0.1)},
        {"scaling": "minmax"},
        {"features": "revenue"},
        {"features": []},
        {"log": "orders"},
    ],
)
def test_wrong_parameters_are_refused_by_name(groups, wrong):
    with pytest.raises(SegkitError, match=f"clusters: {next(iter(wrong))}"):
        Clusters(**wrong).fit(groups)


def test_a_buyer_without_a_value_is_named_with_column_and_count(groups):
    groups["profit"] = 1.0
    groups.loc[[4, 7], "profit"] = np.nan
    with pytest.raises(DataError, match=r"profit_per_order: .*\(2 in all\): 'c004', 'c007'"):
        Clusters(features=["orders", "profit_per_order"]).fit(groups)


@pytest.mark.parametrize("k", [None, 4])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_customers_reduce_k_without_a_warning(groups, rows, k):
    few = groups.iloc[[0, 25, 60][:rows]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Clusters(k=k).fit(few)
        labels = model.predict(few)
    assert len(model.segments_) <= rows and sum(model.sizes_) == rows
    assert set(labels) == set(model.segments_)
    wanted = k or 2
    assert bool(model.notes_) == (len(model.segments_) < wanted)


@pytest.mark.parametrize("k", [None, 3])
def test_all_equal_customers_are_one_cluster_and_it_is_said(groups, k):
    equal = groups.iloc[[60] * 8].assign(customer_id=list("abcdefgh"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Clusters(k=k).fit(equal)
    assert model.segments_ == ["occasional"] and model.sizes_ == [8]
    assert model.notes_ == [f"1 clusters instead of {k or 2}: there are only 1 different buyers"]


def test_no_buyers_are_all_prospects(groups):
    nobody = groups.iloc[100:]
    model = Clusters().fit(nobody)
    assert model.predict(nobody).tolist() == ["prospects"] * 2
    assert model.selection().empty
    profile = model.profile(nobody, model.predict(nobody))
    assert profile["segment"].tolist() == ["prospects"] and profile["customers"].tolist() == [2]
    assert model.relative(nobody, model.predict(nobody)).empty


def test_a_large_base_is_fitted_on_a_seeded_sample_and_labelled_whole(groups):
    model = Clusters(k=3, sample=60).fit(groups)
    assert model.sizes_ == [20, 30, 50]
    assert Clusters(k=3, sample=60).fit(groups).to_state() == model.to_state()


def test_k_is_measured_on_a_sample_of_a_large_base(groups, monkeypatch):
    monkeypatch.setattr("segkit.segments.clusters._SELECTION_ROWS", 40)
    model = Clusters(k_range=(2, 4), stability_refits=2).fit(groups)
    whole = Clusters(k=3, stability_refits=0).fit(groups)
    assert model.segments_ == whole.segments_ and model.sizes_ == [20, 30, 50]
    assert model.inertia_ == pytest.approx(whole.inertia_)
    assert model.selection().set_index("k").loc[3, "inertia"] < whole.inertia_


def test_profile_and_relative_are_means_in_original_units(groups):
    model = Clusters(k=3).fit(groups)
    labels = model.predict(groups)
    profile = model.profile(groups, labels).set_index("segment")
    assert profile.index.tolist() == [*model.segments_, "prospects"]
    assert profile["customers"].sum() == 102
    assert profile["customers_share"].sum() == pytest.approx(1)
    assert profile.loc["champions", "orders"] == 30
    assert profile.loc["champions", "recency_days"] == groups["recency_days"].iloc[:20].mean()
    relative = model.relative(groups, labels).set_index("segment")
    base = groups["orders"].iloc[:100].mean()
    assert relative.loc["champions", "orders"] == pytest.approx(30 / base)
    assert relative.index.tolist() == model.segments_


def test_a_fitted_state_travels_as_json_and_predicts_without_sklearn(groups, tmp_path):
    model = Clusters(k=3).fit(groups)
    (tmp_path / "state.json").write_text(json.dumps(model.to_state()), encoding="utf-8")
    groups.to_pickle(tmp_path / "customers.pkl")
    program = (
        "import json, sys, pandas as pd\n"
        "from segkit.segments import Clusters\n"
        "model = Clusters.from_state(json.load(open('state.json', encoding='utf-8')))\n"
        "labels = model.predict(pd.read_pickle('customers.pkl'))\n"
        "assert not {'sklearn', 'scipy'} & set(sys.modules), 'heavy import'\n"
        "print(json.dumps(labels.tolist()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == model.predict(groups).tolist()


def test_batches_get_the_labels_of_the_whole(groups):
    model = Clusters(k=4).fit(groups)
    whole = model.predict(groups)
    parts = [model.predict(groups.iloc[begin : begin + 7]) for begin in range(0, len(groups), 7)]
    assert pd.concat(parts).equals(whole)
    assert model.fit_predict(groups).equals(whole)


def test_threads_do_not_change_the_result(groups):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        alone = Clusters(k=4).fit(groups).to_state()
    assert Clusters(k=4).fit(groups).to_state() == alone


def test_the_names_table_holds_the_twelve_names():
    assert sorted(load_cluster_names()) == sorted(NAMES)


@given(st.lists(st.tuples(*[st.floats(0.0, 20.0)] * 4), min_size=1, max_size=12))
@settings(max_examples=60)
def test_names_are_unique_for_any_profiles(rows):
    ratios = pd.DataFrame(rows, columns=["recency_days", "orders", "revenue", "aov"])
    names = name_clusters(ratios, load_cluster_names())
    assert len(set(names)) == len(rows) and set(names) <= set(NAMES)


def test_names_minimise_the_total_misfit_and_ties_go_by_order_and_value():
    rules = {
        "first": {"revenue": (1.0, np.inf)},
        "second": {"revenue": (1.0, np.inf)},
        "third": {"revenue": (0.0, 0.5)},
    }
    assert name_clusters(pd.DataFrame({"revenue": [3.0, 2.0]}), rules) == ["first", "second"]
    assert name_clusters(pd.DataFrame({"revenue": [3.0, 0.6]}), rules) == ["first", "third"]
    assert name_clusters(pd.DataFrame({"revenue": [0.4]}), rules) == ["third"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vip: {revenu: [1, 2]}", "vip: unknown name: 'revenu'. Fix: did you mean 'revenue'"),
        ("vip: {revenue: [2, 1]}", "vip: revenue: is no rising pair"),
        ("vip: {revenue: [a, 1]}", "is no rising pair"),
        ("vip: {revenue: 2}", "is no rising pair"),
        ("vip: {}", "vip: is not {measure"),
        ("prospects: {revenue: [1, 2]}", "is kept for customers without an order"),
    ],
)
def test_a_malformed_table_of_names_is_refused(tmp_path, text, message):
    path = tmp_path / "names.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleError, match=message):
        load_cluster_names(path)


def test_a_client_may_bring_its_own_names(groups, tmp_path):
    path = tmp_path / "names.yaml"
    path.write_text("vip: {revenue: [1, null]}\nrest: {revenue: [null, 1]}\n", encoding="utf-8")
    model = Clusters(k=2, k_range=(2, 2), names=path).fit(groups)
    assert model.segments_ == ["vip", "rest"]
    assert Clusters.from_state(model.to_state()).predict(groups).equals(model.predict(groups))
    with pytest.raises(SegkitError, match="names for 2 clusters at most"):
        Clusters(k=3, k_range=(2, 2), names=path).fit(groups)
