"""Products to offer: seconds and memory by size; how often they name what is bought next.

    python benchmarks/products.py --lines 1000000 10000000 --products 50000
    SEGKIT_DATA=/data python benchmarks/products.py --accuracy
    SEGKIT_DATA=/data python benchmarks/products.py --accuracy --alone --back 0 3 6

Each step is a process of its own, one at a time, and finds what the earlier ones wrote. The
accuracy is that of the study's own test, beside recommenders of `implicit` that learn from the
same purchases and name products to the same customers.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from contest import HERE, PEERS, Contender, machine, measured, python_of, versions_of
from customer_table import Run
from generate import END, default_folder
from scipy import sparse

from segkit import Study
from segkit.analysis.affinity import NOTHING, hits
from segkit.analysis.intervals import wilson
from segkit.data.interests import bought_between
from segkit.params import load_params
from segkit.study.hit_rates import QUESTIONS, TOP, HitRates

STEPS = ("customers", "products", "affinities", "table")
OFFERS = STEPS[1:]
"""The customer table is there anyhow."""
KIT = Contender("segkit", "segkit_offers.py")
JOURNEY = Contender("Complete Journey", "journey_lines.py", "journey")
IMPLICIT = Contender("implicit", "implicit_offers.py", "implicit", python="python3.11")
CLIENTS = {
    "online_retail_ii": HERE.parent / "params/online_retail_ii.yaml",
    "superstore": HERE.parent / "params/superstore.yaml",
    "tienda_demo": HERE.parent / "params/tienda_demo.yaml",
    "complete_journey": PEERS / "complete_journey.yaml",
}
COUNTED = ("hit_rate", "hit_rate_low", "hit_rate_high", "recall", "coverage")


# Speed ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepRun(Run):
    """What one step took; `processor_seconds` are those of all its threads, imports too."""

    processor_seconds: float = float("nan")


def race(lines: int, given: argparse.Namespace) -> dict[str, list[StepRun]]:
    """Run the steps of the offers on a log of so many lines."""
    log = made_log(given.folder, lines, given.products)
    runs: dict[str, list[StepRun]] = {step: [] for step in STEPS}
    for _ in range(given.repeats):
        with tempfile.TemporaryDirectory(dir=given.folder) as run_dir:
            for step in STEPS:
                run = run_step(step, log, Path(run_dir), given)
                runs[step].append(run)
                print(f"{lines:,} {step}: {run.problem or f'{run.seconds:.2f} s'}", file=sys.stderr)
    return runs


def made_log(folder: Path, lines: int, products: int) -> Path:
    """Return the log, made in another process so that this one stays small."""
    command = [sys.executable, str(HERE / "generate.py"), "--lines", str(lines)]
    command += ["--products", str(products), "--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(done.stdout.split("  ")[0])


def run_step(step: str, log: Path, run_dir: Path, given: argparse.Namespace) -> StepRun:
    """Run one step in a process of its own, and measure that process alone."""
    report = run_dir / f"{step}.json"
    command = [sys.executable, str(PEERS / KIT.script), "--step", step, "--log", str(log)]
    command += ["--run-dir", str(run_dir), "--report", str(report), "--as-of", END]
    command += ["--memory", given.memory, "--threads", str(given.threads)]
    threads = {f"{name}_NUM_THREADS": str(given.threads) for name in ("OMP", "OPENBLAS")}
    done = measured(command, environment=threads)
    if done.problem:
        return StepRun(float("nan"), done.seconds, done.peak_mb, problem=done.problem)
    held = json.loads(report.read_text(encoding="utf-8"))
    return StepRun(
        held["seconds"],
        done.seconds,
        done.peak_mb,
        held["versions"],
        processor_seconds=held["processor"],
    )


def step_rows(lines: int, runs: dict[str, list[StepRun]]) -> list[str]:
    """Return Markdown rows: medians over the repeats, and those of all offers together."""
    names = {"seconds": "seconds", "whole_seconds": "whole", "processor_seconds": "processor"}
    medians = {
        step: {
            name: statistics.median(getattr(run, of) for run in held) for of, name in names.items()
        }
        for step, held in runs.items()
    }
    table = pd.DataFrame(medians).T
    table["peak"] = {step: max(run.peak_mb for run in held) for step, held in runs.items()}
    offers = table.loc[list(OFFERS)]
    together = offers.sum()
    together["peak"] = offers["peak"].max()
    table.loc["offers in all"] = together
    return [
        f"| {lines:,} | {name} | {row['seconds']:.2f} | {row['whole']:.2f} | {row['processor']:.2f} "
        f"| {row['peak']:,.0f} | {row['seconds'] / lines * 1e6:.2f} |"
        for name, row in table.iterrows()
    ]


def print_speed(given: argparse.Namespace) -> None:
    """Print seconds and memory as Markdown."""
    races = {lines: race(lines, given) for lines in given.lines}
    print(
        f"{machine()}; {given.products:,} products; memory limit {given.memory}; "
        f"{given.threads} threads; median of {given.repeats}\n"
    )
    print("| lines | what | seconds | with imports | processor | peak MB ", end="")
    print("| seconds a million lines |")
    print("|--:|---|--:|--:|--:|--:|--:|")
    for lines, runs in races.items():
        print("\n".join(step_rows(lines, runs)))
    print(f"\n{versions_of({'segkit': races[given.lines[0]]['table'][-1].versions})}")


# Accuracy ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What the recommenders may know, and what came, in numbers of customers and products.

    Parameters
    ----------
    pairs : DataFrame
        `customer`, `product` and `days` of every purchase before the cut.
    tested : DataFrame
        `customer`: who is tested, the same as in the kit's test.
    products : DataFrame
        `is_offered`, one row a product.
    came : sparse matrix, tested × products
        What they have bought since, of the products known at the cut.
    best_sellers : array
        The ten best-selling products on offer, for those of whom nothing is known.
    """

    pairs: pd.DataFrame
    tested: pd.DataFrame
    products: pd.DataFrame
    came: sparse.csr_matrix
    best_sellers: np.ndarray

    def wanted(self, question: str) -> sparse.csr_matrix:
        """Return what counts as bought: everything, or what was never bought before."""
        if question == "any_product":
            return self.came
        owned = table_of(self.pairs, self.tested, len(self.products))
        return (self.came - self.came.multiply(owned)).tocsr()


