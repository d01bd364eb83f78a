"""How a figure is spread over customers, in bins a reader can name."""

from __future__ import annotations

import numpy as np
import pandas as pd

_STEPS = (1, 2, 2.5, 5, 10)


def counted(values: pd.Series, last: int = 10) -> pd.DataFrame:
    """Return how many customers have each whole number, the last bin being open.

    Parameters
    ----------
    values : Series
        Whole numbers from 1 on, such as orders a customer.
    last : int
        Greater numbers are counted together.

    Returns
    -------
    DataFrame
        `from`, `to` (NaN where open), `count`.

    Examples
    --------
    >>> counted(pd.Series([1, 1, 2, 9]), last=3)
       from   to  count
    0   1.0  1.0      2
    1   2.0  2.0      1
    2   3.0  3.0      0
    3   4.0  NaN      1
    """
    values = values.dropna()
    low = np.arange(1, last + 1, dtype=float)
    counts = [int((values == number).sum()) for number in low]
    table = pd.DataFrame({"from": low, "to": low, "count": counts})
    if (values > last).any():
        table.loc[last] = [last + 1, np.nan, (values > last).sum()]
    return table.astype({"count": "int64"})


def binned(values: pd.Series, bins: int = 10, top: float = 0.98) -> pd.DataFrame:
    """Return how many customers lie in each of some round bins; the last one is open.

    Parameters
    ----------
    values : Series
        Amounts or days.
    bins : int
        About how many bins.
    top : float
        The open bin begins near this quantile, so that a few extremes do not flatten the rest.

    Returns
    -------
    DataFrame
        `from`, `to` (NaN where open), `count`; bins hold their lower edge.

    Examples
    --------
    >>> binned(pd.Series([0.0, 4.0, 6.0, 20.0]), bins=2, top=0.5)
       from   to  count
    0   0.0  2.5      1
    1   2.5  5.0      1
    2   5.0  NaN      2
    """
    values = values.dropna().astype(float)
    if values.empty:
        return pd.DataFrame({"from": [], "to": [], "count": []})
    low, high = values.min(), values.quantile(top)
    step = _round_step(float(high - low) / bins)
    first = np.floor(low / step) * step
    edges = first + step * np.arange(int(np.ceil(round((high - first) / step, 9))) + 1)
    counts = np.histogram(values, bins=[*edges, np.inf])[0]
    table = pd.DataFrame({"from": edges, "to": [*edges[1:], np.nan], "count": counts})
    return table if counts[-1] else table[:-1]


def _round_step(width: float) -> float:
    if not width > 0:
        return 1.0
    magnitude = 10.0 ** np.floor(np.log10(width))
    return float(magnitude * next(step for step in _STEPS if step * magnitude >= width * 0.999))


def best_month(months: pd.DataFrame) -> dict[str, object]:
    """Return the month of most revenue and that revenue, as fields of a sentence.

    Parameters
    ----------
    months : DataFrame
        `month`, `revenue`, `complete`, as `segkit.Study.monthly`.

    Examples
    --------
    >>> months = pd.DataFrame({"month": pd.to_datetime(["2025-01-01", "2025-02-01"]),
    ...     "revenue": [10.0, 30.0], "complete": [True, True]})
    >>> best_month(months)["revenue"]
    30.0
    """
    best = months.iloc[months["revenue"].argmax()]
    return {"month": best["month"].date(), "revenue": float(best["revenue"])}
