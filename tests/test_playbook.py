"""The playbook is complete in every language, and a client's own file is checked."""

import pickle
from itertools import combinations, pairwise, product
from typing import get_args

import pytest

from segkit.errors import RuleError, SegkitError
from segkit.params import load_yaml
from segkit.words import playbook as module
from segkit.words.conditions import Choice
from segkit.words.playbook import (
    POLICIES_BY_STRICTNESS,
    Channel,
    Playbook,
    Policy,
    languages,
    strictest,
)
from segkit.words.playbook_lint import sayings

FAMILIES = ["prospects", "returned_all", "beginners", "recurrent", "loyal"]
CLV_SEGMENTS = [
    "reactivated", "one_and_done", "at_risk", "champions", "loyal", "promising", "occasional",
]  # fmt: skip
STAGES = ["prospect", "returned_all", "churned", "new", "returned", "active"]
CARTS = [f"{stage}_cart_abandoned" for stage in STAGES if stage != "returned_all"]
CONTRACT = {
    "families": FAMILIES,
    "sub_segments": ["prospects", "returned_all"]
    + [f"{family}_r{score}" for family, score in product(FAMILIES[2:], range(1, 6))],
    "value_groups": [
        "champions", "loyal", "potential_loyalists", "new", "promising", "need_attention",
        "about_to_sleep", "at_risk", "cannot_lose", "hibernating", "prospects", "returned_all",
    ],
    "clusters": [
        "champions", "big_spenders", "loyal", "new", "promising", "occasional", "low_value",
        "frequent_low_ticket", "need_attention", "at_risk", "hibernating", "lost", "prospects",
        "returned_all",
    ],
    "clv_segments": [*CLV_SEGMENTS, "prospects", "returned_all"],
    "lifecycle": STAGES,
    "new_potential": ["high_potential", "one_timer", "undecided"],
    "returns": ["frequent", "some", "none"],
    "order_size": ["large", "small"],
    "churn_speed": ["fast", "late"],
    "cart": ["abandoned", "recovered", "none"],
    "registration": ["recent", "older", "unknown"],
    "micro_segments": [
        "prospect", "churned_fast", "churned_late", "new", "new_high_potential", "new_one_timer",
        "returned", "active", "active_frequent_returns", "active_large_order",
        "active_small_order", "returned_all", "returned_all_cart_abandoned", *CARTS,
    ],
}  # fmt: skip
VIEWED = {
    "new_high_potential": ("new_potential", "high_potential"),
    "new_one_timer": ("new_potential", "one_timer"),
    "new": ("new_potential", "undecided"),
    "active_frequent_returns": ("returns", "frequent"),
    "active_large_order": ("order_size", "large"),
    "active_small_order": ("order_size", "small"),
    "churned_fast": ("churn_speed", "fast"),
    "churned_late": ("churn_speed", "late"),
}
SAYS_NO_DISCOUNT = {"es": ("descuento", "rebaja"), "en": ("discount", "money off")}
CLUSTER_NAMES = {
    "en": [
        "Champions", "Big Spenders", "Loyal Customers", "New Customers", "Promising",
        "Occasional Buyers", "Low Value", "Frequent Low-Ticket", "Need Attention", "At Risk",
        "Hibernating", "Lost", "Prospects", "Returned everything",
    ],
    "es": [
        "Campeones", "Grandes compradores", "Clientes leales", "Nuevos", "Prometedores",
        "Compradores ocasionales", "Bajo valor", "Frecuentes de ticket bajo",
        "Requieren atención", "En riesgo", "Hibernando", "Perdidos", "Prospectos", "Devolvieron todo",
    ],
}  # fmt: skip
CLV_NAMES = {
    "en": [
        "Can't lose again", "Just passing through", "Customers at risk", "Champions",
        "Loyal customers", "Promising", "Occasional buyers",
    ],
    "es": [
        "No puedo perderlos", "Solo de paso", "Clientes en riesgo", "Campeones",
        "Clientes leales", "Prometedores", "Compradores ocasionales",
    ],
}  # fmt: skip
LIFECYCLE_NAMES = {
    "lifecycle": ["Prospectos", "Devolvieron todo", "Inactivos", "Nuevos", "Recuperados", "Activos"],
    "new_potential": ["Alto potencial", "Ocasional", "Por definir"],
    "returns": ["Devoluciones frecuentes", "Alguna devolución", "Sin devoluciones"],
    "order_size": ["Pedido grande", "Pedido pequeño"],
    "churn_speed": ["Abandono rápido", "Abandono tardío"],
    "cart": ["Carrito abandonado", "Carrito recuperado", "Sin carrito"],
    "registration": ["Recién llegados", "Por activar", "Sin fecha de registro"],
    "micro_segments": [
        "Prospectos", "Inactivos · abandono rápido", "Inactivos · abandono tardío",
        "Nuevos · por definir", "Nuevos · alto potencial", "Nuevos · ocasionales", "Recuperados",
        "Activos", "Activos · devoluciones frecuentes", "Activos · pedido grande",
        "Activos · pedido pequeño", "Devolvieron todo", "Devolvieron todo · carrito abandonado",
        "Prospectos · carrito abandonado",
        "Inactivos · carrito abandonado", "Nuevos · carrito abandonado",
        "Recuperados · carrito abandonado", "Activos · carrito abandonado",
    ],
}  # fmt: skip
VIP = """
  vip:
    name: VIP
    description: Invited by the owner.
    strategies: [Call., Write., Visit.]
    avoid: [Do not wait.]
    channels: [Phone call]
    contact_frequency: Monthly
    discount: never
    discount_note: Not for them.
    kpi: Visits
"""