def table_of(pairs: pd.DataFrame, tested: pd.DataFrame, products: int) -> sparse.csr_matrix:
    """Return 1 where a tested customer bought a product."""
    row = pd.Index(tested["customer"]).get_indexer(pairs["customer"])
    place = (row[row >= 0], pairs["product"].to_numpy()[row >= 0])
    ones = np.ones(len(place[0]), dtype="float32")
    return sparse.csr_matrix((ones, place), shape=(len(tested), products))


def known_at_cut(evidence: HitRates) -> Known:
    """Return the purchases that the kit's test has learnt from, and those it is held against."""
    offers = evidence.then.offers
    interests = offers.interests.select("customer_id", "product_id", "days").to_pandas()
    since = bought_between(
        evidence.base.lines, evidence.test.cut, evidence.base.as_of, evidence.customers
    ).to_pandas()
    customers = pd.Index(interests["customer_id"].unique()).union(evidence.customers, sort=False)
    places = pd.Index(offers.products["product_id"])
    interests, since = (
        table.assign(
            customer=customers.get_indexer(table["customer_id"]),
            product=places.get_indexer(table["product_id"]),
        )
        for table in (interests, since)
    )
    tested = np.sort(customers.get_indexer(evidence.customers))
    tested = pd.DataFrame({"customer": tested})
    pairs = interests.loc[interests["days"] > 0, ["customer", "product", "days"]]
    products = offers.products[["is_offered"]]
    came = table_of(since[since["product"] >= 0], tested, len(products))
    sellers = offers.products["popularity"].where(products["is_offered"], -1.0)
    best = sellers.sort_values(ascending=False, kind="stable").index[:TOP].to_numpy()
    return Known(pairs, tested, products, came, best)


