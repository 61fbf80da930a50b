"""Figures have the right size, an alternative text and a caption; diagrams have real text."""

import io
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from shared.drawing import diagrams, page, panels

SVG = "{http://www.w3.org/2000/svg}"


def chart(width=4.0):
    figure, axis = plt.subplots(figsize=(width, 2))
    axis.plot([1, 2, 3])
    return figure


def test_a_figure_carries_its_alternative_text_and_is_shown_at_half_its_size(shown):
    page.show(chart(), "a rising line")
    (image,) = shown
    assert image.metadata["alt"] == "a rising line"
    assert page.DPI == 2 * page.PER_INCH
    assert image.width == pytest.approx(shown.picture.width / 2, abs=1)


def test_a_caption_is_an_output_of_its_own_and_the_same_in_plain_text(shown):
    page.show(chart(), "a rising line", "The line rises: 1 < 2 & 2 < 3.")
    _, caption = shown
    assert caption["text/plain"] == "The line rises: 1 < 2 & 2 < 3."
    paragraph = ElementTree.fromstring(caption["text/html"])
    assert paragraph.text == caption["text/plain"]
    assert paragraph.get("class") == "figure-caption"
    assert "color" not in paragraph.get("style")  # light or dark as the page


def test_without_a_caption_there_is_one_output(shown):
    page.show(chart(), "a rising line")
    assert len(shown) == 1


def test_no_figure_is_wider_than_900_pixels(shown):
    page.show(chart(width=14.0), "a long line")
    (image,) = shown
    assert 890 <= image.width <= page.WIDTH == 900
    assert shown.picture.width <= 1800


def test_figures_are_closed(shown):
    page.show(chart(), "a rising line")
    page.show(diagrams.projection(), "a projection")
    assert plt.get_fignums() == []


@pytest.mark.parametrize("kind, mode, loss", [
    ("gray", "L", 0), ("magma", "RGB", 0), ("marked", "P", page.INVISIBLE), ("chart", "P", 1)])
def test_images_are_stored_without_visible_loss_and_charts_in_256_colours(kind, mode, loss):
    if kind == "chart":
        figure = chart()
        figure.axes[0].scatter(np.arange(300), np.arange(300), c=np.arange(300), cmap="magma")
    else:
        ramp = np.linspace(0, 1, 300).reshape(1, 15, 20)
        wrong = {"ramp": [kind == "marked"]}
        figure = panels.panels({"ramp": ramp}, {"ramp": ["a title"]}, size=4, wrong=wrong)
        if kind == "magma":
            figure.axes[0].images[0].set_cmap(kind)
    drawn = np.asarray(page.drawn(figure), int)
    data, width = page.packed(figure)
    picture = Image.open(io.BytesIO(data))
    assert picture.mode == mode and picture.width == width
    off = np.abs(np.asarray(picture.convert("RGB"), int) - drawn)
    assert off.mean() <= loss


def svg_of(shown, alt="The closest point P(z) of a set, and a truth x in it: <, &."):
    page.show(diagrams.projection(), alt, "Projecting brings an answer closer to the truth.")
    text = shown.of("image/svg+xml")[-1]
    return ElementTree.fromstring(text)


def test_a_diagram_is_read_aloud(shown):
    root = svg_of(shown)
    assert root.get("role") == "img"
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby").split() == [title.get("id"), desc.get("id")]
    assert title.text == "The projection onto a convex set"
    assert desc.text == "The closest point P(z) of a set, and a truth x in it: <, &."
    words = " ".join(text.text for text in root.iter(f"{SVG}text"))
    for part in ("z: a result", "P(z): the closest point", "x: the truth"):
        assert part in words


def test_a_diagram_is_stored_as_png_too_of_the_same_size(shown):
    root = svg_of(shown)
    assert int(root.get("width")) == pytest.approx(shown.diagram.width / 2, abs=2)
    assert int(root.get("height")) == pytest.approx(shown.diagram.height / 2, abs=2)
    assert int(root.get("width")) <= 900


def test_a_diagram_is_the_same_each_time_and_asks_for_nothing(shown):
    svg_of(shown)
    svg_of(shown)
    first, second = shown.of("image/svg+xml")
    assert first == second
    assert "http" not in first.replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1999/xlink", "")


def test_ids_of_two_diagrams_differ(shown):
    page.show(diagrams.projection(), "one")
    page.show(diagrams.pixel_shuffle(), "two")
    ids = [{node.get("id") for node in ElementTree.fromstring(text).iter() if node.get("id")}
           for text in shown.of("image/svg+xml")]
    assert ids[0] and ids[1] and not ids[0] & ids[1]


def test_every_colour_of_a_diagram_has_one_for_dark_pages(shown):
    root = svg_of(shown)
    used = set()
    for node in root.iter():
        for part in (node.get("style") or "").split(";"):
            kind, _, value = part.strip().partition(": ")
            if kind in ("fill", "stroke") and value.startswith("#"):
                used.add(value)
    assert used and used <= set(page.DARK)
    assert "prefers-color-scheme: dark" in root.find(f"{SVG}style").text
