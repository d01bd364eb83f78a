"""What happens to a line that breaks a rule."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from segkit.params.section import Section
from segkit.params.values import Share


def _switch(value: object) -> object:
    return {True: "reject", False: "keep"}.get(value, value) if isinstance(value, bool) else value


def _return_switch(value: object) -> object:
    return "return" if value is True else _switch(value)


Must = Annotated[Literal["reject", "fail"], BeforeValidator(_switch)]
May = Annotated[Literal["reject", "keep", "fail"], BeforeValidator(_switch)]
Cancelled = Annotated[Literal["return", "reject", "keep", "fail"], BeforeValidator(_switch)]
Return = Annotated[Literal["return", "reject", "keep", "fail"], BeforeValidator(_return_switch)]


class Cleaning(Section):
    """What happens to a line that breaks a rule.

    `reject` sets it aside with its reason, `fail` stops the run, `keep` switches the
    rule off, `return` counts it as a return; `true` is the rule's own default and
    `false` is `keep`. Where reading, rather than these rules, loses over a fifth of the money
    or the lines, a run stops unless `accept_loss` says up to which share it may.
    """

    malformed_line: Must = "reject"
    line_without_order: Must = "reject"
    order_without_lines: Must = "reject"
    cancelled_order: May = "reject"
    unpaid_order: May = "reject"
    unknown_status: May = "reject"
    left_out: Must = "reject"
    no_customer: Must = "reject"
    anonymous: May = "reject"
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
    accept_loss: Share = 0.2
