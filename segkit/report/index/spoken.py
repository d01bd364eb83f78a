"""What changed between two runs, said: as tables of plain text."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from segkit.errors import SegkitError
from segkit.params.report import ReportParams
from segkit.report.index.compare import Comparison, is_same
from segkit.report.index.frame import formats_of
from segkit.report.index.runs import Run, shown
from segkit.words.changes import change_between, signed
from segkit.words.columns import Columns
from segkit.words.format import MISSING, Formats, plain_words
from segkit.words.playbook import Playbook
from segkit.words.texts import Texts

HASH_LETTERS = 12
VALUE_LETTERS = 200
PAGE_MOVES = 40
"""Ways from one segment to another that are shown, the busiest first."""


@dataclass(frozen=True)
class Sheet:
    """A table of plain texts, none of them escaped.

    Parameters
    ----------
    title : str
    heads : list of str
    rows : list of list of str
    words : int
        How many columns at the left hold words; the others hold numbers.
    """

    title: str
    heads: list[str]
    rows: list[list[str]]
    words: int = 1


class Spoken:
    """The words for a comparison in one language.

    Parameters
    ----------
    comparison : Comparison
    language : str, optional
        By default that of the later run; segments are always called as in that.
    most_moves : int
        Ways between segments shown, for each segmentation.
    """

    def __init__(
        self, comparison: Comparison, language: str | None = None, most_moves: int = PAGE_MOVES
    ) -> None:
        self.comparison, self.most_moves = comparison, most_moves
        self.language = language or comparison.after.language
        self.texts, self.columns = Texts(self.language), Columns(self.language)
        is_own = language is None
        before, after = comparison.before, comparison.after
        self.formats = (
            _formats(before, is_own, self.language),
            _formats(after, is_own, self.language),
        )

    @cached_property
    def sheets(self) -> list[Sheet]:
        """Everything that differs, in the order of causes, figures, customers."""
        return [sheet for sheet in self._all() if sheet.rows]

    @cached_property
    def unchanged(self) -> list[str]:
        """Titles of the parts that are the same in both runs."""
        tables = self.comparison.tables
        same = [self.say(f"part_{name}") for name in self._parts if _is_empty(tables[name])]
        sizes = self.comparison.segments.items()
        same += [self._of("part_segments", name) for name, table in sizes if is_same(table)]
        is_still = self.comparison.movement is not None and not self.comparison.has_moved
        return same + [self.say("part_movement")] * is_still

    @cached_property
    def unknown(self) -> list[str]:
        """Titles of the parts that one of the runs does not tell."""
        tables = self.comparison.tables
        parts = [self.say(f"part_{name}") for name in self._parts if tables[name] is None]
        is_lacking = self.comparison.is_same_client and self.comparison.movement is None
        return parts + [self.say("part_movement")] * is_lacking

    @property
    def runs(self) -> list[tuple[str, str]]:
        """Which run is which: `before` and `after`, each with its client and dates."""
        pairs = zip(("before", "after"), (self.comparison.before, self.comparison.after))
        return [(self.say(when), self._run(run)) for when, run in pairs]

    @property
    def summary(self) -> list[str]:
        """Sentences on what is the same and on what is not known."""
        lists = {"unchanged": self.unchanged, "unknown": self.unknown}
        if not self.comparison.differs:
            lists.pop("unchanged")
        same = [] if self.comparison.differs else [self.say("same")]
        return same + [
            self.say(key, parts=", ".join(parts)) for key, parts in lists.items() if parts
        ]

    def say(self, key: str, **fields: object) -> str:
        """Return a text of the comparison with its fields filled."""
        return self.texts.fill(f"page.compare_{key}", self.formats[1], **fields)

    @property
    def _parts(self) -> list[str]:
        return [name for name in self.comparison.tables if name != "fingerprint"]

    def _all(self) -> Iterator[Sheet]:
        writers = {
            "run": self._run_value,
            "inputs": lambda _, value, __: str(value)[:HASH_LETTERS],
            "lines": self._count_or_money,
            "parameters": lambda _, value, __: _plain(value),
            "versions": lambda _, value, __: _plain(value),
        }
        for name, write in writers.items():
            yield self._changes(name, write)
        if not any(self._is_changed(name) for name in writers):
            yield self._changes("fingerprint", lambda _, value, __: _plain(value))
        yield self._figures("kpis")
        yield self._changes("models", self._model)
        yield self._edges()
        for segmentation, table in self.comparison.segments.items():
            yield self._sizes(segmentation, table)
        yield self._movement()
        for segmentation, table in self.comparison.moves.items():
            yield self._moves(segmentation, table)

    def _is_changed(self, name: str) -> bool:
        table = self.comparison.tables[name]
        return table is not None and len(table) > 0

    def _changes(self, name: str, write: Callable[[str, object, int], str]) -> Sheet:
        heads = [self.say(key) for key in ("what", "before", "after")]
        rows = [
            [self._key(name, key), *self._sides(key, (before, after), write)]
            for key, before, after in self._rows(name)
        ]
        return Sheet(self.say(f"part_{name}"), heads, rows, words=3)

    def _figures(self, name: str) -> Sheet:
        heads = [self.say(key) for key in ("what", "before", "after", "change")]
        rows = [
            [
                self._key(name, key),
                *self._sides(key, (before, after), self._count_or_money),
                self._change(key, before, after),
            ]
            for key, before, after in self._rows(name)
        ]
        return Sheet(self.say(f"part_{name}"), heads, rows)

    def _rows(self, name: str) -> Iterator[tuple[str, Any, Any]]:
        table = self.comparison.tables[name]
        if table is not None:
            yield from table.itertuples(index=False, name=None)

    def _sides(
        self, key: str, values: tuple[object, object], write: Callable[[str, object, int], str]
    ) -> list[str]:
        return [
            MISSING if value is None else shown(write(key, value, side))
            for side, value in enumerate(values)
        ]

    def _key(self, name: str, key: str) -> str:
        if name == "kpis":
            return self.columns.label(key)
        if name == "inputs":
            table, _, file = key.partition(": ")
            return f"{self.texts.label(table)}: {shown(file)}"
        if name == "models" and f"page.compare_{key}" not in self.texts:
            return self.texts.label(key)
        own = {"run": {"client": "index_client"}, "fingerprint": {"fingerprint": "fingerprint"}}
        path = own.get(name, {}).get(key, key if name == "run" else f"compare_{key}")
        known = name in ("run", "lines", "models", "fingerprint") and f"page.{path}" in self.texts
        return self.texts.text(f"page.{path}") if known else shown(key)

    def _run(self, run: Run) -> str:
        formats, manifest = self.formats[1], run.manifest
        dates = self.texts.fill("page.index_as_of", formats, day=manifest.as_of)
        made = self.texts.fill("page.index_made", formats, at=manifest.finished)
        return f"{run.title} · {dates} · {made}"

    def _run_value(self, key: str, value: object, side: int) -> str:
        run = (self.comparison.before, self.comparison.after)[side]
        if key == "client":
            return run.title
        day = self.formats[1].date
        if key == "period" and run.manifest.as_of:
            return f"{day(value)} – {day(run.manifest.as_of - dt.timedelta(days=1))}"
        return day(value)

    def _count_or_money(self, key: str, value: object, side: int) -> str:
        return self.formats[side].by_kind(self._kind(key, value))(value)

    def _kind(self, key: str, value: object) -> str:
        known = {"amount": "money.0", "lines": "count"}.get(key.partition("_")[0])
        return known or self.columns.kind(key, pd.Series([value]))

    def _change(self, key: str, before: float | None, after: float | None) -> str:
        kind = self._kind(key, after)
        currencies = {formats.currency for formats in self.formats}
        if kind.startswith("money") and len(currencies) > 1:
            return ""
        return change_between(before, after, kind, self.formats[1], self.texts)

    def _model(self, key: str, value: object, side: int) -> str:
        return self.texts.label(value) if key == "clv_model" else self.formats[side].number(value)

    def _edges(self) -> Sheet:
        keys = ("what", "score", "edge_from", "edge_from_after", "edge_to", "edge_to_after")
        table = self.comparison.tables["edges"]
        rows = [] if table is None else table.itertuples(index=False, name=None)
        written = [
            [self.texts.label(measure), str(score), *map(self.formats[1].number, edges)]
            for measure, score, *edges in rows
        ]
        return Sheet(self.say("part_edges"), [self.say(key) for key in keys], written)

    def _sizes(self, segmentation: str, table: pd.DataFrame) -> Sheet:
        heads = [self.columns.label("segment")] + [
            self.say(key) for key in ("before", "after", "change", "share_before", "share_after")
        ]
        keys = ["segment", "before", "after", "change", "share_before", "share_after"]
        rows = [] if is_same(table) else table[keys].itertuples(index=False, name=None)
        count, percent = self.formats[1].integer, self.formats[1].percent
        written = [
            [
                self._segment(segmentation, segment),
                *map(count, sizes[:2]),
                signed(count(sizes[2]), sizes[2] > 0),
                *map(percent, sizes[3:]),
            ]
            for segment, *sizes in rows
        ]
        return Sheet(self._of("part_segments", segmentation), heads, written)

    def _movement(self) -> Sheet:
        keys = ("both", "moved", "moved_share", "only_before", "only_after")
        table = self.comparison.movement
        rows = [] if table is None or not self.comparison.has_moved else table.to_dict("records")
        kinds = dict.fromkeys(keys, "count") | {"moved_share": "percent"}
        written = [
            [
                self.texts.label(row["segmentation"]),
                *(self.formats[1].by_kind(kind)(row[key]) for key, kind in kinds.items()),
            ]
            for row in rows
        ]
        heads = [self.texts.label("segmentation"), *(self.say(key) for key in keys)]
        return Sheet(self.say("part_movement"), heads, written)

    def _moves(self, segmentation: str, table: pd.DataFrame) -> Sheet:
        heads = [self.say("segment_before"), self.say("segment_after")]
        written = [
            [*(self._segment(segmentation, name) for name in pair), self.formats[1].integer(count)]
            for *pair, count in table.head(self.most_moves).itertuples(index=False, name=None)
        ]
        title = self._of("part_moves", segmentation)
        return Sheet(title, [*heads, self.columns.label("customers")], written, words=2)

    def _of(self, key: str, segmentation: str) -> str:
        return self.say(key, segmentation=self.texts.label(segmentation))

    def _segment(self, segmentation: str, segment: str) -> str:
        try:
            return shown(self._playbook.name(segmentation, segment))
        except SegkitError:
            return shown(plain_words(segment))

    @cached_property
    def _playbook(self) -> Playbook:
        """Names as the later run's client calls them, its own file included where it still is."""
        run = self.comparison.after
        report = run.manifest.parameters.get("report")
        own = report.get("playbook") if isinstance(report, dict) else None
        try:
            file = run.folder.resolve().parents[2] / own if isinstance(own, str) else None
            return _led(Playbook.load(run.language, file), report)
        except (SegkitError, OSError, IndexError):
            return _led(Playbook.load(run.language), report)


def _led(playbook: Playbook, report: object) -> Playbook:
    """Return a playbook with the names of a run's report."""
    given = report if isinstance(report, dict) else {}
    return playbook.led_by(str(given.get("segmentation", ReportParams().segmentation)))


def _formats(run: Run, is_own: bool, language: str) -> Formats:
    return run.formats if is_own else formats_of(language, run.formats.currency)


def _is_empty(table: pd.DataFrame | None) -> bool:
    return table is not None and not len(table)


def _plain(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= VALUE_LETTERS else f"{text[:VALUE_LETTERS]}…"
