"""The page over all clients: how each one's last run ended, its key figures, its files."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

import pandas as pd
from filelock import FileLock, Timeout
from markupsafe import Markup

from segkit.errors import SegkitError
from segkit.foundation.files import replacing
from segkit.params import Params
from segkit.report.index.attention import GROUPS, Notice, group_of, notices, urgency
from segkit.report.index.benchmarks import Benchmarks
from segkit.report.index.clients import Client, Ending, Memory, find_clients, remember
from segkit.report.index.frame import around, formats_of
from segkit.report.index.runs import Run
from segkit.report.index.sparkline import sparkline, trend_of
from segkit.report.web.pages import template
from segkit.words.changes import change_between
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts

INDEX = "index.html"
BENCHMARKS = "benchmarks.html"
FIGURES = ("customers", "buyers", "revenue", "aov", "repeat_rate")
FILES = {
    "report": "report.html",
    "annex": "annex.html",
    "brief": "brief.html",
    "pdf": "report.pdf",
    "slides": "slides.pptx",
    "tables": "exports/tables.xlsx",
}
"""What a run may leave for a reader; those that are there are linked."""
LOCK_SECONDS = 60  # two schedulers may end at once, and one then waits for the other


@dataclass(frozen=True)
class Row:
    """What the page says of a client; everything but `trend` is plain text."""

    title: str
    state: str
    label: str
    group: str
    reasons: list[tuple[str, list[str]]]
    facts: list[str]
    figures: list[tuple[str, str, str]]
    trend: Markup
    trend_note: str
    files: list[tuple[str, str]]
    earlier: list[tuple[str, str]]
    earlier_title: str


def write_index(
    root: Path,
    *,
    endings: Iterable[Ending] = (),
    language: str | None = None,
    benchmarks: bool | None = None,
) -> Path:
    """Write `reports/index.html` over all clients found there.

    Parameters
    ----------
    root : Path
        The project's folder.
    endings : iterable of Ending, optional
        How runs just ended; they are remembered, as are the other two.
    language : str, optional
        Of the page; by default as last time, else that of most clients.
    benchmarks : bool, optional
        Whether clients are compared; by default as last time, else not.

    Returns
    -------
    Path
        The page; replaced only when the new one is whole.

    Raises
    ------
    SegkitError
        When another program has been writing the page for a minute.
    RuleError
        When there are no texts in the language.
    """
    if language is not None:
        Texts(language)
    folder = root / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".index.lock", timeout=LOCK_SECONDS):
            memory = remember(folder, endings, language, benchmarks)
            page = index_html(find_clients(root, memory), memory, _now())
            with replacing(folder / INDEX) as beside:
                beside.write_text(page, encoding="utf-8", newline="\n", errors="replace")
    except Timeout:
        fix = "wait for it to end, then: segkit index"
        raise SegkitError("another program writes it", where=INDEX, fix=fix) from None
    return folder / INDEX


def write_benchmarks(root: Path, language: str | None = None) -> Path:
    """Write `reports/benchmarks.html`, where clients are compared and none is named.

    Parameters
    ----------
    root : Path
        The project's folder.
    language : str, optional
        Of the page; by default that of most clients.

    Raises
    ------
    SegkitError
        When there are so few clients that one could be told from the rest.
    """
    clients = find_clients(root, Memory())
    language = language or _language_of_most(clients)
    texts = Texts(language)
    told = Benchmarks.of([client.newest for client in clients if client.newest]).anonymous()
    page = template("benchmarks.html.j2").render(
        **around(texts, _now()), benchmarks=told.spoken(texts, formats_of(language))
    )
    with replacing(root / "reports" / BENCHMARKS) as beside:
        beside.write_text(page, encoding="utf-8", newline="\n", errors="replace")
    return root / "reports" / BENCHMARKS


def index_html(clients: list[Client], memory: Memory, now: dt.datetime) -> str:
    """Return the page over clients as text."""
    language = memory.language or _language_of_most(clients)
    texts, columns, formats = Texts(language), Columns(language), formats_of(language)
    found = [(client, notices(client, now)) for client in clients]
    found.sort(key=lambda pair: urgency(*pair))
    return template("index.html.j2").render(
        **around(texts, now),
        heads=[columns.label(name) for name in FIGURES],
        rows=[_row(client, noticed, texts, columns) for client, noticed in found],
        filters=_filters([group_of(noticed) for _, noticed in found], texts, formats),
        benchmarks=_compared(clients, texts, formats) if memory.benchmarks else None,
    )


def _compared(clients: list[Client], texts: Texts, formats: Formats) -> dict[str, object] | None:
    told = Benchmarks.of([client.newest for client in clients if client.newest])
    return told.spoken(texts, formats) if told.clients else None


def _language_of_most(clients: list[Client]) -> str:
    spoken = Counter(client.newest.language for client in clients if client.newest)
    usual = Params.model_fields["language"].default
    return max(spoken, key=lambda language: (spoken[language], language == usual), default=usual)


def _filters(groups: list[str], texts: Texts, formats: Formats) -> list[tuple[str, str]]:
    """Return anchor and words of each group that has clients, and of all of them."""
    counts = Counter(groups)
    parts = [(group, counts[group]) for group in GROUPS if counts[group]]
    return [
        (group, texts.fill(f"page.index_group_{group}", formats, clients=count))
        for group, count in [("all", len(groups)), *parts]
    ]


def _row(client: Client, found: list[Notice], texts: Texts, columns: Columns) -> Row:
    run, say = client.newest, _Words(client, texts)
    trend, note = _trend(run, say)
    return Row(
        title=client.title,
        state=client.state,
        label=texts.text(f"page.index_state_{client.state}"),
        group=group_of(found),
        reasons=[(say(f"index_why_{notice.kind}"), list(say.all(notice))) for notice in found],
        facts=list(_facts(client, say)),
        figures=list(_figures(client, say, columns)),
        trend=trend,
        trend_note=note,
        files=[
            (texts.text(f"page.index_{name}"), _link(client, run, file))
            for name, file in FILES.items()
            if run and (run.folder / file).is_file()
        ],
        earlier=[
            (say.formats.date(each.manifest.as_of), _link(client, each, FILES["report"]))
            for each in client.runs[1:]
            if (each.folder / FILES["report"]).is_file()
        ],
        earlier_title=say("index_earlier", runs=len(client.runs) - 1) if run else "",
    )


class _Words:
    """Sentences of the page, with numbers as the client's readers write them."""

    def __init__(self, client: Client, texts: Texts) -> None:
        self.texts, self._client = texts, client

    @cached_property
    def formats(self) -> Formats:
        run = self._client.newest or self._client.unfinished
        return run.formats if run else formats_of(self.texts.language)

    def __call__(self, key: str, **fields: object) -> str:
        return self.texts.fill(f"page.{key}", self.formats, **fields)

    def all(self, notice: Notice) -> Iterator[str]:
        """Yield the sentences of a notice."""
        for key, fields in notice.said:
            yield str(fields["text"]) if key is None else self(key, **fields)


