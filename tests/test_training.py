"""Training: the order of the images, the learning rate, and a run that was interrupted."""

import contextlib
import functools
import io
import re

import keras
import numpy as np
import pytest

from shared import losses, metrics, models, muon, recipes, train, training, weights
from shared.degrade import block_mean
from shared.training import Batches, Progress, cosine_rate


def as_it_is(truth, rng):
    return truth, truth


def epoch(batches):
    return np.concatenate([batches[i][0] for i in range(len(batches))])


def test_every_image_comes_once_an_epoch():
    batches = Batches(np.arange(64), as_it_is, batch_size=16)
    assert len(batches) == 4
    assert sorted(epoch(batches)) == list(range(64))


def test_what_fills_no_batch_is_left_out():
    batches = Batches(np.arange(70), as_it_is, batch_size=16)
    assert len(batches) == 4
    found = epoch(batches)
    assert len(set(found)) == 64 and set(found) <= set(range(70))


def test_short_epochs_together_are_the_passes_of_whole_ones():
    short = Batches(np.arange(64), as_it_is, batch_size=16, per_epoch=3)
    whole = Batches(np.arange(64), as_it_is, batch_size=16)
    assert len(short) == 3
    seen = {short: [], whole: []}
    for batches, epochs in ((short, 4), (whole, 3)):  # 12 batches, three passes of 4
        for _ in range(epochs):
            seen[batches].extend(epoch(batches))
            batches.on_epoch_end()
    assert seen[short] == seen[whole]
    assert sorted(seen[short][64:128]) == list(range(64))


def test_an_epoch_longer_than_a_pass_goes_on_into_the_next():
    batches = Batches(np.arange(64), as_it_is, batch_size=16, per_epoch=8)
    assert len(batches) == 8
    assert sorted(epoch(batches)) == sorted([*range(64), *range(64)])


def test_the_order_is_the_same_for_the_same_seed_and_new_in_each_epoch():
    first, again, other = (Batches(np.arange(64), as_it_is, 16, seed=seed) for seed in (5, 5, 6))
    seen = []
    for _ in range(3):
        np.testing.assert_array_equal(epoch(first), epoch(again))
        assert np.any(epoch(first) != epoch(other))
        seen.append(tuple(epoch(first)))
        for batches in (first, again, other):
            batches.on_epoch_end()
    assert len(set(seen)) == 3
    again.epoch = 1  # an epoch can be taken up again by its number
    assert tuple(epoch(again)) == seen[1]


def test_the_chance_in_make_follows_from_seed_epoch_and_batch_alone():
    def draw(truth, rng):
        return rng.random(3), None

    batches = Batches(np.arange(64), draw, batch_size=16, seed=1)
    backwards = [batches[i][0] for i in (3, 2, 1, 0)][::-1]  # workers may come in any order
    forwards = [batches[i][0] for i in range(4)]
    np.testing.assert_array_equal(backwards, forwards)
    assert len({tuple(x) for x in forwards}) == 4
    batches.on_epoch_end()
    assert np.all(batches[0][0] != forwards[0])


def test_a_batch_that_the_data_cannot_fill_is_refused():
    with pytest.raises(ValueError, match="10 images do not fill one batch of 16"):
        Batches(np.arange(10), as_it_is, batch_size=16)


def test_shifted_moves_each_image_whole_and_by_a_pixel_at_most():
    truth = np.zeros((200, 12, 12, 1), "float32")
    truth[:, 5, 6] = 1.0
    low_res, target = training.shifted()(truth, np.random.default_rng(0))
    np.testing.assert_array_equal(low_res, block_mean(target))
    places = {tuple(np.argwhere(image[..., 0])[0] - (5, 6)) for image in target}
    assert places == {(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)}
    assert np.all(target.sum(axis=(1, 2, 3)) == 1)


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_cosine():
    rate = cosine_rate(1000, peak=2e-3, warm_up=200)
    assert float(rate(0)) == 0.0
    assert float(rate(100)) == pytest.approx(1e-3, rel=1e-5)
    assert float(rate(200)) == pytest.approx(2e-3, rel=1e-5)
    assert float(rate(600)) == pytest.approx((2e-3 + 2e-5) / 2, rel=1e-5)
    assert float(rate(1000)) == pytest.approx(2e-5, rel=1e-4)
    values = np.array([float(rate(step)) for step in range(0, 1001, 20)])
    assert np.all(np.diff(values[:11]) > 0) and np.all(np.diff(values[10:]) < 0)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 40])
