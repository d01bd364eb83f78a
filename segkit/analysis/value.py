"""What customers are worth: a purchase model and a spend model, fitted and applied together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any, Literal, Self, cast

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from segkit.errors import SegkitError
from segkit.foundation.cached import cached_property
from segkit.foundation.estimator import Estimator, check_choice
from segkit.models.bg_nbd import BGNBD
from segkit.models.clock import Clock
from segkit.models.fitting import ModelError
from segkit.models.gamma_gamma import GammaGamma
from segkit.models.mbg_nbd import MBGNBD
from segkit.models.mean_profit import MeanProfit
from segkit.models.pareto_nbd import ParetoNBD
from segkit.models.purchase import DAYS, PurchaseModel, TimeUnit

ModelKey = Literal["bg_nbd", "mbg_nbd", "pareto_nbd"]
MODELS: Mapping[str, type[PurchaseModel]] = {
    "bg_nbd": BGNBD,
    "mbg_nbd": MBGNBD,
    "pareto_nbd": ParetoNBD,
}
NEXT_ORDER = (0.25, 0.75)
"""The next-order window lies between these chances of having ordered."""
INTERVAL = (0.025, 0.975)
FORECASTS = ("p_order", "p_alive", "expected_orders", "expected_spend", "expected_revenue", "clv")
WITH_INTERVAL = ("expected_orders", "clv")
WORTHS = ("revenue", "profit")

EPOCH = pd.Timestamp("1970-01-01")
SAMPLE = 200_000
"""Buyers whose histories fix a model to the third digit: more take time and tell no more."""


@dataclass(frozen=True)
class Plan:
    """What of the time to come counts, and how much.

    Parameters
    ----------
    ends : array
        Ends of its stretches, from now on, in the purchase model's unit.
    orders, revenue : array
        What a purchase, and its money, counts in each stretch.
    value : array
        The same, discounted, and the margin of it (of profit, all).
    until : float
        How far `p_order` looks.
    """

    ends: np.ndarray
    orders: np.ndarray
    revenue: np.ndarray
    value: np.ndarray
    until: float


class CustomerValue(Estimator):
    """Predicts, for each buyer, whether it will order, how often, and what it is worth.

    Time runs on the client's own clock where it can be learnt (see `segkit.models.clock`), so
    that a horizon with a December in it is longer than one without.

    Parameters
    ----------
    model : {"bg_nbd", "mbg_nbd", "pareto_nbd"}
        The purchase model.
    time_unit : str
        Unit of the purchase model's times.
    horizon_months : int
        How far ahead.
    discount_rate : float
        A year.
    margin : float
        Share of revenue that is kept; of profit, all is.
    resamples : int
        Bootstrap resamples behind intervals; 0 for none.
    seed : int
    spend : {"all", "repeats"}
        Purchases that the spend model learns from: all of a customer's, or only those after
        the first, as is classical. A one-time buyer's only purchase says something about
        what the next one will be worth.
    worth : {"revenue", "profit"}
        What `clv` is of. Expected profit may be negative.

    sample : int
        Buyers that models are learnt from at most: of more, every second, third and so on,
        the oldest first.

    Attributes
    ----------
    clock_, calendar_ : dict or None
        State of the clock, None where no days were given and all count the same; and that of the
        purchase model on the calendar.
    problem_, spend_problem_ : dict or None
        Why the purchase model or the spend model cannot speak: `reason` (a key) and `text`.
        Without a spend model a purchase is valued at the customer's own mean.
    profit_, profit_problem_ : dict or None
        State of the model of mean profit, and why there is none, where `worth` is profit.
    correlation_ : float or None
        Between purchases and mean spend of repeat buyers.
    """

    purchase_: dict[str, Any] | None
    calendar_: dict[str, Any] | None
    spend_: dict[str, Any] | None
    problem_: dict[str, str] | None

    def __init__(
        self,
        model: ModelKey = "mbg_nbd",
        time_unit: TimeUnit = "weeks",
        horizon_months: int = 12,
        discount_rate: float = 0.1,
        margin: float = 1.0,
        resamples: int = 100,
        seed: int = 42,
        spend: Literal["all", "repeats"] = "all",
        worth: Literal["revenue", "profit"] = "revenue",
        sample: int = SAMPLE,
    ) -> None:
        self.model = model
        self.time_unit = time_unit
        self.horizon_months = horizon_months
        self.discount_rate = discount_rate
        self.margin = margin
        self.resamples = resamples
        self.seed = seed
        self.spend = spend
        self.worth = worth
        self.sample = sample

    def fit(
        self,
        customers: pd.DataFrame,
        days: pd.DataFrame | None = None,
        start: Self | None = None,
    ) -> Self:
        """Learn both models from a customer table.

        Parameters
        ----------
        customers : DataFrame
            `orders`, `x`, `t_x`, `T` (days), `monetary_mean`, `revenue`, `aov` (money); those
            without an order are left out. With `days` also `first_order`; for a `worth` of
            profit also `profit` (money; missing where it is not known).
        days : DataFrame, optional
            `day`, `repeats` (repeat purchase days of all customers): from them the client's
            clock is learnt. Without it, time is the calendar's.
        start : CustomerValue, optional
            Fitted at another date: it is looked near its parameters first, and the same is found.

        Returns
        -------
        CustomerValue
            Itself; where a model cannot speak, the reason is kept instead of it.

        Raises
        ------
        SegkitError
            `worth` is profit, and customers have none.
        """
        check_choice(self.model, MODELS, where="clv.model")
        check_choice(self.time_unit, DAYS, where="clv.time_unit")
        check_choice(self.spend, ("all", "repeats"), where="clv.spend")
        check_choice(self.worth, WORTHS, where="clv.worth")
        everyone = buyers_of(customers)
        buyers = self._sampled(everyone)
        self.clock_, self.calendar_ = None, None
        vars(self).pop("_clock", None)
        purchase = MODELS[self.model](time_unit=self.time_unit)
        try:
            _require_repeats(buyers)
            near = None if start is None else _params(start.calendar_)
            purchase.fit(*_calendar_histories(buyers, DAYS[self.time_unit]), start=near)
            self.calendar_ = purchase.to_state()
            if days is not None and len(buyers):
                share = len(buyers) / len(everyone)
                purchase, clock = self._on_clock(purchase, buyers, days, share)
                self.clock_ = clock.to_state()
        except ModelError as error:
            self.purchase_, self.problem_, draws = None, _said(error), []
        else:
            self.purchase_, self.problem_ = purchase.to_state(), None
            draws = purchase.bootstrap(self.resamples, self.seed)
        purchases, mean = self._spends(buyers)
        paid = mean > 0
        self.spend_, self.spend_problem_, spend_draws = self._fitted_spend(
            purchases[paid], mean[paid], None if start is None else _params(start.spend_)
        )
        self.correlation_ = None if self.spend_ is None else self.spend_["fitted"]["correlation_"]
        count = min(len(draws), len(spend_draws)) if self.spend_ else len(draws)
        self.draws_ = [draws[:count], spend_draws[:count]]
        self.profit_, self.profit_problem_, self.profit_draws_ = self._fitted_profit(buyers, count)
        return self

    def predict(self, customers: pd.DataFrame, plan: Plan | None = None) -> pd.DataFrame:
        """Return what to expect of each customer; missing for those without an order.

        Parameters
        ----------
        customers : DataFrame
            As for `fit`, at any date.
        plan : Plan, optional
            What of the time to come counts; by default the horizon, its money discounted.

        Returns
        -------
        DataFrame
            Indexed as `customers`: `p_order` (chance of an order within the horizon), `p_alive`,
            `expected_orders` (within the horizon), `expected_spend` (money a purchase),
            `expected_revenue` (money within the horizon), `clv` (the same, discounted, less costs;
            or the profit within the horizon, discounted).

        Raises
        ------
        ModelError
            `worth` is profit, and no customer's was known at the fit.
        """
        self._check_fitted()
        buyers = buyers_of(customers)
        empty = pd.DataFrame(np.nan, index=customers.index, columns=list(FORECASTS))
        if self.problem_ is not None or buyers.empty:
            return empty
        values = self._forecast(buyers, plan or self.plan)
        return pd.DataFrame(values, index=buyers.index).reindex(customers.index)

    def intervals(self, customers: pd.DataFrame, plan: Plan | None = None) -> pd.DataFrame:
        """Return the 95 % interval of each customer's expected orders and CLV.

        Parameters
        ----------
        customers, plan
            As for `predict`.

        Returns
        -------
        DataFrame
            Indexed as `customers`: `expected_orders_low`, `expected_orders_high`, `clv_low`,
            `clv_high`; how far the models could differ, had other customers been seen. What
            one customer then does varies more.
        """
        columns = [f"{name}_{end}" for name in WITH_INTERVAL for end in ("low", "high")]
        buyers = buyers_of(customers)
        draws = list(self._drawn())
        if not draws or buyers.empty:
            return pd.DataFrame(np.nan, index=customers.index, columns=columns)
        # Like beside like: models work once for each distinct x and T of a part.
        buyers = buyers.sort_values(["x", "T"], kind="stable")
        parts = [
            self._ends(buyers.iloc[start : start + 50_000], draws, plan or self.plan)
            for start in range(0, len(buyers), 50_000)
        ]
        ends = pd.DataFrame(np.concatenate(parts), index=buyers.index, columns=columns)
        return ends.reindex(customers.index)

    def summed(
        self, customers: pd.DataFrame, days: Sequence[pd.Timestamp], *, on_clock: bool = True
    ) -> np.ndarray:
        """Return what all customers together should buy between days, by the model alone.

        Parameters
        ----------
        customers : DataFrame
            As for `fit`, at the day of the fit.
        days : sequence of Timestamp
            Ends of stretches, the first beginning with the day of the fit.
        on_clock : bool
            Whether time runs on the client's clock, or on the calendar.

        Returns
        -------
        array
            Stretch × (purchases, revenue).
        """
        buyers = buyers_of(customers)
        spend = self._spend(buyers, self.spend_model)
        if on_clock:
            ends, known, model = self.ahead(days), self._histories(buyers), self.purchase
        else:
            model = self._calendar_purchase
            unit = DAYS[self.time_unit]
            ends = (day_numbers(pd.Series(list(days))) - self._end(buyers)) / unit
            known = _calendar_histories(buyers, unit)
        sums = model.summed_orders(ends, *known, values=(spend,))
        return np.diff(sums, axis=0, prepend=0.0)

    def time_for(self, customers: pd.DataFrame, purchases: float) -> float:
        """Return within which time all customers together make so many purchases.

        Returns
        -------
        float
            In the purchase model's unit; at most three horizons.
        """
        known = self._histories(buyers_of(customers))
        lack = partial(self._lack, purchases, known)
        low, high = self.horizon / 3, self.horizon * 3
        if lack(low) >= 0 or lack(high) <= 0:
            return low if lack(low) >= 0 else high
        return float(brentq(lack, low, high, xtol=self.horizon / 1e5))

    def _lack(
        self, wanted: float, known: tuple[np.ndarray, np.ndarray, np.ndarray], ahead: float
    ) -> float:
        """Return how many purchases more than wanted come within a time."""
        return float(self.purchase.summed_orders([ahead], *known)[0, 0]) - wanted

    def next_order(self, customers: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
        """Return the days between which a customer who is still one will most likely order.

        Returns
        -------
        DataFrame
            `next_order_from`, `next_order_to` (dates): by the first a quarter of such customers
            have ordered, by the second three quarters; missing beyond the horizon.
        """
        columns = ["next_order_from", "next_order_to"]
        buyers = buyers_of(customers)
        if self.problem_ is not None or buyers.empty:
            empty = pd.DataFrame(index=customers.index, columns=columns)
            return empty.astype("datetime64[us]")
        x, _, T = self._histories(buyers)
        table = {
            name: self._date(self.purchase.next_order(chance, x, T), as_of)
            for name, chance in zip(columns, NEXT_ORDER, strict=True)
        }
        return pd.DataFrame(table, index=buyers.index).reindex(customers.index)

    def _date(self, wait: np.ndarray, as_of: pd.Timestamp) -> np.ndarray:
        normal = wait * DAYS[self.time_unit]
        days = np.floor(normal if self.clock_ is None else self._clock.days_of(normal))
        days = np.where(days <= self.horizon_months * DAYS["months"], days, np.nan)
        return (as_of + pd.to_timedelta(pd.Series(days), unit="D")).dt.as_unit("us").to_numpy()

    @property
    def clock(self) -> Clock | None:
        """The client's clock, or None where all days count the same."""
        return None if self.clock_ is None else Clock.from_state(self.clock_)

    @property
    def horizon(self) -> float:
        """The horizon in the purchase model's unit of time, as the clock counts it from the end."""
        return float(self.month_ends[-1])

    @property
    def month_ends(self) -> np.ndarray:
        """Ends of the horizon's months in the purchase model's unit of time."""
        months = np.arange(1, self.horizon_months + 1)
        if self.clock_ is None:
            return months * DAYS["months"] / DAYS[self.time_unit]
        end = EPOCH + pd.Timedelta(days=self._clock.end_)
        return self.ahead([end + pd.DateOffset(months=int(month)) for month in months])

    @property
    def discounts(self) -> np.ndarray:
        """What money of each month of the horizon is worth now."""
        return (1 + self.discount_rate) ** (-np.arange(1, self.horizon_months + 1) / 12)

    def ahead(self, days: Iterable[pd.Timestamp]) -> np.ndarray:
        """Return how far days after the clock's end lie ahead, in the purchase model's unit."""
        numbers, clock = day_numbers(pd.Series(list(days))), self._clock
        return clock.between(np.full(len(numbers), clock.end_), numbers) / DAYS[self.time_unit]

    def ages(self, first: pd.Timestamp, days: pd.DatetimeIndex) -> np.ndarray:
        """Return how old a customer is on days, in the purchase model's unit.

        Parameters
        ----------
        first : Timestamp
            Day of the first purchase.
        days : DatetimeIndex
            Not before it.
        """
        return self.ages_between(pd.DatetimeIndex([first]), days)[:, 0]

    def ages_between(self, first: pd.DatetimeIndex, days: pd.DatetimeIndex) -> np.ndarray:
        """Return how old customers are on days (day × customer), 0 before their first purchase."""
        begun, then = day_numbers(pd.Series(first)), day_numbers(pd.Series(days))
        normal = np.subtract.outer(then, begun).astype(float)
        if self.clock_ is not None:
            origin = self._clock.origin_
            run = self._clock.between(origin, np.maximum(np.append(then, begun), origin))
            normal = np.subtract.outer(run[: len(then)], run[len(then) :])
        return np.maximum(normal, 0) / DAYS[self.time_unit]

    @cached_property
    def _clock(self) -> Clock:
        clock = self.clock
        assert clock is not None  # asked only where days were given
        return clock

    @property
    def kept(self) -> float:
        """The share of a purchase's worth that is kept: of profit, all."""
        return self.margin if self.worth == "revenue" else 1.0

    @property
    def plan(self) -> Plan:
        """The horizon, its money discounted and less the margin."""
        ends = self.month_ends
        value = self.discounts * self.kept
        return Plan(ends, np.ones(len(ends)), np.ones(len(ends)), value, self.horizon)

    @property
    def purchase(self) -> PurchaseModel:
        """The fitted purchase model.

        Raises
        ------
        ModelError
            It could not be fitted.
        """
        self._check_fitted()
        if self.problem_ is not None or self.purchase_ is None:
            problem = self.problem_ or {"text": "there is no model", "reason": "not_converged"}
            raise ModelError(problem["text"], reason=problem["reason"])
        return MODELS[self.model].from_state(self.purchase_)

    @property
    def _calendar_purchase(self) -> PurchaseModel:
        """The purchase model as fitted on the calendar."""
        model = self.purchase
        assert self.calendar_ is not None  # kept wherever there is a purchase model
        return type(model).from_state(self.calendar_)

    @property
    def ready(self) -> bool:
        """Whether the purchase model could be fitted."""
        self._check_fitted()
        return self.problem_ is None

    @property
    def spend_model(self) -> GammaGamma | None:
        """The fitted spend model, or None where it could not be fitted."""
        return None if self.spend_ is None else GammaGamma.from_state(self.spend_)

    @property
    def profit_model(self) -> MeanProfit | None:
        """The fitted model of mean profit, or None where `worth` is revenue.

        Raises
        ------
        ModelError
            No customer's profit was known.
        """
        self._check_fitted()
        if self.profit_problem_ is not None:
            problem = self.profit_problem_
            raise ModelError(problem["text"], reason=problem["reason"])
        return None if self.profit_ is None else MeanProfit.from_state(self.profit_)

    def histories(self, customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return `x`, `t_x`, `T` of buyers, in the purchase model's unit of time."""
        return self._histories(buyers_of(customers))

    def _histories(self, buyers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        unit = DAYS[self.time_unit]
        if self.clock_ is None or buyers.empty:
            return _calendar_histories(buyers, unit)
        first, last, end = _days_of(buyers)
        t_x, T = self._clock.between(first, last), self._clock.between(first, end)
        return buyers["x"].to_numpy(dtype=float), t_x / unit, T / unit

    def _end(self, buyers: pd.DataFrame) -> int:
        """Return the day of the fit, since 1970."""
        return int(_days_of(buyers)[2].max()) if self.clock_ is None else int(self._clock.end_)

    def _sampled(self, buyers: pd.DataFrame) -> pd.DataFrame:
        """Return the buyers that models are learnt from; with the oldest the clock begins."""
        step = ceil(len(buyers) / self.sample)
        if step <= 1:
            return buyers
        return buyers.sort_values("T", ascending=False, kind="stable").iloc[::step]

    def _on_clock(
        self, purchase: PurchaseModel, buyers: pd.DataFrame, days: pd.DataFrame, share: float
    ) -> tuple[PurchaseModel, Clock]:
        """Return the purchase model on the client's clock, and that; or both on the calendar."""
        model = MODELS[self.model].from_state(purchase.to_state())
        try:
            return model, self._learnt_clock(model, buyers, days, share)
        except ModelError:
            first, _, end = _days_of(buyers)
            return purchase, Clock.calendar(int(first.min()), int(end.max()), "not_converged")

    def _learnt_clock(
        self, purchase: PurchaseModel, buyers: pd.DataFrame, days: pd.DataFrame, share: float
    ) -> Clock:
        """Return the client's clock, and leave the purchase model fitted on it."""
        first, last, end = _days_of(buyers)
        bought = np.zeros(int(end.max()) - int(first.min()))
        place = day_numbers(days["day"]) - int(first.min())
        inside = (place >= 0) & (place < len(bought))
        np.add.at(bought, place[inside], share * days["repeats"].to_numpy(dtype=float)[inside])
        x = buyers["x"].to_numpy(dtype=float)
        return Clock().fit(purchase, x, first, last, int(end.max()), bought)

    def _fitted_spend(
        self, purchases: np.ndarray, mean: np.ndarray, start: Mapping[str, float] | None
    ) -> tuple[dict[str, Any] | None, dict[str, str] | None, list[dict[str, float]]]:
        """Return the spend model's state, or why there is none, and its bootstrap's parameters."""
        model = GammaGamma()
        try:
            model.fit(purchases, mean, start=start)
        except ModelError as error:
            return None, _said(error), []
        return model.to_state(), None, model.bootstrap(self.resamples, self.seed)

    def _fitted_profit(
        self, buyers: pd.DataFrame, resamples: int
    ) -> tuple[dict[str, Any] | None, dict[str, str] | None, list[dict[str, float]]]:
        """Return the profit model's state, or why there is none, and its bootstrap's parameters."""
        if self.worth == "revenue":
            return None, None, []
        model = MeanProfit()
        try:
            model.fit(*_profits(buyers))
        except ModelError as error:
            return None, _said(error), []
        return model.to_state(), None, model.bootstrap(resamples, self.seed)

    def _forecast(self, buyers: pd.DataFrame, plan: Plan) -> dict[str, np.ndarray]:
        x, t_x, T = self._histories(buyers)
        purchase, spend = self.purchase, self._spend(buyers, self.spend_model)
        ways = np.array([plan.orders, plan.revenue, plan.value])
        orders, paid, valued = purchase.weighted_orders(plan.ends, ways, x, t_x, T)
        chance = 1 - purchase.order_probability(0, plan.until, x, t_x, T)
        return {
            # Who is expected to order so often is at most so likely to order at all.
            "p_order": np.minimum(chance, orders),
            "p_alive": purchase.p_alive(x, t_x, T),
            "expected_orders": orders,
            "expected_spend": spend,
            "expected_revenue": spend * paid,
            "clv": valued * self._worth(buyers, self.spend_model, self.profit_model),
        }

    def _worth(
        self, buyers: pd.DataFrame, spend: GammaGamma | None, profit: MeanProfit | None
    ) -> np.ndarray:
        """Return what a purchase of each buyer is expected to be worth, as `worth` has it."""
        if profit is None:
            return self._spend(buyers, spend)
        return profit.expected_profit(*_profits(buyers))

    def _spend(self, buyers: pd.DataFrame, spend: GammaGamma | None) -> np.ndarray:
        if spend is None:
            return buyers["aov"].clip(lower=0).to_numpy(dtype=float)
        purchases, mean = self._spends(buyers)
        return spend.expected_spend(purchases, np.maximum(mean, 0))

    def _spends(self, buyers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return how many purchases each buyer's mean spend is of, and that mean."""
        repeats = buyers["x"].to_numpy(dtype=float)
        if self.spend == "repeats":
            return repeats, buyers["monetary_mean"].fillna(0).to_numpy(dtype=float)
        return repeats + 1, buyers["revenue"].to_numpy(dtype=float) / (repeats + 1)

    def _drawn(self) -> Iterator[tuple[PurchaseModel, GammaGamma | None, MeanProfit | None]]:
        """Yield the models of the bootstrap, together."""
        self._check_fitted()
        purchase_draws, spend_draws = self.draws_
        if not purchase_draws:
            return
        purchase, spend_model, profit_model = self.purchase, self.spend_model, self.profit_model
        for place, params in enumerate(purchase_draws):
            spend = spend_model and spend_model.with_params(spend_draws[place])
            profit = profit_model and profit_model.with_params(self.profit_draws_[place])
            yield purchase.with_params(params), spend, profit

    def _ends(
        self,
        buyers: pd.DataFrame,
        draws: Sequence[tuple[PurchaseModel, GammaGamma | None, MeanProfit | None]],
        plan: Plan,
    ) -> np.ndarray:
        """Return the ends of expected orders and of value: how far the models could differ."""
        known, purchase = self._histories(buyers), self.purchase
        counted = purchase.weighted_orders(plan.ends, np.array([plan.orders, plan.value]), *known)
        alone = purchase.expected_orders(self.horizon, *known)
        # Orders as each draw has them, in proportion: the horizon as one stretch.
        drawn = np.array([model.expected_orders(self.horizon, *known) for model, _, _ in draws])
        worth = np.array([self._worth(buyers, spend, profit) for _, spend, profit in draws])
        with np.errstate(invalid="ignore", divide="ignore"):
            times = np.where(alone > 0, drawn / alone, 1.0)
        orders, value = (
            np.quantile(each, INTERVAL, axis=0)
            for each in (times * counted[0], times * counted[1] * worth)
        )
        return np.concatenate([orders, value]).T


def _profits(buyers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return how many purchases each buyer has made, and the profit of all."""
    if "profit" not in buyers:
        raise SegkitError(
            "customers have no profit",
            where="clv.worth",
            values=["profit"],
            fix="name the column of a line's profit as orders.columns.profit, or of its cost as "
            "orders.columns.cost, or set clv.worth: revenue",
        )
    return buyers["x"].to_numpy(dtype=float) + 1, buyers["profit"].to_numpy(dtype=float)


def buyers_of(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers with at least one order that stands."""
    return customers[customers["orders"] > 0]


def _require_repeats(buyers: pd.DataFrame) -> None:
    """Refuse buyers of whom nobody came back: that limit is no forecast, more time may say otherwise."""
    if len(buyers) > 1 and not (buyers["x"] > 0).any():
        raise ModelError(
            "nobody has bought again",
            reason="no_repeat_buyers",
            where="purchase model",
            fix="give a longer history, or more customers",
        )


def _params(state: Mapping[str, Any] | None) -> Mapping[str, float] | None:
    """Return the parameters in a model's state."""
    return None if state is None else state["fitted"]["params_"]


def _said(error: ModelError) -> dict[str, str]:
    return {"reason": error.reason, "text": str(error)}


def _calendar_histories(
    buyers: pd.DataFrame, unit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, t_x, T = (buyers[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
    return x, t_x / unit, T / unit


def _days_of(buyers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the days of first and last purchase and of the end, since 1970."""
    first = day_numbers(buyers["first_order"])
    t_x, T = (buyers[name].to_numpy(dtype=np.int64) for name in ("t_x", "T"))
    return first, first + t_x, first + T


def day_numbers(days: pd.Series) -> np.ndarray:
    """Return days as numbers, counted from 1970."""
    return ((pd.to_datetime(days) - EPOCH) // pd.Timedelta(days=1)).to_numpy(dtype=np.int64)


def calendar_orders(
    name: str, customers: pd.DataFrame, time_unit: TimeUnit, days: int
) -> np.ndarray | None:
    """Return how many purchases a model, fitted on buyers on the calendar, expects of each.

    Parameters
    ----------
    name : str
        Key of the purchase model.
    customers : DataFrame
        As for `CustomerValue.fit`.
    time_unit : str
    days : int
        How far ahead.

    Returns
    -------
    array of float or None
        One a buyer; None where the model cannot be fitted.
    """
    model = CustomerValue(cast(ModelKey, name), time_unit=time_unit, resamples=0)
    if not model.fit(customers).ready:
        return None
    return model.purchase.expected_orders(days / DAYS[time_unit], *model.histories(customers))


def segment_values(forecast: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Return what each segment's customers are expected to do.

    Parameters
    ----------
    forecast : DataFrame
        From `CustomerValue.predict`.
    labels : Series
        Segment key of each customer, indexed as `forecast`.

    Returns
    -------
    DataFrame
        One row a segment, by expected value, and a row `total`: `segment`, `customers`,
        `customers_share`, `p_order` (mean), `expected_orders` (sum), `clv` (mean), `clv_total`,
        `clv_share`.
    """
    known = forecast.assign(segment=labels.astype(str))
    table = _summed(known).sort_values("clv_total", ascending=False, kind="stable")
    table = pd.concat([table, _summed(known.assign(segment="total"))])
    table.insert(1, "customers_share", table["customers"] / len(forecast))
    whole = float(table["clv_total"].iloc[-1])
    table["clv_share"] = table["clv_total"] / (whole if whole > 0 else np.nan)
    return table.astype({"customers": "int64"}).rename_axis("segment").reset_index()


def _summed(forecast: pd.DataFrame) -> pd.DataFrame:
    """Return what each segment's customers are expected to do, in sums and means."""
    groups = forecast.groupby("segment")
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "p_order": groups["p_order"].mean(),
            "expected_orders": groups["expected_orders"].sum(min_count=1),
            "clv": groups["clv"].mean(),
            "clv_total": groups["clv"].sum(min_count=1),
        }
    )
