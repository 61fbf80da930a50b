"""Right answers and usual mistakes for the exercises of lesson 06."""

import functools
import math

import keras
import numpy as np
from keras import ops

from shared.models import papers, zoom_network
from shared.models.layers import Bicubic, PixelShuffle, conv


def field(chain):
    side, pixel = 1, 1
    for kernel, dilation, stride in chain:
        side += (kernel - 1) * dilation * pixel
        pixel *= stride
    return side


def backwards(chain):
    side = 1
    while chain:
        kernel, dilation, stride = chain.pop()
        side = (side - 1) * stride + (kernel - 1) * dilation + 1
    return side


def recursive(chain):
    if not chain:
        return 1.0
    kernel, dilation, stride = chain[0]
    return stride * (recursive(chain[1:]) - 1) + (kernel - 1) * dilation + 1


def first_and_last(chain):
    low = high = 0
    for kernel, dilation, stride in reversed(chain):
        low, high = stride * low, stride * high + (kernel - 1) * dilation
    return np.array([high - low + 1])


def late_stride(chain):
    side, pixel = 1, 1
    for kernel, dilation, stride in chain:
        pixel *= stride
        side += (kernel - 1) * dilation * pixel
    return side


def joined(together, chain):
    side, pixel = 1, 1
    for kernel, dilation, stride in chain:
        side += (kernel - 1) * together(dilation, pixel)
        pixel *= stride
    return side


def added_strides(chain):
    side, pixel = 1, 1
    for kernel, dilation, stride in chain:
        side += (kernel - 1) * dilation * pixel
        pixel += stride - 1
    return side


def last_stride(chain):
    strides = [1] + [stride for _, _, stride in chain]
    return 1 + sum((k - 1) * d * s for (k, d, _), s in zip(chain, strides, strict=False))


def by_cumulative_products(chain):
    kernels, dilations, strides = np.transpose(chain)
    pixels = np.cumprod([1, *strides[:-1]])
    return 1 + ((kernels - 1) * dilations * pixels).sum()


