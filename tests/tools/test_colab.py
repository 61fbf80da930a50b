"""The notebook for Google Colab, as it is built, and the cell that opens one lesson there.

run_colab.py runs the notebook; that takes minutes.
"""

import ast
import base64
import hashlib
import itertools
import os
import re
import sys
import types
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from IPython.core.inputtransformer2 import TransformerManager

from shared import recipes
from shared.tools import colab, colab_cells

LESSONS = sorted((ROOT / "notebooks").glob("0[1-5]_*.ipynb"))
# What the package imports and Colab has; the others (nbformat, psutil, ...) run the lessons.
IN_COLAB = {"keras", "tensorflow", "torch", "numpy", "scipy", "skimage", "matplotlib", "pandas",
            "PIL", "IPython", "h5py", "jax", "pygments", "tqdm"}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """What `make colab` writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(colab, "TARGET", tmp_path_factory.mktemp("build") / "colab" / "all.ipynb")
        colab.main([])
        return nbformat.read(colab.TARGET, as_version=4)


@pytest.fixture(scope="module")
def written(notebook):
    """Name and text of every file that a cell writes as it is."""
    cells = [c.source.split("\n", 1) for c in notebook.cells if c.source.startswith("%%writefile")]
    return {first.removeprefix("%%writefile "): text + "\n" for first, text in cells}


@pytest.fixture(scope="module")
def unpacked(notebook):
    """Name and bytes of every file that travels as base64, its sha256 compared."""
    found = {}
    for cell in notebook.cells:
        for name, sha256, text in re.findall(
                r'^unpack\("(.*)",\s+sha256="(\w+)", text="""\n(.*)"""\)', cell.source,
                re.M | re.S):
            found[name] = base64.b64decode(text)
            assert hashlib.sha256(found[name]).hexdigest() == sha256
    return found


def lesson_code(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "code" and not {"colab", "setup"} & set(colab.tags(cell))]


def imports(source):
    """Dotted names that a module or lesson imports, as ``shared.models`` or ``numpy``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_cell_of_a_lesson_is_there_in_order(notebook, path):
    number = path.stem[:2]
    cells = [cell for cell in notebook.cells if cell.id.startswith(f"{number}-")]
    assert [cell.source for cell in cells if cell.cell_type == "code"][1:] == lesson_code(path)
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    wanted = [cell.source for cell in nbformat.read(path, as_version=4).cells
              if cell.cell_type == "markdown"]
    for text, original in zip(texts, wanted, strict=True):
        assert {line for line in original.splitlines() if "](" not in line} <= {
            *text.splitlines()}
    assert texts[0].startswith(f'<a name="lesson-{number}"></a>\n\n# ')
    assert f"](#lesson-{number})" in notebook.cells[0].source


def test_the_cells_are_those_of_set_up_and_of_the_lessons_in_order(notebook):
    parts = [re.sub("^package$", "setup", cell.id).split("-")[0] for cell in notebook.cells]
    wanted = ["setup", *(path.stem[:2] for path in LESSONS)]
    assert [part for part, _ in itertools.groupby(parts)] == wanted
    for number in wanted[1:]:  # where run_colab.py cuts the notebook into pieces
        first = notebook.cells[parts.index(number)]
        assert first.id == f"{number}-00" and first.source.startswith(f'<a name="lesson-{number}"')


def test_every_lesson_has_one_fresh_start_and_no_other_set_up(notebook):
    starts = [cell for cell in notebook.cells if "setup" in colab.tags(cell)]
    assert len(starts) == len(LESSONS) and len({cell.source for cell in starts}) == 1
    assert starts[0].source.startswith("%reset -f\n")
    assert not [cell for cell in notebook.cells if "colab" in colab.tags(cell)]


def constants(source):
    """The constants in a source, but not the roles of lines in charts: "samples" is one."""
    tree = ast.parse(source)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            call.keywords = [keyword for keyword in call.keywords if keyword.arg != "roles"]
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def files_of(name):
    """The files of the package that the import of a dotted name runs."""
    parts = name.split(".") if name.startswith("shared") else []
    for end in range(1, len(parts) + 1):
        path = "/".join(parts[:end])
        yield from (file for file in (f"{path}.py", f"{path}/__init__.py")
                    if (ROOT / file).is_file())


