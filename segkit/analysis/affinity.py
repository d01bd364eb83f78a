"""Which products to offer to whom: item–item affinities from what the same customers bought.

Products are whole numbers here: their place in a *catalogue*, whose first `modelled` rows, the
most bought ones, have affinities. A customer's rows say what it bought and looked at. Everything
is a pure function of small tables and of batches of customers; nothing looks ahead.

Affinities are those of a linear model in which each product is explained by the others that its
buyers bought, all at once and never by itself: a product that goes with everything explains
nothing, which is what corrects for popularity. It has a closed solution: with G the matrix of
co-purchases, weighted so that who bought much says less, and P = (G + λI)⁻¹, the weight of
product i for product j is −P[i,j] / P[j,j].

Source
------
Steck (2019), "Embarrassingly Shallow Autoencoders for Sparse Data", WWW '19, equation 8.
Definitions, section 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from segkit.analysis.intervals import wilson_low

SOURCES = ("rebuy", "seen", "affinity", "category", "best_seller", "replenish")
"""Why a product is offered: it is rebought by habit; was looked at and not bought; goes with what
was bought; sells best in the customer's categories; sells best of all; or is rebought by people in
a known rhythm, and due."""
REBUY, REPLENISH = SOURCES.index("rebuy"), SOURCES.index("replenish")
NOTHING = -1
"""Stands where there is no further product to offer."""

HABIT, CARTED, VIEWED = 2.0, 2.0, 1.0
SEEN_HALF_LIFE = 30.0  # days: what was looked at a season ago says little
LEAST = np.float32(1e-6)  # so that what nothing speaks for is a best seller
UNKNOWN = -1000.0  # outweighs how telling the products of all segments are
MOST_TIMES = 2.0  # more does not count: a rare product is easily bought ten times the usual
PRIOR_DAYS = 3.0  # purchase days that a product's own rate of rebuying counts for
PRIOR_GAPS = 1.0  # gaps between purchases that a product's own rhythm counts for
FRESH, DUE = 0.25, 0.75  # of the gap: before, it is not offered again; from then on, it is due
EARLY = 0.9  # of the habit counts where it is not due
AGAIN = 3  # products to buy again for a new one
BACKOFF = np.array([0.01, 0.006], dtype="float32")  # the category's, then the brand's best sellers


@dataclass(frozen=True)
class Catalogue:
    """What is known of products, as arrays over their places.

    Parameters
    ----------
    category : array of int
        Place of each product's category, from 0 on; -1 where unknown.
    popularity : array of float
        Customers who bought it, those of long ago counting less.
    rebuy_rate : array of float
        Share of its customers who bought it on several days, drawn to 0 where they are few.
    is_rebought : array of bool
        Whether it may be offered to who has bought it.
    repeat_gap_days : array of float
        Days after which it is bought again; NaN where it has no rhythm.
    is_offered : array of bool
        Whether it may be offered at all.
    modelled : int
        So many products, the first ones, have affinities.
    """

    category: np.ndarray
    popularity: np.ndarray
    rebuy_rate: np.ndarray
    is_rebought: np.ndarray
    repeat_gap_days: np.ndarray
    is_offered: np.ndarray
    modelled: int

    def __len__(self) -> int:
        return len(self.category)


def catalogue_of(products: pd.DataFrame, *, max_products: int = 3000) -> Catalogue:
    """Return a table of products as a catalogue.

    Parameters
    ----------
    products : DataFrame
        Most bought first: `customers`, `rebuyers`, `repeat_gap_days` (missing where unknown),
        `popularity`, `category` (likewise), `is_rebought`, `is_offered`.
    max_products : int
        So many have affinities.

    Examples
    --------
    >>> products = pd.DataFrame({"customers": [9, 4], "rebuyers": [0, 2], "popularity": [8.0, 3.0],
    ...     "category": ["tea", None], "is_rebought": [False, True], "is_offered": [True, True],
    ...     "repeat_gap_days": [None, 30.0]})
    >>> catalogue = catalogue_of(products)
    >>> catalogue.category.tolist(), catalogue.modelled
    ([0, -1], 2)
    """
    rhythm = products["repeat_gap_days"].where(products["is_rebought"])
    return Catalogue(
        category=pd.factorize(products["category"], sort=True)[0],
        popularity=products["popularity"].to_numpy("float32"),
        rebuy_rate=(products["rebuyers"] / (products["customers"] + 10)).to_numpy("float32"),
        is_rebought=products["is_rebought"].to_numpy(bool),
        repeat_gap_days=rhythm.to_numpy("float64"),
        is_offered=products["is_offered"].to_numpy(bool),
        modelled=min(len(products), max_products),
    )


def affinities(
    rows: pd.DataFrame,
    modelled: int,
    *,
    min_support: int = 5,
    neighbours: int = 200,
    strength: float = 5.0,
) -> pd.DataFrame:
    """Return how much having bought one product speaks for another.

    Parameters
    ----------
    rows : DataFrame
        `customer` and `product` (places), `days` (purchase days; 0 where not bought).
    modelled : int
        Products from 0 to below this one have affinities.
    min_support : int
        Nothing speaks for a product with which fewer customers bought it.
    neighbours : int
        So many products at most speak for, or against, each.
    strength : float
        Of the regularisation λ, in mean squared purchases of a product.

    Returns
    -------
    DataFrame
        `product` (bought), `offered`, `affinity` (negative: speaks against it), `customers`
        (who bought both), ordered by `offered` and `product`.

    Notes
    -----
    Source: Steck (2019), equation 8, with purchases weighted by one over the root of how many
    products the customer bought. `min_support`: definitions, section 10.

    Examples
    --------
    >>> rows = pd.DataFrame({"customer": [0, 0, 1, 1, 2, 2, 3], "product": [0, 1, 0, 1, 0, 1, 2],
    ...     "days": 1})
    >>> affinities(rows, 3, min_support=3)[["product", "offered", "customers"]]
       product  offered  customers
    0        1        0          3
    1        0        1          3
    """
    bought, each = _binary(rows[rows["days"] > 0], modelled)
    if not bought.nnz:
        columns = {"product": "int32", "offered": "int32", "affinity": "float32"}
        kinds = columns | {"customers": "int64"}
        return pd.DataFrame(columns=list(kinds)).astype(kinds)
    weights = _weights(bought, each, strength)
    support = (bought.T @ bought).toarray()
    weights[(weights > 0) & (support < min_support)] = 0.0
    weights[support == 0] = 0.0
    _keep_largest(weights, neighbours)
    product, offered = np.nonzero(weights)
    table = pd.DataFrame(
        {
            "product": product.astype("int32"),
            "offered": offered.astype("int32"),
            "affinity": weights[product, offered].astype("float32"),
            "customers": support[product, offered].astype("int64"),
        }
    )
    return table.sort_values(["offered", "product"], ignore_index=True)


def _binary(bought: pd.DataFrame, modelled: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Return who bought what, customers by products, and how many products, modelled or not."""
    customers = int(bought["customer"].max()) + 1 if len(bought) else 0
    total = np.bincount(bought["customer"], minlength=customers)
    known = bought[bought["product"] < modelled]
    place = (known["customer"].to_numpy(), known["product"].to_numpy())
    ones = np.ones(len(known), dtype="float32")
    return sparse.csr_matrix((ones, place), shape=(customers, modelled)), total


