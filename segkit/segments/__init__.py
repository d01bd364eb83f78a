"""Segmentations: estimators that learn a small state and label any batch of customers.

Names are imported when first used, so that a light program stays light.
"""

from __future__ import annotations

from importlib import import_module

__all__ = [
    "CLV_SEGMENTS",
    "FAMILIES",
    "MICRO_SEGMENTS",
    "PROSPECTS",
    "RETURNED_ALL",
    "RFM",
    "STAGES",
    "SUB_SEGMENTS",
    "VIEWED_STAGE",
    "VIEWS",
    "CLVSegments",
    "Clusters",
    "Lifecycle",
    "RuleTable",
    "Segmentation",
    "load_cluster_names",
]

_HOMES = {
    "CLV_SEGMENTS": "clv",
    "CLVSegments": "clv",
    "Clusters": "clusters",
    "FAMILIES": "rfm",
    "Lifecycle": "lifecycle",
    "MICRO_SEGMENTS": "lifecycle",
    "PROSPECTS": "base",
    "RETURNED_ALL": "base",
    "RFM": "rfm",
    "RuleTable": "rules",
    "STAGES": "lifecycle",
    "SUB_SEGMENTS": "rfm",
    "VIEWED_STAGE": "lifecycle",
    "VIEWS": "lifecycle",
    "Segmentation": "base",
    "load_cluster_names": "clusters",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
