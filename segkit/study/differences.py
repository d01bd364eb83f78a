"""A study's differences: which channels, categories or products bring customers who do otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from segkit.analysis import differences as tables
from segkit.data.customers import DIMENSION, dimension_keys
from segkit.data.firsts import FIRST, YEAR, buyers_of, first_purchases, returners
from segkit.foundation.cached import cached_property
from segkit.study.base import Base, dated
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of

BEST = "champions"
RETURNED = ("category", "product", "channel")
"""Columns of the lines whose returns are looked at."""
OF_SEASONS = ("first_product", "first_category")
MOST_OF_SEASON = 0.5
"""With more of its first orders in three months running of the calendar, a product has a season, or
is too new to tell; unless the base itself has more."""
STAKES = ("at_stake", "at_stake_low", "at_stake_high")


class Differences(StudyPart):
    """What was looked at, value by value of each dimension, and how it differs from the rest.

    Outcomes: `second_order` (a second purchase within the usual gap of the first, of those whose
    first is older) and `year_value` (net revenue of the first 365 days, of those who have been
    here as long), by what the first order was about; `second_order` by the size of the first
    order, where a threshold was found; `champions` (share of the leading segmentation's best
    segment) by where customers usually buy; `returned` (who sent something back of what they
    bought in the period).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    segmented : Segmented
    """

    def __init__(self, base: Base, gaps: Gaps, segmented: Segmented) -> None:
        self.base, self.gaps, self.segmented = base, gaps, segmented

    @property
    def key(self) -> str:
        """Digest of everything that the table depends on."""
        gaps, start = list(self.gaps.spans.items()), self._span[0].isoformat()
        parts = (*self.segmented.rules_key(), self._lead, gaps, start, "differences")
        return key_of(self.base.customers_key, *parts)

    @property
    def _lead(self) -> str:
        return self.base.params.report.segmentation

    @property
    def _span(self) -> tuple[date, date]:
        """First day of the period, and the first after it."""
        return self.base.period_start, self.base.as_of

    @cached_property
    def table(self) -> pd.DataFrame:
        """Everything that was looked at; see `segkit.analysis.differences.corrected`.

        Also `at_stake` with `_low` and `_high` (money): what the difference comes to over a
        period, if those on the worse side did as those on the better; not known of `champions`.
        """
        return self.base.store.frame("differences", self.key, self._compute)

    def _compute(self) -> pd.DataFrame:
        of_first = [*self._second_orders(), *self._year_values(), *self._of_size()]
        table = tables.corrected([*of_first, *self._champions(), *self._returns()])
        stakes = [self._at_stake(row) for _, row in table.iterrows()]
        return table.join(pd.DataFrame(stakes, columns=list(STAKES), index=table.index))

    # What customers began with --------------------------------------------------------

    @cached_property
    def begun(self) -> pd.DataFrame:
        """The buyers, with what their first order was about and what their first year brought."""
        key = key_of(self.base.customers_key, "firsts")
        known = self.base.store.frame("firsts", key, self._compute_firsts)
        return self.base.buyers.merge(known, on="customer_id", how="left", validate="1:1").set_axis(
            self.base.buyers.index
        )

    def _compute_firsts(self) -> pd.DataFrame:
        return dated(first_purchases(self.base.lines, self.base.as_of))

    @cached_property
    def _own(self) -> dict[str, str]:
        """The client's own dimensions: key to column of the lines."""
        keys = dimension_keys(self.base.lines.columns)
        return {key: column for column, key in keys.items()}

    @property
    def names(self) -> dict[str, str]:
        """What the client calls its own dimensions, by the column of customers."""
        return {
            f"{side}_{key}": column.removeprefix(DIMENSION)
            for key, column in self._own.items()
            for side in ("first", "top")
        }

    def _first(self, name: str) -> pd.Series:
        """Return what first orders were about, where customers began with it all year round.

        What a season sells brings customers of that season: they differ from those of other
        months by when they came, and nobody can begin with it next month.
        """
        values, months = self.begun[name], self.begun["first_order"].dt.month
        if name not in OF_SEASONS or values.isna().all():
            return values
        share = tables.busiest_season(values, months)
        base = tables.busiest_season(pd.Series("all", index=values.index), months)["all"]
        return values.where(~values.isin(share.index[share > max(base, MOST_OF_SEASON)]))

    @property
    def _of_first(self) -> list[str]:
        names = [*FIRST.values(), *(f"first_{key}" for key in self._own)]
        return [name for name in names if name in self.begun]

    @property
    def _usual(self) -> list[str]:
        names = ["channel", "top_category", *(f"top_{key}" for key in self._own)]
        return [name for name in names if name in self.base.buyers]

    @property
    def _came_back(self) -> pd.Series | None:
        """Who bought again within the usual gap of the first order: 1 or 0, missing where too new."""
        usual = self.gaps.spans["usual_days"]
        if usual is None:
            return None
        back = (self.begun["first_gap_days"] <= usual).astype("float64")
        return back.where(self.begun["tenure_days"] > usual)

    def _second_orders(self) -> list[pd.DataFrame]:
        known = self._came_back
        if known is None:
            return []
        firsts = {name: self._first(name) for name in self._of_first}
        return self._rates("second_order", known, firsts)

    def _year_values(self) -> list[pd.DataFrame]:
        begun = self.begun
        value = begun["year_value"].where(begun["tenure_days"] >= YEAR)
        return [
            tables.means_apart(tables.sums_by(self._first(name), value), "year_value", name)
            for name in self._of_first
        ]

    def _champions(self) -> list[pd.DataFrame]:
        labels = self.segmented.table.loc[self.base.buyers.index, self._lead]
        best = (labels == BEST).astype("float64")
        if not best.any():
            return []
        usual = {name: self.base.buyers[name] for name in self._usual}
        return self._rates("champions", best, usual)

    def _rates(
        self, outcome: str, holds: pd.Series, about: Mapping[str, pd.Series]
    ) -> list[pd.DataFrame]:
        counts = {name: tables.counts_by(values, holds) for name, values in about.items()}
        return [tables.rates_apart(table, outcome, name) for name, table in counts.items()]

    def _of_size(self) -> list[pd.DataFrame]:
        """Return who came back by the size of the first order, at the threshold that was found."""
        model, known = self.segmented.lifecycle, self._came_back
        if known is None or model.large_units_ is None:
            return []
        size = (self.begun["first_units"] >= model.large_units_).map(
            {True: "large", False: "small"}
        )
        found = tables.rates_apart(tables.counts_by(size, known), "second_order", "first_size")
        searched = found["p_value"].clip(lower=model.split_["p_value"])  # all sizes were looked at
        return [found.assign(p_value=searched)[found["value"] == "large"]]

    # What was sent back ---------------------------------------------------------------

    def _returns(self) -> list[pd.DataFrame]:
        columns = [name for name in RETURNED if name in self.base.lines.columns]
        counts = {name: self._returners(name) for name in columns}
        return [
            tables.rates_apart(table, "returned", name)
            for name, table in counts.items()
            if table["count"].sum() > 0
        ]

    def _returners(self, column: str) -> pd.DataFrame:
        key = key_of(self.key, column)
        compute = lambda: dated(returners(self.base.lines, column, *self._span))
        return self.base.store.frame(f"returners_{column}", key, compute).set_index("value")

    # What it is worth -----------------------------------------------------------------

    def _at_stake(self, row: pd.Series) -> list[float]:
        """Return the money in a difference over a period, and its ends."""
        apart = row[list(tables.APART)].to_numpy(dtype="float64")
        if row["apart"] < 0:
            apart = -apart[[0, 2, 1]]
        return list(np.clip(apart * self._money_each(row), 0, None))

    def _money_each(self, row: pd.Series) -> float:
        """Return what a whole point of a difference brings."""
        outcome, is_better = row["outcome"], row["apart"] > 0
        if outcome == "returned":
            back = self._returners(row["dimension"])["returned"].get(row["value"], 0.0)
            return float(back) / row["rate"] if row["rate"] > 0 else 0.0
        if outcome == "champions":  # a share of people: what they spend tells what is in play
            return np.nan
        members = self._valued(row["dimension"], row["value"])
        recent = self.base.buyers["first_order"] >= pd.Timestamp(self.base.period_start)
        others = int((recent & ~members if is_better else recent & members).sum())
        return others * (self._order_value if outcome == "second_order" else 1.0)

    @property
    def _order_value(self) -> float:
        buyers = self.base.buyers
        return float(buyers["revenue"].sum() / buyers["orders"].sum())

    # Who is meant ---------------------------------------------------------------------

    def members(self, outcome: str, dimension: str, value: str) -> pd.Series:
        """Return who is of a value, as booleans in the rows of the study's customers."""
        if outcome == "returned":
            who = dated(buyers_of(self.base.lines, dimension, value, *self._span))
            return self.base.customers["customer_id"].isin(who["customer_id"])
        chosen = self._valued(dimension, value)
        return chosen.reindex(self.base.customers.index, fill_value=False)

    def _valued(self, dimension: str, value: str) -> pd.Series:
        if dimension == "first_size":
            large = self.base.buyers["first_units"] >= self.segmented.lifecycle.large_units_
            return large if value == "large" else ~large
        return (self.begun[dimension].astype("str") == value).fillna(False)
