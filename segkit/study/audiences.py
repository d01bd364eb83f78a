"""A study's audiences: one list of customers for each segment and finding, ready to be sent to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.contact_lists import Contact, audience_table
from segkit.analysis.power import smallest_uplift
from segkit.foundation.cached import cached_property
from segkit.foundation.files import AUDIENCES, write_csv
from segkit.segments.base import RETURNED_ALL
from segkit.study.actions import NO_CHANNEL, Actions
from segkit.study.advice import Advice
from segkit.study.base import Base
from segkit.study.evidence import Evidence
from segkit.study.insights import Insights
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.words.playbook import POLICIES_BY_STRICTNESS, strictest
from segkit.words.said import Said

FOLDER = AUDIENCES
RULE = "rule"
"""What the name of a finding's audience begins with."""


@dataclass(frozen=True)
class Audience:
    """A list of customers.

    Parameters
    ----------
    name : str
        Plain name, that of its file.
    segmentation, segment, rule : str or None
        What its customers have in common.
    is_member : Series of bool
        By the index of `Study.customers`.
    """

    name: str
    segmentation: str | None
    segment: str | None
    rule: str | None
    is_member: pd.Series


class Audiences(StudyPart):
    """The audiences of one study (definitions, sections 10 and 11).

    Parameters
    ----------
    base : Base
    segmented : Segmented
    evidence : Evidence
    insights : Insights
    actions : Actions
    advice : Advice
    """

    def __init__(
        self,
        base: Base,
        segmented: Segmented,
        evidence: Evidence,
        insights: Insights,
        actions: Actions,
        advice: Advice,
    ) -> None:
        self.base, self.segmented, self.evidence = base, segmented, evidence
        self.insights, self.actions, self.advice = insights, actions, advice
        self.params = self.base.params.audiences

    @cached_property
    def lists(self) -> list[Audience]:
        """Every audience: segments of `report.segmentation`, of `audiences.segmentations`, findings."""
        main = self.base.params.report.segmentation
        others = [name for name in self.params.segmentations if name != main]
        more = [audience for name in others for audience in self._of_segments(name, f"{name}-")]
        return [*self._of_segments(main, ""), *more, *self._of_findings()]

    def _of_segments(self, segmentation: str, start: str) -> Iterator[Audience]:
        """Yield an audience for each segment that there is, with or without customers.

        Of clusters, only those that were found: the other names are none of this base. So of those
        who returned everything: there need be nobody.
        """
        labels = self.segmented.table[segmentation]
        for segment in self.segmented.names[segmentation]:
            members = labels == segment
            may_be_none = segmentation != "clusters" and not segment.startswith(RETURNED_ALL)
            if members.any() or may_be_none:
                yield Audience(f"{start}{segment}", segmentation, segment, None, members)

    def _of_findings(self) -> Iterator[Audience]:
        insights = self.insights
        ids = self.base.customers["customer_id"]
        for _, finding in insights.table.iterrows():
            if not self._is_listed(finding):
                members = ids.isin(insights.members(finding))
                about = finding[["segmentation", "segment"]].tolist()
                segmentation, segment = about if pd.notna(about[1]) else (None, None)
                name, rule = self.name_of(finding), finding["rule"]
                yield Audience(name, segmentation, segment, rule, members)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every audience, and what it could show.

        `audience`, `segment` or `rule`, `customers`, `contacted` (with a channel, outside the control
        group), `control`, `unreachable` (no channel that they agreed to), `no_discount` (whose policy
        is never), `repurchase_rate` (of such customers in the test, within `months`; missing
        where there is no test), `smallest_uplift` (in absolute terms, the smallest rise of
        that rate that a comparison of the two groups is likely to show; missing where even 100 %
        would not), `file`.
        """
        return pd.DataFrame([self._row(audience) for audience in self.lists])

    def _row(self, audience: Audience) -> dict[str, Any]:
        members = self.members(audience, "none")
        is_control = members["group"] == "control"
        unreachable = members["channel"] == NO_CHANNEL
        contacted, control = (
            int((~is_control & ~unreachable).sum()),
            int((is_control & ~unreachable).sum()),
        )
        rate = self._usual_rate(audience)
        uplift = smallest_uplift(
            rate, contacted, control, power=self.params.power, level=self.params.level
        )
        return {
            "audience": audience.name,
            "segmentation": audience.segmentation,
            "segment": audience.segment,
            "rule": audience.rule,
            "customers": len(members),
            "contacted": contacted,
            "control": control,
            "unreachable": int(unreachable.sum()),
            "no_discount": int((members["discount"] == "never").sum()),
            "repurchase_rate": rate,
            "smallest_uplift": np.nan if uplift is None else uplift,
            "file": self.file_of(audience.name),
        }

    def _usual_rate(self, audience: Audience) -> float:
        """The share of such customers who bought again in the test; of a finding's: of all."""
        evidence = self.evidence
        if not evidence.ready:
            return np.nan
        table = evidence.segments
        segmentation = audience.segmentation or self.base.params.report.segmentation
        found = table[
            (table["segmentation"] == segmentation)
            & (table["segment"] == (audience.segment or "total"))
        ]
        return float(found["repurchase_rate"].iloc[0]) if len(found) else np.nan

    @property
    def remarks(self) -> Said:
        """What to know about the lists: keys of sentences, and their fields."""
        control = {"share": self.params.control_share, "campaign": self.base.params.campaign}
        names = list(self.table.loc[self.table["customers"] == 0, "audience"])
        empty = {"lists": len(names), "names": f" ({', '.join(names)})" if names else ""}
        hashes: Said = [("audiences_hashed", {})] if self.params.contact == "hashed" else []
        return [("audiences_control", control), ("audiences_empty", empty), *hashes]

    def name_of(self, finding: pd.Series) -> str:
        """Return the name of the list of a finding's customers: that of its segment, or its own."""
        rule, segment = finding["rule"], finding["segment"]
        if self._is_listed(finding):
            return str(segment)
        lead = self.base.params.report.segmentation
        where = [] if finding["segmentation"] == lead else [finding["segmentation"]]
        return "-".join([RULE, rule, *where, *([segment] if pd.notna(segment) else [])])

    def _is_listed(self, finding: pd.Series) -> bool:
        """Whether a finding is about a segment that has a list anyway."""
        is_of_one = self.insights.rules[finding["rule"]].of == "segments"
        return is_of_one and finding["segmentation"] == self.base.params.report.segmentation

    def file_of(self, name: str) -> str:
        """Return where the list of a name is, below the folder of the run."""
        return f"{FOLDER}/{name}.csv"

    def members(self, audience: Audience, contact: Contact | None = None) -> pd.DataFrame:
        """Return the list of an audience; see `segkit.analysis.contact_lists.audience_table`.

        The discount is the strictest of each customer's own and that of the segment listed.

        Parameters
        ----------
        audience : Audience
        contact : {"none", "plain", "hashed"}, optional
            Which addresses it holds; by default what `audiences.contact` says.
        """
        actions = self.actions
        chosen = actions.table[audience.is_member]
        chosen = chosen.assign(discount=chosen["discount"].map(self._policies(audience)))
        segment = chosen[self.base.params.report.segmentation]
        people = actions.contacts
        return audience_table(
            chosen.assign(segment=segment),
            None if people is None else people[audience.is_member],
            contact=contact or self.params.contact,
            region=self.base.params.phone_region,
            campaign=self.base.params.campaign,
            seed=self.params.seed,
            control_share=self.params.control_share,
        )

    def _policies(self, audience: Audience) -> dict[str, str]:
        """What each discount policy becomes in a list."""
        if audience.segment is None or audience.segmentation is None:
            return {policy: policy for policy in POLICIES_BY_STRICTNESS}
        own = self.advice.of(audience.segmentation, audience.segment).discount
        return {policy: strictest([policy, own]) for policy in POLICIES_BY_STRICTNESS}

    def write(self, folder: Path | None = None) -> list[Path]:
        """Write every audience as a file of its own; lists of before are taken away.

        Parameters
        ----------
        folder : Path, optional
            By default the run's `exports/audiences`.
        """
        folder = folder or self.base.run_dir / FOLDER
        files = [write_csv(self.members(one), folder / f"{one.name}.csv") for one in self.lists]
        for file in set(folder.glob("*.csv")) - set(files):
            if is_audience(file):
                file.unlink()
        return files


def is_audience(file: Path) -> bool:
    """Whether a file of the folder is such a list, which other chapters' files are not."""
    with file.open(encoding="utf-8") as stream:
        return stream.readline().startswith("customer_id,group,")
