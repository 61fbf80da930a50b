"""Right answers and usual mistakes for the exercises of lesson 07."""

import functools
import math

import keras
import numpy as np
from keras import ops
from PIL import Image
from scipy import ndimage

from shared.data.photos import load_photos
from shared.images import luma, resize


def folded(cycles, side):
    rest = cycles % side
    return min(rest, side - rest)


def loop_of_folds(cycles, side):
    while cycles > side // 2:
        cycles = abs(cycles - side)
    return float(cycles)


def by_fourier(cycles, side):
    values = np.exp(2j * np.pi * cycles * np.arange(side) / side)
    found = abs(np.fft.fft(values)).argmax()
    return np.array([abs(np.fft.fftfreq(side, 1 / side)[found])])


def nearest_multiple(cycles, side):
    return abs(cycles - side * math.floor(cycles / side + 0.5))


def by_phase(cycles, side):
    return side * math.acos(math.cos(2 * math.pi * cycles / side)) / (2 * math.pi)


def by_search(cycles, side):
    places = np.arange(side) / side
    for seen in range(side // 2 + 1):
        if np.allclose(np.cos(2 * np.pi * seen * places), np.cos(2 * np.pi * cycles * places)):
            return [np.float16(seen)]


def by_sine(cycles, side):  # at the limit, a sine is zero at every place
    values = np.sin(2 * np.pi * cycles * np.arange(side) / side)
    return int(abs(np.fft.rfft(values)).round(6).argmax())


def swapped(images):
    return ops.transpose(images, (0, 2, 1, 3))


def model_of(network, versions, combine=lambda results: sum(results) / len(results)):
    """A model of the network's results for versions: pairs of a turn and its inverse."""
    low_res = keras.Input((None, None, 1))
    return keras.Model(low_res, combine([back(network(turn(low_res))) for turn, back in versions]))


def flips(axes):
    """A flip and its inverse, which is the same."""
    flip = (lambda x: ops.flip(x, axes)) if axes else (lambda x: x)
    return flip, flip


FLIPS = [flips(axes) for axes in ((), (1,), (2,), (1, 2))]
EIGHT = FLIPS + [(lambda x, f=turn: f(swapped(x)), lambda x, b=back: swapped(b(x)))
                 for turn, back in FLIPS]


def rotations(network):
    low_res = keras.Input((None, None, 1))
    results = []
    for mirror in (False, True):
        for times in range(4):
            image = ops.flip(low_res, 2) if mirror else low_res
            for _ in range(times):
                image = ops.rot90(image, axes=(1, 2))
            image = network(image)
            for _ in range(times):
                image = ops.rot90(image, -1, axes=(1, 2))
            results.append(ops.flip(image, 2) if mirror else image)
    return keras.Model(low_res, keras.layers.Average()(results))


class OfClass(keras.Model):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, images):
        total = 0
        for turn, back in EIGHT:
            total = total + back(self.network(turn(images)))
        return total / 8


class Turns(keras.layers.Layer):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def call(self, images):
        return ops.mean([back(self.network(turn(images))) for turn, back in EIGHT], axis=0)


def of_layer(network):
    low_res = keras.Input((None, None, 1))
    return keras.Model(low_res, Turns(network)(low_res))


def wrong_order(network):
    versions = FLIPS + [(lambda x, f=turn: f(swapped(x)), lambda x, b=back: b(swapped(x)))
                        for turn, back in FLIPS]
    return model_of(network, versions)


def mean_of_photos(network):
    low_res = keras.Input((None, None, 1))
    return keras.Model(low_res, network(sum(turn(low_res) for turn, _ in EIGHT) / 8))


def without_weights(network):
    network.set_weights([0 * values for values in network.get_weights()])
    return model_of(network, EIGHT)


def in_one_batch(network):
    low_res = keras.Input((None, None, 1))

    def four(images):
        results = ops.split(network(ops.concatenate([turn(images) for turn, _ in FLIPS])), 4)
        return sum(back(result) for (_, back), result in zip(FLIPS, results, strict=True)) / 4

    return keras.Model(low_res, (four(low_res) + swapped(four(swapped(low_res)))) / 2)


def of_float16(network):
    low_res = keras.Input((None, None, 1), dtype="float16")
    return keras.Model(low_res, model_of(network, EIGHT)(ops.cast(low_res, "float32")))


def soft(cells=16):
    noise = np.random.default_rng(1).normal(size=(1, cells, cells, 1))
    return np.clip(128 + 50 * resize.resize(noise, (128, 128))[0], 0, 255)


def out_of_focus():
    photo = luma.luma(load_photos("test")["cat"])[100:228, 150:278, 0]
    return ndimage.gaussian_filter(photo.astype("float32"), 3)


def wave(period, slant=0.0):
    y, x = np.mgrid[:128, :128]
    return 127 + 100 * np.cos(2 * np.pi * (x + slant * y) / period)


def stripes():
    return (127 + 100 * np.sign(wave(3.4) - 127)).tolist()


def photo_part():
    return luma.luma(load_photos("test")["astronaut"])[60:188, 160:288]


