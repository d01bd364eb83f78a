"""Which purchase model speaks: the default, unless fits or tests of the past say another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from segkit.errors import SegkitError, suggestion
from segkit.models.fitting import ModelError
from segkit.models.purchase import PurchaseModel
from segkit.models.rows import codes, numbers

BEATEN = 4.0
"""Units of log-likelihood by which another model has to describe the same customers better."""


class ByFit(NamedTuple):
    """A model that was chosen by its fit alone.

    Attributes
    ----------
    name : str
    reason : str
        `default`: nothing speaks against it. `at_bound`, `beaten`, `not_fitted`: why the default
        is not used. `none_better`: something speaks against the default, and no other model
        is fit to take its place.
    """

    name: str
    reason: str


class ByTests(NamedTuple):
    """A model that was chosen by tests of the past.

    Attributes
    ----------
    name : str
    reason : str
        `default`: no other model's deviance is smaller. `within_error`: one is, by no more than
        the error. `smaller_deviance`: why the default is not used.
    gain : float
        Deviance of the default less that of the best other model, over all cuts; NaN where
        there is no other.
    error : float
        Standard error of the gain.
    """

    name: str
    reason: str
    gain: float
    error: float


def choice_by_fit(fits: Mapping[str, PurchaseModel], default: str = "mbg_nbd") -> ByFit:
    """Return which of several fitted models to use where the past allows no test.

    Parameters
    ----------
    fits : mapping of str to PurchaseModel
        Models that could be fitted, by name, to the same customers in one time unit.
    default : str

    Returns
    -------
    ByFit

    Raises
    ------
    ModelError
        No model could be fitted (`not_converged`).

    Notes
    -----
    Definitions, section 6: a model with a parameter at its bound, or beaten by 4 units of
    log-likelihood, is not used. A model at its bound takes nobody's place, however likely:
    BG/NBD, whose one-time buyers never leave, can be the likeliest there and rank customers
    the wrong way round. So the default stays where all are at a bound, or where it is at
    one and beats all that are not by those 4 units.

    Examples
    --------
    >>> from segkit.models import BGNBD, MBGNBD
    >>> history = [0, 0, 1, 2, 5], [0, 0, 9, 20, 35], [20, 40, 30, 35, 38]
    >>> fits = {"bg_nbd": BGNBD().fit(*history), "mbg_nbd": MBGNBD().fit(*history)}
    >>> choice_by_fit(fits)
    ByFit(name='mbg_nbd', reason='none_better')
    """
    if not fits:
        fix = "give a longer history, or more customers"
        raise ModelError("no model could be fitted", reason="not_converged", where="fits", fix=fix)
    likely = {name: float(fit.log_likelihood_) for name, fit in fits.items()}
    sound = [name for name, fit in fits.items() if not fit.at_bound_]
    best = max(sound or likely, key=lambda name: likely[name])
    if default not in fits:
        return ByFit(best, "not_fitted")
    lead = likely[best] - likely[default]
    if default in sound:
        return ByFit(best, "beaten") if lead > BEATEN else ByFit(default, "default")
    if not sound or lead < -BEATEN:
        return ByFit(default, "none_better")
    return ByFit(best, "at_bound")


def choice_by_tests(
    deviances: Mapping[str, Sequence[ArrayLike]],
    default: str = "mbg_nbd",
    customers: Sequence[ArrayLike] | None = None,
) -> ByTests:
    """Return which of several models to use after tests at one or more dates of the past.

    Parameters
    ----------
    deviances : mapping of str to sequence of array
        For each model an array a cut: the deviance of each customer's orders from what the
        model expected. Customers stand in the same order for all models.
    default : str
    customers : sequence of array, optional
        For each cut who the customers are: one who is there at several counts as one. By
        default each cut's are taken for others.

    Returns
    -------
    ByTests

    Raises
    ------
    SegkitError
        There is no such default.
    ModelError
        Deviances are missing or infinite, or of other customers than the default's
        (`bad_values`).

    Notes
    -----
    Definitions, section 6. The error is that of a paired bootstrap over customers, without
    drawing: a sum over n customers who are drawn anew from these n has a variance of exactly
    n times theirs.

    Examples
    --------
    >>> choice_by_tests({"mbg_nbd": [[4.0, 3, 5, 4]], "bg_nbd": [[2.0, 1, 3, 3]]})
    ByTests(name='bg_nbd', reason='smaller_deviance', gain=7.0, error=0.866...)
    """
    if default not in deviances:
        raise SegkitError(
            "no such model among the tests",
            where="default",
            values=[default],
            fix=suggestion(default, list(deviances)),
        )
    held = [numbers(cut, default) for cut in deviances[default]]
    gains = {
        name: [ours - theirs for ours, theirs in zip(held, _like(cuts, held, name), strict=True)]
        for name, cuts in deviances.items()
        if name != default
    }
    if not gains:
        return ByTests(default, "default", np.nan, np.nan)
    totals = {name: float(sum(cut.sum() for cut in cuts)) for name, cuts in gains.items()}
    best = max(totals, key=lambda name: totals[name])
    gain, error = totals[best], _error(gains[best], customers)
    if gain <= 0:
        return ByTests(default, "default", gain, error)
    if gain <= error:
        return ByTests(default, "within_error", gain, error)
    return ByTests(best, "smaller_deviance", gain, error)


def _like(cuts: Sequence[ArrayLike], held: Sequence[np.ndarray], name: str) -> list[np.ndarray]:
    """Return a model's deviances, which are of as many cuts and customers as the default's."""
    if len(cuts) != len(held):
        raise ModelError(
            f"has {len(cuts)} cuts, not {len(held)}",
            reason="bad_values",
            where=name,
            fix="give the same cuts of every model",
        )
    return [numbers(cut, name, len(ours)) for cut, ours in zip(cuts, held, strict=True)]


def _error(gains: Sequence[np.ndarray], customers: Sequence[ArrayLike] | None) -> float:
    """Return the standard error of the sum of gains."""
    if customers is None:
        return float(np.sqrt(sum(len(cut) * cut.var() for cut in gains if len(cut))))
    place, _ = codes(np.concatenate([np.ravel(cut) for cut in customers]))
    each = np.concatenate(gains)
    if len(place) != len(each):
        raise ModelError(
            f"names {len(place)} customers, not {len(each)}",
            reason="bad_values",
            where="customers",
            fix="give one customer a deviance",
        )
    by_customer = np.bincount(place, each)
    return float(np.sqrt(len(by_customer) * by_customer.var())) if len(by_customer) else 0.0