def shape(content):
    if isinstance(content, dict):
        return {key: shape(value) for key, value in content.items()}
    return type(content).__name__


def advice(entry):
    return entry.model_dump(exclude={"name"})


def every_entry(playbook):
    entries = [playbook.entry(s, key) for s, keys in CONTRACT.items() for key in keys]
    templates = [*playbook.segments.values(), *playbook.cells.values()]
    return [*entries, *(template.entry(None) for template in templates)]


@pytest.fixture(params=languages(), scope="module")
def shipped(request):
    return Playbook.load(request.param)


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "acme.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_spanish_and_english_are_shipped():
    assert {"es", "en"} <= set(languages())


def test_both_languages_have_the_same_keys_and_the_same_discount_rules():
    es, en = (load_yaml(module.FOLDER / f"{language}.yaml") for language in ("es", "en"))
    assert shape(es) == shape(en)
    spanish, english = Playbook.load("es"), Playbook.load("en")
    for segmentation, keys in CONTRACT.items():
        for key in keys:
            one, other = spanish.entry(segmentation, key), english.entry(segmentation, key)
            assert one.discount == other.discount
            assert len(one.strategies) == len(other.strategies)
            assert len(one.avoid) == len(other.avoid)
            assert [spanish.channel_key(name) for name in one.channels] == [
                english.channel_key(name) for name in other.channels
            ]


@pytest.mark.parametrize("segmentation", CONTRACT)
def test_every_segment_has_an_entry_and_a_name_of_its_own(shipped, segmentation):
    names = shipped.names(segmentation, CONTRACT[segmentation])
    assert list(names) == CONTRACT[segmentation]
    assert len(set(names.values())) == len(names)


def test_the_shipped_file_holds_no_key_outside_the_segmentations(shipped):
    known = {key for keys in CONTRACT.values() for key in keys}
    assert set(shipped.segments) <= known
    for segmentation, entries in shipped.segmentations.items():
        assert set(entries) <= set(CONTRACT[segmentation])
    assert set(shipped.segmentations) == set(CONTRACT)
    assert set(shipped.cells) == {"555", "115"}


def test_every_discount_policy_has_a_name_and_is_used(shipped):
    entries = [shipped.entry(s, key) for s, keys in CONTRACT.items() for key in keys]
    assert {entry.discount for entry in entries} == set(shipped.discounts)


@pytest.mark.parametrize(("language", "opening"), [("es", "No "), ("en", "Do not ")])
def test_what_to_avoid_is_said_in_short_prohibitions(language, opening):
    said = [one.text for one in sayings(Playbook.load(language)) if one.field == "avoid"]
    assert said
    for text in said:
        assert text.startswith(opening)
        assert text.endswith(".")
        assert len(text) <= 100


@pytest.mark.parametrize("language", ["es", "en"])
def test_who_is_never_offered_a_discount_is_guarded_from_one(language):
    for entry in every_entry(Playbook.load(language)):
        if entry.discount == "never":
            said = " ".join(entry.avoid)
            assert any(word in said for word in SAYS_NO_DISCOUNT[language]), entry.name


@pytest.mark.parametrize("segmentation", CONTRACT)
def test_segments_with_strategies_of_their_own_have_mistakes_of_their_own(shipped, segmentation):
    entries = [shipped.entry(segmentation, key) for key in CONTRACT[segmentation]]
    for one, other in combinations(entries, 2):
        if one.strategies == other.strategies:
            assert one.avoid == other.avoid
        else:
            shared = set(one.avoid) & set(other.avoid)
            assert all("555" in text for text in shared)


