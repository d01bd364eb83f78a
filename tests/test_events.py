"""Registered customers and events: what is kept, what the tables held, who looked at what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime

import ibis
import pandas as pd
import pytest
from made_logs import params_of, write_rows

from segkit.data.events import (
    EVENT_RULES,
    clean_registered,
    events_quality,
    judge_events,
    kept_events,
    rejected_events,
    seen_table,
    unmatched_purchases,
    viewed_by,
)
from segkit.data.sources import Raw, Workspace, read
from segkit.params import Params

TODAY = date(2024, 6, 30)
REGISTERED = ("customer", "registered")
EVENT = ("customer", "date", "type", "product")


@pytest.fixture
def opened(workspace: Workspace) -> Callable[..., tuple[Raw, Params]]:
    """Return a function that writes a side table and opens it with its parameters."""

    def make(name: str, rows: list, header: tuple, **given) -> tuple[Raw, Params]:
        write_rows(workspace.root / f"{name}.csv", rows, header)
        columns = {column: column for column in header}
        params = params_of(**{name: {"path": f"{name}.csv", "columns": columns, **given}})
        return read(workspace, getattr(params, name), name), params

    return make


def frame(table: ibis.Table) -> pd.DataFrame:
    return table.order_by(table.columns[:2]).to_pyarrow().to_pandas()


def lines(quality: pd.DataFrame) -> dict[str, int]:
    return quality.set_index("rule")["lines"].to_dict()


def test_a_customer_is_registered_once_since_the_earliest_date(opened):
    rows = [
        ("00123", "2024-02-01"),
        ("00123", "2024-01-01"),
        ("", "2024-01-01"),
        ("ana", "someday"),
        ("luis", ""),
    ]
    table, quality = clean_registered(*opened("customers", rows, REGISTERED))
    found = frame(table).set_index("customer_id")["registered"]
    assert found.index.tolist() == ["00123", "ana", "luis"]
    assert found["00123"] == pd.Timestamp("2024-01-01")
    assert found[["ana", "luis"]].isna().all()
    assert lines(quality) == {
        "read": 5,
        "malformed_line": 0,
        "no_customer": 1,
        "unparsable_date": 1,
        "repeated_customer": 1,
        "kept": 3,
    }
    assert set(quality["source"]) == {"customers"}
    assert quality.set_index("rule").loc["unparsable_date", "action"] == "keep"


def test_customers_may_be_registered_without_a_date(opened):
    table, _ = clean_registered(*opened("customers", [("ana",), ("luis",)], ("customer",)))
    assert frame(table)["registered"].isna().all()


def test_an_empty_table_of_customers_is_fine(opened):
    table, quality = clean_registered(*opened("customers", [], REGISTERED))
    assert len(frame(table)) == 0
    assert set(lines(quality).values()) == {0}
    assert quality["lines_share"].tolist() == [0.0] * len(quality)


EARLY, LATE = datetime(2024, 6, 1, 10), datetime(2024, 6, 15, 10)


def table_of(rows: Iterable[tuple], *columns: str) -> ibis.Table:
    """Return rows as a table of texts; `happened_at` and `observed_at` are moments."""
    moments = {"happened_at", "observed_at"}
    kinds = {name: "timestamp" if name in moments else "string" for name in columns}
    kinds |= {"is_return": "boolean"} if "is_return" in columns else {}
    return ibis.memtable([dict(zip(columns, row)) for row in rows], schema=kinds)


def events_of(rows: Iterable[tuple]) -> ibis.Table:
    return table_of(rows, "customer_id", "type", "product_id", "happened_at")


SALES = ("customer_id", "observed_at", "is_return")
NOTHING_SOLD = table_of([], *SALES)


@pytest.fixture
def judged(opened) -> Callable[..., tuple[ibis.Table, dict[str, int]]]:
    """Return a function that gives events judged, and how many broke each rule."""

    def make(rows: list, header: tuple = EVENT, sold: ibis.Table = NOTHING_SOLD, **given):
        raw, params = opened("events", rows, header, **given)
        found = judge_events(raw, params, today=TODAY)
        return found, lines(events_quality(found, raw, sold))

    return make


def test_events_are_kept_by_kind_with_the_reason_for_the_others(judged):
    rows = [
        ("ana", "2024-06-01 10:00", "ver", "p1"),
        ("ana", "2024-06-01 11:00", "carrito", "p1"),
        ("ana", "2024-06-30 23:00", "compra", ""),
        ("", "2024-06-01", "ver", "p1"),
        ("ana", "nope", "ver", "p1"),
        ("ana", "", "ver", "p1"),
        ("ana", "2024-05-31 23:59:59", "ver", "p1"),
        ("ana", "2024-07-01", "ver", "p1"),
        ("ana", "2024-06-01", "view", "p1"),
        ("ana", "2024-06-01", "", "p1"),
    ]
    types = {"view": "ver", "cart": "carrito", "purchase": "compra"}
    found, quality = judged(rows, types=types, since="2024-06-01")
    kept = kept_events(found)
    assert frame(kept)["type"].tolist() == ["view", "cart", "purchase"]
    assert kept.columns == ("customer_id", "happened_at", "type", "product_id")
    assert quality == {
        "read": 10,
        "malformed_line": 0,
        "no_customer": 1,
        "unparsable_date": 2,
        "stray_date": 1,
        "future_date": 1,
        "other_event": 2,
        "purchase_not_in_orders": 1,
        "kept": 3,
    }


def test_a_rejected_event_stands_as_given_with_its_reason(judged):
    rows = [("ana", "2024-06-01", "view", "p1"), ("", "nope", "x, y", "p2")]
    found, _ = judged(rows)
    (row,) = rejected_events(found).to_pyarrow().to_pylist()
    assert json.loads(row.pop("raw")) == dict(zip(EVENT, (None, "nope", "x, y", "p2")))
    assert row == {
        "source": "events",
        "reason": "no_customer",
        "amount": None,
        "file": None,
        "line": None,
    }
    assert found.filter(found["rule"].isnull()).to_pyarrow().to_pydict()["raw"] == [None]


def test_an_event_counts_under_the_first_rule_that_it_breaks(judged):
    rows = [("", "x", "y", ""), ("ana", "x", "y", ""), ("ana", "2030-01-01", "y", "")]
    found, quality = judged(rows, until="2024-06-15")
    assert sorted(found.to_pyarrow().to_pydict()["rule"]) == sorted(
        ["no_customer", "unparsable_date", "stray_date"]
    )
    assert quality["read"] == sum(quality[rule] for rule in EVENT_RULES) == 3


@pytest.mark.parametrize(
    ("moment", "is_kept"),
    [
        ("2024-05-31 23:59:59", False),
        ("2024-06-01 00:00:00", True),
        ("2024-06-14 23:59:59", True),
        ("2024-06-15 00:00:00", False),
    ],
)
def test_a_log_covers_its_first_day_and_not_the_day_after_its_last(judged, moment, is_kept):
    rows = [("ana", moment, "view", "p1")]
    found, quality = judged(rows, since="2024-06-01", until="2024-06-15")
    assert quality["stray_date"] == (not is_kept)
    assert len(frame(kept_events(found))) == is_kept


def test_strays_are_told_in_the_clients_time(workspace):
    write_rows(workspace.root / "events.csv", [("ana", 1511539200, "view")], EVENT[:3])
    columns = {name: name for name in EVENT[:3]}
    events = {"path": "events.csv", "columns": columns, "date_format": "epoch_s"}
    events |= {"since": "2017-11-25"}  # 1511539200 is its first second in Shanghai
    for timezone, rule in (("Asia/Shanghai", None), ("UTC", "stray_date")):
        params = params_of(events=events, timezone=timezone)
        raw = read(workspace, params.events, "events")
        found = judge_events(raw, params, today=TODAY).to_pyarrow().to_pydict()
        assert found["rule"] == [rule]


def test_a_wishlist_is_a_kind_of_event_only_where_it_is_named(judged):
    rows = [("ana", "2024-06-01", "fav", "p1"), ("ana", "2024-06-01", "view", "p1")]
    found, quality = judged(rows)
    assert quality["other_event"] == 1
    found, quality = judged(rows, types={"wishlist": "fav"})
    assert quality["other_event"] == 0
    assert set(frame(kept_events(found))["type"]) == {"wishlist", "view"}


def test_events_have_products_and_categories_where_the_log_does(judged):
    rows = [("00123", "2024-06-01", "view", "007", "A"), ("luis", "2024-06-01", "view", "", "")]
    found, _ = judged(rows, (*EVENT, "category"))
    kept = frame(kept_events(found)).set_index("customer_id")
    assert kept.loc["00123", ["product_id", "category"]].tolist() == ["007", "A"]
    assert kept.loc["luis", ["product_id", "category"]].isna().all()
    found, _ = judged([("ana", "2024-06-01", "view")], EVENT[:3])
    assert kept_events(found).columns == ("customer_id", "happened_at", "type")


def test_malformed_lines_of_events_are_counted(opened, workspace):
    raw, params = opened("events", [("ana", "2024-06-01", "view", "p1")], EVENT)
    with (workspace.root / "events.csv").open("a") as stream:
        stream.write("cut,2024")
    raw = read(workspace, params.events, "events")
    found = judge_events(raw, params, today=TODAY)
    quality = lines(events_quality(found, raw, NOTHING_SOLD))
    assert quality["malformed_line"] == 1
    assert quality["read"] == 2


def test_a_purchase_that_no_order_is_near_is_counted_and_kept(judged):
    rows = [
        ("ana", "2024-06-01 23:50", "purchase", "p1"),
        ("ana", "2024-06-03 00:10", "purchase", "p1"),
        ("ana", "2024-06-04 00:10", "purchase", "p1"),
        ("luis", "2024-06-02 10:00", "purchase", "p1"),
        ("eva", "2024-06-02 10:00", "purchase", "p1"),
        ("ana", "2024-06-20 10:00", "cart", "p1"),
    ]
    sold = table_of(
        [("ana", datetime(2024, 6, 2, 9), False), ("luis", datetime(2024, 6, 2, 9), True)], *SALES
    )
    found, quality = judged(rows, sold=sold)
    assert quality["purchase_not_in_orders"] == 3
    assert quality["kept"] == 6
    unmatched = unmatched_purchases(kept_events(found), sold).to_pyarrow().to_pylist()
    assert sorted((row["customer_id"], row["day"].day) for row in unmatched) == [
        ("ana", 4),
        ("eva", 2),
        ("luis", 2),
    ]


def test_each_purchase_of_a_day_without_an_order_is_counted(judged):
    rows = [("ana", f"2024-06-01 1{hour}:00", "purchase", "p1") for hour in range(3)]
    _, quality = judged(rows)
    assert quality["purchase_not_in_orders"] == 3


SEEN = [
    ("ana", "cart", "p1", EARLY),
    ("ana", "purchase", "p1", datetime(2024, 6, 1, 11)),
    ("ana", "wishlist", "p2", LATE),
    ("zoe", "view", "p1", LATE),
]


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (None, {"ana": (EARLY, LATE), "zoe": (LATE, LATE)}),
        (date(2024, 7, 1), {"ana": (EARLY, LATE), "zoe": (LATE, LATE)}),
        (date(2024, 6, 15), {"ana": (EARLY, datetime(2024, 6, 1, 11))}),
        (date(2024, 6, 1), {}),
    ],
)
def test_who_was_seen_first_and_last_before_a_date(as_of, expected):
    found = seen_table(events_of(SEEN), as_of).to_pyarrow().to_pylist()
    assert {row["customer_id"]: (row["first_seen"], row["last_seen"]) for row in found} == expected


def looked(products: ibis.Table | None = None, events: list | None = None) -> list[tuple]:
    rows = events or [
        ("zoe", "view", "p1", EARLY),
        ("zoe", "view", "p2", EARLY),
        ("kim", "cart", "p2", EARLY),
        ("kim", "purchase", "p3", EARLY),
        ("kim", "view", "p4", LATE),
        ("ana", "view", "p1", EARLY),
        ("zoe", "view", None, EARLY),
    ]
    prospects = table_of([("zoe",), ("kim",), ("sin",)], "customer_id")
    found = viewed_by(events_of(rows), prospects, products, date(2024, 6, 15))
    return [tuple(row.values()) for row in found.to_pyarrow().to_pylist()]


def test_prospects_looked_at_products_before_the_date_and_purchases_are_no_look():
    assert looked() == [("p2", 2, 2), ("p1", 1, 1)]


def test_what_was_looked_at_has_the_name_that_orders_give_it():
    names = ("product_id", "product", "category")
    products = table_of([("p1", "Vela", "Hogar"), ("p2", "Taza", None)], *names)
    assert looked(products) == [("Taza", 2, 2), ("Hogar", 1, 1)]


def test_a_look_at_what_the_log_does_not_name_says_nothing():
    assert looked(events=[("zoe", "view", None, EARLY)]) == []
    events = table_of([("zoe", "view", EARLY)], "customer_id", "type", "happened_at")
    prospects = table_of([("zoe",)], "customer_id")
    assert viewed_by(events, prospects, None, date(2024, 6, 15)).count().to_pyarrow().as_py() == 0


@pytest.fixture
def taobao(real_data) -> dict:
    """How Taobao's log is read: in the time of China, and strays set aside."""
    columns = {"customer": "user_id", "date": "timestamp", "type": "behavior"}
    return {
        "path": str(real_data("taobao_userbehavior_head.parquet")),
        "columns": columns | {"product": "item_id", "category": "category_id"},
        "types": {"view": "pv", "cart": "cart", "purchase": "buy", "wishlist": "fav"},
        "date_format": "epoch_s",
        "since": "2017-11-25",
        "until": "2017-12-04",
    }


