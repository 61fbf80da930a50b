"""Enlarges photos of any size, tile by tile, by a network of lesson 06.

Introduced in lesson 06.
"""

import weakref

import keras
import numpy as np
from keras import ops
from scipy import ndimage

from shared.images import alpha, luma, resize, tiles
from shared.measures import cost
from shared.models import layers
from shared.training import store

# Pixels of a tile's side. Larger tiles waste less work on margins, smaller ones compute less
# for a region.
SIDE = 384
# The TensorFlow graph of each network. An entry goes when its network does.
_graphs = weakref.WeakKeyDictionary()


def enhance(image, model="zoom", scale=2, region=None, side=SIDE, progress=None):
    """Enlarge a photo: its luma by a network, its colours by bicubic, as the papers do.

    Args:
        image: uint8 or uint16 (height, width, 3), RGB. A fourth channel is alpha, not
            premultiplied: colours are weighted by it, so that what is transparent does not
            shine through at the edges.
        model: the name of one of ``zoom_network.PHOTO_NETWORKS`` that has weights, "bicubic",
            or a ``keras.Model`` that takes luma (n, height, width, 1) in [0, 1] of any size
            and returns it with twice the height and width.
        scale: from 1 to 4. For 4, the photo is enlarged by 2 twice. For a number between, it is
            enlarged by 2 or 4 and then reduced by antialiased bicubic. For 1, it is copied.
        region: (x, y, width, height) in pixels of ``image``: return only this part, which for
            the scales 1, 2 and 4 is equal to the same part of the whole result. None for the
            whole image.
        side: height and width, in pixels, of the tiles that the network is given one at a time.
        progress: function of the fraction that is done, 0 to 1, called after each tile.

    Returns an array (round(height * scale), round(width * scale), channels), of the image or of
    the region, with the dtype of the image.

    The tiles overlap by the distance that the network sees (``cost.reach``), so the result is
    that of the whole image at once. The sums are the same, but floating-point numbers that are
    added in another order differ by about 1e-6. That can round a value halfway between two of
    the 256 levels to the other one.

    Raises ValueError if the image, model, scale or region is not as described, and
    FileNotFoundError if the network of that name has no weights.
    """
    image = np.asarray(image)
    if image.dtype not in (np.uint8, np.uint16) or image.ndim != 3 \
            or image.shape[2] not in (3, 4) or 0 in image.shape:
        raise ValueError(f"expected an image of uint8 or uint16 of shape (height, width, 3), "
                         f"found {image.dtype} of shape {image.shape}")
    if not 1 <= scale <= 4:
        raise ValueError(f"scale must be from 1 to 4, found {scale}")
    region = tiles.checked(image.shape, region)
    network = model if isinstance(model, keras.Model) else load_network(model)
    margin = _margin(network)
    if scale == 1:
        x, y, width, height = region
        return image[y:y + height, x:x + width].copy()
    image = alpha.filled(image)
    side = max(side, 4 * margin)  # otherwise most of the work would go into margins
    run_network = _compiled(network)

    def enlarge(tile):
        return _enlarged(tile, run_network)

    steps = 2 if scale <= 2 else 4
    part = region if scale == steps else _with_neighbours(region, image.shape)
    if steps == 2:
        enlarged = tiles.tiled(image, enlarge, 2, side, margin, part, progress)
    else:
        enlarged = _four_times(image, enlarge, side, margin, part, progress)
    if scale == steps:
        return enlarged
    x, y, width, height = (steps * (number - offset) for number, offset in
                           zip(region, (*part[:2], 0, 0), strict=True))
    size = round(region[3] * scale), round(region[2] * scale)
    return alpha.reduced(enlarged, (x, y, width, height), size)


