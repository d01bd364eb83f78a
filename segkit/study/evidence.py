"""A study tested at an earlier date: what it would have said then, and what happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd

from segkit.analysis import evidence as tables
from segkit.analysis.forecast import TOTAL, log_error
from segkit.analysis.model_fit import holdout_by_frequency, tracking
from segkit.data.periods import weekly_repeats
from segkit.foundation.cached import cached_property
from segkit.params import SEGMENTATIONS
from segkit.segments.lifecycle import VIEWS
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.holdout import Holdout
from segkit.study.part import StudyPart
from segkit.study.rolling import Rolling
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.said import Said

CUT_TABLES = ("segments", "rankings", "chances")
TRUSTED = (0.8, 1.25)
"""A predicted total over the actual one outside of these is said to be off."""


class Then(Protocol):
    """What the test asks of the client at the cut."""

    @property
    def customers(self) -> pd.DataFrame: ...
    @property
    def buyers(self) -> pd.DataFrame: ...
    @property
    def forecast(self) -> Forecast: ...
    @property
    def segmented(self) -> Segmented: ...


class Evidence(StudyPart):
    """One study, looked at from `as_of` less the horizon, and from earlier cuts (section 9).

    Everything is fitted by the client at the cut, which sees nothing from then on. Where
    `problem` is not None the test would be weak, and the tables refuse to be made. The latest
    cut is shown customer by customer; how much its figures differ from cut to cut, the tables
    that begin with `rolling` say.

    Parameters
    ----------
    base : Base
    segmented : Segmented
    holdout : Holdout
        What came after the cut.
    rolling : Rolling
        The earlier cuts.
    at : function of a date
        The same client at an earlier date, with its own forecast and segments.
    """

    def __init__(
        self,
        base: Base,
        segmented: Segmented,
        holdout: Holdout,
        rolling: Rolling,
        at: Callable[[date], Then],
    ) -> None:
        self.base, self.segmented, self.holdout, self._at = base, segmented, holdout, at
        self.rolling = rolling
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
        return self.base.store.frame(
            "tested", key_of(self._key, "tested"), lambda: self._tested_at(self.cut)
        )

    def _tested_at(self, cut: date) -> pd.DataFrame:
        """Return what was known and said of each buyer at a cut, and what it did."""
        then = self._at(cut)
        buyers = then.buyers
        values = then.forecast.values.loc[buyers.index]
        random = np.random.default_rng(self.params.seed)
        last = self.rolling.last_period(cut, "revenue").set_axis(then.customers.index)
        columns: dict[str, Any] = {
            "x": buyers["x"],
            "expected_orders": values["expected_orders"],
            "expected_value": values["expected_revenue"],
            "p_order": values["p_order"],
            "past_revenue": buyers["revenue"],
            "recency": -buyers["recency_days"],
            "last_period": last.loc[buyers.index],
            "random": random.permutation(len(buyers)),
        }
        names = [*SEGMENTATIONS, *VIEWS]
        table = buyers[["customer_id"]].join(then.segmented.table.loc[buyers.index, names])
        outcomes = self.rolling.outcomes(cut).set_axis(then.customers.index).loc[buyers.index]
        return table.assign(**columns).join(outcomes).reset_index(drop=True)

    # Cut by cut -----------------------------------------------------------------------

    @property
    def cuts(self) -> list[date]:
        """The dates that the test is made at, the latest first."""
        return self.rolling.cuts

    @cached_property
    def _of_cuts(self) -> dict[str, pd.DataFrame]:
        """Small tables of every cut: `segments`, `rankings`, `chances`."""
        found: dict[str, list[pd.DataFrame]] = {name: [] for name in CUT_TABLES}
        for cut in self.cuts:
            tested = self.tested if cut == self.cut else self._tested_at(cut)
            parts = {
                "segments": tables.segment_means(tested, SEGMENTATIONS),
                "rankings": tables.rankings(tested, SEGMENTATIONS, resamples=0),
                "chances": tables.chances(tested),
            }
            for name, table in parts.items():
                found[name].append(table.assign(cut=pd.Timestamp(cut)))
        return {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}

    @property
    def if_several(self) -> Any:
        """The evidence of several cuts; of one, nothing."""
        return self.only(len(self.cuts) > 1)

    def by_cut(self, segmentation: str) -> pd.DataFrame:
        """Return what a segmentation's customers did after each cut.

        See `segkit.analysis.evidence.segment_means`.
        """
        table = self._cut_table("segments")
        return table[table["segmentation"] == segmentation].reset_index(drop=True)

    def _cut_table(self, name: str) -> pd.DataFrame:
        self.holdout.require()
        days = [cut.isoformat() for cut in self.cuts]
        key = key_of(self._key, "cuts", days, name)
        return self.base.store.frame(f"cuts_{name}", key, lambda: self._of_cuts[name])

    @cached_property
    def rolling_totals(self) -> pd.DataFrame:
        """What was forecast at each cut, and what came; see `Rolling.table`."""
        return self.rolling.table

    @property
    def rolling_revenue(self) -> pd.DataFrame:
        """The rows of `rolling_totals` that say what the customers of each cut would bring."""
        return self.rolling_totals[self.is_revenue]

    @property
    def is_revenue(self) -> pd.Series[bool]:
        """Which rows of `rolling_totals` those are."""
        table = self.rolling_totals
        return (table["member"] == TOTAL) & (table["measure"] == "revenue")

    @property
    def span(self) -> dict[str, int]:
        """How many cuts there are, of how many what came lay in the range, and months ahead."""
        own = self.rolling_revenue
        within = own["actual"].between(own["low"], own["high"])
        fields = {"cuts": len(own), "months": self.horizon_months}
        return fields | ({"within": int(within.sum())} if own["low"].notna().all() else {})

    @cached_property
    def rolling_segments(self) -> pd.DataFrame:
        """How what segments did differs from cut to cut; see `segkit.analysis.evidence.segment_spread`."""
        return tables.segment_spread(self._cut_table("segments"))

    @cached_property
    def rolling_rankings(self) -> pd.DataFrame:
        """How well each ranking found the revenue, over the cuts.

        See `segkit.analysis.evidence.ranking_spread`.
        """
        return tables.ranking_spread(self._cut_table("rankings"))

    @cached_property
    def chances(self) -> pd.DataFrame:
        """Who was expected to order at each cut, and who did: `p_order`, `ordered`, `customers`."""
        return self._cut_table("chances")

    @property
    def best_over_cuts(self) -> Said:
        """Which segmentation separated revenue best over all cuts: key of a sentence, its fields."""
        table = self.rolling_rankings
        kinds = {
            kind: table[table["kind"] == kind].iloc[0] for kind in ("segmentation", "baseline")
        }
        best, rule = kinds["segmentation"], kinds["baseline"]
        fields = {"cuts": len(self.cuts), "best": best["ranking"], "top20": best["top20"]}
        fields |= {"lowest": best["gini_lowest"], "highest": best["gini_highest"]}
        return [("rolling_best", fields | {"rule": rule["ranking"], "rule_top20": rule["top20"]})]

    @property
    def said(self) -> Said:
        """How near the forecasts of earlier dates came: keys of sentences, and their fields."""
        own = self.rolling_revenue
        if own.empty or not self.ready:
            return []
        within = own["actual"].between(own["low"], own["high"])
        came, said = (own[name].to_numpy(dtype=float) for name in ("actual", "predicted"))
        off = np.exp(log_error(came, said)) - 1
        fields: dict[str, Any] = {"cuts": len(own), "within": int(within.sum())}
        fields["months"] = self.horizon_months
        fields |= {"typical": float(np.median(np.abs(off))), "worst": float(np.abs(off).max())}
        ends = {"first": own["cut"].min(), "last": own["cut"].max()}
        fields |= {name: date.fromisoformat(cut) for name, cut in ends.items()}
        told: Said = [("rolling_one" if len(own) == 1 else "rolling_totals", fields)]
        chances = self.chances.dropna(subset=["p_order"])
        if chances.empty:
            return told
        sums = chances[["p_order", "ordered"]].mul(chances["customers"], axis=0).sum()
        means = sums / chances["customers"].sum()
        fields = {"cuts": len(chances), "p_order": means["p_order"], "ordered": means["ordered"]}
        return [*told, ("rolling_chances", fields)]

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
    def fit(self) -> Said:
        """How near the predicted total came: key of a sentence, and its field."""
        ratio = self.totals["orders_ratio"]
        low, high = TRUSTED
        return [("total_good" if low <= ratio <= high else "total_poor", {"ratio": ratio})]

    @property
    def beaten(self) -> Said:
        """That a simple rule erred less than every model: key of a sentence; else nothing."""
        models = self.models
        if not len(models) or not models["is_rule"].iloc[0] or models["is_rule"].all():
            return []
        best, rule = (models[models["is_rule"] == is_rule].iloc[0] for is_rule in (False, True))
        fields = {"model": best["model"], "rmse": best["rmse"], "months": self.horizon_months}
        rules = {"rule": rule["model"], "rule_rmse": rule["rmse"]}
        return [("clv_model_beaten", fields | rules)]

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
                weekly_repeats(self.rolling.activity.days, self.cut)
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
