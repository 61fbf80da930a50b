"""The checks of the exercises: they print a verdict that helps, and never raise an error.

A check takes the learner's answer: a function, a layer, a model, or what the exercise asks for.
If it is right, the check returns None, or ``Right`` with what it measured. Otherwise it raises
``NotYet``, which says what to look at. There is one module per lesson, with its checks in
``CHECKS``.
"""

from shared.exercises import (
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
)
from shared.exercises.verdicts import NotYet, Right, in_float32, words

CHECKS = (lesson01.CHECKS | lesson02.CHECKS | lesson03.CHECKS | lesson04.CHECKS
          | lesson05.CHECKS | lesson06.CHECKS | lesson07.CHECKS | lesson08.CHECKS)


def verdict(number, answer):
    """The verdict on an answer: ``Right``, or a plain string that says what to look at.

    Args:
        number: the exercise, such as "01.1". Raises KeyError if there is none of that number.
        answer: what the learner has written.
    """
    judge = CHECKS[number]
    try:
        with in_float32(answer):
            return judge(answer) or Right()
    except NotYet as problem:
        return str(problem)
    except (Exception, SystemExit) as error:
        return (f"the check stopped with {words(error)}: either the exercise asks for another kind "
                "of answer, or the check has a bug")


def check(number, answer):
    """Print the verdict on an answer; the arguments are those of ``verdict``."""
    if number not in CHECKS:
        print(f"There is no exercise {number}: use one of {', '.join(CHECKS)}.")
        return
    said = verdict(number, answer)
    if isinstance(said, Right):
        print(f"Exercise {number}: correct" + (f", {said}." if said else "."))
    else:
        print(f"Exercise {number}: not yet, {said}.")
