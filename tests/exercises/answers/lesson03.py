"""Right answers and usual mistakes for the exercises of lesson 03."""

import numpy as np
from scipy import ndimage

from shared.images.degrade import project
from shared.images.resize import resize, upscale


def sharpened(low_res, contrast=3):
    soft = resize(low_res, (112, 112), "lanczos")
    return project(np.clip(contrast * (soft - 0.5) + 0.5, 0, 1), low_res)


def smoothed_and_sharpened(low_res):
    image = sharpened(low_res)
    for _ in range(4):
        image = ndimage.gaussian_filter(image, (0, 1.3, 1.3, 0))
        image = project(np.clip(3 * (image - 0.5) + 0.5, 0, 1), low_res)
    return image


RIGHT = {
    "03.1": lambda edge, n: np.clip(edge - np.arange(n), 0, 1),
    "03.2": np.sum,
    "03.3": smoothed_and_sharpened,
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "03.1": {
        "makes each pixel black or white": (
            lambda edge, n: (np.arange(n) + 0.5 < edge).astype(float), "grey"),
        "exchanges black and white": (
            lambda edge, n: 1 - np.clip(edge - np.arange(n), 0, 1), "exchanged"),
        "takes pixel centres at whole numbers": (
            lambda edge, n: np.clip(edge - np.arange(n) + 0.5, 0, 1), "half a pixel"),
        "forgets to clip": (lambda edge, n: edge - np.arange(n), "range"),
        "gives one number": (lambda edge, n: edge % 1, "shape"),
    },
    "03.2": {
        "counts white pixels": (lambda greys: float((greys > 0.5).sum()), "grey of the pixel"),
        "looks only at the first grey pixel": (
            lambda greys: np.argmax(greys < 1) + greys[np.argmax(greys < 1)], "softened"),
        "gives a row": (lambda greys: greys, "shape"),
    },
    "03.3": {
        "sharpens as the lesson does": (lambda y: sharpened(y, 4), "above"),
        "stops at Lanczos": (lambda y: upscale(y, 4, "lanczos"), "above"),
        "gives the low resolution": (lambda y: y, "shape"),
    },
}
