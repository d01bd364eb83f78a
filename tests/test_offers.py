"""What customers bought and looked at, what a study offers them, and whether it would have sold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segkit.analysis.affinity import NOTHING, SOURCES
from segkit.analysis.intervals import wilson
from segkit.data.interests import (
    bought_between,
    customer_rows,
    interest_table,
    of_categories,
    product_figures,
    segment_sales,
)
from segkit.study.hit_rates import LISTS
from segkit.study.offers import TOP
from segkit.study.study import Study

AS_OF = date(2024, 7, 1)
NOON = datetime(2024, 6, 1, 12)
DAY = timedelta(days=1)
LINE = {"customer_id": "string", "product_id": "string", "observed_at": "timestamp"}
LINE |= {"counts_at": "timestamp", "quantity": "int64", "is_return": "boolean"}
EVENT = {"customer_id": "string", "type": "string", "happened_at": "timestamp"}
EVENT |= {"product_id": "string"}
SHELF = ("customer", "date", "order", "product", "product_name", "category", "quantity", "amount")
PLACES = [f"product_{rank}" for rank in range(1, TOP + 1)]
REASONS = [f"source_{rank}" for rank in range(1, TOP + 1)]
QUICK = {"clv": {"resamples": 5}, "clusters": {"k": 4}}


def table_of(rows: Iterable[tuple], schema: dict[str, str]) -> ibis.Table:
    return ibis.memtable([dict(zip(schema, row, strict=True)) for row in rows], schema=schema)


def sold(moment: datetime, product: str | None = "tea", customer: str = "ana", units: int = 1):
    return customer, product, moment, moment, units, False


def returned(moment: datetime, of: datetime, product: str = "tea", units: int = 1):
    return "ana", product, moment, of, -units, True


def event(moment: datetime, kind: str = "view", product: str | None = "tea", customer: str = "ana"):
    return customer, kind, moment, product


def interests(*lines: tuple, events: Iterable[tuple] | None = None, as_of: date = AS_OF):
    """Return the interests as a DataFrame, and those of each customer and product by name."""
    given = None if events is None else table_of(events, EVENT)
    return interest_table(table_of(lines, LINE), as_of, given).to_pyarrow().to_pandas()


# What was bought and looked at -------------------------------------------------------------


def test_days_are_purchase_days_and_not_lines():
    moments = [NOON, NOON + timedelta(hours=2), NOON + 3 * DAY, NOON + 3 * DAY]
    (row,) = interests(*map(sold, moments)).to_dict("records")
    assert (row["days"], row["first_age"], row["age"]) == (2, 30, 27)


def test_there_is_one_row_a_customer_and_product_in_their_order():
    lines = [sold(NOON, product, who) for who in "ba" for product in "zxy"]
    table = interests(*lines, *lines)
    pairs = list(zip(table["customer_id"], table["product_id"], strict=True))
    assert pairs == [(who, product) for who in "ab" for product in "xyz"]


def test_what_was_returned_was_not_bought():
    (row,) = interests(sold(NOON), returned(NOON + DAY, NOON)).to_dict("records")
    assert (row["days"], row["returned"]) == (0, True)
    assert pd.isna(row["age"]) and pd.isna(row["first_age"])


def test_what_was_returned_in_part_was_bought_and_returned():
    table = interests(sold(NOON, units=3), returned(NOON + DAY, NOON, units=2))
    assert table[["days", "returned"]].values.tolist() == [[1, True]]


@pytest.mark.parametrize(("days", "units", "expected"), [(1, 2, True), (3, 2, False), (3, 9, True)])
def test_a_return_holds_until_the_product_is_bought_again_and_kept(days, units, expected):
    again = sold(NOON + days * DAY)
    table = interests(sold(NOON, units=3), again, returned(NOON + 2 * DAY, NOON, units=units))
    assert table["returned"].tolist() == [expected]


def test_what_did_not_come_back_was_not_returned():
    assert interests(sold(NOON), events=[event(NOON, product="mug")])["returned"].tolist() == [
        False,
        False,
    ]


def test_a_return_that_is_not_yet_known_takes_nothing_away():
    late = returned(datetime(2024, 7, 2), NOON)
    assert interests(sold(NOON), late)["days"].tolist() == [1]


def test_a_return_alone_is_no_purchase():
    table = interests(returned(NOON, NOON))
    assert table[["days", "returned"]].values.tolist() == [[0, True]]


def test_lines_without_a_product_are_of_no_interest():
    assert interests(sold(NOON, product=None)).empty


def test_the_first_instant_of_as_of_is_not_known_and_the_last_before_it_is():
    midnight = datetime(2024, 7, 1)
    known = interests(sold(midnight - timedelta(seconds=1)), sold(midnight, "later"))
    assert known["product_id"].tolist() == ["tea"]
    assert known["age"].tolist() == [1]


def test_what_was_looked_at_and_not_bought_has_no_purchase_days():
    (row,) = interests(events=[event(NOON)]).to_dict("records")
    assert (row["customer_id"], row["product_id"], row["days"]) == ("ana", "tea", 0)
    assert (row["seen_age"], row["carted"]) == (30, False)
    assert pd.isna(row["age"]) and pd.isna(row["first_age"])


def test_a_purchase_event_is_no_look():
    assert interests(events=[event(NOON, "purchase")]).empty


@pytest.mark.parametrize(("days", "seen_age"), [(-3, None), (0, None), (3, 27)])
def test_only_a_look_after_the_last_purchase_is_still_open(days, seen_age):
    lines = [sold(NOON - 9 * DAY), sold(NOON)]
    (row,) = interests(*lines, events=[event(NOON + days * DAY, "cart")]).to_dict("records")
    assert (None if pd.isna(row["seen_age"]) else row["seen_age"]) == seen_age
    assert row["carted"] == (seen_age is not None)
    assert row["days"] == 2


def test_a_cart_that_ended_in_a_purchase_is_not_open_because_the_product_was_looked_at_since():
    looks = [event(NOON - DAY, "cart"), event(NOON + DAY, "view")]
    (row,) = interests(sold(NOON), events=looks).to_dict("records")
    assert row["seen_age"] == 29
    assert not row["carted"]


def test_a_cart_of_before_the_last_look_is_still_a_cart_where_nothing_was_bought():
    looks = [event(NOON - DAY, "cart"), event(NOON + DAY, "view")]
    (row,) = interests(events=looks).to_dict("records")
    assert (row["seen_age"], row["carted"]) == (29, True)


@pytest.mark.parametrize("events", [None, []])
def test_without_events_nothing_was_looked_at(events):
    (row,) = interests(sold(NOON), events=events).to_dict("records")
    assert pd.isna(row["seen_age"])
    assert not row["carted"]


def test_events_that_name_no_products_are_of_no_interest():
    unnamed = table_of([event(NOON)[:3]], dict(list(EVENT.items())[:3]))
    table = interest_table(table_of([sold(NOON)], LINE), AS_OF, unnamed).to_pyarrow().to_pandas()
    assert table["seen_age"].isna().all()


moments = st.integers(-400, 400).map(lambda hours: datetime(2024, 7, 1) + timedelta(hours=hours))
lines = st.builds(sold, moments, st.sampled_from("xyz"), st.sampled_from("ab"))
takings = st.builds(lambda moment, product: returned(moment, moment, product), moments,
                    st.sampled_from("xyz"))  # fmt: skip
looks = st.builds(event, moments, st.sampled_from(["view", "cart"]), st.sampled_from("xyz"))


@settings(max_examples=30)
@given(st.lists(lines | takings, max_size=12), st.lists(looks, max_size=8))
def test_nothing_that_happens_from_as_of_on_changes_what_was_known(all_lines, all_looks):
    midnight = datetime(2024, 7, 1)
    cut_lines = [line for line in all_lines if line[2] < midnight]
    cut_looks = [look for look in all_looks if look[2] < midnight]
    whole = interests(*all_lines, events=all_looks)
    pd.testing.assert_frame_equal(whole, interests(*cut_lines, events=cut_looks))


KINDS = LINE | {"category": "string"}


@pytest.mark.parametrize(
    ("columns", "looks", "expected"),
    [
        ("product", [("tea", None)], ["drinks"]),
        ("product", [("cake", None), ("bare", None), (None, None)], []),
        ("category", [(None, "food"), (None, None)], ["food"]),
        ("both", [("tea", "food"), ("tea", None), ("cake", None)], ["food", "drinks"]),
    ],
)
def test_an_event_is_of_its_own_category_else_of_that_of_the_product_sold(columns, looks, expected):
    lines = table_of([(*sold(NOON), "drinks"), (*sold(NOON, "bare"), None)], KINDS)
    events = table_of([(*event(NOON, product=product), shelf) for product, shelf in looks],
                      EVENT | {"category": "string"})  # fmt: skip
    left_out = {"product": ["category"], "category": ["product_id"], "both": []}[columns]
    sold_by, seen_by = of_categories(lines, events.drop(*left_out) if left_out else events)
    assert sold_by.to_pyarrow().to_pandas()["product_id"].tolist() == ["drinks"]
    found = seen_by.filter(seen_by["product_id"].notnull()).to_pyarrow().to_pandas()
    assert sorted(found["product_id"]) == sorted(expected)


def test_categories_need_no_events():
    lines = table_of([(*sold(NOON), "drinks")], KINDS)
    assert of_categories(lines, None)[1] is None


def figures(*lines: tuple, events: Iterable[tuple] | None = None, half_life: float = 365):
    given = None if events is None else table_of(events, EVENT)
    table = interest_table(table_of(lines, LINE), AS_OF, given)
    found = product_figures(table, half_life).to_pyarrow().to_pandas()
    return found.set_index("product_id")


def test_products_count_their_customers_and_those_who_came_back():
    again = [sold(NOON + days * DAY, customer="ben") for days in (0, 4, 10)]
    tea = figures(sold(NOON), *again, sold(NOON, "mug")).loc["tea"]
    assert (tea["customers"], tea["rebuyers"], tea["repeat_gap_days"]) == (2, 1, 5)
    assert tea["last_sold_days"] == 20


def test_a_product_that_nobody_bought_is_known_by_its_looks_alone():
    cup = figures(sold(NOON), events=[event(NOON, product="cup")]).loc["cup"]
    assert (cup["customers"], cup["rebuyers"], cup["popularity"]) == (0, 0, 0)
    assert cup[["repeat_gap_days", "last_sold_days"]].isna().all()


def test_a_purchase_of_a_half_life_ago_counts_half_in_popularity():
    found = figures(sold(NOON), sold(NOON, customer="ben"), half_life=30)["popularity"]
    assert found["tea"] == pytest.approx(1.0)


def test_sales_of_a_segment_are_those_of_its_customers():
    lines = [sold(NOON), sold(NOON, customer="ben"), sold(NOON, "mug", "ben")]
    table = interest_table(
        table_of(lines, LINE), AS_OF, table_of([event(NOON, product="cup")], EVENT)
    )
    segments = pd.DataFrame({"customer_id": ["ana", "ben"], "segment": ["old", "new"]})
    found = segment_sales(table, segments, 30).to_pyarrow().to_pandas()
    pairs = set(zip(found["segment"], found["product_id"], strict=True))
    assert pairs == {("old", "tea"), ("new", "tea"), ("new", "mug")}
    assert found["popularity"].tolist() == pytest.approx([0.5] * 3)


def test_bought_between_takes_the_first_day_and_leaves_the_last():
    days = [datetime(2024, 5, 31, 23, 59), datetime(2024, 6, 1), datetime(2024, 6, 30, 23, 59)]
    lines = [sold(day, str(place)) for place, day in enumerate([*days, datetime(2024, 7, 1)])]
    others = [sold(NOON, customer="ben"), sold(NOON, None), returned(NOON, NOON, "back")]
    table = table_of([*lines, *lines, *others], LINE)
    found = bought_between(table, date(2024, 6, 1), AS_OF, pd.Series(["ana"]))
    found = found.to_pyarrow().to_pylist()
    assert sorted(row["product_id"] for row in found) == ["1", "2"]
    assert {row["customer_id"] for row in found} == {"ana"}


def written(counts: list[int], folder: str) -> tuple[Path, pd.DataFrame]:
    """Write interests of customers who have so many products each."""
    pairs = [(f"c{who:02d}", f"p{place}") for who, n in enumerate(counts) for place in range(n)]
    table = pd.DataFrame(pairs, columns=["customer_id", "product_id"])
    table = table.assign(days=1, age=np.arange(len(table)), seen_age=None, carted=False)
    table = table.assign(first_age=table["age"], returned=False)
    schema = {"customer_id": pa.string(), "product_id": pa.string(), "days": pa.int64()}
    schema |= {"age": pa.int64(), "seen_age": pa.int64(), "carted": pa.bool_()}
    schema |= {"first_age": pa.int64(), "returned": pa.bool_()}
    file = Path(folder) / "interests.parquet"
    pq.write_table(pa.Table.from_pandas(table, pa.schema(schema), preserve_index=False), file)
    return file, table


@settings(max_examples=60)
@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 30))
def test_no_customer_is_ever_split_whatever_is_read_at_once(counts, size):
    places = pd.Series([f"p{place}" for place in reversed(range(9))])
    with tempfile.TemporaryDirectory() as folder:
        file, table = written(counts, folder)
        batches = list(customer_rows(file, places, size))
    ids = [name for _, names in batches for name in names]
    assert ids == [f"c{who:02d}" for who in range(len(counts))]
    for rows, names in batches:
        assert set(rows["customer"]) == set(range(len(names)))
    read = [rows.assign(customer_id=names[rows["customer"]]) for rows, names in batches]
    if read:
        whole = pd.concat(read, ignore_index=True)
        assert whole["customer_id"].tolist() == table["customer_id"].tolist()
        assert places[whole["product"]].tolist() == table["product_id"].tolist()
        assert whole["age"].tolist() == table["age"].tolist()


# What a study offers -----------------------------------------------------------------------


def order(customer: str, day: date, *products: str, **given: str) -> list[tuple]:
    """Return the lines of one order; a product's category is its first letter."""
    number = f"{customer}-{day}"
    return [
        (customer, day.isoformat(), number, product, given.get("name", f"The {product}"),
         given.get("category", product[:1]), 1, 10)
        for product in products
    ]  # fmt: skip


