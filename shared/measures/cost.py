"""What a network costs and how far it sees, read from its layers. Introduced in lesson 06.

For fully convolutional ``keras.Model``s with one input, made of the layers of this course.
"""

import math

import keras
from keras import layers

from shared.models.layers import Bicubic, CropLike, PixelShuffle

SIZE_PRESERVING = (
    layers.InputLayer, layers.Identity, layers.Rescaling, layers.Add, layers.Concatenate,
    layers.ReLU, layers.LeakyReLU, layers.Activation, layers.BatchNormalization)
# Rows far from the border, at every position within a block of 64.
OUTPUT_ROWS = range(4096, 4096 + 64)


def receptive_field(model):
    """Side, in pixels, of the square that one output pixel is computed from.

    It is counted as in papers, on the grid that the first convolution sees: in pixels of the
    bicubic enlargement for ``srcnn``, ``vdsr`` and ``ircnn``, and of the photo itself for ``unet``
    and ``zoom``. If output pixels see squares of different sizes, it is the side of the largest.
    Raises ValueError for layers that the course does not use in such networks.
    """
    first = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
    needed = [_needed_rows(model, row)[id(first.input)] for row in OUTPUT_ROWS]
    return max(last - first_row + 1 for first_row, last in needed)


def reach(model):
    """How far away from an output pixel, in input pixels, the pixels are that it depends on.

    If a part of a photo is cut out with that many pixels around it, the network returns the same
    for this part as for the whole photo.
    """
    scale = _scale(model)
    distances = []
    for row in OUTPUT_ROWS:
        first, last = _needed_rows(model, row)[id(model.input)]
        distances += [row // scale - first, last - row // scale]
    return max(distances)


def macs(model, height, width):
    """Multiply-accumulate operations for one output image of ``height`` x ``width`` pixels.

    As in papers, only convolutions count, not normalisation or the bicubic layer.
    """
    scale = _scale(model)
    total = 0
    for layer, (images, *size, _) in _output_shapes(model, height // scale, width // scale):
        if isinstance(layer, layers.Conv2D):
            total += images * math.prod(size) * math.prod(layer.kernel.shape)
    return total


def _scale(model):
    *_, (_, (_, rows, _, _)) = _output_shapes(model, 64, 64)
    return rows // 64


def _output_shapes(model, height, width):
    """Each layer with the shape of its output for one input of height x width, in order."""
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


def _needed_rows(model, row):
    """For each tensor of the model, the first and last row that output row ``row`` depends on.

    A dict from ``id(tensor)``, filled from the last layer back to the first.
    """
    needed = {id(model.output): (row, row)}
    for layer in reversed(model.layers):
        if id(layer.output) not in needed or isinstance(layer, layers.InputLayer):
            continue
        first, last = _input_rows(layer, *needed[id(layer.output)])
        tensors = keras.tree.flatten(layer.input)
        for tensor in tensors[:1] if isinstance(layer, CropLike) else tensors:
            other_first, other_last = needed.get(id(tensor), (first, last))
            needed[id(tensor)] = min(first, other_first), max(last, other_last)
    return needed


def _input_rows(layer, first, last):
    """The first and last input row from which a layer computes its rows first to last."""
    if isinstance(layer, layers.Conv2D):
        stride, around = layer.strides[0], layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
        # With an odd kernel, the padding of a stride of 2 depends on the size of the image.
        if layer.padding != "same" or stride > 2 or stride == 2 and around % 2 == 0:
            raise ValueError(f"{layer.name}: only convolutions with padding \"same\" and a stride "
                             f"of 1, or 2 with an even kernel, are supported")
        before = (around + 1 - stride) // 2
        return stride * first - before, stride * last - before + around
    if isinstance(layer, Bicubic):  # four pixels: two before the centre of the new one, two after
        first, last = ((2 * row - layer.scale + 1) // (2 * layer.scale) for row in (first, last))
        return first - 1, last + 2
    if isinstance(layer, PixelShuffle):
        return first // layer.scale, last // layer.scale
    if isinstance(layer, (*SIZE_PRESERVING, CropLike)):
        return first, last
    raise ValueError(f"{layer.name}: layers of type {type(layer).__name__} are not supported")
