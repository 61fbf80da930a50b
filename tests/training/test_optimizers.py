"""Muon: steps of convolution kernels are orthogonal, those of everything else are Adam's."""

import keras
import numpy as np
import pytest

from shared.data import pipeline
from shared.models import upscalers
from shared.training import loop, optimizers


def step(shape, gradient, rate=0.1, **options):
    """What one step adds to a variable of that shape that is zero."""
    variable = keras.Variable(np.zeros(shape, "float32"))
    optimizer = optimizers.Muon(rate, **options)
    optimizer.apply([keras.ops.convert_to_tensor(gradient.astype("float32"))], [variable])
    return keras.ops.convert_to_numpy(variable)


@pytest.mark.parametrize("shape", [(3, 3, 16, 24), (1, 1, 32, 16), (20, 30)])
def test_the_step_of_a_kernel_is_nearly_orthogonal_against_its_gradient(shape):
    gradient = np.random.default_rng(0).normal(size=shape)
    gradient[..., 0] *= 100  # Adam and plain descent would follow this channel
    change = step(shape, gradient).reshape(-1, shape[-1])
    sizes = np.linalg.svd(change, compute_uv=False)
    assert sizes.max() / sizes.min() < 2  # of the gradient: about a hundred
    assert (change * gradient.reshape(change.shape)).sum() < 0
    largest = max(change.shape)
    assert 0.6 < np.median(sizes) / (0.1 * 0.2 * largest**0.5) < 1.4  # Liu et al. 2025


@pytest.mark.parametrize("shape", [(3, 3, 1, 64), (3, 3, 64, 4), (64,)])
def test_narrow_kernels_and_biases_are_trained_by_adam(shape):
    gradient = np.random.default_rng(0).choice([-5.0, 0.1, 2.0], shape)
    np.testing.assert_allclose(step(shape, gradient), -0.1 * np.sign(gradient), rtol=1e-3)


def test_momentum_keeps_part_of_the_old_gradients():
    rng = np.random.default_rng(0)
    first, second = (rng.normal(size=(20, 20)).astype("float32") for _ in range(2))
    variable = keras.Variable(np.zeros((20, 20), "float32"))
    optimizer = optimizers.Muon(0.1)
    optimizer.apply([keras.ops.convert_to_tensor(first)], [variable])
    before = keras.ops.convert_to_numpy(variable).copy()
    optimizer.apply([keras.ops.convert_to_tensor(second)], [variable])
    change = keras.ops.convert_to_numpy(variable) - before
    momentum = 0.95 * first + second
    wanted = step((20, 20), second + 0.95 * momentum)  # Nesterov's look ahead
    np.testing.assert_allclose(change, wanted, atol=2e-4)


def test_without_gradients_nothing_decays():
    variable = keras.Variable(np.ones((20, 20), "float32"))
    optimizers.Muon(0.1).apply([keras.ops.zeros((20, 20))], [variable])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), 1)


def test_its_settings_survive_saving():
    optimizer = optimizers.Muon(1e-3, narrow=8, momentum=0.9)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert isinstance(again, optimizers.Muon)
    assert again.get_config() == optimizer.get_config()


@pytest.mark.slow
def test_a_network_learns_with_it(digits):
    batches = pipeline.Batches(digits.x_train[:1024], pipeline.low_and_high(4), per_epoch=20)
    keras.utils.set_random_seed(1)
    model = upscalers.residual_network(4, width=16, blocks=2)
    loop.compile_model(model, 60, "mse", 2e-3, optimizer=optimizers.Muon)
    loss = loop.fit(model, batches, 3, progress=False)["loss"]
    assert loss[2] < loss[1] < loss[0]
