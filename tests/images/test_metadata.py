"""Orientation, EXIF and XMP: what goes to the new file, and that no tag stops a picture."""

import io
import struct

import numpy as np
import pytest
from making import camera_exif, noise, png_of, read
from PIL import Image, ImageOps

from shared.images.files import Picture, picture_size, read_picture, write_picture


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


@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif", "b.avif"])
def test_a_name_in_other_letters_stays_as_it_is(tmp_path, target):
    name = "Zoë Müller".encode() + b"\0"
    raw = (b"MM\0*" + struct.pack(">IH", 8, 1) + struct.pack(">HHII", 0x013B, 2, len(name), 26)
           + bytes(4) + name)
    write_picture(tmp_path / target, Picture(noise(20, 24), exif=raw, dpi=(300, 300)))
    assert name in (tmp_path / target).read_bytes()
    found = read_picture(tmp_path / target)
    assert name in found.exif and found.dpi == pytest.approx((300, 300), abs=0.01)


def turned_avif(pixels, raw):
    """An AVIF that states itself that it is turned as by orientation 6, with any EXIF."""
    sound = Image.Exif()
    sound.update({0x0112: 6, 0x010F: "x" * (len(raw) - 27)})
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "AVIF", exif=sound)  # takes the orientation out
    stored = sound.tobytes().removeprefix(b"Exif\0\0")
    assert len(stored) == len(raw) and file.getvalue().count(stored) == 1
    return file.getvalue().replace(stored, raw)


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
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.avif"])
def test_no_exif_tag_stops_a_picture(tmp_path, name, entry, capfd):
    raw = odd_exif(*entry)
    pixels = noise(20, 24)
    if name == "a.png":
        (tmp_path / name).write_bytes(png_of(pixels, (b"eXIf", raw)))
    elif name == "a.avif":
        (tmp_path / name).write_bytes(turned_avif(pixels, raw))
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


def test_an_avif_is_turned_as_it_says_itself_even_if_its_exif_is_damaged(tmp_path):
    upright = turned_avif(noise(20, 24), odd_exif(0x0110, 2, 4, b"abc\0"))
    wanted = read(upright, tmp_path)
    assert wanted.pixels.shape == (24, 20, 3) and b"abc" in wanted.exif and not wanted.notes
    for raw, notes in ((b"nonsense" * 5, ["the EXIF data are damaged and left out"]),
                       (b"II*\0" + bytes([255]) * 36, [])):
        found = read(turned_avif(noise(20, 24), raw), tmp_path)
        np.testing.assert_array_equal(found.pixels, wanted.pixels)
        assert (found.exif, found.notes) == (None, notes)
        assert picture_size(tmp_path / "picture") == (20, 24)


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


def test_too_much_exif_for_a_jpeg_is_left_out(tmp_path):
    raw = b"II*\0" + struct.pack("<IH", 8, 0) + bytes(70_000)
    write_picture(tmp_path / "a.jpg", Picture(noise(20, 24), exif=raw, xmp=b"x" * 70_000))
    assert read_picture(tmp_path / "a.jpg").exif is None
