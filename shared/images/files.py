"""Reads and writes picture files, with the colours, depth and data that came with them.

``READABLE`` and ``WRITABLE`` name the formats. What is read is upright RGB or RGBA of 8 bits, or
of 16 where a PNG, TIFF, PGM or PPM holds more than 8. Grey stays grey, and the colour profile
(ICC), EXIF, XMP, resolution and PNG's text go to the new file where its format can hold them.
``Picture.notes`` says what was converted or left out. What cannot be read right is refused by
name. Introduced in lesson 06.
"""

import contextlib
import errno
import os
import re
import stat
import warnings
from pathlib import Path

import tifffile

from shared.images import new_files, pictures, pillow_formats, png, portable_maps, tiff
from shared.images.pictures import Picture, Refused

HEIF, AVIF = pillow_formats.HEIF, pillow_formats.AVIF  # whether these can be read

READABLE = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG",
            ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".gif": "GIF",
            ".ppm": "PPM", ".pgm": "PPM", ".pnm": "PPM", **({".avif": "AVIF"} if AVIF else {}),
            **({".heic": "HEIF", ".heif": "HEIF"} if HEIF else {})}
WRITABLE = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF",
            ".tiff": "TIFF", **({".avif": "AVIF"} if AVIF else {})}
QUALITY = 95  # of JPEG, WebP and AVIF, 0 to 100

# The largest height and width, in pixels: what libjpeg, WebP and libpng hold, and what readers
# of AVIF take.
LONGEST = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 32_768, "PNG": png.LONGEST}

# How files of known kinds begin, here and elsewhere.
STARTS = ((rb"\x89PNG\r\n\x1a\n", "PNG"), (rb"\xff\xd8\xff", "JPEG"), (rb"RIFF....WEBP", "WEBP"),
          (rb"(II[*+]\0|MM\0[*+])", "TIFF"), (rb"GIF8[79]a", "GIF"), (rb"BM", "BMP"),
          (rb"P[1-6]\s", "PPM"), (rb"....ftyp.{4,36}(avif|avis)", "AVIF"),
          (rb"....ftyp(hei[cxms]|hev[cmsx]|mif1|msf1)", "HEIF"))
OTHERS = ((rb"%!PS|\xc5\xd0\xd3\xc6", "EPS"), (rb"%PDF", "PDF"), (rb"8BPS", "Photoshop"),
          (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"), (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
                                                     "JPEG 2000"),
          (rb"\0\0\x01\0", "icon"), (rb"\s*<(\?xml|svg)", "SVG"), (rb"gimp xcf", "GIMP"),
          (rb"....ftyp", "video"), (rb"#\?RADIANCE", "HDR"), (rb"v/1\x01", "EXR"),
          (rb"P[Ff]\s", "PFM"), (rb"P7\s", "PAM"), (rb"DDS ", "DDS"), (rb"PK\x03\x04", "zip"))


# --- reading -------------------------------------------------------------------------------


def read_picture(path, max_pixels=250_000_000):
    """Reads the file ``path`` and returns a ``Picture``, turned upright by its orientation.

    The format is decided by the contents of the file, not by its suffix.

    Raises OSError if the file is missing or cannot be read, ``pictures.TooLarge`` if it has more
    than ``max_pixels`` pixels, and another ValueError if it is empty, not a picture, damaged, or
    of a kind that is not read here.
    """
    with _opened(path) as (file, kind):
        if kind == "PNG":
            return png.read(file, max_pixels)
        if kind == "TIFF":
            return tiff.read(file, max_pixels)
        if kind == "PPM" and portable_maps.is_deep(file):
            return portable_maps.read(file, max_pixels)
        return pillow_formats.read(file, kind, max_pixels)


def picture_size(path, max_pixels=None):
    """The (width, height) in pixels of the upright picture in a file, without decoding it.

    Raises as ``read_picture`` does, apart from what only decoding shows. ``max_pixels`` is None
    for no limit.
    """
    with _opened(path) as (file, kind):
        if kind == "PNG":
            size, orientation = png.size_and_orientation(file)
        elif kind == "TIFF":
            size, orientation = tiff.size_and_orientation(file)
        else:
            size, orientation = pillow_formats.size_and_orientation(file, kind, max_pixels)
        pictures.check_size(*size, max_pixels)
    return size[::-1] if orientation >= 5 else size


