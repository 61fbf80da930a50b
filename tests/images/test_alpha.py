"""Levels of 8 and 16 bits, colours weighted by alpha, and what replaces hidden colours."""

import numpy as np
import pytest

from shared.images import alpha, resize, tiles


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_levels_and_weights_can_be_undone(dtype):
    white = np.iinfo(dtype).max
    every = np.arange(white + 1).astype(dtype)
    np.testing.assert_array_equal(alpha.as_levels(alpha.levels(every), dtype), every)
    tile = np.random.default_rng(0).integers(1, white, (9, 8, 4), dtype, endpoint=True)
    found = alpha.as_levels(alpha.straight(alpha.premultiplied(tile)), dtype)
    np.testing.assert_array_equal(found, tile)
    rgb = tile[..., :3]
    np.testing.assert_array_equal(alpha.straight(alpha.premultiplied(rgb)), alpha.levels(rgb))


def test_what_lies_outside_the_levels_is_clipped():
    values = np.array([-3, 0.4, 255.4, 300], "float32")
    assert list(alpha.as_levels(values, "uint8")) == [0, 0, 255, 255]
    assert list(alpha.as_levels(values, "uint16")) == [0, 103, 65_535, 65_535]


def test_transparent_pixels_take_the_colours_of_the_nearest_ones_that_are_seen():
    image = np.zeros((2, 5, 4), "uint8")
    image[:, 1] = 90, 80, 70, 1
    image[:, 4] = 10, 20, 30, 255
    filled = alpha.filled(image)
    np.testing.assert_array_equal(filled[0, :, 0], [90, 90, 90, 10, 10])
    np.testing.assert_array_equal(filled[..., 3], image[..., 3])
    assert image[0, 0, 0] == 0  # the given one stays
    for same in (image[..., :3], image[:, [1, 4]], np.zeros((2, 5, 4), "uint8")):
        assert alpha.filled(same) is same


@pytest.mark.parametrize("size, count", [(30, 30), (700, 391), (512, 256), (9, 3)])
def test_the_blocks_of_a_line_hold_the_weights_of_a_whole_line(size, count):
    matrix = np.zeros((count, size), "float32")
    for rows, columns, weights in tiles.reducing(size, 0, size, count, block=100):
        matrix[rows, columns] = weights
    np.testing.assert_allclose(matrix, resize.weight_matrix(size, count), atol=1e-6)


def test_a_part_of_a_line_is_reduced_with_its_neighbours():
    whole = resize.weight_matrix(60, 40)
    (rows, columns, weights), = tiles.reducing(60, 15, 30, 20)
    assert rows == slice(0, 20)
    np.testing.assert_allclose(weights, whole[10:30, columns], atol=1e-6)
    assert np.abs(whole[10:30, :columns.start]).max() < 1e-6 > np.abs(
        whole[10:30, columns.stop:]).max()
