# Two commands do all the set-up on a machine with Python 3.11 or newer and make:
#   make serve      starts the gateway on http://127.0.0.1:8000
#   make test       runs the tests

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := domain application adapters entrypoints
ARGS ?=
WORKERS ?= 2

# The first Python on the PATH that is new enough; `make PYTHON=/some/python3.13 …` chooses another one.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; \
	done)

# uv installs: the one on the PATH if it can read our settings, else the one that pip put into the environment.
# Where uv gets nothing, pip tries: it may know a package mirror that uv was not told of.
define install
@if uv pip freeze --python $(BIN)/python >/dev/null 2>&1; then uv=uv; else uv=$(BIN)/uv; fi; \
{ command -v $$uv >/dev/null && $$uv pip install --quiet --compile-bytecode --python $(BIN)/python $(1); } || \
$(BIN)/python -m pip install --quiet --disable-pip-version-check $(1)
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve test soak check cover lint types imports format bench bench-quick lock clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/.run  ## Start the gateway. Flags go into ARGS: make serve ARGS="--port 9000"
	@exec $(BIN)/ai-gateway serve $(ARGS)

test: $(VENV)/.dev  ## Run the tests.
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

soak: $(VENV)/.dev  ## Run the longer proofs.
	$(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

check: lint types imports cover  ## All that must pass before a change goes in.

cover: $(VENV)/.dev  ## Run the tests, and hold what they cover against the floors.
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report= $(ARGS)
	@$(BIN)/coverage report --skip-covered --fail-under=85
	@$(BIN)/coverage report --include='domain/*' --skip-covered --fail-under=95
	@$(BIN)/coverage report --include='application/*' --skip-covered --fail-under=95

lint: $(VENV)/.dev  ## Check the format and the rules of ruff.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev  ## Check the types.
	$(BIN)/mypy

imports: $(VENV)/.dev  ## Check who may import whom.
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## Format the code, and mend what ruff can mend.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.run  ## Measure the gateway beside nginx and other gateways, 15 minutes. Arguments: ARGS="--only direct,nginx,ours"
	$(BIN)/python -m bench.run $(ARGS)

bench-quick: $(VENV)/.run  ## See in a minute whether the gateway is as fast, beside nginx, as it must be.
	@$(BIN)/python -m bench.quick

lock: $(VENV)/.build  ## Resolve all requirements anew, with their hashes. Arguments: ARGS=--upgrade
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --output-file requirements/run.txt
	$(BIN)/uv pip compile $(LOCK) --group build --constraint requirements/run.txt --output-file requirements/build.txt
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --group dev --constraint requirements/run.txt \
		--constraint requirements/build.txt --output-file requirements/dev.txt

LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url $(ARGS)

clean:  ## Remove the environment and everything that can be made again. Data stays.
	rm -rf $(VENV) .bench .coverage .coverage.* htmlcov build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps say what the environment holds, so that a second `make serve` starts at once.

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "ai-gateway needs Python 3.11 or newer; python3 here is $$(python3 --version 2>&1)." \
		"Install one, or name it: make PYTHON=/path/to/python3 …" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "ai-gateway needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || \
		{ command -v uv >/dev/null && uv venv --quiet --clear --python $(PYTHON) $(VENV); } || { rm -rf $(VENV); \
		echo "$(PYTHON) could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

$(VENV)/.build: $(VENV)/.python requirements/build.txt
	@echo "Installing into $(VENV) …"
	$(call install,--require-hashes --requirement requirements/build.txt)
	@touch $@

$(VENV)/.run: $(VENV)/.build requirements/run.txt pyproject.toml
	$(call install,--require-hashes --requirement requirements/run.txt)
	$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(call install,--require-hashes --requirement requirements/dev.txt)
	@touch $@
