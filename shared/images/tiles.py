"""Large pictures in little memory: each is enlarged tile by tile, each tile with a margin.

All tiles of a picture have the same shape, and they are the same tiles whether the whole
picture is enlarged or only a region of it. Therefore a region equals the crop of the whole,
bit for bit, on every machine. Tiles of several shapes could not promise this, because a
library may add up the products of a convolution in another order for another shape.
Introduced in lesson 06.
"""

import itertools

import numpy as np

from shared.images import resize

ALIGN = 16  # tiles start at multiples of this, so that pooling groups the same pixels


def grid(size, side, margin):
    """Divides a line of ``size`` pixels into overlapping tiles of the same length.

    Args:
        size: the picture's height or width in pixels.
        side: the shortest length of a tile in pixels. The real length is less than 2 ``ALIGN``
            longer, so that the first tile can start where the picture starts, the last can end
            where it ends, and all of them can start at multiples of ``ALIGN``. A tile is never
            longer than the picture.
        margin: how many pixels at each end of a tile are computed wrongly, because neighbours
            are missing there. At an end of the picture itself, all pixels are right.

    Returns the length of a tile, and (start, first, last) for each tile: the tile covers the
    pixels from ``start`` on, and the result takes those from ``first`` to ``last`` - 1 from it.

    Raises ValueError if ``side`` leaves no pixel between two margins.
    """
    length = -(-side // ALIGN) * ALIGN + size % ALIGN
    if length >= size:
        return size, [(0, 0, size)]
    step = (length - 2 * margin) // ALIGN * ALIGN
    if step < 1:
        raise ValueError(f"tiles of {side} pixels have nothing left between margins of {margin}: "
                         f"make them at least {2 * margin + ALIGN} long")
    starts = [*range(0, size - length, step), size - length]
    firsts = [0, *(start + margin for start in starts[1:])]
    return length, list(zip(starts, firsts, [*firsts[1:], size], strict=True))


def needed(shape, side, margin, region):
    """The part of a picture that ``tiled`` reads to compute ``region``: (x, y, width, height).

    Args:
        shape: of the picture, (height, width, ...).
        side, margin, region: as in ``tiled``.
    """
    x, y, width, height = region
    tile_height, rows = _touched(shape[0], side, margin, y, height)
    tile_width, columns = _touched(shape[1], side, margin, x, width)
    top, bottom = rows[0][0], rows[-1][0] + tile_height
    left, right = columns[0][0], columns[-1][0] + tile_width
    return left, top, right - left, bottom - top


def _touched(size, side, margin, start, extent):
    """As ``grid``, with only the tiles needed for the ``extent`` pixels from ``start`` on."""
    length, tiles = grid(size, side, margin)
    return length, [(begin, first, last) for begin, first, last in tiles
                    if first < start + extent and last > start]


def checked(shape, region):
    """``region`` itself, or the whole picture if it is None: (x, y, width, height).

    Args:
        shape: of the picture, (height, width, ...).
        region: (x, y, width, height) in pixels, or None.

    Raises ValueError if the region is empty or does not lie inside the picture.
    """
    height, width = shape[:2]
    x, y, region_width, region_height = region or (0, 0, width, height)
    if (min(x, y) < 0 or min(region_width, region_height) < 1
            or x + region_width > width or y + region_height > height):
        raise ValueError(f"a region of {region_width}x{region_height} at {x},{y} does not lie "
                         f"inside a picture of {width}x{height}")
    return x, y, region_width, region_height


def tiled(picture, enlarge, scale, side, margin, region=None, progress=None):
    """Computes ``enlarge(picture)``, one tile of the picture at a time.

    Args:
        picture: array (height, width, channels).
        enlarge: function of such an array that returns an array (height * scale, width * scale,
            any channels). An output pixel may depend only on its own pixel of the picture and
            on ``margin`` pixels around it.
        side: height and width of a tile in pixels, including its margins; see ``grid``.
        region: (x, y, width, height) in pixels of the picture: compute only this part of the
            result. The whole picture if None.
        progress: function that is called after each tile with the fraction done, 0 to 1.

    Returns an array (height * scale, width * scale, channels of ``enlarge``), for the whole
    picture or for the region. No borders of tiles show in it: inside the picture each tile has
    its margin of real neighbours, and at the border of the picture it ends where the picture
    ends.

    Raises ValueError if the region does not lie inside the picture, or if ``side`` leaves no
    pixel between two margins.
    """
    x, y, width, height = checked(picture.shape, region)
    tile_height, rows = _touched(picture.shape[0], side, margin, y, height)
    tile_width, columns = _touched(picture.shape[1], side, margin, x, width)
    result = None
    for number, (row, column) in enumerate(itertools.product(rows, columns), 1):
        top, first_row, last_row = row
        left, first_column, last_column = column
        tile = enlarge(picture[top:top + tile_height, left:left + tile_width])
        if result is None:
            result = np.empty((height * scale, width * scale, tile.shape[2]), tile.dtype)
        down = slice(max(first_row, y), min(last_row, y + height))
        across = slice(max(first_column, x), min(last_column, x + width))
        result[_enlarged(down, y, scale), _enlarged(across, x, scale)] = \
            tile[_enlarged(down, top, scale), _enlarged(across, left, scale)]
        if progress:
            progress(number / (len(rows) * len(columns)))
    return result


def _enlarged(span, origin, scale):
    """The slice ``span`` of the picture, in an enlarged part that starts at ``origin``."""
    return slice((span.start - origin) * scale, (span.stop - origin) * scale)


def reducing(size, start, extent, count, block=256):
    """How to reduce a part of a line to ``count`` pixels by antialiased bicubic, in blocks.

    Args:
        size: length of the line in pixels.
        start, extent: the part that becomes ``count`` pixels. Pixels around it count where the
            kernel reaches them and the line has them.
        count: length of the result in pixels, at most ``extent``.
        block: pixels of the result in one block.

    Returns a list of (slice of the result, slice of the line, weights), with weights float32 of
    the shape (pixels of the result, pixels of the line). For a whole line they are those of
    ``resize.weight_matrix`` that are not 0.
    """
    step, parts = extent / count, []
    for first in range(0, count, block):
        centre = start + (np.arange(first, min(first + block, count)) + 0.5) * step
        low = max(int(np.floor(centre[0] - 2 * step)), 0)
        high = min(int(np.ceil(centre[-1] + 2 * step)), size)
        weights = resize.keys_cubic((np.arange(low, high) + 0.5 - centre[:, None]) / step)
        weights /= weights.sum(axis=1, keepdims=True)
        parts.append((slice(first, first + len(centre)), slice(low, high),
                      weights.astype("float32")))
    return parts
