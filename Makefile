PYTHON ?= python3.11
MODEL ?= lenet
SECONDS ?= 60
BIN := .venv/bin
READY := .venv/.ready
BENCH_READY := .venv/.ready-bench
FUZZ_READY := .venv/.ready-fuzz
WHEELS_READY := .venv/.ready-wheels
ZOO_READY := .venv/.ready-zoo
SLOW_READY := .venv/.ready-slow
TREE := build/tree

.DEFAULT_GOAL := help
.PHONY: help tree pipeline data train test test-slow test-zoo check check-types check-style check-docs docs wheels format fuzz clean
.PHONY: bench bench-compaction bench-faults bench-mutants bench-latency bench-repeated bench-models bench-size bench-files bench-speed bench-session bench-inference bench-memory bench-real bench-scores bench-large

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(READY): pyproject.toml setup.py constraints.txt prunepack/coding/native/native.c $(wildcard prunepack/sparse/native/*.[ch])
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[build,dev]'
	@touch $@

$(BENCH_READY): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,dev,bench]'
	@touch $@

$(FUZZ_READY): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,dev,fuzz]'
	@touch $@

$(WHEELS_READY): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,dev,wheels]'
	@touch $@

$(SLOW_READY): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,dev,notebook,zoo]'
	@touch $@

$(ZOO_READY): $(READY)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[build,dev,zoo]'
	@touch $@

data: $(READY)  ## Fetch MNIST once, checked by SHA-256
	@$(BIN)/prunepack fetch mnist

pipeline: data  ## Run all stages on MODEL: a built-in recipe or a path to a .toml
	@$(BIN)/prunepack run $(MODEL)

train: data  ## Train MODEL from scratch and put its weights where the package ships them
	$(BIN)/prunepack train $(MODEL) -o stages/models/builtin/$(MODEL).safetensors --force

test: data  ## Everything CI runs: the checks and all tests that take seconds
	@$(MAKE) --no-print-directory check

test-slow: data tree $(SLOW_READY)  ## The tests that take minutes
	$(BIN)/pytest -m 'slow and not zoo'

test-zoo: data $(ZOO_READY)  ## Every kind of model, checkpoint and data through all stages; a quarter of an hour
	$(BIN)/pytest -m zoo tests/zoo

tree:  # links to the packages where they are installed, for mypy and import-linter
	@rm -rf $(TREE) && mkdir -p $(TREE)/prunepack
	@ln -s $(addprefix ../../../,$(wildcard prunepack/*) stages pipeline) $(TREE)/prunepack/

check: data tree  ## Format, lint, types, import directions, docs, tests
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-types check-style check-docs
	$(BIN)/pytest -m 'not slow' -n 2 --dist loadfile --no-loadscope-reorder

check-types:
	$(BIN)/mypy

check-style:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd $(TREE) && ../../$(BIN)/lint-imports --config ../../pyproject.toml

check-docs:
	$(BIN)/python -m prunepack.stages.reporting.schema --check
	$(BIN)/python docs/scripts/check_words.py
	$(BIN)/python docs/scripts/reference.py --check
	$(BIN)/python docs/scripts/picture.py --check
	$(BIN)/python -m benchmarks.render --check

docs: $(READY)  ## Build the site into build/site; a broken link is an error
	$(BIN)/python docs/scripts/picture.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheels: $(WHEELS_READY)  ## Build a manylinux wheel of this machine's architecture into dist/
	@rm -rf dist build/lib build/bdist.* build/wheel
	@$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps -w build/wheel .
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/auditwheel repair --plat auto -w dist build/wheel/*.whl
	@ls dist
	@echo "The wheel serves CPython 3.11 and later (abi3) on Linux with this architecture. cibuildwheel"
	@echo "would add wheels for Linux on Arm, musl, macOS and Windows; elsewhere pip compiles from source,"
	@echo "and without a compiler the slower Python code does the same."

format: $(READY)  ## Format the code and fix what lint can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: data  ## Measure what takes minutes: the LeNet pipeline, a plain install
	$(BIN)/python -m benchmarks.pipeline
	$(BIN)/python -m benchmarks.install
	$(BIN)/python -m benchmarks.render

bench-repeated: $(BENCH_READY)  ## Measure the latency of the same files in many processes; minutes
	$(BIN)/python -m benchmarks.repeated
	$(BIN)/python -m benchmarks.render

bench-latency: $(READY)  ## How often the verdict on latency is wrong beside a busy process; minutes
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.render

bench-compaction: $(BENCH_READY)  ## Time networks without half of their channels, before and after compaction
	$(BIN)/python -m benchmarks.compaction
	$(BIN)/python -m benchmarks.render

bench-faults: data  ## Plant every fault, judge 200 honest releases; ten minutes
	$(BIN)/python -m benchmarks.faults
	$(BIN)/python -m benchmarks.render

bench-mutants: data  ## Draw 400 random faults and judge each; a quarter of an hour
	$(BIN)/python -m benchmarks.mutants
	$(BIN)/python -m benchmarks.render

bench-models: $(BENCH_READY)  ## Fetch the trained models of the benchmarks, prune and export them
	$(BIN)/python -m benchmarks.models

bench-size: bench-models  ## Weigh all models beside other tools; an hour the first time
	$(BIN)/python -m benchmarks.size
	$(BIN)/python -m benchmarks.render

bench-files: $(BENCH_READY)  ## Weigh twenty files from wheels beside brotli, bzip3 and zpaq too
	$(BIN)/python -m benchmarks.size --files
	$(BIN)/python -m benchmarks.render

bench-speed: bench-models  ## Time coding and decoding; wants a machine that does nothing else
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.render

bench-session: bench-models  ## Time and weigh the way from a file to the first inference
	$(BIN)/python -m benchmarks.session
	$(BIN)/python -m benchmarks.render

bench-inference: $(BENCH_READY)  ## Time sparse kernels beside dense ones; wants a machine that does nothing else
	$(BIN)/python -m benchmarks.inference
	$(BIN)/python -m benchmarks.render

bench-memory: bench-models  ## Measure peak memory, with a model of 6 GiB; needs 16 GB of disk
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.render

bench-real: $(BENCH_READY)  ## Prune trained models without training, and judge their outputs on real data
	$(BIN)/python -m benchmarks.real_models
	$(BIN)/python -m benchmarks.render

bench-scores: $(BENCH_READY)  ## Compare scores of weights and suggested rules at equal sparsity
	$(BIN)/python -m benchmarks.scores
	$(BIN)/python -m benchmarks.render

bench-large: $(READY)  ## Carry a model of 3 GB through all stages; needs 30 GB of disk
	$(BIN)/python -m benchmarks.large_run
	$(BIN)/python -m benchmarks.render

fuzz: $(FUZZ_READY)  ## Fuzz both readers, each for SECONDS; tests replay what is found
	$(BIN)/python tests/fuzz/run.py artifact --seconds $(SECONDS)
	$(BIN)/python tests/fuzz/run.py model --seconds $(SECONDS)

clean:  ## Delete the virtual environment, caches and everything that runs left behind
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find artifacts -mindepth 1 -maxdepth 1 ! -name README.md -exec chmod -R u+w {} + -exec rm -rf {} +
