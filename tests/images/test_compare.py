"""Comparisons: what is where in the picture, and that the page needs nothing else."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from shared.images import compare


@pytest.mark.parametrize("dtype, channels", [("uint8", 3), ("uint8", 4), ("uint16", 3)])
def test_the_two_pictures_are_unchanged_under_their_names(dtype, channels):
    white = np.iinfo(dtype).max
    left, right = np.full((2, 60, 80, channels), [[[[9]]], [[[white - 9]]]], dtype)
    both = compare.side_by_side(left, right, ("bicubic", "zoom"), gap=8)
    assert both.dtype == left.dtype and both.shape[1::-1] == compare.size(80, 60, gap=8)
    np.testing.assert_array_equal(both[-60:, :80], left)
    np.testing.assert_array_equal(both[-60:, 88:], right)
    assert (both[-60:, 80:88] == white).all()
    strip = both[:-60]
    assert (strip[..., 3:] == white).all()
    ink = (strip[..., 0] < white / 2).any(axis=0)
    assert ink[10:70].any() and ink[98:158].any() and not ink[70:98].any()
    assert ink[:80].sum() > ink[88:].sum()  # "bicubic" is longer than "zoom"


@pytest.mark.parametrize("width", [1, 4, 30, 5000])
def test_a_comparison_of_any_width_has_room_for_its_names(width):
    pixels = np.zeros((3, width, 3), "uint8")
    both = compare.side_by_side(pixels, pixels, ("bicubic", "zoom"))
    assert both.shape[1::-1] == compare.size(width, 3)
    if width >= 30:
        assert both[:-3, :width].min() < 160


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_the_page_holds_both_pictures_and_asks_for_nothing():
    page = compare.page("a <b> & \"c\".jpg", b"left", b"right", ("bicubic", "zoom"), "png")
    tags = Tags(page)
    images = [attributes for tag, attributes in tags.tags if tag == "img"]
    assert [image["alt"] for image in images] == [
        "a <b> & \"c\".jpg, enlarged by bicubic", "a <b> & \"c\".jpg, enlarged by zoom"]
    assert [base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
            for image in images] == [b"left", b"right"]
    assert "b" not in [tag for tag, _ in tags.tags] and "bicubic" in tags.text
    addresses = [value for _, attributes in tags.tags for name, value in attributes.items()
                 if name in ("src", "href", "action", "srcset", "poster", "data")]
    assert all(value.startswith("data:") for value in addresses)
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttp|WebSocket", page)
    assert "default-src 'none'" in page


def test_the_slider_of_the_page_is_for_the_keyboard_too():
    tags = Tags(compare.page("a", b"", b"", ("bicubic", "zoom"), "png")).tags
    slider, = [attributes for tag, attributes in tags if attributes.get("type") == "range"]
    assert "bicubic" in slider["aria-label"]
    assert ("html", {"lang": "en"}) in tags
