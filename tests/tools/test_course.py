"""The command that runs the lessons, on two small ones: one that works and one that fails."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from shared.tools import course

ANSWER = "def f():\n    ### BEGIN SOLUTION\n    return 42\n    ### END SOLUTION"


@pytest.fixture
def school(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setattr(course, "BUILD", tmp_path / "build")
    course.NOTEBOOKS.mkdir()
    good = [new_markdown_cell("# One"), new_code_cell("print('a', end='')\nprint('b')"),
            new_code_cell(ANSWER), new_code_cell("f()", metadata={"tags": ["solution"]})]
    bad = [new_code_cell("1 + 1"), new_code_cell("1 / 0"), new_code_cell("2")]
    for name, cells in (("01_good", good), ("02_bad", bad)):
        nbformat.write(new_notebook(cells=cells), course.NOTEBOOKS / f"{name}.ipynb")
    return tmp_path


def outputs(path):
    return [cell.outputs for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_lessons_are_kept_in_place_but_not_one_that_failed(school, capsys):
    untouched = (course.NOTEBOOKS / "02_bad.ipynb").read_bytes()
    with pytest.raises(SystemExit) as end:
        course.main(["--in-place"])
    assert end.value.code == 1
    first = outputs(course.NOTEBOOKS / "01_good.ipynb")
    assert [output.text for output in first[0]] == ["ab\n"]
    assert (course.NOTEBOOKS / "02_bad.ipynb").read_bytes() == untouched
    assert outputs(course.BUILD / "02_bad.ipynb")[0][0].data["text/plain"] == "2"
    said = capsys.readouterr().out
    assert "failed in cell 2 of 3: ZeroDivisionError: division by zero" in said
    table = [line.split() for line in said.splitlines()]
    first = table.index(["lesson", "cells", "seconds", "peak", "MB", "result"]) + 1
    good, bad = table[first:first + 2]
    assert (good[0], good[1], good[-1]) == ("01_good", "3", "ok")
    assert (bad[0], bad[1], bad[-1]) == ("02_bad", "3", "failed")
    assert f"written to {course.NOTEBOOKS}; what failed, to {course.BUILD}" in said
    assert not list(school.rglob("*.part"))


def test_one_lesson_is_written_and_the_stored_one_stays(school, capsys):
    with pytest.raises(SystemExit) as end:
        course.main(["1"])
    assert end.value.code == 0
    assert outputs(course.BUILD / "01_good.ipynb")[2][0].data["text/plain"] == "42"
    assert outputs(course.NOTEBOOKS / "01_good.ipynb")[2] == []


def test_the_copies_of_students_hold_no_solution_and_no_output(school):
    course.main(["1", "--student", str(school / "handout")])
    cells = nbformat.read(school / "handout" / "notebooks" / "01_good.ipynb", 4).cells
    assert [cell.source for cell in cells][2:] == ["def f():\n    ..."]
    assert all(not cell.outputs for cell in cells if cell.cell_type == "code")


def test_a_copy_that_a_student_may_have_worked_in_is_replaced_only_on_demand(school):
    (course.NOTEBOOKS / "images").mkdir()
    (course.NOTEBOOKS / "images" / "a.png").write_bytes(b"new")
    (course.NOTEBOOKS / "images" / "make_images.py").write_text("not for students")
    copies = school / "handout" / "notebooks"
    course.main(["1", "--student", str(copies.parent)])
    (copies / "01_good.ipynb").write_text("worked in")
    (copies / "images" / "a.png").write_bytes(b"old")
    for number in ("1", "2"):  # lesson 02 is not there, but its picture is
        with pytest.raises(SystemExit) as end:
            course.main([number, "--student", str(copies.parent)])
        assert "--overwrite" in end.value.code and str(copies.parent) in end.value.code
        assert (copies / "01_good.ipynb").read_text() == "worked in"
        assert (copies / "images" / "a.png").read_bytes() == b"old"
        assert not (copies / "02_bad.ipynb").exists()
    course.main(["1", "--student", str(copies.parent), "--overwrite"])
    assert (copies / "images" / "a.png").read_bytes() == b"new"
    assert not (copies / "images" / "make_images.py").exists()
    assert len(nbformat.read(copies / "01_good.ipynb", 4).cells) == 3


def test_the_lessons_themselves_are_never_replaced_by_copies(school):
    for folder in (course.NOTEBOOKS, course.NOTEBOOKS.parent):
        with pytest.raises(SystemExit, match="choose another folder"):
            course.main(["--student", str(folder), "--overwrite"])


def test_copies_have_a_readme_with_the_minutes_of_each_lesson(tmp_path):
    for edition in ("--student", "--teacher"):
        course.main(["1", edition, str(tmp_path / edition)])
        readme = (tmp_path / edition / "README.md").read_text(encoding="utf-8")
        assert re.search(r"^\| \[01 Baseline.*\]\(notebooks/01_baseline.ipynb\) \| \d+ \|$",
                         readme, re.M)


def test_students_get_no_solution_of_any_lesson_and_teachers_get_all_with_notes(tmp_path):
    course.main(["--student", str(tmp_path / "student")])
    course.main(["--teacher", str(tmp_path / "teacher")])
    lessons = sorted((tmp_path / "teacher" / "notebooks").glob("*.ipynb"))
    assert len(lessons) == len(sorted(course.NOTEBOOKS.glob("*.ipynb"))) > 0
    for path in lessons:
        cells = nbformat.read(path, 4).cells
        assert cells[1].source.startswith(f"### Lesson {path.name[:2]} in ")
        solutions = [cell for cell in cells if "solution" in cell.metadata.get("tags", [])]
        assert len(solutions) >= 3 and all("jupyter" not in cell.metadata for cell in solutions)
        copy = (tmp_path / "student" / "notebooks" / path.name).read_text(encoding="utf-8")
        assert "SOLUTION" not in copy and '"solution"' not in copy
        assert not re.search(r"solution\w* (is|are|stands?) (folded|hidden|below)", copy)


def test_a_solution_without_an_end_is_refused_before_a_copy_is_written(school):
    lost = [new_code_cell("### BEGIN SOLUTION\n42")]
    nbformat.write(new_notebook(cells=lost), course.NOTEBOOKS / "03_lost.ipynb")
    with pytest.raises(SystemExit) as end:
        course.main(["--student", str(school / "handout")])
    assert end.value.code.startswith("03_lost.ipynb: a solution that does not begin or end")
    assert not (school / "handout").exists()


def test_an_unknown_lesson_is_refused_with_the_ones_there_are(school, capsys):
    with pytest.raises(SystemExit) as end:
        course.main(["9"])
    assert end.value.code == 2 and "[1, 2]" in capsys.readouterr().err
