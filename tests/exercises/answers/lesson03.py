"""Right answers and usual mistakes for the exercises of lesson 03."""

import functools
import math

import keras
import numpy as np
from keras import ops
from scipy import ndimage

from shared import runtime, weights
from shared.data import drawings
from shared.images.degrade import block_mean, project
from shared.images.resize import resize, upscale


def by_loop(greys):
    ink = 0
    for grey in greys:
        ink += grey
    return ink


def by_gradient(greys):  # the centre of mass of the fall from white to black
    fall = -np.diff(np.concatenate([[1.0], greys]))
    return (fall * np.arange(len(greys))).sum()


def by_search(greys):  # the ideal edge with the same mean, on a fine grid
    places = np.arange(0, len(greys), 0.01)
    edges = np.clip(places[:, None] - np.arange(len(greys)), 0, 1)
    return places[np.abs(edges.mean(1) - np.mean(greys)).argmin()]


def in_place(greys):
    for i in range(1, len(greys)):
        greys[i] += greys[i - 1]
    return greys[-1]


def crossing(greys):  # where a line through the greys crosses 0.5
    i = int(np.argmax(greys < 0.5))
    return i - 0.5 + (greys[i - 1] - 0.5) / (greys[i - 1] - greys[i])


def soften(images):
    return ops.average_pool(images, 5, strides=1, padding="same")


def shrink(images):
    return ops.average_pool(images, 4, strides=4)


class Camera(keras.layers.Layer):
    """The right answer; parts of it are replaced in the mistakes."""

    def __init__(self):
        super().__init__()
        self.random = keras.random.SeedGenerator(1)

    def strengths(self, images):
        return keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=self.random)

    def soft(self, images):
        return soften(images)

    def call(self, images, training=False):
        if training:
            images = images + self.strengths(images) * (self.soft(images) - images)
        return shrink(images)


