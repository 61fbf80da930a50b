"""One notebook for Google Colab, and the cell that prepares a single lesson for Colab.

    python -m shared.tools.colab                  write lessons 01 to 05 as one notebook to
                                                  build/colab/
    python -m shared.tools.colab --cell [FILE]    put the Colab cell into all lessons, or into
                                                  FILE

The notebook needs no other file: it writes out the modules that it uses, unpacks the trained
networks and fetches the images with ``keras.datasets``. To run it offline, let the environment
variable ``ZOOM_DATA`` name a folder with mnist.npz and fashion_mnist.npz.

The Colab cell of a lesson clones the course from the address ``course`` under ``[tool.zoom]`` in
pyproject.toml. As long as that is empty, it asks for the course's zip file.
"""

import argparse
import base64
import hashlib
import mimetypes
import re
import tempfile
import tomllib
from modulefinder import ModuleFinder
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.requirements import Requirement

from shared import recipes
from shared.paths import ROOT
from shared.tools import colab_cells, course

TARGET = ROOT / "build" / "colab" / "zoom_and_enhance.ipynb"
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # in Colab, in JupyterLab
TEXT = (".py", ".json", ".csv")  # files that are written out as they are
# Code or a formula, without groups, or a link: the "!" of a picture, its text, its target.
LINK = re.compile(r"`[^`]*`|\$[^$]*\$|(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def project_settings():
    """What pyproject.toml says: the Keras required, as "keras>=...", and the course's address."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    required = project["project"]["dependencies"]
    return {"keras": next(text for text in required if Requirement(text).name == "keras"),
            "address": project["tool"]["zoom"]["course"]}


def tags(cell):
    """The tags of a notebook's cell, a list."""
    return cell.metadata.get("tags", [])


def colab_cell():
    """The first code cell of every lesson: it fetches the course when Colab runs it."""
    return new_code_cell(colab_cells.FETCH.format(**project_settings()), id="colab",
                         metadata={"tags": ["colab", "nbval-skip"], **FOLDED})


def put_cell(path):
    """Write the Colab cell into the lesson at ``path``; it replaces an older one.

    The outputs stay. If the lesson has been run, its cells are numbered again, as if this cell
    had run as well.
    """
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if "colab" not in tags(cell)]
    setup = next(index for index, cell in enumerate(notebook.cells) if "setup" in tags(cell))
    was_run = notebook.cells[setup].execution_count
    notebook.cells.insert(setup, colab_cell())
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(code if was_run else [], 1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    course.write_text(nbformat.writes(notebook), path)


def modules(code):
    """The files of ``shared`` that ``code`` imports, directly or through others, by path."""
    with tempfile.TemporaryDirectory() as work:
        script = Path(work, "lessons.py")
        script.write_text(code, encoding="utf-8")
        finder = ModuleFinder([str(ROOT)])
        finder.run_script(str(script))
    return sorted(Path(module.__file__).relative_to(ROOT).as_posix()
                  for name, module in finder.modules.items() if name.split(".")[0] == "shared")


def data_files(lessons, package):
    """The files of data/ that the notebook needs: networks with their cards, and stored runs.

    Args:
        lessons: their numbers, such as "01". They need the networks of their recipes, and all
            networks that those need.
        package: the files of ``shared`` in the notebook. The studies among them need their runs.

    Files that do not exist are left out: a lesson trains such a network itself.
    """
    names = [name for number in lessons
             for name in getattr(recipes, f"lesson{number}").RECIPES]
    files = [f"data/weights/{name}{suffix}" for name in recipes.with_needs(*names)
             for suffix in (".json", ".keras")]
    studies = [Path(name).stem for name in package if name.startswith("shared/studies/")]
    stored = [f"data/{study}.json" for study in studies]
    return sorted(file for file in stored + files if (ROOT / file).is_file())


def file_cell(name):
    """The cell that writes a file of the course: text as it is, or base64 with its sha256."""
    if Path(name).suffix in TEXT:  # read as text, its lines end alike on all systems
        text = (ROOT / name).read_text(encoding="utf-8").rstrip()
        return new_code_cell(f"%%writefile {name}\n{text}")
    data = (ROOT / name).read_bytes()
    text = base64.encodebytes(data).decode("ascii")
    return new_code_cell(
        f'#@title {name}, {len(data) / 1e6:.1f} MB\nunpack("{name}",\n'
        f'       sha256="{hashlib.sha256(data).hexdigest()}", text="""\n{text}""")',
        metadata=FOLDED)


def embed(text, folder, numbers):
    """Markdown that needs no file.

    Args:
        text: markdown with paths relative to ``folder``. Pictures are put into the text.
        folder: the folder of the lesson.
        numbers: the lessons in this notebook, such as "01". Links to them become links within
            it; of links to other files only the text stays.
    """
    pictures = []

    def replace(match):
        picture, label, target = match.groups()
        if target is None or re.match(r"https?:|mailto:|data:|#", target):
            return match[0]
        if picture:
            name, data = Path(target).stem, base64.b64encode((folder / target).read_bytes())
            kind = mimetypes.guess_type(target)[0]
            pictures.append(f"\n\n[{name}]: data:{kind};base64,{data.decode('ascii')}")
            return f"![{label}][{name}]"
        number = Path(target).name[:2]
        return f"[{label}](#lesson-{number})" if number in numbers else label

    return LINK.sub(replace, text) + "".join(pictures)


def lesson_cells(path, numbers):
    """The cells of a lesson without outputs; a fresh start replaces its set-up."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if "colab" not in tags(cell)]
    cells[0].source = f'<a name="lesson-{path.name[:2]}"></a>\n\n{cells[0].source}'
    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = embed(cell.source, path.parent, numbers)
            continue
        cell.outputs, cell.execution_count = [], None
        if "setup" in tags(cell):
            imports = cell.source[cell.source.index("from shared"):]
            cell.source = colab_cells.START.format(imports=imports)
    return cells


def build_notebook():
    """The one notebook of lessons 01 to 05, of those that exist.

    Its cells are those of the set-up, with ids "setup-00", ... and "package", and then those of
    the lessons, with ids such as "01-00". ``main`` writes it to a file.
    """
    paths = {path.name[:2]: path for path in sorted(course.NOTEBOOKS.glob("0[1-5]_*.ipynb"))}
    lessons = {number: lesson_cells(path, paths) for number, path in paths.items()}
    code = ["from shared import exercises, figures"] + [
        cell.source for cells in lessons.values() for cell in cells
        if cell.cell_type == "code" and "setup" not in tags(cell)]
    package = modules("\n".join(code))
    files = data_files(lessons, package)
    folders = sorted({Path(name).parent.as_posix() for name in (*package, *files)})
    contents = [f"- [{re.search('^# (.*)', cells[0].source, re.M)[1]}](#lesson-{number})"
                for number, cells in lessons.items()]
    setup = [
        new_markdown_cell(colab_cells.INTRO.format(contents="\n".join(contents))),
        new_code_cell(colab_cells.CHECK.format(**project_settings())),
        new_code_cell(colab_cells.FOLDERS.format(folders=folders)),
        new_markdown_cell(colab_cells.PACKAGE, metadata={"id": "package"}),
        *map(file_cell, package),
        new_markdown_cell(colab_cells.FILES),
        new_code_cell(colab_cells.DATA), new_code_cell(colab_cells.UNPACK),
        *map(file_cell, files)]
    notebook = new_notebook()
    for part, cells in {"setup": setup, **lessons}.items():
        for number, cell in enumerate(cells):
            cell.id = cell.metadata.get("id", f"{part}-{number:02d}")  # unique in the notebook
            notebook.cells.append(cell)
    course.normalise(notebook)
    # Colab shows the table of contents and folds the modules under their heading.
    notebook.metadata["colab"] = {"name": TARGET.name, "provenance": [], "toc_visible": True,
                                  "collapsed_sections": ["package"]}
    return notebook


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.tools.colab", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", action="store_true", help="put the Colab cell into lessons")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE",
                        help="a lesson for --cell; all lessons if none is given")
    options = parser.parse_args(arguments)
    if options.cell:
        for path in options.files or sorted(course.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
            put_cell(path)
        return
    course.write_text(nbformat.writes(build_notebook()), TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
