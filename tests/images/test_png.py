"""PNG files: bits, transparency, colours, texts, and damage."""

import io
import struct
import zlib

import numpy as np
import pytest
from making import SRGB, noise, png, png_of, read
from PIL import Image, ImageCms, PngImagePlugin

from shared.images.files import read_picture, write_picture


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_is_read_with_all_of_them(tmp_path, channels):
    pixels = noise(9, 7, channels, "uint16")
    found = read(png_of(pixels), tmp_path)
    colours = pixels[..., :1] if channels < 3 else pixels[..., :3]
    np.testing.assert_array_equal(found.pixels[..., :3], np.broadcast_to(colours, (9, 7, 3)))
    assert found.pixels.dtype == np.uint16 and found.grey == (channels < 3) and not found.notes
    assert found.pixels.shape[2] == 3 + (channels in (2, 4))
    if channels in (2, 4):
        np.testing.assert_array_equal(found.pixels[..., 3], pixels[..., -1])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_transparent_colour_of_a_png_becomes_alpha(tmp_path, channels, dtype):
    pixels = noise(9, 7, channels, dtype)
    chosen = pixels[4, 3]
    found = read(png_of(pixels, (b"tRNS", chosen.astype(">u2").tobytes())), tmp_path)
    expected = np.where((pixels == chosen).all(2), 0, np.iinfo(dtype).max)
    np.testing.assert_array_equal(found.pixels[..., 3], expected)
    np.testing.assert_array_equal(found.pixels[..., :channels], pixels)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_reaches_from_black_to_white(tmp_path, bits):
    levels = 2 ** bits
    values = np.arange(levels).repeat(8 // bits).astype("uint8")
    row = np.packbits(np.unpackbits(values[:, None], axis=1)[:, -bits:]).tobytes()
    found = read(png((len(values), 1, bits, 0), [row]), tmp_path)
    np.testing.assert_array_equal(found.pixels[0, :, 0], values.astype(int) * 255 // (levels - 1))


def test_an_interlaced_png_is_read_right(tmp_path):
    pixels = noise(1, 1, 3)  # of one pixel, since the first of the seven passes holds it alone
    content = bytearray(png_of(pixels))
    content[28] = 1
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    np.testing.assert_array_equal(read(bytes(content), tmp_path).pixels, pixels)


def test_the_gamma_of_a_png_becomes_a_profile_with_the_same_look(tmp_path):
    pixels = np.arange(256, dtype="uint8").repeat(3).reshape(1, 256, 3)
    found = read(png_of(pixels, (b"gAMA", struct.pack(">I", 50_000))), tmp_path)
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.notes == ["its gamma (gAMA 0.5) becomes a colour profile"]
    seen = np.asarray(ImageCms.profileToProfile(
        Image.fromarray(pixels), ImageCms.ImageCmsProfile(io.BytesIO(found.profile)),
        ImageCms.createProfile("sRGB")))
    linear = (pixels / 255) ** 2
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert abs(seen - 255 * srgb).max() < 2


def test_the_usual_gamma_of_a_png_is_srgb_and_a_profile_counts_before_gamma(tmp_path):
    usual, odd = (b"gAMA", struct.pack(">I", 45_455)), (b"gAMA", struct.pack(">I", 100_000))
    profile = (b"iCCP", b"name\0\0" + zlib.compress(SRGB))
    srgb, video = (b"sRGB", b"\0"), (b"cICP", bytes((1, 13, 0, 1)))
    for chunks, expected in (((usual,), None), ((odd, srgb), None), ((odd, profile), SRGB),
                             ((video, odd), None)):
        found = read(png_of(noise(4, 5), *chunks), tmp_path)
        assert (found.profile, found.notes) == (expected, [])


def test_other_colours_of_video_are_named(tmp_path):
    found = read(png_of(noise(4, 5), (b"cICP", bytes((9, 16, 0, 1)))), tmp_path)
    assert found.notes == ["its colours (cICP: primaries 9, transfer function 16) are taken as "
                           "they are"]


def test_long_text_stops_no_picture_and_goes_to_the_copy(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("Long", "ab" * 1_000_000, zip=True)
    info.add_itxt("Title", "Grün")
    info.add_itxt("XML:com.adobe.xmp", "<x/>")
    Image.fromarray(noise(4, 5)).save(tmp_path / "a.png", pnginfo=info)
    found = read_picture(tmp_path / "a.png")
    assert found.text == {"Long": "ab" * 1_000_000, "Title": "Grün"} and not found.notes
    write_picture(tmp_path / "b.png", found)
    again = read_picture(tmp_path / "b.png")
    assert (again.text, again.xmp) == (found.text, b"<x/>")
    for name in ("b.jpg", "b.webp", "b.tif", "b.avif"):
        write_picture(tmp_path / name, found)
        assert read_picture(tmp_path / name).xmp == b"<x/>"


def test_a_wrong_checksum_is_refused_wherever_a_bit_flips(tmp_path):
    content = png_of(noise(4, 5))
    for place in (12, 16, 20, 41, 60, len(content) - 20, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match="damaged|too large"):
            read(bytes(damaged), tmp_path)


def test_a_damaged_chunk_that_the_pixels_do_not_need_is_left_out(tmp_path):
    damaged = bytearray(png_of(noise(4, 5), (b"gAMA", struct.pack(">I", 45_455))))
    damaged[42] ^= 1
    found = read(bytes(damaged), tmp_path)
    np.testing.assert_array_equal(found.pixels, noise(4, 5))
    assert found.notes == ["its chunk 'gAMA' is damaged and left out"]


def test_a_png_with_a_chunk_that_decides_the_pixels_and_is_unknown_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a chunk 'CgBI', which no standard knows"):
        read(png_of(noise(4, 5), (b"CgBI", bytes(4))), tmp_path)


def test_a_png_of_more_pixels_per_side_than_libpng_reads_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a PNG of 1000001x1 pixels; at most 1000000"):
        read(png((1_000_001, 1, 8, 0), [b""]), tmp_path)


@pytest.mark.parametrize("kind", ["IHDR", "PLTE", "IDAT"])
def test_a_chunk_that_is_missing_is_named(tmp_path, kind):
    content = png((8, 1, 8, 3), [bytes(8)], (b"PLTE", bytes(3)))
    start = content.index(kind.encode()) - 4
    size = 12 + int.from_bytes(content[start:start + 4], "big")
    with pytest.raises(ValueError, match=f"its chunk '{kind}' is missing"):
        read(content[:start] + content[start + size:], tmp_path)
