"""RFM: recency, frequency and value scores, their cells, families and sub-segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from segkit.errors import DataError, SegkitError
from segkit.foundation.estimator import check_choice, check_names
from segkit.segments.base import (
    PROSPECTS,
    Segmentation,
    check_columns,
    finite_values,
    is_buyer,
)

FAMILIES = (PROSPECTS, "beginners", "recurrent", "loyal")
SUB_SEGMENTS = (PROSPECTS, *(f"{family}_r{r}" for family in FAMILIES[1:] for r in range(5, 0, -1)))
_LETTERS = {"recency": "r", "frequency": "f", "monetary": "m"}


class RFM(Segmentation):
    """Recency, frequency and monetary scores over buyers, learnt once and applied at any date.

    Parameters
    ----------
    bins : int
        Number of scores, 2 to 9; 5 gives the cells `111` to `555`.
    monetary : {"total", "mean"}
        M from all-time revenue, or from the customer's average order value.
    frequency_bins : {"gated", "quantile"}
        Gated: F = 1 is exactly one order, and the other scores are quantiles of repeat buyers.
    cut_points : dict, optional
        Agreed cut points by measure (`recency`, `frequency`, `monetary`): `bins - 1` rising
        numbers, each the last value of its bin, e.g. ``{"recency": [30, 90, 180, 365]}`` (days).

    Attributes
    ----------
    scales_ : dict
        For each measure its `cuts`, the `scores` of the intervals between them (in the order of
        the values) and the `customers` in each when it was fitted.
    buyers_ : int
        Buyers when it was fitted.

    Notes
    -----
    Edges are type-7 quantiles over buyers, bins are closed on the right, and a score depends on
    the value alone, so equal values always score the same. Where ties make edges coincide:

    - a value is scored by the number of edges strictly below it, so that a merged bin takes the
      score of its first part and the scores above it stay what they were (a base with 60 % of
      one-order buyers under `quantile` has F 1, 4 and 5);
    - an edge at the largest value separates nobody and is dropped; the last interval that is left
      takes the end of the scale: the most frequent have F = 5, the least recent R = 1;
    - where no edge separates anybody (one buyer, all equal) nobody stands out and all take the
      middle score, 3 of 5; under `quantile`, F is then 1 if there are one-order buyers.

    Source: definitions, section 4; Hyndman and Fan (1996), definition 7.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "customer_id": list("abcde"), "orders": [1, 1, 2, 4, 0],
    ...     "recency_days": [200, 10, 60, 5, None], "revenue": [50.0, 20.0, 90.0, 400.0, 0.0]})
    >>> RFM().fit(customers).predict(customers)["sub_segment"].tolist()
    ['beginners_r1', 'beginners_r4', 'recurrent_r2', 'loyal_r5', 'prospects']
    """

    def __init__(
        self,
        bins: int = 5,
        monetary: Literal["total", "mean"] = "total",
        frequency_bins: Literal["gated", "quantile"] = "gated",
        cut_points: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        self.bins = bins
        self.monetary = monetary
        self.frequency_bins = frequency_bins
        self.cut_points = cut_points

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn the edges from the buyers among `customers`.

        Parameters
        ----------
        customers : DataFrame
            `orders`, `recency_days` (days), `revenue` or, for `monetary="mean"`, `aov` (money).

        Returns
        -------
        RFM
            Itself, fitted.

        Raises
        ------
        SegkitError
            A parameter is wrong; cut points do not rise or are too many or too few.
        DataError
            A column is missing, or a buyer has no value in it.
        """
        self._check_params()
        buyers = self._buyers(customers, is_buyer(customers))
        self.scales_ = {
            measure: self._scale(measure, self._values(buyers, measure)) for measure in _LETTERS
        }
        self.buyers_ = len(buyers)
        return self

    def predict(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Score customers with the learnt edges.

        Parameters
        ----------
        customers : DataFrame
            As for `fit`; any batch, at any date.

        Returns
        -------
        DataFrame
            Indexed like `customers`: `r`, `f`, `m` (Int64, missing for those without an order),
            `cell` (text such as `555`, or missing), `family` and `sub_segment` (keys).
        """
        self._check_fitted()
        buyer = is_buyer(customers)
        buyers = self._buyers(customers, buyer)
        scores = {letter: np.zeros(len(customers), dtype=np.int64) for letter in "rfm"}
        for measure, letter in _LETTERS.items():
            scores[letter][buyer] = _scores(self.scales_[measure], self._values(buyers, measure))
        columns = {
            letter: pd.arrays.IntegerArray(values, mask=~buyer) for letter, values in scores.items()
        }
        texts = self._texts(scores["r"], scores["f"], scores["m"], buyer)
        return pd.DataFrame({**columns, **texts}, index=customers.index)

    def edges(self) -> pd.DataFrame:
        """Return the learnt edges, one row for each score that a value can take.

        Returns
        -------
        DataFrame
            `measure`, `score`, `from` (exclusive), `to` (inclusive; days, orders or money, missing
            where open), `customers` and `share` (of the buyers it was fitted on).
        """
        self._check_fitted()
        rows = [row for measure in _LETTERS for row in self._edge_rows(measure)]
        return pd.DataFrame(rows, columns=["measure", "score", "from", "to", "customers", "share"])

    def cells(self, scores: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
        """Return customers and revenue of every R × F cell, the empty ones too.

        Parameters
        ----------
        scores : DataFrame
            What `predict` gave for the same customers.
        customers : DataFrame
            `revenue` (money), in the same rows.

        Returns
        -------
        DataFrame
            `r`, `f`, `customers`, `revenue`, `revenue_mean` (missing where the cell is empty).
        """
        totals = self._totals(scores, customers, ["r", "f"])
        held = totals["customers"].where(totals["customers"] > 0)
        return totals.assign(revenue_mean=totals["revenue"] / held)

    def cell_totals(self, scores: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
        """Return customers and revenue of every R × F × M cell (125 with five bins).

        Parameters
        ----------
        scores, customers : DataFrame
            As for `cells`.

        Returns
        -------
        DataFrame
            `cell` (text), `customers`, `revenue`.
        """
        totals = self._totals(scores, customers, ["r", "f", "m"])
        totals.insert(0, "cell", self._cell_labels())
        return totals[["cell", "customers", "revenue"]]

    def _tables(self) -> dict[str, pd.DataFrame]:
        if not self._is_fitted():
            return {}
        edges = self.edges()
        return {name: edges[edges["measure"] == name].drop(columns="measure") for name in _LETTERS}

    def _check_params(self) -> None:
        check_choice(self.monetary, ["total", "mean"], where="rfm: monetary")
        check_choice(self.frequency_bins, ["gated", "quantile"], where="rfm: frequency_bins")
        if not isinstance(self.bins, int) or not 2 <= self.bins <= 9:
            raise SegkitError(
                "must be a whole number from 2 to 9", where="rfm: bins", values=[self.bins]
            )
        check_names(self.cut_points or {}, _LETTERS, where="rfm: cut_points")
        for measure, cuts in (self.cut_points or {}).items():
            _check_cuts(cuts, self.bins, where=f"rfm: cut_points: {measure}")

    def _columns(self) -> dict[str, str]:
        monetary = "aov" if self.monetary == "mean" else "revenue"
        return {"recency": "recency_days", "frequency": "orders", "monetary": monetary}

    def _buyers(self, customers: pd.DataFrame, buyer: np.ndarray) -> pd.DataFrame:
        columns = list(self._columns().values())
        check_columns(customers, columns)
        return customers.loc[buyer, [*columns, *customers.columns.intersection(["customer_id"])]]

    def _values(self, buyers: pd.DataFrame, measure: str) -> np.ndarray:
        column = self._columns()[measure]
        values = finite_values(buyers, buyers[column], name=column)
        # Engines add floats in any order; without rounding, equal totals would differ in the
        # last bits and could fall on two sides of an edge.
        return np.round(values, 6)

    def _scale(self, measure: str, values: np.ndarray) -> dict[str, list[Any]]:
        rising = list(range(1, self.bins + 1))
        if self.cut_points and measure in self.cut_points:
            cuts = [float(cut) for cut in self.cut_points[measure]]
            scores = rising[::-1] if measure == "recency" else rising
        elif measure == "recency":
            cuts, scores = _quantile_scale(values, rising[::-1], lone=_middle(rising))
        elif measure == "monetary":
            cuts, scores = _quantile_scale(values, rising, lone=_middle(rising))
        else:
            cuts, scores = self._frequency_scale(values, rising)
        places = np.searchsorted(cuts, values, side="left")
        counts = np.bincount(places, minlength=len(scores))
        return {"cuts": cuts, "scores": scores, "customers": counts.tolist()}

    def _frequency_scale(
        self, orders: np.ndarray, rising: list[int]
    ) -> tuple[list[float], list[int]]:
        if self.frequency_bins == "quantile":
            with_single = orders.size > 0 and orders.min() <= 1
            return _quantile_scale(orders, rising, lone=1 if with_single else _middle(rising))
        repeat = rising[1:]
        cuts, scores = _quantile_scale(orders[orders > 1], repeat, lone=_middle(repeat))
        return [1.0, *cuts], [1, *scores]

    def _edge_rows(self, measure: str) -> list[tuple[Any, ...]]:
        scale = self.scales_[measure]
        bounds = [np.nan, *scale["cuts"], np.nan]
        shares = [count / self.buyers_ if self.buyers_ else np.nan for count in scale["customers"]]
        rows = zip(scale["scores"], bounds, bounds[1:], scale["customers"], shares)
        return sorted((measure, *row) for row in rows)

    def _cell_labels(self) -> list[str]:
        digits = [str(score) for score in range(1, self.bins + 1)]
        return ["".join(cell) for cell in product(digits, repeat=3)]

    def _family_labels(self) -> list[str]:
        return [
            FAMILIES[1],
            *(
                FAMILIES[3] if 2 * f > self.bins + 1 else FAMILIES[2]
                for f in range(2, self.bins + 1)
            ),
        ]

    def _texts(
        self, r: np.ndarray, f: np.ndarray, m: np.ndarray, buyer: np.ndarray
    ) -> dict[str, Any]:
        families = self._family_labels()
        subs = [f"{family}_r{score}" for family in families for score in range(1, self.bins + 1)]
        cell = np.where(buyer, ((r - 1) * self.bins + f - 1) * self.bins + m - 1, -1)
        sub = np.where(buyer, (f - 1) * self.bins + r, 0)
        return {
            "cell": pd.array(self._cell_labels(), dtype="str").take(cell, allow_fill=True),
            "family": pd.array([PROSPECTS, *families], dtype="str").take(f),
            "sub_segment": pd.array([PROSPECTS, *subs], dtype="str").take(sub),
        }

    def _totals(
        self, scores: pd.DataFrame, customers: pd.DataFrame, letters: list[str]
    ) -> pd.DataFrame:
        check_columns(customers, ["revenue"])
        if not scores.index.equals(customers.index):
            raise DataError(
                "scores and customers have different rows",
                where="rfm: cells",
                fix="pass the customers that predict was given",
            )
        scored = scores["r"].notna().to_numpy()
        keys = [scores.loc[scored, letter].to_numpy(dtype=np.int64) for letter in letters]
        grouped = customers.loc[scored, "revenue"].groupby(keys)
        whole = pd.MultiIndex.from_product([range(1, self.bins + 1)] * len(letters), names=letters)
        totals = pd.DataFrame({"customers": grouped.size(), "revenue": grouped.sum()})
        totals = totals.rename_axis(letters).reindex(whole, fill_value=0).reset_index()
        return totals.astype({"customers": "int64", "revenue": "float64"})


def quantile_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Return the `bins - 1` inner edges of `bins` equal parts, as type-7 quantiles.

    Parameters
    ----------
    values : array of float
        At least one number.
    bins : int
        Number of parts.

    Returns
    -------
    array of float
        Rising edges; equal where ties fill a whole part.

    Notes
    -----
    Positions are taken in whole numbers, so that an edge that falls on a value is that value.
    Source: Hyndman and Fan (1996), definition 7.

    Examples
    --------
    >>> quantile_edges(np.array([10.0, 20.0, 30.0, 40.0, 50.0, 60.0]), 5).tolist()
    [20.0, 30.0, 40.0, 50.0]
    """
    ordered = np.sort(values)
    steps = np.arange(1, bins) * (ordered.size - 1)
    low, rest = steps // bins, (steps % bins) / bins
    high = np.minimum(low + 1, ordered.size - 1)
    return ordered[low] + rest * (ordered[high] - ordered[low])


def _quantile_scale(
    values: np.ndarray, scores: list[int], *, lone: int
) -> tuple[list[float], list[int]]:
    edges = quantile_edges(values, len(scores)) if values.size else np.empty(0)
    kept = np.unique(edges[edges < values.max(initial=-np.inf)])
    if not kept.size:
        return [], [lone]
    places = [0, *np.searchsorted(edges, kept, side="right")]
    places[-1] = len(scores) - 1
    return kept.tolist(), [scores[place] for place in places]


def _scores(scale: Mapping[str, list[Any]], values: np.ndarray) -> np.ndarray:
    return np.asarray(scale["scores"])[np.searchsorted(scale["cuts"], values, side="left")]


def _middle(scores: list[int]) -> int:
    return (scores[0] + scores[-1]) // 2


def _check_cuts(cuts: Sequence[float], bins: int, *, where: str) -> None:
    try:
        numbers = np.asarray(cuts, dtype=float)
        right = numbers.shape == (bins - 1,) and np.isfinite(numbers).all()
        right = right and (np.diff(numbers) > 0).all()
    except (TypeError, ValueError):
        right = False
    if not right:
        raise SegkitError(
            f"is not {bins - 1} rising numbers",
            where=where,
            values=[cuts],
            fix=f"give the last value of each of the first {bins - 1} bins, lowest first",
        )
