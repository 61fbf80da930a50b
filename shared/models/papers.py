"""Networks of four papers, which enlarge photographs to twice their size.

All take the luma of a photo of any height and width, shape (n, height, width, 1), range
[0, 1], and return (n, 2 height, 2 width, 1) in float32, not clipped. ``srcnn``, ``vdsr`` and
``ircnn`` work on a bicubic enlargement, which is their first layer; ``unet`` works on the photo
itself and enlarges at the very end. Introduced in lesson 06.
"""

import keras
import numpy as np
from keras import layers

from shared.models.layers import SCALE, Bicubic, CropLike, PixelShuffle, conv


def luma_input():
    """The input of all photo networks: luma of any size."""
    return keras.Input((None, None, 1), name="low_res")


def add_to_base(base, detail):
    """``base`` + ``detail``, added in float32 even if the other layers compute in bfloat16."""
    return layers.Add(dtype="float32", name="high_res")([base, detail])


def srcnn(name="srcnn"):
    """SRCNN 9-5-5 (Dong, Loy, He and Tang 2014, 2016): three convolutions, no shortcut.

    It extracts patches, maps them, and puts the image together: 64 kernels of 9x9, 32 of 5x5,
    one of 5x5. The input is padded with zeros, where the paper drops the border.
    """
    low_res = luma_input()
    x = Bicubic(name="bicubic")(low_res)
    x = conv(64, 9, activation="relu")(x)
    x = conv(32, 5, activation="relu")(x)
    # Without a shortcut the last layer returns the whole picture, too precise for bfloat16.
    return keras.Model(low_res, conv(1, 5, dtype="float32", name="high_res")(x), name=name)


def srcnn_with_shortcut(name="srcnn"):
    """The form in which ``srcnn`` is trained: one channel narrower, and added to bicubic.

    It learns what bicubic lacks, as VDSR does, in a fraction of the steps that SRCNN needs to
    learn to pass the picture on. ``absorb`` turns it into an ``srcnn``.
    """
    low_res = luma_input()
    base = x = Bicubic(name="bicubic")(low_res)
    x = conv(63, 9, activation="relu")(x)
    x = conv(31, 5, activation="relu")(x)
    detail = conv(1, 5, kernel_initializer="zeros")(x)
    return keras.Model(low_res, add_to_base(base, detail), name=name)


def convolutions(model):
    """The convolutions of a network, first to last."""
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


def absorb(model):
    """The ``srcnn`` with the same output as ``model``, a ``srcnn_with_shortcut``.

    The last channel of each layer passes the picture on: a 1 in the middle of a kernel of
    zeros. A ReLU leaves it unchanged, except that values below black become black.
    """
    result = srcnn(model.name)
    weights = []
    for i, layer in enumerate(convolutions(model)):
        kernel, bias = layer.get_weights()
        # The input of the first layer and the output of the last one stay a single channel.
        extra_in, extra_out = int(i > 0), int(i < 2)
        kernel = np.pad(kernel, ((0, 0), (0, 0), (0, extra_in), (0, extra_out)))
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2, -1, -1] += 1
        weights += [kernel, np.pad(bias, (0, extra_out))]
    result.set_weights(weights)
    return result


def vdsr(depth=20, width=64, name="vdsr"):
    """VDSR (Kim, Lee and Lee 2016): ``depth`` convolutions of 3x3 learn what bicubic lacks.

    Weights are initialised as in the paper (He et al. 2015), those of the last layer with zeros,
    so that training starts from bicubic and not from noise.
    """
    low_res = luma_input()
    base = x = Bicubic(name="bicubic")(low_res)
    for _ in range(depth - 1):
        x = conv(width, activation="relu", kernel_initializer="he_normal")(x)
    detail = conv(1, kernel_initializer="zeros")(x)
    return keras.Model(low_res, add_to_base(base, detail), name=name)


def ircnn(width=64, dilations=(1, 2, 3, 4, 3, 2, 1), batch_norm=True, name="ircnn"):
    """The CNN of Zhang, Zuo, Gu and Zhang (2017): seven dilated convolutions of 3x3.

    A dilation of 3 spreads the nine weights over 7x7 pixels, so few layers see far. As in the
    paper, the middle five have batch normalisation, and the network learns what to add to its
    input. In the paper it removes noise, as one step of an iteration; here it enlarges. ``fold``
    removes the normalisation after training.
    """
    low_res = luma_input()
    base = x = Bicubic(name="bicubic")(low_res)
    for i, dilation in enumerate(dilations[:-1]):
        normed = batch_norm and i > 0
        x = conv(width, dilation_rate=dilation, use_bias=not normed,
                 kernel_initializer="he_normal")(x)
        if normed:
            x = layers.BatchNormalization(epsilon=1e-5)(x)
        x = layers.ReLU()(x)
    detail = conv(1, dilation_rate=dilations[-1], kernel_initializer="zeros")(x)
    return keras.Model(low_res, add_to_base(base, detail), name=name)


def fold(model):
    """An ``ircnn`` with the same output as ``model`` but without batch normalisation, so faster.

    After training, a normalisation is one factor and one offset per channel. Both go into the
    weights and biases of the convolution before it.
    """
    convs = convolutions(model)
    result = ircnn(convs[0].filters, [layer.dilation_rate[0] for layer in convs],
                   batch_norm=False, name=model.name)
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    weights = []
    for i, layer in enumerate(convs):
        kernel, *bias = layer.get_weights()
        if not bias:
            gamma, beta, mean, variance = norms[i - 1].get_weights()
            factor = gamma / np.sqrt(variance + norms[i - 1].epsilon)
            kernel, bias = kernel * factor, [beta - mean * factor]
        weights += [kernel, *bias]
    result.set_weights(weights)
    return result


def unet(widths=(64, 256, 256, 128), kernels=(5, 4, 2, 2), name="unet"):
    """A U-Net (Ronneberger, Fischer and Brox 2015) of five layers: four go down, one goes up.

    The first four are convolutions. From the second on they have a stride of 2, so the four
    work at 1, 1/2, 1/4 and 1/8 of the photo's resolution. Where a layer halves height and width
    it has more channels, so that no pixel is lost, and a pixel shuffle brings each of the
    coarser ones back to the photo's size. The fifth convolution, 5x5, sees all four at once, as
    the skip connections of a U-Net do. It is a sub-pixel convolution and doubles the size. Its
    output is added to bicubic. The network has 672,268 parameters.

    Args:
        widths: channels of the first four layers; the one at 1/2^n of the resolution is divided
            by 4^n when its pixels are shuffled.
        kernels: their kernel sizes.
    """
    low_res = luma_input()
    photo = x = layers.Rescaling(1.0, -0.5)(low_res)  # grey becomes zero
    stages = []
    for level, (width, kernel) in enumerate(zip(widths, kernels, strict=True)):
        x = conv(width, kernel, strides=2 if level else 1)(x)
        x = layers.LeakyReLU(0.1)(x)
        grown = PixelShuffle(2**level)(x) if level else x
        stages.append(CropLike()([grown, photo]))
    x = conv(SCALE**2, 5, kernel_initializer="zeros")(layers.Concatenate()(stages))
    detail = PixelShuffle(SCALE)(x)
    return keras.Model(low_res, add_to_base(Bicubic(name="bicubic")(low_res), detail), name=name)
