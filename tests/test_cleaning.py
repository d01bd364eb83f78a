"""Cleaning: each rule on and off, nothing lost, returns where they belong, ids as given."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_logs import HEADER, params_of, write_rows

from segkit.data.cleaning import clean
from segkit.data.rules import RULES
from segkit.data.sources import Workspace, read
from segkit.errors import DataError

TODAY = date(2024, 6, 30)
SALE = ("ana", "2024-01-05", "o1", 2, 20)
FULL = (*HEADER, "price", "product", "status")


@dataclass
class Result:
    """Kept lines, rejected lines and the quality table, as DataFrames."""

    lines: pd.DataFrame
    rejected: pd.DataFrame
    quality: pd.DataFrame

    def count(self, rule: str, source: str = "orders") -> int:
        table = self.quality[self.quality["source"] == source].set_index("rule")
        return int(table.loc[rule, "lines"])

    def amount(self, rule: str, source: str = "orders") -> float:
        table = self.quality[self.quality["source"] == source].set_index("rule")
        return float(table.loc[rule, "amount"])

    def broken(self) -> dict[str, int]:
        table = self.quality[self.quality["source"] == "orders"].set_index("rule")["lines"]
        return {rule: int(table[rule]) for rule in RULES if table[rule]}


@pytest.fixture
def cleaned(workspace: Workspace) -> Callable[..., Result]:
    """Return a function that cleans order lines written to a CSV file."""

    def run(rows=None, header=HEADER, returns=None, returns_table=None, **given) -> Result:
        if rows is not None:
            write_rows(workspace.root / "orders.csv", rows, header)
        if returns is not None:
            write_rows(workspace.root / "returns.csv", returns, ("order", "date"))
            columns = {"order": "order", "date": "date"}
            returns_table = {"path": "returns.csv", "columns": columns}
        if returns_table is not None:
            given["returns"] = returns_table
        # Most of these few lines are faulty on purpose.
        given["cleaning"] = {"accept_loss": 1.0, **given.get("cleaning", {})}
        params = params_of(header, **given)
        sources = {"orders": params.orders, "returns": params.returns}
        raws = {name: read(workspace, part, name) for name, part in sources.items() if part}
        found = clean(workspace, params, raws, today=TODAY)
        lines = found.lines.order_by(["customer_id", "order_id", "observed_at", "amount"])
        return Result(
            lines.to_pyarrow().to_pandas(), found.rejected.to_pyarrow().to_pandas(), found.quality
        )

    return run


def error_of(run: Callable[[], object]) -> str:
    with pytest.raises(DataError) as caught:
        run()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Each rule ---------------------------------------------------------------------------------

BROKEN = {
    "no_customer": ("", "2024-01-05", "o2", 1, 7),
    "no_date": ("ana", "", "o2", 1, 7),
    "unparsable_date": ("ana", "5 de enero", "o2", 1, 7),
    "future_date": ("ana", "2024-07-01", "o2", 1, 7),
    "unparsable_number": ("ana", "2024-01-05", "o2", 1, "seven"),
    "exact_duplicate": SALE,
    "non_positive_price": ("ana", "2024-01-05", "o2", 1, 0),
    "negative_quantity": ("ana", "2024-01-05", "o2", -1, -7),
}


REJECTING = {"negative_quantity": "reject"}
OPTIONAL = ("future_date", "exact_duplicate", "non_positive_price", "negative_quantity")


def test_a_line_that_breaks_a_rule_is_set_aside_as_given_with_the_reason(cleaned):
    found = cleaned([SALE, *BROKEN.values()], cleaning=REJECTING)
    assert found.broken() == dict.fromkeys(BROKEN, 1)
    assert (found.count("read"), found.count("kept"), found.count("rejected")) == (9, 1, 8)
    assert found.amount("read") == 20 + 20 + 7 * 4 - 7 + 0
    assert found.lines["amount"].tolist() == [Decimal(20)]
    assert set(found.rejected["source"]) == {"orders"}
    given = found.rejected.set_index("reason")["raw"].map(json.loads)
    for rule, cells in BROKEN.items():
        assert list(given[rule].values()) == [str(cell) or None for cell in cells]


def test_rules_that_are_switched_off_keep_their_lines_as_sales(cleaned):
    rows = [SALE, *(BROKEN[rule] for rule in OPTIONAL)]
    found = cleaned(rows, cleaning=dict.fromkeys(OPTIONAL, "keep"))
    assert found.broken() == {}
    assert (found.count("kept"), len(found.rejected)) == (5, 0)
    assert not found.lines["is_return"].any()
    for rule in OPTIONAL:
        off = {**REJECTING, rule: "keep"}
        assert set(cleaned(rows, cleaning=off).broken()) == set(OPTIONAL) - {rule}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_rule_that_is_set_to_fail_stops_and_says_where_what_and_how_many(cleaned, rule):
    text = error_of(lambda: cleaned([SALE, BROKEN[rule]], cleaning={rule: "fail"}))
    assert text.startswith(
        f"client acme: orders: lines break the rule {rule}, which is set to fail"
    )
    assert "(1 in all)" in text
    assert text.endswith(f". Fix: mend the data or set cleaning.{rule} to reject")


def test_malformed_lines_are_kept_as_they_stand_and_can_stop_the_run(cleaned, workspace):
    text = "customer,date,order,quantity,amount\nana,2024-01-05,o1,2,20\nana,2024-01-0"
    (workspace.root / "orders.csv").write_text(text)
    found = cleaned()
    assert (found.broken(), found.count("read")) == ({"malformed_line": 1}, 2)
    (row,) = found.rejected.to_dict("records")
    assert (row["reason"], row["file"], row["line"]) == ("malformed_line", "orders.csv", 3)
    assert row["raw"] == "ana,2024-01-0"
    fail = {"malformed_line": "fail"}
    assert "lines break the rule malformed_line" in error_of(lambda: cleaned(cleaning=fail))


def test_codes_of_no_product_are_exact_or_begin_alike(cleaned):
    def line(code: str) -> tuple:
        return (*SALE, 10, code, "done")

    rows = [line(code) for code in ("POST", "post", "GIFT1", "GIFT", "AGIFT", "P-1", "")]
    codes = {"non_product_codes": ["POST", "GIFT*"]}
    found = cleaned(rows, FULL, cleaning=codes)
    assert sorted(found.lines["product_id"].dropna()) == ["AGIFT", "P-1", "post"]
    assert found.count("non_product") == 3
    found = cleaned(rows, FULL, cleaning={**codes, "non_product": "keep"})
    assert found.count("kept") == 7


@pytest.mark.parametrize(
    ("action", "kept", "revenue"), [("reject", 1, 20), ("keep", 3, 60), ("return", 5, 20)]
)
def test_orders_cancelled_by_prefix_or_status(cleaned, action, kept, revenue):
    rows = [
        (*SALE, 10, "p", "done"),
        ("luis", "2024-01-05", "Co2", 2, 20, 10, "p", "done"),
        ("eva", "2024-01-05", "o3", 2, 20, 10, "p", "void"),
    ]
    rules = {"cancelled": action, "cancelled_order_prefix": "C", "cancelled_statuses": ["void"]}
    found = cleaned(rows, FULL, cleaning=rules)
    assert (len(found.lines), found.lines["amount"].sum()) == (kept, revenue)
    assert found.count("kept") == {"reject": 1}.get(action, 3)
    assert "cancelled" not in cleaned(rows, FULL, cleaning={"cancelled": action}).broken()


def test_a_cancelled_sale_is_a_sale_and_its_return(cleaned):
    rules = {"cancelled": "return", "cancelled_order_prefix": "C"}
    rows = [("ana", "2024-01-05", "C1", 2, 20), ("ana", "2024-01-06", "C2", -1, -10)]
    found = cleaned(rows, cleaning=rules).lines
    assert found["order_id"].tolist() == ["C1", "C1", "C2"]
    assert found["amount"].tolist() == [-20, 20, -10]
    assert found["is_return"].tolist() == [True, False, True]
    assert found["order_known"].tolist() == [True, False, False]


def test_a_line_counts_under_the_first_rule_that_it_breaks(cleaned):
    rows = [
        SALE,
        ("", "", "o2", "x", "y"),
        ("ana", "x", "o2", "x", "y"),
        ("ana", "2030-01-01", "o2", "x", "y"),
        ("ana", "2024-01-05", "C2", "x", "y"),
        ("ana", "2024-01-05", "C2", -1, 0),
        ("ana", "2024-01-05", "o2", -1, 0),
    ]
    found = cleaned(rows, cleaning={"cancelled_order_prefix": "C"})
    assert list(found.broken()) == [
        "no_customer",
        "unparsable_date",
        "future_date",
        "unparsable_number",
        "cancelled",
        "non_positive_price",
    ]


@pytest.mark.parametrize(
    ("header", "worthless", "negative"),
    [
        # A price below nothing, and an amount below nothing for goods that were handed over.
        (("price", "quantity"), [(-5, 1), (0, 1), (5, 0), (-5, -1)], [(5, -1)]),
        (("amount", "quantity"), [(-5, 1), (0, 1), (0, -1)], [(-5, -1), (5, -1)]),
        (("amount",), [(0,)], [(-5,)]),
    ],
)
def test_what_counts_as_worthless_and_what_as_returned(cleaned, header, worthless, negative):
    cells = [*worthless, *negative, (1, 1)[: len(header)]]
    rows = [("ana", f"2024-01-{place:02}", *row) for place, row in enumerate(cells, 1)]
    found = cleaned(rows, ("customer", "date", *header))
    assert found.broken() == {
        "non_positive_price": len(worthless),
        "negative_quantity": len(negative),
    }
    returned = found.lines[found.lines["is_return"]]
    assert set(returned["amount"]) == {-5}
    assert set(returned["quantity"]) == {-1}


def test_amounts_are_price_times_quantity_where_the_log_has_none(cleaned):
    rows = [("ana", "2024-01-05", 0.1, 3), ("ana", "2024-01-06", "1e9", 3)]
    found = cleaned(rows, ("customer", "date", "price", "quantity"))
    assert found.lines["amount"].tolist() == [Decimal("0.3"), Decimal(3_000_000_000)]


def test_a_price_of_a_unit_keeps_its_places_until_it_is_multiplied(cleaned):
    rows = [("ana", "2024-01-05", "0.00003", 1_000_000), ("luis", "2024-01-05", "8.264463", 10_000)]
    found = cleaned(rows, ("customer", "date", "price", "quantity"))
    assert found.lines["amount"].tolist() == [Decimal(30), Decimal("82644.63")]


def test_the_first_values_are_the_commonest_three(cleaned):
    dates = ["x"] * 3 + ["y"] * 2 + ["z", "w" * 50]
    rows = [SALE, *(("ana", day, place, 1, 1) for place, day in enumerate(dates))]
    table = cleaned(rows).quality.set_index("rule")
    assert table.loc["unparsable_date", "first_values"] == f"x, y, {'w' * 39}…"


# What a log covers -------------------------------------------------------------------------

SPAN = {"since": "2024-01-05", "until": "2024-02-01"}


@pytest.mark.parametrize(
    ("moment", "is_kept"),
    [
        ("2024-01-04 23:59:59", False),
        ("2024-01-05 00:00:00", True),
        ("2024-01-31 23:59:59", True),
        ("2024-02-01 00:00:00", False),
        ("2031-01-01 00:00:00", False),
    ],
)
def test_a_line_dated_outside_of_what_the_log_covers_is_a_stray(cleaned, moment, is_kept):
    found = cleaned([SALE, ("luis", moment, "o2", 1, 7)], orders=SPAN)
    assert found.broken() == ({} if is_kept else {"stray_date": 1})
    assert found.count("kept") == 1 + is_kept
    if not is_kept:
        assert found.rejected["reason"].tolist() == ["stray_date"]
        table = found.quality.set_index("rule")
        assert table.loc["stray_date", "first_values"] == moment
        assert table.loc["stray_date", "amount"] == 7


@pytest.mark.parametrize("end", SPAN)
def test_one_end_of_what_the_log_covers_is_enough(cleaned, end):
    days = ("2024-01-04", "2024-01-20", "2024-02-02")
    rows = [("ana", day, day, 1, 1) for day in days]
    kept = cleaned(rows, orders={end: SPAN[end]}).lines["order_id"]
    assert kept.tolist() == list(days[1:] if end == "since" else days[:-1])


def test_strays_can_be_kept_or_can_stop_the_run(cleaned):
    rows = [SALE, ("luis", "2023-01-05", "o2", 1, 7)]
    kept = cleaned(rows, orders=SPAN, cleaning={"stray_date": "keep"})
    assert (kept.broken(), kept.count("kept")) == ({}, 2)
    text = error_of(lambda: cleaned(rows, orders=SPAN, cleaning={"stray_date": "fail"}))
    assert "lines break the rule stray_date, which is set to fail (1 in all): '2023-01-05'" in text


def test_a_date_that_cannot_be_read_is_no_stray_and_a_stray_is_not_in_the_future(cleaned):
    rows = [SALE, ("ana", "x", "o2", 1, 7), ("ana", "2030-01-05", "o2", 1, 7)]
    assert cleaned(rows, orders=SPAN).broken() == {"unparsable_date": 1, "stray_date": 1}


# Lines that are no purchases ---------------------------------------------------------------

TYPED = (*HEADER, "type")


def test_only_lines_of_the_named_types_are_lines_of_the_log(cleaned):
    rows = [(*SALE, "buy"), ("luis", "2024-01-06", "o2", 1, 7, "gift")]
    other = [("eva", "", "", "x", "", kind) for kind in ("view", "Buy", "", "buyer")]
    found = cleaned([*rows, *other], TYPED, orders={"types": ["buy", "gift"]})
    assert (found.count("read"), found.count("kept"), len(found.rejected)) == (2, 2, 0)
    assert set(found.lines["customer_id"]) == {"ana", "luis"}
    found = cleaned([*rows, *other], TYPED, orders={"types": "buy"})
    assert (found.count("read"), found.amount("read")) == (1, 20)


def test_a_line_of_another_type_makes_no_duplicate(cleaned):
    rows = [(*SALE, "buy"), (*SALE, "view"), (*SALE, "buy")]
    assert cleaned(rows, TYPED, orders={"types": ["buy"]}).broken() == {"exact_duplicate": 1}


def test_a_log_without_a_line_of_the_types_says_which_were_asked_for(cleaned):
    text = error_of(lambda: cleaned([(*SALE, "buy")], TYPED, orders={"types": ["bought"]}))
    assert "orders.types" in text


# Logs without amounts ----------------------------------------------------------------------


def test_without_amounts_each_line_is_one_unit_and_counts_one(cleaned):
    rows = [("ana", "2024-01-05"), ("ana", "2024-01-06"), ("luis", "2024-01-06"), ("", "x")]
    found = cleaned(rows, ("customer", "date"), currency="XXX")
    assert found.lines[["quantity", "amount"]].to_numpy().tolist() == [[1, 1]] * 3
    assert (found.count("kept"), found.amount("kept")) == (3, 3)
    assert found.broken() == {"no_customer": 1}


def test_without_amounts_each_unit_counts_one_and_units_given_back_are_returns(cleaned):
    rows = [
        ("ana", "2024-01-05", "o1", 3),
        ("ana", "2024-01-08", "o1", -1),
        ("luis", "2024-01-06", "o2", 0),
        ("luis", "2024-01-06", "o2", "two"),
    ]
    found = cleaned(rows, ("customer", "date", "order", "quantity"), currency="XXX")
    assert found.lines["amount"].tolist() == found.lines["quantity"].tolist() == [3, -1]
    assert found.lines["is_return"].tolist() == [False, True]
    assert found.broken() == {
        "unparsable_number": 1,
        "non_positive_price": 1,
        "negative_quantity": 1,
    }


def test_a_whole_order_of_a_log_without_amounts_can_be_returned(cleaned):
    rows = [("ana", "2024-01-05", "o1"), ("ana", "2024-01-05", "o2")]
    found = cleaned(
        rows, ("customer", "date", "order"), currency="XXX", returns=[("o1", "2024-02-01")]
    )
    assert found.lines.groupby("order_id")["amount"].sum().to_dict() == {"o1": 0, "o2": 1}
    assert found.amount("returned_order", "returns") == -1


# Nothing left ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "there are no lines. Fix: check the export"),
        (
            [BROKEN["no_customer"], BROKEN["future_date"], BROKEN["future_date"]],
            "no line is left of 3 read (no_customer 1, future_date 2). Fix: check orders.columns",
        ),
    ],
)
def test_a_log_without_a_line_that_counts_is_an_error(cleaned, rows, said):
    assert error_of(lambda: cleaned(rows)).startswith(f"client acme: orders: {said}")


# Nothing lost ------------------------------------------------------------------------------

CELL = {
    "customer": st.sampled_from(["ana", "luis", "", " ", "NULL"]),
    "date": st.sampled_from(["2024-01-05", "2024-02-06 10:00", "", "x", "2031-01-01", "infinity"]),
    "order": st.sampled_from(["o1", "o2", "C3", ""]),
    "quantity": st.sampled_from([1, 2, -1, 0, "", "x", "1e30"]),
    "amount": st.sampled_from([10, -10, 0, 0.01, "", "x", "nan", "99999999999999", "1e15"]),
}
DIRTY = st.lists(st.tuples(*CELL.values()), min_size=8, max_size=30)
ACTIONS = st.fixed_dictionaries(
    {
        "future_date": st.sampled_from(["reject", "keep"]),
        "exact_duplicate": st.sampled_from(["reject", "keep"]),
        "non_positive_price": st.sampled_from(["reject", "keep"]),
        "cancelled": st.sampled_from(["reject", "keep", "return"]),
        "negative_quantity": st.sampled_from(["reject", "keep", "return"]),
    }
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=DIRTY, actions=ACTIONS, cut=st.sampled_from(["", "ana,20", '"ana,2024-01-05,o1\n']))
def test_kept_and_rejected_add_up_to_what_was_read(cleaned, workspace, rows, actions, cut):
    file = write_rows(workspace.root / "orders.csv", [SALE, *rows], HEADER)
    with file.open("a") as stream:
        stream.write(cut)
    found = cleaned(cleaning={**actions, "cancelled_order_prefix": "C"})
    written = len(rows) + 1 + bool(cut)
    assert found.count("read") == written == found.count("kept") + found.count("rejected")
    assert len(found.rejected) == found.count("rejected")
    assert found.amount("read") == pytest.approx(found.amount("kept") + found.amount("rejected"))
    assert found.rejected["raw"].notna().all()
    assert found.lines.notna()[["customer_id", "order_id", "observed_at", "amount"]].all(axis=None)
    assert (found.lines.loc[found.lines["is_return"], "amount"] <= 0).all()


# Returns -----------------------------------------------------------------------------------


def test_a_return_counts_on_its_orders_day_where_the_order_is_known(cleaned):
    rows = [
        SALE,
        ("ana", "2024-03-01", "o1", -1, -10),
        ("ana", "2024-03-02", "o9", -1, -5),
        ("luis", "2024-03-03", "o1", -1, -4),
    ]
    found = cleaned(rows)
    table = found.lines[found.lines["is_return"]].set_index(["customer_id", "order_id"])
    assert table["counts_at"].dt.date.astype(str).to_dict() == {
        ("ana", "o1"): "2024-01-05",
        ("ana", "o9"): "2024-03-02",
        ("luis", "o1"): "2024-03-03",
    }
    assert table["observed_at"].dt.month.tolist() == [3, 3, 3]
    assert (found.count("return_on_order_date"), found.count("return_on_own_date")) == (1, 2)
    assert (found.amount("return_on_order_date"), found.amount("return_on_own_date")) == (-10, -9)


def test_a_return_does_not_know_an_order_that_is_sold_later(cleaned):
    lines = cleaned(
        [("ana", "2024-01-01", "o1", -1, -10), ("ana", "2024-01-05", "o1", 1, 10)]
    ).lines
    assert lines["counts_at"].equals(lines["observed_at"])
    assert not lines["order_known"].any()


def test_without_order_numbers_a_day_of_a_customer_is_an_order(cleaned):
    rows = [
        ("ana", "2024-01-05 10:00", 10),
        ("ana", "2024-01-05 18:00", 20),
        ("ana", "2024-01-05 19:00", -5),
        ("ana", "2024-01-06 10:00", -5),
    ]
    lines = cleaned(rows, ("customer", "date", "amount")).lines
    assert lines["order_id"].tolist() == ["ana|2024-01-05"] * 3 + ["ana|2024-01-06"]
    assert lines["order_known"].tolist() == [False, False, True, False]


def test_an_order_that_is_returned_whole_leaves_nothing(cleaned):
    rows = [SALE, ("ana", "2024-01-05", "o1", 1, 5), ("luis", "2024-01-06", "o2", 1, 7)]
    returns = [
        ("o1", "2024-02-01"),
        ("o1", "2024-03-01"),
        ("nope", "2024-02-01"),
        ("", "2024-02-01"),
    ]
    found = cleaned(rows, returns=returns)
    assert found.lines.groupby("order_id")["amount"].sum().to_dict() == {"o1": 0, "o2": 7}
    undone = found.lines[found.lines["is_return"]]
    assert undone["observed_at"].dt.date.astype(str).unique().tolist() == ["2024-02-01"]
    assert undone["counts_at"].dt.date.astype(str).unique().tolist() == ["2024-01-05"]
    table = found.quality[found.quality["source"] == "returns"].set_index("rule")
    assert table["lines"].to_dict() == {
        "read": 4,
        "malformed_line": 0,
        "no_order": 1,
        "unknown_order": 1,
        "unparsable_date": 0,
        "return_before_order": 0,
        "returned_order": 2,
    }
    assert table.loc["returned_order", "amount"] == -25
    assert table.loc["unknown_order", "first_values"] == "nope"
    assert sorted(found.rejected["reason"]) == ["no_order", "unknown_order"]
    assert set(found.rejected["source"]) == {"returns"}


def test_a_return_without_a_date_is_known_with_the_order(cleaned):
    for day in ("", "some day", "2023-12-01"):
        found = cleaned([SALE], returns=[("o1", day)])
        undone = found.lines
        assert found.count("unparsable_date", "returns") == (day == "some day")
        assert found.count("return_before_order", "returns") == (day == "2023-12-01")
        assert undone["observed_at"].dt.date.astype(str).tolist() == ["2024-01-05"] * 2
        assert undone["amount"].tolist() == [-20, 20]


def test_an_order_returned_in_part_and_then_whole_is_returned_once(cleaned):
    rows = [SALE, ("ana", "2024-01-20", "o1", -1, -8)]
    for day in ("2024-01-10", "2024-02-01"):
        lines = cleaned(rows, returns=[("o1", day)]).lines
        assert lines["amount"].sum() == 0
        assert (lines["counts_at"].dt.date.astype(str) == "2024-01-05").all()
        # At no date has more been given back than was sold, or less than nothing.
        known = lines.groupby("observed_at")["amount"].sum().cumsum()
        assert (known >= 0).all()
        assert (known <= 20).all()


@pytest.mark.parametrize(
    ("day", "is_early"),
    [("2024-01-04 23:59", True), ("2024-01-05 00:00", False), ("2024-01-05 23:00", False)],
)
def test_a_return_dated_before_the_day_of_its_order_is_counted_and_kept(cleaned, day, is_early):
    rows = [("ana", "2024-01-05 12:00", "o1", 2, 20), ("luis", "2024-01-01", "o2", 1, 7)]
    found = cleaned(rows, returns=[("o1", day)])
    table = found.quality[found.quality["source"] == "returns"].set_index("rule")
    assert table.loc["return_before_order", "lines"] == is_early
    assert table.loc["return_before_order", "action"] == "keep"
    assert table.loc["return_before_order", "first_values"] == ("o1" if is_early else "")
    undone = found.lines[found.lines["is_return"]]
    sold = found.lines[~found.lines["is_return"]].set_index("order_id")["observed_at"]
    assert (undone["observed_at"] >= sold["o1"]).all()
    assert undone["amount"].tolist() == [-20]


def test_returns_of_orders_that_the_log_does_not_sell_change_nothing(cleaned):
    rows = [
        SALE,
        ("luis", "2024-02-05", "o2", -1, -5),
        ("luis", "2024-02-05", "", 1, 7),
        ("eva", "2024-02-05", "C3", 1, 9),
    ]
    rules = {"cancelled_order_prefix": "C"}
    alone = cleaned(rows, cleaning=rules)
    unknown = ["o2", "C3", "O1", "o1 ", "1", "zz"]
    found = cleaned(rows, returns=[(order, "2024-03-01") for order in unknown], cleaning=rules)
    pd.testing.assert_frame_equal(found.lines, alone.lines)
    assert found.count("unknown_order", "returns") == len(unknown)
    assert (
        found.count("returned_order", "returns"),
        found.amount("returned_order", "returns"),
    ) == (0, 0)
    table = found.quality[found.quality["rule"] == "unknown_order"]
    assert table["first_values"].tolist() == ["1, C3, O1"]
    given = found.rejected[found.rejected["source"] == "returns"]
    assert set(given["reason"]) == {"unknown_order"}
    assert {json.loads(raw)["order"] for raw in given["raw"]} == set(unknown)


def test_malformed_lines_of_the_returns_table_are_kept_aside(cleaned, workspace):
    (workspace.root / "returns.csv").write_text("order,date\no1,2024-02-01\ncut\n")
    table = {"path": "returns.csv", "columns": {"order": "order", "date": "date"}}
    found = cleaned([SALE], returns_table=table)
    assert (found.count("read", "returns"), found.count("malformed_line", "returns")) == (2, 1)
    (row,) = found.rejected.to_dict("records")
    assert (row["source"], row["line"], row["raw"]) == ("returns", 3, "cut")


# What texts mean ---------------------------------------------------------------------------

HOSTILE = [
    "00123",
    "1e5",
    " x",
    "12345.0",
    "Peña, Núñez",
    'a "b" c',
    "two\nlines",
    "😀",
    "<script>alert(1)</script>",
    "=1+1",
    "$x$",
    "{x}",
    "%s",
    "'; DROP TABLE x; --",
    "0",
    "-1",
    "Infinity",
    "true",
    "\\",
]


def test_ids_are_kept_exactly_as_given(cleaned):
    rows = [(name, "2024-01-05", name, 1, 1) for name in HOSTILE]
    lines = cleaned(rows).lines
    assert set(lines["customer_id"]) == set(HOSTILE)
    assert (lines["order_id"] == lines["customer_id"]).all()


# Names of columns --------------------------------------------------------------------------

NAMES = [
    "rule",
    "fate",
    "raw",
    "amount",
    "last",
    "order_id",
    "raw:x",
    'a"b',
    "a'b",
    "{x}",
    "100%",
    "a.b",
    "Ñandú😀",
    "select",
    "count",
    "line",
    "rowid",
    "_",
    "$1",
    "customer_id",
    "observed_at",
    "offending",
    "file",
    "reason",
    "source",
]


def test_columns_may_have_any_name(cleaned):
    header = ("customer", "date", *NAMES, " sp ")
    rows = [("ana", "2024-01-05", *[7] * len(header[2:])), ("luis", "x", *[8] * len(header[2:]))]
    for name in ("rule", 'a"b', "{x}", " sp "):
        columns = {"customer": "customer", "date": "date", "amount": name, "product": "raw"}
        found = cleaned(rows, header, orders={"columns": columns})
        assert found.lines["amount"].tolist() == [7]
        raw = json.loads(found.rejected["raw"].item())
        assert raw == {"customer": "luis", "date": "x", **dict.fromkeys(header[2:], "8")}
