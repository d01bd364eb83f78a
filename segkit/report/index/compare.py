"""What changed between two finished runs: inputs, parameters, figures, segments, customers.

Everything comes from the files that runs leave; nothing is computed anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from segkit.errors import SegkitError
from segkit.params import SEGMENTATIONS, flattened
from segkit.report.index.runs import HEADLINE, MANIFEST, Run, read_json, read_run, shown

COUNTS = ("lines_read", "lines_kept", "lines_rejected", "amount_read", "amount_kept")
EDGES = ["measure", "score", "from", "to"]
INFINITE = float("inf")


@dataclass(frozen=True)
class Comparison:
    """Two finished runs beside each other; each table holds what differs, or is None.

    Tables with `before` and `after` are about one thing a row; a value that is missing on one
    side is missing (NaN or None) in the table. A table is None where a run lacks what it is made
    of.
    """

    before: Run
    after: Run

    @property
    def is_same_client(self) -> bool:
        """Whether both runs are of one client."""
        return self.before.client == self.after.client

    @property
    def differs(self) -> bool:
        """Whether anything but the time of the runs differs."""
        tables = (table for table in self.tables.values() if table is not None)
        sizes = self.segments.values()
        return any(map(len, tables)) or not all(map(is_same, sizes)) or self.has_moved

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame | None]:
        """Differences by part: `run`, `inputs`, `lines`, `parameters`, `versions`,
        `fingerprint` (of everything that results depend on), `kpis`, `models`, `edges`.
        """
        both = (self.before.manifest, self.after.manifest)
        before, after = (_known(run, HEADLINE) for run in (self.before, self.after))
        return {
            "run": _changed(_who_and_when(self.before), _who_and_when(self.after)),
            "inputs": _changed(*_aligned(*(manifest.inputs for manifest in both))),
            "lines": _changed(*({k: m.counts.get(k) for k in COUNTS} for m in both)),
            "parameters": _changed(*(dict(flattened(manifest.parameters)) for manifest in both)),
            "versions": _changed(*(manifest.versions for manifest in both)),
            "fingerprint": _changed(*({"fingerprint": m.fingerprint} for m in both)),
            "kpis": _changed(before, after) if before and after else None,
            "models": _models(self.before, self.after),
            "edges": _edges(self.before, self.after),
        }

    @cached_property
    def segments(self) -> dict[str, pd.DataFrame]:
        """Sizes by segmentation: `segment`, `before`, `after`, `change` (customers),
        `share_before`, `share_after`; the largest first.
        """
        before, after = (segment_sizes(run) for run in (self.before, self.after))
        return {name: _sizes(before[name], after[name]) for name in before if name in after}

    @cached_property
    def movement(self) -> pd.DataFrame | None:
        """How many of the customers in both runs are in another segment, by segmentation.

        `segmentation`, `both`, `moved`, `moved_share`, `only_before`, `only_after`; None where
        the runs are not of one client, or one has no `data/segments.parquet`.
        """
        if self._labels is None:
            return None
        rows = [
            {"segmentation": name} | _movement(self._labels, name) for name in self._segmentations
        ]
        return pd.DataFrame(rows)

    @property
    def has_moved(self) -> bool:
        """Whether a customer came, went or changed segment, as far as customers are followed."""
        counts = ["moved", "only_before", "only_after"]
        return self.movement is not None and bool(self.movement[counts].to_numpy().any())

    @cached_property
    def moves(self) -> dict[str, pd.DataFrame]:
        """Customers in both runs who changed segment, by segmentation: `segment_before`,
        `segment_after`, `customers`; the most first. Segmentations without any are left out.
        """
        if self._labels is None:
            return {}
        tables = {name: _moves(self._labels, name) for name in self._segmentations}
        return {name: table for name, table in tables.items() if len(table)}

    @cached_property
    def _labels(self) -> pd.DataFrame | None:
        files = [run.folder / "data" / "segments.parquet" for run in (self.before, self.after)]
        if not self.is_same_client or not all(file.is_file() for file in files):
            return None
        tables = [_segments(file) for file in files]
        return tables[0].merge(
            tables[1], on="customer_id", how="outer", suffixes=("_before", "_after"), indicator=True
        )

    @property
    def _segmentations(self) -> list[str]:
        columns = () if self._labels is None else self._labels.columns
        return [name for name in SEGMENTATIONS if f"{name}_before" in columns]


def compare(before: str | Path, after: str | Path) -> Comparison:
    """Compare two finished runs, of one client or of two.

    Parameters
    ----------
    before, after : str or Path
        Folders of runs, or files in them, such as their `report.html`.

    Raises
    ------
    SegkitError
        When one is no folder of a run, or is not finished, or cannot be read here.
    """
    return Comparison(_finished(before), _finished(after))


def segment_sizes(run: Run) -> dict[str, pd.Series]:
    """Return customers by segment, in every segmentation that the run has left.

    They come from `data/segments.parquet`, or else from the tables of the report.
    """
    file = run.folder / "data" / "segments.parquet"
    if file.is_file():
        table = _segments(file)
        return {name: table[name].value_counts() for name in SEGMENTATIONS if name in table}
    found = {name: _table_of_sizes(run, name) for name in SEGMENTATIONS}
    return {name: sizes for name, sizes in found.items() if sizes is not None}


def is_same(sizes: pd.DataFrame) -> bool:
    """Tell whether no segment has another size."""
    return bool((sizes["before"] == sizes["after"]).all())


def _finished(path: str | Path) -> Run:
    run = read_run(path)
    if not run.is_done or run.manifest.as_of is None:
        problem = f"the run is not finished ({run.manifest.state})"
        fix = "run the client again, or name a finished run"
        raise SegkitError(problem, where=str(run.folder / MANIFEST), fix=fix)
    return run


def _who_and_when(run: Run) -> dict[str, object]:
    manifest = run.manifest
    return {"client": run.client, "as_of": manifest.as_of, "period": manifest.period_start}


def _known(run: Run, names: tuple[str, ...]) -> dict[str, object]:
    return {name: run.headline[name] for name in names if name in run.headline}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> pd.DataFrame:
    """Return what differs: `key`, `before`, `after`; None where a side has no such key."""
    keys = dict.fromkeys([*before, *after])
    rows = [
        {"key": key, "before": before.get(key), "after": after.get(key)}
        for key in keys
        if (key in before) != (key in after) or not _is_equal(before.get(key), after.get(key))
    ]
    return pd.DataFrame(rows, columns=["key", "before", "after"], dtype=object)


def _is_equal(one: object, other: object) -> bool:
    """Tell whether two plain values are the same; what is not a number is like itself."""
    return one == other or json.dumps(one, default=str) == json.dumps(other, default=str)


def _aligned(
    before: Mapping[str, Mapping[str, str]], after: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return hashes by table and file; a file that only moved to another folder is the same."""
    is_plain = all(
        len({PurePosixPath(file).name for file in files}) == len(files)
        for inputs in (before, after)
        for files in inputs.values()
    )
    return _hashes(before, by_name=is_plain), _hashes(after, by_name=is_plain)


