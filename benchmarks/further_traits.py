"""MBG/NBD whose parameters depend on traits that are known from the first purchase on.

    python benchmarks/further_traits.py

finds the effect of a trait among simulated customers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
import pandas as pd
from accuracy import deviances
from further_regular import CDNOW, purchases, summed
from scipy.optimize import OptimizeResult, minimize
from scipy.stats import chi2

from segkit.models import MBGNBD
from segkit.models.rows import Histories, histories

FEW = 50
"""Customers with rarer values of a trait are taken together."""
KNOWN = ("x", "t_x", "T")
BOUND = 30.0
"""Of each logarithm: wide enough for where everyone buys at one rate, or nobody leaves."""
OTHER = "other"


class MBGNBDByTraits:
    """MBG/NBD whose parameters depend on traits: alpha exp(-beta z), and a and b alike if told.

    Parameters
    ----------
    leaving : bool
        Whether traits move the chance to leave too: a exp(gamma z), b exp(delta z).

    Attributes
    ----------
    plain_ : MBGNBD
        The model without traits.
    params_ : dict
        r, alpha, a, b of who has the commonest value of every trait.
    effects_ : DataFrame
        Of trait and value (rows) on the logarithm of each parameter (columns); on `alpha` it is
        -beta, so that the rate is exp(-effect) fold.
    log_likelihood_ : float
    p_value_ : float
        Of the likelihood-ratio test against `plain_`.

    Notes
    -----
    Fader and Hardie (2007), Incorporating time-invariant covariates into the Pareto/NBD and
    BG/NBD models (note).
    """

    def __init__(self, *, leaving: bool = False) -> None:
        self.moved = ("alpha", "a", "b") if leaving else ("alpha",)

    def fit(self, history: pd.DataFrame, traits: pd.DataFrame) -> Self:
        """Learn parameters and effects by maximum likelihood.

        Parameters
        ----------
        history : DataFrame
            `x`, `t_x`, `T`, a row a customer.
        traits : DataFrame
            Texts, a column a trait, a row a customer.
        """
        known = [history[name].to_numpy(float) for name in KNOWN]
        self.plain_ = MBGNBD().fit(*known)
        self._kept = {name: _common_values(traits[name]) for name in traits}
        z, place = self._design(traits)
        groups = [_rows(*(part[place == group] for part in known)) for group in range(len(z))]
        found = self._maximum(z, groups)
        logs, effects = self._parted(found.x, z.shape[1])
        self.params_ = dict(zip(MBGNBD.names, np.exp(logs), strict=True))
        self.effects_ = pd.DataFrame(effects, index=self._labels(), columns=list(self.moved))
        self.log_likelihood_ = float(-found.fun * len(history))
        gain = 2 * (self.log_likelihood_ - self.plain_.log_likelihood_)
        self.p_value_ = float(chi2.sf(max(gain, 0.0), self.effects_.size))
        return self

    def expected_orders(self, t: float, history: pd.DataFrame, traits: pd.DataFrame) -> np.ndarray:
        """Return how many purchases to expect of each customer in the next `t`."""
        return self._asked(history, traits, lambda model, *known: model.expected_orders(t, *known))

    def any_order(self, t: float, history: pd.DataFrame, traits: pd.DataFrame) -> np.ndarray:
        """Return the probability that each customer purchases in the next `t`."""
        return self._asked(
            history, traits, lambda model, *known: 1 - model.order_probability(0, t, *known)
        )

    def _asked(
        self, history: pd.DataFrame, traits: pd.DataFrame, ask: Callable[..., np.ndarray]
    ) -> np.ndarray:
        """Return what the model of each customer's traits answers."""
        z, place = self._design(traits)
        said = np.empty(len(history))
        for group, shifts in enumerate(z @ self.effects_.to_numpy()):
            of_group = place == group
            moved = zip(self.moved, np.exp(shifts), strict=True)
            own = {name: self.params_[name] * fold for name, fold in moved}
            model = MBGNBD().with_params(self.params_ | own)
            said[of_group] = ask(model, *(history.loc[of_group, name] for name in KNOWN))
        return said

    def _labels(self) -> list[tuple[str, str]]:
        """Return trait and value of every effect."""
        return [(name, value) for name, values in self._kept.items() for value in values[1:]]

    def _design(self, traits: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the distinct rows of indicators, and each customer's place among them."""
        each = np.zeros((len(traits), len(self._labels())))
        for number, (name, value) in enumerate(self._labels()):
            among = traits[name].where(traits[name].isin(self._kept[name]), OTHER)
            each[:, number] = among == value
        z, place = np.unique(each, axis=0, return_inverse=True)
        return z, np.ravel(place)

    def _maximum(self, z: np.ndarray, groups: list[Histories]) -> OptimizeResult:
        """Return the best logs of parameters and effects, from the plain model's on."""
        start = np.log([self.plain_.params_[name] for name in MBGNBD.names])
        start = np.append(start, np.zeros(z.shape[1] * len(self.moved)))
        return minimize(
            self._objective,
            start,
            args=(z, groups),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-BOUND, BOUND)] * len(start),
            options={"maxiter": 1_000, "ftol": 1e-12, "gtol": 1e-7},
        )

    def _objective(
        self, point: np.ndarray, z: np.ndarray, groups: list[Histories]
    ) -> tuple[float, np.ndarray]:
        """Return the negative mean log-likelihood, and its slope in logs and effects."""
        logs, effects = self._parted(point, z.shape[1])
        places = [MBGNBD.names.index(name) for name in self.moved]
        value, by_log, by_effect = 0.0, np.zeros_like(logs), np.zeros_like(effects)
        for of_group, rows in zip(z, groups, strict=True):
            own = logs.copy()
            own[places] += of_group @ effects
            params = dict(zip(MBGNBD.names, np.exp(own), strict=True))
            reached, slopes = MBGNBD()._log_likelihood(params, rows)
            slope = np.array([slopes[name] * params[name] for name in MBGNBD.names])
            value += reached
            by_log += slope
            by_effect += np.outer(of_group, slope[places])
        customers = sum(rows.weights.sum() for rows in groups)
        return -value / customers, -np.append(by_log, by_effect) / customers

    def _parted(self, point: np.ndarray, values: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the logs of the parameters, and the effects, a column a moved parameter."""
        logs, effects = np.split(point, [len(MBGNBD.names)])
        return logs, effects.reshape(values, len(self.moved))


def _rows(*known: np.ndarray) -> Histories:
    """Return grouped histories, of one customer too, whom `histories` refuses alone."""
    rows = histories(*known, weights=np.full(len(known[0]), 2.0))
    return rows.weighted(rows.weights / 2)


def _common_values(trait: pd.Series) -> list[str]:
    """Return the values that get an effect, the commonest (which has none) first."""
    counts = trait.value_counts()
    rare = counts.index[counts < FEW]
    return list(trait.where(~trait.isin(rare), OTHER).value_counts().index)


# Proof ----------------------------------------------------------------------------------


def print_effects(customers: int = 20_000, age: float = 39.0, ahead: float = 39.0) -> None:
    """Print what is found where half of the simulated customers buy so many times as often."""
    print("| true fold | found | p-value | deviance |\n|--:|--:|--:|--:|")
    for seed, fold in enumerate((1.0, 1.25, 1.5, 2.0, 4.0)):
        table = _two_halves(fold, customers, age, ahead, np.random.default_rng(seed))
        model = MBGNBDByTraits().fit(table, table[["trait"]])
        plain = model.plain_.expected_orders(ahead, *(table[name] for name in KNOWN))
        own = model.expected_orders(ahead, table, table[["trait"]])
        came = table["came"].to_numpy()
        change = deviances(came, own).mean() / deviances(came, plain).mean() - 1
        sign = 1 if model.effects_.index[0][1] == "often" else -1
        found = np.exp(-sign * model.effects_["alpha"].iloc[0])
        print(f"| {fold:.2f} | {found:.2f} | {model.p_value_:.1g} | {change:+.2%} |")


def _two_halves(
    fold: float, customers: int, age: float, ahead: float, random: np.random.Generator
) -> pd.DataFrame:
    """Return simulated customers whose `trait` is `often` or `seldom`."""
    halves = []
    for trait, times in {"often": fold, "seldom": 1.0}.items():
        params = CDNOW | {"alpha": CDNOW["alpha"] / times}
        found = purchases(1, params, customers // 2, age + ahead, random)
        halves.append(summed(found, customers // 2, age).assign(trait=trait))
    return pd.concat(halves, ignore_index=True)


if __name__ == "__main__":
    print_effects()