def test_where_555_is_kept_from_a_discount_the_discount_rule_says_so_too(shipped):
    warned = [e for e in every_entry(shipped) if any("555" in text for text in e.avoid)]
    assert warned
    assert all("555" in entry.discount_note for entry in warned)


@pytest.mark.parametrize(
    ("language", "first"), [("es", "rebaja en el primer mensaje"), ("en", "in the first message")]
)
def test_a_cart_is_offered_nothing_off_in_the_first_message(language, first):
    assert first in Playbook.load(language).entry("cart", "abandoned").avoid[0]


def test_the_eight_channels_hold_every_name_that_entries_write_and_no_other(shipped):
    written = {name for entry in every_entry(shipped) for name in entry.channels}
    assert tuple(shipped.channels) == get_args(Channel)
    assert written == {name for names in shipped.channels.values() for name in names}


@pytest.mark.parametrize(
    ("language", "name", "key"),
    [
        ("es", "Correo electrónico", "email"),
        ("es", "Correo electrónico preferente", "email"),
        ("es", "Publicidad dirigida a clientes anteriores", "ads"),
        ("es", "Ejecutivo de cuenta", "adviser"),
        ("es", "Correo postal", "mail"),
        ("en", "VIP email", "email"),
        ("en", "Retargeting ads", "ads"),
        ("en", "Phone call", "call"),
        ("en", "  whatsapp ", "whatsapp"),
        ("en", "Fax", None),
        ("en", "", None),
        ("en", "Correo postal", None),
    ],
)
def test_a_channel_is_known_by_its_name_in_the_language(language, name, key):
    assert Playbook.load(language).channel_key(name) == key


@pytest.mark.parametrize("language", ["es", "en"])
def test_clusters_carry_the_published_names(language):
    names = Playbook.load(language).names("clusters", CONTRACT["clusters"])
    assert list(names.values()) == CLUSTER_NAMES[language]


@pytest.mark.parametrize("language", ["es", "en"])
def test_clv_segments_carry_the_published_names(language):
    names = Playbook.load(language).names("clv_segments", CLV_SEGMENTS)
    assert list(names.values()) == CLV_NAMES[language]


def test_all_seven_clv_segments_have_a_whole_entry_of_their_own(shipped):
    assert set(shipped.segmentations["clv_segments"]) == set(CLV_SEGMENTS)


@pytest.mark.parametrize("key", CLV_SEGMENTS)
def test_a_clv_segment_is_described_by_its_own_rule(shipped, key):
    own, general = shipped.entry("clv_segments", key), shipped.segments[key].entry(None)
    assert own.description != general.description
    assert own.kpi == general.kpi


@pytest.mark.parametrize(("language", "came_back"), [("es", "volvieron"), ("en", "came back")])
def test_who_came_back_is_kept_apart_from_the_valuable_who_left(language, came_back):
    playbook = Playbook.load(language)
    back = playbook.entry("clv_segments", "reactivated")
    left = playbook.entry("value_groups", "cannot_lose")
    assert back.name != left.name
    assert came_back in back.description
    assert came_back not in left.description
    assert "cannot_lose" not in playbook.segmentations["clv_segments"]
    assert "reactivated" not in playbook.segmentations["value_groups"]


def test_spanish_names_are_those_of_the_definitions():
    playbook = Playbook.load("es")
    assert list(playbook.names("families", FAMILIES).values()) == [
        "Prospectos", "Devolvieron todo", "Primerizos", "Recurrentes", "Leales",
    ]  # fmt: skip
    assert list(playbook.names("value_groups", CONTRACT["value_groups"][:-2]).values()) == [
        "Campeones", "Clientes fieles", "Potenciales fieles", "Nuevos", "Prometedores",
        "Requieren atención", "A punto de dormir", "En riesgo", "No se pueden perder",
        "Hibernando",
    ]  # fmt: skip


@pytest.mark.parametrize("segmentation", LIFECYCLE_NAMES)
def test_the_lifecycle_speaks_the_spanish_of_the_definitions(segmentation):
    names = Playbook.load("es").names(segmentation, CONTRACT[segmentation])
    assert list(names.values()) == LIFECYCLE_NAMES[segmentation]


@pytest.mark.parametrize("segmentation", LIFECYCLE_NAMES)
def test_every_segment_of_the_lifecycle_has_an_entry_of_its_own(shipped, segmentation):
    assert set(shipped.segmentations[segmentation]) == set(CONTRACT[segmentation])


