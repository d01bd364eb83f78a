"""A study's advice is the playbook's, checked against the figures of its segments."""

import pandas as pd
import pytest
from made_logs import params_of, write_rows

from segkit.analysis.segment_facts import FACTS
from segkit.study.study import Study

AS_OF = "2024-07-01"
FIXED = {
    "gaps": {"usual_days": 30, "churn_days": 200},
    "lifecycle": {"new_days": 60, "second_days": 45},
}


def bought(who, *days):
    end = pd.Timestamp(AS_OF)
    return [
        (who, (end - pd.Timedelta(days=day)).date().isoformat(), f"{who}{day}", 1, 20.0)
        for day in days
    ]


ROWS = [
    row
    for n in range(6)
    for row in (*bought(f"here{n}", 5 + n, 35, 65), *bought(f"gone{n}", 300 + n), )
]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("advice")
    write_rows(folder / "orders.csv", ROWS)
    given = {
        "clv": {"model": "bg_nbd", "resamples": 0},
        "clusters": {"k_range": [2, 3], "n_init": 1},
    }
    return Study(params_of(language="en", as_of=AS_OF, **FIXED, **given), root=folder)


def test_facts_are_those_of_each_segment(study):
    facts = study.advice.facts("lifecycle")
    assert list(facts.columns) == list(FACTS)
    assert facts.loc["churned", "churned_share"] == 1
    assert facts.loc["active", ["churned_share", "late_share"]].tolist() == [0, 0]
    assert facts["customers"].sum() == 12


@pytest.mark.parametrize("segmentation", ["families", "value_groups", "clusters", "cells"])
def test_facts_of_every_segmentation_add_up_to_its_customers(study, segmentation):
    assert study.advice.facts(segmentation)["customers"].sum() == 12


def test_what_is_advised_depends_on_the_figures(study):
    once = study.advice.of("families", "beginners")
    assert once.description == "Customers with a single order, whether recent or old."
    assert "30 days" not in " ".join(once.strategies)
    assert once != study.playbook.entry("families", "beginners")


def test_who_returned_everything_is_no_customer_and_still_gets_advice(tmp_path):
    write_rows(tmp_path / "orders.csv", [("ana", "2024-06-01", "o1", -1, -20.0)])
    nobody = Study(params_of(language="en", as_of=AS_OF, **FIXED), root=tmp_path)
    assert nobody.advice.facts("cells").empty
    assert set(nobody.advice.of_cells) == {"555", "115"}
    assert nobody.advice.of("families", "returned_all").description.startswith("They keep no order")


def test_of_a_segment_without_customers_only_what_needs_no_figure_is_said(study):
    assert "full price" not in study.advice.of("value_groups", "champions").discount_note


def test_cells_without_customers_have_their_discount_rule(study):
    assert study.advice.of_cells["555"].discount == "never"