def test_the_modules_that_are_imported_are_written_out_as_they_are_and_no_others(written):
    names = {name for path in LESSONS for source in lesson_code(path) for name in imports(source)}
    names |= {"shared.exercises", "shared.figures"}  # by the set-up cell
    needed, elsewhere = set(), set()
    while names:
        name = names.pop()
        if name.split(".")[0] != "shared":
            elsewhere.add(name.split(".")[0])
        for file in set(files_of(name)) - needed:
            needed.add(file)
            names |= set(imports((ROOT / file).read_text(encoding="utf-8")))
    assert {name for name in written if name.endswith(".py")} == needed
    for name, text in written.items():
        assert text == (ROOT / name).read_text(encoding="utf-8"), name
    assert elsewhere - set(sys.stdlib_module_names) <= IN_COLAB


def test_the_networks_that_lessons_name_and_those_they_need_are_inside_and_no_others(
        written, unpacked):
    sources = [source for path in LESSONS for source in lesson_code(path)]
    sources += [text for name, text in written.items() if re.match(
        "shared/studies/|shared/exercises/lesson0[1-5]", name)]
    named = {*recipes.RECIPES} & {text for source in sources for text in constants(source)}
    wanted = recipes.with_needs(*named)
    assert {"baseline", "combined", "classifier_a"} <= {*wanted}
    assert not {*wanted} & {*recipes.lesson06.RECIPES, *recipes.lesson08.RECIPES}
    assert {*unpacked} == {f"data/weights/{name}.keras" for name in wanted}
    assert {name for name in written if name.startswith("data/weights/")} == {
        f"data/weights/{name}.json" for name in wanted}
    for name, data in unpacked.items():
        assert data == (ROOT / name).read_bytes()


def test_the_stored_runs_of_the_studies_inside_are_inside_and_no_others(written):
    studies = {Path(name).stem for name in written if name.startswith("shared/studies/")}
    stored = {path.stem for path in (ROOT / "data").glob("*.json")}
    assert "tradeoff" in studies & stored
    assert {name for name in written if re.fullmatch(r"data/\w+\.json", name)} == {
        f"data/{name}.json" for name in studies & stored}


def test_set_up_makes_the_folder_of_every_file(notebook, written, unpacked, tmp_path, monkeypatch):
    (cell,) = (cell for cell in notebook.cells if "os.chdir" in cell.source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["/elsewhere"])
    for _ in range(2):  # run again, it stays where it is
        exec(cell.source, {"sys": sys})
        assert Path.cwd() == tmp_path / "zoom_and_enhance_files"
    assert sys.path[0] == str(Path.cwd())
    for name in (*written, *unpacked, "data/mnist.npz"):
        assert Path(name).parent.is_dir(), name


