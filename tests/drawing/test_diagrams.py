"""Diagrams say what is so: angles, sizes of layers, colours of channels, rings."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from keras import Input, Model, layers
from matplotlib.patches import Circle, Rectangle

from shared.drawing import diagrams
from shared.measures import spectrum
from shared.models import classifiers, flow, papers, upscalers, zoom_network


@pytest.fixture(autouse=True)
def no_figures_left():
    yield
    plt.close("all")


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_projection_has_a_right_angle_and_the_shorter_way():
    (axis,) = diagrams.projection().axes
    points = {text.get_text()[:4]: None for text in axis.texts}
    assert {"z: a", "P(z)", "x: t"} <= set(points)
    z, foot, x = (np.array(line.get_xydata()[0]) for line in axis.lines
                  if line.get_marker() == "o")
    tangent = next(line.get_xydata() for line in axis.lines if line.get_linestyle() not in ("-",
                   "None") and len(line.get_xydata()) == 2)
    along = tangent[1] - tangent[0]
    assert abs(along @ (z - foot)) < 1e-9  # the right angle
    assert (z - foot) @ (x - foot) < 0 and np.linalg.norm(foot - x) < np.linalg.norm(z - x)
    outline = axis.patches[0]
    assert outline.contains_point(axis.transData.transform(x))
    assert not outline.contains_point(axis.transData.transform(z))


def test_no_point_of_the_set_is_closer_to_z_than_its_projection():
    (axis,) = diagrams.projection().axes
    z, foot, _ = (np.array(line.get_xydata()[0]) for line in axis.lines
                  if line.get_marker() == "o")
    (outline,) = axis.patches[0].get_path().to_polygons(closed_only=False)
    assert np.linalg.norm(outline - z, axis=1).min() > np.linalg.norm(foot - z) - 1e-3


def test_the_outline_of_the_set_is_convex():
    (axis,) = diagrams.projection().axes
    (outline,) = axis.patches[0].get_path().to_polygons(closed_only=False)
    steps = np.diff(outline, axis=0)
    steps = steps[np.linalg.norm(steps, axis=1) > 1e-9]
    turns = steps[:-1, 0] * steps[1:, 1] - steps[:-1, 1] * steps[1:, 0]
    assert (turns <= 1e-6).all() or (turns >= -1e-6).all()


def test_the_shuffle_puts_channels_where_keras_puts_them():
    from shared.models.layers import PixelShuffle

    scale, side = 2, 3
    (axis,) = diagrams.pixel_shuffle(scale, side).axes
    cells = [patch for patch in axis.patches
             if isinstance(patch, Rectangle) and patch.get_fill()]
    numbers = [int(text) for text in words(axis.figure) if text.isdigit()]
    channels, image = cells[:scale**2 * side**2], cells[scale**2 * side**2:]
    assert len(image) == (scale * side) ** 2 and len(numbers) == len(cells)
    colours = [patch.get_facecolor() for patch in channels[::side**2]]
    assert len(set(colours)) == 4
    x = np.arange(scale**2)[None, None, None] * np.ones((1, side, side, 1), "float32")
    expected = np.asarray(PixelShuffle(scale)(x)).ravel().astype(int)
    assert [colours.index(patch.get_facecolor()) for patch in image] == expected.tolist()
    place = np.arange(1, side**2 + 1).reshape(1, side, side, 1) * np.ones((1, 1, 1, 4), "float32")
    assert numbers[len(channels):] == np.asarray(PixelShuffle(scale)(place)).ravel().tolist()


def sizes_in(model, size):
    """The shapes that are written, and those that the model really computes."""
    written = [diagrams.shape_text(step["shape"]) for step in diagrams.steps_of(model, size)]
    return written


def computed(model, image):
    """The shape of every layer's output for one image, computed and not inferred."""
    outputs = Model(model.input, [layer.output for layer in model.layers])(image)
    return ["x".join(map(str, output.shape[1:])) for output in outputs]


