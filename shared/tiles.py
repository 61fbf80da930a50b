"""Large pictures in small memory: enlarged part by part, each part with what surrounds it."""

import numpy as np

ALIGN = 16  # parts begin at multiples of this, so that pooling groups the same pixels


def tiled(picture, enlarge, scale, side, margin, region=None, progress=None):
    """What ``enlarge(picture)`` gives, of a part of the picture at a time.

    Args:
        picture: array (height, width, channels).
        enlarge: function of such an array that gives an array (height * scale, width * scale,
            any channels). Each output pixel must depend on no more than ``margin`` pixels
            around its own, counted in pixels of the picture.
        side: height and width of a part, without the margin.
        region: (x, y, width, height): give this part of the picture, as it is in the whole.
        progress: function of the share that is done, 0 to 1, called after each part.

    The parts do not show: inside the picture each has its margin of true neighbours, and at
    the picture's border the network meets the border.
    """
    height, width = picture.shape[:2]
    x, y, across, down = region or (0, 0, width, height)
    parts = [(top, left) for top in range(y, y + down, side)
             for left in range(x, x + across, side)]
    result = None
    for number, (top, left) in enumerate(parts, 1):
        bottom, right = min(top + side, y + down), min(left + side, x + across)
        first_row, first_column = (max(0, place - margin) // ALIGN * ALIGN
                                   for place in (top, left))
        part = enlarge(picture[first_row:bottom + margin, first_column:right + margin])
        if result is None:
            result = np.empty((down * scale, across * scale, part.shape[2]), part.dtype)
        result[(top - y) * scale:(bottom - y) * scale, (left - x) * scale:(right - x) * scale] = \
            part[(top - first_row) * scale:(bottom - first_row) * scale,
                 (left - first_column) * scale:(right - first_column) * scale]
        if progress:
            progress(number / len(parts))
    return result


def grown(region, margin, picture):
    """``region`` with ``margin`` more pixels on each side, but not beyond the picture.

    It begins at a multiple of ``ALIGN``, as the whole picture does.
    """
    x, y, across, down = region
    left, top = (max(0, place - margin) // ALIGN * ALIGN for place in (x, y))
    right = min(picture.shape[1], x + across + margin)
    bottom = min(picture.shape[0], y + down + margin)
    return left, top, right - left, bottom - top
