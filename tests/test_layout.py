"""How files are laid out, and what an order is worth: fields on first rows, cells, tables, amounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_logs import write_rows

from segkit.data.bridge import explained
from segkit.data.cleaning import clean
from segkit.data.layout import lines_of
from segkit.data.sources import Workspace
from segkit.errors import DataError, ParamsError, SegkitError
from segkit.params import check_params

TODAY = date(2026, 1, 1)
NAMES = ("order", "customer", "date", "product", "price", "quantity")
COLUMNS = {name: name for name in NAMES}


@dataclass
class Read:
    """What a log comes to."""

    lines: pd.DataFrame
    quality: pd.DataFrame
    bridge: pd.DataFrame

    def amounts(self, column: str = "product_id") -> dict[Any, float]:
        sums = self.lines.groupby(column, dropna=False)["amount"].sum()
        return {key: float(value) for key, value in sums.items()}

    def step(self, name: str) -> float:
        return round(float(self.bridge.set_index("step")["amount"][name]), 4)

    def rule(self, name: str) -> int:
        counts = self.quality.groupby("rule")["lines"].sum()
        return int(counts.get(name, 0))

    def first(self, rule: str) -> str:
        return str(self.quality.set_index("rule")["first_values"][rule])


@pytest.fixture
def read_log(workspace: Workspace) -> Callable[..., Read]:
    """Return a function that writes a log (and other files) and cleans it."""

    def run(
        rows: list[tuple[Any, ...]],
        header: tuple[str, ...] = NAMES,
        files: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] | None = None,
        columns: dict[str, str] | None = None,
        **given: Any,
    ) -> Read:
        write_rows(workspace.root / "orders.csv", rows, header)
        for name, (names, cells) in (files or {}).items():
            write_rows(workspace.root / name, cells, names)
        sections = {key: given.pop(key) for key in ("cleaning", "customers") if key in given}
        named = columns or {name: name for name in NAMES if name in header}
        orders = {"path": "orders.csv", "columns": named, **given}
        cleaning = {"accept_loss": 1.0, "exact_duplicate": "keep", **sections.pop("cleaning", {})}
        params = check_params(
            {
                "client": "acme",
                "currency": "EUR",
                "orders": orders,
                "cleaning": cleaning,
                **sections,
            }
        )
        raws = {"orders": lines_of(workspace, params.orders)}
        found = clean(workspace, params, raws, today=TODAY)
        order = [
            name for name in ("order_id", "product_id", "amount") if name in found.lines.columns
        ]
        lines = found.lines.order_by(order).to_pyarrow().to_pandas()
        return Read(lines, found.quality, found.bridge)

    return run


# An order's fields on its first row --------------------------------------------------------

FIRST_ROWS = (*NAMES, "status", "total")
FILL = {"layout": "order_then_lines", "statuses": [{"column": "status", "sold": ["paid"]}]}


def test_an_orders_fields_are_filled_down_to_its_other_lines(read_log):
    rows = [
        ("o2", "luis", "2025-02-01", "cup", 5, 2, "paid", 10),
        ("o1", "ana", "2025-01-01", "tea", 3, 1, "paid", 8),
        ("o1", "", "", "pot", 5, 1, "", ""),
    ]
    found = read_log(rows, FIRST_ROWS, **FILL)
    assert found.lines["customer_id"].tolist() == ["ana", "ana", "luis"]
    assert found.lines["observed_at"].dt.strftime("%d/%m").tolist() == ["01/01", "01/01", "01/02"]
    assert found.amounts() == {"cup": 10, "pot": 5, "tea": 3}


def test_fields_are_never_filled_down_to_another_order(read_log):
    rows = [
        ("o1", "ana", "2025-01-01", "tea", 3, 1, "paid", 3),
        ("o2", "", "2025-01-02", "pot", 5, 1, "paid", 5),
        ("o3", "", "", "cup", 2, 1, "", ""),
    ]
    found = read_log(rows, FIRST_ROWS, **FILL)
    assert found.lines["customer_id"].tolist() == ["ana"]
    assert (found.rule("no_customer"), found.rule("unknown_status")) == (1, 1)


def test_lines_at_the_start_of_a_file_have_no_first_row_to_be_filled_from(read_log):
    rows = [
        ("o0", "", "", "pot", 5, 1, "", ""),
        ("o1", "ana", "2025-01-01", "tea", 3, 1, "paid", 3),
    ]
    found = read_log(rows, FIRST_ROWS, **FILL)
    assert found.amounts() == {"tea": 3}
    assert "(empty)" in found.first("unknown_status")


def test_a_number_that_is_used_again_takes_the_fields_of_its_own_first_row(read_log):
    rows = [
        ("o1", "ana", "2025-01-01", "tea", 3, 1, "paid", 8),
        ("o1", "", "", "pot", 5, 1, "", ""),
        ("o1", "luis", "2025-06-01", "cup", 4, 1, "paid", 6),
        ("o1", "", "", "can", 2, 1, "", ""),
    ]
    found = read_log(rows, FIRST_ROWS, **FILL)
    assert found.amounts("customer_id") == {"ana": 8, "luis": 6}


def test_a_status_that_is_repeated_on_each_line_begins_no_order(read_log):
    header = (*NAMES, "status", "subtotal", "discount")
    rows = [
        ("o1", "ana", "2025-01-01", "tea", 3, 1, "paid", 7, 1),
        ("o1", "ana", "2025-01-01", "pot", 5, 1, "paid", "", ""),
    ]
    amounts = {"subtotal": "subtotal", "discount": "discount"}
    found = read_log(rows, header, amounts=amounts, **FILL)
    assert (found.step("gross"), found.step("net")) == (8, 7)
    assert found.amounts() == {"pot": 4.375, "tea": 2.625}


def test_rows_of_the_order_alone_are_told_and_their_articles_count(read_log):
    header = (*NAMES, "income")
    rows = [
        ("p1", "ana", "2025-01-01", "", "", "", 9),
        ("x7", "", "", "tea", 4, 1, ""),
        ("x8", "", "", "pot", 5, 1, ""),
        ("p2", "luis", "2025-01-03", "cup", 6, 1, 6),
    ]
    given = {"layout": "order_then_lines", "order_begins": "date"}
    found = read_log(rows, header, amounts={"subtotal": "income"}, **given)
    assert found.lines["order_id"].tolist() == ["p1", "p1", "p2"]
    assert found.amounts() == {"cup": 6, "pot": 5, "tea": 4}
    assert found.rule("order_head") == 1
    assert found.rule("read") == found.rule("kept") == 3


def test_a_layout_that_does_not_say_where_orders_begin_is_refused():
    columns = {"customer": "c", "date": "d", "amount": "a"}
    orders = {"path": "o.csv", "columns": columns, "layout": "order_then_lines"}
    with pytest.raises(ParamsError, match="nothing says where an order begins"):
        check_params({"client": "acme", "currency": "EUR", "orders": orders})


# Articles in cells -------------------------------------------------------------------------


def test_articles_packed_into_cells_become_lines(read_log):
    header = ("order", "customer", "date", "item_1", "item_2")
    rows = [
        ("o1", "ana", "2025-01-01", "sku:tea|quantity:2|total:6.50", "sku:pot|quantity:1|total:4"),
        ("o2", "luis", "2025-01-02", "sku:cup|quantity:1|total:3", ""),
    ]
    columns = {"order": "order", "customer": "customer", "date": "date", "amount": "item.total"}
    columns |= {"quantity": "item.quantity", "product": "item.sku"}
    found = read_log(rows, header, columns=columns, layout="orders", items={"columns": "item_*"})
    assert found.amounts() == {"cup": 3, "pot": 4, "tea": 6.5}
    assert found.lines["quantity"].astype(int).tolist() == [1, 2, 1]


def test_an_order_without_articles_is_told(read_log):
    header = ("order", "customer", "date", "item_1", "total")
    rows = [
        ("o1", "ana", "2025-01-01", "sku:tea|total:6", 6),
        ("o2", "luis", "2025-01-02", "", 9),
    ]
    columns = {"order": "order", "customer": "customer", "date": "date"}
    columns |= {"amount": "item.total", "product": "item.sku"}
    given = {"layout": "orders", "items": {"columns": "item_1"}}
    found = read_log(rows, header, columns=columns, **given)
    assert (found.rule("order_without_lines"), found.rule("kept")) == (1, 1)
    assert found.first("order_without_lines") == "o2"


# Several files -----------------------------------------------------------------------------

ORDERS = ("id", "customer", "date")
ITEMS = ("order_id", "product", "price", "quantity")
JOINED = {name: name for name in ("customer", "date", "product", "price", "quantity")}
JOINED |= {"order": "id"}
LINES = [{"path": "items.csv", "key": ["id", "order_id"], "lines": True}]


def test_orders_and_their_items_are_joined_by_their_key(read_log):
    items = [("o1", "tea", 3, 2), ("o1", "pot", 5, 1), ("o2", "cup", 4, 1)]
    rows = [("o1", "ana", "2025-01-01"), ("o2", "luis", "2025-01-02")]
    found = read_log(rows, ORDERS, {"items.csv": (ITEMS, items)}, JOINED, join=LINES)
    assert found.amounts("customer_id") == {"ana": 11, "luis": 4}


def test_items_without_an_order_and_orders_without_items_are_told_and_not_lost(read_log):
    items = [("o1", "tea", 3, 2), ("o9", "pot", 5, 1)]
    rows = [("o1", "ana", "2025-01-01"), ("o2", "luis", "2025-01-02")]
    found = read_log(rows, ORDERS, {"items.csv": (ITEMS, items)}, JOINED, join=LINES)
    assert (found.rule("line_without_order"), found.rule("order_without_lines")) == (1, 1)
    assert (found.first("line_without_order"), found.first("order_without_lines")) == ("o9", "o2")
    assert found.rule("read") == 3
    rejected = found.quality.set_index("rule")["amount"]["line_without_order"]
    assert rejected == 5


def test_a_file_that_would_multiply_lines_is_refused(read_log):
    pays = [("o1", 2), ("o1", 4), ("o2", 4)]
    rows = [("o1", "ana", "2025-01-01"), ("o2", "luis", "2025-01-02")]
    columns = {"order": "id", "customer": "customer", "date": "date", "amount": "paid"}
    join = [{"path": "pays.csv", "key": ["id", "order_id"]}]
    with pytest.raises(DataError, match=r"several rows have one order_id.*\(1 in all\): 'o1'"):
        read_log(rows, ORDERS, {"pays.csv": (("order_id", "paid"), pays)}, columns, join=join)


def test_a_key_that_a_file_lacks_is_named(read_log):
    rows = [("o1", "ana", "2025-01-01")]
    join = [{"path": "items.csv", "key": "id", "lines": True}]
    with pytest.raises(SegkitError, match=r"orders\.join\.0\.key: no such column: 'id'"):
        read_log(rows, ORDERS, {"items.csv": (ITEMS, [("o1", "tea", 1, 1)])}, JOINED, join=join)


# What an order is worth --------------------------------------------------------------------

WORTH = (*NAMES, "subtotal", "discount", "shipping", "tax", "total", "refunded")
AMOUNTS = {name: name for name in WORTH[len(NAMES) :]}


def an_order(*lines: tuple[str, float, int], **amounts: float) -> list[tuple[Any, ...]]:
    given = [amounts.get(name, 0) for name in WORTH[len(NAMES) :]]
    return [("o1", "ana", "2025-01-05", *line, *given) for line in lines]


TEA_AND_POT = (("tea", 3, 10), ("pot", 10, 1))


def test_an_orders_discount_is_spread_over_its_lines_by_their_value(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=36, discount=4, total=36)
    found = read_log(rows, WORTH, amounts=AMOUNTS)
    assert found.amounts() == {"tea": 27, "pot": 9}
    assert (found.step("gross"), found.step("discounts"), found.step("net")) == (40, -4, 36)


def test_a_subtotal_before_the_discount_is_not_taken_for_one_after_it(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=40, discount=4, total=36)
    found = read_log(rows, WORTH, amounts=AMOUNTS | {"subtotal_is": "before_discount"})
    assert found.step("net") == 36
    assert found.rule("order_total_differs") == 0


def test_shipping_and_tax_count_only_where_they_are_said_to(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=40, shipping=5, tax=4, total=49)
    assert read_log(rows, WORTH, amounts=AMOUNTS).step("net") == 40
    counted = read_log(rows, WORTH, amounts=AMOUNTS | {"count": ["shipping", "tax"]})
    assert counted.step("net") == 49
    assert sum(counted.amounts().values()) == 49


def test_a_total_tells_whether_tax_is_on_top_of_prices_or_inside_them(read_log):
    on_top = an_order(*TEA_AND_POT, subtotal=40, tax=4, total=44, refunded=11)
    inside = an_order(*TEA_AND_POT, subtotal=40, tax=4, total=40, refunded=11)
    assert read_log(on_top, WORTH, amounts=AMOUNTS).step("refunds") == -10
    assert read_log(inside, WORTH, amounts=AMOUNTS).step("refunds") == -11


def test_a_total_that_contradicts_its_parts_is_named_and_the_parts_count(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=40, shipping=5, total=60)
    found = read_log(rows, WORTH, amounts=AMOUNTS)
    assert (found.rule("order_total_differs"), found.first("order_total_differs")) == (1, "o1")
    assert found.quality.set_index("rule")["amount"]["order_total_differs"] == 15
    assert found.step("net") == 40


def test_lines_that_contradict_their_orders_subtotal_are_named_and_the_subtotal_counts(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=55, total=55)
    found = read_log(rows, WORTH, amounts=AMOUNTS)
    assert (found.rule("order_lines_differ"), found.step("net")) == (1, 55)
    assert found.quality.set_index("rule")["amount"]["order_lines_differ"] == 15


def test_what_came_back_is_not_taken_twice_from_quantities_that_lack_it_already(read_log):
    rows = an_order(*TEA_AND_POT, refunded=12)
    amounts = {"refunded": "refunded", "quantity_is": "after_refunds"}
    assert read_log(rows, WORTH, amounts=amounts).step("net") == 40
    assert read_log(rows, WORTH, amounts={"refunded": "refunded"}).step("net") == 28


def test_a_discount_larger_than_its_order_takes_no_more_than_the_order(read_log):
    rows = an_order(*TEA_AND_POT, discount=50)
    amounts = {"discount": "discount"}
    found = read_log(rows, WORTH, amounts=amounts, cleaning={"non_positive_price": "keep"})
    assert (found.step("gross"), found.step("discounts"), found.step("net")) == (40, -40, 0)
    assert found.quality.set_index("rule")["amount"]["discount_over_order"] == 10


def test_an_order_given_back_whole_has_nothing_left_and_its_units_are_back(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=40, shipping=5, tax=4, total=49, refunded=49)
    found = read_log(rows, WORTH, amounts=AMOUNTS)
    assert (found.step("net"), found.step("refunds"), found.step("total")) == (0, -40, 0)
    assert found.lines["quantity"].sum() == 0
    assert set(found.lines["counts_at"].dt.day) == {5}


def test_a_part_given_back_leaves_the_units(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=40, total=40, refunded=10)
    found = read_log(rows, WORTH, amounts=AMOUNTS)
    assert found.amounts() == {"tea": 22.5, "pot": 7.5}
    assert found.lines["quantity"].sum() == 11


def test_a_refund_that_only_a_status_tells_is_of_the_whole_order(read_log):
    rows = [(*row, "Reembolsado") for row in an_order(*TEA_AND_POT, subtotal=40)]
    statuses = [{"column": "status", "sold": ["Recibido"], "returned": ["reembolsado"]}]
    given = {"amounts": {"subtotal": "subtotal"}, "statuses": statuses}
    found = read_log(rows, (*WORTH, "status"), **given)
    assert (found.step("refunds"), found.step("net")) == (-40, 0)


def test_one_row_an_order_needs_no_prices(read_log):
    header = ("order", "customer", "date", "total", "shipping", "tax")
    rows = [("o1", "ana", "2025-01-05", 49, 5, 4), ("o2", "ana", "2025-02-05", 20, 0, 0)]
    amounts = {name: name for name in ("total", "shipping", "tax")}
    found = read_log(rows, header, layout="orders", amounts=amounts)
    assert found.amounts("order_id") == {"o1": 40, "o2": 20}


def test_amounts_of_lines_are_added_up_for_their_order(read_log):
    rows = [
        ("o1", "ana", "2025-01-05", "tea", 3, 1, 2),
        ("o1", "ana", "2025-01-05", "pot", 5, 1, 1),
    ]
    amounts = {"shipping": "ship", "by_line": ["shipping"]}
    assert read_log(rows, (*NAMES, "ship"), amounts=amounts).step("shipping") == 3


def test_an_amount_that_is_no_number_is_told(read_log):
    rows = an_order(*TEA_AND_POT, subtotal=40)
    rows = [tuple("??" if cell == 40 else cell for cell in row) for row in rows]
    found = read_log(
        [*rows, ("o2", "luis", "2025-02-05", "cup", 2, 1, 2, 0, 0, 0, 2, 0)], WORTH, amounts=AMOUNTS
    )
    assert found.rule("unparsable_number") == 2


CENTS = st.integers(0, 10**6)


@settings(max_examples=25)
@given(st.lists(st.tuples(CENTS, st.integers(1, 9)), min_size=1, max_size=6), CENTS)
def test_parts_of_a_discount_add_up_to_it_exactly(tmp_path_factory, lines, discount):
    root = tmp_path_factory.mktemp("spread")
    workspace = Workspace(root, root / ".scratch")
    try:
        rows = [
            ("o1", "ana", "2025-01-05", f"p{place}", f"{price / 100:.2f}", quantity, discount / 100)
            for place, (price, quantity) in enumerate(lines)
        ]
        write_rows(root / "orders.csv", rows, (*NAMES, "discount"))
        orders = {"path": "orders.csv", "columns": COLUMNS, "amounts": {"discount": "discount"}}
        cleaning = {"non_positive_price": "keep", "exact_duplicate": "keep"}
        params = check_params(
            {"client": "a", "currency": "EUR", "orders": orders, "cleaning": cleaning}
        )
        raws = {"orders": lines_of(workspace, params.orders)}
        found = clean(workspace, params, raws, today=TODAY).lines.to_pyarrow().to_pandas()
    finally:
        workspace.close()
    gross = Decimal(sum(price * quantity for price, quantity in lines)) / 100
    assert found["amount"].sum() == max(gross - Decimal(discount) / 100, Decimal(0))
    assert (found["amount"] >= 0).all()


# Which orders count ------------------------------------------------------------------------

STATUS = (*NAMES, "status", "cancelled_at", "gateway")
STATUSES = [
    {"column": "status", "sold": ["paid"], "unpaid": ["pending"], "cancelled": ["void*"]},
    {"column": "cancelled_at", "cancelled": "*"},
]
TESTS = [{"name": "test orders", "column": "gateway", "not_matches": "(?i)bogus"}]


def a_line(order: str, status: str, cancelled: str = "", gateway: str = "card") -> tuple[Any, ...]:
    return (order, "ana", "2025-01-05", "tea", 3, 1, status, cancelled, gateway)


def test_statuses_say_which_orders_count(read_log):
    rows = [
        a_line("o1", "Paid "),
        a_line("o2", "pending"),
        a_line("o3", "voided"),
        a_line("o4", "paid", "2025-01-06"),
        a_line("o5", "paid", gateway="(for testing) Bogus Gateway"),
        a_line("o6", "vaporised"),
    ]
    found = read_log(rows, STATUS, statuses=STATUSES, where=TESTS)
    assert found.lines["order_id"].tolist() == ["o1"]
    rules = ("cancelled_order", "unpaid_order", "left_out", "unknown_status")
    assert [found.rule(rule) for rule in rules] == [2, 1, 1, 1]
    assert found.first("unknown_status") == "status: vaporised"
    assert found.first("left_out") == "test orders"
    steps = ("cancelled", "unpaid", "left_out", "unknown_status")
    assert [found.step(step) for step in steps] == [6, 3, 3, 3]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ({"is": "A"}, ["o1"]),
        ({"in": ["a", "b"]}, ["o1", "o2"]),
        ({"is_not": "a"}, ["o2", "o3", "o4"]),
        ({"not_in": ["a", "b"]}, ["o3", "o4"]),
        ({"matches": "^[ab]$"}, ["o1", "o2"]),
        ({"not_matches": "c|^$"}, ["o1", "o2"]),
    ],
)
def test_a_condition_keeps_the_lines_that_meet_it(read_log, condition, kept):
    rows = [
        (f"o{place}", "ana", "2025-01-05", "tea", 3, 1, store)
        for place, store in enumerate(["a", "b", "c", ""], start=1)
    ]
    found = read_log(rows, (*NAMES, "store"), where=[{"column": "store", **condition}])
    assert found.lines["order_id"].tolist() == kept
    assert found.rule("left_out") == 4 - len(kept)


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"where": [{"column": "store"}]}, "no condition is named"),
        ({"where": [{"column": "store", "matches": "("}]}, "not a regular expression"),
        ({"statuses": [{"column": "s"}]}, "no value is named"),
        ({"statuses": [{"column": "s", "sold": "a", "unpaid": "A"}]}, "'a' stands there twice"),
        ({"join": [{"path": "a.csv", "key": "k", "lines": True}] * 2}, "two files of lines"),
        ({"where": [{"column": "store", "iz": "a"}]}, r"where\.0\.iz: unknown key"),
    ],
)
def test_faulty_sections_are_named(section, problem):
    columns = {"customer": "c", "date": "d", "amount": "a"}
    orders = {"path": "o.csv", "columns": columns, **section}
    with pytest.raises(ParamsError, match=problem):
        check_params({"client": "acme", "currency": "EUR", "orders": orders})


def test_conditions_travel_to_the_notebooks_as_they_are_written():
    columns = {"customer": "c", "date": "d", "amount": "a"}
    where = [{"column": "store", "is": ["a"]}]
    orders = {"path": "o.csv", "columns": columns, "where": where}
    params = check_params({"client": "acme", "currency": "EUR", "orders": orders})
    assert check_params(params.plain()) == params


# Who a customer is, and which order a line is of -------------------------------------------


@pytest.mark.parametrize(
    "buyer",
    ["Consumidor Final", "GUEST", "mostrador@example.com", "Público en General", "N/A", " - ", "none",
     "(blank)", "undefined", "walk-in", "Cliente de mostrador"],
)  # fmt: skip
def test_nobody_in_particular_is_no_customer_and_the_sale_counts(read_log, buyer):
    rows = [
        ("o1", buyer, "2025-01-05", "tea", 3, 1),
        ("o2", "ana", "2025-01-06", "pot", 5, 1),
    ]
    found = read_log(rows)
    assert found.lines["customer_id"].tolist() == ["ana"]
    assert (found.step("net"), found.step("no_customer")) == (8, -3)
    assert found.step("net_of_customers") == 5


def test_a_name_tells_a_till_from_a_person(read_log):
    rows = [
        ("o1", "99999999", "2025-01-05", "tea", 3, 1, "CONSUMIDOR FINAL"),
        ("o2", "123", "2025-01-06", "pot", 5, 1, "Ana"),
    ]
    columns = COLUMNS | {"customer_name": "name"}
    found = read_log(rows, (*NAMES, "name"), columns=columns)
    assert found.lines["customer_id"].tolist() == ["123"]


def test_whom_a_client_excludes_is_no_customer(read_log):
    buyers = ("ana@acme.com", "boss@ACME.com", "wholesale-7", "luis@home.com")
    rows = [(f"o{i}", buyer, "2025-01-05", "tea", 3, 1) for i, buyer in enumerate(buyers)]
    found = read_log(rows, customers={"exclude": ["*@acme.com", "Wholesale-7"]})
    assert found.lines["customer_id"].tolist() == ["luis@home.com"]


def test_addresses_are_one_customer_however_they_are_spelt_where_that_is_said(read_log):
    spelt = ("ana@home.com", "ANA@home.com ", "Ana@Home.com", "ana@home.com")
    rows = [(f"o{i}", buyer, "2025-01-05", "tea", 3, 1) for i, buyer in enumerate(spelt)]
    assert read_log(rows).lines["customer_id"].nunique() == 3
    matched = read_log(rows, customers={"match": "email"})
    assert matched.lines["customer_id"].unique().tolist() == ["ana@home.com"]


def test_registered_customers_and_events_are_the_same_people(make_study):
    rows = [
        ("ana@home.com", "2024-01-05", "o1", 1, 10),
        ("luis@home.com", "2024-01-07", "o2", 1, 5),
    ]
    customers = {
        "path": "customers.csv",
        "columns": {"customer": "customer", "registered": "registered"},
    }
    events = [
        ("Ana@Home.com ", "2024-01-04", "view", "tea"),
        ("GUEST", "2024-01-04", "view", "tea"),
    ]
    study = make_study(
        rows, customers=[("ANA@home.com", "2024-01-01"), ("mostrador", "2024-01-01")]
    )
    assert len(study.customers) == 3
    write_rows(study.root / "customers.csv", [("ANA@home.com", "2024-01-01"), ("guest", "2024-01-01")],
               ("customer", "registered"))  # fmt: skip
    matched = make_study(
        rows, customers=customers | {"match": "email"}, events=events, run_dir="again"
    )
    assert sorted(matched.customers["customer_id"]) == ["ana@home.com", "luis@home.com"]


def test_numbers_that_are_used_again_are_other_orders(read_log):
    rows = [
        ("7", "ana", "2023-03-01", "tea", 3, 1),
        ("7", "ana", "2023-03-02", "pot", 5, 1),
        ("7", "ana", "2024-03-01", "cup", 4, 1),
        ("8", "ana", "2024-05-01", "cup", 4, 1),
    ]
    found = read_log(rows)
    assert found.amounts("order_id") == {"7": 8, "7 · 2024-03-01": 4, "8": 4}
    assert found.rule("order_number_reused") == 3
    assert read_log(rows, same_order_days=1000).lines["order_id"].nunique() == 2


def test_a_return_months_later_belongs_to_its_order_still(read_log):
    rows = [
        ("7", "ana", "2023-03-01", "tea", 3, 1),
        ("7", "ana", "2024-03-01", "cup", 4, 1),
        ("7", "ana", "2024-09-01", "cup", 4, -1),
    ]
    found = read_log(rows)
    assert found.amounts("order_id") == {"7": 3, "7 · 2024-03-01": 0}
    assert found.lines.loc[found.lines["is_return"], "counts_at"].dt.year.tolist() == [2024]


# From gross to net -------------------------------------------------------------------------


def test_a_figure_that_differs_is_explained_by_the_fewest_steps():
    bridge = pd.DataFrame(
        {
            "step": ["gross", "discounts", "refunds", "net", "unpaid", "shipping"],
            "amount": [120.0, -20.0, -10.0, 90.0, 7.0, 5.0],
        }
    )
    assert explained(bridge, 90.0) == []
    assert explained(bridge, 97.0) == ["unpaid"]
    assert explained(bridge, 125.0) == ["discounts", "refunds", "shipping"]
    assert explained(bridge, 91.5) is None
