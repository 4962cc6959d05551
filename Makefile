# make lab     JupyterLab on the first notebook
# make test    everything: style, types, floors, tests, notebooks
# make demo    the first two notebooks in kernels, their services called from outside
# make bench   us and peers, side by side
# make soak    the same, for long
# make lab-assets  JupyterLab's extension, built anew from its sources (needs Node)
# make clean   remove what the others have made
# Only Python 3.11 to 3.13 and make are needed; the rest is installed into .venv.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help lab lab-assets test demo bench soak clean

FITS = import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# A Python given by hand has an environment of its own, so that `make test PYTHON=python3.13` leaves .venv alone.
ifdef PYTHON
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV ?= .cache/venv-$(VERSION)
else
VENV ?= .venv
PYTHON := $(shell for each in python3.11 python3.12 python3.13 python3 python; do \
	if $$each -c '$(FITS)' 2>/dev/null; then echo $$each; break; fi; done)
endif
BIN := $(VENV)/bin
PIP := @echo "Installing into $(VENV); the first time takes about a minute." && \
	$(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --no-compile --editable
ROOT_FLAG := $(if $(filter 0,$(shell id -u)),--allow-root)
# What runs longer under `make soak`; `make test` runs a sample of each.
SOAKED = \
	tests/app/crew/test_redeploys.py \
	tests/app/crew/test_trouble.py \
	tests/app/rehearsal/test_fuzz.py \
	tests/caching/test_cache.py \
	tests/cli/test_import_zato.py \
	tests/cli/test_quickstart.py \
	tests/ui/test_recipes.py \
	tests/channels/files/test_killed.py \
	tests/channels/test_bodies_kept.py \
	tests/channels/test_crowds.py \
	tests/channels/test_full_load.py \
	tests/channels/test_hostile.py \
	tests/channels/wire/test_fuzzed.py \
	tests/connections/s3/test_habits.py \
	tests/transfer/test_killed.py \
	tests/transfer/test_soak.py \
	tests/transfer/test_real_servers.py \
	tests/connections/common/test_http.py \
	tests/connections/suites/test_every_trouble.py \
	tests/limiting/shared/test_processes.py \
	tests/notebook/test_day_after.py \
	tests/openapi/test_driven.py \
	tests/limiting/local/test_sliding.py \
	tests/scheduler/test_accounts.py \
	tests/scheduler/test_clock_changes.py \
	tests/scheduler/test_crashes.py \
	tests/scheduler/test_killed.py \
	tests/scheduler/test_law.py \
	tests/sharing/test_elsewhere.py \
	tests/testing/test_notebooks.py \
	tests/ui/test_below_a_base_path_in_lab.py \
	tests/ui/test_cells_in_lab.py \
	tests/ui/test_pictures.py \
	tests/ui/test_recent.py \
	tests/ui/test_rewriting.py
# The tests of one file, which share a kernel, run in one process, all that need JupyterLab in the same;
# `make test ARGS=-n0` runs all in one.
SIDE_BY_SIDE = --numprocesses auto --maxprocesses 4 --dist loadfile
# Hundreds of processes of the tests import the same modules; what the first of them compiles is there for the others,
# whatever the machine prefers.
test soak: export PYTHONDONTWRITEBYTECODE =
FIRST := $(firstword $(sort $(wildcard notebooks/*.ipynb)))

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(FITS)' || { \
	  echo "No Python 3.11 to 3.13 with venv was found$(if $(PYTHON), as $(PYTHON))." >&2; \
	  echo "Fix: install one (Debian: apt install python3 python3-venv), or: make PYTHON=/path/to/python3.12 ..." >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV)

# pip brings the package in place, what it needs, the kernel's specification and JupyterLab's extension. Bytecode is written as modules are used.
$(VENV)/.lab: pyproject.toml kernels/workbench/kernel.json workbench/lab/digest.json | $(BIN)/python
	$(PIP) '.[all]'
	@touch $@

$(VENV)/.test: pyproject.toml kernels/workbench/kernel.json workbench/lab/digest.json | $(BIN)/python
	$(PIP) '.[all,test]'
	@touch $@ $(VENV)/.lab

$(VENV)/.bench: $(VENV)/.test
	$(PIP) '.[all,test,bench]'
	@touch $@

lab: $(VENV)/.lab
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m jupyterlab $(ROOT_FLAG) --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/$(FIRST) $(ARGS)

lab-assets:
	cd workbench/lab && npm ci --ignore-scripts --no-audit --no-fund && npm run build

test: $(VENV)/.test
	$(BIN)/python -m pytest --nbval tests $(wildcard notebooks) $(SIDE_BY_SIDE) $(ARGS)

demo: $(VENV)/.lab
	$(BIN)/python -m tests.demo $(ARGS)

bench: $(VENV)/.bench
	$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.test
	WORKBENCH_SOAK=100 $(BIN)/python -m pytest --timeout 1800 $(SOAKED) $(ARGS)

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
