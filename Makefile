# Needs Python 3.11 or newer, git and make; each target sets up the rest in .venv, once.
PYTHON ?= python3
# Answers for `make render`, e.g. ANSWERS="ci=none author=Ada"
ANSWERS ?=
BIN := .venv/bin
READY := .venv/.ready
RENDER = $(BIN)/cookiecutter . --no-input --default-config --overwrite-if-exists
CHECKED := docs hooks tests
FAST := $(wildcard tests/contract tests/render tests/static tests/deploy)
GIT := git -c user.name=render -c user.email=render@localhost -c commit.gpgsign=false

.DEFAULT_GOAL := help
.PHONY: help demo pictures test test-fast tables nightly check fix render bench lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

demo: $(READY)  ## render the default project into build/ and walk through the whole lifecycle
	@mkdir -p build/customer-churn
	@# Its environment is kept, so that a second demo starts at once.
	@find build/customer-churn -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
	@echo "Rendering build/customer-churn"
	@$(RENDER) --output-dir build project_slug=customer-churn > /dev/null
	@$(MAKE) --no-print-directory -C build/customer-churn tour FROM=build/customer-churn

pictures: demo  ## photograph the report and the service's page for README.md; needs Chromium
	@build/customer-churn/.venv/bin/python docs/pictures.py build/customer-churn

test: $(READY)  ## run all tests
	$(BIN)/pytest

test-fast: $(READY)  ## run the tests that take seconds: contract, render, static, deploy
	$(BIN)/pytest $(FAST)

tables: $(READY)  ## walk all public tables through a project each, nightly; some fifteen minutes
	$(BIN)/pytest tests/tables -m "nightly or not nightly"
	@$(BIN)/python -m tests.tables.report

nightly: $(READY)  ## run what takes too long for each commit: public tables, faults, old projects
	$(BIN)/pytest -m nightly

check: $(READY)  ## lint and check the format; never writes
	$(BIN)/ruff check --no-cache $(CHECKED)
	$(BIN)/ruff format --no-cache --check $(CHECKED)

fix: $(READY)  ## repair what `check` can repair, and tell the recipe which library it has
	@$(BIN)/python -m tests.digest
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

render: $(READY)  ## put a git-initialised copy into build/render, to work in; replaces the last one
	rm -rf build/render
	$(RENDER) --output-dir build/render $(ANSWERS)
	@cd build/render/* && $(GIT) init --quiet && $(GIT) add --all \
		&& $(GIT) commit --quiet --message "As rendered" && echo "made $$(pwd)"

bench:  ## say where the benchmarks are
	@echo "benchmarks/README.md says what is measured, and the command of each"

lock: $(READY)  ## choose the tools' versions anew within the bounds of pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --upgrade \
		--python-version 3.11 --custom-compile-command "make lock" \
		--output-file requirements.lock pyproject.toml

clean:  ## remove all that can be made again
	rm -rf .venv build .pytest_cache .ruff_cache
	find hooks tests -name __pycache__ -prune -exec rm -rf {} +

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Python 3.11 or newer is needed, and $(PYTHON) is not: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		"$$(sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements.lock)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@touch $@
