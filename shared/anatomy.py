"""What a network costs and how far it sees, read from its layers.

For fully convolutional ``keras.Model``s with one input, of the layers that this course uses.
"""

import math
import time

import keras
from keras import layers

from shared.models import PixelShuffle
from shared.photo_models import Bicubic, BothWays, CropLike, MeanOfWays

SAME = (layers.InputLayer, layers.Identity, layers.Rescaling, layers.Add, layers.Concatenate,
        layers.ReLU, layers.LeakyReLU, layers.Activation, layers.BatchNormalization,
        BothWays, MeanOfWays)  # upside down, a network sees as far as upright
GROWING = (PixelShuffle, layers.UpSampling2D, Bicubic)


def receptive_field(model):
    """Side, in pixels, of the square that one output pixel is computed from.

    Counted as papers do, on the grid that the first convolution sees: pixels of the bicubic
    enlargement for ``srcnn``, ``vdsr`` and ``ircnn``, of the photo itself for ``unet`` and
    ``zoom``. Where output pixels see squares of different size, that of the largest.
    """
    first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
    seen = [_seen(model, place)[id(first.input)] for place in PLACES]
    return max(high - low + 1 for low, high in seen)


def reach(model):
    """How many pixels beyond its own an output pixel looks, in pixels of the input.

    A part of a photo that is cut out with so many pixels around it is answered as if the
    network had seen the whole photo.
    """
    scale = _scale(model)
    seen = [_seen(model, place)[id(model.input)] for place in PLACES]
    return max(max(place // scale - low, high - place // scale)
               for place, (low, high) in zip(PLACES, seen, strict=True))


def macs(model, height, width):
    """Multiplications (each with an addition) to give one image of ``height`` x ``width``.

    Those of convolutions, as papers count; normalisation and the bicubic layer are left out.
    """
    scale = _scale(model)
    total = 0
    for layer, (looks, *size, _) in _shapes(model, height // scale, width // scale):
        if isinstance(layer, layers.Conv2D):
            total += looks * math.prod(size) * math.prod(layer.kernel.shape)
    return total


def timed(repeats, *functions):
    """Seconds of each function in each of ``repeats`` turns: a list of tuples.

    Each is called once before, for what is done only once (graphs, memory).
    """
    def seconds(function):
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return [tuple(map(seconds, functions)) for _ in range(repeats + 1)][1:]


PLACES = range(4096, 4096 + 64)  # far from the border, at every place of a block of 64


def _scale(model):
    *_, (_, (_, rows, _, _)) = _shapes(model, 64, 64)
    return rows // 64


def _shapes(model, height, width):
    """Each layer with the shape of what it gives to one input of height x width, in order."""
    shapes, result = {}, []
    for layer in model.layers:
        if isinstance(layer, layers.InputLayer):
            shape = (1, height, width, layer.output.shape[3])
        else:
            shape = layer.compute_output_shape(
                keras.tree.map_structure(lambda tensor: shapes[id(tensor)], layer.input))
        shapes[id(layer.output)] = tuple(shape)
        result.append((layer, tuple(shape)))
    return result


def _seen(model, place):
    """For each tensor of the model, the first and last row that output row ``place`` needs.

    A dict from ``id(tensor)``, found from the last layer back to the first.
    """
    seen = {id(model.output): (place, place)}
    for layer in reversed(model.layers):
        if id(layer.output) not in seen or isinstance(layer, layers.InputLayer):
            continue
        low, high = _needs(layer, *seen[id(layer.output)])
        tensors = keras.tree.flatten(layer.input)
        for tensor in tensors[:1] if isinstance(layer, CropLike) else tensors:
            old_low, old_high = seen.get(id(tensor), (low, high))
            seen[id(tensor)] = min(low, old_low), max(high, old_high)
    return seen


def _needs(layer, low, high):
    """The input rows, first and last, from which a layer computes its rows low to high."""
    if isinstance(layer, layers.Conv2D):
        if layer.strides != (1, 1) or layer.padding != "same":
            raise ValueError(f"{layer.name}: only convolutions that keep the size are known")
        around = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
        return low - around // 2, high + (around + 1) // 2
    if isinstance(layer, Bicubic):  # four pixels: two before a new one's centre, two after
        low, high = ((2 * row - layer.scale + 1) // (2 * layer.scale) for row in (low, high))
        return low - 1, high + 2
    if isinstance(layer, GROWING):
        scale = layer.scale if isinstance(layer, PixelShuffle) else layer.size[0]
        return low // scale, high // scale
    if isinstance(layer, layers.MaxPooling2D):
        return low * layer.pool_size[0], (high + 1) * layer.pool_size[0] - 1
    if isinstance(layer, layers.ZeroPadding2D):
        return low - layer.padding[0][0], high - layer.padding[0][0]
    if isinstance(layer, (*SAME, CropLike)):
        return low, high
    raise ValueError(f"{layer.name} is a {type(layer).__name__}: how far it sees is not known here")
