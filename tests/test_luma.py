"""Luma, colour and PSNR-Y against closed forms, and against the papers' bicubic on Set5."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared import luma, resize

SET5 = Path(__file__).resolve().parents[2] / "shared" / "benchmarks" / "Set5"


@pytest.mark.parametrize("rgb, ycbcr", [
    ((0, 0, 0), (16, 128, 128)), ((255, 255, 255), (235, 128, 128)),
    ((255, 0, 0), (81.481, 90.203, 240)), ((0, 255, 0), (144.553, 53.797, 34.214)),
    ((0, 0, 255), (40.966, 240, 109.786)), ((100, 100, 100), (16 + 219 * 100 / 255, 128, 128))])
def test_colours_have_the_values_of_the_standard(rgb, ycbcr):
    np.testing.assert_allclose(luma.to_ycbcr(np.array([rgb], "uint8"))[0], ycbcr, atol=1e-3)


def test_back_to_rgb_undoes_it():
    rgb = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype="uint8")
    np.testing.assert_array_equal(luma.rounded(luma.to_rgb(luma.to_ycbcr(rgb))), rgb)


def test_luma_is_rounded_to_eight_bits():
    found = luma.luma(np.array([[[255, 0, 0], [0, 255, 0]]], "uint8"))
    assert found.dtype == np.uint8
    assert found[..., 0].tolist() == [[81, 145]]


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (1, 4, 4, 3)])
def test_a_picture_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        luma.luma(np.zeros(shape, "uint8"))


@pytest.mark.parametrize("off", [1, 5, 20])
def test_psnr_of_an_even_error_is_the_closed_form(off):
    truth = np.full((20, 24, 1), 100, "uint8")
    assert luma.psnr_y(truth, truth + np.uint8(off)) == pytest.approx(
        20 * np.log10(255 / off), abs=1e-4)


def test_the_image_is_rounded_before_it_is_measured():
    truth = np.full((20, 24, 1), 100, "uint8")
    assert luma.psnr_y(truth, truth + 1.4) == pytest.approx(20 * np.log10(255), abs=1e-4)


@pytest.mark.parametrize("scale", [2, 4])
def test_only_the_border_is_left_out(scale):
    truth = np.full((24, 24, 1), 100, "uint8")
    image = truth + np.uint8(1)
    image[:scale] = image[:, -scale:] = 250
    assert luma.psnr_y(truth, image, scale) == pytest.approx(20 * np.log10(255), abs=1e-4)
    image[scale, scale] = 250
    assert luma.psnr_y(truth, image, scale) < 20 * np.log10(255) - 1


def test_ssim_of_a_picture_with_itself_is_one():
    truth = np.random.default_rng(0).integers(0, 256, (30, 32, 3), dtype="uint8")
    assert luma.ssim_y(truth, truth) == pytest.approx(1, abs=1e-6)


def test_pictures_of_two_sizes_are_not_compared():
    with pytest.raises(ValueError, match="one size"):
        luma.psnr_y(np.zeros((20, 20, 1), "uint8"), np.zeros((20, 22, 1), "uint8"))


def test_reducing_keeps_an_even_grey_and_cuts_the_odd_row():
    low_res = luma.reduce(np.full((21, 25, 3), 77, "uint8"))
    assert low_res.shape == (10, 12, 3) and low_res.dtype == np.uint8
    assert (low_res == 77).all()
    with pytest.raises(ValueError, match="no pixel left"):
        luma.reduce(np.zeros((1, 5, 3), "uint8"))


@pytest.mark.skipif(not SET5.is_dir(), reason="the benchmark Set5 is not beside the project")
def test_bicubic_on_set5_is_that_of_the_papers():
    """Papers have 33.66; 33.65 comes from these files and this antialiased bicubic."""
    scores = []
    for path in sorted(SET5.glob("*HR.png")):
        truth = luma.luma(np.asarray(Image.open(path).convert("RGB")))
        truth = luma.crop(truth)
        image = resize.resize(luma.reduce(truth)[None].astype("float32"), truth.shape[:2])[0]
        scores.append(luma.psnr_y(truth, image))
    assert len(scores) == 5
    assert np.mean(scores) == pytest.approx(33.65, abs=0.01)
