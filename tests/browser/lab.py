"""A JupyterLab server of its own, which leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

# Cells out of sight would not be there to look at.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}


@dataclass(frozen=True)
class Lab:
    """A running server: its address, the secret that opens it, its folder and its process."""

    address: str
    token: str
    folder: Path
    process: psutil.Process

    def page(self, notebook: str) -> str:
        """Return the address of a notebook in a fresh window."""
        return f"{self.address}/lab/tree/{notebook}?reset&token={self.token}"

    def ask(self, path: str, method: str = "GET") -> object:
        """Return what the server says of a path of its interface."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(
            f"{self.address}/api/{path}", headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def wait_for_kernel(self, seconds: float = 60) -> None:
        """Wait until a kernel is there and has nothing to do."""
        end, states = time.monotonic() + seconds, set()
        while "idle" not in states:
            if time.monotonic() > end:
                raise TimeoutError(f"no idle kernel in {seconds:.0f} s, only {states}")
            time.sleep(0.1)
            with contextlib.suppress(urllib.error.HTTPError):  # asked while the last one ends
                states = {kernel["execution_state"] for kernel in self.ask("kernels")}

    def stop_kernels(self) -> None:
        """End every kernel, so that the next notebook has the machine to itself."""
        for session in self.ask("sessions"):
            self.ask(f"sessions/{session['id']}", "DELETE")


@contextlib.contextmanager
def running_lab(folder: Path, home: Path) -> Iterator[Lab]:
    """Show a folder in JupyterLab on a free port; at the end every process of it is gone.

    Parameters
    ----------
    folder : Path
        What the server shows.
    home : Path
        Where it keeps its settings, and what it says (`lab.log`).
    """
    token, port = secrets.token_hex(16), _free_port()
    _write_settings(home / "settings")
    with (home / "lab.log").open("wb") as log:
        server = subprocess.Popen(
            _command(folder, port), env=_environment(home, token), stdout=log, stderr=log
        )
    lab = Lab(f"http://127.0.0.1:{port}", token, folder, psutil.Process(server.pid))
    try:
        _wait(lab, server, home / "lab.log")
        yield lab
    finally:
        _end(server)


def _command(folder: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}"),
        *("--ServerApp.port_retries=0", "--ServerApp.ip=127.0.0.1", "--allow-root"),
        *(f"--ServerApp.root_dir={folder}", "--LabApp.news_url="),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]


def _environment(home: Path, token: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    folders = {name: str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    own |= {f"JUPYTER_{name}_DIR": folder for name, folder in folders.items()}
    own |= {"JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "JUPYTER_TOKEN": token}
    return own | {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}


def _write_settings(folder: Path) -> None:
    for plugin, values in SETTINGS.items():
        file = folder / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), encoding="utf-8")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(lab: Lab, server: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            lab.ask("status")
            return
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start: {log.read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen, seconds: float = 10) -> None:
    """End the server and its kernels, which run in sessions of their own."""
    family = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(seconds)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    server.kill()
    server.wait()
    psutil.wait_procs(family, timeout=seconds)
