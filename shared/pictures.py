"""Picture files in and out: PNG, JPEG, WebP and TIFF, upright and as 8-bit RGB.

A file that holds something else than RGB of 8 bits is turned into that, and ``Picture.notes``
says what was lost by it: 16 bits become 8, CMYK becomes sRGB, of several frames the first is
taken. A palette becomes RGB. Grey stays grey, alpha stays alpha, and the colour profile (ICC)
goes into the new file. What EXIF says about the camera does not.
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
LONGEST = {"JPEG": 65_500, "WEBP": 16_383}  # pixels of height or width that the format holds
OPTIONS = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95},
           "TIFF": {"compression": "tiff_lzw"}}
DEEP = ("I;16", "I;16B", "I;16L", "I;16N")  # Pillow's names of 16-bit grey


@dataclass
class Picture:
    """What a file holds.

    Args:
        pixels: uint8 (height, width, 3), RGB, or (height, width, 4) with alpha.
        grey: the three colours are equal, and the file is to hold one.
        profile: the ICC profile as bytes, or None.
        notes: what was lost in reading, a sentence each.
    """

    pixels: np.ndarray
    grey: bool = False
    profile: bytes | None = None
    notes: list[str] = field(default_factory=list)


def read(path):
    """The picture in the file ``path``, upright as its EXIF orientation says: a ``Picture``.

    Raises OSError where the file is missing or cannot be read, ValueError where it is empty,
    no picture, damaged, too large, or of a kind that cannot be turned into RGB.
    """
    path = Path(path)
    with path.open("rb") as file:  # a missing file, a folder, no permission: OSError as it is
        if not file.read(1):
            raise ValueError("the file is empty")
        file.seek(0)
        with warnings.catch_warnings():
            # Pillow warns from 89 megapixels on and refuses from 179; so many we take.
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
    if ";16" in str(image.tile):  # how Pillow will decode it; of RGB it keeps 8 bits itself
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
    # Bytes 16 to 19 of a profile name its colours: one of CMYK would be wrong from here on.
    kept = profile if profile[16:20] == (b"GRAY" if grey else b"RGB ") else None
    return Picture(np.asarray(image.convert("RGBA" if alpha else "RGB")), grey, kept, notes)


def _from_cmyk(image, profile):
    """By the file's colour profile where it has one that works, else by Pillow's formula."""
    try:
        return ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                                         ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError):
        return image.convert("RGB")


def write(path, picture, overwrite=False):
    """Write ``picture`` (``Picture``) to the file ``path``; its suffix gives the format.

    It is written beside its place and moved there when it is whole, so an interruption or a
    full disk leaves nothing half written. JPEG has no alpha: there the picture is laid on
    white. JPEG and WebP are written with quality 95.

    Raises as ``check`` does; ValueError where the picture is too large for the format, OSError
    where the folder is missing or the disk is full.
    """
    path = Path(path)
    kind = check(path, overwrite)
    longest = max(picture.pixels.shape[:2])
    if longest > LONGEST.get(kind, longest):
        raise ValueError(f"{kind} holds {LONGEST[kind]} pixels a side at most, the picture has "
                         f"{longest}: write a .png or .tif")
    image = Image.fromarray(picture.pixels)
    if image.mode == "RGBA" and kind == "JPEG":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if picture.grey:  # red, green and blue agree but for rounding; green is most of the luma
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


def check(path, overwrite=False):
    """Pillow's name of the format that the suffix of ``path`` says, if it may be written.

    Raises ValueError on another suffix, FileExistsError where there is such a file.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"{path.name} has no suffix of a format that can be written: use one "
                         f"of {', '.join(FORMATS)}")
    if path.exists() and not overwrite:
        raise FileExistsError(errno.EEXIST, "it exists already (--overwrite replaces it)",
                              str(path))
    return FORMATS[path.suffix.lower()]
