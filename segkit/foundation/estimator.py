"""What segmentations and models share: parameters given once, a fitted state that travels."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from segkit.errors import SegkitError, suggestion
from segkit.foundation.display import Shown


class Estimator(Shown):
    """Template of an estimator: `__init__` only stores, `fit` learns, the rest are pure functions.

    What `fit` learns is plain (numbers, texts, lists, dicts) and stands in attributes whose names
    end in `_`; so the state of every estimator is written and read in the same way.

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

    def set_params(self, **params: Any) -> Self:
        """Change parameters by name; what was fitted stays until the next `fit`.

        Raises
        ------
        SegkitError
            There is no such parameter.
        """
        names = _parameter_names(type(self))
        check_names(params, names, where=f"{type(self).__name__}: set_params")
        vars(self).update(params)
        return self

    def to_state(self) -> dict[str, Any]:
        """Return the parameters and what was learnt, as plain JSON values.

        Returns
        -------
        dict
            `estimator` (class name), `params` and `fitted`.

        Raises
        ------
        SegkitError
            The estimator is not fitted.
        """
        self._check_fitted()
        fitted = {name: value for name, value in vars(self).items() if name.endswith("_")}
        state = {"estimator": type(self).__name__, "params": self.get_params(), "fitted": fitted}
        # Through JSON: what is returned is what a file will give back.
        plain: dict[str, Any] = json.loads(json.dumps(state, allow_nan=False, default=_plain))
        return plain

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the fitted estimator that `to_state` described.

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
        estimator = cls(**state["params"])
        vars(estimator).update(state["fitted"])
        return estimator

    def _check_fitted(self) -> None:
        if not self._is_fitted():
            raise SegkitError(f"{type(self).__name__} is not fitted", fix="call fit first")

    def __repr__(self) -> str:
        params = ", ".join(f"{name}={value!r}" for name, value in self._chosen().items())
        return f"{type(self).__name__}({params})"

    def _chosen(self) -> dict[str, Any]:
        """Return the parameters that are not their defaults."""
        usual = inspect.signature(type(self)).parameters
        given = self.get_params()
        return {name: given[name] for name in given if given[name] != usual[name].default}

    def _is_fitted(self) -> bool:
        return any(name.endswith("_") for name in vars(self))

    def _facts(self) -> dict[str, object]:
        state = {} if self._is_fitted() else {"state": "not fitted: call fit first"}
        return self._chosen() | state


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


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else str(value)


def _parameter_names(kind: type) -> list[str]:
    return list(inspect.signature(kind).parameters)
