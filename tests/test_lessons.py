"""Every lesson as it is stored: run in order, its pictures described, its skeleton whole."""

import re
import sys

import nbformat
import pytest
from conftest import ROOT

from shared.tools import colab

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


def test_the_file_is_below_one_and_a_half_megabytes(path):
    assert path.stat().st_size < 1_500_000


def test_there_are_25_to_45_cells(cells):
    assert 25 <= len(cells) - len(tagged(cells, "colab")) <= 45


def test_code_cells_have_at_most_20_lines(cells):
    free = [cell for tag in ("solution", "exercise", "colab") for cell in tagged(cells, tag)]
    for cell in code(cells):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert cell in free or len(lines) <= 20, cell.source


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
