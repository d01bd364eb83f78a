"""A study's lifecycle for a reader: gaps, stages, thresholds, returns, prospects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from segkit.analysis import gaps as measures
from segkit.analysis import lifecycle as tables
from segkit.foundation.cached import cached_property
from segkit.foundation.display import StudyPart
from segkit.models.purchase import DAYS
from segkit.segments.lifecycle import FLAGS, STAGES, VIEWS

if TYPE_CHECKING:
    from segkit.study.study import Study

SECOND_SHARE, NEW_SHARE = 0.5, 0.75
"""Shares of eventual second orders: by then a customer is late, and no longer new."""
TOP_VIEWED = 10
_NONE = pd.Series(dtype=float)
GAPS = {
    "usual_days": "usual_gap",
    "churn_days": "churn_gap",
    "second_days": "second_order",
    "new_days": "new_customer",
}
"""Parameters of the lifecycle, and what they are called in the table of gaps."""


class Stages(StudyPart):
    """The lifecycle of one study's customers (definitions, section 7).

    Parameters
    ----------
    study : Study
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.params = study.params.lifecycle

    # Gaps -----------------------------------------------------------------------------

    @property
    def horizon_days(self) -> float:
        """How far ahead a return still counts."""
        return self.study.params.clv.horizon_months * DAYS["months"]

    @cached_property
    def second_waiting(self) -> pd.DataFrame:
        """How long customers wait for their second order; as `Study.waiting`."""
        buyers = self.study.buyers
        passed = buyers["first_gap_days"].dropna().astype(float)
        counts = passed.value_counts().sort_index().rename_axis("days").reset_index(name="gaps")
        return measures.waiting_curve(counts, buyers.loc[buyers["x"] == 0, "tenure_days"])

    @cached_property
    def measured(self) -> dict[str, int | None]:
        """Every gap as the data give it, in days."""
        study, horizon = self.study, self.horizon_days
        usual_and_churn = measures.measured_gaps(
            study.waiting, horizon, study.params.gaps.return_share
        )
        usual, churn = (usual_and_churn[name] for name in ("usual_days", "churn_days"))
        second, new = (
            measures.returned_by(self.second_waiting, horizon, share)
            for share in (SECOND_SHARE, NEW_SHARE)
        )
        usual_counts = self.fixed.get("usual_days", usual)
        longest = max((days for days in (usual_counts, new) if days is not None), default=None)
        return {
            "usual_days": usual,
            "churn_days": churn,
            "second_days": second,
            "new_days": longest,
        }

    @cached_property
    def fixed(self) -> dict[str, int]:
        """The gaps that the parameters fix, in days."""
        given = {
            "usual_days": self.study.params.gaps.usual_days,
            "churn_days": self.study.params.gaps.churn_days,
            "second_days": self.params.second_days,
            "new_days": self.params.new_days,
        }
        return {name: days for name, days in given.items() if days is not None}

    @property
    def spans(self) -> dict[str, float | None]:
        """Every gap that counts, in days: as it is fixed, else as it was measured."""
        return self.measured | self.fixed

    @property
    def gaps(self) -> pd.DataFrame:
        """Each gap: what counts, what was measured, and what a naive quantile would say.

        `gap` (`usual_gap`, `churn_gap`, `second_order`, `new_customer`), `days`,
        `measured_days`, `naive_days`, `is_fixed`.
        """
        share, horizon = 1 - self.study.params.gaps.return_share, self.horizon_days
        naive = {
            "usual_days": measures.naive_gap(self.study.waiting, 0.5, horizon),
            "churn_days": measures.naive_gap(self.study.waiting, share),
            "second_days": measures.naive_gap(self.second_waiting, SECOND_SHARE, horizon),
            "new_days": measures.naive_gap(self.second_waiting, NEW_SHARE, horizon),
        }
        rows = [
            {
                "gap": label,
                "days": self.spans[name],
                "measured_days": self.measured[name],
                "naive_days": naive[name],
                "is_fixed": name in self.fixed,
            }
            for name, label in GAPS.items()
        ]
        numbers = dict.fromkeys(("days", "measured_days", "naive_days"), "float64")
        return pd.DataFrame(rows).astype(numbers)

    @property
    def gap_remarks(self) -> list[tuple[str, dict[str, Any]]]:
        """What the gaps say: keys of sentences, and their fields."""
        passed = int(self.study.waiting["returned"].sum())
        still = len(self.study.buyers)
        key = "gaps_fixed_many" if len(self.fixed) > 1 else "gaps_fixed"
        fixed = [(key, {"gaps": len(self.fixed)})] if self.fixed else []
        if self.measured["usual_days"] is None:
            return [("gaps_none", {"gaps": passed, "open": still}), *fixed]
        days = self.gaps.set_index("gap")
        fields = {
            "usual": days.loc["usual_gap", "measured_days"],
            "churn": days.loc["churn_gap", "measured_days"],
            "naive": days.loc["usual_gap", "naive_days"],
            "naive_churn": days.loc["churn_gap", "naive_days"],
            "share": self.study.params.gaps.return_share,
            "months": self.study.params.clv.horizon_months,
            "gaps": passed,
            "open": still,
        }
        is_biased = fields["naive"] < fields["usual"] or fields["naive_churn"] < fields["churn"]
        naive = [("gaps_naive", fields)] if is_biased else []
        few = [("gaps_few", fields)] if passed < measures.FEW_GAPS else []
        return [("gaps_measured", fields), *naive, *few, *fixed]

    @property
    def given(self) -> dict[str, Any]:
        """Parameters of `segkit.segments.Lifecycle`."""
        shares = self.params.model_dump(exclude={"new_days", "second_days"})
        return self.spans | shares | {"again_days": self.horizon_days}

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
        model = self.study.lifecycle
        watched = model.watched(self.study.buyers)
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
        differs = [tables.is_difference(row) for row in table.to_dict("records")]
        return table.assign(is_difference=differs)

    def _return_sides(self) -> dict[str, float]:
        tested = self._returners
        return tables.two_rates(tested["returns"] == "frequent", tested["orders_after"] > 0)

    @cached_property
    def _returners(self) -> pd.DataFrame:
        """Active buyers of before the test by their returns, and what they did in it."""
        columns = ["returns", "orders_after", "revenue_after"]
        if not self.study.evidence.ready:
            return pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
        tested = self.study.evidence.tested
        return tested.loc[tested["returns"].notna(), columns]

    @property
    def views(self) -> list[str]:
        """Views that tell customers apart: with more than one value."""
        segments = self.study.segments
        return [name for name in VIEWS if segments[name].nunique() > 1]

    @property
    def terms(self) -> dict[str, float]:
        """What the rules of views depend on, besides thresholds: days and hours."""
        carts = self.study.params.carts
        return {
            "welcome": self.params.welcome_days,
            "open": carts.open_days,
            "hours": carts.window_hours,
        }

    @property
    def marked(self) -> dict[str, float]:
        """The gaps that the waiting curve is marked with, as far as they are known."""
        known = {name: self.spans[name] for name in ("usual_days", "churn_days")}
        return {name: days for name, days in known.items() if days is not None}

    @property
    def flags(self) -> pd.DataFrame:
        """How many customers of each stage carry each flag.

        `segment`, `customers`, `high_value`, `high_value_share`, and where the log tells
        discounts `discount_driven`, `discount_driven_share`; a row `total`.
        """
        segments = self.study.segments.rename(columns={"lifecycle": "segment"})
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
        return "discount_share" in self.study.customers

    @property
    def threshold_remarks(self) -> list[tuple[str, dict[str, Any]]]:
        """What the thresholds say: keys of sentences, and their fields."""
        rows = self.thresholds[self.thresholds["threshold"] != "return_rate"]
        return [(_verdict(row), dict(row)) for _, row in rows.iterrows()]

    # Returns --------------------------------------------------------------------------

    @property
    def returns(self) -> pd.DataFrame:
        """What each group of active customers by returns sold, returned and left, all time.

        `segment`, `customers`, `gross`, `returned`, `revenue` (net), `revenue_per_customer`,
        `return_rate` (units), and a row `total` of all customers, active or not.
        """
        customers = self.study.customers
        views = self.study.segments["returns"]
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
        study = self.study
        views = study.segments["returns"].dropna()
        ids = study.customers.loc[views.index, "customer_id"]
        revenue = ids.map(study.period().set_index("customer_id")["revenue"]).fillna(0.0)
        return "in_the_period", pd.DataFrame({"returns": views, "revenue": revenue})

    @property
    def has_returns(self) -> bool:
        """Whether anything was ever returned."""
        return bool(self.study.customers["returned"].sum() > 0)

    @property
    def return_remarks(self) -> list[tuple[str, dict[str, Any]]]:
        """What the returns say: keys of sentences, and their fields."""
        if not self.has_returns:
            return [("returns_nothing", {})]
        total = self.returns.iloc[-1]
        share = total["returned"] / total["gross"]
        tests = [(f"returns_{_worth(row)}", row) for row in self.return_tests.to_dict("records")]
        return [("returns_total", dict(total) | {"share": share}), *tests]

    # Prospects ------------------------------------------------------------------------

    @cached_property
    def prospects(self) -> pd.DataFrame:
        """Customers without an order that stands, in the rows of the customer table."""
        return self.study.customers[self.study.customers["orders"] == 0]

    @property
    def prospect_remarks(self) -> list[tuple[str, dict[str, float]]]:
        """What is known of prospects: keys of sentences, and their fields."""
        terms = self.prospect_terms
        if not terms["customers"]:
            return [("prospects_none", {})]
        params = self.study.params
        is_told = params.customers is not None or params.events is not None
        summary = [("prospects_summary", terms)] if is_told else []
        returned = int((self.prospects["returns"] > 0).sum())
        return summary + ([("prospects_returned", {"customers": returned})] if returned else [])

    @property
    def prospect_terms(self) -> dict[str, float]:
        """How many prospects there are, registered, seen, and with a cart that waits."""
        table = self.prospects
        given = {"registered": "registered", "seen": "first_seen"}
        counts = {
            name: int(table[column].notna().sum()) if column in table else 0
            for name, column in given.items()
        }
        registration = self.study.segments.loc[table.index, "registration"]
        waiting = int((table["carts_abandoned"] > 0).sum()) if "carts_abandoned" in table else 0
        return counts | {
            "customers": len(table),
            "share": len(table) / len(self.study.customers),
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
        from segkit.data.events import viewed_by
        from segkit.study.store import key_of

        study = self.study
        if study.events is None:
            return pd.DataFrame({"viewed": [], "customers": [], "events": []})

        def compute() -> pd.DataFrame:
            table = study.customer_rows
            prospects = table.filter(table["orders"] == 0).select("customer_id")
            looks = viewed_by(study.events, prospects, study.carts.products, study.as_of)
            return looks.head(TOP_VIEWED).to_pyarrow().to_pandas()

        return study.store.frame("viewed", key_of(study.customers_key, "viewed"), compute)


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
