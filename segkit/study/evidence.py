"""A study tested at an earlier date: what it would have said then, and what happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd

from segkit.analysis import evidence as tables
from segkit.analysis.model_fit import holdout_by_frequency, tracking
from segkit.data.customers import weekly_repeats
from segkit.foundation.cached import cached_property
from segkit.params import SEGMENTATIONS
from segkit.segments.lifecycle import VIEWS
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.holdout import Holdout
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.said import Said

TRUSTED = (0.8, 1.25)
"""A predicted total over the actual one outside of these is said to be off."""


class Then(Protocol):
    """What the test asks of the client at the cut."""

    @property
    def forecast(self) -> Forecast: ...
    @property
    def segmented(self) -> Segmented: ...


class Evidence(StudyPart):
    """One study, looked at from `as_of` less the horizon (definitions, section 9).

    Everything is fitted by the client at the cut, which sees nothing from then on. Where
    `problem` is not None the test would be weak, and the tables refuse to be made.

    Parameters
    ----------
    base : Base
    segmented : Segmented
    holdout : Holdout
        What came after the cut.
    at : function of a date
        The same client at an earlier date, with its own forecast and segments.
    """

    def __init__(
        self, base: Base, segmented: Segmented, holdout: Holdout, at: Callable[[date], Then]
    ) -> None:
        self.base, self.segmented, self.holdout, self._at = base, segmented, holdout, at
        self.params = base.params.evidence

    @property
    def horizon_months(self) -> int:
        """How far the test looks ahead of the cut."""
        return self.holdout.horizon_months

    @property
    def cut(self) -> date:
        """The first day that the tested models and segments do not know."""
        return self.holdout.cut

    @cached_property
    def then(self) -> Then:
        """The client at the cut."""
        return self._at(self.cut)

    @property
    def ready(self) -> bool:
        """Whether the past is long enough for a test."""
        return self.holdout.ready

    @property
    def problem(self) -> dict[str, str | int] | None:
        """Why there is no test; see `Holdout.problem`."""
        return self.holdout.problem

    @property
    def has_forecast(self) -> bool:
        """Whether there is a test, and was a purchase model when it began."""
        return self.ready and self.then.forecast.ready

    @property
    def models(self) -> pd.DataFrame:
        """How far models and simple rules were from what happened; see `Holdout.models`."""
        return self.holdout.models

    @cached_property
    def tested(self) -> pd.DataFrame:
        """One row for each buyer of before the cut; see `segkit.analysis.evidence`."""
        self.holdout.require()
        return self.base.store.frame("tested", key_of(self._key, "tested"), self._tested)

    def _tested(self) -> pd.DataFrame:
        buyers, then = self.holdout.then.buyers, self.then
        names = [*SEGMENTATIONS, *VIEWS]
        orders = self.holdout.expected_orders(then.forecast.value)
        spend = then.forecast.values.loc[buyers.index, "expected_spend"]
        random = np.random.default_rng(self.params.seed)
        columns = {
            "x": buyers["x"],
            "expected_orders": orders,
            "expected_value": orders * spend,
            "past_revenue": buyers["revenue"],
            "recency": -buyers["recency_days"],
            "last_period": self.holdout.last_period("revenue"),
            "random": random.permutation(len(buyers)),
        }
        table = buyers[["customer_id"]].join(then.segmented.table.loc[buyers.index, names])
        return table.assign(**columns).join(self.holdout.outcomes).reset_index(drop=True)

    @property
    def segmentations(self) -> list[str]:
        """Every segmentation of the whole base."""
        return list(SEGMENTATIONS)

    def of(self, segmentation: str) -> pd.DataFrame:
        """Return what the customers of a segmentation or view did: its rows of the tables."""
        table = self.views if segmentation in VIEWS else self.segments
        return table[table["segmentation"] == segmentation]

    @cached_property
    def segments(self) -> pd.DataFrame:
        """What each segment's customers did; see `segkit.analysis.evidence.segment_outcomes`."""
        return tables.segment_outcomes(self.tested, SEGMENTATIONS, **self._resampling)

    @cached_property
    def views(self) -> pd.DataFrame:
        """What the customers of each value of each view did; columns as those of `segments`."""
        outcomes = [
            tables.segment_outcomes(rows, [view], **self._resampling)
            for view in VIEWS
            if len(rows := self.tested[self.tested[view].notna()])
        ]
        return pd.concat(outcomes, ignore_index=True) if outcomes else self.segments[:0]

    @cached_property
    def rankings(self) -> pd.DataFrame:
        """How well each ranking found the revenue; see `segkit.analysis.evidence.rankings`."""
        return tables.rankings(self.tested, SEGMENTATIONS, **self._resampling)

    @property
    def best_segmentation(self) -> pd.Series:
        """The row of `rankings` of the segmentation that separated revenue best."""
        return self.rankings[self.rankings["kind"] == "segmentation"].iloc[0]

    @property
    def best_baseline(self) -> pd.Series:
        """The row of `rankings` of the simple rule that separated revenue best."""
        return self.rankings[self.rankings["kind"] == "baseline"].iloc[0]

    @property
    def verdicts(self) -> Said:
        """Which segmentation separated revenue best: keys of sentences, and their fields."""
        best, rule = self.best_segmentation, self.best_baseline
        fields = {"best": best["ranking"], "top20": best["top20"], "gini": best["gini"]}
        fields |= {"low": best["gini_low"], "high": best["gini_high"]}
        if not best["gini_low"] > 0:
            return [("evidence_nothing", fields)]
        against = {"baseline": rule["ranking"], "top20": rule["top20"], "gini": rule["gini"]}
        is_better = rule["gini"] > best["gini_high"]  # beyond what other customers could change
        key = "evidence_baseline_better" if is_better else "evidence_baseline"
        model = self.rankings[self.rankings["kind"] == "model"]
        by_model = [("evidence_model", dict(row)) for _, row in model.iterrows()]
        return [("evidence_best", fields), *by_model, (key, against)]

    @property
    def worth(self) -> Said:
        """What the same forecast said a horizon ago, and what came of it."""
        if not (self.segmented.forecast.ready and self.has_forecast):
            return []
        totals = self.totals
        fields = {"predicted": totals["revenue_predicted"], "actual": totals["revenue_actual"]}
        fields |= {"ratio": totals["revenue_ratio"], "months": self.horizon_months}
        return [("clv_worth_tested", fields)]

    @property
    def fit(self) -> Said:
        """How near the predicted total came: key of a sentence, and its field."""
        ratio = self.totals["orders_ratio"]
        low, high = TRUSTED
        return [("total_good" if low <= ratio <= high else "total_poor", {"ratio": ratio})]

    @property
    def why_not(self) -> Said:
        """Why there is no test: key of a sentence, and its fields; nothing where there is one."""
        problem = self.problem
        return [(f"evidence_{problem['reason']}", problem)] if problem else []

    @property
    def intro(self) -> Said:
        """What the test is: key of a sentence, and its fields."""
        return [("evidence_intro", self.terms)]

    @property
    def terms(self) -> dict[str, object]:
        """What the test is: `cut`, `months`, `customers`."""
        buyers = len(self.holdout.then.buyers)
        return {"cut": self.cut, "months": self.horizon_months, "customers": buyers}

    @property
    def curves(self) -> pd.DataFrame:
        """Gain curves of the segmentations, the model and the simple rules, the best of each."""
        ranked = self.rankings.groupby("kind", sort=False).head(2)["ranking"].tolist()
        names = [*dict.fromkeys([*ranked, "random"])]
        return tables.gain_curves(self.tested, SEGMENTATIONS, names)

    def calibration(self, what: str) -> pd.DataFrame:
        """Return predicted and actual means by tenth of the predictions.

        Parameters
        ----------
        what : {"orders", "revenue"}
        """
        predicted = {"orders": "expected_orders", "revenue": "expected_value"}[what]
        return tables.calibration(self.tested, predicted, f"{what}_after", **self._resampling)

    @property
    def totals(self) -> dict[str, float]:
        """Predicted and actual orders and revenue of the test, and predicted over actual."""
        tested = self.tested[self.tested["expected_value"].notna()]
        sums = {
            "orders": (tested["expected_orders"].sum(), tested["orders_after"].sum()),
            "revenue": (tested["expected_value"].sum(), tested["revenue_after"].sum()),
        }
        table = {}
        for what, (predicted, actual) in sums.items():
            table[f"{what}_predicted"], table[f"{what}_actual"] = float(predicted), float(actual)
            table[f"{what}_ratio"] = float(predicted / actual) if actual else np.nan
        return table

    @property
    def by_frequency(self) -> pd.DataFrame:
        """Purchases after the cut by those before it."""
        return holdout_by_frequency(self.tested)

    @cached_property
    def weeks(self) -> pd.DataFrame:
        """Repeat purchases week by week, expected at the cut and observed."""
        self.holdout.require()
        return self.base.store.frame(
            "tracking",
            key_of(self._key, "tracking"),
            lambda: tracking(
                self.then.forecast.value,
                self.holdout.then.customers,
                weekly_repeats(self.base.lines, self.cut, self.base.as_of)
                .to_pyarrow()
                .to_pandas()
                .assign(week=lambda table: pd.to_datetime(table["week"])),
                pd.Timestamp(self.cut),
                pd.Timestamp(self.base.as_of),
            ),
        )

    @property
    def _resampling(self) -> dict[str, int]:
        return {"resamples": self.params.resamples, "seed": self.params.seed}

    @property
    def _key(self) -> str:
        return key_of(self.base.customers_key, self.cut.isoformat(), *self.segmented.rules_key())
