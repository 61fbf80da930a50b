"""Picture files: what is read and written, whatever the format, and what is refused."""

import os
import struct

import numpy as np
import pytest
from making import SRGB, names, noise, png, read
from PIL import Image

from shared.images import files
from shared.images.files import Picture, picture_size, read_picture, write_picture

POSIX = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")


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
