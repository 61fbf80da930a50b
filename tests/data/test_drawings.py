"""Drawings have the areas that geometry predicts, and they are the same each time."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from shared.data import drawings
from shared.images.degrade import block_mean


def circle(radius, centre=(56.0, 56.0), points=400):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + centre


def area(shapes):
    return drawings.draw(shapes).astype("float64").sum() / 255


def test_a_square_covers_its_pixels_and_no_others():
    image = drawings.draw([[np.array([[10, 20], [30, 20], [30, 50], [10, 50]], float)]])
    assert image.shape == (112, 112) and image.dtype == np.uint8
    assert (image[20:50, 10:30] == 255).all()
    outside = image.astype(float)
    outside[20:50, 10:30] = 0
    assert outside.max() <= 1 + 255 / 8 and not outside[:19].any() and not outside[:, 31:].any()


def test_an_edge_through_a_pixel_makes_it_grey():
    image = drawings.draw([[np.array([[0, 0], [40.5, 0], [40.5, 112], [0, 112]], float)]])
    assert abs(int(image[50, 40]) - 128) <= 20


@pytest.mark.parametrize("radius", [4.0, 15.0, 40.0])
def test_a_circle_has_the_area_of_a_circle(radius):
    assert area([[circle(radius)]]) == pytest.approx(np.pi * radius**2, abs=2 * np.pi * radius / 12)


def test_a_hole_is_black_and_shapes_on_top_of_each_other_unite():
    assert area([[circle(40), circle(20)]]) == pytest.approx(np.pi * 1200, rel=0.02)
    assert area([[circle(40)], [circle(20)]]) == pytest.approx(np.pi * 1600, rel=0.02)


def test_a_pen_stroke_has_length_times_width_and_round_ends():
    path = np.stack([np.linspace(30, 80, 20), np.full(20, 56.0)], axis=1)
    assert area(drawings.pen(path, np.full(20, 10.0), False)) == pytest.approx(500, rel=0.05)
    assert area(drawings.pen(path, np.full(20, 10.0))) == pytest.approx(500 + np.pi * 25, rel=0.05)


def test_a_spline_goes_through_its_points():
    points = np.array([[10, 10], [50, 80], [90, 20], [60, 40]], float)
    curve = drawings.spline(points, samples=2000)
    distance = np.linalg.norm(curve[:, None] - points, axis=2).min(axis=0)
    assert distance.max() < 0.2


def test_a_traced_digit_averaged_down_is_nearly_the_digit(digits):
    for digit in digits.x_train[:20]:
        again = drawings.draw(drawings.trace(digit[..., 0], smooth=1.0))[None, ..., None] / 255
        low = block_mean(again.astype("float32"), 4)[0]
        assert peak_signal_noise_ratio(digit, low, data_range=1) > 18


def test_an_empty_picture_has_no_outline():
    assert drawings.trace(np.zeros((28, 28))) == []


def test_training_pictures_are_the_same_each_time_and_never_empty(digits):
    train = digits.x_train[:50]
    pictures = drawings.training_drawings(40, train, seed=3)
    assert pictures.shape == (40, 112, 112, 1) and pictures.dtype == np.uint8
    assert (pictures.max(axis=(1, 2, 3)) > 0).all()
    np.testing.assert_array_equal(pictures[:5], drawings.training_drawings(5, train, seed=3))
    assert (pictures[:5] != drawings.training_drawings(5, train, seed=4)).any()


def test_font_digits_are_drawn_as_in_mnist():
    images, labels = drawings.font_digits()
    assert images.shape == (480, 112, 112, 1) and images.dtype == np.float32
    assert labels.tolist() == list(range(10)) * 48
    assert images.min() == 0 and images.max() == 1
    rows, columns = (np.arange(112) + 0.5,) * 2
    for image in images[::7, ..., 0]:
        ink = image > 0.5
        sides = [np.flatnonzero(ink.any(axis=axis)) for axis in (0, 1)]
        assert max(np.ptp(side) + 1 for side in sides) == pytest.approx(80, abs=1.5)
        mass = image.sum()
        assert (image.sum(axis=1) @ rows / mass, image.sum(axis=0) @ columns / mass) \
            == pytest.approx((56, 56), abs=0.15)


def test_a_large_drawing_of_a_digit_is_the_small_one_with_more_pixels():
    outlines = drawings.glyph("DejaVuSerif", "8")
    small, large = (drawings.as_mnist(outlines, side)[None, ..., None] / 255
                    for side in (112, 448))
    assert large.shape == (1, 448, 448, 1)
    # Edges are right to within an eighth of a pixel, which is more in the small one.
    assert np.abs(block_mean(large, 4) - small).mean() < 0.005
