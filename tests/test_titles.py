"""What the title of a picture says is true of any client, or is not said."""

from __future__ import annotations

import pandas as pd
import pytest

from segkit.analysis import best_tested, largest, moved
from segkit.words.format import Formats
from segkit.words.texts import FINDING, Texts


def test_the_largest_segment_is_one_that_brought_revenue_and_never_the_total():
    table = pd.DataFrame(
        {
            "segment": ["prospects", "a", "b", "total"],
            "customers_share": [0.5, 0.1, 0.4, 1.0],
            "revenue_share": [0.0, 0.7, 0.3, 1.0],
        }
    )
    assert largest(table)["segment"] == "b"
    assert (
        largest(table.assign(revenue_share=0.0)) == largest(table.assign(revenue_share=None)) == {}
    )


def test_who_came_or_went_did_not_change_segment():
    flows = pd.DataFrame(
        {
            "segment_before": ["a", "a", "newcomer", "b", "outside"],
            "segment_after": ["a", "b", "b", "gone", "a"],
            "customers": [5, 3, 7, 2, 9],
        }
    )
    assert moved(flows) == {"moved": 3, "customers": 8}
    assert moved(flows[2:]) == {}


def test_a_segment_is_best_tested_only_where_somebody_spent():
    table = pd.DataFrame(
        {"segment": ["a", "b"], "revenue_per_customer": [0.0, 0.0], "times_the_base": [None, None]}
    )
    assert best_tested(table) == {}
    spent = table.assign(revenue_per_customer=[1.0, 4.0], times_the_base=[0.4, 1.6])
    assert best_tested(spent) == {"segment": "b", "revenue": 4.0, "times": 1.6}


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_finding_can_be_said_of_none_one_and_many(language):
    texts, formats = Texts(language), Formats(language, "EUR")
    paths = [path for path in texts.paths if path.endswith(f".{FINDING}")]
    values = {"date": pd.Timestamp("2025-01-01"), "month_name": 12, "text": "x", "segment": "x"}
    assert len(paths) >= 10
    for path in paths:
        for amount in (0, 1, 1_234_567_890):
            fields = {
                name: values.get(kind.partition(".")[0], amount)
                for name, kind in texts.fields(path).items()
            }
            said = texts.fill(path, formats, **fields)
            assert said and not said.endswith(".") and len(said) < 160
