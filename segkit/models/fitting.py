"""Maximum likelihood on grouped rows: a template that knows no model.

A model gives the log-likelihood and its gradient in the logarithms of its parameters. Rows
are equal customers counted once; a large base is first fitted on rows with rounded times,
which leaves a few steps for the exact ones.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from threadpoolctl import ThreadpoolController

from segkit.errors import SegkitError
from segkit.foundation.estimator import Estimator

Z95 = 1.959963984540054
LIMIT = 15.0
"""Bound of a parameter's logarithm, times being scaled to at most 1."""
FAR = 7.0
"""A logarithm beyond it may be on its way to a bound: then the limits are looked at."""
ALIKE = 0.01
"""Log-likelihoods that differ by less are the same to the data: then a limit is taken.

An optimiser creeps along a ridge towards a bound and stops where rounding has it, elsewhere on
every machine; the limit is one place.
"""
FLAT = 1e-6
"""A mean log-likelihood with no steeper slope is at its maximum."""
RUNAWAY = 5.0
"""A resample that foretells more than so many times the fit's total is of no use."""
EDGE = 0.1
"""Nearer to a bound than this an optimiser has stopped on its way there."""
SLIGHT = 1e-3
"""A curvature less than this part of the greatest is taken for no less: a step would be too long."""
NEAR = 1e-3
"""A last step that is longer is none towards a maximum that was found."""
BOOTSTRAP_ROWS = 2_000
"""A bootstrap fits many times: of more rows, those with rounded times are resampled."""


class ModelError(SegkitError):
    """A model cannot speak about these customers; `reason` says why, by name.

    `reason` is one of `no_customers`, `one_customer`, `no_repeat_buyers`, `not_converged`,
    `infinite_mean_spend`, `bad_values`, `no_positive_spend`.
    """

    reason: str

    def __init__(self, problem: str, *, reason: str, **details: Any) -> None:
        super().__init__(problem, **details)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        problem, where, values, count, fix = self.args
        details = {"where": where, "values": values, "count": count, "fix": fix}
        return _rebuild, (problem, self.reason, details)


class Rows(Protocol):
    """Customers that are equal to the model, counted once.

    Attributes
    ----------
    weights : array of float
        Customers in each row.
    scale : float
        What the rows' unit was divided by.
    dimensions : float
        How many observed values carry that unit; the likelihood is a density in them.
    """

    @property
    def weights(self) -> np.ndarray:
        """Customers in each row."""

    @property
    def scale(self) -> float:
        """What the rows' unit was divided by."""

    @property
    def dimensions(self) -> float:
        """How many observed values carry that unit."""

    def weighted(self, weights: np.ndarray) -> Self:
        """Return the same rows with other numbers of customers."""

    def rounded(self, few: int | None = None) -> Self:
        """Return fewer rows, or these where they are few."""


