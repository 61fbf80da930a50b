"""Right answers and usual mistakes for the exercises of lesson 02."""

import functools

import keras
import numpy as np
from keras import ops

from shared import runtime, weights
from shared.data import datasets
from shared.images.degrade import block_mean, project
from shared.images.resize import upscale
from shared.measures import spectrum
from shared.models import upscalers


def counted(width, scale):
    network = upscalers.residual_network(scale=scale, width=width, blocks=1)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    for layer in convolutions[:-1]:
        layer.trainable = False
    return sum(np.prod(weight.shape) for weight in network.trainable_weights)


def in_a_loop(width, scale):
    total = 0
    for _ in range(scale * scale):
        total += 9 * width + 1
    return total


def fineness(side):
    cycles = np.fft.fftfreq(side, 1 / side)
    return np.hypot(cycles[:, None], cycles)


class Base(keras.metrics.Metric):
    """Two sums over all images; what kind of power goes into them says each class below."""

    def __init__(self, cycles=3.5, name="brought_back"):
        super().__init__(name=name)
        self.cycles = cycles
        self.true_power = self.add_weight(name="true_power", initializer="zeros")
        self.error_power = self.add_weight(name="error_power", initializer="zeros")

    def mask(self, side):
        return fineness(side) > self.cycles

    def power(self, images):
        images = images[..., 0]
        real, imaginary = ops.fft2((images, ops.zeros_like(images)))
        return ops.sum((real**2 + imaginary**2) * ops.cast(self.mask(images.shape[-1]), "float32"))

    def update_state(self, truth, image, sample_weight=None):
        self.true_power.assign_add(self.power(truth))
        self.error_power.assign_add(self.power(truth - image))

    def result(self):
        return 1 - self.error_power / self.true_power


class Rounded(Base):
    def mask(self, side):
        return np.rint(fineness(side)).astype(int) >= int(self.cycles) + 1


class Matrices(Base):
    """The waves as products with cosines and sines, without a transform of Keras."""

    def power(self, images):
        images = ops.cast(images[..., 0], "float32")
        side = images.shape[-1]
        angle = 2 * np.pi * np.outer(np.arange(side), np.arange(side)) / side
        c, s = (ops.convert_to_tensor(f(angle).astype("float32")) for f in (np.cos, np.sin))
        real = ops.matmul(ops.matmul(c, images), c) - ops.matmul(ops.matmul(s, images), s)
        imaginary = ops.matmul(ops.matmul(c, images), s) + ops.matmul(ops.matmul(s, images), c)
        mask = ops.cast(self.mask(side), "float32")
        return ops.sum((ops.square(real) + ops.square(imaginary)) * mask) / side**4


class HighPass(Base):
    """By Parseval: the mean square of what is left without the coarse waves."""

    def power(self, images):
        images = images[..., 0]
        mask = ops.cast(self.mask(images.shape[-1]), "float32")
        real, imaginary = ops.fft2((images, 0 * images))
        fine, _ = ops.ifft2((real * mask, imaginary * mask))
        return ops.sum(ops.mean(ops.square(fine), axis=(1, 2)))


class Nested(keras.metrics.Metric):
    """Keeps its sums in two metrics of Keras; also subtracts the mean, which changes nothing."""

    def __init__(self, cycles=3.5, name="brought_back"):
        super().__init__(name=name)
        self.cycles = cycles
        self.truth, self.error = keras.metrics.Sum(), keras.metrics.Sum()

    def update_state(self, truth, image, sample_weight=None):
        for total, images in ((self.truth, truth), (self.error, image - truth)):
            images = images[..., 0] - ops.mean(images[..., 0], axis=(1, 2), keepdims=True)
            real, imaginary = ops.fft2((images, ops.zeros_like(images)))
            mask = ops.convert_to_tensor((fineness(images.shape[1]) > self.cycles) * 1.0, "float32")
            total.update_state(mask * (real * real + imaginary * imaginary))

    def result(self):
        return (self.truth.result() - self.error.result()) / self.truth.result()


class OneByOne(Base):
    def update_state(self, truth, image, sample_weight=None):
        for n in range(truth.shape[0] or 0):
            super().update_state(truth[n:n + 1], image[n:n + 1])
        if truth.shape[0] is None:
            super().update_state(truth, image)


