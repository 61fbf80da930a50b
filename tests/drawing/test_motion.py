"""Animations play three times, fit the page, and tell the whole in their first frame."""

import io

import numpy as np
import pytest
from PIL import Image

from shared.drawing import motion, panels, roles


def growing(count=5, images=1, side=28):
    return {f"t = {number / (count - 1):.2f}": np.full((images, side, side), number / (count - 1))
            for number in range(count)}


def opened(data):
    return Image.open(io.BytesIO(data))


def test_it_is_an_animated_png_that_plays_three_times():
    data, width = motion.animated(growing(), seconds=0.25)
    picture = opened(data)
    assert (picture.format, picture.is_animated, picture.n_frames) == ("PNG", True, 5)
    assert picture.info["loop"] == 3 and picture.width == width
    times = []
    for number in range(5):
        picture.seek(number)
        times.append(picture.info["duration"])
    assert times == [250, 250, 250, 250, 2000]


def test_the_first_frame_is_part_of_the_animation_and_shows_all_stages():
    frames = growing(5)
    data, _ = motion.animated(frames, stages=5)
    picture = opened(data)
    assert not picture.info.get("default_image")
    first = np.asarray(picture.convert("L"))
    for number in range(5):  # a square of this grey stands somewhere below
        grey = round(255 * number / 4)
        assert (first[first.shape[0] // 2:] == grey).sum() > 28 * 28


def test_what_moves_is_drawn_pixel_by_pixel():
    images = np.random.default_rng(0).random((3, 1, 28, 28))
    frames = {str(number): images[number] for number in range(3)}
    data, _ = motion.animated(frames)
    picture = opened(data)
    for number in range(3):
        picture.seek(number)
        pixels = np.asarray(picture.convert("L"))
        top = panels._font_height() + 6 + 2
        tile = pixels[top:top + 448:16, 6:454:16]
        np.testing.assert_array_equal(tile, np.rint(255 * images[number, 0]).astype("uint8"))


def test_what_is_still_stays():
    still = {"7x7": np.full((2, 7, 7), 0.25)}
    picture = opened(motion.animated(growing(4, images=2), still)[0])
    first = np.asarray(picture.convert("L"))
    picture.seek(3)
    last = np.asarray(picture.convert("L"))
    rows = slice(panels._font_height() + 10, panels._font_height() + 400)
    assert np.array_equal(first[rows], last[rows])
    assert (first[rows] == 64).sum() > 2 * 300 * 300


def test_what_stays_is_stored_once():
    still = {"noise": np.random.default_rng(0).random((2, 112, 112))}
    two, eight = (len(motion.animated(growing(count), still, stages=0)[0]) for count in (2, 8))
    assert eight - two < 2 * 112 * 112  # bytes of the noise alone


def test_the_stage_next_to_what_moves_is_framed():
    ink = int(roles.INK[1:3], 16)
    for number in (0, 4):
        sheet = motion.draw_frame(growing(5), number, {}, {}, 5, None, "", []).convert("L")
        sheet = np.asarray(sheet)
        line = sheet[-panels._font_height() - 3]  # below the pictures, above their words
        columns = np.flatnonzero(line == ink)
        assert len(columns) > 90 and columns.mean() * 5 // sheet.shape[1] == number


def test_rows_and_columns_are_named(shown):
    frames = growing(3, images=2)
    plain, _ = motion.animated(frames)
    named, _ = motion.animated(frames, label="network", names=["one", "two"],
                               below={"truth": np.ones((2, 28, 28))})
    assert opened(named).height > opened(plain).height
    assert opened(named).width > opened(plain).width


@pytest.mark.parametrize("images", [1, 8])
def test_it_fits_the_page_and_carries_text_and_caption(shown, images):
    motion.animation(growing(6, images), "grey squares grow lighter", "They grow lighter.",
                     still={"input": np.zeros((images, 7, 7))})
    image, caption = shown
    assert image.width <= 900 and image.metadata["alt"] == "grey squares grow lighter"
    assert image.width == pytest.approx(shown.picture.width / 2, abs=1)
    assert caption["text/plain"] == "They grow lighter."
    assert len(image.data) < 200_000
