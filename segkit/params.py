"""A client's parameters: one YAML file, typed, checked before anything runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from segkit.errors import ParamsError, SegkitError, suggestion


class _YamlLoader(yaml.SafeLoader):
    """YAML as papermill reads it (dates stay text), with duplicate keys refused."""


def _mapping_without_duplicates(loader: _YamlLoader, node: yaml.MappingNode) -> dict:
    seen: set = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise SegkitError(
                f"key {key!r} appears twice",
                where=f"line {key_node.start_mark.line + 1}",
                fix="keep one of the two",
            )
        seen.add(key)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_YamlLoader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_YamlLoader.add_constructor("tag:yaml.org,2002:map", _mapping_without_duplicates)


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Return a YAML file's mapping; duplicate keys and non-mappings are errors.

    Raises
    ------
    SegkitError
        The file is missing, is not UTF-8 or YAML, repeats a key, or is no mapping.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_YamlLoader)
    except FileNotFoundError:
        raise SegkitError("file not found", where=str(path), fix="check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SegkitError(f"cannot be read ({error})", where=str(path)) from None
    except yaml.YAMLError as error:
        raise SegkitError(_yaml_problem(error), where=str(path), fix="mend the YAML") from None
    except SegkitError as error:
        problem, where, _, _, fix = error.args
        raise SegkitError(problem, where=f"{path}: {where}", fix=fix) from None
    if not isinstance(content, dict):
        raise SegkitError(
            "holds no keys", where=str(path), fix="write 'key: value' lines, as in params/cdnow.yaml"
        )
    return content


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"not valid YAML{line}: {' '.join(str(getattr(error, 'problem', error)).split())}"


def _iso_date(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _known_timezone(value: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone; write it like 'Europe/Madrid'") from None
    return value


def _known_locale(value: str) -> str:
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(value.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        raise ValueError("not a locale; write it like 'es_ES' or 'en_GB'") from None


def _known_currency(value: str) -> str:
    from babel.numbers import list_currencies

    if value not in list_currencies():
        raise ValueError("not an ISO 4217 currency; write it like 'EUR'")
    return value


def _known_language(value: str) -> str:
    folder = Path(__file__).parent / "report" / "texts"
    languages = sorted(path.stem for path in folder.glob("*.yaml"))
    if value not in languages:
        raise ValueError(f"no texts in this language; there are: {', '.join(languages)}")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Paths = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Database(_Section):
    """A table or query of a database; `${NAME}` in the address is read from the environment."""

    url: str
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Database:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either 'table' or 'query'")
        if re.search(r"://[^/@:]*:(?!\$\{)[^/@]+@", self.url):
            raise ValueError("a password stands in the address; write ${NAME} and set NAME instead")
        return self


class Csv(_Section):
    """How a CSV file is written."""

    separator: Annotated[str, Field(min_length=1, max_length=4)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    encoding: str = "utf-8"


class Source(_Section):
    """Where a table comes from and how its text is to be read."""

    path: Paths | None = None
    database: Database | None = None
    format: Literal["csv", "parquet", "excel"] | None = None
    sheet: str | None = None
    csv: Csv = Csv()
    date_format: str | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if (self.path is None) == (self.database is None):
            raise ValueError("give either 'path' or 'database'")
        if self.thousands == self.decimal:
            raise ValueError("'decimal' and 'thousands' are the same mark")
        return self


class OrderColumns(_Section):
    """Names that the order log gives its columns."""

    customer: str
    date: str
    order: str | None = None
    amount: str | None = None
    price: str | None = None
    quantity: str | None = None
    product: str | None = None
    product_name: str | None = None
    category: str | None = None
    channel: str | None = None
    discount: str | None = None
    profit: str | None = None
    status: str | None = None

    @model_validator(mode="after")
    def _has_value(self) -> OrderColumns:
        if self.amount is None and (self.price is None or self.quantity is None):
            raise ValueError("give 'amount', or both 'price' and 'quantity'")
        return self


class ReturnColumns(_Section):
    """Names that the table of returned orders gives its columns."""

    order: str
    date: str | None = None


class CustomerColumns(_Section):
    """Names that the table of registered customers gives its columns."""

    customer: str
    registered: str | None = None


class EventColumns(_Section):
    """Names that the event log gives its columns."""

    customer: str
    date: str
    type: str
    product: str | None = None


class EventTypes(_Section):
    """What the event log calls each kind of event."""

    view: str = "view"
    cart: str = "cart"
    purchase: str = "purchase"


class Orders(Source):
    """The order log: one row an order line."""

    columns: OrderColumns


class Returns(Source):
    """Orders that were returned whole."""

    columns: ReturnColumns


class Customers(Source):
    """Registered customers, with or without purchases."""

    columns: CustomerColumns


class Events(Source):
    """What customers did besides buying."""

    columns: EventColumns
    types: EventTypes = EventTypes()


def _switch(value: object) -> object:
    return {True: "reject", False: "keep"}.get(value, value) if isinstance(value, bool) else value


def _return_switch(value: object) -> object:
    return "return" if value is True else _switch(value)


Must = Annotated[Literal["reject", "fail"], BeforeValidator(_switch)]
May = Annotated[Literal["reject", "keep", "fail"], BeforeValidator(_switch)]
Return = Annotated[Literal["return", "reject", "keep", "fail"], BeforeValidator(_return_switch)]


class Cleaning(_Section):
    """What happens to a line that breaks a rule.

    `reject` sets it aside with its reason, `fail` stops the run, `keep` switches the
    rule off, `return` counts it as a return; `true` is the rule's own default and
    `false` is `keep`.
    """

    malformed_line: Must = "reject"
    no_customer: Must = "reject"
    no_date: Must = "reject"
    unparsable_date: Must = "reject"
    unparsable_number: Must = "reject"
    future_date: May = "reject"
    non_positive_price: May = "reject"
    exact_duplicate: May = "reject"
    non_product: May = "reject"
    cancelled: Return = "reject"
    negative_quantity: Return = "return"
    non_product_codes: list[str] = []
    cancelled_order_prefix: str | None = None
    cancelled_statuses: list[str] = []


class RFMParams(_Section):
    """How recency, frequency and value are scored (definitions, section 4)."""

    bins: dict[Literal["recency", "frequency", "monetary"], list[float | int]] = {}
    monetary: Literal["total", "mean"] = "total"
    frequency_bins: Literal["gated", "quantile"] = "gated"
    value_groups: str | None = None

    @model_validator(mode="after")
    def _ascending(self) -> RFMParams:
        for measure, cuts in self.bins.items():
            if len(cuts) != 4:
                raise ValueError(f"bins.{measure}: five scores need 4 cuts, not {len(cuts)}")
            if any(low >= high for low, high in zip(cuts, cuts[1:])):
                raise ValueError(f"bins.{measure}: the cuts do not rise: {cuts}")
        return self


class ClusterParams(_Section):
    """How customers are clustered (definitions, section 5)."""

    features: Annotated[list[str], Field(min_length=1)] = ["recency_days", "orders", "revenue"]
    log: list[str] | None = None
    clip: Annotated[list[float], Field(min_length=2, max_length=2)] | None = [0.01, 0.99]
    scaling: Literal["standard", "robust", "none"] = "standard"
    k: Annotated[int, Field(ge=2, le=12)] | None = None
    k_range: Annotated[list[int], Field(min_length=2, max_length=2)] = [2, 10]
    n_init: Annotated[int, Field(ge=1)] = 10
    seed: Annotated[int, Field(ge=0)] = 42
    sample: Annotated[int, Field(ge=1000)] = 50_000
    min_stability: Share = 0.8

    @model_validator(mode="after")
    def _in_order(self) -> ClusterParams:
        if self.clip is not None and not 0 <= self.clip[0] < self.clip[1] <= 1:
            raise ValueError(f"clip: {self.clip} is no pair of rising quantiles in 0..1")
        if not 2 <= self.k_range[0] <= self.k_range[1] <= 12:
            raise ValueError(f"k_range: {self.k_range} is no rising pair in 2..12")
        return self


Segmentation = Literal["families", "sub_segments", "value_groups", "clusters"]


class ReportParams(_Section):
    """What the report and its recommendations show."""

    recommendations: Segmentation = "value_groups"
    playbook: str | None = None
    min_cell: Annotated[int, Field(ge=1)] = 5


class EngineParams(_Section):
    """How much of the machine the engine may use."""

    memory_limit: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] = "4GB"
    threads: Annotated[int, Field(ge=1)] | None = None


class Params(_Section):
    """Everything that a run of one client depends on, besides its data."""

    client: Slug
    currency: Annotated[str, AfterValidator(_known_currency)]
    orders: Orders
    name: str | None = None
    language: Annotated[str, AfterValidator(_known_language)] = "es"
    locale: Annotated[str, AfterValidator(_known_locale)] | None = None
    timezone: Annotated[str, AfterValidator(_known_timezone)] = "UTC"
    as_of: IsoDate | None = None
    period_months: Annotated[int, Field(ge=1)] = 12
    returns: Returns | None = None
    customers: Customers | None = None
    events: Events | None = None
    cleaning: Cleaning = Cleaning()
    rfm: RFMParams = RFMParams()
    clusters: ClusterParams = ClusterParams()
    report: ReportParams = ReportParams()
    engine: EngineParams = EngineParams()

    @property
    def title(self) -> str:
        """The client's name as shown in reports."""
        return self.name or self.client

    @property
    def display_locale(self) -> str:
        """The locale that numbers and dates follow; by default that of the language."""
        return self.locale or {"es": "es_ES", "en": "en_US"}.get(self.language, self.language)

    def plain(self) -> dict[str, Any]:
        """Return the parameters that were given, as plain JSON values."""
        return self.model_dump(mode="json", exclude_unset=True)


