"""Runs the notebook for Google Colab from top to bottom, as Colab would. It takes minutes.

Not called test_..., so that `pytest tests` leaves it out; `make test` names it.
"""

import hashlib
import json
import sys
import sysconfig
import time
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, same

from shared import colab, course

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


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The notebook after it was run in an empty folder, and the time each part took."""
    folder, kernels = (tmp_path_factory.mktemp(name) for name in ("empty", "jupyter"))
    spec = kernels / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({
        "argv": [sys.executable, "-I", "-S", "-c", KERNEL, "-f", "{connection_file}"],
        "display_name": "Colab", "language": "python"}))
    notebook = colab.build()
    notebook.cells.insert(0, nbformat.v4.new_code_cell(ABSENT, id="absent"))
    notebook.cells.append(nbformat.v4.new_code_cell(WHERE, id="where"))
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    starts = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(kernels))
        patch.setenv("ZOOM_DATA", str(ROOT / "data"))
        peak = course.PeakMemory()
        peak.start()
        notebook, _, failure = course.execute(path, lambda *_: starts.append(time.monotonic()))
        peak.done.set()
    assert not failure, failure
    seconds = {}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, start, end in zip(code, starts, [*starts[1:], time.monotonic()], strict=True):
        part = cell.id.split("-")[0]
        seconds[part] = seconds.get(part, 0) + end - start
    seconds["peak MB"] = peak.bytes / 1e6
    return folder / "zoom_and_enhance_files", notebook, seconds


def test_the_package_was_not_there_and_is_the_one_written_out(run):
    folder, notebook, _ = run
    assert text(notebook.cells[0]) == "None\n"
    files = {Path(file) for file in json.loads(text(notebook.cells[-1]))}
    written = {folder / cell.source.split("\n")[0].removeprefix("%%writefile "): cell
               for cell in notebook.cells if cell.source.startswith("%%writefile")}
    assert files and files <= set(written)
    for file in files:
        assert written[file].source.endswith("\n" + file.read_text(encoding="utf-8").rstrip("\n"))


def test_nothing_had_to_be_trained_that_could_be_loaded(run):
    folder, notebook, _ = run
    for file in (folder / "data" / "weights").glob("*.keras"):
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        assert any(sha256 in cell.source for cell in notebook.cells), file.name


def test_every_cell_says_what_it_says_in_its_lesson(run):
    for path in sorted(course.NOTEBOOKS.glob("0[1-5]_*.ipynb")):
        lesson = nbformat.read(path, as_version=4).cells
        stored = [c for c in lesson if c.cell_type == "code" and "colab" not in colab.tags(c)]
        found = [cell for cell in run[1].cells
                 if cell.cell_type == "code" and cell.id.startswith(f"{path.stem[:2]}-")]
        for old, new in zip(stored, found, strict=True):
            assert same(text(old), text(new), old.metadata.get("tolerance", 0.0)), (
                f"{path.stem}: {old.source}\nstored: {text(old)}\nfound: {text(new)}")
            assert [o.output_type for o in old.outputs] == [o.output_type for o in new.outputs]


def test_it_takes_less_than_15_minutes(run, capsys):
    seconds = dict(run[2])
    peak = seconds.pop("peak MB")
    with capsys.disabled():
        print("\nseconds:", ", ".join(f"{part} {value:.0f}" for part, value in seconds.items()
                                      if part not in ("absent", "where")),
              f"together {sum(seconds.values()):.0f}; peak {peak:.0f} MB")
    assert sum(seconds.values()) < 15 * 60
