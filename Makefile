# Needs python3 (3.11 or newer) and a network for the first run; everything goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests of the screen wait more than they compute, so that more workers than there are processors are quicker.
WORKERS := $(shell expr $$(nproc 2>/dev/null || echo 2) \* 2)

.PHONY: run test check lint types imports bench picture lowest clean

run: $(VENV)/run
	$(BIN)/tdxtui open kvm-sapphire-rapids

test: $(VENV)/dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: lint types imports

lint: $(VENV)/dev
	$(BIN)/ruff check .

types: $(VENV)/dev
	$(BIN)/mypy

imports: $(VENV)/dev
	$(BIN)/lint-imports

bench: $(VENV)/dev
	$(BIN)/python -m compileall -q tdxtui
	$(BIN)/python -m tests.bench

picture: $(VENV)/dev
	$(BIN)/python -m tests.picture docs/pictures

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tdxtui needs Python 3.11 or newer; set PYTHON=" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 can't make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }

$(VENV)/run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@# An editable install leaves the compiling to the first start, or to every start where bytecode is not written.
	@$(BIN)/python -m compileall -q tdxtui
	@touch $@

$(VENV)/dev: $(VENV)/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

lowest:
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --editable . $$($(PYTHON) -m tests.lowest)
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --group dev $$($(PYTHON) -m tests.lowest)
	.venv-lowest/bin/python -m pytest -n $(WORKERS) --dist worksteal

clean:
	rm -rf $(VENV) .venv-lowest build dist *.egg-info
