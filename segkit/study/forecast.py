"""What a study's customers are expected to do: models chosen, fitted and applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from segkit.analysis import model_fit
from segkit.analysis.concentration import gini, lorenz_curve, pareto
from segkit.analysis.value import CustomerValue
from segkit.foundation.cached import cached_property
from segkit.foundation.display import StudyPart
from segkit.models.gamma_gamma import SPREAD
from segkit.study.store import key_of

if TYPE_CHECKING:
    from segkit.study.study import Study

DEFAULT_MODEL = "bg_nbd"
WINDOWS = ["recent_orders", "earlier_orders"]
MISPLACED = 0.1
"""A model that puts a larger share of customers out of place describes the base poorly."""


class Forecast(StudyPart):
    """The customers of one study, looked ahead from its `as_of` (definitions, section 6).

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.params = study.params.clv

    def _facts(self) -> dict[str, object]:
        held, months = vars(self), self.study.params.clv.horizon_months
        known = dict(held.get("choice", {}))
        if "values" in held:
            known[f"expected value in {months} months"] = held["values"]["clv"].sum()
        return known

    @cached_property
    def choice(self) -> dict[str, str]:
        """The purchase model (`model`) and why it is taken: `given`, `tested` or `untested`."""
        if self.params.model != "auto":
            return {"model": self.params.model, "reason": "given"}
        evidence = self.study.evidence
        best = evidence.best_model if evidence.ready else None
        return {"model": best or DEFAULT_MODEL, "reason": "tested" if best else "untested"}

    @cached_property
    def value(self) -> CustomerValue:
        """The fitted purchase and spend models."""
        given = self.params.model_dump(exclude={"model", "previous_months", "segments"})
        model = CustomerValue(self.choice["model"], **given)
        key = key_of(self.study.customers_key, "value", model.get_params())
        state = self.study.store.state(
            "value", key, lambda: model.fit(self.study.customers).to_state()
        )
        return CustomerValue.from_state(state)

    @property
    def ready(self) -> bool:
        """Whether there is a purchase model."""
        return self.value.problem_ is None

    @property
    def remarks(self) -> list[tuple[str, dict[str, Any]]]:
        """What to know about the models: keys of sentences, and their fields."""
        value = self.value
        if value.problem_:
            return [(f"clv_problem_{value.problem_['reason']}", {})]
        remarks = [*self._tested_worth(), self._about_choice()]
        if value.spend_problem_:
            remarks.append(("clv_own_mean", {}))
        elif abs(value.correlation_) > SPREAD:
            remarks.append(("clv_correlated", {"correlation": value.correlation_}))
        if value.margin < 1:
            remarks.append(("clv_margin", {"margin": value.margin}))
        one_timers = self._one_timers()
        if value.model == "bg_nbd" and one_timers["customers"]:
            remarks.append(("clv_one_timers", one_timers))
        return remarks

    def _tested_worth(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what the same forecast said a horizon ago, and what came of it."""
        evidence = self.study.evidence
        if not evidence.has_forecast:
            return []
        totals = evidence.totals
        fields = {"predicted": totals["revenue_predicted"], "actual": totals["revenue_actual"]}
        fields |= {"ratio": totals["revenue_ratio"], "months": evidence.horizon_months}
        return [("clv_worth_tested", fields)]

    def _about_choice(self) -> tuple[str, dict[str, Any]]:
        key = f"clv_model_{self.choice['reason']}"
        fields: dict[str, Any] = {"model": self.choice["model"]}
        if self.choice["reason"] != "tested":
            return key, fields
        evidence = self.study.evidence
        best, rule = (
            evidence.models[evidence.models["is_rule"] == is_rule].iloc[0]
            for is_rule in (False, True)
        )
        fields |= {"rmse": best["rmse"], "rule": rule["model"], "rule_rmse": rule["rmse"]}
        fields["months"] = evidence.horizon_months
        return ("clv_model_beaten" if rule["rmse"] < best["rmse"] else key), fields

    def _one_timers(self) -> dict[str, float]:
        once = self.study.customers["x"] == 0
        orders = self.values.loc[once, "expected_orders"].mean()
        return {"customers": int(once.sum()), "orders": orders}

    # Customers ------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """What to expect of each customer: `values`, and the intervals of some of them.

        `expected_orders` and `clv` have `_low` and `_high`; `next_order_from` and
        `next_order_to` are the days between which the next order is most likely.
        """
        return self.study.store.frame("clv", self._key("clv"), self._compute_table)

    def _compute_table(self) -> pd.DataFrame:
        customers = self.study.customers
        table = self.values.join(self.value.intervals(customers))
        return table.join(self.value.next_order(customers, pd.Timestamp(self.study.as_of)))

    @cached_property
    def values(self) -> pd.DataFrame:
        """What to expect of each customer, in the rows of the study's `customers`.

        `p_alive`, `expected_orders`, `expected_spend`, `clv`, `clv_previous`, `clv_trend`,
        `recent_orders`, `earlier_orders`, and the `reason` why a customer has no value.
        """
        return self.study.store.frame("values", self._key("values"), self._compute_values)

    def _compute_values(self) -> pd.DataFrame:
        study = self.study
        before = study.months_before(self.params.previous_months)
        previous = study.at(before).customers if before > study.first_day else None
        customers, value = study.customers, self.value
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

    def _windows(self) -> pd.DataFrame:
        """Return orders in the recent window and in the one before it, customer by customer."""
        study = self.study
        days = study.recent_days
        if days is None:
            return pd.DataFrame(0, index=study.customers.index, columns=WINDOWS)
        counts = study.recent_orders.set_index("customer_id")
        rows = counts.reindex(study.customers["customer_id"]).fillna(0).astype("int64")
        return rows[WINDOWS].set_axis(study.customers.index)

    # Tables for a reader --------------------------------------------------------------

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Expected value by predictive segment; see `CustomerValue.totals`."""
        study = self.study
        labels = study.label("clv_segments", study.customers)
        compute = lambda: self.value.totals(study.customers, labels)
        return study.store.frame("clv_totals", self._key("totals"), compute)

    @property
    def total(self) -> dict[str, float]:
        """What the base is worth: buyers, expected value with its interval, and the terms."""
        row = self.segments.iloc[-1]
        return {
            "customers": len(self.study.buyers),
            "clv": row["clv_total"],
            "low": row["clv_total_low"],
            "high": row["clv_total_high"],
            "months": self.params.horizon_months,
            "rate": self.params.discount_rate,
        }

    @property
    def rising(self) -> dict[str, float]:
        """How many occasional buyers there are, and how many have a rising value."""
        segments = self.study.segments
        occasional = segments["clv_segments"] == "occasional"
        rising = segments["clv_rising"] & occasional
        threshold = self.params.segments.rising
        counts = {"customers": int(occasional.sum()), "rising": int(rising.sum())}
        return counts | {"threshold": threshold}

    @property
    def alive(self) -> dict[str, float]:
        """How many buyers there are, and how many of them are expected to be customers still."""
        alive, buyers = float(self.values["p_alive"].sum()), len(self.study.buyers)
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
        return model_fit.frequency_recency(self.value, self.study.customers)

    @property
    def history(self) -> pd.DataFrame:
        """How the customer of highest expected value came here; names nobody."""
        best = self.values.loc[self.values["clv"].idxmax(), "customer_id"]
        days = self.study.purchase_days(best)
        return model_fit.customer_history(self.value, days, pd.Timestamp(self.study.as_of))

    @cached_property
    def repeats(self) -> pd.DataFrame:
        """Customers by repeat purchases, observed and expected."""
        return model_fit.repeat_histogram(self.value, self.study.customers)

    @property
    def fit(self) -> tuple[str, dict[str, float]]:
        """How well the model describes the base: key of a sentence, and its field."""
        misplaced = model_fit.misplaced(self.repeats)
        return ("fit_good" if misplaced <= MISPLACED else "fit_poor"), {"misplaced": misplaced}

    def _key(self, name: str) -> str:
        return key_of(self.study.customers_key, name, *self.study.value_rules())
