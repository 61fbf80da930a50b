"""The training loop: learning rate, compile and fit with fast settings, and callbacks.

Introduced in lesson 01.
"""

import sys

import keras

from shared import runtime


def cosine_rate(steps, peak_rate=2e-3, warm_up=200):
    """A learning rate that rises linearly for ``warm_up`` steps, then falls by a cosine to 1%.

    The cosine is that of Loshchilov and Hutter (2017). A short training warms up for at most a
    quarter of its ``steps``.

    Args:
        steps: batches in the whole training.
        peak_rate: the learning rate after the warm-up.
        warm_up: batches until then.

    Returns a ``keras.optimizers.schedules.LearningRateSchedule``.
    """
    warm_up = min(warm_up, steps // 4)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=max(steps - warm_up, 1), alpha=0.01, warmup_target=peak_rate,
        warmup_steps=warm_up)


def compile_model(model, steps, loss="mse", peak_rate=2e-3, metrics=(), loss_weights=None,
                  optimizer=keras.optimizers.Adam):
    """Compile with ``optimizer`` and the cosine rate over ``steps`` batches; returns ``model``.

    Args:
        model: the ``keras.Model`` to train.
        steps, peak_rate: as for ``cosine_rate``.
        loss, metrics, loss_weights: as for ``keras.Model.compile``; dicts if the model returns
            a dict.
        optimizer: function of the learning rate that returns an optimizer; or an optimizer that
            goes on with its own rate, and ``steps`` and ``peak_rate`` are not used.
    """
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        optimizer = optimizer(cosine_rate(steps, peak_rate))
    model.compile(optimizer, loss=loss,
                  loss_weights=loss_weights, metrics=list(metrics),
                  # One graph for ten steps is a tenth faster; PyTorch has no graphs.
                  steps_per_execution=1 if keras.backend.backend() == "torch" else 10)
    return runtime.choose_compiler(model)


class Progress(keras.callbacks.Callback):
    """Prints a line of twenty marks per epoch, without times, so that all runs print the same.

    Args:
        epochs: epochs in the whole training.
        batches: batches per epoch.
    """

    def __init__(self, epochs, batches):
        super().__init__()
        self.epochs, self.batches = epochs, batches
        self.marks = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.marks = 0
        self._write(f"epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs} ")

    def on_train_batch_end(self, batch, logs=None):
        due = min(20, (batch + 1) * 20 // self.batches)
        self._write("#" * (due - self.marks))
        self.marks = due

    def on_epoch_end(self, epoch, logs=None):
        self._write("#" * (20 - self.marks))
        numbers = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        self._write(f"  {numbers}\n")

    @staticmethod
    def _write(text):
        sys.stdout.write(text)
        sys.stdout.flush()


class PrintEpoch(keras.callbacks.Callback):
    """Prints one line per epoch, without times, so that all runs print the same.

    Args:
        decimals: of the loss and the metrics.
    """

    def __init__(self, decimals=2):
        super().__init__()
        self.decimals = decimals

    def on_epoch_end(self, epoch, logs=None):
        numbers = "  ".join(f"{name} {value:.{self.decimals}f}" for name, value in logs.items())
        print(f"epoch {epoch + 1}  {numbers}")


class Snapshots(keras.callbacks.Callback):
    """Keeps the output of the model for some images after each epoch.

    ``images`` is an array of inputs, (n, height, width, channels). ``pictures`` becomes a list
    with one array of outputs per epoch.
    """

    def __init__(self, images):
        super().__init__()
        self.images, self.pictures = images, []

    def on_epoch_end(self, epoch, logs=None):
        self.pictures.append(runtime.predict(self.model, self.images))


class TellEpoch(keras.callbacks.Callback):
    """Tells the batches the number of the epoch, also when training continues in the middle."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch


def fit(model, batches, epochs=1, callbacks=(), progress=True, first=0, done=0):
    """Train a compiled model on ``pipeline.Batches``, with a progress line per epoch.

    Args:
        model: a model that ``compile_model`` has compiled.
        batches: ``pipeline.Batches`` or ``pipeline.Turns``.
        epochs: epochs to train for.
        callbacks: Keras callbacks.
        progress: print the progress line.
        first: number of epochs done before; the batches continue after them.
        done: how many of ``epochs`` were done before an interruption.

    Returns the history: a dict of lists with one number per epoch.
    """
    # The others come last, so that what they print follows the progress line.
    own = [TellEpoch(batches), *([Progress(first + epochs, len(batches))] if progress else [])]
    history = model.fit(batches, epochs=first + epochs, initial_epoch=first + done,
                        shuffle=False, verbose=0, callbacks=[*own, *callbacks])
    return history.history
