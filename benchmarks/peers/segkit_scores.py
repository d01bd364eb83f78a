"""The kit's scores of fitted customers: seconds of each kind."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from segkit.models import BGNBD, GammaGamma

WEEKS, MONTHS, RATE = 52, 12, 0.1268


def main() -> None:
    """Write the seconds of every score of the customers that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    customers = pd.read_parquet(given.customers)
    seconds = {name: timed(score) for name, score in scores(customers).items()}
    given.report.write_text(json.dumps(seconds), encoding="utf-8")


def scores(customers: pd.DataFrame) -> dict[str, Callable[[], np.ndarray]]:
    """Return the scores by name, the models being fitted."""
    history = [customers[name].to_numpy() for name in ("x", "t_x", "T")]
    monetary = customers["monetary"].to_numpy()
    purchases = BGNBD(time_unit="weeks").fit(*history)
    spend = GammaGamma().fit(history[0], monetary)

    def clv() -> np.ndarray:
        value = spend.expected_spend(history[0], monetary)
        return purchases.clv(*history, value, months=MONTHS, discount_rate=RATE)

    return {
        "p_alive": lambda: purchases.p_alive(*history),
        "expected_orders": lambda: purchases.expected_orders(WEEKS, *history),
        "clv": clv,
    }


def timed(score: Callable[[], np.ndarray]) -> float:
    """Return the seconds that a score took."""
    begun = time.perf_counter()
    score()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
