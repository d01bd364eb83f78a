"""A study's carts: what was put in, what came of it, and who waits for a word."""

from __future__ import annotations

from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd

from segkit.data.carts import OUTCOMES, cart_sums, product_table, valued_items
from segkit.foundation.cached import cached_property
from segkit.study.base import Base
from segkit.study.part import StudyPart
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.said import Said

SUMS = ("carts", *OUTCOMES, "carts_value", "abandoned_value", "carts_priced")


class Carts(StudyPart):
    """What the customers of one study put in carts during its period (definitions, section 7).

    Parameters
    ----------
    base : Base
    segmented : Segmented
    """

    def __init__(self, base: Base, segmented: Segmented) -> None:
        self.base, self.segmented = base, segmented
        self.params = self.base.params.carts

    @property
    def ready(self) -> bool:
        """Whether events are given, and anything was put in a cart."""
        return self.base.events is not None and bool(self.totals["carts"])

    def _items_since(self, start: date) -> ir.Table:
        base, hours = self.base, self.params.window_hours
        return valued_items(base.cart_items, self.products, start, base.as_of, hours)

    @property
    def products(self) -> ir.Table | None:
        """Price, name and category of what was sold, as an expression, or None."""
        if "product_id" not in self.base.lines.columns:
            return None
        products = product_table(self.base.lines, self.base.as_of)
        if self.base.params.has_amounts:
            return products
        return products.mutate(price=ibis.null("float64"))

    def _sums(self, by: str) -> pd.DataFrame:
        key = key_of(self.base.customers_key, self.base.params.period_months, by)

        def compute() -> pd.DataFrame:
            sums = cart_sums(self._items_since(self.base.period_start), by)
            return sums.to_pyarrow().to_pandas()

        return self.base.store.frame(f"carts_{by}", key, compute)

    @cached_property
    def by_customer(self) -> pd.DataFrame:
        """Carts of each customer: `customer_id` and the columns of `cart_sums`."""
        return self._sums("customer_id")

    @cached_property
    def by_category(self) -> pd.DataFrame:
        """Carts of each category, most carts first; none where no category is known."""
        table = _with_rates(self._sums("category").dropna(subset="category"))
        return table.sort_values("carts", ascending=False, kind="stable", ignore_index=True)

    def by_segment(self, segmentation: str) -> pd.DataFrame:
        """Return carts of each segment of a segmentation, most carts first, and a total.

        Parameters
        ----------
        segmentation : str
            Any of the study's.
        """
        labels = self.segmented.table.set_index("customer_id")[segmentation]
        table = self.by_customer.assign(segment=self.by_customer["customer_id"].map(labels))
        sums = table.groupby("segment")[list(SUMS)].sum().sort_values("carts", ascending=False)
        sums.loc["total"] = sums.sum()
        return _with_rates(sums.reset_index())

    @cached_property
    def totals(self) -> dict[str, float]:
        """Carts of the period, what came of them, and what the abandoned ones were worth."""
        sums = self.by_customer[list(SUMS)].sum()
        row = _with_rates(sums.to_frame().T).iloc[0]
        terms = {"hours": self.params.window_hours, "customers": len(self.by_customer)}
        return {str(name): float(value) for name, value in row.items()} | terms

    @property
    def remarks(self) -> Said:
        """What the carts say: keys of sentences, and their fields."""
        if self.base.events is None:
            return [("carts_none", {})]
        if not self.ready:
            return [("carts_empty", {})]
        totals = self.totals
        priced = totals["carts_priced"] / totals["carts"]
        value = ("carts_value" if priced else "carts_no_prices", totals | {"priced": priced})
        waiting = "carts_open" if self.open_terms["carts"] else "carts_open_none"
        return [("carts_summary", totals), value, (waiting, self.open_terms)]

    @property
    def open_terms(self) -> dict[str, float]:
        """How many customers have a cart that waits, of how many items, and since when at most."""
        table = self.open_items
        waiting = table["customer_id"].nunique()
        return {"customers": waiting, "carts": len(table), "days": self.params.open_days}

    @cached_property
    def open_items(self) -> pd.DataFrame:
        """Items of the last `carts.open_days` that were not bought, the window past.

        `customer_id`, `product_id`, `product`, `category`, `carted_at`, `price`, and the
        customer's `micro_segment`; the latest first.
        """
        return self.base.store.frame("open_carts", self._open_key, self._compute_open)

    @property
    def _open_key(self) -> str:
        return key_of(
            self.base.customers_key, *self.segmented.rules_key(), self.params.model_dump()
        )

    def _compute_open(self) -> pd.DataFrame:
        items = self._items_since(self.base.as_of - timedelta(days=self.params.open_days))
        items = items.filter(items["outcome"] == "abandoned").drop("outcome")
        table = items.to_pyarrow().to_pandas()
        micro = self.segmented.table.set_index("customer_id")["micro_segments"]
        table = table.assign(micro_segment=table["customer_id"].map(micro))
        keys = ["carted_at", "customer_id", "product_id"]
        return table.sort_values(keys, ascending=[False, True, True], ignore_index=True)


def _with_rates(sums: pd.DataFrame) -> pd.DataFrame:
    """Add what share of the carts old enough to tell was not bought within the window."""
    decided = (sums["carts"] - sums["pending"]).astype(float)
    decided = decided.where(decided > 0)
    missed = sums["bought_late"] + sums["abandoned"]
    values = {
        name: sums[name].astype(float).where(sums["carts_priced"] > 0)
        for name in ("carts_value", "abandoned_value")
    }
    return sums.assign(
        **values, recovered_rate=sums["recovered"] / decided, abandonment_rate=missed / decided
    )
