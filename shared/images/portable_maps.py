"""Reads PGM and PPM files of more than 8 bits, of which Pillow would keep 8.

See the manual pages of pgm(5) and ppm(5) by Jef Poskanzer. Introduced in lesson 06.
"""

import re

import numpy as np

from shared.images import pictures
from shared.images.pictures import Refused

# The kind, then width, height and the value of white, with blanks and comments before each.
HEADER = re.compile(rb"P([2356])" + 3 * rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})" + rb"\s")
LONGEST_HEADER = 1_000_000  # bytes


def is_deep(file):
    """Whether the open file is a map of more than 8 bits. It is at its start afterwards."""
    found = HEADER.match(file.read(LONGEST_HEADER))
    file.seek(0)
    return found is not None and int(found[4]) > 255


def read(file, max_pixels):
    """The ``Picture``, of 16 bits, in the open file.

    Raises ``Refused`` if it is too large, ends too early, or is no map of 9 to 16 bits.
    """
    header = HEADER.match(file.read(LONGEST_HEADER))
    kind, width, height, white = (int(number) for number in header.groups())
    pictures.check_size(width, height, max_pixels)
    if white > 65_535:
        raise Refused("the picture is damaged: no portable map has more than 16 bits")
    channels = 3 if kind in (3, 6) else 1
    count = height * width * channels
    file.seek(header.end())
    if kind in (2, 3):  # numbers in text
        text = re.sub(rb"#[^\r\n]*", b"", file.read())
        values = np.fromstring(text, "uint64", sep=" ")[:count]
    else:
        content = file.read(2 * count)
        values = np.frombuffer(content[:len(content) // 2 * 2], ">u2").astype("uint32")
    if len(values) < count:
        raise Refused("the picture is damaged: it ends too early")
    pixels = (np.minimum(values, white) * 65_535 + white // 2) // white
    pixels = pixels.astype("uint16").reshape(height, width, channels)
    return pictures.finished(pixels, 1, None, None, [])
