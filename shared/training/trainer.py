"""Trains one network by its recipe, measures it, and saves it with its card.

Every epoch is kept in ``build/training/``, so training that was interrupted continues from
its last complete epoch. Introduced in lesson 01.
"""

import hashlib
import os
import platform
import shutil
import time

import keras

from shared import runtime
from shared.paths import checkpoint_folder
from shared.training import loop, store


class Timer(keras.callbacks.Callback):
    """Adds up the seconds of all epochs, in a file, so that an interruption loses none."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.file.write_text(str(self.seconds() + time.monotonic() - self.start))

    def seconds(self):
        """The seconds of all finished epochs."""
        try:
            return float(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0


def train_by_recipe(name, recipe, networks, progress=True, epochs=None):
    """Train a network by ``recipe``, measure it, and save it with its card as ``name``.

    Args:
        name: what to save it as.
        recipe: a ``Recipe``.
        networks: the trained networks that the recipe needs, a dict by name.
        progress: print a line per epoch.
        epochs: shortens each cycle to that many epochs, for a test.

    Returns the test figures of the card. If the recipe has changed, training starts again
    instead of continuing from the epochs of the old recipe.
    """
    runtime.use_fast_precision()
    model = recipe.new_network(networks)
    work = checkpoint_folder(name)
    epochs_done, seconds = 0, 0.0
    fingerprint = [recipe.summary(), model.count_params()]
    for cycle in recipe.cycles():
        if epochs:
            cycle = cycle._replace(epochs=epochs, schedule_epochs=epochs)
        batches = cycle.batches(networks)
        fingerprint.append((cycle.epochs, cycle.schedule_epochs, cycle.peak_rate,
                            batches.batch_size))
        state = work / hashlib.sha256(repr(fingerprint).encode()).hexdigest()[:12]
        state.mkdir(parents=True, exist_ok=True)
        timer = Timer(state / "seconds.txt")
        loop.compile_model(model, cycle.schedule_epochs * len(batches), cycle.loss,
                           cycle.peak_rate, loss_weights=recipe.loss_weights,
                           optimizer=cycle.optimizer)
        backup = keras.callbacks.BackupAndRestore(str(state / "state"), delete_checkpoint=False)
        model._initial_epoch = None  # otherwise Keras keeps that of the previous cycle
        loop.fit(model, batches, cycle.epochs, [backup, timer], progress, first=epochs_done)
        epochs_done += cycle.epochs
        seconds += timer.seconds()
    model = store.plain(recipe.finish(model))
    figures = recipe.measure(model, networks)
    store.save(model, name, {
        "name": name, **recipe.summary(), "epochs": epochs_done, "batch": batches.batch_size,
        "precision": keras.mixed_precision.dtype_policy().name,
        "backend": keras.backend.backend(), "keras": keras.__version__,
        "seconds": round(seconds), "hardware": hardware(), "test": figures})
    shutil.rmtree(work)  # only after the network is saved
    return figures


def hardware():
    """The machine in words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
