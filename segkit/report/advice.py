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
        By default the client's `report.recommendations`.

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
    segmentation = segmentation or study.params.report.recommendations
    if segmentation not in names:
        fix = suggestion(segmentation, names)
        raise SegkitError("unknown segmentation", values=[segmentation], fix=fix)
    advice = recommendations(study.kpis(segmentation), segmentation, study.playbook)
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
    boxes = [
        card(
            f"{place}. {words['title']}",
            [
                (chapter.texts.label("action"), paragraph(words["action"])),
                (chapter.texts.label("list"), paragraph(_list_of(study, chapter, row))),
            ],
            anchor=anchor_of_first(chapter, place),
            lead=words["sentence"],
        )
        for place, (words, row) in enumerate(zip(said, rows, strict=True), start=1)
    ]
    plain = "\n".join(f"{words['title']}: {words['sentence']} {words['action']}" for words in said)
    return Fragment(cards(boxes), plain, "cards")


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
    words = pd.DataFrame(said, index=table.index, columns=["title", "sentence", "action"])
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
    Definitions, section 4: `555` never gets a discount, `115` gets value added.
    """
    totals = study.rfm.cell_totals(study.scores, study.customers).set_index("cell")
    entries = study.playbook.cells
    found = totals.loc[list(entries), ["customers", "revenue"]].reset_index()
    return found.rename(columns={"revenue": "revenue_all_time"}).assign(
        discount=[study.playbook.discounts[entry.discount].name for entry in entries.values()],
        advice=[entry.discount_note for entry in entries.values()],
    )


def _leave_markdown(study: Study, segmentation: str, advice: list[Recommendation]) -> None:
    folder = study.run_dir / "exports"
    own = study.params.language
    _write(folder / "recommendations.md", _markdown(study, advice, study.playbook))
    for language in languages():
        if language == own:
            continue
        playbook = Playbook.load(language)
        try:
            other = recommendations(study.kpis(segmentation), segmentation, playbook)
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
            recommendations(study.kpis(name), name, playbook),
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
