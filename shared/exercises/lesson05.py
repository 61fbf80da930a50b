"""Checks of lesson 05."""

import functools

import numpy as np

from shared.data import datasets
from shared.exercises.verdicts import Right, wrong_form
from shared.images.degrade import block_mean


def check_free_numbers(answer):
    for side, scale in ((28, 4), (112, 4), (28, 7), (6, 1)):
        result = answer(side, scale)
        if problem := wrong_form(result, ()):
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


def check_copy_channels(answer):
    rng = np.random.default_rng(0)
    for size, a, b, c, source in ((3, 2, 3, 2, [0, 1, 2, 0]), (1, 1, 4, 3, [0, 1, 2, 3, 3, 3])):
        kernel, following = (rng.normal(size=(size, size, *ends)) for ends in ((a, b), (b, c)))
        result = answer(kernel.copy(), following.copy(), np.array(source))
        if not isinstance(result, tuple | list) or len(result) != 2:
            return "return two kernels: the wider one, and the one that follows it"
        m = len(source)
        if problem := (wrong_form(result[0], (size, size, a, m))
                       or wrong_form(result[1], (size, size, m, c))):
            return problem
        if not np.allclose(result[0], kernel[:, :, :, source]):
            return ("new channel j of the first kernel is a copy of old channel source[j]: its "
                    "last axis is the outputs")
        together = np.zeros_like(following)
        np.add.at(together, (slice(None), slice(None), source), result[1])
        if np.allclose(together, following):
            continue
        if np.allclose(result[1], following[:, :, source]):
            return ("each copy speaks as loudly as the one channel did: what follows has to "
                    "divide by the number of copies")
        return ("in what follows, the copies of a channel together must weigh what the channel "
                "weighed")
    return None


@functools.cache
def _mixed():
    """7x7 images of 1,000 test digits and 1,000 test clothes, shuffled; and their order."""
    images = [split.x_test[3000:4000] for split in (datasets.mnist(), datasets.fashion_mnist())]
    order = np.random.default_rng(0).permutation(2000)
    return block_mean(np.concatenate(images), 4)[order], order


def check_route(answer):
    low_res, order = _mixed()
    result = answer(low_res.copy())
    if problem := wrong_form(result, (2000,)):
        return problem
    if not set(np.unique(result)) <= {0, 1}:
        return "give 0 for a digit and 1 for a piece of clothing, nothing else"
    correct = (np.asarray(result) == np.repeat([0, 1], 1000)[order]).mean()
    if correct < 0.03:
        return "digits and clothes are exchanged: 0 is a digit"
    if correct < 0.97:
        return f"{correct:.1%} of 2,000 images go the right way; reach 97%"
    return Right(f"{correct:.1%} of 2,000 images go the right way")


CHECKS = {"05.1": check_free_numbers, "05.2": check_copy_channels, "05.3": check_route}
