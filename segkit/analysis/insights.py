"""What the figures of a base say that is worth acting on (definitions, section 10)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segkit.analysis.concentration import pareto
from segkit.analysis.kpis import TOTAL, segment_kpis
from segkit.analysis.lifecycle import two_rates
from segkit.errors import RuleError, suggestion
from segkit.params import load_yaml

FILE = "insights.yaml"
Of = Literal["segments", "customers", "base", "channels"]
Stake = Literal["revenue", "aov_gap", "one_more_order"]

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
CUSTOMER = (
    *("orders", "units", "lines", "gross", "returned", "revenue", "aov", "profit", "clv"),
    *("recency_days", "tenure_days", "known_days", "x", "t_x", "T", "monetary_mean"),
    *("first_amount", "first_units", "first_gap_days", "last_gap_days", "median_gap_days"),
    *("returns", "return_rate", "discount_share", "carts_open", "carts_abandoned"),
)
BRAND = (*KPIS, *CONCENTRATION, *GAPS)
NUMBERS = {
    "segments": KPIS,
    "customers": CUSTOMER,
    "base": BRAND,
    "channels": (*KPIS, *CHANNEL),
}
"""Columns with numbers that the conditions of a rule may name, by what the rule is of."""
WORDS = {"customers": ("segment", "channel", "top_category"), "channels": ("segment", "channel")}
BRAND_SHOWN = tuple(
    name for name in (*KPIS, *GAPS) if not name.startswith(("customers_share", "revenue_share"))
)
FIGURES = (
    *KPIS,
    "order_value",
    *CHANNEL,
    *CONCENTRATION,
    *(f"brand_{name}" for name in BRAND_SHOWN),
    "at_stake",
    "at_stake_low",
    "at_stake_high",
    "attainable",
    "expected_value",
)
"""The figures of a finding; its sentences may name them."""
NAMES = ("rule", "segmentation", "segment", "channel")
TEXTS = ("title", "sentence", "action")
"""What a rule says."""
SAME = 0.5
"""Two groups that share more than this part of the smaller one are the same customers."""

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
    >>> load_rules()["valuable"].when
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
        valid = get_args({"of": Of, "at_stake": Stake}[first["loc"][0]])
        fix = suggestion(str(first["input"]), valid)
        return RuleError("unknown value", where=place, values=[first["input"]], fix=fix)
    problem, fix = _MENDING.get(first["loc"][0], ("is no text", "put it in quotes"))
    return RuleError(problem, where=place, values=[first["input"]], fix=fix)


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


# What rules look at -------------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """Everything that rules look at: figures of segments, of customers and of the brand.

    Parameters
    ----------
    kpis : DataFrame
        As `segment_kpis` makes it, the total last.
    customers : DataFrame
        The customer table, with `segment`, and `clv` where it is known.
    period : DataFrame
        What each customer bought in the period, as `segment_kpis` takes it.
    gaps : mapping, optional
        `usual_days` and `churn_days`, None where they are not known.
    resamples, seed : int
        Of the intervals of shares of revenue.
    """

    kpis: pd.DataFrame
    customers: pd.DataFrame
    period: pd.DataFrame
    gaps: Mapping[str, float | None] = field(default_factory=dict)
    resamples: int = 200
    seed: int = 42

    @cached_property
    def brand(self) -> pd.Series:
        """The brand's figures: those of the total row, its concentration and its gaps."""
        total = self.kpis.set_index("segment").loc[TOTAL, list(KPIS)]
        gaps = {name: self.gaps.get(name) for name in GAPS}
        more = pareto(self.customers.loc[self.bought, "revenue"]) | gaps
        return pd.Series(total.to_dict() | more, dtype="float64")

    @cached_property
    def bought(self) -> pd.Series:
        """Who has an order that stands: only they are looked at."""
        return self.customers["orders"].astype("float64").fillna(0) > 0

    @cached_property
    def few(self) -> pd.Series:
        """The smallest group of customers that brings 80 % of revenue so far."""
        value = self.customers.loc[self.bought, "revenue"].sort_values(
            ascending=False, kind="stable"
        )
        share = self.brand["few"]
        count = 0 if np.isnan(share) else round(share * len(value))
        return pd.Series(self.customers.index.isin(value.index[:count]), self.customers.index)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """Figures of each segment in which somebody has bought."""
        rows = self.kpis[self.kpis["segment"] != TOTAL]
        return rows[rows["orders_all_time"] > 0].reset_index(drop=True)

    @cached_property
    def channels(self) -> pd.DataFrame:
        """Figures of each segment's customers who usually buy in a channel (`CHANNEL`)."""
        if "channel" not in self.customers:
            return pd.DataFrame(columns=["segment", "channel", *KPIS, *CHANNEL])
        known = self.customers[self.bought & self.customers["channel"].notna()]
        pairs = known.groupby(["segment", "channel"], observed=True).ngroup()
        first = known.loc[pairs.drop_duplicates().index, ["segment", "channel"]]
        rates = [self._rates(known, *pair) for pair in first.itertuples(index=False)]
        table = first.assign(pair=pairs[first.index].astype(str)).reset_index(drop=True)
        figures = self.figures(pairs.reindex(self.customers.index, fill_value=-1).astype(str))
        figures = figures.rename(columns={"segment": "pair"})
        return table.join(pd.DataFrame(rates, columns=list(CHANNEL))).merge(figures, on="pair")

    def _rates(self, known: pd.DataFrame, segment: str, channel: str) -> list[float]:
        """Return how usual a channel is in a segment and in the rest, with 95 % intervals."""
        rates = two_rates(known["segment"] == segment, known["channel"] == channel)
        sides = ("above", "below")
        return [rates[f"{side}_{part}"] for side in sides for part in ("rate", "low", "high")]

    def figures(self, labels: pd.Series) -> pd.DataFrame:
        """Return the key figures of any groups of customers, without the total."""
        given: dict[str, Any] = {"resamples": self.resamples, "seed": self.seed}
        return segment_kpis(labels, self.customers, self.period, **given).iloc[:-1]

    def candidates(self, rule: Rule) -> pd.DataFrame:
        """Return the groups that a rule finds, with their figures."""
        if rule.of in ("segments", "channels"):
            rows = getattr(self, rule.of)
            rows = rows[rule.fits(rows, self.brand)]
            return rows if rule.of == "segments" else _clearest(rows)
        chosen = self._chosen(rule)
        if not chosen.any():
            return pd.DataFrame(columns=list(KPIS))
        rows = self.figures(chosen.map({True: "yes", False: "no"}))
        return rows[rows["segment"] == "yes"].drop(columns="segment")

    def members(self, rule: Rule, segment: str | None, channel: str | None) -> pd.Series:
        """Return who a finding is about, as booleans in the rows of `customers`."""
        if rule.of in ("customers", "base"):
            return self._chosen(rule)
        chosen = self.customers["segment"] == segment
        if rule.of == "channels":
            chosen &= self.bought & (self.customers["channel"] == channel).fillna(False)
        return chosen.astype(bool)

    def _chosen(self, rule: Rule) -> pd.Series:
        if rule.of == "customers":
            return self.bought & rule.fits(self.customers, self.brand)
        fits = rule.fits(self.brand.to_frame().T, self.brand).item()
        return fits & (self.few if rule.is_of_few else self.bought)


