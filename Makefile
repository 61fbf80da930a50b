# Everything is installed into .venv and nowhere else. `make` alone lists what there is.
# All paths are relative and all tools are run as modules, so that the folder may have any
# name, spaces included.

PYTHON ?= python3
PY := .venv/bin/python

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help lab course colab test notebooks weights clean distclean

help:
	@echo 'make lab         open the first lesson in JupyterLab'
	@echo 'make course      run every lesson, write notebooks and web pages to build/course/'
	@echo '                 (LESSONS="1 3" for some of them)'
	@echo 'make colab       write lessons 01 to 05 as one notebook for Google Colab, which needs no'
	@echo '                 other file, to build/colab/'
	@echo 'make test        check the style, run the unit tests, compare every lesson with what'
	@echo '                 it computed before, run the notebook for Colab'
	@echo 'make notebooks   run every lesson, keep its outputs in notebooks/ (LESSONS as above)'
	@echo 'make weights     train every network of the course again, and the runs of lessons 04'
	@echo '                 and 06'
	@echo 'make clean       remove what was built; keeps .venv, weights and unfinished training'
	@echo 'make distclean   remove .venv and unfinished training as well'
	@echo
	@echo 'The first of them sets up .venv with $(PYTHON) (3.11 to 3.13; PYTHON=... for another).'

lab: .venv/.installed
	$(PY) -m jupyterlab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/01_baseline.ipynb

course: .venv/.installed
	$(PY) -m shared.course $(LESSONS)

colab: .venv/.installed
	$(PY) -m shared.colab

notebooks: .venv/.installed
	$(PY) -m shared.course --in-place $(LESSONS)

weights: .venv/.installed
	$(PY) -m shared.train --all
	$(PY) -m shared.tradeoff
	$(PY) -m shared.materials

# Two files of unit tests at a time: half the minutes of one after the other.
# tests/conftest.py teaches nbval to compare decimals within a tolerance. pytest finds it by
# itself for what lies in tests/; for the lessons it is named. The notebook for Colab runs
# for minutes, so its test is not called test_... and stands on a line of its own.
test: .venv/.installed
	$(PY) -m ruff check .
	$(PY) -m pytest tests -n 2 --dist loadfile
	PYTHONPATH=tests $(PY) -m pytest -p conftest --nbval --nbval-current-env notebooks
	$(PY) -m pytest tests/run_colab.py

clean:
	rm -rf build/course build/colab zoom_and_enhance.egg-info .pytest_cache .ruff_cache
	rm -rf notebooks/.ipynb_checkpoints shared/__pycache__ tests/__pycache__ data/__pycache__

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
	  echo 'Setting up .venv: some minutes, once.'; \
	  '$(PYTHON)' -m venv --clear .venv; }
	$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	$(PY) -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
