"""Runs: notebooks over clients, each whole or not at all.

A run is made in `reports/<client>/unfinished` and moved to `reports/<client>/<as_of>`
when it is complete; until then the last good report stays where it is.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from segkit.errors import ParamsError, SegkitError
from segkit.params import Params, check_params, find_root, load_params
from segkit.study.store import code_digest, key_of

UNFINISHED = "unfinished"
LIBRARIES = (
    "segkit",
    "pandas",
    "ibis-framework",
    "duckdb",
    "scikit-learn",
    "matplotlib",
    "papermill",
)
CELL_SECONDS = 3600
START_SECONDS = 120


@dataclass(frozen=True)
class Job:
    """One client to run; plain enough to travel to another process or machine."""

    client: str
    params: dict[str, Any]
    params_file: str
    root: Path
    force: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a client's run ended: `done`, `skipped` (nothing changed) or `failed`."""

    client: str
    state: str
    seconds: float = 0.0
    folder: Path | None = None
    problem: str = ""
    details: str = ""
    remarks: tuple[str, ...] = ()


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
        logging.getLogger(__name__).warning("the index is not written: %s", _one_line(error))


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
        problem = f"{file}: {type(error).__name__}: {_one_line(error)}"
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
            chapters = _manifest(root / "reports" / client / UNFINISHED).get("chapters", [])
            current = [chapter["name"] for chapter in chapters if chapter["state"] == "running"]
            if future in pending and current and told.get(client) != current[0]:
                told[client] = current[0]
                names = [chapter["name"] for chapter in chapters]
                listener(client, current[0], names.index(current[0]) + 1, len(names))


def _outcome(client: str, future: Future[Outcome]) -> Outcome:
    try:
        return future.result()
    except Exception as error:  # the process died: out of memory, killed
        return Outcome(client, "failed", problem=f"the process ended early ({_one_line(error)})")


def run_client(job: Job) -> Outcome:
    """Run one client in this process; never raises.

    Returns
    -------
    Outcome
        With the folder of the finished report, or the first line of what went wrong.
    """
    from filelock import FileLock, Timeout  # only where something is written

    begun = time.monotonic()
    home = job.root / "reports" / job.client
    home.mkdir(parents=True, exist_ok=True)
    outcome = Outcome(job.client, "failed")
    try:
        with FileLock(home / ".lock", timeout=0):
            outcome = _run(job, home)
    except Timeout:
        problem = "another run of this client is at work. Fix: wait for it to end"
        outcome = replace(outcome, problem=problem)
    except SegkitError as error:
        outcome = replace(outcome, problem=str(error), details=traceback.format_exc())
    except Exception as error:
        problem = f"{type(error).__name__}: {_one_line(error)}"
        outcome = replace(outcome, problem=problem, details=traceback.format_exc())
    return replace(outcome, seconds=time.monotonic() - begun)


def _run(job: Job, home: Path) -> Outcome:
    from segkit.study.study import Study  # heavy: loaded when a client is run

    params = check_params(job.params, where=job.params_file)
    folder = home / UNFINISHED
    study = Study(params, root=job.root, run_dir=folder)
    notebooks = chapter_notebooks(job.root)
    fingerprint = run_fingerprint(study, notebooks)
    if not job.force and (last := _unchanged(home, fingerprint, params)) is not None:
        return Outcome(job.client, "skipped", folder=last)
    manifest = _begin(folder, job, study, fingerprint, notebooks)
    try:
        _make(job, study, manifest, notebooks, folder)
    except Exception as error:
        manifest |= {"state": "failed", "problem": _one_line(error)}
        _write_manifest(folder, manifest)
        raise
    study.close()
    made, remarks = _move_into_place(folder, home / str(study.as_of)), manifest.get("remarks", ())
    return Outcome(job.client, "done", folder=made, remarks=tuple(remarks))


def chapter_notebooks(root: Path) -> list[Path]:
    """Return the notebooks that make a report, in order."""
    notebooks = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        raise SegkitError(
            "no notebooks",
            where=str(root / "notebooks"),
            fix="run in the project's folder, or --root",
        )
    return notebooks


def run_fingerprint(study: Any, notebooks: list[Path]) -> str:
    """Return a digest of everything that a run's result depends on."""
    sources = {notebook.name: notebook.read_text(encoding="utf-8") for notebook in notebooks}
    report = study.params.report
    own = [study.params.rfm.value_groups, report.playbook, report.insights]
    own.append(report.theme.logo)
    texts = [sha256((study.root / file).read_bytes()).hexdigest() for file in own if file]
    return key_of(study.params.model_dump(mode="json"), study.inputs, sources, texts)


def _unchanged(home: Path, fingerprint: str, params: Params) -> Path | None:
    tables = (params.orders, params.returns, params.customers, params.events)
    if any(table is not None and table.database is not None for table in tables):
        return None
    for file in sorted(home.glob("*/run.json"), reverse=True):
        held = _manifest(file.parent)
        whole = held.get("state") == "done" and (file.parent / "report.html").is_file()
        if whole and held.get("fingerprint") == fingerprint:
            return file.parent
    return None


