# driftd: everything a developer or CI runs. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-for-pyproject
CRATE := src/kernel/Cargo.toml
KERNEL := src/driftd/_kernel.abi3.so
JOBS ?= 2
MINUTES ?= 60
TIMES ?= 50
ROUNDS ?= 5000
CHECKS ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=

# What is made from the code: the module that prints it, and the file that holds it.
GENERATED := driftd.config.document=config/reference.yaml driftd.metrics.document=docs/metrics.md
module = $(firstword $(subst =, ,$(pair)))
file = $(lastword $(subst =, ,$(pair)))

# $(call check,MODULE,FILE): fail, showing the difference, unless FILE holds what MODULE prints.
check = $(BIN)/python -m $(1) | diff -u $(2) - || { echo "$(2) is stale: run 'make generate'" >&2; exit 1; }

# Empty where there is no cargo, and where it is too old to read the crate.
HAS_CARGO = $(shell cargo metadata --no-deps --format-version 1 --manifest-path $(CRATE) >/dev/null 2>&1 && echo yes)

# $(call in_rust,WHAT,COMMAND): run it where cargo is at hand. CI has to have it; elsewhere say what is left out.
in_rust = $(if $(HAS_CARGO),$(2),echo "no cargo, or one too old for $(CRATE): $(1) left out" >&2; test -z "$$CI")

LINT_CRATE = cargo fmt --check --manifest-path $(CRATE) && $(foreach features,--all-features --no-default-features,\
	cargo clippy --quiet --all-targets $(features) --manifest-path $(CRATE) -- -D warnings &&) true

# PyO3 asks this interpreter what to build for, and not the first one on the path, which may be too old.
export PYO3_PYTHON := $(abspath $(BIN)/python)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":[^#]*## " } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) $(KERNEL) ## Create .venv with driftd and all it is tested with (PYTHON=python3.x picks the interpreter)

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
	@DRIFTD_KERNEL=python $(BIN)/python -m pip install --quiet --editable '.[parquet]' --group test --group lint
	@touch $@

# Left out above: pip would hide what the compiler says. Where there is none afterwards, the next call tries again.
$(KERNEL): $(READY) $(CRATE) $(shell find src/kernel/src -name '*.rs')
	@rm -f $@ # one that was made of older sources must not pass for this one
	@if test -n "$(HAS_CARGO)" && cargo build --quiet --release --manifest-path $(CRATE); then \
		install src/kernel/target/release/lib_kernel.so $@; \
	else \
		echo "There is no compiled kernel, so driftd reads events in Python: it takes the Rust that $(CRATE) names" >&2; \
		test "$$DRIFTD_KERNEL" != rust; \
	fi

.PHONY: demo
demo: setup ## Watch driftd find drift in a live stream; needs no server
	@$(BIN)/driftd demo

.PHONY: test
test: setup ## Run all tests; those whose outside program is missing skip and say why
	@$(call in_rust,tests of the crate,cargo test --quiet --no-default-features --manifest-path $(CRATE))
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
	@$(MAKE) sanitize

# Stable compilers have the sanitizer, and let it be chosen if told that they are none. A target keeps it out of macros.
.PHONY: sanitize
sanitize: setup ## Feed hostile events to the compiled kernel under AddressSanitizer (ROUNDS=5000 batches of 40)
	@$(call in_rust,sanitizer of the crate,RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address HOSTILE_ROUNDS=$(ROUNDS) \
		cargo test --quiet --no-default-features --lib --test hostile --manifest-path $(CRATE) \
			--target "$$(rustc -vV | sed -n 's/^host: //p')" --target-dir $(dir $(CRATE))target/sanitize)

.PHONY: wheel
wheel: setup ## Build the wheel with the compiled kernel into dist/
	@rm -rf build # setuptools would pack what is left there of earlier trees
	@DRIFTD_KERNEL=rust $(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

.PHONY: image
image: ## Build the container image (TAG=name:tag; KERNEL=python: without the compiled kernel)
	@deploy/image/build $(TAG)

# Compose as a plugin of docker, or as Debian has it.
COMPOSE = cd deploy/compose && $(if $(shell docker compose version 2>/dev/null),docker compose,docker-compose)

.PHONY: compose-up
compose-up: image ## Take the tour on this machine: Kafka, driftd, Prometheus, Alertmanager, Grafana
	@$(COMPOSE) up --detach
	@echo "It runs: deploy/compose/README.md says where to look, and what there is to be seen when" >&2

.PHONY: compose-down
compose-down: ## End the tour, and remove what it has stored
	@$(COMPOSE) down --volumes

.PHONY: lint
lint: setup ## Check style, types, import contracts, and that generated files are current
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	@$(BIN)/lint-imports --no-logo
	@$(call in_rust,style of the crate,$(LINT_CRATE))
	@test ! -e $(KERNEL) || $(BIN)/stubtest driftd._kernel
	@$(foreach pair,$(GENERATED),$(call check,$(module),$(file));)

.PHONY: deploy-check
deploy-check: setup ## Hold the files under deploy/ against the tools that read them (CHECKS="helm yaml": only these)
	@deploy/check/run $(CHECKS)

.PHONY: format
format: setup ## Put all files into the house style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(call in_rust,form of the crate,cargo fmt --manifest-path $(CRATE))

.PHONY: generate
generate: setup ## Write the files that are made from the code anew
	@$(foreach pair,$(GENERATED),$(BIN)/python -m $(module) > $(file) || exit 1;)

.PHONY: bench
bench: setup ## Measure speed and memory side by side with others (15 minutes; BENCH_ARGS=--quick: three)
	@PYTHONPATH=benchmarks:tests $(BIN)/python -m speed $(BENCH_ARGS)

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
