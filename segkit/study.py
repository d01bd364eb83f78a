"""A study: one client at one date, with every table and model of it, made once."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from segkit.data.sources import Raw, Workspace, fingerprint, read
from segkit.errors import ParamsError, SegkitError, nearest, suggestion
from segkit.params import Params, check_params, find_root, load_params, load_yaml
from segkit.store import Store, key_of, parquet_key

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from segkit.evidence import Evidence
    from segkit.forecast import Forecast
    from segkit.report.playbook import Playbook
    from segkit.segments import RFM, Clusters, CLVSegments, RuleTable

TABLES = ("orders", "returns", "customers", "events")
SEGMENTATIONS = ("families", "sub_segments", "value_groups", "clusters", "clv_segments")
DRAFT = "draft"
_OF_NOTEBOOKS = ("params_file", "root", "run_dir")


class Study:
    """One client at one date.

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

    def __init__(
        self,
        params: Params | str | Path,
        *,
        root: str | Path | None = None,
        run_dir: str | Path | None = None,
        as_of: date | None = None,
    ) -> None:
        self.root = Path(root).resolve() if root else find_root()
        self.params = params if isinstance(params, Params) else load_params(self.root / params)
        self._as_of = as_of or self.params.as_of
        self.run_dir = self.root / (run_dir or f"reports/{self.params.client}/{DRAFT}")
        self._home = self.run_dir / "data"
        self._others: dict[date, Study] = {}

    @classmethod
    def from_notebook(cls, names: Mapping[str, Any]) -> Study:
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

    def __repr__(self) -> str:
        return f"Study({self.params.client!r}, as_of={self.as_of})"

    # Where things are ------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """Results of this study, remembered."""
        return Store(self.run_dir / "data")

    @cached_property
    def _lines_store(self) -> Store:
        """Lines do not depend on the date: studies at other dates share them."""
        return self.store

    @cached_property
    def _workspace(self) -> Workspace:
        scratch = self._lines_store.folder / f".scratch-{os.getpid()}-{id(self):x}"
        workspace = Workspace(self.root, scratch, self.params.engine)
        atexit.register(workspace.close)
        return workspace

    @cached_property
    def inputs(self) -> dict[str, dict[str, str]]:
        """SHA-256 of every input file, by table and file name."""
        sources = {name: getattr(self.params, name) for name in TABLES}
        return {
            name: fingerprint(source, self.root, where=f"{name}.path")
            for name, source in sources.items()
            if source is not None
        }

    @cached_property
    def _lines_key(self) -> str:
        plain = self.params.model_dump(mode="json")
        relevant = {name: plain[name] for name in (*TABLES, "cleaning", "timezone")}
        return key_of(self.inputs, relevant)

    @cached_property
    def customers_key(self) -> str:
        """Digest of everything that the customer table depends on."""
        return key_of(self._lines_key, self.as_of.isoformat())

    # Lines ----------------------------------------------------------------------------

    @cached_property
    def lines(self) -> ir.Table:
        """Kept order lines, as an expression; see `segkit.data.cleaning.Cleaned`."""
        return self._cleaned("lines")

    def _cleaned(self, name: str) -> ir.Table:
        self._clean_if_needed()
        return self._workspace.parquet(self._lines_store.folder / f"{name}.parquet")

    def _clean_if_needed(self) -> None:
        optional = {"registered": self.params.customers, "events": self.params.events}
        needed = ["rejected", "quality", "lines"]
        needed += [name for name, source in optional.items() if source is not None]
        folder = self._lines_store.folder
        keys = {parquet_key(folder / f"{name}.parquet") for name in needed}
        if keys != {self._lines_key}:
            self._clean()

    def _clean(self) -> None:
        from segkit.data.cleaning import clean
        from segkit.data.events import clean_events, clean_registered

        raws = self._raws()
        today = date.today()
        cleaned = clean(self._workspace, self.params, raws, today=today)
        quality = [cleaned.quality]
        if "customers" in raws:
            registered, rows = clean_registered(raws["customers"], self.params)
            self._write("registered", registered)
            quality.append(rows)
        if "events" in raws:
            events, rows = clean_events(raws["events"], self.params, today=today)
            self._write("events", events)
            quality.append(rows)
        self._write("rejected", cleaned.rejected)
        self._lines_store.frame("quality", self._lines_key, lambda: pd.concat(quality))
        self._write("lines", cleaned.lines)

    def _raws(self) -> dict[str, Raw]:
        sources = {name: getattr(self.params, name) for name in TABLES}
        return {
            name: read(self._workspace, source, name)
            for name, source in sources.items()
            if source is not None
        }

    def _write(self, name: str, table: ir.Table) -> None:
        def write(path: Path, key: str) -> None:
            table.to_parquet(path, kv_metadata={"segkit_key": key})

        self._lines_store.file(name, self._lines_key, write)

    @cached_property
    def as_of(self) -> date:
        """The first day that is not observed."""
        if self._as_of is not None:
            return self._as_of
        return date.fromisoformat(self._span["last_sale"]) + timedelta(days=1)

    @cached_property
    def _span(self) -> dict[str, str]:
        return self._lines_store.state("span", self._lines_key, self._compute_span)

    def _compute_span(self) -> dict[str, str]:
        lines = self.lines
        moments = (
            lines.agg(
                first=lines["counts_at"].min(),
                last=lines["observed_at"].max(),
                last_sale=lines["observed_at"].max(where=~lines["is_return"]),
            )
            .to_pyarrow()
            .to_pylist()[0]
        )
        moments["last_sale"] = moments["last_sale"] or moments["last"]
        return {name: moment.date().isoformat() for name, moment in moments.items()}

    @cached_property
    def first_day(self) -> date:
        """The day of the first kept line."""
        return date.fromisoformat(self._span["first"])

    @cached_property
    def last_day(self) -> date:
        """The last day that is observed."""
        return self.as_of - timedelta(days=1)

    @cached_property
    def period_start(self) -> date:
        """First day of the period that period figures use."""
        return self.months_before(self.params.period_months)

    @cached_property
    def quality(self) -> pd.DataFrame:
        """What was read, kept and rejected, rule by rule (lines and amount)."""
        self._clean_if_needed()
        table = pd.read_parquet(self._lines_store.folder / "quality.parquet")
        if date.fromisoformat(self._span["last"]) < self.as_of:
            return table
        later = self.lines.filter(self.lines["observed_at"] >= pd.Timestamp(self.as_of))
        counts = later.agg(lines=later.count(), amount=later["amount"].sum().cast("float64"))
        row = counts.to_pyarrow().to_pandas()
        row = row.assign(source="orders", rule="after_as_of", action="", first_values="")
        return pd.concat([table, row], ignore_index=True)

    # Customers ------------------------------------------------------------------------

    @cached_property
    def customers(self) -> pd.DataFrame:
        """The customer table (definitions, section 2): one row a customer."""
        return self.store.frame("customers", self.customers_key, self._compute_customers)

    def _compute_customers(self) -> pd.DataFrame:
        from segkit.data.customers import customer_table
        from segkit.data.events import seen_table

        registered = self._cleaned("registered") if self.params.customers else None
        seen = seen_table(self._cleaned("events"), self.as_of) if self.params.events else None
        table = customer_table(self.lines, self.as_of, registered=registered, seen=seen)
        return _timestamps(table.to_pyarrow().to_pandas())

    @cached_property
    def buyers(self) -> pd.DataFrame:
        """Customers with at least one order that stands."""
        return self.customers[self.customers["orders"] > 0]

    @cached_property
    def monthly(self) -> pd.DataFrame:
        """Orders, customers and revenue by month; a month not wholly observed says so."""
        key = key_of(self.customers_key, "monthly")
        return self.store.frame("monthly", key, self._compute_monthly)

    def _compute_monthly(self) -> pd.DataFrame:
        from segkit.data.customers import monthly_table

        table = _timestamps(monthly_table(self.lines, self.as_of).to_pyarrow().to_pandas())
        ends = table["month"] + pd.offsets.MonthBegin(1)
        begun = table["month"] >= pd.Timestamp(self.first_day)
        return table.assign(complete=begun & (ends <= pd.Timestamp(self.as_of)))

    def period(self, start: date | None = None) -> pd.DataFrame:
        """Return what each customer bought from `start` (default: the period's) to `as_of`."""
        from segkit.data.customers import period_table

        start = start or self.period_start
        key = key_of(self.customers_key, start.isoformat())
        return self.store.frame(
            f"period_{start:%Y%m%d}",
            key,
            lambda: period_table(self.lines, start, self.as_of).to_pyarrow().to_pandas(),
        )

    # Value ----------------------------------------------------------------------------

    @cached_property
    def waiting(self) -> pd.DataFrame:
        """How long customers wait to buy again; see `segkit.analysis.gaps.waiting_curve`."""
        from segkit.analysis.gaps import waiting_curve
        from segkit.data.customers import gap_counts

        def compute() -> pd.DataFrame:
            gaps = gap_counts(self.lines, self.as_of).to_pyarrow().to_pandas()
            return waiting_curve(gaps, self.buyers["recency_days"])

        return self.store.frame("waiting", key_of(self.customers_key, "waiting"), compute)

    @cached_property
    def gaps(self) -> dict[str, float | None]:
        """The usual gap and the churn gap, in days (definitions, section 7)."""
        from segkit.analysis.gaps import measured_gaps
        from segkit.models.purchase import DAYS

        params = self.params.gaps
        days = self.params.clv.horizon_months * DAYS["months"]
        gaps = measured_gaps(self.waiting, days, params.return_share)
        given = {"usual_days": params.usual_days, "churn_days": params.churn_days}
        return gaps | {name: days for name, days in given.items() if days is not None}

    @cached_property
    def forecast(self) -> Forecast:
        """What customers are expected to do, and the models behind it."""
        from segkit.forecast import Forecast

        return Forecast(self)

    @property
    def clv(self) -> pd.DataFrame:
        """What to expect of each customer, in the rows of `customers`; see `Forecast.table`."""
        return self.forecast.table

    @cached_property
    def clv_segments(self) -> CLVSegments:
        """The seven predictive segments, fitted (definitions, section 6)."""
        from segkit.segments import CLVSegments

        gaps = {name: self.gaps[name] for name in ("usual_days", "churn_days")}
        model = CLVSegments(**gaps, **self.params.clv.segments.model_dump())
        key = key_of(self.customers_key, *self.value_rules())
        return CLVSegments.from_state(
            self.store.state(
                "clv_segments", key, lambda: model.fit(self._valued(self.customers)).to_state()
            )
        )

    def _valued(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return customers with what is expected of them; those of another date have it already."""
        if "clv" in customers or customers is not self.customers:
            return customers
        return customers.join(self.forecast.values.drop(columns="customer_id"))

    def value_rules(self) -> list[Any]:
        """Return what values depend on besides customers."""
        names = ("clv", "evidence", "gaps")
        return [getattr(self.params, name).model_dump() for name in names]

    def purchase_days(self, customer_id: str) -> pd.Series:
        """Return the days on which a customer bought, as timestamps."""
        from segkit.data.customers import purchase_days

        table = purchase_days(self.lines, customer_id, self.as_of).to_pyarrow().to_pandas()
        return pd.to_datetime(table["day"])

    @cached_property
    def evidence(self) -> Evidence:
        """What was said a while ago, beside what happened (definitions, section 9)."""
        from segkit.evidence import Evidence

        return Evidence(self)

    def months_before(self, months: int) -> date:
        """Return the day so many calendar months before `as_of`."""
        return (pd.Timestamp(self.as_of) - pd.DateOffset(months=months)).date()

    # Segmentations --------------------------------------------------------------------

    @cached_property
    def rfm(self) -> RFM:
        """The fitted RFM scores (definitions, section 4)."""
        from segkit.segments import RFM

        params = self.params.rfm
        model = RFM(
            monetary=params.monetary,
            frequency_bins=params.frequency_bins,
            cut_points=dict(params.bins) or None,
        )
        key = key_of(self.customers_key, params.model_dump())
        return RFM.from_state(
            self.store.state("rfm", key, lambda: model.fit(self.customers).to_state())
        )

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Each customer's `r`, `f`, `m`, `cell`, `family`, `sub_segment`."""
        return self.rfm.predict(self.customers)

    @cached_property
    def rules(self) -> RuleTable:
        """The value groups' rule table: the kit's, or the client's own."""
        from segkit.segments import RuleTable

        own = self.params.rfm.value_groups
        return RuleTable.load(self.root / own if own else None)

    @cached_property
    def clusters(self) -> Clusters:
        """The fitted clusters (definitions, section 5)."""
        from segkit.segments import Clusters

        params = self.params.clusters
        key = key_of(self.customers_key, params.model_dump())
        model = Clusters(**params.model_dump(), curve=True)
        return Clusters.from_state(
            self.store.state("clusters", key, lambda: model.fit(self.customers).to_state())
        )

    def label(self, segmentation: str, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's segment by this study's fitted rules.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`.
        customers : DataFrame
            A customer table, of this study or of another date; for `clv_segments`, of another
            date, joined with the `clv` table of that date.
        """
        _require_known(segmentation)
        if segmentation == "clv_segments":
            return self.clv_segments.predict(self._valued(customers))
        if segmentation == "clusters":
            labels = self.clusters.predict(customers)
        else:
            scores = self.rfm.predict(customers)
            column = {"families": "family", "sub_segments": "sub_segment"}.get(segmentation)
            labels = scores[column] if column else self.rules.assign(scores)
        return labels.rename(segmentation)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Each customer's segment in every segmentation, the scores and flags beside it."""
        key = key_of(self.customers_key, *self.segment_rules())
        return self.store.frame("segments", key, self._compute_segments)

    def segment_rules(self) -> list[Any]:
        """Return what segments depend on besides customers."""
        own = self.params.rfm.value_groups
        table = load_yaml(self.root / own) if own else None
        own_rules = [self.params.rfm.model_dump(), self.params.clusters.model_dump(), table]
        return [*own_rules, *self.value_rules()]

    def _compute_segments(self) -> pd.DataFrame:
        labels = {name: self.label(name, self.customers) for name in SEGMENTATIONS}
        scores = self.scores[["r", "f", "m", "cell"]]
        rising = self.clv_segments.is_rising(self.forecast.values)
        parts = [self.customers[["customer_id"]], scores, pd.DataFrame(labels), rising]
        return pd.concat(parts, axis=1)

    def kpis(self, segmentation: str, start: date | None = None) -> pd.DataFrame:
        """Return the key figures of a segmentation's segments (definitions, section 3).

        Parameters
        ----------
        segmentation : str
        start : date, optional
            First day of the period, which ends at `as_of`.
        """
        from segkit.analysis.kpis import segment_kpis

        _require_known(segmentation)
        start = start or self.period_start
        return self.store.frame(
            f"kpis_{segmentation}_{start:%Y%m%d}",
            key_of(self.customers_key, segmentation, start.isoformat(), *self.segment_rules()),
            lambda: segment_kpis(
                self.label(segmentation, self.customers),
                self.customers.assign(clv=self.forecast.values["clv"]),
                self.period(start),
            ),
        )

    @cached_property
    def headline(self) -> dict[str, float]:
        """The period's key figures of the whole base, and its customers so far."""
        total = self.kpis("families").iloc[-1]
        names = ("customers", "buyers", "orders", "revenue", "aov", "repeat_rate")
        return {name: float(total[name]) for name in names}

    # Words ----------------------------------------------------------------------------

    @cached_property
    def playbook(self) -> Playbook:
        """Names and advice for every segment, in the client's language."""
        from segkit.report.playbook import Playbook

        own = self.params.report.playbook
        return Playbook.load(self.params.language, self.root / own if own else None)

    @cached_property
    def segment_names(self) -> dict[str, dict[str, str]]:
        """Each segmentation's possible segments and what the client's language calls them."""
        from segkit.segments import (
            CLV_SEGMENTS,
            FAMILIES,
            PROSPECTS,
            SUB_SEGMENTS,
            load_cluster_names,
        )

        keys = {
            "families": FAMILIES,
            "sub_segments": SUB_SEGMENTS,
            "value_groups": [*self.rules.segments, PROSPECTS],
            "clusters": [*load_cluster_names(), PROSPECTS],
            "clv_segments": [*CLV_SEGMENTS, PROSPECTS],
        }
        return {name: self.playbook.names(name, keys[name]) for name in SEGMENTATIONS}

    def close(self) -> None:
        """Close the engine and remove its scratch folder."""
        if "_workspace" in self.__dict__:
            self._workspace.close()

    def at(self, as_of: date) -> Study:
        """Return this client at another date, fitted on what was known then."""
        if as_of not in self._others:
            run_dir = self._home / f"at-{as_of.isoformat()}"
            study = Study(self.params, root=self.root, run_dir=run_dir, as_of=as_of)
            study._home, study._others = self._home, self._others
            study.__dict__["_lines_store"] = self._lines_store
            study.__dict__["_workspace"] = self._workspace
            self._others[as_of] = study
        return self._others[as_of]


def _require_known(segmentation: str) -> None:
    if segmentation not in SEGMENTATIONS:
        fix = suggestion(segmentation, SEGMENTATIONS)
        raise SegkitError("unknown segmentation", values=[segmentation], fix=fix)


def _timestamps(table: pd.DataFrame) -> pd.DataFrame:
    """Return dates as timestamps, as pandas reads them back from Parquet."""
    days = [name for name in ("first_order", "last_order", "month") if name in table]
    return table.assign(
        **{name: pd.to_datetime(table[name]).astype("datetime64[us]") for name in days}
    )


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
