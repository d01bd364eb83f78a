"""Notebooks on kernels: one is run for a client with papermill, and its error told in a line."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segkit.errors import SegkitError

# A cell of the largest client tried takes minutes; a kernel that has not started by then is dead.
CELL_SECONDS = 3600
START_SECONDS = 120  # a loaded machine starts Python slowly; a kernel that hangs never does


def execute(notebook: Path, output: Path, parameters: Mapping[str, Any], *, root: Path) -> None:
    """Run a notebook with papermill.

    Parameters
    ----------
    notebook, output : Path
        What is run, and where it is kept with what it showed.
    parameters : mapping
        Plain values by name; they go over those of the notebook's own cell.
    root : Path
        The project's folder: an error names the kept notebook from there.

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
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sk") as sockets:
        config = Config()
        if os.name == "posix":  # private sockets: parallel kernels cannot take each other's ports
            config.KernelManager.transport = "ipc"
            config.KernelManager.ip = f"{sockets}/k"
        try:
            papermill.execute_notebook(
                str(notebook),
                str(output).replace("{", "{{").replace("}", "}}"),  # papermill formats it
                parameters=json.loads(json.dumps(dict(parameters))),
                kernel_name="python3",
                progress_bar=False,
                start_timeout=START_SECONDS,
                execution_timeout=CELL_SECONDS,
                config=config,
                extra_arguments=["--IPKernelApp.log_level=50"],  # kernels say so when stopped
            )
        except papermill.PapermillExecutionError as error:
            raise _cell_error(notebook, output, f"{error.ename}: {error.evalue}", root) from error
        except (CellTimeoutError, DeadKernelError) as error:
            raise _cell_error(notebook, output, one_line(error), root) from error


def _cell_error(notebook: Path, output: Path, problem: str, root: Path) -> SegkitError:
    own = ("SegkitError: ", "DataError: ", "RuleError: ", "ParamsError: ")
    for prefix in own:
        problem = problem.removeprefix(prefix)
    shown = output.relative_to(root) if output.is_relative_to(root) else output
    return SegkitError(
        " ".join(problem.split()), where=notebook.stem, fix=f"look at the marked cell in {shown}"
    )


def one_line(error: BaseException) -> str:
    """Return what an error says in one line of at most 500 characters."""
    return " ".join(str(error).split())[:500] or type(error).__name__
