"""The customer table beside hand-written SQL, pandas and lifetimes: seconds and memory.

    python benchmarks/customer_table.py --lines 1000000 10000000 50000000 --memory 4GB

Every contender works in a fresh process of its own, one at a time, on the same Parquet
log, and writes its result to Parquet.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from contest import HERE, PEERS, Contender, machine, measured, python_of, versions_of
from generate import END, default_folder

CONTENDERS = (
    Contender("segkit", "segkit_table.py"),
    Contender("sql", "sql_table.py", options=("--query", "all_columns.sql")),
    Contender("sql few", "sql_table.py", options=("--query", "few_columns.sql")),
    Contender("pandas", "pandas_table.py", "pandas"),
    Contender("lifetimes", "lifetimes_table.py", "lifetimes", python="python3.11"),
)


@dataclass(frozen=True)
class Run:
    """What one process took: seconds of work, seconds with imports, peak memory in MB."""

    seconds: float
    whole_seconds: float
    peak_mb: float
    versions: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def run_once(
    contender: Contender, python: Path, log: Path, out: Path, memory: str, threads: int | None
) -> Run:
    """Run a contender in a process of its own, and measure that process alone."""
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        report = Path(scratch) / "report.json"
        paths = {"log": log, "out": out, "report": report, "scratch": Path(scratch) / "spill"}
        command = [str(python), str(PEERS / contender.script), *contender.options]
        command += [word for name, path in paths.items() for word in (f"--{name}", str(path))]
        command += ["--as-of", END, "--memory", memory]
        command += ["--threads", str(threads)] if threads else []
        done = measured(command)
        if done.problem:
            return Run(float("nan"), done.seconds, done.peak_mb, problem=done.problem)
        held = json.loads(report.read_text(encoding="utf-8"))
    return Run(held["seconds"], done.seconds, done.peak_mb, held["versions"])


def check_all(results: dict[str, Path]) -> None:
    """Stop when a contender's result is not the kit's."""
    ours = results.pop("segkit", None)
    for name, theirs in results.items() if ours else ():
        command = [sys.executable, str(HERE / "compare.py"), str(ours), str(theirs)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{name} and segkit differ:\n{done.stdout}{done.stderr}")


Runs = dict[str, list[Run]]
"""Every run of each contender."""


def race(contenders: list[Contender], lines: int, given: argparse.Namespace) -> Runs:
    """Run all contenders on a log of so many lines; stop when their results differ."""
    log = made_log(given.folder, lines)
    with tempfile.TemporaryDirectory(dir=given.folder) as results:
        outs = {one.name: Path(results) / f"{one.name}.parquet" for one in contenders}
        runs: Runs = {one.name: [] for one in contenders}
        for _ in range(given.repeats):
            for one in contenders:
                python = python_of(one, given.folder)
                run = run_once(one, python, log, outs[one.name], given.memory, given.threads)
                runs[one.name].append(run)
                print(
                    f"{lines:,} {one.name}: {run.problem or f'{run.seconds:.2f} s'}",
                    file=sys.stderr,
                )
        if lines == min(given.lines):
            whole = [name for name, held in runs.items() if not held[-1].problem]
            check_all({name: outs[name] for name in whole})
    return runs


def made_log(folder: Path, lines: int) -> Path:
    """Return the log of so many lines, made in another process so that this one stays small.

    A process's peak memory counts that of the process that started it.
    """
    command = [sys.executable, str(HERE / "generate.py"), "--lines", str(lines)]
    command += ["--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(done.stdout.split("  ")[0])


def rows(lines: int, runs: Runs) -> list[str]:
    """Return Markdown rows: medians over the repeats, and seconds as a multiple of the kit's."""
    own = statistics.median(run.seconds for run in runs["segkit"]) if "segkit" in runs else None
    return [_row(lines, name, held, own) for name, held in runs.items()]


def _row(lines: int, name: str, runs: list[Run], own: float | None) -> str:
    problem = next((run.problem for run in runs if run.problem), "")
    peak = max(run.peak_mb for run in runs)
    if problem:
        return f"| {lines:,} | {name} | {problem} | | {peak:,.0f} | |"
    seconds = statistics.median(run.seconds for run in runs)
    whole = statistics.median(run.whole_seconds for run in runs)
    ratio = f"{seconds / own:.2f}" if own else ""
    return f"| {lines:,} | {name} | {seconds:.2f} | {whole:.2f} | {peak:,.0f} | {ratio} |"


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    names = [contender.name for contender in CONTENDERS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--memory", default="4GB", help="limit of segkit and of the SQL")
    parser.add_argument("--threads", type=int, help="threads of segkit and of the SQL")
    parser.add_argument("--repeats", type=int, default=1, help="the median is reported")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--folder", type=Path, default=default_folder())
    return parser.parse_args()


def main() -> None:
    """Print the report as Markdown."""
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    contenders = [one for one in CONTENDERS if one.name in given.only]
    races = {lines: race(contenders, lines, given) for lines in given.lines}
    print(f"{machine()}; memory limit {given.memory}; median of {given.repeats}\n")
    print("| lines | contender | seconds | with imports | peak MB | times segkit |")
    print("|--:|---|--:|--:|--:|--:|")
    for lines, runs in races.items():
        print("\n".join(rows(lines, runs)))
    runs = races[given.lines[0]]
    print(f"\n{versions_of({name: held[-1].versions for name, held in runs.items()})}")


if __name__ == "__main__":
    main()
