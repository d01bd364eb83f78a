"""The client at an earlier date, and what happened since: which purchase model came closest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from math import ceil

import pandas as pd

from segkit.analysis import evidence as tables
from segkit.analysis.value import MODELS, calendar_orders
from segkit.data.spans import months_of
from segkit.errors import SegkitError
from segkit.foundation.cached import cached_property
from segkit.models.purchase import DAYS
from segkit.study.base import Base
from segkit.study.part import StudyPart
from segkit.study.store import key_of


class Holdout(StudyPart):
    """What came after a cut, a horizon before `as_of` (definitions, section 9).

    Where `problem` is not None the test would be weak, and the tables refuse to be made.

    Parameters
    ----------
    base : Base
    at : function of a date
        The same client at an earlier date, which sees nothing from then on.
    """

    def __init__(self, base: Base, at: Callable[[date], Base]) -> None:
        self.base, self._at = base, at
        self.params = base.params.evidence

    @property
    def horizon_months(self) -> int:
        """How far the test looks ahead of the cut."""
        return self.params.horizon_months or self.base.params.clv.horizon_months

    @cached_property
    def cut(self) -> date:
        """The first day that the tested models and segments do not know."""
        return self.base.months_before(self.horizon_months)

    @property
    def days(self) -> int:
        """Length of the test."""
        return (self.base.as_of - self.cut).days

    @cached_property
    def then(self) -> Base:
        """The client at the cut."""
        return self._at(self.cut)

    @property
    def ready(self) -> bool:
        """Whether the past is long enough for a test."""
        return self.problem is None

    @cached_property
    def problem(self) -> dict[str, str | int] | None:
        """Why there is no test: `reason`, what is `needed` and what was `found`; else None."""
        days = (self.base.as_of - self.base.first_day).days
        needed = ceil(1.5 * self.horizon_months)
        if months_of(days) < needed:
            found = int(days / DAYS["months"])
            return {"reason": "short_history", "needed": needed, "found": found}
        buyers = self.then.buyers
        counts = {
            "few_customers": (len(buyers), self.params.min_customers),
            "few_repeat_buyers": (int((buyers["x"] > 0).sum()), self.params.min_repeat_buyers),
        }
        for reason, (found, least) in counts.items():
            if found < least:
                return {"reason": reason, "needed": least, "found": found}
        if not self.outcomes["revenue_after"].sum() > 0:
            return {"reason": "no_revenue", "needed": 0, "found": 0}
        return None

    def require(self) -> None:
        """Raise SegkitError where there is no test."""
        if self.problem is not None:
            raise SegkitError(
                f"there is no test of the past: {self.problem['reason']}",
                where="evidence",
                values=[self.problem["found"]],
                fix=f"needs {self.problem['needed']}; see evidence.horizon_months",
            )

    @property
    def key(self) -> str:
        """Digest of everything that outcomes depend on."""
        return key_of(self.base.customers_key, self.cut.isoformat())

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """What the buyers of before the cut did after it, in the rows of `then.buyers`.

        `orders_after` (purchase days) and `revenue_after` (money).
        """
        buyers = self.then.buyers[["customer_id"]]
        after = self.base.period(self.cut).set_index("customer_id")
        joined = buyers.join(after[["purchase_days", "revenue"]], on="customer_id")
        return pd.DataFrame(
            {
                "orders_after": joined["purchase_days"].fillna(0.0).astype(float),
                "revenue_after": joined["revenue"].fillna(0.0),
            }
        )

    # Models and simple rules ----------------------------------------------------------

    @cached_property
    def models(self) -> pd.DataFrame:
        """How far each purchase model, and simple rules, were from the purchases after the cut.

        As `segkit.analysis.evidence.prediction_errors`, and `is_rule` for the simple rules:
        `same_again` (the purchases of the last period come again) and `steady_pace` (each
        customer goes on at its own mean pace).
        """
        self.require()
        params = [self.base.params.clv.model_dump(), self.params.model_dump()]
        key = key_of(self.key, "models", *params)
        return self.base.store.frame("evidence_models", key, self._compare_models)

    def _compare_models(self) -> pd.DataFrame:
        then, unit = self.then, self.base.params.clv.time_unit
        said = {name: calendar_orders(name, then.customers, unit, self.days) for name in MODELS}
        known = {
            name: pd.Series(orders, index=then.buyers.index)
            for name, orders in said.items()
            if orders is not None
        }
        rules = {"same_again": self._last_period(), "steady_pace": self._pace()}
        errors = tables.prediction_errors(known | rules, self.outcomes["orders_after"])
        return errors.assign(is_rule=errors["model"].isin(list(rules)))

    def _last_period(self) -> pd.Series:
        """Return the purchases of the period before the cut, as long as the one after it."""
        start = self.then.months_before(self.horizon_months)
        before = self.then.period(start).set_index("customer_id")["purchase_days"]
        observed = (self.cut - max(start, self.base.first_day)).days
        sums = self.then.buyers["customer_id"].map(before).fillna(0.0).astype(float)
        return sums * (self.days / observed)

    def _pace(self) -> pd.Series:
        buyers = self.then.buyers
        return (buyers["x"] / buyers["T"].clip(lower=1) * self.days).astype(float)
