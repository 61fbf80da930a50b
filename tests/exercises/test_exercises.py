"""Every check accepts the right answer and tells the usual mistakes from it."""

import importlib
import json
import re

import keras
import pytest
from conftest import ROOT

from shared import exercises

LESSONS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
# answers/lessonNN.py has what learners write: right answers, and mistakes, each with a word of
# the message that must help.
ANSWERS = {lesson.stem[:2]: importlib.import_module(f"answers.lesson{lesson.stem[:2]}")
           for lesson in LESSONS}
RIGHT = {number: answers for lesson in ANSWERS.values()
         for number, answers in lesson.RIGHT.items()}
MISTAKES = {number: mistakes for lesson in ANSWERS.values()
            for number, mistakes in lesson.MISTAKES.items()}
# The third exercise of each lesson is judged by a whole network or by thousands of images.
SLOW = [pytest.mark.slow]


def raise_stub(*_):
    raise NotImplementedError


class Unfinished(keras.metrics.Metric):
    """A metric without ``result``, for which Keras raises NotImplementedError."""

    def __init__(self, cycles=3.5):
        super().__init__()

    def update_state(self, truth, image, sample_weight=None):
        pass


def said(capsys, number, answer):
    exercises.check(number, answer)
    return capsys.readouterr().out


def test_every_check_has_four_right_answers_and_six_mistakes():
    assert set(RIGHT) == set(exercises.CHECKS) == set(MISTAKES)
    assert min(len(answers) for answers in RIGHT.values()) >= 4
    assert min(len(mistakes) for mistakes in MISTAKES.values()) >= 6


@pytest.mark.parametrize("lesson", ANSWERS)
def test_a_lesson_numbers_its_exercises_from_one(lesson):
    checks = importlib.import_module(f"shared.exercises.lesson{lesson}").CHECKS
    assert list(checks) == [f"{lesson}.{n}" for n in range(1, len(checks) + 1)]
    assert all(exercises.CHECKS[number] is check for number, check in checks.items())


@pytest.mark.parametrize(("number", "name"), [
    pytest.param(number, name, marks=SLOW if number.endswith(".3") else [])
    for number in RIGHT for name in RIGHT[number]])
def test_check_accepts_the_right_answer(number, name, capsys):
    assert re.fullmatch(rf"Exercise {number}: correct(, .*)?\.\n",
                        said(capsys, number, RIGHT[number][name]))


@pytest.mark.parametrize("number", RIGHT)
def test_check_rejects_the_stub(number, capsys):
    text = said(capsys, number, raise_stub)
    assert text.startswith(f"Exercise {number}: not yet, ") and "no answer yet" in text


@pytest.mark.parametrize(("number", "mistake"), [
    pytest.param(number, mistake, marks=SLOW if number.endswith(".3") else [])
    for number in MISTAKES for mistake in MISTAKES[number]])
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


def test_an_error_of_keras_is_not_taken_for_the_line_to_replace(capsys):
    assert "your answer stopped with NotImplementedError" in said(capsys, "02.2", Unfinished)


@pytest.mark.parametrize(("number", "name"), [
    ("01.2", "Pooling"), ("03.2", "Camera"), ("03.2", "OfLayers")])
def test_a_layer_of_mixed_precision_is_checked_in_float32(number, name, mixed_bfloat16, capsys):
    layer = getattr(ANSWERS[number[:2]], name)()
    assert said(capsys, number, layer) == f"Exercise {number}: correct.\n"
    assert layer.compute_dtype == "bfloat16"


def test_a_check_builds_models_in_float32(mixed_bfloat16, capsys):
    assert said(capsys, "04.2", ANSWERS["04"].functional) == "Exercise 04.2: correct.\n"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_an_error_of_the_check_is_not_called_one_of_the_answer(capsys, monkeypatch):
    monkeypatch.setitem(exercises.CHECKS, "01.1", lambda answer: {}["x"])
    assert "the check stopped with KeyError: 'x'" in said(capsys, "01.1", len)


def test_there_is_no_verdict_on_an_exercise_that_does_not_exist(capsys):
    assert said(capsys, "01.9", len).startswith("There is no exercise 01.9: use one of 01.1, ")
    with pytest.raises(KeyError):
        exercises.verdict("01.9", len)


def test_an_answer_that_ends_the_program_is_an_answer_that_is_not_right(capsys):
    def leave(ratio):
        raise SystemExit

    assert "SystemExit" in said(capsys, "01.1", leave)
