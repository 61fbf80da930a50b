"""The comparison that conftest.py gives to nbval: what it lets pass and what it stops."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import pytest
from conftest import Output, same


@pytest.mark.parametrize("stored, found", [
    ("PSNR 14.63 dB", "PSNR 14.64 dB"),
    ("PSNR 14.63 dB", "PSNR 14.62 dB"),
    ("14.63dB", "14.64dB"),
    ("<td>0.715</td>", "<td>0.716</td>"),
    ("loss 1.2e-3", "loss 1.3e-3"),
    ("loss 9.99e-04", "loss 1.00e-03"),
    ("[0.1 0.2 0.3]", "[0.1 0.2 0.3]"),
    ("2.5-3.5 dB", "2.6-3.4 dB"),
    ("nan 3 inf", "nan 3 inf"),
    ("a sum of 12.", "a sum of 12."),
])
def test_one_unit_in_the_last_digit_is_accepted(stored, found):
    assert same(stored, found)
    assert Output(stored) == found and not Output(stored) != found


@pytest.mark.parametrize("stored, found", [
    ("PSNR 14.63 dB", "PSNR 14.65 dB"),
    ("gain -0.5", "gain 0.5"),
    ("loss 1.2e-3", "loss 1.2e-2"),
    ("loss 1.2e-3", "loss 1.4e-3"),
    ("0.10 0.20", "0.20 0.10"),
])
def test_a_decimal_further_off_is_rejected(stored, found):
    assert not same(stored, found)
    assert Output(stored) != found and not Output(stored) == found


def test_the_tolerance_is_absolute_and_never_below_one_unit():
    assert same("26.5 0.001", "26.6 0.050", 0.05)
    assert not same("26.55", "26.61", 0.05)
    assert same("26.55", "26.60", 0.05)  # exactly at the edge, which floats would miss
    assert same("26.5", "26.6", 1e-6)


def test_a_sign_or_digit_more_in_a_padded_column_is_accepted():
    assert same("bicubic    9.99  0.71\n", "bicubic   10.00  0.71\n")
    assert same("[ 0.00 -0.01]", "[-0.00  0.00]")
    assert same("|  9.99 |", "| 10.00 |")


@pytest.mark.parametrize("stored, found", [
    ("digit 3 scores 14.63", "digit 4 scores 14.63"),
    ("seen 12.", "seen 13."),
    ("10,000 images", "10,001 images"),
    ("shape (1, 28)", "shape (1, 27)"),
    ("version 3.15.1", "version 3.15.2"),
    ("conv2d_1.5", "conv2d_1.6"),
    ("sha256 12e5ab34", "sha256 13e5ab34"),
    ("better: yes 0.5", "better: no 0.5"),
    ("epoch 1/3 #### 0.5", "epoch 1/3 ### 0.5"),
    ("a b", "a  b"),
])
def test_a_changed_integer_or_word_is_rejected_at_any_tolerance(stored, found):
    assert not same(stored, found, 1000.0)


@pytest.mark.parametrize("stored, found", [
    ("14.63", "nan"), ("14.63", "inf"), ("nan", "14.63"), ("-inf", "-14.63"), ("nan", "inf"),
    ("14.63", "15"), ("15", "14.63"), ("14.63", ""), ("14.63", "14.63 14.63"),
    ("0.5\n0.6\n", "0.5\n"), ("0.5\n", "0.5\n0.6\n"), ("0.5\n0.6", "0.5 0.6"),
    ("0.5\nend\n", "0.5\n"), ("True", "1.0"),
])
def test_a_number_that_is_none_and_a_line_more_or_less_are_rejected(stored, found):
    assert not same(stored, found, 1000.0)


# Each cell prints the second text; the lesson has stored the first. One kernel for all.
CELLS = {
    "equal": ("14.63 dB", "14.63 dB", None, True),
    "one unit": ("14.63 dB", "14.64 dB", None, True),
    "two units": ("14.63 dB", "14.65 dB", None, False),
    "inside the cell's tolerance": ("14.63 dB", "14.65 dB", 0.02, True),
    "outside the cell's tolerance": ("14.63 dB", "14.66 dB", 0.02, False),
    "integer": ("14.63 of 3", "14.63 of 4", 0.02, False),
    "nan": ("loss 0.5", "loss nan", 0.02, False),
    "line": ("0.5\\n0.6", "0.5", 0.02, False),
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """Run nbval on a notebook of ``CELLS`` and of pictures; its report by cell."""
    folder = tmp_path_factory.mktemp("lesson")
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    cells = []
    for stored, found, tolerance, _ in CELLS.values():
        stream = nbformat.v4.new_output("stream", name="stdout",
                                        text=stored.replace("\\n", "\n") + "\n")
        cells.append(nbformat.v4.new_code_cell(
            f'print("{found}")', execution_count=1, outputs=[stream],
            metadata={} if tolerance is None else {"tolerance": tolerance}))
    result = nbformat.v4.new_output("execute_result", execution_count=1,
                                    data={"text/plain": "[0.25, 0.76]"})
    cells.append(nbformat.v4.new_code_cell("[0.25, 0.75]", execution_count=1, outputs=[result]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "lesson.ipynb")
    subprocess.run([sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q",
                    "-p", "no:cacheprovider", "--color=no", "--junitxml=report.xml", "."],
                   cwd=folder, capture_output=True, timeout=120)
    cases = ElementTree.parse(folder / "report.xml").iter("testcase")
    return {int(case.get("name").split()[-1]): case.find("failure") for case in cases}


@pytest.mark.slow
def test_nbval_passes_and_fails_the_cells_that_it_should(checked):
    wanted = [passes for *_, passes in CELLS.values()] + [True]
    assert {n: failure is None for n, failure in checked.items()} == dict(enumerate(wanted))


@pytest.mark.slow
def test_a_failure_shows_both_lines_and_the_tolerance(checked):
    text = checked[list(CELLS).index("outside the cell's tolerance")].text
    assert "14.63 dB" in text and "14.66 dB" in text and "0.02" in text