def _clearest(channels: pd.DataFrame) -> pd.DataFrame:
    """Return the channel of each segment that is furthest above the others' share."""
    ahead = channels["channel_share_low"] - channels["others_share_high"]
    order = channels.assign(ahead=ahead).sort_values(["ahead", "channel"], ascending=[False, True])
    return channels.loc[order.drop_duplicates("segment").index]


# Findings -----------------------------------------------------------------------------


def findings(
    rules: Mapping[str, Rule],
    base: Base,
    *,
    segmentation: str,
    min_cell: int = 5,
    needed: Mapping[str, Iterable[str]] | None = None,
) -> pd.DataFrame:
    """Return what the rules find, the finding worth most first.

    Parameters
    ----------
    rules : mapping
        Rule by key, as `load_rules` gives.
    base : Base
        What they look at.
    segmentation : str
        The segmentation that the segments are of.
    min_cell : int
        No finding is about fewer customers.
    needed : mapping, optional
        By rule, figures without which nothing is told.

    Returns
    -------
    DataFrame
        One row a finding: `rule`, `segmentation`, `segment` and `channel` (missing where it
        is of none), `FIGURES`: those of the group, of the brand (`brand_aov`, …), `order_value`
        (the period's average order, else that of all time), the money `at_stake` (`_low` and
        `_high` where an interval is known), the `attainable` share of it, and their product,
        `expected_value`. Nothing is told of which a figure is missing, or nothing is at stake.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> customers = pd.DataFrame({"customer_id": ["a", "b", "c", "d"], "orders": [4, 1, 1, 1],
    ...     "gross": [90.0, 2.0, 4.0, 4.0], "revenue": [90.0, 2.0, 4.0, 4.0],
    ...     "aov": [22.5, 2.0, 4.0, 4.0], "recency_days": [5, 90, 9, 9],
    ...     "segment": ["loyal", "rest", "rest", "rest"]})
    >>> period = customers[["customer_id", "orders", "gross", "revenue"]].assign(
    ...     units=1.0, returned_units=0.0)
    >>> kpis = segment_kpis(customers["segment"], customers, period, resamples=0)
    >>> rules = {"valuable": load_rules()["valuable"]}
    >>> base = Base(kpis, customers, period, resamples=0)
    >>> found = findings(rules, base, segmentation="families", min_cell=1)
    >>> found[["rule", "segment", "at_stake", "expected_value"]]
           rule segment  at_stake  expected_value
    0  valuable   loyal      90.0             4.5
    """
    tables = [
        _valued(base.candidates(rule), rule, base.brand).assign(rule=key, place=place)
        for place, (key, rule) in enumerate(rules.items())
    ]
    found = pd.concat([_empty(), *[table for table in tables if len(table)]], ignore_index=True)
    told = [_is_known(row, (needed or {}).get(row["rule"], ())) for _, row in found.iterrows()]
    found = found[(found["customers"] >= min_cell) & np.array(told, dtype=bool)]
    order = {"expected_value": False, "place": True, "segment": True, "channel": True}
    found = found.sort_values(list(order), ascending=list(order.values()))
    found = _without_contradictions(found, rules, base)
    return _typed(found.assign(segmentation=segmentation))


