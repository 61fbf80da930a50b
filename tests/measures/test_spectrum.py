"""The radial power spectrum against closed forms."""

import numpy as np
import pytest

from shared.measures.spectrum import radial_power, restored, ring_sizes, rings, up_to_ring

SIDE = 28


def wave(cycles_y, cycles_x, side=SIDE):
    """A sine of amplitude 1 with that many cycles down and across, shape (1, side, side)."""
    y, x = np.mgrid[:side, :side] / side
    return np.sin(2 * np.pi * (cycles_y * y + cycles_x * x) + 0.3)[None]


@pytest.fixture
def noise():
    return np.random.default_rng(0).normal(0, 0.2, (300, SIDE, SIDE, 1))


@pytest.mark.parametrize("cycles", [(0, 1), (3, 0), (3, 4), (-5, 12), (13, 0), (10, 10)])
def test_a_sine_of_k_cycles_lands_in_ring_k_with_power_one_half(cycles):
    power = radial_power(wave(*cycles))[0]
    ring = round(np.hypot(*cycles))
    assert power[ring] == pytest.approx(0.5)
    assert np.delete(power, ring) == pytest.approx(0, abs=1e-12)


def test_images_that_are_shifted_or_rotated_by_a_right_angle_keep_their_spectrum(noise):
    power = radial_power(noise)
    shifted = radial_power(np.roll(noise, (3, 5), axis=(1, 2)))
    np.testing.assert_allclose(shifted, power, atol=1e-12)
    rotated = radial_power(np.rot90(noise, axes=(1, 2)))
    np.testing.assert_allclose(rotated, power, atol=1e-12)


@pytest.mark.parametrize("side", [7, 28])
def test_the_rings_sum_to_the_variance_of_the_pixels(side):
    images = np.random.default_rng(1).random((5, side, side))
    np.testing.assert_allclose(radial_power(images).sum(axis=1), images.var(axis=(1, 2)))


def test_the_rings_of_an_error_of_mean_zero_sum_to_its_mse(noise):
    error = noise - noise.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(radial_power(error).sum(axis=1), (error**2).mean(axis=(1, 2, 3)))


@pytest.mark.parametrize("window", [False, True])
def test_white_noise_has_the_same_power_in_every_wave(noise, window):
    single = radial_power(noise, window).mean(axis=0) / ring_sizes(SIDE)
    # With a window, subtracting the mean also takes power out of ring 1, but not out of 2 to 19.
    np.testing.assert_allclose(single[2:20], 0.2**2 / SIDE**2, rtol=0.1)
    assert single[0] < 0.01 * single[5]


@pytest.mark.parametrize("window", [False, True])
def test_the_mean_of_an_image_does_not_count(noise, window):
    np.testing.assert_allclose(radial_power(noise + 5, window), radial_power(noise, window),
                               atol=1e-12)
    assert radial_power(np.full((1, SIDE, SIDE), 0.7), window) == pytest.approx(0, abs=1e-12)


def test_a_window_removes_the_seam_of_an_image_that_does_not_repeat():
    ramp = np.linspace(0, 1, SIDE)[None, None, :].repeat(SIDE, axis=1)
    plain, faded = (radial_power(ramp, window)[0] for window in (False, True))
    assert faded[8:15].sum() < plain[8:15].sum() / 100


def test_a_windowed_sine_stays_within_one_ring_of_its_own():
    power = radial_power(wave(0, 6), window=True)[0]
    assert power[5:8].sum() > 0.99 * power.sum() and power.argmax() == 6


def test_every_wave_belongs_to_one_ring():
    assert ring_sizes(SIDE).sum() == SIDE**2 and len(ring_sizes(SIDE)) == rings(SIDE).max() + 1
    assert rings(SIDE)[0, 0] == 0 and rings(SIDE)[0, 14] == 14 and rings(SIDE)[3, -4] == 5
    assert ring_sizes(7).tolist() == [1, 8, 12, 16, 12]


def test_many_images_have_the_power_that_each_has_alone(noise):
    many = np.tile(noise, (4, 1, 1, 1))  # more than one chunk
    np.testing.assert_allclose(radial_power(many)[-1], radial_power(noise[-1:])[0], atol=1e-12)
    assert radial_power(noise[:0]).shape == (0, len(ring_sizes(SIDE)))


@pytest.mark.parametrize("shape", [(28, 28), (2, 28, 27), (2, 28, 28, 3), (2, 28, 28, 1, 1)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match="square grey images"):
        radial_power(np.zeros(shape))


def test_restored_is_the_fraction_of_the_power_beyond_a_ring():
    coarse, fine = wave(3, 0, 32)[0], wave(12, 0, 32)[0]
    truth = coarse + fine
    for image, expected in ((truth, 1), (coarse, 0), (coarse + fine / 2, 0.75), (fine, 1),
                          (coarse - fine, -3)):
        assert restored(truth, image, beyond=8) == pytest.approx(expected, abs=1e-3)
    assert restored(truth[..., None], coarse[..., None], beyond=0) == pytest.approx(0.5, abs=1e-2)


def test_the_ring_beyond_which_detail_counts_does_not_count_itself():
    """With faded borders, a wave of ring 9 also has a sixth of its power in ring 10."""
    lost, kept = wave(9, 0, 32)[0], wave(12, 0, 32)[0]
    assert restored(lost + kept, kept, beyond=10) == pytest.approx(1, abs=1e-3)
    assert restored(lost + kept, kept, beyond=9) == pytest.approx(6 / 7, abs=1e-2)


def test_an_image_is_the_sum_of_its_coarse_and_its_fine_waves():
    image = np.random.default_rng(0).random((2, 28, 28, 1))
    coarse = up_to_ring(image, 3.5)
    assert coarse.shape == image.shape
    assert radial_power(coarse)[:, 5:].max() < 1e-20
    assert radial_power(image - coarse)[:, :3].max() < 1e-20
    np.testing.assert_allclose(up_to_ring(image, 20), image, atol=1e-12)
    np.testing.assert_allclose(coarse.mean(axis=(1, 2)), image.mean(axis=(1, 2)))


def test_waves_up_to_a_limit_need_square_images():
    with pytest.raises(ValueError, match="square images"):
        up_to_ring(np.zeros((28, 20)), 3)