def _four_times(image, enlarge, side, margin, region, progress):
    """A region of the image enlarged by 2 twice; computes the part of the first that it needs."""
    region = tuple(2 * number for number in region)
    shape = (2 * image.shape[0], 2 * image.shape[1], image.shape[2])
    left, top, width, height = tiles.needed(shape, side, margin, region)
    twice = np.empty(shape, image.dtype)  # what is not needed is never touched: takes no memory
    twice[top:top + height, left:left + width] = tiles.tiled(
        image, enlarge, 2, side, margin, (left // 2, top // 2, width // 2, height // 2),
        progress and (lambda done: progress(0.2 * done)))
    return tiles.tiled(twice, enlarge, 2, side, margin, region,
                       progress and (lambda done: progress(0.2 + 0.8 * done)))


def _with_neighbours(region, shape, number=4):
    """The region and ``number`` pixels around it, where the picture has them."""
    x, y, width, height = region
    left, top = max(x - number, 0), max(y - number, 0)
    return (left, top, min(x + width + number, shape[1]) - left,
            min(y + height + number, shape[0]) - top)


def load_network(name):
    """The trained photo network ``name``, or a network without weights for "bicubic".

    Raises as ``store.load`` does.
    """
    if name == "bicubic":
        low_res = keras.Input((None, None, 1), name="low_res")
        return keras.Model(low_res, layers.Bicubic()(low_res), name="bicubic")
    return store.load(name)


def _margin(network):
    """How many pixels the network sees around its own; at least what bicubic sees.

    Raises ValueError if ``enhance`` cannot use the network.
    """
    if network.input_shape != (None, None, None, 1) \
            or network.compute_output_shape((1, 16, 16, 1)) != (1, 32, 32, 1):
        raise ValueError(f"{network.name} does not enlarge luma of any size by 2: it takes "
                         f"{network.input_shape} and returns {network.output_shape}")
    return max(cost.reach(network), 2)  # the colours are enlarged by bicubic, which sees 2


def _compiled(network):
    """A function that runs the network on luma (1, height, width, 1) and returns an array.

    On TensorFlow one graph is made per network, for tiles of all sizes. ``predict_on_batch``
    would make another one for each new size, and two graphs can differ in the last bit.
    """
    if keras.backend.backend() != "tensorflow":
        return lambda tile: ops.convert_to_numpy(network.predict_on_batch(tile))
    if network not in _graphs:
        _graphs[network] = _graph(network)
    graph = _graphs[network]
    return lambda tile: graph(tile).numpy()


def _graph(network):
    """The ``tf.function`` of a network. It holds the network weakly, so that it can be freed."""
    import tensorflow as tf

    reference = weakref.ref(network)
    return tf.function(lambda tile: reference()(tile, training=False), jit_compile=False,
                       input_signature=[tf.TensorSpec((1, None, None, 1), "float32")])


def _enlarged(tile, run_network):
    """A tile, uint8 or uint16 (height, width, 3 or 4), at twice its size."""
    values = alpha.levels(tile)
    ycbcr = luma.to_ycbcr(values[..., :3])
    enlarged_luma = run_network(ycbcr[None, ..., :1] / 255) * 255
    chroma = _bicubic(ycbcr[..., 1:])
    rgb = luma.to_rgb(np.concatenate([enlarged_luma[0], chroma], axis=2))
    if tile.shape[2] == 4:
        detail = enlarged_luma[0] - _bicubic(ycbcr[..., :1])
        rgb = _on_alpha(rgb, detail, tile)
    return alpha.as_levels(rgb, tile.dtype)


def _on_alpha(rgb, detail, tile):
    """RGBA of an enlarged tile: colours weighted by alpha, where it is not opaque all around.

    Args:
        rgb: the colours of the enlarged tile, where it is opaque.
        detail: what the network adds to the luma of bicubic.
        tile: RGBA before the enlargement. Where it is transparent, it has the colours of what
            is not, so that the network sees no edge there.
    """
    soft = alpha.straight(_bicubic(alpha.premultiplied(tile)))
    weighted = luma.to_ycbcr(soft[..., :3])
    weighted[..., :1] += detail
    weighted = luma.to_rgb(weighted)
    coverage = soft[..., 3:]
    nearby = ndimage.minimum_filter(tile[..., 3], size=5, mode="nearest")  # bicubic sees 5x5
    opaque = (nearby == np.iinfo(tile.dtype).max).repeat(2, axis=0).repeat(2, axis=1)
    straight = opaque[..., None] | (coverage < 0.5 * 255 / np.iinfo(tile.dtype).max)
    return np.concatenate([np.where(straight, rgb, weighted), coverage], axis=2)


def _bicubic(values):
    """An array (height, width, channels) at twice its size, float32."""
    return ops.convert_to_numpy(resize.bicubic(values[None]))[0]