@pytest.mark.parametrize(("micro", "view"), VIEWED.items())
def test_a_micro_segment_is_advised_as_in_the_view_that_it_comes_from(shipped, micro, view):
    assert advice(shipped.entry("micro_segments", micro)) == advice(shipped.entry(*view))


@pytest.mark.parametrize("stage", ["prospect", "returned_all", "returned", "active"])
def test_a_micro_segment_that_is_a_whole_stage_is_advised_as_the_stage(shipped, stage):
    assert shipped.entry("micro_segments", stage) == shipped.entry("lifecycle", stage)


@pytest.mark.parametrize("key", CARTS)
def test_an_abandoned_cart_is_followed_alike_in_every_stage_but_described_by_it(shipped, key):
    general, own = shipped.entry("cart", "abandoned"), shipped.entry("micro_segments", key)
    where_the_stage_matters = {"name", "description", "discount_note"}
    assert own.model_dump(exclude=where_the_stage_matters) == general.model_dump(
        exclude=where_the_stage_matters
    )
    described = [shipped.entry("micro_segments", other).description for other in CARTS]
    assert described.count(own.description) == 1


@pytest.mark.parametrize(
    ("language", "shipping", "discount"), [("es", "envío", "descuento"), ("en", "shipping", "disc")]
)
@pytest.mark.parametrize(
    ("segmentation", "key"),
    [("cart", "abandoned"), *[("micro_segments", key) for key in CARTS]],
)
def test_a_cart_is_offered_shipping_before_a_discount(
    language, shipping, discount, segmentation, key
):
    entry = Playbook.load(language).entry(segmentation, key)
    assert entry.discount == "last_resort"
    assert 0 <= entry.discount_note.find(shipping) < entry.discount_note.find(discount)
    assert any(shipping in strategy for strategy in entry.strategies)


def test_a_cart_is_followed_after_1_24_and_72_hours(shipped):
    entry = shipped.entry("cart", "abandoned")
    assert all(hours in entry.contact_frequency for hours in ("24", "72"))
    assert "24" in entry.strategies[1]
    assert "72" in entry.strategies[2]


@pytest.mark.parametrize(
    ("segmentation", "key"),
    [
        ("new_potential", "high_potential"),
        ("micro_segments", "new_high_potential"),
        ("returns", "frequent"),
        ("returns", "none"),
        ("micro_segments", "active_frequent_returns"),
        ("order_size", "large"),
        ("micro_segments", "active_large_order"),
        ("lifecycle", "returned"),
        ("micro_segments", "returned"),
    ],
)
def test_whom_a_discount_would_spoil_is_never_offered_one(shipped, segmentation, key):
    assert shipped.entry(segmentation, key).discount == "never"


def test_a_small_order_earns_its_benefit_above_a_minimum(shipped):
    assert shipped.entry("order_size", "small").discount == "threshold"


@pytest.mark.parametrize("key", CONTRACT["registration"])
def test_a_prospect_is_offered_a_discount_on_the_first_order_only(shipped, key):
    assert shipped.entry("registration", key).discount == "first_order"
    assert shipped.entry("lifecycle", "prospect").discount == "first_order"


@pytest.mark.parametrize(("language", "potential"), [("es", "potencial"), ("en", "potential")])
@pytest.mark.parametrize(
    ("segmentation", "key"), [("lifecycle", "new"), ("micro_segments", "new_cart_abandoned")]
)
def test_where_high_potential_is_mixed_with_others_the_rule_excepts_it(
    language, potential, segmentation, key
):
    assert potential in Playbook.load(language).entry(segmentation, key).discount_note


def test_the_best_customers_are_never_offered_a_discount(shipped):
    assert shipped.cell("555").discount == "never"
    assert shipped.entry("value_groups", "champions").discount == "never"
    assert shipped.entry("clusters", "champions").discount == "never"
    assert shipped.entry("clv_segments", "champions").discount == "never"
    assert shipped.entry("sub_segments", "loyal_r5").discount == "never"


def test_who_came_back_is_offered_no_discount(shipped):
    assert shipped.entry("clv_segments", "reactivated").discount == "never"


@pytest.mark.parametrize(
    ("segmentation", "key"),
    [
        ("families", "loyal"),
        ("clusters", "loyal"),
        *[("clv_segments", key) for key in ("at_risk", "loyal", "promising", "occasional")],
        ("lifecycle", "active"),
        ("lifecycle", "churned"),
        ("returns", "some"),
        ("order_size", "small"),
        ("churn_speed", "late"),
        ("cart", "abandoned"),
        *[
            ("micro_segments", f"{stage}_cart_abandoned")
            for stage in ("churned", "returned", "active")
        ],
        *[("micro_segments", key) for key in ("churned_late", "active", "active_small_order")],
    ],
)
def test_where_555_is_mixed_with_others_the_rule_excepts_it(shipped, segmentation, key):
    assert "555" in shipped.entry(segmentation, key).discount_note


