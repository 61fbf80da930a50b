"""The sheets of exercises to print: what is on them, and that they fit on paper."""

import re
import shutil

import nbformat
import pytest
from browsing import NEEDED, browser_fixture  # noqa: F401
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

pytest.importorskip("myst_nb", reason=NEEDED)

from shared.tools.site import build, lessons, sheets  # noqa: E402

NAMES = lessons.names()
STUB = "def f(x):\n    raise NotImplementedError  # here\n\nexercises.check('01.1', f)"


def code(source, tag):
    return new_code_cell(source, metadata={"tags": [tag]})


@pytest.fixture
def school(tmp_path, monkeypatch):
    """A function that makes a lesson of cells and returns its name."""
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)

    def made(*cells):
        cells = [new_markdown_cell("# 01 One & <all>\n\nText."), *cells]
        nbformat.write(new_notebook(cells=cells), tmp_path / "01_one.ipynb")
        return "01_one"

    return made


def test_a_sheet_has_the_exercises_and_no_solution(school):
    name = school(
        new_markdown_cell("What the lesson said.\n\n## Exercises\n\nFill in.\n\n"
                          "### Exercise 1: Look\n\nWhat is $x^2$?"), code(STUB, "exercise"),
        code("the solution", "solution"), new_markdown_cell("Why it is so."),
        code("more of the solution", "solution"),
        new_markdown_cell("### Exercise 2: Build *it*"),
        new_markdown_cell("A [layer](a.md).\n\n![A layer.](layer.png)"),
        code("class F:\n    pass\n\nexercises.check('01.2', F)", "exercise"),
        code("solved", "solution"), new_markdown_cell("It was so.\n\n## Recap"))
    assert list(sheets.exercises(lessons.read(name))) == [
        ("Look", "What is $x^2$?", "def f(x):\n    ...  # here"),
        ("Build *it*", "A [layer](a.md).\n\n![A layer.](layer.png)", "class F:\n    pass")]
    text = sheets.page(name)
    assert "<title>01 One &amp; &lt;all&gt; - exercises</title>" in text
    assert "<h2>Exercise 1: Look</h2>" in text and "<h2>Exercise 2: Build <em>it</em></h2>" in text
    assert "<math" in text and "<img" not in text and "a.md" not in text
    for word in ("solution", "solved", "so.", "What the lesson said", "Fill in", "check("):
        assert word not in text, word


def test_an_exercise_without_a_heading_is_named(school):
    name = school(new_markdown_cell("What is $x^2$?"), code(STUB, "exercise"))
    with pytest.raises(ValueError, match=r"found 0:\ndef f\(x\)"):
        sheets.page(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_exercise_of_a_lesson_is_on_its_sheet(name):
    notebook = lessons.read(name)
    count = sum("exercise" in lessons.tags(cell) for cell in notebook.cells)
    found = list(sheets.exercises(notebook))
    assert len(found) == count >= 3
    assert all(heading and text and given for heading, text, given in found)
    text = sheets.page(name)
    assert "SOLUTION" not in text and "NotImplementedError" not in text


def test_the_page_for_teachers_links_every_sheet(tmp_path):
    build.write_sources(tmp_path / "sources")
    text = (tmp_path / "sources" / "teaching.md").read_text(encoding="utf-8")
    assert build.SHEETS not in text
    assert re.findall(r'href="sheets/(\w+)\.html"', text) == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_fills_two_sides_of_paper_and_fits_a_small_screen(tmp_path, name, browser):
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "a.html").write_text(sheets.page(name), encoding="utf-8")
    shutil.copytree(build.HERE / "static", tmp_path / "_static")
    page = browser.new_page(viewport={"width": 400, "height": 900})
    faults = []
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    page.goto((tmp_path / "sheets" / "a.html").as_uri())
    assert faults == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    pages = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))
    assert len(pages) == 2
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 658, "height": 1000})  # 174 mm, as on paper
    sides = page.locator(".side").all()
    assert ["Exercise 3" in side.inner_text() for side in sides] == [False, True]
    for side in sides:
        notes = side.locator(".notes").last.bounding_box()
        end = side.bounding_box()["y"] + side.bounding_box()["height"]
        assert notes["height"] > 90 and notes["y"] + notes["height"] == pytest.approx(end, abs=1)
    assert not page.get_by_role("navigation").is_visible()
