"""JPEG, WebP, AVIF, HEIC and the portable maps."""

import numpy as np
import pytest
from making import noise, read
from PIL import Image

from shared.images import files
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
