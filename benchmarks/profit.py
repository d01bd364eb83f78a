"""Later profit found by rankings made before it: expected profit beside what is known without it.

python benchmarks/profit.py --data folder/of/logs
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from segkit.analysis.value import CustomerValue

CUTS = ("2015-01-01", "2016-01-01", "2017-01-01")
RESAMPLES = 1000
TOP = 0.2


def customer_table(days: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """Return what is known of customers at a cut, from their purchase days."""
    known = days[days["day"] < cut].groupby("customer")
    first, last = known["day"].min(), known["day"].max()
    table = pd.DataFrame({"x": known.size() - 1, "first_order": first})
    table["t_x"], table["T"] = (last - first).dt.days, (cut - first).dt.days
    table["orders"] = known.size()
    table["revenue"], table["profit"] = known["Sales"].sum(), known["Profit"].sum()
    return table.assign(aov=table["revenue"] / table["orders"], monetary_mean=np.nan)


def rankings(days: pd.DataFrame, cut: pd.Timestamp) -> tuple[pd.DataFrame, CustomerValue]:
    """Return each ranking's score of the cut's customers, and the profit of the year after it."""
    customers = customer_table(days, cut)
    known = days[days["day"] < cut]
    repeats = known[known["day"] > known.groupby("customer")["day"].transform("min")]
    repeats = repeats.groupby("day").size().rename("repeats").reset_index()
    value = CustomerValue(worth="profit", resamples=0).fit(customers, repeats)
    said = value.predict(customers)
    end = cut + pd.DateOffset(years=1)
    after = days[(days["day"] >= cut) & (days["day"] < end)].groupby("customer")
    scores = {
        "expected profit": said["clv"],
        "expected revenue": said["expected_revenue"],
        "past profit": customers["profit"],
        "past revenue": customers["revenue"],
        "past profit a purchase": customers["profit"] / customers["orders"],
        "came": after["Profit"].sum().reindex(customers.index).fillna(0.0),
    }
    return pd.DataFrame(scores), value


def share(score: np.ndarray, came: np.ndarray) -> float:
    """Return the share of what came that the best fifth by a score brought."""
    best = np.argsort(-score, kind="stable")[: int(np.ceil(TOP * len(score)))]
    return float(came[best].sum() / came.sum())


def rows(days: pd.DataFrame, cut: str) -> list[str]:
    """Return a row a ranking, as Markdown."""
    table, value = rankings(days, pd.Timestamp(cut))
    came, random = table["came"].to_numpy(), np.random.default_rng(42)
    draws = [random.integers(0, len(table), len(table)) for _ in range(RESAMPLES)]
    base = table["expected profit"].to_numpy()
    lines = []
    for name in table.columns.drop("came"):
        score = table[name].to_numpy()
        less = [share(score[draw], came[draw]) - share(base[draw], came[draw]) for draw in draws]
        low, high = np.quantile(less, [0.025, 0.975])
        versus = "" if name == "expected profit" else f"{low:+.3f} to {high:+.3f}"
        rank = spearmanr(score, came).statistic
        lines.append(f"| {cut} | {name} | {share(score, came):.3f} | {rank:.3f} | {versus} |")
    model, lost = value.profit_model, base < 0
    assert model is not None
    print(
        f"{cut}: {len(table)} customers, k = {model.k:.1f}, mean {model.params_['mean']:.2f}, "
        f"expected {base.sum():,.0f} (discounted), came {came.sum():,.0f}, "
        f"{lost.sum()} expected to lose {base[lost].sum():,.0f}, brought {came[lost].sum():,.0f}"
    )
    return lines


def main() -> None:
    """Print the report as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    lines = pd.read_parquet(parser.parse_args().data / "superstore_orders.parquet")
    lines = lines.assign(day=pd.to_datetime(lines["Order Date"]), customer=lines["Customer ID"])
    days = lines.groupby(["customer", "day"], as_index=False)[["Sales", "Profit"]].sum()
    found = [row for cut in CUTS for row in rows(days, cut)]
    print(
        "\n| cut | ranking by | found by the best fifth | rank correlation | less expected profit |"
    )
    print("|---|---|--:|--:|--:|")
    print("\n".join(found))


if __name__ == "__main__":
    main()
