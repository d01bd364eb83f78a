"""A study's products: what to offer to each customer and segment, and whether it would have sold."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from segkit.analysis import affinity
from segkit.analysis.seasons import MONTHS, seasons
from segkit.data.carts import product_table
from segkit.data.days import as_moment
from segkit.data.interests import (
    YEAR,
    customer_rows,
    interest_table,
    month_sales,
    of_categories,
    product_figures,
)
from segkit.errors import SegkitError
from segkit.foundation.cached import cached_property
from segkit.study.base import Base
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of, write_batches
from segkit.words.said import Said

Block = TypeVar("Block")
Result = TypeVar("Result")

TOP = 10
ROWS = 200_000  # of interests held at once
BLOCK = 500  # customers scored at once
FIRST = 3
LEVELS = {"product": "product_id", "category": "category"}
COARSE = ("category", "best_seller")
"""Sources that know no more of a customer than its categories."""


class Offers(StudyPart):
    """What the customers of one study may be offered (definitions, section 10).

    Parameters
    ----------
    base : Base
    segmented : Segmented
    """

    def __init__(self, base: Base, segmented: Segmented) -> None:
        self.base, self.segmented = base, segmented
        self.params = self.base.params.products

    @property
    def ready(self) -> bool:
        """Whether the log names products or categories, and any may be offered."""
        return self.level is not None and bool(self.products["is_offered"].any())

    @cached_property
    def level(self) -> str | None:
        """What is offered: ``product``, or ``category`` where products are too thin; or None.

        Unless the parameters say which: categories, where no product has been bought by enough
        customers of late.
        """
        columns = self.base.lines.columns
        named = [name for name, column in LEVELS.items() if column in columns]
        if self.params.level != "auto":
            return self.params.level if self.params.level in named else None
        enough = (name for name in named if self._products_of(name)["is_offered"].any())
        return next(enough, named[0] if named else None)

    @property
    def _named_level(self) -> str:
        if self.level is None:
            fix = "name orders.columns.product or orders.columns.category"
            raise SegkitError("the log names no products", where="offers", fix=fix)
        return self.level

    @cached_property
    def interests(self) -> ir.Table:
        """What each customer bought and looked at; see `segkit.data.interests`."""
        return self.base.engine_table(self._interests_file(self._named_level))

    def _interests_file(self, level: str) -> Path:
        def write(path: Path, key: str) -> None:
            known = self.base.lines.filter(
                self.base.lines["observed_at"] < as_moment(self.base.as_of)
            )
            logs = known, self.base.events  # of categories, too, nothing later is known
            lines, events = logs if level == "product" else of_categories(*logs)
            table = interest_table(lines, self.base.as_of, events)
            if level == "category":  # that a product came back says little of its category
                table = table.mutate(returned=table["returned"] & (table["days"] == 0))
            write_batches(table, path, key)

        key = key_of(self.base.customers_key, "interests", level)
        return self.base.store.file(f"interests_{level}", key, write)

    def _lines(self, level: str) -> ir.Table:
        lines = self.base.lines
        return lines if level == "product" else of_categories(lines, None)[0]

    @property
    def lines(self) -> ir.Table:
        """Kept lines, of any date, whose products are what is offered."""
        return self._lines(self._named_level)

    @cached_property
    def products(self) -> pd.DataFrame:
        """Every product, the most bought first; its place is its number in an offer.

        `product_id`, `product` (its name, else its id), `category`, `price` (money a unit),
        `customers`, `rebuyers`, `rebuy_rate`, `repeat_gap_days`, `last_sold_days`,
        `popularity`, `season_share` (of what has a season: its sales in the coming months of
        earlier years), `in_season` (also what has no season that is known), `is_rebought` and
        `is_offered`. Categories likewise, where they are what is offered.
        """
        return self._products_of(self._named_level)

    def _products_of(self, level: str) -> pd.DataFrame:
        key = key_of(self._key, level)
        compute = lambda: self._compute_products(level)
        return self.base.store.frame(f"products_{level}", key, compute)

    @property
    def _key(self) -> str:
        return key_of(self.base.customers_key, self.params.model_dump(), "offers")

    @property
    def key(self) -> str:
        """Digest of everything that offers depend on."""
        return key_of(self._key, self.level)

    def _compute_products(self, level: str) -> pd.DataFrame:
        params = self.params
        interests = self.base.engine_table(self._interests_file(level))
        figures = product_figures(interests, params.half_life_days)
        lines = self._lines(level)
        named = figures.left_join(product_table(lines, self.base.as_of), "product_id")
        table = named.drop("product_id_right").to_pyarrow().to_pandas()
        supported = table["rebuyers"] >= params.min_support
        rate = table["rebuyers"] / table["customers"].where(table["customers"] > 0)
        known, ids = self._seasons(lines), table["product_id"].astype(object)
        in_season = ids.map(known["in_season"].to_dict())
        # What has a season may not have been sold since the last one, a year ago.
        given_up = np.where(in_season.eq(True), YEAR, params.discontinued_days)
        recent = table["last_sold_days"] <= np.maximum(given_up, params.discontinued_days)
        table = table.assign(
            product=table["product"].fillna(table["product_id"]),
            rebuy_rate=rate,
            is_rebought=supported & (rate >= params.rebuy_share),
            season_share=ids.map(known["season_share"].to_dict()).astype("float64"),
            in_season=in_season.ne(False),
            is_offered=recent & in_season.ne(False) & (table["customers"] >= params.min_support),
        )
        order = ["customers", "popularity", "product_id"]
        return table.sort_values(order, ascending=[False, False, True], ignore_index=True)

    def _seasons(self, lines: ir.Table) -> pd.DataFrame:
        sales = month_sales(lines, self.base.as_of).to_pyarrow().to_pandas()
        params = self.params
        return seasons(sales, months=params.season_months, min_sales=params.season_sales)

    @cached_property
    def catalogue(self) -> affinity.Catalogue:
        """The same as arrays."""
        return affinity.catalogue_of(self.products, max_products=self.params.max_products)

    @cached_property
    def affinities(self) -> pd.DataFrame:
        """Which products go together; see `segkit.analysis.affinity.affinities`."""
        return self.base.store.frame("affinities", self.key, self._fit)

    def _fit(self) -> pd.DataFrame:
        """Learn from all customers, or from every n-th where they are very many."""
        every = max(1, round(len(self.base.customers) / self.params.sample))
        chosen, count = [], 0
        for rows, ids in self.blocks(BLOCK * 20):
            rows = rows[(rows["days"] > 0) & (rows["customer"] % every == 0)]
            chosen.append(
                rows[["customer", "product", "days"]].assign(customer=rows["customer"] + count)
            )
            count += len(ids)
        rows = (
            pd.concat(chosen) if chosen else pd.DataFrame(columns=["customer", "product", "days"])
        )
        return affinity.affinities(
            rows, self.catalogue.modelled, min_support=self.params.min_support
        )

    @cached_property
    def matrix(self) -> np.ndarray:
        """The affinities as a square matrix."""
        return affinity.affinity_matrix(self.affinities, self.catalogue.modelled)

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Yield interests of some customers after the other, and the ids of these."""
        ids = self.products["product_id"]
        for rows, customers in customer_rows(self._interests_file(self._named_level), ids, ROWS):
            starts = range(0, len(customers), size)
            ends = [*np.searchsorted(rows["customer"], starts), len(rows)]
            for start, first, last in zip(starts, ends[:-1], ends[1:], strict=True):
                within = rows.iloc[first:last]
                within = within.assign(customer=within["customer"] - start)
                yield within, customers[start : start + size]

    # What to offer --------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """The offers to each customer, in the rows of `Study.customers`.

        `customer_id`, `product_1` … `product_10` (places in `products`), `source_1` … (places in
        `segkit.analysis.affinity.SOURCES`), `because` (place of the product behind the first).
        """
        return self.base.store.frame("offers", self.key, self._compute_table)

    def _compute_table(self) -> pd.DataFrame:
        _ = self.catalogue, self.matrix  # made once, before threads ask for them
        threads = self.base.params.engine.threads or os.cpu_count() or 1
        tables = list(_side_by_side(self._offered, self.blocks(), threads))
        nobody = self.offer(NO_ROWS, 1)
        unknown = _as_table(np.array([""]), nobody).drop(columns="customer_id").iloc[0]
        known = (
            pd.concat(tables)
            if tables
            else _as_table(np.array([], dtype=object), self.offer(NO_ROWS, 0))
        )
        offered = known.set_index("customer_id").reindex(self.base.customers["customer_id"])
        return offered.fillna(unknown).astype(unknown.dtype).reset_index()

    def _offered(self, block: tuple[pd.DataFrame, np.ndarray]) -> pd.DataFrame:
        rows, ids = block
        return _as_table(ids, self.offer(rows, len(ids)))

    def offer(self, rows: pd.DataFrame, customers: int, *, rebuys: bool = True) -> affinity.Offered:
        """Return offers to some customers; see `segkit.analysis.affinity.offer`."""
        return affinity.offer(
            rows,
            customers,
            self.catalogue,
            self.matrix,
            half_life_days=self.params.half_life_days,
            top=TOP,
            rebuys=rebuys,
        )

    def about(self, places: pd.Series, column: str) -> pd.Series:
        """Return a column of `products` at some places; missing where there is none."""
        return pd.Series(self.products[column].reindex(places).to_numpy(), index=places.index)

    def by_segment(self, segmentation: str) -> pd.DataFrame:
        """Return at most ten products a segment: those it is offered more than all customers are.

        Parameters
        ----------
        segmentation : str
            Any of the study's.

        Returns
        -------
        DataFrame
            `segment`, `rank`, `product_id`, `product`, `category`, `price`, `customers` (of
            the segment, to whom it is one of ten offered), and the other columns of
            `segkit.analysis.affinity.segment_offers`, which says how products are ranked.
        """
        segment = self.segmented.table.set_index("customer_id")[segmentation]
        segment = segment.reindex(self.table["customer_id"]).reset_index(drop=True)
        parts = [self._of_rank(segment, rank) for rank in range(1, TOP + 1)]
        sizes = segment.value_counts()
        table = affinity.segment_offers(pd.concat(parts), sizes, top=TOP)
        about = self.products.loc[table.pop("product")].reset_index(drop=True)
        about = about[["product_id", "product", "category", "price"]]
        return pd.concat([table[["segment", "rank"]], about, table.iloc[:, 2:]], axis=1)

    def _of_rank(self, segment: pd.Series, rank: int) -> pd.DataFrame:
        names = {f"product_{rank}": "product", f"source_{rank}": "source"}
        offered = self.table[list(names)].rename(columns=names).assign(segment=segment)
        offered = offered[(offered["product"] >= 0) & offered["segment"].notna()]
        counts = offered.groupby(["segment", "product", "source"]).size()
        return counts.rename("customers").reset_index()

    @property
    def remarks(self) -> Said:
        """What to know about the offers: keys of sentences, and their fields."""
        if self.level is None:
            return [("offers_none", {})]
        params = self.params
        limits = {"min_support": params.min_support, "days": params.discontinued_days}
        if not self.ready:
            return [("offers_thin", limits)]
        products = self.products
        counts = {
            "products": int((products["customers"] > 0).sum()),
            "offered": int(products["is_offered"].sum()),
            "rebought": int((products["is_rebought"] & products["is_offered"]).sum()),
        }
        waits = not products["in_season"].all()
        by_season: Said = [("offers_seasons", self._season_counts)] if waits else []
        share = self.sources.set_index("source")["offers_share"][list(COARSE)].sum()
        coarse: Said = [("offers_coarse", {"share": share})] if share > 0.5 else []
        by_category: Said = [("offers_by_category", {})] if self.level == "category" else []
        return [*by_category, ("offers_made", limits | counts), *by_season, *coarse]

    @property
    def _season_counts(self) -> dict[str, float]:
        months = self.params.season_months
        return {
            "seasonal": int(self.products["season_share"].notna().sum()),
            "waiting": int((~self.products["in_season"]).sum()),
            "months": months,
            "calendar": months / MONTHS,
        }

    @cached_property
    def sources(self) -> pd.DataFrame:
        """Why products are offered: `source`, `offers` and their share, of each customer's first three."""
        ranks = range(1, FIRST + 1)
        places = np.concatenate([self.table[f"source_{rank}"] for rank in ranks])
        counts = np.bincount(places[places >= 0], minlength=len(affinity.SOURCES))
        table = pd.DataFrame({"source": affinity.SOURCES, "offers": counts})
        return table.assign(offers_share=counts / max(counts.sum(), 1))


NO_ROWS = pd.DataFrame(
    {
        "customer": np.array([], dtype="int64"),
        "product": np.array([], dtype="int64"),
        "days": np.array([], dtype="int64"),
        "first_age": np.array([], dtype="float64"),
        "age": np.array([], dtype="float64"),
        "returned": np.array([], dtype=bool),
        "seen_age": np.array([], dtype="float64"),
        "carted": np.array([], dtype=bool),
    }
)


def _side_by_side(
    work: Callable[[Block], Result], blocks: Iterable[Block], threads: int
) -> Iterator[Result]:
    """Yield the results of blocks in their order, a few being worked on at once."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for block in blocks:
            waiting.append(pool.submit(work, block))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _as_table(ids: np.ndarray, offered: affinity.Offered) -> pd.DataFrame:
    places = {f"product_{rank + 1}": offered.product[:, rank] for rank in range(TOP)}
    reasons = {f"source_{rank + 1}": offered.source[:, rank] for rank in range(TOP)}
    return pd.DataFrame({"customer_id": ids} | places | reasons | {"because": offered.because})
