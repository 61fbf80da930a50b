"""What the checks of all lessons share: calling an answer, and reading what it returns."""

import contextlib
import numbers
import re
import traceback
from pathlib import Path

import keras
import numpy as np

NO_ANSWER = "there is no answer yet: replace the line that raises NotImplementedError"
LIBRARIES = Path(keras.__file__).parents[1]


class NotYet(Exception):
    """The answer is not right, and this says why. Checks and the functions below raise it."""


class Right(str):
    """What a check measured on a right answer, to be printed with the verdict."""


@contextlib.contextmanager
def in_float32(answer):
    """Let new layers, and the answer if it is a layer, compute in float32 for a while.

    After ``use_fast_precision`` they would compute in bfloat16, with 8 bits of precision.
    """
    policy = keras.config.dtype_policy()
    layers = answer._flatten_layers() if isinstance(answer, keras.layers.Layer) else []
    layers = [layer for layer in layers if hasattr(layer, "dtype_policy")]  # super() was called
    policies = [layer.dtype_policy for layer in layers]
    keras.config.set_dtype_policy("float32")
    for layer in layers:
        layer.dtype_policy = "float32"
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        for layer, own_policy in zip(layers, policies, strict=True):
            layer.dtype_policy = own_policy


def call(answer, *inputs, **options):
    """What the learner's function, layer or model returns for copies of the inputs.

    Raises NotYet if the answer cannot be called, raises an error or ends the program.
    """
    if not callable(answer):
        raise NotYet(f"expected a function, a class or a layer, found {type(answer).__name__}: "
                     "hand it over without calling it")
    copies = [value.copy() if isinstance(value, np.ndarray) else value for value in inputs]
    try:
        return answer(*copies, **options)
    except NotYet:
        raise
    except (Exception, SystemExit) as error:
        raise NotYet(NO_ANSWER if _is_stub(error)
                     else f"your answer stopped with {words(error)}") from error


def _is_stub(error):
    """Was it raised by a line of the exercise that is still there, and not by a library?"""
    *_, last = traceback.extract_tb(error.__traceback__)
    return (isinstance(error, NotImplementedError) and "raise NotImplementedError" in last.line
            and LIBRARIES not in Path(last.filename).parents)


def words(error):
    """The type of an error and its message, in one line and without what Keras adds to it."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = re.sub(r"^Exception encountered when calling.*?\n\n", "", text, flags=re.S)
    text = re.sub(r"\{\{.*?\}\} ?", "", text.split("\n\nArguments received by")[0])
    text = " ".join(text.split()).rstrip(".")
    if len(text) > 200:
        text = text[:197] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


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
    """The same numbers as a float64 array; raises TypeError or ValueError for all else."""
    if isinstance(value, str | bytes):
        raise TypeError("text")
    if keras.ops.is_tensor(value):
        value = keras.ops.convert_to_numpy(value)
    elif isinstance(value, list | tuple) and not _is_of_numbers(value):
        value = [_plain(part) for part in value]
    elif isinstance(value, numbers.Number):
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
