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
    PixelShuffle,
    TurnedConv2D,
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


def zoom(width=32, blocks=16, expansion=3, conv=conv, name="zoom"):
    """A residual network at low resolution whose output is added to a bicubic enlargement.

    The body has the blocks of WDSR (Yu et al. 2018): like those of EDSR in lesson 01, but with
    more channels before the nonlinearity than after it. The last convolution returns the four
    new pixels of each old one, and a shuffle puts them in place (Shi et al. 2016). All this
    work is done on a quarter of the pixels that ``vdsr`` looks at. Grey becomes zero at the
    input. The network has 888,260 parameters.

    Args:
        width: channels between blocks.
        blocks: how many blocks.
        expansion: how many times as many channels there are inside a block.
        conv: function of a number of channels that returns a convolution of 3x3.
    """
    low_res = papers.luma_input()
    x = conv(width)(layers.Rescaling(1.0, -0.5)(low_res))
    for _ in range(blocks):
        x = wide_block(x, expansion, conv)
    detail = PixelShuffle(SCALE)(conv(SCALE**2, kernel_initializer="zeros")(x))
    enlarged = papers.add_to_base(Bicubic(name="bicubic")(low_res), detail)
    return keras.Model(low_res, enlarged, name=name)


def equivariant_zoom(width=32, blocks=16, expansion=3, name="zoom"):
    """``zoom`` of ``TurnedConv2D`` layers: a turned photo gives the turned output.

    ``width`` is a multiple of 8.
    """
    turned_conv = functools.partial(TurnedConv2D, kernel_size=3, padding="same")
    return zoom(width, blocks, expansion, turned_conv, name)


PHOTO_NETWORKS = {"srcnn": papers.srcnn, "vdsr": papers.vdsr, "ircnn": papers.ircnn,
                  "unet": papers.unet, "zoom": zoom}
