"""Runs the notebook for Google Colab, as Colab would: set-up and one lesson, in five pieces.

Not called test_..., so that `pytest tests` leaves it out, because it takes minutes; `make test`
names it. Each piece has an empty folder and a kernel of its own, so `-n 2` runs two at a time.
That the notebook holds nothing beside these pieces is tested in test_colab.py.
"""

import hashlib
import json
import os
import sys
import sysconfig
import time
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, same

from shared.tools import colab, course

LESSONS = sorted(course.NOTEBOOKS.glob("0[1-5]_*.ipynb"))
# A kernel that sees the libraries of this environment, but no folder of the project and not
# the package installed from it: -I leaves out PYTHONPATH, -S the hooks in site-packages.
KERNEL = f"""import sys
sys.path += {sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})}
from ipykernel.kernelapp import launch_new_instance
launch_new_instance()"""
ABSENT = "import importlib.util\nprint(importlib.util.find_spec('shared'))"
WHERE = """import json, sys
print(json.dumps(sorted(module.__file__ for name, module in sys.modules.items()
                        if name.split(".")[0] == "shared")))"""


def text(cell):
    """All that a cell printed and the plain text of its results."""
    return "".join(output.get("text", "") or output.data.get("text/plain", "")
                   for output in cell.outputs)


def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A function of a lesson's number that runs set-up and that lesson in an empty folder.

    It returns the folder with what set-up wrote, and the cells after they were run.
    """
    kernel = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(json.dumps({
        "argv": [sys.executable, "-I", "-S", "-c", KERNEL, "-f", "{connection_file}"],
        "display_name": "Colab", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("ZOOM_DATA", str(ROOT / "data"))
    if "PYTEST_XDIST_WORKER" in os.environ:  # several kernels at a time: one core for each
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
        monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def run(number):
        notebook = colab.build_notebook()
        first = next(place for place, cell in enumerate(notebook.cells) if cell.id == "01-00")
        notebook.cells = [
            nbformat.v4.new_code_cell(ABSENT, id="absent"), *notebook.cells[:first],
            *(cell for cell in notebook.cells[first:] if cell.id.startswith(f"{number}-")),
            nbformat.v4.new_code_cell(WHERE, id="where")]
        path = tmp_path / "empty" / "notebook.ipynb"
        path.parent.mkdir()
        nbformat.write(notebook, path)
        peak, start = course.PeakMemory(), time.monotonic()
        peak.start()
        notebook, _, failure = course.execute(path, lambda *_: None)
        peak.done.set()
        with capsys.disabled():
            print(f"\nlesson {number}: {time.monotonic() - start:.0f} s with set-up, "
                  f"peak {peak.bytes / 1e6:.0f} MB")
        assert not failure, failure
        return path.parent / "zoom_and_enhance_files", notebook.cells

    return run


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_after_set_up_says_what_it_says_in_the_course(path, run):
    number = path.stem[:2]
    folder, cells = run(number)
    assert_the_package_was_not_there_and_is_the_one_written_out(folder, cells)
    assert_nothing_was_trained_that_could_be_loaded(folder, cells)
    stored = [cell for cell in code(nbformat.read(path, as_version=4).cells)
              if "colab" not in colab.tags(cell)]
    found = [cell for cell in code(cells) if cell.id.startswith(f"{number}-")]
    for old, new in zip(stored, found, strict=True):
        assert same(text(old), text(new), old.metadata.get("tolerance", 0.0)), (
            f"{path.stem}: {old.source}\nstored: {text(old)}\nfound: {text(new)}")
        assert [o.output_type for o in old.outputs] == [o.output_type for o in new.outputs]


def assert_the_package_was_not_there_and_is_the_one_written_out(folder, cells):
    assert text(cells[0]) == "None\n"
    files = {Path(file) for file in json.loads(text(cells[-1]))}
    written = {folder / cell.source.split("\n")[0].removeprefix("%%writefile "): cell
               for cell in cells if cell.source.startswith("%%writefile")}
    assert files and files <= set(written)
    for file in files:
        assert written[file].source.endswith("\n" + file.read_text(encoding="utf-8").rstrip("\n"))


def assert_nothing_was_trained_that_could_be_loaded(folder, cells):
    weights = list((folder / "data" / "weights").glob("*.keras"))
    assert weights
    for file in weights:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        assert any(sha256 in cell.source for cell in cells), file.name
