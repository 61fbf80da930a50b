"""Picture files: what is read of each kind, and that nothing is written by halves."""

import errno
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from shared.images import files
from shared.images.files import Picture, read_picture, write_picture

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def noise(height, width, channels=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), "uint8")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_what_is_written_without_loss_is_read_again(tmp_path, name):
    for grey in (False, True):
        pixels = noise(9, 7, 1).repeat(3, axis=2) if grey else noise(9, 7)
        write_picture(tmp_path / name, Picture(pixels, grey, SRGB if not grey else None), True)
        found = read_picture(tmp_path / name)
        np.testing.assert_array_equal(found.pixels, pixels)
        assert (found.grey, found.notes) == (grey, [])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_of_grey_become_eight_and_that_is_noted(tmp_path, name):
    grey = np.arange(256, dtype="uint16").reshape(16, 16) * 257
    Image.fromarray(grey).save(tmp_path / name)
    found = read_picture(tmp_path / name)
    assert (found.pixels == np.arange(256).reshape(16, 16, 1)).all()
    assert found.grey and found.notes == ["16 bits become 8"]


def test_sixteen_bits_of_colour_become_eight_and_that_is_noted(tmp_path):
    pixels = np.full((4, 5, 3), (0xFF00, 0x8000, 0), ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    content = b"\x89PNG\r\n\x1a\n"  # by hand, since Pillow does not write such a file
    for kind, data in ((b"IHDR", struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0)),
                       (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    (tmp_path / "deep.png").write_bytes(content)
    found = read_picture(tmp_path / "deep.png")
    assert (found.pixels == (255, 128, 0)).all() and found.notes == ["16 bits become 8"]


def test_of_several_frames_the_first_is_taken_and_that_is_noted(tmp_path):
    pixels = noise(8, 9)
    Image.fromarray(pixels).save(tmp_path / "a.tif", save_all=True,
                                 append_images=[Image.new("RGB", (9, 8))])
    found = read_picture(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.notes == ["the first of 2 frames is taken"]


def test_pixels_of_unknown_range_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), "float32")).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="no known range"):
        read_picture(tmp_path / "a.tif")


def test_a_transparent_palette_keeps_its_transparency_and_jpeg_gets_white(tmp_path):
    image = Image.new("P", (8, 8), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(0, (0, 0, 4, 8))
    image.save(tmp_path / "a.png", transparency=0)
    found = read_picture(tmp_path / "a.png")
    assert found.pixels.shape == (8, 8, 4)
    assert found.pixels[4, 0, 3] == 0 and found.pixels[4, 7].tolist() == [0, 0, 255, 255]
    write_picture(tmp_path / "b.jpg", found)
    jpeg = np.asarray(Image.open(tmp_path / "b.jpg"))
    assert jpeg[4, 0].min() > 240 and jpeg[4, 7, 2] > 240 and jpeg[4, 7, :2].max() < 16


@pytest.mark.parametrize("name", ["b.png", "b.jpg"])
def test_a_photo_on_its_side_is_read_upright_and_written_without_orientation(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: rotate it by 90 degrees clockwise to show it
    Image.fromarray(noise(20, 24)).save(tmp_path / "a.jpg", exif=exif)
    found = read_picture(tmp_path / "a.jpg")
    upright = Image.open(tmp_path / "a.jpg").transpose(Image.Transpose.ROTATE_270)
    np.testing.assert_array_equal(found.pixels, np.asarray(upright))
    write_picture(tmp_path / name, found)
    with Image.open(tmp_path / name) as image:
        assert image.size == (20, 24) and 0x0112 not in image.getexif()


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
def test_the_colour_profile_goes_from_file_to_file(tmp_path, name):
    Image.fromarray(noise(20, 24)).save(tmp_path / name, icc_profile=SRGB)
    found = read_picture(tmp_path / name)
    assert found.profile == SRGB
    write_picture(tmp_path / name, found, overwrite=True)
    assert Image.open(tmp_path / name).info["icc_profile"] == SRGB


def test_a_profile_of_other_colours_is_dropped(tmp_path):
    profile = SRGB[:16] + b"CMYK" + SRGB[20:]
    Image.fromarray(noise(20, 24)).convert("CMYK").save(tmp_path / "a.tif", icc_profile=profile)
    found = read_picture(tmp_path / "a.tif")
    assert found.profile is None and found.notes == ["CMYK becomes sRGB"]


@pytest.mark.parametrize("name, most", [("wide.webp", 16_383), ("wide.jpg", 65_500)])
def test_a_picture_too_long_for_its_format_says_which_formats_do(tmp_path, name, most):
    picture = Picture(np.zeros((1, most + 1, 3), "uint8"))
    with pytest.raises(ValueError, match=f"holds {most} pixels .*write a .png"):
        write_picture(tmp_path / name, picture)
    assert not names(tmp_path)


def test_a_hundred_megapixels_are_read_and_a_bomb_is_not(tmp_path, monkeypatch, recwarn):
    Image.fromarray(noise(20, 24)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)  # Pillow warns beyond it: 480 pixels
    assert read_picture(tmp_path / "a.png").pixels.shape == (20, 24, 3)
    assert not [w for w in recwarn if issubclass(w.category, Image.DecompressionBombWarning)]
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)  # and refuses twice as many
    with pytest.raises(ValueError, match="the picture is too large"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"),
                                   KeyboardInterrupt()], ids=["full disk", "interrupted"])
def test_what_fails_while_writing_leaves_the_folder_as_it_was(tmp_path, monkeypatch, error):
    (tmp_path / "a.png").write_text("mine")

    def save(image, file, *arguments, **options):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(Image.Image, "save", save)
    for name in ("a.png", "b.png"):
        with pytest.raises(type(error)):
            write_picture(tmp_path / name, Picture(noise(4, 5)), overwrite=True)
    assert names(tmp_path) == ["a.png"] and (tmp_path / "a.png").read_text() == "mine"


def test_another_suffix_or_a_file_that_exists_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("mine")
    for name in ("a.gif", "a"):
        with pytest.raises(ValueError, match=r"use one of \.png, "):
            files.writable_format(tmp_path / name)
    with pytest.raises(FileExistsError, match="--overwrite"):
        write_picture(tmp_path / "a.png", Picture(noise(4, 5)))
    assert (tmp_path / "a.png").read_text() == "mine"
    assert files.writable_format(tmp_path / "a.png", overwrite=True) == "PNG"
