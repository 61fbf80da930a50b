"""The site before Sphinx: lessons made ready, quizzes, slides, formulas, links."""

import base64
import re
import types

import nbformat
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

pytest.importorskip("myst_nb", reason="the site's packages are missing: requirements-site.txt")

from docutils import nodes  # noqa: E402

from shared.tools.site import build, extension, lessons, markdown, slides  # noqa: E402

NAMES = lessons.names()
PICTURE = new_output("display_data", {"image/png": base64.b64encode(b"PNG").decode()}, metadata={
    "image/png": {"alt": 'two "red"\ntiles: #1', "width": 300, "caption": "Two *tiles*."}})


@pytest.fixture
def school(tmp_path, monkeypatch):
    """A folder of lessons, and a function that makes one of cells ready for Sphinx."""
    monkeypatch.setattr(lessons, "NOTEBOOKS", tmp_path)

    def prepared(*cells):
        cells = [new_markdown_cell("# One\n\nText."), *cells]
        nbformat.write(new_notebook(cells=cells), tmp_path / "01_one.ipynb")
        (tmp_path / "pages").mkdir()
        lessons.page("01_one", tmp_path / "pages")
        return nbformat.read(tmp_path / "pages" / "01_one.ipynb", 4).cells

    return prepared


def test_a_picture_becomes_a_figure_with_its_text_width_and_caption(school, tmp_path):
    cell = school(new_code_cell("draw()", outputs=[PICTURE]))[1]
    text = cell.outputs[0].data["text/markdown"]
    assert text.splitlines() == [
        ":::{figure} /figures/01_one-01-0.png", ':alt: "two \\"red\\" tiles: #1"',
        ":width: 300px", "", "Two *tiles*.", ":::"]
    assert (tmp_path / "pages" / "figures" / "01_one-01-0.png").read_bytes() == b"PNG"


def test_two_pictures_of_a_cell_tagged_slider_share_one_box(school):
    cell = school(new_code_cell("draw()", outputs=[PICTURE, PICTURE],
                                metadata={"tags": ["slider"]}))[1]
    assert len(cell.outputs) == 1
    text = cell.outputs[0].data["text/markdown"]
    assert text.startswith("::::{container} slider") and text.count("{figure}") == 2


@pytest.mark.parametrize("tag", ["colab", "setup", "solution"])
def test_cells_that_are_not_to_be_read_are_folded(school, tag):
    cell = school(new_code_cell("x = 1", metadata={"tags": [tag]}))[1]
    assert "hide-cell" in cell.metadata.tags
    assert cell.metadata.mystnb["code_prompt_show"] == lessons.FOLDED[tag]


def test_the_check_of_an_empty_exercise_is_left_out(school):
    said = new_output("stream", name="stdout", text="not yet")
    cell = school(new_code_cell("x = ...", outputs=[said], metadata={"tags": ["exercise"]}))[1]
    assert cell.outputs == []


@pytest.mark.parametrize("output", [
    new_output("stream", name="stdout", text="def f():\n    return 1\n"),
    new_output("display_data", {"text/html": '<div class="source-code" style="x"></div>',
                                "text/plain": "def f():\n    return 1\n"}),
    new_output("display_data", {"text/html": '<div class="highlight"></div>',
                                "text/plain": "def f():\n    return 1"})])
def test_listed_code_is_shown_in_colours(school, output):
    cell = school(new_code_cell("print(inspect.getsource(f))", outputs=[output]))[1]
    assert cell.outputs[0].data["text/markdown"] == "```python\ndef f():\n    return 1\n```"


def test_the_quiz_stands_before_further_reading(school, monkeypatch):
    monkeypatch.setattr(lessons, "quiz_html", lambda name: "QUESTIONS")
    last = school(new_markdown_cell("## Recap\n\n- a\n\n## Further reading\n\n- b"))[1].source
    assert re.findall(r"^## .*|QUESTIONS", last, re.M) == [
        "## Recap", "## Quiz", "QUESTIONS", "## Further reading"]


@pytest.mark.parametrize("text, expected", [
    ("[a](../TEACHING.md#grading)", "[a](teaching.md#grading)"),
    ("[a](02_fashion.ipynb)", "[a](02_fashion.ipynb)"),
    ("[a](../shared/figures.py)", "a"),
    ("[a](https://example.org/b)", "[a](https://example.org/b)"),
    ("![a](images/b.png)", "![a](images/b.png)"), ("[a](#b)", "[a](#b)")])
def test_links_to_files_lead_to_their_pages(text, expected, monkeypatch):
    monkeypatch.setattr(lessons, "address", lambda: "")
    assert lessons.relinked(text, "notebooks") == expected


