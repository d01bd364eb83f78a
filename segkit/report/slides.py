"""What the slides of a study's report say, each a finding; what is missing is left out."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd

from segkit.report.conclusions import conclusion
from segkit.report.exports.deck import Block, Card, Cards, Cover, Deck, Grid, Points, Slide, Tiles
from segkit.report.page.chapter import Chapter
from segkit.report.page.html import ReportContext
from segkit.report.slide_charts import (
    change_chart,
    deciles_chart,
    forecast_chart,
    monthly_chart,
    rolling_chart,
    sizes_chart,
    told_segments,
)
from segkit.report.summary import FIGURES, first_sentence
from segkit.study.study import Study

ACCENT = "#00639c"
"""Of a client without a colour of its own, as in `page.css`."""
LOGO = re.compile(r"data:image/(?:png|jpeg);base64,(.+)", re.DOTALL)
OPENING, CLOSING = "(«“[", ")»”]"


def parted(finding: str) -> tuple[str, str]:
    """Return the first sentence or clause of a finding that stands alone, and the rest.

    Examples
    --------
    >>> parted("They bought 3 (2 online; 1 not); the best has brought 9. More.")
    ('They bought 3 (2 online; 1 not).', 'The best has brought 9. More.')
    >>> parted("Nothing yet.")
    ('Nothing yet.', '')
    """
    first = first_sentence(finding)
    rest = finding.strip()[len(first) :].strip()
    for place in _clause_ends(first):
        clause, tail = first[:place], first[place + 1 :].strip()
        if re.search(r"\d", clause) and tail:
            return f"{clause}.", f"{tail[0].upper()}{tail[1:]} {rest}".strip()
    return first, rest


def _clause_ends(text: str) -> Iterable[int]:
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in OPENING) - (letter in CLOSING)
        if not depth and text[place : place + 2] == "; ":
            yield place


def deck(study: Study, context: ReportContext, sheets: Mapping[str, str]) -> Deck:
    """Return the slides of a study's report.

    Parameters
    ----------
    study : Study
    context : ReportContext
        What the report says.
    sheets : mapping of str to str
        Sheet of each table in `exports/tables.xlsx`, by the name of the table.
    """
    told = _Slides(study, context, sheets)
    parts = (
        told.figures,
        told.who,
        told.leading,
        told.expect,
        told.act,
        told.trust,
        told.method,
    )
    slides = tuple(slide for slide in (part() for part in parts) if slide)
    accent = study.params.report.theme.accent or ACCENT
    running = f"{context.client} · {told.period}"
    locale = study.params.display_locale.replace("_", "-")
    return Deck(told.cover(), slides, running, locale, accent, context.generated)


class _Slides:
    """The slides of one study; each is None where there is nothing to show."""

    def __init__(self, study: Study, context: ReportContext, sheets: Mapping[str, str]) -> None:
        self.study, self.context, self.sheets = study, context, sheets
        self.chapter = Chapter(study, "slides", texts=context.texts)
        self.findings = {section.key: section.finding for section in context.sections}

    @property
    def period(self) -> str:
        date, last = self.context.formats.date, self.context.as_of - timedelta(days=1)
        return f"{date(self.context.period_start)} – {date(last)}"

    def cover(self) -> Cover:
        context = self.context
        facts = {"period": self.period, "generated": context.formats.date(context.generated)}
        logo = LOGO.match(context.theme.logo)
        return Cover(
            context.client,
            self._text("title"),
            tuple(f"{self._text(key)}: {fact}" for key, fact in facts.items()),
            context.theme.footer,
            base64.b64decode(logo[1]) if logo else b"",
        )

    def figures(self) -> Slide | None:
        title, _ = parted(self.findings.get("who", ""))
        summary = self.context.summary
        if not title or summary is None:
            return None
        rows = [(Tiles(summary.figures),), _present(monthly_chart(self.study, self.chapter))]
        lead = " ".join(filter(None, (summary.compared, summary.campaign)))
        return self._slide(title, lead, rows, ["monthly_revenue", "periods"])

    def who(self) -> Slide | None:
        _, title = parted(self.findings.get("who", ""))
        charts = _present(deciles_chart(self.study, self.chapter))
        charts += _present(change_chart(self.study, self.chapter))
        stayed = dict(self.study.audit.said("periods")) if charts else {}
        said = [self._say(key, fields) for key, fields in stayed.items() if key == "audit_stayed"]
        said.append(conclusion(self.study, Chapter(self.study, "lifecycle")))
        if not title or not charts:
            return None
        names = ["deciles", "period_change", "bought_when", "lifecycle"]
        return self._slide(title, " ".join(filter(None, said)), [charts], names)

    def leading(self) -> Slide | None:
        chart = sizes_chart(self.study, self.chapter)
        if chart is None:
            return None
        main = self.study.params.report.segmentation
        title, lead = parted(self.findings.get("leading", ""))
        columns = ["segment", "customers", "revenue", "aov"]
        grid = self._grid(told_segments(self.study)[columns], f"segment_kpis_{main}", main)
        names = [f"leading_sizes_{main}", f"segment_kpis_{main}"]
        return self._slide(title, lead, [(chart, grid)], names)

    def expect(self) -> Slide | None:
        chart = forecast_chart(self.study, self.chapter)
        if chart is None:
            return None
        title, lead = parted(self.findings.get("expect", ""))
        columns = ["part", "revenue", "revenue_low", "revenue_high"]
        grid = self._grid(self.study.forecast.totals[columns], "forecast_totals", summed=True)
        worth = self.study.forecast.worth
        beside = ("_discounted", "_newcomers")  # of another slide, or in the table
        said = [self._say(key, fields) for key, fields in worth if not key.endswith(beside)]
        points = Points(tuple(("", sentence) for sentence in said))
        names = ["forecast_months", "forecast", "forecast_totals", "clv_segments"]
        return self._slide(title, lead, [(chart,), (grid, points)], names)

    def act(self) -> Slide | None:
        summary = self.context.summary
        if summary is None or not summary.actions:
            return None
        title, lead = parted(self.findings.get("act", ""))
        pairs = zip(summary.actions, summary.findings, strict=False)
        cards = Cards(tuple(Card(do.title, why, do.sentence) for do, why in pairs))
        return self._slide(title, lead, [(cards,)], ["insights", "audiences"])

    def trust(self) -> Slide | None:
        title, lead = parted(self.findings.get("trust", ""))
        if not title:
            return None
        notes = [section.notes for section in self.context.sections if section.key == "trust"]
        loss = self.context.summary.loss if self.context.summary else ""
        tested = self.study.evidence
        more = [self._say(key, fields) for key, fields in tested.said[1:]] if tested.ready else []
        said = [*more, loss, *(note for each in notes for note in each)]
        points = Points(tuple(("", sentence) for sentence in said if sentence))
        chart = _present(rolling_chart(self.study, self.chapter))
        names = ["rolling_totals", "rolling_evidence", "chances", "data_quality"]
        return self._slide(title, lead, [(*chart, points)], names)

    def method(self) -> Slide | None:
        quality = self.study.quality[self.study.quality["source"] == "orders"]
        lines = quality.set_index("rule")["lines"]
        if not lines.get("kept", 0):
            return None
        span = {"first": self.study.first_day, "last": self.study.last_day}
        title = self._fill("method", read=lines["read"], kept=lines["kept"], **span)
        columns = self.chapter.columns
        terms = tuple((columns.label(key), columns.help(key) or "") for key in FIGURES)
        short = [*self.context.method_in_short, self._fill("details")]
        rows = [(Points(terms), Points(tuple(("", sentence) for sentence in short)))]
        return self._slide(title, "", rows, ["data_quality", "revenue_bridge"])

    def _slide(
        self, title: str, lead: str, rows: Sequence[tuple[Block, ...]], tables: Iterable[str]
    ) -> Slide:
        sheets = [self.sheets[name] for name in tables if name in self.sheets]
        source = self._fill("source", sheets=", ".join(sheets)) if sheets else ""
        notes = "\n".join(filter(None, (title, lead, source)))
        return Slide(title, lead, tuple(row for row in rows if row), notes)

    def _grid(
        self, table: pd.DataFrame, name: str, segmentation: str | None = None, summed: bool = False
    ) -> Grid:
        wording, texts = self.chapter.wording(segmentation), self.chapter.texts
        path, _ = texts.entry("tables", name)
        about = {"segmentation": texts.label(segmentation)} if segmentation else {}
        kinds = ["money.0" if kind == "money" else kind for kind in wording.kinds(table, name)]
        rows = tuple(
            tuple(wording.value(value, kind) for value, kind in zip(row, kinds, strict=True))
            for row in table.itertuples(index=False, name=None)
        )
        alt = texts.fill(f"{path}.title", self.chapter.formats, **about)
        heads = tuple(map(wording.header, table.columns))
        return Grid(alt, heads, rows, summed, weight=1.3 if summed else 1.0)

    def _say(self, key: str, fields: Mapping[str, Any]) -> str:
        return self.chapter.say(key, None, **fields).plain

    def _fill(self, key: str, **fields: object) -> str:
        return self.chapter.texts.fill(f"page.slides_{key}", self.chapter.formats, **fields)

    def _text(self, key: str) -> str:
        return self.chapter.texts.text(f"page.{key}")


def _present(*blocks: Block | None) -> tuple[Block, ...]:
    return tuple(block for block in blocks if block is not None)