def test_the_real_event_log_has_its_published_counts(taobao, workspace):
    params = params_of(events=taobao, timezone="Asia/Shanghai")
    raw = read(workspace, params.events, "events")
    found = judge_events(raw, params, today=TODAY)
    kept = kept_events(found)
    kinds = kept.group_by("type").agg(lines=kept.count()).to_pandas().set_index("type")["lines"]
    assert kinds[["cart", "purchase"]].tolist() == [4497, 1750]
    given = pd.read_parquet(params.events.path[0])
    # China is eight hours ahead of UTC all year.
    moments = pd.to_datetime(given["timestamp"] + 8 * 3600, unit="s")
    stray = (moments < "2017-11-25") | (moments >= "2017-12-04")
    quality = lines(events_quality(found, raw, NOTHING_SOLD))
    assert quality["stray_date"] == stray.sum() > 0
    assert quality["read"] == len(given) == quality["kept"] + quality["stray_date"] == 84_475
    assert kept["happened_at"].min().to_pyarrow().as_py() == moments[~stray].min()
    assert kept["happened_at"].max().to_pyarrow().as_py() == moments[~stray].max()


def test_moments_in_milliseconds_are_read(real_data, workspace):
    events = {
        "path": str(real_data("otto_fixture.parquet")),
        "columns": {"customer": "session", "date": "ts", "type": "type", "product": "aid"},
        "types": {"view": "clicks", "cart": "carts", "purchase": "orders"},
        "date_format": "epoch_ms",
    }
    params = params_of(events=events)
    found = judge_events(read(workspace, params.events, "events"), params, today=TODAY)
    kept = frame(kept_events(found))
    assert kept["type"].value_counts()[["cart", "purchase"]].tolist() == [52, 10]
    given = pd.read_parquet(params.events.path[0])
    last = pd.to_datetime(given["ts"], unit="ms").groupby(given["session"].astype(str)).max()
    assert (kept.groupby("customer_id")["happened_at"].max() == last).all()
