"""What can be known to fail before work starts: files, columns, first lines, tables of rules."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pandas as pd

from segkit.data.cleaning import Cleaned, clean, judge, of_types
from segkit.data.layout import lines_of
from segkit.data.loss import Loss, reading_loss
from segkit.data.sources import Workspace, read
from segkit.errors import DataError, SegkitError, suggestion
from segkit.params import Params
from segkit.report.page.theme import theme_of
from segkit.study.study import Study

SAMPLE = 1000
"""Lines of each table that are read."""

UNREAD = 1000
"""Lines whose dates cannot be read that are kept to tell how they are written."""

_FEATURES = [
    "recency_days",
    "tenure_days",
    "orders",
    "units",
    "lines",
    "gross",
    "returned",
    "revenue",
    "aov",
    "upt",
    "x",
    "t_x",
    "T",
    "first_amount",
    "first_units",
    "return_rate",
]


def preflight(params: Params, root: Path) -> dict[str, int]:
    """Check a client's inputs, and return how many lines of each table were looked at.

    Parameters
    ----------
    params : Params
        Checked parameters.
    root : Path
        Folder that relative paths start from.

    Raises
    ------
    SegkitError, DataError
        A file, column, rule file or playbook that is missing or wrong, or first lines
        that make no sense under the parameters.
    """
    theme_of(params, root)
    _check_tables_of_rules(params, root)
    _check_features(params)
    with _workspace(params, root) as workspace:
        return {name: _look(workspace, params, name) for name in params.sources}


@dataclass(frozen=True)
class Examined:
    """What a look at all of a client's lines found.

    Attributes
    ----------
    lines : dict of str to int
        Lines that were looked at, by table; of those beside the orders, the first.
    quality, bridge : DataFrame
        As of `segkit.data.cleaning.Cleaned`.
    unread_dates : list of str
        The first texts that are no dates as the client's file says they are written.
    days : int
        From the first line that counts to the last, both included.
    """

    lines: dict[str, int]
    quality: pd.DataFrame
    bridge: pd.DataFrame
    unread_dates: list[str] = field(default_factory=list)
    days: int = 0

    @property
    def loss(self) -> Loss:
        """What could not be read."""
        return reading_loss(self.quality)

    @property
    def net(self) -> float:
        """Net revenue, whoever bought."""
        return float(self.bridge.set_index("step")["amount"].astype(float)["net"])


def examine(params: Params, root: Path) -> Examined:
    """Check a client's inputs as `preflight` does, and read all of its orders.

    Raises
    ------
    SegkitError, DataError
        As `preflight`, and as `segkit.data.cleaning.clean`.
    """
    looked = preflight(params, root)
    with _workspace(params, root) as workspace:
        raws = {"orders": lines_of(workspace, params.orders)}
        if params.returns:
            raws["returns"] = read(workspace, params.returns, "returns")
        found = clean(workspace, params, raws, today=date.today())
        unread, days = _unread_dates(found, params), _days(found)
    rows = found.quality[found.quality["source"] == "orders"].set_index("rule")["lines"]
    return Examined(
        looked | {"orders": int(rows["read"])}, found.quality, found.bridge, unread, days
    )


def _days(found: Cleaned) -> int:
    day = found.lines["counts_at"].date()
    span = found.lines.agg(first=day.min(), last=day.max()).to_pyarrow().to_pylist()[0]
    return (span["last"] - span["first"]).days + 1 if span["first"] else 0


def _unread_dates(found: Cleaned, params: Params) -> list[str]:
    lines = found.rejected.filter(found.rejected["reason"] == "unparsable_date")
    raws = lines.select("raw").head(UNREAD).to_pyarrow().to_pydict()["raw"]
    texts = (json.loads(raw).get(params.orders.columns.date) for raw in raws)
    return sorted({text for text in texts if text})


@contextmanager
def _workspace(params: Params, root: Path) -> Iterator[Workspace]:
    """Open the engine with a scratch folder of its own, and close it."""
    with tempfile.TemporaryDirectory(prefix="segkit-") as folder:
        workspace = Workspace(root, Path(folder) / "scratch", params.engine)
        try:
            yield workspace
        finally:
            workspace.close()


def _check_tables_of_rules(params: Params, root: Path) -> None:
    """Load the rules of segments and findings and the playbook, and find every segment an entry."""
    study = Study(params, root=root)
    _ = study.insights.rules
    for segmentation, names in study.segment_names.items():
        for key in names:
            study.playbook.entry(segmentation, key)


def _check_features(params: Params) -> None:
    profit = ["profit", "profit_per_order"] if params.orders.columns.has_profit else []
    discount = ["discount_share"] if params.orders.columns.discount else []
    valid = [*_FEATURES, *profit, *discount]
    for key in ("features", "log"):
        for name in getattr(params.clusters, key) or []:
            if name not in valid:
                raise SegkitError(
                    "no such feature of customers",
                    where=f"clusters.{key}",
                    values=[name],
                    fix=suggestion(name, valid),
                )


def _look(workspace: Workspace, params: Params, name: str) -> int:
    if name != "orders":
        raw = read(workspace, params.sources[name], name, sample=SAMPLE)
        return raw.table.count().to_pyarrow().as_py()
    raw = lines_of(workspace, params.orders, sample=SAMPLE)
    judged = judge(of_types(raw.table, params), params, today=date.today())
    found = judged.group_by("rule", "fate").agg(
        lines=judged.count(), first=judged["offending"].min()
    )
    rows = found.order_by("rule").to_pyarrow().to_pylist()
    lines = sum(row["lines"] for row in rows)
    if not lines:
        raise DataError("holds no lines", where="orders", fix="check the export")
    if all(row["fate"] == "reject" for row in rows):
        worst = max(rows, key=lambda row: row["lines"])
        raise DataError(
            f"none of the first {lines} lines can be used; most break the rule {worst['rule']}",
            where="orders",
            values=[worst["first"]] if worst["first"] else [],
            fix="check orders.columns, date_format, decimal and thousands",
        )
    return lines