def contest(name: str, given: argparse.Namespace) -> tuple[pd.DataFrame, str, dict[str, str]]:
    """Return every list's figures on one log, what was tested, and the versions of `implicit`."""
    print(name, file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        study = Study(load_params(CLIENTS[name]), root=given.folder, run_dir=scratch)
        evidence = study.hit_rates
        ours = evidence.table
        known = known_at_cut(evidence)
        learnt = replace(known, pairs=known.pairs.assign(days=1)) if given.once else known
        theirs, versions = of_implicit(learnt, Path(scratch), given)
        pairs, offered = len(known.pairs), int(known.products["is_offered"].sum())
        about = (
            f"{name}: {pairs:,} pairs of {known.pairs['customer'].nunique():,} customers and "
            f"{known.pairs['product'].nunique():,} products before {evidence.test.cut}, "
            f"{offered:,} on offer"
        )
        study.close()
    require_same_customers(ours, theirs)
    return pd.concat([ours, theirs]).assign(log=name), about, versions


def of_implicit(
    known: Known, scratch: Path, given: argparse.Namespace
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the figures of each recommender of `implicit`, and versions."""
    command = [str(python_of(IMPLICIT, given.folder)), str(PEERS / IMPLICIT.script)]
    for name in ("pairs", "tested", "products"):
        getattr(known, name).to_parquet(scratch / f"{name}.parquet", index=False)
        command += [f"--{name}", str(scratch / f"{name}.parquet")]
    out, report = scratch / "offers.parquet", scratch / "report.json"
    done = measured([*command, "--out", str(out), "--report", str(report)])
    if done.problem:
        raise SystemExit(f"implicit: {done.problem}")
    rows = []
    for (question, name), offered in pd.read_parquet(out).groupby(["question", "recommender"]):
        rows.append(
            {"question": question, "list": f"implicit {name}"} | figures(offered, known, question)
        )
    return pd.DataFrame(rows), json.loads(report.read_text(encoding="utf-8"))


def figures(offered: pd.DataFrame, known: Known, question: str) -> dict[str, float]:
    """Return what `HitRates.table` says of a list, of one recommender's offers."""
    places = np.full((len(known.tested), TOP), NOTHING)
    row = pd.Index(known.tested["customer"]).get_indexer(offered["customer"])
    places[row, offered["rank"]] = offered["product"]
    unknown = (places == NOTHING).all(axis=1)  # of whom a recommender knows nothing
    places[unknown] = known.best_sellers
    wanted = known.wanted(question)
    bought = np.asarray(wanted.sum(axis=1)).ravel()
    counts = hits(places, wanted)[bought > 0]
    low, high = wilson(int((counts > 0).sum()), len(counts))
    return {
        "customers": len(counts),
        "hit_rate": float((counts > 0).mean()),
        "hit_rate_low": low,
        "hit_rate_high": high,
        "recall": float((counts / bought[bought > 0]).mean()),
        "coverage": offered["product"].nunique() / int(known.products["is_offered"].sum()),
    }


def require_same_customers(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Stop when a recommender was not held against the customers of the kit's own test."""
    for question in QUESTIONS:
        counts = {
            frozenset(table.loc[table["question"] == question, "customers"])
            for table in (ours, theirs)
        }
        if len(counts) > 1:
            raise SystemExit(f"{question}: different customers were tested: {counts}")


def accuracy_rows(table: pd.DataFrame) -> list[str]:
    """Return Markdown rows, one a log and list."""
    return [
        f"| {log} | {name.replace('_', ' ')} | {' | '.join(_answers(held.set_index('question')))} |"
        for (log, name), held in table.groupby(["log", "list"], sort=False)
    ]


def _answers(held: pd.DataFrame) -> list[str]:
    return [
        cell
        for question in QUESTIONS
        for cell in (_cells(held.loc[question]) if question in held.index else [""] * 5)
    ]


def _cells(row: pd.Series) -> list[str]:
    rate, low, high, recall, coverage = (f"{100 * row[name]:.1f}" for name in COUNTED)
    times = f"{row['times_best_sellers']:.2f}"
    return [f"{row['customers']:,.0f}", f"{rate} ({low}–{high})", recall, coverage, times]


def against_best_sellers(table: pd.DataFrame) -> pd.DataFrame:
    """Return the figures with every hit rate as a multiple of that of the best sellers."""
    sellers = table[table["list"] == "best_sellers"].set_index(["log", "question"])["hit_rate"]
    usual = pd.MultiIndex.from_frame(table[["log", "question"]]).map(sellers)
    return table.assign(times_best_sellers=table["hit_rate"] / usual)


def alone(name: str, given: argparse.Namespace) -> pd.DataFrame:
    """Return the figures of the kit's own lists on one log that ends at several dates."""
    params, found = load_params(CLIENTS[name]), []
    if given.horizon:
        test = params.evidence.model_copy(update={"horizon_months": given.horizon})
        params = params.model_copy(update={"evidence": test})
    with tempfile.TemporaryDirectory(dir=given.folder) as scratch:
        study = Study(params, root=given.folder, run_dir=scratch)
        for back in given.back:
            print(f"{name}, {back} months back", file=sys.stderr)
            ends = study.at(study.months_before(back)) if back else study
            if ends.hit_rates.ready:
                log = f"{name}, from {ends.hit_rates.test.cut}"
                found.append(ends.hit_rates.table.assign(log=log))
        study.close()
    return pd.concat(found) if found else pd.DataFrame()


def print_alone(given: argparse.Namespace) -> None:
    """Print the same of the kit's own lists alone, which needs no peers' environment."""
    made_journey(given)
    print_table(pd.concat([alone(name, given) for name in given.only]))


def made_journey(given: argparse.Namespace) -> None:
    """Write the lines of Complete Journey, where they are wanted and not there."""
    os.environ["SEGKIT_DATA"] = str(given.data)
    lines = given.folder / "complete_journey_lines.parquet"
    if "complete_journey" in given.only and not lines.exists():
        python = python_of(JOURNEY, given.folder)
        subprocess.run([str(python), str(PEERS / JOURNEY.script), str(lines)], check=True)


def print_accuracy(given: argparse.Namespace) -> None:
    """Print how often each list names what is bought next, as Markdown."""
    made_journey(given)
    tables, told, versions = zip(*(contest(name, given) for name in given.only), strict=True)
    print_table(against_best_sellers(pd.concat(tables)))
    print("\n" + ". ".join(told) + ".")
    print(f"\n{versions_of({'implicit': versions[0]})}")


def print_table(table: pd.DataFrame) -> None:
    """Print the figures of every list as Markdown."""
    print("| log | list | any product: customers | hit rate, % | recall, % | coverage, % ", end="")
    print("| times best sellers | new product: customers | hit rate, % | recall, % ", end="")
    print("| coverage, % | times best sellers |")
    print(f"|---|---|{'--:|' * 10}")
    print("\n".join(accuracy_rows(table)))


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--memory", default="4GB", help="limit of the engine")
    parser.add_argument("--threads", type=int, default=2, help="of the engine, and of arrays")
    parser.add_argument("--repeats", type=int, default=1, help="the median is reported")
    parser.add_argument("--accuracy", action="store_true", help="hit rates instead of seconds")
    parser.add_argument(
        "--once", action="store_true", help="implicit learns who bought, not how often"
    )
    parser.add_argument("--alone", action="store_true", help="the kit's lists only, no peers")
    parser.add_argument(
        "--back",
        type=int,
        nargs="+",
        default=[0],
        help="with --alone: months that each log ends early",
    )
    parser.add_argument("--horizon", type=int, help="with --alone: months of the test")
    parser.add_argument("--only", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGKIT_DATA"))
    parser.add_argument("--folder", type=Path, default=default_folder())
    given = parser.parse_args()
    if given.accuracy and given.data is None:
        parser.error("say where the logs are: --data, or SEGKIT_DATA")
    return given


def main() -> None:
    """Print the report as Markdown."""
    given = arguments()
    given.folder = given.folder.resolve()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.accuracy:
        print_alone(given) if given.alone else print_accuracy(given)
    else:
        print_speed(given)


if __name__ == "__main__":
    main()
