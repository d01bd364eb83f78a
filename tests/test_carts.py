"""Carts: what is one item, what had come of it by a date, what was sold for it, and the sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from made_logs import HEADER, params_of, write_rows

from segkit.data.carts import (
    OUTCOMES,
    cart_counts,
    cart_items,
    cart_sums,
    outcome,
    product_table,
    valued_items,
)
from segkit.study.carts import SUMS, Carts
from segkit.study.study import Study

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
NOON = datetime(2024, 6, 3, 12)
AS_OF = date(2024, 7, 1)
EVENT = {"customer_id": "string", "type": "string", "happened_at": "timestamp"}
SHELF = {"product_id": "string", "category": "string"}
SALE = {"customer_id": "string", "product_id": "string", "observed_at": "timestamp"}

Item = tuple[str, str, datetime, str]


def table_of(rows: Iterable[tuple], schema: dict[str, str]) -> ibis.Table:
    return ibis.memtable([dict(zip(schema, row)) for row in rows], schema=schema)


def events_of(rows: Iterable[tuple]) -> ibis.Table:
    """Return events as a table: customer, type and moment, and product and category if given."""
    rows = list(rows)
    return table_of(rows, dict(list((EVENT | SHELF).items())[: len(rows[0]) if rows else 5]))


def placed(*rows: tuple, sales: Iterable[tuple] | None = None, hours: float = 24) -> ibis.Table:
    return cart_items(events_of(rows), hours, None if sales is None else table_of(sales, SALE))


def told(items: ibis.Table, as_of: date = AS_OF, hours: float = 24) -> list[Item]:
    """Return the items and what had come of them, in the order in which they were put in."""
    known = items.filter(items["carted_at"] < ibis.timestamp(as_of.isoformat()))
    known = known.mutate(outcome=outcome(known, ibis.timestamp(as_of.isoformat()), hours))
    rows = known.order_by("carted_at", "customer_id", "product_id").to_pyarrow().to_pylist()
    names = ("customer_id", "product_id", "carted_at", "outcome")
    return [tuple(row[name] for name in names) for row in rows]


def outcomes(*rows: tuple, as_of: date = AS_OF, hours: float = 24, **given) -> list[str]:
    return [item[3] for item in told(placed(*rows, hours=hours, **given), as_of, hours)]


def cart(moment: datetime, customer: str = "ana", product: str | None = "p1") -> tuple:
    return customer, "cart", moment, product


def bought(moment: datetime, customer: str = "ana", product: str | None = "p1") -> tuple:
    return customer, "purchase", moment, product


# What had come of it -----------------------------------------------------------------------


@pytest.mark.parametrize("hours", [24, 1, 0.5, 72])
@pytest.mark.parametrize(
    ("beyond", "expected"),
    [
        (-timedelta(seconds=1), "recovered"),
        (timedelta(0), "recovered"),
        (SECOND, "bought_late"),
        (9 * DAY, "bought_late"),
    ],
)
def test_the_end_of_the_window_parts_what_is_recovered_from_what_is_bought_late(
    hours, beyond, expected
):
    moment = NOON + hours * HOUR + beyond
    assert outcomes(cart(NOON), bought(moment), hours=hours) == [expected]


def test_what_is_bought_in_the_second_in_which_it_is_put_in_is_recovered():
    assert outcomes(cart(NOON), bought(NOON)) == ["recovered"]


def test_what_was_bought_before_or_by_another_or_is_another_product_does_not_count():
    others = [bought(NOON - HOUR), bought(NOON + HOUR, "luis"), bought(NOON + HOUR, product="p2")]
    assert outcomes(cart(NOON), *others) == ["abandoned"]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2024, 6, 29, 23, 59, 59), "abandoned"),
        (datetime(2024, 6, 30, 0, 0, 1), "pending"),
        (datetime(2024, 6, 30, 23, 59, 59), "pending"),
    ],
)
def test_an_item_is_not_judged_before_its_window_has_passed(moment, expected):
    assert outcomes(cart(moment)) == [expected]


def test_a_purchase_that_would_still_recover_an_item_leaves_it_pending():
    # Bought in the last instant of its window, which the day before the next is not over.
    item = placed(cart(datetime(2024, 6, 3)), bought(datetime(2024, 6, 4)))
    assert [row[3] for row in told(item, date(2024, 6, 5))] == ["recovered"]
    assert [row[3] for row in told(item, date(2024, 6, 4))] == ["pending"]


def test_what_is_bought_after_the_date_is_not_known_yet():
    log = [cart(datetime(2024, 6, 28)), cart(datetime(2024, 6, 30, 12), product="p2")]
    log += [bought(datetime(2024, 7, 1, 0)), bought(datetime(2024, 7, 1, 1), product="p2")]
    assert outcomes(*log) == ["abandoned", "pending"]
    assert outcomes(*log, as_of=date(2024, 7, 2)) == ["bought_late", "recovered"]


# What is one item --------------------------------------------------------------------------


def test_putting_it_in_again_within_the_window_is_the_same_item():
    assert told(placed(cart(NOON), cart(NOON + HOUR), cart(NOON + DAY))) == [
        ("ana", "p1", NOON, "abandoned")
    ]


def test_putting_it_in_again_after_the_window_is_another_item():
    again = NOON + DAY + SECOND
    assert told(placed(cart(NOON), cart(again), bought(again + HOUR))) == [
        ("ana", "p1", NOON, "bought_late"),
        ("ana", "p1", again, "recovered"),
    ]


def test_putting_it_in_again_after_a_purchase_is_another_item():
    log = [cart(NOON), bought(NOON + HOUR), cart(NOON + 2 * HOUR)]
    assert told(placed(*log)) == [
        ("ana", "p1", NOON, "recovered"),
        ("ana", "p1", NOON + 2 * HOUR, "abandoned"),
    ]


def test_items_of_others_and_other_products_are_items_of_their_own():
    log = [cart(NOON), cart(NOON, "luis"), cart(NOON, product="p2"), bought(NOON, product="p2")]
    assert told(placed(*log)) == [
        ("ana", "p1", NOON, "abandoned"),
        ("ana", "p2", NOON, "recovered"),
        ("luis", "p1", NOON, "abandoned"),
    ]


def test_wishlists_and_views_are_no_carts():
    log = [("ana", "wishlist", NOON, "p1"), ("ana", "view", NOON, "p1")]
    assert told(placed(*log)) == []
    log += [cart(NOON), ("ana", "wishlist", NOON + HOUR, "p1")]
    assert told(placed(*log)) == [("ana", "p1", NOON, "abandoned")]


def test_without_products_a_customer_has_one_cart_and_any_purchase_closes_it():
    log = [("ana", "cart", NOON), ("ana", "cart", NOON + HOUR), ("luis", "cart", NOON)]
    log += [("ana", "purchase", NOON + 2 * HOUR)]
    items = placed(*log)
    assert told(items) == [("ana", "", NOON, "recovered"), ("luis", "", NOON, "abandoned")]
    assert items.to_pyarrow().to_pydict()["category"] == [None, None]


def test_an_item_without_a_product_is_no_item_of_a_product():
    log = [cart(NOON, product=None), cart(NOON), bought(NOON + HOUR)]
    assert told(placed(*log)) == [
        ("ana", "", NOON, "abandoned"),
        ("ana", "p1", NOON, "recovered"),
    ]


# Order lines close carts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sold_at", "expected"),
    [
        (NOON + DAY, "recovered"),
        (NOON + DAY + SECOND, "bought_late"),
        (NOON - SECOND, "abandoned"),
        # Without a time: the end of the day.
        (datetime(2024, 6, 3), "recovered"),
        (datetime(2024, 6, 4), "bought_late"),
        (datetime(2024, 6, 2), "abandoned"),
    ],
)
def test_an_order_line_closes_a_cart_as_a_purchase_does(sold_at, expected):
    assert outcomes(cart(NOON), sales=[("ana", "p1", sold_at)]) == [expected]


def test_an_order_line_of_a_day_is_known_on_the_next_day_and_not_before():
    sales = [("ana", "p1", datetime(2024, 6, 3))]
    assert outcomes(cart(NOON), sales=sales, as_of=date(2024, 6, 4)) == ["recovered"]


def test_order_lines_of_others_and_of_other_products_close_nothing():
    sales = [("luis", "p1", NOON), ("ana", "p2", NOON), ("ana", None, NOON)]
    assert outcomes(cart(NOON), cart(NOON, product=None), sales=sales) == ["abandoned"] * 2


def test_an_order_line_between_two_carts_makes_them_two():
    items = placed(cart(NOON), cart(NOON + 2 * HOUR), sales=[("ana", "p1", NOON + HOUR)])
    assert [row[3] for row in told(items)] == ["recovered", "abandoned"]


# By a second way ---------------------------------------------------------------------------

Log = tuple[list[tuple], list[tuple]]


def a_log(seed: int, customers: int = 4) -> Log:
    """Return events and order lines: few customers and products, so that much coincides."""
    random = np.random.default_rng(seed)
    # Three hours apart, so that windows end on other events, and never at midnight.
    moments = [NOON - 11 * HOUR + int(step) * 3 * HOUR for step in random.integers(0, 200, 160)]
    kinds = random.choice(["cart", "purchase", "view", "wishlist"], 160, p=[0.6, 0.15, 0.15, 0.1])
    names = [f"c{place}" for place in random.integers(0, customers, 160)]
    products = [f"p{place}" for place in random.integers(0, 3, 160)]
    shelves = ["AB"[name == "p2"] for name in products]
    events = list(zip(names, map(str, kinds), moments, products, shelves))
    sales = [
        (names[place], products[place], moments[place] + int(random.integers(0, 99)) * HOUR)
        for place in random.integers(0, 160, 20)
    ]
    undated = [
        (name, product, datetime.combine(moment, time.min)) for name, product, moment in sales[:9]
    ]
    return events, undated + sales[9:]


def by_hand(log: Log, as_of: date, window: timedelta = DAY) -> list[Item]:
    """The items and what had come of them by a date, by plain loops."""
    end = datetime.combine(as_of, time.min)
    events, sales = log
    happened = [row[:4] for row in events if row[1] in {"cart", "purchase"}]
    for name, product, moment in sales:
        at = moment + DAY - SECOND if moment.time() == time.min else moment
        happened.append((name, "purchase", at, product))
    of: dict[tuple[str, str], list[tuple[datetime, bool]]] = defaultdict(list)
    for name, kind, moment, product in happened:
        if moment < end:
            of[name, product].append((moment, kind == "purchase"))
    items = [(*pair, *item) for pair in of for item in _items(sorted(of[pair]), end, window)]
    return sorted(items, key=lambda item: (item[2], item[0], item[1]))


def _items(
    happened: list[tuple[datetime, bool]], end: datetime, window: timedelta
) -> Iterator[tuple[datetime, str]]:
    """What happened to one product of a customer, in order, as items with their outcomes."""
    before = None
    for place, (moment, is_purchase) in enumerate(happened):
        if not is_purchase and (before is None or moment - before > window):
            later = [at for at, is_bought in happened[place:] if is_bought]
            yield moment, _outcome(moment + window, later, end)
        before = None if is_purchase else moment


def _outcome(due: datetime, later: list[datetime], end: datetime) -> str:
    if later:
        return "recovered" if later[0] <= due else "bought_late"
    return "abandoned" if due < end else "pending"


def engine(log: Log, hours: float = 24) -> ibis.Table:
    return placed(*log[0], sales=log[1], hours=hours)


@pytest.mark.parametrize("seed", range(4))
def test_the_engine_finds_what_plain_loops_find(seed):
    log = a_log(seed)
    for as_of in (date(2024, 6, 4), date(2024, 6, 12), date(2024, 6, 29), AS_OF):
        assert told(engine(log), as_of) == by_hand(log, as_of)
    assert {item[3] for item in by_hand(log, date(2024, 6, 12))} == set(OUTCOMES)
    assert told(engine(log, 6), AS_OF, 6) == by_hand(log, AS_OF, 6 * HOUR)


@pytest.mark.parametrize("seed", range(4, 7))
def test_what_comes_later_changes_nothing_that_was_said_of_an_earlier_date(seed):
    log, as_of = a_log(seed), date(2024, 6, 12)
    end = datetime.combine(as_of, time.min)
    known = [[row for row in rows if row[2] < end] for rows in log]
    assert len(known[0]) < len(log[0])
    assert told(engine(known), as_of) == told(engine(log), as_of)


def test_a_verdict_stands_but_for_what_is_bought_late():
    log = a_log(8)
    before = {item[:3]: item[3] for item in told(engine(log), date(2024, 6, 12))}
    after = {item[:3]: item[3] for item in told(engine(log), date(2024, 6, 22))}
    moves = {(before[item], after[item]) for item in before}
    assert ("abandoned", "bought_late") in moves
    assert {then for now, then in moves if now in {"recovered", "bought_late"}} == {
        "recovered",
        "bought_late",
    }
    assert {then for now, then in moves if now == "abandoned"} == {"abandoned", "bought_late"}


def test_row_order_changes_nothing():
    log = a_log(9)
    places = [np.random.default_rng(1).permutation(len(rows)) for rows in log]
    mixed = tuple([rows[place] for place in order] for rows, order in zip(log, places))
    assert told(engine(mixed)) == told(engine(log))
    valued = [
        valued_items(engine(rows), None, date(2024, 6, 1), AS_OF, 24) for rows in (log, mixed)
    ]
    for by in ("category", "customer_id"):
        one, two = (cart_sums(items, by).to_pyarrow().to_pylist() for items in valued)
        assert one == two


def test_a_category_that_one_of_two_events_of_a_second_lacks_is_found_in_any_order():
    rows = [("ana", "cart", NOON, "p1", None), ("ana", "cart", NOON, "p1", "A")]
    found = {
        str(cart_items(events_of(turned), 24).to_pyarrow().to_pydict()["category"])
        for turned in (rows, rows[::-1])
    }
    assert len(found) == 1


# Counts of customers -----------------------------------------------------------------------


def counts(items: ibis.Table, *dates: date, hours: float = 24, days: int = 30) -> dict:
    found = cart_counts(items, dates, window_hours=hours, open_days=days).to_pyarrow().to_pylist()
    return {
        (row["as_of"], row["customer_id"]): tuple(
            row[name] for name in ("carts", "carts_abandoned", "carts_open")
        )
        for row in found
    }


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2024, 5, 31, 23, 59, 59), {}),
        (datetime(2024, 6, 1), {(AS_OF, "ana"): (1, 1, 1)}),
        (datetime(2024, 6, 30, 12), {(AS_OF, "ana"): (1, 0, 1)}),
        (datetime(2024, 7, 1), {}),
    ],
)
def test_items_count_for_thirty_days(moment, expected):
    assert counts(placed(cart(moment)), AS_OF) == expected


def test_carts_are_items_and_open_carts_are_products():
    log = [cart(NOON), cart(NOON + 3 * DAY), cart(NOON + 3 * DAY, product="p2")]
    log += [cart(NOON, product="p3"), bought(NOON + HOUR, product="p3")]
    assert counts(placed(*log), AS_OF) == {(AS_OF, "ana"): (4, 3, 2)}


def test_what_is_bought_late_is_neither_abandoned_nor_open():
    assert counts(placed(cart(NOON), bought(NOON + 2 * DAY)), AS_OF) == {(AS_OF, "ana"): (1, 0, 0)}


@pytest.mark.parametrize("days", [5, 30])
def test_counts_at_several_dates_are_those_of_each_date(days):
    log = a_log(11)
    dates = [date(2024, 6, 22), date(2024, 6, 8), AS_OF]
    found = counts(engine(log), *dates, days=days)
    expected: dict[tuple, list[list]] = defaultdict(lambda: [[], [], []])
    for as_of in dates:
        for customer, product, moment, what in by_hand(log, as_of):
            if moment >= datetime.combine(as_of, time.min) - days * DAY:
                all_items, abandoned, waiting = expected[as_of, customer]
                all_items.append(product)
                abandoned += [product] if what == "abandoned" else []
                waiting += [product] if what in {"abandoned", "pending"} else []
    assert found == {
        key: (len(all_items), len(abandoned), len(set(waiting)))
        for key, (all_items, abandoned, waiting) in expected.items()
    }


# Prices and sums ---------------------------------------------------------------------------

SOLD = {
    "product_id": "string",
    "product": "string",
    "category": "string",
    "quantity": "decimal(18, 4)",
    "amount": "decimal(18, 4)",
    "is_return": "boolean",
    "observed_at": "timestamp",
}
SOLD_LINES = [
    ("p1", "Vela", "Hogar", 2, 30, False, NOON),
    ("p1", "Vela", "Hogar", 1, 6, False, NOON),
    ("p1", "Vela", "Hogar", -1, -15, True, NOON),
    ("p1", "Vela", "Hogar", 9, 900, False, datetime(2024, 7, 1)),
    ("p2", "Taza", None, 1, 0, False, NOON),
    (None, "Envío", "Otros", 1, 5, False, NOON),
]


def test_a_price_is_the_mean_of_what_units_were_sold_for_before_the_date():
    found = product_table(table_of(SOLD_LINES, SOLD), AS_OF).order_by("product_id").to_pyarrow()
    assert found.to_pylist() == [
        {"product_id": "p1", "price": 12.0, "product": "Vela", "category": "Hogar"},
        {"product_id": "p2", "price": None, "product": "Taza", "category": None},
    ]


def test_a_log_of_orders_without_names_and_categories_has_prices_all_the_same():
    lines = table_of(SOLD_LINES, SOLD).drop("product", "category")
    (row, _) = product_table(lines, AS_OF).order_by("product_id").to_pyarrow().to_pylist()
    assert row == {"product_id": "p1", "price": 12.0, "product": None, "category": None}


def test_items_of_a_period_have_the_price_and_category_of_what_was_sold():
    log = [
        ("ana", "cart", datetime(2024, 5, 30, 23), "p1", "Ofertas"),
        ("ana", "cart", datetime(2024, 6, 1), "p1", None),
        ("ana", "cart", NOON, "p2", "Cocina"),
        ("ana", "cart", NOON, "p9", None),
        ("ana", "cart", datetime(2024, 7, 1), "p1", "Ofertas"),
    ]
    items = cart_items(events_of(log), 24)
    products = product_table(table_of(SOLD_LINES, SOLD), AS_OF)
    table = valued_items(items, products, date(2024, 6, 1), AS_OF, 24)
    found = table.order_by("product_id").to_pyarrow().to_pylist()
    assert [(row["product_id"], row["price"], row["category"]) for row in found] == [
        ("p1", 12.0, "Hogar"),
        ("p2", None, "Cocina"),
        ("p9", None, None),
    ]
    assert {row["outcome"] for row in found} == {"abandoned"}


def test_sums_count_items_by_outcome_and_value_those_whose_price_is_known():
    names = {"customer_id": "string", "outcome": "string", "price": "float64", "category": "string"}
    rows = [("ana", kind, price, "A") for kind in OUTCOMES for price in (1.0, 2.0)]
    rows += [("ana", "abandoned", None, "A"), ("luis", "pending", None, None)]
    ana, luis = cart_sums(table_of(rows, names), "customer_id").to_pyarrow().to_pylist()
    counted = dict.fromkeys(OUTCOMES, 2) | {"abandoned": 3}
    values = {"carts_value": 12.0, "abandoned_value": 3.0, "carts_priced": 8}
    assert ana == {"customer_id": "ana", "carts": 9, **counted, **values}
    assert (luis["carts"], luis["pending"], luis["carts_priced"]) == (1, 1, 0)
    assert not luis["carts_value"]


# The carts of a study ----------------------------------------------------------------------

FAST = {"clusters": {"k_range": [2, 3], "n_init": 1}, "clv": {"resamples": 0}}
LINES = (*HEADER, "product", "product_name", "category")
WITH_CATEGORY = ("customer", "date", "type", "product", "category")
CATEGORIES = {"p0": "Hogar", "p1": "Hogar", "p2": "Cocina", "p9": "Jardín"}


def a_shop(seed: int = 3) -> tuple[list[tuple], list[tuple]]:
    """Return orders and events of two years; `p9` is put in carts and never sold."""
    random = np.random.default_rng(seed)

    def moment() -> datetime:
        return datetime(2022, 7, 1, 1) + int(random.integers(0, 730 * 8)) * 3 * HOUR

    orders = [
        (f"c{place % 25}", moment(), f"o{place}", 2, 10 * (1 + place % 3), f"p{place % 3}",
         f"Cosa {place % 3}", CATEGORIES[f"p{place % 3}"])
        for place in range(120)
    ]  # fmt: skip
    events = []
    for name, at, _, _, _, product, _, category in orders[::2]:
        events.append((name, at - int(random.integers(0, 40)) * HOUR, "cart", product, category))
    for place in range(250):
        product = random.choice(list(CATEGORIES))
        # Nobody tells the category of p9 here; those of c30 to c34 never buy.
        category = "" if product == "p9" else CATEGORIES[product]
        kind = "cart" if place % 5 else "view"
        events.append((f"c{place % 35}", moment(), kind, str(product), category))
    events.append(("c30", datetime(2024, 6, 30, 13), "cart", "p9", "Jardín"))
    return orders, events


def open_shop(root: Path, orders: list[tuple], events: list[tuple], **given) -> Study:
    write_rows(root / "orders.csv", orders, LINES)
    write_rows(root / "events.csv", events, WITH_CATEGORY)
    columns = {name: name for name in WITH_CATEGORY}
    given = {"events": {"path": "events.csv", "columns": columns}, **FAST} | given
    return Study(params_of(LINES, **given), root=root, run_dir="run", as_of=AS_OF)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Study]:
    study = open_shop(tmp_path_factory.mktemp("shop"), *a_shop())
    yield study
    study.close()


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    """The shop's items of the period, by plain loops."""
    orders, events = a_shop()
    log = [(name, kind, at, product) for name, at, kind, product, _ in events]
    sales = [(name, product, at) for name, at, _, _, _, product, *_ in orders]
    names = ["customer_id", "product_id", "carted_at", "outcome"]
    table = pd.DataFrame(by_hand((log, sales), AS_OF), columns=names)
    known = [row for row in orders if row[1] < datetime(2024, 7, 1)]
    sold = pd.DataFrame(known, columns=list(LINES)).groupby("product")[["amount", "quantity"]].sum()
    price = table["product_id"].map(sold["amount"] / sold["quantity"])
    table = table.assign(price=price, category=table["product_id"].map(CATEGORIES))
    table.loc[(table["product_id"] == "p9") & (table["customer_id"] != "c30"), "category"] = None
    return table


