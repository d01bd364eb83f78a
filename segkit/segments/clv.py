"""Seven segments from what a customer is expected to be worth (definitions, section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from segkit.segments.base import (
    PROSPECTS,
    Segmentation,
    check_columns,
    is_buyer,
    number,
    numbers,
    told_apart,
)

CLV_SEGMENTS = (
    "reactivated",
    "one_and_done",
    "at_risk",
    "champions",
    "loyal",
    "promising",
    "occasional",
)
"""In the order in which their rules are tried; the first match wins."""

_COLUMNS = (
    "recency_days",
    "last_gap_days",
    "clv",
    "clv_trend",
    "recent_orders",
    "earlier_orders",
)


class CLVSegments(Segmentation):
    """The seven predictive segments: who came back, who is leaving, who is worth most.

    Parameters
    ----------
    usual_days, churn_days : float or None
        The usual gap between purchases and the gap after which a customer counts as lost;
        where None, nobody is overdue or was ever lost.
    recent_days : float or None
        Length of the recent window, and of the window before it; None: the usual gap.
    champions_share, loyal_share : float
        Shares of buyers with the highest CLV: the first ones, and those after them.
    low_share : float
        Share of buyers whose CLV counts as low.
    falling, rising : float
        A CLV that has lost more than `falling` of itself falls; one that has gained more
        than `rising` rises.

    Attributes
    ----------
    clv_ : dict
        The CLV (money) that is `low` at most, and at least that of `loyal` and `champions`,
        which is never negative.

    Notes
    -----
    A rule that needs a value that a customer does not have does not match.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "orders": [5, 3, 1, 2], "recency_days": [10, 200, 300, 5], "clv": [90.0, 40, 1, 2],
    ...     "last_gap_days": [30, 30, None, 400], "clv_trend": [0.1, -0.6, -0.5, 3.0],
    ...     "recent_orders": [1, 0, 0, 1], "earlier_orders": [1, 0, 0, 0]})
    >>> CLVSegments(usual_days=60, churn_days=240).fit(customers).predict(customers).tolist()
    ['champions', 'at_risk', 'one_and_done', 'reactivated']
    """

    def __init__(
        self,
        usual_days: float | None = None,
        churn_days: float | None = None,
        recent_days: float | None = None,
        champions_share: float = 0.1,
        loyal_share: float = 0.2,
        low_share: float = 1 / 3,
        falling: float = 0.25,
        rising: float = 0.25,
    ) -> None:
        self.usual_days = usual_days
        self.churn_days = churn_days
        self.recent_days = recent_days
        self.champions_share = champions_share
        self.loyal_share = loyal_share
        self.low_share = low_share
        self.falling = falling
        self.rising = rising

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn how much CLV is high and how much is low, from buyers.

        Parameters
        ----------
        customers : DataFrame
            `orders` and `clv` (money; missing where it cannot be predicted).
        """
        check_columns(customers, ["clv"])
        clv = customers.loc[is_buyer(customers), "clv"].dropna()
        top = self.champions_share
        loyal = round(1 - top - self.loyal_share, 12)  # so that 0.6 is 0.6
        places = {"low": self.low_share, "loyal": loyal, "champions": 1 - top}
        # Nobody whose purchases cost more than they bring is among the best, however few bring more.
        least = {"low": -np.inf, "loyal": 0.0, "champions": 0.0}
        self.clv_ = {
            name: max(float(clv.quantile(place)), least[name]) if len(clv) else None
            for name, place in places.items()
        }
        return self

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's segment; those without an order are prospects, or returned all.

        Parameters
        ----------
        customers : DataFrame
            `orders`, `recency_days`, `last_gap_days` (days), `clv` (money), `clv_trend`
            (0.1 is a tenth more), `recent_orders`, `earlier_orders`.
        """
        self._check_fitted()
        check_columns(customers, ("orders", *_COLUMNS))
        rules = self._rules(customers)
        conditions: list[Any] = [~is_buyer(customers), *(rules[key] for key in CLV_SEGMENTS[:-1])]
        names = [np.array(name) for name in (PROSPECTS, *CLV_SEGMENTS)]
        labels = np.select(conditions, names[:-1], names[-1])
        found = pd.Series(labels, index=customers.index, dtype="str", name="clv_segments")
        return told_apart(found, customers)

    def is_rising(self, customers: pd.DataFrame) -> pd.Series:
        """Return whether a customer's CLV has risen by more than `rising`."""
        check_columns(customers, ["clv_trend"])
        return (numbers(customers, "clv_trend") > self.rising).rename("clv_rising")

    def thresholds(self) -> pd.DataFrame:
        """Return every threshold with its value.

        Returns
        -------
        DataFrame
            `threshold` (key), and its value as `days`, `amount` (money) or `share`.
        """
        self._check_fitted()
        recent = self.usual_days if self.recent_days is None else self.recent_days
        kinds: dict[str, dict[str, float | None]] = {
            "days": {
                "churn_days": self.churn_days,
                "recent_days": recent,
                "usual_days": self.usual_days,
            },
            "share": {"falling": -self.falling, "rising": self.rising},
            "amount": {f"{name}_clv": self.clv_[name] for name in ("low", "champions", "loyal")},
        }
        rows = [
            {"threshold": name, kind: value}
            for kind, values in kinds.items()
            for name, value in values.items()
        ]
        table = pd.DataFrame(rows, columns=["threshold", "days", "amount", "share"])
        return table.astype(dict.fromkeys(kinds, "float64"))

    def _tables(self) -> dict[str, pd.DataFrame]:
        return {"thresholds": self.thresholds()} if self._is_fitted() else {}

    def _rules(self, customers: pd.DataFrame) -> Mapping[str, pd.Series]:
        """Return where each rule holds; a comparison with a missing value does not."""
        given = {name: numbers(customers, name) for name in ("orders", *_COLUMNS)}
        usual, churn = number(self.usual_days), number(self.churn_days)
        recent = number(self.usual_days if self.recent_days is None else self.recent_days)
        low, next_best, best = (number(self.clv_[key]) for key in ("low", "loyal", "champions"))
        repeat = given["orders"] >= 2
        overdue = given["recency_days"] > usual
        return {
            "reactivated": (given["last_gap_days"] > churn) & (given["recency_days"] <= recent),
            "one_and_done": (given["orders"] == 1) & overdue & (given["clv"] <= low),
            "at_risk": repeat & overdue & (given["clv_trend"] < -self.falling),
            "champions": repeat & (given["clv"] >= best),
            "loyal": repeat & (given["clv"] >= next_best),
            "promising": given["recent_orders"] > given["earlier_orders"],
        }
