"""Trains one network by its recipe, measures it, and saves it with its card.

Every epoch is kept in ``build/training/``, so training that was interrupted continues from
its last complete epoch, and ends with the weights that it would have had without the
interruption. On JAX it uses all devices (see ``devices``). Introduced in lesson 01.
"""

import hashlib
import itertools
import shutil

import keras

from shared import runtime
from shared.paths import checkpoint_folder
from shared.training import checkpoint, devices, loop, store


def train_by_recipe(name, recipe, networks, progress=True, epochs=None):
    """Train a network by ``recipe``, measure it, and save it with its card as ``name``.

    Args:
        name: what to save it as.
        recipe: a ``Recipe``.
        networks: the trained networks that the recipe needs, a dict by name.
        progress: print a line per epoch.
        epochs: shortens each cycle to that many epochs, for a test.

    Returns the test figures of the card; those of other processes than the first are empty. If
    the recipe has changed, training starts again instead of continuing from the epochs of the
    old recipe. Raises ValueError if a batch cannot be divided among the devices.
    """
    runtime.use_fast_precision()
    first = devices.is_first_process()
    with devices.all_devices():
        model = recipe.new_network(networks)
        epochs_done, batch_size, seconds = _train(
            model, name, recipe, networks, progress and first, epochs)
    if not first:
        return {}
    model = store.plain(recipe.finish(model))  # another network, on one device
    figures = recipe.measure(model, networks)
    store.save(model, name, {
        "name": name, **recipe.summary(), "epochs": epochs_done, "batch": batch_size,
        "precision": keras.mixed_precision.dtype_policy().name,
        "backend": keras.backend.backend(), "keras": keras.__version__,
        "seconds": round(seconds), "hardware": runtime.hardware(), "test": figures})
    shutil.rmtree(checkpoint_folder(name), ignore_errors=True)  # only after it is saved
    return figures


def _train(model, name, recipe, networks, progress, epochs):
    """All cycles of the recipe; returns their epochs, the last batch size, and the seconds."""
    work = checkpoint_folder(name)
    _remove_old_kind(work)
    epochs_done, seconds = 0, 0.0
    fingerprint = [recipe.summary(), model.count_params(), keras.backend.backend()]
    cycles = recipe.cycles(epochs)
    for number, cycle in enumerate(cycles):
        batches = devices.own_part(cycle.batches(networks))
        fingerprint.append((cycle.epochs, cycle.peak_rate, batches.batch_size))
        key = hashlib.sha256(repr(fingerprint).encode()).hexdigest()[:12]
        kept = checkpoint.Checkpoint(work, key, write=devices.is_first_process())
        loop.compile_model(
            model, len(batches) * _epochs_of_schedule(cycles[number:]), cycle.loss,
            cycle.peak_rate, loss_weights=recipe.loss_weights,
            optimizer=model.optimizer if cycle.continues else cycle.optimizer)
        kept.restore(model)
        loop.fit(model, batches, cycle.epochs, [kept], progress, first=epochs_done,
                 done=kept.epochs)
        epochs_done += cycle.epochs
        seconds += kept.seconds
    return epochs_done, batches.batch_size, seconds


def _epochs_of_schedule(cycles):
    """The epochs of the first of ``cycles`` and of those that continue it."""
    first, *others = cycles
    return first.epochs + sum(cycle.epochs for cycle in itertools.takewhile(
        lambda cycle: cycle.continues, others))


def _remove_old_kind(work):
    """Remove states that versions before 2.0 kept, each in a folder of its own."""
    for folder in work.glob("*/"):
        print(f"{folder} is the state of an older version, which cannot be continued: removed")
        shutil.rmtree(folder)
