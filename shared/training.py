"""Training: batches, the learning rate, compile and fit with the fastest honest settings."""

import functools
import os
import sys

import keras
import numpy as np

BATCH = 64


class Batches(keras.utils.PyDataset):
    """Batches of ``make(truth)`` in an order shuffled anew each epoch, the same each run.

    Args:
        truth: array (n, ...), the high-resolution images.
        make: function of (a batch of ``truth``, a NumPy generator) that returns what ``fit``
            needs: (input, target).
        batch_size: images a batch; a last batch that is not full is left out.
        seed: the order of epoch e, and the chance in ``make``, follow from (seed, e).

    Keras' own pipeline for arrays lets TensorFlow tune it while it runs, and waits at the
    end of each epoch for the tuner's clock, up to half of the whole time. A ``PyDataset``
    with two workers is fed without it.
    """

    def __init__(self, truth, make, batch_size=BATCH, seed=0):
        super().__init__(workers=2, max_queue_size=20)
        self.truth, self.make, self.batch_size, self.seed = truth, make, batch_size, seed
        if len(truth) < batch_size:
            raise ValueError(f"{len(truth)} images do not fill one batch of {batch_size}")
        self.start_epoch(0)

    def __len__(self):
        return len(self.truth) // self.batch_size

    def start_epoch(self, epoch):
        """Draw the order of this epoch."""
        self.epoch = epoch
        self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.truth))

    def on_epoch_end(self):
        self.start_epoch(self.epoch + 1)

    def __getitem__(self, index):
        chosen = self.order[index * self.batch_size:(index + 1) * self.batch_size]
        return self.make(self.truth[chosen],
                         np.random.default_rng([self.seed, self.epoch, index]))


def cosine_rate(steps, peak=2e-3, warm_up=200):
    """The learning rate: up in a line for ``warm_up`` steps, then down a cosine to peak/100."""
    warm_up = min(warm_up, steps // 4)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=max(steps - warm_up, 1), alpha=0.01, warmup_target=peak,
        warmup_steps=warm_up)


@functools.cache
def fast_bfloat16():
    """Does the machine compute in bfloat16 (AMX, or a GPU of 2020 or newer)?"""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):
            capability = tf.config.experimental.get_device_details(gpu).get("compute_capability")
            return bool(capability) and capability >= (8, 0)
    if keras.backend.backend() == "torch":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_capability() >= (8, 0)
    try:
        with open("/proc/cpuinfo") as file:
            return "amx_bf16" in file.read()
    except OSError:
        return False


def use_fast_precision():
    """New models compute in bfloat16 where that is fast; their weights stay float32."""
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16" if fast_bfloat16() else "float32")


def choose_compiler(model):
    """Switch XLA off for TensorFlow on a CPU, where it slows these networks by half."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            model.jit_compile = False
    return model


def compile(model, steps, loss="mse", peak=2e-3, metrics=()):
    """Compile with Adam and the cosine rate over ``steps`` batches."""
    model.compile(keras.optimizers.Adam(cosine_rate(steps, peak)), loss=loss,
                  metrics=list(metrics), steps_per_execution=10)
    return choose_compiler(model)


class Progress(keras.callbacks.Callback):
    """One line an epoch, twenty marks long: no clock, so that a stored lesson compares equal.

    In the stored output the line is the same each time it is run.
    """

    def __init__(self, epochs, batches):
        super().__init__()
        self.epochs, self.batches, self.marks = epochs, batches, 0

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


def fit(model, batches, epochs=1, callbacks=(), progress=True):
    """``model.fit`` with the progress line; returns the history as a dict of lists."""
    callbacks = list(callbacks) + ([Progress(epochs, len(batches))] if progress else [])
    history = model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)
    return history.history


def predict(model, images, batch_size=250):
    """The model's answer to an array of images, float32, in bounded memory."""
    choose_compiler(model)
    return np.concatenate([
        np.asarray(keras.ops.convert_to_numpy(model.predict_on_batch(images[i:i + batch_size])),
                   "float32") for i in range(0, len(images), batch_size)])
