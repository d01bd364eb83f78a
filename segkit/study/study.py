"""A study: one client at one date, with every table and model of it, made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Self

import pandas as pd

from segkit.foundation.cached import cached_property
from segkit.segments.clusters import Clusters
from segkit.segments.clv import CLVSegments
from segkit.segments.lifecycle import Lifecycle
from segkit.segments.rfm import RFM
from segkit.segments.rules import RuleTable
from segkit.study.actions import Actions
from segkit.study.activity import Activity
from segkit.study.advice import Advice
from segkit.study.audiences import Audiences
from segkit.study.audit import Audit
from segkit.study.base import Base
from segkit.study.carts import Carts
from segkit.study.differences import Differences
from segkit.study.evidence import Evidence
from segkit.study.finished import REPORT, FinishedReport
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.hit_rates import HitRates
from segkit.study.holdout import Holdout
from segkit.study.insights import Insights
from segkit.study.leading import Leading
from segkit.study.migration import Migration
from segkit.study.movers import Movers
from segkit.study.notebook import given_in
from segkit.study.offers import Offers
from segkit.study.rolling import Rolling
from segkit.study.segmented import Segmented
from segkit.study.stages import Stages
from segkit.study.what_if import WhatIf

_ASKED = (  # what a look at a study points at; Tab lists the rest
    *(
        "headline",
        "monthly",
        "quality",
        "bridge",
        "customers",
        "buyers",
        "kpis",
        "segments",
        "rfm",
        "at",
    ),
    *("clusters", "lifecycle", "clv_segments", "forecast", "evidence", "migration", "stages"),
    *("carts", "offers", "differences", "insights", "actions", "audiences", "movers", "audit"),
    "report",
)


class Study(Base):
    """One client at one date, with parts that need those above them; `Base` has its customers.

    Parameters
    ----------
    params : Params, str or Path
        A client's parameters, or the file that holds them.
    root : Path, optional
        Folder that relative paths start from; see `segkit.params.find_root`.
    run_dir : Path, optional
        Where results are kept; by default `reports/<client>/draft`, which is no finished run.
    as_of : date, optional
        The first day that is not observed; by default `params.as_of`, else after the last sale.

    Examples
    --------
    >>> import tempfile
    >>> study = Study("params/cdnow.yaml", run_dir=tempfile.mkdtemp())
    >>> study.as_of.isoformat(), len(study.customers)
    ('1998-07-01', 2357)
    """

    @classmethod
    def from_notebook(cls, names: Mapping[str, Any]) -> Self:
        """Return the study that a notebook's parameters describe.

        Parameters
        ----------
        names : mapping
            The notebook's `globals()`: a client's keys, as papermill injects them; or else a
            `params_file`, whose keys give way to those of the notebook that are not None.

        Raises
        ------
        ParamsError
            As `segkit.params.load_params`; also a name that looks like a misspelt key.
        """
        params, root = given_in(names)
        return cls(params, root=root, run_dir=names.get("run_dir"))

    def at(self, as_of: date) -> Study:
        """Return this client at another date, fitted on what was known then."""
        if as_of not in self._others:
            folder = self.cleaned.store.folder / f"at-{as_of.isoformat()}"
            other = Study(
                self.params, root=self.root, run_dir=folder, as_of=as_of, cleaned=self.cleaned
            )
            other._others = self._others
            seen_from = self._seen_from or self
            other._seen_from = seen_from if as_of < seen_from.as_of else None
            self._others[as_of] = other
        return self._others[as_of]

    @cached_property
    def _others(self) -> dict[date, Study]:
        """Studies of the same client at other dates, which know each other."""
        return {}

    _seen_from: Study | None = None
    """The study that asked for this earlier one first, whose results at its cuts are at hand."""

    def _compute_customers(self) -> pd.DataFrame:
        later = self._seen_from and self._seen_from.rolling
        if later and self.as_of in later.light:
            return later.customers(self.as_of)
        return super()._compute_customers()

    # Parts: each is handed those above it that it uses; none knows the study -----------

    @cached_property
    def rhythm(self) -> Gaps:
        """How long customers take to buy again, measured or given."""
        return Gaps(self, self.activity)

    @cached_property
    def activity(self) -> Activity:
        """What customers did day by day and month by month."""
        later = self._seen_from
        return Activity(self, None if later is None else later.activity)

    @cached_property
    def rolling(self) -> Rolling:
        """What would have been forecast at earlier dates, and what came."""
        later = self._seen_from
        return Rolling(self, self.activity, None if later is None else later.rolling)

    @cached_property
    def holdout(self) -> Holdout:
        """What came after an earlier date, and which purchase model came closest to it."""
        return Holdout(self, self.at)

    @cached_property
    def forecast(self) -> Forecast:
        """What customers are expected to do, and the models behind it."""
        return Forecast(self, self.rhythm, self.activity, self.rolling, self.at)

    @cached_property
    def segmented(self) -> Segmented:
        """Every segmentation, fitted, and its key figures."""
        return Segmented(self, self.rhythm, self.forecast, self._chosen_groups)

    @property
    def _chosen_groups(self) -> Callable[[], int] | None:
        """How many clusters the first cut chose, for those after it."""
        later = self._seen_from
        if later is None or self.as_of not in later.rolling.cuts[:-1]:
            return None
        first = later.at(later.rolling.cuts[-1])
        return lambda: len(first.clusters.sizes_)

    @cached_property
    def evidence(self) -> Evidence:
        """What was said a while ago, beside what happened (definitions, section 9)."""
        return Evidence(self, self.segmented, self.holdout, self.rolling, self.at)

    @cached_property
    def what_if(self) -> WhatIf:
        """The segments, were their edges elsewhere; `segkit.what_if` shows it in a cell."""
        return WhatIf(self, self.forecast, self.segmented, self.holdout, self.at)

    @cached_property
    def carts(self) -> Carts:
        """What was put in carts, and what came of it."""
        return Carts(self, self.segmented)

    @cached_property
    def stages(self) -> Stages:
        """The lifecycle of the base, and what was learnt about it."""
        return Stages(self, self.rhythm, self.segmented, self.evidence, self.carts)

    @cached_property
    def migration(self) -> Migration:
        """How customers moved between segments (definitions, section 8)."""
        return Migration(self, self.rhythm, self.forecast, self.segmented)

    @cached_property
    def leading(self) -> Leading:
        """Which segmentation leads the report, and what speaks for each (definitions, section 4)."""
        return Leading(self, self.segmented, self.migration, self.evidence)

    @cached_property
    def audit(self) -> Audit:
        """The base in a period, in two, and by the time of the first order."""
        return Audit(self, self.activity, self.forecast, self.at)

    @cached_property
    def offers(self) -> Offers:
        """Which products to offer to whom (definitions, section 10)."""
        return Offers(self, self.segmented)

    @cached_property
    def hit_rates(self) -> HitRates:
        """Whether these offers, made a while ago, would have named what was bought."""
        return HitRates(self, self.segmented, self.holdout, self.at)

    @cached_property
    def advice(self) -> Advice:
        """What the playbook says of each segment, checked against its figures."""
        return Advice(self, self.rhythm, self.forecast, self.segmented)

    @cached_property
    def differences(self) -> Differences:
        """Which channels, categories or products bring customers who do otherwise."""
        return Differences(self, self.rhythm, self.segmented)

    @cached_property
    def insights(self) -> Insights:
        """What the figures say and what to do about it (definitions, section 10)."""
        parts = (self.rhythm, self.forecast, self.segmented, self.audit, self.differences)
        return Insights(self, *parts)

    @cached_property
    def actions(self) -> Actions:
        """What to do next with each customer (definitions, section 10)."""
        return Actions(self, self.rhythm, self.forecast, self.segmented, self.offers, self.advice)

    @cached_property
    def audiences(self) -> Audiences:
        """Whom to send what (definitions, sections 10 and 11)."""
        parts = (self.segmented, self.evidence, self.insights, self.actions, self.advice)
        return Audiences(self, *parts)

    @cached_property
    def movers(self) -> Movers:
        """Who moved between segments in a way worth acting on (definitions, section 8)."""
        return Movers(self, self.rhythm, self.migration, self.advice, self.audiences)

    # What is asked most ---------------------------------------------------------------

    @property
    def gaps(self) -> dict[str, int | None]:
        """The gaps that count, in days: `usual_days`, `churn_days`, `second_days`, `new_days`."""
        return self.rhythm.spans

    @property
    def clv(self) -> pd.DataFrame:
        """What to expect of each customer, in the rows of `customers`; see `Forecast.table`."""
        return self.forecast.table

    @property
    def rfm(self) -> RFM:
        """The fitted RFM scores (definitions, section 4)."""
        return self.segmented.rfm

    @property
    def scores(self) -> pd.DataFrame:
        """Each customer's `r`, `f`, `m`, `cell`, `family`, `sub_segment`."""
        return self.segmented.scores

    @property
    def rules(self) -> RuleTable:
        """The value groups' rule table: the kit's, or the client's own."""
        return self.segmented.rules

    @property
    def clusters(self) -> Clusters:
        """The fitted clusters (definitions, section 5)."""
        return self.segmented.clusters

    @property
    def clv_segments(self) -> CLVSegments:
        """The seven predictive segments, fitted (definitions, section 6)."""
        return self.forecast.clv_segments

    @property
    def lifecycle(self) -> Lifecycle:
        """The fitted stages, views and flags (definitions, section 7)."""
        return self.segmented.lifecycle

    def label(self, segmentation: str, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's segment by this study's rules; see `Segmented.label`."""
        return self.segmented.label(segmentation, customers)

    @property
    def segmentations(self) -> list[str]:
        """Every segmentation, and the views that somebody is in."""
        return self.segmented.segmentations

    @property
    def segments(self) -> pd.DataFrame:
        """Each customer's segment in every segmentation and view, with scores and flags."""
        return self.segmented.table

    @property
    def segment_names(self) -> dict[str, dict[str, str]]:
        """Possible segments of each segmentation and view, as the client's language calls them."""
        return self.segmented.names

    def kpis(
        self, segmentation: str, start: date | None = None, by: str | None = None
    ) -> pd.DataFrame:
        """Return the key figures of segments, cut by a dimension or not; see `Segmented.kpis`."""
        return self.segmented.kpis(segmentation, start, by)

    @property
    def headline(self) -> dict[str, float]:
        """The period's key figures of the whole base, and its customers so far."""
        return self.segmented.headline

    @property
    def headline_before(self) -> dict[str, float]:
        """The headline of the period before, at its end; empty where not observed whole."""
        return self.audit.headline_before

    def report(self) -> FinishedReport:
        """Return the report of the finished run of this date, which shows itself in a cell."""
        folder = self.root / "reports" / self.params.client / self.as_of.isoformat()
        return FinishedReport(folder / REPORT, self.params.client)

    def _facts(self) -> dict[str, object]:
        segmented = vars(self).get("segmented")
        return super()._facts() | (vars(segmented).get("headline", {}) if segmented else {})

    def _asked(self) -> list[str]:
        return list(_ASKED)