def load_params(path: str | Path) -> Params:
    """Read and check a client's file.

    Parameters
    ----------
    path : str or Path
        A YAML file such as `params/cdnow.yaml`.

    Raises
    ------
    ParamsError
        One problem a line: file, key, value, nearest valid name, fix.
    """
    try:
        content = load_yaml(path)
    except SegkitError as error:
        raise ParamsError([error]) from None
    return check_params(content, where=str(path))


def check_params(content: Mapping[str, Any], *, where: str = "parameters") -> Params:
    """Return checked parameters from plain values; every problem is named.

    Examples
    --------
    >>> check_params({"client": "acme", "curency": "EUR", "currency": "EUR",
    ...     "orders": {"path": "o.csv", "columns": {"customer": "c", "date": "d", "amount": "a"}}})
    Traceback (most recent call last):
    segkit.errors.ParamsError: parameters: curency: unknown key: 'EUR'. Fix: write 'currency'
    """
    try:
        return Params.model_validate(dict(content))
    except ValidationError as error:
        raise ParamsError([_problem(item, where) for item in error.errors()]) from None


_FIXES = {
    "missing": "add it",
    "string_type": "put it in quotes (YAML reads NO as false and 010 as 8)",
    "string_pattern_mismatch": "use only the characters of the pattern",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "bool_type": "write true or false",
    "list_type": "write a list: [first, second]",
    "dict_type": "write keys and values below it",
    "model_type": "write keys and values below it",
    "date_type": "write it like 2025-12-31, in quotes or not",
    "date_from_datetime_parsing": "write it like 2025-12-31",
}