def _begin(
    folder: Path, job: Job, study: Any, fingerprint: str, notebooks: list[Path]
) -> dict[str, Any]:
    """Return the manifest to work by: that of an interrupted run, or a fresh one."""
    held = _manifest(folder)
    if held.get("fingerprint") == fingerprint and not job.force:
        for chapter in held["chapters"]:
            chapter["state"] = "done" if chapter["state"] == "done" else "waiting"
        return held | {"state": "running", "problem": None}
    shutil.rmtree(folder, ignore_errors=True)
    return {
        "client": job.client,
        "name": study.params.title,
        "state": "running",
        "problem": None,
        "started": _now(),
        "fingerprint": fingerprint,
        "parameters_file": job.params_file,
        "parameters": study.params.plain(),
        "inputs": study.inputs,
        "versions": {"python": platform.python_version()}
        | {library: version(library) for library in LIBRARIES}
        | {"code": code_digest()},
        "chapters": [
            {"name": notebook.stem, "state": "waiting", "seconds": None} for notebook in notebooks
        ],
    }


def _make(
    job: Job, study: Any, manifest: dict[str, Any], notebooks: list[Path], folder: Path
) -> None:
    begun = time.monotonic()
    _write_manifest(folder, manifest)
    manifest |= _facts(study)
    for chapter, notebook in zip(manifest["chapters"], notebooks):
        if chapter["state"] != "done":
            _run_chapter(job, chapter, notebook, folder, manifest)
    manifest |= {"state": "done", "finished": _now(), "seconds": round(time.monotonic() - begun, 2)}
    _finish(study, manifest, folder)
    _write_manifest(folder, manifest)


def _run_chapter(
    job: Job, chapter: dict[str, Any], notebook: Path, folder: Path, manifest: dict[str, Any]
) -> None:
    begun = time.monotonic()
    chapter["state"] = "running"
    _write_manifest(folder, manifest)
    try:
        execute(notebook, folder / "notebooks" / notebook.name, job, folder)
    except Exception:
        chapter["state"] = "failed"
        raise
    chapter |= {"state": "done", "seconds": round(time.monotonic() - begun, 2)}


def execute(notebook: Path, output: Path, job: Job, folder: Path) -> None:
    """Run a notebook for a client with papermill.

    Raises
    ------
    SegkitError
        With the cell's error in one line; the notebook is kept, with the error marked.
    """
    import papermill  # heavy: loaded when a notebook is run
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # with papermill
    from traitlets.config import Config  # with papermill

    # Names are checked against the schema; papermill only knows those in the notebook's cell.
    logging.getLogger("papermill").setLevel(logging.ERROR)
    parameters = {**job.params, "root": str(job.root), "run_dir": str(folder)}
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sk") as sockets:
        config = Config()
        if os.name == "posix":  # private sockets: parallel kernels cannot take each other's ports
            config.KernelManager.transport = "ipc"
            config.KernelManager.ip = f"{sockets}/k"
        try:
            papermill.execute_notebook(
                str(notebook),
                str(output).replace("{", "{{").replace("}", "}}"),
                parameters=json.loads(json.dumps(parameters)),
                kernel_name="python3",
                progress_bar=False,
                start_timeout=START_SECONDS,
                execution_timeout=CELL_SECONDS,
                config=config,
                extra_arguments=["--IPKernelApp.log_level=50"],  # kernels say so when stopped
            )
        except papermill.PapermillExecutionError as error:
            raise _cell_error(notebook, output, f"{error.ename}: {error.evalue}", job) from error
        except (CellTimeoutError, DeadKernelError) as error:
            raise _cell_error(notebook, output, _one_line(error), job) from error


def _cell_error(notebook: Path, output: Path, problem: str, job: Job) -> SegkitError:
    own = ("SegkitError: ", "DataError: ", "RuleError: ", "ParamsError: ")
    for prefix in own:
        problem = problem.removeprefix(prefix)
    shown = output.relative_to(job.root) if output.is_relative_to(job.root) else output
    return SegkitError(
        " ".join(problem.split()), where=notebook.stem, fix=f"look at the marked cell in {shown}"
    )


def _facts(study: Any) -> dict[str, Any]:
    quality = study.quality[study.quality["source"] == "orders"].set_index("rule")
    counts = {
        f"lines_{rule}": int(quality.loc[rule, "lines"]) for rule in ("read", "kept", "rejected")
    }
    amounts = {f"amount_{rule}": float(quality.loc[rule, "amount"]) for rule in ("read", "kept")}
    customers = {"customers": len(study.customers), "buyers": len(study.buyers)}
    return {
        "as_of": study.as_of.isoformat(),
        "period_start": study.period_start.isoformat(),
        "counts": counts | amounts | customers,
    }


def _finish(study: Any, manifest: dict[str, Any], folder: Path) -> None:
    from segkit.report.build import build  # heavy: loaded when a page is made

    build(
        study,
        manifest,
        [folder / "notebooks" / f"{chapter['name']}.ipynb" for chapter in manifest["chapters"]],
    )


def _move_into_place(folder: Path, target: Path) -> Path:
    aside = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
    if target.exists():
        target.rename(aside)
    folder.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
    return target


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".run-{uuid.uuid4().hex[:8]}.json"
    aside.write_text(json.dumps(manifest, ensure_ascii=False, indent=2), encoding="utf-8")
    os.replace(aside, folder / "run.json")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__
