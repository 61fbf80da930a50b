"""Resizing compared with TensorFlow, with closed forms and with the papers."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from PIL import Image

from shared.images.resize import KERNELS, bicubic, resize, upscale, weight_matrix

TENSORFLOW = {"bilinear": "bilinear", "bicubic": "bicubic", "lanczos": "lanczos3"}
SIZES = [((7, 7), (28, 28)), ((28, 28), (7, 7)), ((13, 10), (29, 31)), ((31, 29), (10, 13)),
         ((1, 1), (5, 3)), ((9, 11), (1, 1)), ((1, 8), (4, 1)), ((12, 12), (12, 12))]


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("before, after", SIZES)
@pytest.mark.parametrize("method", TENSORFLOW)
def test_resize_equals_tensorflow_with_antialiasing(method, before, after, rng):
    images = rng.random((2, *before, 3), "float32")
    wanted = tf.image.resize(images, after, TENSORFLOW[method], antialias=True).numpy()
    np.testing.assert_allclose(resize(images, after, method), wanted, atol=2e-6)


@pytest.mark.parametrize("before, after", [((28, 28), (7, 7)), ((31, 29), (10, 13))])
def test_bilinear_without_antialiasing_equals_tensorflow(before, after, rng):
    images = rng.random((2, *before, 1), "float32")
    wanted = tf.image.resize(images, after, "bilinear", antialias=False).numpy()
    np.testing.assert_allclose(resize(images, after, "bilinear", antialias=False), wanted,
                               atol=5e-6)


def test_nearest_repeats_pixels_when_it_enlarges(rng):
    images = rng.random((2, 5, 7, 2), "float32")
    wanted = images.repeat(3, axis=1).repeat(4, axis=2)
    np.testing.assert_array_equal(resize(images, (15, 28), "nearest"), wanted)


def test_nearest_with_antialiasing_is_the_mean_of_the_pixels_covered(rng):
    images = rng.random((2, 12, 8, 1), "float32")
    wanted = images.reshape(2, 3, 4, 2, 4, 1).mean(axis=(2, 4))
    np.testing.assert_allclose(resize(images, (3, 2), "nearest"), wanted, atol=1e-6)


def test_nearest_picks_exactly_one_pixel_at_every_pair_of_sizes():
    for before in range(1, 30):
        for after in range(before, 60):
            weights = weight_matrix(before, after, "nearest")
            np.testing.assert_array_equal(np.sort(weights)[:, -1], 1.0)
            np.testing.assert_array_equal((weights != 0).sum(axis=1), 1)


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("method", KERNELS)
def test_weights_sum_to_one_so_a_flat_image_stays_flat(method, antialias):
    for before, after in [(1, 1), (1, 9), (9, 1), (7, 28), (28, 7), (10, 13), (13, 10), (64, 3)]:
        weights = weight_matrix(before, after, method, antialias)
        assert weights.shape == (after, before) and weights.dtype == np.float32
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)


def test_bicubic_weights_are_the_polynomial_of_keys():
    # Scale 4: the first centre of a block lies 3/8 of a pixel to the left of a pixel's centre.
    def keys(x):  # equation 15 of Keys (1981), with a = -1/2
        return 1.5 * x**3 - 2.5 * x**2 + 1 if x < 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2

    row = weight_matrix(7, 28, "bicubic")[12]  # centre 3.125: pixel 3 is centred at 3.5
    np.testing.assert_allclose(row[1:5], [keys(1.625), keys(0.625), keys(0.375), keys(1.375)],
                               atol=1e-7)
    np.testing.assert_array_equal(row[[0, 5, 6]], 0)


def test_bicubic_keeps_a_straight_ramp_inside():
    ramp = np.arange(10, dtype="float32").reshape(1, 1, 10, 1)
    found = resize(ramp, (1, 40), "bicubic")[0, 0, 8:-8, 0]
    np.testing.assert_allclose(found, (np.arange(40)[8:-8] + 0.5) / 4 - 0.5, atol=1e-5)


@pytest.mark.parametrize("method", KERNELS)
def test_a_tensor_gives_a_tensor_with_the_values_of_the_array(method, rng):
    images = rng.random((2, 6, 9, 3), "float32")
    tensor = resize(ops.convert_to_tensor(images), (11, 4), method)
    assert not isinstance(tensor, np.ndarray) and ops.is_tensor(tensor)
    array = resize(images, (11, 4), method)
    assert isinstance(array, np.ndarray) and array.dtype == np.float32
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), array, atol=1e-6)


def test_upscale_clips_what_bicubic_overshoots():
    edge = np.zeros((1, 1, 8, 1), "float32")
    edge[..., 4:, :] = 1.0
    raw, clipped = resize(edge, (4, 32)), upscale(edge, 4)
    assert raw.min() < -0.01 and raw.max() > 1.01
    np.testing.assert_array_equal(clipped, np.clip(raw, 0, 1))
    tensor = upscale(ops.convert_to_tensor(edge), 4)
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), clipped, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(6, 9), (1, 7), (2, 1)])
def test_bicubic_as_one_convolution_is_the_bicubic_of_resize_up_to_the_border(scale, size, rng):
    images = rng.normal(size=(2, *size, 3)).astype("float32")  # nothing is clipped
    found = bicubic(ops.convert_to_tensor(images), scale)
    wanted = resize(images, (size[0] * scale, size[1] * scale))
    np.testing.assert_allclose(ops.convert_to_numpy(found), wanted, atol=1e-5)


def test_eight_bit_pixels_are_resized_as_numbers(rng):
    images = rng.integers(0, 256, (1, 6, 6, 1), "uint8")
    np.testing.assert_allclose(resize(images, (9, 9)), resize(images.astype("float32"), (9, 9)))


def test_an_unknown_method_is_refused_and_the_known_ones_are_listed():
    with pytest.raises(ValueError, match="'cubic'.*nearest, bilinear, bicubic, lanczos"):
        resize(np.zeros((1, 4, 4, 1)), (8, 8), "cubic")


def test_a_wrong_shape_or_size_is_refused():
    with pytest.raises(ValueError, match=r"found \(4, 4, 1\)"):
        resize(np.zeros((4, 4, 1)), (8, 8))
    with pytest.raises(ValueError, match="4 to 0"):
        resize(np.zeros((1, 4, 4, 1)), (0, 8))


def psnr_y(truth, image, shave):
    """PSNR of the luma of 8-bit RGB, as the papers measure it."""
    luma = [16 + picture.astype("float64") @ [65.481, 128.553, 24.966] / 255
            for picture in (truth, image)]
    error = (luma[0] - luma[1])[shave:-shave, shave:-shave]
    return 10 * np.log10(255**2 / np.mean(error**2))


def test_bicubic_x2_on_set5_scores_what_the_papers_report():
    """From the official low resolution, which MATLAB made."""
    folder = os.environ.get("ZOOM_SET5")
    high_res = sorted(Path(folder).glob("*HR.png")) if folder else []
    low_res = [path.with_name(path.name.replace("HR", "LR")) for path in high_res]
    if not high_res or not all(path.is_file() for path in low_res):
        pytest.skip("ZOOM_SET5 names no folder with Set5 as *HR.png and *LR.png")
    pairs = [[np.asarray(Image.open(path).convert("RGB")) for path in paths]
             for paths in zip(high_res, low_res, strict=True)]
    assert len(pairs) == 5
    scores = []
    for truth, low_res in pairs:
        image = resize(low_res[None].astype("float32"), truth.shape[:2])[0]
        scores.append(psnr_y(truth, np.clip(image, 0, 255).round(), shave=2))
    assert abs(np.mean(scores) - 33.66) < 0.05
