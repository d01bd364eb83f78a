"""A study's lifecycle for a reader: gaps, stages, thresholds, returns, prospects."""

from __future__ import annotations

import pandas as pd

from segkit.analysis import lifecycle as tables
from segkit.data.events import viewed_by
from segkit.foundation.cached import cached_property
from segkit.segments.base import RETURNED_ALL
from segkit.segments.lifecycle import FLAGS, STAGES, VIEWS
from segkit.study.base import Base
from segkit.study.carts import Carts
from segkit.study.evidence import Evidence
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart, records
from segkit.study.segmented import Segmented
from segkit.study.store import key_of
from segkit.words.said import Said

TOP_VIEWED = 10
_NONE = pd.Series(dtype=float)


class Stages(StudyPart):
    """The lifecycle of one study's customers (definitions, section 7).

    Parameters
    ----------
    base : Base
    gaps : Gaps
    segmented : Segmented
    evidence : Evidence
    carts : Carts
    """

    def __init__(
        self, base: Base, gaps: Gaps, segmented: Segmented, evidence: Evidence, carts: Carts
    ) -> None:
        self.base, self.gaps, self.segmented, self.evidence, self.carts = (
            base,
            gaps,
            segmented,
            evidence,
            carts,
        )
        self.params = self.base.params.lifecycle

    # What tells customers apart -------------------------------------------------------

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """What was learnt, and who came back on both sides of it.

        Returns
        -------
        DataFrame
            `threshold` (key), its value as `units`, `amount`, `days` or `share`, the columns
            of `segkit.analysis.lifecycle.two_rates`, `p_value` of a threshold that was
            looked for, `is_difference`.

        Notes
        -----
        `first_units`, `first_amount`: who ordered again within the horizon after the first
        order. `second_days`: the same of those who had not ordered again by then (above) and of
        all (below). `return_rate`: who bought after the date of the test (see `Evidence`).
        """
        model = self.segmented.lifecycle
        watched = model.watched(self.base.buyers)
        back = model.came_back(watched)
        values = {
            "first_units": {"units": model.large_units_, "p_value": model.split_["p_value"]},
            "first_amount": {"amount": model.high_potential_amount_},
            "second_days": {"days": model.second_days},
            "return_rate": {"share": model.frequent_rate_},
        }
        sides = {
            "first_units": _sides(watched["first_units"], model.large_units_, back),
            "first_amount": _sides(watched["first_amount"], model.high_potential_amount_, back),
            "second_days": _late_sides(watched["first_gap_days"], model.second_days, back),
            "return_rate": self._return_sides(),
        }
        rows = [{"threshold": name} | values[name] | sides[name] for name in values]
        numbers = ["units", "amount", "days", "share", *sides["first_units"], "p_value"]
        table = pd.DataFrame(rows, columns=["threshold", *numbers])
        table = table.astype(dict.fromkeys(numbers, "float64"))
        differs = [tables.is_difference(row) for row in records(table)]
        return table.assign(is_difference=differs)

    def _return_sides(self) -> dict[str, float]:
        tested = self._returners
        return tables.two_rates(tested["returns"] == "frequent", tested["orders_after"] > 0)

    @cached_property
    def _returners(self) -> pd.DataFrame:
        """Active buyers of before the test by their returns, and what they did in it."""
        columns = ["returns", "orders_after", "revenue_after"]
        if not self.evidence.ready:
            return pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
        tested = self.evidence.tested
        return tested.loc[tested["returns"].notna(), columns]

    @property
    def views(self) -> list[str]:
        """Views that tell customers apart: with more than one value."""
        segments = self.segmented.table
        return [name for name in VIEWS if segments[name].nunique() > 1]

    @property
    def terms(self) -> dict[str, float]:
        """What the rules of views depend on, besides thresholds: days and hours."""
        carts = self.base.params.carts
        return {
            "welcome": self.params.welcome_days,
            "open": carts.open_days,
            "hours": carts.window_hours,
        }

    @property
    def flags(self) -> pd.DataFrame:
        """How many customers of each stage carry each flag.

        `segment`, `customers`, `high_value`, `high_value_share`, and where the log tells
        discounts `discount_driven`, `discount_driven_share`; a row `total`.
        """
        segments = self.segmented.table.rename(columns={"lifecycle": "segment"})
        whole = pd.concat([segments, segments.assign(segment="total")], ignore_index=True)
        groups = whole.groupby("segment", sort=False)
        table = groups[list(FLAGS)].sum().assign(customers=groups.size())
        for flag in FLAGS:
            table[f"{flag}_share"] = table[flag] / table["customers"]
        order = [key for key in (*STAGES, "total") if key in table.index]
        known = [flag for flag in FLAGS if flag != "discount_driven" or self._knows_discounts]
        columns = ["customers", *(f"{flag}{end}" for flag in known for end in ("", "_share"))]
        return table.loc[order, columns].reset_index()

    @property
    def _knows_discounts(self) -> bool:
        return "discount_share" in self.base.customers

    @property
    def threshold_remarks(self) -> Said:
        """What the thresholds say: keys of sentences, and their fields."""
        rows = self.thresholds[self.thresholds["threshold"] != "return_rate"]
        told: Said = [(_verdict(row), dict(row)) for _, row in rows.iterrows()]
        is_known = not all(key.endswith("_unknown") for key, _ in told)
        return told if is_known else [("thresholds_unknown", {})]

    # Returns --------------------------------------------------------------------------

    @property
    def returns(self) -> pd.DataFrame:
        """What each group of active customers by returns sold, returned and left, all time.

        `segment`, `customers`, `gross`, `returned`, `revenue` (net), `revenue_per_customer`,
        `return_rate` (units), and a row `total` of all customers, active or not.
        """
        customers = self.base.customers
        views = self.segmented.table["returns"]
        groups = customers.assign(segment=views).dropna(subset="segment")
        total = customers.assign(segment="total")
        rows = [_returned(part).assign(segment=str(key)) for key, part in groups.groupby("segment")]
        table = pd.concat([*rows, _returned(total).assign(segment="total")], ignore_index=True)
        return table[["segment", *table.columns.drop("segment")]]

    @cached_property
    def return_tests(self) -> pd.DataFrame:
        """Whether active customers who return are worth more than the other active ones.

        Returns
        -------
        DataFrame
            `who` (`frequent_returners`, `returners`: who returns anything), `counted_in`
            (`after_the_cut`: net revenue after the date of the test; `in_the_period`: that of
            the period, where there is no test), and the columns of
            `segkit.analysis.lifecycle.mean_difference`.
        """
        when, table = self._worth_of_returners
        groups = {
            "frequent_returners": table["returns"] == "frequent",
            "returners": table["returns"] != "none",
        }
        rows = [
            {"who": who, "counted_in": when} | tables.mean_difference(table["revenue"], is_in)
            for who, is_in in groups.items()
        ]
        return pd.DataFrame(rows).astype({"customers": "int64", "others": "int64"})

    @property
    def _worth_of_returners(self) -> tuple[str, pd.DataFrame]:
        """Return when revenue is counted, and `returns` and `revenue` of active customers."""
        if len(self._returners):
            return "after_the_cut", self._returners.rename(columns={"revenue_after": "revenue"})
        views = self.segmented.table["returns"].dropna()
        ids = self.base.customers.loc[views.index, "customer_id"]
        bought = self.base.period().set_index("customer_id")["revenue"]
        revenue = ids.map(bought).astype("float64").fillna(0.0)  # of nobody, it maps to texts
        return "in_the_period", pd.DataFrame({"returns": views, "revenue": revenue})

    @property
    def has_returns(self) -> bool:
        """Whether anything was ever returned."""
        return bool(self.base.customers["returned"].sum() > 0)

    @property
    def return_remarks(self) -> Said:
        """What the returns say: keys of sentences, and their fields."""
        if not self.has_returns:
            return [("returns_nothing", {})]
        if self.base.buyers.empty:  # nothing was sold of which it could be a part
            return []
        total = self.returns.iloc[-1]
        share = total["returned"] / total["gross"]
        tests = [(f"returns_{_worth(row)}", row) for row in records(self.return_tests)]
        return [("returns_total", dict(total) | {"share": share}), *tests]

    # Prospects ------------------------------------------------------------------------

    @cached_property
    def prospects(self) -> pd.DataFrame:
        """Customers who never bought, in the rows of the customer table."""
        return self.base.customers[self.segmented.table["lifecycle"] == "prospect"]

    @property
    def prospect_remarks(self) -> Said:
        """What is known of prospects: keys of sentences, and their fields."""
        terms, params = self.prospect_terms, self.base.params
        is_told = params.registered is not None or params.events is not None
        summary: Said = [("prospects_summary", terms)] if is_told else []
        returned = int((self.segmented.table["lifecycle"] == RETURNED_ALL).sum())
        back: Said = [("prospects_returned", {"customers": returned})] if returned else []
        return [*(summary if terms["customers"] else [("prospects_none", {})]), *back]

    @property
    def prospect_terms(self) -> dict[str, float]:
        """How many prospects there are, registered, seen, and with a cart that waits."""
        table = self.prospects
        given = {"registered": "registered", "seen": "first_seen"}
        counts = {
            name: int(table[column].notna().sum()) if column in table else 0
            for name, column in given.items()
        }
        registration = self.segmented.table.loc[table.index, "registration"]
        waiting = int((table["carts_abandoned"] > 0).sum()) if "carts_abandoned" in table else 0
        return counts | {
            "customers": len(table),
            "share": len(table) / len(self.base.customers),
            "recent": int((registration == "recent").sum()),
            "days": self.params.welcome_days,
            "carts": waiting,
        }

    @property
    def prospect_ages(self) -> pd.DataFrame:
        """Prospects by how long ago they registered or were first seen."""
        return tables.by_age(self.prospects.get("known_days", _NONE))

    @cached_property
    def viewed(self) -> pd.DataFrame:
        """What prospects looked at most: `viewed`, `customers`, `events`."""
        if self.base.events is None:
            return pd.DataFrame({"viewed": [], "customers": [], "events": []})

        def compute() -> pd.DataFrame:
            table = self.base.customer_rows
            never = (table["orders"] == 0) & (table["returns"] == 0)
            prospects = table.filter(never).select("customer_id")
            looks = viewed_by(self.base.events, prospects, self.carts.products, self.base.as_of)
            return looks.head(TOP_VIEWED).to_pyarrow().to_pandas()

        return self.base.store.frame("viewed", key_of(self.base.customers_key, "viewed"), compute)


