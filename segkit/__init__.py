"""From a client's order log to customer segments a marketer can act on.

What notebooks use: `Study` (one client at one date), `Chapter` (what it shows), `plots`
(pictures). Each is imported when first used, so that `import segkit` stays light.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

__all__ = ["Chapter", "Params", "SegkitError", "Study", "load_params", "plots"]

_HOMES = {
    "Chapter": "segkit.report.chapter",
    "Params": "segkit.params",
    "SegkitError": "segkit.errors",
    "Study": "segkit.study",
    "load_params": "segkit.params",
}


def __getattr__(name: str) -> object:
    if name == "plots":
        return import_module("segkit.plots")
    if name not in _HOMES:
        raise AttributeError(f"module 'segkit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
