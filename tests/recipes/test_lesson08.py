"""The figures on the card of lesson 08's sampler, for samplers whose figures are known."""

import json

import keras
import numpy as np
import pytest

from shared import recipes
from shared.images.degrade import block_mean
from shared.measures import uncertainty
from shared.models import classifiers, upscalers
from shared.recipes import lesson08
from shared.training import store


@pytest.fixture
def networks():
    keras.utils.set_random_seed(0)
    return {"baseline": upscalers.residual_network(4, width=4, blocks=1),
            "classifier_a": classifiers.classifier_a(), "classifier_b": classifiers.classifier_a()}


def test_the_figures_on_the_card_are_of_ten_samples_in_four_steps_and_one_more_sample(
        monkeypatch, digits, networks):
    class Asked(Exception):
        """What the sampler was asked for; nothing is measured."""

    def sample(model, low_res, guess, count, steps):
        raise Asked(count, steps)

    monkeypatch.delenv("ZOOM_DATA", raising=False)
    monkeypatch.setattr(lesson08.datasets, "mnist", lambda: digits._replace(
        x_test=digits.x_test[:2], y_test=digits.y_test[:2]))
    monkeypatch.setattr(lesson08.flow, "sample", sample)
    with pytest.raises(Asked) as asked:
        recipes.recipe("samples").measure(None, networks)
    assert asked.value.args == (10 + 1, 4)
    assert len(store.read_card("samples")["test"]["mse_of_means"]) == 10


@pytest.mark.slow
def test_the_figures_of_a_sampler_that_adds_noise_to_the_truth(monkeypatch, digits, networks):
    """Noise of deviation 0.1: a mean of k has MSE 0.01 / k, a single sample 20 dB."""
    some = digits._replace(x_test=digits.x_test[:60], y_test=digits.y_test[:60])

    def sample(model, low_res, guess, count, steps):
        np.testing.assert_allclose(low_res, block_mean(some.x_test, 4), atol=1e-6)
        np.testing.assert_allclose(block_mean(guess, 4), low_res, atol=1e-6)
        noise = np.random.default_rng(0).standard_normal((count, *guess.shape), "float32")
        return some.x_test + np.float32(0.1) * noise

    monkeypatch.setattr(lesson08.datasets, "mnist", lambda: some)
    monkeypatch.setattr(lesson08.flow, "sample", sample)
    monkeypatch.setattr(uncertainty, "classify_samples",
                        lambda classifier, samples: np.stack([some.y_test for _ in samples]))
    figures = lesson08.measure_samples(None, networks, count=5)
    json.dumps(figures)  # as the card needs it
    assert figures["psnr_single"] == pytest.approx(20, abs=0.1)
    np.testing.assert_allclose(figures["mse_of_means"], 0.01 / np.arange(1, 6), rtol=0.02)
    assert figures["variance"] == pytest.approx(0.01, rel=0.02)
    assert figures["psnr_mean"] > figures["psnr_single"] > figures["psnr_baseline"]
    assert figures["pixels_truth"] < figures["pixels_single"] < figures["pixels_baseline"]
    assert figures["reliability"] == [[1.0, 1.0, 1.0, 60]]  # one bin: 5 votes of 5, all right
    assert figures["accuracy_a"] == figures["accuracy_b"] == 1 and figures["two_classes"] == 0
    assert figures["calibration_error"] == figures["calibration_error_ideal"] == 0


def mean_grey(name):
    """A classifier with a single feature, the mean of the image."""
    image = keras.Input((28, 28, 1))
    grey = keras.layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, keras.layers.Dense(10)(grey), name=name)


@pytest.mark.slow
@pytest.mark.parametrize(("change", "frechet", "pixels", "spectrum"), [
    (lambda image: image + np.float32(0.1), 0.1**2, 0.1, 0.0),
    (lambda image: image * np.float32(2), None, None, 20 * np.log10(2))],
    ids=["lighter by 0.1", "twice the contrast"])
def test_distances_are_those_of_digits_at_even_places_from_true_digits_at_odd_places(
        monkeypatch, networks, change, frechet, pixels, spectrum):
    """Each odd digit is a changed copy of the even one before it, and each sample is the truth.

    So the distances are those of the change. Within the even or the odd digits they would be 0.
    """
    even = 0.4 * np.random.default_rng(0).random((40, 28, 28, 1), "float32")
    truth = np.stack([even, change(even)], axis=1).reshape(80, 28, 28, 1)
    labels = np.zeros(80, int)
    monkeypatch.setattr(lesson08.datasets, "mnist",
                        lambda: lesson08.datasets.Split(*[None] * 4, truth, labels))
    monkeypatch.setattr(lesson08.flow, "sample",
                        lambda model, low_res, guess, count, steps: np.stack([truth] * count))
    greys = {name: mean_grey(name) for name in ("classifier_a", "classifier_b")}
    figures = lesson08.measure_samples(None, networks | greys, count=2)
    for name in ("truth", "single", "mean"):
        assert figures[f"spectrum_{name}"] == pytest.approx(spectrum, abs=1e-3)
        if pixels:
            assert figures[f"pixels_{name}"] == pytest.approx(pixels, abs=1e-5)
            assert figures[f"frechet_{name}"] == pytest.approx(frechet, abs=1e-5)


@pytest.mark.slow
def test_the_figures_of_votes_that_are_set_by_hand(monkeypatch, networks):
    """Three samples of four images; two classes count only if A and B agree on one sample."""
    truth = np.random.default_rng(0).random((4, 28, 28, 1), "float32")
    labels = np.array([0, 1, 2, 3])
    votes = {"a": [[0, 1, 2, 3], [0, 7, 2, 8], [9, 1, 2, 3]],
             "b": [[0, 1, 2, 3], [0, 7, 5, 3], [9, 1, 5, 8]],
             "extra": [[0, 1, 4, 3]]}
    seen = iter([votes["a"], votes["b"], votes["extra"]])
    monkeypatch.setattr(lesson08.datasets, "mnist",
                        lambda: lesson08.datasets.Split(*[None] * 4, truth, labels))
    monkeypatch.setattr(lesson08.flow, "sample",
                        lambda model, low_res, guess, count, steps: np.stack([truth] * count))
    monkeypatch.setattr(uncertainty, "classify_samples", lambda *_: np.array(next(seen)))
    figures = lesson08.measure_samples(None, networks, count=3)
    assert figures["two_classes"] == 0.5  # 0 or 9, and 1 or 7
    assert figures["accuracy_a"] == 1 and figures["accuracy_b"] == 1
    # By A, three images have 2 of 3 votes for the winner, and one has 3 of 3.
    assert figures["reliability"] == [
        [pytest.approx(2 / 3), 1.0, 1.0, 3], [1.0, 1.0, 0.0, 1]]
    assert figures["calibration_error"] == pytest.approx(3 * (1 / 3) / 4)
    assert figures["calibration_error_ideal"] == pytest.approx((3 * (1 / 3) + 1) / 4)
