"""One forecast from several: members weighed by their past errors, with a range that has held.

A *member* says what today's customers will bring in each month of the horizon. Members were
asked the same at earlier dates; what came tells how much each is worth, and how far off the
forecast may be (definitions, section 6).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from segkit.analysis.development import Development
from segkit.analysis.value import CustomerValue, day_numbers
from segkit.foundation.cached import cached_property
from segkit.models.purchase import DAYS

MEMBERS = ("calendar", "clock", "cohorts")
"""The purchase model on the calendar, the same on the client's clock, the cohorts' development."""
MEASURES = ("orders", "revenue")
PARTS = ("existing", "new")
EVERYONE = "everyone"
TOTAL = "total"
COVERED = 0.8
"""How often what comes lies within a range: four times in five."""
WEIGHT_TESTS, WEIGHT_ERROR = 2, 0.10
"""What is known of a member before it is tested: as much as two tests of such an error, in logs."""
FAVOUR: Mapping[str, float] = {"calendar": 1.0, "clock": 2.0, "cohorts": 0.25}
"""What members weigh before they are tested: over six logs the clock came nearest, and cohorts
alone erred most where little history stands behind them."""
RANGE_TESTS = 4
RANGE_ERROR = {"clock": 0.09, "calendar": 0.20, "new": 0.30}
"""Before any test: where the year's seasons are known, where not, and of customers to come."""
FEW_ORDERS = 4.0  # of fewer no share can be said that would hold
SHORT, SHORT_ERROR = 1.5, 0.20
"""Horizons of history below which a forecast reaches far; and what that adds to its error, for each
horizon that the history is shorter in proportion."""


