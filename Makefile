# driftd: everything a developer or CI runs. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-for-pyproject
JOBS ?= 2
MINUTES ?= 60
TIMES ?= 50
PYTEST_ARGS ?=
BENCH_ARGS ?=

# What is made from the code: the module that prints it, and the file that holds it.
GENERATED := driftd.config.document=config/reference.yaml driftd.metrics.document=docs/metrics.md
module = $(firstword $(subst =, ,$(pair)))
file = $(lastword $(subst =, ,$(pair)))

# $(call check,MODULE,FILE): fail, showing the difference, unless FILE holds what MODULE prints.
check = $(BIN)/python -m $(1) | diff -u $(2) - || { echo "$(2) is stale: run 'make generate'" >&2; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":[^#]*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Create .venv with driftd and all it is tested with (PYTHON=python3.x picks the interpreter)

# Runs again only when pyproject.toml has changed.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "driftd needs Python 3.11 or later, and '$(PYTHON)' is not:" \
			"install one and run 'make PYTHON=python3.12 setup' (or whichever you have)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot create virtual environments:" \
			"install its venv module (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing driftd and its dependencies into $(VENV): about a minute, once" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable '.[parquet]' --group test --group lint
	@touch $@

.PHONY: demo
demo: setup ## Watch driftd find drift in a live stream; needs no server
	@$(BIN)/driftd demo

.PHONY: test
test: setup ## Run all tests; those whose outside program is missing skip and say why
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile $(PYTEST_ARGS)

.PHONY: faults
faults: setup ## Ill-treat broker, disk, clock and daemon at full length, and print what was observed
	@FAULTS=full $(BIN)/python -m pytest tests/faults --numprocesses $(JOBS) --dist loadfile $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: setup ## Feed hostile input to everything that reads, many times over, from a seed that is printed (TIMES=50, SEED=)
	@seed=$(or $(SEED),$$(shuf -i 1-1000000000 -n 1)); \
		echo "make fuzz SEED=$$seed TIMES=$(TIMES) repeats this run" >&2; \
		DRIFTD_FUZZ_EXAMPLES=$(TIMES) $(BIN)/python -m pytest tests/fuzz --numprocesses $(JOBS) --dist loadfile \
			--timeout 7200 --hypothesis-seed=$$seed $(PYTEST_ARGS)

.PHONY: lint
lint: setup ## Check style, types, import contracts, and that generated files are current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	@$(BIN)/lint-imports --no-logo
	@$(foreach pair,$(GENERATED),$(call check,$(module),$(file));)

.PHONY: format
format: setup ## Put all Python files into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: setup ## Write the files that are made from the code anew
	@$(foreach pair,$(GENERATED),$(BIN)/python -m $(module) > $(file) || exit 1;)

.PHONY: bench
bench: setup ## Measure events per second and memory against hand-written loops
	@$(BIN)/python benchmarks/throughput.py

.PHONY: soak
soak: setup ## Run a day of event time in an hour, with kills and restarts, and see what grows (MINUTES=60)
	@$(BIN)/python benchmarks/soak.py --minutes $(MINUTES)

.PHONY: bench-detection
bench-detection: setup ## Measure false pages and delays against their bars (12 minutes; BENCH_ARGS=--quick: two)
	@PYTHONPATH=benchmarks $(BIN)/python -m detection $(BENCH_ARGS)

.PHONY: bench-memory
bench-memory: setup ## Measure memory while nine events of ten are made to fill it
	@$(BIN)/python benchmarks/memory.py

.PHONY: real-data
real-data: setup ## Replay the open data sets and print what pages and when
	@$(BIN)/python benchmarks/real_data.py