def test_colab_opens_a_lesson_from_the_address_of_the_course(monkeypatch):
    monkeypatch.setattr(lessons, "address", lambda: "https://github.com/a/b")
    assert lessons.colab_address("01_baseline").endswith(
        "/github/a/b/blob/main/notebooks/01_baseline.ipynb")
    assert lessons.relinked("[a](../shared/figures.py)", "notebooks") == (
        "[a](https://github.com/a/b/blob/main/shared/figures.py)")
    monkeypatch.setattr(lessons, "address", lambda: "https://example.org/b")
    assert lessons.colab_address("01_baseline") == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_quiz_has_three_to_five_questions_with_one_right_answer_and_a_reason_for_each(name):
    questions = lessons.quiz(name)
    assert 3 <= len(questions) <= 5
    for question in questions:
        assert question["ask"].endswith("?")
        answers = question["answer"]
        assert len(answers) >= 2 and sum(answer.get("right", False) for answer in answers) == 1
        assert all(len(answer["because"]) >= 20 for answer in answers)
        assert len({answer["text"] for answer in answers}) == len(answers)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_quiz_with_two_decimals_stands_in_its_lesson(name):
    number = r"\b\d+\.\d\d+\b(?! million)"
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4).cells
    printed = " ".join([cell.source for cell in cells] + [
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for cell in cells for output in cell.get("outputs", [])])
    quiz = (lessons.HERE / "quiz" / f"{name}.toml").read_text(encoding="utf-8")
    assert set(re.findall(number, quiz)) <= set(re.findall(number, printed))


def test_every_quiz_belongs_to_a_lesson():
    assert {file.stem for file in (lessons.HERE / "quiz").glob("*.toml")} == set(NAMES)


def test_an_answer_says_right_only_where_it_is():
    text = lessons.question_html({"ask": "What?", "answer": [
        {"text": "a $x$", "because": "b"}, {"text": "c", "right": True, "because": "d"}]}, 1, "q")
    assert re.findall(r'<details class="(\w+)">.*?<strong>(.+?)</strong>', text, re.S) == [
        ("wrong", "Not so."), ("right", "Right.")]
    assert "<math" in text


def test_formulas_become_mathml():
    formula = markdown.mathml(r"\frac{1}{2}", block=True)
    assert 'display="block"' in formula and "<mfrac>" in formula
    text = markdown.to_html("Of $x^2$:\n\n$$y$$")
    assert text.count("<math") == 2 and "$" not in text


def doctree(*children):
    section = nodes.section("", nodes.title("", "A"), *children)
    return nodes.section("", section)


def paragraph(text, bold=""):
    inside = [nodes.strong("", bold)] if bold else []
    return nodes.paragraph("", "", *inside, nodes.Text(text))


def cell(*outputs, listing=False):
    content = nodes.literal_block("", "x", language="python" if listing else "none")
    output = nodes.container("", content, nb_element="cell_code_output")
    return nodes.container("", output, classes=["cell"])


def classes(tree):
    return [[name for name in node["classes"] if name != "cell"]
            for node in tree.findall(nodes.Element) if set(node.get("classes", [])) - {"cell"}]


@pytest.mark.parametrize("quoted", [False, True])
def test_a_question_hides_the_outputs_and_the_text_after_them(quoted):
    question = paragraph(" what?", "Predict:")
    tree = doctree(nodes.block_quote("", question) if quoted else question,
                   paragraph("a remark"), cell(), cell(), paragraph("the answer"),
                   paragraph("more"), cell(), paragraph("something else"))
    extension.mark_predictions(tree)
    assert classes(tree) == [["predict", "predict-1"]] + [["answer", "answer-1"]] * 4
    answer, more, other = list(tree.findall(nodes.paragraph))[-3:]
    assert "answer" in answer["classes"] and "answer" in more["classes"]
    assert "answer" not in other["classes"]


def test_an_answer_ends_before_the_next_question():
    tree = doctree(paragraph(" what?", "Predict:"), cell(), paragraph("the answer"),
                   paragraph(" and then?", "Predict:"), cell(), paragraph("the other answer"))
    extension.mark_predictions(tree)
    assert classes(tree) == [["predict", "predict-1"], ["answer", "answer-1"],
                             ["answer", "answer-1"], ["predict", "predict-2"],
                             ["answer", "answer-2"], ["answer", "answer-2"]]


def test_what_stands_before_a_question_is_not_a_part_of_it():
    mixed = nodes.paragraph("", "", nodes.Text("Four. "), nodes.strong("", "Predict:"),
                            nodes.Text(" who?"))
    tree = doctree(mixed, cell(), paragraph("the answer"))
    extension.mark_predictions(tree)
    first, question, _ = tree.findall(nodes.paragraph)
    assert (first.astext(), question.astext()) == ("Four. ", "Predict: who?")


