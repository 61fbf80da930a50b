"""Lesson 07: the flow, its samplers, exactness of samples, and what measures them."""

import importlib.util
import json

import keras
import numpy as np
import pytest
from scipy import linalg

from shared import flow, models, training, uncertainty
from shared.classifiers import classifier_a
from shared.degrade import block_mean

RNG = np.random.default_rng
FREE = 15 / 16  # share of a 4x4 block's noise that is left without its mean


@pytest.fixture(scope="module")
def network():
    """A small velocity network whose every weight is random, also the last layer's."""
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


def inputs(low_res, rng):
    guess = flow.start(low_res, rng)
    return {"x_t": flow.start(low_res, rng), "t": rng.random((len(low_res), 1), "float32"),
            "low_res": low_res, "guess": guess}


# ---- the line from noise to digit


def test_the_noise_has_the_block_means_of_the_low_resolution(low_res):
    np.testing.assert_allclose(block_mean(flow.start(low_res, RNG(0)), 4), low_res, atol=1e-6)


def test_the_noise_is_scaled_by_what_a_block_leaves_open():
    low_res = np.broadcast_to(np.float32([0, 0.1, 0.5, 1])[None, :, None, None], (2000, 4, 4, 1))
    deviation = (flow.start(low_res, RNG(0)) - flow.enlarge(low_res)).std(axis=(0, 2, 3))
    wanted = flow.SIGMA * np.sqrt(FREE) * np.array([0, 0.3, 0.5, 0])  # sqrt(0.1 x 0.9) = 0.3
    np.testing.assert_allclose(deviation, wanted.repeat(4), rtol=0.02)


def test_no_block_of_greys_deviates_more_than_its_room(digits):
    truth = digits.x_test[:1000]
    low_res = block_mean(truth, 4)
    variance = block_mean(np.square(truth - flow.enlarge(low_res)), 4)
    assert (variance <= flow.room(low_res) ** 2 + 1e-6).all()
    black_or_white = (np.arange(16).reshape(1, 4, 4, 1) < 5).astype("float32")
    assert block_mean(np.square(black_or_white - 5 / 16), 4).item() == pytest.approx(
        flow.room(np.float32([5 / 16])).item() ** 2, rel=1e-5)


def test_the_line_begins_at_the_noise_and_ends_at_the_digit():
    x0, x1 = RNG(0).random((2, 3, 8, 8, 1), "float32")
    np.testing.assert_array_equal(flow.line(x0, x1, np.zeros((3, 1), "float32"))[0], x0)
    np.testing.assert_array_equal(flow.line(x0, x1, np.ones((3, 1), "float32"))[0], x1)


def test_the_loss_of_the_exact_velocity_is_zero_and_of_none_the_mean_square():
    x0, x1 = RNG(0).random((2, 5, 8, 8, 1))
    t = 0.9 * RNG(1).random((5, 1))
    # Where a single digit is the goal, all lines through x_t go there: (x1 - x_t) / (1 - t).
    exact = flow.flow_loss(lambda x, t: (x1 - x) / (1 - t[:, :, None, None]), x0, x1, t)
    assert exact < 1e-20
    nothing = flow.flow_loss(lambda x, t: np.zeros_like(x), x0, x1, t)
    assert nothing == pytest.approx(((x1 - x0) ** 2).mean())


def test_a_batch_is_a_point_on_the_line_that_ends_at_the_digit(network):
    truth, guess = RNG(0).integers(0, 256, (2, 6, 28, 28, 1)).astype("uint8")
    given, velocity = flow.noisy(truth, guess, RNG(3))
    rest = 1 - given["t"][:, :, None, None]
    np.testing.assert_allclose(given["x_t"] + rest * velocity, truth / 255, atol=1e-5)
    np.testing.assert_allclose(given["guess"], guess / 255, atol=1e-6)
    np.testing.assert_allclose(given["low_res"], block_mean(truth / 255, 4), atol=1e-6)
    np.testing.assert_allclose(block_mean(velocity, 4), 0, atol=1e-5)
    # What Keras minimises is the loss that the lesson writes.
    x1 = (truth / 255).astype("float32")
    x0 = x1 - velocity
    found = flow.flow_loss(lambda x, t: network.predict_on_batch(given | {"x_t": x, "t": t}),
                           x0, x1, given["t"])
    network.compile(loss="mse")
    assert network.evaluate(given, velocity, verbose=0) == pytest.approx(found, rel=1e-4)


# ---- the network


