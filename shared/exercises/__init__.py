"""The checks of the exercises: they print a verdict that helps, and never raise an error.

A check takes the learner's answer: a function, a layer, a model, or what the exercise asks for.
If it is right, the check returns None, or ``Right`` with what it measured. Otherwise it raises
``NotYet``, or returns a sentence, that says what to look at. There is one module per lesson, with
its checks in ``CHECKS``.
"""

from shared.exercises import lesson01, lesson02, lesson03, lesson04, lesson05, lesson06, lesson08
from shared.exercises.verdicts import NO_ANSWER, NotYet, Right

CHECKS = (lesson01.CHECKS | lesson02.CHECKS | lesson03.CHECKS | lesson04.CHECKS
          | lesson05.CHECKS | lesson06.CHECKS | lesson08.CHECKS)


def verdict(number, answer):
    """The verdict on an answer: ``Right``, or a plain string that says what to look at.

    Args:
        number: the exercise, such as "01.1". Raises KeyError if there is none of that number.
        answer: what the learner has written.
    """
    try:
        return CHECKS[number](answer) or Right()
    except NotYet as problem:
        return str(problem)
    except NotImplementedError:
        return NO_ANSWER
    except (Exception, SystemExit) as error:
        return f"your function stopped with {type(error).__name__}: {error}"


def check(number, answer):
    """Print the verdict on an answer.

    Args:
        number, answer: as for ``verdict``.
    """
    if number not in CHECKS:
        print(f"There is no exercise {number}: use one of {', '.join(CHECKS)}.")
        return
    said = verdict(number, answer)
    if isinstance(said, Right):
        print(f"Exercise {number}: correct" + (f", {said}." if said else "."))
    else:
        print(f"Exercise {number}: not yet, {said}.")
