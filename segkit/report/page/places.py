"""Where in a report an exhibit stands, and how much of it there is room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from segkit.errors import RuleError, suggestion
from segkit.params.report import Place

ANNEX = "annex"
SECTIONS = tuple(place for place in get_args(Place) if place != ANNEX)
"""The sections of the document, in the order of reading."""
MOST_COLUMNS = 8
MOST_ROWS = 12
"""Columns and rows of a table in the document; the annex and its file hold more."""


def settled(name: str, place: str, moved: Mapping[str, str]) -> str:
    """Return the section of the document that an exhibit belongs to; empty of the annex alone.

    Parameters
    ----------
    name : str
        Of the table or picture.
    place : str
        The notebook's word.
    moved : mapping
        The client's words, by name; they go over the notebook's.

    Raises
    ------
    RuleError
        When there is no such place.

    Examples
    --------
    >>> settled("deciles", "who", {}), settled("deciles", "who", {"deciles": "annex"})
    ('who', '')
    """
    place = moved.get(name, place or ANNEX)
    if place not in (*SECTIONS, ANNEX):
        fix = suggestion(place, [*SECTIONS, ANNEX])
        raise RuleError("no such place in a report", where=name, values=[place], fix=fix)
    return "" if place == ANNEX else place
