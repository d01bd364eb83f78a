"""The files that a finished run hands over: the report and the workbook."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from segkit.report.catalogue import Columns, Texts
from segkit.report.exports import write_workbook
from segkit.report.format import Formats
from segkit.report.html import ReportContext, build_report
from segkit.report.tables import Wording

if TYPE_CHECKING:
    from segkit.study import Study


def build(study: Study, manifest: dict[str, Any], notebooks: list[Path]) -> Path:
    """Write `report.html` and `exports/tables.xlsx` from what the notebooks left.

    Parameters
    ----------
    study : Study
    manifest : dict
        The run's `run.json`.
    notebooks : list of Path
        Executed, in the order of the chapters.

    Returns
    -------
    Path
        The report.
    """
    params, texts = study.params, Texts(study.params.language)
    formats = Formats(params.display_locale, params.currency)
    _write_tables(study, Wording(texts, Columns(params.language), formats, {}))
    context = ReportContext(
        client=params.title,
        language=params.language,
        formats=formats,
        texts=texts,
        as_of=study.as_of,
        period_start=study.period_start,
        generated=datetime.fromisoformat(manifest["finished"]),
        headline=_headline(study.run_dir),
        provenance=_provenance(study, manifest),
    )
    return build_report(notebooks, study.run_dir / "report.html", context)


def _write_tables(study: Study, wording: Wording) -> None:
    files = sorted((study.run_dir / "data" / "tables").glob("*.parquet"))
    tables = {file.stem: pd.read_parquet(file) for file in files}
    names = {
        table: study.segment_names[segmentation]
        for table in tables
        for segmentation in study.segment_names
        if table.endswith(f"_{segmentation}")
    }
    clusters = study.segment_names["clusters"]
    names |= {"cluster_profile": clusters, "cluster_relative": clusters}
    if tables:
        write_workbook(tables, study.run_dir / "exports" / "tables.xlsx", wording, names=names)


def _headline(run_dir: Path) -> dict[str, float]:
    file = run_dir / "data" / "headline.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _provenance(study: Study, manifest: dict[str, Any]) -> dict[str, Any]:
    counts, quality = manifest["counts"], study.quality
    rules = quality[(quality["source"] == "orders") & (quality["action"] == "reject")]
    return {
        "sources": [
            {"file": file, "sha256": digest}
            for files in manifest["inputs"].values()
            for file, digest in files.items()
        ],
        "rows": {part: counts[f"lines_{part}"] for part in ("read", "kept", "rejected")},
        "data_quality": rules.loc[rules["lines"] > 0, ["rule", "action", "lines", "amount"]],
        "versions": manifest["versions"],
        "parameters": manifest["parameters"],
        "fingerprint": manifest["fingerprint"],
    }
