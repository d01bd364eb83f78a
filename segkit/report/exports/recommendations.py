"""The recommendations document: each segment's profile and what to do with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from math import isfinite
from typing import Any

import pandas as pd

from segkit.analysis.segment_facts import facts_of
from segkit.errors import DataError
from segkit.words.playbook import DiscountPolicy, Document, Entry, Playbook, shipped_document

DASH = "—"


@dataclass(frozen=True)
class Recommendation:
    """What one segment is like and what to do with it.

    Parameters
    ----------
    segmentation, segment : str
        Keys.
    customers : int
        Customers of the segment.
    customers_share : float or None
        Share of the segmentation's customers, 0 to 1.
    recency_days, orders_per_customer, ltv, aov_mean : float or None
        Means over the segment's customers: days, orders, money, money an order; None where
        nobody has bought.
    entry : Entry
        The playbook's advice.
    policy : DiscountPolicy
        Name and explanation of the discount policy.

    Source
    ------
    Definitions, section 10.
    """

    segmentation: str
    segment: str
    customers: int
    customers_share: float | None
    recency_days: float | None
    orders_per_customer: float | None
    ltv: float | None
    aov_mean: float | None
    entry: Entry
    policy: DiscountPolicy


def recommendations(
    profile: pd.DataFrame,
    segmentation: str,
    playbook: Playbook,
    facts: pd.DataFrame | None = None,
) -> list[Recommendation]:
    """Return the recommendation for each segment of a profile table, in its order.

    Parameters
    ----------
    profile : DataFrame
        One row a segment: `segment` (key), `customers`, `customers_share` (0 to 1),
        `recency_days` (days), `orders_per_customer`, `ltv`, `aov_mean` (money). A row ``total``
        is passed over.
    segmentation : str
        Segmentation key, such as ``"clusters"``.
    playbook : Playbook
        Texts and discount rules.
    facts : DataFrame, optional
        What texts are checked against, as `segkit.analysis.segment_facts.segment_facts`
        returns. By default they are said as if all their conditions held.

    Returns
    -------
    list of Recommendation

    Raises
    ------
    DataError
        A column is missing.
    RuleError
        A segment has no entry, or two have the same name.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> profile = pd.DataFrame({"segment": ["lost"], "customers": [73], "customers_share": [0.092],
    ...     "recency_days": [578.0], "orders_per_customer": [3.7], "ltv": [1671.31],
    ...     "aov_mean": [467.16]})
    >>> recommendations(profile, "clusters", Playbook.load("en"))[0].entry.contact_frequency
    'Once only'
    """
    _check_columns(profile)
    rows = profile.loc[profile["segment"] != "total"].to_dict("records")
    playbook.names(segmentation, [row["segment"] for row in rows])
    return [_recommendation(row, segmentation, playbook, facts) for row in rows]


def to_markdown(
    recommendations: Sequence[Recommendation],
    *,
    language: str,
    generated: date,
    money: Callable[[float], str],
    decimal: Callable[[float, int], str],
    integer: Callable[[int], str],
    document: Document | None = None,
) -> str:
    """Return the recommendations as Markdown, in the published text format.

    Parameters
    ----------
    recommendations : sequence of Recommendation
        Segments in the order to print.
    language : str
        Language of the fixed labels.
    generated : date
        Date to print.
    money, decimal, integer : callable
        Write an amount, a number with so many decimals, a whole number.
    document : Document, optional
        Fixed labels, such as a client's own (`playbook.document`); default: the shipped ones.

    Returns
    -------
    str
        Markdown without raw HTML; texts are escaped, numbers are as the callables write them.

    Raises
    ------
    RuleError
        No labels are shipped for the language.

    Source
    ------
    Definitions, section 10 (text format of the published example).

    Examples
    --------
    >>> text = to_markdown([], language="en", generated=date(2026, 1, 19), money=str,
    ...     decimal=lambda value, places: f"{value:.{places}f}", integer=str)
    >>> text.splitlines()[0]
    '# Marketing Recommendations by Segment'
    """
    labels = _escaped_labels(document or shipped_document(language))
    formats = _Formats(money, decimal, integer)
    head = [
        f"# {labels['title']}",
        f"**{labels['total_segments']}**: {integer(len(recommendations))}",
        f"**{labels['generated_on']}**: {generated:%Y-%m-%d}",
        "---",
    ]
    body = [block for one in recommendations for block in _section(one, labels, formats)]
    return "\n\n".join([*head, *body, labels["closing"]]) + "\n"


def to_json(
    recommendations: Sequence[Recommendation],
    *,
    language: str,
    generated: date,
    document: Document | None = None,
) -> dict[str, Any]:
    """Return the recommendations as plain JSON values; what nobody has is None.

    Parameters
    ----------
    recommendations : sequence of Recommendation
        Segments in the order to write.
    language : str
        Language of the texts.
    generated : date
        Date to write.
    document : Document, optional
        Fixed labels, for the closing note; default: the shipped ones.

    Returns
    -------
    dict
        `language`, `generated`, `total_segments`, `segments` (a list), `note`.

    Raises
    ------
    RuleError
        No labels are shipped for the language.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> to_json([], language="en", generated=date(2026, 1, 19))["total_segments"]
    0
    """
    return {
        "language": language,
        "generated": generated.strftime("%Y-%m-%d"),
        "total_segments": len(recommendations),
        "segments": [_plain(one) for one in recommendations],
        "note": (document or shipped_document(language)).closing,
    }


@dataclass(frozen=True)
class _Formats:
    money: Callable[[float], str]
    decimal: Callable[[float, int], str]
    integer: Callable[[int], str]


def _check_columns(profile: pd.DataFrame) -> None:
    needed = ["segment", "customers", "customers_share", *_measures()]
    absent = [column for column in needed if column not in profile.columns]
    if absent:
        raise DataError(
            "columns are missing",
            where="profile",
            values=absent,
            fix="give the KPI table of a segmentation",
        )


def _measures() -> list[str]:
    return ["recency_days", "orders_per_customer", "ltv", "aov_mean"]


def _recommendation(
    row: Mapping[Hashable, Any],
    segmentation: str,
    playbook: Playbook,
    facts: pd.DataFrame | None,
) -> Recommendation:
    known = None if facts is None else facts_of(facts, row["segment"])
    entry = playbook.entry(segmentation, row["segment"], known)
    return Recommendation(
        segmentation=segmentation,
        segment=str(row["segment"]),
        customers=int(row["customers"]),
        customers_share=_known(row["customers_share"]),
        **{measure: _known(row[measure]) for measure in _measures()},
        entry=entry,
        policy=playbook.discounts[entry.discount],
    )


def _known(value: Any) -> float | None:
    return float(value) if pd.notna(value) and isfinite(value) else None


def _section(one: Recommendation, labels: dict[str, str], formats: _Formats) -> list[str]:
    entry = one.entry
    customers = f"{formats.integer(one.customers)} ({_percent(one.customers_share, formats)})"
    discount = f"**{_escaped(one.policy.name)}.** {_escaped(entry.discount_note)}"
    return [
        f"## {_escaped(entry.name)}",
        f"**{labels['customers']}**: {customers}",
        f"### {labels['profile']}\n{_profile(one, labels, formats)}",
        f"### {labels['description']}\n{_escaped(entry.description)}",
        f"### {labels['strategies']}\n{_bullets(entry.strategies)}",
        f"### {labels['avoid']}\n{_bullets(entry.avoid)}",
        f"### {labels['channels']}\n{_bullets(entry.channels)}",
        f"### {labels['contact_frequency']}\n{_escaped(entry.contact_frequency)}",
        f"### {labels['discount_policy']}\n{discount}",
        f"### {labels['kpi']}\n{_escaped(entry.kpi)}",
        "---",
    ]


def _profile(one: Recommendation, labels: dict[str, str], formats: _Formats) -> str:
    frequency = _shown(
        one.orders_per_customer, lambda value: f"{formats.decimal(value, 1)} {labels['orders']}"
    )
    return "\n".join(
        [
            f"- {labels['recency']}: {_days(one.recency_days, labels, formats)}",
            f"- {labels['frequency']}: {frequency}",
            f"- {labels['monetary']}: {_shown(one.ltv, formats.money)}",
            f"- {labels['aov']}: {_shown(one.aov_mean, formats.money)}",
        ]
    )


def _days(value: float | None, labels: dict[str, str], formats: _Formats) -> str:
    if value is None:
        return DASH
    days = round(value)
    return f"{formats.integer(days)} {labels['day'] if days == 1 else labels['days']}"


def _percent(share: float | None, formats: _Formats) -> str:
    return _shown(share, lambda value: f"{formats.decimal(100 * value, 1)}%")


def _shown(value: float | None, written: Callable[[float], str]) -> str:
    return DASH if value is None else written(value)


def _bullets(texts: Sequence[str]) -> str:
    return "\n".join(f"- {_escaped(text)}" for text in texts)


def _escaped_labels(document: Document) -> dict[str, str]:
    return {field: _escaped(text) for field, text in document.model_dump().items()}


def _escaped(text: str) -> str:
    """Return a text that Markdown prints as it stands, on one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    marked = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", escape(line, quote=False))
    # Only at the start of a line do these open a list or underline a heading.
    return re.sub(r"^(\d+(?=[.)])|(?=[-+=]))", r"\1\\", marked)


def _plain(one: Recommendation) -> dict[str, Any]:
    entry = one.entry
    return {
        "segmentation": one.segmentation,
        "segment": one.segment,
        "name": entry.name,
        "customers": one.customers,
        "customers_share": one.customers_share,
        "profile": {measure: getattr(one, measure) for measure in _measures()},
        "description": entry.description,
        "strategies": list(entry.strategies),
        "avoid": list(entry.avoid),
        "channels": list(entry.channels),
        "contact_frequency": entry.contact_frequency,
        "discount": {
            "policy": entry.discount,
            "name": one.policy.name,
            "explanation": one.policy.explanation,
            "note": entry.discount_note,
        },
        "kpi": entry.kpi,
    }
