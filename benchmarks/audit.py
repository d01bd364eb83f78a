"""The customer-base audit beside the customer table, on logs that do not fit in memory at once.

    python benchmarks/audit.py --lines 1000000 10000000 --memory 4GB --threads 2

Each log is read, cleaned and summed by one process, and audited by another, which finds what the
first one wrote.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from contest import machine, measured
from customer_table import made_log
from generate import END, default_folder

from segkit import Study
from segkit.params import check_params

LENSES = {
    "one period": ("product", "spread", "deciles", "value_deciles"),
    "two periods": ("bought", "period_change", "factor_change", "decile_switching"),
    "one cohort": ("cohort_factors", "cohort_orders"),
    "cohorts compared": ("cohorts", "cohort_summary", "second_orders"),
    "the whole base": ("cohort_revenue", "base", "projection"),
}
COLUMNS = {
    "customer": "customer_id",
    "order": "order_id",
    "date": "date",
    "quantity": "quantity",
    "amount": "amount",
}


def study_of(given: argparse.Namespace, log: Path, run_dir: Path) -> Study:
    """Return the study of a log."""
    content = {
        "client": "benchmark",
        "currency": "EUR",
        "as_of": END,
        "orders": {"path": log.name, "columns": COLUMNS},
        "engine": {"memory_limit": given.memory, "threads": given.threads},
    }
    return Study(check_params(content), root=log.parent, run_dir=run_dir)


def timed(given: argparse.Namespace) -> None:
    """Make the customer table or the audit, and write down the seconds of each part."""
    study = study_of(given, given.log, given.run_dir)
    parts = {"customer table": ("customers",)} if given.step == "customers" else LENSES
    seconds: dict[str, float] = {}
    for part, names in parts.items():
        begun = time.perf_counter()
        for name in names:
            getattr(study if given.step == "customers" else study.audit, name)
        seconds[part] = time.perf_counter() - begun
    study.close()
    (given.run_dir / f"{given.step}.json").write_text(json.dumps(seconds), encoding="utf-8")


def race(lines: int, given: argparse.Namespace) -> list[str]:
    """Return the rows of one log: what each part took, in Markdown."""
    log, rows = made_log(given.folder, lines), []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for step in ("customers", "audit"):
            command = [sys.executable, __file__, "--step", step, "--log", str(log)]
            command += ["--run-dir", folder, "--memory", given.memory]
            command += ["--threads", str(given.threads)]
            done = measured(command)
            if done.problem:
                return [*rows, f"| {lines:,} | {step} | {done.problem} | |"]
            parts = json.loads((Path(folder) / f"{step}.json").read_text(encoding="utf-8"))
            whole = {"the audit in all": sum(parts.values())} if step == "audit" else {}
            rows += [
                f"| {lines:,} | {part} | {seconds:.2f} | {done.peak_mb:,.0f} |"
                for part, seconds in (parts | whole).items()
            ]
    return rows


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--memory", default="4GB", help="limit of the engine")
    parser.add_argument("--threads", type=int, default=2, help="threads of the engine")
    parser.add_argument("--folder", type=Path, default=default_folder())
    for name in ("step", "log", "run-dir"):
        parser.add_argument(
            f"--{name}", type=str if name == "step" else Path, help=argparse.SUPPRESS
        )
    return parser.parse_args()


def main() -> None:
    """Print the report as Markdown, or be one of its processes."""
    given = arguments()
    if given.step:
        timed(given)
        return
    print(f"{machine()}; memory limit {given.memory}; {given.threads} threads\n")
    print("| lines | part | seconds | peak MB of its process |\n|--:|---|--:|--:|")
    for lines in given.lines:
        print("\n".join(race(lines, given)), flush=True)
    packages = ("ibis-framework", "duckdb", "pandas")
    named = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"\npython {platform.python_version()}, {named}")


if __name__ == "__main__":
    main()