RIGHT = {
    "07.1": {
        "the smaller rest": folded,
        "a loop of folds, a float": loop_of_folds,
        "by Fourier, an array": by_fourier,
        "the nearest multiple": nearest_multiple,
        "by the angle from place to place": by_phase,
        "by search, a list of float16": by_search,
        "a tensor": lambda cycles, side: ops.minimum(cycles % side, ops.mod(-cycles, side)),
    },
    "07.2": {
        "flips, then swapped": lambda network: model_of(network, EIGHT),
        "rotations": rotations,
        "a class": OfClass,
        "a layer inside": of_layer,
        "four photos in one batch": in_one_batch,
        "an input of float16": of_float16,
    },
    "07.3": {
        "a fine wave": lambda: wave(3.6),
        "stripes, as lists": stripes,
        "a slanted wave of 8 bits, with a channel": (
            lambda: wave(3.3 / 0.866, 0.5 / 0.866)[..., None].astype("uint8")),
        "an array instead of a function": wave(3.4),
        "a tensor": lambda: ops.convert_to_tensor(wave(3.6)),
        "a photo of Pillow": lambda: Image.fromarray(wave(3.6).astype("uint8")),
        "float16, as a batch of one": lambda: wave(3.5)[None, ..., None].astype("float16"),
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "07.1": {
        "sees them all": (lambda cycles, side: cycles, "at most"),
        "begins anew": (lambda cycles, side: cycles % (side // 2), "anew"),
        "stops at the limit": (lambda cycles, side: min(cycles, side // 2), "folded back"),
        "takes them for removed": (lambda c, side: c if c <= side // 2 else 0, "removed"),
        "forgets the half": (lambda cycles, side: cycles % side, "more than half"),
        "folds once": (lambda c, side: c if c <= side // 2 else abs(side - c), "several folds"),
        "folds always": (lambda cycles, side: abs(side - cycles), "need no fold"),
        "gives it a direction": (
            lambda c, side: (c + side // 2 - 1) % side - side // 2 + 1, "without their direction"),
        "samples a sine": (by_sine, "crest at the first place"),
        "goes to the nearest multiple": (
            lambda cycles, side: cycles - side * round(cycles / side), "without their direction"),
        "folds for one side": (lambda cycles, side: folded(cycles, 16), "100 cycles at 64"),
        "takes the larger rest": (lambda c, side: max(c % side, side - c % side), "you give 13"),
        "gives a pair": (lambda cycles, side: (cycles, side), "one number"),
        "forgets to return": (lambda cycles, side: None, "return"),
    },
    "07.2": {
        "returns the network": (lambda network: network, "own result"),
        "takes two versions": (lambda n: model_of(n, [FLIPS[0], FLIPS[2]]), "two versions"),
        "takes flips alone": (lambda n: model_of(n, FLIPS), "swapped axes are missing"),
        "forgets the photo itself": (lambda n: model_of(n, EIGHT[1:]), "photo itself"),
        "adds them": (lambda n: model_of(n, EIGHT, sum), "sum"),
        "does not turn back": (
            lambda n: model_of(n, [(turn, lambda x: x) for turn, _ in EIGHT]), "turned back"),
        "turns back in the wrong order": (wrong_order, "last step first"),
        "divides by four": (
            lambda n: model_of(n, EIGHT, lambda results: sum(results) / 4), "2 times the mean"),
        "counts the photo twice": (
            lambda n: model_of(n, EIGHT + EIGHT[:1]), "from 0.111 to 0.222"),
        "counts one version double": (lambda n: model_of(n, EIGHT + EIGHT[3:4]), "count the same"),
        "takes one version": (lambda n: model_of(n, EIGHT[3:4]), "only 1 of"),
        "turns some upside down": (lambda n: model_of(n, FLIPS[:2]), "upside down"),
        "takes the four quarter turns": (
            lambda n: model_of(n, [EIGHT[i] for i in (0, 3, 5, 6)]), "also mirrored are missing"),
        "takes four others": (lambda n: model_of(n, EIGHT[:2] + EIGHT[4:6]), "only 4 of"),
        "clips": (lambda n: model_of(n, EIGHT, lambda results: ops.clip(sum(results) / 8, 0, 1)),
                  "clipped"),
        "gives the mean of the photos to the network": (mean_of_photos, "mean of eight photos"),
        "changes the weights": (without_weights, "changes the weights"),
        "returns a function": (lambda n: functools.partial(n), "keras.Model"),
        "forgets to return": (lambda network: None, "return"),
    },
    "07.3": {
        "gives a sharp photo": (photo_part, "must be ahead"),
        "gives one out of focus": (out_of_focus, "must be ahead"),
        "gives soft spots": (soft, "must be ahead"),
        "gives a flat picture": (lambda: np.full((128, 128), 100.0), "is flat"),
        "gives zeros": (lambda: np.zeros((128, 128)), "all its values are the same"),
        "gives a coarse wave": (lambda: wave(20), "nobody sees"),
        "gives a batch": (lambda: np.stack([wave(3.6)] * 2), "shape"),
        "forgets to return": (lambda: None, "return"),
        "gives 0 to 1": (lambda: soft() / 255, "0 to 255"),
        "goes beyond 255": (lambda: 2 * soft(), "luma goes from"),
        "gives another size": (lambda: soft()[:64], "shape"),
        "gives colours": (lambda: np.repeat(soft(), 3, axis=2), "shape"),
        "divides zero by zero": (lambda: soft() * np.nan, "NaN"),
        "draws a chequer that the reduction removes": (
            lambda: 255.0 * (np.indices((128, 128)).sum(axis=0) % 2), "nearly flat"),
    },
}
