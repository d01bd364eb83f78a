"""The threshold that best separates those who came back from those who did not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import xlogy

LEAST_CUSTOMERS = (
    50  # below, hardly any difference stands out of the best of many shuffled thresholds
)
LEAST_SHARE = 0.05
"""Each side of a threshold holds at least this share of the customers."""
PERMUTATIONS = 999  # with the one observed, a thousand: p-values in steps of 0.001


def best_split(values: pd.Series, came_back: pd.Series, *, seed: int = 42) -> dict[str, Any]:
    """Return the threshold of a value that best tells who came back.

    Parameters
    ----------
    values : Series
        A number for each customer, such as the units in its first order.
    came_back : Series of bool
        Whether it came back.
    seed : int
        Of the permutations.

    Returns
    -------
    dict
        `threshold` (one side is at or above it; None where fewer than 50 customers or a
        single value leave nothing to look for) and `p_value`: how often shuffled customers
        give a threshold that separates as well. Having looked at all thresholds is paid for
        in it.

    Notes
    -----
    Definitions, section 7 (the view `order_size`). The criterion is the likelihood ratio of
    two rates against one; Miller and Siegmund (1982), Maximally Selected Chi Square
    Statistics. Values are grouped first, so that the size of the base does not matter.

    Examples
    --------
    >>> units = pd.Series([1] * 50 + [3] * 50)
    >>> best_split(units, units > 2)
    {'threshold': 3.0, 'p_value': 0.001}
    """
    known = values.notna()
    table = pd.DataFrame({"value": values[known].astype(float), "back": came_back[known]})
    groups = table.groupby("value")["back"].agg(["size", "sum"])
    sizes, back = (groups[name].to_numpy(np.int64) for name in ("size", "sum"))
    below = np.cumsum(sizes)[:-1] / max(sizes.sum(), 1)
    allowed = (below >= LEAST_SHARE) & (below <= 1 - LEAST_SHARE)
    if sizes.sum() < LEAST_CUSTOMERS or not allowed.any():
        return {"threshold": None, "p_value": None}
    found = _separation(sizes, back[None, :])[0]
    best = int(np.argmax(np.where(allowed, found, -np.inf)))
    random = np.random.default_rng(seed)
    shuffled = random.multivariate_hypergeometric(
        sizes, int(back.sum()), size=PERMUTATIONS, method="marginals"
    )
    others = _separation(sizes, shuffled)[:, allowed].max(axis=1)
    p_value = (1 + int((others >= found[best] - 1e-9).sum())) / (1 + PERMUTATIONS)
    return {"threshold": float(groups.index[best + 1]), "p_value": float(p_value)}


def _separation(sizes: np.ndarray, back: np.ndarray) -> np.ndarray:
    """Return the log likelihood of two rates at each threshold, for each row of counts."""
    below = np.cumsum(sizes)[:-1], np.cumsum(back, axis=1)[:, :-1]
    above = sizes.sum() - below[0], back.sum(axis=1, keepdims=True) - below[1]
    return _likelihood(*below) + _likelihood(*above)


def _likelihood(customers: np.ndarray, back: np.ndarray) -> np.ndarray:
    rate = back / customers
    return xlogy(back, rate) + xlogy(customers - back, 1 - rate)