class OfLayers(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.soften = keras.layers.AveragePooling2D(5, strides=1, padding="same")
        self.shrink = keras.layers.AveragePooling2D(4)
        self.random = keras.random.SeedGenerator()

    def call(self, images, training=None):
        sharp = self.shrink(images)
        if not training:
            return sharp
        part = keras.random.uniform(ops.shape(sharp[:, :1, :1, :]), seed=self.random)
        return (1 - part) * sharp + part * self.shrink(self.soften(images))


class Convolving(Camera):
    def soft(self, images):
        return ops.depthwise_conv(images, ops.ones((5, 5, 1, 1)) / 25, padding="same")

    def call(self, images, training=False):
        strength = self.strengths(images) * (1.0 if training else 0.0)
        mixed = (1 - strength) * images + strength * self.soft(images)
        size = ops.shape(images)
        blocks = ops.reshape(mixed, (-1, size[1] // 4, 4, size[2] // 4, 4, 1))
        return ops.mean(blocks, axis=(2, 4))


class Beta(Camera):  # the beta distribution of 1 and 1 is the uniform one
    def strengths(self, images):
        return keras.random.beta((ops.shape(images)[0], 1, 1, 1), 1.0, 1.0, seed=self.random)


class WithoutSeed(Camera):
    def strengths(self, images):
        return keras.random.uniform((ops.shape(images)[0], 1, 1, 1))


class OnePerBatch(Camera):
    def strengths(self, images):
        return keras.random.uniform((), seed=self.random)


class OnePerPixel(Camera):
    def strengths(self, images):
        return keras.random.uniform(ops.shape(images), seed=self.random)


class OnePerRow(Camera):
    def strengths(self, images):
        n, height = ops.shape(images)[:2]
        return keras.random.uniform((n, height, 1, 1), seed=self.random)


class SameEachTime(Camera):
    def strengths(self, images):
        return keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=1)


class Half(Camera):
    def strengths(self, images):
        return 0.5 * super().strengths(images)


class Squared(Camera):
    def strengths(self, images):
        return super().strengths(images) ** 2


class Signed(Camera):
    def strengths(self, images):
        return 2 * super().strengths(images) - 1


class Normal(Camera):
    def strengths(self, images):
        return keras.random.normal((ops.shape(images)[0], 1, 1, 1), seed=self.random)


class Small(Camera):
    def soft(self, images):
        return ops.average_pool(images, 3, strides=1, padding="same")


class AlwaysSoft(Camera):
    def strengths(self, images):
        return ops.ones((ops.shape(images)[0], 1, 1, 1))


class SoftInUse(Camera):
    def call(self, images, training=False):
        return super().call(images, training) if training else shrink(soften(images))


class HalfSoftInUse(Camera):
    def call(self, images, training=False):
        if training:
            return super().call(images, training)
        return 0.5 * shrink(images) + 0.5 * shrink(soften(images))


class ZeroOrOne(Camera):
    def strengths(self, images):
        return ops.round(super().strengths(images))


class RandomInUse(Camera):
    def call(self, images, training=False):
        return super().call(images, training=True)


class SeedInCall(Camera):
    def strengths(self, images):
        seed = keras.random.SeedGenerator()
        return keras.random.uniform((ops.shape(images)[0], 1, 1, 1), seed=seed)


def camera(images, training=False):
    if training:
        strength = keras.random.uniform((ops.shape(images)[0], 1, 1, 1))
        images = images + strength * (soften(images) - images)
    return shrink(images)


class Built(Camera):
    def __init__(self):
        super(Camera, self).__init__()

    def build(self, shape):
        self.random = keras.random.SeedGenerator(3)


class Mapped(Camera):  # one image after another
    def call(self, images, training=False):
        if training:
            strengths = ops.reshape(self.strengths(images), (-1,))
            images = ops.vectorized_map(
                lambda parts: parts[0] + parts[1] * (parts[2] - parts[0]),
                (images, strengths, soften(images)))
        return shrink(images)


class WithoutTraining(keras.layers.Layer):
    def call(self, images):
        return shrink(images)


class TurnedRound(Camera):
    def call(self, images, training=False):
        return super().call(images, training=not training)


class KeepsSize(Camera):
    def call(self, images, training=False):
        if training:
            images = images + self.strengths(images) * (self.soft(images) - images)
        return images


class SoftensAfter(Camera):
    def call(self, images, training=False):
        small = shrink(images)
        if training:
            small = small + self.strengths(images) * (soften(small) - small)
        return small


class NumPyNumbers(Camera):
    def strengths(self, images):
        return np.random.default_rng().random((images.shape[0] or 60, 1, 1, 1)).astype("float32")


class FixedSize(Camera):
    def strengths(self, images):
        return keras.random.uniform((images.shape[0], 1, 1, 1), seed=self.random)


class Sums(Camera):
    def call(self, images, training=False):
        return 16 * super().call(images, training)


class Strided(Camera):
    def call(self, images, training=False):
        if training:
            images = images + self.strengths(images) * (self.soft(images) - images)
        return images[:, ::4, ::4]


def sharpened(low_res, contrast=4.0, method="lanczos"):
    soft = resize(low_res, (112, 112), method)
    return np.clip(contrast * (soft - 0.5) + 0.5, 0, 1)


def smoothed_and_sharpened(low_res, times=4):
    image = project(sharpened(low_res, 3), low_res)
    for _ in range(times):
        image = ndimage.gaussian_filter(image, (0, 1.3, 1.3, 0))
        image = project(np.clip(3 * (image - 0.5) + 0.5, 0, 1), low_res)
    return image


def gentle_steps(low_res, steps=4):
    image = resize(low_res, (112, 112), "lanczos")
    for _ in range(steps):
        image = project(np.clip(1.5 * (image - 0.5) + 0.5, 0, 1), low_res)
    return image


def twofold_twice(low_res):
    half = np.clip(2 * (resize(low_res, (56, 56), "lanczos") - 0.5) + 0.5, 0, 1)
    half = resize(project(half, low_res), (112, 112), "lanczos")
    return np.clip(2 * (half - 0.5) + 0.5, 0, 1)


@functools.cache
def fonts_by_input():
    truth = drawings.font_digits()[0]
    return {image.tobytes(): n for n, image in enumerate(block_mean(truth))}


def lookup(low_res):
    return drawings.font_digits()[0][[fonts_by_input()[image.tobytes()] for image in low_res]]


def output_of(name):
    return lambda low_res: np.clip(runtime.predict(weights.load(name), low_res, 32), 0, 1)


RIGHT = {
    "03.1": {
        "NumPy": np.sum,
        "Python": lambda greys: sum(greys.tolist()),
        "a loop": by_loop,
        "exact sums": math.fsum,
        "the centre of the gradient": by_gradient,
        "a search on a grid": by_search,
        "in place": in_place,
        "the mean times the length": lambda greys: len(greys) * np.mean(greys),
        "two decimals": lambda greys: round(float(np.sum(greys)), 2),
        "an array of one number": lambda greys: np.array([np.sum(greys)]),
        "a tensor": lambda greys: ops.sum(ops.convert_to_tensor(greys, "float32")),
    },
    "03.2": {
        "by inheritance": Camera(),
        "the class itself": Camera,
        "of layers": OfLayers(),
        "a convolution": Convolving(),
        "another distribution": Beta(),
        "without a seed generator": WithoutSeed(),
        "a seed generator made in `build`": Built(),
        "one image after another": Mapped(),
    },
    "03.3": {
        "smoothed and sharpened": smoothed_and_sharpened,
        "once": lambda y: smoothed_and_sharpened(y, 1),
        "gentle steps": gentle_steps,
        "twofold, twice": twofold_twice,
        "16 bits": lambda y: gentle_steps(y).astype("float16"),
        "a tensor": lambda y: ops.convert_to_tensor(gentle_steps(y)),
        "lists, one digit at a time": lambda y: [gentle_steps(y[n:n + 1])[0].tolist()
                                                 for n in range(len(y))],
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "03.1": {
        "counts white pixels": (lambda greys: float((greys > 0.5).sum()), "grey of the pixel"),
        "counts pixels with ink": (lambda greys: np.count_nonzero(greys), "grey of the pixel"),
        "looks only at the first grey pixel": (
            lambda greys: np.argmax(greys < 1) + greys[np.argmax(greys < 1)], "softened"),
        "takes the crossing of 0.5": (crossing, "mid-grey"),
        "takes the mean": (np.mean, "fraction of the row"),
        "counts from the right": (lambda greys: np.sum(1 - greys), "black part"),
        "half a pixel off": (lambda greys: np.sum(greys) - 0.5, "half a pixel"),
        "gives a row": (lambda greys: greys, "one number"),
        "looks at the first 15 pixels": (lambda greys: np.sum(greys[:15]), "in a row of 40"),
        "rounds the greys": (lambda greys: np.sum(np.round(greys, 1)), "placed"),
        "knows one length": (lambda greys: 12 * np.mean(greys), "in a row of"),
        "gives a constant": (lambda greys: 5.0, "whole numbers"),
        "forgets to return": (lambda greys: None, "return"),
        "divides by zero": (lambda greys: np.sum(greys) + np.nan, "NaN"),
    },
    "03.2": {
        "one strength per batch": (OnePerBatch(), "same strength"),
        "one strength per pixel": (OnePerPixel(), "different strengths"),
        "one strength per row": (OnePerRow(), "different strengths"),
        "a fixed seed": (SameEachTime(), "SeedGenerator"),
        "strengths up to a half": (Half(), "uniform"),
        "strengths of another distribution": (Squared(), "uniform"),
        "strengths below 0": (Signed(), "uniform"),
        "normal strengths": (Normal(), "uniform"),
        "another neighbourhood": (Small(), "5x5"),
        "no random numbers": (AlwaysSoft(), "same strength"),
        "softens in use": (SoftInUse(), "training=False"),
        "softens by half in use": (HalfSoftInUse(), "stay sharp"),
        "softens wholly or not at all": (ZeroOrOne(), "uniform"),
        "is random in use": (RandomInUse(), "training=False"),
        "turns the flag round": (TurnedRound(), "training=False"),
        "makes its seed generator in `call`": (SeedInCall(), "`__init__`"),
        "is a function": (camera, "keras.layers.Layer"),
        "ignores the flag": (WithoutTraining(), "nothing is softened"),
        "forgets the block means": (KeepsSize(), "shape"),
        "softens after the block means": (SoftensAfter(), "before"),
        "random numbers of NumPy": (NumPyNumbers(), "never change"),
        "knows the number of images": (FixedSize(), "ops.shape"),
        "sums for means": (Sums(), "means of blocks"),
        "takes every fourth pixel": (Strided(), "means of blocks"),
    },
    "03.3": {
        "sharpens as the lesson does": (sharpened, "better"),
        "stops at Lanczos": (lambda y: upscale(y, 4, "lanczos"), "better"),
        "smooths only": (lambda y: ndimage.gaussian_filter(sharpened(y), (0, 1, 1, 0)), "better"),
        "gives the low resolution": (lambda y: y, "shape"),
        "drops the channel axis": (lambda y: upscale(y, 4)[..., 0], "shape"),
        "divides zero by zero": (lambda y: upscale(y, 4) * np.nan, "NaN"),
        "takes too many steps": (lambda y: gentle_steps(y, 6), "better"),
        "gives greys up to 255": (lambda y: 255 * gentle_steps(y), "values reach 255"),
        "gives whole greys": (lambda y: (255 * gentle_steps(y)).astype("uint8"), "values reach"),
        "gives one image": (lambda y: gentle_steps(y)[0], "shape"),
        "stops halfway": (lambda y: gentle_steps(y)[:, ::2, ::2], "shape"),
        "is one pixel off": (lambda y: np.roll(gentle_steps(y), 1, axis=1), "better"),
        "looks the fonts up": (lookup, "looking up"),
        "gives the baseline back": (output_of("baseline"), "baseline"),
        "gives hd back": (output_of("hd"), "hd"),
        "gives hd back, projected": (lambda y: project(output_of("hd")(y), y), "hd"),
    },
}
