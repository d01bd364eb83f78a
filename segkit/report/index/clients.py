"""The clients under `reports/`: their finished runs, and how the last one ended."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ValidationError

from segkit.errors import SegkitError
from segkit.foundation.files import replacing
from segkit.params import languages
from segkit.report.index.runs import MANIFEST, Run, read_json, read_run, shown, without_folders

MEMORY = ".index.json"
UNFINISHED, DRAFT = "unfinished", "draft"


class Ending(BaseModel):
    """How a client's last run ended, as the runner told it."""

    client: str
    state: str
    problem: str = ""
    file: str = ""
    at: AwareDatetime


class Memory(BaseModel):
    """What is known between two writings of the page: choices, and endings by params file."""

    language: str | None = None
    benchmarks: bool = False
    endings: dict[str, Ending] = {}


@dataclass(frozen=True)
class Client:
    """A client under `reports/`: its finished runs, newest first, and how the last one ended.

    `seen` is when it last ran well, or was skipped because nothing had changed.
    """

    id: str
    state: str
    problem: str = ""
    runs: list[Run] = field(default_factory=list)
    unfinished: Run | None = None
    seen: dt.datetime | None = None

    @property
    def newest(self) -> Run | None:
        """The finished run of the latest date."""
        return self.runs[0] if self.runs else None

    @property
    def title(self) -> str:
        """Its name as shown in reports."""
        run = self.newest or self.unfinished
        return run.title if run else shown(self.id)


def find_clients(root: Path, memory: Memory) -> list[Client]:
    """Return the clients that have run, or that failed before they could, by their names.

    Parameters
    ----------
    root : Path
        The project's folder.
    memory : Memory
        How runs ended.
    """
    folders = [path for path in (root / "reports").glob("[!.]*") if path.is_dir()]
    found = [client for folder in folders if (client := _client(folder, memory, root))]
    known = {client.id for client in found} | {
        run.manifest.parameters_file for client in found for run in client.runs[:1]
    }
    for file, ending in memory.endings.items():
        is_new = not known & {ending.client, file}
        if is_new and ending.state == "failed" and (root / file).is_file():
            found.append(Client(ending.client, "failed", _told(ending.problem, root)))
    return sorted(found, key=lambda client: (client.title.casefold(), client.id))


def remember(
    folder: Path, endings: Iterable[Ending], language: str | None, benchmarks: bool | None
) -> Memory:
    """Return what was known of `reports/` and what is new, and write it down.

    Parameters
    ----------
    folder : Path
        `reports/`.
    endings : iterable of Ending
        How runs just ended.
    language, benchmarks : optional
        Choices; None leaves what was chosen before.
    """
    memory = _memory(folder)
    memory = memory.model_copy(
        update={
            "language": language or memory.language,
            "benchmarks": memory.benchmarks if benchmarks is None else benchmarks,
            "endings": memory.endings | {ending.file: ending for ending in endings},
        }
    )
    with replacing(folder / MEMORY) as beside:
        text = json.dumps(memory.model_dump(mode="json"), ensure_ascii=False, indent=1)
        beside.write_text(text, encoding="utf-8", errors="replace")
    return memory


def _memory(folder: Path) -> Memory:
    try:
        memory = Memory.model_validate(read_json(folder / MEMORY))
    except ValidationError:
        return Memory()
    is_known = memory.language in languages()
    return memory if is_known else memory.model_copy(update={"language": None})


def _client(folder: Path, memory: Memory, root: Path) -> Client | None:
    homes = [path for path in folder.glob("[!.]*") if (path / MANIFEST).is_file()]
    homes = [path for path in homes if path.name != DRAFT]
    runs, problems = [], {}
    for home in homes:
        try:
            runs.append(_checked(read_run(home)))
        except SegkitError as error:
            problems[home.name] = str(error)
    done = [run for run in runs if run.is_done and run.folder.name != UNFINISHED]
    done.sort(key=lambda run: (run.manifest.as_of, run.manifest.finished), reverse=True)
    unfinished = next((run for run in runs if run.folder.name == UNFINISHED), None)
    if not homes:
        return None
    client = Client(folder.name, "done", runs=done, unfinished=unfinished)
    state, problem = _ending(client, problems, memory)
    kept = unfinished if state != "done" else None
    seen = max(_seen(client, memory), default=None)
    told = _told(problem, root)
    return replace(client, state=state, problem=told, unfinished=kept, seen=seen)


def _checked(run: Run) -> Run:
    """Return a run that can be shown; a finished one has dates and a known currency."""
    _ = run.formats
    if run.is_done and (run.manifest.as_of is None or run.manifest.finished is None):
        fix = "run the client again"
        raise SegkitError("is done but has no dates", where=str(run.folder / MANIFEST), fix=fix)
    return run


def _ending(client: Client, problems: Mapping[str, str], memory: Memory) -> tuple[str, str]:
    """Return the state and the problem of what happened last."""
    if problems and max(problems) >= max((run.folder.name for run in client.runs), default=""):
        return "failed", problems[max(problems)]
    events: list[tuple[dt.datetime, str, str]] = []
    if client.newest:
        ends = [run.manifest.finished for run in client.runs if run.manifest.finished]
        events.append((max(ends), "done", ""))
    if client.unfinished:
        manifest = client.unfinished.manifest
        state = "failed" if manifest.state == "failed" else "unfinished"
        events.append((manifest.started, state, manifest.problem or ""))
    for ending in _endings(client, memory):
        state = "failed" if ending.state == "failed" else "done"
        events.append((ending.at, state, ending.problem))
    _, state, problem = max(events, key=lambda event: (event[0], event[1] == "failed"))
    return state, problem


def _endings(client: Client, memory: Memory) -> list[Ending]:
    """Return how runs of a client ended, as remembered."""
    files = {run.manifest.parameters_file for run in (client.newest, client.unfinished) if run}
    known = memory.endings.values()
    return [each for each in known if each.client == client.id or each.file in files]


def _seen(client: Client, memory: Memory) -> Iterator[dt.datetime]:
    """Yield when a client ran well, or was skipped with nothing changed."""
    for run in client.runs:
        if run.manifest.finished:
            yield run.manifest.finished
    for ending in _endings(client, memory):
        if ending.state != "failed" and client.runs:
            yield ending.at


def _told(problem: str, root: Path) -> str:
    """Return the first line of a problem, without folders of this machine."""
    first = next((line for line in problem.splitlines() if line.strip()), "")
    first = first.replace(f"{root}/", "").replace(f"{root.resolve()}/", "")
    return shown(without_folders(first))[:500]
