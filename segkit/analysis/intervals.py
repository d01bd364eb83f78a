"""Intervals of shares."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
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


def wilson_low(
    count: npt.ArrayLike, customers: npt.ArrayLike, sure: float = 0.975
) -> npt.NDArray[np.float64]:
    """Return the lower ends of Wilson's intervals of many shares.

    Parameters
    ----------
    count, customers : array of int
        Customers of whom something holds, and of how many (at least 1).
    sure : float
        Probability that a share is above its lower end: 0.975 is that of the 95 % interval.

    Examples
    --------
    >>> wilson_low([40, 0], 100).round(4)
    array([0.3094, 0.    ])
    """
    count, total = np.asarray(count, dtype=float), np.asarray(customers, dtype=float)
    z, share = ndtri(sure), count / total
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return np.asarray((share + z**2 / (2 * total) - half) / (1 + z**2 / total))
