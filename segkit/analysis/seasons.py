"""Which products have a season, and whether it is coming (definitions, section 10).

A *season* is judged against the rest of the shop: where everything sells before Christmas, what
does so too has none of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from segkit.analysis.intervals import wilson_low

MONTHS = 12
QUARTER = 3
"""Months of the best stretch of the year, by which a season shows."""
LIFT = 1.5
"""In it, a product with a season sells at least so many times what the rest of the shop does."""
SURE = 0.99
"""So sure must that be: the best of twelve stretches is looked for."""


def seasons(sales: pd.DataFrame, *, months: int = 1, min_sales: int = 10) -> pd.DataFrame:
    """Return the products whose season is known, and whether it falls into the coming months.

    Parameters
    ----------
    sales : DataFrame
        `product_id`, `month` (0: the one that begins at the date; 11: the one before it) and
        `sales`, of whole earlier years, as `segkit.data.interests.month_sales`.
    months : int
        How many of them are coming.
    min_sales : int
        Fewer tell no season.

    Returns
    -------
    DataFrame
        Indexed by `product_id`, those with a season alone: `season_share` (of its sales, in the
        coming months of earlier years) and `in_season` (whether that is at least these months'
        share of the calendar).

    Notes
    -----
    A product has a season where its best three months in a row hold at least one and a half times
    what they hold of all other products' sales, and of the calendar, at the lower end of Wilson's
    interval.

    Examples
    --------
    >>> steady = pd.DataFrame({"product_id": "tea", "month": range(12), "sales": 10})
    >>> candles = pd.DataFrame({"product_id": "candle", "month": [10, 11], "sales": [20, 30]})
    >>> seasons(pd.concat([steady, candles])).reset_index()
      product_id  season_share  in_season
    0     candle           0.0      False
    """
    wide = sales.pivot(index="product_id", columns="month", values="sales")
    wide = wide.reindex(columns=range(MONTHS)).fillna(0.0)
    table = pd.DataFrame({"season_share": wide.iloc[:, :months].sum(axis=1) / wide.sum(axis=1)})
    table["in_season"] = table["season_share"] >= months / MONTHS
    return table[_has_season(wide.to_numpy(), min_sales)]


def _has_season(sales: np.ndarray, min_sales: int) -> np.ndarray:
    """Whether each product's best stretch stands out from that of all others, by months."""
    stretches = np.stack([np.roll(sales, -back, axis=1) for back in range(QUARTER)]).sum(axis=0)
    total = sales.sum(axis=1, keepdims=True)
    others = total.sum() - total
    usual = (stretches.sum(axis=0) - stretches) / np.maximum(others, 1)
    usual = np.maximum(usual, QUARTER / MONTHS)
    stands_out = wilson_low(stretches, np.maximum(total, 1), SURE) >= LIFT * usual
    is_best = stretches == stretches.max(axis=1, keepdims=True)
    return (stands_out & is_best).any(axis=1) & (total[:, 0] >= min_sales)
