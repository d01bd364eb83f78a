"""What a playbook holds, typed: advice for a segment, discount policies, labels of the document."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from segkit.words.conditions import Facts, resolved

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Names = Annotated[list[Text], Field(min_length=1)]
Cell = Annotated[str, StringConstraints(pattern=r"^[1-9]{3}$")]
# Strictest first: of two policies the one further to the left binds.
Policy = Literal["never", "points", "threshold", "first_order", "last_resort", "allowed"]
Channel = Literal["email", "whatsapp", "sms", "push", "call", "mail", "ads", "adviser"]

POLICIES_BY_STRICTNESS: tuple[Policy, ...] = get_args(Policy)


class Strict(BaseModel):
    """What may stand in a part of a playbook: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Entry(Strict):
    """The advice for one segment.

    Source
    ------
    Definitions, sections 10 and 11.
    """

    name: Text
    description: Text
    strategies: Annotated[list[Text], Field(min_length=3, max_length=5)]
    avoid: Annotated[list[Text], Field(min_length=1, max_length=3)]
    channels: Names
    contact_frequency: Text
    discount: Policy
    discount_note: Text
    kpi: Text


class Template(Strict):
    """The advice for one segment as written: wherever `Entry` has a text, there may be a `Choice`.

    Source
    ------
    Definitions, section 10 (advice is checked against the client before it is printed).
    """

    name: Text
    description: Any
    strategies: Any
    avoid: Any
    channels: Any
    contact_frequency: Any
    discount: Any
    discount_note: Any
    kpi: Any

    def entry(self, facts: Facts | None) -> Entry:
        """Return the advice for a segment with such figures; None: as if all conditions held."""
        return Entry(**{name: resolved(value, facts) for name, value in self})


class DiscountPolicy(Strict):
    """The name of a discount policy and what it allows, in the playbook's language."""

    name: Text
    explanation: Text


class Document(Strict):
    """The fixed labels of the recommendations document, in the playbook's language.

    Source
    ------
    Definitions, section 10 (text format of the recommendations file).
    """

    title: Text
    total_segments: Text
    generated_on: Text
    customers: Text
    profile: Text
    recency: Text
    frequency: Text
    monetary: Text
    aov: Text
    day: Text
    days: Text
    orders: Text
    description: Text
    strategies: Text
    avoid: Text
    channels: Text
    contact_frequency: Text
    discount_policy: Text
    kpi: Text
    closing: Text


class PlaybookFile(Strict):
    """One YAML file as written; entries may be partial."""

    language: Text
    conditions: Any
    document: Document
    discounts: dict[Policy, DiscountPolicy]
    channels: dict[Channel, Names]
    segments: dict[Text, Entry]
    segmentations: dict[Text, dict[Text, Entry]]
    apart: dict[Text, dict[Text, Text]]
    cells: dict[Cell, Entry]
