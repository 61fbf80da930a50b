"""Receptive fields and operations: read from the layers, and seen in what the networks do."""

import keras
import numpy as np
import pytest

from shared.measures import cost
from shared.models import papers, zoom_network
from shared.models.zoom_network import PHOTO_NETWORKS
from shared.training import store


def run(model, images):
    return keras.ops.convert_to_numpy(model(images, training=False))


def influence(model, size):
    """seen[o, p]: does output row o change with input row p? For ``size`` input rows.

    Weights are made positive, so nothing cancels out. One pixel of a black image is set to 1,
    and then to -1, since a ReLU that follows a negative weight of bicubic's kernel passes only
    that on. If a network shifts its input below zero, the part after that is looked at.
    """
    shifts = [layer for layer in model.layers if isinstance(layer, keras.layers.Rescaling)]
    if shifts:
        model = keras.Model(shifts[0].output, model.get_layer("high_res").input[1])

    def positive(weights):
        if (weights == 1).all():  # factors and variances of a normalisation
            return weights
        value = 1 / np.prod(weights.shape[:-1]) if weights.ndim == 4 else 0.0
        return np.full(weights.shape, value)

    model.set_weights([positive(weights) for weights in model.get_weights()])
    pixels = np.eye(size, dtype="float32")[:, :, None, None]
    changed = (run(model, pixels) != 0) | (run(model, -pixels) != 0)
    return changed.any(axis=(2, 3)).T


def span(row):
    places = np.flatnonzero(row)
    return places[-1] - places[0] + 1


FIELDS = {"srcnn": 9 + 5 + 5 - 2, "vdsr": 41, "ircnn": 33}  # as stated in their papers


@pytest.mark.parametrize("name", FIELDS)
def test_the_receptive_field_is_that_of_the_paper(name, random_photo_network):
    model = random_photo_network(name)
    after_bicubic = keras.Model(model.get_layer("bicubic").output, model.output)
    seen = influence(after_bicubic, 100)
    assert {span(row) for row in seen[45:55]} == {FIELDS[name]}
    assert cost.receptive_field(model) == FIELDS[name]


def test_the_receptive_field_of_the_networks_at_low_resolution_is_what_they_see(
        random_photo_network):
    """``zoom`` of 8 blocks has 18 convolutions of 3x3 in a row, one of 16 blocks has 34. In
    ``unet`` it depends on the position."""
    seen = influence(random_photo_network("zoom"), 128)
    assert {span(row) for row in seen[120:136]} == {1 + 2 * 18}
    assert cost.receptive_field(PHOTO_NETWORKS["zoom"]()) == 1 + 2 * 34
    seen = influence(random_photo_network("unet"), 128)
    assert max(span(row) for row in seen[120:136]) == cost.receptive_field(PHOTO_NETWORKS["unet"]())


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_a_pixel_depends_on_its_reach_and_on_nothing_beyond(name, random_photo_network):
    model = random_photo_network(name)
    seen = influence(model, 128)
    distance = [np.abs(np.flatnonzero(seen[row]) - row // 2).max() for row in range(112, 144)]
    assert max(distance) == cost.reach(model)


@pytest.mark.parametrize(("name", "billions"), [("srcnn", 52.7), ("vdsr", 612.6)])
def test_the_operations_for_1280x720_are_those_that_papers_state(name, billions):
    """Ahn, Kang and Sohn (2018) compare networks by this number of multiplications."""
    assert round(cost.macs(PHOTO_NETWORKS[name](), 720, 1280) / 1e9, 1) == billions


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_the_operations_are_the_weights_times_the_positions_that_a_network_computes(
        name, random_photo_network):
    model = random_photo_network(name)
    convolutions = papers.convolutions(model)
    probe = keras.Model(model.input, [layer.output for layer in convolutions])
    outputs = probe(np.zeros((1, 9, 13, 1), "float32"), training=False)
    operations = sum(int(np.prod(output.shape[:3])) * int(np.prod(layer.kernel.shape))
                     for layer, output in zip(convolutions, outputs, strict=True))
    assert cost.macs(model, 18, 26) == operations


def test_at_low_resolution_there_is_a_quarter_of_the_pixels():
    model = zoom_network.zoom()
    weights = sum(int(np.prod(layer.kernel.shape)) for layer in papers.convolutions(model))
    assert cost.macs(model, 512, 256) == 256 * 128 * weights


@pytest.mark.parametrize("name", PHOTO_NETWORKS)
def test_the_operations_for_512x512_are_those_of_the_card(name):
    card = store.read_card(name)
    assert cost.macs(PHOTO_NETWORKS[name](), 512, 512) == card["test"]["macs_512"]


@pytest.mark.parametrize("options", [
    {"padding": "valid"}, {"strides": 2, "padding": "same"}, {"strides": 3, "padding": "same"}])
def test_convolutions_whose_receptive_field_is_not_known_are_refused(options):
    image = keras.Input((None, None, 1))
    model = keras.Model(image, keras.layers.Conv2D(1, 3, **options)(image))
    with pytest.raises(ValueError, match='only convolutions with padding "same" and a stride'):
        cost.receptive_field(model)


def test_other_layers_are_refused_by_name():
    image = keras.Input((None, None, 1))
    pooled = keras.layers.AveragePooling2D(2)(keras.layers.Conv2D(1, 3, padding="same")(image))
    with pytest.raises(ValueError, match="AveragePooling2D are not supported"):
        cost.receptive_field(keras.Model(image, pooled))
