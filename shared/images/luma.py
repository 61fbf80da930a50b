"""Brightness and colour, and the protocol by which papers measure photographs.

Super-resolution papers measure only the luma of a photo: its brightness, to which the eye is
most sensitive. They measure it as 8-bit numbers, so everything in this module has the range 0
to 255; the networks take luma divided by 255. Introduced in lesson 06.

The protocol, for one photo::

    truth = luma(photo)                     # rounded to 8 bits
    low_res = reduce(truth, scale)          # antialiased bicubic, rounded to 8 bits
    metrics.psnr_y(truth, image, scale)     # rounds the image and leaves out a border
"""

import numpy as np

from shared.images.degrade import bicubic_down

# ITU-R BT.601 with headroom at both ends: black is 16, white is 235. One row each for Y, Cb, Cr.
YCBCR = np.array([[65.481, 128.553, 24.966],
                  [-37.797, -74.203, 112.0],
                  [112.0, -93.786, -18.214]]) / 255
OFFSET = np.array([16.0, 128.0, 128.0])


def to_ycbcr(rgb):
    """Converts RGB to luma and colour: Y, Cb and Cr as in ITU-R BT.601.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255. A grey pixel has Cb = Cr = 128.

    Args:
        rgb: array (..., 3), range 0 to 255.

    Returns float32 (..., 3), not rounded. Raises ValueError on another number of channels.
    """
    matrix, offset = YCBCR.astype("float32"), OFFSET.astype("float32")
    return _channels(rgb) @ matrix.T + offset


def to_rgb(ycbcr):
    """The inverse of ``to_ycbcr``: RGB, float32 (..., 3), neither rounded nor clipped."""
    matrix = np.linalg.inv(YCBCR).astype("float32")
    return (_channels(ycbcr) - OFFSET.astype("float32")) @ matrix.T


def _channels(image):
    image = np.asarray(image, "float32")
    if image.ndim == 0 or image.shape[-1] != 3:
        raise ValueError(f"expected three channels in the last axis, found shape {image.shape}")
    return image


def rounded(image):
    """The image rounded and clipped to 0 to 255: uint8 of the same shape."""
    return np.clip(np.rint(image), 0, 255).astype("uint8")


def luma(rgb):
    """The brightness of a picture, rounded to 8 bits.

    Args:
        rgb: array (height, width, 3), RGB, or (height, width, 1), which is taken to be luma
            already and is only rounded; range 0 to 255.

    Returns uint8 (height, width, 1). Raises ValueError on another shape.
    """
    rgb = np.asarray(rgb)
    if rgb.ndim != 3 or rgb.shape[2] not in (1, 3):
        raise ValueError(f"expected a picture of shape (height, width, 3) or (height, width, 1), "
                         f"found {rgb.shape}")
    return rounded(rgb if rgb.shape[2] == 1 else to_ycbcr(rgb)[..., :1])


def crop_to_multiple(image, scale=2):
    """The largest upper left part of (height, width, ...) whose sides are multiples of ``scale``.

    Returns a view of the image.
    """
    height, width = image.shape[:2]
    return image[:height // scale * scale, :width // scale * scale]


def reduce(image, scale=2):
    """The low resolution of the protocol: antialiased bicubic, rounded to 8 bits.

    Args:
        image: array (height, width, channels), range 0 to 255. If ``scale`` does not divide its
            sides, it is cropped first.

    Returns uint8 (height // scale, width // scale, channels). Raises ValueError if the image is
    smaller than ``scale``.
    """
    if min(image.shape[:2]) < scale:
        raise ValueError(f"a picture of {image.shape[0]}x{image.shape[1]} has no pixel left "
                         f"when reduced by {scale}")
    cropped = crop_to_multiple(np.asarray(image, "float32"), scale)
    return rounded(bicubic_down(cropped[None], scale)[0])
