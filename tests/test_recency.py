"""Recency by the client's rhythm in a study: edges, reasons in words, other scales, real logs."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest

from segkit.errors import RuleError
from segkit.params import check_params, load_params
from segkit.segments import RFM
from segkit.study.study import Study
from segkit.words.format import Formats
from segkit.words.texts import Texts

AS_OF = date(2024, 1, 1)
FORMATS = {"en": Formats("en_US", "USD"), "es": Formats("es_ES", "EUR")}


def steady_rows(repeat: int = 40, once: int = 20, gap: int = 30) -> list[tuple]:
    """Order lines: some buy twice, so many days apart; the others once, a year ago at most."""
    rows = [("first", "2022-01-01", "o-first", 1, 10.0)]
    for place in range(repeat):
        day = date(2022, 6, 1) + timedelta(days=place)
        for turn in (0, 1):
            bought = (day + timedelta(days=gap * turn)).isoformat()
            rows.append((f"r{place:02d}", bought, f"r{place:02d}-{turn}", 1, 10.0 + place))
    for place in range(once):
        day = (AS_OF - timedelta(days=1 + 18 * place)).isoformat()
        rows.append((f"o{place:02d}", day, f"o{place:02d}", 1, 5.0 + place))
    return rows


def cuts_of(rfm: RFM) -> list[float]:
    return rfm.scales_["recency"]["cuts"]


def keys(study: Study) -> list[str]:
    return [key for key, _ in study.segmented.remarks]


def said(study: Study, language: str) -> str:
    texts = Texts(language)
    return "\n".join(
        texts.say(key, FORMATS[language], **fields) for key, fields in study.segmented.remarks
    )


def test_recency_follows_the_rhythm_unless_the_client_says_otherwise(make_study):
    rows, gaps = steady_rows(), {"usual_days": 20, "churn_days": 160}
    assert cuts_of(make_study(rows, as_of=AS_OF, gaps=gaps).rfm) == [20, 40, 80, 160]
    agreed = {"bins": {"recency": [1, 2, 3, 4]}}
    assert cuts_of(make_study(rows, as_of=AS_OF, gaps=gaps, rfm=agreed).rfm) == [1, 2, 3, 4]
    study = make_study(rows, as_of=AS_OF, gaps=gaps, rfm={"recency": "quantile"})
    assert cuts_of(study.rfm) == cuts_of(RFM().fit(study.customers))


@pytest.mark.parametrize(("repeat", "is_measured"), [(29, False), (30, True)])
def test_gaps_of_fewer_than_thirty_repeat_buyers_are_not_scored_by(make_study, repeat, is_measured):
    study = make_study(steady_rows(repeat=repeat), as_of=AS_OF)
    assert study.rhythm.repeat_buyers == repeat
    usual, churn = study.gaps["usual_days"], study.gaps["churn_days"]
    assert usual == 30 and churn >= 30
    if is_measured:
        assert [cuts_of(study.rfm)[0], cuts_of(study.rfm)[-1]] == [usual, churn]
        assert keys(study)[:2] == ["rfm_usual", "rfm_churn"]
    else:
        assert study.rhythm.paces == {}
        assert cuts_of(study.rfm) == cuts_of(RFM().fit(study.customers))
        assert keys(study) == ["rfm_relative_few"]
        assert "29 of 50 buyers have bought again" in said(study, "en")
        assert "Its labels are relative" in said(study, "en")
        assert "Sus etiquetas son relativas" in said(study, "es")


def test_gaps_that_the_parameters_fix_are_scored_by_however_few_have_bought_again(make_study):
    gaps = {"usual_days": 20, "churn_days": 160}
    study = make_study(steady_rows(repeat=2), as_of=AS_OF, gaps=gaps)
    assert cuts_of(study.rfm) == [20, 40, 80, 160]
    assert keys(study)[:2] == ["rfm_usual_fixed", "rfm_churn_fixed"]
    one = make_study(steady_rows(repeat=2), as_of=AS_OF, gaps={"churn_days": 160})
    assert keys(one) == ["rfm_relative_few"]


def test_where_nobody_comes_back_within_the_horizon_labels_are_relative(make_study):
    study = make_study(steady_rows(gap=90), as_of=AS_OF, clv={"horizon_months": 1})
    assert study.rhythm.repeat_buyers == 40 and study.gaps["usual_days"] is None
    assert keys(study) == ["rfm_relative_none"]
    assert "Hardly anyone comes back within one month" in said(study, "en")


def test_the_edges_are_told_in_days_and_in_words(make_study):
    study = make_study(steady_rows(), as_of=AS_OF, gaps={"churn_days": 240})
    assert cuts_of(study.rfm) == [30, 60, 120, 240]
    english, spanish = said(study, "en"), said(study, "es")
    assert "Up to 30 days, recency is 5: half of the customers who come back do so" in english
    assert "each edge is 2.0 times the one before" in english
    assert "La recencia 5 llega hasta 30 días: la mitad de quienes vuelven lo hacen" in spanish
    lost = int((study.customers["recency_days"] > 240).sum())
    assert f"{lost} buyers have been silent for longer than that" in english
    measured = make_study(steady_rows(), as_of=AS_OF)
    assert "vuelve menos del 10" in said(measured, "es")
    agreed = make_study(steady_rows(), as_of=AS_OF, rfm={"bins": {"recency": [1, 2.5, 3, 4]}})
    assert said(agreed, "en").endswith("those agreed in the parameters: 1, 2.5, 3, 4 days.")


def test_a_healthy_base_is_told_that_nobody_is_lost(make_study):
    gaps = {"usual_days": 20, "churn_days": 2000}
    study = make_study(steady_rows(), as_of=AS_OF, gaps=gaps)
    edges = study.rfm.edges().query("measure == 'recency'").set_index("score")
    assert edges.loc[1, ["from", "customers"]].tolist() == [2000, 0]
    assert "Of 61 buyers none has been silent for longer than that: recency 1 is empty." in (
        said(study, "en")
    )


def test_an_earlier_study_is_scored_by_its_own_rhythm_and_later_labels_by_todays(make_study):
    study = make_study(steady_rows(), as_of=AS_OF)
    then = study.at(date(2023, 1, 1))
    assert cuts_of(then.rfm)[0] == then.gaps["usual_days"]
    scores = study.rfm.predict(then.customers)
    days = then.customers["recency_days"]
    assert ((scores["r"] == 5) == (days <= study.gaps["usual_days"])).all()


# Other scales


@pytest.mark.parametrize("scores", [3, 4, 10])
def test_value_groups_of_other_scales_are_read_on_five(make_study, scores):
    study = make_study(steady_rows(), as_of=AS_OF, rfm={"scores": scores})
    on_five = study.rfm.on_five(study.scores)
    groups = study.label("value_groups", study.customers)
    assert groups.tolist() == study.rules.assign(on_five).tolist()
    assert keys(study)[-1] == "rfm_on_five"
    assert f"the {scores} of this base are read on five" in said(study, "en")
    assert set(study.scores["r"]) <= set(range(1, scores + 1))
    families = study.label("families", study.customers)
    assert ((families == "beginners") == (study.customers["orders"] == 1)).all()


def test_the_best_cell_of_three_scores_is_given_no_discount_either(make_study):
    rows = [*steady_rows(), *(("best", "2023-12-30", f"b{day}", 1, 900.0) for day in range(3))]
    study = make_study(rows, as_of=AS_OF, rfm={"scores": 3}, clv={"resamples": 0})
    best = study.customers["customer_id"] == "best"
    assert study.scores.loc[best, "cell"].tolist() == ["333"]
    assert study.segmented.rule_cells[best].tolist() == ["555"]
    assert study.actions.table.loc[best, "discount"].tolist() == ["never"]


def test_a_table_of_ones_own_is_over_the_scores_that_the_client_has(make_study, tmp_path):
    (tmp_path / "groups.yaml").write_text("champions: {r: 6-10}\nhibernating: {r: 1-5}\n")
    rfm = {"scores": 10, "value_groups": "groups.yaml"}
    study = make_study(steady_rows(), as_of=AS_OF, rfm=rfm)
    is_champion = study.label("value_groups", study.customers) == "champions"
    assert (is_champion == (study.scores["r"] >= 6)).all()
    assert keys(study)[-1] == "rfm_own_table"


def test_a_table_for_another_scale_is_refused_with_the_scale_that_is_asked_for(
    make_study, tmp_path
):
    (tmp_path / "groups.yaml").write_text("champions: {r: 3-5}\nhibernating: {r: 1-2}\n")
    for scores, message in {
        10: "cells with no segment: 6-1, 6-2, .*here scores run from 1 to 10",
        3: r"champions: r: is no range within 1\.\.3: '3-5'",
    }.items():
        rfm = {"scores": scores, "value_groups": "groups.yaml"}
        with pytest.raises(RuleError, match=message):
            _ = make_study(steady_rows(), as_of=AS_OF, rfm=rfm).rules


# Real logs: the words of the value groups are true

REAL = {
    "cdnow": None,
    "tienda_demo": None,
    "superstore": "superstore_orders.parquet",
    "online_retail_ii": "online_retail_ii_2009_2010.parquet",
    "taobao": "taobao_userbehavior_head.parquet",
}
HERE = ("champions", "loyal", "potential_loyalists", "new", "promising", "need_attention")
"""Value groups of whom none can be lost."""


@pytest.mark.slow
@pytest.mark.parametrize("client", REAL)
def test_real_value_groups_agree_with_the_lifecycle(client, real_data, tmp_path):
    given = load_params(f"params/{client}.yaml").plain()
    if file := REAL[client]:
        for table in {"orders", "events"} & set(given):
            given[table]["path"] = str(real_data(file))
    study = Study(check_params(given), run_dir=tmp_path)
    stages, groups = (study.label(name, study.customers) for name in ("lifecycle", "value_groups"))
    lost = stages == "churned"
    assert not lost[groups.isin([*HERE, "about_to_sleep"])].any()
    assert lost.sum() == (study.scores["r"] == 1).sum()
    usual, churn = study.gaps["usual_days"], study.gaps["churn_days"]
    days = study.customers["recency_days"]
    assert (days[groups == "about_to_sleep"] > usual).all()
    assert (days[groups.isin(["champions", "new"])] <= usual).all()
    assert (days[groups.isin(["loyal", "about_to_sleep"])] <= churn).all()
    means = pd.Series(days, dtype=float).groupby(groups).mean()
    assert means["hibernating"] > means["about_to_sleep"] > means["champions"]
    study.close()
