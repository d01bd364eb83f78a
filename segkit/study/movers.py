"""A study's movers: who changed segment in a way worth acting on, each such move a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from segkit.analysis.migration import movements
from segkit.analysis.movers import (
    MoveRules,
    list_name,
    load_move_rules,
    value_steps,
    what_happened,
    worth_acting,
)
from segkit.foundation.cached import cached_property
from segkit.foundation.files import write_csv
from segkit.foundation.nothing import NOTHING
from segkit.study.advice import Advice
from segkit.study.audiences import Audience, Audiences, is_audience
from segkit.study.base import Base
from segkit.study.gaps import Gaps
from segkit.study.migration import Migration
from segkit.study.part import StudyPart, records
from segkit.words.said import Said

FOLDER = "exports/movers"
"""Where lists of movers are, below the folder of a run."""
TOLD = 12
"""Moves that the report shows."""
WON_BACK = ("at_risk", "champions")
"""The move that the report answers by name."""
FACTS = (
    *("segment_before", "segment_after", "revenue_before", "orders_before", "clv_before"),
    *("revenue_between", "orders_between", "recency_days", "happened"),
)
"""What a list of movers says of each, besides what any list does."""


class Movers(StudyPart):
    """Who moved between segments since the date before, as lists (definitions, section 8).

    Each list has as many customers as the matrix of the same two dates counts. Newcomers, who
    were in no segment before, are on none.

    Parameters
    ----------
    base : Base
    gaps : Gaps
    migration : Migration
    advice : Advice
    audiences : Audiences
    """

    def __init__(
        self,
        base: Base,
        gaps: Gaps,
        migration: Migration,
        advice: Advice,
        audiences: Audiences,
    ) -> None:
        self.base, self.gaps, self.migration = base, gaps, migration
        self.advice, self.audiences = advice, audiences

    @property
    def ready(self) -> bool:
        """Whether there is an earlier date to compare with."""
        return self.migration.ready

    @property
    def segmentation(self) -> str:
        """The segmentation that leads the report."""
        return self.audiences.actions.segmentation

    @property
    def rules(self) -> MoveRules:
        """Which moves are worth acting on."""
        return load_move_rules()

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every move worth acting on, those with most revenue at stake first.

        `segment_before`, `segment_after`, `customers`, `share_of_before` (of the earlier segment),
        `revenue_before` (money that they had spent), `revenue_between` (net revenue since), `steps`
        of value (up is positive), `what_to_do` and `discount` (the advice for the segment they are
        in now), `file`.
        """
        moved = movements(self.migration.flows(self.segmentation))
        steps = value_steps(self._pairs, self.rules.order.get(self.segmentation))
        table = worth_acting(moved, steps, self.rules)
        names = self.base.playbook.discounts
        entries = [self.advice.of(self.segmentation, key) for key in table["segment_after"]]
        return table.assign(
            what_to_do=[entry.strategies[0] for entry in entries],
            discount=[names[entry.discount].name for entry in entries],
            file=[f"{FOLDER}/{name}.csv" for name in _names(table)],
        )

    @property
    def is_told(self) -> pd.Series:
        """Which moves the report shows: few, and none of fewer customers than `report.min_cell`."""
        large = self.table["customers"] >= self.base.params.report.min_cell
        return large & (large.cumsum() <= TOLD)

    @property
    def if_told(self) -> Any:
        """The part itself, or nothing where there is no move to show."""
        return self if self.ready and self.is_told.any() else NOTHING

    @property
    def remarks(self) -> Said:
        """What to know about the lists: keys of sentences, and their fields."""
        if not self.ready or self.table.empty:
            return []
        lists = {"lists": len(self.table), "customers": int(self.table["customers"].sum())}
        return [("movers_listed", {**lists, "folder": FOLDER}), *self._won_back()]

    def _won_back(self) -> Said:
        """How many went from at risk to the top, where anybody did."""
        was, is_now = WON_BACK
        flows = self.migration.flows(self.segmentation)
        there = flows[flows["segment_before"] == was]
        won = int(there.loc[there["segment_after"] == is_now, "customers"].sum())
        fields = {"segment_before": was, "segment_after": is_now, "customers": won}
        whole = {"customers_before": int(there["customers"].sum()), "months": self.migration.months}
        return [("movers_won_back", fields | whole)] if won else []

    # Lists ----------------------------------------------------------------------------

    @cached_property
    def _pairs(self) -> pd.DataFrame:
        """Customers of today at both dates, in the rows of `Study.customers`."""
        pairs = self.migration.pairs(self.segmentation).set_index("customer_id")
        pairs = pairs.loc[self.base.customers["customer_id"]].reset_index()
        return pairs.set_axis(self.base.customers.index)

    @cached_property
    def facts(self) -> pd.DataFrame:
        """What each customer was and did, in the rows of `Study.customers`.

        `customer_id`, `segment_before`, `segment_after`; until the earlier date `revenue_before`,
        `clv_before` (money; expected then, by today's models), `orders_before`; since then
        `revenue_between` (net of returns), `orders_between` (that stand, less those returned
        whole); `recency_days` now, and `happened` (see `segkit.analysis.movers.what_happened`).
        """
        pairs, ends = self._pairs, self.migration.ends
        days = (ends["after"] - ends["before"]).days
        orders = pairs["orders_before"].fillna(0).astype("int64")
        facts = pairs.assign(
            orders_before=orders,
            revenue_between=(pairs["revenue_after"] - pairs["revenue_before"]).round(4),
            orders_between=pairs["orders_after"].astype("int64") - orders,
            recency_days=pairs["recency_days_after"].astype("Int64"),
            happened=what_happened(pairs, days, self.gaps.spans["churn_days"]),
        )
        return facts[["customer_id", *FACTS]]

    def members(self, segment_before: str, segment_after: str) -> pd.DataFrame:
        """Return the list of those who went from one segment to another, worth acting on or not.

        Parameters
        ----------
        segment_before, segment_after : str

        Returns
        -------
        DataFrame
            `customer_id`, `group`, `campaign`, `FACTS`, `what_to_do`; then as
            `segkit.analysis.contact_lists.audience_table`, so that groups, channels and
            addresses are those of the other lists.
        """
        facts = self.facts
        moved = (facts["segment_before"] == segment_before) & (
            facts["segment_after"] == segment_after
        )
        name = list_name(segment_before, segment_after)
        audience = Audience(name, self.segmentation, segment_after, None, moved)
        listed = self.audiences.members(audience).drop(columns="segment")
        mine = facts[moved].set_index("customer_id").loc[listed["customer_id"], [*FACTS]]
        advice = self.advice.of(self.segmentation, segment_after)
        own = mine.reset_index(drop=True).assign(what_to_do=advice.strategies[0])
        start = listed[["customer_id", "group"]].assign(campaign=self.base.params.campaign)
        rest = listed.drop(columns=list(start), errors="ignore")
        return pd.concat([start, own, rest], axis=1)

    def write(self, folder: Path | None = None) -> list[Path]:
        """Write the list of every move worth acting on; lists of before are taken away.

        Parameters
        ----------
        folder : Path, optional
            By default the run's `exports/movers`.
        """
        folder = folder or self.base.run_dir / FOLDER
        files = [self._written(folder, **row) for row in self._moves()]
        for file in set(folder.glob("*.csv")) - set(files):
            if is_audience(file):
                file.unlink()
        return files

    def _moves(self) -> list[dict[str, Any]]:
        return records(self.table[["segment_before", "segment_after"]]) if self.ready else []

    def _written(self, folder: Path, segment_before: str, segment_after: str) -> Path:
        file = folder / f"{list_name(segment_before, segment_after)}.csv"
        return write_csv(self.members(segment_before, segment_after), file)


def _names(moves: pd.DataFrame) -> list[str]:
    return [list_name(**row) for row in records(moves[["segment_before", "segment_after"]])]
