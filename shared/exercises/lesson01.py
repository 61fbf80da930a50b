"""Checks of lesson 01."""

import functools
import inspect

import keras
import numpy as np

from shared.data import datasets
from shared.exercises.verdicts import NotYet, Right, array, call, number
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import metrics


@functools.cache
def _digits():
    """1,000 test digits in random order, copied so that the memory of the others can be freed."""
    chosen = np.random.default_rng(1).choice(10_000, 1_000, replace=False)
    return datasets.mnist().x_test[chosen].copy()


def check_psnr_gain(answer):
    gains = {ratio: number(call(answer, ratio)) for ratio in (2.0, 10.0, 1.0, 0.5, 37.0)}
    if abs(gains[10.0] - 10) < 1e-6:
        raise NotYet("that is the gain for an MSE that is divided by the ratio; here the error is "
                     "divided, and the MSE is the mean of its square")
    if abs(gains[2.0] - 20 * np.log(2)) < 1e-6:
        raise NotYet("decibels use the logarithm to base 10, and you used the natural one")
    if abs(gains[10.0] + 20) < 1e-6:
        raise NotYet("the sign is turned: a smaller error has a higher PSNR")
    for ratio, gain in gains.items():
        wanted = 20 * np.log10(ratio)
        if abs(gain - wanted) > 0.006:  # so a result that is rounded to two decimals will do
            raise NotYet(f"for ratio {ratio:g} you give {gain:.3f} dB")


def check_back_projection(answer):
    layer = call(answer) if inspect.isclass(answer) else answer
    truth = _digits()[:7]
    low_res = block_mean(truth)
    start = 1.4 * upscale(low_res, 4) - 0.2  # also below 0 and above 1
    expected = start + (low_res - block_mean(start)).repeat(4, axis=1).repeat(4, axis=2)
    tensors = [keras.ops.convert_to_tensor(values.astype("float32")) for values in (start, low_res)]
    # A layer made after `use_fast_precision` may compute with 8 bits of precision.
    reduced = getattr(layer, "compute_dtype", "float32") != "float32"
    accuracy = 2e-2 if reduced else 1e-4
    result = array(call(layer, *tensors), start.shape)
    _say_what_is_wrong(result, start, low_res, expected, accuracy)

    inputs = [keras.Input(values.shape[1:]) for values in (start, low_res)]
    try:
        model = keras.Model(inputs, call(layer, *inputs))
        inside = model.predict_on_batch([start, low_res])
    except Exception as error:
        raise NotYet("it gives the right numbers, but a network cannot contain it: compute with "
                     "`keras.ops` and Keras layers instead of NumPy") from error
    if not np.allclose(array(inside, start.shape), expected, atol=accuracy):
        raise NotYet("called with arrays it is right, but as a part of a network it is not")


def _say_what_is_wrong(result, start, low_res, expected, accuracy):
    if np.allclose(result, expected, atol=accuracy):
        return
    if np.allclose(result, start, atol=accuracy):
        raise NotYet("the images come back unchanged")
    if np.allclose(result, np.clip(expected, 0, 1), atol=accuracy):
        raise NotYet("it was right before you clipped it: this exercise has no range from 0 to 1")
    error = block_mean(result) - low_res
    largest = np.abs(error).max()
    if np.allclose(error, 2 * (block_mean(start) - low_res), atol=accuracy):
        raise NotYet("the correction has the wrong sign: it is low_res minus the block means")
    if largest > accuracy:
        raise NotYet(f"the block means still differ from low_res by up to {largest:.4f}: add the "
                     "whole difference of a block to each of its 16 pixels")
    raise NotYet("the block means are right, but pixels of one block changed by different "
                 "amounts; the nearest images add one number to a whole block")


def check_own_upscaler(answer):
    truth = _digits()
    low_res = block_mean(truth)
    result = array(call(answer, low_res), truth.shape).astype("float32")
    lanczos = metrics.psnr(truth, project(upscale(low_res, 4, "lanczos"), low_res)).mean()
    score = metrics.psnr(truth, project(result, low_res)).mean()
    if score < lanczos + 0.1:
        raise NotYet(f"after projection it has {score:.2f} dB, and Lanczos has {lanczos:.2f} dB; "
                     "be at least 0.1 dB better")
    if score > 30:
        raise NotYet(f"{score:.1f} dB is only possible by looking up the test digits themselves: "
                     "use the training digits")
    word = "more contrast alone reaches about 16 dB, similar training digits about 18 dB"
    if score > 20.5:
        word = "that is as good as a network; if it uses one, try it without"
    return Right(f"{score:.2f} dB after projection, where Lanczos has {lanczos:.2f} dB ({word})")


CHECKS = {"01.1": check_psnr_gain, "01.2": check_back_projection, "01.3": check_own_upscaler}
