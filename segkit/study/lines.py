"""A client's cleaned lines: read once, judged once, kept as files; the same at every date."""

from __future__ import annotations

import atexit
import os
from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd

from segkit.data.carts import cart_items
from segkit.data.cleaning import clean
from segkit.data.events import (
    clean_registered,
    events_quality,
    judge_events,
    kept_events,
    rejected_events,
)
from segkit.data.layout import lines_of
from segkit.data.sources import Raw, Workspace, fingerprint, read
from segkit.foundation.cached import cached_property
from segkit.params import Params, Source
from segkit.study.store import Store, key_of, parquet_key

TABLES = ("orders", "returns", "customers", "events")


class Lines:
    """The tables of one client, cleaned, with the engine that reads them.

    Parameters
    ----------
    params : Params
    root : Path
        Folder that relative paths start from.
    folder : Path
        Where cleaned tables are kept: those of every date are the same.
    """

    def __init__(self, params: Params, root: Path, folder: Path) -> None:
        self.params, self.root = params, root
        self.store = Store(folder)

    @cached_property
    def workspace(self) -> Workspace:
        """The engine, opened when first used; its scratch folder goes with the process."""
        scratch = self.store.folder / f".scratch-{os.getpid()}-{id(self):x}"
        workspace = Workspace(self.root, scratch, self.params.engine)
        atexit.register(workspace.close)
        return workspace

    def close(self) -> None:
        """Close the engine, if it was opened, and remove its scratch folder."""
        if "workspace" in vars(self):
            self.workspace.close()

    @cached_property
    def inputs(self) -> dict[str, dict[str, str]]:
        """SHA-256 of every input file, by table and file name."""
        return {
            name: fingerprint(source, self.root, where=f"{name}.path")
            for name, source in self._files.items()
        }

    @property
    def _files(self) -> dict[str, Source]:
        joined = {f"orders.join.{i}": other for i, other in enumerate(self.params.orders.join)}
        return {**self.params.sources, **joined}

    def raw(self, name: str) -> Raw:
        """Return one of `TABLES` as it is read, which must be given."""
        if name == "orders":
            return lines_of(self.workspace, self.params.orders)
        return read(self.workspace, self.params.sources[name], name)

    @cached_property
    def key(self) -> str:
        """Digest of everything that cleaned tables depend on."""
        plain = self.params.model_dump(mode="json")
        relevant = {name: plain[name] for name in (*TABLES, "cleaning", "timezone")}
        window, has_amounts = self.params.carts.window_hours, self.params.has_amounts
        return key_of(self.inputs, relevant, window, has_amounts)

    # Cleaned tables -------------------------------------------------------------------

    @cached_property
    def orders(self) -> ir.Table:
        """Kept order lines; see `segkit.data.cleaning.Cleaned`."""
        return self._cleaned("lines")

    @cached_property
    def nobody(self) -> ir.Table:
        """Order lines that count, and are no customer's."""
        return self._cleaned("nobody")

    @cached_property
    def events(self) -> ir.Table | None:
        """Kept events (see `segkit.data.events.judge_events`), or None."""
        return kept_events(self._cleaned("events")) if self.params.events else None

    @cached_property
    def cart_items(self) -> ir.Table | None:
        """What was put in carts (see `segkit.data.carts.cart_items`), or None."""
        return self._cleaned("cart_items") if self.params.events else None

    @property
    def registered(self) -> ir.Table | None:
        """Registered customers (see `segkit.data.events.clean_registered`), or None."""
        return self._cleaned("registered") if self.params.registered else None

    @property
    def quality(self) -> pd.DataFrame:
        """What was read, kept and rejected, rule by rule (lines and amount)."""
        self._clean_if_needed()
        return pd.read_parquet(self.store.folder / "quality.parquet")

    @property
    def bridge(self) -> pd.DataFrame:
        """From gross to net revenue: `step`, `orders`, `lines`, `amount`."""
        self._clean_if_needed()
        return pd.read_parquet(self.store.folder / "bridge.parquet")

    @cached_property
    def span(self) -> dict[str, str]:
        """Days of the `first` line, the `last` one and the `last_sale`, in ISO form."""
        return self.store.state("span", self.key, self._compute_span)

    def _compute_span(self) -> dict[str, str]:
        lines = self.orders
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

    def engine_table(self, file: Path) -> ir.Table:
        """Return a Parquet file as an expression of the engine."""
        return self.workspace.parquet(file)

    # Cleaning -------------------------------------------------------------------------

    def _cleaned(self, name: str) -> ir.Table:
        self._clean_if_needed()
        return self._written(name)

    def _written(self, name: str) -> ir.Table:
        return self.engine_table(self.store.folder / f"{name}.parquet")

    def _clean_if_needed(self) -> None:
        needed = ["rejected", "quality", "bridge", "nobody", "lines"]
        needed += ["registered"] if self.params.registered else []
        needed += ["events", "cart_items"] if self.params.events else []
        keys = {parquet_key(self.store.folder / f"{name}.parquet") for name in needed}
        if keys != {self.key}:
            self._clean()

    def _clean(self) -> None:
        raws = {name: self.raw(name) for name in self.params.sources}
        cleaned = clean(self.workspace, self.params, raws, today=date.today())
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
        self._write("nobody", cleaned.nobody)
        self.store.frame("quality", self.key, lambda: pd.concat(quality))
        self.store.frame("bridge", self.key, lambda: cleaned.bridge)
        # Last: whoever finds the lines of this key finds everything else of it.
        self._write("lines", cleaned.lines)

    def _clean_events(self, raw: Raw, lines: ir.Table) -> tuple[pd.DataFrame, ir.Table]:
        """Write the events and their carts; return their quality, and the rejected ones."""
        self._write("events", judge_events(raw, self.params, today=date.today()))
        judged = self._written("events")
        has_products = "product_id" in lines.columns and "product_id" in judged.columns
        sales = lines.filter(~lines["is_return"]) if has_products else None
        hours = self.params.carts.window_hours
        self._write("cart_items", cart_items(kept_events(judged), hours, sales))
        return events_quality(judged, raw, lines), rejected_events(judged)

    def _write(self, name: str, table: ir.Table) -> None:
        def write(path: Path, key: str) -> None:
            table.to_parquet(path, kv_metadata={"segkit_key": key})

        self.store.file(name, self.key, write)
