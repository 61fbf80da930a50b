"""Pictures drawn at random have the sizes, ranges and spectra that they are drawn for."""

import numpy as np
import pytest
from scipy import ndimage, stats

from shared.data import synthetic


@pytest.mark.parametrize("kind", synthetic.KINDS)
def test_a_drawing_is_uint8_luma_and_the_same_for_the_same_seed(kind):
    draw = synthetic.KINDS[kind]
    one, same, other = (draw(np.random.default_rng(seed), 64) for seed in (5, 5, 6))
    assert one.shape == (64, 64, 1) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert np.mean(one != other) > 0.5 and one.std() > 3


def test_radii_follow_a_power_law_of_3_by_default():
    sizes = synthetic.radii(np.random.default_rng(0), 20_000, 2.0, 50.0)
    assert 2 <= sizes.min() and sizes.max() <= 50

    def cumulative(r):  # the integral of r^-3 from 2 to r, scaled to 1 at 50
        return (2.0**-2 - r**-2.0) / (2.0**-2 - 50.0**-2)

    assert stats.kstest(sizes, cumulative).pvalue > 0.01


@pytest.mark.parametrize("arguments", [(0, 5, 3), (5, 2, 3), (1, 5, 1)])
def test_radii_of_an_impossible_power_law_are_refused(arguments):
    with pytest.raises(ValueError, match="power above 1"):
        synthetic.radii(np.random.default_rng(0), 3, *arguments)


def test_the_spectrum_of_dead_leaves_falls_like_that_of_photographs():
    # The power of natural images falls about as frequency^-2 (Field 1987); here -1.5 to -3.5.
    rng, side = np.random.default_rng(0), 128
    window = np.hanning(side)[:, None] * np.hanning(side)
    power = 0
    for _ in range(6):
        picture = synthetic.dead_leaves(rng, side)[..., 0].astype(float)
        power = power + np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side))
    bands = [(frequency >= low) & (frequency < low * 1.5) for low in 0.03 * 1.5 ** np.arange(5)]
    middle = [np.log(frequency[band].mean()) for band in bands]
    slope = np.polyfit(middle, [np.log(power[band].mean()) for band in bands], 1)[0]
    assert -3.5 < slope < -1.5


def test_a_hard_edge_is_averaged_to_a_value_between_its_two_sides():
    fine = np.zeros((12 * synthetic.FINE, 12 * synthetic.FINE))
    fine[:, 6 * synthetic.FINE + 1:] = 240
    row = synthetic._down(fine)[4, :, 0]
    assert row.tolist() == [0] * 6 + [240 * (synthetic.FINE - 1) // synthetic.FINE] + [240] * 5


def test_gratings_hold_periods_of_three_pixels_and_more():
    # At the highest frequencies there is only the power of the harmonics of hard bars.
    rng = np.random.default_rng(0)
    low_frequencies = []
    for _ in range(10):
        picture = synthetic.gratings(rng, 96)[..., 0].astype(float)
        power = np.abs(np.fft.fft2(picture - picture.mean())) ** 2
        frequency = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.fftfreq(96))
        low_frequencies.append(power[frequency < 0.36].sum() / power.sum())
    assert np.mean(low_frequencies) > 0.8


def test_lettering_has_both_dark_on_light_and_light_on_dark():
    rng, skew = np.random.default_rng(1), []
    for _ in range(12):
        picture = synthetic.lettering(rng, 96)[..., 0]
        assert ndimage.gaussian_gradient_magnitude(picture.astype(float), 1).max() > 5
        skew.append(stats.skew(picture, axis=None))
    assert min(skew) < 0 < max(skew)
