"""A study: one client at one date, with every table and model of it, made once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Self

import pandas as pd

from segkit.errors import ParamsError, SegkitError, nearest
from segkit.foundation.cached import cached_property
from segkit.foundation.yaml_files import load_yaml
from segkit.params import Params, check_params, find_root
from segkit.segments.clusters import Clusters
from segkit.segments.clv import CLVSegments
from segkit.segments.lifecycle import Lifecycle
from segkit.segments.rfm import RFM
from segkit.segments.rules import RuleTable
from segkit.study.actions import Actions
from segkit.study.audiences import Audiences
from segkit.study.audit import Audit
from segkit.study.base import Base
from segkit.study.carts import Carts
from segkit.study.evidence import Evidence
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.hit_rates import HitRates
from segkit.study.holdout import Holdout
from segkit.study.insights import Insights
from segkit.study.migration import Migration
from segkit.study.offers import Offers
from segkit.study.segmented import Segmented
from segkit.study.stages import Stages

_OF_NOTEBOOKS = ("params_file", "root", "run_dir")
_ASKED = (
    *("headline", "monthly", "quality", "customers", "buyers", "kpis", "segments", "rfm"),
    *("clusters", "lifecycle", "clv_segments", "forecast", "evidence", "migration", "stages"),
    *("carts", "offers", "insights", "actions", "audiences", "audit", "at"),
)
"""What a look at a study points at; Tab lists the rest."""


class Study(Base):
    """One client at one date.

    Its parts stand in the order in which they need each other: each is handed those above it
    that it uses, and none knows the study. Tables of customers and dates are those of `Base`.

    Parameters
    ----------
    params : Params, str or Path
        A client's parameters, or the file that holds them.
    root : Path, optional
        Folder that relative paths start from; see `segkit.params.find_root`.
    run_dir : Path, optional
        Where results are remembered and exported; by default `reports/<client>/draft`
        below `root`, so that a look around touches no finished run.
    as_of : date, optional
        The first day that is not observed; by default `params.as_of`, else the day after
        the last sale.

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
            The notebook's `globals()`. Where `client` is given (papermill injects a
            client's file key by key) the keys are the parameters; otherwise they are
            read from `params_file`, and keys that are not None take their place.

        Raises
        ------
        ParamsError
            As `segkit.params.load_params`; also a name that looks like a misspelt key.
        """
        fields = Params.model_fields
        given = {name: names[name] for name in fields if names.get(name) is not None}
        _refuse_misspelt(names, [*fields, *_OF_NOTEBOOKS])
        root = Path(names["root"]).resolve() if names.get("root") else find_root()
        where = "notebook parameters"
        if "client" not in given:
            if not names.get("params_file"):
                problem = SegkitError("neither client nor params_file is given", where=where)
                raise ParamsError([problem])
            file = root / names["params_file"]
            given, where = _merged(load_yaml(file), given), f"{file.name} and notebook parameters"
        return cls(check_params(given, where=where), root=root, run_dir=names.get("run_dir"))

    def at(self, as_of: date) -> Study:
        """Return this client at another date, fitted on what was known then."""
        if as_of not in self._others:
            folder = self.cleaned.store.folder / f"at-{as_of.isoformat()}"
            other = Study(
                self.params, root=self.root, run_dir=folder, as_of=as_of, cleaned=self.cleaned
            )
            other._others = self._others
            self._others[as_of] = other
        return self._others[as_of]

    @cached_property
    def _others(self) -> dict[date, Study]:
        """Studies of the same client at other dates, which know each other."""
        return {}

    # Parts, each handed those above it ------------------------------------------------

    @cached_property
    def rhythm(self) -> Gaps:
        """How long customers take to buy again, measured or given."""
        return Gaps(self)

    @cached_property
    def holdout(self) -> Holdout:
        """What came after an earlier date, and which purchase model came closest to it."""
        return Holdout(self, self.at)

    @cached_property
    def forecast(self) -> Forecast:
        """What customers are expected to do, and the models behind it."""
        return Forecast(self, self.rhythm, self.holdout, self.at)

    @cached_property
    def segmented(self) -> Segmented:
        """Every segmentation, fitted, and its key figures."""
        return Segmented(self, self.rhythm, self.forecast)

    @cached_property
    def evidence(self) -> Evidence:
        """What was said a while ago, beside what happened (definitions, section 9)."""
        return Evidence(self, self.segmented, self.holdout, self.at)

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
    def audit(self) -> Audit:
        """The base in a period, in two, and by the time of the first order."""
        return Audit(self, self.at)

    @cached_property
    def offers(self) -> Offers:
        """Which products to offer to whom (definitions, section 10)."""
        return Offers(self, self.segmented)

    @cached_property
    def hit_rates(self) -> HitRates:
        """Whether these offers, made a while ago, would have named what was bought."""
        return HitRates(self, self.segmented, self.holdout, self.at)

    @cached_property
    def insights(self) -> Insights:
        """What the figures say and what to do about it (definitions, section 10)."""
        return Insights(self, self.rhythm, self.forecast, self.segmented)

    @cached_property
    def actions(self) -> Actions:
        """What to do next with each customer (definitions, section 10)."""
        return Actions(self, self.rhythm, self.forecast, self.segmented, self.offers)

    @cached_property
    def audiences(self) -> Audiences:
        """Whom to send what (definitions, sections 10 and 11)."""
        return Audiences(self, self.segmented, self.evidence, self.insights, self.actions)

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

    def kpis(self, segmentation: str, start: date | None = None) -> pd.DataFrame:
        """Return the key figures of a segmentation's segments; see `Segmented.kpis`."""
        return self.segmented.kpis(segmentation, start)

    @property
    def headline(self) -> dict[str, float]:
        """The period's key figures of the whole base, and its customers so far."""
        return self.segmented.headline

    @property
    def headline_before(self) -> dict[str, float]:
        """The headline of the period before, as at its end; empty where it was not observed whole."""
        return self.audit.headline_before

    # A look at it ---------------------------------------------------------------------

    def _facts(self) -> dict[str, object]:
        day, folder = self.known_date, self.run_dir
        inside = folder.is_relative_to(self.root)
        held = vars(self)
        headline = vars(held["segmented"]).get("headline", {}) if "segmented" in held else {}
        return {
            "client": f"{self.params.client} ({self.params.currency}, {self.params.language})",
            "period": f"{self.period_start} to {self.last_day}" if day else "not read yet",
            "customers": len(held["customers"]) if "customers" in held else "not counted yet",
            **headline,
            "results in": folder.relative_to(self.root).as_posix() if inside else str(folder),
        }

    def _asked(self) -> list[str]:
        return list(_ASKED)


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], value) if nested else value
    return merged


def _refuse_misspelt(names: Mapping[str, Any], valid: list[str]) -> None:
    """Refuse a plain value whose name is almost a parameter's; papermill accepts any name."""
    plain = (str, int, float, list, dict)
    strange = [
        name
        for name, value in names.items()
        if not name.startswith("_") and name not in valid and isinstance(value, plain)
    ]
    for name in strange:
        close = nearest(name, valid)
        if close is not None:
            fix = f"write '{close}', or give a variable of your own another name"
            problem = SegkitError("unknown parameter", where=name, fix=fix)
            raise ParamsError([problem])
