"""Any bytes whatever give a picture, or one of the errors that the reader promises."""

import io

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from shared.images import files

BOUNDED = settings(max_examples=150, derandomize=True, deadline=None, database=None,
                   suppress_health_check=[HealthCheck.function_scoped_fixture])


def seeds():
    """A small sound file of each kind, by name."""
    pixels = np.random.default_rng(0).integers(0, 256, (18, 17, 4), "uint8")
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "Maker", 0x011A: 300.0, 0x011B: 300.0, 0x0128: 2})
    for kind, suffix in (("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp"), ("AVIF", "avif"),
                         ("BMP", "bmp"), ("GIF", "gif"), ("PPM", "ppm")):
        file = io.BytesIO()
        channels = 4 if kind in ("PNG", "WEBP") else 3
        Image.fromarray(pixels[..., :channels]).save(file, kind, exif=exif.tobytes())
        yield suffix, file.getvalue()
    for name, options in (("tif", {}), ("lzw", {"compression": "lzw", "predictor": True}),
                          ("tiles", {"compression": "deflate", "tile": (16, 16)}),
                          ("jpeg", {"compression": "jpeg"}), ("big", {"bigtiff": True})):
        file = io.BytesIO()
        tifffile.imwrite(file, pixels[..., :3], photometric="rgb", metadata=None, **options)
        yield name, file.getvalue()


SEEDS = dict(seeds())


def check(content, path, capfd):
    """Reads these bytes; anything else than a sane picture or a promised error is a failure."""
    path.write_bytes(content)
    for reader in (files.picture_size, lambda name: files.read_picture(name, 1_000_000)):
        try:
            found = reader(path)
        except (OSError, ValueError) as error:
            assert str(error) and "\n" not in str(error) and len(str(error)) < 400
            continue
        if isinstance(found, files.Picture):
            assert found.pixels.dtype in (np.uint8, np.uint16)
            assert found.pixels.ndim == 3 and found.pixels.shape[2] in (3, 4)
            assert 0 < found.pixels.size <= 4_000_000
            assert all(note and "\n" not in note for note in found.notes)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@BOUNDED
@given(content=st.binary(max_size=200), start=st.sampled_from(
    [b"", *{content[:size] for content in SEEDS.values() for size in (2, 12, 40)}]))
def test_any_bytes_give_a_picture_or_a_promised_error(content, start, tmp_path, capfd):
    check(start + content, tmp_path / "picture", capfd)


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEDS)
@BOUNDED
@given(data=st.data())
def test_a_damaged_file_gives_a_picture_or_a_promised_error(name, data, tmp_path, capfd):
    content = bytearray(SEEDS[name])
    place = st.integers(0, len(content) - 1)
    for at, value in data.draw(st.lists(st.tuples(place, st.integers(0, 255)), max_size=6)):
        content[at] = value
    if data.draw(st.booleans()):
        del content[data.draw(place):]
    check(bytes(content), tmp_path / "picture", capfd)
