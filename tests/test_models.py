"""The networks: shuffle, sizes, parameter counts, and models that load anywhere."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared import models
from shared.models import PixelShuffle, residual_network

SCALES = (2, 4, 7)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixel_shuffle_equals_depth_to_space(scale, channels):
    x = np.random.default_rng(0).random((2, 3, 5, channels * scale**2), "float32")
    wanted = x if scale == 1 else tf.nn.depth_to_space(x, scale).numpy()
    found = PixelShuffle(scale)(x)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), wanted)


def test_pixel_shuffle_knows_its_shape_before_it_runs():
    assert PixelShuffle(4).compute_output_shape((None, None, 7, 48)) == (None, None, 28, 3)
    with pytest.raises(ValueError, match="17 channels"):
        PixelShuffle(4).compute_output_shape((None, 7, 7, 17))


def parameters(scale, width, blocks, upsampler, channels):
    """Weights and biases: kernel area x in x out + out, layer by layer."""
    def layer(side, inward, outward):
        return side**2 * inward * outward + outward

    body = layer(3, channels, width) + (2 * blocks + 1) * layer(3, width, width)
    grow = {"subpixel": layer(3, width, channels * scale**2),
            "resize_conv": layer(3, width, channels),
            "transposed": layer(scale + 2, width, channels)}
    return body + grow[upsampler]


@pytest.mark.parametrize("upsampler", models.UPSAMPLERS)
@pytest.mark.parametrize("scale, width, blocks, channels", [(4, 64, 8, 1), (2, 16, 3, 3)])
def test_the_parameter_count_is_the_closed_form(upsampler, scale, width, blocks, channels):
    model = residual_network(scale, width, blocks, upsampler, channels)
    assert model.count_params() == parameters(scale, width, blocks, upsampler, channels)


def test_the_baseline_has_the_parameters_of_its_description():
    from shared import recipes

    assert recipes.build("baseline").count_params() == parameters(4, 64, 8, "subpixel", 1)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("upsampler", models.UPSAMPLERS)
def test_every_upsampler_works_at_every_size(upsampler, scale):
    model = residual_network(scale, width=4, blocks=1, upsampler=upsampler)
    assert model.output_shape == (None, None, None, 1)
    for height, width in ((7, 7), (10, 13), (28, 28), (1, 1)):
        found = keras.ops.convert_to_numpy(model(np.ones((2, height, width, 1), "float32")))
        assert found.shape == (2, height * scale, width * scale, 1)
        assert np.isfinite(found).all()


def test_the_network_is_shift_equivariant_inside():
    """Fully convolutional: a stroke moved by a pixel gives the answer moved by ``scale``."""
    model = residual_network(2, width=4, blocks=1)
    x = np.zeros((1, 24, 24, 1), "float32")
    x[0, 10:14, 11:13] = 1.0
    first = keras.ops.convert_to_numpy(model(x))
    moved = keras.ops.convert_to_numpy(model(np.roll(x, (2, 1), axis=(1, 2))))
    # 7 pixels from the border no padding is seen: 4 convolutions at low resolution and one more.
    np.testing.assert_allclose(moved[:, 18:-14, 16:-14], np.roll(first, (4, 2), (1, 2))
                               [:, 18:-14, 16:-14], atol=1e-5)


def test_a_model_survives_a_round_trip_through_its_config():
    for upsampler in models.UPSAMPLERS:
        model = residual_network(4, width=4, blocks=1, upsampler=upsampler, channels=3)
        again = keras.Model.from_config(model.get_config())
        again.set_weights(model.get_weights())
        x = np.random.default_rng(0).random((1, 5, 6, 3), "float32")
        wanted, found = (keras.ops.convert_to_numpy(each(x)) for each in (model, again))
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_saved_models_load_in_a_fresh_process_with_safe_mode_on(after_loading):
    x = np.random.default_rng(0).random((2, 6, 9, 1), "float32")
    made = {upsampler: residual_network(4, width=4, blocks=2, upsampler=upsampler)
            for upsampler in models.UPSAMPLERS}
    found = after_loading(made, x, "models")
    for name, model in made.items():
        np.testing.assert_allclose(found[name], keras.ops.convert_to_numpy(model(x)), atol=1e-6)
