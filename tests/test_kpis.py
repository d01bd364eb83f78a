"""Key figures: by hand, adding up, and where there is nothing to divide by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.analysis.kpis import MAIN_KPIS, VIEW_KPIS, segment_kpis
from segkit.errors import DataError

NAN = float("nan")
CUSTOMERS = pd.DataFrame(
    [
        # customer, all-time orders, all-time revenue, own ticket, recency in days
        ("ana", 3, 90.0, 30.0, 10),
        ("bea", 1, 10.0, 10.0, 20),
        ("luis", 2, 120.0, 60.0, 400),
        ("zoe", 0, 0.0, NAN, NAN),
        ("eva", 0, -5.0, NAN, NAN),
    ],
    columns=["customer_id", "orders", "revenue", "aov", "recency_days"],
)
PERIOD = pd.DataFrame(
    [("ana", 2, 60.0, 6.0, 1.0), ("bea", 1, 10.0, 1.0, 0.0), ("eva", 0, -5.0, 0.0, 1.0)],
    columns=["customer_id", "orders", "revenue", "units", "returned_units"],
)
LABELS = pd.Series(["loyal", "loyal", "dormant", "prospects", "prospects"])


def kpis(labels=LABELS, customers=CUSTOMERS, period=PERIOD, **given) -> pd.DataFrame:
    given.setdefault("resamples", 0)
    customers, period = (table.assign(gross=table["revenue"] + 5) for table in (customers, period))
    return segment_kpis(labels, customers, period, **given).set_index("segment")


def test_every_figure_of_a_segment_is_what_the_definitions_say():
    expected = {
        "customers": 2,
        "customers_share": 2 / 5,
        "buyers": 2,
        "buyers_share": 1,
        "orders": 3,
        "gross": 80,
        "returned": 10,
        "revenue": 70,
        "revenue_share": 70 / 65,
        "aov": 70 / 3,
        "aov_mean": 20,
        "upt": 7 / 3,
        "ltv": 50,
        "repeat_rate": 1 / 2,
        "one_order_share": 1 / 2,
        "return_rate": 1 / 7,
        "recency_days": 15,
        "orders_per_customer": 2,
        "orders_all_time": 4,
        "gross_all_time": 110,
        "returned_all_time": 10,
        "revenue_all_time": 100,
        "revenue_all_time_share": 100 / 215,
    }
    row = kpis().loc["loyal"]
    for name, value in expected.items():
        assert row[name] == pytest.approx(value), name


def test_a_dormant_segment_shows_what_it_was_worth():
    row = kpis().loc["dormant"]
    assert row[["customers", "buyers", "orders", "revenue", "revenue_share"]].tolist() == [
        1,
        0,
        0,
        0,
        0,
    ]
    assert row[["revenue_all_time", "ltv", "recency_days"]].tolist() == [120, 120, 400]
    assert row[["aov", "upt", "repeat_rate", "return_rate"]].isna().all()


def test_the_total_row_is_the_brand_and_refunds_count():
    total = kpis().loc["total"]
    assert total[["customers", "buyers", "orders", "revenue"]].tolist() == [5, 2, 3, 65]
    assert total[["customers_share", "revenue_share", "revenue_all_time_share"]].tolist() == [
        1,
        1,
        1,
    ]
    assert total["ltv"] == pytest.approx(215 / 5)
    assert total["aov_mean"] == pytest.approx(100 / 3)
    assert total["one_order_share"] == pytest.approx(1 / 3)
    assert total["return_rate"] == pytest.approx(2 / 7)
    assert kpis().loc["prospects", "revenue"] == -5


def test_what_was_sold_less_what_was_returned_is_revenue():
    table = kpis(period=PERIOD.assign(revenue=[60.0, 10.0, -5.0]))
    for end in ("", "_all_time"):
        net = table[f"gross{end}"] - table[f"returned{end}"]
        assert net.to_numpy() == pytest.approx(table[f"revenue{end}"].to_numpy())
        parts, total = table.drop("total"), table.loc["total"]
        for name in ("gross", "returned"):
            assert parts[f"{name}{end}"].sum() == pytest.approx(total[f"{name}{end}"])
    assert table["returned"].to_dict() == {"dormant": 0, "loyal": 10, "prospects": 5, "total": 15}


def test_customers_of_a_view_alone_have_shares_among_themselves():
    inside = CUSTOMERS["customer_id"].isin(["ana", "bea"])
    labels = pd.Series(["frequent", "some"])
    period = PERIOD[PERIOD["customer_id"].isin(["ana", "bea"])]
    table = kpis(labels, CUSTOMERS[inside], period)
    assert table["customers_share"].to_dict() == {"frequent": 0.5, "some": 0.5, "total": 1}
    assert table["revenue_share"].to_dict() == pytest.approx(
        {"frequent": 60 / 70, "some": 10 / 70, "total": 1}
    )


def test_segments_come_by_all_time_revenue_or_as_asked():
    assert kpis().index.tolist() == ["dormant", "loyal", "prospects", "total"]
    asked = ["prospects", "nobody", "loyal", "dormant"]
    assert kpis(order=asked).index.tolist() == ["prospects", "loyal", "dormant", "total"]


def test_the_main_figures_are_columns_of_the_table():
    assert set(MAIN_KPIS) | set(VIEW_KPIS) <= {"segment", *kpis().columns}


def test_labels_may_come_in_any_order_of_rows():
    turned = LABELS.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(kpis(turned), kpis())


def test_a_customer_without_a_segment_is_an_error_that_names_it():
    for labels in (LABELS.drop(2), LABELS.mask(LABELS == "dormant")):
        with pytest.raises(
            DataError, match=r"customers have no segment \(1 in all\): 'luis'. Fix: "
        ):
            kpis(labels)


def test_a_base_without_customers_is_an_error():
    with pytest.raises(DataError, match="there are no customers. Fix: choose a later as_of"):
        kpis(LABELS[:0], CUSTOMERS[:0], PERIOD[:0])


def test_a_customer_of_the_period_that_the_table_lacks_is_an_error():
    stranger = pd.concat([PERIOD, PERIOD[:1].assign(customer_id="who")])
    with pytest.raises(DataError, match="segments do not add up to the brand's orders: .*3.*5"):
        kpis(period=stranger)


def test_an_empty_period_has_no_revenue_and_no_shares():
    table = kpis(period=PERIOD[:0], resamples=5)
    assert (table["revenue"] == 0).all()
    assert table[["revenue_share", "aov", "revenue_share_low"]].isna().all(axis=None)


def test_a_base_of_prospects_alone_has_a_table():
    table = kpis(pd.Series(["prospects"]), CUSTOMERS[3:4].reset_index(drop=True), PERIOD[:0])
    assert table["customers"].tolist() == [1, 1]
    assert table["ltv"].tolist() == [0, 0]


def test_intervals_hold_the_share_and_are_the_same_each_time():
    random = np.random.default_rng(1)
    customers = pd.DataFrame(
        {
            "customer_id": [f"c{place}" for place in range(300)],
            "orders": 1,
            "revenue": random.gamma(1, 50, 300),
            "recency_days": 1,
        }
    )
    customers["aov"] = customers["revenue"]
    period = customers[["customer_id", "orders", "revenue"]].assign(units=1.0, returned_units=0.0)
    labels = pd.Series(random.choice(["a", "b", "c"], 300))
    table = kpis(labels, customers, period, resamples=200)
    parts = table.drop("total")
    assert (parts["revenue_share_low"] < parts["revenue_share"]).all()
    assert (parts["revenue_share"] < parts["revenue_share_high"]).all()
    assert (parts["revenue_share_high"] - parts["revenue_share_low"]).between(0.02, 0.3).all()
    assert table.loc["total", ["revenue_share_low", "revenue_share_high"]].isna().all()
    pd.testing.assert_frame_equal(table, kpis(labels, customers, period, resamples=200))


MONEY = st.decimals(-1000, 10**6, places=4, allow_nan=False).map(float)
BASES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), MONEY, MONEY), min_size=1)


@settings(max_examples=30)
@given(base=BASES)
def test_segments_add_up_to_the_brand_exactly(base):
    labels, orders, all_time, revenue = map(list, zip(*base))
    names = [f"c{place}" for place in range(len(base))]
    customers = pd.DataFrame({"customer_id": names, "orders": orders, "revenue": all_time})
    customers = customers.assign(aov=1.0, recency_days=1)
    period = pd.DataFrame({"customer_id": names, "orders": orders, "revenue": revenue})
    period = period.assign(units=1.0, returned_units=0.0)
    table = kpis(pd.Series(labels), customers, period)
    parts, total = table.drop("total"), table.loc["total"]
    for name in ("customers", "orders", "orders_all_time", "buyers"):
        assert parts[name].sum() == total[name]
    for name in ("revenue", "revenue_all_time"):
        in_parts = (parts[name] * 10_000).round().astype("int64").sum()
        assert in_parts == round(total[name] * 10_000)


def test_sums_beyond_64_bits_are_right_and_silent():
    huge = CUSTOMERS.assign(revenue=[9e14, 9e14, 9e14, 0.0, 0.0])
    table = kpis(customers=huge)
    assert table.loc["total", "revenue_all_time"] == pytest.approx(2.7e15)
    assert table.loc["loyal", "revenue_all_time_share"] == pytest.approx(2 / 3)
    assert table["revenue_all_time"].dtype == float
