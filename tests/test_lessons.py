"""Every lesson as it is stored: run in order, its pictures described, its skeleton whole, its code
easy to read, and every number in its text the one that the lesson has measured."""

import ast
import json
import re
import sys

import keras
import nbformat
import pytest
from conftest import ROOT, same

from shared.data import datasets
from shared.tools import colab
from shared.tools.cells import used_by

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
HEADINGS = ("Exercises", "Recap", "Further reading", "Next")


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def cells(path):
    return nbformat.read(path, as_version=4).cells


def tagged(cells, tag):
    return [cell for cell in cells if tag in cell.metadata.get("tags", [])]


def code(cells):
    return [cell for cell in cells if cell.cell_type == "code"]


def outputs(cells):
    return [output for cell in code(cells) for output in cell.outputs]


def texts(output):
    """What an output says in words: a stream, a plain text, a table."""
    data = output.get("data", {})
    return [output.get("text", ""), data.get("text/plain", ""), data.get("text/html", "")]


def prose(cells):
    """The text of the markdown cells, without code and formulas."""
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for hidden in (r"^```.*?^```", r"`[^`\n]*`", r"\$\$.*?\$\$", r"\$[^$\n]*\$"):
        text = re.sub(hidden, "", text, flags=re.M | re.S)
    return text


def test_there_is_a_lesson():
    assert LESSONS


def test_every_cell_was_run_once_from_top_to_bottom(cells):
    # nbval compares nothing of a cell that has no number.
    counts = [cell.execution_count for cell in code(cells) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


def test_what_a_cell_prints_is_stored(cells):
    for cell in code(cells):
        if re.search(r"^(print\(|figures\.show\()", cell.source, re.M):
            assert cell.outputs, cell.source


def test_no_cell_ended_in_an_error_or_wrote_to_stderr(cells):
    for output in outputs(cells):
        assert output.output_type != "error", output.get("evalue")
        assert output.get("name") != "stderr", output.get("text")


def test_every_picture_has_alternative_text(cells):
    for output in outputs(cells):
        for kind in {"image/png", "image/jpeg"} & set(output.get("data", {})):
            alt = output.metadata.get(kind, {}).get("alt", "")
            assert len(alt.strip()) >= 20, f"alternative text {alt!r}"
            assert output.data.get("text/plain", "").strip()


def test_pictures_in_the_prose_have_alternative_text(cells):
    text = prose(cells)
    for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", text):
        assert len(alt.strip()) >= 20, f"alternative text {alt!r} of {target}"
    for tag in re.findall(r"<img\b[^>]*>", text):
        assert re.search(r"""\balt=["'][^"']{20,}""", tag), tag


def test_no_output_is_longer_than_200_lines(cells):
    for output in outputs(cells):
        for text in texts(output):
            assert len(text.splitlines()) <= 200, text[:500]


def test_no_output_is_cleared(cells):
    # What is cleared on the screen stays in the output that nbval compares.
    assert not [cell.source for cell in code(cells) if "clear_output" in cell.source]


def test_the_file_is_below_three_megabytes(path):
    assert path.stat().st_size < 3_000_000


def test_there_are_25_to_45_cells(cells):
    folded = [*tagged(cells, "colab"), *tagged(cells, "setup")]
    assert 25 <= len(cells) - len(folded) <= 45


def test_code_cells_have_at_most_25_lines(cells):
    free = [cell for tag in ("solution", "exercise", "colab") for cell in tagged(cells, tag)]
    for cell in code(cells):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert cell in free or len(lines) <= 25, cell.source


def test_it_opens_with_a_title_what_you_will_do_and_the_minutes(cells):
    first = cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"# \S", first.source)
    assert re.search(r"\byou will\b", first.source, re.I)
    assert re.search(r"\b\d+ minutes\b", first.source)


def test_it_closes_with_exercises_recap_reading_and_the_next_lesson(cells):
    found = re.findall(r"^## (.*)$", prose(cells), re.M)
    places = []
    for wanted in HEADINGS:
        matches = [place for place, title in enumerate(found) if title.startswith(wanted)]
        assert len(matches) == 1, f"heading {wanted!r} in {found}"
        places += matches
    assert places == list(range(len(found) - len(HEADINGS), len(found)))