def test_a_short_training_warms_up_for_a_quarter_of_it_at_most(steps):
    rate = cosine_rate(steps, peak=1e-3)
    values = np.array([float(rate(step)) for step in range(steps + 1)])
    assert np.isfinite(values).all() and values.argmax() == steps // 4
    assert values.max() == pytest.approx(1e-3, rel=1e-5)
    assert values[-1] == pytest.approx(1e-5, rel=1e-4)


@pytest.mark.parametrize("batches", [1, 3, 7, 20, 33, 781])
@pytest.mark.parametrize("stride", [1, 10])
def test_progress_draws_twenty_marks_an_epoch_however_many_batches(batches, stride, capsys):
    progress = Progress(epochs=12, batches=batches)
    for number in range(12):
        progress.on_epoch_begin(number)
        for batch in range(0, batches, stride):
            progress.on_train_batch_end(min(batch + stride, batches) - 1)
        progress.on_epoch_end(number, {"loss": 0.25})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"epoch  1/12 {'#' * 20}  loss 0.2500"
    assert lines[11] == f"epoch 12/12 {'#' * 20}  loss 0.2500"
    assert len(lines) == 12 and len({len(line) for line in lines}) == 1


FIRST, EPOCHS, IMAGES, WIDE = 2, 4, 512, 16  # epochs of the first cycle, and of both


def interrupt(epochs):
    """The user's Ctrl-C in the middle of an epoch, when ``epochs`` are done."""

    def on_train_batch_end(self, batch, logs=None):
        before = FIRST if self.epochs == EPOCHS else 0  # the cycle before, if there is one
        done = before * self.batches + int(self.model.optimizer.iterations)
        if done > (epochs + 0.5) * self.batches:
            raise KeyboardInterrupt

    return on_train_batch_end


@pytest.fixture(scope="module", params=[1, EPOCHS - 1], ids=["first cycle", "second cycle"])
def runs(request, digits, tmp_path_factory):
    """One small recipe of two cycles trained in one go, then interrupted, then taken up again.

    The second cycle keeps the running mean of the weights.

    Gives, of the first and of the last run: the text printed, the weights and the card; and
    what the interruption said, the files it had saved, and the files left at the end.
    """
    truth, folder = digits.x_train[:IMAGES], tmp_path_factory.mktemp("runs")

    def measure(model):
        return {"psnr": float(metrics.psnr(
            truth[:16], training.predict(model, block_mean(truth[:16]))).mean())}

    def run():
        screen = io.StringIO()
        with contextlib.redirect_stdout(screen):
            train.main(["small"])
        return screen.getvalue(), weights.load("small").get_weights(), weights.read_card("small")

    policy, found = keras.mixed_precision.dtype_policy(), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "small", recipes.Recipe(
            about="for a test", data="some digits", epochs=FIRST, measure=measure,
            build=lambda: models.residual_network(4, width=4, blocks=1),
            batches=lambda: Batches(truth, training.shifted(), batch_size=WIDE, seed=1),
            more=(recipes.Cycle(
                EPOCHS - FIRST, 1e-3,
                lambda: Batches(truth, training.low_and_high(), WIDE, seed=2),
                optimizer=functools.partial(keras.optimizers.Adam, use_ema=True,
                                            ema_momentum=0.5)),)))
        patch.setenv("ZOOM_DATA", str(folder))
        # In bfloat16 on several threads, two equal runs can differ in the last bits.
        patch.setattr(training, "fast_bfloat16", lambda: False)
        patch.setattr(train, "checkpoints", lambda name: folder / "training" / name)
        found["whole"] = run()
        for file in (folder / "weights").iterdir():
            file.unlink()
        with patch.context() as second:
            second.setattr(training.Progress, "on_train_batch_end",
                           interrupt(request.param))
            with pytest.raises(SystemExit) as stop:
                run()
        found["said"], found["saved"] = str(stop.value), list((folder / "weights").iterdir())
        found["resumed"] = run()
        found["measured"] = measure(weights.load("small"))
        found["kept"] = request.param  # epochs that were done before the interruption
        found["left"] = [path.name for path in folder.rglob("*") if path.is_file()]
    keras.mixed_precision.set_dtype_policy(policy)
    return found


