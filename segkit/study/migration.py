"""How a study's customers moved between segments, by the rules of its own date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import pandas as pd

from segkit.analysis import migration as tables
from segkit.errors import SegkitError
from segkit.foundation.cached import cached_property
from segkit.params import SEGMENTATIONS
from segkit.segments.base import RETURNED_ALL
from segkit.study.base import Base
from segkit.study.forecast import Forecast
from segkit.study.gaps import Gaps
from segkit.study.part import StudyPart
from segkit.study.segmented import OF_SCORES, Segmented, require_segmentation
from segkit.words.said import Said

LEGIBLE = 12
"""Segments beyond which a picture of flows is a thicket; then the table is shown alone."""
TOLD = 3
"""Movements that the report tells in words."""
KNOWN = ("orders", "recency_days", "clv")
"""What is known of a customer at a date, besides its segment and revenue."""


class Migration(StudyPart):
    """Segments at several dates, by the rules fitted at `as_of` (definitions, section 8).

    Customers of all dates come from one pass over the lines. A customer moves because it
    behaved otherwise, never because the rules changed, nor because its score has just brushed an
    edge: where two dates are compared, who is past an edge by less than
    `migration.edge_tolerance` counts at the earlier date, too, where it is at the later one. So
    the segments of the later date are those that the study gives it.

    Parameters
    ----------
    base : Base
    gaps : Gaps
    forecast : Forecast
    segmented : Segmented
    """

    def __init__(self, base: Base, gaps: Gaps, forecast: Forecast, segmented: Segmented) -> None:
        self.base, self.gaps, self.forecast, self.segmented = base, gaps, forecast, segmented
        params = self.base.params
        self.months = params.migration.months or params.clv.previous_months
        self._known: dict[date, pd.DataFrame] = {}
        self._flows: dict[tuple[str, date, date], pd.DataFrame] = {}

    @cached_property
    def dates(self) -> list[date]:
        """The dates that customers are followed over, the last one `as_of`."""
        steps = range(self.base.params.migration.dates)
        days = [self.base.months_before(self.months * step) for step in steps]
        return sorted(day for day in days if day > self.base.first_day)

    @property
    def ready(self) -> bool:
        """Whether there is an earlier date to compare with."""
        return len(self.dates) > 1

    @property
    def segmentations(self) -> list[str]:
        """Segmentations of the whole base."""
        return list(SEGMENTATIONS)

    @property
    def intro(self) -> Said:
        """Which dates are compared, or why none are: key of a sentence, and its fields."""
        if not self.ready:
            return [("migration_short", {})]
        tolerance = self.base.params.migration.edge_tolerance
        edges: Said = [("migration_edges", {"tolerance": tolerance})] if tolerance else []
        return [("migration_intro", self.terms), *edges]

    def is_legible(self, segmentation: str) -> bool:
        """Whether a picture can show the flows: not with too many segments."""
        found = self.flows(segmentation)
        return found["segment_after"].nunique() <= LEGIBLE

    @property
    def ends(self) -> dict[str, date]:
        """The two dates that are compared by default: `before` and `after`."""
        return {"before": self._default(-2), "after": self._default(-1)}

    @property
    def terms(self) -> dict[str, object]:
        """The two dates that are compared by default, and `months` apart."""
        return {**self.ends, "months": self.months}

    def customers(self, day: date) -> pd.DataFrame:
        """Return the customers at a date, with what was to be expected of them by today's models.

        Parameters
        ----------
        day : date
            Any day of the history.

        Raises
        ------
        SegkitError
            The day is before the first line, or after `as_of`.
        """
        day = pd.Timestamp(day).date()
        if not self.base.first_day < day <= self.base.as_of:
            raise SegkitError(
                "there are no customers at this date",
                values=[day.isoformat()],
                fix=f"choose one after {self.base.first_day}, up to {self.base.as_of}",
            )
        dates = self._dates_with_previous(self.dates if day in self.dates else [day])
        known, earlier = self.gaps.customers_at(dates, day), self._previous(day)
        previous = self.gaps.customers_at(dates, earlier) if earlier in dates else None
        return known.drop(columns="as_of").join(self.forecast.values_of(known, previous))

    def _dates_with_previous(self, dates: Sequence[date]) -> list[date]:
        """Return dates, and those that CLV is compared with, as far as the history goes."""
        earlier = (self._previous(day) for day in dates)
        return sorted({*dates, *(day for day in earlier if day > self.base.first_day)})

    def _previous(self, day: date) -> date:
        months = self.base.params.clv.previous_months
        return (pd.Timestamp(day) - pd.DateOffset(months=months)).date()

    def segments(self, segmentation: str, day: date) -> pd.DataFrame:
        """Return each customer's `segment` and `revenue` (all time) at a date.

        Parameters
        ----------
        segmentation : str
            Any of the study's.
        day : date
        """
        table = self._everyone(segmentation, day)
        return table[table["segment"] != tables.OUTSIDE].reset_index(drop=True)

    def _everyone(self, segmentation: str, day: date) -> pd.DataFrame:
        require_segmentation(segmentation)
        labelled = self._labelled(day)
        return labelled[["customer_id", "revenue"]].assign(
            segment=labelled[segmentation].astype("str")
        )

    def _settled(self, segmentation: str, before: date, after: date) -> pd.DataFrame:
        """Return everyone at the earlier of two dates, where nobody has moved by brushing an edge."""
        earlier = self._everyone(segmentation, before)
        if segmentation not in OF_SCORES:
            return earlier
        ends = (self._scored(before), self._scored(after))
        return earlier.assign(segment=self.segmented.settled(segmentation, *ends))

    def _scored(self, day: date) -> pd.DataFrame:
        """Return what is scored, with whether somebody without an order had any returns."""
        labelled = self._labelled(day)
        return labelled.assign(returns=labelled["families"] == RETURNED_ALL)

    def _labelled(self, day: date) -> pd.DataFrame:
        """Return what is scored, and the segments in every segmentation and view, kept small."""
        if day not in self._known:
            customers = self.customers(day)
            labels = self.segmented.labels(customers).fillna(tables.OUTSIDE).astype("category")
            scored = self.segmented.rfm.columns
            columns = dict.fromkeys(["customer_id", "revenue", *scored, *KNOWN])
            self._known[day] = customers[[*columns]].join(labels)
        return self._known[day]

    def pairs(self, segmentation: str) -> pd.DataFrame:
        """Return where each customer is at the two dates compared by default, as `flows` counts.

        Parameters
        ----------
        segmentation : str
            Any of the study's.

        Returns
        -------
        DataFrame
            As `segkit.analysis.migration.paired`: `segment`, `revenue` (all time), `orders`,
            `recency_days` and `clv`, each with `_before` and `_after`.

        Raises
        ------
        SegkitError
            The history is too short for two dates.
        """
        before, after = self.ends.values()
        then, now = self._settled(segmentation, before, after), self._everyone(segmentation, after)
        return tables.paired(
            then.join(self._labelled(before)[[*KNOWN]]), now.join(self._labelled(after)[[*KNOWN]])
        )

    def flows(
        self, segmentation: str, before: date | None = None, after: date | None = None
    ) -> pd.DataFrame:
        """Return who went where between two dates; see `segkit.analysis.migration.flows`.

        Parameters
        ----------
        segmentation : str
            Any of the study's. Who enters a view of the lifecycle from another stage comes
            from `outside`, and who leaves it goes there.
        before, after : date, optional
            By default `as_of` and the date before it. Who has only brushed an edge since the
            first counts there where it is at the second.

        Raises
        ------
        SegkitError
            The history is too short for two dates, or a date is not in it.
        """
        ends = (before or self._default(-2), after or self._default(-1))
        if (segmentation, *ends) not in self._flows:
            self._flows[segmentation, *ends] = self._compare(segmentation, *ends)
        return self._flows[segmentation, *ends].copy()

    def _compare(self, segmentation: str, before: date, after: date) -> pd.DataFrame:
        moved = tables.flows(
            self._settled(segmentation, before, after),
            self._everyone(segmentation, after),
            [*self.segmented.names[segmentation], tables.OUTSIDE],
        )
        elsewhere = moved[["segment_before", "segment_after"]].isin(tables.NO_SEGMENTS)
        return moved[~elsewhere.all(axis=1)].reset_index(drop=True)

    def _default(self, place: int) -> date:
        if not self.ready:
            raise SegkitError(
                "the history is too short to compare two dates",
                values=[self.base.first_day.isoformat(), self.base.as_of.isoformat()],
                fix="set migration.months to less, or name the dates",
            )
        return self.dates[place]

    def transitions(self, segmentation: str) -> pd.DataFrame:
        """Return who went where as a matrix; see `segkit.analysis.migration.transition_matrix`."""
        return tables.transition_matrix(self.flows(segmentation))

    def balance(self, segmentation: str) -> pd.DataFrame:
        """Return who came, stayed and left, by segment; see `segkit.analysis.migration.balance`."""
        return tables.balance(self.flows(segmentation))

    def series(self, segmentation: str) -> pd.DataFrame:
        """Return the size and revenue of each segment at each date.

        Returns
        -------
        DataFrame
            `as_of`, `segment`, `customers`, `customers_share`, `revenue`: net revenue since
            the date before, of the customers who are in the segment now. The first date only
            opens the series: it has no row.
        """
        order = [*self.segmented.names[segmentation], tables.OUTSIDE]
        rows = []
        self._default(0)
        for before, after in pairwise(self.dates):
            moved = self.flows(segmentation, before, after)
            sums = moved.groupby("segment_after")[["customers", "revenue_between"]].sum()
            sums = sums.reindex([key for key in order if key in sums.index])
            rows.append(sums.reset_index().assign(as_of=pd.Timestamp(after)))
        table = pd.concat(rows, ignore_index=True)
        whole = table.groupby("as_of")["customers"].transform("sum")
        names = {"segment_after": "segment", "revenue_between": "revenue"}
        table = table.assign(customers_share=table["customers"] / whole).rename(columns=names)
        return table[["as_of", "segment", "customers", "customers_share", "revenue"]]

    def is_told(self, moved: pd.DataFrame, top: int = 10) -> pd.Series:
        """Return which flows are among the movements with most revenue at stake."""
        first = tables.movements(moved).head(top)
        keys = ["segment_before", "segment_after"]
        told = pd.MultiIndex.from_frame(moved[keys]).isin(pd.MultiIndex.from_frame(first[keys]))
        return pd.Series(told, index=moved.index)

    def told(self, segmentation: str) -> Said:
        """Return the movements with most revenue at stake: keys of sentences, and their fields."""
        moves = tables.movements(self.flows(segmentation))
        if moves.empty:
            return [("migration_nobody", self.terms)]
        return [("migration_move", dict(row)) for _, row in moves.head(TOLD).iterrows()]
