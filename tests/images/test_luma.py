"""Luma and colour compared with closed forms and with scikit-image."""

import numpy as np
import pytest
from skimage.color import rgb2ycbcr

from shared.images import degrade, luma


@pytest.mark.parametrize("rgb, ycbcr", [
    ((0, 0, 0), (16, 128, 128)), ((255, 255, 255), (235, 128, 128)),
    ((255, 0, 0), (81.481, 90.203, 240)), ((0, 255, 0), (144.553, 53.797, 34.214)),
    ((0, 0, 255), (40.966, 240, 109.786)), ((100, 100, 100), (16 + 219 * 100 / 255, 128, 128))])
def test_colours_have_the_values_of_the_standard(rgb, ycbcr):
    np.testing.assert_allclose(luma.to_ycbcr(np.array([rgb], "uint8"))[0], ycbcr, atol=1e-3)


def test_the_conversion_is_that_of_scikit_image():
    rgb = np.random.default_rng(1).integers(0, 256, (30, 40, 3), dtype="uint8")
    np.testing.assert_allclose(luma.to_ycbcr(rgb), rgb2ycbcr(rgb / 255), atol=1e-3)


def test_the_conversion_back_to_rgb_is_the_inverse():
    rgb = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype="uint8")
    np.testing.assert_array_equal(luma.rounded(luma.to_rgb(luma.to_ycbcr(rgb))), rgb)


def test_luma_is_rounded_to_eight_bits():
    found = luma.luma(np.array([[[255, 0, 0], [0, 255, 0]]], "uint8"))
    assert found.dtype == np.uint8
    assert found[..., 0].tolist() == [[81, 145]]


def test_a_picture_of_one_channel_is_luma_already_and_is_only_rounded_and_clipped():
    found = luma.luma(np.float32([-3.2, 99.4, 99.6, 300]).reshape(2, 2, 1))
    assert found.dtype == np.uint8 and found.ravel().tolist() == [0, 99, 100, 255]


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 2), (1, 4, 4, 3)])
def test_a_picture_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        luma.luma(np.zeros(shape, "uint8"))


@pytest.mark.parametrize("shape", [(), (4, 4), (4, 4, 1)])
def test_a_conversion_needs_three_channels(shape):
    for convert in (luma.to_ycbcr, luma.to_rgb):
        with pytest.raises(ValueError, match="three channels"):
            convert(np.zeros(shape, "uint8"))


def test_reducing_is_the_antialiased_bicubic_rounded_to_eight_bits():
    image = np.random.default_rng(2).integers(0, 256, (12, 18, 2), dtype="uint8")
    exact = degrade.bicubic_down(image[None].astype("float32"), 3)[0]
    found = luma.reduce(image, 3)
    assert found.dtype == np.uint8
    assert np.abs(found - np.clip(exact, 0, 255)).max() <= 0.501


def test_reducing_keeps_an_even_grey_and_cuts_the_odd_row():
    low_res = luma.reduce(np.full((21, 25, 3), 77, "uint8"))
    assert low_res.shape == (10, 12, 3) and low_res.dtype == np.uint8
    assert (low_res == 77).all()
    with pytest.raises(ValueError, match="no pixel left"):
        luma.reduce(np.zeros((1, 5, 3), "uint8"))
