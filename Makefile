# make run    set everything up and show tonight's row for the starter profile
# make test   the tests
# make check  format, lint, types, floors, tests, docs

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Compiled files make every start three times faster; some shells turn them off.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check checks dev format lint types floors docs docs-write lock clean

run: $(STAMP)
	@$(BIN)/reel demo

dev: $(STAMP)

$(STAMP): pyproject.toml requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "reel-driver needs Python 3.11 or newer: make PYTHON=python3.12 run")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

format: $(STAMP)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: $(STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(STAMP)
	$(BIN)/mypy

floors: $(STAMP)
	$(BIN)/lint-imports

test: $(STAMP)
	$(BIN)/python -m pytest

docs: $(STAMP)
	$(BIN)/python -m pytest --doctest-modules --ignore src/reel_driver/migrations src/reel_driver tests/test_docs.py

docs-write: $(STAMP)
	$(BIN)/python -m reel_driver.cli.reference docs

check: lint types floors test docs

checks: check

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml

# requirements.txt is everything a person uses, requirements-serve.txt what answers requests, requirements-dev.txt all
lock:
	$(COMPILE) -o requirements.txt --extra train --extra search --extra postgres --extra report --extra serve
	$(subst pyproject.toml,,$(COMPILE)) -o requirements-serve.txt --group serving
	$(subst pyproject.toml,,$(COMPILE)) -o requirements-serve-mlflow.txt --group serving-mlflow
	$(COMPILE) -o requirements-dev.txt --extra train --extra search --extra postgres --extra report --extra serve --extra mlflow --extra dev
	$(subst pyproject.toml,,$(COMPILE)) -c requirements-dev.txt -o requirements-components.txt --group components
	$(subst pyproject.toml,,$(COMPILE)) --no-deps -o requirements-encoder-weights.txt --group encoder-weights

clean:
	rm -rf $(VENV) .reel