@dataclass(frozen=True)
class Range:
    """How far off a total may be: in logs, at each end.

    Parameters
    ----------
    half : float
    may_be_none : bool
        Whether so little is expected that nothing may come.
    """

    half: float
    may_be_none: bool = False

    def of(self, total: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the range about a total."""
        value = np.asarray(total, dtype=float)
        low = np.zeros_like(value) if self.may_be_none else value * np.exp(-self.half)
        return low, value * np.exp(self.half)


def member_weights(errors: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return what each member weighs: the less it erred, the more.

    Parameters
    ----------
    errors : mapping
        Of each member, its errors at earlier dates: log of what came over what it said.

    Returns
    -------
    dict
        They sum to 1.

    Notes
    -----
    The inverse of the mean squared error, with a prior of two tests, so that one lucky date
    decides nothing.

    Examples
    --------
    >>> weights = member_weights({"calendar": [0.4, 0.5], "cohorts": [0.05, 0.1]})
    >>> {name: round(weight, 2) for name, weight in weights.items()}
    {'calendar': 0.23, 'cohorts': 0.77}
    """
    raw = {
        name: FAVOUR.get(name, 1.0)
        * (WEIGHT_TESTS + len(found))
        / (WEIGHT_TESTS * WEIGHT_ERROR**2 + float(np.square(found).sum()))
        for name, found in errors.items()
    }
    whole = sum(raw.values())
    return {name: value / whole for name, value in raw.items()}


def weighed(members: Mapping[str, np.ndarray], weights: Mapping[str, float]) -> np.ndarray:
    """Return members' months in one: totals are meant in logs, months by their shares of them.

    Parameters
    ----------
    members : mapping
        Month × measure of each member.
    weights : mapping
        Of each member, from `member_weights`.

    Returns
    -------
    array
        Month × measure. A member that expects nothing at all counts as a thousandth of the
        largest, so that the others are still heard.

    Examples
    --------
    >>> weighed({"calendar": np.array([[1.0], [1.0]]), "clock": np.array([[2.0], [6.0]])},
    ...         {"calendar": 0.5, "clock": 0.5}).round(2).tolist()
    [[1.5], [2.5]]
    """
    names = [name for name in members if weights.get(name, 0) > 0]
    shares = np.array([weights[name] for name in names])
    shares = shares / shares.sum()
    totals = np.array([members[name].sum(axis=0) for name in names])
    floor = np.maximum(totals.max(axis=0) / 1000, 1e-300)
    whole = np.exp(shares @ np.log(np.maximum(totals, floor)))
    whole = np.where(totals.max(axis=0) > 0, whole, 0.0)
    parts = [members[name] / np.maximum(members[name].sum(axis=0), 1e-300) for name in names]
    shape = np.tensordot(shares, np.array(parts), axes=1)
    scale = np.where(shape.sum(axis=0) > 0, shape.sum(axis=0), 1.0)
    result: np.ndarray = whole * shape / scale
    return result


def range_of(
    errors: Sequence[float], before: float, expected: float = np.inf, spread: float = 0.0
) -> Range:
    """Return how far off a total may be, four times in five.

    Parameters
    ----------
    errors : sequence of float
        Of the same forecast at earlier dates: log of what came over what was said.
    before : float
        The error to expect before any test.
    expected : float
        Orders that the total is of: of few, chance alone makes more or less.
    spread : float
        Standard deviation of an order's value over its mean; 0 where orders are counted.

    Notes
    -----
    A t-interval whose variance is that of the errors and of a prior of four tests (definitions,
    section 6), chance added to the prior.
    """
    chance = (1 + spread**2) / max(expected, FEW_ORDERS)
    tests = RANGE_TESTS + len(errors)
    variance = (RANGE_TESTS * (before**2 + chance) + float(np.square(errors).sum())) / tests
    half = float(student.ppf((1 + COVERED) / 2, tests) * np.sqrt(variance))
    return Range(half, may_be_none=expected < FEW_ORDERS)


def error_before(has_clock: bool, horizon: float, history: float) -> float:
    """Return the error of a total, in logs, that is to be expected before any test.

    Parameters
    ----------
    has_clock : bool
        Whether the client's clock is known.
    horizon, history : float
        How far is looked ahead, and how long was looked back, in one unit.

    Examples
    --------
    >>> error_before(True, 3, 12), round(error_before(True, 12, 6), 2)
    (0.09, 0.28)
    """
    reach = SHORT_ERROR * max(0.0, horizon / max(history, 1e-9) - 1 / SHORT)
    return float(np.hypot(RANGE_ERROR["clock" if has_clock else "calendar"], reach))


def log_error(
    actual: np.ndarray | float, said: np.ndarray | float, unit: np.ndarray | float = 1.0
) -> np.ndarray:
    """Return the log of what came over what was said, half a unit added where either is none.

    Parameters
    ----------
    actual, said : array
    unit : array
        An order, or what one is worth.

    Examples
    --------
    >>> log_error([100.0, 0.0], [50.0, 0.0]).round(3).tolist()
    [0.693, 0.0]
    """
    came, meant = np.asarray(actual, dtype=float), np.asarray(said, dtype=float)
    lack = np.where((came > 0) & (meant > 0), 0.0, 0.5) * unit
    result: np.ndarray = np.log(np.maximum(came, 0) + lack) - np.log(np.maximum(meant, 0) + lack)
    return result


def half_of_profit(
    total: np.ndarray | float, half: np.ndarray | float, orders: np.ndarray | float, spread: float
) -> np.ndarray:
    """Return how far off totals of profit may be, four times in five, either way.

    Parameters
    ----------
    total : array
        Profit that is expected (money).
    half : array
        Half the range, in logs, of the revenue of as many orders.
    orders : array
        Orders that are expected.
    spread : float
        Standard deviation of a purchase's profit (money).

    Notes
    -----
    Profit may be of either sign, so its range is a sum, not a factor: the total is off as
    revenue is, and by the chance of purchases of their own.

    Examples
    --------
    >>> half_of_profit(np.array([0.0]), np.array([0.2]), np.array([100.0]), 50.0).round().tolist()
    [641.0]
    """
    chance = norm.ppf((1 + COVERED) / 2) * spread * np.sqrt(np.maximum(orders, 0))
    result: np.ndarray = np.hypot(np.abs(total) * np.expm1(half), chance)
    return result


@dataclass(frozen=True)
class PastForecast:
    """What members said at an earlier date, and what came.

    Parameters
    ----------
    cut : str
        The date, as ISO.
    months_ago : int
        How long ago that was.
    existing : mapping
        Month × measure (orders, revenue) that each member expected of the customers of then.
    new : array
        Month × measure that was expected of customers still to come.
    came_existing, came_new : array
        Month × measure that came; no rows where that is not known.
    """

    cut: str
    months_ago: int
    existing: Mapping[str, np.ndarray]
    new: np.ndarray
    came_existing: np.ndarray
    came_new: np.ndarray

    def said_by(self, member: str) -> np.ndarray:
        """Return what a member said; where it could not speak yet, what the calendar did."""
        return self.existing.get(member, self.existing["calendar"])


@dataclass(frozen=True)
class Outlook:
    """What members say at one date, weighed by the tests that were over by then.

    Parameters
    ----------
    existing, new : mapping, array
        As in `PastForecast`, at the date itself.
    tests : sequence of PastForecast
        Those over by then, of the same horizon.
    before : float
        Error to expect of today's customers' total before any test.
    spread : float
        Standard deviation of an order's value over its mean.
    """

    existing: Mapping[str, np.ndarray]
    new: np.ndarray
    tests: Sequence[PastForecast]
    before: float
    spread: float

    @property
    def members(self) -> list[str]:
        """The members that speak here."""
        return [name for name in MEMBERS if name in self.existing]

    @cached_property
    def errors(self) -> dict[str, list[float]]:
        """Each member's errors of the total, orders' and revenue's root mean square per test."""
        return {
            name: [
                float(np.sqrt(np.square(_total_error(test.came_existing, said)).mean()))
                for said, test in ((test.said_by(name), test) for test in self.tests)
            ]
            for name in self.members
        }

    @cached_property
    def weights(self) -> dict[str, float]:
        """What each member weighs."""
        return member_weights(self.errors)

    @cached_property
    def months(self) -> dict[str, np.ndarray]:
        """What is expected of each part and of both, month × measure."""
        existing = weighed(self.existing, self.weights)
        return {"existing": existing, "new": self.new, EVERYONE: existing + self.new}

    def total_range(self, part: str, measure: int) -> Range:
        """Return the range of a part's total."""
        errors = [float(_total_error(*pair)[measure]) for pair in self._tested(part)]
        return self._range(part, measure, errors, self.months[part][:, 0].sum())

    def month_range(self, part: str, measure: int, orders: float) -> Range:
        """Return the range of a single month of a part, of so many orders."""
        errors = [
            float(np.sqrt(np.square(_month_errors(came, said, measure)).mean()))
            for came, said in self._tested(part)
        ]
        return self._range(part, measure, errors, orders)

    def _range(self, part: str, measure: int, errors: list[float], orders: float) -> Range:
        before = RANGE_ERROR["new"] if part == "new" else self.before
        return range_of(errors, before, orders, self.spread if measure else 0.0)

    def _tested(self, part: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return what came and what would have been said, test by test, at today's weights."""
        pairs = []
        for test in self.tests:
            came = {"existing": test.came_existing, "new": test.came_new}
            existing = {name: test.said_by(name) for name in self.members}
            said = {"existing": weighed(existing, self.weights), "new": test.new}
            if part == EVERYONE:
                pairs.append((came["existing"] + came["new"], said["existing"] + said["new"]))
            else:
                pairs.append((came[part], said[part]))
        return pairs


def _total_error(came: np.ndarray, said: np.ndarray) -> np.ndarray:
    return log_error(came.sum(axis=0), said.sum(axis=0), _units(came, said))


def _month_errors(came: np.ndarray, said: np.ndarray, measure: int) -> np.ndarray:
    return log_error(came[:, measure], said[:, measure], _units(came, said)[measure])


def _units(came: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Return what one order is, in orders and in money."""
    orders, revenue = np.abs(came).sum(axis=0) + np.abs(said).sum(axis=0)
    return np.array([1.0, max(revenue / orders, 1e-9) if orders > 0 else 1.0])


def order_spread(order_values: pd.Series) -> float:
    """Return the standard deviation of order values over their mean; 0 where they are all alike.

    Examples
    --------
    >>> order_spread(pd.Series([10.0, 10.0])), round(order_spread(pd.Series([5.0, 15.0])), 2)
    (0.0, 0.71)
    """
    known = order_values.dropna()
    mean = known.mean() if len(known) > 1 else 0.0
    return float(known.std() / mean) if mean > 0 else 0.0


def rolling_table(
    outlooks: Mapping[str, tuple[PastForecast, Outlook]], horizon: int
) -> pd.DataFrame:
    """Return what was said at earlier dates, with its range, and what came.

    Parameters
    ----------
    outlooks : mapping
        Of each cut, its test and the forecast as it would have been made then.
    horizon : int
        Months.

    Returns
    -------
    DataFrame
        `cut`, `horizon_months`, `member` (of `MEMBERS`; `total`: the forecast of the cut's
        customers; `new`: of those who came since; `everyone`: of both), `measure` (`orders` or
        `revenue`), `predicted`, `low`, `high` (four times in five; only of what was said, not of
        single members), `actual`.
    """
    rows = []
    for cut, (test, outlook) in outlooks.items():
        parts = {TOTAL: "existing", "new": "new", EVERYONE: EVERYONE}
        came = {"existing": test.came_existing, "new": test.came_new}
        came[EVERYONE] = came["existing"] + came["new"]
        for place, measure in enumerate(MEASURES):
            common = {"cut": cut, "horizon_months": horizon, "measure": measure}
            for name in outlook.members:
                said = outlook.existing[name][:, place].sum()
                actual = came["existing"][:, place].sum()
                rows.append(common | {"member": name, "predicted": said, "actual": actual})
            for name, part in parts.items():
                said = outlook.months[part][:, place].sum()
                low, high = outlook.total_range(part, place).of(said)
                ends = {"predicted": said, "low": float(low), "high": float(high)}
                actual = came[part][:, place].sum()
                rows.append(common | {"member": name, **ends, "actual": actual})
    columns = ["cut", "horizon_months", "member", "measure", "predicted", "low", "high", "actual"]
    return pd.DataFrame(rows, columns=columns)


def members_table(outlook: Outlook) -> pd.DataFrame:
    """Return the members: `member`, `weight`, `mean_abs_log_error`, `tests`, and their totals.

    `total_orders`, `total_revenue`: of today's customers over the horizon; the last row, `total`,
    is the forecast, whose error is that which today's weights would have made.
    """
    rows = [
        {
            "member": name,
            "weight": outlook.weights[name],
            "mean_abs_log_error": _mean(outlook.errors[name]),
            "tests": len(outlook.errors[name]),
            "total_orders": outlook.existing[name][:, 0].sum(),
            "total_revenue": outlook.existing[name][:, 1].sum(),
        }
        for name in outlook.members
    ]
    both = [float(np.abs(_total_error(*pair)).mean()) for pair in outlook._tested("existing")]
    whole = outlook.months["existing"].sum(axis=0)
    rows.append(
        {"member": TOTAL, "weight": 1.0, "mean_abs_log_error": _mean(both), "tests": len(both)}
        | {"total_orders": whole[0], "total_revenue": whole[1]}
    )
    return pd.DataFrame(rows)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(np.abs(values))) if len(values) else np.nan


def members_at(
    value: CustomerValue,
    customers: pd.DataFrame,
    development: Development,
    as_of: pd.Timestamp,
    ends: Sequence[pd.Timestamp],
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return what each member expects of today's customers, and what those to come should bring.

    Parameters
    ----------
    value : CustomerValue
        Fitted at `as_of`.
    customers : DataFrame
        The customer table then.
    development : Development
        What cohorts had brought by then.
    as_of : Timestamp
        The first day that is not observed.
    ends : sequence of Timestamp
        Ends of the stretches that are looked ahead over, the first beginning with `as_of`.

    Returns
    -------
    tuple
        Of each member, and of customers to come: stretch × (orders, revenue).
    """
    horizon = len(ends)
    whole = _months_between(as_of, ends[-1])
    bounds = [as_of + pd.DateOffset(months=month) for month in range(1, whole + 1)]
    spread = _spreading(value, as_of, bounds, ends)
    per_purchase = development.orders_per_purchase(whole)
    existing = {"cohorts": spread @ development.of_known(whole)[:, 1:]}
    for name, on_clock in (("calendar", False), ("clock", True)):
        if on_clock and (value.clock is None or value.clock.is_calendar):
            continue
        sums = value.summed(customers, ends, on_clock=on_clock)
        existing[name] = sums * np.array([per_purchase, 1.0])
    counts = _counted(value, as_of, -np.arange(development.months, -1, -1))
    ahead = _counted(value, as_of, np.arange(whole + 1))
    new = spread @ development.of_new(development.arrivals(counts, ahead))[:, 1:]
    assert len(new) == horizon
    return existing, new


def _months_between(start: pd.Timestamp, end: pd.Timestamp) -> int:
    """Return how many months reach from a day to another: the last one may reach beyond."""
    months = (end.year - start.year) * 12 + end.month - start.month
    return months + int(start + pd.DateOffset(months=months) < end)


def _counted(value: CustomerValue, as_of: pd.Timestamp, months: np.ndarray) -> np.ndarray:
    """Return what each month counts on the client's clock, between so many months from `as_of`."""
    clock = value.clock
    if clock is None or clock.is_calendar:
        return np.ones(len(months) - 1)
    days = day_numbers(pd.Series([as_of + pd.DateOffset(months=int(month)) for month in months]))
    days = np.maximum(days, clock.origin_)
    counted: np.ndarray = clock.between(days[:-1], days[1:]) / DAYS["months"]
    return np.maximum(counted, 1e-6)


def _spreading(
    value: CustomerValue,
    as_of: pd.Timestamp,
    bounds: Sequence[pd.Timestamp],
    ends: Sequence[pd.Timestamp],
) -> np.ndarray:
    """Return how months are spread over stretches (stretch × month), by what their days count."""
    months, stretches = (np.append(0.0, value.ahead(days)) for days in (bounds, ends))
    shares = [
        np.diff(np.clip((stretches - start) / (stop - start), 0, 1))
        for start, stop in pairwise(months)
    ]
    return np.array(shares).T
