# make report   set up, and run the demo clients to finished reports
# make test     set up, check types and style, and run all tests

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: report test lab lock clean

report: $(READY)
	$(BIN)/segkit run params/cdnow.yaml params/tienda_demo.yaml --jobs 2

test: $(READY)
	$(BIN)/ruff check segkit tests benchmarks docs
	$(BIN)/ruff format --check segkit tests benchmarks docs
	$(BIN)/mypy
	# In the order of their folders: whole clients first, so that no worker ends long after others.
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --durations 10

lab: $(READY)
	$(BIN)/jupyter lab notebooks

$(READY): pyproject.toml requirements.lock.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python \
		-c requirements.lock.txt -e '.[test]'
	# The kit, too: every notebook has a process of its own, and where none may write bytecode
	# (PYTHONDONTWRITEBYTECODE, in many containers) each would compile it anew.
	$(BIN)/python -m compileall -q segkit
	touch $@

# After a change of the dependencies in pyproject.toml
lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --no-annotate --no-header \
		-o requirements.lock.txt

clean:
	rm -rf $(VENV) build *.egg-info
