"""Affinities are those of equation 8; offers never repeat, never look ahead, and know their reason."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from segkit.analysis.affinity import (
    NOTHING,
    SOURCES,
    Catalogue,
    affinities,
    affinity_matrix,
    catalogue_of,
    hits,
    offer,
    segment_offers,
)
from segkit.analysis.intervals import wilson

COLUMNS = ["customer", "product", "days", "age", "seen_age", "carted", "first_age", "returned"]
NEVER = float("nan")


def baskets(*products: tuple[int, ...]) -> pd.DataFrame:
    """Return one customer a basket, as rows."""
    pairs = [(customer, product) for customer, held in enumerate(products) for product in held]
    return pd.DataFrame(pairs, columns=["customer", "product"]).assign(days=1)


def weight(table: pd.DataFrame, product: int, offered: int) -> float:
    """Return what one product says for another; 0 where it says nothing."""
    found = table[(table["product"] == product) & (table["offered"] == offered)]["affinity"]
    return float(found.iloc[0]) if len(found) else 0.0


def ridge(rows: pd.DataFrame, modelled: int, strength: float) -> np.ndarray:
    """Return the same affinities product by product: a ridge regression on all the others."""
    customers = rows["customer"].max() + 1
    held = np.zeros((customers, max(modelled, rows["product"].max() + 1)))
    held[rows["customer"], rows["product"]] = 1
    root = held.sum(axis=1, keepdims=True).clip(1) ** -0.25
    scaled = (held * root)[:, :modelled]
    penalty = strength * (scaled**2).sum(axis=0).mean()
    weights = np.zeros((modelled, modelled))
    for offered in range(modelled):
        others = [place for place in range(modelled) if place != offered]
        stacked = np.vstack([scaled[:, others], np.sqrt(penalty) * np.eye(len(others))])
        target = np.r_[scaled[:, offered], np.zeros(len(others))]
        weights[others, offered] = np.linalg.lstsq(stacked, target, rcond=None)[0]
    return weights


# Affinities --------------------------------------------------------------------------------


def test_products_that_are_always_bought_together_speak_for_each_other_most():
    table = affinities(baskets(*[(0, 1)] * 20, *[(2, 3)] * 20, *[(0, 2)] * 5), 4)
    for product, partner in [(0, 1), (1, 0), (2, 3), (3, 2)]:
        others = [place for place in range(4) if place not in (product, partner)]
        assert weight(table, product, partner) > 0
        assert all(weight(table, product, partner) > weight(table, product, o) for o in others)


def test_a_product_that_goes_with_everything_speaks_for_little():
    with_all = [(0, 1, 9)] * 20 + [(2, 9)] * 20 + [(3, 9)] * 20
    table = affinities(baskets(*with_all), 10, strength=0.1)
    common = table.set_index(["product", "offered"])["customers"]
    assert common[9, 1] == common[0, 1] == 20
    assert weight(table, 0, 1) > 2 * weight(table, 9, 1)


def test_a_product_that_is_bought_instead_of_another_speaks_against_it():
    table = affinities(baskets(*[(0, 2)] * 30, *[(1, 2)] * 30, (0, 1)), 3, strength=0.1)
    assert weight(table, 0, 1) < 0


@pytest.mark.parametrize(("together", "speaks"), [(4, False), (5, True)])
def test_fewer_common_customers_than_min_support_say_nothing_for_a_product(together, speaks):
    table = affinities(baskets(*[(0, 1)] * together, *[(2,)] * 30), 3, min_support=5)
    assert (weight(table, 0, 1) > 0) == (weight(table, 1, 0) > 0) == speaks


@st.composite
def bases(draw: st.DrawFn) -> tuple[pd.DataFrame, int]:
    """Return what some customers bought, and how many of the products are modelled."""
    count = draw(st.integers(1, 8))
    basket = st.sets(st.integers(0, count - 1), min_size=1).map(sorted).map(tuple)
    held = draw(st.lists(basket, min_size=1, max_size=25))
    return baskets(*held), draw(st.integers(1, count))


@settings(max_examples=60)
@given(bases(), st.integers(1, 6))
def test_affinities_keep_their_promises_in_any_base(base, min_support):
    rows, modelled = base
    table = affinities(rows, modelled, min_support=min_support)
    held = rows.groupby("product")["customer"].agg(set)
    assert (table["product"] != table["offered"]).all()
    assert table[["product", "offered"]].isin(range(modelled)).all(axis=None)
    assert not table.duplicated(["product", "offered"]).any()
    assert table.equals(table.sort_values(["offered", "product"], ignore_index=True))
    for row in table.itertuples():
        assert row.customers == len(held[row.product] & held[row.offered]) > 0
    assert (table.loc[table["affinity"] > 0, "customers"] >= min_support).all()


@settings(max_examples=40)
@given(bases(), st.sampled_from([0.1, 1.0, 5.0]))
def test_affinities_are_the_ridge_regressions_that_equation_8_solves(base, strength):
    rows, modelled = base
    if not (rows["product"] < modelled).any():
        return
    table = affinities(rows, modelled, min_support=1, strength=strength)
    expected = ridge(rows, modelled, strength)
    common = np.zeros((modelled, modelled), bool)
    for _, held in rows[rows["product"] < modelled].groupby("customer")["product"]:
        for one, other in combinations(held, 2):
            common[one, other] = common[other, one] = True
    found = affinity_matrix(table, modelled)
    assert found == pytest.approx(np.where(common, expected, 0.0), abs=1e-5)


def test_neither_the_order_of_rows_nor_of_customers_matters():
    rows = baskets(*[(0, 1, 2)] * 6, *[(1, 3)] * 7, *[(0, 3)] * 5, *[(2,)] * 4)
    shuffled = rows.assign(customer=rows["customer"].max() - rows["customer"])
    shuffled = shuffled.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(affinities(rows, 4), affinities(shuffled, 4), rtol=1e-4)


def test_what_was_only_looked_at_is_no_purchase():
    bought = baskets(*[(0, 1)] * 8)
    looked = baskets(*[(1, 2)] * 8).assign(days=0)
    pd.testing.assert_frame_equal(affinities(pd.concat([bought, looked]), 3), affinities(bought, 3))


def test_who_bought_much_says_less():
    few, many = [(0, 1)] * 10, [(2, 3, *range(4, 24))] * 10
    table = affinities(baskets(*few, *many), 4)
    assert weight(table, 0, 1) > weight(table, 2, 3) > 0


def test_at_most_so_many_neighbours_are_kept_and_they_are_the_largest():
    random = np.random.default_rng(5)
    held = [tuple(np.flatnonzero(random.random(12) < 0.4)) for _ in range(300)]
    everything = affinity_matrix(affinities(baskets(*held), 12), 12)
    kept = affinity_matrix(affinities(baskets(*held), 12, neighbours=4), 12)
    for whole, part in zip(everything.T, kept.T, strict=True):
        assert np.count_nonzero(part) == 4
        assert np.abs(part[part != 0]).min() >= np.sort(np.abs(whole))[-4]
        assert np.array_equal(part[part != 0], whole[part != 0])


def test_equally_near_neighbours_are_not_more_than_asked_for():
    everyone = [tuple(range(8))] * 10
    table = affinities(baskets(*everyone), 8, neighbours=3)
    assert table.groupby("offered").size().max() <= 3


@pytest.mark.parametrize(
    "rows",
    [
        baskets(),
        pd.DataFrame(columns=["customer", "product", "days"]),
        baskets((5,), (6, 7)),
        baskets((0, 1), (0, 1)).assign(days=0),
    ],
    ids=["nobody", "untyped", "not_modelled", "not_bought"],
)
def test_without_purchases_there_are_no_affinities(rows):
    table = affinities(rows, 3)
    assert table.empty
    assert list(table) == ["product", "offered", "affinity", "customers"]
    assert not affinity_matrix(table, 3).any()


def test_the_matrix_holds_products_bought_in_rows_and_offered_ones_in_columns():
    table = pd.DataFrame({"product": [0, 2], "offered": [1, 0], "affinity": [0.5, -0.25]})
    expected = np.zeros((3, 3))
    expected[0, 1], expected[2, 0] = 0.5, -0.25
    assert np.array_equal(affinity_matrix(table, 3), expected)


# The catalogue -----------------------------------------------------------------------------


def products_of(count: int, **columns: object) -> pd.DataFrame:
    plain = {"customers": 10, "rebuyers": 0, "popularity": 1.0, "category": None}
    plain |= {"repeat_gap_days": None}
    flags = {"is_rebought": False, "is_offered": True}
    return pd.DataFrame({**plain, **flags, **columns}, index=range(count))


def test_products_beyond_the_most_bought_ones_have_no_affinities_but_a_category():
    catalogue = catalogue_of(products_of(5, category=list("babba")), max_products=3)
    assert (len(catalogue), catalogue.modelled) == (5, 3)
    assert catalogue.category.tolist() == [1, 0, 1, 1, 0]


def test_a_rate_of_rebuying_is_drawn_to_0_where_customers_are_few():
    rates = catalogue_of(products_of(3, customers=[2, 200, 5], rebuyers=[1, 100, 0])).rebuy_rate
    assert 0 == rates[2] < rates[0] < rates[1] < 0.5


@pytest.mark.parametrize("category", [[None] * 3, [np.nan] * 3, [pd.NA] * 3])
def test_a_log_without_categories_makes_a_catalogue_without_them(category):
    catalogue = catalogue_of(products_of(3, category=category))
    assert catalogue.category.tolist() == [-1, -1, -1]


# Offers ------------------------------------------------------------------------------------


def shelf(popularity: list[float], **given: object) -> Catalogue:
    """Return a catalogue of products that nobody rebuys, all on offer, without categories."""
    count = len(popularity)
    plain = {
        "category": np.full(count, NOTHING),
        "popularity": np.array(popularity, "float32"),
        "rebuy_rate": np.zeros(count, "float32"),
        "is_rebought": np.zeros(count, bool),
        "repeat_gap_days": np.full(count, np.nan),
        "is_offered": np.ones(count, bool),
        "modelled": count,
    }
    arrays = {name: np.asarray(value) for name, value in given.items() if name != "modelled"}
    kept = {"modelled": given["modelled"]} if "modelled" in given else {}
    return Catalogue(**(plain | arrays | kept))


def rows_of(*rows: tuple) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    kinds = {"customer": "int64", "product": "int64", "days": "int64"}
    kinds |= {"age": float, "seen_age": float, "carted": bool}
    return table.astype(kinds | {"first_age": float, "returned": bool})


def bought(
    product: int,
    *,
    age: float = 10,
    days: int = 1,
    customer: int = 0,
    every: float = 30,
    returned: bool = False,
) -> tuple:
    """Return a row of what was bought on some days, so many days apart, last so long ago."""
    return customer, product, days, age, NEVER, False, age + every * (days - 1), returned


def seen(product: int, *, age: float = 1, carted: bool = False, customer: int = 0) -> tuple:
    return customer, product, 0, NEVER, age, carted, NEVER, False


def sent_back(product: int) -> tuple:
    return 0, product, 0, NEVER, NEVER, False, NEVER, True


def matrix_of(size: int, *entries: tuple[int, int, float]) -> np.ndarray:
    matrix = np.zeros((size, size), "float32")
    for product, offered, value in entries:
        matrix[product, offered] = value
    return matrix


def offered_to(
    rows: list[tuple], catalogue: Catalogue, matrix: np.ndarray | None = None, **given: object
) -> list[tuple[int, str]]:
    """Return the products offered to one customer, and why."""
    matrix = np.zeros((catalogue.modelled,) * 2, "float32") if matrix is None else matrix
    made = offer(rows_of(*rows), 1, catalogue, matrix, **given)
    pairs = zip(made.product[0].tolist(), made.source[0].tolist(), strict=True)
    return [(product, SOURCES[source]) for product, source in pairs if product != NOTHING]


def names(pairs: list[tuple[int, str]]) -> list[int]:
    return [product for product, _ in pairs]


def test_what_goes_with_a_purchase_is_offered_first_and_says_so():
    matrix = matrix_of(4, (0, 3, 0.4), (0, 2, 0.2))
    made = offered_to([bought(0)], shelf([9, 8, 7, 6]), matrix)
    assert made == [(3, "affinity"), (2, "affinity"), (1, "best_seller")]


def test_a_product_against_which_a_purchase_speaks_comes_last():
    matrix = matrix_of(3, (0, 1, -0.3))
    assert names(offered_to([bought(0)], shelf([9, 8, 1]), matrix)) == [2, 1]


def test_because_names_the_purchase_that_speaks_most_for_the_first_offer():
    matrix = matrix_of(4, (0, 3, 0.3), (1, 3, 0.4), (2, 3, -0.9), (1, 2, 0.9))
    rows = rows_of(bought(0), bought(1), bought(2))
    made = offer(rows, 1, shelf([9, 8, 7, 6]), matrix)
    assert made.product[0, 0] == 3
    assert made.because.tolist() == [1]


def test_because_weighs_how_long_ago_the_purchases_were():
    matrix = matrix_of(3, (0, 2, 0.3), (1, 2, 0.4))
    rows = rows_of(bought(0, age=1), bought(1, age=800))
    assert offer(rows, 1, shelf([9, 8, 7]), matrix).because.tolist() == [0]


def test_where_no_purchase_speaks_for_the_first_offer_there_is_no_because():
    rows = rows_of(bought(0), bought(1, customer=2))
    made = offer(rows, 3, shelf([9, 8]), matrix_of(2, (0, 1, -0.5)))
    assert made.because.tolist() == [NOTHING] * 3


def test_a_recent_purchase_outweighs_an_old_one():
    matrix = matrix_of(4, (0, 2, 0.3), (1, 3, 0.3))
    for young, old, first in [(0, 1, 2), (1, 0, 3)]:
        rows = [bought(young, age=20), bought(old, age=400)]
        assert names(offered_to(rows, shelf([9, 8, 7, 6]), matrix))[0] == first


def test_a_purchase_counts_half_after_the_half_life():
    matrix = matrix_of(4, (0, 2, 0.3), (1, 3, 0.2))
    rows = [bought(0, age=100), bought(1, age=0)]
    assert names(offered_to(rows, shelf([9, 8, 7, 6]), matrix, half_life_days=100))[0] == 3
    assert names(offered_to(rows, shelf([9, 8, 7, 6]), matrix, half_life_days=200))[0] == 2


def test_what_was_bought_is_not_offered_again():
    assert names(offered_to([bought(0), bought(2)], shelf([9, 8, 7, 6]))) == [1, 3]


def test_what_people_rebuy_is_offered_again():
    catalogue = shelf([9, 8, 7], is_rebought=[True, False, False], rebuy_rate=[0.4, 0, 0])
    assert offered_to([bought(0), bought(1)], catalogue)[0] == (0, "rebuy")


def test_what_the_customer_bought_on_two_days_is_offered_again():
    made = offered_to([bought(0, days=2), bought(1, days=1)], shelf([9, 8, 7]))
    assert made == [(0, "rebuy"), (2, "best_seller")]


def test_without_rebuys_nothing_bought_is_offered_by_anybodys_habit():
    catalogue = shelf([9, 8, 7], is_rebought=[True] * 3, rebuy_rate=[0.9] * 3)
    rows = [bought(0, days=9), bought(1)]
    assert names(offered_to(rows, catalogue, rebuys=False)) == [2]


def test_what_is_not_on_offer_is_not_offered_whatever_speaks_for_it():
    catalogue = shelf([9, 8, 7, 6], is_offered=[False, True, False, False])
    rows = [bought(0, days=5), seen(2, carted=True)]
    assert names(offered_to(rows, catalogue, matrix_of(4, (0, 3, 0.9)))) == [1]


def test_the_more_often_bought_product_is_rebought_first():
    made = offered_to([bought(0, days=2), bought(1, days=8)], shelf([9, 8]))
    assert made == [(1, "rebuy"), (0, "rebuy")]


def test_three_products_to_buy_again_and_one_new_one_take_turns():
    rows = [bought(place, days=2 + place) for place in range(4)]
    made = names(offered_to(rows, shelf([9, 8, 7, 6, 5, 4, 3])))
    assert made == [3, 2, 4, 1, 0, 5, 6]


def rhythmic(gap: float = 60) -> Catalogue:
    """Return three products, the first one rebought by people after so many days."""
    rhythm = [gap, NEVER, NEVER]
    return shelf(
        [9, 8, 7], is_rebought=[True, False, False], rebuy_rate=[0.4, 0, 0], repeat_gap_days=rhythm
    )


@pytest.mark.parametrize(
    ("age", "reason"),
    [(1, None), (14, None), (15, "rebuy"), (44, "rebuy"), (45, "replenish"), (90, "replenish")],
)
def test_what_people_rebuy_in_a_rhythm_is_offered_when_it_is_due_and_not_just_after(age, reason):
    made = dict(offered_to([bought(0, age=age)], rhythmic()))
    assert made.get(0) == reason


def test_the_rhythm_is_the_customers_own_drawn_to_that_of_people():
    often = [bought(0, age=20, days=9, every=10)]  # (80 + 60) / 9 = 15.6 days
    seldom = [bought(0, age=70, days=3, every=200)]  # (400 + 60) / 3 = 153.3 days
    assert dict(offered_to(often, rhythmic()))[0] == "replenish"
    assert dict(offered_to(seldom, rhythmic()))[0] == "rebuy"


def test_what_is_due_comes_before_what_is_not():
    catalogue = shelf(
        [9, 8], is_rebought=[True] * 2, rebuy_rate=[0.3] * 2, repeat_gap_days=[60] * 2
    )
    rows = [bought(0, age=58), bought(1, age=30)]
    assert offered_to(rows, catalogue) == [(0, "replenish"), (1, "rebuy")]


def test_what_has_no_rhythm_may_be_offered_again_at_any_time():
    catalogue = catalogue_of(products_of(2, repeat_gap_days=60.0, rebuyers=2))
    assert np.isnan(catalogue.repeat_gap_days).all()
    assert offered_to([bought(0, age=1, days=2)], catalogue)[0] == (0, "rebuy")


def test_what_was_returned_is_not_offered_whatever_speaks_for_it():
    catalogue = shelf([9, 8, 7, 6], is_rebought=[True] * 4, rebuy_rate=[0.4] * 4)
    rows = [bought(0, days=5, returned=True), sent_back(1), bought(2, age=200)]
    matrix = matrix_of(4, (2, 0, 0.9), (2, 1, 0.9))
    assert sorted(names(offered_to(rows, catalogue, matrix))) == [2, 3]


def test_who_returned_everything_gets_best_sellers():
    assert offered_to([sent_back(0)], shelf([9, 8])) == [(1, "best_seller")]


def test_a_list_is_filled_with_what_may_be_bought_again_where_nothing_new_is_left():
    rows = [bought(place, days=2) for place in range(10)]
    assert sorted(names(offered_to(rows, shelf([1.0] * 10)))) == list(range(10))


@pytest.mark.parametrize("carted", [False, True])
def test_what_was_looked_at_and_not_bought_comes_first(carted):
    matrix = matrix_of(4, (0, 1, 0.3))
    made = offered_to([bought(0), seen(3, carted=carted)], shelf([9, 8, 7, 6]), matrix)
    assert made[:2] == [(3, "seen"), (1, "affinity")]


def test_a_cart_comes_before_a_look_and_a_look_of_today_before_one_of_a_season_ago():
    assert names(offered_to([seen(1), seen(2, carted=True)], shelf([9, 8, 7])))[:2] == [2, 1]
    assert names(offered_to([seen(1, age=90), seen(2)], shelf([9, 8, 7])))[:2] == [2, 1]


def test_what_was_looked_at_speaks_for_what_goes_with_it():
    made = offered_to([seen(0)], shelf([9, 8, 7]), matrix_of(3, (0, 2, 0.3)))
    assert made == [(0, "seen"), (2, "affinity"), (1, "best_seller")]


def test_who_is_unknown_gets_the_best_sellers():
    assert offered_to([], shelf([7, 9, 8])) == [(place, "best_seller") for place in (1, 2, 0)]


def test_who_is_unknown_gets_the_best_sellers_of_all_categories():
    catalogue = shelf([6, 5, 5, 5], category=[0, 1, 1, 1])
    assert names(offered_to([], catalogue))[0] == 0


def test_offers_to_who_is_unknown_do_not_speak_of_the_customers_categories():
    catalogue = shelf([6, 5, 5, 5], category=[0, 1, 1, 1])
    assert {source for _, source in offered_to([], catalogue)} == {"best_seller"}


@pytest.mark.parametrize("known", [bought(4, age=1), seen(4, carted=True)])
@pytest.mark.parametrize("popularity", [[9, 6, 8, 7, 1], [9, 8, 7, 6, 1]])
def test_what_is_not_modelled_leads_to_the_best_sellers_of_its_category(known, popularity):
    catalogue = shelf(popularity, category=[0, 0, 1, 1, 1], modelled=4)
    assert offered_to([known], catalogue)[:2] == [(2, "category"), (3, "category")]


def test_who_buys_much_of_a_small_category_gets_its_best_sellers():
    catalogue = shelf([9, 8, 5, *[0.1] * 20], category=[0, 0, *[1] * 21], modelled=3)
    rows = [bought(place, age=1) for place in range(3, 23)]
    assert offered_to(rows, catalogue)[0] == (2, "category")


def test_equally_good_products_are_offered_in_the_order_of_the_catalogue():
    assert names(offered_to([], shelf([1.0] * 60))) == list(range(10))
    assert names(offered_to([], shelf([*[1.0] * 60, 2.0]))) == [60, *range(9)]


def test_nobody_is_offered_nothing():
    made = offer(rows_of(), 0, shelf([9, 8]), matrix_of(2))
    assert made.product.shape == made.source.shape == (0, 10)
    assert made.because.shape == (0,)


@pytest.mark.parametrize("top", [1, 2, 3, 10])
def test_a_list_is_as_long_as_asked_for(top):
    made = offer(rows_of(bought(0, days=3)), 2, shelf([9, 8, 7]), matrix_of(3), top=top)
    assert made.product.shape == made.source.shape == (2, top)
    assert (made.product[:, : min(top, 3)] != NOTHING).all()


@st.composite
def worlds(draw: st.DrawFn) -> tuple[pd.DataFrame, int, Catalogue, np.ndarray]:
    """Return interests of some customers, how many they are, a catalogue and affinities."""
    count, customers = draw(st.integers(1, 18)), draw(st.integers(1, 6))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    modelled = draw(st.integers(1, count))
    catalogue = Catalogue(
        category=random.integers(-1, 4, count),
        popularity=random.integers(0, 5, count).astype("float32"),
        rebuy_rate=random.random(count).astype("float32") / 2,
        is_rebought=random.random(count) < 0.3,
        repeat_gap_days=np.where(random.random(count) < 0.5, random.integers(1, 400, count), NEVER),
        is_offered=random.random(count) < 0.8,
        modelled=modelled,
    )
    matrix = np.where(
        random.random((modelled,) * 2) < 0.4, random.normal(0, 0.2, (modelled,) * 2), 0
    )
    np.fill_diagonal(matrix, 0)
    place = np.flatnonzero(random.random(customers * count) < draw(st.floats(0, 1)))
    days = random.integers(0, 4, len(place))
    is_seen = (days == 0) | (random.random(len(place)) < 0.2)
    rows = pd.DataFrame({"customer": place // count, "product": place % count, "days": days})
    rows["age"] = np.where(days > 0, random.integers(1, 900, len(place)), np.nan)
    rows["seen_age"] = np.where(is_seen, random.integers(1, 90, len(place)), np.nan)
    rows["carted"] = is_seen & (random.random(len(place)) < 0.5)
    rows["first_age"] = rows["age"] + 20 * (days - 1)
    rows["returned"] = random.random(len(place)) < 0.1
    return rows, customers, catalogue, matrix.astype("float32")


@settings(max_examples=150)
@given(worlds(), st.booleans(), st.integers(1, 12))
def test_every_list_keeps_the_rules_of_offering(world, rebuys, top):
    rows, customers, catalogue, matrix = world
    made = offer(rows, customers, catalogue, matrix, rebuys=rebuys, top=top)
    held = rows[rows["days"] > 0].set_index(["customer", "product"])["days"]
    back = rows[rows["returned"]]
    back = set(zip(back["customer"], back["product"], strict=True))
    assert made.product.shape == made.source.shape == (customers, top)
    for customer, products in enumerate(made.product.tolist()):
        named = [product for product in products if product != NOTHING]
        assert products == named + [NOTHING] * (top - len(named))
        assert len(set(named)) == len(named)
        assert all(0 <= place < catalogue.modelled for place in named)
        assert catalogue.is_offered[named].all()
        for place in named:
            days = held.get((customer, place), 0)
            assert (customer, place) not in back
            assert not days or (rebuys and (days > 1 or catalogue.is_rebought[place]))
    assert ((made.source == NOTHING) == (made.product == NOTHING)).all()
    assert ((made.source >= NOTHING) & (made.source < len(SOURCES))).all()


@settings(max_examples=100)
@given(worlds(), st.booleans())
def test_reasons_are_true_of_the_customer(world, rebuys):
    rows, customers, catalogue, matrix = world
    made = offer(rows, customers, catalogue, matrix, rebuys=rebuys)
    known = rows.set_index(["customer", "product"])
    for (customer, rank), source in np.ndenumerate(made.source):
        place = (customer, made.product[customer, rank])
        if source in (SOURCES.index("rebuy"), SOURCES.index("replenish")):
            assert known.loc[place, "days"] > 0
        if source == SOURCES.index("seen"):
            assert known.loc[place, "seen_age"] > 0
    for customer, because in enumerate(made.because):
        if because != NOTHING:
            assert (customer, because) in known.index
            assert matrix[because, made.product[customer, 0]] > 0


@settings(max_examples=100)
@given(worlds())
def test_who_is_told_of_its_categories_has_bought_or_looked_at_something_of_them(world):
    rows, customers, catalogue, matrix = world
    made = offer(rows, customers, catalogue, matrix)
    tasted = set(zip(rows["customer"], catalogue.category[rows["product"]], strict=True))
    for customer, rank in np.argwhere(made.source == SOURCES.index("category")):
        assert (customer, catalogue.category[made.product[customer, rank]]) in tasted


@settings(max_examples=100)
@given(worlds(), st.randoms(use_true_random=False))
def test_a_customer_gets_the_same_list_alone_and_in_any_batch(world, random):
    rows, customers, catalogue, matrix = world
    whole = offer(rows, customers, catalogue, matrix)
    order = list(range(customers))
    random.shuffle(order)
    mixed = rows.assign(customer=rows["customer"].map({old: new for new, old in enumerate(order)}))
    shuffled = offer(mixed.sample(frac=1, random_state=1), customers, catalogue, matrix)
    for customer in range(customers):
        alone = rows[rows["customer"] == customer].assign(customer=0)
        single = offer(alone, 1, catalogue, matrix)
        for name in ("product", "source", "because"):
            expected = getattr(whole, name)[customer].tolist()
            assert getattr(single, name)[0].tolist() == expected
            assert getattr(shuffled, name)[order.index(customer)].tolist() == expected


@settings(max_examples=100)
@given(worlds())
def test_products_are_withheld_only_by_a_rule(world):
    rows, customers, catalogue, matrix = world
    made = offer(rows, customers, catalogue, matrix, top=18)
    for customer, products in enumerate(made.product):
        own = rows[(rows["customer"] == customer) & (rows["days"] > 0)].set_index("product")
        usual, span = catalogue.repeat_gap_days[own.index], own["first_age"] - own["age"]
        is_fresh = own["age"] < np.maximum((span + usual) / own["days"], 1) / 4
        by_nobody = (own["days"] < 2) & ~catalogue.is_rebought[own.index]
        barred = {*own.index[is_fresh | by_nobody]}
        barred |= {*rows.loc[(rows["customer"] == customer) & rows["returned"], "product"]}
        allowed = set(np.flatnonzero(catalogue.is_offered[: catalogue.modelled]))
        assert set(products.tolist()) - {NOTHING} == allowed - barred


@settings(max_examples=50)
@given(worlds())
def test_taking_a_product_off_the_shelf_leaves_the_order_of_new_ones(world):
    rows, customers, catalogue, matrix = world
    whole = offer(rows, customers, catalogue, matrix, rebuys=False, top=18)
    off = catalogue.is_offered.copy()
    off[0] = False
    less = offer(rows, customers, replace(catalogue, is_offered=off), matrix, rebuys=False, top=18)
    for before, after in zip(whole.product.tolist(), less.product.tolist(), strict=True):
        left = [place for place in before if place not in (0, NOTHING)]
        assert [place for place in after if place != NOTHING] == left


# Hits and intervals ------------------------------------------------------------------------


def test_a_hit_is_a_product_of_the_list_that_was_bought():
    actual = sparse.csr_matrix(np.array([[1, 0, 1], [1, 0, 0], [0, 0, 0]], "float32"))
    offered = np.array([[0, 2, 1], [NOTHING, NOTHING, NOTHING], [0, 1, 2]])
    assert hits(offered, actual).tolist() == [2, 0, 0]


def test_nobody_has_no_hits():
    assert hits(np.empty((0, 10), int), sparse.csr_matrix((0, 4))).tolist() == []


@pytest.mark.parametrize(("count", "customers"), [(0, 20), (3, 20), (20, 20), (500, 1000)])
def test_an_interval_is_the_roots_of_wilsons_equation(count, customers):
    share, z = count / customers, 1.959963984540054
    for end in wilson(count, customers):
        assert (share - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / customers, abs=1e-9)


def test_an_interval_holds_the_share_and_stays_between_0_and_1():
    for count in range(31):
        low, high = wilson(count, 30)
        assert 0 <= low <= count / 30 <= high <= 1
        assert low < high


def test_nobody_has_no_interval():
    assert np.isnan(wilson(0, 0)).all()


# Segments ----------------------------------------------------------------------------------


def counts_of(**segments: dict[int, int]) -> pd.DataFrame:
    rows = [
        (name, product, SOURCES.index("affinity"), count)
        for name, offered in segments.items()
        for product, count in offered.items()
    ]
    return pd.DataFrame(rows, columns=["segment", "product", "source", "customers"])


def first_of(table: pd.DataFrame) -> dict[str, int]:
    return table[table["rank"] == 1].set_index("segment")["product"].to_dict()


def test_a_segments_products_are_those_it_is_offered_more_than_all_are_beyond_chance():
    counts = counts_of(new={0: 90, 1: 60, 2: 55}, old={0: 90, 1: 20, 2: 45})
    table = segment_offers(counts, pd.Series({"new": 100, "old": 100}))
    assert table[["segment", "product"]].values.tolist() == [["new", 1]]
    assert table["times_usual"].tolist() == pytest.approx([1.5])
    assert table["times_usual_low"].tolist() == pytest.approx([wilson(60, 100)[0] / 0.4])


def test_a_segment_that_is_the_whole_base_has_no_products_of_its_own():
    assert segment_offers(counts_of(all={0: 9, 1: 4}), pd.Series({"all": 10})).empty


def test_no_product_leads_more_than_a_third_of_the_segments():
    names = [f"s{place}" for place in range(6)]
    liked = {name: {0: 90, 1 + place % 3: 80, 4: 1} for place, name in enumerate(names)}
    counts = counts_of(**liked, rest={4: 900})
    sizes = pd.Series(dict.fromkeys(names, 100) | {"rest": 1000})
    first = pd.Series(first_of(segment_offers(counts, sizes)))
    assert first.value_counts().max() == 2
    assert first.value_counts()[0] == 2


def test_a_product_leads_where_a_segment_has_no_other():
    alone = {f"s{place}": {0: 90} for place in range(3)}
    counts = counts_of(**alone, both={0: 90, 1: 50}, rest={2: 900})
    sizes = pd.Series(dict.fromkeys((*alone, "both"), 100) | {"rest": 1000})
    first = first_of(segment_offers(counts, sizes))
    assert first == {"s0": 0, "s1": 0, "s2": 0, "both": 1, "rest": 2}


def test_products_of_segments_do_not_depend_on_the_order_of_rows():
    random = np.random.default_rng(4)
    liked = {f"s{s}": {p: int(random.integers(1, 90)) for p in range(15)} for s in range(7)}
    counts, sizes = counts_of(**liked), pd.Series(dict.fromkeys(liked, 100))
    whole = segment_offers(counts, sizes, top=4)
    shuffled = segment_offers(counts.sample(frac=1, random_state=2), sizes, top=4)
    pd.testing.assert_frame_equal(whole, shuffled)
    assert whole.groupby("segment")["rank"].agg(list).map(lambda ranks: ranks[-1]).le(4).all()
    assert (whole["times_usual_low"] > 1).all()
