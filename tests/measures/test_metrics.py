"""PSNR and SSIM against scikit-image and closed forms, as functions and as Keras metrics."""

import keras
import numpy as np
import pytest
from keras import ops
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from shared.measures import metrics
from shared.measures.metrics import PSNR, SSIM, mse, psnr, ssim


def pictures(shape, data_range, digits):
    """Truth and image: ramps of grey with noise; for one channel also real digits."""
    rng = np.random.default_rng(0)
    truth = np.linspace(0, 1, shape[1])[None, :, None, None] * rng.random(shape)
    if shape[1:] == (28, 28, 1):
        truth[:4] = digits.x_test[:4]
    image = np.clip(truth + rng.normal(0, 0.1, shape), 0, 1)
    return [(data_range * x).astype("float32") for x in (truth, image)]


@pytest.mark.parametrize("data_range", [1.0, 255.0])
@pytest.mark.parametrize("shape", [(8, 28, 28, 1), (3, 40, 33, 3), (2, 11, 11, 1)])
def test_psnr_and_ssim_equal_scikit_image_for_each_image(shape, data_range, digits):
    truth, image = pictures(shape, data_range, digits)
    expected = [peak_signal_noise_ratio(t, i, data_range=data_range)
              for t, i in zip(truth, image, strict=True)]
    np.testing.assert_allclose(psnr(truth, image, data_range), expected, atol=1e-4)
    # In double precision, with the settings of Wang et al. as stated in the manual.
    expected = [structural_similarity(
        t, i, data_range=data_range, channel_axis=-1, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False)
        for t, i in zip(truth.astype("float64"), image.astype("float64"), strict=True)]
    np.testing.assert_allclose(ssim(truth, image, data_range), expected, atol=1e-4)


def test_a_constant_error_gives_the_closed_form():
    truth = np.full((3, 12, 12, 1), 0.5, "float32")
    image = truth + np.float32([0.1, 0.01, 0.5]).reshape(3, 1, 1, 1)
    np.testing.assert_allclose(mse(truth, image), [1e-2, 1e-4, 0.25], rtol=1e-4)
    np.testing.assert_allclose(psnr(truth, image), [20, 40, 20 * np.log10(2)], atol=1e-3)
    np.testing.assert_allclose(psnr(255 * truth, 255 * image, 255), [20, 40, 20 * np.log10(2)],
                               atol=1e-3)
    # Without any structure, only the term of brightness is left.
    a, b = 0.5, np.array([0.6, 0.51, 1.0])
    expected = (2 * a * b + 1e-4) / (a**2 + b**2 + 1e-4)
    np.testing.assert_allclose(ssim(truth, image), expected, atol=1e-3)


def test_identical_images_give_100_db_and_an_ssim_of_1(digits):
    truth = digits.x_test[:5]
    np.testing.assert_array_equal(mse(truth, truth), 0)
    np.testing.assert_allclose(psnr(truth, truth), 100, atol=1e-4)
    np.testing.assert_allclose(ssim(truth, truth), 1, atol=1e-6)
    flat = np.zeros((2, 16, 16, 3), "float32")
    np.testing.assert_allclose(ssim(flat, flat), 1, atol=1e-6)


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
def test_shapes_that_differ_or_are_no_batch_are_refused(metric):
    batch = np.zeros((2, 16, 16, 1), "float32")
    for other in (batch[:1], batch[:, :15], batch[..., 0], np.zeros((2, 16, 16, 3), "float32")):
        with pytest.raises(ValueError, match=r"\(2, 16, 16, 1\)"):
            metric(batch, other)
    with pytest.raises(ValueError, match="batches"):
        metric(batch[0], batch[0])


@pytest.mark.parametrize("shape", [(1, 10, 28, 1), (1, 28, 10, 1), (1, 7, 7, 1)])
def test_ssim_of_images_smaller_than_its_window_is_refused(shape):
    small = np.zeros(shape, "float32")
    with pytest.raises(ValueError, match=f"11x11, found {shape[1]}x{shape[2]}"):
        ssim(small, small)


