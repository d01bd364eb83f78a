"""What the figures of a base say that is worth acting on (definitions, section 10)."""

from segkit.analysis.insights.base import Base
from segkit.analysis.insights.findings import MOST, findings, is_same, settled
from segkit.analysis.insights.rules import (
    CHANNEL,
    DIMENSION,
    DRIVERS,
    FIGURES,
    FILE,
    KPIS,
    NAMES,
    TEXTS,
    Condition,
    Rule,
    checked_rules,
    load_rules,
)

__all__ = [
    "CHANNEL",
    "DIMENSION",
    "DRIVERS",
    "FIGURES",
    "FILE",
    "KPIS",
    "MOST",
    "NAMES",
    "TEXTS",
    "Base",
    "Condition",
    "Rule",
    "checked_rules",
    "findings",
    "is_same",
    "load_rules",
    "settled",
]
