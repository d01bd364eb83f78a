"""What every contender reports of itself: seconds of work, imports apart, and versions."""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

Work = Callable[[argparse.Namespace], object]


def measure(work: Work, packages: Sequence[str]) -> None:
    """Do the work that the command line asks for, and write down how long it took.

    Parameters
    ----------
    work : callable
        Takes the arguments `log`, `out`, `as_of`, `memory`, `threads`,
        `scratch` and `query`.
    packages : sequence of str
        Whose versions are reported.
    """
    given = arguments()
    begun = time.perf_counter()
    work(given)
    seconds = time.perf_counter() - begun
    versions = {"python": platform.python_version()} | {name: version(name) for name in packages}
    given.report.write_text(json.dumps({"seconds": seconds, "versions": versions}))


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    for name in ("log", "out", "report", "scratch"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--memory", required=True)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--query", help="file of the SQL, beside the scripts")
    parser.add_argument("--events", type=Path, help="log of events")
    parser.add_argument("--dates", type=int, default=1, help="quarters to look at")
    return parser.parse_args()
