# Runs with GNU make 3.81 and newer. Everything is in .venv; nothing else is installed.
#
#   PYTHON=/path/to/python3   the Python to make .venv with (default: one is found)
#   ARGS="..."                more arguments for `make test`, `make chaos` and `make bench...`
#   SEED=77                   what `make chaos` draws the requests and answers of its fuzz from

SHELL := /bin/sh
export PYTHON
# Without compiled modules beside the sources each process takes a second longer to start.
export PYTHONDONTWRITEBYTECODE :=

BIN := .venv/bin
SERVICE := examples/hello/service.yaml
NAME := hello
# Test processes. More than cores: many tests wait for what a server does, or for a time-out.
WORKERS ?= 4
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

.PHONY: help setup dev serve test test-aws test-compiled chaos bench bench-autoscaling wheel lint format lock record clean
.DEFAULT_GOAL := help

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' Makefile

setup: .venv/.setup ## Make .venv and install skyflow

dev: .venv/.dev ## The same, with what tests and linters need

serve: setup ## Deploy examples/hello here, and say how to reach it
	@$(BIN)/skyflow serve up $(SERVICE) -n $(NAME) -y
	@$(BIN)/python scripts/try_endpoint.py $(NAME)

# Faults on a computer of their own: they measure how soon something is mended, and load Temporal
# more than all other tests. What they find is reported together with what the others do.
test: dev ## Run the tests; ARGS="tests/lb -k name" runs some of them
ifdef ARGS
	@$(PYTEST) $(ARGS)
else
	@status=0; $(PYTEST) tests/faults || status=1; \
	$(PYTEST) --ignore tests/faults || status=1; exit $$status
endif

test-aws: dev ## Serve from one machine of your AWS account, a few cents; with SKYFLOW_TEST_AWS=1
	@$(BIN)/python -m tests.e2e.aws.real_account

test-compiled: dev ## Run the tests of the balancer on a data plane that is compiled to C (4 minutes)
	@$(BIN)/python -m tests.lb.compiled -n $(WORKERS) --dist loadgroup tests/lb

chaos: dev ## Long runs: kills and freezes in 500 runs, replicas killed under load, fuzz (an hour)
	@KILLING_SECONDS=120 $(BIN)/python -m pytest -q tests/lb/test_killing.py
	@$(BIN)/python -m tests.lb.fuzz $(or $(SEED),77) 100000
	@$(BIN)/python -m tests.faults --resume chaos/runs.jsonl $(ARGS)

bench: .venv/.bench ## Compare the balancer with others (about 15 minutes)
	@$(BIN)/python -m benchmarks.lb $(ARGS)

bench-autoscaling: .venv/.bench ## Compare autoscaling rules in a simulation (about 15 minutes)
	@$(BIN)/python -m benchmarks.autoscaling $(ARGS)

wheel: dev ## Build dist/*.whl, with the balancer's data plane compiled to C (a C compiler is needed)
	@scripts/wheel

lint: dev ## Check format, style, types and the directions of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python -m mypy
	@$(BIN)/python -m pytest -q tests/test_imports.py

format: dev ## Put the code into its format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: dev ## Take newer versions of what skyflow needs into constraints.txt
	@scripts/lock

record: dev ## Record workflow histories for replay from COMMIT (default HEAD)
	@$(BIN)/python -m tests.workflows.record $(or $(COMMIT),HEAD)

clean: ## Remove .venv and caches; services and their stack are left alone
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist chaos
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.setup: pyproject.toml constraints.txt
	@scripts/setup
	@touch $@

.venv/.dev: pyproject.toml constraints.txt
	@scripts/setup dev
	@touch .venv/.setup $@

.venv/.bench: pyproject.toml constraints.txt
	@scripts/setup bench
	@touch .venv/.setup $@
