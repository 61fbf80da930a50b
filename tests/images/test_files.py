"""Picture files: what is read of each kind, and that nothing is written by halves."""

import errno
import io
import os
import stat
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from shared.images import files
from shared.images.files import Picture, picture_size, read_picture, write_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


def noise(height, width, channels=3, dtype="uint8"):
    random = np.random.default_rng(0)
    return random.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, True)


def names(folder):
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
    (tmp_path / "picture").write_bytes(content)
    return read_picture(tmp_path / "picture")


# --- bits and channels ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_what_is_written_without_loss_is_read_again(tmp_path, name, grey, channels, dtype):
    pixels = noise(9, 7, channels, dtype)
    if grey:
        pixels[..., :3] = pixels[..., :1]
    write_picture(tmp_path / name, Picture(pixels, grey, None if grey else SRGB))
    found = read_picture(tmp_path / name)
    assert found.pixels.dtype == dtype
    np.testing.assert_array_equal(found.pixels, pixels)
    assert (found.grey, found.notes) == (grey, [])
    assert picture_size(tmp_path / name) == (7, 9)


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


def test_a_transparent_palette_keeps_its_transparency_and_jpeg_gets_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 4, 8))
    for name in ("a.png", "a.gif"):
        image.save(tmp_path / name, transparency=0)
        found = read_picture(tmp_path / name)
        assert found.pixels.shape == (8, 8, 4)
        assert found.pixels[4, 0, 3] == 0 and found.pixels[4, 7].tolist() == [0, 0, 255, 255]
    write_picture(tmp_path / "b.jpg", found)
    jpeg = np.asarray(Image.open(tmp_path / "b.jpg"))
    assert jpeg[4, 0].min() > 240 and jpeg[4, 7, 2] > 240 and jpeg[4, 7, :2].max() < 16


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_formats_of_8_bits_get_the_nearest_of_16(tmp_path, name):
    for above, expected in ((128, 200), (129, 201)):  # of the 257 steps to the next level
        pixels = np.full((16, 16, 3), 200 * 257 + above, "uint16")
        write_picture(tmp_path / name, Picture(pixels), overwrite=True)
        found = read_picture(tmp_path / name).pixels
        assert found.dtype == np.uint8 and (found == expected).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_portable_maps_are_read_and_lost_bits_are_noted(tmp_path, bits):
    dtype = f"uint{bits}"
    for magic, channels in (("P5", 1), ("P6", 3)):
        pixels = noise(5, 4, channels, dtype)
        found = read(f"{magic}\n# made by hand\n4 5 {2 ** bits - 1}\n".encode()
                     + pixels.astype(pixels.dtype.newbyteorder(">")).tobytes(), tmp_path)
        if bits == 16 and channels == 3:
            assert found.notes == ["16 bits become 8"]
            pixels = np.rint(pixels / 257)
        else:
            assert found.notes == []
        np.testing.assert_array_equal(found.pixels, np.broadcast_to(pixels, (5, 4, 3)))
        assert found.grey == (channels == 1)


# --- TIFF -----------------------------------------------------------------------------------


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


def test_of_several_frames_the_first_is_taken_and_that_is_noted(tmp_path):
    pixels = noise(8, 9)
    frames = {"save_all": True, "append_images": [Image.new("RGB", (9, 8))]}
    for name, lossless in (("a.tif", {}), ("a.webp", {"lossless": True}), ("a.png", {}),
                           ("a.gif", {}), ("a.avif", {})):
        Image.fromarray(pixels).save(tmp_path / name, **frames, **lossless)
        found = read_picture(tmp_path / name)
        assert found.notes == ["the first of 2 frames is taken"]
        if name not in ("a.gif", "a.avif"):
            np.testing.assert_array_equal(found.pixels, pixels)


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


# --- colours --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif"])
def test_the_colour_profile_goes_from_file_to_file(tmp_path, name):
    Image.fromarray(noise(20, 24)).save(tmp_path / name, icc_profile=SRGB)
    found = read_picture(tmp_path / name)
    assert found.profile == SRGB
    write_picture(tmp_path / name, found, overwrite=True)
    assert Image.open(tmp_path / name).info["icc_profile"] == SRGB


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif"])
def test_a_profile_of_grey_never_gets_into_a_file_of_colours(tmp_path, name):
    profile = SRGB[:16] + b"GRAY" + SRGB[20:]
    write_picture(tmp_path / name, Picture(noise(20, 24, 1).repeat(3, 2), True, profile))
    with Image.open(tmp_path / name) as image:
        assert ("icc_profile" in image.info) == (image.mode == "L")
    write_picture(tmp_path / name, Picture(noise(20, 24), False, profile), True)
    with Image.open(tmp_path / name) as image:
        assert not image.info.get("icc_profile")