@pytest.mark.parametrize("model, side, first, last", [
    (lambda: upscalers.residual_network(width=6, blocks=2), 7, "7x7x1", "28x28x1"),
    (lambda: upscalers.residual_network(width=6, blocks=1, upsampler="transposed"), 7, "7x7x1",
     "28x28x1"),
    (lambda: papers.unet((4, 8, 16, 64)), 20, "20x20x1", "40x40x1"),
    (lambda: papers.ircnn(4), 12, "12x12x1", "24x24x1"),
    (lambda: zoom_network.zoom(4, 2, 2), 12, "12x12x1", "24x24x1"),
    (lambda: classifiers.classifier_a(), 28, "28x28x1", "10")])
def test_the_sizes_are_those_that_the_model_computes(model, side, first, last):
    model = model()
    written = sizes_in(model, (side, side))
    real = computed(model, np.zeros((1, side, side, 1), "float32"))
    assert written[0] == first and written[-1] == last
    assert set(written) <= set(real)
    left_out = {"ZeroPadding2D", "CropLike"}
    kept = [shape for shape, layer in zip(real, model.layers, strict=True)
            if type(layer).__name__ not in left_out]
    assert set(kept) <= set(written)  # what is written at another layer has its shape


def test_residual_blocks_are_drawn_once_with_their_number():
    model = upscalers.residual_network(width=8, blocks=4)
    steps = diagrams.repeated(diagrams.steps_of(model, (7, 7)))
    assert [step["times"] for step in steps if step["times"]] == [(4, 3)]
    kinds = [step["kind"] for step in steps]
    assert kinds == ["input", "conv", "conv", "conv", "join", "conv", "join", "conv", "grow"]
    assert steps[4]["inputs"] == [1, 3]  # the shortcut of a block
    assert steps[6]["inputs"] == [1, 5]  # the long one
    figure = diagrams.network_diagram(model, (7, 7))
    assert "\N{MULTIPLICATION SIGN} 4" in words(figure)
    assert {"7x7x8", "7x7x16", "28x28x1", "conv\n3x3\nReLU"} <= set(words(figure))
    assert figure.get_figwidth() <= 9


def test_a_network_in_a_network_is_drawn_layer_by_layer():
    inner = upscalers.residual_network(width=8, blocks=2)
    steps = diagrams.steps_of(upscalers.consistent(inner, 4, "projected"), (7, 7))
    assert [step["label"] for step in steps[:2]] == ["low_res", "conv\n3x3"]
    assert steps[-1]["label"] == "projection" and steps[-1]["inputs"] == [len(steps) - 2, 0]


def test_residual_blocks_are_folded_on_request():
    model = flow.velocity_network(width=4, blocks=2)
    sizes = {"x_t": (28, 28), "guess": (28, 28), "low_res": (7, 7), "t": ()}
    steps = diagrams.repeated(diagrams.folded(diagrams.steps_of(model, sizes)))
    blocks = [step for step in steps if step["kind"] == "block"]
    assert [step["times"] for step in blocks] == [(2, 1), (3, 1), (2, 1)]
    assert [step["shape"] for step in blocks] == [(14, 14, 4), (7, 7, 8), (14, 14, 4)]
    assert steps[-1]["shape"] == (28, 28, 1)
    assert diagrams.network_diagram(model, sizes, fold=True).get_figwidth() <= 9


def test_equal_layers_in_a_row_are_drawn_once():
    steps = diagrams.repeated(diagrams.steps_of(papers.vdsr(width=4), (8, 8)))
    assert [step["times"] for step in steps if step["times"]] == [(19, 1)]


def test_different_blocks_are_not_taken_for_equal():
    image = Input((8, 8, 1))
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.Conv2D(4, 5, padding="same")(x)
    steps = diagrams.repeated(diagrams.steps_of(Model(image, x), (8, 8)))
    assert [step["times"] for step in steps] == [None] * 3


@pytest.mark.parametrize("model, size", [
    (lambda: papers.unet((4, 8, 16, 64)), (16, 16)), (lambda: papers.srcnn(), (16, 16)),
    (lambda: zoom_network.zoom(4, 8, 2), (16, 16)), (lambda: classifiers.classifier_b(), (28, 28)),
    (lambda: papers.ircnn(4, batch_norm=False), (16, 16))])
