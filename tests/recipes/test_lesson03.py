"""The recipes of lesson 03: what the drawings are damaged by, and how the networks are measured."""

import keras
import numpy as np
import pytest
from scipy import ndimage

from shared import recipes
from shared.data import datasets, drawings
from shared.images.degrade import block_mean, project
from shared.measures import metrics
from shared.recipes import lesson03

CROPS = 200


@pytest.fixture(autouse=True)
def few_drawings(monkeypatch, digits):
    """No drawings have to be drawn: the tests call ``make`` with pictures of their own."""
    monkeypatch.setattr(datasets, "_split", lambda name, first: digits)
    monkeypatch.setattr(drawings, "training_drawings",
                        lambda n, digits: np.full((40, 112, 112, 1), 255, "uint8"))


def crops(name, picture):
    """Inputs and targets that the recipe makes of ``CROPS`` copies of ``picture`` (64, 64)."""
    batches = recipes.recipe(name).batches({})
    pictures = np.broadcast_to(picture[None, :, :, None].astype("uint8"), (CROPS, 64, 64, 1))
    return batches.make(pictures, np.random.default_rng(0))


def grey():
    return np.full((64, 64), 128)


def edge():
    """The left half white; the edge lies between two blocks however the picture is turned."""
    return np.where(np.arange(64) < 32, 255, 0)[None].repeat(64, axis=0)


@pytest.mark.parametrize("picture", [grey(), edge()], ids=["grey", "edge"])
def test_hd_learns_from_exact_block_means_of_pictures_as_they_are(picture):
    low_res, truth = crops("hd", picture)
    np.testing.assert_allclose(low_res, block_mean(truth, 4), atol=1e-6)
    np.testing.assert_allclose(truth.max(axis=(1, 2, 3)), picture.max() / 255, atol=1e-6)


def test_hd_blind_learns_from_pictures_darkened_by_up_to_a_fifth():
    _, truth = crops("hd_blind", edge())
    white = truth.max(axis=(1, 2, 3))
    assert 0.8 <= white.min() < 0.83 and 0.97 < white.max() <= 1
    assert np.all(truth.min(axis=(1, 2, 3)) == 0)


def test_hd_blind_learns_from_inputs_blurred_by_up_to_three_pixels():
    """The sharp truth is black beside the edge, and the blurred input is not."""
    low_res, truth = crops("hd_blind", edge())
    beside = np.zeros((CROPS, 16, 16), bool)
    for place, black in zip(beside, block_mean(truth, 4)[..., 0] == 0, strict=True):
        place[:] = black & ndimage.binary_dilation(~black)
    assert np.all(beside.sum(axis=(1, 2)) == 16)
    light = np.array([image[place].mean() for image, place in
                      zip(low_res[..., 0], beside, strict=True)]) / truth.max(axis=(1, 2, 3))
    # What a Gaussian of 3 pixels spreads onto the first four pixels beside an edge.
    from_three = np.mean([0.434, 0.309, 0.202, 0.122])
    assert from_three - 0.04 < np.quantile(light, 0.99) < from_three + 0.04
    assert np.quantile(light, 0.01) < 0.03  # some are hardly blurred


def test_hd_blind_learns_from_inputs_with_noise_on_grey_of_up_to_a_fifth():
    low_res, truth = crops("hd_blind", grey())
    mean = block_mean(truth, 4)  # blur leaves a picture of one grey as it is
    noise = (low_res - mean).std(axis=(1, 2, 3)) / (4 * mean * (1 - mean))[:, 0, 0, 0]
    assert 0.18 < np.quantile(noise, 0.99) < 0.22
    assert noise.min() < 0.02
    np.testing.assert_allclose(low_res.mean(axis=(1, 2, 3)), mean[:, 0, 0, 0], atol=0.05)


def test_hd_blind_does_not_see_the_crops_of_hd_in_the_same_order():
    first, second = (recipes.recipe(name).batches({}) for name in ("hd", "hd_blind"))
    assert first.seed != second.seed


@pytest.mark.parametrize("name, start", [("hd", "baseline"), ("hd_blind", "hd")])
def test_each_network_continues_from_the_weights_of_the_one_before(name, start):
    recipe = recipes.recipe(name)
    assert recipe.needs == (start,)
    trained = recipes.lesson01.upscaler(start)
    network = recipe.new_network({start: trained})
    assert network.name == name
    for found, wanted in zip(network.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_sharp_digits_of_fonts_are_projected_and_blurred_ones_are_not(monkeypatch):
    truth = np.zeros((3, 112, 112, 1), "float32")
    truth[:, 31:80, 41:72] = 1
    monkeypatch.setattr(drawings, "font_digits", lambda: (truth, np.arange(3)))
    low_res = keras.Input((None, None, 1))
    large = keras.layers.UpSampling2D(4)(low_res)
    brighter = keras.Model(low_res, keras.layers.Rescaling(1.0, 0.1)(large))
    figures = lesson03.measure_hd(brighter)

    def answer(blurred):
        small = block_mean(blurred, 4)
        return small, np.clip(small.repeat(4, axis=1).repeat(4, axis=2) + np.float32(0.1), 0, 1)

    def psnr(images):
        return (10 * np.log10(1 / ((images - truth) ** 2).mean(axis=(1, 2, 3)))).mean()

    small, sharp = answer(truth)
    _, deblurred = answer(np.stack([ndimage.gaussian_filter(image, (2, 2, 0)) for image in truth]))
    assert figures["psnr"] == pytest.approx(psnr(project(sharp, small)), abs=1e-3)
    assert figures["ssim"] == pytest.approx(metrics.ssim(truth, project(sharp, small)).mean(),
                                            abs=1e-4)
    assert figures["psnr_blurred"] == pytest.approx(psnr(deblurred), abs=1e-3)
    assert figures["psnr"] > psnr(sharp) + 1  # projection matters here