def test_the_setup_cell_is_the_same_in_all_lessons(cells):
    setup = tagged(cells, "setup")
    assert len(setup) == 1
    assert setup[0] is code(cells)[1]
    first = tagged(nbformat.read(LESSONS[0], as_version=4).cells, "setup")
    assert setup[0].source.encode() == first[0].source.encode()


def test_the_colab_cell_comes_first_and_is_the_one_of_shared_colab(cells):
    # Where this fails: python -m shared.colab --cell
    first = code(cells)[0]
    assert tagged(cells, "colab") == [first]
    assert first.source == colab.colab_cell().source and not first.outputs
    assert "nbval-skip" in first.metadata.tags


@pytest.mark.parametrize("folder", [".", "notebooks", "notebooks/images"])
def test_the_setup_cell_finds_the_package_from_any_folder_of_the_course(
        cells, folder, monkeypatch):
    before_imports = tagged(cells, "setup")[0].source.split("from shared")[0]
    monkeypatch.chdir(ROOT / folder)
    monkeypatch.setattr("sys.path", ["/elsewhere"])
    exec(before_imports, {})
    assert sys.path == [str(ROOT), "/elsewhere"]


def test_links_to_files_lead_somewhere(path, cells):
    text = prose(cells)
    targets = re.findall(r"\]\(\s*<?([^)\s>]+)", text)
    targets += re.findall(r"""<(?:img|a)\b[^>]*?(?:src|href)=["']([^"']+)""", text)
    for target in targets:
        if not re.match(r"(?:https?:|mailto:|data:|#)", target):
            assert not target.startswith("/"), target
            assert (path.parent / target.split("#")[0]).exists(), target


