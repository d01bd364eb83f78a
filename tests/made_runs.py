"""Folders as finished and failed runs leave them, made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

HEADLINE = {
    "customers": 100.0,
    "buyers": 40.0,
    "orders": 80.0,
    "revenue": 5000.0,
    "aov": 62.5,
    "repeat_rate": 0.5,
}
SEGMENTS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "c", "d"],
        "families": ["loyal", "loyal", "beginners", "recurrent"],
        "lifecycle": ["active", "active", "new", "churned"],
    }
)
EDGES = pd.DataFrame(
    {
        "measure": ["recency", "recency", "monetary"],
        "score": [1, 2, 1],
        "from": [60.0, None, None],
        "to": [None, 60.0, 20.5],
    }
)


def months(count: int, *, start: str = "2024-01-01", cut: bool = True) -> pd.DataFrame:
    """Return revenue that grows by 10 a month; the last month is incomplete where `cut`."""
    days = pd.date_range(start, periods=count, freq="MS")
    revenue = [10.0 * (place + 1) for place in range(count)]
    complete = [True] * (count - cut) + [False] * cut
    return pd.DataFrame({"month": days, "revenue": revenue, "complete": complete})


def manifest_of(client: str, as_of: str = "2026-01-01", **given: Any) -> dict[str, Any]:
    """Return a `run.json`; `given` replaces its keys, `parameters` are laid over its own."""
    parameters = {"client": client, "currency": "EUR", "language": "es", "locale": "es_ES"}
    parameters |= given.pop("parameters", {})
    return {
        "client": client,
        "name": client.title(),
        "state": "done",
        "problem": None,
        "started": f"{as_of}T08:00:00+00:00",
        "finished": f"{as_of}T08:05:00+00:00",
        "fingerprint": "abc123",
        "parameters_file": f"params/{client}.yaml",
        "parameters": parameters,
        "inputs": {"orders": {f"{client}.csv": "0" * 64}},
        "versions": {"segkit": "0.1.0", "pandas": "3.1.1"},
        "chapters": [{"name": "01_explore", "state": "done"}, {"name": "02_rfm", "state": "done"}],
        "as_of": as_of,
        "period_start": f"{int(as_of[:4]) - 1}{as_of[4:]}",
        "counts": {"lines_read": 200.0, "lines_kept": 190.0, "lines_rejected": 10.0},
        **given,
    }


def make_run(
    root: Path,
    client: str = "acme",
    as_of: str = "2026-01-01",
    *,
    folder: str | None = None,
    headline: dict[str, float] | None = None,
    segments: pd.DataFrame | None = SEGMENTS,
    edges: pd.DataFrame | None = EDGES,
    tables: dict[str, pd.DataFrame] | None = None,
    files: tuple[str, ...] = ("report.html",),
    **given: Any,
) -> Path:
    """Write a run below `root`, and return its folder."""
    home = root / "reports" / client / (folder or as_of)
    (home / "data" / "tables").mkdir(parents=True)
    manifest = manifest_of(client, as_of, **given)
    (home / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    (home / "data" / "headline.json").write_text(json.dumps(HEADLINE | (headline or {})))
    months(5).to_parquet(home / "data" / "monthly.parquet")
    if segments is not None:
        segments.to_parquet(home / "data" / "segments.parquet")
    for name, table in ({} if edges is None else {"rfm_edges": edges} | (tables or {})).items():
        table.to_parquet(home / "data" / "tables" / f"{name}.parquet")
    models = {"value": {"params": {"model": "bg_nbd"}}, "clusters": {"fitted": {"centroids_": [1]}}}
    for name, state in models.items():
        (home / "data" / f"{name}.json").write_text(json.dumps({"state": state}))
    for name in files:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    return home


def fail_run(root: Path, client: str = "acme", **given: Any) -> Path:
    """Write a run that stopped in its second notebook."""
    chapters = [{"name": "01_explore", "state": "done"}, {"name": "02_rfm", "state": "failed"}]
    known = {"state": "failed", "problem": "02_rfm: ValueError: too few", "chapters": chapters}
    known |= {"started": "2026-02-01T08:00:00+00:00", "finished": None}
    return make_run(root, client, folder="unfinished", files=(), **known | given)
