"""Trains one network by its recipe, measures it, and saves it with its card.

Every epoch is kept in ``build/training/``, so training that was interrupted continues from
its last complete epoch, and ends with the weights that it would have had without the
interruption. Introduced in lesson 01.
"""

import hashlib
import os
import platform
import shutil

import keras

from shared import runtime
from shared.paths import checkpoint_folder
from shared.training import checkpoint, loop, store


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
    _remove_old_kind(work)
    epochs_done, seconds = 0, 0.0
    fingerprint = [recipe.summary(), model.count_params(), keras.backend.backend()]
    for cycle in recipe.cycles():
        if epochs:
            cycle = cycle._replace(epochs=epochs, schedule_epochs=epochs)
        batches = cycle.batches(networks)
        fingerprint.append((cycle.epochs, cycle.schedule_epochs, cycle.peak_rate,
                            batches.batch_size))
        key = hashlib.sha256(repr(fingerprint).encode()).hexdigest()[:12]
        kept = checkpoint.Checkpoint(work, key)
        loop.compile_model(model, cycle.schedule_epochs * len(batches), cycle.loss,
                           cycle.peak_rate, loss_weights=recipe.loss_weights,
                           optimizer=cycle.optimizer)
        kept.restore(model)
        loop.fit(model, batches, cycle.epochs, [kept], progress, first=epochs_done,
                 done=kept.epochs)
        epochs_done += cycle.epochs
        seconds += kept.seconds
    model = store.plain(recipe.finish(model))
    figures = recipe.measure(model, networks)
    store.save(model, name, {
        "name": name, **recipe.summary(), "epochs": epochs_done, "batch": batches.batch_size,
        "precision": keras.mixed_precision.dtype_policy().name,
        "backend": keras.backend.backend(), "keras": keras.__version__,
        "seconds": round(seconds), "hardware": hardware(), "test": figures})
    shutil.rmtree(work, ignore_errors=True)  # only after the network is saved
    return figures


def _remove_old_kind(work):
    """Remove states that versions before 2.0 kept, each in a folder of its own."""
    for folder in work.glob("*/"):
        print(f"{folder} is the state of an older version, which cannot be continued: removed")
        shutil.rmtree(folder)


def hardware():
    """The machine in words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
