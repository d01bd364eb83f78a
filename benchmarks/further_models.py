"""Do even gaps, or customers' traits, foretell purchases better than MBG/NBD? Rolling cuts.

    SEGKIT_DATA=/data python benchmarks/further_models.py

Everyone learns from the purchase days before a cut, and is held against those within the horizon.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import deviances
from contest import PEERS, Contender, machine, python_of
from further_regular import KS, MBGCNBD, fitted, known, likelihoods
from further_traits import MBGNBDByTraits
from generate import default_folder
from logs import LOGS, WEEK, Cut, Log, actual, complete_journey, cuts, histories

from segkit.models import MBGNBD

HORIZONS = (3, 6, 12)
BANDS = ("low", "middle", "high")
SURE = 0.01
"""A trait passes whose likelihood-ratio test has a smaller p-value."""
RESAMPLES = 1_000
LATE = 2.0
"""Who has been silent for longer than so many of their mean gaps is late."""
SURVEY = Contender("Complete Journey", "journey_traits.py", "journey")

PLAIN = "MBG/NBD"
BY_LIKELIHOOD, BY_TEST = "k by likelihood", "k by test"
AMOUNT, LEAVING = "first amount", "first amount, leaving too"
ALL_TRAITS, PASSING = "all traits", "traits that pass"
REGULAR = (*(f"k = {k}" for k in KS[1:]), BY_LIKELIHOOD, BY_TEST)
WITH_TRAITS = (AMOUNT, LEAVING, ALL_TRAITS, PASSING)


@dataclass(frozen=True)
class Forecast:
    """What one contender says of each customer at a cut, and what it chose, if it had to."""

    orders: np.ndarray
    any_order: np.ndarray
    choice: str = ""


@dataclass(frozen=True)
class Score:
    """How one contender did at one cut."""

    log_total: float
    p_order_gap: float
    deviance: float
    change: float
    """Of deviance against the plain model, as a share."""
    clear: int
    """1 where that is clearly better than the plain model, -1 where clearly worse, else 0."""
    choice: str


@dataclass
class Cell:
    """A log at one horizon: each contender's scores, one a cut."""

    log: str
    horizon: int
    customers: list[int] = field(default_factory=list)
    scores: dict[str, list[Score]] = field(default_factory=dict)

    @property
    def cuts(self) -> int:
        return len(self.customers)


# Traits ---------------------------------------------------------------------------------


def superstore_traits(data: Path, folder: Path) -> pd.DataFrame:
    lines = pd.read_parquet(data / "superstore_orders.parquet")
    names = {"Segment": "segment", "Region": "first region", "Category": "first category"}
    return _of_first_day(lines, "Customer ID", "Order Date", lines["Sales"], names)


def online_retail_traits(data: Path, folder: Path) -> pd.DataFrame:
    lines = pd.read_parquet(data / "online_retail_ii_2009_2010.parquet")
    sold = ~lines["Invoice"].str.startswith("C") & (lines["Quantity"] > 0) & (lines["Price"] > 0)
    lines = lines[sold & lines["Customer ID"].notna()]
    value = lines["Quantity"] * lines["Price"]
    return _of_first_day(lines, "Customer ID", "InvoiceDate", value, {"Country": "country"})


def tienda_demo_traits(data: Path, folder: Path) -> pd.DataFrame:
    from segkit.data.demo import shop

    file = shop.path(folder, "tienda_demo/pedidos.csv")
    lines = pd.read_csv(file, sep=";", decimal=",", encoding="utf-8-sig", dtype={"cliente": str})
    lines["day"] = pd.to_datetime(lines["fecha"], format="%d/%m/%Y %H:%M", errors="coerce")
    sold = (lines["estado"] != "cancelado") & (lines["producto_id"] != shop.POSTAGE[0])
    lines = lines[sold & lines["cliente"].notna() & lines["day"].notna()]
    names = {"canal": "first channel", "categoria": "first category"}
    value = lines["cantidad"] * lines["precio"]
    return _of_first_day(lines, "cliente", "day", value, names)


def survey_traits(data: Path, folder: Path) -> pd.DataFrame:
    file = folder / "complete_journey_traits.parquet"
    if not file.exists():
        python = python_of(SURVEY, folder)
        subprocess.run([str(python), str(PEERS / SURVEY.script), str(file)], check=True)
    traits = pd.read_parquet(file).rename(columns={"household_size": "household size"})
    return traits.set_index("household_id").rename_axis("customer")


