"""A study's insights: what to act on first, in money and in words."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Protocol

import pandas as pd

from segkit.analysis import insights as tables
from segkit.errors import RuleError, suggestion
from segkit.foundation.cached import cached_property
from segkit.params import SEGMENTATIONS
from segkit.study.audit import Audit
from segkit.study.base import Base
from segkit.study.differences import BEST, Differences
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.fields import checked, fields_of, filled
from segkit.words.format import NUMBER_KINDS, Formats
from segkit.words.said import Said
from segkit.words.texts import Texts

TOLD = 3
"""Findings that a reader sees first."""
LEAST = 0.001
"""What a finding must be worth, of the period's revenue, to be told."""
TERM_DAYS = (14, 90)
"""The shortest and the longest time that a finding gives to act."""


NAMED = {
    "segments": ("segment",),
    "channels": ("segment", "channel"),
    "dimensions": ("about", "best"),
    "base": ("driver", "driver_action"),
}
"""What texts may call by name, by what a rule is of."""


class Speaker(Protocol):
    """Who says findings: in a language, with names of segments."""

    @property
    def texts(self) -> Texts: ...
    @property
    def formats(self) -> Formats: ...
    def name_of(self, segmentation: str, key: str) -> str: ...


class Insights(StudyPart):
    """What the figures of one study say that is worth acting on (definitions, section 10).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    forecast : Forecast
    segmented : Segmented
    audit : Audit
    differences : Differences
    """

    def __init__(
        self,
        base: Base,
        gaps: Gaps,
        forecast: Forecast,
        segmented: Segmented,
        audit: Audit,
        differences: Differences,
    ) -> None:
        self.base, self.gaps, self.forecast, self.segmented = base, gaps, forecast, segmented
        self.audit, self.differences = audit, differences
        self.params = self.base.params.report

    @property
    def segmentation(self) -> str:
        """The segmentation that leads: `report.segmentation`; its findings go before equals."""
        return self.params.segmentation

    @property
    def _file(self) -> str:
        return str(self.base.root / self.params.insights) if self.params.insights else tables.FILE

    @cached_property
    def rules(self) -> dict[str, tables.Rule]:
        """The rules in force: the kit's, and the client's own over them.

        Raises
        ------
        RuleError
            A rule is malformed, names a segment that there is not, or a text of it a figure
            that it does not have.
        """
        rules = tables.load_rules(self._file if self.params.insights else None)
        for key, rule in rules.items():
            self._check_segments(key, rule)
            for part, text in self._sayings(key, rule, self._texts).items():
                _check_fields(text, rule, f"{self._file}: {key}.{part}")
        return rules

    def _check_segments(self, key: str, rule: tables.Rule) -> None:
        known = {name for names in self.segmented.names.values() for name in names}
        for segment in rule.segments or ():
            if segment not in known:
                fix = suggestion(segment, self.segmented.names[self.segmentation])
                where = f"{self._file}: {key}.segments"
                raise RuleError("no such segment", where=where, values=[segment], fix=fix)

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self.base.params.language)

    def _sayings(self, key: str, rule: tables.Rule, texts: Texts) -> dict[str, str]:
        """Return the texts of a rule as written: the client's, else those of the catalogue."""
        own = {part: getattr(rule, part) for part in tables.TEXTS}
        return {
            part: texts.text(f"insights.{key}.{part}") if text is None else text
            for part, text in own.items()
        }

    @property
    def _needed(self) -> dict[str, list[str]]:
        """Figures that the texts of each rule name: without one of them nothing is told."""
        return {
            key: [
                name
                for text in self._sayings(key, rule, self._texts).values()
                for name in fields_of(text)
                if name in tables.FIGURES
            ]
            for key, rule in self.rules.items()
        }

    @cached_property
    def looked_at(self) -> dict[str, tables.Base]:
        """Everything that the rules look at, by segmentation, the leading one first."""
        others = [name for name in SEGMENTATIONS if name != self.segmentation]
        return {name: self._look_at(name) for name in (self.segmentation, *others)}

    def _look_at(self, segmentation: str) -> tables.Base:
        labels = self.segmented.table.set_index("customer_id")[segmentation]
        expected = self.forecast.values[["clv", "p_order"]]
        ids = self.base.customers["customer_id"]
        is_lead = segmentation == self.segmentation
        return tables.Base(
            self.segmented.kpis(segmentation),
            self.base.customers.assign(**expected, segment=ids.map(labels)),
            self.base.period(),
            self.gaps.spans,
            changes=self.audit.changes if is_lead else {},
            differences=self.differences.table if is_lead else None,
            group=self.differences.members,
        )

    @cached_property
    def table(self) -> pd.DataFrame:
        """The findings that are told, at most five, the one worth most first.

        Columns as `segkit.analysis.insights.findings`. The rules look at every segmentation and
        dimension; of findings about the same customers, one is told: of the leading segmentation
        rather than of another, and else the one worth more.
        """
        return self.base.store.frame("insights", self._key, self._compute)

    @property
    def _key(self) -> str:
        rules = {key: rule.model_dump() for key, rule in self.rules.items()}
        return key_of(
            self.base.customers_key,
            *self.segmented.rules_key(),
            self.base.period_start.isoformat(),
            list(rules.items()),
            self.differences.key,
            self._needed,
            self.segmentation,
            self.params.min_cell,
        )

    def _compute(self) -> pd.DataFrame:
        found = pd.concat([self._found(name) for name in self.looked_at], ignore_index=True)
        least = LEAST * max(self.base.period()["revenue"].sum(), 0)
        found = found[found["expected_value"] >= least]
        # A report speaks of one segmentation: a wide segment of another does not take the place
        # of the several of the leading one that are within it.
        found = found.assign(is_other=found["segmentation"] != self.segmentation)
        order = {"is_other": True, "expected_value": False}
        found = found.sort_values(list(order), ascending=list(order.values()), kind="stable")
        found = found.drop(columns="is_other")
        told = tables.settled(found, self._chosen, self._is_of_all)
        return told.astype(found.dtypes.to_dict())

    def _found(self, segmentation: str) -> pd.DataFrame:
        """Return what the rules find in a segmentation; of others than the leading one, in its segments."""
        rules = {
            key: rule
            for key, rule in self.rules.items()
            if not rule.is_by_definition(segmentation)
            and (rule.of == "segments" or segmentation == self.segmentation)
        }
        return tables.findings(
            rules,
            self.looked_at[segmentation],
            segmentation=segmentation,
            min_cell=self.params.min_cell,
            needed=self._needed,
        )

    def members(self, row: pd.Series) -> pd.Series:
        """Return the `customer_id` of those whom a finding is about.

        Parameters
        ----------
        row : Series
            A row of `table`.
        """
        customers = self.base.customers
        return customers.loc[self._chosen(row), "customer_id"].reset_index(drop=True)

    def _chosen(self, row: pd.Series) -> pd.Series:
        return self.looked_at[row["segmentation"]].members(self.rules[row["rule"]], row)

    def _is_of_all(self, row: pd.Series) -> bool:
        rule = self.rules[row["rule"]]
        return rule.of == "base" and not rule.is_of_few

    def words(self, speaker: Speaker, row: pd.Series) -> dict[str, str]:
        """Return what a finding says; plain text, **not** escaped.

        `title`, `sentence`, `action` and `deadline`: until when to do it.

        Parameters
        ----------
        speaker : Speaker
            In whose language and formats it is said.
        row : Series
            A row of `table`.
        """
        key = row["rule"]
        words = {"segment": lambda name: speaker.name_of(row["segmentation"], name)}
        words["label"] = speaker.texts.label
        row = pd.concat([row, pd.Series(self._spoken(speaker, row))])
        deadline = speaker.texts.fill("sentences.deadline", speaker.formats, by=self.deadline)
        said = {"deadline": deadline}
        for part, text in self._sayings(key, self.rules[key], speaker.texts).items():
            fields = {
                name: words.get(kind, _unchanged)(row[name])
                for name, kind in fields_of(text).items()
            }
            said[part] = filled(text, speaker.formats, f"insights.{key}.{part}", **fields)
        return said

    def _spoken(self, speaker: Speaker, row: pd.Series) -> dict[str, str]:
        """Return what only a language can say of a finding: `about` and `driver`."""
        of = self.rules[row["rule"]].of
        if of == "dimensions":
            about = self._about(speaker, row["dimension"], row["value"])
            return {"about": about, "best": speaker.name_of(self.segmentation, BEST)}
        if of != "base" or pd.isna(row["change"]):
            return {}
        moved = row[list(tables.DRIVERS)].astype("float64") * (1 if row["change"] > 0 else -1)
        way = "rose" if row["change"] > 0 else "fell"
        driver = f"{moved.idxmax()}_{way}"
        return {"driver": driver, "driver_action": f"{driver}_action"}

    def _about(self, speaker: Speaker, dimension: str, value: str) -> str:
        """Return how customers of a value are told apart: `in the category “Wine”`."""
        key, texts = f"labels.dimension_{dimension}", speaker.texts
        if dimension == "first_size":
            units = self.segmented.lifecycle.large_units_
            return texts.fill(f"{key}_{value}", speaker.formats, units=units)
        if key not in texts:
            side = "first" if dimension.startswith("first_") else "top"
            key = f"labels.dimension_{side}"
        name = self.differences.names.get(dimension, dimension)
        return texts.fill(key, speaker.formats, value=value.strip(), name=name)

    @property
    def deadline(self) -> date:
        """Until when to act: a usual gap from now, neither too soon nor too far."""
        shortest, longest = TERM_DAYS
        days = min(max(self.gaps.spans["usual_days"] or 30, shortest), longest)
        return self.base.as_of + timedelta(days=days)

    def top(self, n: int = TOLD) -> pd.DataFrame:
        """Return the findings that a reader sees first, the one worth most first.

        Two of the same rule ask for the same thing: the second gives way to another rule's.

        Parameters
        ----------
        n : int
            How many at most.
        """
        again = self.table["rule"].duplicated()
        told = again.sort_values(kind="stable").index[:n]
        return self.table.loc[sorted(told)].reset_index(drop=True)

    @property
    def remarks(self) -> Said:
        """What to know about the findings: keys of sentences, and their fields."""
        table = self.table
        if table.empty:
            return [("insights_none", {"min_cell": self.params.min_cell})]
        shares = table["attainable"]
        found = {"findings": len(table)}
        editorial = {"least": shares.min(), "most": shares.max()}
        return [("insights_found", found), ("insights_attainable", editorial)]


def _check_fields(text: str, rule: tables.Rule, where: str) -> None:
    """Raise RuleError where a text names a figure that findings of its rule do not have."""
    names = NAMED.get(rule.of, ())
    valid = [*names, *tables.FIGURES]
    for name, kind in fields_of(checked(text, where)).items():
        if name not in valid:
            fix = suggestion(name, valid)
            raise RuleError("unknown field", where=where, values=[name], fix=fix)
        if (name in names) == (kind.partition(".")[0] in NUMBER_KINDS):
            fix = "write a figure like {revenue:money.0}, a name like {segment:segment}"
            raise RuleError("a field of the wrong kind", where=where, values=[name], fix=fix)


def _unchanged(value: object) -> object:
    return value
