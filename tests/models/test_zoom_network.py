"""The networks for photos: what all of them share, and equivariance."""

import keras
import numpy as np
import pytest

from shared import weights
from shared.images import resize, turns
from shared.models import layers, papers, zoom_network
from shared.models.zoom_network import PHOTO_NETWORKS, equivariant_zoom, zoom
from shared.training import optimizers


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def random_zoom(deviation, *args, **options):
    """A ``zoom`` with random weights, none zero."""
    rng = np.random.default_rng(0)
    model = zoom(*args, **options)
    model.set_weights([rng.normal(0, deviation, w.shape) for w in model.get_weights()])
    return model


def random_equivariant_zoom():
    """A narrow ``equivariant_zoom`` with random weights, none zero."""
    rng = np.random.default_rng(0)
    model = equivariant_zoom(8, 2, 2)
    model.set_weights([rng.normal(0, (np.prod(w.shape[:-1]) / 8)**-0.5, w.shape) if w.ndim == 4
                       else rng.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


@pytest.mark.parametrize("build", [zoom, equivariant_zoom])
def test_zoom_has_the_parameters_of_its_description(build):
    assert build().count_params() == 888_260


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_every_photo_network_doubles_every_size(name, random_photo_network):
    model = random_photo_network(name)
    for height, width in ((1, 1), (2, 5), (16, 9), (23, 40)):
        found = run(model, np.ones((2, height, width, 1), "float32"))
        assert found.shape == (2, 2 * height, 2 * width, 1)
        assert found.dtype == np.float32 and np.isfinite(found).all()
        assert model.compute_output_shape((2, height, width, 1)) == found.shape


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_every_photo_network_returns_float32_though_it_computes_in_bfloat16(name, mixed_bfloat16):
    model = PHOTO_NETWORKS[name]()
    assert papers.convolutions(model)[0].compute_dtype == "bfloat16"
    assert run(model, np.ones((1, 4, 4, 1), "float32")).dtype == np.float32


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_training_of_every_photo_network_starts_from_bicubic(name):
    images = np.random.default_rng(0).random((1, 9, 12, 1), "float32")
    np.testing.assert_allclose(run(weights.untrained(name), images),
                               resize.resize(images, (18, 24)), atol=1e-5)


def test_grey_is_zero_inside_the_network_so_without_biases_a_grey_photo_stays_as_it_is():
    model = random_zoom(0.2, 4, 2, 2)
    model.set_weights([w if w.ndim == 4 else 0 * w for w in model.get_weights()])
    for grey, unchanged in ((0.5, True), (0.6, False)):
        found = run(model, np.full((1, 7, 9, 1), grey, "float32"))
        assert np.allclose(found, grey, atol=1e-6) == unchanged


def test_negative_values_inside_a_block_are_scaled_by_a_tenth():
    x = keras.Input((None, None, 2))
    block = keras.Model(x, zoom_network.wide_block(x, 1))
    identity = np.zeros((3, 3, 2, 2), "float32")
    identity[1, 1] = np.eye(2)
    block.set_weights([identity, np.zeros(2), identity, np.zeros(2)])
    values = np.float32([[-1, 2]]).reshape(1, 1, 1, 2)
    np.testing.assert_allclose(run(block, values).ravel(), [-1 - 0.1, 2 + 2], rtol=1e-6)


@pytest.mark.parametrize("turn", range(1, 8))
def test_the_equivariant_network_returns_the_turned_output_for_a_turned_photo(turn):
    rng = np.random.default_rng(0)
    photo = rng.random((9, 12, 1)).astype("float32")
    model = random_equivariant_zoom()
    output = run(model, photo[None])[0]
    detail = output - resize.resize(photo[None], (18, 24))[0]
    assert detail.std() > 0.1
    image = np.ascontiguousarray(turns.turned(photo, turn))
    np.testing.assert_allclose(run(model, image[None])[0], turns.turned(output, turn), atol=1e-4)


def test_a_plain_network_is_not_equivariant():
    plain = random_zoom(0.1, 8, 2, 2)
    photo = np.random.default_rng(1).random((1, 9, 12, 1)).astype("float32")
    assert np.abs(run(plain, photo[:, ::-1]) - run(plain, photo)[:, ::-1]).max() > 0.01


def test_equivariant_kernels_vary_as_much_as_plain_ones_before_training():
    plain, equivariant = (papers.convolutions(build()) for build in (zoom, equivariant_zoom))
    for one, other in zip(plain[1:-1], equivariant[1:-1], strict=True):  # of many free weights
        kernel = layers.mean_of_turns(other.kernel)
        assert np.std(kernel) == pytest.approx(np.std(one.kernel), rel=0.25)


@pytest.mark.slow
def test_weights_stay_the_mean_of_their_turns_in_training():
    keras.utils.set_random_seed(1)
    model = equivariant_zoom(8, 1, 2)
    rng = np.random.default_rng(0)
    model.compile(optimizers.Muon(1e-2, narrow=1), "mse")
    before = model.get_weights()
    model.fit(rng.random((8, 12, 12, 1)), rng.random((8, 24, 24, 1)), verbose=0, epochs=3)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.abs(new - old).max() > 1e-3
        np.testing.assert_allclose(new, layers.mean_of_turns(new), atol=1e-5)


@pytest.mark.slow
def test_saved_photo_networks_load_in_a_fresh_process_with_safe_mode_on(
        after_loading, random_photo_network):
    images = np.random.default_rng(0).random((2, 9, 11, 1), "float32")
    networks = {name: random_photo_network(name) for name in PHOTO_NETWORKS}
    networks["equivariant_zoom"] = random_equivariant_zoom()
    found = after_loading(networks, images, "models.layers")
    for name, model in networks.items():
        np.testing.assert_allclose(found[name], run(model, images), atol=1e-5)
