"""Checks of lesson 01."""

import functools
import inspect

import keras
import numpy as np

from shared import runtime, weights
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
    """Check a function of the ratio of two errors that gives the difference in dB."""
    gains = {ratio: number(call(answer, ratio)) for ratio in (2.0, 10.0, 1.0, 0.5, 37.0)}
    for factor, problem in (
            (10 / np.log(10), "that is the gain for an MSE that is divided by the ratio; here the "
             "error is divided, and the MSE is the mean of its square"),
            (20, "decibels use the logarithm to base 10, and you used the natural one"),
            (-20 / np.log(10), "the sign is wrong: a smaller error has a higher PSNR")):
        if all(abs(gain - factor * np.log(ratio)) < 0.006 for ratio, gain in gains.items()):
            raise NotYet(problem)
    for ratio, gain in gains.items():
        wanted = 20 * np.log10(ratio)
        # A result that is rounded to two decimals, or computed in float16, will do.
        if abs(gain - wanted) > max(0.006, 1e-3 * abs(wanted)):
            raise NotYet(f"for ratio {ratio:g} you give {gain:.3f} dB")


def check_back_projection(answer):
    """Check a layer, its class or a function; it is called with (images, low_res)."""
    layer = call(answer) if inspect.isclass(answer) else answer
    truth = _digits()[:7]
    low_res = block_mean(truth)
    start = 1.4 * upscale(low_res, 4) - 0.2  # also below 0 and above 1
    expected = start + _repeat(low_res - block_mean(start))
    tensors = [keras.ops.convert_to_tensor(values) for values in (start, low_res)]
    result = array(call(layer, *tensors), start.shape)
    _say_what_is_wrong(result, start, low_res, expected)

    inputs = [keras.Input(values.shape[1:]) for values in (start, low_res)]
    try:
        model = keras.Model(inputs, call(layer, *inputs))
        inside = model.predict_on_batch([start, low_res])
    except Exception as error:
        raise NotYet("it gives the right numbers, but a network cannot contain it: there the "
                     "number of images is not known in advance (use -1 in `reshape`), and all "
                     "computation must use `keras.ops` and Keras layers, not NumPy") from error
    if not _is_near(array(inside, start.shape), expected):
        raise NotYet("it gives the right numbers, but inside a network it does not")


def _is_near(values, others):
    return np.allclose(values, others, atol=1e-4)


def _say_what_is_wrong(result, start, low_res, expected):
    if _is_near(result, expected):
        return
    if _is_near(result, start):
        raise NotYet("the images come back unchanged")
    for low, high in ((0, 1), (0, None), (None, 1)):
        if _is_near(result, np.clip(expected, low, high)):
            raise NotYet("it was right before you clipped it: this exercise has no limits 0 and 1")
    if _is_near(result, expected - start):
        raise NotYet("that is the correction alone: add it to the images")
    clipped = np.clip(start, 0, 1)
    if _is_near(result, clipped + _repeat(low_res - block_mean(clipped))):
        raise NotYet("you clipped the images first: this exercise has no limits 0 and 1")
    if _is_near(result, 2 * start - expected):
        raise NotYet("the correction has the wrong sign: it is low_res minus the block means")
    if not _is_near(block_mean(result), low_res):
        largest = np.abs(block_mean(result) - low_res).max()
        raise NotYet(f"the block means differ from low_res by up to {largest:.4f}: each of the 16 "
                     "pixels of a block needs the same correction, low_res minus its block mean")
    raise NotYet("the block means are right, but pixels of one block changed by different "
                 "amounts; the nearest images add one number to a whole block")


def _repeat(blocks):
    """Values (n, height, width, 1), each repeated to a block of 4x4 pixels."""
    return blocks.repeat(4, axis=1).repeat(4, axis=2)


@functools.cache
def _baseline_output():
    """What the network ``baseline`` makes of the reduced digits, clipped."""
    network = weights.load("baseline")
    return np.clip(runtime.predict(network, block_mean(_digits())), 0, 1)


def check_own_upscaler(answer):
    """Check a function that enlarges 7x7 digits; it must be better than Lanczos."""
    truth = _digits()
    low_res = block_mean(truth)
    result = array(call(answer, low_res), truth.shape).astype("float32")
    if result.max() > 10:
        raise NotYet(f"your values reach {result.max():.0f}: they should lie between 0 and 1")
    lanczos = metrics.psnr(truth, project(upscale(low_res, 4, "lanczos"), low_res)).mean()
    score = metrics.psnr(truth, project(result, low_res)).mean()
    if score < lanczos + 0.1:
        raise NotYet(f"after projection it has {score:.2f} dB, and Lanczos has {lanczos:.2f} dB; "
                     "be at least 0.1 dB better")
    if score > 30:
        raise NotYet(f"{score:.1f} dB is only possible by looking up the test digits themselves: "
                     "use the training digits")
    if score > 22 and np.abs(np.clip(result, 0, 1) - _baseline_output()).mean() < 0.01:
        raise NotYet("that is what the network `baseline` makes; this exercise is about methods "
                     "without a network")
    word = "more contrast alone reaches about 16 dB, similar training digits 17 to 19 dB"
    if score > 20.5:
        word = "that is as good as a network; if it uses one, try it without"
    return Right(f"{score:.2f} dB after projection, where Lanczos has {lanczos:.2f} dB ({word})")


CHECKS = {"01.1": check_psnr_gain, "01.2": check_back_projection, "01.3": check_own_upscaler}
