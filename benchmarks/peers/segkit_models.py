"""The kit's purchase models and its spend model."""

from __future__ import annotations

import numpy as np
import pandas as pd
from fits import report

from segkit.models import BGNBD, MBGNBD, GammaGamma, ParetoNBD

MODELS = {"bg_nbd": BGNBD, "mbg_nbd": MBGNBD, "pareto_nbd": ParetoNBD}


class Segkit:
    """Arrays in, arrays out."""

    packages = ("segkit", "numpy", "scipy", "pandas")

    def prepared(self, model: str, customers: pd.DataFrame) -> list[np.ndarray]:
        columns = ["x", "monetary"] if model == "gamma_gamma" else ["x", "t_x", "T"]
        return [customers[name].to_numpy() for name in columns]

    def fit(self, model: str, data: list[np.ndarray]):
        if model == "gamma_gamma":
            return GammaGamma().fit(*data)
        return MODELS[model](time_unit="weeks").fit(*data)

    def params(self, fitted) -> dict[str, float]:
        return {name: float(value) for name, value in fitted.params_.items()}

    def orders(self, fitted, data: list[np.ndarray], weeks: float) -> np.ndarray:
        return fitted.expected_orders(weeks, *data)


if __name__ == "__main__":
    report(Segkit())
