"""What the rows of an order log are, what an order is worth, and which orders count."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from segkit.params.section import Section
from segkit.params.sources import Columns, Log, Source
from segkit.params.values import Column, as_list, known_pattern

Words = Annotated[list[str], BeforeValidator(as_list), Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(known_pattern)]


class OrderColumns(Columns):
    """Names that the order log gives its columns.

    `customer_name` tells a till's *Consumidor Final* from a person; it is not shown. `profit` is
    what a line leaves, a loss being negative; `cost`, what the whole line has cost, says the same.
    """

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
    cost: Column | None = None
    status: Column | None = None
    type: Column | None = None
    customer_name: Column | None = None

    @model_validator(mode="after")
    def _says_profit_once(self) -> OrderColumns:
        if self.profit and self.cost:
            raise ValueError("cost: profit is named too, and says it already; leave one out")
        return self

    @property
    def has_profit(self) -> bool:
        """Whether the log says what a line leaves."""
        return bool(self.profit or self.cost)

    @property
    def has_value(self) -> bool:
        """Whether the log says what a line is worth."""
        return self.amount is not None or (self.price is not None and self.quantity is not None)


OrderAmount = Literal["subtotal", "discount", "shipping", "tax", "total", "refunded"]
"""Amounts that a whole order has."""

Beside = Literal["shipping", "tax"]


class OrderAmounts(Section):
    """Columns of what an order is worth, besides its lines' prices.

    An order's products are worth their `subtotal`, if there is one, else their lines; less
    `discount`, which is spread over the lines by their value. `count` names what is added to
    them: by default neither shipping nor tax. `total` is only compared. `refunded` is what
    went back, of products, shipping and tax; `refunded_field` names its part of a packed cell.
    Amounts in `by_line` are each line's own; all others are the order's. `quantity_is`
    `after_refunds` says that what came back is taken from the quantities already.
    """

    subtotal: Column | None = None
    subtotal_is: Literal["before_discount", "after_discount"] = "after_discount"
    discount: Column | None = None
    line_discount: Column | None = None
    shipping: Column | None = None
    tax: Column | None = None
    tax_is: Literal["on_top", "inside"] | None = None
    total: Column | None = None
    refunded: Column | None = None
    refunded_field: str | None = None
    quantity_is: Literal["sold", "after_refunds"] = "sold"
    by_line: list[OrderAmount] = []
    count: list[Beside] = []

    @property
    def named(self) -> dict[str, str]:
        """The columns that are named, by what they hold."""
        names = ("subtotal", "discount", "line_discount", "shipping", "tax", "total", "refunded")
        given = {name: getattr(self, name) for name in names}
        return {name: column for name, column in given.items() if column is not None}

    @property
    def has_value(self) -> bool:
        """Whether they say what an order is worth, without its lines."""
        return self.subtotal is not None or self.total is not None


class Status(Section):
    """What the values of a column say of an order; `*` ends a value of any end, or is any.

    `sold` counts, `returned` was given back whole, `unpaid` and `cancelled` do not count. With
    `sold`, other values are not known, and do not count.
    """

    column: Column
    sold: Words | None = None
    returned: Words | None = None
    unpaid: Words | None = None
    cancelled: Words | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Status:
        lists = [getattr(self, name) or [] for name in ("sold", "returned", "unpaid", "cancelled")]
        words = [word.casefold().strip() for several in lists for word in several]
        if not words:
            raise ValueError("no value is named; add sold, returned, unpaid or cancelled")
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"{twice[0]!r} stands there twice; leave it in one list")
        return self


class Condition(Section):
    """A condition that lines have to meet: all of what it says of its column.

    Texts are compared without case and outer spaces; `matches` are regular expressions.
    """

    column: Column
    name: str | None = None
    is_: Words | None = Field(default=None, alias="is")
    is_not: Words | None = None
    in_: Words | None = Field(default=None, alias="in")
    not_in: Words | None = None
    matches: Pattern | None = None
    not_matches: Pattern | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not (self.wanted or self.unwanted or self.matches or self.not_matches):
            raise ValueError("no condition is named; add is, is_not, in, not_in or matches")
        return self

    @property
    def title(self) -> str:
        """What the lines that it leaves out are called."""
        return self.name or self.column

    @property
    def wanted(self) -> list[str]:
        """Values of which a line has to have one."""
        return [*(self.is_ or []), *(self.in_ or [])]

    @property
    def unwanted(self) -> list[str]:
        """Values of which a line must have none."""
        return [*(self.is_not or []), *(self.not_in or [])]


class PackedItems(Section):
    """How the articles of an order stand in cells of its row: `sku:A1|quantity:2|total:22.00`.

    `columns` names the cells, `*` any end; `between` parts the articles of one cell, and
    `separator` their fields, each a name, `equals` and a value. `orders.columns` then names
    the fields as `item.quantity`.
    """

    columns: Words
    between: str | None = None
    separator: Annotated[str, Field(min_length=1)] = "|"
    equals: Annotated[str, Field(min_length=1)] = ":"


class Join(Source):
    """Another file of the order log, found by a key.

    `key` names it, or the log's own and the other file's, as `[order_id, id]`. With
    `lines`, the other file holds the lines of each order; without, it has one row a key.
    """

    key: Annotated[list[Column], BeforeValidator(as_list), Field(min_length=1, max_length=2)]
    lines: bool = False


class Orders(Log):
    """The order log: what its rows are, which columns it has, and which of its orders count.

    With `types`, only lines of these types are purchases. In the layout `order_then_lines`, an
    order's own fields stand on its first row; `order_begins` names a column that is filled
    there alone, for logs whose lines do not repeat the order's number.
    """

    columns: OrderColumns
    types: Words | None = None
    layout: Literal["lines", "orders", "order_then_lines"] = "lines"
    order_begins: Column | None = None
    same_order_days: Annotated[int, Field(ge=0)] = 7
    dimensions: list[Column] = []
    items: PackedItems | None = None
    amounts: OrderAmounts = OrderAmounts()
    statuses: list[Status] = []
    where: list[Condition] = []
    join: list[Join] = []

    @model_validator(mode="after")
    def _has_type(self) -> Orders:
        if (self.types is None) != (self.columns.type is None):
            raise ValueError(
                "'types' and 'columns.type' need each other; "
                "name the column of a line's type, and the types that are purchases"
            )
        return self

    @model_validator(mode="after")
    def _layout_is_whole(self) -> Orders:
        if self.layout == "order_then_lines" and not (self.columns.order or self.order_begins):
            raise ValueError(
                "layout: nothing says where an order begins; "
                "add columns.order, or order_begins with a column that is filled there alone"
            )
        if self.order_begins and self.layout != "order_then_lines":
            raise ValueError("order_begins: needs the layout order_then_lines; add layout")
        if sum(other.lines for other in self.join) > 1:
            raise ValueError("join: two files of lines; one file alone can hold an order's lines")
        return self

    @property
    def has_value(self) -> bool:
        """Whether the log says what a line, or an order, is worth."""
        return self.columns.has_value or self.amounts.has_value

    @property
    def used(self) -> dict[str, str]:
        """The columns that are named, by their key below `orders`."""
        used = {f"columns.{role}": column for role, column in self.columns.named.items()}
        used |= {f"amounts.{name}": column for name, column in self.amounts.named.items()}
        used |= {f"statuses.{i}.column": each.column for i, each in enumerate(self.statuses)}
        used |= {f"where.{i}.column": each.column for i, each in enumerate(self.where)}
        used |= {f"dimensions.{i}": column for i, column in enumerate(self.dimensions)}
        return used | ({"order_begins": self.order_begins} if self.order_begins else {})
