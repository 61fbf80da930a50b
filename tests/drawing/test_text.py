"""Tables and sources say the same in HTML and in plain text, and need no style sheet."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from conftest import same

from shared.drawing import text
from shared.models import layers, upscalers


def scores():
    return pd.DataFrame({"PSNR (dB)": [14.63, 23.456], "parameters": [0, 445_000],
                         "note": ["a < b", "c"]}, index=["bicubic", "baseline"])


def cells(html):
    return [["".join(cell.itertext()) for cell in row]
            for row in ElementTree.fromstring(html).iter("tr")]


def test_a_table_has_its_numbers_rounded_and_its_names(shown):
    text.table(scores(), "Mean over 10,000 digits.")
    (output,) = shown
    assert cells(output["text/html"]) == [["", "PSNR (dB)", "parameters", "note"],
                                          ["bicubic", "14.63", "0", "a < b"],
                                          ["baseline", "23.46", "445,000", "c"]]
    assert "<caption" in output["text/html"] and "Mean over 10,000 digits." in output["text/plain"]
    assert re.search(r"baseline +23\.46 +445,000", output["text/plain"])


def test_a_table_needs_no_style_sheet_and_no_random_ids(shown):
    text.table(scores())
    text.table(scores())
    first, second = shown
    assert first == second and "<style" not in first["text/html"]
    assert not re.search(r'\bid="', first["text/html"])


@pytest.mark.parametrize("best, winner", [("max", "23.46"), ("min", "14.63")])
def test_the_best_number_is_bold(shown, best, winner):
    text.table(scores(), best={"PSNR (dB)": best})
    assert re.findall("<b>(.*?)</b>", shown[0]["text/html"]) == [winner]


def test_numbers_that_are_equal_as_written_are_equally_good(shown):
    text.table({"dB": [1.001, 1.002, 0.5]}, best="max")
    assert re.findall("<b>(.*?)</b>", shown[0]["text/html"]) == ["1.00", "1.00"]


def test_a_number_that_rounds_to_zero_has_no_minus(shown):
    text.table({"dB": [-0.001, -0.01]})
    assert cells(shown[0]["text/html"]) == [["dB"], ["0.00"], ["-0.01"]]


def test_digits_per_column_missing_numbers_and_no_index(shown):
    text.table({"a": [0.12345, np.nan], "b": [1.0, 2.0]}, digits={"a": 4, "b": 0})
    assert cells(shown[0]["text/html"]) == [["a", "b"], ["0.1235", "1"], ["", "2"]]


def test_a_table_is_compared_within_the_tolerance(shown):
    # nbval compares the stored text with the new one; see tests/test_tolerance.py.
    for value in (23.456, 23.461, 23.9):
        text.table({"PSNR (dB)": [value]}, "Digits.")
    first, close, far = (output["text/html"] for output in shown)
    assert same(first, close) and not same(first, far)


def test_the_frame_is_not_changed(shown):
    frame = scores()
    text.table(frame, best="max")
    pd.testing.assert_frame_equal(frame, scores())


def test_what_is_best_is_checked(shown):
    with pytest.raises(ValueError, match="expected"):
        text.table(scores(), best="highest")


def test_source_is_coloured_in_place_and_complete_in_plain_text(shown):
    text.source(upscalers.residual_block)
    (output,) = shown
    assert "<style" not in output["text/html"] and "color: #" in output["text/html"]
    shown_code = "".join(ElementTree.fromstring(output["text/html"]).itertext())
    assert shown_code.strip() == output["text/plain"].strip()
    assert output["text/plain"].startswith("def residual_block(x):")
    assert "return layers.Add()([x, y])" in output["text/plain"]


def test_of_a_docstring_the_first_paragraph_is_left():
    code = text.listing(upscalers.residual_network)
    assert '"""A residual network that works at low resolution and enlarges at the very end."""' \
        in code
    assert "After EDSR" not in code and "return keras.Model" in code
    assert "After EDSR" in text.listing(upscalers.residual_network, docstrings=True)


def test_what_is_listed_still_runs():
    for thing in (upscalers.residual_network, upscalers.widened, layers.PixelShuffle,
                  layers.TurnedConv2D):
        compile(text.listing(thing), "listing", "exec")


def test_several_sources_stand_in_one_output(shown):
    text.source(upscalers.residual_block, layers.PixelShuffle)
    (output,) = shown
    assert output["text/plain"].index("def residual_block") < output["text/plain"].index(
        "class PixelShuffle")
