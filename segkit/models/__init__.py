"""Purchase models (how often a customer will buy) and the spend model (for how much).

Models take arrays and know no column names. Times are in one unit, which the model is told
once (`time_unit`); results do not depend on it.
"""

from __future__ import annotations

from importlib import import_module

__all__ = [
    "BGNBD",
    "MBGNBD",
    "GammaGamma",
    "MeanProfit",
    "ModelError",
    "ParetoNBD",
    "PurchaseModel",
    "choice_by_tests",
    "choice_by_fit",
]

_HOMES = {
    "BGNBD": "bg_nbd",
    "GammaGamma": "gamma_gamma",
    "MBGNBD": "mbg_nbd",
    "MeanProfit": "mean_profit",
    "ModelError": "fitting",
    "ParetoNBD": "pareto_nbd",
    "PurchaseModel": "purchase",
    "choice_by_tests": "choice",
    "choice_by_fit": "choice",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
