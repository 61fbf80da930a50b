"""Trains the shipped weights again.

    python -m shared.train baseline ...     the networks of those names
    python -m shared.train --all            every network of the course
    python -m shared.train --list           the names, and what there is

Each epoch is kept in build/training/, so a run that was interrupted goes on where it was
when the same command is given again.
"""

import argparse
import functools
import hashlib
import os
import platform
import shutil
import sys
import time
from pathlib import Path

import keras

from shared import recipes, training, weights


def checkpoints(name):
    """Where the epochs of an unfinished run are kept."""
    return Path(__file__).resolve().parent.parent / "build" / "training" / name


class Timer(keras.callbacks.Callback):
    """Seconds spent in epochs, kept in a file so that an interrupted run counts them all."""

    def __init__(self, file):
        super().__init__()
        self.file = file

    def on_epoch_begin(self, epoch, logs=None):
        self.start = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        self.file.write_text(str(self.seconds() + time.monotonic() - self.start))

    def seconds(self):
        """All epochs so far."""
        try:
            return float(self.file.read_text())
        except (FileNotFoundError, ValueError):
            return 0.0


def train(name, progress=True, epochs=None):
    """Train the network of that recipe, measure it, and save it with its card.

    ``epochs`` shortens each cycle, for a test. Returns the card's test figures.
    """
    recipe = recipes.recipe(name)
    cycles = [recipes.Cycle(recipe.epochs, recipe.peak, recipe.batches), *recipe.more]
    training.use_fast_precision()
    model = recipes.build(name)
    work, done, seconds, losses, optimizers = checkpoints(name), 0, 0.0, [], []
    # A changed recipe starts anew instead of going on from another one's epochs.
    past = [recipe.about, recipe.data, recipe.seed, model.count_params()]
    for cycle in cycles:
        length, batches = epochs or cycle.epochs, cycle.batches()
        loss, optimizer = cycle.loss or recipe.loss, cycle.optimizer or recipe.optimizer
        losses.append(loss_name(loss, recipe.loss_weights))
        optimizers.append(optimizer_name(optimizer))
        fall = max(length, cycle.fall or 0)
        past.append((length, fall, cycle.peak, batches.batch_size, losses[-1], optimizers[-1]))
        run = work / hashlib.sha256(repr(past).encode()).hexdigest()[:12]
        run.mkdir(parents=True, exist_ok=True)
        timer = Timer(run / "seconds.txt")
        training.compile(model, fall * len(batches), loss, cycle.peak,
                         loss_weights=recipe.loss_weights, optimizer=optimizer)
        backup = keras.callbacks.BackupAndRestore(str(run / "state"), delete_checkpoint=False)
        model._initial_epoch = None  # where the backup of the cycle before left it
        training.fit(model, batches, length, [backup, timer], progress, first=done)
        done, seconds = done + length, seconds + timer.seconds()
    model = weights.plain(recipe.finish(model))
    figures = recipe.measure(model)
    weights.save(model, name, {
        "name": name, "about": recipe.about, "data": recipe.data,
        "loss": in_turn(losses), "optimizer": in_turn(optimizers),
        "epochs": done, "batch": batches.batch_size, "peak_rate": recipe.peak,
        "seed": recipe.seed, "precision": keras.mixed_precision.dtype_policy().name,
        "backend": keras.backend.backend(), "keras": keras.__version__,
        "seconds": round(seconds), "hardware": hardware(), "test": figures})
    shutil.rmtree(work)  # not before the network is saved
    return figures


def loss_name(loss, loss_weights=None):
    """A loss in words: "log_mse", or "1.0 log_mse (high_res) + ..." for a dict of them."""
    if isinstance(loss, dict):
        return " + ".join(f"{loss_weights[key]} {loss_name(part)} ({key})"
                          for key, part in loss.items())
    return getattr(loss, "__name__", getattr(loss, "name", loss))


def in_turn(names):
    """What the cycles of a training had, "mae, then mse", or "mae" where all had the same."""
    return ", then ".join(dict.fromkeys(names))


def optimizer_name(optimizer):
    """An optimizer in words: "Adam", or "Muon(narrow=1)" for a ``functools.partial``."""
    if isinstance(optimizer, functools.partial):
        change = ", ".join(f"{key}={value}" for key, value in optimizer.keywords.items())
        return f"{optimizer.func.__name__}({change})"
    return optimizer.__name__


def hardware():
    """What trained it, in words."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m shared.train", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--all", action="store_true", help="every network of the course")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    options = parser.parse_args(arguments)
    if options.list:
        for name, recipe in recipes.RECIPES.items():
            print(f"{name:16s} {recipe.about}")
        return
    names = list(recipes.RECIPES) if options.all else options.names
    unknown = [name for name in names if name not in recipes.RECIPES]
    if unknown or not names:
        parser.error(f"unknown name {unknown[0]!r}: choose from {', '.join(recipes.RECIPES)}"
                     if unknown else "name a network, or --all, or --list")
    for name in names:
        print(f"{name}: {recipes.RECIPES[name].about}")
        try:
            figures = train(name)
        except KeyboardInterrupt:
            sys.exit(f"\nstopped; `python -m shared.train {name}` goes on from the last epoch")
        print("  ".join(f"{key} {value:.3f}" for key, value in figures.items()
                        if isinstance(value, float)))


if __name__ == "__main__":
    main()
