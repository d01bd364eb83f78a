"""What segmentations share: a template, and checks of the customer table."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from segkit.errors import DataError, RuleError, suggestion
from segkit.foundation.estimator import Estimator

PROSPECTS = "prospects"
"""Who never bought."""
RETURNED_ALL = "returned_all"
"""Who bought and keeps no order: all of it was returned."""
WITHOUT_ORDERS = (PROSPECTS, RETURNED_ALL)


class Segmentation(Estimator):
    """Template of a segmentation: `fit(customers)` learns, `predict(customers)` labels a batch."""


def check_columns(customers: pd.DataFrame, columns: Iterable[str]) -> None:
    """Raise DataError where the customer table lacks a column.

    Parameters
    ----------
    customers : DataFrame
        The customer table (definitions, section 2).
    columns : iterable of str
        The columns that are needed.
    """
    for column in columns:
        if column not in customers.columns:
            raise DataError(
                "column is missing",
                where=f"customers: {column}",
                fix=suggestion(column, map(str, customers.columns)),
            )


def check_key(key: object, *, where: str) -> None:
    """Raise RuleError where a segment's key is not one that a table may define.

    Examples
    --------
    >>> check_key("big_spenders", where="names.yaml")
    """
    if key in WITHOUT_ORDERS:
        raise RuleError(
            "is kept for customers without an order", where=where, values=[key], fix="take it out"
        )
    if not isinstance(key, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", key):
        raise RuleError(
            "is no key", where=where, values=[key], fix="use small letters, digits and '_'"
        )


def is_buyer(customers: pd.DataFrame) -> np.ndarray:
    """Return True for customers with at least one order (boolean array, row by row).

    Examples
    --------
    >>> is_buyer(pd.DataFrame({"orders": [0, 3]})).tolist()
    [False, True]
    """
    check_columns(customers, ["orders"])
    orders = customers["orders"].to_numpy(dtype=float, na_value=np.nan)
    return np.nan_to_num(orders) > 0


def has_returned_all(customers: pd.DataFrame) -> np.ndarray:
    """Return True for customers without an order who returned something (boolean array).

    Where the table does not count returns, nobody did.

    Examples
    --------
    >>> has_returned_all(pd.DataFrame({"orders": [0, 0, 3], "returns": [0, 2, 1]})).tolist()
    [False, True, False]
    """
    if "returns" not in customers.columns:
        return np.zeros(len(customers), dtype=bool)
    returns = customers["returns"].to_numpy(dtype=float, na_value=np.nan)
    return ~is_buyer(customers) & (np.nan_to_num(returns) > 0)


def told_apart(labels: pd.Series, customers: pd.DataFrame) -> pd.Series:
    """Return labels where those who returned everything are a segment of their own.

    Parameters
    ----------
    labels : Series of str
        In the rows of `customers`; of those without an order, that of prospects.
    customers : DataFrame
        `orders`, and `returns` where they are counted.

    Examples
    --------
    >>> customers = pd.DataFrame({"orders": [0, 0], "returns": [0, 1]})
    >>> told_apart(pd.Series(["prospects", "prospects"]), customers).tolist()
    ['prospects', 'returned_all']
    """
    return labels.mask(has_returned_all(customers), RETURNED_ALL)


def numbers(customers: pd.DataFrame, name: str) -> pd.Series:
    """Return a column as floats, missing values as NaN."""
    return customers[name].astype("float64")


def number(value: float | None) -> float:
    """Return a threshold as a float; one that is None is NaN, which nothing exceeds or reaches.

    Examples
    --------
    >>> number(3), 5.0 > number(None)
    (3.0, False)
    """
    return np.nan if value is None else float(value)


def finite_values(customers: pd.DataFrame, values: pd.Series, *, name: str) -> np.ndarray:
    """Return the values as floats; a missing or infinite one is an error that names customers.

    Parameters
    ----------
    customers : DataFrame
        The rows that the values belong to; `customer_id` is shown where there is one.
    values : Series
        Numbers, row by row.
    name : str
        What to call them in the error.

    Raises
    ------
    DataError
        Some values are missing or infinite.
    """
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        ids = customers.get("customer_id", customers.index.to_series())
        raise DataError(
            "buyers without a finite value; the first customers",
            where=f"customers: {name}",
            values=ids[wrong].head(5).tolist(),
            count=int(wrong.sum()),
            fix=f"give '{name}' to every buyer, or leave it out",
        )
    return numbers
