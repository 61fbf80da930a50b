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


def test_a_row_may_have_another_resolution_and_fewer_images():
    rows = {"7x7": np.zeros((3, 7, 7, 1)), "28x28": np.ones((2, 28, 28, 1))}
    figure = figures.panels(rows, {"28x28": ["a", "b"]})
    drawn = [axis.get_images() for axis in figure.axes]
    assert [len(images) for images in drawn] == [1, 1, 1, 1, 1, 0]
    assert drawn[0][0].get_array().shape == (7, 7) and drawn[3][0].get_array().shape == (28, 28)
    assert drawn[0][0].get_clim() == drawn[3][0].get_clim() == (0, 1)
    figures.plt.close(figure)


def test_a_poster_holds_every_pixel(shown):
    images = (np.arange(6)[:, None, None, None] * np.ones((6, 5, 4, 1))) / 5
    picture, alt, width = shown(lambda: figures.poster(images, 3, "six grey tiles", width=300))
    pixels = np.asarray(picture.convert("L"))
    assert pixels.shape == (10, 12) and (alt, width) == ("six grey tiles", 300)
    tiles = pixels.reshape(2, 5, 3, 4)
    for number in range(6):
        tile = tiles[number // 3, :, number % 3]
        assert (tile == round(number * 51)).all()


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
