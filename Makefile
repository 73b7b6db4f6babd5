# Every command of this repository. `make` alone lists them.
# Needs git, make, curl and Python 3 with venv; all else is installed into the checkout.

# The uv that is installed where none of the machine's own fits the lock file.
UV_VERSION := 0.13.9
# Arguments for the tests and the benchmark: `make test ARGS="-k edge -x"`.
ARGS ?=
# Tests at the same time: one more than two cores, as much of a test is waiting.
JOBS ?= 3
IMAGE ?= taskbell:dev

# One kind of machine may have several Pythons: take its own 3.13 before one of uv's.
export UV_PYTHON_PREFERENCE ?= system

BIN := .venv/bin
# One file on one process: its servers start once.
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)
DOCKER_COMPOSE ?= docker-compose

.DEFAULT_GOAL := help
.PHONY: help setup up api worker flower fmt fmt-check lint types imports verify check \
	test test-chart test-slow test-chaos test-docker test-cluster chaos bench chart image sbom \
	compose-up compose-down lock clean

help:  ## List the commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

## Run

# On a developer's machine errors may show themselves.
up api worker flower types: export DEBUG ?= 1

up: .venv/.ready  ## Run API, worker, Redis and Flower here until Ctrl-C
	@exec $(BIN)/python app/manage.py up

api: .venv/.ready  ## Run the API alone (needs REDIS_URL)
	@cd app && exec ../$(BIN)/gunicorn --config gunicorn.conf.py project.wsgi:application

worker: .venv/.ready  ## Run a worker alone (needs REDIS_URL)
	@cd app && exec ../$(BIN)/celery -A djangoNinja worker --loglevel=info -c 4

flower: .venv/.ready  ## Run Flower alone (needs REDIS_URL)
	@cd app && exec ../$(BIN)/celery -A djangoNinja flower --conf=flowerconfig.py

## Change

fmt: .venv/.ready  ## Format the code and mend what lint can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

## Check

test: .venv/.ready  ## Run all fast tests, with servers of their own on free ports
	$(PYTEST) -m "not slow and not docker and not chaos and not chart and not cluster"

test-chart: .tools/kubernetes/.ready .venv/.ready  ## Render the chart in all its forms and check what comes
	$(PYTEST) -m chart

test-slow: .venv/.ready  ## Run the tests that take minutes
	$(PYTEST) -n 4 --dist worksteal -m "slow and not docker and not cluster"  # most of them wait

test-chaos: .venv/.ready  ## Run the chaos proof at a small size, as a test
	$(PYTEST) -m chaos

test-docker: .venv/.ready  ## Run the tests that need a Docker engine
	$(BIN)/pytest -m docker $(ARGS)

test-cluster: .tools/kubernetes/.ready .venv/.ready  ## Run the tests that need a cluster: KUBECONFIG, CLUSTER_LOAD
	$(BIN)/pytest -m cluster -p no:randomly $(ARGS)

fmt-check: .venv/.ready
	$(BIN)/ruff format --check .

lint: .venv/.ready  ## Lint
	$(BIN)/ruff check .

types: .venv/.ready  ## Check the types
	$(BIN)/mypy

imports: .venv/.ready  ## Check that imports point one way
	PYTHONPATH=app $(BIN)/lint-imports --cache-dir .import_linter_cache

verify: fmt-check lint types imports  ## Format, lint, types and imports: all checks but the tests

check: verify test  ## Everything a change must pass: verify, and test (which holds the size limits)

chaos: .venv/.ready  ## Kill workers, APIs and Redis under load, and count what came of every job
	@exec $(BIN)/python app/manage.py chaos $(ARGS)

bench: .venv/.ready  ## Measure jobs a second beside stock Celery
	$(BIN)/python bench/workers.py $(ARGS)

## Ship

# BuildKit gives what it makes the date of the commit: the same commit, the same image.
image: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
image:  ## Build the image that API, worker, Flower and migrations share
	docker build --tag $(IMAGE) \
		--build-arg REVISION="$$(git describe --always --dirty --abbrev=40 --exclude='*' 2>/dev/null)" \
		--build-arg CREATED="$$(TZ=UTC git log -1 --date=iso-strict-local --format=%cd 2>/dev/null)" .

# A serial number and an instant would make each file another.
sbom: .venv/.ready  ## Write sbom.cdx.json: what the image installs from the lock file (CycloneDX)
	@uv=uv; uv version >/dev/null 2>&1 || uv=.tools/bin/uv; \
	$$uv export --quiet --locked --no-dev --preview-features sbom-export --format cyclonedx1.5 \
		--output-file sbom.cdx.json >/dev/null
	@sed -i.old '/"serialNumber":/d; /"timestamp":/d' sbom.cdx.json && rm sbom.cdx.json.old
	@echo "sbom.cdx.json: $$(grep -c '"purl":' sbom.cdx.json) packages"

compose-up:  ## Run all of it in Docker, the API at port 8001
	$(DOCKER_COMPOSE) up --detach --build

compose-down:  ## Stop what compose-up started; its volumes stay
	$(DOCKER_COMPOSE) down

## Set up

setup: .venv/.ready  ## Install uv if it is absent, Python 3.13 and the lock file's packages

# `uv version` fails where uv is absent, is a broken shim, or is older than pyproject.toml asks for.
.venv/.ready: pyproject.toml uv.lock .python-version
	@set -e; uv=uv; if ! uv version >/dev/null 2>&1; then \
		uv=.tools/bin/uv; \
		if ! $$uv version >/dev/null 2>&1; then \
			echo "setup: installing uv $(UV_VERSION) into .tools"; \
			python3 -m venv --clear .tools; \
			.tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
		fi; \
	fi; \
	echo "setup: installing the lock file's packages into .venv"; \
	$$uv sync --locked --quiet
	@touch $@

.tools/kubernetes/.ready: tests/chart/tools.py
	@python3 tests/chart/tools.py .tools/kubernetes

chart: .tools/kubernetes/.ready .venv/.ready  ## Write anew what is made of charts/ (model, monitoring) and of the chart
	@PYTHONPATH=app $(BIN)/python -m charts.model
	@$(BIN)/python -m charts.monitoring
	@$(BIN)/python -m charts.raw

lock:  ## Update the lock file after a change of pyproject.toml
	@if uv version >/dev/null 2>&1; then uv lock; else .tools/bin/uv lock; fi

clean:  ## Remove what setup and runs made, the local data too
	rm -rf .tools .venv .taskbell .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
