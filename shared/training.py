"""Training: batches, the learning rate, compile and fit with the fastest honest settings."""

import functools
import sys

import keras
import numpy as np
from scipy import ndimage

from shared.degrade import block_mean

BATCH = 64


class Batches(keras.utils.PyDataset):
    """Batches of ``make(truth)`` in an order shuffled anew each pass, the same each run.

    Args:
        truth: array (n, ...), the high-resolution images; or a tuple of arrays of one length,
            as images and labels.
        make: function of (a batch of ``truth``, or of each of its arrays, and a NumPy
            generator) that returns what ``fit`` needs: (input, target).
        batch_size: images a batch; what is left of a pass and fills no batch is left out.
        per_epoch: batches that ``fit`` calls an epoch; a whole pass over ``truth`` if None.
        seed: the order of each pass, and the chance in ``make``, follow from it.

    Keras' own pipeline for arrays lets TensorFlow tune it while it runs, and waits at the
    end of each epoch for the tuner's clock, up to half of the whole time. A ``PyDataset``
    with two workers is fed without it.
    """

    def __init__(self, truth, make, batch_size=BATCH, per_epoch=None, seed=0):
        super().__init__(workers=2, max_queue_size=20)
        self.arrays = truth if isinstance(truth, tuple) else (truth,)
        self.images = len(self.arrays[0])
        if self.images < batch_size:
            raise ValueError(f"{self.images} images do not fill one batch of {batch_size}")
        self.make, self.batch_size, self.seed = make, batch_size, seed
        self.per_pass = self.images // batch_size
        self.per_epoch = per_epoch or self.per_pass
        self.epoch = 0
        self._order = functools.lru_cache(maxsize=2)(self._draw)

    def __len__(self):
        return self.per_epoch

    def _draw(self, number):
        return np.random.default_rng([self.seed, number]).permutation(self.images)

    def on_epoch_end(self):
        self.epoch += 1

    def __getitem__(self, index):
        return self.batch(self.epoch * self.per_epoch + index)

    def batch(self, position):
        """Batch ``position`` of the whole training, counted from 0."""
        number, index = divmod(position, self.per_pass)
        chosen = self._order(number)[index * self.batch_size:(index + 1) * self.batch_size]
        return self.make(*(array[chosen] for array in self.arrays),
                         np.random.default_rng([self.seed, position]))


class Turns(keras.utils.PyDataset):
    """One batch of each of ``parts`` (``Batches``) in turn, ``per_epoch`` in all an epoch."""

    def __init__(self, parts, per_epoch):
        super().__init__(workers=2, max_queue_size=20)
        self.parts, self.batch_size = parts, max(part.batch_size for part in parts)
        self.per_epoch = per_epoch - per_epoch % len(parts)
        self.epoch = 0

    def __len__(self):
        return self.per_epoch

    def on_epoch_end(self):
        self.epoch += 1

    def __getitem__(self, index):
        turn, number = divmod(self.epoch * self.per_epoch + index, len(self.parts))
        return self.parts[number].batch(turn)


def low_and_high(scale=4):
    """Input and target: block means of the truth, and the truth."""
    return lambda truth, rng: (block_mean(truth, scale), truth)


def shifted(scale=4):
    """As ``low_and_high``, the truth moved first by -1, 0 or 1 pixel along each axis.

    A move of 0 has probability 1/2, the two others 1/4 each.
    Another position of the same stroke on the coarse grid is another low-resolution image:
    nine problems from each digit, none of them drawn over or blurred.
    """

    def make(truth, rng):
        moves = rng.choice((-1, 0, 0, 1), size=(len(truth), 2))
        truth = np.stack([np.roll(image, move, axis=(0, 1))
                          for image, move in zip(truth, moves, strict=True)])
        return block_mean(truth, scale), truth

    return make


