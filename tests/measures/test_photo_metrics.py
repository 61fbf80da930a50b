"""PSNR-Y and SSIM-Y of photographs: closed forms, scikit-image, and the papers' bicubic on Set5."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr
from skimage.metrics import structural_similarity

from shared.data import photos
from shared.images import luma, resize
from shared.measures import metrics


@pytest.mark.parametrize("off", [1, 5, 20])
def test_psnr_y_of_an_even_error_is_the_closed_form(off):
    truth = np.full((20, 24, 1), 100, "uint8")
    assert metrics.psnr_y(truth, truth + np.uint8(off)) == pytest.approx(
        20 * np.log10(255 / off), abs=1e-4)


def test_the_image_is_rounded_before_it_is_measured():
    truth = np.full((20, 24, 1), 100, "uint8")
    assert metrics.psnr_y(truth, truth + 1.4) == pytest.approx(20 * np.log10(255), abs=1e-4)


@pytest.mark.parametrize("scale", [2, 4])
def test_psnr_y_leaves_out_the_border_and_nothing_else(scale):
    truth = np.full((24, 24, 1), 100, "uint8")
    image = truth + np.uint8(1)
    image[:scale] = image[:, -scale:] = 250
    assert metrics.psnr_y(truth, image, scale) == pytest.approx(20 * np.log10(255), abs=1e-4)
    image[scale, scale] = 250
    assert metrics.psnr_y(truth, image, scale) < 20 * np.log10(255) - 1


def test_ssim_y_of_a_picture_with_itself_is_one():
    truth = np.random.default_rng(0).integers(0, 256, (30, 32, 3), dtype="uint8")
    assert metrics.ssim_y(truth, truth) == pytest.approx(1, abs=1e-6)


def test_pictures_of_two_sizes_are_not_compared():
    with pytest.raises(ValueError, match="one size"):
        metrics.psnr_y(np.zeros((20, 20, 1), "uint8"), np.zeros((20, 22, 1), "uint8"))


@pytest.mark.parametrize("scale", [2, 3])
def test_ssim_y_is_that_of_scikit_image_on_luma_without_the_border(scale):
    rng = np.random.default_rng(3)
    truth = rng.integers(60, 190, (42, 48, 3), dtype="uint8")
    image = np.clip(truth + rng.normal(0, 20, truth.shape), 0, 255).astype("uint8")
    image[:scale] = image[:, -scale:] = 255  # only where it must not count
    inside = slice(scale, -scale)
    pair = [np.rint(rgb2ycbcr(picture / 255)[inside, inside, 0]) for picture in (truth, image)]
    wanted = structural_similarity(*pair, data_range=255, gaussian_weights=True, sigma=1.5,
                                   use_sample_covariance=False)
    assert metrics.ssim_y(truth, image, scale) == pytest.approx(wanted, abs=1e-4)


def test_bicubic_on_set5_scores_what_the_papers_report():
    """Papers report 33.66; this antialiased bicubic gives 33.65."""
    pictures = photos.set5()
    if pictures is None:
        pytest.skip("ZOOM_SET5 names no folder with the pictures of Set5")
    scores = []
    for picture in pictures:
        truth = luma.crop_to_multiple(luma.luma(picture))
        image = resize.resize(luma.reduce(truth)[None].astype("float32"), truth.shape[:2])[0]
        scores.append(metrics.psnr_y(truth, image))
    assert np.mean(scores) == pytest.approx(33.65, abs=0.01)
