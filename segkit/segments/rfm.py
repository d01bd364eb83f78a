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
    RETURNED_ALL,
    Segmentation,
    check_columns,
    finite_values,
    is_buyer,
    told_apart,
)

FAMILIES = (PROSPECTS, RETURNED_ALL, "beginners", "recurrent", "loyal")
_FAMILY_OF_F = ("beginners", "recurrent", "recurrent", "loyal", "loyal")
SUB_SEGMENTS = (
    *(PROSPECTS, RETURNED_ALL),
    *(f"{family}_r{r}" for family in FAMILIES[2:] for r in range(5, 0, -1)),
)
_LETTERS = {"recency": "r", "frequency": "f", "monetary": "m"}
_FIVE = 5
Scale = tuple[list[float], list[int], list[str]]
"""Rising edges; the scores of the intervals between them; and why each interval is what it is."""


class RFM(Segmentation):
    """Recency, frequency and monetary scores over buyers, learnt once and applied at any date.

    Parameters
    ----------
    bins : int
        Number of scores, 3 to 10; 5 gives the cells `111` to `555`.
    monetary : {"total", "mean"}
        M from all-time revenue, or from the customer's average order value.
    frequency_bins : {"gated", "quantile"}
        Gated: F = 1 is exactly one order, and the other scores are quantiles of repeat buyers.
    cut_points : dict, optional
        Agreed cut points by measure (`recency`, `frequency`, `monetary`): `bins - 1` rising
        numbers, each the last value of its bin, e.g. ``{"recency": [30, 90, 180, 365]}`` (days).
    usual_days, churn_days : float, optional
        The usual gap between purchases and the gap after which a customer hardly returns: the
        first and the last edge of recency, with the others at equal steps of log days between
        them (see `rhythm_edges`). Without them, recency is cut into quantiles. Cut points win.

    Attributes
    ----------
    scales_ : dict
        For each measure its `cuts`, the `scores` of the intervals between them (in the order of
        the values), the `reasons` for them and the `customers` in each when it was fitted.
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

    Families, sub-segments and the rules for single cells are written for five scores; where there
    are more or fewer, they are read on five (see `on_five`).

    Source: definitions, section 4; Hyndman and Fan (1996), definition 7.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "customer_id": list("abcde"), "orders": [1, 1, 2, 4, 0],
    ...     "recency_days": [200, 10, 60, 5, None], "revenue": [50.0, 20.0, 90.0, 400.0, 0.0]})
    >>> RFM().fit(customers).predict(customers)["sub_segment"].tolist()
    ['beginners_r1', 'beginners_r4', 'recurrent_r2', 'loyal_r5', 'prospects']
    >>> RFM(usual_days=30, churn_days=240).fit(customers).predict(customers)["r"].tolist()
    [2, 5, 4, 5, <NA>]
    """

    def __init__(
        self,
        bins: int = 5,
        monetary: Literal["total", "mean"] = "total",
        frequency_bins: Literal["gated", "quantile"] = "gated",
        cut_points: Mapping[str, Sequence[float]] | None = None,
        usual_days: float | None = None,
        churn_days: float | None = None,
    ) -> None:
        self.bins = bins
        self.monetary = monetary
        self.frequency_bins = frequency_bins
        self.cut_points = cut_points
        self.usual_days = usual_days
        self.churn_days = churn_days

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
            A parameter is wrong; cut points do not rise or are too many or too few; of the two
            gaps only one is given, or they are no days.
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
            `cell` (text such as `555`, or missing; of ten scores, `R10-F1-M5`), `family` and
            `sub_segment` (keys).
        """
        self._check_fitted()
        buyer, values = self._measured(customers)
        places = {name: self._places(name, values[name]) for name in values}
        return self._scored(places, buyer, customers)

    def settled(
        self, before: pd.DataFrame, after: pd.DataFrame, tolerance: float = 0.05
    ) -> pd.DataFrame:
        """Score the earlier of two dates so that nobody seems to move who only brushed an edge.

        Where the later value is past every edge that it crossed by less than `tolerance`, the
        earlier score is that of the later date; all others are those of `predict`. So the later
        scores stay what they are.

        Parameters
        ----------
        before, after : DataFrame
            Customers at two dates, as for `fit`, with `customer_id`.
        tolerance : float
            Share of an edge's value; 0 lets every crossing count.

        Returns
        -------
        DataFrame
            In the rows of `before`, as `predict` gives.

        Notes
        -----
        Definitions, section 8.

        Examples
        --------
        >>> then = pd.DataFrame({"customer_id": ["a", "b"], "orders": [1, 1],
        ...     "recency_days": [28, 28], "revenue": [9.0, 9.0]})
        >>> now = then.assign(recency_days=[31, 40])
        >>> model = RFM(usual_days=30, churn_days=240).fit(now)
        >>> model.settled(then, now)["r"].tolist(), model.predict(now)["r"].tolist()
        ([4, 5], [4, 4])
        """
        self._check_fitted()
        check_columns(before, ["customer_id"])
        check_columns(after, ["customer_id"])
        later = after.set_index("customer_id").reindex(before["customer_id"])
        buyer, was = self._measured(before)
        _, now = self._measured(later.reset_index())
        places = {name: self._settled_places(name, was[name], now[name], tolerance) for name in was}
        return self._scored(places, buyer, before)

    def on_five(self, scores: pd.DataFrame) -> pd.DataFrame:
        """Return `r`, `f`, `m` and `cell` on the scale of five that rule tables are written for.

        The ends of a scale stay its ends. F = 1 stays F = 1 and nothing else does, and where
        recency follows the rhythm, the same holds for its highest and its lowest score; the
        scores between are spread evenly.

        Parameters
        ----------
        scores : DataFrame
            What `predict` gave.

        Examples
        --------
        >>> scores = pd.DataFrame({"r": [10, 9, 1], "f": [1, 2, 10], "m": [1, 2, 3]}, dtype="Int64")
        >>> RFM(bins=10).on_five(scores)["cell"].tolist()
        ['511', '521', '152']
        """
        buyer = scores["r"].notna().to_numpy()
        plain = {letter: scores[letter].fillna(0).to_numpy(dtype=np.int64) for letter in "rfm"}
        five = {letter: self._fives(letter)[values] for letter, values in plain.items()}
        columns = {name: pd.arrays.IntegerArray(five[name], mask=~buyer) for name in "rfm"}
        cell = _cell_texts(five, buyer, _FIVE)
        return pd.DataFrame({**columns, "cell": cell}, index=scores.index)

    @property
    def columns(self) -> list[str]:
        """The columns of the customer table that are scored."""
        return list(self._columns().values())

    @property
    def ends(self) -> dict[str, int | str]:
        """How many `scores` there are, and the `best` and the `last` cell."""
        labels = _cell_labels(self.bins)
        return {"scores": self.bins, "best": labels[-1], "last": labels[0]}

    def edges(self) -> pd.DataFrame:
        """Return the learnt edges, one row for each score that a value can take.

        Returns
        -------
        DataFrame
            `measure`, `score`, `from` (exclusive), `to` (inclusive; days, orders or money, missing
            where open), `customers` and `share` (of the buyers it was fitted on), `reason`:
            `within_usual_gap`, `between_gaps`, `beyond_churn_gap`, `one_order`, `equal_parts`,
            `repeat_parts` (equal parts of the repeat buyers), `agreed`, `all_alike`.
        """
        self._check_fitted()
        rows = [row for measure in _LETTERS for row in self._edge_rows(measure)]
        columns = ["measure", "score", "from", "to", "customers", "share", "reason"]
        return pd.DataFrame(rows, columns=columns)

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
        totals.insert(0, "cell", _cell_labels(self.bins))
        return totals[["cell", "customers", "revenue"]]

    def _tables(self) -> dict[str, pd.DataFrame]:
        if not self._is_fitted():
            return {}
        edges = self.edges()
        return {name: edges[edges["measure"] == name].drop(columns="measure") for name in _LETTERS}

    def _check_params(self) -> None:
        check_choice(self.monetary, ["total", "mean"], where="rfm: monetary")
        check_choice(self.frequency_bins, ["gated", "quantile"], where="rfm: frequency_bins")
        if not isinstance(self.bins, int) or not 3 <= self.bins <= 10:
            raise SegkitError(
                "must be a whole number from 3 to 10", where="rfm: bins", values=[self.bins]
            )
        self._check_gaps()
        check_names(self.cut_points or {}, _LETTERS, where="rfm: cut_points")
        for measure, cuts in (self.cut_points or {}).items():
            _check_cuts(cuts, self.bins, where=f"rfm: cut_points: {measure}")

    def _check_gaps(self) -> None:
        gaps = [self.usual_days, self.churn_days]
        days = [gap for gap in gaps if gap is not None]
        right = len(days) != 1 and all(np.isfinite(gap) and gap >= 1 for gap in days)
        if not right:
            raise SegkitError(
                "must both be days, one or more, or neither be given",
                where="rfm: usual_days, churn_days",
                values=gaps,
            )

    @property
    def _follows_rhythm(self) -> bool:
        return self.usual_days is not None and "recency" not in (self.cut_points or {})

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

    def _measured(self, customers: pd.DataFrame) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return who is a buyer, and each measure's values, row by row (NaN for the others)."""
        buyer = is_buyer(customers)
        buyers = self._buyers(customers, buyer)
        values = {measure: np.full(len(customers), np.nan) for measure in _LETTERS}
        for measure in values:
            values[measure][buyer] = self._values(buyers, measure)
        return buyer, values

    def _places(self, measure: str, values: np.ndarray) -> np.ndarray:
        """Return in which interval of a measure each value lies; of NaN, in the last."""
        return np.searchsorted(self.scales_[measure]["cuts"], values, side="left")

    def _settled_places(
        self, measure: str, was: np.ndarray, now: np.ndarray, tolerance: float
    ) -> np.ndarray:
        before, after = self._places(measure, was), self._places(measure, now)
        crossed = (before != after) & ~np.isnan(was) & ~np.isnan(now)
        if not crossed.any():
            return before
        # Of the edges between, the one nearest to the earlier value is the first to be passed.
        cuts = np.asarray(self.scales_[measure]["cuts"])
        if measure == "frequency":
            cuts = np.floor(cuts) + 0.5  # between two counts of orders, not on one of them
        edge = cuts[np.where(now > was, before, before - 1)[crossed]]
        brushed = np.abs(now[crossed] - edge) < tolerance * np.abs(edge) - 1e-9
        before[crossed] = np.where(brushed, after[crossed], before[crossed])
        return before

    def _scored(
        self, places: Mapping[str, np.ndarray], buyer: np.ndarray, customers: pd.DataFrame
    ) -> pd.DataFrame:
        scores = {
            letter: np.where(buyer, np.asarray(self.scales_[name]["scores"])[places[name]], 0)
            for name, letter in _LETTERS.items()
        }
        columns = {
            letter: pd.arrays.IntegerArray(values, mask=~buyer) for letter, values in scores.items()
        }
        table = pd.DataFrame({**columns, **self._texts(scores, buyer)}, index=customers.index)
        kinds = ("family", "sub_segment")
        return table.assign(**{name: told_apart(table[name], customers) for name in kinds})

    def _scale(self, measure: str, values: np.ndarray) -> dict[str, list[Any]]:
        cuts, scores, reasons = self._cut(measure, values, list(range(1, self.bins + 1)))
        places = np.searchsorted(cuts, values, side="left")
        counts = np.bincount(places, minlength=len(scores))
        return {"cuts": cuts, "scores": scores, "reasons": reasons, "customers": counts.tolist()}

    def _cut(self, measure: str, values: np.ndarray, rising: list[int]) -> Scale:
        in_order = rising[::-1] if measure == "recency" else rising
        if self.cut_points and measure in self.cut_points:
            cuts = [float(cut) for cut in self.cut_points[measure]]
            return cuts, in_order, ["agreed"] * self.bins
        if measure == "frequency":
            return self._frequency_scale(values, rising)
        if measure == "recency" and self.usual_days and self.churn_days:
            return _rhythm_scale(
                rhythm_edges(self.usual_days, self.churn_days, self.bins), in_order
            )
        return _quantile_scale(values, in_order, lone=_middle(rising))

    def _frequency_scale(self, orders: np.ndarray, rising: list[int]) -> Scale:
        if self.frequency_bins == "quantile":
            with_single = orders.size > 0 and orders.min() <= 1
            return _quantile_scale(orders, rising, lone=1 if with_single else _middle(rising))
        repeat = rising[1:]
        cuts, scores, reasons = _quantile_scale(orders[orders > 1], repeat, lone=_middle(repeat))
        parts = {"equal_parts": "repeat_parts"}
        reasons = [parts.get(reason, reason) for reason in reasons]
        return [1.0, *cuts], [1, *scores], ["one_order", *reasons]

    def _edge_rows(self, measure: str) -> list[tuple[Any, ...]]:
        scale = self.scales_[measure]
        bounds = [np.nan, *scale["cuts"], np.nan]
        shares = [count / self.buyers_ if self.buyers_ else np.nan for count in scale["customers"]]
        rows = zip(
            scale["scores"], bounds, bounds[1:], scale["customers"], shares, scale["reasons"]
        )
        return sorted((measure, *row) for row in rows)

    def _fives(self, letter: str) -> np.ndarray:
        """Return the score on five of each score of a measure, from 0 (no score) on."""
        if letter == "f":
            spread = [1, *_spread(self.bins - 1, 2, _FIVE)]
        elif letter == "r" and self._follows_rhythm:
            spread = [1, *_spread(self.bins - 2, 2, _FIVE - 1), _FIVE]
        else:
            spread = _spread(self.bins, 1, _FIVE)
        return np.array([0, *spread])

    def _texts(self, scores: Mapping[str, np.ndarray], buyer: np.ndarray) -> dict[str, Any]:
        r, f = self._fives("r")[scores["r"]], self._fives("f")[scores["f"]]
        subs = [f"{family}_r{r}" for family in _FAMILY_OF_F for r in range(1, _FIVE + 1)]
        sub = np.where(buyer, (f - 1) * _FIVE + r, 0)
        return {
            "cell": _cell_texts(scores, buyer, self.bins),
            "family": pd.array([PROSPECTS, *_FAMILY_OF_F], dtype="str").take(f),
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


def rhythm_edges(usual_days: float, churn_days: float, bins: int) -> np.ndarray:
    """Return the `bins - 1` edges of recency that follow the rhythm of customers.

    Parameters
    ----------
    usual_days, churn_days : float
        The usual gap between purchases, and that after which hardly anybody returns.
    bins : int
        Number of scores.

    Returns
    -------
    array of float
        Rising days, from the usual gap to the churn gap at equal steps of log days; in whole
        days, as recency is. Where there are fewer days than steps some are equal; a usual gap
        beyond the churn gap gives way to it.

    Notes
    -----
    Definitions, section 4.

    Examples
    --------
    >>> rhythm_edges(35, 324, 5).tolist()
    [35.0, 73.0, 154.0, 324.0]
    """
    steps = np.geomspace(min(usual_days, churn_days), churn_days, bins - 1)
    return np.floor(steps + 1e-9)


def _rhythm_scale(edges: np.ndarray, scores: list[int]) -> Scale:
    kept = np.unique(edges)
    places = [0, *np.searchsorted(edges, kept, side="right")]
    between = ["between_gaps"] * (len(kept) - 1)
    reasons = ["within_usual_gap", *between, "beyond_churn_gap"]
    return kept.tolist(), [scores[place] for place in places], reasons


def _quantile_scale(values: np.ndarray, scores: list[int], *, lone: int) -> Scale:
    edges = quantile_edges(values, len(scores)) if values.size else np.empty(0)
    kept = np.unique(edges[edges < values.max(initial=-np.inf)])
    if not kept.size:
        return [], [lone], ["all_alike"]
    places = [0, *np.searchsorted(edges, kept, side="right")]
    places[-1] = len(scores) - 1
    return kept.tolist(), [scores[place] for place in places], ["equal_parts"] * len(places)


def _spread(count: int, low: int, high: int) -> list[int]:
    """Return so many whole numbers, evenly from the lowest to the highest; one is the middle."""
    if count == 1:
        return [(low + high) // 2]
    return [int(low + place * (high - low) / (count - 1) + 0.5) for place in range(count)]


def _cell_labels(bins: int) -> list[str]:
    pattern = "{}{}{}" if bins < 10 else "R{}-F{}-M{}"
    return [pattern.format(*cell) for cell in product(range(1, bins + 1), repeat=3)]


def _cell_texts(scores: Mapping[str, np.ndarray], buyer: np.ndarray, bins: int) -> Any:
    place = ((scores["r"] - 1) * bins + scores["f"] - 1) * bins + scores["m"] - 1
    labels = pd.array(_cell_labels(bins), dtype="str")
    return labels.take(np.where(buyer, place, -1), allow_fill=True)


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
