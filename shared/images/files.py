"""Reads and writes picture files, with the colours, depth and data that came with them.

``READABLE`` and ``WRITABLE`` name the formats. What is read is upright RGB or RGBA of 8 bits, or
of 16 where a PNG or TIFF holds more than 8. Grey stays grey, and the colour profile (ICC), EXIF,
XMP, resolution and PNG's text go to the new file where its format can hold them.
``Picture.notes`` says what was converted or left out. What cannot be read right is refused by
name. Introduced in lesson 06.
"""

import contextlib
import errno
import importlib.util
import io
import os
import re
import secrets
import stat
import struct
import threading
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
    features,
)

HEIF = importlib.util.find_spec("pillow_heif") is not None  # an extra that may be installed
AVIF = features.check("avif")

READABLE = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG",
            ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".bmp": "BMP", ".gif": "GIF",
            ".ppm": "PPM", ".pgm": "PPM", ".pnm": "PPM", **({".avif": "AVIF"} if AVIF else {}),
            **({".heic": "HEIF", ".heif": "HEIF"} if HEIF else {})}
WRITABLE = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF",
            ".tiff": "TIFF", **({".avif": "AVIF"} if AVIF else {})}
QUALITY = 95  # of JPEG, WebP and AVIF, 0 to 100

# The largest height and width, in pixels: what libjpeg, WebP and libpng hold, and what readers
# of AVIF take.
LONGEST = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 32_768, "PNG": 1_000_000}

# Pillow's readers of the formats that are not read here otherwise. They are called without
# Image.open, which tries every format it knows; EPS, for one, starts another program.
PLUGINS = {"JPEG": JpegImagePlugin.JpegImageFile, "WEBP": WebPImagePlugin.WebPImageFile,
           "BMP": BmpImagePlugin.BmpImageFile, "GIF": GifImagePlugin.GifImageFile,
           "PPM": PpmImagePlugin.PpmImageFile, "AVIF": AvifImagePlugin.AvifImageFile}

# How files of known kinds begin, here and elsewhere.
STARTS = ((rb"\x89PNG\r\n\x1a\n", "PNG"), (rb"\xff\xd8\xff", "JPEG"), (rb"RIFF....WEBP", "WEBP"),
          (rb"(II[*+]\0|MM\0[*+])", "TIFF"), (rb"GIF8[79]a", "GIF"), (rb"BM", "BMP"),
          (rb"P[1-6Ff]\s", "PPM"), (rb"....ftyp.{4,36}(avif|avis)", "AVIF"),
          (rb"....ftyp(hei[cxms]|hev[cmsx]|mif1|msf1)", "HEIF"))
OTHERS = ((rb"%!PS|\xc5\xd0\xd3\xc6", "EPS"), (rb"%PDF", "PDF"), (rb"8BPS", "Photoshop"),
          (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"), (rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
                                                     "JPEG 2000"),
          (rb"\0\0\x01\0", "icon"), (rb"\s*<(\?xml|svg)", "SVG"), (rb"gimp xcf", "GIMP"),
          (rb"....ftyp", "video"), (rb"#\?RADIANCE", "HDR"), (rb"v/1\x01", "EXR"),
          (rb"DDS ", "DDS"), (rb"PK\x03\x04", "zip"))

MOST_TEXT = 16_000_000  # bytes of one text of a PNG; more is left out
_pillow_limit = threading.Lock()


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


class _Refused(ValueError):
    """A picture that is refused by name, unlike an error of a library that reads it."""


# --- reading -------------------------------------------------------------------------------


def read_picture(path, max_pixels=250_000_000):
    """Reads the file ``path`` and returns a ``Picture``, turned upright by its orientation.

    The format is decided by the contents of the file, not by its suffix.

    Raises OSError if the file is missing or cannot be read, and ValueError if it is empty, not a
    picture, damaged, of more than ``max_pixels`` pixels, or of a kind that is not read here.
    """
    with _opened(path) as (file, kind):
        if kind == "TIFF":
            return _read_tiff(file, max_pixels)
        if kind == "PNG":
            return _read_png(file, max_pixels)
        return _read_with_pillow(file, kind, max_pixels)


def picture_size(path):
    """The (width, height) in pixels of the upright picture in a file, without decoding it.

    Raises as ``read_picture`` does, apart from what only decoding shows.
    """
    with _opened(path) as (file, kind):
        if kind == "TIFF":
            with tifffile.TiffFile(file) as tiff:
                page = _first_page(tiff)
                size, turn = (page.imagewidth, page.imagelength), _tiff_orientation(page)
        elif kind == "PNG":
            chunks = _png_chunks(file, pixels=False)
            size, turn = _png_header(chunks).size, _png_about(chunks, [])[1]
        else:
            image = _open_with_pillow(file, kind, None, [])
            size, turn = image.size, _exif_and_orientation(image.info, [])[1]
        return size[::-1] if turn >= 5 else size


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
        except (_Refused, MemoryError):
            raise
        except Exception as error:  # damaged files bring out errors of every class
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk, not of the picture
            raise ValueError(f"the picture is damaged: {_one_line(error)}") from error
        finally:
            logger.removeFilter(_silent)