def _weights(bought: sparse.csr_matrix, each: np.ndarray, strength: float) -> np.ndarray:
    damped = sparse.diags(1 / np.sqrt(np.maximum(each, 1)))
    gram = (bought.T @ (damped @ bought)).toarray().astype("float64")
    gram[np.diag_indices_from(gram)] += strength * gram.diagonal().mean()
    inverse = np.linalg.inv(gram)
    weights = -inverse / inverse.diagonal()
    np.fill_diagonal(weights, 0.0)
    return weights


def _keep_largest(weights: np.ndarray, neighbours: int) -> None:
    """Set to 0, in place, all but the largest weights (of either sign) of each column."""
    if len(weights) <= neighbours:
        return
    rest = np.argpartition(-np.abs(weights), neighbours, axis=0)[neighbours:]
    np.put_along_axis(weights, rest, 0.0, axis=0)


def affinity_matrix(table: pd.DataFrame, modelled: int) -> np.ndarray:
    """Return a table of affinities as a square matrix, products bought in rows."""
    matrix = np.zeros((modelled, modelled), dtype="float32")
    matrix[table["product"], table["offered"]] = table["affinity"]
    return matrix


@dataclass(frozen=True)
class Offered:
    """Products for some customers, the best first.

    Parameters
    ----------
    product : array of int, customers × top
        Places of products; `NOTHING` where there is no further one.
    source : array of int, customers × top
        Place in `SOURCES` of why it is offered; `NOTHING` likewise.
    because : array of int
        The product bought that speaks most for the first one offered; `NOTHING` where none does.
    """

    product: np.ndarray
    source: np.ndarray
    because: np.ndarray


