"""Movers: which moves are worth acting on, and lists of those who made them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_logs import HEADER, params_of, write_rows

from segkit.analysis.contact_lists import read_audience
from segkit.analysis.migration import NO_SEGMENTS
from segkit.analysis.movers import (
    HAPPENED,
    MoveRules,
    list_name,
    load_move_rules,
    value_steps,
    what_happened,
    worth_acting,
)
from segkit.errors import RuleError
from segkit.params import SEGMENTATIONS, check_params, load_params
from segkit.study.movers import FACTS, FOLDER
from segkit.study.study import Study

AS_OF, EARLIER = date(2024, 7, 1), date(2024, 4, 1)
QUICK = {
    "clv": {"model": "bg_nbd", "resamples": 0},
    "clusters": {"k_range": [3, 4], "n_init": 1},
    "evidence": {"resamples": 10},
    "gaps": {"usual_days": 60, "churn_days": 240},
    "lifecycle": {"new_days": 90, "second_days": 45},
}
LINES = (*HEADER, "product")
PEOPLE = ("customer", "email", "phone")
WATCHED = ("champions", "at_risk", "cannot_lose")


# Which moves


def moves(*pairs: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["segment_before", "segment_after", "customers"])


def test_moves_of_two_steps_and_those_of_watched_segments_are_worth_acting_on():
    rules = MoveRules(watched=("top",), steps=2, order={})
    steps = pd.Series({"low": 0, "mid": 1, "high": 2, "top": 3})
    moved = moves(
        ("high", "top", 1), ("top", "high", 2), ("high", "mid", 3), ("high", "low", 4), ("low", "mid", 5),
        ("low", "high", 6),
    )  # fmt: skip
    found = worth_acting(moved, steps, rules)
    assert found["customers"].tolist() == [1, 2, 4, 6]
    assert found["steps"].tolist() == [1, -1, -2, 2]


def test_without_an_order_segments_are_ordered_by_what_their_customers_have_spent():
    pairs = pd.DataFrame(
        {
            "segment_before": ["b", "c", "newcomer"],
            "segment_after": ["a", "c", "a"],
            "revenue_before": [10.0, 99, 0],
            "revenue_after": [4.0, 101, 2],
        }
    )
    assert value_steps(pairs).to_dict() == {"a": 1, "b": 2, "c": 3}
    assert value_steps(pairs, {"a": 7, "b": 3}).to_dict() == {"a": 1, "b": 2, "c": 3}
    assert value_steps(pairs, {"a": 7, "b": 3, "c": 1})["a"] == 7


def test_who_bought_on_the_earlier_date_itself_bought_since():
    known = {"orders_before": 1, "orders_after": 2, "revenue_before": 5.0, "revenue_after": 9.0}
    pairs = pd.DataFrame([known | {"recency_days_before": 50, "recency_days_after": 91}])
    assert what_happened(pairs, 91).tolist() == ["bought_again"]
    assert what_happened(pairs.assign(orders_after=1, recency_days_after=141), 91).tolist() == (
        ["silent"]
    )


def test_a_purchase_is_seen_though_an_older_order_was_sent_back():
    known = {"orders_before": 2, "orders_after": 2, "revenue_before": 90.0, "revenue_after": 9.0}
    pairs = pd.DataFrame([known | {"recency_days_before": 300, "recency_days_after": 3}])
    assert what_happened(pairs, 91, churn_days=240).tolist() == ["came_back"]
    assert what_happened(pairs, 91, churn_days=310).tolist() == ["bought_again"]


def test_a_rule_file_with_a_fault_is_named(tmp_path):
    (tmp_path / "rules.yaml").write_text("watched: []\nsteps: 2\n")
    with pytest.raises(RuleError, match=r"rules\.yaml: a part is missing: 'order'"):
        load_move_rules(tmp_path / "rules.yaml")
    (tmp_path / "half.yaml").write_text("watched: []\nsteps: 2\norder: {families: {loyal: 1.5}}\n")
    with pytest.raises(RuleError, match=r"no number of steps: 1\.5"):
        load_move_rules(tmp_path / "half.yaml")


# A study's movers


def ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def shop_rows(customers: int = 160) -> list[tuple]:
    """Return lines of two years: some buy often, some leave, some come back, some send back."""
    random, rows = np.random.default_rng(11), []
    for place in range(customers):
        day, pace = int(random.integers(20, 720)), float(random.gamma(1.2, 45))
        order = 0
        while day > 0:
            order += 1
            amount = round(float(random.gamma(4, 8)) + 1, 2)
            line = (f"o{place:03d}-{order}", 1, amount, f"p{random.integers(6)}")
            rows.append((f"c{place:03d}", ago(day), *line))
            if random.random() < 0.1:
                back = (line[0], -1, -amount, line[3])
                rows.append((f"c{place:03d}", ago(int(random.integers(0, day))), *back))
            if random.random() < 0.15:
                break
            day -= 1 + int(random.exponential(pace))
    return rows


def people() -> list[tuple]:
    return [
        (f"c{place:03d}", f"persona{place}@correo.example", f"600 {place:03d} {place:03d}")
        for place in range(170)
    ]


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory) -> Iterator[Callable[..., Study]]:
    """Return a function that opens the shop, in a folder of its own or in that of another study."""
    opened: list[Study] = []

    def make(rows: list[tuple] | None = None, *, beside: Study | None = None, **given) -> Study:
        root = beside.root if beside else tmp_path_factory.mktemp("shop")
        if not beside:
            write_rows(root / "orders.csv", shop_rows() if rows is None else rows, LINES)
            write_rows(root / "customers.csv", people(), PEOPLE)
        columns = {name: name for name in PEOPLE}
        given["customers"] = {"path": "customers.csv", "columns": columns, "phone_region": "ES"}
        given["audiences"] = {"control_share": 0.3, "campaign": "otoño"}
        as_of = given.pop("as_of", AS_OF)
        opened.append(
            Study(params_of(LINES, **QUICK | given), root=root, run_dir="run", as_of=as_of)
        )
        return opened[-1]

    yield make
    for study in opened:
        study.close()


@pytest.fixture(scope="module")
def shop(open_shop) -> Study:
    return open_shop()


@pytest.fixture(scope="module")
def lists(shop) -> dict[str, pd.DataFrame]:
    """The lists of movers as they are written, by their name."""
    return {file.stem: read_audience(file) for file in shop.movers.write()}


def matrix(study: Study, segmentation: str) -> dict[tuple[str, str], int]:
    """Return the counts of the transition matrix that are not on its diagonal or margins."""
    table = study.migration.transitions(segmentation).set_index("segment_before")
    cells = table.stack()
    return {
        (was, is_now): int(count)
        for (was, is_now), count in cells.items()
        if count and was != is_now and not {was, is_now} & {"total", *NO_SEGMENTS}
    }


def assert_lists_are_the_matrix(study: Study, segmentation: str) -> None:
    counts = matrix(study, segmentation)
    table = study.movers.table
    for was, is_now, customers in table[
        ["segment_before", "segment_after", "customers"]
    ].itertuples(index=False):
        assert counts[was, is_now] == customers == len(study.movers.members(was, is_now))
    watched = {pair for pair in counts if set(pair) & set(WATCHED)}
    listed = set(zip(table["segment_before"], table["segment_after"]))
    assert watched <= listed
    for was, is_now in counts.keys() - watched:
        order = load_move_rules().order.get(segmentation)
        if order is not None:
            assert ((was, is_now) in listed) == (abs(order[is_now] - order[was]) >= 2)


def test_each_list_has_as_many_customers_as_the_matrix_counts(shop, lists):
    counts = matrix(shop, "value_groups")
    assert len(lists) >= 6
    assert {name: len(list_) for name, list_ in lists.items()} == {
        list_name(*pair): count for pair, count in counts.items() if list_name(*pair) in lists
    }
    assert_lists_are_the_matrix(shop, "value_groups")


@pytest.mark.parametrize("segmentation", SEGMENTATIONS)
def test_whichever_segmentation_leads_its_lists_are_its_matrix(shop, open_shop, segmentation):
    study = open_shop(beside=shop, report={"recommendations": segmentation})
    assert_lists_are_the_matrix(study, segmentation)


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
def test_with_any_tolerance_of_edges_lists_are_the_matrix(shop, open_shop, tolerance):
    study = open_shop(beside=shop, migration={"edge_tolerance": tolerance})
    assert_lists_are_the_matrix(study, "value_groups")


def test_a_mover_was_in_the_one_segment_and_is_in_the_other(shop, lists):
    now = shop.segments.set_index("customer_id")["value_groups"]
    for name, listed in lists.items():
        was, is_now = name.split("-to-")
        assert set(listed["segment_before"]) == {was}
        assert set(listed["segment_after"]) == {is_now}
        assert set(now[listed["customer_id"]]) == {is_now}
        assert listed["customer_id"].is_unique


def test_what_a_list_says_of_before_and_since_is_what_the_log_says(shop, lists):
    whole = pd.concat(lists.values()).set_index("customer_id")
    then = shop.at(EARLIER).customers.set_index("customer_id").loc[whole.index]
    now = shop.customers.set_index("customer_id").loc[whole.index]
    for name in ("revenue", "orders"):
        before, between = whole[f"{name}_before"].astype(float), whole[f"{name}_between"]
        assert before.tolist() == pytest.approx(then[name].tolist())
        assert between.astype(float).tolist() == pytest.approx((now[name] - then[name]).tolist())
    recency = pd.to_numeric(whole["recency_days"])
    assert recency.tolist() == pytest.approx(now["recency_days"].tolist(), nan_ok=True)
    bought = now["last_order"] >= pd.Timestamp(EARLIER)
    assert (bought == whole["happened"].isin(HAPPENED[:3])).all()
    assert set(whole["happened"]) >= {"bought_again", "silent"}
    assert pd.to_numeric(whole["clv_before"])[then["orders"] > 0].ge(0).all()


def test_what_to_do_is_the_first_advice_for_the_segment_of_today(shop, lists):
    table = shop.movers.table.set_index("file")["what_to_do"]
    for name, listed in lists.items():
        entry = shop.advice.of("value_groups", name.split("-to-")[1])
        assert set(listed["what_to_do"]) == {entry.strategies[0]} == {table[f"{FOLDER}/{name}.csv"]}


def test_groups_channels_and_discounts_are_those_of_every_other_list(shop, lists):
    columns = ["group", "channel", "discount", "contact_frequency", "reason", "email", "phone"]
    audiences = {
        audience.name: shop.audiences.members(audience).set_index("customer_id")
        for audience in shop.audiences.lists
    }
    for name, listed in lists.items():
        same = audiences[name.split("-to-")[1]].loc[listed["customer_id"], columns]
        pd.testing.assert_frame_equal(
            listed.set_index("customer_id")[columns], same, check_names=False
        )
    whole = pd.concat(lists.values())
    assert set(whole["campaign"]) == {"otoño"}
    control = whole["group"] == "control"
    assert 0 < control.sum() < len(whole)
    assert (whole.loc[control, ["email", "phone"]] == "").all(axis=None)
    assert (whole.loc[~control, "email"] != "").all()


def test_a_list_begins_with_who_it_is_and_what_it_did(lists):
    for listed in lists.values():
        assert list(listed)[:13] == ["customer_id", "group", "campaign", *FACTS, "what_to_do"]
        assert "segment" not in listed


def test_names_of_files_are_plain(shop, lists):
    for segmentation in SEGMENTATIONS:
        names = shop.segment_names[segmentation]
        for was in names:
            for is_now in names:
                assert re.fullmatch(r"[a-z0-9_]+-to-[a-z0-9_]+", list_name(was, is_now))


def test_the_order_of_value_names_every_segment_of_the_kit(shop):
    order = load_move_rules().order
    assert set(order) == set(SEGMENTATIONS) - {"clusters"}
    for segmentation, steps in order.items():
        assert set(steps) == set(shop.segment_names[segmentation])


# What is told


def test_few_moves_are_told_and_none_of_few_customers(shop, open_shop):
    movers = open_shop(beside=shop, report={"min_cell": 4}).movers
    told = movers.table[movers.is_told]
    assert 0 < len(told) < len(movers.table)
    assert told["customers"].min() >= 4
    everything = open_shop(beside=shop, report={"min_cell": 1}).movers
    assert everything.is_told.sum() == min(12, len(everything.table))
    nobody = open_shop(beside=shop, report={"min_cell": 1000}).movers
    assert not len(nobody.if_told)


def test_who_came_from_at_risk_to_the_top_is_told_where_anybody_did(shop, open_shop):
    assert_won_back(shop)
    calm = open_shop(beside=shop, report={"recommendations": "families"})
    assert [key for key, _ in calm.movers.remarks] == ["movers_listed"]


def assert_won_back(study: Study) -> None:
    counts = study.migration.transitions(study.movers.segmentation).set_index("segment_before")
    won = counts.loc["at_risk", "champions"] if "at_risk" in counts.index else 0
    said = dict(study.movers.remarks).get("movers_won_back")
    assert (said is not None) == (won > 0)
    if said:
        assert (said["customers"], said["customers_before"]) == (
            won,
            counts.loc["at_risk", "total"],
        )


def test_one_who_was_at_risk_and_buys_often_again_is_named(open_shop):
    # Ana bought every tenth day until 200 days before the earlier date, and does so again.
    rows = [
        ("ana", ago(day), f"a{day}", 1, 20, "p1")
        for day in [*range(300, 380, 10), *range(1, 40, 10)]
    ]
    rows += [(f"n{place}", ago(30 + place), f"n{place}", 1, 10, "p1") for place in range(12)] + [
        ("bea", ago(day), f"b{day}", 1, 5, "p2") for day in (650, 400, 300)
    ]
    study = open_shop(rows, rfm={"bins": {"recency": [30, 60, 90, 120], "frequency": [1, 2, 3, 4]}})
    at = study.migration.flows("value_groups").set_index(["segment_before", "segment_after"])
    assert at.loc[("cannot_lose", "champions"), "customers"] == 1
    assert len(study.movers.members("cannot_lose", "champions")) == 1
    assert study.movers.facts.set_index("customer_id").loc["ana", "orders_between"] == 4


# Files


def csvs(folder: Path) -> set[str]:
    return {file.name for file in folder.glob("*.csv")}


def test_lists_of_an_earlier_run_are_taken_away_and_nothing_else(shop, lists):
    study = shop
    folder = study.run_dir / FOLDER
    old = "customer_id,group,campaign\nc000,contact,x\n"
    (folder / "new-to-lost.csv").write_text(old)
    (folder / "mine.csv").write_text("note\nkept\n")
    study.audiences.write()
    files = {file.name for file in study.movers.write()}
    assert csvs(folder) == files | {"mine.csv"}
    audiences = csvs(study.run_dir / "exports/audiences")
    study.audiences.write()
    assert csvs(folder) == files | {"mine.csv"}
    assert csvs(study.run_dir / "exports/audiences") == audiences


def test_a_history_too_short_for_two_dates_has_no_movers_and_leaves_no_old_list(open_shop):
    rows = [(f"c{place:03d}", ago(30 + place), f"o{place}", 1, 9, "p1") for place in range(30)]
    study = open_shop(rows)
    folder = study.run_dir / FOLDER
    folder.mkdir(parents=True)
    (folder / "a-to-b.csv").write_text("customer_id,group,campaign\n")
    assert not study.movers.ready
    assert study.movers.write() == []
    assert csvs(folder) == set()
    assert study.movers.remarks == []
    assert not len(study.movers.if_told)


def test_where_nobody_moved_there_is_no_list(open_shop):
    rows = [(f"c{place:03d}", ago(400 + place), f"o{place}", 1, 9, "p1") for place in range(30)]
    movers = open_shop(rows, rfm={"bins": {"recency": [30, 60, 90, 120]}}).movers
    assert movers.table.empty
    assert movers.write() == []
    assert movers.remarks == []


@pytest.mark.slow
def test_lists_of_the_demo_shop_are_its_matrix(tmp_path):
    given = load_params("params/tienda_demo.yaml").plain()
    given["clv"] = {**given.get("clv", {}), **QUICK["clv"]}
    given["clusters"] = QUICK["clusters"]
    study = Study(check_params(given), run_dir=tmp_path)
    assert_lists_are_the_matrix(study, "value_groups")
    assert_won_back(study)
    files = study.movers.write()
    assert sum(len(read_audience(file)) for file in files) == study.movers.table["customers"].sum()
    study.close()
