"""Block means, reduction and projection compared with scikit-image, bisection and proofs."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from skimage.measure import block_reduce

from shared.images import degrade
from shared.images.degrade import bicubic_down, block_mean, project
from shared.images.resize import resize, upscale


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def blocks_of(images, scale):
    """(n, h, w, c) as float64 (n, h/scale, w/scale, c, scale^2)."""
    n, height, width, channels = images.shape
    blocks = images.astype("float64").reshape(n, height // scale, scale, width // scale, scale,
                                              channels)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(
        n, height // scale, width // scale, channels, -1)


def bisect_project(images, low_res, scale):
    """The projection by halving an interval for each block's shift, in float64."""
    blocks = blocks_of(images, scale)
    low = -blocks.max(axis=-1, keepdims=True)  # all pixels 0
    high = 1 - blocks.min(axis=-1, keepdims=True)  # all pixels 1
    for _ in range(100):
        middle = (low + high) / 2
        mean = np.clip(blocks + middle, 0, 1).mean(axis=-1, keepdims=True)
        below = mean < low_res.astype("float64")[..., None]
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    result = np.clip(blocks + (low + high) / 2, 0, 1)
    n, height, width, channels = images.shape
    result = result.reshape(n, height // scale, width // scale, channels, scale, scale)
    return result.transpose(0, 1, 4, 2, 5, 3).reshape(images.shape)


@pytest.mark.parametrize("scale", [1, 2, 4, 7])
def test_block_mean_equals_scikit_image(scale, rng):
    images = rng.random((3, 28, 56, 2), "float32")
    wanted = block_reduce(images, (1, scale, scale, 1), np.mean)
    found = block_mean(images, scale)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    tensor = block_mean(ops.convert_to_tensor(images), scale)
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), wanted, atol=1e-6)


@pytest.mark.parametrize("reduce", [block_mean, bicubic_down])
@pytest.mark.parametrize("shape", [(1, 28, 30, 1), (1, 30, 28, 1)])
def test_a_scale_that_does_not_divide_is_refused(reduce, shape):
    with pytest.raises(ValueError, match=f"{shape[1]}x{shape[2]}"):
        reduce(np.zeros(shape, "float32"), 4)


def test_bicubic_down_removes_the_stripes_that_the_small_grid_cannot_hold():
    # Without antialiasing, stripes of one pixel become stripes of three: aliasing.
    stripes = np.tile(np.float32([0, 1]), 18).reshape(1, 1, 36, 1).repeat(36, axis=1)
    aliased = resize(stripes, (12, 12), antialias=False)[:, :, 2:-2]
    assert aliased.min() < 0.01 and aliased.max() > 0.99
    np.testing.assert_allclose(bicubic_down(stripes, 3)[:, :, 2:-2], 0.5, atol=0.02)