def _sides(values: pd.Series, threshold: float | None, back: pd.Series) -> dict[str, float]:
    if threshold is None:
        return _nobody()
    return tables.two_rates(values >= threshold, back)


def _late_sides(gap: pd.Series, days: float | None, back: pd.Series) -> dict[str, float]:
    """Return who came back among those who had not by `days`, beside all of them."""
    if days is None:
        return _nobody()
    silent = back[~(gap.astype(float) <= days)]
    both = pd.concat([silent, back], ignore_index=True)
    return tables.two_rates(pd.Series(both.index < len(silent), index=both.index), both)


def _nobody() -> dict[str, float]:
    """Return the rates of two sides without customers."""
    return tables.two_rates(pd.Series(dtype=bool), pd.Series(dtype=bool))


def _verdict(row: pd.Series) -> str:
    if row[["above_rate", "below_rate"]].isna().any():
        return f"threshold_{row['threshold']}_unknown"
    return f"threshold_{row['threshold']}_{'differs' if row['is_difference'] else 'same'}"


def _worth(test: dict[str, float]) -> str:
    if min(test["customers"], test["others"]) < tables.FEW:
        return "unsure"
    if test["low"] > 0:
        return "more"
    return "less" if test["high"] < 0 else "same"


def _returned(customers: pd.DataFrame) -> pd.DataFrame:
    sums = customers[["gross", "returned", "revenue", "units"]].sum()
    units = (customers["return_rate"] * customers["units"]).sum()
    row = {
        "customers": len(customers),
        **sums[["gross", "returned", "revenue"]],
        "revenue_per_customer": sums["revenue"] / len(customers),
        "return_rate": units / sums["units"] if sums["units"] else float("nan"),
    }
    return pd.DataFrame([row])
