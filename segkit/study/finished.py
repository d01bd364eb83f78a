"""A finished report, to be looked at from a notebook."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from segkit.errors import SegkitError
from segkit.foundation.pages import inward

REPORT = "report.html"


class FinishedReport:
    """The report that a run of a client left; alone in a cell, it shows itself.

    Parameters
    ----------
    file : Path
        The `report.html`.
    client : str
        The client's key.

    Raises
    ------
    SegkitError
        When there is no such report.
    """

    def __init__(self, file: Path, client: str) -> None:
        if not file.is_file():
            fix = f"make one: segkit run params/{client}.yaml"
            raise SegkitError("no finished report", where=f"{client}/{file.parent.name}", fix=fix)
        self.file = file

    def _repr_html_(self) -> str:
        # No script may run in the frame. Neighbours of the file are not beside the notebook.
        page = inward(self.file.read_text(encoding="utf-8"))
        return Markup(
            '<iframe title="{}" sandbox srcdoc="{}" width="100%" height="800"></iframe>'
        ).format(self.file.name, page)

    def __repr__(self) -> str:
        return self.file.as_posix()
