"""The rooms of the package and the arrows between them, read from the code's own imports."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
KIT = PROJECT / "segkit"

BELOW = {
    "cli": {"run", "report", "sniff", "words", "params", "errors", "foundation"},
    "run": {"report", "study", "words", "data", "params", "errors", "foundation"},
    "report": {"study", "words", "plots", "analysis", "params", "errors", "foundation"},
    "study": {"words", "analysis", "segments", "models", "data", "params", "errors", "foundation"},
    "words": {"analysis", "params", "errors", "foundation"},
    "plots": {"errors", "foundation"},
    "analysis": {"models", "data", "params", "errors", "foundation"},
    "segments": {"models", "errors", "foundation"},
    "models": {"errors", "foundation"},
    "sniff": {"data", "params", "errors", "foundation"},
    "data": {"params", "errors", "foundation"},
    "params": {"errors", "foundation"},
    "foundation": {"errors"},
    "errors": set(),
}
"""What each room may know. The public names at the top (`segkit/__init__.py`) know all."""

LOOSE = {"__init__", "cli", "errors"}
"""Modules that stand beside the rooms."""


@dataclass(frozen=True)
class Import:
    """An import of one module of the kit by another, lazy and typing ones included."""

    importer: str
    imported: str
    line: int
    is_inside: bool

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: {self.imported}"


def modules() -> dict[str, Path]:
    names = {}
    for file in sorted(KIT.rglob("*.py")):
        parts = file.relative_to(PROJECT).with_suffix("").parts
        names[".".join(parts).removesuffix(".__init__")] = file
    return names


def imports() -> list[Import]:
    known = modules()
    return [
        Import(name, target, node.lineno, is_inside)
        for name, file in known.items()
        for node, is_inside in nodes(ast.parse(file.read_text(encoding="utf-8")), False)
        for target in targets(node, known)
        if target != name
    ]


def nodes(tree: ast.AST, is_inside: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, is_inside
        inside = is_inside or isinstance(node, ast.FunctionDef | ast.Lambda)
        yield from nodes(node, inside)


def targets(node: ast.Import | ast.ImportFrom, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of the kit that a statement names; a package's own module, if it is one."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in known)
        return
    for alias in node.names:
        longer = f"{node.module}.{alias.name}"
        found = longer if longer in known else node.module
        if found in known and found != "segkit":
            yield found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "segkit"


@pytest.fixture(scope="module")
def found() -> list[Import]:
    return imports()


def test_the_graph_is_read_whole(found):
    """Or all that follows would pass on nothing."""
    assert len(found) > 400
    assert {room(each.importer) for each in found} >= set(BELOW) - {"errors"}


def test_arrows_point_down(found):
    up = [
        str(each)
        for each in found
        if room(each.importer) not in {room(each.imported), "segkit"}
        and room(each.imported) not in BELOW[room(each.importer)]
    ]
    assert up == []


def test_what_rooms_may_know_is_no_circle():
    done: set[str] = set()
    while len(done) < len(BELOW):
        free = {name for name, below in BELOW.items() if name not in done and below <= done}
        assert free, sorted(set(BELOW) - done)
        done |= free


def test_no_modules_import_each_other_in_a_circle(found):
    """Lazy imports and those for types alone count, too."""
    arrows: dict[str, set[str]] = {name: set() for name in modules()}
    for each in found:
        # A package that gathers the names of its modules is known by none of them.
        arrows[each.importer].add(each.imported)
    while free := [name for name, known in arrows.items() if not known & arrows.keys()]:
        for name in free:
            del arrows[name]
    assert sorted(arrows) == []


def test_every_module_lives_in_a_room():
    assert {file.stem for file in KIT.glob("*.py")} == LOOSE
    rooms = {folder.name for folder in KIT.iterdir() if (folder / "__init__.py").is_file()}
    assert rooms == set(BELOW) - LOOSE


def test_a_study_only_composes_its_parts():
    tree = ast.parse((KIT / "study" / "study.py").read_text(encoding="utf-8"))
    study = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    names = {node.name for node in study.body if isinstance(node, ast.FunctionDef)}
    assert study.name == "Study"
    assert study.end_lineno - study.lineno < 280
    assert len(names) < 45


def test_no_part_of_a_study_knows_the_study(found):
    knowing = {each.importer for each in found if each.imported == "segkit.study.study"}
    assert not any(name.startswith("segkit.study") for name in knowing)


def test_what_is_imported_inside_a_function_says_why():
    """Where loading is heavy: a comment on the line, or above the first of several."""
    silent = []
    for name, file in modules().items():
        lines = file.read_text(encoding="utf-8").splitlines()
        for node, is_inside in nodes(ast.parse("\n".join(lines)), False):
            above = node.lineno - 2
            while lines[above].lstrip().startswith(("from ", "import ")):
                above -= 1
            told = "#" in lines[node.lineno - 1] or lines[above].lstrip().startswith("#")
            if is_inside and not told:
                silent.append(f"{name}, line {node.lineno}: {lines[node.lineno - 1].strip()}")
    assert silent == []


def test_the_page_on_architecture_names_what_there_is():
    """`study/lines.py:Lines`: a file of the package, and a name that it defines."""
    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_/]+\.py):([A-Za-z_.]+)`", page)
    assert len(named) > 30
    missing = [
        f"{file}:{name}" for file, name in named if name.split(".")[-1] not in defined(KIT / file)
    ]
    assert missing == []


def defined(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names
