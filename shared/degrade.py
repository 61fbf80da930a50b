"""What takes the detail away, and what every honest answer must give back.

``block_mean`` makes the low-resolution images of lessons 01 to 05 and 07,
``bicubic_down`` those of lesson 06. ``project`` moves an answer to the nearest image whose
block means are exactly the low-resolution pixels.
"""

import numpy as np
from keras import ops

from shared.resize import resize


def block_mean(images, scale=4):
    """Mean of each block of ``scale`` x ``scale`` pixels.

    Args:
        images: array or tensor of shape (n, height, width, channels).
        scale: block side in pixels; must divide height and width.

    Returns the same kind, shape (n, height/scale, width/scale, channels), same range.
    """
    _, height, width, channels = images.shape
    if height % scale or width % scale:
        raise ValueError(f"blocks of {scale}x{scale} do not fill an image of "
                         f"{height}x{width}: crop it or choose a scale that divides both")
    shape = (-1, height // scale, scale, width // scale, scale, channels)
    if isinstance(images, np.ndarray):
        return images.reshape(shape).mean(axis=(2, 4), dtype="float32")
    return ops.mean(ops.reshape(images, shape), axis=(2, 4))


def bicubic_down(images, scale=2):
    """Antialiased bicubic reduction, as MATLAB's ``imresize`` (Keys kernel, a = -0.5).

    Shapes as ``block_mean``; the result may leave the range at sharp edges: clip it, and
    round it to 8 bits where it stands for a stored picture.
    """
    _, height, width, _ = images.shape
    if height % scale or width % scale:
        raise ValueError(f"{height}x{width} does not divide by {scale}: crop it first")
    return resize(images, (height // scale, width // scale), "bicubic", antialias=True)


def project(images, low_res):
    """The nearest images in [0, 1] whose block means are exactly ``low_res``.

    For each block of values v with target mean y this is the Euclidean projection onto
    {x : mean(x) = y, 0 <= x <= 1}. Its solution is clip(v + shift, 0, 1) with one number
    ``shift`` per block. The mean of clip(v + shift, 0, 1) grows with ``shift`` along
    straight pieces that meet where a pixel enters or leaves the range, at -v and 1 - v:
    so the right piece is found by sorting those corners, and the shift on it is exact.

    Since the truth lies in that set, which is convex, the projected image is never further
    from the truth than the image was.

    Args:
        images: array or tensor (n, height, width, channels), any range; in float32 the means
            come out within 1e-6 for values up to 10, within 1e-4 for values up to 1,000.
        low_res: the same kind, (n, height/scale, width/scale, channels), in [0, 1].

    Returns the same kind as ``images``, same shape, float32.
    """
    if len(images.shape) != 4 or len(low_res.shape) != 4:
        raise ValueError(f"expected images and low_res of shape (n, height, width, channels), "
                         f"found {tuple(images.shape)} and {tuple(low_res.shape)}")
    if isinstance(images, np.ndarray):
        if len(images) != len(low_res):
            raise ValueError(f"images of shape {images.shape} need one low_res each, found "
                             f"low_res of shape {low_res.shape}")
        part = max(1, 500_000 // max(1, images[0:1].size))  # bounds the memory
        return np.concatenate([ops.convert_to_numpy(_project(
            ops.convert_to_tensor(images[i:i + part], "float32"),
            ops.convert_to_tensor(low_res[i:i + part], "float32")))
            for i in range(0, max(len(images), 1), part)])
    return _project(images, low_res)


def _project(images, low_res):
    _, height, width, channels = images.shape
    _, low_height, low_width, low_channels = low_res.shape
    scale = height // low_height
    if (height, width, channels) != (low_height * scale, low_width * scale, low_channels):
        raise ValueError(f"images of shape {tuple(images.shape)} are no whole multiple of "
                         f"low_res of shape {tuple(low_res.shape)}")
    return project_blocks(images, low_res, scale)


def project_blocks(images, low_res, scale):
    """``project`` for tensors whose height and width need not be known yet; see there."""
    low_height, low_width = ops.shape(low_res)[1:3]
    channels = low_res.shape[3]
    pixels = scale * scale
    blocks = ops.reshape(images, (-1, low_height, scale, low_width, scale, channels))
    blocks = ops.transpose(blocks, (0, 1, 3, 5, 2, 4))
    blocks = ops.reshape(blocks, (-1, low_height, low_width, channels, pixels))
    target = ops.clip(low_res, 0.0, 1.0)[..., None] * pixels  # wanted sum of each block

    corners = ops.concatenate([-blocks, 1.0 - blocks], axis=-1)
    order = ops.argsort(corners, axis=-1)
    corners = ops.take_along_axis(corners, order, axis=-1)
    bend = ops.where(order < pixels, 1.0, -1.0)  # one more or one fewer pixel moves
    slope = ops.cumsum(bend, axis=-1)[..., :-1]
    gap = corners[..., 1:] - corners[..., :-1]
    total = ops.cumsum(slope * gap, axis=-1)  # sum of the block at each corner but the first
    before = ops.concatenate([ops.zeros_like(total[..., :1]), total[..., :-1]], axis=-1)
    # Along each piece go as far as the target asks, at most to its end; then add them up.
    # On a level piece (no pixel moves) that is all of it or nothing.
    rest = target - before
    part = ops.where(slope > 0, ops.clip(rest / ops.maximum(slope, 1.0), 0.0, gap),
                     ops.where(rest > 0, gap, 0.0))
    shift = corners[..., :1] + ops.sum(part, axis=-1, keepdims=True)

    result = ops.clip(blocks + shift, 0.0, 1.0)
    result = ops.reshape(result, (-1, low_height, low_width, channels, scale, scale))
    result = ops.transpose(result, (0, 1, 4, 2, 5, 3))
    return ops.reshape(result, (-1, low_height * scale, low_width * scale, channels))
