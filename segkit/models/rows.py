"""Purchase histories and spend as a model counts them: equal ones once, with their number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from segkit.models.fitting import ModelError

LEVELS = 40
"""Times are rounded to so many steps of the longest one where that leaves fewer rows."""
FEW = 20_000
"""Rows that are worth no rounding."""


@dataclass(frozen=True)
class Histories:
    """Grouped purchase histories, times divided by `scale`.

    Attributes
    ----------
    x, t_x, T : array of float
        Distinct values, sorted.
    ix, it, iT : array of int
        Each row's place in them.
    weights : array of float
        Customers in each row.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    ix: np.ndarray
    it: np.ndarray
    iT: np.ndarray
    weights: np.ndarray
    scale: float = 1.0

    @cached_property
    def each_x(self) -> np.ndarray:
        """Repeat purchases, row by row."""
        return self.x[self.ix]

    @cached_property
    def by_x(self) -> np.ndarray:
        """Customers by number of repeat purchases."""
        return np.bincount(self.ix, self.weights, len(self.x))

    @cached_property
    def dimensions(self) -> float:
        """Number of repeat purchases: each has a time in the likelihood's density."""
        return float(self.weights @ self.each_x)

    def weighted(self, weights: np.ndarray) -> Self:
        """Return the same rows with other numbers of customers."""
        return replace(self, weights=weights)

    def scaled(self) -> Self:
        """Return the rows with times of at most 1."""
        scale = float(self.T.max()) or 1.0
        return replace(self, t_x=self.t_x / scale, T=self.T / scale, scale=self.scale * scale)

    def rounded(self, few: int | None = None) -> Self:
        """Return fewer rows, with times rounded, or these where they are `few` (or `FEW`)."""
        if len(self.weights) <= (FEW if few is None else few):
            return self
        step = self.T.max() / LEVELS
        t_x = np.ceil(self.t_x / step)[self.it]
        T = np.ceil(self.T / step)[self.iT]
        small = _grouped(self.x[self.ix], t_x, T, self.weights)
        return replace(
            self,
            x=small.x,
            t_x=small.t_x * step,
            T=small.T * step,
            ix=small.ix,
            it=small.it,
            iT=small.iT,
            weights=small.weights,
        )


def histories(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weights: ArrayLike | None = None
) -> Histories:
    """Return checked and grouped histories.

    Parameters
    ----------
    x : array
        Repeat purchases: whole numbers from 0 on.
    t_x, T : array
        Age at the last repeat (0 without one) and age now, in one time unit.
    weights : array, optional
        Customers that each entry stands for; by default 1.

    Raises
    ------
    ModelError
        Values are missing, negative or contradict each other; there are fewer than two customers.
    """
    repeats, lasts, ages = checked(x, t_x, T)
    _refuse((repeats > 0) & (ages == 0), "T", ages, "who has bought again is older than 0")
    counts = checked_weights(weights, len(repeats))
    kept = counts > 0
    grouped = _grouped(repeats[kept], lasts[kept], ages[kept], counts[kept])
    _require_customers(grouped)
    return grouped


def checked(
    x: ArrayLike, t_x: ArrayLike, T: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `x`, `t_x`, `T` as floats of one length, or name the first that cannot be."""
    counts = checked_counts(x, "x")
    lasts, ages = numbers(t_x, "t_x", len(counts)), numbers(T, "T", len(counts))
    _refuse(ages < 0, "T", ages, "give ages from the first purchase on")
    late = lasts > ages * (1 + 1e-12)
    _refuse((lasts < 0) | late, "t_x", lasts, "give 0 <= t_x <= T, in the same unit")
    _refuse((counts == 0) & (lasts > 0), "t_x", lasts, "without a repeat purchase t_x is 0")
    return counts, np.minimum(lasts, ages), ages


def checked_counts(values: ArrayLike, name: str) -> np.ndarray:
    """Return whole numbers of purchases as floats, or name the first that is none."""
    counts = numbers(values, name)
    _refuse((counts < 0) | (counts != np.floor(counts)), name, counts, "give whole numbers")
    return counts


def checked_weights(weights: ArrayLike | None, length: int) -> np.ndarray:
    """Return customers by row, 1 each where none are given."""
    if weights is None:
        return np.ones(length)
    counts = numbers(weights, "weights", length)
    _refuse(counts < 0, "weights", counts, "a weight counts customers: give 0 or more")
    return counts


def numbers(values: ArrayLike, name: str, length: int | None = None) -> np.ndarray:
    """Return values as a flat array of finite floats.

    Raises
    ------
    ModelError
        Some are missing, infinite or no numbers, or there are more or fewer than `length`.
    """
    try:
        array = np.ravel(pd.array(np.ravel(values)).to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError):
        raise ModelError(
            "holds no numbers", reason="bad_values", where=name, fix="give an array of numbers"
        ) from None
    _refuse(~np.isfinite(array), name, array, "leave out customers without a value")
    if length is not None and len(array) != length:
        raise ModelError(
            f"has {len(array)} values, not {length}",
            reason="bad_values",
            where=name,
            fix="give one value a customer",
        )
    return array


def codes(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each value's place among the distinct ones, and these, sorted."""
    place, distinct = pd.factorize(values, sort=True)
    return place.astype(np.int64), np.asarray(distinct)


def _grouped(x: np.ndarray, t_x: np.ndarray, T: np.ndarray, weights: np.ndarray) -> Histories:
    (ix, xs), (it, ts), (iT, Ts) = codes(x), codes(t_x), codes(T)
    place, keys = codes((ix * len(ts) + it) * len(Ts) + iT)
    first, iT = np.divmod(keys, len(Ts))
    ix, it = np.divmod(first, len(ts))
    counts = np.bincount(place, weights=weights, minlength=len(keys))
    return Histories(xs, ts, Ts, ix, it, iT, counts)


def _refuse(wrong: np.ndarray, name: str, values: np.ndarray, fix: str) -> None:
    if wrong.any():
        raise ModelError(
            "impossible values",
            reason="bad_values",
            where=name,
            values=values[wrong][:3].tolist(),
            count=int(wrong.sum()),
            fix=fix,
        )


def _require_customers(rows: Histories) -> None:
    customers = rows.weights.sum()
    problems = {
        "no_customers": (customers == 0, "there are no customers"),
        "one_customer": (customers == 1, "there is one customer"),
    }
    for reason, (found, problem) in problems.items():
        if found:
            fix = "give a longer history, or more customers"
            raise ModelError(problem, reason=reason, where="purchase model", fix=fix)