def test_an_answer_does_not_reach_into_the_next_section_and_listed_code_stays():
    tree = nodes.section("", nodes.title("", "A"), paragraph(" what?", "Predict:"),
                         cell(listing=True), cell(),
                         nodes.section("", nodes.title("", "B"), paragraph("text")))
    extension.mark_predictions(tree)
    assert classes(tree) == [["predict", "predict-1"], ["answer", "answer-1"]]


def test_every_paper_of_the_lessons_has_an_address():
    known = extension.papers()
    for name in NAMES:
        reading = lessons.read(name).cells[-1].source.split("## Further reading")[1]
        reading = re.sub(r"\[[^\]]*\]\([^)]*\)", "", reading.split("\n## ")[0])
        for title in re.findall(r"\*([^*]+)\*", reading):
            assert extension._plain(title) in known, title
    assert all(re.match(r"https://\S+$", address) for address in known.values())


def test_titles_under_further_reading_become_links():
    title = nodes.emphasis("", "U-Net: convolutional networks for biomedical image segmentation")
    tree = nodes.section("", nodes.title("", "Further reading"),
                         nodes.bullet_list("", nodes.list_item("", nodes.paragraph("", "", title))))
    extension.link_papers(nodes.section("", tree))
    (link,) = tree.findall(nodes.reference)
    assert link["refuri"] == "https://arxiv.org/abs/1505.04597" and link.children == [title]


@pytest.mark.parametrize("name", NAMES)
def test_slides_show_every_picture_and_every_question_of_a_lesson(name):
    notebook, text = lessons.read(name), slides.page(name)
    pictures = [output for cell in notebook.cells if cell.cell_type == "code"
                for output in cell.outputs if lessons.picture_of(output)]
    assert len(re.findall(r'<section class="slide figure">', text)) == len(pictures)
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert len(re.findall(r'<section class="slide predict">', text)) == prose.count("**Predict")
    assert len(re.findall(r'<section class="slide exercise( full)?">', text)) >= 3
    captions = [output for cell in notebook.cells if cell.cell_type == "code"
                for output in cell.outputs
                if "figure-caption" in output.get("data", {}).get("text/html", "")]
    assert text.count("<figcaption>") == len(captions)
    assert "$" not in re.sub(r"<pre.*?</pre>|<code>.*?</code>", "", text, flags=re.S)
    assert "epoch 1" not in re.sub(r"<table.*?</table>|alt=\".*?\"", "", text, flags=re.S)


def test_a_slide_has_a_formula_with_the_text_that_names_its_letters():
    lesson = nbformat.v4.new_notebook(cells=[
        new_markdown_cell("# One"),
        new_markdown_cell("## Part\n\nBefore.\n\nLet $x$ be\n\n$$x = 1$$\n\n$$y = 2$$\n\n"
                          "So\n\n$$z = 3$$\n\nAfter.")])
    text = "\n".join(slides.slides("01_one", lesson))
    found = re.findall(r'class="slide formula"><h2>Part</h2>\n(.*?)</section>', text, re.S)
    assert [re.sub(r"<[^>]*>|&#x0003D;|\s", "", text) for text in found] == ["Letxbex1y2", "Soz3"]


def test_a_slide_with_much_on_it_has_smaller_letters():
    assert 'class="slide list full"' in slides.slide("list", "Recap", "<p>" + "word " * 120)
    assert 'class="slide table full"' in slides.slide("table", "Table", "<tr></tr>" * 37)
    assert 'class="slide list"' in slides.slide("list", "Recap", f'<p title="{"word " * 120}">Two.')


def test_every_lesson_has_its_line_in_the_readme():
    assert set(build.results()) == set(NAMES)
    assert all(row["result"] and row["what you do"] for row in build.results().values())


def test_the_first_page_shows_each_lesson_with_picture_and_result():
    text = build.index()
    for name in NAMES:
        assert f"]({name}.ipynb)" in text and build.results()[name]["result"] in text
    assert "demo/index.html" not in text and "demo/index.html" in build.index(demo=True)


def test_a_demo_that_cannot_be_built_is_left_out_with_the_reason(monkeypatch, tmp_path, capsys):
    def no_demo(folder):
        raise FileNotFoundError("npm is missing")

    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(build.importlib, "import_module",
                        lambda name: types.SimpleNamespace(build=no_demo))
    assert build.write_demo(tmp_path) is False
    assert "without the demo: npm is missing" in capsys.readouterr().err


def test_without_its_packages_the_command_says_what_to_install(monkeypatch):
    from shared.tools.site import __main__ as command

    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        command.main([])
    assert "requirements-site.txt" in end.value.code


def test_the_pins_of_the_site_do_not_contradict_those_of_the_course():
    def pins(name):
        text = (ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([\w.-]+)==([\w.]+)", text, re.M))

    course, site = pins("requirements.txt"), pins("requirements-site.txt")
    assert len(site) > 10 and not set(course) & set(site)
