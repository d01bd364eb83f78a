"""pymc-marketing: totals at a cut, from the most probable parameters under its own priors."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from pymc_marketing.clv import BetaGeoModel, ModifiedBetaGeoModel
from pymc_models import PyMC
from totals import of_tool, report


def chances(fitted: BetaGeoModel, data: pd.DataFrame, weeks: float) -> np.ndarray | None:
    """Return each customer's probability of an order; MBG/NBD has none."""
    if isinstance(fitted, ModifiedBetaGeoModel):
        return None
    none = fitted.expected_probability_no_purchase(weeks, data)
    return 1 - none.mean(("chain", "draw")).to_numpy()


if __name__ == "__main__":
    report(of_tool(partial(PyMC, "default"), chances), PyMC.packages)
