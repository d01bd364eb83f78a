"""From a client's order log to customer segments a marketer can act on.

What notebooks use: `Study` (one client at one date), `Chapter` (what it shows), `plots`
(pictures), `analysis` (figures). Each is imported when first used, so that `import segkit` stays light.
"""

from __future__ import annotations

from importlib import import_module

from segkit.foundation.version import __version__ as __version__

__all__ = [
    "Chapter",
    "Params",
    "SegkitError",
    "Study",
    "analysis",
    "audience_names",
    "conclusion",
    "finding_table",
    "first_things",
    "load_params",
    "plots",
    "recommend",
    "special_cells",
    "what_if",
]

_HOMES = {
    "Chapter": "segkit.report.page.chapter",
    "Params": "segkit.params",
    "SegkitError": "segkit.errors",
    "Study": "segkit.study.study",
    "audience_names": "segkit.report.advice",
    "conclusion": "segkit.report.conclusions",
    "finding_table": "segkit.report.advice",
    "first_things": "segkit.report.advice",
    "load_params": "segkit.params",
    "recommend": "segkit.report.advice",
    "special_cells": "segkit.report.advice",
    "what_if": "segkit.report.what_if",
}


def __getattr__(name: str) -> object:
    if name in {"analysis", "plots"}:
        return import_module(f"segkit.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'segkit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