def crops(side=64, scale=4, blur=0.0, noise=0.0, darken=0.0):
    """Input and target from large pictures of uint8: crops with something in them.

    Args:
        side: height and width of a crop, pixels of the high resolution.
        blur: the input is taken from a crop blurred by a Gaussian of 0 to ``blur`` pixels;
            the target stays sharp. 0: the input is the block mean of the target.
        noise: grey pixels of the input are off by a Gaussian error of a standard deviation of
            0 to ``noise``; black and white ones are not, as scans are clean there.
        darken: white may become darker by up to this fraction, in input and target.

    Each crop is turned by a multiple of 90 degrees and mirrored at random.
    """

    def make(pictures, rng):
        truth = np.empty((len(pictures), side, side, 1), "float32")
        for picture, target in zip(pictures, truth, strict=True):
            places = np.flatnonzero(picture)
            middle = np.unravel_index(rng.choice(places), picture.shape)[:2]
            top, left = (int(np.clip(m - rng.integers(side), 0, size - side))
                         for m, size in zip(middle, picture.shape, strict=False))
            crop = np.rot90(picture[top:top + side, left:left + side], rng.integers(4))
            target[:] = crop[:, ::-1] if rng.random() < 0.5 else crop
            target *= rng.uniform(1 - darken, 1) / 255
        seen = truth
        if blur:
            seen = np.stack([ndimage.gaussian_filter(image, (sigma, sigma, 0)) for image, sigma
                             in zip(truth, rng.uniform(0, blur, len(truth)), strict=True)])
        low_res = block_mean(seen, scale)
        if noise:
            level = rng.uniform(0, noise, (len(truth), 1, 1, 1)) * 4 * low_res * (1 - low_res)
            low_res = np.clip(low_res + level * rng.standard_normal(low_res.shape), 0, 1)
        return low_res.astype("float32"), truth

    return make


def cosine_rate(steps, peak=2e-3, warm_up=200):
    """The learning rate: up in a line for ``warm_up`` steps, then down a cosine to peak/100."""
    warm_up = min(warm_up, steps // 4)
    return keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=max(steps - warm_up, 1), alpha=0.01, warmup_target=peak,
        warmup_steps=warm_up)


@functools.cache
def fast_bfloat16():
    """Does the machine compute in bfloat16 (AMX, AVX-512 BF16, or a GPU of 2020 or newer)?"""
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
            flags = file.read()
            return "amx_bf16" in flags or "avx512_bf16" in flags
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


def compile(model, steps, loss="mse", peak=2e-3, metrics=(), loss_weights=None,
            optimizer=keras.optimizers.Adam):
    """Compile with ``optimizer`` and the cosine rate over ``steps`` batches.

    ``loss`` and ``loss_weights`` are dicts where the model gives a dict; ``optimizer`` is a
    function of the rate.
    """
    model.compile(optimizer(cosine_rate(steps, peak)), loss=loss,
                  loss_weights=loss_weights, metrics=list(metrics), steps_per_execution=10)
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


class Snapshots(keras.callbacks.Callback):
    """Keeps what the model makes of the same few images after each epoch, in ``pictures``."""

    def __init__(self, images):
        super().__init__()
        self.images, self.pictures = images, []

    def on_epoch_end(self, epoch, logs=None):
        self.pictures.append(predict(self.model, self.images))


class Follow(keras.callbacks.Callback):
    """Tells the batches which epoch it is, also when a run goes on in the middle."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.epoch = epoch


def fit(model, batches, epochs=1, callbacks=(), progress=True, first=0):
    """``model.fit`` over ``Batches`` with the progress line; returns the history, a dict.

    ``first`` epochs were done before: the batches go on behind them.
    """
    callbacks = [*callbacks, Follow(batches)]
    if progress:
        callbacks.append(Progress(first + epochs, len(batches)))
    history = model.fit(batches, epochs=first + epochs, initial_epoch=first, shuffle=False,
                        verbose=0, callbacks=callbacks)
    return history.history


def predict(model, images, batch_size=250):
    """The model's answer to an array of images, float32, in bounded memory."""
    choose_compiler(model)
    return np.concatenate([
        np.asarray(keras.ops.convert_to_numpy(model.predict_on_batch(images[i:i + batch_size])),
                   "float32") for i in range(0, len(images), batch_size)])
