"""Rules of findings: when one is told, what is in play, and a client's own over the kit's."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segkit.analysis.segment_facts import FACTS
from segkit.errors import RuleError, suggestion
from segkit.params import load_yaml

FILE = "insights.yaml"
Of = Literal["segments", "customers", "base", "channels", "dimensions"]
Stake = Literal["revenue", "aov_gap", "one_more_order", "difference", "change", "discounted"]
Outcome = Literal["second_order", "year_value", "champions", "returned"]

KPIS = (
    "customers",
    "customers_share",
    "buyers",
    "buyers_share",
    "orders",
    "gross",
    "returned",
    "revenue",
    "revenue_share",
    "aov",
    "aov_mean",
    "upt",
    "ltv",
    "clv",
    "repeat_rate",
    "one_order_share",
    "return_rate",
    "recency_days",
    "orders_per_customer",
    "orders_all_time",
    "gross_all_time",
    "returned_all_time",
    "revenue_all_time",
    "revenue_all_time_share",
    "revenue_share_low",
    "revenue_share_high",
)
"""The figures of `segment_kpis`."""
CONCENTRATION = ("top10", "top20", "few")
GAPS = ("usual_days", "churn_days")
CHANNEL = (
    "channel_share",
    "channel_share_low",
    "channel_share_high",
    "others_share",
    "others_share_low",
    "others_share_high",
)
DIMENSION = (
    *("rated", "rate", "rate_low", "rate_high"),
    *("others_rated", "others_rate", "others_low", "others_high"),
    *("apart", "apart_low", "apart_high", "q_value"),
)
"""Figures of a value of a dimension; see `segkit.analysis.differences`."""
DRIVERS = ("change_customers", "change_frequency", "change_aov")
"""What the three factors of revenue changed of it, in money."""
CHANGE = ("change", "change_size", "revenue_before", *DRIVERS, "driver_low", "driver_high")
"""How revenue changed against the period before."""
CUSTOMER = (
    *("orders", "units", "lines", "gross", "returned", "revenue", "aov", "profit", "clv"),
    *("recency_days", "tenure_days", "known_days", "x", "t_x", "T", "monetary_mean"),
    *("first_amount", "first_units", "first_gap_days", "last_gap_days", "median_gap_days"),
    *("returns", "return_rate", "discount_share", "carts_open", "carts_abandoned"),
)
CHECKED = tuple(name for name in FACTS if name not in KPIS)
"""Figures of segments that conditions may name besides, as those of the playbook."""
BRAND = (*KPIS, *CONCENTRATION, *GAPS, *CHANGE, "discounted_share")
NUMBERS = {
    "segments": (*KPIS, *CHECKED),
    "customers": CUSTOMER,
    "base": BRAND,
    "channels": (*KPIS, *CHANNEL),
    "dimensions": (*KPIS, *DIMENSION),
}
"""Columns with numbers that the conditions of a rule may name, by what the rule is of."""
WORDS = {
    "customers": ("segment", "channel", "top_category"),
    "channels": ("segment", "channel"),
    "dimensions": ("dimension", "value"),
}
BRAND_SHOWN = tuple(
    name for name in (*KPIS, *GAPS) if not name.startswith(("customers_share", "revenue_share"))
)
FIGURES = (
    *KPIS,
    "order_value",
    *CHANNEL,
    *DIMENSION,
    *CONCENTRATION,
    *CHANGE,
    "discounted_share",
    *(f"brand_{name}" for name in BRAND_SHOWN),
    "at_stake",
    "at_stake_low",
    "at_stake_high",
    "attainable",
    "expected_value",
)
"""The figures of a finding; its sentences may name them."""
NAMES = ("rule", "segmentation", "segment", "channel", "dimension", "value")
TEXTS = ("title", "sentence", "action")
"""What a rule says."""
DEFINING = {
    "families": ("orders",),
    "sub_segments": ("orders", "recency"),
    "value_groups": ("orders", "recency"),
    "clusters": ("orders", "recency", "spend"),
    "clv_segments": ("orders", "recency", "spend"),
    "lifecycle": ("orders", "recency", "spend"),
    "micro_segments": ("orders", "recency", "spend", "units"),
}
"""What tells the segments of each segmentation apart: of it they differ by definition."""
MATTERS = {
    "orders": ("orders", "orders_all_time", "orders_per_customer", "orders_ratio", "repeat_rate"),
    "recency": ("recency_days", "recency_ratio", "median_recency_days", "first_order_days"),
    "spend": ("revenue", "revenue_share", "revenue_all_time", "revenue_all_time_share", "ltv"),
    "units": ("upt", "upt_ratio"),
}
"""Figures that are about the same matter."""

_SIGNS = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_NUMBER = r"-?\d+(?:\.\d+)?"
_CONDITION = re.compile(
    rf"\s*(?P<column>[a-zA-Z]\w*)\s*(?P<sign>[<>=!]=|[<>])\s*(?:(?P<factor>{_NUMBER})\s*\*\s*)?"
    rf"(?:(?P<number>{_NUMBER})|(?P<name>(?:brand\.)?[a-zA-Z]\w*)|(?P<quote>['\"])(?P<word>[^'\"]*)"
    r"(?P=quote))\s*",
    re.ASCII,
)
_FORM = "write it like 'revenue_share >= 2 * customers_share', 'ltv > brand.ltv' or 'orders >= 4'"


@dataclass(frozen=True)
class Condition:
    """One comparison of a rule: a column with a number, a column, a brand's figure or a word.

    Parameters
    ----------
    column : str
        What is compared.
    sign : str
        ``>=``, ``<=``, ``>``, ``<``, ``==`` or ``!=``.
    other : float or str
        With what: a number, the name of a column (of the brand: ``brand.aov``), or a word.
    factor : float
        What a number or a figure is multiplied by.
    is_word : bool
        Whether `other` is a word.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> condition = Condition.parse("ltv > brand.ltv")
    >>> condition.holds(pd.DataFrame({"ltv": [50.0, 10.0]}), pd.Series({"ltv": 20.0})).tolist()
    [True, False]
    """

    column: str
    sign: str
    other: float | str
    factor: float = 1.0
    is_word: bool = False

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Return the condition that a text describes.

        Raises
        ------
        ValueError
            The text is no condition.

        Examples
        --------
        >>> Condition.parse("upt >= 1.25 * brand.upt").factor
        1.25
        """
        found = _CONDITION.fullmatch(text)
        if found is None or (found["word"] is not None and found["factor"]):
            raise ValueError("is no condition")
        factor = float(found["factor"] or 1)
        if found["word"] is not None:
            return cls(found["column"], found["sign"], found["word"], is_word=True)
        other = found["name"] or float(found["number"])
        return cls(found["column"], found["sign"], other, factor)

    @property
    def columns(self) -> list[str]:
        """Names on both sides, a brand's figure with its ``brand.``."""
        has_name = isinstance(self.other, str) and not self.is_word
        return [self.column, str(self.other)] if has_name else [self.column]

    def holds(self, table: pd.DataFrame, brand: pd.Series) -> pd.Series:
        """Return row by row whether the condition holds; never where a figure is missing."""
        if self.column not in table:
            return pd.Series(False, index=table.index)
        left, compare = table[self.column], _SIGNS[self.sign]
        if self.is_word:
            return left.notna() & compare(left.astype("object"), self.other).astype(bool)
        left, right = left.astype("float64"), self.factor * self._right(table, brand)
        return compare(left, right) & left.notna() & right.notna()

    def _right(self, table: pd.DataFrame, brand: pd.Series) -> pd.Series:
        if isinstance(self.other, float):
            return pd.Series(self.other, index=table.index)
        start, _, figure = self.other.partition(".")
        if start == "brand" and figure:
            return pd.Series(brand.get(figure, np.nan), index=table.index, dtype="float64")
        return table.get(self.other, pd.Series(np.nan, index=table.index)).astype("float64")


