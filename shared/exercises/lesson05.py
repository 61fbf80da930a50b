"""Checks of lesson 05."""

import functools

import numpy as np

from shared import datasets
from shared.degrade import block_mean
from shared.exercises import Right, missing


def free_numbers(answer):
    for side, scale in ((28, 4), (112, 4), (28, 7), (6, 1)):
        result = answer(side, scale)
        if problem := missing(result, ()):
            return problem
        wanted = side**2 - (side // scale) ** 2
        if result == wanted:
            continue
        if result == (side // scale) ** 2:
            return "that is the number of equations; the question is what they leave free"
        if result == side**2:
            return "each equation takes one number away"
        if result == side**2 - scale**2:
            return ("there is an equation for each block, and a block has scale x scale pixels: "
                    "count the blocks")
        return f"for side {side} and scale {scale} you give {result}"
    return None


def widen_kernel(answer):
    rng = np.random.default_rng(0)
    for size, (a, b), (wide_a, wide_b) in ((3, (2, 3), (4, 5)), (1, (1, 4), (1, 6)),
                                           (3, (4, 2), (6, 2))):
        old = rng.normal(size=(size, size, a, b))
        new = rng.normal(size=(size, size, wide_a, wide_b))
        given = old.copy(), new.copy()
        result = answer(*given)
        if problem := missing(result, new.shape):
            return problem
        if not (np.array_equal(given[0], old) and np.array_equal(given[1], new)):
            return "your function changes its inputs: work on a copy of `new`"
        if not np.allclose(result[:, :, :a, :b], old):
            return "the old weights do not stand in the corner [:, :, :a, :b]"
        if not np.allclose(result[:, :, a:, :b], 0):
            return ("old output channels still hear new input channels: those weights must be 0, "
                    "or the widened network answers differently")
        if not np.allclose(result[:, :, :, b:], new[:, :, :, b:]):
            return ("the new output channels should keep their random weights, from all inputs; "
                    "were they 0, or copies, they would learn nothing of their own")
    return None


@functools.cache
def _mixed():
    """7x7 images of 1,000 test digits and 1,000 test clothes, shuffled, and their order."""
    images = [split.x_test[3000:4000] for split in (datasets.mnist(), datasets.fashion_mnist())]
    order = np.random.default_rng(0).permutation(2000)
    return block_mean(np.concatenate(images), 4)[order], order


def route(answer):
    low_res, order = _mixed()
    result = answer(low_res.copy())
    if problem := missing(result, (2000,)):
        return problem
    if not set(np.unique(result)) <= {0, 1}:
        return "give 0 for a digit and 1 for a piece of clothing, nothing else"
    right = (np.asarray(result) == np.repeat([0, 1], 1000)[order]).mean()
    if right < 0.03:
        return "digits and clothes are exchanged: 0 is a digit"
    if right < 0.97:
        return f"{right:.1%} of 2,000 images go the right way; reach 97%"
    return Right(f"{right:.1%} of 2,000 images go the right way")


CHECKS = {"05.1": free_numbers, "05.2": widen_kernel, "05.3": route}
