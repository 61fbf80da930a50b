"""JPEG, WebP, AVIF and HEIC files."""

import io

import numpy as np
import pytest
from making import noise, read
from PIL import Image

from shared.images import files, pillow_formats
from shared.images.files import Picture, read_picture, write_picture


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.avif"])
def test_formats_of_8_bits_get_the_nearest_of_16(tmp_path, name):
    for above, expected in ((128, 200), (129, 201)):  # of the 257 steps to the next level
        pixels = np.full((16, 16, 3), 200 * 257 + above, "uint16")
        write_picture(tmp_path / name, Picture(pixels), overwrite=True)
        found = read_picture(tmp_path / name).pixels
        assert found.dtype == np.uint8 and (found == expected).all()


def test_a_damaged_avif_is_damaged(tmp_path):
    Image.fromarray(noise(40, 40)).save(tmp_path / "a.avif")
    content = (tmp_path / "a.avif").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[:len(content) // 2])
    with pytest.raises(ValueError, match="damaged"):
        read_picture(tmp_path / "a.jpg")


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


@pytest.mark.skipif(not files.HEIF, reason="needs the package pillow-heif")
def test_heic_of_10_bits_is_noted(tmp_path):
    import pillow_heif

    pixels = noise(64, 48, 3, "uint16")
    pillow_heif.from_bytes("RGB;16", (48, 64), pixels.tobytes()).save(tmp_path / "a.heic")
    assert read_picture(tmp_path / "a.heic").notes == ["10 bits become 8"]


@pytest.mark.parametrize("configuration, notes", [
    (b"av1C\x81\x00\x0c\x00", []), (b"av1C\x81\x00\x4c\x00", ["10 bits become 8"]),
    (b"av1C\x81\x00\x6c\x00", ["12 bits become 8"]), (b"av1C\x81", []),
    (b"hvcC" + bytes(17) + b"\xf8" + bytes(4), []), (b"hvcC" + bytes(5), []),
    (b"hvcC" + bytes(17) + b"\xfa" + bytes(4), ["10 bits become 8"])], ids=str)
def test_bits_that_are_lost_in_reading_a_frame_of_video_are_noted(configuration, notes):
    file = io.BytesIO(b"meta" + configuration)
    assert pillow_formats._deep_video(file) == notes
