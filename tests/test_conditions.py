"""Conditions hold of what is known and true, and a file's faults are told with their fix."""

import math

import pytest

from segkit.analysis.segment_facts import FACTS
from segkit.errors import RuleError
from segkit.words.conditions import Choice, Condition, corners, read_choice, resolved

WHERE = "acme.yaml: segments.loyal.kpi"
NAMED = {"left": Condition.read({"churned_share": ">= 0.5"}, {}, WHERE)}


def read(raw):
    return Condition.read(raw, NAMED, WHERE)


def choice(raw):
    return read_choice(raw, NAMED, WHERE)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("< 0.2", 0.1, True), ("< 0.2", 0.2, False),
        ("<= 0.2", 0.2, True), ("<= 0.2", 0.21, False),
        ("> 0.2", 0.3, True), (">0.2", 0.2, False),
        (" >=  0.2 ", 0.2, True), (">= 0.2", 0.19, False),
        ("== 1", 1.0, True), ("== 1", 0.9, False),
        ("!= 0", 0.0, False), ("!= 0", 0.4, True),
    ],
)  # fmt: skip
def test_a_comparison_holds_as_it_is_written(text, value, expected):
    assert read({"discount_share": text}).holds({"discount_share": value}) is expected


@pytest.mark.parametrize("text", ["< 0.2", ">= 0.2", "!= 0.2"])
def test_nothing_holds_of_a_figure_that_is_not_known(text):
    condition = read({"discount_share": text})
    assert not condition.holds({})
    assert not condition.holds({"discount_share": math.nan})


def test_of_a_mapping_all_must_hold_and_of_a_list_one_is_enough():
    both = read({"orders_ratio": ">= 1.2", "churned_share": "< 0.5"})
    assert both.holds({"orders_ratio": 2, "churned_share": 0.1})
    assert not both.holds({"orders_ratio": 2, "churned_share": 0.9})
    either = read(["left", {"late_share": ">= 0.8"}])
    assert either.holds({"churned_share": 0.9})
    assert either.holds({"churned_share": 0.1, "late_share": 0.9})
    assert not either.holds({"churned_share": 0.1, "late_share": 0.1})


def test_one_figure_may_be_held_between_two_numbers():
    between = read({"median_recency_days": [">= 30", "< 90"]})
    assert [between.holds({"median_recency_days": days}) for days in (29, 30, 90)] == [
        False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "problem", "fix"),
    [
        ({"discount_shar": "< 0.2"}, "unknown figure: 'discount_shar'", "'discount_share'?"),
        ({7: "< 0.2"}, "unknown figure: 7", "valid names: customers"),
        ({"discount_share": "under 0.2"}, "no comparison of discount_share: 'under", '"< 0.2"'),
        ({"discount_share": "< 20%"}, "no comparison of discount_share: '< 20%'", '"< 0.2"'),
        ({"discount_share": 0.2}, "no comparison of discount_share: 0.2", '"< 0.2"'),
        ({"discount_share": "= 0.2"}, "no comparison of discount_share: '= 0.2'", '"< 0.2"'),
        ({"discount_share": []}, "no comparison of discount_share: []", '"< 0.2"'),
        ({"discount_share": "< 20"}, "always holds: discount_share < 20", "from 0 to 1"),
        ({"discount_share": "> 1"}, "never holds: discount_share > 1", "from 0 to 1"),
        ({"customers": ">= 1"}, "always holds: customers >= 1", "write a number within"),
        ({"late_share": ["< 0.2", "> 0.5"]}, "never holds: late_share < 0.2 and late", "mend"),
        ("lef", "unknown condition: 'lef'", "did you mean 'left'?"),
        ({}, "is no condition: {}", "write it like"),
        ([], "is no condition: []", "write it like"),
        (True, "is no condition: True", "write it like"),
        (["left", {}], "is no condition: {}", "write it like"),
    ],
)  # fmt: skip
def test_what_is_no_condition_is_an_error_naming_place_and_fix(raw, problem, fix):
    with pytest.raises(RuleError) as caught:
        read(raw)
    message = str(caught.value)
    assert message.startswith(f"{WHERE}: ")
    assert problem in message
    assert fix in message.partition(". Fix: ")[2]
    assert "\n" not in message


