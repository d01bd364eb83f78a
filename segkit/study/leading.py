"""Which segmentation should lead a report: what each tells apart, how steady, how much to act on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from segkit.analysis.migration import NO_SEGMENTS
from segkit.analysis.power import smallest_uplift
from segkit.foundation.cached import cached_property
from segkit.params import SEGMENTATIONS
from segkit.study.base import Base
from segkit.study.evidence import Evidence
from segkit.study.migration import Migration
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.words.said import Said

RISE = 0.1
"""The rise of the repurchase rate that half of a segment against the other half should show."""


class Leading(StudyPart):
    """What speaks for each segmentation as the one that leads (definitions, section 4).

    Parameters
    ----------
    base : Base
    segmented : Segmented
    migration : Migration
    evidence : Evidence
    """

    def __init__(
        self, base: Base, segmented: Segmented, migration: Migration, evidence: Evidence
    ) -> None:
        self.base, self.segmented = base, segmented
        self.migration, self.evidence = migration, evidence

    @property
    def segmentation(self) -> str:
        """The one that leads: `report.segmentation`."""
        return self.base.params.report.segmentation

    @property
    def others(self) -> list[str]:
        """The segmentations that do not lead."""
        return [name for name in SEGMENTATIONS if name != self.segmentation]

    @cached_property
    def table(self) -> pd.DataFrame:
        """What speaks for each segmentation, the one that told most apart first.

        `segmentation`, `segments` that have customers; `top20`, the share of the revenue that
        followed which its best fifth of customers brought (mean over the cuts), and `gini` of
        that ranking; `stayed_share`, customers who were in the same segment at the date before;
        `too_few_customers`, and their share: those in segments too small for half of it against
        the other half to show a rise of the repurchase rate by ten points. Missing where the
        history is too short to tell.
        """
        rows = [{"segmentation": name} | self._size(name) for name in SEGMENTATIONS]
        table = pd.DataFrame(rows).merge(self._told_apart, on="segmentation", how="left")
        table = table.assign(stayed_share=[self._stayed(name) for name in SEGMENTATIONS])
        names = ["segmentation", "segments", "top20", "gini", "stayed_share"]
        table = table[[*names, "too_few_customers", "too_few_share"]]
        return table.sort_values("gini", ascending=False, kind="stable", ignore_index=True)

    @property
    def _told_apart(self) -> pd.DataFrame:
        columns = ["ranking", "gini", "top20"]
        if not self.evidence.ready:
            return pd.DataFrame(columns=["segmentation", "gini", "top20"], dtype="float64")
        several = len(self.evidence.cuts) > 1
        table = self.evidence.rolling_rankings if several else self.evidence.rankings
        table = table.loc[table["kind"] == "segmentation", columns]
        return table.rename(columns={"ranking": "segmentation"})

    def _size(self, segmentation: str) -> dict[str, float]:
        sizes = self.segmented.table.loc[self.base.buyers.index, segmentation].value_counts()
        few = sum(
            int(size)
            for segment, size in sizes.items()
            if self._is_small(segmentation, segment, size)
        )
        share = few / sizes.sum() if len(sizes) else np.nan
        return {"segments": len(sizes), "too_few_customers": few, "too_few_share": share}

    def _is_small(self, segmentation: str, segment: object, customers: int) -> bool:
        half, terms = customers // 2, self.base.params.audiences
        rise = smallest_uplift(
            self._rate(segmentation, segment), half, half, power=terms.power, level=terms.level
        )
        return rise is None or rise > RISE

    def _rate(self, segmentation: str, segment: object) -> float:
        """Return the repurchase rate of a segment in the test, else one half, which asks most."""
        if not self.evidence.ready:
            return 0.5
        table = self.evidence.segments
        mine = (table["segmentation"] == segmentation) & (table["segment"] == segment)
        rates = table.loc[mine, "repurchase_rate"].dropna()
        return min(float(rates.iloc[0]), 0.5) if len(rates) else 0.5

    def _stayed(self, segmentation: str) -> float:
        if not self.migration.ready:
            return np.nan
        moved = self.migration.flows(segmentation)
        outside = moved[["segment_before", "segment_after"]].isin(NO_SEGMENTS).any(axis=1)
        both = moved[~outside]
        stayed = both.loc[both["segment_before"] == both["segment_after"], "customers"].sum()
        return float(stayed / both["customers"].sum()) if len(both) else np.nan

    @property
    def verdict(self) -> Said:
        """How the leading one compares with the best: key of a sentence, and its fields."""
        table = self.table.dropna(subset=["gini"]).set_index("segmentation")
        if self.segmentation not in table.index or len(table) < 2:
            return []
        best = table.drop(index=self.segmentation).iloc[0]
        mine = table.loc[self.segmentation]
        key = "leads_best" if mine["top20"] >= best["top20"] else "leads_behind"
        fields = {"lead": self.segmentation, "other": best.name, "top20": mine["top20"]}
        return [(key, fields | {"other_top20": best["top20"], "cuts": len(self.evidence.cuts)})]