def shop(customers: int = 40, seed: int = 1) -> list[tuple]:
    """Order lines of customers who like the products of one of two groups, over a year."""
    random = np.random.default_rng(seed)
    rows = []
    for place in range(customers):
        shelf = [f"{'ab'[place % 2]}{number}" for number in range(8)]
        start = date(2023, 8, 1) + DAY * int(random.integers(0, 200))
        for _ in range(int(random.integers(1, 5))):
            products = random.choice(shelf, size=int(random.integers(1, 4)), replace=False)
            rows += order(f"c{place:02d}", start, *products)
            start += DAY * int(random.integers(10, 70))
    return [row for row in rows if row[1] < AS_OF.isoformat()]


@pytest.fixture
def open_shop(make_study) -> Callable[..., Study]:
    def opened(rows: Iterable[tuple], *, as_of: date = AS_OF, **given) -> Study:
        return make_study(rows, header=SHELF, as_of=as_of, **(QUICK | given))

    return opened


@pytest.fixture
def offers(open_shop):
    """Offers of the shop, with prospects who registered and one who looked at a product."""
    events = [("seen", "2024-06-20 10:00:00", "view", "b3")]
    registered = [("aaa", "2024-01-01"), ("zzz", "2024-01-01"), ("c00", "2023-01-01")]
    return open_shop(shop(), customers=registered, events=events).offers


