"""What customers did day by day and month by month: small tables, counted once in the engine."""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir
import pandas as pd

from segkit.analysis import cohorts as groups
from segkit.analysis.development import Development, development_of
from segkit.data import periods
from segkit.data.days import as_date
from segkit.foundation.cached import cached_property
from segkit.study.base import Base, dated
from segkit.study.part import StudyPart
from segkit.study.store import key_of, write_batches


class Activity(StudyPart):
    """The purchase days of one study's customers, and what they add up to.

    Parameters
    ----------
    base : Base
    later : Activity, optional
        The same client at a later date, whose purchase days are at hand.
    """

    def __init__(self, base: Base, later: Activity | None = None) -> None:
        self.base, self.later = base, later

    @property
    def observed_from(self) -> date:
        """The first day that the log covers."""
        return self.base.params.orders.since or self.base.first_day

    @cached_property
    def unit(self) -> str:
        """The calendar unit of cohorts: the one given, or one that parts the history well."""
        given = self.base.params.audit.unit
        if given != "auto":
            return given
        return groups.chosen_unit(self.observed_from, self.base.as_of)

    @cached_property
    def days(self) -> ir.Table:
        """Purchase days of all customers; see `segkit.data.periods.purchase_days`."""
        if self.later is not None:
            days = self.later.days
            return days.filter(days["day"] < as_date(self.base.as_of))
        write = lambda path, key: write_batches(
            periods.purchase_days(self.base.lines, self.base.as_of), path, key
        )
        key = key_of(self.base.customers_key, "purchase_days")
        return self.base.engine_table(self.base.store.file("purchase_days", key, write))

    @cached_property
    def repeats(self) -> pd.DataFrame:
        """Repeat purchase days of all customers: `day`, `repeats`."""
        compute = lambda: dated(periods.daily_repeats(self.days), "day")
        return self.base.store.frame("repeats", key_of(self.base.customers_key, "repeats"), compute)

    @cached_property
    def development(self) -> Development:
        """What cohorts brought month by month, months counted back from `as_of`."""
        frame, key = self.base.store.frame, key_of(self.base.customers_key, "development")
        as_of = self.base.as_of
        activity = frame(
            "cohort_months",
            key,
            lambda: periods.cohort_months(self.days, as_of).to_pyarrow().to_pandas(),
        )
        revenue = frame(
            "cohort_month_revenue",
            key,
            lambda: (
                periods.cohort_month_revenue(self.base.lines, self.days, as_of)
                .to_pyarrow()
                .to_pandas()
            ),
        )
        return development_of(activity, revenue, self.whole_months)

    @property
    def whole_months(self) -> int:
        """How many months before `as_of` were observed whole."""
        months = 0
        while self.base.months_before(months + 1) >= self.observed_from:
            months += 1
        return months
