"""Bad and unlucky inputs, from the file to the key figures: a sane table or one clear line."""

from __future__ import annotations

import warnings
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_logs import HEADER, params_of, write_rows

from segkit.errors import SegkitError
from segkit.params import SEGMENTATIONS
from segkit.run.examined import told
from segkit.run.preflight import examine
from segkit.study.study import Study

FAST = {"k_range": [2, 3], "n_init": 1}
HOSTILE = [
    "Peña, Núñez",
    'a "b" c',
    "two\nlines",
    "😀",
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "=1+1",
    "@SUM(A1)",
    "-2+3",
    "$x$",
    "{x} {{y}} {% z %}",
    "%s %(x)s",
    "'; DROP TABLE lines; --",
    "00123",
    "1e5",
    "12345.0",
    " x",
    "x ",
    "\t",
    "True",
    "None ",
    "a" * 5000,
    "\u202eright to left",
    "e\u0301 and \u00e9",
    "total",
    "prospects",
]


def sales(count: int, customers: int = 1, amount: float = 10, day: str = "2024-01-{:02}") -> list:
    return [
        (f"c{place % customers}", day.format(1 + place % 28), f"o{place}", 1, amount)
        for place in range(count)
    ]


def assert_sane(study: Study) -> None:
    """Check what must hold of any study: nothing lost, everyone in a segment, sums that agree."""
    customers, segments = study.customers, study.segments
    buyers = customers[customers["orders"] > 0]
    numbers = customers.select_dtypes("number")
    assert not np.isinf(numbers.to_numpy(dtype=float)).any()
    assert customers["customer_id"].is_unique
    assert customers["customer_id"].is_monotonic_increasing
    assert (buyers[["recency_days", "tenure_days", "x", "t_x", "T"]] >= 0).all(axis=None)
    assert (buyers["x"] < buyers["orders"]).all()
    assert buyers[["aov", "first_amount", "first_units"]].notna().all(axis=None)
    assert (buyers.loc[buyers["x"] > 0, "monetary_mean"] >= 0).all()
    assert (
        customers.loc[customers["orders"] == 0, ["recency_days", "x", "aov"]].isna().all(axis=None)
    )
    assert segments["customer_id"].equals(customers["customer_id"])
    quality = study.quality[study.quality["source"] == "orders"].set_index("rule")
    for column in ("lines", "amount"):
        left = quality.loc["kept", column] + quality.loc["rejected", column]
        assert quality.loc["read", column] == pytest.approx(left)
    for name in SEGMENTATIONS:
        assert segments[name].notna().all()
        sent_back = (customers["orders"] == 0) & (customers["returns"] > 0)
        never = (customers["orders"] == 0) & ~sent_back
        kinds = {"prospects|prospect(_cart_abandoned)?": never}
        kinds |= {"returned_all(_cart_abandoned)?": sent_back}
        for keys, expected in kinds.items():
            assert (segments[name].str.fullmatch(keys) == expected).all()
        table = study.kpis(name).set_index("segment")
        parts, total = table.drop("total"), table.loc["total"]
        assert parts["customers"].sum() == len(customers)
        assert parts["orders"].sum() == total["orders"]
        assert parts["revenue"].sum() == pytest.approx(total["revenue"])
        assert total["revenue_all_time"] == pytest.approx(customers["revenue"].sum())
    assert not study.monthly.empty or buyers.empty
    assert set(study.headline) >= {"customers", "revenue"}


