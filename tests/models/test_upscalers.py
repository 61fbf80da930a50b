"""The upscaling networks: sizes, parameters, shifts, and copies that compute the same."""

import keras
import numpy as np
import pytest

from shared import runtime
from shared.images.degrade import block_mean, project
from shared.models import upscalers
from shared.models.upscalers import UPSAMPLERS, residual_network

SCALES = (2, 4, 7)


@pytest.fixture
def small():
    keras.utils.set_random_seed(0)
    return residual_network(4, width=6, blocks=2, name="small")


def run(model, images):
    return keras.ops.convert_to_numpy(model(images))


def test_the_network_of_lessons_01_to_03_has_the_parameters_of_its_description():
    assert residual_network(4, width=64, blocks=8).count_params() == 637_648


@pytest.mark.parametrize(("upsampler", "side"), [
    ("transposed", 4 + 2),  # patches of stride + 2, so that neighbours overlap by two
    ("resize_conv", 4 + 2),  # a repeated pixel, and what 3x3 adds around it
    ("subpixel", 3 * 4)])  # the blocks of three low-resolution pixels
def test_one_pixel_changes_a_square_of_the_size_that_its_upsampler_says(upsampler, side):
    low_res = keras.Input((None, None, 2))
    network = keras.Model(low_res, UPSAMPLERS[upsampler](low_res, 4, 1))
    pixel = np.zeros((1, 9, 9, 2), "float32")
    pixel[:, 4, 4] = 1.0
    changed = run(network, pixel)[0, :, :, 0] != 0
    for axis in (0, 1):
        places = np.flatnonzero(changed.any(axis=axis))
        assert places[-1] - places[0] + 1 == side and 4 * 4 + 1.5 == places.mean()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("upsampler", UPSAMPLERS)
def test_every_upsampler_works_at_every_size(upsampler, scale):
    model = residual_network(scale, width=4, blocks=1, upsampler=upsampler)
    assert model.output_shape == (None, None, None, 1)
    for height, width in ((7, 7), (10, 13), (28, 28), (1, 1)):
        found = run(model, np.ones((2, height, width, 1), "float32"))
        assert found.shape == (2, height * scale, width * scale, 1)
        assert np.isfinite(found).all()


def test_the_output_is_float32_in_a_network_of_bfloat16(mixed_bfloat16):
    model = residual_network(4, width=4, blocks=1)
    assert model.layers[1].compute_dtype == "bfloat16"
    assert run(model, np.ones((1, 7, 7, 1), "float32")).dtype == "float32"


def test_the_output_for_a_shifted_image_is_the_shifted_output():
    """The network is fully convolutional: a shift by a pixel becomes one by ``scale`` pixels."""
    model = residual_network(2, width=4, blocks=1)
    x = np.zeros((1, 24, 24, 1), "float32")
    x[0, 10:14, 11:13] = 1.0
    expected = np.roll(run(model, x), (4, 2), axis=(1, 2))
    found = run(model, np.roll(x, (2, 1), axis=(1, 2)))
    # 7 pixels from the border no padding is seen: 4 convolutions at low resolution and one more.
    np.testing.assert_allclose(found[:, 18:-14, 16:-14], expected[:, 18:-14, 16:-14], atol=1e-5)


def test_a_model_survives_a_round_trip_through_its_config():
    for upsampler in UPSAMPLERS:
        model = residual_network(4, width=4, blocks=1, upsampler=upsampler, channels=3)
        again = keras.Model.from_config(model.get_config())
        again.set_weights(model.get_weights())
        x = np.random.default_rng(0).random((1, 5, 6, 3), "float32")
        np.testing.assert_allclose(run(again, x), run(model, x), atol=1e-6)


@pytest.mark.slow
def test_saved_upscalers_load_in_a_fresh_process_with_safe_mode_on(after_loading, small):
    x = np.random.default_rng(0).random((2, 6, 9, 1), "float32")
    networks = {upsampler: residual_network(4, width=4, blocks=2, upsampler=upsampler)
                for upsampler in UPSAMPLERS}
    networks["consistent"] = upscalers.consistent(small, 4, "consistent")
    found = after_loading(networks, x, "models.layers")
    for name, model in networks.items():
        np.testing.assert_allclose(found[name], run(model, x), atol=1e-5)


def test_a_consistent_network_returns_the_projection_of_its_networks_output(small):
    low_res = np.random.default_rng(0).random((3, 5, 7, 1), "float32")
    model = upscalers.consistent(small, 4, "honest")
    found = runtime.predict(model, low_res)
    np.testing.assert_allclose(found, project(runtime.predict(small, low_res), low_res),
                               atol=1e-6)
    np.testing.assert_allclose(block_mean(found, 4), low_res, atol=1e-6)
    assert found.min() >= 0 and found.max() <= 1
    assert model.name == "honest"


def test_a_copy_computes_the_same_and_has_weights_of_its_own(small):
    low_res = np.random.default_rng(1).random((2, 7, 5, 1), "float32")
    copy = upscalers.copied(small, "copy")
    assert copy.name == "copy" and small.name == "small"
    expected = run(small, low_res)
    np.testing.assert_array_equal(run(copy, low_res), expected)
    copy.set_weights([weight + 0.1 for weight in copy.get_weights()])
    np.testing.assert_array_equal(run(small, low_res), expected)


def test_a_copy_computes_in_the_precision_in_force(small, mixed_bfloat16):
    copy = upscalers.copied(small, "copy")
    for network, precision in ((small, "float32"), (copy, "bfloat16")):
        convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
        assert {layer.compute_dtype for layer in convolutions} == {precision}
    for original, copied in zip(small.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(copied, original)  # weights stay float32


def test_a_widened_network_computes_the_same_and_its_new_channels_are_alive(small):
    low_res = np.random.default_rng(1).random((2, 7, 7, 1), "float32")
    wider = residual_network(4, width=10, blocks=2, name="wide")
    assert upscalers.widened(small, wider) is wider
    np.testing.assert_allclose(runtime.predict(wider, low_res), runtime.predict(small, low_res),
                               atol=1e-6)
    first = wider.get_weights()[0]
    assert first.shape[-1] == 10 and np.abs(first[..., 6:]).min(axis=(0, 1, 2)).all()


def test_widening_needs_the_same_depth(small):
    deeper = residual_network(4, width=10, blocks=3, name="deeper")
    with pytest.raises(ValueError):
        upscalers.widened(small, deeper)
