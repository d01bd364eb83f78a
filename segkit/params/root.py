"""The project's folder, where relative paths start from."""

from __future__ import annotations

import os
from pathlib import Path


def find_root(start: str | Path | None = None) -> Path:
    """Return the project folder that relative paths start from.

    It is `SEGKIT_ROOT` where that is set, else the nearest folder at or above `start`
    (default: the working directory) that holds `notebooks/` and `params/`, else `start`.
    """
    if os.environ.get("SEGKIT_ROOT"):
        return Path(os.environ["SEGKIT_ROOT"]).resolve()
    here = Path(start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "params").is_dir():
            return folder
    return here
