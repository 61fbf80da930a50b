"""The upscaling networks of lessons 01 to 05: plain functions that return a ``keras.Model``.

All are fully convolutional: they take low-resolution images of any height and width, shape
(n, height, width, channels), range [0, 1], and return (n, height * scale, width * scale,
channels), not clipped. Lesson 01 introduces the residual network, lesson 05 the others.
"""

import keras
from keras import layers

from shared.models.layers import Consistent, PixelShuffle, conv


def transposed(x, scale, channels):
    """Enlarge by ``Conv2DTranspose``: each input pixel adds a patch, and the patches overlap."""
    return layers.Conv2DTranspose(channels, scale + 2, strides=scale, padding="same")(x)


def resize_conv(x, scale, channels):
    """Enlarge by repeating pixels, then convolve at high resolution (Odena et al. 2016)."""
    x = layers.UpSampling2D(scale, interpolation="nearest")(x)
    return conv(channels)(x)


def subpixel(x, scale, channels):
    """Enlarge by a convolution with scale^2 times the channels, and a shuffle (Shi et al. 2016)."""
    x = conv(channels * scale**2)(x)
    return PixelShuffle(scale)(x)


UPSAMPLERS = {"transposed": transposed, "resize_conv": resize_conv, "subpixel": subpixel}


def residual_block(x):
    """Two convolutions and a shortcut, without normalisation, as in EDSR (Lim et al. 2017)."""
    width = x.shape[-1]
    y = conv(width, activation="relu")(x)
    y = conv(width)(y)
    return layers.Add()([x, y])


def residual_network(scale=4, width=64, blocks=4, upsampler="subpixel", channels=1,
                     name="residual_network"):
    """A residual network that works at low resolution and enlarges at the very end.

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


def consistent(network, scale, name):
    """``network`` followed by a ``Consistent`` layer: its block means are exactly its input."""
    low_res = keras.Input(network.input_shape[1:], name="low_res")
    return keras.Model(low_res, Consistent(scale)([network(low_res), low_res]), name=name)


def copied(network, name):
    """A new network with the layers and weights of ``network``, in the precision in force.

    ``network`` is a ``residual_network`` x4 of one channel that enlarges by "subpixel".
    """
    first, *_ = network.get_weights()
    blocks = sum(isinstance(layer, layers.Add) for layer in network.layers) - 1
    copy = residual_network(4, width=first.shape[3], blocks=blocks, name=name)
    copy.set_weights(network.get_weights())
    return copy


def widened(network, wider):
    """Give ``wider`` the weights of ``network``, which has the same depth but fewer channels.

    After Net2Net (Chen, Goodfellow and Shlens 2016): existing channels keep their weights and
    receive no input from the new ones, so at first both networks give the same output. New
    channels keep their random initial weights. Returns ``wider``, which is changed. Raises
    ValueError if the depths differ.
    """
    weights = []
    for old, new in zip(network.get_weights(), wider.get_weights(), strict=True):
        if old.ndim == 4:  # a kernel: height, width, channels in, channels out
            new[:, :, :, :old.shape[3]] = 0.0
        new[tuple(slice(size) for size in old.shape)] = old
        weights.append(new)
    wider.set_weights(weights)
    return wider
