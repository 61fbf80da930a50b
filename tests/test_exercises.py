"""Every check accepts the right answer and tells the usual mistakes from it."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from shared import exercises
from shared.degrade import block_mean
from shared.resize import upscale

LESSONS = sorted(Path(__file__).parent.parent.glob("notebooks/[0-9]*.ipynb"))


def raise_stub(*_):
    raise NotImplementedError


def grow(values):
    return values.repeat(4, axis=1).repeat(4, axis=2)


RIGHT = {
    "01.1": lambda ratio: 20 * np.log10(ratio),
    "01.2": lambda x, y: x + grow(y - block_mean(x, 4)),
    "01.3": lambda y: np.clip(2.2 * (upscale(y, 4, "lanczos") - 0.4) + 0.4, 0, 1),
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "01.1": {
        "takes the ratio for that of the MSE": (lambda r: 10 * np.log10(r), "square"),
        "uses the natural logarithm": (lambda r: 20 * np.log(r), "base 10"),
        "turns the sign": (lambda r: -20 * np.log10(r), "sign"),
        "forgets to return": (lambda r: None, "return"),
    },
    "01.2": {
        "turns the sign": (lambda x, y: x - grow(y - block_mean(x, 4)), "negative"),
        "spreads the difference smoothly": (
            lambda x, y: x + upscale(y - block_mean(x, 4), 4), "block"),
        "divides by the pixels of a block": (
            lambda x, y: x + grow(y - block_mean(x, 4)) / 16, "whole difference"),
        "repeats the low resolution": (lambda x, y: grow(y), "different amounts"),
        "clips the right answer": (
            lambda x, y: np.clip(x + grow(y - block_mean(x, 4)), 0, 1), "clipped"),
        "changes nothing": (lambda x, y: x, "as they went in"),
        "gives the low resolution": (lambda x, y: y, "shape"),
    },
    "01.3": {
        "leaves Lanczos as it is": (lambda y: upscale(y, 4, "lanczos"), "Lanczos"),
        "drops the channel axis": (lambda y: upscale(y, 4)[..., 0], "shape"),
        "divides zero by zero": (lambda y: upscale(y, 4) * np.nan, "NaN"),
    },
}


def said(capsys, number, answer):
    exercises.check(number, answer)
    return capsys.readouterr().out


def test_every_check_has_a_right_answer_and_two_mistakes():
    assert set(RIGHT) == set(exercises.CHECKS) == set(MISTAKES)
    assert all(len(mistakes) >= 2 for mistakes in MISTAKES.values())


@pytest.mark.parametrize("number", RIGHT)
def test_check_accepts_the_right_answer(number, capsys):
    assert re.fullmatch(rf"Exercise {number}: correct(, .*)?\.\n",
                        said(capsys, number, RIGHT[number]))


@pytest.mark.parametrize("number", RIGHT)
def test_check_rejects_the_stub(number, capsys):
    text = said(capsys, number, raise_stub)
    assert text.startswith(f"Exercise {number}: not yet, ") and "no answer yet" in text


@pytest.mark.parametrize(("number", "mistake"), [(n, m) for n in MISTAKES for m in MISTAKES[n]])
def test_check_explains_the_mistake(number, mistake, capsys):
    answer, word = MISTAKES[number][mistake]
    text = said(capsys, number, answer)
    assert text.startswith(f"Exercise {number}: not yet, ") and word in text


@pytest.mark.parametrize("number", RIGHT)
def test_check_survives_an_answer_that_breaks(number, capsys):
    text = said(capsys, number, lambda *_: 1 / 0)
    assert text.startswith(f"Exercise {number}: not yet, ") and "ZeroDivisionError" in text


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_shows_each_check_reject_its_stub_and_accept_its_solution(lesson):
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    number = lesson.stem[:2]
    for tag, verdict in (("exercise", "not yet, there is no answer yet"), ("solution", "correct")):
        texts = ["".join(text for output in cell["outputs"] for text in output.get("text", []))
                 for cell in cells if tag in cell["metadata"].get("tags", [])]
        assert len(texts) >= 3
        assert all(text.startswith(f"Exercise {number}.{n}: {verdict}")
                   for n, text in enumerate(texts, 1))