@pytest.fixture(scope="module")
def period(items) -> pd.DataFrame:
    return items[items["carted_at"] >= "2023-07-01"]


def summed(items: pd.DataFrame, by: str) -> pd.DataFrame:
    groups = items.groupby(by)
    found = groups["outcome"].value_counts().unstack(fill_value=0)
    values = {"carts_value": groups["price"].sum(), "carts_priced": groups["price"].count()}
    lost = items[items["outcome"] == "abandoned"].groupby(by)["price"].sum()
    found = found.reindex(columns=list(OUTCOMES), fill_value=0).assign(carts=groups.size())
    return found.assign(**values, abandoned_value=lost).fillna(0)[list(SUMS)].astype(float)


def assert_sums(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    found = found.set_index(found.columns[0])[list(SUMS)].astype(float).fillna(0).sort_index()
    pd.testing.assert_frame_equal(found, expected.sort_index(), check_names=False)


def test_carts_of_customers_are_those_of_the_period(shop, items, period):
    assert len(period) < len(items)
    assert_sums(shop.carts.by_customer, summed(period, "customer_id"))


def test_carts_of_categories_are_those_of_the_products_that_have_one(shop, period):
    table = shop.carts.by_category
    assert table["carts"].is_monotonic_decreasing
    known = period[(period["product_id"] != "p9") | (period["category"] == "Jardín")]
    assert_sums(table[["category", *SUMS]], summed(known, "category"))
    values = table.set_index("category")["carts_value"]
    assert values[["Hogar", "Cocina"]].notna().all()
    assert np.isnan(values["Jardín"])


def test_totals_are_the_sums_of_customers_and_of_categories(shop, period):
    totals = shop.carts.totals
    expected = summed(period.assign(all="all"), "all").loc["all"]
    assert {name: totals[name] for name in SUMS} == pytest.approx(expected.to_dict())
    assert sum(totals[name] for name in OUTCOMES) == totals["carts"] == len(period)
    assert (totals["hours"], totals["customers"]) == (24, period["customer_id"].nunique())
    decided = totals["carts"] - totals["pending"]
    assert totals["pending"] == 1
    assert totals["recovered_rate"] == totals["recovered"] / decided
    assert totals["recovered_rate"] + totals["abandonment_rate"] == pytest.approx(1)
    unnamed = period["category"].isna().sum()
    assert shop.carts.by_category["carts"].sum() + unnamed == totals["carts"]


@pytest.mark.parametrize("segmentation", ["families", "lifecycle", "micro_segments", "cart"])
def test_carts_of_segments_add_up_to_the_totals(shop, segmentation):
    table = shop.carts.by_segment(segmentation).set_index("segment")
    total = table.loc["total", list(SUMS)].astype(float)
    assert total.to_dict() == pytest.approx({name: shop.carts.totals[name] for name in SUMS})
    parts = table.drop("total")
    assert parts[list(SUMS)].sum().to_dict() == pytest.approx(total.to_dict())
    assert parts["carts"].is_monotonic_decreasing
    of = shop.segments.set_index("customer_id")[segmentation]
    customers = shop.carts.by_customer.set_index("customer_id")["carts"]
    assert customers.groupby(of).sum().to_dict() == parts["carts"].to_dict()


def test_the_customer_table_counts_the_carts_of_the_last_days(shop, items):
    recent = items[items["carted_at"] >= "2024-06-01"]
    waiting = recent[recent["outcome"].isin(["abandoned", "pending"])]
    expected = {
        "carts": recent.groupby("customer_id").size(),
        "carts_abandoned": (recent["outcome"] == "abandoned").groupby(recent["customer_id"]).sum(),
        "carts_open": waiting.groupby("customer_id")["product_id"].nunique(),
    }
    found = shop.customers.set_index("customer_id")
    for name, counts_by_hand in expected.items():
        known = found[name].dropna().astype(int)
        assert known[known > 0].to_dict() == counts_by_hand[counts_by_hand > 0].to_dict()
    assert (found["carts"].notna() == found["first_seen"].notna()).all()


def test_carts_that_wait_are_the_abandoned_ones_of_the_last_days(shop, items):
    table = shop.carts.open_items
    recent = items[(items["carted_at"] >= "2024-06-01") & (items["outcome"] == "abandoned")]
    names = ["customer_id", "product_id", "carted_at"]
    expected = recent.sort_values(["carted_at", *names[:2]], ascending=[False, True, True])
    assert table[names].to_numpy().tolist() == expected[names].to_numpy().tolist()
    np.testing.assert_allclose(table["price"].astype(float), expected["price"])
    micro = shop.segments.set_index("customer_id")["micro_segments"]
    assert table["micro_segment"].tolist() == micro[table["customer_id"]].tolist()
    assert table["micro_segment"].str.endswith("_cart_abandoned").all()
    counted = shop.customers.set_index("customer_id")["carts_abandoned"].dropna()
    assert counted[counted > 0].to_dict() == table["customer_id"].value_counts().to_dict()


def test_carts_that_wait_have_the_names_of_their_products(shop):
    table = shop.carts.open_items
    sold = table["product_id"] != "p9"
    assert 0 < sold.sum() < len(table)
    assert (table.loc[sold, "product"] == "Cosa " + table.loc[sold, "product_id"].str[1]).all()
    assert table.loc[~sold, "product"].isna().all()


def test_what_the_carts_say_has_the_figures_of_the_tables(shop):
    said = dict(shop.carts.remarks)
    assert list(said) == ["carts_summary", "carts_value", "carts_open"]
    totals = shop.carts.totals
    assert said["carts_summary"] == totals
    assert said["carts_value"]["priced"] == totals["carts_priced"] / totals["carts"]
    table = shop.carts.open_items
    assert said["carts_open"] == {
        "customers": table["customer_id"].nunique(),
        "carts": len(table),
        "days": 30,
    }


def test_the_order_of_the_rows_of_the_files_changes_nothing(shop, tmp_path):
    orders, events = a_shop()
    turned = open_shop(tmp_path, orders[::-1], events[::-1])
    for name in ("by_customer", "by_category", "open_items"):
        one, two = getattr(shop.carts, name), getattr(turned.carts, name)
        pd.testing.assert_frame_equal(one, two)
    turned.close()


def test_carts_at_an_earlier_date_are_what_was_known_then(shop):
    orders, events = a_shop()
    as_of = date(2024, 2, 1)
    log = [(name, kind, at, product) for name, at, kind, product, _ in events]
    sales = [(name, product, at) for name, at, _, _, _, product, *_ in orders]
    known = [item for item in by_hand((log, sales), as_of) if item[2] >= datetime(2023, 2, 1)]
    totals = shop.at(as_of).carts.totals
    expected = pd.Series([item[3] for item in known]).value_counts()
    assert {name: totals[name] for name in OUTCOMES if totals[name]} == expected.to_dict()


def test_other_windows_are_not_remembered_results(tmp_path):
    orders, events = a_shop()
    found = []
    for hours in (24, 6):
        study = open_shop(tmp_path, orders, events, carts={"window_hours": hours, "open_days": 9})
        found.append(study.carts.totals)
        assert study.carts.open_terms["days"] == 9
        study.close()
    day, six = found
    assert (day["hours"], six["hours"]) == (24, 6)
    assert six["recovered"] < day["recovered"]


# Little to tell ----------------------------------------------------------------------------

ORDERS = [("ana", "2024-01-05", "o1", 1, 10), ("luis", "2024-06-05", "o2", 1, 10)]


def test_without_events_there_are_no_carts(make_study):
    carts = make_study(ORDERS, as_of=AS_OF).carts
    assert isinstance(carts, Carts)
    assert not carts.ready
    assert carts.remarks == [("carts_none", {})]


def test_events_without_a_cart_say_so(make_study):
    events = [("ana", "2024-06-01", "view", "p1")]
    carts = make_study(ORDERS, as_of=AS_OF, events=events).carts
    assert not carts.ready
    assert carts.remarks == [("carts_empty", {})]
    assert carts.by_customer.empty


def test_carts_before_the_period_or_after_the_date_are_none_of_it(make_study):
    days = ("2023-06-30 23:59:59", "2024-07-01 00:00:00")
    events = [("ana", day, "cart", "p1") for day in days]
    assert not make_study(ORDERS, as_of=AS_OF, events=events).carts.ready


def test_carts_of_orders_without_products_have_no_price(make_study):
    events = [("ana", "2024-06-01", "cart", "p1"), ("luis", "2024-06-01", "cart", "p1")]
    study = make_study(ORDERS, as_of=AS_OF, events=events, **FAST)
    totals = study.carts.totals
    assert (totals["carts"], totals["abandoned"], totals["carts_priced"]) == (2, 2, 0)
    assert np.isnan([totals["carts_value"], totals["abandoned_value"]]).all()
    assert [key for key, _ in study.carts.remarks] == [
        "carts_summary",
        "carts_no_prices",
        "carts_open",
    ]
    assert study.carts.by_category.empty
    assert set(study.carts.open_items["customer_id"]) == {"ana", "luis"}


def test_carts_of_long_ago_are_not_waiting(make_study):
    events = [("ana", "2024-02-01", "cart", "p1")]
    carts = make_study(ORDERS, as_of=AS_OF, events=events, **FAST).carts
    assert carts.remarks[-1] == ("carts_open_none", {"customers": 0, "carts": 0, "days": 30})


def test_events_without_products_make_one_cart_a_customer(make_study, tmp_path):
    rows = [("ana", f"2024-06-05 1{hour}:00", "cart") for hour in range(3)]
    rows += [("luis", "2024-06-05 10:00", "cart"), ("luis", "2024-06-05 11:00", "purchase")]
    write_rows(tmp_path / "visits.csv", rows, WITH_CATEGORY[:3])
    events = {"path": "visits.csv", "columns": {name: name for name in WITH_CATEGORY[:3]}}
    orders = [(*row, "p1") for row in ORDERS]
    study = make_study(orders, header=(*HEADER, "product"), as_of=AS_OF, events=events, **FAST)
    totals = study.carts.totals
    assert (totals["carts"], totals["recovered"], totals["abandoned"]) == (2, 1, 1)
    assert study.carts.open_items["customer_id"].tolist() == ["ana"]
    found = study.customers.set_index("customer_id")
    assert found.loc["ana", ["carts", "carts_abandoned", "carts_open"]].tolist() == [1, 1, 1]


# Real logs ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taobao_rows(real_data: Callable[[str], Path]) -> pd.DataFrame:
    """Taobao's log as pandas reads it: ids as text, the time of China, without strays."""
    table = pd.read_parquet(real_data("taobao_userbehavior_head.parquet"))
    names = {"user_id": "customer_id", "item_id": "product_id", "category_id": "category"}
    table = table.rename(columns=names).astype(dict.fromkeys(names.values(), str))
    table["moment"] = pd.to_datetime(table["timestamp"] + 8 * 3600, unit="s")
    return table[(table["moment"] >= "2017-11-25") & (table["moment"] < "2017-12-04")]


@pytest.fixture(scope="module")
def taobao(real_data: Callable[[str], Path], tmp_path_factory) -> Iterator[Study]:
    """A whole study of a log without amounts: its purchases are the orders."""
    log = {
        "path": str(real_data("taobao_userbehavior_head.parquet")),
        "date_format": "epoch_s",
        "since": "2017-11-25",
        "until": "2017-12-04",
    }
    columns = {"customer": "user_id", "date": "timestamp", "product": "item_id"}
    columns |= {"category": "category_id", "type": "behavior"}
    types = {"view": "pv", "cart": "cart", "purchase": "buy", "wishlist": "fav"}
    orders = {**log, "columns": columns, "types": ["buy"]}
    params = params_of(
        currency="XXX",
        timezone="Asia/Shanghai",
        orders=orders,
        events={**log, "columns": columns, "types": types},
        **FAST,
    )
    study = Study(params, root=tmp_path_factory.mktemp("taobao"), run_dir="run")
    yield study
    study.close()


@pytest.fixture(scope="module")
def taobao_items(taobao_rows) -> pd.DataFrame:
    kinds = taobao_rows[taobao_rows["behavior"].isin(["cart", "buy"])]
    kinds = kinds.assign(kind=kinds["behavior"].map({"cart": "cart", "buy": "purchase"}))
    moments = kinds["moment"].dt.to_pydatetime()
    log = list(zip(kinds["customer_id"], kinds["kind"], moments, kinds["product_id"]))
    names = ["customer_id", "product_id", "carted_at", "outcome"]
    table = pd.DataFrame(by_hand((log, []), date(2017, 12, 4)), columns=names)
    category = kinds.drop_duplicates("product_id").set_index("product_id")["category"]
    return table.assign(category=table["product_id"].map(category), price=np.nan)


def test_a_log_without_amounts_makes_a_study_of_its_purchases(taobao, taobao_rows):
    bought_rows = taobao_rows[taobao_rows["behavior"] == "buy"]
    customers = taobao.customers.set_index("customer_id")
    assert taobao.as_of == date(2017, 12, 4)
    assert len(customers) == taobao_rows["customer_id"].nunique() == 815
    units = bought_rows.groupby("customer_id").size()
    sold = customers[customers["orders"] > 0]
    assert sold["units"].astype(int).to_dict() == units.to_dict() == sold["revenue"].to_dict()
    assert units.sum() == 1750
    days = bought_rows.assign(day=bought_rows["moment"].dt.date).groupby("customer_id")["day"]
    assert sold["orders"].to_dict() == days.nunique().to_dict()
    prospects = set(taobao_rows["customer_id"]) - set(units.index)
    assert set(customers.index[customers["orders"] == 0]) == prospects
    assert (taobao.segments["lifecycle"] == "prospect").sum() == len(prospects) == 256


def test_carts_of_the_real_log_agree_with_plain_loops(taobao, taobao_rows, taobao_items):
    totals = taobao.carts.totals
    assert totals["carts"] == len(taobao_items) <= (taobao_rows["behavior"] == "cart").sum() == 4497
    counted = taobao_items["outcome"].value_counts()
    assert {name: totals[name] for name in OUTCOMES} == counted.to_dict()
    assert totals["carts_priced"] == 0
    assert np.isnan([totals["carts_value"], totals["abandoned_value"]]).all()
    assert_sums(taobao.carts.by_customer, summed(taobao_items, "customer_id"))
    by_category = taobao.carts.by_category[["category", *SUMS]]
    assert_sums(by_category, summed(taobao_items, "category"))
    segments = taobao.carts.by_segment("lifecycle").set_index("segment")
    assert segments.loc["total", "carts"] == totals["carts"]
    assert [key for key, _ in taobao.carts.remarks][1] == "carts_no_prices"


def test_strays_of_the_real_log_are_rejected_with_their_rule(taobao, real_data):
    given = pd.read_parquet(real_data("taobao_userbehavior_head.parquet"))
    moments = pd.to_datetime(given["timestamp"] + 8 * 3600, unit="s")
    stray = (moments < "2017-11-25") | (moments >= "2017-12-04")
    quality = taobao.quality.set_index(["source", "rule"])["lines"]
    assert quality["events", "stray_date"] == stray.sum() > 0
    assert quality["orders", "stray_date"] == (stray & (given["behavior"] == "buy")).sum()
    assert quality["events", "purchase_not_in_orders"] == 0
    assert quality["orders", "read"] == (given["behavior"] == "buy").sum()


def test_carts_of_sessions_in_milliseconds_agree_with_plain_loops(real_data, tmp_path):
    log = {"path": str(real_data("otto_fixture.parquet")), "date_format": "epoch_ms"}
    columns = {"customer": "session", "date": "ts", "product": "aid", "type": "type"}
    types = {"view": "clicks", "cart": "carts", "purchase": "orders"}
    params = params_of(
        currency="XXX",
        orders={**log, "columns": columns, "types": ["orders"]},
        events={**log, "columns": columns, "types": types},
        **FAST,
    )
    study = Study(params, root=tmp_path, run_dir="run", as_of=date(2022, 8, 29))
    given = pd.read_parquet(params.events.path[0])
    given = given[given["type"] != "clicks"]
    kinds = given["type"].map({"carts": "cart", "orders": "purchase"})
    moments = pd.to_datetime(given["ts"], unit="ms").dt.to_pydatetime()
    rows = zip(given["session"].astype(str), kinds, moments, given["aid"].astype(str))
    expected = by_hand((list(rows), []), date(2022, 8, 29))
    assert told(study.cart_items, date(2022, 8, 29)) == expected
    assert study.carts.totals["carts"] == len(expected) <= 52
    assert study.quality.set_index(["source", "rule"])["lines"]["orders", "kept"] == 10
    study.close()
