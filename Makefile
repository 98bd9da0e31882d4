# Every daily action is one word; `make` alone lists them. Each target does its own set-up.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PORT ?= 8000
DEMO_DIR ?= var/demo
PYTEST_ARGS ?=
BENCH_ARGS ?=
SECONDS ?= 900
SEED ?= 1
CLUSTER_SECONDS ?= 300
SOAK_ARGS ?=
CAPTURES ?= ../shared/data
SIGNALS_ARGS ?=
UV ?= .venv/bin/uv
BIN := .venv/bin

# A stamp is believed only while it describes the environment that is there; one that was moved,
# copied or outlived its Python is made anew by scripts/setup.
$(shell for venv in .venv .venv-clients; do \
	[ ! -e $$venv/.ready ] || scripts/venv-state $$venv | cmp -s - $$venv/.ready || \
	{ rm -f $$venv/.ready $$venv/.ready-test; touch $$venv/.doubtful; }; done)

.PHONY: help demo run test unit servers node clients faults chaos cluster long lint types bench soak signals lock clean certs

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | \
		awk -F '\t' '{ printf "make %-7s %s\n", $$1, $$2 }'

demo: .venv/.ready ## the whole service on a simulated market [PORT=8000] [DEMO_DIR=var/demo]
	@$(BIN)/marketdata demo --port $(PORT) --data-dir $(DEMO_DIR)

run: .venv/.ready ## the service on the live venues; settings by MARKETDATA_… (docs/settings.md)
	@$(BIN)/marketdata run

test: lint types servers node .venv-clients/.ready ## lint, types, then every test but the long ones [PYTEST_ARGS=…]
	@$(BIN)/pytest -n 2 -m "not long" $(PYTEST_ARGS)

unit: .venv/.ready-test ## only the fast tests: no network, no sleep [PYTEST_ARGS=…]
	@$(BIN)/pytest -n 2 tests/unit tests/architecture $(PYTEST_ARGS)

servers: .venv/.ready-test ## the real servers that tests start: Redis, MongoDB, Ceph; as root, by apt
	@scripts/setup-servers

node: ## the judges in JavaScript that tests ask: AsyncAPI's parser, the MCP Inspector; by npm
	@scripts/setup-node

clients: .venv/.ready-test .venv-clients/.ready ## public clients against the simulator (docs/clients.md)
	@$(BIN)/pytest tests/clients $(PYTEST_ARGS)

faults: .venv/.ready-test ## every fault against the running service; writes docs/faults.md
	@$(BIN)/python tests/faults/write_page.py

chaos: servers ## servers taken away under load, for minutes; writes docs/outages.md
	@$(BIN)/python tests/outages/write_page.py

cluster: servers ## collectors, processors and replicas killed at random, for minutes; writes docs/cluster.md [CLUSTER_SECONDS=300] [SEED=1]
	@$(BIN)/python tests/cluster/write_page.py $(CLUSTER_SECONDS) $(SEED)

long: servers ## the tests that take minutes [PYTEST_ARGS=…]
	@$(BIN)/pytest -m long $(PYTEST_ARGS)

certs: ## an authority, a server's and a client's certificate for this machine, in var/certs [CERTS_ARGS=--renew]
	@scripts/make-certs $(CERTS_ARGS)

lint: .venv/.ready-test ## ruff, formatting, and the arrows between packages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo

types: .venv/.ready-test ## mypy, strict
	@$(BIN)/mypy

bench: .venv/.ready ## the production path next to a bare decode loop, in turns [BENCH_ARGS=…]
	@$(BIN)/marketdata bench compare $(BENCH_ARGS)

soak: .venv/.ready ## the service's memory over a line that is cut every few seconds [SECONDS=900] [SOAK_ARGS=…]
	@$(BIN)/marketdata bench soak --seconds $(SECONDS) $(SOAK_ARGS)

signals: .venv/.ready ## detectors against planted events and real captures; writes docs/signals.md [CAPTURES=…] [SIGNALS_ARGS=…]
	@$(BIN)/marketdata bench signals --captures $(CAPTURES) --output docs/signals.md $(SIGNALS_ARGS)

lock: .venv/.ready-test ## solve the locks again [UV=…] [UV_ARGS=--upgrade]
	@scripts/lock $(UV) $(UV_ARGS)

clean: ## remove the environment, caches and the demo's data
	rm -rf .venv .venv-clients .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist var/demo tools/node/node_modules tools/node/.new.*
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: requirements/run.txt pyproject.toml
	@scripts/setup run

.venv/.ready-test: requirements/test.txt pyproject.toml
	@scripts/setup test

.venv-clients/.ready: requirements/clients.txt
	@scripts/setup clients
