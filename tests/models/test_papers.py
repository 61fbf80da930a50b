"""The networks of papers: their sizes, and what ``absorb`` and ``fold`` leave unchanged."""

import keras
import numpy as np
import pytest

from shared.images import resize
from shared.models import papers


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def weights_of_convolutions(model):
    return sum(int(np.prod(layer.kernel.shape)) for layer in papers.convolutions(model))


def test_srcnn_has_the_57184_weights_of_its_paper():
    """Dong et al. (2016) count the weights of SRCNN 9-5-5 without its 97 biases."""
    assert weights_of_convolutions(papers.srcnn()) == 57_184
    assert papers.srcnn().count_params() == 57_184 + 97


def test_vdsr_has_the_665_thousand_parameters_that_papers_state():
    assert papers.vdsr().count_params() // 1000 == 665


def test_the_networks_have_the_parameters_of_the_table_in_lesson_06():
    networks = {"vdsr": papers.vdsr(), "ircnn": papers.fold(papers.ircnn()), "unet": papers.unet()}
    assert {name: network.count_params() for name, network in networks.items()} == {
        "vdsr": 665_921, "ircnn": 185_857, "unet": 672_268}


def test_ircnn_has_the_layers_of_its_paper():
    """Zhang et al. (2017): dilations 1, 2, 3, 4, 3, 2, 1, with normalisation in the middle."""
    model = papers.ircnn()
    assert [layer.dilation_rate for layer in papers.convolutions(model)] == [
        (1, 1), (2, 2), (3, 3), (4, 4), (3, 3), (2, 2), (1, 1)]
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("BatchNormalization") == 5 and kinds.count("ReLU") == 6


def test_a_network_that_has_absorbed_its_shortcut_computes_the_same_without_it():
    rng = np.random.default_rng(0)
    model = papers.srcnn_with_shortcut()
    model.set_weights([rng.normal(0, 0.05, w.shape) for w in model.get_weights()])
    plain = papers.absorb(model)
    assert [w.shape for w in plain.weights] == [w.shape for w in papers.srcnn().weights]
    assert not any(isinstance(layer, keras.layers.Add) for layer in plain.layers)
    images = rng.uniform(0.3, 0.7, (2, 11, 9, 1)).astype("float32")  # bicubic stays above black
    expected = run(model, images)
    assert np.abs(expected - resize.resize(images, (22, 18))).max() > 0.05  # there is detail
    np.testing.assert_allclose(run(plain, images), expected, atol=1e-4)


def test_a_network_that_has_absorbed_its_shortcut_and_learned_nothing_clips_bicubic_at_black():
    plain = papers.absorb(papers.srcnn_with_shortcut())
    images = np.random.default_rng(0).integers(0, 2, (1, 9, 12, 1)).astype("float32")
    bicubic = resize.resize(images, (18, 24))
    assert bicubic.min() < -0.01
    np.testing.assert_allclose(run(plain, images), np.maximum(bicubic, 0), atol=1e-5)


def test_folding_removes_the_normalisation_and_changes_nothing():
    rng = np.random.default_rng(0)
    model = papers.ircnn(width=4)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1
                       else rng.normal(0, 0.3, w.shape) for w in model.get_weights()])
    folded = papers.fold(model)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    images = rng.random((2, 11, 9, 1)).astype("float32")
    expected = run(model, images)
    assert np.abs(expected - resize.resize(images, (22, 18))).max() > 0.1  # there is detail
    np.testing.assert_allclose(run(folded, images), expected, atol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (13, 6)])
def test_the_first_four_layers_of_unet_work_at_full_half_quarter_and_eighth_resolution(size):
    widths = (2, 4, 16, 64)
    model = papers.unet(widths)
    stages = papers.convolutions(model)[:4]
    probe = keras.Model(model.input, [layer.output for layer in stages])
    shapes = [tuple(output.shape[1:]) for output in probe(np.zeros((1, *size, 1), "float32"))]
    for level, shape in enumerate(shapes):
        assert shape == (*(-(-side // 2**level) for side in size), widths[level])
