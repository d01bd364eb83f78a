"""What customers are worth: a purchase model and a spend model, fitted and applied together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import pandas as pd

from segkit.foundation.estimator import Estimator, check_choice
from segkit.models.bg_nbd import BGNBD
from segkit.models.fitting import ModelError
from segkit.models.gamma_gamma import GammaGamma
from segkit.models.mbg_nbd import MBGNBD
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
FORECASTS = ("p_alive", "expected_orders", "expected_spend", "clv")
WITH_INTERVAL = ("expected_orders", "clv")


class CustomerValue(Estimator):
    """Predicts, for each buyer, whether it is still one, its orders, and its value.

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
        Share of revenue that is kept.
    resamples : int
        Bootstrap resamples behind intervals; 0 for none.
    seed : int
    spend : {"all", "repeats"}
        Purchases that the spend model learns from: all of a customer's, or only those after
        the first, as is classical. A one-time buyer's only purchase says something about
        what the next one will be worth.

    Attributes
    ----------
    problem_, spend_problem_ : dict or None
        Why the purchase model or the spend model cannot speak: `reason` (a key) and `text`.
        Without a spend model a purchase is valued at the customer's own mean.
    correlation_ : float or None
        Between purchases and mean spend of repeat buyers.
    """

    def __init__(
        self,
        model: ModelKey = "bg_nbd",
        time_unit: TimeUnit = "weeks",
        horizon_months: int = 12,
        discount_rate: float = 0.1,
        margin: float = 1.0,
        resamples: int = 100,
        seed: int = 42,
        spend: Literal["all", "repeats"] = "all",
    ) -> None:
        self.model = model
        self.time_unit = time_unit
        self.horizon_months = horizon_months
        self.discount_rate = discount_rate
        self.margin = margin
        self.resamples = resamples
        self.seed = seed
        self.spend = spend

    def fit(self, customers: pd.DataFrame) -> Self:
        """Learn both models from a customer table.

        Parameters
        ----------
        customers : DataFrame
            `orders`, `x`, `t_x`, `T` (days), `monetary_mean`, `revenue`, `aov` (money); those
            without an order are left out.

        Returns
        -------
        CustomerValue
            Itself; where a model cannot speak, the reason is kept instead of it.
        """
        check_choice(self.model, MODELS, where="clv.model")
        check_choice(self.time_unit, DAYS, where="clv.time_unit")
        check_choice(self.spend, ("all", "repeats"), where="clv.spend")
        buyers = buyers_of(customers)
        self.purchase_, self.problem_, draws = self._fitted(
            MODELS[self.model](time_unit=self.time_unit), self._histories(buyers)
        )
        purchases, mean = self._spends(buyers)
        paid = mean > 0
        self.spend_, self.spend_problem_, spend_draws = self._fitted(
            GammaGamma(), (purchases[paid], mean[paid])
        )
        self.correlation_ = None if self.spend_ is None else self.spend_["fitted"]["correlation_"]
        count = min(len(draws), len(spend_draws)) if self.spend_ else len(draws)
        self.draws_ = [draws[:count], spend_draws[:count]]
        return self

    def predict(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return what to expect of each customer; missing for those without an order.

        Parameters
        ----------
        customers : DataFrame
            As for `fit`, at any date.

        Returns
        -------
        DataFrame
            Indexed as `customers`: `p_alive` (0 to 1), `expected_orders` (purchase days within
            the horizon), `expected_spend` (money a purchase), `clv` (money).
        """
        self._check_fitted()
        buyers = buyers_of(customers)
        empty = pd.DataFrame(np.nan, index=customers.index, columns=list(FORECASTS))
        if self.problem_ is not None or buyers.empty:
            return empty
        values = self._forecast(buyers, self.purchase, self.spend_model)
        return pd.DataFrame(values, index=buyers.index).reindex(customers.index)

    def intervals(self, customers: pd.DataFrame) -> pd.DataFrame:
        """Return the 95 % interval of each customer's expected orders and CLV.

        Returns
        -------
        DataFrame
            Indexed as `customers`: `expected_orders_low`, `expected_orders_high`, `clv_low`,
            `clv_high`; how far the models could differ, had other customers been seen. What
            one customer then does varies more.
        """
        columns = [
            f"{name}_{end}" for name in ("expected_orders", "clv") for end in ("low", "high")
        ]
        buyers = buyers_of(customers)
        draws = list(self._drawn())
        if not draws or buyers.empty:
            return pd.DataFrame(np.nan, index=customers.index, columns=columns)
        # Like beside like: models work once for each distinct x and T of a part.
        buyers = buyers.sort_values(["x", "T"], kind="stable")
        parts = [
            self._ends(buyers.iloc[start : start + 50_000], draws)
            for start in range(0, len(buyers), 50_000)
        ]
        ends = pd.DataFrame(np.concatenate(parts), index=buyers.index, columns=columns)
        return ends.reindex(customers.index)

    def totals(self, customers: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
        """Return each segment's expected value, with its 95 % interval.

        Parameters
        ----------
        customers : DataFrame
            As for `predict`.
        labels : Series
            Segment key of each customer, indexed as `customers`.

        Returns
        -------
        DataFrame
            One row a segment, by expected value, and a row `total`: `segment`, `customers`,
            `customers_share`, `p_alive` (mean), `expected_orders` (sum), `clv` (mean),
            `clv_total`, `clv_total_low`, `clv_total_high`, `clv_share`.
        """
        forecast = self.predict(customers).assign(segment=labels.astype(str))
        table = _summed(forecast).sort_values("clv_total", ascending=False, kind="stable")
        table = pd.concat([table, _summed(forecast.assign(segment="total"))])
        table = table.join(self._total_ends(customers, forecast["segment"]))
        table.insert(1, "customers_share", table["customers"] / len(forecast))
        whole = float(table["clv_total"].iloc[-1])
        table["clv_share"] = table["clv_total"] / (whole if whole > 0 else np.nan)
        return table.astype({"customers": "int64"}).rename_axis("segment").reset_index()

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
        days = np.floor(wait * DAYS[self.time_unit])
        days = np.where(days <= self.horizon_months * DAYS["months"], days, np.nan)
        return (as_of + pd.to_timedelta(pd.Series(days), unit="D")).dt.as_unit("us").to_numpy()

    @property
    def horizon(self) -> float:
        """The horizon in the purchase model's unit of time."""
        return self.horizon_months * DAYS["months"] / DAYS[self.time_unit]

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
    def ready(self) -> bool:
        """Whether the purchase model could be fitted."""
        self._check_fitted()
        return self.problem_ is None

    @property
    def spend_model(self) -> GammaGamma | None:
        """The fitted spend model, or None where it could not be fitted."""
        return None if self.spend_ is None else GammaGamma.from_state(self.spend_)

    def histories(self, customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return `x`, `t_x`, `T` of buyers, in the purchase model's unit of time."""
        return self._histories(buyers_of(customers))

    def _histories(self, buyers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        days = DAYS[self.time_unit]
        x, t_x, T = (buyers[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
        return x, t_x / days, T / days

    def _fitted(
        self, model: PurchaseModel | GammaGamma, given: tuple[np.ndarray, ...]
    ) -> tuple[dict[str, Any] | None, dict[str, str] | None, list[dict[str, float]]]:
        """Return a model's state, or why there is none, and its bootstrap's parameters."""
        try:
            # The limit of nobody buying again is no forecast: a longer history may say otherwise.
            if len(given[0]) > 1 and not (given[0] > 0).any():
                raise ModelError(
                    "nobody has bought again",
                    reason="no_repeat_buyers",
                    where="purchase model",
                    fix="give a longer history, or more customers",
                )
            model.fit(*given)
        except ModelError as error:
            return None, {"reason": error.reason, "text": str(error)}, []
        return model.to_state(), None, model.bootstrap(self.resamples, self.seed)

    def _forecast(
        self, buyers: pd.DataFrame, purchase: PurchaseModel, spend: GammaGamma | None
    ) -> dict[str, np.ndarray]:
        x, t_x, T = self._histories(buyers)
        value = self._spend(buyers, spend)
        return {
            "p_alive": purchase.p_alive(x, t_x, T),
            "expected_orders": purchase.expected_orders(self.horizon, x, t_x, T),
            "expected_spend": value,
            "clv": purchase.clv(
                x,
                t_x,
                T,
                value,
                months=self.horizon_months,
                discount_rate=self.discount_rate,
                margin=self.margin,
            ),
        }

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

    def _drawn(self) -> Iterator[tuple[PurchaseModel, GammaGamma | None]]:
        """Yield the pairs of models of the bootstrap."""
        self._check_fitted()
        purchase_draws, spend_draws = self.draws_
        if not purchase_draws:
            return
        purchase, spend_model = self.purchase, self.spend_model
        for place, params in enumerate(purchase_draws):
            spend = spend_model and spend_model.with_params(spend_draws[place])
            yield purchase.with_params(params), spend

    def _ends(
        self, buyers: pd.DataFrame, draws: Sequence[tuple[PurchaseModel, GammaGamma | None]]
    ) -> np.ndarray:
        forecasts = [self._forecast(buyers, *pair) for pair in draws]
        ends = [
            np.quantile([forecast[name] for forecast in forecasts], INTERVAL, axis=0)
            for name in WITH_INTERVAL
        ]
        return np.concatenate(ends).T

    def _total_ends(self, customers: pd.DataFrame, segments: pd.Series) -> pd.DataFrame:
        buyers = buyers_of(customers)
        sums = []
        for pair in self._drawn():
            clv = pd.Series(self._forecast(buyers, *pair)["clv"], index=buyers.index)
            by_segment = clv.groupby(segments.loc[buyers.index]).sum()
            by_segment.loc["total"] = clv.sum()
            sums.append(by_segment)
        columns = ["clv_total_low", "clv_total_high"]
        if not sums:
            return pd.DataFrame(columns=columns, dtype=float)
        ends = pd.DataFrame(sums).quantile(list(INTERVAL)).T
        return ends.set_axis(columns, axis=1)


def buyers_of(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the customers with at least one order that stands."""
    return customers[customers["orders"] > 0]


def _summed(forecast: pd.DataFrame) -> pd.DataFrame:
    """Return what each segment's customers are expected to do, in sums and means."""
    groups = forecast.groupby("segment")
    return pd.DataFrame(
        {
            "customers": groups.size(),
            "p_alive": groups["p_alive"].mean(),
            "expected_orders": groups["expected_orders"].sum(min_count=1),
            "clv": groups["clv"].mean(),
            "clv_total": groups["clv"].sum(min_count=1),
        }
    )