def _silent(record):
    return False


def _one_line(error):
    return " ".join(str(error).split())[:200] or type(error).__name__


def _kind(start):
    """The name of the format of a file that starts with these bytes."""
    if not start:
        raise _Refused("the file is empty")
    for pattern, kind in STARTS:
        if re.match(pattern, start, re.DOTALL):
            if kind == "HEIF" and not HEIF:
                raise _Refused("HEIC photos need one more package: pip install pillow-heif")
            if kind in READABLE.values():
                return kind
    known = ", ".join(sorted(set(READABLE.values())))
    for pattern, kind in OTHERS:
        if re.match(pattern, start, re.DOTALL):
            raise _Refused(f"{kind} files are not read here: only {known}")
    raise _Refused(f"not a picture of a kind that can be read: {known}")


def _check_size(width, height, max_pixels):
    if width < 1 or height < 1:
        raise _Refused("the picture is damaged: it has no pixels")
    if max_pixels is not None and width * height > max_pixels:
        raise _Refused(f"the picture is too large: {width}x{height} are "
                       f"{width * height / 1e6:,.0f} million pixels, and at most "
                       f"{max_pixels / 1e6:,.0f} million are read")


def _upright(pixels, orientation):
    """The pixels (height, width, channels) turned as EXIF's orientation 1 to 8 says."""
    if orientation in (2, 5):
        pixels = pixels[:, ::-1]
    elif orientation in (4, 7):
        pixels = pixels[::-1]
    quarters = {3: 2, 5: 1, 6: 3, 7: 1, 8: 1}.get(orientation, 0)  # counterclockwise
    return np.ascontiguousarray(np.rot90(pixels, quarters))


def _finished(pixels, orientation, profile, exif, notes, **others):
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


def _resolution(dpi):
    """The resolution as two floats if it is one, else None."""
    try:
        across, down = (float(number) for number in dpi)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (across, down) if 1 <= across < 65_535 and 1 <= down < 65_535 else None


def _frames(number, notes):
    if number > 1:
        notes.append(f"the first of {number} frames is taken")


# --- EXIF and XMP --------------------------------------------------------------------------

ORIENTATION = 0x0112
# Tags that describe how the pixels of the old file were stored, in the main part and in the
# part about the camera.
LAYOUT = {ORIENTATION, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117,
          0x011C, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A}
CAMERA, PLACE, SIZES = 0x8769, 0x8825, {0xA002, 0xA003}


def _exif_and_orientation(info, notes):
    """(EXIF, orientation, XMP) of a dict as Pillow's ``info``, cleaned for ``Picture``."""
    exif, orientation = _clean_exif(info.get("exif"), notes)
    xmp, from_xmp = _clean_xmp(info.get("xmp"))
    return exif, orientation or from_xmp or 1, xmp


def _clean_exif(raw, notes):
    """EXIF without orientation, sizes and thumbnail, and the orientation that it had, or None.

    The bytes are changed in place, so that tags which no library understands stay as they are.
    EXIF that cannot be followed is left out with a note.
    """
    if not raw:
        return None, None
    found = {}
    data = bytearray(raw)
    while data.startswith(b"Exif\0\0"):
        del data[:6]
    try:
        order = {b"II*\0": "<", b"MM\0*": ">"}[bytes(data[:4])]
        main, = struct.unpack_from(order + "I", data, 4)
        thumbnail = _clean_directory(data, order, main, LAYOUT, found)
        if found.get(CAMERA):
            _clean_directory(data, order, found[CAMERA], SIZES, {})
        if thumbnail:
            data = _without_thumbnail(data, order, thumbnail)
    except (KeyError, struct.error):
        notes.append("the EXIF data are damaged and left out")
        data = None
    orientation = found.get(ORIENTATION)
    return data and bytes(data), orientation if orientation in range(1, 9) else None


