"""Right answers and usual mistakes for the exercises of lesson 01."""

import decimal
import functools
import math

import keras
import numpy as np
from keras import ops

from shared import runtime, weights
from shared.data import datasets
from shared.images.degrade import block_mean
from shared.images.resize import upscale


def grow(values):
    return ops.repeat(ops.repeat(values, 4, axis=1), 4, axis=2)


class Pooling(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.shrink = keras.layers.AveragePooling2D(4)
        self.enlarge = keras.layers.UpSampling2D(4, interpolation="nearest")

    def call(self, images, low_res):
        return images + self.enlarge(low_res - self.shrink(images))


class Reshaping(keras.layers.Layer):
    def call(self, images, low_res):
        blocks = ops.reshape(images, (-1, 7, 4, 7, 4, 1))
        mean = ops.mean(blocks, axis=(2, 4), keepdims=True)
        wanted = ops.reshape(low_res, (-1, 7, 1, 7, 1, 1))
        return ops.reshape(blocks + wanted - mean, (-1, 28, 28, 1))


class WithoutSuper(Pooling):
    def __init__(self):
        pass


class InNumPy(keras.layers.Layer):
    def call(self, images, low_res):
        images, low_res = np.array(images), np.array(low_res)
        missing = low_res - block_mean(images, 4)
        return images + missing.repeat(4, 1).repeat(4, 2)


@functools.cache
def training_digits():
    digits = datasets.mnist().x_train[:10_000]
    return block_mean(digits).reshape(-1, 49), digits


def neighbours(low_res):
    inputs, targets = training_digits()
    vectors = low_res.reshape(-1, 49)
    distances = (inputs**2).sum(1) - 2 * vectors @ inputs.T
    nearest = np.argpartition(distances, 5, axis=1)[:, :5]
    return targets[nearest].mean(axis=1)


def linear(low_res):  # each block from the 5x5 pixels about its pixel, by least squares
    _, targets = training_digits()
    targets = targets[:3000]

    def windows(low):
        padded = np.pad(low[..., 0], ((0, 0), (2, 2), (2, 2)))
        return np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2)).reshape(-1, 25)

    blocks = targets.reshape(-1, 7, 4, 7, 4).transpose(0, 1, 3, 2, 4).reshape(-1, 16)
    weights = np.linalg.lstsq(windows(block_mean(targets)), blocks, rcond=None)[0]
    out = (windows(low_res) @ weights).reshape(-1, 7, 7, 4, 4)
    return np.clip(out.transpose(0, 1, 3, 2, 4).reshape(-1, 28, 28, 1), 0, 1)


def contrast(low_res):
    return np.clip(2.2 * (upscale(low_res, 4, "lanczos") - 0.4) + 0.4, 0, 1)


def lookup(low_res):
    test = datasets.mnist().x_test
    keys = {image.tobytes(): n for n, image in enumerate(block_mean(test))}
    return test[[keys[image.tobytes()] for image in low_res]]


