"""One client's run: its notebooks, then its report, whole or not at all.

A run is made in `reports/<client>/unfinished` and moved to `reports/<client>/<as_of>`
when it is complete; until then the last good report stays where it is.
"""

from __future__ import annotations

import shutil
import time
import traceback
import uuid
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from segkit.data.loss import Loss
from segkit.errors import SegkitError
from segkit.params import Params, check_params
from segkit.run.kernels import execute, one_line
from segkit.run.manifest import facts, new_manifest, now, read_manifest, write_manifest
from segkit.study.store import key_of

UNFINISHED = "unfinished"


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
        problem = f"{type(error).__name__}: {one_line(error)}"
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
        manifest |= {"state": "failed", "problem": one_line(error)}
        write_manifest(folder, manifest)
        raise
    study.close()
    made, remarks = _move_into_place(folder, home / str(study.as_of)), _remarks(manifest)
    return Outcome(job.client, "done", folder=made, remarks=tuple(remarks))


def _remarks(manifest: dict[str, Any]) -> list[str]:
    """Return what whoever ran a client has to know of it."""
    loss = manifest.get("loss")
    told = [Loss(**loss | {"rules": tuple(loss["rules"])}).told] if loss else []
    return [*told, *manifest.get("questions", []), *manifest.get("remarks", [])]


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
    tables = (params.orders, params.returns, params.registered, params.events)
    if any(table is not None and table.database is not None for table in tables):
        return None
    for file in sorted(home.glob("*/run.json"), reverse=True):
        held = read_manifest(file.parent)
        whole = held.get("state") == "done" and (file.parent / "report.html").is_file()
        if whole and held.get("fingerprint") == fingerprint:
            return file.parent
    return None


def _begin(
    folder: Path, job: Job, study: Any, fingerprint: str, notebooks: list[Path]
) -> dict[str, Any]:
    """Return the manifest to work by: that of an interrupted run, or a fresh one."""
    held = read_manifest(folder)
    if held.get("fingerprint") == fingerprint and not job.force:
        for chapter in held["chapters"]:
            chapter["state"] = "done" if chapter["state"] == "done" else "waiting"
        return held | {"state": "running", "problem": None}
    shutil.rmtree(folder, ignore_errors=True)
    return new_manifest(
        study,
        params_file=job.params_file,
        fingerprint=fingerprint,
        chapters=[notebook.stem for notebook in notebooks],
    )


def _make(
    job: Job, study: Any, manifest: dict[str, Any], notebooks: list[Path], folder: Path
) -> None:
    begun = time.monotonic()
    write_manifest(folder, manifest)
    manifest |= facts(study)
    for chapter, notebook in zip(manifest["chapters"], notebooks):
        if chapter["state"] != "done":
            _run_chapter(job, chapter, notebook, folder, manifest)
    manifest |= {"state": "done", "finished": now(), "seconds": round(time.monotonic() - begun, 2)}
    _finish(study, manifest, folder)
    write_manifest(folder, manifest)


def _run_chapter(
    job: Job, chapter: dict[str, Any], notebook: Path, folder: Path, manifest: dict[str, Any]
) -> None:
    begun = time.monotonic()
    chapter["state"] = "running"
    write_manifest(folder, manifest)
    try:
        given = {**job.params, "root": str(job.root), "run_dir": str(folder)}
        execute(notebook, folder / "notebooks" / notebook.name, given, root=job.root)
    except Exception:
        chapter["state"] = "failed"
        raise
    chapter |= {"state": "done", "seconds": round(time.monotonic() - begun, 2)}


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
