"""Time below a picture: ticks where a year, a quarter or a month begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from segkit.plots.canvas import letters_across, name_places

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEPS = (1, 3, 6, 12, 24, 60, 120)  # months
YEAR = 12
GAP = 1  # letters between two words
IN_TWO = re.compile(r"(.*\S)\s+(\d{4})")


def name_times(
    ax: Axes,
    places: Sequence[float],
    days: Sequence[date],
    words: Sequence[str],
    *,
    taken: int = 0,
) -> None:
    """Write times below an axis: all, or those that begin a quarter, a half-year or years.

    Parameters
    ----------
    ax : Axes
        The picture, its limits set.
    places : sequence of float
        Where each time stands, ascending.
    days : sequence of date
        The first day of each.
    words : sequence of str
        What each is called; a year at the end of a word goes to a line of its own, and is
        said where it is not that of the word before.
    taken : int, optional
        Letters of the width that something on the right of the picture takes.

    Examples
    --------
    >>> from segkit.plots.canvas import canvas
    >>> days = [date(2023 + month // 12, month % 12 + 1, 1) for month in range(2, 30)]
    >>> with canvas(None, height=2) as ax:
    ...     _ = ax.set_xlim(0, 27)
    ...     name_times(ax, range(28), days, [f"{day:%b %Y}" for day in days])
    ...     [text.get_text() for text in ax.get_xticklabels()]
    ['Apr\\n2023', 'Jul', 'Oct', 'Jan\\n2024', 'Apr', 'Jul', 'Oct', 'Jan\\n2025', 'Apr']
    """
    where, ends = np.asarray(places, dtype=float), sorted(ax.get_xlim())
    letters = max(letters_across(ax) - taken, 1) / ((ends[1] - ends[0]) or 1)
    for chosen, is_years in _choices(days):
        said = _years(days, chosen) if is_years else _in_two_lines([words[i] for i in chosen])
        if _has_room(where[chosen] * letters, said):
            ax.set_xticks(where[chosen], labels=said)
            return
    name_places(ax, where, _in_two_lines(words), taken=taken)


def name_firsts(ax: Axes, rows: pd.DataFrame, name: str, day: str, *, taken: int = 0) -> None:
    """Write below an axis the names of the times in a table, as `name_times`.

    Parameters
    ----------
    ax : Axes
        The picture, its limits set.
    rows : DataFrame
        `place` and the columns `name` and `day`.
    name, day : str
        Columns with what each time is called and when it begins.
    taken : int, optional
        As for `name_times`.
    """
    times = rows.drop_duplicates("place").sort_values("place")
    days = [moment.date() for moment in pd.to_datetime(times[day])]
    name_times(ax, list(times["place"]), days, list(times[name]), taken=taken)


def _choices(days: Sequence[date]) -> list[tuple[list[int], bool]]:
    """Return which times may be named, many first, and whether by their years alone."""
    choices = [(list(range(len(days))), False)]
    for step in STEPS:
        firsts = _firsts(days, step)
        if firsts:
            choices.append((firsts, step >= YEAR and len(firsts) > 1))
    return choices


def _firsts(days: Sequence[date], step: int) -> list[int]:
    """Return the places of the first time in each month that begins a step."""
    found: dict[int, int] = {}
    for place, day in enumerate(days):
        month = YEAR * day.year + day.month - 1
        if month % step == 0 and day.day <= 7:  # a week begins on any of them
            found.setdefault(month, place)
    return list(found.values())


def _years(days: Sequence[date], chosen: Sequence[int]) -> list[str]:
    return [str(days[place].year) for place in chosen]


def _in_two_lines(words: Sequence[str]) -> list[str]:
    """Return words with their years below them, each year once in a row."""
    lines, said = [], ""
    for word in words:
        found = IN_TWO.fullmatch(word)
        name, year = found.groups() if found else (word, "")
        lines.append(f"{name}\n{year}" if year and year != said else name)
        said = year
    return lines


def _has_room(places: np.ndarray, words: Sequence[str]) -> bool:
    """Return whether words, in letters from one to the next, keep clear of each other."""
    halves = np.array([max(map(len, word.split("\n"))) for word in words]) / 2
    return bool(np.all(np.diff(places) >= halves[1:] + halves[:-1] + GAP))
