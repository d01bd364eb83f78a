"""Customers made by the models themselves, and CDNOW's, as Parquet: `x`, `t_x`, `T`, `monetary`.

python benchmarks/peers/simulate.py --law bg_nbd --customers 100000 --out customers.parquet
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

DAYS = 730
WEEK = 7.0
BG_NBD = {"r": 0.25, "alpha": 4.4, "a": 0.8, "b": 2.4}
PARETO_NBD = {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7}
SPEND = {"p": 6.25, "q": 3.74, "gamma": 15.4}
CDNOW_END = pd.Timestamp("1997-09-30")


def simulated(law: str, customers: int, seed: int = 1) -> pd.DataFrame:
    """Return customers with purchases on whole days, times in weeks.

    Parameters
    ----------
    law : {"bg_nbd", "pareto_nbd"}
    customers : int
        First purchases spread evenly over two years.
    seed : int
        The same seed gives the same customers.
    """
    rng = np.random.default_rng(seed)
    T = rng.integers(1, DAYS + 1, customers)
    rate, leaves, ends = _traits(rng, law, T)
    x, last = _purchase_days(rng, rate, leaves, ends)
    table = {"x": x, "t_x": last / WEEK, "T": T / WEEK, "monetary": _mean_spend(rng, x)}
    return pd.DataFrame(table)


def _traits(
    rng: np.random.Generator, law: str, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return purchases a day, the chance to leave after each, the day when all ends."""
    params = BG_NBD if law == "bg_nbd" else PARETO_NBD
    rate = rng.gamma(params["r"], 1 / (params["alpha"] * WEEK), len(T))
    if law == "bg_nbd":
        return rate, rng.beta(params["a"], params["b"], len(T)), T.astype(float)
    death = rng.gamma(params["s"], 1 / (params["beta"] * WEEK), len(T))
    with np.errstate(divide="ignore", over="ignore"):
        life = rng.exponential(size=len(T)) / death
    return rate, np.zeros(len(T)), np.minimum(T, life)


def _purchase_days(
    rng: np.random.Generator, rate: np.ndarray, leaves: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many days with a repeat purchase each customer has, and the last of them."""
    x, last = np.zeros(len(rate), dtype=np.int64), np.zeros(len(rate))
    now, here = np.zeros(len(rate)), np.arange(len(rate))
    while len(here):
        with np.errstate(divide="ignore", over="ignore"):
            now[here] += rng.exponential(size=len(here)) / rate[here]
        here = here[now[here] <= ends[here]]
        day = np.ceil(now[here])
        x[here] += day > last[here]
        last[here] = day
        here = here[rng.random(len(here)) >= leaves[here]]
    return x, last


def _mean_spend(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    scale = rng.gamma(SPEND["q"], 1 / SPEND["gamma"], len(x))
    bought = np.maximum(x, 1)
    return np.where(x > 0, rng.gamma(SPEND["p"] * bought) / (scale * bought), 0.0)


def cdnow(log: Path) -> pd.DataFrame:
    """Return the calibration histories of the CDNOW sample, as in Fader, Hardie and Lee (2005)."""
    lines = pd.read_parquet(log, columns=["sample_id", "date", "dollar_value"])
    lines = lines[lines["date"] <= CDNOW_END]
    days = lines.groupby(["sample_id", "date"], as_index=False)["dollar_value"].sum()
    first = days.groupby("sample_id")["date"].transform("min")
    days["repeat_value"] = days["dollar_value"].where(days["date"] > first, 0.0)
    grouped = days.groupby("sample_id")
    x, begun, last = grouped.size() - 1, grouped["date"].min(), grouped["date"].max()
    table = {
        "x": x,
        "t_x": (last - begun).dt.days / WEEK,
        "T": (CDNOW_END - begun).dt.days / WEEK,
        "monetary": grouped["repeat_value"].sum() / x.clip(lower=1),
    }
    return pd.DataFrame(table).reset_index(drop=True)


def main() -> None:
    """Write the customers that the command line asks for, and those who can have a mean spend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--law", choices=["bg_nbd", "pareto_nbd", "cdnow"], required=True)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--log", type=Path, help="CDNOW's order lines, a Parquet file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--spenders", type=Path, help="where to write those with a mean spend")
    given = parser.parse_args()
    table = cdnow(given.log) if given.law == "cdnow" else simulated(given.law, given.customers)
    table.to_parquet(given.out)
    if given.spenders:
        spent = (table["x"] > 0) & (table["monetary"] > 0)
        table[spent].reset_index(drop=True).to_parquet(given.spenders)


if __name__ == "__main__":
    main()
