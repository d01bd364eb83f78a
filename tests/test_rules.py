"""Rule tables: the kit's value groups cell by cell, and what is refused when a table is loaded."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit.errors import DataError, RuleError, SegkitError
from segkit.segments import RuleTable

# Definitions, section 4: a row an R score from 5 down to 1, a column an F score from 1 up to 5.
VALUE_GROUPS = {
    5: ["new", "potential_loyalists", "potential_loyalists", "champions", "champions"],
    4: ["promising", "potential_loyalists", "potential_loyalists", "loyal", "loyal"],
    3: ["about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"],
    2: ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"],
    1: ["hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"],
}


def written(folder, text: str):
    path = folder / "acme_groups.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def scores(*cells: str | None) -> pd.DataFrame:
    rows = [[None] * 3 if cell is None else [int(digit) for digit in cell] for cell in cells]
    return pd.DataFrame(rows, columns=["r", "f", "m"], dtype="Int64")


def test_value_groups_are_the_definitions_cell_by_cell():
    cells = RuleTable.load().cells()
    found = {(row.r, row.f): row.segment for row in cells.itertuples()}
    assert found == {(r, f): key for r, row in VALUE_GROUPS.items() for f, key in enumerate(row, 1)}


@given(st.lists(st.tuples(*[st.integers(1, 5)] * 3), max_size=30))
def test_every_scored_customer_gets_the_segment_of_its_cell(rows):
    table = pd.DataFrame(rows, columns=["r", "f", "m"], dtype="Int64")
    assigned = RuleTable.load().assign(table)
    assert assigned.tolist() == [VALUE_GROUPS[r][f - 1] for r, f, _ in rows]


def test_customers_without_scores_are_prospects_and_keep_their_index():
    table = scores("555", None, "115").set_index(pd.Index([7, 3, 9]))
    assigned = RuleTable.load().assign(table)
    assert assigned.tolist() == ["champions", "prospects", "hibernating"]
    assert assigned.index.tolist() == [7, 3, 9] and assigned.name == "segment"


def test_scores_of_another_scale_are_refused():
    with pytest.raises(DataError, match=r"within 1\.\.5 .*\[6, 1\]"):
        RuleTable.load().assign(scores("611"))
    with pytest.raises(DataError, match="within 1..5"):
        RuleTable.load().assign(scores("511").assign(f=pd.NA))
    with pytest.raises(DataError, match="f: column is missing"):
        RuleTable.load().assign(scores("511").drop(columns="f"))


def test_a_client_table_may_use_monetary_scores_text_ranges_and_several_rectangles(tmp_path):
    path = written(
        tmp_path,
        """
        vip: {r: 4-5, f: 4-5, m: 5}
        good: [{r: 4-5, f: 4-5, m: 1-4}, {r: [4, 5], f: [1, 3]}]
        rest: {r: [1, 3]}
    """,
    )
    table = RuleTable.load(path)
    assert table.measures == ("r", "f", "m") and len(table.cells()) == 125
    assert table.assign(scores("555", "554", "411", "155")).tolist() == [
        "vip",
        "good",
        "good",
        "rest",
    ]


def test_uncovered_and_doubly_covered_cells_are_listed(tmp_path):
    path = written(tmp_path, "top: {r: [3, 5]}\nlow: {r: [1, 3], f: [2, 5]}\n")
    with pytest.raises(RuleError) as error:
        RuleTable.load(path)
    text = str(error.value)
    assert "acme_groups.yaml" in text and "\n" not in text
    assert "cells with no segment: 11, 21;" in text
    assert "cells with more than one: 32 (top, low), 33 (top, low), 34 (top, low), 35" in text


def test_a_segment_behind_another_is_unreachable(tmp_path):
    path = written(tmp_path, "all: {r: [1, 5]}\nhidden: {r: 5, f: 5}\n")
    with pytest.raises(RuleError, match="unreachable segments, no cell of their own: hidden"):
        RuleTable.load(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: {r: [0, 5]}", r"a: r: is no range within 1\.\.5: \[0, 5\]"),
        ("a: {r: [5, 4]}", r"a: r: is no range within 1\.\.5"),
        ("a: {r: 6}", r"a: r: is no range within 1\.\.5: 6"),
        ("a: {r: yes}", r"a: r: is no range within 1\.\.5: True"),
        ("a: {r: 1.5}", r"a: r: is no range"),
        ("a: {r: [1, 2, 3]}", r"a: r: is no range"),
        ("a: {recency: 5}", r"a: unknown measure: 'recency'\. Fix: did you mean 'r'\?"),
        ("a: {q: 5}", r"unknown measure: 'q'\. Fix: valid names: r, f, m"),
        ("a: 5", r"a: is not \{measure"),
        ("a: []", "a: no rule: the segment is unreachable"),
        ("NO: {r: 5}", "is no key: False"),
        ("Mis clientes: {r: 5}", "is no key: 'Mis clientes'"),
        ("prospects: {r: 5}", "is kept for customers without an order"),
        ("{}", "holds no"),
    ],
)
def test_malformed_rules_are_named_with_their_place(tmp_path, text, message):
    with pytest.raises(RuleError, match=message):
        RuleTable.load(written(tmp_path, text))


def test_a_key_given_twice_is_refused(tmp_path):
    with pytest.raises(SegkitError, match="acme_groups.yaml"):
        RuleTable.load(written(tmp_path, "a: {r: [1, 5]}\na: {r: [1, 5]}\n"))


def test_a_table_travels_as_json():
    table = RuleTable.load()
    again = RuleTable.from_state(json.loads(json.dumps(table.to_state())))
    assert again.cells().equals(table.cells())


def test_a_table_for_ten_bins_may_name_the_tenth_in_a_text_range():
    table = RuleTable({"good": {"r": "6-10"}, "rest": {"r": "1-5"}}, bins=10)
    assert len(table.cells()) == 100
    assert table.assign(scores("511", "611")).tolist() == ["rest", "good"]
    with pytest.raises(RuleError, match="no segment: 10-1, 10-2, .* from 1 to 10"):
        RuleTable({"good": {"r": "6-9"}, "rest": {"r": "1-5"}}, bins=10)
    with pytest.raises(RuleError, match=r"is no range within 1\.\.10: '6-11'"):
        RuleTable({"good": {"r": "6-11"}}, bins=10)


def test_a_table_for_three_bins_covers_nine_cells():
    table = RuleTable({"good": {"r": [2, 3]}, "rest": {"r": 1}}, bins=3)
    assert len(table.cells()) == 9
    assert table.assign(scores("311", "133")).tolist() == ["good", "rest"]
