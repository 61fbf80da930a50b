"""Makes picture files of known contents."""

import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

from shared.images.files import read_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(height, width, channels=3, dtype="uint8"):
    """An array of noise, the same at each call."""
    random = np.random.default_rng(0)
    return random.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, True)


def names(folder):
    """The names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())


def png(header, pixels, *chunks):
    """A PNG of these bytes: (width, height, bits, colours), rows (height, bytes), more chunks."""
    rows = b"".join(b"\0" + row for row in pixels)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0)), *chunks,
                       (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    return content


def png_of(pixels, *chunks):
    """A PNG of an array (height, width, channels) of uint8 or uint16."""
    height, width, channels = pixels.shape
    rows = [row.astype(pixels.dtype.newbyteorder(">")).tobytes() for row in pixels]
    return png((width, height, 8 * pixels.itemsize, {1: 0, 2: 4, 3: 2, 4: 6}[channels]), rows,
               *chunks)


def read(content, tmp_path):
    """The ``Picture`` in a file with this content."""
    (tmp_path / "picture").write_bytes(content)
    return read_picture(tmp_path / "picture")


def camera_exif():
    """EXIF as a camera writes it."""
    exif = Image.Exif()
    exif.update({0x010F: "Maker", 0x0110: "Model 1", 0x010E: "A photo", 0x0131: "Soft",
                 0x013B: "Ann", 0x8298: "(c) 2020", 0x0132: "2020:01:02 03:04:05", 0x0112: 1,
                 0x011A: 300.0, 0x011B: 300.0, 0x0128: 2})
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05", 0xA002: 24, 0xA003: 20,
                                 0x829A: 0.01})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 12.5), 3: "E", 4: (11.0, 34.0, 1.0)})
    return exif
