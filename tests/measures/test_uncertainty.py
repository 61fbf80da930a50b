"""Realism, cost and calibration of samples against closed forms."""

import keras
import numpy as np
import pytest
from scipy import linalg

from shared import runtime
from shared.measures import uncertainty
from shared.models.classifiers import classifier_a

RNG = np.random.default_rng


# ---- realism


def test_the_frechet_distance_is_that_of_the_matrix_square_root():
    rng = RNG(0)
    a = rng.standard_normal((300, 6)) @ rng.standard_normal((6, 6)) + 1
    b = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6))
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = (((a.mean(0) - b.mean(0)) ** 2).sum()
              + np.trace(cov_a + cov_b - 2 * linalg.sqrtm(cov_a @ cov_b).real))
    assert uncertainty.frechet(a, b) == pytest.approx(expected, rel=1e-8)


def test_the_frechet_distance_of_moved_and_of_stretched_sets_is_the_closed_form():
    a = RNG(0).standard_normal((500, 3))
    assert uncertainty.frechet(a, a + [3, 0, 4]) == pytest.approx(25)
    centred = a - a.mean(axis=0)  # deviations s and 2s along each axis: sum of (2s - s)^2
    expected = np.trace(np.cov(centred, rowvar=False))
    assert uncertainty.frechet(centred, 2 * centred) == pytest.approx(expected)
    flat = centred * [1, 1, 0]  # a feature that is always 0, as behind a ReLU
    assert uncertainty.frechet(flat, flat) == pytest.approx(0, abs=1e-9)


def test_the_features_are_what_the_logits_are_made_of():
    keras.utils.set_random_seed(0)
    classifier = classifier_a()
    images = RNG(0).random((5, 28, 28, 1), "float32")
    found = uncertainty.features(classifier, images)
    kernel, bias = classifier.layers[-2].get_weights()
    assert found.shape == (5, 96)
    np.testing.assert_allclose(found @ kernel + bias, runtime.predict(classifier, images),
                               atol=1e-4)


def test_twice_the_contrast_is_six_decibels_of_power_in_every_ring():
    images = RNG(0).random((20, 28, 28, 1))
    assert uncertainty.spectrum_distance(images, 2 * images) == pytest.approx(20 * np.log10(2))
    assert uncertainty.spectrum_distance(images, images + 0.3) == pytest.approx(0, abs=1e-9)


def test_the_pixel_distance_of_lighter_and_of_stronger_images_is_the_closed_form():
    images = RNG(0).random((50, 8, 12, 1))
    assert uncertainty.pixel_distance(images, images) == pytest.approx(0, abs=1e-6)
    assert uncertainty.pixel_distance(images, images + 0.1) == pytest.approx(0.1)
    blocks = images.reshape(50, 2, 4, 3, 4).transpose(0, 1, 3, 2, 4).reshape(-1, 16)
    spread = np.sqrt(blocks.var(axis=0, ddof=1).mean())  # each deviation s becomes 3 s
    centred = images - np.tile(blocks.mean(axis=0).reshape(4, 4, 1), (2, 3, 1))
    assert uncertainty.pixel_distance(centred, 3 * centred) == pytest.approx(2 * spread)
    with pytest.raises(ValueError, match="multiples of 5"):
        uncertainty.pixel_distance(images, images, side=5)


def test_the_pixel_distance_is_at_most_the_root_mean_square_error_of_pairs():
    """Pairing the images is one way to transport a set to the other; the best costs no more."""
    rng = RNG(0)
    images = rng.random((200, 8, 8, 1))
    for change in (0.1 * rng.standard_normal(images.shape), -0.5 * images):
        found = uncertainty.pixel_distance(images, images + change)
        assert 0 < found <= np.sqrt(np.square(change).mean()) * 1.01


# ---- calibration


