"""What the checks of all lessons share: calling an answer, and reading what it returns."""

import decimal
import fractions
import re

import keras
import numpy as np

NO_ANSWER = "there is no answer yet: replace the line that raises NotImplementedError"


class NotYet(Exception):
    """Raised by a check or by a function below: the answer is not right, and this says why."""


class Right(str):
    """What a check measured on a right answer, to be printed with the verdict."""


def call(answer, *inputs, **options):
    """What the learner's function, layer or model returns for copies of the inputs.

    Raises NotYet if the answer raises an error or ends the program.
    """
    copies = [value.copy() if isinstance(value, np.ndarray) else value for value in inputs]
    try:
        return answer(*copies, **options)
    except NotYet:
        raise
    except NotImplementedError:
        raise NotYet(NO_ANSWER) from None
    except (Exception, SystemExit) as error:
        raise NotYet(f"your answer stopped with {type(error).__name__}: {words(error)}") from error


def words(error):
    """The message of an error in one line, without what Keras adds to it."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = re.sub(r"^Exception encountered when calling.*?\n\n", "", text, flags=re.S)
    text = re.sub(r"\{\{.*?\}\} ?", "", text.split("\n\nArguments received by")[0])
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:197] + "..."


def number(value):
    """The one finite number that an answer has returned, as a float.

    An array or a tensor that holds one number will do. Raises NotYet for all else.
    """
    value = array(value)
    if value.size != 1:
        raise NotYet(f"expected one number, found {value.size} (shape {value.shape})")
    return float(value.ravel()[0])


def array(value, shape=None):
    """What an answer has returned, as a float64 array.

    Args:
        value: an array, a tensor of any backend, or lists of numbers, tensors or arrays.
        shape: the shape that is expected; any shape if None.

    Raises NotYet if it is none of these, has another shape, or holds NaN or infinity.
    """
    if value is None:
        raise NotYet("your answer returns None; it needs a `return`")
    if np.ma.isMaskedArray(value) and np.ma.getmaskarray(value).any():
        raise NotYet("the result has masked values; return plain numbers")
    try:
        value = _plain(value)
    except (TypeError, ValueError) as error:
        raise NotYet("expected numbers, found "
                     f"{type(value).__name__} {str(value)[:40]!r}") from error
    if shape is not None and value.shape != tuple(shape):
        raise NotYet(f"the result has shape {value.shape}, expected {tuple(shape)}")
    if not np.isfinite(value).all():
        raise NotYet("the result holds NaN or infinity")
    return value


def _plain(value):
    if isinstance(value, str | bytes):
        raise TypeError("text")
    if keras.ops.is_tensor(value):
        value = keras.ops.convert_to_numpy(value)
    elif isinstance(value, list | tuple) and not _is_of_numbers(value):
        value = [_plain(part) for part in value]
    elif isinstance(value, decimal.Decimal | fractions.Fraction):
        value = float(value)
    value = np.asarray(value)
    if value.dtype.kind not in "biuf" and value.dtype.name != "bfloat16":
        raise TypeError(f"numbers of kind {value.dtype}")
    return value.astype("float64")


def _is_of_numbers(value):
    """Are these lists of plain numbers, which NumPy reads at once, as far as the first shows?"""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, int | float | np.number | np.ndarray)
