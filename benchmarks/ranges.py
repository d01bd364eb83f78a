"""How near the kit's forecast comes, and how often its ranges hold, at rolling cuts of real logs.

    SEGKIT_DATA=/data python benchmarks/ranges.py

At each cut a study that knows nothing later says how many orders and how much revenue will come,
of whom, and between which ends; then it is looked what came. Every customer's purchase day is one
order here.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from contest import machine
from forecasts import HORIZONS, NEAR
from generate import default_folder
from logs import LOGS, MONTH, SLACK, WEEK, Cut, Log, between, cuts, histories
from peers.segkit_study import study_of

from segkit.analysis.evidence import poisson_deviance
from segkit.models import MBGNBD

TOTALS, CUSTOMERS = "ranges.csv", "ranges_customers.csv"
LONG, SHORT, LEAST_MONTHS = 1.5, 0.5, 3
"""Horizons of history that a cut must have: for the first table, and for the second, in which it
must be three months at least."""
MODEL = "model"
SAID = {"total": "existing", "calendar": "calendar", "clock": "clock", "cohorts": "cohorts"}
ASKED = ["log", "horizon_months", "cut"]


# Asking ---------------------------------------------------------------------------------


def all_cuts(log: Log, months: int) -> Iterator[tuple[Cut, dict[str, Any]]]:
    """Yield the cuts of a log, and what is known of each: how long its history is, and whether
    that is long enough for the first table."""
    strict = {cut.day for cut in cuts(log, months, LONG)}
    for cut in cuts(log, months, SHORT):
        history = (cut.day - log.days["day"].min()).days / MONTH
        if history >= LEAST_MONTHS - SLACK:
            case = {"log": log.name, "horizon_months": months, "cut": f"{cut.day:%Y-%m-%d}"}
            yield cut, case | {"history_months": history, "is_long": cut.day in strict}


def answer(log: Log, cut: Cut, months: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what is said at a cut beside what came: of totals, and of customers one by one.

    Returns
    -------
    tuple
        Rows of `part` (`existing`, `new`, `everyone`; members of the first; `model`: plain MBG/NBD),
        `measure`, `predicted`, `low`, `high`, `actual`, `weight`; and one row: `customers`,
        `p_order` (mean), `ordered` (share), `deviance` and `model_deviance` (Poisson, means),
        `processor_seconds`, `seconds`.
    """
    # The log's last days may lie beyond so many whole months.
    end = cut.day + pd.DateOffset(months=months)
    worked, begun = time.process_time(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        study = study_of(log.days, cut.day, months, Path(folder))
        totals, members = study.forecast.totals, study.forecast.members
        values = study.forecast.values.set_index("customer_id")
        study.close()
    took = {
        "processor_seconds": time.process_time() - worked,
        "seconds": time.perf_counter() - begun,
    }
    known = histories(log.days, cut.day)
    known.index = known.index.astype(str)
    came, new = came_after(log, cut.day, end, known.index)
    plain = plain_orders(known, (end - cut.day).days / WEEK)
    rows = [*_parts(totals, came, new), *_members(members, came)]
    model = {"part": MODEL, "measure": "orders", "predicted": plain.sum()}
    rows.append(model | {"actual": came["orders"].sum()})
    said = values["expected_orders"].reindex(known.index).to_numpy()
    actual = came["orders"].to_numpy()
    each = {
        "customers": len(known),
        "p_order": values["p_order"].mean(),
        "ordered": (actual > 0).mean(),
        "deviance": poisson_deviance(said, actual).mean(),
        "model_deviance": poisson_deviance(plain, actual).mean(),
    }
    return rows, each | took


def came_after(
    log: Log, cut: pd.Timestamp, end: pd.Timestamp, known: pd.Index
) -> tuple[pd.DataFrame, pd.Series]:
    """Return `orders` and `revenue` of known customers, one by one, and the sums of new ones."""
    days = log.days.assign(customer=log.days["customer"].astype(str))
    everyone = between(days, cut, end, pd.Index(days["customer"].unique()))
    return everyone.reindex(known), everyone.drop(known).sum()


def plain_orders(known: pd.DataFrame, weeks: float) -> np.ndarray:
    """Return what MBG/NBD alone expects of each customer, in calendar weeks."""
    history = tuple(known[name].to_numpy() for name in ("x", "t_x", "T"))
    return MBGNBD(time_unit="weeks").fit(*history).expected_orders(weeks, *history)


def _parts(totals: pd.DataFrame, came: pd.DataFrame, new: pd.Series) -> Iterator[dict[str, Any]]:
    actual = {"existing": came.sum(), "new": new, "everyone": came.sum() + new}
    for row in totals.to_dict("records"):
        for measure in ("orders", "revenue"):
            ends = {"low": row[f"{measure}_low"], "high": row[f"{measure}_high"]}
            said = {"part": row["part"], "measure": measure, "predicted": row[measure]}
            yield said | ends | {"actual": actual[row["part"]][measure]}


def _members(members: pd.DataFrame, came: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in members[members["member"] != "total"].to_dict("records"):
        for measure in ("orders", "revenue"):
            said = {"part": row["member"], "measure": measure, "weight": row["weight"]}
            yield said | {"predicted": row[f"total_{measure}"], "actual": came[measure].sum()}


def asked(log: Log, horizons: Iterable[int], folder: Path) -> None:
    """Ask at all cuts of a log, and write down what is said in the place of earlier results."""
    totals, customers = [], []
    for months in horizons:
        for cut, case in all_cuts(log, months):
            rows, each = answer(log, cut, months)
            totals += [case | row for row in rows]
            customers.append(case | each)
            told = f"{log.name}, {months} months from {case['cut']}: {each['seconds']:.1f} s"
            print(told, file=sys.stderr, flush=True)
    for held, name in ((totals, TOTALS), (customers, CUSTOMERS)):
        if held:
            _kept(pd.DataFrame(held), folder / name)


def _kept(said: pd.DataFrame, file: Path) -> None:
    if file.exists():
        by, earlier = ASKED[:2], pd.read_csv(file)
        again = pd.MultiIndex.from_frame(earlier[by]).isin(pd.MultiIndex.from_frame(said[by]))
        said = pd.concat([earlier[~again], said], ignore_index=True)
    said.to_csv(file, index=False)


# Tables ---------------------------------------------------------------------------------


def errors(totals: pd.DataFrame) -> pd.DataFrame:
    """Return the log of predicted over actual orders, a column each: `total`, members, `model`.

    Where no clock was learnt the calendar stands in for it, as it does in the forecast.
    """
    orders = totals[totals["measure"] == "orders"]
    off = np.log(orders["predicted"] / orders["actual"])
    table = orders.assign(off=off).pivot(index=ASKED, columns="part", values="off")
    columns = {part: name for name, part in SAID.items()} | {MODEL: MODEL}
    table = table.reindex(columns=list(columns)).rename(columns=columns)
    return table.assign(clock=table["clock"].fillna(table["calendar"])).reset_index()


def accuracy(off: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return means of absolute `errors`, and the share of cuts that were `near`."""
    names = [*SAID, MODEL]
    sizes = off[names].abs().assign(near=off["total"].abs() <= np.log(NEAR))
    grouped = sizes.groupby([off[name] for name in by])
    table = grouped[[*names, "near"]].mean()
    table.insert(0, "cuts", grouped.size())
    return table.reset_index()


def coverage(totals: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return the share of ranges that held, by part and measure, and their median half-width.

    The half-width is how far the upper end lies above what is said.
    """
    said = totals[totals["low"].notna()]
    held = said.assign(
        held=(said["actual"] >= said["low"]) & (said["actual"] <= said["high"]),
        half=said["high"] / said["predicted"] - 1,
    )
    grouped = held.groupby([*by, "part", "measure"])
    table = grouped.agg(cuts=("held", "size"), held=("held", "mean"), half=("half", "median"))
    return table.reset_index()


def of_customers(customers: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return means over cuts: `p_order` beside `ordered`, and how deviance changed against MBG/NBD."""
    known = customers.assign(change=customers["deviance"] / customers["model_deviance"] - 1)
    names = ["p_order", "ordered", "deviance", "model_deviance", "change", "processor_seconds"]
    table = known.groupby(by)[names].mean()
    table.insert(0, "cuts", known.groupby(by).size())
    table["difference"] = table["p_order"] - table["ordered"]
    table["worst"] = known.groupby(by)["change"].max()
    return table.reset_index()


def aims(totals: pd.DataFrame, customers: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Return each aim, the figure measured, and whether it is met; totals are of known customers."""
    own = totals[totals["part"] == "existing"]
    pooled, by_log = coverage(own.assign(all=""), ["all"]), coverage(own, ["log"])
    worst = by_log.loc[by_log["held"].idxmin()]
    off = errors(totals)
    whole = accuracy(off, ["log", "horizon_months"])
    error, near = off["total"].abs().mean(), (off["total"].abs() <= np.log(NEAR)).mean()
    whole["behind"] = whole["total"] - whole[MODEL]
    last = whole.loc[whole["behind"].idxmax()]
    chance = of_customers(customers, ["log"])
    far = chance.loc[chance["difference"].abs().idxmax()]
    by_horizon = of_customers(customers, ["log", "horizon_months"])
    bad = by_horizon.loc[by_horizon["change"].idxmax()]
    half = max(pooled["half"])
    shares = pooled.set_index("measure")["held"]
    return [
        (
            "ranges hold, all cuts together: 75 to 90 %",
            f"orders {shares['orders']:.0%}, revenue {shares['revenue']:.0%}",
            bool(shares.between(0.75, 0.9).all()),
        ),
        (
            "on each log: 60 % or more",
            f"least {worst['held']:.0%} ({worst['log']}, {worst['measure']})",
            bool(worst["held"] >= 0.6),
        ),
        ("median half-width below 35 %", f"{half:.0%}", bool(half < 0.35)),
        ("mean abs ln 0.16 or less", f"{error:.3f}", bool(error <= 0.16)),
        (
            "behind MBG/NBD by 0.03 at most, on every log and horizon",
            f"most {last['behind']:+.3f} ({last['log']}, {last['horizon_months']} months)",
            bool(last["behind"] <= 0.03),
        ),
        (f"within {NEAR} at 80 % or more", f"{near:.0%}", bool(near >= 0.8)),
        (
            "P(order) within 0.03 of who ordered, on every log",
            f"farthest {far['difference']:+.3f} ({far['log']})",
            bool(abs(far["difference"]) <= 0.03),
        ),
        (
            "deviance above MBG/NBD's by 2 % at most, on every log and horizon",
            f"most {bad['change']:+.1%} ({bad['log']}, {bad['horizon_months']} months)",
            bool(bad["change"] <= 0.02),
        ),
    ]


def markdown(heads: list[str], rows: Iterable[list[str]], texts: int = 1) -> str:
    """Return a Markdown table whose first columns are texts."""
    left = ["---"] * texts + ["--:"] * (len(heads) - texts)
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(left)}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def print_tables(totals: pd.DataFrame, customers: pd.DataFrame) -> None:
    """Print everything as Markdown."""
    rows = [[aim, figure, "yes" if met else "no"] for aim, figure, met in aims(totals, customers)]
    print(markdown(["aim", "measured", "met"], rows, 3))
    names = [*SAID, MODEL]
    off, by = errors(totals), ["log", "horizon_months"]
    both = [accuracy(off, by), accuracy(off.assign(log="all", horizon_months="all"), by)]
    rows = [
        [str(row["log"]), str(row["horizon_months"]), str(row["cuts"])]
        + [f"{row[name]:.3f}" for name in names]
        + [f"{row['near']:.0%}"]
        for table in both
        for row in table.to_dict("records")
    ]
    heads = ["log", "months", "cuts", "forecast", *names[1:-1], "MBG/NBD", f"within {NEAR}"]
    print(markdown(heads, rows))
    print(_coverage_table(totals))
    print(_customers_table(customers))


def _coverage_table(totals: pd.DataFrame) -> str:
    tables = [coverage(totals, ["log"]), coverage(totals.assign(log="all"), ["log"])]
    held = pd.concat(tables, ignore_index=True)
    parts = [
        (part, measure)
        for part in ("existing", "new", "everyone")
        for measure in ("orders", "revenue")
    ]
    rows = []
    for log in held["log"].unique():
        own = held[held["log"] == log].set_index(["part", "measure"])
        cells = [f"{own.loc[key, 'held']:.0%}, {own.loc[key, 'half']:.0%}" for key in parts]
        rows.append([log, str(own["cuts"].max()), *cells])
    return markdown(["log", "cuts", *(" ".join(key) for key in parts)], rows)


def _customers_table(customers: pd.DataFrame) -> str:
    by = ["log", "horizon_months"]
    whole = of_customers(customers.assign(horizon_months="all"), by)
    table = pd.concat([of_customers(customers, by), whole], ignore_index=True)
    rows = [
        [row["log"], str(row["horizon_months"]), str(row["cuts"])]
        + [f"{row['p_order']:.3f}", f"{row['ordered']:.3f}", f"{row['difference']:+.3f}"]
        + [f"{row['deviance']:.3f}", f"{row['model_deviance']:.3f}"]
        + [f"{row['change']:+.1%}", f"{row['worst']:+.1%}", f"{row['processor_seconds']:.1f}"]
        for row in table.sort_values("log", kind="stable").to_dict("records")
    ]
    heads = ["log", "months", "cuts", "P(order)", "ordered", "difference", "deviance"]
    heads += ["MBG/NBD's", "change", "worst cut", "processor"]
    return markdown(heads, rows)


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", choices=LOGS, default=list(LOGS), help="logs")
    parser.add_argument("--horizons", nargs="+", type=int, default=list(HORIZONS), help="months")
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGKIT_DATA"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("say where the logs are: --data, or SEGKIT_DATA")
    return given


def main() -> None:
    """Write down what is said, and print the report as Markdown."""
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in given.only:
        asked(LOGS[name](given.data, given.folder), given.horizons, given.folder)
    totals, customers = (pd.read_csv(given.folder / name) for name in (TOTALS, CUSTOMERS))
    print(machine(), "\n")
    print(f"Cuts with {LONG} horizons of history or more:\n")
    print_tables(totals[totals["is_long"]], customers[customers["is_long"]])
    print(f"All cuts, with {SHORT} horizons and {LEAST_MONTHS} months or more:\n")
    print_tables(totals, customers)


if __name__ == "__main__":
    main()