def of(offers, customer: str) -> list[str]:
    """Return the ids of the products offered to a customer."""
    (row,) = offers.table.loc[offers.table["customer_id"] == customer, PLACES].to_numpy()
    return offers.products["product_id"][row[row != NOTHING]].tolist()


def test_there_is_one_row_a_customer_in_the_order_of_the_customer_table(offers):
    assert offers.ready
    assert list(offers.table) == ["customer_id", *PLACES, *REASONS, "because"]
    assert offers.table["customer_id"].tolist() == offers.base.customers["customer_id"].tolist()
    assert {"aaa", "seen", "zzz"} < set(offers.table["customer_id"])


def test_offers_of_a_study_keep_the_rules(offers):
    held = offers.interests.to_pyarrow().to_pandas()
    held = held[held["days"] > 0].set_index(["customer_id", "product_id"])["days"]
    products = offers.products.set_index("product_id")
    for customer in offers.table["customer_id"]:
        named = of(offers, customer)
        assert len(set(named)) == len(named) > 0
        assert products.loc[named, "is_offered"].all()
        for product in named:
            days = held.get((customer, product), 0)
            assert days != 1 or products.loc[product, "is_rebought"]


def test_who_is_unknown_gets_the_best_sellers_of_the_brand(offers):
    ranked = offers.products[offers.products["is_offered"]].sort_values(
        "popularity", ascending=False
    )
    assert of(offers, "aaa") == of(offers, "zzz") == ranked["product_id"].tolist()[:TOP]


def test_who_looked_at_a_product_is_offered_it_first_and_then_its_neighbours(offers):
    row = offers.table.set_index("customer_id").loc["seen"]
    assert of(offers, "seen")[0] == "b3"
    assert SOURCES[row["source_1"]] == "seen"
    assert {product[0] for product in of(offers, "seen")[:4]} == {"b"}


def test_each_taste_is_offered_its_own_products_first(offers):
    own = offers.products["category"].to_numpy()
    for customer, first in zip(offers.table["customer_id"], offers.table["product_1"], strict=True):
        if customer.startswith("c"):
            assert own[first] == "ab"[int(customer[1:]) % 2]