def gaussian(n, rng):
    """Digits that are Gaussian about a guess: what an untrained network takes them for."""
    low_res = np.full((n, 7, 7, 1), 0.5, "float32")
    guess = flow.enlarge(low_res) + np.float32(0.1) * (-1) ** np.arange(28)[:, None, None]
    noise = flow.start(low_res, rng) - flow.enlarge(low_res)
    return low_res, guess.astype("float32"), guess + noise * flow.SPREAD / flow.SIGMA


def test_an_untrained_network_is_the_best_one_for_gaussian_digits():
    model = flow.velocity_network(width=4, blocks=1)
    rng = RNG(0)
    low_res, guess, x1 = gaussian(400, rng)
    x0, t = flow.start(low_res, rng), (np.arange(400, dtype="float32")[:, None] + 0.5) / 400
    rest = {"low_res": low_res, "guess": guess}

    def loss(change):
        return flow.flow_loss(lambda x, t: change * model.predict_on_batch(
            {"x_t": x, "t": t, **rest}), x0, x1, t)

    # Integrating the variance of the velocity given x_t over t gives pi/2 x the two deviations.
    wanted = np.pi / 2 * flow.SIGMA * flow.SPREAD * 0.25 * FREE
    assert loss(1.0) == pytest.approx(wanted, rel=0.02)
    assert loss(1.0) < min(loss(0.95), loss(1.05))


def test_an_untrained_network_draws_gaussians_about_the_guess():
    model = flow.velocity_network(width=4, blocks=1)
    low_res, guess, _ = gaussian(100, RNG(0))
    samples = flow.sample(model, low_res, guess, steps=16)[0]
    np.testing.assert_allclose(samples.mean(axis=0), guess[0], atol=0.08)  # 5 standard errors
    # 0.3 of a room of 0.5: the range [0, 1] ends more than two deviations away.
    assert samples.std(axis=0).mean() == pytest.approx(flow.SPREAD * 0.5 * FREE**0.5, rel=0.03)


def test_the_velocity_has_no_block_means_and_is_zero_where_nothing_is_open(network, low_res):
    given = inputs(low_res, RNG(0))
    velocity = network.predict_on_batch(given)
    assert np.abs(velocity).max() > 0.1
    np.testing.assert_allclose(block_mean(velocity, 4), 0, atol=1e-6)
    np.testing.assert_allclose(velocity[:, :4, :8], 0, atol=1e-6)
    careless = network.predict_on_batch(given | {"guess": given["guess"] + 0.3})
    np.testing.assert_allclose(block_mean(careless, 4), 0, atol=1e-6)


@pytest.mark.parametrize("key", ["x_t", "t", "low_res", "guess"])
def test_the_velocity_depends_on_every_input_beyond_its_gaussian_part(network, low_res, key):
    given = inputs(low_res, RNG(0))
    plain = flow.velocity_network(width=8, blocks=1)  # its correction is 0
    other = given | {key: inputs(low_res[::-1].copy(), RNG(5))[key]}
    correction = [network.predict_on_batch(x) - plain.predict_on_batch(x) for x in (given, other)]
    assert np.abs(correction[0] - correction[1]).max() > 1e-3


def test_the_network_is_small():
    model = flow.velocity_network()
    assert model.count_params() < 1_500_000
    given = inputs(np.full((1, 7, 7, 1), 0.5, "float32"), RNG(0))
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    probe = keras.Model(model.input, [layer.output for layer in convolutions])
    multiply_adds = sum(np.prod(layer.kernel.shape) * np.prod(out.shape[1:3]) for layer, out
                        in zip(convolutions, probe.predict_on_batch(given), strict=True))
    assert 50e6 < multiply_adds < 70e6


def test_a_velocity_network_loads_in_a_fresh_process(network, low_res, after_loading):
    given = inputs(low_res, RNG(0))
    found = after_loading({"velocity": network}, given, "flow")["velocity"]
    np.testing.assert_allclose(found, network.predict_on_batch(given), atol=1e-5)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_draws_the_same_digits(backend, network, low_res, tmp_path, run_python):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("these tests themselves run on another backend than TensorFlow")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    guess = flow.start(low_res, RNG(0))
    network.save(tmp_path / "velocity.keras")
    np.savez(tmp_path / "given.npz", low_res=low_res, guess=guess,
             wanted=flow.sample(network, low_res, guess, 2, 3))
    run_python("""
import sys, pathlib
from shared import flow
import keras, numpy as np
folder = pathlib.Path(sys.argv[1])
given = np.load(folder / "given.npz")
model = keras.saving.load_model(folder / "velocity.keras", safe_mode=True)
found = flow.sample(model, given["low_res"], given["guess"], 2, 3)
np.testing.assert_allclose(found, given["wanted"], atol=1e-4)
""", tmp_path, KERAS_BACKEND=backend)


