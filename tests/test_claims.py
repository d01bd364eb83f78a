"""No text of a playbook is said of a segment whose figures contradict it."""

from functools import cache
from itertools import chain

import pytest
from click.testing import CliRunner

from segkit.analysis.segment_facts import FACTS
from segkit.cli import main
from segkit.words.claims import claims
from segkit.words.conditions import Choice, corners, resolved
from segkit.words.playbook import Playbook, languages
from segkit.words.playbook_lint import sayings, unchecked

NAN = float("nan")
UNKNOWN = dict.fromkeys(FACTS, NAN) | {"customers": 50.0, "customers_share": 0.1}
NORMAL = dict.fromkeys(FACTS, 1.0) | {
    "customers": 100.0, "customers_share": 0.2, "never_bought_share": 0.0,
    "recency_days": 40.0, "median_recency_days": 40.0, "first_order_days": 400.0,
    "late_share": 0.3, "churned_share": 0.05, "came_back_share": 0.02, "one_order_share": 0.0,
    "orders_per_customer": 4.0, "discount_share": 0.1, "revenue_share": 0.3,
    "return_rate": 0.02, "returners_share": 0.1,
}  # fmt: skip
WORLDS = {
    "nothing is known": UNKNOWN,
    "all is well": NORMAL,
    "all have left": NORMAL
    | {"churned_share": 0.95, "late_share": 1.0, "median_recency_days": 700.0},
    "newcomers": NORMAL
    | {"first_order_days": 9.0, "median_recency_days": 9.0, "one_order_share": 1.0},
    "prospects": UNKNOWN | {"never_bought_share": 1.0},
}
LOYALTY = {
    "en": ["programme", "tier", "points", "loyalty"],
    "es": ["programa", "nivel", "puntos", "lealtad"],
}


@cache
def playbook(language):
    return Playbook.load(language)


def templates(language):
    held = playbook(language)
    yield from ((f"segments.{key}", each) for key, each in held.segments.items())
    yield from ((f"cells.{key}", each) for key, each in held.cells.items())
    for segmentation, entries in held.segmentations.items():
        yield from ((f"{segmentation}.{key}", each) for key, each in entries.items())


def printed(template, facts, language):
    """Return all that a card would say of a segment with such figures."""
    entry = template.entry(facts)
    policy = playbook(language).discounts[entry.discount]
    texts = [entry.description, entry.contact_frequency, entry.discount_note, entry.kpi]
    return [*texts, *entry.strategies, *entry.avoid, f"{policy.name}. {policy.explanation}"]


def choices(value):
    """Return every choice in a field, those within alternatives too."""
    if isinstance(value, list):
        return list(chain.from_iterable(map(choices, value)))
    if isinstance(value, Choice):
        return [value, *choices(list(value.leaves))]
    return []


@pytest.mark.parametrize("language", languages())
def test_what_is_false_of_a_segment_is_not_printed_for_any_key(language):
    """Made figures contradict each claim that an entry makes, from its condition and in every world."""
    tried = 0
    made = {
        name: [facts for facts in corners([claim.when]) if not claim.when.holds(facts)]
        for name, claim in claims().items()
    }
    said = {}
    for saying in sayings(playbook(language)):
        said.setdefault(saying.segment, []).append(saying.text)
    for place, template in templates(language):
        for claim in claims().values():
            if not claim.is_of(place):
                continue
            if not any(claim.is_made(text, language) for text in said[place]):
                continue
            for world, facts in WORLDS.items():
                for contrary in made[claim.name]:
                    texts = printed(template, facts | contrary, language)
                    tried += 1
                    for text in texts:
                        assert not claim.is_made(text, language), (place, claim.name, world)
    assert tried > 1000


@pytest.mark.parametrize("language", languages())
def test_of_alternatives_only_the_one_whose_condition_holds_is_printed(language):
    tried = 0
    for place, template in templates(language):
        for field, value in template:
            for choice in choices(value):
                for facts in corners(choice.conditions):
                    said = resolved(value, UNKNOWN | facts)
                    chosen = choice.leaves[choice.place(UNKNOWN | facts)]
                    rest = [leaf for leaf in choice.leaves if leaf not in (chosen, None)]
                    others = said if isinstance(said, list) else [said]
                    assert not any(leaf in others for leaf in rest), (place, field)
                    tried += 1
    assert tried > 500


@pytest.mark.parametrize("language", languages())
def test_the_linter_finds_nothing_in_the_shipped_playbook(language):
    assert unchecked(playbook(language)) == []


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("claim", [claim for claim in claims().values() if claim.said])
def test_every_claim_is_made_by_some_text_and_guarded_in_some_entry(language, claim):
    made = [one for one in sayings(playbook(language)) if claim.is_made(one.text, language)]
    assert made
    assert any(one.way or not claim.is_of(one.segment) for one in made)


def test_claims_are_those_of_both_languages():
    assert {
        name for name, claim in claims().items() if claim.said.keys() != set(languages())
    } == set()


# What was once said and was false -----------------------------------------------------------


@pytest.mark.parametrize("language", languages())
def test_nobody_who_has_left_is_offered_a_loyalty_programme(language):
    gone = [WORLDS["all have left"], NORMAL | {"median_recency_days": 612.0, "late_share": 0.9}]
    rule = next(claim for claim in claims().values() if claim.name == "stays")
    for place, template in templates(language):
        if rule.is_of(place):
            for facts in gone:
                entry = template.entry(facts)
                assert entry.discount != "points", place
                advised = " ".join([*entry.strategies, entry.discount_note]).lower()
                assert not any(word in advised for word in LOYALTY[language]), place


