"""What each chapter comes to, in one sentence with its numbers: chapters and sections begin with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from segkit.report.page.chapter import Chapter
from segkit.study.study import Study

Conclusion = tuple[str, str | None, dict[str, Any]]
"""Key of a sentence, the segmentation whose labels it takes, and its fields."""

SAME = 0.005  # a smaller change of revenue is none


def conclusion(study: Study, chapter: Chapter) -> str:
    """Return the sentence that a chapter comes to; plain text, **not** escaped.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        Its key tells which chapter, or section of the document; of one that is not the kit's, there
        is none.

    Returns
    -------
    str
        Empty where there is nothing to say: a base without buyers, a chapter of the analyst's own.
    """
    conclude = CONCLUSIONS.get(chapter.key)
    if conclude is None or study.buyers.empty:
        return ""
    key, segmentation, fields = conclude(study)
    return str(chapter.say(key, segmentation, **fields)) if key else ""


def _explore(study: Study) -> Conclusion:
    now, before = study.headline, study.headline_before
    shares = study.audit.concentration.set_index("top_share")["revenue_share"]
    fields: dict[str, Any] = {
        "buyers": now["buyers"],
        "revenue": now["revenue"],
        "top20": shares.loc[0.2],
    }
    if not before or not before["revenue"] > 0:
        return "conclusion_explore_alone", None, fields
    change = now["revenue"] / before["revenue"] - 1
    how = "same" if abs(change) < SAME else "up" if change > 0 else "down"
    return f"conclusion_explore_{how}", None, fields | {"change": abs(change)}


def _rfm(study: Study) -> Conclusion:
    return _largest(study, "value_groups", "rfm")


def _clusters(study: Study) -> Conclusion:
    groups = len(study.clusters.segments_)
    key, which, fields = _largest(study, "clusters", "clusters")
    return key, which, fields | {"groups": groups}


def _clv(study: Study) -> Conclusion:
    forecast = study.forecast
    if not forecast.ready:
        return "conclusion_clv_none", None, {"customers": len(study.buyers)}
    segments = forecast.segments[forecast.segments["segment"] != "total"]
    of_profit = forecast.value.worth == "profit"
    key, measure = (
        ("conclusion_clv_profit", "clv_total") if of_profit else ("conclusion_clv", "clv_share")
    )
    best = segments.nlargest(1, measure).iloc[0]
    names = ["segment", measure, "customers_share"]
    return key, "clv_segments", {**forecast.total, **best[names]}


def _lifecycle(study: Study) -> Conclusion:
    stages = study.kpis("lifecycle").set_index("segment")
    counts = stages["customers"].reindex(["active", "new", "returned", "churned"], fill_value=0)
    fields: dict[str, Any] = {"new": counts["new"], "buyers": counts.sum()}
    if (churn := study.gaps["churn_days"]) is None:
        return "conclusion_lifecycle_open", None, fields
    fields |= {"churned": counts["churned"], "churn": churn}
    return (
        "conclusion_lifecycle",
        None,
        fields | {"churned_share": counts["churned"] / counts.sum()},
    )


def _segments(study: Study) -> Conclusion:
    hindsight = study.evidence
    if not hindsight.ready:
        return _largest(study, study.params.report.segmentation, "segments")
    best = hindsight.best_segmentation
    fields: dict[str, Any] = {"best": best["ranking"], "top20": best["top20"], "gini": best["gini"]}
    fields |= {"low": best["gini_low"], "high": best["gini_high"]} | hindsight.terms
    found = "tested" if best["gini_low"] > 0 else "chance"
    return f"conclusion_segments_{found}", None, fields


def _recommendations(study: Study) -> Conclusion:
    top = study.insights.top()
    if top.empty:
        return "conclusion_recommendations_none", None, {"min_cell": study.params.report.min_cell}
    fields = {"actions": len(top), "value": top["expected_value"].sum()}
    return "conclusion_recommendations", None, fields


def _leading(study: Study) -> Conclusion:
    return _largest(study, study.params.report.segmentation, "leading")


def _trust(study: Study) -> Conclusion:
    """Say how near past forecasts came; without any, how well segments told; or why nothing is known."""
    for key, fields in [*study.evidence.said, *study.evidence.why_not][:1]:
        return key, None, dict(fields)
    return _segments(study)


def _largest(study: Study, segmentation: str, key: str) -> Conclusion:
    """Say which segment brings most of the period's revenue."""
    kpis = study.kpis(segmentation)
    named: pd.DataFrame = kpis[(kpis["segment"] != "total") & (kpis["revenue"] > 0)]
    if named.empty:
        return "conclusion_no_revenue", None, {"customers": len(study.buyers)}
    best = named.nlargest(1, "revenue").iloc[0]
    names = ["segment", "customers", "customers_share", "revenue", "revenue_share"]
    return f"conclusion_{key}", segmentation, {**best[names], "about": segmentation}


CONCLUSIONS: dict[str, Callable[[Study], Conclusion]] = {
    "explore": _explore,
    "rfm": _rfm,
    "clusters": _clusters,
    "clv": _clv,
    "lifecycle": _lifecycle,
    "segments": _segments,
    "recommendations": _recommendations,
    "who": _explore,
    "leading": _leading,
    "expect": _clv,
    "act": _recommendations,
    "trust": _trust,
}
