"""The networks of lesson 06, which enlarge photographs to twice their size.

All take the luma of a photo, any height and width, shape (n, height, width, 1), range [0, 1],
and give (n, 2 height, 2 width, 1) in float32, not clipped. ``srcnn``, ``vdsr`` and ``ircnn``
work on a bicubic enlargement, which is their first layer; ``unet`` and ``zoom`` work on the
photo as it is, and grow at the very end.
"""

import functools

import keras
import numpy as np
from keras import layers, ops

from shared.models import PixelShuffle, conv
from shared.patches import turned
from shared.resize import keys_cubic

SCALE = 2


def bicubic(images, scale=SCALE):
    """``resize.resize`` to ``scale`` times the height and width, at the cost of a convolution.

    Between two pixels there are ``scale`` places for new ones, each with its own five weights
    a row and a column: so ``scale``^2 kernels of 5x5, and a shuffle. Weights that fall outside
    the image are dropped, and the others scaled to sum to 1, as ``resize`` does.

    Args:
        images: tensor (n, height, width, channels), any range and any size.

    Returns a float32 tensor (n, height * scale, width * scale, channels), not clipped.
    """
    images = ops.cast(images, "float32")
    height, width = ops.shape(images)[1:3]
    channels = images.shape[3]
    centre = (np.arange(scale) + 0.5) / scale - 0.5  # of the new pixels, from the old one's
    line = keys_cubic(np.arange(-2, 3)[:, None] - centre).astype("float32")  # (tap, place)
    plane = np.einsum("yi,xj->yxij", line, line).reshape(5, 5, 1, scale**2)

    x = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, height, width, 1))
    x = ops.conv(x, plane, padding="same", data_format="channels_last")
    x = ops.reshape(x, (-1, height, width, scale, scale))
    x = ops.transpose(x, (0, 1, 3, 2, 4))  # rows of a block beside rows of the image
    x = x / ops.reshape(_inside(height, line), (1, height, scale, 1, 1))
    x = x / ops.reshape(_inside(width, line), (1, 1, 1, width, scale))
    x = ops.reshape(x, (-1, channels, height * scale, width * scale))
    return ops.transpose(x, (0, 2, 3, 1))


def _inside(size, line):
    """The sum of the weights that lie inside a line of ``size`` pixels: (1, size, places)."""
    return ops.conv(ops.ones((1, size, 1)), line[:, None], padding="same",
                    data_format="channels_last")


@keras.saving.register_keras_serializable(package="zoom_enhance")
class Bicubic(layers.Layer):
    """``bicubic`` as a layer. It has no weights, and computes in float32."""

    def __init__(self, scale=SCALE, **kwargs):
        super().__init__(dtype="float32", **{k: v for k, v in kwargs.items() if k != "dtype"})
        self.scale = scale

    def call(self, images):
        return bicubic(images, self.scale)

    def compute_output_shape(self, shape):
        n, height, width, channels = shape
        return (n, height and height * self.scale, width and width * self.scale, channels)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable(package="zoom_enhance")
class CropLike(layers.Layer):
    """Called with [x, like]: the top left part of ``x`` that has height and width of ``like``."""

    def call(self, inputs):
        x, like = inputs
        height, width = ops.shape(like)[1:3]
        return x[:, :height, :width]

    def compute_output_shape(self, shapes):
        x, like = shapes
        return (x[0], like[1], like[2], x[3])


def _photo():
    return keras.Input((None, None, 1), name="low_res")


def _with(base, detail):
    """``base`` + ``detail``, added in float32 also where the layers compute in bfloat16."""
    return layers.Add(dtype="float32", name="high_res")([base, detail])


def srcnn(name="srcnn"):
    """SRCNN 9-5-5 (Dong, Loy, He and Tang 2014, 2016): three convolutions, no shortcut.

    Extract patches, map them, put the image together: 64 kernels of 9x9, 32 of 5x5, one of
    5x5. It pads its input with zeros where the paper lets the border go.
    """
    low_res = _photo()
    x = Bicubic(name="bicubic")(low_res)
    x = conv(64, 9, activation="relu")(x)
    x = conv(32, 5, activation="relu")(x)
    # Without a shortcut the last layer gives the whole picture: too much for bfloat16.
    return keras.Model(low_res, conv(1, 5, dtype="float32", name="high_res")(x), name=name)


