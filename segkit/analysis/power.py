"""How large an effect must be for a comparison with a control group to show it."""

from __future__ import annotations

from math import isfinite, sqrt
from statistics import NormalDist

from segkit.errors import DataError

HALVINGS = 60
"""Steps of the search; each halves the error, until it is that of a float."""


def smallest_uplift(
    rate: float, contacted: int, control: int, *, power: float = 0.8, level: float = 0.05
) -> float | None:
    """Return the smallest rise of a rate that a comparison of two groups is likely to show.

    The comparison is a two-sided z test of two proportions: their variance is pooled while
    nothing changed, and each group's own where the rate rose.

    Parameters
    ----------
    rate : float
        Share of the control group that does it anyway, such as buys again; 0 to 1.
    contacted, control : int
        Customers of each group.
    power : float
        Chance that a rise of this size shows; one half or more.
    level : float
        Chance that none shows as one.

    Returns
    -------
    float or None
        Rise in absolute terms (0.02: two percentage points); None where not even a rate of
        100 % would show, where a group is empty, or where the rate is not known.

    Raises
    ------
    DataError
        A rate, power or level out of its range.

    Source
    ------
    Fleiss, Levin and Paik (2003), Statistical Methods for Rates and Proportions, 3rd edition,
    section 4.2, without the correction for continuity; for groups of different sizes Fleiss,
    Tytun and Ury (1980), Biometrics 36.

    Examples
    --------
    >>> round(smallest_uplift(0.05, 9000, 1000), 4)
    0.023
    >>> smallest_uplift(0.95, 20, 2) is None
    True
    """
    _check_shares(rate=rate, power=power, level=level)
    if not isfinite(rate) or min(contacted, control) < 1 or rate == 1:
        return None
    normal = NormalDist()
    deviates = normal.inv_cdf(1 - level / 2), normal.inv_cdf(power)
    low, high = 0.0, 1 - rate
    if not _shows(high, rate, contacted, control, deviates):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if _shows(middle, rate, contacted, control, deviates):
            high = middle
        else:
            low = middle
    return high


def _shows(
    rise: float, rate: float, contacted: int, control: int, deviates: tuple[float, float]
) -> bool:
    raised = min(rate + rise, 1.0)
    pooled = (contacted * raised + control * rate) / (contacted + control)
    unchanged = sqrt(pooled * (1 - pooled) * (1 / contacted + 1 / control))
    changed = sqrt(raised * (1 - raised) / contacted + rate * (1 - rate) / control)
    return rise >= deviates[0] * unchanged + deviates[1] * changed


def _check_shares(rate: float, power: float, level: float) -> None:
    ranges = {
        "rate": (rate, rate < 0 or rate > 1, "0 to 1"),
        "power": (power, not 0.5 <= power < 1, "0.5 or more, and less than 1"),
        "level": (level, not 0 < level < 1, "more than 0 and less than 1"),
    }
    for name, (value, is_wrong, range_) in ranges.items():
        if is_wrong:
            raise DataError("out of range", where=name, values=[value], fix=f"give {range_}")
