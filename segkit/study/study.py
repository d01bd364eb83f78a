"""A study: one client at one date, with every table and model of it, made once."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from segkit.data.sources import Raw, Workspace, fingerprint, read
from segkit.errors import ParamsError, SegkitError, nearest, suggestion
from segkit.foundation.cached import cached_property
from segkit.foundation.display import Shown
from segkit.params import (
    SEGMENTATIONS,
    Params,
    check_params,
    find_root,
    load_params,
    load_yaml,
)
from segkit.segments.lifecycle import VIEWS
from segkit.study.store import Store, key_of, parquet_key, write_batches

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from segkit.segments import RFM, Clusters, CLVSegments, Lifecycle, RuleTable
    from segkit.study.actions import Actions
    from segkit.study.audiences import Audiences
    from segkit.study.audit import Audit
    from segkit.study.carts import Carts
    from segkit.study.evidence import Evidence
    from segkit.study.forecast import Forecast
    from segkit.study.insights import Insights
    from segkit.study.migration import Migration
    from segkit.study.offers import Offers
    from segkit.study.stages import Stages
    from segkit.words.playbook import Playbook

TABLES = ("orders", "returns", "customers", "events")
DRAFT = "draft"
_OF_NOTEBOOKS = ("params_file", "root", "run_dir")
_ASKED = (
    *("headline", "monthly", "quality", "customers", "buyers", "kpis", "segments", "rfm"),
    *("clusters", "lifecycle", "clv_segments", "forecast", "evidence", "migration", "stages"),
    *("carts", "offers", "insights", "actions", "audiences", "audit", "at"),
)
"""What a look at a study points at; Tab lists the rest."""


class Study(Shown):
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
        known = "" if self._known_date is None else f", as_of={self._known_date}"
        return f"Study({self.params.client!r}{known})"

    def _title(self) -> str:
        return f"Study of {self.params.title}"

    @property
    def _known_date(self) -> date | None:
        """`as_of` where no line must be read to know it."""
        return self._as_of or vars(self).get("as_of")

    def _facts(self) -> dict[str, object]:
        day, folder = self._known_date, self.run_dir
        inside = folder.is_relative_to(self.root)
        held = vars(self)
        return {
            "client": f"{self.params.client} ({self.params.currency}, {self.params.language})",
            "period": f"{self.period_start} to {self.last_day}" if day else "not read yet",
            "customers": len(held["customers"]) if "customers" in held else "not counted yet",
            **held.get("headline", {}),
            "results in": folder.relative_to(self.root).as_posix() if inside else str(folder),
        }

    def _asked(self) -> list[str]:
        return [name for name in _ASKED if hasattr(type(self), name)]

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
        window, has_amounts = self.params.carts.window_hours, self.params.has_amounts
        return key_of(self.inputs, relevant, window, has_amounts)

    @cached_property
    def customers_key(self) -> str:
        """Digest of everything that the customer table depends on."""
        return key_of(self._lines_key, self.as_of.isoformat(), self.params.carts.open_days)

    # Lines ----------------------------------------------------------------------------

    @cached_property
    def lines(self) -> ir.Table:
        """Kept order lines, as an expression; see `segkit.data.cleaning.Cleaned`."""
        return self._cleaned("lines")

    def _cleaned(self, name: str) -> ir.Table:
        self._clean_if_needed()
        return self._written(name)

    def _written(self, name: str) -> ir.Table:
        return self.engine_table(self._lines_store.folder / f"{name}.parquet")

    def engine_table(self, file: Path) -> ir.Table:
        """Return a Parquet file as an expression of the engine."""
        return self._workspace.parquet(file)

    @cached_property
    def events(self) -> ir.Table | None:
        """Kept events, as an expression (see `segkit.data.events.judge_events`), or None."""
        from segkit.data.events import kept_events

        return kept_events(self._cleaned("events")) if self.params.events else None

    @cached_property
    def cart_items(self) -> ir.Table | None:
        """What was put in carts, as an expression (see `segkit.data.carts.cart_items`), or None."""
        return self._cleaned("cart_items") if self.params.events else None

    def _clean_if_needed(self) -> None:
        needed = ["rejected", "quality", "lines"]
        needed += ["registered"] if self.params.customers else []
        needed += ["events", "cart_items"] if self.params.events else []
        folder = self._lines_store.folder
        keys = {parquet_key(folder / f"{name}.parquet") for name in needed}
        if keys != {self._lines_key}:
            self._clean()

    def _clean(self) -> None:
        from segkit.data.cleaning import clean
        from segkit.data.events import clean_registered

        raws = self._raws()
        cleaned = clean(self._workspace, self.params, raws, today=date.today())
        quality, rejected = [cleaned.quality], cleaned.rejected
        if "customers" in raws:
            registered, rows = clean_registered(raws["customers"], self.params)
            self._write("registered", registered)
            quality.append(rows)
        if "events" in raws:
            rows, strays = self._clean_events(raws["events"], cleaned.lines)
            quality.append(rows)
            rejected = rejected.union(strays)
        self._write("rejected", rejected)
        self._lines_store.frame("quality", self._lines_key, lambda: pd.concat(quality))
        self._write("lines", cleaned.lines)

    def _clean_events(self, raw: Raw, lines: ir.Table) -> tuple[pd.DataFrame, ir.Table]:
        """Write the events and their carts; return their quality, and the rejected ones."""
        from segkit.data.carts import cart_items
        from segkit.data.events import (
            events_quality,
            judge_events,
            kept_events,
            rejected_events,
        )

        self._write("events", judge_events(raw, self.params, today=date.today()))
        judged = self._written("events")
        has_products = "product_id" in lines.columns and "product_id" in judged.columns
        sales = lines.filter(~lines["is_return"]) if has_products else None
        hours = self.params.carts.window_hours
        self._write("cart_items", cart_items(kept_events(judged), hours, sales))
        return events_quality(judged, raw, lines), rejected_events(judged)

    def _raws(self) -> dict[str, Raw]:
        given = [name for name in TABLES if getattr(self.params, name) is not None]
        return {name: self.raw(name) for name in given}

    def raw(self, name: str) -> Raw:
        """Return one of `TABLES` as it is read, which must be given."""
        return read(self._workspace, getattr(self.params, name), name)

    def _write(self, name: str, table: ir.Table) -> None:
        write = lambda path, key: table.to_parquet(path, kv_metadata={"segkit_key": key})
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
        return pd.concat([table, *self._late_registrations(), *self._later()], ignore_index=True)

    def _late_registrations(self) -> list[pd.DataFrame]:
        """Return the row of customers whose registration is dated after their first purchase."""
        if not self.params.customers:
            return []
        first, registered = self.customers["first_order"], self.customers["registered"]
        count = int((registered.dt.normalize() > first).sum())
        row = {"source": "customers", "rule": "registered_after_purchase", "action": "keep"}
        return [pd.DataFrame([row | {"lines": count, "first_values": ""}])]

    def _later(self) -> list[pd.DataFrame]:
        """Return the row of lines that are right, and of days that are not observed."""
        if date.fromisoformat(self._span["last"]) < self.as_of:
            return []
        later = self.lines.filter(self.lines["observed_at"] >= pd.Timestamp(self.as_of))
        counts = later.agg(lines=later.count(), amount=later["amount"].sum().cast("float64"))
        row = counts.to_pyarrow().to_pandas()
        return [row.assign(source="orders", rule="after_as_of", action="", first_values="")]

    # Customers ------------------------------------------------------------------------

    @cached_property
    def customers(self) -> pd.DataFrame:
        """The customer table (definitions, section 2): one row a customer."""
        return self.store.frame("customers", self.customers_key, self._compute_customers)

    def _compute_customers(self) -> pd.DataFrame:
        from segkit.data.customers import customer_table
        from segkit.data.events import seen_table

        seen = None if self.events is None else seen_table(self.events, self.as_of)
        carts = self._cart_counts([self.as_of])
        table = customer_table(
            self.lines,
            self.as_of,
            registered=self._registered,
            seen=seen,
            carts=None if carts is None else carts.drop("as_of"),
        )
        return _timestamps(table.to_pyarrow().to_pandas())

    @property
    def customer_rows(self) -> ir.Table:
        """The customer table as an expression of the engine."""
        _ = self.customers  # written when they are first asked for
        return self.engine_table(self.store.folder / "customers.parquet")

    @property
    def _registered(self) -> ir.Table | None:
        return self._cleaned("registered") if self.params.customers else None

    def known_since(self) -> list[tuple[ir.Table, str]]:
        """Return the customers who need not have bought, and the column that says since when."""
        from segkit.data.events import seen_table

        registered = [] if self._registered is None else [(self._registered, "registered")]
        seen = [] if self.events is None else [(seen_table(self.events), "first_seen")]
        return [*registered, *seen]

    def _cart_counts(self, dates: Sequence[date]) -> ir.Table | None:
        from segkit.data.carts import cart_counts

        if self.cart_items is None:
            return None
        return cart_counts(self.cart_items, dates, **self.params.carts.model_dump())

    def customers_at(self, dates: Sequence[date], day: date | None = None) -> pd.DataFrame:
        """Return the customer table at several dates, from one pass over the lines.

        Parameters
        ----------
        dates : sequence of date
            First days that are not observed.
        day : date, optional
            One of `dates`: only its rows are read.

        Returns
        -------
        DataFrame
            As `segkit.data.customers.customer_tables`; windows as those of the CLV segments.
        """
        days = [each.isoformat() for each in sorted(dates)]
        key = key_of(self._lines_key, days, self.recent_days, self.params.carts.open_days)
        name = f"customers_{days[0]}_{days[-1]}_{len(days)}"
        file = self.store.file(name, key, lambda *to: self._write_snapshots(sorted(dates), *to))
        wanted = None if day is None else [("as_of", "==", day)]
        return _timestamps(pd.read_parquet(file, filters=wanted))

    def _write_snapshots(self, dates: Sequence[date], path: Path, key: str) -> None:
        from segkit.data.customers import customer_tables
        from segkit.data.events import seen_table

        table = customer_tables(
            self.lines,
            dates,
            recent_days=self.recent_days,
            registered=self._registered,
            seen=None if self.events is None else seen_table(self.events).drop("last_seen"),
            carts=self._cart_counts(dates),
        )
        write_batches(table, path, key)

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

    @property
    def gaps(self) -> dict[str, float | None]:
        """The gaps that count, in days: `usual_days`, `churn_days`, `second_days`, `new_days`."""
        return self.stages.spans

    @cached_property
    def recent_orders(self) -> pd.DataFrame:
        """Orders in the recent window and in the one before it, of who has any."""
        from segkit.data.customers import recent_orders

        days = self.recent_days
        compute = lambda: recent_orders(self.lines, self.as_of, days).to_pyarrow().to_pandas()
        return self.store.frame("recent_orders", key_of(self.customers_key, days), compute)

    @property
    def recent_days(self) -> int | None:
        """Length of the recent window of the CLV segments, in days."""
        return self.params.clv.segments.recent_days or self.gaps["usual_days"]

    @cached_property
    def stages(self) -> Stages:
        """The lifecycle of the base, and what was learnt about it."""
        from segkit.study.stages import Stages

        return Stages(self)

    @cached_property
    def carts(self) -> Carts:
        """What was put in carts, and what came of it."""
        from segkit.study.carts import Carts

        return Carts(self)

    @cached_property
    def migration(self) -> Migration:
        """How customers moved between segments (definitions, section 8)."""
        from segkit.study.migration import Migration

        return Migration(self)

    @cached_property
    def audit(self) -> Audit:
        """The base in a period, in two, and by the time of the first order."""
        from segkit.study.audit import Audit

        return Audit(self)

    @cached_property
    def forecast(self) -> Forecast:
        """What customers are expected to do, and the models behind it."""
        from segkit.study.forecast import Forecast

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
        from segkit.study.evidence import Evidence

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

    @cached_property
    def lifecycle(self) -> Lifecycle:
        """The fitted stages, views and flags (definitions, section 7)."""
        from segkit.segments import Lifecycle

        model = Lifecycle(**self.stages.given)
        key = key_of(self.customers_key, model.get_params())
        return Lifecycle.from_state(
            self.store.state("lifecycle", key, lambda: model.fit(self.customers).to_state())
        )

    def label(self, segmentation: str, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's segment by this study's fitted rules.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, or a view of the lifecycle; a view leaves out (missing)
            who is of another stage.
        customers : DataFrame
            A customer table, of this study or of another date; for `clv_segments`, of another
            date, joined with the `clv` table of that date.
        """
        require_segmentation(segmentation)
        if segmentation == "clv_segments":
            return self.clv_segments.predict(self._valued(customers))
        if segmentation == "clusters":
            labels = self.clusters.predict(customers)
        elif segmentation == "lifecycle":
            labels = self.lifecycle.predict(customers)
        elif segmentation == "micro_segments":
            labels = self.lifecycle.micro_segments(customers)
        elif segmentation in VIEWS:
            labels = self.lifecycle.views(customers)[segmentation]
        else:
            scores = self.rfm.predict(customers)
            column = {"families": "family", "sub_segments": "sub_segment"}.get(segmentation)
            labels = scores[column] if column else self.rules.assign(scores)
        return labels.rename(segmentation)

    def labels(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return the segments of customers in every segmentation and view, by today's rules.

        Parameters
        ----------
        customers : DataFrame
            As for `label`.
        """
        table = pd.DataFrame({name: self.label(name, customers) for name in SEGMENTATIONS})
        return table.join(self.lifecycle.views(customers))

    @property
    def segmentations(self) -> list[str]:
        """Every segmentation, and the views that somebody is in."""
        return [*SEGMENTATIONS, *(view for view in VIEWS if self.segments[view].notna().any())]

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Each customer's segment in every segmentation and view, with scores and flags."""
        key = key_of(self.customers_key, *self.segment_rules())
        return self.store.frame("segments", key, self._compute_segments)

    def segment_rules(self) -> list[Any]:
        """Return what segments depend on besides customers."""
        own = self.params.rfm.value_groups
        table = load_yaml(self.root / own) if own else None
        names = ("rfm", "clusters", "lifecycle")
        return [
            *(getattr(self.params, name).model_dump() for name in names),
            table,
            *self.value_rules(),
        ]

    def _compute_segments(self) -> pd.DataFrame:
        scores = self.scores[["r", "f", "m", "cell"]]
        rising = self.clv_segments.is_rising(self.forecast.values)
        labels, flags = self.labels(self.customers), self.lifecycle.flags(self.customers)
        ids = self.customers[["customer_id"]]
        return pd.concat([ids, scores, labels, flags, rising], axis=1)

    def kpis(self, segmentation: str, start: date | None = None) -> pd.DataFrame:
        """Return the key figures of a segmentation's segments (definitions, section 3).

        Those of a view are shares of the customers in it, not of the whole base.

        Parameters
        ----------
        segmentation : str
            One of `SEGMENTATIONS`, or a view of the lifecycle.
        start : date, optional
            First day of the period, which ends at `as_of`.
        """
        from segkit.analysis.kpis import segment_kpis

        require_segmentation(segmentation)
        start = start or self.period_start
        return self.store.frame(
            f"kpis_{segmentation}_{start:%Y%m%d}",
            key_of(self.customers_key, segmentation, start.isoformat(), *self.segment_rules()),
            lambda: segment_kpis(*self._labelled(segmentation, start)),
        )

    def _labelled(
        self, segmentation: str, start: date
    ) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame]:
        """Return labels, customers and their purchases since `start`, of those with a label."""
        labels = self.label(segmentation, self.customers).dropna()
        if labels.empty and len(self.customers):
            fix = "Study.segmentations names those with customers"
            raise SegkitError("nobody is in this view", values=[segmentation], fix=fix)
        customers = self.customers.assign(clv=self.forecast.values["clv"]).loc[labels.index]
        period = self.period(start)
        return labels, customers, period[period["customer_id"].isin(customers["customer_id"])]

    @cached_property
    def headline(self) -> dict[str, float]:
        """The period's key figures of the whole base, and its customers so far."""
        total = self.kpis("families").iloc[-1]
        names = ("customers", "buyers", "orders", "revenue", "aov", "repeat_rate")
        return {name: float(total[name]) for name in names}

    @property
    def headline_before(self) -> dict[str, float]:
        """The headline of the period before, as at its end; empty where it was not observed whole."""
        return self.audit.headline_before

    # What to do -----------------------------------------------------------------------

    @cached_property
    def offers(self) -> Offers:
        """Which products to offer to whom (definitions, section 10)."""
        from segkit.study.offers import Offers

        return Offers(self)

    @cached_property
    def insights(self) -> Insights:
        """What the figures say and what to do about it (definitions, section 10)."""
        from segkit.study.insights import Insights

        return Insights(self)

    @cached_property
    def actions(self) -> Actions:
        """What to do next with each customer (definitions, section 10)."""
        from segkit.study.actions import Actions

        return Actions(self)

    @cached_property
    def audiences(self) -> Audiences:
        """Whom to send what (definitions, sections 10 and 11)."""
        from segkit.study.audiences import Audiences

        return Audiences(self)

    # Words ----------------------------------------------------------------------------

    @cached_property
    def playbook(self) -> Playbook:
        """Names and advice for every segment, in the client's language."""
        from segkit.words.playbook import Playbook

        own = self.params.report.playbook
        return Playbook.load(self.params.language, self.root / own if own else None)

    @cached_property
    def segment_names(self) -> dict[str, dict[str, str]]:
        """Possible segments of each segmentation and view, as the client's language calls them."""
        from segkit.segments import (
            CLV_SEGMENTS,
            FAMILIES,
            MICRO_SEGMENTS,
            PROSPECTS,
            STAGES,
            SUB_SEGMENTS,
            load_cluster_names,
        )

        keys = {
            "families": FAMILIES,
            "sub_segments": SUB_SEGMENTS,
            "value_groups": [*self.rules.segments, PROSPECTS],
            "clusters": [*load_cluster_names(), PROSPECTS],
            "clv_segments": [*CLV_SEGMENTS, PROSPECTS],
            "lifecycle": STAGES,
            "micro_segments": MICRO_SEGMENTS,
            **VIEWS,
        }
        return {name: self.playbook.names(name, keys[name]) for name in (*SEGMENTATIONS, *VIEWS)}

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


def require_segmentation(segmentation: str) -> None:
    """Raise SegkitError where a study has no such segmentation or view."""
    known = (*SEGMENTATIONS, *VIEWS)
    if segmentation not in known:
        fix = suggestion(segmentation, known)
        raise SegkitError("unknown segmentation", values=[segmentation], fix=fix)


def _timestamps(table: pd.DataFrame) -> pd.DataFrame:
    """Return dates as timestamps, as pandas reads them back from Parquet."""
    days = [name for name in ("first_order", "last_order", "month", "as_of") if name in table]
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
