"""Checks of lesson 02."""

import functools

import numpy as np

from shared import runtime, weights
from shared.data import datasets
from shared.exercises.verdicts import Right, wrong_form
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import metrics, spectrum


@functools.cache
def _clothes():
    """The first 1,000 test images, copied so that the memory of the others can be freed."""
    return datasets.fashion_mnist().x_test[:1000].copy()


@functools.cache
def _digits_answer():
    """The output of the digits network of lesson 01 for the reduced clothes, in [0, 1]."""
    network = weights.load_or_train("baseline", progress=False)
    return np.clip(runtime.predict(network, block_mean(_clothes())), 0, 1)


def check_highest_frequency(answer):
    results = {side: answer(side) for side in (7, 28, 12, 1001)}
    if any(value is None for value in results.values()):
        return "your function returns None; it needs a `return`"
    if all(value == side for side, value in results.items()):
        return "a wave needs two pixels a cycle, one for its crest and one for its trough"
    if all(value == side // 2 for side, value in results.items()):
        return "`//` rounds down: 7 pixels carry more than 3 cycles, though not 4"
    if all(abs(value - 0.5) < 1e-6 for value in results.values()):
        return "that is in cycles a pixel; asked for are cycles an image"
    if all(abs(value - np.pi * side) < 1e-3 for side, value in results.items()):
        return "that is an angle, in radians; asked for are cycles"
    wrong = [side for side in results if abs(results[side] - side / 2) > 1e-6]
    if wrong:
        return f"for {wrong[0]} pixels you give {float(results[wrong[0]]):g} cycles"
    return None


def check_fine_share(answer):
    images = _clothes()[:200]
    power = spectrum.radial_power(images)
    ring = np.arange(power.shape[1])
    for cycles in (3.5, 8.5):
        result = answer(images.copy(), cycles)
        if np.shape(result) == () and result is not None:
            return "that is one number; give one for each image, shape (n,)"
        if problem := wrong_form(result, (len(images),)):
            return problem
        result, above = np.asarray(result, "float64"), ring > cycles
        fine, total = power[:, above].sum(axis=1), power.sum(axis=1)
        square = images.astype("float64").reshape(len(images), -1) ** 2
        likely = {
            "that is the share below the limit": 1 - fine / total,
            "that is the power; divide it by the power of all rings of the image": fine,
            "the mean of each image is still in the total: take it away first":
                fine / square.mean(axis=1),
            f"that takes in ring {int(cycles)}, which is below {cycles:g}":
                power[:, ring >= int(cycles)].sum(axis=1) / total,
            "add up powers, the squares of amplitudes, not the amplitudes":
                np.sqrt(power)[:, above].sum(axis=1) / np.sqrt(power).sum(axis=1),
            "divide each image by its own total, not by that of all images":
                fine / total.sum(),
        }
        if np.allclose(result, fine / total, atol=1e-4):
            continue
        for problem, mistake in likely.items():
            if np.allclose(result, mistake, atol=1e-4):
                return problem
        return (f"above {cycles:g} cycles the first image has a share of "
                f"{fine[0] / total[0]:.3f}, you give {result[0]:.3f}")
    return None


def check_mixed(answer):
    truth = _clothes()
    low_res, digits = block_mean(truth), _digits_answer()
    result = answer(low_res.copy(), digits.copy())
    if problem := wrong_form(result, truth.shape):
        return problem

    def score(images):
        images = np.asarray(images).astype("float32")
        return metrics.psnr(truth, project(images, low_res)).mean()

    reference, mixed = score(upscale(low_res, 4, "lanczos")), score(result)
    if mixed < reference + 0.5:
        return (f"after projection it scores {mixed:.2f} dB, Lanczos {reference:.2f}, the digits "
                f"network {score(digits):.2f}; be at least 0.5 dB above Lanczos")
    return Right(f"{mixed:.2f} dB after projection, Lanczos {reference:.2f}")


CHECKS = {"02.1": check_highest_frequency, "02.2": check_fine_share, "02.3": check_mixed}