def offer(
    rows: pd.DataFrame,
    customers: int,
    catalogue: Catalogue,
    matrix: np.ndarray,
    *,
    half_life_days: float = 365.0,
    top: int = 10,
    rebuys: bool = True,
) -> Offered:
    """Return the products to offer to each of some customers.

    Parameters
    ----------
    rows : DataFrame
        `customer` (0 to `customers` - 1), `product` (place in the catalogue), `days`,
        `first_age` and `age` (days since it was first and last bought; missing where it was
        not), `returned`, `seen_age` and `carted`, as `segkit.data.interests.interest_table`.
    customers : int
    catalogue : Catalogue
    matrix : array
        As `affinity_matrix` gives.
    half_life_days : float
        A purchase so long ago counts half.
    top : int
        Products a customer.
    rebuys : bool
        Whether a product that was bought may be offered again at all.

    Returns
    -------
    Offered
        Never a product that the customer has returned. Nor one that it has bought, unless it is
        rebought by habit, by people (`Catalogue.is_rebought`) or by this customer, on two days
        or more; and where people have a rhythm, not within a quarter of the gap after the last
        purchase, and before others once it is due: after three quarters of it. The gap is the
        customer's own, drawn to that of people.

    Notes
    -----
    Definitions, section 10. The score of a product is the sum of what speaks for it: affinities of
    what was bought; the habit of buying it (the share of later purchase days among the customer's
    own, drawn to that of the product); having looked at it; and, far behind, how it sells in the
    categories of the customer, and in all. Three products to buy again stand for a new one.
    """
    parts = _Parts(rows, customers, catalogue, matrix, half_life_days, rebuys)
    score = parts.score()
    row, column = parts.owned
    again = _ranked(row, column, score[row, column], customers, top)
    score[parts.owned] = -np.inf
    product = _alternated(*again, *_best(score, top))
    return Offered(product, parts.sources(product), parts.because(product[:, 0]))