@contextlib.contextmanager
def _opened(path):
    """The open file and the name of its format; errors of the libraries become ValueError."""
    path = Path(path)
    mode = path.stat().st_mode  # to open a FIFO would wait for another program
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    logger = tifffile.logger()
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = file.read(64)
        file.seek(0)
        kind = _kind(start)
        logger.addFilter(_silent)
        try:
            yield file, kind
        except (Refused, MemoryError):
            raise
        except Exception as error:  # damaged files bring out errors of every class
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk, not of the picture
            raise ValueError(f"the picture is damaged: {pictures.one_line(error)}") from error
        finally:
            logger.removeFilter(_silent)


def _silent(record):
    return False


def _kind(start):
    """The name of the format of a file that starts with these bytes."""
    if not start:
        raise Refused("the file is empty")
    for pattern, kind in STARTS:
        if re.match(pattern, start, re.DOTALL):
            if kind == "HEIF" and not HEIF:
                raise Refused("HEIC photos need one more package: pip install pillow-heif")
            if kind in READABLE.values():
                return kind
    known = ", ".join(sorted(set(READABLE.values())))
    for pattern, kind in OTHERS:
        if re.match(pattern, start, re.DOTALL):
            raise Refused(f"{kind} files are not read here: only {known}")
    raise Refused(f"not a picture of a kind that can be read: {known}")


# --- writing -------------------------------------------------------------------------------


def writable_format(path):
    """The name of the format of ``path``, decided by its suffix.

    Raises ValueError on a suffix of a format that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in WRITABLE:
        raise ValueError(f"the suffix of {path.name} is not that of a format that can be "
                         f"written: use one of {', '.join(WRITABLE)}")
    return WRITABLE[path.suffix.lower()]


def longest_side(format_name):
    """The largest height and width of a format in pixels, or None if 2**31 fit."""
    return LONGEST.get(format_name)


def check_target(path, overwrite=False, size=None):
    """The name of the format of ``path``, if a picture can be written there.

    Args:
        path: the file to write.
        overwrite: True if a file of this name may be replaced.
        size: (width, height) of the picture in pixels, or None if it is not known.

    Raises ValueError if the suffix is unknown or the picture too large for the format,
    FileExistsError if the file exists and ``overwrite`` is False, and another OSError if the
    folder is missing or cannot be written to or the file is not a regular one.
    """
    path = Path(path)
    kind = writable_format(path)
    longest = longest_side(kind)
    if size and longest and max(size) > longest:
        other = "a .png or .tif" if max(size) <= LONGEST["PNG"] else "a .tif"
        raise ValueError(f"{kind} holds {longest} pixels per side at most, but the picture "
                         f"has {max(size)}: write {other}")
    try:
        mode = path.lstat().st_mode
        if overwrite and stat.S_ISLNK(mode):
            mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and not overwrite:
        raise new_files.exists_error(path)
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file, so it is not replaced", str(path))
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(folder))
    return kind


def write_picture(path, picture, overwrite=False, quality=None, keep_metadata=True):
    """Writes ``picture``, a ``Picture``, to the file ``path``, whose suffix decides the format.

    The file is first written under another name in the same folder and then moved, so that an
    interruption or a full disk leaves no incomplete file. A file that is replaced keeps its
    permissions. JPEG has no alpha, so for JPEG the picture is put on a white background. PNG and
    TIFF hold 16 bits, the others 8.

    Args:
        path: the file to write.
        picture: what to write.
        overwrite: True to replace a file of this name.
        quality: 0 to 100, for JPEG, WebP and AVIF. None for 95.
        keep_metadata: False to leave EXIF, XMP, text and resolution out. The colour profile
            stays, since without it the colours would be wrong.

    Raises the errors of ``check_target``, and OSError if the disk is full.
    """
    path = Path(path)
    height, width = picture.pixels.shape[:2]
    kind = check_target(path, overwrite, (width, height))
    if not keep_metadata:
        picture = Picture(picture.pixels, picture.grey, picture.profile)
    with new_files.moved_to(path, overwrite) as file:
        if kind == "PNG":
            png.write(file, picture)
        elif kind == "TIFF":
            tiff.write(file, picture)
        else:
            pillow_formats.write(file, kind, picture, QUALITY if quality is None else quality)
