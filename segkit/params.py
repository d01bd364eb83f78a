"""A client's parameters: one YAML file, typed, checked before anything runs."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from markupsafe import Markup
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from segkit.errors import ParamsError, SegkitError, nearest, suggestion

SOURCE = "en"
"""The language that the report's texts are written in first."""

LOCALE = Path(__file__).parent / "report" / "locale"
"""Where the catalogues of all others are."""


class _YamlLoader(yaml.SafeLoader):
    """YAML as papermill reads it (dates stay text), with duplicate keys refused."""


def _mapping_without_duplicates(loader: _YamlLoader, node: yaml.MappingNode) -> dict:
    seen: set = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node, deep=True)
        place = f"line {key_node.start_mark.line + 1}"
        if isinstance(key, (list, dict)):
            raise SegkitError("a key must be one word", where=place, fix="write 'key: value'")
        if key in seen:
            raise SegkitError(f"key {key!r} appears twice", where=place, fix="keep one of the two")
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
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 ({error.reason} at byte {error.start})"
        raise SegkitError(problem, where=str(path), fix="save it as UTF-8") from None
    except OSError as error:
        raise SegkitError(
            f"cannot be read ({error.strerror})", where=str(path), fix="name a params file"
        ) from None
    except RecursionError:
        raise SegkitError(
            "is nested too deeply", where=str(path), fix="write it as in params/cdnow.yaml"
        ) from None
    except yaml.YAMLError as error:
        raise SegkitError(_yaml_problem(error), where=str(path), fix="mend the YAML") from None
    except SegkitError as error:
        problem, where, _, _, fix = error.args
        raise SegkitError(problem, where=f"{path}: {where}", fix=fix) from None
    if not isinstance(content, dict):
        raise SegkitError(
            "holds no keys",
            where=str(path),
            fix="write 'key: value' lines, as in params/cdnow.yaml",
        )
    return content


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"not valid YAML{line}: {' '.join(str(getattr(error, 'problem', error)).split())}"


def _iso_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("not a date; write it like 2025-12-31") from None


def _plausible_date(value: date) -> date:
    if not 1900 <= value.year <= 2999:
        raise ValueError("not between 1900 and 2999; write it like 2025-12-31")
    return value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", value):
        raise ValueError(
            "not a plain name (it names a folder); use a to z, 0 to 9, '-' and '_', such as 'acme_es'"
        )
    return value


_NO_PLACES = {"localtime", "posixrules", "Factory"}


def _known_timezone(value: str) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo(value)
        known = value not in _NO_PLACES
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = False
    if not known or value.startswith(("posix/", "right/")):
        like = _closest(value, available_timezones() - _NO_PLACES, "Europe/Madrid")
        raise ValueError(f"not a time zone; write it like '{like}'")
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
        like = _closest(value, list_currencies(), "EUR")
        raise ValueError(f"not an ISO 4217 currency; write it like '{like}'")
    return value


