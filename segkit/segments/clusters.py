"""Clusters: k-means on the customer table, ordered by value and named by their profile."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd

from segkit.errors import RuleError, SegkitError
from segkit.foundation.estimator import check_choice, check_names
from segkit.foundation.yaml_files import load_yaml
from segkit.segments.base import (
    PROSPECTS,
    WITHOUT_ORDERS,
    Segmentation,
    check_columns,
    check_key,
    finite_values,
    is_buyer,
    told_apart,
)

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

PROFILE_MEASURES = ("recency_days", "orders", "revenue", "aov")
_RATIOS = {
    "aov": ("revenue", "orders"),
    "upt": ("units", "orders"),
    "profit_per_order": ("profit", "orders"),
}
# The silhouette is quadratic: 10,000 rows of a million take 0.7 s with a deviation of 0.002.
_SELECTION_ROWS = 10_000
# Refits see a sample: they are compared on all customers, and would cost as much as the fit.
_REFIT_ROWS = 5_000
_REFIT_STARTS = 3


class Clusters(Segmentation):
    """k-means clusters of buyers, with the same names for the same data.

    Parameters
    ----------
    features : sequence of str
        `upt`, `profit_per_order`, or any numeric column of the customer table.
    log : sequence of str, optional
        Features taken as ``sign(x) * log1p(|x|)``; names that are not among `features` are without
        effect. None: those that are never negative and whose skewness, clipped, exceeds 1.
    clip : pair of float, optional
        Quantiles (type 7) that each feature is first limited to; None leaves it as it is.
    scaling : {"standard", "robust", "none"}
        Mean and standard deviation, median and interquartile range, or nothing.
    k : int, optional
        Number of clusters; None chooses from `k_range`.
    k_range : pair of int
        Smallest and largest k to try.
    seed : int
        Of every random choice.
    n_init : int
        Starts of k-means, of which the best is kept.
    sample : int
        Buyers that k-means is fitted on, at most; all are labelled.
    stability_refits : int
        Bootstrap refits for the stability of a k.
    min_stability : float
        Stability below which a k is not chosen for its silhouette.
    curve : bool
        Measure every k of `k_range` also where `k` is given.
    names : path, optional
        A client's own table of names; the format is at the head of `tables/cluster_names.yaml`.

    Attributes
    ----------
    segments_ : list of str
        Names of the clusters, the one with the highest mean revenue first.
    sizes_ : list of int
        Buyers in each when it was fitted.
    centroids_ : list of list of float
        In clipped, logged and scaled units, in the order of `segments_`.
    inertia_, silhouette_, stability_ : float or None
        Inertia over all buyers; silhouette and stability over a seeded sample of at most 10,000
        (silhouette is None for a single cluster).
    notes_ : list of str
        What was done otherwise than asked, and why.

    Notes
    -----
    - Choice of k: among the k whose stability (mean adjusted Rand index between the clusters and
      those of bootstrap refits, on the same customers) is at least `min_stability`, the one with
      the best silhouette; if there is none, the most stable. The smaller k among equals.
    - Rows are sorted by `customer_id` and k-means runs on one thread, so that neither the order
      of rows nor the machine's cores change a label.
    - Fewer distinct customers than k reduce k (see `notes_`).

    Source: definitions, section 5; Rousseeuw (1987) for the silhouette, Hubert and Arabie (1985)
    for the adjusted Rand index, Hennig (2007) for stability by bootstrap.

    Examples
    --------
    >>> customers = pd.DataFrame({
    ...     "customer_id": list("abcdef"), "orders": [1, 1, 1, 9, 9, 0],
    ...     "recency_days": [300, 310, 305, 5, 6, None],
    ...     "revenue": [10.0, 12.0, 11.0, 900.0, 950.0, 0.0]})
    >>> Clusters(k=2).fit_predict(customers).tolist()
    ['hibernating', 'hibernating', 'hibernating', 'champions', 'champions', 'prospects']
    """

    def __init__(
        self,
        features: Sequence[str] = ("recency_days", "orders", "revenue"),
        log: Sequence[str] | None = ("orders", "revenue"),
        clip: Sequence[float] | None = (0.01, 0.99),
        scaling: Literal["standard", "robust", "none"] = "standard",
        k: int | None = None,
        k_range: Sequence[int] = (2, 10),
        seed: int = 42,
        n_init: int = 10,
        sample: int = 50_000,
        stability_refits: int = 10,
        min_stability: float = 0.8,
        curve: bool = False,
        names: str | Path | None = None,
    ) -> None:
        self.features = features
        self.log = log
        self.clip = clip
        self.scaling = scaling
        self.k = k
        self.k_range = k_range
        self.seed = seed
        self.n_init = n_init
        self.sample = sample
        self.stability_refits = stability_refits
        self.min_stability = min_stability
        self.curve = curve
        self.names = names

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn transformation, centroids and names from the buyers among `customers`.

        Parameters
        ----------
        customers : DataFrame
            One row a customer: `customer_id`, `orders`, `recency_days` (days), `revenue` (money)
            and the features.

        Returns
        -------
        Clusters
            Itself, fitted.

        Raises
        ------
        SegkitError
            A parameter is wrong or a feature is unknown.
        DataError
            A column is missing, or a buyer has no value in it.
        RuleError
            The table of names is malformed.
        """
        rules = load_cluster_names(self.names)
        self._check_params(customers, most=len(rules))
        buyers = _sorted_buyers(customers)
        self.notes_: list[str] = []
        values = _feature_table(buyers, self.features)
        self._learn_transformation(values)
        matrix = self._transformed(values)
        self._learn_centroids(matrix)
        self._order_and_name(buyers, matrix, rules)
        return self

    def predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return each customer's cluster: the nearest centroid's name.

        Parameters
        ----------
        customers : DataFrame
            As for `fit`; any batch, at any date.

        Returns
        -------
        Series
            `segment`, indexed like `customers`; `prospects` for those without an order, or
            `returned_all` where they returned what they bought.
        """
        self._check_fitted()
        buyer = is_buyer(customers)
        places = np.zeros(len(customers), dtype=np.int64)
        if self.segments_:
            matrix = self._transformed(_feature_table(customers[buyer], self.features))
            places[buyer] = 1 + _nearest(matrix, np.asarray(self.centroids_))[0]
        keys = pd.array([PROSPECTS, *self.segments_], dtype="str").take(places)
        return told_apart(pd.Series(keys, index=customers.index, name="segment"), customers)

    def fit_predict(self, customers: pd.DataFrame) -> pd.Series:
        """Return the labels of the customers that it is fitted on."""
        return self.fit(customers).predict(customers)

    def _facts(self) -> dict[str, object]:
        measured = ("silhouette_", "stability_", "notes_") if self._is_fitted() else ()
        return super()._facts() | {name.rstrip("_"): getattr(self, name) for name in measured}

    def _tables(self) -> dict[str, pd.DataFrame]:
        if not self._is_fitted():
            return {}
        sizes = pd.DataFrame({"segment": self.segments_, "buyers": self.sizes_})
        return {"clusters": sizes.assign(share=sizes["buyers"] / sizes["buyers"].sum())}

    def selection(self) -> pd.DataFrame:
        """Return how the values of k compare.

        Returns
        -------
        DataFrame
            `k`, `inertia`, `silhouette`, `stability` and `chosen`, over the same seeded sample
            of at most 10,000 buyers; one row where `k` was given and `curve` is False.
        """
        self._check_fitted()
        numbers = dict.fromkeys(("inertia", "silhouette", "stability"), "float64")
        columns = {"k": "int64"} | numbers
        table = pd.DataFrame(self.selection_, columns=list(columns)).astype(columns)
        return table.assign(chosen=table["k"] == len(self.segments_))

    def profile(self, customers: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
        """Return size and means of each segment, in original units.

        Parameters
        ----------
        customers : DataFrame
            As for `predict`.
        labels : Series
            What `predict` gave for them.

        Returns
        -------
        DataFrame
            `segment` (by value, those without orders last), `customers`, `customers_share` (of all rows),
            the mean of each measure and feature, `revenue_share`.
        """
        values = self._profile_values(customers)
        means = values.groupby(labels.to_numpy()).mean()
        table = pd.DataFrame(index=self._order(labels))
        table["customers"] = labels.value_counts().reindex(table.index, fill_value=0)
        table["customers_share"] = table["customers"] / max(len(labels), 1)
        table = table.join(means)
        revenue = customers["revenue"].groupby(labels.to_numpy()).sum()
        table["revenue_share"] = revenue.reindex(table.index, fill_value=0.0) / revenue.sum()
        return table.rename_axis("segment").reset_index()

    def relative(self, customers: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
        """Return each cluster's means over the means of all buyers (1 = like the base).

        Parameters
        ----------
        customers, labels : DataFrame, Series
            As for `profile`.

        Returns
        -------
        DataFrame
            `segment` (by value, without those who have no order) and a ratio for each measure and feature.
        """
        values = self._profile_values(customers)
        means = values.groupby(labels.to_numpy()).mean()
        ratios = means / values.mean().replace(0, np.nan)
        order = [segment for segment in self._order(labels) if segment not in WITHOUT_ORDERS]
        return ratios.reindex(order).rename_axis("segment").reset_index()

    def _check_params(self, customers: pd.DataFrame, *, most: int) -> None:
        for name, given in {"features": self.features or "", "log": self.log or ()}.items():
            if isinstance(given, str):
                raise SegkitError("is no list of names", where=f"clusters: {name}", values=[given])
        known = _feature_names(customers)
        check_names(self.features, known, where="clusters: features")
        check_names(self.log or (), {**dict.fromkeys(known), **_RATIOS}, where="clusters: log")
        check_choice(self.scaling, ["standard", "robust", "none"], where="clusters: scaling")
        low, high = self.k_range
        self._check_k("k_range", [low, high], 2 <= low <= high <= most, most)
        self._check_k("k", [self.k], self.k is None or 1 <= self.k <= most, most)
        if self.clip is not None and not 0 <= self.clip[0] < self.clip[1] <= 1:
            raise SegkitError(
                "is no pair of rising quantiles in 0..1", where="clusters: clip", values=[self.clip]
            )

    def _check_k(self, name: str, values: list[int | None], right: bool, most: int) -> None:
        if not right:
            raise SegkitError(
                "is out of range",
                where=f"clusters: {name}",
                values=values,
                fix=f"there are names for {most} clusters at most, and k_range begins at 2",
            )

    def _learn_transformation(self, values: pd.DataFrame) -> None:
        bounds = values.quantile(list(self.clip)) if self.clip is not None else None
        self.clip_ = None
        if bounds is not None and len(values):
            self.clip_ = bounds.to_numpy().tolist()
        clipped = self._clipped(values)
        self.logged_ = [name for name in self.features if self._is_logged(name, clipped[name])]
        logged = self._logged(clipped)
        self.center_, self.scale_ = _location_and_scale(logged.to_numpy(), self.scaling)

    def _is_logged(self, name: str, values: pd.Series) -> bool:
        if self.log is not None:
            return name in self.log
        numbers: Any = values.astype(float)
        return bool(numbers.min() >= 0 and numbers.skew() > 1)

    def _clipped(self, values: pd.DataFrame) -> pd.DataFrame:
        return values if self.clip_ is None else values.clip(*self.clip_, axis=1)

    def _logged(self, values: pd.DataFrame) -> pd.DataFrame:
        # A net value can be negative after refunds: the sign is kept, so that it stays lowest.
        logs = {name: np.sign(values[name]) * np.log1p(values[name].abs()) for name in self.logged_}
        return values.assign(**logs)

    def _transformed(self, values: pd.DataFrame) -> np.ndarray:
        logged = self._logged(self._clipped(values)).to_numpy()
        return (logged - np.asarray(self.center_)) / np.asarray(self.scale_)

    def _learn_centroids(self, matrix: np.ndarray) -> None:
        rows = _seeded_rows(len(matrix), self.sample, self.seed)
        fitted = matrix[rows]
        distinct = len(np.unique(fitted.round(6), axis=0))
        shown = fitted[_seeded_rows(len(fitted), _SELECTION_ROWS, self.seed)]
        self.selection_ = [self._measured(shown, k) for k in self._candidates(distinct)]
        k = self._chosen_k(distinct)
        centroids = _kmeans_centroids(fitted, k, self.seed, self.n_init)
        self.centroids_ = centroids.tolist()
        wanted = self.k or self.k_range[0]
        if len(centroids) < wanted:
            self.notes_.append(
                f"{len(centroids)} clusters instead of {wanted}: "
                f"there are only {distinct} different buyers"
            )

    def _candidates(self, distinct: int) -> list[int]:
        whole = list(range(self.k_range[0], self.k_range[1] + 1))
        wanted = whole if self.k is None else [self.k]
        if self.k is not None and self.curve:
            wanted = sorted({*whole, self.k})
        return sorted({min(k, distinct) for k in wanted} - {0})

    def _chosen_k(self, distinct: int) -> int:
        if self.k is not None:
            return min(self.k, distinct)
        return choose_k(self.selection_, self.min_stability)

    def _measured(self, matrix: np.ndarray, k: int) -> dict[str, Any]:
        centroids = _kmeans_centroids(matrix, k, self.seed, self.n_init)
        labels, distances = _nearest(matrix, centroids)
        return {
            "k": k,
            "inertia": float(distances.sum()),
            "silhouette": _silhouette(matrix, labels),
            "stability": self._stability(matrix, labels, k),
        }

    def _stability(self, matrix: np.ndarray, labels: np.ndarray, k: int) -> float | None:
        from sklearn.metrics import adjusted_rand_score  # loading it takes over a second

        agreement = []
        for refit in range(self.stability_refits):
            draw = np.random.default_rng([self.seed, k, refit])
            rows = draw.integers(0, len(matrix), min(len(matrix), _REFIT_ROWS))
            centroids = _kmeans_centroids(matrix[rows], k, self.seed + refit + 1, _REFIT_STARTS)
            agreement.append(adjusted_rand_score(labels, _nearest(matrix, centroids)[0]))
        return float(np.mean(agreement)) if agreement else None

    def _order_and_name(
        self,
        buyers: pd.DataFrame,
        matrix: np.ndarray,
        rules: Mapping[str, Mapping[str, tuple[float, float]]],
    ) -> None:
        centroids = np.asarray(self.centroids_)
        labels, distances = _nearest(matrix, centroids)
        values = _feature_table(buyers, PROFILE_MEASURES)
        means = values.groupby(labels).mean()
        # Equal revenue is told apart by the other means, never by k-means' own numbering.
        order = means.sort_values(
            ["revenue", "orders", "recency_days"], ascending=[False, False, True]
        )
        ratios = order / values.mean().replace(0, np.nan)
        self.segments_ = name_clusters(ratios.fillna(1.0), rules)
        self.centroids_ = centroids[order.index].tolist()
        self.sizes_ = np.bincount(labels, minlength=len(centroids))[order.index].tolist()
        self.inertia_ = float(distances.sum())
        chosen = next((row for row in self.selection_ if row["k"] == len(centroids)), {})
        self.silhouette_, self.stability_ = chosen.get("silhouette"), chosen.get("stability")

    def _profile_values(self, customers: pd.DataFrame) -> pd.DataFrame:
        names = list(dict.fromkeys([*PROFILE_MEASURES, *self.features]))
        buyer = is_buyer(customers)
        values = np.full((len(customers), len(names)), np.nan)
        values[buyer] = _feature_table(customers[buyer], names)
        return pd.DataFrame(values, index=customers.index, columns=names)

    def _order(self, labels: pd.Series) -> list[str]:
        self._check_fitted()
        return [*self.segments_, *(key for key in WITHOUT_ORDERS if (labels == key).any())]


def choose_k(selection: Sequence[Mapping[str, Any]], min_stability: float) -> int:
    """Return the k to use: the best silhouette among the stable, else the most stable.

    Parameters
    ----------
    selection : sequence of mapping
        For each k its `silhouette` and `stability`, None where there is none.
    min_stability : float
        Mean adjusted Rand index from which a k counts as stable.

    Returns
    -------
    int
        The smaller k among equals; 0 where there is nothing to choose from.

    Notes
    -----
    Source: definitions, section 5.

    Examples
    --------
    >>> rows = [{"k": 2, "silhouette": 0.3, "stability": 0.9},
    ...         {"k": 3, "silhouette": 0.4, "stability": 0.7}]
    >>> choose_k(rows, 0.8), choose_k(rows, 0.6), choose_k(rows, 0.95)
    (2, 3, 2)
    """

    def measure(row: Mapping[str, Any], name: str) -> float:
        return -1.0 if row[name] is None else row[name]

    stable = [row for row in selection if measure(row, "stability") >= min_stability]
    by = "silhouette" if stable else "stability"
    best = max(stable or selection, key=lambda row: (measure(row, by), -row["k"]), default={"k": 0})
    return best["k"]


def load_cluster_names(path: str | Path | None = None) -> dict[str, dict[str, tuple[float, float]]]:
    """Return the bounds of each name, by measure, from a YAML file or the kit's own.

    Parameters
    ----------
    path : path, optional
        A client's table; its format is at the head of `tables/cluster_names.yaml`.

    Returns
    -------
    dict
        Name to measure to (lowest, highest) ratio to the base; 0 and infinity where open.

    Raises
    ------
    RuleError
        A measure is unknown, or a bound is no rising pair of positive numbers.

    Examples
    --------
    >>> load_cluster_names()["lost"]["recency_days"]
    (1.5, inf)
    """
    file = Path(path or Path(__file__).parent / "tables" / "cluster_names.yaml")
    where = str(path) if path else file.name
    table = load_yaml(file)
    for name in table:
        check_key(name, where=where)
    return {name: _bounds(bounds, f"{where}: {name}") for name, bounds in table.items()}


def name_clusters(
    ratios: pd.DataFrame, rules: Mapping[str, Mapping[str, tuple[float, float]]]
) -> list[str]:
    """Return a name for each cluster, no name twice, with the least total misfit.

    Parameters
    ----------
    ratios : DataFrame
        One row a cluster, the one of most value first: mean over the base's mean, by measure.
    rules : mapping
        What `load_cluster_names` returns.

    Returns
    -------
    list of str
        One name a row.

    Notes
    -----
    The misfit of a name is the sum over its bounds of the log-distance outside them; the
    assignment that minimises the total is found exactly (Hungarian method).

    Examples
    --------
    >>> ratios = pd.DataFrame({"recency_days": [0.3, 3.0], "orders": [2.5, 0.5],
    ...                        "revenue": [3.0, 0.5], "aov": [1.2, 1.0]})
    >>> name_clusters(ratios, load_cluster_names())
    ['champions', 'lost']
    """
    from scipy.optimize import linear_sum_assignment  # with scipy: a fitted state needs none

    clipped = ratios.clip(lower=0.01, upper=100)
    logs = clipped.apply(np.log)
    misfit = np.column_stack([_misfit(logs, bounds) for bounds in rules.values()])
    # A millionth a place decides among equals: earlier names first, and for the higher values.
    places = np.arange(len(rules))[None, :]
    weight = 1 + np.arange(len(ratios), 0, -1)[:, None] / (len(ratios) + 1)
    _, chosen = linear_sum_assignment(misfit + 1e-6 * places * weight)
    names = list(rules)
    return [names[place] for place in chosen]


def _misfit(logs: pd.DataFrame, bounds: Mapping[str, tuple[float, float]]) -> np.ndarray:
    total = np.zeros(len(logs))
    for measure, (low, high) in bounds.items():
        below = np.log(low) - logs[measure] if low > 0 else 0.0
        total += np.maximum(np.maximum(below, logs[measure] - np.log(high)), 0.0)
    return total


def _bounds(given: object, where: str) -> dict[str, tuple[float, float]]:
    if not isinstance(given, dict) or not given:
        raise RuleError("is not {measure: [lowest, highest]}", where=where, values=[given])
    try:
        check_names(given, PROFILE_MEASURES, where=where)
    except SegkitError as error:
        problem, _, values, _, fix = error.args
        raise RuleError(problem, where=where, values=values, fix=fix) from None
    return {measure: _bound(pair, f"{where}: {measure}") for measure, pair in given.items()}


def _bound(pair: Any, where: str) -> tuple[float, float]:
    low, high = 1.0, 0.0
    is_pair = isinstance(pair, list) and len(pair) == 2
    if is_pair and {type(end) for end in pair} <= {int, float, type(None)}:
        low = 0.0 if pair[0] is None else pair[0]
        high = np.inf if pair[1] is None else pair[1]
    if not 0 <= low < high:
        raise RuleError(
            "is no rising pair of ratios",
            where=where,
            values=[pair],
            fix="write [lowest, highest], with null where a side is open",
        )
    return float(low), float(high)


def _feature_names(customers: pd.DataFrame) -> list[str]:
    kinds = customers.dtypes.items()
    numeric = [str(name) for name, kind in kinds if pd.api.types.is_numeric_dtype(kind)]
    derived = [name for name, parts in _RATIOS.items() if set(parts) <= set(customers.columns)]
    return list(dict.fromkeys([*numeric, *derived]))


def _feature_table(customers: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    columns = {
        name: finite_values(customers, _feature(customers, name), name=name) for name in names
    }
    return pd.DataFrame(columns, index=customers.index)


def _feature(customers: pd.DataFrame, name: str) -> pd.Series:
    if name in customers.columns or name not in _RATIOS:
        check_columns(customers, [name])
        return customers[name]
    above, below = _RATIOS[name]
    check_columns(customers, [above, below])
    return customers[above] / customers[below]


def _sorted_buyers(customers: pd.DataFrame) -> pd.DataFrame:
    check_columns(customers, ["customer_id", "orders"])
    buyers = customers[is_buyer(customers)]
    if buyers["customer_id"].is_monotonic_increasing:
        return buyers
    return buyers.sort_values("customer_id", kind="stable")


def _location_and_scale(matrix: np.ndarray, scaling: str) -> tuple[list[float], list[float]]:
    columns = matrix.shape[1]
    if scaling == "none" or not len(matrix):
        return [0.0] * columns, [1.0] * columns
    spread = matrix.std(axis=0)
    center = matrix.mean(axis=0)
    if scaling == "robust":
        low, center, high = np.quantile(matrix, [0.25, 0.5, 0.75], axis=0)
        spread = np.where(high > low, high - low, spread)
    # A constant feature has a spread of rounding errors only, which must not be blown up.
    flat = spread <= 1e-12 * np.maximum(1, np.abs(center))
    return center.tolist(), np.where(flat, 1.0, spread).tolist()


def _seeded_rows(rows: int, most: int, seed: int) -> np.ndarray:
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _kmeans_centroids(matrix: np.ndarray, k: int, seed: int, n_init: int) -> np.ndarray:
    if not k:
        return np.empty((0, matrix.shape[1]))
    model = _kmeans(matrix, k, seed, n_init)
    return model.cluster_centers_[np.unique(model.labels_)]


def _kmeans(matrix: np.ndarray, k: int, seed: int, n_init: int) -> KMeans:
    from sklearn.cluster import KMeans  # loading it takes over a second
    from sklearn.exceptions import ConvergenceWarning  # loading it takes over a second
    from threadpoolctl import threadpool_limits  # with scikit-learn

    model = KMeans(n_clusters=k, random_state=seed, n_init=n_init)
    # Threads add their parts in any order, and the last bits would depend on the cores.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A bootstrap draw can hold fewer distinct rows than k; empty clusters are dropped.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(matrix)


def _nearest(matrix: np.ndarray, centroids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Column by column instead of a matrix product, whose last bits depend on the batch.
    best = np.full(len(matrix), np.inf)
    labels = np.zeros(len(matrix), dtype=np.int64)
    for place, centroid in enumerate(centroids):
        distance = np.zeros(len(matrix))
        for column, coordinate in enumerate(centroid):
            distance += (matrix[:, column] - coordinate) ** 2
        nearer = distance < best
        best[nearer], labels[nearer] = distance[nearer], place
    return labels, np.where(np.isfinite(best), best, 0.0)


def _silhouette(matrix: np.ndarray, labels: np.ndarray) -> float | None:
    from sklearn.metrics import silhouette_score  # loading it takes over a second

    if not 2 <= len(np.unique(labels)) < len(matrix):
        return None
    return float(silhouette_score(matrix, labels))
