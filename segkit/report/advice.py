"""What to do with each segment: as cards in the report, as Markdown and as JSON."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from segkit.errors import RuleError, SegkitError, suggestion
from segkit.foundation.files import replacing, write_json
from segkit.foundation.nothing import NOTHING
from segkit.report.exports.recommendations import (
    Recommendation,
    recommendations,
    to_json,
    to_markdown,
)
from segkit.report.page.cards import card, cards
from segkit.report.page.chapter import Chapter
from segkit.report.page.fragment import Fragment
from segkit.report.page.pieces import paragraph
from segkit.report.segment_cards import SegmentCards
from segkit.study.study import Study
from segkit.words.format import Formats
from segkit.words.playbook import Playbook, languages


def recommend(study: Study, chapter: Chapter, segmentation: str | None = None) -> Fragment:
    """Return the recommendations of a segmentation as cards, and leave them as files.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        Where they are shown.
    segmentation : str, optional
        By default the client's `report.segmentation`.

    Returns
    -------
    Fragment
        One card a segment. The run's folder gets `exports/recommendations.md` in the
        client's language, one more file for each other language that the kit speaks,
        and `exports/recommendations.json` with all segmentations.

    Notes
    -----
    Definitions, section 10.
    """
    names = study.segmentations
    segmentation = segmentation or study.params.report.segmentation
    if segmentation not in names:
        fix = suggestion(segmentation, names)
        raise SegkitError("unknown segmentation", values=[segmentation], fix=fix)
    advice = _recommended(study, segmentation, study.playbook)
    _leave_markdown(study, segmentation, advice)
    _leave_json(study, segmentation)
    return SegmentCards(study, chapter, segmentation).shown(advice)


def first_things(study: Study, chapter: Chapter) -> Fragment:
    """Return the three things to do first, by what they are worth, as cards.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        Where they are shown.

    Notes
    -----
    Definitions, section 10 (insights).
    """
    rows = [row for _, row in study.insights.top().iterrows()]
    said = [study.insights.words(chapter, row) for row in rows]
    lists = [_list_of(study, chapter, row) for row in rows]
    boxes, in_short = [], []
    for place, (words, file) in enumerate(zip(said, lists, strict=True), start=1):
        title, anchor = f"{place}. {words['title']}", anchor_of_first(chapter, place)
        action = f"{words['action']} {words['deadline']}"
        parts = [
            (chapter.texts.label("action"), paragraph(action)),
            (chapter.texts.label("list"), paragraph(file)),
        ]
        boxes.append(card(title, parts, anchor=anchor, lead=words["sentence"]))
        in_short.append(card(title, [], anchor=anchor, lead=f"{action} {file}"))
    plain = "\n".join(f"{words['title']}: {words['sentence']} {words['action']}" for words in said)
    section = "act" if boxes else ""  # without any, the document has no heading for them either
    return Fragment(cards(boxes), plain, "cards", place=section, short=cards(in_short))


def anchor_of_first(chapter: Chapter, place: int) -> str:
    """Return where links to one of the first things to do lead, counted from one."""
    return f"{chapter.key}-first-{place}"


def _list_of(study: Study, chapter: Chapter, row: pd.Series) -> str:
    """Where the customers of a finding are listed."""
    file = study.audiences.file_of(study.audiences.name_of(row))
    return chapter.texts.fill("sentences.listed", chapter.formats, file=file)


def finding_table(study: Study, chapter: Chapter) -> pd.DataFrame:
    """Return every finding with its words, `finding`, `sentence` and `what_to_do`; of none, nothing.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        In whose language it is said.
    """
    return _said_findings(study, chapter) if len(study.insights.table) else NOTHING


def _said_findings(study: Study, chapter: Chapter) -> pd.DataFrame:
    table = study.insights.table
    said = [study.insights.words(chapter, row) for _, row in table.iterrows()]
    parts = ["title", "sentence", "action", "deadline"]
    words = pd.DataFrame(said, index=table.index, columns=parts)
    words = words.assign(action=words["action"] + " " + words.pop("deadline"))
    words.columns = ["finding", "sentence", "what_to_do"]
    return words[["finding"]].join(table).join(words[["sentence", "what_to_do"]])


def audience_names(study: Study, chapter: Chapter) -> pd.DataFrame:
    """Return the audiences with what each is about, as a reader calls it.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        In whose language it is said.
    """
    findings = _said_findings(study, chapter)
    titles = {study.audiences.name_of(row): row["finding"] for _, row in findings.iterrows()}
    table: pd.DataFrame = study.audiences.table
    about = [
        titles[row["audience"]]
        if pd.notna(row["rule"])
        else chapter.name_of(row["segmentation"], row["segment"])
        for row in table.to_dict("records")
    ]
    return table.assign(about=about)


def special_cells(study: Study) -> pd.DataFrame:
    """Return the RFM cells that need their own treatment: who, how much, which rule.

    Returns
    -------
    DataFrame
        `cell`, `customers`, `revenue_all_time`, `discount`, `advice`.

    Notes
    -----
    Definitions, section 4: `555` never gets a discount, `115` gets value added. Other scales are
    read on five.
    """
    entries = study.advice.of_cells
    spent = study.customers["revenue"].groupby(study.segmented.rule_cells)
    totals = spent.agg(customers="size", revenue="sum").rename_axis("cell")
    found = totals.reindex(list(entries), fill_value=0).reset_index()
    return found.rename(columns={"revenue": "revenue_all_time"}).assign(
        discount=[study.playbook.discounts[entry.discount].name for entry in entries.values()],
        advice=[entry.discount_note for entry in entries.values()],
    )


def _recommended(study: Study, segmentation: str, playbook: Playbook) -> list[Recommendation]:
    """Return what to do with each segment, as far as its figures do not contradict it."""
    facts = study.advice.facts(segmentation)
    return recommendations(study.kpis(segmentation), segmentation, playbook, facts)


def _leave_markdown(study: Study, segmentation: str, advice: list[Recommendation]) -> None:
    folder = study.run_dir / "exports"
    own = study.params.language
    _write(folder / "recommendations.md", _markdown(study, advice, study.playbook))
    for language in languages():
        if language == own:
            continue
        playbook = Playbook.load(language).led_by(study.params.report.segmentation)
        try:
            other = _recommended(study, segmentation, playbook)
        except RuleError:  # a segment of the client's own, which only its playbook knows
            continue
        _write(folder / f"recommendations.{language}.md", _markdown(study, other, playbook))


def _markdown(study: Study, advice: list[Recommendation], playbook: Playbook) -> str:
    formats = Formats(study.params.display_locale, study.params.currency)
    return to_markdown(
        advice,
        language=playbook.language,
        generated=date.today(),
        money=formats.money,
        decimal=formats.decimal,
        integer=formats.integer,
        document=playbook.document,
    )


def _leave_json(study: Study, segmentation: str) -> None:
    playbook = study.playbook
    written = {
        name: to_json(
            _recommended(study, name, playbook),
            language=playbook.language,
            generated=date.today(),
            document=playbook.document,
        )
        for name in study.segmentations
    }
    others = {name: held["segments"] for name, held in written.items() if name != segmentation}
    head = {"client": study.params.client, "as_of": study.as_of.isoformat()}
    content = head | {"segmentation": segmentation} | written[segmentation]
    write_json(
        content | {"other_segmentations": others},
        study.run_dir / "exports" / "recommendations.json",
    )


def _write(path: Path, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")
