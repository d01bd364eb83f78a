"""A study's segments: what was fitted, who is in which, and their key figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.dimensions import (
    cells_of,
    dimension_kpis,
    fewer_values,
    find_dimension,
    without_few,
)
from segkit.analysis.kpis import segment_kpis, with_no_customer
from segkit.data.customers import DIMENSION, dimension_keys, period_table
from segkit.errors import SegkitError, suggestion
from segkit.foundation.cached import cached_property
from segkit.foundation.yaml_files import load_yaml
from segkit.params import SEGMENTATIONS
from segkit.params.segments import RFMParams
from segkit.segments.base import RETURNED_ALL, WITHOUT_ORDERS
from segkit.segments.clusters import Clusters, load_cluster_names
from segkit.segments.clv import CLV_SEGMENTS
from segkit.segments.lifecycle import MICRO_SEGMENTS, STAGES, VIEWS, Lifecycle
from segkit.segments.rfm import FAMILIES, RFM, SUB_SEGMENTS
from segkit.segments.rules import RuleTable
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.recency import recency_remarks
from segkit.study.store import key_of
from segkit.words.columns import Columns
from segkit.words.said import Said

OF_SCORES = ("families", "sub_segments", "value_groups")
"""Segmentations that follow from the RFM scores alone."""
NAMED_VALUES = 8
"""How many values of a dimension a picture names."""
NO_CUSTOMER_SHARE = 0.01
"""The share of revenue from which sales to nobody known are worth a sentence."""
HEADLINE = ("customers", "buyers", "orders", "revenue", "aov", "repeat_rate")


class Segmented(StudyPart):
    """The customers of one study by segment (definitions, sections 3 to 7).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    forecast : Forecast
    groups : function, optional
        How many clusters there are, where that was chosen at an earlier date.
    """

    def __init__(
        self,
        base: Base,
        gaps: Gaps,
        forecast: Forecast,
        groups: Callable[[], int] | None = None,
    ) -> None:
        self.base, self.gaps, self.forecast, self._groups = base, gaps, forecast, groups

    def _state(self, name: str, model: Any, *parts: Any) -> Any:
        """Return a segmentation fitted on the customers, remembered."""
        key = key_of(self.base.customers_key, *(parts or (model.get_params(),)))
        compute = lambda: model.fit(self.base.customers).to_state()
        return type(model).from_state(self.base.store.state(name, key, compute))

    # What was fitted ------------------------------------------------------------------

    @cached_property
    def rfm(self) -> RFM:
        """The fitted RFM scores (definitions, section 4)."""
        return self._state("rfm", self._scoring(self.base.params.rfm))

    def _scoring(self, params: RFMParams) -> RFM:
        """Return scores by a client's parameters, not fitted."""
        asks_rhythm = params.recency == "rhythm" and "recency" not in params.bins
        return RFM(
            bins=params.scores,
            monetary=params.monetary,
            frequency_bins=params.frequency_bins,
            cut_points={str(name): cuts for name, cuts in params.bins.items()} or None,
            **(self.gaps.paces if asks_rhythm else {}),
        )

    def scored_by(self, params: RFMParams) -> RFM:
        """Return the scores that other parameters would give, fitted on the study's customers."""
        return self._scoring(params).fit(self.base.customers)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Each customer's `r`, `f`, `m` (from 1 up), `cell` (`555`), `family`, `sub_segment`."""
        return self.rfm.predict(self.base.customers)

    @property
    def remarks(self) -> Said:
        """How recency is scored and why: keys of sentences, and their fields."""
        return recency_remarks(self.base.params.rfm, self.gaps, self.rfm)

    @property
    def rule_cells(self) -> pd.Series:
        """Each customer's cell on the scale of five, which rules for single cells speak of."""
        return self.rfm.on_five(self.scores)["cell"]

    @cached_property
    def rules(self) -> RuleTable:
        """The value groups' rule table: the kit's, for five scores, or the client's own."""
        params = self.base.params.rfm
        if params.value_groups is None:
            return RuleTable.load()
        return RuleTable.load(self.base.root / params.value_groups, bins=params.scores)

    @cached_property
    def clusters(self) -> Clusters:
        """The fitted clusters (definitions, section 5)."""
        params = self.base.params.clusters.model_dump()
        if self._groups is not None and params["k"] is None:
            params["k"] = self._groups()
        return self._state("clusters", Clusters(**params, curve=self._groups is None), params)

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
            labels = self.by_scores(segmentation, self.rfm, self.rfm.predict(customers))
        return labels.rename(segmentation)

    def settled(self, segmentation: str, before: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
        """Return the earlier of two segments, that of the later date where it only brushed an edge.

        Parameters
        ----------
        segmentation : str
            One of `OF_SCORES`.
        before, after : DataFrame
            Customers at two dates: `customer_id`, and the columns that `rfm` scores.

        Notes
        -----
        Definitions, section 8.
        """
        tolerance = self.base.params.migration.edge_tolerance
        scores = self.rfm.settled(before, after, tolerance)
        return self.by_scores(segmentation, self.rfm, scores)

    def by_scores(self, segmentation: str, rfm: RFM, scores: pd.DataFrame) -> pd.Series:
        """Return segments by given scores, and by the client's rule table.

        Parameters
        ----------
        segmentation : str
            One of `OF_SCORES`.
        rfm : RFM
            What scored them.
        scores : DataFrame
            What it predicted.
        """
        if column := {"families": "family", "sub_segments": "sub_segment"}.get(segmentation):
            return scores[column]
        as_ruled = self.rules.bins == rfm.bins
        found = self.rules.assign(scores if as_ruled else rfm.on_five(scores))
        return found.mask(scores["family"] == RETURNED_ALL, RETURNED_ALL)

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
            "value_groups": [*self.rules.segments, *WITHOUT_ORDERS],
            "clusters": [*load_cluster_names(), *WITHOUT_ORDERS],
            "clv_segments": [*CLV_SEGMENTS, *WITHOUT_ORDERS],
            "lifecycle": STAGES,
            "micro_segments": MICRO_SEGMENTS,
            **VIEWS,
        }
        playbook = self.base.playbook
        return {name: playbook.names(name, keys[name]) for name in (*SEGMENTATIONS, *VIEWS)}

    # Key figures ----------------------------------------------------------------------

    def kpis(
        self, segmentation: str, start: date | None = None, by: str | None = None
    ) -> pd.DataFrame:
        """Return the key figures of a segmentation's segments (definitions, section 3).

        Those of a view are shares of the customers in it, not of the whole base. Columns as
        `segkit.analysis.kpis.segment_kpis`: counts, money in the currency, shares of 1.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, or a view of the lifecycle.
        start : date, optional
            First day of the period, which ends at `as_of`.
        by : str, optional
            A dimension: one of `Study.dimensions`, with `first_` that of the first order, or what
            the client calls it in `orders.dimensions`. Rows and columns are then those of
            `segkit.analysis.dimensions.dimension_kpis`.

        Raises
        ------
        SegkitError
            There is no such segmentation or dimension.
        """
        require_segmentation(segmentation)
        start = start or self.base.period_start
        if by is not None:
            return self._by_dimension(segmentation, start, self._column(by))
        parts = (segmentation, start.isoformat(), *self.rules_key())
        return self.base.store.frame(
            f"kpis_{segmentation}_{start:%Y%m%d}",
            key_of(self.base.customers_key, *parts),
            lambda: segment_kpis(*self._labelled(segmentation, start)),
        )

    def _by_dimension(self, segmentation: str, start: date, column: str) -> pd.DataFrame:
        parts = (segmentation, start.isoformat(), column, *self.rules_key())
        name = f"kpis_{segmentation}_by_{column[:60]}_{start:%Y%m%d}"
        return self.base.store.frame(
            name,
            key_of(self.base.customers_key, *parts),
            lambda: dimension_kpis(
                *self._labelled(segmentation, start), self.base.customers[column]
            ),
        )

    def _column(self, dimension: str) -> str:
        named = self.base.params.orders.dimensions
        return find_dimension(dimension, self.base.customers, named)

    def shown_kpis(self, segmentation: str, by: str | None = None) -> pd.DataFrame:
        """Return `kpis` of the period as a report shows them and files hold them.

        Below the total stands what was sold to nobody known, where there was any
        (`segkit.analysis.kpis.with_no_customer`). Cut by a dimension, rows of fewer than
        `report.min_cell` customers are blank (`segkit.analysis.dimensions.without_few`).

        Parameters
        ----------
        segmentation, by
            As for `kpis`.
        """
        if by is None:
            return with_no_customer(self.kpis(segmentation), self._of_nobody)
        return without_few(self.kpis(segmentation, by=by), self.base.params.report.min_cell)

    def cells(self, segmentation: str, by: str) -> pd.DataFrame:
        """Return how customers, revenue and value lie over segments and values of a dimension.

        Parameters
        ----------
        segmentation, by
            As for `kpis`.

        Returns
        -------
        DataFrame
            One row a segment and value that somebody has: `segment`, the dimension (missing: not
            known), `customers`, `revenue_share` (of the brand's), `clv` (mean, money); blank for
            fewer than `report.min_cell` customers. Past eight values, those of least revenue are
            one: `other`.
        """
        require_segmentation(segmentation)
        labels, customers, period = self._labelled(segmentation, self.base.period_start)
        bought = period.set_index("customer_id")["revenue"]
        revenue = customers["customer_id"].map(bought).fillna(0.0)
        values = fewer_values(customers[self._column(by)], revenue, NAMED_VALUES)
        table = cells_of(dimension_kpis(labels, customers, period, values))
        names = ["segment", values.name, "customers", "revenue_share", "clv"]
        return without_few(table[names], self.base.params.report.min_cell)

    def dimension_terms(self, by: str) -> dict[str, Any]:
        """Return what sentences about a dimension say: `dimension`, its name, and `min_cell`."""
        column = self._column(by)
        keys = dimension_keys(f"{DIMENSION}{name}" for name in self.base.params.orders.dimensions)
        own = {f"top_{key}": place.removeprefix(DIMENSION) for place, key in keys.items()}
        name = own.get(column) or Columns(self.base.params.language).label(column)
        return {"dimension": name, "min_cell": self.base.params.report.min_cell}

    @cached_property
    def _of_nobody(self) -> pd.DataFrame:
        """What was bought in the period by no customer, as `Base.period` says it of customers."""
        start, end = self.base.period_start, self.base.as_of
        table = self.base.store.frame(
            f"nobody_{start:%Y%m%d}",
            key_of(self.base.customers_key, start.isoformat()),
            lambda: period_table(self.base.cleaned.nobody, start, end).to_pyarrow().to_pandas(),
        )
        # Without order numbers, all that a till sells in a day would be one order.
        has_numbers = self.base.params.orders.columns.order is not None
        return table if has_numbers else table.assign(orders=np.nan)

    @property
    def no_customer(self) -> Said:
        """What was sold to nobody known in the period, where that is over 1 % of the revenue."""
        revenue = float(self._of_nobody["revenue"].sum())
        brand = revenue + self.headline["revenue"]
        if brand <= 0 or revenue <= NO_CUSTOMER_SHARE * brand:
            return []
        return [("no_customer_share", {"revenue": revenue, "share": revenue / brand})]

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
