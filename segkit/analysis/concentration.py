"""How concentrated revenue is over customers (definitions, section 3)."""

from __future__ import annotations

import numpy as np
import pandas as pd


def lorenz_curve(revenue: pd.Series, points: int = 100) -> pd.DataFrame:
    """Return the Lorenz curve: the share of revenue of the customers who spend least.

    Parameters
    ----------
    revenue : Series
        All-time revenue of each buyer.
    points : int
        Steps of the curve from 0 to 1.

    Returns
    -------
    DataFrame
        `customers_share` and `revenue_share`, both from 0 to 1.

    Examples
    --------
    >>> lorenz_curve(pd.Series([1.0, 3.0]), points=2)
       customers_share  revenue_share
    0              0.0           0.00
    1              0.5           0.25
    2              1.0           1.00
    """
    value = np.sort(revenue.to_numpy(dtype=float))
    share = np.linspace(0, 1, points + 1)
    if not value.size or value.sum() <= 0:
        return pd.DataFrame({"customers_share": [], "revenue_share": []}, dtype=float)
    sums = np.concatenate([[0.0], np.cumsum(value)]) / value.sum()
    place = np.linspace(0, 1, len(sums))
    return pd.DataFrame({"customers_share": share, "revenue_share": np.interp(share, place, sums)})


def gini(revenue: pd.Series) -> float:
    """Return the Gini coefficient of revenue over customers: 0 is all equal.

    Examples
    --------
    >>> gini(pd.Series([1.0, 3.0]))
    0.25
    """
    value = np.sort(revenue.to_numpy(dtype=float))
    count = value.size
    if not count or value.sum() <= 0:
        return float("nan")
    rank = np.arange(1, count + 1)
    return float((2 * rank - count - 1) @ value / (count * value.sum()))


def concentration(
    revenue: pd.Series, tops: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.5)
) -> pd.DataFrame:
    """Return what the customers of highest value bring, and how few bring 80 %.

    Returns
    -------
    DataFrame
        `top_share` of customers, `customers` (rounded up), `revenue`, `revenue_share`;
        the last row is the smallest share of customers that brings 80 % of revenue.

    Examples
    --------
    >>> concentration(pd.Series([70.0, 20, 5, 3, 2]), tops=(0.2,))
       top_share  customers  revenue  revenue_share
    0        0.2          1     70.0            0.7
    1        0.4          2     90.0            0.9
    """
    value = np.sort(revenue.to_numpy(dtype=float))[::-1]
    total = value.sum()
    if not value.size or total <= 0:
        return pd.DataFrame(
            columns=["top_share", "customers", "revenue", "revenue_share"], dtype=float
        )
    sums = np.cumsum(value)
    counts = [int(np.ceil(round(top * value.size, 9))) for top in tops]
    # Rounding must not ask for one customer more than 80 % takes.
    counts.append(int(np.argmax(sums >= 0.8 * total * (1 - 1e-12))) + 1)
    shares = [*tops, counts[-1] / value.size]
    revenues = [float(sums[count - 1]) for count in counts]
    return pd.DataFrame(
        {
            "top_share": shares,
            "customers": counts,
            "revenue": revenues,
            "revenue_share": [revenue / total for revenue in revenues],
        }
    )


def pareto(revenue: pd.Series) -> dict[str, float]:
    """Return the figures of the Pareto sentence.

    Returns
    -------
    dict
        `top10`, `top20`: shares of revenue of the best 10 % and 20 % of customers;
        `few`: the smallest share of customers that brings 80 %. NaN without revenue.

    Examples
    --------
    >>> pareto(pd.Series([70.0, 20, 5, 3, 2]))
    {'top10': 0.7, 'top20': 0.7, 'few': 0.4}
    """
    table = concentration(revenue, tops=(0.1, 0.2))
    if table.empty:
        return dict.fromkeys(("top10", "top20", "few"), float("nan"))
    top10, top20, _ = table["revenue_share"]
    return {"top10": float(top10), "top20": float(top20), "few": float(table["top_share"].iloc[-1])}
