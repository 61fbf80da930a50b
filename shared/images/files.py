"""Reads and writes picture files: PNG, JPEG, WebP and TIFF, as upright 8-bit RGB.

A file that holds anything else than 8-bit RGB is converted, and ``Picture.notes`` says what was
lost: 16 bits become 8, CMYK becomes sRGB, and only the first of several frames is taken. A
palette becomes RGB. Grey stays grey, alpha stays alpha, and the colour profile (ICC) is copied
to the new file. The EXIF data about the camera are not copied. Introduced in lesson 06.
"""

import errno
import io
import os
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF",
           ".tiff": "TIFF"}
LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # the largest height and width of the format, pixels
OPTIONS = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95},
           "TIFF": {"compression": "tiff_lzw"}}
DEEP = ("I;16", "I;16B", "I;16L", "I;16N")  # Pillow's names for 16-bit grey


@dataclass
class Picture:
    """The contents of a picture file.

    Args:
        pixels: uint8 (height, width, 3), RGB, or (height, width, 4), RGB and alpha.
        grey: True if the three colours are equal and the file stores only one.
        profile: the ICC profile as bytes, or None.
        notes: what was lost in reading, one sentence each.
    """

    pixels: np.ndarray
    grey: bool = False
    profile: bytes | None = None
    notes: list[str] = field(default_factory=list)


def read_picture(path):
    """Reads the file ``path`` and returns a ``Picture``, turned upright by its EXIF orientation.

    Raises OSError if the file is missing or cannot be read, and ValueError if it is empty, not a
    picture, damaged, too large, or of a kind that cannot be converted to RGB.
    """
    path = Path(path)
    with path.open("rb") as file:  # raises OSError for a missing file, a folder, no permission
        if not file.read(1):
            raise ValueError("the file is empty")
        file.seek(0)
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on and refuses from 179 on. Up to 179 are allowed.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                with Image.open(file) as image:
                    return _upright_rgb(image)
            except Image.DecompressionBombError as error:
                raise ValueError(f"the picture is too large: {error}") from error
            except UnidentifiedImageError as error:
                raise ValueError("not a picture that can be read here") from error
            except (OSError, SyntaxError, EOFError, LookupError, TypeError,
                    struct.error, zlib.error) as error:
                raise ValueError(f"the picture is damaged: {error}") from error


def _upright_rgb(image):
    notes, profile = [], image.info.get("icc_profile") or b""
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"the first of {image.n_frames} frames is taken")
    if ";16" in str(image.tile):  # how Pillow decodes the file; it reduces RGB to 8 bits itself
        notes.append("16 bits become 8")
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP:
        levels = np.rint(np.asarray(image, "float32") / 257).astype("uint8")  # 65,535 / 255
        image = Image.fromarray(levels)
    elif image.mode in ("I", "F"):
        raise ValueError(f"pixels of 32 bits (mode {image.mode}) have no known range: save the "
                         "picture with 8 or 16 bits first")
    elif image.mode == "CMYK":
        notes.append("CMYK becomes sRGB")
        image = _from_cmyk(image, profile)
    alpha = image.has_transparency_data
    grey = image.mode in ("1", "L", "LA", "La")
    # Bytes 16 to 19 of a profile name its colours. A CMYK profile does not fit converted pixels.
    kept = profile if profile[16:20] == (b"GRAY" if grey else b"RGB ") else None
    return Picture(np.asarray(image.convert("RGBA" if alpha else "RGB")), grey, kept, notes)


def _from_cmyk(image, profile):
    """RGB by the file's colour profile if it has one that works, else by Pillow's formula."""
    try:
        return ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                                         ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError):
        return image.convert("RGB")


def write_picture(path, picture, overwrite=False):
    """Writes ``picture``, a ``Picture``, to the file ``path``, whose suffix decides the format.

    The file is first written under another name and then renamed, so that an interruption or
    a full disk leaves no incomplete file. JPEG has no alpha, so for JPEG the picture is put on
    a white background. JPEG and WebP are written with quality 95.

    Raises the errors of ``writable_format``, ValueError if the picture is too large for the
    format, and OSError if the folder is missing or the disk is full.
    """
    path = Path(path)
    kind = writable_format(path, overwrite)
    longest = max(picture.pixels.shape[:2])
    if longest > LONGEST.get(kind, longest):
        raise ValueError(f"{kind} holds {LONGEST[kind]} pixels per side at most, but the picture "
                         f"has {longest}: write a .png or .tif")
    image = Image.fromarray(picture.pixels)
    if image.mode == "RGBA" and kind == "JPEG":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if picture.grey:  # the colours differ only by rounding; green is the largest part of luma
        bands = [image.getchannel(band) for band in ("G", "A") if band in image.getbands()]
        image = Image.merge(("L", "LA")[len(bands) - 1], bands)
    options = {**OPTIONS[kind], **({"icc_profile": picture.profile} if picture.profile else {})}
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            image.save(file, kind, **options)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def writable_format(path, overwrite=False):
    """Pillow's name for the format of ``path``, decided by its suffix.

    Raises ValueError on an unknown suffix, and FileExistsError if the file exists already and
    ``overwrite`` is False.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"the suffix of {path.name} is not that of a format that can be "
                         f"written: use one of {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "it exists already (--overwrite replaces it)",
                              str(path))
    return FORMATS[path.suffix.lower()]
