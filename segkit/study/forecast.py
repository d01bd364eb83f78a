"""What a study's customers are expected to do: models chosen, fitted and applied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd

from segkit.analysis import model_fit
from segkit.analysis.concentration import gini, lorenz_curve, pareto
from segkit.analysis.distributions import binned
from segkit.analysis.value import CustomerValue
from segkit.foundation.cached import cached_property
from segkit.models.gamma_gamma import SPREAD
from segkit.segments.clv import CLVSegments
from segkit.study.base import Base
from segkit.study.gaps import Gaps
from segkit.study.holdout import Holdout
from segkit.study.part import StudyPart
from segkit.study.store import key_of
from segkit.words.said import Said, Saying

DEFAULT_MODEL = "bg_nbd"
WINDOWS = ["recent_orders", "earlier_orders"]
MISPLACED = 0.1
"""A model that puts a larger share of customers out of place describes the base poorly."""


class Forecast(StudyPart):
    """The customers of one study, looked ahead from its `as_of` (definitions, section 6).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    holdout : Holdout
        Which model came closest to what customers did.
    at : function of a date
        The same client at an earlier date.
    """

    def __init__(
        self, base: Base, gaps: Gaps, holdout: Holdout, at: Callable[[date], Base]
    ) -> None:
        self.base, self.gaps, self.holdout, self._at = base, gaps, holdout, at
        self.params = base.params.clv

    def _facts(self) -> dict[str, object]:
        held, months = vars(self), self.base.params.clv.horizon_months
        known = dict(held.get("choice", {}))
        if "values" in held:
            known[f"expected value in {months} months"] = held["values"]["clv"].sum()
        return known

    @cached_property
    def choice(self) -> dict[str, Any]:
        """The purchase model (`model`) and why it is taken: `given`, `tested` or `untested`."""
        if self.params.model != "auto":
            return {"model": self.params.model, "reason": "given"}
        best = self.holdout.best_model if self.holdout.ready else None
        return {"model": best or DEFAULT_MODEL, "reason": "tested" if best else "untested"}

    @cached_property
    def value(self) -> CustomerValue:
        """The fitted purchase and spend models."""
        given = self.params.model_dump(exclude={"model", "previous_months", "segments"})
        model = CustomerValue(self.choice["model"], **given)
        key = key_of(self.base.customers_key, "value", model.get_params())
        state = self.base.store.state(
            "value", key, lambda: model.fit(self.base.customers).to_state()
        )
        return CustomerValue.from_state(state)

    @property
    def ready(self) -> bool:
        """Whether there is a purchase model."""
        return self.value.problem_ is None

    @property
    def remarks(self) -> Said:
        """What to know about the models: keys of sentences, and their fields."""
        value = self.value
        if value.problem_:
            return [(f"clv_problem_{value.problem_['reason']}", {})]
        remarks: Said = [self._about_choice()]
        if value.spend_problem_:
            remarks.append(("clv_own_mean", {}))
        elif abs(value.correlation_ or 0.0) > SPREAD:
            remarks.append(("clv_correlated", {"correlation": value.correlation_}))
        if value.margin < 1:
            remarks.append(("clv_margin", {"margin": value.margin}))
        one_timers = self._one_timers()
        if value.model == "bg_nbd" and one_timers["customers"]:
            remarks.append(("clv_one_timers", one_timers))
        return remarks

    def _about_choice(self) -> Saying:
        key = f"clv_model_{self.choice['reason']}"
        fields: dict[str, Any] = {"model": self.choice["model"]}
        if self.choice["reason"] != "tested":
            return key, fields
        models = self.holdout.models
        best, rule = (models[models["is_rule"] == is_rule].iloc[0] for is_rule in (False, True))
        fields |= {"rmse": best["rmse"], "rule": rule["model"], "rule_rmse": rule["rmse"]}
        fields["months"] = self.holdout.horizon_months
        return ("clv_model_beaten" if rule["rmse"] < best["rmse"] else key), fields

    def _one_timers(self) -> dict[str, float]:
        once = self.base.customers["x"] == 0
        orders = self.values.loc[once, "expected_orders"].mean()
        return {"customers": int(once.sum()), "orders": orders}

    # Customers ------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """What to expect of each customer: `values`, and the intervals of some of them.

        `expected_orders` and `clv` have `_low` and `_high`; `next_order_from` and
        `next_order_to` are the days between which the next order is most likely.
        """
        return self.base.store.frame("clv", self._key("clv"), self._compute_table)

    def _compute_table(self) -> pd.DataFrame:
        customers = self.base.customers
        table = self.values.join(self.value.intervals(customers))
        return table.join(self.value.next_order(customers, pd.Timestamp(self.base.as_of)))

    @cached_property
    def values(self) -> pd.DataFrame:
        """What to expect of each customer, in the rows of the study's `customers`.

        `p_alive`, `expected_orders`, `expected_spend`, `clv`, `clv_previous`, `clv_trend`,
        `recent_orders`, `earlier_orders`, and the `reason` why a customer has no value.
        """
        return self.base.store.frame("values", self._key("values"), self._compute_values)

    def _compute_values(self) -> pd.DataFrame:
        before = self.base.months_before(self.params.previous_months)
        previous = self._at(before).customers if before > self.base.first_day else None
        customers, value = self.base.customers, self.value
        table = customers[["customer_id"]].join(self.values_of(customers, previous))
        table = table.join(self._windows())
        why = value.problem_["reason"] if value.problem_ else ""
        reason = (customers["orders"] > 0).map({True: why, False: "no_order"})
        return table.assign(reason=reason.astype("str"))

    def values_of(self, customers: pd.DataFrame, previous: pd.DataFrame | None) -> pd.DataFrame:
        """Return what to expect of customers of any date, by today's models.

        Parameters
        ----------
        customers : DataFrame
            The customer table of that date.
        previous : DataFrame or None
            That of `previous_months` before it.

        Returns
        -------
        DataFrame
            `p_alive`, `expected_orders`, `expected_spend`, `clv`, `clv_previous`,
            `clv_trend`, in the rows of `customers`.
        """
        table = self.value.predict(customers)
        known = pd.Series(dtype=float)
        if previous is not None:
            known = self.value.predict(previous)["clv"].set_axis(previous["customer_id"])
        before = customers["customer_id"].map(known).astype(float)
        trend = table["clv"] / before.where(before > 0) - 1
        return table.assign(clv_previous=before, clv_trend=trend)

    def rules_key(self) -> list[Any]:
        """Return what values depend on besides customers."""
        names = ("clv", "evidence", "gaps")
        return [getattr(self.base.params, name).model_dump() for name in names]

    def _windows(self) -> pd.DataFrame:
        """Return orders in the recent window and in the one before it, customer by customer."""
        days = self.gaps.recent_days
        if days is None:
            return pd.DataFrame(0, index=self.base.customers.index, columns=WINDOWS)
        counts = self.gaps.recent_orders.set_index("customer_id")
        rows = counts.reindex(self.base.customers["customer_id"]).fillna(0).astype("int64")
        return rows[WINDOWS].set_axis(self.base.customers.index)

    # Predictive segments --------------------------------------------------------------

    @cached_property
    def clv_segments(self) -> CLVSegments:
        """The seven predictive segments, fitted (definitions, section 6)."""
        gaps: dict[str, Any] = {
            name: self.gaps.spans[name] for name in ("usual_days", "churn_days")
        }
        model = CLVSegments(**gaps, **self.params.segments.model_dump())
        fit = lambda: model.fit(self._valued(self.base.customers)).to_state()
        state = self.base.store.state("clv_segments", self._key("segments"), fit)
        return CLVSegments.from_state(state)

    def label(self, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's predictive segment.

        Parameters
        ----------
        customers : DataFrame
            The customer table; one of another date, joined with the `clv` table of that date.
        """
        return self.clv_segments.predict(self._valued(customers))

    def _valued(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return customers with what is expected of them; those of another date have it already."""
        if "clv" in customers or customers is not self.base.customers:
            return customers
        return customers.join(self.values.drop(columns="customer_id"))

    # Tables for a reader --------------------------------------------------------------

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Expected value by predictive segment; see `CustomerValue.totals`."""
        labels = self.label(self.base.customers)
        compute = lambda: self.value.totals(self.base.customers, labels)
        return self.base.store.frame("clv_totals", self._key("totals"), compute)

    @property
    def total(self) -> dict[str, float]:
        """What the base is worth: buyers, expected value with its interval, and the terms."""
        row = self.segments.iloc[-1]
        return {
            "customers": len(self.base.buyers),
            "clv": row["clv_total"],
            "low": row["clv_total_low"],
            "high": row["clv_total_high"],
            "months": self.params.horizon_months,
            "rate": self.params.discount_rate,
        }

    @property
    def rising(self) -> dict[str, float]:
        """How many occasional buyers there are, and how many have a rising value."""
        occasional = self.label(self.base.customers) == "occasional"
        rising = self.clv_segments.is_rising(self.values) & occasional
        threshold = self.params.segments.rising
        counts = {"customers": int(occasional.sum()), "rising": int(rising.sum())}
        return counts | {"threshold": threshold}

    @property
    def rises(self) -> Said:
        """Whose value rises: key of a sentence, and its fields; nothing where nobody's does."""
        return [("clv_rising", self.rising)] if self.rising["rising"] else []

    @property
    def alive(self) -> dict[str, float]:
        """How many buyers there are, and how many of them are expected to be customers still."""
        alive, buyers = float(self.values["p_alive"].sum()), len(self.base.buyers)
        return {"alive": round(alive), "buyers": buyers, "share": alive / buyers}

    @property
    def alive_histogram(self) -> pd.DataFrame:
        """Buyers by probability of being active."""
        return model_fit.alive_histogram(self.values["p_alive"])

    @property
    def concentration(self) -> pd.DataFrame:
        """Lorenz curve of expected value: `customers_share`, `clv_share`."""
        return lorenz_curve(self.values["clv"].dropna()).rename(
            columns={"revenue_share": "clv_share"}
        )

    @property
    def concentrated(self) -> dict[str, float]:
        """The Gini index of expected value, and the share of its top customers."""
        clv = self.values["clv"].dropna()
        return pareto(clv) | {"gini": gini(clv)}

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """Expectations by repeat purchases and days since the last one."""
        return model_fit.frequency_recency(self.value, self.base.customers)

    @property
    def history(self) -> pd.DataFrame:
        """How the customer of highest expected value came here; names nobody."""
        best = self.values["customer_id"].iloc[self.values["clv"].argmax()]
        days = self.base.purchase_days(str(best))
        return model_fit.customer_history(self.value, days, pd.Timestamp(self.base.as_of))

    @cached_property
    def repeats(self) -> pd.DataFrame:
        """Customers by repeat purchases, observed and expected."""
        return model_fit.repeat_histogram(self.value, self.base.customers)

    @property
    def worth(self) -> Said:
        """What the base is worth: key of a sentence, and its fields."""
        return [("clv_worth", self.total)]

    @property
    def clv_histogram(self) -> pd.DataFrame:
        """Customers by expected value; the highest twentieth is one bin."""
        return binned(self.values["clv"], top=0.95)

    @property
    def clv_middle(self) -> dict[str, float]:
        """Mean and median of expected value, and over how many `months`."""
        clv = self.values["clv"]
        months = self.params.horizon_months
        return {"mean": clv.mean(), "median": clv.median(), "months": months}

    @property
    def misplaced(self) -> dict[str, float]:
        """The share of customers that the model puts out of place (`misplaced`)."""
        return {"misplaced": model_fit.misplaced(self.repeats)}

    @property
    def fit(self) -> Said:
        """How well the model describes the base: key of a sentence, and its field."""
        misplaced = self.misplaced["misplaced"]
        key = "fit_good" if misplaced <= MISPLACED else "fit_poor"
        return [(key, self.misplaced)]

    def _key(self, name: str) -> str:
        return key_of(self.base.customers_key, name, *self.rules_key())
