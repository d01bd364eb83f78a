"""How well totals are foretold, at rolling cuts of the real logs: the kit and its peers.

    SEGKIT_DATA=/data python benchmarks/forecasts.py

At each cut everyone learns from what came before it, and says how many purchase days the customers
known by then will have together over the horizon.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from contest import PEERS, Contender, machine, measured, python_of
from generate import default_folder
from logs import LOGS, Cut, Log, actual, cuts, histories

HORIZONS = (3, 6, 12)
NEAR = 1.25
"""A total is near that is at most so many times too high or too low."""
MODELS = {"bg_nbd": "BG/NBD", "mbg_nbd": "MBG/NBD"}
PYTHONS = {"lifetimes": "python3.11", "pymc": "python3.12"}
RESULTS = "forecasts.csv"


def _peer(name: str, script: str, environment: str, model: str) -> Contender:
    options = ("--model", model)
    return Contender(f"{name} {MODELS[model]}", script, environment, PYTHONS[environment], options)


CONTENDERS = (
    Contender("segkit", "segkit_forecasts.py", options=("--model", "forecast")),
    Contender("segkit model", "segkit_forecasts.py", options=("--model", "mbg_nbd")),
    *(_peer("lifetimes", "lifetimes_forecasts.py", "lifetimes", model) for model in MODELS),
    *(_peer("pymc-marketing", "pymc_forecasts.py", "pymc", model) for model in MODELS),
)
ASKED = ["log", "horizon_months", "contender"]
COLUMNS = [*ASKED, "cut", "end", "customers", "came", "came_back"]
COLUMNS += ["orders", "p_order", "note", "seconds", "processor_seconds", "ran_on"]


def forecasts(log: Log, contenders: list[Contender], given: argparse.Namespace) -> pd.DataFrame:
    """Return what everyone says at the cuts of a log, beside what came.

    One row a horizon, cut and contender: `log`, `horizon_months`, `contender`, `cut`, `end`,
    `customers`, `came` (purchase days), `came_back` (share of customers who had any), `orders`,
    `p_order`, `note`, `seconds`, `processor_seconds`, `ran_on` (versions).
    """
    held = []
    with tempfile.TemporaryDirectory() as scratch:
        cases = Path(scratch) / "cases.json"
        outcomes = list(written(log, given.horizons, cases))
        for contender in contenders:
            report = asked(contender, cases, given)
            ran_on = ", ".join(f"{name} {number}" for name, number in report["versions"].items())
            for name, came in outcomes:
                row = {"log": log.name, "contender": contender.name, "ran_on": ran_on, **came}
                held.append(row | report["cases"].get(name, {"note": "not reached"}))
    return pd.DataFrame(held).reindex(columns=COLUMNS)


def written(log: Log, horizons: list[int], cases: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Write down what is known at each cut, for contenders to read; yield its name, and what came."""
    listed = []
    for months in horizons:
        for cut in cuts(log, months):
            name = f"{months} months from {cut.day:%Y-%m-%d}"
            listed.append({"name": name, "cut": str(cut.day), "end": str(cut.end)})
            known = histories(log.days, cut.day).reset_index(drop=True)
            known.to_parquet(cases.with_name(f"{name} customers.parquet"))
            before = log.days[log.days["day"] < cut.day]
            before.to_parquet(cases.with_name(f"{name} days.parquet"), index=False)
            yield name, {"horizon_months": months, **outcome(log, cut)}
    cases.write_text(json.dumps(listed), encoding="utf-8")


def outcome(log: Log, cut: Cut) -> dict[str, Any]:
    """Return what the customers known at a cut did over the horizon."""
    orders = actual(log.days, cut.day, cut.end)["orders"]
    came = {"came": orders.sum(), "came_back": (orders > 0).mean()}
    dates = {"cut": f"{cut.day:%Y-%m-%d}", "end": f"{cut.end:%Y-%m-%d}"}
    return {**dates, "customers": len(orders), **came}


def asked(contender: Contender, cases: Path, given: argparse.Namespace) -> dict[str, Any]:
    """Return what a contender says of all cases of a log, in a process of its own."""
    report = cases.with_name("report.json")
    report.unlink(missing_ok=True)
    command = [str(python_of(contender, given.folder)), str(PEERS / contender.script)]
    command += ["--cases", str(cases), "--report", str(report), *contender.options]
    done = measured(command, given.timeout)
    print(f"{contender.name}: {done.seconds:.1f} s {done.problem}", file=sys.stderr)
    if not report.exists():
        return {"versions": {}, "cases": {}}
    return json.loads(report.read_text(encoding="utf-8"))