def test_the_reliability_of_a_known_case():
    votes = np.array([[3] * 10, [3] * 8 + [5] * 2, [1] * 8 + [2] * 2, [7] * 5 + [2] * 5]).T
    found = uncertainty.reliability(votes, [3, 3, 2, 2], bins=10)
    assert found.digits.tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 2, 1]
    np.testing.assert_allclose(found.confidence[[5, 8, 9]], [0.5, 0.8, 1.0])
    np.testing.assert_allclose(found.accuracy[[5, 8, 9]], [1.0, 0.5, 1.0])  # of 2 and 7: 2
    assert np.isnan(found.confidence[0]) and np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((0.5 + 2 * 0.3 + 0) / 4)


@pytest.mark.parametrize("count", [7, 10, 57, 100])
def test_a_confidence_on_the_edge_of_two_bins_belongs_to_the_upper_one(count):
    for most in range(count // 2 + 1, count):
        votes = np.array([[4] * most + [9] * (count - most)]).T
        assert uncertainty.reliability(votes, [4], bins=count).digits[most] == 1


def test_votes_drawn_as_the_truth_is_are_calibrated_and_overconfident_ones_are_not():
    rng = RNG(0)
    chance = rng.random(20_000)  # of a 1, else a 0, for each digit
    draw = (rng.random((401, 20_000)) < chance).astype(int)
    honest = uncertainty.reliability(draw[1:], draw[0])
    assert honest.error < 0.02
    overconfident = uncertainty.reliability(np.broadcast_to(chance > 0.5, (2, 20_000)), draw[0])
    assert overconfident.error == pytest.approx(0.25, abs=0.01)  # certain, and right in 3 of 4


def test_only_classes_that_both_classifiers_see_in_the_same_sample_count():
    votes, others = np.array([[4, 4, 7], [9, 4, 7]]), np.array([[4, 9, 1], [9, 9, 7]])
    found = uncertainty.seen_by_both(votes, others)
    assert [np.flatnonzero(row).tolist() for row in found] == [[4, 9], [], [7]]


def test_two_samples_are_named_in_which_both_classifiers_see_different_classes():
    votes = np.array([[9, 1, 7, 3], [4, 1, 8, 2], [4, 2, 7, 8]])  # three samples of four images
    others = np.array([[9, 1, 7, 5], [4, 2, 3, 2], [4, 2, 7, 8]])
    images, one, another = uncertainty.differing_samples(votes, others)
    assert images.tolist() == [0, 1, 3]
    assert one.tolist() == [1, 0, 1] and another.tolist() == [0, 2, 2]  # 4 and 9, 1 and 2, 2 and 8
    none = uncertainty.differing_samples(votes[:1], others[:1])
    assert [part.tolist() for part in none] == [[], [], []]


def test_classes_and_votes_keep_one_row_per_sample_and_one_column_per_image():
    image = keras.Input((28, 28, 1))
    brightness = keras.layers.GlobalAveragePooling2D()(image)  # class 1 is what is bright
    classifier = keras.Model(image, keras.ops.concatenate([0.5 - brightness, brightness - 0.5], 1))
    grey = np.float32([[0.1, 0.9, 0.2], [0.8, 0.7, 0.3]])
    samples = np.broadcast_to(grey[:, :, None, None, None], (2, 3, 28, 28, 1))
    votes = uncertainty.classify_samples(classifier, samples)
    assert votes.tolist() == [[0, 1, 0], [1, 1, 0]]
    assert uncertainty.vote_fractions(votes, classes=3).tolist() == [
        [0.5, 0.5, 0], [0, 1, 0], [1, 0, 0]]


def test_arrays_that_do_not_match_are_refused():
    for other in (np.zeros((5, 4)), np.zeros((1, 3)), np.zeros(5)):
        with pytest.raises(ValueError, match="two sets of features"):
            uncertainty.frechet(np.zeros((5, 3)), other)
    with pytest.raises(ValueError, match="as many labels"):
        uncertainty.reliability(np.zeros((5, 3), int), np.zeros(5, int))
    with pytest.raises(ValueError, match="votes of shape"):
        uncertainty.vote_fractions(np.zeros(5, int))
