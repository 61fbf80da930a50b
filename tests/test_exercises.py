"""Every check accepts the right answer and tells the usual mistakes from it."""

import importlib
import json
import re

import pytest
from conftest import ROOT

from shared import exercises

LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
RIGHT, MISTAKES, CHECKS = {}, {}, {}
for lesson in LESSONS:  # answers/lessonNN.py: what learners write; the mistakes with a word
    name = f"lesson{lesson.stem[:2]}"  # of the message that must help
    answers = importlib.import_module(f"answers.{name}")
    RIGHT |= answers.RIGHT
    MISTAKES |= answers.MISTAKES
    CHECKS |= importlib.import_module(f"shared.exercises.{name}").CHECKS


def raise_stub(*_):
    raise NotImplementedError


def said(capsys, number, answer):
    exercises.check(number, answer)
    return capsys.readouterr().out


def test_every_check_has_a_right_answer_and_two_mistakes():
    assert set(RIGHT) == set(CHECKS) == set(MISTAKES)
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
