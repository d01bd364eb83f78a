"""Intervals of shares."""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest


def wilson(count: int, customers: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; NaN where there are no customers.

    Parameters
    ----------
    count : int
        Customers of whom something holds.
    customers : int
        Of so many.

    Notes
    -----
    Source: Wilson (1927), "Probable Inference, the Law of Succession, and Statistical
    Inference", JASA 22, through scipy's `binomtest`.

    Examples
    --------
    >>> low, high = wilson(40, 100)
    >>> round(low, 4), round(high, 4)
    (0.3094, 0.498)
    """
    if not customers:
        return np.nan, np.nan
    ends = binomtest(count, customers).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)
