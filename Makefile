# The few verbs of this project. Each makes its own .venv first; Python 3.11 or newer is all that must be there.
PYTHON ?= python3
HELM ?= $(shell command -v helm)
ARGS ?=
RUNS ?= 1000
SEEDS ?= 0-9999
FAULTS ?=

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
REPORT := .tidegate/report.html

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test simulate explore mutants lint generate e2e faults campaign bench

help:  ## say what can be made
	@sed -n 's/^\([a-z0-9]*\):[^#]*## /  make \1@/p' Makefile | column -t -s @ 2>/dev/null || sed -n 's/^\([a-z0-9]*\):[^#]*## /  make \1: /p' Makefile

demo: $(INSTALLED)  ## run the weather sample without a cluster and keep its report
	@mkdir -p $(dir $(REPORT))
	@$(BIN)/tidegate run --local manifests/samples/weather/weather.yaml --log-of report=$(REPORT)
	@echo "The report is in $(REPORT): open it in a browser."

test: $(INSTALLED)  ## all tests that need no cluster; ARGS go to pytest
	$(BIN)/pytest tests -n auto $(ARGS)

simulate: $(INSTALLED)  ## many seeds of the simulation on all cores: SEEDS=0-9999, FAULTS=crash_after,slow; ARGS="shrink 7" tells one
	PYTHONPATH=operator:tests $(BIN)/python -m simulation $(or $(ARGS),run $(SEEDS) --faults "$(FAULTS)")

mutants: $(INSTALLED)  ## plant each bug of a catalogue and see that the simulation or a test catches it; minutes; ARGS="--only cache"
	PYTHONPATH=operator:tests $(BIN)/python -m simulation mutants $(ARGS)

explore: $(INSTALLED)  ## every order in which a small scope of requests, crashes and faults can happen; ARGS names scenarios
	PYTHONPATH=operator:tests $(BIN)/python -m explorer $(ARGS)

lint: $(INSTALLED)  ## style, types, layers, dependencies, dead code, drift of generated files
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry operator
	$(BIN)/vulture
	$(BIN)/python -m tidegate.codegen --check

generate: $(INSTALLED)  ## write CRDs, RBAC, reference pages and install.yaml again; with helm also the rendered chart
	$(BIN)/python -m tidegate.codegen $(if $(HELM),--helm $(HELM))

e2e: $(INSTALLED)  ## tests on a real Kubernetes: one named, kind, or else one built here (as root); ARGS go to pytest
	$(BIN)/pytest e2e $(ARGS)

faults: $(INSTALLED)  ## kill the operator at every write of every sample, and all that can go wrong on its way; as root; tens of minutes
	$(BIN)/python -m e2e.faults all $(ARGS)

campaign: $(INSTALLED)  ## RUNS runs while operators are killed at random, with a collector of their own; as root; ARGS
	$(BIN)/python -m e2e.faults campaign --runs $(RUNS) $(ARGS)

bench: $(INSTALLED)  ## measure; ARGS go to the benchmark
	$(BIN)/python -m bench $(ARGS)

$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not there: install Python 3.11 or newer, or say where it is: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "Tidegate needs Python 3.11 or newer; %s is %d.%d: name another, such as make PYTHON=python3.13 ..." % (sys.executable, v[0], v[1]))'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@
