"""PGM and PPM files of more than 8 bits: all of them are kept."""

import numpy as np
import pytest
from making import noise, read

from shared.images.files import picture_size, read_picture


def portable_map(pixels, white, text=False, comment=b""):
    """A PGM or PPM with the values of an array (height, width, 1 or 3)."""
    height, width, channels = pixels.shape
    kind = {(1, False): 5, (3, False): 6, (1, True): 2, (3, True): 3}[channels, text]
    header = b"P%d\n%b%d %d\n%b%d\n" % (kind, comment, width, height, comment, white)
    if text:
        return header + b"\n".join(b"%d" % value for value in pixels.ravel())
    return header + pixels.astype(">u2" if white > 255 else "uint8").tobytes()


@pytest.mark.parametrize("comment", [b"", b"# made by hand 9 9 9\n"])
@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("white", [255, 256, 1023, 4095, 65_535])
def test_portable_maps_keep_all_their_bits(tmp_path, white, channels, text, comment):
    pixels = np.minimum(noise(5, 4, channels, "uint16"), white)
    pixels[0, 0], pixels[0, 1] = 0, white
    found = read(portable_map(pixels, white, text, comment), tmp_path)
    full = 255 if white == 255 else 65_535
    assert found.pixels.dtype == ("uint8" if white == 255 else "uint16")
    np.testing.assert_array_equal(
        found.pixels, np.broadcast_to(np.floor(pixels * (full / white) + 0.5), (5, 4, 3)))
    assert found.grey == (channels == 1) and not found.notes
    assert picture_size(tmp_path / "picture") == (4, 5)


def test_values_above_white_are_white(tmp_path):
    found = read(portable_map(np.full((2, 2, 1), 5000, "uint16"), 4095), tmp_path)
    assert (found.pixels == 65_535).all()


@pytest.mark.parametrize("content, word", [
    (b"P6 1 1 65535\n" + bytes(5), "ends too early"), (b"P3 1 1 300\n1 2", "ends too early"),
    (b"P3 1 1 300\n1 2 x", "damaged"), (b"P5 1 1 65536\n" + bytes(9), "damaged"),
    (b"P5 0 1 65535\n", "damaged"), (b"P5 1 1 70000 ", "damaged"), (b"P6 1 1\n", "damaged"),
    (b"P6 65535 65535 65535\n", "too large"), (b"PF\n1 1\n-1\n" + bytes(12), "PFM"),
    (b"P7\nWIDTH 1\n", "PAM")], ids=str)
def test_what_is_cut_off_or_too_large_is_refused(tmp_path, content, word):
    with pytest.raises(ValueError, match=word):
        read(content, tmp_path)


def test_the_limit_of_pixels_is_that_of_the_caller(tmp_path):
    (tmp_path / "a.ppm").write_bytes(portable_map(noise(5, 4, 3, "uint16"), 65_535))
    assert read_picture(tmp_path / "a.ppm", 20).pixels.shape == (5, 4, 3)
    for reader in (read_picture, picture_size):
        with pytest.raises(ValueError, match="too large: 4x5"):
            reader(tmp_path / "a.ppm", 19)
