"""The project as a whole: what it is made of agrees with itself."""

import ast
import re
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock.txt").read_text(encoding="utf-8").splitlines()
    return dict(re.match(r"([A-Za-z0-9_.-]+)==([^\s;]+)", line).groups() for line in lines if line)


def test_conda_environment_asks_for_the_python_that_the_package_asks_for(pyproject, environment):
    python = next(item for item in environment["dependencies"] if str(item).startswith("python"))
    assert python.removeprefix("python") == pyproject["project"]["requires-python"]


def test_conda_environment_installs_the_package_under_the_constraints(pyproject, environment):
    assert environment["name"] == pyproject["project"]["name"]
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert pip == ["-c requirements.lock.txt", "-e .[test]"]
    assert "pip" in environment["dependencies"]


def test_every_dependency_is_pinned_in_the_constraints(pyproject):
    project = pyproject["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {re.match(r"[A-Za-z0-9_-]+", item)[0].lower() for item in wanted}
    assert names <= {name.lower() for name in locked()}


def test_constraints_hold_no_address():
    assert "://" not in (ROOT / "requirements.lock.txt").read_text(encoding="utf-8")


def test_version_stands_once(pyproject):
    import segkit

    assert segkit.__version__ == pyproject["project"]["version"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebooks_carry_no_outputs_and_stable_ids(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert all(re.fullmatch(r"[a-z]+-\d\d", cell.id) for cell in notebook.cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_cells_are_short_and_explained(path):
    cells = nbformat.read(path, as_version=4).cells
    assert all(len(cell.source.splitlines()) <= 12 for cell in cells if cell.cell_type == "code")
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert sum(cell.cell_type == "markdown" for cell in cells) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_import_the_kit_and_nothing_below_its_public_names(path):
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert "import segkit\n" in source
    assert not re.search(r"from segkit|import segkit\.", source)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_variable_of_a_notebook_is_taken_for_a_parameter_when_its_first_cell_runs_again(path):
    from segkit.params import Params

    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    given = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    trees = [ast.walk(ast.parse(cell.source)) for cell in cells if cell not in given]
    names = {
        node.id
        for tree in trees
        for node in tree
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    assert names
    assert names & set(Params.model_fields) == set()


def test_import_of_the_kit_loads_no_heavy_library():
    import subprocess
    import sys

    heavy = [
        "pandas",
        "matplotlib",
        "seaborn",
        "sklearn",
        "ibis",
        "duckdb",
        "papermill",
        "nbconvert",
    ]
    code = f"import sys, segkit; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
