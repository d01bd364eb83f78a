"""Where a customer stands: stages of its lifecycle, and views of them (definitions, section 7)."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd

from segkit.segments.base import (
    RETURNED_ALL,
    Segmentation,
    check_columns,
    has_returned_all,
    is_buyer,
    number,
    numbers,
)

STAGES = ("prospect", RETURNED_ALL, "churned", "new", "returned", "active")
"""In the order in which their rules are tried; the first match wins."""

VIEWS = {
    "registration": ("recent", "older", "unknown"),
    "new_potential": ("high_potential", "one_timer", "undecided"),
    "returns": ("frequent", "some", "none"),
    "order_size": ("large", "small"),
    "churn_speed": ("fast", "late"),
    "cart": ("abandoned", "recovered", "none"),
}
"""Small segmentations: of one stage each, `cart` of all who were seen."""

VIEWED_STAGE = {
    "registration": "prospect",
    "new_potential": "new",
    "returns": "active",
    "order_size": "active",
    "churn_speed": "churned",
}

MICRO_SEGMENTS = (
    *(f"{stage}_cart_abandoned" for stage in STAGES),
    "active_frequent_returns",
    "new_high_potential",
    "new_one_timer",
    "churned_fast",
    "churned_late",
    "active_large_order",
    "active_small_order",
    RETURNED_ALL,
    "prospect",
    "new",
    "returned",
    "active",
)
"""A stage and the most telling value of its customers; a stage alone where none tells more."""

FLAGS = ("high_value", "discount_driven")

_COLUMNS = (
    "orders",
    "recency_days",
    "tenure_days",
    "last_gap_days",
    "first_amount",
    "first_units",
    "first_gap_days",
    "revenue",
    "returns",
    "return_rate",
)


class Lifecycle(Segmentation):
    """The stage of each customer, what stands out in it, and both as one micro-segment.

    Parameters
    ----------
    usual_days, churn_days : float or None
        The usual gap between purchases and the gap after which a customer counts as lost;
        where None, nobody is lost, or was.
    new_days : float or None
        A customer is new for so many days after its first order; None: the usual gap.
    second_days : float or None
        By then half of the eventual second orders have come; None: nobody is a one-timer yet.
    again_days : float
        An order within so many days of the first counts as coming back, when the size of
        a first order that tells who comes back is looked for.
    welcome_days : float
        A prospect is recent for so many days.
    high_potential_share : float
        Share of first orders, by value, that promise much.
    frequent_returns_share : float
        Share of those who return anything, by return rate, who return much.
    high_value_share : float
        Share of buyers, by all-time revenue, who are flagged.
    discount_driven_share : float
        From this share of its gross value at a discount on, a customer is flagged.

    Attributes
    ----------
    high_potential_amount_ : float or None
        Value of a first order (money) from which on it promises much.
    large_units_ : float or None
        Units in a first order from which on it counts as large; None where the base is too
        small to look for a threshold, and then `order_size` is empty.
    split_ : dict
        How well the threshold of units separates; see `segkit.segments.split.best_split`.
    frequent_rate_ : float or None
        Return rate from which on returns are frequent.
    high_value_revenue_ : float or None
        All-time revenue (money) from which on a customer is flagged.

    Notes
    -----
    Definitions, section 7. A rule that needs a value that a customer does not have does not match.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "orders": [0, 1, 1, 4, 5], "recency_days": [None, 500, 10, 5, 5],
    ...     "tenure_days": [None, 500, 10, 900, 300], "last_gap_days": [None, None, None, 400, 30],
    ...     "first_gap_days": [None, None, None, 40, 20], "first_amount": [None, 9.0, 80, 20, 20],
    ...     "first_units": [None, 1, 2, 1, 1], "revenue": [0.0, 9, 80, 90, 99],
    ...     "returns": [0, 0, 0, 0, 0], "return_rate": [None, 0.0, 0, 0, 0]})
    >>> model = Lifecycle(usual_days=30, churn_days=300).fit(customers)
    >>> model.predict(customers).tolist()
    ['prospect', 'churned', 'new', 'returned', 'active']
    >>> model.micro_segments(customers).tolist()
    ['prospect', 'churned_fast', 'new_high_potential', 'returned', 'active']
    """

    def __init__(
        self,
        usual_days: float | None = None,
        churn_days: float | None = None,
        new_days: float | None = None,
        second_days: float | None = None,
        again_days: float = 365,
        welcome_days: float = 14,
        high_potential_share: float = 0.25,
        frequent_returns_share: float = 0.1,
        high_value_share: float = 0.2,
        discount_driven_share: float = 0.5,
    ) -> None:
        self.usual_days = usual_days
        self.churn_days = churn_days
        self.new_days = new_days
        self.second_days = second_days
        self.again_days = again_days
        self.welcome_days = welcome_days
        self.high_potential_share = high_potential_share
        self.frequent_returns_share = frequent_returns_share
        self.high_value_share = high_value_share
        self.discount_driven_share = discount_driven_share

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn the thresholds of the views and flags, from buyers.

        Parameters
        ----------
        customers : DataFrame
            The customer table (definitions, section 2).
        """
        from segkit.segments.split import best_split  # with scipy: only a fit needs it

        check_columns(customers, _COLUMNS)
        buyers = customers[is_buyer(customers)]
        self.high_potential_amount_ = _from_top(buyers["first_amount"], self.high_potential_share)
        self.high_value_revenue_ = _from_top(buyers["revenue"], self.high_value_share)
        returning = buyers.loc[buyers["returns"] > 0, "return_rate"]
        self.frequent_rate_ = _from_top(returning, self.frequent_returns_share)
        watched = self.watched(buyers)
        self.split_ = best_split(watched["first_units"], self.came_back(watched))
        self.large_units_ = self.split_["threshold"]
        return self

    def _facts(self) -> dict[str, object]:
        learnt = {
            "first order promises much from": "high_potential_amount_",
            "first order is large from units": "large_units_",
            "returns are frequent from a rate of": "frequent_rate_",
            "customer is of high value from": "high_value_revenue_",
        }
        known = {said: getattr(self, name) for said, name in learnt.items() if hasattr(self, name)}
        return super()._facts() | known

    def watched(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return the buyers whose first order is at least `again_days` old."""
        return customers[numbers(customers, "tenure_days") >= self.again_days]

    def came_back(self, customers: pd.DataFrame) -> pd.Series:
        """Return who bought again within `again_days` of the first order."""
        return numbers(customers, "first_gap_days") <= self.again_days

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's stage.

        Parameters
        ----------
        customers : DataFrame
            The customer table (definitions, section 2).
        """
        self._check_fitted()
        check_columns(customers, _COLUMNS)
        new_days = self.usual_days if self.new_days is None else self.new_days
        churn = number(self.churn_days)
        conditions = [
            ~is_buyer(customers) & ~has_returned_all(customers),
            ~is_buyer(customers),
            numbers(customers, "recency_days") > churn,
            numbers(customers, "tenure_days") <= number(new_days),
            numbers(customers, "last_gap_days") > churn,
        ]
        return _labels(customers, conditions, STAGES).rename("lifecycle")

    def views(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return each customer's value in each view (`VIEWS`); missing where it has none.

        Parameters
        ----------
        customers : DataFrame
            The customer table; `registered` and `first_seen` (timestamps) with `as_of`, and
            `carts`, `carts_abandoned`, where the client has them.
        """
        stages = self.predict(customers)
        rules = {
            "registration": self._registration(customers),
            "new_potential": self._new_potential(customers),
            "returns": self._returns(customers),
            "order_size": self._order_size(customers),
            "churn_speed": [customers["orders"] == 1],
        }
        if self.large_units_ is None:
            del rules["order_size"]
        views = {
            name: _labels(customers, rule, VIEWS[name]).where(stages == VIEWED_STAGE[name])
            for name, rule in rules.items()
        }
        table = pd.DataFrame({**views, "cart": self._cart(customers)}, columns=list(VIEWS))
        return table.astype("str")

    def micro_segments(self, customers: pd.DataFrame) -> pd.Series:
        """Return stage and most telling value of each customer (one of `MICRO_SEGMENTS`)."""
        views = self.views(customers)
        telling = [
            (views["cart"] == "abandoned", "_cart_abandoned"),
            (views["returns"] == "frequent", "_frequent_returns"),
            (views["new_potential"] == "high_potential", "_high_potential"),
            (views["new_potential"] == "one_timer", "_one_timer"),
            (views["churn_speed"] == "fast", "_fast"),
            (views["churn_speed"] == "late", "_late"),
            (views["order_size"] == "large", "_large_order"),
            (views["order_size"] == "small", "_small_order"),
        ]
        conditions = [condition.fillna(False).to_numpy(bool) for condition, _ in telling]
        ends = np.select(conditions, [end for _, end in telling], "")
        stages = self.predict(customers)
        return (stages + pd.Series(ends, index=stages.index)).astype("str").rename("micro_segments")

    def flags(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return `high_value` and `discount_driven` of each customer (booleans)."""
        self._check_fitted()
        revenue = numbers(customers, "revenue")
        share = _optional(customers, "discount_share")
        return pd.DataFrame(
            {
                "high_value": is_buyer(customers) & (revenue >= number(self.high_value_revenue_)),
                "discount_driven": is_buyer(customers) & (share >= self.discount_driven_share),
            }
        )

    def _registration(self, customers: pd.DataFrame) -> list[pd.Series]:
        age = _optional(customers, "known_days")
        return [age <= self.welcome_days, age > self.welcome_days]

    def _new_potential(self, customers: pd.DataFrame) -> list[pd.Series]:
        orders = numbers(customers, "orders")
        amount = numbers(customers, "first_amount")
        is_late = numbers(customers, "tenure_days") > number(self.second_days)
        promising = (orders >= 2) | (amount >= number(self.high_potential_amount_))
        return [promising, (orders == 1) & is_late]

    def _returns(self, customers: pd.DataFrame) -> list[pd.Series]:
        returns = numbers(customers, "returns")
        often = numbers(customers, "return_rate") >= number(self.frequent_rate_)
        return [(returns >= 2) & often, returns > 0]

    def _order_size(self, customers: pd.DataFrame) -> list[pd.Series]:
        return [numbers(customers, "first_units") >= number(self.large_units_)]

    def _cart(self, customers: pd.DataFrame) -> pd.Series:
        abandoned = _optional(customers, "carts_abandoned") > 0
        pending = _optional(customers, "carts_open") > 0
        recovered = (_optional(customers, "carts") > 0) & ~pending
        nobody = pd.Series(pd.NaT, index=customers.index)
        was_seen = customers.get("first_seen", nobody).notna()
        return _labels(customers, [abandoned, recovered], VIEWS["cart"]).where(was_seen)


def _from_top(values: pd.Series, share: float) -> float | None:
    """Return the value from which on the top share of values begins; None without values."""
    values = values.astype("float64").dropna()
    place = round(1 - share, 12)  # so that 1 - 0.7 is 0.3
    return float(values.quantile(place)) if len(values) else None


def _labels(customers: pd.DataFrame, conditions: list[Any], labels: tuple[str, ...]) -> pd.Series:
    """Return the label of the first condition that holds, else the last label."""
    found = np.select(
        [np.asarray(condition, dtype=bool) for condition in conditions],
        labels[: len(conditions)],
        labels[-1],
    )
    return pd.Series(found, index=customers.index, dtype="str")


def _optional(customers: pd.DataFrame, name: str) -> pd.Series:
    if name in customers:
        return numbers(customers, name)
    return pd.Series(np.nan, index=customers.index)
