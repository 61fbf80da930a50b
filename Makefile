# Everything is installed into .venv and nowhere else. `make` alone lists the commands.
# All paths are relative and all tools are run as modules, so that the folder may have any
# name, spaces included.

PYTHON ?= python3
PY := .venv/bin/python
# How many test files or lessons run side by side, each on one thread.
JOBS ?= 2
ONE_THREAD := TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 OMP_NUM_THREADS=1
SIDE_BY_SIDE := -n $(JOBS) --dist loadfile

# The notebooks of LESSONS="1 3", or the folder of all.
LESSON_FILES = $(if $(LESSONS),$(foreach number,$(LESSONS),$(call lesson,$(number))),notebooks)
lesson = $(or $(wildcard notebooks/0$(1)_*.ipynb notebooks/$(1)_*.ipynb),$(error there is no lesson $(1)))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help lab course site demo colab check test test-slow test-lessons test-colab test-site notebooks weights clean distclean

help:
	@echo 'make lab         open the first lesson in JupyterLab'
	@echo 'make site        write the lessons as a web site to build/site/, with slides and a book,'
	@echo '                 from their stored outputs'
	@echo 'make course      run every lesson on this machine, write the notebooks to build/course/'
	@echo '                 (LESSONS="1 3" for some of them)'
	@echo 'make demo        draw a digit and zoom into a photo in the browser, with the trained networks;'
	@echo '                 writes build/site/demo/index.html, one file that works offline (the first'
	@echo '                 time takes a minute and fetches ONNX Runtime Web with npm)'
	@echo 'make colab       write lessons 01 to 05 as one notebook for Google Colab, which needs no'
	@echo '                 other file, to build/colab/'
	@echo
	@echo 'make check       check style and imports, run the quick unit tests (2 minutes)'
	@echo 'make test        the same, and every lesson compared with its stored outputs'
	@echo '                 (LESSONS as above; 10 minutes)'
	@echo 'make test-slow   run the unit tests that train or run whole networks'
	@echo 'make test-colab  run the notebook for Colab, lesson by lesson'
	@echo '                 (JOBS=4 to run four tests side by side instead of two)'
	@echo 'make test-site   build the site and look at every page of it in Chromium (one minute)'
	@echo
	@echo 'make notebooks   run every lesson, keep its outputs in notebooks/ (LESSONS as above)'
	@echo 'make weights     train every network of the course again, and the runs of the studies'
	@echo 'make clean       remove what was built; keeps .venv, weights and unfinished training'
	@echo 'make distclean   remove .venv and unfinished training as well'
	@echo
	@echo 'The first of them sets up .venv with $(PYTHON) (3.11 to 3.13; PYTHON=... for another).'

# Jupyter refuses to run as root, the usual user in a container, unless it is told that it may.
lab: .venv/.installed
	$(PY) -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) --ServerApp.root_dir=. \
	  --LabApp.default_url=/lab/tree/notebooks/01_baseline.ipynb

course: .venv/.installed
	$(PY) -m shared.tools.course $(LESSONS)

site: .venv/.site
	$(PY) -m shared.tools.site

demo: .venv/.installed
	$(PY) -m shared.tools.site.demo --open

colab: .venv/.installed
	$(PY) -m shared.tools.colab

notebooks: .venv/.installed
	$(PY) -m shared.tools.course --in-place $(LESSONS)

weights: .venv/.installed
	$(PY) -m shared.train --all
	$(PY) -m shared.studies.tradeoff
	$(PY) -m shared.studies.ablation
	$(PY) -m shared.studies.materials

check: .venv/.installed
	$(PY) -m ruff check .
	$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()'
	$(ONE_THREAD) $(PY) -m pytest tests $(SIDE_BY_SIDE) -m 'not slow'

test: check test-lessons

# The unit tests that train or run whole networks, those on JAX, and those in a browser.
test-slow: .venv/.site .venv/.jax
	$(ONE_THREAD) $(PY) -m pytest tests $(SIDE_BY_SIDE) -m slow

# tests/conftest.py teaches nbval to compare decimals within a tolerance. pytest finds it by
# itself for what is in tests/; for the lessons it is named.
test-lessons: .venv/.installed
	$(ONE_THREAD) PYTHONPATH=tests $(PY) -m pytest -p conftest --nbval --nbval-current-env \
	  $(SIDE_BY_SIDE) $(LESSON_FILES)

# The notebook for Colab runs for minutes, so its tests are not in a file called test_...
test-colab: .venv/.installed
	$(ONE_THREAD) $(PY) -m pytest -n $(JOBS) tests/tools/run_colab.py

# A part of test-slow. Where there is no Chromium or Chrome, most of it is skipped.
test-site: .venv/.site
	$(PY) -m pytest tests/tools/test_site.py tests/tools/test_site_pages.py -rs

# JAX is for tests alone: 350 MB that a learner does not need.
.venv/.jax: .venv/.installed
	$(PY) -m pip install --disable-pip-version-check --no-deps jax==0.10.2 jaxlib==0.10.2
	@touch $@

clean:
	rm -rf build/course build/site build/colab zoom_and_enhance.egg-info .pytest_cache .ruff_cache
	rm -rf .import_linter_cache notebooks/.ipynb_checkpoints
	find shared tests data notebooks -name __pycache__ -prune -exec rm -rf {} +

distclean: clean
	rm -rf build .venv

# The stamp is written last: a set-up that was interrupted starts again. An environment
# without a working pip is one whose creation was interrupted, or whose Python is gone.
# `--no-build-isolation` builds the package with the setuptools of requirements.txt; without
# it pip would fetch another one. `--no-deps`, because requirements.txt has them all.
.venv/.installed: requirements.txt pyproject.toml
	@rm -f $@
	@$(PY) -m pip --version >/dev/null 2>&1 || { \
	  '$(PYTHON)' -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	    echo 'The course needs Python 3.11, 3.12 or 3.13; "$(PYTHON)" is another or missing.'; \
	    echo 'Name the one to use, for example: make PYTHON=python3.12 $(MAKECMDGOALS)'; \
	    exit 1; }; \
	  echo 'Setting up .venv: this takes some minutes, once.'; \
	  '$(PYTHON)' -m venv --clear .venv; }
	$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# What only the site and its tests need.
.venv/.site: .venv/.installed requirements-site.txt
	$(PY) -m pip install --disable-pip-version-check -r requirements-site.txt
	@touch $@
