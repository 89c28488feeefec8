PYTHON ?= python3.11
MODEL ?= lenet
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help pipeline data train test test-slow check format bench bench-latency clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

$(READY): pyproject.toml constraints.txt prunepack/kernels/native.c
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,dev]'
	@touch $@

data: $(READY)  ## Fetch MNIST once, checked by SHA-256
	@$(BIN)/prunepack fetch mnist

pipeline: data  ## Run all stages on MODEL: a built-in recipe or a path to a .toml
	@$(BIN)/prunepack run $(MODEL)

train: data  ## Train MODEL from scratch and put its weights where the package ships them
	$(BIN)/prunepack train $(MODEL) -o stages/models/$(MODEL).safetensors --force

test: data  ## Everything CI runs: the checks and all tests that take seconds
	@$(MAKE) --no-print-directory check

test-slow: data  ## The tests that take minutes
	$(BIN)/pytest -m slow

check: data  ## Format, lint, types, import directions, docs, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m benchmarks.render --check
	$(BIN)/pytest -m 'not slow' -n 2 --dist loadfile

format: $(READY)  ## Format the code and fix what lint can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: data  ## Measure; writes benchmarks/results/*.json and the tables in the docs
	$(BIN)/python -m benchmarks.pipeline
	$(BIN)/python -m benchmarks.render

bench-latency: $(READY)  ## How often the verdict on latency is wrong beside a busy process; minutes
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.render

clean:  ## Delete the virtual environment, caches and everything that runs left behind
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find artifacts -mindepth 1 -maxdepth 1 ! -name README.md -exec chmod -R u+w {} + -exec rm -rf {} +
