"""TIFF files: each layout is read right or refused by name."""

import struct

import numpy as np
import pytest
import tifffile
from making import camera_exif, noise, read
from PIL import Image

from shared.images.files import Picture, picture_size, read_picture, write_picture


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("options", [
    {}, {"compression": "lzw", "predictor": True}, {"compression": "deflate"},
    {"compression": "packbits"}, {"compression": "zstd"}, {"tile": (16, 16)},
    {"tile": (16, 16), "compression": "lzw"}, {"bigtiff": True}, {"rowsperstrip": 3},
], ids=str)
@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("planar", [False, True])
def test_every_layout_of_a_tiff_gives_the_same_pixels(tmp_path, options, byteorder, planar, dtype):
    pixels = noise(40, 37, 3, dtype)
    data = np.moveaxis(pixels, 2, 0) if planar else pixels
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb", byteorder=byteorder,
                     planarconfig="separate" if planar else "contig", **options)
    found = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.pixels.dtype == dtype and not found.notes and not found.grey


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_grey_of_a_tiff_is_inverted_where_white_is_zero(tmp_path, photometric, dtype):
    grey = noise(9, 7, 1, dtype)[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric=photometric)
    found = read_picture(tmp_path / "a.tif")
    expected = grey if photometric == "minisblack" else np.iinfo(dtype).max - grey
    np.testing.assert_array_equal(found.pixels, expected[..., None].repeat(3, 2))
    assert found.grey and not found.notes


@pytest.mark.parametrize("bits", [2, 4, 10, 12, 14])
def test_bits_that_are_no_whole_bytes_reach_from_black_to_white(tmp_path, bits):
    dtype = "uint8" if bits < 8 else "uint16"
    grey = np.linspace(0, 2 ** bits - 1, 64).round().astype(dtype).reshape(8, 8)
    tifffile.imwrite(tmp_path / "a.tif", grey, bitspersample=bits, photometric="minisblack")
    found = read_picture(tmp_path / "a.tif").pixels
    full = np.iinfo(dtype).max
    expected = np.floor(grey * (full / (2 ** bits - 1)) + 0.5)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[..., 0], expected)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "tiff_lzw"])
def test_a_tiff_of_one_bit_is_black_and_white(tmp_path, compression, photometric):
    image = Image.fromarray(noise(30, 41, 1)[..., 0]).convert("1")
    image.save(tmp_path / "a.tif", compression=compression,
               tiffinfo={262: 1 if photometric == "minisblack" else 0})
    with Image.open(tmp_path / "a.tif") as other:
        expected = np.asarray(other.convert("L"))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").pixels[..., 0], expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_of_a_tiff_is_straight_whatever_the_file_says(tmp_path, channels, dtype):
    full = np.iinfo(dtype).max
    colours = noise(9, 7, channels, dtype)
    alpha = np.linspace(0, full, 63).round().astype(dtype).reshape(9, 7, 1)
    kind = "rgb" if channels == 3 else "minisblack"
    for extra, stored in (("unassalpha", colours),
                          ("assocalpha", np.rint(colours * (alpha / full)).astype(dtype))):
        tifffile.imwrite(tmp_path / "a.tif", np.concatenate([stored, alpha], axis=2),
                         photometric=kind, extrasamples=[extra], planarconfig="contig")
        found = read_picture(tmp_path / "a.tif").pixels
        np.testing.assert_array_equal(found[..., 3:], alpha)
        error = abs(found[..., :3].astype(float) - colours) * (alpha / full)
        assert error.max() <= (0 if extra == "unassalpha" else 1)


def test_another_channel_of_a_tiff_is_left_out_with_a_note(tmp_path):
    pixels = noise(9, 7, 6)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", planarconfig="contig",
                     extrasamples=["unspecified", "unassalpha", "unspecified"])
    found = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.pixels, pixels[..., [0, 1, 2, 4]])
    assert found.notes == ["a channel that is neither colour nor alpha is left out"]


def test_the_palette_of_a_tiff_gives_its_colours(tmp_path):
    indices, palette = noise(9, 7, 1)[..., 0], noise(3, 256, 1)[..., 0]
    for scale in (1, 256, 257):
        tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette",
                         colormap=palette.astype("uint16") * scale)
        found = read_picture(tmp_path / "a.tif")
        np.testing.assert_array_equal(found.pixels, palette.T[indices])


