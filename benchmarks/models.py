"""Purchase models and the spend model beside lifetimes and pymc-marketing: seconds, memory.

    SEGKIT_DATA=/data python benchmarks/models.py --sizes cdnow 10000 100000 1000000

Every contender fits in a fresh process of its own, one at a time, the same customers; the
log-likelihood that it reaches is counted by one function for all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from contest import PEERS, Contender, machine, measured, python_of, versions_of
from generate import default_folder

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CONTENDERS = (
    Contender("segkit", "segkit_models.py"),
    Contender("lifetimes", "lifetimes_models.py", "lifetimes", python="python3.11"),
    Contender("pymc-marketing", "pymc_models.py", "pymc", python="python3.12"),
)
MODELS = {"bg_nbd": "BG/NBD", "pareto_nbd": "Pareto/NBD", "gamma_gamma": "Gamma-Gamma"}
LARGEST = {"pareto_nbd": 100_000}
CDNOW = "cdnow"


@dataclass(frozen=True)
class Fit:
    """What one process made of one model: seconds of each fit, parameters, peak memory in MB."""

    seconds: list[float]
    peak_mb: float
    params: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    note: str = ""

    @property
    def first(self) -> float | None:
        return self.seconds[0] if self.seconds else None

    @property
    def later(self) -> float | None:
        return statistics.median(self.seconds[1:]) if len(self.seconds) > 1 else None


Fits = dict[str, Fit]
"""Each contender's fit of the same customers."""


def fitted(contender: Contender, model: str, customers: Path, given: argparse.Namespace) -> Fit:
    """Fit in a process of its own; what it had done when it was stopped counts."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [str(python_of(contender, given.folder)), str(PEERS / contender.script)]
        command += ["--model", model, "--customers", str(customers), "--report", str(report)]
        command += ["--repeats", str(given.repeats), *contender.options]
        done = measured(command, given.timeout, threads(given.threads))
        if not report.exists():
            return Fit([], done.peak_mb, problem=done.problem)
        held = json.loads(report.read_text(encoding="utf-8"))
    note = ", then ".join(filter(None, [held["note"], done.problem]))
    return Fit(held["seconds"], done.peak_mb, held["params"], held["versions"], note=note)


def threads(number: int | None) -> dict[str, str]:
    """Return the environment that holds linear algebra to so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return dict.fromkeys(names, str(number)) if number else {}


def race(model: str, size: str, given: argparse.Namespace) -> Fits:
    """Let all contenders fit a model to customers of that size."""
    customers = made_customers(model, size, given.folder)
    fits = {}
    for contender in CONTENDERS:
        if contender.name in given.only:
            fits[contender.name] = fit = fitted(contender, model, customers, given)
            print(
                f"{model} {size} {contender.name}: {fit.problem or fit.seconds} {fit.note}",
                file=sys.stderr,
            )
    return fits


def made_customers(model: str, size: str, folder: Path) -> Path:
    """Return the file of customers to fit, made in another process so that this one stays small.

    A process's peak memory counts that of the process that started it.
    """
    law = "pareto_nbd" if model == "pareto_nbd" else "bg_nbd"
    law = CDNOW if size == CDNOW else law
    everyone, spenders = (folder / f"{kind}_{law}_{size}.parquet" for kind in ("all", "spenders"))
    if not spenders.exists():
        command = [sys.executable, str(PEERS / "simulate.py"), "--law", law]
        command += ["--out", str(everyone), "--spenders", str(spenders)]
        if size == CDNOW:
            command += ["--log", str(Path(os.environ["SEGKIT_DATA"]) / "cdnow_sample.parquet")]
        else:
            command += ["--customers", size]
        subprocess.run(command, check=True)
    return spenders if model == "gamma_gamma" else everyone


def log_likelihood(model: str, params: dict[str, float], customers: pd.DataFrame) -> float:
    """Return the log-likelihood of customers at a contender's parameters."""
    if model == "bg_nbd":
        return float(_of_bg_nbd(params, customers).sum())
    if model == "gamma_gamma":
        return float(_of_gamma_gamma(params, customers).sum())
    from segkit.models import ParetoNBD

    history = (customers[name] for name in ("x", "t_x", "T"))
    return float(ParetoNBD(time_unit="weeks").with_params(params).log_likelihood(*history).sum())


def _of_bg_nbd(params: dict[str, float], customers: pd.DataFrame) -> np.ndarray:
    """Return each customer's term: Fader, Hardie and Lee (2005), section 4.2."""
    import numpy as np
    from scipy.special import betaln, gammaln

    x, t_x, T = (customers[name].to_numpy() for name in ("x", "t_x", "T"))
    r, alpha, a, b = (params[name] for name in ("r", "alpha", "a", "b"))
    rate = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stayed = betaln(a, b + x) - (r + x) * np.log(alpha + T)
    left = betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x)
    return rate - betaln(a, b) + np.logaddexp(stayed, np.where(x > 0, left, -np.inf))


