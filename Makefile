# Everything needs only Python 3.11 or newer and make; `make PYTHON=/path/to/python3.12 install` picks another interpreter.
.PHONY: install demo serve test lint types format bench check lock clean
.DEFAULT_GOAL := help

PYTHON ?=
BIN := .venv/bin
STAMP := .venv/.installed

#: The first interpreter that is new enough and able to make environments.
FIND_PYTHON = for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; python=; done; \
	[ -n "$$python" ] || { echo "Needs Python 3.11 or newer with its venv module (on Debian and Ubuntu: the package python3-venv)." >&2; exit 1; }

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1	\2/p' Makefile

install: $(STAMP) ## virtual environment .venv with the locked dependencies

$(STAMP): requirements.lock
	@$(FIND_PYTHON); echo "Installing the locked dependencies into .venv ..."; "$$python" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

demo: install ## real backtests in a running dashboard; PORT=8001 moves it, LIVE=1 keeps the sweep going
	@$(BIN)/python manage.py demo

serve: install ## the production server
	@$(BIN)/python manage.py serve

test: install ## the whole suite, in two processes; ARGS="-k cursor" picks tests, ARGS="-n 0" takes one process
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

lint: install types ## style, types, Django's checks, missing migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python manage.py check
	@$(BIN)/python manage.py makemigrations --check --dry-run

types: install ## static types
	@$(BIN)/mypy

format: install ## rewrite the sources in the agreed style
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format .

bench: install ## benchmarks; their figures are explained in tests/bench
	@$(BIN)/python -m tests.bench $(ARGS)

check: lint test ## lint and test

lock: ## the lock file, anew from pyproject.toml
	@$(FIND_PYTHON); tools=$$(mktemp -d); "$$python" -m venv $$tools && $$tools/bin/pip install --quiet uv \
	&& $$tools/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --generate-hashes \
	--no-emit-index-url --no-header --no-annotate pyproject.toml --output-file requirements.lock; rm -r $$tools

clean: ## remove what install and the tools made; data under var/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
