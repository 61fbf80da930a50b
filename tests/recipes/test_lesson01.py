"""The upscalers of lessons 01 and 02: shifted images to learn from, and their test figures."""

import keras
import numpy as np
import pytest

from shared import recipes
from shared.data import datasets
from shared.images.degrade import block_mean, project
from shared.measures import metrics
from shared.recipes import lesson01


@pytest.mark.parametrize("name", ["baseline", "fashion"])
def test_the_targets_are_training_images_shifted_by_at_most_one_pixel(
        name, digits, clothes, monkeypatch):
    splits = {"mnist": digits, "fashion_mnist": clothes}
    monkeypatch.setattr(datasets, "_split", lambda name, first: splits[name])
    batches = recipes.recipe(name).batches({})
    images = batches.arrays[0][:100]
    low_res, targets = batches.make(images, np.random.default_rng(0))
    np.testing.assert_array_equal(low_res, block_mean(targets, 4))
    steps = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    shifts = {next(step for step in steps if np.array_equal(np.roll(image, step, (0, 1)), target))
              for image, target in zip(images, targets, strict=True)}
    assert shifts == set(steps)


def test_the_upscaler_is_the_network_of_lesson_01():
    """64 channels in eight blocks: seventeen convolutions of 64 to 64, and one in and one out."""
    kernels = [weights.shape for weights in lesson01.upscaler("any").get_weights()
               if weights.ndim == 4]
    assert kernels == [(3, 3, 1, 64), *17 * [(3, 3, 64, 64)], (3, 3, 64, 16)]


@pytest.fixture
def brighter():
    """An upscaler whose output is known: each pixel repeated, and 0.1 brighter."""
    low_res = keras.Input((None, None, 1))
    large = keras.layers.UpSampling2D(4)(low_res)
    return keras.Model(low_res, keras.layers.Rescaling(1.0, 0.1)(large))


def test_the_figures_are_of_clipped_answers_and_of_projected_ones(brighter, digits):
    truth = digits.x_test[:50]
    figures = lesson01.measure_upscaler(truth, brighter)
    low_res = block_mean(truth, 4)
    repeated = low_res.repeat(4, axis=1).repeat(4, axis=2)
    clipped = np.clip(repeated + np.float32(0.1), 0, 1)

    def psnr(images):
        return (10 * np.log10(1 / ((images - truth) ** 2).mean(axis=(1, 2, 3)))).mean()

    assert figures["psnr_clipped"] == pytest.approx(psnr(clipped), abs=1e-3)
    projected = project(clipped, low_res)
    assert figures["psnr"] == pytest.approx(psnr(projected), abs=1e-3)
    assert figures["psnr"] > figures["psnr_clipped"] + 0.5
    assert figures["ssim"] == pytest.approx(metrics.ssim(truth, projected).mean(), abs=1e-4)
    assert set(figures) == {"psnr_clipped", "psnr", "ssim"}


@pytest.mark.parametrize("name", ["baseline", "fashion"])
def test_each_is_measured_on_its_own_test_images(name, brighter, digits, clothes, monkeypatch):
    splits = {"mnist": digits, "fashion_mnist": clothes}
    small = {key: split._replace(x_test=split.x_test[:20]) for key, split in splits.items()}
    monkeypatch.setattr(datasets, "_split", lambda name, first: small[name])
    truth = small["mnist" if name == "baseline" else "fashion_mnist"].x_test
    assert recipes.recipe(name).measure(brighter, {}) == lesson01.measure_upscaler(truth, brighter)


def test_a_perfect_network_would_have_a_perfect_score(digits):
    """The oracle returns the truth, whatever it is asked."""
    truth = digits.x_test[:4]

    class Oracle(keras.Model):
        def call(self, low_res):
            return keras.ops.convert_to_tensor(truth)

    figures = lesson01.measure_upscaler(truth, Oracle())
    assert figures["ssim"] == pytest.approx(1, abs=1e-4) and figures["psnr"] > 60


def test_fashion_has_the_shape_of_baseline():
    shapes = [[weights.shape for weights in recipes.recipe(name).build({}).get_weights()]
              for name in ("baseline", "fashion")]
    assert shapes[0] == shapes[1]
