"""lifetimes: its fitters, without a penalty unless they do not converge without one."""

from __future__ import annotations

import lifetimes
import numpy as np
import pandas as pd
from fits import report
from lifetimes.utils import ConvergenceError

FITTERS = {
    "bg_nbd": lifetimes.BetaGeoFitter,
    "mbg_nbd": lifetimes.ModifiedBetaGeoFitter,
    "pareto_nbd": lifetimes.ParetoNBDFitter,
    "gamma_gamma": lifetimes.GammaGammaFitter,
}
NAMES = {"v": "gamma"}
PENALTY = 0.001


class Lifetimes:
    """Arrays in, arrays out."""

    packages = ("lifetimes", "numpy", "scipy", "pandas")
    note = ""

    def prepared(self, model: str, customers: pd.DataFrame) -> list[np.ndarray]:
        columns = ["x", "monetary"] if model == "gamma_gamma" else ["x", "t_x", "T"]
        return [customers[name].to_numpy() for name in columns]

    def fit(self, model: str, data: list[np.ndarray]):
        try:
            return FITTERS[model]().fit(*data)
        except ConvergenceError:
            # What its message advises.
            self.note = f"penalty {PENALTY}"
            return FITTERS[model](penalizer_coef=PENALTY).fit(*data)

    def params(self, fitted) -> dict[str, float]:
        return {NAMES.get(name, name): float(value) for name, value in fitted.params_.items()}

    def orders(self, fitted, data: list[np.ndarray], weeks: float) -> np.ndarray:
        return np.asarray(fitted.conditional_expected_number_of_purchases_up_to_time(weeks, *data))


if __name__ == "__main__":
    report(Lifetimes())
