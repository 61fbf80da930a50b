"""The layers: against TensorFlow and closed forms, in bfloat16, and loaded elsewhere."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from shared import models, runtime
from shared.images import degrade, resize, turns
from shared.models import flow, layers
from shared.training import store


def run(layer, inputs):
    return keras.ops.convert_to_numpy(layer(inputs))


def test_every_convolution_keeps_height_and_width():
    for options in ({}, {"kernel_size": 5}, {"dilation_rate": 3}):
        layer = layers.conv(2, **options)
        assert layer.compute_output_shape((1, 7, 4, 1)) == (1, 7, 4, 2)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixel_shuffle_is_the_depth_to_space_of_tensorflow(scale, channels):
    x = np.random.default_rng(0).random((2, 3, 5, channels * scale**2), "float32")
    expected = tf.nn.depth_to_space(x, scale).numpy()
    np.testing.assert_array_equal(run(layers.PixelShuffle(scale), x), expected)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("channels", [1, 3])
def test_pixel_shuffle_is_depth_to_space_when_height_and_width_are_not_known(scale, channels):
    inputs = keras.Input((None, None, channels * scale**2))
    output = layers.PixelShuffle(scale)(inputs)
    assert output.shape == (None, None, None, channels)
    model = runtime.choose_compiler(keras.Model(inputs, output))
    for height, width in ((3, 5), (6, 1)):
        x = np.random.default_rng(0).random((2, height, width, inputs.shape[3]), "float32")
        np.testing.assert_array_equal(model.predict_on_batch(x), tf.nn.depth_to_space(x, scale))


def test_pixel_shuffle_moves_bfloat16_numbers_without_changing_them(mixed_bfloat16):
    x = keras.ops.cast(np.random.default_rng(0).normal(size=(2, 3, 5, 12)), "bfloat16")
    output = layers.PixelShuffle(2)(x)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    x, found = (keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")) for y in (x, output))
    np.testing.assert_array_equal(found, tf.nn.depth_to_space(x, 2))


def test_pixel_shuffle_knows_its_shape_before_it_runs():
    shuffle = layers.PixelShuffle(4)
    assert shuffle.compute_output_shape((None, None, 7, 48)) == (None, None, 28, 3)
    with pytest.raises(ValueError, match="17 channels"):
        shuffle.compute_output_shape((None, 7, 7, 17))
    with pytest.raises(ValueError, match="17 channels"):
        shuffle(keras.Input((7, 7, 17)))


def test_consistent_is_the_projection_and_its_output_has_exactly_the_block_means():
    rng = np.random.default_rng(0)
    image = rng.normal(0.5, 0.7, (3, 20, 28, 1)).astype("float32")
    low_res = rng.random((3, 5, 7, 1), "float32")
    found = run(layers.Consistent(4), [image, low_res])
    np.testing.assert_allclose(found, degrade.project(image, low_res), atol=1e-6)
    np.testing.assert_allclose(degrade.block_mean(found, 4), low_res, atol=1e-6)
    assert found.min() >= 0 and found.max() <= 1


def test_consistent_takes_any_size_and_moves_all_pixels_of_a_block_by_the_same_amount():
    layer = layers.Consistent(2)
    assert layer.compute_output_shape([(None, 8, 6, 1), (None, 4, 3, 1)]) == (None, 8, 6, 1)
    inputs = keras.Input((None, None, 1)), keras.Input((None, None, 1))
    model = keras.Model(inputs, layer(list(inputs)))
    image = np.full((1, 4, 4, 1), 0.5, "float32")
    image[0, 0, 0] = 0.75
    low_res = np.full((1, 2, 2, 1), 0.5, "float32")
    found = model.predict_on_batch([image, low_res])
    np.testing.assert_allclose(found[0, :2, :2, 0], [[0.6875, 0.4375], [0.4375, 0.4375]],
                               atol=1e-6)


def test_gradients_pass_through_consistent_except_for_the_part_that_moves_the_block_mean():
    """Inside the range the projection subtracts the mean of each block from the gradient."""
    if keras.backend.backend() != "tensorflow":
        pytest.skip("gradients are taken by TensorFlow here")
    image = tf.fill((1, 4, 4, 1), 0.5)
    weights = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(image)
        total = tf.reduce_sum(weights * layers.Consistent(2)([image, tf.fill((1, 2, 2, 1), 0.5)]))
    block_means = degrade.block_mean(weights, 2).repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(tape.gradient(total, image), weights - block_means, atol=1e-6)


@pytest.mark.parametrize("size", [(9, 7), (8, 16), (4, 1), (1, 1)])
def test_the_bicubic_layer_is_the_bicubic_of_resize_and_of_tensorflow(size):
    images = np.random.default_rng(0).random((2, *size, 3), "float32")
    doubled = (2 * size[0], 2 * size[1])
    found = run(layers.Bicubic(), images)
    np.testing.assert_allclose(found, resize.resize(images, doubled), atol=1e-5)
    np.testing.assert_allclose(found, tf.image.resize(images, doubled, "bicubic"), atol=1e-5)


def test_crop_like_keeps_the_top_left_part():
    x = np.arange(2 * 5 * 6 * 3, dtype="float32").reshape(2, 5, 6, 3)
    like = np.zeros((2, 4, 2, 1), "float32")
    np.testing.assert_array_equal(run(layers.CropLike(), [x, like]), x[:, :4, :2])
    assert layers.CropLike().compute_output_shape([x.shape, like.shape]) == (2, 4, 2, 3)


@pytest.mark.parametrize("turn", range(1, 8))
@pytest.mark.parametrize("widths", [(), (16,), (8, 24)])
def test_turned_convolutions_of_a_turned_image_give_the_turned_output(widths, turn):
    keras.utils.set_random_seed(0)
    chain = [layers.TurnedConv2D(width, 3, padding="same", bias_initializer="normal")
             for width in (*widths, 4)] + [layers.PixelShuffle(2)]

    def enlarged(image):
        x = image[None]
        for layer in chain:
            x = run(layer, x)
        return x[0]

    image = np.random.default_rng(0).random((5, 8, 1), "float32")
    output = enlarged(image)
    assert output.std() > 0.05
    found = enlarged(np.ascontiguousarray(turns.turned(image, turn)))
    np.testing.assert_allclose(found, turns.turned(output, turn), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 3, 1, 8), (3, 3, 8, 16), (3, 3, 8, 4)])
def test_an_eighth_of_the_weights_of_a_turned_convolution_is_free(shape):
    size = int(np.prod(shape))
    basis = np.eye(size, dtype="float32").reshape(size, *shape)
    mean = np.stack([layers.mean_of_turns(kernel) for kernel in basis]).reshape(size, size)
    np.testing.assert_allclose(mean @ mean, mean, atol=1e-6)
    assert np.trace(mean) == pytest.approx(size / 8)  # the rank of a projection


@pytest.mark.parametrize(("channels", "filters"), [(2, 8), (4, 8), (1, 12), (8, 1)])
def test_channels_that_do_not_form_eight_groups_are_refused(channels, filters):
    with pytest.raises(ValueError, match="multiple of 8"):
        layers.TurnedConv2D(filters, 3).build((None, 9, 9, channels))


def fine_inputs():
    """Inputs of each layer of float32, with digits that bfloat16 does not hold."""
    rng = np.random.default_rng(0)
    image, x_t, guess = rng.random((3, 2, 8, 8, 1), "float32")
    low_res, t = rng.random((2, 2, 2, 1), "float32"), rng.random((2, 1), "float32")
    correction = rng.random((2, 8, 8, 1), "float32")
    return {layers.Consistent: ({"scale": 4}, [image, low_res]), layers.Bicubic: ({}, image),
            flow.TimeWaves: ({}, t),
            flow.VelocityAboutGuess: ({}, [correction, x_t, t, low_res, guess])}


@pytest.mark.parametrize("kind", fine_inputs(), ids=lambda kind: kind.__name__)
def test_a_layer_of_float32_returns_the_same_in_a_network_of_bfloat16(kind, request):
    options, inputs = fine_inputs()[kind]
    assert issubclass(kind, layers.Float32Layer)
    expected = run(kind(**options), inputs)
    request.getfixturevalue("mixed_bfloat16")
    layer = kind(**options)
    output = layer(inputs)
    assert keras.backend.standardize_dtype(output.dtype) == "float32"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(output), expected)
    again = kind.from_config(layer.get_config() | {"dtype": "mixed_bfloat16"})
    np.testing.assert_array_equal(run(again, inputs), expected)


def own_layers():
    """Every class of layers that a module of ``shared.models`` defines."""
    for module in pkgutil.iter_modules(models.__path__, "shared.models."):
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(kind, keras.layers.Layer) and kind.__module__ == module.name:
                yield kind


def test_the_store_can_load_every_layer_of_the_models():
    kinds = set(own_layers()) - {layers.Float32Layer}  # the base of others, in no network itself
    assert {layers.PixelShuffle, flow.TimeWaves} < kinds
    names = {keras.saving.get_registered_name(kind): kind for kind in kinds}
    assert all(name.startswith("zoom_enhance>") for name in names)
    assert store.LAYERS == names


@pytest.mark.parametrize("layer", [
    layers.PixelShuffle(3), layers.Consistent(4), layers.Bicubic(3), flow.TimeWaves(5)],
    ids=lambda layer: type(layer).__name__)
def test_a_layer_keeps_its_settings_in_its_config(layer):
    rng = np.random.default_rng(0)
    inputs = {layers.PixelShuffle: rng.random((2, 4, 4, 18), "float32"),
              layers.Consistent: [rng.random((2, 8, 8, 1), "float32"), np.full((2, 2, 2, 1), 0.5)],
              layers.Bicubic: rng.random((2, 4, 4, 1), "float32"),
              flow.TimeWaves: rng.random((2, 1), "float32")}[type(layer)]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    np.testing.assert_array_equal(run(again, inputs), run(layer, inputs))
