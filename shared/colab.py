"""One notebook for Google Colab, and the cell with which a single lesson opens there.

    python -m shared.colab                  lessons 01 to 05 to build/colab/zoom_and_enhance.ipynb
    python -m shared.colab --cell [FILE]    puts the Colab cell into every lesson, or into FILE

The notebook needs no other file: it writes out the modules that it uses, unpacks the trained
networks and fetches the images with ``keras.datasets``. Where there is no network, the
environment variable ``ZOOM_DATA`` names a folder with mnist.npz and fashion_mnist.npz.

The Colab cell of a lesson clones the course from the address that stands as ``course`` under
``[tool.zoom]`` in pyproject.toml; while that is empty, it asks for the course's zip file.
"""

import argparse
import ast
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

from shared import colab_cells, course, datasets

TARGET = course.ROOT / "build" / "colab" / "zoom_and_enhance.ipynb"
FOLDED = {"cellView": "form", "jupyter": {"source_hidden": True}}  # in Colab, in JupyterLab
TEXT = (".py", ".json", ".csv")  # files that stand in the notebook as they are
# Code and formulas, to be left alone, or a link: "!" of a picture, its text, its target.
LINK = re.compile(r"`[^`]*`|\$[^$]*\$|(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def settings():
    """What pyproject.toml says: the Keras needed, as "keras>=...", and the course's address."""
    project = tomllib.loads((course.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = project["project"]["dependencies"]
    return {"keras": next(text for text in needed if Requirement(text).name == "keras"),
            "address": project["tool"]["zoom"]["course"]}


def tags(cell):
    return cell.metadata.get("tags", [])


def colab_cell():
    """The first code cell of every lesson: it fetches the course where Colab runs it."""
    return new_code_cell(colab_cells.FETCH.format(**settings()), id="colab",
                         metadata={"tags": ["colab", "nbval-skip"], **FOLDED})


def put_cell(path):
    """Write the Colab cell into the lesson at ``path``, new or in the place of an older one.

    Outputs stay; a lesson that has been run is numbered anew, as if this cell had run too.
    """
    notebook, cell = nbformat.read(path, as_version=4), colab_cell()
    old = [place for place, c in enumerate(notebook.cells) if "colab" in tags(c)]
    setup = next(place for place, c in enumerate(notebook.cells) if "setup" in tags(c))
    ran = notebook.cells[setup].execution_count
    notebook.cells[slice(*(old + [old[0] + 1] if old else [setup, setup]))] = [cell]
    code = [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]
    for number, cell in enumerate(code if ran else [], 1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    course.write(nbformat.writes(notebook), path)


def modules(code, numbers):
    """Files of ``shared`` that ``code`` imports, with those that they import themselves."""
    checks = "".join(f"\nimport shared.exercises.lesson{n}" for n in numbers)  # found by name
    with tempfile.TemporaryDirectory() as work:
        script = Path(work, "lessons.py")
        script.write_text(code + checks, encoding="utf-8")
        finder = ModuleFinder([str(course.ROOT)])
        finder.run_script(str(script))
    return sorted(Path(module.__file__).relative_to(course.ROOT).as_posix()
                  for name, module in finder.modules.items() if name.split(".")[0] == "shared")


def data_files(sources):
    """Files of data/ that the sources name in a string: trained networks, their cards, others."""
    named = {Path(node.value).name for source in sources for node in ast.walk(ast.parse(source))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    data = course.ROOT / "data"
    return [path.relative_to(course.ROOT).as_posix()
            for path in sorted([*data.glob("*"), *data.glob("weights/*")])
            if path.is_file() and {path.name, path.stem} & named
            and path.stem not in datasets.SHA256]  # the images: the notebook fetches them


def file_cell(name):
    """The cell that writes a file of the course: text as it is, else base64 with its sha256."""
    data = (course.ROOT / name).read_bytes()
    if Path(name).suffix in TEXT:
        return new_code_cell(f"%%writefile {name}\n{data.decode('utf-8').rstrip()}")
    text = base64.encodebytes(data).decode("ascii")
    return new_code_cell(
        f'#@title {name}, {len(data) / 1e6:.1f} MB\nunpack("{name}",\n'
        f'       sha256="{hashlib.sha256(data).hexdigest()}", text="""\n{text}""")',
        metadata=FOLDED)


def embed(text, folder, numbers):
    """Markdown that needs no file: pictures as data, links to lessons as links to their place."""
    pictures = []

    def replace(match):
        picture, label, place = match.groups()
        if place is None or re.match(r"https?:|mailto:|data:|#", place):
            return match[0]
        if picture:
            name, data = Path(place).stem, base64.b64encode((folder / place).read_bytes())
            kind = mimetypes.guess_type(place)[0]
            pictures.append(f"\n\n[{name}]: data:{kind};base64,{data.decode('ascii')}")
            return f"![{label}][{name}]"
        number = Path(place).name[:2]
        return f"[{label}](#lesson-{number})" if number in numbers else label

    return LINK.sub(replace, text) + "".join(pictures)


def lesson_cells(path, numbers):
    """The cells of a lesson without outputs, its set-up replaced by a fresh start."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if "colab" not in tags(c)]
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


def build():
    """The one notebook of lessons 01 to 05, of those that there are."""
    paths = {path.name[:2]: path for path in sorted(course.NOTEBOOKS.glob("0[1-5]_*.ipynb"))}
    lessons = {number: lesson_cells(path, paths) for number, path in paths.items()}
    code = ["from shared import figures"] + [
        cell.source for cells in lessons.values() for cell in cells
        if cell.cell_type == "code" and "setup" not in tags(cell)]
    package = modules("\n".join(code), lessons)
    # Registries name every network there is; they do not say which are used.
    registries = "shared/recipes.py", "shared/photo_models.py"
    files = data_files(code + [(course.ROOT / name).read_text(encoding="utf-8")
                               for name in package if name not in registries])
    contents = [f"- [{re.search('^# (.*)', cells[0].source, re.M)[1]}](#lesson-{number})"
                for number, cells in lessons.items()]
    setup = [
        new_markdown_cell(colab_cells.INTRO.format(contents="\n".join(contents))),
        new_code_cell(colab_cells.CHECK.format(**settings())),
        new_code_cell(colab_cells.FOLDER),
        new_markdown_cell(colab_cells.PACKAGE, metadata={"id": "package"}),
        *map(file_cell, package),
        new_markdown_cell(colab_cells.FILES),
        new_code_cell(colab_cells.DATA), new_code_cell(colab_cells.UNPACK),
        *map(file_cell, files)]
    notebook = new_notebook()
    for part, cells in {"setup": setup, **lessons}.items():
        for place, cell in enumerate(cells):
            cell.id = cell.metadata.get("id", f"{part}-{place:02d}")  # no two the same
            notebook.cells.append(cell)
    course.normalise(notebook)
    # Colab opens with its table of contents, the modules folded under their heading.
    notebook.metadata["colab"] = {"name": TARGET.name, "provenance": [], "toc_visible": True,
                                  "collapsed_sections": ["package"]}
    return notebook


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.colab", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", action="store_true", help="put the Colab cell into lessons")
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="all if none")
    options = parser.parse_args(arguments)
    if options.cell:
        for path in options.files or sorted(course.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")):
            put_cell(path)
        return
    course.write(nbformat.writes(build()), TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
