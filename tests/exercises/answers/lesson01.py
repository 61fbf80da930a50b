"""Right answers and usual mistakes for the exercises of lesson 01."""

import numpy as np

from shared.images.degrade import block_mean
from shared.images.resize import upscale


def grow(values):
    return values.repeat(4, axis=1).repeat(4, axis=2)


RIGHT = {
    "01.1": lambda ratio: 20 * np.log10(ratio),
    "01.2": lambda x, y: x + grow(y - block_mean(x, 4)),
    "01.3": lambda y: np.clip(2.2 * (upscale(y, 4, "lanczos") - 0.4) + 0.4, 0, 1),
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "01.1": {
        "takes the ratio for that of the MSE": (lambda r: 10 * np.log10(r), "square"),
        "uses the natural logarithm": (lambda r: 20 * np.log(r), "base 10"),
        "turns the sign": (lambda r: -20 * np.log10(r), "sign"),
        "forgets to return": (lambda r: None, "return"),
    },
    "01.2": {
        "turns the sign": (lambda x, y: x - grow(y - block_mean(x, 4)), "negative"),
        "spreads the difference smoothly": (
            lambda x, y: x + upscale(y - block_mean(x, 4), 4), "block"),
        "divides by the pixels of a block": (
            lambda x, y: x + grow(y - block_mean(x, 4)) / 16, "whole difference"),
        "repeats the low resolution": (lambda x, y: grow(y), "different amounts"),
        "clips the right answer": (
            lambda x, y: np.clip(x + grow(y - block_mean(x, 4)), 0, 1), "clipped"),
        "changes nothing": (lambda x, y: x, "as they went in"),
        "gives the low resolution": (lambda x, y: y, "shape"),
    },
    "01.3": {
        "leaves Lanczos as it is": (lambda y: upscale(y, 4, "lanczos"), "Lanczos"),
        "drops the channel axis": (lambda y: upscale(y, 4)[..., 0], "shape"),
        "divides zero by zero": (lambda y: upscale(y, 4) * np.nan, "NaN"),
    },
}