class MaximumLikelihood(Estimator):
    """Template of a model that is fitted by maximum likelihood.

    A model names its parameters, those of them that carry the rows' unit, and places to start
    from; and gives `_log_likelihood`.
    """

    names: ClassVar[tuple[str, ...]]
    in_units: ClassVar[tuple[str, ...]]
    starts: ClassVar[tuple[Mapping[str, float], ...]]
    limits: ClassVar[tuple[Mapping[str, float], ...]] = ()
    """Simpler models that this one has at its bounds: the logarithms that each holds fixed."""
    partners: ClassVar[Mapping[str, tuple[str, float]]] = {}
    """What rises (1.0) or falls (-1.0) with a parameter on its way to a bound: only their ratio,
    or product, counts there. A partner may lie beyond the bound; a parameter that has one may
    not, since the likelihood is a difference of terms as large as it is."""

    params_: dict[str, float]
    log_likelihood_: float
    iterations_: int
    converged_: bool
    customers_: float
    covariance_: list[list[float]] | None
    at_bound_: list[str]
    bootstrap_left_out: int
    _small: tuple[Any, np.ndarray, np.ndarray | None]

    @abstractmethod
    def _log_likelihood(
        self, params: Mapping[str, float], rows: Any
    ) -> tuple[float, Mapping[str, float]]:
        """Return the rows' log-likelihood, and its derivative in each parameter."""

    @property
    def summary(self) -> pd.DataFrame:
        """Parameters with standard errors, and how the fit went.

        Returns
        -------
        DataFrame
            Indexed by name: `value`, `std_error`, `low`, `high` (95 %, from the logarithm's
            normal interval), `at_bound` (1 where a parameter stands at its bound: the data want
            the simpler model there, and there is no error to give). Below the parameters:
            `log_likelihood`, `iterations`, `converged` (1 or 0), `customers`.
        """
        if not hasattr(self, "log_likelihood_"):
            raise SegkitError(f"{type(self).__name__} is not fitted", fix="call fit first")
        values = np.array([self.params_[name] for name in self.names])
        errors = self.standard_errors().to_numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            spread = np.exp(Z95 * errors / values)
            table = {
                "value": values,
                "std_error": errors,
                "low": values / spread,
                "high": values * spread,
                "at_bound": [float(name in self.at_bound_) for name in self.names],
            }
        facts = {
            "log_likelihood": self.log_likelihood_,
            "iterations": self.iterations_,
            "converged": float(self.converged_),
            "customers": self.customers_,
        }
        return pd.concat(
            [
                pd.DataFrame(table, index=list(self.names)),
                pd.DataFrame({"value": facts.values()}, index=list(facts), dtype=float),
            ]
        )

    def standard_errors(self) -> pd.Series:
        """Return the standard error of each parameter; NaN where the data do not fix it.

        Notes
        -----
        The inverse Hessian of the log-likelihood in log-parameters, by the delta method.
        """
        self._check_fitted()
        if getattr(self, "covariance_", None) is None:
            return pd.Series(np.nan, index=list(self.names))
        return pd.Series(np.sqrt(np.diag(np.array(self.covariance_))), index=list(self.names))

    def bootstrap(self, resamples: int = 100, seed: int = 42) -> list[dict[str, float]]:
        """Return parameters refitted on resampled customers.

        Parameters
        ----------
        resamples : int
        seed : int

        Returns
        -------
        list of dict
            As `params_`, one for each resample that can be fitted and does not run away: one
            that has a parameter at a bound where the fit has none, or foretells more than
            `RUNAWAY` times what the fit does, is left out. `bootstrap_left_out` says how many.

        Raises
        ------
        SegkitError
            The model was read from its state, which holds no rows to resample.

        Notes
        -----
        Resamples the counts of the grouped rows (multinomial), not the customers; of a large
        base, the rows with rounded times, whose shift against the exact fit is taken back.
        """
        self._check_fitted()
        if not hasattr(self, "_small"):
            raise SegkitError("has no rows to resample", where=type(self).__name__, fix="fit it")
        held, start, hessian = self._small
        rows = held.rounded(BOOTSTRAP_ROWS)
        if rows is not held:
            start, _, _ = self._refine(rows, start, hessian)
        shift = self._logs(self.params_, rows.scale) - start
        random = np.random.default_rng(seed)
        total = rows.weights.sum()
        draws = random.multinomial(round(total), rows.weights / total, size=resamples)
        most = RUNAWAY * self._foretold(self.params_, rows)
        with _one_thread():
            found = (self._redrawn(rows, counts, start, hessian) for counts in draws)
            fits = [
                self._params(logs + shift, rows.scale)
                for logs in found
                if logs is not None and not self._at_new_bound(logs)
            ]
        kept = [
            params
            for params in fits
            if self._flaw(params, rows.scale) is None and self._foretold(params, rows) <= most
        ]
        self.bootstrap_left_out = resamples - len(kept)
        return kept

    @abstractmethod
    def _foretold(self, params: Mapping[str, float], rows: Any) -> float:
        """Return the total that parameters foretell of customers such as these rows'."""

    def _at_new_bound(self, logs: np.ndarray) -> bool:
        """Return whether a parameter stands at a bound where the fit's own does not."""
        ends = self._bound(self._held)
        return any(
            abs(log) >= ends[name] - EDGE and name not in self.at_bound_
            for name, log in zip(self.names, logs, strict=True)
        )

    def _redrawn(
        self, rows: Rows, counts: np.ndarray, start: np.ndarray, hessian: np.ndarray | None
    ) -> np.ndarray | None:
        """Return the best logs of resampled rows, or None where they cannot be fitted."""
        drawn = rows.weighted(counts.astype(float))
        if not drawn.dimensions:
            return None
        logs, flat, _ = self._refine(drawn, start, hessian)
        return logs if flat else None

    def with_params(self, params: Mapping[str, float]) -> Self:
        """Return a copy of this model with other parameters, such as a bootstrap's."""
        copy = type(self)(**self.get_params())
        copy.params_ = dict(params)
        return copy

    def _facts(self) -> dict[str, object]:
        if not hasattr(self, "log_likelihood_"):
            return {**super()._facts(), **getattr(self, "params_", {})}
        names = ("log_likelihood_", "customers_", "converged_")
        return self._chosen() | {name.rstrip("_"): getattr(self, name) for name in names}

    def _tables(self) -> dict[str, pd.DataFrame]:
        if not hasattr(self, "log_likelihood_"):
            return {}
        return {"parameters": self.summary.loc[list(self.names)].reset_index(names="parameter")}

    def _parameters(self) -> dict[str, float]:
        """Return the parameters, fitted or given."""
        self._check_fitted()
        return self.params_

    def _check_fitted(self) -> None:
        if not hasattr(self, "params_"):
            raise SegkitError(f"{type(self).__name__} is not fitted", fix="call fit first")

    def _fit_rows(self, rows: Any, start: Mapping[str, float] | None = None) -> Self:
        vars(self).pop("params_", None)
        self._held: dict[str, float] = {}
        begin = None if start is None else self._checked_start(start, rows.scale)
        with _one_thread():
            logs, flat, steps, hessian = self._fitted(rows, begin)
            if begin is not None and not _is_inside(logs, flat):
                logs, flat, more, hessian = self._fitted(rows)
                steps += more
            if not _is_inside(logs, flat):
                logs, flat, steps, hessian = self._or_limit(rows, logs, flat, steps, hessian)
            logs = self._polished(rows, logs, hessian)
        if not flat:
            raise ModelError(
                f"the fit did not converge from {len(self.starts)} starts",
                reason="not_converged",
                where=type(self).__name__,
                fix="use another model, or a longer history",
            )
        flaw = self._flaw(self._params(logs, rows.scale), rows.scale)
        if flaw is not None:
            raise flaw
        self._keep(rows, logs, hessian, steps)
        return self

    def _or_limit(
        self, rows: Any, logs: np.ndarray, flat: bool, steps: int, hessian: np.ndarray | None
    ) -> tuple[np.ndarray, bool, int, np.ndarray | None]:
        """Return the limit that describes the rows as well as what was found, or that."""
        customers, small = rows.weights.sum(), rows.rounded()
        best = self._objective(logs, rows)[0] if np.isfinite(logs).all() else np.inf
        for held in self.limits:
            for start in self._starts_of_limit(held, logs):
                there, is_peak, more = self._maximise(small, start, held)
                steps += more
                if small is not rows:
                    there, is_peak, more = self._maximise(rows, there, held)
                    steps += more
                value = self._objective(there, rows)[0]
                # Of a maximum that was reached, a limit that is as good need be none itself.
                if (is_peak or flat) and (value - best) * customers <= ALIKE:
                    self._held = dict(held)
                    self._small = (self._small[0], there, None)
                    return there, True, steps, None
        return logs, flat, steps, hessian

    def _starts_of_limit(self, held: Mapping[str, float], logs: np.ndarray) -> list[np.ndarray]:
        """Return where to look for a limit: beside what was found, and far from everything."""
        beside = dict(zip(self.names, logs.tolist(), strict=True))
        for name, log in held.items():
            partner, sign = self.partners.get(name, (name, 0.0))
            if partner not in held:
                beside[partner] += sign * (log - beside[name])
        far = dict.fromkeys(self.names, 0.0)
        starts = [np.array([*{**start, **held}.values()]) for start in (beside, far)]
        return [start for start in starts if np.isfinite(start).all()]

    def _checked_start(self, start: Mapping[str, float], scale: float) -> np.ndarray | None:
        """Return the logs of parameters to begin with, or None for those at or near a bound.

        Along a ridge there is no near place to begin: the usual starts and the limits settle it.
        """
        if wrong := [name for name in self.names if not 0 < start.get(name, np.nan) < np.inf]:
            raise ModelError(
                "has no value above 0",
                reason="bad_values",
                where="start",
                values=wrong,
                fix=f"give {', '.join(self.names)}, such as another fit's params_",
            )
        logs = self._logs(start, scale)
        return logs if _is_inside(logs, True) else None

    def _fitted(
        self, rows: Any, start: np.ndarray | None = None
    ) -> tuple[np.ndarray, bool, int, np.ndarray | None]:
        """Return the best logs, whether they are a maximum, the steps, and the Hessian."""
        small = rows.rounded()
        near = None if start is None else self._near_peak(small, start)
        logs, flat, steps, hessian = near or self._peak(small, start)
        self._small = (small, logs, hessian)
        if small is rows:
            return logs, flat, steps, hessian
        if hessian is not None:
            logs, flat, more = self._climb(rows, logs, hessian)
            if flat:
                return logs, True, steps + more, self._hessian(rows, logs)
        logs, flat, more, hessian = self._peak(rows, logs)
        return logs, flat, steps + more, hessian

    def _polished(self, rows: Rows, logs: np.ndarray, hessian: np.ndarray | None) -> np.ndarray:
        """Return a maximum after one step of Newton's: the same digits wherever the fit began."""
        if hessian is None:
            return logs
        step = np.linalg.solve(hessian, self._objective(logs, rows)[1])
        return logs - step if np.abs(step).max() < NEAR else logs

    def _near_peak(
        self, rows: Rows, start: np.ndarray
    ) -> tuple[np.ndarray, bool, int, np.ndarray | None] | None:
        """Return what `_fitted` does, where one climb from the start leads to a maximum."""
        bent = self._curvature(rows, start)
        if not np.isfinite(bent).all():
            return None
        logs, flat, steps = self._climb(rows, start, _made_firm(bent))
        peak = self._hessian(rows, logs) if flat else None
        return None if peak is None else (logs, True, steps, peak)

    def _peak(
        self, rows: Rows, start: np.ndarray | None
    ) -> tuple[np.ndarray, bool, int, np.ndarray | None]:
        """Return what `_fitted` does, on these very rows."""
        logs, flat, steps = self._maximise(rows, start)
        hessian = self._hessian(rows, logs)
        if hessian is not None:
            peak, at_peak, more = self._climb(rows, logs, hessian)
            logs, flat, steps = (peak, True, steps + more) if at_peak else (logs, flat, steps)
        return logs, flat, steps, hessian

    def _flaw(self, params: Mapping[str, float], scale: float) -> ModelError | None:
        """Return why parameters that were found cannot be used, or None."""
        return None

    def _keep(self, rows: Rows, logs: np.ndarray, hessian: np.ndarray | None, steps: int) -> None:
        self.params_ = self._params(logs, rows.scale)
        ends = self._bound(self._held)
        self.at_bound_ = [
            name
            for name, log in zip(self.names, logs, strict=True)
            if name in self._held or abs(log) >= ends[name]
        ]
        self.customers_ = float(rows.weights.sum())
        scaled, _ = self._objective(logs, rows)
        self.log_likelihood_ = float(
            -scaled * self.customers_ - rows.dimensions * np.log(rows.scale)
        )
        self.iterations_ = int(steps)
        self.converged_ = True
        values = np.array([self.params_[name] for name in self.names])
        inverse = (
            None if hessian is None or self.at_bound_ else np.linalg.inv(hessian * self.customers_)
        )
        self.covariance_ = (
            None if inverse is None else (inverse * np.outer(values, values)).tolist()
        )

    def _objective(self, logs: np.ndarray, rows: Rows) -> tuple[float, np.ndarray]:
        """Return the negative mean log-likelihood and its gradient in log-parameters."""
        params = dict(zip(self.names, np.exp(logs), strict=True))
        value, slopes = self._log_likelihood(params, rows)
        total = rows.weights.sum()
        slope = np.array([slopes[name] * params[name] for name in self.names])
        return -value / total, -slope / total

    def _maximise(
        self, rows: Rows, start: np.ndarray | None, held: Mapping[str, float] | None = None
    ) -> tuple[np.ndarray, bool, int]:
        """Return the best logs found from the starts, whether it is flat there, and the steps.

        Three starts, far apart: where one leads into a corner, another has not yet been seen to.
        """
        held = self._held if held is None else held
        starts = [start] if start is not None else [self._logs(one, 1.0) for one in self.starts]
        ends = self._bound(held)
        bounds = [(held.get(name, -ends[name]), held.get(name, ends[name])) for name in self.names]
        fixed = np.array([name in held for name in self.names])
        best, steps = None, 0
        for logs in starts:
            found = minimize(
                self._objective,
                logs,
                args=(rows,),
                jac=True,
                method="L-BFGS-B",
                bounds=bounds,
                options={"maxiter": 500, "ftol": 1e-11, "gtol": FLAT},
            )
            steps += found.nit
            if best is None or found.fun < best.fun:
                best = found
            if _is_flat(found.x, np.where(fixed, 0.0, found.jac)):
                return found.x, True, steps
        assert best is not None  # there is at least one start
        flat = _is_flat(best.x, np.where(fixed, 0.0, best.jac), FLAT * 100)
        return best.x, flat, steps

    def _bound(self, held: Mapping[str, float]) -> dict[str, float]:
        """Return how far from 0 each logarithm may lie."""
        wide = {partner for partner, _ in self.partners.values()} if held else set()
        return {name: 2 * LIMIT if name in wide else LIMIT for name in self.names}

    def _climb(
        self, rows: Rows, logs: np.ndarray, hessian: np.ndarray
    ) -> tuple[np.ndarray, bool, int]:
        """Return the best logs near given ones whose Hessian is known, and whether they are flat."""
        inverse = np.linalg.inv(hessian)
        inverse = (inverse + inverse.T) / 2
        with np.errstate(all="ignore"):  # a step too far is taken back
            found = minimize(
                self._objective,
                logs,
                args=(rows,),
                jac=True,
                method="BFGS",
                options={"hess_inv0": inverse, "gtol": FLAT / 10, "maxiter": 50},
            )
        sound = np.isfinite(found.x).all() and (np.abs(found.x) < LIMIT).all()
        if not sound or not np.isfinite(found.jac).all():
            return logs, False, found.nit
        return found.x, bool(np.abs(found.jac).max() <= FLAT / 10), found.nit

    def _refine(
        self, rows: Rows, logs: np.ndarray, hessian: np.ndarray | None
    ) -> tuple[np.ndarray, bool, int]:
        """Return the best logs near given ones, those of rows that are much alike."""
        steps = 0
        if hessian is not None:
            logs, flat, steps = self._climb(rows, logs, hessian)
            if flat:
                return logs, True, steps
        logs, flat, more = self._maximise(rows, logs)
        return logs, flat, steps + more

    def _hessian(self, rows: Rows, logs: np.ndarray) -> np.ndarray | None:
        """Return the Hessian of the objective, or None where it is not positive definite."""
        hessian = self._curvature(rows, logs)
        firm = np.isfinite(hessian).all() and np.linalg.eigvalsh(hessian).min() > 1e-10
        return hessian if firm else None

    def _curvature(self, rows: Rows, logs: np.ndarray) -> np.ndarray:
        """Return the Hessian of the objective, by differences of its gradient."""
        step = 1e-5
        here = self._objective(logs, rows)[1]
        beside = [self._objective(logs + step * unit, rows)[1] for unit in np.eye(len(logs))]
        rough = (np.array(beside) - here) / step
        return (rough + rough.T) / 2

    def _logs(self, params: Mapping[str, float], scale: float) -> np.ndarray:
        return np.log([params[name] / self._unit(name, scale) for name in self.names])

    def _params(self, logs: np.ndarray, scale: float) -> dict[str, float]:
        values = zip(self.names, np.exp(logs), strict=True)
        return {name: float(value * self._unit(name, scale)) for name, value in values}

    def _unit(self, name: str, scale: float) -> float:
        return scale if name in self.in_units else 1.0


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _one_thread() -> AbstractContextManager[Any]:
    """Keep linear algebra on one thread: matrices of four by four are only slowed by more."""
    return _threads().limit(limits=1, user_api="blas")


def _is_flat(logs: np.ndarray, slope: np.ndarray, limit: float = FLAT * 10) -> bool:
    """Return whether no parameter has anywhere to go, those at their bound left out."""
    free = np.abs(logs) < LIMIT
    return bool(np.isfinite(slope).all() and (np.abs(slope[free]) <= limit).all())


def _made_firm(hessian: np.ndarray) -> np.ndarray:
    """Return a positive definite matrix near a Hessian that need be none off the maximum."""
    values, axes = np.linalg.eigh(hessian)
    sizes = np.maximum(np.abs(values), np.abs(values).max() * SLIGHT)
    return (axes * sizes) @ axes.T


def _is_inside(logs: np.ndarray, flat: bool) -> bool:
    """Return whether a maximum lies where no limit need be looked at."""
    return flat and bool(np.abs(logs).max() <= FAR)


def _rebuild(problem: str, reason: str, details: Mapping[str, Any]) -> ModelError:
    return ModelError(problem, reason=reason, **details)
