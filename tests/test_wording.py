"""Headers and values of tables, said to a reader."""

from __future__ import annotations

import pytest

from segkit.analysis.kpis import NO_CUSTOMER, TOTAL
from segkit.analysis.migration import NO_SEGMENTS
from segkit.params import languages
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts
from segkit.words.wording import AMONG_SEGMENTS, Wording


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("key", [TOTAL, NO_CUSTOMER, *NO_SEGMENTS])
def test_what_analysis_puts_among_segments_is_said_by_the_kit_and_not_by_the_client(language, key):
    texts, formats = Texts(language), Formats(language, "EUR")
    wording = Wording(texts, Columns(language), formats, {key: "Mine", "loyal": "Loyal"})
    assert key in AMONG_SEGMENTS
    assert wording.name(key) == texts.text(f"labels.{key}")
    assert wording.name("loyal") == "Loyal"


def test_a_value_that_is_no_key_is_said_as_it_is():
    wording = Wording(Texts("en"), Columns("en"), Formats("en_US", "USD"), {"loyal": "Loyal"})
    assert wording.name("Some product") == "Some product"
    assert wording.name(3) == 3
