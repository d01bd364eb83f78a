"""What a reader sees first: figures, findings and things to do, as a page takes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A figure of the period.

    `change` is how it moved, `direction` is up, down or same, `trend` its whole months, in order,
    and `trend_alt` says what a picture of them shows.
    """

    label: str
    value: str
    change: str = ""
    direction: str = "same"
    trend: tuple[float, ...] = ()
    trend_alt: str = ""


@dataclass(frozen=True)
class Action:
    """A thing to do, in short; `anchor` leads to the card that says all."""

    title: str
    sentence: str
    anchor: str


@dataclass(frozen=True)
class Summary:
    """What a reader sees first; all plain text, **not** escaped.

    Parameters
    ----------
    figures : tuple of Figure
    compared : str
        With what the figures are compared, or why with nothing.
    findings : tuple of str
        Sentences.
    actions : tuple of Action
    loss : str
        What of the file could not be read, where that is much.
    forecast : str
        What should come in, with its range; empty where there is no forecast.
    campaign : str
        What the last campaign brought; empty where there was none.
    """

    figures: tuple[Figure, ...]
    compared: str
    findings: tuple[str, ...]
    actions: tuple[Action, ...]
    loss: str = ""
    forecast: str = ""
    campaign: str = ""
