"""Tiles keep their pixels, fit the page, have frames, scales and marks."""

import numpy as np
import pytest

from shared.drawing import page, panels, roles

FRAME = tuple(int(roles.FRAME[i:i + 2], 16) for i in (1, 3, 5))
WRONG = tuple(int(roles.WRONG[i:i + 2], 16) for i in (1, 3, 5))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


def found(picture, part):
    """Whether the pixels ``part`` (height, width, 3) stand somewhere in the picture, exactly."""
    whole = np.asarray(picture.convert("RGB"))
    rows, columns = np.nonzero((whole == part[0, 0]).all(axis=2))
    height, width = part.shape[:2]
    return any((whole[y:y + height, x:x + width] == part).all()
               for y, x in zip(rows, columns, strict=True)
               if y + height <= whole.shape[0] and x + width <= whole.shape[1])


def twice(image, times=2):
    return panels.magnified(image, times)


def test_a_row_may_have_another_resolution_and_fewer_images(shown):
    rows = {"7x7": np.zeros((3, 7, 7, 1)), "28x28": np.ones((2, 28, 28, 1))}
    figure = panels.panels(rows, {"28x28": ["a", "b"]})
    drawn = [axis.get_images() for axis in figure.axes]
    assert [len(images) for images in drawn] == [1, 1, 1, 1, 1, 0]
    assert drawn[0][0].get_array().shape == (7, 7) and drawn[3][0].get_array().shape == (28, 28)
    assert drawn[0][0].get_clim() == drawn[3][0].get_clim() == (0, 1)


@pytest.mark.parametrize("size, sides, dots", [
    (0.95, {28}, 168), (0.95, {7, 28}, 168), (1.7, {28, 112}, 448), (1.2, {7, 28, 112}, 224),
    (2.0, {7, 28, 112, 448}, 448), (0.3, {448}, 60), (1.0, {96, 97}, 200)])
def test_panels_are_as_long_as_a_whole_number_of_pixels(size, sides, dots):
    # At 100 dots an inch, as the page shows it, half as many: 168 are 84, three for each of 28.
    assert round(panels.whole_pixels(size, sides) * page.DPI) == dots


def test_every_pixel_of_a_panel_is_drawn_alike(shown):
    image = np.indices((28, 28)).sum(axis=0) % 2
    page.show(panels.panels({"": [image, 1 - image]}), "two chess boards of 28 by 28")
    pixels = np.asarray(shown.picture.convert("L"))
    row = pixels[np.flatnonzero((pixels < 128).any(axis=1))[3]]
    lengths = np.diff(np.flatnonzero(np.diff((row > 128).astype(int))))
    assert np.bincount(lengths).argmax() == 6 and (lengths == 6).sum() >= 50


@pytest.mark.parametrize("sides, count, size", [((28, 112), 10, 0.95), ((28,), 14, 1.2),
                                                ((7, 28, 112), 5, 2.5)])
def test_panels_fit_the_page_and_keep_whole_dots(shown, sides, count, size):
    rows = {f"{side}x{side}": np.zeros((count, side, side)) for side in sides}
    figure = panels.panels(rows, size=size)
    width = figure.axes[0].get_position().width * figure.get_figwidth() * page.DPI
    for side in sides:
        assert width / side == pytest.approx(round(width / side), abs=1e-6)
    assert figure.get_tightbbox().width + 0.16 <= 9


def test_a_white_tile_has_a_frame_that_covers_none_of_it(shown):
    page.show(panels.panels({"": np.ones((1, 28, 28))}), "a white square")
    pixels = np.asarray(shown.picture.convert("RGB"))
    grey = (abs(pixels.astype(int) - FRAME) < 3).all(axis=2)
    rows, columns = np.flatnonzero(grey.sum(axis=1) > 100), np.flatnonzero(grey.sum(axis=0) > 100)
    assert len(rows) == len(columns) == 4  # two dots on each side
    assert rows[2] - rows[1] - 1 == columns[2] - columns[1] - 1 == 168


def test_a_row_in_colour_has_a_scale_with_its_ends(shown):
    figure = panels.panels({"truth": np.zeros((2, 7, 7)), "error": np.zeros((2, 7, 7))},
                          cmaps={"error": "magma"}, ranges={"error": (0, 0.5)})
    (bar,) = [child for axis in figure.axes for child in axis.child_axes]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "0.5"]
    assert bar.images[0].get_cmap().name == "magma"


def test_wrong_readings_are_marked_by_more_than_colour(shown):
    figure = panels.panels({"A": np.zeros((2, 7, 7))}, {"A": ["reads 4", "reads 9"]},
                          wrong={"A": [False, True]})
    right, wrong = (axis.xaxis.label for axis in figure.axes)
    assert right.get_text() == "\N{CHECK MARK} reads 4" and wrong.get_text() == (
        "\N{BALLOT X} reads 9")
    assert wrong.get_fontweight() == "bold" and wrong.get_color() == roles.WRONG
    assert figure.axes[1].spines["left"].get_linewidth() > figure.axes[0].spines[
        "left"].get_linewidth()


