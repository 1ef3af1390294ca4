# Needs Python 3.11 to 3.13 and pip; everything else is installed into .venv by the first target.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
RUN := $(BIN)/python -m
HILUM := $(BIN)/hilum
DEMO ?= runs/demo

export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all services check format lint types layers audit bench docs lock clean

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/installed  ## Make .venv with hilum and everything it needs, at the locked versions.

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade "uv>=0.9"
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: setup  ## Do the main job on phantoms: draw, prepare, train, evaluate, export, screen, audit, report.
	rm -rf $(DEMO)
	$(HILUM) phantoms $(DEMO)/cohort --patients 240 --seed 7 --size 384
	$(HILUM) phantoms $(DEMO)/films --patients 3 --seed 1000 --size 768
	$(HILUM) prepare $(DEMO)/cohort/manifest.csv --size 128 --out $(DEMO)/cache
	$(HILUM) train recipes/demo.yaml --manifest $(DEMO)/cohort/manifest.csv --cache $(DEMO)/cache \
	  --out $(DEMO)/run
	$(HILUM) evaluate $(DEMO)/run --manifest $(DEMO)/cohort/manifest.csv --split test \
	  --out $(DEMO)/evaluation
	$(HILUM) export $(DEMO)/run --out $(DEMO)/bundle --licence Apache-2.0
	$(HILUM) screen $(DEMO)/films/images --bundle $(DEMO)/bundle --heatmaps $(DEMO)/screening
	$(HILUM) screen $(DEMO)/films/images --bundle $(DEMO)/bundle --heatmaps $(DEMO)/screening \
	  --json > $(DEMO)/screening/screenings.json
	$(HILUM) audit $(DEMO)/bundle --manifest $(DEMO)/cohort/manifest.csv --out $(DEMO)/audit
	$(HILUM) report $(DEMO) --out $(DEMO)/report.html --title "hilum on phantoms"
	@echo "Open $(DEMO)/report.html; the bundle is in $(DEMO)/bundle."

# One thread a process: two test processes with two threads each wait for each other.
test test-all: export OMP_NUM_THREADS = 1

test: setup  ## Pass the tests that take less than ten seconds each.
	$(RUN) pytest -q -m "not slow" -n 2

test-all: setup  ## Pass every test.
	$(RUN) pytest -q -n 2

services:  ## Install what tests of a real browser, archive and database start (Debian, as root).
	.ci/services

check: lint types layers audit test  ## What CI runs: lint, format, types, layers, tests.

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup  ## Put the code in order.
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: setup
	$(BIN)/mypy

audit: setup  ## Ask whether anything is known against the locked packages.
	$(BIN)/python .ci/audit.py

layers: setup
	$(BIN)/lint-imports

bench: setup  ## Measure speed beside the natural peers, in one run: about ten minutes.
	$(HILUM) bench --against peers --out benchmarks/results
	cp benchmarks/results/speed.svg docs/images/speed.svg

docs: setup  ## Build the documentation into site/.
	$(BIN)/mkdocs build --strict

lock: setup  ## Write requirements.lock anew from pyproject.toml.
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	  --no-emit-index-url --extra train --extra fast --extra scale --extra bench \
	  --extra serve --extra postgresql --extra dicom --group dev --group docs \
	  --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:  ## Remove what was built; runs/ stays.
	rm -rf $(VENV) site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