def test_a_profile_of_other_colours_is_dropped(tmp_path):
    profile = SRGB[:16] + b"CMYK" + SRGB[20:]
    Image.fromarray(noise(20, 24)).convert("CMYK").save(tmp_path / "a.tif", icc_profile=profile)
    found = read_picture(tmp_path / "a.tif")
    assert found.profile is None and found.notes == ["CMYK becomes sRGB"]
    Image.fromarray(noise(20, 24, 1)[..., 0]).save(tmp_path / "b.jpg", icc_profile=SRGB)
    found = read_picture(tmp_path / "b.jpg")
    assert found.profile is None
    assert found.notes == ["the colour profile does not fit the pixels and is left out"]


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_cmyk_of_adobe_is_not_inverted(tmp_path, name):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta and yellow make red
    image.save(tmp_path / name)
    found = read_picture(tmp_path / name)
    assert found.pixels[8, 8, 0] > 200 and found.pixels[8, 8, 1:].max() < 60
    assert found.notes == ["CMYK becomes sRGB"]


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


# --- orientation, EXIF, XMP, text -----------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.avif"])
def test_the_orientation_is_applied_once(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(noise(20, 24)).save(tmp_path / name, exif=exif)
    with Image.open(tmp_path / name) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    found = read_picture(tmp_path / name)
    np.testing.assert_array_equal(found.pixels, expected)
    assert picture_size(tmp_path / name) == expected.shape[1::-1]
    for copy in ("b.png", "b.jpg", "b.webp", "b.tif", "b.avif"):
        write_picture(tmp_path / copy, found, True)
        assert picture_size(tmp_path / copy) == expected.shape[1::-1]
        with Image.open(tmp_path / copy) as image:
            assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("form", ['tiff:Orientation="6"', "tiff:Orientation='6'",
                                  "<tiff:Orientation>6</tiff:Orientation>"])
def test_the_orientation_in_xmp_is_applied_once_too(tmp_path, form):
    Image.fromarray(noise(20, 24)).save(tmp_path / "a.jpg", xmp=f"<x {form}/>".encode())
    found = read_picture(tmp_path / "a.jpg")
    assert found.pixels.shape == (24, 20, 3) == (*picture_size(tmp_path / "a.jpg")[::-1], 3)
    assert found.xmp == f"<x {form}/>".replace("6", "1").encode()


def camera_exif():
    exif = Image.Exif()
    exif.update({0x010F: "Maker", 0x0110: "Model 1", 0x010E: "A photo", 0x0131: "Soft",
                 0x013B: "Ann", 0x8298: "(c) 2020", 0x0132: "2020:01:02 03:04:05", 0x0112: 1,
                 0x011A: 300.0, 0x011B: 300.0, 0x0128: 2})
    exif.get_ifd(0x8769).update({0x9003: "2020:01:02 03:04:05", 0xA002: 24, 0xA003: 20,
                                 0x829A: 0.01})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 12.5), 3: "E", 4: (11.0, 34.0, 1.0)})
    return exif


@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp", "a.tif", "a.avif"])
@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif", "b.avif"])
def test_date_camera_place_and_resolution_are_kept(tmp_path, source, target):
    options = {} if source == "a.webp" else {"dpi": (300, 300)}
    Image.fromarray(noise(20, 24)).save(tmp_path / source, exif=camera_exif().tobytes(), **options)
    found = read_picture(tmp_path / source)
    assert found.notes == [] and found.dpi == pytest.approx((300, 300), abs=0.01)
    write_picture(tmp_path / target, found)
    with Image.open(tmp_path / target) as image:
        exif = image.getexif()
        camera, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    assert (exif[0x010F], exif[0x0110], exif[0x0132]) == ("Maker", "Model 1",
                                                          "2020:01:02 03:04:05")
    assert (exif[0x0131], exif[0x013B], exif[0x8298]) == ("Soft", "Ann", "(c) 2020")
    assert exif[0x010E] == "A photo"
    assert camera[0x9003] == "2020:01:02 03:04:05" and float(camera[0x829A]) == 0.01
    assert 0xA002 not in camera and 0xA003 not in camera
    assert place[1] == "N" and [float(part) for part in place[2]] == [48.0, 8.0, 12.5]
    again = read_picture(tmp_path / target)
    assert again.dpi == pytest.approx((300, 300), abs=0.01) and again.notes == []
    write_picture(tmp_path / target, found, True, keep_metadata=False)
    again = read_picture(tmp_path / target)
    assert (again.exif, again.dpi, again.xmp) == (None, None, None)


