"""A study's insights: what to act on first, in money and in words."""

from __future__ import annotations

from typing import Any, Protocol

import pandas as pd

from segkit.analysis import insights as tables
from segkit.errors import RuleError, suggestion
from segkit.foundation.cached import cached_property
from segkit.study.base import Base
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
    """

    def __init__(self, base: Base, gaps: Gaps, forecast: Forecast, segmented: Segmented) -> None:
        self.base, self.gaps, self.forecast, self.segmented = base, gaps, forecast, segmented
        self.params = self.base.params.report

    @property
    def segmentation(self) -> str:
        """The segmentation that the findings are about: `report.recommendations`."""
        return self.params.recommendations

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
    def looked_at(self) -> tables.Base:
        """Everything that the rules look at."""
        labels = self.segmented.table.set_index("customer_id")[self.segmentation]
        customers = self.base.customers.assign(
            clv=self.forecast.values["clv"], segment=self.base.customers["customer_id"].map(labels)
        )
        kpis = self.segmented.kpis(self.segmentation)
        return tables.Base(kpis, customers, self.base.period(), self.gaps.spans)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every finding, the one worth most first; see `segkit.analysis.insights.findings`."""
        return self.base.store.frame("insights", self._key, self._compute)

    @property
    def _key(self) -> str:
        rules = {key: rule.model_dump() for key, rule in self.rules.items()}
        return key_of(
            self.base.customers_key,
            *self.segmented.rules_key(),
            self.base.period_start.isoformat(),
            list(rules.items()),
            self._needed,
            self.segmentation,
            self.params.min_cell,
        )

    def _compute(self) -> pd.DataFrame:
        return tables.findings(
            self.rules,
            self.looked_at,
            segmentation=self.segmentation,
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
        return self.looked_at.members(self.rules[row["rule"]], row["segment"], row["channel"])

    def words(self, speaker: Speaker, row: pd.Series) -> dict[str, str]:
        """Return what a finding says: `title`, `sentence` and `action`; plain text, **not** escaped.

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
        said = {}
        for part, text in self._sayings(key, self.rules[key], speaker.texts).items():
            fields = {
                name: words.get(kind, _unchanged)(row[name])
                for name, kind in fields_of(text).items()
            }
            said[part] = filled(text, speaker.formats, f"insights.{key}.{part}", **fields)
        return said

    def top(self, n: int = TOLD) -> pd.DataFrame:
        """Return the best findings that are different things to do, the one worth most first.

        A finding most of whose customers are in a better one comes only where there are too
        few others.

        Parameters
        ----------
        n : int
            How many at most.
        """
        chosen: dict[Any, pd.Series] = {}
        for index, row in self.table.iterrows():
            if len(chosen) == n:
                break
            members = self._chosen(row)
            if all((members & others).sum() <= members.sum() / 2 for others in chosen.values()):
                chosen[index] = members
        rest = [index for index in self.table.index if index not in chosen]
        best = sorted([*chosen, *rest[: max(0, n - len(chosen))]])
        return self.table.loc[best].reset_index(drop=True)

    @property
    def remarks(self) -> Said:
        """What to know about the findings: keys of sentences, and their fields."""
        table = self.table
        if table.empty:
            return [("insights_none", {"min_cell": self.params.min_cell})]
        shares = table["attainable"]
        found = {"findings": len(table), "about": self.segmentation}
        editorial = {"least": shares.min(), "most": shares.max()}
        return [("insights_found", found), ("insights_attainable", editorial)]


def _check_fields(text: str, rule: tables.Rule, where: str) -> None:
    """Raise RuleError where a text names a figure that findings of its rule do not have."""
    names = {"segments": ("segment",), "channels": ("segment", "channel")}.get(rule.of, ())
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
