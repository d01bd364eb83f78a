"""What of a client needs somebody's attention, and why: the order of the page over all clients."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

from segkit.report.index.clients import Client
from segkit.report.index.forecasts import checked_forecast
from segkit.report.index.runs import Lost, shown

KINDS = ("failed", "unfinished", "lost", "missed", "old")
"""Why a client needs attention, the most urgent first."""
GROUPS = ("failed", "attention", "well")
OLD_DAYS = 45
"""Days after which a run is old: a monthly one has then been left out, and not just come late."""


@dataclass(frozen=True)
class Notice:
    """Something to look at.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    weight : float
        How much there is of it; of two clients the one with more comes first.
    said : list of (str, dict)
        Keys of sentences of the page, and their fields; a key of None is a plain text of its own
        (`text`).
    """

    kind: str
    weight: float = 0.0
    said: list[tuple[str | None, dict[str, object]]] = field(default_factory=list)


def notices(client: Client, now: dt.datetime) -> list[Notice]:
    """Return what of a client needs attention, the most urgent first; nothing where all is well.

    Parameters
    ----------
    client : Client
    now : datetime
        When the page is written.
    """
    return sorted(_notices(client, now), key=lambda notice: KINDS.index(notice.kind))


def urgency(client: Client, found: list[Notice]) -> tuple[int, float, str, str]:
    """Return what clients are sorted by: the most urgent notice, how much of it, the name."""
    place = KINDS.index(found[0].kind) if found else len(KINDS)
    weight = found[0].weight if found else 0.0
    return place, -weight, client.title.casefold(), client.id


def group_of(found: list[Notice]) -> str:
    """Return the group of a client with these notices: one of `GROUPS`.

    Examples
    --------
    >>> group_of([]), group_of([Notice("old")]), group_of([Notice("failed"), Notice("old")])
    ('well', 'attention', 'failed')
    """
    if not found:
        return "well"
    return "failed" if found[0].kind == "failed" else "attention"


def _notices(client: Client, now: dt.datetime) -> Iterator[Notice]:
    if client.state != "done":
        yield Notice(client.state, said=list(_stopped(client)))
    if client.newest is None:
        return
    if lost := client.newest.manifest.loss:
        yield Notice("lost", lost.share, [_lost(lost, client.newest.params.has_amounts)])
    checked = checked_forecast(client.runs)
    if checked is not None and checked.is_missed:
        side = "below" if checked.is_below else "above"
        span = "month" if checked.first == checked.last else "months"
        said = [(f"index_missed_{side}_{span}", dict(vars(checked)))]
        yield Notice("missed", checked.distance, list(said))
    days = (now - client.seen).days if client.seen else 0
    if days > OLD_DAYS:
        yield Notice("old", days, [("index_old", {"days": days})])


def _stopped(client: Client) -> Iterator[tuple[str | None, dict[str, object]]]:
    """Yield why a run did not come to its end, and how far it came."""
    if client.problem:
        yield None, {"text": client.problem}
    if client.unfinished:
        steps = client.unfinished.manifest.chapters
        failed = [step.name for step in steps if step.state == "failed"]
        if client.state == "failed" and failed:
            yield "index_chapter", {"chapter": shown(failed[0])}
        elif client.state == "unfinished":
            done = sum(step.state == "done" for step in steps)
            yield "index_progress", {"done": done, "chapters": len(steps)}
    if client.newest:
        yield "index_older", {}


def _lost(lost: Lost, has_amounts: bool) -> tuple[str, dict[str, object]]:
    """Return what of the log could not be read: in money where it is known."""
    if has_amounts and lost.amount:
        return "loss_money", {"lines": lost.lines, "amount": lost.amount}
    return "loss", {"lines": lost.lines, "share": lost.share}
