# The targets that people and CI call. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# System tests mostly wait for telephones: more workers than cores.
JOBS ?= 4

.PHONY: demo test check bench docs lock peers clean format

demo: $(VENV)/.demo
	$(BIN)/voicebox demo $(ARGS)

# By file, for the tests of a file share a running service (pytest-xdist 3.8 loses its groups under pytest 9.2), in the
# order of tests/conftest.py. Compiled once, also where the environment says not to: tests start services by the dozen.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.dev peers
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/voicebox prompts check

bench: $(VENV)/.dev peers
	$(BIN)/python -m bench $(ARGS)

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/python docs/generate.py

# The peers that tests call: installed by apt as root on Debian, otherwise named by the test that misses one.
peers:
	@sh tests/peers.sh

# Both lock files, for Python 3.11 to 3.13, with hashes. Needs uv.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --all-extras --generate-hashes -q \
	    --custom-compile-command "make lock" -o requirements.lock pyproject.toml
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --all-extras --group dev --generate-hashes -q \
	    --custom-compile-command "make lock" -o requirements-dev.lock pyproject.toml

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	    || { echo "voicebox needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . 
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
