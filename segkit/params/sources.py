"""Where a table comes from, how its text is to be read, and what its columns are called."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from segkit.params.secrets import without_secrets
from segkit.params.section import Section, require_one
from segkit.params.values import (
    Column,
    IsoDate,
    Paths,
    known_date_format,
    known_encoding,
    known_region,
    memory,
    one_mark,
    plain_space,
    tab,
)


class Database(Section):
    """A table or query of a database; `${NAME}` in the address is read from the environment."""

    url: str
    table: str | None = None
    query: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> Database:
        require_one(table=self.table, query=self.query)
        if without_secrets(self.url) != self.url:
            raise ValueError("a password stands in the address; write ${NAME} and set NAME instead")
        return self


class Csv(Section):
    """How a CSV file is written."""

    separator: Annotated[str, BeforeValidator(tab), AfterValidator(one_mark)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    encoding: Annotated[str, AfterValidator(known_encoding)] = "utf-8"

    @model_validator(mode="after")
    def _apart(self) -> Csv:
        if self.separator == self.quote:
            raise ValueError("'separator' and 'quote' are the same mark; change one of them")
        return self


class Source(Section):
    """Where a table comes from and how its text is to be read.

    `skip_rows` are the lines of a CSV file, or the rows of a sheet, above the column names.
    """

    path: Paths | None = None
    database: Database | None = None
    format: Literal["csv", "parquet", "excel"] | None = None
    sheet: str | None = None
    skip_rows: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    csv: Csv = Csv()
    date_format: Annotated[str, AfterValidator(known_date_format)] | None = None
    decimal: Literal[".", ","] = "."
    thousands: Annotated[Literal["", ".", ",", " ", "'", "’"], BeforeValidator(plain_space)] = ""

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        require_one(path=self.path, database=self.database)
        if self.thousands == self.decimal:
            raise ValueError("'decimal' and 'thousands' are the same mark; change one of them")
        if self.database and self.skip_rows:
            raise ValueError("'skip_rows' is for files, not for a database; leave it out")
        return self


class Columns(Section):
    """Names that a table gives its columns, by what they hold."""

    @property
    def named(self) -> dict[str, str]:
        """The columns that are named, by what they hold."""
        return self.model_dump(exclude_none=True)


class ReturnColumns(Columns):
    """Names that the table of returned orders gives its columns."""

    order: Column
    date: Column | None = None


Channel = Literal["email", "whatsapp", "sms", "push", "call", "mail", "ads", "adviser"]
"""Ways to reach a customer."""

CHANNELS: tuple[Channel, ...] = get_args(Channel)


class CustomerColumns(Columns):
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


class EventColumns(Columns):
    """Names that the event log gives its columns."""

    customer: Column
    date: Column
    type: Column
    product: Column | None = None
    category: Column | None = None


class EventTypes(Section):
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


class Returns(Source):
    """Orders that were returned whole."""

    columns: ReturnColumns


class Customers(Source):
    """Who is a customer; registered ones, with or without purchases, and how to reach them.

    `exclude` are ids that are no customers, `*` ends one of any end; with `match: email`, ids
    that differ in case, or in spaces around them, are one. The rest describes a table of
    registered customers: `phone_region` is the country whose phones stand there without a
    country code (default: that of the client's locale); `consent_yes` are the texts that mean
    yes, in any case: all others, and none, mean no.
    """

    exclude: list[str] = []
    match: Literal["exact", "email"] = "exact"
    columns: CustomerColumns | None = None
    phone_region: Annotated[str, AfterValidator(known_region)] | None = None
    consent_yes: list[str] = ["1", "true", "yes", "y", "si", "sí", "s"]

    @model_validator(mode="after")
    def _one_origin(self) -> Customers:
        if self.columns is None and self.path is None and self.database is None:
            return self
        if self.columns is None:
            raise ValueError("columns: missing; name the table's columns, at least 'customer'")
        require_one(path=self.path, database=self.database)
        return self

    @property
    def table(self) -> CustomerColumns:
        """The columns of the table, which must be given."""
        assert self.columns is not None
        return self.columns


class Events(Log):
    """What customers did besides buying."""

    columns: EventColumns
    types: EventTypes = EventTypes()


class EngineParams(Section):
    """How much of the machine the engine may use."""

    memory_limit: Annotated[str, AfterValidator(memory)] = "4GB"
    threads: Annotated[int, Field(ge=1)] | None = None