def _of_gamma_gamma(params: dict[str, float], customers: pd.DataFrame) -> np.ndarray:
    """Return each customer's term: Fader and Hardie (2013), equation 1a."""
    import numpy as np
    from scipy.special import gammaln

    x, mean = customers["x"].to_numpy(), customers["monetary"].to_numpy()
    p, q, gamma = (params[name] for name in ("p", "q", "gamma"))
    shape = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
    own = (p * x - 1) * np.log(mean) + p * x * np.log(x)
    return shape + own - (p * x + q) * np.log(gamma + x * mean)


def rows(model: str, size: str, fits: Fits, folder: Path) -> list[str]:
    """Return Markdown rows: seconds, memory, log-likelihood, seconds as a multiple of the kit's."""
    import pandas as pd

    customers = pd.read_parquet(made_customers(model, size, folder))
    where = f"| {MODELS[model]} | {len(customers):,} |"
    own = fits.get("segkit", Fit([], 0))
    lines = []
    for name, fit in fits.items():
        if fit.problem:
            lines.append(f"{where} {name} | {fit.problem} | | {fit.peak_mb:,.0f} | | | |")
            continue
        name = f"{name} ({fit.note})" if fit.note else name
        reached = log_likelihood(model, fit.params, customers)
        ratios = f"{_ratio(fit.first, own.first)} | {_ratio(fit.later, own.later)}"
        seconds = f"{_text(fit.first)} | {_text(fit.later)}"
        lines.append(
            f"{where} {name} | {seconds} | {fit.peak_mb:,.0f} | {reached:,.2f} | {ratios} |"
        )
    return lines


def _text(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.3f}" if seconds < 10 else f"{seconds:.1f}"


def _ratio(seconds: float | None, own: float | None) -> str:
    if seconds is None or own is None:
        return ""
    return f"{seconds / own:,.2f}" if seconds / own < 10 else f"{seconds / own:,.0f}"


def scored(size: str, folder: Path) -> list[str]:
    """Return Markdown rows of the kit's scores of so many customers, on one core."""
    customers = made_customers("bg_nbd", size, folder)
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, str(PEERS / "segkit_scores.py"), "--customers", str(customers)]
        done = measured([*command, "--report", str(report)], environment=threads(1))
        if done.problem:
            return [f"| {int(size):,} | | {done.problem} | {done.peak_mb:,.0f} |"]
        seconds = json.loads(report.read_text(encoding="utf-8"))
    return [
        f"| {int(size):,} | {name} | {taken:.2f} | {done.peak_mb:,.0f} |"
        for name, taken in seconds.items()
    ]


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    names = [contender.name for contender in CONTENDERS]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", default=[CDNOW, "10000", "100000"])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--repeats", type=int, default=5, help="fits in each process")
    parser.add_argument(
        "--timeout", type=float, default=600, help="seconds that a process may take"
    )
    parser.add_argument("--score", nargs="*", default=["1000000"], help="customers to score")
    parser.add_argument("--threads", type=int, help="threads of linear algebra, for everyone")
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--folder", type=Path, default=default_folder())
    return parser.parse_args()


def main() -> None:
    """Print the report as Markdown."""
    given = arguments()
    given.folder.mkdir(parents=True, exist_ok=True)
    pairs = [
        (model, size)
        for model in given.models
        for size in given.sizes
        if size == CDNOW or int(size) <= LARGEST.get(model, int(size))
    ]
    for model in given.models:  # pymc keeps compiled code on disk: the first fit ever is not timed
        race(model, CDNOW, given)
    races = {pair: race(*pair, given) for pair in pairs}
    scores = [line for size in given.score for line in scored(size, given.folder)]
    limit = f"; threads of linear algebra: {given.threads}" if given.threads else ""
    print(f"{machine()}; up to {given.repeats} fits in each process{limit}\n")
    print("| model | customers | contender | first fit, s | later fits, s | peak MB ", end="")
    print("| log-likelihood | first / segkit | later / segkit |")
    print("|---|--:|---|--:|--:|--:|--:|--:|--:|")
    for (model, size), fits in races.items():
        print("\n".join(rows(model, size, fits, given.folder)))
    print("\n| customers | score | seconds | peak MB |\n|--:|---|--:|--:|")
    print("\n".join(scores))
    every = {name: fit.versions for fits in races.values() for name, fit in fits.items()}
    print(f"\n{versions_of(every)}")


if __name__ == "__main__":
    main()
