"""The networks for photos: sizes, parameters and receptive fields of their papers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from shared import anatomy, muon, patches, photo_models, recipes, resize
from shared.photo_models import MODELS

NARROW = {"srcnn": {}, "vdsr": {"width": 2}, "ircnn": {"width": 2},
          "unet": {"widths": (2, 2, 2, 2)}, "zoom": {"width": 2, "wide": 4}}


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def filled(model, draw):
    """``model`` with each weight array from ``draw(array)``; variances stay as they are."""
    model.set_weights([w if (w == 1).all() else draw(w).astype(w.dtype)
                       for w in model.get_weights()])
    return model


def random(name, seed=0):
    """A narrow model of that name with random weights, none zero."""
    rng = np.random.default_rng(seed)
    return filled(MODELS[name](**NARROW[name]),
                  lambda w: rng.normal(0, np.prod(w.shape[:-1], initial=1.0)**-0.5, w.shape)
                  if w.ndim == 4 else rng.uniform(0.01, 0.05, w.shape))


def conv(side, inward, outward, bias=True):
    return side**2 * inward * outward + bias * outward


COUNTS = {
    "srcnn": conv(9, 1, 64) + conv(5, 64, 32) + conv(5, 32, 1),
    "vdsr": conv(3, 1, 64) + 18 * conv(3, 64, 64) + conv(3, 64, 1),
    # five of the seven have a normalisation (factor, offset, mean, variance) and no bias
    "ircnn": conv(3, 1, 64) + 5 * (conv(3, 64, 64, bias=False) + 4 * 64) + conv(3, 64, 1),
    "unet": conv(3, 1, 32) + conv(3, 32, 64) + conv(3, 64, 128) + conv(3, 128, 256)
    + conv(3, 480, 4),
    "zoom": conv(3, 1, 32) + 8 * (conv(3, 32, 96) + conv(3, 96, 32)) + conv(3, 32, 4),
}


@pytest.mark.parametrize("name", MODELS)
def test_the_parameter_count_is_the_closed_form(name):
    assert MODELS[name]().count_params() == COUNTS[name]


def weights_of_convolutions(model):
    return sum(int(np.prod(layer.kernel.shape)) for layer in photo_models.convolutions(model))


def test_srcnn_and_vdsr_have_the_size_of_their_papers():
    """SRCNN 9-5-5 has 57,184 weights, biases not counted; VDSR about 665,000 parameters."""
    assert weights_of_convolutions(photo_models.srcnn()) == 57_184
    assert round(photo_models.vdsr().count_params(), -3) in (665_000, 666_000)


@pytest.mark.parametrize("name", MODELS)
def test_every_size_is_doubled(name):
    model = random(name)
    for height, width in ((1, 1), (2, 5), (16, 9), (23, 40)):
        found = run(model, np.ones((2, height, width, 1), "float32"))
        assert found.shape == (2, 2 * height, 2 * width, 1)
        assert found.dtype == np.float32 and np.isfinite(found).all()
        assert model.compute_output_shape((2, height, width, 1)) == found.shape


def influence(model, size):
    """seen[o, p]: does output row o change with input row p? For ``size`` input rows.

    The weights are positive, so nothing cancels. One pixel of a black picture is made 1, and
    then -1, since behind the negative part of bicubic's kernel a ReLU lets only that through.
    Of a network that moves its input, to below zero, what follows the move is looked at.
    """
    moves = [layer for layer in model.layers if isinstance(layer, layers.Rescaling)]
    if moves:
        model = keras.Model(moves[0].output, model.get_layer("high_res").input[1])
    filled(model, lambda w: np.full(w.shape, 1 / np.prod(w.shape[:-1])) if w.ndim == 4
           else np.zeros(w.shape))
    pixels = np.eye(size, dtype="float32")[:, :, None, None]
    changed = (run(model, pixels) != 0) | (run(model, -pixels) != 0)
    return changed.any(axis=(2, 3)).T


def span(row):
    places = np.flatnonzero(row)
    return places[-1] - places[0] + 1


FIELDS = {"srcnn": 9 + 5 + 5 - 2, "vdsr": 41, "ircnn": 33}  # as their papers have it


@pytest.mark.parametrize("name", FIELDS)
def test_the_receptive_field_is_that_of_the_paper(name):
    model = MODELS[name](**NARROW[name])
    behind = keras.Model(model.get_layer("bicubic").output, model.output)
    seen = influence(behind, 100)
    assert {span(row) for row in seen[45:55]} == {FIELDS[name]}
    assert anatomy.receptive_field(model) == FIELDS[name]


def test_the_receptive_field_of_the_networks_at_low_resolution_is_what_they_see():
    """Residual: 18 convolutions of 3x3 one after the other. U-Net: by its place in a block."""
    seen = influence(MODELS["zoom"](**NARROW["zoom"]), 128)
    assert {span(row) for row in seen[120:136]} == {1 + 2 * 18}
    assert anatomy.receptive_field(MODELS["zoom"]()) == 1 + 2 * 18
    seen = influence(MODELS["unet"](widths=(2, 2, 2, 2)), 128)
    assert max(span(row) for row in seen[120:136]) == anatomy.receptive_field(MODELS["unet"]())


@pytest.mark.parametrize("name", MODELS)
def test_a_pixel_depends_on_its_reach_and_on_nothing_beyond(name):
    model = MODELS[name](**NARROW[name])
    seen = influence(model, 128)
    distance = [np.abs(np.flatnonzero(seen[row]) - row // 2).max() for row in range(112, 144)]
    assert max(distance) == anatomy.reach(model)


@pytest.mark.parametrize("size", [(9, 7), (8, 16), (4, 1), (1, 1)])
def test_the_bicubic_layer_is_the_bicubic_of_resize_and_of_tensorflow(size):
    images = np.random.default_rng(0).random((2, *size, 3), "float32")
    doubled = (2 * size[0], 2 * size[1])
    found = run(photo_models.Bicubic(), images)
    np.testing.assert_allclose(found, resize.resize(images, doubled), atol=1e-5)
    np.testing.assert_allclose(found, tf.image.resize(images, doubled, "bicubic"), atol=1e-5)


@pytest.mark.parametrize("name", ["srcnn", "vdsr", "ircnn", "unet", "zoom"])
def test_training_starts_from_bicubic(name):
    images = np.random.default_rng(0).random((1, 9, 12, 1), "float32")
    np.testing.assert_allclose(run(recipes.build(name), images),
                               resize.resize(images, (18, 24)), atol=1e-5)


def test_a_network_that_has_absorbed_its_shortcut_gives_the_same_without_it():
    rng = np.random.default_rng(0)
    model = filled(photo_models.srcnn_with_shortcut(), lambda w: rng.normal(0, 0.05, w.shape))
    plain = photo_models.absorb(model)
    assert [w.shape for w in plain.weights] == [w.shape for w in photo_models.srcnn().weights]
    assert not any(isinstance(layer, layers.Add) for layer in plain.layers)
    images = rng.uniform(0.3, 0.7, (2, 11, 9, 1)).astype("float32")  # bicubic stays above black
    wanted = run(model, images)
    assert np.abs(wanted - resize.resize(images, (22, 18))).max() > 0.05  # the detail is not nil
    np.testing.assert_allclose(run(plain, images), wanted, atol=1e-4)


def test_a_network_that_has_absorbed_its_shortcut_and_learned_nothing_clips_bicubic_at_black():
    plain = photo_models.absorb(photo_models.srcnn_with_shortcut())
    images = np.random.default_rng(0).integers(0, 2, (1, 9, 12, 1)).astype("float32")
    bicubic = resize.resize(images, (18, 24))
    assert bicubic.min() < -0.01
    np.testing.assert_allclose(run(plain, images), np.maximum(bicubic, 0), atol=1e-5)


def test_folding_takes_the_normalisation_out_and_changes_nothing():
    rng = np.random.default_rng(0)
    model = photo_models.ircnn(width=4)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1
                       else rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    folded = photo_models.fold(model)
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in folded.layers)
    images = rng.random((2, 11, 9, 1)).astype("float32")
    wanted = run(model, images)
    assert np.abs(wanted - resize.resize(images, (22, 18))).max() > 0.1  # the detail is not nil
    np.testing.assert_allclose(run(folded, images), wanted, atol=1e-4)


def test_zoom_is_the_mean_of_its_looks_at_a_photo_upright_and_upside_down():
    rng = np.random.default_rng(0)
    once = filled(MODELS["zoom"](4, 3, 6, ways=1), lambda w: rng.normal(0, 0.2, w.shape))
    twice = photo_models.both_ways(once)
    images = rng.random((3, 9, 12, 1)).astype("float32")
    upright, turned_over = run(once, images), run(once, images[:, ::-1, ::-1])[:, ::-1, ::-1]
    assert np.abs(upright - turned_over).max() > 0.01
    np.testing.assert_allclose(run(twice, images), (upright + turned_over) / 2, atol=1e-5)
    assert [w.shape for w in twice.get_weights()] == [w.shape for w in once.get_weights()]


def of_turns(seed=0):
    """A narrow ``zoom_of_turns`` with random weights, none zero."""
    rng = np.random.default_rng(seed)
    return filled(photo_models.zoom_of_turns(8, 2, 16),
                  lambda w: rng.normal(0, (np.prod(w.shape[:-1]) / 8)**-0.5, w.shape)
                  if w.ndim == 4 else rng.normal(0, 0.1, w.shape))


@pytest.mark.parametrize("turn", range(1, 8))
def test_a_turned_photo_gets_the_turned_answer(turn):
    rng = np.random.default_rng(0)
    photo = rng.random((9, 12, 1)).astype("float32")
    image = np.ascontiguousarray(patches.turned(photo, turn))
    model = of_turns()
    answer = run(model, photo[None])[0]
    detail = answer - resize.resize(photo[None], (18, 24))[0]
    assert detail.std() > 0.1
    found = run(model, image[None])[0]
    np.testing.assert_allclose(found, patches.turned(answer, turn), atol=1e-4)


def test_a_plain_network_does_not_turn_with_the_photo():
    rng = np.random.default_rng(0)
    plain = filled(MODELS["zoom"](8, 2, 16, ways=1), lambda w: rng.normal(0, 0.1, w.shape))
    photo = rng.random((1, 9, 12, 1)).astype("float32")
    assert np.abs(run(plain, photo[:, ::-1]) - run(plain, photo)[:, ::-1]).max() > 0.01


@pytest.mark.parametrize("shape", [(3, 3, 1, 16), (3, 3, 16, 24), (3, 3, 16, 4)])
def test_an_eighth_of_the_weights_is_free(shape):
    size = int(np.prod(shape))
    basis = np.eye(size, dtype="float32").reshape(size, *shape)
    mean = np.stack([photo_models.mean_of_turns(one) for one in basis]).reshape(size, size)
    np.testing.assert_allclose(mean @ mean, mean, atol=1e-6)
    assert np.trace(mean) == pytest.approx(size / 8)  # the rank of a projection


def test_turned_kernels_vary_as_much_as_plain_ones_before_training():
    plain, turning = (photo_models.convolutions(build()) for build in
                      (photo_models.zoom, photo_models.zoom_of_turns))
    for one, other in zip(plain[1:-1], turning[1:-1], strict=True):  # of many free weights
        kernel = photo_models.mean_of_turns(other.kernel)
        assert np.std(kernel) == pytest.approx(np.std(one.kernel), rel=0.25)


def test_weights_stay_the_mean_of_their_turns_in_training():
    model = photo_models.zoom_of_turns(8, 1, 16)
    rng = np.random.default_rng(0)
    model.compile(muon.Muon(1e-2, narrow=1), "mse")
    before = model.get_weights()
    model.fit(rng.random((8, 12, 12, 1)), rng.random((8, 24, 24, 1)), verbose=0, epochs=3)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() > 1e-3
        np.testing.assert_allclose(new, photo_models.mean_of_turns(new), atol=1e-5)


@pytest.mark.parametrize(("channels", "filters"), [(2, 8), (4, 8), (1, 12), (8, 1)])
def test_channels_that_do_not_stand_in_eight_groups_are_refused(channels, filters):
    with pytest.raises(ValueError, match="multiple of 8"):
        photo_models.TurnedConv2D(filters, 3).build((None, 9, 9, channels))


def test_saved_models_load_in_a_fresh_process_with_safe_mode_on(after_loading):
    images = np.random.default_rng(0).random((2, 9, 11, 1), "float32")
    made = {name: random(name) for name in MODELS} | {"zoom_of_turns": of_turns()}
    found = after_loading(made, images, "photo_models")
    for name, model in made.items():
        np.testing.assert_allclose(found[name], run(model, images), atol=1e-5)


@pytest.mark.parametrize("name", ["srcnn", "vdsr", "ircnn"])
def test_multiplications_are_the_weights_times_the_pixels(name):
    model = MODELS[name]()
    assert anatomy.macs(model, 512, 256) == 512 * 256 * weights_of_convolutions(model)


@pytest.mark.parametrize("ways", [1, 2])
def test_at_low_resolution_there_is_a_quarter_of_the_pixels_for_each_look(ways):
    model = photo_models.zoom(ways=ways)
    assert anatomy.macs(model, 512, 256) == ways * 256 * 128 * weights_of_convolutions(model)
