"""A study's gaps: how long its customers take to buy again, and what follows from that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from segkit.analysis import gaps as measures
from segkit.data.periods import gap_counts, recent_orders
from segkit.foundation.cached import cached_property
from segkit.models.purchase import DAYS
from segkit.study.activity import Activity
from segkit.study.base import Base
from segkit.study.part import StudyPart
from segkit.study.store import key_of
from segkit.words.said import Said

SECOND_SHARE, NEW_SHARE = 0.5, 0.75
"""Shares of eventual second orders: by then a customer is late, and no longer new."""
GAPS = {
    "usual_days": "usual_gap",
    "churn_days": "churn_gap",
    "second_days": "second_order",
    "new_days": "new_customer",
}
"""Parameters of the lifecycle, and what they are called in the table of gaps."""
MARKS = ("usual_days", "churn_days")
"""The gaps that the waiting curve is marked with, and that recency is scored by."""


class Gaps(StudyPart):
    """How long customers take to buy again, all in days (definitions, section 7).

    Parameters
    ----------
    base : Base
    activity : Activity
    """

    def __init__(self, base: Base, activity: Activity) -> None:
        self.base, self.activity = base, activity
        self.params = base.params.gaps

    @property
    def horizon_days(self) -> float:
        """How far ahead a return still counts."""
        return self.base.params.clv.horizon_months * DAYS["months"]

    @cached_property
    def waiting(self) -> pd.DataFrame:
        """How long customers wait to buy again; see `segkit.analysis.gaps.waiting_curve`."""
        base = self.base

        def compute() -> pd.DataFrame:
            gaps = gap_counts(self.activity.days).to_pyarrow().to_pandas()
            return measures.waiting_curve(gaps, base.buyers["recency_days"])

        return base.store.frame("waiting", key_of(base.customers_key, "waiting"), compute)

    @cached_property
    def second_waiting(self) -> pd.DataFrame:
        """How long customers wait for their second order; columns as those of `waiting`."""
        buyers = self.base.buyers
        passed = buyers["first_gap_days"].dropna().astype(float)
        counts = passed.value_counts().sort_index().rename_axis("days").reset_index(name="gaps")
        return measures.waiting_curve(counts, buyers.loc[buyers["x"] == 0, "tenure_days"])

    @cached_property
    def measured(self) -> dict[str, int | None]:
        """Every gap as the data give it, in days."""
        horizon = self.horizon_days
        found = measures.measured_gaps(self.waiting, horizon, self.params.return_share)
        second, new = (
            measures.returned_by(self.second_waiting, horizon, share)
            for share in (SECOND_SHARE, NEW_SHARE)
        )
        usual_counts = self.fixed.get("usual_days", found["usual_days"])
        longest = max((days for days in (usual_counts, new) if days is not None), default=None)
        gaps = {
            "usual_days": found["usual_days"],
            "churn_days": found["churn_days"],
            "second_days": second,
            "new_days": longest,
        }
        return {name: None if days is None else int(days) for name, days in gaps.items()}

    @cached_property
    def fixed(self) -> dict[str, int]:
        """The gaps that the parameters fix, in days."""
        lifecycle = self.base.params.lifecycle
        given = {
            "usual_days": self.params.usual_days,
            "churn_days": self.params.churn_days,
            "second_days": lifecycle.second_days,
            "new_days": lifecycle.new_days,
        }
        return {name: days for name, days in given.items() if days is not None}

    @property
    def spans(self) -> dict[str, int | None]:
        """Every gap that counts, in days: as it is fixed, else as it was measured."""
        return self.measured | self.fixed

    @property
    def repeat_buyers(self) -> int:
        """Customers who have bought on more than one day: those whose gaps are known."""
        return int((self.base.buyers["x"] > 0).sum())

    @property
    def paces(self) -> dict[str, int]:
        """The usual and the churn gap where they are sure enough to score by, else nothing.

        Sure are those that the parameters fix, and those of enough repeat buyers.
        """
        is_measured = self.repeat_buyers >= measures.FEW_REPEAT_BUYERS
        sure = self.marked if is_measured else {n: self.fixed[n] for n in MARKS if n in self.fixed}
        return sure if len(sure) == len(MARKS) else {}

    @property
    def marked(self) -> dict[str, int]:
        """The gaps that the waiting curve is marked with, as far as they are known."""
        known = {name: self.spans[name] for name in MARKS}
        return {name: days for name, days in known.items() if days is not None}

    @property
    def table(self) -> pd.DataFrame:
        """Each gap: what counts, what was measured, and what a naive quantile would say.

        `gap` (`usual_gap`, `churn_gap`, `second_order`, `new_customer`), `days`,
        `measured_days`, `naive_days`, `is_fixed`.
        """
        share, horizon = 1 - self.params.return_share, self.horizon_days
        naive = {
            "usual_days": measures.naive_gap(self.waiting, 0.5, horizon),
            "churn_days": measures.naive_gap(self.waiting, share),
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
    def remarks(self) -> Said:
        """What the gaps say: keys of sentences, and their fields."""
        passed = int(self.waiting["returned"].sum())
        still = len(self.base.buyers)
        fixed: Said = [("gaps_fixed", {"gaps": len(self.fixed)})] if self.fixed else []
        if self.measured["usual_days"] is None:
            return [("gaps_none", {"gaps": passed, "open": still}), *fixed]
        days = self.table.set_index("gap")
        fields: dict[str, Any] = {
            "usual": days.loc["usual_gap", "measured_days"],
            "churn": days.loc["churn_gap", "measured_days"],
            "naive": days.loc["usual_gap", "naive_days"],
            "naive_churn": days.loc["churn_gap", "naive_days"],
            "share": self.params.return_share,
            "months": self.base.params.clv.horizon_months,
            "gaps": passed,
            "open": still,
        }
        is_biased = fields["naive"] < fields["usual"] or fields["naive_churn"] < fields["churn"]
        naive: Said = [("gaps_naive", fields)] if is_biased else []
        few: Said = [("gaps_few", fields)] if passed < measures.FEW_GAPS else []
        return [("gaps_measured", fields), *naive, *few, *fixed]

    # The recent past ------------------------------------------------------------------

    @property
    def recent_days(self) -> int | None:
        """Length of the recent window of the CLV segments, in days."""
        return self.base.params.clv.segments.recent_days or self.spans["usual_days"]

    @cached_property
    def recent_orders(self) -> pd.DataFrame:
        """`recent_orders` and, in the window before, `earlier_orders` of who has any."""
        base, days = self.base, self.recent_days
        assert days is not None  # asked only where there is a window
        return base.store.frame(
            "recent_orders",
            key_of(base.customers_key, days),
            lambda: recent_orders(self.activity.days, base.as_of, days).to_pyarrow().to_pandas(),
        )

    def customers_at(self, dates: Sequence[date], day: date | None = None) -> pd.DataFrame:
        """Return the customer table at several dates, with the windows of the CLV segments.

        Parameters
        ----------
        dates : sequence of date
            First days that are not observed.
        day : date, optional
            One of `dates`: only its rows are read.
        """
        return self.base.snapshots(dates, self.recent_days, day)