class FractionLost(Base):
    def result(self):
        return self.error_power / self.true_power


class MeanOfBatches(Base):
    def __init__(self, cycles=3.5, name="brought_back"):
        super().__init__(cycles, name)
        self.batches = self.add_weight(name="batches", initializer="zeros")
        self.total = self.add_weight(name="total", initializer="zeros")

    def update_state(self, truth, image, sample_weight=None):
        self.batches.assign_add(1)
        self.total.assign_add(1 - self.power(truth - image) / self.power(truth))

    def result(self):
        return self.total / self.batches


class MeanOfImages(Base):
    def update_state(self, truth, image, sample_weight=None):
        for n in range(truth.shape[0]):
            part = self.power(truth[n:n + 1] - image[n:n + 1]) / self.power(truth[n:n + 1])
            self.error_power.assign_add(part)
            self.true_power.assign_add(1)


class LastBatch(Base):
    def update_state(self, truth, image, sample_weight=None):
        self.true_power.assign(self.power(truth))
        self.error_power.assign(self.power(truth - image))


class PowerOfTheImage(Base):
    def update_state(self, truth, image, sample_weight=None):
        super().update_state(truth, truth - image)

    def result(self):
        return self.error_power / self.true_power


class Amplitudes(Base):
    def power(self, images):
        images = images[..., 0]
        real, imaginary = ops.fft2((images, ops.zeros_like(images)))
        mask = ops.cast(self.mask(images.shape[-1]), "float32")
        return ops.sum(ops.sqrt(real**2 + imaginary**2) * mask)


class OneSided(Base):
    def mask(self, side):
        return np.hypot(np.arange(side)[:, None], np.arange(side)) > self.cycles


class CoarseWaves(Base):
    def mask(self, side):
        return (fineness(side) <= self.cycles) & (fineness(side) > 0)


class AllWaves(Base):
    def mask(self, side):
        return fineness(side) > 0


class CyclesIgnored(Base):
    def mask(self, side):
        return fineness(side) > 3.5


class SideFixed(Base):
    def mask(self, side):
        return fineness(28) > self.cycles


class ChannelKept(Base):
    def power(self, images):
        real, imaginary = ops.fft2((images, ops.zeros_like(images)))
        mask = ops.cast(self.mask(28)[..., None], "float32")
        return ops.sum((real**2 + imaginary**2) * mask)


class FirstImages(Base):
    def update_state(self, truth, image, sample_weight=None):
        super().update_state(truth[:1], image[:1])


class MeanPower(Base):
    def update_state(self, truth, image, sample_weight=None):
        count = ops.cast(ops.shape(truth)[0], "float32")
        self.true_power.assign_add(self.power(truth) / count)
        self.error_power.assign_add(self.power(truth - image) / count)


class DividedByImage(Base):
    def update_state(self, truth, image, sample_weight=None):
        super().update_state(image, truth)


class UpsideDown(Base):
    def result(self):
        return 1 - self.true_power / self.error_power


class Percent(Base):
    def result(self):
        return 100 * super().result()


class NeverBelowZero(Base):
    def result(self):
        return ops.maximum(super().result(), 0.0)


class RealPart(Base):
    def power(self, images):
        images = images[..., 0]
        real, _ = ops.fft2((images, ops.zeros_like(images)))
        return ops.sum(ops.square(real) * ops.cast(self.mask(images.shape[-1]), "float32"))


class MeanIncluded(Base):
    def mask(self, side):
        return fineness(side) >= 0


class LargerOfTwo(Base):
    def mask(self, side):
        cycles = np.abs(np.fft.fftfreq(side, 1 / side))
        return np.maximum(cycles[:, None], cycles) > self.cycles


class FromTheNextWhole(Base):
    def mask(self, side):
        return fineness(side) >= np.ceil(self.cycles)


class ArrayOfOne(Base):
    def result(self):
        return ops.reshape(super().result(), (1,))


