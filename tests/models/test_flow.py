"""The flow: lines from noise to digits, the velocity network, and exact samples."""

import importlib.util

import keras
import numpy as np
import pytest

from shared.data import pipeline
from shared.images.degrade import block_mean
from shared.models import flow, upscalers
from shared.training import loop

RNG = np.random.default_rng
FREE = 15 / 16  # fraction of the variance of noise in a 4x4 block that is left without its mean


@pytest.fixture(scope="module")
def network():
    """A small velocity network whose weights are all random, also those of the last layer."""
    keras.utils.set_random_seed(0)
    model = flow.velocity_network(width=8, blocks=1)
    rng = RNG(0)
    model.set_weights([w + 0.1 * rng.standard_normal(w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def low_res():
    """Four low-resolution images, one block black and one white."""
    images = RNG(1).random((4, 7, 7, 1), "float32")
    images[:, 0, 0], images[:, 0, 1] = 0, 1
    return images


def network_inputs(low_res, rng):
    guess = flow.noisy_start(low_res, rng)
    return {"x_t": flow.noisy_start(low_res, rng), "t": rng.random((len(low_res), 1), "float32"),
            "low_res": low_res, "guess": guess}


# ---- the line from noise to digit


def test_the_noise_has_the_block_means_of_the_low_resolution(low_res):
    np.testing.assert_allclose(block_mean(flow.noisy_start(low_res, RNG(0)), 4), low_res, atol=1e-6)


def test_the_noise_is_scaled_by_what_a_block_leaves_open():
    low_res = np.broadcast_to(np.float32([0, 0.1, 0.5, 1])[None, :, None, None], (2000, 4, 4, 1))
    noise = flow.noisy_start(low_res, RNG(0)) - flow.repeat_pixels(low_res)
    expected = flow.SIGMA * np.sqrt(FREE) * np.array([0, 0.3, 0.5, 0])  # sqrt(0.1 x 0.9) = 0.3
    np.testing.assert_allclose(noise.std(axis=(0, 2, 3)), expected.repeat(4), rtol=0.02)


def test_no_block_of_greys_has_more_variance_than_its_detail_scale_allows(digits):
    truth = digits.x_test[:1000]
    low_res = block_mean(truth, 4)
    variance = block_mean(np.square(truth - flow.repeat_pixels(low_res)), 4)
    assert (variance <= flow.detail_scale(low_res) ** 2 + 1e-6).all()
    black_or_white = (np.arange(16).reshape(1, 4, 4, 1) < 5).astype("float32")
    assert block_mean(np.square(black_or_white - 5 / 16), 4).item() == pytest.approx(
        flow.detail_scale(np.float32([5 / 16])).item() ** 2, rel=1e-5)


def test_the_line_begins_at_the_noise_and_ends_at_the_digit():
    x0, x1 = RNG(0).random((2, 3, 8, 8, 1), "float32")
    np.testing.assert_array_equal(flow.interpolate(x0, x1, np.zeros((3, 1), "float32"))[0], x0)
    np.testing.assert_array_equal(flow.interpolate(x0, x1, np.ones((3, 1), "float32"))[0], x1)


def test_a_batch_is_a_point_on_the_line_that_ends_at_the_digit():
    truth, guess = RNG(0).integers(0, 256, (2, 6, 28, 28, 1)).astype("uint8")
    inputs, velocity = flow.flow_batch(truth, guess, RNG(3))
    rest = 1 - inputs["t"][:, :, None, None]
    np.testing.assert_allclose(inputs["x_t"] + rest * velocity, truth / 255, atol=1e-5)
    np.testing.assert_allclose(inputs["guess"], guess / 255, atol=1e-6)
    np.testing.assert_allclose(inputs["low_res"], block_mean(truth / 255, 4), atol=1e-6)
    np.testing.assert_allclose(block_mean(velocity, 4), 0, atol=1e-5)


# ---- the network


def gaussian(n, rng):
    """Digits that are Gaussian about a guess, as an untrained network assumes."""
    low_res = np.full((n, 7, 7, 1), 0.5, "float32")
    guess = flow.repeat_pixels(low_res) + np.float32(0.1) * (-1) ** np.arange(28)[:, None, None]
    noise = flow.noisy_start(low_res, rng) - flow.repeat_pixels(low_res)
    return low_res, guess.astype("float32"), guess + noise * flow.SPREAD / flow.SIGMA


def test_an_untrained_network_is_the_best_one_for_gaussian_digits():
    model = flow.velocity_network(width=4, blocks=1)
    rng = RNG(0)
    low_res, guess, x1 = gaussian(400, rng)
    t = (np.arange(400, dtype="float32")[:, None] + 0.5) / 400
    x_t, velocity = flow.interpolate(flow.noisy_start(low_res, rng), x1, t)
    output = model.predict_on_batch({"x_t": x_t, "t": t, "low_res": low_res, "guess": guess})

    def loss(change):
        return np.square(change * output - velocity).mean()

    # Integrating the variance of the velocity given x_t over t gives pi/2 x the two deviations.
    wanted = np.pi / 2 * flow.SIGMA * flow.SPREAD * 0.25 * FREE
    assert loss(1.0) == pytest.approx(wanted, rel=0.02)
    assert loss(1.0) < min(loss(0.95), loss(1.05))


def test_an_untrained_network_draws_gaussians_about_the_guess():
    model = flow.velocity_network(width=4, blocks=1)
    low_res, guess, _ = gaussian(100, RNG(0))
    samples = flow.sample(model, low_res, guess, steps=16)[0]
    np.testing.assert_allclose(samples.mean(axis=0), guess[0], atol=0.08)  # 5 standard errors
    # 0.3 of a scale of 0.5: the range [0, 1] ends more than two deviations away.
    assert samples.std(axis=0).mean() == pytest.approx(flow.SPREAD * 0.5 * FREE**0.5, rel=0.03)


def test_the_velocity_has_no_block_means_and_is_zero_in_black_and_white_blocks(network, low_res):
    given = network_inputs(low_res, RNG(0))
    velocity = network.predict_on_batch(given)
    assert np.abs(velocity).max() > 0.1
    np.testing.assert_allclose(block_mean(velocity, 4), 0, atol=1e-6)
    np.testing.assert_allclose(velocity[:, :4, :8], 0, atol=1e-6)
    wrong_guess = network.predict_on_batch(given | {"guess": given["guess"] + 0.3})
    np.testing.assert_allclose(block_mean(wrong_guess, 4), 0, atol=1e-6)


@pytest.mark.parametrize("key", ["x_t", "t", "low_res", "guess"])
def test_the_velocity_depends_on_every_input_beyond_its_gaussian_part(network, low_res, key):
    given = network_inputs(low_res, RNG(0))
    plain = flow.velocity_network(width=8, blocks=1)  # its correction is 0
    other = given | {key: network_inputs(low_res[::-1].copy(), RNG(5))[key]}
    correction = [network.predict_on_batch(x) - plain.predict_on_batch(x) for x in (given, other)]
    assert np.abs(correction[0] - correction[1]).max() > 1e-3


def test_the_network_has_the_size_that_lesson_08_states():
    model = flow.velocity_network()
    assert model.count_params() == 859_636
    given = network_inputs(np.full((1, 7, 7, 1), 0.5, "float32"), RNG(0))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    probe = keras.Model(model.input, [layer.output for layer in convolutions])
    multiply_adds = sum(np.prod(layer.kernel.shape) * np.prod(out.shape[1:3]) for layer, out
                        in zip(convolutions, probe.predict_on_batch(given), strict=True))
    assert 50e6 < multiply_adds < 70e6


@pytest.mark.slow
def test_a_velocity_network_loads_in_a_fresh_process(network, low_res, after_loading):
    given = network_inputs(low_res, RNG(0))
    found = after_loading({"velocity": network}, given, "models.flow")["velocity"]
    np.testing.assert_allclose(found, network.predict_on_batch(given), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_draws_the_same_digits(backend, network, low_res, tmp_path, run_python):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests themselves run on another backend than TensorFlow")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    guess = flow.noisy_start(low_res, RNG(0))
    network.save(tmp_path / "velocity.keras")
    np.savez(tmp_path / "given.npz", low_res=low_res, guess=guess,
             wanted=flow.sample(network, low_res, guess, 2, 3))
    run_python("""
import sys, pathlib
from shared.models import flow
import keras, numpy as np
folder = pathlib.Path(sys.argv[1])
given = np.load(folder / "given.npz")
model = keras.saving.load_model(folder / "velocity.keras", safe_mode=True)
found = flow.sample(model, given["low_res"], given["guess"], 2, 3)
np.testing.assert_allclose(found, given["wanted"], atol=1e-4)
""", tmp_path, KERAS_BACKEND=backend)


@pytest.mark.slow
def test_training_lowers_the_loss_below_that_of_gaussians(digits):
    keras.utils.set_random_seed(0)
    truth = np.rint(255 * digits.x_train[:64]).astype("uint8")
    blurred = flow.repeat_pixels(block_mean(digits.x_train[:64], 4))
    guess = np.rint(255 * blurred).astype("uint8")
    model = flow.velocity_network(width=8, blocks=1)
    batches = pipeline.Batches((truth, guess), flow.flow_batch, batch_size=32, per_epoch=60)
    loop.compile_model(model, 60, "mse", peak_rate=3e-3)
    before = model.evaluate(batches, verbose=0)
    loop.fit(model, batches, progress=False)
    assert model.evaluate(batches, verbose=0) < 0.8 * before


def test_training_pairs_are_shifted_digits_and_projected_outputs_for_their_block_means(digits):
    keras.utils.set_random_seed(0)
    upscaler = upscalers.residual_network(4, width=4, blocks=1)
    truth = digits.x_train[:12]
    high_res, guess = flow.training_pairs(truth, upscaler, copies=3, seed=1)
    assert high_res.shape == guess.shape == (36, 28, 28, 1)
    assert high_res.dtype == guess.dtype == "uint8"
    shifts = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    used = set()
    for i, image in enumerate(high_res):
        whole = np.rint(255 * truth[i % 12])
        matches = {shift for shift in shifts
                   if np.array_equal(np.roll(whole, shift, (0, 1)), image)}
        assert matches
        used |= matches
    assert len(used) > 12  # 36 draws from 25 shifts leave 6 out on average
    for axis in (0, 1):
        assert {shift[axis] for shift in used} == {-2, -1, 0, 1, 2}
    np.testing.assert_allclose(block_mean(guess / 255, 4), block_mean(high_res / 255, 4),
                               atol=0.5 / 255 + 1e-6)


# ---- the samplers


@pytest.mark.parametrize("method, order", [(flow.euler, 1), (flow.midpoint, 2)])
def test_halving_the_step_divides_the_error_by_two_to_the_order(method, order):
    """x' = 2 t x from x(0) = 1 ends at e."""
    error = [abs(method(lambda x, t: 2 * t * x, 1.0, steps) - np.e) for steps in (50, 100)]
    assert error[0] / error[1] == pytest.approx(2**order, rel=0.05)


def test_one_step_of_each_method_is_its_formula():
    assert flow.euler(lambda x, t: x + t, 1.0, 1) == 2.0
    assert flow.midpoint(lambda x, t: x + t, 1.0, 1) == 1.0 + (1.5 + 0.5)
    assert flow.euler(lambda x, t: x, 1.0, 4) == pytest.approx(1.25**4)


def test_samples_are_in_range_and_have_exactly_the_block_means(network, low_res):
    guess = flow.noisy_start(low_res, RNG(0))
    samples = flow.sample(network, low_res, guess, count=3, steps=2)
    assert samples.shape == (3, 4, 28, 28, 1) and samples.dtype == "float32"
    assert samples.min() >= 0 and samples.max() <= 1
    for images in samples:
        np.testing.assert_allclose(block_mean(images, 4), low_res, atol=1e-6)
    assert samples.std(axis=0).max() > 0.01


def test_samples_are_determined_by_the_seed_and_by_nothing_else(network, low_res):
    guess = flow.noisy_start(low_res, RNG(0))
    first = flow.sample(network, low_res, guess, count=3, steps=2, seed=4)
    again = flow.sample(network, low_res, guess, count=2, steps=2, seed=4, batch_size=3)
    np.testing.assert_allclose(again, first[:2], atol=1e-5)
    other = flow.sample(network, low_res, guess, count=2, steps=2, seed=5)
    assert np.abs(other - first[:2]).max() > 0.01
    assert np.abs(first[1] - first[0]).max() > 0.01


def test_arrays_that_do_not_match_are_refused(network, low_res):
    guess = flow.noisy_start(low_res, RNG(0))
    with pytest.raises(ValueError, match=r"expected low_res of shape .* found \(4, 7, 7\)"):
        flow.sample(network, low_res[..., 0], guess)
    with pytest.raises(ValueError, match=r"needs a guess of shape \(4, 28, 28, 1\)"):
        flow.sample(network, low_res, guess[:3])
    for wrong in ({"steps": 0}, {"count": 0}):
        with pytest.raises(ValueError, match="at least one sample and one step"):
            flow.sample(network, low_res, guess, **wrong)
    with pytest.raises(ValueError, match=r"expected low_res of shape .* found \(4, 7, 7, 2\)"):
        flow.noisy_start(low_res.repeat(2, axis=3), RNG(0))
