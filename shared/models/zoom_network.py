"""The course's own network for photographs, and a dict of all photo networks.

Introduced in lesson 06.
"""

import functools

import keras
from keras import layers

from shared.models import papers
from shared.models.layers import (
    SCALE,
    Bicubic,
    MeanOfRotated,
    PixelShuffle,
    TurnedConv2D,
    WithRotatedCopy,
    conv,
)


def wide_block(x, expansion, conv=conv):
    """A residual block with ``expansion`` times the channels in between (WDSR, Yu et al. 2018).

    Negative values are scaled by 0.1 instead of being set to zero. After long training at a
    high learning rate, a plain ReLU leaves dead channels: they are zero for every photo and
    receive no gradient.
    """
    width = x.shape[-1]
    y = layers.LeakyReLU(0.1)(conv(expansion * width)(x))
    return layers.Add()([x, conv(width)(y)])


def zoom(width=32, blocks=8, expansion=3, self_ensemble=True, conv=conv, name="zoom"):
    """A residual network at low resolution whose output is added to a bicubic enlargement.

    The body has the blocks of WDSR (Yu et al. 2018): like those of EDSR in lesson 01, but with
    more channels before the nonlinearity than after it. The last convolution returns the four
    new pixels of each old one, and a shuffle puts them in place (Shi et al. 2016). All this
    work is done on a quarter of the pixels that ``vdsr`` looks at. Grey becomes zero at the
    input. The network has 444,868 parameters.

    With ``self_ensemble`` it also looks at the photo rotated by 180 degrees, and returns the
    mean of both, which has a smaller error than either (Timofte et al. 2016). It is trained
    without, and turned into one with it by ``self_ensembled``.

    Args:
        width: channels between blocks.
        blocks: how many blocks.
        expansion: how many times as many channels there are inside a block.
        conv: function of a number of channels that returns a convolution of 3x3.
    """
    low_res = papers.luma_input()
    x = layers.Rescaling(1.0, -0.5)(low_res)
    x = conv(width)(WithRotatedCopy()(x) if self_ensemble else x)
    for _ in range(blocks):
        x = wide_block(x, expansion, conv)
    detail = PixelShuffle(SCALE)(conv(SCALE**2, kernel_initializer="zeros")(x))
    if self_ensemble:
        detail = MeanOfRotated()(detail)
    enlarged = papers.add_to_base(Bicubic(name="bicubic")(low_res), detail)
    return keras.Model(low_res, enlarged, name=name)


def self_ensembled(model):
    """The ``zoom`` with self-ensemble that has the weights of ``model``, a ``zoom`` without."""
    first, second, *others = papers.convolutions(model)
    result = zoom(first.filters, len(others) // 2, second.filters // first.filters,
                  name=model.name)
    result.set_weights(model.get_weights())
    return result


def equivariant_zoom(width=32, blocks=8, expansion=3, name="zoom"):
    """``zoom`` of ``TurnedConv2D`` layers: a turned photo gives the turned output.

    A self-ensemble would bring nothing. ``width`` is a multiple of 8.
    """
    turned_conv = functools.partial(TurnedConv2D, kernel_size=3, padding="same")
    return zoom(width, blocks, expansion, False, turned_conv, name)


PHOTO_NETWORKS = {"srcnn": papers.srcnn, "vdsr": papers.vdsr, "ircnn": papers.ircnn,
                  "unet": papers.unet, "zoom": zoom}
