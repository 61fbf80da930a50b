"""Brightness and colour, and the measure of photographs: PSNR-Y.

Super-resolution papers measure on the luma of a photo alone, the brightness that the eye is
keenest on, in units of 8 bits; so everything here has the range 0 to 255. The networks take
luma divided by 255.

The protocol, for one photo::

    truth = luma(photo)                 # rounded to 8 bits
    low_res = reduce(truth, scale)      # antialiased bicubic, rounded to 8 bits
    psnr_y(truth, image, scale)         # rounds the image, leaves a border out
"""

import numpy as np

from shared import metrics
from shared.degrade import bicubic_down

# ITU-R BT.601 with room at both ends: white is 235, black 16. Rows give Y, Cb and Cr.
YCBCR = np.array([[65.481, 128.553, 24.966],
                  [-37.797, -74.203, 112.0],
                  [112.0, -93.786, -18.214]]) / 255
OFFSET = np.array([16.0, 128.0, 128.0])


def to_ycbcr(rgb):
    """Y, Cb and Cr, float32 (..., 3), of RGB values of 0 to 255 (..., 3); nothing is rounded.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255. Grey gives Cb = Cr = 128.
    """
    matrix, offset = YCBCR.astype("float32"), OFFSET.astype("float32")
    return _channels(rgb) @ matrix.T + offset


def to_rgb(ycbcr):
    """RGB, float32 (..., 3), of Y, Cb and Cr (..., 3): ``to_ycbcr`` undone; not clipped."""
    matrix = np.linalg.inv(YCBCR).astype("float32")
    return (_channels(ycbcr) - OFFSET.astype("float32")) @ matrix.T


def _channels(image):
    image = np.asarray(image, "float32")
    if image.ndim == 0 or image.shape[-1] != 3:
        raise ValueError(f"expected three channels last, found the shape {image.shape}")
    return image


def rounded(image):
    """Clipped to 0 to 255 and rounded: uint8 of the same shape."""
    return np.clip(np.rint(image), 0, 255).astype("uint8")


def luma(rgb):
    """The brightness of a picture, rounded: uint8 (height, width, 1) of RGB (height, width, 3).

    A picture of one channel is taken for luma and comes back as it is, if it is uint8.
    """
    rgb = np.asarray(rgb)
    if rgb.ndim != 3 or rgb.shape[2] not in (1, 3):
        raise ValueError(f"expected a picture of shape (height, width, 3) or (height, width, 1), "
                         f"found {rgb.shape}")
    return rounded(rgb if rgb.shape[2] == 1 else to_ycbcr(rgb)[..., :1])


def crop(image, scale=2):
    """The top left part whose height and width divide by ``scale``."""
    height, width = image.shape[:2]
    return image[:height // scale * scale, :width // scale * scale]


def reduce(image, scale=2):
    """The low resolution of the protocol: antialiased bicubic, rounded to 8 bits.

    Args:
        image: array (height, width, channels), range 0 to 255. What a scale that does not
            divide leaves over is cut off (see ``crop``).

    Returns uint8 (height // scale, width // scale, channels).
    """
    if min(image.shape[:2]) < scale:
        raise ValueError(f"a picture of {image.shape[0]}x{image.shape[1]} has no pixel left "
                         f"when reduced by {scale}")
    return rounded(bicubic_down(crop(np.asarray(image, "float32"), scale)[None], scale)[0])


def psnr_y(truth, image, scale=2):
    """PSNR in dB of the luma of ``image``, rounded to 8 bits, without the border. A float.

    Args:
        truth, image: arrays of one shape (height, width, 3), RGB, or (height, width, 1), luma,
            range 0 to 255. Where ``scale`` does not divide ``truth``, both are cropped first.
        scale: what ``image`` was enlarged by; so many pixels are left out on each side.
    """
    return float(metrics.psnr(*_shaved(truth, image, scale), data_range=255)[0])


def ssim_y(truth, image, scale=2):
    """As ``psnr_y``: the structural similarity of Wang et al. (2004), see ``metrics.ssim``."""
    return float(metrics.ssim(*_shaved(truth, image, scale), data_range=255)[0])


def _shaved(truth, image, scale):
    pair = [crop(luma(picture), scale).astype("float32") for picture in (truth, image)]
    if pair[0].shape != pair[1].shape:
        raise ValueError(f"the truth is {truth.shape[0]}x{truth.shape[1]} pixels, the image "
                         f"{image.shape[0]}x{image.shape[1]}: they must be of one size")
    if min(pair[0].shape[:2]) <= 2 * scale:
        raise ValueError(f"nothing is left of {truth.shape[0]}x{truth.shape[1]} pixels without "
                         f"a border of {scale}")
    return [picture[None, scale:-scale, scale:-scale] for picture in pair]