def test_training_lowers_the_loss_below_that_of_gaussians(digits):
    keras.utils.set_random_seed(0)
    truth = np.rint(255 * digits.x_train[:64]).astype("uint8")
    blurred = flow.enlarge(block_mean(digits.x_train[:64], 4))
    guess = np.rint(255 * blurred).astype("uint8")
    model = flow.velocity_network(width=8, blocks=1)
    batches = training.Batches((truth, guess), flow.noisy, batch_size=32, per_epoch=60)
    training.compile(model, 60, "mse", peak=3e-3)
    before = model.evaluate(batches, verbose=0)
    training.fit(model, batches, progress=False)
    assert model.evaluate(batches, verbose=0) < 0.8 * before


def test_pairs_are_moved_digits_and_projected_answers_to_their_means(digits):
    keras.utils.set_random_seed(0)
    upscaler = models.residual_network(4, width=4, blocks=1)
    truth = digits.x_train[:12]
    high_res, guess = flow.pairs(truth, upscaler, copies=3, seed=1)
    assert high_res.shape == guess.shape == (36, 28, 28, 1)
    assert high_res.dtype == guess.dtype == "uint8"
    moves = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    found = set()
    for i, image in enumerate(high_res):
        whole = np.rint(255 * truth[i % 12])
        fitting = {move for move in moves if np.array_equal(np.roll(whole, move, (0, 1)), image)}
        assert fitting
        found |= fitting
    assert len(found) > 12  # 36 draws of 25 moves leave 6 out on average
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
    guess = flow.start(low_res, RNG(0))
    samples = flow.sample(network, low_res, guess, count=3, steps=2)
    assert samples.shape == (3, 4, 28, 28, 1) and samples.dtype == "float32"
    assert samples.min() >= 0 and samples.max() <= 1
    for images in samples:
        np.testing.assert_allclose(block_mean(images, 4), low_res, atol=1e-6)
    assert samples.std(axis=0).max() > 0.01


def test_samples_follow_from_the_seed_and_from_nothing_else(network, low_res):
    guess = flow.start(low_res, RNG(0))
    first = flow.sample(network, low_res, guess, count=3, steps=2, seed=4)
    again = flow.sample(network, low_res, guess, count=2, steps=2, seed=4, batch_size=3)
    np.testing.assert_allclose(again, first[:2], atol=1e-5)
    other = flow.sample(network, low_res, guess, count=2, steps=2, seed=5)
    assert np.abs(other - first[:2]).max() > 0.01
    assert np.abs(first[1] - first[0]).max() > 0.01


def test_what_does_not_fit_is_told(network, low_res):
    guess = flow.start(low_res, RNG(0))
    with pytest.raises(ValueError, match=r"expected low_res of shape .* found \(4, 7, 7\)"):
        flow.sample(network, low_res[..., 0], guess)
    with pytest.raises(ValueError, match=r"needs a guess of shape \(4, 28, 28, 1\)"):
        flow.sample(network, low_res, guess[:3])
    with pytest.raises(ValueError, match="at least one draw and one step"):
        flow.sample(network, low_res, guess, steps=0)
    with pytest.raises(ValueError, match="two sets of features"):
        uncertainty.frechet(np.zeros((5, 3)), np.zeros((5, 4)))
    with pytest.raises(ValueError, match="as many labels"):
        uncertainty.reliability(np.zeros((5, 3), int), np.zeros(5, int))
    with pytest.raises(ValueError, match="votes of shape"):
        uncertainty.shares(np.zeros(5, int))


# ---- realism


def test_the_frechet_distance_is_that_of_the_matrix_square_root():
    rng = RNG(0)
    a = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6)) + 1
    b = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6))
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    wanted = (((a.mean(0) - b.mean(0)) ** 2).sum()
              + np.trace(cov_a + cov_b - 2 * linalg.sqrtm(cov_a @ cov_b).real))
    assert uncertainty.frechet(a, b) == pytest.approx(wanted, rel=1e-8)


