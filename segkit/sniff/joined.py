"""Two tables of one log that no layout knows: which key they share, and which holds the lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from segkit.errors import SegkitError
from segkit.sniff.names import Names
from segkit.sniff.sample import Column, Sample, shown

SHARED = 0.5
"""Share of one file's keys that have to be in the other: both are looked at only in part."""


def joined(
    samples: Sequence[Sample], names: Names
) -> tuple[int, Sample, dict[int, dict[str, Any]]]:
    """Return the place of the orders' file, one sample of all, and how others are joined to it.

    Raises
    ------
    SegkitError
        No file holds orders, or one shares no key with them.
    """
    if len(samples) == 1:
        return 0, samples[0], {}
    main = _main(samples, names)
    sample, joins = samples[main], {}
    waiting = [place for place in range(len(samples)) if place != main]
    while waiting:
        found = next(
            ((place, key) for place in waiting if (key := _key(sample, samples[place]))), None
        )
        if found is None:
            seen = ", ".join(shown(column.name) for column in samples[waiting[0]].columns)
            raise SegkitError(
                f"a file shares no key with the orders; its columns are {seen}",
                fix="leave it out, or say how it is joined in orders.join",
            )
        place, key = found
        sample, has_lines = _together(sample, samples[place], key)
        joins[place] = {"key": key} | ({"lines": True} if has_lines else {})
        waiting.remove(place)
    return main, sample, joins


def _main(samples: Sequence[Sample], names: Names) -> int:
    """Return the place of the file with a date and a customer."""
    roles = [names.roles(column.name for column in sample.columns) for sample in samples]
    for wanted in ({"date", "order", "customer"}, {"date", "customer"}, {"date", "order"}):
        fits = [place for place, has in enumerate(roles) if has >= wanted]
        if fits:
            return fits[0]
    raise SegkitError(
        "none of the files has both a date and a customer, by its columns' names",
        fix="give the file of the orders first, and name its columns: --column date=NAME",
    )


def _key(left: Sample, right: Sample) -> list[str]:
    """Return the columns that the files share: of one name, and with values of each other."""
    theirs = {column.name.casefold(): column for column in right.columns}
    best: tuple[float, list[str]] = (SHARED, [])
    for own in left.columns:
        other = theirs.get(own.name.casefold())
        if other is None or not own.counts or not other.counts:
            continue
        both = len(own.counts.keys() & other.counts.keys())
        share = both / min(len(own.counts), len(other.counts))
        unique = max(len(c.counts) / c.present for c in (own, other))
        if share * unique > best[0]:
            same = own.name == other.name
            best = (share * unique, [own.name] if same else [own.name, other.name])
    return best[1]


def _together(left: Sample, right: Sample, key: Sequence[str]) -> tuple[Sample, bool]:
    """Return both samples as one, and whether the right one holds several rows a key."""
    own = next(column for column in left.columns if column.name == key[0])
    other = next(column for column in right.columns if column.name == key[-1])
    has_lines = len(other.counts) < other.present
    first = {value: row for row, value in reversed(list(enumerate(own.values)))}
    theirs = {value: row for row, value in reversed(list(enumerate(other.values)))}
    if has_lines:
        rows = [(first[value], row) for row, value in enumerate(other.values) if value in first]
    else:
        rows = [(row, theirs[v]) for row, v in enumerate(own.values) if v in theirs]
    taken = {column.name.casefold() for column in left.columns}
    columns = [Column(c.name, [c.values[row] for row, _ in rows], c.kind) for c in left.columns]
    columns += [
        Column(c.name, [c.values[row] for _, row in rows], c.kind)
        for c in right.columns
        if c.name.casefold() not in taken
    ]
    return Sample(left.format, columns, left.separator, left.encoding, left.sheet), has_lines
