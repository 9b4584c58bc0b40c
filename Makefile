# make demo and make test need Python >= 3.10 (with venv) and pip's index, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODELS ?= ../shared/models
DIGITS := examples/digits
# The versions with which all tests have passed; make test PINNED= takes the newest instead.
PINNED ?= --constraint .ci/constraints.txt

# Hundreds of tests start a Python: compiling tinyml's modules each time is half a second of each.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-fast check lock docs site bench screenshots sizes fuzz conformance clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

# --no-compile: of the frameworks' modules few are imported, and those are compiled then.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile $(PINNED)
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml .ci/constraints.txt
	$(INSTALL) --editable .
	touch $@

# Pre-releases only for tflite-micro: the project publishes nothing else.
# make test EXTRAS=test-convert also brings TensorFlow and PyTorch (4 GB) and runs their tests.
EXTRAS ?= test
$(VENV)/.installed-$(EXTRAS): $(VENV)/.made pyproject.toml .ci/constraints.txt
	$(INSTALL) --editable '.[$(EXTRAS)]'
	touch $@

demo: $(VENV)/.installed ## build the digits model, boot it on an emulated board, report
	$(BIN)/tinyml build $(DIGITS)/digits.tflite --board nucleo_l4r5zi
	$(BIN)/tinyml simulate $(DIGITS)/digits.tflite --board nucleo_l4r5zi \
	    --inputs $(DIGITS)/test.npz

SHARD ?= 1/1
test: $(VENV)/.installed-$(EXTRAS) ## run every test that this machine can run (SHARD=2/3: a part of them)
	$(BIN)/python -m pytest -n auto --dist worksteal --shard $(SHARD)

test-fast: $(VENV)/.installed-$(EXTRAS) ## what needs neither compiler nor emulator, in less than a minute
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not slow" tests/unit tests/test_golden.py tests/test_imports.py

check: $(VENV)/.installed-$(EXTRAS) ## formatting, lint, types, spelling and workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	find benchmarks firmware tests tinyml -name '*.[ch]' -o -name '*.cpp' | xargs $(BIN)/clang-format --dry-run -Werror
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action/action.yml

lock: $(VENV)/.installed-test-convert ## pin the versions that are here, for CI (newest: make clean lock PINNED=)
	$(BIN)/python .ci/lock.py test-convert > .ci/constraints.new
	mv .ci/constraints.new .ci/constraints.txt

docs: $(VENV)/.installed ## regenerate the pages that are generated
	$(BIN)/tinyml ops --markdown > docs/ops.md
	$(BIN)/tinyml boards --markdown > docs/boards.md
	$(BIN)/tinyml help --markdown > docs/commands.md

screenshots: $(VENV)/.installed-$(EXTRAS) ## take the pictures of docs/report.md anew (needs chromium and pillow)
	$(BIN)/python -m tests.screenshots

SITE := build/site-tools
site: ## the pages of docs/ as a site, in build/site; no warning passes
	$(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --no-compile mkdocs-material==9.8.2 mkdocs==1.6.1
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict --quiet

bench: $(VENV)/.installed ## measure every model, beside the recorded peers; writes docs/performance.md
	$(BIN)/python -m benchmarks --models $(MODELS) --update

BASE ?= main
sizes: $(VENV)/.installed-$(EXTRAS) ## what this branch makes of the flash and stack of each kernel (BASE=main)
	rm -rf build/base && git worktree prune && mkdir -p build
	git worktree add --quiet --detach build/base $$(git merge-base $(BASE) HEAD)
	cd build/base && $(CURDIR)/$(BIN)/python -m tests.sizes --save ../sizes.json > /dev/null
	$(BIN)/python -m tests.sizes --against build/sizes.json
	git worktree remove --force build/base

fuzz: $(VENV)/.installed-$(EXTRAS) ## damage 40,000 models, a million commands and 500 serial sessions at random
	$(BIN)/python -m tests.fuzz --models 40000
	$(BIN)/python -m tests.fuzz.commands
	$(BIN)/python -m tests.fuzz.sessions

CORES := nucleo_g0b1re nucleo_l4r5zi nucleo_h743zi2 nucleo_u575zi_q mps3_an547 esp32c3 esp32s3
conformance: $(VENV)/.installed-$(EXTRAS) ## hold 6,000 made models against the reference on every core
	$(BIN)/python -m tests.corpus build/corpus --graphs 5000 --networks 1000 --no-rows
	$(BIN)/tinyml conformance build/corpus --batch 100 --on host --on tflm $(CORES:%=--on %)

clean: ## remove what make made
	rm -rf $(VENV) build
