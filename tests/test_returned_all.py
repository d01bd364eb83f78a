"""Who returned everything is no prospect: a kind of its own in every segmentation, and no discount."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pandas as pd
import pytest
from made_logs import HEADER, params_of, write_rows

from segkit.errors import RuleError
from segkit.params import SEGMENTATIONS
from segkit.segments import MICRO_SEGMENTS, RFM, SUB_SEGMENTS, Clusters, RuleTable
from segkit.segments.base import has_returned_all, told_apart
from segkit.study.audiences import FOLDER
from segkit.study.study import Study
from segkit.words.playbook import Playbook, languages

AS_OF = date(2024, 7, 1)
LINES = (*HEADER, "product")
QUICK = {
    "clv": {"model": "bg_nbd", "resamples": 0},
    "clusters": {"k_range": [2, 3], "n_init": 1},
    "evidence": {"resamples": 10},
    "gaps": {"usual_days": 60, "churn_days": 240},
    "lifecycle": {"new_days": 90, "second_days": 45},
    "products": {"min_support": 2, "discontinued_days": 500},
}
BESIDE = {
    "customers": ("customer", "registered"),
    "events": ("customer", "date", "type", "product"),
}
KINDS = {"zoe": "prospects", "rita": "returned_all", "rosa": "returned_all"}
STAGES = {"zoe": "prospect", "rita": "returned_all", "rosa": "returned_all"}


def ago(days: int) -> str:
    return (AS_OF - timedelta(days=days)).isoformat()


def shop_rows() -> list[tuple]:
    """Return lines of regulars, of Rita, who sent back both products of hers, and of Rosa.

    Tea is what most buy; Rosa's only line is the return of what she bought before the log began.
    """
    rows = [
        (f"c{place:02d}", ago(day + place), f"o{place}-{day}", 1, 20, "tea" if day < 300 else "mug")
        for place in range(24)
        for day in range(20, 20 + 110 * (1 + place % 5), 110)
    ]
    rows += [(f"c{place:02d}", ago(33 + place), f"j{place}", 1, 15, "jam") for place in range(9)]
    rita = [("rita", ago(80), "r1", 1, 20, "tea"), ("rita", ago(80), "r1", 2, 30, "mug")]
    back = [
        (who, ago(70), order, -units, -price, what) for who, _, order, units, price, what in rita
    ]
    return [*rows, *rita, *back, ("rosa", ago(50), "x9", -1, -12, "tea")]


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory) -> Iterator[Callable[..., Study]]:
    """Return a function that opens the shop; Zoe and Rosa registered, Zoe and Rita left a cart."""
    opened: list[Study] = []

    def make(rows: list[tuple] | None = None, *, playbook: str = "", **given) -> Study:
        root = tmp_path_factory.mktemp("shop")
        write_rows(root / "orders.csv", shop_rows() if rows is None else rows, LINES)
        registered = [("zoe", ago(30)), ("rosa", ago(600))]
        write_rows(root / "customers.csv", registered, BESIDE["customers"])
        events = [(who, ago(3), "cart", "tea") for who in ("zoe", "rita")]
        write_rows(root / "events.csv", events, BESIDE["events"])
        for name, columns in BESIDE.items():
            mapped = {column: column for column in columns}
            given[name] = {"path": f"{name}.csv", "columns": mapped}
        if playbook:
            (root / "own.yaml").write_text(playbook, encoding="utf-8")
            given["report"] = {"playbook": "own.yaml"}
        params = params_of(LINES, **QUICK | given)
        opened.append(Study(params, root=root, run_dir="run", as_of=AS_OF))
        return opened[-1]

    yield make
    for study in opened:
        study.close()


@pytest.fixture(scope="module")
def shop(open_shop) -> Study:
    return open_shop()


def of_three(study: Study, table: pd.DataFrame, column: str) -> dict[str, object]:
    return table.set_index("customer_id")[column].loc[list(KINDS)].to_dict()


# Which kind


def test_who_never_bought_is_a_prospect_and_who_sent_all_back_is_not(shop):
    assert of_three(shop, shop.customers, "orders") == dict.fromkeys(KINDS, 0)
    for segmentation in SEGMENTATIONS:
        found = of_three(shop, shop.segments, segmentation)
        if segmentation == "micro_segments":
            assert found == {
                "zoe": "prospect_cart_abandoned",
                "rita": "returned_all_cart_abandoned",
                "rosa": "returned_all",
            }
        else:
            assert found == (STAGES if segmentation == "lifecycle" else KINDS)
    assert of_three(shop, shop.segments, "registration")["zoe"] == "older"
    assert pd.isna(of_three(shop, shop.segments, "registration")["rosa"])


def test_nobody_who_keeps_an_order_is_among_them(shop):
    buyers = shop.segments[shop.customers["orders"] > 0]
    for segmentation in SEGMENTATIONS:
        kinds = set(buyers[segmentation])
        assert not any(key.startswith(("prospect", "returned_all")) for key in kinds)
    assert shop.scores["cell"].isna().sum() == 3


def test_cells_and_the_sixteen_sub_segments_are_as_they_were():
    assert len(SUB_SEGMENTS) == 17 and len(set(SUB_SEGMENTS) - {"returned_all"}) == 16
    assert "returned_all_cart_abandoned" in MICRO_SEGMENTS


def test_where_returns_are_not_counted_all_without_an_order_are_prospects():
    people = pd.DataFrame({"orders": [0, 2], "recency_days": [None, 3], "revenue": [0.0, 9]})
    assert has_returned_all(people).tolist() == [False, False]
    assert RFM().fit(people).predict(people)["family"].tolist()[0] == "prospects"
    known = people.assign(returns=[2, 2])
    assert RFM().fit(known).predict(known)["sub_segment"].tolist()[0] == "returned_all"
    labels = Clusters(k=1).fit(known.assign(customer_id=["a", "b"])).predict(known)
    assert labels.tolist()[0] == "returned_all"


def test_labels_keep_their_index_and_name_when_told_apart():
    labels = pd.Series(["prospects", "loyal"], index=[7, 3], name="segment", dtype="str")
    people = pd.DataFrame({"orders": [0, 1], "returns": [pd.NA, 4]}, index=[7, 3])
    pd.testing.assert_series_equal(told_apart(labels, people), labels)


def test_a_table_of_ones_own_may_not_take_the_key():
    with pytest.raises(RuleError, match="kept for customers without an order"):
        RuleTable({"returned_all": {"r": [1, 5]}})


# Figures


def test_key_figures_have_a_row_for_them_and_add_up(shop):
    for segmentation in SEGMENTATIONS:
        table = shop.kpis(segmentation).set_index("segment")
        total, parts = table.loc["total"], table.drop("total")
        for name in ("customers", "orders", "revenue", "revenue_all_time"):
            assert parts[name].sum() == pytest.approx(total[name])
        kinds = [key for key in parts.index if key.startswith("returned_all")]
        assert parts.loc[kinds, "customers"].sum() == 2
        assert parts.loc[kinds, "revenue_all_time"].sum() == pytest.approx(-12)
    assert shop.advice.facts("families").loc["prospects", "never_bought_share"] == 1
    assert shop.advice.facts("families").loc["returned_all", "never_bought_share"] == 0


def test_where_nobody_returned_everything_there_is_no_row_and_no_list(open_shop):
    rows = [row for row in shop_rows() if row[0] not in KINDS]
    study = open_shop(rows)
    for segmentation in SEGMENTATIONS:
        assert not study.kpis(segmentation)["segment"].str.startswith("returned_all").any()
    assert not any("returned_all" in audience.name for audience in study.audiences.lists)
    assert study.stages.prospect_remarks[-1][0] == "prospects_summary"


def test_who_came_and_sent_all_back_between_two_dates_is_counted_where_it_was(shop):
    # Rita came after the earlier date; Rosa had registered long before and was a prospect.
    for segmentation, known in (("value_groups", "prospects"), ("lifecycle", "prospect")):
        flows = shop.migration.flows(segmentation)
        theirs = flows[flows["segment_after"] == "returned_all"].set_index("segment_before")
        assert theirs["customers"].to_dict() == {known: 1, "newcomer": 1}


def test_who_sends_the_only_order_back_and_buys_again_is_followed(open_shop):
    came_back = [("rita", ago(10), "r2", 1, 20, "tea")]
    gone = [("gone", ago(200), "g", 1, 30, "mug"), ("gone", ago(40), "g", -1, -30, "mug")]
    back = [("rita", ago(200), "r1", 1, 9, "jam"), ("rita", ago(190), "r1", -1, -9, "jam")]
    study = open_shop([*shop_rows()[:-5], *back, *came_back, *gone])
    flows = study.migration.flows("families").set_index(["segment_before", "segment_after"])
    assert flows.loc[("returned_all", "beginners"), "customers"] == 1
    assert flows.loc[("beginners", "returned_all"), "customers"] == 1
    happened = study.movers.facts.set_index("customer_id")["happened"]
    assert (happened["rita"], happened["gone"]) == ("first_order", "gave_back")


def test_prospects_are_described_without_them(shop):
    assert shop.stages.prospects["customer_id"].tolist() == ["zoe"]
    said = dict(shop.stages.prospect_remarks)
    assert said["prospects_summary"]["customers"] == 1
    assert said["prospects_returned"] == {"customers": 2}


# What they get


def test_nobody_who_returned_everything_is_offered_a_discount(shop):
    rules = shop.actions.table.set_index("customer_id")
    assert rules.loc[["rita", "rosa"], "discount"].tolist() == ["never", "never"]
    assert rules.loc["zoe", "discount"] != "never"
    for audience in shop.audiences.lists:
        members = shop.audiences.members(audience, "none").set_index("customer_id")
        theirs = members.index.intersection(["rita", "rosa"])
        assert (members.loc[theirs, "discount"] == "never").all()
    files = {file.stem: file for file in shop.audiences.write()}
    assert files["returned_all"].parent == shop.run_dir / FOLDER
    listed = pd.read_csv(files["returned_all"])
    assert sorted(listed["customer_id"]) == ["rita", "rosa"]
    assert "rita" not in set(pd.read_csv(files["prospects"])["customer_id"])


def test_they_are_told_what_is_true_of_them(shop):
    rules = shop.actions.table.set_index("customer_id")
    assert "devolvió" in rules.loc["rosa", "reason"] or "devuel" in rules.loc["rosa", "reason"]
    assert rules.loc["rosa", "advice"] == shop.playbook.name("value_groups", "returned_all")


def test_they_are_never_offered_what_they_sent_back(shop):
    assert shop.offers.ready
    products = shop.offers.products["product_id"]
    offers = shop.offers.table.set_index("customer_id")
    names = [f"product_{rank}" for rank in range(1, 11)]
    offered = {
        who: {products[place] for place in offers.loc[who, names] if place >= 0}
        for who in ("zoe", "rita", "rosa")
    }
    assert offered["zoe"] >= {"tea", "mug", "jam"}
    assert offered["rita"] == {"jam"}
    assert offered["rosa"] == {"mug", "jam"}


# The playbook


@pytest.mark.parametrize("language", languages())
def test_every_segmentation_has_advice_for_them_without_any_discount(language):
    playbook = Playbook.load(language)
    for segmentation in SEGMENTATIONS:
        keys = ["returned_all"]
        if segmentation == "micro_segments":
            keys.append("returned_all_cart_abandoned")
        for key in keys:
            assert playbook.entry(segmentation, key).discount == "never"


def test_a_playbook_of_ones_own_without_the_entry_falls_back_to_the_shipped_one(open_shop):
    own = (
        "segments:\n  prospects: {name: Curiosos, discount: allowed}\n"
        "segmentations:\n  lifecycle:\n    prospect: {name: Curiosos}\n"
    )
    study = open_shop(playbook=own)
    assert study.segment_names["value_groups"]["prospects"] == "Curiosos"
    assert study.segment_names["value_groups"]["returned_all"] == "Devolvieron todo"
    assert study.advice.of("lifecycle", "returned_all").discount == "never"
    rules = study.actions.table.set_index("customer_id")["discount"]
    assert (rules["rita"], rules["rosa"]) == ("never", "never")
