# make help lists the targets.
#
# TORCH_BACKEND=cpu takes the small CPU build of torch (uv's choice of index; default: the ordinary
# wheels, which run on CPU and GPU alike). WORKERS=0 runs the tests in one process.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_BACKEND ?=
BACKEND := $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND))
INSTALLED := $(VENV)/.installed$(if $(TORCH_BACKEND),-$(TORCH_BACKEND))
WORKERS ?= auto
# One file of tests stays in one process: its fixtures are made once. tests/conftest.py puts those
# that take long first.
PARALLEL := -n $(WORKERS) --maxprocesses 8 --dist loadfile --no-loadscope-reorder
# Folders that hold Python code.
CODE := src tests benchmarks docs examples tools
# Compiled files are kept, whatever the environment says: the tests start many processes, and each
# would compile torch for ten seconds.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install demo test test-quick test-slow lint format docs docs-serve viewer bench dist-check clean

help:                ## List the targets (the default)
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /|/' | awk -F'|' '{printf "make %-12s %s\n", $$1, $$2}'
	@echo "Settings: TORCH_BACKEND=cpu (the small CPU build of torch), WORKERS=0 (tests in one process)"

install: $(INSTALLED)  ## Install onball and everything that tests and documentation need into .venv

$(INSTALLED): pyproject.toml constraints.txt overrides.txt
	@echo "Installing into $(VENV): a minute or two, and some GB for torch"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --version > /dev/null 2>&1 || $(BIN)/python -m ensurepip > /dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python $(BACKEND) \
		-c constraints.txt --override overrides.txt -e '.[dev]'
	touch $@

demo: install        ## Spot the bundled match and compare the events with its labels
	$(BIN)/onball demo

test-quick: install  ## Run the quick tests, in about a minute: for the inner loop
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow and not medium'

test: install        ## Run all tests but the slow ones, in some minutes: before a commit
	$(BIN)/python -m pytest $(PARALLEL)

test-slow: install   ## Run the slow tests, which take minutes each: before a release
	$(BIN)/python -m pytest -m slow --timeout 1800

lint: install        ## Check format, style, spelling, types and the direction of imports
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/codespell $(CODE) .github $(wildcard *.md *.toml *.yml *.cff) Makefile
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/code_figures.py --check
	$(BIN)/python tools/configuration_page.py --check

format: install      ## Format the code and repair what ruff can repair
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

docs: install        ## Build the documentation's site into site/; warnings are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: install  ## Show the documentation's site on http://127.0.0.1:8000 while pages are edited
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

viewer:              ## Check, test and build the page of `onball view`; needs Node.js 20 or later
	cd viewer && npm install --no-package-lock && npm run check && npm test && npm run build

dist-check: install  ## Build sdist and wheel, install the wheel into an empty environment, run the demo
	$(BIN)/python tools/dist_check.py

bench: install       ## Run the benchmarks of speed and memory
	$(BIN)/python benchmarks/painter_speed.py
	$(BIN)/python benchmarks/simulator_speed.py
	$(BIN)/python benchmarks/training_speed.py
	$(BIN)/python benchmarks/loader_speed.py
	$(BIN)/python benchmarks/two_sizes_speed.py --network
	$(BIN)/python benchmarks/evaluation_speed.py
	$(BIN)/python benchmarks/spot_memory.py

clean:               ## Remove .venv, site/ and what the demo made
	rm -rf $(VENV) onball-demo site
