"""How well purchases and revenue after a cut are foretold: the kit, peers, baselines, boosting.

    SEGKIT_DATA=/data python benchmarks/accuracy.py

Real logs are cut in two. Everyone learns from what came before the cut, says how many purchase
days (and how much revenue) each customer will have in the holdout, and is held against them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from contest import PEERS, Contender, machine, measured, python_of, versions_of
from generate import default_folder
from logs import LOGS, WEEK, actual, between, histories
from sklearn.ensemble import HistGradientBoostingRegressor

RECENT_WEEKS = (4, 8, 13, 26)
FLOOR = 0.01
"""Fewer purchases count as so many in the deviance, which knows no zero."""
MODELS = {"bg_nbd": "BG/NBD", "mbg_nbd": "MBG/NBD", "pareto_nbd": "Pareto/NBD"}
CONTENDERS = (
    Contender("segkit", "segkit_models.py"),
    Contender("lifetimes", "lifetimes_models.py", "lifetimes", python="python3.11"),
    Contender(
        "pymc-marketing", "pymc_models.py", "pymc", python="python3.12",
        options=("--priors", "default"),
    ),
)  # fmt: skip
HOLDOUT = {"cdnow": 9, "superstore": 12, "online_retail": 3, "complete_journey": 3}
"""Months of it, of each log."""


@dataclass(frozen=True)
class Test:
    """A log of purchase days (`customer`, `day`, `value`), cut in two."""

    name: str
    days: pd.DataFrame
    cut: pd.Timestamp
    end: pd.Timestamp

    @property
    def holdout(self) -> int:
        """Days of it."""
        return (self.end - self.cut).days

    @property
    def history(self) -> int:
        """Days of it."""
        return (self.cut - self.days["day"].min()).days


@dataclass
class Forecast:
    """What one contender expects of each customer."""

    name: str
    orders: np.ndarray | None = None
    revenue: np.ndarray | None = None
    note: str = ""


@dataclass
class Result:
    """Everyone's forecasts, and what came."""

    test: Test
    actual: pd.DataFrame
    forecasts: list[Forecast] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def cut_in_two(name: str, given: argparse.Namespace) -> Test:
    """Return a log, cut so many months before its end."""
    log = LOGS[name](given.data, given.folder)
    return Test(log.name, log.days, log.end - pd.DateOffset(months=HOLDOUT[name]), log.end)


def contest(test: Test, given: argparse.Namespace) -> Result:
    """Return what everyone says of one test, and what came."""
    customers = histories(test.days, test.cut)
    result = Result(test, actual(test.days, test.cut, test.end))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "customers.parquet"
        customers.reset_index(drop=True).to_parquet(file)
        for contender in CONTENDERS:
            for model in MODELS:
                result.forecasts.append(of_model(contender, model, file, result, given))
    add_revenue(result, customers)
    result.forecasts += [same_again(test, customers), long_run_rate(test, customers)]
    result.forecasts.append(boosted(result, customers))
    return result


def of_model(
    contender: Contender, model: str, customers: Path, result: Result, given: argparse.Namespace
) -> Forecast:
    """Return a purchase model's expected orders, learnt in a process of its own."""
    name = f"{contender.name} {MODELS[model]}"
    report, orders = customers.with_name("report.json"), customers.with_name("orders.parquet")
    command = [str(python_of(contender, given.folder)), str(PEERS / contender.script)]
    command += ["--model", model, "--customers", str(customers), "--report", str(report)]
    command += ["--orders", str(orders), "--weeks", str(result.test.holdout / WEEK)]
    done = measured([*command, *contender.options], given.timeout)
    print(f"{result.test.name} {name}: {done.seconds:.1f} s {done.problem}", file=sys.stderr)
    if done.problem:
        return Forecast(name, note=done.problem)
    held = json.loads(report.read_text(encoding="utf-8"))
    result.versions[contender.name] = held["versions"]
    expected = pd.read_parquet(orders)["orders"].to_numpy()
    wrong = ~np.isfinite(expected)
    note = ", ".join(
        filter(None, [held["note"], f"{wrong.sum()} not finite" if wrong.any() else ""])
    )
    return Forecast(name, np.where(wrong, 0, expected), note=note)


def add_revenue(result: Result, customers: pd.DataFrame) -> None:
    """Give the kit's forecasts their revenue: expected spend times expected orders."""
    from segkit.models import GammaGamma

    x, monetary = customers["x"].to_numpy(), customers["monetary"].to_numpy()
    spend = GammaGamma().fit(x, monetary).expected_spend(x, monetary)
    for forecast in result.forecasts:
        if forecast.name.startswith("segkit") and forecast.orders is not None:
            forecast.revenue = forecast.orders * spend


def same_again(test: Test, customers: pd.DataFrame) -> Forecast:
    """Return what each customer did in a stretch as long, before the cut."""
    begin = test.cut - pd.Timedelta(days=test.holdout)
    past = between(test.days, begin, test.cut, customers.index)
    return Forecast("same again", past["orders"].to_numpy(), past["revenue"].to_numpy())


def long_run_rate(test: Test, customers: pd.DataFrame) -> Forecast:
    """Return repeat purchases a week so far, times the holdout's weeks."""
    rate = customers["x"] / customers["T"]
    return Forecast("long-run rate", (rate * test.holdout / WEEK).to_numpy())


