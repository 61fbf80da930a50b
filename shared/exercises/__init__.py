"""The checks of the exercises: they print a verdict that helps, and never raise an error.

A check takes the learner's function. If the answer is right, it returns None, or ``Right`` with
what it measured. Otherwise it returns a sentence that says what to look at. There is one module
per lesson, with its checks in ``CHECKS``.
"""

from shared.exercises import lesson01, lesson02, lesson03, lesson04, lesson05, lesson06, lesson07
from shared.exercises.verdicts import Right

CHECKS = (lesson01.CHECKS | lesson02.CHECKS | lesson03.CHECKS | lesson04.CHECKS
          | lesson05.CHECKS | lesson06.CHECKS | lesson07.CHECKS)


def check(number, answer):
    """Print the verdict on an answer.

    Args:
        number: the exercise, such as "01.1".
        answer: the function that the learner has written.
    """
    try:
        problem = CHECKS[number](answer)
    except NotImplementedError:
        problem = "there is no answer yet: replace the line that raises NotImplementedError"
    except Exception as error:
        problem = f"your function stopped with {type(error).__name__}: {error}"
    if isinstance(problem, Right):
        print(f"Exercise {number}: correct, {problem}.")
    else:
        print(f"Exercise {number}: " + (f"not yet, {problem}." if problem else "correct."))
