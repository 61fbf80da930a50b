"""The layers of the course. Saved networks refer to them by name; they run on every backend.

Lesson 01 introduces ``conv`` and ``PixelShuffle``, lesson 05 ``Consistent``, lesson 06 the
layers for photographs, lesson 07 ``TurnedConv2D``. The two layers of lesson 08 are in
``models.flow``.
"""

import functools

import keras
import numpy as np
from keras import layers, ops

from shared.images import resize
from shared.images.degrade import project_blocks
from shared.images.turns import turned

SCALE = 2  # of the networks for photographs


def conv(filters, kernel_size=3, **options):
    """A convolution that keeps height and width, as long as its stride is 1.

    ``options`` are those of ``keras.layers.Conv2D``.
    """
    return layers.Conv2D(filters, kernel_size, padding="same", **options)


class Float32Layer(layers.Layer):
    """A layer that computes in float32, also in networks of mixed precision."""

    def __init__(self, **options):
        super().__init__(**(options | {"dtype": "float32"}))


@keras.saving.register_keras_serializable(package="zoom_enhance")
class PixelShuffle(layers.Layer):
    """Moves channels into space: (n, h, w, c * scale^2) becomes (n, h * scale, w * scale, c).

    The sub-pixel shuffle of Shi et al. (2016), which Keras has as
    ``keras.ops.depth_to_space``. Raises ValueError if scale^2 does not divide the channels.
    """

    def __init__(self, scale, **options):
        super().__init__(**options)
        self.scale = scale

    def call(self, x):
        return ops.depth_to_space(x, self.scale, data_format="channels_last")

    def compute_output_shape(self, shape):
        n, height, width, channels = shape
        if channels % self.scale**2:
            raise ValueError(f"{channels} channels do not fill blocks of "
                             f"{self.scale}x{self.scale}")
        return (n, height and height * self.scale, width and width * self.scale,
                channels // self.scale**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class Consistent(Float32Layer):
    """The exact projection of ``degrade.project`` as a layer, called with [image, low_res].

    Its output is in [0, 1], and the means of its blocks of ``scale`` x ``scale`` pixels are
    exactly ``low_res``. It has no weights and computes in float32.
    """

    def __init__(self, scale, **options):
        super().__init__(**options)
        self.scale = scale

    def call(self, inputs):
        image, low_res = inputs
        return project_blocks(image, low_res, self.scale)

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class Bicubic(Float32Layer):
    """``resize.bicubic`` as a layer. It has no weights and computes in float32."""

    def __init__(self, scale=SCALE, **options):
        super().__init__(**options)
        self.scale = scale

    def call(self, images):
        return resize.bicubic(images, self.scale)

    def compute_output_shape(self, shape):
        n, height, width, channels = shape
        return (n, height and height * self.scale, width and width * self.scale, channels)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class CropLike(layers.Layer):
    """The top left part of ``x`` with the height and width of ``like``; called with [x, like]."""

    def call(self, inputs):
        x, like = inputs
        height, width = ops.shape(like)[1:3]
        return x[:, :height, :width]

    def compute_output_shape(self, shapes):
        x, like = shapes
        return (x[0], like[1], like[2], x[3])


@keras.saving.register_keras_serializable(package="zoom_enhance")
class TurnedConv2D(layers.Conv2D):
    """A convolution that is equivariant to flips and rotations (Cohen and Welling 2016).

    Its output for a turned image is its output for the image, turned. A square has eight
    symmetries: four rotations, each with and without a flip. The channels stand in eight
    groups, one for each symmetry. All groups share one kernel, and each group uses it turned by
    its own symmetry. So an edge learned in one direction is known in all eight, and only an
    eighth of the weights is free. The layer has as many weights as ``Conv2D`` and uses their mean
    over the turns.

    It takes one channel, which is the image, or the eight groups of another such layer.

    Args:
        filters: channels of the output: a multiple of 8, or the ``SCALE``^2 pixels that
            ``PixelShuffle`` puts in place.
        kernel_size: height and width of the kernel, one number.

    Raises ValueError for any other number of channels.
    """

    def build(self, input_shape):
        for channels, exception in ((input_shape[-1], 1), (self.filters, SCALE**2)):
            if channels % 8 and channels != exception:
                raise ValueError(f"{channels} channels do not form eight groups: use "
                                 f"{exception}, or a multiple of 8")
        super().build(input_shape)
        # The mean of eight numbers varies less than each of them: give it the variance of Conv2D.
        self.kernel.assign(8**0.5 * mean_of_turns(self.kernel))

    def call(self, inputs):
        output = self.convolution_op(inputs, mean_of_turns(self.kernel))
        if self.use_bias:
            output = output + mean_of_turns(self.bias)
        return self.activation(output)


def mean_of_turns(weights):
    """The mean over the eight turns of a kernel (height, width, in, out) or a bias (out,)."""
    for turn in (1, 2, 4):  # the other turns are products of these
        indices = _turned_indices(tuple(weights.shape), turn)
        weights = (weights + ops.take(ops.reshape(weights, (-1,)), indices)) / 2
    return weights


@functools.cache
def _turned_indices(shape, turn):
    """Where the weights for the turned image lie in the flat array: integers of ``shape``."""
    indices = np.arange(np.prod(shape)).reshape(shape)[..., _turned_channels(shape[-1], turn)]
    if len(shape) != 4:
        return indices
    return turned(indices, turn)[:, :, _turned_channels(shape[2], turn)]


def _turned_channels(channels, turn):
    """Which channel takes the place of which when the image is turned by 1, 2 or 4: (channels,)."""
    if channels == 1:
        return np.zeros(1, int)
    corners = np.arange(SCALE**2).reshape(SCALE, SCALE)
    if channels == SCALE**2:
        return turned(corners, turn).ravel()
    groups = [turned(corners, group).tolist() for group in range(8)]
    order = [groups.index(turned(np.array(group), turn).tolist()) for group in groups]
    return np.arange(channels).reshape(8, -1)[order].ravel()


# Layers that ``training.store`` can load; those of lesson 08 are in ``models.flow``.
LAYERS = (PixelShuffle, Consistent, Bicubic, CropLike, TurnedConv2D)
