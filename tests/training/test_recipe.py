"""A recipe in words and numbers: its cycles, its first network, and what goes on the card."""

import functools
import json

import keras
import numpy as np
import pytest

from shared.models import upscalers
from shared.training import losses, optimizers
from shared.training.recipe import Cycle, Recipe, loss_name, optimizer_name


def recipe(**fields):
    """A recipe of a small network; ``fields`` differ from the defaults."""
    return Recipe(**{"about": "for a test", "data": "some digits", "epochs": 4,
                     "build": lambda networks: upscalers.residual_network(4, width=4, blocks=1),
                     "batches": lambda networks: "first batches",
                     "measure": lambda model, networks: {}} | fields)


def other_batches(networks):
    return "other batches"


def test_the_first_cycle_has_the_fields_of_the_recipe():
    cycle, = recipe(peak_rate=3e-3, loss="mae", optimizer=keras.optimizers.SGD).cycles()
    assert (cycle.epochs, cycle.peak_rate, cycle.continues) == (4, 3e-3, False)
    assert (cycle.loss, cycle.optimizer) == ("mae", keras.optimizers.SGD)
    assert cycle.batches({}) == "first batches"


def test_a_further_cycle_has_the_fields_of_the_recipe_where_it_has_none_of_its_own():
    _, plain, own = recipe(loss="mae", further_cycles=(
        Cycle(2, 1e-3, other_batches),
        Cycle(3, 5e-4, other_batches, "mse", optimizers.Muon))).cycles()
    assert plain == Cycle(2, 1e-3, other_batches, "mae", keras.optimizers.Adam)
    assert own == Cycle(3, 5e-4, other_batches, "mse", optimizers.Muon)


def test_every_cycle_can_be_shortened_to_so_many_epochs():
    whole = recipe(further_cycles=(Cycle(2, 1e-3, other_batches),))
    assert [cycle.epochs for cycle in whole.cycles()] == [4, 2]
    assert [cycle.epochs for cycle in whole.cycles(1)] == [1, 1]


def test_a_cycle_that_continues_has_no_peak_rate_of_its_own_on_the_card():
    summary = recipe(further_cycles=(
        Cycle(2, None, other_batches, "mae", continues=True),)).summary()
    assert (summary["epochs"], summary["peak_rate"]) == (6, 2e-3)
    assert summary["loss"] == "mse, then mae"


def test_the_summary_of_one_cycle_has_one_peak_rate():
    assert recipe(seed=7).summary() == {
        "about": "for a test", "data": "some digits", "loss": "mse", "optimizer": "Adam",
        "epochs": 4, "peak_rate": 2e-3, "seed": 7}


def test_the_summary_of_several_cycles_adds_their_epochs_and_lists_their_peak_rates():
    summary = recipe(further_cycles=(Cycle(2, 1e-3, other_batches),
                                     Cycle(3, 1e-3, other_batches, "mae", optimizers.Muon),
                                     )).summary()
    assert summary["epochs"] == 9
    assert summary["peak_rate"] == [2e-3, 1e-3, 1e-3]
    assert summary["loss"] == "mse, then mae"  # named once although two cycles use it
    assert summary["optimizer"] == "Adam, then Muon"
    assert json.loads(json.dumps(summary)) == summary


def test_an_optimizer_is_named_with_its_settings():
    assert optimizer_name(keras.optimizers.Adam) == "Adam"
    assert optimizer_name(functools.partial(optimizers.Muon, narrow=1)) == "Muon(narrow=1)"
    averaged = functools.partial(functools.partial(optimizers.Muon, narrow=1), use_ema=True)
    assert optimizer_name(averaged) == "Muon(narrow=1, use_ema=True)"


@pytest.mark.parametrize("loss, name", [
    ("mae", "mae"), (losses.log_mse, "log_mse"),
    (keras.losses.SparseCategoricalCrossentropy(), "sparse_categorical_crossentropy")])
def test_a_loss_is_named_whether_it_is_a_string_a_function_or_an_object(loss, name):
    assert loss_name(loss) == name


def test_several_losses_are_named_with_their_weights_and_outputs():
    parts = {"high_res": losses.log_mse, "digit": "mae"}
    assert loss_name(parts, {"high_res": 1.0, "digit": 0.1}) == "1.0 log_mse (high_res) + " \
                                                                "0.1 mae (digit)"
    assert loss_name(parts) == "1.0 log_mse (high_res) + 1.0 mae (digit)"


def test_the_first_weights_follow_from_the_seed_alone():
    first, again, other = (recipe(seed=seed).new_network({}).get_weights() for seed in (3, 3, 4))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.any(first[0] != other[0])


def test_a_network_is_built_from_the_networks_that_are_handed_in():
    """As those of lesson 03, which continue from the weights of another."""
    trained = upscalers.residual_network(4, width=4, blocks=1)
    continued = recipe(needs=("trained",), build=lambda networks: upscalers.copied(
        networks["trained"], "continued")).new_network({"trained": trained})
    assert continued is not trained
    for a, b in zip(trained.get_weights(), continued.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
