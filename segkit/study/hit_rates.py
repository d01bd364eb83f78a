"""Offers made a while ago, beside what their customers bought then (definitions, section 10)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy import sparse

from segkit.analysis import affinity
from segkit.analysis.intervals import wilson
from segkit.data.interests import bought_between, segment_sales
from segkit.foundation.cached import cached_property
from segkit.study.base import Base
from segkit.study.holdout import Holdout
from segkit.study.offers import BLOCK, NO_ROWS, Offers
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.said import Said

LISTS = ("offers", "best_sellers", "segment_best_sellers", "bought_before")
"""The products offered; the best sellers of all; those of the customer's segment; what the customer
had bought most often and last."""
QUESTIONS = ("any_product", "new_product")
"""Whether the customer bought any product of a list, or one that it had never bought."""
TOP = 10
TESTED = 20_000  # a hit rate is then known to less than a point, and each list costs time
CELLS = 5_000_000  # customers × products, of the lists that are compared at once


class Then(Protocol):
    """What is asked of the client at the date of the test."""

    @property
    def offers(self) -> Offers: ...
    @property
    def segmented(self) -> Segmented: ...


class HitRates(StudyPart):
    """What would have been offered at the date of the test, and what was bought since.

    Parameters
    ----------
    base : Base
    segmented : Segmented
    holdout : Holdout
    at : function of a date
        The same client at an earlier date, with its own offers and segments.
    """

    def __init__(
        self, base: Base, segmented: Segmented, holdout: Holdout, at: Callable[[date], Then]
    ) -> None:
        self.base, self.segmented, self.test, self._at = base, segmented, holdout, at

    @property
    def ready(self) -> bool:
        """Whether there is a test, and were products to offer when it began."""
        return self.test.ready and self.then.offers.ready and bool(len(self.customers))

    @cached_property
    def then(self) -> Then:
        """The client at the date of the test."""
        return self._at(self.test.cut)

    @cached_property
    def customers(self) -> pd.Series:
        """Ids of those known at the date of the test who have bought since, at most `TESTED`."""
        since = self.base.period(self.test.cut)
        bought = since.loc[since["purchase_days"] > 0, "customer_id"]
        known = self.then.offers.table["customer_id"]
        found = known[known.isin(bought)]
        if len(found) > TESTED:
            found = found.sample(TESTED, random_state=self.test.params.seed)
        return found.sort_values(ignore_index=True)

    @cached_property
    def table(self) -> pd.DataFrame:
        """How often each list named something that the customer then bought.

        `question` (`QUESTIONS`), `list` (`LISTS`), `customers` (who bought, so that a list could be
        right), `hit_rate` with `hit_rate_low` and `hit_rate_high` (95 %, Wilson), `recall` (mean
        share of a customer's purchased products that the list named), `coverage` (share of the products
        on offer that the list names to anybody), `times_best_sellers` (hit rate against theirs).
        """
        params = self.base.params
        key = key_of(
            self.base.customers_key,
            self.then.offers.key,
            self.segmented.rules_key(),
            params.report.segmentation,
            self.test.params.seed,
        )
        return self.base.store.frame("offer_evidence", key, self._compute)

    @property
    def sides(self) -> dict[str, object]:
        """How `segkit.plots.two_sides` draws `hit_rates`."""
        return {"by": "list", "sides": {question: question for question in QUESTIONS}}

    @property
    def hit_rates(self) -> pd.DataFrame:
        """Hit rates of the lists, one row a list and a `_rate`, `_low`, `_high` a question."""
        parts = {"hit_rate": "rate", "hit_rate_low": "low", "hit_rate_high": "high"}
        wide = self.table.pivot(index="list", columns="question", values=list(parts))
        pairs: Any = wide.columns
        wide.columns = [f"{question}_{parts[part]}" for part, question in pairs]
        return wide.reindex(LISTS).reset_index()

    @property
    def verdicts(self) -> Said:
        """Whether the offers beat the best sellers: keys of sentences, and their fields."""
        if not self.ready:
            return [("offers_untested", {})]
        rows = self.table.set_index(["question", "list"]).to_dict("index")
        any_product, new_product = (
            {str(name): value for name, value in rows[question, "offers"].items()}
            | {"best": rows[question, "best_sellers"]["hit_rate"]}
            | {"times": rows[question, "offers"]["times_best_sellers"]}
            for question in QUESTIONS
        )
        best = rows["any_product", "best_sellers"]
        better = any_product["hit_rate_low"] > best["hit_rate_high"]
        worse = any_product["hit_rate_high"] < best["hit_rate_low"]
        verdict = "offers_better" if better else "offers_worse" if worse else "offers_alike"
        return [(verdict, any_product), ("offers_new", new_product)]

    def _compute(self) -> pd.DataFrame:
        tallies = {(question, name): _Tally() for question in QUESTIONS for name in LISTS}
        del tallies[QUESTIONS[1], "bought_before"]  # names no new product, by what it is
        for rows, labels, actual in self._tested_blocks():
            owned = _marked(rows, actual.shape)
            new = actual - actual.multiply(owned)
            for question, wanted in zip(QUESTIONS, (actual, new), strict=True):
                repeats = question == QUESTIONS[0]
                for name, offered in self._lists(rows, labels, owned, repeats).items():
                    if (question, name) in tallies:
                        tallies[question, name].add(offered, wanted.tocsr())
        on_offer = int(self.then.offers.catalogue.is_offered.sum())
        figures = [
            {"question": question, "list": name} | tally.figures(on_offer)
            for (question, name), tally in tallies.items()
        ]
        return _against_best_sellers(pd.DataFrame(figures))

    def _tested_blocks(self) -> Iterator[tuple[pd.DataFrame, np.ndarray, sparse.csr_matrix]]:
        """Yield interests of tested customers, their segments, and what they bought since."""
        places = pd.Index(self.then.offers.products["product_id"])
        lines = self.then.offers.lines
        bought = bought_between(lines, self.test.cut, self.base.as_of, self.customers)
        bought = bought.to_pyarrow().to_pandas()
        bought["product"] = places.get_indexer(bought["product_id"])
        bought = bought[bought["product"] >= 0]
        segments = self._segments.reindex(self.customers)
        for rows, ids in self._blocks():
            tested = np.flatnonzero(pd.Index(ids).isin(self.customers))
            if not len(tested):
                continue
            chosen = pd.Index(ids[tested])
            place = pd.Series(np.arange(len(tested)), index=tested)
            rows = rows[rows["customer"].isin(tested)]
            since = bought[bought["customer_id"].isin(chosen)]
            where = (chosen.get_indexer(since["customer_id"]), since["product"])
            shape = (len(tested), len(places))
            actual = sparse.csr_matrix((np.ones(len(since), "float32"), where), shape=shape)
            customer = place.loc[rows["customer"]].to_numpy()
            yield rows.assign(customer=customer), segments.loc[chosen].to_numpy(), actual

    def _blocks(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Yield interests and ids of customers, and at last of those of whom nothing is known."""
        unknown = pd.Index(self.customers)
        size = min(BLOCK, CELLS // len(self.then.offers.catalogue) + 1)
        for rows, ids in self.then.offers.blocks(size):
            unknown = unknown.difference(ids)
            yield rows, ids
        for start in range(0, len(unknown), size):
            yield NO_ROWS, unknown[start : start + size].to_numpy()

    @property
    def _segments(self) -> pd.Series:
        name = self.base.params.report.segmentation
        return self.then.segmented.table.set_index("customer_id")[name].astype(str)

    @cached_property
    def _segment_sales(self) -> dict[str, np.ndarray]:
        """How each product sold in each segment, before the date of the test."""
        offers = self.then.offers
        labels = self._segments.rename("segment").reset_index()
        sales = segment_sales(offers.interests, labels, offers.params.half_life_days)
        table = sales.to_pyarrow().to_pandas()
        places = pd.Index(offers.products["product_id"])
        table["product"] = places.get_indexer(table["product_id"])
        size = len(places)
        return {
            str(segment): np.bincount(rows["product"], rows["popularity"], minlength=size)
            for segment, rows in table.groupby("segment")
        }

    def _lists(
        self, rows: pd.DataFrame, labels: np.ndarray, owned: sparse.csr_matrix, repeats: bool
    ) -> dict[str, np.ndarray]:
        """Return ten products a customer by each list; without `repeats` none it has bought."""
        offers, count = self.then.offers, len(labels)
        catalogue = offers.catalogue
        nothing = np.zeros(len(catalogue))
        of_segment = np.stack([self._segment_sales.get(label, nothing) for label in labels])
        decay = np.exp2(-rows["age"].astype(float).fillna(np.inf) / offers.params.half_life_days)
        before = np.zeros((count, len(catalogue)))
        before[rows["customer"], rows["product"]] = rows["days"] * decay
        barred = ~catalogue.is_offered | (
            np.zeros((count, 1), bool) if repeats else owned.toarray() > 0
        )
        sellers = np.tile(catalogue.popularity.astype("float64"), (count, 1))
        scores = [sellers, of_segment, before]
        offered = offers.offer(rows, count, rebuys=repeats).product
        return dict(
            zip(
                LISTS,
                [offered, *(_best(np.where(barred, 0.0, each)) for each in scores)],
                strict=True,
            )
        )


class _Tally:
    """Hits of one list, added up customer by customer."""

    def __init__(self) -> None:
        self.customers, self.hit, self.recalled = 0, 0, 0.0
        self.named: set[int] = set()

    def add(self, offered: np.ndarray, actual: sparse.csr_matrix) -> None:
        bought = np.asarray(actual.sum(axis=1)).ravel()
        counts = affinity.hits(offered, actual)[bought > 0]
        self.customers += int((bought > 0).sum())
        self.hit += int((counts > 0).sum())
        self.recalled += float((counts / bought[bought > 0]).sum())
        self.named.update(np.unique(offered[offered >= 0]).tolist())

    def figures(self, on_offer: int) -> dict[str, float]:
        low, high = wilson(self.hit, self.customers)
        tested = self.customers or np.nan
        return {
            "customers": self.customers,
            "hit_rate": self.hit / tested,
            "hit_rate_low": low,
            "hit_rate_high": high,
            "recall": self.recalled / tested,
            "coverage": len(self.named) / max(on_offer, 1),
        }


def _marked(rows: pd.DataFrame, shape: tuple[int, int]) -> sparse.csr_matrix:
    owned = rows[rows["days"] > 0]
    ones = np.ones(len(owned), dtype="float32")
    return sparse.csr_matrix((ones, (owned["customer"], owned["product"])), shape=shape)


def _best(score: np.ndarray) -> np.ndarray:
    """Return the places of the ten highest scores above 0 of each row."""
    size = min(TOP, score.shape[1])
    best = np.argpartition(-score, size - 1, axis=1)[:, :size]
    return np.where(np.take_along_axis(score, best, axis=1) > 0, best, affinity.NOTHING)


def _against_best_sellers(table: pd.DataFrame) -> pd.DataFrame:
    sellers = table[table["list"] == "best_sellers"].set_index("question")["hit_rate"]
    usual = table["question"].map(sellers)
    return table.assign(times_best_sellers=table["hit_rate"] / usual.where(usual > 0))