def test_sixteen_bits_of_a_tiff_keep_date_and_place_too(tmp_path):
    raw = camera_exif().tobytes()
    write_picture(tmp_path / "a.tif", Picture(noise(20, 24, 3, "uint16"), exif=raw))
    with Image.open(tmp_path / "a.tif") as image:
        exif = image.getexif()
        assert exif[0x010F] == "Maker" and exif.get_ifd(0x8825)[1] == "N"
        assert exif.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"


@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif", "b.avif"])
def test_a_name_in_other_letters_stays_as_it_is(tmp_path, target):
    name = "Zoë Müller".encode() + b"\0"
    raw = (b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHII", 0x013B, 2, len(name), 26)
           + bytes(4) + name)
    write_picture(tmp_path / target, Picture(noise(20, 24), exif=raw, dpi=(300, 300)))
    assert name in (tmp_path / target).read_bytes()
    found = read_picture(tmp_path / target)
    assert name in found.exif and found.dpi == pytest.approx((300, 300), abs=0.01)


def odd_exif(tag, kind, count, value, orientation=6):
    """EXIF with an orientation and one more entry, which may be nonsense."""
    return (b"II*\0" + struct.pack("<IH", 8, 2)
            + struct.pack("<HHII", 0x0112, 3, 1, orientation)
            + struct.pack("<HHI4s", tag, kind, count, value) + b"\0\0\0\0")


@pytest.mark.parametrize("entry", [
    (0x0128, 2, 4, b"abc\0"), (0x011A, 5, 1, b"\xff\xff\0\0"), (0x011A, 2, 4, b"abc\0"),
    (0x8769, 4, 1, b"\xff\xff\xff\x7f"), (0x8825, 4, 1, b"\x08\0\0\0"), (0x8769, 2, 4, b"abc\0"),
    (0x0132, 2, 0x7FFFFFFF, b"\x08\0\0\0"), (0x9999, 99, 1, b"abcd"),
    (0x010F, 2, 4, b"\xff\xfe\xfd\0"), (0x0201, 4, 1, b"\xff\xff\xff\xff"),
    (0x014A, 4, 1, b"\x08\0\0\0"), (0x0128, 12, 1, b"\x08\0\0\0"),
], ids=str)
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_no_exif_tag_stops_a_picture(tmp_path, name, entry, capfd):
    raw = odd_exif(*entry)
    pixels = noise(20, 24)
    if name == "a.png":
        (tmp_path / name).write_bytes(png_of(pixels, (b"eXIf", raw)))
    else:
        Image.fromarray(pixels).save(tmp_path / name, lossless=True,
                                     exif=b"Exif\0\0" + raw)
    found = read_picture(tmp_path / name)
    assert found.pixels.shape == (24, 20, 3) == (*picture_size(tmp_path / name)[::-1], 3)
    for target in ("b.jpg", "b.png", "b.webp", "b.tif", "b.avif"):
        write_picture(tmp_path / target, found, True)
        assert read_picture(tmp_path / target).pixels.shape == (24, 20, 3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("raw", [b"II*\0\xff\xff\xff\xff", b"II", b"nonsense",
                                 b"MM\0*\0\0\0\x08\0\5"], ids=str)
def test_exif_that_cannot_be_followed_is_left_out_with_a_note(tmp_path, raw):
    found = read(png_of(noise(4, 5), (b"eXIf", raw)), tmp_path)
    assert found.exif is None and found.notes == ["the EXIF data are damaged and left out"]


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


def test_the_thumbnail_in_exif_is_removed(tmp_path):
    thumbnail = b"\xff\xd8thumbnail\xff\xd9"
    raw = (b"II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHI4s", 0x0110, 2, 4, b"abc\0")
           + struct.pack("<IH", 26, 2) + struct.pack("<HHII", 0x0201, 4, 1, 56)
           + struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail)) + b"\0\0\0\0" + thumbnail)
    found = read(png_of(noise(4, 5), (b"eXIf", raw)), tmp_path)
    assert b"thumbnail" not in found.exif
    loaded = Image.Exif()
    loaded.load(found.exif)
    assert dict(loaded) == {0x0110: "abc"} and not loaded.get_ifd(1)


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


def test_too_much_exif_for_a_jpeg_is_left_out(tmp_path):
    raw = b"II*\0" + struct.pack("<IH", 8, 0) + bytes(70_000)
    write_picture(tmp_path / "a.jpg", Picture(noise(20, 24), exif=raw, xmp=b"x" * 70_000))
    assert read_picture(tmp_path / "a.jpg").exif is None


