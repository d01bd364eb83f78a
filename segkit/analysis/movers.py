"""Which moves between segments are worth acting on, and what the movers did in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from segkit.analysis.migration import NO_SEGMENTS
from segkit.errors import RuleError
from segkit.foundation.yaml_files import load_yaml

FILE = "movers.yaml"
HAPPENED = ("first_order", "came_back", "bought_again", "gave_back", "silent")
"""What happened to a mover between the dates; see `what_happened`."""


@dataclass(frozen=True)
class MoveRules:
    """Which moves are worth acting on; the format is at the head of `movers.yaml`.

    Parameters
    ----------
    watched : tuple of str
        Segments that nobody enters or leaves without a list.
    steps : int
        Steps of value from which on a move is worth acting on.
    order : mapping
        Step of each segment, by segmentation.
    """

    watched: tuple[str, ...]
    steps: int
    order: Mapping[str, Mapping[str, int]]


@cache
def load_move_rules(path: Path | None = None) -> MoveRules:
    """Return the rules of a file, by default the kit's.

    Raises
    ------
    RuleError
        A part is missing, or a step is no whole number.

    Examples
    --------
    >>> rules = load_move_rules()
    >>> rules.watched, rules.steps, rules.order["value_groups"]["champions"]
    (('champions', 'at_risk', 'cannot_lose'), 2, 5)
    """
    file = path or Path(__file__).with_name(FILE)
    given = load_yaml(file)
    absent = [name for name in ("watched", "steps", "order") if name not in given]
    if absent:
        fix = "write it as in the kit's own file"
        raise RuleError("a part is missing", where=file.name, values=absent, fix=fix)
    places = [place for order in given["order"].values() for place in order.values()]
    wrong = [place for place in [given["steps"], *places] if type(place) is not int]
    if wrong:
        fix = "count steps in whole numbers"
        raise RuleError("is no number of steps", where=file.name, values=wrong, fix=fix)
    return MoveRules(tuple(given["watched"]), given["steps"], given["order"])


def value_steps(pairs: pd.DataFrame, order: Mapping[str, int] | None = None) -> pd.Series:
    """Return how many steps of value each segment stands up, by segment.

    Parameters
    ----------
    pairs : DataFrame
        As `segkit.analysis.migration.paired` gives.
    order : mapping, optional
        Steps by segment. Where a segment of `pairs` is missing, all are ordered by what their
        customers had spent on average (all time, at both dates), one step a segment.

    Examples
    --------
    >>> pairs = pd.DataFrame({"segment_before": ["low", "high"], "segment_after": ["mid", "high"],
    ...     "revenue_before": [5.0, 90.0], "revenue_after": [20.0, 95.0]})
    >>> value_steps(pairs).to_dict()
    {'low': 1, 'mid': 2, 'high': 3}
    >>> value_steps(pairs, {"low": 0, "mid": 0, "high": 2}).to_dict()
    {'low': 0, 'mid': 0, 'high': 2}
    """
    ends = [
        pairs[[f"segment_{end}", f"revenue_{end}"]].set_axis(["segment", "revenue"], axis=1)
        for end in ("before", "after")
    ]
    spent = pd.concat(ends).groupby("segment")["revenue"].mean()
    spent = spent[~spent.index.isin(NO_SEGMENTS)]
    if order is not None and set(spent.index) <= set(order):
        return pd.Series(order, dtype="int64")
    return spent.rank(method="dense").astype("int64").sort_values()


def worth_acting(moved: pd.DataFrame, steps: pd.Series, rules: MoveRules) -> pd.DataFrame:
    """Return the moves that are worth acting on, those with most revenue at stake first.

    Parameters
    ----------
    moved : DataFrame
        As `segkit.analysis.migration.movements` gives.
    steps : Series
        As `value_steps` gives.
    rules : MoveRules

    Returns
    -------
    DataFrame
        The rows of `moved` into or out of a watched segment, or `rules.steps` up or down, with
        `steps` (up is positive).

    Source
    ------
    Definitions, section 8.
    """
    was, is_now = moved["segment_before"], moved["segment_after"]
    climbed = pd.Series(
        steps.reindex(is_now).to_numpy() - steps.reindex(was).to_numpy(), moved.index, "int64"
    )
    is_watched = was.isin(rules.watched) | is_now.isin(rules.watched)
    chosen = is_watched | (climbed.abs() >= rules.steps)
    return moved.assign(steps=climbed)[chosen].reset_index(drop=True)


def what_happened(pairs: pd.DataFrame, days: int, churn_days: float | None = None) -> pd.Series:
    """Return in a word what each customer did between two dates.

    Parameters
    ----------
    pairs : DataFrame
        `orders_before`, `orders_after`, `revenue_before`, `revenue_after` (money, all time),
        `recency_days_before`, `recency_days_after` (days since the last order, at either date).
    days : int
        Days between the dates.
    churn_days : float, optional
        The churn gap; where None, nobody was away.

    Returns
    -------
    Series of str
        `first_order`: bought, and had no order that stood; `came_back`: bought after having been
        away for longer than the churn gap; `bought_again`; `gave_back`: bought nothing more that
        stands, and returned some of what was bought; `silent`: nothing.

    Examples
    --------
    >>> pairs = pd.DataFrame({
    ...     "orders_before": [0, 1, 2, 2, 2], "orders_after": [1, 2, 3, 1, 2],
    ...     "revenue_before": [0.0, 9, 9, 9, 9], "revenue_after": [5.0, 12, 11, 4, 9],
    ...     "recency_days_before": [None, 400, 20, 20, 20],
    ...     "recency_days_after": [5, 60, 1, 130, 111]})
    >>> what_happened(pairs, 91, churn_days=240).tolist()
    ['first_order', 'came_back', 'bought_again', 'gave_back', 'silent']
    """
    bought = pairs["recency_days_after"].astype("float64") <= days
    away = pairs["recency_days_before"].astype("float64") > (churn_days or np.inf)
    fewer = pairs["orders_after"] < pairs["orders_before"]
    less = fewer | (pairs["revenue_after"] < pairs["revenue_before"])
    conditions = [bought & (pairs["orders_before"] == 0), bought & away, bought, less]
    found = np.select(conditions, HAPPENED[:-1], HAPPENED[-1])
    return pd.Series(found, index=pairs.index, dtype="str")


def list_name(segment_before: str, segment_after: str) -> str:
    """Return the plain name of the list of those who went from one segment to another.

    Examples
    --------
    >>> list_name("champions", "at_risk")
    'champions-to-at_risk'
    """
    return f"{segment_before}-to-{segment_after}"
