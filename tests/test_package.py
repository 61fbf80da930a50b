"""The project around the lessons: one list of versions, distinct names, a small repository."""

import ast
import collections
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


MODULES = sorted((ROOT / "shared").rglob("*.py"))
SERVE_LESSONS = ("images", "data", "models", "measures", "training", "recipes")


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


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
    code = ("import numpy, shared; from shared import runtime; "
            "from shared.models import upscalers; "
            "runtime.predict(upscalers.residual_network(width=4, blocks=1), "
            "numpy.zeros((1, 7, 7, 1)))")
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True,
                            capture_output=True, check=True)
    assert result.stdout == "" and result.stderr == ""


def test_no_two_modules_define_a_public_function_or_class_of_one_name():
    modules = collections.defaultdict(list)
    for path in MODULES:
        if (ROOT / "shared" / "tools" / "site") in path.parents:  # nothing else imports from it
            continue
        for node in parsed(path).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                modules[node.name].append(path.relative_to(ROOT).as_posix())
    assert "enhance" in modules
    # These mean the same everywhere; the last three are those of each format of pictures.
    for name in ("main", "settings", "judges", "load_runs", "read", "write",
                 "size_and_orientation"):
        modules.pop(name, None)
    assert {name: paths for name, paths in modules.items() if len(paths) > 1} == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_says_what_it_is_for_and_which_lesson_it_serves(path):
    text = ast.get_docstring(parsed(path))
    assert text
    if path.parent.name in SERVE_LESSONS and path.name != "__init__.py":
        assert re.search("[Ll]esson", text)


def test_the_repository_stays_below_70_megabytes():
    assert sum(path.stat().st_size for path in tracked() if path.is_file()) < 70e6


@pytest.mark.parametrize("name", ["README.md", "TEACHING.md", "data/README.md"])
def test_links_of_the_pages_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:|#", target):
            assert ((ROOT / name).parent / target.split("#")[0]).exists(), target


def test_the_readme_is_short_and_finished():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 140 and "TODO" not in text
