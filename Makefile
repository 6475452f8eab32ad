# make demo    install everything into .venv and spot the bundled match
# make test    install everything and run the tests
# make lint    formatting, lint and types
#
# TORCH_BACKEND=cpu takes the small CPU build of torch (uv's choice of index; default: the ordinary
# wheels, which run on CPU and GPU alike).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_BACKEND ?=
BACKEND := $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND))
INSTALLED := $(VENV)/.installed$(if $(TORCH_BACKEND),-$(TORCH_BACKEND))

.PHONY: install demo test test-slow lint format bench clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt overrides.txt
	@echo "Installing into $(VENV): a minute or two, and some GB for torch"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip --version > /dev/null 2>&1 || $(BIN)/python -m ensurepip > /dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(BACKEND) -c constraints.txt --override overrides.txt -e '.[dev]'
	touch $@

demo: install
	$(BIN)/onball demo

test: install
	$(BIN)/python -m pytest

test-slow: install
	$(BIN)/python -m pytest -m slow

lint: install
	$(BIN)/ruff format --check src tests benchmarks docs tools
	$(BIN)/ruff check src tests benchmarks docs tools
	$(BIN)/mypy

format: install
	$(BIN)/ruff format src tests benchmarks docs tools
	$(BIN)/ruff check --fix src tests benchmarks docs tools

bench: install
	$(BIN)/python benchmarks/painter_speed.py
	$(BIN)/python benchmarks/simulator_speed.py
	$(BIN)/python benchmarks/training_speed.py
	$(BIN)/python benchmarks/loader_speed.py
	$(BIN)/python benchmarks/evaluation_speed.py
	$(BIN)/python benchmarks/spot_memory.py

clean:
	rm -rf $(VENV) onball-demo
