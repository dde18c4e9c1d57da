# Everything one needs to run, test and check Fullcircle. `make help` lists it.

PYTHON := .venv/bin/python
LOCKS := base scale dev
ARGS ?=

# Kept bytecode makes the second start quick.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run seed test check fmt lock bench bench-pages bench-text bench-search bench-import bench-listening bench-start clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

setup: ## make .venv and install what the product needs
	@sh scripts/setup.sh

run: ## start Fullcircle here (PORT, HOST, VAR_DIR and DEMO=0 from the environment)
	@sh scripts/setup.sh
	@exec .venv/bin/fullcircle run

seed: ## fill an empty database with the demo company
	@sh scripts/setup.sh
	@exec .venv/bin/fullcircle seed

test: ## run all tests on real services (FAST=1: SQLite, no browser; ARGS="..." goes to pytest)
	@sh scripts/setup.sh dev
	@sh scripts/test.sh $(ARGS)

check: ## all that continuous integration runs: format, lint, types, contracts, migrations, tests
	@sh scripts/setup.sh dev
	@sh scripts/check.sh

fmt: ## format the code and mend what ruff can mend
	@sh scripts/setup.sh dev
	@$(PYTHON) -m ruff check --fix --quiet . || true
	@$(PYTHON) -m ruff format .

lock: ## write requirements/*.txt anew from the *.in files (UPGRADE=1: newer versions; needs uv)
	@for name in $(LOCKS); do \
		echo "requirements/$$name.txt"; \
		(cd requirements && uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header \
			--no-emit-index-url --no-annotate $(if $(UPGRADE),--upgrade) $$name.in -o $$name.txt) || exit 1; \
	done

bench: bench-start bench-text bench-search bench-listening bench-import bench-pages ## run every benchmark

bench-pages: ## pages under load against the bare-Flask ceilings
	@sh scripts/setup.sh dev
	@$(PYTHON) -m bench.pages $(ARGS)

bench-text: ## Markdown and cleaning
	@sh scripts/setup.sh dev
	@$(PYTHON) -m bench.text $(ARGS)

bench-search: ## search on every adapter
	@sh scripts/setup.sh dev
	@$(PYTHON) -m bench.search $(ARGS)

bench-import: ## the importer on a real community
	@sh scripts/setup.sh dev
	@$(PYTHON) -m bench.imports $(ARGS)

bench-listening: ## mentions a second, from a connector to a queue
	@sh scripts/setup.sh dev
	@$(PYTHON) -m bench.listening $(ARGS)

bench-start: ## seconds from `make run` to the first page, when all is there
	@sh scripts/setup.sh dev
	@$(PYTHON) -m bench.start $(ARGS)

clean: ## remove what was made, but not your data in var/
	@rm -rf .venv build ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