def _problem(item: Mapping[str, Any], where: str) -> SegkitError:
    key = ".".join(str(part) for part in item["loc"])
    place = f"{where}: {key}" if key else where
    if item["type"] == "extra_forbidden":
        valid = _valid_keys(item["loc"][:-1])
        close = suggestion(str(item["loc"][-1]), valid)
        near = re.match(r"did you mean ('.*?')", close)
        fix = f"write {near[1]}" if near else f"remove it; {close}"
        return SegkitError("unknown key", where=place, values=[item["input"]], fix=fix)
    if item["type"] == "missing":
        return SegkitError("missing", where=place, fix=_FIXES["missing"])
    message = item["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    values = [] if isinstance(item["input"], Mapping) else [item["input"]]
    fix = _FIXES.get(item["type"], "")
    if item["type"] == "literal_error" and isinstance(item["input"], str):
        valid = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        fix = suggestion(item["input"], valid)
    return SegkitError(message, where=place, values=values, fix=fix)


def _valid_keys(location: tuple) -> list[str]:
    section: type[BaseModel] = Params
    for part in location:
        if not isinstance(part, str) or part not in section.model_fields:
            break
        annotation = section.model_fields[part].annotation
        options = getattr(annotation, "__args__", (annotation,))
        section = next(kind for kind in options if isinstance(kind, type))
    return list(section.model_fields)


def find_root(start: str | Path | None = None) -> Path:
    """Return the project folder that relative paths start from.

    It is `SEGKIT_ROOT` where that is set, else the nearest folder at or above `start`
    (default: the working directory) that holds `notebooks/` and `params/`, else `start`.
    """
    if os.environ.get("SEGKIT_ROOT"):
        return Path(os.environ["SEGKIT_ROOT"]).resolve()
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "params").is_dir():
            return folder
    return here


def from_environment(text: str, *, where: str) -> str:
    """Replace every `${NAME}` in `text` by the environment's value.

    Raises
    ------
    SegkitError
        A name is not set.
    """

    def value(match: re.Match) -> str:
        name = match[1]
        if name not in os.environ:
            raise SegkitError(
                f"environment variable {name} is not set", where=where, fix=f"set {name} and run again"
            )
        return os.environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)
