"""The contents of a picture file, whatever its format. Introduced in lesson 06."""

import io
from dataclasses import dataclass, field

import numpy as np
from PIL import ImageCms


@dataclass
class Picture:
    """The contents of a picture file.

    Args:
        pixels: uint8 or uint16 (height, width, 3), RGB, or (height, width, 4), RGB and alpha.
            The colours are not multiplied by alpha.
        grey: True if the three colours are equal and the file stores only one.
        profile: the ICC profile as bytes, or None for sRGB.
        exif: the EXIF data as bytes that begin with the TIFF header, or None. They have no
            orientation, size or thumbnail, which would be wrong for the new file.
        dpi: (horizontal, vertical) resolution in pixels per inch, or None.
        xmp: the XMP packet as bytes, or None.
        text: the texts of a PNG file, a dict.
        notes: what was lost or converted in reading, one phrase each.
    """

    pixels: np.ndarray
    grey: bool = False
    profile: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class Refused(ValueError):
    """A picture that is refused by name, unlike an error of a library that reads it."""


class TooLarge(Refused):
    """A picture of more pixels than the caller wants to read."""


def one_line(error):
    """The message of an error of a library, in at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def check_size(width, height, max_pixels):
    """Raises ``Refused`` if there are no pixels, and ``TooLarge`` if there are too many.

    ``max_pixels`` is None for any number of them.
    """
    if width < 1 or height < 1:
        raise Refused("the picture is damaged: it has no pixels")
    if max_pixels is not None and width * height > max_pixels:
        raise TooLarge(f"the picture is too large: {width}x{height} are "
                       f"{width * height / 1e6:,.1f} million pixels, and at most "
                       f"{max_pixels / 1e6:,g} million are read")


def _upright(pixels, orientation):
    """The pixels (height, width, channels) turned as EXIF's orientation 1 to 8 says."""
    if orientation in (2, 5):
        pixels = pixels[:, ::-1]
    elif orientation in (4, 7):
        pixels = pixels[::-1]
    quarters = {3: 2, 5: 1, 6: 3, 7: 1, 8: 1}.get(orientation, 0)  # counterclockwise
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def finished(pixels, orientation, profile, exif, notes, **others):
    """The ``Picture`` of an array of 1 to 4 channels: grey, grey and alpha, RGB, or RGBA."""
    grey = pixels.shape[2] < 3
    if grey:
        pixels = np.concatenate([pixels[..., :1]] * 3 + [pixels[..., 1:]], axis=2)
    # Bytes 16 to 19 of a profile name its colours.
    if profile and profile[16:20] != (b"GRAY" if grey else b"RGB "):
        notes.append("the colour profile does not fit the pixels and is left out")
        profile = None
    return Picture(_upright(pixels, orientation), grey, profile or None, exif,
                   notes=list(dict.fromkeys(notes)), **others)


def resolution(dpi):
    """The resolution as two floats if it is one, else None."""
    try:
        across, down = (float(number) for number in dpi)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (across, down) if 1 <= across < 65_535 and 1 <= down < 65_535 else None


def note_frames(number, notes):
    """Adds to the ``notes`` that a file of several frames is not read as a whole."""
    if number > 1:
        notes.append(f"the first of {number} frames is taken")


def to_8_bits(pixels):
    """uint8 as it is, and uint16 rounded to the nearest of the 256 levels."""
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype("uint32") + 128) // 257).astype("uint8")  # 65,535 / 255 is 257


def from_cmyk(image, profile):
    """RGB by the file's colour profile if it has one that works, else by Pillow's formula."""
    try:
        return ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                                         ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image.convert("RGB")


def channels(picture):
    """The pixels as the file stores them: with 2 to 4 channels, or (height, width) for grey."""
    pixels = picture.pixels
    if picture.grey:  # the three colours differ only by rounding; green is most of luma
        pixels = pixels[..., 1] if pixels.shape[2] == 3 else pixels[..., [1, 3]]
    return np.ascontiguousarray(pixels)


def fitting_profile(picture, grey):
    """The colour profile if it is one of grey, or of RGB, as the file will be; else None."""
    profile = picture.profile
    return profile if profile and profile[16:20] == (b"GRAY" if grey else b"RGB ") else None
