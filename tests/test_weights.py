"""The trained networks: loaded if they are there, otherwise trained, with what they need."""

import contextlib

import keras
import numpy as np
import pytest

from shared import recipes, weights
from shared.data import pipeline
from shared.models import classifiers
from shared.training import store, trainer
from shared.training.recipe import Recipe


def tiny_network(name):
    keras.utils.set_random_seed(len(name))
    number = keras.Input((1,))
    return keras.Model(number, keras.layers.Dense(1)(number), name=name)


class Bench:
    """Recipes of tiny networks that note what is built, and which networks they were handed."""

    def __init__(self):
        self.built, self.handed = [], {}

    def recipe(self, name, *needs):
        def build(networks):
            self.built.append(name)
            self.handed[name] = networks
            return tiny_network(name)

        numbers = np.arange(8, dtype="float32")[:, None]
        return Recipe(about=f"the network {name}", data="numbers", epochs=1, needs=needs,
                      build=build, measure=lambda model, networks: {"needs": len(networks)},
                      batches=lambda networks: pipeline.Batches(
                          numbers, lambda x, rng: (x, 2 * x), 8))


@pytest.fixture
def bench(monkeypatch, desk):
    """An empty data folder, and four recipes: "top" needs "left" and "right", which need "root"."""
    bench = Bench()
    monkeypatch.setattr(recipes, "RECIPES", {
        "root": bench.recipe("root"), "left": bench.recipe("left", "root"),
        "right": bench.recipe("right", "root"), "top": bench.recipe("top", "right", "left"),
        "alone": bench.recipe("alone")})
    return bench


def put(*names):
    """Store networks of those names, as if they had been trained; returns their weights."""
    for name in names:
        store.save(tiny_network(name), name, {"name": name, "test": {}})
    return {name: store.load(name).get_weights() for name in names}


def same_weights(model, arrays):
    return all(np.array_equal(a, b) for a, b in zip(model.get_weights(), arrays, strict=True))


def test_a_network_that_is_there_is_loaded_and_nothing_is_trained(bench):
    stored = put("top")
    assert same_weights(weights.load_or_train("top"), stored["top"])
    assert bench.built == []


@pytest.mark.slow
def test_a_network_that_is_missing_is_trained_by_its_recipe_saved_and_loaded(bench, capsys):
    model = weights.load_or_train("alone")
    assert bench.built == ["alone"] and model.name == "alone"
    assert store.read_card("alone")["about"] == "the network alone"
    assert same_weights(model, store.load("alone").get_weights())
    assert not same_weights(model, store.plain(tiny_network("alone")).get_weights())  # it learned
    assert capsys.readouterr().out.startswith("epoch 1/1")


@pytest.mark.slow
def test_what_a_network_needs_is_trained_before_it_and_handed_in_by_name(bench):
    weights.load_or_train("top", progress=False)
    assert bench.built == ["root", "right", "left", "top"]  # root once, and before both
    assert list(bench.handed["top"]) == ["right", "left"] and bench.handed["root"] == {}
    for name, network in bench.handed["top"].items():
        assert same_weights(network, store.load(name).get_weights())
    assert store.read_card("top")["test"] == {"needs": 2}


@pytest.mark.slow
def test_what_a_network_needs_is_loaded_where_it_is_there(bench):
    stored = put("left", "right")
    weights.load_or_train("top", progress=False)
    assert bench.built == ["top"]  # not even root, since both that need it are there
    for name, network in bench.handed["top"].items():
        assert same_weights(network, stored[name])


def test_each_needed_network_is_loaded_once_onto_all_devices_and_trained_outside_of_them(
        bench, monkeypatch):
    put("root", "left")
    steps = []

    @contextlib.contextmanager
    def all_devices():
        steps.append("all devices")
        yield
        steps.append("as before")

    def train_by_recipe(name, recipe, networks, *options):
        steps.append(f"train {name}")
        put(name)

    def load(name):
        steps.append(f"load {name}")
        return store.load(name)

    monkeypatch.setattr(weights.devices, "all_devices", all_devices)
    monkeypatch.setattr(trainer, "train_by_recipe", train_by_recipe)
    monkeypatch.setattr(weights, "load", load)
    weights.train("top")
    assert steps == ["all devices", "load root", "as before", "train right",
                     "all devices", "load right", "load left", "as before", "train top"]


@pytest.mark.slow
def test_training_again_replaces_the_network_and_none_of_those_it_needs(bench):
    stored = put("root", "left")
    assert weights.train("left", progress=False) == {"needs": 1}
    assert bench.built == ["left"]
    assert not same_weights(store.load("left"), stored["left"])
    assert same_weights(store.load("root"), stored["root"])


@pytest.mark.slow
def test_training_asked_to_be_silent_is_silent_for_the_needed_networks_too(bench, capsys):
    weights.train("left", progress=False)
    weights.load_or_train("right", progress=False)
    assert capsys.readouterr().out == ""


def test_a_name_without_network_and_recipe_is_refused_with_the_names_there_are(bench):
    for function in (weights.load_or_train, weights.train, weights.needed_by, weights.untrained):
        with pytest.raises(KeyError, match="nonsense.*root, left, right, top, alone"):
            function("nonsense")


def test_an_untrained_network_is_the_one_that_training_begins_with(bench):
    put("root")
    assert same_weights(weights.untrained("left"), tiny_network("left").get_weights())
    assert not store.exists("left")
    assert same_weights(bench.handed["left"]["root"], store.load("root").get_weights())


@pytest.fixture
def number_format():
    before = keras.mixed_precision.dtype_policy()
    yield keras.mixed_precision.set_dtype_policy
    keras.mixed_precision.set_dtype_policy(before)


@pytest.mark.slow
@pytest.mark.parametrize("policy, computes_in", [("mixed_bfloat16", "bfloat16"),
                                                 ("float32", "float32")])
def test_a_frozen_network_has_its_stored_weights_and_the_current_number_format(
        policy, computes_in, number_format):
    number_format(policy)
    frozen, stored = weights.frozen("classifier_a"), store.load("classifier_a")
    assert classifiers.fingerprint(frozen) == classifiers.fingerprint(stored)
    assert frozen.trainable_weights == []
    # Neither the input, which computes nothing, nor the logits, which are float32 in all formats.
    assert {layer.compute_dtype for layer in frozen.layers[1:-1]} == {computes_in}
    assert {layer.compute_dtype for layer in stored.layers[1:-1]} == {"float32"}
