"""The verdict on a right answer, and the test with which nearly all checks begin."""

import numpy as np


class Right(str):
    """What a check measured on a right answer, to be printed with the verdict."""


def wrong_form(result, shape):
    """A sentence that says why ``result`` is no finite array of ``shape``; None if it is one."""
    if result is None:
        return "your function returns None; it needs a `return`"
    if np.shape(result) != tuple(shape):
        return f"the result has shape {np.shape(result)}, expected {tuple(shape)}"
    if not np.isfinite(np.asarray(result, "float64")).all():
        return "the result holds NaN or infinity"
    return None
