"""The checks of the exercises: each prints what is right or what to look at, and never raises.

A check takes the learner's function and returns None where it is right, or ``Right`` with
what it measured; else one sentence that helps. One module a lesson, ``lesson01`` and so on,
each with its checks in ``CHECKS``.
"""

import importlib

import numpy as np


class Right(str):
    """What a check measured of a right answer, to be printed with the verdict."""


def check(number, answer):
    """Print the verdict on ``answer``, what was written for exercise ``number``, as "01.1"."""
    try:
        problem = find(number)(answer)
    except NotImplementedError:
        problem = "there is no answer yet: replace the line that raises NotImplementedError"
    except Exception as error:
        problem = f"your function stopped with {type(error).__name__}: {error}"
    if isinstance(problem, Right):
        print(f"Exercise {number}: correct, {problem}.")
    else:
        print(f"Exercise {number}: " + (f"not yet, {problem}." if problem else "correct."))


def find(number):
    """The check of an exercise, such as "01.1"."""
    return importlib.import_module(f"{__name__}.lesson{number[:2]}").CHECKS[number]


def missing(result, shape):
    """What is wrong with the form of ``result``, which should be an array of that shape."""
    if result is None:
        return "your function returns None; it needs a `return`"
    if np.shape(result) != tuple(shape):
        return f"the result has shape {np.shape(result)}, expected {tuple(shape)}"
    if not np.isfinite(np.asarray(result, "float64")).all():
        return "the result holds NaN or infinity"
    return None