def test_a_segment_that_slept_612_days_is_not_told_that_there_is_time():
    facts = NORMAL | {"median_recency_days": 612.0, "recency_days": 612.0, "late_share": 0.9}
    for segmentation in ("value_groups", "families", "clusters"):
        for key in playbook("en").segmentations[segmentation]:
            entry = playbook("en").entry(segmentation, key, facts)
            assert "still time" not in entry.description
    entry = playbook("en").entry("value_groups", "about_to_sleep", facts)
    assert entry.description == "Most of them have stopped buying."
    assert (
        playbook("es").entry("value_groups", "about_to_sleep", facts).description
        == "La mayoría ha dejado de comprar."
    )


def test_there_is_still_time_for_those_who_are_late_and_not_gone():
    facts = NORMAL | {"orders_ratio": 0.4, "late_share": 0.7, "median_recency_days": 80.0}
    entry = playbook("en").entry("value_groups", "about_to_sleep", facts)
    assert "still time to bring them back" in entry.description


@pytest.mark.parametrize(
    ("share", "note", "avoid"),
    [
        (0.19, "since they already pay full price", "since they already pay full price"),
        (0.54, "part of what they buy is discounted today", "than they already get"),
        (NAN, "recognition instead of money off.", "discounts or coupons."),
    ],
)
def test_champions_pay_full_price_only_where_they_do(share, note, avoid):
    entry = playbook("en").entry("value_groups", "champions", NORMAL | {"discount_share": share})
    assert note in entry.discount_note
    assert avoid in entry.avoid[0]
    assert entry.discount == "never"


def test_the_loyal_who_are_56_percent_gone_are_not_called_close():
    facts = NORMAL | {"orders_ratio": 2.0, "churned_share": 0.56}
    entry = playbook("en").entry("value_groups", "loyal", facts)
    assert entry.description == "Most of them have stopped buying."
    assert entry.discount == "last_resort"
    stays = playbook("en").entry("value_groups", "loyal", facts | {"churned_share": 0.1})
    assert "close to the brand" in stays.description


@pytest.mark.parametrize("language", languages())
def test_who_came_a_year_ago_is_not_welcomed(language):
    facts = NORMAL | {"first_order_days": 365.0, "one_order_share": 1.0, "orders_ratio": 0.4}
    for segmentation, key in (("value_groups", "new"), ("sub_segments", "beginners_r5")):
        entry = playbook(language).entry(segmentation, key, facts)
        said = " ".join([*entry.strategies, *entry.avoid, entry.discount_note]).lower()
        assert "welcome" not in said and "bienvenida" not in said


def test_who_sent_everything_back_is_not_said_to_have_never_bought():
    entry = playbook("en").entry("value_groups", "returned_all", UNKNOWN)
    assert entry.description.startswith("They keep no order")
    assert entry.discount == "never"


def test_where_conditions_hold_the_texts_are_those_of_the_published_format():
    facts = NORMAL | {"aov_ratio": 0.54}
    entry = playbook("es").entry("clusters", "low_value", facts)
    assert entry == playbook("es").entry("clusters", "low_value")


# The linter -----------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "acme.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def lint(*given):
    return CliRunner().invoke(main, ["playbook", *map(str, given)])


def test_the_command_checks_every_shipped_playbook():
    result = lint()
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["playbooks/en.yaml", "playbooks/es.yaml"]
    assert all(line.endswith(" 0 unchecked") for line in lines)


def test_a_clients_unchecked_claim_is_told_with_its_place_and_fix(own):
    path = own("language: en\nsegments: {champions: {discount_note: 'They pay full price.'}}\n")
    result = lint(path)
    assert result.exit_code == 1
    assert (
        f"{path}: segments.champions.discount_note: claims 'full_price' also where it is false: "
        "'They pay full price.'. Fix: say it under when: full_price (discount_share < 0.2), "
        "with an else, or in other words" in result.output.splitlines()
    )


def test_a_clients_claim_under_its_condition_is_in_order(own):
    path = own(
        "segments:\n  champions:\n    discount_note:\n"
        "      when: full_price\n      then: They pay full price.\n      else: Treat them well.\n"
    )
    assert lint(path, "--language", "en").exit_code == 0


def test_a_client_may_have_a_threshold_of_its_own_for_a_claim(own):
    path = own('language: en\nconditions: {full_price: {discount_share: "< 0.4"}}\n')
    assert lint(path).exit_code == 0
    entry = Playbook.load("en", path).entry("value_groups", "champions", {"discount_share": 0.3})
    assert "full price" in entry.discount_note


def test_a_file_that_does_not_say_its_language_is_asked_for_it(own):
    result = lint(own("segments: {lost: {kpi: Visits}}\n"))
    assert result.exit_code == 1
    assert "does not say its language. Fix: write 'language: en'" in result.output


def test_the_check_of_a_client_names_the_claims_of_its_own_playbook(tmp_path):
    (tmp_path / "log.csv").write_text(
        "customer,date,order,amount\nana,2024-01-01,1,10\nana,2024-02-01,2,10\n", encoding="utf-8"
    )
    (tmp_path / "own.yaml").write_text(
        "segments: {champions: {kpi: Share at full price}}\n", encoding="utf-8"
    )
    columns = "{customer: customer, date: date, order: order, amount: amount}"
    params = tmp_path / "acme.yaml"
    params.write_text(
        "client: acme\nlanguage: en\nlocale: en_GB\ncurrency: EUR\nreport: {playbook: own.yaml}\n"
        f"orders: {{path: log.csv, columns: {columns}}}\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(main, ["check", str(params), "--root", str(tmp_path)])
    assert result.exit_code == 0
    assert "own.yaml: segments.champions.kpi: claims 'full_price' also where it is" in result.output
