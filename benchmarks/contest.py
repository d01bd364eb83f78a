"""What the benchmarks share: contenders, their environments, processes measured alone."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"


@dataclass(frozen=True)
class Contender:
    """A script in `peers/`, and the environment that it needs (none: the kit's own)."""

    name: str
    script: str
    environment: str | None = None
    python: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Process:
    """What the operating system saw of one process."""

    code: int
    seconds: float
    peak_mb: float
    problem: str
    """The last line of errors, or how the process ended; empty when it went well."""


def python_of(contender: Contender, folder: Path) -> Path:
    """Return the Python of a contender's environment, made when first needed.

    Raises
    ------
    FileNotFoundError
        The Python that its packages need is not installed.
    """
    if contender.environment is None:
        return Path(sys.executable)
    home = folder / f"env-{contender.environment}"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "ready").exists():
        _make_environment(contender, home, python)
    return python


def _make_environment(contender: Contender, home: Path, python: Path) -> None:
    if contender.python is None or sys.executable.endswith(contender.python):
        venv.create(home, clear=True, with_pip=True)
    else:
        found = shutil.which(contender.python)
        if found is None:
            raise FileNotFoundError(f"{contender.name} needs {contender.python}, which is not here")
        subprocess.run([found, "-m", "venv", "--clear", str(home)], check=True)
    requirements = PEERS / f"requirements-{contender.environment}.txt"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(requirements)]
    subprocess.run(pip, check=True)
    (home / "ready").touch()


def measured(
    command: list[str], timeout: float | None = None, environment: dict[str, str] | None = None
) -> Process:
    """Run a command to its end, or for so many seconds, and measure that process alone."""
    with tempfile.TemporaryFile("w+") as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=os.environ | (environment or {}),
        )
        clock = threading.Timer(timeout or threading.TIMEOUT_MAX, process.kill)
        clock.daemon = True
        clock.start()
        _, status, usage = os.wait4(process.pid, 0)
        clock.cancel()
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        said = errors.read().strip().splitlines()
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    problem = ""
    if process.returncode:
        problem = said[-1] if said else f"ended with {process.returncode}"
    if timeout and seconds >= timeout:
        problem = f"more than {timeout:.0f} s"
    return Process(process.returncode, seconds, kilobytes / 1024, problem)


def machine() -> str:
    """Return what the numbers were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB"


def versions_of(held: dict[str, dict[str, str]]) -> str:
    """Return what each contender ran on, in one line."""
    texts = {
        name: ", ".join(f"{key} {value}" for key, value in items.items())
        for name, items in held.items()
    }
    return "; ".join(f"{name}: {text}" for name, text in texts.items())
