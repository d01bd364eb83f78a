"""A client's parameters: one YAML file, typed, checked before anything runs; one module a subject."""

from segkit.foundation.yaml_files import load_yaml
from segkit.params.check import check_params, load_params
from segkit.params.cleaning import Cleaning
from segkit.params.client import Params
from segkit.params.orders import (
    Condition,
    Join,
    OrderAmounts,
    OrderColumns,
    Orders,
    PackedItems,
    Status,
)
from segkit.params.report import AudienceParams, ProductParams, ReportParams, ThemeParams
from segkit.params.root import find_root
from segkit.params.secrets import from_environment, without_secrets
from segkit.params.section import flattened
from segkit.params.segments import (
    SEGMENTATIONS,
    CartParams,
    ClusterParams,
    GapParams,
    LifecycleParams,
    MigrationParams,
    RFMParams,
    Segmentation,
)
from segkit.params.sources import (
    CHANNELS,
    Channel,
    Csv,
    CustomerColumns,
    Customers,
    Database,
    EngineParams,
    EventColumns,
    Events,
    EventTypes,
    Log,
    ReturnColumns,
    Returns,
    Source,
)
from segkit.params.value import AuditParams, CLVParams, CLVSegmentParams, EvidenceParams
from segkit.params.values import LOCALE, NO_CURRENCY, SOURCE, languages

__all__ = [
    "Status",
    "PackedItems",
    "OrderAmounts",
    "Join",
    "Condition",
    "CHANNELS",
    "LOCALE",
    "NO_CURRENCY",
    "SEGMENTATIONS",
    "SOURCE",
    "AudienceParams",
    "AuditParams",
    "CLVParams",
    "CLVSegmentParams",
    "CartParams",
    "Channel",
    "Cleaning",
    "ClusterParams",
    "Csv",
    "CustomerColumns",
    "Customers",
    "Database",
    "EngineParams",
    "EventColumns",
    "EventTypes",
    "Events",
    "EvidenceParams",
    "GapParams",
    "LifecycleParams",
    "Log",
    "MigrationParams",
    "OrderColumns",
    "Orders",
    "Params",
    "ProductParams",
    "RFMParams",
    "ReportParams",
    "ReturnColumns",
    "Returns",
    "Segmentation",
    "Source",
    "ThemeParams",
    "check_params",
    "find_root",
    "flattened",
    "from_environment",
    "languages",
    "load_params",
    "load_yaml",
    "without_secrets",
]
