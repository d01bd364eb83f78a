"""A client's parameters: one YAML file, typed, checked before anything runs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from segkit.params.cleaning import Cleaning
from segkit.params.orders import Orders
from segkit.params.report import AudienceParams, ProductParams, ReportParams
from segkit.params.section import Section
from segkit.params.segments import (
    CartParams,
    ClusterParams,
    GapParams,
    LifecycleParams,
    MigrationParams,
    RFMParams,
)
from segkit.params.sources import Customers, EngineParams, Events, Returns, Source
from segkit.params.value import AuditParams, CLVParams, EvidenceParams
from segkit.params.values import (
    NO_CURRENCY,
    IsoDate,
    Slug,
    known_currency,
    known_language,
    known_locale,
    known_timezone,
)


class Params(Section):
    """Everything that a run of one client depends on, besides its data."""

    client: Slug
    currency: Annotated[str, AfterValidator(known_currency)]
    orders: Orders
    name: str | None = None
    language: Annotated[str, AfterValidator(known_language)] = "es"
    locale: Annotated[str, AfterValidator(known_locale)] | None = None
    timezone: Annotated[str, AfterValidator(known_timezone)] = "UTC"
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
        if self.orders.has_value != self.has_amounts:
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
    def _profit_has_a_column(self) -> Params:
        if self.clv.worth == "profit" and not self.orders.columns.has_profit:
            raise ValueError(
                "clv.worth: profit needs a column that is not named; "
                "add orders.columns.profit, or cost, or set clv.worth: revenue"
            )
        return self

    @model_validator(mode="after")
    def _phones_have_a_country(self) -> Params:
        if self.registered and self.registered.table.phone and not self.phone_region:
            raise ValueError(
                f"customers.phone_region: the locale {self.display_locale} names no country to "
                "read phones in; write the country, such as 'ES'"
            )
        return self

    @property
    def sources(self) -> dict[str, Source]:
        """The tables that are given, by their key."""
        given: dict[str, Source | None] = {"orders": self.orders, "returns": self.returns}
        given |= {"customers": self.registered, "events": self.events}
        return {name: source for name, source in given.items() if source is not None}

    @property
    def registered(self) -> Customers | None:
        """The table of registered customers; None where there is none."""
        return self.customers if self.customers and self.customers.columns else None

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
        from babel import Locale  # its data are loaded where they are asked for

        # Its tables of all countries are loaded where there are phones.
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
        return self.model_dump(mode="json", exclude_unset=True, by_alias=True)