def test_each_of_three_or_more_exercises_has_a_solution(cells):
    roles = [tag for cell in cells for tag in cell.metadata.get("tags", [])
             if tag in ("exercise", "solution")]
    assert len(roles) >= 6 and roles == ["exercise", "solution"] * (len(roles) // 2)
    for cell in tagged(cells, "solution"):
        assert re.fullmatch(r"(?s).*^### BEGIN SOLUTION$.+^### END SOLUTION$.*", cell.source,
                            re.M), cell.source
    for cell in tagged(cells, "exercise"):
        assert "SOLUTION" not in cell.source


def lines_to_read(cells):
    """The lines of code that a learner reads, one list per cell; without comments, empty lines."""
    folded = {"colab", "setup", "exercise"}
    return [[line for line in cell.source.splitlines()
             if line.strip() and not line.strip().startswith("#")]
            for cell in code(cells) if not folded & set(cell.metadata.get("tags", []))]


def test_code_is_easy_to_read(cells):
    # Measured in the same way, the notebooks of Deep Learning with Python have 33 characters and
    # 5.7 nodes per line, the courses that are hardest to read 45 and 8.
    lines = [line.strip() for cell in lines_to_read(cells) for line in cell]
    nodes = [node for cell in lines_to_read(cells) for node in ast.walk(ast.parse("\n".join(cell)))
             if not isinstance(node, ast.expr_context)]
    assert sum(map(len, lines)) / len(lines) <= 44
    assert len(nodes) / len(lines) <= 8.5
    loops = ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp
    for node in nodes:
        if isinstance(node, loops):
            inner = [other for other in ast.walk(node) if isinstance(other, loops)]
            assert inner == [node] and len(node.generators) == 1, ast.unparse(node)


def test_results_are_numbers_instead_of_truth_values(cells):
    said = " ".join(text for output in outputs(cells) for text in texts(output)[:2])
    assert len(re.findall(r"\b(?:True|False)\b", said)) <= 1


UNIT = r"(?:dB|%|percent|percentage points|points|times|parameters|multiplications|seconds)"
# What follows from a definition, or stands in a paper, and not in an output.
KNOWN = {"10 dB", "37.53 dB", "36.66 dB", "37.43 dB", "37.99 dB"}


def claims(cells):
    """The numbers with a unit that the text states: pairs of the text and the number.

    Not those in questions ("Predict"), exercises and formulas, nor numbers such as 2x2.
    """
    text = prose(cells).split("\n## Exercises")[0] + prose(cells).split("\n## Recap")[1]
    paragraphs = [p for p in text.split("\n\n") if not re.match(r"(?:> )?\*\*Predict:", p)]
    for match in re.finditer(rf"(?<![\w.,])(\d[\d,]*(?:\.\d+)?) ?(?={UNIT}(?!\w))({UNIT})",
                             "\n\n".join(paragraphs)):
        stated = f"{match[1]} {match[2]}"
        if stated not in KNOWN:
            yield stated, match[1].replace(",", ""), match[2]


def numbers_in(value):
    """All numbers in a text, or in the lists and dicts of a card."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return {number for part in value for number in numbers_in(part)}
    text = str(value).replace("\N{MINUS SIGN}", "-").replace(",", "")
    return {abs(float(number)) for number in re.findall(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text)}


def is_caption(output):
    """A caption is text as well: it is no evidence."""
    return "figure-caption" in output.get("data", {}).get("text/html", "")


def test_every_number_with_a_unit_in_the_text_is_one_that_was_measured(cells):
    measured = set()
    for output in outputs(cells):
        if not is_caption(output):
            measured |= numbers_in(texts(output)[:2])
    for card in (ROOT / "data" / "weights").glob("*.json"):
        figures = json.loads(card.read_text(encoding="utf-8"))["test"]
        figures.pop("seconds_512", None)  # another one on each machine
        measured |= numbers_in(figures)
    missing = []
    for stated, number, unit in claims(cells):
        places = len(number.partition(".")[2])
        factors = (1, 100) if unit in ("%", "percent", "points", "percentage points") else (1,)
        if not any(f"{factor * value:.{places}f}" == f"{float(number):.{places}f}"
                   for value in measured for factor in factors):
            missing.append(stated)
    assert missing == []


def test_no_path_of_the_machine_it_was_written_on_is_left(cells):
    said = [cell.source for cell in cells] + [
        text for output in outputs(cells) for text in texts(output)]
    for text in said:
        for place in (str(ROOT), "/home/", "/root/"):
            assert place not in text, text


def test_tolerances_are_positive_numbers(cells):
    for cell in code(cells):
        tolerance = cell.metadata.get("tolerance", 1.0)
        assert isinstance(tolerance, int | float) and 0 < tolerance < 100


def test_what_a_cell_takes_from_another_is_made_by_that_cell_alone(cells):
    # So any cell may be run again at any time, and finds what it found before.
    uses = [used_by(cell.source) for cell in code(cells) if "colab" not in cell.metadata.get(
        "tags", [])]
    taken = set().union(*(taken for taken, _, _ in uses))
    makers = {name: [place for place, (_, bound, _) in enumerate(uses) if name in bound]
              for name in taken}
    assert {name: places for name, places in makers.items() if len(places) != 1} == {}
    assert [changed for _, _, changed in uses if changed] == []


@pytest.mark.slow
def test_a_lesson_says_the_same_with_every_cell_run_twice_and_again_as_a_whole(
        monkeypatch, capsys):
    # Lesson 01 with fewer test digits, and with 30 batches per epoch: what is at stake is what
    # cells leave behind for each other.
    digits, fit = datasets.mnist(), keras.Model.fit
    small = digits._replace(x_test=digits.x_test[:4000], y_test=digits.y_test[:4000])

    def short_fit(model, pairs, **options):
        pairs.batches = 30
        return fit(model, pairs, **options)

    monkeypatch.setattr(datasets, "mnist", lambda: small)
    monkeypatch.setattr(keras.Model, "fit", short_fit)
    monkeypatch.setattr("sys.path", list(sys.path))
    policy, space, said = keras.config.dtype_policy(), {}, {}
    cells = code(nbformat.read(LESSONS[0], as_version=4).cells)
    try:
        for place, cell in [*((place, cell) for place, cell in enumerate(cells) for _ in range(2)),
                            *enumerate(cells)]:
            exec(cell.source, space)
            text = capsys.readouterr().out
            tolerance = cell.metadata.get("tolerance", 0.0)
            assert same(said.setdefault(place, text), text, tolerance), cell.source
    finally:
        keras.config.set_dtype_policy(policy)
    assert any("PSNR" in text for text in said.values())
