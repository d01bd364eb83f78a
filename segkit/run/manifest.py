"""A run's manifest, `run.json`: what it depended on, how far it is, and what it counted."""

from __future__ import annotations

import json
import os
import platform
import uuid
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from segkit.study.store import code_digest

LIBRARIES = (
    "segkit",
    "pandas",
    "ibis-framework",
    "duckdb",
    "scikit-learn",
    "matplotlib",
    "papermill",
)


_QUESTIONS = {
    "improbable_id": "customer {id!r} has {orders} orders, {share:.1%} of all: is it a person? If not, "
    "name it in customers.exclude",
    "quiet_end": "there are hardly any orders in the {days} days before the cut-off date, since {month}: "
    "is as_of right, and the export whole?",
}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest in a folder; of a folder without a whole one, nothing."""
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write a manifest at once: whoever reads it finds a whole one, this or the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".run-{uuid.uuid4().hex[:8]}.json"
    aside.write_text(json.dumps(manifest, ensure_ascii=False, indent=2), encoding="utf-8")
    os.replace(aside, folder / "run.json")


def new_manifest(
    study: Any, *, params_file: str, fingerprint: str, chapters: list[str]
) -> dict[str, Any]:
    """Return the manifest of a run that begins: nothing is done yet."""
    return {
        "client": study.params.client,
        "name": study.params.title,
        "state": "running",
        "problem": None,
        "started": now(),
        "fingerprint": fingerprint,
        "parameters_file": params_file,
        "parameters": study.params.plain(),
        "inputs": study.inputs,
        "versions": {"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES}
        | {"code": code_digest()},
        "chapters": [
            {"name": chapter, "state": "waiting", "seconds": None} for chapter in chapters
        ],
    }


def facts(study: Any) -> dict[str, Any]:
    """Return the dates and counts of a study that its manifest tells."""
    quality = study.quality[study.quality["source"] == "orders"].set_index("rule")
    counts = {
        f"lines_{rule}": int(quality.loc[rule, "lines"]) for rule in ("read", "kept", "rejected")
    }
    amounts = {f"amount_{rule}": float(quality.loc[rule, "amount"]) for rule in ("read", "kept")}
    customers = {"customers": len(study.customers), "buyers": len(study.buyers)}
    loss = study.loss
    return {
        "loss": loss.plain() if loss.is_loud else None,
        "net_revenue": float(study.bridge.set_index("step").loc["net", "amount"]),
        "questions": [_QUESTIONS[key].format(**fields) for key, fields in study.oddities],
        "as_of": study.as_of.isoformat(),
        "period_start": study.period_start.isoformat(),
        "counts": counts | amounts | customers,
    }


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
