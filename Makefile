# Everything one does with this repository.  `make` alone explains it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup up down demo dev format lint types imports spelling schemas docs test test-unit \
	test-kafka test-e2e coverage bench bench-peer soak soak-deliveries check lock clean

PYTHON ?= python3
EVENTS ?= 1000000
KILLS ?= 200
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STAMP := .venv/.stamp
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
FAST := tests/unit tests/logic tests/properties tests/architecture

help: ## Explain every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) \
		| awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: $(STAMP) ## Build .venv from requirements.lock; again only when it changed

$(STAMP): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Hookline needs Python 3.11 or newer, and '$(PYTHON)' is not: install it, or name one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make virtual environments: install them (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

up: ## Start everything in containers: Kafka, topics, entity services, gateway, both consumers
	docker compose up --build --detach --wait

down: ## Stop the containers; Kafka's data stays (docker compose down --volumes removes it)
	docker compose down

demo: setup ## See the main job done: events, workflows, signed webhooks, a dead letter, a replay
	@$(BIN)/hookline demo

dev: setup ## Keep a whole local system running, for your own use
	@$(BIN)/hookline dev

format: setup ## Format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Check types (mypy --strict)
	$(BIN)/mypy

imports: setup ## Check who may import whom
	$(BIN)/lint-imports --no-cache

spelling: setup ## Check spelling
	$(BIN)/codespell $$(git ls-files)

schemas: setup ## Check that schemas evolve compatibly
	$(BIN)/hookline schemas check

docs: setup ## Write the generated pages of docs/
	$(BIN)/python -m runtime.settings_page docs/settings.md

test: setup ## Run every test; finds or starts a real broker, and stops what it started
	$(BIN)/pytest

test-unit: setup ## Run the tests that need nothing: unit, logic, properties, architecture
	$(BIN)/pytest $(FAST)

test-kafka: setup ## Run the tests that need a broker, without the end-to-end ones
	$(BIN)/pytest -m "kafka and not e2e"

test-e2e: setup ## Run the tests of whole processes
	$(BIN)/pytest -m e2e

coverage: setup ## Show what the tests that need nothing do not reach
	$(BIN)/coverage run -m pytest --quiet $(FAST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: setup ## Measure throughput, latency and memory; prints and stores JSON
	$(BIN)/python -m bench

soak: setup ## Put matching under fire, on a broker of its own (EVENTS=1000000)
	$(BIN)/python -m soak --events $(EVENTS)

soak-deliveries: setup ## Put deliveries under fire: kills, rebalances, a broker that dies (KILLS=200)
	$(BIN)/python -m soak --deliveries --kills $(KILLS)

bench-peer: setup ## Measure the workflow service beside the same rules in Quix Streams
	test -d .peer-venv || $(PYTHON) -m venv .peer-venv
	.peer-venv/bin/python -m pip install --quiet --require-hashes -r bench/peer/requirements.lock
	$(BIN)/python -m bench.peer .peer-venv/bin/python

check: lint types imports spelling schemas test ## Everything that must pass, as CI runs it

lock: ## Write the lock files anew
	$(PYTHON) -m venv .lock-venv
	.lock-venv/bin/python -m pip install --quiet uv==0.13.9
	.lock-venv/bin/$(COMPILE) --upgrade --extra demo --group dev pyproject.toml -o requirements.lock
	.lock-venv/bin/$(COMPILE) --constraints requirements.lock pyproject.toml -o requirements-run.lock
	.lock-venv/bin/$(COMPILE) --constraints requirements.lock --group build -o requirements-build.lock
	.lock-venv/bin/$(COMPILE) --upgrade bench/peer/requirements.in -o bench/peer/requirements.lock
	rm -rf .lock-venv

clean: ## Remove .venv and everything that tools left behind
	rm -rf .venv .lock-venv .peer-venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
