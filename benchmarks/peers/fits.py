"""What every peer reports of a fitted model: seconds, parameters, predictions, versions."""

from __future__ import annotations

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

ENOUGH = 60
"""Seconds of fitting after which no further repeat is begun."""


class Tool(Protocol):
    """One package's way to fit.

    `customers` holds `x`, `t_x`, `T` (weeks) and `monetary`, one row a customer.
    """

    packages: tuple[str, ...]

    def prepared(self, model: str, customers: pd.DataFrame) -> Any: ...
    def fit(self, model: str, data: Any) -> Any: ...
    def params(self, fitted: Any) -> dict[str, float]: ...
    def orders(self, fitted: Any, data: Any, weeks: float) -> Any: ...


def report(tool: Tool) -> None:
    """Fit the model that the command line names, and write down what came of it."""
    given = arguments()
    data = tool.prepared(given.model, pd.read_parquet(given.customers))
    seconds: list[float] = []
    while len(seconds) < given.repeats and sum(seconds) < ENOUGH:
        begun = time.perf_counter()
        fitted = tool.fit(given.model, data)
        seconds.append(time.perf_counter() - begun)
        # After each fit, so that a process that is stopped in a later one has said something.
        given.report.write_text(json.dumps(told(tool, fitted, seconds)), encoding="utf-8")
    if given.orders:
        predicted = tool.orders(fitted, data, given.weeks)
        pd.DataFrame({"orders": predicted}).to_parquet(given.orders)


def told(tool: Tool, fitted: Any, seconds: list[float]) -> dict[str, Any]:
    """Return what is known after so many fits of the same data."""
    versions = {name: version(name) for name in tool.packages}
    return {
        "seconds": seconds,
        "params": tool.params(fitted),
        "note": getattr(tool, "note", ""),
        "versions": {"python": platform.python_version()} | versions,
    }


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--customers", type=Path, required=True, help="Parquet file")
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--orders", type=Path, help="where to write expected orders")
    parser.add_argument("--weeks", type=float, help="how far ahead these look")
    parser.add_argument("--priors", choices=["flat", "default"], default="flat")
    return parser.parse_args()
