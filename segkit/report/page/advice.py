"""What to do with each segment: as cards in the report, as Markdown and as JSON."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from segkit.analysis.migration import balance
from segkit.errors import RuleError, SegkitError, suggestion
from segkit.foundation.files import replacing, write_json
from segkit.foundation.nothing import NOTHING
from segkit.params import SEGMENTATIONS
from segkit.report.exports.recommendations import (
    Recommendation,
    recommendations,
    to_json,
    to_markdown,
)
from segkit.report.page.cards import bullets, card, cards, paragraph
from segkit.report.page.chapter import Chapter, Fragment
from segkit.words.format import Formats
from segkit.words.playbook import Playbook, languages

if TYPE_CHECKING:
    from segkit.study.study import Study


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
    return _SegmentCards(study, chapter, segmentation).shown(advice)


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
    table = study.audiences.table
    about = [
        titles[row.audience]
        if pd.notna(row.rule)
        else chapter.name_of(row.segmentation, row.segment)
        for row in table.itertuples()
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
    rows = []
    for cell in study.playbook.cells:
        entry = study.playbook.cell(cell)
        customers, revenue = totals.loc[cell, ["customers", "revenue"]]
        policy = study.playbook.discounts[entry.discount].name
        rows.append((cell, int(customers), float(revenue), policy, entry.discount_note))
    return pd.DataFrame(
        rows, columns=["cell", "customers", "revenue_all_time", "discount", "advice"]
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


def _write(path: os.PathLike, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


class _SegmentCards:
    """The cards of one segmentation: who, how many, how much, what moves them, what to do."""

    def __init__(self, study: Study, chapter: Chapter, segmentation: str) -> None:
        self.study, self.chapter, self.segmentation = study, chapter, segmentation
        self.kpis = study.kpis(segmentation).set_index("segment")

    def shown(self, advice: list[Recommendation]) -> Fragment:
        """Return one card a recommendation."""
        plain = "\n".join(f"{one.entry.name}: {one.entry.description}" for one in advice)
        return Fragment(cards([self._card(one) for one in advice]), plain, "cards")

    def _card(self, one: Recommendation) -> Markup:
        entry, label = one.entry, self.chapter.texts.label
        policy = Markup("<p><strong>{}.</strong> {}</p>").format(
            one.policy.name, entry.discount_note
        )
        parts = [
            (label("card_moves"), Markup("").join(map(paragraph, self._moves(one.segment)))),
            (label("strategies"), bullets(entry.strategies)),
            (label("offer"), bullets(self._offered.get(one.segment, []), numbered=True)),
            (label("avoid"), bullets(entry.avoid)),
            (label("channels"), paragraph(" · ".join(entry.channels))),
            (label("contact_frequency"), paragraph(entry.contact_frequency)),
            (label("discount"), policy),
            (label("kpi"), paragraph(entry.kpi)),
        ]
        anchor = f"{self.chapter.key}-{one.segment}"
        return card(
            entry.name,
            parts,
            anchor=anchor,
            figures=self._figures(one),
            lead=entry.description,
        )

    def _figures(self, one: Recommendation) -> dict[str, str]:
        formats, header, row = (
            self.chapter.formats,
            self.chapter.columns.label,
            self.kpis.loc[one.segment],
        )
        with_share = lambda value, share: f"{value} ({formats.percent(share)})"
        return {
            header("customers"): with_share(formats.integer(one.customers), one.customers_share),
            header("revenue"): with_share(formats.money(row["revenue"], 0), row["revenue_share"]),
            header("ltv"): formats.money(one.ltv),
            header("clv"): formats.money(row["clv"]),
            header("aov_mean"): formats.money(one.aov_mean),
            header("orders_per_customer"): formats.decimal(one.orders_per_customer, 1),
            header("recency_days"): formats.by_kind("days")(one.recency_days),
        }

    def _moves(self, segment: str) -> list[str]:
        """What such customers did in the test, and who came and went since the earlier date."""
        sentences = []
        if segment in self._tested.index:
            fields = self._tested.loc[segment].to_dict() | self.study.evidence.terms
            sentences.append(self._said("card_tested", fields))
        if segment in self._balance.index:
            fields = self._balance.loc[segment].to_dict() | self.study.migration.terms
            sentences.append(self._said("card_moved", fields))
        return sentences

    def _said(self, key: str, fields: Mapping[str, object]) -> str:
        return self.chapter.texts.fill(f"sentences.{key}", self.chapter.formats, **fields)

    @cached_property
    def _tested(self) -> pd.DataFrame:
        evidence = self.study.evidence
        if not evidence.ready or self.segmentation not in SEGMENTATIONS:
            return pd.DataFrame()
        table = evidence.segments
        return table[table["segmentation"] == self.segmentation].set_index("segment")

    @cached_property
    def _balance(self) -> pd.DataFrame:
        migration = self.study.migration
        if not migration.ready or self.segmentation not in SEGMENTATIONS:
            return pd.DataFrame()
        return balance(migration.flows(self.segmentation)).set_index("segment")

    @cached_property
    def _offered(self) -> dict[str, list[str]]:
        if not self.study.offers.ready:
            return {}
        table = self.study.offers.by_segment(self.segmentation)
        return {segment: list(rows["product"]) for segment, rows in table.groupby("segment")}