def test_because_is_a_product_that_the_customer_bought_or_looked_at(offers):
    known = offers.interests.to_pyarrow().to_pandas()
    known = set(zip(known["customer_id"], known["product_id"], strict=True))
    table = offers.table[offers.table["because"] != NOTHING]
    assert len(table) > 20
    names = offers.about(table["because"], "product_id")
    assert set(zip(table["customer_id"], names, strict=True)) <= known


def test_the_study_learns_the_same_however_many_customers_are_looked_at_at_once(
    offers, monkeypatch
):
    whole = offers.table.copy()
    monkeypatch.setattr("segkit.study.offers.ROWS", 7)
    again = Study(offers.base.params, root=offers.base.root, run_dir="small", as_of=AS_OF)
    monkeypatch.setattr(again.offers, "blocks", lambda size=3: type(offers).blocks(again.offers, 3))
    pd.testing.assert_frame_equal(again.offers.table, whole)
    again.close()


def test_products_below_the_support_or_out_of_sale_are_known_and_not_offered(open_shop):
    old = [line for place in range(9) for line in order(f"o{place}", date(2023, 8, 1), "old")]
    rare = [line for place in range(4) for line in order(f"r{place}", date(2024, 6, 1), "rare")]
    found = open_shop([*shop(), *old, *rare]).offers
    known = found.products.set_index("product_id")
    assert known.loc[["old", "rare"], "customers"].tolist() == [9, 4]
    assert not known.loc[["old", "rare"], "is_offered"].any()
    barred = known.index.get_indexer(["old", "rare"])
    assert not found.table[PLACES].isin(barred).any(axis=None)


@pytest.mark.parametrize(("age", "offered"), [(180, True), (181, False)])
def test_a_product_is_given_up_after_the_days_that_the_client_says(open_shop, age, offered):
    last = [line for place in range(5) for line in order(f"o{place}", AS_OF - age * DAY, "old")]
    known = open_shop([*shop(), *last]).offers.products.set_index("product_id")
    assert known.loc["old", "is_offered"] == offered


def test_what_enough_customers_rebuy_is_offered_again(open_shop):
    days = (date(2024, 3, 1), date(2024, 5, 1))
    again = [row for who in range(6) for day in days for row in order(f"r{who}", day, "refill")]
    once = [line for place in range(14) for line in order(f"s{place}", days[1], "refill")]
    found = open_shop([*shop(), *again, *once]).offers
    refill = found.products.set_index("product_id").loc["refill"]
    assert (refill["customers"], refill["rebuyers"], refill["rebuy_rate"]) == (20, 6, 0.3)
    assert refill["repeat_gap_days"] == 61
    assert refill["is_rebought"]
    assert of(found, "s0")[0] == "refill"


def test_two_rebuyers_are_too_few_to_make_a_habit(open_shop):
    days = (date(2024, 3, 1), date(2024, 5, 1))
    again = [row for who in range(4) for day in days for row in order(f"r{who}", day, "refill")]
    found = open_shop([*shop(), *again, *order("s", days[1], "refill")]).offers
    assert not found.products.set_index("product_id").loc["refill", "is_rebought"]
    assert "refill" not in of(found, "s")
    assert of(found, "r0")[0] == "refill"


def year_round(*extra: list[tuple]) -> list[tuple]:
    """Order lines of a shop that sells tea and mugs all year, over two years and a half."""
    tea = [
        line
        for month in range(30)
        for who in range(6)
        for line in order(f"t{who}{month % 3}", date(2022, 1, 9) + month * 30 * DAY, "tea", "mug")
    ]
    return [*tea, *(line for lines in extra for line in lines)]


CANDLES = [
    line
    for year in (2022, 2023)
    for who in range(12)
    for line in order(f"x{who}", date(year, 11, 20) + who * DAY, "candle")
]


@pytest.mark.parametrize(
    ("as_of", "offered"),
    [(date(2024, 1, 10), False), (date(2024, 6, 20), False), (date(2024, 11, 10), True)],
)
def test_what_has_a_season_is_offered_in_season_alone(open_shop, as_of, offered):
    later = order("t00", date(2024, 11, 1), "tea")
    found = open_shop(year_round(CANDLES, later), as_of=as_of).offers
    candle = found.products.set_index("product_id").loc["candle"]
    assert candle["in_season"] == candle["is_offered"] == offered
    assert candle["season_share"] == (1 if offered else 0)
    place = found.products.index[found.products["product_id"] == "candle"][0]
    assert (found.table[PLACES] == place).any(axis=None) == offered
    assert ("offers_seasons" in dict(found.remarks)) == (not offered)


def test_a_season_is_not_known_within_the_first_year(open_shop):
    novel = [line for line in CANDLES if line[1] >= "2023"]
    found = open_shop(year_round(novel), as_of=date(2024, 1, 10)).offers
    candle = found.products.set_index("product_id").loc["candle"]
    assert pd.isna(candle["season_share"])
    assert candle["is_offered"]


def test_what_comes_from_the_date_on_tells_nothing_of_seasons(open_shop):
    as_of = date(2023, 12, 25)
    steady = [line for m in range(12) for line in order(f"y{m}", as_of + m * 30 * DAY, "candle")]
    found = [open_shop(year_round(CANDLES, extra), as_of=as_of, run_dir=name).offers.products
             for name, extra in (("one", []), ("two", steady))]  # fmt: skip
    pd.testing.assert_frame_equal(*found)


def test_nobody_is_offered_what_it_returned(open_shop):
    rows = shop()
    back = [(row[2], "2024-06-30") for row in rows if row[0] in ("c02", "c03")]
    found = open_shop(rows, returns=back).offers
    for customer in ("c02", "c03"):
        returned = {row[3] for row in rows if row[0] == customer}
        assert returned and not returned & set(of(found, customer))


