"""When a customer is late and when lost, measured from the gaps between purchases."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

FEW_GAPS = 30
"""With fewer gaps that have passed, what is measured says little."""
FEW_REPEAT_BUYERS = 30
"""With fewer customers who have bought again, gaps are not measured well enough to score by."""


def waiting_curve(gaps: pd.DataFrame, open_days: pd.Series) -> pd.DataFrame:
    """Return the share of customers who have not bought again so many days after a purchase.

    Parameters
    ----------
    gaps : DataFrame
        `days` (1 and more) and `gaps`: how many times a gap of so many days has passed.
    open_days : Series
        Days since each buyer's last purchase: gaps that are still open (censored).

    Returns
    -------
    DataFrame
        `days`, `at_risk`, `returned`, `waiting` (0 to 1) with its 95 % interval `low` and
        `high`, at each day on which somebody came back, from day 0 on.

    Notes
    -----
    Definitions, section 7; Kaplan and Meier (1958), Nonparametric Estimation from Incomplete
    Observations; the interval is that of the log minus log (Greenwood's variance).

    Examples
    --------
    >>> gaps = pd.DataFrame({"days": [10, 20], "gaps": [1, 1]})
    >>> waiting_curve(gaps, pd.Series([15.0, 30.0]))["waiting"].tolist()
    [1.0, 0.75, 0.375]
    """
    gaps = gaps.sort_values("days")
    still_open = np.sort(open_days.dropna().to_numpy(dtype=float))
    days = gaps["days"].to_numpy(dtype=float)
    returned = gaps["gaps"].to_numpy(dtype=float)
    later = (
        returned.sum() - np.concatenate([[0.0], np.cumsum(returned)[:-1]]) if len(days) else days
    )
    at_risk = later + len(still_open) - np.searchsorted(still_open, days, side="left")
    waiting = np.cumprod(1 - returned / at_risk)
    low, high = _interval(waiting, returned, at_risk)
    start = {"days": [0.0], "at_risk": [returned.sum() + len(still_open)], "returned": [0.0]}
    rows = {"days": days, "at_risk": at_risk, "returned": returned}
    shares = {"waiting": waiting, "low": low, "high": high}
    curves = [pd.DataFrame(start | dict.fromkeys(shares, 1.0)), pd.DataFrame(rows | shares)]
    return pd.concat(curves, ignore_index=True)


def _interval(
    waiting: np.ndarray, returned: np.ndarray, at_risk: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95 % interval of a Kaplan–Meier curve; where nobody waits, it is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(returned / (at_risk * (at_risk - returned)))
        width = ndtri(0.975) * np.sqrt(variance) / np.log(waiting)
        low, high = waiting ** np.exp(-width), waiting ** np.exp(width)
    return np.nan_to_num(low), np.nan_to_num(high)


def measured_gaps(
    curve: pd.DataFrame, horizon_days: float, return_share: float = 0.1
) -> dict[str, float | None]:
    """Return the usual gap and the churn gap of a waiting curve.

    Parameters
    ----------
    curve : DataFrame
        As `waiting_curve` gives.
    horizon_days : float
        How far ahead a return still counts.
    return_share : float
        Below this share of returns within the horizon a customer is lost.

    Returns
    -------
    dict
        `usual_days`: by then half of those have come back who do so within the horizon.
        `churn_days`: of those who have waited so long, a smaller share than `return_share`
        come back within the horizon. `return_share`: of all, within the horizon. The gaps
        are None where nobody has come back within it.

    Notes
    -----
    Definitions, section 7.

    Examples
    --------
    >>> curve = pd.DataFrame({"days": [0, 10, 20, 200], "waiting": [1.0, 0.6, 0.45, 0.44]})
    >>> measured_gaps(curve, 365)
    {'usual_days': 10, 'churn_days': 20, 'return_share': 0.56}
    """
    days, waiting = curve["days"].to_numpy(dtype=float), curve["waiting"].to_numpy(dtype=float)
    if len(days) < 2:
        return {"usual_days": None, "churn_days": None, "return_share": 0.0}
    returns = 1 - _at(days, waiting, np.array([horizon_days]))[0]
    usual = returned_by(curve, horizon_days, 0.5)
    if usual is None:
        return {"usual_days": None, "churn_days": None, "return_share": 0.0}
    later = _at(days, waiting, days + horizon_days)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(waiting > 0, (waiting - later) / waiting, 0.0)
    lost = (share < return_share - 1e-12) & (days >= usual)
    churn = days[np.argmax(lost)]
    return {
        "usual_days": usual,
        "churn_days": int(max(churn, usual)),
        "return_share": float(round(returns, 12)),
    }


def returned_by(curve: pd.DataFrame, horizon_days: float, share: float) -> int | None:
    """Return the days by which a share of those have come back who do so within the horizon.

    Parameters
    ----------
    curve : DataFrame
        As `waiting_curve` gives.
    horizon_days : float
    share : float
        Such as 0.5.

    Returns
    -------
    int or None
        At least 1; None where nobody comes back within the horizon.

    Examples
    --------
    >>> curve = pd.DataFrame({"days": [0, 10, 20], "waiting": [1.0, 0.6, 0.4]})
    >>> returned_by(curve, 365, 0.5), returned_by(curve, 365, 0.75)
    (10, 20)
    """
    days, waiting = curve["days"].to_numpy(dtype=float), curve["waiting"].to_numpy(dtype=float)
    returns = 1 - _at(days, waiting, np.array([horizon_days]))[0]
    if returns <= 0:
        return None
    return int(max(days[np.argmax(1 - waiting >= returns * share - 1e-12)], 1))


def naive_gap(curve: pd.DataFrame, share: float, horizon_days: float = np.inf) -> float:
    """Return the quantile of the gaps that have passed, as if nobody were still waiting.

    Long gaps have had less time to pass, so that this is too short: it is shown beside what
    is measured, and never used.

    Parameters
    ----------
    curve : DataFrame
        `days`, `returned`.
    share : float
        Such as 0.5 for the median.
    horizon_days : float
        Longer gaps are left out, as they are where gaps are measured.

    Examples
    --------
    >>> naive_gap(pd.DataFrame({"days": [0, 10, 20], "returned": [0, 3, 1]}), 0.5)
    10.0
    """
    known = curve[curve["days"] <= horizon_days]
    days, returned = known["days"].to_numpy(dtype=float), known["returned"].to_numpy(dtype=float)
    passed = np.cumsum(returned)
    if not len(passed) or not passed[-1]:
        return float("nan")
    return float(days[np.argmax(passed >= share * passed[-1] - 1e-9)])


def _at(days: np.ndarray, waiting: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Return the share waiting at given days; the curve falls in steps."""
    return waiting[np.searchsorted(days, when, side="right") - 1]
