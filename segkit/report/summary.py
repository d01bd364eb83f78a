"""What a report's first screen says: figures, three findings, three things to do."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from itertools import chain, islice

import pandas as pd

from segkit.report.advice import anchor_of_first
from segkit.report.conclusions import conclusion
from segkit.report.page.chapter import Chapter
from segkit.report.page.first_screen import Action, Figure, Summary
from segkit.study.study import Study
from segkit.words.changes import change_of

FIGURES = ("revenue", "orders", "buyers", "aov", "repeat_rate")
MONTHLY = {"customers": "buyers"}
"""Columns of the months that are figures by another name."""
TOLD = 3
SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][»”)]))\s+(?=[\"(A-ZÁÉÍÓÚÑ¿¡«“0-9])")
NOT_AN_END = {"vs.", "aprox.", "approx.", "ee.", "uu.", "u.", "sr.", "sra.", "dr.", "mr.", "mrs."}
"""Abbreviations that more may follow."""
UNITS = "u."
FALLBACK = ("explore", "clv", "lifecycle")


def summary(study: Study) -> Summary:
    """Return the first screen of a study's report."""
    chapter = Chapter(study, "recommendations")
    told = [study.insights.words(chapter, row) for _, row in study.insights.top(TOLD).iterrows()]
    findings = [first_sentence(words["sentence"]) for words in told]
    to_do = _told_once([first_sentence(words["action"]) for words in told], chapter)
    others = (conclusion(study, Chapter(study, key)) for key in FALLBACK)
    return Summary(
        figures=_figures(study, chapter),
        compared=_compared(study, chapter),
        findings=tuple(islice(chain(findings, filter(None, others)), TOLD)),
        actions=tuple(
            Action(
                words["title"], f"{sentence} {words['deadline']}", anchor_of_first(chapter, place)
            )
            for place, (words, sentence) in enumerate(zip(told, to_do, strict=True), start=1)
        ),
        loss=_loss(study, chapter),
        forecast=" ".join(str(chapter.say(key, **fields)) for key, fields in study.forecast.coming),
    )


def _told_once(sentences: list[str], chapter: Chapter) -> list[str]:
    """Return sentences in order, one that was there before as a word on where."""
    first = {sentence: sentences.index(sentence) + 1 for sentence in sentences}
    return [
        sentence
        if first[sentence] == place
        else chapter.texts.fill("page.same_action", chapter.formats, place=first[sentence])
        for place, sentence in enumerate(sentences, start=1)
    ]


def _loss(study: Study, chapter: Chapter) -> str:
    """Return what of the log could not be read, where that is much."""
    loss = study.loss
    if not loss.is_loud:
        return ""
    if study.params.has_amounts and loss.amount:
        return chapter.texts.fill(
            "page.loss_money", chapter.formats, lines=loss.lines, amount=loss.amount
        )
    share = loss.lines / loss.read
    return chapter.texts.fill("page.loss", chapter.formats, lines=loss.lines, share=share)


def first_sentence(text: str) -> str:
    """Return a text up to the end of its first sentence.

    Examples
    --------
    >>> first_sentence("They bring 1.234 € (37.6 % of all). Their average is 540.")
    'They bring 1.234 € (37.6 % of all).'
    """
    text = text.strip()
    for end in SENTENCE_END.finditer(text):
        if not _goes_on(text[: end.start()].split()[-1], text[end.end()]):
            return text[: end.start()]
    return text


def _goes_on(word: str, after: str) -> bool:
    """Whether a dot is that of an abbreviation; after units, as in `10 u.`, a sentence may end."""
    word = word.strip("(«“").lower()
    return word in NOT_AN_END and not (word == UNITS and after not in "(0123456789")


def _figures(study: Study, chapter: Chapter) -> tuple[Figure, ...]:
    before, months = study.headline_before, whole_months(study)
    now = {key: study.headline[key] for key in FIGURES}
    said = chapter.wording().figures(now)
    changes = [
        change_of(
            now[key],
            before.get(key, math.nan),
            chapter.formats,
            chapter.texts,
            is_share=chapter.columns.kind(key) == "percent",
        )
        for key in FIGURES
    ]
    return tuple(
        Figure(label, value, *change, *_trend(months, key, chapter))
        for key, (label, value), change in zip(FIGURES, said.items(), changes, strict=True)
    )


def whole_months(study: Study) -> pd.DataFrame:
    """Return the period's figures month by month, of the months that it holds whole.

    The repeat rate has none: it asks who bought again within the period, not within a month.

    Parameters
    ----------
    study : Study

    Returns
    -------
    DataFrame
        Indexed by the month's first day: `orders`, `buyers` (counts), `revenue`, `aov` (money;
        missing in a month without orders).
    """
    start = max(study.period_start, study.audit.observed_from)
    months = pd.date_range(start, study.as_of, freq="MS")
    months = months[months + pd.offsets.MonthBegin(1) <= pd.Timestamp(study.as_of)]
    sold = study.monthly.set_index("month").rename(columns=MONTHLY)
    table = sold[["orders", "buyers", "revenue"]].reindex(months, fill_value=0)
    return table.assign(aov=table["revenue"] / table["orders"].where(table["orders"] > 0))


def _trend(months: pd.DataFrame, key: str, chapter: Chapter) -> tuple[tuple[float, ...], str]:
    """Return a figure's months and what they show; of months that cannot be joined, nothing."""
    if key not in months or len(months) < 2 or months[key].isna().any():
        return (), ""
    values, wording = tuple(map(float, months[key])), chapter.wording()
    first, last = (wording.figures({key: values[end]}) for end in (0, -1))
    fields = {"figure": next(iter(first)), "start": months.index[0], "end": months.index[-1]}
    fields |= {"first": next(iter(first.values())), "last": next(iter(last.values()))}
    return values, chapter.texts.fill("page.trend_alt", chapter.formats, **fields)


def _compared(study: Study, chapter: Chapter) -> str:
    if not study.headline_before:
        return chapter.texts.text("page.not_compared")
    start = study.audit.earlier_start
    end = study.period_start - timedelta(days=1)
    return chapter.texts.fill("page.compared", chapter.formats, start=start, end=end)