def test_each_reader_reads_the_same_images_and_errors_are_marked(shown):
    rows = {"7x7": np.zeros((2, 7, 7, 1)), "truth": np.stack([np.zeros((28, 28, 1)),
                                                              np.ones((28, 28, 1))])}
    readers = {"read by A": lambda images: images.mean(axis=(1, 2, 3)).astype(int),
               "read by B": lambda images: np.full(len(images), 5)}
    figure = panels.readings(rows, readers, [0, 5], unread=["7x7"])
    truth = figure.axes[4:8]
    assert [axis.get_images()[0].get_array().mean() for axis in truth] == [0, 1, 0, 1]
    said = [axis.get_xlabel() for axis in truth]
    assert said == [f"{panels.TICK} 0", f"{panels.CROSS} 1", f"{panels.CROSS} 5",
                    f"{panels.TICK} 5"]
    assert not any(axis.get_xlabel() for axis in figure.axes[:4])
    assert [text.get_text() for text in figure.texts] == list(readers)


def test_notes_do_not_run_into_each_other(shown):
    notes = ["trousers and more", "pullover of wool", "extraordinarily", "a", "b"]
    figure = panels.panels({"": np.zeros((5, 28, 28))}, {"": notes}, size=0.6)
    figure.draw_without_rendering()
    boxes = [axis.xaxis.label.get_window_extent() for axis in figure.axes]
    assert all(a.x1 <= b.x0 + 1 for a, b in zip(boxes[:-1], boxes[1:], strict=True))
    assert all(box.y1 <= axis.bbox.y0 for box, axis in zip(boxes, figure.axes, strict=True))


def test_groups_stand_apart_under_their_headings(shown):
    figure = panels.panels({"": np.zeros((5, 7, 7))}, groups={"mended": 3, "spoiled": 2})
    assert [text.get_text() for text in figure.texts] == ["mended", "spoiled"]
    places = np.array([axis.get_position().x0 for axis in figure.axes])
    steps = np.diff(places)
    assert steps.argmax() == 2 and steps[2] > 1.1 * steps[1]


def test_boxes_are_drawn_where_they_are_told(shown):
    figure = panels.panels({"": np.zeros((2, 28, 28))}, boxes={"": [(4, 6, 10, 12), None]})
    first, second = figure.axes
    assert not second.patches
    patch = first.patches[-1]
    assert (*patch.get_xy(), patch.get_width(), patch.get_height()) == (3.5, 5.5, 10, 12)


