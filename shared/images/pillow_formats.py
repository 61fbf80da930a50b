"""Reads and writes JPEG, WebP and AVIF files by Pillow, and reads BMP, GIF, PPM and HEIC files.

HEIC needs the package pillow-heif. Introduced in lesson 06.
"""

import contextlib
import importlib.util
import io
import re
import threading

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
    features,
)

from shared.images import metadata, pictures
from shared.images.pictures import Refused, TooLarge

HEIF = importlib.util.find_spec("pillow_heif") is not None  # an extra that may be installed
AVIF = features.check("avif")

# Pillow's readers. They are called without Image.open, which tries every format it knows; EPS,
# for one, starts another program.
PLUGINS = {"JPEG": JpegImagePlugin.JpegImageFile, "WEBP": WebPImagePlugin.WebPImageFile,
           "BMP": BmpImagePlugin.BmpImageFile, "GIF": GifImagePlugin.GifImageFile,
           "PPM": PpmImagePlugin.PpmImageFile, "AVIF": AvifImagePlugin.AvifImageFile}

# Where a file names its EXIF data.
EXIF = {"JPEG": re.compile(rb"(\xff\xe1..)Exif", re.DOTALL),
        "AVIF": re.compile(rb"(infe.{8,10})Exif", re.DOTALL)}

_pillow_limit = threading.Lock()


def size_and_orientation(file, kind, max_pixels):
    """((width, height), orientation) of the open file, without decoding it.

    Raises ``TooLarge`` if there are more than ``max_pixels``, since for a WebP memory is taken.
    """
    image = _open(file, kind, max_pixels, [])
    return image.size, metadata.cleaned(image.info, [])[1]


def _open(file, kind, max_pixels, notes):
    """Pillow's image, opened and not decoded."""
    content = file.read()
    try:
        image = _plugin(kind, content, max_pixels)
    except Exception:
        # EXIF is read while the file is opened: of a JPEG the resolution, of an AVIF the
        # orientation, which the AVIF states itself too.
        without = re.sub(EXIF[kind], rb"\1none", content) if kind in EXIF else content
        if without == content:
            raise
        image = _plugin(kind, without, max_pixels)
        notes.append("the EXIF data are damaged and left out")
    pictures.check_size(*image.size, max_pixels)
    return image


def _plugin(kind, content, max_pixels):
    if kind == "HEIF":
        from pillow_heif import HeifImageFile as plugin
    else:
        plugin = PLUGINS[kind]
    with _pillow_limit:  # Pillow has a limit of its own, the same for all of the process
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = max_pixels and max_pixels / 2  # it refuses twice as many
        try:
            return plugin(io.BytesIO(content), "")
        except Image.DecompressionBombError as error:
            raise TooLarge("the picture is too large: it has more than "
                           f"{max_pixels:,} pixels") from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def read(file, kind, max_pixels):
    """The ``Picture`` in the open file. Raises ``Refused``, and errors of the libraries."""
    notes = []
    with _open(file, kind, max_pixels, notes) as image:
        info = dict(image.info)
        if kind in ("AVIF", "HEIF"):
            notes += _deep_video(file)
        image.load()
        with contextlib.suppress(Exception):  # a later frame may be damaged
            pictures.note_frames(getattr(image, "n_frames", 1), notes)
        exif, orientation, xmp = metadata.cleaned(info, notes)
        profile = info.get("icc_profile")
        if image.mode == "CMYK":
            notes.append("CMYK becomes sRGB")
            image, profile = pictures.from_cmyk(image, profile or b""), None
        if image.mode in ("I", "F"):
            raise Refused(f"pixels of 32 bits (mode {image.mode}) have no known range: save "
                          "the picture with 8 or 16 bits first")
        grey = image.mode in ("1", "L", "LA", "La")
        alpha = image.has_transparency_data
        pixels = np.asarray(image.convert("RGBA" if alpha else "RGB"))
        if grey:
            pixels = pixels[..., [0, 3] if alpha else [0]]
        dpi = pictures.resolution(info.get("dpi")) or metadata.exif_resolution(exif)
        return pictures.finished(pixels, orientation, profile, exif, notes, dpi=dpi, xmp=xmp)


def _deep_video(file):
    """A note if the AV1 or HEVC configuration says that there are more than 8 bits.

    See the AV1 codec ISO media file format binding, 2.3.3, and ISO/IEC 14496-15, 8.3.3.1.
    """
    file.seek(0)
    start = file.read(100_000)
    bits = 8
    at = start.find(b"av1C")
    if 0 <= at < len(start) - 6 and start[at + 6] & 0x40:
        bits = 12 if start[at + 6] & 0x20 else 10
    at = start.find(b"hvcC")
    if 0 <= at < len(start) - 21:
        bits = 8 + (start[at + 21] & 7)
    return [f"{bits} bits become 8"] if bits > 8 else []


def write(file, kind, picture, quality):
    """Writes the ``picture`` to the open file, with a quality from 0 to 100."""
    image = Image.fromarray(pictures.to_8_bits(pictures.channels(picture)))
    if kind == "JPEG" and image.mode in ("RGBA", "LA"):
        white = Image.new(image.mode[:-1], image.size, "white")
        white.paste(image.convert(white.mode), mask=image.getchannel("A"))
        image = white
    options = {"quality": quality}
    if kind != "WEBP":
        options["subsampling"] = 0 if kind == "JPEG" else \
            "4:0:0" if image.mode == "L" else "4:4:4"
    grey = kind in ("JPEG", "AVIF") and image.mode == "L"
    options["icc_profile"] = pictures.fitting_profile(picture, grey) or b""
    exif = picture.exif
    if picture.dpi and kind != "JPEG" and not metadata.exif_resolution(exif):
        # These formats have no other place for it.
        loaded = metadata.loaded(exif)
        loaded.update({0x011A: picture.dpi[0], 0x011B: picture.dpi[1], 0x0128: 2})
        exif = loaded.tobytes()
    if exif and (kind != "AVIF" or len(metadata.loaded(exif))):  # Pillow reads it to write an AVIF
        options["exif"] = b"Exif\0\0" + exif if kind == "JPEG" else exif
    if picture.xmp:
        options["xmp"] = picture.xmp
    if kind == "JPEG":  # what does not fit into one of its segments is left out
        options = {name: value for name, value in options.items()
                   if name not in ("exif", "xmp") or len(value) < 65_500}
        if picture.dpi:
            options["dpi"] = picture.dpi
    image.save(file, kind, **options)
