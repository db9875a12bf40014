# On a fresh machine: `make demo` shows what plait does, `make test` shows that it does it right.
# Plain `python -m venv` and pip; uv does the installing when it is on the PATH.

PYTHON ?= python3
VENV ?= .venv
DEMO ?= demo-study
ARGS ?=

BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps

export TZ := UTC

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install test test-long lint lint-ruff lint-types lint-sql lint-imports format docs bench clean distclean

help: ## list the targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMPS)/demo ## install plait, write a demo study and run everything on it
	$(BIN)/plait demo "$(DEMO)"

install: $(STAMPS)/core ## install plait alone, editable, into .venv

test: $(STAMPS)/test ## run all tests (one file: make test ARGS=tests/test_x.py)
	$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --dist loadfile)

test-long: $(STAMPS)/test ## run the tests that take longer than a build has
	$(BIN)/python -m pytest -m long --numprocesses auto --dist loadfile

lint: lint-ruff lint-types lint-sql lint-imports ## check style, types, SQL and the direction of imports

lint-ruff: $(STAMPS)/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-types: $(STAMPS)/lint
	$(BIN)/mypy

lint-sql: $(STAMPS)/lint
	$(BIN)/sqlfluff lint --processes 0 --disable-progress-bar src

lint-imports: $(STAMPS)/lint
	$(BIN)/lint-imports

format: $(STAMPS)/lint ## mend what ruff and sqlfluff can mend themselves
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .
	$(BIN)/sqlfluff fix --processes 0 --disable-progress-bar src

docs: $(STAMPS)/docs ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "Open site/index.html"

bench: $(STAMPS)/core ## run everything in benchmarks/
	@set -e; for script in benchmarks/[a-z]*.py; do \
	  [ -e "$$script" ] || { echo "There are no benchmarks yet."; break; }; \
	  echo "== $$script"; $(BIN)/python "$$script"; \
	done

clean: ## remove what was made, except .venv
	rm -rf build dist site "$(DEMO)" .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## remove .venv as well
	rm -rf $(VENV)

# A stamp per extra, so that a second run installs nothing; a changed pyproject.toml renews them all.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "plait needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 || true)"; \
	  echo "Name another one: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/core: pyproject.toml | $(BIN)/python
	$(call install,.)

$(STAMPS)/%: $(STAMPS)/core
	$(call install,.[$*])

# uv reads no pip configuration: the two settings that it can take over are handed on, unless uv was told itself;
# where that is not enough, pip does the work. Compiled at once, as uv does not, and neither does Python under
# PYTHONDONTWRITEBYTECODE; templates in some packages are no valid Python, hence the `|| true`.
define install
@mkdir -p $(STAMPS)
@by_uv() { \
  command -v uv >/dev/null || return 1; \
  pip_setting() { $(BIN)/python -m pip config list | sed -n "s/^[^=]*\.$$1='\(.*\)'$$/\1/p" | sed 's/\\n/ /g' | xargs; }; \
  : "$${UV_FIND_LINKS:=$$(pip_setting find-links | tr ' ' ,)}" "$${UV_DEFAULT_INDEX:=$$(pip_setting index-url | cut -d ' ' -f 1)}"; \
  export UV_FIND_LINKS UV_DEFAULT_INDEX; \
  echo "uv pip install -e '$(1)'"; \
  uv pip install --quiet --python $(BIN)/python -e '$(1)' || { echo "uv could not; pip tries."; return 1; }; \
}; \
by_uv || { echo "pip install -e '$(1)'"; $(BIN)/python -m pip install -qq --disable-pip-version-check -e '$(1)'; }
@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib src || true
@touch $@
endef