def test_a_text_without_an_alternative_is_left_out_of_its_list():
    texts = choice(["Thank them.", {"when": {"discount_share": "< 0.2"}, "then": "Full price."}])
    assert resolved(texts, {"discount_share": 0.1}) == ["Thank them.", "Full price."]
    assert resolved(texts, {"discount_share": 0.5}) == ["Thank them."]
    assert resolved(texts, {}) == ["Thank them."]


def test_alternatives_are_tried_in_order():
    text = choice(
        {
            "when": {"discount_share": "< 0.2"},
            "then": "low",
            "else": {"when": {"discount_share": ">= 0.2"}, "then": "high", "else": "unknown"},
        }
    )
    said = [resolved(text, facts) for facts in ({"discount_share": 0}, {"discount_share": 0.2}, {})]
    assert said == ["low", "high", "unknown"]
    assert text.leaves == ["low", "high", "unknown"]
    assert resolved(text, None) == "low"


@pytest.mark.parametrize(
    ("raw", "problem", "fix"),
    [
        ({"when": "left", "then": "A", "esle": "B"}, "esle: unknown key", "did you mean 'else'?"),
        ({"then": "A", "else": "B"}, "lacks 'when'", "when: {figure: comparison}"),
        ({"when": "left", "else": "B"}, "lacks 'then'", "then: the text"),
        ({"when": "left", "then": {"when": "left", "then": "A"}}, "then: is no text", "only 'else'"),
        ({"when": "left", "then": "A", "else": {"text": "B"}}, "else: is no text", "'when' of its"),
        (
            {"when": "left", "then": "A", "else": {"when": "left", "then": "B", "else": "C"}},
            "an alternative that is never reached: 'B'", "mend the conditions before it",
        ),
        (
            {
                "when": {"late_share": "< 0.5"}, "then": "A",
                "else": {"when": {"late_share": "< 0.2"}, "then": "B", "else": "C"},
            },
            "an alternative that is never reached: 'B'", "or take it out",
        ),
        (
            {
                "when": {"customers": "< 30"}, "then": "A",
                "else": {"when": {"customers": ">= 30"}, "then": "B", "else": "C"},
            },
            "an alternative that is never reached: 'C'", "or take it out",
        ),
    ],
)  # fmt: skip
def test_alternatives_that_cannot_be_read_or_reached_are_errors(raw, problem, fix):
    with pytest.raises(RuleError) as caught:
        choice(raw)
    message = str(caught.value)
    assert message.startswith(WHERE)
    assert problem in message
    assert fix in message.partition(". Fix: ")[2]
    assert "\n" not in message


def test_where_a_figure_may_be_missing_a_last_alternative_is_reached():
    raw = {
        "when": {"late_share": "< 0.5"},
        "then": "A",
        "else": {"when": {"late_share": ">= 0.5"}, "then": "B", "else": "C"},
    }
    assert choice(raw).place({}) == 2


@pytest.mark.parametrize("figure", FACTS)
def test_made_facts_take_a_condition_both_ways_and_stay_where_the_figure_lies(figure):
    fact = FACTS[figure]
    number = 0.5 if fact.highest == 1 else fact.lowest + 5 if fact.lowest > -1 else 5
    condition = read({figure: f">= {number}"})
    made = list(corners([condition]))
    assert {condition.holds(facts) for facts in made} == {True, False}
    for facts in made:
        assert math.isnan(facts[figure]) or fact.lowest <= facts[figure] <= fact.highest
    assert any(math.isnan(facts[figure]) for facts in made) is not fact.always_known


def test_a_choice_can_be_compared_and_dumped():
    raw = {"when": "left", "then": "A", "else": "B"}
    assert choice(raw) == choice(raw)
    assert isinstance(choice(raw), Choice)
    assert choice(raw).model_dump()["then"] == "A"
