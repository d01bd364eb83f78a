"""Segments with other edges: sizes, revenue, and what such segments bought in the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd
import yaml

from segkit.analysis.kpis import TOTAL
from segkit.errors import SegkitError, suggestion
from segkit.foundation.cached import cached_property
from segkit.params import Params, check_params
from segkit.segments.base import WITHOUT_ORDERS
from segkit.segments.clv import CLVSegments
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.holdout import Holdout
from segkit.study.part import StudyPart
from segkit.study.segmented import OF_SCORES, Segmented

MEASURES = {"recency": "r", "frequency": "f", "monetary": "m"}
"""What is scored, and the letters of the scores; each is a segmentation of its own here."""
SHARES = ("champions_share", "loyal_share", "low_share", "falling")
"""What moves the predictive segments without a new forecast."""
MOVABLE = (*OF_SCORES, *MEASURES, "clv_segments")
Edges = Mapping[str, float | Sequence[float]]
"""Cuts by measure (as `rfm.bins`), or shares by name (as `clv.segments`)."""


class Then(Protocol):
    """What is asked of the client at the date of the test."""

    @property
    def customers(self) -> pd.DataFrame: ...
    @property
    def forecast(self) -> Forecast: ...
    @property
    def segmented(self) -> Segmented: ...


class WhatIf(StudyPart):
    """The segments of one study, were their edges elsewhere.

    What is slow, customers, their values and what came of them in the test, is asked of the
    study once; each move then labels them anew.

    Parameters
    ----------
    base : Base
    forecast : Forecast
    segmented : Segmented
    holdout : Holdout
    at : function of a date
        The same client at an earlier date, with its own forecast and segments.
    """

    def __init__(
        self,
        base: Base,
        forecast: Forecast,
        segmented: Segmented,
        holdout: Holdout,
        at: Callable[[date], Then],
    ) -> None:
        self.base, self.forecast, self.segmented = base, forecast, segmented
        self.holdout, self._at = holdout, at

    @property
    def is_tested(self) -> bool:
        """Whether the history is long enough for a test of what segments bring next."""
        return self.holdout.ready

    def edges(self, segmentation: str) -> dict[str, float | list[float]]:
        """Return where the edges of a segmentation are that can be moved.

        Parameters
        ----------
        segmentation : str
            One of `MOVABLE`.

        Returns
        -------
        dict
            Cuts by measure: each the last value of its score, lowest first (days, orders,
            money); or shares by name. A measure on which ties leave fewer edges than there
            should be is left out.

        Raises
        ------
        SegkitError
            Where the edges of such a segmentation cannot be moved.
        """
        require_movable(segmentation)
        if segmentation == "clv_segments":
            own = self.base.params.clv.segments
            return {name: getattr(own, name) for name in SHARES}
        rfm = self.segmented.rfm
        cuts = {name: list(rfm.scales_[name]["cuts"]) for name in self._measures(segmentation)}
        return {name: held for name, held in cuts.items() if len(held) == rfm.bins - 1}

    def params(self, segmentation: str, edges: Edges) -> Params:
        """Return the client's parameters with edges moved.

        Parameters
        ----------
        segmentation : str
        edges : mapping
            As `edges` gives them; those that stay may be left out.

        Raises
        ------
        SegkitError
            Where such a segmentation has no such edge.
        ParamsError
            As of a client's file with these edges.
        """
        plain = self.base.params.plain()
        return check_params(plain | self._section(segmentation, edges), where="what if")

    def labels(self, segmentation: str, edges: Edges) -> pd.Series:
        """Return each customer's segment, in the rows of the study's customers."""
        params = self.params(segmentation, edges)
        return _labels(segmentation, params, self.segmented, self.base.customers, self._values)

    def table(self, segmentation: str, edges: Edges | None = None) -> pd.DataFrame:
        """Return sizes, revenue and evidence of the segments.

        Parameters
        ----------
        segmentation : str
        edges : mapping, optional
            As for `params`; without any, the segments are those of the study.

        Returns
        -------
        DataFrame
            `segment`, `customers`, `customers_today` (in the study's own segments),
            `customers_share`, `revenue` (of the period, money), `revenue_share`, and, where there
            is a test, `revenue_next`: what a customer of such a segment at the date of the test
            bought on average until the study's date (money). The last row is the total.
        """
        labels = self.labels(segmentation, edges or {})
        own = self._own(segmentation)
        sums = self._period.groupby(labels.to_numpy()).agg(["size", "sum"])
        order = [key for key in self.segments(segmentation) if key in {*sums.index, *own.index}]
        table = sums.reindex(order, fill_value=0).set_axis(["customers", "revenue"], axis=1)
        table = table.rename_axis("segment").assign(customers_today=own.reindex(order).fillna(0))
        totals = table.sum().to_frame(TOTAL).T.rename_axis("segment")
        table = pd.concat([table, totals])
        for name in ("customers", "revenue"):
            table[f"{name}_share"] = table[name] / totals[name].iloc[0]
        if self.is_tested:
            table["revenue_next"] = self._next(segmentation, edges or {})
        whole = dict.fromkeys(("customers", "customers_today"), "int64")
        names = ["customers", "customers_today", "customers_share", "revenue", "revenue_share"]
        names += [name for name in table if name == "revenue_next"]
        return table.astype(whole)[names].reset_index()

    def to_yaml(self, segmentation: str, edges: Edges) -> str:
        """Return the section of the client's file that makes these segments the client's own.

        Whatever the client's file says in that section already is in it, so that it can take the
        section's place. Nothing moved is an empty text.

        Parameters
        ----------
        segmentation : str
        edges : mapping
            As for `params`.
        """
        if not edges:
            return ""
        self.params(segmentation, edges)
        section = self._section(segmentation, edges)
        return yaml.safe_dump(section, sort_keys=False, allow_unicode=True, default_flow_style=None)

    def segments(self, segmentation: str) -> list[str]:
        """Return the keys of a segmentation's segments, the best known first."""
        if (letter := MEASURES.get(segmentation)) is None:
            return list(self.segmented.names[segmentation])
        scores = range(self.base.params.rfm.scores, 0, -1)
        return [*(f"{letter}{score}" for score in scores), *WITHOUT_ORDERS]

    def _section(self, segmentation: str, edges: Edges) -> dict[str, Any]:
        """Return the client's own section with edges moved, as plain values."""
        known = SHARES if segmentation == "clv_segments" else self._measures(segmentation)
        for name in edges:
            if name not in known:
                fix = suggestion(name, known)
                raise SegkitError(
                    "no edge of this segmentation", where=segmentation, values=[name], fix=fix
                )
        given = {name: _plain(value) for name, value in edges.items()}
        outer, inner = ("clv", "segments") if segmentation == "clv_segments" else ("rfm", "bins")
        own = self.base.params.plain().get(outer, {})
        return {outer: own | {inner: own.get(inner, {}) | given}}

    def _measures(self, segmentation: str) -> list[str]:
        """Return the measures whose scores a segmentation looks at."""
        require_movable(segmentation)
        if segmentation in MEASURES:
            return [segmentation]
        known = {"families": "f", "sub_segments": "rf"}
        letters = known.get(segmentation) or self.segmented.rules.measures
        return [name for name, letter in MEASURES.items() if letter in letters]

    # Asked of the study once ----------------------------------------------------------

    def _values(self) -> pd.DataFrame:
        return self._held("now", self.base.customers, self.forecast)

    @cached_property
    def _period(self) -> pd.Series:
        """Each customer's revenue of the period, in the rows of the study's customers."""
        bought = self.base.period().set_index("customer_id")["revenue"]
        return self.base.customers["customer_id"].map(bought).astype(float).fillna(0.0)

    @cached_property
    def _owned(self) -> dict[str, pd.Series]:
        return {}

    @cached_property
    def _valued(self) -> dict[str, pd.DataFrame]:
        return {}

    def _own(self, segmentation: str) -> pd.Series:
        """Return the sizes of the study's own segments."""
        if segmentation not in self._owned:
            self._owned[segmentation] = self.labels(segmentation, {}).value_counts()
        return self._owned[segmentation]

    @cached_property
    def _then(self) -> Then:
        return self._at(self.holdout.cut)

    def _then_values(self) -> pd.DataFrame:
        return self._held("then", self._then.customers, self._then.forecast)

    def _held(self, when: str, customers: pd.DataFrame, forecast: Forecast) -> pd.DataFrame:
        """Return customers with what is expected of them, joined once."""
        if when not in self._valued:
            known = forecast.values.drop(columns="customer_id")
            self._valued[when] = customers.join(known)
        return self._valued[when]

    @cached_property
    def _came(self) -> pd.Series:
        """What buyers of before the test bought in it, in the rows of the customers of then."""
        outcomes = self.holdout.outcomes["revenue_after"]
        return outcomes.reindex(self._then.customers.index)

    def _next(self, segmentation: str, edges: Edges) -> pd.Series:
        """Return mean revenue in the test by segment, and of all."""
        params = self.params(segmentation, edges)
        then = self._then
        labels = _labels(segmentation, params, then.segmented, then.customers, self._then_values)
        means = self._came.groupby(labels.to_numpy()).mean()
        return pd.concat([means, pd.Series({TOTAL: self._came.mean()})])


def require_movable(segmentation: str) -> None:
    """Raise SegkitError where the edges of a segmentation cannot be moved at once.

    Examples
    --------
    >>> require_movable("clv_segments")
    >>> require_movable("clusters")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    segkit.errors.SegkitError: its edges cannot be moved: 'clusters'. Fix: ...
    """
    if segmentation not in MOVABLE:
        fix = suggestion(segmentation, MOVABLE)
        raise SegkitError("its edges cannot be moved", values=[segmentation], fix=fix)


def _labels(
    segmentation: str,
    params: Params,
    segmented: Segmented,
    customers: pd.DataFrame,
    valued: Callable[[], pd.DataFrame],
) -> pd.Series:
    """Return the segments that other parameters would give the customers of a date."""
    if segmentation == "clv_segments":
        fitted = segmented.forecast.clv_segments
        moved = fitted.get_params() | params.clv.segments.model_dump()
        values = valued()
        return CLVSegments(**moved).fit(values).predict(values)
    rfm = segmented.scored_by(params.rfm)
    scores = rfm.predict(customers)
    if (letter := MEASURES.get(segmentation)) is None:
        return segmented.by_scores(segmentation, rfm, scores)
    held = scores[letter]
    named = pd.Series(letter, index=held.index).str.cat(held.astype("str"))
    return named.where(held.notna(), scores["family"])


def _plain(value: float | Sequence[float]) -> float | list[float]:
    """Return numbers as YAML writes them: whole ones without a point."""
    if isinstance(value, Sequence | np.ndarray):
        return [_number(each) for each in value]
    return _number(value)


def _number(value: float) -> float:
    number = float(value)
    return int(number) if number.is_integer() else number