UNLUCKY = {
    "one order": (sales(1), {}),
    "one customer": (sales(28), {}),
    "one order each, on one day, all equal": (sales(25, 25, day="2024-01-05"), {}),
    "all equal amounts": (sales(60, 12), {}),
    "all returned": (
        [*sales(9, 3), *((row[0], "2024-02-01", row[2], -1, -10) for row in sales(9, 3))],
        {"as_of": date(2024, 3, 1)},
    ),
    "nothing but returns": ([("ana", "2024-01-05", "o1", -1, -10)], {}),
    "more returned than sold": (
        [*sales(3), ("c0", "2024-01-20", "zz", -9, -500)],
        {},
    ),
    "all cancelled": (
        [("ana", "2024-01-05", "C1", 1, 10), ("luis", "2024-01-05", "C2", 1, 10)],
        {"cleaning": {"cancelled": "return", "cancelled_order_prefix": "C"}},
    ),
    "all free": (sales(9, 3, 0), {"cleaning": {"non_positive_price": "keep"}}),
    "mostly dirt": (
        [*sales(2), *[("", "", "", "", "")] * 3, ("x", "y", "z", "v", "w"), ("a", "2099-01-01", 1, 1, 1)],
        {"cleaning": {"accept_loss": 1.0}},
    ),
    "amounts at both edges": ([*sales(6, 3, 99_999_999_999_999), ("d", "2024-01-05", "x", 1, 0.0001)], {}),
    "quantities at the edge": ([("a", "2024-01-05", "o1", "99999999999999", 1), *sales(3)], {}),
    "one whale": ([*sales(40, 20), ("whale", "2024-01-09", "w", 1, 1e12)], {}),
    "a century between orders": ([("a", "1901-01-01", 1, 1, 5), *sales(5, 5), ("a", "2024-01-02", 2, 1, 5)], {}),
    "orders of one night": (
        [("a", "2024-02-29 23:59:59", 1, 1, 5), ("a", "2024-03-01 00:00:00", 2, 1, 5)],
        {},
    ),
    "one order number for all": ([(row[0], row[1], "1", *row[3:]) for row in sales(20, 10)], {}),
    "hostile names": (
        [(name, f"2024-01-{1 + place % 28:02}", name, 1, 1 + place) for place, name in enumerate(HOSTILE)],
        {},
    ),
    "registered customers who hardly buy": (
        sales(1),
        {"customers": [(f"r{place}", "2023-01-01") for place in range(9)]},
    ),
    "a date before all lines, with prospects": (
        sales(9, 3),
        {"as_of": date(2020, 1, 1), "customers": [("r", "2019-01-01")]},
    ),
    "a date far ahead": (sales(9, 3), {"as_of": date(2999, 12, 31)}),
    "events of nobody": (
        sales(9, 3),
        {"events": [("", "2024-01-05", "cart", "p"), (" ", "2024-01-05", "purchase", "p")]},
    ),
    "purchases that no order knows": (
        sales(9, 3),
        {"events": [(f"c{place}", "2023-06-05", "purchase", "p") for place in range(9)]},
    ),
    "carts of those who never buy": (
        sales(2),
        {"events": [(f"v{place}", "2024-01-02 10:00", "cart", "p") for place in range(9)]},
    ),
    "returned before it was bought": (
        sales(9, 3),
        {"returns": [(f"o{place}", "2020-01-01") for place in range(9)]},
    ),
    "registered after the last order": (
        sales(9, 3),
        {"customers": [(f"c{place}", "2024-01-09 23:00") for place in range(3)]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", UNLUCKY)
def test_an_unlucky_log_gives_a_sane_table(make_study, case):
    rows, given = UNLUCKY[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # What ibis itself says to pandas and DuckDB.
        warnings.filterwarnings("ignore", message="The 'future.infer_string' option")
        warnings.filterwarnings("ignore", message="fetch_(arrow_table|record_batch)")
        assert_sane(make_study(rows, clusters=FAST, **given))


def test_a_date_before_all_lines_has_nobody_to_tell_of(make_study):
    study = make_study(sales(9, 3), as_of=date(2020, 1, 1))
    assert study.customers.empty
    with pytest.raises(SegkitError, match="there are no customers. Fix: choose a later as_of"):
        study.kpis("families")


def test_the_default_settings_bear_a_tiny_base(make_study):
    assert_sane(make_study(sales(3, 3)))


TEXT = "customer,date,order,quantity,amount\nana,2024-01-05,o1,1,10\n"
TYPED = {
    "customer": ["ana"],
    "date": ["2024-01-05"],
    "order": ["o1"],
    "quantity": [1],
    "amount": [10.0],
}


def write_parquet(file: Path, **change) -> None:
    pq.write_table(pa.table({**TYPED, **change}), file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("o.csv", b"", "o.csv: the file is empty (0 bytes). Fix: export it again"),
        ("o.csv", b"\n\n\n", "o.csv: the first line holds no column names. Fix: add a header"),
        (
            "o.csv",
            TEXT.split("\n")[0].encode(),
            "client acme: orders: there are no lines. Fix: check",
        ),
        (
            "o.csv",
            (TEXT.split("\n")[0] + "\n,,,,\n").encode(),
            "no line is left of 1 read (no_customer 1)",
        ),
        (
            "o.csv",
            TEXT.replace("2024", "2099").encode(),
            "no line is left of 1 read (future_date 1)",
        ),
        (
            "o.csv",
            TEXT.replace("10\n", "ten\n").encode(),
            "no line is left of 1 read (unparsable_number 1)",
        ),
        (
            "o.csv",
            TEXT.replace(",1,10", ",1").encode(),
            "no line is left of 1 read (malformed_line 1)",
        ),
        ("o.csv", TEXT.replace(",", ";").encode(), "Fix: set orders.csv.separator to ';'"),
        (
            "o.csv",
            TEXT.encode("utf-16"),
            "o.csv: lines are not written in utf-8. Fix: set csv.encoding",
        ),
        (
            "o.csv",
            b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" * 9,
            "o.csv: lines are not written in utf-8 (9 in",
        ),
        ("o.parquet", b"", "o.parquet: the file is empty (0 bytes). Fix: export it again"),
        ("o.parquet", b"PAR1 and no more", "o.parquet: not a readable Parquet file"),
        ("o.parquet", TEXT.encode(), "o.parquet: not a readable Parquet file"),
        ("o.xlsx", b"PK\x03\x04 and no more", "o.xlsx: not a readable workbook"),
        (
            "o.json",
            b"[]",
            "orders.path: the format is not clear from the file names: '.json'. Fix: set",
        ),
    ],
)
def test_a_file_without_a_usable_line_is_one_clear_line(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    study = Study(params_of(orders={"path": name}), root=tmp_path, run_dir="run")
    with pytest.raises(SegkitError) as caught:
        study.customers  # noqa: B018 the property reads the file
    study.close()
    text = str(caught.value)
    assert said in text
    assert "\n" not in text
    assert ". Fix: " in text
    assert not (tmp_path / "run" / "data" / "customers.parquet").exists()


@pytest.mark.parametrize("cut", range(len(TEXT) - 26, len(TEXT), 6))
def test_a_csv_file_cut_anywhere_keeps_its_whole_lines(tmp_path, workspace, cut):
    from segkit.data.cleaning import clean
    from segkit.data.sources import read

    (tmp_path / "orders.csv").write_text(
        TEXT + TEXT.partition("\n")[2].replace("o1", "o2") + TEXT[:cut]
    )
    params = params_of(cleaning={"accept_loss": 1.0})
    raws = {"orders": read(workspace, params.orders, "orders")}
    quality = clean(workspace, params, raws, today=date(2024, 6, 30)).quality
    lines = quality.set_index("rule")["lines"]
    assert lines["kept"] >= 2
    assert lines["kept"] + lines["rejected"] == lines["read"]


@pytest.mark.parametrize(
    "change",
    [
        {"customer": pa.array([12345], pa.int64())},
        {"customer": pa.array([12345.0])},
        {"amount": pa.array(["10"])},
        {"quantity": pa.array([2**31 - 1], pa.int32())},
        {"order": pa.nulls(1)},
        {"extra": pa.nulls(1)},
        {"extra": pa.array([{"a": [{"b": 2}]}])},
        {"Amount": pa.array([5.0])},
        {"customer_id": ["x"], "rule": ["x"], "fate": ["x"], "raw": ["x"], "last": ["x"]},
    ],
)
def test_parquet_columns_of_any_type_make_a_customer(tmp_path, workspace, change):
    from segkit.data.cleaning import clean
    from segkit.data.sources import read

    write_parquet(tmp_path / "o.parquet", **change)
    params = params_of(orders={"path": "o.parquet"})
    raws = {"orders": read(workspace, params.orders, "orders")}
    lines = clean(workspace, params, raws, today=date(2024, 6, 30)).lines.to_pyarrow().to_pylist()
    assert [(row["customer_id"], float(row["amount"])) for row in lines] in (
        [[("ana", 10)], [("12345", 10)]]
    )


def test_damage_deep_in_a_parquet_file_is_one_clear_line(tmp_path):
    file = tmp_path / "o.parquet"
    count = 200_000
    names = np.random.default_rng(1).integers(0, 10**9, count).astype(str)
    table = pa.table(
        {
            "customer": names,
            "date": ["2024-01-05"] * count,
            "order": names,
            "quantity": [1] * count,
            "amount": [1.0] * count,
        }
    )
    pq.write_table(table, file, row_group_size=50_000)
    content = bytearray(file.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = b"\xff" * 20_000
    file.write_bytes(bytes(content))
    study = Study(params_of(orders={"path": "o.parquet"}), root=tmp_path, run_dir="run")
    with pytest.raises(SegkitError, match="the engine cannot work through the lines") as caught:
        study.customers  # noqa: B018 the property reads the file
    assert "\n" not in str(caught.value)
    study.close()


def test_hostile_names_come_out_as_they_went_in(make_study):
    study = make_study(*UNLUCKY["hostile names"][:1], clusters=FAST)
    kept = [name for name in HOSTILE if name.strip() not in {"", "None"}]
    assert sorted(study.customers["customer_id"]) == sorted(kept)


def test_side_tables_may_be_empty_or_know_nobody(make_study):
    study = make_study(
        sales(9, 3),
        clusters=FAST,
        returns=[],
        customers=[],
        events=[("", "", "", ""), ("c0", "2024-01-05", "other", "")],
    )
    assert_sane(study)
    assert study.customers["registered"].isna().all()


def rules(study: Study, source: str) -> dict[str, int]:
    quality = study.quality[study.quality["source"] == source]
    return quality.set_index("rule")["lines"].astype(int).to_dict()


def test_events_without_a_customer_are_counted_and_nobodys(make_study):
    events = [("", "2024-01-05", "cart", "p1"), (" ", "2024-01-05", "view", "p1")]
    events += [("c0", "2024-01-05 10:00", "cart", "p1")]
    study = make_study(sales(9, 3), as_of=date(2024, 2, 1), events=events)
    found = rules(study, "events")
    assert (found["read"], found["no_customer"], found["kept"]) == (3, 2, 1)
    assert set(study.customers["customer_id"]) == {"c0", "c1", "c2"}
    assert study.carts.totals["carts"] == 1
    rejected = pd.read_parquet(study.store.folder / "rejected.parquet")
    assert rejected[["source", "reason"]].to_numpy().tolist() == [["events", "no_customer"]] * 2


def test_purchases_that_contradict_the_orders_are_counted_and_are_no_revenue(make_study):
    plain = make_study(sales(9, 3), run_dir="plain").customers
    events = [("c0", "2023-05-05", "purchase", "p1"), ("c1", "2024-01-02", "purchase", "p9")]
    events += [("nobody", "2024-01-05", "purchase", "p1")]
    study = make_study(sales(9, 3), events=events)
    assert rules(study, "events")["purchase_not_in_orders"] == 2
    assert rules(study, "events")["kept"] == 3
    buyers = study.buyers[plain.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(buyers, plain, check_dtype=False)
    found = study.customers.set_index("customer_id")
    assert found.loc["nobody", ["orders", "revenue"]].tolist() == [0, 0]


def test_returns_before_the_purchase_are_counted_and_never_leave_less_than_nothing(make_study):
    rows = sales(9, 3)
    returns = [("o0", "2023-12-01"), ("o1", "2024-03-01"), ("zz", "2023-12-01")]
    study = make_study(rows, as_of=date(2024, 2, 1), returns=returns)
    found = rules(study, "returns")
    assert (found["return_before_order"], found["returned_order"], found["unknown_order"]) == (
        1,
        2,
        1,
    )
    customers = study.customers.set_index("customer_id")
    assert customers["returned"].to_dict() == {"c0": 10, "c1": 0, "c2": 0}
    assert customers["returns"].to_dict() == {"c0": 1, "c1": 0, "c2": 0}
    # Before the purchase, nothing had been given back.
    early = study.at(date(2024, 1, 1)).customers
    assert early.empty
    later = study.at(date(2024, 4, 1)).customers.set_index("customer_id")["returned"]
    assert later.to_dict() == {"c0": 10, "c1": 10, "c2": 0}


@pytest.mark.parametrize(
    ("registered", "is_late"),
    [
        ("2024-01-02 23:59", False),
        ("2024-01-03 00:00", True),
        ("2024-03-01", False),  # after the date: not known yet
        ("some day", False),
    ],
)
def test_who_registered_after_buying_is_counted_and_has_bought_all_the_same(
    make_study, registered, is_late
):
    plain = make_study(sales(9, 3), as_of=date(2024, 2, 1), run_dir="plain").customers
    study = make_study(
        sales(9, 3), as_of=date(2024, 2, 1), customers=[("c1", registered), ("new", "2024-01-31")]
    )
    late = study.quality[study.quality["rule"] == "registered_after_purchase"]
    assert late[["source", "action", "lines"]].to_numpy().tolist() == [
        ["customers", "keep", is_late]
    ]
    buyers = study.buyers[plain.columns].reset_index(drop=True)
    pd.testing.assert_frame_equal(buyers, plain, check_dtype=False)
    assert (study.customers["known_days"].dropna() >= 0).all()


def test_without_registrations_nothing_is_said_of_their_dates(make_study):
    assert "registered_after_purchase" not in set(make_study(sales(9, 3)).quality["rule"])


def test_the_same_customer_written_in_two_ways_is_two_customers(make_study):
    names = ["123", "0123", "123 ", "e\u0301", "\u00e9", "Ana", "ana"]
    rows = [(name, "2024-01-05", place, 1, 1) for place, name in enumerate(names)]
    assert len(make_study(rows).customers) == len(names)


def test_a_thousand_small_files_are_one_log(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for place in range(300):
        rows = [(f"c{place % 50}", f"2024-01-{1 + place % 28:02}", f"o{place}", 1, 1)]
        write_rows(folder / f"{place}.csv", rows, HEADER)
    study = Study(params_of(orders={"path": "in"}), root=tmp_path, run_dir="run")
    assert study.customers["orders"].sum() == 300
    assert isinstance(study.customers, pd.DataFrame)
    study.close()


@pytest.mark.parametrize(
    ("days", "given", "asked"),
    [
        (1000, {}, None),
        (
            540,
            {},
            "clv.horizon_months: is 12 right? A test takes 30 months of orders, "
            "there are 18 months; 6 would fit",
        ),
        (540, {"clv": {"horizon_months": 6}}, None),
        (540, {"evidence": {"horizon_months": 3}}, None),
        (
            540,
            {"clv": {"horizon_months": 3}, "evidence": {"horizon_months": 9}},
            "evidence.horizon_months: is 9 right? A test takes 22.5 months of orders, "
            "there are 18 months; 6 would fit",
        ),
        (
            28,
            {"clv": {"horizon_months": 1}},
            "clv.horizon_months: is 1 right? A test takes 2.5 months of orders, "
            "there are 28 days; no horizon fits yet: forecasts go untested",
        ),
    ],
)
def test_a_check_asks_about_a_horizon_that_does_not_fit_the_history(tmp_path, days, given, asked):
    first = pd.Timestamp("2022-01-03")
    places = [
        first,
        *pd.date_range(first, periods=58, freq="D"),
        first + pd.Timedelta(days - 1, "D"),
    ]
    rows = [
        (f"c{place % 9}", f"{day:%Y-%m-%d}", f"o{place}", 1, 10)
        for place, day in enumerate(places)
        if day < first + pd.Timedelta(days, "D")
    ]
    write_rows(tmp_path / "orders.csv", rows)
    params = params_of(**given)
    lines = [line for line in told(examine(params, tmp_path), params) if "horizon" in line]
    assert lines == ([asked] if asked else [])