def _colour(value: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise ValueError("not a colour; write it like '#00639c', in quotes")
    return value


def languages(folder: Path = LOCALE) -> list[str]:
    """Return the languages that there are texts in, in alphabetical order.

    Examples
    --------
    >>> languages()
    ['en', 'es']
    """
    return sorted([SOURCE, *(file.parts[-3] for file in folder.glob("*/LC_MESSAGES/segkit.po"))])


def _known_language(value: str) -> str:
    if value not in languages():
        raise ValueError(f"no texts in this language; use one of {', '.join(languages())}")
    return value


def _known_region(value: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if value not in SUPPORTED_REGIONS:
        like = _closest(value, SUPPORTED_REGIONS, "ES")
        raise ValueError(f"not an ISO 3166 country with telephones; write it like '{like}'")
    return value


def _known_encoding(value: str) -> str:
    try:
        known = codecs.lookup(value)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        raise ValueError("not an encoding; write utf-8, cp1252 or utf-16")
    return value


def _known_date_format(value: str) -> str:
    """Accept what the engine's strptime knows, and what makes up a whole date."""
    if value in {"epoch_s", "epoch_ms"}:
        return value
    codes = set(re.findall(r"%-?.?", value))
    parts = ("Yyg", "mbBhj", "dj")
    whole = all(codes & {f"%{sign}{code}" for code in part for sign in ("", "-")} for part in parts)
    known = {f"%{code}" for code in "abcdfghjmnpuwxyzABGHIMSTUVWXYZ%"}
    known |= {f"%-{code}" for code in "dmyHIMSj"}
    if codes - known or not (whole or "%x" in codes or "%c" in codes):
        raise ValueError("not a date format; write it like '%d/%m/%Y' or '%Y-%m-%d %H:%M'")
    return value


def _tab(value: object) -> object:
    return "\t" if value in ("\\t", "tab") else value


def _one_mark(value: str) -> str:
    if len(value) != 1 or value in "\r\n":
        raise ValueError("not one character; write ',' or ';' or 'tab'")
    return value


def _memory(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d*(\.\d+)? ?[KMGT]i?B", value):
        raise ValueError("not an amount of memory; write it like '4GB'")
    return value


def flattened(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    """Yield keys with their places, such as `orders.columns.date`, and values.

    Examples
    --------
    >>> dict(flattened({"clv": {"margin": 0.4}, "currency": "EUR"}))
    {'clv.margin': 0.4, 'currency': 'EUR'}
    """
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{start}{name}.")
        else:
            yield f"{start}{name}", value


def _told(value: object) -> object:
    return without_secrets(value) if isinstance(value, str) else value


def _require_one(**options: object) -> None:
    given = [name for name, value in options.items() if value is not None]
    names = " and ".join(f"'{name}'" for name in options)
    if len(given) != 1:
        raise ValueError(f"{'both' if given else 'neither'} of {names} given; give one of them")


def _closest(name: str, valid: Iterable[str], default: str) -> str:
    names = {known.lower(): known for known in valid}
    return names.get(nearest(name, names) or "", default)


IsoDate = Annotated[date, BeforeValidator(_iso_date), AfterValidator(_plausible_date)]
Paths = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
Slug = Annotated[str, AfterValidator(_slug)]
Share = Annotated[float, Field(ge=0, le=1)]
Column = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


NO_CURRENCY = "XXX"
"""ISO 4217: no currency is involved; a log without amounts, whose units are counted."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def __dir__(self) -> list[str]:
        """Keys and what is derived from them; pydantic's own names are not for analysts."""
        names = [name for name in super().__dir__() if not name.startswith("_")]
        mine = [name for name in names if not hasattr(BaseModel, name)]
        return sorted({*mine, *type(self).model_fields})

    def _repr_html_(self) -> str:
        from segkit.display import facts, page, summary

        given, usual = self._by_default()
        frame = "<details><summary>{} more at their defaults</summary>\n{}\n</details>"
        rest = Markup(frame).format(len(usual), facts(usual)) if usual else Markup("")
        return page(self._title(), summary(type(self)), facts(given), rest)

    def _title(self) -> str:
        return type(self).__name__

    def _by_default(self) -> tuple[dict[str, object], dict[str, object]]:
        """Return keys that differ from their defaults, and those that do not."""
        chosen = dict(flattened(self.model_dump(mode="json", exclude_defaults=True)))
        values = {name: _told(value) for name, value in flattened(self.model_dump(mode="json"))}
        given = {name: values[name] for name in values if name in chosen}
        return given, {name: value for name, value in values.items() if name not in given}


class Database(_Section):
    """A table or query of a database; `${NAME}` in the address is read from the environment."""

    url: str
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Database:
        _require_one(table=self.table, query=self.query)
        if without_secrets(self.url) != self.url:
            raise ValueError("a password stands in the address; write ${NAME} and set NAME instead")
        return self


class Csv(_Section):
    """How a CSV file is written."""

    separator: Annotated[str, BeforeValidator(_tab), AfterValidator(_one_mark)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8"

    @model_validator(mode="after")
    def _apart(self) -> Csv:
        if self.separator == self.quote:
            raise ValueError("'separator' and 'quote' are the same mark; change one of them")
        return self


class Source(_Section):
    """Where a table comes from and how its text is to be read."""

    path: Paths | None = None
    database: Database | None = None
    format: Literal["csv", "parquet", "excel"] | None = None
    sheet: str | None = None
    csv: Csv = Csv()
    date_format: Annotated[str, AfterValidator(_known_date_format)] | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        _require_one(path=self.path, database=self.database)
        if self.thousands == self.decimal:
            raise ValueError("'decimal' and 'thousands' are the same mark; change one of them")
        return self


class _Columns(_Section):
    @property
    def named(self) -> dict[str, str]:
        """The columns that are named, by what they hold."""
        return self.model_dump(exclude_none=True)


class OrderColumns(_Columns):
    """Names that the order log gives its columns."""

    customer: Column
    date: Column
    order: Column | None = None
    amount: Column | None = None
    price: Column | None = None
    quantity: Column | None = None
    product: Column | None = None
    product_name: Column | None = None
    category: Column | None = None
    channel: Column | None = None
    discount: Column | None = None
    profit: Column | None = None
    status: Column | None = None
    type: Column | None = None

    @property
    def has_value(self) -> bool:
        """Whether the log says what a line is worth."""
        return self.amount is not None or (self.price is not None and self.quantity is not None)


class ReturnColumns(_Columns):
    """Names that the table of returned orders gives its columns."""

    order: Column
    date: Column | None = None


Channel = Literal["email", "whatsapp", "sms", "push", "call", "mail", "ads", "adviser"]
"""Ways to reach a customer."""

CHANNELS: tuple[Channel, ...] = get_args(Channel)


class CustomerColumns(_Columns):
    """Names that the table of registered customers gives its columns.

    `consent` names, by channel, the column that says whether a customer agreed to it.
    """

    customer: Column
    registered: Column | None = None
    email: Column | None = None
    phone: Column | None = None
    consent: dict[Channel, Column] = {}

    @property
    def named(self) -> dict[str, str]:
        """The columns that are named, those of consent by their place, such as `consent.email`."""
        agreed = {f"consent.{channel}": column for channel, column in self.consent.items()}
        return {
            name: column for name, column in super().named.items() if name != "consent"
        } | agreed


class EventColumns(_Columns):
    """Names that the event log gives its columns."""

    customer: Column
    date: Column
    type: Column
    product: Column | None = None
    category: Column | None = None


class EventTypes(_Section):
    """What the event log calls each kind of event."""

    view: str = "view"
    cart: str = "cart"
    purchase: str = "purchase"
    wishlist: str | None = None

    @model_validator(mode="after")
    def _apart(self) -> EventTypes:
        names = [name for name in self.model_dump().values() if name is not None]
        if len(set(names)) < len(names):
            raise ValueError("two kinds of event have the same name; give each its own")
        return self


class Log(Source):
    """A table of what happened, when: what is dated outside of it is a stray."""

    since: IsoDate | None = None
    until: IsoDate | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Log:
        if self.since and self.until and self.since >= self.until:
            raise ValueError(
                f"until: {self.until} is not after {self.since}; "
                "give the first day that the log covers, and the first that it does not"
            )
        return self


class Orders(Log):
    """The order log: one row an order line; with `types`, only lines of these types."""

    columns: OrderColumns
    types: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _has_type(self) -> Orders:
        if (self.types is None) != (self.columns.type is None):
            raise ValueError(
                "'types' and 'columns.type' need each other; "
                "name the column of a line's type, and the types that are purchases"
            )
        return self


class Returns(Source):
    """Orders that were returned whole."""

    columns: ReturnColumns


class Customers(Source):
    """Registered customers, with or without purchases, and how they may be reached.

    `phone_region` is the country whose phones stand there without a country code (default:
    that of the client's locale); `consent_yes` are the texts that mean yes, in any case:
    all others, and none, mean no.
    """

    columns: CustomerColumns
    phone_region: Annotated[str, AfterValidator(_known_region)] | None = None
    consent_yes: list[str] = ["1", "true", "yes", "y", "si", "sí", "s"]


class Events(Log):
    """What customers did besides buying."""

    columns: EventColumns
    types: EventTypes = EventTypes()


def _switch(value: object) -> object:
    return {True: "reject", False: "keep"}.get(value, value) if isinstance(value, bool) else value


def _return_switch(value: object) -> object:
    return "return" if value is True else _switch(value)


Must = Annotated[Literal["reject", "fail"], BeforeValidator(_switch)]
May = Annotated[Literal["reject", "keep", "fail"], BeforeValidator(_switch)]
Cancelled = Annotated[Literal["return", "reject", "keep", "fail"], BeforeValidator(_switch)]
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
    stray_date: May = "reject"
    unparsable_number: Must = "reject"
    future_date: May = "reject"
    non_positive_price: May = "reject"
    exact_duplicate: May = "reject"
    non_product: May = "reject"
    cancelled: Cancelled = "reject"
    negative_quantity: Return = "return"
    non_product_codes: list[str] = []
    cancelled_order_prefix: str | None = None
    cancelled_statuses: list[str] = []


class RFMParams(_Section):
    """How recency, frequency and value are scored (definitions, section 4)."""

    bins: dict[Literal["recency", "frequency", "monetary"], list[Number]] = {}
    monetary: Literal["total", "mean"] = "total"
    frequency_bins: Literal["gated", "quantile"] = "gated"
    value_groups: str | None = None

    @model_validator(mode="after")
    def _ascending(self) -> RFMParams:
        for measure, cuts in self.bins.items():
            if len(cuts) != 4:
                raise ValueError(
                    f"bins.{measure}: {len(cuts)} cuts {cuts}; write 4, for five scores"
                )
            if any(low >= high for low, high in pairwise(cuts)):
                raise ValueError(
                    f"bins.{measure}: the cuts {cuts} do not rise; write the lowest first"
                )
        return self


class ClusterParams(_Section):
    """How customers are clustered (definitions, section 5)."""

    features: Annotated[list[str], Field(min_length=1)] = ["recency_days", "orders", "revenue"]
    log: list[str] | None = None
    clip: Annotated[list[Number], Field(min_length=2, max_length=2)] | None = [0.01, 0.99]
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
            raise ValueError(
                f"clip: {self.clip} are no rising quantiles; write it like [0.01, 0.99]"
            )
        if not 2 <= self.k_range[0] <= self.k_range[1] <= 12:
            raise ValueError(f"k_range: {self.k_range} does not rise within 2 to 12; write [2, 10]")
        return self


class GapParams(_Section):
    """When a customer is late, and when lost (definitions, section 7); measured unless given."""

    usual_days: Annotated[int, Field(ge=1)] | None = None
    churn_days: Annotated[int, Field(ge=1)] | None = None
    return_share: Annotated[float, Field(gt=0, lt=1)] = 0.1

    @model_validator(mode="after")
    def _in_order(self) -> GapParams:
        if self.usual_days and self.churn_days and self.usual_days >= self.churn_days:
            raise ValueError(
                f"usual_days: {self.usual_days} is not below churn_days {self.churn_days}; "
                "a customer is late before it is lost"
            )
        return self


class LifecycleParams(_Section):
    """What tells the stages and views of the lifecycle apart (definitions, section 7)."""

    new_days: Annotated[int, Field(ge=1)] | None = None
    second_days: Annotated[int, Field(ge=1)] | None = None
    welcome_days: Annotated[int, Field(ge=1)] = 14
    high_potential_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    frequent_returns_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    high_value_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    discount_driven_share: Annotated[float, Field(gt=0, le=1)] = 0.5


class CartParams(_Section):
    """When a cart counts as abandoned, and for how long it is worth a word."""

    window_hours: Annotated[float, Field(gt=0)] = 24.0
    open_days: Annotated[int, Field(ge=1)] = 30


class ProductParams(_Section):
    """Which products are offered (definitions, section 10).

    `min_support` customers have bought whatever is offered; a purchase counts half after
    `half_life_days`; what `rebuy_share` of its customers bought again may be offered again; what
    nobody has bought for `discontinued_days` is not offered. `level`: products, or categories in
    their place (`auto`: where no product has been bought by enough customers).
    """

    level: Literal["auto", "product", "category"] = "auto"
    min_support: Annotated[int, Field(ge=1)] = 5
    half_life_days: Annotated[float, Field(gt=0)] = 365.0
    max_products: Annotated[int, Field(ge=10, le=10_000)] = 3000
    rebuy_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    discontinued_days: Annotated[int, Field(ge=1)] = 180
    sample: Annotated[int, Field(ge=1000)] = 200_000


class AuditParams(_Section):
    """By which calendar units the base is audited, and whether the log begins with the business.

    `unit`: of cohorts and of calendar figures (`auto`: the shortest that parts the history
    into at most twenty). `whole_log`: nobody had bought before the log's first day, so that
    who is first seen there is new.
    """

    unit: Literal["auto", "day", "week", "month", "quarter", "year"] = "auto"
    whole_log: bool = False


class MigrationParams(_Section):
    """Between which dates customers are followed (definitions, section 8).

    `months` between two dates (default: `clv.previous_months`), and how many `dates`.
    """

    months: Annotated[int, Field(ge=1, le=60)] | None = None
    dates: Annotated[int, Field(ge=2, le=36)] = 5


class CLVSegmentParams(_Section):
    """Thresholds of the seven segments (definitions, section 6)."""

    champions_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    loyal_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    low_share: Annotated[float, Field(gt=0, lt=1)] = 1 / 3
    falling: Annotated[float, Field(gt=0, le=1)] = 0.25
    rising: Annotated[float, Field(gt=0)] = 0.25
    recent_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _leaves_room(self) -> CLVSegmentParams:
        if self.champions_share + self.loyal_share >= 1:
            raise ValueError(
                f"loyal_share: {self.champions_share} and {self.loyal_share} leave nobody below; "
                "give shares that add up to less than 1"
            )
        return self


class CLVParams(_Section):
    """How the value of customers is predicted (definitions, section 6)."""

    model: Literal["auto", "bg_nbd", "mbg_nbd", "pareto_nbd"] = "auto"
    spend: Literal["all", "repeats"] = "all"
    time_unit: Literal["days", "weeks", "months"] = "weeks"
    horizon_months: Annotated[int, Field(ge=1, le=60)] = 12
    previous_months: Annotated[int, Field(ge=1, le=60)] = 3
    discount_rate: Annotated[float, Field(ge=0, le=10)] = 0.1
    margin: Annotated[float, Field(gt=0, le=1)] = 1.0
    resamples: Annotated[int, Field(ge=0, le=1000)] = 100
    seed: Annotated[int, Field(ge=0)] = 42
    segments: CLVSegmentParams = CLVSegmentParams()


class EvidenceParams(_Section):
    """How predictions are compared with what happened (definitions, section 9)."""

    horizon_months: Annotated[int, Field(ge=1, le=60)] | None = None
    min_customers: Annotated[int, Field(ge=10)] = 100
    min_repeat_buyers: Annotated[int, Field(ge=2)] = 30
    resamples: Annotated[int, Field(ge=10, le=2000)] = 200
    seed: Annotated[int, Field(ge=0)] = 42


Segmentation = Literal[
    "families",
    "sub_segments",
    "value_groups",
    "clusters",
    "clv_segments",
    "lifecycle",
    "micro_segments",
]


SEGMENTATIONS: tuple[str, ...] = get_args(Segmentation)


class ThemeParams(_Section):
    """How the report looks.

    `accent` is the colour of links and small titles, `#rrggbb`; `logo` a PNG, JPEG or SVG file,
    its path from the project's folder; `footer` a line at the report's end.
    """

    accent: Annotated[str, AfterValidator(_colour)] | None = None
    logo: str | None = None
    footer: Annotated[str, Field(max_length=500)] = ""


class ReportParams(_Section):
    """What the report and its recommendations show."""

    recommendations: Segmentation = "value_groups"
    playbook: str | None = None
    insights: str | None = None
    min_cell: Annotated[int, Field(ge=1)] = 5
    pdf: bool = True
    theme: ThemeParams = ThemeParams()


class AudienceParams(_Section):
    """Who is written to, and who is kept aside to tell what it changed.

    `contact` is what a list holds of a customer's address; `control_share` of a list is not
    contacted, drawn by `campaign` (default: the client) and `seed`; `power` and `level` are
    those of the test that compares the two groups.
    """

    contact: Literal["none", "plain", "hashed"] = "plain"
    control_share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    campaign: Annotated[str, Field(min_length=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 42
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8
    level: Annotated[float, Field(gt=0, lt=1)] = 0.05
    segmentations: list[Segmentation] = []

    @model_validator(mode="after")
    def _each_once(self) -> AudienceParams:
        if len(set(self.segmentations)) < len(self.segmentations):
            raise ValueError(f"segmentations: {self.segmentations} repeat one; write each once")
        return self


class EngineParams(_Section):
    """How much of the machine the engine may use."""

    memory_limit: Annotated[str, AfterValidator(_memory)] = "4GB"
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
    period_months: Annotated[int, Field(ge=1, le=1200)] = 12
    returns: Returns | None = None
    customers: Customers | None = None
    events: Events | None = None
    cleaning: Cleaning = Cleaning()
    rfm: RFMParams = RFMParams()
    clusters: ClusterParams = ClusterParams()
    gaps: GapParams = GapParams()
    lifecycle: LifecycleParams = LifecycleParams()
    carts: CartParams = CartParams()
    migration: MigrationParams = MigrationParams()
    audit: AuditParams = AuditParams()
    products: ProductParams = ProductParams()
    clv: CLVParams = CLVParams()
    evidence: EvidenceParams = EvidenceParams()
    report: ReportParams = ReportParams()
    audiences: AudienceParams = AudienceParams()
    engine: EngineParams = EngineParams()

    @model_validator(mode="after")
    def _has_value(self) -> Params:
        if self.orders.columns.has_value != self.has_amounts:
            raise ValueError(
                "orders.columns: the value of a line is missing; "
                "add 'amount', or 'price' and 'quantity'"
                if self.has_amounts
                else f"currency: with {NO_CURRENCY} a log has no amounts, but this one names some; "
                "write the currency, such as 'EUR'"
            )
        return self

    @model_validator(mode="after")
    def _rules_have_columns(self) -> Params:
        needed = {
            "non_product_codes": "product",
            "cancelled_order_prefix": "order",
            "cancelled_statuses": "status",
        }
        for rule, column in needed.items():
            if getattr(self.cleaning, rule) and not getattr(self.orders.columns, column):
                raise ValueError(
                    f"cleaning.{rule}: needs a column that is not named; "
                    f"add orders.columns.{column}, or take the rule out"
                )
        return self

    @model_validator(mode="after")
    def _phones_have_a_country(self) -> Params:
        if self.customers and self.customers.columns.phone and not self.phone_region:
            raise ValueError(
                f"customers.phone_region: the locale {self.display_locale} names no country to "
                "read phones in; write the country, such as 'ES'"
            )
        return self

    @property
    def has_amounts(self) -> bool:
        """Whether values are money; else each unit counts one (currency `XXX`)."""
        return self.currency != NO_CURRENCY

    @property
    def title(self) -> str:
        """The client's name as shown in reports."""
        return self.name or self.client

    @property
    def display_locale(self) -> str:
        """The locale that numbers and dates follow; by default that of the language."""
        return self.locale or {"es": "es_ES", "en": "en_US"}.get(self.language, self.language)

    @property
    def phone_region(self) -> str | None:
        """The country whose phones are written without a country code; None where unknown."""
        from babel import Locale
        from phonenumbers import SUPPORTED_REGIONS

        if self.customers and self.customers.phone_region:
            return self.customers.phone_region
        country = Locale.parse(self.display_locale).territory
        return country if country in SUPPORTED_REGIONS else None

    @property
    def campaign(self) -> str:
        """The name of the campaign that audiences are drawn for; by default the client's."""
        return self.audiences.campaign or self.client

    def __repr__(self) -> str:
        return f"Params({self.client!r}, currency={self.currency!r}, language={self.language!r})"

    def _title(self) -> str:
        return f"Parameters of {self.title}"

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
    "string_too_short": "write at least {min_length} character",
    "string_too_long": "write at most {max_length} character",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "finite_number": "write a number",
    "bool_type": "write true or false",
    "list_type": "write a list: [first, second]",
    "dict_type": "write keys and values below it",
    "model_type": "write keys and values below it, or take it out",
    "invalid_key": "put the key in quotes (YAML reads no as false)",
    "too_short": "write at least {min_length}",
    "too_long": "write at most {max_length}",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "less_than": "write less than {lt}",
    "less_than_equal": "write {le} or less",
    "date_type": "write it like 2025-12-31, in quotes or not",
    "date_from_datetime_parsing": "write it like 2025-12-31",
}


_PROBLEMS = {"model_type": "holds no keys", "dict_type": "holds no keys"}


def _problem(item: Mapping[str, Any], where: str) -> SegkitError:
    location = [str(part) for part in item["loc"] if part != "[key]"]
    message = item["msg"].removeprefix("Value error, ")
    if found := re.match(r"([a-z_.]+): ", message):
        location, message = [*location, found[1]], message[found.end() :]
    place = f"{where}: {'.'.join(location)}" if location else where
    if item["type"] == "missing":
        return SegkitError("missing", where=place, fix=_FIXES["missing"])
    values = _shown_values(item["input"], location[-1] if location else "")
    if item["type"] == "extra_forbidden":
        fix = _unknown_key_fix(item["loc"])
        return SegkitError("unknown key", where=place, values=values, fix=fix)
    if item["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", item["ctx"]["expected"])
        fix = suggestion(str(item["input"]), valid)
        return SegkitError("unknown value", where=place, values=values, fix=fix)
    problem, _, fix = _PROBLEMS.get(item["type"], message).partition("; ")
    fix = fix or _FIXES.get(item["type"], "").format(**item.get("ctx", {}))
    return SegkitError(problem[0].lower() + problem[1:], where=place, values=values, fix=fix)


def _unknown_key_fix(location: tuple) -> str:
    close = suggestion(str(location[-1]), _valid_keys(location[:-1]))
    near = re.match(r"did you mean ('.*?')", close)
    return f"write {near[1]}" if near else f"remove it; {close}"


def _shown_values(value: object, key: str) -> list[object]:
    if isinstance(value, Mapping) or re.search("pass|pwd|secret|token", key, re.IGNORECASE):
        return []
    return [without_secrets(value) if isinstance(value, str) else value]


_SECRETS = (
    # user:password@, unless the password is a ${NAME}
    re.compile(r"((?<!duckdb)(?<!sqlite)://[^/?@:\s]*:)(?!\$\{\w+\}@)[^?\s]+(?=@)"),
    re.compile(
        r"((?:password|passwd|pwd|secret|token)=)(?!\$\{\w+\}(?:&|$))[^&\s]+", re.IGNORECASE
    ),
)


def without_secrets(text: str) -> str:
    """Return a text with the passwords of the addresses in it blotted out.

    Examples
    --------
    >>> without_secrets("no route to postgresql://ana:s3cr3t@db.example/shop")
    'no route to postgresql://ana:…@db.example/shop'
    >>> without_secrets("postgresql://ana:${SHOP_PASSWORD}@db.example/shop")
    'postgresql://ana:${SHOP_PASSWORD}@db.example/shop'
    """
    for secret in _SECRETS:
        text = secret.sub(r"\1…", text)
    return text


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
                f"environment variable {name} is not set",
                where=where,
                fix=f"set {name} and run again",
            )
        return os.environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)
