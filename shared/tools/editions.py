"""Copies of the lessons: for students, without solutions, and for teachers, with notes.

Used by ``python -m shared.tools.course``. A copy is laid out as the course is: a README, and the
lessons and their pictures in notebooks/.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from shared.paths import ROOT, written_beside

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION.*?### END SOLUTION[^\n]*", re.M | re.S)
FOR_STUDENTS = """\
# Zoom & Enhance

These are your copies of the lessons. Read them in order; each takes up to 90 minutes.

{table}

## Start

In the folder of the course, `make lab` sets up what the lessons need and opens JupyterLab.
Open the lessons of this folder there, or in any editor for notebooks.
Choose the course's environment (`.venv`, or `zoom-and-enhance` with conda) as the kernel.
This folder may lie anywhere.

## Work

Run the cells from the top.
Where the text says "Predict", write your guess down before you run the next cell.
A wrong guess teaches most.

Each lesson ends with three exercises.
Write your answer into the cell and run it.
The check below it says whether it is right, and if not, what to look at.

You can run any cell again at any time.
If something is stuck, choose Kernel, Restart Kernel and Run All Cells. Your answers stay.
"""
FOR_TEACHERS = """\
# Zoom & Enhance: for teachers

These are the lessons with all outputs and with open solutions.
Notes at the head of each lesson give the minutes per section, questions to ask aloud, where a
class stumbles, and what to expect of the exercises.
TEACHING.md in the folder of the course says how to prepare a class and how to grade.

{table}
"""


def hand_out(lessons, folder, teacher=False, overwrite=False):
    """Write copies of the lessons and a README into ``folder``.

    Students get them without outputs and without the cells tagged "solution". In other cells,
    ``...`` replaces what is between ### BEGIN SOLUTION and ### END SOLUTION. Teachers get
    everything, with their section of TEACHING.md.

    Args:
        lessons: paths of notebooks, all in one folder; a folder images/ beside them is copied.
        folder: where to write, a path.
        teacher: write the copies for teachers.
        overwrite: replace files that are there: a student may have worked in them.

    Exits with a message, before it writes anything, if a file is there already, if ``folder`` is
    the course itself, or if a solution lacks its beginning or its end.
    """
    source = lessons[0].parent
    if folder.resolve() in (source, source.parent):
        sys.exit(f"{folder} holds the lessons themselves: choose another folder")
    edition = for_teachers if teacher else for_students
    copies, rows = {}, ["| lesson | minutes |", "|---|---|"]
    for path in lessons:
        notebook = nbformat.read(path, as_version=4)
        title, minutes = title_and_minutes(notebook)
        rows.append(f"| [{title}](notebooks/{path.name}) | {minutes} |")
        copies[Path("notebooks", path.name)] = nbformat.writes(edition(notebook, path)).encode()
    readme = (FOR_TEACHERS if teacher else FOR_STUDENTS).format(table="\n".join(rows))
    copies[Path("README.md")] = readme.encode()
    for picture in sorted((source / "images").glob("*")):
        if picture.suffix != ".py" and picture.is_file():
            copies[Path("notebooks", "images", picture.name)] = picture.read_bytes()

    there = [name for name in copies if os.path.lexists(folder / name)]
    if there and not overwrite:
        sys.exit(f"{folder} has {there[0]} already, {len(there)} such files in all: choose "
                 "another folder, or replace them with --overwrite")
    for name, data in copies.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with written_beside(folder / name) as file:
            file.write(data.rstrip(b"\n") + b"\n" if name.suffix != ".png" else data)


def title_and_minutes(notebook):
    """The title of a lesson and its minutes to work through, from its first cell, two strings."""
    text = notebook.cells[0].source
    title, minutes = re.search(r"^# (.*)", text), re.search(r"(\d+) minutes to work", text)
    return title[1] if title else "lesson", minutes[1] if minutes else ""


def for_students(notebook, path):
    """The notebook without solutions and outputs; ``path`` is named in messages."""
    notebook.cells = [cell for cell in notebook.cells
                      if "solution" not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        cell.source = SOLUTION.sub(r"\1...", cell.source)
        if re.search("### (BEGIN|END) SOLUTION", cell.source):
            sys.exit(f"{path.name}: a solution that does not begin or end:\n{cell.source}")
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def for_teachers(notebook, path):
    """The notebook with open solutions and, after its first cell, the section of TEACHING.md."""
    for cell in notebook.cells:
        if "solution" in cell.metadata.get("tags", []):
            cell.metadata.pop("jupyter", None)
            cell.metadata.pop("cellView", None)
    if notes := notes_of(path.name[:2]):
        notebook.cells.insert(1, new_markdown_cell(notes, id="notes-for-teachers"))
    return notebook


def notes_of(number):
    """The section of TEACHING.md on lesson ``number`` (such as "01"), one level deeper; or ""."""
    text = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
    section = re.search(rf"^## Lesson {number}\b.*?(?=^## |\Z)", text, re.M | re.S)
    deeper = section[0].strip().replace("\n### ", "\n#### ") if section else ""
    return deeper.replace("## ", "### ", 1)
