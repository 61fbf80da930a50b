"""Tiles: a picture enlarged tile by tile equals the picture enlarged at once."""

import numpy as np
import pytest
from scipy import ndimage

from shared.images import tiles

MARGIN = 9


def answer(picture):
    """Integers, so exact: sums of 5x5 pixels, zero beyond the border, and maxima of blocks.

    A block of 8x8 reaches 7 pixels beyond a pixel in it, and the sum of what is next to it 2
    more: 9 in all. Each pixel is doubled.
    """
    height, width = picture.shape[:2]
    plane = np.pad(picture[..., 0].astype("int64"), ((0, -height % 8), (0, -width % 8)))
    blocks = plane.reshape(len(plane) // 8, 8, -1, 8).max(axis=(1, 3))
    pooled = blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    plane = plane[:height, :width] + 1000 * pooled
    sums = ndimage.convolve(plane, np.arange(1, 26).reshape(5, 5), mode="constant")
    return sums.repeat(2, axis=0).repeat(2, axis=1)[..., None]


def picture(height, width):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 1))


@pytest.mark.parametrize("size", [(100, 83), (64, 200), (128, 128), (33, 34), (1, 90), (1, 1)])
@pytest.mark.parametrize("side", [40, 48, 64])
def test_tiled_is_untiled_at_every_pixel(size, side):
    image = picture(*size)
    np.testing.assert_array_equal(tiles.tiled(image, answer, 2, side, MARGIN), answer(image))


def test_tiles_show_if_their_margin_is_too_small():
    image = picture(100, 83)
    assert (tiles.tiled(image, answer, 2, 48, 1) != answer(image)).any()


@pytest.mark.parametrize("region", [(0, 0, 83, 100), (0, 0, 1, 1), (82, 99, 1, 1),
                                    (20, 40, 30, 31), (31, 0, 52, 17)])
def test_a_region_is_a_crop_of_the_whole(region):
    image = picture(100, 83)
    x, y, width, height = region
    np.testing.assert_array_equal(
        tiles.tiled(image, answer, 2, 40, MARGIN, region),
        answer(image)[2 * y:2 * (y + height), 2 * x:2 * (x + width)])


@pytest.mark.parametrize("region", [(-1, 0, 5, 5), (0, 0, 84, 1), (80, 0, 4, 1), (0, 100, 1, 1),
                                    (0, 0, 0, 5)])
def test_a_region_beyond_the_picture_is_refused(region):
    with pytest.raises(ValueError, match="inside a picture of 83x100"):
        tiles.tiled(picture(100, 83), answer, 2, 40, MARGIN, region)


@pytest.mark.parametrize("size", [1, 31, 33, 47, 48, 49, 95, 100, 1000])
def test_tiles_have_one_length_start_aligned_and_give_each_pixel_once(size):
    length, spans = tiles.grid(size, 32, 5)
    assert length == size or 32 <= length < 32 + 2 * tiles.ALIGN
    assert [pixel for _, first, last in spans for pixel in range(first, last)] == [*range(size)]
    for start, first, last in spans:
        assert start % tiles.ALIGN == 0 and 0 <= start and start + length <= size
        assert first - start >= 5 or first == 0
        assert start + length - last >= 5 or last == size


def test_tiles_that_are_all_margin_are_refused():
    with pytest.raises(ValueError, match="at least 216 long"):
        tiles.grid(1000, 64, 100)


def test_a_region_reads_only_the_tiles_that_it_needs():
    image, seen = picture(300, 280), []

    def watched(part):
        seen.append(part.shape)
        return answer(part)

    whole = answer(image)
    x, y, width, height = tiles.needed(image.shape, 64, MARGIN, (100, 90, 20, 10))
    elsewhere = np.zeros_like(image)
    elsewhere[y:y + height, x:x + width] = image[y:y + height, x:x + width]
    found = tiles.tiled(elsewhere, watched, 2, 64, MARGIN, (100, 90, 20, 10))
    np.testing.assert_array_equal(found, whole[180:200, 200:240])
    assert len(seen) <= 4 and len(set(seen)) == 1


def test_progress_ends_at_one():
    shares = []
    tiles.tiled(picture(100, 83), answer, 2, 40, MARGIN, progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 4