def test_the_frechet_distance_of_moved_and_of_stretched_sets_is_the_closed_form():
    a = RNG(0).standard_normal((500, 3))
    assert uncertainty.frechet(a, a + [3, 0, 4]) == pytest.approx(25)
    centred = a - a.mean(axis=0)  # deviations s and 2s along each axis: sum of (2s - s)^2
    wanted = np.trace(np.cov(centred, rowvar=False))
    assert uncertainty.frechet(centred, 2 * centred) == pytest.approx(wanted)
    flat = centred * [1, 1, 0]  # a feature that is always 0, as behind a ReLU
    assert uncertainty.frechet(flat, flat) == pytest.approx(0, abs=1e-9)


def test_the_features_are_what_the_logits_are_made_of():
    keras.utils.set_random_seed(0)
    classifier = classifier_a()
    images = RNG(0).random((5, 28, 28, 1), "float32")
    found = uncertainty.features(classifier, images)
    kernel, bias = classifier.layers[-2].get_weights()
    assert found.shape == (5, 96)
    np.testing.assert_allclose(found @ kernel + bias, training.predict(classifier, images),
                               atol=1e-4)


def test_twice_the_contrast_is_six_decibels_of_power_in_every_ring():
    images = RNG(0).random((20, 28, 28, 1))
    assert uncertainty.spectrum_distance(images, 2 * images) == pytest.approx(20 * np.log10(2))
    assert uncertainty.spectrum_distance(images, images + 0.3) == pytest.approx(0, abs=1e-9)


def test_the_pixel_distance_of_a_lighter_and_of_a_stronger_crowd_is_the_closed_form():
    images = RNG(0).random((50, 8, 12, 1))
    assert uncertainty.pixel_distance(images, images) == pytest.approx(0, abs=1e-6)
    assert uncertainty.pixel_distance(images, images + 0.1) == pytest.approx(0.1)
    blocks = images.reshape(50, 2, 4, 3, 4).transpose(0, 1, 3, 2, 4).reshape(-1, 16)
    spread = np.sqrt(blocks.var(axis=0, ddof=1).mean())  # each deviation s becomes 3 s
    centred = images - np.tile(blocks.mean(axis=0).reshape(4, 4, 1), (2, 3, 1))
    assert uncertainty.pixel_distance(centred, 3 * centred) == pytest.approx(2 * spread)
    with pytest.raises(ValueError, match="sides divide by 5"):
        uncertainty.pixel_distance(images, images, side=5)


def test_no_crowd_is_nearer_in_pixels_than_its_pictures_are():
    """The root mean square error of pairs is the cost of one way to carry a crowd over."""
    rng = RNG(0)
    images = rng.random((200, 8, 8, 1))
    for change in (0.1 * rng.standard_normal(images.shape), -0.5 * images):
        found = uncertainty.pixel_distance(images, images + change)
        assert 0 < found <= np.sqrt(np.square(change).mean()) * 1.01


# ---- the price


def test_perfect_samples_cost_what_theory_says():
    rng = RNG(0)
    truth, *samples = np.sqrt(0.01) * rng.standard_normal((5, 400_000))  # d_min 0.01, mean 0
    for count in (1, 4):
        error = np.square(np.mean(samples[:count], axis=0) - truth).mean()
        assert error == pytest.approx(uncertainty.mse_of_mean(0.01, count), rel=0.01)
    assert uncertainty.mse_of_mean(0.01, 1) == pytest.approx(0.02)
    error = np.square(0.6 * samples[0] - truth).mean()
    assert error == pytest.approx(uncertainty.mse_of_blend(0.01, 0.6), rel=0.01)


def test_blends_lie_on_the_bound_and_the_bound_ends_at_the_mean():
    share = np.linspace(0, 1, 11)
    distance = (1 - share) * np.sqrt(0.01)
    np.testing.assert_allclose(uncertainty.least_mse(0.01, distance),
                               uncertainty.mse_of_blend(0.01, share))
    assert uncertainty.least_mse(0.01, 5.0) == pytest.approx(0.01)
    assert uncertainty.least_mse(0.01, 0.0, mean_distance=0.05) == pytest.approx(0.0125)
    with pytest.raises(ValueError, match="no more from its distribution"):
        uncertainty.least_mse(0.01, 0.0, mean_distance=0.2)


