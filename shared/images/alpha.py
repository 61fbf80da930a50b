"""Pixels of 8 or 16 bits, with or without transparency, as levels from 0 to 255 to compute with.

Colours are weighted by alpha (premultiplied) before pixels are mixed. Otherwise the colours of
transparent pixels, which nobody sees, would shine through at the edges of what is opaque. See
Porter and Duff, "Compositing digital images" (1984). Introduced in lesson 06.
"""

import numpy as np
from scipy import ndimage

from shared.images import luma, tiles


def premultiplied(tile):
    """Levels with colours weighted by alpha.

    Args:
        tile: uint8 or uint16 (height, width, 3 or 4).

    Returns float32 of the same shape, 0 to 255; without a fourth channel, as ``levels``.
    """
    values = levels(tile).astype("float32")
    if tile.shape[2] == 4:
        values[..., :3] *= values[..., 3:] / 255
    return values


def straight(values):
    """The inverse of ``premultiplied``: levels, not rounded; colours may be outside 0 to 255."""
    if values.shape[2] == 3:
        return values
    alpha = values[..., 3:]
    colours = values[..., :3] * 255 / np.maximum(alpha, 1e-3)  # less than one level of 16 bits
    return np.concatenate([colours, alpha], axis=2)


def levels(tile):
    """The values of uint8, or those of uint16 as float32 of the same range, 0 to 255."""
    return tile if tile.dtype == np.uint8 else tile.astype("float32") / 257


def as_levels(values, dtype):
    """Levels from 0 to 255 as uint8, or as uint16 with all its 65,536; others are clipped."""
    if np.dtype(dtype) == np.uint8:
        return luma.rounded(values)
    return np.clip(np.rint(values * np.float32(257)), 0, 65_535).astype("uint16")


def filled(image):
    """A copy of RGBA whose transparent pixels have the colours of the nearest that can be seen.

    RGB, and RGBA without such pixels or with nothing else, is returned itself.
    """
    hidden = image[..., 3:] == 0  # without pixels if there is no alpha
    if not hidden.any() or hidden.all():
        return image
    hidden = hidden[..., 0]
    nearest = ndimage.distance_transform_edt(hidden, return_distances=False, return_indices=True)
    image = image.copy()
    image[hidden, :3] = image[tuple(nearest[:, hidden])][:, :3]
    return image


def reduced(picture, region, size):
    """A region of a picture at a smaller size, by antialiased bicubic, weighted by alpha.

    Args:
        picture: uint8 or uint16 (height, width, 3 or 4).
        region: (x, y, width, height) in its pixels. Pixels around it count where the kernel
            reaches them.
        size: (height, width) of the result, at most those of the region.

    Returns an array (*size, channels) of the picture's dtype. It is computed in blocks, since
    one matrix for a whole line of a large picture would not fit into memory.
    """
    x, y, width, height = region
    result = np.empty((*size, picture.shape[2]), picture.dtype)
    columns = tiles.reducing(picture.shape[1], x, width, size[1])
    for rows, from_rows, row_weights in tiles.reducing(picture.shape[0], y, height, size[0]):
        for across, from_columns, column_weights in columns:
            block = premultiplied(picture[from_rows, from_columns])
            block = np.einsum("yh,hwc,jw->yjc", row_weights, block, column_weights,
                              optimize=True)
            result[rows, across] = as_levels(straight(block), picture.dtype)
    return result