@pytest.mark.parametrize("segmentation", ["families", "lifecycle"])
def test_products_of_a_segment_are_those_that_it_is_offered_more_than_the_base(
    offers, segmentation
):
    table = offers.by_segment(segmentation)
    labels = offers.base.segments.set_index("customer_id")[segmentation]
    lists = pd.Series({customer: of(offers, customer) for customer in offers.table["customer_id"]})
    usual = lists.explode().value_counts() / len(lists)
    assert set(table["segment"]) <= set(labels)
    assert bool(len(table)) == (segmentation == "lifecycle")  # families are alike, as they are few
    for segment, rows in table.groupby("segment"):
        members = labels.index[labels == segment]
        counts = lists[members].explode().value_counts()
        share = counts / len(members)
        times = share / usual[share.index]
        rows = rows.set_index("product_id")
        assert rows["rank"].tolist() == list(range(1, len(rows) + 1))
        low = [wilson(int(count), len(members))[0] for count in counts]
        own = (low / usual[counts.index]) > 1
        assert set(rows.index) <= set(own.index[own])
        assert len(rows) == min(TOP, own.sum())
        told = (share * times.clip(upper=2))[rows.index[1:]]
        assert (np.diff(told) < 1e-9).all()  # of all but the one that leads
        assert rows["customers"].to_dict() == counts[rows.index].to_dict()
        assert rows["customers_share"].to_dict() == pytest.approx(share[rows.index].to_dict())
        assert rows["times_usual"].to_dict() == pytest.approx(times[rows.index].to_dict())
    assert table["customers_share"].between(0, 1).all()
    assert set(table["source"]) <= set(SOURCES)


def test_the_reason_of_a_segments_product_is_the_commonest_one(offers):
    table = offers.by_segment("lifecycle")
    labels = offers.base.segments.set_index("customer_id")["lifecycle"]
    whole = offers.table.set_index("customer_id")
    places = offers.products.reset_index().set_index("product_id")["index"]
    for row in table.itertuples():
        own = whole[labels[whole.index].to_numpy() == row.segment]
        hits = own[PLACES].to_numpy() == places[row.product_id]
        counts = np.bincount(own[REASONS].to_numpy()[hits], minlength=len(SOURCES))
        assert counts[SOURCES.index(row.source)] == counts.max()


def test_reasons_of_the_first_three_offers_add_up(offers):
    table = offers.sources
    first = offers.table[REASONS[:3]].to_numpy()
    assert table["source"].tolist() == list(SOURCES)
    assert table["offers"].tolist() == [(first == place).sum() for place in range(len(SOURCES))]
    assert table["offers_share"].sum() == pytest.approx(1)


def test_about_tells_of_products_and_of_none(offers):
    found = offers.about(pd.Series([1, NOTHING, 0], index=list("xyz")), "product_id")
    known = offers.products["product_id"]
    assert found.tolist()[::2] == [known[1], known[0]]
    assert pd.isna(found["y"])
    assert list(found.index) == list("xyz")


HOSTILE = [
    "=1+1", "<script>alert(1)</script>", 'the "best"', "it's", "a,b;c", "ñandú ☕ 日本",
    "NA", "nan", "None", "null", "0012", "1.0", "-5", "true", " x ", "{x:count}", "%s", "a\nb",
]  # fmt: skip


def test_hostile_names_and_ids_stay_as_they_are(open_shop):
    rows = [
        line
        for who in range(12)
        for place, text in enumerate(HOSTILE)
        if (who + place) % 3
        for line in order(f"c{who}", date(2024, 5, 1) + who * DAY, text, name=text, category=text)
    ]
    found = open_shop(rows).offers
    for column in ("product_id", "product", "category"):
        assert sorted(found.products[column]) == sorted(HOSTILE)
    assert (found.products["product_id"] == found.products["product"]).all()
    table = found.by_segment("families")
    assert set(table["product_id"]) <= set(HOSTILE)
    assert (table["product"] == table["product_id"]).all()


def test_a_product_sold_under_two_names_or_categories_has_one_row(open_shop):
    day = date(2024, 6, 1)
    twice = order("c00", day, "a0", name="Old name", category="z")
    twice += order("c01", day, "a0", name="New name", category="")
    products = open_shop([*shop(), *twice]).offers.products
    assert products["product_id"].is_unique
    named = products.set_index("product_id").loc["a0"]
    assert named["product"] in {"Old name", "New name", "The a0"}
    assert named["category"] in {"a", "z"}


def test_a_product_without_a_name_is_called_by_its_id(open_shop):
    nameless = [
        row for who in range(6) for row in order(f"n{who}", date(2024, 6, 1), "x9", name="")
    ]
    products = open_shop([*shop(), *nameless]).offers.products.set_index("product_id")
    assert products.loc["x9", "product"] == "x9"
    assert products.loc["a0", "product"] == "The a0"


def test_a_product_that_was_only_looked_at_is_never_offered(open_shop):
    events = [(f"c{who:02d}", "2024-06-20 10:00:00", "cart", "ghost") for who in range(20)]
    found = open_shop(shop(), events=events).offers
    ghost = found.products.set_index("product_id").loc["ghost"]
    assert ghost["customers"] == 0
    assert ghost["product"] == "ghost"
    assert not ghost["is_offered"]
    assert all("ghost" not in of(found, f"c{who:02d}") for who in range(20))


def test_products_are_counted_from_the_most_bought_one_on(offers):
    assert offers.products["customers"].is_monotonic_decreasing
    counts = pd.DataFrame(shop(), columns=SHELF).groupby("product")["customer"].nunique()
    assert offers.products.set_index("product_id")["customers"].to_dict() == counts.to_dict()


def test_a_log_without_products_has_nothing_to_offer(make_study):
    rows = [(f"c{who}", f"2024-05-{who + 1:02d}", f"o{who}", 1, 10) for who in range(20)]
    study = make_study(rows, as_of=AS_OF, **QUICK)
    assert not study.offers.ready
    assert study.offers.remarks == [("offers_none", {})]
    assert not study.hit_rates.ready


@pytest.mark.parametrize("product", ["", "tea"])
def test_a_log_with_too_few_products_has_nothing_to_offer(open_shop, product):
    rows = [line for who in range(4) for line in order(f"c{who}", date(2024, 5, 1), product)]
    study = open_shop(rows)
    assert not study.offers.ready
    assert study.offers.remarks == [("offers_thin", {"min_support": 5, "days": 180})]