def by_weights(chain):
    """Which pixels of a line have a weight in one output pixel."""
    line = np.eye(400)
    for kernel, dilation, stride in chain:
        starts = range(0, len(line) - (kernel - 1) * dilation, stride)
        line = np.stack([line[start:start + (kernel - 1) * dilation + 1:dilation].sum(axis=0)
                         for start in starts])
    seen = np.flatnonzero(line[len(line) // 2])
    return seen[-1] - seen[0] + 1


def touched(chain):
    need = {0}
    for kernel, dilation, stride in reversed(chain):
        need = {stride * p + dilation * k for p in need for k in range(kernel)}
    return len(need)


def psnr_y(truth, image, border=2, grey=None):
    levels = ops.clip(ops.round(255 * image), 0, 255) if grey is None else grey(image)
    error = 255 * truth - levels
    if border:
        error = error[:, border:-border, border:-border]
    return 10 * ops.log10(255**2 / ops.mean(error**2, axis=(1, 2, 3)))


def in_fractions(truth, image):
    image = ops.round(ops.clip(image, 0.0, 1.0) * 255.0) / 255.0
    height, width = ops.shape(truth)[1:3]
    error = ops.square(truth - image)[:, 2:height - 2, 2:width - 2, 0]
    return -10.0 * ops.log(ops.mean(error, axis=[1, 2])) / math.log(10)


def cropped(truth, image):
    crop = keras.layers.Cropping2D(2, dtype="float32")
    levels = ops.cast(ops.cast(ops.clip(255 * image + 0.5, 0, 255.5), "int32"), "float32")
    mse = ops.mean(ops.reshape(ops.square(crop(255 * truth) - crop(levels)),
                               (ops.shape(truth)[0], -1)), axis=1)
    return 20 * ops.log10(255 / ops.sqrt(mse))


def one_at_a_time(truth, image):
    return ops.vectorized_map(lambda pair: psnr_y(pair[0][None], pair[1][None])[0],
                              (truth, image))


def by_flattening(truth, image):
    levels = ops.clip(ops.round(ops.cast(255 * image, "float64")), 0, 255)
    error = (255 * ops.cast(truth, "float64") - levels)[:, 2:-2, 2:-2]
    flat = ops.reshape(error, (ops.shape(error)[0], -1))
    return 10 * ops.log10(255**2 / keras.losses.mean_squared_error(flat, 0 * flat))


def masked(truth, image):
    rows, columns = (ops.arange(side) for side in ops.shape(truth)[1:3])
    inside = [ops.logical_and(line >= 2, line < ops.shape(line)[0] - 2) for line in (rows, columns)]
    mask = ops.cast(inside[0][:, None] & inside[1][None], "float32")[None, ..., None]
    error = mask * (255 * truth - ops.clip(ops.floor(255 * image + 0.5), 0, 255))
    mse = ops.sum(error**2, axis=(1, 2, 3)) / ops.sum(mask)
    return 10 * ops.log10(255**2 / mse)


class Callable:
    def __call__(self, y_true, y_pred):
        return psnr_y(y_true, y_pred)


def in_a_loop(truth, image):
    return ops.stack([psnr_y(truth[n:n + 1], image[n:n + 1])[0] for n in range(truth.shape[0])])


def mse(truth, image):
    return 255**2 / 10 ** (psnr_y(truth, image) / 10)


def a_column(truth, image):
    return psnr_y(truth, image)[:, None]


def in_numpy(truth, image):
    truth, image = np.array(truth), np.array(image)
    levels = np.clip(np.rint(255 * image), 0, 255)
    error = (255 * truth - levels)[:, 2:-2, 2:-2]
    return 10 * np.log10(255**2 / (error**2).mean(axis=(1, 2, 3)))


def luma_input():
    return keras.Input((None, None, 1))


def with_bicubic(low_res, detail):
    return keras.Model(low_res, keras.layers.Add()([Bicubic()(low_res), detail]))


def last(x):
    return PixelShuffle(2)(conv(4, kernel_initializer="zeros")(x))


def gelu_network():
    low_res = x = luma_input()
    for _ in range(4):
        x = conv(16, activation="gelu")(x)
    return with_bicubic(low_res, last(x))


def own_compiled():
    low_res = luma_input()
    x = keras.layers.Rescaling(1.0, offset=-0.5)(low_res)
    for _ in range(4):
        x = conv(16, activation="leaky_relu")(x)
    model = with_bicubic(low_res, last(x))
    model.compile(keras.optimizers.Adam(4e-3), loss="mse", jit_compile=False)
    return model


class OfClass(keras.Model):
    def __init__(self):
        super().__init__()
        self.body = [conv(14, activation="silu") for _ in range(5)]
        self.last = conv(4, kernel_initializer="zeros")
        self.enlarge, self.shuffle = Bicubic(), PixelShuffle(2)

    def call(self, low_res):
        x = low_res - 0.5
        for layer in self.body:
            x = layer(x)
        return self.enlarge(low_res) + self.shuffle(self.last(x))


def nearest_network():  # starts from repeated pixels, not from bicubic
    low_res = luma_input()
    x = keras.layers.Rescaling(1.0, offset=-0.5)(low_res)
    for _ in range(4):
        x = conv(16, activation="gelu")(x)
    repeated = keras.layers.UpSampling2D(2)(low_res)
    return keras.Model(low_res, keras.layers.Add()([repeated, last(x)]))


def separable():
    low_res = luma_input()
    x = conv(24)(low_res - 0.5)
    for _ in range(5):
        change = keras.layers.SeparableConv2D(24, 3, padding="same", activation="gelu")(x)
        x = keras.layers.Add()([x, change])
    return with_bicubic(low_res, last(x))


def recurrent():  # one convolution, applied four times
    low_res = luma_input()
    x = conv(24)(low_res)
    repeated = conv(24, activation="leaky_relu")
    for _ in range(4):
        x = keras.layers.Add()([x, repeated(x)])
    return with_bicubic(low_res, last(x))


def turned():
    low_res = luma_input()
    x = last(conv(8, activation="gelu")(low_res))
    return keras.Model(low_res, ops.transpose(x, (0, 2, 1, 3)))


def in_grey_levels():
    low_res = luma_input()
    x = last(conv(8, activation="gelu")(low_res))
    return keras.Model(low_res, 255 * keras.layers.Add()([Bicubic()(low_res), x]))


def all_zero():
    low_res = luma_input()
    x = conv(8, activation="relu", kernel_initializer="zeros")(low_res)
    return with_bicubic(low_res, last(x))


def without_skip():
    low_res = x = luma_input()
    for _ in range(4):
        x = conv(16, activation="relu")(x)
    return keras.Model(low_res, PixelShuffle(2)(conv(4)(x)))


def only_bicubic():
    low_res = luma_input()
    return keras.Model(low_res, Bicubic()(low_res))


def one_layer():
    low_res = luma_input()
    return with_bicubic(low_res, last(low_res))


def same_size():
    low_res = luma_input()
    return keras.Model(low_res, conv(1)(conv(8)(low_res)))


def of_one_size():
    low_res = keras.Input((24, 24, 1))
    return with_bicubic(low_res, last(conv(8, activation="gelu")(low_res)))


def too_fast():
    model = gelu_network()
    model.compile(keras.optimizers.Adam(1.0), loss="mae", jit_compile=False)
    return model


RIGHT = {
    "06.1": {
        "forwards": field,
        "backwards, emptying the list": backwards,
        "recursive, a float": recursive,
        "an array of one number": first_and_last,
        "cumulative products": by_cumulative_products,
        "by the weights of a line": by_weights,
        "a tensor": lambda chain: ops.convert_to_tensor(field(chain)),
    },
    "06.2": {
        "in grey levels": psnr_y,
        "in fractions": in_fractions,
        "Keras layers and whole numbers": cropped,
        "one image at a time": one_at_a_time,
        "a column": a_column,
        "flattened, float64": by_flattening,
        "masked": masked,
        "an object": Callable(),
    },
    "06.3": {
        "narrow zoom": lambda: zoom_network.zoom(8, 3),
        "gelu": gelu_network,
        "a compiled model": own_compiled,
        "a class": OfClass,
        "repeated pixels": nearest_network,
        "separable": separable,
        "recurrent": recurrent,
    },
}

# What the learner wrote, and a word of the message that must help.
MISTAKES = {
    "06.1": {
        "sees nothing at first": (lambda chain: field(chain) - 1, "itself"),
        "adds the kernels": (lambda chain: sum(k for k, _, _ in chain), "k - 1"),
        "adds k": (lambda chain: field([(k + 1, d, s) for k, d, s in chain]), "not k"),
        "leaves the dilation out": (
            lambda chain: field([(k, 1, s) for k, _, s in chain]), "apart"),
        "leaves the stride out": (
            lambda chain: field([(k, d, 1) for k, d, _ in chain]), "twice as far"),
        "takes the stride too early": (late_stride, "not for itself"),
        "adds dilation and stride": (
            functools.partial(joined, lambda d, p: d + p - 1), "multiply the two"),
        "takes the larger of the two": (functools.partial(joined, max), "multiply the two"),
        "counts pixels with a weight": (touched, "between them"),
        "reads the list backwards": (lambda chain: field(chain[::-1]), "before it"),
        "multiplies": (lambda chain: math.prod(k for k, _, _ in chain), "does not multiply"),
        "gives the area": (lambda chain: field(chain) ** 2, "area"),
        "adds strides": (added_strides, "strides multiply"),
        "takes the last stride": (last_stride, "last one alone"),
        "counts the middle twice": (lambda chain: field(chain) + 1, "once, not twice"),
        "sees one side": (lambda chain: (field(chain) - 1) // 2, "one side"),
        "counts k times d": (
            lambda chain: field([(k * d, 1, s) for k, d, s in chain]), "not k * d"),
        "adds a gap": (
            lambda chain: field([(k, d + 1, s) for k, d, s in chain]), "without gaps"),
        "multiplies by all strides": (
            lambda chain: field([(k, d, 1) for k, d, _ in chain])
            * math.prod(s for _, _, s in chain), "before it"),
        "gives words": (lambda chain: str(field(chain)), "expected numbers"),
        "knows vdsr": (lambda chain: 41, "one pixel sees"),
        "gives a pair": (lambda chain: (field(chain),) * 2, "one number"),
        "forgets to return": (lambda chain: None, "return"),
    },
    "06.2": {
        "does not round": (
            functools.partial(psnr_y, grey=lambda i: ops.clip(255 * i, 0, 255)), "its values."),
        "does not clip": (functools.partial(psnr_y, grey=lambda i: ops.round(255 * i)), "clip"),
        "does neither": (functools.partial(psnr_y, grey=lambda i: 255 * i), "and clip"),
        "keeps the border": (functools.partial(psnr_y, border=0), "the border of 2 pixels"),
        "leaves out one pixel": (functools.partial(psnr_y, border=1), "not 1"),
        "leaves out rows alone": (
            lambda t, i: psnr_y(t[:, 2:-2], i[:, 2:-2], border=0), "four sides"),
        "takes one mean for the batch": (lambda t, i: ops.mean(psnr_y(t, i)), "each image"),
        "uses the natural logarithm": (lambda t, i: psnr_y(t, i) * math.log(10), "base 10"),
        "turns the sign": (lambda t, i: -psnr_y(t, i), "sign"),
        "mixes two units": (
            lambda t, i: psnr_y(t, i) - 20 * math.log10(255), "one unit"),
        "uses NumPy": (in_numpy, "keras.ops"),
        "loops over the images": (in_a_loop, "loop over the images"),
        "cuts off": (
            functools.partial(psnr_y, grey=lambda i: ops.clip(ops.floor(255 * i), 0, 255)),
            "nearest"),
        "leaves out the start alone": (
            lambda t, i: psnr_y(t[:, 2:, 2:], i[:, 2:, 2:], border=0), "four sides"),
        "repeats the mean of the batch": (
            lambda t, i: 0 * psnr_y(t, i) + ops.mean(psnr_y(t, i)), "over the batch"),
        "forgets the square of the peak": (
            lambda t, i: psnr_y(t, i) - 10 * math.log10(255), "squared"),
        "divides by the root": (lambda t, i: psnr_y(t, i) / 2, "square is missing"),
        "gives the squared error": (mse, "turn it into dB"),
        "knows three images": (lambda t, i: psnr_y(t, i)[:3], "shape"),
        "returns the images": (lambda t, i: i, "shape"),
    },
    "06.3": {
        "starts from noise": (without_skip, "start from bicubic"),
        "gives a shipped network": (papers.srcnn, "57,281 parameters"),
        "has nothing to train": (only_bicubic, "no weights"),
        "learns too little": (one_layer, "reach 0.8 dB"),
        "does not enlarge": (same_size, "expected (2, 48, 32, 1)"),
        "turns the photo": (turned, "expected (2, 48, 32, 1)"),
        "gives grey levels": (in_grey_levels, "in [0, 1]"),
        "has dead channels": (all_zero, "may all be zero"),
        "takes one size only": (of_one_size, "stopped with"),
        "forgets to return": (lambda: None, "return"),
        "gives a layer": (Bicubic, "keras.Model"),
        "learns too fast": (too_fast, "rate may be too large"),
    },
}
