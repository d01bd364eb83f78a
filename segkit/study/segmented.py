"""A study's segments: what was fitted, who is in which, and their key figures."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from segkit.analysis.kpis import segment_kpis
from segkit.errors import SegkitError, suggestion
from segkit.foundation.cached import cached_property
from segkit.foundation.yaml_files import load_yaml
from segkit.params import SEGMENTATIONS
from segkit.segments.base import PROSPECTS
from segkit.segments.clusters import Clusters, load_cluster_names
from segkit.segments.clv import CLV_SEGMENTS
from segkit.segments.lifecycle import MICRO_SEGMENTS, STAGES, VIEWS, Lifecycle
from segkit.segments.rfm import FAMILIES, RFM, SUB_SEGMENTS
from segkit.segments.rules import RuleTable
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.store import key_of

HEADLINE = ("customers", "buyers", "orders", "revenue", "aov", "repeat_rate")


class Segmented(StudyPart):
    """The customers of one study by segment (definitions, sections 3 to 7).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    forecast : Forecast
    """

    def __init__(self, base: Base, gaps: Gaps, forecast: Forecast) -> None:
        self.base, self.gaps, self.forecast = base, gaps, forecast

    def _state(self, name: str, model: Any, *parts: Any) -> Any:
        """Return a segmentation fitted on the customers, remembered."""
        key = key_of(self.base.customers_key, *(parts or (model.get_params(),)))
        compute = lambda: model.fit(self.base.customers).to_state()
        return type(model).from_state(self.base.store.state(name, key, compute))

    # What was fitted ------------------------------------------------------------------

    @cached_property
    def rfm(self) -> RFM:
        """The fitted RFM scores (definitions, section 4)."""
        params = self.base.params.rfm
        model = RFM(
            monetary=params.monetary,
            frequency_bins=params.frequency_bins,
            cut_points={str(name): cuts for name, cuts in params.bins.items()} or None,
        )
        return self._state("rfm", model, params.model_dump())

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Each customer's `r`, `f`, `m` (1 to 5), `cell` (`555`), `family`, `sub_segment`."""
        return self.rfm.predict(self.base.customers)

    @cached_property
    def rules(self) -> RuleTable:
        """The value groups' rule table: the kit's, or the client's own."""
        own = self.base.params.rfm.value_groups
        return RuleTable.load(self.base.root / own if own else None)

    @cached_property
    def clusters(self) -> Clusters:
        """The fitted clusters (definitions, section 5)."""
        params = self.base.params.clusters.model_dump()
        return self._state("clusters", Clusters(**params, curve=True), params)

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """The fitted stages, views and flags (definitions, section 7)."""
        shares = self.base.params.lifecycle.model_dump(exclude={"new_days", "second_days"})
        terms = self.gaps.spans | shares | {"again_days": self.gaps.horizon_days}
        return self._state("lifecycle", Lifecycle(**terms))

    def rules_key(self) -> list[Any]:
        """Return what segments depend on besides customers."""
        own = self.base.params.rfm.value_groups
        table = load_yaml(self.base.root / own) if own else None
        names = ("rfm", "clusters", "lifecycle")
        return [
            *(getattr(self.base.params, name).model_dump() for name in names),
            table,
            *self.forecast.rules_key(),
        ]

    # Who is in which ------------------------------------------------------------------

    def label(self, segmentation: str, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's segment by this study's fitted rules.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, or a view of the lifecycle; a view leaves out (missing)
            who is of another stage.
        customers : DataFrame
            A customer table, of this study or of another date; for `clv_segments`, of another
            date, joined with the `clv` table of that date.
        """
        require_segmentation(segmentation)
        if segmentation == "clv_segments":
            return self.forecast.label(customers)
        if segmentation == "clusters":
            labels = self.clusters.predict(customers)
        elif segmentation == "lifecycle":
            labels = self.lifecycle.predict(customers)
        elif segmentation == "micro_segments":
            labels = self.lifecycle.micro_segments(customers)
        elif segmentation in VIEWS:
            labels = self.lifecycle.views(customers)[segmentation]
        else:
            scores = self.rfm.predict(customers)
            column = {"families": "family", "sub_segments": "sub_segment"}.get(segmentation)
            labels = scores[column] if column else self.rules.assign(scores)
        return labels.rename(segmentation)

    def labels(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return the segments of customers in every segmentation and view, by today's rules.

        Parameters
        ----------
        customers : DataFrame
            As for `label`.
        """
        table = pd.DataFrame({name: self.label(name, customers) for name in SEGMENTATIONS})
        return table.join(self.lifecycle.views(customers))

    @property
    def segmentations(self) -> list[str]:
        """Every segmentation, and the views that somebody is in."""
        return [*SEGMENTATIONS, *(view for view in VIEWS if self.table[view].notna().any())]

    @cached_property
    def table(self) -> pd.DataFrame:
        """Each customer's segment in every segmentation and view, with scores and flags.

        In the rows of the customer table: `customer_id`, `r`, `f`, `m`, `cell`, a column a
        segmentation and view, and the flags of the lifecycle.
        """
        key = key_of(self.base.customers_key, *self.rules_key())
        return self.base.store.frame("segments", key, self._compute)

    def _compute(self) -> pd.DataFrame:
        customers = self.base.customers
        scores = self.scores[["r", "f", "m", "cell"]]
        rising = self.forecast.clv_segments.is_rising(self.forecast.values)
        labels, flags = self.labels(customers), self.lifecycle.flags(customers)
        return pd.concat([customers[["customer_id"]], scores, labels, flags, rising], axis=1)

    @cached_property
    def names(self) -> dict[str, dict[str, str]]:
        """Possible segments of each segmentation and view, as the client's language calls them."""
        keys = {
            "families": FAMILIES,
            "sub_segments": SUB_SEGMENTS,
            "value_groups": [*self.rules.segments, PROSPECTS],
            "clusters": [*load_cluster_names(), PROSPECTS],
            "clv_segments": [*CLV_SEGMENTS, PROSPECTS],
            "lifecycle": STAGES,
            "micro_segments": MICRO_SEGMENTS,
            **VIEWS,
        }
        playbook = self.base.playbook
        return {name: playbook.names(name, keys[name]) for name in (*SEGMENTATIONS, *VIEWS)}

    # Key figures ----------------------------------------------------------------------

    def kpis(self, segmentation: str, start: date | None = None) -> pd.DataFrame:
        """Return the key figures of a segmentation's segments (definitions, section 3).

        Those of a view are shares of the customers in it, not of the whole base. Columns as
        `segkit.analysis.kpis.segment_kpis`: counts, money in the currency, shares of 1.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, or a view of the lifecycle.
        start : date, optional
            First day of the period, which ends at `as_of`.
        """
        require_segmentation(segmentation)
        start = start or self.base.period_start
        parts = (segmentation, start.isoformat(), *self.rules_key())
        return self.base.store.frame(
            f"kpis_{segmentation}_{start:%Y%m%d}",
            key_of(self.base.customers_key, *parts),
            lambda: segment_kpis(*self._labelled(segmentation, start)),
        )

    def _labelled(
        self, segmentation: str, start: date
    ) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
        """Return labels, customers and their purchases since `start`, of those with a label."""
        everyone = self.base.customers
        labels = self.label(segmentation, everyone).dropna()
        if labels.empty and len(everyone):
            fix = "Study.segmentations names those with customers"
            raise SegkitError("nobody is in this view", values=[segmentation], fix=fix)
        customers = everyone.assign(clv=self.forecast.values["clv"]).loc[labels.index]
        period = self.base.period(start)
        return labels, customers, period[period["customer_id"].isin(customers["customer_id"])]

    @cached_property
    def headline(self) -> dict[str, float]:
        """The period's key figures of the whole base, and its customers so far."""
        total = self.kpis("families").iloc[-1]
        return {name: float(total[name]) for name in HEADLINE}


def require_segmentation(segmentation: str) -> None:
    """Raise SegkitError where a study has no such segmentation or view."""
    known = (*SEGMENTATIONS, *VIEWS)
    if segmentation not in known:
        fix = suggestion(segmentation, known)
        raise SegkitError("unknown segmentation", values=[segmentation], fix=fix)
