# Everything is set up in .venv from hashed lock files; nothing is installed globally but by `make test-tools`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
# two workers suit two cores; tests of one file stay together, because many share a process that they started
PYTEST := $(BIN)/pytest -n 2 --dist loadfile
# Debian's packages with the programs that some tests start; the services these packages bring are not used
TOOLS := prometheus prometheus-alertmanager chromium poppler-utils qpdf curl

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: demo
demo: venv ## the daemon on two simulated clusters: page, metrics, PDF, until Ctrl-C
	$(BIN)/vzcover demo

# `make test` tries a sample of the fault matrix, by VZCOVER_SEED, and no step of the Dockerfile; `make test-all` all of it
.PHONY: test-all
test-all: test ## all tests, the whole fault matrix, and the Dockerfile's steps as a script
	VZCOVER_FAULTS=all $(BIN)/pytest -n 2 --dist load tests/faults/test_matrix.py
	VZCOVER_IMAGE=1 $(BIN)/pytest tests/e2e/test_image.py

# a missing tool or missing recordings fail instead of skipping where VZCOVER_REQUIRE is set
.PHONY: test
test: venv $(if $(VZCOVER_REQUIRE),test-tools) check ## checks and all tests
	$(PYTEST)

.PHONY: check
check: venv ## formatting, lint, types, import rules, Dockerfile
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Dockerfile

.PHONY: format
format: venv ## lay the code out
	$(BIN)/ruff check --quiet --fix .
	$(BIN)/ruff format --quiet .

.PHONY: golden
golden: venv ## write the golden files anew; read the difference before you commit it
	$(BIN)/python -m tests.faults.expected
	VZCOVER_UPDATE_GOLDEN=1 $(PYTEST)

.PHONY: docs
docs: venv ## write the generated documents and schemas anew
	$(BIN)/python -m exporter.config.schema
	$(BIN)/python -m exporter.metrics.documentation > docs/metrics.md
	$(BIN)/python -m tests.faults.documentation > docs/faults.md
	$(BIN)/python -m exporter.doctor.documentation > docs/permissions.md
	VZCOVER_UPDATE_GOLDEN=1 $(BIN)/pytest tests/report/test_tables.py tests/exporter/test_schemas.py::test_the_committed_schemas_are_the_code_s

.PHONY: picture
picture: venv ## draw page one of a made-up report for the README (needs pdftoppm)
	$(BIN)/python -m tests.picture docs/page-one.png

.PHONY: rules
rules: venv ## write the Prometheus rules in grafana/ and the Helm chart anew, from grafana/settings.yaml
	$(BIN)/python -m grafana
	$(BIN)/python -m grafana --output deploy/helm/vzcover/files

.PHONY: dashboards
dashboards: venv ## write the Grafana dashboards in grafana/ anew, from grafana/boards
	$(BIN)/python -m grafana.boards

# draws the same tables beside ours; never a dependency
WEASYPRINT := bench/weasyprint/.venv
.PHONY: bench
bench: venv $(WEASYPRINT)/.installed ## measure speed and memory at 10,000 guests and a million snapshots; never fails
	$(BIN)/python -m bench

$(WEASYPRINT)/.installed: bench/weasyprint/requirements.lock
	test -x $(WEASYPRINT)/bin/python || $(PYTHON) -m venv $(WEASYPRINT)
	$(WEASYPRINT)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/weasyprint/requirements.lock
	touch $@

PEERS := bench/peers/.venv
.PHONY: bench-peers
bench-peers: venv $(PEERS)/.installed ## compare with prometheus-pve-exporter, into docs/comparison.md; never in CI
	$(BIN)/python -m bench.peers --output docs/comparison.md

$(PEERS)/.installed: bench/peers/requirements.lock
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r bench/peers/requirements.lock
	touch $@

.PHONY: venv
venv: $(STAMP) ## the virtual environment, from requirements-dev.lock

$(STAMP): requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

.PHONY: test-tools
test-tools: ## system programs that some tests need, from Debian (needs root)
	@missing=""; for package in $(TOOLS); do \
	  dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  apt-get update -qq && \
	  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi

.PHONY: lock
lock: venv ## make the lock files anew (hashes, no index address)
	$(LOCK) pyproject.toml --extra shaping -o requirements.lock
	$(LOCK) --group pyproject.toml:build -o requirements-build.lock
	$(LOCK) pyproject.toml --extra notify --extra shaping --group dev -o requirements-dev.lock
	$(LOCK) bench/peers/requirements.in -o bench/peers/requirements.lock
	$(LOCK) bench/weasyprint/requirements.in -o bench/weasyprint/requirements.lock