def test_a_large_purchase_long_ago_is_not_reactivated_with_a_bare_discount(shipped):
    assert shipped.cell("115").discount == "last_resort"


def test_policies_are_ordered_from_the_strictest_to_the_freest():
    assert POLICIES_BY_STRICTNESS == (
        "never", "points", "threshold", "first_order", "last_resort", "allowed",
    )  # fmt: skip
    assert set(POLICIES_BY_STRICTNESS) == set(get_args(Policy))


@pytest.mark.parametrize(("stricter", "freer"), [*combinations(POLICIES_BY_STRICTNESS, 2)])
def test_of_two_policies_the_stricter_binds_in_either_order(stricter, freer):
    assert strictest([stricter, freer]) == strictest([freer, stricter]) == stricter


def test_a_single_policy_binds_and_repeats_change_nothing():
    assert strictest(["allowed"]) == strictest(iter(["allowed", "allowed"])) == "allowed"


def test_no_policy_or_an_unknown_one_is_an_error_that_says_so():
    with pytest.raises(RuleError, match="no discount policy to choose from"):
        strictest([])
    with pytest.raises(RuleError, match="policy: 'nevr'. Fix: did you mean 'never'?"):
        strictest(["allowed", "nevr"])


def test_a_cell_without_special_advice_has_none(shipped):
    assert shipped.cell("333") is None


def test_sub_segments_differ_in_advice_by_family_and_by_recency(shipped):
    entries = [shipped.entry("sub_segments", key) for key in CONTRACT["sub_segments"]]
    for one, other in pairwise(entries):
        assert advice(one) != advice(other)
    assert len({tuple(entry.strategies) for entry in entries}) == 17


@pytest.mark.parametrize(
    "key", [k for k in CONTRACT["sub_segments"] if "_r" in k and k[-1].isdigit()]
)
def test_a_sub_segment_names_its_recency_score(shipped, key):
    assert shipped.name("sub_segments", key).endswith(f"(R{key[-1]})")


def test_a_key_has_the_name_of_its_segmentation():
    playbook = Playbook.load("es")
    names = [playbook.name(s, "loyal") for s in ("families", "value_groups", "clusters")]
    assert names == ["Leales", "Clientes fieles", "Clientes leales"]


def test_a_partial_entry_keeps_the_general_fields():
    playbook = Playbook.load("en")
    general = playbook.segments["loyal"].entry(None)
    assert playbook.entry("clusters", "loyal").kpi == general.kpi


def test_a_playbook_survives_pickling():
    playbook = Playbook.load("en")
    assert pickle.loads(pickle.dumps(playbook)) == playbook


@pytest.mark.parametrize(
    ("segmentation", "key", "said"),
    [
        (
            "clusters",
            "champion",
            ["'champion'", "'clusters'", "en.yaml", "did you mean 'champions'"],
        ),
        ("cluster", "lost", ["unknown segmentation 'cluster'", "en.yaml", "'clusters'"]),
    ],
)
def test_a_segment_without_an_entry_is_an_error_that_names_it(segmentation, key, said):
    with pytest.raises(RuleError) as caught:
        Playbook.load("en").entry(segmentation, key)
    assert all(words in str(caught.value) for words in said)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("language", ["pt", "ES", "../es", ""])
def test_a_language_that_is_not_shipped_is_an_error(language):
    with pytest.raises(RuleError, match="no playbook in language"):
        Playbook.load(language)


def test_a_clients_file_replaces_only_what_it_gives(own):
    path = own("segments:\n  lost:\n    name: Gone\n    channels: [Fax]\n")
    entry = Playbook.load("en", path).entry("clusters", "lost")
    shipped = Playbook.load("en").entry("clusters", "lost")
    assert entry == shipped.model_copy(update={"name": "Gone", "channels": ["Fax"]})


def test_a_clients_file_reaches_labels_discounts_cells_and_one_segmentation(own):
    path = own(
        "language: en\n"
        "document: {kpi: Watch this}\n"
        "discounts: {never: {name: No way}}\n"
        "segmentations: {clusters: {new: {name: Fresh}}}\n"
        "cells: {'555': {kpi: Visits}}\n"
    )
    playbook = Playbook.load("en", path)
    assert playbook.document.kpi == "Watch this"
    assert playbook.discounts["never"].name == "No way"
    assert playbook.name("clusters", "new") == "Fresh"
    assert playbook.name("value_groups", "new") == "New Customers"
    assert playbook.cell("555").kpi == "Visits"


