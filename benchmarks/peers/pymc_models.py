"""pymc-marketing: the most probable parameters (MAP), under flat priors or its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
from fits import arguments, report
from pymc_extras.prior import Prior
from pymc_marketing import clv

MODELS = {
    "bg_nbd": (clv.BetaGeoModel, ("r", "alpha", "a", "b")),
    "mbg_nbd": (clv.ModifiedBetaGeoModel, ("r", "alpha", "a", "b")),
    "pareto_nbd": (clv.ParetoNBDModel, ("r", "alpha", "s", "beta")),
    "gamma_gamma": (clv.GammaGammaModel, ("p", "q", "v")),
}
COLUMNS = {"x": "frequency", "t_x": "recency", "monetary": "monetary_value"}
NAMES = {"v": "gamma"}


class PyMC:
    """A table in, labelled arrays out."""

    packages = ("pymc-marketing", "pymc", "pytensor", "numpy", "scipy", "pandas")

    def __init__(self, priors: str) -> None:
        self.flat = priors == "flat"

    def prepared(self, model: str, customers: pd.DataFrame) -> pd.DataFrame:
        table = customers.rename(columns=COLUMNS)
        return table.assign(customer_id=np.arange(len(table)))

    def fit(self, model: str, data: pd.DataFrame):
        kind, names = MODELS[model]
        priors = {name: Prior("HalfFlat") for name in names} if self.flat else None
        fitted = kind(model_config=priors)
        fitted.fit(data, method="map", progressbar=False)
        self.names = names
        return fitted

    def params(self, fitted) -> dict[str, float]:
        values = fitted.idata.posterior
        return {NAMES.get(name, name): float(values[name].mean()) for name in self.names}

    def orders(self, fitted, data: pd.DataFrame, weeks: float) -> np.ndarray:
        expected = fitted.expected_purchases(data=data, future_t=weeks)
        return expected.mean(("chain", "draw")).to_numpy()


if __name__ == "__main__":
    report(PyMC(arguments().priors))