def test_a_poster_holds_every_pixel_in_64_greys(shown):
    images = (np.arange(6)[:, None, None, None] * np.ones((6, 5, 4, 1))) / 5
    panels.poster(images, 3, "six grey tiles", width=300)
    pixels = np.asarray(shown.picture.convert("L"))
    (image,) = shown
    assert pixels.shape == (10, 12)
    assert (image.metadata["alt"], image.width) == ("six grey tiles", 300)
    parts = pixels.reshape(2, 5, 3, 4)
    for number in range(6):
        tile = parts[number // 3, :, number % 3]
        assert (tile == round(round(number / 5 * 63) * 255 / 63)).all()


def test_a_poster_fits_the_page(shown):
    panels.poster(np.zeros((2, 20, 20, 1)), 2, "two black tiles", width=1000)
    assert shown[0].width == 900


def test_half_of_a_poster_is_the_input():
    low, high = np.zeros((1, 2, 2, 1)), np.ones((1, 8, 8, 1))
    both = panels.half_and_half(low, high)
    assert both[0, :, :4].max() == 0 and both[0, :, 4:].min() == 1
    with pytest.raises(ValueError, match="no whole multiple"):
        panels.half_and_half(np.zeros((1, 3, 3, 1)), high)


def test_photographs_are_lossless_at_twice_the_size(shown):
    large, small = noise(32, 48, 3), noise(16, 24, 3, seed=1)
    panels.photographs([large, small, large], "noise", columns=2)
    picture, (image,) = shown.picture, shown
    assert (picture.format, image.metadata["alt"]) == ("PNG", "noise")
    assert picture.size == (2 * (2 * 50 + 8), 2 * (2 * 34 + 8)) and image.width == 108
    assert found(picture, twice(large)) and found(picture, twice(small, 4))


def test_a_sheet_that_need_not_be_lossless_is_a_jpeg_as_wide_on_the_page(shown):
    tiles = [noise(40, 60, 3)] * 4
    panels.photographs(tiles, "noise", columns=2)
    panels.photographs(tiles, "noise", columns=2, lossless=False)
    assert [image.format for image in shown] == ["png", "jpeg"]
    assert shown[0].width == shown[1].width


def test_photographs_are_at_most_900_pixels_wide(shown):
    panels.photographs([noise(20, 512, 3)] * 4, "four", columns=2)
    panels.photographs([noise(20, 1000, 3)], "one wide", columns=1)
    assert [image.width for image in shown] == [514, 502]


def test_photographs_with_names_leave_room_to_write_them(shown):
    tile = np.full((40, 90, 3), 255, "uint8")
    panels.photographs([tile], "one white tile", columns=1)
    panels.photographs({"name": tile}, "one white tile", columns=1, caption="A tile.")
    plain, named = shown.images
    assert named.width == plain.width and len(named.data) > len(plain.data)
    assert shown.of("text/plain") == ["A tile."]


def scene():
    truth = noise(64, 64, 3)
    return {"low resolution": truth[::2, ::2], "zoom": noise(64, 64, 3, seed=2), "truth": truth}


def test_a_strip_shows_the_same_part_by_every_method_pixel_by_pixel(shown):
    images = scene()
    panels.strip(images, "noise", "A part.", box=(8, 16, 20, 10), notes={"zoom": "31.2 dB"})
    picture = shown.picture
    assert picture.width <= 1800 and shown.images[0].width == picture.width // 2
    times = ((1800 - 2 * 16) // 3 - 4) // 20
    for name in ("zoom", "truth"):
        assert found(picture, twice(images[name][16:26, 8:28], times))
    assert found(picture, twice(images["low resolution"][8:13, 4:14], 2 * times))
    assert shown.of("text/plain") == ["A part."]


def test_a_strip_marks_what_is_read_wrong(shown):
    images = {"bicubic": np.full((14, 14), 0.5), "zoom": np.full((14, 14), 0.5)}
    panels.strip(images, "grey", notes={"bicubic": "reads 8", "zoom": "reads 4"}, side=100,
                wrong={"bicubic": True, "zoom": False})
    pixels = np.asarray(shown.picture.convert("RGB"))
    red = (pixels == WRONG).all(axis=2)
    half = pixels.shape[1] // 2
    assert red[:, :half].sum() > 500 and red[:, half:].sum() == 0


def test_a_lens_shows_the_whole_with_a_box_and_the_parts(shown):
    images = scene()
    panels.lens(images, (8, 16, 20, 12), "noise", "A lens.", notes={"zoom": "31.2 dB"})
    picture = shown.picture
    assert picture.width <= 1800
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    orange = [int(roles.ORANGE[i:i + 2], 16) for i in (1, 3, 5)]
    rows, columns = np.nonzero((pixels == orange).all(axis=2))
    times = 560 // 64
    # The line, four dots wide, lies round what it encloses.
    assert columns.max() - columns.min() + 1 == 20 * times + 8
    assert rows.max() - rows.min() + 1 == 12 * times + 8
    inside = pixels[rows.min() + 4:rows.max() - 3, columns.min() + 4:columns.max() - 3]
    assert (inside == twice(images["truth"][16:28, 8:28], times)).all()
    part = twice(images["zoom"][16:28, 8:28], 1)
    right = pixels[:, 64 * times + 30:]  # of the whole
    rows, columns = np.nonzero((right == part[0, 0]).all(axis=2))
    large = np.ptp(columns) + 1  # the first pixel of the part has a colour of its own
    assert large >= times and np.ptp(rows) + 1 == large
    assert (right[rows[0]:rows[0] + 12 * large, columns[0]:columns[0] + 20 * large]
            == twice(part, large)).all()


def test_a_lens_needs_a_whole_image(shown):
    with pytest.raises(ValueError, match="bicubic, zoom"):
        panels.lens({"bicubic": noise(8, 8), "zoom": noise(8, 8)}, (0, 0, 4, 4), "noise")


@pytest.mark.parametrize("box, message", [
    ((50, 0, 20, 20), "does not lie in an image of 64x64"),
    ((1, 0, 20, 20), "choose multiples of 2")])
def test_a_box_lies_in_the_image_on_whole_pixels(box, message):
    with pytest.raises(ValueError, match=message):
        panels.cut(scene(), box)


def test_images_of_a_strip_show_one_scene():
    with pytest.raises(ValueError, match="no whole multiple"):
        panels.cut({"a": noise(64, 64), "b": noise(40, 40)})


@pytest.mark.parametrize("image, message", [
    (np.full((4, 4), 128.0), "divide by 255"), (np.zeros((4, 4, 2)), "expected an image of shape")])
def test_images_are_bytes_or_between_0_and_1(image, message):
    with pytest.raises(ValueError, match=message):
        panels.as_rgb(image)