def _hashes(inputs: Mapping[str, Mapping[str, str]], *, by_name: bool) -> dict[str, str]:
    return {
        f"{table}: {PurePosixPath(file).name if by_name else file}": digest
        for table, files in inputs.items()
        for file, digest in files.items()
    }


def _models(before: Run, after: Run) -> pd.DataFrame | None:
    chosen = [_chosen(run) for run in (before, after)]
    return _changed(*chosen) if all(chosen) else None


def _chosen(run: Run) -> dict[str, object]:
    """Return what a run settled on: the purchase model, how many clusters, the two gaps."""
    parts = {"value": "params", "clusters": "fitted", "lifecycle": "params"}
    value, clusters, stages = (_state(run, name, part) for name, part in parts.items())
    found = {"clv_model": value.get("model")}
    centroids = clusters.get("centroids_")
    found["clusters"] = len(centroids) if isinstance(centroids, list) else None
    found |= {name: stages.get(name) for name in ("usual_days", "churn_days")}
    return {name: value for name, value in found.items() if value is not None}


def _state(run: Run, name: str, part: str) -> Mapping[str, Any]:
    """Return a part of what a fitted model has left; nothing where it has left none."""
    held = _mapping(read_json(run.folder / "data" / f"{name}.json").get("state"))
    return _mapping(held.get(part))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _edges(before: Run, after: Run) -> pd.DataFrame | None:
    """Return scores whose edges differ: `measure`, `score`, `from_before`, `from_after`, …"""
    first, second = _known_edges(before), _known_edges(after)
    if first is None or second is None:
        return None
    keys = ["measure", "score"]
    both = first.merge(second, on=keys, how="outer", suffixes=("_before", "_after"))
    ends = [f"{end}_{when}" for end in ("from", "to") for when in ("before", "after")]
    both[ends] = both[ends].apply(pd.to_numeric, errors="coerce").round(9)
    is_other = (both["from_before"].fillna(INFINITE) != both["from_after"].fillna(INFINITE)) | (
        both["to_before"].fillna(INFINITE) != both["to_after"].fillna(INFINITE)
    )
    order = {measure: place for place, measure in enumerate(first["measure"].unique())}
    both = both.assign(place=both["measure"].map(order)).sort_values(["place", "score"])
    return both.loc[is_other, ["measure", "score", *ends]].reset_index(drop=True)


