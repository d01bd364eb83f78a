"""What a study's customers are expected to do: models chosen, fitted and applied."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, cast

import numpy as np
import pandas as pd

from segkit.analysis import model_fit
from segkit.analysis.cohorts import calendar_units, unit_of
from segkit.analysis.concentration import gini, lorenz_curve, pareto
from segkit.analysis.distributions import binned
from segkit.analysis.forecast import (
    EVERYONE,
    MEASURES,
    PARTS,
    Outlook,
    half_of_profit,
    members_at,
    members_table,
    order_spread,
)
from segkit.analysis.value import MODELS, CustomerValue, ModelKey, Plan, segment_values
from segkit.foundation.cached import cached_property
from segkit.models.choice import choice_by_fit, choice_by_tests
from segkit.models.clock import Clock
from segkit.models.gamma_gamma import SPREAD
from segkit.segments.clv import CLVSegments
from segkit.study.activity import Activity
from segkit.study.base import Base
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.rolling import Rolling
from segkit.study.store import key_of
from segkit.words.said import Said

DEFAULT_MODEL = "mbg_nbd"
EVEN = 1.1
"""Months that all count less than a tenth more or less are as good as even."""
WINDOWS = ["recent_orders", "earlier_orders"]
MISPLACED = 0.1
"""A model that puts a larger share of customers out of place describes the base poorly."""


class Forecast(StudyPart):
    """The customers of one study, looked ahead from its `as_of` (definitions, section 6).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    activity : Activity
    rolling : Rolling
        What was forecast at earlier dates, and what came.
    at : function of a date
        The same client at an earlier date.
    """

    def __init__(
        self,
        base: Base,
        gaps: Gaps,
        activity: Activity,
        rolling: Rolling,
        at: Callable[[date], Base],
    ) -> None:
        self.base, self.gaps, self.activity = base, gaps, activity
        self.rolling, self._at = rolling, at
        self.params = base.params.clv

    def _facts(self) -> dict[str, object]:
        held, months = vars(self), self.base.params.clv.horizon_months
        known = dict(held.get("choice", {}))
        if "values" in held:
            known[f"expected value in {months} months"] = held["values"]["clv"].sum()
        return known

    @cached_property
    def choice(self) -> dict[str, Any]:
        """The purchase model (`model`) and why it is taken.

        `reason`: `given` by the parameters; else (`clv.model: auto`) as `segkit.models.choice`
        says, by tests where there are any and by fit alone where there are none.
        """
        if self.params.model != "auto":
            return {"model": self.params.model, "reason": "given"}
        key = key_of(self.base.customers_key, "choice", *self.rules_key())
        return self.base.store.state("choice", key, self._choose)

    def _choose(self) -> dict[str, Any]:
        if self.rolling.tests:
            deviances, customers = self.rolling.deviances()
            chosen = choice_by_tests(deviances, DEFAULT_MODEL, customers)
            return {"model": chosen.name, "reason": chosen.reason, "cuts": len(customers)}
        fits = {}
        for name in MODELS:
            model = CustomerValue(cast(ModelKey, name), self.params.time_unit, resamples=0)
            if model.fit(self.base.customers).ready:
                fits[name] = model.purchase
        if not fits:
            return {"model": DEFAULT_MODEL, "reason": "not_fitted"}
        found = choice_by_fit(fits, DEFAULT_MODEL)
        return {"model": found.name, "reason": found.reason}

    @cached_property
    def value(self) -> CustomerValue:
        """The fitted purchase and spend models, and the client's clock."""
        later = self.rolling.later
        if later is not None:
            return later.value(self.base.as_of)
        given = self.params.model_dump(exclude={"model", "previous_months", "segments"})
        model = CustomerValue(self.choice["model"], **given)
        key = key_of(self.base.customers_key, "value", model.get_params())
        fit = lambda: model.fit(self.base.customers, self.activity.repeats).to_state()
        return CustomerValue.from_state(self.base.store.state("value", key, fit))

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
        remarks = self._about_choice()
        if value.spend_problem_:
            remarks.append(("clv_own_mean", {}))
        elif abs(value.correlation_ or 0.0) > SPREAD:
            remarks.append(("clv_correlated", {"correlation": value.correlation_}))
        if value.kept < 1:
            remarks.append(("clv_margin", {"margin": value.kept}))
        return remarks

    def _about_choice(self) -> Said:
        """Return which purchase model was chosen, where there was a choice."""
        choice = self.choice
        if choice["reason"] == "given":
            return []
        if "cuts" not in choice:
            return [("clv_model_by_fit", choice)]
        is_other = choice["reason"] == "smaller_deviance"
        return [("clv_model_other" if is_other else "clv_model_kept", choice)]

    # One forecast ---------------------------------------------------------------------

    @property
    def end(self) -> pd.Timestamp:
        """The first day that is not looked ahead at."""
        return pd.Timestamp(self.base.as_of) + pd.DateOffset(months=self.value.horizon_months)

    @cached_property
    def ends(self) -> list[pd.Timestamp]:
        """Ends of the stretches that are forecast: of calendar months, and of the audit's units."""
        start = pd.Timestamp(self.base.as_of)
        days = {self.end}
        for unit in {"month", self.activity.unit}:
            days |= set(calendar_units(self.base.as_of, self.end.date(), unit))
        return sorted(day for day in days if day > start)

    @cached_property
    def outlook(self) -> Outlook:
        """What each member expects stretch by stretch, and how each did at earlier dates."""
        value, customers = self.value, self.base.customers
        _ = value.purchase  # where there is none, this says why
        development = self.rolling.development
        now = pd.Timestamp(self.base.as_of)
        existing, new = members_at(value, customers, development, now, self.ends)
        before = self.rolling.error_before(self.base.as_of, "clock" in existing)
        spread = order_spread(self.base.buyers["aov"])
        return Outlook(existing, new, self.rolling.known, before, spread)

    @cached_property
    def stretches(self) -> pd.DataFrame:
        """What is forecast of each part and stretch: `start`, `end`, `part`, `orders`, `revenue`."""
        starts = [pd.Timestamp(self.base.as_of), *self.ends[:-1]]
        parts = []
        for part in PARTS:
            table = pd.DataFrame(self.outlook.months[part], columns=list(MEASURES))
            parts.append(table.assign(part=part, start=starts, end=self.ends))
        return pd.concat(parts, ignore_index=True)[["start", "end", "part", *MEASURES]]

    def by(self, unit: str) -> pd.DataFrame:
        """Return the forecast by calendar unit, with the range of each.

        Parameters
        ----------
        unit : {"month"} or the audit's unit

        Returns
        -------
        DataFrame
            The unit's first day under its name, `part` (`existing`: today's customers; `new`: those still to
            come; `everyone`: both), `orders`, `revenue` (money), and `_low` and `_high` of both:
            what comes lies between them four times in five; `until` (end of the horizon).
        """
        named = self.stretches.assign(**{unit: unit_of(self.stretches["start"], unit)})
        sums = named.groupby(["part", unit])[list(MEASURES)].sum().reset_index()
        both = sums.groupby(unit)[list(MEASURES)].sum().reset_index().assign(part=EVERYONE)
        table = pd.concat([sums, both], ignore_index=True)[[unit, "part", *MEASURES]]
        for place, name in enumerate(MEASURES):
            ends = [
                self.outlook.month_range(part, place, orders).of(said)
                for part, orders, said in table[["part", "orders", name]].itertuples(index=False)
            ]
            table[[f"{name}_low", f"{name}_high"]] = np.array(ends).reshape(-1, 2)
        return table.assign(until=self.end)

    @cached_property
    def by_month(self) -> pd.DataFrame:
        """The forecast by calendar month; see `by`."""
        return self.by("month")

    @property
    def months(self) -> pd.DataFrame:
        """The forecast by calendar month, of today's customers and of those to come; see `by`."""
        table = self.by_month
        return table[table["part"] != EVERYONE].drop(columns="until").reset_index(drop=True)

    @cached_property
    def members(self) -> pd.DataFrame:
        """Who says what of today's customers' total, and how near each came before.

        See `segkit.analysis.forecast.members_table`.
        """
        return members_table(self.outlook)

    @cached_property
    def totals(self) -> pd.DataFrame:
        """The horizon's totals: `part`, `orders`, `revenue`, with `_low` and `_high` of both."""
        rows = []
        for part in (*PARTS, EVERYONE):
            sums = self.outlook.months[part].sum(axis=0)
            row: dict[str, Any] = {"part": part}
            for place, name in enumerate(MEASURES):
                low, high = self.outlook.total_range(part, place).of(sums[place])
                row |= {name: sums[place], f"{name}_low": float(low), f"{name}_high": float(high)}
            rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def plan(self) -> Plan:
        """What of the time to come counts, so that customers add up to the forecast."""
        value, customers = self.value, self.base.customers
        alone = value.summed(customers, self.ends)
        expected = self.outlook.months["existing"]
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(alone > 0, expected / alone, 0.0)
        start = pd.Timestamp(self.base.as_of)
        years = np.array([(end - start) / pd.Timedelta(days=365.25) for end in self.ends])
        worth = scale[:, 1] * value.kept * (1 + value.discount_rate) ** -years
        per_purchase = self.rolling.development.orders_per_purchase(value.horizon_months)
        until = value.time_for(customers, expected[:, 0].sum() / per_purchase)
        return Plan(value.ahead(self.ends), scale[:, 0], scale[:, 1], worth, until)

    # The client's clock ---------------------------------------------------------------

    @property
    def clock(self) -> Clock | None:
        """The client's clock, or None where all months count the same."""
        clock = self.value.clock if self.ready else None
        return None if clock is None or clock.is_calendar else clock

    @property
    def month_weights(self) -> pd.DataFrame:
        """What each calendar month counts: `month` (1 is January), `normal_months`."""
        clock = self.clock
        counts = [] if clock is None else clock.months_
        return pd.DataFrame({"month": range(1, len(counts) + 1), "normal_months": counts})

    @property
    def top_month(self) -> dict[str, Any]:
        """The month that counts most, and what it counts in normal months."""
        table = self.month_weights
        row = table.iloc[int(table["normal_months"].argmax())]
        return {"month": int(row["month"]), "counts": row["normal_months"]}

    @property
    def rhythm(self) -> Said:
        """What months count, or why they all count the same: key of a sentence, and its fields."""
        clock = self.value.clock
        if clock is None or clock.problem_ is not None:
            reason = "short_history" if clock is None else clock.problem_
            return [(f"clock_{reason}", {})]
        table = self.month_weights
        top, least = (table.loc[table["normal_months"].agg(end)] for end in ("idxmax", "idxmin"))
        if top["normal_months"] < EVEN or least["normal_months"] > 1 / EVEN:
            return [("clock_even", {"most": top["normal_months"], "least": least["normal_months"]})]
        fields: dict[str, Any] = self.top_month
        fields |= {"low_month": least["month"], "low_counts": least["normal_months"]}
        return [("clock_months", fields)]

    # Customers ------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """What to expect of each customer: `values`, and the intervals of some of them.

        `expected_orders` and `clv` have `_low` and `_high` (95 %: how far the model could differ, had
        other customers been seen, the forecast's total being what it is); `next_order_from` and
        `next_order_to` are the days between which the next order is most likely.
        """
        return self.base.store.frame("clv", self._key("clv"), self._compute_table)

    def _compute_table(self) -> pd.DataFrame:
        customers = self.base.customers
        table = self.values.join(self.value.intervals(customers, self.plan if self.ready else None))
        return table.join(self.value.next_order(customers, pd.Timestamp(self.base.as_of)))

    @cached_property
    def values(self) -> pd.DataFrame:
        """What to expect of each customer, in the rows of the study's `customers`.

        `p_order`, `p_alive`, `expected_orders`, `expected_spend`, `expected_revenue`, `clv`,
        `clv_previous`, `clv_trend`, `recent_orders`, `earlier_orders`, and the `reason` why a customer has no value.
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
            `p_order`, `p_alive`, `expected_orders`, `expected_spend`, `expected_revenue`, `clv`,
            `clv_previous`, `clv_trend`, in the rows of `customers`.
        """
        plan = self.plan if self.ready else None
        table = self.value.predict(customers, plan)
        known = pd.Series(dtype=float)
        if previous is not None:
            # The same months ahead: who buys for Christmas does not fall in January.
            known = self.value.predict(previous, plan)["clv"].set_axis(previous["customer_id"])
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
        """Expected value by predictive segment; see `segkit.analysis.value.segment_values`.

        `clv_total_low`, `clv_total_high`: between them lies what comes, four times in five. Only of
        the total: what segments brought at earlier dates lay in such ranges half of the time.
        """
        table = segment_values(self.values, self.label(self.base.customers))
        is_total = table["segment"] == "total"
        place = list(table.columns).index("clv_total")
        for after, (name, end) in enumerate(zip(("low", "high"), self._clv_ends, strict=True), 1):
            table.insert(place + after, f"clv_total_{name}", np.where(is_total, end, np.nan))
        return table

    @property
    def _clv_ends(self) -> tuple[float, float]:
        """Between which values today's customers' CLV lies, four times in five."""
        orders, clv = (float(self.values[name].sum()) for name in ("expected_orders", "clv"))
        if not (self.ready and orders > 0):
            return np.nan, np.nan
        half = self.outlook.total_range("existing", 1).half
        if (model := self.value.profit_model) is None:
            return clv * np.exp(-half), clv * np.exp(half)
        off = float(half_of_profit(clv, half, orders, model.spread))
        return clv - off, clv + off

    @property
    def total(self) -> dict[str, Any]:
        """What today's customers should bring, with its range; what that is worth now; the terms."""
        own = self.totals.set_index("part").loc["existing"]
        return {
            "customers": len(self.base.buyers),
            "revenue": own["revenue"],
            "low": own["revenue_low"],
            "high": own["revenue_high"],
            "orders": own["orders"],
            "clv": float(self.values["clv"].sum()),
            "months": self.params.horizon_months,
            "rate": self.params.discount_rate,
            "tests": len(self.rolling.known),
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
    def returning(self) -> dict[str, float]:
        """How many buyers there are, and how many of them are expected to order again."""
        orders, buyers = float(self.values["p_order"].sum()), len(self.base.buyers)
        return {
            "customers": round(orders),
            "buyers": buyers,
            "share": orders / buyers,
            "months": self.params.horizon_months,
        }

    @property
    def order_histogram(self) -> pd.DataFrame:
        """Buyers by their chance of an order within the horizon."""
        return model_fit.chance_histogram(self.values["p_order"])

    @property
    def concentration(self) -> pd.DataFrame:
        """Lorenz curve of expected value: `customers_share`, `clv_share`."""
        return lorenz_curve(self._clv_gained).rename(columns={"revenue_share": "clv_share"})

    @property
    def concentrated(self) -> dict[str, float]:
        """The Gini index of expected value, and the share of its top customers."""
        clv = self._clv_gained
        return pareto(clv) | {"gini": gini(clv)}

    @property
    def _clv_gained(self) -> pd.Series:
        """Each buyer's expected value; a loss holds no share of what is gained, and counts as 0."""
        return self.values["clv"].dropna().clip(lower=0)

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
    def everyone(self) -> dict[str, Any]:
        """What should come in of all customers within `months`, with its range."""
        both = self.totals.set_index("part").loc[EVERYONE]
        fields = {"everyone": both["revenue"], "months": self.params.horizon_months}
        return fields | {f"everyone_{end}": both[f"revenue_{end}"] for end in ("low", "high")}

    @property
    def coming(self) -> Said:
        """What should come in of all customers: key of a sentence, and its fields; or nothing."""
        return [("clv_worth", self.everyone)] if self.ready else []

    @property
    def worth(self) -> Said:
        """What should come in, and how sure that is: keys of sentences, and their fields."""
        new = self.totals.set_index("part")["revenue"]["new"]
        newcomers: Said = [("clv_newcomers", {"new": new})] if round(new) else []
        tested = "forecast_tested" if self.rolling.known else "forecast_untested"
        now = "profit_discounted" if self.value.worth == "profit" else "clv_discounted"
        said: Said = [(now, self.total), (tested, self.total)]
        return self.coming + newcomers + said + self.losses

    @property
    def losses(self) -> Said:
        """How many customers should cost more than they bring, if any; and how much in all."""
        lost = self.values["clv"][self.values["clv"] < 0]
        if lost.empty:
            return []
        fields = {"customers": len(lost), "loss": float(lost.sum())}
        return [("clv_losses", fields | {"months": self.params.horizon_months})]

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
