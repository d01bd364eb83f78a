"""What rules look at: figures of segments, of customers, of dimensions and of the brand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.concentration import pareto
from segkit.analysis.insights.rules import (
    CHANGE,
    CHANNEL,
    CHECKED,
    DIMENSION,
    GAPS,
    KPIS,
    Rule,
)
from segkit.analysis.kpis import TOTAL, segment_kpis
from segkit.analysis.lifecycle import two_rates
from segkit.analysis.segment_facts import segment_facts

Group = Callable[[str, str, str], "pd.Series[bool]"]
"""Who is of a value: outcome, dimension and value to booleans in the rows of customers."""


@dataclass(frozen=True)
class Base:
    """Everything that rules look at: figures of segments, of customers and of the brand.

    Parameters
    ----------
    kpis : DataFrame
        As `segment_kpis` makes it, the total last.
    customers : DataFrame
        The customer table, with `segment`, and `clv` where it is known.
    period : DataFrame
        What each customer bought in the period, as `segment_kpis` takes it.
    gaps : mapping, optional
        `usual_days` and `churn_days`, None where they are not known.
    changes : mapping, optional
        `CHANGE`: revenue against the period before, where that was observed.
    differences : DataFrame, optional
        As `segkit.analysis.differences.corrected` gives, with `at_stake`, `_low` and `_high`.
    group : callable, optional
        Who is of a value of a dimension.
    resamples, seed : int
        Of the intervals of shares of revenue.
    """

    kpis: pd.DataFrame
    customers: pd.DataFrame
    period: pd.DataFrame
    gaps: Mapping[str, float | None] = field(default_factory=dict)
    changes: Mapping[str, float] = field(default_factory=dict)
    differences: pd.DataFrame | None = None
    group: Group | None = None
    resamples: int = 200
    seed: int = 42

    @cached_property
    def brand(self) -> pd.Series:
        """The brand's figures: those of the total row, its concentration and its gaps."""
        total = self.kpis.set_index("segment").loc[TOTAL, list(KPIS)]
        gaps = {name: self.gaps.get(name) for name in GAPS}
        more = pareto(self.customers.loc[self.bought, "revenue"]) | gaps
        changes = {name: self.changes.get(name) for name in CHANGE}
        more |= changes | {"discounted_share": self.discounted[0]}
        return pd.Series(total.to_dict() | more, dtype="float64")

    @cached_property
    def discounted(self) -> tuple[float, float]:
        """The share of what was bought, by value, that was discounted, and its standard error."""
        if "discount_share" not in self.customers:
            return np.nan, np.nan
        known = self.customers[self.bought & self.customers["discount_share"].notna()]
        value = known["gross"].astype("float64").clip(lower=0)
        if not value.sum() > 0:
            return np.nan, np.nan
        share = float((known["discount_share"] * value).sum() / value.sum())
        rest = (known["discount_share"] - share) * value
        return share, float(np.sqrt((rest**2).sum()) / value.sum())

    @cached_property
    def bought(self) -> pd.Series:
        """Who has an order that stands: only they are looked at."""
        return self.customers["orders"].astype("float64").fillna(0) > 0

    @cached_property
    def few(self) -> pd.Series:
        """The smallest group of customers that brings 80 % of revenue so far."""
        value = self.customers.loc[self.bought, "revenue"].sort_values(
            ascending=False, kind="stable"
        )
        share = self.brand["few"]
        count = 0 if np.isnan(share) else round(share * len(value))
        return pd.Series(self.customers.index.isin(value.index[:count]), self.customers.index)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Figures of each segment in which somebody has bought."""
        rows = self.kpis[self.kpis["segment"] != TOTAL]
        facts = segment_facts(self.kpis, self.customers["segment"], self.customers, self.gaps)
        rows = rows.join(facts[list(CHECKED)], on="segment")
        return rows[rows["orders_all_time"] > 0].reset_index(drop=True)

    @cached_property
    def channels(self) -> pd.DataFrame:
        """Figures of each segment's customers who usually buy in a channel (`CHANNEL`)."""
        if "channel" not in self.customers:
            return pd.DataFrame(columns=["segment", "channel", *KPIS, *CHANNEL])
        known = self.customers[self.bought & self.customers["channel"].notna()]
        pairs = known.groupby(["segment", "channel"], observed=True).ngroup()
        first = known.loc[pairs.drop_duplicates().index, ["segment", "channel"]]
        rates = [self._rates(known, *pair) for pair in first.itertuples(index=False)]
        table = first.assign(pair=pairs[first.index].astype(str)).reset_index(drop=True)
        figures = self.figures(pairs.reindex(self.customers.index, fill_value=-1).astype(str))
        figures = figures.rename(columns={"segment": "pair"})
        return table.join(pd.DataFrame(rates, columns=list(CHANNEL))).merge(figures, on="pair")

    def _rates(self, known: pd.DataFrame, segment: str, channel: str) -> list[float]:
        """Return how usual a channel is in a segment and in the rest, with 95 % intervals."""
        rates = two_rates(known["segment"] == segment, known["channel"] == channel)
        sides = ("above", "below")
        return [rates[f"{side}_{part}"] for side in sides for part in ("rate", "low", "high")]

    def figures(self, labels: pd.Series) -> pd.DataFrame:
        """Return the key figures of any groups of customers, without the total."""
        given: dict[str, Any] = {"resamples": self.resamples, "seed": self.seed}
        return segment_kpis(labels, self.customers, self.period, **given).iloc[:-1]

    def candidates(self, rule: Rule) -> pd.DataFrame:
        """Return the groups that a rule finds, with their figures."""
        if rule.of == "dimensions":
            return self._dimension(rule)
        if rule.of in ("segments", "channels"):
            rows = getattr(self, rule.of)
            rows = rows[rule.fits(rows, self.brand)]
            return rows if rule.of == "segments" else _clearest(rows)
        chosen = self._chosen(rule)
        if not chosen.any():
            return pd.DataFrame(columns=list(KPIS))
        rows = self.figures(chosen.map({True: "yes", False: "no"}))
        return rows[rows["segment"] == "yes"].drop(columns="segment")

    def _dimension(self, rule: Rule) -> pd.DataFrame:
        """Return the value that a rule finds, of several the one with most at stake."""
        rows = self.differences
        if rows is None or rows.empty:
            return pd.DataFrame(columns=[*KPIS, *DIMENSION])
        rows = rows[(rows["outcome"] == rule.outcome) & (rows["rated"] > 0)]
        rows = rows[rule.fits(rows, self.brand)]
        if rows.empty:
            return pd.DataFrame(columns=[*KPIS, *DIMENSION])
        best = rows.sort_values(
            ["at_stake", "rated", "dimension", "value"],
            ascending=[False, False, True, True],
            na_position="last",
        ).head(1)
        chosen = self._of_value(best.iloc[0])
        figures = self.figures(chosen.map({True: "yes", False: "no"}))
        figures = figures[figures["segment"] == "yes"].drop(columns="segment")
        told = best.drop(columns="outcome").set_axis(figures.index)
        return figures.join(told)

    def _of_value(self, row: pd.Series) -> pd.Series:
        if self.group is None:
            return self.customers[row["dimension"]].astype("str") == row["value"]
        return self.group(row["outcome"], row["dimension"], row["value"])

    def members(self, rule: Rule, found: Mapping[Any, Any] | pd.Series) -> pd.Series:
        """Return who a finding is about, as booleans in the rows of `customers`.

        Parameters
        ----------
        rule : Rule
        found : mapping or Series
            A row of `findings`.
        """
        if rule.of == "dimensions":
            return self._of_value(pd.Series({**dict(found), "outcome": rule.outcome}))
        segment, channel = found["segment"], found["channel"]
        if rule.of in ("customers", "base"):
            return self._chosen(rule)
        chosen = self.customers["segment"] == segment
        if rule.of == "channels":
            chosen &= self.bought & (self.customers["channel"] == channel).fillna(False)
        return chosen.astype(bool)

    def _chosen(self, rule: Rule) -> pd.Series:
        if rule.of == "customers":
            return self.bought & rule.fits(self.customers, self.brand)
        fits = rule.fits(self.brand.to_frame().T, self.brand).item()
        return fits & (self.few if rule.is_of_few else self.bought)

    @cached_property
    def purchases(self) -> pd.DataFrame:
        """Each customer's `orders` and `revenue` of the period, and `_all_time`, in their rows."""
        within = self.period.set_index("customer_id")[["orders", "revenue"]]
        within = within.reindex(self.customers["customer_id"]).fillna(0)
        so_far = self.customers[["orders", "revenue"]].fillna(0).add_suffix("_all_time")
        return so_far.join(within.set_axis(self.customers.index))


def _clearest(channels: pd.DataFrame) -> pd.DataFrame:
    """Return the channel of each segment that is furthest above the others' share."""
    ahead = channels["channel_share_low"] - channels["others_share_high"]
    order = channels.assign(ahead=ahead).sort_values(["ahead", "channel"], ascending=[False, True])
    return channels.loc[order.drop_duplicates("segment").index]
