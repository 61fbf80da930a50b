"""The command that trains networks: names, lists, messages, and how an interruption ends."""

import signal

import keras
import numpy as np
import pytest

from shared import recipes, train, weights
from shared.data import pipeline
from shared.training import store
from shared.training.recipe import Recipe


@pytest.fixture
def asked(monkeypatch):
    """The names that ``weights.train`` is called with; nothing is trained."""
    names = []

    def note(name):
        names.append(name)
        return {"psnr": 20.5, "mse_of_means": [1.0, 2.0]}

    monkeypatch.setattr(weights, "train", note)
    return names


def test_list_names_every_recipe_and_trains_none(asked, capsys):
    train.main(["--list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(recipes.RECIPES)
    for line, recipe in zip(lines, recipes.RECIPES.values(), strict=True):
        assert line.endswith(recipe.about)
    assert asked == []


@pytest.mark.parametrize("arguments, message", [
    (["nonsense"], "'nonsense': choose from baseline"),
    (["baseline", "nonsense"], "'nonsense': choose from baseline"), ([], "--all, or --list")])
def test_an_unknown_name_or_none_ends_with_code_2_and_the_choices(
        arguments, message, asked, capsys):
    with pytest.raises(SystemExit) as stop:
        train.main(arguments)
    assert stop.value.code == 2 and asked == []
    assert message in capsys.readouterr().err


def test_the_named_networks_are_trained_in_that_order_and_their_figures_printed(asked, capsys):
    train.main(["hd", "baseline"])
    assert asked == ["hd", "baseline"]
    first, figures, *_ = capsys.readouterr().out.splitlines()
    assert first == f"hd: {recipes.RECIPES['hd'].about}"
    assert figures == "psnr 20.500"


def test_all_trains_every_network(asked):
    train.main(["--all"])
    assert asked == list(recipes.RECIPES)


def test_an_interruption_says_which_command_continues(monkeypatch):
    def stop(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(weights, "train", stop)
    with pytest.raises(SystemExit, match="`python -m shared.train hd` continues"):
        train.main(["hd"])


def test_sigterm_ends_as_ctrl_c_does_with_code_143(monkeypatch, capsys):
    def told_to_end(name):
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(weights, "train", told_to_end)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        train.main(["hd"])
    assert stop.value.code == 143
    assert "`python -m shared.train hd` continues" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_full_disk_ends_with_one_sentence(monkeypatch):
    def full(name):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "train", full)
    with pytest.raises(SystemExit, match="No space left.*`python -m shared.train hd` continues"):
        train.main(["hd"])


def test_the_help_shows_the_three_ways_to_use_it(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    printed = capsys.readouterr().out
    for use in ("shared.train baseline ...", "shared.train --all", "shared.train --list"):
        assert use in printed


def test_the_command_trains_a_network_by_its_recipe_and_saves_it(monkeypatch, desk, capsys):
    def network(networks):
        pixel = keras.Input((1,))
        return keras.Model(pixel, keras.layers.Dense(1)(pixel))

    numbers = np.arange(16, dtype="float32")[:, None]
    monkeypatch.setitem(recipes.RECIPES, "small", Recipe(
        about="for a test", data="numbers", epochs=1, build=network,
        batches=lambda networks: pipeline.Batches(numbers, lambda x, rng: (x, 2 * x), 8),
        measure=lambda model, networks: {"weights": float(model.count_params())}))
    train.main(["small"])
    assert store.read_card("small")["about"] == "for a test" and store.load("small")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "small: for a test" and lines[1].startswith("epoch 1/1 ")
    assert lines[-1] == "weights 2.000"
