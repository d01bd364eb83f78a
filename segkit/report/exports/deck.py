"""A deck of slides as plain data: what it says, and nothing of how it is drawn."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from segkit.report.page.first_screen import Figure


@dataclass(frozen=True)
class Series:
    """One row of bars.

    Parameters
    ----------
    name : str
        As the legend says it.
    values : tuple of float or None
        One a category; None leaves a gap.
    look : str, optional
        ``full`` (the accent colour), ``pale`` (a tint of it) or ``quiet`` (grey).
    low, high : tuple of float or None, optional
        Ends of a range around the top of each bar.
    """

    name: str
    values: tuple[float | None, ...]
    look: str = "full"
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class Chart:
    """Bars, which the reader can edit.

    Parameters
    ----------
    title, alt : str
        Title, and alternative text.
    categories : tuple of str
    series : tuple of Series
    pattern : str
        Excel's format of the numbers, such as ``0%``.
    across : bool, optional
        Whether bars lie on their side, the first on top.
    stacked : bool, optional
        Whether bars of a category stand on each other.
    labelled : bool, optional
        Whether bars say their numbers.
    weight : float, optional
        How wide it is beside others.
    """

    title: str
    alt: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    pattern: str
    across: bool = False
    stacked: bool = False
    labelled: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class Grid:
    """A table of texts: the first column at the left, the others at the right.

    `summed` says that the last row adds the others up.
    """

    alt: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    summed: bool = False
    weight: float = 1.0


@dataclass(frozen=True)
class Points:
    """Sentences, each with a term before it that is set in bold, or with none."""

    sentences: tuple[tuple[str, str], ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Tiles:
    """Figures side by side, each with how it moved."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Card:
    """A thing to do: its title, why, and what."""

    title: str
    why: str
    what: str


@dataclass(frozen=True)
class Cards:
    """Things to do, side by side."""

    cards: tuple[Card, ...]


Block = Chart | Grid | Points | Tiles | Cards


@dataclass(frozen=True)
class Slide:
    """One slide; all plain text, **not** escaped.

    Parameters
    ----------
    title : str
        What it finds, in a sentence.
    lead : str
        A sentence below the title; may be empty.
    rows : tuple of tuples of blocks
        From top to bottom; the blocks of a row stand side by side.
    notes : str
        What the speaker reads.
    """

    title: str
    lead: str
    rows: tuple[tuple[Block, ...], ...]
    notes: str = ""


@dataclass(frozen=True)
class Cover:
    """The first slide.

    Parameters
    ----------
    client, title : str
    facts : tuple of str
        Lines such as the period.
    footer : str
        A line of the client's own at its foot.
    logo : bytes
        A PNG or JPEG picture; empty without one.
    """

    client: str
    title: str
    facts: tuple[str, ...]
    footer: str = ""
    logo: bytes = b""


@dataclass(frozen=True)
class Deck:
    """A whole deck.

    Parameters
    ----------
    cover : Cover
    slides : tuple of Slide
    running : str
        What stands at the foot of each slide.
    language : str
        With its country, such as ``es-ES``.
    accent : str
        `#rrggbb`.
    made : datetime
        When the run was made.
    """

    cover: Cover
    slides: tuple[Slide, ...]
    running: str
    language: str
    accent: str
    made: dt.datetime