class Rule(BaseModel):
    """When a finding is told, and what is in play; see the head of `insights.yaml`.

    Source
    ------
    Definitions, section 10.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    of: Of
    when: Annotated[list[str | list[str]], Field(min_length=1)]
    at_stake: Stake
    share: Annotated[float, Field(gt=0, le=1)]
    against: list[str] = []
    segments: Annotated[list[str], Field(min_length=1)] | None = None
    outcome: Outcome | None = None
    off: bool = False
    title: Annotated[str, Field(min_length=1)] | None = None
    sentence: Annotated[str, Field(min_length=1)] | None = None
    action: Annotated[str, Field(min_length=1)] | None = None

    @property
    def conditions(self) -> list[list[Condition]]:
        """All of which must hold; of an inner list, one is enough."""
        return [
            [Condition.parse(text) for text in (each if isinstance(each, list) else [each])]
            for each in self.when
        ]

    @property
    def is_of_few(self) -> bool:
        """Whether it tells of the few customers who bring 80 % of revenue, not of all."""
        names = (name for any_of in self.conditions for each in any_of for name in each.columns)
        return self.of == "base" and not set(CONCENTRATION).isdisjoint(names)

    def is_by_definition(self, segmentation: str) -> bool:
        """Whether all that it compares is what tells the segments of a segmentation apart.

        Examples
        --------
        >>> load_rules()["valuable"].is_by_definition("value_groups")
        False
        >>> load_rules()["valuable"].is_by_definition("clv_segments")
        True
        """
        if self.of != "segments":
            return False
        defining = {name for of in DEFINING.get(segmentation, ()) for name in MATTERS[of]}
        compared = {
            each.column
            for any_of in self.conditions
            for each in any_of
            if isinstance(each.other, str) and not each.is_word
        }
        return bool(compared) and compared <= defining

    def fits(self, table: pd.DataFrame, brand: pd.Series) -> pd.Series:
        """Return row by row whether the conditions hold, in a segment that is meant."""
        fits = pd.Series(True, index=table.index)
        for any_of in self.conditions:
            fits &= np.logical_or.reduce([each.holds(table, brand) for each in any_of])
        return fits if self.segments is None else fits & table["segment"].isin(self.segments)


# Loading ------------------------------------------------------------------------------


def load_rules(own: str | Path | None = None) -> dict[str, Rule]:
    """Return the shipped rules by key, with a client's file over them.

    Parameters
    ----------
    own : path, optional
        A client's rules; the format is at the head of `insights.yaml`.

    Raises
    ------
    RuleError
        A rule has an unknown key, column or sign, or lacks a part.
    SegkitError
        The file is missing, is not YAML, or repeats a key.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> load_rules()["valuable"].when[:2]
    ['revenue_share >= 2 * customers_share', 'ltv > brand.ltv']
    """
    shipped = load_yaml(Path(__file__).with_name(FILE))
    if own is None:
        return checked_rules({}, FILE, shipped)
    return checked_rules(load_yaml(own), str(own), shipped)


def checked_rules(
    own: Mapping[Any, Any], where: str, shipped: Mapping[str, Any]
) -> dict[str, Rule]:
    """Return the rules that are in force, those of a client over the shipped ones.

    Parameters
    ----------
    own : mapping
        The client's rules: key to what differs, or to a whole new rule.
    where : str
        What errors call them: their file.
    shipped : mapping
        Rules whose texts are the kit's.

    Raises
    ------
    RuleError
        As `load_rules`.
    """
    raw = {key: dict(rule) for key, rule in shipped.items()}
    for key, rule in own.items():
        _check_key(key, where)
        raw[key] = raw.get(key, {}) | _named(rule, f"{where}: {key}")
        _check_complete(raw[key], key, where, shipped)
    rules = {key: _rule(rule, f"{where}: {key}") for key, rule in raw.items()}
    for key, rule in rules.items():
        for other in rule.against:
            if other not in rules:
                fix = suggestion(other, rules)
                raise RuleError(f"no rule {other!r}", where=f"{where}: {key}.against", fix=fix)
    return {key: rule for key, rule in rules.items() if not rule.off}


def _check_key(key: object, where: str) -> None:
    if not isinstance(key, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", key):
        fix = "use small letters, digits and '_'"
        raise RuleError("is no key of a rule", where=where, values=[key], fix=fix)


def _named(rule: object, where: str) -> dict[Any, Any]:
    if not isinstance(rule, Mapping) or not rule:
        raise RuleError("holds no keys", where=where, values=[rule], fix="write keys below it")
    # YAML reads the word off as the truth value false.
    return {"off" if key is False else key: value for key, value in rule.items()}


def _check_complete(
    rule: Mapping[str, Any], key: str, where: str, shipped: Mapping[str, Any]
) -> None:
    needed = [name for name, part in Rule.model_fields.items() if part.is_required()]
    needed += [] if key in shipped else TEXTS
    absent = [name for name in needed if name not in rule]
    unknown = [name for name in rule if name not in Rule.model_fields]
    if absent and not unknown:
        raise RuleError(
            f"a new rule must be complete; this one lacks {', '.join(absent)}",
            where=f"{where}: {key}",
            fix=f"{suggestion(key, shipped)}; or write the rest",
        )


def _rule(raw: Mapping[str, Any], where: str) -> Rule:
    try:
        rule = Rule.model_validate(raw)
    except ValidationError as error:
        raise _fault(error.errors()[0], where) from None
    if rule.of == "base" and rule.segments is not None:
        problem, fix = "the base has no segments", "take 'segments' out, or write 'of: segments'"
        raise RuleError(problem, where=f"{where}.segments", fix=fix)
    if (rule.of == "dimensions") != (rule.outcome is not None):
        fix = f"write 'outcome:' with 'of: dimensions', one of {', '.join(get_args(Outcome))}"
        problem = "an outcome is what values of dimensions differ in"
        raise RuleError(problem, where=f"{where}.outcome", values=[rule.outcome], fix=fix)
    for each in rule.when:
        if not each:
            raise RuleError("no condition", where=f"{where}.when", values=[each], fix=_FORM)
        for text in each if isinstance(each, list) else [each]:
            _check_condition(text, rule.of, f"{where}.when")
    return rule


def _fault(first: Mapping[str, Any], where: str) -> RuleError:
    place = f"{where}.{first['loc'][0]}"
    if first["type"] == "extra_forbidden":
        fix = suggestion(str(first["loc"][0]), Rule.model_fields)
        return RuleError("unknown key", where=place, fix=fix)
    if first["type"] == "literal_error":
        valid = _valid(str(first["loc"][0]))
        fix = suggestion(str(first["input"]), valid)
        return RuleError("unknown value", where=place, values=[first["input"]], fix=fix)
    problem, fix = _MENDING.get(first["loc"][0], ("is no text", "put it in quotes"))
    return RuleError(problem, where=place, values=[first["input"]], fix=fix)


def _valid(key: str) -> tuple[str, ...]:
    kinds: dict[str, Any] = {"of": Of, "at_stake": Stake, "outcome": Outcome | None}
    kind = kinds[key]
    return get_args(Outcome) if key == "outcome" else get_args(kind)


_MENDING = {
    "when": ("is no list of conditions", _FORM),
    "share": ("is no share", "write a number above 0 and up to 1, such as 0.1"),
    "against": ("is no list of rules", "write it like [valuable]"),
    "segments": ("is no list of segments", "write it like [new, promising], or leave it out"),
    "off": ("is neither true nor false", "write off: true to take the rule out"),
}


def _check_condition(text: str, of: str, where: str) -> None:
    try:
        condition = Condition.parse(text)
    except ValueError as error:
        raise RuleError(str(error), where=where, values=[text], fix=_FORM) from None
    words, numbers = WORDS.get(of, ()), NUMBERS[of]
    if condition.is_word and condition.sign not in ("==", "!="):
        fix = "compare words with == or !="
        raise RuleError("words have no order", where=where, values=[text], fix=fix)
    valid = words if condition.is_word else (*numbers, *(f"brand.{name}" for name in BRAND))
    for name in condition.columns:
        if name not in valid:
            raise _wrong_column(name, valid, (*words, *numbers), where=where, values=[text])


def _wrong_column(name: str, valid: Iterable[str], known: Iterable[str], **place: Any) -> RuleError:
    if name in known:
        problem = f"column {name!r} is compared with what it does not hold"
        return RuleError(
            problem, fix="compare words with a quoted word, numbers with numbers", **place
        )
    return RuleError(
        f"unknown column {name!r}", fix=suggestion(name, valid) if valid else _FORM, **place
    )
