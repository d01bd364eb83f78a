"""The first screen: five figures beside those of the period before, three findings, three actions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING

from segkit.report.page.advice import anchor_of_first
from segkit.report.page.chapter import Chapter, spoken_figures
from segkit.report.page.conclusions import conclusion

if TYPE_CHECKING:
    from segkit.study.study import Study

FIGURES = ("revenue", "orders", "buyers", "aov", "repeat_rate")
TOLD = 3
SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][»”)]))\s+(?=[\"(A-ZÁÉÍÓÚÑ¿¡«“0-9])")
NOT_AN_END = {"vs.", "aprox.", "approx.", "ee.", "uu.", "u.", "sr.", "sra.", "dr.", "mr.", "mrs."}
"""Abbreviations that more may follow."""
FALLBACK = ("explore", "clv", "lifecycle")


@dataclass(frozen=True)
class Figure:
    """A figure of the period; `change` is how it moved, `direction` is up, down or same."""

    label: str
    value: str
    change: str = ""
    direction: str = "same"


@dataclass(frozen=True)
class Action:
    """A thing to do, in short; `anchor` leads to the card that says all."""

    title: str
    sentence: str
    anchor: str


@dataclass(frozen=True)
class Summary:
    """What a reader sees first; all plain text, **not** escaped.

    Parameters
    ----------
    figures : tuple of Figure
    compared : str
        With what the figures are compared, or why with nothing.
    findings : tuple of str
        Sentences.
    actions : tuple of Action
    """

    figures: tuple[Figure, ...]
    compared: str
    findings: tuple[str, ...]
    actions: tuple[Action, ...]


def summary(study: Study) -> Summary:
    """Return the first screen of a study's report."""
    chapter = Chapter(study, "recommendations")
    told = [study.insights.words(chapter, row) for _, row in study.insights.top(TOLD).iterrows()]
    findings = [first_sentence(words["sentence"]) for words in told]
    others = (conclusion(study, Chapter(study, key)) for key in FALLBACK)
    return Summary(
        figures=_figures(study, chapter),
        compared=_compared(study, chapter),
        findings=tuple(islice(chain(findings, filter(None, others)), TOLD)),
        actions=tuple(
            Action(
                words["title"],
                first_sentence(words["action"]),
                anchor_of_first(chapter, place),
            )
            for place, words in enumerate(told, start=1)
        ),
    )


def first_sentence(text: str) -> str:
    """Return a text up to the end of its first sentence.

    Examples
    --------
    >>> first_sentence("They bring 1.234 € (37.6 % of all). Their average is 540.")
    'They bring 1.234 € (37.6 % of all).'
    """
    text = text.strip()
    for end in SENTENCE_END.finditer(text):
        if text[: end.start()].split()[-1].strip("(«“").lower() not in NOT_AN_END:
            return text[: end.start()]
    return text


def _figures(study: Study, chapter: Chapter) -> tuple[Figure, ...]:
    before = study.headline_before
    now = {key: study.headline[key] for key in FIGURES}
    said = spoken_figures(now, chapter.wording())
    kinds = {key: chapter.columns.kind(key) for key in FIGURES}
    changes = [
        change_of(now[key], before.get(key, math.nan), chapter, kinds[key] == "percent")
        for key in FIGURES
    ]
    return tuple(
        Figure(label, value, *change)
        for (label, value), change in zip(said.items(), changes, strict=True)
    )


def change_of(now: float, before: float, chapter: Chapter, is_share: bool) -> tuple[str, str]:
    """Return how a figure moved, in words, and whether up, down or not at all.

    Shares move by percentage points, everything else by percent of what it was.
    """
    moved = change(before, now, is_share=is_share)
    if moved is None or not (math.isfinite(now) and math.isfinite(before)):
        return "", "same"
    said = (
        chapter.texts.fill("page.points", chapter.formats, points=100 * abs(moved))
        if is_share
        else chapter.formats.percent(abs(moved))
    )
    if is_nothing(said):
        return f"± {said}", "same"
    return (f"+{said}", "up") if moved > 0 else (f"−{said}", "down")


def change(before: float | None, after: float | None, *, is_share: bool) -> float | None:
    """Return how a figure moved: a share by its difference, all else relative to what it was.

    Returns
    -------
    float or None
        None where a figure is missing, or there is nothing to relate it to.

    Examples
    --------
    >>> change(50, 75, is_share=False), change(0.25, 0.5, is_share=True), change(0, 1, is_share=False)
    (0.5, 0.25, None)
    """
    if before is None or after is None:
        return None
    if is_share:
        return after - before
    return after / before - 1 if not before <= 0 else None


def is_nothing(written: str) -> bool:
    """Tell whether a written number is rounded to nothing.

    Examples
    --------
    >>> is_nothing("0,0 %"), is_nothing("0,1 %")
    (True, False)
    """
    return not any(digit in written for digit in "123456789")


def _compared(study: Study, chapter: Chapter) -> str:
    if not study.headline_before:
        return chapter.texts.text("page.not_compared")
    start: date = study.audit.earlier_start
    end = study.period_start - timedelta(days=1)
    return chapter.texts.fill("page.compared", chapter.formats, start=start, end=end)