@pytest.mark.parametrize("metric", [mse, psnr, ssim])
def test_tensors_give_tensors_with_the_values_of_arrays(metric, digits):
    truth, image = pictures((6, 28, 28, 1), 1.0, digits)
    array = metric(truth, image)
    assert isinstance(array, np.ndarray) and array.shape == (6,)
    tensor = metric(ops.convert_to_tensor(truth), ops.convert_to_tensor(image))
    assert ops.is_tensor(tensor)
    np.testing.assert_allclose(ops.convert_to_numpy(tensor), array, atol=1e-5)
    np.testing.assert_allclose(metric(truth, ops.convert_to_tensor(image)), array, atol=1e-5)


def test_each_image_of_a_large_set_has_the_value_that_it_has_alone():
    rng = np.random.default_rng(0)
    truth, image = rng.random((2, 2003, 11, 11, 1), "float32")
    for metric in (mse, psnr, ssim):
        found = metric(truth, image)
        assert found.shape == (2003,)
        for i in (0, 999, 1000, 2000, 2002):
            np.testing.assert_allclose(found[i], metric(truth[i:i + 1], image[i:i + 1])[0],
                                       atol=1e-4)


def test_eight_bit_images_are_measured_as_numbers():
    rng = np.random.default_rng(0)
    truth, image = rng.integers(0, 256, (2, 1, 16, 16, 3), "uint8")
    expected = peak_signal_noise_ratio(truth[0], image[0], data_range=255)
    np.testing.assert_allclose(psnr(truth, image, 255), expected, atol=1e-4)


@pytest.mark.parametrize("kind, function", [(PSNR, psnr), (SSIM, ssim)])
def test_a_keras_metric_over_uneven_batches_is_the_mean_over_images(kind, function, digits):
    truth, image = pictures((23, 28, 28, 1), 1.0, digits)
    image = image * 1.3 - 0.1  # leaves the range: the metric clips first
    expected = function(truth, np.clip(image, 0, 1)).mean()
    metric = kind()
    for _ in range(2):
        for start in range(0, 23, 10):  # 10, 10 and 3 images
            metric.update_state(truth[start:start + 10], image[start:start + 10])
        assert float(metric.result()) == pytest.approx(expected, rel=1e-5)
        metric.reset_state()
    metric.update_state(truth[:3], image[:3])
    expected = function(truth[:3], np.clip(image[:3], 0, 1)).mean()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", [PSNR, SSIM])
def test_a_keras_metric_survives_being_saved(kind, digits):
    truth, image = pictures((4, 28, 28, 1), 1.0, digits)
    metric = kind(name="quality")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(again) is kind and again.name == "quality" and again.dtype == metric.dtype
    for each in (metric, again):
        each.update_state(truth, image)
    assert float(metric.result()) == float(again.result())


def test_keras_metrics_run_inside_evaluate_with_the_same_mean(digits):
    truth = digits.x_test[:50]
    image = np.clip(truth * 0.8 + 0.05, 0, 1)
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1.0)])
    model.compile(loss="mse", metrics=[PSNR(), SSIM()], jit_compile=False)
    found = model.evaluate(image, truth, batch_size=16, verbose=0, return_dict=True)
    assert found["psnr"] == pytest.approx(psnr(truth, image).mean(), rel=1e-5)
    assert found["ssim"] == pytest.approx(ssim(truth, image).mean(), rel=1e-5)


def test_metrics_of_a_bfloat16_prediction_are_computed_in_float32(digits):
    truth = digits.x_test[:8]
    half = ops.cast(truth * 0.9, "bfloat16")
    expected = metrics.psnr(truth, ops.convert_to_numpy(ops.cast(half, "float32"))).mean()
    metric = PSNR()
    metric.update_state(truth, half)
    assert float(metric.result()) == pytest.approx(expected, abs=1e-3)
