"""Reads and writes PNG files: the pixels by libpng, everything else here.

See the PNG specification, third edition (2025). Introduced in lesson 06.
"""

import os
import re
import struct
import zlib
from dataclasses import dataclass

import imagecodecs
import numpy as np

from shared.images import metadata, pictures
from shared.images.pictures import Refused

LONGEST = 1_000_000  # pixels per side that libpng holds
MOST_TEXT = 16_000_000  # bytes of one text; more is left out


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


def _chunks(file, pixels=True):
    """The chunks of a PNG file: a dict of lists of bytes by kind. b"" holds damaged kinds.

    Raises ``Refused`` if the file ends too early or a chunk that the pixels need is damaged.
    """
    file.seek(8)
    chunks, kind = {b"": []}, None
    while kind != b"IEND":
        start = file.read(8)
        if len(start) < 8:
            raise Refused("the picture is damaged: it ends too early")
        size, kind = struct.unpack(">I4s", start)
        if kind == b"IDAT" and not pixels:
            file.seek(size + 4, os.SEEK_CUR)
            continue
        data, checksum = file.read(size), file.read(4)
        if len(checksum) < 4:
            raise Refused("the picture is damaged: it ends too early")
        critical = not kind[0] & 32  # a capital letter: without it, the pixels are wrong
        if zlib.crc32(kind + data) == int.from_bytes(checksum, "big"):
            if critical and kind not in (b"IHDR", b"PLTE", b"IDAT", b"IEND"):
                raise Refused(f"a PNG with a chunk {kind.decode('latin-1')!r}, which no standard "
                              "knows, is not read here: save it by another program")
            chunks.setdefault(kind, []).append(data)
        elif critical:
            raise Refused("the picture is damaged: the checksum of its chunk "
                          f"{kind.decode('latin-1')!r} is wrong")
        else:
            chunks[b""].append(kind)
    return chunks


def _needed(chunks, kind):
    """The chunks of a kind without which there is no picture."""
    if kind not in chunks:
        raise Refused(f"the picture is damaged: its chunk {kind.decode()!r} is missing")
    return chunks[kind]


def _header(chunks):
    """The ``_Header`` of a PNG's chunks."""
    header = _Header(*struct.unpack(">IIBB2xB", _needed(chunks, b"IHDR")[0]))
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    if header.bits not in depths.get(header.colours, ()):
        raise Refused("the picture is damaged: no PNG has its number of bits or colours")
    if max(header.size) > LONGEST:
        raise Refused(f"the picture is too large: a PNG of {header.width}x{header.height} "
                      f"pixels; at most {LONGEST} per side are read")
    return header


def size_and_orientation(file):
    """((width, height), orientation) of the open file, without decoding it."""
    chunks = _chunks(file, pixels=False)
    return _header(chunks).size, _about(chunks, [])[1]


def read(file, max_pixels):
    """The ``Picture`` in the open file. Raises ``Refused``, and errors of the libraries."""
    notes = []
    chunks = _chunks(file)
    header = _header(chunks)
    pictures.check_size(*header.size, max_pixels)
    for kind in sorted(set(chunks[b""])):
        notes.append(f"its chunk {kind.decode('latin-1')!r} is damaged and left out")
    if b"acTL" in chunks:
        pictures.note_frames(int.from_bytes(chunks[b"acTL"][0][:4], "big"), notes)
    pixels = _pixels(chunks, header)
    exif, orientation, xmp, text = _about(chunks, notes)
    dpi = None
    if b"pHYs" in chunks:
        across, down, unit = struct.unpack(">IIB", chunks[b"pHYs"][0][:9].ljust(9, b"\0"))
        dpi = pictures.resolution((across * 0.0254, down * 0.0254)) if unit == 1 else None
    profile = _profile(chunks, pixels.shape[2] < 3, notes)
    return pictures.finished(pixels, orientation, profile, exif, notes, dpi=dpi, xmp=xmp, text=text)


def _pixels(chunks, header):
    """The pixels (height, width, 1 to 4), uint8 or uint16, decoded by libpng.

    libpng prints warnings about what it can do without. It is given only the chunks that the
    pixels need, in a form that it does not warn about.
    """
    packed = b"".join(_needed(chunks, b"IDAT"))
    inflate = zlib.decompressobj()
    size = len(inflate.decompress(packed, header.length()))
    if size < header.length():
        raise Refused("the picture is damaged: it ends too early")
    if inflate.decompress(inflate.unconsumed_tail, 1) or not inflate.eof or inflate.unused_data:
        packed = zlib.compress(zlib.decompressobj().decompress(packed, header.length()), 0)
    needed = [(b"IHDR", _needed(chunks, b"IHDR")[0])]
    if header.colours == 3:
        palette = _needed(chunks, b"PLTE")[0][:3 * 2 ** header.bits]
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


def _about(chunks, notes):
    """(EXIF, orientation, XMP, other texts) of a PNG."""
    text = _text(chunks, notes)
    raw = chunks[b"eXIf"][0] if b"eXIf" in chunks else None
    for name in ("Raw profile type exif", "Raw profile type APP1"):  # as ImageMagick writes EXIF
        digits = "".join(text.pop(name, "").split()[2:])  # after the name and the length
        if raw is None and re.fullmatch("([0-9a-fA-F]{2})+", digits):
            raw = bytes.fromhex(digits)
    info = {"exif": raw, "xmp": text.pop("XML:com.adobe.xmp", None)}
    exif, orientation, xmp = metadata.cleaned(info, notes)
    return exif, orientation, xmp, text


def _text(chunks, notes):
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


def _profile(chunks, grey, notes):
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


def write(file, picture):
    """Writes the ``picture`` to the open file."""
    encoded = imagecodecs.png_encode(pictures.channels(picture))
    chunks = []
    if profile := pictures.fitting_profile(picture, picture.grey):
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
