"""Charts name their lines and points where nothing overlaps, in the roles' colours."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

from shared.drawing import charts, page, roles
from shared.images import resize


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def label_boxes(axis):
    """The places of all texts in the axes, by their words."""
    axis.figure.draw_without_rendering()
    renderer = axis.figure.canvas.get_renderer()
    return {text.get_text(): plt.Text.get_window_extent(text, renderer)
            for text in axis.texts if text.get_text()}


def overlapping(boxes):
    return [(a, b) for a, b in itertools.combinations(boxes, 2) if boxes[a].overlaps(boxes[b])]


def test_curves_are_named_at_their_ends_in_their_colours():
    figure = charts.curves({"baseline": [1, 2], "live network": [3, 4]}, "epoch", "PSNR (dB)")
    (axis,) = figure.axes
    assert axis.get_legend() is None
    boxes = label_boxes(axis)
    for text, line in zip(axis.texts, axis.lines, strict=True):
        assert text.get_color() == line.get_color()
        x, y = axis.transData.transform(line.get_xydata()[-1])
        box = boxes[text.get_text()]
        assert box.x0 > axis.bbox.x1 and box.y0 < y < box.y1
    assert [line.get_color() for line in axis.lines] == [roles.BLUE, roles.ORANGE]
    assert [line.get_marker() for line in axis.lines] == ["o", "^"]


def test_names_of_lines_and_levels_that_end_close_together_do_not_overlap():
    series = {name: [0, value] for name, value in
              {"a": 1.0, "b": 1.01, "c": 1.02, "d": 5.0, "e": 1.0}.items()}
    figure = charts.curves(series, "epoch", "dB", levels={"bicubic": 1.005, "zero-shot": 4.99})
    boxes = label_boxes(figure.axes[0])
    assert len(boxes) == 7 and overlapping(boxes) == []
    order = sorted(boxes, key=lambda name: boxes[name].y0)
    assert order.index("a") < order.index("b") < order.index("c") < order.index("d")


def test_names_follow_when_the_axes_change_afterwards():
    figure = charts.curves({"up": [1, 10, 100], "down": [1, -50, -900]}, "epoch", "dB")
    (axis,) = figure.axes
    axis.set_ylim(-6, 120)
    boxes = label_boxes(axis)
    assert axis.bbox.y0 - 12 < boxes["down"].y0 < axis.bbox.y0 + 12  # where it leaves
    x, y = axis.transData.transform((3, 100))
    assert boxes["up"].y0 < y < boxes["up"].y1


@pytest.mark.parametrize("values, gap, expected", [
    ([0.0, 10.0], 1, [0, 10]), ([0.0, 0.0], 1, [-0.5, 0.5]), ([0.0, 0.5, 9.0], 1, [-0.25, 0.75, 9]),
    ([0.0, 0.1, 0.2, 1.5], 1, [-1.05, -0.05, 0.95, 1.95])])
def test_labels_move_as_little_as_possible(values, gap, expected):
    np.testing.assert_allclose(charts.apart(values, gap), expected)


def test_a_dense_line_has_no_markers_and_a_short_one_has():
    lines = charts.curves({"long": np.arange(80), "short": np.arange(80)[:5]}, "x", "y",
                          x=None).axes[0].lines
    assert [line.get_marker() for line in lines] == ["", "X"]


def test_error_bars_counts_and_the_diagonal_are_drawn():
    x = np.array([0.2, 0.5, 0.9])
    figure = charts.curves({"truth": x}, "probability", "how often", x=x, diagonal=True,
                           errors={"truth": [0.1, 0.1, 0.1]}, counts=[20, 300, 9560])
    (axis,) = figure.axes
    segments = axis.collections[0].get_segments()
    np.testing.assert_allclose([s[1][1] - s[0][1] for s in segments], 0.2)
    words = [text.get_text() for text in axis.texts]
    assert words[:3] == ["20", "300", "9,560"]
    assert axis.get_aspect() == 1


def test_spectra_shade_what_the_grid_cannot_carry():
    rings = np.geomspace(1, 1e-4, 20)
    figure = charts.spectra({"left": {"truth": rings, "bicubic": rings**2},
                             "right": {"truth": rings}})
    for axis in figure.axes:
        (region,) = axis.patches
        assert region.get_x() == 3.5 and region.get_x() + region.get_width() == 14.5
        boxes = label_boxes(axis)
        assert overlapping(boxes) == [] and "not in the input" in boxes
    left, right = figure.axes
    assert left.lines[0].get_color() == right.lines[0].get_color() == roles.INK
    assert left.lines[1].get_color() == roles.GREY


def test_planes_name_their_points_and_lines():
    points = {"near": (1.0, 2.0), "far": (30.0, 0.5), "way": ([1, 2, 30], [2, 1, 0.5])}
    points["out"] = (99.0, 44.0)
    figure = charts.planes({"left": points, "right": points}, "error", beyond=("out",))
    for axis in figure.axes:
        words = [text.get_text() for text in axis.texts]
        assert sorted(words) == ["far", "near", "out: 99, 44", "way"]
        assert axis.get_xlim()[1] < 99 and axis.get_ylim()[1] < 44
        assert axis.get_legend() is None and axis.get_ylim()[0] == 0
        assert overlapping(label_boxes(axis)) == []
    assert [axis.get_ylabel() for axis in figure.axes] == ["left", "right"]


def test_points_close_together_keep_their_names_apart():
    rng = np.random.default_rng(0)
    points = {f"network {i}": tuple(rng.uniform(1, 1.3, 2)) for i in range(7)} | {"far": (2, 2)}
    axis = charts.planes({"dB": points}, "error", size=(6, 5)).axes[0]
    boxes = label_boxes(axis)
    assert len(boxes) == 8 and overlapping(boxes) == []
    spots = axis.transData.transform(list(points.values()))
    for box in boxes.values():
        assert not any(box.x0 < x < box.x1 and box.y0 < y < box.y1 for x, y in spots)


def test_a_plane_shades_what_is_impossible_and_shows_thumbnails():
    axis = charts.planes({"dB": {"baseline": (5.8, 3.0), "draw": (10, 1.0)}}, "MSE", impossible=5.3,
                         thumbnails={"draw": np.eye(28)}).axes[0]
    assert max(patch.get_x() + patch.get_width() for patch in axis.patches) == pytest.approx(5.3)
    (picture,) = axis.findobj(charts.OffsetImage)
    np.testing.assert_array_equal(picture.get_data(), np.eye(28))


def test_a_plane_shades_what_is_left_of_a_curve():
    x, y = np.linspace(5, 6, 20), np.linspace(9, 0, 20)
    axis = charts.planes({"dB": {"draw": (10, 1.0)}}, "MSE", impossible=(x, y)).axes[0]
    (region,) = axis.collections
    (path,) = region.get_paths()
    inside = path.contains_points([(4.8, 8.5), (5.3, 8.5), (5.8, 0.5), (6.1, 0.5)])
    assert inside.tolist() == [True, False, True, False]
    assert "impossible" in [text.get_text() for text in axis.texts]


def test_the_cost_chart_is_logarithmic_with_areas_by_parameters():
    networks = {"srcnn": (1e9, 30.0, 50_000), "zoom": (1e10, 31.0, 400_000)}
    figure = charts.cost_chart(networks, {"SRCNN (paper)": (2e9, 30.5, 60_000)}, {"bicubic": 29.0})
    (axis,) = figure.axes
    assert axis.get_xscale() == "log"
    small, large, paper = axis.collections[:3]
    assert (large.get_sizes() - 20) / (small.get_sizes() - 20) == pytest.approx(8)
    assert tuple(paper.get_facecolor()[0]) == (1, 1, 1, 1)  # hollow
    boxes = label_boxes(axis)
    assert set(boxes) == {"srcnn", "zoom", "SRCNN (paper)", "bicubic"}
    assert overlapping(boxes) == []


def test_bars_write_their_numbers():
    (axis,) = charts.bars({"one": 1.0, "two": 2.25}, "dB", "digit").axes
    assert [text.get_text() for text in axis.texts] == ["1.00", "2.25"]
    assert axis.get_xlabel() == "digit" and axis.get_ylabel() == "dB"


def test_names_of_bars_do_not_touch():
    names = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "trainer"]
    (axis,) = charts.bars(dict.fromkeys(names, 1.0), "dB", size=(4.5, 2.5)).axes
    assert {label.get_rotation() for label in axis.get_xticklabels()} == {30}
    (axis,) = charts.bars(dict.fromkeys("abc", 1.0), "dB").axes
    assert {label.get_rotation() for label in axis.get_xticklabels()} == {0}


def test_dots_are_sorted_and_write_their_numbers():
    (axis,) = charts.dots({"a": 1.0, "b": 3.0, "c": 2.0}, "dB").axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["b", "c", "a"]
    assert axis.yaxis_inverted()
    assert [text.get_text() for text in axis.texts] == ["3.0", "2.0", "1.0"]


def test_pairs_of_dots_are_joined_and_named_once():
    rows = {"boot": {"bicubic": 18.0, "baseline": 22.0}, "bag": {"bicubic": 19.0, "baseline": 21.0}}
    (axis,) = charts.dots(rows, "dB", sort=False).axes
    words = [text.get_text() for text in axis.texts]
    assert words.count("bicubic") == words.count("baseline") == 1
    assert {"18.0", "22.0", "19.0", "21.0"} < set(words)
    assert overlapping({number: box for number, box in enumerate(
        label_boxes(axis).values())}) == []


def test_a_histogram_counts_everything():
    values = np.array([-1.0, -0.5, 0.5, 0.6, 0.7])
    figure = charts.histogram({"gain": values}, "dB", bins=[-1, 0, 1], zero=("worse", "better"))
    (axis,) = figure.axes
    np.testing.assert_array_equal(axis.patches[0].get_data().values, [2, 3])
    assert [text.get_text() for text in axis.texts] == ["worse", "better"]


def test_the_map_of_a_widened_kernel_shows_the_strength_of_its_weights_and_its_three_parts():
    kernel = np.zeros((3, 3, 6, 6))
    kernel[1, 1, :4, :4] = 3.0
    kernel[:, :, :, 4:] = 0.5
    figure = charts.widened_kernel(kernel, 4)
    axis = figure.axes[0]
    shown = np.asarray(axis.images[0].get_array())
    assert (shown[:4, :4] == 1.0).all() and (shown[4:, :4] == 0).all()
    assert (shown[:, 4:] == 0.5).all()
    places = {text.get_text(): text.get_position() for text in axis.texts}
    assert places == {"trained": (2, 2), "zeros": (2, 5), "new": (5, 3)}
    assert overlapping(label_boxes(axis)) == []
    assert axis.get_xticks().tolist() == axis.get_yticks().tolist() == [0, 4, 6]


def test_kernels_on_a_row_make_the_pixel_that_resizing_makes():
    row = np.array([0.1, 0.1, 0.3, 0.9, 0.8, 0.4, 0.4])
    position = 3.125  # the centre of new pixel 12, four times as many
    figure = charts.kernels_on_row(resize.KERNELS, row, position)
    for axis, (name, _) in zip(figure.axes, resize.KERNELS.items(), strict=True):
        large = resize.resize(row[None, None, :, None], (1, 28), name)[0, 0, 12, 0]
        assert axis.get_title() == name
        assert axis.get_xlabel() == f"new pixel: {large:.2f}"
        assert len(axis.patches) == 7


def test_paths_take_the_colour_of_their_end():
    times = np.linspace(0, 1, 5)
    walkers = np.linspace([1.5, -1.5, 0.0], [1.0, -1.0, 0.0], 5)
    (axis,) = charts.flow_lines(times, walkers, velocity=lambda x, t: -x).axes
    up, down, middle = axis.lines[:3]
    assert up.get_color() != down.get_color()
    assert middle.get_linestyle() == "--" and up.get_linestyle() == "-"
    assert page.WIDTH >= 100 * axis.figure.get_figwidth()
