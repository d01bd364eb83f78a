"""Runs over clients: all are checked first, and one's failure never stops another's."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from segkit.errors import ParamsError, SegkitError
from segkit.params import find_root, load_params
from segkit.run.execute import UNFINISHED, Job, Outcome, run_client
from segkit.run.kernels import one_line
from segkit.run.manifest import read_manifest

Listener = Callable[[str, str, int, int], None]
"""Called with client, chapter, its place and the number of chapters."""


def run_clients(
    files: Iterable[str | Path],
    *,
    root: str | Path | None = None,
    jobs: int = 1,
    force: bool = False,
    executor: Executor | None = None,
    listener: Listener = lambda *_: None,
) -> list[Outcome]:
    """Run clients to their reports; one client's failure never stops another's.

    Parameters
    ----------
    files : iterable of path
        Parameter files, one a client.
    root : path, optional
        Folder of `notebooks/` and `reports/`; relative paths start from it.
    jobs : int
        Clients at work at the same time, each in a process of its own.
    force : bool
        Run clients whose inputs, parameters and code have not changed, too.
    executor : concurrent.futures.Executor, optional
        Where to run instead, such as a Dask client's `get_executor()`; the folder
        `root` must be visible there.
    listener : callable, optional
        Told about progress.

    Returns
    -------
    list of Outcome
        In the order of `files`. All parameters and inputs are checked before any work
        starts; a client that does not pass is `failed` and the others run.
    """
    root = Path(root).resolve() if root else find_root()
    paths = [Path(file) for file in files]
    checked = [_checked(file, root, force) for file in paths]
    checked = _refuse_repeated(checked)
    todo = [job for job in checked if isinstance(job, Job)]
    own = executor or ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        futures = {job.client: own.submit(run_client, job) for job in todo}
        _follow(futures, root, listener)
        done = {client: _outcome(client, future) for client, future in futures.items()}
    finally:
        if executor is None:
            own.shutdown(cancel_futures=True)
    outcomes = [done[job.client] if isinstance(job, Job) else job for job in checked]
    _write_index(root, paths, outcomes)
    return outcomes


def _write_index(root: Path, files: list[Path], outcomes: list[Outcome]) -> None:
    """Bring the page over all clients up to date; no run fails because of it."""
    from segkit.report.index.clients import Ending  # heavy: loaded when a page is made
    from segkit.report.index.index import write_index  # heavy: loaded when a page is made

    now = datetime.now(UTC)
    try:
        endings = [
            Ending(
                client=outcome.client,
                state=outcome.state,
                problem=outcome.problem,
                file=_name_below(root, file),
                at=now,
            )
            for file, outcome in zip(files, outcomes, strict=True)
        ]
        write_index(root, endings=endings)
    except Exception as error:
        logging.getLogger(__name__).warning("the index is not written: %s", one_line(error))


def _checked(file: Path, root: Path, force: bool) -> Job | Outcome:
    from segkit.run.preflight import preflight  # heavy: `segkit --help` does without

    try:
        params = load_params(file)
        preflight(params, root)
    except ParamsError as error:
        return Outcome(file.stem, "failed", problem=str(error))
    except SegkitError as error:
        return Outcome(file.stem, "failed", problem=f"{file}: {error}")
    except Exception as error:  # one client's odd file must not stop the others
        problem = f"{file}: {type(error).__name__}: {one_line(error)}"
        return Outcome(file.stem, "failed", problem=problem, details=traceback.format_exc())
    return Job(params.client, params.plain(), _name_below(root, file), root, force)


def _name_below(root: Path, file: Path) -> str:
    """Return a file's path from the project's folder; of one elsewhere, its name."""
    file = file.resolve()
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def _refuse_repeated(checked: list[Job | Outcome]) -> list[Job | Outcome]:
    seen: dict[str, str] = {}
    result: list[Job | Outcome] = []
    for job in checked:
        if isinstance(job, Job) and job.client in seen:
            problem = (
                f"{job.params_file}: client: '{job.client}' is also in {seen[job.client]}. "
                "Fix: give each client a name of its own"
            )
            job = Outcome(job.client, "failed", problem=problem)
        elif isinstance(job, Job):
            seen[job.client] = job.params_file
        result.append(job)
    return result


def _follow(futures: dict[str, Future[Outcome]], root: Path, listener: Listener) -> None:
    """Tell the listener of progress, as the runs write it down, until all have ended."""
    told: dict[str, str] = {}
    pending = set(futures.values())
    while pending:
        _, pending = wait(pending, timeout=0.3)
        for client, future in futures.items():
            chapters = read_manifest(root / "reports" / client / UNFINISHED).get("chapters", [])
            current = [chapter["name"] for chapter in chapters if chapter["state"] == "running"]
            if future in pending and current and told.get(client) != current[0]:
                told[client] = current[0]
                names = [chapter["name"] for chapter in chapters]
                listener(client, current[0], names.index(current[0]) + 1, len(names))


def _outcome(client: str, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # the process died: out of memory, killed
        return Outcome(client, "failed", problem=f"the process ended early ({one_line(error)})")
