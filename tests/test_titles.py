"""What the title of a picture says is true of any client, or is not said."""

from __future__ import annotations

import pandas as pd
import pytest

from segkit.analysis import best_tested, largest, moved, year_on_year
from segkit.words.format import Formats
from segkit.words.texts import FINDING, Texts


def months(count: int, start: str = "2022-03-01") -> pd.DataFrame:
    days = pd.date_range(start, periods=count, freq="MS")
    return pd.DataFrame({"month": days, "revenue": range(1, count + 1), "complete": True})


def test_a_year_is_the_last_twelve_months_and_the_year_before_the_twelve_before():
    found = year_on_year(months(30))
    assert found == {"year": sum(range(19, 31)), "year_before": sum(range(7, 19))}


def test_months_observed_in_part_at_either_end_belong_to_neither_year():
    table = months(26).assign(complete=[False, *[True] * 24, False])
    assert year_on_year(table) == {"year": sum(range(14, 26)), "year_before": sum(range(2, 14))}


@pytest.mark.parametrize(
    "table",
    [months(0), months(23), months(24).assign(complete=[False, *[True] * 23])],
    ids=["none", "too few", "the first in part"],
)
def test_a_log_without_two_whole_years_compares_none(table):
    assert year_on_year(table) == {}


def test_a_month_in_which_nothing_was_sold_counts_as_nothing():
    table = months(24).drop(index=5)
    assert year_on_year(table)["year_before"] == sum(range(1, 13)) - 6


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
