"""Training by a recipe: interrupted and continued, in cycles, measured, saved with a card."""

import contextlib
import dataclasses
import functools
import io
import re

import keras
import numpy as np
import pytest
from conftest import workplace

from shared import runtime
from shared.data import pipeline
from shared.images.degrade import block_mean
from shared.measures import metrics
from shared.models import upscalers
from shared.training import loop, store, trainer
from shared.training.recipe import Cycle, Recipe

FIRST, EPOCHS, IMAGES, BATCH = 2, 4, 512, 16  # epochs of the first cycle, and of both


def small_network(networks):
    return upscalers.residual_network(4, width=4, blocks=1)


def two_cycles(truth):
    """A recipe of two cycles; the second one keeps the running mean of the weights."""
    def measure(model, networks):
        return {"psnr": float(metrics.psnr(
            truth[:16], runtime.predict(model, block_mean(truth[:16]))).mean())}

    return Recipe(
        about="for a test", data="some digits", epochs=FIRST, measure=measure,
        build=small_network,
        batches=lambda networks: pipeline.Batches(
            truth, pipeline.shifted(), batch_size=BATCH, seed=1),
        further_cycles=(Cycle(
            EPOCHS - FIRST, 1e-3,
            lambda networks: pipeline.Batches(truth, pipeline.low_and_high(), BATCH, seed=2),
            optimizer=functools.partial(keras.optimizers.Adam, use_ema=True,
                                        ema_momentum=0.5)),))


def train(recipe, **options):
    """Train by ``recipe`` as "small"; returns the text that is printed."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        trainer.train_by_recipe("small", recipe, {}, **options)
    return screen.getvalue()


def interrupt(epochs):
    """The user's Ctrl-C in the middle of an epoch, after ``epochs`` whole ones."""

    def on_train_batch_end(self, batch, logs=None):
        before = FIRST if self.epochs == EPOCHS else 0  # epochs of the previous cycle
        done = before * self.batches + int(self.model.optimizer.iterations)
        if done > (epochs + 0.5) * self.batches:
            raise KeyboardInterrupt

    return on_train_batch_end


@contextlib.contextmanager
def interruption(patch, epochs):
    with patch.context() as second:
        second.setattr(loop.Progress, "on_train_batch_end", interrupt(epochs))
        with pytest.raises(KeyboardInterrupt):
            yield


@pytest.fixture(scope="module", params=[1, EPOCHS - 1], ids=["first cycle", "second cycle"])
def runs(request, digits, tmp_path_factory):
    """One small recipe trained in one go, then interrupted, then continued.

    A dict: of the whole and of the continued run, the text printed, the weights and the card;
    the files saved by the interrupted run, and the files left at the end.
    """
    folder = tmp_path_factory.mktemp("runs")
    recipe, results = two_cycles(digits.x_train[:IMAGES]), {}

    def run():
        return train(recipe), store.load("small").get_weights(), store.read_card("small")

    with workplace(folder) as patch:
        results["whole"] = run()
        for file in (folder / "weights").iterdir():
            file.unlink()
        with interruption(patch, request.param):
            run()
        results["saved"] = list((folder / "weights").iterdir())
        results["continued"] = run()
        results["measured"] = recipe.measure(store.load("small"), {})
        results["kept"] = request.param  # epochs that were done before the interruption
        results["left"] = [path.name for path in folder.rglob("*") if path.is_file()]
    return results


def epoch_lines(text):
    return [line for line in text.splitlines() if line.startswith("epoch")]


@pytest.mark.slow
def test_an_interrupted_training_saves_no_half_trained_network(runs):
    assert runs["saved"] == []


