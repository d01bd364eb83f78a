"""Rule tables: which segment each cell of scores belongs to, checked when loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from segkit.errors import DataError, RuleError
from segkit.foundation.display import Shown
from segkit.foundation.yaml_files import load_yaml
from segkit.segments.base import PROSPECTS, check_columns, check_key

_LETTERS = ("r", "f", "m")
Box = dict[str, tuple[int, int]]


class RuleTable(Shown):
    """Segments as rectangles of R, F (and M) scores; each cell belongs to exactly one.

    Parameters
    ----------
    rules : mapping
        Segment key to `{measure: [lowest, highest]}`, or to a list of such rectangles.
    bins : int
        The scores run from 1 to `bins`.
    where : str
        What errors call the table: its file.

    Attributes
    ----------
    segments : list of str
        The keys, in the table's order (without those of customers who have no order).
    measures : tuple of str
        `("r", "f")`, or `("r", "f", "m")` where a rule names `m`.

    Raises
    ------
    RuleError
        A cell has no segment or two, a score is out of range, a key is unknown.

    Notes
    -----
    Source: definitions, section 4 (value groups).

    Examples
    --------
    >>> table = RuleTable({"recent": {"r": [4, 5]}, "rest": {"r": [1, 3]}})
    >>> table.assign(pd.DataFrame({"r": [5, 1], "f": [1, 2]})).tolist()
    ['recent', 'rest']
    """

    def __init__(
        self, rules: Mapping[str, Any], *, bins: int = 5, where: str = "rule table"
    ) -> None:
        if not rules:
            raise RuleError("holds no segments", where=where, fix="give at least one segment")
        self.rules = rules
        self.bins = bins
        self.where = where
        boxes = {key: self._boxes(key, rule) for key, rule in rules.items()}
        self.segments = list(boxes)
        self.measures = _LETTERS if _names_monetary(boxes) else _LETTERS[:2]
        self._grid = self._covered(boxes)

    @classmethod
    def load(cls, path: str | Path | None = None, *, bins: int = 5) -> Self:
        """Return the table of a YAML file, or the kit's own value groups.

        Parameters
        ----------
        path : path, optional
            A client's table; its format is at the head of `tables/value_groups.yaml`.
        bins : int
            The scores run from 1 to `bins`.

        Raises
        ------
        RuleError
            The table does not cover each cell exactly once, or a rule is malformed.
        SegkitError
            The file is missing or is not YAML.

        Examples
        --------
        >>> RuleTable.load().segments[:3]
        ['champions', 'loyal', 'potential_loyalists']
        """
        file = Path(path or Path(__file__).parent / "tables" / "value_groups.yaml")
        where = str(path) if path else file.name
        return cls(load_yaml(file), bins=bins, where=where)

    def assign(self, scores: pd.DataFrame) -> pd.Series:
        """Return each customer's segment.

        Parameters
        ----------
        scores : DataFrame
            `r`, `f` (and `m`) from 1 to `bins`; missing for customers without an order.

        Returns
        -------
        Series
            `segment`, indexed like `scores`; `prospects` where the scores are missing.

        Raises
        ------
        DataError
            A column is missing, or a score is not one of the table's.
        """
        check_columns(scores, self.measures)
        columns = [scores[letter] for letter in self.measures]
        numbers = np.column_stack([c.to_numpy(dtype=float, na_value=np.nan) for c in columns])
        scored = ~np.isnan(numbers).all(axis=1)
        self._check_scores(scores[scored], numbers[scored])
        places = np.zeros(len(scores), dtype=np.int64)
        places[scored] = 1 + self._grid[tuple(numbers[scored].astype(np.int64).T - 1)]
        keys = pd.array([PROSPECTS, *self.segments], dtype="str").take(places)
        return pd.Series(keys, index=scores.index, name="segment")

    def cells(self) -> pd.DataFrame:
        """Return the whole table, one row a cell: its scores and its `segment`.

        Examples
        --------
        >>> cells = RuleTable.load().cells()
        >>> len(cells), cells["segment"].iloc[-1]
        (25, 'champions')
        """
        cells = pd.DataFrame(np.argwhere(self._grid >= 0) + 1, columns=list(self.measures))
        cells["segment"] = pd.array(self.segments, dtype="str").take(self._grid.ravel())
        return cells

    def to_state(self) -> dict[str, Any]:
        """Return the table as plain JSON values: `rules`, `bins` and `where`."""
        return {"rules": dict(self.rules), "bins": self.bins, "where": self.where}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the table that `to_state` described, checked again."""
        return cls(state["rules"], bins=state["bins"], where=state["where"])

    def __repr__(self) -> str:
        return f"RuleTable({self.where!r}, {len(self.segments)} segments)"

    def _facts(self) -> dict[str, object]:
        return {"of": self.where, **self.rules}

    def _boxes(self, key: object, rule: object) -> list[Box]:
        check_key(key, where=self.where)
        rectangles = rule if isinstance(rule, list) else [rule]
        if not rectangles:
            raise self._error(key, "no rule: the segment is unreachable", rule)
        return [self._box(str(key), rectangle) for rectangle in rectangles]

    def _box(self, key: str, rectangle: object) -> Box:
        if not isinstance(rectangle, dict) or not rectangle:
            raise self._error(key, "is not {measure: [lowest, highest]}", rectangle)
        for name in rectangle:
            if name not in _LETTERS:
                raise self._unknown_measure(key, name)
        return {letter: self._range(key, letter, given) for letter, given in rectangle.items()}

    def _range(self, key: str, letter: str, given: object) -> tuple[int, int]:
        pair = _pair(given)
        if isinstance(pair, list) and [type(end) for end in pair] == [int, int]:
            low, high = pair
            if 1 <= low <= high <= self.bins:
                return low, high
        raise self._error(f"{key}: {letter}", f"is no range within 1..{self.bins}", given)

    def _covered(self, boxes: Mapping[str, list[Box]]) -> np.ndarray:
        owners: dict[tuple[int, ...], list[str]] = {
            cell: [] for cell in product(range(1, self.bins + 1), repeat=len(self.measures))
        }
        for key, rectangles in boxes.items():
            for box in rectangles:
                for cell in self._cells_of(box):
                    owners[cell].append(key)
        self._check_cover(owners)
        places = [self.segments.index(keys[0]) for keys in owners.values()]
        return np.reshape(places, (self.bins,) * len(self.measures))

    def _cells_of(self, box: Box) -> Iterator[tuple[int, ...]]:
        ranges = (box.get(letter, (1, self.bins)) for letter in self.measures)
        return product(*(range(low, high + 1) for low, high in ranges))

    def _check_cover(self, owners: Mapping[tuple[int, ...], list[str]]) -> None:
        mark = "" if self.bins < 10 else "-"
        names = {cell: mark.join(map(str, cell)) for cell in owners}
        holes = [names[cell] for cell, keys in owners.items() if not keys]
        doubles = [f"{names[c]} ({', '.join(keys)})" for c, keys in owners.items() if len(keys) > 1]
        alone = {keys[0] for keys in owners.values() if len(keys) == 1}
        hidden = [key for key in self.segments if key not in alone]
        found = {
            "cells with no segment": holes,
            "cells with more than one": doubles,
            "unreachable segments, no cell of their own": hidden,
        }
        problems = [f"{what}: {_listed(items)}" for what, items in found.items() if items]
        if problems:
            scale = "" if self.bins == 5 else f"; here scores run from 1 to {self.bins}"
            fix = f"give each cell to exactly one segment{scale}"
            raise RuleError("; ".join(problems), where=self.where, fix=fix)

    def _check_scores(self, scores: pd.DataFrame, numbers: np.ndarray) -> None:
        right = (numbers >= 1) & (numbers <= self.bins) & (numbers % 1 == 0)
        wrong = ~right.all(axis=1)
        if wrong.any():
            raise DataError(
                f"scores are not whole numbers within 1..{self.bins}",
                where=f"scores: {', '.join(self.measures)}",
                values=scores.loc[wrong, list(self.measures)].head(5).values.tolist(),
                count=int(wrong.sum()),
                fix=f"score with bins={self.bins}, or load a table for other bins",
            )

    def _unknown_measure(self, key: str, name: object) -> RuleError:
        initial = str(name).lower()[:1]
        fix = f"did you mean '{initial}'? " if initial in _LETTERS else ""
        return RuleError(
            "unknown measure",
            where=f"{self.where}: {key}",
            values=[name],
            fix=f"{fix}valid names: {', '.join(_LETTERS)}",
        )

    def _error(self, key: object, problem: str, given: object) -> RuleError:
        return RuleError(
            problem,
            where=f"{self.where}: {key}",
            values=[given],
            fix="write it as 'champions: {r: [5, 5], f: [4, 5]}'",
        )


def _names_monetary(boxes: Mapping[str, list[Box]]) -> bool:
    return any("m" in box for rectangles in boxes.values() for box in rectangles)


def _pair(given: object) -> object:
    if isinstance(given, int):
        return [given, given]
    if isinstance(given, str) and re.fullmatch(r"\d{1,2}-\d{1,2}", given):
        return [int(end) for end in given.split("-")]
    return given


def _listed(items: list[str], most: int = 25) -> str:
    rest = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + rest
