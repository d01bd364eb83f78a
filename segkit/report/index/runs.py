"""What runs left on disk, read with care: a file may be damaged, or of another version."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from segkit.errors import SegkitError
from segkit.params import NO_CURRENCY, Params, languages
from segkit.words.format import Formats

MANIFEST = "run.json"
HEADLINE = ("customers", "buyers", "orders", "revenue", "aov", "repeat_rate")
_SHOWN = ("client", "name", "currency", "language", "locale", "period_months")
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_FOLDERS = re.compile(r"(?<![\w./:])(?:/|[A-Za-z]:[\\/])(?:[^\s/\\'\":]+[\\/])+")


class Step(BaseModel):
    """A notebook of a run."""

    name: str
    state: str


class Lost(BaseModel):
    """What of a run's log could not be read."""

    lines: int
    share: float
    amount: float = 0.0


class Manifest(BaseModel):
    """A `run.json`, as far as it is needed here."""

    model_config = ConfigDict(frozen=True)

    client: str
    name: str = ""
    state: Literal["running", "done", "failed"]
    problem: str | None = None
    started: AwareDatetime
    finished: AwareDatetime | None = None
    fingerprint: str = ""
    parameters_file: str = ""
    parameters: dict[str, Any]
    inputs: dict[str, dict[str, str]]
    versions: dict[str, str]
    chapters: list[Step] = []
    as_of: dt.date | None = None
    period_start: dt.date | None = None
    counts: dict[str, float] = {}
    loss: Lost | None = None


@dataclass(frozen=True)
class Run:
    """A run's folder and what its `run.json` says."""

    folder: Path
    manifest: Manifest

    @property
    def client(self) -> str:
        """The client's id."""
        return self.manifest.client

    @property
    def title(self) -> str:
        """The client's name as shown in reports."""
        return shown(self.manifest.name or self.client)

    @property
    def is_done(self) -> bool:
        """Whether the run came to its end."""
        return self.manifest.state == "done"

    @cached_property
    def params(self) -> Params:
        """What the run's parameters say of the client; not checked."""
        given = {name: self.manifest.parameters.get(name) for name in _SHOWN}
        known = {name: value for name, value in given.items() if isinstance(value, str | int)}
        return Params.model_construct(None, **{"currency": NO_CURRENCY} | known)

    @property
    def language(self) -> str:
        """Language of the client's report, where there still are texts in it."""
        language = str(self.params.language)
        return language if language in languages() else languages()[0]

    @cached_property
    def formats(self) -> Formats:
        """How the client's readers write numbers."""
        return Formats(str(self.params.display_locale), str(self.params.currency))

    @cached_property
    def headline(self) -> dict[str, float]:
        """Key figures by column; without those that are missing or no numbers."""
        held = read_json(self.folder / "data" / "headline.json")
        return {
            name: float(held[name])
            for name in HEADLINE
            if isinstance(held.get(name), int | float) and abs(held[name]) < float("inf")
        }

    @cached_property
    def monthly(self) -> pd.DataFrame | None:
        """Revenue by month, as `Study.monthly`; None where it cannot be read."""
        table = read_table(self.folder / "data" / "monthly.parquet")
        is_whole = table is not None and {"month", "revenue", "complete"} <= set(table.columns)
        return table if is_whole else None

    def table(self, name: str) -> pd.DataFrame | None:
        """Return a table of the report, or None where the run has none that can be read."""
        own = read_table(self.folder / "data" / "tables" / f"{name}.parquet")
        exported = self.folder / "exports" / "tables" / f"{name}.csv"
        return read_table(exported) if own is None else own


def read_run(path: str | Path) -> Run:
    """Return the run in a folder.

    Parameters
    ----------
    path : str or Path
        The folder of a run, or a file in it, such as its `report.html`.

    Raises
    ------
    SegkitError
        When there is no such folder, or no `run.json` in it that can be read.
    """
    folder = Path(path).parent if Path(path).is_file() else Path(path)
    if not folder.is_dir():
        fix = "name a folder such as reports/acme/2025-12-31"
        raise SegkitError("no such folder", where=str(path), fix=fix)
    file = folder / MANIFEST
    if not file.is_file():
        fix = "name the folder of a run, such as reports/acme/2025-12-31"
        raise SegkitError(f"no {MANIFEST} in it", where=str(path), fix=fix)
    return Run(folder, _manifest(file))


def read_json(file: Path) -> dict[str, Any]:
    """Return the values of a JSON file; none where it is missing, damaged or of another form."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def read_table(file: Path) -> pd.DataFrame | None:
    """Return a Parquet or CSV file as a DataFrame; None where it is missing or damaged."""
    try:
        if file.suffix == ".csv":
            return pd.read_csv(file)
        with pq.ParquetFile(file) as held:  # of a small file, a fourth of what read_parquet takes
            return held.read(use_threads=False).to_pandas()
    except (OSError, ValueError, pa.ArrowException):
        return None


def shown(text: object) -> str:
    """Return a text on one line, without control characters and marks that turn it around.

    Examples
    --------
    >>> shown("two\\nlines\\x1b[31m")
    'two lines [31m'
    """
    return " ".join(_HIDDEN.sub(" ", str(text)).split())


def without_folders(text: str) -> str:
    """Return a text in which files are named without the folders of this machine.

    Examples
    --------
    >>> without_folders("/home/ana/data/orders.csv: no such file, and/or 1/2")
    'orders.csv: no such file, and/or 1/2'
    """
    return _FOLDERS.sub("", text)


def _manifest(file: Path) -> Manifest:
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problem = f"cannot be read ({shown(error)[:100]})"
        raise SegkitError(problem, where=str(file), fix="run the client again") from None
    try:
        return Manifest.model_validate(held)
    except ValidationError as error:
        raise _of_another_version(file, held, error) from None


def _of_another_version(file: Path, held: object, error: ValidationError) -> SegkitError:
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(map(str, first["loc"]))
    versions = held.get("versions") if isinstance(held, Mapping) else None
    version = versions.get("segkit") if isinstance(versions, Mapping) else None
    by = f"segkit {shown(version)[:20]}" if version else "another version"
    return SegkitError(
        f"is of {by} and cannot be read here",
        where=str(file),
        values=[f"{key}: {first['msg']}" if key else first["msg"]],
        fix="run the client again",
    )