def test_an_interruption_says_how_to_go_on_and_saves_no_half_network(runs):
    assert "python -m shared.train small" in runs["said"]
    assert runs["saved"] == []


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(runs):
    for wanted, found in zip(runs["whole"][1], runs["resumed"][1], strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert runs["resumed"][2]["test"] == runs["whole"][2]["test"]


def test_a_resumed_training_goes_on_with_the_interrupted_epoch_and_prints_the_same(runs):
    whole, resumed = ([line for line in runs[name][0].splitlines() if line.startswith("epoch")]
                      for name in ("whole", "resumed"))
    assert [line.count("#") for line in whole] == [20] * EPOCHS
    assert resumed == whole[runs["kept"]:]


def test_a_cycle_that_ends_early_has_the_cosine_of_its_fall(monkeypatch, tmp_path):
    truth, steps = np.zeros((64, 28, 28, 1), "float32"), []
    batches = functools.partial(Batches, truth, training.low_and_high(), WIDE)  # four a pass
    monkeypatch.setitem(recipes.RECIPES, "small", recipes.Recipe(
        about="for a test", data="none", epochs=2, measure=lambda model: {}, batches=batches,
        build=lambda: models.residual_network(4, width=4, blocks=1),
        more=(recipes.Cycle(3, 1e-3, batches, fall=5), recipes.Cycle(3, 1e-3, batches))))
    monkeypatch.setattr(training, "compile", lambda model, count, *rest, **more:
                        steps.append(count))
    for module, name in ((training, "fit"), (training, "use_fast_precision"), (weights, "save")):
        monkeypatch.setattr(module, name, lambda *rest, **more: None)
    monkeypatch.setattr(train, "checkpoints", lambda name: tmp_path / name)
    train.train("small")
    assert steps == [2 * 4, 5 * 4, 3 * 4]


def test_an_optimizer_is_named_with_its_settings():
    assert train.optimizer_name(muon.Muon) == "Muon"
    assert train.optimizer_name(functools.partial(muon.Muon, narrow=1)) == "Muon(narrow=1)"


def test_training_lowers_the_loss(runs):
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", runs["whole"][0])]
    assert len(losses) == EPOCHS and losses == sorted(losses, reverse=True)


def test_a_finished_training_leaves_a_network_a_whole_card_and_nothing_else(runs):
    assert sorted(runs["left"]) == ["small.json", "small.keras"]
    card = runs["resumed"][2]
    assert set(card) == {"name", "about", "data", "loss", "optimizer", "epochs", "batch",
                         "peak_rate", "seed", "precision", "backend", "keras", "seconds",
                         "hardware", "test", "parameters", "sha256"}
    assert (card["name"], card["epochs"], card["batch"]) == ("small", EPOCHS, WIDE)
    assert card["loss"] == "mse"
    assert card["optimizer"] == "Adam, then Adam(use_ema=True, ema_momentum=0.5)"
    assert card["backend"] == keras.backend.backend() and card["keras"] == keras.__version__
    assert np.isfinite(card["test"]["psnr"]) and card["seconds"] >= 0


def test_the_figures_on_the_card_are_those_of_the_network_that_is_saved(runs):
    assert runs["resumed"][2]["test"] == pytest.approx(runs["measured"], abs=1e-4)


def test_fit_gives_each_epoch_the_batches_of_its_number(digits):
    """Keras calls ``on_epoch_end`` once more, before the first epoch."""
    seen = []

    class Note(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            seen.append((self.epoch, batches.epoch))

    batches = Batches(digits.x_train[:128], training.low_and_high(), 16, per_epoch=4)
    model = models.residual_network(4, width=4, blocks=1)
    training.compile(model, 2 * len(batches))
    training.fit(model, batches, 2, [Note()], progress=False)
    assert set(seen) == {(0, 0), (1, 1)}


def test_snapshots_keep_the_answer_after_each_epoch(digits):
    truth = digits.x_train[:64]
    model = models.residual_network(4, width=4, blocks=1)
    batches = Batches(truth, training.low_and_high(), batch_size=16, seed=1)
    training.compile(model, 2 * len(batches))
    snapshots = training.Snapshots(block_mean(truth[:5]))
    history = training.fit(model, batches, 2, [snapshots], progress=False)
    assert len(snapshots.pictures) == len(history["loss"]) == 2
    assert np.any(snapshots.pictures[0] != snapshots.pictures[1])
    np.testing.assert_array_equal(snapshots.pictures[-1],
                                  training.predict(model, block_mean(truth[:5])))


def test_log_mse_is_the_mean_psnr_in_other_units(digits):
    truth = digits.x_test[:20]
    image = np.clip(truth + np.float32(0.1), 0, 1)
    wanted = -metrics.psnr(truth, image) * np.log(10) / 10
    np.testing.assert_allclose(keras.ops.convert_to_numpy(losses.log_mse(truth, image)), wanted,
                               atol=5e-3)
    perfect = keras.ops.convert_to_numpy(losses.log_mse(truth, truth))
    np.testing.assert_allclose(perfect, np.log(1e-5), rtol=1e-5)  # 50 dB, and finite


def test_list_names_every_recipe(capsys):
    train.main(["--list"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == list(recipes.RECIPES)


@pytest.mark.parametrize("arguments, message", [(["nonsense"], "'nonsense': choose from baseline"),
                                                ([], "--all, or --list")])
def test_an_unknown_name_or_none_ends_with_code_2_and_the_choice(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        train.main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_recipe_is_refused_with_the_names_there_are():
    with pytest.raises(KeyError, match="baseline"):
        recipes.recipe("nonsense")


def test_building_a_recipe_twice_gives_the_same_first_weights():
    for a, b in zip(*(recipes.build("baseline").get_weights() for _ in range(2)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_predict_in_parts_equals_the_whole_with_a_last_part_that_is_not_full():
    model = models.residual_network(2, width=4, blocks=1)
    x = np.random.default_rng(0).random((7, 5, 6, 1), "float32")
    found = training.predict(model, x, batch_size=3)
    assert found.shape == (7, 10, 12, 1) and found.dtype == np.float32
    np.testing.assert_allclose(found, keras.ops.convert_to_numpy(model(x)), atol=1e-6)


def edges(n=6):
    pictures = np.zeros((n, 112, 112, 1), "uint8")
    pictures[:, 30:, 40:] = 255
    return pictures


def test_a_crop_is_the_block_mean_of_its_truth_and_is_never_empty():
    low_res, truth = training.crops()(edges(), np.random.default_rng(0))
    assert truth.shape == (6, 64, 64, 1) and truth.dtype == low_res.dtype == np.float32
    assert (truth.max(axis=(1, 2, 3)) == 1).all()
    np.testing.assert_allclose(low_res, block_mean(truth, 4), atol=1e-6)


def test_crops_are_the_same_for_the_same_generator_and_differ_for_another():
    first, again, other = (training.crops()(edges(), np.random.default_rng(seed))[1]
                           for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_blur_and_noise_touch_the_input_alone():
    plain = training.crops()(edges(), np.random.default_rng(3))[1]
    low_res, truth = training.crops(blur=3.0, noise=0.2)(edges(), np.random.default_rng(3))
    np.testing.assert_array_equal(truth[0], plain[0])
    assert set(np.unique(truth)) <= {0, 1} and low_res.min() >= 0 and low_res.max() <= 1
    assert np.abs(low_res - block_mean(truth, 4)).max() > 0.05
    noisy, truth = training.crops(noise=0.2)(edges(), np.random.default_rng(3))
    exact = block_mean(truth, 4)
    clean = (exact == 0) | (exact == 1)
    np.testing.assert_array_equal(noisy[clean], exact[clean])


def test_darker_crops_keep_black():
    low_res, truth = training.crops(darken=0.5)(edges(), np.random.default_rng(0))
    tops = truth.max(axis=(1, 2, 3))
    assert (tops > 0.49).all() and tops.min() < 0.95 and (truth.min(axis=(1, 2, 3)) == 0).any()
    np.testing.assert_allclose(low_res, block_mean(truth, 4), atol=1e-6)
