# Every command of the project. Needs Python 3.11+ and git; `make setup` fetches or builds the rest.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
CODE := $(wildcard services components emulators cli bench tools)
# In the order of `make test`: the fast ones first, pytest's closing line last.
CHECKS := lint types contracts pytest
# Test processes at once; the tests of one file stay in one, for they share what they started.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup run demo test lint types contracts pytest unit integration e2e soak bench lock clean

help: ## list these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv, Dapr, Azurite and the sample photos; start nothing
	@$(PYTHON) -m tools.setup $(SETUP_FLAGS)

run: setup ## set up and start everything, print the gallery's address; Ctrl-C stops it
	@$(RUN) tools.stack run $(ARGS)

demo: setup ## upload the sample photos and print what was found in them
	@$(RUN) tools.stack demo $(ARGS)

test: setup ## every check and every test; fails if one of them does
	@failed=; \
	for check in $(CHECKS); do \
		echo "== $$check"; \
		$(MAKE) --no-print-directory SETUP_FLAGS=--quiet $$check || failed="$$failed $$check"; \
	done; \
	if [ -n "$$failed" ]; then echo "make test: failed:$$failed" >&2; exit 1; fi

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup ## mypy, strict
	@$(BIN)/mypy $(CODE)

contracts: setup ## which package may import which
	@$(BIN)/lint-imports

pytest: setup ## every test; the summary names each skipped one and why
	@$(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_FLAGS)

unit: setup ## the tests that start no process of ours
	@$(RUN) pytest tests/unit $(PYTEST_FLAGS)

integration: setup ## the tests against real sidecars and emulators
	@$(RUN) pytest tests/contract tests/integration $(PYTEST_FLAGS)

e2e: setup ## the tests of the whole stack
	@$(RUN) pytest tests/e2e $(PYTEST_FLAGS)

soak: setup ## Vision failing for two minutes while 200 pictures arrive
	@CLAIMLENS_OUTAGE=full $(RUN) pytest tests/e2e/test_outage.py --timeout 900 $(PYTEST_FLAGS)

bench: setup ## measure
	@$(RUN) bench

lock: ## resolve all pinned versions anew: requirements.lock, the set-up's own pins, Azurite's lock
	@$(PYTHON) -m tools.setup.lock

clean: ## remove .venv, .data (the pictures of `make run`) and tools' caches; the set-up's cache stays
	@rm -rf .venv .data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