def surveyed(data: Path, folder: Path) -> Log:
    """Return Complete Journey's households whose age, income and size are known."""
    log = complete_journey(data, folder)
    days = log.days[log.days["customer"].isin(survey_traits(data, folder).index)]
    return Log("Complete Journey, surveyed", days, log.end)


EVERY_LOG = LOGS | {"surveyed": surveyed}
TRAITS: dict[str, Callable[[Path, Path], pd.DataFrame]] = {
    "superstore": superstore_traits,
    "online_retail": online_retail_traits,
    "tienda_demo": tienda_demo_traits,
    "surveyed": survey_traits,
}
"""What a log tells of its customers besides what the first day was worth."""


def _of_first_day(
    lines: pd.DataFrame, customer: str, date: str, value: pd.Series, names: dict[str, str]
) -> pd.DataFrame:
    """Return the traits of the dearest line of each customer's first day."""
    table = lines.assign(customer=lines[customer], day=lines[date].dt.normalize(), value=value)
    table = table[table["value"] > 0].sort_values(["day", "value"], ascending=[True, False])
    first = table.drop_duplicates("customer").set_index("customer")
    return first[list(names)].rename(columns=names).fillna("none").astype(str)


def traits_at(log: Log, fixed: pd.DataFrame | None, who: pd.Index, cut: Cut) -> pd.DataFrame:
    """Return the traits of customers at a cut: the third that the first day's value is in, others."""
    days = log.days[log.days["day"] < cut.day].sort_values("day")
    first = days.drop_duplicates("customer").set_index("customer")["value"].reindex(who)
    edges = np.quantile(first, [1 / 3, 2 / 3])
    table = pd.DataFrame({AMOUNT: np.array(BANDS)[np.searchsorted(edges, first)]}, index=who)
    return table if fixed is None else table.join(fixed.reindex(who).fillna("none"))


# Contenders -----------------------------------------------------------------------------


def history_at(log: Log, cut: pd.Timestamp) -> pd.DataFrame:
    """Return `x`, `t_x`, `T` (weeks) of everyone, and the sum of logs of the weeks between."""
    days = log.days[log.days["day"] < cut].sort_values(["customer", "day"])
    gaps = np.log(days.groupby("customer")["day"].diff().dt.days / WEEK)
    return histories(log.days, cut).assign(log_gaps=gaps.groupby(days["customer"]).sum())


def forecasts(log: Log, fixed: pd.DataFrame | None, cut: Cut, horizon: int) -> dict[str, Forecast]:
    """Return what everyone says at one cut."""
    history, weeks = history_at(log, cut.day), (cut.end - cut.day).days / WEEK
    base = plain(history, weeks)
    said = {PLAIN: base} | regular(history, weeks, base)
    k = k_by_test(log, cut, horizon)
    said[BY_TEST] = replace(base if k == 1 else said[f"k = {k}"], choice=f"{k}")
    return said | with_traits(history, traits_at(log, fixed, history.index, cut), weeks, base)


def plain(history: pd.DataFrame, weeks: float) -> Forecast:
    """Return the forecast of MBG/NBD."""
    model = MBGNBD().fit(*known(history))
    silent = model.order_probability(0, weeks, *known(history))
    return Forecast(model.expected_orders(weeks, *known(history)), 1 - silent)


def regular(history: pd.DataFrame, weeks: float, base: Forecast) -> dict[str, Forecast]:
    """Return the forecasts of each k > 1, and of the likeliest k, which may be 1."""
    models = fitted(history)
    reached = likelihoods(models, history)
    said = {f"k = {k}": _of_k(models[k], history, weeks) for k in KS[1:]}
    best = max(reached, key=lambda k: reached[k])
    said[BY_LIKELIHOOD] = replace(base if best == 1 else said[f"k = {best}"], choice=f"{best}")
    return said


def _of_k(model: MBGCNBD, history: pd.DataFrame, weeks: float) -> Forecast:
    orders = model.expected_orders(weeks, *known(history))
    return Forecast(orders, model.any_order(weeks, *known(history)))


def k_by_test(log: Log, cut: Cut, horizon: int) -> int:
    """Return the k with the smallest deviance in a horizon that ended at the cut."""
    begin = cut.day - pd.DateOffset(months=horizon)
    history, weeks = history_at(log, begin), (cut.day - begin).days / WEEK
    came = actual(log.days, begin, cut.day)["orders"].to_numpy()
    errors = {
        k: deviances(came, model.expected_orders(weeks, *known(history))).mean()
        for k, model in fitted(history).items()
    }
    return min(errors, key=lambda k: errors[k])