def test_a_clients_general_entry_reaches_the_segmentations_that_share_it(own):
    playbook = Playbook.load("en", own("segments: {loyal: {kpi: Smiles}}"))
    assert {playbook.entry(s, "loyal").kpi for s in ("families", "value_groups", "clusters")} == {
        "Smiles"
    }


def test_a_client_can_add_a_segment_with_a_full_entry(own):
    assert Playbook.load("en", own("segments:" + VIP)).name("value_groups", "vip") == "VIP"


def test_a_clients_list_of_mistakes_takes_the_place_of_the_shipped_one(own):
    playbook = Playbook.load("en", own("segments: {loyal: {avoid: [Do not sing.]}}"))
    assert playbook.entry("value_groups", "loyal").avoid == ["Do not sing."]


def test_a_clients_channel_names_are_added_to_the_shipped_ones(own):
    path = own("channels: {email: [Newsletter, Email], call: [Video call]}")
    playbook = Playbook.load("en", path)
    assert [playbook.channel_key(name) for name in ("newsletter", "Email", "Video call")] == [
        "email", "email", "call",
    ]  # fmt: skip
    assert playbook.channel_key("Phone call") == "call"
    assert playbook.channels["ads"] == Playbook.load("en").channels["ads"]


def test_a_clients_own_channel_that_no_list_holds_has_no_key(own):
    playbook = Playbook.load("en", own("segments: {lost: {channels: [Fax]}}"))
    assert [playbook.channel_key(name) for name in playbook.segments["lost"].channels] == [None]


@pytest.mark.parametrize("policy", [p for p in POLICIES_BY_STRICTNESS if p != "never"])
def test_a_clients_file_cannot_offer_555_a_discount(own, policy):
    path = own(f"cells: {{'555': {{discount: {policy}}}}}")
    with pytest.raises(RuleError) as caught:
        Playbook.load("en", path)
    assert str(caught.value) == (
        f"{path}: cells.555.discount: cell 555 cannot have this discount policy: '{policy}'. "
        "Fix: write 'never', or take the line out"
    )


@pytest.mark.parametrize("policy", [p for p in POLICIES_BY_STRICTNESS if p != "allowed"])
def test_115_may_have_any_policy_but_a_bare_discount(own, policy):
    playbook = Playbook.load("es", own(f"cells: {{'115': {{discount: {policy}}}}}"))
    assert playbook.cell("115").discount == policy


def test_two_segments_of_a_segmentation_cannot_share_a_name(own):
    playbook = Playbook.load("en", own("segments: {lost: {name: Champions}}"))
    with pytest.raises(RuleError, match="several segments of 'clusters' are named 'Champions'"):
        playbook.names("clusters", ["champions", "lost"])


