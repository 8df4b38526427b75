# Each target is one command on a fresh machine with Python 3.11 or newer and network access to a package index.
#   make demo    install what is needed, then run the story: guard off, audit, enforce
#   make test    install what is needed, then check and the whole suite
#   make localstack       install a LocalStack of its own (once; Python 3.12 or 3.13) and start it, for tests/localstack
#   make localstack-stop  end it

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Plain `python3` where it is new enough, else the newest that really starts (a version manager's stub may not).
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
endif
VENV ?= .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.installed
EMULATOR := $(VENV)/.emulator
PYTEST_ARGS ?=
# How many tests run side by side. Of the slow ones a whole module goes to one: what they make once takes longest. Their
# order is that of tests/conftest.py.
WORKERS ?= 2

# LocalStack has an environment of its own; its pinned packages are there for these two versions of Python.
LOCALSTACK_PORT ?= 4566
LOCALSTACK_HOME ?= .localstack
LOCALSTACK_SETTINGS ?=
LOCALSTACK_PY := $(LOCALSTACK_HOME)/venv/bin/python
# Of what the valve needs, LocalStack has all but these; moto-ext stands in the way of moto, which nobody asks for there.
LOCALSTACK_BESIDE := awslambdaric simplejson snapshot-restore-py
LOCALSTACK_READY := $(LOCALSTACK_HOME)/venv/.installed
LOCALSTACK_SERVER := tests/localstack/server.py --home $(LOCALSTACK_HOME)
ifndef LOCALSTACK_PYTHON
LOCALSTACK_PYTHON = $(shell for p in python3.13 python3.12 $$HOME/.pyenv/versions/3.13.*/bin/python $$HOME/.pyenv/versions/3.12.*/bin/python; do \
	"$$p" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info[:2] not in ((3, 12), (3, 13)))' 2>/dev/null && echo "$$p" && break; done)
endif

.PHONY: help demo test check lint types house suite quick slow chosen bench clean localstack localstack-stop

help:
	@sed -n 's/^#   //p' Makefile
	@echo "make quick   the suite without its slow tests"
	@echo "make check   ruff, mypy --strict, and the rules of the house"
	@echo "make bench   the measurements of tests/bench"
	@echo "make clean   remove what these targets made"

demo: $(READY)
	$(PY) stacks/orders/demo.py

test: lint types suite

check: lint types house

lint: $(READY)
	$(PY) -m ruff check .

types: $(READY)
	$(PY) -m mypy --strict valve_aws $(if $(wildcard shims/*.py shims/*/*.py),shims)

house: $(READY)
	$(PY) -m pytest tests/house

suite: quick slow

quick: $(READY) $(EMULATOR)
	$(PY) -m pytest -n $(WORKERS) -m "not bench and not slow" $(PYTEST_ARGS)

slow: $(READY) $(EMULATOR)
	$(PY) -m pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder -m "slow and not bench" $(PYTEST_ARGS)

chosen: $(READY)
	$(PY) -m pytest $(PYTEST_ARGS)

bench: $(READY) $(EMULATOR)
	$(PY) -m pytest tests/bench -m bench -s $(PYTEST_ARGS)

localstack: $(LOCALSTACK_READY)
	@$(LOCALSTACK_PY) $(LOCALSTACK_SERVER) --port $(LOCALSTACK_PORT) start $(LOCALSTACK_SETTINGS)

localstack-stop:
	@if [ -x $(LOCALSTACK_PY) ]; then $(LOCALSTACK_PY) $(LOCALSTACK_SERVER) stop; else echo "==> no LocalStack is installed here"; fi

clean:
	rm -rf .venv .venv-* build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find valve_aws shims stacks samples tests -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(PY):
	@if [ -z "$(PYTHON)" ]; then \
		echo "make: no Python 3.11 or newer found; install one, or say which: make PYTHON=/path/to/python3.11" >&2; exit 1; fi
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: '$(PYTHON)' does not start or is older than 3.11; say which: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		v=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "make: '$(PYTHON)' cannot make virtual environments; on Debian and Ubuntu:" >&2; \
		echo "          sudo apt install python$$v-venv" >&2; exit 1; }
	@echo "==> making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml | $(PY)
	@echo "==> installing valve-aws and what it needs into $(VENV) (once; a minute or two)"
	$(PY) -m pip install --disable-pip-version-check --progress-bar on -e '.[dev]'
	@touch $@

$(EMULATOR): tests/differential/emulator.py | $(READY)
	@echo "==> fetching AWS's runtime emulator, which tests compare with (once; 8 MB)"
	$(PY) -m tests.differential.emulator
	@touch $@

$(LOCALSTACK_PY):
	@if [ -z "$(LOCALSTACK_PYTHON)" ]; then \
		echo "make: LocalStack 4.14 needs Python 3.12 or 3.13 with its venv, and none was found; everything else here needs 3.11 alone." >&2; \
		echo "      Say where one is: make localstack LOCALSTACK_PYTHON=/path/to/python3.13" >&2; exit 1; fi
	@echo "==> making $(LOCALSTACK_HOME)/venv with $$($(LOCALSTACK_PYTHON) --version)"
	@$(LOCALSTACK_PYTHON) -m venv $(LOCALSTACK_HOME)/venv

$(LOCALSTACK_READY): tests/localstack/constraints.txt $(wildcard tests/localstack/dynamodb/*) pyproject.toml | $(LOCALSTACK_PY)
	@echo "==> installing LocalStack 4.14.0 into $(LOCALSTACK_HOME)/venv (once; a minute or two, 500 MB)"
	$(LOCALSTACK_PY) -m pip install --disable-pip-version-check --progress-bar on -c tests/localstack/constraints.txt \
		"localstack-core[runtime]==4.14.0" "localstack-twisted==25.5.0"
	$(LOCALSTACK_PY) -m pip install --disable-pip-version-check --no-deps --force-reinstall ./tests/localstack/dynamodb
	$(LOCALSTACK_PY) -m pip install --disable-pip-version-check --no-deps -c tests/localstack/constraints.txt -e . $(LOCALSTACK_BESIDE)
	@touch $@