class HalfSpectrum(Base):
    """The transform of real images, whose left half counts twice."""

    def power(self, images):
        side = images.shape[1]
        real, imaginary = ops.rfft(images[..., 0])
        real, imaginary = ops.fft((ops.swapaxes(real, 1, 2), ops.swapaxes(imaginary, 1, 2)))
        across = np.arange(side // 2 + 1)[:, None]
        twice = 2.0 - ((across == 0) | (2 * across == side))
        fine = np.hypot(across, np.fft.fftfreq(side, 1 / side)) > self.cycles
        return ops.sum((real**2 + imaginary**2) * ops.cast(twice * fine, "float32"))


class NoReset(Base):
    def reset_state(self):
        pass


class PlainNumbers(Base):
    """Python numbers: a graph does not see them change, and reset_state does not know them."""

    def __init__(self, cycles=3.5, name="brought_back"):
        super().__init__(cycles, name)
        self.a, self.b = 0.0, 0.0

    def update_state(self, truth, image, sample_weight=None):
        self.a, self.b = self.a + self.power(truth), self.b + self.power(truth - image)

    def result(self):
        return 1 - self.b / self.a


class InNumPy(Base):
    def power(self, images):
        return spectrum.radial_power(np.array(images))[:, int(self.cycles) + 1:].sum()


class NoReturn(Base):
    def result(self):
        self.error_power / self.true_power


class ForgetsTheMask(keras.metrics.MeanSquaredError):
    def __init__(self, cycles=3.5):
        super().__init__()


def blend(y, digits, part=0.3):
    return part * digits + (1 - part) * upscale(y, 4, "lanczos")


def one_by_one(y, digits):
    return [blend(y[n:n + 1], digits[n:n + 1])[0].tolist() for n in range(len(y))]


@functools.cache
def training_data():
    truth = datasets.fashion_mnist().x_train[:2000]
    low_res = block_mean(truth)
    output = np.clip(runtime.predict(weights.load_or_train("baseline"), low_res), 0, 1)
    return truth, low_res, project(output, low_res)


def by_ring(y, digits):
    """Each ring of the two images with weights of its own, by least squares on training data."""
    truth, low_res, output = training_data()
    ring = spectrum.rings(28)

    def waves(images):
        return np.fft.fft2(images[..., 0])

    inputs = [waves(output), waves(upscale(low_res, 4, "lanczos"))]
    result = np.zeros((len(y), 28, 28), complex)
    new = [waves(digits), waves(upscale(y, 4, "lanczos"))]
    for k in range(ring.max() + 1):
        columns = np.stack([w[:, ring == k].ravel() for w in inputs], axis=1)
        wanted = waves(truth)[:, ring == k].ravel()
        gains = np.linalg.lstsq(columns, wanted, rcond=None)[0].real
        result[:, ring == k] = sum(g * w[:, ring == k] for g, w in zip(gains, new, strict=True))
    return np.fft.ifft2(result).real[..., None]


def neighbours(y, digits):
    truth, low_res, _ = training_data()
    keys, vectors = low_res.reshape(-1, 49), y.reshape(-1, 49)
    distances = (keys**2).sum(1) - 2 * vectors @ keys.T
    return truth[np.argpartition(distances, 8, axis=1)[:, :8]].mean(axis=1)


def lookup(y, digits):
    test = datasets.fashion_mnist().x_test
    keys = {image.tobytes(): n for n, image in enumerate(block_mean(test))}
    return test[[keys[image.tobytes()] for image in y]]


RIGHT = {
    "02.1": {
        "a formula": lambda width, scale: 9 * width * scale**2 + scale**2,
        "counted in a network": counted,
        "a loop over filters": in_a_loop,
        "a tensor": lambda width, scale: ops.convert_to_tensor(scale**2 * (9 * width + 1)),
        "an array of one number": lambda width, scale: np.array([scale**2 * (9.0 * width + 1)]),
    },
    "02.2": {
        "a transform": Base,
        "rounded rings": Rounded,
        "matrices": Matrices,
        "a high-pass filter": HighPass,
        "metrics in a metric": Nested,
        "one image at a time": OneByOne,
        "half of the spectrum": HalfSpectrum,
        "an array of one number": ArrayOfOne,
        "a metric itself": Base(),
        "a function that makes it": lambda cycles=3.5: Base(cycles),
    },
    "02.3": {
        "a weighted mean": blend,
        "half of each": functools.partial(blend, part=0.5),
        "lists, one image at a time": one_by_one,
        "a tensor": lambda y, d: ops.convert_to_tensor(blend(y, d)),
        "weights for each ring": by_ring,
        "similar training images": neighbours,
        "in place": lambda y, d: np.add(0.3 * d, 0.7 * upscale(y, 4), out=d),
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "02.1": {
        "forgets the biases": (lambda w, s: 9 * w * s**2, "biases"),
        "forgets the kernel": (lambda w, s: w * s**2 + s**2, "3x3"),
        "takes one filter": (lambda w, s: 9 * w + 1, "more filters"),
        "takes scale filters": (lambda w, s: 9 * w * s + s, "scale x scale"),
        "takes width filters": (lambda w, s: 9 * w * w + w, "not `width`"),
        "takes width biases": (lambda w, s: 9 * w * s**2 + w, "one bias"),
        "gives the number of the table": (lambda w, s: 9232, "whatever"),
        "counts the whole network": (
            lambda w, s: upscalers.residual_network(s, w).count_params(), "all parameters"),
        "counts the frozen ones": (lambda w, s: 10 * w + 9 * (9 * w**2 + w), "are frozen"),
        "takes a kernel of 3": (lambda w, s: 3 * w * s**2 + s**2, "3x3"),
        "forgets to return": (lambda w, s: None, "return"),
        "gives NaN": (lambda w, s: float("nan"), "NaN"),
    },
    "02.2": {
        "gives what is lost": (FractionLost, "subtract"),
        "takes the mean over batches": (MeanOfBatches, "per batch"),
        "takes the mean over images": (MeanOfImages, "per image"),
        "keeps the last batch": (LastBatch, "last batch"),
        "takes the power of the image": (PowerOfTheImage, "*error*"),
        "adds amplitudes": (Amplitudes, "squares"),
        "counts frequencies from 0": (OneSided, "negative"),
        "takes the coarse waves": (CoarseWaves, "finer"),
        "takes all waves": (AllWaves, "leave out"),
        "ignores cycles": (CyclesIgnored, "`cycles` is ignored"),
        "is made for 28x28": (SideFixed, "20x20"),
        "transforms the channel": (ChannelKept, "last two axes"),
        "takes the first image of a batch": (FirstImages, "first image"),
        "takes the mean power of a batch": (MeanPower, "differ in size"),
        "divides by the image": (DividedByImage, "of the truth, and not"),
        "divides the wrong way round": (UpsideDown, "other way round"),
        "gives percent": (Percent, "percent"),
        "clips at 0": (NeverBelowZero, "below 0"),
        "squares the real part alone": (RealPart, "imaginary"),
        "takes all waves and the mean": (MeanIncluded, "leave out"),
        "takes the larger of the two cycles": (LargerOfTwo, "length of the pair"),
        "leaves out waves between 3.5 and 4": (FromTheNextWhole, "after one batch it gives"),
        "is never reset": (NoReset, "reset_state"),
        "keeps Python numbers": (PlainNumbers, "add_weight"),
        "uses NumPy": (InNumPy, "keras.ops"),
        "forgets to return": (NoReturn, "return"),
        "is another metric": (ForgetsTheMask, "expected"),
        "is a function": (lambda truth=0, image=0: 1.0, "keras.metrics.Metric"),
        "is a function of two": (lambda truth, image: 1.0, "'truth' and 'image'"),
    },
    "02.3": {
        "takes Lanczos alone": (lambda y, d: upscale(y, 4, "lanczos"), "0.2 dB better"),
        "takes the digits network alone": (lambda y, d: d, "0.2 dB better"),
        "takes mostly the digits network": (lambda y, d: blend(y, d, 0.8), "0.2 dB better"),
        "drops the channel axis": (lambda y, d: blend(y, d)[..., 0], "shape"),
        "gives the low resolution": (lambda y, d: y, "shape"),
        "divides zero by zero": (lambda y, d: d * np.nan, "NaN"),
        "returns test images": (
            lambda y, d: datasets.fashion_mnist().x_test[:len(y)], "0.2 dB better"),
        "looks the clothes up": (lookup, "looking up"),
        "asks the clothes network": (
            lambda y, d: runtime.predict(weights.load_or_train("fashion"), y), "without it"),
    },
}
