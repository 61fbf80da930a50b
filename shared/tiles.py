"""Large pictures in small memory: enlarged part by part, each part with what surrounds it.

All parts of a picture have one shape, and the same ones are computed whether the whole
picture is asked for or a region of it. So a region is, to the last bit, what a crop of the
whole would be, on every machine; parts of several shapes would not promise that, since a
library may add up a convolution's products in another order when the shape is another.
"""

import numpy as np

ALIGN = 16  # parts begin at multiples of this, so that pooling groups the same pixels


def grid(size, side, margin):
    """How a line of ``size`` pixels is divided into parts of one length that overlap.

    Args:
        size: pixels of the picture's height or width.
        side: about how long a part is; it becomes less than 2 ``ALIGN`` longer, so that the first
            part can begin where the picture does, the last end where it ends, and all of them
            begin at multiples of ``ALIGN``.
        margin: pixels at an end of a part that are not to be trusted, because they lack
            neighbours, unless that end is the picture's own.

    Returns the length of a part, and for each part (start, first, last): it covers the pixels
    from ``start`` on and answers for those from ``first`` to ``last`` - 1.

    Raises ValueError where ``side`` leaves nothing to answer between two margins.
    """
    length = -(-side // ALIGN) * ALIGN + size % ALIGN
    if length >= size:
        return size, [(0, 0, size)]
    step = (length - 2 * margin) // ALIGN * ALIGN
    if step < 1:
        raise ValueError(f"parts of {side} pixels with a margin of {margin} at each end leave "
                         f"nothing: make them {2 * margin + ALIGN} long at least")
    starts = [*range(0, size - length, step), size - length]
    firsts = [0, *(start + margin for start in starts[1:])]
    return length, list(zip(starts, firsts, [*firsts[1:], size], strict=True))


def needed(shape, side, margin, region):
    """The part of a picture that ``tiled`` reads to give ``region``: (x, y, width, height).

    ``shape`` is the picture's (height, width, ...), ``region`` as in ``tiled``.
    """
    x, y, across, down = region
    (top, bottom), (left, right) = (
        (parts[0][0], parts[-1][0] + length)
        for length, parts in (_touched(shape[0], side, margin, y, down),
                              _touched(shape[1], side, margin, x, across)))
    return left, top, right - left, bottom - top


def _touched(size, side, margin, start, extent):
    """``grid``, of its parts only those that answer for pixels from ``start`` on."""
    length, parts = grid(size, side, margin)
    return length, [part for part in parts if part[1] < start + extent and part[2] > start]


def checked(shape, region):
    """``region``, all of the picture for None; ValueError where it does not lie inside it."""
    height, width = shape[:2]
    x, y, across, down = region or (0, 0, width, height)
    if min(x, y) < 0 or min(across, down) < 1 or x + across > width or y + down > height:
        raise ValueError(f"a region of {across}x{down} at {x},{y} does not lie inside a "
                         f"picture of {width}x{height}")
    return x, y, across, down


def tiled(picture, enlarge, scale, side, margin, region=None, progress=None):
    """What ``enlarge(picture)`` gives, computed a part of the picture at a time.

    Args:
        picture: array (height, width, channels).
        enlarge: function of such an array that gives an array (height * scale, width * scale,
            any channels). Each output pixel must depend on no more than ``margin`` pixels
            around its own, counted in pixels of the picture.
        side: height and width of a part, margin included; see ``grid``.
        region: (x, y, width, height) in pixels of the picture: give this part of the result,
            as it is in the whole. All of it if None.
        progress: function of the share that is done, 0 to 1, called after each part.

    Returns an array (height * scale, width * scale, channels of ``enlarge``), of the whole or
    of the region. Inside the picture each part has its margin of true neighbours, and at the
    picture's border it ends where the picture does, so the parts do not show.

    Raises ValueError where the region does not lie inside the picture.
    """
    height, width = picture.shape[:2]
    x, y, across, down = checked(picture.shape, region)
    long, rows = _touched(height, side, margin, y, down)
    wide, columns = _touched(width, side, margin, x, across)
    result = None
    for number, ((top, first_row, last_row), (left, first_column, last_column)) in enumerate(
            ((row, column) for row in rows for column in columns), 1):
        part = enlarge(picture[top:top + long, left:left + wide])
        if result is None:
            result = np.empty((down * scale, across * scale, part.shape[2]), part.dtype)
        row = slice(max(first_row, y), min(last_row, y + down))
        column = slice(max(first_column, x), min(last_column, x + across))
        result[_moved(row, y, scale), _moved(column, x, scale)] = \
            part[_moved(row, top, scale), _moved(column, left, scale)]
        if progress:
            progress(number / (len(rows) * len(columns)))
    return result


def _moved(span, origin, scale):
    """Pixels ``span`` of the picture, in an enlarged part that begins at ``origin``."""
    return slice((span.start - origin) * scale, (span.stop - origin) * scale)
