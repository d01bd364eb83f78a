"""How long a history has to be for what is asked of it."""

from __future__ import annotations

MONTH_DAYS = 365.25 / 12
WEEK = 0.25
"""Months that a history may lack: a log seldom begins and ends with a day of sales."""
HORIZONS = (12, 6, 3, 2, 1)
"""Months that are proposed for a horizon, the longest first."""
HORIZONS_OF_HISTORY = 2.5
"""A horizon is tested on a past as long, after one and a half to learn from."""


def months_of(days: int) -> float:
    """Return the months of a history of so many days, the week that it may lack included."""
    return days / MONTH_DAYS + WEEK


def fits(horizon_months: int, days: int) -> bool:
    """Return whether a horizon can be tested on a history.

    Examples
    --------
    >>> fits(12, days=730), fits(6, days=730)
    (False, True)
    """
    return HORIZONS_OF_HISTORY * horizon_months <= months_of(days)


def fitting_horizon(days: int) -> int | None:
    """Return the longest horizon, in months, that fits a history, or None.

    Examples
    --------
    >>> fitting_horizon(200), fitting_horizon(28)
    (2, None)
    """
    return next((months for months in HORIZONS if fits(months, days)), None)


def told_length(days: int) -> str:
    """Return a length of time as a reader says it.

    Examples
    --------
    >>> told_length(1), told_length(200)
    ('1 day', '7 months')
    """
    return f"{days} day{'s' * (days != 1)}" if days < 60 else f"{months_of(days):.0f} months"