def with_traits(
    history: pd.DataFrame, traits: pd.DataFrame, weeks: float, base: Forecast
) -> dict[str, Forecast]:
    """Return the forecasts with each trait, with all, and with those that pass their test."""

    def asked(names: list[str], leaving: bool = False) -> Forecast:
        return _by_traits(history, traits[names], weeks, leaving)

    said = {name: asked([name]) for name in traits}
    said[LEAVING] = asked([AMOUNT], leaving=True)
    said[ALL_TRAITS] = asked(list(traits)) if len(traits.columns) > 1 else said[AMOUNT]
    passing = [name for name in traits if said[name].choice]
    together = asked(passing) if len(passing) > 1 else said[passing[0]] if passing else base
    said[PASSING] = replace(together, choice=f"{len(passing)}")
    return said


def _by_traits(
    history: pd.DataFrame, traits: pd.DataFrame, weeks: float, leaving: bool
) -> Forecast:
    model = MBGNBDByTraits(leaving=leaving).fit(history, traits)
    passed = "passes" if model.p_value_ < SURE else ""
    orders = model.expected_orders(weeks, history, traits)
    return Forecast(orders, model.any_order(weeks, history, traits), passed)


# Scores ---------------------------------------------------------------------------------


def score(forecast: Forecast, base: Forecast, came: np.ndarray) -> Score:
    """Hold a forecast against what came, and against the plain model's."""
    own, theirs = deviances(came, forecast.orders), deviances(came, base.orders)
    low, high = interval(own - theirs)
    return Score(
        log_total=float(np.log(forecast.orders.sum() / came.sum())),
        p_order_gap=float(forecast.any_order.mean() - (came > 0).mean()),
        deviance=float(own.mean()),
        change=float(own.mean() / theirs.mean() - 1),
        clear=int(high < 0) - int(low > 0),
        choice=forecast.choice,
    )


