"""The training loop: the learning rate, compiling, the progress line, and the callbacks."""

import keras
import numpy as np
import pytest

from shared import runtime
from shared.data import pipeline
from shared.images.degrade import block_mean
from shared.models import upscalers
from shared.training import loop
from shared.training.loop import Progress, cosine_rate


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    return upscalers.residual_network(4, width=4, blocks=1)


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_cosine():
    rate = cosine_rate(1000, peak_rate=2e-3, warm_up=200)
    assert float(rate(0)) == 0.0
    assert float(rate(100)) == pytest.approx(1e-3, rel=1e-5)
    assert float(rate(200)) == pytest.approx(2e-3, rel=1e-5)
    assert float(rate(600)) == pytest.approx((2e-3 + 2e-5) / 2, rel=1e-5)
    assert float(rate(1000)) == pytest.approx(2e-5, rel=1e-4)
    values = np.array([float(rate(step)) for step in range(0, 1001, 20)])
    assert np.all(np.diff(values[:11]) > 0) and np.all(np.diff(values[10:]) < 0)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 40])
def test_a_short_training_warms_up_for_at_most_a_quarter_of_its_steps(steps):
    rate = cosine_rate(steps, peak_rate=1e-3)
    values = np.array([float(rate(step)) for step in range(steps + 1)])
    assert np.isfinite(values).all() and values.argmax() == steps // 4
    assert values.max() == pytest.approx(1e-3, rel=1e-5)
    assert values[-1] == pytest.approx(1e-5, rel=1e-4)


def test_a_model_is_compiled_with_the_optimizer_and_the_rate_that_were_asked_for(model):
    loop.compile_model(model, steps=40, loss="mae", peak_rate=5e-3, optimizer=keras.optimizers.SGD)
    assert isinstance(model.optimizer, keras.optimizers.SGD) and model.loss == "mae"
    model.optimizer.iterations.assign(10)  # the end of the warm-up
    assert float(model.optimizer.learning_rate) == pytest.approx(5e-3)


@pytest.mark.slow
def test_a_compiled_model_counts_the_metrics_that_were_asked_for(model, digits):
    batches = pipeline.Batches(digits.x_train[:64], pipeline.low_and_high(), batch_size=16)
    loop.compile_model(model, len(batches), metrics=["mae"])
    assert set(loop.fit(model, batches, progress=False)) == {"loss", "mae"}


@pytest.mark.parametrize("batches", [1, 3, 7, 20, 33, 781])
@pytest.mark.parametrize("stride", [1, 10])
def test_progress_draws_twenty_marks_per_epoch_however_many_batches(batches, stride, capsys):
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


def test_progress_draws_its_marks_as_batches_are_done(capsys):
    progress = Progress(epochs=1, batches=40)
    progress.on_epoch_begin(0)
    progress.on_train_batch_end(19)
    assert capsys.readouterr().out == "epoch 1/1 " + 10 * "#"


class Epochs(keras.callbacks.Callback):
    """Notes the epoch that Keras counts and the one that the batches count."""

    def __init__(self, batches):
        super().__init__()
        self.batches, self.seen = batches, []

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, self.batches.epoch) not in self.seen:
            self.seen.append((self.epoch, self.batches.epoch))


@pytest.mark.slow
@pytest.mark.parametrize("first, seen", [(0, [(0, 0), (1, 1)]), (5, [(5, 5), (6, 6)])])
def test_fit_gives_each_epoch_the_batches_of_its_number(first, seen, model, digits, capsys):
    """Keras calls ``on_epoch_end`` of the batches once more, before the first epoch."""
    batches = pipeline.Batches(digits.x_train[:128], pipeline.low_and_high(), 16, per_epoch=4)
    epochs = Epochs(batches)
    loop.compile_model(model, 2 * len(batches))
    loop.fit(model, batches, 2, [epochs], first=first)
    assert epochs.seen == seen
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == [f"{e + 1}/{first + 2}" for e, _ in seen]


@pytest.mark.slow
def test_fit_prints_nothing_if_asked_to(model, digits, capsys):
    batches = pipeline.Batches(digits.x_train[:64], pipeline.low_and_high(), batch_size=16)
    loop.compile_model(model, len(batches))
    loop.fit(model, batches, progress=False)
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_snapshots_keep_the_output_after_each_epoch(model, digits):
    truth = digits.x_train[:64]
    batches = pipeline.Batches(truth, pipeline.low_and_high(), batch_size=16, seed=1)
    loop.compile_model(model, 2 * len(batches))
    snapshots = loop.Snapshots(block_mean(truth[:5]))
    history = loop.fit(model, batches, 2, [snapshots], progress=False)
    assert len(snapshots.pictures) == len(history["loss"]) == 2
    assert np.any(snapshots.pictures[0] != snapshots.pictures[1])
    np.testing.assert_array_equal(snapshots.pictures[-1],
                                  runtime.predict(model, block_mean(truth[:5])))