def srcnn_with_shortcut(name="srcnn"):
    """What ``srcnn`` is while it is trained: one channel narrower, and added to bicubic.

    It learns what bicubic lacks, as VDSR does, in a fraction of the steps that SRCNN takes to
    learn to hand the picture on. ``absorb`` makes an ``srcnn`` of it.
    """
    low_res = _photo()
    base = x = Bicubic(name="bicubic")(low_res)
    x = conv(63, 9, activation="relu")(x)
    x = conv(31, 5, activation="relu")(x)
    return keras.Model(low_res, _with(base, conv(1, 5, kernel_initializer="zeros")(x)), name=name)


def convolutions(model):
    """The convolutions of a network, first to last."""
    return [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]


def absorb(model):
    """The ``srcnn`` that gives the same as a ``srcnn_with_shortcut``.

    The last channel of each layer hands the picture on: a 1 in the middle of a kernel of zeros.
    A ReLU leaves it as it is, but for what bicubic put below black, which becomes black.
    """
    result = srcnn(model.name)
    weights = []
    for place, layer in enumerate(convolutions(model)):
        kernel, bias = layer.get_weights()
        grows = (place > 0, place < 2)  # the picture comes in by one channel, and leaves by one
        kernel = np.pad(kernel, ((0, 0), (0, 0), (0, grows[0]), (0, grows[1])))
        kernel[kernel.shape[0] // 2, kernel.shape[1] // 2, -1, -1] += 1
        weights += [kernel, np.pad(bias, (0, grows[1]))]
    result.set_weights(weights)
    return result


def vdsr(depth=20, width=64, name="vdsr"):
    """VDSR (Kim, Lee and Lee 2016): ``depth`` convolutions of 3x3 learn what bicubic lacks.

    Weights begin as He et al. (2015) have it, for which the paper is cited too; those of the
    last layer at zero, so that training starts from bicubic and not from noise.
    """
    low_res = _photo()
    base = x = Bicubic(name="bicubic")(low_res)
    for _ in range(depth - 1):
        x = conv(width, activation="relu", kernel_initializer="he_normal")(x)
    return keras.Model(low_res, _with(base, conv(1, kernel_initializer="zeros")(x)), name=name)


def ircnn(width=64, dilations=(1, 2, 3, 4, 3, 2, 1), batch_norm=True, name="ircnn"):
    """The CNN of Zhang, Zuo, Gu and Zhang (2017): seven dilated convolutions of 3x3.

    A dilation of 3 spreads the nine weights over 7x7 pixels: few layers see far. As in the
    paper the middle five have batch normalisation, and the network learns what to add to its
    input. There it removes noise, as a part of an iteration that enlarges; here it enlarges.
    ``fold`` takes the normalisation out again after training.
    """
    low_res = _photo()
    base = x = Bicubic(name="bicubic")(low_res)
    for place, dilation in enumerate(dilations[:-1]):
        normed = batch_norm and place > 0
        x = conv(width, dilation_rate=dilation, use_bias=not normed,
                 kernel_initializer="he_normal")(x)
        if normed:
            x = layers.BatchNormalization(epsilon=1e-5)(x)
        x = layers.ReLU()(x)
    detail = conv(1, dilation_rate=dilations[-1], kernel_initializer="zeros")(x)
    return keras.Model(low_res, _with(base, detail), name=name)


def fold(model):
    """An ``ircnn`` that gives the same without batch normalisation: fewer layers, so faster.

    Trained, a normalisation is a factor and an offset a channel; both go into the weights and
    biases of the convolution before it.
    """
    convs = convolutions(model)
    result = ircnn(convs[0].filters, [layer.dilation_rate[0] for layer in convs],
                   batch_norm=False, name=model.name)
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    weights = []
    for place, layer in enumerate(convs):
        kernel, *bias = layer.get_weights()
        if not bias:
            gamma, beta, mean, variance = norms[place - 1].get_weights()
            factor = gamma / np.sqrt(variance + norms[place - 1].epsilon)
            kernel, bias = kernel * factor, [beta - mean * factor]
        weights += [kernel, *bias]
    result.set_weights(weights)
    return result


def unet(widths=(32, 64, 128, 256), name="unet"):
    """A small U-Net (Ronneberger, Fischer and Brox 2015): four layers go down, one goes up.

    Each of the first four is a convolution of 3x3; between them max pooling halves height and
    width, so they work at 1, 1/2, 1/4 and 1/8 of the photo's resolution, 32, 64, 128 and 256
    wide. The fifth sees all four at once (the skip connections of a U-Net), the coarser ones
    repeated to the photo's size; it is a sub-pixel convolution and doubles that size. What it
    gives is added to bicubic.
    """
    low_res = _photo()
    coarsest = 2 ** (len(widths) - 1)
    x = layers.ZeroPadding2D(((0, coarsest - 1), (0, coarsest - 1)))(low_res)  # to fill blocks
    stages = []
    for level, width in enumerate(widths):
        if level:
            x = layers.MaxPooling2D(2)(x)
        x = conv(width, activation="relu")(x)
        grown = layers.UpSampling2D(2**level, interpolation="nearest")(x) if level else x
        stages.append(CropLike()([grown, low_res]))
    x = conv(SCALE**2, kernel_initializer="zeros")(layers.Concatenate()(stages))
    detail = PixelShuffle(SCALE)(x)
    return keras.Model(low_res, _with(Bicubic(name="bicubic")(low_res), detail), name=name)


@keras.saving.register_keras_serializable(package="zoom_enhance")
class TurnedConv2D(layers.Conv2D):
    """A convolution whose answer to a turned photo is its answer to the photo, turned.

    A photo has eight turns: four rotations, each as it is and in a mirror. The channels stand
    in eight groups, one for each, and a kernel that reaches one group reaches every other,
    turned as that group is (Cohen and Welling 2016). So an edge that was learned in one
    direction is known in all, and an eighth of the weights is free. The layer keeps as many
    weights as ``Conv2D``, and uses their mean over the turns.

    Args:
        filters: channels that come out: a multiple of 8, or the ``SCALE``^2 pixels that
            ``PixelShuffle`` puts in place.
        kernel_size: height and width of a kernel, one number.

    One channel comes in, which is the photo, or the eight groups of such a layer.

    Raises:
        ValueError: for any other number of channels.
    """

    def build(self, input_shape):
        for channels, alone in ((input_shape[-1], 1), (self.filters, SCALE**2)):
            if channels % 8 and channels != alone:
                raise ValueError(f"{channels} channels do not stand in eight groups: take "
                                 f"{alone}, or a multiple of 8")
        super().build(input_shape)
        # The mean of eight numbers varies less than each: as much as in Conv2D all the same.
        self.kernel.assign(8**0.5 * mean_of_turns(self.kernel))

    def call(self, inputs):
        answer = self.convolution_op(inputs, mean_of_turns(self.kernel))
        if self.use_bias:
            answer = answer + mean_of_turns(self.bias)
        return self.activation(answer)


def mean_of_turns(weights):
    """The mean over eight turns of a kernel (height, width, in, out) or a bias (out,)."""
    for turn in (1, 2, 4):  # the other turns of ``patches.turned`` are products of these
        places = _places(tuple(weights.shape), turn)
        weights = (weights + ops.take(ops.reshape(weights, (-1,)), places)) / 2
    return weights


@functools.cache
def _places(shape, turn):
    """Where in flat weights of that shape those of the turned photo lie: int array, ``shape``."""
    places = np.arange(np.prod(shape)).reshape(shape)[..., _moved(shape[-1], turn)]
    return turned(places, turn)[:, :, _moved(shape[2], turn)] if len(shape) == 4 else places


def _moved(channels, turn):
    """Which channel takes whose place when the photo is turned by 1, 2 or 4: (channels,)."""
    if channels == 1:
        return np.zeros(1, int)
    corners = np.arange(SCALE**2).reshape(SCALE, SCALE)
    if channels == SCALE**2:
        return turned(corners, turn).ravel()
    groups = [turned(corners, group).tolist() for group in range(8)]
    moved = [groups.index(turned(np.array(group), turn).tolist()) for group in groups]
    return np.arange(channels).reshape(8, -1)[moved].ravel()


def wide_block(x, wide, conv=conv):
    """A residual block with ``wide`` channels between its two convolutions (Yu et al. 2018).

    What is below zero is not cut off but kept at a tenth: behind a ReLU a long training at a
    high rate leaves channels that are zero for every photo, and no gradient wakes them.
    """
    y = layers.LeakyReLU(0.1)(conv(wide)(x))
    return layers.Add()([x, conv(x.shape[-1])(y)])


@keras.saving.register_keras_serializable(package="zoom_enhance")
class BothWays(layers.Layer):
    """The photos of a batch, and behind them the same upside down: (2 n, height, width, ...)."""

    def call(self, photos):
        return ops.concatenate([photos, upside_down(photos)], axis=0)

    def compute_output_shape(self, shape):
        return (shape[0] and 2 * shape[0], *shape[1:])


@keras.saving.register_keras_serializable(package="zoom_enhance")
class MeanOfWays(layers.Layer):
    """The mean of what became of a photo and, turned back, of the same upside down.

    Takes what was made of ``BothWays``, (2 n, height, width, ...), and gives (n, ...).
    """

    def call(self, images):
        upright, turned_over = ops.split(images, 2, axis=0)
        return (upright + upside_down(turned_over)) / 2

    def compute_output_shape(self, shape):
        return (shape[0] and shape[0] // 2, *shape[1:])


def upside_down(images):
    """Images (n, height, width, ...) turned by 180 degrees."""
    return ops.flip(images, axis=(1, 2))


def zoom(width=32, blocks=8, wide=96, ways=2, conv=conv, name="zoom"):
    """Ours: a residual network at low resolution that adds detail to a bicubic enlargement.

    The body is WDSR's (Yu et al. 2018): blocks like EDSR's in lesson 01, but with more channels
    before the nonlinearity than after it. The last convolution gives the four new pixels of
    each old one, and a shuffle puts them in place (Shi et al. 2016). All the work is done on a
    quarter of the pixels that ``vdsr`` has to look at. Grey comes in as zero. 444,868
    parameters. ``conv`` makes its convolutions of 3x3.

    With two ``ways`` it looks at the photo twice, the second time upside down, and answers
    with the mean: it errs differently, so the mean errs less (Timofte et al. 2016). It is
    trained with one, and then put together by ``both_ways``.
    """
    low_res = _photo()
    x = layers.Rescaling(1.0, -0.5)(low_res)
    x = conv(width)(BothWays()(x) if ways == 2 else x)
    for _ in range(blocks):
        x = wide_block(x, wide, conv)
    detail = PixelShuffle(SCALE)(conv(SCALE**2, kernel_initializer="zeros")(x))
    if ways == 2:
        detail = MeanOfWays()(detail)
    return keras.Model(low_res, _with(Bicubic(name="bicubic")(low_res), detail), name=name)


def both_ways(model):
    """The ``zoom`` of two ways that has the weights of ``model``, a ``zoom`` of one."""
    first, inside, *rest = convolutions(model)
    result = zoom(first.filters, len(rest) // 2, inside.filters, name=model.name)
    result.set_weights(model.get_weights())
    return result


def zoom_of_turns(width=32, blocks=8, wide=96, name="zoom"):
    """``zoom`` with a ``TurnedConv2D`` for each convolution, so that it turns with the photo.

    It answers the same to a photo upside down, so one look is enough. The widths are multiples
    of 8.
    """
    turned_conv = functools.partial(TurnedConv2D, kernel_size=3, padding="same")
    return zoom(width, blocks, wide, 1, turned_conv, name)


MODELS = {"srcnn": srcnn, "vdsr": vdsr, "ircnn": ircnn, "unet": unet, "zoom": zoom}