def test_jpeg_in_a_tiff_is_read_and_what_is_cut_off_is_refused(tmp_path):
    yy, xx = np.mgrid[:64, :64]
    pixels = np.stack([yy * 4, xx * 4, yy * 2 + xx * 2], axis=2).astype("uint8")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", compression="jpeg",
                     rowsperstrip=64)
    assert abs(read_picture(tmp_path / "a.tif").pixels - pixels.astype(float)).mean() < 3
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tiff:
        tiff.pages[0].tags[279].overwrite(tiff.pages[0].databytecounts[0] // 2)
    with pytest.raises(ValueError, match="ends too early"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype, word", [("uint32", "whole numbers of 32"), ("float32", "floating"),
                                         ("float16", "floating"), ("int16", "signed"),
                                         ("float64", "floating"), ("int8", "signed")])
def test_pixels_of_unknown_range_are_refused(tmp_path, dtype, word):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), dtype))
    with pytest.raises(ValueError, match=f"{word}.* no known range"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("kind, name", [("cielab", "CIELAB"), ("cfa", "CFA"),
                                        ("linear_raw", "LINEAR_RAW"), ("ycbcr", "YCbCr")])
def test_colours_that_are_not_converted_are_refused_by_name(tmp_path, kind, name):
    options = {"subsampling": (1, 1)} if kind == "ycbcr" else {}
    channels = 1 if kind == "cfa" else 3
    tifffile.imwrite(tmp_path / "a.tif", noise(8, 8, channels).squeeze(), photometric=kind,
                     **options)
    with pytest.raises(ValueError, match=name):
        read_picture(tmp_path / "a.tif")


def test_a_compression_that_is_not_read_is_refused_by_name(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(8, 8), photometric="rgb", compression="jpegxl")
    with pytest.raises(ValueError, match="the compression JPEGXL"):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("program", ["imagej", "ome", "shaped"])
def test_the_pages_that_no_directory_names_are_counted_too(tmp_path, program):
    pages = noise(9, 7, 3).transpose(2, 0, 1)
    tifffile.imwrite(tmp_path / "a.tif", pages, **{program: True}, photometric="minisblack")
    found = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.pixels, pages[0][..., None].repeat(3, 2))
    assert found.notes == ["the first of 3 frames is taken"]
    assert b"shape" not in found.exif and b"ImageJ" not in found.exif and b"OME" not in found.exif


def test_a_thumbnail_before_the_picture_is_passed_over(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(noise(4, 5), photometric="rgb", subfiletype=1)
        tiff.write(noise(9, 7), photometric="rgb")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.tif").pixels, noise(9, 7))
    assert picture_size(tmp_path / "a.tif") == (7, 9)


def test_the_thumbnail_of_a_raw_photo_is_not_taken_for_the_photo(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(9, 7), photometric="rgb", subfiletype=1,
                     extratags=[(60_000, "I", 1, 8, True)])
    content = (tmp_path / "a.tif").read_bytes()  # with the tag that names where the photo is
    (tmp_path / "a.tif").write_bytes(content.replace(struct.pack("<H", 60_000),
                                                     struct.pack("<H", 330)))
    for reader in (read_picture, picture_size):
        with pytest.raises(ValueError, match="raw photos are not read here"):
            reader(tmp_path / "a.tif")


def test_forty_thousand_directories_take_no_quadratic_time(tmp_path, monkeypatch):
    count = 40_000
    entry = struct.pack("<HHHII", 1, 256, 3, 1, 5)
    size = len(entry) + 4
    content = b"II*\0" + struct.pack("<I", 8)
    for number in range(count):
        after = 8 + size * (number + 1) if number < count - 1 else 0
        content += entry + struct.pack("<I", after)
    sought = []
    seek = tifffile.FileHandle.seek
    monkeypatch.setattr(tifffile.FileHandle, "seek",
                        lambda *arguments: (sought.append(1), seek(*arguments))[1])
    with pytest.raises(ValueError):
        read(content, tmp_path)
    assert len(sought) < 5 * count


def test_sixteen_bits_of_a_tiff_keep_date_and_place_too(tmp_path):
    raw = camera_exif().tobytes()
    write_picture(tmp_path / "a.tif", Picture(noise(20, 24, 3, "uint16"), exif=raw))
    with Image.open(tmp_path / "a.tif") as image:
        exif = image.getexif()
        assert exif[0x010F] == "Maker" and exif.get_ifd(0x8825)[1] == "N"
        assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"


def test_an_odd_tag_of_a_tiff_is_passed_over_without_a_line(tmp_path, caplog):
    tifffile.imwrite(tmp_path / "a.tif", noise(9, 7), photometric="rgb", metadata=None,
                     extratags=[(60_000, "H", 1, 7, True)])
    content = (tmp_path / "a.tif").read_bytes()
    entry = struct.pack("<HHI", 60_000, 3, 1)
    assert entry in content
    caplog.clear()
    found = read(content.replace(entry, struct.pack("<HHI", 60_000, 99, 1)), tmp_path)
    np.testing.assert_array_equal(found.pixels, noise(9, 7))
    assert not caplog.records