RIGHT = {
    "01.1": {
        "NumPy": lambda ratio: 20 * np.log10(ratio),
        "math": lambda ratio: 10 * math.log(ratio**2) / math.log(10),
        "float32": lambda ratio: np.float32(20) * np.log10(np.float32(ratio)),
        "float16": lambda ratio: np.float16(20 * np.log10(ratio)),
        "a decimal number": lambda ratio: decimal.Decimal(20 * math.log10(ratio)),
        "two decimals": lambda ratio: round(20 * math.log10(ratio), 2),
        "an array of one number": lambda ratio: np.array([20 * np.log10(ratio)]),
        "a tensor": lambda ratio: 20 * ops.log10(ops.convert_to_tensor(ratio, "float32")),
    },
    "01.2": {
        "Keras layers": Pooling(),
        "the class itself": Pooling,
        "a reshape": Reshaping(),
        "a function": lambda x, y: x + grow(y - block_mean(x)),
        "one image at a time": lambda x, y: (
            ops.concatenate([x[n:n + 1] + grow(y[n:n + 1] - block_mean(x[n:n + 1]))
                             for n in range(x.shape[0])]) if x.shape[0] else
            x + grow(y - block_mean(x))),
        "in two steps": lambda x, y: (x - grow(block_mean(x))) + grow(y),
    },
    "01.3": {
        "more contrast": contrast,
        "similar digits": neighbours,
        "a linear map": linear,
        "lists, one digit at a time": lambda y: [contrast(y[n:n + 1])[0].tolist()
                                                 for n in range(len(y))],
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "01.1": {
        "takes the ratio for that of the MSE": (lambda r: 10 * np.log10(r), "square"),
        "uses the natural logarithm": (lambda r: 20 * np.log(r), "base 10"),
        "turns the sign": (lambda r: -20 * np.log10(r), "sign"),
        "forgets to return": (lambda r: None, "return"),
        "takes a logarithm of a negative number": (lambda r: 20 * np.log10(-r), "NaN"),
        "returns text": (lambda r: f"{20 * np.log10(r)}", "numbers"),
        "returns the ratio": (lambda r: r, "for ratio"),
        "uses base 2": (lambda r: 20 * np.log2(r), "for ratio"),
        "returns two numbers": (lambda r: [20 * np.log10(r)] * 2, "one number"),
        "hands a number over": (20 * np.log10(2), "without calling"),
    },
    "01.2": {
        "turns the sign": (lambda x, y: x - grow(y - block_mean(x)), "sign"),
        "spreads the difference smoothly": (
            lambda x, y: x + ops.image.resize(y - block_mean(x), (28, 28), "bicubic"),
            "same correction"),
        "divides by the pixels of a block": (
            lambda x, y: x + grow(y - block_mean(x)) / 16, "same correction"),
        "repeats the low resolution": (lambda x, y: grow(y), "different amounts"),
        "clips the right answer": (
            lambda x, y: ops.clip(x + grow(y - block_mean(x)), 0, 1), "clipped"),
        "clips below": (lambda x, y: ops.relu(x + grow(y - block_mean(x))), "clipped"),
        "clips the images first": (
            lambda x, y: ops.clip(x, 0, 1) + grow(y - block_mean(ops.clip(x, 0, 1))), "first"),
        "returns the correction": (lambda x, y: grow(y - block_mean(x)), "alone"),
        "corrects 16 times": (lambda x, y: x + 16 * grow(y - block_mean(x)), "same correction"),
        "needs the number of images": (lambda x, y: x + grow(y - ops.mean(
            ops.reshape(x, (x.shape[0], 7, 4, 7, 4, 1)), axis=(2, 4))), "-1"),
        "changes nothing": (lambda x, y: x, "unchanged"),
        "gives the low resolution": (lambda x, y: y, "shape"),
        "repeats along one axis": (lambda x, y: ops.repeat(y - block_mean(x), 16, axis=1), "shape"),
        "uses NumPy": (InNumPy(), "keras.ops"),
        "forgets super().__init__()": (WithoutSuper(), "you forgot to call"),
    },
    "01.3": {
        "leaves Lanczos as it is": (lambda y: upscale(y, 4, "lanczos"), "Lanczos"),
        "drops the channel axis": (lambda y: upscale(y, 4)[..., 0], "shape"),
        "divides zero by zero": (lambda y: upscale(y, 4) * np.nan, "NaN"),
        "looks the digits up": (lookup, "looking up"),
        "uses the network": (lambda y: runtime.predict(weights.load("baseline"), y), "baseline"),
        "returns values up to 255": (lambda y: 255 * contrast(y), "between 0 and 1"),
        "repeats the pixels": (lambda y: y.repeat(4, 1).repeat(4, 2), "Lanczos"),
        "returns other digits": (lambda y: datasets.mnist().x_test[:len(y)], "Lanczos"),
    },
}
