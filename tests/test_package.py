"""The project around the lessons: one list of versions, a quiet import, a small repository."""

import re
import subprocess
import sys
import tomllib

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = [Requirement(line.split("#")[0]) for line
        in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
        if line.split("#")[0].strip()]
RANGES = [Requirement(text) for text in [
    *PROJECT["dependencies"], *sum(PROJECT["optional-dependencies"].values(), [])]]


def tracked():
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if result.returncode:
        pytest.skip("this copy of the project is no git repository")
    return [ROOT / name for name in result.stdout.decode().split("\0") if name]


def test_every_requirement_is_an_exact_version():
    for pin in PINS:
        assert [s.operator for s in pin.specifier] == ["=="], pin


@pytest.mark.parametrize("wanted", RANGES, ids=str)
def test_the_exact_version_lies_in_the_range_of_the_package(wanted):
    pins = [pin for pin in PINS
            if (pin.name, str(pin.marker)) == (wanted.name, str(wanted.marker))]
    assert len(pins) == 1
    assert wanted.specifier.contains(next(iter(pins[0].specifier)).version)


def test_conda_installs_the_list_of_pip_and_nothing_beside_python():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    entries = re.findall(r"^\s*- (.*)$", text, re.M)
    assert "-r requirements.txt" in entries
    named = {entry for entry in entries if not entry.startswith("-")}
    python = [entry for entry in named if entry.startswith("python")]
    assert named == {"conda-forge", "pip", "pip:", *python}
    assert SpecifierSet(python[0].removeprefix("python ")) == SpecifierSet(
        PROJECT["requires-python"])


def test_nothing_is_logged_by_the_import_or_the_first_prediction():
    code = ("import numpy, shared; from shared import models, training; "
            "training.predict(models.residual_network(width=4, blocks=1), "
            "numpy.zeros((1, 7, 7, 1)))")
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True,
                            capture_output=True, check=True)
    assert result.stdout == "" and result.stderr == ""


def test_the_repository_stays_below_60_megabytes():
    assert sum(path.stat().st_size for path in tracked() if path.is_file()) < 60e6


@pytest.mark.parametrize("name", ["README.md", "TEACHING.md", "data/README.md"])
def test_links_of_the_pages_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:|#", target):
            assert ((ROOT / name).parent / target.split("#")[0]).exists(), target


def test_the_readme_is_short_and_finished():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120 and "TODO" not in text
