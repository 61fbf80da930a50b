"""EXIF and XMP of a photo, cleaned of what describes the old file and not the photo.

Both are changed as bytes, since a photo may have tags that no library understands, and no tag
may stop a photo. Introduced in lesson 06.
"""

import contextlib
import re
import struct
import warnings

from PIL import Image

from shared.images import pictures

ORIENTATION = 0x0112
# Tags that describe how the pixels of the old file were stored, in the main part and in the
# part about the camera.
LAYOUT = {ORIENTATION, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106, 0x0111, 0x0115, 0x0116, 0x0117,
          0x011C, 0x0142, 0x0143, 0x0144, 0x0145, 0x014A}
CAMERA, PLACE, SIZES = 0x8769, 0x8825, {0xA002, 0xA003}
# Tags of the main part that describe the photo, all of them text.
ABOUT = (270, 271, 272, 305, 306, 315, 33432)  # description, make, model, ..., copyright


def cleaned(info, notes):
    """(EXIF, orientation, XMP) of a dict as Pillow's ``info``, cleaned for ``Picture``."""
    exif, orientation = clean_exif(info.get("exif"), notes)
    xmp, from_xmp = clean_xmp(info.get("xmp"))
    return exif, orientation or from_xmp or 1, xmp


def clean_exif(raw, notes):
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
        if not any(data[main:main + 2]):  # no tag is left
            data = None
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


def exif_resolution(exif):
    """The resolution that EXIF states, in pixels per inch, or None."""
    values = loaded(exif)
    unit = {2: 1, 3: 2.54}.get(values.get(0x0128))
    try:
        return unit and pictures.resolution((values[0x011A] * unit, values[0x011B] * unit))
    except (KeyError, TypeError):
        return None


def clean_xmp(xmp):
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


def loaded(exif):
    """Pillow's view of the EXIF, with texts as bytes; empty if Pillow cannot read and write it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = Image.Exif()
            values.load(exif or b"")
            values.tobytes()
    except Exception:  # no tag stops a picture
        return Image.Exif()
    for tag in ABOUT:
        if isinstance(values.get(tag), str):
            values[tag] = values[tag].encode("latin-1", "replace")  # as Pillow decodes them
    return values
