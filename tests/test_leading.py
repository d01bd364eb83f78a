"""One segmentation leads: what speaks for each, and that a name means one set of customers."""

from __future__ import annotations

import pytest

from segkit import Chapter, Study
from segkit.params import SEGMENTATIONS
from segkit.words.playbook import Playbook

SAME = {"prospects", "prospect", "returned_all"}
"""Keys of those without an order that stands, the same people in every segmentation but one."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Study:
    return Study("params/tienda_demo.yaml", run_dir=tmp_path_factory.mktemp("leading"))


def test_a_name_means_one_set_of_customers(demo):
    meant: dict[str, set[frozenset[str]]] = {}
    for segmentation, names in demo.segment_names.items():
        labels = demo.segments[segmentation]
        for key, name in names.items():
            members = frozenset(demo.segments.loc[labels == key, "customer_id"])
            if members:
                meant.setdefault(name.casefold(), set()).add(members)
    assert {name: len(sets) for name, sets in meant.items() if len(sets) > 1} == {}


@pytest.mark.parametrize("lead", [name for name in SEGMENTATIONS if name != "micro_segments"])
@pytest.mark.parametrize("language", ["es", "en"])
def test_names_do_not_repeat_whichever_segmentation_leads(demo, language, lead):
    playbook = Playbook.load(language).led_by(lead)
    bearers: dict[str, set[str]] = {}
    for segmentation, names in demo.segment_names.items():
        for key in names:
            if key not in SAME or segmentation == "micro_segments":
                name = playbook.name(segmentation, key).casefold()
                bearers.setdefault(name, set()).add(f"{segmentation}.{key}")
    assert {name: who for name, who in bearers.items() if len(who) > 1} == {}


def test_the_leading_segmentation_keeps_the_plain_names(demo):
    plain = Playbook.load("es")
    assert demo.segment_names["value_groups"] == plain.names(
        "value_groups", demo.segment_names["value_groups"]
    )
    assert demo.segment_names["clv_segments"]["champions"] == "Campeones (valor esperado)"


def test_what_speaks_for_each_segmentation_is_in_its_tables(demo):
    table = demo.leading.table.set_index("segmentation")
    assert set(table.index) == set(SEGMENTATIONS)
    assert table["gini"].is_monotonic_decreasing
    spread = demo.evidence.rolling_rankings.set_index("ranking")
    assert table.loc["value_groups", "top20"] == spread.loc["value_groups", "top20"]
    moved = demo.migration.flows("families")
    both = moved[~moved.isin({"newcomer", "gone", "outside"}).any(axis=1)]
    stayed = both[both["segment_before"] == both["segment_after"]]["customers"].sum()
    assert table.loc["families", "stayed_share"] == pytest.approx(stayed / both["customers"].sum())
    assert table["too_few_share"].between(0, 1).all()


def test_the_sentence_names_the_leading_one_and_the_best_other(demo):
    said = Chapter(demo, "segments").tell(demo.leading.verdict).plain
    table = demo.leading.table.set_index("segmentation")
    best = table.drop(index="value_groups").iloc[0]
    assert said.startswith("Este informe sigue «Grupos de valor»: en 3 pruebas")
    assert f"{best['top20']:.0%}".replace("%", " %") in said.replace("\u00a0", " ")


def test_a_short_history_makes_no_claim(make_study):
    rows = [(f"c{who}", f"2024-01-{1 + who % 28:02}", f"o{who}", 1, 9) for who in range(60)]
    leading = make_study(rows).leading
    assert leading.verdict == []
    assert leading.table["gini"].isna().all() and leading.table["stayed_share"].isna().all()