def interval(less: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the mean over customers."""
    random = np.random.default_rng(1)
    means = [random.choice(less, len(less)).mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def measured(name: str, given: argparse.Namespace) -> Iterator[Cell]:
    """Score everyone at all cuts of a log, and return a cell a horizon that has any."""
    log = EVERY_LOG[name](given.data, given.folder)
    fixed = TRAITS[name](given.data, given.folder) if name in TRAITS else None
    for horizon in given.horizons:
        cell = Cell(log.name, horizon)
        for cut in cuts(log, horizon):
            came = actual(log.days, cut.day, cut.end)["orders"].to_numpy()
            said = forecasts(log, fixed, cut, horizon)
            cell.customers.append(len(came))
            for who, forecast in said.items():
                cell.scores.setdefault(who, []).append(score(forecast, said[PLAIN], came))
            print(f"{log.name}, {horizon} months, {cut.day:%Y-%m-%d}", file=sys.stderr)
        if cell.cuts:
            yield cell


# Report ---------------------------------------------------------------------------------


def print_levels(cells: list[Cell]) -> None:
    """Print totals, P(order) and deviance of the plain model and of those that choose."""
    columns = (PLAIN, BY_LIKELIHOOD, AMOUNT, PASSING)
    print("\n| log | months | cuts | customers ", end="")
    print("".join(f"| {who}: total | P(order) | deviance " for who in columns) + "|")
    print("|---|--:|--:|--:|" + "--:|" * 3 * len(columns))
    for cell in cells:
        texts = [cell.log, f"{cell.horizon}", f"{cell.cuts}", _range(cell.customers)]
        for who in columns:
            texts += _levels(cell.scores[who])
        print(f"| {' | '.join(texts)} |")


def _levels(scores: list[Score]) -> list[str]:
    total = np.mean([abs(one.log_total) for one in scores])
    gap = np.mean([abs(one.p_order_gap) for one in scores])
    return [f"{total:.3f}", f"{gap:.3f}", f"{np.mean([one.deviance for one in scores]):.3f}"]


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def print_changes(cells: list[Cell], columns: tuple[str, ...], others: bool) -> None:
    """Print changes of deviance, and at how many cuts they are clear; `others`: single traits."""
    print(
        f"\n| log | months | cuts | {' | '.join(columns)} |" + (" other traits |" if others else "")
    )
    print("|---|--:|--:|" + "--:|" * len(columns) + ("---|" if others else ""))
    for cell in cells:
        texts = [cell.log, f"{cell.horizon}", f"{cell.cuts}"]
        texts += [_change(cell.scores[who]) for who in columns]
        if others:
            texts.append(", ".join(_others(cell)))
        print(f"| {' | '.join(texts)} |")


def _change(scores: list[Score]) -> str:
    better, worse = _clear(scores, 1), _clear(scores, -1)
    text = f"{np.mean([one.change for one in scores]):+.2%} ({better} / {worse})"
    chosen = Counter(one.choice for one in scores if one.choice)
    named = [f"{choice} × {count}" for choice, count in sorted(chosen.items())]
    return ": ".join([text, ", ".join(named)]) if named else text


def _others(cell: Cell) -> Iterator[str]:
    for who, scores in cell.scores.items():
        if who not in (PLAIN, *REGULAR, *WITH_TRAITS):
            yield f"{who} {_change(scores)}"


def _clear(scores: Iterable[Score], sign: int) -> int:
    return sum(one.clear == sign for one in scores)


def print_verdict(cells: list[Cell]) -> None:
    """Print, for each contender, at how many cuts and on which logs it is clearly better."""
    print("\n| contender | cuts | clearly better | clearly worse | better on most cuts of ", end="")
    print("| worst mean change of a log |\n|---|--:|--:|--:|---|---|")
    for who in (*REGULAR, *WITH_TRAITS):
        by_log: dict[str, list[Score]] = {}
        for cell in cells:
            by_log.setdefault(cell.log, []).extend(cell.scores[who])
        every = [one for scores in by_log.values() for one in scores]
        won = [log for log, scores in by_log.items() if 2 * _clear(scores, 1) > len(scores)]
        changes = {log: np.mean([one.change for one in scores]) for log, scores in by_log.items()}
        worst = max(changes, key=lambda log: changes[log])
        texts = [who, f"{len(every)}", f"{_clear(every, 1)}", f"{_clear(every, -1)}"]
        texts += [", ".join(won) or "none", f"{changes[worst]:+.2%} ({worst})"]
        print(f"| {' | '.join(texts)} |")


def print_late(logs: Iterable[Log], horizon: int) -> None:
    """Print what k = 1 and 2 say of late customers at the latest cut, and what came."""
    print(
        "\n| log | late | model | P(alive) | orders said | came | deviance, late | others ", end=""
    )
    print("|\n|---|--:|---|--:|--:|--:|--:|--:|")
    for log in logs:
        cut = cuts(log, horizon)[0]
        history, weeks = history_at(log, cut.day), (cut.end - cut.day).days / WEEK
        came = actual(log.days, cut.day, cut.end)["orders"].to_numpy()
        silent = (history["T"] - history["t_x"]) * history["x"]
        late = (silent > LATE * history["t_x"]).to_numpy() & (history["x"] > 0).to_numpy()
        for k in KS[:2]:
            model = MBGCNBD(k).fit(*known(history))
            said, alive = (
                model.expected_orders(weeks, *known(history)),
                model.p_alive(*known(history)),
            )
            errors = deviances(came, said)
            means = [alive[late].mean(), said[late].mean(), came[late].mean()]
            means += [errors[late].sum() / len(came), errors[~late].sum() / len(came)]
            texts = [log.name, f"{late.mean():.0%}", f"k = {k}", *(f"{one:.3f}" for one in means)]
            print(f"| {' | '.join(texts)} |")


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=EVERY_LOG, default=list(EVERY_LOG))
    parser.add_argument("--horizons", nargs="+", type=int, default=list(HORIZONS), help="months")
    parser.add_argument("--folder", type=Path, default=default_folder())
    parser.add_argument("--data", type=Path, default=os.environ.get("SEGKIT_DATA"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("say where the logs are: --data, or SEGKIT_DATA")
    given.data = Path(given.data)
    return given


def main() -> None:
    """Print the report as Markdown."""
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    cells = [cell for name in given.only for cell in measured(name, given)]
    print(machine())
    print_levels(cells)
    print_changes(cells, REGULAR, others=False)
    print_changes(cells, WITH_TRAITS, others=True)
    print_verdict(cells)
    logs = [EVERY_LOG[name](given.data, given.folder) for name in given.only]
    print_late(logs, min(given.horizons))


if __name__ == "__main__":
    main()
