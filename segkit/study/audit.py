"""A study's customer-base audit: five ways to look at who buys, each adding up to the revenue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
from babel.dates import format_date

from segkit.analysis import audit as tables
from segkit.analysis import cohorts as groups
from segkit.analysis.concentration import concentration
from segkit.analysis.distributions import binned, counted
from segkit.analysis.projection import projection
from segkit.data import periods
from segkit.foundation.cached import cached_property
from segkit.study.activity import Activity
from segkit.study.base import Base, dated
from segkit.study.forecast import Forecast
from segkit.study.part import StudyPart
from segkit.study.store import key_of
from segkit.words import audit as words
from segkit.words.format import Formats
from segkit.words.said import Said
from segkit.words.texts import Texts

FIGURES = ("customers", "buyers", "orders", "revenue", "aov", "repeat_rate")

HOLIDAYS = timedelta(days=7)
"""Days without a sale that may be missing at the start of a period."""


class Audit(StudyPart):
    """One study's customers in a period, in two, and by the time of their first order.

    The five lenses of Fader, Hardie and Ross, The Customer-Base Audit (2022): one period; two
    periods; one cohort; cohorts compared; the whole base. Every table is small.

    Parameters
    ----------
    base : Base
    activity : Activity
    forecast : Forecast
        What the projection is a view of.
    at : function of a date
        The same client at an earlier date.
    """

    def __init__(
        self, base: Base, activity: Activity, forecast: Forecast, at: Callable[[date], Base]
    ) -> None:
        self.base, self.activity, self.forecast, self._at = base, activity, forecast, at
        self.params = self.base.params.audit

    # One period -----------------------------------------------------------------------

    @cached_property
    def product(self) -> pd.DataFrame:
        """Customers × orders a customer × AOV; see `segkit.analysis.audit.product`."""
        found = {tables.EARLIER: self._earlier} if self.has_earlier else {}
        return tables.product(found | {tables.LATER: self.base.period()})

    @property
    def orders(self) -> pd.Series[float]:
        """Orders of each customer in the period."""
        return self.base.period()["orders"]

    @cached_property
    def spread(self) -> pd.DataFrame:
        """How spend, orders and order value are spread over customers."""
        return tables.spread(self.base.period())

    @cached_property
    def histograms(self) -> dict[str, pd.DataFrame]:
        """The same in bins, for `segkit.plots.histogram`: of `revenue`, `orders` and `aov`."""
        measures = tables.buyer_measures(self.base.period())
        return {
            "revenue": binned(measures["revenue"]),
            "orders": counted(measures["orders"]),
            "aov": binned(measures["aov"]),
        }

    @cached_property
    def deciles(self) -> pd.DataFrame:
        """Ten equal groups of customers, best first; see `segkit.analysis.audit.deciles`."""
        return self._frame("deciles", lambda: tables.deciles(self.base.period()))

    @cached_property
    def value_deciles(self) -> pd.DataFrame:
        """Ten groups of equal revenue; see `segkit.analysis.audit.value_deciles`."""
        return self._frame("value_deciles", lambda: tables.value_deciles(self.base.period()))

    @cached_property
    def concentration(self) -> pd.DataFrame:
        """How much of the revenue so far the best customers brought.

        `top_share` (0 to 1, of all who ever bought), `customers`, `revenue` (money), `revenue_share`
        (0 to 1); see `segkit.analysis.concentration.concentration`.
        """
        return concentration(self.base.buyers["revenue"])

    # Two periods ----------------------------------------------------------------------

    @property
    def earlier_start(self) -> date:
        """First day of the period before the study's."""
        return self._then.period_start

    @property
    def _then(self) -> Base:
        return self._at(self.base.period_start)

    @property
    def has_earlier(self) -> bool:
        """Whether the period before was observed whole.

        A log begins with its first sale: two years less a holiday are two years.
        """
        return self.observed_from - self.earlier_start <= HOLIDAYS

    @property
    def _earlier(self) -> pd.DataFrame:
        """What customers bought in the period before, as it was known at its end."""
        return self._then.period()

    @cached_property
    def _both(self) -> pd.DataFrame:
        """What each customer bought in both periods: nobody, where the first was not observed whole."""
        later = self.base.period()
        ends = (self._earlier, later) if self.has_earlier else (later[:0], later[:0])
        return tables.together(*ends)

    @cached_property
    def bought(self) -> pd.DataFrame:
        """Who bought in which of the two periods; see `segkit.analysis.audit.bought`."""
        return self._compared("bought", tables.bought)

    @cached_property
    def staying(self) -> pd.DataFrame:
        """Who of those who bought in both spent more, or less."""
        return self._compared("staying", tables.staying)

    @cached_property
    def period_change(self) -> pd.DataFrame:
        """From one period's revenue to the next, by customers."""
        return self._compared("period_change", tables.period_change)

    @cached_property
    def factor_change(self) -> pd.DataFrame:
        """From one period's revenue to the next, by the three factors."""
        return self._compared("factor_change", tables.factor_change)

    @cached_property
    def factor_errors(self) -> pd.DataFrame:
        """The standard error of what each factor changed: `step`, `error` (money)."""
        errors = lambda both: pd.DataFrame(
            {"step": list(tables.FACTORS), "error": tables.factor_errors(both)}
        )
        return self._compared("factor_errors", errors)

    @property
    def changes(self) -> dict[str, float]:
        """How revenue changed against the period before, and what drove it; empty where unknown.

        `change` (share) and `change_size` (without sign), `revenue_before`, `change_customers`, `change_frequency`, `change_aov`
        (money), and the 95 % interval of the one that moved most in the direction of the whole,
        `driver_low` and `driver_high`.
        """
        steps = self.factor_change.set_index("step")["revenue"]
        if steps.empty or not steps[tables.EARLIER] > 0:
            return {}
        change = steps[tables.LATER] - steps[tables.EARLIER]
        parts = steps[list(tables.FACTORS)]
        driver = str((parts * np.sign(change)).idxmax())
        half = 1.96 * self.factor_errors.set_index("step")["error"][driver]
        named = {str(key).replace("factor", "change"): value for key, value in parts.items()}
        ends = {"driver_low": parts[driver] - half, "driver_high": parts[driver] + half}
        before = steps[tables.EARLIER]
        whole = {"change": change / before, "change_size": abs(change) / before}
        return whole | {"revenue_before": before} | named | ends

    @cached_property
    def decile_switching(self) -> pd.DataFrame:
        """Who went from which decile of spend to which."""
        return self._compared("decile_switching", tables.decile_switching)

    @cached_property
    def decile_cuts(self) -> pd.DataFrame:
        """Cuts of the deciles that both periods share."""
        return self._compared("decile_cuts", tables.decile_cuts)

    def _compared(self, name: str, compute: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
        found = self._frame(name, lambda: compute(self._both))
        return found if self.has_earlier else found[:0]

    @cached_property
    def headline_before(self) -> dict[str, float]:
        """Key figures of the period before, as `Study.headline` had them at its end; or none."""
        if not self.has_earlier:
            return {}
        state = self.base.store.state("headline_before", self._key, self._compute_headline)
        return {name: np.nan if value is None else value for name, value in state.items()}

    def _compute_headline(self) -> dict[str, float | None]:
        totals = tables.product({"": self._earlier}).iloc[0]
        repeaters = int((self._earlier["orders"] > 1).sum())
        figures = totals[["orders", "revenue", "aov"]].to_dict()
        figures |= {"customers": self._known_then(), "buyers": totals["customers"]}
        buyers = figures["buyers"]
        figures["repeat_rate"] = repeaters / buyers if buyers else np.nan
        return {name: None if pd.isna(figures[name]) else float(figures[name]) for name in FIGURES}

    def _known_then(self) -> int:
        sides = self.base.known_since()
        counted_then = periods.customers_known(self.base.lines, self.base.period_start, sides)
        return int(counted_then.to_pyarrow().as_py())

    # Calendar units and cohorts -------------------------------------------------------

    @property
    def observed_from(self) -> date:
        """The first day that the log covers."""
        return self.activity.observed_from

    @property
    def last_day(self) -> date:
        """The last day that is observed."""
        return self.base.last_day

    @property
    def unit(self) -> str:
        """The calendar unit of cohorts; see `Activity.unit`."""
        return self.activity.unit

    @cached_property
    def units(self) -> pd.DataFrame:
        """The calendar units of the history; see `segkit.analysis.cohorts.unit_table`."""
        return groups.unit_table(
            self.observed_from, self.base.as_of, self.unit, whole_log=self.params.whole_log
        )

    @cached_property
    def cohorts(self) -> pd.DataFrame:
        """What each cohort did in each unit; see `segkit.analysis.cohorts.cohort_table`."""
        compute = lambda: groups.cohort_table(self._activity, self._revenue, self.units)
        return self._named(self._frame("cohorts", compute))

    @cached_property
    def cohort(self) -> pd.Timestamp | None:
        """The cohort that is looked at alone; see `segkit.analysis.cohorts.shown_cohort`."""
        return groups.shown_cohort(self.cohorts)

    @property
    def cohort_name(self) -> str | None:
        """The name of that cohort."""
        return None if self.cohort is None else self.name_of(self.cohort)

    @cached_property
    def cohort_factors(self) -> pd.DataFrame:
        """Size × share active × orders × AOV of that cohort, by age."""
        own = self.cohorts[self.cohorts["cohort"] == self.cohort]
        return own.drop(columns=["cohort", "cohort_name", "is_truncated"]).reset_index(drop=True)

    @cached_property
    def cohort_orders(self) -> pd.DataFrame:
        """How long that cohort took to the second order, and to further ones."""
        return self._frame("cohort_orders", self._compute_cohort_orders)

    def _compute_cohort_orders(self) -> pd.DataFrame:
        start = self.cohort if self.cohort is not None else pd.Timestamp(self.base.as_of)
        first, end = (day.date() for day in (start, start + groups.UNITS[self.unit]))
        gaps = periods.cohort_gaps(self.days, first, end, groups.LAST_ORDER)
        waiting = periods.open_gaps(self.days, first, end, self.base.as_of)
        return groups.cohort_orders(*(table.to_pyarrow().to_pandas() for table in (gaps, waiting)))

    @cached_property
    def cohort_summary(self) -> pd.DataFrame:
        """Each cohort so far, one row each."""
        return self._named(
            self._frame(
                "cohort_summary",
                lambda: groups.cohort_summary(self.cohorts, self.base.customers, self.unit),
            )
        )

    @cached_property
    def second_orders(self) -> pd.DataFrame:
        """Share of each cohort that has bought again, by days since the first order."""
        arguments = (self.units, self.unit, self.base.as_of)
        compute = lambda: groups.second_orders(self.base.customers, *arguments)
        return self._named(self._frame("second_orders", compute))

    # The whole base -------------------------------------------------------------------

    @cached_property
    def cohort_revenue(self) -> pd.DataFrame:
        """Revenue by cohort and calendar unit."""
        return self._named(groups.calendar_revenue(self._revenue, self.units))

    @cached_property
    def growth(self) -> pd.DataFrame:
        """The base in each unit: who is new, and what is repeated."""
        return self._named(self._frame("base", self._compute_growth))

    def _compute_growth(self) -> pd.DataFrame:
        found = (self._activity, self._revenue, self.base.customers, self.units)
        return groups.base_table(*found, self.unit)

    @cached_property
    def projection(self) -> pd.DataFrame:
        """The forecast by the audit's unit; see `segkit.analysis.projection.projection`."""
        expected = self.forecast.by(self.unit) if self.forecast.ready else None
        found = projection(self.growth, expected, self.unit, self.base.as_of)
        tests = float(len(self.forecast.rolling.known)) if expected is not None else np.nan
        return self._named(found.assign(tests=tests))

    # What they are made of ------------------------------------------------------------

    @property
    def days(self) -> ir.Table:
        """Purchase days of all customers; see `Activity.days`."""
        return self.activity.days

    @cached_property
    def _activity(self) -> pd.DataFrame:
        compute = lambda: dated(periods.cohort_activity(self.days, self.unit), "cohort", "unit")
        return self._frame("activity", compute)

    @cached_property
    def _revenue(self) -> pd.DataFrame:
        compute = lambda: dated(
            periods.cohort_revenue(self.base.lines, self.days, self.unit, self.base.as_of),
            "cohort",
            "unit",
        )
        return self._frame("revenue", compute)

    @property
    def _key(self) -> str:
        span = [self.observed_from.isoformat(), self.base.period_start.isoformat()]
        return key_of(self.base.customers_key, "audit", self.params.model_dump(), *span)

    def _frame(self, name: str, compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        return self.base.store.frame(f"audit_{name}", key_of(self._key, name), compute)

    # Names and words ------------------------------------------------------------------

    def said(self, lens: str) -> Said:
        """Return what a lens says: keys of sentences, and their fields.

        Parameters
        ----------
        lens : str
            ``period``, ``periods``, ``cohort``, ``cohorts`` or ``base``.
        """
        return getattr(words, f"of_{lens}")(self)

    def about(self, name: str) -> dict[str, object]:
        """Return what the title and caption of a picture or table name, as fields.

        Parameters
        ----------
        name : str
            Of the picture, such as ``deciles``; of one that names no figures, nothing.
        """
        return words.about(self, name)

    def name_of(self, day: Any) -> str:
        """Return how the client's language calls the calendar unit that begins on a day."""
        if pd.isna(day):
            return self._texts.label(tables.RETURNS_ONLY)
        locale = self.base.params.display_locale
        if self.unit == "month":
            return self._formats.month(day)
        patterns = {"quarter": "QQQ y", "year": "y"}
        return format_date(day, patterns.get(self.unit, "medium"), locale=locale)

    def _named(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table with the names of its cohorts and units beside them."""
        for name in ("unit", "cohort"):
            if name in table:
                words = {day: self.name_of(day) for day in table[name].drop_duplicates()}
                names = [words[day] for day in table[name]]
                place = list(table.columns).index(name) + 1
                table.insert(place, f"{name}_name", pd.Series(names, table.index, dtype="str"))
        return table

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self.base.params.language)

    @cached_property
    def _formats(self) -> Formats:
        return Formats(self.base.params.display_locale, self.base.params.currency)
