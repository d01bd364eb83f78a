"""A card a segment: who, how many, how much, what moves them, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import pandas as pd
from markupsafe import Markup

from segkit.report.exports.recommendations import Recommendation
from segkit.report.page.cards import card, cards
from segkit.report.page.chapter import Chapter
from segkit.report.page.fragment import Fragment
from segkit.report.page.pieces import bullets, paragraph
from segkit.study.study import Study


class SegmentCards:
    """The cards of one segmentation: who, how many, how much, what moves them, what to do."""

    def __init__(self, study: Study, chapter: Chapter, segmentation: str) -> None:
        self.study, self.chapter, self.segmentation = study, chapter, segmentation
        self.kpis = study.kpis(segmentation).set_index("segment")

    def shown(self, advice: list[Recommendation]) -> Fragment:
        """Return one card a recommendation; in the document, folded to its first lines."""
        plain = "\n".join(f"{one.entry.name}: {one.entry.description}" for one in advice)
        whole = cards([self._card(one) for one in advice])
        short = cards([self._card(one, first=self._first(one)) for one in advice])
        return Fragment(whole, plain, "cards", place="act", short=short)

    def _card(self, one: Recommendation, first: str = "") -> Markup:
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
        figures = self._figures(one)
        return card(
            entry.name,
            parts,
            anchor=anchor,
            figures=figures,
            lead=entry.description,
            first=first,
        )

    def _first(self, one: Recommendation) -> str:
        """How many, how much, and what to do above all."""
        revenue = self.kpis.loc[one.segment, "revenue_share"]
        fields = {"customers": one.customers, "share": one.customers_share, "revenue": revenue}
        return " ".join([self._said("card_first", fields), *one.entry.strategies[:1]])

    def _figures(self, one: Recommendation) -> dict[str, str]:
        formats, row = self.chapter.formats, self.kpis.loc[one.segment]
        customers, revenue = formats.integer(one.customers), formats.money(row["revenue"], 0)
        said = {
            "customers": f"{customers} ({formats.percent(one.customers_share)})",
            "revenue": f"{revenue} ({formats.percent(row['revenue_share'])})",
            "ltv": formats.money(one.ltv),
            "clv": formats.money(row["clv"]),
            "aov_mean": formats.money(one.aov_mean),
            "orders_per_customer": formats.decimal(one.orders_per_customer, 1),
            "recency_days": formats.by_kind("days")(one.recency_days),
        }
        return {self.chapter.columns.label(key): value for key, value in said.items()}

    def _moves(self, segment: str) -> list[str]:
        """What such customers did in the test, and who came and went since the earlier date."""
        sentences = []
        if segment in self._tested.index:
            row, terms = self._tested.loc[segment], self.study.evidence.terms
            sentences.append(self._said("card_tested", {**row, **terms}))
        if segment in self._balance.index:
            row, terms = self._balance.loc[segment], self.study.migration.terms
            sentences.append(self._said("card_moved", {**row, **terms}))
        return sentences

    def _said(self, key: str, fields: Mapping[str, object]) -> str:
        return self.chapter.texts.fill(f"sentences.{key}", self.chapter.formats, **fields)

    @cached_property
    def _tested(self) -> pd.DataFrame:
        evidence = self.study.evidence
        if not evidence.ready or self.segmentation not in evidence.segmentations:
            return pd.DataFrame()
        return evidence.of(self.segmentation).set_index("segment")

    @cached_property
    def _balance(self) -> pd.DataFrame:
        migration = self.study.migration
        if not migration.ready or self.segmentation not in migration.segmentations:
            return pd.DataFrame()
        return migration.balance(self.segmentation).set_index("segment")

    @cached_property
    def _offered(self) -> dict[str, list[str]]:
        if not self.study.offers.ready:
            return {}
        table = self.study.offers.by_segment(self.segmentation)
        return {str(segment): list(rows["product"]) for segment, rows in table.groupby("segment")}
