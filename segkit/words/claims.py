"""Claims about a segment that a text may make, and what must be so for them to be true."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from segkit.foundation.yaml_files import load_yaml
from segkit.words.conditions import Condition

FILE = Path(__file__).parent / "claims.yaml"


@dataclass(frozen=True)
class Claim:
    """What a text may claim of a segment.

    Parameters
    ----------
    name : str
        What playbooks call its condition.
    when : Condition
        What must be so for it to be true.
    said : dict
        Language to the patterns by which a text makes it.
    by_rule : tuple of str
        Segments, such as ``lifecycle.churned``, of which it is true by their rule.
    """

    name: str
    when: Condition
    said: dict[str, tuple[re.Pattern[str], ...]]
    by_rule: tuple[str, ...] = ()

    def is_made(self, text: str, language: str) -> bool:
        """Return whether a text makes the claim."""
        return any(pattern.search(text) for pattern in self.said.get(language, ()))

    def is_of(self, place: str) -> bool:
        """Return whether it has to be checked of a segment, such as ``clusters.loyal``."""
        return not any(fnmatch(place, pattern) for pattern in self.by_rule)


@cache
def claims() -> dict[str, Claim]:
    """Return every claim of `claims.yaml` by its name.

    Raises
    ------
    RuleError
        A condition is malformed.

    Source
    ------
    Definitions, section 10.

    Examples
    --------
    >>> print(claims()["full_price"].when)
    discount_share < 0.2
    >>> claims()["full_price"].is_made("They pay full price.", "en")
    True
    """
    found: dict[str, Claim] = {}
    for name, raw in load_yaml(FILE).items():
        known = {key: claim.when for key, claim in found.items()}
        when = Condition.read(raw["when"], known, f"{FILE.name}: {name}.when")
        said = {
            language: tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
            for language, patterns in raw.get("said", {}).items()
        }
        found[name] = Claim(name, when, said, tuple(raw.get("by_rule", ())))
    return found


def named_conditions() -> dict[str, Condition]:
    """Return the conditions that every playbook may name.

    Examples
    --------
    >>> print(named_conditions()["present"])
    churned_share < 0.5 and late_share < 0.5
    """
    return {name: claim.when for name, claim in claims().items()}