def test_the_bound_is_reached_by_gaussians():
    """y = x + noise, all normal: x has variance 1, its posterior mean 1 - d_min.

    Both are Gaussian, so their distance is the difference of their deviations, and the mean
    times a factor is the best answer at each distance.
    """
    d_min = 0.3
    deviation = np.sqrt(1 - d_min)
    factor = np.linspace(1, 1 / deviation, 7)
    error = 1 - 2 * factor * (1 - d_min) + factor**2 * (1 - d_min)  # E (x - factor m)^2
    found = uncertainty.least_mse(d_min, 1 - factor * deviation, mean_distance=1 - deviation)
    np.testing.assert_allclose(found, error)


# ---- doubts


def test_the_reliability_of_a_known_case():
    votes = np.array([[3] * 10, [3] * 8 + [5] * 2, [1] * 8 + [2] * 2, [7] * 5 + [2] * 5]).T
    found = uncertainty.reliability(votes, [3, 3, 2, 2], bins=10)
    assert found.digits.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 2, 1]
    np.testing.assert_allclose(found.confidence[[5, 8, 9]], [0.5, 0.8, 1.0])
    np.testing.assert_allclose(found.accuracy[[5, 8, 9]], [1.0, 0.5, 1.0])  # of 2 and 7: 2
    assert np.isnan(found.confidence[0]) and np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((0.5 + 2 * 0.3 + 0) / 4)


@pytest.mark.parametrize("count", [7, 10, 57, 100])
def test_a_share_on_the_edge_of_a_bin_belongs_to_the_upper_one(count):
    for most in range(count // 2 + 1, count):
        votes = np.array([[4] * most + [9] * (count - most)]).T
        assert uncertainty.reliability(votes, [4], bins=count).digits[most] == 1


def test_votes_drawn_as_the_truth_is_are_calibrated_and_boasting_ones_are_not():
    rng = RNG(0)
    chance = rng.random(20_000)  # of a 1, else a 0, for each digit
    draw = (rng.random((401, 20_000)) < chance).astype(int)
    honest = uncertainty.reliability(draw[1:], draw[0])
    assert honest.error < 0.02
    boasting = uncertainty.reliability(np.broadcast_to(chance > 0.5, (2, 20_000)), draw[0])
    assert boasting.error == pytest.approx(0.25, abs=0.01)  # sure, and right in 3 of 4


def test_only_what_both_readers_see_in_the_same_sample_is_witnessed():
    votes, others = np.array([[4, 4, 7], [9, 4, 7]]), np.array([[4, 9, 1], [9, 9, 7]])
    found = uncertainty.witnessed(votes, others)
    assert [np.flatnonzero(row).tolist() for row in found] == [[4, 9], [], [7]]


def test_the_card_of_a_sampler_that_adds_noise_to_the_truth(monkeypatch, digits):
    """Noise of deviation 0.1: a mean of k has MSE 0.01 / k, a single sample 20 dB."""
    few = digits._replace(x_test=digits.x_test[:60], y_test=digits.y_test[:60])
    keras.utils.set_random_seed(0)
    networks = {"baseline": models.residual_network(4, width=4, blocks=1),
                "classifier_a": classifier_a(), "classifier_b": classifier_a()}

    def sample(model, low_res, guess, count, steps):
        assert low_res.shape == (60, 7, 7, 1) and guess.shape == few.x_test.shape
        noise = RNG(0).standard_normal((count, *few.x_test.shape), "float32")
        return few.x_test + np.float32(0.1) * noise

    monkeypatch.setattr(uncertainty.datasets, "mnist", lambda: few)
    monkeypatch.setattr(uncertainty.weights, "load_or_train", networks.__getitem__)
    monkeypatch.setattr(uncertainty.flow, "sample", sample)
    monkeypatch.setattr(uncertainty, "read",
                        lambda classifier, samples: np.stack([few.y_test for _ in samples]))
    found = uncertainty.measure(None, count=5)
    json.dumps(found)  # as the card needs it
    assert found["psnr_single"] == pytest.approx(20, abs=0.1)
    np.testing.assert_allclose(found["mse_of_means"], 0.01 / np.arange(1, 6), rtol=0.02)
    assert found["variance"] == pytest.approx(0.01, rel=0.02)
    assert found["psnr_mean"] > found["psnr_single"] > found["psnr_baseline"]
    assert found["pixels_truth"] < found["pixels_single"] < found["pixels_baseline"]
    assert found["reliability"] == [[1.0, 1.0, 1.0, 60]]  # one bin: 5 votes of 5, all right
    assert found["accuracy_a"] == found["accuracy_b"] == 1 and found["two_classes"] == 0
    assert found["calibration_error"] == found["calibration_error_ideal"] == 0