def _clean_directory(data, order, at, unwanted, found):
    """Takes the unwanted tags out of the directory at this offset, in place.

    ``found`` gets the values of the tags that hold whole numbers. Returns the offset of the next
    directory, and takes the link to it out.
    """
    count, = struct.unpack_from(order + "H", data, at)
    next_at, = struct.unpack_from(order + "I", data, at + 2 + 12 * count)
    kept = b""
    for place in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, place)
        if kind in (1, 3, 4):  # BYTE, SHORT, LONG
            found[tag], = struct.unpack_from(order + {1: "B", 3: "H", 4: "I"}[kind], data,
                                             place + 8)
        if tag not in unwanted:
            kept += data[place:place + 12]
    size = 2 + 12 * count + 4
    data[at:at + size] = (struct.pack(order + "H", len(kept) // 12) + kept).ljust(size, b"\0")
    return next_at


def _without_thumbnail(data, order, at):
    """The data with zeros in place of the thumbnail that the directory at this offset names."""
    found = {}
    with contextlib.suppress(struct.error):  # then nothing leads to it
        _clean_directory(data, order, at, set(), found)
    start, size = found.get(0x0201, 0), found.get(0x0202, 0)
    if start + size >= len(data) > start > 8:
        return data[:start]
    data[start:start + size] = bytes(len(data[start:start + size]))
    return data


def _exif_resolution(exif):
    """The resolution that EXIF states, in pixels per inch, or None."""
    loaded = _loaded(exif)
    unit = {2: 1, 3: 2.54}.get(loaded.get(0x0128))
    try:
        return unit and _resolution((loaded[0x011A] * unit, loaded[0x011B] * unit))
    except (KeyError, TypeError):
        return None


def _clean_xmp(xmp):
    """XMP with orientation 1 and without sizes, and the orientation that it had, or None."""
    if not xmp:
        return None, None
    if isinstance(xmp, str):
        xmp = xmp.encode()
    value = rb"""(tiff:Orientation(?:\s*=\s*["']|>))([1-8])"""
    found = re.search(value, xmp)
    xmp = re.sub(value, rb"\g<1>1", xmp)
    name = rb"(?:tiff:Image(?:Width|Length)|exif:Pixel[XY]Dimension)"
    xmp = re.sub(rb"<(" + name + rb")>\s*\d*\s*</\1>|\s" + name + rb"""\s*=\s*["']\d*["']""",
                 b"", xmp)
    return xmp, int(found[2]) if found else None


# --- PNG -----------------------------------------------------------------------------------


@dataclass
class _Header:
    """What a PNG's first chunk says."""

    width: int
    height: int
    bits: int
    colours: int  # 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
    interlaced: int

    @property
    def size(self):
        return self.width, self.height

    def length(self):
        """The number of bytes of the pixels, before compression."""
        per_pixel = self.bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[self.colours]
        passes = [(0, 0, 1, 1)]  # left, top, step across, step down
        if self.interlaced:
            passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                      (1, 0, 2, 2), (0, 1, 1, 2)]
        total = 0
        for left, top, across, down in passes:
            wide = -(-(self.width - left) // across)
            high = -(-(self.height - top) // down)
            if wide > 0 and high > 0:
                total += high * (1 + (wide * per_pixel + 7) // 8)
        return total


def _png_chunks(file, pixels=True):
    """The chunks of a PNG file: a dict of lists of bytes by kind. b"" holds damaged kinds.

    Raises ``_Refused`` if the file ends too early or a chunk that the pixels need is damaged.
    """
    file.seek(8)
    chunks, kind = {b"": []}, None
    while kind != b"IEND":
        start = file.read(8)
        if len(start) < 8:
            raise _Refused("the picture is damaged: it ends too early")
        size, kind = struct.unpack(">I4s", start)
        if kind == b"IDAT" and not pixels:
            file.seek(size + 4, os.SEEK_CUR)
            continue
        data, checksum = file.read(size), file.read(4)
        if len(checksum) < 4:
            raise _Refused("the picture is damaged: it ends too early")
        if zlib.crc32(kind + data) == int.from_bytes(checksum, "big"):
            chunks.setdefault(kind, []).append(data)
        elif not kind[0] & 32:  # a capital letter: without it, the pixels are wrong
            raise _Refused("the picture is damaged: the checksum of its chunk "
                           f"{kind.decode('latin-1')!r} is wrong")
        else:
            chunks[b""].append(kind)
    return chunks


def _png_header(chunks):
    """The ``_Header`` of a PNG's chunks."""
    header = _Header(*struct.unpack(">IIBB2xB", chunks[b"IHDR"][0]))
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    if header.bits not in depths.get(header.colours, ()):
        raise _Refused("the picture is damaged: no PNG has its number of bits or colours")
    if max(header.size) > LONGEST["PNG"]:
        raise _Refused(f"the picture is too large: a PNG of {header.width}x{header.height} "
                       f"pixels; at most {LONGEST['PNG']} per side are read")
    return header


def _read_png(file, max_pixels):
    notes = []
    chunks = _png_chunks(file)
    header = _png_header(chunks)
    _check_size(*header.size, max_pixels)
    for kind in sorted(set(chunks[b""])):
        notes.append(f"its chunk {kind.decode('latin-1')!r} is damaged and left out")
    if b"acTL" in chunks:
        _frames(int.from_bytes(chunks[b"acTL"][0][:4], "big"), notes)
    pixels = _png_pixels(chunks, header)
    exif, orientation, xmp, text = _png_about(chunks, notes)
    dpi = None
    if b"pHYs" in chunks:
        across, down, unit = struct.unpack(">IIB", chunks[b"pHYs"][0][:9].ljust(9, b"\0"))
        dpi = _resolution((across * 0.0254, down * 0.0254)) if unit == 1 else None
    profile = _png_profile(chunks, pixels.shape[2] < 3, notes)
    return _finished(pixels, orientation, profile, exif, notes, dpi=dpi, xmp=xmp, text=text)


def _png_pixels(chunks, header):
    """The pixels (height, width, 1 to 4), uint8 or uint16, decoded by libpng.

    libpng prints warnings about what it can do without. It is given only the chunks that the
    pixels need, in a form that it does not warn about.
    """
    packed = b"".join(chunks[b"IDAT"])
    inflate = zlib.decompressobj()
    size = len(inflate.decompress(packed, header.length()))
    if size < header.length():
        raise _Refused("the picture is damaged: it ends too early")
    if inflate.decompress(inflate.unconsumed_tail, 1) or not inflate.eof or inflate.unused_data:
        packed = zlib.compress(zlib.decompressobj().decompress(packed, header.length()), 0)
    needed = [(b"IHDR", chunks[b"IHDR"][0])]
    if header.colours == 3:
        palette = chunks[b"PLTE"][0][:3 * 2 ** header.bits]
        needed.append((b"PLTE", palette[:len(palette) // 3 * 3]))
    if b"tRNS" in chunks and header.colours in (0, 2, 3):
        values = chunks[b"tRNS"][0]
        if header.colours == 3:
            needed.append((b"tRNS", values[:len(palette) // 3]))
        elif len(values) == (2 if header.colours == 0 else 6):
            needed.append((b"tRNS", values))
    needed += [(b"IDAT", packed), (b"IEND", b"")]
    pixels = imagecodecs.png_decode(b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(*chunk) for chunk in needed))
    return pixels.reshape(*pixels.shape[:2], -1)


def _chunk(kind, data):
    return struct.pack(">I4s", len(data), kind) + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _png_about(chunks, notes):
    """(EXIF, orientation, XMP, other texts) of a PNG."""
    text = _png_text(chunks, notes)
    raw = chunks[b"eXIf"][0] if b"eXIf" in chunks else None
    for name in ("Raw profile type exif", "Raw profile type APP1"):  # as ImageMagick writes EXIF
        digits = "".join(text.pop(name, "").split()[2:])  # after the name and the length
        if raw is None and re.fullmatch("([0-9a-fA-F]{2})+", digits):
            raw = bytes.fromhex(digits)
    info = {"exif": raw, "xmp": text.pop("XML:com.adobe.xmp", None)}
    exif, orientation, xmp = _exif_and_orientation(info, notes)
    return exif, orientation, xmp, text


def _png_text(chunks, notes):
    """The texts of a PNG, a dict by keyword."""
    texts = {}
    for kind in (b"tEXt", b"zTXt", b"iTXt"):
        for data in chunks.get(kind, ()):
            name, _, rest = data.partition(b"\0")
            name = name.decode("latin-1")
            try:
                packed = kind == b"zTXt"
                if kind == b"iTXt":
                    packed = rest[0] == 1
                    rest = rest[2:].split(b"\0", 2)[2]
                elif packed:
                    rest = rest[1:]
                if packed:
                    inflate = zlib.decompressobj()
                    rest = inflate.decompress(rest, MOST_TEXT)
                    if not inflate.eof:
                        raise ValueError("cut off, or too long")
                texts[name] = rest.decode("utf-8" if kind == b"iTXt" else "latin-1")
            except (ValueError, IndexError, zlib.error):
                notes.append(f"the text {name!r} cannot be read and is left out")
    return texts


# ITU-T H.273: the primaries and transfer functions of video that a PNG can name in cICP.
SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
D65 = (0.3127, 0.3290)


def _png_profile(chunks, grey, notes):
    """The colours of a PNG as an ICC profile, or None for sRGB.

    As the standard has it, cICP counts before iCCP, that before sRGB, that before gAMA and cHRM.
    The values of the pixels are not changed.
    """
    if b"cICP" in chunks and chunks[b"cICP"][0] != bytes((1, 13, 0, 1)):
        primaries, transfer = chunks[b"cICP"][0].ljust(2, b"\0")[:2]
        notes.append(f"its colours (cICP: primaries {primaries}, transfer function {transfer}) "
                     "are taken as they are")
    elif b"cICP" in chunks:
        return None
    if b"iCCP" in chunks:
        try:
            rest = chunks[b"iCCP"][0].partition(b"\0")[2][1:]
            return zlib.decompressobj().decompress(rest, MOST_TEXT)
        except zlib.error:
            notes.append("the colour profile is damaged and left out")
    if b"sRGB" in chunks or b"gAMA" not in chunks or len(chunks[b"gAMA"][0]) != 4:
        return None
    gamma = int.from_bytes(chunks[b"gAMA"][0], "big") / 100_000
    colours = D65 + SRGB_PRIMARIES
    if b"cHRM" in chunks and len(chunks[b"cHRM"][0]) == 32:
        colours = tuple(number / 100_000 for number in struct.unpack(">8I", chunks[b"cHRM"][0]))
    usual = np.allclose(colours, D65 + SRGB_PRIMARIES, atol=0.002)
    if gamma == 0 or (abs(gamma - 1 / 2.2) < 0.005 and (usual or grey)):
        return None
    notes.append(f"its gamma (gAMA {gamma:.5g}) becomes a colour profile")
    if grey:
        return imagecodecs.cms_profile("gray", gamma=1 / gamma)
    return imagecodecs.cms_profile("rgb", whitepoint=colours[:2], primaries=colours[2:],
                                   gamma=1 / gamma)


# --- TIFF ----------------------------------------------------------------------------------

COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000, 50001}
# Tags of the main part that describe the photo, all of them text.
ABOUT = (270, 271, 272, 305, 306, 315, 33432)  # description, make, model, ..., copyright


def _first_page(tiff):
    """The first page that is a picture and not a thumbnail or a mask."""
    first = tiff.pages[0]
    if 50706 in first.tags:  # DNGVersion
        raise _Refused("raw photos (DNG) are not read here: save a TIFF of 16 bits first")
    if first.subfiletype & 5:  # 1 is a thumbnail, 4 a mask
        return next((page for page in tiff.pages if not page.subfiletype & 5), first)
    return first


def _tiff_orientation(page):
    tag = page.tags.get(274)
    return tag.value if tag is not None and tag.value in range(1, 9) else 1


def _read_tiff(file, max_pixels):
    notes = []
    with tifffile.TiffFile(file) as tiff:
        page = _first_page(tiff)
        _check_size(page.imagewidth, page.imagelength, max_pixels)
        _check_tiff(page, max_pixels or 2 ** 40)
        # These programs describe the layout of the file in ImageDescription, and may store more
        # pages than the directories name.
        described = tiff.is_shaped or tiff.is_imagej or tiff.is_ome
        stored = tiff.series[0].size // page.size if described else 1
        _frames(max(len(tiff.pages), stored), notes)
        pixels = page.asarray()
        if page.axes == "SYX":  # planar
            pixels = np.moveaxis(pixels, 0, 2)
        elif page.axes not in ("YX", "YXS"):
            raise _Refused(f"a TIFF with the axes {page.axes} is not read here: save a picture "
                           "of one page")
        pixels = pixels.reshape(page.imagelength, page.imagewidth, -1)
        profile = page.iccprofile
        dpi = None
        if 282 in page.tags and 283 in page.tags:
            unit = {2: 1, 3: 2.54}.get(int(page.resolutionunit))
            dpi = unit and _resolution(number * unit for number in page.get_resolution())
        xmp = page.tags.valueof(700)
        orientation = _tiff_orientation(page)
        pixels, profile = _tiff_colours(page, pixels, profile, notes)
        exif = _tiff_exif(file, tiff.pages[0], described, notes)
    xmp, _ = _clean_xmp(xmp if isinstance(xmp, bytes) else None)
    return _finished(pixels, orientation, profile, exif, notes, dpi=dpi, xmp=xmp)


def _check_tiff(page, max_pixels):
    """Refuses by name what tifffile cannot decode, or decodes to something else than it seems."""
    bits, samples = page.bitspersample, page.samplesperpixel
    if page.compression not in COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise _Refused(f"a TIFF with the compression {name} is not read here: save it with LZW")
    if page.imagedepth != 1:
        raise _Refused("a TIFF of a volume is not read here: save one picture")
    if not isinstance(bits, int):
        raise _Refused(f"a TIFF whose colours have different numbers of bits, {bits}, is not "
                       "read here")
    if page.sampleformat != 1 or bits > 16:
        kind = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers"}.get(
            page.sampleformat, "numbers of another kind")
        raise _Refused(f"pixels that are {kind} of {bits} bits have no known range: save the "
                       "picture with 8 or 16 bits first")
    if samples > 16:
        raise _Refused(f"a TIFF of {samples} values per pixel is not read here")
    if page.is_tiled and page.tilewidth * page.tilelength > max(max_pixels, 2 ** 24):
        raise _Refused("the picture is damaged: its tiles are too large")
    size = page.parent.filehandle.size
    for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        if length == 0 or start + length > size:
            raise _Refused("the picture is damaged: it ends too early")
        if page.compression == 7:  # libjpeg makes up what is missing
            page.parent.filehandle.seek(max(start, start + length - 64))
            if b"\xff\xd9" not in page.parent.filehandle.read(min(length, 64)):
                raise _Refused("the picture is damaged: a part of it ends too early")


def _tiff_colours(page, pixels, profile, notes):
    """(Pixels of 1 to 4 channels, profile) of the values (height, width, samples) of a page."""
    bits, kind = page.bitspersample, int(page.photometric)
    if kind == 3:
        palette = np.asarray(page.colormap)
        if palette.max() > 255:  # of 16 bits; programs make them of 8 by * 256 or by * 257
            palette = palette >> 8
        pixels = np.concatenate([palette.T.astype("uint8")[pixels[..., 0]],
                                 _to_depth(pixels[..., 1:], bits, "uint8")], axis=2)
        colours = 3
    elif kind == 6 and page.compression != 7:
        raise _Refused("a TIFF in YCbCr that is not compressed as JPEG is not read here: save "
                       "it as RGB")
    elif kind in (0, 1, 2, 5, 6):
        pixels = _to_depth(pixels, bits, "uint16" if bits > 8 else "uint8")
        colours = {0: 1, 1: 1, 2: 3, 5: 4, 6: 3}[kind]
    else:
        name = getattr(page.photometric, "name", kind)
        raise _Refused(f"a TIFF with the colours {name} is not read here: save it as RGB")
    if kind == 5 and (page.tags.valueof(332, 1) != 1 or pixels.shape[2] < 4):
        raise _Refused("a TIFF of inks other than CMYK is not read here: save it as RGB")
    if pixels.shape[2] < colours:
        raise _Refused("the picture is damaged: it has too few colours")
    pixels, extra = pixels[..., :colours], pixels[..., colours:]
    alpha, premultiplied = None, False
    kinds = [int(number) for number in page.extrasamples]
    for number in range(extra.shape[2]):
        meaning = kinds[number] if number < len(kinds) else 0
        if meaning in (1, 2) and alpha is None:
            alpha, premultiplied = extra[..., number:number + 1], meaning == 1
        else:
            notes.append("a channel that is neither colour nor alpha is left out")
    if premultiplied:
        pixels = _unpremultiplied(pixels, alpha)
    if kind == 0:
        pixels = np.iinfo(pixels.dtype).max - pixels
    if kind == 5:
        notes.append("CMYK becomes sRGB")
        pixels, alpha = _to_8_bits(pixels), None if alpha is None else _to_8_bits(alpha)
        if bits > 8:
            notes.append("16 bits become 8")
        height, width = pixels.shape[:2]
        image = Image.frombytes("CMYK", (width, height), pixels.tobytes())
        pixels, profile = np.asarray(_from_cmyk(image, profile or b"")), None
    return (pixels if alpha is None else np.concatenate([pixels, alpha], axis=2)), profile


def _to_depth(values, bits, dtype):
    """Whole numbers of this many bits as all of the range of ``dtype``."""
    full = np.iinfo(dtype).max
    if full == 2 ** bits - 1:
        return values.astype(dtype, copy=False)
    most = 2 ** bits - 1
    return ((values.astype("uint32") * full + most // 2) // most).astype(dtype)


def _to_8_bits(pixels):
    if pixels.dtype == np.uint8:
        return pixels
    return ((pixels.astype("uint32") + 128) // 257).astype("uint8")  # 65,535 / 255 is 257


def _unpremultiplied(pixels, alpha):
    """Colours divided by alpha; black where nothing is seen."""
    full = np.iinfo(pixels.dtype).max
    divided = pixels * (full / np.maximum(alpha, 1).astype("float64"))
    return np.minimum(np.rint(divided), full).astype(pixels.dtype) * (alpha > 0)


def _tiff_exif(file, page, described, notes):
    """What the tags of the first page say about the photo, as EXIF; None if they say nothing."""
    about, loaded = Image.Exif(), Image.Exif()
    for tag in ABOUT:
        text = page.tags.valueof(tag)
        if isinstance(text, str) and not (tag == 270 and described):
            about[tag] = text.encode()  # of text, Pillow would keep only ASCII
    try:
        if CAMERA in page.tags or PLACE in page.tags:
            file.seek(0)
            loaded.load_from_fp(file)
        for tag in (CAMERA, PLACE):
            if part := loaded.get_ifd(tag):
                about[tag] = part
        return _clean_exif(about.tobytes(), notes)[0] if len(about) else None
    except Exception:  # no tag stops a picture
        notes.append("the EXIF data are damaged and left out")
        return None


# --- the other formats ---------------------------------------------------------------------


def _open_with_pillow(file, kind, max_pixels, notes):
    """Pillow's image, opened and not decoded."""
    content = file.read()
    try:
        image = _plugin(kind, content, max_pixels)
    except Exception:
        if kind != "JPEG" or b"Exif\0\0" not in content:
            raise
        # Pillow reads the resolution in EXIF while it opens a JPEG.
        image = _plugin(kind, content.replace(b"Exif\0\0", b"none\0\0"), max_pixels)
        notes.append("the EXIF data are damaged and left out")
    _check_size(*image.size, max_pixels)
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
            raise _Refused("the picture is too large: it has more than "
                           f"{max_pixels:,} pixels") from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _read_with_pillow(file, kind, max_pixels):
    notes = []
    with _open_with_pillow(file, kind, max_pixels, notes) as image:
        info = dict(image.info)
        deep = image.mode.startswith("I") and kind == "PPM"  # Pillow scales it to 65,535
        if kind == "PPM" and not deep and "ppm" in str(image.tile):
            file.seek(0)
            if (_pnm_most(file.read(1000)) or 0) > 255:
                notes.append("16 bits become 8")
        if kind in ("AVIF", "HEIF"):
            notes += _deep_video(file)
        image.load()
        with contextlib.suppress(Exception):  # a later frame may be damaged
            _frames(getattr(image, "n_frames", 1), notes)
        exif, orientation, xmp = _exif_and_orientation(info, notes)
        profile = info.get("icc_profile")
        if image.mode == "CMYK":
            notes.append("CMYK becomes sRGB")
            image, profile = _from_cmyk(image, profile or b""), None
        if deep:
            pixels = np.asarray(image).astype("uint16")
        elif image.mode in ("I", "F"):
            raise _Refused(f"pixels of 32 bits (mode {image.mode}) have no known range: save "
                           "the picture with 8 or 16 bits first")
        else:
            grey = image.mode in ("1", "L", "LA", "La")
            alpha = image.has_transparency_data
            pixels = np.asarray(image.convert("RGBA" if alpha else "RGB"))
            if grey:
                pixels = pixels[..., [0, 3] if alpha else [0]]
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        return _finished(pixels, orientation, profile, exif, notes,
                         dpi=_resolution(info.get("dpi")) or _exif_resolution(exif), xmp=xmp)


def _pnm_most(start):
    """The number that stands for white in a PGM or PPM file."""
    words = re.sub(rb"#[^\n]*", b" ", start).split(maxsplit=4)
    return int(words[3]) if len(words) > 3 and words[3].isdigit() else None


def _deep_video(file):
    """A note if the AV1 or HEVC configuration says that there are more than 8 bits."""
    file.seek(0)
    start = file.read(100_000)
    at = start.find(b"av1C")
    if 0 <= at < len(start) - 6 and start[at + 6] & 0x40:
        return ["10 bits become 8"]
    return []


def _from_cmyk(image, profile):
    """RGB by the file's colour profile if it has one that works, else by Pillow's formula."""
    try:
        return ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                                         ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return image.convert("RGB")


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
        raise _exists(path)
    if mode is not None and not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file, so it is not replaced", str(path))
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "the folder cannot be written to", str(folder))
    return kind


def _exists(path):
    return FileExistsError(errno.EEXIST, "it exists already (--overwrite replaces it)", str(path))


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
    write = {"PNG": _write_png, "TIFF": _write_tiff}.get(kind, _write_with_pillow)
    if not keep_metadata:
        picture = Picture(picture.pixels, picture.grey, picture.profile)
    with moved_to(path, overwrite) as file:
        write(file, kind, picture, QUALITY if quality is None else quality)


@contextlib.contextmanager
def moved_to(path, overwrite):
    """A new file beside ``path`` that takes its name at the end, or vanishes on an error."""
    if overwrite:
        path = Path(os.path.realpath(path))  # what a link leads to is replaced, not the link
    try:
        before = path.stat() if overwrite else None
    except FileNotFoundError:
        before = None
    part = path.with_name(f".{secrets.token_hex(8)}.part")  # short, whatever the name is
    mode = stat.S_IMODE(before.st_mode) if before else 0o666
    try:
        with open(part, "x+b", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if before:
            with contextlib.suppress(OSError, AttributeError):  # AttributeError on Windows
                os.chown(part, before.st_uid, before.st_gid)
            os.chmod(part, mode)
        if overwrite:
            os.replace(part, path)
        else:
            _move_to_new(part, path)
    finally:
        part.unlink(missing_ok=True)


def _move_to_new(part, path):
    """Gives the file ``part`` the name ``path``; raises FileExistsError if that is taken."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise _exists(path) from None
    except (OSError, NotImplementedError):  # a file system without links
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            raise _exists(path) from None
        try:
            os.replace(part, path)  # replaces the empty file of the line above
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _channels(picture):
    """The pixels as the file stores them: with 2 to 4 channels, or (height, width) for grey."""
    pixels = picture.pixels
    if picture.grey:  # the three colours differ only by rounding; green is most of luma
        pixels = pixels[..., 1] if pixels.shape[2] == 3 else pixels[..., [1, 3]]
    return np.ascontiguousarray(pixels)


def _fitting_profile(picture, grey):
    profile = picture.profile
    return profile if profile and profile[16:20] == (b"GRAY" if grey else b"RGB ") else None


def _write_png(file, kind, picture, quality):
    encoded = imagecodecs.png_encode(_channels(picture))
    chunks = []
    if profile := _fitting_profile(picture, picture.grey):
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    if picture.dpi:
        across, down = (round(number / 0.0254) for number in picture.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if picture.exif:
        chunks.append((b"eXIf", picture.exif))
    if picture.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + picture.xmp))
    for name, text in picture.text.items():
        chunks.append((b"iTXt", name.encode("latin-1", "replace")[:79] + b"\0\1\0\0\0"
                       + zlib.compress(text.encode())))
    file.write(encoded[:33])  # the signature and the header
    for chunk in chunks:
        file.write(_chunk(*chunk))
    file.write(encoded[33:])


def _write_tiff(file, kind, picture, quality):
    pixels = _channels(picture)
    alpha = picture.pixels.shape[2] == 4
    exif = _loaded(picture.exif)
    tags = [(tag, "s", 0, exif[tag], True) for tag in ABOUT if isinstance(exif.get(tag), bytes)]
    parts = {tag: exif.get_ifd(tag) for tag in (CAMERA, PLACE) if exif.get_ifd(tag)}
    large = pixels.nbytes > 3e9  # more than 4 GB, if they do not get smaller, need a BigTIFF
    if picture.xmp:
        tags.append((700, "B", len(picture.xmp), picture.xmp, True))
    tifffile.imwrite(file, pixels, bigtiff=large, byteorder="<",
                     photometric="minisblack" if picture.grey else "rgb",
                     planarconfig="contig" if pixels.ndim == 3 else None,
                     compression="lzw", predictor=True, metadata=None, software=False,
                     extrasamples=["unassalpha"] if alpha else None,
                     iccprofile=_fitting_profile(picture, picture.grey),
                     resolution=picture.dpi, resolutionunit="INCH" if picture.dpi else None,
                     extratags=tags)
    if parts and not large:
        _append_directories(file, parts)


def _append_directories(file, parts):
    """Adds the ``parts`` of EXIF, dicts by tag, to a little-endian TIFF of one page.

    tifffile writes no such parts. They go to the end of the file, and after them a copy of the
    main directory that leads to them.
    """
    file.seek(4)
    main, = struct.unpack("<I", file.read(4))
    file.seek(main)
    count, = struct.unpack("<H", file.read(2))
    entries = [file.read(12) for _ in range(count)]
    for tag, values in parts.items():
        directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
        for name, value in values.items():
            directory[name] = value
        place = _even_end(file)
        file.write(directory.tobytes(place))
        entries.append(struct.pack("<HHII", tag, 4, 1, place))  # 4 is the type LONG
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    place = _even_end(file)
    file.write(struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4))
    file.seek(4)
    file.write(struct.pack("<I", place))


def _even_end(file):
    """Goes to the end of the file, which becomes an even number, and returns it."""
    end = file.seek(0, os.SEEK_END)
    return end + file.write(bytes(end % 2))


def _loaded(exif):
    """Pillow's view of the EXIF, with texts as bytes; empty if Pillow cannot read and write it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = Image.Exif()
            loaded.load(exif or b"")
            loaded.tobytes()
    except Exception:  # no tag stops a picture
        return Image.Exif()
    for tag in ABOUT:
        if isinstance(loaded.get(tag), str):
            loaded[tag] = loaded[tag].encode("latin-1", "replace")  # as Pillow decodes them
    return loaded


def _write_with_pillow(file, kind, picture, quality):
    image = Image.fromarray(_to_8_bits(_channels(picture)))
    if kind == "JPEG" and image.mode in ("RGBA", "LA"):
        white = Image.new(image.mode[:-1], image.size, "white")
        white.paste(image.convert(white.mode), mask=image.getchannel("A"))
        image = white
    options = {"quality": quality}
    if kind != "WEBP":
        options["subsampling"] = 0 if kind == "JPEG" else \
            "4:0:0" if image.mode == "L" else "4:4:4"
    grey = kind in ("JPEG", "AVIF") and image.mode == "L"
    options["icc_profile"] = _fitting_profile(picture, grey) or b""
    exif = picture.exif
    if picture.dpi and kind != "JPEG" and not _exif_resolution(exif):  # it has no other place
        loaded = _loaded(exif)
        loaded.update({0x011A: picture.dpi[0], 0x011B: picture.dpi[1], 0x0128: 2})
        exif = loaded.tobytes()
    if exif and (kind != "AVIF" or len(_loaded(exif))):  # Pillow reads it to write an AVIF
        options["exif"] = b"Exif\0\0" + exif if kind == "JPEG" else exif
    if picture.xmp:
        options["xmp"] = picture.xmp
    if kind == "JPEG":  # what does not fit into one of its segments is left out
        options = {name: value for name, value in options.items()
                   if name not in ("exif", "xmp") or len(value) < 65_500}
        if picture.dpi:
            options["dpi"] = picture.dpi
    image.save(file, kind, **options)
