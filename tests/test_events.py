"""Registered customers and events: what is kept, what the tables held, what waits in carts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import ibis
import pandas as pd
import pytest
from made_logs import params_of, write_rows

from segkit.data.events import clean_events, clean_registered, seen_table
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


def test_events_are_kept_by_kind_with_the_reason_for_the_others(opened):
    rows = [
        ("ana", "2024-06-01 10:00", "ver", "p1"),
        ("ana", "2024-06-01 11:00", "carrito", "p1"),
        ("ana", "2024-06-30 23:00", "compra", ""),
        ("", "2024-06-01", "ver", "p1"),
        ("ana", "nope", "ver", "p1"),
        ("ana", "", "ver", "p1"),
        ("ana", "2024-07-01", "ver", "p1"),
        ("ana", "2024-06-01", "view", "p1"),
        ("ana", "2024-06-01", "", "p1"),
    ]
    types = {"view": "ver", "cart": "carrito", "purchase": "compra"}
    raw, params = opened("events", rows, EVENT, types=types)
    kept, quality = clean_events(raw, params, today=TODAY)
    assert frame(kept)["type"].tolist() == ["view", "cart", "purchase"]
    assert kept.columns == ("customer_id", "happened_at", "type", "product_id")
    assert lines(quality) == {
        "read": 9,
        "malformed_line": 0,
        "no_customer": 1,
        "unparsable_date": 2,
        "future_date": 1,
        "other_event": 2,
        "kept": 3,
    }


def test_malformed_lines_of_events_are_counted(opened, workspace):
    raw, params = opened("events", [("ana", "2024-06-01", "view", "p1")], EVENT)
    with (workspace.root / "events.csv").open("a") as stream:
        stream.write("cut,2024")
    raw = read(workspace, params.events, "events")
    _, quality = clean_events(raw, params, today=TODAY)
    assert lines(quality)["malformed_line"] == 1
    assert lines(quality)["read"] == 2


EVENTS = [
    ("ana", "cart", "p1", datetime(2024, 6, 1, 10)),
    ("ana", "purchase", "p1", datetime(2024, 6, 1, 11)),
    ("ana", "cart", "p1", datetime(2024, 6, 1, 12)),
    ("ana", "cart", "p2", datetime(2024, 6, 1, 12)),
    ("ana", "view", "p3", datetime(2024, 6, 1, 12)),
    ("bea", "cart", "p1", datetime(2024, 6, 1, 10)),
    ("bea", "purchase", "p1", datetime(2024, 6, 1, 10)),
    ("luis", "purchase", "p1", datetime(2024, 6, 1, 10)),
    ("zoe", "view", "p1", datetime(2024, 6, 15, 10)),
]


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2024, 7, 1), {"ana": 2, "bea": 0, "luis": 0, "zoe": 0}),
        (date(2024, 6, 2), {"ana": 2, "bea": 0, "luis": 0}),
        (date(2024, 6, 1), {}),
    ],
)
def test_a_cart_is_open_until_its_product_is_bought(as_of, expected):
    columns = ["customer_id", "type", "product_id", "happened_at"]
    events = ibis.memtable(pd.DataFrame(EVENTS, columns=columns))
    found = seen_table(events, as_of).to_pandas().set_index("customer_id")
    assert found["carts_open"].to_dict() == expected


def test_events_without_products_tell_when_and_not_what():
    table = pd.DataFrame(
        {"customer_id": ["ana"], "type": ["cart"], "happened_at": [datetime(2024, 6, 1, 10)]}
    )
    found = seen_table(ibis.memtable(table), date(2024, 7, 1)).to_pandas()
    assert found["last_seen"].tolist() == [pd.Timestamp("2024-06-01 10:00")]
    assert found["carts_open"].isna().all()


def test_the_real_event_log_has_its_published_counts(real_data, workspace):
    events = {
        "path": str(real_data("taobao_userbehavior_head.parquet")),
        "columns": {
            "customer": "user_id",
            "date": "timestamp",
            "type": "behavior",
            "product": "item_id",
        },
        "types": {"view": "pv", "cart": "cart", "purchase": "buy"},
        "date_format": "epoch_s",
    }
    params = params_of(events=events)
    kept, quality = clean_events(read(workspace, params.events, "events"), params, today=TODAY)
    found = kept.group_by("type").agg(lines=kept.count()).to_pandas().set_index("type")["lines"]
    assert found[["cart", "purchase"]].tolist() == [4497, 1750]
    counts = lines(quality)
    assert counts.pop("read") == 84_475 == sum(counts.values())
