"""What every contender of `forecasts.py` says of a cut: a total over the horizon, in how long.

A contender is a function from a `Case` and a model's name to `Totals`; `report` reads the cases,
asks the contender, and writes down what it said.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fits import Tool

WEEK = 7.0


@dataclass(frozen=True)
class Case:
    """One log as it was known at a cut, and a horizon.

    `cut` is the first day that is not known, `end` the first after the horizon.
    """

    name: str
    folder: Path
    cut: pd.Timestamp
    end: pd.Timestamp

    @cached_property
    def days(self) -> pd.DataFrame:
        """Purchase days before the cut: `customer`, `day`, `value`."""
        return pd.read_parquet(self.folder / f"{self.name} days.parquet")

    @cached_property
    def customers(self) -> pd.DataFrame:
        """One row a customer: `x`, `t_x`, `T` (weeks), `monetary`, `mean_value`."""
        return pd.read_parquet(self.folder / f"{self.name} customers.parquet")

    @property
    def weeks(self) -> float:
        """Of the horizon."""
        return (self.end - self.cut).days / WEEK


@dataclass(frozen=True)
class Totals:
    """What the customers known at the cut do together over the horizon.

    `orders` are purchase days; `p_order` is the mean probability of at least one, where the
    contender has it.
    """

    orders: float
    p_order: float | None = None
    note: str = ""


Contender = Callable[[Case, str], Totals]
Chances = Callable[[Any, Any, float], np.ndarray | None]
"""Probabilities of at least one order, where a model has them: fitted model, data, weeks ahead."""


def of_tool(tool: Callable[[], Tool], chances: Chances | None = None) -> Contender:
    """Return the contender that fits a package's model and adds up what it expects of each.

    What is not finite counts as 0.
    """

    def say(case: Case, model: str) -> Totals:
        own = tool()
        data = own.prepared(model, case.customers)
        fitted = own.fit(model, data)
        orders = own.orders(fitted, data, case.weeks)
        finite = np.isfinite(orders)
        lost = "" if finite.all() else f"{(~finite).sum()} not finite"
        chance = chances(fitted, data, case.weeks) if chances else None
        p_order = None if chance is None else float(chance.mean())
        notes = filter(None, [getattr(own, "note", ""), lost])
        return Totals(float(orders[finite].sum()), p_order, ", ".join(notes))

    return say


def report(contender: Contender, packages: tuple[str, ...]) -> None:
    """Ask a contender for every case that the command line names, and write down what it says."""
    given = _arguments()
    held: dict[str, Any] = {
        "versions": {"python": platform.python_version()} | {it: version(it) for it in packages},
        "cases": {},
    }
    for case in cases_in(given.cases):
        begun, worked = time.perf_counter(), _processor_seconds()
        said = asdict(_asked(contender, case, given.model))
        took = {"processor_seconds": _processor_seconds() - worked}
        held["cases"][case.name] = said | took | {"seconds": time.perf_counter() - begun}
        # After each case, so that a process that is stopped in a later one has said something.
        given.report.write_text(json.dumps(held), encoding="utf-8")


def cases_in(file: Path) -> list[Case]:
    """Return the cases of a JSON file: `name`, `cut` and `end` of each, its tables beside it."""
    return [
        Case(one["name"], file.parent, pd.Timestamp(one["cut"]), pd.Timestamp(one["end"]))
        for one in json.loads(file.read_text(encoding="utf-8"))
    ]


def _asked(contender: Contender, case: Case, model: str) -> Totals:
    try:
        return contender(case, model)
    except Exception as error:
        # A contender that breaks at one cut is still asked about the others.
        told = " ".join(str(error).split())
        return Totals(float("nan"), note=f"{type(error).__name__}: {told}")


def _processor_seconds() -> float:
    """Return what all threads have worked so far, compilers that were started too."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=Path, required=True, help="JSON file")
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--model", default="")
    return parser.parse_args()
