"""Key figures cut by dimension, by hand and adding up; and what nobody known bought."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import HEADER
from test_kpis import CUSTOMERS, LABELS, PERIOD

from segkit.analysis.dimensions import (
    cells_of,
    cutting_dimensions,
    dimension_columns,
    dimension_kpis,
    fewer_values,
    find_dimension,
    without_few,
)
from segkit.analysis.kpis import segment_kpis
from segkit.data.customers import period_table
from segkit.errors import DataError, SegkitError
from segkit.report.page.chapter import Chapter
from segkit.study.study import Study

CHANNEL = pd.Series(["web", "shop", "web", None, "shop"], name="channel")
COUNTS = ["customers", "buyers", "orders", "orders_all_time"]


def cut(values=CHANNEL, labels=LABELS, customers=CUSTOMERS, period=PERIOD) -> pd.DataFrame:
    customers, period = (table.assign(gross=table["revenue"] + 5) for table in (customers, period))
    return dimension_kpis(labels, customers, period, values)


def parts_and_total(table: pd.DataFrame, column: str) -> tuple[pd.DataFrame, pd.Series]:
    assert table.iloc[-1][["segment", column]].tolist() == ["total", "total"]
    return cells_of(table), table.iloc[-1]


def test_each_segment_is_cut_by_each_value_that_somebody_has_and_then_the_brand():
    table = cut()
    rows = list(zip(table["segment"], table["channel"].fillna("?"), table["customers"]))
    assert rows == [
        ("dormant", "web", 1),
        ("dormant", "total", 1),
        ("loyal", "web", 1),
        ("loyal", "shop", 1),
        ("loyal", "total", 2),
        ("prospects", "shop", 1),
        ("prospects", "?", 1),
        ("prospects", "total", 2),
        ("total", "web", 2),
        ("total", "shop", 2),
        ("total", "?", 1),
        ("total", "total", 5),
    ]


def test_figures_of_a_cell_are_those_of_its_customers_and_shares_are_of_the_brand():
    cell = cut().set_index(["segment", "channel"]).loc[("loyal", "web")]
    expected = {"orders": 2, "revenue": 60, "revenue_share": 60 / 65, "customers_share": 1 / 5}
    expected |= {"aov": 30, "upt": 3, "ltv": 90, "repeat_rate": 1, "return_rate": 1 / 6}
    for name, value in expected.items():
        assert cell[name] == pytest.approx(value), name


def test_the_totals_of_segments_are_those_of_the_segments_table():
    given = [table.assign(gross=table["revenue"] + 5) for table in (CUSTOMERS, PERIOD)]
    plain = segment_kpis(LABELS, *given, resamples=0).dropna(axis=1, how="all")
    table = cut()
    whole = table[table["channel"] == "total"].reset_index(drop=True)
    pd.testing.assert_frame_equal(whole[plain.columns], plain, check_dtype=False)


def test_a_customer_of_the_period_that_the_table_lacks_is_an_error():
    stranger = pd.concat([PERIOD, PERIOD[:1].assign(customer_id="who")])
    with pytest.raises(DataError, match="segments do not add up to the brand's orders"):
        cut(period=stranger)


def test_values_may_come_in_any_order_of_rows_and_customers_without_one_are_a_row():
    pd.testing.assert_frame_equal(cut(CHANNEL.sample(frac=1, random_state=3)), cut())
    table = cut(CHANNEL.where(CHANNEL == "web"))
    unknown = table[(table["segment"] == "total") & table["channel"].isna()]
    assert unknown["customers"].tolist() == [3]


def test_a_value_that_is_called_total_is_no_total():
    table = cut(CHANNEL.replace("web", "total"))
    inside, total = parts_and_total(table, "channel")
    assert set(inside["channel"].dropna()) == {"(total)", "shop"}
    assert inside["customers"].sum() == total["customers"] == 5


MONEY = st.decimals(-1000, 10**6, places=4, allow_nan=False).map(float)
PEOPLE = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["web", "total", "other", "", None]),
    st.integers(0, 5),
    MONEY,
    MONEY,
)


@settings(max_examples=15)
@given(base=st.lists(PEOPLE, min_size=1))
def test_cells_and_both_margins_add_up_to_the_brand_exactly(base):
    labels, values, orders, all_time, revenue = map(list, zip(*base))
    names = [f"c{place}" for place in range(len(base))]
    customers = pd.DataFrame({"customer_id": names, "orders": orders, "revenue": all_time})
    customers = customers.assign(aov=1.0, recency_days=1)
    period = pd.DataFrame({"customer_id": names, "orders": orders, "revenue": revenue})
    period = period.assign(units=1.0, returned_units=0.0)
    table = cut(pd.Series(values, name="x", dtype=object), pd.Series(labels), customers, period)
    inside, total = parts_and_total(table, "x")
    by_segment = table[(table["x"] == "total") & (table["segment"] != "total")]
    by_value = table[(table["segment"] == "total") & (table["x"] != "total")]
    for parts in (inside, by_segment, by_value):
        assert (parts[COUNTS].sum() == total[COUNTS]).all()
        for name in ("revenue", "revenue_all_time"):
            in_parts = (parts[name] * 10_000).round().astype("int64").sum()
            assert in_parts == round(total[name] * 10_000)
    assert not table.duplicated(["segment", "x"]).any()


def test_dimensions_are_told_from_measures_of_the_first_order():
    customers = pd.DataFrame(
        {
            "first_order": pd.to_datetime(["2024-01-01"]),
            "first_amount": [9.0],
            "channel": ["web"],
            "top_category": ["tea"],
            "top_order": ["a"],
            "top_pais": ["AR"],
            "first_pais": ["UY"],
        }
    )
    assert dimension_columns(customers) == {
        "channel": "channel",
        "category": "top_category",
        "order": "top_order",
        "pais": "top_pais",
        "first_pais": "first_pais",
    }


def test_names_of_dimensions_are_short_enough_for_files_and_differ():
    long = [f"top_{'how_did_you_hear_about_us_' * 3}{end}" for end in "ab"]
    names = dimension_columns(pd.DataFrame({column: ["x"] for column in ["channel", *long]}))
    assert list(names.values()) == ["channel", *long]
    assert max(map(len, names)) <= 40
    twice = dimension_columns(pd.DataFrame({"channel": ["web"], "top_channel": ["web"]}))
    assert list(twice.values()) == ["channel", "top_channel"]


def test_what_cuts_a_base_has_a_few_values_and_most_buyers_have_one():
    people = 100
    customers = pd.DataFrame({"orders": [1] * 80 + [0] * 20})
    customers["channel"] = ["web", "shop"] * 25 + [None] * 50
    customers["top_one"] = "one"
    customers["top_rare"] = ["a", "b"] + [None] * (people - 2)
    customers["top_many"] = [f"v{place % 31}" for place in range(people)]
    customers["top_thirty"] = customers["first_thirty"] = [f"v{it % 30}" for it in range(people)]
    assert cutting_dimensions(customers) == ["channel", "thirty"]
    assert cutting_dimensions(customers[:0]) == []


@pytest.mark.parametrize("asked", ["pais_de_envio", "top_pais_de_envio", "País de envío"])
def test_a_dimension_is_known_by_its_key_its_column_and_the_clients_name(asked):
    customers = pd.DataFrame({"top_pais_de_envio": ["AR"], "first_pais_de_envio": ["UY"]})
    assert find_dimension(asked, customers, ["Canal", "País de envío"]) == "top_pais_de_envio"
    assert find_dimension("first_pais_de_envio", customers) == "first_pais_de_envio"


def test_an_unknown_dimension_is_an_error_that_names_those_there_are():
    customers = pd.DataFrame({"channel": ["web"], "top_category": ["tea"]})
    with pytest.raises(SegkitError, match="no such dimension: 'chanel'.*'channel'.*category"):
        find_dimension("chanel", customers)
    with pytest.raises(SegkitError, match="no such dimension: 'x'.*orders.dimensions"):
        find_dimension("x", pd.DataFrame({"orders": [1]}))


def test_the_values_of_least_revenue_are_one_and_what_is_unknown_stays_so():
    values = pd.Series(["a", "b", "c", "other", None, "a"], name="channel")
    revenue = pd.Series([1.0, 5.0, 2.0, 9.0, 50.0, 3.0])
    few = fewer_values(values, revenue, 2)
    assert few.fillna("?").tolist() == ["other", "b", "other", "other", "?", "other"]
    assert fewer_values(values, revenue, 3).equals(values), "one value alone keeps its name"


def test_rows_of_few_customers_are_blank_in_every_figure_and_totals_are_not():
    table = without_few(cut(), 2)
    keyed = table.fillna({"channel": "?"}).set_index(["segment", "channel"])
    assert (
        keyed.loc[[("loyal", "web"), ("prospects", "?"), ("dormant", "total")]]
        .isna()
        .all(axis=None)
    )
    assert keyed.loc[("loyal", "total"), "customers"] == 2
    assert keyed.loc[("total", "total"), ["customers", "revenue"]].tolist() == [5, 65]
    assert table["customers"].dtype == "Int64"


# In a study

SHOP = (*HEADER, "channel", "País")
ROWS = [
    (f"c{n % 12}", f"2024-{1 + n % 6:02}-{10 + n % 9}", f"o{n}", 1, 10 + n, "Web", "AR")
    for n in range(30)
]
ROWS += [(f"d{n}", "2024-05-02", f"p{n}", 2, 20, "shop" if n else "=1+1", "") for n in range(6)]
WALK_INS = [
    ("", "2024-06-01", "w1", 1, 100, "shop", "AR"),
    ("", "2024-06-01", "w1", 1, 50, "shop", "AR"),
    ("Consumidor Final", "2024-06-02", "w2", 3, 90, "shop", "AR"),
    ("Consumidor Final", "2024-06-05", "w2", -1, -30, "shop", "AR"),
    ("mostrador", "2023-01-02", "w0", 1, 1000, "shop", "AR"),
    ("", "no date", "w3", 1, 7, "shop", "AR"),
]
FAST = {"clusters": {"k_range": [2, 3], "n_init": 1}, "clv": {"resamples": 3}}
CUT = {"period_months": 6, "as_of": date(2024, 7, 1), **FAST}
CUT |= {"orders": {"dimensions": ["País"], "columns": {name: name for name in SHOP[:-1]}}}


def test_a_study_is_cut_by_every_dimension_and_adds_up(make_study):
    study = make_study(ROWS, header=SHOP, **CUT)
    assert study.dimensions == ["channel"], "one country cuts nothing"
    for by, column in {
        "channel": "channel",
        "País": "top_pais",
        "first_pais": "first_pais",
    }.items():
        inside, total = parts_and_total(study.kpis("families", by=by), column)
        plain = study.kpis("families").iloc[-1]
        for name in ("customers", "orders", "revenue"):
            assert inside[name].sum() == pytest.approx(plain[name]) == total[name]
    pais = study.kpis("families", by="pais")
    assert pais[pais["top_pais"].isna() & (pais["segment"] == "total")]["customers"].item() == 6
    later = study.kpis("families", date(2024, 5, 1), by="channel").iloc[-1]["orders"]
    assert later == study.kpis("families", date(2024, 5, 1)).iloc[-1]["orders"]
    with pytest.raises(SegkitError, match="no such dimension: 'store'"):
        study.kpis("families", by="store")


def test_neither_the_file_nor_the_picture_tells_figures_of_few(make_study):
    study = make_study(ROWS, header=SHOP, **CUT)
    shown = study.segmented.shown_kpis("value_groups", by="channel")
    cells = study.segmented.cells("value_groups", "channel")
    for table in (shown, cells):
        assert not (table["customers"] < 5).any()
        assert table[table["customers"].isna()].iloc[:, 2:].isna().all(axis=None)
        assert table["customers"].isna().any()
    html = Chapter(study, "segments").table(
        "segment_kpis_value_groups_by_channel",
        shown,
        "value_groups",
        where=shown["segment"] == "total",
        columns=["channel", "customers", "revenue"],
        **study.segmented.dimension_terms("channel"),
    )
    assert ">Total<" in html.html
    assert html.plain.startswith("Indicadores por dimensión: Canal")


def test_a_log_without_dimensions_is_cut_by_none(make_study):
    study = make_study([row[:5] for row in ROWS], **{**CUT, "orders": {}})
    assert study.dimensions == []
    assert study.segmented.no_customer == []
    shown, plain = study.segmented.shown_kpis("families"), study.kpis("families")
    pd.testing.assert_frame_equal(shown, plain)


def test_sales_to_nobody_known_stand_below_the_total_and_change_nothing_above(make_study):
    study = make_study([*ROWS, *WALK_INS], header=SHOP, **CUT)
    plain, shown = study.kpis("families"), study.segmented.shown_kpis("families")
    assert plain.iloc[-1]["revenue"] == sum(amount for *_, amount, _, _ in ROWS)
    assert shown["segment"].tolist() == [*plain["segment"], "no_customer"]
    pd.testing.assert_frame_equal(shown[:-1], plain, check_dtype=False)
    row = shown.iloc[-1]
    assert row[["orders", "gross", "returned", "revenue"]].tolist() == [2, 240, 30, 210]
    assert row[["aov", "upt", "return_rate"]].tolist() == pytest.approx([105, 2.5, 1 / 5])
    assert row[["customers", "customers_share", "revenue_share", "ltv", "clv"]].isna().all()
    ((key, said),) = study.segmented.no_customer
    brand = 210 + plain.iloc[-1]["revenue"]
    assert (key, said["revenue"], said["share"]) == ("no_customer_share", 210, 210 / brand)
    told = Chapter(study, "segments").tell(study.segmented.no_customer)
    assert told is not None and "Sin cliente" in told.plain


def test_the_whole_history_of_nobody_is_the_bridges(make_study):
    study = make_study([*ROWS, *WALK_INS], header=SHOP, **{**CUT, "period_months": 36})
    row = study.segmented.shown_kpis("families").iloc[-1]
    bridge = study.bridge.set_index("step")["amount"]
    assert row["revenue"] == -bridge["no_customer"] == 1210


def test_a_little_revenue_of_nobody_is_a_row_and_not_worth_a_sentence(make_study):
    columns = {name: name for name in SHOP[:-1] if name != "order"}
    rows = [
        *ROWS,
        ("mostrador", "2024-06-01", "", 1, 4, "", ""),
        ("", "2024-06-01", "", 1, 1, "", ""),
    ]
    study = make_study(
        rows, header=SHOP, **{**CUT, "orders": {"columns": columns | {"order": None}}}
    )
    assert study.segmented.no_customer == []
    row = study.segmented.shown_kpis("families").iloc[-1]
    assert (row["segment"], row["revenue"]) == ("no_customer", 5)
    assert pd.isna(row["orders"]), "without order numbers, a till's orders cannot be told apart"
    assert np.isnan(row["aov"])


def test_a_real_shops_sales_to_nobody_known_are_what_the_bridge_takes_off(
    real_data, tmp_path, monkeypatch
):
    data = real_data("online_retail_ii_2009_2010.parquet").parent
    monkeypatch.setenv("SEGKIT_DATA", str(data))
    study = Study("params/online_retail_ii.yaml", run_dir=tmp_path)
    bought = period_table(study.cleaned.nobody, study.first_day, study.as_of)
    bought = bought.to_pyarrow().to_pandas()
    step = study.bridge.set_index("step").loc["no_customer"]
    assert bought["revenue"].sum() == pytest.approx(-step["amount"])
    assert bought["revenue"].sum() > 100_000
    assert 0 < bought["orders"].sum() <= step["orders"]
