"""Whether segments keep the order that their names promise, and what scoring by rhythm changes.

For each client: the leading segmentation's segments with what is known of them and what customers
of the same segments did after each cut; how well value groups told revenue apart with recency
scored by the client's rhythm and by quantiles; and the findings.

    python benchmarks/segments.py params/cdnow.yaml params/superstore.yaml
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from segkit import Chapter, Study
from segkit.params import load_params

SHOWN = ("customers", "recency_days", "churned_share", "p_order")
TELLS_APART = "value_groups"


def segments(study: Study) -> pd.DataFrame:
    """Return the leading segmentation's segments, and what such customers did after each cut."""
    lead = study.params.report.segmentation
    table = study.advice.facts(lead)[list(SHOWN)]
    if study.evidence.ready:
        cuts = study.evidence.by_cut(lead).groupby("segment")["revenue_per_customer"]
        table = table.join(cuts.mean().rename("next_period_revenue"))
    return table.sort_values("p_order", ascending=False)


def told_apart(study: Study) -> dict[str, float]:
    """Return how well value groups told apart the revenue that followed, on average over cuts."""
    if not study.evidence.ready:
        return {}
    cuts = (
        study.evidence.rolling_rankings if len(study.evidence.cuts) > 1 else study.evidence.rankings
    )
    row = cuts.set_index("ranking").loc[TELLS_APART]
    return {name: float(row[name]) for name in ("gini", "top20")}


def findings(study: Study) -> list[str]:
    """Return the findings as they are said."""
    chapter = Chapter(study, "recommendations")
    rows = [row for _, row in study.insights.table.iterrows()]
    words = [study.insights.words(chapter, row) for row in rows]
    return [" ".join(one[part] for part in ("title", "sentence", "deadline")) for one in words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("params", nargs="+", type=Path)
    for file in parser.parse_args().params:
        params = load_params(file)
        by_quantile = params.model_copy(
            update={"rfm": params.rfm.model_copy(update={"recency": "quantile"})}
        )
        with tempfile.TemporaryDirectory() as folder:
            study = Study(params, root=Path.cwd(), run_dir=Path(folder) / "rhythm")
            before = Study(by_quantile, root=Path.cwd(), run_dir=Path(folder) / "quantile")
            print(f"\n## {params.title}: {params.report.segmentation}, gaps {study.gaps}\n")
            print(segments(study).round(3).to_string())
            print("\nby rhythm", told_apart(study), "by quantile", told_apart(before), "\n")
            print("\n".join(f"- {said}" for said in findings(study)))


if __name__ == "__main__":
    main()
