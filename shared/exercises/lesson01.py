"""Checks of lesson 01."""

import functools

import numpy as np

from shared.data import datasets
from shared.exercises.verdicts import Right, wrong_form
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import metrics


@functools.cache
def _digits():
    """The first 1,000 test digits, copied so that the memory of the others can be freed."""
    return datasets.mnist().x_test[:1000].copy()


def _repeat(blocks):
    """Values (n, height, width, 1), each repeated to a block of 4x4 pixels."""
    return blocks.repeat(4, axis=1).repeat(4, axis=2)


def check_psnr_gain(answer):
    gains = {ratio: answer(ratio) for ratio in (2.0, 10.0, 1.0, 0.5)}
    if any(gain is None for gain in gains.values()):
        return "your function returns None; it needs a `return`"
    if abs(gains[10.0] - 10) < 1e-6:
        return ("that is the gain for an MSE divided by the ratio; here the error itself is "
                "divided, and the MSE is its square")
    if abs(gains[2.0] - 20 * np.log(2)) < 1e-6:
        return "decibels use the logarithm to base 10, you used the natural one"
    if abs(gains[10.0] + 20) < 1e-6:
        return "the sign is turned: a smaller error is a higher PSNR"
    wanted = {ratio: 20 * np.log10(ratio) for ratio in gains}
    wrong = [r for r in gains if abs(gains[r] - wanted[r]) > 1e-6]
    if wrong:
        return f"for ratio {wrong[0]} you give {float(gains[wrong[0]]):.3f} dB"
    return None


def check_back_project(answer):
    truth = _digits()[:64]
    low_res = block_mean(truth)
    start = upscale(low_res, 4)
    result = answer(start.copy(), low_res.copy())
    if problem := wrong_form(result, start.shape):
        return problem
    result = np.asarray(result)
    if np.allclose(result, start):
        return "the images come back as they went in"
    wanted = start + _repeat(low_res - block_mean(start))
    if np.allclose(result, np.clip(wanted, 0, 1), atol=1e-5):
        return "it was right before you clipped it: this exercise has no range [0, 1]"
    error = np.abs(block_mean(result) - low_res).max()
    if np.allclose(block_mean(result) - low_res, 2 * (block_mean(start) - low_res), atol=1e-5):
        return "the difference is there twice: add low_res - block_mean(images), not its negative"
    if error > 1e-5:
        return (f"block means still differ from low_res by up to {error:.3f}: each of the 16 "
                f"pixels of a block needs the whole difference of its block, unblurred")
    change = result - start
    if np.abs(change - _repeat(change[:, ::4, ::4])).max() > 1e-5:
        return ("the block means are right, but pixels of one block moved by different amounts; "
                "the nearest consistent image adds one number to the whole block")
    return None


def check_own_upscaler(answer):
    truth = _digits()
    low_res = block_mean(truth)
    result = answer(low_res.copy())
    if problem := wrong_form(result, truth.shape):
        return problem
    reference = metrics.psnr(truth, project(upscale(low_res, 4, "lanczos"), low_res)).mean()
    score = metrics.psnr(truth, project(np.asarray(result).astype("float32"), low_res)).mean()
    if score < reference + 0.3:
        return (f"after projection it scores {score:.2f} dB, Lanczos {reference:.2f}; be at "
                f"least 0.3 dB above Lanczos")
    return Right(f"{score:.2f} dB after projection, Lanczos {reference:.2f}")


CHECKS = {"01.1": check_psnr_gain, "01.2": check_back_project, "01.3": check_own_upscaler}