# --- what is refused ------------------------------------------------------------------------


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


@pytest.mark.parametrize("content, word", [
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"), (b"%PDF-1.7\n", "PDF"),
    (b"8BPS\0\1" + bytes(40), "Photoshop"), (b"plain text", "not a picture"), (b"", "empty"),
    (b"<?xml version='1.0'?><svg/>", "SVG"), (b"\0\0\0\x18ftypisom" + bytes(40), "video"),
], ids=str)
def test_only_the_formats_that_are_named_are_opened(tmp_path, content, word):
    with pytest.raises(ValueError, match=word):
        read(content, tmp_path)
    with pytest.raises(ValueError, match=word):
        picture_size(tmp_path / "picture")


def test_a_damaged_avif_is_damaged(tmp_path):
    Image.fromarray(noise(40, 40)).save(tmp_path / "a.avif")
    content = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:len(content) // 2])
    with pytest.raises(ValueError, match="damaged"):
        read_picture(tmp_path / "a.jpg")


def bombs():
    webp = b"RIFF" + struct.pack("<I", 26) + b"WEBPVP8L" + struct.pack("<IBI", 13, 0x2F,
                                                                      0x3FFE | 0x3FFE << 14)
    yield "webp", webp + bytes(34 - len(webp))
    yield "png", png((65_535, 65_535, 8, 2), [b""])
    yield "bmp", b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 65_535, 65_535, 1, 24,
                                     0, 0, 0, 0, 0, 0)
    yield "ppm", b"P6 65535 65535 255\n"
    yield "gif", b"GIF89a" + struct.pack("<HHBBB", 65_535, 65_535, 0, 0, 0) \
        + b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\2\0;"
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in (
        (256, 65_535), (257, 65_535), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1),
        (278, 65_535), (279, 9)))
    yield "tif", b"II*\0" + struct.pack("<IH", 8, 9) + entries + bytes(4)


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in bombs()])
def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, content):
    with pytest.raises(ValueError, match="the picture is too large"):
        read(content, tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif", "a.gif"])
def test_the_limit_of_pixels_is_the_callers(tmp_path, name, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow's own, which is not asked
    Image.fromarray(noise(20, 24)).save(tmp_path / name)
    assert read_picture(tmp_path / name, 480).pixels.shape[:2] == (20, 24)
    assert picture_size(tmp_path / name) == (24, 20)
    with pytest.raises(ValueError, match="the picture is too large: .*(24x20|more than 479)"):
        read_picture(tmp_path / name, 479)
    assert Image.MAX_IMAGE_PIXELS == 100


@POSIX
def test_what_is_no_file_is_refused_and_nothing_waits(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for reader in (read_picture, picture_size):
        with pytest.raises(OSError, match="not a regular file"):
            reader(tmp_path / "a.png")
        with pytest.raises(OSError, match="not a regular file"):
            reader("/dev/null")
        with pytest.raises(IsADirectoryError):
            reader(tmp_path)
        with pytest.raises(FileNotFoundError):
            reader(tmp_path / "missing.png")
    with pytest.raises(OSError, match="not a regular file"):
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)), overwrite=True)


# --- writing --------------------------------------------------------------------------------


@pytest.mark.parametrize("name, most", [("wide.webp", 16_383), ("wide.jpg", 65_500),
                                        ("wide.avif", 32_768)])
def test_a_picture_too_long_for_its_format_says_which_formats_do(tmp_path, name, most):
    with pytest.raises(ValueError, match=f"holds {most} pixels .*write a .png"):
        write_picture(tmp_path / name, Picture(np.zeros((1, most + 1, 3), "uint8")))
    with pytest.raises(ValueError, match=f"holds {most} pixels"):
        files.check_target(tmp_path / name, size=(most + 1, 1))
    assert not names(tmp_path)
    assert files.longest_side(files.check_target(tmp_path / name, size=(most, 1))) == most


@pytest.mark.parametrize("name", ["wide.webp", "wide.jpg", "wide.png", "wide.avif"])
def test_the_longest_picture_of_a_format_can_be_written(tmp_path, name):
    most = files.longest_side(files.writable_format(name))
    write_picture(tmp_path / name, Picture(np.zeros((1, most, 3), "uint8")))
    assert read_picture(tmp_path / name).pixels.shape == (1, most, 3)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   KeyboardInterrupt()], ids=["full disk", "interrupted"])
