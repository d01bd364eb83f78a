"""How the figures were made, for a reader who asks: one paragraph a method, with its settings."""

from __future__ import annotations

from collections.abc import Mapping

from segkit.report.page.chapter import Chapter
from segkit.study.study import Study


def method(study: Study, chapter: Chapter) -> list[tuple[str, str]]:
    """Return the title and the text of each method that a report rests on; plain text.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        In whose language and formats it is said.
    """
    texts, formats = chapter.texts, chapter.formats
    return [
        (
            texts.text(f"method.{key}.title"),
            texts.fill(f"method.{key}.text", formats, **fields),
        )
        for key, fields in _methods(study, chapter).items()
        if fields is not None
    ]


def _methods(study: Study, chapter: Chapter) -> dict[str, Mapping[str, object] | None]:
    return {
        "data": _data(study),
        "rfm": {"scores": study.params.rfm.scores},
        "clusters": _clusters(study),
        "value": _value(study, chapter),
        "lifecycle": _gaps(study),
        "evidence": study.evidence.terms if study.evidence.ready else None,
        "uncertainty": {},
    }


def in_short(study: Study, chapter: Chapter) -> list[str]:
    """Return what a reader of the document must know of the methods: a sentence each.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        In whose language and formats it is said.
    """
    path = "method.{}.short".format
    found = {key: fields for key, fields in _methods(study, chapter).items() if fields is not None}
    return [
        chapter.texts.fill(path(key), chapter.formats, **fields)
        for key, fields in found.items()
        if path(key) in chapter.texts
    ]


def _data(study: Study) -> dict[str, object]:
    quality = study.quality[study.quality["source"] == "orders"].set_index("rule")["lines"]
    return {key: quality.get(key, 0) for key in ("read", "kept", "rejected")} | {
        "first": study.first_day,
        "last": study.last_day,
    }


def _clusters(study: Study) -> dict[str, object] | None:
    clusters = study.clusters
    if len(clusters.segments_) < 2 or study.params.clusters.k:
        return None
    return {
        "clusters": len(clusters.segments_),
        "silhouette": clusters.silhouette_,
        "stability": clusters.stability_,
    }


def _value(study: Study, chapter: Chapter) -> dict[str, object] | None:
    if not study.forecast.ready:
        return None
    total = study.forecast.total
    terms = {"months": total["months"], "rate": total["rate"]}
    return terms | {"model": chapter.texts.label(study.forecast.value.model)}


def _gaps(study: Study) -> dict[str, object] | None:
    usual, churn = study.gaps["usual_days"], study.gaps["churn_days"]
    return {"usual": usual, "churn": churn} if usual and churn else None