def test_it_leads_to_no_file_and_its_pictures_are_inside(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            text = re.sub(r"`[^`]*`|\$[^$]*\$", "", cell.source)
            targets = re.findall(r"\]\(\s*<?([^)\s>]+)", text)
            targets += re.findall(r"""<(?:img|a)\b[^>]*?(?:src|href)=["']([^"']+)""", text)
            for target in targets:
                anchor = f'<a name="{target[1:]}"></a>'
                assert re.match("https?:|mailto:", target) or any(
                    anchor in other.source for other in notebook.cells), target
            for picture in re.findall(r"!\[[^\]]+\]\[([^\]]+)\]", text):
                data = re.search(rf"^\[{re.escape(picture)}\]: data:image/png;base64,(\S+)$",
                                 cell.source, re.M)[1]
                assert base64.b64decode(data) == (
                    ROOT / "notebooks" / "images" / f"{picture}.png").read_bytes()
    heads = [cell for cell in notebook.cells if cell.source.startswith("<a name=")]
    assert len(heads) == len(LESSONS) and all("data:image/png" in cell.source for cell in heads)


def test_it_is_a_valid_notebook_without_outputs_and_below_20_megabytes(notebook):
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert len(nbformat.writes(notebook).encode()) < 20e6
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None
            compile(TransformerManager().transform_cell(cell.source), cell.id, "exec")


def test_code_and_formulas_are_no_links():
    text = "`a[i](x)` and $[0, 1](y)$, [02](02_fashion.ipynb), [07](07_many.ipynb), [a](b.md)"
    assert colab.embed(text, ROOT, {"02"}) == (
        "`a[i](x)` and $[0, 1](y)$, [02](#lesson-02), 07, a")


def test_an_old_keras_is_refused_with_the_command_that_fixes_it(monkeypatch, capsys):
    cell = colab_cells.CHECK.format(**colab.project_settings())
    exec(cell, {})
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(__version__="3.10.0"))
    with pytest.raises(RuntimeError, match=r"Keras 3\.10\.0.*%pip install 'keras>=3"):
        exec(cell, {})


@pytest.fixture
def in_colab(tmp_path, monkeypatch):
    """Makes this process look like Colab, and keeps its commands; runs the lessons' cell."""
    commands = []

    def run(command, check):
        commands.append([str(part) for part in command])
        if command[0] == "git":
            (tmp_path / "course" / "notebooks").mkdir(parents=True)
            (tmp_path / "course" / "notebooks" / "01_baseline.ipynb").touch()

    def upload():
        with zipfile.ZipFile("zoom.zip", "w") as file:
            file.writestr("zoom-main/notebooks/01_baseline.ipynb", "{}")
        return {"zoom.zip": b""}

    files = types.SimpleNamespace(upload=upload)
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(files=files))
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.chdir(tmp_path)

    def cell(address):
        settings = {**colab.project_settings(), "address": address}
        exec(colab_cells.FETCH.format(**settings).replace("/content", str(tmp_path)), {})
        return commands

    cell.files, cell.folder = files, tmp_path
    return cell


def test_the_cell_of_a_lesson_does_nothing_outside_colab(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = os.getcwd(), list(sys.path), set(sys.modules), dict(os.environ)
    exec(colab.colab_cell().source, {})
    assert (os.getcwd(), list(sys.path), set(sys.modules), dict(os.environ)) == before
    assert not list(tmp_path.iterdir()) and capsys.readouterr() == ("", "")


def test_in_colab_it_clones_the_course_once_and_goes_to_its_lessons(in_colab):
    for _ in range(2):
        commands = in_colab("https://example.org/zoom.git")
        assert os.getcwd() == str(in_colab.folder / "course" / "notebooks")
    assert [command[0] for command in commands] == ["git", sys.executable, sys.executable]
    assert commands[0][-2:] == ["https://example.org/zoom.git", str(in_colab.folder / "course")]
    assert commands[1][-1] == colab.project_settings()["keras"]


def test_in_colab_without_an_address_it_asks_for_the_zip_file(in_colab, capsys):
    upload, in_colab.files.upload = in_colab.files.upload, dict
    with pytest.raises(FileNotFoundError, match="run this cell again"):
        in_colab("")
    assert "Choose the course's zip file" in capsys.readouterr().out
    in_colab.files.upload = upload
    in_colab("")
    assert os.getcwd() == str(in_colab.folder / "course" / "zoom-main" / "notebooks")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")),
                         ids=lambda path: path.stem)
def test_putting_the_cell_into_a_lesson_changes_nothing_else(path, tmp_path):
    copy = tmp_path / "lesson.ipynb"
    copy.write_bytes(path.read_bytes())
    colab.put_cell(copy)  # over the one that is there
    assert copy.read_bytes() == path.read_bytes()
    notebook = nbformat.read(copy, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "colab" not in colab.tags(cell)]
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = number  # as if it had been run without
    nbformat.write(notebook, copy)
    colab.put_cell(copy)
    assert copy.read_bytes() == path.read_bytes()