@pytest.mark.slow
def test_a_continued_training_ends_with_the_weights_of_an_uninterrupted_one(runs):
    for wanted, found in zip(runs["whole"][1], runs["continued"][1], strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert runs["continued"][2]["test"] == runs["whole"][2]["test"]


@pytest.mark.slow
def test_a_continued_training_repeats_only_the_interrupted_epoch_and_prints_the_same(runs):
    whole, continued = (epoch_lines(runs[name][0]) for name in ("whole", "continued"))
    assert [line.count("#") for line in whole] == [20] * EPOCHS
    assert continued == whole[runs["kept"]:]


@pytest.mark.slow
def test_training_lowers_the_loss(runs):
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", runs["whole"][0])]
    assert len(losses) == EPOCHS and losses == sorted(losses, reverse=True)


@pytest.mark.slow
def test_a_finished_training_leaves_a_network_a_complete_card_and_nothing_else(runs):
    assert sorted(runs["left"]) == ["small.json", "small.keras"]
    card = runs["continued"][2]
    assert set(card) == {"name", "about", "data", "loss", "optimizer", "epochs", "batch",
                         "peak_rate", "seed", "precision", "backend", "keras", "seconds",
                         "hardware", "test", "parameters", "sha256"}
    assert (card["name"], card["epochs"], card["batch"]) == ("small", EPOCHS, BATCH)
    assert (card["loss"], card["peak_rate"]) == ("mse", [2e-3, 1e-3])
    assert card["optimizer"] == "Adam, then Adam(use_ema=True, ema_momentum=0.5)"
    assert card["precision"] == "float32"
    assert card["backend"] == keras.backend.backend() and card["keras"] == keras.__version__
    assert np.isfinite(card["test"]["psnr"]) and card["seconds"] >= 0


@pytest.mark.slow
def test_the_figures_on_the_card_are_those_of_the_network_that_is_saved(runs):
    assert runs["continued"][2]["test"] == pytest.approx(runs["measured"], abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["peak rate", "loss", "batch size"])
def test_a_changed_recipe_starts_again_instead_of_continuing_the_old_one(change, desk, digits):
    truth = digits.x_train[:64]
    recipe = dataclasses.replace(two_cycles(truth), further_cycles=())
    with pytest.MonkeyPatch.context() as patch, interruption(patch, 1):
        train(recipe)
    changed = dataclasses.replace(recipe, **{
        "peak rate": {"peak_rate": 3e-3}, "loss": {"loss": "mae"},
        "batch size": {"batches": lambda networks: pipeline.Batches(
            truth, pipeline.shifted(), batch_size=BATCH // 2, seed=1)}}[change])
    assert len(epoch_lines(train(changed))) == FIRST


def recorded(optimizers):
    """Adam, which is appended to the list ``optimizers`` when a model is compiled with it."""

    def adam(rate):
        optimizers.append(keras.optimizers.Adam(rate))
        return optimizers[-1]

    return adam


@pytest.mark.slow
def test_a_cycle_that_continues_keeps_the_optimizer_and_its_schedule(desk, digits):
    optimizers, truth = [], digits.x_train[:64]

    def batches(networks):
        return pipeline.Batches(truth, pipeline.low_and_high(), BATCH)  # 4 per epoch

    train(Recipe(about="for a test", data="some digits", epochs=2, batches=batches,
                 build=small_network, measure=lambda model, networks: {},
                 optimizer=recorded(optimizers),
                 further_cycles=(Cycle(3, None, batches, "mae", continues=True),
                                 Cycle(3, 1e-3, batches))))
    assert [int(optimizer.iterations) for optimizer in optimizers] == [20, 12]
    ends = [float(optimizer.learning_rate) for optimizer in optimizers]
    assert ends == pytest.approx([2e-5, 1e-5], rel=1e-4)  # 1% of the peak: the schedule is done


@pytest.mark.slow
def test_each_cycle_has_its_own_batches_loss_and_optimizer(desk, digits):
    first, second, made = [], [], []

    def batches(cycle):
        def make(truth, rng):
            made.append(cycle)
            return block_mean(truth, 4), truth

        return lambda networks: pipeline.Batches(digits.x_train[:32], make, BATCH)

    def nothing(truth, image):
        return 0 * (image - truth)

    printed = train(Recipe(
        about="for a test", data="some digits", epochs=1, build=small_network,
        batches=batches("first"), measure=lambda model, networks: {},
        optimizer=recorded(first), further_cycles=(
            Cycle(1, 1e-3, batches("second"), loss=nothing, optimizer=recorded(second)),)))
    assert (len(first), len(second)) == (1, 1)
    ends = [line.split()[-2:] for line in epoch_lines(printed)]
    assert ends[0] != ["loss", "0.0000"] and ends[1] == ["loss", "0.0000"]
    assert list(dict.fromkeys(made)) == ["first", "second"]


@pytest.mark.slow
def test_a_cycle_with_a_running_mean_saves_the_mean_and_not_the_last_weights(desk, digits):
    """The mean that forgets nothing stays at the first weights: the first step has a rate of 0."""
    def kept(optimizer):
        recipe = Recipe(
            about="for a test", data="some digits", epochs=1, build=small_network,
            batches=lambda networks: pipeline.Batches(
                digits.x_train[:128], pipeline.low_and_high(), BATCH),
            measure=lambda model, networks: {}, optimizer=optimizer)
        train(recipe)
        first = store.plain(recipe.new_network({})).get_weights()
        return max(np.abs(a - b).max() for a, b in
                   zip(first, store.load("small").get_weights(), strict=True))

    assert kept(functools.partial(keras.optimizers.Adam, use_ema=True, ema_momentum=1.0)) < 1e-6
    assert kept(keras.optimizers.Adam) > 1e-4


@pytest.mark.slow
def test_what_is_measured_and_saved_is_the_finished_network(desk, digits):
    truth = digits.x_train[:64]
    recipe = dataclasses.replace(
        two_cycles(truth), further_cycles=(),
        finish=lambda model: upscalers.consistent(model, 4, "finished"),
        measure=lambda model, networks: {"off": float(np.abs(
            block_mean(runtime.predict(model, block_mean(truth))) - block_mean(truth)).max())})
    train(recipe)
    assert store.load("small").name == "finished"
    assert store.read_card("small")["test"]["off"] < 1e-5


@pytest.mark.slow
def test_the_needed_networks_are_handed_to_build_batches_and_measure(desk, digits):
    truth, handed = digits.x_train[:64], {}

    def build(networks):
        handed["build"] = networks
        return small_network(networks)

    def batches(networks):
        handed["batches"] = networks
        return pipeline.Batches(truth, pipeline.low_and_high(), BATCH)

    def measure(model, networks):
        handed["measure"] = networks
        return {"one": 1.0}

    networks = {"other": object()}
    figures = trainer.train_by_recipe(
        "small", Recipe(about="for a test", data="some digits", epochs=1, build=build,
                        batches=batches, measure=measure), networks, progress=False)
    assert figures == {"one": 1.0}
    assert list(handed) == ["build", "batches", "measure"]
    assert all(value is networks for value in handed.values())


@pytest.mark.slow
def test_a_test_can_shorten_every_cycle_and_print_nothing(desk, digits):
    assert train(two_cycles(digits.x_train[:64]), progress=False, epochs=1) == ""
    assert store.read_card("small")["epochs"] == 2