def _known_edges(run: Run) -> pd.DataFrame | None:
    table = run.table("rfm_edges")
    return table[EDGES] if table is not None and set(EDGES) <= set(table.columns) else None


def _segments(file: Path) -> pd.DataFrame:
    """Return ids and segments of a run's customers; labels as categories, which are small."""
    try:
        known = pq.read_schema(file).names
        wanted = [name for name in ("customer_id", *SEGMENTATIONS) if name in known]
        table = pq.read_table(file, columns=wanted, read_dictionary=list(SEGMENTATIONS))
    except (OSError, pa.ArrowException) as error:
        problem = f"cannot be read ({shown(error)[:100]})"
        raise SegkitError(problem, where=str(file), fix="run the client again") from None
    return table.to_pandas()


def _table_of_sizes(run: Run, segmentation: str) -> pd.Series | None:
    table = run.table(f"segment_kpis_{segmentation}")
    if table is None or not {"segment", "customers"} <= set(table.columns):
        return None
    sizes = table.set_index("segment")["customers"]
    return sizes.drop(["total"], errors="ignore")


def _sizes(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    table = pd.DataFrame(
        {"before": before.rename(index=str), "after": after.rename(index=str)}
    ).fillna(0)
    table = table.astype("int64").rename_axis("segment")
    table = table[table.sum(axis=1) > 0].sort_values(["after", "before"], ascending=False)
    shares = {f"share_{when}": table[when] / max(table[when].sum(), 1) for when in table}
    return table.assign(change=table["after"] - table["before"], **shares).reset_index()


def _stayers(labels: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return both segments of the customers that have one in both runs."""
    pair = labels[[f"{name}_before", f"{name}_after"]].dropna().astype(str)
    return pair.set_axis(["segment_before", "segment_after"], axis=1)


def _movement(labels: pd.DataFrame, name: str) -> dict[str, float]:
    pair, sides = _stayers(labels, name), labels["_merge"].value_counts()
    moved = int((pair["segment_before"] != pair["segment_after"]).sum())
    return {
        "both": len(pair),
        "moved": moved,
        "moved_share": moved / len(pair) if len(pair) else float("nan"),
        "only_before": int(sides["left_only"]),
        "only_after": int(sides["right_only"]),
    }


def _moves(labels: pd.DataFrame, name: str) -> pd.DataFrame:
    pair = _stayers(labels, name)
    pair = pair[pair["segment_before"] != pair["segment_after"]]
    counts = pair.value_counts().rename("customers").reset_index()
    keys = ["customers", "segment_before", "segment_after"]
    return counts.sort_values(keys, ascending=[False, True, True], ignore_index=True)
