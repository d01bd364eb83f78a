"""The customer table with events, and at several dates, beside the customer table alone.

    python benchmarks/lifecycle.py --lines 1000000 10000000 50000000 --memory 4GB

As many events as lines. Each run is a process of its own, one at a time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from contest import HERE, Contender, machine, versions_of
from customer_table import Runs, made_log, rows, run_once
from generate import default_folder

QUARTERS = 5


def made_events(folder: Path, events: int) -> Path:
    """Return the log of so many events, made in another process so that this one stays small."""
    command = [sys.executable, str(HERE / "generate.py"), "--events", "--lines", str(events)]
    command += ["--folder", str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(done.stdout.split("  ")[0])


def race(lines: int, given: argparse.Namespace) -> Runs:
    """Run the customer table alone, with events, and at several dates."""
    log, events = made_log(given.folder, lines), made_events(given.folder, lines)
    script = "segkit_table.py"
    contenders = (
        Contender("segkit", script),
        Contender("with events", script, options=("--events", str(events))),
        Contender(f"{QUARTERS} quarters", script, options=("--dates", str(QUARTERS))),
    )
    runs: Runs = {one.name: [] for one in contenders}
    with tempfile.TemporaryDirectory(dir=given.folder) as results:
        for _ in range(given.repeats):
            for one in contenders:
                out = Path(results) / "out.parquet"
                run = run_once(one, Path(sys.executable), log, out, given.memory, given.threads)
                runs[one.name].append(run)
                print(f"{lines:,} {one.name}: {run.problem or run.seconds}", file=sys.stderr)
    return runs


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--memory", default="4GB", help="limit of the engine")
    parser.add_argument("--threads", type=int, help="threads of the engine")
    parser.add_argument("--repeats", type=int, default=1, help="the median is reported")
    parser.add_argument("--folder", type=Path, default=default_folder())
    return parser.parse_args()


def main() -> None:
    """Print the report as Markdown."""
    given = arguments()
    races = {lines: race(lines, given) for lines in given.lines}
    print(f"{machine()}; memory limit {given.memory}; median of {given.repeats}\n")
    print("| lines and events | what | seconds | with imports | peak MB | times the table alone |")
    print("|--:|---|--:|--:|--:|--:|")
    for lines, runs in races.items():
        print("\n".join(rows(lines, runs)))
    print(f"\n{versions_of({'segkit': races[given.lines[0]]['segkit'][-1].versions})}")


if __name__ == "__main__":
    main()
