"""How customers move between the segments of two dates (definitions, section 8)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

NEWCOMER = "newcomer"
"""Where those come from who were not customers at the earlier date."""
GONE = "gone"
"""Where those go who are not customers at the later date."""
OUTSIDE = "outside"
"""Where customers are who are not in a view of the lifecycle."""
NO_SEGMENTS = (NEWCOMER, GONE, OUTSIDE)


def paired(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return where each customer was at two dates, and what else is known of it at both.

    Parameters
    ----------
    before, after : DataFrame
        As for `flows`; further columns are kept.

    Returns
    -------
    DataFrame
        `customer_id`, and each other column with `_before` and `_after`. Who was not there at
        one of the dates is in `newcomer` or `gone`, with no revenue.

    Examples
    --------
    >>> then = pd.DataFrame({"customer_id": ["a"], "segment": ["new"], "revenue": [5.0]})
    >>> now = pd.DataFrame({"customer_id": ["a", "b"], "segment": "new", "revenue": [9.0, 2.0]})
    >>> paired(then, now).values.tolist()
    [['a', 'new', 5.0, 'new', 9.0], ['b', 'newcomer', 0.0, 'new', 2.0]]
    """
    both = before.merge(after, on="customer_id", how="outer", suffixes=("_before", "_after"))
    both["segment_before"] = both["segment_before"].fillna(NEWCOMER)
    both["segment_after"] = both["segment_after"].fillna(GONE)
    return both.fillna({"revenue_before": 0.0, "revenue_after": 0.0})


def flows(before: pd.DataFrame, after: pd.DataFrame, order: Sequence[str]) -> pd.DataFrame:
    """Return how many customers went from each segment to each other, and with what revenue.

    Parameters
    ----------
    before, after : DataFrame
        One row a customer at the two dates: `customer_id`, `segment`, `revenue` (money, all
        time).
    order : sequence of str
        Segments in the order wanted.

    Returns
    -------
    DataFrame
        `segment_before`, `segment_after`, `customers`, `share_of_before` (of the earlier
        segment), `revenue_before` (money that they had spent by the earlier date),
        `revenue_between` (net revenue between the dates). Those who came in between stand
        under `newcomer`.

    Examples
    --------
    >>> before = pd.DataFrame({"customer_id": ["a"], "segment": ["new"], "revenue": [5.0]})
    >>> after = pd.DataFrame({"customer_id": ["a", "b"], "segment": ["loyal", "new"],
    ...     "revenue": [9.0, 2.0]})
    >>> flows(before, after, ["new", "loyal"])[["segment_before", "segment_after",
    ...     "customers", "revenue_between"]]
      segment_before segment_after  customers  revenue_between
    0            new         loyal          1              4.0
    1       newcomer           new          1              2.0
    """
    both = paired(before, after)
    both["revenue_between"] = both["revenue_after"] - both["revenue_before"]
    groups = both.groupby(["segment_before", "segment_after"])
    sums = groups[["revenue_before", "revenue_between"]].sum()
    table = sums.assign(customers=groups.size()).reset_index()
    whole = table.groupby("segment_before")["customers"].transform("sum")
    table = table.assign(share_of_before=table["customers"] / whole)
    places = {segment: place for place, segment in enumerate([*order, NEWCOMER, GONE])}
    keys = ["segment_before", "segment_after"]
    table = table.sort_values(keys, key=lambda column: column.map(places), kind="stable")
    columns = [*keys, "customers", "share_of_before", "revenue_before", "revenue_between"]
    return table[columns].reset_index(drop=True)


def transition_matrix(moved: pd.DataFrame, value: str = "customers") -> pd.DataFrame:
    """Return flows as a matrix: earlier segments down, later ones across, sums at the ends.

    Parameters
    ----------
    moved : DataFrame
        As `flows` gives.
    value : {"customers", "share_of_before", "revenue_between"}
        What stands in the cells; shares have no sums.

    Returns
    -------
    DataFrame
        `segment_before`, one column a later segment, and `total` with a row `total`.
    """
    table = moved.pivot(index="segment_before", columns="segment_after", values=value).fillna(0)
    table = table.loc[moved["segment_before"].unique(), _in_order(moved)]
    if value != "share_of_before":
        table["total"] = table.sum(axis=1)
        table.loc["total"] = table.sum()
    if value == "customers":
        table = table.astype("int64")
    return table.rename_axis(columns=None).reset_index()


def _customers(moved: pd.DataFrame, where: pd.Series) -> int:
    return int(moved.loc[where, "customers"].sum())


def balance(moved: pd.DataFrame) -> pd.DataFrame:
    """Return what each segment won and lost.

    Parameters
    ----------
    moved : DataFrame
        As `flows` gives.

    Returns
    -------
    DataFrame
        `segment`, `customers_before`, `left` (to other segments), `entered` (from other
        segments), `newcomers`, `customers_after` (`customers_before - left + entered +
        newcomers`), `revenue_between` (of those who are in it at the later date), and a row
        `total`.
    """
    rows = []
    for segment in dict.fromkeys([*moved["segment_before"], *_in_order(moved)]):
        if segment in NO_SEGMENTS:
            continue
        was, is_now = moved["segment_before"] == segment, moved["segment_after"] == segment
        is_new = moved["segment_before"] == NEWCOMER
        rows.append(
            {
                "segment": segment,
                "customers_before": _customers(moved, was),
                "left": _customers(moved, was & ~is_now),
                "entered": _customers(moved, is_now & ~was & ~is_new),
                "newcomers": _customers(moved, is_now & is_new),
                "customers_after": _customers(moved, is_now),
                "revenue_between": float(moved.loc[is_now, "revenue_between"].sum()),
            }
        )
    table = pd.DataFrame(rows)
    total = table.drop(columns="segment").sum().to_frame().T.assign(segment="total")
    counts = [name for name in table if name not in ("segment", "revenue_between")]
    whole = pd.concat([table, total[table.columns]], ignore_index=True)
    return whole.astype({**dict.fromkeys(counts, "int64"), "revenue_between": "float64"})


def movements(moved: pd.DataFrame) -> pd.DataFrame:
    """Return the flows between different segments, those with most revenue at stake first.

    Parameters
    ----------
    moved : DataFrame
        As `flows` gives.
    """
    is_move = moved["segment_before"] != moved["segment_after"]
    known = ~moved["segment_before"].isin(NO_SEGMENTS) & ~moved["segment_after"].isin(NO_SEGMENTS)
    at_stake = ["revenue_before", "customers"]
    return moved[is_move & known].sort_values(at_stake, ascending=False, ignore_index=True)


def _in_order(moved: pd.DataFrame) -> list[str]:
    """Return the later segments, in the order of the earlier ones where they are among those."""
    seen = list(moved["segment_after"].unique())
    first = [segment for segment in moved["segment_before"].unique() if segment in seen]
    return [*first, *(segment for segment in seen if segment not in first)]
