"""The networks: plain functions that return a ``keras.Model``, and the layers they need.

All are fully convolutional: they take low-resolution images of any height and width, shape
(n, height, width, channels), range [0, 1], and give (n, height * scale, width * scale,
channels), not clipped.
"""

import keras
from keras import layers, ops

from shared.degrade import project_blocks


@keras.saving.register_keras_serializable(package="zoom_enhance")
class PixelShuffle(layers.Layer):
    """Moves channels into space: (n, h, w, c * scale^2) becomes (n, h * scale, w * scale, c).

    The sub-pixel shuffle of Shi et al. (2016), in the order of ``tf.nn.depth_to_space``.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, x):
        s = self.scale
        height, width = ops.shape(x)[1:3]
        channels = x.shape[3] // s**2
        x = ops.reshape(x, (-1, height, width, s, s, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # rows of a block beside rows of the image
        return ops.reshape(x, (-1, height * s, width * s, channels))

    def compute_output_shape(self, shape):
        n, height, width, channels = shape
        if channels % self.scale**2:
            raise ValueError(f"{channels} channels do not fill blocks of "
                             f"{self.scale}x{self.scale}")
        return (n, height and height * self.scale, width and width * self.scale,
                channels // self.scale**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def conv(width, kernel=3, **kwargs):
    """A convolution that keeps height and width."""
    return layers.Conv2D(width, kernel, padding="same", **kwargs)


def transposed(x, scale, channels):
    """Grow by ``Conv2DTranspose``: each input pixel stamps a patch; the patches overlap."""
    return layers.Conv2DTranspose(channels, scale + 2, strides=scale, padding="same")(x)


def resize_conv(x, scale, channels):
    """Grow by repeating pixels, then convolve at high resolution (Odena et al. 2016)."""
    x = layers.UpSampling2D(scale, interpolation="nearest")(x)
    return conv(channels)(x)


def subpixel(x, scale, channels):
    """Grow by a convolution with scale^2 times the channels and a shuffle (Shi et al. 2016)."""
    x = conv(channels * scale**2)(x)
    return PixelShuffle(scale)(x)


UPSAMPLERS = {"transposed": transposed, "resize_conv": resize_conv, "subpixel": subpixel}


def residual_block(x):
    """Two convolutions and a shortcut, without normalisation (as EDSR, Lim et al. 2017)."""
    width = x.shape[-1]
    y = conv(width, activation="relu")(x)
    y = conv(width)(y)
    return layers.Add()([x, y])


def residual_network(scale=4, width=64, blocks=4, upsampler="subpixel", channels=1,
                     name="residual_network"):
    """A residual network that works at low resolution and grows at the very end.

    After EDSR (Lim et al. 2017): one convolution in, ``blocks`` residual blocks, a long
    shortcut around them, then ``upsampler`` ("transposed", "resize_conv" or "subpixel").
    """
    low_res = keras.Input((None, None, channels), name="low_res")
    first = conv(width)(low_res)
    x = first
    for _ in range(blocks):
        x = residual_block(x)
    x = layers.Add()([first, conv(width)(x)])
    x = UPSAMPLERS[upsampler](x, scale, channels)
    high_res = layers.Identity(dtype="float32", name="high_res")(x)  # also under bfloat16
    return keras.Model(low_res, high_res, name=name)


@keras.saving.register_keras_serializable(package="zoom_enhance")
class Consistent(layers.Layer):
    """The exact projection of ``degrade.project`` as a layer, called with [image, low_res].

    What it gives lies in [0, 1] and has exactly ``low_res`` as its means of blocks of
    ``scale`` x ``scale`` pixels. It has no weights, and computes in float32.
    """

    def __init__(self, scale, **kwargs):
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})
        self.scale = scale

    def call(self, inputs):
        image, low_res = inputs
        return project_blocks(image, low_res, self.scale)

    def compute_output_shape(self, shapes):
        return shapes[0]

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def consistent(network, scale, name):
    """``network`` with ``Consistent`` as its last layer: every answer averages to the input."""
    low_res = keras.Input(network.input_shape[1:], name="low_res")
    return keras.Model(low_res, Consistent(scale)([network(low_res), low_res]), name=name)


def widened(network, wider):
    """Give ``wider`` the knowledge of ``network``, of the same depth but fewer channels.

    After Net2Net (Chen, Goodfellow and Shlens 2016): old channels keep their weights and
    hear nothing of the new ones, so both networks compute the same at first; the new
    channels keep the random weights they were born with. Returns ``wider``.
    """
    result = []
    for old, new in zip(network.get_weights(), wider.get_weights(), strict=True):
        if old.ndim == 4:  # a kernel: height, width, channels in, channels out
            new[:, :, :, :old.shape[3]] = 0.0
        new[tuple(slice(size) for size in old.shape)] = old
        result.append(new)
    wider.set_weights(result)
    return wider
