"""Pictures keep their pixels, their text and their size."""

import io

import numpy as np
import pytest
from PIL import Image

from shared import figures


@pytest.fixture
def shown(monkeypatch):
    """Runs what shows one picture; gives the picture, its alternative text and its width."""

    def shown(draw):
        seen = []
        monkeypatch.setattr(figures, "display", seen.append)
        draw()
        (image,) = seen
        return Image.open(io.BytesIO(image.data)), image.metadata["alt"], image.width

    return shown


def test_a_figure_carries_its_alternative_text_and_is_shown_smaller_than_stored(shown):
    figure = figures.panels({"row": np.zeros((3, 7, 7))})
    picture, alt, width = shown(lambda: figures.show(figure, "three black squares"))
    assert alt == "three black squares"
    assert width == pytest.approx(picture.width * 100 / figures.DPI, abs=1)


@pytest.mark.parametrize("cmap, mode", [("gray", "L"), ("magma", "P")])
def test_a_figure_is_stored_in_greys_or_in_256_colours_as_it_was_drawn(cmap, mode):
    ramp = np.linspace(0, 1, 300).reshape(1, 15, 20)
    figure = figures.panels({"ramp": ramp}, {"ramp": ["a title"]}, cmaps={"ramp": cmap})
    with io.BytesIO() as file:
        figure.savefig(file, dpi=figures.DPI, bbox_inches="tight", pad_inches=0.08,
                       facecolor="white")
        drawn = np.asarray(Image.open(file).convert("RGB"), int)
    data, width = figures.packed(figure)
    picture = Image.open(io.BytesIO(data))
    assert picture.mode == mode and picture.width == width
    off = np.abs(np.asarray(picture.convert("RGB"), int) - drawn)
    assert off.max() == 0 if mode == "L" else 0 < off.mean() < 1


def test_a_row_may_have_another_resolution_and_fewer_images():
    rows = {"7x7": np.zeros((3, 7, 7, 1)), "28x28": np.ones((2, 28, 28, 1))}
    figure = figures.panels(rows, {"28x28": ["a", "b"]})
    drawn = [axis.get_images() for axis in figure.axes]
    assert [len(images) for images in drawn] == [1, 1, 1, 1, 1, 0]
    assert drawn[0][0].get_array().shape == (7, 7) and drawn[3][0].get_array().shape == (28, 28)
    assert drawn[0][0].get_clim() == drawn[3][0].get_clim() == (0, 1)
    figures.plt.close(figure)


def test_a_poster_holds_every_pixel_in_64_greys(shown):
    images = (np.arange(6)[:, None, None, None] * np.ones((6, 5, 4, 1))) / 5
    picture, alt, width = shown(lambda: figures.poster(images, 3, "six grey tiles", width=300))
    pixels = np.asarray(picture.convert("L"))
    assert pixels.shape == (10, 12) and (alt, width) == ("six grey tiles", 300)
    tiles = pixels.reshape(2, 5, 3, 4)
    for number in range(6):
        tile = tiles[number // 3, :, number % 3]
        assert (tile == round(round(number / 5 * 63) * 255 / 63)).all()


def test_photographs_stand_side_by_side_small_ones_pixel_by_pixel(shown):
    large = np.full((32, 48, 3), 60, "uint8")
    small = np.zeros((16, 24, 3), "uint8")
    small[8:] = 200
    picture, alt, width = shown(lambda: figures.photographs(
        [large, small, large], "two grey tiles, one half white", columns=2))
    assert (alt, picture.format) == ("two grey tiles, one half white", "JPEG")
    assert picture.size == (2 * 48 + 8, 2 * 32 + 8) and width == picture.width
    tiles = np.asarray(picture).astype(int)
    for part, grey in ((tiles[4:28, 4:44], 60), (tiles[20:28, 60:100], 200),
                       (tiles[4:12, 60:100], 0), (tiles[44:68, 60:100], 255)):
        np.testing.assert_allclose(part, grey, atol=12)  # the last: an empty place is white


def test_photographs_with_names_leave_room_to_write_them(shown):
    tile = np.full((40, 90, 3), 255, "uint8")
    plain, *_ = shown(lambda: figures.photographs([tile], "one white tile", columns=1))
    named, *_ = shown(lambda: figures.photographs({"name": tile}, "one white tile", columns=1))
    assert named.height > plain.height and named.width == plain.width
    assert np.asarray(plain).min() > 240 and np.asarray(named).min() < 100


def test_bars_write_their_numbers():
    figure = figures.bars({"one": 1.0, "two": 2.25}, "dB", "digit")
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.texts] == ["1.00", "2.25"]
    assert axis.get_xlabel() == "digit" and axis.get_ylabel() == "dB"
    figures.plt.close(figure)


def test_curves_name_their_lines():
    figure = figures.curves({"a": [1, 2], "b": [3, 4]}, "epoch", "dB")
    (axis,) = figure.axes
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["a", "b"]
    figures.plt.close(figure)


def test_planes_name_their_points_and_lines():
    points = {"near": (1.0, 2.0), "far": (30.0, 0.5), "way": ([1, 2, 30], [2, 1, 0.5])}
    points["out"] = (99.0, 44.0)
    figure = figures.planes({"left": points, "right": points}, "error", beyond=("out",))
    for axis in figure.axes:
        assert [text.get_text() for text in axis.texts] == ["near", "far", "out: 99, 44"]
        assert axis.get_xlim()[1] < 99 and axis.get_ylim()[1] < 44
        assert [text.get_text() for text in axis.get_legend().get_texts()] == ["way"]
        assert axis.get_ylim()[0] == 0
    assert [axis.get_ylabel() for axis in figure.axes] == ["left", "right"]
    figures.plt.close(figure)


@pytest.mark.parametrize("size, sides, dots", [
    (0.95, {28}, 168), (0.95, {7, 28}, 168), (1.7, {28, 112}, 448), (1.2, {7, 28, 112}, 224),
    (2.0, {7, 28, 112, 448}, 448), (0.3, {448}, 60), (1.0, {96, 97}, 200)])
def test_panels_are_as_long_as_a_whole_number_of_pixels(size, sides, dots):
    # At 100 dots an inch, as the page shows it, half as many: 168 are 84, three for each of 28.
    assert round(figures.whole_pixels(size, sides) * figures.DPI) == dots


def test_every_pixel_of_a_panel_is_drawn_alike(shown):
    image = np.indices((28, 28)).sum(axis=0) % 2
    picture, _, _ = shown(lambda: figures.show(figures.panels({"": [image, 1 - image]}),
                                               "two chess boards of 28 by 28"))
    pixels = np.asarray(picture.convert("L"))
    row = pixels[np.flatnonzero((pixels < 128).any(axis=1))[3]]
    lengths = np.diff(np.flatnonzero(np.diff((row > 128).astype(int))))
    assert np.bincount(lengths).argmax() == 6 and (lengths == 6).sum() >= 50