def kept(said: pd.DataFrame, file: Path) -> None:
    """Add results to those of earlier runs, in whose place they step."""
    if file.exists():
        earlier = pd.read_csv(file)
        again = pd.MultiIndex.from_frame(earlier[ASKED]).isin(pd.MultiIndex.from_frame(said[ASKED]))
        said = pd.concat([earlier[~again], said], ignore_index=True)
    said.to_csv(file, index=False)


# Tables ---------------------------------------------------------------------------------


def accuracy(said: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return how near totals were, a row a group.

    `cuts`, `told` (those with a forecast), `error` (mean of |ln(predicted / actual)|), `tilt`
    (mean of ln(predicted / actual)), `near` (share of cuts within `NEAR`), `p_order` and
    `came_back` (means), `seconds` and `processor_seconds` (medians of a cut).
    """
    off = (said["orders"] / said["came"]).map(np.log)
    near = (off.abs() <= np.log(NEAR)).where(off.notna()).astype(float)
    groups = said.assign(off=off, error=off.abs(), near=near).groupby(by)
    table = groups.agg(
        cuts=("off", "size"),
        told=("off", "count"),
        error=("error", "mean"),
        tilt=("off", "mean"),
        near=("near", "mean"),
        p_order=("p_order", "mean"),
        came_back=("came_back", "mean"),
        seconds=("seconds", "median"),
        processor_seconds=("processor_seconds", "median"),
    ).reset_index()
    return table.sort_values(by, key=_in_order)


def shared(said: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts for which every contender has a total."""
    told = said["orders"].notna().groupby([said[name] for name in ("log", "horizon_months", "cut")])
    return said[told.transform("all")]


def _in_order(column: pd.Series) -> pd.Series:
    """Return places of contenders as listed above; other columns as they are."""
    places = {contender.name: place for place, contender in enumerate(CONTENDERS)}
    return column.map(places) if column.name == "contender" else column


def rows(table: pd.DataFrame, by: list[str]) -> Iterator[str]:
    """Yield the Markdown rows of `accuracy`."""
    for one in table.to_dict("records"):
        number = (
            f"{one['cuts']}" if one["told"] == one["cuts"] else f"{one['told']} of {one['cuts']}"
        )
        chance = "" if np.isnan(one["p_order"]) else f"{one['p_order']:.3f}"
        cells = [number, f"{one['error']:.3f}", f"{one['tilt']:+.3f}", f"{one['near']:.0%}"]
        cells += [chance, f"{one['came_back']:.3f}", f"{one['seconds']:.2f}"]
        cells.append(f"{one['processor_seconds']:.2f}")
        yield f"| {' | '.join([str(one[name]) for name in by] + cells)} |"


def print_table(said: pd.DataFrame, by: list[str]) -> None:
    """Print how near totals were, as Markdown."""
    heads = [*(name.replace("_", " ") for name in by), "cuts", "mean abs ln", "mean ln"]
    heads += [f"within {NEAR}", "P(order)", "ordered", "seconds", "processor"]
    left = ["---" if name in ("log", "contender") else "--:" for name in by]
    print(f"\n| {' | '.join(heads)} |\n|{'|'.join(left + ['--:'] * 8)}|")
    print("\n".join(rows(accuracy(said, by), by)))


def print_notes(said: pd.DataFrame) -> None:
    """Print what contenders could not do, or did otherwise, and what they ran on."""
    noted = said[said["note"].fillna("") != ""]
    print()
    for (contender, log, note), cases in noted.groupby(["contender", "log", "note"], sort=False):
        print(f"- {contender}, {log}, {len(cases)} of its forecasts: {note}")
    ran_on = said.groupby("contender", sort=False)["ran_on"].last()
    print("\n" + "; ".join(f"{name}: {versions}" for name, versions in ran_on.items()))


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    names = [contender.name for contender in CONTENDERS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=LOGS, default=list(LOGS), help="logs")
    parser.add_argument("--contenders", nargs="+", choices=names, default=names)
    parser.add_argument("--horizons", nargs="+", type=int, default=list(HORIZONS), help="months")
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds that a contender may take for a log"
    )
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGKIT_DATA"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("say where the logs are: --data, or SEGKIT_DATA")
    return given


def main() -> None:
    """Write down what everyone says, and print the report as Markdown."""
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    contenders = [one for one in CONTENDERS if one.name in given.contenders]
    for name in given.only:
        log = LOGS[name](given.data, given.folder)
        kept(forecasts(log, contenders, given), given.folder / RESULTS)
    said = pd.read_csv(given.folder / RESULTS)
    print(machine())
    print_table(said, ASKED)
    print_table(shared(said), ["contender"])
    print_notes(said)


if __name__ == "__main__":
    main()