def _facts(client: Client, say: _Words) -> Iterator[str]:
    if client.newest is None:
        return
    manifest = client.newest.manifest
    has_amounts = client.newest.params.has_amounts
    currency = str(client.newest.params.currency) if has_amounts else say("index_units")
    yield f"{say('index_as_of', day=manifest.as_of)} · {currency}"
    yield say("index_made", at=manifest.finished)
    if len(client.runs) > 1:
        key = "since" if _is_comparable(*client.runs[:2]) else "not_compared"
        yield say(f"index_{key}", day=client.runs[1].manifest.as_of)


def _is_comparable(newest: Run, previous: Run) -> bool:
    same = ("currency", "period_months")
    return all(getattr(newest.params, name) == getattr(previous.params, name) for name in same)


def _figures(client: Client, say: _Words, columns: Columns) -> Iterator[tuple[str, str, str]]:
    """Yield header, value and change of each key figure."""
    if client.newest is None:
        return
    now = client.newest.headline
    is_followed = len(client.runs) > 1 and _is_comparable(*client.runs[:2])
    before = client.runs[1].headline if is_followed else {}
    for name in FIGURES:
        kind = columns.kind(name, pd.Series([now[name]]) if name in now else None)
        value = say.formats.by_kind(kind)(now.get(name))
        change = change_between(before.get(name), now.get(name), kind, say.formats, say.texts)
        yield columns.label(name), value, change


def _trend(run: Run | None, say: _Words) -> tuple[Markup, str]:
    """Return the picture of the months, and which months it shows or why there is none."""
    if run is None:
        return Markup(""), ""
    table = trend_of(run.monthly)
    if table is None:
        return Markup(""), say("index_no_trend")
    whole = table[table["complete"]]
    fields = {"first": whole["month"].iloc[0], "last": whole["month"].iloc[-1]}
    revenue = whole["revenue"]
    fields |= {"low": revenue.min(), "high": revenue.max(), "final": revenue.iloc[-1]}
    months = f"{say.formats.month(fields['first'])} – {say.formats.month(fields['last'])}"
    is_cut = len(whole) < len(table)
    alt = [say("index_trend_alt", **fields)] + [say("index_incomplete")] * is_cut
    return sparkline(table, " ".join(alt)), months


def _link(client: Client, run: Run, file: str) -> str:
    return quote(os.fsencode(f"{client.id}/{run.folder.name}/{file}"), safe="/")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
