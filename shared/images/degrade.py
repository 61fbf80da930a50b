"""How low-resolution images are made, and how an image is made consistent with one.

``block_mean`` makes the low-resolution images of lessons 01 to 05 and 07, ``bicubic_down``
those of lesson 06. ``project`` moves an image to the nearest one whose block means are exactly
the low-resolution pixels. Introduced in lesson 01, ``bicubic_down`` in lesson 06.
"""

import numpy as np
from keras import ops

from shared.images.resize import resize

PIXELS_AT_A_TIME = 500_000  # that ``project`` works on, to bound its memory


def block_mean(images, scale=4):
    """The mean of each block of ``scale`` x ``scale`` pixels.

    Args:
        images: array or tensor of shape (n, height, width, channels), any range.
        scale: side of a block in pixels.

    Returns an array for an array and a tensor for a tensor, of shape (n, height / scale,
    width / scale, channels), in the same range. Raises ValueError if ``scale`` does not divide
    the height and the width.
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
    """Antialiased bicubic reduction, as by MATLAB's ``imresize`` (Keys 1981, a = -0.5).

    Takes, returns and raises the same as ``block_mean``, in float32. The result may leave the
    range at sharp edges: clip it, and also round it to 8 bits if it stands for a picture file.
    """
    _, height, width, _ = images.shape
    if height % scale or width % scale:
        raise ValueError(f"{scale} does not divide an image of {height}x{width}: crop it first")
    return resize(images, (height // scale, width // scale), "bicubic", antialias=True)


def project(images, low_res):
    """The nearest images in [0, 1] whose block means are exactly ``low_res``.

    For each block of values v with target mean y this is the Euclidean projection onto the set
    {x : mean(x) = y, 0 <= x <= 1}. The solution is clip(v + shift, 0, 1), with one number
    ``shift`` per block. The mean of clip(v + shift, 0, 1) is a piecewise linear function of
    ``shift`` and never falls. Its corners are where a pixel enters or leaves the range, at -v
    and at 1 - v. Sorting the corners finds the piece on which the mean is y, and on that piece
    the shift is computed exactly.

    The truth lies in the set, and the set is convex. Therefore the projected image is never
    further from the truth than the image was.

    Args:
        images: array or tensor (n, height, width, channels), any range. In float32 the means
            are exact to within 1e-6 for values up to 10, and to within 1e-4 up to 1,000.
        low_res: the same kind, (n, height / scale, width / scale, channels), in [0, 1].

    Returns float32 of the kind and shape of ``images``. Raises ValueError if the shapes do not
    fit together.
    """
    if len(images.shape) != 4 or len(low_res.shape) != 4:
        raise ValueError(f"expected images and low_res of shape (n, height, width, channels), "
                         f"found {tuple(images.shape)} and {tuple(low_res.shape)}")
    if isinstance(images, np.ndarray):
        if len(images) != len(low_res):
            raise ValueError(f"images of shape {images.shape} need one low_res each, found "
                             f"low_res of shape {low_res.shape}")
        chunk = max(1, PIXELS_AT_A_TIME // max(1, images[0:1].size))  # images
        return np.concatenate([ops.convert_to_numpy(_project(
            ops.convert_to_tensor(images[i:i + chunk], "float32"),
            ops.convert_to_tensor(low_res[i:i + chunk], "float32")))
            for i in range(0, max(len(images), 1), chunk)])
    return _project(images, low_res)


def _project(images, low_res):
    _, height, width, channels = images.shape
    _, low_height, low_width, low_channels = low_res.shape
    scale = height // low_height
    if (height, width, channels) != (low_height * scale, low_width * scale, low_channels):
        raise ValueError(f"images of shape {tuple(images.shape)} are not a whole multiple of "
                         f"low_res of shape {tuple(low_res.shape)}")
    return project_blocks(images, low_res, scale)


def project_blocks(images, low_res, scale):
    """``project`` for tensors whose height and width may still be unknown.

    Args:
        images, low_res: float32 tensors as for ``project``; their shapes are not checked.
        scale: side of a block in pixels.

    Returns a tensor of the shape of ``images``.
    """
    low_height, low_width = ops.shape(low_res)[1:3]
    channels = low_res.shape[3]
    pixels = scale * scale
    blocks = ops.reshape(images, (-1, low_height, scale, low_width, scale, channels))
    blocks = ops.transpose(blocks, (0, 1, 3, 5, 2, 4))
    blocks = ops.reshape(blocks, (-1, low_height, low_width, channels, pixels))
    target = ops.clip(low_res, 0.0, 1.0)[..., None] * pixels  # the sum that each block needs

    corners = ops.concatenate([-blocks, 1.0 - blocks], axis=-1)
    order = ops.argsort(corners, axis=-1)
    corners = ops.take_along_axis(corners, order, axis=-1)
    bend = ops.where(order < pixels, 1.0, -1.0)  # one pixel more, or one fewer, moves with shift
    slope = ops.cumsum(bend, axis=-1)[..., :-1]
    length = corners[..., 1:] - corners[..., :-1]
    end = ops.cumsum(slope * length, axis=-1)  # the sum of the block at the end of each piece
    start = ops.concatenate([ops.zeros_like(end[..., :1]), end[..., :-1]], axis=-1)
    # Go along each piece as far as the target needs, at most to its end, and add up the steps.
    # On a level piece, where no pixel moves, the step is the whole piece or nothing.
    rest = target - start
    step = ops.where(slope > 0, ops.clip(rest / ops.maximum(slope, 1.0), 0.0, length),
                     ops.where(rest > 0, length, 0.0))
    shift = corners[..., :1] + ops.sum(step, axis=-1, keepdims=True)

    result = ops.clip(blocks + shift, 0.0, 1.0)
    result = ops.reshape(result, (-1, low_height, low_width, channels, scale, scale))
    result = ops.transpose(result, (0, 1, 4, 2, 5, 3))
    return ops.reshape(result, (-1, low_height * scale, low_width * scale, channels))