@pytest.mark.parametrize(
    ("text", "where", "problem", "fix"),
    [
        ("segment: {}", "segment", "unknown key", "did you mean 'segments'?"),
        ("segments: {lost: {chanels: [Fax]}}", "segments.lost.chanels", "unknown key",
         "did you mean 'channels'?"),
        ("document: {titel: X}", "document.titel", "unknown key", "did you mean 'title'?"),
        ("discounts: {never: {nam: X}}", "discounts.never.nam", "unknown key",
         "did you mean 'name'?"),
        ("segments: {champion: {kpi: X}}", "segments.champion", "lacks name, description",
         "did you mean 'champions'?"),
        ("segmentations: {clusters: {lots: {kpi: X}}}", "segmentations.clusters.lots",
         "must be complete", "write the rest"),
        ("segmentations: {cluster: {lost: {kpi: X}}}", "segmentations",
         "unknown segmentation 'cluster'", "did you mean 'clusters'?"),
        ("cells: {'511': {kpi: X}}", "cells.511", "must be complete", "Valid names: 555, 115"),
        ("cells: {5555: {kpi: X}}", "cells.5555", "should be a valid string", "in quotes"),
        ("cells: {'5x5': {kpi: X}}", "cells.5x5", "should match pattern", "such as '555'"),
        ("segments: {lost: {name: 2024}}", "segments.lost.name", "should be a valid string: 2024",
         "in quotes"),
        ("segments: {lost: {name: }}", "segments.lost.name", "should be a valid string: None",
         "in quotes"),
        ("segments: {lost: {name: '  '}}", "segments.lost.name", "at least 1 character", ""),
        ("segments: {lost: {channels: Fax}}", "segments.lost.channels", "valid list: 'Fax'", ""),
        ("segments: {lost: {strategies: [One.]}}", "segments.lost.strategies", "at least 3", ""),
        ("segments: {lost: {discount: nevr}}", "segments.lost.discount", "'nevr'",
         "did you mean 'never'?"),
        ("segments: {lost: {avoid: []}}", "segments.lost.avoid", "at least 1 item", ""),
        ("segments: {lost: {avoid: [A., B., C., D.]}}", "segments.lost.avoid", "at most 3", ""),
        ("channels: {emial: [Letter]}", "channels.emial", "'emial'", "did you mean 'email'?"),
        ("channels: {email: []}", "channels.email", "at least 1 item", ""),
        ("channels: {email: Fax}", "channels.email", "valid list: 'Fax'", ""),
        ("channels: {email: [7]}", "channels.email.0", "valid string: 7", "in quotes"),
        ("channels: {sms: [' direct  MAIL']}", "channels",
         "'sms' and 'mail' have the same name: ' direct  MAIL', 'Direct mail'", "one of them"),
        ("channels: {call: [Fax], mail: [fax]}", "channels",
         "'call' and 'mail' have the same name: 'Fax', 'fax'", "one of them"),
        ("cells: {'115': {discount: allowed}}", "cells.115.discount",
         "cell 115 cannot have this discount policy: 'allowed'", "or 'last_resort', or take"),
        ("discounts: {nevr: {name: X}}", "discounts.nevr", "'nevr'", "did you mean 'never'?"),
        ("segments: {lost: }", "segments.lost", "should be a mapping: None", ""),
        ("segments: [lost]", "segments", "should be a mapping", ""),
        ("segments: {\"lo\\nst\": {kpi: 1}}", "segments.lo st.kpi", "valid string: 1", "in quotes"),
        ("language: es", "language", "written in 'es', but the report is in 'en'", "give the file"),
    ],
)  # fmt: skip
def test_a_wrong_clients_file_is_a_one_line_error_naming_file_key_and_fix(
    own, text, where, problem, fix
):
    path = own(text)
    with pytest.raises(RuleError) as caught:
        Playbook.load("en", path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {where}: ")
    assert problem in message
    assert fix in message.partition(". Fix: ")[2]
    assert "\n" not in message


@pytest.mark.parametrize("text", ["segments: {lost: {}, lost: {}}", "", "segments: {"])
def test_a_clients_file_that_yaml_would_bend_is_an_error(own, text):
    path = own(text)
    with pytest.raises(SegkitError, match="acme.yaml"):
        Playbook.load("en", path)


# Conditions ---------------------------------------------------------------------------------


def conditions_of(entry):
    """Return the conditions of an entry by field, as far as choices stand there."""
    fields = {name: value if isinstance(value, list) else [value] for name, value in entry}
    return {
        name: [one.conditions for one in values if isinstance(one, Choice)]
        for name, values in fields.items()
    }


def test_both_languages_ask_the_same_of_a_segment():
    es, en = Playbook.load("es"), Playbook.load("en")
    for segmentation, keys in CONTRACT.items():
        for key in keys:
            one, other = es.template(segmentation, key), en.template(segmentation, key)
            assert conditions_of(one) == conditions_of(other), (segmentation, key)


@pytest.mark.parametrize("segmentation", CONTRACT)
def test_an_entry_is_whole_whatever_the_figures(shipped, segmentation):
    facts = [{}, {"churned_share": 0.0}, {"churned_share": 1.0}, {"discount_share": 0.5}]
    for key in CONTRACT[segmentation]:
        for known in facts:
            entry = shipped.entry(segmentation, key, known)
            assert 3 <= len(entry.strategies) <= 5
            assert 1 <= len(entry.avoid) <= 3


def test_a_clients_sentence_may_have_a_condition(own):
    path = own(
        "segments:\n"
        "  champions:\n"
        "    kpi: {when: {discount_share: '< 0.3'}, then: Full-price share, else: Discount share}\n"
        "    strategies:\n"
        "      - Call them.\n"
        "      - Write to them.\n"
        "      - Thank them.\n"
        "      - {when: {return_rate: '>= 0.1'}, then: Ask what they send back.}\n"
    )
    playbook = Playbook.load("en", path)
    calm = playbook.entry("value_groups", "champions", {"discount_share": 0.1, "return_rate": 0.0})
    sent = playbook.entry("value_groups", "champions", {"discount_share": 0.5, "return_rate": 0.2})
    assert (calm.kpi, sent.kpi) == ("Full-price share", "Discount share")
    assert calm.strategies == ["Call them.", "Write to them.", "Thank them."]
    assert sent.strategies[-1] == "Ask what they send back."


def test_a_clients_entry_may_have_a_condition_of_its_own(own):
    path = own(
        "segments:\n"
        "  loyal:\n"
        "    discount: points\n"
        "    discount_note: Double points in May.\n"
        "    when: stays\n"
        "    else:\n"
        "      discount: last_resort\n"
        "      discount_note: Ask first.\n"
    )
    playbook = Playbook.load("en", path)
    here = playbook.entry(
        "value_groups", "loyal", {"churned_share": 0.1, "median_recency_days": 20.0}
    )
    gone = playbook.entry("value_groups", "loyal", {"churned_share": 0.9})
    assert (here.discount, here.discount_note) == ("points", "Double points in May.")
    assert (gone.discount, gone.discount_note) == ("last_resort", "Ask first.")


def test_a_clients_plain_text_holds_whatever_the_figures(own):
    playbook = Playbook.load("en", own("segments: {loyal: {kpi: Smiles}}"))
    for facts in (None, {}, {"churned_share": 0.9}):
        assert playbook.entry("value_groups", "loyal", facts).kpi == "Smiles"


def test_a_condition_with_a_name_can_be_the_clients_own(own):
    path = own(
        "conditions: {big: {aov_ratio: '>= 3'}}\n"
        "segments: {lost: {kpi: {when: big, then: Large orders, else: Orders}}}\n"
    )
    playbook = Playbook.load("en", path)
    said = [playbook.entry("clusters", "lost", {"aov_ratio": ratio}).kpi for ratio in (4.0, 2.0)]
    assert said == ["Large orders", "Orders"]


@pytest.mark.parametrize(
    ("text", "where", "problem", "fix"),
    [
        ("segments: {lost: {kpi: {when: {churn_share: '< 1'}, then: A, else: B}}}",
         "segments.lost.kpi.when", "unknown figure: 'churn_share'", "did you mean"),
        ("segments: {lost: {kpi: {when: {churned_share: low}, then: A, else: B}}}",
         "segments.lost.kpi.when", "is no comparison of churned_share: 'low'", "write it like"),
        ("segments: {lost: {kpi: {when: gone, then: A, else: B}}}",
         "segments.lost.kpi.when", "unknown condition: 'gone'", "use one of the valid names"),
        ("segments: {lost: {kpi: {when: left, then: A}}}",
         "segments.lost.kpi", "lacks 'else', and may not be missing", "where no condition holds"),
        ("segments: {lost: {kpi: {when: left, then: A, else: 7}}}",
         "segments.lost.kpi", "should be a valid string: 7", ""),
        ("segments: {lost: {discount: {when: left, then: never, else: nevr}}}",
         "segments.lost.discount", "'nevr'", ""),
        ("segments: {lost: {strategies: [A., B., {when: left, then: C.}]}}",
         "segments.lost.strategies", "where conditions fail, 2 are left, and 3 are needed", "'else'"),
        ("segments: {lost: {strategies: [A., B., {when: left, then: C., else: 7}]}}",
         "segments.lost.strategies.2", "is no text: 7", "in quotes"),
        ("segments: {lost: {kpi: A, when: left}}", "segments.lost", "need each other", "else:"),
        ("segments: {lost: {kpi: A, when: left, else: {kip: B}}}", "segments.lost.else.kip",
         "the entry does not have", "did you mean 'kpi'?"),
        ("segments: {lost: {name: A, when: left, else: {name: B}}}", "segments.lost.else.name",
         "what may not differ", ""),
        ("segments: {lost: {kpi: {when: left, then: A, else: B}, when: stays, else: {kpi: C}}}",
         "segments.lost.kpi", "a condition of its own besides the entry's", "take the condition"),
        ("segments: {lost: {name: {when: left, then: A, else: B}}}", "segments.lost.name",
         "should be a valid string", ""),
        ("conditions: [left]", "conditions", "is no mapping", "churned_share"),
        ("conditions: {big: {aov_ratio: 3}}", "conditions.big", "is no comparison of aov_ratio: 3",
         "write it like"),
        ("cells: {'555': {discount: {when: left, then: never, else: points}}}",
         "cells.555.discount", "cell 555 cannot have this discount policy: 'points'", "'never'"),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_a_one_line_error_naming_file_key_and_fix(
    own, text, where, problem, fix
):
    path = own(text)
    with pytest.raises(RuleError) as caught:
        Playbook.load("en", path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {where}")
    assert problem in message
    assert fix in message.partition(". Fix: ")[2]
    assert "\n" not in message
