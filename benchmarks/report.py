"""One client's report beside as many notebooks that only import the kit.

    SEGKIT_DATA=/data python benchmarks/report.py --repeats 3

Both go through papermill in one process, one notebook after the other, from a fresh
interpreter; imports and kernel starts count in both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BARE, USED = "import segkit", "import what the notebook uses"
"""`import segkit` alone loads next to nothing; the second is what a notebook cannot do without."""

LISTING = """
import json, pathlib, sys
pathlib.Path(run_dir, "{name}.json").write_text(json.dumps(sorted(sys.modules)))
"""
IMPORTING = """
from contextlib import suppress
from importlib import import_module
for name in {modules}:
    with suppress(ImportError):
        import_module(name)
"""


def main() -> None:
    """Print seconds and ratios as Markdown."""
    given = arguments()
    used = modules_used(given.params)
    bare = {name: ["segkit"] for name in used}
    taken: dict[str, list[float]] = {"report": [], BARE: [], USED: []}
    for _ in range(given.repeats):
        seconds, chapters = time_report(given.params)
        taken["report"].append(seconds)
        taken[BARE].append(time_imports(bare))
        taken[USED].append(time_imports(used))
    print(f"{given.params.stem}, {len(used)} notebooks, medians of {given.repeats}\n")
    print("\n".join(rows(taken)))
    print("\nLast run: " + ", ".join(f"{name} {seconds} s" for name, seconds in chapters.items()))


def rows(taken: dict[str, list[float]]) -> list[str]:
    """Return Markdown rows: median seconds, and the report's as a multiple of them."""
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    head = ["| what | seconds | report / this |", "|---|--:|--:|"]
    own = medians["report"]
    return head + [f"| {name} | {held:.2f} | {own / held:.2f} |" for name, held in medians.items()]


def notebooks() -> list[Path]:
    """Return the notebooks that make a report."""
    return sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def modules_used(params: Path) -> dict[str, list[str]]:
    """Run a client once, untimed; return the modules that each notebook had at its end."""
    import nbformat
    from nbformat.v4 import new_code_cell

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "notebooks").mkdir()
        for file in notebooks():
            notebook = nbformat.read(file, as_version=4)
            notebook.cells.append(new_code_cell(LISTING.format(name=file.stem)))
            nbformat.write(notebook, root / "notebooks" / file.name)
        in_fresh_process(_run_report, root, params.resolve())
        (done,) = root.glob("reports/*/*/run.json")
        return {
            file.name: json.loads((done.parent / f"{file.stem}.json").read_text(encoding="utf-8"))
            for file in notebooks()
        }


def time_report(params: Path) -> tuple[float, dict[str, float]]:
    """Run a client from nothing; return seconds in all and by chapter."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "notebooks").symlink_to(ROOT / "notebooks")
        seconds = in_fresh_process(_run_report, root, params.resolve())
        (done,) = root.glob("reports/*/*/run.json")
        manifest = json.loads(done.read_text(encoding="utf-8"))
    return seconds, {chapter["name"]: chapter["seconds"] for chapter in manifest["chapters"]}


def _run_report(root: Path, params: Path) -> None:
    from segkit.run.clients import run_clients

    (outcome,) = run_clients([params], root=root, jobs=1, force=True)
    if outcome.state != "done":
        raise SystemExit(outcome.problem)


def time_imports(modules: dict[str, list[str]]) -> float:
    """Run notebooks of these names that import these modules and no more; return seconds."""
    with tempfile.TemporaryDirectory() as folder:
        for name, names in modules.items():
            _write_notebook(Path(folder) / "notebooks" / name, IMPORTING.format(modules=names))
        return in_fresh_process(_run_imports, Path(folder))


def _write_notebook(file: Path, source: str) -> None:
    import nbformat
    from nbformat.v4 import new_code_cell, new_notebook

    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    file.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=[new_code_cell(source)], metadata=kernel), file)


def _run_imports(root: Path) -> None:
    """Run as `run_clients` does: a pool of one process, one notebook after the other."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_execute_all, root).result()


def _execute_all(root: Path) -> None:
    from segkit.run.kernels import execute

    given = {"root": str(root), "run_dir": str(root)}
    for notebook in sorted((root / "notebooks").iterdir()):
        execute(notebook, root / "out" / notebook.name, given, root=root)


def in_fresh_process(work, *arguments: object) -> float:
    """Return the seconds of a call in a process of its own, its start included."""
    process = get_context("spawn").Process(target=work, args=arguments)
    begun = time.perf_counter()
    process.start()
    process.join()
    seconds = time.perf_counter() - begun
    if process.exitcode:
        sys.exit(f"{work.__name__} ended with {process.exitcode}")
    return seconds


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", type=Path, default=ROOT / "params" / "online_retail_ii.yaml")
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
