"""Right answers and usual mistakes for the exercises of lesson 02."""

import numpy as np

from shared.images.resize import upscale
from shared.measures import spectrum


def share(images, cycles):
    power = spectrum.radial_power(images)
    return power[:, np.arange(power.shape[1]) > cycles].sum(axis=1) / power.sum(axis=1)


def with_the_mean(images, cycles):
    waves = abs(np.fft.fft2(images[..., 0])) ** 2
    above = spectrum.rings(images.shape[1]) > cycles
    return (waves * above).sum(axis=(1, 2)) / waves.sum(axis=(1, 2))


def of_amplitudes(images, cycles):
    size = np.sqrt(spectrum.radial_power(images))
    return size[:, np.arange(size.shape[1]) > cycles].sum(axis=1) / size.sum(axis=1)


def from_the_ring_below(images, cycles):
    power = spectrum.radial_power(images)
    return power[:, int(cycles):].sum(axis=1) / power.sum(axis=1)


def of_all_images(images, cycles):
    power = spectrum.radial_power(images)
    return power[:, int(cycles) + 1:].sum(axis=1) / power.sum()


def blend(y, digits, part=0.3):
    return part * digits + (1 - part) * upscale(y, 4, "lanczos")


RIGHT = {
    "02.1": lambda side: side / 2,
    "02.2": share,
    "02.3": blend,
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "02.1": {
        "takes a pixel for a cycle": (lambda side: side, "two pixels"),
        "rounds down": (lambda side: side // 2, "rounds down"),
        "gives cycles a pixel": (lambda side: 0.5, "cycles a pixel"),
        "gives an angle": (lambda side: np.pi * side, "radians"),
        "leaves out a pixel": (lambda side: (side - 1) / 2, "for 7 pixels"),
        "forgets to return": (lambda side: None, "return"),
    },
    "02.2": {
        "gives the share below": (lambda x, c: 1 - share(x, c), "below"),
        "leaves the mean in": (with_the_mean, "take it away"),
        "adds amplitudes": (of_amplitudes, "squares"),
        "counts the ring below the limit": (from_the_ring_below, "takes in ring 3"),
        "does not divide": (
            lambda x, c: spectrum.radial_power(x)[:, int(c) + 1:].sum(axis=1), "divide"),
        "divides by all images together": (of_all_images, "its own total"),
        "gives the mean over images": (lambda x, c: share(x, c).mean(), "each image"),
        "gives the same for all": (lambda x, c: np.full(len(x), 0.5), "first image"),
        "keeps the channel": (lambda x, c: share(x, c)[:, None], "shape"),
    },
    "02.3": {
        "takes Lanczos alone": (lambda y, d: upscale(y, 4, "lanczos"), "0.5 dB above"),
        "takes the digits network alone": (lambda y, d: d, "0.5 dB above"),
        "takes half of each": (lambda y, d: blend(y, d, 0.5), "0.5 dB above"),
        "drops the channel axis": (lambda y, d: blend(y, d)[..., 0], "shape"),
        "gives the low resolution": (lambda y, d: y, "shape"),
    },
}
