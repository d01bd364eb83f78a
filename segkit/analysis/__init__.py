"""What the customer table says: key figures, concentration, distributions."""

from segkit.analysis.concentration import concentration, gini, lorenz_curve, pareto
from segkit.analysis.distributions import best_month, binned, counted
from segkit.analysis.kpis import MAIN_KPIS, segment_kpis

__all__ = [
    "MAIN_KPIS",
    "best_month",
    "binned",
    "concentration",
    "counted",
    "gini",
    "lorenz_curve",
    "pareto",
    "segment_kpis",
]
