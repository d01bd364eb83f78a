"""The client at earlier dates: what would have been forecast then, and what came."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from segkit.analysis.development import Development
from segkit.analysis.evidence import poisson_deviance
from segkit.analysis.forecast import (
    Outlook,
    PastForecast,
    error_before,
    members_at,
    order_spread,
    rolling_table,
)
from segkit.analysis.value import MODELS, CustomerValue, calendar_orders
from segkit.data import periods
from segkit.data.spans import months_of
from segkit.foundation.cached import cached_property
from segkit.models.purchase import DAYS
from segkit.study.activity import Activity
from segkit.study.base import Base
from segkit.study.part import StudyPart
from segkit.study.store import key_of

STEP_MONTHS = 3
"""Between two cuts: a quarter."""
CUT_SAMPLE = 50_000
"""Buyers that the models of a cut are learnt from: their totals are then known to a percent."""
FIRST_HISTORY, HISTORY = 0.5, 1.5
"""Horizons before the latest cut and before others: of what was made from less, one is enough."""


class Rolling(StudyPart):
    """One study's forecasts at earlier cuts, each fitted on nothing later (definitions, section 9).

    The customers of all cuts come from one pass over the lines, and what they did since from
    another; fits begin at each other's parameters.

    Parameters
    ----------
    base : Base
    activity : Activity
    later : Rolling, optional
        The same client at a later date: where this date is one of its cuts, its tests that were
        over by now are this one's too.
    """

    def __init__(self, base: Base, activity: Activity, later: Rolling | None = None) -> None:
        self.base, self.activity = base, activity
        self.later = later if later is not None and base.as_of in later.cuts else None
        self.params = base.params.evidence
        # One date's customers: a cut is asked about several times in a row.
        self._held: tuple[date, pd.DataFrame] | None = None

    @property
    def horizon_months(self) -> int:
        """How far a forecast is tested."""
        return self.params.horizon_months or self.base.params.clv.horizon_months

    @cached_property
    def cuts(self) -> list[date]:
        """The dates that forecasts are made at again, the latest first."""
        places = range(self.params.cuts)
        dates = [self.base.months_before(self.horizon_months + STEP_MONTHS * at) for at in places]
        needed = [FIRST_HISTORY, *[HISTORY] * len(dates)]
        return [
            cut
            for cut, horizons in zip(dates, needed, strict=False)
            if self._is_long_enough(cut, horizons) and self._has_customers(cut)
        ]

    def months_ago(self, cut: date) -> int:
        """Return how many months before `as_of` a cut lies."""
        now = self.base.as_of
        return (now.year - cut.year) * 12 + now.month - cut.month

    def _is_long_enough(self, cut: date, horizons: float) -> bool:
        days = (cut - self.base.first_day).days
        return months_of(days) >= horizons * self.horizon_months

    def _has_customers(self, cut: date) -> bool:
        known = self.activity.development.until(self.months_ago(cut))
        return bool(known.size.sum() >= self.params.min_customers)

    @cached_property
    def dates(self) -> list[date]:
        """The cuts, and the dates that the value of their customers is compared with."""
        back = self.base.params.clv.previous_months
        before = ((pd.Timestamp(cut) - pd.DateOffset(months=back)).date() for cut in self.cuts)
        return sorted({*self.cuts, *(day for day in before if day > self.base.first_day)})

    @property
    def light(self) -> list[date]:
        """Those of `dates` at which no favourites are needed: all but the latest cut."""
        return [day for day in self.dates if day not in self.cuts[:1]]

    def customers(self, day: date) -> pd.DataFrame:
        """Return the customer table at one of `dates`, without favourites."""
        if self._held is None or self._held[0] != day:
            table = self.base.snapshots(self.dates, None, day)
            windows = ["as_of", "recent_orders", "earlier_orders"]
            self._held = day, table.drop(columns=windows)
        return self._held[1]

    @property
    def development(self) -> Development:
        """What cohorts had brought by `as_of`."""
        if self.later is None:
            return self.activity.development
        return self.later.development.until(self.later.months_ago(self.base.as_of))

    @cached_property
    def known(self) -> list[PastForecast]:
        """The tests that are over."""
        return self.tests if self.later is None else self.later.known_at(self.base.as_of)

    @cached_property
    def _fits(self) -> dict[str, dict[str, Any]]:
        """State of the models fitted at each cut."""
        key = key_of(self.base.customers_key, self._terms)
        return self.base.store.state("rolling_models", key, self._fit_all)

    def _fit_all(self) -> dict[str, dict[str, Any]]:
        states: dict[str, dict[str, Any]] = {}
        near: CustomerValue | None = None
        for cut in self.cuts:
            model = CustomerValue(**self._terms)
            model.fit(self.customers(cut), self._repeats_before(cut), start=near)
            states[cut.isoformat()] = model.to_state()
            near = model if model.ready else near
        return states

    def value(self, cut: date) -> CustomerValue:
        """Return the models that were fitted at a cut."""
        return CustomerValue.from_state(self._fits[cut.isoformat()])

    def _repeats_before(self, cut: date) -> pd.DataFrame:
        repeats = self.activity.repeats
        return repeats[repeats["day"] < pd.Timestamp(cut)]

    @property
    def _terms(self) -> dict[str, Any]:
        params = self.base.params.clv
        given = params.model_dump(exclude={"previous_months", "segments", "resamples"})
        model = "mbg_nbd" if params.model == "auto" else params.model
        given |= {"model": model, "resamples": 0, "horizon_months": self.horizon_months}
        return given | {"sample": CUT_SAMPLE}

    @cached_property
    def tests(self) -> list[PastForecast]:
        """What members said at each cut, and what came; the latest first."""
        return [self._test(cut) for cut in self.cuts if self.value(cut).ready]

    def _test(self, cut: date) -> PastForecast:
        ago, day = self.months_ago(cut), pd.Timestamp(cut)
        ends = [day + pd.DateOffset(months=month) for month in range(1, self.horizon_months + 1)]
        known = self.activity.development.until(ago)
        existing, new = members_at(self.value(cut), self.customers(cut), known, day, ends)
        return PastForecast(cut.isoformat(), ago, existing, new, *self._came(cut))

    def _came(self, cut: date) -> tuple[np.ndarray, np.ndarray]:
        """Return what the customers of a cut, and those who came since, brought month by month.

        Who was a customer is as it was known at the cut: an order that was returned since counted.
        """
        known, new = (
            part[:, 1:]
            for part in self.activity.development.came(self.months_ago(cut), self.horizon_months)
        )
        is_buyer = (self.customers(cut)["orders"] > 0).to_numpy()
        own = self.outcomes(cut).loc[is_buyer, ["orders_after", "revenue_after"]].sum().to_numpy()
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = np.where(known.sum(axis=0) > 0, own / known.sum(axis=0), 1.0)
        return known * scale, new + known * (1 - scale)

    def known_at(self, cut: date) -> list[PastForecast]:
        """Return the tests that were over by a cut."""
        ago = self.months_ago(cut) + self.horizon_months
        return [test for test in self.tests if test.months_ago >= ago]

    @cached_property
    def table(self) -> pd.DataFrame:
        """What was said at each cut, as it would have been then, and what came.

        See `segkit.analysis.forecast.rolling_table`.
        """
        said = {test.cut: (test, self._as_said(test)) for test in self.tests}
        return rolling_table(said, self.horizon_months)

    def _as_said(self, test: PastForecast) -> Outlook:
        cut = date.fromisoformat(test.cut)
        buyers = self.customers(cut)
        return Outlook(
            test.existing,
            test.new,
            self.known_at(cut),
            self.error_before(cut, "clock" in test.existing),
            order_spread(buyers["aov"]),
        )

    def error_before(self, day: date, has_clock: bool) -> float:
        """Return the error that a total's forecast at a day may have, before any test."""
        history = (day - self.base.first_day).days / DAYS["months"]
        return error_before(has_clock, self.horizon_months, history)

    # Customer by customer --------------------------------------------------------------

    def outcomes(self, cut: date) -> pd.DataFrame:
        """Return what the customers of a cut did in the horizon after it.

        Returns
        -------
        DataFrame
            In the rows of `customers(cut)`: `orders_after`, `days_after` (purchase days) and
            `revenue_after` (net, money).
        """
        ago = self.months_ago(cut)
        sums = self._between(ago - self.horizon_months, ago)
        found = (
            sums[["orders", "purchase_days", "revenue"]]
            .reindex(self.customers(cut)["customer_id"])
            .fillna(0.0)
            .astype(float)
        )
        names = ["orders_after", "days_after", "revenue_after"]
        return found.set_axis(names, axis=1).reset_index(drop=True)

    @cached_property
    def _edges(self) -> list[int]:
        """Months before `as_of` at which a horizon begins or ends."""
        starts = [self.months_ago(cut) for cut in self.cuts]
        ends = [start - self.horizon_months for start in starts]
        before = [start + self.horizon_months for start in starts]
        return sorted({0, *starts, *ends, *before})

    @cached_property
    def _activity(self) -> pd.DataFrame:
        """What each customer bought in each stretch between edges; see `customer_months`."""
        compute = partial(periods.customer_months, self.base.lines, self.base.as_of, self._edges)
        key = key_of(self.base.customers_key, self._edges)
        return self.base.store.frame(
            "customer_months", key, lambda: compute().to_pyarrow().to_pandas()
        )

    def _between(self, end: int, start: int) -> pd.DataFrame:
        """Return what each customer bought between two edges, months before `as_of`."""
        stretches = [place for place, edge in enumerate(self._edges) if end <= edge < start]
        done = self._activity[self._activity["stretch"].isin(stretches)]
        return done.groupby("customer_id")[["orders", "purchase_days", "revenue"]].sum()

    def deviances(self) -> tuple[dict[str, list[np.ndarray]], list[np.ndarray]]:
        """Return the Poisson deviance of each model's expected purchases, customer by customer.

        Returns
        -------
        tuple
            By model an array a cut, and the customers of each cut; on the calendar. Models that
            could not be fitted at every cut are left out.
        """
        found: dict[str, list[np.ndarray]] = {name: [] for name in MODELS}
        customers = []
        for test in self.tests:
            cut = date.fromisoformat(test.cut)
            known = self.customers(cut)
            is_buyer = (known["orders"] > 0).to_numpy()
            came = self.outcomes(cut)["days_after"].to_numpy()[is_buyer]
            customers.append(known["customer_id"].to_numpy()[is_buyer])
            end = pd.Timestamp(cut) + pd.DateOffset(months=self.horizon_months)
            days = (end - pd.Timestamp(cut)).days
            for name in list(found):
                said = calendar_orders(name, known, self.base.params.clv.time_unit, days)
                if said is None:
                    del found[name]
                else:
                    found[name].append(poisson_deviance(said, came))
        return found, customers

    def last_period(self, cut: date, column: str) -> pd.Series:
        """Return what each customer of a cut had bought in the horizon before it."""
        ago = self.months_ago(cut)
        sums = self._between(ago, ago + self.horizon_months)[column]
        return self.customers(cut)["customer_id"].map(sums).fillna(0.0).astype(float)
