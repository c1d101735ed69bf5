# Everything a fresh machine needs is Python 3.11+ and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export BENTOML_DO_NOT_TRACK := True
export ORT_DISABLE_TELEMETRY := 1
UV_VERSION = $(shell sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements-dev.lock)

.PHONY: help setup setup-dev serve test lint format chaos bench bento lock clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tiffin needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	touch $@

$(VENV)/.runtime: $(VENV)/.created requirements-local.lock pyproject.toml
	@echo "installing packages, about a minute; a first \`make serve\` takes three to four minutes in all"
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements-local.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps -e .
	touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock
	touch $@

setup: $(VENV)/.runtime  ## the environment from requirements-local.lock

setup-dev: $(VENV)/.development  ## the same with what tests, linters and the benchmark need

serve: setup  ## set up everything that is missing, then serve on port 3000 or PORT=3111
	$(BIN)/tiffin serve $(if $(PORT),--port $(PORT))

test: setup-dev  ## all tests
	$(BIN)/python -m pytest

lint: setup-dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup-dev  ## rewrite files as ruff wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

chaos: setup-dev  ## three minutes of killed workers, stopped and frozen servers: nothing acknowledged may be lost
	TIFFIN_CHAOS_SECONDS=180 $(BIN)/python -m pytest tests/end_to_end/test_ledger.py

bench: setup-dev  ## the speed table: starts its baselines itself, writes benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks

bento: setup  ## build a Bento with the champions in it
	$(BIN)/bentoml build

COMPILE = VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header

lock: $(VENV)/.created  ## resolve requirements*.in into the lock files
	$(COMPILE) requirements.in -o requirements.lock
	$(COMPILE) requirements-local.in -o requirements-local.lock
	$(COMPILE) requirements-dev.in -o requirements-dev.lock

clean:  ## remove the environment and all local data (not the BentoML model store)
	rm -rf $(VENV) .tiffin build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
