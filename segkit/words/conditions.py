"""Conditions of advice: when a text may be said, and what is said instead."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from math import isfinite, nan
from typing import Any

from pydantic import BaseModel, ConfigDict

from segkit.analysis.segment_facts import FACTS
from segkit.errors import RuleError, suggestion

Facts = Mapping[str, float]
"""Figures of a segment by name; one that is not known is NaN, or not there."""
When = str | dict[str, str | list[str]] | list[str | dict[str, str | list[str]]]
"""A condition as a file writes it; see `Condition.read`."""

_SIGNS = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"\s*(?P<sign>[<>=!]=|[<>])\s*(?P<number>-?\d+(?:\.\d+)?)\s*")
_FORM = 'write it like discount_share: "< 0.2", or as a list of several: [">= 30", "< 90"]'
_NEAR = 1e-6


@dataclass(frozen=True)
class Comparison:
    """A figure compared with a number, such as ``discount_share < 0.2``."""

    figure: str
    sign: str
    number: float

    def holds(self, facts: Facts) -> bool:
        """Return whether it holds; never of a figure that is not known."""
        value = facts.get(self.figure, nan)
        return isfinite(value) and bool(_SIGNS[self.sign](value, self.number))

    def __str__(self) -> str:
        return f"{self.figure} {self.sign} {self.number:g}"


@dataclass(frozen=True)
class Condition:
    """Comparisons of a segment's figures, all of which must hold, or one of several such sets.

    Parameters
    ----------
    any_of : tuple of tuple of Comparison
        Of the sets one is enough; of a set all must hold.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> condition = Condition.read({"discount_share": "< 0.2"}, {}, "acme.yaml: when")
    >>> condition.holds({"discount_share": 0.1}), condition.holds({})
    (True, False)
    """

    any_of: tuple[tuple[Comparison, ...], ...]

    @classmethod
    def read(cls, raw: object, named: Mapping[str, Condition], where: str) -> Condition:
        """Return the condition that a file describes.

        Parameters
        ----------
        raw : mapping, str or list
            Comparison by figure (``{churned_share: "< 0.5"}``), all of which must hold; the
            name of a condition; or a list of these, of which one is enough.
        named : mapping
            Conditions by name.
        where : str
            File and key, for errors.

        Raises
        ------
        RuleError
            An unknown figure or name, what is no comparison, and what holds always or never.
        """
        if isinstance(raw, list) and raw:
            read = [cls.read(each, named, where) for each in raw]
            return cls(tuple(group for one in read for group in one.any_of))
        if isinstance(raw, str):
            if raw not in named:
                fix = f"{suggestion(raw, named)}; or {_FORM}"
                raise RuleError("unknown condition", where=where, values=[raw], fix=fix)
            return named[raw]
        if not isinstance(raw, Mapping) or not raw:
            raise RuleError("is no condition", where=where, values=[raw], fix=_FORM)
        group = tuple(each for figure in raw for each in _comparisons(figure, raw[figure], where))
        condition = cls((group,))
        if not any(condition.holds(facts) for facts in corners([condition])):
            problem = f"never holds: {condition}"
            raise RuleError(problem, where=where, fix="mend a number, or take a comparison out")
        return condition

    def holds(self, facts: Facts) -> bool:
        """Return whether it holds; nothing holds of a figure that is not known."""
        return any(all(each.holds(facts) for each in group) for group in self.any_of)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every comparison in it."""
        return tuple(each for group in self.any_of for each in group)

    def __str__(self) -> str:
        return " or ".join(" and ".join(map(str, group)) for group in self.any_of)


def _comparisons(figure: object, raw: object, where: str) -> Iterator[Comparison]:
    if figure not in FACTS:
        fix = suggestion(str(figure), FACTS)
        raise RuleError("unknown figure", where=where, values=[figure], fix=fix)
    fact, texts = FACTS[str(figure)], raw if isinstance(raw, list) and raw else [raw]
    for text in texts:
        found = _COMPARISON.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            problem = f"is no comparison of {figure}"
            raise RuleError(problem, where=where, values=[text], fix=_FORM)
        comparison = Comparison(str(figure), found["sign"], float(found["number"]))
        tried = [*_values(comparison), *filter(isfinite, (fact.lowest, fact.highest))]
        known = {comparison.holds({str(figure): value}) for value in tried}
        if known != {True, False}:
            problem = f"{'always' if True in known else 'never'} holds: {comparison}"
            fix = f"{figure} is {fact.meaning}, from {fact.lowest:g} to {fact.highest:g}"
            raise RuleError(problem, where=where, fix=f"{fix}; write a number within")
        yield comparison


def _values(comparison: Comparison) -> list[float]:
    """Return values of the figure for which a comparison holds, and for which it does not."""
    fact, number = FACTS[comparison.figure], comparison.number
    step = _NEAR * max(1.0, abs(number))
    below = [] if comparison.sign in (">", "<=") else [number - step]
    above = [] if comparison.sign in ("<", ">=") else [number + step]
    return [v for v in (*below, number, *above) if fact.lowest <= v <= fact.highest]