def _empty() -> pd.DataFrame:
    return pd.DataFrame(columns=[*NAMES, *FIGURES, "place"], dtype="object")


def _typed(found: pd.DataFrame) -> pd.DataFrame:
    counts = ("customers", "buyers", "orders", "orders_all_time")
    kinds = dict.fromkeys(NAMES, "str") | dict.fromkeys(FIGURES, "float64")
    kinds |= dict.fromkeys(counts, "int64")
    return found[list(kinds)].astype(kinds).reset_index(drop=True)


def _is_known(row: pd.Series, needed: Iterable[str]) -> bool:
    return row["at_stake"] > 0 and bool(row[list(needed)].notna().all())


def _valued(rows: pd.DataFrame, rule: Rule, brand: pd.Series) -> pd.DataFrame:
    """Add the brand's figures, and what is at stake."""
    of_brand = {f"brand_{name}": brand[name] for name in BRAND_SHOWN}
    of_brand |= {name: brand[name] for name in CONCENTRATION}
    all_time = rows["revenue_all_time"] / rows["orders_all_time"]
    rows = rows.assign(**of_brand, order_value=rows["aov"].fillna(all_time))
    stakes = {
        name: value.astype("float64").clip(lower=0)
        for name, value in _STAKES[rule.at_stake](rows, brand).items()
    }
    expected = stakes["at_stake"] * rule.share
    return rows.assign(**stakes, attainable=rule.share, expected_value=expected)


def _revenue(rows: pd.DataFrame, brand: pd.Series) -> dict[str, pd.Series]:
    ends = {
        f"at_stake_{end}": rows[f"revenue_share_{end}"] * brand["revenue"]
        for end in ("low", "high")
    }
    return {"at_stake": rows["revenue"]} | ends


def _aov_gap(rows: pd.DataFrame, brand: pd.Series) -> dict[str, pd.Series]:
    return {"at_stake": (brand["aov"] - rows["aov"]) * rows["orders"]}


def _one_more_order(rows: pd.DataFrame, brand: pd.Series) -> dict[str, pd.Series]:
    return {"at_stake": rows["customers"] * rows["order_value"]}


_STAKES: dict[str, Callable[[pd.DataFrame, pd.Series], dict[str, pd.Series]]] = {
    "revenue": _revenue,
    "aov_gap": _aov_gap,
    "one_more_order": _one_more_order,
}


def _without_contradictions(
    found: pd.DataFrame, rules: Mapping[str, Rule], base: Base
) -> pd.DataFrame:
    """Keep, of two findings that advise the same customers differently, the one worth more."""
    kept: dict[Any, tuple[str, pd.Series]] = {}
    for index, row in found.iterrows():
        rule = rules[row["rule"]]
        chosen = base.members(rule, row["segment"], row["channel"])
        if not any(
            _are_against(row["rule"], other, rules) and is_same(chosen, theirs)
            for other, theirs in kept.values()
        ):
            kept[index] = (row["rule"], chosen)
    return found.loc[list(kept)]


def _are_against(one: str, other: str, rules: Mapping[str, Rule]) -> bool:
    return other in rules[one].against or one in rules[other].against


def is_same(one: pd.Series, other: pd.Series) -> bool:
    """Return whether two groups of customers are the same people, or most of the smaller one.

    Examples
    --------
    >>> is_same(pd.Series([True, True, False]), pd.Series([False, True, True]))
    False
    """
    smaller = min(one.sum(), other.sum())
    return bool((one & other).sum() > SAME * smaller)