def _best(score: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the products of the highest scores of each customer, best first, and their scores."""
    customers, count = score.shape
    if not score.size:
        row, column = np.nonzero(score)
        return _ranked(row, column, np.array([]), customers, top)
    size = min(top, count)
    least = np.partition(score, count - size, axis=1)[:, count - size : count - size + 1]
    row, column = np.nonzero(score >= np.maximum(least, np.finfo("float32").min))
    return _ranked(row, column, score[row, column], customers, top)


def _ranked(
    row: np.ndarray, column: np.ndarray, value: np.ndarray, customers: int, top: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of the highest values of each row, of equal ones the first, and these."""
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    kept = (rank < top) & np.isfinite(value)
    place = (row[kept], rank[kept])
    product = np.full((customers, top), NOTHING, dtype="int32")
    best = np.full((customers, top), -np.inf, dtype="float32")
    product[place], best[place] = column[kept], value[kept]
    return product, best


def _alternated(
    again: np.ndarray, again_score: np.ndarray, new: np.ndarray, new_score: np.ndarray
) -> np.ndarray:
    """Return products to buy again and new ones by turns, three for one, the better first."""
    begins = np.where(again_score[:, :1] >= new_score[:, :1], -0.5, 0.5)
    turns = np.tile(np.arange(new.shape[1]), (len(new), 1))
    place = np.hstack([np.arange(again.shape[1]) / AGAIN + begins, turns])
    product = np.hstack([again, new])
    place = np.where(product == NOTHING, np.inf, place)
    order = np.argsort(place, axis=1, kind="stable")[:, : new.shape[1]]
    return np.take_along_axis(product, order, axis=1)


class _Parts:
    """What speaks for each modelled product, of some customers; customers × products."""

    def __init__(
        self,
        rows: pd.DataFrame,
        customers: int,
        catalogue: Catalogue,
        matrix: np.ndarray,
        half_life_days: float,
        rebuys: bool,
    ) -> None:
        self.catalogue, self.matrix, self.rebuys = catalogue, matrix, rebuys
        self.shape = (customers, catalogue.modelled)
        bought = _decay(rows["age"], half_life_days)
        seen = np.where(rows["carted"], CARTED, VIEWED) * _decay(rows["seen_age"], SEEN_HALF_LIFE)
        weight = np.maximum(bought, seen / CARTED)
        rhythm = self._rhythm(rows)
        may_come_back = self._may_come_back(rows) & ~(rhythm < FRESH)
        habit = np.where(may_come_back, self._habit(rows), 0.0) * bought
        habit *= np.where(rhythm < DUE, EARLY, 1.0)
        owned = rows["days"].to_numpy() > 0
        barred = (owned & ~may_come_back) | rows["returned"].to_numpy()
        self.of_categories = self._category_sales(rows, weight)
        modelled = rows["product"].to_numpy() < catalogue.modelled
        place = (rows["customer"].to_numpy()[modelled], rows["product"].to_numpy()[modelled])
        self.owned = tuple(each[owned[modelled]] for each in place)
        self.habit, self.seen, self.weight, self.barred, self.due = (
            sparse.csr_matrix((values[modelled].astype("float32"), place), shape=self.shape)
            for values in (habit, seen, weight, barred, rhythm >= DUE)
        )

    def _may_come_back(self, rows: pd.DataFrame) -> np.ndarray:
        by_habit = self.catalogue.is_rebought[rows["product"]] | (rows["days"].to_numpy() > 1)
        return by_habit & self.rebuys

    def _rhythm(self, rows: pd.DataFrame) -> np.ndarray:
        """The part of the gap that has passed since the last purchase; NaN without a rhythm."""
        usual = self.catalogue.repeat_gap_days[rows["product"]]
        gaps = np.maximum(rows["days"].to_numpy() - 1, 0)
        first, last = (rows[name].to_numpy("float64") for name in ("first_age", "age"))
        gap = (first - last + PRIOR_GAPS * usual) / (gaps + PRIOR_GAPS)
        return last / np.maximum(gap, 1.0)

    def _habit(self, rows: pd.DataFrame) -> np.ndarray:
        """The share of later purchase days, the customer's own drawn to the product's."""
        rate = self.catalogue.rebuy_rate[rows["product"]]
        again = np.maximum(rows["days"].to_numpy() - 1, 0)
        return HABIT * (again + PRIOR_DAYS * rate) / (again + PRIOR_DAYS)

    def _category_sales(self, rows: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
        """How each product sells in the categories of the customer, at most 1."""
        category = self.catalogue.category
        count = int(category.max(initial=NOTHING)) + 1
        # Products without a category have the last column, in which nothing is sold.
        place = (rows["customer"].to_numpy(), category[rows["product"]] % (count + 1))
        shape = (self.shape[0], count + 1)
        taste = sparse.csr_matrix((weight.astype("float32"), place), shape=shape).toarray()
        taste[:, -1] = 0.0
        taste /= np.maximum(taste.sum(axis=1, keepdims=True), np.float32(1e-9))
        sales = np.take(taste, category[: self.shape[1]], axis=1, mode="wrap")
        sales *= self._popularity
        return sales

    @property
    def _popularity(self) -> np.ndarray:
        popularity = self.catalogue.popularity[: self.shape[1]]
        return popularity / np.float32(max(popularity.max(initial=0.0), 1e-9))

    def score(self) -> np.ndarray:
        """The sum of what speaks for each product; minus infinity where it may not be offered."""
        self.by_affinity = self.weight @ self.matrix
        score = BACKOFF[0] * self.of_categories
        score += BACKOFF[1] * self._popularity
        score += self.by_affinity
        for part in (self.habit, self.seen):
            entries = part.tocoo()
            score[entries.row, entries.col] += entries.data
        barred = self.barred.tocoo()
        is_barred = barred.data > 0
        score[barred.row[is_barred], barred.col[is_barred]] = -np.inf
        score[:, ~self.catalogue.is_offered[: self.shape[1]]] = -np.inf
        return score

    def sources(self, product: np.ndarray) -> np.ndarray:
        """Why each product is offered: the part that speaks most for it."""
        if not len(self.catalogue):
            return np.full(product.shape, NOTHING, dtype="int8")
        own = (self.habit, self.seen, self.by_affinity)
        parts = [_at(part, product) for part in own]
        parts += [BACKOFF[0] * _at(self.of_categories, product)]
        parts += [BACKOFF[1] * np.maximum(self._popularity[np.maximum(product, 0)], LEAST)]
        source = np.argmax(np.stack(parts), axis=0).astype("int8")
        source[(source == REBUY) & (_at(self.due, product) > 0)] = REPLENISH
        return np.where(product == NOTHING, NOTHING, source).astype("int8")

    def because(self, product: np.ndarray) -> np.ndarray:
        """The product bought, or looked at, that speaks most for one product a customer."""
        entries = self.weight.tocoo()
        share = entries.data * self.matrix[entries.col, np.maximum(product, 0)[entries.row]]
        order = np.lexsort((entries.col, -share, entries.row))
        row, column, share = entries.row[order], entries.col[order], share[order]
        is_first = np.r_[True, row[1:] != row[:-1]] if len(row) else np.zeros(0, bool)
        speaks = is_first & (share > 0) & (product[row] != NOTHING)
        found = np.full(len(product), NOTHING, dtype="int32")
        found[row[speaks]] = column[speaks]
        return found


def _decay(age: pd.Series, half_life_days: float) -> np.ndarray:
    return np.exp2(-age.astype(float).fillna(np.inf).to_numpy() / half_life_days)


def segment_offers(counts: pd.DataFrame, sizes: pd.Series, *, top: int = 10) -> pd.DataFrame:
    """Return the products that a segment's customers are offered more than all customers are.

    Parameters
    ----------
    counts : DataFrame
        `segment`, `product` (place), `source` (place in `SOURCES`), `customers` to whom it is
        offered for that reason.
    sizes : Series
        Customers of each segment.
    top : int
        Products a segment, at most.

    Returns
    -------
    DataFrame
        `segment`, `rank`, `product`, `customers`, `customers_share` (of the segment),
        `times_usual` (this share over that of all customers: the lift), `times_usual_low` (the
        lower end of its 95 % interval, always above 1), `source` (the commonest reason). Ranked
        by the share, times how many times the usual it is, up to twice: what everybody is offered
        says little about a segment, and what one customer is, nothing. No product leads more than
        a third of the segments, as far as these have others. A segment with nothing of its own
        has no rows.

    Notes
    -----
    The interval is Wilson's of the segment's share; the share of all customers counts as known,
    which is careful, as it moves with the segment's.

    Examples
    --------
    >>> counts = pd.DataFrame({"segment": ["new", "new", "old"], "product": [0, 1, 0], "source": 2,
    ...     "customers": [60, 50, 100]})
    >>> table = segment_offers(counts, pd.Series({"new": 100, "old": 100}))
    >>> table[["segment", "product", "times_usual"]]
      segment  product  times_usual
    0     new        1         2.00
    1     old        0         1.25
    """
    keys = ["segment", "product"]
    summed = counts.groupby([*keys, "source"], as_index=False).sum()
    summed = summed.sort_values([*keys, "customers", "source"], ascending=[True, True, False, True])
    groups = summed.groupby(keys, as_index=False)
    table = groups.agg(customers=("customers", "sum"), source=("source", "first"))
    size = table["segment"].map(sizes).astype(float)
    share = table["customers"] / size
    everybody = table.groupby("product")["customers"].transform("sum") / sizes.sum()
    table = table.assign(
        customers_share=share,
        times_usual=share / everybody,
        times_usual_low=wilson_low(table["customers"], size) / everybody,
    )
    table["telling"] = share * table["times_usual"].clip(upper=MOST_TIMES)
    table = table[table["times_usual_low"] > 1]
    table = table.sort_values(["segment", "telling", "product"], ascending=[True, False, True])
    table = table.groupby("segment").head(top).reset_index(drop=True)
    table["leads"] = _leads(table)
    table = table.sort_values(["segment", "leads"], ascending=[True, False], kind="stable")
    table["rank"] = table.groupby("segment").cumcount() + 1
    table["source"] = table["source"].map(lambda place: SOURCES[place])
    columns = ["customers", "customers_share", "times_usual", "times_usual_low", "source"]
    return table[["segment", "rank", "product", *columns]].reset_index(drop=True)


def _leads(table: pd.DataFrame) -> np.ndarray:
    """Whether each row's product leads its segment: the most telling ones, none leading too many."""
    segment, product = (pd.factorize(table[name])[0] for name in ("segment", "product"))
    count = int(segment.max(initial=-1)) + 1
    worth = np.full((count, int(product.max(initial=-1)) + 1), UNKNOWN)
    worth[segment, product] = table["telling"]
    known = worth > UNKNOWN
    alone = known.sum(axis=1) == 1
    leads = known & alone[:, np.newaxis]
    rest, wanted = np.flatnonzero(~alone), known[~alone].sum(axis=0)
    for most in range(max(1, count // 3), count + 1):
        seats = np.clip(most - leads.sum(axis=0), 0, wanted)
        seat = np.repeat(np.arange(len(seats)), seats)
        row, place = linear_sum_assignment(worth[rest][:, seat], maximize=True)
        chosen = rest[row], seat[place]
        if len(row) == len(rest) and known[chosen].all():
            leads[chosen] = True
            break
    return leads[segment, product]


def hits(offered: np.ndarray, actual: sparse.csr_matrix) -> np.ndarray:
    """Return how many of the products offered each customer bought.

    Parameters
    ----------
    offered : array of int, customers × top
        Places of products; `NOTHING` for none.
    actual : sparse matrix, customers × products
        1 where the customer bought the product afterwards.

    Examples
    --------
    >>> hits(np.array([[0, 2], [1, NOTHING]]), sparse.csr_matrix([[1, 0, 1], [1, 0, 0]]))
    array([2, 0])
    """
    return ((_at(actual, offered) > 0) & (offered != NOTHING)).sum(axis=1)


def _at(matrix: Any, product: np.ndarray) -> np.ndarray:
    """Return a matrix's values at some products of each customer (at `NOTHING`: any)."""
    if not (product.size and matrix.shape[1]):
        return np.zeros(product.shape)
    customer = np.indices(product.shape)[0].ravel()
    return np.asarray(matrix[customer, np.maximum(product, 0).ravel()]).reshape(product.shape)