@pytest.mark.parametrize("suffix", files.WRITABLE)
def test_what_fails_while_writing_leaves_the_folder_as_it_was(tmp_path, monkeypatch, error, suffix):
    (tmp_path / f"a{suffix}").write_text("mine")

    def fsync(descriptor):
        raise error

    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("a", "b"):
        with pytest.raises(type(error)):
            write_picture(tmp_path / (name + suffix), Picture(noise(4, 5)), overwrite=True)
    assert names(tmp_path) == [f"a{suffix}"] and (tmp_path / f"a{suffix}").read_text() == "mine"


@pytest.mark.parametrize("links", [True, False])
def test_no_file_is_replaced_even_if_it_appears_while_another_is_written(tmp_path, monkeypatch,
                                                                         links):
    target = tmp_path / "a.png"
    if not links:
        def link(*arguments):
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    write_picture(tmp_path / "b.png", Picture(noise(4, 5)))
    assert read_picture(tmp_path / "b.png").pixels.shape == (4, 5, 3)
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (target.write_text("mine"), fsync(number)))
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_picture(target, Picture(noise(4, 5)))
    assert target.read_text() == "mine" and names(tmp_path) == ["a.png", "b.png"]


@POSIX
def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path):
    name = "a" * 247 + ".png"
    write_picture(tmp_path / name, Picture(noise(4, 5)))
    assert names(tmp_path) == [name]


@POSIX
def test_a_replaced_file_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)
    for mode in (0o600, 0o664):
        (tmp_path / "a.png").chmod(mode)
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)), overwrite=True)
        assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == mode


@POSIX
def test_of_a_link_the_file_is_replaced_that_it_leads_to(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "real.png").write_text("old")
    (tmp_path / "a.png").symlink_to(tmp_path / "other" / "real.png")
    with pytest.raises(FileExistsError):
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    write_picture(tmp_path / "a.png", Picture(noise(4, 5)), overwrite=True)
    assert (tmp_path / "a.png").is_symlink()
    assert read_picture(tmp_path / "other" / "real.png").pixels.shape == (4, 5, 3)
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for overwrite in (False, True):
        with pytest.raises(OSError):
            write_picture(tmp_path / "loop.png", Picture(noise(4, 5)), overwrite)


def test_all_that_can_be_known_before_the_work_is_said_before_it(tmp_path, monkeypatch):
    (tmp_path / "a.png").write_text("mine")
    (tmp_path / "folder.png").mkdir()
    for name in ("a.gif", "a"):
        with pytest.raises(ValueError, match=r"use one of \.png, "):
            files.check_target(tmp_path / name)
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    assert (tmp_path / "a.png").read_text() == "mine"
    assert files.check_target(tmp_path / "a.png", overwrite=True) == "PNG"
    with pytest.raises(OSError, match="not a regular file"):
        files.check_target(tmp_path / "folder.png", overwrite=True)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        files.check_target(tmp_path / "missing" / "a.png")
    with pytest.raises(OSError):
        files.check_target(tmp_path / ("a" * 300 + ".png"))
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    with pytest.raises(PermissionError):
        files.check_target(tmp_path / "new.png")


def test_quality_decides_the_size_of_the_file(tmp_path):
    for suffix in (".jpg", ".webp", ".avif"):
        sizes = []
        for quality in (20, 95, None):
            path = tmp_path / f"{quality}{suffix}"
            write_picture(path, Picture(noise(40, 40)), quality=quality)
            sizes.append(path.stat().st_size)
        assert sizes[0] < sizes[1] == sizes[2]


@pytest.mark.parametrize("suffix", [suffix for suffix in files.READABLE
                                    if files.READABLE[suffix] != "HEIF"])
def test_every_suffix_that_is_said_to_be_readable_is(tmp_path, suffix):
    Image.fromarray(noise(20, 24)).save(tmp_path / f"a{suffix}", files.READABLE[suffix])
    assert read_picture(tmp_path / f"a{suffix}").pixels.shape == (20, 24, 3)
    assert picture_size(tmp_path / f"a{suffix}") == (24, 20)


@pytest.mark.skipif(not files.HEIF, reason="needs the package pillow-heif")
def test_heic_is_read_upright(tmp_path):
    import pillow_heif

    pillow_heif.register_heif_opener()
    Image.fromarray(noise(64, 48)).save(tmp_path / "a.heic", quality=90)
    assert read_picture(tmp_path / "a.heic").pixels.shape == (64, 48, 3)


def test_heic_without_its_package_says_which_one(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "HEIF", False)
    with pytest.raises(ValueError, match="pip install pillow-heif"):
        read(b"\0\0\0\x18ftypheic" + bytes(40), tmp_path)
