# Everything runs in .venv, which the first command creates; later commands reuse it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
OUT    ?= results/demo
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# NumPy's threads only get in each other's way here: the heavy work is in HiGHS.
export OPENBLAS_NUM_THREADS ?= 1
# What one of a hundred processes has compiled, the next need not compile again.
unexport PYTHONDONTWRITEBYTECODE
# A quick form of each kind of test, with little to compile; `make test` has all of them.
QUICK  := $(wildcard tests/test_*.py) $(addprefix tests/, core markets model docs/test_nomenclature.py cli/test_main.py data/tables \
  battery/test_thermal.py engine/highs engine/test_certificate.py engine/test_program.py dispatch/test_assessment.py \
  fleet/synthetic grid/limits grid/strength impact/emissions inputs/test_sites.py live/store/test_log.py live/ocpp/admission/test_authority.py \
  report/test_page.py resilience/metrics studies/plan/test_study.py)
# Files of tests in the order of tests/conftest.py, on both processors.
PYTEST := $(BIN)/python -m pytest --quiet -n 2 --dist loadgroup --no-loadscope-reorder

.PHONY: help demo test test-quick check services test-all sbom bench docs lock clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.base  ## plan the built-in example; ends in results/demo/report.html
	@$(BIN)/evergrid demo --out $(OUT)

test: $(VENV)/.dev  ## run the tests
	@$(PYTEST)

test-quick: $(VENV)/.dev  ## run the quick core of the tests
	@$(PYTEST) -m "not slow and not browser and not soak and not exhaustive" $(QUICK)

check: $(VENV)/.dev  ## format, lint, arrows, types, docs
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }
	@$(BIN)/basedpyright --level error
	@$(MAKE) --no-print-directory docs
	@echo "format, lint, arrows, types and docs are clean"

docs: $(VENV)/.dev  ## build the site into docs/_build/html; a warning fails it
	@$(BIN)/python -m sphinx -j 2 -W --keep-going -q -b html docs docs/_build/html

services:  ## install the system packages that test-all needs (Debian; needs root)
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core nats-server postgresql > /dev/null

test-all: services $(VENV)/.dev  ## every test, also with a browser and servers; then the long ones, two hours alone
	@EVERGRID_REQUIRE_BROWSER=1 EVERGRID_REQUIRE_SERVICES=1 $(PYTEST) -m "not soak" --hypothesis-profile=whole
	@command -v npm > /dev/null || apt-get install -y -qq --no-install-recommends npm > /dev/null
	@$(BIN)/python -m pytest --quiet -m soak

sbom: $(VENV)/.dev  ## list what is installed with its licences, as CycloneDX, into results/sbom.json
	@$(BIN)/python requirements/bill_of_materials.py results/sbom.json

bench: $(VENV)/.dev  ## time the main job against HiGHS alone
	@$(BIN)/python -m benchmarks.plan

lock: $(VENV)/.dev  ## resolve requirements/*.txt anew (needs uv on the PATH)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --extra live pyproject.toml requirements/build.in -o requirements/base.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet --extra dev --extra docs --extra live --extra postgresql --extra signals pyproject.toml requirements/build.in -o requirements/dev.txt

clean:  ## remove what the commands above made
	rm -rf $(VENV) results docs/_build

$(VENV)/bin/python:
	@echo "creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python requirements/base.txt pyproject.toml
	@echo "installing evergrid"
	@$(PIP) install --require-hashes -r requirements/base.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements/dev.txt
	@echo "installing the tools for tests and docs"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@
