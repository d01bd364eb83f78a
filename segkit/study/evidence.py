"""A study tested at an earlier date: what it would have said then, and what happened."""

from __future__ import annotations

from datetime import date
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segkit.analysis import evidence as tables
from segkit.analysis.model_fit import holdout_by_frequency, tracking
from segkit.analysis.value import MODELS, CustomerValue
from segkit.errors import SegkitError
from segkit.foundation.cached import cached_property
from segkit.foundation.display import StudyPart
from segkit.models.purchase import DAYS
from segkit.segments.lifecycle import VIEWS
from segkit.study.store import key_of

if TYPE_CHECKING:
    from segkit.study.study import Study

TRUSTED = (0.8, 1.25)
"""A predicted total over the actual one outside of these is said to be off."""


class Evidence(StudyPart):
    """One study, looked at from `as_of` less the horizon (definitions, section 9).

    Everything is fitted by `study.at(cut)`, which sees nothing from the cut on. Where
    `problem` is not None the test would be weak, and the tables refuse to be made.

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.params = study.params.evidence

    @property
    def horizon_months(self) -> int:
        """How far the test looks ahead of the cut."""
        return self.params.horizon_months or self.study.params.clv.horizon_months

    @cached_property
    def cut(self) -> date:
        """The first day that the tested models and segments do not know."""
        return self.study.months_before(self.horizon_months)

    @cached_property
    def then(self) -> Study:
        """The study at the cut."""
        return self.study.at(self.cut)

    @property
    def ready(self) -> bool:
        """Whether the past is long enough for a test."""
        return self.problem is None

    @property
    def has_forecast(self) -> bool:
        """Whether there is a test, and was a purchase model when it began."""
        return self.ready and self.then.forecast.ready

    @cached_property
    def problem(self) -> dict[str, str | int] | None:
        """Why there is no test: `reason`, what is `needed` and what was `found`; else None."""
        observed = (self.study.as_of - self.study.first_day).days / DAYS["months"]
        needed = ceil(1.5 * self.horizon_months)
        if observed < needed - 0.1:
            return {"reason": "short_history", "needed": needed, "found": int(observed)}
        buyers = self.then.buyers
        counts = {
            "few_customers": (len(buyers), self.params.min_customers),
            "few_repeat_buyers": (int((buyers["x"] > 0).sum()), self.params.min_repeat_buyers),
        }
        for reason, (found, least) in counts.items():
            if found < least:
                return {"reason": reason, "needed": least, "found": found}
        if not self._outcomes["revenue_after"].sum() > 0:
            return {"reason": "no_revenue", "needed": 0, "found": 0}
        return None

    @cached_property
    def _outcomes(self) -> pd.DataFrame:
        """What the buyers of before the cut did after it, in the rows of `then.buyers`."""
        buyers = self.then.buyers[["customer_id"]]
        after = self.study.period(self.cut).set_index("customer_id")
        joined = buyers.join(after[["purchase_days", "revenue"]], on="customer_id")
        return pd.DataFrame(
            {
                "orders_after": joined["purchase_days"].fillna(0.0).astype(float),
                "revenue_after": joined["revenue"].fillna(0.0),
            }
        )

    @cached_property
    def models(self) -> pd.DataFrame:
        """How far each purchase model, and simple rules, were from the purchases after the cut.

        As `segkit.analysis.evidence.prediction_errors`, and `is_rule` for the simple rules:
        `same_again` (the purchases of the last period come again) and `steady_pace` (each
        customer goes on at its own mean pace).
        """
        self._require_test()
        key = key_of(self._key, "models")
        return self.study.store.frame("evidence_models", key, self._compare_models)

    def _compare_models(self) -> pd.DataFrame:
        predictions = {name: self._orders_by(name) for name in MODELS}
        rules = {"same_again": self._last_period("purchase_days"), "steady_pace": self._pace()}
        known = {name: orders for name, orders in predictions.items() if orders.notna().any()}
        errors = tables.prediction_errors(known | rules, self._outcomes["orders_after"])
        return errors.assign(is_rule=errors["model"].isin(list(rules)))

    @property
    def best_model(self) -> str | None:
        """The purchase model of the smallest error, or None where none could be fitted."""
        models = self.models.loc[~self.models["is_rule"], "model"]
        return None if models.empty else str(models.iloc[0])

    @cached_property
    def tested(self) -> pd.DataFrame:
        """One row for each buyer of before the cut; see `segkit.analysis.evidence`."""
        self._require_test()
        return self.study.store.frame("tested", key_of(self._key, "tested"), self._tested)

    def _tested(self) -> pd.DataFrame:
        buyers, then = self.then.buyers, self.then
        names = [*self.segmentations, *VIEWS]
        orders = self._forecast_orders(then.forecast.value)
        spend = then.forecast.values.loc[buyers.index, "expected_spend"]
        random = np.random.default_rng(self.params.seed)
        columns = {
            "x": buyers["x"],
            "expected_orders": orders,
            "expected_value": orders * spend,
            "past_revenue": buyers["revenue"],
            "recency": -buyers["recency_days"],
            "last_period": self._last_period("revenue"),
            "random": random.permutation(len(buyers)),
        }
        table = buyers[["customer_id"]].join(then.segments.loc[buyers.index, names])
        return table.assign(**columns).join(self._outcomes).reset_index(drop=True)

    @property
    def segmentations(self) -> list[str]:
        """Every segmentation of the whole base."""
        from segkit.study.study import SEGMENTATIONS

        return list(SEGMENTATIONS)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """What each segment's customers did; see `segkit.analysis.evidence.segment_outcomes`."""
        return tables.segment_outcomes(self.tested, self.segmentations, **self._resampling)

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
        return tables.rankings(self.tested, self.segmentations, **self._resampling)

    @property
    def best_segmentation(self) -> pd.Series:
        """The row of `rankings` of the segmentation that separated revenue best."""
        return self.rankings[self.rankings["kind"] == "segmentation"].iloc[0]

    @property
    def best_baseline(self) -> pd.Series:
        """The row of `rankings` of the simple rule that separated revenue best."""
        return self.rankings[self.rankings["kind"] == "baseline"].iloc[0]

    @property
    def verdicts(self) -> list[tuple[str, dict[str, object]]]:
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
    def fit(self) -> tuple[str, dict[str, float]]:
        """How near the predicted total came: key of a sentence, and its field."""
        ratio = self.totals["orders_ratio"]
        low, high = TRUSTED
        return ("total_good" if low <= ratio <= high else "total_poor"), {"ratio": ratio}

    @property
    def terms(self) -> dict[str, object]:
        """What the test is: `cut`, `months`, `customers`."""
        buyers = len(self.then.buyers)
        return {"cut": self.cut, "months": self.horizon_months, "customers": buyers}

    @property
    def curves(self) -> pd.DataFrame:
        """Gain curves of the segmentations, the model and the simple rules, the best of each."""
        ranked = self.rankings.groupby("kind", sort=False).head(2)["ranking"].tolist()
        names = [*dict.fromkeys([*ranked, "random"])]
        return tables.gain_curves(self.tested, self.segmentations, names)

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
        from segkit.data.customers import weekly_repeats

        self._require_test()
        return self.study.store.frame(
            "tracking",
            key_of(self._key, "tracking"),
            lambda: tracking(
                self.then.forecast.value,
                self.then.customers,
                weekly_repeats(self.study.lines, self.cut, self.study.as_of)
                .to_pyarrow()
                .to_pandas()
                .assign(week=lambda table: pd.to_datetime(table["week"])),
                pd.Timestamp(self.cut),
                pd.Timestamp(self.study.as_of),
            ),
        )

    @property
    def _resampling(self) -> dict[str, int]:
        return {"resamples": self.params.resamples, "seed": self.params.seed}

    @property
    def _key(self) -> str:
        study = self.study
        return key_of(study.customers_key, self.cut.isoformat(), *study.segment_rules())

    def _require_test(self) -> None:
        if self.problem is not None:
            raise SegkitError(
                f"there is no test of the past: {self.problem['reason']}",
                where="evidence",
                values=[self.problem["found"]],
                fix=f"needs {self.problem['needed']}; see evidence.horizon_months",
            )

    def _orders_by(self, name: str) -> pd.Series:
        params = self.study.params.clv
        model = CustomerValue(name, time_unit=params.time_unit, resamples=0)
        return self._forecast_orders(model.fit(self.then.customers))

    def _forecast_orders(self, value: CustomerValue) -> pd.Series:
        """Return the orders expected between the cut and `as_of`, of the buyers at the cut."""
        buyers = self.then.buyers
        if value.problem_ is not None:
            return pd.Series(np.nan, index=buyers.index)
        ahead = (self.study.as_of - self.cut).days / DAYS[value.time_unit]
        orders = value.purchase.expected_orders(ahead, *value.histories(buyers))
        return pd.Series(orders, index=buyers.index)

    def _last_period(self, column: str) -> pd.Series:
        """Return a figure of the period before the cut, as long as the one after it."""
        start = self.then.months_before(self.horizon_months)
        before = self.then.period(start).set_index("customer_id")[column]
        observed = (self.cut - max(start, self.study.first_day)).days
        sums = self.then.buyers["customer_id"].map(before).fillna(0.0).astype(float)
        return sums * ((self.study.as_of - self.cut).days / observed)

    def _pace(self) -> pd.Series:
        buyers = self.then.buyers
        days = (self.study.as_of - self.cut).days
        return (buyers["x"] / buyers["T"].clip(lower=1) * days).astype(float)
