"""Progress of runs: one line a client on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from segkit.run.clients import Listener


@contextmanager
def watching() -> Iterator[Listener]:
    """Yield a listener for `segkit.run.clients.run_clients` that suits standard error."""
    if not sys.stderr.isatty():
        yield _log
        return
    from rich.console import Console  # only a terminal needs it

    # Only a terminal needs it.
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.fields[client]}"),
        BarColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def show(client: str, chapter: str, place: int, count: int) -> None:
            if client not in tasks:
                tasks[client] = progress.add_task(chapter, total=count, client=client)
            progress.update(tasks[client], description=chapter, completed=place - 1)

        yield show


def _log(client: str, chapter: str, place: int, count: int) -> None:
    print(f"{datetime.now():%H:%M:%S} {client}: {chapter} ({place} of {count})", file=sys.stderr)