@pytest.mark.parametrize("scale", [2, 3, 6])
def test_bicubic_down_is_the_antialiased_bicubic_of_tensorflow(scale, rng):
    images = rng.random((2, 24, 36, 3), "float32")
    wanted = tf.image.resize(images, (24 // scale, 36 // scale), "bicubic", antialias=True)
    np.testing.assert_allclose(bicubic_down(images, scale), wanted.numpy(), atol=2e-6)


@pytest.mark.parametrize("scale", [1, 2, 4, 7])
def test_project_equals_a_bisection_in_double_precision(scale, rng):
    images = rng.normal(0.5, 0.7, (4, 28, 28, 2)).astype("float32")
    low_res = rng.random((4, 28 // scale, 28 // scale, 2), "float32")
    found = project(images, low_res)
    assert found.dtype == np.float32 and found.shape == images.shape
    np.testing.assert_allclose(found, bisect_project(images, low_res, scale), atol=3e-5)


@pytest.mark.parametrize("scale", [1, 2, 4, 7])
def test_block_means_of_the_projection_are_exact_and_it_stays_in_range(scale, rng):
    images = rng.normal(0.5, 1.0, (8, 28, 56, 1)).astype("float32")
    low_res = rng.random((8, 28 // scale, 56 // scale, 1), "float32")
    found = project(images, low_res)
    assert found.min() >= 0 and found.max() <= 1
    np.testing.assert_allclose(blocks_of(found, scale).mean(axis=-1), low_res, atol=1e-6)


@pytest.mark.parametrize(("spread", "error"), [(3.0, 1e-6), (300.0, 1e-4)])
def test_values_far_outside_the_range_still_give_the_block_means(spread, error, rng):
    images = rng.normal(0.0, spread, (4, 28, 28, 1)).astype("float32")
    low_res = rng.random((4, 7, 7, 1), "float32")
    found = project(images, low_res)
    assert found.min() >= 0 and found.max() <= 1
    np.testing.assert_allclose(blocks_of(found, 4).mean(axis=-1), low_res, atol=error)


def test_projecting_twice_changes_nothing(rng):
    images = rng.normal(0.5, 0.7, (8, 28, 28, 1)).astype("float32")
    low_res = rng.random((8, 7, 7, 1), "float32")
    once = project(images, low_res)
    np.testing.assert_allclose(project(once, low_res), once, atol=1e-5)


def test_an_image_that_is_consistent_already_is_not_moved(rng):
    truth = rng.random((8, 28, 28, 1), "float32")
    np.testing.assert_allclose(project(truth, block_mean(truth)), truth, atol=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_the_projection_is_never_further_from_the_truth(seed, digits):
    rng = np.random.default_rng(seed)
    strokes = digits.x_test[rng.choice(10_000, 100)]
    for truth in (strokes, rng.random((100, 28, 28, 1), "float32"),
                  rng.integers(0, 2, (100, 28, 28, 1)).astype("float32")):
        low_res = block_mean(truth)
        for image in (truth + rng.normal(0, rng.random(), truth.shape).astype("float32"),
                      rng.random(truth.shape, "float32"), upscale(low_res, 4),
                      np.full_like(truth, rng.normal())):
            distances = [np.sqrt(np.sum((x.astype("float64") - truth) ** 2, axis=(1, 2, 3)))
                         for x in (image, project(image, low_res))]
            assert np.all(distances[1] <= distances[0] + 1e-5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_black_or_white_low_res_pixel_leaves_no_choice(value, rng):
    images = rng.normal(0.5, 2.0, (4, 12, 12, 3)).astype("float32")
    found = project(images, np.full((4, 3, 3, 3), value, "float32"))
    np.testing.assert_allclose(found, value, atol=1e-5)


def test_equal_pixels_are_treated_alike(rng):
    low_res = rng.random((2, 3, 3, 1), "float32")
    for value in (-4.0, 0.0, 0.5, 1.0, 4.0):
        found = project(np.full((2, 12, 12, 1), value, "float32"), low_res)
        np.testing.assert_allclose(found, low_res.repeat(4, 1).repeat(4, 2), atol=1e-6)


def test_projecting_at_scale_one_gives_back_the_low_res(rng):
    low_res = rng.random((2, 5, 6, 3), "float32")
    images = rng.normal(0.0, 3.0, low_res.shape).astype("float32")
    np.testing.assert_allclose(project(images, low_res), low_res, atol=1e-6)


@pytest.mark.parametrize("low_shape", [(2, 6, 7, 1), (2, 7, 14, 1), (2, 7, 7, 3), (2, 56, 56, 1),
                                       (1, 7, 7, 1), (3, 7, 7, 1)])
def test_a_low_res_of_another_shape_is_refused(low_shape):
    images = np.zeros((2, 28, 28, 1), "float32")
    with pytest.raises(ValueError, match=r"28, 28"):
        project(images, np.zeros(low_shape, "float32"))


def test_project_of_tensors_is_a_tensor_with_the_values_of_the_arrays(rng):
    images = rng.normal(0.5, 0.7, (5, 12, 20, 3)).astype("float32")
    low_res = rng.random((5, 3, 5, 3), "float32")
    tensor = project(ops.convert_to_tensor(images), ops.convert_to_tensor(low_res))
    assert ops.is_tensor(tensor)
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), project(images, low_res), atol=1e-6)


def test_a_large_set_in_parts_equals_each_image_alone(rng):
    images = rng.normal(0.5, 0.7, (2003, 8, 8, 1)).astype("float32")
    low_res = rng.random((2003, 2, 2, 1), "float32")
    found = project(images, low_res)
    assert found.shape == images.shape
    for i in (0, 999, 1000, 1999, 2000, 2002):
        alone = project(images[i:i + 1], low_res[i:i + 1])
        np.testing.assert_allclose(found[i:i + 1], alone, atol=1e-6)


@pytest.mark.parametrize(("images", "side"), [(2500, 28), (9, 400)])
def test_no_part_of_a_large_set_is_over_half_a_million_pixels(images, side, monkeypatch):
    seen = []
    monkeypatch.setattr(degrade, "_project",
                        lambda part, low_res: seen.append(len(part)) or part)
    project(np.zeros((images, side, side, 1), "float32"),
            np.zeros((images, side // 4, side // 4, 1), "float32"))
    assert max(seen) * side * side <= 500_000 and sum(seen) == images


def test_projecting_no_image_gives_no_image():
    found = project(np.zeros((0, 8, 8, 1), "float32"), np.zeros((0, 2, 2, 1), "float32"))
    assert found.shape == (0, 8, 8, 1)


def test_bicubic_x4_on_the_mnist_test_set_scores_14_63(digits):
    image = upscale(block_mean(digits.x_test, 4), 4)
    error = np.mean((image - digits.x_test) ** 2, axis=(1, 2, 3), dtype="float64")
    assert round(float(np.mean(-10 * np.log10(error))), 2) == 14.63
