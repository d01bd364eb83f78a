"""What segmentations share: parameters, a state that travels, checks of the customer table."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd

from segkit.errors import DataError, RuleError, SegkitError, suggestion

PROSPECTS = "prospects"


class Segmentation:
    """Template of a segmentation: `__init__` stores, `fit` learns, `predict` is a pure function.

    What `fit` learns is plain (numbers, texts, lists, dicts) and stands in attributes whose names
    end in `_`; so the state of every segmentation is written and read in the same way.

    Notes
    -----
    Source: scikit-learn's estimator conventions (`get_params`, fitted names ending in `_`).
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the constructor's parameters as they were given.

        Parameters
        ----------
        deep : bool
            Accepted for scikit-learn's sake; no parameter is an estimator.

        Returns
        -------
        dict
            Name to value.
        """
        return {name: getattr(self, name) for name in _parameter_names(type(self))}

    def to_state(self) -> dict[str, Any]:
        """Return the parameters and what was learnt, as plain JSON values.

        Returns
        -------
        dict
            `estimator` (class name), `params` and `fitted`.

        Raises
        ------
        SegkitError
            The segmentation is not fitted.
        """
        self._check_fitted()
        fitted = {name: value for name, value in vars(self).items() if name.endswith("_")}
        state = {"estimator": type(self).__name__, "params": self.get_params(), "fitted": fitted}
        return json.loads(json.dumps(state, allow_nan=False, default=_plain))

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted segmentation that `to_state` described.

        Parameters
        ----------
        state : mapping
            What `to_state` returned, or the same read from JSON.

        Raises
        ------
        SegkitError
            The state is another estimator's, or holds parameters this one does not have.
        """
        if state.get("estimator") != cls.__name__:
            raise SegkitError(
                f"is not the state of {cls.__name__}",
                where="estimator",
                values=[state.get("estimator")],
                fix="read it with the class that wrote it",
            )
        check_names(state["params"], _parameter_names(cls), where=f"{cls.__name__} state: params")
        segmentation = cls(**state["params"])
        vars(segmentation).update(state["fitted"])
        return segmentation

    def _check_fitted(self) -> None:
        if not any(name.endswith("_") for name in vars(self)):
            raise SegkitError(
                f"{type(self).__name__} is not fitted", fix="call fit(customers) first"
            )

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({params})"


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


def check_names(given: Iterable[str], valid: Iterable[str], *, where: str) -> None:
    """Raise SegkitError for the first given name that is not a valid one, with the nearest.

    Examples
    --------
    >>> check_names(["orders"], ["orders", "revenue"], where="features")
    """
    valid = list(valid)
    for name in given:
        if name not in valid:
            raise SegkitError(
                "unknown name", where=where, values=[name], fix=suggestion(str(name), valid)
            )


def check_choice(value: object, valid: Iterable[str], *, where: str) -> None:
    """Raise SegkitError where a parameter has none of its valid values."""
    valid = list(valid)
    if value not in valid:
        raise SegkitError(
            "unknown value", where=where, values=[value], fix=suggestion(str(value), valid)
        )


def check_key(key: object, *, where: str) -> None:
    """Raise RuleError where a segment's key is not one that a table may define.

    Examples
    --------
    >>> check_key("big_spenders", where="names.yaml")
    """
    if key == PROSPECTS:
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


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)


def _parameter_names(kind: type) -> list[str]:
    return [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
