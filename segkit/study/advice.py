"""A study's advice: what the playbook says of each segment, checked against its figures."""

from __future__ import annotations

import pandas as pd

from segkit.analysis.kpis import segment_kpis
from segkit.analysis.segment_facts import FACTS, facts_of, segment_facts
from segkit.foundation.cached import cached_property
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.playbook import Entry

CELLS = "cells"
"""The RFM cells, as a segmentation of the buyers."""


class Advice(StudyPart):
    """What is true of each segment of one study, and is therefore said (definitions, section 10).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    forecast : Forecast
    segmented : Segmented
    """

    def __init__(self, base: Base, gaps: Gaps, forecast: Forecast, segmented: Segmented) -> None:
        self.base, self.gaps, self.forecast, self.segmented = base, gaps, forecast, segmented
        self._held: dict[str, pd.DataFrame] = {}

    def facts(self, segmentation: str) -> pd.DataFrame:
        """Return the figures that conditions of advice may name, one row a segment.

        Indexed by the segment's key; columns are `segkit.analysis.segment_facts.FACTS`. Remembered.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, a view of the lifecycle, or ``cells`` (RFM cells of buyers).
        """
        if segmentation not in self._held:
            start, spans = self.base.period_start.isoformat(), list(self.gaps.spans.items())
            parts = (segmentation, start, spans, *self.segmented.rules_key())
            key = key_of(self.base.customers_key, *parts)
            compute = lambda: self._facts_of(segmentation)
            table = self.base.store.frame(f"facts_{segmentation}", key, compute)
            self._held[segmentation] = table.set_index("segment")
        return self._held[segmentation]

    def _facts_of(self, segmentation: str) -> pd.DataFrame:
        customers = self.base.customers
        if segmentation == CELLS:
            labels = self.segmented.table["cell"].dropna()
            if labels.empty:
                return pd.DataFrame(columns=["segment", *FACTS])
            mine = customers.loc[labels.index].assign(clv=self.forecast.values["clv"])
            period = self.base.period()
            period = period[period["customer_id"].isin(mine["customer_id"])]
            kpis = segment_kpis(labels, mine, period, resamples=0)
        else:
            labels = self.segmented.table[segmentation].dropna()
            kpis = self.segmented.kpis(segmentation)
        customers = customers.assign(p_order=self.forecast.values["p_order"])
        facts = segment_facts(kpis, labels, customers.loc[labels.index], self.gaps.spans)
        return facts.reset_index()

    def of(self, segmentation: str, segment: str) -> Entry:
        """Return the advice for a segment, without what its figures contradict.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, or a view of the lifecycle.
        segment : str
            Of one that nobody is in, only what needs no figure is said.
        """
        facts = self._known(segmentation, segment)
        return self.base.playbook.entry(segmentation, segment, facts)

    @cached_property
    def of_cells(self) -> dict[str, Entry]:
        """The special advice for RFM cells, those without customers among them."""
        playbook = self.base.playbook
        entries = {cell: playbook.cell(cell, self._known(CELLS, cell)) for cell in playbook.cells}
        return {cell: entry for cell, entry in entries.items() if entry is not None}

    def _known(self, segmentation: str, segment: str) -> dict[str, float]:
        facts = self.facts(segmentation)
        return facts_of(facts, segment) if segment in facts.index else {}