def corners(conditions: Iterable[Condition]) -> Iterator[dict[str, float]]:
    """Yield made facts that together take every way through some conditions.

    Parameters
    ----------
    conditions : iterable of Condition

    Yields
    ------
    dict
        Each figure on both sides of every number it is compared with, and not known, in every
        combination.

    Examples
    --------
    >>> condition = Condition.read({"churned_share": "< 0.5"}, {}, "acme.yaml: when")
    >>> [condition.holds(facts) for facts in corners([condition])]
    [True, False, False]
    """
    values: dict[str, list[float]] = {}
    for condition in conditions:
        for comparison in condition.comparisons:
            known = values.setdefault(comparison.figure, [])
            known += [value for value in _values(comparison) if value not in known]
    for figure, known in values.items():
        if not FACTS[figure].always_known:
            known.append(nan)
    for chosen in product(*values.values()):
        yield dict(zip(values, chosen, strict=True))


class Choice(BaseModel):
    """What is said while a condition holds, and what instead.

    Parameters
    ----------
    when : Condition
    then : Any
        A text, or what else stands in its place.
    otherwise : Any
        The alternative, perhaps a choice of its own; None: nothing is said.

    Source
    ------
    Definitions, section 10.
    """

    model_config = ConfigDict(frozen=True)

    when: Condition
    then: Any
    otherwise: Any = None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Its condition and those of its alternatives."""
        rest = self.otherwise.conditions if isinstance(self.otherwise, Choice) else ()
        return (self.when, *rest)

    @property
    def leaves(self) -> list[Any]:
        """All that it may come to, in order."""
        rest = self.otherwise.leaves if isinstance(self.otherwise, Choice) else [self.otherwise]
        return [self.then, *rest]

    def place(self, facts: Facts) -> int:
        """Return which of `leaves` it comes to."""
        return place_of(self.conditions, facts)


def place_of(conditions: tuple[Condition, ...], facts: Facts) -> int:
    """Return which of some conditions holds first; where none does, how many they are."""
    return next((n for n, each in enumerate(conditions) if each.holds(facts)), len(conditions))


@cache
def _reached(conditions: tuple[Condition, ...]) -> frozenset[int]:
    return frozenset(place_of(conditions, facts) for facts in corners(conditions))


def resolved(value: Any, facts: Facts | None) -> Any:
    """Return what a value comes to, through all its choices; what is left out is None.

    Parameters
    ----------
    value : Any
        A text, a `Choice`, or a list of both, from which what comes to nothing falls out.
    facts : mapping or None
        Figures of the segment; None: as if every first condition held.

    Examples
    --------
    >>> low = Condition.read({"discount_share": "< 0.2"}, {}, "acme.yaml: when")
    >>> resolved(["Thank them.", Choice(when=low, then="They pay full price.")], {})
    ['Thank them.']
    """
    if isinstance(value, Choice):
        return resolved(value.then if facts is None else value.leaves[value.place(facts)], facts)
    if isinstance(value, list):
        items = [resolved(item, facts) for item in value]
        return [item for item in items if item is not None]
    return value


def read_choice(raw: object, named: Mapping[str, Condition], where: str) -> Any:
    """Return a value of a file with each `when … then … else` in it read.

    Parameters
    ----------
    raw : Any
        A text, a mapping with `when`, `then` and perhaps `else`, or a list of both.
    named : mapping
        Conditions by name.
    where : str
        File and key, for errors.

    Raises
    ------
    RuleError
        An unknown key, a condition as in `Condition.read`, or an alternative that is never
        reached.

    Examples
    --------
    >>> raw = {"when": {"churned_share": "< 0.5"}, "then": "Stay.", "else": "Come back."}
    >>> resolved(read_choice(raw, {}, "acme.yaml: kpi"), {"churned_share": 0.9})
    'Come back.'
    """
    if isinstance(raw, list):
        return [read_choice(item, named, f"{where}.{n}") for n, item in enumerate(raw)]
    if not isinstance(raw, Mapping):
        return raw
    choice = _chain(raw, named, where)
    for place, leaf in enumerate(choice.leaves):
        if place not in _reached(choice.conditions):
            raise RuleError(
                "an alternative that is never reached",
                where=where,
                values=[leaf],
                fix="mend the conditions before it, or take it out",
            )
    return choice


def _chain(raw: Mapping[Any, Any], named: Mapping[str, Condition], where: str) -> Choice:
    for key in raw:
        if key not in ("when", "then", "else"):
            fix = suggestion(str(key), ("when", "then", "else"))
            raise RuleError("unknown key", where=f"{where}.{key}", fix=fix)
    for key in ("when", "then"):
        if raw.get(key) is None:
            fix = "write when: {figure: comparison}, then: the text, else: what is said instead"
            raise RuleError(f"lacks '{key}'", where=where, fix=fix)
    when = Condition.read(raw["when"], named, f"{where}.when")
    then, rest = raw["then"], raw.get("else")
    for part, value in (("then", then), ("else", rest)):
        if isinstance(value, Mapping) and (part == "then" or "when" not in value):
            fix = "only 'else' may go on with a 'when' of its own"
            raise RuleError("is no text", where=f"{where}.{part}", values=[value], fix=fix)
    then = read_choice(then, named, f"{where}.then")
    otherwise = _chain(rest, named, f"{where}.else") if isinstance(rest, Mapping) else rest
    if isinstance(otherwise, list):
        otherwise = read_choice(otherwise, named, f"{where}.else")
    return Choice(when=when, then=then, otherwise=otherwise)
