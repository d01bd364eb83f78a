"""Finds texts of a playbook that are said of segments for which they are false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from segkit.words.claims import Claim, claims
from segkit.words.conditions import Choice, Condition, corners, place_of
from segkit.words.playbook import Playbook, Policy, Template

_SILENT = ("name", "channels")
"""Fields that claim nothing: what a segment is called, and names of channels."""


@dataclass(frozen=True)
class Unchecked:
    """A text that is said of segments for which it is false.

    Parameters
    ----------
    place : str
        Where it stands: section, segment and field.
    text : str
    claim : Claim
        What it claims.
    """

    place: str
    text: str
    claim: Claim

    def __str__(self) -> str:
        return (
            f"{self.place}: claims '{self.claim.name}' also where it is false: {self.text!r}. "
            f"Fix: say it under when: {self.claim.name} ({self.claim.when}), with an else, "
            "or in other words"
        )


def unchecked(playbook: Playbook) -> list[Unchecked]:
    """Return the texts of a playbook that claim what figures of a segment may contradict.

    Parameters
    ----------
    playbook : Playbook
        The shipped one of a language, or a client's own.

    Returns
    -------
    list of Unchecked
        In the order of the playbook; a text that several segments share comes once a place.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> unchecked(Playbook.load("en"))
    []
    """
    return [
        Unchecked(saying.place, saying.text, claim)
        for saying in sayings(playbook)
        for claim in claims().values()
        if claim.is_made(saying.text, playbook.language)
        and claim.is_of(saying.segment)
        # A client may have a threshold of its own for a claim.
        and _is_said_where_false(playbook.conditions.get(claim.name, claim.when), saying.way)
    ]


Way = tuple[tuple[tuple[Condition, ...], int], ...]
"""The conditions of the choices that lead to a text, and which of their leaves leads on."""


def told(language: str, file: Path | None = None) -> list[str]:
    """Return what to tell of a playbook: how much was checked, then each unchecked claim.

    Parameters
    ----------
    language : str
        One of `segkit.words.playbook.languages`.
    file : Path, optional
        The client's own, over the shipped one.

    Examples
    --------
    >>> told("en")[0].startswith("playbooks/en.yaml: ")
    True
    """
    playbook = Playbook.load(language, file)
    said, faults = sayings(playbook), unchecked(playbook)
    # A shared text is told once, at the first place where it stands.
    first = {(fault.text, fault.claim.name): fault for fault in reversed(faults)}
    faults = [fault for fault in faults if first[fault.text, fault.claim.name] is fault]
    conditional = sum(bool(one.way) for one in said)
    counts = f"{len(said)} texts, {conditional} of them under a condition"
    head = f"{playbook.file}: {counts}, {len(faults)} unchecked"
    return [head, *(f"{playbook.file}: {fault}" for fault in faults)]


def _templates(playbook: Playbook) -> Iterator[tuple[str, Template]]:
    """Yield every entry with its place; a general one that a segmentation has its own of, too."""
    for section, entries in (("segments", playbook.segments), ("cells", playbook.cells)):
        for key, template in entries.items():
            yield f"{section}.{key}", template
    for segmentation, entries in playbook.segmentations.items():
        for key, template in entries.items():
            yield f"{segmentation}.{key}", template


@dataclass(frozen=True)
class Saying:
    """A text that a playbook may come to say.

    Parameters
    ----------
    segment : str
        Of whom, such as ``clusters.loyal``.
    field : str
        Where in its entry.
    text : str
    way : tuple
        Through which conditions it is reached.
    """

    segment: str
    field: str
    text: str
    way: Way

    @property
    def place(self) -> str:
        """Segment and field."""
        return f"{self.segment}.{self.field}"


def sayings(playbook: Playbook) -> list[Saying]:
    """Return every text that a playbook may say of a segment, with all alternatives.

    Names of segments and channels are not among them; a discount policy says its explanation.

    Examples
    --------
    >>> [one.text for one in sayings(Playbook.load("en")) if one.place == "clusters.lost.kpi"]
    []
    >>> [one.text for one in sayings(Playbook.load("en")) if one.place == "segments.lost.kpi"]
    ['Net margin of the campaign']
    """
    return [
        Saying(segment, field, _explained(leaf, playbook) if field == "discount" else leaf, way)
        for segment, template in _templates(playbook)
        for field, value in template
        if field not in _SILENT
        for leaf, way in _leaves(value, ())
    ]


def _explained(policy: Policy, playbook: Playbook) -> str:
    return f"{playbook.discounts[policy].name}. {playbook.discounts[policy].explanation}"


def _leaves(value: Any, way: Way) -> Iterator[tuple[Any, Way]]:
    """Yield every text that a value may come to, with the way to it."""
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item, way)
    elif isinstance(value, Choice):
        for place, leaf in enumerate(value.leaves):
            yield from _leaves(leaf, (*way, (value.conditions, place)))
    elif value is not None:
        yield value, way


@cache
def _is_said_where_false(when: Condition, way: Way) -> bool:
    asked = [condition for conditions, _ in way for condition in conditions]
    return any(
        all(place_of(conditions, facts) == place for conditions, place in way)
        and not when.holds(facts)
        for facts in corners([*asked, when])
    )
