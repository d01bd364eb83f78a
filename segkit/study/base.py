"""One client at one date: its lines, dates and customers, which every part of a study stands on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd

from segkit.analysis.dimensions import cutting_dimensions
from segkit.analysis.oddities import improbable_ids, quiet_end
from segkit.data.carts import cart_counts
from segkit.data.customers import (
    customer_table,
    customer_tables,
    monthly_table,
    period_table,
    purchase_days,
)
from segkit.data.events import seen_table
from segkit.data.loss import Loss, reading_loss
from segkit.data.sources import Raw
from segkit.foundation.cached import cached_property
from segkit.foundation.display import Shown
from segkit.params import Params, find_root, load_params
from segkit.study.lines import Lines
from segkit.study.store import Store, key_of, write_batches
from segkit.words.playbook import Playbook
from segkit.words.said import Said

DRAFT = "draft"


class Base(Shown):
    """One client at one date: what was bought by whom until then.

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
    cleaned : Lines, optional
        The client's lines, where they are at hand already: they do not depend on the date.
    """

    def __init__(
        self,
        params: Params | str | Path,
        *,
        root: str | Path | None = None,
        run_dir: str | Path | None = None,
        as_of: date | None = None,
        cleaned: Lines | None = None,
    ) -> None:
        self.root = Path(root).resolve() if root else find_root()
        self.params = params if isinstance(params, Params) else load_params(self.root / params)
        self._as_of = as_of or self.params.as_of
        self.run_dir = self.root / (run_dir or f"reports/{self.params.client}/{DRAFT}")
        self.cleaned = cleaned or Lines(self.params, self.root, self.run_dir / "data")

    def __repr__(self) -> str:
        known = "" if self.known_date is None else f", as_of={self.known_date}"
        return f"{type(self).__name__}({self.params.client!r}{known})"

    def _title(self) -> str:
        return f"Study of {self.params.title}"

    def _facts(self) -> dict[str, object]:
        held, folder = vars(self), self.run_dir
        inside = folder.is_relative_to(self.root)
        period = f"{self.period_start} to {self.last_day}" if self.known_date else "not read yet"
        return {
            "client": f"{self.params.client} ({self.params.currency}, {self.params.language})",
            "results in": folder.relative_to(self.root).as_posix() if inside else str(folder),
            "period": period,
            "customers": len(held["customers"]) if "customers" in held else "not counted yet",
        }

    # Where things are ------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """Results of this study, remembered."""
        return Store(self.run_dir / "data")

    @property
    def inputs(self) -> dict[str, dict[str, str]]:
        """SHA-256 of every input file, by table and file name."""
        return self.cleaned.inputs

    @cached_property
    def customers_key(self) -> str:
        """Digest of everything that the customer table depends on."""
        return key_of(self.cleaned.key, self.as_of.isoformat(), self.params.carts.open_days)

    @property
    def lines(self) -> ir.Table:
        """Kept order lines, as an expression; see `segkit.data.cleaning.Cleaned`."""
        return self.cleaned.orders

    @property
    def events(self) -> ir.Table | None:
        """Kept events, as an expression (see `segkit.data.events.judge_events`), or None."""
        return self.cleaned.events

    @property
    def cart_items(self) -> ir.Table | None:
        """What was put in carts, as an expression (see `segkit.data.carts.cart_items`), or None."""
        return self.cleaned.cart_items

    def raw(self, name: str) -> Raw:
        """Return a table of the client as it is read: `orders`, `customers` and so on."""
        return self.cleaned.raw(name)

    def engine_table(self, file: Path) -> ir.Table:
        """Return a Parquet file as an expression of the engine."""
        return self.cleaned.engine_table(file)

    def close(self) -> None:
        """Close the engine and remove its scratch folder."""
        self.cleaned.close()

    # Dates ----------------------------------------------------------------------------

    @property
    def known_date(self) -> date | None:
        """The date `as_of` where no line must be read to know it, else None."""
        return self._as_of or vars(self).get("as_of")

    @cached_property
    def as_of(self) -> date:
        """The first day that is not observed."""
        if self._as_of is not None:
            return self._as_of
        return date.fromisoformat(self.cleaned.span["last_sale"]) + timedelta(days=1)

    @cached_property
    def first_day(self) -> date:
        """The day of the first kept line."""
        return date.fromisoformat(self.cleaned.span["first"])

    @cached_property
    def last_day(self) -> date:
        """The last day that is observed."""
        return self.as_of - timedelta(days=1)

    @cached_property
    def period_start(self) -> date:
        """First day of the period that period figures use."""
        return self.months_before(self.params.period_months)

    def months_before(self, months: int) -> date:
        """Return the day so many calendar months before `as_of`."""
        return (pd.Timestamp(self.as_of) - pd.DateOffset(months=months)).date()

    # Quality --------------------------------------------------------------------------

    @cached_property
    def quality(self) -> pd.DataFrame:
        """What was read, kept and rejected, rule by rule (lines and amount)."""
        rows = [self.cleaned.quality, *self._late_registrations(), *self._later()]
        return pd.concat(rows, ignore_index=True)

    @cached_property
    def oddities(self) -> Said:
        """What is odd about the log: keys of sentences, and their fields."""
        odd = improbable_ids(self.customers).head(3).to_dict("records")
        told: Said = [
            (
                "improbable_id",
                {"id": row["customer_id"], "orders": row["orders"], "share": row["share"]},
            )
            for row in odd
        ]
        quiet = quiet_end(self.monthly, self.as_of)
        return [*told, *([("quiet_end", quiet)] if quiet else [])]

    @property
    def loss(self) -> Loss:
        """What of the order log could not be read."""
        return reading_loss(self.cleaned.quality)

    @property
    def bridge(self) -> pd.DataFrame:
        """From gross to net revenue: `step`, `orders`, `lines`, `amount` (signed money)."""
        return self.cleaned.bridge

    def _late_registrations(self) -> list[pd.DataFrame]:
        """Return the row of customers whose registration is dated after their first purchase."""
        if not self.params.registered:
            return []
        first, registered = self.customers["first_order"], self.customers["registered"]
        count = int((registered.dt.normalize() > first).sum())
        row = {"source": "customers", "rule": "registered_after_purchase", "action": "keep"}
        return [pd.DataFrame([row | {"lines": count, "first_values": ""}])]

    def _later(self) -> list[pd.DataFrame]:
        """Return the row of lines that are right, and of days that are not observed."""
        if date.fromisoformat(self.cleaned.span["last"]) < self.as_of:
            return []
        later = self.lines.filter(self.lines["observed_at"] >= pd.Timestamp(self.as_of))
        counts = later.agg(lines=later.count(), amount=later["amount"].sum().cast("float64"))
        row = counts.to_pyarrow().to_pandas()
        return [row.assign(source="orders", rule="after_as_of", action="", first_values="")]

    # Customers ------------------------------------------------------------------------

    @cached_property
    def customers(self) -> pd.DataFrame:
        """The customer table (definitions, section 2): one row a customer, money in the currency.

        `customer_id`; `first_order`, `last_order` (dates); `orders`, `lines`, `units` (counts);
        `gross`, `returned`, `revenue`, `aov`, `first_amount`, `monetary_mean` (money);
        `recency_days`, `tenure_days`, `t_x`, `T`, `last_gap_days`, `median_gap_days` (days); `x`
        (repeat purchase days); `return_rate`, `discount_share` (shares, 0 to 1); and what the
        log has: `top_category`, `channel`, `profit`, carts, registration.
        """
        return self.store.frame("customers", self.customers_key, self._compute_customers)

    def _compute_customers(self) -> pd.DataFrame:
        seen = None if self.events is None else seen_table(self.events, self.as_of)
        carts = self._cart_counts([self.as_of])
        table = customer_table(
            self.lines,
            self.as_of,
            registered=self.cleaned.registered,
            seen=seen,
            carts=None if carts is None else carts.drop("as_of"),
        )
        return _timestamps(table.to_pyarrow().to_pandas())

    @property
    def customer_rows(self) -> ir.Table:
        """The customer table as an expression of the engine."""
        _ = self.customers  # written when they are first asked for
        return self.engine_table(self.store.folder / "customers.parquet")

    @cached_property
    def buyers(self) -> pd.DataFrame:
        """Customers with at least one order that stands; columns as those of `customers`."""
        return self.customers[self.customers["orders"] > 0]

    @cached_property
    def dimensions(self) -> list[str]:
        """What key figures can be cut by (`kpis`): what is known of most buyers, in 2 to 30 values.

        `kpis` knows others too, such as `first_` and the name: that of the first order.
        """
        return cutting_dimensions(self.customers)

    def known_since(self) -> list[tuple[ir.Table, str]]:
        """Return the customers who need not have bought, and the column that says since when."""
        registered = self.cleaned.registered
        signed_up = [] if registered is None else [(registered, "registered")]
        seen = [] if self.events is None else [(seen_table(self.events), "first_seen")]
        return [*signed_up, *seen]

    def _cart_counts(self, dates: Sequence[date]) -> ir.Table | None:
        if self.cart_items is None:
            return None
        return cart_counts(self.cart_items, dates, **self.params.carts.model_dump())

    def snapshots(
        self, dates: Sequence[date], recent_days: int | None, day: date | None = None
    ) -> pd.DataFrame:
        """Return the customer table at several dates, from one pass over the lines.

        Parameters
        ----------
        dates : sequence of date
            First days that are not observed.
        recent_days : int, optional
            Length of the windows of recent and earlier orders.
        day : date, optional
            One of `dates`: only its rows are read.

        Returns
        -------
        DataFrame
            As `segkit.data.customers.customer_tables`.
        """
        days = [each.isoformat() for each in sorted(dates)]
        key = key_of(self.cleaned.key, days, recent_days, self.params.carts.open_days)

        def write(path: Path, key: str) -> None:
            table = customer_tables(
                self.lines,
                sorted(dates),
                recent_days=recent_days,
                registered=self.cleaned.registered,
                seen=None if self.events is None else seen_table(self.events).drop("last_seen"),
                carts=self._cart_counts(sorted(dates)),
            )
            write_batches(table, path, key)

        file = self.store.file(f"customers_{days[0]}_{days[-1]}_{len(days)}", key, write)
        wanted = None if day is None else [("as_of", "==", day)]
        return _timestamps(pd.read_parquet(file, filters=wanted))

    def period(self, start: date | None = None) -> pd.DataFrame:
        """Return what each customer bought from `start` (default: the period's) to `as_of`."""
        start = start or self.period_start
        key = key_of(self.customers_key, start.isoformat())
        return self.store.frame(
            f"period_{start:%Y%m%d}",
            key,
            lambda: period_table(self.lines, start, self.as_of).to_pyarrow().to_pandas(),
        )

    @cached_property
    def monthly(self) -> pd.DataFrame:
        """Orders, customers and revenue by month; a month not wholly observed says so."""
        key = key_of(self.customers_key, "monthly")
        return self.store.frame("monthly", key, self._compute_monthly)

    def _compute_monthly(self) -> pd.DataFrame:
        table = _timestamps(monthly_table(self.lines, self.as_of).to_pyarrow().to_pandas())
        ends = table["month"] + pd.offsets.MonthBegin(1)
        begun = table["month"] >= pd.Timestamp(self.first_day)
        return table.assign(complete=begun & (ends <= pd.Timestamp(self.as_of)))

    def purchase_days(self, customer_id: str) -> pd.Series:
        """Return the days on which a customer bought, as timestamps."""
        table = purchase_days(self.lines, customer_id, self.as_of).to_pyarrow().to_pandas()
        return pd.to_datetime(table["day"])

    # Words ----------------------------------------------------------------------------

    @cached_property
    def playbook(self) -> Playbook:
        """Names and advice for every segment, in the client's language."""
        own = self.params.report.playbook
        playbook = Playbook.load(self.params.language, self.root / own if own else None)
        return playbook.led_by(self.params.report.segmentation)


def _timestamps(table: pd.DataFrame) -> pd.DataFrame:
    """Return dates as timestamps, as pandas reads them back from Parquet."""
    days = [name for name in ("first_order", "last_order", "month", "as_of") if name in table]
    return table.assign(
        **{name: pd.to_datetime(table[name]).astype("datetime64[us]") for name in days}
    )


def dated(table: ir.Table, *names: str) -> pd.DataFrame:
    """Return a small result with its days, which are in the columns `names`, as timestamps."""
    found = table.to_pyarrow().to_pandas()
    days = {name: pd.to_datetime(found[name]).astype("datetime64[us]") for name in names}
    return found.assign(**days)