def boosted(result: Result, customers: pd.DataFrame) -> Forecast:
    """Return what boosted trees expect that learnt from earlier cuts of the same log."""
    test = result.test
    window, cuts = earlier_cuts(test)
    scale = test.holdout / window.days
    seen = pd.concat([features(test.days, cut) for cut in cuts])
    came = pd.concat([actual(test.days, cut, cut + window) for cut in cuts])
    known = features(test.days, test.cut)
    said = {
        name: _booster().fit(seen, came[name]).predict(known) * scale
        for name in ("orders", "revenue")
    }
    result.notes.append(
        f"Boosting learnt from {len(cuts)} earlier cuts, {cuts[-1]:%Y-%m-%d} to "
        f"{cuts[0]:%Y-%m-%d}, and {len(seen):,} customers' {window.days} days after them"
        + (f" (times {scale:.2f}: too little history for {test.holdout})" if scale != 1 else "")
    )
    return Forecast("boosted trees", said["orders"], said["revenue"])


def _booster() -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss="poisson", learning_rate=0.05, max_iter=200, max_leaf_nodes=15, random_state=1
    )


def earlier_cuts(test: Test) -> tuple[pd.Timedelta, list[pd.Timestamp]]:
    """Return how long boosting looks ahead when it learns, and from where, latest first.

    Every label ends at or before the cut. The labels are as long as the holdout where as much
    history comes before them, otherwise a third of the history.
    """
    days = test.holdout if test.history >= 2 * test.holdout else test.history // 3
    back = range(days, test.history - days + 1, max(days // 4, 1))
    return pd.Timedelta(days=days), [test.cut - pd.Timedelta(days=ago) for ago in back]


def features(days: pd.DataFrame, cut: pd.Timestamp) -> pd.DataFrame:
    """Return what is known of each customer at a cut; times in weeks."""
    table = histories(days, cut)
    before = days[days["day"] < cut].sort_values(["customer", "day"])
    gaps = before.groupby("customer")["day"].diff().dt.days.groupby(before["customer"])
    table["recency"] = table["T"] - table["t_x"]
    table["rate"] = table["x"] / table["T"]
    table["mean_gap"], table["sd_gap"] = gaps.mean(), gaps.std()
    for weeks in RECENT_WEEKS:
        begin = cut - pd.Timedelta(weeks=weeks)
        table[f"orders_{weeks}"] = between(days, begin, cut, table.index)["orders"]
    table["value"] = before.groupby("customer")["value"].sum()
    # Last: trees break ties by the order of features.
    table["mean_value"] = table.pop("mean_value")
    return table


def rows(result: Result) -> list[str]:
    """Return Markdown rows, one a contender."""
    return [_row(forecast, result.actual) for forecast in result.forecasts]


def _row(forecast: Forecast, actual: pd.DataFrame) -> str:
    name = f"{forecast.name} ({forecast.note})" if forecast.note else forecast.name
    cells = [""] * 8
    if forecast.orders is not None:
        came, said = actual["orders"].to_numpy(), forecast.orders
        errors = [mae(came, said), rmse(came, said), spearman(came, said), said.sum() / came.sum()]
        cells[:5] = [f"{value:.3f}" for value in [*errors, deviances(came, said).mean()]]
    if forecast.revenue is not None:
        came, said = actual["revenue"].to_numpy(), forecast.revenue
        cells[5:] = [
            f"{mae(came, said):,.2f}",
            f"{spearman(came, said):.3f}",
            f"{said.sum() / came.sum():.3f}",
        ]
    return f"| {name} | {' | '.join(cells)} |"


def mae(came: np.ndarray, said: np.ndarray) -> float:
    return float(np.abs(came - said).mean())


def rmse(came: np.ndarray, said: np.ndarray) -> float:
    return float(np.sqrt(((came - said) ** 2).mean()))


def spearman(came: np.ndarray, said: np.ndarray) -> float:
    """Return the correlation of ranks; equal values share one."""
    return float(pd.Series(came).corr(pd.Series(said), method="spearman"))


def deviances(came: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return each customer's Poisson deviance."""
    said = np.maximum(said, FLOOR)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(came > 0, came * np.log(came / said), 0.0)
    return 2 * (ratio - (came - said))


def against_boosting(result: Result) -> str:
    """Return boosting's deviance less that of the kit's models, with 95 % intervals."""
    came = result.actual["orders"].to_numpy()
    theirs = next(one.orders for one in result.forecasts if one.name == "boosted trees")
    texts = []
    for one in result.forecasts:
        if one.name.startswith("segkit") and one.orders is not None:
            less = deviances(came, theirs) - deviances(came, one.orders)
            spread = 1.96 * less.std(ddof=1) / np.sqrt(len(less))
            texts.append(f"{less.mean():+.3f} ± {spread:.3f} ({one.name.removeprefix('segkit ')})")
    return "Boosting's deviance less the kit's: " + ", ".join(texts)


def print_result(result: Result) -> None:
    """Print one test as Markdown."""
    test, came = result.test, result.actual
    print(f"\n#### {test.name}\n")
    print(
        f"{len(came):,} customers; {test.history} days of history to {test.cut:%Y-%m-%d}, "
        f"{test.holdout} days of holdout with {came['orders'].sum():,.0f} purchase days and "
        f"{came['revenue'].sum():,.0f} of revenue. {'. '.join(result.notes)}.\n"
    )
    print("| contender | MAE | RMSE | Spearman | total / actual | deviance ", end="")
    print("| revenue MAE | revenue Spearman | revenue total / actual |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    print("\n".join(rows(result)))
    print(f"\n{against_boosting(result)}.")


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=HOLDOUT, default=list(HOLDOUT))
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds that a process may take"
    )
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGKIT_DATA"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("say where the logs are: --data, or SEGKIT_DATA")
    return given


def main() -> None:
    """Print the report as Markdown."""
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    results = [contest(cut_in_two(name, given), given) for name in given.only]
    print(machine())
    for result in results:
        print_result(result)
    print(f"\n{versions_of({k: v for one in results for k, v in one.versions.items()})}")


if __name__ == "__main__":
    main()