def test_offers_can_be_asked_for_where_no_line_names_a_product(open_shop):
    rows = [line for who in range(9) for line in order(f"c{who}", date(2024, 5, 1), "")]
    found = open_shop(rows).offers
    assert (found.table[PLACES] == NOTHING).all(axis=None)
    assert len(found.table) == 9


# Categories in the place of products -------------------------------------------------------


def thin(customers: int = 40) -> list[tuple]:
    """Order lines of a shop whose products are all sold once, in six categories."""
    rows = []
    for who in range(customers):
        group = "abc" if who % 2 else "xyz"
        for visit in range(3):
            letter = group[(who // 2 + visit) % 3]
            day = date(2023, 9, 1) + DAY * (who + 80 * visit)
            rows += order(f"c{who:02d}", day, f"{letter}{who}-{visit}")
    return rows


def test_categories_are_offered_where_no_product_has_enough_customers(open_shop):
    found = open_shop(thin()).offers
    assert (found.ready, found.level) == (True, "category")
    assert set(found.products["product_id"]) == set("abcxyz")
    assert (found.products["product"] == found.products["product_id"]).all()
    assert found.products["price"].tolist() == [10] * 6
    assert [name for name, _ in found.remarks][:2] == ["offers_by_category", "offers_made"]
    own = pd.DataFrame(thin(), columns=SHELF).groupby("category")["customer"].nunique()
    assert found.products.set_index("product_id")["customers"].to_dict() == own.to_dict()
    assert set(found.by_segment("families")["product_id"]) <= set("abcxyz")


@pytest.mark.parametrize(("level", "ids"), [("product", "a0"), ("category", "a")])
def test_a_client_may_say_whether_products_or_categories_are_offered(open_shop, level, ids):
    found = open_shop(shop(), products={"level": level}).offers
    assert found.level == level
    assert ids in set(found.products["product_id"])


def test_products_are_offered_where_there_are_enough_of_them(offers):
    assert offers.level == "product"


def test_a_log_with_categories_alone_has_them_to_offer(make_study):
    header = ("customer", "date", "order", "category", "quantity", "amount")
    rows = [(row[0], row[1], row[2], row[5], 1, 10) for row in thin()]
    study = make_study(rows, header=header, as_of=AS_OF, **QUICK)
    assert study.offers.level == "category"
    assert set(study.offers.products["product_id"]) == set("abcxyz")
    assert (study.offers.table["product_1"] != NOTHING).all()


def test_a_log_with_categories_alone_takes_no_harm_from_events_with_products(make_study):
    header = ("customer", "date", "order", "category", "quantity", "amount")
    rows = [(row[0], row[1], row[2], row[5], 1, 10) for row in thin()]
    events = [("c00", "2024-06-20 10:00:00", "view", "p1")]
    study = make_study(rows, header=header, as_of=AS_OF, events=events, **QUICK)
    assert set(study.offers.products["product_id"]) == set("abcxyz")


def test_a_look_at_a_product_is_one_at_its_category_where_categories_are_offered(open_shop):
    events = [("new", "2024-06-20 10:00:00", "view", "y0-1")]
    found = open_shop(thin(), events=events).offers
    assert of(found, "new")[0] == "y"
    assert SOURCES[found.table.set_index("customer_id").loc["new", "source_1"]] == "seen"


def test_lines_without_a_category_are_left_out_where_categories_are_offered(open_shop):
    bare = [row for who in range(9) for row in order(f"n{who}", date(2024, 6, 1), "", category="")]
    found = open_shop([*thin(), *bare]).offers
    assert set(found.products["product_id"]) == set("abcxyz")
    assert len(found.table) == 49


# Nothing looks ahead -----------------------------------------------------------------------


def said(study: Study) -> dict[str, pd.DataFrame]:
    offers = study.offers
    made = offers.table[PLACES].map(lambda place: offers.products["product_id"].get(place, ""))
    return {
        "offers": made.assign(customer_id=offers.table["customer_id"]),
        "reasons": offers.table[REASONS],
        "products": offers.products,
        "affinities": offers.affinities,
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_a_log_cut_at_the_date_and_the_whole_log_make_the_same_offers(open_shop, seed):
    cut = date(2024, 3, 1)
    rows = shop(seed=seed)
    events = [
        (f"c{who:02d}", f"2024-0{month}-10 10:00:00", kind, f"a{who % 8}")
        for who in range(12)
        for month, kind in [(2, "view"), (3, "cart"), (5, "view")]
    ]
    absurd = [line for who in range(40) for line in order(f"n{who}", cut, "a0", "new", "b7")]
    absurd += [line for who in range(40) for line in order(f"c{who:02d}", cut, "a1", "b1", "new")]
    whole = open_shop([*rows, *absurd], events=events, run_dir="whole")
    later = said(whole.at(cut))
    known = [row for row in rows if row[1] < cut.isoformat()]
    looked = [event for event in events if event[1] < cut.isoformat()]
    past = said(open_shop(known, as_of=cut, events=looked, run_dir="past"))
    assert len(known) < len(rows)
    for name, table in past.items():
        pd.testing.assert_frame_equal(later[name], table, obj=name)


def test_what_a_product_is_sold_as_later_changes_no_categories_at_an_earlier_date(open_shop):
    cut = date(2024, 3, 1)
    rows = thin()
    events = [("new", "2024-02-20 10:00:00", "view", product) for product in ("y0-1", "novel")]
    events += [("other", "2024-02-20 10:00:00", "cart", "novel")]
    later = [*order("c00", cut, "novel"), *order("c01", cut, "y0-1", category="z")]
    known = [row for row in rows if row[1] < cut.isoformat()]
    given = {"events": events, "products": {"level": "category"}}
    past = said(open_shop(known, as_of=cut, run_dir="past", **given))
    whole = said(open_shop([*rows, *later], as_of=AS_OF, run_dir="whole", **given).at(cut))
    for name, table in past.items():
        pd.testing.assert_frame_equal(whole[name], table, obj=name)


# Whether it would have sold ----------------------------------------------------------------

CUT, END = date(2023, 7, 1), date(2024, 1, 1)
TEST = {"horizon_months": 6, "min_customers": 10, "min_repeat_buyers": 2, "resamples": 10}


def fans(group: str, count: int, shelf: int = 12) -> list[tuple]:
    """Lines of customers who have all but one product of their group, and buy it after the cut."""
    rows = []
    for who in range(count):
        products = [f"{group}{number:02d}" for number in range(shelf)]
        missing = products.pop(who % shelf)
        start = date(2023, 1, 1) + who % 40 * DAY
        rows += order(f"{group}{who:02d}", start, *products[:6])
        rows += order(f"{group}{who:02d}", start + 60 * DAY, *products[6:])
        rows += order(f"{group}{who:02d}", date(2023, 8, 1) + who * DAY, missing)
    return rows


def rates_of(open_shop, rows: list[tuple], **given) -> pd.DataFrame:
    evidence = open_shop(rows, as_of=END, evidence=TEST, **given).hit_rates
    assert evidence.ready
    return evidence.table.set_index(["question", "list"])


def test_offers_find_what_two_groups_of_disjoint_tastes_have_not_bought_yet(open_shop):
    table = rates_of(open_shop, [*fans("a", 48), *fans("b", 24)])
    for question in ("any_product", "new_product"):
        made = table.loc[(question, "offers")]
        assert (made["customers"], made["hit_rate"], made["recall"]) == (72, 1, 1)
    new = table.loc[("new_product", "best_sellers")]
    assert new["hit_rate"] == pytest.approx(48 / 72)
    assert table.loc[("new_product", "offers"), "times_best_sellers"] == pytest.approx(1.5)
    assert table.loc[("any_product", "bought_before"), "hit_rate"] == 0
    assert table.loc[("new_product", "offers"), "coverage"] == 1
    assert table.loc[("any_product", "best_sellers"), "coverage"] == pytest.approx(10 / 24)


def test_intervals_of_hit_rates_are_wilsons(open_shop):
    table = rates_of(open_shop, [*fans("a", 48), *fans("b", 24)])
    for row in table.itertuples():
        low, high = wilson(round(row.hit_rate * row.customers), row.customers)
        assert (row.hit_rate_low, row.hit_rate_high) == (low, high)
        assert low <= row.hit_rate <= high


def test_the_table_has_a_row_a_question_and_list(open_shop):
    table = rates_of(open_shop, [*fans("a", 30), *fans("b", 20)])
    expected = [("any_product", name) for name in LISTS]
    expected += [("new_product", name) for name in LISTS[:-1]]
    assert table.index.tolist() == expected
    assert (table.loc[[("any_product", "best_sellers")], "times_best_sellers"] == 1).all()


def habits(after: Iterable[date]) -> list[tuple]:
    """Lines of customers who buy one product again and again; ten of twenty have most buyers."""
    products = [number for number in range(20) for _ in range(4 if number < 10 else 2)]
    days = [date(2023, month, 3) for month in range(1, 7)] + list(after)
    return [
        line
        for who, number in enumerate(products)
        for day in days
        for line in order(f"h{who:02d}", day, f"p{number:02d}")
    ]


def test_who_always_buys_the_same_is_offered_it_again(open_shop):
    rows = habits([date(2023, 8, 3), date(2023, 10, 3)])
    table = rates_of(open_shop, rows, products={"min_support": 2})
    rates = table.loc["any_product", "hit_rate"]
    assert (rates["offers"], rates["bought_before"]) == (1, 1)
    assert rates["best_sellers"] == pytest.approx(40 / 60)
    assert table.loc[("any_product", "offers"), "recall"] == 1


def test_where_nobody_bought_anything_new_there_is_no_rate(open_shop):
    table = rates_of(open_shop, habits([date(2023, 8, 3)]), products={"min_support": 2})
    new = table.loc["new_product"]
    assert (new["customers"] == 0).all()
    assert new[["hit_rate", "hit_rate_low", "hit_rate_high", "recall"]].isna().all(axis=None)


def test_who_bought_nothing_after_the_cut_is_not_tested(open_shop):
    rows = [*fans("a", 30), *fans("b", 20)]
    idle = [row for row in fans("c", 15) if row[1] < CUT.isoformat()]
    late = [row for who in range(15) for row in order(f"c{who:02d}", END + who * DAY, "c00")]
    table = rates_of(open_shop, [*rows, *idle, *late])
    assert (table["customers"] == 50).all()
    assert table.loc[("new_product", "offers"), "hit_rate"] == 1


def test_a_purchase_of_the_day_before_the_cut_is_no_hit(open_shop):
    rows = habits([])
    eve = [row for who in range(60) for row in order(f"h{who:02d}", CUT - DAY, "eve")]
    after = [row for who in range(60) for row in order(f"h{who:02d}", CUT, f"q{who % 20:02d}")]
    known = [
        row for who in range(60) for row in order(f"q{who}", date(2023, 2, 1), f"q{who % 20:02d}")
    ]
    table = rates_of(open_shop, [*rows, *eve, *after, *known], products={"min_support": 2})
    assert table.loc[("any_product", "bought_before"), "hit_rate"] == 0
    assert table.loc[("any_product", "offers"), "customers"] == 60


def test_a_product_that_was_not_known_at_the_cut_is_no_ones_miss(open_shop):
    rows = [*fans("a", 30), *fans("b", 20)]
    novel = [row for who in range(30) for row in order(f"a{who:02d}", date(2023, 9, 1), "novel")]
    table = rates_of(open_shop, [*rows, *novel])
    assert table.loc[("any_product", "offers"), ["customers", "recall"]].tolist() == [50, 1]


def test_a_registered_customer_without_a_purchase_is_tested_too(open_shop):
    rows = [*fans("a", 30), *fans("b", 20)]
    first = [row for who in range(8) for row in order(f"new{who}", date(2023, 9, 1), "a00")]
    registered = [(f"new{who}", "2023-02-01") for who in range(8)]
    table = rates_of(open_shop, [*rows, *first], customers=registered)
    assert table.loc[("any_product", "offers"), "customers"] == 58


def test_what_was_bought_since_and_sent_back_is_no_hit(open_shop):
    rows = [*fans("a", 30), *fans("b", 20)]
    back = [(row[2], "2023-12-01") for row in rows if row[0] < "a10" and row[1] >= CUT.isoformat()]
    table = rates_of(open_shop, rows, returns=back)
    assert table.loc[("any_product", "offers"), "customers"] == 40


def test_a_test_remembered_for_other_segments_is_made_anew(open_shop):
    rows = [*fans("a", 48), *fans("b", 24)]
    found = {}
    for name in ("families", "clusters", "families"):
        report = {"recommendations": name}
        study = open_shop(rows, as_of=END, evidence=TEST, report=report)
        sales = study.hit_rates._segment_sales
        table = study.hit_rates.table.set_index(["question", "list"])
        found[name] = (len(sales), table.loc[("new_product", "segment_best_sellers"), "coverage"])
    fresh = open_shop(rows, as_of=END, evidence=TEST, run_dir="fresh",
                      report={"recommendations": "clusters"}).hit_rates.table  # fmt: skip
    fresh = fresh.set_index(["question", "list"])
    assert found["families"] != found["clusters"]
    assert found["clusters"][1] == fresh.loc[("new_product", "segment_best_sellers"), "coverage"]


def by_category(after: bool = True) -> list[tuple]:
    """Lines of customers who buy ever new products of one category of their own, of twelve."""
    days = [date(2023, month, 3) for month in range(1, 7)] + [date(2023, 9, 3)] * after
    return [
        line
        for who in range(60)
        for place, day in enumerate(days)
        for line in order(f"k{who:02d}", day, f"p{who}-{place}", category=f"k{who % 12:02d}")
    ]


def test_offers_of_categories_are_tested_by_the_categories_that_were_bought(open_shop):
    rates = rates_of(open_shop, by_category())["hit_rate"]["any_product"]
    assert (rates["offers"], rates["bought_before"]) == (1, 1)


def test_offers_of_categories_alone_can_be_tested(make_study):
    header = ("customer", "date", "order", "category", "quantity", "amount")
    rows = [(row[0], row[1], row[2], row[5], 1, 10) for row in by_category()]
    study = make_study(rows, header=header, as_of=END, evidence=TEST, **QUICK)
    table = study.hit_rates.table.set_index(["question", "list"])
    assert table.loc[("any_product", "offers"), "hit_rate"] == 1


def test_a_shop_whose_products_grew_thick_since_the_cut_is_tested_by_what_it_offered_then(
    open_shop,
):
    staple = [row for who in range(60) for row in order(f"k{who:02d}", date(2023, 10, 3), "staple")]
    study = open_shop([*by_category(), *staple], as_of=END, evidence=TEST)
    evidence = study.hit_rates
    assert (study.offers.level, evidence.then.offers.level) == ("product", "category")
    table = evidence.table.set_index(["question", "list"])
    assert table.loc[("any_product", "offers"), "hit_rate"] == 1


def test_a_short_history_leaves_offers_untested(open_shop):
    evidence = open_shop(shop(), evidence={"horizon_months": 12}).hit_rates
    assert not evidence.ready
    assert evidence.verdicts == [("offers_untested", {})]


def test_nobody_tested_is_no_test(open_shop):
    rows = [row for row in [*fans("a", 30), *fans("b", 20)] if row[1] < CUT.isoformat()]
    strangers = [row for who in range(9) for row in order(f"s{who}", date(2023, 9, 1), "a00")]
    evidence = open_shop([*rows, *strangers], as_of=END, evidence=TEST).hit_rates
    assert not evidence.ready
    assert evidence.verdicts == [("offers_untested", {})]


def test_the_verdict_says_whether_offers_beat_the_best_sellers(open_shop):
    study = open_shop([*fans("a", 48), *fans("b", 24)], as_of=END, evidence=TEST)
    (first, fields), (second, _) = study.hit_rates.verdicts
    assert (first, second) == ("offers_better", "offers_new")
    assert fields["hit_rate"] == 1


# Real data ---------------------------------------------------------------------------------


def test_cdnow_names_no_products_and_gets_no_offers(tmp_path):
    study = Study("params/cdnow.yaml", run_dir=tmp_path)
    assert not study.offers.ready
    assert study.offers.remarks == [("offers_none", {})]
    assert not study.hit_rates.ready
    study.close()


def test_offers_of_the_spanish_shop_beat_its_best_sellers(tmp_path):
    study = Study("params/tienda_demo.yaml", run_dir=tmp_path)
    table = study.hit_rates.table.set_index(["question", "list"])
    expected = [("any_product", name) for name in LISTS]
    assert table.index.tolist() == expected + [("new_product", name) for name in LISTS[:-1]]
    for question in ("any_product", "new_product"):
        rates = table.loc[question, "hit_rate"]
        assert rates["offers"] > rates["best_sellers"]
    shares = table[["hit_rate", "hit_rate_low", "hit_rate_high", "recall", "coverage"]]
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert len(study.offers.table) == len(study.customers)
    study.close()


def test_christmas_goods_are_offered_in_november_and_not_in_january(
    real_data, tmp_path, monkeypatch
):
    data = real_data("online_retail_ii_2009_2010.parquet").parent
    monkeypatch.setenv("SEGKIT_DATA", str(data))
    offered = {}
    for as_of in (date(2010, 11, 1), date(2011, 1, 5)):
        study = Study("params/online_retail_ii.yaml", run_dir=tmp_path, as_of=as_of)
        products = study.offers.products.set_index("product_id")
        offered[as_of.month] = products.loc["22086", "is_offered"]  # Christmas paper chains
        study.close()
    assert offered == {11: True, 1: False}