def test_networks_fit_the_page_and_their_words_do_not_overlap(model, size):
    figure = diagrams.network_diagram(model(), size)
    assert figure.get_figwidth() <= 9
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    hits = [(words(figure)[i], words(figure)[j]) for i, a in enumerate(boxes)
            for j, b in enumerate(boxes[:i]) if a.overlaps(b)]
    assert hits == []


def test_several_inputs_need_a_size_each():
    model = flow.velocity_network(width=4, blocks=1)
    sizes = {"x_t": (28, 28), "guess": (28, 28), "low_res": (7, 7), "t": ()}
    steps = diagrams.steps_of(model, sizes)
    assert steps[-1]["shape"] == (28, 28, 1)
    with pytest.raises(ValueError, match="'t'"):
        diagrams.steps_of(model, {"x_t": (28, 28), "guess": (28, 28), "low_res": (7, 7)})


def test_a_diagram_is_not_wider_than_the_page():
    with pytest.raises(ValueError, match="at most 9 inches"):
        diagrams.canvas("too wide", 9.5, 1)


@pytest.mark.parametrize("projected", [False, True])
def test_the_frozen_classifier_says_what_is_frozen_and_what_is_trained(projected):
    figure = diagrams.frozen_classifier(weight="0.3", projected=projected)
    text = " ".join(words(figure))
    assert "classifier \N{SNOWFLAKE}\n(frozen)" in text and "upscaler\n(trained)" in text
    assert "0.3 \N{MULTIPLICATION SIGN} cross-entropy" in text
    assert ("projection" in text) == projected
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert figure.get_figwidth() <= 9 and all(box.x1 <= figure.bbox.x1 for box in boxes)


def test_receptive_fields_are_squares_of_their_size_about_the_pixel():
    photo = np.zeros((200, 220, 3), "uint8")
    figure = diagrams.receptive_fields(photo, {"srcnn": 17, "unet": 92, "vdsr": 41}, (100, 90))
    (axis,) = figure.axes
    squares = {patch.get_width(): patch for patch in axis.patches}
    assert set(squares) == {17, 41, 92}
    centres = {(patch.get_x() + patch.get_width() / 2, patch.get_y() + patch.get_height() / 2)
               for patch in squares.values()}
    assert len(centres) == 1
    assert {text.get_text() for text in axis.texts} == {"srcnn: 17x17", "vdsr: 41x41",
                                                        "unet: 92x92"}


def test_an_image_rebuilt_from_all_its_waves_is_itself():
    image = np.random.default_rng(0).random((28, 28))
    figure = diagrams.waves(image, limits=(1, 3.5, 20))
    rebuilt = [axis.images[0].get_array() for axis in figure.axes[:3]]
    np.testing.assert_allclose(rebuilt[2], image, atol=1e-9)
    added = [axis.images[0].get_array() for axis in figure.axes[3:6]]
    np.testing.assert_allclose(image.mean() + sum(added), image, atol=1e-9)
    circles = [patch for axis in figure.axes[6:9] for patch in axis.patches
               if isinstance(patch, Circle)]
    assert [circle.get_radius() for circle in circles] == [1.5, 4.0, 20.5]
    assert figure.get_figwidth() < 9


def test_the_first_column_holds_the_coarse_waves_alone():
    image = np.random.default_rng(0).random((28, 28))
    figure = diagrams.waves(image, limits=(2, 14))
    power = spectrum.radial_power(np.asarray(figure.axes[2].images[0].get_array())[None])[0]
    assert power[3:].max() < 1e-20 < power[1]


def test_the_steps_of_a_flow_carry_their_times():
    figure = diagrams.flow_steps([0, 0.5, 1], np.zeros((3, 28, 28)), np.ones((3, 28, 28)))
    assert [axis.get_xlabel() for axis in figure.axes[3:]] == ["t = 0", "t = 0.5", "t = 1"]
