"""Reads and writes TIFF files. Each layout is read right or refused by name.

tifffile decodes the pixels; what they mean is decided here. See TIFF, revision 6.0 (1992).
Introduced in lesson 06.
"""

import os
import struct

import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from shared.images import metadata, pictures
from shared.images.metadata import ABOUT, CAMERA, PLACE
from shared.images.pictures import Refused

ADVICE = "are not read here: save a TIFF of 16 bits first"
COMPRESSIONS = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000, 50001}


def _first_page(tiff):
    """The first page that is a picture and not a thumbnail or a mask."""
    first = tiff.pages[0]
    if 50706 in first.tags:  # DNGVersion
        raise Refused(f"raw photos (DNG) {ADVICE}")
    if not first.subfiletype & 5:  # 1 is a thumbnail, 4 a mask
        return first
    for page in tiff.pages:
        if not page.subfiletype & 5:
            return page
    if 330 in first.tags:  # SubIFDs, where cameras put the photo
        raise Refused(f"raw photos {ADVICE}")
    return first


def _orientation(page):
    tag = page.tags.get(274)
    return tag.value if tag is not None and tag.value in range(1, 9) else 1


def size_and_orientation(file):
    """((width, height), orientation) of the open file, without decoding it."""
    with tifffile.TiffFile(file) as tiff:
        page = _first_page(tiff)
        return (page.imagewidth, page.imagelength), _orientation(page)


def read(file, max_pixels):
    """The ``Picture`` in the open file. Raises ``Refused``, and errors of the libraries."""
    notes = []
    with tifffile.TiffFile(file) as tiff:
        page = _first_page(tiff)
        pictures.check_size(page.imagewidth, page.imagelength, max_pixels)
        _check(page, max_pixels or 2 ** 40)
        # These programs describe the layout of the file in ImageDescription, and may store more
        # pages than the directories name.
        described = tiff.is_shaped or tiff.is_imagej or tiff.is_ome
        stored = tiff.series[0].size // page.size if described else 1
        pictures.note_frames(max(len(tiff.pages), stored), notes)
        pixels = page.asarray()
        if page.axes == "SYX":  # planar
            pixels = np.moveaxis(pixels, 0, 2)
        elif page.axes not in ("YX", "YXS"):
            raise Refused(f"a TIFF with the axes {page.axes} is not read here: save a picture "
                          "of one page")
        pixels = pixels.reshape(page.imagelength, page.imagewidth, -1)
        profile = page.iccprofile
        dpi = None
        if 282 in page.tags and 283 in page.tags:
            unit = {2: 1, 3: 2.54}.get(int(page.resolutionunit))
            dpi = unit and pictures.resolution(number * unit for number in page.get_resolution())
        xmp = page.tags.valueof(700)
        orientation = _orientation(page)
        pixels, profile = _colours(page, pixels, profile, notes)
        exif = _exif(file, tiff.pages[0], described, notes)
    xmp, _ = metadata.clean_xmp(xmp if isinstance(xmp, bytes) else None)
    return pictures.finished(pixels, orientation, profile, exif, notes, dpi=dpi, xmp=xmp)


def _check(page, max_pixels):
    """Refuses by name what tifffile cannot decode, or decodes to something else than it seems."""
    bits, samples = page.bitspersample, page.samplesperpixel
    if page.compression not in COMPRESSIONS:
        name = getattr(page.compression, "name", page.compression)
        raise Refused(f"a TIFF with the compression {name} is not read here: save it with LZW")
    if page.imagedepth != 1:
        raise Refused("a TIFF of a volume is not read here: save one picture")
    if not isinstance(bits, int):
        raise Refused(f"a TIFF whose colours have different numbers of bits, {bits}, is not "
                      "read here")
    if page.sampleformat != 1 or bits > 16:
        kind = {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers"}.get(
            page.sampleformat, "numbers of another kind")
        raise Refused(f"pixels that are {kind} of {bits} bits have no known range: save the "
                      "picture with 8 or 16 bits first")
    if samples > 16:
        raise Refused(f"a TIFF of {samples} values per pixel is not read here")
    if page.is_tiled and page.tilewidth * page.tilelength > max(max_pixels, 2 ** 24):
        raise Refused("the picture is damaged: its tiles are too large")
    size = page.parent.filehandle.size
    for start, length in zip(page.dataoffsets, page.databytecounts, strict=True):
        if length == 0 or start + length > size:
            raise Refused("the picture is damaged: it ends too early")
        if page.compression == 7:  # libjpeg makes up what is missing
            page.parent.filehandle.seek(max(start, start + length - 64))
            if b"\xff\xd9" not in page.parent.filehandle.read(min(length, 64)):
                raise Refused("the picture is damaged: a part of it ends too early")


def _colours(page, pixels, profile, notes):
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
        raise Refused("a TIFF in YCbCr that is not compressed as JPEG is not read here: save "
                      "it as RGB")
    elif kind in (0, 1, 2, 5, 6):
        pixels = _to_depth(pixels, bits, "uint16" if bits > 8 else "uint8")
        colours = {0: 1, 1: 1, 2: 3, 5: 4, 6: 3}[kind]
    else:
        name = getattr(page.photometric, "name", kind)
        raise Refused(f"a TIFF with the colours {name} is not read here: save it as RGB")
    if kind == 5 and (page.tags.valueof(332, 1) != 1 or pixels.shape[2] < 4):
        raise Refused("a TIFF of inks other than CMYK is not read here: save it as RGB")
    if pixels.shape[2] < colours:
        raise Refused("the picture is damaged: it has too few colours")
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
        pixels = pictures.to_8_bits(pixels)
        alpha = None if alpha is None else pictures.to_8_bits(alpha)
        if bits > 8:
            notes.append("16 bits become 8")
        height, width = pixels.shape[:2]
        image = Image.frombytes("CMYK", (width, height), pixels.tobytes())
        pixels, profile = np.asarray(pictures.from_cmyk(image, profile or b"")), None
    return (pixels if alpha is None else np.concatenate([pixels, alpha], axis=2)), profile


def _to_depth(values, bits, dtype):
    """Whole numbers of this many bits as all of the range of ``dtype``."""
    full = np.iinfo(dtype).max
    if full == 2 ** bits - 1:
        return values.astype(dtype, copy=False)
    most = 2 ** bits - 1
    return ((values.astype("uint32") * full + most // 2) // most).astype(dtype)


def _unpremultiplied(pixels, alpha):
    """Colours divided by alpha; black where nothing is seen."""
    full = np.iinfo(pixels.dtype).max
    divided = pixels * (full / np.maximum(alpha, 1).astype("float64"))
    return np.minimum(np.rint(divided), full).astype(pixels.dtype) * (alpha > 0)


def _exif(file, page, described, notes):
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
        return metadata.clean_exif(about.tobytes(), notes)[0] if len(about) else None
    except Exception:  # no tag stops a picture
        notes.append("the EXIF data are damaged and left out")
        return None


def write(file, picture):
    """Writes the ``picture`` to the open file."""
    pixels = pictures.channels(picture)
    alpha = picture.pixels.shape[2] == 4
    exif = metadata.loaded(picture.exif)
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
                     iccprofile=pictures.fitting_profile(picture, picture.grey),
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
